//! The supplier takes back what is left of an offer; what was sold stays sold, and no fee is due.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::chart;
use domain::offering::OfferState;
use domain::party::Capacity;
use kernel::OfferId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Offer;
use store::people::Waiting;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WithdrawOffer {
    pub offer_id: OfferId,
}

/// Frees the units that an open offer still holds.
pub(crate) fn end_offer(batch: &mut Batch<'_>, offer: Offer, state: OfferState) -> Applied<()> {
    second_person::end_requests(batch, Waiting::Purchases(offer.id), "offer_ended")?;
    let mut offer = Offer::load(batch.conn, offer.id)?;
    batch.post(&chart::offer_end(offer.hold_number.into()))?;
    offer.state = state;
    batch.update(&offer)?;
    Ok(())
}

impl Execute for WithdrawOffer {
    const NAME: &'static str = "withdraw_offer";

    type Decision = Offer;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Offer> {
        view.acting_party(actor, Capacity::Supplier)?;
        let found = Offer::find(view.conn(), self.offer_id)?.filter(|offer| offer.supplier_id == actor.party_id);
        let offer = found.ok_or(Refusal::NotFound)?;
        if offer.state != OfferState::Open {
            return Err(Refusal::OfferClosed.into());
        }
        Ok(offer)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, offer: Offer) -> Applied<Done> {
        let (receivable, left_minor) = (offer.receivable_id, offer.left_minor.saturating_add(offer.reserved_minor));
        end_offer(batch, offer, OfferState::Withdrawn)?;
        Ok(Done::new(receivable, json!({ "offer_id": self.offer_id, "left_minor": left_minor })))
    }
}
