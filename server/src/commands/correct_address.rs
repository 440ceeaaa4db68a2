//! Two people correct somebody's mail address: an administrator and a second person of the company; for the only administrator of a
//! company, two operators. What rested on the old address ends: sessions, links to a new password, an invitation.

use super::{
    Actor, Ask, Done, Execute, change_user, invite_user, request_address, required_prose, reset_password, revoke_sessions,
};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::four_eyes::Matter;
use domain::party::{Capacity, Names, Role, UserStatus};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::{Keyed, Record};
use store::{AddressChange, Conn, Link, Party, User};
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CorrectAddress {
    pub user_id: i64,
    pub email: String,
    /// How whoever asks knows that the person is reached there.
    pub reason: String,
}

/// Whether the company has another active administrator than this person, who could correct the address with a second person.
pub(crate) fn has_other_administrator(conn: &mut Conn, user: &User) -> Step<bool> {
    let binds = [user.party_id.into(), user.id.into()];
    let others = User::list_where(conn, "party_id = ? AND status = 'active' AND id <> ?", &binds)?;
    Ok(others.iter().any(|other| Names::parse(&other.roles).has(Role::Administrator.name())))
}

impl CorrectAddress {
    /// The person, if it is the actor's to ask for: a colleague, or another company's only administrator.
    fn person(&self, conn: &mut Conn, actor: &Actor) -> Step<User> {
        let asker = User::load(conn, actor.user_id)?;
        let found = User::find(conn, self.user_id)?.ok_or(Refusal::NotFound)?;
        if found.party_id == actor.party_id {
            if !Names::parse(&asker.roles).has(Role::Administrator.name()) {
                return Err(Refusal::NotPermitted.into());
            }
            return change_user::colleague(conn, actor, self.user_id);
        }
        let operator = Party::load(conn, actor.party_id)?;
        let operates = Names::parse(&operator.capacities).has(Capacity::Operator.name());
        let administers = Names::parse(&found.roles).has(Role::Administrator.name());
        if !operates || !administers || found.status == UserStatus::Contact.name() {
            return Err(Refusal::NotFound.into());
        }
        if !Names::parse(&asker.roles).has(Role::Maker.name()) || has_other_administrator(conn, &found)? {
            return Err(Refusal::NotPermitted.into());
        }
        Ok(found)
    }

    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(User, String)> {
        let user = self.person(batch.conn, actor)?;
        required_prose(&self.reason, "reason", 500)?;
        let email = invite_user::free_email(batch, &self.email, "email")?;
        Ok((user, email))
    }
}

/// An invitation that went to the old address opens nothing any more; another goes to the new one.
fn invite_again(batch: &mut Batch<'_>, user: &User) -> Step<()> {
    for mut link in Link::list_where(batch.conn, "user_id = ? AND kind = 'invite' AND used_at IS NULL", &[user.id.into()])? {
        link.used_at = Some(batch.now);
        batch.update(&link)?;
    }
    let party = batch.party(user.party_id)?;
    invite_user::insert_invitation(batch, &party, user.id)
}

impl Execute for CorrectAddress {
    const NAME: &'static str = "correct_address";
    const ASKERS: &'static [Role] = &[Role::Administrator, Role::Maker];
    const STEP_UP: bool = true;

    /// Whoever has a checker's address may come to agree in its place: somebody apart looks, as where a checker is made.
    fn matter(&self, conn: &mut Conn, actor: &Actor) -> Step<Matter> {
        let user = self.person(conn, actor)?;
        let checks = user.party_id == actor.party_id && Names::parse(&user.roles).has(Role::Checker.name());
        Ok(if checks { Matter::EndsChecker { checker: user.id, widens: true } } else { Matter::Ordinary })
    }

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (user, _) = self.decide(batch, actor)?;
        super::one_request(batch, actor, user.id)?;
        Ok(Some(Ask { amount_minor: None, currency: String::new(), subject: user.id }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut user, email) = self.decide(batch, actor)?;
        request_address::end_open(batch, user.id)?;
        let change = AddressChange {
            id: batch.next_id(),
            party_id: user.party_id,
            user_id: user.id,
            old_email: std::mem::replace(&mut user.email, email),
            new_email: user.email.clone(),
            token_hash: String::new(),
            state: "done".to_owned(),
            asked_by: actor.user_id,
            agreed_by: actor.approver_id,
            reason: self.reason.trim().to_owned(),
            asked_at: batch.now,
            expires_at: batch.now,
            ended_at: Some(batch.now),
        };
        batch.insert(&change)?;
        let mut body = json!({ "user_id": user.id, "change_id": change.id });
        if user.party_id == actor.party_id && user.id != actor.user_id {
            // Whoever says where a person is reached stands behind it, like who gives it roles.
            user.roles_by = Some(actor.user_id);
            if let Some(map) = body.as_object_mut() {
                map.insert("sponsor".to_owned(), actor.user_id.into());
            }
        }
        batch.update(&user)?;
        reset_password::close_links(batch, user.id)?;
        revoke_sessions::end_sessions(batch, user.id, 0)?;
        let told = json!({ "change_id": change.id });
        batch.notify_user((user.party_id, user.id), "address_changed", &told, "/login".to_owned());
        if user.status == UserStatus::Invited.name() {
            invite_again(batch, &user)?;
        } else {
            let by = User::load(batch.conn, actor.user_id)?.name;
            batch.notify_user((user.party_id, user.id), "address_corrected", &json!({ "person": by }), "/login".to_owned());
        }
        Ok(Done::new(user.party_id, body))
    }
}
