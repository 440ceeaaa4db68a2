//! End of day: prove the books, then move the business date on and the states with it.

use super::{
    Actor, Done, Execute, advance, answer_clock, payout, programmes, reviews, second_person, settlement, standing, withdraw_offer,
};
use crate::batch::{Batch, Step};
use chrono::{Days, NaiveDate};
use domain::Refusal;
use domain::invoice::InvoiceEvent;
use domain::offering::OfferState;
use domain::receivable::{ReceivableEvent, ReceivableState, next_state};
use domain::settlement_instruction::InstructionEvent;
use kernel::RecordId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::people::Waiting;
use store::records::Keyed;
use store::{Invoice, Receivable};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CloseDay {
    /// The business date that ends. Closing a day twice is refused, so a job may be run again.
    pub date: NaiveDate,
}

impl Execute for CloseDay {
    const NAME: &'static str = "close_day";

    fn execute(&self, batch: &mut Batch<'_>, _actor: &Actor) -> Step<Done> {
        if self.date < batch.today() {
            return Err(Refusal::DayInPast { date: self.date }.into());
        }
        if self.date > batch.today() {
            return Err(Refusal::DayNotReached { date: self.date }.into());
        }
        if let Some(asset) = store::verify::unbalanced_asset(batch.conn)? {
            return Err(Refusal::BooksDoNotBalance { asset }.into());
        }
        // Fees that buyers bear are paid on the day that ends, so that its balances count them.
        let fees = programmes::collect_fees(batch, self.date)?;
        batch.flush()?;
        let (counted, seq, salts) = (batch.heads.last_transfer, batch.audit_seq(), store::log::salts_of(&batch.heads));
        let sums = store::sums::close_day(batch.conn, self.date, counted, seq, &salts)?;
        batch.wrote = true;
        let next = self.date.checked_add_days(Days::new(1)).unwrap_or(self.date);
        let expired = close_offers(batch, next)?;
        let (matured, overdue) = move_receivables(batch, next)?;
        let stopped = standing::refresh(batch, None, next)?;
        let silent = mark_silent(batch, next)?;
        let unanswered = answer_clock::run(batch, next)?;
        // A price is that of its day.
        second_person::end_requests(batch, Waiting::For("buy_fractions"), "day_ended")?;
        let lapsed = advance::lapse_days(batch, next)?;
        let begun = programmes::begin_versions(batch, next)?;
        batch.set_business_date(next);
        let body = json!({
            "business_date": next, "offers_expired": expired, "matured": matured, "overdue": overdue, "buyers_stopped": stopped, "silent": silent, "unanswered": unanswered,
            "lapsed": lapsed, "fees_collected": fees, "versions_begun": begun,
            "sums": sums.to_text(),
        });
        Ok(Done::new(RecordId(0), body))
    }
}

fn close_offers(batch: &mut Batch<'_>, next: NaiveDate) -> Step<usize> {
    let ended = store::market::list_closed_offers(batch.conn, next)?;
    let count = ended.len();
    for offer in ended {
        let arguments = json!({ "offer_id": offer.id });
        let (supplier, receivable) = (offer.supplier_id, offer.receivable_id);
        withdraw_offer::end_offer(batch, offer, OfferState::Expired)?;
        batch.notify(supplier, "offer_expired", &arguments, format!("/receivables/{receivable}"));
    }
    Ok(count)
}

/// Payouts about which the bank has been silent for longer than is normal: what became of them is unknown, and
/// nothing is sent twice.
fn mark_silent(batch: &mut Batch<'_>, next: NaiveDate) -> Step<usize> {
    let silent = store::bank::list_silent_payouts(batch.conn, next)?;
    let count = silent.len();
    for mut one in silent {
        payout::advance(&mut one, InstructionEvent::FallSilent)?;
        batch.update(&one)?;
        payout::tell(batch, &one, "payout_unknown")?;
    }
    Ok(count)
}

fn move_receivables(batch: &mut Batch<'_>, next: NaiveDate) -> Step<(usize, usize)> {
    let due = store::receivables::list_due_before_overdue(batch.conn, next)?;
    let (mut matured, mut overdue) = (0_usize, 0_usize);
    for mut receivable in due {
        let state = receivable.state;
        let mut now = state;
        if matches!(now, ReceivableState::Issued | ReceivableState::Active) {
            now = next_state(now, ReceivableEvent::Mature)?;
            programmes::bill_settlement(batch, &receivable)?;
            matured = matured.saturating_add(1);
            let arguments = json!({ "reference": receivable.reference });
            batch.notify(receivable.buyer_id, "payment_due", &arguments, format!("/payables/{}", receivable.invoice_id));
        }
        if next > settlement::last_day_of_grace(&receivable) {
            now = next_state(now, ReceivableEvent::FallOverdue)?;
            overdue = overdue.saturating_add(1);
            tell_overdue(batch, &receivable)?;
        }
        if now != state {
            receivable.state = now;
            batch.update(&receivable)?;
        }
    }
    Ok((matured, overdue))
}

fn tell_overdue(batch: &mut Batch<'_>, receivable: &Receivable) -> Step<()> {
    let mut invoice = Invoice::load(batch.conn, receivable.invoice_id)?;
    invoice.state = domain::invoice::next_state(invoice.state, InvoiceEvent::FallOverdue)?;
    batch.update(&invoice)?;
    let arguments = json!({ "reference": receivable.reference });
    let mut told = settlement::holder_parties(batch, receivable.id)?;
    told.push(receivable.supplier_id);
    told.sort_unstable();
    told.dedup();
    for party in told {
        batch.notify(party, "receivable_overdue", &arguments, format!("/receivables/{}", receivable.id));
    }
    batch.notify(receivable.buyer_id, "receivable_overdue", &arguments, format!("/payables/{}", receivable.invoice_id));
    // The operator hears of it once, with who owes how much.
    let buyer = batch.party(receivable.buyer_id)?.name;
    let open_minor = receivable.confirmed_minor.saturating_sub(receivable.paid_minor).max(0);
    let arguments = json!({
        "reference": receivable.reference, "buyer": buyer, "open_minor": open_minor, "currency": receivable.currency,
    });
    reviews::notify_operator(batch, "payment_overdue", &arguments, format!("/receivables/{}", receivable.id))?;
    Ok(())
}
