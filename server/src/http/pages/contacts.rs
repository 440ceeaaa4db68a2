//! The contact of a rare buyer, as the operator keeps it: the person who confirms by link, the second channel, and the open
//! links.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Posted, Routes};
use super::listing::plain_table;
use super::{Answer, SignedIn, again, submit_or_again};
use crate::commands::Outcome;
use crate::commands::confirmations::end_contact::EndContact;
use crate::commands::confirmations::record_contact::RecordContact;
use crate::commands::confirmations::revoke_link::RevokeLink;
use crate::commands::confirmations::send_link::SendLink;
use crate::commands::confirmations::tell_code::TellCode;
use domain::Refusal;
use domain::link::{Channel, LinkState, acts_in};
use domain::party::{Capacity, Role};
use kernel::{ConfirmationLinkId, PartyId};
use store::records::Keyed;
use store::{BuyerContact, ConfirmationLink, Conn, Invoice, Party, User, confirmations};
use web::{Block, Field, Form, Language, Page, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/contacts/{id}", contact);
    routes.post("/ops/contacts/{id}", record);
    routes.post("/ops/contacts/{id}/end", end);
    routes.post("/ops/contacts/{id}/link", send);
    routes.post("/ops/contacts/{id}/code", code);
    routes.post("/ops/contacts/{id}/revoke", revoke);
}

/// Links and invoices that the page shows.
const MOST_SHOWN: i64 = 50;

struct Loaded {
    party: Party,
    contact: Option<(BuyerContact, User)>,
    links: Vec<(ConfirmationLink, Invoice)>,
    /// Invoices that wait for the company's answer.
    waiting: Vec<Invoice>,
    currencies: Vec<String>,
    now: chrono::NaiveDateTime,
}

async fn load(who: &Who<impl SignedIn>, id: PartyId) -> Result<Loaded, Fault> {
    let now = who.app.clock.now();
    who.read(move |conn| {
        let buys = |party: &Party| party.capacities.has(Capacity::Buyer);
        let party = Party::find(conn, id)?.filter(buys).ok_or(Refusal::NotFound)?;
        let contact = match confirmations::find_active_contact(conn, id)? {
            Some(contact) => {
                let person = User::load(conn, contact.user_id)?;
                Some((contact, person))
            }
            None => None,
        };
        let mut shown = Vec::new();
        for link in confirmations::list_links_of_company(conn, id, MOST_SHOWN)? {
            let invoice = Invoice::load(conn, link.invoice_id)?;
            shown.push((link, invoice));
        }
        let waiting = store::invoices::list_answerable_invoices(conn, id, MOST_SHOWN)?;
        let currencies = super::home::own_currencies(conn, &party.country)?.iter().map(|known| known.code().to_owned()).collect();
        Ok(Loaded { party, contact, links: shown, waiting, currencies, now })
    })
    .await
}

fn contact_facts(language: Language, (contact, person): &(BuyerContact, User)) -> Vec<(String, Value)> {
    vec![
        (language.t("field-name"), Value::text(person.name.clone())),
        (language.t("field-email"), Value::text(person.email.clone())),
        (language.t(&format!("contact-channel-{}", contact.channel)), Value::code(contact.second.clone())),
        (language.t("contact-source"), Value::text(contact.source.clone())),
        (language.t("contact-limit"), Value::money(&contact.currency, contact.limit_minor)),
        (language.t("contact-hours"), Value::number(contact.link_hours)),
        (language.t("col-since"), Value::moment(language, contact.recorded_at)),
    ]
}

/// The request that a second operator is asked to agree to, with facts that call for a second look.
pub fn asked(conn: &mut Conn, language: Language, wanted: &RecordContact) -> Result<Vec<(String, Value)>, Fault> {
    let party = Party::find(conn, wanted.party_id)?.ok_or(Refusal::NotFound)?;
    let mut facts = vec![
        (language.t("col-buyer"), Value::text(party.name)),
        (language.t("field-name"), Value::text(wanted.name.clone())),
        (language.t("field-email"), Value::text(wanted.email.clone())),
        (language.t(&format!("contact-channel-{}", wanted.channel)), Value::code(wanted.second.clone())),
        (language.t("contact-source"), Value::text(wanted.source.clone())),
        (language.t("contact-limit"), Value::money(&wanted.currency, wanted.limit_minor)),
        (language.t("contact-hours"), Value::number(wanted.link_hours)),
    ];
    // An address in the house of one of its suppliers is how a supplier would confirm to itself.
    let house = |address: &str| address.rsplit_once('@').map(|(_, house)| house.trim().to_lowercase()).unwrap_or_default();
    let houses = [house(&wanted.email), house(&wanted.second)];
    let suppliers = store::people::list_users_of_suppliers(conn, wanted.party_id)?;
    if let Some(found) = suppliers.iter().find(|user| !house(&user.email).is_empty() && houses.contains(&house(&user.email))) {
        let name = Party::load(conn, found.party_id)?.name;
        facts.push((language.t("account-doubt"), Value::text(language.fill("contact-of-supplier", &[("name", name)]))));
    }
    Ok(facts)
}

