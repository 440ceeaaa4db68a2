//! A person has lost the second factor: an administrator and a second person remove it. If neither is left, the command line
//! does. The password stays, every session ends, and the person gets a notice.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::people::revoke_sessions;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::four_eyes::{self, Matter};
use domain::party::{Role, UserStatus};
use kernel::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Conn, User};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ResetFactor {
    pub user_id: UserId,
    /// How it is known that the person has lost it.
    pub reason: String,
}

/// A checker without a factor is locked out until it has added one. So an independent person must agree, as for the end of a
/// checker.
fn about(user: &User) -> Matter {
    if user.roles.has(Role::Checker) { Matter::EndsChecker { checker: user.id, widens: false } } else { Matter::Ordinary }
}

impl Execute for ResetFactor {
    const NAME: &'static str = "reset_factor";
    const ASKERS: &'static [Role] = &[Role::Administrator];
    const STEP_UP: bool = true;

    type Decision = User;

    fn matter(&self, conn: &mut Conn, _actor: &Actor) -> Step<Matter> {
        Ok(User::find(conn, self.user_id)?.map_or(Matter::Ordinary, |user| about(&user)))
    }

    /// The person: a colleague, and anybody for the platform itself, which acts for the command line.
    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<User> {
        let platform = actor.party_id == Actor::SYSTEM.party_id;
        let found = User::find(view.conn(), self.user_id)?;
        let user = found.filter(|user| (platform || user.party_id == actor.party_id) && user.status != UserStatus::Contact);
        let user = user.ok_or(Refusal::NotFound)?;
        if user.id == actor.user_id {
            return Err(Refusal::SamePerson.into());
        }
        if user.totp_secret.is_empty() {
            return Err(Refusal::StateConflict { state: "factor_none".to_owned() }.into());
        }
        required_prose(&self.reason, "reason", 500)?;
        // The person whom it is about agrees to nothing here.
        if actor.approver_id == Some(user.id) {
            return Err(Refusal::SamePerson.into());
        }
        Ok(user)
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, user: &User) -> Step<Asks> {
        if actor.party_id == Actor::SYSTEM.party_id {
            return Ok(Asks::Nobody);
        }
        let (people, matter) = (second_person::people(view.conn(), actor.party_id)?, about(user));
        let could = |id: UserId| id != user.id && four_eyes::may_agree(&people, actor.user_id, id, matter);
        if !people.iter().any(|person| could(person.id)) {
            return Err(Refusal::SecondPersonMissing.into());
        }
        Ok(Asks::Always(Ask { amount_minor: None, currency: String::new(), subject: user.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut user: User) -> Applied<Done> {
        user.totp_secret = String::new();
        batch.update(&user)?;
        revoke_sessions::end_sessions(batch, user.id, SessionId(0))?;
        batch.notify_user((user.party_id, user.id), "totp_removed", &json!({}), "/account/security".to_owned());
        Ok(Done::new(user.party_id, json!({ "user_id": user.id })))
    }
}
