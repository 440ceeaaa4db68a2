//! Structured creditor references (ISO 11649, "RF"): a payer quotes one so that the platform can match its money.

/// The reference for a body of up to 21 capital letters and digits: `RF` + two check digits + body.
#[must_use]
pub fn create(body: &str) -> Option<String> {
    if body.is_empty() || body.len() > 21 || !body.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
        return None;
    }
    let check = 98_u32.checked_sub(remainder(&format!("{body}RF00"))?)?;
    Some(format!("RF{check:02}{body}"))
}

/// Normalises spaces and letter case; `None` when the check digits do not fit.
#[must_use]
pub fn validate(typed: &str) -> Option<String> {
    let plain: String = typed.chars().filter(|mark| !mark.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let head = plain.get(..4)?;
    let body = plain.get(4..)?;
    let digits = head.get(2..)?;
    if !head.starts_with("RF") || body.is_empty() || body.len() > 21 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    (remainder(&format!("{body}{head}"))? == 1).then_some(plain)
}

/// A possible reference in a text, with its readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The byte where it begins.
    pub start: usize,
    /// Readings with fitting check digits, the likeliest first, each with the byte behind it. The register of references decides
    /// which one is meant.
    pub readings: Vec<(String, usize)>,
}

/// Marks that people put into a reference: the print form has spaces, other hands write dashes, dots or strokes.
fn parts(mark: char) -> bool {
    mark.is_whitespace() || matches!(mark, '-' | '.' | '/' | '_' | '\u{2010}'..='\u{2015}')
}

/// Every place of a text that may be a reference, whatever text stands before and behind it. A reading ends where a word ends, or
/// where digits end and letters begin.
#[must_use]
pub fn mentions(text: &str) -> Vec<Mention> {
    let marks: Vec<(usize, char)> = text.char_indices().map(|(at, mark)| (at, mark.to_ascii_uppercase())).collect();
    let mut found = Vec::new();
    for (start, pair) in marks.windows(2).enumerate() {
        if let [(first, 'R'), (_, 'F')] = pair {
            let mut readings = readings_from(marks.get(start..).unwrap_or_default());
            // The longest whole word comes first: a payer typed it. A reading that ends within a word is a guess.
            readings.sort_by_key(|(reading, _, whole)| (!*whole, std::cmp::Reverse(reading.len())));
            let readings: Vec<(String, usize)> = readings.into_iter().map(|(reading, end, _)| (reading, end)).collect();
            if !readings.is_empty() {
                found.push(Mention { start: *first, readings });
            }
        }
    }
    found
}

/// The readings that begin here, the byte behind each, and whether it ends with a word.
fn readings_from(marks: &[(usize, char)]) -> Vec<(String, usize, bool)> {
    let (mut plain, mut found) = (String::new(), Vec::new());
    for (index, (at, mark)) in marks.iter().enumerate() {
        if !mark.is_ascii_alphanumeric() {
            if parts(*mark) { continue } else { break }
        }
        plain.push(*mark);
        if plain.len() > 25 {
            break;
        }
        let next = marks.get(index.saturating_add(1)).map(|(_, next)| *next);
        let whole = !next.is_some_and(char::is_alphanumeric);
        let turns = mark.is_ascii_digit() && next.is_some_and(|next| next.is_ascii_alphabetic());
        if (whole || turns) && validate(&plain).is_some() {
            found.push((plain.clone(), at.saturating_add(mark.len_utf8()), whole));
        }
    }
    found
}

/// ISO 7064 MOD 97-10 with letters as 10 … 35.
fn remainder(text: &str) -> Option<u32> {
    text.chars().try_fold(0_u32, |rest, mark| {
        let value = mark.to_digit(36).filter(|_| mark.is_ascii_digit() || mark.is_ascii_uppercase())?;
        let shifted = if value < 10 { rest.checked_mul(10)? } else { rest.checked_mul(100)? };
        Some(shifted.checked_add(value)? % 97)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A5, A5I: references as people print and type them, and as banks join their lines.
    #[test]
    fn a_reference_is_found_in_whatever_stands_around_it() {
        for text in [
            "RF51C10102",
            "Referenz: RF51 C101 02 Danke",
            "REF:RF51C10102, INV 4711",
            "rf51 c101 02",
            "(RF51-C101-02)",
            "RF51.C101.02/4711",
            "REFERENZRF51C10102RECHNUNG 5",
            "RF51C10102INV4711",
            "RF51 C1\u{a0}0102",
            "PERF RF5 RF51C10102;",
        ] {
            let found = mentions(text);
            assert!(found.iter().any(|one| one.readings.iter().any(|(reading, _)| reading == "RF51C10102")), "{text}: {found:?}");
        }
        for text in ["", "RF", "RF51C10103", "R F51C10102", "no reference at all", "RF51,C10102"] {
            let found = mentions(text);
            assert!(
                !found.iter().any(|one| one.readings.iter().any(|(reading, _)| reading == "RF51C10102")),
                "{text}: {found:?}"
            );
        }
        let two = mentions("RF51C10102 100.00, RF98C10129 200.00");
        assert_eq!(two.len(), 2);
        assert_eq!(two[0].readings[0], ("RF51C10102".to_owned(), 10));
    }

    #[test]
    fn known_references_hold_and_one_wrong_digit_does_not() {
        assert_eq!(validate("rf18 5390 0754 7034").as_deref(), Some("RF18539007547034"));
        assert_eq!(validate("RF19539007547034"), None);
        assert_eq!(create("539007547034").as_deref(), Some("RF18539007547034"));
        assert_eq!(create("bad body"), None);
        assert_eq!(validate("RF"), None);
    }
}
