//! The sources as a plan sees them: who may speak for what, and their entries in order, each anchor once.

use super::plan_input::{PlanInput, SourceInput};
use crate::engine::error::{Failure, PlanError};
use crate::engine::filter::domains::Domains;
use crate::engine::filter::entry_filter::EntryFilter;
use crate::model::entry::Problem;
use crate::model::{Domain, Entry, EntryClass, RecipientType, SystemIdentity};
use std::collections::BTreeSet;

/// One source, its entries aside.
pub(in crate::engine) struct PreparedSource<'a> {
    pub identity: SystemIdentity,
    pub name: &'a str,
    pub filter: EntryFilter<'a>,
    pub domains: Domains<'a>,
    /// Number of the hybrid organization that it is half of; 0 = none.
    pub organization: u8,
}

pub(in crate::engine) type Entries<'a> = Box<dyn Iterator<Item = Result<Entry, Failure>> + 'a>;

/// Checks the sources and prepares them, in order of precedence; with their entries. A source that is the target
/// itself is left out: nothing is written back to where it comes from.
pub(in crate::engine) fn prepare<'a>(
    input: &PlanInput<'a>,
    sources: Vec<SourceInput<'a>>,
) -> Result<Vec<(PreparedSource<'a>, Entries<'a>)>, PlanError> {
    for (index, source) in sources.iter().enumerate() {
        if let Some(other) = sources[..index].iter().find(|other| other.identity == source.identity) {
            return Err(PlanError::SameIdentity {
                first: other.connector.name.clone(),
                second: source.connector.name.clone(),
            });
        }
    }
    let target = target_domains(input)?;
    let connectors: Vec<_> = sources.iter().map(|source| source.connector).collect();
    let mut prepared = Vec::new();
    for (index, source) in sources.into_iter().enumerate() {
        let connector = source.connector;
        if source.identity == input.target.identity {
            continue;
        }
        if connector.authoritative_domains.is_empty() {
            return Err(PlanError::DomainsUnknown { connector: connector.name.clone() });
        }
        let others = connectors.iter().enumerate().filter(|(other, _)| *other != index);
        let others = others.flat_map(|(_, other)| &other.authoritative_domains);
        let domains = Domains {
            own: &connector.authoritative_domains,
            claimed: others.chain(input.claimed_elsewhere).chain(&target).cloned().collect(),
            target: target.clone(),
            routing: &input.rules.mapping.routing_domains,
        };
        let filter = EntryFilter::new(vec![&connector.filters, &source.rules.filters]);
        let is_partner = |other: &&crate::model::connector::Connector| {
            other.same_organization_as.as_deref() == Some(&connector.name)
                || connector.same_organization_as.as_deref() == Some(&other.name)
        };
        let partner = connectors.iter().position(is_partner);
        let organization = partner.map_or(0, |partner| partner.min(index) as u8 + 1);
        let own = PreparedSource { identity: source.identity, name: &connector.name, filter, domains, organization };
        prepared.push((own, source.entries));
    }
    Ok(prepared)
}

fn target_domains(input: &PlanInput<'_>) -> Result<BTreeSet<Domain>, PlanError> {
    let connector = input.target.connector;
    let domains: BTreeSet<Domain> = connector.authoritative_domains.union(input.target.own_domains).cloned().collect();
    match domains.is_empty() {
        true => Err(PlanError::DomainsUnknown { connector: connector.name.clone() }),
        false => Ok(domains),
    }
}

impl PreparedSource<'_> {
    /// This half of a hybrid organization has the mailbox of the entry. Groups have none on either side.
    pub(in crate::engine) fn has_mailbox(entry: &Entry) -> bool {
        use RecipientType::*;
        entry.class() == EntryClass::User
            && !matches!(entry.recipient_type, RemoteMailbox | RemoteSharedMailbox | MailUser | GuestUser)
    }
}

/// The entries of one source: checked to be in order; an anchor that comes twice is one entry that cannot be
/// judged.
pub(in crate::engine) struct Reader<'a> {
    name: &'a str,
    entries: Entries<'a>,
    next: Option<Entry>,
    pub count: u64,
}

impl<'a> Reader<'a> {
    pub(in crate::engine) fn new(name: &'a str, entries: Entries<'a>) -> Self {
        Self { name, entries, next: None, count: 0 }
    }

    fn read(&mut self) -> Result<Option<Entry>, PlanError> {
        let entry = self.entries.next().transpose();
        entry.map_err(|source| PlanError::Source { connector: self.name.to_owned(), source })
    }

    pub(in crate::engine) fn next(&mut self) -> Result<Option<Entry>, PlanError> {
        let Some(mut entry) = self.next.take().map_or_else(|| self.read(), |entry| Ok(Some(entry)))? else {
            return Ok(None);
        };
        self.count += 1;
        while let Some(next) = self.read()? {
            if next.anchor > entry.anchor {
                self.next = Some(next);
                break;
            }
            if next.anchor < entry.anchor {
                return Err(PlanError::Unsorted { connector: self.name.to_owned() });
            }
            entry.problems.insert(Problem::AnchorTwice);
        }
        Ok(Some(entry))
    }
}
