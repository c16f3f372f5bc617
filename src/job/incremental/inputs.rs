//! What two plans are made from, before and after: looked up by key instead of read as a whole.

use super::super::checkpoint::Part;
use super::super::error::Error;
use super::super::lookup::Lookup;
use super::super::plan_context::{Entries, PlanContext};
use super::super::planning::failed;
use crate::engine::{Scratch, TargetContent, Totals, plan_part};
use crate::model::{Entry, Key, SystemIdentity};
use crate::{snapshot, store};
use jiff::Timestamp;
use std::collections::BTreeSet;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

/// One source's snapshots.
pub(super) struct SourceVersions<'a> {
    pub identity: &'a SystemIdentity,
    pub before: Lookup,
    /// Absent where it is the same.
    pub after: Option<Lookup>,
}

impl SourceVersions<'_> {
    fn of(&self, side: Side) -> &Lookup {
        self.after.as_ref().filter(|_| side == Side::After).unwrap_or(&self.before)
    }
}

/// All that both plans are made from. The target's contents are the same for both.
pub(super) struct Inputs<'a> {
    pub plan_context: &'a PlanContext<'a>,
    pub sources: Vec<SourceVersions<'a>>,
    pub contents: Lookup,
}

impl Inputs<'_> {
    /// Plans the rows with these keys alone.
    pub(super) fn plan(
        &self,
        keys: &BTreeSet<Key>,
        side: Side,
        now: Timestamp,
        scratch: &dyn Scratch,
        part: &mut Part,
    ) -> Result<Totals, Error> {
        let mut entries = Vec::new();
        for source in &self.sources {
            entries.push(find_entries(source, side, keys)?);
        }
        let contents = self.find_contents(keys, entries.iter().flatten())?;
        let entries = entries.into_iter().map(|entries| -> Entries<'_> { Box::new(entries.into_iter().map(Ok)) });
        let contents = Box::new(contents.into_iter().map(Ok));
        self.plan_context.input(contents, None, entries.collect(), now, |input| Ok(plan_part(input, scratch, part)?))
    }

    /// The contacts with these keys, and everybody who holds an address of theirs or of the entries.
    fn find_contents<'e>(
        &self,
        keys: &BTreeSet<Key>,
        entries: impl Iterator<Item = &'e Entry>,
    ) -> Result<Vec<TargetContent>, Error> {
        let mut owned = Vec::new();
        let owned_keys: Vec<Vec<u8>> = keys.iter().map(store::contact_key).collect();
        self.contents.find(&owned_keys, |key, document| -> Result<(), Error> {
            owned.extend(store::parse_contents(key, document)?);
            Ok(())
        })?;
        let mut addresses = BTreeSet::new();
        for entry in entries {
            let all = entry.primary.iter().chain(&entry.secondary).chain(&entry.external);
            addresses.extend(all.map(|address| format!("smtp:{address}")));
            let all = entry.x500.iter().chain(&entry.legacy_exchange_dn);
            addresses.extend(all.map(|dn| format!("x500:{}", dn.to_lowercase())));
        }
        for content in &owned {
            let unfolded;
            let contact = match content {
                TargetContent::Owned(contact) => &**contact,
                TargetContent::Folded(contact) => {
                    unfolded = contact.unfold().map_err(failed)?;
                    &unfolded
                }
                TargetContent::Taken(_) => continue,
            };
            let all = [&contact.primary, &contact.delivery].into_iter().chain(&contact.secondary);
            addresses.extend(all.map(|address| format!("smtp:{address}")));
            let all = contact.x500.iter().chain(&contact.legacy_exchange_dn);
            addresses.extend(all.map(|dn| format!("x500:{}", dn.to_lowercase())));
            addresses.extend(contact.foreign_values.iter().map(|value| value.to_lowercase()));
        }
        let mut contents = Vec::new();
        let addresses: Vec<Vec<u8>> = addresses.iter().map(|address| store::address_key(address)).collect();
        self.contents.find(&addresses, |key, document| -> Result<(), Error> {
            contents.extend(store::parse_contents(key, document)?);
            Ok(())
        })?;
        contents.extend(owned);
        Ok(contents)
    }
}

fn find_entries(source: &SourceVersions<'_>, side: Side, keys: &BTreeSet<Key>) -> Result<Vec<Entry>, Error> {
    let of_source = keys.iter().filter(|key| key.source() == source.identity.as_str());
    let anchors: Vec<Vec<u8>> = of_source.map(|key| key.anchor().as_bytes().to_vec()).collect();
    let mut entries = Vec::new();
    source.of(side).find(&anchors, |_, document| -> Result<(), Error> {
        entries.push(serde_json::from_slice(document).map_err(|error| snapshot::Error::document(0, &error))?);
        Ok(())
    })?;
    Ok(entries)
}
