//! One decision confirms a whole list. A job then confirms its payables one by one (`jobs/confirm_lists.rs`), each with its own
//! words, signer, approver, time and hash. A list of payables whose invoices have not come is approved by it.

use super::{Actor, Ask, Done, Execute, advance, second_person};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::confirmation_list::{ListState, sums};
use domain::party::Capacity;
use domain::undertaking;
use kernel::ConfirmationListId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use store::ConfirmationList;
use store::confirmations::list_amounts;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConfirmList {
    pub list_id: ConfirmationListId,
    /// SHA-256 of the lines that the signer saw.
    pub list_hash: String,
}

impl ConfirmList {
    /// The list of this buyer as it was seen, and its sum in each currency.
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(ConfirmationList, BTreeMap<String, i64>)> {
        batch.acting_party(actor, Capacity::Buyer)?;
        let found = ConfirmationList::find(batch.conn, self.list_id)?.filter(|list| list.party_id == actor.party_id);
        let list = found.ok_or(Refusal::NotFound)?;
        if list.state != ListState::Draft {
            return Err(Refusal::StateConflict { state: list.state.to_string() }.into());
        }
        if list.list_hash != self.list_hash || ![undertaking::CURRENT, undertaking::ADVANCE].contains(&list.version.as_str()) {
            return Err(Refusal::UndertakingChanged.into());
        }
        let amounts = list_amounts(batch.conn, list.id)?;
        if amounts.is_empty() {
            return Err(Refusal::NothingChosen.into());
        }
        let sums = sums(amounts.iter().map(|row| (row.currency.as_str(), row.amount_minor)));
        Ok((list, sums))
    }
}

impl Execute for ConfirmList {
    const NAME: &'static str = "confirm_list";
    const STEP_UP: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (list, sums) = self.decide(batch, actor)?;
        let amounts: Vec<(&str, i64)> = sums.iter().map(|(currency, sum_minor)| (currency.as_str(), *sum_minor)).collect();
        second_person::weigh(batch, actor, &amounts, list.id)
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut list, sums) = self.decide(batch, actor)?;
        let in_advance = list.version == undertaking::ADVANCE;
        // What waits for its invoice is approved at once; invoices that are here are confirmed by the job.
        list.state = if in_advance { ListState::Done } else { ListState::Running };
        list.done_at = in_advance.then_some(batch.now);
        list.signer_id = Some(actor.user_id);
        list.approver_id = actor.approver_id;
        list.signed_with.clone_from(&actor.proof.made_with);
        list.approved_with.clone_from(&actor.proof.agreed_with);
        list.decided_at = Some(batch.now);
        batch.update(&list)?;
        if in_advance {
            advance::approve(batch, &list)?;
        }
        let body = json!({ "list_id": list.id, "list_hash": list.list_hash, "version": list.version, "sums": sums });
        Ok(Done::new(list.id, body))
    }
}
