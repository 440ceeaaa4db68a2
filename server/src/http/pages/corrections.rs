//! Corrections of a company's data, and its earlier data: for the operator, and for the company itself to read.

use super::super::error::Fault;
use super::super::rights::{Member, OperatorMaker, OperatorViewer, Right, Who};
use super::super::routes::{Id, Posted, Routes};
use super::listing::plain_table;
use super::{Answer, SignedIn, submit_or_again};
use crate::commands::parties::company_data::CompanyData;
use crate::commands::parties::correct_company::CorrectCompany;
use domain::Refusal;
use domain::names::Looks;
use domain::party::{Role, UserStatus};
use domain::tax_id::{self, Checked};
use kernel::{PartyId, UserId};
use store::records::Keyed;
use store::{CompanyVersion, Conn, Party, User};
use web::{Block, Field, Form, Language, Page, Table, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/companies/{id}/correct", correct);
    routes.post("/ops/companies/{id}/correct", correct_post);
    routes.get("/ops/companies/{id}/history", history_of);
    routes.get("/org/history", own_history);
}

/// The label of one of a company's data.
fn label(language: Language, name: &str) -> String {
    language.t(&match name {
        "name" => "field-company".to_owned(),
        other => format!("field-{}", other.replace('_', "-")),
    })
}

/// The company's data beside name, country and numbers of the register; empty ones are left out.
#[must_use]
pub fn more_facts(language: Language, party: &Party) -> Vec<(String, Value)> {
    let data = CompanyData::of(party);
    let more = data.named().into_iter().skip(4).filter(|(_, value)| !value.is_empty());
    more.map(|(name, value)| (label(language, name), Value::text(value))).collect()
}

/// The verdict of the tax office's check digits on a number, as the name of a text.
#[must_use]
pub fn tax_id_word(country: &str, tax_id: &str) -> &'static str {
    match tax_id::check(country, tax_id) {
        Checked::Fits => "tax-id-fits",
        Checked::Wrong => "tax-id-wrong",
        Checked::Unknown => "tax-id-unknown",
    }
}

/// Other companies whose names look like this one.
pub fn namesakes(conn: &mut Conn, id: PartyId, name: &str) -> Result<Vec<Party>, Fault> {
    let looks = Looks::of(name);
    let alike = |other: &Party| other.id != id && looks.is_like(&Looks::of(&other.name));
    Ok(store::parties::list_all(conn)?.into_iter().filter(alike).take(10).collect())
}

/// The effect of a correction: each changed value beside the present one, and facts that call for a second look.
pub fn meaning(conn: &mut Conn, language: Language, correct: &CorrectCompany) -> Result<Vec<Block>, Fault> {
    let Some(party) = Party::find(conn, correct.party_id)? else { return Ok(Vec::new()) };
    let before = CompanyData::of(&party);
    // Data that can no longer be requested are shown as they were typed.
    let after = correct.data.checked().map_or_else(|_| correct.data.clone(), |(data, _)| data);
    let changed = after.changed_from(&before);
    let values = before.named().into_iter().zip(after.named()).filter(|((name, _), _)| changed.contains(name));
    let rows = values.map(|((name, old), (_, new))| vec![Value::text(label(language, name)), Value::text(old), Value::text(new)]);
    let heads = [("col-what", false), ("correct-before", false), ("correct-after", false)];
    let table = plain_table(language, "correct-changes", &heads, rows.collect(), "refusal-nothing-changed");
    let mut facts = vec![
        (language.t("field-company"), Value::link(party.name.clone(), format!("/ops/companies/{}", party.id))),
        (language.t("tax-id-check"), Value::text(language.t(tax_id_word(&after.country, &after.tax_id)))),
    ];
    for other in namesakes(conn, party.id, &after.name)? {
        let shown = format!("{}, {} {}", other.name, other.country, other.tax_id);
        facts.push((language.t("company-namesake"), Value::link(shown, format!("/ops/companies/{}", other.id))));
    }
    let accounts = store::parties::list_verified_accounts(conn, party.id)?;
    for account in accounts.iter().filter(|account| !domain::names::is_holder(&account.holder, &after.name)) {
        let places = [("name", account.holder.clone()), ("currency", account.currency.clone())];
        facts.push((language.t("account-doubt"), Value::text(language.fill("correct-other-holder", &places))));
    }
    Ok(vec![Block::Table(Box::new(table)), Block::Facts(facts)])
}

/// The form with the data as they are.
fn fields(language: Language, data: &CompanyData) -> Vec<Field> {
    let field = |(name, value): (&'static str, &str)| {
        let kind = if name == "contact_email" { "email" } else { "text" };
        let field = Field::new(name, label(language, name), kind).value(value);
        let hint = format!("field-{}-hint", name.replace('_', "-"));
        let field = if language.has(&hint) { field.hint(language.t(&hint)) } else { field };
        if ["name", "country", "tax_id"].contains(&name) { field } else { field.optional() }
    };
    let mut fields: Vec<Field> = data.named().into_iter().map(field).collect();
    fields.push(Field::new("reason", language.t("field-reason"), "area").hint(language.t("correct-reason-hint")));
    fields
}

