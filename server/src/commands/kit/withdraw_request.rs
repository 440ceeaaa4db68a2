//! The person who asked takes a request back that no second person has decided yet. What it held is free again.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::{Refusal, party};
use kernel::ApprovalId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Approval;
use store::people::Waiting;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WithdrawRequest {
    pub approval_id: ApprovalId,
}

impl Execute for WithdrawRequest {
    const NAME: &'static str = "withdraw_request";

    type Decision = Approval;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Approval> {
        // A colleague's request is seen, and turned down with a reason.
        let own = |row: &Approval| row.party_id == actor.party_id && row.maker_id == actor.user_id;
        let found = Approval::find(view.conn(), self.approval_id)?.filter(own).ok_or(Refusal::NotFound)?;
        party::check_pending(found.state)?;
        Ok(found)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, found: Approval) -> Applied<Done> {
        second_person::end_requests(batch, Waiting::One(found.id), "taken_back")?;
        Ok(Done::new(found.subject_id, json!({ "approval_id": found.id, "request": found.command })))
    }
}
