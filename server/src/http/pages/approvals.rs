//! What waits for a second person: the request as it was asked, and yes or no.

use super::super::error::Fault;
use super::super::rights::{Checker, Member, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::listing::Listing;
use super::{Answer, again, receipt};
use crate::commands::decide_approval::DecideApproval;
use domain::Refusal;
use domain::party::Role;
use store::lists::ApprovalLine;
use web::{Block, Field, Form, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/approvals", approvals);
    routes.get("/approvals/{id}", approval);
    routes.post("/approvals/{id}", decide);
}

async fn approvals(who: Who<Member>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-what", false, ""),
        ("col-amount", true, "amount_minor"),
        ("col-maker", false, "maker"),
        ("col-when", false, ""),
        ("col-state", false, ""),
    ];
    let listing =
        Listing { params: &params, language, states: &["pending", "approved", "rejected"], heads, default: ("id", true) };
    let wanted = listing.query().with("party_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(ApprovalLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(language.t(&format!("command-{}", row.command.replace('_', "-"))), format!("/approvals/{}", row.id)),
            if row.amount_minor > 0 { Value::money(&row.currency, row.amount_minor) } else { Value::text("–") },
            Value::text(row.maker.clone()),
            Value::moment(language, row.created_at),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| (row.id.to_string(), row.id));
    let table = listing.table(language.t("approvals-title"), rows.collect(), &[], last, page.more, language.t("approvals-empty"));
    listing.send(&who, Page::new(language.t("approvals-title")), table).await
}

async fn load<R: super::SignedIn>(who: &Who<R>, id: i64) -> Result<ApprovalLine, Fault> {
    let party_id = who.party_id()?;
    who.app
        .read(move |conn| Ok(ApprovalLine::find(conn, id)?.filter(|row| row.party_id == party_id).ok_or(Refusal::NotFound)?))
        .await
}

fn approval_page<R: super::SignedIn>(who: &Who<R>, row: &ApprovalLine) -> Result<Page, Fault> {
    let (language, person) = (who.language(), who.person()?);
    let mut facts = vec![
        (who.t("col-state"), Value::state(language, &row.state)),
        (who.t("col-maker"), Value::text(row.maker.clone())),
        (who.t("col-when"), Value::moment(language, row.created_at)),
    ];
    if row.amount_minor > 0 {
        facts.push((who.t("col-amount"), Value::money(&row.currency, row.amount_minor)));
    }
    if !row.checker.is_empty() {
        facts.push((who.t("col-checker"), Value::text(row.checker.clone())));
    }
    if !row.reason.is_empty() {
        facts.push((who.t("field-reason"), Value::text(row.reason.clone())));
    }
    let body: serde_json::Value = serde_json::from_str(&row.body).unwrap_or_default();
    let request = super::receipts::facts_of(language, &body, &row.currency);
    let title = language.t(&format!("command-{}", row.command.replace('_', "-")));
    let mut page = Page::new(title)
        .trail(who.t("approvals-title"), "/approvals")
        .with(Block::Facts(facts))
        .with(Block::Heading(who.t("approval-request")))
        .with(Block::Facts(request));
    let may = row.state == "pending" && person.has_role(Role::Checker);
    if may && row.maker_id != person.user.id {
        let reason = Field::new("reason", who.t("field-reason"), "area").hint(who.t("approval-reason-hint")).optional();
        let form = |decision: &str, key: &str, fields: Vec<Field>| {
            Form::new(format!("/approvals/{}", row.id), who.t(key), fields)
                .hidden("decision", decision)
                .hidden("body_hash", row.body_hash.clone())
        };
        page = page
            .form(form("approve", "approval-approve", vec![]))
            .form(form("reject", "approval-reject", vec![reason]).secondary());
    } else if row.state == "pending" {
        page = page.with(Block::Notice(web::Tone::Waiting, who.t("approval-waits")));
    }
    Ok(page)
}

async fn approval(who: Who<Member>, id: Id) -> Answer {
    let row = load(&who, id.0).await?;
    let page = approval_page(&who, &row)?;
    who.app.page(&who.viewer, page).await
}

async fn decide(who: Who<Checker>, id: Id, posted: Posted) -> Answer {
    let row = load(&who, id.0).await?;
    let command = DecideApproval {
        approval_id: row.id,
        body_hash: posted.get("body_hash").to_owned(),
        approve: posted.get("decision") == "approve",
        reason: posted.get("reason").to_owned(),
    };
    match who.submit(&posted.key(), command).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, approval_page(&who, &row)?, &posted, fault, &row.currency).await,
    }
}
