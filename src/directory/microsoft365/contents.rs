//! Our contacts, and the holders of all other addresses of the tenant.

use super::cmdlet::{Call, Exchange};
use super::contact::{ContactReader, Details};
use super::row::{Kind, Row};
use super::target::{Microsoft365Target, accepted_domains};
use crate::directory::recipient::occupied::Occupied;
use crate::directory::{ContentsCompletion, Error, TargetEvent};
use crate::model::mark::{OwnerMark, Ownership};
use crate::model::taken::{Holder, HolderKind};
use crate::model::{RecipientType, SmtpAddress};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::future::ready;

type Events<'a> = BoxStream<'a, Result<TargetEvent, Error>>;

/// Details of contacts come first: most have none, so that little is kept while the address space passes by.
pub(super) async fn read(target: &Microsoft365Target) -> Result<Events<'_>, Error> {
    let exchange = target.exchange();
    let own_domains = accepted_domains(exchange).await?;
    let reader = target.reader();
    // Its first pages are on their way meanwhile.
    let pages = exchange.list(Call::new("Get-Recipient").select(reader.recipient_properties()));
    let mut details: HashMap<String, Details> = HashMap::new();
    let mut contacts = Box::pin(exchange.list(Call::new("Get-Contact").select(ContactReader::details_properties())));
    while let Some(page) = contacts.try_next().await? {
        for row in &page {
            let found = ContactReader::details(row);
            if let Some(guid) = row.guid().filter(|_| !found.is_empty()) {
                details.insert(guid, found);
            }
        }
    }
    let events = pages.map_ok(move |page| {
        let events: Vec<_> = page.iter().flat_map(|row| judge(row, &details, reader)).map(Ok).collect();
        stream::iter(events)
    });
    let last = stream::once(ready(Ok(TargetEvent::Complete(ContentsCompletion { own_domains }))));
    // The pages' stream ends after an error; nothing may follow it that looks complete.
    let all = events.try_flatten().chain(last).scan(false, |failed, event| {
        let stop = std::mem::replace(failed, event.is_err());
        ready((!stop).then_some(event))
    });
    Ok(all.boxed())
}

fn judge(row: &Row, details: &HashMap<String, Details>, reader: &ContactReader) -> Vec<TargetEvent> {
    match reader.ownership(row) {
        Ownership::Ours(mark) => {
            let none = Details::new();
            let details = row.guid().and_then(|guid| details.get(&guid)).unwrap_or(&none);
            vec![TargetEvent::Owned(Box::new(reader.contact(row, details, mark)))]
        }
        _ => taken(row, row.text(&reader.owner_attribute).is_some_and(OwnerMark::looks_like)),
    }
}

fn holder_kind(row: &Row, marked: bool) -> HolderKind {
    use RecipientType::*;
    match row.kind() {
        Kind::ForestContact => HolderKind::OtherSync,
        Kind::Is(kind) | Kind::Unclear(kind) => match kind {
            MailContact if row.flag("IsDirSynced") => HolderKind::SyncedObject,
            MailContact if marked => HolderKind::OtherSync,
            MailContact => HolderKind::ForeignContact,
            MailUser => HolderKind::MailUser,
            GuestUser => HolderKind::Guest,
            DistributionGroup | SecurityGroup | DynamicGroup | Microsoft365Group | GoogleGroup => HolderKind::Group,
            _ => HolderKind::Mailbox,
        },
        Kind::Other if row.text("RecipientTypeDetails").is_some_and(|details| details.contains("PublicFolder")) => {
            HolderKind::Group
        }
        Kind::Other => HolderKind::Mailbox,
    }
}

