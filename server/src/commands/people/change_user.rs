//! An administrator changes a colleague's roles or disables the account. A second person must agree before a colleague gets more
//! than reading or a checker ends. Any other removal of a role takes effect at once.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::people::revoke_sessions;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute};
use crate::view::View;
use domain::four_eyes::Matter;
use domain::party::{Role, Roles, UserStatus, read_names};
use domain::{Refusal, four_eyes};
use kernel::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::people::Waiting;
use store::records::Keyed;
use store::{Conn, User};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChangeUser {
    pub user_id: UserId,
    /// Comma-separated: administrator, maker, checker, viewer.
    pub roles: String,
    pub disabled: bool,
}

/// A person as they are, and their state after the change.
pub struct Changeable {
    user: User,
    roles: Roles,
    widens: bool,
    ends_checker: bool,
}

/// A person of the own company with an account; anybody else is not there.
pub(crate) fn colleague(conn: &mut Conn, actor: &Actor, user_id: UserId) -> Step<User> {
    let found = User::find(conn, user_id)?;
    let own = found.filter(|user| user.party_id == actor.party_id && user.status != UserStatus::Contact);
    Ok(own.ok_or(Refusal::NotFound)?)
}

impl ChangeUser {
    /// The person as they are, and the roles that they shall have.
    fn look(&self, conn: &mut Conn, actor: &Actor) -> Step<(User, Roles)> {
        let user = colleague(conn, actor, self.user_id)?;
        let roles = read_names(&self.roles, "roles")?;
        let stays = !self.disabled && roles.has(Role::Administrator);
        let others = store::people::list_active_colleagues(conn, &user)?;
        if !stays && !others.iter().any(|other| other.roles.has(Role::Administrator)) {
            return Err(Refusal::LastAdministrator.into());
        }
        Ok((user, roles))
    }
}

impl ChangeUser {
    /// Whether it gives the person anything beyond reading, and whether it ends a checker.
    fn weigh(&self, user: &User, after: &Roles) -> (bool, bool) {
        let before = &user.roles;
        let (enabled_before, enabled_after) = (user.status != UserStatus::Disabled, !self.disabled);
        let checks = |roles: &Roles, enabled: bool| enabled && roles.has(Role::Checker);
        let ends = checks(before, enabled_before) && !checks(after, enabled_after);
        (four_eyes::widens((before, enabled_before), (after, enabled_after)), ends)
    }
}

impl Execute for ChangeUser {
    const NAME: &'static str = "change_user";
    const ASKERS: &'static [Role] = &[Role::Administrator];
    const STEP_UP: bool = true;

    type Decision = Changeable;

    fn matter(&self, conn: &mut Conn, actor: &Actor) -> Step<Matter> {
        let (user, roles) = self.look(conn, actor)?;
        let (widens, ends) = self.weigh(&user, &roles);
        Ok(if ends { Matter::EndsChecker { checker: user.id, widens } } else { Matter::Ordinary })
    }

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Changeable> {
        let (user, roles) = self.look(view.conn(), actor)?;
        let (widens, ends_checker) = self.weigh(&user, &roles);
        Ok(Changeable { user, roles, widens, ends_checker })
    }

    fn asks(&self, _view: &mut dyn View, _actor: &Actor, decision: &Changeable) -> Step<Asks> {
        if !decision.widens && !decision.ends_checker {
            return Ok(Asks::Nobody);
        }
        Ok(Asks::Always(Ask { amount_minor: None, currency: String::new(), subject: decision.user.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Changeable) -> Applied<Done> {
        let Changeable { mut user, roles, widens, .. } = decision;
        if widens && user.id != actor.user_id {
            user.roles_by = Some(actor.user_id);
        }
        user.roles = roles;
        if self.disabled {
            user.status = UserStatus::Disabled;
        } else if user.status == UserStatus::Disabled {
            let known = if user.password_hash.is_empty() { UserStatus::Invited } else { UserStatus::Active };
            user.status = known;
        }
        batch.update(&user)?;
        if self.disabled {
            revoke_sessions::end_sessions(batch, user.id, SessionId(0))?;
            second_person::end_requests(batch, Waiting::AskedBy(user.id), "person_disabled")?;
        } else {
            second_person::end_without_right(batch, &user)?;
        }
        Ok(Done::new(actor.party_id, json!({ "user_id": user.id })))
    }
}
