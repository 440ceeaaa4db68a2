//! A company's tax number: the one form in which its spellings are compared, and whether it can be a tax number. The check covers
//! its form and check digits, not whether the tax office knows it.

use crate::identity::plain_key;
use std::collections::HashMap;

/// The result of the check digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Fits,
    Wrong,
    /// No rule for this country or kind of number.
    Unknown,
}

/// The characters of a 统一社会信用代码 in the order of their values (GB 32100-2015; no I, O, S, V, Z).
const SOCIAL_CREDIT: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Checks a VAT number by its country's rule, a Chinese code by GB 32100-2015.
#[must_use]
pub fn check(country: &str, typed: &str) -> Checked {
    let plain = unlabelled(&plain_key(typed));
    let fits = match country {
        "CN" if plain.len() == 18 => social_credit_fits(&plain),
        "CN" => return Checked::Unknown,
        _ => {
            let prefixes = || PREFIXES.iter().filter(|(_, known)| *known == country);
            match prefixes().find_map(|(prefix, known)| numbered(known, plain.strip_prefix(prefix)?)) {
                Some(full) => fits(country, &full),
                None if prefixes().any(|(prefix, _)| plain.starts_with(prefix)) => false,
                None => return Checked::Unknown,
            }
        }
    };
    if fits { Checked::Fits } else { Checked::Wrong }
}

/// Whether the check digits of a whole number with its prefix are right.
fn fits(country: &str, full: &str) -> bool {
    match (country, full.strip_prefix("BE")) {
        ("BE", Some(digits)) => belgian_fits(digits),
        _ => vat_id_validator::check_vat_by_country(full, country).is_valid,
    }
}

/// Ten digits that begin with 0 or, since 2023, with 1; the last two are what is left to 97 of the first eight.
fn belgian_fits(digits: &str) -> bool {
    let (Some(first), Some(last)) = (digits.get(..8), digits.get(8..)) else { return false };
    let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) else { return false };
    digits.len() == 10 && first >= 1_000_000 && digits.starts_with(['0', '1']) && 97_u32.saturating_sub(first % 97) == last
}

/// Seventeen characters weighted with the powers of 3 modulo 31, and the check character that completes them to 31.
fn social_credit_fits(code: &str) -> bool {
    let values: Option<Vec<usize>> = code.chars().map(|mark| SOCIAL_CREDIT.find(mark)).collect();
    let Some((last, first)) = values.as_deref().and_then(<[usize]>::split_last) else { return false };
    let mut weight = 1_usize;
    let mut sum = 0_usize;
    for value in first {
        sum = sum.saturating_add(value.saturating_mul(weight)) % 31;
        weight = weight.saturating_mul(3) % 31;
    }
    31_usize.saturating_sub(sum) % 31 == *last
}

/// The prefixes of VAT numbers, and the country (ISO 3166-1) of each. Of several for one country the usual one stands first.
const PREFIXES: &[(&str, &str)] = &[
    ("AT", "AT"),
    ("BE", "BE"),
    ("BG", "BG"),
    ("CHE", "CH"),
    ("CH", "CH"),
    ("CY", "CY"),
    ("CZ", "CZ"),
    ("DE", "DE"),
    ("DK", "DK"),
    ("EE", "EE"),
    // Greece and Northern Ireland write their VAT numbers with other letters than ISO 3166 has.
    ("EL", "GR"),
    ("GR", "GR"),
    ("ES", "ES"),
    ("FI", "FI"),
    ("FR", "FR"),
    ("GB", "GB"),
    ("XI", "GB"),
    ("HR", "HR"),
    ("HU", "HU"),
    ("IE", "IE"),
    ("IT", "IT"),
    ("LT", "LT"),
    ("LU", "LU"),
    ("LV", "LV"),
    ("MT", "MT"),
    ("NL", "NL"),
    ("NO", "NO"),
    ("PL", "PL"),
    ("PT", "PT"),
    ("RO", "RO"),
    ("SE", "SE"),
    ("SI", "SI"),
    ("SK", "SK"),
];

