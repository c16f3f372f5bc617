//! Exchange on premises, 2007 to Subscription Edition, through Active Directory over LDAP.
//!
//! Reading and writing need no Exchange tool: [`ExchangeSource`] reads recipients from domain controllers, and
//! [`ExchangeTarget`] stamps contacts with everything that Exchange's own tools would (protocols: [MS-ADTS],
//! RFC 4511, paged results RFC 2696).
//!
//! Sign-in is a simple bind inside TLS. Kerberos would bring a C library into the program and is left out.

mod apply;
mod attributes;
mod changes;
mod classify;
mod connection;
mod contact;
mod contents;
mod cursor;
mod entry;
mod failure;
mod forest;
mod groups;
mod names;
mod record;
mod search;
mod source;
mod source_verify;
mod stamp;
mod target;
mod target_verify;
mod tls;

pub use source::ExchangeSource;
pub use target::ExchangeTarget;

/// What the connector's Secrets hold.
#[derive(Clone)]
pub struct ExchangeSecrets {
    /// Distinguished name, user principal name or `DOMAIN\name`.
    pub username: String,
    pub password: String,
    /// Certificates of authorities in PEM; absent = those that the system trusts.
    pub ca_bundle: Option<Vec<u8>>,
}

impl std::fmt::Debug for ExchangeSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExchangeSecrets")
    }
}
