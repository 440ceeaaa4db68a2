//! An operator has called the registered number back and is about to tell the code of a link: a new one, shown once, kept as a
//! hash, and good for ten minutes. Wrong codes typed before still count.

use super::{Actor, Done, Execute, links};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::link::Channel;
use domain::party::Capacity;
use kernel::ConfirmationLinkId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::BuyerContact;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct TellCode {
    pub link_id: ConfirmationLinkId,
    /// Made by whoever shows it; it is not kept.
    #[serde(skip)]
    pub code: String,
}

impl Execute for TellCode {
    const NAME: &'static str = "tell_code";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Operator)?;
        let mut link = links::load_open(batch, self.link_id)?;
        let contact = BuyerContact::load(batch.conn, link.contact_id)?;
        if contact.channel != Channel::Telephone {
            // Its code has gone to the other address, where no operator reads it.
            return Err(Refusal::FieldInvalid { field: "link_id".to_owned() }.into());
        }
        links::set_code(&mut link, &self.code, batch.now);
        batch.update(&link)?;
        Ok(Done::new(link.invoice_id, json!({ "invoice_id": link.invoice_id, "link_id": link.id })))
    }
}