fn taken(row: &Row, marked: bool) -> Vec<TargetEvent> {
    let kind = holder_kind(row, marked);
    let mut held = Occupied::of(row.texts("EmailAddresses"));
    if let Some(Ok(primary)) = row.text("PrimarySmtpAddress").map(SmtpAddress::parse) {
        held.address(&primary, true);
    }
    if let Some(external) = row.external() {
        let is_contact = matches!(kind, HolderKind::ForeignContact | HolderKind::OtherSync | HolderKind::SyncedObject);
        held.address(&external, is_contact);
    }
    if let Some(dn) = row.text("LegacyExchangeDN") {
        held.x500(dn);
    }
    let name = row.text("Name").unwrap_or_default().to_owned();
    held.by(&Holder { kind, handle: row.guid().unwrap_or_else(|| name.clone()), name })
}

impl Exchange<'_> {
    /// The objects that the filter finds, with their details.
    pub(super) async fn find(self, filter: &str, reader: &ContactReader) -> Result<Vec<(Row, Details)>, Error> {
        let by = |cmdlet| Call::new(cmdlet).with("Filter", filter);
        let rows = self.all(by("Get-Recipient").select(reader.recipient_properties())).await?;
        let contacts = rows.iter().any(|row| row.kind() == Kind::Is(RecipientType::MailContact));
        let details = match contacts {
            true => self.all(by("Get-Contact").select(ContactReader::details_properties())).await?,
            false => Vec::new(),
        };
        let mut by_guid: HashMap<String, Details> =
            details.iter().filter_map(|row| Some((row.guid()?, ContactReader::details(row)))).collect();
        let with = |row: Row| {
            let details = row.guid().and_then(|guid| by_guid.remove(&guid)).unwrap_or_default();
            (row, details)
        };
        Ok(rows.into_iter().map(with).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;
    use crate::model::taken::Taken;
    use serde_json::{Value, json};

    fn held(more: Value, marked: bool) -> (HolderKind, Vec<(String, bool)>) {
        let one = |event: TargetEvent| match event {
            TargetEvent::Taken(taken) => *taken,
            other => panic!("{other:?}"),
        };
        let all: Vec<Taken> = taken(&row(more), marked).into_iter().map(one).collect();
        (all[0].holder.kind, all.into_iter().map(|taken| (taken.value, taken.primary)).collect())
    }

    #[test]
    fn every_address_of_an_object_is_taken() {
        let (kind, values) = held(
            json!({
                "RecipientTypeDetails": "UserMailbox", "Guid": "A", "PrimarySmtpAddress": "Ada@b.test",
                "EmailAddresses": ["SMTP:Ada@b.test", "smtp:a@b.test", "X500:/o=Old", "SIP:ada@b.test"],
                "LegacyExchangeDN": "/o=ExchangeLabs/cn=Ada",
            }),
            false,
        );
        assert_eq!(kind, HolderKind::Mailbox);
        let wanted = [
            ("smtp:a@b.test", false),
            ("smtp:ada@b.test", true),
            ("x500:/o=exchangelabs/cn=ada", false),
            ("x500:/o=old", false),
        ];
        assert_eq!(values, wanted.map(|(value, primary)| (value.to_owned(), primary)));
    }

    #[test]
    fn holders_are_told_apart() {
        for (details, synced, marked, wanted) in [
            ("MailContact", false, false, HolderKind::ForeignContact),
            ("MailContact", false, true, HolderKind::OtherSync),
            ("MailContact", true, true, HolderKind::SyncedObject),
            ("MailForestContact", false, false, HolderKind::OtherSync),
            ("MailUser", true, false, HolderKind::MailUser),
            ("GuestMailUser", false, false, HolderKind::Guest),
            ("GroupMailbox", false, false, HolderKind::Group),
            ("SharedMailbox", false, true, HolderKind::Mailbox),
            ("PublicFolder", false, false, HolderKind::Group),
        ] {
            let row = json!({"RecipientTypeDetails": details, "IsDirSynced": synced, "Guid": "a",
                "ExternalEmailAddress": "SMTP:a@b.test"});
            assert_eq!(held(row, marked).0, wanted, "{details}");
        }
    }
}
