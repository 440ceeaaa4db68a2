//! Receipts: what was done, when and by whom, at an address that can be kept and printed; and the audit.

use super::super::error::Fault;
use super::super::rights::{Member, OperatorViewer, Who};
use super::super::routes::{Id, Params, Routes, is_usual};
use super::account::roles_text;
use super::listing::{Listing, narrowed};
use super::org::capacities_text;
use super::{Answer, asking};
use crate::commands::Command;
use crate::commands::bank::close_custody_account::{said_name, said_of};
use chrono::NaiveDate;
use domain::Refusal;
use domain::party::{ApprovalState, Capacity};
use kernel::{ApprovalId, BankAccountId, CustodyId, PartyId};
use serde_json::Value as Json;
use store::lists::AuditLine;
use store::records::Keyed;
use store::{Approval, BankAccount, Conn, CustodyAccount, Party};
use web::{Block, Choice, Event, Field, Form, Language, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/receipts/{id}", receipt);
    routes.get("/audit", audit);
}

/// The fields of a stored request or outcome in people's words.
#[must_use]
pub fn facts_of(language: Language, body: &Json, currency: &str) -> Vec<(String, Value)> {
    let Some(map) = body.as_object() else { return Vec::new() };
    let code = map.get("currency").and_then(Json::as_str).unwrap_or(currency).to_owned();
    let mut facts = Vec::new();
    for (name, value) in map {
        let key = format!("field-{}", name.replace('_', "-"));
        let label = if language.has(&key) { language.t(&key) } else { continue };
        let shown = match value {
            Json::Number(number) if name.ends_with("_minor") => Value::money(&code, number.as_i64().unwrap_or(0)),
            // No other line was looked at.
            Json::Number(number) if name == "other_than" && [Some(0), Some(i64::MAX)].contains(&number.as_i64()) => continue,
            Json::Number(number) => record_link(name, number.as_i64().unwrap_or(0)),
            Json::String(text) if text.is_empty() => continue,
            Json::String(text) if name == "act" => Value::text(language.t(&format!("line-act-{}", text.replace('_', "-")))),
            Json::String(text) if name == "change" => Value::text(language.t(&format!("programme-change-{text}"))),
            Json::String(text) if name == "fee_bearer" => Value::text(language.t(&format!("bearer-{text}"))),
            Json::String(text) if name == "recourse" => Value::text(language.t(&format!("recourse-{text}"))),
            Json::String(text) => match text.parse() {
                Ok(date) => Value::date(language, date),
                // Words of the program's own, in the reader's language.
                Err(_) if name == "roles" => Value::text(roles_text(language, text)),
                Err(_) if name == "capacities" => Value::text(capacities_text(language, text)),
                Err(_) if name == "method" => Value::text(language.t(&format!("method-{text}"))),
                Err(_) if name == "status" => Value::state(language, text),
                Err(_) if name == "to" => Value::state(language, &format!("custody_{text}")),
                Err(_) if name == "changed" => Value::text(changed_text(language, text)),
                Err(_) if name == "language" => Value::text(if text == "zh" { "简体中文" } else { "English" }),
                Err(_) if name == "reason_code" => Value::text(super::payouts::reason_text(language, text)),
                Err(_) if name == "answer" => Value::text(worded(language, "answer", text)),
                Err(_) if name == "kind" => Value::text(worded(language, "evidence", text)),
                Err(_) if name.ends_with("hash") || name == "sha256" => Value::code(text.clone()),
                Err(_) => Value::text(text.clone()),
            },
            Json::Bool(yes) => Value::text(language.t(if *yes { "yes" } else { "no" })),
            _ => continue,
        };
        facts.push((label, shown));
    }
    facts
}

/// A code in words, where it has words of its own.
fn worded(language: Language, kind: &str, code: &str) -> String {
    let key = format!("{kind}-{}", code.to_ascii_lowercase().replace('_', "-"));
    if language.has(&key) { language.t(&key) } else { code.to_owned() }
}

