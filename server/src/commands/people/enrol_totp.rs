//! A person adds or removes the second factor (RFC 6238); every other session ends. The caller has checked a code made with the
//! secret, and the password.

use crate::batch::{Batch, Step};
use crate::commands::people::revoke_sessions;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use kernel::SessionId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Session, User};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EnrolTotp {
    /// Base32; empty removes the factor.
    #[serde(skip)]
    pub secret: String,
    pub enrolled: bool,
    /// Time step of the code that was used: it is not accepted again.
    pub step: i64,
    /// The session that made the change stays.
    #[serde(default)]
    pub keep_session: SessionId,
}

impl Execute for EnrolTotp {
    const NAME: &'static str = "enrol_totp";

    type Decision = User;

    fn secrets(&self) -> Vec<&str> {
        vec![&self.secret]
    }

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<User> {
        let user = User::load(view.conn(), actor.user_id)?;
        if self.enrolled && !user.totp_secret.is_empty() {
            return Err(Refusal::StateConflict { state: "active".to_owned() }.into());
        }
        if !self.enrolled && self.step <= user.totp_last_step {
            // The same code in two requests at once removes nothing twice.
            return Err(Refusal::TotpWrong.into());
        }
        Ok(user)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut user: User) -> Applied<Done> {
        user.totp_secret.clone_from(&self.secret);
        user.totp_last_step = self.step;
        batch.update(&user)?;
        revoke_sessions::end_sessions(batch, user.id, self.keep_session)?;
        if self.enrolled
            && let Some(mut session) = Session::find(batch.conn, self.keep_session)?.filter(|row| row.user_id == user.id)
        {
            // This session rests on the code that was just given; no other does.
            session.code_at = Some(batch.now);
            batch.update(&session)?;
        }
        let kind = if self.enrolled { "totp_added" } else { "totp_removed" };
        batch.notify_user((user.party_id, user.id), kind, &json!({}), "/account/security".to_owned());
        Ok(Done::new(user.id, json!({})))
    }
}
