//! The operator lets a company trade, suspends it or declines it, with a reason. Letting it trade takes two people;
//! stopping it takes one, at once.

use super::{Actor, Ask, Done, Execute, required_prose, second_person, withdraw_offer};
use crate::batch::{Batch, Step};
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

impl DecideCompany {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(Party, PartyStatus, String)> {
        batch.acting_party(actor, Capacity::Operator)?;
        let found = Party::find(batch.conn, self.party_id)?.filter(|party| party.id != actor.party_id);
        let party = found.ok_or(Refusal::NotFound)?;
        let reason = required_prose(&self.reason, "reason", 500)?;
        let wanted = PartyStatus::parse(&self.status).filter(|status| *status != PartyStatus::Applied);
        let wanted = wanted.ok_or_else(|| Refusal::FieldInvalid { field: "status".to_owned() })?;
        if party.status == wanted {
            return Err(Refusal::StateConflict { state: party.status.to_string() }.into());
        }
        Ok((party, wanted, reason))
    }
}

/// What a stopped company sells, and what it owes, is no longer for sale.
fn end_offers(batch: &mut Batch<'_>, party: &Party) -> Step<()> {
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

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (party, wanted, _) = self.decide(batch, actor)?;
        let ask = Ask { amount_minor: None, currency: String::new(), subject: party.id.into() };
        Ok((wanted == PartyStatus::Active).then_some(ask))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut party, wanted, reason) = self.decide(batch, actor)?;
        party.status = wanted;
        batch.update(&party)?;
        if wanted != PartyStatus::Active {
            end_offers(batch, &party)?;
            // What its people asked for, and what was asked to let it trade.
            second_person::end_requests(batch, Waiting::Company(party.id), "company_stopped")?;
        }
        let arguments = json!({ "status": party.status, "reason": reason });
        batch.notify(party.id, "company_decided", &arguments, "/org".to_owned());
        Ok(Done::new(party.id, json!({ "party_id": party.id, "status": party.status })))
    }
}