/// The data of a company that were corrected, in words.
fn changed_text(language: Language, fields: &str) -> String {
    let label = |field: &str| {
        let key = format!("field-{}", field.replace('_', "-"));
        if language.has(&key) { language.t(&key) } else { field.to_owned() }
    };
    fields.split(',').map(label).collect::<Vec<_>>().join(&language.t("list-separator"))
}

/// Puts the account itself where a request or an outcome has only its number: the platform's, or a company's own.
pub fn name_account(conn: &mut Conn, command: &str, body: &mut Json) -> Result<(), Fault> {
    let Some(map) = body.as_object_mut() else { return Ok(()) };
    let Some(id) = map.get("account_id").and_then(Json::as_i64) else { return Ok(()) };
    let (name, found) = if ["propose_bank_account", "decide_bank_account"].contains(&command) {
        ("iban", BankAccount::find(conn, BankAccountId(id))?.map(|row| row.iban))
    } else {
        ("custody_account", CustodyAccount::find(conn, CustodyId(id))?.map(|row| row.iban))
    };
    if let Some(iban) = found {
        map.remove("account_id");
        map.insert(name.to_owned(), iban.into());
    }
    Ok(())
}

/// A record's number, with a link where there is a page for it.
fn record_link(name: &str, id: i64) -> Value {
    let href = match name {
        "receivable_id" => format!("/receivables/{id}"),
        "approval_id" => format!("/approvals/{id}"),
        "list_id" => format!("/payables/lists/{id}"),
        "line_id" | "other_than" => format!("/ops/bank-lines/{id}"),
        _ => String::new(),
    };
    Value { text: id.to_string(), href, ..Value::default() }
}

