//! Opening databases, their safety settings, transactions and migrations.

use crate::{Result, StoreError};
use diesel::connection::{AnsiTransactionManager, InstrumentationEvent, SimpleConnection, TransactionManager};
use diesel::migration::{Migration, MigrationSource};
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::{Connection, PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::ops::{Deref, DerefMut};
use std::sync::RwLock;
use std::time::{Duration, Instant};
// Both are linked for their bundled libraries.
#[cfg(feature = "bundled")]
use openssl_sys as _;
use {libsqlite3_sys as _, pq_sys as _};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Key of the advisory lock that one batch at a time holds: "KONTOR" as a number.
const WRITER_LOCK: i64 = 0x004B_4F4E_544F_5200;

#[derive(diesel::MultiConnection)]
pub enum Conn {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

type Connections = diesel::r2d2::Pool<Readers>;

/// Connections for reading pages and lists; all of them can be given up at once.
#[derive(Debug)]
pub struct Pool {
    url: String,
    size: u32,
    connections: RwLock<(Connections, Instant)>,
}

impl Pool {
    pub fn get(&self) -> Result<impl DerefMut<Target = Reader> + use<>> {
        let connections = self.connections.read().map_err(|_| StoreError::Connection("the pool is broken".to_owned()))?.0.clone();
        connections.get().map_err(|error| StoreError::Connection(error.to_string()))
    }

    /// Opens new connections, once for all callers that notice at about the same time that none answers any more.
    pub fn renew(&self) {
        let Ok(mut connections) = self.connections.write() else { return };
        if connections.1.elapsed() > RENEWAL {
            *connections = (connections_to(&self.url, self.size), Instant::now());
        }
    }
}

/// How old a pool is at least before it is given up.
const RENEWAL: Duration = Duration::from_secs(10);

#[must_use]
pub fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// `postgres://…` or the path of an SQLite file, as `config::database_url` makes it of the operator's setting.
pub fn connect(url: &str) -> Result<Conn> {
    let fault = |error: diesel::ConnectionError| StoreError::Connection(error.to_string());
    let mut conn = if is_postgres(url) {
        Conn::Postgres(PgConnection::establish(url).map_err(fault)?)
    } else {
        let fault = |error: &dyn std::fmt::Display| StoreError::Connection(format!("{url}: {error}"));
        make_private(url).map_err(|error| fault(&error))?;
        Conn::Sqlite(SqliteConnection::establish(url).map_err(|error| fault(&error))?)
    };
    prepare(&mut conn)?;
    Ok(conn)
}

/// Makes a new SQLite file that its owner alone may read; SQLite gives the files beside it the same rights.
fn make_private(path: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Settings without which acknowledged work could be lost; asserted, not hoped for.
fn prepare(conn: &mut Conn) -> Result<()> {
    match conn {
        Conn::Sqlite(sqlite) => {
            sqlite.batch_execute(
                "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
            )?;
        }
        Conn::Postgres(postgres) => {
            // A process that waits for another one's batch gives up before it counts as stuck itself.
            postgres.batch_execute(
                "SET synchronous_commit = on; SET lock_timeout = '3s'; SET TIME ZONE 'UTC'; SET client_min_messages = warning",
            )?;
        }
    }
    for (sql, wanted) in durable_settings(conn) {
        let found = crate::query::text(conn, sql, &[])?.unwrap_or_default();
        if found != *wanted {
            return Err(StoreError::Connection(format!("the database is not durable: {sql} gives {found}, {wanted} is needed")));
        }
    }
    if matches!(conn, Conn::Sqlite(_)) {
        let version = crate::query::text(conn, "SELECT sqlite_version() AS value", &[])?.unwrap_or_default();
        let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
        if parts.as_slice() < [3, 51, 3].as_slice() {
            return Err(StoreError::Connection(format!("SQLite {version} can corrupt a WAL; 3.51.3 or later is needed")));
        }
    }
    Ok(())
}

/// Settings that must hold, or a failure loses acknowledged work.
fn durable_settings(conn: &Conn) -> &'static [(&'static str, &'static str)] {
    match conn {
        Conn::Sqlite(_) => &[
            ("SELECT synchronous || '' AS value FROM pragma_synchronous", "2"),
            ("SELECT journal_mode AS value FROM pragma_journal_mode", "wal"),
            ("SELECT foreign_keys || '' AS value FROM pragma_foreign_keys", "1"),
        ],
        Conn::Postgres(_) => &[
            ("SELECT current_setting('fsync') AS value", "on"),
            ("SELECT current_setting('full_page_writes') AS value", "on"),
            ("SELECT current_setting('synchronous_commit') AS value", "on"),
            // pg_stat_replication shows whether a standby has a commit, to those who may read it.
            (
                "SELECT CASE WHEN current_setting('synchronous_standby_names') = '' \
                 OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN 'pg_monitor' ELSE 'no right' END AS value",
                "pg_monitor",
            ),
        ],
    }
}

/// A connection of the pool, and when it was last asked whether it is there, and answered.
pub struct Reader {
    conn: Conn,
    answered: Instant,
}

impl Deref for Reader {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

#[derive(Debug)]
struct Readers {
    url: String,
}

/// For how long after an answer a connection is not asked again whether it is there: a page would wait for it several times.
const TRUSTED: Duration = Duration::from_millis(500);

impl ManageConnection for Readers {
    type Connection = Reader;
    type Error = StoreError;

    fn connect(&self) -> Result<Reader> {
        let mut conn = connect(&self.url)?;
        for_reading(&mut conn)?;
        Ok(Reader { conn, answered: Instant::now() })
    }

    fn is_valid(&self, reader: &mut Reader) -> Result<()> {
        if reader.answered.elapsed() >= TRUSTED {
            reader.conn.ping()?;
            reader.answered = Instant::now();
        }
        Ok(())
    }

    fn has_broken(&self, reader: &mut Reader) -> bool {
        std::thread::panicking() || reader.conn.is_broken()
    }
}

fn for_reading(conn: &mut Conn) -> Result<()> {
    match conn {
        // Every commit of the writer empties a reader's cache; a large cache only takes memory. Code that decides on such a
        // connection cannot write, whatever it tries.
        Conn::Sqlite(sqlite) => sqlite.batch_execute("PRAGMA cache_size = -4096; PRAGMA query_only = ON")?,
        // Lists join five tables and show a page: planning one takes longer than running it, and the plan is the same whatever
        // the company. It is made anew when the statistics of a table change.
        Conn::Postgres(postgres) => {
            postgres.batch_execute("SET plan_cache_mode = force_generic_plan; SET default_transaction_read_only = on")?;
        }
    }
    Ok(())
}

/// The length of SQLite's log, in pages (4 kB), from which on it is copied into the file. It is SQLite's default.
const PAGES: i64 = 1_000;

#[derive(diesel::QueryableByName)]
struct WalState {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    log: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    checkpointed: i64,
}

/// On the connection that writes, no commit copies SQLite's log into the file: [`copy_log`] does between two of them.
pub fn for_writing(conn: &mut Conn) -> Result<()> {
    if let Conn::Sqlite(sqlite) = conn {
        sqlite.batch_execute("PRAGMA wal_autocheckpoint = 0")?;
    }
    Ok(())
}

/// Copies SQLite's log into its file once it is long enough. Only the connection that writes may do so. If another connection
/// commits meanwhile, this copy does not sync that commit, and a later sync that fails would lose it.
pub fn copy_log(conn: &mut Conn) -> Result<()> {
    if matches!(conn, Conn::Postgres(_)) {
        return Ok(());
    }
    let state = crate::query::find::<WalState>(conn, "PRAGMA wal_checkpoint(NOOP)", &[])?;
    if state.is_some_and(|state| state.log.saturating_sub(state.checkpointed) >= PAGES) {
        crate::query::find::<WalState>(conn, "PRAGMA wal_checkpoint(PASSIVE)", &[])?;
    }
    Ok(())
}

/// Makes the database renew the statistics of its plans, as it does by itself within minutes of a change.
pub fn analyze(conn: &mut Conn) -> Result<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(postgres) => Ok(postgres.batch_execute("ANALYZE")?),
    }
}

/// Opens the first of `size` connections.
pub fn open_pool(url: &str, size: u32) -> Result<Pool> {
    let connections = connections_to(url, size);
    drop(connections.get().map_err(|error| StoreError::Connection(error.to_string()))?);
    Ok(Pool { url: url.to_owned(), size, connections: RwLock::new((connections, Instant::now())) })
}

/// A pool that opens no connection yet.
fn connections_to(url: &str, size: u32) -> Connections {
    diesel::r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .connection_timeout(Duration::from_secs(10))
        .build_unchecked(Readers { url: url.to_owned() })
}

/// Brings the schema up to date and says how many steps that took.
pub fn migrate(conn: &mut Conn) -> Result<usize> {
    if is_foreign(conn)? {
        return Err(StoreError::Connection("this database has tables that are not Kontor's: give an empty one".to_owned()));
    }
    let done = match conn {
        Conn::Sqlite(sqlite) => sqlite.run_pending_migrations(SQLITE).map(|steps| steps.len()),
        Conn::Postgres(postgres) => {
            // Another process may migrate at the same time; this one waits for its steps, however long they take.
            postgres.batch_execute("SET lock_timeout = 0")?;
            postgres.run_pending_migrations(POSTGRES).map(|steps| steps.len())
        }
    };
    let done = done.map_err(|error| StoreError::Connection(format!("migration: {error}")))?;
    complete_log(conn)?;
    Ok(done)
}

/// Whether another program's tables are here: Kontor's own begin with the list of its steps.
fn is_foreign(conn: &mut Conn) -> Result<bool> {
    let tables = match conn {
        Conn::Sqlite(_) => "sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        Conn::Postgres(_) => {
            "(SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()) x WHERE TRUE"
        }
    };
    let all = crate::query::int(conn, &format!("SELECT COUNT(*) AS value FROM {tables}"), &[])?;
    let steps =
        crate::query::int(conn, &format!("SELECT COUNT(*) AS value FROM {tables} AND name = '__diesel_schema_migrations'"), &[])?;
    Ok(all.unwrap_or(0) > 0 && steps.unwrap_or(0) == 0)
}

