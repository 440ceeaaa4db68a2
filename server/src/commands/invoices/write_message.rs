//! Supplier or buyer writes to the other about an invoice.

use crate::batch::{Batch, Step};
use crate::commands::invoices::answer_invoice::insert_message;
use crate::commands::{Actor, Applied, Done, Execute, required_prose};
use crate::view::View;
use domain::Refusal;
use kernel::{Blank, InvoiceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{AnswerClock, Invoice};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WriteMessage {
    pub invoice_id: InvoiceId,
    pub text: String,
}

impl Execute for WriteMessage {
    const NAME: &'static str = "write_message";

    /// The invoice, and the text as it is kept.
    type Decision = (Invoice, String);

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<(Invoice, String)> {
        let concerned = |row: &Invoice| row.supplier_id == actor.party_id || row.buyer_id == actor.party_id;
        let presented = AnswerClock::find(view.conn(), self.invoice_id)?.is_some();
        let found = Invoice::find(view.conn(), self.invoice_id)?.filter(|row| concerned(row) && presented);
        let invoice = found.ok_or(Refusal::NotFound)?;
        let text = required_prose(&self.text, "text", 1_000)?;
        Ok((invoice, text))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, (invoice, text): (Invoice, String)) -> Applied<Done> {
        let message_id = insert_message(batch, actor, invoice.id, (Blank::NONE, Blank::NONE), &text)?;
        let arguments = json!({ "number": invoice.number });
        let (other, page) = if invoice.supplier_id == actor.party_id {
            (invoice.buyer_id, "payables")
        } else {
            (invoice.supplier_id, "invoices")
        };
        batch.notify(other, "message_written", &arguments, format!("/{page}/{}", invoice.id));
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id, "message_id": message_id })))
    }
}
