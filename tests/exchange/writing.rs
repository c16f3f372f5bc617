//! Writing to a controller that is busy or whose connection breaks.

use super::fake::{BASE, Fake, Fault};
use super::reading::{connector, secrets, settings};
use crate::directory_support::contact::{Origin, change, contact_for};
use galsync::directory::exchange::ExchangeTarget;
use galsync::directory::{ChangeResult, Error, Target};
use galsync::model::mapping::Mapping;
use galsync::model::{Change, ChangeKind};

async fn prepared() -> Fake {
    let fake = Fake::start(1).await;
    let services = "CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=corp,DC=example";
    let organization = format!("CN=Corp,{services}");
    let group = format!("CN=Exchange Administrative Group (FYDIBOHF23SPDLT),{organization}");
    let mut state = fake.lock();
    state.put(services, &[("objectClass", &["msExchConfigurationContainer"])]);
    state.put(&organization, &[("objectClass", &["msExchOrganizationContainer"]), ("objectVersion", &["16763"])]);
    let legacy: &[(&str, &[&str])] = &[("objectClass", &["msExchAdminGroup"]), ("legacyExchangeDN", &["/o=Corp/ou=G"])];
    state.put(&group, legacy);
    state.put(&format!("OU=Contacts,{BASE}"), &[("objectClass", &["organizationalUnit"])]);
    drop(state);
    fake
}

fn target(fake: &Fake) -> ExchangeTarget {
    let settings = settings(&[fake]);
    let (owner, sync) = ("tests".to_owned().try_into().unwrap(), "s".to_owned().try_into().unwrap());
    ExchangeTarget::new(&settings, &connector(&settings), secrets(), owner, sync, Mapping::default()).unwrap()
}

async fn creates(target: &ExchangeTarget, count: usize) -> Vec<Change> {
    let identity = target.identity().await.unwrap();
    let origin = Origin { owner: "tests", sync: "s", target: identity.as_str(), domain: "b.test" };
    let one = |number: usize| contact_for(target, &origin, &format!("user{number}"));
    (0..count).map(|number| change(ChangeKind::Create, None, Some(&one(number)))).collect()
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_nothing_is_made_twice() {
    let fake = prepared().await;
    let target = target(&fake);
    let changes = creates(&target, 60).await;
    // One request is carried out, but nobody hears of it; what was under way beside it is lost as well.
    fake.lock().write_faults = [Fault::BreakUnanswered].into();
    let outcomes = target.apply(&changes).await.unwrap();
    assert_eq!(outcomes.len(), 60);
    let finished = |result: &ChangeResult| matches!(result, ChangeResult::Done | ChangeResult::AlreadyDone);
    assert!(outcomes.iter().all(|outcome| finished(&outcome.result)), "{outcomes:?}");
    assert_eq!(fake.lock().adds, 60);
    let again = target.apply(&changes).await.unwrap();
    assert!(again.iter().all(|outcome| outcome.result == ChangeResult::AlreadyDone), "{again:?}");
    assert!(target.counters().retries >= 1);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_an_unavailable_one_stops_the_batch() {
    let fake = prepared().await;
    let target = target(&fake);
    let changes = creates(&target, 3).await;
    fake.lock().write_faults = [Fault::Code(51)].into();
    let outcomes = target.apply(&changes).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.result == ChangeResult::Done), "{outcomes:?}");
    assert_eq!(target.counters().throttled, 1);

    fake.lock().write_faults = [Fault::Code(52)].into();
    let error = target.apply(&creates(&target, 5).await[3..]).await.unwrap_err();
    assert!(matches!(&error, Error::Unavailable { .. }), "{error}");
}
