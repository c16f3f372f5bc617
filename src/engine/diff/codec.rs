//! Contacts and rows as bytes for the scratch: compact, read back by the same program run, never stored.

use super::row::{Body, Row};
use crate::engine::error::{Failure, PlanError};
use crate::engine::filter::entry_filter::Eligibility;
use crate::engine::input::plan_input::ContactLookup;
use crate::model::mark::MarkScope;
use crate::model::reason::{Undecided, Unwanted, Warning};
use crate::model::{Anchor, Attribute, Contact, ContactName, EntryClass, Key, OwnerMark, SmtpAddress, SystemIdentity};
use jiff::Timestamp;

/// What came back from the scratch is not what went in.
#[derive(Debug, thiserror::Error)]
#[error("a record of the scratch is damaged")]
pub(in crate::engine) struct Damaged;

impl From<Damaged> for PlanError {
    fn from(damaged: Damaged) -> Self {
        let failure: Failure = Box::new(damaged);
        Self::Scratch(failure)
    }
}

#[derive(Default)]
pub(in crate::engine) struct Encoder(pub Vec<u8>);

impl Encoder {
    pub(in crate::engine) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(in crate::engine) fn flag(&mut self, flag: bool) {
        self.byte(flag.into());
    }

    /// Seven bits a byte, the lowest first.
    pub(in crate::engine) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    pub(in crate::engine) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(in crate::engine) fn texts<'a>(&mut self, texts: impl ExactSizeIterator<Item = &'a str>) {
        self.number(texts.len() as u64);
        texts.for_each(|text| self.text(text));
    }

    pub(in crate::engine) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Owner, sync and target are not in it: they are the plan's.
    pub(in crate::engine) fn contact(&mut self, contact: &Contact) {
        let Contact {
            mark,
            name,
            primary,
            delivery,
            secondary,
            x500,
            hidden,
            attributes,
            handle,
            legacy_exchange_dn,
            foreign_values,
        } = contact;
        let OwnerMark { owner: _, sync: _, target: _, source, anchor, adopted, class, hidden_since, value_hashes } =
            mark;
        self.text(source.as_str());
        self.text(anchor.as_str());
        self.flag(*adopted);
        self.byte(*class as u8);
        self.option(*hidden_since, |this, time| this.0.extend_from_slice(&time.as_second().to_be_bytes()));
        self.texts(value_hashes.iter().map(String::as_str));
        self.text(name.as_str());
        self.text(primary.as_str());
        self.text(delivery.as_str());
        self.texts(secondary.iter().map(SmtpAddress::as_str));
        self.texts(x500.iter().map(String::as_str));
        self.flag(*hidden);
        self.number(attributes.len() as u64);
        for (attribute, value) in attributes {
            self.byte(*attribute as u8);
            self.text(value);
        }
        self.option(handle.as_deref(), Self::text);
        self.option(legacy_exchange_dn.as_deref(), Self::text);
        self.texts(foreign_values.iter().map(String::as_str));
    }

    pub(in crate::engine) fn row(&mut self, row: &Row) {
        let Row { key, class, source, state, warnings, left_out, display_name, address, body } = row;
        let body_tag = match body {
            Body::Nothing => 0,
            Body::New(_) => 1,
            Body::Same(_) => 2,
            Body::Differs { .. } => 3,
            Body::Owned(_) => 4,
            Body::Folded { document: Some(_), .. } => 5,
            Body::Folded { document: None, .. } => 6,
        };
        self.byte(body_tag);
        self.number(warnings.iter().fold(0, |bits, warning| bits | 1 << *warning as u32));
        self.byte(*class as u8);
        self.number(source.map_or(0, |index| u64::from(index) + 1));
        self.state(*state);
        self.text(key.as_str());
        self.texts(left_out.iter().map(String::as_str));
        self.option(display_name.as_deref(), Self::text);
        self.option(address.as_ref().map(SmtpAddress::as_str), Self::text);
        match body {
            Body::Nothing => {}
            Body::New(contact) | Body::Same(contact) => self.contact(contact),
            Body::Differs { before, after } => {
                self.contact(before);
                self.contact(after);
            }
            Body::Owned(contacts) => {
                self.number(contacts.len() as u64);
                contacts.iter().for_each(|contact| self.contact(contact));
            }
            Body::Folded { document: None, .. } => {}
            Body::Folded { wanted: _, document: Some(document) } => {
                self.number(document.len() as u64);
                self.0.extend_from_slice(document);
            }
        }
    }

    fn state(&mut self, state: Eligibility) {
        let (tag, reason) = match state {
            Eligibility::Wanted => (0, 0),
            Eligibility::Unwanted(reason) => (1, reason as u8),
            Eligibility::Undecided(reason) => (2, reason as u8),
        };
        self.byte(tag);
        self.byte(reason);
    }
}

