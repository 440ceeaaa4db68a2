//! The company: its record, its people, its bank accounts, its limits.

use super::super::error::Fault;
use super::super::rights::{Administrator, Member, Who};
use super::super::routes::{Id, Posted, Routes};
use super::super::see_other;
use super::account::roles_text;
use super::home::{own_currencies, traded_currencies};
use super::listing::plain_table;
use super::{Answer, again, receipt, submit_or_again};
use crate::commands::parties::propose_bank_account::ProposeBankAccount;
use crate::commands::parties::set_approval_limit::SetApprovalLimit;
use crate::commands::people::change_user::ChangeUser;
use crate::commands::people::end_sessions::EndSessions;
use crate::commands::people::invite_user::InviteUser;
use crate::commands::people::reset_factor::ResetFactor;
use domain::Refusal;
use domain::party::{Capacity, Role, Roles, UserStatus};
use kernel::UserId;
use store::records::Keyed;
use store::{Conn, User};
use web::{Block, Field, Form, Page, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/org", org);
    routes.get("/org/people", people);
    routes.post("/org/people", invite);
    routes.get("/org/people/{id}", person);
    routes.post("/org/people/{id}", person_post);
    routes.post("/org/people/{id}/sessions", end_sessions);
    routes.post("/org/people/{id}/reset-factor", reset_factor);
    routes.post("/org/limits", limits);
    routes.get("/org/bank-accounts", bank_accounts);
    routes.post("/org/bank-accounts", bank_accounts_post);
}

/// Capacity names in the reader's language: a set, or names between commas as a client sent them.
#[must_use]
pub fn capacities_text(language: web::Language, capacities: impl std::fmt::Display) -> String {
    let separator = if language == web::Language::Chinese { "、" } else { ", " };
    let listed = capacities.to_string();
    let known = Capacity::ALL.iter().filter(|capacity| listed.split(',').any(|name| name == capacity.name()));
    known.map(|capacity| language.t(&format!("capacity-{}", capacity.name()))).collect::<Vec<_>>().join(separator)
}

async fn org(who: Who<Member>) -> Answer {
    let (person, language) = (who.person()?, who.language());
    let party = &person.party;
    let mut facts = vec![
        (who.t("field-company"), Value::text(party.name.clone())),
        (who.t("col-state"), Value::state(language, party.status.name())),
        (who.t("field-capacities"), Value::text(capacities_text(language, &party.capacities))),
        (who.t("field-country"), Value::text(party.country.clone())),
        (who.t("field-tax-id"), Value::code(party.tax_id.clone())),
        (who.t("field-registration-id"), Value::code(party.registration_id.clone())),
        (who.t("org-reference"), Value::code(party.reference.clone())),
    ];
    facts.extend(super::corrections::more_facts(language, party));
    let page = Page::new(who.t("org-title")).with(Block::Facts(facts)).with(Block::Paragraph(who.t("org-reference-hint"))).with(
        Block::Links(vec![
            (who.t("people-title"), "/org/people".to_owned()),
            (who.t("bank-accounts-title"), "/org/bank-accounts".to_owned()),
            (who.t("history-link"), "/org/history".to_owned()),
        ]),
    );
    who.app.page(&who.viewer, page).await
}

fn role_fields(language: web::Language, chosen: &Roles) -> Vec<Field> {
    let field = |role: &Role| {
        let name = format!("role_{}", role.name());
        let label =
            format!("{}: {}", language.t(&format!("role-{}", role.name())), language.t(&format!("role-{}-hint", role.name())));
        Field::new(&name, label, "checkbox").value(if chosen.has(*role) { "true" } else { "" })
    };
    Role::ALL.iter().map(field).collect()
}

fn posted_roles(posted: &Posted) -> String {
    let chosen = Role::ALL.iter().filter(|role| posted.get(&format!("role_{}", role.name())) == "true");
    chosen.map(|role| role.name()).collect::<Vec<_>>().join(",")
}

