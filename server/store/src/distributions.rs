//! Sharing a payment out among many holders: who they are, in order, and what each may still claim.

use crate::bulk::all_touched;
use crate::query::{self, Bind};
use crate::records::Record;
use crate::rows::{Distribution, LateClaim};
use crate::{Conn, Result};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use std::collections::HashMap;

/// One company's units of a receivable and its unpaid late interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct Position {
    #[diesel(sql_type = BigInt)]
    pub party: i64,
    #[diesel(sql_type = BigInt)]
    pub units_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub interest_due_minor: i64,
}

/// At most `most` companies after `after`, by id, with units or unpaid late interest.
pub fn list_positions(conn: &mut Conn, receivable: i64, after: i64, most: i64) -> Result<Vec<Position>> {
    let binds = [receivable.into(), after.into(), most.into()];
    // Two walks along an index each; one over the union would read all holders every time.
    let mut found = query::list::<Position>(
        conn,
        "SELECT owner_id AS party, balance AS units_minor, CAST(0 AS BIGINT) AS interest_due_minor FROM ledger_accounts \
         WHERE asset_id = ? AND kind = 'holding' AND owner_id > ? AND balance > 0 ORDER BY owner_id LIMIT ?",
        &binds,
    )?;
    let claims = query::list::<Position>(
        conn,
        "SELECT party_id AS party, CAST(0 AS BIGINT) AS units_minor, due_minor - paid_minor AS interest_due_minor FROM late_claims \
         WHERE receivable_id = ? AND party_id > ? AND due_minor > paid_minor ORDER BY party_id LIMIT ?",
        &binds,
    )?;
    if !claims.is_empty() {
        found.extend(claims);
        found.sort_by_key(|position| position.party);
        found.dedup_by(|next, kept| {
            let same = next.party == kept.party;
            if same {
                kept.units_minor = kept.units_minor.saturating_add(next.units_minor);
                kept.interest_due_minor = kept.interest_due_minor.saturating_add(next.interest_due_minor);
            }
            same
        });
    }
    found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(found)
}

/// Adds to the late claims of one receivable: what accrued and what was paid, by company. Returns what they are now.
pub fn add_to_late_claims(conn: &mut Conn, receivable: i64, changes: Vec<LateClaim>) -> Result<Vec<LateClaim>> {
    const KEEP: &str =
        "ON CONFLICT (receivable_id, party_id) DO UPDATE SET due_minor = excluded.due_minor, paid_minor = excluded.paid_minor";
    if changes.is_empty() {
        return Ok(changes);
    }
    let parties: Vec<i64> = changes.iter().map(|row| row.party_id).collect();
    let (among, list) = query::among(conn, "party_id", &parties);
    let known = LateClaim::list_where(conn, &format!("receivable_id = ? AND {among}"), &[receivable.into(), list])?;
    let known: HashMap<i64, LateClaim> = known.into_iter().map(|row| (row.party_id, row)).collect();
    // Whole rows, not differences: a row by itself must keep the rule that no more is paid than is due.
    let rows = changes.into_iter().map(|mut row| {
        if let Some(before) = known.get(&row.party_id) {
            row.due_minor = row.due_minor.saturating_add(before.due_minor);
            row.paid_minor = row.paid_minor.saturating_add(before.paid_minor);
        }
        row
    });
    let rows: Vec<LateClaim> = rows.collect();
    let touched = if matches!(conn, Conn::Sqlite(_)) {
        let sql = format!("INSERT INTO late_claims (receivable_id, party_id, due_minor, paid_minor) VALUES (?, ?, ?, ?) {KEEP}");
        let mut touched = 0_usize;
        for row in &rows {
            let binds = [row.receivable_id.into(), row.party_id.into(), row.due_minor.into(), row.paid_minor.into()];
            touched = touched.saturating_add(query::execute(conn, &sql, &binds)?);
        }
        touched
    } else {
        let column = |part: fn(&LateClaim) -> i64| Bind::Ints(rows.iter().map(part).collect());
        let binds = [
            column(|row| row.receivable_id),
            column(|row| row.party_id),
            column(|row| row.due_minor),
            column(|row| row.paid_minor),
        ];
        let sql = format!(
            "INSERT INTO late_claims (receivable_id, party_id, due_minor, paid_minor) SELECT * FROM UNNEST(?, ?, ?, ?) {KEEP}"
        );
        query::execute(conn, &sql, &binds)?
    };
    all_touched(touched, rows.len(), "late_claims")?;
    Ok(rows)
}

/// The oldest payment of each receivable that is not yet shared out.
pub fn list_open(conn: &mut Conn) -> Result<Vec<Distribution>> {
    query::list(
        conn,
        "SELECT * FROM distributions WHERE id IN (SELECT MIN(id) FROM distributions WHERE state <> 'done' GROUP BY receivable_id) ORDER BY id",
        &[],
    )
}

/// Whether a payment for the receivable is still being shared out.
pub fn is_open(conn: &mut Conn, receivable: i64) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS value FROM distributions WHERE receivable_id = ? AND state <> 'done'";
    Ok(query::int(conn, sql, &[receivable.into()])?.unwrap_or(0) > 0)
}
