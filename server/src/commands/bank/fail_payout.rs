//! The bank has informed the operator that it rejects a payout. Two operators vouch for it, and the platform releases the money.

use crate::batch::{Batch, Step};
use crate::commands::bank::payout;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, prose};
use crate::view::View;
use domain::Refusal;
use domain::party::Capacity;
use domain::settlement_instruction::{InstructionEvent, decide_reason};
use kernel::PayoutId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Payout;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FailPayout {
    pub payout_id: PayoutId,
    /// ISO 20022 ExternalStatusReason1Code, such as AC04.
    pub reason_code: String,
    #[serde(default)]
    pub note: String,
}

impl Execute for FailPayout {
    const NAME: &'static str = "fail_payout";

    /// The payout, and the note as it is kept.
    type Decision = (Payout, String);

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<(Payout, String)> {
        view.acting_party(actor, Capacity::Operator)?;
        let note = prose(&self.note, "note", 500)?;
        decide_reason(&self.reason_code, &note)?;
        let found = Payout::find(view.conn(), self.payout_id)?.ok_or(Refusal::NotFound)?;
        payout::check(&found, InstructionEvent::Reject)?;
        Ok((found, note))
    }

    fn asks(&self, _view: &mut dyn View, _actor: &Actor, (found, _): &(Payout, String)) -> Step<Asks> {
        let amount_minor = Some(found.amount_minor);
        Ok(Asks::Always(Ask { amount_minor, currency: found.currency.clone(), subject: found.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, (mut found, note): (Payout, String)) -> Applied<Done> {
        payout::fail(batch, &mut found, &self.reason_code, &note)?;
        let body = json!({ "payout_id": found.id, "end_to_end": found.end_to_end, "reason_code": found.reason_code });
        Ok(Done::new(found.id, body))
    }
}
