//! The clock of a presented invoice: it starts, sends reminders, and ends a presentation that the buyer did not answer.

use crate::batch::Batch;
use crate::commands::Applied;
use crate::commands::kit::second_person;
use crate::commands::receivables::settlement;
use crate::view::View;
use chrono::NaiveDate;
use domain::answer::window;
use domain::invoice::{InvoiceEvent, InvoiceState, next_state};
use kernel::{InvoiceId, PartyId};
use serde_json::json;
use store::records::Keyed;
use store::{AnswerClock, Conn, Invoice, StoreError, invoices};

/// The invoice, if it was ever presented to this buyer: then the buyer sees it in any later state.
pub fn presented_to(conn: &mut Conn, buyer_id: PartyId, invoice_id: InvoiceId) -> Result<Option<Invoice>, StoreError> {
    let found = Invoice::find(conn, invoice_id)?.filter(|row| row.buyer_id == buyer_id);
    Ok(if AnswerClock::find(conn, invoice_id)?.is_some() { found } else { None })
}

/// Starts the clock, or starts it anew.
pub fn start(batch: &mut Batch<'_>, invoice: &Invoice) -> Applied<()> {
    let (remind_on, answer_by) = window(batch.today(), invoice.due_date);
    let clock = AnswerClock { id: invoice.id, remind_on, answer_by, reminded: 0 };
    if AnswerClock::find(batch.conn, invoice.id)?.is_some() {
        batch.update(&clock)?;
    } else {
        batch.insert(&clock)?;
    }
    Ok(())
}

/// Sends reminders for answers that are due soon, and ends presentations without an answer, as of the day that begins. Returns
/// the number that ended.
pub fn run(batch: &mut Batch<'_>, next: NaiveDate) -> Applied<usize> {
    let mut ended = 0_usize;
    for mut clock in invoices::list_due_clocks(batch.conn, next)? {
        let mut invoice = Invoice::load(batch.conn, clock.id)?;
        let arguments = json!({ "number": invoice.number, "answer_by": clock.answer_by });
        if clock.answer_by < next {
            // Only what is still presented has a clock that is due.
            let expired = next_state(invoice.state, InvoiceEvent::Expire);
            invoice.state = expired.map_err(|_| settlement::corrupt("state of presented invoice", invoice.id))?;
            batch.update(&invoice)?;
            second_person::end_confirmations(batch, invoice.id, InvoiceState::Expired)?;
            ended = ended.saturating_add(1);
            batch.notify(invoice.supplier_id, "invoice_expired", &arguments, format!("/invoices/{}", invoice.id));
            batch.notify(invoice.buyer_id, "invoice_expired", &arguments, format!("/payables/{}", invoice.id));
            continue;
        }
        // Once when it becomes close, and once on the last day.
        let wanted = if clock.answer_by == next { 2 } else { 1 };
        if clock.reminded < wanted {
            clock.reminded = wanted;
            batch.update(&clock)?;
            batch.notify(invoice.buyer_id, "answer_wanted", &arguments, format!("/payables/{}", invoice.id));
        }
    }
    Ok(ended)
}
