//! What invented people and things are called. Names of other scripts come with a romanization for addresses.

#[rustfmt::skip]
pub const GIVEN: &[(&str, &str)] = &[
    ("Anna", "Anna"), ("Jürgen", "Jürgen"), ("Ada", "Ada"), ("Björn", "Björn"), ("Chloé", "Chloe"), ("Søren", "Søren"),
    ("Łukasz", "Lukasz"), ("Zoë", "Zoe"), ("José", "Jose"), ("Müşerref", "Muserref"), ("Tomáš", "Tomas"), ("Grace", "Grace"),
    ("Ahmed", "Ahmed"), ("Fatima", "Fatima"), ("Olga", "Olga"), ("Дмитрий", "Dmitri"), ("Ελένη", "Eleni"), ("伟", "Wei"),
    ("陽子", "Yoko"), ("민준", "Minjun"), ("Jean-Luc", "Jean-Luc"), ("Mary Jane", "MaryJane"), ("Käthe", "Käthe"),
    ("Paul", "Paul"), ("Sofia", "Sofia"), ("Noah", "Noah"), ("Emma", "Emma"), ("Liam", "Liam"), ("Aisha", "Aisha"),
    ("Ravi", "Ravi"), ("Priya", "Priya"), ("Hans", "Hans"), ("Petra", "Petra"), ("Uwe", "Uwe"), ("Inge", "Inge"),
];

#[rustfmt::skip]
pub const SURNAMES: &[(&str, &str)] = &[
    ("Müller", "Müller"), ("Schmidt", "Schmidt"), ("Weiß", "Weiß"), ("O'Brien", "OBrien"), ("García Márquez", "GarciaMarquez"),
    ("Østergård", "Østergaard"), ("Kowalski", "Kowalski"), ("von der Heide", "vonderHeide"), ("Nguyễn", "Nguyen"),
    ("Dvořák", "Dvorak"), ("Yılmaz", "Yilmaz"), ("Петров", "Petrov"), ("Παπαδόπουλος", "Papadopoulos"), ("王", "Wang"),
    ("佐藤", "Sato"), ("김", "Kim"), ("Smith", "Smith"), ("Jones", "Jones"), ("D'Angelo", "DAngelo"), ("Öztürk", "Öztürk"),
    ("Lindström", "Lindström"), ("Rossi", "Rossi"), ("Dubois", "Dubois"), ("Silva", "Silva"), ("Patel", "Patel"),
    ("Singh", "Singh"), ("Cohen", "Cohen"), ("Haddad", "Haddad"), ("Novák", "Novak"), ("Horváth", "Horvath"),
    ("Schäfer-Köhler", "Schäfer-Köhler"), ("Lang", "Lang"), ("Berg", "Berg"), ("Stone", "Stone"), ("Bauer", "Bauer"),
];

#[rustfmt::skip]
pub const TITLES: &[&str] = &[
    "Engineer", "Senior Engineer", "Account Manager", "Head of Department", "Buchhalter", "Consultant", "Assistant",
    "Director", "Technician", "Nurse", "Researcher", "Chargé d'affaires", "Trainee", "Architect",
];

#[rustfmt::skip]
pub const DEPARTMENTS: &[&str] = &[
    "Sales", "Finance", "IT", "Human Resources", "Research & Development", "Einkauf", "Legal", "Marketing", "Logistics",
    "Production", "Qualitätssicherung", "Facility Management",
];

/// City, state, postal code, country, telephone code.
#[rustfmt::skip]
pub const CITIES: &[(&str, &str, &str, &str, &str)] = &[
    ("Berlin", "Berlin", "10117", "DE", "+49 30"), ("München", "Bayern", "80331", "DE", "+49 89"),
    ("Wien", "Wien", "1010", "AT", "+43 1"), ("Zürich", "ZH", "8001", "CH", "+41 44"),
    ("Paris", "Île-de-France", "75001", "FR", "+33 1"), ("London", "England", "EC1A 1BB", "GB", "+44 20"),
    ("Kraków", "Małopolskie", "30-001", "PL", "+48 12"), ("New York", "NY", "10001", "US", "+1 212"),
    ("東京", "東京都", "100-0001", "JP", "+81 3"), ("São Paulo", "SP", "01000-000", "BR", "+55 11"),
    ("Praha", "Praha", "110 00", "CZ", "+420 2"), ("København", "Hovedstaden", "1050", "DK", "+45 33"),
];

#[rustfmt::skip]
pub const GROUPS: &[&str] = &[
    "Vertrieb", "Projekt Apollo", "All Staff", "Betriebsrat", "Support", "Board", "Newsletter", "Standort Berlin",
    "Security Officers", "Research", "Presse", "IT Betrieb",
];

#[rustfmt::skip]
pub const ROOMS: &[&str] = &["Besprechung", "Raum Einstein", "Salle Curie", "Boardroom", "Konferenz", "Studio"];

#[rustfmt::skip]
pub const COMPANIES: &[(&str, &str)] = &[
    ("Adatum", "adatum.example"), ("Litware", "litware.example"), ("Proseware", "proseware.example"),
    ("Tailspin Toys", "tailspintoys.example"), ("Wingtip", "wingtip.example"),
];
