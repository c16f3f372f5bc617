//! Assertions, signed here and checked as the endpoint checks them.

use super::access::{Audience, Claims as AccessClaims, Invalid, Mint};
use super::credentials::Application;
use super::error::TokenError;
use crate::sandbox::microsoft365::config::App;
use crate::sandbox::microsoft365::guid::Guid;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{Timestamp, ToSpan};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::process::Command;

const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
const ENDPOINT: &str = "http://localhost/t/oauth2/v2.0/token";
const SUBJECT: &str = "system:serviceaccount:galsync:galsync-job";

struct Signer {
    pair: RsaKeyPair,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Signer {
    /// ring makes no RSA keys; openssl does.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("cert.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl; Debian: apt-get install openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let der = PrivatePkcs8KeyDer::from_pem_file(&key).unwrap();
        Self {
            pair: RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap(),
            certificate: CertificateDer::from_pem_file(&certificate).unwrap(),
            pem: std::fs::read_to_string(&certificate).unwrap(),
        }
    }

    fn sign(&self, header: &Value, claims: &Value, encoding: &'static dyn RsaEncoding) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(encoding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn print(&self, algorithm: &'static ring::digest::Algorithm) -> String {
        URL_SAFE_NO_PAD.encode(digest(algorithm, &self.certificate))
    }

    fn application(&self) -> Application {
        let public = self.pair.public();
        let components = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(public);
        let (n, e) = (URL_SAFE_NO_PAD.encode(components.n), URL_SAFE_NO_PAD.encode(components.e));
        let app: App = serde_json::from_value(json!({
            "clientId": CLIENT,
            "certificates": [{"pem": {"value": self.pem}}],
            "federatedCredentials": [{
                "issuer": "https://cluster", "subject": SUBJECT,
                "jwks": {"value": json!({"keys": [{"kty": "RSA", "kid": "k", "n": n, "e": e}]}).to_string()},
            }],
        }))
        .unwrap();
        Application::load(&app, "app", std::path::Path::new(".")).unwrap()
    }
}

fn claims(change: &Value) -> Value {
    let now = Timestamp::now().as_second();
    let mut claims = json!({"iss": CLIENT, "sub": CLIENT, "aud": ENDPOINT, "nbf": now, "exp": now + 600});
    claims.as_object_mut().unwrap().append(&mut change.as_object().unwrap().clone());
    claims
}

#[test]
fn assertions_are_verified() {
    let (own, stranger) = (Signer::new(), Signer::new());
    let application = own.application();
    let check = |assertion: &str| application.check_assertion(assertion, &[ENDPOINT.to_owned()], Timestamp::now());
    let ps256 = json!({"alg": "PS256", "x5t#S256": own.print(&SHA256)});
    let rs256 = json!({"alg": "RS256", "x5t": own.print(&SHA1_FOR_LEGACY_USE_ONLY)});
    assert_eq!(check(&own.sign(&ps256, &claims(&json!({})), &RSA_PSS_SHA256)), Ok(()));
    assert_eq!(check(&own.sign(&rs256, &claims(&json!({})), &RSA_PKCS1_SHA256)), Ok(()));
    let now = Timestamp::now().as_second();
    for (header, change, signer, expected) in [
        (&ps256, json!({}), &stranger, TokenError::AssertionSignature),
        (&rs256, json!({}), &own, TokenError::AssertionSignature),
        (
            &json!({"alg": "none", "x5t": own.print(&SHA1_FOR_LEGACY_USE_ONLY)}),
            json!({}),
            &own,
            TokenError::AssertionSignature,
        ),
        (
            &json!({"alg": "PS256", "x5t#S256": stranger.print(&SHA256)}),
            json!({}),
            &own,
            TokenError::UnknownCertificate,
        ),
        (&ps256, json!({"exp": now - 301}), &own, TokenError::AssertionTime),
        (&ps256, json!({"nbf": now + 900}), &own, TokenError::AssertionTime),
        (&ps256, json!({"aud": "http://elsewhere/token"}), &own, TokenError::AssertionAudience),
        (&ps256, json!({"sub": "somebody"}), &own, TokenError::AssertionIssuer),
    ] {
        let assertion = signer.sign(header, &claims(&change), &RSA_PSS_SHA256);
        assert_eq!(check(&assertion), Err(expected), "{header} {change}");
    }
}

#[test]
fn federated_assertions_are_verified() {
    let (issuer, stranger) = (Signer::new(), Signer::new());
    let application = issuer.application();
    let check = |signer: &Signer, change: &Value| {
        let own = json!({"iss": "https://cluster", "sub": SUBJECT, "aud": ["api://AzureADTokenExchange"]});
        let mut own = claims(&own);
        own.as_object_mut().unwrap().append(&mut change.as_object().unwrap().clone());
        let assertion = signer.sign(&json!({"alg": "RS256", "kid": "k"}), &own, &RSA_PKCS1_SHA256);
        application.check_assertion(&assertion, &[ENDPOINT.to_owned()], Timestamp::now())
    };
    assert_eq!(check(&issuer, &json!({})), Ok(()));
    assert_eq!(check(&stranger, &json!({})), Err(TokenError::AssertionSignature));
    assert_eq!(check(&issuer, &json!({"aud": "x"})), Err(TokenError::FederatedAudience));
    assert!(matches!(check(&issuer, &json!({"iss": "https://x"})), Err(TokenError::FederatedIssuer(_))));
    assert!(matches!(check(&issuer, &json!({"sub": "x"})), Err(TokenError::FederatedSubject(_))));
}

#[test]
fn access_tokens_hold_for_their_time_and_service() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let issued = now.as_second();
    let claims = AccessClaims {
        aud: Audience::Graph,
        iss: String::new(),
        iat: issued,
        nbf: issued,
        exp: issued + 3_599,
        appid: Guid::NIL,
        tid: Guid::NIL,
        roles: Default::default(),
        uti: Guid::NIL,
    };
    let (mint, other) = (Mint::new(b"one"), Mint::new(b"two"));
    let token = mint.issue(&claims);
    assert_eq!(mint.check(&token, Audience::Graph, now), Ok(claims));
    assert_eq!(mint.check(&token, Audience::Exchange, now), Err(Invalid::Audience));
    assert_eq!(mint.check(&token, Audience::Graph, now + 1.hour()), Err(Invalid::Expired));
    assert_eq!(other.check(&token, Audience::Graph, now), Err(Invalid::Malformed));
    assert_eq!(mint.check("rubbish", Audience::Graph, now), Err(Invalid::Malformed));
}
