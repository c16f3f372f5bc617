//! The values that one object of a target holds, so that no contact of ours may have them.

use super::proxy_address::{Proxy, proxy};
use crate::directory::TargetEvent;
use crate::model::SmtpAddress;
use crate::model::taken::{Holder, Taken};
use std::collections::BTreeMap;

/// Each value with whether it is a primary one.
pub(in crate::directory) struct Occupied(BTreeMap<String, bool>);

impl Occupied {
    /// By its list of addresses.
    pub(in crate::directory) fn of<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut occupied = Self(BTreeMap::new());
        for value in values {
            let proxy = proxy(value);
            match proxy {
                Proxy::Primary(text) | Proxy::Secondary(text) => {
                    if let Ok(address) = SmtpAddress::parse(text) {
                        occupied.address(&address, matches!(proxy, Proxy::Primary(_)));
                    }
                }
                Proxy::X500(dn) => occupied.x500(dn),
                Proxy::Other => {}
            }
        }
        occupied
    }

    pub(in crate::directory) fn address(&mut self, address: &SmtpAddress, primary: bool) {
        *self.0.entry(format!("smtp:{address}")).or_default() |= primary;
    }

    /// A legacyExchangeDN, of today or of old.
    pub(in crate::directory) fn x500(&mut self, dn: &str) {
        self.0.entry(format!("x500:{}", dn.to_lowercase())).or_default();
    }

    pub(in crate::directory) fn by(self, holder: &Holder) -> Vec<TargetEvent> {
        let taken = |(value, primary)| Taken { value, primary, holder: holder.clone() };
        self.0.into_iter().map(|held| TargetEvent::Taken(Box::new(taken(held)))).collect()
    }
}