async fn people_page(who: &Who<Member>) -> Result<Page, Fault> {
    let (party_id, language) = (who.party_id()?, who.language());
    let country = who.person()?.party.country.clone();
    let (users, limits, own, currencies) = who
        .read(move |conn| {
            let users = store::people::list_role_holders_by_name(conn, party_id)?;
            let limits = store::parties::list_approval_limits(conn, &[party_id])?;
            let today = store::records::load_heads(conn)?.business_date;
            let own = store::parties::list_solo_acts_on(conn, party_id, today)?;
            Ok((users, limits, own, own_currencies(conn, &country)?))
        })
        .await?;
    let administrator = who.person()?.has_role(Role::Administrator);
    let rows = users.iter().map(|user| {
        let name = if administrator {
            Value::link(user.name.clone(), format!("/org/people/{}", user.id))
        } else {
            Value::text(user.name.clone())
        };
        vec![
            name,
            Value::text(user.email.clone()),
            Value::text(roles_text(language, &user.roles)),
            Value::state(language, user.status.name()),
        ]
    });
    let heads = [("field-name", false), ("field-email", false), ("field-roles", false), ("col-state", false)];
    let mut page = Page::new(who.t("people-title")).trail(who.t("org-title"), "/org").table(plain_table(
        language,
        "people-title",
        &heads,
        rows.collect(),
        "list-no-match",
    ));
    let rows = currencies.iter().map(|currency| {
        let code = currency.code();
        let limit = limits.iter().find(|row| row.currency == code);
        let day = match limit.and_then(|row| row.day_minor) {
            Some(minor) => Value::money(code, minor),
            None => Value::text(language.t("limits-no-day")),
        };
        let alone = own.iter().find(|acts| acts.currency == code).map_or(0, |acts| acts.sum_minor);
        vec![Value::text(code), Value::money(code, limit.map_or(0, |row| row.limit_minor)), day, Value::money(code, alone)]
    });
    page = page.table(plain_table(
        language,
        "limits-title",
        &[("col-currency", false), ("limits-above", true), ("limits-day", true), ("limits-own", true)],
        rows.collect(),
        "list-no-match",
    ));
    if administrator {
        let options = currencies.iter().map(|currency| (currency.code().to_owned(), currency.code().to_owned())).collect();
        let limit = vec![
            Field::new("currency", who.t("col-currency"), "select").options(options),
            Field::new("limit", who.t("limits-above"), "amount").hint(who.t("limits-hint")),
            Field::new("day_limit", who.t("limits-day"), "amount").hint(who.t("limits-day-hint")).optional(),
        ];
        let mut invite =
            vec![Field::new("email", who.t("field-email"), "email"), Field::new("name", who.t("field-name"), "text")];
        invite.extend(role_fields(language, &Roles::from_iter([Role::Viewer])));
        page = page
            .form(Form::new("/org/limits", who.t("limits-submit"), limit).secondary())
            .with(Block::Heading(who.t("people-invite")))
            .form(Form::new("/org/people", who.t("people-invite-submit"), invite));
    }
    Ok(page)
}

async fn people(who: Who<Member>) -> Answer {
    let page = people_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

/// An administrator is a member too, and sees the same page again.
fn as_member(who: Who<Administrator>) -> Who<Member> {
    who.as_right()
}

async fn invite(who: Who<Administrator>, posted: Posted) -> Answer {
    let who = as_member(who);
    let command =
        InviteUser { email: posted.get("email").to_owned(), name: posted.get("name").to_owned(), roles: posted_roles(&posted) };
    let page = people_page(&who).await?;
    submit_or_again(&who, &posted, command, page, "").await
}

async fn limits(who: Who<Administrator>, posted: Posted) -> Answer {
    let who = as_member(who);
    let currency = posted.get("currency").to_owned();
    let page = people_page(&who).await?;
    let typed = posted.amount("limit", &currency).and_then(|limit_minor| {
        let day_minor = Some("day_limit").filter(|name| !posted.get(name).trim().is_empty());
        let day_minor = day_minor.map(|name| posted.amount(name, &currency)).transpose()?;
        Ok(SetApprovalLimit { currency: currency.clone(), limit_minor, day_minor: Some(day_minor) })
    });
    match typed {
        Ok(command) => submit_or_again(&who, &posted, command, page, &currency).await,
        Err(fault) => again(&who, page, &posted, fault, &currency).await,
    }
}

pub async fn person_page(who: &Who<Administrator>, id: UserId) -> Result<Page, Fault> {
    let party_id = who.party_id()?;
    let language = who.language();
    let (user, behind) = who
        .read(move |conn| {
            let user = User::find(conn, id)?.filter(|user| user.party_id == party_id).ok_or(Refusal::NotFound)?;
            let behind = sponsor_facts(conn, language, &user)?;
            Ok((user, behind))
        })
        .await?;
    let mut fields = role_fields(who.language(), &user.roles);
    fields.push(Field::new("disabled", who.t("people-disabled"), "checkbox").value(if user.status == UserStatus::Disabled {
        "true"
    } else {
        ""
    }));
    let mut facts = vec![
        (who.t("field-email"), Value::text(user.email)),
        (who.t("col-state"), Value::state(who.language(), user.status.name())),
    ];
    facts.extend(behind);
    let mut page = Page::new(user.name.clone())
        .trail(who.t("people-title"), "/org/people")
        .with(Block::Facts(facts))
        .form(Form::new(format!("/org/people/{id}"), who.t("people-save"), fields));
    if user.status == UserStatus::Active {
        page = page
            .with(Block::Paragraph(who.t("people-end-sessions-lead")))
            .form(Form::new(format!("/org/people/{id}/sessions"), who.t("people-end-sessions"), vec![]).secondary());
    }
    if user.status != UserStatus::Disabled && user.status != UserStatus::Contact {
        page = page
            .with(Block::Heading(who.t("address-correct-title")))
            .with(Block::Paragraph(who.t("address-correct-lead")))
            .form(super::addresses::correct_form(language, format!("/org/people/{id}/address")));
    }
    if !user.totp_secret.is_empty() && user.id != who.person()?.user.id {
        let reason = Field::new("reason", who.t("field-reason"), "area").hint(who.t("people-reset-factor-hint"));
        let form = Form::new(format!("/org/people/{id}/reset-factor"), who.t("people-reset-factor"), vec![reason]);
        page = page.with(Block::Heading(who.t("security-totp"))).form(form.secondary());
    }
    Ok(page)
}

/// The person who invited this one, and the person who last gave it roles: neither may agree to its requests.
pub fn sponsor_facts(conn: &mut Conn, language: web::Language, user: &User) -> Result<Vec<(String, Value)>, Fault> {
    let mut name = |id: Option<UserId>| match id {
        Some(id) => Ok::<_, Fault>(User::find(conn, id)?.map(|user| user.name)),
        None => Ok(None),
    };
    let invited_by = name(user.invited_by)?.unwrap_or_else(|| language.t("people-by-operator"));
    let mut facts = vec![(language.t("people-invited-by"), Value::text(invited_by))];
    facts.extend(name(user.roles_by)?.map(|name| (language.t("people-roles-by"), Value::text(name))));
    Ok(facts)
}

async fn end_sessions(who: Who<Administrator>, id: Id, posted: Posted) -> Answer {
    let page = person_page(&who, UserId(id.0)).await?;
    submit_or_again(&who, &posted, EndSessions { user_id: UserId(id.0) }, page, "").await
}

async fn reset_factor(who: Who<Administrator>, id: Id, posted: Posted) -> Answer {
    let page = person_page(&who, UserId(id.0)).await?;
    let command = ResetFactor { user_id: UserId(id.0), reason: posted.get("reason").to_owned() };
    submit_or_again(&who, &posted, command, page, "").await
}

async fn person(who: Who<Administrator>, id: Id) -> Answer {
    let page = person_page(&who, UserId(id.0)).await?;
    who.app.page(&who.viewer, page).await
}

async fn person_post(who: Who<Administrator>, id: Id, posted: Posted) -> Answer {
    let page = person_page(&who, UserId(id.0)).await?;
    let command = ChangeUser { user_id: UserId(id.0), roles: posted_roles(&posted), disabled: posted.get("disabled") == "true" };
    match who.submit(&posted.key(), command).await {
        Ok(outcome) if outcome.awaits_approval.is_none() => Ok(see_other("/org/people")),
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, page, &posted, fault, "").await,
    }
}