async fn receipt(who: Who<Member>, id: Id) -> Answer {
    let (person, language) = (who.person()?, who.language());
    let party_id = person.party.id;
    let operates = person.has_capacity(Capacity::Operator);
    let (row, command, (input, body), asked) = who
        .read(move |conn| {
            // The operator reads everybody's records.
            let row = AuditLine::find(conn, id.0)?
                .filter(|row| PartyId(row.party_id) == party_id || operates)
                .ok_or(Refusal::NotFound)?;
            let outcome: Json = serde_json::from_str(&row.outcome).unwrap_or_default();
            let asked = outcome.get("awaits_approval").and_then(Json::as_i64);
            let asked = asked.map(|id| Approval::load(conn, ApprovalId(id))).transpose()?;
            let mut input: Json = serde_json::from_str(&row.input).unwrap_or_default();
            let mut body = outcome.get("body").cloned().unwrap_or_default();
            let command = body.get("command").and_then(Json::as_str).unwrap_or(&row.command).to_owned();
            for said in [&mut input, &mut body] {
                name_account(conn, &command, said)?;
            }
            Ok((row, command, (input, body), asked))
        })
        .await?;
    // The outcome says it of what is done, the request of what is only asked for.
    let asked_as = asked.as_ref().map_or("", |asked| &asked.body);
    let command = said_of(said_name(&command, &body), asked_as).to_owned();
    let key = command.replace('_', "-");
    let mut facts = vec![
        (who.t("receipt-reference"), Value::code(format!("K-{}", row.id))),
        (who.t("col-when"), Value::moment(language, row.at)),
        (who.t("page-business-date"), Value::date(language, row.business_date)),
        (who.t("col-person"), Value::text(row.person.clone())),
    ];
    let foreign = PartyId(row.party_id) != party_id;
    if foreign && !row.party.is_empty() {
        facts.insert(1, (who.t("col-company"), Value::link(row.party.clone(), format!("/ops/companies/{}", row.party_id))));
    }
    if !row.approver.is_empty() {
        facts.push((who.t("col-checker"), Value::text(row.approver.clone())));
    }
    let currency = body.get("currency").and_then(Json::as_str).unwrap_or("").to_owned();
    let mut seen: Vec<String> = Vec::new();
    let reads_receivables = operates || [Capacity::Supplier, Capacity::Financier].iter().any(|one| person.has_capacity(*one));
    for (label, mut value) in facts_of(language, &body, &currency).into_iter().chain(facts_of(language, &input, &currency)) {
        // A buyer reads of a receivable on the page of its invoice.
        if value.href.starts_with("/receivables/") && !reads_receivables {
            value.href.clear();
        }
        if !seen.contains(&label) {
            seen.push(label.clone());
            facts.push((label, value));
        }
    }
    let mut links = Vec::new();
    let number = |name: &str| body.get(name).and_then(Json::as_i64);
    if person.has_capacity(Capacity::Supplier)
        && let Some(id) = number("invoice_id")
    {
        links.push((who.t("receipt-to-invoice"), format!("/invoices/{id}")));
    }
    if person.has_capacity(Capacity::Buyer)
        && let Some(id) = number("invoice_id")
    {
        links.push((who.t("receipt-to-payable"), format!("/payables/{id}")));
    }
    if let Some(id) = number("receivable_id").filter(|_| !person.has_capacity(Capacity::Buyer)) {
        links.push((who.t("receipt-to-receivable"), format!("/receivables/{id}")));
    }
    if let Some(id) = number("invoice_id").filter(|_| operates) {
        links.push((who.t("receipt-to-invoice"), format!("/ops/invoices/{id}")));
    }
    if let (Some(id), Some(_)) = (number("invoice_id"), body.get("evidence_hash")) {
        links.push((who.t("undertaking-link"), format!("/undertakings/{id}")));
    }
    if let Some(id) = number("programme_id").filter(|_| person.has_capacity(Capacity::Buyer)) {
        links.push((who.t("receipt-to-programme"), format!("/programmes/{id}")));
    }
    if let Some(id) = number("member_id").filter(|_| person.has_capacity(Capacity::Supplier)) {
        links.push((who.t("receipt-to-membership"), format!("/memberships/{id}")));
    }
    if operates {
        // Files that come from the bank and those that go to it have numbers of one sequence, and pages of their own.
        let file = if command == "create_payment_file" {
            ("file_id", "receipt-to-payment-file", "/ops/payment-files/")
        } else {
            ("file_id", "receipt-to-bank-file", "/ops/bank-files/")
        };
        let pages = [file, ("line_id", "receipt-to-bank-line", "/ops/bank-lines/")];
        links.extend(pages.iter().filter_map(|(name, label, page)| Some((who.t(label), format!("{page}{}", number(name)?)))));
    }
    if foreign {
        // The company's own next step and its own requests are for itself alone.
        if row.subject_id > 0 {
            links.push((who.t("audit-of-record"), format!("/audit?subject={}", row.subject_id)));
        }
        links.push((who.t("audit-of-company"), format!("/audit?company={}", row.party_id)));
        let what = if asked.is_some() { language.request(&command) } else { language.done(&command) };
        let mut page = Page::new(language.fill("audit-record-title", &[("what", what)]))
            .trail(who.t("audit-title"), "/audit")
            .with(Block::Facts(facts))
            .with(Block::Links(links));
        page.place = format!("K-{}", row.id);
        return who.app.page(&who.viewer, page).await;
    }
    links.extend(asked.as_ref().map(|asked| (who.t("receipt-to-approval"), format!("/approvals/{}", asked.id))));
    links.push((who.t("fault-home"), "/home".to_owned()));
    let waits = asked.is_some();
    // The check before the act found something: a person looks first.
    let held = ["submit_invoice", "confirm_invoice", "create_offer"].contains(&command.as_str())
        && body.get("review").and_then(Json::as_str) == Some("open");
    let (tone, said, next) = standing(language, asked.as_ref(), &key);
    let what = if waits { language.request(&command) } else { language.done(&command) };
    let mut page = Page::new(language.fill("receipt-title", &[("what", what)])).with(Block::Notice(tone, said));
    if ["breaks", "attention"].iter().any(|name| number(name).unwrap_or(0) > 0) {
        page = page.with(Block::Notice(web::Tone::Attention, who.t("receipt-attention")));
    }
    page = page
        .with(Block::Facts(facts))
        .with(Block::Heading(who.t("receipt-next")))
        .with(Block::Paragraph(if held {
            who.t("next-held")
        } else if command == "submit_invoice" && number("receivable_id").is_some() {
            // The buyer had approved the invoice in advance, so it is confirmed already.
            who.t("next-submit-confirmed")
        } else {
            next
        }))
        .with(Block::Links(links));
    page.place = format!("K-{}", row.id);
    who.app.page(&who.viewer, page).await
}

