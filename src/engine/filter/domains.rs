//! Which addresses a source may speak for, and where its entries are delivered (mail-rules §2, §3).

use crate::model::reason::{Undecided, Unwanted};
use crate::model::{Domain, Entry, SmtpAddress};
use std::collections::BTreeSet;

/// The domains around one source of one target.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Domains<'a> {
    /// Authoritative in this source.
    pub own: &'a BTreeSet<Domain>,
    /// Claimed by other connectors.
    pub claimed: BTreeSet<Domain>,
    /// Delivered by the target itself; empty while no target is looked at.
    pub target: BTreeSet<Domain>,
    /// `mapping.routing.domains`.
    pub routing: &'a [Domain],
}

impl Domains<'_> {
    pub(in crate::engine) fn is_own(&self, address: &SmtpAddress) -> bool {
        self.own.contains(address.domain())
    }

    /// Another connector claims it and this source does not.
    pub(in crate::engine) fn is_others(&self, address: &SmtpAddress) -> bool {
        !self.is_own(address) && self.claimed.contains(address.domain())
    }

    pub(in crate::engine) fn is_targets(&self, address: &SmtpAddress) -> bool {
        self.target.contains(address.domain())
    }

    /// The first address in a routing domain; else for what has a mailbox the primary, for others the outside
    /// address. A remote mailbox's own routing address counts only where it is listed.
    pub(in crate::engine) fn delivery<'e>(&self, entry: &'e Entry) -> Result<&'e SmtpAddress, Undecided> {
        let primary = entry.primary.as_ref().ok_or(Undecided::PrimaryMissing)?;
        for domain in self.routing {
            let all = std::iter::once(primary).chain(&entry.secondary).chain(&entry.external);
            if let Some(address) = all.into_iter().find(|address| address.is_in(domain)) {
                return Ok(address);
            }
        }
        if entry.recipient_type.is_delivered_at_primary() {
            return Ok(primary);
        }
        entry.external.as_ref().ok_or(Undecided::ExternalMissing)
    }

    /// Mailboxes and groups must have a primary address of the source's own. The outside address of a contact or
    /// mail user is exempt, but neither it nor the shown one may lie in a domain that another connector claims.
    pub(in crate::engine) fn foreign(
        &self,
        entry: &Entry,
        delivery: &SmtpAddress,
        accept_foreign_domains: bool,
    ) -> Option<Unwanted> {
        let primary = entry.primary.as_ref()?;
        if entry.recipient_type.is_delivered_at_primary() {
            return (!accept_foreign_domains && !self.is_own(primary)).then_some(Unwanted::ForeignDomain);
        }
        (self.is_others(primary) || self.is_others(delivery)).then_some(Unwanted::ClaimedDomain)
    }
}

/// `true` when all its addresses are the tenant's technical ones.
pub(in crate::engine) fn is_onmicrosoft_only(entry: &Entry) -> bool {
    let mut all = entry.primary.iter().chain(&entry.secondary).chain(&entry.external);
    all.all(|address| address.domain().ends_with(".onmicrosoft.com"))
}
