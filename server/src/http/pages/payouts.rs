//! The operator's side of one payout: its progress, the bank's statements, and its rejection by two people.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::listing::{Listing, plain_table};
use super::{Answer, SignedIn, again, asking, cash, submit_or_again};
use crate::commands::bank::cancel_payout::CancelPayout;
use crate::commands::bank::fail_payout::FailPayout;
use domain::Refusal;
use domain::party::Role;
use domain::settlement_instruction::{InstructionEvent, InstructionState, REASONS, next_state};
use kernel::PayoutId;
use store::Payout;
use store::lists::{ListQuery, PayoutLine, StatusLineRow};
use store::records::Keyed;
use web::{Block, Field, Form, Language, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/payouts/{id}", payout);
    routes.post("/ops/payouts/{id}/fail", payout_fail);
    routes.get("/ops/payouts/{id}/cancel", payout_cancel_check);
    routes.post("/ops/payouts/{id}/cancel", payout_cancel);
    routes.get("/ops/bank-statuses", statuses);
}

/// A bank's reason in words, with its code; a code without a text is shown as it is.
#[must_use]
pub fn reason_text(language: Language, code: &str) -> String {
    let key = format!("bank-reason-{}", code.to_ascii_lowercase());
    if language.has(&key) { language.t(&key) } else { code.to_owned() }
}

/// The last status that the bank gave, in words and with its code.
#[must_use]
pub fn status_text(language: Language, code: &str) -> String {
    let key = format!("bank-status-{}", code.to_ascii_lowercase());
    if language.has(&key) { language.t(&key) } else { code.to_owned() }
}

/// The state of a payout in words: it is the bank that has rejected it, not a person.
#[must_use]
pub fn payout_state(language: Language, state: &str) -> Value {
    Value::state(language, if state == InstructionState::Rejected.name() { "payout_rejected" } else { state })
}

/// The bank's last statement about a payout, in one line.
#[must_use]
pub fn bank_words(language: Language, row: &PayoutLine) -> String {
    let said = [status_text(language, &row.bank_status), reason_text(language, &row.reason_code), row.note.clone()];
    said.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(" · ")
}

fn facts(language: Language, row: &PayoutLine) -> Vec<(String, Value)> {
    let mut facts = vec![
        (language.t("col-state"), payout_state(language, &row.state)),
        (language.t("col-amount"), Value::money(&row.currency, row.amount_minor)),
        (language.t("col-company"), Value::text(row.party.clone())),
        (language.t("field-holder"), Value::text(row.holder.clone())),
        (language.t("field-iban"), Value::code(row.iban.clone())),
        (language.t("field-end-to-end"), Value::code(row.end_to_end.clone())),
        (language.t("col-when"), Value::moment(language, row.created_at)),
    ];
    if !row.own_iban.is_empty() {
        facts.push((language.t("payouts-account"), Value::code(row.own_iban.clone())));
    }
    if let Some(day) = row.expected_date {
        facts.push((language.t("payout-expected"), Value::date(language, day)));
    }
    let texts = [
        ("payout-bank-status", status_text(language, &row.bank_status)),
        ("field-reason-code", reason_text(language, &row.reason_code)),
        ("field-note", row.note.clone()),
    ];
    facts.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (language.t(key), Value::text(text))));
    facts
}

