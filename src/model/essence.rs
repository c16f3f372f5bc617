//! A contact in sixteen bytes: what a plan must know of one that is as it should be.

use super::digest::Canonical;
use super::{Contact, Digest};
use std::fmt;

/// Equal for a contact in a target and for the one that is wanted only if there is nothing to do: then the one in
/// the target need not be looked at any closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Essence([u8; 16]);

impl Essence {
    /// Nothing for a contact that is out of the ordinary: adopted, on its way out, with values that others added,
    /// or with a mark that does not name all of ours.
    pub fn of_existing(contact: &Contact) -> Option<Self> {
        let Contact { mark, secondary, x500, foreign_values, .. } = contact;
        let is_ordinary = !mark.adopted
            && mark.hidden_since.is_none()
            && foreign_values.is_empty()
            && mark.value_hashes.len() == secondary.len() + x500.len();
        is_ordinary.then(|| Self::of_wanted(contact))
    }

    /// Of a contact that is not stamped yet, with the name that it would be made with.
    pub fn of_wanted(contact: &Contact) -> Self {
        let mut canonical = Canonical::new("essence/1");
        let mark = &contact.mark;
        for text in [mark.owner.as_str(), mark.sync.as_str(), mark.target.as_str(), contact.name.as_str()] {
            canonical.text(text);
        }
        canonical.bytes(contact.digest().as_bytes());
        Self::first_half(&canonical.finish())
    }

    fn first_half(digest: &Digest) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_bytes()[..16]);
        Self(bytes)
    }

    pub fn parse(digits: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for Essence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attribute, ContactName, OwnerMark, SmtpAddress};

    #[test]
    fn whatever_a_plan_would_act_on_shows() {
        let address = |text| SmtpAddress::parse(text).unwrap();
        let mut contact = Contact {
            secondary: [address("a@b.test")].into(),
            ..Contact::new(
                OwnerMark::parse("gs1;prod;contoso;t-1;s-1;a-1;;-;").unwrap(),
                ContactName::existing("gs-1"),
                address("ada@b.test"),
                address("ada@b.test"),
            )
        };
        let wanted = Essence::of_wanted(&contact);
        assert_eq!(Essence::of_existing(&contact), None, "its mark does not name its addresses");
        contact.stamp_values();
        contact.handle = Some("cn=x".into());
        assert_eq!(Essence::of_existing(&contact), Some(wanted));
        assert_eq!(Essence::parse(&wanted.to_string()), Some(wanted));
        type Change = fn(&mut Contact);
        let changes: [Change; 5] = [
            |contact| contact.hidden = true,
            |contact| contact.name = ContactName::existing("gs-2"),
            |contact| contact.attributes.extend([(Attribute::Title, "Dr".to_owned())]),
            |contact| contact.mark = OwnerMark::parse("gs1;prod;contoso;t-2;s-1;a-1;;-;00000000").unwrap(),
            |contact| contact.foreign_values.extend(["smtp:x@b.test".to_owned()]),
        ];
        for change in changes {
            let mut changed = contact.clone();
            change(&mut changed);
            assert_ne!(Essence::of_existing(&changed), Some(wanted));
        }
    }
}
