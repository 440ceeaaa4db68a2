//! The operator, or the supplier of the invoice, has a link mailed to the buyer's contact once more. The supplier learns neither
//! the address nor any other fact about the contact.

use crate::batch::{Batch, Step};
use crate::commands::confirmations::links;
use crate::commands::invoices::answer_clock;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::link::{MOST_LINKS_A_DAY, acts_in};
use domain::party::{Capacity, PartyStatus};
use domain::review::ReviewState;
use kernel::InvoiceId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{BuyerContact, Invoice, confirmations};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SendLink {
    pub invoice_id: InvoiceId,
}

impl Execute for SendLink {
    const NAME: &'static str = "send_link";

    type Decision = (Invoice, BuyerContact);

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Self::Decision> {
        let party = view.party(actor.party_id)?;
        if party.status != PartyStatus::Active {
            return Err(Refusal::CompanyNotActive.into());
        }
        let operates = party.capacities.has(Capacity::Operator);
        let found = Invoice::find(view.conn(), self.invoice_id)?.filter(|row| operates || row.supplier_id == party.id);
        let invoice = found.ok_or(Refusal::NotFound)?;
        if acts_in(invoice.state).is_empty() || answer_clock::presented_to(view.conn(), invoice.buyer_id, invoice.id)?.is_none() {
            return Err(Refusal::StateConflict { state: invoice.state.to_string() }.into());
        }
        if invoice.review == ReviewState::Open {
            return Err(Refusal::UnderReview.into());
        }
        let contact = confirmations::find_active_contact(view.conn(), invoice.buyer_id)?.ok_or(Refusal::ContactMissing)?;
        let now = view.now();
        if !links::may_send(view.conn(), invoice.id, now)? {
            return Err(Refusal::TooManyLinks { most: MOST_LINKS_A_DAY }.into());
        }
        Ok((invoice, contact))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Self::Decision) -> Applied<Done> {
        let (invoice, contact) = decision;
        let link_id = links::send(batch, &invoice, &contact)?;
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id, "link_id": link_id })))
    }
}
