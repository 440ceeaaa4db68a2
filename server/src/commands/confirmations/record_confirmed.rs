//! Records the result of a piece of a confirmation list. The platform's own job submits it. The last piece ends the list and
//! notifies the company.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::confirmation_list::{ItemState, ListState};
use kernel::{ConfirmationItemId, ConfirmationListId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use store::records::Keyed;
use store::{ConfirmationItem, ConfirmationList, confirmations};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordConfirmed {
    pub list_id: ConfirmationListId,
    pub results: Vec<ItemResult>,
}

/// One line: confirmed, or why not.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ItemResult {
    pub item_id: ConfirmationItemId,
    /// A refusal as JSON; empty when it was confirmed.
    pub refusal: String,
}

impl Execute for RecordConfirmed {
    const NAME: &'static str = "record_confirmed";

    /// The list, and the lines that have waited until now, as they are then.
    type Decision = (ConfirmationList, Vec<ConfirmationItem>);

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<Self::Decision> {
        let list = ConfirmationList::find(view.conn(), self.list_id)?.ok_or(Refusal::NotFound)?;
        let (mut items, mut seen) = (Vec::with_capacity(self.results.len()), BTreeSet::new());
        for result in &self.results {
            let found = ConfirmationItem::find(view.conn(), result.item_id)?.filter(|item| item.list_id == list.id);
            let mut item = found.ok_or(Refusal::NotFound)?;
            // Of several results of a line the first one counts.
            if item.state != ItemState::Waiting || !seen.insert(item.id) {
                continue;
            }
            if result.refusal.is_empty() {
                // A list never says more than the register of confirmations.
                if confirmations::find_confirmation(view.conn(), item.invoice_id)?.is_none() {
                    return Err(crate::commands::receivables::settlement::corrupt("confirmation of list item", item.id).into());
                }
                item.state = ItemState::Confirmed;
            } else {
                item.state = ItemState::Refused;
                item.refusal.clone_from(&result.refusal);
            }
            items.push(item);
        }
        Ok((list, items))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Self::Decision) -> Applied<Done> {
        let (mut list, items) = decision;
        for item in &items {
            batch.update(item)?;
        }
        let counts = confirmations::count_items_by_state(batch.conn, list.id)?;
        let count = |state: ItemState| counts.iter().find(|row| row.state == state).map_or(0, |row| row.count);
        let done = count(ItemState::Waiting) == 0;
        if done && list.state == ListState::Running {
            list.state = ListState::Done;
            list.done_at = Some(batch.now);
            batch.update(&list)?;
            let arguments =
                json!({ "count": count(ItemState::Confirmed).to_string(), "refused": count(ItemState::Refused).to_string() });
            batch.notify(list.party_id, "list_confirmed", &arguments, format!("/payables/lists/{}", list.id));
        }
        let body = json!({ "list_id": list.id, "done": done, "confirmed": count(ItemState::Confirmed), "refused": count(ItemState::Refused) });
        Ok(Done::new(list.id, body))
    }
}
