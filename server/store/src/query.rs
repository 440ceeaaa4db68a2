//! Hand-written SELECTs with `?` places, for either database.

use crate::{Conn, Result};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Date, Text, Timestamp, Untyped};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl};

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

/// A statement whose text is ours and whose values are bound: prepared once per connection and text.
struct Statement<'a> {
    sql: &'a str,
    binds: &'a [Bind],
}

macro_rules! statement_for {
    ($backend:ty, $connection:ty) => {
        impl QueryFragment<$backend> for Statement<'_> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                // The statements here hold no question mark inside a literal.
                let mut pieces = self.sql.split('?');
                out.push_sql(pieces.next().unwrap_or(""));
                for (bind, piece) in self.binds.iter().zip(pieces) {
                    match bind {
                        Bind::Int(value) => out.push_bind_param::<BigInt, _>(value)?,
                        Bind::Text(value) => out.push_bind_param::<Text, _>(value)?,
                        Bind::Date(value) => out.push_bind_param::<Date, _>(value)?,
                        Bind::Time(value) => out.push_bind_param::<Timestamp, _>(value)?,
                    }
                    out.push_sql(piece);
                }
                Ok(())
            }
        }
        impl RunQueryDsl<$connection> for Statement<'_> {}
    };
}

statement_for!(Pg, diesel::PgConnection);
statement_for!(Sqlite, diesel::SqliteConnection);

impl QueryId for Statement<'_> {
    type QueryId = ();
    // Cached by its text, which is enough.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

/// All rows of a SELECT.
pub fn list<R>(conn: &mut Conn, sql: &str, binds: &[Bind]) -> Result<Vec<R>>
where
    R: QueryableByName<Sqlite> + QueryableByName<Pg> + 'static,
{
    let statement = Statement { sql, binds };
    Ok(match conn {
        Conn::Sqlite(sqlite) => statement.load::<R>(sqlite)?,
        Conn::Postgres(postgres) => statement.load::<R>(postgres)?,
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
    let statement = Statement { sql, binds };
    Ok(match conn {
        Conn::Sqlite(sqlite) => statement.execute(sqlite)?,
        Conn::Postgres(postgres) => statement.execute(postgres)?,
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

/// The condition that a column is one of these numbers: one text and one value, however many there are.
#[must_use]
pub fn among(conn: &Conn, column: &str, ids: &[i64]) -> (String, Bind) {
    let list: Vec<String> = ids.iter().map(i64::to_string).collect();
    let list = list.join(",");
    match conn {
        Conn::Sqlite(_) => (format!("{column} IN (SELECT value FROM json_each(?))"), Bind::Text(format!("[{list}]"))),
        Conn::Postgres(_) => (format!("{column} = ANY (CAST(? AS BIGINT[]))"), Bind::Text(format!("{{{list}}}"))),
    }
}
