//! Signed statements: JSON Web Tokens (RFC 7519) in JWS compact form (RFC 7515) with an RSA key, as token endpoints
//! take them for an app's credential (RFC 7523).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// RFC 7518, section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Rs256 => &RSA_PKCS1_SHA256,
            Self::Ps256 => &RSA_PSS_SHA256,
        }
    }
}

/// An RSA key of 2048 bits or more. It has no `Debug`: it must not reach a log.
pub struct SigningKey(RsaKeyPair);

/// Why a text is no key; the administrator puts another into the Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("holds no private key in PEM")]
    NotPem,
    #[error("is no RSA key")]
    NotRsa,
    /// Damaged, or of fewer than 2048 bits.
    #[error("is no RSA key that can be used")]
    Unusable,
}

impl SigningKey {
    /// From PEM, in PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`).
    ///
    /// # Errors
    /// What the text is instead of a key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let key = match &PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::NotPem)? {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(KeyError::NotRsa),
        };
        key.map(Self).map_err(|_| KeyError::Unusable)
    }

    /// `header` is what stands there beside `alg` and `typ`: which key signs.
    pub fn sign(&self, algorithm: Algorithm, mut header: Map<String, Value>, claims: &Value) -> String {
        header.insert("alg".to_owned(), algorithm.name().into());
        header.insert("typ".to_owned(), "JWT".into());
        let encode = |value: String| URL_SAFE_NO_PAD.encode(value);
        let signed = format!("{}.{}", encode(Value::Object(header).to_string()), encode(claims.to_string()));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(algorithm.encoding(), &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("a key of 2048 bits or more has room for the signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// What a token says of itself, whoever signed it: no more than a hint. None = it is no such token.
pub fn unverified_claims<T: DeserializeOwned>(token: &str) -> Option<T> {
    let part = token.split('.').nth(1)?.trim_end_matches('=');
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::json;
    use std::process::Command;

    /// ring makes no RSA keys; openssl does.
    fn rsa(options: &[&str]) -> Vec<u8> {
        let made = Command::new("openssl").args(options).output();
        let made = made.expect("openssl; Debian: apt-get install openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        made.stdout
    }

    #[test]
    fn both_algorithms_sign_the_same_statement() {
        let pkcs8 = rsa(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
        let key = SigningKey::from_pem(&pkcs8).unwrap();
        let header = || Map::from_iter([("kid".to_owned(), json!("key-1"))]);
        let claims = json!({"iss": "app@project.test", "aud": "https://token.test", "iat": 1000, "exp": 1600});
        for (algorithm, verified_by, head) in [
            (Algorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256, r#"{"alg":"RS256","kid":"key-1","typ":"JWT"}"#),
            (Algorithm::Ps256, &RSA_PSS_2048_8192_SHA256, r#"{"alg":"PS256","kid":"key-1","typ":"JWT"}"#),
        ] {
            let token = key.sign(algorithm, header(), &claims);
            let [head_part, claims_part, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
            let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
            assert_eq!(text(head_part), head);
            assert_eq!(
                text(claims_part),
                r#"{"aud":"https://token.test","exp":1600,"iat":1000,"iss":"app@project.test"}"#
            );
            let signed = &token[..token.rfind('.').unwrap()];
            let public = UnparsedPublicKey::new(verified_by, key.0.public());
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            assert!(public.verify(signed.as_bytes(), &signature).is_ok(), "{algorithm:?}");
            assert!(public.verify(b"another statement", &signature).is_err(), "{algorithm:?}");
            assert_eq!(unverified_claims::<Value>(&token), Some(claims.clone()));
        }
    }

    #[test]
    fn only_rsa_keys_in_pem_sign() {
        let refusal = |pem: &[u8]| SigningKey::from_pem(pem).err();
        assert_eq!(refusal(b"x"), Some(KeyError::NotPem));
        assert_eq!(
            refusal(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            Some(KeyError::Unusable)
        );
        let small = rsa(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
        assert_eq!(refusal(&small), Some(KeyError::Unusable));
        let other = rcgen::KeyPair::generate().unwrap().serialize_der();
        let pem =
            |label: &str| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(&other));
        assert_eq!(refusal(pem("PRIVATE KEY").as_bytes()), Some(KeyError::Unusable));
        assert_eq!(refusal(pem("EC PRIVATE KEY").as_bytes()), Some(KeyError::NotRsa));
        let pkcs1 = rsa(&["genrsa", "-traditional", "2048"]);
        assert!(pkcs1.starts_with(b"-----BEGIN RSA PRIVATE KEY") && refusal(&pkcs1).is_none());
    }

    #[test]
    fn a_token_of_another_form_says_nothing() {
        for token in ["", "a", "a.b", "a.%.c", "a.W10.c"] {
            assert_eq!(unverified_claims::<Map<String, Value>>(token), None, "{token}");
        }
    }
}
