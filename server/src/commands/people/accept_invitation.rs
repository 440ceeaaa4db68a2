//! A person takes up an invitation: name, language and password.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute, required};
use crate::view::View;
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

/// An invitation that can be taken up, and by whom.
pub struct Acceptable {
    link: Link,
    user: User,
    name: String,
    language: Language,
}

/// The link, if it is of this kind, unused and in time.
pub(crate) fn open_link(view: &mut dyn View, kind: SignInLinkKind, token_hash: &str) -> Step<Link> {
    let found = store::people::find_link(view.conn(), kind, token_hash)?;
    let now = view.now();
    let open = found.filter(|link| link.used_at.is_none() && link.expires_at > now);
    Ok(open.ok_or(Refusal::LinkInvalid)?)
}

impl Execute for AcceptInvitation {
    const NAME: &'static str = "accept_invitation";

    type Decision = Acceptable;

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token_hash, &self.password_digest]
    }

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<Acceptable> {
        let link = open_link(view, SignInLinkKind::Invitation, &self.token_hash)?;
        let user = User::load(view.conn(), link.user_id)?;
        if user.status != UserStatus::Invited {
            return Err(Refusal::LinkInvalid.into());
        }
        let name = required(&self.name, "name", 100)?;
        let language = Language::parse(&self.language).unwrap_or(Language::English);
        Ok(Acceptable { link, user, name, language })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Acceptable) -> Applied<Done> {
        let Acceptable { mut link, mut user, name, language } = decision;
        user.name = name;
        user.language = language;
        user.password_hash.clone_from(&self.password_hash);
        user.status = UserStatus::Active;
        link.used_at = Some(batch.now);
        batch.update(&user)?;
        batch.update(&link)?;
        Ok(Done::new(user.party_id, json!({ "user_id": user.id, "party_id": user.party_id })))
    }
}
