//! A company cancels its own payout that is in no payment file yet. The operator does so for a return of unplaced money.

use crate::batch::{Batch, Step};
use crate::commands::bank::payout;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::party::Capacity;
use domain::settlement_instruction::InstructionEvent;
use kernel::PayoutId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Payout;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CancelPayout {
    pub payout_id: PayoutId,
}

impl Execute for CancelPayout {
    const NAME: &'static str = "cancel_payout";

    type Decision = Payout;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Payout> {
        let found = Payout::find(view.conn(), self.payout_id)?.ok_or(Refusal::NotFound)?;
        match found.party_id {
            Some(party) if party == actor.party_id => {}
            None if view.acting_party(actor, Capacity::Operator).is_ok() => {}
            // Another company's payout is not there.
            _ => return Err(Refusal::NotFound.into()),
        }
        payout::check(&found, InstructionEvent::Cancel)?;
        Ok(found)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, mut found: Payout) -> Applied<Done> {
        payout::cancel(batch, &mut found, "payout_withdrawn")?;
        Ok(Done::new(actor.party_id, json!({ "payout_id": found.id, "end_to_end": found.end_to_end })))
    }
}
