//! A person at the supplier has looked at the fields and presents the invoice to its buyer.

use super::{Actor, Done, Execute, advance, answer_clock, links, reviews, second_person};
use crate::batch::{Batch, Step};
use chrono::NaiveDate;
use domain::Refusal;
use domain::invoice::{InvoiceEvent, InvoiceState, decide_submission, next_state};
use domain::party::{Capacity, PartyStatus};
use domain::review::ReviewState;
use kernel::InvoiceId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Invoice;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SubmitInvoice {
    pub invoice_id: InvoiceId,
    /// The due date, where the file has none and the supplier knows it; otherwise it stays what the file says. Without one the
    /// buyer's confirmation fixes it.
    #[serde(default)]
    pub due_date: Option<NaiveDate>,
}

/// A replacement takes the place of what it names, if nobody has undertaken to pay that.
fn supersede(batch: &mut Batch<'_>, invoice: &Invoice) -> Step<()> {
    let Some(Ok(mut named)) = reviews::find_replaced(&mut *batch.conn, invoice)? else { return Ok(()) };
    let state = named.state;
    if reviews::is_replaceable(state) {
        named.state = next_state(state, InvoiceEvent::Withdraw)?;
        named.reason.clone_from(&invoice.number);
        batch.update(&named)?;
        reviews::release(batch, named.id)?;
        second_person::end_confirmations(batch, named.id, InvoiceState::Withdrawn)?;
        if state != InvoiceState::Draft {
            let arguments = json!({ "number": named.number });
            batch.notify(named.buyer_id, "invoice_withdrawn", &arguments, format!("/payables/{}", named.id));
        }
    }
    Ok(())
}

impl Execute for SubmitInvoice {
    const NAME: &'static str = "submit_invoice";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Supplier)?;
        let found = Invoice::find(batch.conn, self.invoice_id)?.filter(|row| row.supplier_id == actor.party_id);
        let mut invoice = found.ok_or(Refusal::NotFound)?;
        if invoice.review == ReviewState::Open {
            return Err(Refusal::UnderReview.into());
        }
        let due_date = invoice.due_date.or(self.due_date);
        let next = decide_submission(invoice.state, invoice.issue_date, due_date, batch.today())?;
        let buyer = batch.party(invoice.buyer_id)?;
        if buyer.status != PartyStatus::Active {
            return Err(Refusal::BuyerUnknown.into());
        }
        if reviews::check_again(batch, &mut invoice)? {
            return Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id, "review": "open" })));
        }
        let approved = advance::find(batch, &Invoice { due_date, ..invoice.clone() })?;
        supersede(batch, &invoice)?;
        invoice.due_date = due_date;
        invoice.state = next;
        batch.update(&invoice)?;
        answer_clock::start(batch, &invoice)?;
        // What the buyer has approved in advance needs no second answer.
        if let Some(entry) = approved {
            return advance::confirm(batch, entry, invoice);
        }
        links::send_if_rare(batch, &invoice)?;
        let supplier = batch.party(actor.party_id)?;
        let arguments = json!({ "number": invoice.number, "supplier": supplier.name });
        batch.notify(invoice.buyer_id, "invoice_presented", &arguments, format!("/payables/{}", invoice.id));
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id })))
    }
}
