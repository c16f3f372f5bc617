//! Events on transitions: counts and reasons, never content.

use super::context::Context;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event as Published, EventType};

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
        if let Err(error) = context.recorder.publish(&event, about).await {
            tracing::debug!(%error, "an event was not published");
        }
    }
}
