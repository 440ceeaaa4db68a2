//! The supplier takes back an invoice that was not confirmed; its number is free again.

use crate::batch::{Batch, Step};
use crate::commands::cases::reviews;
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::invoice::{InvoiceEvent, InvoiceState, next_state};
use domain::party::Capacity;
use kernel::InvoiceId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Invoice;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WithdrawInvoice {
    pub invoice_id: InvoiceId,
}

impl Execute for WithdrawInvoice {
    const NAME: &'static str = "withdraw_invoice";

    /// The invoice, and its state once it is withdrawn.
    type Decision = (Invoice, InvoiceState);

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<(Invoice, InvoiceState)> {
        view.acting_party(actor, Capacity::Supplier)?;
        let found = Invoice::find(view.conn(), self.invoice_id)?.filter(|row| row.supplier_id == actor.party_id);
        let invoice = found.ok_or(Refusal::NotFound)?;
        let withdrawn = next_state(invoice.state, InvoiceEvent::Withdraw)?;
        Ok((invoice, withdrawn))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: (Invoice, InvoiceState)) -> Applied<Done> {
        let (mut invoice, withdrawn) = decision;
        let state = invoice.state;
        invoice.state = withdrawn;
        batch.update(&invoice)?;
        reviews::release(batch, invoice.id)?;
        second_person::end_confirmations(batch, invoice.id, InvoiceState::Withdrawn)?;
        if state != InvoiceState::Draft {
            let arguments = json!({ "number": invoice.number });
            batch.notify(invoice.buyer_id, "invoice_withdrawn", &arguments, format!("/payables/{}", invoice.id));
        }
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id })))
    }
}
