//! What the connector's own filters keep, counted along with the changes of a snapshot: this is how an administrator
//! checks filters. What they reject is kept beside the snapshot, so that the next pull judges only what changed and
//! its report is whole all the same.

use super::context::Context;
use super::error::Error;
use crate::engine::{Eligibility, FilterCounter, FilterCounts};
use crate::model::connector::Connector;
use crate::model::digest::Canonical;
use crate::model::{Anchor, Attribute, Digest, Entry};
use crate::operation::Request;
use crate::report::{self, Action};
use crate::snapshot::{Kind, Reader, Writer};
use crate::store::{Filtered, SnapshotHead};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fs::File;
use std::io::BufWriter;

/// All that the outcome of judging an entry depends on, beside the entry.
fn rules(connector: &Connector) -> Digest {
    let mut canonical = Canonical::new("filtered/1");
    canonical.text(env!("CARGO_PKG_VERSION"));
    let settings = (&connector.filters, &connector.authoritative_domains);
    canonical.bytes(&serde_json::to_vec(&settings).expect("settings are plain data"));
    canonical.finish()
}

/// Takes the changes of a snapshot in order.
pub(super) struct Filtering<'a> {
    rules: Digest,
    counter: FilterCounter<'a>,
    /// What was rejected before and is not looked at yet.
    before: Option<Reader>,
    rejected: Writer<BufWriter<File>>,
    report: report::Writer,
}

impl<'a> Filtering<'a> {
    /// For a snapshot of which all is new.
    pub(super) fn whole(request: &Request, connector: &'a Connector, context: &Context<'_>) -> Result<Self, Error> {
        Self::start(FilterCounts::default(), None, request, connector, context)
    }

    fn start(
        counts: FilterCounts,
        before: Option<Reader>,
        request: &Request,
        connector: &'a Connector,
        context: &Context<'_>,
    ) -> Result<Self, Error> {
        let mut filtering = Self {
            rules: rules(connector),
            counter: FilterCounter::new(connector, counts),
            before,
            rejected: Writer::new(BufWriter::new(context.store.temporary_file()?), Kind::Records)?,
            report: report::Writer::new(request, context.store, context.clock.now())?,
        };
        if let Some(before) = &mut filtering.before {
            before.advance()?;
        }
        Ok(filtering)
    }

    /// For the changes of that snapshot; nothing where it was judged by other rules, or where what was rejected is
    /// of no use any more.
    pub(super) async fn since(
        head: &SnapshotHead,
        request: &Request,
        connector: &'a Connector,
        context: &Context<'_>,
    ) -> Result<Option<Self>, Error> {
        let Some(filtered) = head.filtered.as_ref().filter(|filtered| filtered.rules == rules(connector)) else {
            return Ok(None);
        };
        match context.store.open_records(&filtered.rejected).await {
            Ok(before) => Self::start(filtered.counts.clone(), Some(before), request, connector, context).map(Some),
            Err(error) if error.is_absence() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn change(
        &mut self,
        anchor: &Anchor,
        before: Option<&Entry>,
        after: Option<&Entry>,
    ) -> Result<(), Error> {
        self.copy(Some(anchor))?;
        if let Some(before) = before {
            self.counter.uncount(before);
        }
        let Some(after) = after else { return Ok(()) };
        let (action, reason) = match self.counter.count(after) {
            Eligibility::Wanted => return Ok(()),
            Eligibility::Unwanted(reason) => (Action::Skip, reason.label()),
            Eligibility::Undecided(reason) => (Action::Undecided, reason.label()),
        };
        let line = report::Line {
            display_name: after.attributes.get(&Attribute::DisplayName).map(Cow::from),
            address: after.primary.as_ref().map(|address| address.as_str().into()),
            ..report::Line::new(action, reason, after.class(), anchor.as_str())
        };
        let document = serde_json::to_vec(&line).expect("a line is plain data");
        self.rejected.append(anchor.as_str().as_bytes(), &document)?;
        Ok(self.report.line(&line)?)
    }

    /// Takes over what was rejected before, up to an anchor, without the anchor's own.
    fn copy(&mut self, limit: Option<&Anchor>) -> Result<(), Error> {
        let limit = limit.map(|anchor| anchor.as_str().as_bytes());
        let Some(before) = &mut self.before else { return Ok(()) };
        while let Some(record) = before.record() {
            if limit.is_some_and(|limit| record.key > limit) {
                break;
            }
            if limit != Some(record.key) {
                let line: &RawValue = serde_json::from_slice(record.document)
                    .map_err(|error| crate::snapshot::Error::document(before.number(), &error))?;
                self.report.repeat(line)?;
                self.rejected.copy(record)?;
            }
            before.advance()?;
        }
        Ok(())
    }

    /// The counts with all that they rest on, in the store, and the report.
    pub(super) async fn finish(mut self, context: &Context<'_>) -> Result<(Filtered, report::Writer), Error> {
        self.copy(None)?;
        let (output, summary) = self.rejected.finish()?;
        let file = output.into_inner().map_err(|error| Error::Temporary(error.into_error()))?;
        context.store.put_blob(&summary.file, file).await?;
        let filtered = Filtered { rules: self.rules, counts: self.counter.finish(), rejected: summary.file };
        Ok((filtered, self.report))
    }
}
