//! What kind of recipient an object is, over all versions of Exchange from 2007 on and forests in between.

use super::names;
use super::record::Record;
use crate::model::RecipientType;

/// The attributes that [`classify`] looks at.
pub(super) const ATTRIBUTES: &[&str] = &[
    "objectClass",
    "groupType",
    "mailNickname",
    "homeMDB",
    "msExchHomeServerName",
    "targetAddress",
    "msExchRecipientTypeDetails",
    "msExchRecipientDisplayType",
];

/// An account linked to one of another forest; with an outside address it is a mail user.
const LINKED_USER: i64 = 33_554_432;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recipient {
    Is(RecipientType),
    /// A recipient, but its attributes contradict each other; the type is a guess by its class.
    Unclear(RecipientType),
    /// A mailbox of Exchange's own, which never stands in an address list.
    System,
    /// Not mail-enabled, or no longer.
    None,
}

/// The classes of objects that can be recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    User,
    Contact,
    Group,
    DynamicGroup,
}

fn class(record: &Record) -> Option<Class> {
    // `computer` derives from `user`, so what is no recipient is asked first.
    if record.is_class("computer") || record.is_class("msExchSystemMailbox") {
        return None;
    }
    [
        ("msExchDynamicDistributionList", Class::DynamicGroup),
        ("group", Class::Group),
        ("contact", Class::Contact),
        ("user", Class::User),
    ]
    .into_iter()
    .find(|(name, _)| record.is_class(name))
    .map(|(_, class)| class)
}

/// By msExchRecipientTypeDetails, else msExchRecipientDisplayType, else class and mail attributes: values are
/// missing or inconsistent in forests that have seen several versions.
pub(super) fn classify(record: &Record) -> Recipient {
    let Some(class) = class(record) else { return Recipient::None };
    if !record.has("mailNickname") {
        return Recipient::None;
    }
    if is_system(record) {
        return Recipient::System;
    }
    let details = record.number("msExchRecipientTypeDetails").filter(|details| *details != 0);
    if details == Some(LINKED_USER) && record.has("targetAddress") {
        return checked(Recipient::Is(RecipientType::MailUser), class, record);
    }
    if let Some(found) = details.and_then(by_details) {
        return checked(found, class, record);
    }
    if let Some(found) = record.number("msExchRecipientDisplayType").and_then(|display| by_display(display, class)) {
        return checked(found, class, record);
    }
    by_class(class, record)
}

/// Mailboxes of Exchange itself are known by place and name also where their type does not tell.
fn is_system(record: &Record) -> bool {
    let name = names::first_value(&record.dn).to_lowercase();
    let of_exchange = ["systemmailbox{", "healthmailbox", "discoverysearchmailbox", "federatedemail.", "migration."];
    of_exchange.iter().any(|prefix| name.starts_with(prefix))
        || record.dn.to_lowercase().contains(",cn=microsoft exchange system objects,")
}

fn checked(found: Recipient, class: Class, record: &Record) -> Recipient {
    use RecipientType::*;
    let Recipient::Is(kind) = found else { return found };
    let fits = match kind {
        DynamicGroup => class == Class::DynamicGroup,
        DistributionGroup | SecurityGroup => class == Class::Group,
        MailContact => class == Class::Contact,
        _ => class == Class::User,
    };
    if fits { found } else { Recipient::Unclear(guess(class, record)) }
}

fn by_details(details: i64) -> Option<Recipient> {
    use RecipientType::*;
    Some(Recipient::Is(match details {
        1 | 8 => UserMailbox,
        2 => LinkedMailbox,
        4 | 0x20_0000_0000 => SharedMailbox, // shared, team
        16 | 0x200_0000_0000 => RoomMailbox, // room, linked room
        32 => EquipmentMailbox,
        64 | 32_768 => MailContact, // MailContact, MailForestContact
        128 => MailUser,
        256 | 512 | 268_435_456 => DistributionGroup, // universal, non-universal, room list
        1_024 => SecurityGroup,
        2_048 => DynamicGroup,
        0x8000_0000 => RemoteMailbox,
        0x2_0000_0000 => RoomMailbox,                           // remote
        0x4_0000_0000 => EquipmentMailbox,                      // remote
        0x8_0000_0000 | 0x40_0000_0000 => RemoteSharedMailbox,  // remote shared, remote team
        0x100_0000_0000 | 0x800_0000_0000 => Microsoft365Group, // group mailbox, remote group mailbox
        0x2000_0000_0000 => GuestUser,
        // User, Contact, groups and LinkedUser without mail.
        65_536 | 131_072 | 262_144 | 524_288 | 1_048_576 | 2_097_152 | LINKED_USER => return Some(Recipient::None),
        // System attendant, system, arbitration, plan, discovery, role group, public folder and its mailbox,
        // monitoring, audit log, scheduling, supervisory review.
        4_096 | 8_192 | 16_384 | 4_194_304 | 8_388_608 | 16_777_216 | 536_870_912 | 1_073_741_824 | 0x10_0000_0000
        | 0x80_0000_0000 | 0x400_0000_0000 | 0x1000_0000_0000 | 0x4000_0000_0000 | 0x8000_0000_0000 => {
            return Some(Recipient::System);
        }
        _ => return None,
    }))
}

