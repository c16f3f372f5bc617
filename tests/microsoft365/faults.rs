//! What goes wrong on the wire: nothing is lost, nothing is doubled, and nothing that was read in part counts.

use super::world::{World, config, contact_for};
use crate::directory_support::contact::change;
use crate::directory_support::contents::contents;
use crate::directory_support::microsoft365::READ;
use crate::directory_support::read::read_all;
use galsync::directory::{ChangeOutcome, ChangeResult, Error, Target};
use galsync::model::connector::ReadScope;
use galsync::model::{Change, ChangeKind, Contact};

pub fn creates(target: &dyn Target, count: usize) -> Vec<Change> {
    (0..count).map(|n| change(ChangeKind::Create, None, Some(&contact_for(target, &format!("new{n:02}"))))).collect()
}

pub fn results(outcomes: &[ChangeOutcome]) -> Vec<&ChangeResult> {
    outcomes.iter().map(|outcome| &outcome.result).collect()
}

pub async fn owned(target: &dyn Target) -> Vec<Contact> {
    contents(target).await.unwrap().owned
}

/// Every fault that one call can meet, at several of the calls of a push.
#[tokio::test]
async fn a_push_through_faults_is_the_push_without_them() {
    for effect in EFFECTS {
        push_through(effect, &at_cmdlets(effect), 1).await;
    }
}

/// The same where cmdlets go together: one of ten goes wrong, or what it does to the connection takes the others along.
#[tokio::test]
async fn a_push_of_batches_through_faults_is_the_push_without_them() {
    for effect in EFFECTS {
        push_through(effect, &at_cmdlets(effect), 10).await;
    }
}

/// The whole batch goes wrong.
#[tokio::test]
async fn a_push_whose_batches_break_is_the_push_without_faults() {
    for effect in EFFECTS {
        let rule = format!("{{on: {{operation: $batch}}, when: {{calls: [1, 3]}}, then: {effect}}}");
        push_through(effect, &rule, 10).await;
    }
}

const EFFECTS: [&str; 11] = [
    "{status: {status: 429, retryAfter: 0s}}",
    "{status: {status: 503}}",
    "{status: {status: 504}}",
    "cutRequest",
    "cutAnswer",
    "noAnswer",
    "shortBody",
    "wrongBody",
    "expiredToken",
    "transient",
    "repeat",
];

fn at_cmdlets(effect: &str) -> String {
    // Throttling costs time each time.
    let times = if effect.contains("429") { 0 } else { 9 };
    format!(
        "{{on: {{service: exchange, operation: New-MailContact}}, when: {{calls: [1, 4]}}, times: {}, then: {effect}}},
          {{on: {{service: exchange, operation: Set-Contact}}, when: {{calls: [2]}}, times: {times}, then: {effect}}},
          {{on: {{service: exchange, operation: Set-MailContact}}, when: {{calls: [3]}}, times: {times}, then: {effect}}},
          {{on: {{service: exchange, operation: Remove-MailContact}}, when: {{calls: [1]}}, times: {times}, then: {effect}}},
          {{on: {{service: exchange, operation: Get-Recipient}}, when: {{calls: [2]}}, times: {times}, then: {effect}}},
          {{on: {{service: token}}, when: {{calls: [1]}}, then: {{status: {{status: 503}}}}}}",
        times.max(1)
    )
}

async fn push_through(effect: &str, rules: &str, together: u32) {
    let limits = "exchange: {readAfterWriteLag: 10ms, lagEvery: 3}";
    let world = World::new(3, limits).await.together(together);
    world.faults(&format!("[{rules}]"));
    let target = world.target_of("owner");
    let made = target.apply(&creates(&target, 6)).await.unwrap_or_else(|error| panic!("{effect}: {error}"));
    let done = |result: &ChangeResult| matches!(result, ChangeResult::Done | ChangeResult::AlreadyDone);
    assert!(made.iter().all(|outcome| done(&outcome.result)), "{effect}: {:?}", results(&made));
    let contacts = owned(&target).await;
    assert_eq!(contacts.len(), 6, "{effect}: lost or doubled");
    for contact in &contacts {
        let wanted = contact_for(&target, contact.primary.local_part());
        assert_eq!(contact.digest(), wanted.digest(), "{effect}: not whole");
    }
    let removals: Vec<Change> =
        contacts.iter().map(|contact| change(ChangeKind::Delete, Some(contact), None)).collect();
    let gone = target.apply(&removals).await.unwrap();
    assert!(gone.iter().all(|outcome| done(&outcome.result)), "{effect}: {:?}", results(&gone));
    assert!(owned(&target).await.is_empty(), "{effect}");
    let struck = world.sandbox.state.faults.tell();
    assert!(struck.iter().any(|(_, _, struck)| *struck > 0), "{effect}: no rule struck");
    assert_eq!(world.requests("$batch") > 0, together > 1, "{effect}");
}

