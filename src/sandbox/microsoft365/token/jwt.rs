//! JSON Web Tokens, read as far as the token endpoint needs.

use super::error::TokenError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// A token in its compact form, not verified yet.
#[derive(Debug)]
pub struct Jwt<'a> {
    pub header: Header,
    pub claims: Claims,
    /// What the signature is over.
    pub signed: &'a str,
    pub signature: Vec<u8>,
}

#[derive(Debug, Deserialize)]
pub struct Header {
    pub alg: String,
    pub kid: Option<String>,
    pub x5t: Option<String>,
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Claims {
    #[serde(default)]
    pub iss: String,
    #[serde(default)]
    pub sub: String,
    #[serde(default)]
    aud: Value,
    /// Seconds; RFC 7519 permits fractions, and MSAL for Python sends some.
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    exp: Option<f64>,
}

/// Difference of clocks that is forgiven.
const SKEW_SECONDS: f64 = 300.0;

/// base64url without padding.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

impl<'a> Jwt<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self {
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signed,
            signature: decode(signature)?,
        })
    }

    /// Against real time, not the sandbox's: it is the client's clock that made the assertion.
    pub fn check_time(&self) -> Result<(), TokenError> {
        let now = Timestamp::now().as_second() as f64;
        let ended = self.claims.exp.is_none_or(|exp| exp + SKEW_SECONDS <= now);
        let early = self.claims.nbf.is_some_and(|nbf| nbf - SKEW_SECONDS > now);
        if ended || early { Err(TokenError::AssertionTime) } else { Ok(()) }
    }
}

impl Claims {
    /// `aud` is one text or a list of them.
    pub fn has_audience(&self, is_ours: impl Fn(&str) -> bool) -> bool {
        match &self.aud {
            Value::String(aud) => is_ours(aud),
            Value::Array(list) => list.iter().filter_map(Value::as_str).any(is_ours),
            _ => false,
        }
    }
}
