//! The mark that a record leaves in the audit: its digest, so that whoever changes, adds or removes a row behind the back of the
//! program is found. What other checks recompute (counters, sessions, mails) carries none.

use proof::digest::{hex, sha256};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A record's name, as in `payouts/4711`, and the digest of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub name: String,
    pub digest: String,
}

/// The columns by which a table finds its rows; those of all others are their ids.
fn key_columns(table: &str) -> &'static [&'static str] {
    match table {
        "approval_limits" => &["party_id", "currency"],
        "issue_terms" => &["currency"],
        "documents" => &["sha256"],
        "holidays" => &["currency", "day"],
        "late_claims" => &["receivable_id", "party_id"],
        _ => &["id"],
    }
}

/// Whether its rows are numbered.
pub(crate) fn has_ids(table: &str) -> bool {
    key_columns(table) == ["id"]
}

/// Columns that change without a trace of their own: counters which follow from the ledger, and what sign-ins leave behind.
fn loose_columns(table: &str) -> &'static [&'static str] {
    match table {
        "offers" => &["left_minor"],
        "buyer_limits" => &["used_minor"],
        "fee_bills" => &["paid_minor"],
        // Who stands behind a person follows from the audit.
        "users" => &["totp_last_step", "failed_count", "locked_until", "invited_by", "roles_by"],
        _ => &[],
    }
}

/// The mark of a row. Empty columns are left out, so that a column which a later version adds changes no mark of before.
pub(crate) fn mark_of(table: &str, row: &impl Serialize) -> Mark {
    let Ok(Value::Object(mut columns)) = serde_json::to_value(row) else {
        return Mark { name: format!("{table}/?"), digest: String::new() };
    };
    let key = |column: &&str| match columns.get(*column) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let name = format!("{table}/{}", key_columns(table).iter().map(key).collect::<Vec<_>>().join("/"));
    let loose = loose_columns(table);
    columns.retain(|column, value| !is_empty(value) && !loose.contains(&column.as_str()));
    // By name, however the JSON library keeps them.
    let columns: BTreeMap<String, Value> = columns.into_iter().collect();
    let content = serde_json::to_string(&columns).unwrap_or_default();
    let digest = hex(&sha256(&[name.as_bytes(), b"\n", content.as_bytes()]));
    Mark { name, digest }
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

    #[test]
    fn a_mark_follows_content_and_not_counters() {
        let limit = |limit_minor, used_minor| BuyerLimit {
            id: 7,
            financier_id: 1,
            buyer_id: 2,
            currency: "EUR".to_owned(),
            limit_minor,
            used_minor,
        };
        let mark = mark_of("buyer_limits", &limit(5, 0));
        assert_eq!(mark.name, "buyer_limits/7");
        assert_eq!(mark, mark_of("buyer_limits", &limit(5, 3)));
        assert_ne!(mark, mark_of("buyer_limits", &limit(6, 0)));
        let own = ApprovalLimit { party_id: 3, currency: "EUR".to_owned(), limit_minor: 0, day_minor: None };
        assert_eq!(mark_of("approval_limits", &own).name, "approval_limits/3/EUR");
    }
}
