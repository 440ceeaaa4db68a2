//! A person has forgotten a password: a one-time link by mail, valid for an hour. Only the newest link of a person is open.

use crate::batch::{Batch, Step};
use crate::commands::people::invite_user;
use crate::commands::people::reset_password;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
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

    type Decision = User;

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token]
    }

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<User> {
        Ok(User::load(view.conn(), self.user_id)?)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, user: User) -> Applied<Done> {
        reset_password::close_links(batch, user.id)?;
        invite_user::insert_link(batch, SignInLinkKind::Reset, user.id, &self.token, 1)?;
        let link = format!("/password/reset/{}", self.token);
        batch.notify_user((user.party_id, user.id), "password_reset", &json!({ "token": self.token }), link);
        Ok(Done::new(user.id, json!({})))
    }
}
