//! One payment shared out among very many holders, exact to the last unit, while others go on buying from another offer.

use super::purchases::{Load, load, sign_in_desks};
use super::{
    Failure, RedeemOptions, Target, baseline, bench_config, fdatasync_rate, peak_memory_kb, per_second, percentile, ratio,
};
use crate::batch::{Batch, Memory, Stop};
use crate::clock::Clock;
use crate::commands::bank::record_receipt::RecordReceipt;
use crate::commands::market::withdraw_offer::WithdrawOffer;
use crate::commands::{Actor, Command};
use crate::demo::history;
use crate::serve;
use crate::view::View;
use crate::writer::Writer;
use domain::chart::{AccountKey, Booking, Posting};
use domain::party::{Capacities, Capacity, Language, PartyStatus};
use kernel::{BankLineId, OfferId, PartyId, UserId};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::records::{Keyed, Record};
use store::{AuditRecord, Offer, Party, Receivable, distributions};

/// Holders of one batch while they are made.
const STEP: i64 = 2_000;

fn refused(error: &impl std::fmt::Debug) -> Failure {
    format!("{error:?}").into()
}

fn maker_of(conn: &mut store::Conn, party: PartyId) -> Result<Actor, Failure> {
    let user = store::people::find_first_user(conn, party)?.ok_or("no maker")?;
    Ok(Actor::person(party, user.id))
}

fn company(id: PartyId, now: chrono::NaiveDateTime) -> Party {
    Party {
        id,
        name: format!("Holder {id}"),
        country: "DE".to_owned(),
        tax_id: format!("H{id}"),
        tax_key: format!("h{id}"),
        registration_id: String::new(),
        capacities: Capacities::from_iter([Capacity::Financier]),
        status: PartyStatus::Active,
        language: Language::English,
        reference: format!("H{id}"),
        created_at: now,
        ..Party::default()
    }
}

/// Ends the offer of a deep market and hands its units, unevenly, to `holders` new companies. Returns the receivable.
pub fn spread(url: &str, offer_id: OfferId, holders: i64, clock: &Clock) -> Result<Receivable, Failure> {
    let mut conn = store::connect(url)?;
    let offer = Offer::load(&mut conn, offer_id)?;
    let receivable = Receivable::load(&mut conn, offer.receivable_id)?;
    let supplier = maker_of(&mut conn, offer.supplier_id)?;
    let (writer, thread) = Writer::start(url, clock.clone())?;
    writer.submit_blocking(supplier, format!("end-{offer_id}"), WithdrawOffer { offer_id }.into()).map_err(|no| refused(&no))?;
    drop(writer);
    thread.join().map_err(|_| "the writer panicked")?;
    let each = receivable.face_minor / holders;
    let (mut made, mut left) = (0_i64, receivable.face_minor);
    while made < holders {
        let end = made.saturating_add(STEP).min(holders);
        store::connection::begin_batch(&mut conn)?;
        let mut batch = Batch::open(&mut conn, clock.now(), Memory::default())?;
        let mut parties = Vec::new();
        let mut recipe = Vec::new();
        for number in made..end {
            let party = company(batch.next_id(), batch.now);
            // Uneven by up to three units; the last holder has all that is left.
            let amount = if number.saturating_add(1) == holders { left } else { each.saturating_sub(number % 4).max(1) };
            left = left.saturating_sub(amount);
            recipe.push(Posting::Move {
                debit: AccountKey::holding(offer.supplier_id, receivable.id.into()),
                credit: AccountKey::holding(party.id, receivable.id.into()),
                amount,
                booking: Booking::PurchaseUnits,
            });
            parties.push(party);
        }
        Record::insert_all(&parties, batch.conn)?;
        batch.begin_command();
        batch.post(&recipe).map_err(|no: Stop| refused(&no))?;
        let (first_transfer, last_transfer) = batch.posted();
        let record = AuditRecord {
            seq: batch.audit_seq(),
            at: batch.now,
            business_date: batch.today(),
            party_id: PartyId(0),
            user_id: UserId(0),
            approver_id: None,
            command: "bench".to_owned(),
            subject_id: receivable.id.into(),
            idempotency_key: format!("spread-{offer_id}-{made}"),
            input_hash: crate::hash::sha256_hex(b"bench\n0\n{}"),
            input: "{}".to_owned(),
            outcome: "{}".to_owned(),
            first_transfer,
            last_transfer,
        };
        batch.append_audit(record);
        batch.flush()?;
        store::connection::commit_batch(&mut conn)?;
        made = end;
    }
    Ok(receivable)
}

