//! Two operators correct the mail address of a company's only administrator, whom no colleague could help.

use crate::batch::{Batch, Step};
use crate::commands::people::correct_address::{self, Correctable};
use crate::commands::people::invite_user;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::party::{Capacity, Role, UserStatus};
use kernel::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CorrectAdministratorAddress {
    pub user_id: UserId,
    pub email: String,
    /// How the operator knows that the person is reached there.
    pub reason: String,
}

impl Execute for CorrectAdministratorAddress {
    const NAME: &'static str = "correct_administrator_address";
    const STEP_UP: bool = true;

    type Decision = Correctable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Correctable> {
        view.acting_party(actor, Capacity::Operator)?;
        let administers = |user: &User| user.roles.has(Role::Administrator);
        // The operator's own people help each other.
        let found = User::find(view.conn(), self.user_id)?;
        let found = found.filter(|user| user.party_id != actor.party_id && user.status != UserStatus::Contact);
        let user = found.filter(administers).ok_or(Refusal::NotFound)?;
        let others = store::people::list_active_colleagues(view.conn(), &user)?;
        if others.iter().any(administers) {
            return Err(Refusal::NotPermitted.into());
        }
        let reason = required_prose(&self.reason, "reason", 500)?;
        let email = invite_user::free_email(view, &self.email, "email")?;
        Ok(Correctable { user, email, reason })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Correctable) -> Step<Asks> {
        crate::commands::one_request(view.conn(), actor, decision.user.id)?;
        Ok(Asks::Always(Ask { amount_minor: None, currency: String::new(), subject: decision.user.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Correctable) -> Applied<Done> {
        let party_id = decision.user.party_id;
        let change_id = correct_address::put(batch, actor, decision)?;
        Ok(Done::new(party_id, json!({ "party_id": party_id, "change_id": change_id })))
    }
}