#[tokio::test]
async fn a_read_through_faults_is_the_read_without_them() {
    let world = World::new(40, "graph: {deltaPageSize: 7}").await;
    let scope = ReadScope { attributes: [galsync::model::Attribute::MobilePhone].into(), groups: Default::default() };
    let wanted = read_all(&world.source_of(scope.clone()), None).await.unwrap();
    assert!(wanted.entries.len() > 40);
    for effect in [
        "{status: {status: 429, retryAfter: 0s}}",
        "{status: {status: 503}}",
        "cutAnswer",
        "shortBody",
        "wrongBody",
        "expiredToken",
    ] {
        // Each service counts for itself: with requests of the other in between, the same request could be refused twice,
        // which is told as wrong credentials.
        let rule =
            |service: &str| format!("{{on: {{service: {service}}}, when: {{every: 3}}, times: 8, then: {effect}}}");
        let every = format!("{{when: {{every: 3}}, times: 8, then: {effect}}}");
        let rules = if effect == "expiredToken" { [rule("graph"), rule("exchange")].join(", ") } else { every };
        world.faults(&format!("[{rules}]"));
        let found = read_all(&world.source_of(scope.clone()), None).await.unwrap_or_else(|e| panic!("{effect}: {e}"));
        assert_eq!(found.entries, wanted.entries, "{effect}");
        assert_eq!(found.members, wanted.members, "{effect}");
    }
}

#[tokio::test]
async fn what_was_read_in_part_never_completes() {
    let world = World::new(40, "").await;
    for (fault, service) in [
        ("{status: {status: 500}}", "exchange"),
        ("accessDenied", "exchange"),
        ("accessDenied", "graph"),
        ("cutAnswer", "graph"),
    ] {
        world.faults(&format!("[{{on: {{service: {service}}}, when: {{from: 3}}, then: {fault}}}]"));
        let source = world.source_of(ReadScope::default());
        match read_all(&source, None).await {
            Err(Error::Unavailable { .. } | Error::Forbidden { .. }) => {}
            Err(other) => panic!("{service} {fault}: {other}"),
            Ok(_) => panic!("{service} {fault}: a broken read looks complete"),
        }
        let held = contents(&world.target_of("owner")).await;
        assert!(service == "graph" || held.is_err(), "{service} {fault}: a broken read of the target looks complete");
    }
}

/// An answer that is well-formed, and has no list where one belongs.
#[tokio::test]
async fn a_page_without_its_list_is_not_an_empty_one() {
    let world = World::new(40, "graph: {deltaPageSize: 7}").await;
    let on = ["{service: exchange, operation: Get-Recipient}", "{service: graph, operation: GET users/delta}"];
    for (number, on) in on.iter().enumerate() {
        world.faults(&format!("[{{on: {on}, when: {{every: 1}}, then: withoutList}}]"));
        match read_all(&world.source_of(ReadScope::default()), None).await {
            Err(Error::Protocol { .. }) => {}
            Err(other) => panic!("{on}: {other}"),
            Ok(_) => panic!("{on}: a page without a list looks like an empty one"),
        }
        let held = contents(&world.target_of("owner")).await;
        assert_eq!(number == 0, held.is_err(), "{on}: only Exchange is asked for the target");
    }
}

/// Taken for none, mail to people of the target would be sent round in circles (mail-rules §1, §2).
#[tokio::test]
async fn contents_without_the_whole_list_of_domains_are_none() {
    let world = World::new(3, "").await;
    for effect in ["withoutList", "accessDenied", "{status: {status: 404}}"] {
        world.faults(&format!("[{{on: {{operation: Get-AcceptedDomain}}, when: {{every: 1}}, then: {effect}}}]"));
        let held = contents(&world.target_of("owner")).await;
        assert!(held.is_err(), "{effect}: the target is taken to have no domains");
    }
}

#[tokio::test]
async fn a_missing_role_is_named() {
    let world = World::start(&config(3, READ, "View-Only Recipients", "")).await;
    let target = world.target_of("owner");
    match target.apply(&creates(&target, 1)).await {
        Err(error @ Error::Forbidden { .. }) => {
            let sentence = error.to_string();
            assert!(sentence.contains("New-MailContact") && sentence.contains("Mail Recipient Creation"), "{sentence}");
        }
        other => panic!("{other:?}"),
    }
    let world = World::start(&config(3, "User.Read.All", "", "")).await;
    let sentence = world.target_of("owner").apply(&creates(&target, 1)).await.unwrap_err().to_string();
    assert!(sentence.contains("Exchange.ManageAsApp"), "{sentence}");
}
