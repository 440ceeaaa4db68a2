//! A forgotten password is replaced through the one-time link; every session ends.

use crate::batch::{Batch, Step};
use crate::commands::people::accept_invitation::open_link;
use crate::commands::people::revoke_sessions;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::party::{SignInLinkKind, UserStatus};
use kernel::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ResetPassword {
    #[serde(skip)]
    pub token_hash: String,
    #[serde(skip)]
    pub password_hash: String,
    /// Of the password, keyed: its hash is another one at every try.
    #[serde(skip)]
    pub password_digest: String,
}

/// A new password makes every link useless that could still set another.
pub(crate) fn close_links(batch: &mut Batch<'_>, user_id: UserId) -> Applied<()> {
    for mut link in store::people::list_unused_links(batch.conn, user_id, SignInLinkKind::Reset)? {
        link.used_at = Some(batch.now);
        batch.update(&link)?;
    }
    Ok(())
}

impl Execute for ResetPassword {
    const NAME: &'static str = "reset_password";

    type Decision = User;

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token_hash, &self.password_digest]
    }

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<User> {
        let link = open_link(view, SignInLinkKind::Reset, &self.token_hash)?;
        let user = User::load(view.conn(), link.user_id)?;
        if user.status != UserStatus::Active {
            return Err(Refusal::LinkInvalid.into());
        }
        Ok(user)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut user: User) -> Applied<Done> {
        user.password_hash.clone_from(&self.password_hash);
        user.password_expires_at = None;
        user.failed_count = 0;
        // A person who can read the mail may sign in again at once: a lock would only keep out the victim.
        user.locked_until = None;
        batch.update(&user)?;
        close_links(batch, user.id)?;
        revoke_sessions::end_sessions(batch, user.id, SessionId(0))?;
        batch.notify_user((user.party_id, user.id), "password_changed", &json!({}), "/account/security".to_owned());
        Ok(Done::new(user.id, json!({ "user_id": user.id })))
    }
}
