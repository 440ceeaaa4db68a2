//! End of day: prove the books, then move the business date on and the states with it.

use crate::batch::{Batch, Step};
use crate::commands::bank::payout;
use crate::commands::cases::reviews;
use crate::commands::confirmations::advance;
use crate::commands::invoices::answer_clock;
use crate::commands::kit::second_person;
use crate::commands::market::withdraw_offer;
use crate::commands::parties::standing;
use crate::commands::programmes::terms as programmes;
use crate::commands::receivables::settlement;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use chrono::{Days, NaiveDate};
use domain::Refusal;
use domain::invoice::{self, InvoiceEvent, InvoiceState};
use domain::offering::OfferState;
use domain::receivable::{ReceivableEvent, ReceivableState, next_state};
use domain::settlement_instruction::{self, InstructionEvent, InstructionState};
use kernel::RecordId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::people::Waiting;
use store::records::Keyed;
use store::{Invoice, Offer, Party, Payout, Receivable};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CloseDay {
    /// The business date that ends. Closing a day twice is refused, so a job may be run again.
    pub date: NaiveDate,
}

/// A day that may end, with the records whose states move on.
pub struct Closable {
    /// The business date that begins.
    next: NaiveDate,
    ended: Vec<Offer>,
    due: Vec<Due>,
    /// Payouts about which the bank says nothing, with their states then.
    silent: Vec<(Payout, InstructionState)>,
}

impl Closable {
    /// How many offers end.
    #[must_use]
    pub fn ended(&self) -> i64 {
        i64::try_from(self.ended.len()).unwrap_or(i64::MAX)
    }

    /// How many receivables mature.
    #[must_use]
    pub fn matured(&self) -> i64 {
        i64::try_from(self.due.iter().filter(|due| due.matures).count()).unwrap_or(i64::MAX)
    }
}

/// A receivable whose day has come.
struct Due {
    receivable: Receivable,
    /// Its state then.
    state: ReceivableState,
    matures: bool,
    overdue: Option<Overdue>,
}

struct Overdue {
    invoice: Invoice,
    /// The invoice's state then.
    state: InvoiceState,
    buyer: Arc<Party>,
}

fn decide_due(view: &mut dyn View, receivable: Receivable, next: NaiveDate) -> Step<Due> {
    let mut state = receivable.state;
    let matures = matches!(state, ReceivableState::Issued | ReceivableState::Active);
    if matures {
        state = next_state(state, ReceivableEvent::Mature)?;
    }
    let mut overdue = None;
    if next > settlement::last_day_of_grace(&receivable) {
        state = next_state(state, ReceivableEvent::FallOverdue)?;
        let invoice = Invoice::load(view.conn(), receivable.invoice_id)?;
        let fallen = invoice::next_state(invoice.state, InvoiceEvent::FallOverdue)?;
        let buyer = view.party(receivable.buyer_id)?;
        // The operator gets a notice of it.
        store::parties::find_operator(view.conn())?.ok_or(Refusal::NotFound)?;
        overdue = Some(Overdue { invoice, state: fallen, buyer });
    }
    Ok(Due { receivable, state, matures, overdue })
}

/// A payout about which the bank has been silent for longer than is normal.
fn decide_silent(payout: Payout) -> Result<(Payout, InstructionState), Refusal> {
    // The notice to the company states its amount.
    crate::commands::currency(&payout.currency)?;
    let state = settlement_instruction::next_state(payout.state, InstructionEvent::FallSilent)?;
    Ok((payout, state))
}

impl Execute for CloseDay {
    const NAME: &'static str = "close_day";

