//! Countries of ISO 3166-1: directories hold a code, a name and a number, which must go together (mail-rules §10).

use super::country_names::OTHER_NAMES;
use std::collections::HashMap;
use std::sync::LazyLock;

/// One country as directories write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country {
    /// ISO 3166-1 alpha-2, upper case.
    pub code: &'static str,
    /// ISO 3166-1 numeric.
    pub number: u16,
    /// English short name.
    pub name: &'static str,
}

impl Country {
    pub fn by_code(code: &str) -> Option<Self> {
        Self::all().find(|country| country.code.eq_ignore_ascii_case(code.trim()))
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().find(|country| country.name.eq_ignore_ascii_case(name.trim()))
    }

    /// Takes a code of two or three letters, a number, or a name, in any case.
    pub fn find(text: &str) -> Option<Self> {
        static BY_TEXT: LazyLock<HashMap<String, Country>> = LazyLock::new(|| {
            let plain = Country::all().flat_map(|country| [(country.code, country), (country.name, country)]);
            let others = OTHER_NAMES.lines().filter_map(|line| {
                let (code, names) = line.split_once(' ')?;
                Some((Country::by_code(code)?, names))
            });
            let others = others.flat_map(|(country, names)| names.split('|').map(move |name| (name, country)));
            plain.chain(others).map(|(text, country)| (text.to_lowercase(), country)).collect()
        });
        let text = text.trim();
        match text.parse::<u16>() {
            Ok(number) => Self::all().find(|country| country.number == number),
            Err(_) => BY_TEXT.get(text.to_lowercase().as_str()).copied(),
        }
    }

    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|&(code, number, name)| Self { code, number, name })
    }
}

