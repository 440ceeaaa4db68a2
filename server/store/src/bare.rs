//! Books without rights, rules, keys, audit or proof. The benches compare Kontor with them. They are tables of their own, on
//! either database.

use crate::{Conn, Result, query};

const TABLES: &[&str] = &["accounts", "trades", "transfers", "entries"];

const SCHEMA: &[&str] = &[
    "CREATE TABLE bare_accounts (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL)",
    "CREATE TABLE bare_trades (id BIGINT PRIMARY KEY, seller BIGINT NOT NULL, buyer BIGINT NOT NULL, units BIGINT NOT NULL, price BIGINT NOT NULL)",
    "CREATE TABLE bare_transfers (id BIGINT PRIMARY KEY, debit BIGINT NOT NULL, credit BIGINT NOT NULL, amount BIGINT NOT NULL)",
    "CREATE TABLE bare_entries (id BIGINT PRIMARY KEY, transfer BIGINT NOT NULL, account BIGINT NOT NULL, amount BIGINT NOT NULL, after BIGINT NOT NULL)",
    "INSERT INTO bare_accounts VALUES (1, 0), (2, 0), (3, 0), (4, 0)",
];

/// The rows of one batch, table by table, in the order of their columns.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub trades: Vec<[i64; 5]>,
    pub transfers: Vec<[i64; 4]>,
    pub entries: Vec<[i64; 5]>,
}

/// Makes the tables anew.
pub fn create(conn: &mut Conn) -> Result<()> {
    for table in TABLES {
        query::execute(conn, &format!("DROP TABLE IF EXISTS bare_{table}"), &[])?;
    }
    for statement in SCHEMA {
        query::execute(conn, statement, &[])?;
    }
    Ok(())
}

fn insert<const COLUMNS: usize>(conn: &mut Conn, table: &str, rows: &[[i64; COLUMNS]]) -> Result<()> {
    let row = |row: &[i64; COLUMNS]| format!("({})", row.map(|value| value.to_string()).join(", "));
    let values = rows.iter().map(row).collect::<Vec<_>>().join(", ");
    query::execute(conn, &format!("INSERT INTO bare_{table} VALUES {values}"), &[])?;
    Ok(())
}

/// Writes the rows of a batch, each table in one statement, and the balances after it.
pub fn save(conn: &mut Conn, rows: &Rows, balances: [i64; 4]) -> Result<()> {
    insert(conn, "trades", &rows.trades)?;
    insert(conn, "transfers", &rows.transfers)?;
    insert(conn, "entries", &rows.entries)?;
    for (id, balance) in (1_i64..).zip(balances) {
        query::execute(conn, "UPDATE bare_accounts SET balance = ? WHERE id = ?", &[balance.into(), id.into()])?;
    }
    Ok(())
}
