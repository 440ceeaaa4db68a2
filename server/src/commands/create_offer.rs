//! The supplier offers fractions at a fixed rate: a hold on its own units.

use super::{Actor, Ask, Done, Execute, acknowledge_assignment, reviews, second_person};
use crate::batch::{Batch, Step};
use chrono::NaiveDate;
use domain::chart::{self, AccountKey};
use domain::invoice::{self, InvoiceEvent};
use domain::offering::{OfferFacts, OfferState, decide_offer};
use domain::party::Capacity;
use domain::pricing::Method;
use domain::receivable::ReceivableState;
use domain::{DayCount, Refusal};
use kernel::ReceivableId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Invoice, Offer, Receivable};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CreateOffer {
    pub receivable_id: ReceivableId,
    /// Face to offer, minor units.
    pub units_minor: i64,
    /// Percent a year, as a decimal: "5.25".
    pub rate: String,
    /// "discount" or "yield".
    pub method: String,
    /// "ACT/360", "ACT/365F" or "30E/360".
    pub day_count: String,
    pub minimum_ticket_minor: i64,
    /// Last business date on which it can be bought.
    pub close_date: NaiveDate,
}

impl CreateOffer {
    /// The receivable, and its state once it is offered.
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(Receivable, ReceivableState)> {
        batch.acting_party(actor, Capacity::Supplier)?;
        let found = Receivable::find(batch.conn, self.receivable_id)?.filter(|row| row.supplier_id == actor.party_id);
        let receivable = found.ok_or(Refusal::NotFound)?;
        let (balance_minor, available_minor) = batch.balance(AccountKey::holding(actor.party_id, receivable.id.into()))?;
        let accepted = decide_offer(&OfferFacts {
            state: receivable.state,
            standing: batch.buyer_standing(receivable.buyer_id)?,
            being_shared: store::distributions::is_open(batch.conn, receivable.id)?,
            units_minor: self.units_minor,
            available_minor,
            // Nothing but offers holds a supplier's units.
            on_offer_minor: balance_minor.saturating_sub(available_minor),
            kept_minor: receivable.kept_minor(),
            rate: &self.rate,
            method: &self.method,
            day_count: &self.day_count,
            minimum_ticket_minor: self.minimum_ticket_minor,
            terms_minimum_minor: receivable.minimum_ticket_minor,
            close_date: self.close_date,
            due_date: receivable.payment_date,
            held: receivable.held,
            today: batch.today(),
        })?;
        Ok((receivable, accepted))
    }
}

impl Execute for CreateOffer {
    const NAME: &'static str = "create_offer";

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (receivable, _) = self.decide(batch, actor)?;
        second_person::weigh(batch, actor, &[(&receivable.currency, self.units_minor)], receivable.id)
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut receivable, accepted) = self.decide(batch, actor)?;
        let field = |name: &str| Refusal::FieldInvalid { field: name.to_owned() };
        let method = Method::parse(&self.method).ok_or_else(|| field("method"))?;
        let day_count = DayCount::parse(&self.day_count).ok_or_else(|| field("day_count"))?;
        let mut invoice = Invoice::load(batch.conn, receivable.invoice_id)?;
        if reviews::check_again(batch, &mut invoice)? {
            return Ok(Done::new(receivable.id, json!({ "receivable_id": receivable.id, "review": "open" })));
        }
        let assigned = invoice::next_state(invoice.state, InvoiceEvent::Assign)?;
        let (hold_number, _) = batch.post(&chart::offer(actor.party_id, receivable.id.into(), self.units_minor))?;
        let offer = Offer {
            id: batch.next_id(),
            receivable_id: receivable.id,
            supplier_id: actor.party_id,
            units_minor: self.units_minor,
            left_minor: self.units_minor,
            rate: self.rate.clone(),
            method,
            day_count,
            minimum_ticket_minor: self.minimum_ticket_minor,
            close_date: self.close_date,
            state: OfferState::Open,
            hold_number: hold_number.into(),
            created_at: batch.now,
            reserved_minor: 0,
        };
        batch.insert(&offer)?;
        if receivable.state != accepted {
            receivable.state = accepted;
            batch.update(&receivable)?;
        }
        if assigned != invoice.state {
            invoice.state = assigned;
            batch.update(&invoice)?;
            acknowledge_assignment::give(batch, &receivable, &invoice)?;
        }
        Ok(Done::new(
            receivable.id,
            json!({ "offer_id": offer.id, "receivable_id": receivable.id, "currency": receivable.currency }),
        ))
    }
}
