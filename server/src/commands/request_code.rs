//! A contact wants a code for its link, because the one that was mailed is older than its ten minutes: a new one goes to the other address.
//! Wrong codes typed before still count.

use super::{Actor, Done, Execute, links};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::link::Channel;
use kernel::ConfirmationLinkId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Invoice;
use store::records::Keyed;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RequestCode {
    pub link_id: ConfirmationLinkId,
    #[serde(skip)]
    pub token_hash: String,
    /// Made by whoever submits; only its hash is kept.
    #[serde(skip)]
    pub code: String,
}

impl Execute for RequestCode {
    const NAME: &'static str = "request_code";

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token_hash]
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let found = links::find_open(batch.conn, &self.token_hash, batch.now)?;
        let (mut link, contact) = found.filter(|(link, _)| link.id == self.link_id).ok_or(Refusal::LinkInvalid)?;
        if *actor != Actor::person(contact.party_id, contact.user_id) {
            return Err(Refusal::LinkInvalid.into());
        }
        if contact.channel != Channel::Email {
            // An operator tells it by telephone.
            return Err(Refusal::FieldInvalid { field: "link_id".to_owned() }.into());
        }
        let invoice = Invoice::load(batch.conn, link.invoice_id)?;
        links::set_code(&mut link, &self.code, batch.now);
        batch.update(&link)?;
        links::mail_code(batch, &contact, &invoice.number, &self.code);
        Ok(Done::new(link.invoice_id, json!({ "link_id": link.id })))
    }
}
