//! Transfers in batches through the ledger and the chained journal, as the writer stores them. Each transfer has a result,
//! balances run along, and each batch is one durable commit.

use super::{Failure, LedgerOptions, Target, baseline, fdatasync_rate, peak_memory_kb, per_second, percentile, ratio};
use crate::dice::Dice;
use chrono::Utc;
use domain::chart::{AccountKey, Booking};
use kernel::PartyId;
use ledger::{AccountId, AssetId, Book, Entry, TransferNumber};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use store::Conn;
use store::journal::{self, BookingFacts, NewAccount};

const ASSET: AssetId = AssetId(978);

pub(super) struct Load {
    pub(super) conn: Conn,
    pub(super) last: TransferNumber,
    pub(super) dice: Dice,
    accounts: i64,
}

impl Load {
    /// Accounts with money to move: the first is the custody account that funds the rest.
    pub(super) fn prepare(url: &str, accounts: i64) -> Result<Self, Failure> {
        let mut conn = store::connect(url)?;
        store::migrate(&mut conn)?;
        let mut load = Self { conn, last: TransferNumber(0), dice: Dice(1), accounts };
        let mut first = 1;
        while first <= accounts {
            let end = first.saturating_add(2_000).min(accounts.saturating_add(1));
            store::connection::begin_batch(&mut load.conn)?;
            let mut book = Book::after(load.last);
            let mut new = Vec::new();
            let custody = AccountKey::custody(store::custody::FIRST, ASSET);
            if first == 1 {
                new.push(NewAccount { id: AccountId(0), key: custody, ceiling: None });
            }
            for id in first..end {
                new.push(NewAccount { id: AccountId(id), key: AccountKey::cash(PartyId(id), ASSET), ceiling: None });
            }
            for account in &new {
                book.open_account(ledger::Account::new(account.id, ASSET, account.key.kind.side(), account.key.kind.floor()));
            }
            if first > 1 {
                for row in journal::list_accounts_by_id(&mut load.conn, &[0])? {
                    book.load_account(journal::account_of(&row)?);
                }
            }
            for id in first..end {
                let entry = Entry::Post {
                    debit: AccountId(0),
                    credit: AccountId(id),
                    amount: 1_000_000_000,
                    code: Booking::Deposit.code(),
                };
                book.apply(&[entry], 0).map_err(|no| format!("{no:?}"))?;
            }
            load.store(&mut book, &new)?;
            first = end;
        }
        Ok(load)
    }

    fn store(&mut self, book: &mut Book, new: &[NewAccount]) -> Result<(), Failure> {
        let changes = book.take_changes();
        let now = Utc::now().naive_utc();
        let facts = BookingFacts { command: 0, value_date: now.date(), business_date: now.date(), booked_at: now };
        journal::flush(&mut self.conn, &changes, &vec![facts; changes.transfers.len()], new)?;
        store::connection::commit_batch(&mut self.conn)?;
        self.last = book.last();
        Ok(())
    }

    /// Adds transfers until the journal has `to` of them.
    pub(super) fn grow(&mut self, to: i64, size: usize) -> Result<(), Failure> {
        while self.last.0 < to {
            self.batch(size, false)?;
        }
        Ok(())
    }

    /// One batch; `hot` lets every transfer debit the same account.
    fn batch(&mut self, size: usize, hot: bool) -> Result<(), Failure> {
        let pairs: Vec<_> = (0..size).map(|_| pair(&mut self.dice, self.accounts, hot)).collect();
        self.post(&pairs)
    }

    /// Posts one unit from each first to each second account, in one durable commit.
    pub(super) fn post(&mut self, pairs: &[(i64, i64)]) -> Result<(), Failure> {
        let size = pairs.len();
        let mut ids: Vec<i64> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
        ids.sort_unstable();
        ids.dedup();
        store::connection::begin_batch(&mut self.conn)?;
        let mut book = Book::after(self.last);
        for row in journal::list_accounts_by_id(&mut self.conn, &ids)? {
            book.load_account(journal::account_of(&row)?);
        }
        let mut accepted = 0_usize;
        for &(from, to) in pairs {
            let entry = Entry::Post { debit: AccountId(from), credit: AccountId(to), amount: 1, code: Booking::Deposit.code() };
            accepted = accepted.saturating_add(usize::from(book.apply(&[entry], 0).is_ok()));
        }
        if accepted != size {
            return Err("a transfer of the bench was refused".into());
        }
        self.store(&mut book, &[])
    }

    pub(super) fn run(&mut self, size: usize, hot: bool, length: Duration) -> Result<(u64, Vec<u64>), Failure> {
        let started = Instant::now();
        let mut latencies = Vec::new();
        let mut count = 0_u64;
        while started.elapsed() < length {
            let begun = Instant::now();
            self.batch(size, hot)?;
            latencies.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
            count = count.saturating_add(u64::try_from(size).unwrap_or(0));
        }
        latencies.sort_unstable();
        Ok((per_second(count, started.elapsed()), latencies))
    }
}

/// Two different accounts; `hot` lets the first always be the same.
pub(super) fn pair(dice: &mut Dice, accounts: i64, hot: bool) -> (i64, i64) {
    let from = if hot { 1 } else { dice.roll(accounts).saturating_add(1) };
    let to = (from.saturating_add(dice.roll(accounts.saturating_sub(1)))) % accounts + 1;
    (from, if to == from { from % accounts + 1 } else { to })
}

pub fn run(options: &LedgerOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let length = Duration::from_secs(options.seconds);
    let short = Duration::from_secs(options.seconds.div_ceil(2));
    let before = options.baseline_url.as_ref().map(|url| baseline::measure(url, short)).transpose()?;
    let mut load = Load::prepare(&target.url, options.accounts)?;
    let (random, random_latency) = load.run(options.batch, false, length)?;
    let (hot, hot_latency) = load.run(options.batch, true, length)?;
    drop(load);
    let after = options.baseline_url.as_ref().map(|url| baseline::measure(url, short)).transpose()?;
    let base = before.zip(after).map(|((a, _), (b, _))| a.saturating_add(b) / 2);
    let figures = |rate: u64, latency: &[u64]| {
        json!({
            "transfers_per_second": rate, "batch_p50_us": percentile(latency, 500), "batch_p99_us": percentile(latency, 990),
            "ratio_to_B": base.map(|base| ratio(rate, base)),
        })
    };
    Ok(json!({
        "bench": "ledger", "database": target.kind(), "batch": options.batch, "accounts": options.accounts, "seconds": options.seconds,
        "random": figures(random, &random_latency), "hot": figures(hot, &hot_latency), "B_transfers_per_second": base,
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?, "peak_memory_kb": peak_memory_kb(),
    }))
}
