//! A financier inspects the papers of an offer before it buys: the undertaking, the invoice's file, evidence, messages. The audit
//! keeps who looked at which paper, once a day for each person and paper.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute, own_key};
use crate::view::View;
use domain::Refusal;
use domain::offering::OfferState;
use domain::party::{Capacity, Role};
use kernel::{OfferId, ReceivableId, UserId};
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

    type Decision = ReceivableId;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<ReceivableId> {
        view.acting_party(actor, Capacity::Financier)?;
        let is_digest = self.paper.len() == 64 && self.paper.bytes().all(|mark| mark.is_ascii_hexdigit());
        if !is_digest && !["papers", "undertaking"].contains(&self.paper.as_str()) {
            return Err(Refusal::FieldInvalid { field: "paper".to_owned() }.into());
        }
        let shown = |offer: &Offer| offer.state == OfferState::Open && offer.supplier_id != actor.party_id;
        let offer = Offer::find(view.conn(), self.offer_id)?.filter(shown).ok_or(Refusal::NotFound)?;
        Ok(Receivable::load(view.conn(), offer.receivable_id)?.id)
    }

    fn apply(&self, _batch: &mut Batch<'_>, _actor: &Actor, receivable: ReceivableId) -> Applied<Done> {
        Ok(Done::new(receivable, json!({ "offer_id": self.offer_id, "paper": self.paper })))
    }
}
