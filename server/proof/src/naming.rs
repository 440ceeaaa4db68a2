//! The relation between an asset's number and its name in version 2. It keeps one thing from standing in a day's tree under two
//! numbers.

use crate::balance::AssetEntry;
use crate::digest::{Hash, hex, unhex};
use crate::iso4217;
use crate::ordered::{Key, OrderedNode};

/// Up to here numbers are currencies: ISO 4217 numbers have three digits.
const LAST_CURRENCY: i64 = 999;

/// The creditor reference (ISO 11649) of a receivable: `RF`, two check digits, `R`, and its number.
#[must_use]
pub fn reference(receivable: i64) -> String {
    let body = format!("R{receivable}");
    // ISO 7064 MOD 97-10 over body, `RF` and `00`, with letters as 10 … 35.
    let rest = body.chars().chain("RF00".chars()).fold(0, |rest: u32, mark| {
        let value = mark.to_digit(36).unwrap_or(0);
        (rest * if value < 10 { 10 } else { 100 } + value) % 97
    });
    format!("RF{:02}{body}", 98 - rest)
}

/// The receivable of an asset: the fractions bear its number, the reserve the next one. None for other classes.
#[must_use]
pub fn receivable_of(class: &str, asset: i64) -> Option<i64> {
    match class {
        "fractions" => Some(asset),
        "reserve" => asset.checked_sub(1),
        _ => None,
    }
}

/// Whether number, class, name, currency and documents of an entry belong together.
#[must_use]
pub fn is_tied(entry: &AssetEntry) -> bool {
    let AssetEntry { asset, class, name, currency, documents, .. } = entry;
    match class.as_str() {
        "currency" => iso4217::number_of(name) == Some(*asset) && currency == name && documents.is_none(),
        "fractions" | "reserve" => {
            receivable_of(class, *asset).is_some_and(|number| number > LAST_CURRENCY && reference(number) == *name)
                && iso4217::number_of(currency).is_some()
                && documents.is_some()
        }
        "other" => *asset > LAST_CURRENCY && *name == asset.to_string() && currency == "-" && documents.is_none(),
        _ => false,
    }
}

/// The leaf that names the receivable of an undertaking. Its key is the undertaking's digest, so that there is only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undertaking {
    pub hash: Hash,
    pub receivable: i64,
}

const VERSION: &str = "kontor/undertaking/1";
/// The lines of the leaf.
pub const LINES: usize = 3;

impl Undertaking {
    /// The leaf of an entry of fractions or of a reserve.
    #[must_use]
    pub fn of(entry: &AssetEntry) -> Option<Self> {
        let [_, _, hash] = entry.documents?;
        Some(Self { hash, receivable: receivable_of(&entry.class, entry.asset)? })
    }

    /// The leaf's bytes: 3 lines, each ended by a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{VERSION}\n{}\n{}\n", hex(&self.hash), self.receivable)
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split('\n').skip(1);
        let read = Self { hash: unhex(lines.next()?)?, receivable: lines.next()?.parse().ok()? };
        (read.receivable >= 0 && read.to_text() == text).then_some(read)
    }

    #[must_use]
    pub fn node(&self) -> OrderedNode {
        OrderedNode::leaf(Key::of_undertaking(&self.hash), self.to_text().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::SumNode;

    fn entry(class: &str, asset: i64, name: &str, currency: &str) -> AssetEntry {
        let documents = matches!(class, "fractions" | "reserve").then_some([[1; 32], [2; 32], [3; 32]]);
        let root = SumNode { hash: [0; 32], debit: 5, credit: 5 };
        let (class, name, currency) = (class.to_owned(), name.to_owned(), currency.to_owned());
        AssetEntry { version: 2, asset, class, name, currency, leaves: 2, root, documents }
    }

    #[test]
    fn numbers_belong_to_names() {
        for (class, asset, name, currency, tied) in [
            ("currency", 978, "EUR", "EUR", true),
            ("currency", 979, "EUR", "EUR", false),
            ("currency", 978, "EUR", "USD", false),
            ("currency", 978, "eur", "eur", false),
            ("currency", 978, "Euro", "Euro", false),
            ("fractions", 10_050, "RF22R10050", "EUR", true),
            ("fractions", 20_050, "RF22R10050", "EUR", false),
            ("fractions", 10_050, "RF18R10050", "EUR", false),
            ("fractions", 10_050, "RF22R010050", "EUR", false),
            ("fractions", 10_050, "rf22r10050", "EUR", false),
            ("fractions", 10_050, "RF22R10050", "EUX", false),
            ("fractions", 10_051, "RF22R10050", "EUR", false),
            ("fractions", 978, &reference(978), "EUR", false),
            ("reserve", 10_051, "RF22R10050", "EUR", true),
            ("reserve", 10_050, "RF22R10050", "EUR", false),
            ("reserve", 10_051, &reference(10_051), "EUR", false),
            ("reserve", i64::MIN, "RF22R10050", "EUR", false),
            ("other", 50_000, "50000", "-", true),
            ("other", 978, "978", "-", false),
            ("other", 50_000, "EUR", "EUR", false),
            ("other", 50_000, "RF22R10050", "-", false),
            ("", 50_000, "50000", "-", false),
            ("Fractions", 10_050, "RF22R10050", "EUR", false),
        ] {
            let entry = entry(class, asset, name, currency);
            assert_eq!(is_tied(&entry), tied, "{class} {asset} {name} {currency}");
            let swapped = AssetEntry { documents: entry.documents.map_or(Some([[1; 32]; 3]), |_| None), ..entry };
            assert!(!is_tied(&swapped), "papers stand behind receivables and nothing else: {class} {asset}");
        }
    }

    /// The example of ISO 11649 has another body; these were made by the platform.
    #[test]
    fn references_have_their_check_digits() {
        assert_eq!([10_050, 10_060, 1].map(reference), ["RF22R10050", "RF43R10060", "RF59R1"]);
    }

    #[test]
    fn an_undertaking_reads_back_strictly() {
        let leaf = Undertaking { hash: [7; 32], receivable: 10_050 };
        assert_eq!(Undertaking::parse(&leaf.to_text()), Some(leaf));
        for (from, to) in [("10050", "010050"), ("10050", "-1"), ("10050", "+10050"), ("/1", "/2"), ("0707", "0G07")] {
            assert_eq!(Undertaking::parse(&leaf.to_text().replacen(from, to, 1)), None, "{to}");
        }
        assert_eq!(Undertaking::of(&entry("reserve", 10_051, "RF22R10050", "EUR")).unwrap().receivable, 10_050);
        assert_eq!(Undertaking::of(&entry("currency", 978, "EUR", "EUR")), None);
    }
}
