//! The operator lets a company trade, suspends it or declines it, with a reason. Letting it trade takes two people;
//! stopping it takes one, at once.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::market::withdraw_offer;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::offering::OfferState;
use domain::party::{Capacity, PartyStatus};
use kernel::PartyId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Party;
use store::people::Waiting;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DecideCompany {
    pub party_id: PartyId,
    /// "active", "suspended" or "declined".
    pub status: String,
    pub reason: String,
}

/// The company as it is, and its state after the decision.
pub struct Fate {
    party: Party,
    wanted: PartyStatus,
    reason: String,
}

/// Ends the offers of a stopped company and of receivables that it owes.
fn end_offers(batch: &mut Batch<'_>, party: &Party) -> Applied<()> {
    for offer in store::market::list_open_offers_of_company(batch.conn, party.id)? {
        let (supplier, receivable) = (offer.supplier_id, offer.receivable_id);
        let arguments = json!({ "offer_id": offer.id, "company": party.name });
        withdraw_offer::end_offer(batch, offer, OfferState::Expired)?;
        // Its own suppliers hear why.
        let kind = if supplier == party.id { "offer_stopped" } else { "offer_buyer_stopped" };
        batch.notify(supplier, kind, &arguments, format!("/receivables/{receivable}"));
    }
    Ok(())
}

impl Execute for DecideCompany {
    const NAME: &'static str = "decide_company";

    type Decision = Fate;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Fate> {
        view.acting_party(actor, Capacity::Operator)?;
        let found = Party::find(view.conn(), self.party_id)?.filter(|party| party.id != actor.party_id);
        let party = found.ok_or(Refusal::NotFound)?;
        let reason = required_prose(&self.reason, "reason", 500)?;
        let wanted = PartyStatus::parse(&self.status).filter(|status| *status != PartyStatus::Applied);
        let wanted = wanted.ok_or_else(|| Refusal::FieldInvalid { field: "status".to_owned() })?;
        if party.status == wanted {
            return Err(Refusal::StateConflict { state: party.status.to_string() }.into());
        }
        Ok(Fate { party, wanted, reason })
    }

    fn asks(&self, _view: &mut dyn View, _actor: &Actor, decision: &Fate) -> Step<Asks> {
        if decision.wanted != PartyStatus::Active {
            return Ok(Asks::Nobody);
        }
        Ok(Asks::Always(Ask { amount_minor: None, currency: String::new(), subject: decision.party.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Fate) -> Applied<Done> {
        let Fate { mut party, wanted, reason } = decision;
        party.status = wanted;
        batch.update(&party)?;
        if wanted != PartyStatus::Active {
            end_offers(batch, &party)?;
            // Requests by its people, and requests to let it trade.
            second_person::end_requests(batch, Waiting::Company(party.id), "company_stopped")?;
        }
        let arguments = json!({ "status": party.status, "reason": reason });
        batch.notify(party.id, "company_decided", &arguments, "/org".to_owned());
        Ok(Done::new(party.id, json!({ "party_id": party.id, "status": party.status })))
    }
}
