//! Who wants, who has and who holds each address: small records, sorted by the address.

use crate::engine::diff::codec::{Damaged, Decoder, Encoder};
use crate::engine::diff::row::{Body, Row};
use crate::engine::error::Failure;
use crate::engine::filter::entry_filter::Eligibility;
use crate::engine::scratch::Sorter;
use crate::model::taken::{Holder, HolderKind, Taken};
use crate::model::{Contact, EntryClass, SmtpAddress};

/// As what an address stands at a contact or entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum Role {
    Primary,
    Delivery,
    Secondary,
    X500,
    /// Not an address: the id that joins the halves of a hybrid organization.
    Join,
    /// At our contact, but added by others.
    Foreign,
}

impl Role {
    const ALL: [Role; 6] = [Role::Primary, Role::Delivery, Role::Secondary, Role::X500, Role::Join, Role::Foreign];

    /// An address that only one contact can have.
    pub(in crate::engine) fn is_identity(self) -> bool {
        matches!(self, Self::Primary | Self::Delivery)
    }
}

/// An entry wants the address for its contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Demand {
    pub row: u32,
    pub role: Role,
    pub source: u16,
    /// Number of the hybrid organization; 0 = none.
    pub organization: u8,
    pub class: EntryClass,
    /// The source is authoritative for the address.
    pub authoritative: bool,
    /// This half of a hybrid organization has the mailbox.
    pub mailbox: bool,
    pub has_contact: bool,
    /// That contact has the address already, in the same role.
    pub held: bool,
    pub undecided: bool,
    /// The name that a new contact would have; empty for one that is there.
    pub name: String,
}

/// A contact of ours has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct Hold {
    pub row: u32,
    pub role: Role,
    pub state: HoldState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum HoldState {
    Wanted,
    Unwanted,
    Undecided,
}

/// An object of the target that is not ours has the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct TakenClaim {
    pub primary: bool,
    pub holder: Holder,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Claim {
    Demand(Demand),
    Hold(Hold),
    Taken(TakenClaim),
}

const HOLDER_KINDS: [HolderKind; 7] = [
    HolderKind::Mailbox,
    HolderKind::MailUser,
    HolderKind::Guest,
    HolderKind::Group,
    HolderKind::ForeignContact,
    HolderKind::OtherSync,
    HolderKind::SyncedObject,
];

/// Writes claims into a sorter. A key is the value, a zero byte, and what makes it unique.
pub(in crate::engine) struct Claims {
    sorter: Box<dyn Sorter>,
    /// Made anew for each claim, in the same memory.
    key: Vec<u8>,
    encoder: Encoder,
    /// Some object of the target has an X500 address; otherwise nobody need be asked for one.
    x500_taken: bool,
}

impl Claims {
    pub(in crate::engine) fn new(sorter: Box<dyn Sorter>) -> Self {
        Self { sorter, key: Vec::new(), encoder: Encoder::default(), x500_taken: false }
    }

    pub(in crate::engine) fn taken(&mut self, taken: &Taken) -> Result<(), Failure> {
        let Taken { value, primary, holder } = taken;
        let value = value.to_lowercase();
        let encoder = &mut self.encoder;
        encoder.0.clear();
        encoder.flag(*primary);
        encoder.byte(holder.kind as u8);
        encoder.text(&holder.handle);
        encoder.text(&holder.name);
        self.key.clear();
        if let Some(dn) = value.strip_prefix("x500:") {
            self.x500_taken = true;
            self.key.push(b'x');
            self.key.extend_from_slice(dn.as_bytes());
        } else {
            self.key.push(b's');
            self.key.extend_from_slice(value.strip_prefix("smtp:").unwrap_or(&value).as_bytes());
        }
        self.key.extend_from_slice(&[0, b't', *primary as u8, holder.kind as u8]);
        self.key.extend_from_slice(holder.handle.as_bytes());
        self.sorter.push(&self.key, &self.encoder.0)
    }

