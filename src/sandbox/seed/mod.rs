//! Invented people and what an organization has beside them. Equal seeds make equal tenants.

mod names;
#[cfg(test)]
mod tests;

use super::microsoft365::config::ObjectSpec;
use super::microsoft365::recipient::Kind;
use fastrand::Rng;
use names::{CITIES, COMPANIES, DEPARTMENTS, GIVEN, GROUPS, ROOMS, SURNAMES, TITLES};
use std::collections::{BTreeMap, HashSet};

/// Makes the objects of an organization, in an order in which groups come after their members.
pub struct Inventor {
    random: Rng,
    domains: Vec<String>,
    company: String,
    taken: HashSet<String>,
    objects: Vec<ObjectSpec>,
}

/// Letters that keep their sound in ASCII.
pub fn ascii(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let spelled: String = text
        .chars()
        .map(|c| match c {
            'ä' => "ae".to_owned(),
            'ö' => "oe".to_owned(),
            'ü' => "ue".to_owned(),
            'Ä' => "Ae".to_owned(),
            'Ö' => "Oe".to_owned(),
            'Ü' => "Ue".to_owned(),
            'ß' => "ss".to_owned(),
            'ø' => "oe".to_owned(),
            'ł' => "l".to_owned(),
            'Ł' => "L".to_owned(),
            other => other.to_string(),
        })
        .collect();
    spelled.nfd().filter(|c| c.is_ascii_alphanumeric() || *c == '.' || *c == '-').collect()
}

impl Inventor {
    /// `domains`: the first is the usual one of addresses.
    pub fn new(seed: u64, domains: Vec<String>, company: String) -> Self {
        Self { random: Rng::with_seed(seed), domains, company, taken: HashSet::new(), objects: Vec::new() }
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

    fn choose<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.random.usize(..list.len())]
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(..100) < percent
    }

    /// A local part that nobody has yet.
    fn local(&mut self, wish: &str) -> String {
        let wish = if wish.is_empty() { "user".to_owned() } else { wish.to_lowercase() };
        let mut local = wish.clone();
        let mut number = 1;
        while !self.taken.insert(local.clone()) {
            number += 1;
            local = format!("{wish}{number}");
        }
        local
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
        let (given, romanized) = GIVEN[self.random.usize(..GIVEN.len())];
        let (surname, surname_romanized) = SURNAMES[self.random.usize(..SURNAMES.len())];
        let local = self.local(&format!("{}.{}", ascii(romanized), ascii(surname_romanized)));
        let domain =
            if self.domains.len() > 1 && self.chance(15) { self.random.usize(1..self.domains.len()) } else { 0 };
        let domain = self.domains[domain].clone();
        let (city, state, postal, country, code) = CITIES[self.random.usize(..CITIES.len())];
        let mut spec = self.spec(Kind::UserMailbox, format!("{given} {surname}"));
        // Names of homonyms differ in the directory, not on the screen.
        spec.name = Some(local.clone());
        spec.alias = Some(local.clone());
        spec.mail = Some(format!("{local}@{domain}"));
        spec.addresses.push(format!("SIP:{local}@{domain}"));
        if self.chance(30) {
            let other = self.domains[self.random.usize(..self.domains.len())].clone();
            let alias =
                self.local(&format!("{}{}", romanized.chars().take(1).collect::<String>(), ascii(surname_romanized)));
            spec.addresses.push(format!("smtp:{alias}@{other}"));
        }
        spec.hidden = self.chance(3);
        spec.dir_synced = self.chance(20);
        spec.disabled = self.chance(2);
        let extension = 1000 + number;
        let texts = [
            ("FirstName", given.to_owned()),
            ("LastName", surname.to_owned()),
            ("Title", self.choose(TITLES).to_owned()),
            ("Department", self.choose(DEPARTMENTS).to_owned()),
            ("Company", self.company.clone()),
            ("Office", format!("{city} {}", self.random.u32(1..400))),
            ("Phone", format!("{code} {} {extension}", self.random.u32(100..1000))),
            ("City", city.to_owned()),
            ("StateOrProvince", state.to_owned()),
            ("PostalCode", postal.to_owned()),
            ("CountryOrRegion", country.to_owned()),
            ("StreetAddress", format!("{} {}", self.choose(ROOMS), self.random.u32(1..200))),
        ];
        spec.attributes = texts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if self.chance(60) {
            let mobile = format!("{code} 1{} {}", self.random.u32(50..80), self.random.u32(1_000_000..10_000_000));
            spec.attributes.insert("MobilePhone".to_owned(), mobile);
        }
        if self.chance(5) {
            spec.attributes.insert("CustomAttribute1".to_owned(), "no-gal".to_owned());
        }
        self.objects.push(spec);
    }

    /// A mailbox or group without a person.
    fn plain(&mut self, kind: Kind, display_name: String) {
        let local = self.local(&ascii(&display_name));
        let mut spec = self.spec(kind, display_name);
        spec.mail = Some(format!("{local}@{}", self.domains[0]));
        spec.alias = Some(local);
        self.objects.push(spec);
    }

    /// Somebody of another organization.
    fn outside(&mut self, kind: Kind, number: usize) {
        let (given, romanized) = GIVEN[self.random.usize(..GIVEN.len())];
        let (surname, surname_romanized) = SURNAMES[self.random.usize(..SURNAMES.len())];
        let (company, domain) = COMPANIES[self.random.usize(..COMPANIES.len())];
        let local = self.local(&format!("{}.{}-{}", ascii(romanized), ascii(surname_romanized), ascii(domain)));
        let mut spec = self.spec(kind, format!("{given} {surname} ({company})"));
        let external =
            format!("{}.{}{number}@{domain}", ascii(romanized).to_lowercase(), ascii(surname_romanized).to_lowercase());
        if kind == Kind::MailUser {
            spec.mail = Some(format!("{local}@{}", self.domains[0]));
        }
        spec.external_address = Some(external);
        spec.name = Some(local.chars().take(64).collect());
        spec.alias = Some(local.chars().take(64).collect());
        spec.hidden = kind == Kind::GuestMailUser;
        let texts = [("FirstName", given), ("LastName", surname), ("Company", company)];
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
            let size = if dynamic { 0 } else { self.random.usize(1..=mailboxes.len().min(80)) };
            let mut members: Vec<String> = self.random.choose_multiple(mailboxes, size).into_iter().cloned().collect();
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
