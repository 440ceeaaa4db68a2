//! A financier sets the most that it will hold of one buyer's receivables. To raise a limit takes a second person, where the
//! company has one who could agree. A company of one person raises it as far as its approval limit lets that person act alone. To
//! lower a limit takes no second person.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute};
use crate::view::View;
use domain::four_eyes::{Matter, somebody_could_agree};
use domain::money::MOST_BOOKED_MINOR;
use domain::party::{Capacity, needs_second_person};
use domain::{Currency, Refusal};
use kernel::PartyId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::people::Waiting;
use store::records::Keyed;
use store::{BuyerLimit, Party};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SetBuyerLimit {
    pub buyer_id: PartyId,
    pub currency: String,
    /// Face held at most, minor units.
    pub limit_minor: i64,
}

/// A limit that may be set.
pub struct Settable {
    financier: Arc<Party>,
    buyer: Party,
    currency: Currency,
    before: Option<BuyerLimit>,
}

impl SetBuyerLimit {
    /// Requests for this buyer and currency that wait.
    fn same(&self, actor: &Actor) -> Waiting<'_> {
        let (party, subject, currency) = (actor.party_id, self.buyer_id.into(), self.currency.as_str());
        Waiting::ForOfAboutIn { command: Self::NAME, party, subject, currency }
    }
}

impl Execute for SetBuyerLimit {
    const NAME: &'static str = "set_buyer_limit";
    const STEP_UP: bool = true;

    type Decision = Settable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Settable> {
        let financier = view.acting_party(actor, Capacity::Financier)?;
        let currency = crate::commands::traded(view, &self.currency)?;
        let buyer = Party::find(view.conn(), self.buyer_id)?.filter(|party| party.capacities.has(Capacity::Buyer));
        let buyer = buyer.ok_or(Refusal::NotFound)?;
        if !(0..=MOST_BOOKED_MINOR).contains(&self.limit_minor) {
            return Err(Refusal::AmountInvalid { field: "limit".to_owned() }.into());
        }
        let before = store::market::find_buyer_limit(view.conn(), financier.id, buyer.id, currency.code())?;
        Ok(Settable { financier, buyer, currency, before })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Settable) -> Step<Asks> {
        // Without a limit nothing can be bought: no limit is one of nothing.
        if self.limit_minor <= decision.before.as_ref().map_or(0, |row| row.limit_minor) {
            return Ok(Asks::Nobody);
        }
        let currency = decision.currency.code();
        let people = second_person::people(view.conn(), actor.party_id)?;
        if !somebody_could_agree(&people, actor.user_id, Matter::Ordinary) {
            let room_minor = view.solo_room(actor.party_id, currency)?;
            if !needs_second_person(self.limit_minor, room_minor) {
                return Ok(Asks::Nobody);
            }
        }
        let subject = decision.buyer.id.into();
        Ok(Asks::Always(Ask { amount_minor: Some(self.limit_minor), currency: currency.to_owned(), subject }))
    }

    fn before_request(&self, batch: &mut Batch<'_>, actor: &Actor, _ask: &mut Ask, _decision: &Settable) -> Applied<()> {
        Ok(second_person::end_requests(batch, self.same(actor), "asked_again")?)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Settable) -> Applied<Done> {
        let Settable { financier, buyer, currency, before } = decision;
        if actor.approver_id.is_none() {
            // A request that waits is about a limit that is no more.
            second_person::end_requests(batch, self.same(actor), "limit_changed")?;
        }
        let limit_id = match before {
            Some(mut row) => {
                row.limit_minor = self.limit_minor;
                batch.update(&row)?;
                row.id
            }
            None => {
                let (id, currency) = (batch.next_id(), currency.code().to_owned());
                let limit_minor = self.limit_minor;
                batch.insert(&BuyerLimit {
                    id,
                    financier_id: financier.id,
                    buyer_id: buyer.id,
                    currency,
                    limit_minor,
                    used_minor: 0,
                })?;
                id
            }
        };
        Ok(Done::new(financier.id, json!({ "limit_id": limit_id })))
    }
}
