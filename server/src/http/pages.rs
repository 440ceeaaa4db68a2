//! The pages, one file a noun. A page handler reads, builds blocks, and sends; a form becomes a command.

pub mod account;
pub mod addresses;
pub mod approvals;
pub mod approved;
pub mod assets;
pub mod assignments;
pub mod bank;
pub mod bank_decisions;
pub mod bank_files;
pub mod bank_request;
pub mod cash;
pub mod companies;
pub mod confirmation_lists;
pub mod contacts;
pub mod corrections;
pub mod custody_accounts;
#[cfg(feature = "demo")]
pub mod demo;
pub mod document;
pub mod due;
pub mod evidence;
pub mod fees;
pub mod home;
pub mod invoices;
pub mod links;
pub mod listing;
pub mod market;
pub mod memberships;
pub mod navigation;
pub mod ops;
pub mod ops_lists;
pub mod org;
pub mod papers;
pub mod payables;
pub mod payment_files;
pub mod payouts;
pub mod portfolio;
pub mod programme_proposal;
pub mod programme_queue;
pub mod programmes;
pub mod proofs;
pub mod receipts;
pub mod receivables;
pub mod request;
pub mod reviews;
pub mod sign_in;
pub mod statements;
pub mod thread;
pub mod typed_invoice;
pub mod undertakings;

use super::error::Fault;
use super::rights::{Right, SignedIn, Who};
use super::routes::{Posted, Routes};
use super::see_other;
use crate::commands::{Command, Outcome};
use actix_web::HttpResponse;
use store::log::Act;
use web::{Block, Field, Form, Page, Value};

pub type Answer = Result<HttpResponse, Fault>;

pub fn add_routes(routes: &mut Routes) {
    assets::add_routes(routes);
    sign_in::add_routes(routes);
    home::add_routes(routes);
    account::add_routes(routes);
    addresses::add_routes(routes);
    org::add_routes(routes);
    approvals::add_routes(routes);
    receipts::add_routes(routes);
    typed_invoice::add_routes(routes);
    invoices::add_routes(routes);
    confirmation_lists::add_routes(routes);
    payables::add_routes(routes);
    approved::add_routes(routes);
    assignments::add_routes(routes);
    thread::add_routes(routes);
    undertakings::add_routes(routes);
    receivables::add_routes(routes);
    market::add_routes(routes);
    papers::add_routes(routes);
    portfolio::add_routes(routes);
    proofs::add_routes(routes);
    cash::add_routes(routes);
    bank::add_routes(routes);
    companies::add_routes(routes);
    corrections::add_routes(routes);
    contacts::add_routes(routes);
    links::add_routes(routes);
    bank_files::add_routes(routes);
    statements::add_routes(routes);
    ops::add_routes(routes);
    custody_accounts::add_routes(routes);
    ops_lists::add_routes(routes);
    due::add_routes(routes);
    payouts::add_routes(routes);
    payment_files::add_routes(routes);
    reviews::add_routes(routes);
    evidence::add_routes(routes);
    programmes::add_routes(routes);
    programme_proposal::add_routes(routes);
    memberships::add_routes(routes);
    programme_queue::add_routes(routes);
    fees::add_routes(routes);
    #[cfg(feature = "demo")]
    demo::add_routes(routes);
}

/// Shows a form again with what was typed and what is wrong; other faults go on as they are.
pub async fn again<R: Right>(who: &Who<R>, mut page: Page, posted: &Posted, fault: Fault, currency: &str) -> Answer {
    let Fault::Refused(refusal) = &fault else { return Err(fault) };
    if refusal.code() == "not_found" {
        return Err(fault);
    }
    let field = fault.field();
    who.viewer.path.split('?').next().unwrap_or("").clone_into(&mut page.wrong_action);
    page.refill(&posted.fields);
    let label = page.label_of(&field);
    page.errors.push((field, who.language().refusal_about(refusal, currency, label.as_deref())));
    let mut response = who.app.page_with(&who.viewer, page, fault.status()).await?;
    response.extensions_mut().insert(super::denials::Said(fault.code()));
    Ok(response)
}

/// A form that leads to a check page and changes nothing itself.
pub fn asking(action: impl Into<String>, submit: String, fields: Vec<Field>) -> Form {
    Form { get: true, ..Form::new(action, submit, fields) }
}

