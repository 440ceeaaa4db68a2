//! A person confirms the new mail address by the link that went to it, signed in as themselves: neither the mailbox nor the account alone
//! is enough. Links to a new password and all other sessions end.

use super::{Actor, Done, Execute, reset_password, revoke_sessions};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::party::AddressChangeState;
use kernel::SessionId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ConfirmAddress {
    #[serde(skip)]
    pub token_hash: String,
    /// The session that confirms stays.
    pub keep_session: SessionId,
}

impl Execute for ConfirmAddress {
    const NAME: &'static str = "confirm_address";

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token_hash]
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let found = store::people::find_address_change(batch.conn, actor.user_id, &self.token_hash)?;
        let now = batch.now;
        let mut change = found.filter(|change| change.expires_at > now).ok_or(Refusal::LinkInvalid)?;
        // Somebody else may have come by this address in the meantime.
        if store::people::find_user_by_email(batch.conn, &change.new_email)?.is_some() {
            return Err(Refusal::EmailTaken { field: "email".to_owned() }.into());
        }
        let mut user = User::load(batch.conn, actor.user_id)?;
        user.email.clone_from(&change.new_email);
        batch.update(&user)?;
        change.state = AddressChangeState::Done;
        change.ended_at = Some(now);
        batch.update(&change)?;
        reset_password::close_links(batch, user.id)?;
        revoke_sessions::end_sessions(batch, user.id, self.keep_session)?;
        let told = json!({ "change_id": change.id });
        batch.notify_user((user.party_id, user.id), "address_changed", &told, "/login".to_owned());
        Ok(Done::new(user.id, json!({ "change_id": change.id })))
    }
}
