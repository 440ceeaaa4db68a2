//! Hand-written SELECTs with `?` places, for either database.

use crate::{Conn, Result};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::backend::Backend;
use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Date, Nullable, Text, Timestamp, Untyped};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl};
use kernel::{Id, Named};

/// A value for one place of a statement.
#[derive(Clone, Debug)]
pub enum Bind {
    Int(i64),
    Text(String),
    Date(NaiveDate),
    Time(NaiveDateTime),
    Blob(Vec<u8>),
    /// A whole column, as an array; PostgreSQL only, like the three after it.
    Ints(Vec<i64>),
    Texts(Vec<String>),
    Blobs(Vec<Vec<u8>>),
    MaybeInts(Vec<Option<i64>>),
}

impl Bind {
    /// A column of ids.
    pub fn ids<I: Id>(ids: impl Iterator<Item = I>) -> Self {
        Self::Ints(ids.map(I::number).collect())
    }

    /// A column of states or kinds.
    pub fn names<N: Named>(names: impl Iterator<Item = N>) -> Self {
        Self::Texts(names.map(|name| name.text().to_owned()).collect())
    }

    /// The value of a column that has one, or each of them by itself.
    pub(crate) fn into_single(self) -> Vec<Self> {
        match self {
            Self::Ints(list) => list.into_iter().map(Self::Int).collect(),
            Self::Texts(list) => list.into_iter().map(Self::Text).collect(),
            other => vec![other],
        }
    }
}

impl From<i64> for Bind {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
macro_rules! bind_ids {
    ($($id:ident),+) => {
        $(impl From<kernel::$id> for Bind {
            fn from(id: kernel::$id) -> Self {
                Self::Int(id.0)
            }
        })+
    };
}
kernel::for_each_id!(bind_ids);
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

fn walk<'b, DB: Backend>(
    statement: &'b Statement<'_>,
    mut out: AstPass<'_, 'b, DB>,
    push: impl Fn(&'b Bind, &mut AstPass<'_, 'b, DB>) -> QueryResult<()>,
) -> QueryResult<()> {
    // The statements here hold no question mark inside a literal.
    let mut pieces = statement.sql.split('?');
    out.push_sql(pieces.next().unwrap_or(""));
    for (bind, piece) in statement.binds.iter().zip(pieces) {
        push(bind, &mut out)?;
        out.push_sql(piece);
    }
    Ok(())
}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        walk(self, out, |bind, out| match bind {
            Bind::Int(value) => out.push_bind_param::<BigInt, _>(value),
            Bind::Text(value) => out.push_bind_param::<Text, _>(value),
            Bind::Date(value) => out.push_bind_param::<Date, _>(value),
            Bind::Time(value) => out.push_bind_param::<Timestamp, _>(value),
            Bind::Blob(value) => out.push_bind_param::<Binary, _>(value),
            Bind::Ints(list) => out.push_bind_param::<Array<BigInt>, _>(list),
            Bind::Texts(list) => out.push_bind_param::<Array<Text>, _>(list),
            Bind::Blobs(list) => out.push_bind_param::<Array<Binary>, _>(list),
            Bind::MaybeInts(list) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(list),
        })
    }
}

impl QueryFragment<Sqlite> for Statement<'_> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        walk(self, out, |bind, out| match bind {
            Bind::Int(value) => out.push_bind_param::<BigInt, _>(value),
            Bind::Text(value) => out.push_bind_param::<Text, _>(value),
            Bind::Date(value) => out.push_bind_param::<Date, _>(value),
            Bind::Time(value) => out.push_bind_param::<Timestamp, _>(value),
            Bind::Blob(value) => out.push_bind_param::<Binary, _>(value),
            Bind::Ints(_) | Bind::Texts(_) | Bind::Blobs(_) | Bind::MaybeInts(_) => {
                Err(diesel::result::Error::QueryBuilderError("SQLite has no arrays".into()))
            }
        })
    }
}

impl RunQueryDsl<diesel::PgConnection> for Statement<'_> {}
impl RunQueryDsl<diesel::SqliteConnection> for Statement<'_> {}

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
pub fn among<I: Id>(conn: &Conn, column: &str, ids: &[I]) -> (String, Bind) {
    match conn {
        Conn::Sqlite(_) => {
            let list: Vec<String> = ids.iter().map(I::to_string).collect();
            (format!("{column} IN (SELECT value FROM json_each(?))"), Bind::Text(format!("[{}]", list.join(","))))
        }
        Conn::Postgres(_) => (format!("{column} = ANY (?)"), Bind::Ints(ids.iter().map(|id| id.number()).collect())),
    }
}

/// The same for numbers of the ledger, which knows no ids of ours.
#[must_use]
pub fn among_numbers(conn: &Conn, column: &str, numbers: &[i64]) -> (String, Bind) {
    let ids: Vec<kernel::RecordId> = numbers.iter().copied().map(kernel::RecordId).collect();
    among(conn, column, &ids)
}

/// The same for texts.
#[must_use]
pub fn among_texts(conn: &Conn, column: &str, texts: &[String]) -> (String, Bind) {
    match conn {
        Conn::Sqlite(_) => {
            (format!("{column} IN (SELECT value FROM json_each(?))"), Bind::Text(serde_json::Value::from(texts).to_string()))
        }
        Conn::Postgres(_) => (format!("{column} = ANY (?)"), Bind::Texts(texts.to_vec())),
    }
}

/// The rows of `table`, named `a`, that a list of wishes, named `w`, asks for by a unique key. The query goes from the wish to
/// the row by the key's index, never the other way. On PostgreSQL the limit holds the planner to it. Without it, a plan made
/// while the table was small, and kept, would read all of the table in every batch.
#[must_use]
pub fn look_up(conn: &Conn, list: &str, table: &str, condition: &str) -> String {
    match conn {
        Conn::Sqlite(_) => format!("SELECT a.* FROM {list} CROSS JOIN {table} WHERE {condition}"),
        Conn::Postgres(_) => {
            format!("SELECT a.* FROM {list} CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {condition} LIMIT 1) a")
        }
    }
}
