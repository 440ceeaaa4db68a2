//! A list of payables that a buyer confirms with one decision. Here are its longest length, the bytes that are signed, and the
//! sums that decide whether a second person must agree.

use chrono::NaiveDate;
use kernel::{RecordId, named};
use std::collections::BTreeMap;

named! {
    ListState { Draft => "draft", Running => "running", Done => "done" }
}
named! {
    ItemState { Waiting => "waiting", Excluded => "excluded", Confirmed => "confirmed", Refused => "refused" }
}
named! {
    /// Of a payable that its buyer approved before the invoice came.
    ApprovedState {
        Waiting => "waiting", Excluded => "excluded", Approved => "approved", Used => "used", Withdrawn => "withdrawn", Refused => "refused",
        /// No invoice can use it any more.
        Lapsed => "lapsed",
    }
}

/// The most payables of one list.
pub const MOST_ITEMS: usize = 20_000;

/// A list's lines as they are hashed: invoice, minor units, due date and the hash of the words to be signed. Before its invoice
/// comes, a payable stands for it. The same lines always give the same bytes.
#[must_use]
pub fn text(lines: &[(RecordId, i64, Option<NaiveDate>, &str)]) -> String {
    let mut text = String::from("kontor-confirmation-list-1");
    for (record, amount_minor, due_date, words_hash) in lines {
        let due = due_date.map(|due| due.to_string()).unwrap_or_default();
        text.push_str(&format!("\n{record} {amount_minor} {due} {words_hash}"));
    }
    text
}

/// The sum of each currency. The sums decide about a list, so that a person who may not confirm an amount alone cannot split it.
#[must_use]
pub fn sums<'a>(amounts: impl Iterator<Item = (&'a str, i64)>) -> BTreeMap<String, i64> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for (currency, amount_minor) in amounts {
        let sum = sums.entry(currency.to_owned()).or_default();
        *sum = sum.saturating_add(amount_minor);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_lines_give_the_same_bytes_and_others_do_not() {
        let due: NaiveDate = "2027-01-31".parse().unwrap();
        let line = (RecordId(7), 500, Some(due), "ab");
        assert_eq!(text(&[line]), "kontor-confirmation-list-1\n7 500 2027-01-31 ab");
        for (id, amount, due, hash) in
            [(8, 500, Some(due), "ab"), (7, 501, Some(due), "ab"), (7, 500, None, "ab"), (7, 500, Some(due), "ac")]
        {
            assert_ne!(text(&[(RecordId(id), amount, due, hash)]), text(&[line]));
        }
    }

    #[test]
    fn amounts_are_summed_by_currency() {
        let found = sums([("EUR", 60), ("CNY", 5), ("EUR", 60), ("EUR", i64::MAX)].into_iter());
        assert_eq!(found.get("CNY"), Some(&5));
        assert_eq!(found.get("EUR"), Some(&i64::MAX), "never wraps into a small sum");
    }
}
