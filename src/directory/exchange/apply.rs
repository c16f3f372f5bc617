//! Carrying out changes: several requests under way, each change by itself, twice the same as once.
//!
//! All but a creation read the object first and compare it with what the plan saw; the modification then fails
//! as a whole if the mark changed in between.

use super::connection::Session;
use super::failure::{self, code};
use super::record::Record;
use super::target::{ExchangeTarget, TargetInfo};
use super::{classify, contact, names, stamp};
use crate::directory::decide::{self, Decision, Found, only, refused};
use crate::directory::{ChangeOutcome, ChangeResult, Error};
use crate::model::mark::Ownership;
use crate::model::{Change, Contact, OwnerMark, RecipientType, Step};
use futures::stream::{self, StreamExt};
use ldap3::{LdapError, LdapResult, Mod};

/// Why a change has no outcome.
enum Stop {
    /// The connection went; the change may or may not have been carried out.
    Lost(Error),
    /// The same would happen to all other changes.
    All(Error),
}

type Attempt = Result<ChangeOutcome, Stop>;

fn with(result: ChangeResult, record: &Record) -> ChangeOutcome {
    decide::about(result, record.text("legacyExchangeDN"))
}

impl ExchangeTarget {
    /// A lost connection is made anew once; what was under way is tried again, which does nothing twice.
    pub(super) async fn carry_out(&self, changes: &[Change]) -> Result<Vec<ChangeOutcome>, Error> {
        let mut outcomes: Vec<Option<ChangeOutcome>> = vec![None; changes.len()];
        for last in [false, true] {
            let open: Vec<usize> = (0..changes.len()).filter(|at| outcomes[*at].is_none()).collect();
            let session = self.session().await?;
            let known = self.info(&session).await?;
            if changes.iter().any(|change| matches!(change.step, Step::Create(_))) {
                self.place.get_or_try_init(|| self.make_place(&session)).await?;
            }
            let writer = Writer { target: self, session: &session, known: &known };
            let writer = &writer;
            let attempts = stream::iter(open).map(|at| async move { (at, writer.one(&changes[at]).await) });
            let mut attempts = attempts.buffer_unordered(self.concurrency);
            let mut lost = None;
            while let Some((at, attempt)) = attempts.next().await {
                match attempt {
                    Ok(outcome) => outcomes[at] = Some(outcome),
                    Err(Stop::Lost(error)) => lost = Some(error),
                    Err(Stop::All(error)) => return Err(error),
                }
            }
            match lost {
                None => break,
                Some(error) if last => return Err(error),
                Some(error) => {
                    tracing::warn!(%error, "connecting again");
                    self.traffic.retried();
                    self.disconnect().await;
                }
            }
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.expect("every change was tried")).collect())
    }

    /// Makes the contacts' organizational unit, and those above it that are missing.
    async fn make_place(&self, session: &Session) -> Result<(), Error> {
        let mut missing: Vec<&str> = Vec::new();
        let mut dn = self.contacts_ou();
        while session.read(dn, &["objectClass"]).await?.is_none() {
            missing.push(dn);
            dn = names::parent(dn);
            if dn.is_empty() || !missing.last().is_some_and(|dn| dn.trim().to_lowercase().starts_with("ou=")) {
                let ou = self.contacts_ou();
                return Err(Error::Configuration(format!("{ou} does not exist, and not all of its path can be made")));
            }
        }
        for dn in missing.into_iter().rev() {
            let class = ["top", "organizationalUnit"].map(str::to_owned).to_vec();
            let description = vec!["Contacts of other mail systems, kept by GalSync; do not edit".to_owned()];
            let attributes = [("objectClass".to_owned(), class), ("description".to_owned(), description)];
            let result = session.add(dn, &attributes).await.map_err(|error| session.failed(&error))?;
            if !matches!(result.rc, code::SUCCESS | code::EXISTS) {
                return Err(failure::of_result(
                    &session.server,
                    &format!("making the organizational unit {dn}"),
                    &result,
                ));
            }
        }
        Ok(())
    }
}

struct Writer<'a> {
    target: &'a ExchangeTarget,
    session: &'a Session,
    known: &'a TargetInfo,
}

