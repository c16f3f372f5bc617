//! The cmdlets that the sandbox knows, who may call them, and their parameters.

use super::error::CmdletError;
use crate::sandbox::microsoft365::attributes::{CUSTOM, MAX_CUSTOM, PERSON};
use crate::sandbox::microsoft365::config::ExchangeRole;
use crate::sandbox::microsoft365::token::access::Claims;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cmdlet {
    GetRecipient,
    GetMailContact,
    GetContact,
    GetMailbox,
    GetDistributionGroup,
    GetUnifiedGroup,
    GetDynamicDistributionGroup,
    GetDistributionGroupMember,
    GetAcceptedDomain,
    GetOrganizationConfig,
    NewMailContact,
    SetMailContact,
    SetContact,
    RemoveMailContact,
}

const ALL: &[(&str, Cmdlet)] = &[
    ("Get-Recipient", Cmdlet::GetRecipient),
    ("Get-MailContact", Cmdlet::GetMailContact),
    ("Get-Contact", Cmdlet::GetContact),
    ("Get-Mailbox", Cmdlet::GetMailbox),
    ("Get-DistributionGroup", Cmdlet::GetDistributionGroup),
    ("Get-UnifiedGroup", Cmdlet::GetUnifiedGroup),
    ("Get-DynamicDistributionGroup", Cmdlet::GetDynamicDistributionGroup),
    ("Get-DistributionGroupMember", Cmdlet::GetDistributionGroupMember),
    ("Get-AcceptedDomain", Cmdlet::GetAcceptedDomain),
    ("Get-OrganizationConfig", Cmdlet::GetOrganizationConfig),
    ("New-MailContact", Cmdlet::NewMailContact),
    ("Set-MailContact", Cmdlet::SetMailContact),
    ("Set-Contact", Cmdlet::SetContact),
    ("Remove-MailContact", Cmdlet::RemoveMailContact),
];

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A text of at most so many characters; null clears it.
    Text(usize),
    Bool,
    /// One text or a list of them.
    Texts,
    /// A list that replaces, or a hashtable with `Add` and `Remove`.
    Edit,
    /// `Unlimited` or a number.
    ResultSize,
}

