//! A person takes up an invitation: name, language and password.

use super::{Actor, Done, Execute, required};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::party::{Language, SignInLinkKind, UserStatus};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Link, User};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AcceptInvitation {
    #[serde(skip)]
    pub token_hash: String,
    #[serde(skip)]
    pub password_hash: String,
    /// Of the password, keyed: its hash is another one at every try.
    #[serde(skip)]
    pub password_digest: String,
    pub name: String,
    pub language: String,
}

/// The link, if it is of this kind, unused and in time.
pub(crate) fn open_link(batch: &mut Batch<'_>, kind: SignInLinkKind, token_hash: &str) -> Step<Link> {
    let found = store::people::find_link(batch.conn, kind, token_hash)?;
    let now = batch.now;
    let open = found.filter(|link| link.used_at.is_none() && link.expires_at > now);
    Ok(open.ok_or(Refusal::LinkInvalid)?)
}

impl Execute for AcceptInvitation {
    const NAME: &'static str = "accept_invitation";

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token_hash, &self.password_digest]
    }

    fn execute(&self, batch: &mut Batch<'_>, _actor: &Actor) -> Step<Done> {
        let mut link = open_link(batch, SignInLinkKind::Invitation, &self.token_hash)?;
        let mut user = User::load(batch.conn, link.user_id)?;
        if user.status != UserStatus::Invited {
            return Err(Refusal::LinkInvalid.into());
        }
        user.name = required(&self.name, "name", 100)?;
        user.language = Language::parse(&self.language).unwrap_or(Language::English);
        user.password_hash.clone_from(&self.password_hash);
        user.status = UserStatus::Active;
        link.used_at = Some(batch.now);
        batch.update(&user)?;
        batch.update(&link)?;
        Ok(Done::new(user.party_id, json!({ "user_id": user.id, "party_id": user.party_id })))
    }
}
