//! What a plan stands on beside entries and contents: rules, identities, ledger, history and the time.

use super::context::Context;
use super::error::Error;
use crate::directory::{Normalizer, Target};
use crate::engine::{ContactLookup, Failure, History, PlanInput, PlanResult, SourceInput, TargetContent, TargetInput};
use crate::model::digest::Canonical;
use crate::model::observed::Capabilities;
use crate::model::{Digest, Domain, Entry, SystemIdentity};
use crate::operation::{Reason, SimulateRequest, SourcePart};
use crate::store::{self, Checkpoint, Ledger, Numbered};
use jiff::Timestamp;
use std::collections::BTreeSet;

pub(super) type Entries<'a> = Box<dyn Iterator<Item = Result<Entry, Failure>> + 'a>;

pub(super) struct PlanContext<'a> {
    pub simulate: &'a SimulateRequest,
    normalizer: Normalizer,
    pub identity: SystemIdentity,
    capabilities: Capabilities,
    /// Told with the contents that the plan is made from.
    own_domains: BTreeSet<Domain>,
    /// Of the sources, in their order.
    pub identities: Vec<SystemIdentity>,
    ledger: Ledger,
    pub history: Option<Numbered<History>>,
    /// Of all here but the time: an equal plan comes of equal rules, entries and contents.
    pub rules: Digest,
    pub now: Timestamp,
}

impl<'a> PlanContext<'a> {
    pub(super) async fn load(
        simulate: &'a SimulateRequest,
        target: &'a dyn Target,
        identity: SystemIdentity,
        own_domains: BTreeSet<Domain>,
        context: &Context<'_>,
    ) -> Result<Self, Error> {
        let store = context.store;
        let mut identities = Vec::new();
        for part in &simulate.sources {
            let head = store.snapshot_head(&part.connector.name, &part.snapshot).await;
            identities.push(head.map_err(|error| gone(part, error))?.identity);
        }
        let history = store.history(&identity, &simulate.rules.sync).await?;
        let (capabilities, normalizer) = (target.capabilities().await?, target.normalizer());
        // What was pushed once decides about nothing yet; that it reads back as it was pushed is noted by every plan.
        let pushed = history.iter().flat_map(|history| &history.value.pushed);
        let pushed: Vec<_> = pushed.filter(|(_, pushed)| pushed.times > 1).collect();
        let Capabilities { can_hide, x500, batch: _ } = &capabilities;
        let sources: Vec<_> = simulate.sources.iter().map(|part| (&part.connector, &part.rules)).collect();
        let known = store.ledger_blob(&identity).await?;
        let all = (
            (&simulate.target, &simulate.rules, sources, &simulate.claimed_elsewhere),
            (&identity, &identities, can_hide, x500, &own_domains),
            (known, pushed),
        );
        let mut rules = Canonical::new("checkpoint/1");
        rules.text(env!("CARGO_PKG_VERSION"));
        rules.bytes(&serde_json::to_vec(&all).expect("settings are plain data"));
        let (rules, now) = (rules.finish(), context.clock.now());
        let ledger = store.ledger(&identity).await?;
        Ok(Self { simulate, normalizer, identity, capabilities, own_domains, identities, ledger, history, rules, now })
    }

    /// What a plan is made from.
    pub(super) fn input<T>(
        &self,
        contents: Box<dyn Iterator<Item = Result<TargetContent, Failure>> + '_>,
        again: Option<ContactLookup<'_>>,
        entries: Vec<Entries<'_>>,
        now: Timestamp,
        plan: impl FnOnce(PlanInput<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let sources = self.simulate.sources.iter().zip(&self.identities).zip(entries);
        let sources = sources.map(|((part, identity), entries)| SourceInput {
            identity: identity.clone(),
            connector: &part.connector,
            rules: &part.rules,
            fresh: part.fresh,
            entries,
        });
        let planned = plan(PlanInput {
            rules: &self.simulate.rules,
            target: TargetInput {
                connector: &self.simulate.target,
                identity: self.identity.clone(),
                capabilities: &self.capabilities,
                own_domains: &self.own_domains,
                normalize: &|contact| self.normalizer.normalize(contact),
                contents,
                again,
            },
            sources: sources.collect(),
            ledger: &self.ledger,
            history: self.history.as_ref().map(|history| &history.value),
            claimed_elsewhere: &self.simulate.claimed_elsewhere,
            now,
        })?;
        self.ledger.check()?;
        Ok(planned)
    }

    pub(super) fn history(&self) -> History {
        self.history.as_ref().map(|history| history.value.clone()).unwrap_or_default()
    }

    /// The sources with the names of their connectors, the target itself aside.
    pub(super) fn sources(&self) -> Vec<(SystemIdentity, String)> {
        let all =
            self.identities.iter().zip(&self.simulate.sources).filter(|(identity, _)| **identity != self.identity);
        all.map(|(identity, part)| (identity.clone(), part.connector.name.clone())).collect()
    }

    pub(super) fn checkpoint(
        &self,
        contents: Digest,
        (rows, reported): (Digest, Digest),
        result: &PlanResult,
    ) -> Checkpoint {
        let sources = self.identities.iter().zip(&self.simulate.sources);
        Checkpoint {
            rules: self.rules,
            contents,
            sources: sources.map(|(identity, part)| (identity.clone(), part.snapshot)).collect(),
            now: self.now,
            sums: result.totals(),
            rows,
            reported,
        }
    }
}

pub(super) fn gone(part: &SourcePart, error: store::Error) -> Error {
    match error {
        store::Error::NotFound { .. } => Error::refused(
            Reason::SnapshotMissing,
            format!("the snapshot of {} is gone; pull it again", part.connector.name),
        ),
        error => error.into(),
    }
}
