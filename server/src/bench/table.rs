//! One table of very many rows: the time to read and compare it, the time it holds the writer, and the time other commands wait.
//! It measures a supplier's invoices, the same as the buyer's payables with their decision, and the ordinary confirmation of all.

use super::intake::{Trade, fill, find};
use super::{Failure, TableOptions, Target, fdatasync_rate, peak_memory_kb};
use crate::clock::Clock;
use crate::commands::confirmations::confirm_list::ConfirmList;
use crate::commands::confirmations::draft_confirmation_list::{DraftConfirmationList, DraftItem};
use crate::commands::confirmations::draft_payables::{DraftPayables, PayableRow};
use crate::commands::invoices::known::Loaded;
use crate::commands::invoices::register_table::{RegisterTable, examine_all};
use crate::commands::invoices::submit_invoice::SubmitInvoice;
use crate::commands::people::set_preferences::SetPreferences;
use crate::commands::{Actor, Command};
use crate::demo::history;
use crate::dice::Dice;
use crate::hash::sha256_hex;
use crate::jobs::confirm_lists;
use crate::writer::{WriteError, Writer};
use chrono::Days;
use domain::party::Capacity;
use formats::csv::{CsvInvoice, Table, read};
use kernel::{ConfirmationListId, PartyId};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::records::Keyed;
use store::{ConfirmationList, Invoice};

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

fn table(trade: &Trade, rows: usize) -> String {
    let mut dice = Dice(21);
    let mut text = "number,issue_date,due_date,currency,seller_tax_id,buyer_tax_id,total,payable,order_reference\n".to_owned();
    let due = trade.today.checked_add_days(Days::new(45)).unwrap_or(trade.today);
    for at in 0..rows {
        let (number, euro) = (at.saturating_add(7_000_000), dice.roll(9_000_000).saturating_add(100));
        let (issued, seller, buyer) = (trade.today, &trade.supplier.tax_id, &trade.buyer.tax_id);
        text.push_str(&format!("NEW-{number},{issued},{due},EUR,{seller},{buyer},{euro}.17,{euro}.17,PO-{at}\n"));
    }
    text
}

fn payables(trade: &Trade, rows: &[CsvInvoice]) -> Result<Vec<PayableRow>, Failure> {
    let one = |row: &CsvInvoice| -> Option<PayableRow> {
        Some(PayableRow {
            supplier_id: trade.supplier.id,
            number: format!("ADV-{}", row.invoice.number),
            issue_date: row.invoice.issue_date?,
            due_date: row.invoice.due_date?,
            currency: "EUR".to_owned(),
            payable_minor: domain::Currency::EUR.parse_decimal(&row.invoice.totals.payable?.to_string()).ok()?,
            order_reference: String::new(),
            payment_reference: String::new(),
        })
    };
    rows.iter().map(one).collect::<Option<_>>().ok_or_else(|| "a row is not whole".into())
}

/// The longest and the median wait, in milliseconds, of a caller that submits small commands all the time.
fn waits(writer: &Writer, actor: &Actor, stop: &AtomicBool) -> Result<(u64, u64), Failure> {
    let mut waited = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let command = SetPreferences { language: "en".to_owned(), theme: "system".to_owned() };
        writer.submit_blocking(actor.clone(), format!("bench-wait-{}", waited.len()), command.into()).map_err(told)?;
        waited.push(millis(begun.elapsed()));
    }
    waited.sort_unstable();
    let median = waited.get(waited.len() / 2).copied().unwrap_or(0);
    Ok((waited.last().copied().unwrap_or(0), median))
}

fn told(error: WriteError) -> Failure {
    format!("{error:?}").into()
}

/// The times of the ordinary confirmation of all presented invoices, with one decision.
struct Confirmed {
    count: usize,
    drafted_ms: u64,
    decided_ms: u64,
    /// One undertaking each, piece by piece, while others go on.
    worked_ms: u64,
}

/// The supplier presents the table's invoices, and the buyer confirms them as one list.
fn confirm_all(url: &str, writer: &Writer, (seller, payer): (&Actor, &Actor)) -> Result<Confirmed, Failure> {
    let mut conn = store::connect(url)?;
    let invoices = store::invoices::list_unreviewed_invoices(&mut conn, seller.party_id, "NEW-")?;
    let submit = |row: &Invoice| {
        let command = SubmitInvoice { invoice_id: row.id, due_date: None };
        (seller.clone(), format!("bench-submit-{}", row.id), command.into())
    };
    for reply in writer.submit_all(invoices.iter().map(submit).collect()) {
        reply.map_err(told)?;
    }
    let item = |row: &Invoice| DraftItem {
        invoice_id: row.id,
        amount_minor: row.payable_minor,
        due_date: row.due_date,
        reason: String::new(),
    };
    let begun = Instant::now();
    let draft = DraftConfirmationList { items: invoices.iter().map(item).collect() };
    let list = writer.submit_blocking(payer.clone(), "bench-list".to_owned(), draft.into()).map_err(told)?;
    let drafted_ms = millis(begun.elapsed());
    let list = ConfirmationList::load(&mut conn, list.number("list_id"))?;
    let begun = Instant::now();
    let decided = Actor { approver_id: Some(payer.user_id), ..payer.clone() };
    let command = ConfirmList { list_id: list.id, list_hash: list.list_hash.clone() };
    writer.submit_blocking(decided, "bench-confirm".to_owned(), command.into()).map_err(told)?;
    let decided_ms = millis(begun.elapsed());
    let begun = Instant::now();
    confirm_lists::go_on(writer, &store::open_pool(url, 1)?, || false).map_err(|fault| format!("{fault:?}"))?;
    let worked_ms = millis(begun.elapsed());
    let count = store::invoices::count_confirmed_invoices(&mut conn, "NEW-")?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count == invoices.len() {
        Ok(Confirmed { count, drafted_ms, decided_ms, worked_ms })
    } else {
        Err("some were not confirmed".into())
    }
}