pub(in crate::engine) struct Decoder<'a>(pub &'a [u8]);

impl<'a> Decoder<'a> {
    pub(in crate::engine) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(Damaged)?;
        self.0 = rest;
        Ok(head)
    }

    pub(in crate::engine) fn byte(&mut self) -> Result<u8, Damaged> {
        Ok(self.bytes(1)?[0])
    }

    pub(in crate::engine) fn flag(&mut self) -> Result<bool, Damaged> {
        Ok(self.byte()? != 0)
    }

    pub(in crate::engine) fn number(&mut self) -> Result<u64, Damaged> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damaged)
    }

    pub(in crate::engine) fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = self.number()? as usize;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| Damaged)
    }

    pub(in crate::engine) fn list<T, C: FromIterator<T>>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Damaged>,
    ) -> Result<C, Damaged> {
        let count = self.number()?;
        (0..count).map(|_| read(self)).collect()
    }

    pub(in crate::engine) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Damaged>,
    ) -> Result<Option<T>, Damaged> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    fn string(&mut self) -> Result<String, Damaged> {
        self.text().map(str::to_owned)
    }

    pub(in crate::engine) fn class(&mut self) -> Result<EntryClass, Damaged> {
        EntryClass::ALL.get(usize::from(self.byte()?)).copied().ok_or(Damaged)
    }

    fn address(&mut self) -> Result<SmtpAddress, Damaged> {
        SmtpAddress::parse(self.text()?).map_err(|_| Damaged)
    }

    pub(in crate::engine) fn contact(&mut self, scope: &MarkScope) -> Result<Contact, Damaged> {
        let mark = OwnerMark {
            owner: scope.owner.clone(),
            sync: scope.sync.clone(),
            target: scope.target.clone(),
            source: SystemIdentity::new(self.text()?).map_err(|_| Damaged)?,
            anchor: Anchor::new(self.text()?).map_err(|_| Damaged)?,
            adopted: self.flag()?,
            class: self.class()?,
            hidden_since: self.option(|this| {
                let bytes = this.bytes(8)?.try_into().map_err(|_| Damaged)?;
                Timestamp::from_second(i64::from_be_bytes(bytes)).map_err(|_| Damaged)
            })?,
            value_hashes: self.list(Self::string)?,
        };
        Ok(Contact {
            mark,
            name: ContactName::existing(self.text()?),
            primary: self.address()?,
            delivery: self.address()?,
            secondary: self.list(Self::address)?,
            x500: self.list(Self::string)?,
            hidden: self.flag()?,
            attributes: self.list(|this| {
                let attribute = Attribute::ALL.get(usize::from(this.byte()?)).copied().ok_or(Damaged)?;
                Ok((attribute, this.string()?))
            })?,
            handle: self.option(Self::string)?,
            legacy_exchange_dn: self.option(Self::string)?,
            foreign_values: self.list(Self::string)?,
        })
    }

    pub(in crate::engine) fn row(
        &mut self,
        scope: &MarkScope,
        again: Option<ContactLookup<'_>>,
    ) -> Result<Row, PlanError> {
        let body = self.byte()?;
        let bits = self.number()?;
        let warnings = Warning::ALL.iter().copied().filter(|warning| bits & 1 << *warning as u32 != 0).collect();
        let class = self.class()?;
        let source = match self.number()? {
            0 => None,
            number => Some(u16::try_from(number - 1).map_err(|_| Damaged)?),
        };
        let state = self.state()?;
        let key = Key::try_from(self.string()?).map_err(|_| Damaged)?;
        Ok(Row {
            warnings,
            class,
            source,
            state,
            left_out: self.list(Self::string)?,
            display_name: self.option(Self::string)?,
            address: self.option(Self::address)?,
            body: match body {
                0 => Body::Nothing,
                1 => Body::New(self.contact(scope)?),
                2 => Body::Same(self.contact(scope)?),
                3 => Body::Differs { before: self.contact(scope)?, after: self.contact(scope)? },
                4 => Body::Owned(self.list(|this| this.contact(scope))?),
                5 => {
                    let length = self.number()? as usize;
                    Body::Same(serde_json::from_slice(self.bytes(length)?).map_err(|_| Damaged)?)
                }
                6 => Body::Same(again.ok_or(Damaged)?(&key).map_err(PlanError::Target)?),
                _ => return Err(Damaged.into()),
            },
            key,
        })
    }

    fn state(&mut self) -> Result<Eligibility, Damaged> {
        let (tag, reason) = (self.byte()?, usize::from(self.byte()?));
        match tag {
            0 => Ok(Eligibility::Wanted),
            1 => Unwanted::ALL.get(reason).map(|reason| Eligibility::Unwanted(*reason)).ok_or(Damaged),
            2 => Undecided::ALL.get(reason).map(|reason| Eligibility::Undecided(*reason)).ok_or(Damaged),
            _ => Err(Damaged),
        }
    }
}

