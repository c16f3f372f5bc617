//! A little world around the engine: sources, a target kept in memory, a ledger, a history, a clock.

use galsync::engine::{
    ApprovedCounts, ApprovedSet, Failure, History, LazyContact, Ledger, LedgerRecord, MemoryScratch, PlanChanged,
    PlanError, PlanInput, PlanResult, ReportLine, Sink, SourceInput, TargetContent, TargetInput, plan,
};
use galsync::model::connector::{Connector, MemoryFile, RateLimit, System};
use galsync::model::filters::Filters;
use galsync::model::observed::Capabilities;
use galsync::model::reason::Warning;
use galsync::model::schedule::{SourceRules, TargetRules};
use galsync::model::taken::{Holder, HolderKind, Taken};
use galsync::model::{Change, ChangeKind, Contact, Domain, Entry, Key, SmtpAddress, SystemIdentity};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
pub struct SourceState {
    pub connector: Connector,
    pub rules: SourceRules,
    pub identity: SystemIdentity,
    pub entries: Vec<Entry>,
    /// The read breaks off after as many entries.
    pub breaks_off: Option<usize>,
    /// As they came, not in order of their anchors.
    pub unsorted: bool,
}

#[derive(Debug, Clone)]
pub struct World {
    pub target: Connector,
    pub identity: SystemIdentity,
    pub capabilities: Capabilities,
    pub own_domains: BTreeSet<Domain>,
    pub rules: TargetRules,
    pub sources: Vec<SourceState>,
    /// By handle.
    pub contacts: BTreeMap<String, Contact>,
    pub taken: Vec<Taken>,
    pub ledger: MemoryLedger,
    pub history: History,
    pub claimed_elsewhere: BTreeSet<Domain>,
    pub now: Timestamp,
    /// The target tells its contents from the last to the first.
    pub backwards: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemoryLedger(pub Vec<LedgerRecord>);

impl Ledger for MemoryLedger {
    fn x500(&self, key: &Key, primary: &SmtpAddress) -> BTreeSet<String> {
        let records = self.0.iter().filter(|record| record.key == *key || record.primary == *primary);
        records.flat_map(|record| record.x500.clone()).collect()
    }

    fn knows(&self, key: &Key) -> bool {
        self.0.iter().any(|record| record.key == *key)
    }
}

/// What a plan told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorder {
    pub changes: Vec<Change>,
    /// A JSON object per line of the report.
    pub lines: Vec<serde_json::Value>,
    /// The key of a change whose line must come next.
    unpaired: Option<Key>,
}

impl Sink for Recorder {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        assert_eq!(self.unpaired, None, "the line of each change comes before the next change");
        self.unpaired = Some(change.key().clone());
        self.changes.push(change.clone());
        Ok(())
    }

    fn line(&mut self, line: &ReportLine<'_>) -> Result<(), Failure> {
        if let Some(key) = self.unpaired.take() {
            assert_eq!(key, *line.key, "a change's own line comes directly after it");
        }
        self.lines.push(serde_json::to_value(galsync::report::Line::from(line))?);
        Ok(())
    }
}

pub fn connector(name: &str, domains: &[Domain]) -> Connector {
    Connector {
        name: name.to_owned(),
        system: System::Memory(MemoryFile { path: String::new() }),
        authoritative_domains: domains.iter().cloned().collect(),
        shared_domains: BTreeSet::new(),
        same_organization_as: None,
        filters: Filters::default(),
        owner_attribute: "custom15".to_owned(),
        rate_limit: RateLimit::default(),
        full_pull_every_seconds: 604_800,
    }
}

impl World {
    fn contents(&self) -> Vec<TargetContent> {
        // Whole or folded makes no difference.
        let owned = self.contacts.values().map(|contact| match LazyContact::new(contact) {
            Some(folded) if !self.backwards => TargetContent::Folded(folded),
            _ => TargetContent::Owned(Box::new(contact.clone())),
        });
        let taken = self.taken.iter().map(|taken| TargetContent::Taken(Box::new(taken.clone())));
        let mut contents: Vec<TargetContent> = owned.chain(taken).collect();
        if self.backwards {
            contents.reverse();
        }
        // The order that a plan needs; what is equal in it stays as it came.
        contents.sort_by_key(|content| match content {
            TargetContent::Taken(_) => None,
            TargetContent::Owned(contact) => Some(contact.key()),
            TargetContent::Folded(contact) => Some(contact.key.clone()),
        });
        contents
    }

