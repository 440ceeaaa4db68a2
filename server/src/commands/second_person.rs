//! Who may be asked for a second look, so that nobody makes their own second person.

use super::{Actor, Ask};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::party::{Names, Role};
use store::User;
use store::records::Record;

/// Whether the company has a checker who is none of these people. Whoever is invited already counts: that took a
/// second person, too.
pub(crate) fn stands(batch: &mut Batch<'_>, party_id: i64, except: &[i64]) -> Step<bool> {
    let users = User::list_where(batch.conn, "party_id = ? AND status <> 'disabled'", &[party_id.into()])?;
    let checks = |user: &User| Names::parse(&user.roles).has(Role::Checker.name());
    Ok(users.iter().any(|user| checks(user) && !except.contains(&user.id)))
}

/// Asks a checker who is none of these people; without one nobody in the company could agree.
pub(crate) fn ask(batch: &mut Batch<'_>, actor: &Actor, except: &[i64]) -> Step<Ask> {
    if !stands(batch, actor.party_id, except)? {
        return Err(Refusal::SecondPersonMissing.into());
    }
    Ok(Ask { amount_minor: None, currency: String::new(), subject: actor.party_id })
}
