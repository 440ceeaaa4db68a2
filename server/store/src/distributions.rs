//! Sharing a payment out among many holders: the holders in order, and the amount that each may still claim.

use crate::bulk::all_touched;
use crate::query::{self, Bind};
use crate::records::Record;
use crate::{Conn, Result};
use crate::{Distribution, LateClaim};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use kernel::{PartyId, ReceivableId};
use std::collections::HashMap;

/// One company's units of a receivable and its unpaid late interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct Position {
    #[diesel(sql_type = BigInt)]
    pub party: PartyId,
    #[diesel(sql_type = BigInt)]
    pub units_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub interest_due_minor: i64,
    /// Late interest since the last accrual, paid or not.
    #[diesel(sql_type = BigInt)]
    pub interest_whole_minor: i64,
    /// The units when parts were last counted anew, the part of them redeemed, and the transfer after which the count was; 0:
    /// never.
    #[diesel(sql_type = BigInt)]
    pub base_units_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub base_redeemed_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub base_since: i64,
}

#[derive(QueryableByName)]
struct LateOpen {
    #[diesel(sql_type = BigInt)]
    receivable_id: ReceivableId,
    #[diesel(sql_type = BigInt)]
    open_minor: i64,
}

/// Late interest of these receivables that was counted and not paid, in minor units.
pub fn list_late_open(conn: &mut Conn, receivables: &[ReceivableId]) -> Result<HashMap<ReceivableId, i64>> {
    if receivables.is_empty() {
        return Ok(HashMap::new());
    }
    let (among, list) = query::among(conn, "receivable_id", receivables);
    let sql = format!(
        "SELECT receivable_id, CAST(SUM(due_minor - paid_minor) AS BIGINT) AS open_minor FROM late_claims WHERE {among} GROUP BY receivable_id"
    );
    let rows = query::list::<LateOpen>(conn, &sql, &[list])?;
    Ok(rows.into_iter().map(|row| (row.receivable_id, row.open_minor)).collect())
}

/// The sources of a position. Each is an index walk, since one query over the union would read all holders every time.
const POSITIONS: [&str; 3] = [
    "SELECT owner_id AS party, balance AS units_minor, ZERO AS interest_due_minor, ZERO AS interest_whole_minor, ZERO AS base_units_minor, \
       ZERO AS base_redeemed_minor, ZERO AS base_since FROM ledger_accounts \
     WHERE asset_id = ? AND kind = 'holding' AND owner_id > ? AND balance > 0 ORDER BY owner_id LIMIT ?",
    "SELECT party_id AS party, ZERO AS units_minor, due_minor - paid_minor AS interest_due_minor, \
       due_minor - COALESCE(settled_minor, paid_minor) AS interest_whole_minor, ZERO AS base_units_minor, ZERO AS base_redeemed_minor, \
       ZERO AS base_since FROM late_claims \
     WHERE receivable_id = ? AND party_id > ? AND due_minor > COALESCE(settled_minor, paid_minor) ORDER BY party_id LIMIT ?",
    "SELECT party_id AS party, ZERO AS units_minor, ZERO AS interest_due_minor, ZERO AS interest_whole_minor, \
       units_minor AS base_units_minor, redeemed_minor AS base_redeemed_minor, since AS base_since FROM redemption_bases \
     WHERE receivable_id = ? AND party_id > ? ORDER BY party_id LIMIT ?",
];

impl Position {
    fn join(&mut self, other: &Self) {
        let sums = [
            (&mut self.units_minor, other.units_minor),
            (&mut self.interest_due_minor, other.interest_due_minor),
            (&mut self.interest_whole_minor, other.interest_whole_minor),
            (&mut self.base_units_minor, other.base_units_minor),
            (&mut self.base_redeemed_minor, other.base_redeemed_minor),
            (&mut self.base_since, other.base_since),
        ];
        for (own, more) in sums {
            *own = own.saturating_add(more);
        }
    }
}

/// At most `most` companies after `after`, by id. Each has units, late interest, or units that it had at a part payment before.
pub fn list_positions(conn: &mut Conn, receivable: ReceivableId, after: PartyId, most: i64) -> Result<Vec<Position>> {
    let binds = [receivable.into(), after.into(), most.into()];
    let mut found: Vec<Position> = Vec::new();
    for sql in POSITIONS {
        let part = query::list::<Position>(conn, &sql.replace("ZERO", "CAST(0 AS BIGINT)"), &binds)?;
        let both = !found.is_empty() && !part.is_empty();
        found.extend(part);
        if both {
            found.sort_by_key(|position| position.party);
            found.dedup_by(|next, kept| {
                let same = next.party == kept.party;
                if same {
                    kept.join(next);
                }
                same
            });
        }
    }
    found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(found)
}

/// The transfer after which parts were last counted anew. None where units have moved since then other than by redemption.
#[must_use]
pub fn counted_since(positions: &[Position]) -> Option<i64> {
    let since = positions.iter().map(|position| position.base_since).max().filter(|since| *since > 0)?;
    let stands = positions.iter().all(|position| {
        let counted = if position.base_since == since {
            position.base_units_minor.checked_sub(position.base_redeemed_minor)
        } else {
            Some(0)
        };
        counted == Some(position.units_minor)
    });
    stands.then_some(since)
}

