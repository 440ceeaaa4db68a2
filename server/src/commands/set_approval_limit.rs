//! A company says from which amount on a second person must agree.

use super::{Actor, Done, Execute, currency};
use crate::batch::{Batch, Step};
use domain::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::ApprovalLimit;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SetApprovalLimit {
    pub currency: String,
    /// Amounts above this need a second person; 0 means every amount.
    pub limit_minor: i64,
}

impl Execute for SetApprovalLimit {
    const NAME: &'static str = "set_approval_limit";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let known = currency(&self.currency)?;
        if self.limit_minor < 0 {
            return Err(Refusal::AmountInvalid { field: "limit".to_owned() }.into());
        }
        batch.wrote = true;
        let row = ApprovalLimit { party_id: actor.party_id, currency: known.code().to_owned(), limit_minor: self.limit_minor };
        store::records::save_approval_limit(batch.conn, &row)?;
        let arguments = json!({ "currency": row.currency, "amount": known.format(row.limit_minor) });
        batch.notify(actor.party_id, "approval_limit_changed", &arguments, "/org/people".to_owned());
        Ok(Done::new(actor.party_id, json!({})))
    }
}
