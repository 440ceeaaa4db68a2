//! The operator decides about an invoice or credit note that the rules against financing twice have stopped: it may go on or not.

use crate::batch::{Batch, Step};
use crate::commands::cases::reviews;
use crate::commands::confirmations::links;
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, required_prose};
use crate::view::View;
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
    /// The text for the supplier.
    pub reason: String,
}

/// The decision about a review.
pub struct DecidedReview {
    review: Review,
    invoice: Invoice,
    next: ReviewState,
    reason: String,
    /// A refused invoice is out for good, unless the buyer has undertaken to pay it: then it cannot be offered or bought.
    rejected: Option<InvoiceState>,
}

fn reject(batch: &mut Batch<'_>, invoice: &mut Invoice, (rejected, reason): (InvoiceState, &str)) -> Applied<()> {
    let state = invoice.state;
    invoice.state = rejected;
    reason.clone_into(&mut invoice.reason);
    batch.update(invoice)?;
    reviews::release(batch, invoice.id)?;
    second_person::end_confirmations(batch, invoice.id, InvoiceState::Rejected)?;
    if state != InvoiceState::Draft {
        let arguments = json!({ "number": invoice.number });
        batch.notify(invoice.buyer_id, "invoice_rejected", &arguments, format!("/payables/{}", invoice.id));
    }
    Ok(())
}

impl Execute for DecideReview {
    const NAME: &'static str = "decide_review";

    type Decision = DecidedReview;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<DecidedReview> {
        view.acting_party(actor, Capacity::Operator)?;
        let review = Review::find(view.conn(), self.review_id)?.ok_or(Refusal::NotFound)?;
        let next = decide(review.state, self.clear, &self.reason)?;
        let reason = required_prose(&self.reason, "reason", 500)?;
        let invoice = Invoice::load(view.conn(), review.invoice_id)?;
        let refused = next == ReviewState::Refused;
        let rejected = next_state(invoice.state, InvoiceEvent::Reject).ok().filter(|_| refused);
        Ok(DecidedReview { review, invoice, next, reason, rejected })
    }

    fn asks(&self, view: &mut dyn View, _actor: &Actor, decision: &DecidedReview) -> Step<Asks> {
        let invoice = &decision.invoice;
        let issued = store::receivables::find_receivable_of_invoice(view.conn(), invoice.id)?.is_some();
        if !needs_two(self.clear, issued) {
            return Ok(Asks::Nobody);
        }
        let (amount_minor, currency) = (Some(invoice.payable_minor), invoice.currency.clone());
        Ok(Asks::Always(Ask { amount_minor, currency, subject: invoice.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: DecidedReview) -> Applied<Done> {
        let DecidedReview { mut review, mut invoice, next, reason, rejected } = decision;
        review.state = next;
        review.reason = reason;
        review.decided_at = Some(batch.now);
        batch.update(&review)?;
        if let Some(rejected) = rejected {
            reject(batch, &mut invoice, (rejected, &review.reason))?;
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
