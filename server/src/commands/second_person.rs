//! When a second person must agree, and who may be asked, so that nobody makes their own.

use super::{Actor, Ask, links};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::invoice::InvoiceState;
use domain::party::{Names, Role, needs_second_person};
use serde_json::json;
use store::query::Bind;
use store::records::Record;
use store::{Approval, SoloActs, User};

/// Whether the company has a checker who is none of these people. Whoever is invited already counts: that took a
/// second person, too.
pub(crate) fn stands(batch: &mut Batch<'_>, party_id: i64, except: &[i64]) -> Step<bool> {
    let users = User::list_where(batch.conn, "party_id = ? AND status <> 'disabled'", &[party_id.into()])?;
    let checks = |user: &User| Names::parse(&user.roles).has(Role::Checker.name());
    Ok(users.iter().any(|user| checks(user) && !except.contains(&user.id)))
}

/// What may still be done alone today, if the company lets anybody do anything alone.
pub(crate) fn room(batch: &mut Batch<'_>, actor: &Actor, currency: &str) -> Step<Option<i64>> {
    let Some(limit) = batch.solo_limit(actor.party_id, currency)? else { return Ok(None) };
    if limit.day_minor.is_none() {
        return Ok(Some(limit.act_minor));
    }
    let today = batch.today();
    let acts = batch.solo_acts(actor.party_id, currency)?;
    let alone_minor = acts.filter(|acts| acts.day == today).map_or(0, |acts| acts.sum_minor);
    Ok(Some(limit.room_minor(alone_minor)))
}

/// Asks a second person where one of these amounts is more than may still be done alone. Where none is, what is done counts for the day.
pub(crate) fn weigh(batch: &mut Batch<'_>, actor: &Actor, amounts: &[(&str, i64)], subject: i64) -> Step<Option<Ask>> {
    let mut needed = false;
    for (currency, amount_minor) in amounts {
        needed = needed || needs_second_person(*amount_minor, room(batch, actor, currency)?);
    }
    if needed {
        // A request names one amount; of several currencies its page shows each.
        let only = amounts.first().filter(|_| amounts.len() == 1);
        let amount_minor = only.map(|(_, minor)| *minor);
        let currency = only.map(|(currency, _)| (*currency).to_owned()).unwrap_or_default();
        return Ok(Some(Ask { amount_minor, currency, subject }));
    }
    for (currency, amount_minor) in amounts {
        act_alone(batch, actor, currency, *amount_minor)?;
    }
    Ok(None)
}

/// Once the running command has happened, so much more was done alone; remembered where the company bounds the day.
pub(crate) fn act_alone(batch: &mut Batch<'_>, actor: &Actor, currency: &str, amount_minor: i64) -> Step<()> {
    if batch.solo_limit(actor.party_id, currency)?.is_some_and(|limit| limit.day_minor.is_some()) {
        batch.alone.push((currency.to_owned(), amount_minor));
    }
    Ok(())
}

/// Adds what the command that has just happened was, to what the company's people have done alone on this day.
pub(crate) fn count_alone(batch: &mut Batch<'_>, actor: &Actor) -> Step<()> {
    let today = batch.today();
    for (currency, amount_minor) in std::mem::take(&mut batch.alone) {
        let Some(acts) = batch.solo_acts(actor.party_id, &currency)? else {
            let acts = SoloActs { id: batch.next_id(), party_id: actor.party_id, currency, day: today, sum_minor: amount_minor };
            batch.insert(&acts)?;
            batch.keep_solo_acts(acts);
            continue;
        };
        let before = if acts.day == today { acts.sum_minor } else { 0 };
        acts.day = today;
        acts.sum_minor = before.saturating_add(amount_minor);
        let acts = acts.clone();
        batch.mark(&acts);
        batch.records.solo_acts.changed.insert(acts.id);
    }
    Ok(())
}

/// Asks a checker who is none of these people; without one nobody in the company could agree.
pub(crate) fn ask(batch: &mut Batch<'_>, actor: &Actor, except: &[i64]) -> Step<Ask> {
    if !stands(batch, actor.party_id, except)? {
        return Err(Refusal::SecondPersonMissing.into());
    }
    Ok(Ask { amount_minor: None, currency: String::new(), subject: actor.party_id })
}

/// Ends what the company has asked for of a kind of which one is enough in each currency: a second one would overwrite the first, or
/// find nothing left to do.
pub(crate) fn end_same(batch: &mut Batch<'_>, actor: &Actor, (command, currency): (&str, &str), why: &str) -> Step<()> {
    let binds = [command.into(), actor.party_id.into(), currency.into()];
    end_requests(batch, "command = ? AND party_id = ? AND currency = ?", &binds, why)
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
