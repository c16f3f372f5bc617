//! Carrying out changes: several cmdlets under way, each change by itself, twice the same as once.
//!
//! All but creations read the objects first, many at once, and compare them with what the plan saw. A contact is
//! made in three steps of which the last writes the mark: until then it is found by its name and delivery address.

use super::cmdlet::{Call, Exchange, Failed, quoted};
use super::cmdlet_error::{CmdletError, CmdletErrorKind};
use super::contact::{ContactReader, Details};
use super::row::{Kind, Row};
use super::target::Microsoft365Target;
use super::write::{self, Writes};
use crate::directory::decide::{self, Decision, Found, only, refused};
use crate::directory::{ChangeOutcome, ChangeResult, Error};
use crate::model::mark::Ownership;
use crate::model::{Change, Contact, OwnerMark, RecipientType, Step};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// Objects that are read by one filter.
const CHUNK: usize = 20;
/// Chunks under way at least, so that reading one and writing another overlap. How many cmdlets are under way is the
/// pacer's to say.
const CHUNKS: usize = 3;
/// Exchange Online does not say when its quota for new contacts permits more; experience says hours.
const QUOTA_PAUSE: SignedDuration = SignedDuration::from_hours(4);

type Attempt = Result<ChangeOutcome, Error>;
type Object = (Row, Details);
type Objects = HashMap<String, Object>;

fn with(result: ChangeResult, row: &Row) -> ChangeOutcome {
    decide::about(result, row.text("LegacyExchangeDN"))
}

impl Microsoft365Target {
    pub(super) async fn carry_out(&self, changes: &[Change]) -> Result<Vec<ChangeOutcome>, Error> {
        let writer = &Writer { target: self, exchange: self.exchange(), reader: self.reader() };
        let chunks: Vec<_> = changes.chunks(CHUNK).map(|chunk| writer.chunk(chunk)).collect();
        // One is read while the others keep every place of every request taken.
        let enough = self.sessions.exchange.cmdlets_under_way().div_ceil(CHUNK) + 1;
        stream::iter(chunks).buffered(enough.max(CHUNKS)).try_concat().await
    }

    fn waiting_until(&self) -> Option<Timestamp> {
        let until = *self.waiting_until.lock().expect("no holder panics");
        until.filter(|until| *until > Timestamp::now())
    }

    fn begin_waiting(&self) -> Timestamp {
        let mut until = self.waiting_until.lock().expect("no holder panics");
        *until.get_or_insert_with(|| Timestamp::now() + QUOTA_PAUSE)
    }
}

pub(super) struct Writer<'a> {
    pub(super) target: &'a Microsoft365Target,
    pub(super) exchange: Exchange<'a>,
    pub(super) reader: &'a ContactReader,
}

