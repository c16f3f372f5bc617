//! Events on transitions: counts and reasons, never content.

use super::context::Context;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event as Published, EventType, Recorder, Reporter};

/// What happened, as a decision says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub warning: bool,
    pub reason: String,
    pub note: String,
}

impl Event {
    pub fn normal(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self { warning: false, reason: reason.into(), note: note.into() }
    }

    pub fn warning(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self { warning: true, reason: reason.into(), note: note.into() }
    }
}

fn reporter() -> Reporter {
    Reporter { controller: "galsync.dev/operator".to_owned(), instance: None }
}

/// An event that cannot be published costs nothing but itself.
pub async fn publish(context: &Context, about: &ObjectReference, events: Vec<Event>) {
    for Event { warning, reason, note } in events {
        let event = Published {
            type_: if warning { EventType::Warning } else { EventType::Normal },
            action: reason.clone(),
            reason,
            note: Some(note.chars().take(1_000).collect()),
            secondary: None,
        };
        // A recorder counts a second event of one reason under the note of the first, and the second target's note would
        // be heard by nobody. Events are told once, when something changes, so there is nothing to count.
        let recorder = Recorder::new(context.client.clone(), reporter());
        if let Err(error) = recorder.publish(&event, about).await {
            tracing::debug!(%error, "an event was not published");
        }
    }
}