/// The words that people write before a number to name its kind.
const LABELS: &[&str] =
    &["USTIDNR", "USTID", "MWSTNR", "MWST", "PIVA", "VAT", "TVA", "BTW", "IVA", "UID", "NIP", "NIF", "CIF", "CVR", "DIC", "OIB"];

/// The marks behind a Swiss or Norwegian number that show its holder's registration for VAT, in each language.
const MARKS: &[&str] = &["MWST", "TVA", "IVA", "TPV", "VAT", "MVA"];

/// A number without the word that says what it is.
fn unlabelled(plain: &str) -> String {
    let known = |rest: &&str| rest.len() >= 8 && rest.bytes().filter(u8::is_ascii_digit).count() >= 6;
    LABELS.iter().find_map(|label| plain.strip_prefix(label).filter(known)).unwrap_or(plain).to_owned()
}

/// The one form of a tax id for all its spellings: capital letters and digits, whatever alphabet they were typed in. It has the
/// usual prefix of its country and the zeros that belong to it, and no marks and labels around it. `country` is that of the
/// company, or empty where it is not known. Where the prefix stands, the form decides. Where it is missing, the check digits must
/// fit, so that no other number of that length is taken for it.
#[must_use]
pub fn key(country: &str, typed: &str) -> String {
    let plain = unlabelled(&plain_key(typed));
    let named = PREFIXES.iter().find_map(|(prefix, known)| numbered(known, plain.strip_prefix(prefix)?));
    if let Some(full) = named {
        return full;
    }
    let has_rule = PREFIXES.iter().any(|(_, known)| *known == country);
    if has_rule {
        return numbered(country, &plain).filter(|full| fits(country, full)).unwrap_or(plain);
    }
    // Countries whose numbers have no prefix: one is sometimes put before them all the same.
    let bare = plain.strip_prefix(country).filter(|rest| country.len() == 2 && rest.len() >= 8);
    bare.filter(|rest| rest.starts_with(|mark: char| mark.is_ascii_digit())).map_or_else(|| plain.clone(), str::to_owned)
}

/// The whole number of a country from the part behind its prefix, if that has the right form.
fn numbered(country: &str, rest: &str) -> Option<String> {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|mark| mark.is_ascii_digit());
    let unmarked = || MARKS.iter().find_map(|mark| rest.strip_suffix(mark)).unwrap_or(rest);
    match country {
        "AT" => Some(rest.strip_prefix('U').unwrap_or(rest)).filter(|rest| digits(rest, 8)).map(|rest| format!("ATU{rest}")),
        "BE" if digits(rest, 9) => Some(format!("BE0{rest}")),
        "BE" => digits(rest, 10).then(|| format!("BE{rest}")),
        "CH" => {
            let number = unmarked();
            let number = number.strip_prefix("CHE").unwrap_or(number);
            digits(number, 9).then(|| format!("CHE{number}"))
        }
        // A company's SIREN stands within its VAT number, and its SIRET begins with it.
        "FR" if digits(rest, 9) || digits(rest, 14) => rest.get(..9).filter(|_| luhn_fits(rest)).and_then(french),
        "GR" => digits(rest, 9).then(|| format!("EL{rest}")),
        // The code of the kind of taxpayer and of the county stands only in the national form.
        "HU" if digits(rest, 11) => rest.get(..8).map(|number| format!("HU{number}")),
        "NO" => Some(unmarked()).filter(|number| digits(number, 9)).map(|number| format!("NO{number}")),
        // The number of the organisation, and 01 behind it.
        "SE" if digits(rest, 10) => Some(format!("SE{rest}01")),
        _ => {
            let (prefix, _) = PREFIXES.iter().find(|(_, known)| *known == country)?;
            let full = format!("{prefix}{rest}");
            vat_id_validator::check_vat_by_country(&full, country).is_valid_format.then_some(full)
        }
    }
}

/// The French VAT number of a SIREN: its key is 12 and three times the number, modulo 97.
fn french(siren: &str) -> Option<String> {
    let number: u64 = siren.parse().ok()?;
    Some(format!("FR{:02}{siren}", number.saturating_mul(3).saturating_add(12) % 97))
}

