//! A person changes the own password; every other session ends.

use crate::batch::{Batch, Step};
use crate::commands::people::reset_password;
use crate::commands::people::revoke_sessions;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use kernel::SessionId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChangePassword {
    #[serde(skip)]
    pub password_hash: String,
    /// Of the password, keyed: its hash is another one at every try.
    #[serde(skip)]
    pub password_digest: String,
    /// The session that made the change stays.
    pub keep_session: SessionId,
}

impl Execute for ChangePassword {
    const NAME: &'static str = "change_password";

    type Decision = User;

    fn secrets(&self) -> Vec<&str> {
        vec![&self.password_digest]
    }

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<User> {
        Ok(User::load(view.conn(), actor.user_id)?)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut user: User) -> Applied<Done> {
        user.password_hash.clone_from(&self.password_hash);
        user.password_expires_at = None;
        batch.update(&user)?;
        reset_password::close_links(batch, user.id)?;
        revoke_sessions::end_sessions(batch, user.id, self.keep_session)?;
        batch.notify_user((user.party_id, user.id), "password_changed", &json!({}), "/account/security".to_owned());
        Ok(Done::new(user.id, json!({})))
    }
}
