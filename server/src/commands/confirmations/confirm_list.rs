//! One decision confirms a whole list. A job then confirms its payables one by one (`jobs/confirm_lists.rs`). Each keeps its own
//! words, signer, approver, time and hash. For payables whose invoices have not come, the decision approves the list.

use crate::batch::{Batch, Step};
use crate::commands::confirmations::advance;
use crate::commands::{Actor, Applied, Asks, Done, Execute};
use crate::view::View;
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

impl Execute for ConfirmList {
    const NAME: &'static str = "confirm_list";
    const STEP_UP: bool = true;

    /// The list as it was seen, and its sum in each currency.
    type Decision = (ConfirmationList, BTreeMap<String, i64>);

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Self::Decision> {
        view.acting_party(actor, Capacity::Buyer)?;
        let found = ConfirmationList::find(view.conn(), self.list_id)?.filter(|list| list.party_id == actor.party_id);
        let list = found.ok_or(Refusal::NotFound)?;
        if list.state != ListState::Draft {
            return Err(Refusal::StateConflict { state: list.state.to_string() }.into());
        }
        if list.list_hash != self.list_hash || ![undertaking::CURRENT, undertaking::ADVANCE].contains(&list.version.as_str()) {
            return Err(Refusal::UndertakingChanged.into());
        }
        let amounts = list_amounts(view.conn(), list.id)?;
        if amounts.is_empty() {
            return Err(Refusal::NothingChosen.into());
        }
        let sums = sums(amounts.iter().map(|row| (row.currency.as_str(), row.amount_minor)));
        Ok((list, sums))
    }

    fn asks(&self, _view: &mut dyn View, _actor: &Actor, (list, sums): &Self::Decision) -> Step<Asks> {
        let amounts = sums.iter().map(|(currency, sum_minor)| (currency.clone(), *sum_minor)).collect();
        Ok(Asks::Above { amounts, subject: list.id.into() })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Self::Decision) -> Applied<Done> {
        let (mut list, sums) = decision;
        let in_advance = list.version == undertaking::ADVANCE;
        // A list of payables without invoices is approved at once; the job confirms invoices that are here.
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
