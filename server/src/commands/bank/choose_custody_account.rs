//! Two operators choose the account of a currency that pays out and that payers see. Payers may still pay to the account that an
//! earlier notice named until that account is closed.

use crate::batch::{Batch, Step};
use crate::commands::bank::custody;
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, one_request};
use crate::view::View;
use domain::Refusal;
use domain::party::Capacity;
use kernel::{CustodyId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::people::Waiting;
use store::{CustodyAccount, CustodyChoice};
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ChooseCustodyAccount {
    pub account_id: CustodyId,
    pub currency: String,
}

impl Execute for ChooseCustodyAccount {
    const NAME: &'static str = "choose_custody_account";
    const STEP_UP: bool = true;

    /// The account, which is not the current one yet.
    type Decision = CustodyAccount;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<CustodyAccount> {
        view.acting_party(actor, Capacity::Operator)?;
        crate::commands::traded(view, &self.currency)?;
        let row = custody::paying(view.conn(), Some(self.account_id), &self.currency)?;
        if store::custody::find_current(view.conn(), &self.currency)?.is_some_and(|current| current.id == row.id) {
            return Err(Refusal::CustodyAccountChosen { currency: self.currency.clone() }.into());
        }
        Ok(row)
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, row: &CustodyAccount) -> Step<Asks> {
        if row.id > CustodyId(0) {
            one_request(view.conn(), actor, row.id)?;
        }
        Ok(Asks::Always(Ask { amount_minor: None, currency: self.currency.clone(), subject: row.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, row: CustodyAccount) -> Applied<Done> {
        let choice = CustodyChoice {
            currency: self.currency.clone(),
            account_id: row.id,
            chosen_on: batch.today(),
            chosen_by: actor.user_id,
            agreed_by: actor.approver_id.unwrap_or(UserId(0)),
        };
        batch.wrote = true;
        batch.mark(&choice);
        store::records::save_custody_choice(batch.conn, &choice)?;
        // A request for a payment file that waits for agreement showed the account before.
        let waiting = Waiting::ForIn { command: "create_payment_file", currency: &self.currency };
        second_person::end_requests(batch, waiting, "account_changed")?;
        let arguments = json!({ "currency": self.currency, "iban": row.iban });
        for buyer in store::custody::told_elsewhere(batch.conn, &row.iban, &self.currency)? {
            batch.notify(buyer, "custody_account_chosen", &arguments, "/assignments".to_owned());
        }
        Ok(Done::new(row.id, json!({ "account_id": row.id, "currency": self.currency })))
    }
}
