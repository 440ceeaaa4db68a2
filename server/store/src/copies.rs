//! The functions that backup and restore need of a database: a consistent copy of it, its state in a few numbers, whether it is
//! empty.

use crate::{Conn, Result, StoreError, query};
use chrono::NaiveDate;
use diesel::connection::AnsiTransactionManager;
use proof::digest::hex;

/// How far a database has come: two that agree in this hold the same history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub schema: String,
    pub business_date: NaiveDate,
    pub transfers: i64,
    pub audit_records: i64,
    pub log_root: String,
}

pub fn load_state(conn: &mut Conn) -> Result<State> {
    let heads = crate::records::load_heads(conn)?;
    Ok(State {
        schema: schema_version(conn)?,
        business_date: heads.business_date,
        transfers: heads.last_transfer,
        audit_records: heads.last_audit,
        log_root: hex(&crate::log::frontier_of(&heads)?.root()),
    })
}

/// The newest migration that has run.
pub fn schema_version(conn: &mut Conn) -> Result<String> {
    let newest = query::text(conn, "SELECT MAX(version) AS value FROM __diesel_schema_migrations", &[])?;
    newest.ok_or_else(|| StoreError::Corrupt("no migration has run".to_owned()))
}

/// Whether nothing has been made in it, not even a schema.
pub fn is_empty(conn: &mut Conn) -> Result<bool> {
    let sql = match conn {
        Conn::Sqlite(_) => "SELECT COUNT(*) AS value FROM sqlite_master",
        Conn::Postgres(_) => {
            "SELECT COUNT(*) AS value FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"
        }
    };
    Ok(query::int(conn, sql, &[])? == Some(0))
}

/// Writes a consistent copy of a live SQLite database into a new file, with the content of its write-ahead log.
pub fn copy_sqlite(conn: &mut Conn, target: &str) -> Result<()> {
    query::execute(conn, "VACUUM INTO ?", &[target.into()]).map(|_| ())
}

/// Opens a snapshot of PostgreSQL that stands still as long as this connection stays as it is, and says its name.
pub fn open_snapshot(conn: &mut Conn) -> Result<String> {
    if let Conn::Postgres(postgres) = conn {
        AnsiTransactionManager::begin_transaction_sql(postgres, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
    }
    let name = query::text(conn, "SELECT pg_export_snapshot() AS value", &[])?;
    name.ok_or_else(|| StoreError::Corrupt("no snapshot".to_owned()))
}
