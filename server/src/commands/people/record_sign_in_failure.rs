//! Records the last of five wrong passwords or codes: the person is locked for a quarter of an hour. Single tries count as an
//! allowance (`http/prove.rs`); only the lock is recorded.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use chrono::TimeDelta;
use kernel::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordSignInFailure {
    pub user_id: UserId,
    /// Whether the person gets a mail: one for each lock would be a way to flood a mailbox.
    #[serde(default)]
    pub tell: bool,
}

/// Wrong tries before the person rests.
pub const MOST_TRIES: i64 = 5;
/// Minutes that it rests.
pub const LOCK_MINUTES: i64 = 15;
pub const LOCK_SECONDS: i64 = LOCK_MINUTES * 60;

/// The person, and whether a lock already holds: two processes may find the last try at the same time.
pub struct Tried {
    user: User,
    rests: bool,
}

impl Execute for RecordSignInFailure {
    const NAME: &'static str = "record_sign_in_failure";

    type Decision = Tried;

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<Tried> {
        let user = User::load(view.conn(), self.user_id)?;
        let rests = user.locked_until.is_some_and(|until| until > view.now());
        Ok(Tried { user, rests })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Tried) -> Applied<Done> {
        let Tried { mut user, rests } = decision;
        if !rests {
            let rest = TimeDelta::try_minutes(LOCK_MINUTES).unwrap_or_default();
            user.locked_until = batch.now.checked_add_signed(rest);
            batch.update(&user)?;
            if self.tell {
                let arguments = json!({ "minutes": LOCK_MINUTES });
                batch.notify_user((user.party_id, user.id), "account_locked", &arguments, "/password/reset".to_owned());
            }
        }
        Ok(Done::new(user.id, json!({})))
    }
}
