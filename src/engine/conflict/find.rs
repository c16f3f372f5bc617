//! Who gets an address: all claims to one value are looked at together, and what they mean for each row is noted
//! (mail-rules §2, §4, §6). What a row becomes of all its notes is decided in `resolution.rs`.

use super::claim::{Claim, Demand, Hold, HoldState, Role, TakenClaim, decode, value_of};
use crate::engine::error::PlanError;
use crate::engine::scratch::Sorted;
use crate::model::taken::{Holder, HolderKind};

/// What was noted about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum ConflictNote {
    /// A mailbox or mail user of the target has its primary address, or its X500 address.
    LivesInTarget,
    /// An object of the target that is not ours has its address: index of the holder.
    Held(u32),
    /// A foreign contact has its address and could be adopted.
    Adoptable(u32),
    /// A contact of its own that never got its mark.
    HalfMade(u32),
    /// Another row has the better right to its address.
    LosesTo { winner: u32, joined: bool },
    /// A contact of another row that nothing may touch has its address.
    WaitsFor(u32),
    /// So has one that gives it up, unless it turns out that the row cannot be judged beside all others.
    WaitsIfUndecided(u32),
    /// Its contact could be the contact of that row from now on.
    CanSucceed(u32),
    /// Its own contact stands in the way of that row.
    Blocks(u32),
    /// Its own contact stands in the way of an object of the target.
    NeededByTarget,
    /// It does not get this secondary or X500 address: index of the value.
    Drop(u32),
    /// It does not get it if the other row has a contact.
    DropBeside { value: u32, other: u32 },
    /// It does not get it if the contact of the other row stays as it is, or only hides.
    DropUnlessMoved { value: u32, other: u32 },
    /// It does not get it if the other row cannot be judged, so that its contact keeps it.
    DropIfUndecided { value: u32, other: u32 },
}

/// ConflictNotes by row, and what they refer to. Rows about which there is nothing to say have none.
#[derive(Debug, Default)]
pub(in crate::engine) struct ConflictNotes {
    /// In order of the rows once [`find_conflicts`] has returned.
    notes: Vec<(u32, ConflictNote)>,
    pub holders: Vec<Holder>,
    /// With prefix.
    pub values: Vec<String>,
}

impl ConflictNotes {
    fn add(&mut self, row: u32, note: ConflictNote) {
        self.notes.push((row, note));
    }

    pub(in crate::engine) fn of(&self, row: u32) -> impl Iterator<Item = ConflictNote> + '_ {
        let start = self.notes.partition_point(|(other, _)| *other < row);
        self.notes[start..].iter().take_while(move |(other, _)| *other == row).map(|(_, note)| *note)
    }

    pub(in crate::engine) fn all(&self) -> impl Iterator<Item = (u32, ConflictNote)> + '_ {
        self.notes.iter().copied()
    }

    fn holder(&mut self, holder: &Holder) -> u32 {
        self.holders.push(holder.clone());
        self.holders.len() as u32 - 1
    }
}

/// Looks at all claims, one value at a time.
pub(in crate::engine) fn find_conflicts(mut sorted: Box<dyn Sorted>) -> Result<ConflictNotes, PlanError> {
    let mut notes = ConflictNotes::default();
    let (mut first_key, mut first_value) = (Vec::new(), Vec::new());
    // Empty while only one claim to the value is known: most values have no other, and are not decoded.
    let mut claims: Vec<Claim> = Vec::new();
    while let Some((key, value)) = sorted.next().map_err(PlanError::Scratch)? {
        if !first_key.is_empty() && value_of(key) == value_of(&first_key) {
            if claims.is_empty() {
                claims.push(decode(&first_key, &first_value)?);
            }
            claims.push(decode(key, value)?);
            continue;
        }
        if !claims.is_empty() {
            conflicts_of_value(value_of(&first_key), &claims, &mut notes);
            claims.clear();
        }
        first_key.clear();
        first_key.extend_from_slice(key);
        first_value.clear();
        first_value.extend_from_slice(value);
    }
    if !claims.is_empty() {
        conflicts_of_value(value_of(&first_key), &claims, &mut notes);
    }
    notes.notes.sort_by_key(|(row, _)| *row);
    Ok(notes)
}

