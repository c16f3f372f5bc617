//! Our contacts, and the holders of all other addresses of the forest.

use super::classify::{self, Recipient};
use super::connection::Session;
use super::record::Record;
use super::search::{self, Query};
use super::target::{ExchangeTarget, TargetInfo};
use super::{contact, forest, names};
use crate::directory::recipient::occupied::Occupied;
use crate::directory::stream::until_error;
use crate::directory::{ContentsCompletion, Error, TargetEvent};
use crate::model::mark::Ownership;
use crate::model::taken::{Holder, HolderKind};
use crate::model::{RecipientType, SmtpAddress};
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use std::future::ready;
use std::sync::Arc;

/// Whatever Exchange might resolve an address to. `mail` alone makes nobody a recipient.
const HOLDERS: &str = "(|(mailNickname=*)(proxyAddresses=*)(targetAddress=*))";
/// What tells a MailForestContact: made by another synchronization, such as Microsoft's.
const FOREST_CONTACT: i64 = 32_768;

type Events = BoxStream<'static, Result<TargetEvent, Error>>;

/// Contacts of ours come from the domain controller that is written to; other addresses from the global catalog
/// where there is one, since they must be unique in the forest.
pub(super) async fn read(target: &ExchangeTarget) -> Result<Events, Error> {
    let session = target.session().await?;
    let known = target.info(&session).await?;
    let own_domains = forest::accepted_domains(&session).await?;
    let home = session.naming_context_of(target.contacts_ou()).expect("checked when connecting").to_owned();
    let catalog = match &target.settings.ldap.global_catalog_url {
        Some(url) => Some(Session::connect(std::slice::from_ref(url), &target.access, &target.traffic).await?),
        None => None,
    };
    let mut parts: Vec<Events> = Vec::new();
    match catalog {
        Some(catalog) => {
            let prefix = names::filter_value(&known.scope.prefix()).into_owned();
            let ours = format!("({}={prefix}*)", known.reader.owner_attribute);
            parts.push(events(&session, &home, &ours, &known, Part::Ours));
            parts.push(events(&catalog, "", HOLDERS, &known, Part::Others));
        }
        None => {
            let mut roots = vec![home];
            for base in &target.settings.base_dns {
                let Some(context) = session.naming_context_of(base) else {
                    return Err(Error::Configuration(format!(
                        "{} does not hold {base}; add globalCatalogUrl, so that addresses are checked in the whole forest",
                        session.server
                    )));
                };
                if !roots.iter().any(|root| names::same(root, context)) {
                    roots.push(context.to_owned());
                }
            }
            parts.extend(roots.iter().map(|root| events(&session, root, HOLDERS, &known, Part::Both)));
        }
    }
    let last = stream::once(ready(Ok(TargetEvent::Complete(ContentsCompletion { own_domains }))));
    let all = stream::iter(parts).flatten().chain(last);
    Ok(until_error(all).boxed())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Ours,
    Others,
    Both,
}

fn events(session: &Session, root: &str, filter: &str, known: &Arc<TargetInfo>, part: Part) -> Events {
    let wanted = match part {
        Part::Others => {
            let own = ["objectGUID", "cn", "mail", "proxyAddresses", "legacyExchangeDN", &known.reader.owner_attribute];
            [&own, classify::ATTRIBUTES].concat()
        }
        Part::Ours | Part::Both => contact::ldap_attributes(&known.reader.owner_attribute),
    };
    let records: Box<dyn Stream<Item = Result<Record, Error>> + Send + Unpin> =
        Box::new(Box::pin(search::records(session, Query::subtree(root, filter, &wanted))));
    let known = known.clone();
    let judged = records.map_ok(move |record| stream::iter(judge(&record, &known, part).into_iter().map(Ok)));
    judged.try_flatten().boxed()
}

fn judge(record: &Record, known: &TargetInfo, part: Part) -> Vec<TargetEvent> {
    let mark = record.text(&known.reader.owner_attribute);
    // A mark on anything but a contact was copied there by somebody.
    let ownership = known.scope.ownership(mark, !record.is_class("contact"));
    match ownership {
        Ownership::Ours(_) if part == Part::Others => Vec::new(),
        Ownership::Ours(mark) => vec![TargetEvent::Owned(Box::new(known.reader.contact(record, mark)))],
        _ if part == Part::Ours => Vec::new(),
        ownership => taken(record, ownership == Ownership::OtherSync),
    }
}

