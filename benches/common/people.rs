//! People of a company that does not exist, the same ones every time.

/// Which state of the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Before,
    /// 1 % changed, 0.5 % new, 0.5 % gone.
    After,
}

pub const SYSTEM: &str = "5c1d2a90-7f1e-4b7a-9a51-0d9e6f3b2c11";
const FIRST: &[&str] = &[
    "Ada",
    "Grace",
    "Alan",
    "Edsger",
    "Barbara",
    "Donald",
    "Frances",
    "Ken",
    "Dennis",
    "Radia",
    "Leslie",
    "Margaret",
    "Jürgen",
    "Søren",
    "Zoë",
    "François",
    "Łukasz",
    "Aiko",
    "Wei",
    "Priya",
    "Fatima",
    "Olumide",
    "Ingrid",
    "Mateo",
];
const LAST: &[&str] = &[
    "Lovelace",
    "Hopper",
    "Turing",
    "Dijkstra",
    "Liskov",
    "Knuth",
    "Allen",
    "Thompson",
    "Ritchie",
    "Perlman",
    "Lamport",
    "Hamilton",
    "Müller",
    "Kierkegaard",
    "Nguyen",
    "Dubois",
    "Kowalski",
    "Tanaka",
    "Zhang",
    "Sharma",
    "Haddad",
    "Adeyemi",
    "Johansson",
    "García",
    "O'Neill",
    "Schmidt",
    "Rossi",
    "Silva",
    "Novak",
    "Andersson",
];
const TITLE: &[&str] =
    &["Engineer", "Senior Engineer", "Account Manager", "Director", "Analyst", "Assistant", "Consultant", "Team Lead"];
const DEPARTMENT: &[&str] = &["Research", "Sales", "Finance", "Human Resources", "Logistics", "Legal", "Production"];
const CITY: &[(&str, &str)] =
    &[("Berlin", "DE"), ("Paris", "FR"), ("London", "GB"), ("Tokyo", "JP"), ("Toronto", "CA"), ("São Paulo", "BR")];

/// SplitMix64: every person has a generator of their own, so that anybody can be made in any order.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x1234_5678))
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[(self.number() % values.len() as u64) as usize]
    }
}

#[derive(Debug, Clone)]
pub struct Person {
    /// An objectGUID.
    pub anchor: String,
    pub first: &'static str,
    pub last: &'static str,
    pub address: String,
    pub title: &'static str,
    pub department: &'static str,
    pub office: String,
    pub phone: String,
    pub city: &'static str,
    pub country: &'static str,
    pub legacy_exchange_dn: String,
}

fn person(number: u32, version: Version) -> Person {
    let mut random = Random::new(u64::from(number));
    let (high, low) = (random.number(), random.number());
    let anchor = format!(
        "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0xfff,
        low & 0xffff_ffff_ffff
    );
    let (first, last) = (random.of(FIRST), random.of(LAST));
    let ascii = |text: &str| text.to_lowercase().chars().filter(char::is_ascii_alphabetic).collect::<String>();
    let alias = format!("{}.{}{number}", ascii(first), ascii(last));
    let (city, country) = random.of(CITY);
    let mut person = Person {
        address: format!("{alias}@contoso.example"),
        title: random.of(TITLE),
        department: random.of(DEPARTMENT),
        office: format!("Building {}, Room {}", random.number() % 40, random.number() % 900),
        phone: format!("+49 30 {:04} {:05}", random.number() % 10_000, random.number() % 100_000),
        legacy_exchange_dn: format!(
            "/o=Contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn={:032x}-{}",
            u128::from(random.number()) << 64 | u128::from(random.number()),
            &alias[..alias.len().min(12)],
        ),
        anchor,
        first,
        last,
        city,
        country,
    };
    if version == Version::After && number % 100 == 7 {
        person.title = if person.title == "Director" { "Vice President" } else { "Director" };
    }
    person
}

/// All people of one version: afterwards one of 200 is gone, and as many are new.
pub fn people(count: u32, version: Version) -> impl Iterator<Item = Person> {
    let gone = move |number: &u32| version == Version::Before || number % 200 != 3;
    let new = if version == Version::After { count / 200 } else { 0 };
    (0..count).filter(gone).chain(count..count + new).map(move |number| person(number, version))
}

impl Person {
    /// As a contact, about 590 bytes.
    pub fn contact(&self) -> String {
        let Person {
            anchor,
            first,
            last,
            address,
            title,
            department,
            office,
            phone,
            city,
            country,
            legacy_exchange_dn,
        } = self;
        let contact = format!(
            r#"{{"key":"{SYSTEM}/{anchor}","primary":"{address}","delivery":"{address}",
"x500":["{legacy_exchange_dn}"],"hidden":false,"attributes":{{"displayName":"{last}, {first} (Contoso)",
"givenName":"{first}","surname":"{last}","title":"{title}","department":"{department}",
"company":"Contoso Ltd","office":"{office}","businessPhone":"{phone}",
"city":"{city}","country":"{country}"}}}}"#
        );
        contact.replace('\n', "")
    }
}
