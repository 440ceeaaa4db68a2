//! A person confirms the new mail address by the link that went to it, while signed in. Neither the mailbox nor the account alone
//! is enough. Links to a new password and all other sessions end.

use crate::batch::{Batch, Step};
use crate::commands::people::reset_password;
use crate::commands::people::revoke_sessions;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::party::AddressChangeState;
use kernel::SessionId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{AddressChange, User};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ConfirmAddress {
    #[serde(skip)]
    pub token_hash: String,
    /// The session that confirms stays.
    pub keep_session: SessionId,
}

impl Execute for ConfirmAddress {
    const NAME: &'static str = "confirm_address";

    type Decision = (AddressChange, User);

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token_hash]
    }

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<(AddressChange, User)> {
        let found = store::people::find_address_change(view.conn(), actor.user_id, &self.token_hash)?;
        let now = view.now();
        let change = found.filter(|change| change.expires_at > now).ok_or(Refusal::LinkInvalid)?;
        // Another user may have taken this address in the meantime.
        if store::people::find_user_by_email(view.conn(), &change.new_email)?.is_some() {
            return Err(Refusal::EmailTaken { field: "email".to_owned() }.into());
        }
        let user = User::load(view.conn(), actor.user_id)?;
        Ok((change, user))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: (AddressChange, User)) -> Applied<Done> {
        let (mut change, mut user) = decision;
        user.email.clone_from(&change.new_email);
        batch.update(&user)?;
        change.state = AddressChangeState::Done;
        change.ended_at = Some(batch.now);
        batch.update(&change)?;
        reset_password::close_links(batch, user.id)?;
        revoke_sessions::end_sessions(batch, user.id, self.keep_session)?;
        let told = json!({ "change_id": change.id });
        batch.notify_user((user.party_id, user.id), "address_changed", &told, "/login".to_owned());
        Ok(Done::new(user.id, json!({ "change_id": change.id })))
    }
}