async fn correct_page(who: &Who<impl SignedIn>, id: PartyId) -> Result<Page, Fault> {
    let language = who.language();
    let party = who.read(move |conn| Ok(Party::find(conn, id)?.ok_or(Refusal::NotFound)?)).await?;
    let action = format!("/ops/companies/{id}/correct");
    Ok(Page::new(language.fill("correct-title", &[("name", party.name.clone())]))
        .trail(who.t("companies-title"), "/ops/companies")
        .trail(party.name.clone(), format!("/ops/companies/{id}"))
        .with(Block::Paragraph(who.t("correct-lead")))
        .form(Form::new(action, who.t("correct-submit"), fields(language, &CompanyData::of(&party)))))
}

async fn correct(who: Who<OperatorMaker>, id: Id) -> Answer {
    let page = correct_page(&who, PartyId(id.0)).await?;
    who.app.page(&who.viewer, page).await
}

async fn correct_post(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let page = correct_page(&who, PartyId(id.0)).await?;
    let data = CompanyData::from_fields(|name| posted.get(name).to_owned());
    let command = CorrectCompany { party_id: PartyId(id.0), data, reason: posted.get("reason").to_owned() };
    submit_or_again(&who, &posted, command, page, "").await
}

/// A company's data now and before each correction.
struct History {
    party: Party,
    versions: Vec<CompanyVersion>,
    people: Vec<User>,
}

async fn load<R: Right>(who: &Who<R>, id: PartyId) -> Result<History, Fault> {
    who.read(move |conn| {
        let party = Party::find(conn, id)?.ok_or(Refusal::NotFound)?;
        let versions = store::parties::list_versions(conn, id)?;
        let ids: Vec<UserId> = versions.iter().flat_map(|row| [Some(row.asked_by), row.agreed_by]).flatten().collect();
        Ok(History { party, people: User::list_ids(conn, &ids)?, versions })
    })
    .await
}

/// One row for each value that a correction changed: the old value, since when and until when. Only the operator sees people's
/// names.
fn history_table(language: Language, history: &History, names_people: bool) -> Table {
    let name = |id: Option<UserId>| {
        let found = id.and_then(|id| history.people.iter().find(|person| person.id == id));
        found.map(|person| person.name.clone()).unwrap_or_default()
    };
    let mut rows = Vec::new();
    let mut after = CompanyData::of(&history.party);
    for row in &history.versions {
        let before = CompanyData::of_version(row);
        let changed = after.changed_from(&before);
        for (field, old) in before.named().into_iter().filter(|(field, _)| changed.contains(field)) {
            let new = after.named().into_iter().find(|(known, _)| *known == field).map_or("", |(_, value)| value);
            let mut cells = vec![
                Value::text(label(language, field)),
                Value::text(old),
                Value::text(new),
                Value::moment(language, row.since),
                Value::moment(language, row.until),
                Value::text(row.reason.clone()),
            ];
            if names_people {
                cells.extend([Value::text(name(Some(row.asked_by))), Value::text(name(row.agreed_by))]);
            }
            rows.push(cells);
        }
        after = before;
    }
    let mut heads = vec![
        ("col-what", false),
        ("correct-before", false),
        ("correct-after", false),
        ("history-since", false),
        ("history-until", false),
        ("field-reason", false),
    ];
    if names_people {
        heads.extend([("col-person", false), ("col-checker", false)]);
    }
    plain_table(language, "history-changes", &heads, rows, "history-empty")
}

fn history_page(language: Language, history: &History, names_people: bool) -> Page {
    let party = &history.party;
    let since = history.versions.first().map_or(party.created_at, |row| row.until);
    let data = CompanyData::of(party);
    let mut facts: Vec<(String, Value)> = data
        .named()
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (label(language, name), Value::text(value)))
        .collect();
    facts.push((language.t("history-since"), Value::moment(language, since)));
    Page::new(language.fill("history-title", &[("name", party.name.clone())]))
        .with(Block::Facts(facts))
        .with(Block::Paragraph(language.t("history-lead")))
        .table(history_table(language, history, names_people))
}

async fn history_of(who: Who<OperatorViewer>, id: Id) -> Answer {
    let history = load(&who, PartyId(id.0)).await?;
    let page = history_page(who.language(), &history, true)
        .trail(who.t("companies-title"), "/ops/companies")
        .trail(history.party.name.clone(), format!("/ops/companies/{}", id.0));
    who.app.page(&who.viewer, page).await
}

async fn own_history(who: Who<Member>) -> Answer {
    let history = load(&who, who.party_id()?).await?;
    let page = history_page(who.language(), &history, false).trail(who.t("org-title"), "/org");
    who.app.page(&who.viewer, page).await
}

/// The links on a company's page about its data: any person of the operator may read, a maker may correct.
#[must_use]
pub fn links(language: Language, id: PartyId, maker: bool) -> Vec<(String, String)> {
    let mut links = vec![(language.t("history-link"), format!("/ops/companies/{id}/history"))];
    if maker {
        links.push((language.t("correct-link"), format!("/ops/companies/{id}/correct")));
    }
    links
}

/// Whether a company's page offers to correct the address of its only administrator: the name and id of that person.
pub fn only_administrator(people: &[User]) -> Option<&User> {
    let administers = |user: &&User| user.roles.has(Role::Administrator) && user.status != UserStatus::Disabled;
    let mut found = people.iter().filter(administers);
    found.next().filter(|_| found.next().is_none())
}