/// The state of the receipt: done, waiting for a second person, or turned down; and the next step.
fn standing(language: Language, asked: Option<&Approval>, key: &str) -> (web::Tone, String, String) {
    match asked.map(|asked| asked.state) {
        Some(ApprovalState::Pending) => (web::Tone::Waiting, language.t("receipt-waiting"), language.t("receipt-pending-next")),
        Some(ApprovalState::Rejected) => {
            (web::Tone::Stopped, language.t("receipt-rejected"), language.t("receipt-rejected-next"))
        }
        Some(ApprovalState::Approved | ApprovalState::Ended) => {
            (web::Tone::Done, language.t("receipt-approved"), next_step(language, key))
        }
        None => (web::Tone::Done, language.t("receipt-done"), next_step(language, key)),
    }
}

fn next_step(language: Language, command: &str) -> String {
    let key = format!("next-{command}");
    if language.has(&key) { language.t(&key) } else { language.t("next-none") }
}

/// The history of a record from its audit, newest first. People are named to their own company only; purchases show
/// to those who may see all of them.
#[must_use]
pub fn timeline(language: Language, rows: &[AuditLine], own_party: PartyId, sees_purchases: bool) -> Vec<Event> {
    rows.iter()
        .filter_map(|row| {
            let outcome: Json = serde_json::from_str(&row.outcome).unwrap_or_default();
            let inner = outcome.get("body").and_then(|body| body.get("command")).and_then(Json::as_str);
            let command = inner.unwrap_or(&row.command);
            let waits = outcome.get("awaits_approval").is_some_and(Json::is_i64);
            let own = PartyId(row.party_id) == own_party;
            let wrong_code = outcome.get("body").and_then(|body| body.get("factor")).and_then(Json::as_str) == Some("wrong");
            // Another company's waiting requests and wrong codes are its own business, and so are its purchases that the reader
            // may not see.
            if !own
                && (waits
                    || wrong_code
                    || (["buy_fractions", "inspect_offer"].contains(&row.command.as_str()) && !sees_purchases))
            {
                return None;
            }
            let actor = if own {
                language.fill("timeline-actor", &[("person", row.person.clone()), ("company", row.party.clone())])
            } else {
                row.party.clone()
            };
            Some(Event {
                title: if waits {
                    language.fill("timeline-asked", &[("what", language.request(command))])
                } else if wrong_code {
                    language.t("timeline-wrong-code")
                } else {
                    language.done(command)
                },
                actor,
                when: language.moment(row.at),
                machine: row.at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
                ..Event::default()
            })
        })
        .collect()
}

