//! A wrong password or code was given: after five the account rests for a quarter of an hour.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordSignInFailure {
    pub user_id: i64,
}

/// Wrong tries before the account rests.
pub const MOST_TRIES: i64 = 5;
/// Minutes that it rests.
pub const LOCK_MINUTES: i64 = 15;

impl Execute for RecordSignInFailure {
    const NAME: &'static str = "record_sign_in_failure";

    fn execute(&self, batch: &mut Batch<'_>, _actor: &Actor) -> Step<Done> {
        let mut user = User::load(batch.conn, self.user_id)?;
        user.failed_count = user.failed_count.saturating_add(1);
        if user.failed_count >= MOST_TRIES {
            user.failed_count = 0;
            let rest = TimeDelta::try_minutes(LOCK_MINUTES).unwrap_or_default();
            user.locked_until = batch.now.checked_add_signed(rest);
            batch.notify_user((user.party_id, user.id), "account_locked", &json!({ "minutes": LOCK_MINUTES }), "/password/reset".to_owned());
        }
        batch.update(&user)?;
        Ok(Done::new(user.id, json!({})))
    }
}