/// The Luhn check of ISO/IEC 7812-1.
fn luhn_fits(digits: &str) -> bool {
    let sum = digits.bytes().rev().enumerate().fold(0_u32, |sum, (place, mark)| {
        let value = u32::from(mark.saturating_sub(b'0'));
        let doubled = if place % 2 == 0 { value } else { value.saturating_mul(2) };
        sum.saturating_add(doubled / 10).saturating_add(doubled % 10)
    });
    sum % 10 == 0
}

/// The number behind its country's prefix, or all of it where it has none.
#[must_use]
pub fn bare(key: &str) -> &str {
    let prefix = PREFIXES.iter().find(|(prefix, country)| {
        key.strip_prefix(prefix).is_some_and(|rest| numbered(country, rest).is_some_and(|full| full == key))
    });
    prefix.and_then(|(prefix, _)| key.strip_prefix(prefix)).unwrap_or(key)
}

/// The forms under which a company of this key may have been registered before its spellings counted as one, the key first. Ask
/// [`is_of`] about each that is found: another country's company may have the same bare digits.
#[must_use]
pub fn dresses(key: &str) -> Vec<String> {
    let rest = bare(key);
    let mut all = vec![key.to_owned()];
    if rest != key {
        all.push(rest.to_owned());
        let with = |prefix: &str| format!("{prefix}{rest}");
        match key.get(..2) {
            Some("BE") => {
                let short = rest.strip_prefix('0').map(str::to_owned);
                all.extend(short.iter().map(|short| format!("BE{short}")).chain(short.clone()));
            }
            Some("AT") => all.extend(rest.strip_prefix('U').map(str::to_owned)),
            Some("CH") => all.extend(MARKS.iter().map(|mark| format!("{key}{mark}"))),
            Some("EL") => all.push(with("GR")),
            Some("FR") => all.extend(rest.get(2..).map(str::to_owned)),
            Some("GB") => all.push(with("XI")),
            Some("NO") => all.push(format!("{key}MVA")),
            Some("SE") => all.extend(rest.strip_suffix("01").map(str::to_owned)),
            _ => {}
        }
    }
    all
}

/// Whether a company's number, as it is kept with the company's country, is the one of this key.
#[must_use]
pub fn is_of(key: &str, country: &str, kept: &str) -> bool {
    kept == key || self::key(country, kept) == key
}

/// Companies by their tax ids, found by a number even where its country is not known.
#[derive(Clone, Debug)]
pub struct Register<T> {
    by_key: HashMap<String, T>,
    /// None: several have these digits, in different countries.
    by_bare: HashMap<String, Option<T>>,
}

impl<T: Clone + PartialEq> FromIterator<(String, T)> for Register<T> {
    /// Of keys as [`key`] makes them.
    fn from_iter<I: IntoIterator<Item = (String, T)>>(companies: I) -> Self {
        let (mut by_key, mut by_bare) = (HashMap::new(), HashMap::new());
        for (key, company) in companies {
            let known = by_bare.entry(bare(&key).to_owned()).or_insert_with(|| Some(company.clone()));
            if known.as_ref().is_some_and(|known| *known != company) {
                *known = None;
            }
            by_key.insert(key, company);
        }
        Self { by_key, by_bare }
    }
}