async fn bank_page(who: &Who<Member>) -> Result<Page, Fault> {
    let (party_id, language) = (who.party_id()?, who.language());
    let (accounts, currencies) =
        who.read(move |conn| Ok((store::parties::list_accounts(conn, party_id)?, traded_currencies(conn)?))).await?;
    let rows = accounts.iter().map(|account| {
        vec![
            Value::text(account.currency.clone()),
            Value::code(masked(&account.iban)),
            Value::text(account.holder.clone()),
            Value::state(language, account.status.name()),
            Value::moment(language, account.created_at),
        ]
    });
    let heads =
        [("col-currency", false), ("field-iban", false), ("field-holder", false), ("col-state", false), ("col-since", false)];
    let mut page = Page::new(who.t("bank-accounts-title"))
        .trail(who.t("org-title"), "/org")
        .with(Block::Paragraph(who.t("bank-accounts-lead")))
        .table(plain_table(language, "bank-accounts-title", &heads, rows.collect(), "bank-accounts-empty"));
    if who.person()?.has_role(Role::Administrator) {
        let options = currencies.iter().map(|currency| (currency.code().to_owned(), currency.code().to_owned())).collect();
        let fields = vec![
            Field::new("currency", who.t("col-currency"), "select").options(options),
            Field::new("iban", who.t("field-iban"), "text"),
            Field::new("bic", who.t("field-bic"), "text").hint(who.t("field-bic-hint")).optional(),
            Field::new("holder", who.t("field-holder"), "text").value(domain::names::as_holder(&who.person()?.party.name)),
        ];
        page = page.form(Form::new("/org/bank-accounts", who.t("bank-accounts-submit"), fields));
    }
    Ok(page)
}

/// All but the first four (of a number that is no IBAN: its clearing system) and last four characters hidden.
#[must_use]
pub fn masked(iban: &str) -> String {
    let head: String = match iban.split_once('/') {
        Some((system, _)) => system.to_owned(),
        None => iban.chars().take(4).collect(),
    };
    let tail: String = iban.chars().skip(iban.chars().count().saturating_sub(4)).collect();
    format!("{head} •••• {tail}")
}

async fn bank_accounts(who: Who<Member>) -> Answer {
    let page = bank_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

async fn bank_accounts_post(who: Who<Administrator>, posted: Posted) -> Answer {
    let who = as_member(who);
    let page = bank_page(&who).await?;
    let text = |name: &str| posted.get(name).to_owned();
    let command = ProposeBankAccount { currency: text("currency"), iban: text("iban"), bic: text("bic"), holder: text("holder") };
    submit_or_again(&who, &posted, command, page, "").await
}
