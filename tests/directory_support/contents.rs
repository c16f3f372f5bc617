//! The contents of a target, drained.

use futures::TryStreamExt;
use galsync::directory::{Error, Target, TargetEvent};
use galsync::model::Contact;
use galsync::model::taken::Taken;

/// Everything that one read of a target said.
#[derive(Debug, Default)]
pub struct Contents {
    /// In the order in which they were told, a doubled one twice.
    pub owned: Vec<Contact>,
    pub taken: Vec<Taken>,
}

/// The complete contents, or why there are none.
pub async fn contents(target: &dyn Target) -> Result<Contents, Error> {
    let (mut contents, mut complete) = (Contents::default(), false);
    let mut events = target.contents();
    while let Some(event) = events.try_next().await? {
        match event {
            TargetEvent::Owned(contact) => contents.owned.push(*contact),
            TargetEvent::Taken(one) => contents.taken.push(*one),
            TargetEvent::Complete(_) => complete = true,
        }
    }
    assert!(complete, "the contents ended without an error and without completing");
    Ok(contents)
}