/// The newest step that this program knows.
#[must_use]
pub fn newest_schema() -> String {
    let steps: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> = SQLITE.migrations().unwrap_or_default();
    steps.iter().map(|step| step.name().version().as_owned().to_string()).max().unwrap_or_default()
}

/// Whether steps are missing that this program knows.
pub fn is_migrated(conn: &mut Conn) -> Result<bool> {
    let pending = match conn {
        Conn::Sqlite(sqlite) => sqlite.has_pending_migration(SQLITE),
        Conn::Postgres(postgres) => postgres.has_pending_migration(POSTGRES),
    };
    pending.map(|pending| !pending).map_err(|error| StoreError::Connection(format!("migration: {error}")))
}

/// Adds records from before there was a log to the log, one process at a time.
fn complete_log(conn: &mut Conn) -> Result<()> {
    begin_batch(conn)?;
    match crate::log::complete(conn) {
        Ok(()) => commit_batch(conn),
        Err(error) => {
            roll_back_batch(conn)?;
            Err(error)
        }
    }
}

/// Takes every migration back; for the test that runs them up, down and up.
pub fn revert_all(conn: &mut Conn) -> Result<usize> {
    let done = match conn {
        Conn::Sqlite(sqlite) => sqlite.revert_all_migrations(SQLITE).map(|steps| steps.len()),
        Conn::Postgres(postgres) => postgres.revert_all_migrations(POSTGRES).map(|steps| steps.len()),
    };
    done.map_err(|error| StoreError::Connection(format!("migration: {error}")))
}