/// The units that one holder had when its parts were counted, and the redeemed part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    pub party: PartyId,
    pub units_minor: i64,
    pub redeemed_minor: i64,
}

/// Keeps the parts of one receivable as they stand after a payment.
pub fn save_bases(conn: &mut Conn, receivable: ReceivableId, since: i64, bases: &[Base]) -> Result<()> {
    let insert = |values: &str| {
        format!(
            "INSERT INTO redemption_bases (receivable_id, party_id, units_minor, redeemed_minor, since) {values} \
             ON CONFLICT (receivable_id, party_id) DO UPDATE SET units_minor = excluded.units_minor, \
               redeemed_minor = excluded.redeemed_minor, since = excluded.since"
        )
    };
    if bases.is_empty() {
        return Ok(());
    }
    if matches!(conn, Conn::Sqlite(_)) {
        let sql = insert("VALUES (?, ?, ?, ?, ?)");
        for base in bases {
            let binds = [receivable.into(), base.party.into(), base.units_minor.into(), base.redeemed_minor.into(), since.into()];
            query::execute(conn, &sql, &binds)?;
        }
    } else {
        let column = |part: fn(&Base) -> i64| Bind::Ints(bases.iter().map(part).collect());
        let same = |value: i64| Bind::Ints(vec![value; bases.len()]);
        let binds = [
            same(receivable.0),
            column(|base| base.party.0),
            column(|base| base.units_minor),
            column(|base| base.redeemed_minor),
            same(since),
        ];
        query::execute(conn, &insert("SELECT * FROM UNNEST(?, ?, ?, ?, ?)"), &binds)?;
    }
    Ok(())
}

/// How the late interest of a receivable is counted with one payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Each part payment by itself.
    ByPayment,
    /// The count goes on with the payments since the last accrual.
    Running,
    /// The count begins anew, since more has accrued.
    Anew,
}

/// Adds accrued and paid amounts to the late claims of one receivable, by company. Returns the claims after that.
pub fn add_to_late_claims(
    conn: &mut Conn,
    receivable: ReceivableId,
    changes: Vec<LateClaim>,
    counting: Counting,
) -> Result<Vec<LateClaim>> {
    const KEEP: &str = "ON CONFLICT (receivable_id, party_id) DO UPDATE SET due_minor = excluded.due_minor, \
         paid_minor = excluded.paid_minor, settled_minor = excluded.settled_minor";
    const COLUMNS: &str = "receivable_id, party_id, due_minor, paid_minor, settled_minor";
    if changes.is_empty() {
        return Ok(changes);
    }
    let parties: Vec<PartyId> = changes.iter().map(|row| row.party_id).collect();
    let (among, list) = query::among(conn, "party_id", &parties);
    let known = LateClaim::list_where(conn, &format!("receivable_id = ? AND {among}"), &[receivable.into(), list])?;
    let known: HashMap<PartyId, LateClaim> = known.into_iter().map(|row| (row.party_id, row)).collect();
    // Whole rows, not differences: a row by itself must keep the rule that no more is paid than is due.
    let rows = changes.into_iter().map(|mut row| {
        let before = known.get(&row.party_id);
        let (due, paid, settled) =
            before.map_or((0, 0, None), |before| (before.due_minor, before.paid_minor, before.settled_minor));
        row.due_minor = row.due_minor.saturating_add(due);
        row.paid_minor = row.paid_minor.saturating_add(paid);
        row.settled_minor = match counting {
            Counting::ByPayment => None,
            Counting::Running => settled.or(Some(paid)),
            Counting::Anew => Some(paid),
        };
        row
    });
    let rows: Vec<LateClaim> = rows.collect();
    let touched = if matches!(conn, Conn::Sqlite(_)) {
        let sql = format!("INSERT INTO late_claims ({COLUMNS}) VALUES (?, ?, ?, ?, NULLIF(?, -1)) {KEEP}");
        let mut touched = 0_usize;
        for row in &rows {
            let settled = row.settled_minor.unwrap_or(-1).into();
            let binds = [row.receivable_id.into(), row.party_id.into(), row.due_minor.into(), row.paid_minor.into(), settled];
            touched = touched.saturating_add(query::execute(conn, &sql, &binds)?);
        }
        touched
    } else {
        let column = |part: fn(&LateClaim) -> i64| Bind::Ints(rows.iter().map(part).collect());
        let binds = [
            column(|row| row.receivable_id.0),
            column(|row| row.party_id.0),
            column(|row| row.due_minor),
            column(|row| row.paid_minor),
            column(|row| row.settled_minor.unwrap_or(-1)),
        ];
        let sql = format!(
            "INSERT INTO late_claims ({COLUMNS}) SELECT r, p, d, c, NULLIF(s, -1) FROM UNNEST(?, ?, ?, ?, ?) AS u (r, p, d, c, s) {KEEP}"
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
pub fn is_open(conn: &mut Conn, receivable: ReceivableId) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS value FROM distributions WHERE receivable_id = ? AND state <> 'done'";
    Ok(query::int(conn, sql, &[receivable.into()])?.unwrap_or(0) > 0)
}
