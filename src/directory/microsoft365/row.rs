//! What an object of a cmdlet's result is to us.

pub(super) use super::properties::Row;
use crate::directory::recipient::proxy_address::{self, Addresses};
use crate::model::{RecipientType, SmtpAddress};
use jiff::Timestamp;

/// What an object is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Is(RecipientType),
    /// Its type is none that is known; this one it resembles.
    Unclear(RecipientType),
    /// Made by another synchronization.
    ForestContact,
    /// Exchange's own, or a public folder: nobody looks it up.
    Other,
}

impl Row {
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        // Without a zone it is UTC: the properties that are read say so in their names.
        text.parse().or_else(|_| format!("{text}Z").parse()).ok()
    }

    /// Exchange's id.
    pub(super) fn guid(&self) -> Option<String> {
        self.text("Guid").map(str::to_lowercase)
    }

    /// Entra's id, which Graph knows the object by.
    pub(super) fn graph_id(&self) -> Option<String> {
        self.text("ExternalDirectoryObjectId").map(str::to_lowercase)
    }

    pub(super) fn addresses(&self) -> Addresses {
        Addresses::of(self.texts("EmailAddresses"), self.text("PrimarySmtpAddress"))
    }

    /// The outside address of a contact, mail user or guest.
    pub(super) fn external(&self) -> Option<SmtpAddress> {
        self.text("ExternalEmailAddress").and_then(proxy_address::external)
    }

    pub(super) fn kind(&self) -> Kind {
        use RecipientType::*;
        let details = self.text("RecipientTypeDetails").unwrap_or_default();
        Kind::Is(match details {
            "UserMailbox" | "LegacyMailbox" => UserMailbox,
            "LinkedMailbox" => LinkedMailbox,
            "SharedMailbox" | "TeamMailbox" => SharedMailbox,
            "RoomMailbox" | "LinkedRoomMailbox" | "RemoteRoomMailbox" => RoomMailbox,
            "EquipmentMailbox" | "SchedulingMailbox" | "RemoteEquipmentMailbox" => EquipmentMailbox,
            "RemoteUserMailbox" => RemoteMailbox,
            "RemoteSharedMailbox" => RemoteSharedMailbox,
            "MailUser" => MailUser,
            "GuestMailUser" => GuestUser,
            "MailContact" => MailContact,
            "MailForestContact" => return Kind::ForestContact,
            "MailUniversalDistributionGroup" | "MailNonUniversalGroup" | "RoomList" => DistributionGroup,
            "MailUniversalSecurityGroup" => SecurityGroup,
            "DynamicDistributionGroup" => DynamicGroup,
            "GroupMailbox" => Microsoft365Group,
            "PublicFolder"
            | "PublicFolderMailbox"
            | "DiscoveryMailbox"
            | "ArbitrationMailbox"
            | "SystemMailbox"
            | "SystemAttendantMailbox"
            | "MonitoringMailbox"
            | "AuditLogMailbox"
            | "AuxAuditLogMailbox"
            | "SupervisoryReviewPolicyMailbox"
            | "MailboxPlan"
            | "MicrosoftExchange"
            | "RoleGroup" => return Kind::Other,
            _ => return self.resembling(),
        })
    }

    fn resembling(&self) -> Kind {
        use RecipientType::*;
        match self.text("RecipientType").unwrap_or_default() {
            "UserMailbox" => Kind::Unclear(UserMailbox),
            "MailUser" => Kind::Unclear(MailUser),
            "MailContact" => Kind::Unclear(MailContact),
            "MailUniversalDistributionGroup" | "MailNonUniversalGroup" => Kind::Unclear(DistributionGroup),
            "MailUniversalSecurityGroup" => Kind::Unclear(SecurityGroup),
            "DynamicDistributionGroup" => Kind::Unclear(DynamicGroup),
            _ => Kind::Other,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::entry::Problem;
    use serde_json::{Value, json};

    pub(crate) fn row(value: Value) -> Row {
        let page = serde_json::from_value::<super::super::properties::Rows>(Value::Array(vec![value]));
        page.unwrap().0.remove(0)
    }

    #[test]
    fn types_are_told_apart() {
        for (details, kind, wanted) in [
            ("UserMailbox", "UserMailbox", Kind::Is(RecipientType::UserMailbox)),
            ("GroupMailbox", "MailUniversalDistributionGroup", Kind::Is(RecipientType::Microsoft365Group)),
            ("GuestMailUser", "MailUser", Kind::Is(RecipientType::GuestUser)),
            ("MailForestContact", "MailContact", Kind::ForestContact),
            ("ArbitrationMailbox", "UserMailbox", Kind::Other),
            ("SomethingNewMailbox", "UserMailbox", Kind::Unclear(RecipientType::UserMailbox)),
            ("", "", Kind::Other),
        ] {
            assert_eq!(
                row(json!({"RecipientTypeDetails": details, "RecipientType": kind})).kind(),
                wanted,
                "{details}"
            );
        }
    }

    #[test]
    fn addresses_are_told_apart_by_their_prefix() {
        let found =
            |values: Value| row(json!({"EmailAddresses": values, "PrimarySmtpAddress": "mail@b.test"})).addresses();
        let all = found(json!(["SMTP: Ada@b.test", "smtp:a@b.test", "X500: /o=x", "SIP:ada@b.test", "SPO:SPO_1"]));
        assert_eq!(all.primary.unwrap().as_str(), "ada@b.test");
        assert_eq!((all.secondary.len(), all.x500.into_iter().collect::<Vec<_>>()), (1, vec!["/o=x".to_owned()]));
        assert_eq!(found(json!([])).primary.unwrap().as_str(), "mail@b.test");
        assert_eq!(found(json!(["SMTP:a@b.test", "SMTP:c@b.test"])).problem, Some(Problem::PrimaryTwice));
        assert_eq!(found(json!(["SMTP:a@@b.test"])).problem, Some(Problem::PrimaryInvalid));
    }

    #[test]
    fn times_without_a_zone_are_utc() {
        let found = row(json!({"T": "2026-01-02T03:04:05.0000000Z", "U": "2026-01-02T03:04:05"}));
        assert_eq!(found.time("T"), found.time("U"));
        assert!(found.time("T").is_some());
    }
}
