//! Two operators correct the mail address of a company's only administrator, whom nobody of the company could help.

use super::{Actor, Ask, Done, Execute, correct_address, invite_user, required_prose};
use crate::batch::{Batch, Step};
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

impl CorrectAdministratorAddress {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(User, String)> {
        batch.acting_party(actor, Capacity::Operator)?;
        let administers = |user: &User| user.roles.has(Role::Administrator);
        // The operator's own people help each other.
        let found = User::find(batch.conn, self.user_id)?;
        let found = found.filter(|user| user.party_id != actor.party_id && user.status != UserStatus::Contact);
        let user = found.filter(administers).ok_or(Refusal::NotFound)?;
        let others = store::people::list_active_colleagues(batch.conn, &user)?;
        if others.iter().any(administers) {
            return Err(Refusal::NotPermitted.into());
        }
        required_prose(&self.reason, "reason", 500)?;
        let email = invite_user::free_email(batch, &self.email, "email")?;
        Ok((user, email))
    }
}

impl Execute for CorrectAdministratorAddress {
    const NAME: &'static str = "correct_administrator_address";
    const STEP_UP: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (user, _) = self.decide(batch, actor)?;
        super::one_request(batch, actor, user.id)?;
        Ok(Some(Ask { amount_minor: None, currency: String::new(), subject: user.id.into() }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (user, email) = self.decide(batch, actor)?;
        let party_id = user.party_id;
        let change_id = correct_address::put(batch, actor, (user, email), &self.reason)?;
        Ok(Done::new(party_id, json!({ "party_id": party_id, "change_id": change_id })))
    }
}