/// The buyer pays all that it owes: a receipt that two operators vouch for.
pub fn payment(receivable: &Receivable, amount_minor: i64, value_date: chrono::NaiveDate) -> (Actor, Command) {
    let operators = Actor { approver_id: Some(UserId(10_002)), ..Actor::person(PartyId(10_000), UserId(10_001)) };
    let receipt = RecordReceipt {
        currency: receivable.currency.clone(),
        amount_minor,
        value_date,
        reference: receivable.reference.clone(),
        bank_reference: String::new(),
        other_than: BankLineId(i64::MAX),
        account_id: None,
        reason: "seen at the bank".to_owned(),
    };
    (operators, receipt.into())
}

pub fn run(options: &RedeemOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let length = Duration::from_secs(3);
    let before = options.baseline_url.as_ref().map(|url| baseline::measure(url, length)).transpose()?;
    let clock = Clock::default();
    let lots = history::build_market(&target.url, 2, false, &clock)?;
    let (deep, many) = lots.split_first().zip(lots.get(1)).map(|((deep, _), many)| (deep.clone(), many)).ok_or("no offers")?;
    let receivable = spread(&target.url, many.offer_id, options.holders, &clock)?;
    let running = serve::start(bench_config(&target.url), clock)?;
    let (tokens, lots) = (sign_in_desks(running.port)?, [deep]);
    let work = |name| Load { name, port: running.port, tokens: &tokens, lots: &lots, connections: options.connections };
    let idle = load(&work("idle"), &|elapsed| elapsed < length)?;

    let mut conn = store::connect(&target.url)?;
    let done = AtomicBool::new(false);
    let today = store::records::load_heads(&mut conn)?.business_date;
    let (operators, receipt) = payment(&receivable, receivable.confirmed_minor, today);
    let (elapsed, busy) = std::thread::scope(|scope| -> Result<_, Failure> {
        let busy = scope.spawn(|| load(&work("busy"), &|_| !done.load(Ordering::Relaxed)));
        let started = Instant::now();
        let paid = running.app.writer.submit_blocking(operators, "the-payment".to_owned(), receipt);
        let mut open = paid.is_ok();
        while open {
            std::thread::sleep(Duration::from_millis(20));
            open = distributions::is_open(&mut conn, receivable.id).unwrap_or(true);
        }
        let elapsed = started.elapsed();
        done.store(true, Ordering::Relaxed);
        paid.map_err(|no| refused(&no))?;
        Ok((elapsed, busy.join().map_err(|_| "the load panicked")??))
    })?;
    running.stop()?;
    let state = Receivable::load(&mut conn, receivable.id)?.state;
    let (_, finding) = store::verify::verify_without_marks(&mut conn)?;
    let after = options.baseline_url.as_ref().map(|url| baseline::measure(url, length)).transpose()?;
    let base = before.zip(after).map(|((a, _), (b, _))| a.saturating_add(b) / 2);
    let rate = per_second(u64::try_from(options.holders)?, elapsed);
    let (idle_p99, busy_p99) = (percentile(&idle.latencies, 990), percentile(&busy.latencies, 990));
    Ok(json!({
        "bench": "redeem", "database": target.kind(), "holders": options.holders, "connections": options.connections,
        "milliseconds": u64::try_from(elapsed.as_millis())?, "holders_per_second": rate, "B_transfers_per_second": base,
        "ratio_to_B": base.map(|base| ratio(rate, base)), "state": state,
        "idle_p50_us": percentile(&idle.latencies, 500), "idle_p99_us": idle_p99, "idle_purchases_per_second": idle.rate,
        "busy_p50_us": percentile(&busy.latencies, 500), "busy_p99_us": busy_p99, "busy_purchases_per_second": busy.rate,
        "busy_p99_to_idle": ratio(busy_p99, idle_p99),
        "verified": finding.is_none(), "finding": finding.map(|found| format!("{}: {}", found.place, found.problem)),
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?, "peak_memory_kb": peak_memory_kb(),
    }))
}
