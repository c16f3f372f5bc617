//! A plan from the last one: only what changed since, and what that is connected with, is planned again. The result is
//! the one that planning everything would give; where that cannot be known, there is none, and everything is planned.

use super::context::Context;
use super::error::Error;
use super::ground::Ground;
use super::lookup::Lookup;
use super::planning::KeptContents;
use super::standing::{Part, Told, exchange, is_timed, read_row};
use crate::engine::{Conclusion, Failure, Links, PlanDigests, PlanResult, TargetContent, plan_part};
use crate::model::{Anchor, Change, Digest, Entry, Key, SystemIdentity};
use crate::snapshot::{self, Difference, Exchanged, FileScratch, Frames, Kind};
use crate::store::{self, Standing};
use futures::future::try_join_all;
use futures::try_join;
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// With more rows to plan again, planning all costs little more; and these are kept in memory.
const MOST_AFFECTED: usize = 20_000;

/// Gets every change of the plan, and what is told of each row, in order.
pub(super) type Tell<'t> = &'t mut dyn FnMut(Option<&Change>, &RawValue) -> Result<(), Failure>;

/// Nothing where the last plan is of no use, or where too much changed.
pub(super) async fn plan(
    ground: &Ground<'_>,
    contents: &KeptContents,
    context: &Context<'_>,
    tell: Tell<'_>,
) -> Result<Option<(PlanResult, Standing)>, Error> {
    match go_on(ground, contents, context, tell).await {
        Err(Error::Store(error)) if error.is_absence() => {
            tracing::warn!(%error, "the last plan is of no use; planning everything");
            Ok(None)
        }
        planned => planned,
    }
}

async fn go_on(
    ground: &Ground<'_>,
    contents: &KeptContents,
    context: &Context<'_>,
    tell: Tell<'_>,
) -> Result<Option<(PlanResult, Standing)>, Error> {
    let Some(standing) = usable(ground, contents.digest, context).await? else { return Ok(None) };
    let store = context.store;
    let mut sources = Vec::new();
    for (part, identity) in ground.simulate.sources.iter().zip(&ground.identities) {
        let Some(before) = standing.sources.get(identity) else { return Ok(None) };
        let other = (*before != part.snapshot).then_some(&part.snapshot);
        sources.push((identity, before, other));
    }
    // To open a blob is to compute its digest; all processors take part.
    let open = |blob, kind| store.open_frames(blob, kind);
    let sides = sources.into_iter().map(async |(identity, before, after)| {
        let after = async {
            match after {
                Some(after) => open(after, Kind::Entries).await.map(Some),
                None => Ok(None),
            }
        };
        let (before, after) = try_join!(open(before, Kind::Entries), after)?;
        Ok::<_, store::Error>(Sides { identity, before: Lookup::new(before), after: after.map(Lookup::new) })
    });
    let (sources, rows, told) =
        try_join!(try_join_all(sides), open(&standing.rows, Kind::Records), open(&standing.told, Kind::Records),)?;
    let world = World { ground, sources, contents: Lookup::new(contents.frames()?) };
    let Some(keys) = world.affected(&rows, &told)? else { return Ok(None) };
    let scratch = FileScratch::new(store.scratch());
    let mut before = Part::default();
    let old = world.plan(&keys, Side::Before, standing.now, &scratch, &mut before)?;
    let mut after = Part::default();
    let new = world.plan(&keys, Side::After, ground.now, &scratch, &mut after)?;
    let Some(sums) = standing.sums.exchange(&old, &new).filter(|_| !after.renamed) else { return Ok(None) };
    // A source without anybody is refused, by who plans everything.
    let is_empty = |(source, _): &(SystemIdentity, String)| sums.pairs.get(source).is_none_or(|pair| pair.entries == 0);
    if !ground.simulate.rules.safety.allow_empty_source && ground.sources().iter().any(is_empty) {
        return Ok(None);
    }
    let rows = match before.rows == after.rows {
        true => standing.rows,
        false => {
            let documents = after.rows.iter().map(|(key, links)| (key.clone(), super::standing::row_document(links)));
            exchange(&rows, &changes(&keys, documents.collect()), store).await?.0
        }
    };
    let documents = after.told.into_iter().collect();
    let (told, file) = exchange(&told, &changes(&keys, documents), store).await?;
    let mut digests = PlanDigests::new(&ground.identity, &ground.simulate.rules);
    Frames::open(file, Kind::Records)?.for_each(|record| -> Result<(), Error> {
        let told: Told<'_> =
            serde_json::from_slice(record.document).map_err(|error| snapshot::Error::document(0, &error))?;
        let change = told.change.map(|change| serde_json::from_str::<Change>(change.get()));
        let change = change.transpose().map_err(|error| snapshot::Error::document(0, &error))?;
        change.iter().for_each(|change| digests.add(change));
        tell(change.as_ref(), told.line).map_err(super::planning::failed)
    })?;
    let conclusion = Conclusion {
        rules: &ground.simulate.rules,
        target: &ground.identity,
        sources: &ground.sources(),
        history: &ground.history(),
        now: ground.now,
    };
    let result = conclusion.draw(sums, digests);
    let standing = ground.standing(contents.digest, (rows, told), &result);
    Ok(Some((result, standing)))
}