/// The low byte is the kind; the high bits say "synchronized from elsewhere" and "can stand in access lists".
fn by_display(display: i64, class: Class) -> Option<Recipient> {
    use RecipientType::*;
    const SYNCED: i64 = 0x8000_0000;
    let bits = display & 0xffff_ffff;
    if bits & SYNCED != 0 {
        // The second byte holds the kind over there, the lowest how it is shown here: as a remote mail user.
        return Some(Recipient::Is(match ((bits >> 8) & 0xff, class) {
            (_, Class::Contact) => MailContact,
            (0, _) => RemoteMailbox,
            (6, _) => MailUser,
            (7, _) => RoomMailbox,
            (8, _) => EquipmentMailbox,
            (1 | 9, Class::Group) => DistributionGroup,
            _ => return None,
        }));
    }
    Some(Recipient::Is(match (bits & 0xff, class) {
        (0, Class::User) => UserMailbox,
        (1 | 15, Class::Group) => DistributionGroup,
        (9, Class::Group) => SecurityGroup,
        (3, Class::DynamicGroup) => DynamicGroup,
        (6, Class::Contact) => MailContact,
        (6, Class::User) => MailUser,
        (7, Class::User) => RoomMailbox,
        (8, Class::User) => EquipmentMailbox,
        (10, _) => return Some(Recipient::System),
        _ => return None,
    }))
}

fn by_class(class: Class, record: &Record) -> Recipient {
    let has_mail = record.has("homeMDB") || record.has("msExchHomeServerName") || record.has("targetAddress");
    match class {
        Class::User if !has_mail => Recipient::Unclear(RecipientType::UserMailbox),
        _ => Recipient::Is(guess(class, record)),
    }
}

fn guess(class: Class, record: &Record) -> RecipientType {
    const SECURITY_ENABLED: i64 = 0x8000_0000;
    match class {
        Class::Contact => RecipientType::MailContact,
        Class::DynamicGroup => RecipientType::DynamicGroup,
        Class::Group if record.number("groupType").unwrap_or(0) & SECURITY_ENABLED != 0 => RecipientType::SecurityGroup,
        Class::Group => RecipientType::DistributionGroup,
        Class::User if record.has("homeMDB") || record.has("msExchHomeServerName") => RecipientType::UserMailbox,
        Class::User if record.has("targetAddress") => RecipientType::MailUser,
        Class::User => RecipientType::UserMailbox,
    }
}

#[cfg(test)]
mod tests {
    use super::Recipient::{Is, None, System, Unclear};
    use super::*;
    use RecipientType::*;

    fn of(dn: &str, class: &str, attributes: &[(&str, &str)]) -> Recipient {
        let classes: &[&str] = match class {
            "group" => &["top", "group"],
            "dynamic" => &["top", "msExchDynamicDistributionList"],
            "contact" => &["top", "person", "organizationalPerson", "contact"],
            "computer" => &["top", "person", "organizationalPerson", "user", "computer"],
            _ => &["top", "person", "organizationalPerson", "user"],
        };
        let values: Vec<[&str; 1]> = attributes.iter().map(|(_, value)| [*value]).collect();
        let mut all: Vec<(&str, &[&str])> = vec![("objectClass", classes), ("mailNickname", &["alias"])];
        all.extend(attributes.iter().zip(&values).map(|((name, _), value)| (*name, value.as_slice())));
        classify(&Record::of(dn, &all))
    }

