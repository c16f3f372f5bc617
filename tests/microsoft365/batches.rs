//! Several cmdlets in one request: how many requests there are, and what becomes of one of them.

use super::faults::{creates, owned, results};
use super::world::{World, config};
use crate::directory_support::microsoft365::{READ, TENANT};
use crate::directory_support::requests::requests_are_those_of;
use galsync::directory::{ChangeResult, Target};

fn all_done(outcomes: &[galsync::directory::ChangeOutcome]) {
    assert!(results(outcomes).iter().all(|result| **result == ChangeResult::Done), "{:?}", results(outcomes));
}

/// Requests for one push of so many contacts, three cmdlets each.
async fn requests_for(contacts: usize, together: u32) -> u64 {
    let world = World::new(2, "exchange: {latency: 20ms, batchSideBySide: 10}").await.together(together);
    let target = world.target_of("owner");
    all_done(&target.apply(&creates(&target, contacts)).await.unwrap());
    assert_eq!(
        world.sandbox.microsoft365.objects(TENANT).iter().filter(|o| o.name.starts_with("gs-")).count(),
        contacts
    );
    let cmdlets: u64 = world.sandbox.microsoft365.tenant(TENANT).unwrap().lock().cmdlets_answered.values().sum();
    assert_eq!(cmdlets, 3 * contacts as u64, "each cmdlet once");
    world.all_requests()
}

#[tokio::test]
async fn ten_cmdlets_in_a_request_are_a_tenth_of_the_requests() {
    assert_eq!(requests_for(100, 1).await, 300);
    let together = requests_for(100, 10).await;
    eprintln!("{together} requests for 100 contacts, three cmdlets each, ten in one request");
    // Full but for the first and the last ones.
    assert!((30..=40).contains(&together), "{together} requests for 300 cmdlets");
}

#[tokio::test]
async fn a_cmdlet_without_company_goes_by_itself() {
    let world = World::new(2, "").await.together(10);
    let target = world.target_of("owner");
    all_done(&target.apply(&creates(&target, 1)).await.unwrap());
    assert_eq!((world.requests("$batch"), world.requests("New-MailContact")), (0, 1));
}

/// Each cmdlet counts, so a batch meets a limit in its middle: those that are turned away come again, and no other.
#[tokio::test]
async fn one_that_is_throttled_comes_again_and_the_others_do_not() {
    let world = World::new(2, "exchange: {cmdletsPerSecond: 40, burst: 15}").await.together(10);
    let target = world.target_of("owner");
    let outcomes = target.apply(&creates(&target, 20)).await.unwrap();
    all_done(&outcomes);
    assert_eq!(owned(&target).await.len(), 20);
    let table = world.sandbox.state.counters.table();
    let count = |call: &str, status: u16| {
        table.iter().filter(|line| line.operation == call && line.status == status).map(|line| line.count).sum::<u64>()
    };
    assert!(count("$batch New-MailContact", 429) > 0, "{table:?}");
    assert_eq!(count("$batch New-MailContact", 200) + count("New-MailContact", 200), 20, "each was carried out once");
    let refused: u64 = table.iter().filter(|line| line.status == 429).map(|line| line.count).sum();
    assert_eq!(target.counters().throttled, refused, "each is counted");
}

#[tokio::test]
async fn a_service_that_knows_no_batches_is_asked_for_few() {
    for status in [400, 404, 405, 501] {
        let world = World::new(2, "").await.together(10);
        world.faults(&format!("[{{on: {{operation: $batch}}, then: {{status: {{status: {status}}}}}}}]"));
        let target = world.target_of("owner");
        all_done(&target.apply(&creates(&target, 60)).await.unwrap());
        let asked = world.requests("$batch");
        assert!((1..=5).contains(&asked), "{status}: no more than were under way, not {asked}");
        all_done(&target.apply(&creates(&target, 70)[60..]).await.unwrap());
        assert_eq!(world.requests("$batch"), asked, "{status}: it is remembered");
        assert_eq!(owned(&target).await.len(), 70, "{status}");
    }
}

#[tokio::test]
async fn a_missing_role_is_named_for_a_batch_as_well() {
    let world = World::start(&config(3, READ, "View-Only Recipients", "")).await.together(10);
    let target = world.target_of("owner");
    let sentence = target.apply(&creates(&target, 5)).await.unwrap_err().to_string();
    assert!(sentence.contains("Mail Recipient Creation"), "{sentence}");
    let world = World::start(&config(3, "User.Read.All", "", "")).await.together(10);
    let sentence = world.target_of("owner").apply(&creates(&target, 5)).await.unwrap_err().to_string();
    assert!(sentence.contains("Exchange.ManageAsApp"), "{sentence}");
    assert!(world.requests("$batch") > 0);
}

#[tokio::test]
async fn a_token_that_is_never_accepted_ends_the_push() {
    let world = World::new(2, "").await.together(10);
    world.faults("[{on: {service: exchange}, then: expiredToken}]");
    let target = world.target_of("owner");
    let error = target.apply(&creates(&target, 20)).await.unwrap_err();
    assert!(matches!(error, galsync::directory::Error::Unauthenticated { .. }), "{error}");
    // Each place may be taken once with either token.
    assert!(world.all_requests() <= 10, "{}", world.all_requests());
}

#[tokio::test]
async fn the_quota_parks_those_of_a_batch_that_it_meets() {
    let world = World::new(2, "exchange: {createQuota: {count: 14, window: 24h}}").await.together(10);
    let target = world.target_of("owner");
    let outcomes = target.apply(&creates(&target, 30)).await.unwrap();
    let done = outcomes.iter().filter(|outcome| outcome.result == ChangeResult::Done).count();
    let waiting =
        outcomes.iter().filter(|outcome| matches!(outcome.result, ChangeResult::QuotaExceeded { .. })).count();
    assert_eq!((done, waiting), (14, 16));
    assert_eq!(owned(&target).await.len(), 14);
}

/// The request lines and bodies of batches. `GALSYNC_BLESS=1` writes the file.
#[tokio::test]
async fn the_batches_are_those_of_the_list() {
    let world = World::new(2, "").await.together(10);
    let target = world.target_of("owner");
    all_done(&target.apply(&creates(&target, 8)).await.unwrap());
    let lines = world.sandbox.state.record.lines();
    let batches: Vec<String> = lines.into_iter().filter(|line| line.contains("$batch")).collect();
    requests_are_those_of("tests/microsoft365/batches.txt", &batches);
}
