//! A certificate with its key, and what the token endpoint wants of them: an assertion (RFC 7523) that names the
//! certificate by its SHA-256 and is signed with PS256.

use crate::directory::Error;
use crate::directory::certificate::not_after;
use crate::http::jwt::{Algorithm, KeyError, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, json};

/// How long an assertion is good for.
const LIFE_SECONDS: i64 = 600;

pub(super) struct Certificate {
    key: SigningKey,
    thumbprint: String,
    pub(super) expires: Option<Timestamp>,
}

impl Certificate {
    /// From `tls.crt` and `tls.key` of a Secret of the type kubernetes.io/tls.
    pub(super) fn new(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        let wrong = |what: &str| Error::Unauthenticated { system: super::SYSTEM, hint: what.to_owned() };
        let der = CertificateDer::from_pem_slice(certificate)
            .map_err(|_| wrong("tls.crt of the certificate's Secret holds no certificate in PEM"))?;
        let key = SigningKey::from_pem(key).map_err(|error| match error {
            KeyError::NotPem => wrong("tls.key of the certificate's Secret holds no private key in PEM"),
            KeyError::NotRsa => {
                wrong("tls.key is no RSA key; Microsoft Entra takes RSA keys of 2048 bits or more only")
            }
            KeyError::Unusable => wrong(
                "tls.key is no RSA key that can be used; Microsoft Entra takes RSA keys of 2048 bits or more only",
            ),
        })?;
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
        Ok(Self { key, thumbprint, expires: not_after(&der) })
    }

    pub(super) fn assertion(&self, client: &str, audience: &str, id: &str, now: Timestamp) -> String {
        let header = Map::from_iter([("x5t#S256".to_owned(), self.thumbprint.as_str().into())]);
        let claims = json!({
            "aud": audience, "iss": client, "sub": client, "jti": id,
            "nbf": now.as_second(), "exp": now.as_second() + LIFE_SECONDS,
        });
        self.key.sign(Algorithm::Ps256, header, &claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use rcgen::{CertificateParams, KeyPair};

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    #[test]
    fn what_cannot_sign_is_refused_with_a_sentence() {
        let key = KeyPair::generate().unwrap();
        let made = CertificateParams::new(vec!["galsync".to_owned()]).unwrap().self_signed(&key).unwrap();
        let (certificate, key) = (pem("CERTIFICATE", made.der()), pem("PRIVATE KEY", &key.serialize_der()));
        let sentence = |certificate: &str, key: &str| match Certificate::new(certificate.as_bytes(), key.as_bytes()) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("it is taken"),
        };
        assert!(sentence("x", &key).contains("tls.crt"));
        assert!(sentence(&certificate, "x").contains("tls.key"));
        assert!(sentence(&certificate, &key).contains("RSA"));
    }
}
