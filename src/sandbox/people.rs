//! Invented people, whatever mail system they have an account in. Equal seeds make equal people.

use super::people_names::{CITIES, COMPANIES, DEPARTMENTS, GIVEN, ROOMS, SURNAMES, TITLES};
use fastrand::Rng;
use std::collections::HashSet;

/// Somebody who works for the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub given_name: &'static str,
    pub surname: &'static str,
    /// The part of the address before @; nobody else has it. Homonyms differ by it.
    pub local: String,
    pub mail: String,
    /// A second address, which few have.
    pub alias: Option<String>,
    pub title: &'static str,
    pub department: &'static str,
    pub company: String,
    pub office: String,
    pub phone: String,
    pub mobile: Option<String>,
    pub street: String,
    pub city: &'static str,
    pub state: &'static str,
    pub postal_code: &'static str,
    /// ISO 3166 alpha-2.
    pub country: &'static str,
    /// Is not to be seen in the address list.
    pub hidden: bool,
    /// The account comes from another directory.
    pub synchronized: bool,
    /// The account is disabled.
    pub disabled: bool,
    /// Has a value of its own by which an administrator leaves people out of lists.
    pub left_out: bool,
}

/// Somebody of another organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outsider {
    pub given_name: &'static str,
    pub surname: &'static str,
    pub company: &'static str,
    /// A name for it in this organization; nobody else has it.
    pub local: String,
    /// At home.
    pub mail: String,
}

/// Makes people up, and keeps what they are called apart.
#[derive(Debug)]
pub struct People {
    pub random: Rng,
    domains: Vec<String>,
    company: String,
    taken: HashSet<String>,
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

impl People {
    /// `domains`: the first is the usual one of addresses; there is at least one.
    pub fn new(seed: u64, domains: Vec<String>, company: String) -> Self {
        Self { random: Rng::with_seed(seed), domains, company, taken: HashSet::new() }
    }

    /// The usual domain of addresses.
    pub fn domain(&self) -> &str {
        &self.domains[0]
    }

    fn choose<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.random.usize(..list.len())]
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(..100) < percent
    }

    /// A local part that nobody has yet.
    pub fn local(&mut self, wish: &str) -> String {
        let wish = if wish.is_empty() { "user".to_owned() } else { wish.to_lowercase() };
        let mut local = wish.clone();
        let mut number = 1;
        while !self.taken.insert(local.clone()) {
            number += 1;
            local = format!("{wish}{number}");
        }
        local
    }

    /// The order in which chance is asked decides who people are; it is the same for equal seeds.
    pub fn person(&mut self, number: usize) -> Person {
        let (given_name, romanized) = self.choose(GIVEN);
        let (surname, surname_romanized) = self.choose(SURNAMES);
        let local = self.local(&format!("{}.{}", ascii(romanized), ascii(surname_romanized)));
        let domain =
            if self.domains.len() > 1 && self.chance(15) { self.random.usize(1..self.domains.len()) } else { 0 };
        let mail = format!("{local}@{}", self.domains[domain]);
        let (city, state, postal_code, country, code) = self.choose(CITIES);
        let alias = self.chance(30).then(|| {
            let other = self.domains[self.random.usize(..self.domains.len())].clone();
            let initial: String = romanized.chars().take(1).collect();
            format!("{}@{other}", self.local(&format!("{initial}{}", ascii(surname_romanized))))
        });
        let (hidden, synchronized, disabled) = (self.chance(3), self.chance(20), self.chance(2));
        let (title, department) = (self.choose(TITLES), self.choose(DEPARTMENTS));
        let office = format!("{city} {}", self.random.u32(1..400));
        let phone = format!("{code} {} {}", self.random.u32(100..1000), 1000 + number);
        let street = format!("{} {}", self.choose(ROOMS), self.random.u32(1..200));
        let mobile = self
            .chance(60)
            .then(|| format!("{code} 1{} {}", self.random.u32(50..80), self.random.u32(1_000_000..10_000_000)));
        Person {
            given_name,
            surname,
            local,
            mail,
            alias,
            title,
            department,
            company: self.company.clone(),
            office,
            phone,
            mobile,
            street,
            city,
            state,
            postal_code,
            country,
            hidden,
            synchronized,
            disabled,
            left_out: self.chance(5),
        }
    }

    pub fn outsider(&mut self, number: usize) -> Outsider {
        let (given_name, romanized) = self.choose(GIVEN);
        let (surname, surname_romanized) = self.choose(SURNAMES);
        let (company, domain) = self.choose(COMPANIES);
        let (given, last) = (ascii(romanized), ascii(surname_romanized));
        let local = self.local(&format!("{given}.{last}-{}", ascii(domain)));
        let mail = format!("{}.{}{number}@{domain}", given.to_lowercase(), last.to_lowercase());
        Outsider { given_name, surname, company, local, mail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_make_equal_people_and_nobody_shares_an_address() {
        let domains = vec!["contoso.example".to_owned(), "labs.example".to_owned()];
        let made = |seed| {
            let mut people = People::new(seed, domains.clone(), "contoso".to_owned());
            (0..200).map(|number| people.person(number)).collect::<Vec<_>>()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        let addresses: Vec<String> =
            made(1).into_iter().flat_map(|person| [Some(person.mail), person.alias]).flatten().collect();
        assert_eq!(addresses.len(), addresses.iter().collect::<HashSet<_>>().len());
        assert!(addresses.iter().all(|address| address.is_ascii()));
    }
}
