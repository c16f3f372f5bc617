//! One object of a tenant, as Exchange Online and Entra share it.

use crate::sandbox::microsoft365::guid::Guid;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an object is: Exchange's RecipientTypeDetails, and two kinds that only Entra knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    UserMailbox,
    SharedMailbox,
    RoomMailbox,
    EquipmentMailbox,
    MailUser,
    GuestMailUser,
    MailContact,
    MailUniversalDistributionGroup,
    MailUniversalSecurityGroup,
    RoomList,
    DynamicDistributionGroup,
    GroupMailbox,
    /// An account without mail; not in Exchange.
    User,
    /// A security group without mail; not in Exchange.
    SecurityGroup,
}

/// The resource of Graph that shows an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Resource {
    Users,
    Groups,
    Contacts,
}

impl Kind {
    /// RecipientTypeDetails.
    pub fn details(self) -> &'static str {
        match self {
            Self::UserMailbox => "UserMailbox",
            Self::SharedMailbox => "SharedMailbox",
            Self::RoomMailbox => "RoomMailbox",
            Self::EquipmentMailbox => "EquipmentMailbox",
            Self::MailUser => "MailUser",
            Self::GuestMailUser => "GuestMailUser",
            Self::MailContact => "MailContact",
            Self::MailUniversalDistributionGroup => "MailUniversalDistributionGroup",
            Self::MailUniversalSecurityGroup => "MailUniversalSecurityGroup",
            Self::RoomList => "RoomList",
            Self::DynamicDistributionGroup => "DynamicDistributionGroup",
            Self::GroupMailbox => "GroupMailbox",
            Self::User => "User",
            Self::SecurityGroup => "UniversalSecurityGroup",
        }
    }

    /// RecipientType.
    pub fn recipient_type(self) -> &'static str {
        match self {
            Self::UserMailbox | Self::SharedMailbox | Self::RoomMailbox | Self::EquipmentMailbox => "UserMailbox",
            Self::MailUser | Self::GuestMailUser => "MailUser",
            Self::MailContact => "MailContact",
            Self::MailUniversalDistributionGroup | Self::RoomList | Self::GroupMailbox => {
                "MailUniversalDistributionGroup"
            }
            Self::MailUniversalSecurityGroup => "MailUniversalSecurityGroup",
            Self::DynamicDistributionGroup => "DynamicDistributionGroup",
            Self::User => "User",
            Self::SecurityGroup => "Group",
        }
    }

    /// The details that a request may name, of kinds that the sandbox has and of those it has not.
    pub fn is_known_details(name: &str) -> bool {
        const OTHERS: &[&str] = &[
            "LinkedMailbox",
            "LegacyMailbox",
            "MailForestContact",
            "MailNonUniversalGroup",
            "PublicFolder",
            "TeamMailbox",
            "RemoteUserMailbox",
            "RemoteRoomMailbox",
            "RemoteEquipmentMailbox",
            "RemoteSharedMailbox",
            "PublicFolderMailbox",
            "SchedulingMailbox",
            "DiscoveryMailbox",
            "GroupMailbox",
            "LinkedRoomMailbox",
            "ArbitrationMailbox",
        ];
        let name = name.trim();
        OTHERS.iter().any(|other| other.eq_ignore_ascii_case(name))
            || Self::IN_EXCHANGE.iter().any(|kind| kind.details().eq_ignore_ascii_case(name))
    }

    const IN_EXCHANGE: &'static [Self] = &[
        Self::UserMailbox,
        Self::SharedMailbox,
        Self::RoomMailbox,
        Self::EquipmentMailbox,
        Self::MailUser,
        Self::GuestMailUser,
        Self::MailContact,
        Self::MailUniversalDistributionGroup,
        Self::MailUniversalSecurityGroup,
        Self::RoomList,
        Self::DynamicDistributionGroup,
        Self::GroupMailbox,
    ];

    pub fn in_exchange(self) -> bool {
        !matches!(self, Self::User | Self::SecurityGroup)
    }

    pub fn is_mailbox(self) -> bool {
        self.recipient_type() == "UserMailbox"
    }

    pub fn is_group(self) -> bool {
        matches!(
            self,
            Self::MailUniversalDistributionGroup
                | Self::MailUniversalSecurityGroup
                | Self::RoomList
                | Self::DynamicDistributionGroup
                | Self::GroupMailbox
                | Self::SecurityGroup
        )
    }

    /// Where Graph shows it; dynamic distribution groups are in Exchange only.
    pub fn resource(self) -> Option<Resource> {
        match self {
            Self::DynamicDistributionGroup => None,
            Self::MailContact => Some(Resource::Contacts),
            kind if kind.is_group() => Some(Resource::Groups),
            _ => Some(Resource::Users),
        }
    }

    /// Has an address outside of the organization that its mail goes to.
    pub fn has_external_address(self) -> bool {
        matches!(self, Self::MailUser | Self::GuestMailUser | Self::MailContact)
    }

    /// Graph keeps it for a while after it was deleted.
    pub fn is_soft_deleted(self) -> bool {
        self.resource() == Some(Resource::Users) || self == Self::GroupMailbox
    }
}