fn record_form(who: &Who<impl SignedIn>, loaded: &Loaded) -> Form {
    let channels =
        Channel::ALL.iter().map(|channel| (channel.name().to_owned(), who.t(&format!("contact-channel-{}", channel.name()))));
    let currencies = loaded.currencies.iter().map(|code| (code.clone(), code.clone()));
    let fields = vec![
        Field::new("name", who.t("field-name"), "text"),
        Field::new("email", who.t("field-email"), "email").hint(who.t("contact-email-hint")),
        Field::new("channel", who.t("contact-channel"), "select").options(channels.collect()),
        Field::new("second", who.t("contact-second"), "text").hint(who.t("contact-second-hint")),
        Field::new("source", who.t("contact-source"), "area").hint(who.t("contact-source-hint")),
        Field::new("currency", who.t("col-currency"), "select").options(currencies.collect()),
        Field::new("limit", who.t("contact-limit"), "amount").hint(who.t("contact-limit-hint")),
        Field::new("link_hours", who.t("contact-hours"), "text").value("72"),
    ];
    Form::new(format!("/ops/contacts/{}", loaded.party.id), who.t("contact-record"), fields)
}

fn contact_page(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, id) = (who.language(), loaded.party.id);
    let mut page = Page::new(language.fill("contact-page-title", &[("company", loaded.party.name.clone())]))
        .trail(who.t("companies-title"), "/ops/companies")
        .trail(loaded.party.name.clone(), format!("/ops/companies/{id}"))
        .with(Block::Paragraph(who.t("contact-lead")));
    page.push(match &loaded.contact {
        Some(known) => Block::Facts(contact_facts(language, known)),
        None => Block::Notice(Tone::Waiting, who.t("contact-none")),
    });
    let open = |link: &ConfirmationLink| link.state == LinkState::Open && link.expires_at > loaded.now;
    let rows = loaded.links.iter().map(|(link, invoice)| {
        let state = if link.state == LinkState::Open && !open(link) { "expired" } else { link.state.name() };
        vec![
            Value::code(link.id.to_string()),
            Value::text(invoice.number.clone()),
            Value::moment(language, link.issued_at),
            Value::moment(language, link.expires_at),
            Value::number(link.tries),
            Value::state(language, &format!("link_{state}")),
        ]
    });
    let heads = [
        ("link-number", false),
        ("col-number", false),
        ("col-when", false),
        ("link-until", false),
        ("link-tries", true),
        ("col-state", false),
    ];
    page = page.table(plain_table(language, "links-title", &heads, rows.collect(), "links-empty"));
    if !who.person()?.has_role(Role::Maker) {
        return Ok(page);
    }
    let here = |what: &str| format!("/ops/contacts/{id}/{what}");
    if let Some((contact, _)) = &loaded.contact {
        let telephone = contact.channel == Channel::Telephone;
        for (link, invoice) in loaded.links.iter().filter(|(link, _)| open(link)) {
            let about = |key: &str| language.fill(key, &[("number", invoice.number.clone()), ("link", link.id.to_string())]);
            if telephone && link.contact_id == contact.id {
                page = page.form(Form::new(here("code"), about("code-tell"), vec![]).hidden("link_id", link.id.to_string()));
            }
            page = page
                .form(Form::new(here("revoke"), about("link-revoke"), vec![]).hidden("link_id", link.id.to_string()).secondary());
        }
        let waiting: Vec<(String, String)> = loaded
            .waiting
            .iter()
            .filter(|row| !acts_in(row.state).is_empty())
            .map(|row| (row.id.to_string(), row.number.clone()))
            .collect();
        if !waiting.is_empty() {
            let field = Field::new("invoice_id", who.t("col-number"), "select").options(waiting);
            page = page
                .with(Block::Heading(who.t("link-send")))
                .form(Form::new(here("link"), who.t("link-send"), vec![field]).secondary());
        }
        page = page.with(Block::Heading(who.t("contact-end"))).with(Block::Paragraph(who.t("contact-end-lead")));
        page = page.form(Form::new(here("end"), who.t("contact-end"), vec![]).secondary());
    }
    Ok(page.with(Block::Heading(who.t("contact-record-title"))).form(record_form(who, loaded)))
}

