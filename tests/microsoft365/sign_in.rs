//! Signing in: with a secret, a certificate, a projected token.

use super::world::{World, backoff, config};
use crate::directory_support::microsoft365::{CLIENT, READ, SECRET, TENANT, WRITE, secrets};
use crate::directory_support::read::read_all;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use galsync::directory::microsoft365::{Microsoft365Secrets, Microsoft365Source};
use galsync::directory::{Error, Source};
use galsync::model::connector::ReadScope;
use galsync::sandbox::config::Config;
use jiff::{Timestamp, ToSpan};
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use std::process::Command;

fn source(world: &World, secrets: Microsoft365Secrets) -> Microsoft365Source {
    let (settings, connector) = (world.settings(), world.connector());
    Microsoft365Source::with_backoff(&settings, &connector, secrets, ReadScope::default(), backoff()).unwrap()
}

fn openssl(folder: &std::path::Path, days: &str) -> (Vec<u8>, Vec<u8>) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=galsync", "-days", days])
        .args(["-keyout", "tls.key", "-out", "tls.crt"])
        .current_dir(folder)
        .output()
        .expect("openssl; Debian: apt-get install openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    (read("tls.crt"), read("tls.key"))
}

fn with_credential(credential: &str) -> Config {
    let yaml = format!(
        "microsoft365:
  tenants:
  - id: {TENANT}
    organization: contoso.onmicrosoft.com
    people: 1
    apps:
    - {{clientId: {CLIENT}, roles: [{READ}], exchangeRoles: [{WRITE}], {credential}}}
"
    );
    Config::parse(&yaml).unwrap()
}

#[tokio::test]
async fn a_certificate_signs_in_and_says_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = openssl(folder.path(), "30");
    let pem = serde_json::to_string(std::str::from_utf8(&certificate).unwrap()).unwrap();
    let world = World::start(&with_credential(&format!("certificates: [{{pem: {{value: {pem}}}}}]"))).await;
    let found = source(&world, Microsoft365Secrets::Certificate { certificate, key }).verify().await.unwrap();
    let days = found.credential_expires.unwrap().duration_since(Timestamp::now()).as_hours() / 24;
    assert!((29..=30).contains(&days), "{days}");

    let (certificate, key) = openssl(folder.path(), "30");
    let stranger = source(&world, Microsoft365Secrets::Certificate { certificate, key }).identity().await;
    let sentence = stranger.unwrap_err().to_string();
    assert!(sentence.contains("AADSTS700027") && sentence.contains("certificate"), "{sentence}");
}

#[tokio::test]
async fn a_projected_token_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let (_, key) = openssl(folder.path(), "1");
    let pair = RsaKeyPair::from_pkcs8(PrivatePkcs8KeyDer::from_pem_slice(&key).unwrap().secret_pkcs8_der()).unwrap();
    let components = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
    let (n, e) = (URL_SAFE_NO_PAD.encode(components.n), URL_SAFE_NO_PAD.encode(components.e));
    let jwks = json!({"keys": [{"kty": "RSA", "kid": "k", "n": n, "e": e}]}).to_string();
    let jwks = serde_json::to_string(&jwks).unwrap();
    let subject = "system:serviceaccount:galsync:galsync-job";
    let world = World::start(&with_credential(&format!(
        "federatedCredentials: [{{issuer: 'https://cluster', subject: '{subject}', jwks: {{value: {jwks}}}}}]"
    )))
    .await;
    let token_file = folder.path().join("token");
    let write = |subject: &str| {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({"iss": "https://cluster", "sub": subject, "aud": ["api://AzureADTokenExchange"],
            "exp": (Timestamp::now() + 1.hour()).as_second()});
        let signed = format!("{}.{}", part(json!({"alg": "RS256", "kid": "k"})), part(claims));
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &ring::rand::SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        std::fs::write(&token_file, format!("{signed}.{}\n", URL_SAFE_NO_PAD.encode(signature))).unwrap();
    };
    let federated = || source(&world, Microsoft365Secrets::Federated { token_file: token_file.clone() });
    let sentence = federated().identity().await.unwrap_err().to_string();
    assert!(sentence.contains("workloadIdentity"), "without a file: {sentence}");
    write("system:serviceaccount:galsync:somebody");
    let sentence = federated().identity().await.unwrap_err().to_string();
    assert!(sentence.contains("AADSTS700213") && sentence.contains("subject"), "{sentence}");
    write(subject);
    assert_eq!(federated().identity().await.unwrap().as_str(), TENANT);
}

#[tokio::test]
async fn a_wrong_secret_is_told_and_not_repeated() {
    let world = World::new(1, "").await;
    let error = source(&world, Microsoft365Secrets::ClientSecret("geheim".into())).identity().await.unwrap_err();
    let sentence = error.to_string();
    assert!(matches!(error, Error::Unauthenticated { .. }) && sentence.contains("AADSTS7000215"), "{sentence}");
    assert!(!sentence.contains("geheim"), "{sentence}");
    let settings = galsync::model::connector::Microsoft365 {
        tenant_id: "99999999-2222-3333-4444-555555555555".into(),
        ..world.settings()
    };
    let elsewhere = Microsoft365Source::with_backoff(
        &settings,
        &world.connector(),
        Microsoft365Secrets::ClientSecret(SECRET.into()),
        ReadScope::default(),
        backoff(),
    );
    let error = elsewhere.unwrap().identity().await.unwrap_err();
    assert!(matches!(&error, Error::Configuration(sentence) if sentence.contains("tenantId")), "{error}");
}

#[tokio::test]
async fn many_requests_share_a_token() {
    let world = World::start(&config(50, READ, WRITE, "graph: {deltaPageSize: 3}")).await;
    let source = source(&world, secrets());
    read_all(&source, None).await.unwrap();
    let table = world.sandbox.state.counters.table();
    let tokens: u64 = table.iter().filter(|line| line.operation == "POST token").map(|line| line.count).sum();
    assert_eq!(tokens, 2, "one for Graph and one for Exchange");
    assert!(table.iter().map(|line| line.count).sum::<u64>() > 2 * tokens);
}
