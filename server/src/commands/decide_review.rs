//! The operator decides what the rules against financing twice have stopped: it may go on, or it may not.

use super::{Actor, Ask, Done, Execute, links, required_prose, reviews, second_person};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::invoice::{InvoiceEvent, InvoiceState, next_state};
use domain::party::Capacity;
use domain::review::{ReviewState, decide, needs_two};
use kernel::ReviewId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Invoice, Review};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DecideReview {
    pub review_id: ReviewId,
    /// true: it may go on; false: it may not.
    pub clear: bool,
    /// What the supplier reads.
    pub reason: String,
}

impl DecideReview {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(Review, Invoice, ReviewState)> {
        batch.acting_party(actor, Capacity::Operator)?;
        let review = Review::find(batch.conn, self.review_id)?.ok_or(Refusal::NotFound)?;
        let next = decide(review.state, self.clear, &self.reason)?;
        required_prose(&self.reason, "reason", 500)?;
        let invoice = Invoice::load(batch.conn, review.invoice_id)?;
        Ok((review, invoice, next))
    }

    /// What is refused is out for good, unless the buyer has undertaken to pay it: then nothing more is made of it.
    fn reject(&self, batch: &mut Batch<'_>, invoice: &mut Invoice) -> Step<()> {
        let state = invoice.state;
        let Ok(next) = next_state(state, InvoiceEvent::Reject) else { return Ok(()) };
        invoice.state = next;
        self.reason.trim().clone_into(&mut invoice.reason);
        batch.update(invoice)?;
        reviews::release(batch, invoice.id)?;
        second_person::end_confirmations(batch, invoice.id, InvoiceState::Rejected)?;
        if state != InvoiceState::Draft {
            let arguments = json!({ "number": invoice.number });
            batch.notify(invoice.buyer_id, "invoice_rejected", &arguments, format!("/payables/{}", invoice.id));
        }
        Ok(())
    }
}

impl Execute for DecideReview {
    const NAME: &'static str = "decide_review";

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (_, invoice, _) = self.decide(batch, actor)?;
        let issued = store::receivables::find_receivable_of_invoice(batch.conn, invoice.id)?.is_some();
        Ok(needs_two(self.clear, issued).then(|| Ask {
            amount_minor: Some(invoice.payable_minor),
            currency: invoice.currency.clone(),
            subject: invoice.id.into(),
        }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut review, mut invoice, next) = self.decide(batch, actor)?;
        review.state = next;
        self.reason.trim().clone_into(&mut review.reason);
        review.decided_at = Some(batch.now);
        batch.update(&review)?;
        if next == ReviewState::Refused {
            self.reject(batch, &mut invoice)?;
        }
        reviews::refresh(batch, &mut invoice)?;
        let arguments = json!({ "number": invoice.number, "reason": review.reason });
        let kind = if self.clear { "review_cleared" } else { "review_refused" };
        batch.notify(invoice.supplier_id, kind, &arguments, format!("/invoices/{}", invoice.id));
        let mut body = json!({ "review_id": review.id, "invoice_id": invoice.id, "clear": self.clear, "review": invoice.review });
        // The link that was out ended when the review was opened.
        if let (Some(sent), Some(map)) = (links::send_after_review(batch, &invoice)?, body.as_object_mut()) {
            map.insert("link_sent".to_owned(), json!(sent));
        }
        Ok(Done::new(invoice.id, body))
    }
}