/// Takes the newest `steps` steps back; for the test that starts from earlier schemas.
pub fn revert(conn: &mut Conn, steps: usize) -> Result<()> {
    for _ in 0..steps {
        let done = match conn {
            Conn::Sqlite(sqlite) => sqlite.revert_last_migration(SQLITE).map(|_| ()),
            Conn::Postgres(postgres) => postgres.revert_last_migration(POSTGRES).map(|_| ()),
        };
        done.map_err(|error| StoreError::Connection(format!("migration: {error}")))?;
    }
    Ok(())
}

/// Lets SQLite commit before the disk has it; only for the tests' broken writer.
pub fn commit_before_disk(conn: &mut Conn) -> Result<()> {
    crate::query::execute(conn, "PRAGMA synchronous = NORMAL", &[])?;
    Ok(())
}

/// Calls `probe` before every statement of this connection. A simulated process dies between two statements by
/// unwinding from it.
pub fn before_each_statement(conn: &mut Conn, mut probe: impl FnMut() + Send + 'static) {
    let watch = move |event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            probe();
        }
    };
    match conn {
        Conn::Sqlite(sqlite) => sqlite.set_instrumentation(watch),
        Conn::Postgres(postgres) => postgres.set_instrumentation(watch),
    }
}

/// Begins the batch's transaction. On PostgreSQL the advisory lock is its first statement. So every later statement sees the
/// commit of the batch before it, whichever process ran that batch.
pub fn begin_batch(conn: &mut Conn) -> Result<()> {
    match conn {
        Conn::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?,
        Conn::Postgres(postgres) => {
            let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({WRITER_LOCK})");
            AnsiTransactionManager::begin_transaction_sql(postgres, &begin)?;
        }
    }
    Ok(())
}