fn conflicts_of_value(value: &[u8], claims: &[Claim], notes: &mut ConflictNotes) {
    let (mut demands, mut holds, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for claim in claims {
        match claim {
            Claim::Demand(demand) => demands.push(demand),
            Claim::Hold(hold) => holds.push(hold),
            Claim::Taken(claim) => taken.push(claim),
        }
    }
    let text = || String::from_utf8_lossy(&value[1..]).into_owned();
    match value.first() {
        Some(b'j') => {
            join(&demands, notes);
        }
        Some(b'x') => x500(&demands, &taken, &mut || format!("x500:{}", text()), notes),
        _ => address(&demands, &holds, &taken, &mut || format!("smtp:{}", text()), notes),
    }
}

/// Of the halves of a hybrid organization the one with the mailbox wins; where both or none have it, the source
/// that comes first. Returns who is left.
fn join<'d>(demands: &[&'d Demand], notes: &mut ConflictNotes) -> Vec<&'d Demand> {
    let best = |organization: u8| {
        let halves = demands.iter().filter(|demand| demand.organization == organization);
        halves.min_by_key(|demand| (!demand.mailbox, demand.source, !demand.has_contact, demand.row))
    };
    let mut left = Vec::new();
    for demand in demands {
        match best(demand.organization) {
            Some(winner) if demand.organization != 0 && winner.source != demand.source => {
                notes.add(demand.row, ConflictNote::LosesTo { winner: winner.row, joined: true });
            }
            _ => left.push(*demand),
        }
    }
    left
}

/// A mailbox of the target that has our X500 address is the person's new mailbox.
fn x500(demands: &[&Demand], taken: &[&TakenClaim], value: &mut dyn FnMut() -> String, notes: &mut ConflictNotes) {
    let Some(holder) = taken.iter().min_by_key(|claim| claim.holder.kind) else { return };
    for demand in demands {
        if matches!(holder.holder.kind, HolderKind::Mailbox | HolderKind::MailUser) {
            notes.add(demand.row, ConflictNote::LivesInTarget);
        } else {
            notes.values.push(value());
            notes.add(demand.row, ConflictNote::Drop(notes.values.len() as u32 - 1));
        }
    }
}

/// The better right: the authoritative source, then user before group before contact, then the order of the
/// sources; within one source the one that `has` it already.
fn rank(demand: &Demand, has: bool) -> impl Ord + use<> {
    let Demand { authoritative, class, source, row, .. } = *demand;
    (!authoritative, class, source, !has, row)
}

fn address(
    demands: &[&Demand],
    holds: &[&Hold],
    taken: &[&TakenClaim],
    value: &mut dyn FnMut() -> String,
    notes: &mut ConflictNotes,
) {
    let mut identities: Vec<&Demand> = Vec::new();
    for demand in demands.iter().filter(|demand| demand.role.is_identity()) {
        if !identities.iter().any(|known| known.row == demand.row) {
            identities.push(demand);
        }
    }
    let secondaries: Vec<&Demand> = demands.iter().copied().filter(|demand| demand.role == Role::Secondary).collect();
    if !taken.is_empty() {
        beside_target(&identities, &secondaries, holds, taken, value, notes);
    }
    let mut left = join(&identities, notes);
    left.sort_by_key(|demand| rank(demand, demand.has_contact));
    let winner = left.first().copied();
    for loser in left.iter().skip(1) {
        notes.add(loser.row, ConflictNote::LosesTo { winner: left[0].row, joined: false });
    }
    if let Some(winner) = winner.filter(|winner| !winner.undecided) {
        clear_the_way(winner, &identities, holds, value, notes);
    }
    share_secondary(&identities, &secondaries, holds, value, notes);
}