fn kind(record: &Record, other_sync: bool) -> HolderKind {
    use RecipientType::*;
    if other_sync || record.number("msExchRecipientTypeDetails") == Some(FOREST_CONTACT) {
        return HolderKind::OtherSync;
    }
    match classify::classify(record) {
        Recipient::Is(kind) | Recipient::Unclear(kind) => match kind {
            MailContact => HolderKind::ForeignContact,
            MailUser => HolderKind::MailUser,
            GuestUser => HolderKind::Guest,
            DistributionGroup | SecurityGroup | DynamicGroup | Microsoft365Group | GoogleGroup => HolderKind::Group,
            _ => HolderKind::Mailbox,
        },
        Recipient::System => HolderKind::Mailbox,
        // Not mail-enabled as Exchange sees it, or a public folder; it holds the address all the same.
        Recipient::None if record.is_class("contact") => HolderKind::ForeignContact,
        Recipient::None if record.is_class("group") || record.is_class("publicFolder") => HolderKind::Group,
        Recipient::None if record.has("homeMDB") => HolderKind::Mailbox,
        Recipient::None => HolderKind::MailUser,
    }
}

fn taken(record: &Record, other_sync: bool) -> Vec<TargetEvent> {
    let kind = kind(record, other_sync);
    let mut held = Occupied::of(record.texts("proxyAddresses"));
    let primary = record.addresses().primary;
    if let Some(primary) = &primary {
        held.address(primary, true);
    }
    if let Some(Ok(mail)) = record.text("mail").map(SmtpAddress::parse) {
        held.address(&mail, false);
    }
    if let Some(external) = record.external() {
        let shown = matches!(kind, HolderKind::ForeignContact | HolderKind::OtherSync) || primary.is_none();
        held.address(&external, shown);
    }
    if let Some(dn) = record.text("legacyExchangeDN").filter(|dn| !dn.is_empty()) {
        held.x500(dn);
    }
    let handle = record.guid().unwrap_or_else(|| record.dn.clone());
    let name = record.text("cn").map_or_else(|| names::first_value(&record.dn), str::to_owned);
    held.by(&Holder { kind, handle, name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::taken::Taken;

    fn held(attributes: &[(&str, &[&str])], other_sync: bool) -> (HolderKind, Vec<(String, bool)>) {
        let events = taken(&Record::of("CN=x,DC=corp", attributes), other_sync);
        let one = |event: TargetEvent| match event {
            TargetEvent::Taken(taken) => *taken,
            other => panic!("{other:?}"),
        };
        let all: Vec<Taken> = events.into_iter().map(one).collect();
        (all[0].holder.kind, all.into_iter().map(|taken| (taken.value, taken.primary)).collect())
    }

    #[test]
    fn every_address_of_an_object_is_taken() {
        let (kind, values) = held(
            &[
                ("objectClass", &["top", "user"]),
                ("mailNickname", &["ada"]),
                ("homeMDB", &["CN=db"]),
                ("mail", &["Ada@b.test"]),
                ("proxyAddresses", &["SMTP:Ada@b.test", "smtp:a@b.test", "X500:/o=Old", "sip:ada@b.test"]),
                ("legacyExchangeDN", &["/o=Corp/cn=Ada"]),
            ],
            false,
        );
        assert_eq!(kind, HolderKind::Mailbox);
        let wanted = [
            ("smtp:a@b.test", false),
            ("smtp:ada@b.test", true),
            ("x500:/o=corp/cn=ada", false),
            ("x500:/o=old", false),
        ];
        assert_eq!(values, wanted.map(|(value, primary)| (value.to_owned(), primary)));
    }

    #[test]
    fn holders_are_told_apart() {
        let contact: &[&str] = &["top", "person", "organizationalPerson", "contact"];
        let target: (&str, &[&str]) = ("targetAddress", &["SMTP:a@b.test"]);
        let nick: (&str, &[&str]) = ("mailNickname", &["a"]);
        type Case<'a> = (&'a [(&'a str, &'a [&'a str])], bool, HolderKind);
        let cases: [Case<'_>; 7] = [
            (&[("objectClass", contact), nick, target], false, HolderKind::ForeignContact),
            (&[("objectClass", contact), target], false, HolderKind::ForeignContact),
            (&[("objectClass", contact), nick, target], true, HolderKind::OtherSync),
            (
                &[("objectClass", contact), nick, target, ("msExchRecipientTypeDetails", &["32768"])],
                false,
                HolderKind::OtherSync,
            ),
            (&[("objectClass", &["user"]), nick, target], false, HolderKind::MailUser),
            (&[("objectClass", &["group"]), nick, ("mail", &["a@b.test"])], false, HolderKind::Group),
            (&[("objectClass", &["publicFolder"]), ("proxyAddresses", &["SMTP:a@b.test"])], false, HolderKind::Group),
        ];
        for (attributes, other_sync, wanted) in cases {
            let (kind, values) = held(attributes, other_sync);
            assert_eq!(kind, wanted, "{attributes:?}");
            assert_eq!(values, [("smtp:a@b.test".to_owned(), true)][..values.len()].to_vec(), "{attributes:?}");
        }
    }
}