impl<T> Register<T> {
    /// The one company that a number means, with or without its prefix.
    #[must_use]
    pub fn find(&self, typed: &str) -> Option<&T> {
        let key = key("", typed);
        let bare = |number: &str| self.by_bare.get(number).and_then(Option::as_ref);
        let unmarked = || MARKS.iter().find_map(|mark| key.strip_suffix(mark)).and_then(bare);
        self.by_key.get(&key).or_else(|| bare(&key)).or_else(unmarked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_checked_where_a_rule_is_known() {
        for (country, number, expected) in [
            ("DE", "DE811569869", Checked::Fits),
            ("DE", "DE 811 569 869", Checked::Fits),
            ("DE", "DE811569868", Checked::Wrong),
            ("DE", "DE81156986", Checked::Wrong),
            ("DE", "811569869", Checked::Unknown),
            ("FR", "FR40303265045", Checked::Fits),
            ("FR", "FR41303265045", Checked::Wrong),
            ("CN", "91420000737944946L", Checked::Fits),
            ("CN", "914200007379449461", Checked::Wrong),
            ("CN", "91420000737944946l", Checked::Fits),
            ("CN", "440300123456789", Checked::Unknown),
            ("US", "12-3456789", Checked::Unknown),
            ("GR", "EL094259216", Checked::Fits),
            ("CH", "CHE-116.281.710 MWST", Checked::Fits),
            ("CH", "CHE-116.281.710 TVA", Checked::Fits),
            ("CH", "CHE-116.281.710", Checked::Fits),
            ("CH", "CHE-116.281.711 IVA", Checked::Wrong),
            ("NO", "NO 974 760 673 MVA", Checked::Fits),
            ("BE", "BE 403.170.701", Checked::Fits),
            // Another country's number, of which nothing is said here.
            ("DE", "FR40303265045", Checked::Unknown),
        ] {
            assert_eq!(check(country, number), expected, "{country} {number}");
        }
    }

    #[test]
    fn belgian_numbers_begin_with_0_or_1() {
        for fits in ["BE1000003682", "BE1001686633", "BE 1000.003.682", "BE0403170701", "BE0448826918", "BE448826918"] {
            assert_eq!(check("BE", fits), Checked::Fits, "{fits}");
        }
        for wrong in ["BE1000003683", "BE2000003682", "BE0000000097", "BE0403170702", "BE10000036"] {
            assert_eq!(check("BE", wrong), Checked::Wrong, "{wrong}");
        }
    }

    /// Each line: country, the key, and one company's number as people and files write it.
    const DRESSES: &[(&str, &str, &[&str])] = &[
        (
            "CH",
            "CHE116281710",
            &[
                "CHE-116.281.710 MWST",
                "CHE-116.281.710 TVA",
                "CHE-116.281.710 IVA",
                "CHE-116.281.710",
                "CHE116281710MWST",
                "che 116 281 710 mwst",
                "116.281.710",
                "UID CHE-116.281.710",
                "ＣＨＥ－１１６．２８１．７１０ ＭＷＳＴ",
            ],
        ),
        (
            "BE",
            "BE0403170701",
            &[
                "BE0403170701",
                "BE403170701",
                "BE 0403.170.701",
                "0403.170.701",
                "403170701",
                "TVA BE 0403.170.701",
                "BTW-BE-0403-170-701",
            ],
        ),
        ("BE", "BE1000003682", &["BE1000003682", "1000.003.682"]),
        ("DE", "DE811569869", &["DE811569869", "DE 811 569 869", "811569869", "USt-IdNr. DE811569869"]),
        ("AT", "ATU13585627", &["ATU13585627", "AT U13585627", "U13585627", "AT13585627", "UID: ATU13585627"]),
        (
            "FR",
            "FR40303265045",
            &["FR40303265045", "FR 40 303 265 045", "40303265045", "303265045", "303 265 045", "FR303265045"],
        ),
        ("GR", "EL094259216", &["EL094259216", "GR094259216", "094259216"]),
        ("GB", "GB980780684", &["GB980780684", "GB 980 7806 84", "XI980780684", "980780684", "VAT GB980780684"]),
        ("NO", "NO974760673", &["NO974760673MVA", "NO 974 760 673 MVA", "974760673", "974 760 673 MVA", "NO974760673"]),
        ("SE", "SE556012579001", &["SE556012579001", "SE 556012-5790 01", "556012-5790", "5560125790"]),
        ("HU", "HU12892312", &["HU12892312", "12892312-2-42", "12892312"]),
        ("PL", "PL8567346215", &["PL8567346215", "856-734-62-15", "NIP 856-734-62-15", "PL 856 734 62 15"]),
        ("IT", "IT00743110157", &["IT00743110157", "00743110157", "P.IVA 00743110157", "P. IVA IT 00743110157"]),
        ("ES", "ESA13585625", &["ESA13585625", "A13585625", "A-13585625", "CIF A-13585625", "ES-A13585625"]),
        ("NL", "NL004495445B01", &["NL004495445B01", "NL 0044.95.445.B.01", "004495445B01", "BTW NL004495445B01"]),
        ("DK", "DK13585628", &["DK13585628", "13585628", "13 58 56 28", "CVR 13585628"]),
        ("FI", "FI20774740", &["FI20774740", "2077474-0", "FI 2077474-0"]),
        ("CZ", "CZ25123891", &["CZ25123891", "25123891", "DIČ CZ25123891"]),
        ("PT", "PT501964843", &["PT501964843", "501964843", "501 964 843", "NIF 501964843"]),
        ("IE", "IE6433435F", &["IE6433435F", "6433435F", "IE 6433435 F"]),
        ("LU", "LU15027442", &["LU15027442", "15027442", "LU 150 274 42"]),
        (
            "CN",
            "91420000737944946L",
            &["91420000737944946L", "91420000737944946l", "CN91420000737944946L", "9142 0000 7379 4494 6L"],
        ),
        ("US", "123456789", &["12-3456789", "123456789", "US 12-3456789"]),
    ];

    #[test]
    fn one_company_has_one_key_in_any_dress_of_its_tax_id() {
        for (country, expected, written) in DRESSES {
            for typed in *written {
                assert_eq!(key(country, typed), *expected, "{country} {typed}");
                assert!(is_of(expected, country, &plain_key(typed)), "{country} {typed}");
            }
            assert_eq!(key(country, &key(country, expected)), *expected);
        }
        // With its prefix, a number needs no country beside it.
        for (_, expected, written) in DRESSES.iter().filter(|(country, _, _)| !["CN", "US"].contains(country)) {
            assert_eq!(key("", written[0]), *expected);
        }
    }

    #[test]
    fn another_number_stays_another() {
        for (country, typed, plain) in [
            // Digits of the length of a VAT number that are none: no prefix is made up for them.
            ("DE", "811569868", "811569868"),
            ("BE", "0403170702", "0403170702"),
            ("FR", "303265046", "303265046"),
            ("US", "811569869", "811569869"),
            ("", "811569869", "811569869"),
            // A Scottish company's number, and a European company's in the United Kingdom.
            ("GB", "SC123456", "SC123456"),
            ("GB", "SE000123", "SE000123"),
            ("", "OPERATOR", "OPERATOR"),
            ("FR", "TVA", "TVA"),
        ] {
            assert_eq!(key(country, typed), plain, "{country} {typed}");
        }
        // A number under the prefix of another country than the company's keeps it.
        assert_eq!(key("DE", "CHE-116.281.710 TVA"), "CHE116281710");
        assert_ne!(key("BE", "BE1403170701"), key("BE", "BE403170701"));
        assert!(!is_of("DE811569869", "US", "811569869"));
    }

    #[test]
    fn a_company_of_before_is_found_in_the_dress_in_which_it_was_registered() {
        for (key, before) in [
            ("CHE116281710", "CHE116281710MWST"),
            ("CHE116281710", "CHE116281710TVA"),
            ("BE0403170701", "BE403170701"),
            ("BE0403170701", "403170701"),
            ("EL094259216", "GR094259216"),
            ("NO974760673", "NO974760673MVA"),
            ("SE556012579001", "5560125790"),
            ("FR40303265045", "303265045"),
            ("DE811569869", "811569869"),
            ("ATU13585627", "U13585627"),
        ] {
            let dresses = dresses(key);
            assert!(dresses[0] == key && dresses.iter().any(|dress| dress == before), "{key}: {dresses:?}");
        }
        assert_eq!(dresses("91420000737944946L"), ["91420000737944946L"]);
    }

    #[test]
    fn a_register_finds_a_number_without_its_country() {
        let register: Register<i64> = [("BE0403170701", 1), ("CHE116281710", 2), ("811569869", 3), ("DE811569869", 4)]
            .map(|(key, id)| (key.to_owned(), id))
            .into_iter()
            .collect();
        for (typed, found) in [
            ("BE 403.170.701", Some(1)),
            ("0403.170.701", Some(1)),
            ("CHE-116.281.710 IVA", Some(2)),
            ("116281710", Some(2)),
            ("116.281.710 TVA", Some(2)),
            ("DE811569869", Some(4)),
            ("811569869", Some(3)),
            ("999", None),
        ] {
            assert_eq!(register.find(typed).copied(), found, "{typed}");
        }
    }
}
