//! What an application signs in with, loaded from the configuration: secrets, certificates, foreign issuers.

use super::error::TokenError;
use super::jwt::{self, Jwt};
use crate::sandbox::microsoft365::config::{App, AppRole, ExchangeRole};
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::server::settings::ConfigError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

/// An application of a tenant, ready to be asked.
#[derive(Debug)]
pub struct Application {
    pub client_id: Guid,
    pub roles: BTreeSet<AppRole>,
    pub exchange_roles: BTreeSet<ExchangeRole>,
    pub disabled: bool,
    secrets: Vec<(String, Option<Timestamp>)>,
    certificates: Vec<Certificate>,
    issuers: Vec<Issuer>,
}

#[derive(Debug)]
struct Certificate {
    der: CertificateDer<'static>,
    /// base64url of SHA-1 and of SHA-256 of the DER form.
    x5t: String,
    x5t_s256: String,
    expires: Option<Timestamp>,
}

#[derive(Debug)]
struct Issuer {
    issuer: String,
    subject: String,
    audience: String,
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    n: Vec<u8>,
    e: Vec<u8>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<WebKey>,
}

#[derive(Deserialize)]
struct WebKey {
    kty: String,
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Application {
    /// `at` is where it stands in the configuration, `folder` where its files are.
    pub fn load(app: &App, at: &str, folder: &Path) -> Result<Self, ConfigError> {
        let mut secrets = Vec::new();
        for secret in &app.secrets {
            secrets.push((secret.text.load(folder)?, secret.expires));
        }
        let mut certificates = Vec::new();
        for (index, certificate) in app.certificates.iter().enumerate() {
            let wrong = |what: &str| {
                let sentence = format!("{what}; write the certificate of app {}, without its key", app.client_id);
                ConfigError::at(format!("{at}.certificates[{index}].pem"), sentence)
            };
            let pem = certificate.pem.load(folder)?;
            let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| wrong("this is not PEM"))?;
            webpki::EndEntityCert::try_from(&der).map_err(|_| wrong("this is not X.509 version 3"))?;
            let print = |algorithm| URL_SAFE_NO_PAD.encode(digest(algorithm, &der));
            let (x5t, x5t_s256) = (print(&SHA1_FOR_LEGACY_USE_ONLY), print(&SHA256));
            certificates.push(Certificate { x5t, x5t_s256, der, expires: certificate.expires });
        }
        let mut issuers = Vec::new();
        for (index, federated) in app.federated_credentials.iter().enumerate() {
            let wrong = |what: &str| {
                let sentence = format!("{what}; write what `kubectl get --raw /openid/v1/jwks` tells");
                ConfigError::at(format!("{at}.federatedCredentials[{index}].jwks"), sentence)
            };
            let set: KeySet = serde_json::from_str(&federated.jwks.load(folder)?)
                .map_err(|_| wrong("this is not a JSON Web Key Set (RFC 7517)"))?;
            let keys: Vec<Key> = set.keys.into_iter().filter_map(WebKey::rsa).collect();
            if keys.is_empty() {
                return Err(wrong("this key set has no RSA key"));
            }
            let (issuer, subject) = (federated.issuer.clone(), federated.subject.clone());
            issuers.push(Issuer { issuer, subject, audience: federated.audience.clone(), keys });
        }
        let (roles, exchange_roles) =
            (app.roles.iter().copied().collect(), app.exchange_roles.iter().copied().collect());
        let (client_id, disabled) = (app.client_id, app.disabled);
        Ok(Self { client_id, roles, exchange_roles, disabled, secrets, certificates, issuers })
    }

    pub fn check_secret(&self, secret: &str, now: Timestamp) -> Result<(), TokenError> {
        let client = self.client_id.to_string();
        let Some((_, expires)) = self.secrets.iter().find(|(known, _)| known == secret) else {
            return Err(TokenError::WrongSecret(client));
        };
        if expires.is_some_and(|expires| expires <= now) { Err(TokenError::SecretExpired(client)) } else { Ok(()) }
    }

    /// RFC 7523: an assertion that the application signed with its certificate, or one of an issuer that it
    /// trusts. `audiences` are the names under which this endpoint is addressed.
    pub fn check_assertion(&self, text: &str, audiences: &[String], now: Timestamp) -> Result<(), TokenError> {
        let jwt = Jwt::parse(text).ok_or(TokenError::AssertionMalformed)?;
        if jwt.header.x5t.is_some() || jwt.header.x5t_s256.is_some() {
            self.check_own(&jwt, audiences, now)
        } else {
            self.check_federated(&jwt)
        }
    }

    fn check_own(&self, jwt: &Jwt<'_>, audiences: &[String], now: Timestamp) -> Result<(), TokenError> {
        let header = &jwt.header;
        let certificate = self
            .certificates
            .iter()
            .find(|known| match &header.x5t_s256 {
                // MSAL for Python leaves the padding on.
                Some(print) => print.trim_end_matches('=') == known.x5t_s256,
                None => header.x5t.as_ref().is_some_and(|print| print.trim_end_matches('=') == known.x5t),
            })
            .ok_or(TokenError::UnknownCertificate)?;
        if certificate.expires.is_some_and(|expires| expires <= now) {
            return Err(TokenError::CertificateExpired);
        }
        let algorithm = match header.alg.as_str() {
            "RS256" => webpki::ring::RSA_PKCS1_2048_8192_SHA256,
            "PS256" => webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            _ => return Err(TokenError::AssertionSignature),
        };
        let parsed = webpki::EndEntityCert::try_from(&certificate.der).expect("it was parsed when it was loaded");
        parsed
            .verify_signature(algorithm, jwt.signed.as_bytes(), &jwt.signature)
            .map_err(|_| TokenError::AssertionSignature)?;
        jwt.check_time()?;
        let client = self.client_id.to_string();
        if !jwt.claims.iss.eq_ignore_ascii_case(&client) || !jwt.claims.sub.eq_ignore_ascii_case(&client) {
            return Err(TokenError::AssertionIssuer);
        }
        if !jwt.claims.has_audience(|aud| audiences.iter().any(|own| own.eq_ignore_ascii_case(aud))) {
            return Err(TokenError::AssertionAudience);
        }
        Ok(())
    }

    fn check_federated(&self, jwt: &Jwt<'_>) -> Result<(), TokenError> {
        let claims = &jwt.claims;
        let of_issuer: Vec<&Issuer> = self.issuers.iter().filter(|known| known.issuer == claims.iss).collect();
        if of_issuer.is_empty() {
            return Err(TokenError::FederatedIssuer(claims.iss.clone()));
        }
        let found = of_issuer.iter().find(|known| known.subject == claims.sub);
        let found = found.ok_or_else(|| TokenError::FederatedSubject(claims.sub.clone()))?;
        if !claims.has_audience(|aud| aud == found.audience) {
            return Err(TokenError::FederatedAudience);
        }
        let named = |key: &&Key| jwt.header.kid.is_none() || key.id == jwt.header.kid;
        let verified = jwt.header.alg == "RS256"
            && found.keys.iter().filter(named).any(|key| {
                RsaPublicKeyComponents { n: &key.n, e: &key.e }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, jwt.signed.as_bytes(), &jwt.signature)
                    .is_ok()
            });
        if !verified {
            return Err(TokenError::AssertionSignature);
        }
        jwt.check_time()
    }
}

impl WebKey {
    fn rsa(self) -> Option<Key> {
        let decode = |text: Option<String>| jwt::decode(&text?);
        (self.kty == "RSA").then_some(())?;
        Some(Key { id: self.kid, n: decode(self.n)?, e: decode(self.e)? })
    }
}
