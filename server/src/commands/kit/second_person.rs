//! When a second person must agree, and who may be asked. The rule of who is whose second person is `domain::four_eyes`.

use crate::batch::{Batch, Step, Stop};
use crate::commands::bank::close_custody_account::said_of;
use crate::commands::confirmations::links;
use crate::commands::market::purchase_hold;
use crate::commands::{Actor, Ask, Asks, Command};
use crate::view::View;
use domain::Refusal;
use domain::four_eyes::{self, Matter, Person, Presence};
use domain::invoice::InvoiceState;
use domain::party::{ApprovalState, Role, Roles, UserStatus, needs_second_person};
use kernel::{InvoiceId, PartyId, UserId};
use serde_json::json;
use std::collections::HashMap;
use store::people::Waiting;
use store::records::Keyed;
use store::{Approval, Conn, SoloActs, StoreError, User};

/// A company's people, as the rule sees them. Those who have left are among them: the chain goes through them.
pub(crate) fn people(conn: &mut Conn, party_id: PartyId) -> Result<Vec<Person>, StoreError> {
    Ok(store::people::list_users(conn, party_id)?.iter().map(person).collect())
}

fn person(user: &User) -> Person {
    Person {
        id: user.id,
        checks: user.roles.has(Role::Checker),
        presence: match user.status {
            UserStatus::Active => Presence::Active,
            UserStatus::Invited => Presence::Invited,
            UserStatus::Disabled | UserStatus::Contact => Presence::Absent,
        },
        invited_by: user.invited_by,
        roles_by: user.roles_by,
    }
}

/// Refuses a request to which no person of the company could agree.
pub(crate) fn require(conn: &mut Conn, actor: &Actor, matter: Matter) -> Step<()> {
    let people = people(conn, actor.party_id)?;
    let known = four_eyes::somebody_could_agree(&people, actor.user_id, matter);
    if known { Ok(()) } else { Err(Refusal::SecondPersonMissing.into()) }
}

/// Refuses an agreement by a person who is not the asker's second person.
pub(crate) fn check_agreement(conn: &mut Conn, asker: &Actor, second: &Actor, matter: Matter) -> Step<()> {
    let people = people(conn, asker.party_id)?;
    let independent = four_eyes::independent(&people, asker.user_id, second.user_id, matter);
    if four_eyes::may_agree(&people, asker.user_id, second.user_id, matter) {
        return Ok(());
    }
    Err(if independent { Refusal::NotPermitted } else { Refusal::NotIndependent }.into())
}

/// Whether the asker is still active and may still ask for this.
pub(crate) fn check_asker(conn: &mut Conn, asker: &Actor, command: &str) -> Step<()> {
    let user = User::load(conn, asker.user_id)?;
    let holds = user.party_id == asker.party_id && user.status == UserStatus::Active && may_ask(command, &user.roles);
    if holds { Ok(()) } else { Err(Refusal::AskerLacksRight.into()) }
}

/// A company's people, for pages that say who may agree to what.
pub(crate) struct Seconds {
    party_id: PartyId,
    people: Vec<Person>,
    roles: HashMap<UserId, Roles>,
}

impl Seconds {
    pub(crate) fn load(conn: &mut Conn, party_id: PartyId) -> Result<Self, StoreError> {
        let users = store::people::list_users(conn, party_id)?;
        let active = users.iter().filter(|user| user.status == UserStatus::Active);
        let roles = active.map(|user| (user.id, user.roles.clone())).collect();
        Ok(Self { party_id, people: users.iter().map(person).collect(), roles })
    }

    /// The reason why the reader cannot agree now to another person's request, as the name of a text.
    pub(crate) fn obstacle(
        &self,
        conn: &mut Conn,
        asker: UserId,
        reader: UserId,
        command: &Command,
    ) -> Step<Option<&'static str>> {
        if !self.roles.get(&asker).is_some_and(|roles| may_ask(command.name(), roles)) {
            return Ok(Some("approval-asker-lacks-right"));
        }
        let matter = match command.matter(conn, &Actor::person(self.party_id, asker)) {
            // An act that is no longer possible is refused with its own reason.
            Err(Stop::Refused(_)) => Matter::Ordinary,
            other => other?,
        };
        let why = if matter == Matter::Ordinary { "approval-not-independent" } else { "approval-not-apart" };
        Ok((!four_eyes::independent(&self.people, asker, reader, matter)).then_some(why))
    }

    /// All people whom the reader sponsors: the reader cannot agree to their requests.
    pub(crate) fn puppets_of(&self, reader: UserId) -> Vec<UserId> {
        let depends = |person: &&Person| person.id != reader && four_eyes::behind(&self.people, person.id).contains(&reader);
        self.people.iter().filter(depends).map(|person| person.id).collect()
    }
}

