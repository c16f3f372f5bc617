//! A certificate with its key, and what the token endpoint wants of them: an assertion (RFC 7523) that names the
//! certificate by its SHA-256 and is signed with PS256.

use crate::directory::Error;
use crate::directory::certificate::not_after;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;

/// How long an assertion is good for.
const LIFE_SECONDS: i64 = 600;

pub(super) struct Certificate {
    key: RsaKeyPair,
    thumbprint: String,
    pub(super) expires: Option<Timestamp>,
}

impl Certificate {
    /// From `tls.crt` and `tls.key` of a Secret of the type kubernetes.io/tls.
    pub(super) fn new(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        let wrong = |what: &str| Error::Unauthenticated { system: super::SYSTEM, hint: what.to_owned() };
        let der = CertificateDer::from_pem_slice(certificate)
            .map_err(|_| wrong("tls.crt of the certificate's Secret holds no certificate in PEM"))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| wrong("tls.key of the certificate's Secret holds no private key in PEM"))?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(wrong("tls.key is no RSA key; Microsoft Entra takes RSA keys of 2048 bits or more only")),
        };
        let key = key.map_err(|_| {
            wrong("tls.key is no RSA key that can be used; Microsoft Entra takes RSA keys of 2048 bits or more only")
        })?;
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
        Ok(Self { key, thumbprint, expires: not_after(&der) })
    }

    pub(super) fn assertion(&self, client: &str, audience: &str, id: &str, now: Timestamp) -> String {
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint });
        let claims = json!({
            "aud": audience, "iss": client, "sub": client, "jti": id,
            "nbf": now.as_second(), "exp": now.as_second() + LIFE_SECONDS,
        });
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("a key of 2048 bits or more has room for the signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
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
