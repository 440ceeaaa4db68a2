//! An operator ends a link before it is used.

use super::{Actor, Done, Execute, links};
use crate::batch::{Batch, Step};
use domain::party::Capacity;
use kernel::ConfirmationLinkId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RevokeLink {
    pub link_id: ConfirmationLinkId,
}

impl Execute for RevokeLink {
    const NAME: &'static str = "revoke_link";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Operator)?;
        let link = links::load_open(batch, self.link_id)?;
        let invoice_id = link.invoice_id;
        links::revoke(batch, link, "operator")?;
        Ok(Done::new(invoice_id, json!({ "invoice_id": invoice_id, "link_id": self.link_id })))
    }
}
