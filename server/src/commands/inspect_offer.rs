//! A financier looks at what stands behind an offer before it buys: the undertaking, the invoice's file, evidence, what was said.
//! The audit keeps who looked at what; once a day for each person and paper.

use super::{Actor, Done, Execute, own_key};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::offering::OfferState;
use domain::party::{Capacity, Role};
use kernel::{OfferId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Offer, Receivable};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InspectOffer {
    pub offer_id: OfferId,
    /// "papers", "undertaking", or the digest of a file.
    pub paper: String,
}

impl InspectOffer {
    /// The key under which a look of this person counts once on a day.
    #[must_use]
    pub fn key(&self, user: UserId, today: chrono::NaiveDate) -> String {
        own_key("look", &[&user, &self.offer_id, &self.paper, &today])
    }
}

impl Execute for InspectOffer {
    const NAME: &'static str = "inspect_offer";
    const ASKERS: &'static [Role] = &[Role::Viewer, Role::Maker, Role::Checker, Role::Administrator];

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.may_act(actor, Capacity::Financier)?;
        let is_digest = self.paper.len() == 64 && self.paper.bytes().all(|mark| mark.is_ascii_hexdigit());
        if !is_digest && !["papers", "undertaking"].contains(&self.paper.as_str()) {
            return Err(Refusal::FieldInvalid { field: "paper".to_owned() }.into());
        }
        let shown = |offer: &Offer| offer.state == OfferState::Open && offer.supplier_id != actor.party_id;
        let offer = Offer::find(batch.conn, self.offer_id)?.filter(shown).ok_or(Refusal::NotFound)?;
        let receivable = Receivable::load(batch.conn, offer.receivable_id)?;
        Ok(Done::new(receivable.id, json!({ "offer_id": offer.id, "paper": self.paper })))
    }
}
