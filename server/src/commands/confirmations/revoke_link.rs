//! An operator ends a link before it is used.

use crate::batch::{Batch, Step};
use crate::commands::confirmations::links;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::party::Capacity;
use kernel::ConfirmationLinkId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::ConfirmationLink;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RevokeLink {
    pub link_id: ConfirmationLinkId,
}

impl Execute for RevokeLink {
    const NAME: &'static str = "revoke_link";

    type Decision = ConfirmationLink;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<ConfirmationLink> {
        view.acting_party(actor, Capacity::Operator)?;
        links::load_open(view, self.link_id)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, link: ConfirmationLink) -> Applied<Done> {
        let invoice_id = link.invoice_id;
        links::revoke(batch, link, "operator")?;
        Ok(Done::new(invoice_id, json!({ "invoice_id": invoice_id, "link_id": self.link_id })))
    }
}
