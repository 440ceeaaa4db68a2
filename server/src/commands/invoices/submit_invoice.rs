//! A person at the supplier has looked at the fields and presents the invoice to its buyer.

use crate::batch::{Batch, Step};
use crate::commands::cases::reviews;
use crate::commands::confirmations::advance;
use crate::commands::confirmations::links;
use crate::commands::invoices::answer_clock;
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use chrono::NaiveDate;
use domain::Refusal;
use domain::invoice::{InvoiceEvent, InvoiceState, decide_submission, next_state};
use domain::party::{Capacity, PartyStatus};
use domain::review::ReviewState;
use kernel::InvoiceId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::records::Keyed;
use store::{Conn, Invoice, Party};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SubmitInvoice {
    pub invoice_id: InvoiceId,
    /// The due date, where the file has none and the supplier knows it; otherwise it stays what the file says. Without one the
    /// buyer's confirmation fixes it.
    #[serde(default)]
    pub due_date: Option<NaiveDate>,
}

/// An invoice that may be presented.
pub struct Presentable {
    supplier: Arc<Party>,
    invoice: Invoice,
    next: Next,
}

enum Next {
    /// It looks like another one by now: a person decides first.
    Review(Vec<reviews::Finding>),
    Present(Box<Presented>),
}

struct Presented {
    /// The invoice's state and due date once it is presented.
    state: InvoiceState,
    due_date: Option<NaiveDate>,
    /// An invoice that the buyer has approved in advance needs no second answer.
    approved: Option<advance::Fitting>,
    /// The invoice whose place it takes, and that one's state then.
    superseded: Option<(Invoice, InvoiceState)>,
}

/// The invoice that a replacement names, unless the buyer has undertaken to pay it: the replacement takes its place.
fn find_superseded(conn: &mut Conn, invoice: &Invoice) -> Step<Option<(Invoice, InvoiceState)>> {
    let named = reviews::find_replaced(conn, invoice)?.and_then(Result::ok);
    let Some(named) = named.filter(|named| reviews::is_replaceable(named.state)) else { return Ok(None) };
    let withdrawn = next_state(named.state, InvoiceEvent::Withdraw)?;
    Ok(Some((named, withdrawn)))
}

fn supersede(batch: &mut Batch<'_>, invoice: &Invoice, (mut named, withdrawn): (Invoice, InvoiceState)) -> Applied<()> {
    let state = named.state;
    named.state = withdrawn;
    named.reason.clone_from(&invoice.number);
    batch.update(&named)?;
    reviews::release(batch, named.id)?;
    second_person::end_confirmations(batch, named.id, InvoiceState::Withdrawn)?;
    if state != InvoiceState::Draft {
        let arguments = json!({ "number": named.number });
        batch.notify(named.buyer_id, "invoice_withdrawn", &arguments, format!("/payables/{}", named.id));
    }
    Ok(())
}

impl Execute for SubmitInvoice {
    const NAME: &'static str = "submit_invoice";

    type Decision = Presentable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Presentable> {
        let supplier = view.acting_party(actor, Capacity::Supplier)?;
        let found = Invoice::find(view.conn(), self.invoice_id)?.filter(|row| row.supplier_id == actor.party_id);
        let invoice = found.ok_or(Refusal::NotFound)?;
        if invoice.review == ReviewState::Open {
            return Err(Refusal::UnderReview.into());
        }
        let due_date = invoice.due_date.or(self.due_date);
        let state = decide_submission(invoice.state, invoice.issue_date, due_date, view.today())?;
        let buyer = view.party(invoice.buyer_id)?;
        if buyer.status != PartyStatus::Active {
            return Err(Refusal::BuyerUnknown.into());
        }
        let fresh = reviews::look_again(view.conn(), &invoice)?;
        let next = if fresh.is_empty() {
            let approved = advance::find(view, &Invoice { due_date, ..invoice.clone() })?;
            let superseded = find_superseded(view.conn(), &invoice)?;
            Next::Present(Box::new(Presented { state, due_date, approved, superseded }))
        } else {
            Next::Review(fresh)
        };
        Ok(Presentable { supplier, invoice, next })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Presentable) -> Applied<Done> {
        let Presentable { supplier, mut invoice, next } = decision;
        let Presented { state, due_date, approved, superseded } = match next {
            Next::Review(fresh) => {
                reviews::hold_again(batch, &mut invoice, &fresh)?;
                return Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id, "review": "open" })));
            }
            Next::Present(presented) => *presented,
        };
        if let Some(superseded) = superseded {
            supersede(batch, &invoice, superseded)?;
        }
        invoice.due_date = due_date;
        invoice.state = state;
        batch.update(&invoice)?;
        answer_clock::start(batch, &invoice)?;
        if let Some(found) = approved {
            return advance::confirm(batch, found, invoice);
        }
        links::send_if_rare(batch, &invoice)?;
        let arguments = json!({ "number": invoice.number, "supplier": supplier.name });
        batch.notify(invoice.buyer_id, "invoice_presented", &arguments, format!("/payables/{}", invoice.id));
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id })))
    }
}