/// Whether one of these roles is enough to ask for a command.
fn may_ask(command: &str, roles: &Roles) -> bool {
    let known = Command::ASKERS.iter().find(|(name, _)| *name == command);
    known.is_some_and(|(_, askers)| askers.iter().any(|role| roles.has(*role)))
}

/// Ends the requests of a person that its roles do not allow any more.
pub(crate) fn end_without_right(batch: &mut Batch<'_>, user: &User) -> Step<()> {
    let lost: Vec<&str> = Command::NAMES.iter().copied().filter(|name| !may_ask(name, &user.roles)).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let mut requests = store::people::list_waiting(batch.conn, Waiting::AskedBy(user.id))?;
    requests.retain(|request| lost.contains(&request.command.as_str()));
    end_each(batch, requests, "right_lost")
}

/// Whether a second person must agree, or the amounts that count as done alone once the command has happened.
pub(crate) enum Weighed {
    Ask(Ask),
    /// By currency, in minor units.
    Alone(Vec<(String, i64)>),
}

/// Asks a second person where one of the amounts is more than may still be done alone.
pub(crate) fn weigh(view: &mut dyn View, actor: &Actor, asks: Asks) -> Step<Weighed> {
    let (amounts, subject) = match asks {
        Asks::Nobody => return Ok(Weighed::Alone(Vec::new())),
        Asks::Always(ask) => return Ok(Weighed::Ask(ask)),
        Asks::Above { amounts, subject } => (amounts, subject),
    };
    for (currency, amount_minor) in &amounts {
        if needs_second_person(*amount_minor, view.solo_room(actor.party_id, currency)?) {
            // A request names one amount; of several currencies its page shows each.
            let only = amounts.first().filter(|_| amounts.len() == 1);
            let amount_minor = only.map(|(_, minor)| *minor);
            let currency = only.map(|(currency, _)| currency.clone()).unwrap_or_default();
            return Ok(Weighed::Ask(Ask { amount_minor, currency, subject }));
        }
    }
    Ok(Weighed::Alone(amounts))
}

/// Adds the amounts of an act to those that the company's people have done alone on this day, if the company limits the day.
pub(crate) fn count_alone(batch: &mut Batch<'_>, actor: &Actor, amounts: Vec<(String, i64)>) -> Step<()> {
    let today = batch.today();
    for (currency, amount_minor) in amounts {
        if batch.solo_limit(actor.party_id, &currency)?.is_none_or(|limit| limit.day_minor.is_none()) {
            continue;
        }
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

/// Asks another person of the company; refuses where no person could agree.
pub(crate) fn ask(conn: &mut Conn, actor: &Actor) -> Step<Ask> {
    require(conn, actor, Matter::Ordinary)?;
    Ok(Ask { amount_minor: None, currency: String::new(), subject: actor.party_id.into() })
}

/// Ends the company's waiting requests of this kind and currency, since one is enough. A second one would overwrite the first, or
/// find nothing left to do.
pub(crate) fn end_same(batch: &mut Batch<'_>, actor: &Actor, (command, currency): (&str, &str), why: &str) -> Step<()> {
    end_requests(batch, Waiting::ForOfIn { command, party: actor.party_id, currency }, why)
}

/// Ends the requests to confirm an invoice that has left the state in which they were made, and closes the links to it.
pub(crate) fn end_confirmations(batch: &mut Batch<'_>, invoice_id: InvoiceId, now: InvoiceState) -> Step<()> {
    links::end(batch, invoice_id, now.name())?;
    end_requests(batch, Waiting::ForAbout("confirm_invoice", invoice_id.into()), now.name())
}

/// Ends waiting requests whose subject has changed, so that no person agrees to an act that was not asked for. Each asker gets a
/// notice with the reason: `why` names a text.
pub(crate) fn end_requests(batch: &mut Batch<'_>, wanted: Waiting<'_>, why: &str) -> Step<()> {
    let requests = store::people::list_waiting(batch.conn, wanted)?;
    end_each(batch, requests, why)
}

fn end_each(batch: &mut Batch<'_>, requests: Vec<Approval>, why: &str) -> Step<()> {
    for mut request in requests {
        request.state = ApprovalState::Ended;
        why.clone_into(&mut request.reason);
        request.decided_at = Some(batch.now);
        batch.update(&request)?;
        if request.command == "buy_fractions" {
            purchase_hold::end(batch, request.id)?;
        }
        let arguments = json!({ "command": said_of(&request.command, &request.body), "why": why });
        batch.notify_user(
            (request.party_id, request.maker_id),
            "approval_ended",
            &arguments,
            format!("/approvals/{}", request.id),
        );
    }
    Ok(())
}
