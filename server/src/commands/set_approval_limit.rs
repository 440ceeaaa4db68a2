//! A company says from which amount on a second person must agree.

use super::{Actor, Ask, Done, Execute, second_person};
use crate::batch::{Batch, Step};
use domain::money::MOST_BOOKED_MINOR;
use domain::party::needs_second_person;
use domain::{Currency, Refusal};
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

impl SetApprovalLimit {
    fn check(&self, batch: &mut Batch<'_>) -> Step<Currency> {
        let known = super::traded(batch, &self.currency)?;
        if !(0..=MOST_BOOKED_MINOR).contains(&self.limit_minor) { Err(Refusal::AmountInvalid { field: "limit".to_owned() }.into()) } else { Ok(known) }
    }
}

impl Execute for SetApprovalLimit {
    const NAME: &'static str = "set_approval_limit";

    /// Whoever could raise the limit alone would need nobody for anything.
    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let known = self.check(batch)?;
        // A company that has not said anything yet asks for every amount.
        let before = batch.approval_limit(actor.party_id, known.code())?;
        if !needs_second_person(self.limit_minor, before) {
            return Ok(None);
        }
        let asked = second_person::ask(batch, actor, &[actor.user_id])?;
        Ok(Some(Ask { amount_minor: Some(self.limit_minor), currency: known.code().to_owned(), ..asked }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let known = self.check(batch)?;
        batch.wrote = true;
        let row = ApprovalLimit { party_id: actor.party_id, currency: known.code().to_owned(), limit_minor: self.limit_minor };
        batch.mark(&row);
        store::records::save_approval_limit(batch.conn, &row)?;
        let arguments = json!({ "currency": row.currency, "amount": known.format(row.limit_minor) });
        batch.notify(actor.party_id, "approval_limit_changed", &arguments, "/org/people".to_owned());
        Ok(Done::new(actor.party_id, json!({})))
    }
}