/// Commits. An error here means that the fate is unknown, never that nothing happened.
pub fn commit_batch(conn: &mut Conn) -> Result<()> {
    commit_unconfirmed(conn)?;
    confirm_replicated(conn)
}

/// Commits and believes what the database says: enough only where no standby is waited for.
pub fn commit_unconfirmed(conn: &mut Conn) -> Result<()> {
    let done = match conn {
        Conn::Sqlite(sqlite) => AnsiTransactionManager::commit_transaction(sqlite),
        Conn::Postgres(postgres) => AnsiTransactionManager::commit_transaction(postgres),
    };
    done.map_err(|error| StoreError::CommitUnknown(error.to_string()))
}

/// How long a standby may lag behind a commit that has, as it seems, waited for it.
const LAG: Duration = Duration::from_secs(2);

#[derive(diesel::QueryableByName)]
struct Replicated {
    #[diesel(sql_type = diesel::sql_types::Text)]
    names: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    place: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    standbys: i64,
}

/// When an administrator cancels a commit's wait for its synchronous standbys, PostgreSQL answers with success and a warning that
/// the program does not read. So the program asks the named standbys, also after a batch that only read: its data may come from
/// such a commit. An error means that the fate is unknown.
pub fn confirm_replicated(conn: &mut Conn) -> Result<()> {
    ask_standbys(conn).map_err(|error| StoreError::CommitUnknown(error.to_string()))
}

fn ask_standbys(conn: &mut Conn) -> Result<()> {
    if matches!(conn, Conn::Sqlite(_)) {
        return Ok(());
    }
    let began = Instant::now();
    let mut place = String::new();
    loop {
        let sql = "SELECT s.names, s.place, CASE WHEN s.names = '' THEN 0 ELSE (SELECT COUNT(*) FROM pg_stat_replication \
                   WHERE sync_state IN ('sync', 'quorum') AND flush_lsn >= s.place::pg_lsn) END AS standbys \
                   FROM (SELECT current_setting('synchronous_standby_names') AS names, \
                   COALESCE(NULLIF(?, ''), CAST(pg_current_wal_lsn() AS TEXT)) AS place) s";
        let Some(found) = crate::query::find::<Replicated>(conn, sql, &[place.into()])? else { return Ok(()) };
        if found.names.is_empty() || found.standbys >= wanted_standbys(&found.names) {
            return Ok(());
        }
        if began.elapsed() > LAG {
            return Err(StoreError::Connection(format!("no synchronous standby has it: {} of {}", found.standbys, found.names)));
        }
        place = found.place;
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How many of these standbys a commit waits for: `ANY 2 (a, b, c)`, `FIRST 2 (…)`, `2 (…)`, or a bare list for one.
fn wanted_standbys(names: &str) -> i64 {
    let (before, _) = names.split_once('(').unwrap_or(("", names));
    before.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or(1)
}

/// Writes and commits without a change, to learn whether the database takes writes at all.
pub fn write_nothing(conn: &mut Conn) -> Result<()> {
    begin_batch(conn)?;
    crate::query::execute(conn, "UPDATE heads SET id = id", &[])?;
    commit_batch(conn)
}

pub fn roll_back_batch(conn: &mut Conn) -> Result<()> {
    match conn {
        Conn::Sqlite(sqlite) => AnsiTransactionManager::rollback_transaction(sqlite)?,
        Conn::Postgres(postgres) => AnsiTransactionManager::rollback_transaction(postgres)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn standbys_are_counted_as_postgres_counts_them() {
        for (names, wanted) in
            [("*", 1), ("a, b", 1), ("\"node2\"", 1), ("2 (a, b, c)", 2), ("FIRST 3 (*)", 3), ("ANY 2(a,b)", 2)]
        {
            assert_eq!(super::wanted_standbys(names), wanted, "{names}");
        }
    }
}