    type Decision = Closable;

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<Closable> {
        if self.date < view.today() {
            return Err(Refusal::DayInPast { date: self.date }.into());
        }
        if self.date > view.today() {
            return Err(Refusal::DayNotReached { date: self.date }.into());
        }
        if let Some(asset) = store::verify::unbalanced_asset(view.conn())? {
            return Err(Refusal::BooksDoNotBalance { asset }.into());
        }
        let next = self.date.checked_add_days(Days::new(1)).unwrap_or(self.date);
        let ended = store::market::list_closed_offers(view.conn(), next)?;
        let mut due = Vec::new();
        for receivable in store::receivables::list_due_before_overdue(view.conn(), next)? {
            due.push(decide_due(view, receivable, next)?);
        }
        let silent = store::bank::list_silent_payouts(view.conn(), next)?;
        let silent = silent.into_iter().map(decide_silent).collect::<Result<_, _>>()?;
        Ok(Closable { next, ended, due, silent })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Closable) -> Applied<Done> {
        let Closable { next, ended, due, silent } = decision;
        // Fees that buyers bear are paid on the day that ends, so that its balances count them.
        let fees = programmes::collect_fees(batch, self.date)?;
        batch.flush()?;
        let (counted, seq, salts) = (batch.heads.last_transfer, batch.audit_seq(), store::log::salts_of(&batch.heads));
        let sums = store::sums::close_day(batch.conn, self.date, counted, seq, &salts)?;
        batch.wrote = true;
        let expired = close_offers(batch, ended)?;
        let (matured, overdue) = move_receivables(batch, due)?;
        let stopped = standing::refresh(batch, None, next)?;
        let silent = mark_silent(batch, silent)?;
        let unanswered = answer_clock::run(batch, next)?;
        // A price holds for its day only.
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

fn close_offers(batch: &mut Batch<'_>, ended: Vec<Offer>) -> Applied<usize> {
    let count = ended.len();
    for offer in ended {
        let arguments = json!({ "offer_id": offer.id });
        let (supplier, receivable) = (offer.supplier_id, offer.receivable_id);
        withdraw_offer::end_offer(batch, offer, OfferState::Expired)?;
        batch.notify(supplier, "offer_expired", &arguments, format!("/receivables/{receivable}"));
    }
    Ok(count)
}

/// The outcome of these payouts is unknown, and the platform sends nothing twice.
fn mark_silent(batch: &mut Batch<'_>, silent: Vec<(Payout, InstructionState)>) -> Applied<usize> {
    let count = silent.len();
    for (mut one, state) in silent {
        one.state = state;
        batch.update(&one)?;
        payout::tell(batch, &one, "payout_unknown")?;
    }
    Ok(count)
}

fn move_receivables(batch: &mut Batch<'_>, due: Vec<Due>) -> Applied<(usize, usize)> {
    let (mut matured, mut fallen) = (0_usize, 0_usize);
    for Due { mut receivable, state, matures, overdue } in due {
        if matures {
            programmes::bill_settlement(batch, &receivable)?;
            matured = matured.saturating_add(1);
            let arguments = json!({ "reference": receivable.reference });
            batch.notify(receivable.buyer_id, "payment_due", &arguments, format!("/payables/{}", receivable.invoice_id));
        }
        if let Some(overdue) = overdue {
            fallen = fallen.saturating_add(1);
            fall_overdue(batch, &receivable, overdue)?;
        }
        if state != receivable.state {
            receivable.state = state;
            batch.update(&receivable)?;
        }
    }
    Ok((matured, fallen))
}

fn fall_overdue(batch: &mut Batch<'_>, receivable: &Receivable, overdue: Overdue) -> Applied<()> {
    let Overdue { mut invoice, state, buyer } = overdue;
    invoice.state = state;
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
    // The operator gets one notice of it, with the debtor and the amount.
    let open_minor = receivable.confirmed_minor.saturating_sub(receivable.paid_minor).max(0);
    let arguments = json!({
        "reference": receivable.reference, "buyer": buyer.name, "open_minor": open_minor, "currency": receivable.currency,
    });
    reviews::notify_operator(batch, "payment_overdue", &arguments, format!("/receivables/{}", receivable.id))?;
    Ok(())
}
