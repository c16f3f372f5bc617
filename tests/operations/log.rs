//! What an operation logs: its phases, each with what it took, within the run and the operation; and nobody's name.

use super::world::World;
use serde_json::Value;
use std::io::Write;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn phases_are_logged_with_run_and_operation_and_without_names() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    // While there is only one, tracing asks the thread that comes by a line first, and the other tests' have none.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let guard = tracing::subscriber::set_default(subscriber);
    let world = World::new(20);
    world.pass().await;
    drop(guard);

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut phases: Vec<String> = Vec::new();
    for event in events.iter().filter(|event| event["message"] == "phase ended") {
        let spans = event["spans"].as_array().unwrap();
        let [operation, phase] = spans.as_slice() else { panic!("not within one operation: {event}") };
        assert_eq!(
            (operation["name"].as_str(), operation["run"].as_str()),
            (Some("operation"), Some("run")),
            "{event}"
        );
        assert!(operation["connector"].is_string() && event["seconds"].is_number(), "{event}");
        phases.push(format!("{}: {}", operation["operation"].as_str().unwrap(), phase["phase"].as_str().unwrap()));
    }
    let wanted = [
        "Pull: sign in",
        "Pull: read in full",
        "Pull: filter and keep",
        "Simulate: sign in",
        "Simulate: read target",
        "Simulate: plan",
        "Simulate: keep",
        "Push: sign in",
        "Push: read target",
        "Push: plan",
        "Push: write",
    ];
    assert_eq!(phases, wanted, "{text}");
    // Everybody's address and name in the world.
    for personal in ["@corp.test", "p001", "P001"] {
        assert!(!text.contains(personal), "{personal} is in the log");
    }
}
