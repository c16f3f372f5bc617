//! What connects a row with others. Rows that share no value never meet in a plan: what became of one is what
//! becomes of it again, as long as neither it nor a row that it is connected with changes.

use super::row::{Body, Row};
use crate::model::{Contact, ContactName, SmtpAddress};

/// What a plan remembers of a row for the next one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MatchKeys {
    /// Hashes of all addresses, ids and names through which it meets others, in order. Two values with one hash
    /// connect rows that have nothing to do with each other, which does no harm.
    pub values: Vec<u64>,
    /// What becomes of it depends on the time too.
    pub timed: bool,
}

/// FNV-1a, 64 bits: the same on every machine and in every release.
fn hash(kind: u8, text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(step(0xcbf2_9ce4_8422_2325, kind), step)
}

impl MatchKeys {
    /// `join` = the id that joins the halves of a hybrid organization; `inherited` = names that another entry would
    /// give its contact. X500 addresses connect nobody: each row for itself is asked about them.
    pub(in crate::engine) fn of(row: &Row, join: Option<&str>, inherited: &[ContactName]) -> Self {
        let mut links = Self::default();
        let contacts: Vec<&Contact> = match &row.body {
            Body::Nothing => Vec::new(),
            Body::New(contact) | Body::Same(contact) | Body::Folded { wanted: contact, .. } => vec![contact],
            Body::Differs { before, after } => vec![before, after],
            Body::Owned(contacts) => contacts.iter().collect(),
        };
        let mut address = |address: &SmtpAddress| links.values.push(hash(b's', address.as_str()));
        row.address.iter().for_each(&mut address);
        for contact in &contacts {
            [&contact.primary, &contact.delivery].into_iter().chain(&contact.secondary).for_each(&mut address);
        }
        for contact in &contacts {
            let foreign = contact.foreign_values.iter().map(|value| value.to_lowercase());
            links.values.extend(foreign.filter_map(|value| Some(hash(b's', value.strip_prefix("smtp:")?))));
            links.timed |= contact.mark.hidden_since.is_some();
        }
        links.values.extend(join.map(|id| hash(b'j', id)));
        links.values.extend(inherited.iter().map(|name| hash(b'n', name.as_str())));
        if let Body::New(contact) = &row.body {
            links.values.push(hash(b'n', contact.name.as_str()));
        }
        links.values.sort_unstable();
        links.values.dedup();
        links
    }
}