    pub fn simulate(&self) -> Result<(PlanResult, Recorder), PlanError> {
        let mut recorder = Recorder::default();
        let result = self.plan_into(&mut recorder)?;
        Ok((result, recorder))
    }

    pub fn plan_into(&self, sink: &mut dyn Sink) -> Result<PlanResult, PlanError> {
        let can_hide = self.capabilities.can_hide;
        let normalize = move |mut contact: Contact| {
            contact.hidden &= can_hide;
            (contact, Vec::<Warning>::new())
        };
        let sources = self.sources.iter().map(|source| {
            let mut entries = source.entries.clone();
            if !source.unsorted {
                entries.sort_by(|a, b| a.anchor.cmp(&b.anchor));
            }
            let mut results: Vec<Result<Entry, Failure>> = entries.into_iter().map(Ok).collect();
            if let Some(count) = source.breaks_off {
                results.truncate(count);
                results.push(Err("the connection was lost".into()));
            }
            SourceInput {
                identity: source.identity.clone(),
                connector: &source.connector,
                rules: &source.rules,
                fresh: true,
                entries: Box::new(results.into_iter()),
            }
        });
        let again = |key: &Key| {
            let found = self.contacts.values().find(|contact| contact.key() == *key);
            Ok(found.ok_or("only what is there is asked for")?.clone())
        };
        let input = PlanInput {
            rules: &self.rules,
            target: TargetInput {
                connector: &self.target,
                identity: self.identity.clone(),
                capabilities: &self.capabilities,
                own_domains: &self.own_domains,
                normalize: &normalize,
                contents: Box::new(self.contents().into_iter().map(Ok)),
                again: (!self.backwards).then_some(&again),
            },
            sources: sources.collect(),
            ledger: &self.ledger,
            history: Some(&self.history),
            claimed_elsewhere: &self.claimed_elsewhere,
            now: self.now,
        };
        plan(input, &MemoryScratch, sink)
    }

    /// What a target does with a change.
    pub fn apply(&mut self, change: &Change) {
        self.ledger.0.extend(LedgerRecord::of(change));
        if let Some(before) = change.before() {
            let handle = before.handle.clone().expect("what is there has a handle");
            self.contacts.remove(&handle);
            if change.kind() == ChangeKind::Unmark {
                self.taken.push(Taken {
                    value: format!("smtp:{}", before.primary),
                    primary: true,
                    holder: Holder {
                        kind: HolderKind::ForeignContact,
                        handle: handle.clone(),
                        name: before.name.to_string(),
                    },
                });
            }
        }
        if let Some(after) = change.after() {
            let mut contact = after.clone();
            let handle = contact.handle.clone().unwrap_or_else(|| format!("cn={}", contact.name));
            self.taken.retain(|taken| taken.holder.handle != handle);
            contact.handle = Some(handle.clone());
            if self.capabilities.x500 && contact.legacy_exchange_dn.is_none() {
                contact.legacy_exchange_dn = Some(format!("/o=fabrikam/cn={}", contact.name));
            }
            assert!(self.contacts.insert(handle, contact).is_none(), "a contact is made over another");
        }
    }

    /// Carries out a whole plan, as a push of it would.
    pub fn push(&mut self, result: &PlanResult, changes: &[Change], approved: bool) {
        self.history = result.history.clone();
        for change in changes.iter().filter(|change| !(result.removals_held && change.kind().removes())) {
            self.apply(change);
            self.history.record_change(change, approved, self.now);
        }
        self.history.record_push(&result.entries, true, approved, self.now);
    }

    /// Pushes those changes of a plan made earlier that still fit.
    pub fn push_approved(
        &mut self,
        planned: &PlanResult,
        changes: &[Change],
    ) -> Result<(Vec<Change>, ApprovedCounts), PlanChanged> {
        let kept = changes.iter().filter(|change| !(planned.removals_held && change.kind().removes())).cloned();
        let mut set = ApprovedSet::new(kept.map(Ok), &MemoryScratch).expect("memory does not fail");
        let now = self.plan_into(&mut set).expect("the plan can be computed");
        planned.header.still_holds(&now)?;
        let (writes, counts) = set.finish().expect("memory does not fail");
        let writes: Vec<Change> = writes.map(|change| change.expect("memory does not fail")).collect();
        self.push(&now, &writes, true);
        Ok((writes, counts))
    }
}