    #[test]
    fn type_details_come_first() {
        for (class, details, wanted) in [
            ("user", "1", Is(UserMailbox)),
            ("user", "2", Is(LinkedMailbox)),
            ("user", "4", Is(SharedMailbox)),
            ("user", "8", Is(UserMailbox)),
            ("user", "16", Is(RoomMailbox)),
            ("user", "32", Is(EquipmentMailbox)),
            ("contact", "64", Is(MailContact)),
            ("contact", "32768", Is(MailContact)),
            ("user", "128", Is(MailUser)),
            ("group", "256", Is(DistributionGroup)),
            ("group", "512", Is(DistributionGroup)),
            ("group", "1024", Is(SecurityGroup)),
            ("group", "268435456", Is(DistributionGroup)),
            ("dynamic", "2048", Is(DynamicGroup)),
            ("user", "2147483648", Is(RemoteMailbox)),
            ("user", "8589934592", Is(RoomMailbox)),
            ("user", "17179869184", Is(EquipmentMailbox)),
            ("user", "34359738368", Is(RemoteSharedMailbox)),
            ("user", "137438953472", Is(SharedMailbox)),
            ("user", "35184372088832", Is(GuestUser)),
            ("user", "8192", System),
            ("user", "16384", System),
            ("user", "4194304", System),
            ("user", "8388608", System),
            ("user", "16777216", System),
            ("user", "536870912", System),
            ("group", "1073741824", System),
            ("user", "68719476736", System),
            ("user", "549755813888", System),
            ("user", "65536", None),
            ("user", "33554432", None),
            // Contradictions.
            ("user", "64", Unclear(UserMailbox)),
            ("contact", "1", Unclear(MailContact)),
            ("group", "2048", Unclear(DistributionGroup)),
            ("contact", "256", Unclear(MailContact)),
        ] {
            assert_eq!(
                of("CN=x,DC=corp", class, &[("msExchRecipientTypeDetails", details)]),
                wanted,
                "{class} {details}"
            );
        }
    }

    #[test]
    fn display_types_come_second() {
        for (class, display, wanted) in [
            ("user", "0", Is(UserMailbox)),
            ("user", "1073741824", Is(UserMailbox)),
            ("user", "1073741830", Is(MailUser)),
            ("user", "6", Is(MailUser)),
            ("contact", "6", Is(MailContact)),
            ("group", "1", Is(DistributionGroup)),
            ("group", "1073741833", Is(SecurityGroup)),
            ("group", "15", Is(DistributionGroup)),
            ("dynamic", "3", Is(DynamicGroup)),
            ("user", "7", Is(RoomMailbox)),
            ("user", "8", Is(EquipmentMailbox)),
            ("user", "10", System),
            ("user", "-2147483642", Is(RemoteMailbox)),
            ("user", "-1073741818", Is(RemoteMailbox)),
            ("user", "-2147482106", Is(MailUser)),
            ("user", "-2147481850", Is(RoomMailbox)),
            ("user", "-2147481594", Is(EquipmentMailbox)),
            ("contact", "-2147481338", Is(MailContact)),
        ] {
            let attributes = [("msExchRecipientTypeDetails", "0"), ("msExchRecipientDisplayType", display)];
            assert_eq!(of("CN=x,DC=corp", class, &attributes), wanted, "{class} {display}");
        }
    }

    #[test]
    fn without_types_the_mail_attributes_decide() {
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Recipient);
        let cases: &[Case<'_>] = &[
            ("user", &[("homeMDB", "CN=db")], Is(UserMailbox)),
            ("user", &[("msExchHomeServerName", "/o=Corp")], Is(UserMailbox)),
            ("user", &[("targetAddress", "SMTP:a@b.test")], Is(MailUser)),
            ("user", &[], Unclear(UserMailbox)),
            ("contact", &[], Is(MailContact)),
            ("group", &[("groupType", "-2147483640")], Is(SecurityGroup)),
            ("group", &[("groupType", "8")], Is(DistributionGroup)),
            ("dynamic", &[], Is(DynamicGroup)),
            ("computer", &[], None),
            ("user", &[("msExchRecipientTypeDetails", "33554432"), ("targetAddress", "SMTP:a@b.test")], Is(MailUser)),
            // A number that no version known here uses falls through.
            ("contact", &[("msExchRecipientTypeDetails", "4611686018427387904")], Is(MailContact)),
        ];
        for (class, attributes, wanted) in cases {
            assert_eq!(of("CN=x,DC=corp", class, attributes), *wanted, "{class} {attributes:?}");
        }
    }

    #[test]
    fn mailboxes_of_exchange_are_known_by_place_and_name() {
        for dn in [
            "CN=HealthMailbox0123,CN=Monitoring Mailboxes,CN=Microsoft Exchange System Objects,DC=corp",
            "CN=SystemMailbox{1f05a927},CN=Users,DC=corp",
            "CN=DiscoverySearchMailbox {D919BA05},CN=Users,DC=corp",
            "CN=Migration.8f3e7716-2011-43e4-96b1-aba62d229136,CN=Users,DC=corp",
        ] {
            assert_eq!(of(dn, "user", &[("msExchRecipientTypeDetails", "1")]), System, "{dn}");
        }
    }

    #[test]
    fn without_an_alias_nothing_is_a_recipient() {
        let record = Record::of("CN=x", &[("objectClass", &["top", "user"]), ("mail", &["a@b.test"])]);
        assert_eq!(classify(&record), None);
    }
}
