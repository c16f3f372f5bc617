//! The values that one object of a target holds, so that no contact of ours may have them.

use super::TargetEvent;
use super::proxy_address::{Proxy, proxy};
use crate::model::SmtpAddress;
use crate::model::taken::{Holder, Taken};
use std::collections::BTreeMap;

/// Each value with whether it is a primary one.
pub(super) struct Held(BTreeMap<String, bool>);

impl Held {
    /// By its list of addresses.
    pub(super) fn of<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut held = Self(BTreeMap::new());
        for value in values {
            let proxy = proxy(value);
            match proxy {
                Proxy::Primary(text) | Proxy::Secondary(text) => {
                    if let Ok(address) = SmtpAddress::parse(text) {
                        held.address(&address, matches!(proxy, Proxy::Primary(_)));
                    }
                }
                Proxy::X500(dn) => held.x500(dn),
                Proxy::Other => {}
            }
        }
        held
    }

    pub(super) fn address(&mut self, address: &SmtpAddress, primary: bool) {
        *self.0.entry(format!("smtp:{address}")).or_default() |= primary;
    }

    /// A legacyExchangeDN, of today or of old.
    pub(super) fn x500(&mut self, dn: &str) {
        self.0.entry(format!("x500:{}", dn.to_lowercase())).or_default();
    }

    pub(super) fn by(self, holder: &Holder) -> Vec<TargetEvent> {
        let taken = |(value, primary)| Taken { value, primary, holder: holder.clone() };
        self.0.into_iter().map(|held| TargetEvent::Taken(Box::new(taken(held)))).collect()
    }
}