impl Writer<'_> {
    async fn one(&self, change: &Change) -> Attempt {
        // A creation tries first, and looks only where the name is taken.
        if let Step::Create(after) = &change.step {
            return self.create(after).await;
        }
        let record = self.object(change.earliest()).await?;
        let found = self.found(record.as_ref(), Some(decide::mark_to_be(change)));
        self.carry(decide::decide(change, found), record.as_ref()).await
    }

    async fn carry(&self, decision: Decision<'_>, record: Option<&Record>) -> Attempt {
        match (decision, record) {
            (Decision::Leave(result), Some(record)) if result == ChangeResult::AlreadyDone => Ok(with(result, record)),
            (Decision::Leave(result), _) => Ok(only(result)),
            (Decision::Write { current, after }, Some(record)) => self.write(record, &current, after).await,
            (Decision::Delete, Some(record)) => self.delete(record).await,
            (Decision::Unmark { current }, Some(record)) => {
                let changes = stamp::unmark(record, &current, &self.known.organization, self.owner_attribute());
                self.modify(record, changes).await
            }
            // It was there when its creation was refused.
            (Decision::Create(_), _) | (_, None) => Ok(only(ChangeResult::Drifted)),
        }
    }

    /// What a record is to the decision. A contact that lacks its mark is free only if nothing else stands where the
    /// mark goes.
    fn found(&self, record: Option<&Record>, mark: Option<OwnerMark>) -> Found {
        let Some(record) = record else { return Found::Nothing };
        let reader = &self.known.reader;
        match (self.ownership(record), mark) {
            (Ownership::Ours(mark), _) => Found::Ours(Box::new(reader.contact(record, mark))),
            (Ownership::Unmarked, Some(mark))
                if is_mail_contact(record) && record.text(self.owner_attribute()).is_none() =>
            {
                Found::Free(Box::new(reader.contact(record, mark)))
            }
            (Ownership::Unmarked, _) => Found::Unmarked,
            (Ownership::OtherSync, _) => Found::Other,
        }
    }

    fn owner_attribute(&self) -> &str {
        &self.target.owner_attribute
    }

    fn lost(&self, error: &LdapError) -> Stop {
        let mapped = self.session.failed(error);
        if failure::is_lost(error) { Stop::Lost(mapped) } else { Stop::All(mapped) }
    }

    /// The object as it is now; by objectGUID, so that moving it does no harm.
    async fn object(&self, contact: &Contact) -> Result<Option<Record>, Stop> {
        let dn = match &contact.handle {
            Some(guid) if !guid.contains('=') => names::guid_dn(guid),
            Some(dn) => dn.clone(),
            None => self.dn(contact),
        };
        self.read(&dn).await
    }

    async fn read(&self, dn: &str) -> Result<Option<Record>, Stop> {
        let found = self.session.read(dn, &contact::ldap_attributes(self.owner_attribute())).await;
        found.map_err(|error| match error {
            Error::Unavailable { .. } => Stop::Lost(error),
            error => Stop::All(error),
        })
    }

    fn dn(&self, contact: &Contact) -> String {
        format!("{},{}", names::cn(contact.name.as_str()), self.target.contacts_ou())
    }

    fn ownership(&self, record: &Record) -> Ownership {
        self.known.scope.ownership(record.text(self.owner_attribute()), !record.is_class("contact"))
    }

    async fn create(&self, after: &Contact) -> Attempt {
        let dn = self.dn(after);
        let values = stamp::creation(after, &self.known.organization, self.owner_attribute());
        let result = self.session.add(&dn, &values).await.map_err(|error| self.lost(&error))?;
        match result.rc {
            code::SUCCESS => Ok(ChangeOutcome {
                legacy_exchange_dn: Some(self.known.organization.legacy_exchange_dn(after.name.as_str())),
                ..only(ChangeResult::Done)
            }),
            code::EXISTS => self.finish(&dn, after).await,
            code::INSUFFICIENT_RIGHTS => {
                let action = format!("creating contacts in {}", self.target.contacts_ou());
                Err(Stop::All(failure::of_result(&self.session.server, &action, &result)))
            }
            _ => self.other(&result, values.iter().map(|(name, _)| name.as_str())),
        }
    }

    /// An object with the contact's name is there: ours from an earlier push, or somebody's. A creation writes the mark
    /// with all else, so that none of ours is ever half made.
    async fn finish(&self, dn: &str, after: &Contact) -> Attempt {
        let record = self.read(dn).await?;
        let found = self.found(record.as_ref(), None);
        self.carry(decide::create(after, found), record.as_ref()).await
    }

    async fn delete(&self, record: &Record) -> Attempt {
        let result = self.session.delete(&self.address(record)).await.map_err(|error| self.lost(&error))?;
        match result.rc {
            code::SUCCESS => Ok(with(ChangeResult::Done, record)),
            code::NO_OBJECT => Ok(with(ChangeResult::AlreadyDone, record)),
            _ => self.other(&result, std::iter::empty()),
        }
    }

    fn address(&self, record: &Record) -> String {
        record.guid().map_or_else(|| record.dn.clone(), |guid| names::guid_dn(&guid))
    }

    async fn write(&self, record: &Record, current: &Contact, after: &Contact) -> Attempt {
        self.modify(record, stamp::update(record, current, after, &self.known.organization, self.owner_attribute()))
            .await
    }

    async fn modify(&self, record: &Record, changes: Vec<Mod<String>>) -> Attempt {
        if changes.is_empty() {
            return Ok(with(ChangeResult::AlreadyDone, record));
        }
        let sent = self.session.modify(&self.address(record), &changes).await;
        let result = sent.map_err(|error| self.lost(&error))?;
        match result.rc {
            code::SUCCESS => Ok(with(ChangeResult::Done, record)),
            // Somebody wrote in the moment between reading and writing.
            code::NO_OBJECT | code::NO_ATTRIBUTE => Ok(only(ChangeResult::Drifted)),
            _ => self.other(&result, stamp::touched(&changes)),
        }
    }

    fn other<'n>(&self, result: &LdapResult, names: impl Iterator<Item = &'n str>) -> Attempt {
        match result.rc {
            code::BUSY
            | code::ADMIN_LIMIT
            | code::UNAVAILABLE
            | code::REFERRAL
            | code::STRONGER_AUTH
            | code::CONFIDENTIALITY => {
                Err(Stop::All(failure::of_result(&self.session.server, "writing contacts", result)))
            }
            _ => Ok(refused(failure::refusal(result, names))),
        }
    }
}

fn is_mail_contact(record: &Record) -> bool {
    matches!(classify::classify(record), classify::Recipient::Is(RecipientType::MailContact))
}
