//! The rules by which two invoices are the same one, or look alike. They compare numbers and tax ids in one form, and decide when
//! a new invoice points at an older one.

use chrono::NaiveDate;
use kernel::{PartyId, named};
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

/// Letters and digits in the one form in which they are compared. Compatibility forms (full width, superscripts, ligatures)
/// become plain ones. Accents and everything that is no letter or digit are dropped, and letters become capitals. A letter of
/// another alphabet that looks like a Latin letter or a digit (UTS 39) becomes that one.
#[must_use]
pub fn plain_key(text: &str) -> String {
    plain_marks(text).into_iter().filter(|mark| mark.is_alphanumeric()).collect()
}

/// As [`plain_key`], with the marks between letters and digits still in their place.
fn plain_marks(text: &str) -> Vec<char> {
    // Plain text needs only the capitals. A table has tens of thousands of numbers, so this must be quick.
    if text.is_ascii() {
        return text.chars().map(|mark| mark.to_ascii_uppercase()).collect();
    }
    let capitals = text.nfkd().filter(|mark| !is_accent(*mark)).flat_map(char::to_uppercase);
    // A capital may decompose once more (the Turkish İ), and a sign may only show its letters as a capital.
    let flat: String = capitals.collect::<String>().nfkd().filter(|mark| !is_accent(*mark)).collect();
    flat.chars().flat_map(latin_look).collect()
}

/// Combining marks: an accent makes no other number.
fn is_accent(mark: char) -> bool {
    unicode_normalization::char::is_combining_mark(mark)
}

/// The Latin letters or digits that a mark of another alphabet looks like, or the mark itself.
fn latin_look(mark: char) -> Vec<char> {
    if mark.is_ascii() {
        return vec![mark];
    }
    if let Some(digit) = decimal_digit(mark) {
        return vec![digit];
    }
    let seen: String = skeleton(mark.encode_utf8(&mut [0; 4])).collect();
    if seen.is_empty() || !seen.chars().all(|mark| mark.is_ascii_alphanumeric()) {
        return vec![mark];
    }
    // The prototype of the upright stroke is a small L; among capitals it is an I.
    seen.chars().map(|mark| if mark == 'l' { 'I' } else { mark.to_ascii_uppercase() }).collect()
}

/// The zeros of the decimal digits that are written beside the European ones: Arabic, Persian, N'Ko, and those of the Indian and
/// South-East Asian scripts. Each stands before its nine others.
const ZEROS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0,
    0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
];

fn decimal_digit(mark: char) -> Option<char> {
    let code = u32::from(mark);
    ZEROS
        .iter()
        .find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10))
        .and_then(|value| char::from_digit(value, 10))
}

/// An invoice number as it is compared: [`plain_key`], leading zeros of the whole dropped. A mark between two digits stays as a
/// separator, whichever mark it is, since 1-11 is not 11-1.
#[must_use]
pub fn normalise_number(number: &str) -> String {
    let (mut parted, mut apart) = (String::with_capacity(number.len()), false);
    for mark in plain_marks(number) {
        if mark.is_alphanumeric() {
            if apart && mark.is_ascii_digit() && parted.ends_with(|last: char| last.is_ascii_digit()) {
                parted.push(PARTED);
            }
            parted.push(mark);
            apart = false;
        } else {
            // A mark that is not visible separates nothing.
            apart = apart || !crate::text::is_hidden(mark);
        }
    }
    without_zeros(parted)
}

const PARTED: char = '-';

fn without_zeros(number: String) -> String {
    let trimmed = number.trim_start_matches('0');
    if trimmed.starts_with(|first: char| first != PARTED) { trimmed.to_owned() } else { number }
}

/// The number as it was compared before digits were kept apart: older records have it as their key.
#[must_use]
pub fn joined_number(number: &str) -> String {
    without_zeros(plain_key(number))
}

/// The key under which an invoice is kept. A buyer that writes its supplier's invoices counts them itself.
#[must_use]
pub fn number_key(number: &str, self_billed_by: Option<PartyId>) -> String {
    let number = normalise_number(number);
    self_billed_by.map_or_else(|| number.clone(), |buyer| format!("{number}@{buyer}"))
}