pub fn run(options: &TableOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let clock = Clock::default();
    history::build(&target.url, 1, &clock)?;
    let mut conn = store::connect(&target.url)?;
    let (supplier, buyer) = (find(&mut conn, Capacity::Supplier)?, find(&mut conn, Capacity::Buyer)?);
    let mut person = |party: PartyId| -> Result<Actor, Failure> {
        let user = store::people::find_first_user(&mut conn, party)?.ok_or("no person")?;
        Ok(Actor::person(party, user.id))
    };
    let (seller, payer) = (person(supplier.id)?, person(buyer.id)?);
    let trade = Trade { supplier, buyer, today: store::records::load_heads(&mut conn)?.business_date };
    fill(&mut conn, &trade, options.existing)?;
    let content = table(&trade, options.rows).into_bytes();
    let begun = Instant::now();
    let Table::Invoices(rows) = read(&content)? else { return Err("the table is not read".into()) };
    let read_ms = millis(begun.elapsed());
    let sha256 = sha256_hex(&content);
    let begun = Instant::now();
    let mut known = Loaded::load(&mut conn, &trade.supplier, &rows)?;
    let loaded_ms = millis(begun.elapsed());
    examine_all(&mut known, &trade.supplier, trade.today, &sha256, &rows)?.map_err(|faults| format!("{:?}", faults.first()))?;
    let examined_ms = millis(begun.elapsed());
    drop(known);
    let advance = payables(&trade, &rows)?;
    let (writer, thread) = Writer::start(&target.url, clock)?;
    let stop = AtomicBool::new(false);
    let (held, others) = std::thread::scope(|scope| -> Result<_, Failure> {
        let other = scope.spawn(|| waits(&writer, &payer, &stop));
        let act = |key: &str, actor: &Actor, command: Command| -> Result<(Value, u64), Failure> {
            let begun = Instant::now();
            let outcome = writer.submit_blocking(actor.clone(), key.to_owned(), command).map_err(told)?;
            Ok((outcome.body, millis(begun.elapsed())))
        };
        let outcome = (|| {
            let file_name = "bench.csv".to_owned();
            let table = RegisterTable { file_name: file_name.clone(), sha256: sha256.clone(), content: content.clone(), rows };
            let (_, taken_ms) = act("bench-table", &seller, table.clone().into())?;
            let (_, again_ms) = act("bench-table-again", &seller, table.into())?;
            let draft =
                DraftPayables { file_name, sha256: sha256_hex(b"payables"), content: b"payables".to_vec(), rows: advance };
            let (list, drafted_ms) = act("bench-payables", &payer, draft.into())?;
            let list_id = ConfirmationListId(list.get("list_id").and_then(Value::as_i64).unwrap_or(0));
            let list_hash = list.get("list_hash").and_then(Value::as_str).unwrap_or("").to_owned();
            // With the second person's word, which so large a sum needs.
            let decided = Actor { approver_id: Some(payer.user_id), ..payer.clone() };
            let (_, decided_ms) = act("bench-decide", &decided, ConfirmList { list_id, list_hash }.into())?;
            let confirmed = confirm_all(&target.url, &writer, (&seller, &payer))?;
            Ok(([taken_ms, again_ms, drafted_ms, decided_ms], confirmed))
        })();
        stop.store(true, Ordering::Relaxed);
        let others = other.join().unwrap_or_else(|_| Err("a caller panicked".into()))?;
        outcome.map(|held| (held, others))
    })?;
    drop(writer);
    thread.join().map_err(|_| "the writer panicked")?;
    let (_, finding) = store::verify::verify_without_marks(&mut conn)?;
    let ([taken_ms, again_ms, drafted_ms, decided_ms], confirmed) = held;
    Ok(json!({
        "bench": "table", "database": target.kind(), "existing": options.existing, "rows": options.rows, "bytes": content.len(),
        "read_ms": read_ms, "loaded_ms": loaded_ms, "examined_ms": examined_ms, "taken_ms": taken_ms, "again_ms": again_ms,
        "confirmed": confirmed.count, "list_drafted_ms": confirmed.drafted_ms, "list_decided_ms": confirmed.decided_ms,
        "list_worked_ms": confirmed.worked_ms, "payables_drafted_ms": drafted_ms, "payables_decided_ms": decided_ms, "longest_wait_of_others_ms": others.0,
        "median_wait_of_others_ms": others.1,
        "verified": finding.is_none(), "finding": finding.map(|found| format!("{}: {}", found.place, found.problem)),
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?, "peak_memory_kb": peak_memory_kb(),
    }))
}
