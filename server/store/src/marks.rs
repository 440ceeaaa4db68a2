//! The mark that a record leaves in the audit: its digest. It shows when a person changes, adds or removes a row without the
//! program. Data that other checks recompute (counters, sessions, mails) carries no mark.
//!
//! A mark of version 2 leaves out NULL alone, so 0, false and '' are not NULL. One of version 1 leaves out all four; it stays
//! valid. **Rule for a new column of a marked table:** it is nullable and NULL in older rows. Otherwise it stands in
//! `later_columns`, and its default is 0, false or ''. Any other column makes every earlier mark wrong.

use crate::records::Record;
use proof::digest::{hex, sha256};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A record's name, as in `payouts/4711`, and its content without what is NULL or loose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub name: String,
    columns: BTreeMap<String, Value>,
}

/// The text before the digest of a mark of version 2. A mark of version 1 has nothing there.
pub(crate) const SECOND: &str = "2:";

impl Mark {
    /// The mark as the audit keeps it.
    #[must_use]
    pub fn digest(&self) -> String {
        format!("{SECOND}{}", self.digest_of(&self.columns))
    }

    /// Whether a mark that the audit keeps is of this content, by the rule of its own version.
    #[must_use]
    pub fn fits(&self, stored: &str) -> bool {
        if stored.starts_with(SECOND) {
            return stored == self.digest();
        }
        let filled: BTreeMap<&String, &Value> = self.columns.iter().filter(|(_, value)| !is_empty(value)).collect();
        stored == self.digest_of(&filled)
    }

    fn digest_of(&self, columns: &impl Serialize) -> String {
        let content = serde_json::to_string(columns).unwrap_or_default();
        hex(&sha256(&[self.name.as_bytes(), b"\n", content.as_bytes()]))
    }
}

/// Which columns a mark leaves out.
#[derive(Clone, Copy, Debug)]
pub struct Leaves {
    /// Columns that change without a trace of their own: they follow from the ledger, from other records or from the audit.
    pub loose: &'static [&'static str],
    /// Columns that came after marks of version 2 and cannot be NULL: left out while they are empty.
    pub later: &'static [&'static str],
}

/// The mark of a row.
pub(crate) fn mark_of<T: Record>(row: &T, leaves: Leaves) -> Mark {
    let table = T::TABLE;
    let Ok(Value::Object(mut columns)) = serde_json::to_value(row) else {
        return Mark { name: format!("{table}/?"), columns: BTreeMap::new() };
    };
    let key = |column: &&str| match columns.get(*column) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let name = format!("{table}/{}", T::KEY.iter().map(key).collect::<Vec<_>>().join("/"));
    columns.retain(|column, value| {
        let column = column.as_str();
        let left_out = value.is_null() || leaves.loose.contains(&column) || (is_empty(value) && leaves.later.contains(&column));
        !left_out
    });
    // By name, however the JSON library keeps them.
    Mark { name, columns: columns.into_iter().collect() }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ApprovalLimit, BuyerLimit};
    use kernel::{BuyerLimitId, PartyId};

    fn of<T: Record>(row: &T) -> Mark {
        row.mark().unwrap()
    }

    #[test]
    fn a_mark_follows_content_and_not_counters() {
        let limit = |limit_minor, used_minor| BuyerLimit {
            id: BuyerLimitId(7),
            financier_id: PartyId(1),
            buyer_id: PartyId(2),
            currency: "EUR".to_owned(),
            limit_minor,
            used_minor,
        };
        let mark = of(&limit(5, 0));
        assert_eq!(mark.name, "buyer_limits/7");
        assert_eq!(mark, of(&limit(5, 3)));
        assert_ne!(mark, of(&limit(6, 0)));
        let own = ApprovalLimit { party_id: PartyId(3), currency: "EUR".to_owned(), limit_minor: 0, day_minor: None };
        assert_eq!(of(&own).name, "approval_limits/3/EUR");
    }

    /// NULL is not 0. A mark of version 1, which did not separate them, still fits the same contents.
    #[test]
    fn a_mark_tells_null_from_nothing() {
        let limit = |day_minor| ApprovalLimit { party_id: PartyId(3), currency: "EUR".to_owned(), limit_minor: 0, day_minor };
        let (none, zero) = (of(&limit(None)), of(&limit(Some(0))));
        assert!(none.digest().starts_with("2:") && none.fits(&none.digest()) && zero.fits(&zero.digest()));
        assert!(!none.fits(&zero.digest()) && !zero.fits(&none.digest()));
        let content = "approval_limits/3/EUR\n{\"currency\":\"EUR\",\"party_id\":3}";
        let old = hex(&sha256(&[content.as_bytes()]));
        assert!(none.fits(&old) && zero.fits(&old));
        assert!(!of(&limit(Some(1))).fits(&old) && !none.fits(""));
    }
}