async fn payout_page(who: &Who<impl SignedIn>, id: PayoutId) -> Result<(Page, String), Fault> {
    let language = who.language();
    let (row, said) = who
        .read(move |conn| {
            let row = PayoutLine::find(conn, id.0)?.ok_or(Refusal::NotFound)?;
            let said = StatusLineRow::page(conn, &ListQuery::newest(100).with("payout_id = ?", vec![id.into()]))?.rows;
            Ok((row, said))
        })
        .await?;
    let heads = [
        ("col-when", false),
        ("payout-bank-status", false),
        ("field-reason-code", false),
        ("field-note", false),
        ("col-state", false),
    ];
    let rows = said.iter().map(|line| {
        vec![
            Value::moment(language, line.imported_at),
            Value::text(status_text(language, &line.status)),
            Value::text(reason_text(language, &line.reason_code)),
            Value::text(line.note.clone()),
            payout_state(language, &line.state),
        ]
    });
    let mut page = Page::new(language.fill("payout-title", &[("reference", row.end_to_end.clone())]))
        .trail(who.t("ops-payouts"), "/ops/payouts")
        .with(Block::Facts(facts(language, &row)));
    if row.state == InstructionState::Unknown.name() {
        page.push(Block::Notice(web::Tone::Attention, who.t("payout-unknown-lead")));
    }
    page = page.table(plain_table(language, "statuses-title", &heads, rows.collect(), "statuses-empty"));
    let state = InstructionState::parse(&row.state);
    let may_fail = state.is_some_and(|state| next_state(state, InstructionEvent::Reject).is_ok());
    if may_fail && who.person()?.has_role(Role::Maker) {
        // No reason is preselected: otherwise a reason that no person gave would stand in the books.
        let nothing = (String::new(), "–".to_owned());
        let reasons = REASONS.iter().map(|code| ((*code).to_owned(), reason_text(language, code)));
        let options = std::iter::once(nothing).chain(reasons).collect();
        let fields = vec![
            Field::new("reason_code", who.t("field-reason-code"), "select").options(options),
            Field::new("note", who.t("field-note"), "area").hint(who.t("payout-fail-note-hint")).optional(),
        ];
        page = page
            .with(Block::Heading(who.t("payout-fail")))
            .with(Block::Paragraph(who.t("payout-fail-lead")))
            .form(Form::new(format!("/ops/payouts/{id}/fail"), who.t("payout-fail-submit"), fields).secondary());
    }
    // A return of unplaced money was asked for by the operators; a company takes back its own.
    if state == Some(InstructionState::Authorised) && row.party.is_empty() && who.person()?.has_role(Role::Maker) {
        let label = language.fill("cash-cancel", &[("reference", row.end_to_end.clone())]);
        page = page.form(asking(format!("/ops/payouts/{id}/cancel"), label, vec![]).secondary());
    }
    Ok((page, row.currency))
}

async fn payout_cancel_check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    // A company's payout is its own to cancel.
    let row = who.read(move |conn| Ok(Payout::find(conn, PayoutId(id.0))?.filter(|row| row.party_id.is_none()))).await?;
    let row = row.ok_or(Refusal::NotFound)?;
    let here = format!("/ops/payouts/{}", row.id);
    let trail = (who.language().fill("payout-title", &[("reference", row.end_to_end.clone())]), here.clone());
    match cash::cancel_page(&who, &row, (format!("{here}/cancel"), trail)) {
        Ok(page) => who.app.page(&who.viewer, page).await,
        Err(fault) => {
            let (page, currency) = payout_page(&who, row.id).await?;
            again(&who, page, &Posted { fields: params.fields }, fault, &currency).await
        }
    }
}

async fn payout_cancel(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, currency) = payout_page(&who, PayoutId(id.0)).await?;
    submit_or_again(&who, &posted, CancelPayout { payout_id: PayoutId(id.0) }, page, &currency).await
}

async fn payout(who: Who<OperatorViewer>, id: Id) -> Answer {
    let (page, _) = payout_page(&who, PayoutId(id.0)).await?;
    who.app.page(&who.viewer, page).await
}

async fn payout_fail(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, currency) = payout_page(&who, PayoutId(id.0)).await?;
    let (reason_code, note) = (posted.get("reason_code").to_owned(), posted.get("note").to_owned());
    submit_or_again(&who, &posted, FailPayout { payout_id: PayoutId(id.0), reason_code, note }, page, &currency).await
}

/// All entries of status reports, including those that the platform does not know.
async fn statuses(who: Who<OperatorViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-when", false, ""),
        ("statuses-report", false, "report"),
        ("field-end-to-end", false, "original_id"),
        ("col-amount", true, ""),
        ("payout-bank-status", false, "status"),
        ("field-reason-code", false, ""),
        ("field-note", false, ""),
        ("col-state", false, ""),
    ];
    let states = &["rejected", "noted", "already_rejected", "unknown", "code_unknown", "conflict"];
    let listing = Listing { params: &params, language, groups: &[], states, heads, default: ("id", true), summed: "" };
    let wanted = listing.query();
    let order = wanted.order;
    let page = who.read(move |conn| Ok(StatusLineRow::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        let known = row.payout_id > 0;
        Row {
            cells: vec![
                Value::moment(language, row.imported_at),
                Value::code(row.report.clone()),
                if known {
                    Value::link(row.original_id.clone(), format!("/ops/payouts/{}", row.payout_id))
                } else {
                    Value::code(row.original_id.clone())
                },
                if known { Value::money(&row.currency, row.amount_minor) } else { Value::text("–") },
                Value::text(status_text(language, &row.status)),
                Value::text(reason_text(language, &row.reason_code)),
                Value::text(row.note.clone()),
                payout_state(language, &row.state),
            ],
        }
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "report" => row.report.clone(),
            "original_id" => row.original_id.clone(),
            "status" => row.status.clone(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let title = language.t("statuses-title");
    let table = listing.table(title.clone(), rows.collect(), &[], last, page.more, language.t("statuses-empty"));
    listing.send(&who, Page::new(title).trail(who.t("nav-ops"), "/ops"), table).await
}
