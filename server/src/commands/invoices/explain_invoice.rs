//! The supplier explains an invoice that is under review; the person who decides the review reads it.

use crate::batch::{Batch, Step};
use crate::commands::cases::reviews;
use crate::commands::{Actor, Applied, Done, Execute, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::party::Capacity;
use kernel::{InvoiceId, ReviewId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::records::Keyed;
use store::{Invoice, Party, Review, invoices};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExplainInvoice {
    pub invoice_id: InvoiceId,
    pub statement: String,
}

/// The statement, and the invoice and open reviews beside which it is kept.
pub struct Explanation {
    supplier: Arc<Party>,
    invoice: Invoice,
    statement: String,
    open: Vec<Review>,
    first: ReviewId,
}

impl Execute for ExplainInvoice {
    const NAME: &'static str = "explain_invoice";

    type Decision = Explanation;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Explanation> {
        let supplier = view.acting_party(actor, Capacity::Supplier)?;
        let found = Invoice::find(view.conn(), self.invoice_id)?.filter(|row| row.supplier_id == actor.party_id);
        let invoice = found.ok_or(Refusal::NotFound)?;
        let statement = required_prose(&self.statement, "statement", 2_000)?;
        let open = invoices::list_open_reviews(view.conn(), invoice.id)?;
        let Some(first) = open.first().map(|row| row.id) else { return Err(Refusal::ReviewDecided.into()) };
        Ok(Explanation { supplier, invoice, statement, open, first })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Explanation) -> Applied<Done> {
        let Explanation { supplier, invoice, statement, open, first } = decision;
        for mut row in open {
            row.statement.clone_from(&statement);
            batch.update(&row)?;
        }
        let arguments = json!({ "number": invoice.number, "supplier": supplier.name });
        reviews::notify_operator(batch, "review_explained", &arguments, format!("/ops/reviews/{first}"))?;
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id })))
    }
}
