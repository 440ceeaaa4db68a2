//! A contact confirms nothing any more: its links end at once. Stopping takes one operator.

use crate::batch::{Batch, Step};
use crate::commands::confirmations::links;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::link::ContactState;
use domain::party::{Capacity, UserStatus};
use kernel::PartyId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{BuyerContact, User, confirmations};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EndContact {
    /// The buyer.
    pub party_id: PartyId,
}

pub(crate) fn end(batch: &mut Batch<'_>, mut contact: BuyerContact) -> Step<()> {
    for link in confirmations::list_open_links_of_contact(batch.conn, contact.id)? {
        links::revoke(batch, link, "contact_ended")?;
    }
    contact.state = ContactState::Ended;
    contact.ended_at = Some(batch.now);
    batch.update(&contact)?;
    let mut person = User::load(batch.conn, contact.user_id)?;
    person.status = UserStatus::Disabled;
    batch.update(&person)
}

impl Execute for EndContact {
    const NAME: &'static str = "end_contact";

    type Decision = BuyerContact;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<BuyerContact> {
        view.acting_party(actor, Capacity::Operator)?;
        Ok(confirmations::find_active_contact(view.conn(), self.party_id)?.ok_or(Refusal::ContactMissing)?)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, contact: BuyerContact) -> Applied<Done> {
        end(batch, contact)?;
        Ok(Done::new(self.party_id, json!({ "party_id": self.party_id })))
    }
}