impl Cmdlet {
    pub fn find(name: &str) -> Option<Self> {
        ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, cmdlet)| *cmdlet)
    }

    pub fn name(self) -> &'static str {
        ALL.iter().find(|(_, cmdlet)| *cmdlet == self).map_or("", |(name, _)| name)
    }

    pub fn writes(self) -> bool {
        matches!(self, Self::NewMailContact | Self::SetMailContact | Self::SetContact | Self::RemoveMailContact)
    }

    /// Whether one of these roles has the cmdlet.
    pub fn is_granted(self, roles: &BTreeSet<ExchangeRole>) -> bool {
        use ExchangeRole::{
            DistributionGroups, ExchangeAdministrator, ExchangeRecipientAdministrator, GlobalReader,
            MailRecipientCreation, MailRecipients, ViewOnlyRecipients,
        };
        let granted: &[ExchangeRole] = match self {
            Self::NewMailContact | Self::RemoveMailContact => {
                &[MailRecipientCreation, ExchangeRecipientAdministrator, ExchangeAdministrator]
            }
            Self::SetMailContact | Self::SetContact => {
                &[MailRecipients, ExchangeRecipientAdministrator, ExchangeAdministrator]
            }
            _ => &[
                ViewOnlyRecipients,
                GlobalReader,
                MailRecipients,
                MailRecipientCreation,
                DistributionGroups,
                ExchangeRecipientAdministrator,
                ExchangeAdministrator,
            ],
        };
        granted.iter().any(|role| roles.contains(role))
    }

    fn takes(self, name: &str) -> Option<(&'static str, Takes)> {
        let own: &[(&'static str, Takes)] = match self {
            Self::GetRecipient => &[
                ("Identity", Takes::Text(1024)),
                ("Filter", Takes::Text(32_768)),
                ("RecipientTypeDetails", Takes::Texts),
                ("RecipientType", Takes::Texts),
                ("ResultSize", Takes::ResultSize),
                ("Anr", Takes::Text(256)),
                ("SortBy", Takes::Text(64)),
                ("IncludeSoftDeletedRecipients", Takes::Bool),
                ("Properties", Takes::Texts),
            ],
            Self::GetMailContact | Self::GetContact | Self::GetMailbox => &[
                ("Identity", Takes::Text(1024)),
                ("Filter", Takes::Text(32_768)),
                ("RecipientTypeDetails", Takes::Texts),
                ("ResultSize", Takes::ResultSize),
                ("Anr", Takes::Text(256)),
                ("SortBy", Takes::Text(64)),
            ],
            Self::GetDistributionGroup | Self::GetUnifiedGroup | Self::GetDynamicDistributionGroup => &[
                ("Identity", Takes::Text(1024)),
                ("Filter", Takes::Text(32_768)),
                ("ResultSize", Takes::ResultSize),
                ("Anr", Takes::Text(256)),
                ("SortBy", Takes::Text(64)),
            ],
            Self::GetDistributionGroupMember => &[("Identity", Takes::Text(1024)), ("ResultSize", Takes::ResultSize)],
            Self::GetAcceptedDomain => &[("Identity", Takes::Text(256)), ("ResultSize", Takes::ResultSize)],
            Self::GetOrganizationConfig => &[],
            Self::NewMailContact => &[
                ("Name", Takes::Text(64)),
                ("ExternalEmailAddress", Takes::Text(320)),
                ("Alias", Takes::Text(64)),
                ("DisplayName", Takes::Text(256)),
                ("FirstName", Takes::Text(64)),
                ("LastName", Takes::Text(64)),
                ("Initials", Takes::Text(6)),
                ("MessageFormat", Takes::Text(16)),
                ("MessageBodyFormat", Takes::Text(16)),
                ("UsePreferMessageFormat", Takes::Bool),
            ],
            Self::SetMailContact => &[
                ("Identity", Takes::Text(1024)),
                ("ExternalEmailAddress", Takes::Text(320)),
                ("EmailAddresses", Takes::Edit),
                ("HiddenFromAddressListsEnabled", Takes::Bool),
                ("RequireSenderAuthenticationEnabled", Takes::Bool),
                ("Alias", Takes::Text(64)),
                ("DisplayName", Takes::Text(256)),
                ("SimpleDisplayName", Takes::Text(256)),
                ("Name", Takes::Text(64)),
                ("MailTip", Takes::Text(175)),
                ("WindowsEmailAddress", Takes::Text(320)),
                ("AcceptMessagesOnlyFromSendersOrMembers", Takes::Edit),
                ("ExtensionCustomAttribute1", Takes::Edit),
                ("ExtensionCustomAttribute2", Takes::Edit),
                ("ExtensionCustomAttribute3", Takes::Edit),
                ("ExtensionCustomAttribute4", Takes::Edit),
                ("ExtensionCustomAttribute5", Takes::Edit),
                ("ForceUpgrade", Takes::Bool),
                ("MessageFormat", Takes::Text(16)),
                ("MessageBodyFormat", Takes::Text(16)),
                ("UsePreferMessageFormat", Takes::Bool),
            ],
            Self::SetContact => &[
                ("Identity", Takes::Text(1024)),
                ("DisplayName", Takes::Text(256)),
                ("Name", Takes::Text(64)),
                ("WindowsEmailAddress", Takes::Text(320)),
                ("OtherTelephone", Takes::Edit),
                ("OtherFax", Takes::Edit),
                ("OtherHomePhone", Takes::Edit),
            ],
            Self::RemoveMailContact => &[("Identity", Takes::Text(1024))],
        };
        let found = own.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).copied();
        found.or_else(|| self.attribute(name)).or_else(|| self.common(name))
    }

    fn attribute(self, name: &str) -> Option<(&'static str, Takes)> {
        match self {
            Self::SetContact => {
                let known = PERSON.iter().find(|known| known.name.eq_ignore_ascii_case(name))?;
                Some((known.name, Takes::Text(known.max)))
            }
            Self::SetMailContact => {
                let (known, _) = CUSTOM.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
                Some((known, Takes::Text(MAX_CUSTOM)))
            }
            _ => None,
        }
    }

    /// Parameters that every cmdlet has, or every one that writes.
    fn common(self, name: &str) -> Option<(&'static str, Takes)> {
        let always = [("ErrorAction", Takes::Text(32)), ("WarningAction", Takes::Text(32)), ("Verbose", Takes::Bool)];
        let writing = [("Confirm", Takes::Bool), ("WhatIf", Takes::Bool)];
        let all = always.into_iter().chain(writing.into_iter().filter(|_| self.writes()));
        all.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Checks the parameters of a request against those that the cmdlet has.
    pub fn bind(self, given: &Map<String, Value>) -> Result<Bound, CmdletError> {
        let mut bound = BTreeMap::new();
        for (name, value) in given.iter().filter(|(name, _)| !name.contains('@')) {
            let unknown =
                || CmdletError::Parameter(format!("A parameter cannot be found that matches parameter name '{name}'."));
            let (name, takes) = self.takes(name).ok_or_else(unknown)?;
            takes.check(name, value)?;
            if bound.insert(name, value.clone()).is_some() {
                return Err(CmdletError::Parameter(format!("The parameter '{name}' is specified more than once.")));
            }
        }
        Ok(Bound(bound))
    }
}