/// The content of a check page before an act that cannot be taken back.
pub struct Check {
    pub title: String,
    /// The effect of pressing the button.
    pub lead: String,
    pub facts: Vec<(String, Value)>,
    /// The act itself: everything that was chosen, hidden, under a button that names the act.
    pub form: Form,
    /// Where what is wrong can be changed.
    pub back: String,
}

/// The page before an act that cannot be taken back: all its data once more, the next step, and the way back.
#[must_use]
pub fn check_page<R: Right>(who: &Who<R>, trail: &[(String, String)], check: Check) -> Page {
    let mut page = Page::new(check.title);
    page.trail = trail.to_vec();
    page.with(Block::Paragraph(check.lead))
        .with(Block::Facts(check.facts))
        .form(check.form)
        .with(Block::Paragraph(who.t("payable-change")))
        .with(Block::Links(vec![(who.t("payable-back"), check.back)]))
}

/// After a command: its receipt, at an address of its own. What waits for a second person leads to the request.
#[must_use]
pub fn receipt(outcome: &Outcome) -> HttpResponse {
    match outcome.awaits_approval {
        Some(id) => see_other(&format!("/approvals/{id}")),
        None => see_other(&format!("/receipts/{}", outcome.seq)),
    }
}

/// How long the same act again is taken for a mistake, and how many of the newest records are looked through for it.
const TWICE_WITHIN: chrono::TimeDelta = chrono::TimeDelta::minutes(10);
const NEWEST: i64 = 5_000;
/// The field that says which act the person has seen and means once more.
const MEANT: &str = "meant_after";

/// Acts that a browser's "back" would do a second time. Any other act is refused the second time by the new state, or changes
/// nothing.
const REPEATABLE: &[&str] = &["buy_fractions", "create_offer", "propose_programme", "request_payout", "write_message"];

/// The page that asks whether the person means an act once more. It appears where the same person did exactly the same a few
/// minutes ago under another key. It asks once: the answer names the act before it. Requests of the API have keys of their own
/// and never come here.
async fn asked_twice<R: SignedIn>(who: &Who<R>, posted: &Posted, command: &Command) -> Result<Option<HttpResponse>, Fault> {
    if !REPEATABLE.contains(&command.name()) {
        return Ok(None);
    }
    let person = who.person()?;
    let (party, user) = (person.party.id, person.user.id);
    let (name, input, key) = (command.name(), command.input(), posted.key());
    let since = who.app.clock.now().checked_sub_signed(TWICE_WITHIN).unwrap_or_default();
    let found = who
        .read(move |conn| {
            let act = Act { party, user, command: name, input: &input };
            Ok(store::log::find_same_act(conn, act, since, NEWEST)?)
        })
        .await?;
    let Some(before) = found.filter(|row| row.idempotency_key != key && posted.get(MEANT) != row.seq.to_string()) else {
        return Ok(None);
    };
    let language = who.language();
    let reference = ("reference", format!("K-{}", before.seq));
    let lead = language.fill("twice-lead", &[("when", Value::moment(language, before.at).text), reference]);
    let action = who.viewer.path.split('?').next().unwrap_or("");
    let mut form = Form::new(action, who.t("twice-submit"), vec![]).hidden(MEANT, before.seq.to_string());
    for (name, value) in posted.fields.iter().filter(|(name, _)| !name.starts_with('_') && name != MEANT) {
        form = form.hidden(name, value.clone());
    }
    let page = Page::new(who.t("twice-title"))
        .with(Block::Notice(web::Tone::Attention, lead))
        .form(form)
        .with(Block::Links(vec![(who.t("twice-receipt"), format!("/receipts/{}", before.seq))]));
    who.app.page_with(&who.viewer, page, actix_web::http::StatusCode::CONFLICT).await.map(Some)
}

/// Submits a command of a form and shows its receipt, or asks first whether it is meant a second time.
pub async fn submit_once<R: SignedIn>(who: &Who<R>, posted: &Posted, command: impl Into<Command>) -> Answer {
    let command = command.into();
    if let Some(page) = asked_twice(who, posted, &command).await? {
        return Ok(page);
    }
    Ok(receipt(&who.submit(&posted.key(), command).await?))
}

/// Submits and shows the receipt, or the form again.
pub async fn submit_or_again<R: SignedIn>(
    who: &Who<R>,
    posted: &Posted,
    command: impl Into<Command>,
    page: Page,
    currency: &str,
) -> Answer {
    match submit_once(who, posted, command).await {
        Ok(answer) => Ok(answer),
        Err(fault) => again(who, page, posted, fault, currency).await,
    }
}
