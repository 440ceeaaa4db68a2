//! An administrator and a second person of the company correct a colleague's mail address. Everything that relied on the old
//! address ends: sessions, links to a new password, an invitation.

use crate::batch::{Batch, Step};
use crate::commands::people::change_user;
use crate::commands::people::invite_user;
use crate::commands::people::request_address;
use crate::commands::people::reset_password;
use crate::commands::people::revoke_sessions;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, required_prose};
use crate::view::View;
use domain::four_eyes::Matter;
use domain::party::{AddressChangeState, Role, SignInLinkKind, UserStatus};
use kernel::{AddressChangeId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{AddressChange, Conn, Party, User};
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CorrectAddress {
    pub user_id: UserId,
    pub email: String,
    /// How the asking person knows that the person can be reached at this address.
    pub reason: String,
}

/// Whose address is corrected, to which, and why.
pub struct Correctable {
    pub(crate) user: User,
    pub(crate) email: String,
    pub(crate) reason: String,
}

/// An invitation that went to the old address opens nothing any more; another goes to the new one.
fn invite_again(batch: &mut Batch<'_>, user: &User) -> Applied<()> {
    for mut link in store::people::list_unused_links(batch.conn, user.id, SignInLinkKind::Invitation)? {
        link.used_at = Some(batch.now);
        batch.update(&link)?;
    }
    let party = Party::load(batch.conn, user.party_id)?;
    invite_user::insert_invitation(batch, &party, user.id)
}

/// Writes the address into the person's record, ends everything that relied on the old one, and returns the change's id. A
/// colleague who makes the change becomes the person's sponsor, as one who gives roles does.
pub(crate) fn put(batch: &mut Batch<'_>, actor: &Actor, decision: Correctable) -> Applied<AddressChangeId> {
    let Correctable { mut user, email, reason } = decision;
    request_address::end_open(batch, user.id)?;
    let change = AddressChange {
        id: batch.next_id(),
        party_id: user.party_id,
        user_id: user.id,
        old_email: std::mem::replace(&mut user.email, email),
        new_email: user.email.clone(),
        token_hash: String::new(),
        state: AddressChangeState::Done,
        asked_by: actor.user_id,
        agreed_by: actor.approver_id,
        reason,
        asked_at: batch.now,
        expires_at: batch.now,
        ended_at: Some(batch.now),
    };
    batch.insert(&change)?;
    if stands_behind(actor, &user) {
        user.roles_by = Some(actor.user_id);
    }
    batch.update(&user)?;
    reset_password::close_links(batch, user.id)?;
    revoke_sessions::end_sessions(batch, user.id, SessionId(0))?;
    let told = json!({ "change_id": change.id });
    batch.notify_user((user.party_id, user.id), "address_changed", &told, "/login".to_owned());
    if user.status == UserStatus::Invited {
        invite_again(batch, &user)?;
    } else {
        let by = User::load(batch.conn, actor.user_id)?.name;
        batch.notify_user((user.party_id, user.id), "address_corrected", &json!({ "person": by }), "/login".to_owned());
    }
    Ok(change.id)
}

/// A person never sponsors themselves, and the operator sponsors no person of another company.
fn stands_behind(actor: &Actor, user: &User) -> bool {
    user.party_id == actor.party_id && user.id != actor.user_id
}

impl Execute for CorrectAddress {
    const NAME: &'static str = "correct_address";
    const ASKERS: &'static [Role] = &[Role::Administrator];
    const STEP_UP: bool = true;

    type Decision = Correctable;

    /// The owner of a checker's address could agree in the checker's place. So an independent person must agree, as for a new
    /// checker.
    fn matter(&self, conn: &mut Conn, actor: &Actor) -> Step<Matter> {
        let user = change_user::colleague(conn, actor, self.user_id)?;
        let checks = user.roles.has(Role::Checker);
        Ok(if checks { Matter::EndsChecker { checker: user.id, widens: true } } else { Matter::Ordinary })
    }

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Correctable> {
        let user = change_user::colleague(view.conn(), actor, self.user_id)?;
        let reason = required_prose(&self.reason, "reason", 500)?;
        let email = invite_user::free_email(view, &self.email, "email")?;
        Ok(Correctable { user, email, reason })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Correctable) -> Step<Asks> {
        crate::commands::one_request(view.conn(), actor, decision.user.id)?;
        Ok(Asks::Always(Ask { amount_minor: None, currency: String::new(), subject: decision.user.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Correctable) -> Applied<Done> {
        let (user_id, sponsored) = (decision.user.id, stands_behind(actor, &decision.user));
        let change_id = put(batch, actor, decision)?;
        let mut body = json!({ "user_id": user_id, "change_id": change_id });
        if let (Some(map), true) = (body.as_object_mut(), sponsored) {
            map.insert("sponsor".to_owned(), json!(actor.user_id));
        }
        Ok(Done::new(actor.party_id, body))
    }
}
