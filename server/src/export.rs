//! `kontor export`: the whole journal for a plain-text accounting program.

use chrono::{Days, NaiveDate};
use domain::chart::{AccountKey, Booking};
use formats::books::{self, BookEntry, BooksFormat};
use std::collections::HashMap;
use std::io::Write;
use store::{Conn, TransferRow, journal};

type Failure = Box<dyn std::error::Error>;

/// Transfers that are read at once.
const PAGE: i64 = 5_000;

/// Writes declarations, every transfer that moved something, and what each account must have in the end.
pub fn run(conn: &mut Conn, format: BooksFormat, out: &mut impl Write) -> Result<(), Failure> {
    let heads = store::records::load_heads(conn)?;
    let rows = journal::list_all_accounts(conn)?;
    let mut keys: HashMap<i64, AccountKey> = HashMap::new();
    for row in &rows {
        keys.insert(row.id, journal::key_of(row)?);
    }
    let mut all: Vec<AccountKey> = keys.values().copied().collect();
    all.sort_unstable();
    let mut page = journal::list_transfers_after(conn, 0, PAGE)?;
    let first = page.first().map_or(heads.business_date, |row| row.business_date);
    out.write_all(books::opening(format, &first.to_string(), &all).as_bytes())?;
    let mut balances: HashMap<AccountKey, i64> = HashMap::new();
    let mut last: NaiveDate = first;
    while let Some(newest) = page.last() {
        let number = newest.number;
        for row in &page {
            last = row.business_date;
            write_row(out, format, row, &keys, &mut balances)?;
        }
        page = journal::list_transfers_after(conn, number, PAGE)?;
    }
    let asserted: Vec<(AccountKey, i64)> =
        all.iter().filter_map(|key| balances.get(key).map(|balance| (*key, *balance))).collect();
    let next = last.checked_add_days(Days::new(1)).unwrap_or(last);
    if !asserted.is_empty() {
        out.write_all(books::closing(format, (&last.to_string(), &next.to_string()), &asserted).as_bytes())?;
    }
    Ok(out.flush()?)
}

fn write_row(
    out: &mut impl Write,
    format: BooksFormat,
    row: &TransferRow,
    keys: &HashMap<i64, AccountKey>,
    balances: &mut HashMap<AccountKey, i64>,
) -> Result<(), Failure> {
    // Rows with one leg earmark units and move nothing.
    let Some(credit) = row.credit_account else { return Ok(()) };
    let (Some(debit), Some(credit)) = (keys.get(&row.debit_account), keys.get(&credit)) else {
        return Err(format!("transfer {} names an account that does not exist", row.number).into());
    };
    for (key, change) in [(debit, row.amount), (credit, row.amount.saturating_neg())] {
        let balance = balances.entry(*key).or_default();
        *balance = balance.saturating_add(change);
    }
    let entry = BookEntry {
        number: row.number,
        date: &row.business_date.to_string(),
        value_date: &row.value_date.to_string(),
        booking: Booking::of(row.code).map_or("transfer", Booking::name),
        debit: *debit,
        credit: *credit,
        amount: row.amount,
    };
    Ok(out.write_all(books::entry(format, &entry).as_bytes())?)
}
