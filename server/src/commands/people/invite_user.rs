//! An administrator invites a colleague by mail. An invitation with more than the right to read needs a second person's
//! agreement.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Asks, Done, Execute, required};
use crate::view::View;
use chrono::TimeDelta;
use domain::party::{Role, Roles, SignInLinkKind, Theme, UserStatus, read_names};
use domain::{Refusal, four_eyes};
use kernel::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::{Link, Party, User};
use utoipa::ToSchema;

/// Hours that an invitation can be taken up.
const INVITATION_HOURS: i64 = 72;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct InviteUser {
    pub email: String,
    pub name: String,
    /// Comma-separated: administrator, maker, checker, viewer.
    pub roles: String,
}

/// The address in the form in which it is kept, if mail can go to it.
pub(crate) fn possible_email(typed: &str, field: &str) -> Result<String, Refusal> {
    let email = domain::names::mail_address(&required(typed, field, 200)?);
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    let valid = email.parse::<lettre::Address>().is_ok()
        && email.is_ascii()
        && domain.contains('.')
        && !email.contains(['"', '<', '>', ',']);
    if !valid {
        return Err(Refusal::FieldInvalid { field: field.to_owned() });
    }
    Ok(email)
}

/// The same, if no user has it.
pub(crate) fn free_email(view: &mut dyn View, typed: &str, field: &str) -> Step<String> {
    let email = possible_email(typed, field)?;
    if store::people::find_user_by_email(view.conn(), &email)?.is_some() {
        return Err(Refusal::EmailTaken { field: field.to_owned() }.into());
    }
    Ok(email)
}

/// The invited person, with an address that no user has.
pub struct Invited {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) roles: Roles,
    /// The colleague who invites this person; none where the operator does.
    pub(crate) invited_by: Option<UserId>,
}

/// A user who has not chosen a password yet, and the one-time link that lets them.
pub(crate) fn insert_invited(batch: &mut Batch<'_>, party: &Party, invited: Invited) -> Applied<UserId> {
    let user = User {
        id: batch.next_id(),
        party_id: party.id,
        email: invited.email,
        name: invited.name,
        roles: invited.roles,
        status: UserStatus::Invited,
        language: party.language,
        theme: Theme::System,
        password_hash: String::new(),
        totp_secret: String::new(),
        totp_last_step: 0,
        failed_count: 0,
        locked_until: None,
        created_at: batch.now,
        invited_by: invited.invited_by,
        roles_by: None,
        password_expires_at: None,
    };
    batch.insert(&user)?;
    insert_invitation(batch, party, user.id)?;
    Ok(user.id)
}

/// The link by which an invited person comes in, mailed to the address that it has.
pub(crate) fn insert_invitation(batch: &mut Batch<'_>, party: &Party, user_id: UserId) -> Applied<()> {
    let token = crate::hash::random_token();
    insert_link(batch, SignInLinkKind::Invitation, user_id, &token, INVITATION_HOURS)?;
    let arguments = json!({ "company": party.name, "token": token });
    batch.notify_user((party.id, user_id), "invitation", &arguments, format!("/invitations/{token}"));
    Ok(())
}

/// A one-time link; only the hash of its token is kept.
pub(crate) fn insert_link(batch: &mut Batch<'_>, kind: SignInLinkKind, user_id: UserId, token: &str, hours: i64) -> Applied<()> {
    let life = TimeDelta::try_hours(hours).unwrap_or_default();
    let link = Link {
        id: batch.next_id(),
        kind,
        token_hash: crate::hash::sha256_hex(token.as_bytes()),
        user_id,
        expires_at: batch.now.checked_add_signed(life).unwrap_or(batch.now),
        used_at: None,
    };
    Ok(batch.insert(&link)?)
}

impl Execute for InviteUser {
    const NAME: &'static str = "invite_user";
    const ASKERS: &'static [Role] = &[Role::Administrator];
    const STEP_UP: bool = true;

    /// The company, and whom it gets.
    type Decision = (Arc<Party>, Invited);

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<(Arc<Party>, Invited)> {
        let roles = read_names(&self.roles, "roles")?;
        let name = required(&self.name, "name", 100)?;
        let email = free_email(view, &self.email, "email")?;
        let party = view.party(actor.party_id)?;
        Ok((party, Invited { email, name, roles, invited_by: Some(actor.user_id) }))
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, (_, invited): &(Arc<Party>, Invited)) -> Step<Asks> {
        let gives = four_eyes::widens((&Roles::default(), false), (&invited.roles, true));
        if gives { second_person::ask(view.conn(), actor).map(Asks::Always) } else { Ok(Asks::Nobody) }
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, (party, invited): (Arc<Party>, Invited)) -> Applied<Done> {
        let user_id = insert_invited(batch, &party, invited)?;
        Ok(Done::new(party.id, json!({ "user_id": user_id })))
    }
}