impl Takes {
    fn check(self, name: &str, value: &Value) -> Result<(), CmdletError> {
        let wrong = |kind| {
            let value = value.to_string().chars().take(200).collect();
            Err(CmdletError::Transformation { parameter: name.to_owned(), value, kind })
        };
        let texts = |value: &Value| match value {
            Value::Array(list) => list.iter().all(Value::is_string),
            other => other.is_string() || other.is_null(),
        };
        match (self, value) {
            (Self::Text(max), Value::String(text)) => {
                let length = text.chars().count();
                if length > max {
                    return Err(CmdletError::TooLong { parameter: name.to_owned(), max, length });
                }
                Ok(())
            }
            (Self::Text(_), Value::Null) | (Self::Bool, Value::Bool(_)) => Ok(()),
            (Self::Text(_), _) => wrong("System.String"),
            (Self::Bool, _) => wrong("System.Boolean"),
            (Self::Texts | Self::Edit, value) if texts(value) => Ok(()),
            (Self::Edit, Value::Object(table)) => {
                if table.get("@odata.type").and_then(Value::as_str) != Some("#Exchange.GenericHashTable") {
                    return wrong("Microsoft.Exchange.Data.MultiValuedProperty");
                }
                let known =
                    |key: &String| key == "@odata.type" || ["add", "remove"].contains(&key.to_lowercase().as_str());
                let sound = table.iter().all(|(key, value)| known(key) && (key.starts_with('@') || texts(value)));
                if sound { Ok(()) } else { wrong("Microsoft.Exchange.Data.MultiValuedProperty") }
            }
            (Self::Texts | Self::Edit, _) => wrong("Microsoft.Exchange.Data.MultiValuedProperty"),
            (Self::ResultSize, Value::String(text)) if text.eq_ignore_ascii_case("unlimited") => Ok(()),
            (Self::ResultSize, Value::String(text)) if text.parse::<u32>().is_ok_and(|number| number > 0) => Ok(()),
            (Self::ResultSize, Value::Number(number)) if number.as_u64().is_some_and(|number| number > 0) => Ok(()),
            (Self::ResultSize, _) => wrong("Microsoft.Exchange.Data.Unlimited"),
        }
    }
}

/// Parameters that were checked, by their canonical names.
#[derive(Debug, Clone, Default)]
pub struct Bound(BTreeMap<&'static str, Value>);

/// A change of a list of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    Replace(Vec<String>),
    Change { add: Vec<String>, remove: Vec<String> },
}

impl Bound {
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub fn needed(&self, name: &'static str) -> Result<&str, CmdletError> {
        self.text(name).filter(|text| !text.trim().is_empty()).ok_or(CmdletError::Mandatory(name))
    }

    pub fn bool(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    pub fn texts(&self, name: &str) -> Option<Vec<String>> {
        // PowerShell takes 'A,B' for a list of names.
        let split = |text: String| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
        self.0.get(name).map(|value| texts(value).into_iter().flat_map(split).collect())
    }

    /// The list itself, or what is to be added and removed.
    pub fn edit(&self, name: &str) -> Option<Edit> {
        let value = self.0.get(name)?;
        let Value::Object(table) = value else { return Some(Edit::Replace(texts(value))) };
        let part = |wanted: &str| {
            let found = table.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| texts(value)).unwrap_or_default()
        };
        Some(Edit::Change { add: part("add"), remove: part("remove") })
    }

    /// Most results; none = unlimited.
    pub fn result_size(&self) -> Option<usize> {
        const DEFAULT: usize = 1000;
        match self.0.get("ResultSize") {
            None => Some(DEFAULT),
            Some(Value::Number(number)) => number.as_u64().map(|number| number as usize),
            Some(value) => value.as_str().and_then(|text| text.parse().ok()),
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Who calls, as far as cmdlets ask.
pub fn roles<'a>(
    tenant: &'a crate::sandbox::microsoft365::tenant::Tenant,
    claims: &Claims,
) -> Option<&'a BTreeSet<ExchangeRole>> {
    tenant.apps.get(&claims.appid).map(|app| &app.exchange_roles)
}