/// The audit of all records, for the operator.
async fn audit(who: Who<OperatorViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("receipt-reference", false, "id"),
        ("col-when", false, ""),
        ("col-company", false, "party"),
        ("col-person", false, "person"),
        ("col-what", false, "command"),
        ("col-record", false, ""),
        ("col-transfers", false, ""),
    ];
    let listing = Listing { params: &params, language, groups: &[], states: &[], heads, default: ("id", true), summed: "" };
    let names = [("company", "party_id"), ("subject", "subject_id"), ("person", "user_id")];
    let mut wanted = narrowed(&params, listing.query(), &names);
    if Command::NAMES.contains(&params.get("command")) {
        wanted = wanted.with("command = ?", vec![params.get("command").into()]);
    }
    if let Ok(day) = params.get("day").parse::<NaiveDate>()
        && is_usual(day)
    {
        wanted = wanted.with("business_date = ?", vec![day.into()]);
    }
    let (page, companies) =
        who.read(move |conn| Ok((AuditLine::page(conn, &wanted)?, store::parties::list_choices(conn, None)?))).await?;
    let rows = page.rows.iter().map(|row| {
        let transfers =
            if row.first_transfer == 0 { "–".to_owned() } else { format!("{}–{}", row.first_transfer, row.last_transfer) };
        let only = |name: &str, text: &str, id: i64| {
            let href = if id > 0 && !text.is_empty() { listing.href(&[(name, &id.to_string())]) } else { String::new() };
            Value { href, ..Value::text(text) }
        };
        Row {
            cells: vec![
                Value { href: format!("/receipts/{}", row.id), ..Value::code(format!("K-{}", row.id)) },
                Value::moment(language, row.at),
                only("company", &row.party, row.party_id),
                only("person", &row.person, row.user_id),
                Value::link(language.done(&row.command), listing.href(&[("command", &row.command)])),
                only("subject", &if row.subject_id > 0 { row.subject_id.to_string() } else { String::new() }, row.subject_id),
                Value::text(transfers),
            ],
        }
    });
    let last = page.rows.last().map(|row| {
        let value = match listing.query().order {
            "party" => row.party.clone(),
            "person" => row.person.clone(),
            "command" => row.command.clone(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let mut table = listing.table(language.t("audit-title"), rows.collect(), &[], last, page.more, language.t("list-no-match"));
    for name in ["company", "subject", "person", "command", "day"] {
        let value = params.get(name);
        if !value.is_empty() {
            let first = page.rows.first();
            let known = match name {
                "company" => first.map_or_else(|| value.to_owned(), |row| row.party.clone()),
                "person" => first.map_or_else(|| value.to_owned(), |row| row.person.clone()),
                "command" => language.done(value),
                "day" => value.parse().map_or_else(|_| value.to_owned(), |day| language.date(day)),
                _ => value.to_owned(),
            };
            let label = language.fill(&format!("list-{name}"), &[("name", known), ("id", value.to_owned())]);
            table.filters.push(Choice { label, href: listing.href(&[(name, "")]), chosen: true });
        }
    }
    let shown = Page::new(language.t("audit-title")).form(audit_form(language, &params, &companies));
    listing.send(&who, shown, table).await
}

/// Narrows the audit to a company, a command and a business day; what else is chosen stays.
fn audit_form(language: Language, params: &Params, companies: &[Party]) -> Form {
    let mut parties = vec![(String::new(), language.t("list-all"))];
    parties.extend(companies.iter().map(|party| (party.id.to_string(), party.name.clone())));
    let mut commands: Vec<(String, String)> =
        Command::NAMES.iter().map(|name| ((*name).to_owned(), language.done(name))).collect();
    commands.sort_by(|one, other| one.1.cmp(&other.1));
    commands.insert(0, (String::new(), language.t("list-all")));
    let field = |name: &str, label: &str, kind: &'static str| {
        Field::new(name, language.t(label), kind).value(params.get(name)).optional()
    };
    let fields = vec![
        field("company", "col-company", "select").options(parties),
        field("command", "col-what", "select").options(commands),
        field("day", "page-business-date", "date"),
    ];
    let mut form = asking("/audit", language.t("list-narrow"), fields);
    for name in ["subject", "person"] {
        if !params.get(name).is_empty() {
            form = form.hidden(name, params.get(name).to_owned());
        }
    }
    form
}
