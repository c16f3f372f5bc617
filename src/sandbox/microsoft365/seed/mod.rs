//! What an organization has in Microsoft 365: accounts of invented people, and in proportion all else.

#[cfg(test)]
mod tests;

use super::config::ObjectSpec;
use super::recipient::Kind;
use crate::sandbox::people::{People, ascii};
use crate::sandbox::people_names::{GROUPS, ROOMS};
use std::collections::BTreeMap;

/// Makes the objects of an organization, in an order in which groups come after their members.
pub struct Inventor {
    people: People,
    objects: Vec<ObjectSpec>,
}

impl Inventor {
    pub fn new(people: People) -> Self {
        Self { people, objects: Vec::new() }
    }

    /// `people` user mailboxes, and in proportion all else that an address list meets.
    pub fn organization(mut self, people: usize) -> Vec<ObjectSpec> {
        for number in 0..people {
            self.person(number);
        }
        let mailboxes: Vec<String> = self.objects.iter().filter_map(|object| object.mail.clone()).collect();
        self.repeat(people, 25, |make, number| {
            make.plain(Kind::SharedMailbox, format!("{} Postfach {number}", GROUPS[number % GROUPS.len()]))
        });
        self.repeat(people, 40, |make, number| {
            make.plain(Kind::RoomMailbox, format!("{} {}", ROOMS[number % ROOMS.len()], number + 1))
        });
        self.repeat(people, 200, |make, number| make.plain(Kind::EquipmentMailbox, format!("Beamer {}", number + 1)));
        self.repeat(people, 30, |make, number| make.outside(Kind::GuestMailUser, number));
        self.repeat(people, 60, |make, number| make.outside(Kind::MailUser, number));
        self.repeat(people, 20, |make, number| make.outside(Kind::MailContact, number));
        self.repeat(people, 50, |make, number| make.account(number));
        self.groups(people, &mailboxes);
        self.objects
    }

    /// One of a kind for every `per` people, at least one where there are people at all.
    fn repeat(&mut self, people: usize, per: usize, mut make: impl FnMut(&mut Self, usize)) {
        let count = if people == 0 { 0 } else { (people / per).max(1) };
        for number in 0..count {
            make(self, number);
        }
    }

    fn spec(&self, kind: Kind, display_name: String) -> ObjectSpec {
        ObjectSpec {
            kind,
            display_name,
            id: None,
            guid: None,
            name: None,
            alias: None,
            mail: None,
            addresses: Vec::new(),
            external_address: None,
            hidden: false,
            dir_synced: false,
            disabled: false,
            attributes: BTreeMap::new(),
            members: Vec::new(),
            accept_only_from: Vec::new(),
            require_sender_authentication: false,
            hidden_membership: false,
        }
    }

    fn person(&mut self, number: usize) {
        let person = self.people.person(number);
        let mut spec = self.spec(Kind::UserMailbox, format!("{} {}", person.given_name, person.surname));
        // Names of homonyms differ in the directory, not on the screen.
        spec.name = Some(person.local.clone());
        spec.alias = Some(person.local);
        spec.addresses.push(format!("SIP:{}", person.mail));
        spec.addresses.extend(person.alias.map(|alias| format!("smtp:{alias}")));
        spec.mail = Some(person.mail);
        spec.hidden = person.hidden;
        spec.dir_synced = person.synchronized;
        spec.disabled = person.disabled;
        let texts = [
            ("FirstName", person.given_name.to_owned()),
            ("LastName", person.surname.to_owned()),
            ("Title", person.title.to_owned()),
            ("Department", person.department.to_owned()),
            ("Company", person.company),
            ("Office", person.office),
            ("Phone", person.phone),
            ("City", person.city.to_owned()),
            ("StateOrProvince", person.state.to_owned()),
            ("PostalCode", person.postal_code.to_owned()),
            ("CountryOrRegion", person.country.to_owned()),
            ("StreetAddress", person.street),
        ];
        let mobile = person.mobile.map(|mobile| ("MobilePhone", mobile));
        let left_out = person.left_out.then(|| ("CustomAttribute1", "no-gal".to_owned()));
        let texts = texts.into_iter().chain(mobile).chain(left_out);
        spec.attributes = texts.map(|(name, value)| (name.to_owned(), value)).collect();
        self.objects.push(spec);
    }

    /// A mailbox or group without a person.
    fn plain(&mut self, kind: Kind, display_name: String) {
        let local = self.people.local(&ascii(&display_name));
        let mut spec = self.spec(kind, display_name);
        spec.mail = Some(format!("{local}@{}", self.people.domain()));
        spec.alias = Some(local);
        self.objects.push(spec);
    }

    fn outside(&mut self, kind: Kind, number: usize) {
        let outsider = self.people.outsider(number);
        let shown = format!("{} {} ({})", outsider.given_name, outsider.surname, outsider.company);
        let mut spec = self.spec(kind, shown);
        if kind == Kind::MailUser {
            spec.mail = Some(format!("{}@{}", outsider.local, self.people.domain()));
        }
        spec.external_address = Some(outsider.mail);
        let name: String = outsider.local.chars().take(64).collect();
        spec.name = Some(name.clone());
        spec.alias = Some(name);
        spec.hidden = kind == Kind::GuestMailUser;
        let texts = [("FirstName", outsider.given_name), ("LastName", outsider.surname), ("Company", outsider.company)];
        spec.attributes = texts.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.objects.push(spec);
    }

    /// An account without a mailbox: a service, an administrator.
    fn account(&mut self, number: usize) {
        let mut spec = self.spec(Kind::User, format!("svc-{number}"));
        spec.alias = Some(format!("svc-{number}"));
        self.objects.push(spec);
    }

    fn groups(&mut self, people: usize, mailboxes: &[String]) {
        let kinds = [
            Kind::MailUniversalDistributionGroup,
            Kind::GroupMailbox,
            Kind::MailUniversalSecurityGroup,
            Kind::MailUniversalDistributionGroup,
            Kind::DynamicDistributionGroup,
        ];
        let count = if people == 0 { 0 } else { (people / 15).max(kinds.len()) };
        let mut before: Vec<String> = Vec::new();
        for number in 0..count {
            let kind = kinds[number % kinds.len()];
            let shown = format!("{} {}", GROUPS[number % GROUPS.len()], number / GROUPS.len() + 1);
            self.plain(kind, shown);
            let dynamic = kind == Kind::DynamicDistributionGroup;
            let size = if dynamic { 0 } else { self.people.random.usize(1..=mailboxes.len().min(80)) };
            let mut members: Vec<String> =
                self.people.random.choose_multiple(mailboxes, size).into_iter().cloned().collect();
            if !dynamic && number % 6 == 5 {
                members.extend(before.last().cloned());
            }
            let restricted = number % 4 == 3;
            let sender = mailboxes.first().filter(|_| number % 9 == 8).cloned();
            let spec = self.objects.last_mut().expect("plain pushed one");
            spec.members = members;
            spec.require_sender_authentication = restricted;
            spec.accept_only_from = sender.into_iter().collect();
            spec.hidden_membership = kind == Kind::GroupMailbox && number % 10 == 6;
            spec.hidden = number % 11 == 10;
            before.extend(spec.mail.clone());
        }
        let mut security = self.spec(Kind::SecurityGroup, "Intune devices".to_owned());
        security.members = mailboxes.iter().take(3).cloned().collect();
        if people > 0 {
            self.objects.push(security);
        }
    }
}
