//! What of an entry crosses over, and as what (mail-rules §3, §10).

use super::value;
use crate::engine::filter::domains::Domains;
use crate::model::entry_field::EntryText;
use crate::model::mapping::{AttributeRule, Mapping, SecondaryAddresses};
use crate::model::reason::{Undecided, Warning};
use crate::model::{Attribute, Entry, SmtpAddress};
use std::collections::{BTreeMap, BTreeSet};

/// The values that a contact is to have, before its target is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Mapped {
    pub primary: SmtpAddress,
    pub delivery: SmtpAddress,
    pub secondary: BTreeSet<SmtpAddress>,
    pub x500: BTreeSet<String>,
    pub hidden: bool,
    pub attributes: BTreeMap<Attribute, String>,
    pub warnings: BTreeSet<Warning>,
}

enum Origin<'a> {
    Copy,
    Constant(&'a str),
    Expression(&'a EntryText),
}

pub(in crate::engine) struct Mapper<'a> {
    mapping: &'a Mapping,
    /// The attributes that cross over.
    origins: Vec<(Attribute, Origin<'a>)>,
    /// The target takes X500 addresses.
    x500: bool,
}

impl<'a> Mapper<'a> {
    pub(in crate::engine) fn new(mapping: &'a Mapping, x500: bool) -> Self {
        let mut origins = Vec::new();
        for &attribute in Attribute::ALL {
            let origin = match mapping.rule(attribute) {
                AttributeRule::Drop => continue,
                AttributeRule::Copy => Origin::Copy,
                AttributeRule::Constant(value) => Origin::Constant(value),
                AttributeRule::Expression(expression) => Origin::Expression(expression),
            };
            origins.push((attribute, origin));
        }
        Self { mapping, origins, x500 }
    }

    /// Of an entry that was found wanted. Unless it fails, it takes from the entry what it needs: copies of millions
    /// of values are time.
    pub(in crate::engine) fn map(
        &self,
        entry: &mut Entry,
        domains: &Domains<'_>,
        accept_foreign_domains: bool,
    ) -> Result<Mapped, Undecided> {
        let primary = entry.primary.clone().ok_or(Undecided::PrimaryMissing)?;
        let delivery = domains.delivery(entry)?.clone();
        let mut warnings = BTreeSet::new();
        let attributes = self.attributes(entry, &mut warnings)?;
        let crosses = |address: &&SmtpAddress| {
            let allowed = match self.mapping.secondary_addresses {
                SecondaryAddresses::None => false,
                SecondaryAddresses::OwnDomains => domains.is_own(address),
                SecondaryAddresses::All => {
                    domains.is_own(address) || accept_foreign_domains && !domains.is_others(address)
                }
            };
            allowed && **address != primary && **address != delivery
        };
        let mut secondary = BTreeSet::new();
        for address in entry.secondary.iter().filter(crosses) {
            if domains.is_targets(address) {
                warnings.insert(Warning::SecondaryInTargetDomain);
            } else {
                secondary.insert(address.clone());
            }
        }
        let x500 = match self.x500 {
            true => {
                let mut all = std::mem::take(&mut entry.x500);
                all.extend(entry.legacy_exchange_dn.take());
                all
            }
            false => BTreeSet::new(),
        };
        Ok(Mapped { primary, delivery, secondary, x500, hidden: entry.hidden, attributes, warnings })
    }

    fn attributes(
        &self,
        entry: &mut Entry,
        warnings: &mut BTreeSet<Warning>,
    ) -> Result<BTreeMap<Attribute, String>, Undecided> {
        let mut computed = Vec::new();
        for (attribute, origin) in &self.origins {
            if let Origin::Expression(expression) = origin {
                computed.push((*attribute, expression.evaluate(entry).map_err(|_| Undecided::MappingFailed)?));
            }
        }
        let mut computed = computed.into_iter().map(|(_, value)| value);
        let mut attributes = BTreeMap::new();
        // The display name is the first of all, so that the person's names are still there for it.
        for (attribute, origin) in &self.origins {
            let value = match origin {
                Origin::Copy => entry.attributes.remove(attribute),
                Origin::Constant(value) => Some((*value).to_owned()),
                Origin::Expression(_) => computed.next().flatten(),
            };
            let value = match (attribute, value) {
                (Attribute::DisplayName, given) => self.display_name(entry, given.as_deref(), warnings),
                (_, Some(given)) => value::normalised(*attribute, given, warnings),
                (_, None) => None,
            };
            if let Some(value) = value {
                attributes.insert(*attribute, value);
            }
        }
        Ok(attributes)
    }

    /// Every contact is shown by some name: without one by the person's names, else by the address.
    fn display_name(&self, entry: &Entry, given: Option<&str>, warnings: &mut BTreeSet<Warning>) -> Option<String> {
        let Mapping { display_name_prefix: prefix, display_name_suffix: suffix, .. } = self.mapping;
        let plain = |attribute| entry.attributes.get(&attribute).map(|name| name.trim()).filter(|n| !n.is_empty());
        let given = given.and_then(|name| value::display_name(prefix, name, suffix, warnings));
        given
            .or_else(|| {
                let names: Vec<&str> =
                    [Attribute::GivenName, Attribute::Surname].into_iter().filter_map(plain).collect();
                value::display_name(prefix, &names.join(" "), suffix, warnings)
            })
            .or_else(|| {
                let address = entry.primary.as_ref().map_or("", |address| address.as_str());
                value::display_name(prefix, address, suffix, warnings)
            })
    }
}