/// A number with the letters and digits that people take for each other made one: O and 0, I, L and 1. Nothing parts its digits.
#[must_use]
pub fn look_key(number: &str) -> String {
    fold(&joined_number(number))
}

/// A name as a hurried reader sees it: [`plain_key`], with letters and digits that look alike made one.
#[must_use]
pub fn name_look(name: &str) -> String {
    fold(&plain_key(name))
}

fn fold(plain: &str) -> String {
    plain.chars().map(one_of_its_looks).collect()
}

fn one_of_its_looks(mark: char) -> char {
    match mark {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    }
}

/// Words that mark a second copy of a document.
const COPY_WORDS: &[&str] =
    &["COPY", "KOPIE", "DUPLICATE", "DUPLIKAT", "DUPLICATA", "COPIE", "COPIA", "REV", "BIS", "NEW", "NEU", "副本", "复印件"];

/// The number without the mark of a second copy, in the form of [`look_key`]. Such a mark is a last part of one letter or digit
/// ("-A", "/2"), a letter behind a digit ("17B"), or a copy word. The result equals the look key where there is none.
#[must_use]
pub fn stem_key(number: &str) -> String {
    let marks: String = plain_marks(number).into_iter().map(|mark| if mark.is_alphanumeric() { mark } else { ' ' }).collect();
    let mut parts: Vec<&str> = marks.split_whitespace().collect();
    let mut shortened = 0;
    while let Some(last) = parts.pop() {
        let rest = without_copy_word(last).or_else(|| without_letter(last)).unwrap_or(last);
        let single = last.chars().count() == 1;
        let changed = rest.len() < last.len() || single;
        // Something must stay, and a number that ends in many such parts is a number of many parts.
        if !changed || shortened == 2 || (parts.is_empty() && (rest.is_empty() || single)) {
            parts.push(last);
            break;
        }
        shortened += 1;
        if !single && !rest.is_empty() {
            parts.push(rest);
        }
    }
    look_key(&parts.concat())
}

fn without_copy_word(part: &str) -> Option<&str> {
    let digits = |text: &str| text.chars().all(|mark| mark.is_ascii_digit());
    // "REV1" and "V2": the word with a number of its own behind it.
    let numbered = |word: &str| part.strip_prefix(word).filter(|rest| !rest.is_empty() && rest.len() <= 2 && digits(rest));
    if COPY_WORDS.iter().chain(&["V"]).any(|word| numbered(word).is_some()) {
        return Some("");
    }
    COPY_WORDS.iter().find_map(|word| part.strip_suffix(word)).filter(|rest| digits(rest))
}

/// "17B" without its letter.
fn without_letter(part: &str) -> Option<&str> {
    let rest = part.strip_suffix(|mark: char| mark.is_alphabetic())?;
    rest.ends_with(|mark: char| mark.is_ascii_digit()).then_some(rest)
}

named! {
    /// Why a person must look at an invoice before it goes on. The code is stable.
    ReviewRule {
        /// The same seller and number; date, currency or amount differ.
        SameNumber => "same_number",
        /// The same, and the other one came in another kind of file.
        OtherFormat => "other_format",
        /// The numbers differ in letters and digits that look alike.
        LookAlike => "look_alike",
        /// The number is another one's with a suffix, or the other way round.
        Suffix => "suffix",
        /// The same buyer, day, currency and total.
        SameTotal => "same_total",
        /// The same file.
        SameFile => "same_file",
        /// All of it the same, and the other one has been paid.
        PaidBefore => "paid_before",
        /// The number was cancelled before, by a credit note over it or by another invoice that replaced it.
        CancelledBefore => "cancelled_before",
        /// Another payee, a factored type or a note of assignment.
        Assigned => "assigned",
        /// It replaces an invoice that has been confirmed.
        ReplacesConfirmed => "replaces_confirmed",
        /// A credit note names it after it was confirmed.
        CreditedLate => "credited_late",
        /// A credit note names it beside others, and does not say how much of it is credited.
        CreditedTogether => "credited_together",
        /// It replaces an invoice that is not here, or not of the day that it states, or one of several.
        ReplacesUnknown => "replaces_unknown",
        /// It replaces several invoices.
        ReplacesSeveral => "replaces_several",
        /// It is to be paid in instalments, on several days.
        Instalments => "instalments",
        /// Its file states another tax id than that of the company to which its name or address leads.
        OtherTaxId => "other_tax_id",
    }
}

