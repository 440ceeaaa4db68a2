//! The company that an invoice's file means by a party where no tax id leads to one. Electronic address, GLN, identifier or name
//! lead to it.

use crate::identity::plain_key;
use crate::tax_id;

/// The details of a party in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedParty<'a> {
    /// The tax registration; empty where there is none.
    pub tax_id: &'a str,
    /// Electronic address, registration, GLN and other identifiers, without their schemes.
    pub identifiers: Vec<&'a str>,
    /// The registered name and the trading name.
    pub names: [&'a str; 2],
    /// ISO 3166; empty where the file does not say.
    pub country: &'a str,
}

/// A company of the platform as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Company<'a> {
    pub tax_key: &'a str,
    pub registration_id: &'a str,
    pub name: &'a str,
    pub country: &'a str,
    /// Its GLN and the id of its electronic address; empty where it has none.
    pub identifiers: [&'a str; 2],
}

/// The detail that leads to the company; the first is the stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    Identifier,
    Name,
}

/// Shorter values identify no company.
const SHORTEST: usize = 4;

/// Whether the file's party may be this company, and by what.
#[must_use]
pub fn fit(party: &NamedParty<'_>, company: &Company<'_>) -> Option<Fit> {
    let own = [company.registration_id, company.identifiers[0], company.identifiers[1]].map(plain_key);
    let mut identifiers = party.identifiers.iter().map(|value| plain_key(without_scheme(value)));
    if identifiers.any(|key| key.len() >= SHORTEST && (own.contains(&key) || is_of_tax_id(&key, party, company))) {
        return Some(Fit::Identifier);
    }
    let same_country = party.country.is_empty() || party.country == company.country;
    let name = plain_key(company.name);
    let named = same_country && !name.is_empty() && party.names.iter().any(|written| plain_key(written) == name);
    named.then_some(Fit::Name)
}

/// An electronic address may carry its scheme in front, as in `0088:4012345000009`.
fn without_scheme(value: &str) -> &str {
    match value.split_once(':') {
        Some((scheme, rest)) if scheme.len() == 4 && scheme.bytes().all(|mark| mark.is_ascii_digit()) => rest,
        _ => value,
    }
}

/// Whether an identifier is the company's tax id, or the register's number inside it. That is the part behind the country, or the
/// SIREN of a French VAT number, which also begins a SIRET.
fn is_of_tax_id(key: &str, party: &NamedParty<'_>, company: &Company<'_>) -> bool {
    let home = party.country.is_empty() || party.country == company.country;
    // A bare number is completed by the company's own country only.
    let full = tax_id::key(if home { company.country } else { "" }, key);
    if tax_id::is_of(&full, company.country, company.tax_key) {
        return true;
    }
    let prefix = if company.country == "GR" { "EL" } else { company.country };
    let Some(digits) = company.tax_key.strip_prefix(prefix).filter(|digits| home && digits.len() >= 6) else { return false };
    let siren = || company.country == "FR" && [9, 14].contains(&key.len()) && digits.get(2..) == key.get(..9);
    digits == key || digits.strip_suffix("MVA") == Some(key) || siren()
}

/// The only company that fits, by the strongest detail that leads to any. The number of companies where several fit alike.
pub fn only_fit<T>(fits: Vec<(Fit, T)>) -> Result<Option<(Fit, T)>, usize> {
    let best = fits.iter().map(|(fit, _)| *fit).min();
    let mut strongest: Vec<(Fit, T)> = fits.into_iter().filter(|(fit, _)| Some(*fit) == best).collect();
    match strongest.len() {
        0 | 1 => Ok(strongest.pop()),
        several => Err(several),
    }
}

