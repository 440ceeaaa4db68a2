//! Whether two files report the same booking. The bank's reference alone does not decide it, because banks use references again.

use chrono::NaiveDate;

/// The details of a booking in a file, beside its amount and the bank's reference. An empty text says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    pub booking_date: NaiveDate,
    /// The other side's name and account.
    pub name: &'a str,
    pub account: &'a str,
    pub text: &'a str,
    pub end_to_end: &'a str,
    pub reference: &'a str,
}

/// How two bookings with one reference of the bank compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// No detail that both give differs.
    Same,
    /// One detail differs, or several, but none that names the other side or the transfer: a person decides.
    Perhaps,
    /// Another payer or payee, and more: other money.
    Other,
}

/// Letters and digits in capitals: files split and cut texts in their own ways.
fn plain(text: &str) -> String {
    text.chars().filter(|mark| mark.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// Whether two texts say different things. One may be cut, or hold the other.
fn differ(one: &str, other: &str) -> bool {
    let (one, other) = (plain(one), plain(other));
    !one.contains(&other) && !other.contains(&one)
}

/// "Not provided" and the like stand for nothing.
#[must_use]
pub fn provided(text: &str) -> &str {
    if ["NOTPROVIDED", "NONREF", "NOT PROVIDED"].contains(&text.trim()) { "" } else { text }
}

/// Compares two bookings of one account, direction and amount that share the bank's reference.
#[must_use]
pub fn compare(one: &Said<'_>, other: &Said<'_>) -> Likeness {
    let side = [(one.name, other.name), (one.account, other.account)];
    let rest = [
        (one.text, other.text),
        (provided(one.end_to_end), provided(other.end_to_end)),
        (provided(one.reference), provided(other.reference)),
    ];
    let count = |pairs: &[(&str, &str)]| pairs.iter().filter(|(one, other)| differ(one, other)).count();
    // Both name the transfer, and not the same one.
    let named = differ(provided(one.end_to_end), provided(other.end_to_end));
    let (side, rest) = (count(&side), count(&rest));
    let rest = if one.booking_date == other.booking_date { rest } else { rest.saturating_add(1) };
    match (side, side.saturating_add(rest)) {
        (_, 0) => Likeness::Same,
        (_, 1) => Likeness::Perhaps,
        (0, _) if !named => Likeness::Perhaps,
        _ => Likeness::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_on(day: &str) -> Said<'static> {
        Said {
            booking_date: day.parse().unwrap(),
            name: "Kunde Nord GmbH",
            account: "DE02120300000000202051",
            text: "Miete November",
            end_to_end: "NOTPROVIDED",
            reference: "",
        }
    }

    #[test]
    fn a_reused_reference_is_the_same_money_only_where_nothing_differs() {
        let one = said_on("2026-11-25");
        let later = said_on("2026-11-26");
        let cases = [
            (one, Likeness::Same),
            (Said { name: "KUNDE NORD", text: "", account: "", end_to_end: "", ..one }, Likeness::Same),
            (Said { text: "SVWZ+Miete  November", ..one }, Likeness::Same),
            (later, Likeness::Perhaps),
            (Said { text: "Darlehen", ..one }, Likeness::Perhaps),
            (Said { name: "Kunde Süd", ..one }, Likeness::Perhaps),
            (Said { account: "DE02500105170137075030", ..one }, Likeness::Perhaps),
            (Said { text: "Darlehen", ..later }, Likeness::Perhaps),
            (Said { name: "Kunde Süd", ..later }, Likeness::Other),
            (Said { name: "Kunde Süd", text: "Darlehen", ..one }, Likeness::Other),
            (Said { name: "Kunde Süd", account: "DE02500105170137075030", ..one }, Likeness::Other),
            (Said { account: "DE02500105170137075030", text: "Darlehen", ..later }, Likeness::Other),
        ];
        for (other, likeness) in cases {
            assert_eq!((compare(&one, &other), compare(&other, &one)), (likeness, likeness), "{other:?}");
        }
        let named = Said { end_to_end: "E1", ..one };
        assert_eq!(compare(&named, &Said { end_to_end: "E2", ..one }), Likeness::Perhaps);
        assert_eq!(compare(&named, &one), Likeness::Same, "one file leaves it out");
        let other = Said { end_to_end: "E2", ..later };
        assert_eq!(compare(&named, &other), Likeness::Other, "another transfer on another day");
    }
}
