//! The places that a payment names: companies and receivables whose reference stands in it, and how much is for each.

use crate::commands::bank::assign_suspense::{Target, find_target};
use domain::Currency;
use domain::creditor_reference::{Mention, mentions};
use formats::camt::Advised;
use store::{BankLine, Conn, StoreError};

/// A place that a payment names, and its part of the payment, where the payment states one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub target: Target,
    pub reference: String,
    pub amount_minor: Option<i64>,
}

/// The most places that are looked up for one payment; a payment that names more is for people.
const MOST_PLACES: usize = 200;

/// The places of a payment, each once: by the structured blocks first, then by what the text says.
pub fn find_places(conn: &mut Conn, line: &BankLine, advised: &[Advised]) -> Result<Vec<Named>, StoreError> {
    let mut found: Vec<Named> = Vec::new();
    for block in advised.iter().take(MOST_PLACES) {
        for text in &block.texts {
            let place = in_text(conn, text, &line.currency)?.into_iter().next();
            if let Some((target, reference, ..)) = place {
                let amount_minor = block.amount_minor;
                match found.iter_mut().find(|known| known.target == target) {
                    Some(known) => known.amount_minor = sum(known.amount_minor, amount_minor),
                    None => found.push(Named { target, reference, amount_minor }),
                }
                break;
            }
        }
    }
    if found.is_empty()
        && let Some(target) = find_target(conn, &line.reference, &line.currency)?
    {
        found.push(Named { target, reference: line.reference.clone(), amount_minor: None });
    }
    let structured = found.len();
    let places = in_text(conn, &line.remittance, &line.currency)?;
    let starts: Vec<usize> = places.iter().map(|(.., start, _)| *start).chain([line.remittance.len()]).collect();
    for (index, (target, reference, _, end)) in places.into_iter().enumerate() {
        let next = starts.get(index.saturating_add(1)).copied().unwrap_or(end);
        let amount_minor = line.remittance.get(end..next).and_then(|text| amount_in(text, &line.currency));
        match found.iter_mut().enumerate().find(|(_, known)| known.target == target) {
            // The text repeats a place of the structured blocks.
            Some((known, _)) if known < structured => {}
            Some((_, known)) => known.amount_minor = sum(known.amount_minor, amount_minor).or(known.amount_minor),
            None => found.push(Named { target, reference, amount_minor }),
        }
    }
    Ok(found)
}

fn sum(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one?.checked_add(other?)
}

/// The places that a text names, with the bytes where the mention begins and ends.
fn in_text(conn: &mut Conn, text: &str, currency: &str) -> Result<Vec<(Target, String, usize, usize)>, StoreError> {
    let (mut found, mut behind) = (Vec::new(), 0);
    for Mention { start, readings } in mentions(text).into_iter().take(MOST_PLACES) {
        if start < behind {
            continue;
        }
        for (reading, end) in readings {
            if let Some(target) = find_target(conn, &reading, currency)? {
                found.push((target, reading, start, end));
                behind = end;
                break;
            }
        }
    }
    Ok(found)
}

/// The first amount of a text: digits with exactly the currency's decimals, grouped or not.
fn amount_in(text: &str, currency: &str) -> Option<i64> {
    let exponent = usize::try_from(Currency::parse(currency)?.exponent()).ok()?;
    let is_part = |mark: char| mark.is_ascii_digit() || matches!(mark, '.' | ',' | '\'' | '\u{2019}');
    text.split(|mark: char| !is_part(mark)).find_map(|run| {
        // A day, as in "3.12.", ends with its point.
        let is_day = run.ends_with('.') && run.len() <= 6 && run.matches('.').count() == 2;
        let run = run.trim_matches(|mark: char| !mark.is_ascii_digit());
        let (whole, parts) = match run.rfind(['.', ',']) {
            _ if is_day => return None,
            Some(at) if exponent > 0 => (run.get(..at)?, run.get(at..)?.get(1..)?),
            None if exponent == 0 => (run, ""),
            _ => return None,
        };
        let digits: String = whole.chars().chain(parts.chars()).filter(char::is_ascii_digit).collect();
        if whole.is_empty() || parts.len() != exponent { None } else { digits.parse().ok().filter(|minor| *minor > 0) }
    })
}

/// Divides a payment among its places, only where each has its amount and all amounts sum to the payment.
pub fn parts_of(places: &[Named], amount_minor: i64) -> Option<Vec<(&Named, i64)>> {
    let parts: Vec<(&Named, i64)> = places.iter().map(|place| Some((place, place.amount_minor?))).collect::<Option<_>>()?;
    let all = parts.iter().try_fold(0_i64, |sum, (_, minor)| sum.checked_add(*minor))?;
    (all == amount_minor && parts.iter().all(|(_, minor)| *minor > 0)).then_some(parts)
}

/// References of the platform in fields that are not searched for references: hints for a person.
pub fn suggestions(conn: &mut Conn, line: &BankLine, elsewhere: &[String]) -> Result<String, StoreError> {
    let mut found: Vec<String> = Vec::new();
    for text in elsewhere.iter().chain([&line.end_to_end, &line.counterparty]).take(MOST_PLACES) {
        let text: String = text.chars().take(500).collect();
        for (_, reference, ..) in in_text(conn, &text, &line.currency)? {
            if !found.contains(&reference) {
                found.push(reference);
            }
        }
    }
    Ok(crate::commands::clean(&found.join(" "), 500))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::PartyId;

    #[test]
    fn an_amount_stands_in_a_text_with_all_its_decimals() {
        let cases = [
            (" EUR 100.00; ", Some(10_000)),
            (" 1.234,56 /", Some(123_456)),
            (" 1'234.56", Some(123_456)),
            (" 4711 from 3.12. 7,50", Some(750)),
            (" 4711", None),
            (" 1.5", None),
            (" 0.00", None),
            ("", None),
        ];
        for (text, minor) in cases {
            assert_eq!(amount_in(text, "EUR"), minor, "{text}");
        }
        assert_eq!((amount_in(" 1500 ", "JPY"), amount_in(" 15.00 ", "JPY")), (Some(1_500), None));
    }

    #[test]
    fn a_payment_is_divided_only_where_its_parts_are_the_payment() {
        let named = |id, amount_minor| Named { target: Target::Company(PartyId(id)), reference: id.to_string(), amount_minor };
        let two = [named(1, Some(100)), named(2, Some(200))];
        let amounts = |places: &[Named], minor| parts_of(places, minor).map(|parts| parts.iter().map(|(_, one)| *one).collect());
        assert_eq!(amounts(&two, 300), Some(vec![100, 200]));
        assert_eq!((amounts(&two, 301), amounts(&[named(1, Some(300)), named(2, None)], 300)), (None, None));
    }
}