/// One object. Texts that are empty are absent from `attributes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// Exchange's id.
    pub guid: Guid,
    /// Entra's id; none for what Graph does not show.
    pub external_id: Option<Guid>,
    pub kind: Kind,
    pub name: String,
    pub alias: String,
    pub display_name: String,
    /// As Exchange writes them: one `SMTP:`, others `smtp:`, `X500:`, `SIP:`.
    pub addresses: Vec<String>,
    /// Without prefix.
    pub external_address: Option<String>,
    pub user_principal_name: Option<String>,
    pub hidden: bool,
    pub dir_synced: bool,
    pub enabled: bool,
    pub licensed: bool,
    pub legacy_dn: String,
    /// By Exchange's names (see [`super::attributes`]).
    pub attributes: BTreeMap<&'static str, String>,
    /// ExtensionCustomAttribute1 to 5 and the Other… telephones.
    pub lists: BTreeMap<&'static str, Vec<String>>,
    pub require_sender_authentication: bool,
    /// Exchange GUIDs of those who alone may send.
    pub accept_only_from: Vec<Guid>,
    pub group: Option<Group>,
    pub created: Timestamp,
    pub changed: Timestamp,
    /// From when on cmdlets find it.
    pub found_from: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Exchange GUIDs.
    pub members: Vec<Guid>,
    pub hidden_membership: bool,
    /// OPATH of a dynamic group.
    pub recipient_filter: Option<String>,
}

impl Recipient {
    /// Primary SMTP address, without prefix.
    pub fn primary(&self) -> &str {
        self.addresses.iter().find_map(|address| address.strip_prefix("SMTP:")).unwrap_or_default()
    }

    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// Sets a text; an empty one clears it.
    pub fn set_attribute(&mut self, name: &'static str, value: &str) {
        if value.is_empty() {
            self.attributes.remove(name);
        } else {
            self.attributes.insert(name, value.to_owned());
        }
    }

    /// Makes `mail` the primary address. The one before stays as a secondary if `keep` says so.
    pub fn set_primary(&mut self, mail: &str, keep: bool) {
        let before = std::mem::take(&mut self.addresses);
        self.addresses.push(format!("SMTP:{mail}"));
        for address in before {
            let same = smtp(&address).is_some_and(|other| other.eq_ignore_ascii_case(mail));
            match address.strip_prefix("SMTP:") {
                _ if same => {}
                Some(old) if keep => self.addresses.push(format!("smtp:{old}")),
                Some(_) => {}
                None => self.addresses.push(address),
            }
        }
    }

    pub fn distinguished_name(&self, organization: &str) -> String {
        let name = self.name.replace(',', "\\,");
        format!(
            "CN={name},OU={organization},OU=Microsoft Exchange Hosted Organizations,DC=EURP000A001,DC=PROD,DC=OUTLOOK,DC=COM"
        )
    }
}

/// The address of an SMTP proxy, without prefix.
pub fn smtp(proxy: &str) -> Option<&str> {
    let (prefix, address) = proxy.split_once(':')?;
    prefix.eq_ignore_ascii_case("smtp").then(|| address.trim())
}
