//! An administrator changes what a colleague may do, or disables the account at once. Making a checker, or leaving the
//! company without one, needs a second person's agreement.

use super::{Actor, Ask, Done, Execute, revoke_sessions, second_person};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::party::{Names, Role, UserStatus, normalise_names};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::{Keyed, Record};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChangeUser {
    pub user_id: i64,
    /// Comma-separated: administrator, maker, checker, viewer.
    pub roles: String,
    pub disabled: bool,
}

/// The role names, in their fixed order.
pub(crate) fn known_roles() -> Vec<&'static str> {
    Role::ALL.iter().map(|role| role.name()).collect()
}

impl ChangeUser {
    /// The person as they are, and the roles that they shall have.
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(User, String)> {
        let found = User::find(batch.conn, self.user_id)?.filter(|user| user.party_id == actor.party_id && user.status != UserStatus::Contact.name());
        let user = found.ok_or(Refusal::NotFound)?;
        let roles = normalise_names(&self.roles, &known_roles(), "roles")?;
        let administrator = Role::Administrator.name();
        let stays = !self.disabled && Names::parse(&roles).has(administrator);
        let binds = [actor.party_id.into(), user.id.into()];
        let others = User::list_where(batch.conn, "party_id = ? AND status = 'active' AND id <> ?", &binds)?;
        if !stays && !others.iter().any(|other| Names::parse(&other.roles).has(administrator)) {
            return Err(Refusal::LastAdministrator.into());
        }
        Ok((user, roles))
    }
}

impl Execute for ChangeUser {
    const NAME: &'static str = "change_user";
    const STEP_UP: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (user, roles) = self.decide(batch, actor)?;
        let checker = Role::Checker.name();
        let before = user.status != UserStatus::Disabled.name() && Names::parse(&user.roles).has(checker);
        let after = !self.disabled && Names::parse(&roles).has(checker);
        let about = |ask: Ask| Some(Ask { subject: user.id, ..ask });
        match (before, after) {
            (false, true) => second_person::ask(batch, actor, &[actor.user_id, user.id]).map(about),
            // The last one whom the administrator does not decide about has a say in it.
            (true, false) if !second_person::stands(batch, actor.party_id, &[actor.user_id, user.id])? => {
                second_person::ask(batch, actor, &[actor.user_id]).map(about)
            }
            _ => Ok(None),
        }
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut user, roles) = self.decide(batch, actor)?;
        user.roles = roles;
        if self.disabled {
            user.status = UserStatus::Disabled.name().to_owned();
        } else if user.status == UserStatus::Disabled.name() {
            let known = if user.password_hash.is_empty() { UserStatus::Invited } else { UserStatus::Active };
            user.status = known.name().to_owned();
        }
        batch.update(&user)?;
        if self.disabled {
            revoke_sessions::end_sessions(batch, user.id, 0)?;
            second_person::end_requests(batch, "maker_id = ?", &[user.id.into()], "person_disabled")?;
        }
        Ok(Done::new(actor.party_id, json!({ "user_id": user.id })))
    }
}
