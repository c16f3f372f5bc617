//! A certificate with its key, and what the token endpoint wants of them: an assertion (RFC 7523) that names the
//! certificate by its SHA-256 and is signed with PS256.

use crate::directory::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
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

/// The end of the certificate's validity (RFC 5280 §4.1): in `TBSCertificate` the second time of the fifth member,
/// the optional version aside.
fn not_after(der: &[u8]) -> Option<Timestamp> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (_, certificate, _) = element(der).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut rest, _) = element(certificate)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (_, _, second) = element(validity)?;
    let (tag, text, _) = element(second)?;
    let text = std::str::from_utf8(text).ok()?;
    let (year, rest) = match tag {
        0x17 => {
            let short: i16 = text.get(..2)?.parse().ok()?;
            (if short < 50 { 2000 + short } else { 1900 + short }, text.get(2..)?)
        }
        0x18 => (text.get(..4)?.parse().ok()?, text.get(4..)?),
        _ => return None,
    };
    let number = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
    let time = DateTime::new(year, number(0)?, number(2)?, number(4)?, number(6)?, number(8)?, 0).ok()?;
    TimeZone::UTC.to_ambiguous_timestamp(time).compatible().ok()
}

/// Tag, contents and what follows of the first DER element.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (contents, after) = rest.split_at_checked(length)?;
    Some((tag, contents, after))
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
    fn the_end_of_a_certificate_is_read() {
        // ring makes no RSA keys; the end of validity is where it is for every kind of key.
        let key = KeyPair::generate().unwrap();
        for (year, wanted) in [(2031, "2031-05-17T00:00:00Z"), (2061, "2061-05-17T00:00:00Z")] {
            let mut parameters = CertificateParams::new(vec!["galsync".to_owned()]).unwrap();
            parameters.not_after = rcgen::date_time_ymd(year, 5, 17);
            let made = parameters.self_signed(&key).unwrap();
            assert_eq!(not_after(made.der()).map(|time| time.to_string()).as_deref(), Some(wanted));
        }
        assert_eq!(not_after(b"no certificate"), None);
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
