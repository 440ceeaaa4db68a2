//! The buyer takes its dispute back: the invoice waits for an answer again.

use crate::batch::{Batch, Step};
use crate::commands::confirmations::links;
use crate::commands::invoices::answer_clock;
use crate::commands::invoices::answer_invoice::insert_message;
use crate::commands::{Actor, Applied, Done, Execute, prose};
use crate::view::View;
use domain::Refusal;
use domain::answer::AnswerCode;
use domain::invoice::{InvoiceEvent, InvoiceState, next_state};
use domain::party::Capacity;
use kernel::{Blank, InvoiceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Invoice;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SettleDispute {
    pub invoice_id: InvoiceId,
    /// How it was settled; the supplier sees it.
    #[serde(default)]
    pub text: String,
}

/// A dispute that may be taken back.
pub struct Settled {
    invoice: Invoice,
    text: String,
    /// The invoice's state once it is settled.
    state: InvoiceState,
}

impl Execute for SettleDispute {
    const NAME: &'static str = "settle_dispute";

    type Decision = Settled;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Settled> {
        view.acting_party(actor, Capacity::Buyer)?;
        let found = answer_clock::presented_to(view.conn(), actor.party_id, self.invoice_id)?;
        let invoice = found.ok_or(Refusal::NotFound)?;
        let text = prose(&self.text, "text", 500)?;
        let state = next_state(invoice.state, InvoiceEvent::Settle)?;
        Ok(Settled { invoice, text, state })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Settled) -> Applied<Done> {
        let Settled { mut invoice, text, state } = decision;
        invoice.state = state;
        invoice.reason.clear();
        batch.update(&invoice)?;
        // Links to the disputed invoice do not confirm the presented one.
        links::end(batch, invoice.id, invoice.state.name())?;
        answer_clock::start(batch, &invoice)?;
        links::send_if_rare(batch, &invoice)?;
        insert_message(batch, actor, invoice.id, (AnswerCode::InProcess.into(), Blank::NONE), &text)?;
        let arguments = json!({ "number": invoice.number, "text": text });
        batch.notify(invoice.supplier_id, "dispute_settled", &arguments, format!("/invoices/{}", invoice.id));
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id })))
    }
}
