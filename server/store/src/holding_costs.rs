//! The price that a company paid for its holding of a receivable, kept in one row however many purchases it took.

use crate::Purchase;
use crate::query::{self, Bind};
use crate::{Conn, Result};
use kernel::{PartyId, ReceivableId};
use std::collections::BTreeMap;

/// Adds the cost of these purchases: one row for each company and receivable among them.
pub fn add(conn: &mut Conn, purchases: &[Purchase]) -> Result<()> {
    if purchases.is_empty() {
        return Ok(());
    }
    let mut sums: BTreeMap<(ReceivableId, PartyId), i64> = BTreeMap::new();
    for row in purchases {
        let sum = sums.entry((row.receivable_id, row.financier_id)).or_default();
        *sum = sum.saturating_add(row.price_minor);
    }
    let insert = |values: &str| {
        format!(
            "INSERT INTO holding_costs (receivable_id, party_id, paid_minor) {values} \
             ON CONFLICT (receivable_id, party_id) DO UPDATE SET paid_minor = holding_costs.paid_minor + excluded.paid_minor"
        )
    };
    if matches!(conn, Conn::Sqlite(_)) {
        let sql = insert("VALUES (?, ?, ?)");
        for ((receivable, party), minor) in sums {
            query::execute(conn, &sql, &[receivable.into(), party.into(), minor.into()])?;
        }
    } else {
        let column = |part: fn((&(ReceivableId, PartyId), &i64)) -> i64| Bind::Ints(sums.iter().map(part).collect());
        let binds = [column(|((receivable, _), _)| receivable.0), column(|((_, party), _)| party.0), column(|(_, minor)| *minor)];
        query::execute(conn, &insert("SELECT * FROM UNNEST(?, ?, ?)"), &binds)?;
    }
    Ok(())
}
