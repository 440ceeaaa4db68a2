//! A person adds or removes the second factor (RFC 6238). The caller has checked a code made with the secret.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EnrolTotp {
    /// Base32; empty removes the factor.
    #[serde(skip)]
    pub secret: String,
    pub enrolled: bool,
    /// Time step of the code that was used: it is not accepted again.
    pub step: i64,
}

impl Execute for EnrolTotp {
    const NAME: &'static str = "enrol_totp";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let mut user = User::load(batch.conn, actor.user_id)?;
        user.totp_secret.clone_from(&self.secret);
        user.totp_last_step = self.step;
        batch.update(&user)?;
        let kind = if self.enrolled { "totp_added" } else { "totp_removed" };
        batch.notify_user((user.party_id, user.id), kind, &json!({}), "/account/security".to_owned());
        Ok(Done::new(user.id, json!({})))
    }
}