    fn demand(&mut self, kind: u8, value: &str, demand: &Demand) -> Result<(), Failure> {
        let encoder = &mut self.encoder;
        encoder.0.clear();
        encoder.byte(demand.role as u8);
        encoder.number(demand.source.into());
        encoder.byte(demand.organization);
        encoder.byte(demand.class as u8);
        for flag in [demand.authoritative, demand.mailbox, demand.has_contact, demand.held, demand.undecided] {
            encoder.flag(flag);
        }
        encoder.text(&demand.name);
        self.key.clear();
        self.key.push(kind);
        self.key.extend_from_slice(value.as_bytes());
        self.key.extend_from_slice(&[0, b'd']);
        self.key.extend_from_slice(&demand.row.to_be_bytes());
        self.key.push(demand.role as u8);
        self.sorter.push(&self.key, &self.encoder.0)
    }

    fn hold(&mut self, value: &str, hold: Hold) -> Result<(), Failure> {
        self.key.clear();
        self.key.push(b's');
        self.key.extend_from_slice(value.as_bytes());
        self.key.extend_from_slice(&[0, b'h']);
        self.key.extend_from_slice(&hold.row.to_be_bytes());
        self.key.push(hold.role as u8);
        self.sorter.push(&self.key, &[hold.role as u8, hold.state as u8])
    }

    /// All claims of one row. `join` = the id that joins it with the other half of its organization.
    pub(in crate::engine) fn row(
        &mut self,
        number: u32,
        row: &Row,
        claimant: Option<&SourceClaims<'_>>,
        join: Option<&str>,
    ) -> Result<(), Failure> {
        if let Some(claimant) = claimant {
            self.demands(number, row, claimant, join)?;
        }
        let state = match row.state {
            Eligibility::Wanted => HoldState::Wanted,
            Eligibility::Unwanted(_) => HoldState::Unwanted,
            Eligibility::Undecided(_) => HoldState::Undecided,
        };
        match &row.body {
            // What the one that stays keeps is in its demands.
            Body::Nothing | Body::New(_) | Body::Same(_) | Body::Folded { .. } => {}
            Body::Differs { before, after } => self.holds(number, before, Some(after), state)?,
            Body::Owned(contacts) => {
                contacts.iter().try_for_each(|contact| self.holds(number, contact, None, state))?;
            }
        }
        let foreign = row.body.existing().map(|contact| &contact.foreign_values).into_iter().flatten();
        for value in foreign {
            let value = value.to_lowercase();
            if let Some(address) = value.strip_prefix("smtp:") {
                self.hold(address, Hold { row: number, role: Role::Foreign, state })?;
            }
        }
        Ok(())
    }

    fn demands(
        &mut self,
        number: u32,
        row: &Row,
        claimant: &SourceClaims<'_>,
        join: Option<&str>,
    ) -> Result<(), Failure> {
        let undecided = match row.state {
            Eligibility::Wanted => false,
            Eligibility::Undecided(_) => true,
            Eligibility::Unwanted(_) => return Ok(()),
        };
        let existing = row.body.existing();
        let mut demand = Demand {
            row: number,
            role: Role::Primary,
            source: claimant.source,
            organization: claimant.organization,
            class: row.class,
            authoritative: false,
            mailbox: claimant.mailbox,
            has_contact: existing.is_some(),
            held: false,
            undecided,
            name: match &row.body {
                Body::New(contact) => contact.name.to_string(),
                _ => String::new(),
            },
        };
        if claimant.organization != 0
            && let Some(id) = join
        {
            demand.role = Role::Join;
            self.demand(b'j', &format!("{} {id}", claimant.organization), &demand)?;
        }
        let Some(wanted) = row.body.wanted() else {
            // An undecided entry stands up for its address, if it is known, and for nothing else.
            if let Some(address) = &row.address {
                demand.role = Role::Primary;
                demand.authoritative = claimant.is_own(address);
                demand.held = existing.is_some_and(|contact| contact.primary == *address);
                self.demand(b's', address.as_str(), &demand)?;
            }
            return Ok(());
        };
        let mut ask = |role: Role, address: &SmtpAddress, held: bool| {
            demand.role = role;
            demand.authoritative = claimant.is_own(address);
            demand.held = held;
            self.demand(b's', address.as_str(), &demand)
        };
        ask(Role::Primary, &wanted.primary, existing.is_some_and(|contact| contact.primary == wanted.primary))?;
        if wanted.delivery != wanted.primary {
            let held = existing.is_some_and(|contact| contact.delivery == wanted.delivery);
            ask(Role::Delivery, &wanted.delivery, held)?;
        }
        for address in &wanted.secondary {
            ask(Role::Secondary, address, existing.is_some_and(|contact| contact.secondary.contains(address)))?;
        }
        if self.x500_taken {
            demand.role = Role::X500;
            demand.authoritative = false;
            for dn in wanted.x500.iter().chain(&wanted.legacy_exchange_dn) {
                self.demand(b'x', &dn.to_lowercase(), &demand)?;
            }
        }
        Ok(())
    }

