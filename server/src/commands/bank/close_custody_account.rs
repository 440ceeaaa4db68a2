//! Two operators leave one of the platform's accounts at banks. First the account closes but still takes statements. It is closed
//! once its balance is zero.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, one_request, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::custody::{CustodyState, LeavingFacts, leave};
use domain::party::Capacity;
use kernel::CustodyId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::CustodyAccount;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CloseCustodyAccount {
    pub account_id: CustodyId,
    /// `closing`, or `closed` once nothing is on it.
    pub to: String,
    pub reason: String,
}

/// The name of a command's effect, for people: an account that only begins to close is not closed. `body` is the request or the
/// outcome.
#[must_use]
pub fn said_name<'a>(command: &'a str, body: &serde_json::Value) -> &'a str {
    let to = ["to", "state"].iter().find_map(|name| body.get(name)?.as_str());
    if command == CloseCustodyAccount::NAME && to == Some(CustodyState::Closing.name()) {
        "leave_custody_account"
    } else {
        command
    }
}

/// The same of a request as it is kept.
#[must_use]
pub fn said_of<'a>(command: &'a str, body: &str) -> &'a str {
    said_name(command, &serde_json::from_str(body).unwrap_or_default())
}

impl Execute for CloseCustodyAccount {
    const NAME: &'static str = "close_custody_account";
    const STEP_UP: bool = true;

    /// The account, and the state that it comes into.
    type Decision = (CustodyAccount, CustodyState);

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<(CustodyAccount, CustodyState)> {
        view.acting_party(actor, Capacity::Operator)?;
        required_prose(&self.reason, "reason", 500)?;
        let row = CustodyAccount::find(view.conn(), self.account_id)?.ok_or(Refusal::NotFound)?;
        let to = CustodyState::parse(&self.to).ok_or_else(|| Refusal::FieldInvalid { field: "to".to_owned() })?;
        let holds = store::custody::balances(view.conn(), row.id)?.into_iter().find(|(_, minor)| *minor != 0);
        let facts = LeavingFacts {
            current_for: store::custody::current_for(view.conn(), row.id)?.into_iter().next(),
            holds: holds.map(|(currency, minor)| (currency.code().to_owned(), minor)),
            waiting: store::custody::waiting(view.conn(), row.id)?,
        };
        let state = leave(row.state, to, &facts)?;
        Ok((row, state))
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, (row, _): &(CustodyAccount, CustodyState)) -> Step<Asks> {
        if row.id > CustodyId(0) {
            one_request(view.conn(), actor, row.id)?;
        }
        Ok(Asks::Always(Ask { amount_minor: None, currency: row.currency.clone(), subject: row.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, (mut row, state): (CustodyAccount, CustodyState)) -> Applied<Done> {
        row.state = state;
        row.reason.clone_from(&self.reason);
        let day = Some(batch.today());
        match state {
            CustodyState::Closing => row.closing_on = day,
            CustodyState::Closed => row.closed_on = day,
            CustodyState::Open => {}
        }
        batch.update(&row)?;
        Ok(Done::new(row.id, json!({ "account_id": row.id, "state": row.state })))
    }
}
