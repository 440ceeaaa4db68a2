//! What a payment for a receivable sets off: late interest, the waterfall, redemption, states and notices.
//! Used by every command through which such money can arrive.

use crate::batch::{Batch, Step};
use chrono::{Days, NaiveDate};
use domain::Currency;
use domain::calendar::Calendar;
use domain::chart::{AccountKey, currency_asset};
use domain::day_count::DayCount;
use domain::invoice::{InvoiceEvent, InvoiceState};
use domain::offering::OfferState;
use domain::receivable::{ReceivableEvent, ReceivableState, next_state};
use domain::waterfall::{self, Holder, WaterfallFacts, WaterfallResult};
use domain::{allocation, pricing};
use ledger::AssetId;
use serde_json::json;
use store::records::{Keyed, Record};
use store::{AccountRow, BuyerLimit, Conn, Invoice, LateClaim, Offer, Receivable, StoreError};

pub fn corrupt(what: &str, id: i64) -> StoreError {
    StoreError::Corrupt(format!("{what} {id}"))
}

/// The currency's calendar with the operator's own days.
pub fn calendar(conn: &mut Conn, currency: &str) -> Result<Calendar, StoreError> {
    let days = store::Holiday::list_where(conn, "currency = ?", &[currency.into()])?;
    Ok(Calendar::of(currency).with(days.into_iter().map(|row| (row.day, row.business))))
}

/// The last day on which payment is not yet overdue.
pub fn last_day_of_grace(receivable: &Receivable) -> NaiveDate {
    let grace = u64::try_from(receivable.grace_days).unwrap_or(0);
    receivable.payment_date.checked_add_days(Days::new(grace)).unwrap_or(receivable.payment_date)
}

pub fn notify_deposit(batch: &mut Batch<'_>, party: i64, currency: &str, amount_minor: i64) {
    let amount = Currency::parse(currency).map_or_else(|| amount_minor.to_string(), |known| known.format(amount_minor));
    batch.notify(party, "deposit_received", &json!({ "amount": amount, "currency": currency }), "/cash".to_owned());
}

/// Companies that hold fractions of the receivable now.
pub fn holder_parties(batch: &mut Batch<'_>, receivable: i64) -> Step<Vec<i64>> {
    batch.flush()?;
    let condition = "asset_id = ? AND kind = 'holding' AND balance > 0 ORDER BY owner_id";
    let rows = AccountRow::list_where(batch.conn, condition, &[receivable.into()])?;
    Ok(rows.into_iter().map(|row| row.owner_id).collect())
}

/// Late interest since it was last counted, on what is outstanding, shared out to the holders by their units.
fn accrue(batch: &mut Batch<'_>, receivable: &mut Receivable, units: &[(i64, i64)], value_date: NaiveDate) -> Step<()> {
    let from = receivable.interest_from;
    if value_date <= last_day_of_grace(receivable) || value_date <= from {
        return Ok(());
    }
    receivable.interest_from = value_date;
    let rate = receivable.late_rate.parse().map_err(|_| corrupt("late rate of", receivable.id))?;
    let day_count = DayCount::parse(&receivable.late_day_count).ok_or_else(|| corrupt("day count of", receivable.id))?;
    let weights: Vec<i64> = units.iter().map(|(_, held)| *held).collect();
    let outstanding =
        weights.iter().try_fold(0_i64, |sum, part| sum.checked_add(*part)).ok_or_else(|| corrupt("units of", receivable.id))?;
    let interest = pricing::interest(outstanding, rate, day_count, from, value_date).unwrap_or(0);
    let Some(shares) = allocation::allocate(interest, &weights) else { return Ok(()) };
    for ((party, _), share) in units.iter().zip(shares) {
        let binds = [receivable.id.into(), (*party).into()];
        let found = LateClaim::find_where(batch.conn, "receivable_id = ? AND party_id = ?", &binds)?;
        let mut claim =
            found.unwrap_or(LateClaim { receivable_id: receivable.id, party_id: *party, due_minor: 0, paid_minor: 0 });
        claim.due_minor = claim.due_minor.saturating_add(share);
        batch.wrote = true;
        store::records::save_late_claim(batch.conn, &claim)?;
    }
    Ok(())
}

/// Runs the waterfall over money that stands on the receivable's collection account.
pub fn settle(batch: &mut Batch<'_>, receivable_id: i64, payment_minor: i64, value_date: NaiveDate) -> Step<WaterfallResult> {
    let mut receivable = Receivable::load(batch.conn, receivable_id)?;
    let currency = currency_asset(super::currency(&receivable.currency)?);
    // Units on offer are held; who pays early redeems them too, so open offers end first.
    let condition = "receivable_id = ? AND state = 'open' ORDER BY id";
    for offer in Offer::list_where(batch.conn, condition, &[receivable_id.into()])? {
        super::withdraw_offer::end_offer(batch, offer, OfferState::Expired)?;
    }
    batch.flush()?;
    let condition = "asset_id = ? AND kind = 'holding' AND balance > 0 ORDER BY owner_id";
    let accounts = AccountRow::list_where(batch.conn, condition, &[receivable_id.into()])?;
    let units: Vec<(i64, i64)> = accounts.iter().map(|row| (row.owner_id, row.balance)).collect();
    accrue(batch, &mut receivable, &units, value_date)?;
    let holders = holders(batch, receivable_id, &units)?;
    let junior = AccountKey::holding(receivable.supplier_id, AssetId(receivable.reserve_asset));
    let (reserve_units_minor, _) = batch.balance(junior)?;
    let facts = WaterfallFacts {
        receivable: receivable_id,
        supplier: receivable.supplier_id,
        currency,
        senior: AssetId(receivable_id),
        junior: AssetId(receivable.reserve_asset),
        holders,
        settlement_fee_due_minor: receivable.settlement_fee_minor.saturating_sub(receivable.settlement_fee_paid_minor),
        reserve_units_minor,
        payment_minor,
    };
    let result = waterfall::run(&facts).ok_or_else(|| corrupt("waterfall of", receivable_id))?;
    batch.post(&result.postings)?;
    record_shares(batch, &receivable, &facts, &result)?;
    receivable.settlement_fee_paid_minor = receivable.settlement_fee_paid_minor.saturating_add(result.fee_minor);
    receivable.paid_minor = receivable.paid_minor.saturating_add(payment_minor.saturating_sub(result.surplus_minor));
    move_states(batch, &mut receivable, &facts, &result)?;
    Ok(result)
}