async fn contact(who: Who<OperatorViewer>, id: Id) -> Answer {
    let loaded = load(&who, PartyId(id.0)).await?;
    let page = contact_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

async fn record(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, PartyId(id.0)).await?;
    let page = contact_page(&who, &loaded)?;
    let text = |name: &str| posted.get(name).to_owned();
    let read = || -> Result<RecordContact, Fault> {
        Ok(RecordContact {
            party_id: PartyId(id.0),
            name: text("name"),
            email: text("email"),
            channel: text("channel"),
            second: text("second"),
            source: text("source"),
            currency: text("currency"),
            limit_minor: posted.amount("limit", posted.get("currency"))?,
            link_hours: posted.number("link_hours")?,
        })
    };
    match read() {
        Ok(command) => submit_or_again(&who, &posted, command, page, posted.get("currency")).await,
        Err(fault) => again(&who, page, &posted, fault, "").await,
    }
}

async fn end(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, PartyId(id.0)).await?;
    let page = contact_page(&who, &loaded)?;
    submit_or_again(&who, &posted, EndContact { party_id: PartyId(id.0) }, page, "").await
}

async fn send(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, PartyId(id.0)).await?;
    let page = contact_page(&who, &loaded)?;
    match posted.number("invoice_id") {
        Ok(invoice_id) => submit_or_again(&who, &posted, SendLink { invoice_id: kernel::InvoiceId(invoice_id) }, page, "").await,
        Err(fault) => again(&who, page, &posted, fault, "").await,
    }
}

async fn revoke(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, PartyId(id.0)).await?;
    let page = contact_page(&who, &loaded)?;
    match posted.number("link_id") {
        Ok(link_id) => {
            submit_or_again(&who, &posted, RevokeLink { link_id: kernel::ConfirmationLinkId(link_id) }, page, "").await
        }
        Err(fault) => again(&who, page, &posted, fault, "").await,
    }
}

/// A new code for a link, and the code itself unless the same request has shown it before.
pub async fn tell(who: &Who<OperatorMaker>, key: &str, link_id: ConfirmationLinkId) -> Result<(Outcome, Option<String>), Fault> {
    let code = crate::hash::random_code();
    let outcome = who.submit(key, TellCode { link_id, code: code.clone() }).await?;
    let shown = (!outcome.repeated).then_some(code);
    Ok((outcome, shown))
}

async fn code(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, PartyId(id.0)).await?;
    let told = match posted.number("link_id") {
        Ok(link_id) => tell(&who, &posted.key(), ConfirmationLinkId(link_id)).await,
        Err(fault) => Err(fault),
    };
    let (outcome, code) = match told {
        Ok(told) => told,
        Err(fault) => return again(&who, contact_page(&who, &loaded)?, &posted, fault, "").await,
    };
    let (language, back) = (who.language(), format!("/ops/contacts/{}", id.0));
    let mut page = Page::new(who.t("code-title"))
        .trail(language.fill("contact-page-title", &[("company", loaded.party.name.clone())]), back.clone());
    page.push(match &code {
        Some(_) => Block::Notice(Tone::Attention, who.t("code-lead")),
        None => Block::Notice(Tone::Waiting, who.t("code-shown")),
    });
    let mut facts = Vec::new();
    if let Some((contact, person)) = &loaded.contact {
        facts.push((who.t("field-name"), Value::text(person.name.clone())));
        facts.push((who.t("contact-channel-telephone"), Value::code(contact.second.clone())));
    }
    facts.extend(code.map(|code| (who.t("field-code"), Value::code(code))));
    facts.push((who.t("receipt-reference"), Value::code(format!("K-{}", outcome.seq))));
    page = page.with(Block::Facts(facts)).with(Block::Links(vec![(who.t("code-back"), back)]));
    who.app.page(&who.viewer, page).await
}
