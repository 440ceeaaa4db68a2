//! Somebody has forgotten a password: a one-time link by mail, valid for an hour. Only the newest link of a person is open.

use super::{Actor, Done, Execute, invite_user, reset_password};
use crate::batch::{Batch, Step};
use domain::party::SignInLinkKind;
use kernel::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RequestPasswordReset {
    pub user_id: UserId,
    #[serde(skip)]
    pub token: String,
}

impl Execute for RequestPasswordReset {
    const NAME: &'static str = "request_password_reset";

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token]
    }

    fn execute(&self, batch: &mut Batch<'_>, _actor: &Actor) -> Step<Done> {
        let user = User::load(batch.conn, self.user_id)?;
        reset_password::close_links(batch, user.id)?;
        invite_user::insert_link(batch, SignInLinkKind::Reset, user.id, &self.token, 1)?;
        let link = format!("/password/reset/{}", self.token);
        batch.notify_user((user.party_id, user.id), "password_reset", &json!({ "token": self.token }), link);
        Ok(Done::new(user.id, json!({})))
    }
}