/// Of a row that is in order: class and key, if it has nothing to tell but that.
pub(in crate::engine) fn quiet_row(bytes: &[u8]) -> Option<(EntryClass, Option<u16>, &str)> {
    let mut decoder = Decoder(bytes);
    let quiet = matches!(decoder.byte().ok()?, 2 | 5 | 6) && decoder.number().ok()? == 0;
    let class = decoder.class().ok()?;
    let source = decoder.number().ok()?.checked_sub(1).and_then(|index| u16::try_from(index).ok());
    decoder.state().ok()?;
    quiet.then(|| decoder.text().ok().map(|key| (class, source, key)))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn a_row_reads_back() {
        let mark = OwnerMark::parse("gs1;prod;contoso;t-1;s-1;a-1;ag;2026-03-01T10:00:00Z;0a1b2c3d").unwrap();
        let scope = MarkScope { owner: mark.owner.clone(), sync: mark.sync.clone(), target: mark.target.clone() };
        let contact = Contact {
            name: ContactName::existing("gs-1"),
            primary: SmtpAddress::parse("ada@b.test").unwrap(),
            delivery: SmtpAddress::parse("ada@c.test").unwrap(),
            secondary: [SmtpAddress::parse("a@b.test").unwrap()].into(),
            x500: ["/o=Corp/cn=Ada".to_owned()].into(),
            hidden: true,
            attributes: BTreeMap::from([(Attribute::Title, "Dr".to_owned()), (Attribute::Custom15, "x".repeat(200))]),
            handle: Some("cn=x".into()),
            legacy_exchange_dn: None,
            foreign_values: ["smtp:x@y.z".to_owned()].into(),
            mark,
        };
        let plain = Contact { handle: None, hidden: false, ..contact.clone() };
        for body in [
            Body::Nothing,
            Body::New(plain.clone()),
            Body::Same(contact.clone()),
            Body::Differs { before: contact.clone(), after: plain.clone() },
            Body::Owned(vec![contact.clone(), plain.clone()]),
        ] {
            let row = Row {
                key: contact.key(),
                class: EntryClass::Group,
                source: Some(0),
                state: Eligibility::Undecided(Undecided::Deferred),
                warnings: BTreeSet::from([Warning::Cut, Warning::CannotHide]),
                left_out: BTreeSet::from(["smtp:x@y.z".to_owned()]),
                display_name: Some("Ada".into()),
                address: Some(contact.primary.clone()),
                body,
            };
            let mut encoder = Encoder::default();
            encoder.row(&row);
            assert_eq!(Decoder(&encoder.0).row(&scope, None).unwrap(), row);
            assert!(Decoder(&encoder.0[..encoder.0.len() - 1]).row(&scope, None).is_err());
            assert_eq!(quiet_row(&encoder.0), None);
            let again = |key: &Key| if *key == contact.key() { Ok(contact.clone()) } else { Err("another".into()) };
            for document in [Some(serde_json::to_vec(&contact).unwrap().into()), None] {
                let (carried, wanted) = (document.is_some(), plain.clone());
                let folded = Row { body: Body::Folded { wanted, document }, ..row.clone() };
                encoder.0.clear();
                encoder.row(&folded);
                let read = |again| Decoder(&encoder.0).row(&scope, again);
                assert_eq!(read(Some(&again)).unwrap().body, Body::Same(contact.clone()));
                assert_eq!(read(None).is_ok(), carried);
            }
        }
    }
}
