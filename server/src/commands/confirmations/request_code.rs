//! A contact asks for a code for its link, because the mailed one is older than its ten minutes. A new code goes to the other
//! address. Wrong codes typed before still count.

use crate::batch::{Batch, Step};
use crate::commands::confirmations::links;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::link::Channel;
use kernel::ConfirmationLinkId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{BuyerContact, ConfirmationLink, Invoice};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RequestCode {
    pub link_id: ConfirmationLinkId,
    #[serde(skip)]
    pub token_hash: String,
    /// Made by the submitter; only its hash is kept.
    #[serde(skip)]
    pub code: String,
}

impl Execute for RequestCode {
    const NAME: &'static str = "request_code";

    type Decision = (ConfirmationLink, BuyerContact);

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token_hash]
    }

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Self::Decision> {
        let now = view.now();
        let found = links::find_open(view.conn(), &self.token_hash, now)?;
        let (link, contact) = found.filter(|(link, _)| link.id == self.link_id).ok_or(Refusal::LinkInvalid)?;
        if *actor != Actor::person(contact.party_id, contact.user_id) {
            return Err(Refusal::LinkInvalid.into());
        }
        if contact.channel != Channel::Email {
            // An operator gives this code by telephone.
            return Err(Refusal::FieldInvalid { field: "link_id".to_owned() }.into());
        }
        Ok((link, contact))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Self::Decision) -> Applied<Done> {
        let (mut link, contact) = decision;
        let invoice = Invoice::load(batch.conn, link.invoice_id)?;
        links::set_code(&mut link, &self.code, batch.now);
        batch.update(&link)?;
        links::mail_code(batch, &contact, &invoice.number, &self.code);
        Ok(Done::new(link.invoice_id, json!({ "link_id": link.id })))
    }
}
