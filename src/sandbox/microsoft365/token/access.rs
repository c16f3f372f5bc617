//! The access tokens that the sandbox issues: JSON Web Tokens with an HMAC of its own, so that they need no
//! memory.

use super::jwt::decode;
use crate::sandbox::microsoft365::config::AppRole;
use crate::sandbox::microsoft365::guid::Guid;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    #[serde(rename = "https://graph.microsoft.com")]
    Graph,
    #[serde(rename = "https://outlook.office365.com")]
    Exchange,
}

/// Resources by the clouds' own names. `https://outlook.office.com` is the same service.
const RESOURCES: &[(&str, Audience)] = &[
    ("https://graph.microsoft.com", Audience::Graph),
    ("https://graph.microsoft.us", Audience::Graph),
    ("https://dod-graph.microsoft.us", Audience::Graph),
    ("https://microsoftgraph.chinacloudapi.cn", Audience::Graph),
    ("00000003-0000-0000-c000-000000000000", Audience::Graph),
    ("https://outlook.office365.com", Audience::Exchange),
    ("https://outlook.office.com", Audience::Exchange),
    ("https://outlook.office365.us", Audience::Exchange),
    ("https://outlook-dod.office365.us", Audience::Exchange),
    ("https://webmail.apps.mil", Audience::Exchange),
    ("https://partner.outlook.cn", Audience::Exchange),
    ("00000002-0000-0ff1-ce00-000000000000", Audience::Exchange),
];

impl Audience {
    pub fn of_resource(resource: &str) -> Option<Self> {
        let resource = resource.trim_end_matches('/');
        RESOURCES.iter().find(|(known, _)| known.eq_ignore_ascii_case(resource)).map(|(_, audience)| *audience)
    }

    /// Whether a permission is one of this resource's.
    pub fn grants(self, role: AppRole) -> bool {
        (role == AppRole::ExchangeManageAsApp) == (self == Self::Exchange)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub aud: Audience,
    pub iss: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub appid: Guid,
    pub tid: Guid,
    #[serde(default)]
    pub roles: BTreeSet<AppRole>,
    /// A new one in each token.
    pub uti: Guid,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    Malformed,
    Expired,
    Audience,
}

/// Signs and checks access tokens.
#[derive(Debug)]
pub struct Mint(hmac::Key);

impl Mint {
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    pub fn issue(&self, claims: &Claims) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let claims = serde_json::to_vec(claims).expect("claims are plain data");
        let signed = format!("{}.{}", encode(br#"{"alg":"HS256","typ":"JWT"}"#), encode(&claims));
        let signature = encode(hmac::sign(&self.0, signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }

    pub fn check(&self, token: &str, audience: Audience, now: Timestamp) -> Result<Claims, Invalid> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Invalid::Malformed)?;
        let signature = decode(signature).ok_or(Invalid::Malformed)?;
        hmac::verify(&self.0, signed.as_bytes(), &signature).map_err(|_| Invalid::Malformed)?;
        let (_, claims) = signed.split_once('.').ok_or(Invalid::Malformed)?;
        let claims = decode(claims).ok_or(Invalid::Malformed)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| Invalid::Malformed)?;
        if claims.aud != audience {
            return Err(Invalid::Audience);
        }
        if claims.exp <= now.as_second() {
            return Err(Invalid::Expired);
        }
        Ok(claims)
    }
}
