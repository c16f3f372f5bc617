//! The texts that an object can have: their names in Exchange and in Graph, and how long they may be.

/// One text of an object.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Name in Exchange's cmdlets.
    pub name: &'static str,
    /// Most characters that `Set-Contact` or `Set-MailContact` takes.
    pub max: usize,
    /// `Get-Recipient` shows it, not only `Get-Contact` or `Get-MailContact`.
    pub on_recipient: bool,
    /// Name of the property of a Graph user; none where it is nested or unknown there.
    pub user: Option<&'static str>,
}

const fn text(name: &'static str, max: usize, on_recipient: bool, user: &'static str) -> Attribute {
    Attribute { name, max, on_recipient, user: if user.is_empty() { None } else { Some(user) } }
}

/// Attributes of people: `Get-Contact` shows them, `Set-Contact` sets them.
pub const PERSON: &[Attribute] = &[
    text("FirstName", 64, true, "givenName"),
    text("LastName", 64, true, "surname"),
    text("Initials", 6, false, ""),
    text("Title", 128, true, "jobTitle"),
    text("Department", 64, true, "department"),
    text("Company", 64, true, "companyName"),
    text("Office", 128, true, "officeLocation"),
    text("Phone", 64, true, ""),
    text("MobilePhone", 64, false, "mobilePhone"),
    text("HomePhone", 64, false, ""),
    text("Fax", 64, false, "faxNumber"),
    text("Pager", 64, false, ""),
    text("StreetAddress", 1024, false, "streetAddress"),
    text("City", 128, true, "city"),
    text("StateOrProvince", 128, true, "state"),
    text("PostalCode", 40, true, "postalCode"),
    text("PostOfficeBox", 40, false, ""),
    // Kept as ISO code, shown by its friendly name.
    text("CountryOrRegion", 128, true, "country"),
    text("WebPage", 2048, false, ""),
    text("Notes", 1024, true, ""),
    text("AssistantName", 256, false, ""),
    text("Manager", 256, true, ""),
    text("SimpleDisplayName", 256, false, ""),
];

/// `CustomAttribute1` to `15`, with their names in Graph's `onPremisesExtensionAttributes`.
pub const CUSTOM: &[(&str, &str)] = &[
    ("CustomAttribute1", "extensionAttribute1"),
    ("CustomAttribute2", "extensionAttribute2"),
    ("CustomAttribute3", "extensionAttribute3"),
    ("CustomAttribute4", "extensionAttribute4"),
    ("CustomAttribute5", "extensionAttribute5"),
    ("CustomAttribute6", "extensionAttribute6"),
    ("CustomAttribute7", "extensionAttribute7"),
    ("CustomAttribute8", "extensionAttribute8"),
    ("CustomAttribute9", "extensionAttribute9"),
    ("CustomAttribute10", "extensionAttribute10"),
    ("CustomAttribute11", "extensionAttribute11"),
    ("CustomAttribute12", "extensionAttribute12"),
    ("CustomAttribute13", "extensionAttribute13"),
    ("CustomAttribute14", "extensionAttribute14"),
    ("CustomAttribute15", "extensionAttribute15"),
];

/// Most characters of a custom attribute.
pub const MAX_CUSTOM: usize = 1024;

/// Texts with several values.
pub const LISTS: &[&str] = &[
    "ExtensionCustomAttribute1",
    "ExtensionCustomAttribute2",
    "ExtensionCustomAttribute3",
    "ExtensionCustomAttribute4",
    "ExtensionCustomAttribute5",
    "OtherTelephone",
    "OtherFax",
    "OtherHomePhone",
];

/// The name as the tables write it, whatever its case.
pub fn canonical(name: &str) -> Option<&'static str> {
    let person = PERSON.iter().map(|attribute| attribute.name);
    let custom = CUSTOM.iter().map(|(name, _)| *name);
    let others = ["MailTip", "MessageFormat", "MessageBodyFormat"].into_iter();
    person.chain(custom).chain(others).find(|known| known.eq_ignore_ascii_case(name))
}
