//! The buyer disputes an invoice, with a reason that the supplier sees.

use crate::batch::{Batch, Step};
use crate::commands::invoices::answer_clock;
use crate::commands::invoices::answer_invoice::insert_message;
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Done, Execute, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::answer::{AnswerCode, ReasonCode};
use domain::invoice::{InvoiceEvent, InvoiceState, next_state};
use domain::party::Capacity;
use kernel::InvoiceId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Invoice;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DisputeInvoice {
    pub invoice_id: InvoiceId,
    pub reason: String,
    /// OPStatusReason; `OTH` when left out.
    #[serde(default)]
    pub clarification: String,
}

/// A dispute that may be raised.
pub struct Dispute {
    invoice: Invoice,
    reason: String,
    reason_code: ReasonCode,
    /// The invoice's state once it is disputed.
    disputed: InvoiceState,
}

impl Execute for DisputeInvoice {
    const NAME: &'static str = "dispute_invoice";

    type Decision = Dispute;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Dispute> {
        view.acting_party(actor, Capacity::Buyer)?;
        let found = answer_clock::presented_to(view.conn(), actor.party_id, self.invoice_id)?;
        let invoice = found.ok_or(Refusal::NotFound)?;
        if self.reason.trim().is_empty() {
            return Err(Refusal::ReasonMissing.into());
        }
        let reason = required_prose(&self.reason, "reason", 500)?;
        let code = if self.clarification.is_empty() { ReasonCode::Other.name() } else { self.clarification.as_str() };
        let reason_code = ReasonCode::parse(code).ok_or_else(|| Refusal::FieldInvalid { field: "clarification".to_owned() })?;
        let disputed = next_state(invoice.state, InvoiceEvent::Dispute)?;
        Ok(Dispute { invoice, reason, reason_code, disputed })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Dispute) -> Applied<Done> {
        let Dispute { mut invoice, reason, reason_code, disputed } = decision;
        invoice.state = disputed;
        invoice.reason.clone_from(&reason);
        batch.update(&invoice)?;
        insert_message(batch, actor, invoice.id, (AnswerCode::UnderQuery.into(), reason_code.into()), &reason)?;
        second_person::end_confirmations(batch, invoice.id, InvoiceState::Disputed)?;
        let arguments = json!({ "number": invoice.number, "reason": reason });
        batch.notify(invoice.supplier_id, "invoice_disputed", &arguments, format!("/invoices/{}", invoice.id));
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id })))
    }
}
