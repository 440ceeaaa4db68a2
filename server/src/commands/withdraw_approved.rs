//! A buyer takes an approval in advance back, as long as no invoice has used it.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::confirmation_list::ApprovedState;
use domain::party::Capacity;
use kernel::ApprovedPayableId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::ApprovedPayable;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WithdrawApproved {
    pub approved_id: ApprovedPayableId,
}

impl Execute for WithdrawApproved {
    const NAME: &'static str = "withdraw_approved";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let buyer = batch.acting_party(actor, Capacity::Buyer)?;
        let found = ApprovedPayable::find(batch.conn, self.approved_id)?.filter(|row| row.buyer_id == buyer.id);
        let mut row = found.ok_or(Refusal::NotFound)?;
        if row.state != ApprovedState::Approved {
            return Err(Refusal::StateConflict { state: row.state.to_string() }.into());
        }
        row.state = ApprovedState::Withdrawn;
        batch.update(&row)?;
        let arguments = json!({ "buyer": buyer.name, "number": row.number });
        batch.notify(row.supplier_id, "approval_withdrawn", &arguments, "/invoices".to_owned());
        Ok(Done::new(row.id, json!({ "approved_id": row.id })))
    }
}
