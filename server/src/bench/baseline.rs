//! What a careful program without batching reaches on PostgreSQL: B, one transfer per transaction, and D, one
//! delivery against payment per transaction on one seller; 8 clients, prepared statements, 10,000 accounts.

use super::{Failure, fdatasync_rate, per_second};
use crate::dice::Dice;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{Conn, query};

const CLIENTS: usize = 8;
const ACCOUNTS: i64 = 10_000;

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

fn execute(conn: &mut Conn, sql: &str) -> Result<(), Failure> {
    match conn {
        Conn::Postgres(postgres) => Ok(store::connection::batch_execute(postgres, sql)?),
        Conn::Sqlite(_) => Err("the baseline runs on PostgreSQL".into()),
    }
}

fn one_transfer(conn: &mut Conn, dice: &mut Dice) -> Result<(), Failure> {
    let from = dice.roll(ACCOUNTS).saturating_add(1);
    let to = from % ACCOUNTS + 1;
    execute(conn, "BEGIN")?;
    execute(conn, &format!("EXECUTE lock2({from}, {to})"))?;
    execute(conn, &format!("EXECUTE transfer({from}, {to}, 1)"))?;
    execute(conn, &format!("EXECUTE move({from}, -1)"))?;
    execute(conn, &format!("EXECUTE move({to}, 1)"))?;
    execute(conn, &format!("EXECUTE entry({from}, -1)"))?;
    execute(conn, &format!("EXECUTE entry({to}, 1)"))?;
    execute(conn, "COMMIT")
}

/// Cash from the buyer to the one seller, units from the seller to the buyer.
fn one_purchase(conn: &mut Conn, dice: &mut Dice) -> Result<(), Failure> {
    let (seller_cash, seller_units) = (1, 2);
    let buyer_cash = dice.roll(ACCOUNTS / 2 - 2).saturating_add(2).saturating_mul(2).saturating_sub(1).max(3);
    let buyer_units = buyer_cash.saturating_add(1);
    execute(conn, "BEGIN")?;
    execute(conn, &format!("EXECUTE lock4({seller_cash}, {seller_units}, {buyer_cash}, {buyer_units})"))?;
    for (from, to) in [(buyer_cash, seller_cash), (seller_units, buyer_units)] {
        execute(conn, &format!("EXECUTE transfer({from}, {to}, 1)"))?;
        execute(conn, &format!("EXECUTE move({from}, -1)"))?;
        execute(conn, &format!("EXECUTE move({to}, 1)"))?;
        execute(conn, &format!("EXECUTE entry({from}, -1)"))?;
        execute(conn, &format!("EXECUTE entry({to}, 1)"))?;
    }
    execute(conn, &format!("EXECUTE trade({seller_cash}, {buyer_cash}, 1, 1)"))?;
    execute(conn, "COMMIT")
}

fn load(url: &str, length: Duration, work: fn(&mut Conn, &mut Dice) -> Result<(), Failure>) -> Result<u64, Failure> {
    let done = AtomicU64::new(0);
    let started = Instant::now();
    let failures: Vec<Failure> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let done = &done;
                scope.spawn(move || -> Result<(), Failure> {
                    let mut conn = store::connect(url)?;
                    for statement in PREPARED {
                        execute(&mut conn, statement)?;
                    }
                    let mut dice = Dice(u64::try_from(number).unwrap_or(0));
                    while started.elapsed() < length {
                        work(&mut conn, &mut dice)?;
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        clients.into_iter().filter_map(|client| client.join().unwrap_or_else(|_| Err("a client panicked".into())).err()).collect()
    });
    match failures.into_iter().next() {
        Some(failure) => Err(failure),
        None => Ok(per_second(done.load(Ordering::Relaxed), started.elapsed())),
    }
}

/// B and D in events a second.
pub fn measure(url: &str, length: Duration) -> Result<(u64, u64), Failure> {
    let mut conn = store::connect(url)?;
    for statement in SCHEMA {
        execute(&mut conn, statement)?;
    }
    let fill = format!("INSERT INTO base_account SELECT n, 1000000000 FROM generate_series(1, {ACCOUNTS}) n");
    execute(&mut conn, &fill)?;
    drop(conn);
    Ok((load(url, length, one_transfer)?, load(url, length, one_purchase)?))
}

pub fn run(url: &str, length: Duration) -> Result<Value, Failure> {
    let (transfers, purchases) = measure(url, length)?;
    let version = query::text(&mut store::connect(url)?, "SELECT current_setting('server_version') AS value", &[])?;
    Ok(json!({
        "bench": "baseline", "clients": CLIENTS, "accounts": ACCOUNTS, "seconds": length.as_secs(), "postgres": version,
        "B_transfers_per_second": transfers, "D_purchases_per_second": purchases, "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?,
    }))
}
