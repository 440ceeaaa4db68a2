//! The last of five wrong passwords or codes was given: the person rests for a quarter of an hour. The single tries are counted as an
//! allowance (`http/prove.rs`); only the lock is recorded.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
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
impl Execute for RecordSignInFailure {
    const NAME: &'static str = "record_sign_in_failure";

    fn execute(&self, batch: &mut Batch<'_>, _actor: &Actor) -> Step<Done> {
        let mut user = User::load(batch.conn, self.user_id)?;
        // Two processes may find the last try at the same time.
        if user.locked_until.is_none_or(|until| until <= batch.now) {
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
