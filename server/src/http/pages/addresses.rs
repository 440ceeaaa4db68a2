//! People's mail addresses: a person changes their own by a link to the new one; two people correct another person's.

use super::super::error::Fault;
use super::super::prove;
use super::super::rights::{Administrator, Member, OperatorMaker, Who};
use super::super::routes::{Id, Params, Posted, Routes, Sender};
use super::{Answer, again, companies, org, submit_or_again};
use crate::auth;
use crate::commands::people::confirm_address::ConfirmAddress;
use crate::commands::people::correct_address::CorrectAddress;
use crate::commands::people::correct_administrator_address::CorrectAdministratorAddress;
use crate::commands::people::request_address::RequestAddress;
use crate::hash::sha256_hex;
use domain::Refusal;
use domain::party::Capacity;
use kernel::{PartyId, UserId};
use store::records::Keyed;
use store::{AddressChange, Conn, Party, User};
use web::{Block, Field, Form, Language, Page, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/account/address", address);
    routes.post("/account/address", ask);
    routes.post("/account/address/confirm", confirm);
    routes.post("/org/people/{id}/address", correct_colleague);
    routes.post("/ops/companies/{id}/address", correct_administrator);
}

/// The change of this person that waits for its link, if one does.
async fn open_change(who: &Who<Member>) -> Result<Option<AddressChange>, Fault> {
    let (user_id, now) = (who.person()?.user.id, who.app.clock.now());
    who.read(move |conn| Ok(store::people::find_open_address_change(conn, user_id, now)?)).await
}

/// The own address, what waits for confirmation, and the form to ask; behind a link that fits, the form to confirm.
async fn address_page(who: &Who<Member>, token: &str) -> Result<Page, Fault> {
    let (language, person) = (who.language(), who.person()?);
    let open = open_change(who).await?;
    let mut facts = vec![(who.t("field-email"), Value::text(person.user.email.clone()))];
    if let Some(open) = &open {
        facts.push((who.t("address-new"), Value::text(open.new_email.clone())));
        facts.push((who.t("address-until"), Value::moment(language, open.expires_at)));
    }
    let mut page = Page::new(who.t("address-title")).trail(who.t("account-title"), "/account").with(Block::Facts(facts));
    if !token.is_empty() {
        let fits = open.as_ref().is_some_and(|open| open.token_hash == sha256_hex(token.as_bytes()));
        if !fits {
            return Ok(page.with(Block::Notice(Tone::Stopped, who.t("refusal-link-invalid"))));
        }
        let form = Form::new("/account/address/confirm", who.t("address-confirm"), vec![]).hidden("confirm", token.to_owned());
        return Ok(page.with(Block::Paragraph(who.t("address-confirm-lead"))).form(form));
    }
    if open.is_some() {
        page = page.with(Block::Notice(Tone::Waiting, who.t("address-waits")));
    }
    let mut fields = vec![
        Field::new("email", who.t("address-new"), "email").autocomplete("email"),
        Field::new("current", who.t("field-current-password"), "password").autocomplete("current-password"),
    ];
    if !person.user.totp_secret.is_empty() {
        fields.push(Field::new("code", who.t("field-code"), "code").autocomplete("one-time-code"));
    }
    Ok(page.with(Block::Paragraph(who.t("address-lead"))).form(Form::new("/account/address", who.t("address-ask"), fields)))
}

async fn address(who: Who<Member>, params: Params) -> Answer {
    let page = address_page(&who, params.get("confirm")).await?;
    who.app.page(&who.viewer, page).await
}

async fn ask(who: Who<Member>, posted: Posted) -> Answer {
    let person = who.person()?.clone();
    let asked = async {
        prove::password(&who.app, &person, posted.get("current")).await?;
        let step =
            if person.user.totp_secret.is_empty() { 0 } else { prove::code(&who.app, &person, posted.get("code")).await? };
        prove::may_mail_address(&who.app, person.user.id)?;
        // The same form sent twice is the same link.
        let named = format!("{} {}", person.user.id, posted.key());
        let token = auth::keyed_digest(&who.app.config.secret, "address-link", &named);
        who.submit(&posted.key(), RequestAddress { email: posted.get("email").to_owned(), step, token }).await
    };
    match asked.await {
        Ok(outcome) => Ok(super::receipt(&outcome)),
        Err(fault) => again(&who, address_page(&who, "").await?, &posted, fault, "").await,
    }
}

async fn confirm(who: Who<Member>, sender: Sender, posted: Posted) -> Answer {
    prove::may_look_at_link(&who.app, &sender)?;
    let token = posted.get("confirm").to_owned();
    let command = ConfirmAddress { token_hash: sha256_hex(token.as_bytes()), keep_session: who.person()?.session.id };
    match who.submit(&posted.key(), command).await {
        Ok(outcome) => Ok(super::receipt(&outcome)),
        Err(fault) => again(&who, address_page(&who, &token).await?, &posted, fault, "").await,
    }
}

/// The form by which two people correct another person's address.
#[must_use]
pub fn correct_form(language: Language, action: String) -> Form {
    let fields = vec![
        Field::new("email", language.t("address-new"), "email"),
        Field::new("address_reason", language.t("field-reason"), "area").hint(language.t("address-reason-hint")),
    ];
    Form::new(action, language.t("address-correct"), fields).secondary()
}

async fn correct_colleague(who: Who<Administrator>, id: Id, posted: Posted) -> Answer {
    let page = org::person_page(&who, UserId(id.0)).await?;
    let text = |name: &str| posted.get(name).to_owned();
    let command = CorrectAddress { user_id: UserId(id.0), email: text("email"), reason: text("address_reason") };
    submit_or_again(&who, &posted, command, page, "").await
}

/// Of a company whose only administrator it is; the id in the address is the company's.
async fn correct_administrator(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let page = companies::company_page(&who, PartyId(id.0)).await?;
    let people = who.read(move |conn| Ok(store::people::list_users(conn, PartyId(id.0))?)).await?;
    let user_id = super::corrections::only_administrator(&people).ok_or(Refusal::NotFound)?.id;
    let text = |name: &str| posted.get(name).to_owned();
    let command = CorrectAdministratorAddress { user_id, email: text("email"), reason: text("address_reason") };
    submit_or_again(&who, &posted, command, page, "").await
}

/// The content of a request to correct an address; operators also see whose administrator it is.
pub fn asked(
    conn: &mut Conn,
    language: Language,
    party_id: PartyId,
    (user_id, email): (UserId, &str),
) -> Result<Vec<(String, Value)>, Fault> {
    let Some(user) = User::find(conn, user_id)? else { return Ok(Vec::new()) };
    let reader = Party::load(conn, party_id)?;
    let operates = reader.capacities.has(Capacity::Operator);
    if user.party_id != party_id && !operates {
        return Ok(Vec::new());
    }
    let mut facts = vec![
        (language.t("col-person"), Value::text(user.name.clone())),
        (language.t("field-roles"), Value::text(super::account::roles_text(language, &user.roles))),
        (language.t("address-old"), Value::text(user.email.clone())),
        (language.t("address-new"), Value::text(domain::names::mail_address(email))),
    ];
    if user.party_id == party_id {
        facts.extend(org::sponsor_facts(conn, language, &user)?);
    } else {
        facts.push((language.t("field-company"), Value::text(Party::load(conn, user.party_id)?.name)));
    }
    Ok(facts)
}
