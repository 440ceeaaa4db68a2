//! The supplier offers fractions at a fixed rate: a hold on its own units.

use crate::batch::{Batch, Step};
use crate::commands::cases::reviews;
use crate::commands::market::buy_fractions::fee_terms;
use crate::commands::receivables::acknowledge_assignment::{DueNotice, apply_notice, decide_notice};
use crate::commands::{Actor, Applied, Asks, Done, Execute};
use crate::view::View;
use chrono::NaiveDate;
use domain::chart::{self, AccountKey};
use domain::invoice::{self, InvoiceEvent, InvoiceState};
use domain::offering::{OfferFacts, OfferState, decide_offer};
use domain::party::Capacity;
use domain::pricing::{self, Method, PriceTerms, Quote};
use domain::receivable::ReceivableState;
use domain::{DayCount, Refusal};
use kernel::{PartyId, ReceivableId};
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

/// An offer that the rules allow.
pub struct Offerable {
    receivable: Receivable,
    /// The receivable's state once it is offered.
    accepted: ReceivableState,
    method: Method,
    day_count: DayCount,
    invoice: Invoice,
    next: Next,
}

enum Next {
    /// Its invoice looks like another one by now: a person decides first.
    Review(Vec<reviews::Finding>),
    /// The invoice's state from then on, and the notice of assignment that its buyer is still to get.
    Assign(InvoiceState, Option<Box<DueNotice>>),
}

impl CreateOffer {
    /// The receivable, if it is this supplier's own.
    fn receivable(&self, view: &mut dyn View, supplier: PartyId) -> Step<Receivable> {
        let found = Receivable::find(view.conn(), self.receivable_id)?.filter(|row| row.supplier_id == supplier);
        Ok(found.ok_or(Refusal::NotFound)?)
    }

    /// The price terms that the offer would have.
    pub fn price_terms(&self, receivable: &Receivable) -> Result<PriceTerms, Refusal> {
        let field = |name: &str| Refusal::FieldInvalid { field: name.to_owned() };
        Ok(PriceTerms {
            method: Method::parse(&self.method).ok_or_else(|| field("method"))?,
            rate: self.rate.parse().map_err(|_| field("rate"))?,
            day_count: DayCount::parse(&self.day_count).ok_or_else(|| field("day_count"))?,
            due_date: receivable.payment_date,
            fee: fee_terms(receivable),
            settlement: receivable.settlement_fee(),
        })
    }
}

/// The price of the whole offer, bought today.
pub fn quote(view: &mut dyn View, supplier: PartyId, wish: &CreateOffer) -> Step<Quote> {
    let receivable = wish.receivable(view, supplier)?;
    Ok(pricing::quote(wish.units_minor, &wish.price_terms(&receivable)?, view.today())?)
}

impl Execute for CreateOffer {
    const NAME: &'static str = "create_offer";

    type Decision = Offerable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Offerable> {
        view.acting_party(actor, Capacity::Supplier)?;
        let receivable = self.receivable(view, actor.party_id)?;
        let (balance_minor, available_minor) = view.balance(AccountKey::holding(actor.party_id, receivable.id.into()))?;
        let accepted = decide_offer(&OfferFacts {
            state: receivable.state,
            standing: view.buyer_standing(receivable.buyer_id)?,
            being_shared: store::distributions::is_open(view.conn(), receivable.id)?,
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
            today: view.today(),
        })?;
        let PriceTerms { method, day_count, .. } = self.price_terms(&receivable)?;
        let invoice = Invoice::load(view.conn(), receivable.invoice_id)?;
        let fresh = reviews::look_again(view.conn(), &invoice)?;
        let next = if fresh.is_empty() {
            let state = invoice::next_state(invoice.state, InvoiceEvent::Assign)?;
            let is_first = state != invoice.state;
            let notice = if is_first { decide_notice(view.conn(), &receivable, &invoice)? } else { None };
            Next::Assign(state, notice.map(Box::new))
        } else {
            Next::Review(fresh)
        };
        Ok(Offerable { receivable, accepted, method, day_count, invoice, next })
    }

    fn asks(&self, _view: &mut dyn View, _actor: &Actor, decision: &Offerable) -> Step<Asks> {
        let amounts = vec![(decision.receivable.currency.clone(), self.units_minor)];
        Ok(Asks::Above { amounts, subject: decision.receivable.id.into() })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Offerable) -> Applied<Done> {
        let Offerable { mut receivable, accepted, method, day_count, mut invoice, next } = decision;
        let (assigned, notice) = match next {
            Next::Review(fresh) => {
                reviews::hold_again(batch, &mut invoice, &fresh)?;
                return Ok(Done::new(receivable.id, json!({ "receivable_id": receivable.id, "review": "open" })));
            }
            Next::Assign(state, notice) => (state, notice),
        };
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
            if let Some(notice) = notice {
                apply_notice(batch, &receivable, &invoice, *notice)?;
            }
        }
        Ok(Done::new(
            receivable.id,
            json!({ "offer_id": offer.id, "receivable_id": receivable.id, "currency": receivable.currency }),
        ))
    }
}