#[rustfmt::skip]
const TABLE: &[(&str, u16, &str)] = &[
    ("AD", 20, "Andorra"),
    ("AE", 784, "United Arab Emirates"),
    ("AF", 4, "Afghanistan"),
    ("AG", 28, "Antigua and Barbuda"),
    ("AI", 660, "Anguilla"),
    ("AL", 8, "Albania"),
    ("AM", 51, "Armenia"),
    ("AO", 24, "Angola"),
    ("AQ", 10, "Antarctica"),
    ("AR", 32, "Argentina"),
    ("AS", 16, "American Samoa"),
    ("AT", 40, "Austria"),
    ("AU", 36, "Australia"),
    ("AW", 533, "Aruba"),
    ("AX", 248, "Åland Islands"),
    ("AZ", 31, "Azerbaijan"),
    ("BA", 70, "Bosnia and Herzegovina"),
    ("BB", 52, "Barbados"),
    ("BD", 50, "Bangladesh"),
    ("BE", 56, "Belgium"),
    ("BF", 854, "Burkina Faso"),
    ("BG", 100, "Bulgaria"),
    ("BH", 48, "Bahrain"),
    ("BI", 108, "Burundi"),
    ("BJ", 204, "Benin"),
    ("BL", 652, "Saint Barthélemy"),
    ("BM", 60, "Bermuda"),
    ("BN", 96, "Brunei"),
    ("BO", 68, "Bolivia"),
    ("BQ", 535, "Bonaire, Sint Eustatius and Saba"),
    ("BR", 76, "Brazil"),
    ("BS", 44, "Bahamas"),
    ("BT", 64, "Bhutan"),
    ("BV", 74, "Bouvet Island"),
    ("BW", 72, "Botswana"),
    ("BY", 112, "Belarus"),
    ("BZ", 84, "Belize"),
    ("CA", 124, "Canada"),
    ("CC", 166, "Cocos (Keeling) Islands"),
    ("CD", 180, "Congo (DRC)"),
    ("CF", 140, "Central African Republic"),
    ("CG", 178, "Congo"),
    ("CH", 756, "Switzerland"),
    ("CI", 384, "Côte d'Ivoire"),
    ("CK", 184, "Cook Islands"),
    ("CL", 152, "Chile"),
    ("CM", 120, "Cameroon"),
    ("CN", 156, "China"),
    ("CO", 170, "Colombia"),
    ("CR", 188, "Costa Rica"),
    ("CU", 192, "Cuba"),
    ("CV", 132, "Cabo Verde"),
    ("CW", 531, "Curaçao"),
    ("CX", 162, "Christmas Island"),
    ("CY", 196, "Cyprus"),
    ("CZ", 203, "Czechia"),
    ("DE", 276, "Germany"),
    ("DJ", 262, "Djibouti"),
    ("DK", 208, "Denmark"),
    ("DM", 212, "Dominica"),
    ("DO", 214, "Dominican Republic"),
    ("DZ", 12, "Algeria"),
    ("EC", 218, "Ecuador"),
    ("EE", 233, "Estonia"),
    ("EG", 818, "Egypt"),
    ("EH", 732, "Western Sahara"),
    ("ER", 232, "Eritrea"),
    ("ES", 724, "Spain"),
    ("ET", 231, "Ethiopia"),
    ("FI", 246, "Finland"),
    ("FJ", 242, "Fiji"),
    ("FK", 238, "Falkland Islands"),
    ("FM", 583, "Micronesia"),
    ("FO", 234, "Faroe Islands"),
    ("FR", 250, "France"),
    ("GA", 266, "Gabon"),
    ("GB", 826, "United Kingdom"),
    ("GD", 308, "Grenada"),
    ("GE", 268, "Georgia"),
    ("GF", 254, "French Guiana"),
    ("GG", 831, "Guernsey"),
    ("GH", 288, "Ghana"),
    ("GI", 292, "Gibraltar"),
    ("GL", 304, "Greenland"),
    ("GM", 270, "Gambia"),
    ("GN", 324, "Guinea"),
    ("GP", 312, "Guadeloupe"),
    ("GQ", 226, "Equatorial Guinea"),
    ("GR", 300, "Greece"),
    ("GS", 239, "South Georgia and the South Sandwich Islands"),
    ("GT", 320, "Guatemala"),
    ("GU", 316, "Guam"),
    ("GW", 624, "Guinea-Bissau"),
    ("GY", 328, "Guyana"),
    ("HK", 344, "Hong Kong"),
    ("HM", 334, "Heard Island and McDonald Islands"),
    ("HN", 340, "Honduras"),
    ("HR", 191, "Croatia"),
    ("HT", 332, "Haiti"),
    ("HU", 348, "Hungary"),
    ("ID", 360, "Indonesia"),
    ("IE", 372, "Ireland"),
    ("IL", 376, "Israel"),
    ("IM", 833, "Isle of Man"),
    ("IN", 356, "India"),
    ("IO", 86, "British Indian Ocean Territory"),
    ("IQ", 368, "Iraq"),
    ("IR", 364, "Iran"),
    ("IS", 352, "Iceland"),
    ("IT", 380, "Italy"),
    ("JE", 832, "Jersey"),
    ("JM", 388, "Jamaica"),
    ("JO", 400, "Jordan"),
    ("JP", 392, "Japan"),
    ("KE", 404, "Kenya"),
    ("KG", 417, "Kyrgyzstan"),
    ("KH", 116, "Cambodia"),
    ("KI", 296, "Kiribati"),
    ("KM", 174, "Comoros"),
    ("KN", 659, "Saint Kitts and Nevis"),
    ("KP", 408, "North Korea"),
    ("KR", 410, "South Korea"),
    ("KW", 414, "Kuwait"),
    ("KY", 136, "Cayman Islands"),
    ("KZ", 398, "Kazakhstan"),
    ("LA", 418, "Laos"),
    ("LB", 422, "Lebanon"),
    ("LC", 662, "Saint Lucia"),
    ("LI", 438, "Liechtenstein"),
    ("LK", 144, "Sri Lanka"),
    ("LR", 430, "Liberia"),
    ("LS", 426, "Lesotho"),
    ("LT", 440, "Lithuania"),
    ("LU", 442, "Luxembourg"),
    ("LV", 428, "Latvia"),
    ("LY", 434, "Libya"),
    ("MA", 504, "Morocco"),
    ("MC", 492, "Monaco"),
    ("MD", 498, "Moldova"),
    ("ME", 499, "Montenegro"),
    ("MF", 663, "Saint Martin"),
    ("MG", 450, "Madagascar"),
    ("MH", 584, "Marshall Islands"),
    ("MK", 807, "North Macedonia"),
    ("ML", 466, "Mali"),
    ("MM", 104, "Myanmar"),
    ("MN", 496, "Mongolia"),
    ("MO", 446, "Macao"),
    ("MP", 580, "Northern Mariana Islands"),
    ("MQ", 474, "Martinique"),
    ("MR", 478, "Mauritania"),
    ("MS", 500, "Montserrat"),
    ("MT", 470, "Malta"),
    ("MU", 480, "Mauritius"),
    ("MV", 462, "Maldives"),
    ("MW", 454, "Malawi"),
    ("MX", 484, "Mexico"),
    ("MY", 458, "Malaysia"),
    ("MZ", 508, "Mozambique"),
    ("NA", 516, "Namibia"),
    ("NC", 540, "New Caledonia"),
    ("NE", 562, "Niger"),
    ("NF", 574, "Norfolk Island"),
    ("NG", 566, "Nigeria"),
    ("NI", 558, "Nicaragua"),
    ("NL", 528, "Netherlands"),
    ("NO", 578, "Norway"),
    ("NP", 524, "Nepal"),
    ("NR", 520, "Nauru"),
    ("NU", 570, "Niue"),
    ("NZ", 554, "New Zealand"),
    ("OM", 512, "Oman"),
    ("PA", 591, "Panama"),
    ("PE", 604, "Peru"),
    ("PF", 258, "French Polynesia"),
    ("PG", 598, "Papua New Guinea"),
    ("PH", 608, "Philippines"),
    ("PK", 586, "Pakistan"),
    ("PL", 616, "Poland"),
    ("PM", 666, "Saint Pierre and Miquelon"),
    ("PN", 612, "Pitcairn"),
    ("PR", 630, "Puerto Rico"),
    ("PS", 275, "Palestine"),
    ("PT", 620, "Portugal"),
    ("PW", 585, "Palau"),
    ("PY", 600, "Paraguay"),
    ("QA", 634, "Qatar"),
    ("RE", 638, "Réunion"),
    ("RO", 642, "Romania"),
    ("RS", 688, "Serbia"),
    ("RU", 643, "Russia"),
    ("RW", 646, "Rwanda"),
    ("SA", 682, "Saudi Arabia"),
    ("SB", 90, "Solomon Islands"),
    ("SC", 690, "Seychelles"),
    ("SD", 729, "Sudan"),
    ("SE", 752, "Sweden"),
    ("SG", 702, "Singapore"),
    ("SH", 654, "Saint Helena, Ascension and Tristan da Cunha"),
    ("SI", 705, "Slovenia"),
    ("SJ", 744, "Svalbard and Jan Mayen"),
    ("SK", 703, "Slovakia"),
    ("SL", 694, "Sierra Leone"),
    ("SM", 674, "San Marino"),
    ("SN", 686, "Senegal"),
    ("SO", 706, "Somalia"),
    ("SR", 740, "Suriname"),
    ("SS", 728, "South Sudan"),
    ("ST", 678, "Sao Tome and Principe"),
    ("SV", 222, "El Salvador"),
    ("SX", 534, "Sint Maarten"),
    ("SY", 760, "Syria"),
    ("SZ", 748, "Eswatini"),
    ("TC", 796, "Turks and Caicos Islands"),
    ("TD", 148, "Chad"),
    ("TF", 260, "French Southern Territories"),
    ("TG", 768, "Togo"),
    ("TH", 764, "Thailand"),
    ("TJ", 762, "Tajikistan"),
    ("TK", 772, "Tokelau"),
    ("TL", 626, "Timor-Leste"),
    ("TM", 795, "Turkmenistan"),
    ("TN", 788, "Tunisia"),
    ("TO", 776, "Tonga"),
    ("TR", 792, "Türkiye"),
    ("TT", 780, "Trinidad and Tobago"),
    ("TV", 798, "Tuvalu"),
    ("TW", 158, "Taiwan"),
    ("TZ", 834, "Tanzania"),
    ("UA", 804, "Ukraine"),
    ("UG", 800, "Uganda"),
    ("UM", 581, "United States Minor Outlying Islands"),
    ("US", 840, "United States"),
    ("UY", 858, "Uruguay"),
    ("UZ", 860, "Uzbekistan"),
    ("VA", 336, "Vatican City"),
    ("VC", 670, "Saint Vincent and the Grenadines"),
    ("VE", 862, "Venezuela"),
    ("VG", 92, "British Virgin Islands"),
    ("VI", 850, "U.S. Virgin Islands"),
    ("VN", 704, "Vietnam"),
    ("VU", 548, "Vanuatu"),
    ("WF", 876, "Wallis and Futuna"),
    ("WS", 882, "Samoa"),
    ("YE", 887, "Yemen"),
    ("YT", 175, "Mayotte"),
    ("ZA", 710, "South Africa"),
    ("ZM", 894, "Zambia"),
    ("ZW", 716, "Zimbabwe"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_names_and_numbers_are_unambiguous() {
        assert_eq!(Country::by_code("de").map(|c| (c.number, c.name)), Some((276, "Germany")));
        assert_eq!(Country::by_name("germany").map(|c| c.code), Some("DE"));
        assert_eq!(Country::by_code("D"), None);
        let codes: BTreeSet<_> = Country::all().map(|c| c.code).collect();
        let numbers: BTreeSet<_> = Country::all().map(|c| c.number).collect();
        let names: BTreeSet<_> = Country::all().map(|c| c.name.to_lowercase()).collect();
        assert_eq!((codes.len(), numbers.len(), names.len()), (TABLE.len(), TABLE.len(), TABLE.len()));
        assert!(TABLE.len() >= 249);
    }

    #[test]
    fn a_country_is_found_by_all_that_directories_write() {
        for (text, wanted) in [
            ("DE", Some("DE")),
            ("deu", Some("DE")),
            ("276", Some("DE")),
            (" Deutschland ", Some("DE")),
            ("40", Some("AT")),
            ("040", Some("AT")),
            ("korea, republic of", Some("KR")),
            ("türkiye", Some("TR")),
            ("Turkey", Some("TR")),
            ("USA", Some("US")),
            ("Atlantis", None),
            ("0", None),
            ("", None),
        ] {
            assert_eq!(Country::find(text).map(|country| country.code), wanted, "{text:?}");
        }
    }

    #[test]
    fn no_text_stands_for_two_countries() {
        let mut seen: HashMap<String, &str> = HashMap::new();
        let others = OTHER_NAMES.lines().map(|line| line.split_once(' ').unwrap());
        let others = others.flat_map(|(code, names)| names.split('|').map(move |name| (name, code)));
        for (text, code) in Country::all().flat_map(|c| [(c.code, c.code), (c.name, c.code)]).chain(others) {
            assert!(Country::by_code(code).is_some(), "{code}");
            if let Some(other) = seen.insert(text.to_lowercase(), code) {
                assert_eq!(other, code, "{text}");
            }
        }
    }
}
