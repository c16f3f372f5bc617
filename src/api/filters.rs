//! Filters as manifests write them. A connector's and a schedule's have one form; only what an unwritten field
//! means differs: at a connector the default named here, at a schedule "narrows nothing".

use super::text::{DirectoryName, DomainName, EmailAddress, Expression, ShortText};
use crate::model::RecipientType;
use crate::model::filters::DomainMatch;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which entries take part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filters {
    /// By the domain of an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domains: Option<DomainFilter>,
    /// Classes of entries; default at a connector: all three. User takes user, linked, shared and remote
    /// mailboxes and Google users; Group takes distribution, mail-enabled security, dynamic and Google groups;
    /// Contact takes mail contacts. Rooms, equipment, mail users, guests and Microsoft 365 groups take part
    /// only where recipientTypes names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub object_types: Option<Vec<ObjectType>>,
    /// The fine form of objectTypes: exactly these take part, together with those of objectTypes if that is
    /// written too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub recipient_types: Option<Vec<Recipient>>,
    /// Whether user mailboxes of disabled accounts take part; default Keep: the hidden flag decides. Shared,
    /// room and linked mailboxes are disabled accounts by nature and are not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_users: Option<KeepOrExclude>,
    /// Groups that take no mail from outside; default Skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restricted_groups: Option<SkipOrInclude>,
    /// Groups whose membership is hidden; default Skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_membership_groups: Option<SkipOrInclude>,
    /// Takes addresses outside authoritativeDomains too. Default false: a source then cannot publish somebody
    /// else's people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_foreign_domains: Option<bool>,
    /// Entries that are hidden from the address lists of their own system; default Exclude.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<ExcludeOrInclude>,
    /// Entries that have only an `*.onmicrosoft.com` address; default Skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_microsoft_only: Option<SkipOrInclude>,
    /// Members of groups, nested or directly. A group that is missing or empty fails the pull; it never means
    /// "nobody" or "everybody".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<NameFilter>,
    /// Organizational units, with those below them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_units: Option<NameFilter>,
    /// An entry that carries this text in a custom attribute is left out. Default at a connector: NOGALSYNC;
    /// an empty text turns it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt_out_mark: Option<ShortText>,
    /// A CEL expression over `entry` that is true for what takes part, such as
    /// `!entry.department.startsWith('Board')`. An entry for which it fails is undecided: its contact stays as
    /// it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<Expression>,
    /// A pilot: only these addresses are created and updated, and nothing is ever deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub limit_to: Option<Vec<EmailAddress>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DomainFilter {
    /// Only these domains; default: every domain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub include: Vec<DomainName>,
    /// Not these domains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub exclude: Vec<DomainName>,
    /// Which address is looked at: the Primary one, the Delivery address, or Any.
    #[serde(default, rename = "match")]
    pub matching: AddressMatch,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameFilter {
    /// Only these; default: everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub include: Vec<DirectoryName>,
    /// Not these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub exclude: Vec<DirectoryName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ObjectType {
    User,
    Group,
    Contact,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeepOrExclude {
    Keep,
    Exclude,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SkipOrInclude {
    Skip,
    Include,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExcludeOrInclude {
    Exclude,
    Include,
}

/// Declares a wire enum beside the checked one of the same variants.
macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident = $model:ty { $($(#[$mark:meta])* $variant:ident),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $name { $($(#[$mark])* $variant),* }

        impl From<$name> for $model {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => <$model>::$variant),* }
            }
        }

        impl From<$model> for $name {
            fn from(value: $model) -> Self {
                match value { $(<$model>::$variant => $name::$variant),* }
            }
        }
    };
}
pub(crate) use wire_enum;

wire_enum!(
    #[derive(Default)]
    AddressMatch = DomainMatch {
        #[default]
        Primary,
        Delivery,
        Any
    }
);
wire_enum!(
    Recipient = RecipientType {
        UserMailbox,
        LinkedMailbox,
        SharedMailbox,
        RemoteMailbox,
        RemoteSharedMailbox,
        RoomMailbox,
        EquipmentMailbox,
        MailUser,
        GuestUser,
        DistributionGroup,
        SecurityGroup,
        DynamicGroup,
        Microsoft365Group,
        GoogleUser,
        GoogleGroup,
        MailContact,
    }
);
