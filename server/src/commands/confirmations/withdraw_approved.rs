//! A buyer takes an approval in advance back, as long as no invoice has used it.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::confirmation_list::ApprovedState;
use domain::party::Capacity;
use kernel::ApprovedPayableId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::records::Keyed;
use store::{ApprovedPayable, Party};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WithdrawApproved {
    pub approved_id: ApprovedPayableId,
}

impl Execute for WithdrawApproved {
    const NAME: &'static str = "withdraw_approved";

    type Decision = (Arc<Party>, ApprovedPayable);

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Self::Decision> {
        let buyer = view.acting_party(actor, Capacity::Buyer)?;
        let found = ApprovedPayable::find(view.conn(), self.approved_id)?.filter(|row| row.buyer_id == buyer.id);
        let row = found.ok_or(Refusal::NotFound)?;
        if row.state != ApprovedState::Approved {
            return Err(Refusal::StateConflict { state: row.state.to_string() }.into());
        }
        Ok((buyer, row))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Self::Decision) -> Applied<Done> {
        let (buyer, mut row) = decision;
        row.state = ApprovedState::Withdrawn;
        batch.update(&row)?;
        let arguments = json!({ "buyer": buyer.name, "number": row.number });
        batch.notify(row.supplier_id, "approval_withdrawn", &arguments, "/invoices".to_owned());
        Ok(Done::new(row.id, json!({ "approved_id": row.id })))
    }
}