/// What the target's own objects make of it.
fn beside_target(
    identities: &[&Demand],
    secondaries: &[&Demand],
    holds: &[&Hold],
    taken: &[&TakenClaim],
    value: &mut dyn FnMut() -> String,
    notes: &mut ConflictNotes,
) {
    use HolderKind::*;
    let is_home = |claim: &&&TakenClaim| claim.primary && matches!(claim.holder.kind, Mailbox | MailUser);
    let others: Vec<&Holder> = taken.iter().map(|claim| &claim.holder).filter(|h| h.kind != ForeignContact).collect();
    for demand in identities.iter().filter(|demand| !demand.undecided) {
        if demand.role == Role::Primary && taken.iter().any(|claim| is_home(&claim)) {
            notes.add(demand.row, ConflictNote::LivesInTarget);
        } else if let Some(holder) = others.iter().min_by_key(|holder| holder.kind) {
            let holder = notes.holder(holder);
            notes.add(demand.row, ConflictNote::Held(holder));
        } else {
            for claim in taken {
                let holder = notes.holder(&claim.holder);
                let half_made = !demand.name.is_empty() && claim.holder.name.eq_ignore_ascii_case(&demand.name);
                notes.add(
                    demand.row,
                    match (half_made, demand.has_contact) {
                        (true, _) => ConflictNote::HalfMade(holder),
                        (false, true) => ConflictNote::Held(holder),
                        (false, false) => ConflictNote::Adoptable(holder),
                    },
                );
            }
        }
    }
    for demand in secondaries {
        notes.values.push(value());
        notes.add(demand.row, ConflictNote::Drop(notes.values.len() as u32 - 1));
    }
    if others.iter().any(|holder| matches!(holder.kind, Mailbox | MailUser | Guest | Group)) {
        for hold in holds.iter().filter(|hold| hold.role != Role::Foreign) {
            notes.add(hold.row, ConflictNote::NeededByTarget);
        }
    }
}

/// What the contacts of other rows mean for the one that gets the address.
fn clear_the_way(
    winner: &Demand,
    identities: &[&Demand],
    holds: &[&Hold],
    value: &mut dyn FnMut() -> String,
    notes: &mut ConflictNotes,
) {
    for loser in identities.iter().filter(|demand| demand.row != winner.row && demand.held && !winner.held) {
        notes.add(loser.row, ConflictNote::Blocks(winner.row));
    }
    for hold in holds.iter().filter(|hold| hold.row != winner.row) {
        if hold.state == HoldState::Wanted && hold.role != Role::Foreign && !winner.held {
            notes.add(winner.row, ConflictNote::WaitsIfUndecided(hold.row));
        }
        match (hold.state, hold.role) {
            (HoldState::Undecided, _) | (_, Role::Foreign) => notes.add(winner.row, ConflictNote::WaitsFor(hold.row)),
            // A wanted one gives it up by itself, and the push does that first; but it may turn out to leave for
            // another reason, and then hides with what it has.
            (_, Role::Secondary) => {
                notes.values.push(value());
                notes.add(hold.row, ConflictNote::Drop(notes.values.len() as u32 - 1));
            }
            (state, role) => {
                let leaves = state == HoldState::Unwanted;
                if leaves && role == Role::Primary && winner.role == Role::Primary && !winner.has_contact {
                    notes.add(winner.row, ConflictNote::CanSucceed(hold.row));
                }
                if !winner.held {
                    notes.add(hold.row, ConflictNote::Blocks(winner.row));
                }
            }
        }
    }
}

/// A secondary address yields to whoever has it as primary or delivery address, then to the better right, for which
/// only holding the address itself counts: a row that cannot be judged has no contact, and the next pass must not see
/// it otherwise than this one.
fn share_secondary(
    identities: &[&Demand],
    secondaries: &[&Demand],
    holds: &[&Hold],
    value: &mut dyn FnMut() -> String,
    notes: &mut ConflictNotes,
) {
    for demand in secondaries.iter().filter(|demand| !demand.undecided) {
        let better = secondaries.iter().filter(|other| rank(other, other.held) < rank(demand, demand.held));
        let rivals = identities.iter().chain(better).filter(|other| other.row != demand.row);
        for other in rivals {
            notes.values.push(value());
            notes.add(demand.row, ConflictNote::DropBeside { value: notes.values.len() as u32 - 1, other: other.row });
        }
        for hold in holds.iter().filter(|hold| hold.row != demand.row) {
            notes.values.push(value());
            let value = notes.values.len() as u32 - 1;
            match (hold.state, hold.role) {
                // Whoever leaves gives up a secondary address; its own address goes with it only.
                (HoldState::Wanted | HoldState::Unwanted, Role::Secondary) => {
                    notes.add(hold.row, ConflictNote::Drop(value));
                    if hold.state == HoldState::Wanted {
                        notes.add(demand.row, ConflictNote::DropIfUndecided { value, other: hold.row });
                    }
                }
                (HoldState::Wanted, Role::Primary | Role::Delivery) => {
                    notes.add(demand.row, ConflictNote::DropUnlessMoved { value, other: hold.row });
                }
                _ => notes.add(demand.row, ConflictNote::Drop(value)),
            }
        }
    }
}
