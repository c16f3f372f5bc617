//! Filters that have been checked: which entries a connector or a schedule lets through (design §3.1).

use super::entry_field::EntryCondition;
use super::{Domain, OrganizationalUnit, RecipientType, SmtpAddress};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which of an entry's addresses a domain filter looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum DomainMatch {
    #[default]
    Primary,
    Delivery,
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct DomainFilter {
    /// Empty = every domain.
    #[serde(default)]
    pub include: BTreeSet<Domain>,
    #[serde(default)]
    pub exclude: BTreeSet<Domain>,
    #[serde(default, rename = "match")]
    pub matching: DomainMatch,
}

/// Names of groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct NameFilter {
    /// Empty = everything.
    #[serde(default)]
    pub include: BTreeSet<String>,
    #[serde(default)]
    pub exclude: BTreeSet<String>,
}

impl NameFilter {
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.include.iter().chain(&self.exclude)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct UnitFilter {
    /// Empty = everything.
    #[serde(default)]
    pub include: BTreeSet<OrganizationalUnit>,
    #[serde(default)]
    pub exclude: BTreeSet<OrganizationalUnit>,
}

impl UnitFilter {
    /// Whether it lets through what lies in a container, as an entry has it. What is no place lies in none.
    pub fn passes(&self, container: &str) -> bool {
        if self.include.is_empty() && self.exclude.is_empty() {
            return true;
        }
        let container = OrganizationalUnit::parse(container);
        let within = |units: &BTreeSet<OrganizationalUnit>| {
            container.as_ref().is_ok_and(|container| units.iter().any(|unit| container.is_within(unit)))
        };
        (self.include.is_empty() || within(&self.include)) && !within(&self.exclude)
    }
}

/// One set of filters. A connector's and a schedule's apply both: an entry passes when both let it through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    #[serde(default)]
    pub domains: DomainFilter,
    /// `objectTypes` and `recipientTypes` as one set.
    pub recipient_types: BTreeSet<RecipientType>,
    #[serde(default)]
    pub exclude_disabled_users: bool,
    #[serde(default)]
    pub include_restricted_groups: bool,
    #[serde(default)]
    pub include_hidden_membership: bool,
    #[serde(default)]
    pub accept_foreign_domains: bool,
    #[serde(default)]
    pub include_hidden: bool,
    #[serde(default)]
    pub include_onmicrosoft_only: bool,
    #[serde(default)]
    pub groups: NameFilter,
    #[serde(default)]
    pub organizational_units: UnitFilter,
    /// Empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub opt_out_mark: String,
    /// True for what passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<EntryCondition>,
    /// A pilot: only these are created and updated, nothing is deleted. Empty = no pilot.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub limit_to: BTreeSet<SmtpAddress>,
}

impl Default for Filters {
    fn default() -> Self {
        Self {
            domains: DomainFilter::default(),
            recipient_types: RecipientType::ALL.into_iter().filter(|kind| kind.in_object_types()).collect(),
            exclude_disabled_users: false,
            include_restricted_groups: false,
            include_hidden_membership: false,
            accept_foreign_domains: false,
            include_hidden: false,
            include_onmicrosoft_only: false,
            groups: NameFilter::default(),
            organizational_units: UnitFilter::default(),
            opt_out_mark: "NOGALSYNC".to_owned(),
            expression: None,
            limit_to: BTreeSet::new(),
        }
    }
}

impl Filters {
    /// Lets everything through: what a schedule that narrows nothing has.
    pub fn open() -> Self {
        Self {
            recipient_types: RecipientType::ALL.into_iter().collect(),
            include_restricted_groups: true,
            include_hidden_membership: true,
            accept_foreign_domains: true,
            include_hidden: true,
            include_onmicrosoft_only: true,
            opt_out_mark: String::new(),
            ..Self::default()
        }
    }
}
