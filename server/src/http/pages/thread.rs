//! The messages between buyer and supplier about an invoice, and the newest answer as a Peppol Invoice Response.

use super::super::error::Fault;
use super::super::rights::{Member, Who};
use super::super::routes::{Id, Routes};
use super::Answer;
use actix_web::HttpResponse;
use domain::Refusal;
use domain::answer::{AnswerCode, ReasonCode, code_of};
use formats::invoice_response::{InvoiceResponse, ResponseParty, scheme_of, write};
use kernel::{InvoiceId, MessageId, PartyId};
use std::collections::HashMap;
use store::lists::InvoiceLine;
use store::records::Keyed;
use store::{Conn, InvoiceMessage, Party};
use web::{Block, Event, Field, Form, Language};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/responses/{id}", response);
}

/// The messages of an invoice, oldest first, with the names of their companies.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    messages: Vec<InvoiceMessage>,
    names: HashMap<PartyId, String>,
    /// Both companies are in countries whose tax ids are electronic addresses.
    addressed: bool,
}

pub fn load(conn: &mut Conn, row: &InvoiceLine) -> Result<Thread, Fault> {
    let messages = store::invoices::list_messages(conn, InvoiceId(row.id))?;
    let parties = Party::list_ids(conn, &[PartyId(row.supplier_id), PartyId(row.buyer_id)])?;
    let addressed = parties.iter().all(|party| scheme_of(&party.country).is_some());
    Ok(Thread { messages, names: parties.into_iter().map(|party| (party.id, party.name)).collect(), addressed })
}

/// The messages of an invoice as the API returns them to its supplier and its buyer.
pub fn messages_json(conn: &mut Conn, party_id: PartyId, invoice_id: InvoiceId) -> Result<Vec<serde_json::Value>, Fault> {
    let row = InvoiceLine::find(conn, invoice_id.0)?.filter(|row| concerns(row, party_id)).ok_or(Refusal::NotFound)?;
    list_json(conn, &row)
}

/// The same for a reader who may see them by another right.
pub fn list_json(conn: &mut Conn, row: &InvoiceLine) -> Result<Vec<serde_json::Value>, Fault> {
    let thread = load(conn, row)?;
    let message = |said: &InvoiceMessage| {
        let company = thread.names.get(&said.party_id).cloned().unwrap_or_default();
        serde_json::json!({ "id": said.id, "party": company, "code": said.code, "reason_code": said.reason_code, "text": said.text, "at": said.at })
    };
    Ok(thread.messages.iter().map(message).collect())
}

/// Whether an invoice is this company's, or was put before it.
fn concerns(row: &InvoiceLine, party_id: PartyId) -> bool {
    PartyId(row.supplier_id) == party_id || (PartyId(row.buyer_id) == party_id && row.presented)
}

/// The reasons of a query, a dispute or a rejection, to choose from.
#[must_use]
pub fn reason_field(language: Language) -> Field {
    let options = ReasonCode::ALL.iter().map(|code| (code.name().to_owned(), reason(language, *code)));
    Field::new("clarification", language.t("field-clarification"), "select").options(options.collect())
}

fn reason(language: Language, code: ReasonCode) -> String {
    language.t(&format!("reason-code-{}", code.name().to_lowercase()))
}

/// The messages, newest first, with a form for more.
#[must_use]
pub fn blocks(language: Language, row: &InvoiceLine, thread: &Thread, writes_to: Option<String>) -> Vec<Block> {
    let mut blocks: Vec<Block> = said(language, thread).into_iter().collect();
    if let Some(action) = writes_to {
        let text = Field::new("text", language.t("thread-text"), "area");
        blocks.push(Block::Heading(language.t("thread-write")));
        blocks.push(Block::Form(Box::new(Form::new(action, language.t("thread-submit"), vec![text]).secondary())));
    }
    if thread.addressed && newest(row, thread).is_some() {
        blocks.push(Block::Links(vec![(language.t("thread-response"), format!("/responses/{}", row.id))]));
    }
    blocks
}

/// The messages, newest first.
#[must_use]
pub fn said(language: Language, thread: &Thread) -> Option<Block> {
    let event = |message: &InvoiceMessage| {
        let mut title = match message.code.get() {
            None => language.t("answer-message"),
            Some(code) => format!("{} ({code})", language.t(&format!("answer-{}", code.name().to_lowercase()))),
        };
        if let Some(code) = message.reason_code.get() {
            title = format!("{title} · {}", reason(language, code));
        }
        Event {
            title,
            note: message.text.clone(),
            actor: thread.names.get(&message.party_id).cloned().unwrap_or_default(),
            when: language.moment(message.at),
            machine: message.at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            ..Event::default()
        }
    };
    let events: Vec<Event> = thread.messages.iter().rev().map(event).collect();
    (!events.is_empty()).then(|| Block::Timeline(language.t("thread-title"), events))
}

/// The newest answer: paid, the answer in a message, or the answer that follows from the state.
fn newest(row: &InvoiceLine, thread: &Thread) -> Option<(AnswerCode, Option<ReasonCode>, String)> {
    let said = thread.messages.iter().rev().find_map(|message| Some((message.code.get()?, message)));
    match (row.state.as_str(), said) {
        ("paid", _) => Some((AnswerCode::Paid, None, String::new())),
        (_, Some((code, said))) => Some((code, said.reason_code.get(), said.text.clone())),
        (state, None) => code_of(state).map(|code| (code, None, String::new())),
    }
}

/// The newest answer to an invoice, to its supplier and its buyer.
async fn response(who: Who<Member>, id: Id) -> Answer {
    let (party_id, now) = (who.party_id()?, who.app.clock.now());
    let (number, text) = who
        .read(move |conn| {
            let row = InvoiceLine::find(conn, id.0)?.filter(|row| concerns(row, party_id)).ok_or(Refusal::NotFound)?;
            let thread = load(conn, &row)?;
            let (code, reason_code, reason) = newest(&row, &thread).filter(|_| thread.addressed).ok_or(Refusal::NotFound)?;
            let (supplier, buyer) = (Party::load(conn, PartyId(row.supplier_id))?, Party::load(conn, PartyId(row.buyer_id))?);
            let party = |party: Party| ResponseParty { name: party.name, country: party.country, tax_id: party.tax_key };
            let said = thread.messages.iter().rev().find(|message| message.code.get().is_some());
            let response = InvoiceResponse {
                id: format!("K-{}-{}", row.id, said.map_or(MessageId(0), |message| message.id)),
                issued_at: said.map_or(now, |message| message.at),
                code,
                reason_code,
                reason,
                sender: party(buyer),
                receiver: party(supplier),
                invoice_number: row.number.clone(),
                invoice_date: row.issue_date,
                invoice_type: row.type_code.clone(),
            };
            Ok((row.id, write(&response)?))
        })
        .await?;
    Ok(HttpResponse::Ok()
        .content_type("application/xml; charset=utf-8")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"invoice-response-{number}.xml\"")))
        .body(text))
}