/// Everybody with units or unpaid late interest, by company id.
fn holders(batch: &mut Batch<'_>, receivable: i64, units: &[(i64, i64)]) -> Step<Vec<Holder>> {
    let mut claims: std::collections::BTreeMap<i64, Holder> = units
        .iter()
        .map(|(party, units_minor)| (*party, Holder { party: *party, units_minor: *units_minor, interest_due_minor: 0 }))
        .collect();
    for claim in LateClaim::list_where(batch.conn, "receivable_id = ? AND due_minor > paid_minor", &[receivable.into()])? {
        let holder =
            claims.entry(claim.party_id).or_insert(Holder { party: claim.party_id, units_minor: 0, interest_due_minor: 0 });
        holder.interest_due_minor = claim.due_minor.saturating_sub(claim.paid_minor);
    }
    Ok(claims.into_values().collect())
}

/// Keeps late claims and limits in step with what was just paid, and tells the holders.
fn record_shares(batch: &mut Batch<'_>, receivable: &Receivable, facts: &WaterfallFacts, result: &WaterfallResult) -> Step<()> {
    let format =
        |minor: i64| Currency::parse(&receivable.currency).map_or_else(|| minor.to_string(), |known| known.format(minor));
    for (holder, (face, interest)) in facts.holders.iter().zip(&result.shares) {
        if *interest > 0 {
            let binds = [receivable.id.into(), holder.party.into()];
            if let Some(mut claim) = LateClaim::find_where(batch.conn, "receivable_id = ? AND party_id = ?", &binds)? {
                claim.paid_minor = claim.paid_minor.saturating_add(*interest);
                store::records::save_late_claim(batch.conn, &claim)?;
            }
        }
        // The supplier's own units were never bought, so they used none of its limits.
        if *face > 0 && holder.party != receivable.supplier_id {
            let binds = [holder.party.into(), receivable.buyer_id.into(), receivable.currency.as_str().into()];
            let condition = "financier_id = ? AND buyer_id = ? AND currency = ?";
            if let Some(mut limit) = BuyerLimit::find_where(batch.conn, condition, &binds)? {
                limit.used_minor = limit.used_minor.saturating_sub(*face).max(0);
                batch.update(&limit)?;
            }
        }
        let received = face.saturating_add(*interest);
        if received > 0 {
            let arguments =
                json!({ "amount": format(received), "currency": receivable.currency, "reference": receivable.reference });
            batch.notify(holder.party, "redemption_received", &arguments, format!("/receivables/{}", receivable.id));
        }
    }
    if result.reserve_minor > 0 {
        let arguments =
            json!({ "amount": format(result.reserve_minor), "currency": receivable.currency, "reference": receivable.reference });
        batch.notify(receivable.supplier_id, "reserve_returned", &arguments, format!("/receivables/{}", receivable.id));
    }
    Ok(())
}

fn move_states(batch: &mut Batch<'_>, receivable: &mut Receivable, facts: &WaterfallFacts, result: &WaterfallResult) -> Step<()> {
    let sum = |part: fn(&Holder) -> i64| facts.holders.iter().map(part).fold(0_i64, i64::saturating_add);
    let units_left = sum(|holder| holder.units_minor).saturating_sub(result.face_minor);
    let interest_left = sum(|holder| holder.interest_due_minor).saturating_sub(result.interest_minor);
    let junior_paid = result.fee_minor.saturating_add(result.reserve_minor);
    let reserve_left = facts.reserve_units_minor.saturating_sub(junior_paid);
    let all_paid = units_left == 0 && interest_left == 0 && reserve_left == 0;
    let state = ReceivableState::parse(&receivable.state).ok_or_else(|| corrupt("state of", receivable.id))?;
    let event = if all_paid { ReceivableEvent::RedeemAll } else { ReceivableEvent::RedeemPart };
    // Money that comes after the end is all surplus: nothing moves.
    if let Ok(next) = next_state(state, event) {
        receivable.state = next.name().to_owned();
        let mut invoice = Invoice::load(batch.conn, receivable.invoice_id)?;
        let before = InvoiceState::parse(&invoice.state).ok_or_else(|| corrupt("state of invoice", invoice.id))?;
        let event = if all_paid { InvoiceEvent::PayAll } else { InvoiceEvent::PayPart };
        if let Ok(after) = domain::invoice::next_state(before, event) {
            invoice.state = after.name().to_owned();
            batch.update(&invoice)?;
        }
    }
    batch.update(receivable)
}
