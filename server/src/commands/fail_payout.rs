//! The bank has told the operator that it rejects a payout: two operators vouch for it, and the money is free again.

use super::{Actor, Ask, Done, Execute, payout, prose};
use crate::batch::{Batch, Step};
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

impl FailPayout {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Payout> {
        batch.acting_party(actor, Capacity::Operator)?;
        let note = prose(&self.note, "note", 500)?;
        decide_reason(&self.reason_code, &note)?;
        let found = Payout::find(batch.conn, self.payout_id)?.ok_or(Refusal::NotFound)?;
        if payout::can(&found, InstructionEvent::Reject)? {
            Ok(found)
        } else {
            Err(Refusal::StateConflict { state: found.state.to_string() }.into())
        }
    }
}

impl Execute for FailPayout {
    const NAME: &'static str = "fail_payout";

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let found = self.decide(batch, actor)?;
        Ok(Some(Ask { amount_minor: Some(found.amount_minor), currency: found.currency, subject: found.id.into() }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let mut found = self.decide(batch, actor)?;
        payout::fail(batch, &mut found, &self.reason_code, self.note.trim())?;
        let body = json!({ "payout_id": found.id, "end_to_end": found.end_to_end, "reason_code": found.reason_code });
        Ok(Done::new(found.id, body))
    }
}
