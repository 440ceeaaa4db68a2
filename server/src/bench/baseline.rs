//! The speed of a careful program without batching on PostgreSQL. B: one transfer per transaction. D: one delivery against
//! payment per transaction on one seller. Both use 8 clients, prepared statements and 10,000 accounts.

use super::{Failure, fdatasync_rate, per_second};
use crate::dice::Dice;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::Conn;
use store::baseline::{self, Side};

const CLIENTS: usize = 8;
const ACCOUNTS: i64 = 10_000;

fn one_transfer(conn: &mut Conn, dice: &mut Dice) -> Result<(), Failure> {
    let from = dice.roll(ACCOUNTS).saturating_add(1);
    Ok(baseline::transfer(conn, (from, from % ACCOUNTS + 1))?)
}

/// Cash from the buyer to the one seller, units from the seller to the buyer.
fn one_purchase(conn: &mut Conn, dice: &mut Dice) -> Result<(), Failure> {
    let cash = dice.roll(ACCOUNTS / 2 - 2).saturating_add(2).saturating_mul(2).saturating_sub(1).max(3);
    Ok(baseline::purchase(conn, Side { cash: 1, units: 2 }, Side { cash, units: cash.saturating_add(1) })?)
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
                    baseline::prepare(&mut conn)?;
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
    baseline::create(&mut store::connect(url)?, ACCOUNTS)?;
    Ok((load(url, length, one_transfer)?, load(url, length, one_purchase)?))
}

pub fn run(url: &str, length: Duration) -> Result<Value, Failure> {
    let (transfers, purchases) = measure(url, length)?;
    let version = baseline::version(&mut store::connect(url)?)?;
    Ok(json!({
        "bench": "baseline", "clients": CLIENTS, "accounts": ACCOUNTS, "seconds": length.as_secs(), "postgres": version,
        "B_transfers_per_second": transfers, "D_purchases_per_second": purchases, "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?,
    }))
}
