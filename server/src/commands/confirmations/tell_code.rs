//! An operator has called the registered number back and is about to give the code of a link. The code is new, shown once, kept
//! as a hash, and valid for ten minutes. Wrong codes typed before still count.

use crate::batch::{Batch, Step};
use crate::commands::confirmations::links;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::link::Channel;
use domain::party::Capacity;
use kernel::ConfirmationLinkId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{BuyerContact, ConfirmationLink};
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct TellCode {
    pub link_id: ConfirmationLinkId,
    /// Made by the page or route that shows it; it is not kept.
    #[serde(skip)]
    pub code: String,
}

impl Execute for TellCode {
    const NAME: &'static str = "tell_code";

    type Decision = ConfirmationLink;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<ConfirmationLink> {
        view.acting_party(actor, Capacity::Operator)?;
        let link = links::load_open(view, self.link_id)?;
        let contact = BuyerContact::load(view.conn(), link.contact_id)?;
        if contact.channel != Channel::Telephone {
            // Its code has gone to the other address, where no operator reads it.
            return Err(Refusal::FieldInvalid { field: "link_id".to_owned() }.into());
        }
        Ok(link)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut link: ConfirmationLink) -> Applied<Done> {
        links::set_code(&mut link, &self.code, batch.now);
        batch.update(&link)?;
        Ok(Done::new(link.invoice_id, json!({ "invoice_id": link.invoice_id, "link_id": link.id })))
    }
}
