//! Hand-written SELECTs with `?` places, for either database.

use crate::{Conn, Result};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Date, Text, Timestamp};
use diesel::sqlite::Sqlite;
use diesel::{RunQueryDsl, sql_query};

/// A value for one place of a statement.
#[derive(Clone, Debug)]
pub enum Bind {
    Int(i64),
    Text(String),
    Date(NaiveDate),
    Time(NaiveDateTime),
}

impl From<i64> for Bind {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<&str> for Bind {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Bind {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<NaiveDate> for Bind {
    fn from(value: NaiveDate) -> Self {
        Self::Date(value)
    }
}
impl From<NaiveDateTime> for Bind {
    fn from(value: NaiveDateTime) -> Self {
        Self::Time(value)
    }
}

/// One page of a list, and whether there is more behind it.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub more: bool,
}

impl<T> Page<T> {
    /// From one row more than was asked for.
    #[must_use]
    pub fn cut(mut rows: Vec<T>, size: usize) -> Self {
        let more = rows.len() > size;
        rows.truncate(size);
        Self { rows, more }
    }
}

/// `?` → `$1`, `$2` … The statements here hold no question mark inside a literal.
fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len().saturating_add(16));
    let mut place = 0_u32;
    for mark in sql.chars() {
        if mark == '?' {
            place = place.saturating_add(1);
            out.push('$');
            out.push_str(&place.to_string());
        } else {
            out.push(mark);
        }
    }
    out
}

macro_rules! bound {
    ($sql:expr, $binds:expr, $backend:ty) => {{
        let mut query = sql_query($sql).into_boxed::<$backend>();
        for bind in $binds {
            query = match bind.clone() {
                Bind::Int(value) => query.bind::<BigInt, _>(value),
                Bind::Text(value) => query.bind::<Text, _>(value),
                Bind::Date(value) => query.bind::<Date, _>(value),
                Bind::Time(value) => query.bind::<Timestamp, _>(value),
            };
        }
        query
    }};
}

/// All rows of a SELECT.
pub fn list<R>(conn: &mut Conn, sql: &str, binds: &[Bind]) -> Result<Vec<R>>
where
    R: QueryableByName<Sqlite> + QueryableByName<Pg> + 'static,
{
    Ok(match conn {
        Conn::Sqlite(sqlite) => bound!(sql, binds, Sqlite).load::<R>(sqlite)?,
        Conn::Postgres(postgres) => bound!(numbered(sql), binds, Pg).load::<R>(postgres)?,
    })
}

/// The first row, if there is one.
pub fn find<R>(conn: &mut Conn, sql: &str, binds: &[Bind]) -> Result<Option<R>>
where
    R: QueryableByName<Sqlite> + QueryableByName<Pg> + 'static,
{
    Ok(list(conn, sql, binds)?.into_iter().next())
}

/// Runs a statement and says how many rows it touched.
pub fn execute(conn: &mut Conn, sql: &str, binds: &[Bind]) -> Result<usize> {
    Ok(match conn {
        Conn::Sqlite(sqlite) => bound!(sql, binds, Sqlite).execute(sqlite)?,
        Conn::Postgres(postgres) => bound!(numbered(sql), binds, Pg).execute(postgres)?,
    })
}

#[derive(diesel::QueryableByName)]
struct TextValue {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(diesel::QueryableByName)]
struct IntValue {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

/// The column `value` of the first row.
pub fn text(conn: &mut Conn, sql: &str, binds: &[Bind]) -> Result<Option<String>> {
    Ok(find::<TextValue>(conn, sql, binds)?.map(|row| row.value))
}

/// The column `value` of the first row.
pub fn int(conn: &mut Conn, sql: &str, binds: &[Bind]) -> Result<Option<i64>> {
    Ok(find::<IntValue>(conn, sql, binds)?.map(|row| row.value))
}

/// `(?, ?, ?)` for a list of that length; an empty list matches nothing.
#[must_use]
pub fn places(count: usize) -> String {
    if count == 0 {
        return "(NULL)".to_owned();
    }
    let mut out = String::with_capacity(count.saturating_mul(3));
    for index in 0..count {
        out.push_str(if index == 0 { "(?" } else { ", ?" });
    }
    out.push(')');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_for_postgres() {
        assert_eq!(numbered("a = ? AND b IN (?, ?)"), "a = $1 AND b IN ($2, $3)");
        assert_eq!((places(0), places(2)), ("(NULL)".into(), "(?, ?)".into()));
    }
}
