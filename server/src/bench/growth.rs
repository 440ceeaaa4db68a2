//! Whether the cost of a transfer, a balance and a statement stays the same as history grows.

use super::ledger_load::Load;
use super::{Failure, HistoryOptions, Target, fdatasync_rate, peak_memory_kb, per_second, ratio};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use store::journal;

/// Lines of a statement's first page.
const PAGE: i64 = 50;

/// Events a second on the journal as it is.
struct Rates {
    transfers: i64,
    writes: u64,
    balances: u64,
    statements: u64,
}

impl Rates {
    fn to_json(&self) -> Value {
        json!({
            "transfers": self.transfers, "writes_per_second": self.writes, "balances_per_second": self.balances,
            "statements_per_second": self.statements,
        })
    }
}

/// Does one thing over and over, and says how often a second.
fn often(length: Duration, mut once: impl FnMut() -> Result<(), Failure>) -> Result<u64, Failure> {
    let started = Instant::now();
    let mut count = 0_u64;
    while started.elapsed() < length {
        once()?;
        count = count.saturating_add(1);
    }
    Ok(per_second(count, started.elapsed()))
}

fn measure(load: &mut Load, options: &HistoryOptions) -> Result<Rates, Failure> {
    let length = Duration::from_secs(options.seconds);
    let accounts = options.accounts;
    let transfers = load.last.0;
    let balances = often(length, || {
        let id = load.dice.roll(accounts).saturating_add(1);
        let found = journal::list_accounts_by_id(&mut load.conn, &[id])?;
        if found.len() == 1 { Ok(()) } else { Err("an account is missing".into()) }
    })?;
    let statements = often(length, || {
        let id = load.dice.roll(accounts).saturating_add(1);
        let newest = journal::list_accounts_by_id(&mut load.conn, &[id])?.first().map_or(0, |row| row.last_transfer);
        let lines = journal::statement_page(&mut load.conn, id, newest, PAGE)?;
        if i64::try_from(lines.len())? == PAGE { Ok(()) } else { Err("the accounts have too few transfers: use fewer".into()) }
    })?;
    let (writes, _) = load.run(options.batch, false, length)?;
    Ok(Rates { transfers, writes, balances, statements })
}

pub fn run(options: &HistoryOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let mut load = Load::prepare(&target.url, options.accounts)?;
    load.grow(options.transfers, options.batch)?;
    let short = measure(&mut load, options)?;
    load.grow(options.transfers.saturating_mul(10), options.batch)?;
    let long = measure(&mut load, options)?;
    Ok(json!({
        "bench": "history", "database": target.kind(), "accounts": options.accounts, "batch": options.batch, "seconds": options.seconds,
        "short": short.to_json(), "long": long.to_json(),
        "ratio_writes": ratio(long.writes, short.writes), "ratio_balances": ratio(long.balances, short.balances),
        "ratio_statements": ratio(long.statements, short.statements),
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?, "peak_memory_kb": peak_memory_kb(),
    }))
}
