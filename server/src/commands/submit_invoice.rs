//! A person at the supplier has looked at the fields and presents the invoice to its buyer.

use super::{answer_clock, Actor, Done, Execute, settlement};
use crate::batch::{Batch, Step};
use chrono::NaiveDate;
use domain::Refusal;
use domain::invoice::{InvoiceState, decide_submission};
use domain::party::{Capacity, PartyStatus};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Invoice;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SubmitInvoice {
    pub invoice_id: i64,
    /// The due date, where the file has none; otherwise it stays what the file says.
    #[serde(default)]
    pub due_date: Option<NaiveDate>,
}

impl Execute for SubmitInvoice {
    const NAME: &'static str = "submit_invoice";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Supplier)?;
        let found = Invoice::find(batch.conn, self.invoice_id)?.filter(|row| row.supplier_id == actor.party_id);
        let mut invoice = found.ok_or(Refusal::NotFound)?;
        let state = InvoiceState::parse(&invoice.state).ok_or_else(|| settlement::corrupt("state of invoice", invoice.id))?;
        invoice.due_date = invoice.due_date.or(self.due_date);
        invoice.state = decide_submission(state, invoice.due_date, batch.today())?.name().to_owned();
        let buyer = batch.party(invoice.buyer_id)?;
        if buyer.status != PartyStatus::Active.name() {
            return Err(Refusal::BuyerUnknown.into());
        }
        batch.update(&invoice)?;
        answer_clock::start(batch, &invoice)?;
        let supplier = batch.party(actor.party_id)?;
        let arguments = json!({ "number": invoice.number, "supplier": supplier.name });
        batch.notify(invoice.buyer_id, "invoice_presented", &arguments, format!("/payables/{}", invoice.id));
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id })))
    }
}
