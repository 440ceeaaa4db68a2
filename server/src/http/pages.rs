//! The pages, one file a noun. A page handler reads, builds blocks, and sends; a form becomes a command.

pub mod account;
pub mod approvals;
pub mod approved;
pub mod assets;
pub mod assignments;
pub mod bank;
pub mod bank_files;
pub mod bank_request;
pub mod cash;
pub mod companies;
pub mod confirmation_lists;
pub mod contacts;
#[cfg(feature = "demo")]
pub mod demo;
pub mod document;
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
pub mod org;
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
use crate::commands::Outcome;
use actix_web::HttpResponse;
use web::{Block, Field, Form, Page, Value};

pub type Answer = Result<HttpResponse, Fault>;

pub fn add_routes(routes: &mut Routes) {
    assets::add_routes(routes);
    sign_in::add_routes(routes);
    home::add_routes(routes);
    account::add_routes(routes);
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
    portfolio::add_routes(routes);
    proofs::add_routes(routes);
    cash::add_routes(routes);
    bank::add_routes(routes);
    companies::add_routes(routes);
    contacts::add_routes(routes);
    links::add_routes(routes);
    bank_files::add_routes(routes);
    statements::add_routes(routes);
    ops::add_routes(routes);
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

/// What a check page says before an act that cannot be taken back.
pub struct Check {
    pub title: String,
    /// What happens when the button is pressed.
    pub lead: String,
    pub facts: Vec<(String, Value)>,
    /// The act itself: everything that was chosen, hidden, under a button that names the act.
    pub form: Form,
    /// Where what is wrong can be changed.
    pub back: String,
}

/// The page before an act that cannot be taken back: all of it once more, what happens next, and the way back.
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

/// Submits and shows the receipt, or the form again.
pub async fn submit_or_again<R: SignedIn>(
    who: &Who<R>,
    posted: &Posted,
    command: impl Into<crate::commands::Command>,
    page: Page,
    currency: &str,
) -> Answer {
    match who.submit(&posted.key(), command).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(who, page, posted, fault, currency).await,
    }
}
