//! The buyer answers without promising anything: the invoice is in process, under query, or rejected. The codes are those of the
//! Peppol Invoice Response.

use crate::batch::{Batch, Step};
use crate::commands::cases::reviews;
use crate::commands::invoices::answer_clock;
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Done, Execute, prose};
use crate::view::View;
use domain::Refusal;
use domain::answer::{AnswerCode, ReasonCode, decide_answer};
use domain::invoice::{InvoiceEvent, InvoiceState, next_state};
use domain::party::Capacity;
use kernel::{Blank, InvoiceId, MessageId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Invoice, InvoiceMessage};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AnswerInvoice {
    pub invoice_id: InvoiceId,
    /// `IP` in process, `UQ` under query, `RE` rejected (UNCL4343).
    pub answer: String,
    /// OPStatusReason, with `UQ` and `RE`.
    #[serde(default)]
    pub clarification: String,
    /// The text for the supplier; needed with `UQ` and `RE`.
    #[serde(default)]
    pub text: String,
}

/// Keeps what was said about an invoice.
pub fn insert_message(
    batch: &mut Batch<'_>,
    actor: &Actor,
    invoice_id: InvoiceId,
    (code, reason_code): (Blank<AnswerCode>, Blank<ReasonCode>),
    text: &str,
) -> Applied<MessageId> {
    let message = InvoiceMessage {
        id: batch.next_id(),
        invoice_id,
        party_id: actor.party_id,
        user_id: actor.user_id,
        code,
        reason_code,
        text: text.to_owned(),
        at: batch.now,
    };
    batch.insert(&message)?;
    Ok(message.id)
}

/// An answer that may be given.
pub struct Answer {
    invoice: Invoice,
    code: AnswerCode,
    clarification: Option<ReasonCode>,
    text: String,
    /// The invoice's state once it is rejected, where it is.
    rejected: Option<InvoiceState>,
}

impl Execute for AnswerInvoice {
    const NAME: &'static str = "answer_invoice";

    type Decision = Answer;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Answer> {
        view.acting_party(actor, Capacity::Buyer)?;
        let found = answer_clock::presented_to(view.conn(), actor.party_id, self.invoice_id)?;
        let invoice = found.ok_or(Refusal::NotFound)?;
        let code = decide_answer(&self.answer, &self.clarification, &self.text)?;
        // The decision has looked at it where it is needed.
        let clarification = if code == AnswerCode::InProcess { None } else { ReasonCode::parse(&self.clarification) };
        let text = prose(&self.text, "text", 500)?;
        let state = invoice.state;
        if !matches!(state, InvoiceState::Presented | InvoiceState::Disputed) {
            return Err(Refusal::StateConflict { state: state.to_string() }.into());
        }
        let rejects = code == AnswerCode::Rejected;
        let rejected = rejects.then(|| next_state(state, InvoiceEvent::Reject)).transpose()?;
        Ok(Answer { invoice, code, clarification, text, rejected })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Answer) -> Applied<Done> {
        let Answer { mut invoice, code, clarification, text, rejected } = decision;
        if let Some(rejected) = rejected {
            invoice.state = rejected;
            invoice.reason.clone_from(&text);
            batch.update(&invoice)?;
            reviews::release(batch, invoice.id)?;
            second_person::end_confirmations(batch, invoice.id, InvoiceState::Rejected)?;
        }
        let message_id = insert_message(batch, actor, invoice.id, (code.into(), Blank(clarification)), &text)?;
        let arguments = json!({ "number": invoice.number, "answer": code.name(), "text": text });
        batch.notify(invoice.supplier_id, "invoice_answered", &arguments, format!("/invoices/{}", invoice.id));
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id, "message_id": message_id })))
    }
}
