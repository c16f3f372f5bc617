//! How connections are protected, and what is said when they cannot be had.

use super::forest::{Forest, lab};
use galsync::directory::exchange::{ExchangeSecrets, ExchangeSource};
use galsync::directory::{Error, Source};
use galsync::model::connector::{ExchangeOnPremises, LdapSecurity, ReadScope};

async fn identity(
    forest: &Forest,
    change: impl FnOnce(&mut ExchangeOnPremises, &mut ExchangeSecrets),
) -> Result<String, Error> {
    let (mut settings, mut secrets) = (forest.settings(), forest.secrets(&forest.reader));
    change(&mut settings, &mut secrets);
    let connector = forest.connector(&settings);
    let source = ExchangeSource::new(&settings, &connector, secrets, ReadScope::default())?;
    source.identity().await.map(|identity| identity.to_string())
}

#[tokio::test]
async fn both_ways_of_protection_lead_to_the_same_forest() {
    let Some(forest) = lab("corp") else { return };
    let ldaps = identity(&forest, |_, _| ()).await.unwrap();
    let start_tls = identity(&forest, |settings, _| settings.ldap.urls = vec![forest.ldap.clone()]).await.unwrap();
    assert_eq!(ldaps, start_tls);
    let by_name = identity(&forest, |_, secrets| secrets.username = forest.reader.dn.clone()).await.unwrap();
    assert_eq!(ldaps, by_name);
}

#[tokio::test]
async fn a_dead_controller_is_passed_over() {
    let Some(forest) = lab("corp") else { return };
    let dead = format!("ldaps://{}:1", forest.address);
    let found = identity(&forest, |settings, _| settings.ldap.urls.insert(0, dead.clone())).await;
    assert!(found.is_ok(), "{found:?}");
    let found = identity(&forest, |settings, _| settings.ldap.urls = vec![dead]).await;
    assert!(matches!(&found, Err(Error::Unavailable { hint, .. }) if hint.contains("nothing listens")), "{found:?}");
}

#[tokio::test]
async fn every_fault_says_what_to_do() {
    let Some(forest) = lab("corp") else { return };
    let found = identity(&forest, |_, secrets| secrets.password.push('x')).await;
    assert!(matches!(&found, Err(Error::Unauthenticated { .. })), "{found:?}");

    let found = identity(&forest, |settings, _| {
        settings.ldap.urls = vec![forest.ldap.clone()];
        settings.ldap.security = LdapSecurity::Plain;
    })
    .await;
    assert!(matches!(&found, Err(Error::Configuration(hint)) if hint.contains("StartTls")), "{found:?}");

    let found = identity(&forest, |_, secrets| secrets.ca_bundle = None).await;
    assert!(matches!(&found, Err(Error::Certificate { hint, .. }) if hint.contains("CA bundle")), "{found:?}");

    let by_address = format!("ldaps://{}:636", forest.address);
    let found = identity(&forest, |settings, _| settings.ldap.urls = vec![by_address]).await;
    assert!(matches!(&found, Err(Error::Certificate { hint, .. }) if hint.contains("another name")), "{found:?}");

    let unknown = "ldaps://there-is-no-such.invalid".to_owned();
    let found = identity(&forest, |settings, _| settings.ldap.urls = vec![unknown]).await;
    assert!(matches!(&found, Err(Error::Unavailable { hint, .. }) if hint.contains("resolved")), "{found:?}");
}