/// The last plan, if it was made under the same rules and from the same contents.
async fn usable(ground: &Ground<'_>, contents: Digest, context: &Context<'_>) -> Result<Option<Standing>, Error> {
    let standing = context.store.latest_standing(&ground.simulate.target.name).await?.map(|head| head.value);
    Ok(standing.filter(|standing| standing.rules == ground.rules && standing.contents == contents))
}

fn changes(keys: &BTreeSet<Key>, mut documents: BTreeMap<Key, Vec<u8>>) -> Vec<Exchanged> {
    keys.iter().map(|key| (key.as_str().as_bytes().to_vec(), documents.remove(key))).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// One source's snapshots.
struct Sides<'a> {
    identity: &'a SystemIdentity,
    before: Lookup,
    /// Absent where it is the same.
    after: Option<Lookup>,
}

impl Sides<'_> {
    fn of(&self, side: Side) -> &Lookup {
        self.after.as_ref().filter(|_| side == Side::After).unwrap_or(&self.before)
    }
}

struct World<'a> {
    ground: &'a Ground<'a>,
    sources: Vec<Sides<'a>>,
    contents: Lookup,
}

/// Hashes of values. Of nearly all others a bit tells that they are not among them.
struct Wanted {
    bits: Vec<u64>,
    all: HashSet<u64>,
}

impl Wanted {
    const BITS: usize = 1 << 20;

    fn new() -> Self {
        Self { bits: vec![0; Self::BITS / 64], all: HashSet::new() }
    }

    /// Whether it was not there.
    fn insert(&mut self, value: u64) -> bool {
        let bit = value as usize % Self::BITS;
        self.bits[bit / 64] |= 1 << (bit % 64);
        self.all.insert(value)
    }

    /// Inserts the values of a row; whether any was not there.
    fn read(&mut self, document: &[u8]) -> Result<bool, snapshot::Error> {
        let mut grown = false;
        read_row(document, |value| grown |= self.insert(value)).ok_or_else(not_a_row)?;
        Ok(grown)
    }

    fn contains(&self, value: u64) -> bool {
        let bit = value as usize % Self::BITS;
        self.bits[bit / 64] >> (bit % 64) & 1 == 1 && self.all.contains(&value)
    }
}

fn not_a_row() -> snapshot::Error {
    snapshot::Error::Damaged("a row is none".into())
}

/// Why a walk ended early.
enum Ended {
    TooMuch,
    Failed(snapshot::Error),
}

impl From<snapshot::Error> for Ended {
    fn from(error: snapshot::Error) -> Self {
        Self::Failed(error)
    }
}