    /// What a contact has and `kept` does not keep in the same role.
    fn holds(&mut self, row: u32, contact: &Contact, kept: Option<&Contact>, state: HoldState) -> Result<(), Failure> {
        let mut hold = |role: Role, address: &SmtpAddress| self.hold(address.as_str(), Hold { row, role, state });
        if kept.is_none_or(|kept| kept.primary != contact.primary) {
            hold(Role::Primary, &contact.primary)?;
        }
        if contact.delivery != contact.primary && kept.is_none_or(|kept| kept.delivery != contact.delivery) {
            hold(Role::Delivery, &contact.delivery)?;
        }
        for address in &contact.secondary {
            if kept.is_none_or(|kept| !kept.secondary.contains(address)) {
                hold(Role::Secondary, address)?;
            }
        }
        Ok(())
    }

    pub(in crate::engine) fn finish(self) -> Result<Box<dyn crate::engine::scratch::Sorted>, Failure> {
        self.sorter.finish()
    }
}

/// A source, as its entries' demands carry it.
pub(in crate::engine) struct SourceClaims<'a> {
    pub source: u16,
    pub organization: u8,
    pub mailbox: bool,
    pub own: &'a std::collections::BTreeSet<crate::model::Domain>,
}

impl SourceClaims<'_> {
    fn is_own(&self, address: &SmtpAddress) -> bool {
        self.own.contains(address.domain())
    }
}

/// The value of a claim's key, its kind in front.
pub(in crate::engine) fn value_of(key: &[u8]) -> &[u8] {
    key.split(|byte| *byte == 0).next().unwrap_or(key)
}

pub(in crate::engine) fn decode(key: &[u8], value: &[u8]) -> Result<Claim, Damaged> {
    let rest = key.get(value_of(key).len() + 1..).ok_or(Damaged)?;
    let (tag, rest) = rest.split_first().ok_or(Damaged)?;
    let row = |bytes: &[u8]| -> Result<u32, Damaged> {
        Ok(u32::from_be_bytes(bytes.get(..4).and_then(|bytes| bytes.try_into().ok()).ok_or(Damaged)?))
    };
    let role = |byte: u8| Role::ALL.get(usize::from(byte)).copied().ok_or(Damaged);
    let mut decoder = Decoder(value);
    match tag {
        b'd' => Ok(Claim::Demand(Demand {
            row: row(rest)?,
            role: role(decoder.byte()?)?,
            source: decoder.number()? as u16,
            organization: decoder.byte()?,
            class: decoder.class()?,
            authoritative: decoder.flag()?,
            mailbox: decoder.flag()?,
            has_contact: decoder.flag()?,
            held: decoder.flag()?,
            undecided: decoder.flag()?,
            name: decoder.text()?.to_owned(),
        })),
        b'h' => Ok(Claim::Hold(Hold {
            row: row(rest)?,
            role: role(decoder.byte()?)?,
            state: match decoder.byte()? {
                0 => HoldState::Wanted,
                1 => HoldState::Unwanted,
                _ => HoldState::Undecided,
            },
        })),
        b't' => Ok(Claim::Taken(TakenClaim {
            primary: decoder.flag()?,
            holder: Holder {
                kind: HOLDER_KINDS.get(usize::from(decoder.byte()?)).copied().ok_or(Damaged)?,
                handle: decoder.text()?.to_owned(),
                name: decoder.text()?.to_owned(),
            },
        })),
        _ => Err(Damaged),
    }
}
