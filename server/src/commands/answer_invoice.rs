//! The buyer answers without promising anything: the invoice is in process, under query, or rejected. The codes are those of the
//! Peppol Invoice Response.

use super::{Actor, Done, Execute, answer_clock, prose, reviews, second_person, settlement};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::answer::{AnswerCode, decide_answer};
use domain::invoice::{InvoiceEvent, InvoiceState, next_state};
use domain::party::Capacity;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::InvoiceMessage;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AnswerInvoice {
    pub invoice_id: i64,
    /// `IP` in process, `UQ` under query, `RE` rejected (UNCL4343).
    pub answer: String,
    /// OPStatusReason, with `UQ` and `RE`.
    #[serde(default)]
    pub clarification: String,
    /// What the supplier reads; needed with `UQ` and `RE`.
    #[serde(default)]
    pub text: String,
}

/// Keeps what was said about an invoice.
pub fn insert_message(
    batch: &mut Batch<'_>,
    actor: &Actor,
    invoice_id: i64,
    (code, reason_code): (&str, &str),
    text: &str,
) -> Step<i64> {
    let message = InvoiceMessage {
        id: batch.next_id(),
        invoice_id,
        party_id: actor.party_id,
        user_id: actor.user_id,
        code: code.to_owned(),
        reason_code: reason_code.to_owned(),
        text: text.to_owned(),
        at: batch.now,
    };
    batch.insert(&message)?;
    Ok(message.id)
}

impl Execute for AnswerInvoice {
    const NAME: &'static str = "answer_invoice";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Buyer)?;
        let found = answer_clock::presented_to(batch.conn, actor.party_id, self.invoice_id)?;
        let mut invoice = found.ok_or(Refusal::NotFound)?;
        let answer = decide_answer(&self.answer, &self.clarification, &self.text)?;
        let text = prose(&self.text, "text", 500)?;
        let state = InvoiceState::parse(&invoice.state).ok_or_else(|| settlement::corrupt("state of invoice", invoice.id))?;
        if !matches!(state, InvoiceState::Presented | InvoiceState::Disputed) {
            return Err(Refusal::StateConflict { state: invoice.state }.into());
        }
        if answer == AnswerCode::Rejected {
            invoice.state = next_state(state, InvoiceEvent::Reject)?.name().to_owned();
            invoice.reason.clone_from(&text);
            batch.update(&invoice)?;
            reviews::release(batch, invoice.id)?;
            second_person::end_confirmations(batch, invoice.id, InvoiceState::Rejected)?;
        }
        let reason_code = if answer == AnswerCode::InProcess { "" } else { self.clarification.as_str() };
        let message_id = insert_message(batch, actor, invoice.id, (answer.name(), reason_code), &text)?;
        let arguments = json!({ "number": invoice.number, "answer": answer.name(), "text": text });
        batch.notify(invoice.supplier_id, "invoice_answered", &arguments, format!("/invoices/{}", invoice.id));
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id, "message_id": message_id })))
    }
}
