//! A person asks to change their own mail address. A link goes to the new address and a notice to the old one. Nothing changes
//! before the link is confirmed. The caller has checked the password and, where there is a second factor, a code.

use crate::batch::{Batch, Step};
use crate::commands::people::invite_user;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use chrono::TimeDelta;
use domain::Refusal;
use domain::party::AddressChangeState;
use kernel::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{AddressChange, User};

/// Hours that the link to a new address is open.
const LINK_HOURS: i64 = 24;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RequestAddress {
    pub email: String,
    /// Time step of the code that was given; 0 where the person has no second factor.
    #[serde(default)]
    pub step: i64,
    #[serde(skip)]
    pub token: String,
}

/// Ends what is open about a person's address: only the newest link leads anywhere.
pub(crate) fn end_open(batch: &mut Batch<'_>, user_id: UserId) -> Applied<()> {
    for mut change in store::people::list_open_address_changes(batch.conn, user_id)? {
        change.state = AddressChangeState::Ended;
        change.ended_at = Some(batch.now);
        batch.update(&change)?;
    }
    Ok(())
}

impl Execute for RequestAddress {
    const NAME: &'static str = "request_address";

    /// The asking person, and the new address.
    type Decision = (User, String);

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token]
    }

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<(User, String)> {
        let user = User::load(view.conn(), actor.user_id)?;
        if !user.totp_secret.is_empty() && self.step <= user.totp_last_step {
            return Err(Refusal::TotpWrong.into());
        }
        let new_email = invite_user::free_email(view, &self.email, "email")?;
        Ok((user, new_email))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, (mut user, new_email): (User, String)) -> Applied<Done> {
        if self.step > user.totp_last_step {
            // A code is accepted once.
            user.totp_last_step = self.step;
            batch.update(&user)?;
        }
        end_open(batch, user.id)?;
        let life = TimeDelta::try_hours(LINK_HOURS).unwrap_or_default();
        let change = AddressChange {
            id: batch.next_id(),
            party_id: user.party_id,
            user_id: user.id,
            old_email: user.email.clone(),
            new_email,
            token_hash: crate::hash::sha256_hex(self.token.as_bytes()),
            state: AddressChangeState::Open,
            asked_by: user.id,
            agreed_by: None,
            reason: String::new(),
            asked_at: batch.now,
            expires_at: batch.now.checked_add_signed(life).unwrap_or(batch.now),
            ended_at: None,
        };
        batch.insert(&change)?;
        let link = format!("/account/address?confirm={}", self.token);
        let arguments = json!({ "change_id": change.id, "token": self.token });
        batch.notify_user((user.party_id, user.id), "address_confirm", &arguments, link);
        batch.notify_user((user.party_id, user.id), "address_asked", &json!({}), "/account/address".to_owned());
        Ok(Done::new(user.id, json!({ "change_id": change.id })))
    }
}