impl World<'_> {
    /// The keys of all entries that are not as they were; nothing where they are too many.
    fn changed(&self) -> Result<Option<BTreeSet<Key>>, Error> {
        let mut keys = BTreeSet::new();
        for source in &self.sources {
            let Some(after) = &source.after else { continue };
            let walked = snapshot::compare(source.before.frames(), after.frames(), |difference| {
                let (Difference::Added(record)
                | Difference::Removed(record)
                | Difference::Changed { after: record, .. }) = difference;
                let anchor = std::str::from_utf8(record.key).ok().and_then(|anchor| Anchor::new(anchor).ok());
                let anchor = anchor.ok_or_else(|| snapshot::Error::Damaged("a key is no anchor".into()))?;
                keys.insert(Key::new(source.identity, &anchor));
                if keys.len() > MOST_AFFECTED { Err(Ended::TooMuch) } else { Ok(()) }
            });
            match walked {
                Ok(()) => {}
                Err(Ended::TooMuch) => return Ok(None),
                Err(Ended::Failed(error)) => return Err(error.into()),
            }
        }
        Ok(Some(keys))
    }

    /// The keys of all rows of which anything could be different now: those that changed, those that depend on the
    /// time, and all that they are connected with, before or now.
    fn affected(&self, rows: &Frames, told: &Frames) -> Result<Option<BTreeSet<Key>>, Error> {
        let Some(mut keys) = self.changed()? else { return Ok(None) };
        let mut probe = Part::default();
        let scratch = crate::engine::MemoryScratch;
        self.plan(&keys, Side::After, self.ground.now, &scratch, &mut probe)?;
        let mut wanted = Wanted::new();
        for value in probe.rows.iter().flat_map(|(_, Links { values, .. })| values) {
            wanted.insert(*value);
        }
        // A contact is hidden as of the time of the plan.
        let mut hides = BTreeSet::new();
        told.for_each(|record| -> Result<(), Error> {
            if memchr::memmem::find(record.document, b"\"kind\":\"hide\"").is_some() {
                hides.insert(record.key.to_vec());
            }
            Ok(())
        })?;
        let mut affected: BTreeSet<Vec<u8>> =
            keys.iter().map(|key| key.as_str().as_bytes().to_vec()).chain(hides).collect();
        let seeds: Vec<Vec<u8>> = affected.iter().cloned().collect();
        for document in rows.documents(&seeds)?.into_iter().flatten() {
            wanted.read(&document)?;
        }
        // Whoever joins may bring others along.
        loop {
            let joining = rows.search(|record, found: &mut Vec<(Vec<u8>, Vec<u8>)>| {
                let mut joins = is_timed(record.document);
                read_row(record.document, |value| joins |= wanted.contains(value)).ok_or_else(not_a_row)?;
                if joins && !affected.contains(record.key) {
                    found.push((record.key.to_vec(), record.document.to_vec()));
                }
                if found.len() > MOST_AFFECTED { Err(Ended::TooMuch) } else { Ok(()) }
            });
            let joining = match joining {
                Ok(joining) => joining,
                Err(Ended::TooMuch) => return Ok(None),
                Err(Ended::Failed(error)) => return Err(error.into()),
            };
            if affected.len() + joining.len() > MOST_AFFECTED {
                return Ok(None);
            }
            let mut grown = false;
            for (key, document) in joining {
                grown |= wanted.read(&document)?;
                affected.insert(key);
            }
            if !grown {
                break;
            }
        }
        for key in affected {
            let key = std::str::from_utf8(&key).ok().and_then(|key| Key::parse(key).ok());
            keys.insert(key.ok_or_else(|| snapshot::Error::Damaged("a key is none".into()))?);
        }
        Ok(Some(keys))
    }

    fn plan(
        &self,
        keys: &BTreeSet<Key>,
        side: Side,
        now: Timestamp,
        scratch: &dyn crate::engine::Scratch,
        part: &mut Part,
    ) -> Result<crate::engine::Sums, Error> {
        let mut entries = Vec::new();
        for source in &self.sources {
            entries.push(find_entries(source, side, keys)?);
        }
        let contents = self.find_contents(keys, entries.iter().flatten())?;
        let entries =
            entries.into_iter().map(|entries| -> super::ground::Entries<'_> { Box::new(entries.into_iter().map(Ok)) });
        let contents = Box::new(contents.into_iter().map(Ok));
        self.ground.input(contents, None, entries.collect(), now, |input| Ok(plan_part(input, scratch, part)?))
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
                    unfolded = contact.unfold().map_err(super::planning::failed)?;
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

fn find_entries(source: &Sides<'_>, side: Side, keys: &BTreeSet<Key>) -> Result<Vec<Entry>, Error> {
    let of_source = keys.iter().filter(|key| key.source() == source.identity.as_str());
    let anchors: Vec<Vec<u8>> = of_source.map(|key| key.anchor().as_bytes().to_vec()).collect();
    let mut entries = Vec::new();
    source.of(side).find(&anchors, |_, document| -> Result<(), Error> {
        entries.push(serde_json::from_slice(document).map_err(|error| snapshot::Error::document(0, &error))?);
        Ok(())
    })?;
    Ok(entries)
}
