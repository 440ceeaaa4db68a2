//! Books of a careful program without batching. The benches compare Kontor with them. They are tables of their own, on PostgreSQL
//! alone.

use crate::{Conn, Result, StoreError, query};
use diesel::connection::SimpleConnection;

const SCHEMA: &[&str] = &[
    "DROP TABLE IF EXISTS base_entry, base_trade, base_transfer, base_account",
    "CREATE TABLE base_account (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL)",
    "CREATE TABLE base_transfer (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, debit BIGINT NOT NULL, credit BIGINT NOT NULL, amount BIGINT NOT NULL)",
    "CREATE TABLE base_entry (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, transfer BIGINT NOT NULL, account BIGINT NOT NULL, amount BIGINT NOT NULL, after BIGINT NOT NULL)",
    "CREATE TABLE base_trade (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, seller BIGINT NOT NULL, buyer BIGINT NOT NULL, units BIGINT NOT NULL, price BIGINT NOT NULL)",
];

const PREPARED: &[&str] = &[
    "PREPARE lock2 AS SELECT id, balance FROM base_account WHERE id IN ($1, $2) ORDER BY id FOR UPDATE",
    "PREPARE lock4 AS SELECT id, balance FROM base_account WHERE id IN ($1, $2, $3, $4) ORDER BY id FOR UPDATE",
    "PREPARE transfer AS INSERT INTO base_transfer (debit, credit, amount) VALUES ($1, $2, $3)",
    "PREPARE move AS UPDATE base_account SET balance = balance + $2 WHERE id = $1",
    "PREPARE entry AS INSERT INTO base_entry (transfer, account, amount, after) SELECT currval(pg_get_serial_sequence('base_transfer', 'id')), id, $2, balance FROM base_account WHERE id = $1",
    "PREPARE trade AS INSERT INTO base_trade (seller, buyer, units, price) VALUES ($1, $2, $3, $4)",
];

/// Runs a statement as it is, in one round trip.
fn execute(conn: &mut Conn, sql: &str) -> Result<()> {
    match conn {
        Conn::Postgres(postgres) => Ok(postgres.batch_execute(sql)?),
        Conn::Sqlite(_) => Err(StoreError::Connection("the baseline runs on PostgreSQL".to_owned())),
    }
}

/// Makes the tables anew, with `accounts` accounts.
pub fn create(conn: &mut Conn, accounts: i64) -> Result<()> {
    for statement in SCHEMA {
        execute(conn, statement)?;
    }
    execute(conn, &format!("INSERT INTO base_account SELECT n, 1000000000 FROM generate_series(1, {accounts}) n"))
}

/// Prepares the statements of a connection.
pub fn prepare(conn: &mut Conn) -> Result<()> {
    PREPARED.iter().try_for_each(|statement| execute(conn, statement))
}

/// Moves one from an account to another, with an entry for each.
fn move_one(conn: &mut Conn, (from, to): (i64, i64)) -> Result<()> {
    execute(conn, &format!("EXECUTE transfer({from}, {to}, 1)"))?;
    execute(conn, &format!("EXECUTE move({from}, -1)"))?;
    execute(conn, &format!("EXECUTE move({to}, 1)"))?;
    execute(conn, &format!("EXECUTE entry({from}, -1)"))?;
    execute(conn, &format!("EXECUTE entry({to}, 1)"))
}

/// One transfer in a transaction of its own.
pub fn transfer(conn: &mut Conn, (from, to): (i64, i64)) -> Result<()> {
    execute(conn, "BEGIN")?;
    execute(conn, &format!("EXECUTE lock2({from}, {to})"))?;
    move_one(conn, (from, to))?;
    execute(conn, "COMMIT")
}

/// The accounts of one side of a purchase.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    pub cash: i64,
    pub units: i64,
}

/// One delivery against payment in a transaction of its own.
pub fn purchase(conn: &mut Conn, seller: Side, buyer: Side) -> Result<()> {
    execute(conn, "BEGIN")?;
    execute(conn, &format!("EXECUTE lock4({}, {}, {}, {})", seller.cash, seller.units, buyer.cash, buyer.units))?;
    move_one(conn, (buyer.cash, seller.cash))?;
    move_one(conn, (seller.units, buyer.units))?;
    execute(conn, &format!("EXECUTE trade({}, {}, 1, 1)", seller.cash, buyer.cash))?;
    execute(conn, "COMMIT")
}

/// The version of the server.
pub fn version(conn: &mut Conn) -> Result<Option<String>> {
    query::text(conn, "SELECT current_setting('server_version') AS value", &[])
}
