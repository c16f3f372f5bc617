//! What an entry is by itself: wanted, unwanted or undecided (mail-rules §1, §2, §8). The connector's filters
//! and the schedule's apply both.

use super::domains::{Domains, is_onmicrosoft_only};
use crate::model::entry::Problem;
use crate::model::filters::{DomainFilter, DomainMatch, Filters, NameFilter};
use crate::model::reason::{Undecided, Unwanted};
use crate::model::{Entry, EntryClass, RecipientType, SmtpAddress};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eligibility {
    Wanted,
    Unwanted(Unwanted),
    Undecided(Undecided),
}

pub(in crate::engine) struct EntryFilter<'a> {
    /// An entry passes when all let it through.
    layers: Vec<&'a Filters>,
}

impl<'a> EntryFilter<'a> {
    pub(in crate::engine) fn new(layers: Vec<&'a Filters>) -> Self {
        Self { layers }
    }

    /// A pilot is on: nothing of this source is hidden or deleted.
    pub(in crate::engine) fn is_pilot(&self) -> bool {
        self.any(|filters| !filters.limit_to.is_empty())
    }

    fn any(&self, test: impl Fn(&Filters) -> bool) -> bool {
        self.layers.iter().any(|filters| test(filters))
    }

    /// Rules that need nothing but what was read come first, so that an entry which is out anyway is not held up
    /// by an address that cannot be read.
    pub(in crate::engine) fn eligibility(&self, entry: &Entry, domains: &Domains<'_>) -> Eligibility {
        if entry.marked {
            return Eligibility::Unwanted(Unwanted::Marked);
        }
        // With these nothing that was read can be relied on.
        let unreliable = [Problem::AnchorTwice, Problem::JoinMissing, Problem::TypeUnknown];
        if let Some(problem) = entry.problems.iter().find(|problem| unreliable.contains(problem)) {
            return Eligibility::Undecided((*problem).into());
        }
        if let Some(reason) = self.out_by_itself(entry) {
            return Eligibility::Unwanted(reason);
        }
        if let Some(problem) = entry.problems.first() {
            return Eligibility::Undecided((*problem).into());
        }
        let delivery = match domains.delivery(entry) {
            Ok(delivery) => delivery,
            Err(reason) => return Eligibility::Undecided(reason),
        };
        if let Some(reason) = self.out_by_address(entry, delivery, domains) {
            return Eligibility::Unwanted(reason);
        }
        for expression in self.layers.iter().filter_map(|filters| filters.expression.as_ref()) {
            match expression.evaluate(entry) {
                Ok(true) => {}
                Ok(false) => return Eligibility::Unwanted(Unwanted::Expression),
                Err(_) => return Eligibility::Undecided(Undecided::ExpressionFailed),
            }
        }
        if self.any(|filters| !filters.limit_to.is_empty() && !is_named(entry, filters)) {
            return Eligibility::Undecided(Undecided::OutsidePilot);
        }
        Eligibility::Wanted
    }

    fn out_by_itself(&self, entry: &Entry) -> Option<Unwanted> {
        let is_group = entry.class() == EntryClass::Group;
        type Rule<'r> = (Unwanted, &'r dyn Fn(&Filters) -> bool);
        let rules: [Rule<'_>; 8] = [
            (Unwanted::RecipientType, &|f| !f.recipient_types.contains(&entry.recipient_type)),
            (Unwanted::Hidden, &|f| entry.hidden && !f.include_hidden),
            (Unwanted::Disabled, &|f| entry.disabled && f.exclude_disabled_users && is_user_mailbox(entry)),
            (Unwanted::RestrictedSenders, &|f| is_group && entry.restricted_senders && !f.include_restricted_groups),
            (Unwanted::HiddenMembership, &|f| is_group && entry.hidden_membership && !f.include_hidden_membership),
            (Unwanted::GroupFilter, &|f| !is_member(entry, &f.groups)),
            (Unwanted::OrganizationalUnitFilter, &|f| !f.organizational_units.passes(&entry.container)),
            (Unwanted::OptOut, &|f| opts_out(entry, &f.opt_out_mark)),
        ];
        rules.into_iter().find(|(_, rule)| self.any(rule)).map(|(reason, _)| reason)
    }

    fn out_by_address(&self, entry: &Entry, delivery: &SmtpAddress, domains: &Domains<'_>) -> Option<Unwanted> {
        if self.any(|filters| !filters.include_onmicrosoft_only) && is_onmicrosoft_only(entry) {
            return Some(Unwanted::OnMicrosoftOnly);
        }
        if self.any(|filters| !is_in_domains(entry, delivery, &filters.domains)) {
            return Some(Unwanted::DomainFilter);
        }
        if domains.is_targets(delivery) {
            return Some(Unwanted::LivesInTarget);
        }
        domains.foreign(entry, delivery, self.accepts_foreign_domains())
    }

    pub(in crate::engine) fn accepts_foreign_domains(&self) -> bool {
        !self.any(|filters| !filters.accept_foreign_domains)
    }
}

/// Shared, room and linked mailboxes *are* disabled accounts, so they are not meant (mail-rules §8).
fn is_user_mailbox(entry: &Entry) -> bool {
    use RecipientType::*;
    matches!(entry.recipient_type, UserMailbox | RemoteMailbox | GoogleUser)
}

fn is_named(entry: &Entry, filters: &Filters) -> bool {
    let mut all = entry.primary.iter().chain(&entry.secondary).chain(&entry.external);
    all.any(|address| filters.limit_to.contains(address))
}

fn is_member(entry: &Entry, filter: &NameFilter) -> bool {
    let member = |names: &std::collections::BTreeSet<String>| names.iter().any(|name| entry.member_of.contains(name));
    (filter.include.is_empty() || member(&filter.include)) && !member(&filter.exclude)
}

/// A custom attribute has the mark, alone or among other words.
fn opts_out(entry: &Entry, mark: &str) -> bool {
    let mark = mark.trim();
    !mark.is_empty()
        && entry.attributes.iter().filter(|(attribute, _)| attribute.is_custom()).any(|(_, value)| {
            let mut words = value.split(|c: char| c.is_whitespace() || ";,|".contains(c));
            value.trim().eq_ignore_ascii_case(mark) || words.any(|word| word.eq_ignore_ascii_case(mark))
        })
}

fn is_in_domains(entry: &Entry, delivery: &SmtpAddress, filter: &DomainFilter) -> bool {
    if filter.include.is_empty() && filter.exclude.is_empty() {
        return true;
    }
    let tested: Vec<&SmtpAddress> = match filter.matching {
        DomainMatch::Primary => entry.primary.iter().collect(),
        DomainMatch::Delivery => vec![delivery],
        DomainMatch::Any => entry.primary.iter().chain(&entry.secondary).chain([delivery]).collect(),
    };
    let within = |domains: &std::collections::BTreeSet<crate::model::Domain>| {
        tested.iter().any(|address| domains.contains(address.domain()))
    };
    (filter.include.is_empty() || within(&filter.include)) && !within(&filter.exclude)
}