/// The file states a tax id, and it is not the one of the company that its name or address leads to: a person decides.
#[must_use]
pub fn has_other_tax_id(party: &NamedParty<'_>, company: &Company<'_>) -> bool {
    let key = tax_id::key(party.country, party.tax_id);
    !party.tax_id.is_empty() && !tax_id::is_of(&key, company.country, company.tax_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANSE: Company<'_> = Company {
        tax_key: "DE811569869",
        registration_id: "HRB 4711",
        name: "Hansewerk Maschinenbau AG",
        country: "DE",
        identifiers: ["", ""],
    };

    #[test]
    fn a_company_is_found_by_address_number_or_name() {
        let by = |identifiers: &[&'static str]| NamedParty { identifiers: identifiers.to_vec(), ..NamedParty::default() };
        for value in ["HRB 4711", "hrb4711", "DE811569869", "9930:DE811569869", "811569869"] {
            assert_eq!(fit(&by(&[value]), &HANSE), Some(Fit::Identifier), "{value}");
        }
        for value in ["", "DE", "4711", "HRB 4712", "9930:DE811569868", "AG"] {
            assert_eq!(fit(&by(&[value]), &HANSE), None, "{value}");
        }
        let gln = Company { registration_id: "4012345000009", ..HANSE };
        assert_eq!(fit(&by(&["0088:4012345000009"]), &gln), Some(Fit::Identifier));
        let own = Company { identifiers: ["4012345000009", "bills@hansewerk.example"], ..HANSE };
        for value in ["4012345000009", "0088:4012345000009", "bills@hansewerk.example", "BILLS@hansewerk.example"] {
            assert_eq!(fit(&by(&[value]), &own), Some(Fit::Identifier), "{value}");
            assert_eq!(fit(&by(&[value]), &HANSE), None, "{value} of nobody");
        }
        assert_eq!(fit(&by(&["4012345000008"]), &own), None);
        let named =
            |name: &'static str, country: &'static str| NamedParty { names: [name, ""], country, ..NamedParty::default() };
        for (name, country, found) in [
            ("HANSEWERK  Maschinenbau AG", "DE", true),
            ("Hansewerk Maschinenbau AG", "", true),
            ("Hansewerk Maschinenbau AG", "AT", false),
            ("Hansewerk AG", "DE", false),
            ("", "DE", false),
        ] {
            assert_eq!(fit(&named(name, country), &HANSE), found.then_some(Fit::Name), "{name} {country}");
        }
        assert_eq!(fit(&NamedParty::default(), &Company { registration_id: "", name: "", ..HANSE }), None);
    }

    #[test]
    fn the_number_inside_a_tax_id_is_known() {
        let company = |tax_key, country| Company { tax_key, country, registration_id: "", name: "x", identifiers: ["", ""] };
        for (key, tax_key, country) in [
            ("0448826918", "BE0448826918", "BE"),
            ("987654321", "NO987654321MVA", "NO"),
            ("404833048", "FR83404833048", "FR"),
            ("40483304800022", "FR83404833048", "FR"),
            ("094014298", "EL094014298", "GR"),
        ] {
            let party = NamedParty { identifiers: vec![key], country, ..NamedParty::default() };
            assert_eq!(fit(&party, &company(tax_key, country)), Some(Fit::Identifier), "{key}");
            assert_eq!(fit(&NamedParty { country: "US", ..party }, &company(tax_key, country)), None, "another country's number");
        }
    }

    #[test]
    fn only_one_company_is_found_and_a_strange_tax_id_is_seen() {
        assert_eq!(only_fit(vec![(Fit::Name, 1), (Fit::Identifier, 2)]), Ok(Some((Fit::Identifier, 2))));
        assert_eq!(only_fit(vec![(Fit::Name, 1), (Fit::Name, 2)]), Err(2));
        assert_eq!(only_fit::<i32>(vec![]), Ok(None));
        let with = |tax_id| NamedParty { tax_id, ..NamedParty::default() };
        assert!(!has_other_tax_id(&with(""), &HANSE) && !has_other_tax_id(&with("DE 811569869"), &HANSE));
        assert!(has_other_tax_id(&with("201/113/40209"), &HANSE));
    }
}
