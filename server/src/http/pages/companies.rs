//! The register of companies, as the operator keeps it.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::account::roles_text;
use super::listing::Listing;
use super::org::capacities_text;
use super::{Answer, SignedIn, addresses, corrections, submit_or_again};
use crate::commands::parties::decide_company::DecideCompany;
use crate::commands::parties::invite_company::InviteCompany;
use crate::commands::people::appoint_checker::AppointChecker;
use domain::Refusal;
use domain::party::{Capacity, PartyStatus, Role};
use kernel::PartyId;
use store::lists::CompanyLine;
use store::records::Keyed;
use store::{Conn, Party, User};
use web::{Block, Field, Form, Language, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/companies", companies);
    routes.get("/ops/companies/new", company_new);
    routes.post("/ops/companies/new", company_invite);
    routes.get("/ops/companies/{id}", company);
    routes.post("/ops/companies/{id}", company_decide);
    routes.post("/ops/companies/{id}/checker", appoint);
}

async fn companies(who: Who<OperatorViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-company", false, "name"),
        ("field-country", false, "country"),
        ("field-tax-id", false, ""),
        ("field-capacities", false, ""),
        ("col-state", false, ""),
        ("col-since", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[],
        states: &["applied", "active", "suspended", "declined"],
        heads,
        default: ("id", true),
        summed: "",
    };
    let wanted = listing.query().with("capacities <> ?", vec!["operator".into()]);
    // The filter is by status; the column of the list is called so.
    let wanted = store::lists::ListQuery {
        conditions: wanted
            .conditions
            .into_iter()
            .map(|(condition, binds)| (condition.replace("state = ?", "status = ?"), binds))
            .collect(),
        ..wanted
    };
    let order = wanted.order;
    let page = who.read(move |conn| Ok(CompanyLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.name.clone(), format!("/ops/companies/{}", row.id)),
            Value::text(row.country.clone()),
            Value::code(row.tax_id.clone()),
            Value::text(capacities_text(language, &row.capacities)),
            Value::state(language, &row.status),
            Value::moment(language, row.created_at),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "name" => row.name.clone(),
            "country" => row.country.clone(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let table = listing.table(language.t("companies-title"), rows.collect(), &[], last, page.more, language.t("companies-empty"));
    let mut shown = Page::new(language.t("companies-title")).trail(who.t("nav-ops"), "/ops");
    if who.person()?.has_role(Role::Maker) {
        shown.push(Block::Action(language.t("company-new-title"), "/ops/companies/new".to_owned()));
    }
    listing.send(&who, shown, table).await
}

fn company_new_page(who: &Who<OperatorMaker>) -> Page {
    let capacities = [Capacity::Supplier, Capacity::Buyer, Capacity::Financier];
    let mut fields = vec![
        Field::new("name", who.t("field-company"), "text"),
        Field::new("country", who.t("field-country"), "text").hint(who.t("field-country-hint")),
        Field::new("tax_id", who.t("field-tax-id"), "text").hint(who.t("field-tax-id-hint")),
        Field::new("registration_id", who.t("field-registration-id"), "text").optional(),
    ];
    fields.extend(capacities.iter().map(|capacity| {
        Field::new(&format!("capacity_{}", capacity.name()), who.t(&format!("capacity-{}", capacity.name())), "checkbox")
    }));
    let languages = vec![("en".to_owned(), "English".to_owned()), ("zh".to_owned(), "简体中文".to_owned())];
    fields.extend([
        Field::new("language", who.t("field-language"), "select").options(languages),
        Field::new("administrator_name", who.t("field-administrator-name"), "text").hint(who.t("rare-buyer-hint")).optional(),
        Field::new("administrator_email", who.t("field-administrator-email"), "email").optional(),
        Field::new("checker_name", who.t("field-checker-name"), "text").optional(),
        Field::new("checker_email", who.t("field-checker-email"), "email").hint(who.t("field-checker-email-hint")).optional(),
    ]);
    Page::new(who.t("company-new-title"))
        .trail(who.t("companies-title"), "/ops/companies")
        .with(Block::Paragraph(who.t("company-new-lead")))
        .form(Form::new("/ops/companies/new", who.t("company-new-submit"), fields))
}

async fn company_new(who: Who<OperatorMaker>) -> Answer {
    let page = company_new_page(&who);
    who.app.page(&who.viewer, page).await
}

async fn company_invite(who: Who<OperatorMaker>, posted: Posted) -> Answer {
    let text = |name: &str| posted.get(name).to_owned();
    let chosen = Capacity::ALL.iter().filter(|capacity| posted.get(&format!("capacity_{}", capacity.name())) == "true");
    let command = InviteCompany {
        name: text("name"),
        country: text("country"),
        tax_id: text("tax_id"),
        registration_id: text("registration_id"),
        capacities: chosen.map(|capacity| capacity.name()).collect::<Vec<_>>().join(","),
        language: text("language"),
        administrator_email: text("administrator_email"),
        administrator_name: text("administrator_name"),
        checker_email: text("checker_email"),
        checker_name: text("checker_name"),
    };
    submit_or_again(&who, &posted, command, company_new_page(&who), "").await
}

/// A company as the operator decides about it.
pub struct Seen {
    pub party: Party,
    pub people: Vec<User>,
    /// Other companies of this name, or of one that looks like it.
    pub namesakes: Vec<Party>,
    /// The company's debt to the platform, by currency.
    pub owed: Vec<(domain::Currency, i64)>,
}

pub fn load(conn: &mut Conn, id: PartyId) -> Result<Seen, Fault> {
    let party = Party::find(conn, id)?.ok_or(Refusal::NotFound)?;
    let people = store::people::list_role_holders(conn, id)?;
    let namesakes = corrections::namesakes(conn, id, &party.name)?;
    let owed = super::home::owed_to_platform(conn, id)?;
    Ok(Seen { party, people, namesakes, owed })
}

/// The company's record, with what was checked about it.
#[must_use]
pub fn facts(language: Language, seen: &Seen) -> Vec<(String, Value)> {
    let (party, t) = (&seen.party, |key: &str| language.t(key));
    let mut facts = vec![
        (t("field-company"), Value::text(party.name.clone())),
        (t("col-state"), Value::state(language, party.status.name())),
        (t("field-capacities"), Value::text(capacities_text(language, &party.capacities))),
        (t("field-country"), Value::text(party.country.clone())),
        (t("field-tax-id"), Value::code(party.tax_id.clone())),
        (t("tax-id-check"), Value::text(t(corrections::tax_id_word(&party.country, &party.tax_id)))),
        (t("field-registration-id"), Value::code(party.registration_id.clone())),
        (t("org-reference"), Value::code(party.reference.clone())),
        (t("col-since"), Value::moment(language, party.created_at)),
    ];
    facts.extend(corrections::more_facts(language, party));
    let owed = seen.owed.iter().map(|(currency, minor)| (t("owed-to-platform"), Value::money(currency.code(), *minor)));
    facts.extend(owed);
    for person in &seen.people {
        let shown = language.fill("company-person", &[("name", person.name.clone()), ("email", person.email.clone())]);
        facts.push((roles_text(language, &person.roles), Value::text(shown)));
    }
    for other in &seen.namesakes {
        let shown =
            format!("{}, {} {}, {}", other.name, other.country, other.tax_id, language.t(&format!("state-{}", other.status)));
        facts.push((t("company-namesake"), Value::link(shown, format!("/ops/companies/{}", other.id))));
    }
    facts
}

pub async fn company_page(who: &Who<impl SignedIn>, id: PartyId) -> Result<Page, Fault> {
    let language = who.language();
    let seen = who.read(move |conn| load(conn, id)).await?;
    let party = &seen.party;
    let mut page = Page::new(party.name.clone())
        .trail(who.t("companies-title"), "/ops/companies")
        .with(Block::Facts(facts(language, &seen)));
    if who.person()?.has_role(Role::Maker) && id != who.party_id()? {
        let options = [PartyStatus::Active, PartyStatus::Suspended, PartyStatus::Declined].into_iter();
        let options = options.filter(|status| *status != party.status);
        let options = options.map(|status| (status.to_string(), language.t(&format!("decide-{status}")))).collect();
        let fields = vec![
            Field::new("status", who.t("company-decision"), "select").options(options).hint(who.t("company-decision-hint")),
            Field::new("reason", who.t("field-reason"), "area"),
        ];
        let appoint = vec![
            Field::new("name", who.t("field-checker-name"), "text"),
            Field::new("email", who.t("field-checker-email"), "email"),
            Field::new("appoint_reason", who.t("field-reason"), "area").hint(who.t("appoint-reason-hint")),
        ];
        page = page
            .form(Form::new(format!("/ops/companies/{id}"), who.t("company-decide"), fields))
            .with(Block::Heading(who.t("appoint-title")))
            .with(Block::Paragraph(who.t("appoint-lead")))
            .form(Form::new(format!("/ops/companies/{id}/checker"), who.t("appoint-submit"), appoint).secondary());
        if let Some(person) = corrections::only_administrator(&seen.people) {
            let lead = language.fill("address-only-lead", &[("name", person.name.clone()), ("email", person.email.clone())]);
            page = page
                .with(Block::Heading(who.t("address-only-title")))
                .with(Block::Paragraph(lead))
                .form(addresses::correct_form(language, format!("/ops/companies/{id}/address")));
        }
    }
    let mut links = corrections::links(language, id, who.person()?.has_role(Role::Maker));
    links.push((who.t("audit-title"), format!("/audit?company={id}")));
    if party.capacities.has(Capacity::Buyer) {
        links.push((who.t("contact-title"), format!("/ops/contacts/{id}")));
    }
    Ok(page.with(Block::Links(links)))
}

async fn company(who: Who<OperatorViewer>, id: Id) -> Answer {
    let page = company_page(&who, PartyId(id.0)).await?;
    who.app.page(&who.viewer, page).await
}

async fn company_decide(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let page = company_page(&who, PartyId(id.0)).await?;
    let command = DecideCompany {
        party_id: PartyId(id.0),
        status: posted.get("status").to_owned(),
        reason: posted.get("reason").to_owned(),
    };
    submit_or_again(&who, &posted, command, page, "").await
}

async fn appoint(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let page = company_page(&who, PartyId(id.0)).await?;
    let text = |name: &str| posted.get(name).to_owned();
    let command =
        AppointChecker { party_id: PartyId(id.0), email: text("email"), name: text("name"), reason: text("appoint_reason") };
    submit_or_again(&who, &posted, command, page, "").await
}