impl Writer<'_> {
    async fn chunk(&self, changes: &[Change]) -> Result<Vec<ChangeOutcome>, Error> {
        let found = self.objects(changes).await?;
        let attempts: Vec<_> = changes.iter().map(|change| self.one(change, &found)).collect();
        stream::iter(attempts).buffered(CHUNK).try_collect().await
    }

    /// The objects that these changes are about, by id, and by name where no id is known.
    async fn objects(&self, changes: &[Change]) -> Result<Objects, Error> {
        let known = changes.iter().filter_map(|change| {
            let contact = change.earliest();
            match (&contact.handle, &change.step) {
                (Some(guid), _) => Some(format!("Guid -eq {}", quoted(guid))),
                (None, Step::Create(_)) => None,
                (None, _) => Some(format!("Name -eq {}", quoted(contact.name.as_str()))),
            }
        });
        let filter = known.collect::<Vec<_>>().join(" -or ");
        if filter.is_empty() {
            return Ok(Objects::new());
        }
        let mut found = Objects::new();
        for object in self.exchange.find(&filter, self.reader).await? {
            let (guid, name) = (object.0.guid().unwrap_or_default(), object.0.text("Name").unwrap_or_default());
            found.insert(name.to_lowercase(), object.clone());
            found.insert(guid, object);
        }
        Ok(found)
    }

    async fn one(&self, change: &Change, found: &Objects) -> Attempt {
        let contact = change.earliest();
        let name = || contact.name.as_str().to_lowercase();
        let object = found.get(&contact.handle.clone().unwrap_or_else(name));
        match decide::decide(change, self.found(object, decide::mark_to_be(change))) {
            Decision::Create(after) => self.create(after).await,
            decision => self.change(decision, object).await,
        }
    }

    /// All but creating.
    async fn change(&self, decision: Decision<'_>, object: Option<&Object>) -> Attempt {
        let row = object.map(|(row, _)| row);
        match (decision, row) {
            (Decision::Leave(result), Some(row)) if result == ChangeResult::AlreadyDone => Ok(with(result, row)),
            (Decision::Leave(result), _) => Ok(only(result)),
            (Decision::Write { current, after }, Some(row)) => self.write(row, &current, after).await,
            (Decision::Delete, Some(row)) => self.delete(row).await,
            (Decision::Unmark { current }, Some(row)) => {
                self.carry(row, &write::unmark(&current, &self.reader.owner_attribute), None).await
            }
            (Decision::Create(_), _) | (_, None) => Ok(only(ChangeResult::Drifted)),
        }
    }

    /// What an object is to the decision.
    fn found(&self, object: Option<&Object>, mark: OwnerMark) -> Found {
        let Some((row, details)) = object else { return Found::Nothing };
        match (self.reader.ownership(row), mark) {
            (Ownership::Ours(mark), _) => Found::Ours(Box::new(self.reader.contact(row, details, mark))),
            (Ownership::Unmarked, mark) if self.is_free(row) => {
                Found::Free(Box::new(self.reader.contact(row, details, mark)))
            }
            (Ownership::Unmarked, _) => Found::Unmarked,
            (Ownership::OtherSync, _) => Found::Other,
        }
    }

    /// A mail contact that nobody owns and that may be written.
    fn is_free(&self, row: &Row) -> bool {
        row.kind() == Kind::Is(RecipientType::MailContact)
            && !row.flag("IsDirSynced")
            && row.text(&self.reader.owner_attribute).is_none()
    }

    async fn delete(&self, row: &Row) -> Attempt {
        let call = Call::new("Remove-MailContact").with("Identity", identity(row)).with("Confirm", false);
        match self.exchange.run(&call).await {
            Ok(_) => Ok(with(ChangeResult::Done, row)),
            // It was there a moment ago; nobody has to know whether an earlier try of the same call removed it.
            Err(Failed::Cmdlet(CmdletError { kind: CmdletErrorKind::NotFound, .. })) => {
                Ok(with(ChangeResult::AlreadyDone, row))
            }
            Err(failed) => told("Remove-MailContact", failed),
        }
    }

    async fn create(&self, after: &Contact) -> Attempt {
        if let Some(until) = self.target.waiting_until() {
            return Ok(only(ChangeResult::QuotaExceeded { until }));
        }
        let call = Call::new("New-MailContact").with_all(write::creation(after));
        match self.exchange.run(&call).await {
            Ok(rows) => match rows.into_iter().next().filter(|row| row.guid().is_some()) {
                Some(row) => self.complete(&row, &write::created(after), after, true).await,
                None => self.find_and_finish(after, true).await,
            },
            Err(Failed::Cmdlet(error)) => match error.kind {
                CmdletErrorKind::CreateQuota => {
                    Ok(only(ChangeResult::QuotaExceeded { until: self.target.begin_waiting() }))
                }
                CmdletErrorKind::NameInUse => self.find_and_finish(after, true).await,
                CmdletErrorKind::AddressInUse(_) => self.find_and_finish(after, false).await,
                _ => told("New-MailContact", Failed::Cmdlet(error)),
            },
            Err(failed) => told("New-MailContact", failed),
        }
    }

    /// Name or address are taken: by the contact itself, made by an earlier try, or by somebody. One with the name
    /// may not be found at once.
    async fn find_and_finish(&self, after: &Contact, is_there: bool) -> Attempt {
        let name = after.name.as_str();
        let by_name = format!("Name -eq {}", quoted(name));
        let mut found = self.exchange.find(&by_name, self.reader).await?;
        if found.is_empty() && is_there {
            let wait = Call::new("Get-MailContact").with("Identity", name).select(["Guid"]).on_new_object();
            match self.exchange.run(&wait).await {
                Ok(_) => found = self.exchange.find(&by_name, self.reader).await?,
                Err(Failed::Cmdlet(CmdletError { kind: CmdletErrorKind::NotFound, .. })) => {}
                Err(failed) => return told("Get-MailContact", failed),
            }
        }
        match found.first() {
            Some(object) => {
                let mark = decide::without_values(&after.mark);
                self.change(decide::create(after, self.found(Some(object), mark)), Some(object)).await
            }
            None if is_there => Ok(refused(decide::NAME_TAKEN)),
            None => Ok(only(ChangeResult::Deferred)),
        }
    }

    async fn complete(&self, row: &Row, current: &Contact, after: &Contact, just_made: bool) -> Attempt {
        let writes = write::update(current, after, &self.reader.owner_attribute, true);
        self.carry(row, &writes, Some((after, just_made))).await
    }

    async fn write(&self, row: &Row, current: &Contact, after: &Contact) -> Attempt {
        let unmarked = self.reader.ownership(row) == Ownership::Unmarked;
        let writes = write::update(current, after, &self.reader.owner_attribute, unmarked);
        if writes.is_empty() {
            return Ok(with(ChangeResult::AlreadyDone, row));
        }
        self.carry(row, &writes, Some((after, false))).await
    }

    /// Set-Contact, then Set-MailContact. `after` = what the contact becomes, and whether it is new.
    async fn carry(&self, row: &Row, writes: &Writes, after: Option<(&Contact, bool)>) -> Attempt {
        let just_made = after.is_some_and(|(_, just_made)| just_made);
        let call = |cmdlet| {
            let call = Call::new(cmdlet).with("Identity", identity(row));
            if just_made { call.on_new_object() } else { call }
        };
        if !writes.contact.is_empty() {
            let call = call("Set-Contact").with_all(writes.contact.clone());
            if let Err(failed) = self.exchange.run(&call).await {
                return told("Set-Contact", failed);
            }
        }
        let mut refused_values = Vec::new();
        if writes.writes_mail_contact() {
            let call = call("Set-MailContact");
            if let Err(outcome) = self.set_mail_contact(&call, writes, after, &mut refused_values).await? {
                return Ok(outcome);
            }
        }
        Ok(ChangeOutcome { refused_values, ..with(ChangeResult::Done, row) })
    }

    /// Values that somebody else holds are left out, and the rest is written; the primary and the delivery address
    /// must be free.
    async fn set_mail_contact(
        &self,
        call: &Call,
        writes: &Writes,
        after: Option<(&Contact, bool)>,
        refused_values: &mut Vec<String>,
    ) -> Result<Result<(), ChangeOutcome>, Error> {
        let mut add = writes.add.clone();
        loop {
            let parameters = writes.mail_contact_adding(&add);
            let failed = match self.exchange.run(&call.clone().with_all(parameters)).await {
                Ok(_) => return Ok(Ok(())),
                Err(failed) => failed,
            };
            let Failed::Cmdlet(CmdletError { kind: CmdletErrorKind::AddressInUse(held), .. }) = &failed else {
                return told("Set-MailContact", failed).map(Err);
            };
            let held = held.as_ref().map(|value| value.to_lowercase());
            let identity =
                after.map(|(after, _)| [format!("smtp:{}", after.primary), format!("smtp:{}", after.delivery)]);
            let is_identity = |value: &str| identity.iter().flatten().any(|own| own == value);
            let optional = |value: &String| !is_identity(&value.to_lowercase());
            let at = add
                .iter()
                .position(|value| optional(value) && held.as_ref().is_none_or(|held| value.eq_ignore_ascii_case(held)));
            match at {
                // Which of them is not told: one after the other.
                Some(at) => refused_values.push(add.remove(at)),
                None => return Ok(Err(only(ChangeResult::Deferred))),
            }
        }
    }
}

/// By Guid, which moving and renaming do not change.
fn identity(row: &Row) -> String {
    row.guid().unwrap_or_default()
}

/// What a cmdlet's failure means for one change, or for all.
fn told(cmdlet: &'static str, failed: Failed) -> Attempt {
    let error = match failed {
        Failed::Error(error) => return Err(error),
        Failed::Cmdlet(error) => error,
    };
    match error.kind {
        CmdletErrorKind::NotGranted | CmdletErrorKind::NoRole => Err(error.into_error(cmdlet)),
        CmdletErrorKind::AddressInUse(_) => Ok(only(ChangeResult::Deferred)),
        // It was there when it was read.
        CmdletErrorKind::NotFound => Ok(only(ChangeResult::Drifted)),
        _ => Ok(refused(error.hint())),
    }
}
