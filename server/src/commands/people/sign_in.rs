//! A person has proven who they are: a session begins. The token itself is never stored.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use chrono::TimeDelta;
use domain::Refusal;
use domain::party::{SessionKind, UserStatus};
use kernel::SessionId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Session, User};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignIn {
    #[serde(skip)]
    pub token_hash: String,
    #[serde(skip)]
    pub csrf: String,
    pub kind: SessionKind,
    pub agent: String,
    /// Minutes until it ends whatever happens.
    pub life_minutes: i64,
    /// Time step of the code that was used, or zero: a code is accepted once.
    pub totp_step: i64,
    /// The pending session that this one replaces.
    pub replaces: SessionId,
}

impl Execute for SignIn {
    const NAME: &'static str = "sign_in";

    type Decision = User;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<User> {
        let user = User::load(view.conn(), actor.user_id)?;
        let locked = user.locked_until.is_some_and(|until| until > view.now());
        if user.status != UserStatus::Active || locked {
            return Err(Refusal::SignInFailed.into());
        }
        if self.totp_step > 0 && self.totp_step <= user.totp_last_step {
            return Err(Refusal::TotpWrong.into());
        }
        Ok(user)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut user: User) -> Applied<Done> {
        if self.totp_step > 0 {
            user.totp_last_step = self.totp_step;
        }
        if self.kind != SessionKind::Pending {
            user.failed_count = 0;
        }
        batch.update(&user)?;
        if self.replaces > SessionId(0) {
            let mut old = Session::load(batch.conn, self.replaces)?;
            old.revoked_at = Some(batch.now);
            batch.update(&old)?;
        }
        let life = TimeDelta::try_minutes(self.life_minutes).unwrap_or_default();
        let session = Session {
            id: batch.next_id(),
            user_id: user.id,
            kind: self.kind,
            token_hash: self.token_hash.clone(),
            csrf: self.csrf.clone(),
            agent: self.agent.chars().filter(|mark| !mark.is_control()).take(200).collect(),
            created_at: batch.now,
            seen_at: batch.now,
            expires_at: batch.now.checked_add_signed(life).unwrap_or(batch.now),
            revoked_at: None,
            code_at: (self.totp_step > 0).then_some(batch.now),
        };
        batch.insert(&session)?;
        Ok(Done::new(user.id, json!({ "session_id": session.id })))
    }
}
