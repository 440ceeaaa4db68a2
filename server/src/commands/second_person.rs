//! Who may be asked for a second look, so that nobody makes their own second person.

use super::{Actor, Ask, links};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::invoice::InvoiceState;
use domain::party::{Names, Role};
use serde_json::json;
use store::query::Bind;
use store::records::Record;
use store::{Approval, User};

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

/// Nobody agrees any more to confirm an invoice that is no longer in the state in which somebody asked, and no link leads to it.
pub(crate) fn end_confirmations(batch: &mut Batch<'_>, invoice_id: i64, now: InvoiceState) -> Step<()> {
    links::end(batch, invoice_id, now.name())?;
    end_requests(batch, "command = 'confirm_invoice' AND subject_id = ?", &[invoice_id.into()], now.name())
}

/// Ends requests that wait: what they were about has changed, so that nobody can agree to what nobody asked for. Whoever
/// asked is told why: `why` names a text.
pub(crate) fn end_requests(batch: &mut Batch<'_>, condition: &str, binds: &[Bind], why: &str) -> Step<()> {
    let condition = format!("state = 'pending' AND {condition} ORDER BY id");
    for mut request in Approval::list_where(batch.conn, &condition, binds)? {
        "ended".clone_into(&mut request.state);
        why.clone_into(&mut request.reason);
        request.decided_at = Some(batch.now);
        batch.update(&request)?;
        let arguments = json!({ "command": request.command, "why": why });
        batch.notify_user(
            (request.party_id, request.maker_id),
            "approval_ended",
            &arguments,
            format!("/approvals/{}", request.id),
        );
    }
    Ok(())
}
