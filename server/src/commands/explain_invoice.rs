//! The supplier says what it has to say about an invoice that is under review; whoever decides reads it.

use super::{Actor, Done, Execute, required_prose, reviews};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::party::Capacity;
use kernel::InvoiceId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Invoice, invoices};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExplainInvoice {
    pub invoice_id: InvoiceId,
    pub statement: String,
}

impl Execute for ExplainInvoice {
    const NAME: &'static str = "explain_invoice";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let supplier = batch.acting_party(actor, Capacity::Supplier)?;
        let found = Invoice::find(batch.conn, self.invoice_id)?.filter(|row| row.supplier_id == actor.party_id);
        let invoice = found.ok_or(Refusal::NotFound)?;
        let statement = required_prose(&self.statement, "statement", 2_000)?;
        let open = invoices::list_open_reviews(batch.conn, invoice.id)?;
        let Some(first) = open.first().map(|row| row.id) else { return Err(Refusal::ReviewDecided.into()) };
        for mut row in open {
            row.statement.clone_from(&statement);
            batch.update(&row)?;
        }
        let arguments = json!({ "number": invoice.number, "supplier": supplier.name });
        reviews::notify_operator(batch, "review_explained", &arguments, format!("/ops/reviews/{first}"))?;
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id })))
    }
}