/// An invoice as the rules against financing twice see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    pub seller: &'a str,
    pub buyer: PartyId,
    pub number_key: &'a str,
    pub look_key: &'a str,
    pub stem_key: &'a str,
    pub issue_date: NaiveDate,
    pub currency: &'a str,
    pub payable_minor: i64,
    pub total_minor: i64,
    /// The kind of file that it came in.
    pub format: &'a str,
    /// SHA-256 of the file, where one file is one invoice; else empty.
    pub file: &'a str,
    /// Written by the buyer: its numbers are counted buyer by buyer.
    pub self_billed: bool,
}

/// Both numbers are of one series: the seller's, or where the buyer writes the invoices that buyer's.
fn in_one_series(one: &Identity<'_>, other: &Identity<'_>) -> bool {
    one.seller == other.seller && !((one.self_billed || other.self_billed) && one.buyer != other.buyer)
}

/// Seller, number, issue date, currency and amount: the same invoice.
#[must_use]
pub fn is_same(one: &Identity<'_>, other: &Identity<'_>) -> bool {
    in_one_series(one, other)
        && one.number_key == other.number_key
        && one.issue_date == other.issue_date
        && one.currency == other.currency
        && one.payable_minor == other.payable_minor
}

/// The rules by which a new invoice points at an older one, in the order of their weight; none where the two are unrelated.
/// `paid` says that the older one has run its course.
#[must_use]
pub fn suspicions(new: &Identity<'_>, old: &Identity<'_>, paid: bool) -> Vec<ReviewRule> {
    let own = in_one_series(new, old);
    let same_number = own && new.number_key == old.number_key;
    let same_total = new.buyer == old.buyer
        && new.issue_date == old.issue_date
        && new.currency == old.currency
        && new.total_minor == old.total_minor;
    let look_alike = own && !same_number && new.look_key == old.look_key;
    let suffix = own && !same_number && !look_alike && (new.stem_key == old.look_key || new.look_key == old.stem_key);
    let same = is_same(new, old);
    let rules = [
        (ReviewRule::PaidBefore, paid && same),
        (ReviewRule::SameNumber, same_number && !same),
        (ReviewRule::OtherFormat, same_number && !same && new.format != old.format),
        (ReviewRule::LookAlike, look_alike),
        (ReviewRule::Suffix, suffix),
        (ReviewRule::SameTotal, same_total && !same_number),
        (ReviewRule::SameFile, !new.file.is_empty() && new.file == old.file),
    ];
    rules.into_iter().filter(|(_, holds)| *holds).map(|(rule, _)| rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line: numbers that are one number, written as attackers and keyboards write them.
    const SAME: &[&[&str]] = &[
        &["INV-2026/0017", "inv 2026 0017", "INV2026 0017", "Inv.2026–0017", "INV\u{200B}-2026-0017", "  INV-2026-0017  "],
        &["123456XX", "１２３４５６ＸＸ", "123456xx", "123\u{00AD}456XX", "123456ХХ", "١٢٣٤٥٦XX", "۱۲۳۴۵۶XX"],
        // Superscripts, subscripts, circled digits.
        &["INV-1234", "INV-¹²³⁴", "INV-₁₂₃₄", "INV-①②③④", "𝐈𝐍𝐕-𝟏𝟐𝟑𝟒", "ＩＮＶ－１２３４"],
        // Cyrillic and Greek capitals and small letters that look Latin.
        &["ABCEHKMOPTXY-9", "АВСЕНКМОРТХУ-9", "ΑΒCΕΗΚΜΟΡΤΧΥ-9", "аbсеhkморtху-9"],
        &["RE-2026-1", "RÉ-2026-1", "re-2026-1", "RE\u{0301}-2026-1", "ｒｅ－２０２６－１"],
        &["INV-7", "ІNV-7", "іnv-7", "ΙNV-7"],
        &["00042", "42", "٠٠٠٤٢"],
        &["发票-12", "发票 12", "发票－１２"],
        &["STRASSE1", "straße1"],
    ];

    #[test]
    fn numbers_compare_without_their_dress() {
        for row in SAME {
            let keys: Vec<String> = row.iter().map(|number| normalise_number(number)).collect();
            assert!(keys.iter().all(|key| *key == keys[0] && !key.is_empty()), "{row:?} {keys:?}");
        }
        assert_eq!(normalise_number("INV-2026/0017"), "INV2026-0017");
        assert_eq!((normalise_number("0-7").as_str(), normalise_number("00").as_str()), ("0-7", "00"));
        assert_eq!(joined_number("INV-2026/0017"), "INV20260017");
        assert_eq!(normalise_number("000"), "000");
        assert_eq!(normalise_number(" -/ "), "");
        for (one, other) in [("INV-1", "INV-2"), ("A-1", "B-1"), ("发票-1", "发货-1"), ("INV-O1", "INV-01")] {
            assert_ne!(normalise_number(one), normalise_number(other));
        }
    }

    /// C7: a mark between two digits keeps numbers apart. They still look alike, so a person decides.
    #[test]
    fn parted_digits_are_another_number() {
        for (one, other) in [
            ("1-11", "11-1"),
            ("2026/1/12", "2026/11/2"),
            ("INV 1 23", "INV 12 3"),
            ("INV20260017", "INV-2026-0017"),
            ("1.11", "111"),
        ] {
            assert_ne!(normalise_number(one), normalise_number(other), "{one} {other}");
            assert_eq!(look_key(one), look_key(other), "{one} {other}");
        }
        for (one, other) in [("1-11", "1/11"), ("1-11", "1 . 11"), ("A-1-11", "a1 11"), ("1-A", "1A"), ("1\u{200B}11", "111")] {
            assert_eq!(normalise_number(one), normalise_number(other), "{one} {other}");
        }
    }

    /// C6: the same number of two buyers is two invoices where they write them.
    #[test]
    fn a_self_billed_number_is_its_buyers() {
        assert_ne!(number_key("SB-0001", Some(PartyId(7))), number_key("SB-0001", Some(PartyId(8))));
        assert_eq!(number_key("SB-0001", Some(PartyId(7))), number_key("sb 0001", Some(PartyId(7))));
        let base = identity("SB-0001");
        let old = Identity { self_billed: true, ..with(&base) };
        assert!(is_same(&old, &old) && !is_same(&old, &Identity { buyer: PartyId(8), ..old }));
        assert!(!is_same(&old, &Identity { buyer: PartyId(8), self_billed: false, ..old }));
    }

    #[test]
    fn a_tax_id_is_one_whatever_its_letters() {
        for written in ["de 123-456.789", "DE123456789", "DЕ123456789", "ＤＥ１２３４５６７８９", "DE¹23456789"] {
            assert_eq!(plain_key(written), "DE123456789", "{written}");
        }
        assert_eq!(plain_key("0123"), "0123");
    }

    #[test]
    fn look_alikes_share_a_look() {
        for (one, other) in [
            ("INV-O017", "INV-0017"),
            ("INV-1L1", "INV-I11"),
            ("lNV-17", "INV-17"),
            ("2O26-1", "2026-l"),
            // The Cyrillic palochka and the Greek omicron look like them too.
            ("INV-Ӏ7", "INV-17"),
            ("INV-ο17", "INV-017"),
        ] {
            assert_eq!(look_key(one), look_key(other), "{one} {other}");
        }
        assert_ne!(look_key("INV-18"), look_key("INV-17"));
    }

    #[test]
    fn a_suffix_leads_back_to_its_number() {
        for written in [
            "INV-17-A",
            "INV-17/2",
            "INV-17 copy",
            "INV-17-Kopie",
            "INV-17B",
            "INV-17 (2)",
            "INV-17副本",
            "INV-17-copy-2",
            "INV-17-REV1",
            "INV-17 v2",
            "INV-17/Copy12",
        ] {
            assert_eq!(stem_key(written), look_key("INV-17"), "{written}");
        }
        for whole in ["INV-17", "17", "A", "7", "2026-0017", "copy", "V17", "REV1"] {
            assert_eq!(stem_key(whole), look_key(whole), "{whole}");
        }
        assert_eq!(stem_key("1-2-3-4"), look_key("12"));
    }

    fn identity(number: &'static str) -> (String, String, String) {
        (normalise_number(number), look_key(number), stem_key(number))
    }

    fn with<'a>(keys: &'a (String, String, String)) -> Identity<'a> {
        Identity {
            seller: "DE1",
            buyer: PartyId(7),
            number_key: &keys.0,
            look_key: &keys.1,
            stem_key: &keys.2,
            issue_date: "2026-11-02".parse().unwrap(),
            currency: "EUR",
            payable_minor: 100,
            total_minor: 119,
            format: "ubl",
            file: "f1",
            self_billed: false,
        }
    }

    #[test]
    fn every_rule_is_raised_by_its_case_and_no_other() {
        let (base, plain) = (identity("INV-17"), identity("INV-99"));
        let old = with(&base);
        let next_year = old.issue_date + chrono::Days::new(365);
        let other = Identity { total_minor: 500, file: "f2", ..with(&plain) };
        let o = identity("lNV-17");
        let copy = identity("INV-17-A");
        let elsewhere = Identity { payable_minor: 9, total_minor: 9, file: "f2", ..old };
        let cases: [(Identity<'_>, bool, &[ReviewRule]); 14] = [
            (other, false, &[]),
            (old, false, &[ReviewRule::SameFile]),
            (old, true, &[ReviewRule::PaidBefore, ReviewRule::SameFile]),
            (Identity { payable_minor: 101, file: "f2", ..old }, false, &[ReviewRule::SameNumber]),
            (Identity { currency: "USD", file: "f2", ..old }, false, &[ReviewRule::SameNumber]),
            (Identity { issue_date: next_year, file: "f2", ..old }, false, &[ReviewRule::SameNumber]),
            (Identity { format: "cii", ..elsewhere }, false, &[ReviewRule::SameNumber, ReviewRule::OtherFormat]),
            (Identity { look_key: &o.1, number_key: &o.0, stem_key: &o.2, ..elsewhere }, false, &[ReviewRule::LookAlike]),
            (Identity { look_key: &copy.1, number_key: &copy.0, stem_key: &copy.2, ..elsewhere }, false, &[ReviewRule::Suffix]),
            (Identity { total_minor: 119, ..other }, false, &[ReviewRule::SameTotal]),
            // The same total at another company of sellers: a second register number of the same trade?
            (Identity { seller: "DE2", total_minor: 119, ..other }, false, &[ReviewRule::SameTotal]),
            (Identity { file: "f1", ..other }, false, &[ReviewRule::SameFile]),
            (Identity { seller: "DE2", ..elsewhere }, false, &[]),
            // Self-billed invoices are numbered by each buyer.
            (Identity { buyer: PartyId(8), self_billed: true, ..elsewhere }, false, &[]),
        ];
        for (at, (new, paid, wanted)) in cases.into_iter().enumerate() {
            assert_eq!(suspicions(&new, &old, paid), wanted, "case {at}");
        }
        // The longer number may also have come first.
        let longer = with(&copy);
        assert_eq!(suspicions(&elsewhere, &longer, false), [ReviewRule::Suffix]);
        assert!(is_same(&old, &Identity { buyer: PartyId(9), format: "cii", ..old }));
        assert!(!is_same(&old, &Identity { payable_minor: 101, ..old }));
    }
}
