//! An administrator ends all sessions of a colleague, who can sign in again: for a lost device or a password that became known.

use crate::batch::{Batch, Step};
use crate::commands::people::change_user;
use crate::commands::people::revoke_sessions;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::party::Role;
use kernel::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EndSessions {
    pub user_id: UserId,
}

impl Execute for EndSessions {
    const NAME: &'static str = "end_sessions";
    const ASKERS: &'static [Role] = &[Role::Administrator];
    const STEP_UP: bool = true;

    type Decision = User;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<User> {
        change_user::colleague(view.conn(), actor, self.user_id)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, user: User) -> Applied<Done> {
        let ended = revoke_sessions::end_sessions(batch, user.id, SessionId(0))?;
        let by = User::load(batch.conn, actor.user_id)?.name;
        batch.notify_user((user.party_id, user.id), "sessions_ended", &json!({ "person": by }), "/account/security".to_owned());
        Ok(Done::new(user.id, json!({ "user_id": user.id, "ended": ended })))
    }
}
