//! The used part of each name's allowance, as the processes of one database share it.

use crate::query;
use crate::{Conn, Result};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};

/// The use of one name in its window. Moments are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct AllowanceRow {
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = BigInt)]
    pub since: i64,
    #[diesel(sql_type = BigInt)]
    pub ends: i64,
    /// Stored rows hold the sum of all processes; a row that is added holds one process's change, which may be below zero.
    #[diesel(sql_type = BigInt)]
    pub used: i64,
    #[diesel(sql_type = BigInt)]
    pub touched: i64,
}

/// Adds one process's use to the sum. A window that has ended begins anew.
const ADD: &str = "INSERT INTO allowances (kind, name, since, ends, used, touched) VALUES (?, ?, ?, ?, ?, ?) \
    ON CONFLICT (kind, name) DO UPDATE SET \
    used = CASE WHEN allowances.ends <= excluded.touched THEN excluded.used WHEN allowances.used + ? < 0 THEN 0 ELSE allowances.used + ? END, \
    since = CASE WHEN allowances.ends <= excluded.touched THEN excluded.since ELSE allowances.since END, \
    ends = CASE WHEN allowances.ends <= excluded.touched THEN excluded.ends ELSE allowances.ends END, \
    touched = excluded.touched";

pub fn add(conn: &mut Conn, rows: &[AllowanceRow]) -> Result<()> {
    for row in rows {
        let binds = [
            row.kind.as_str().into(),
            row.name.as_str().into(),
            row.since.into(),
            row.ends.into(),
            row.used.max(0).into(),
            row.touched.into(),
            row.used.into(),
            row.used.into(),
        ];
        query::execute(conn, ADD, &binds)?;
    }
    Ok(())
}

/// Removes at most `most` rows whose window has ended.
pub fn remove_ended(conn: &mut Conn, now: i64, most: i64) -> Result<usize> {
    let sql =
        "DELETE FROM allowances WHERE (kind, name) IN (SELECT kind, name FROM allowances WHERE ends <= ? ORDER BY ends LIMIT ?)";
    query::execute(conn, sql, &[now.into(), most.into()])
}

/// The rows that were changed at this second or later and whose window is open, oldest change first.
pub fn list_touched(conn: &mut Conn, since: i64, now: i64, most: i64) -> Result<Vec<AllowanceRow>> {
    let sql =
        "SELECT kind, name, since, ends, used, touched FROM allowances WHERE touched >= ? AND ends > ? ORDER BY touched LIMIT ?";
    query::list(conn, sql, &[since.into(), now.into(), most.into()])
}
