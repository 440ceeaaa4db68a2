//! Notices of assignment as the buyer gets them: whom to pay with which reference. The buyer reads, keeps and acknowledges a
//! notice, and loads it into its books.

use super::super::error::Fault;
use super::super::rights::{BuyerMaker, BuyerViewer, SignedIn, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::listing::Listing;
use super::{Answer, submit_or_again};
use crate::commands::receivables::acknowledge_assignment::AcknowledgeAssignment;
use actix_web::HttpResponse;
use domain::Refusal;
use domain::party::Role;
use kernel::{PartyId, ReceivableId};
use std::collections::HashMap;
use store::lists::AssignmentLine;
use web::{Block, Form, Language, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/assignments", assignments);
    routes.get("/assignments/{id}", assignment);
    routes.post("/assignments/{id}", acknowledge);
    routes.get("/assignment-texts/{id}", file);
}

async fn assignments(who: Who<BuyerViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-number", false, "number"),
        ("col-supplier", false, "supplier"),
        ("field-tax-id", false, ""),
        ("col-confirmed", true, "confirmed_minor"),
        ("payable-pay-on", false, "payment_date"),
        ("assignment-pay-to", false, ""),
        ("field-iban", false, ""),
        ("field-reference", false, "reference"),
        ("col-state", false, ""),
    ];
    let states = &["given", "acknowledged"];
    let listing =
        Listing { params: &params, language, groups: &[], states, heads, default: ("id", true), summed: "confirmed_minor" };
    let wanted = listing.query().with("buyer_id = ?", vec![who.party_id()?.into()]);
    let order = wanted.order;
    let (page, totals, current) = who
        .read(move |conn| {
            let page = AssignmentLine::page(conn, &wanted)?;
            // Where payments go now, whatever account a notice named.
            let mut current = HashMap::new();
            for row in &page.rows {
                if !current.contains_key(&row.currency) {
                    current.insert(row.currency.clone(), store::custody::find_current(conn, &row.currency)?);
                }
            }
            Ok((page, AssignmentLine::totals(conn, &wanted)?, current))
        })
        .await?;
    let account = |row: &AssignmentLine| {
        let found = current.get(&row.currency).and_then(Option::as_ref);
        found.map_or_else(|| (row.pay_to.clone(), row.pay_to_iban.clone()), |now| (now.holder.clone(), now.iban.clone()))
    };
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/assignments/{}", row.id)),
            Value::text(row.supplier.clone()),
            Value::text(row.supplier_tax_id.clone()),
            Value::money(&row.currency, row.confirmed_minor),
            Value::date(language, row.payment_date),
            Value::text(account(row).0),
            Value::code(account(row).1),
            Value::code(row.reference.clone()),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "number" => row.number.clone(),
            "supplier" => row.supplier.clone(),
            "confirmed_minor" => row.confirmed_minor.to_string(),
            "payment_date" => row.payment_date.to_string(),
            "reference" => row.reference.clone(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let table =
        listing.table(language.t("assignments-title"), rows.collect(), &totals, last, page.more, language.t("assignments-empty"));
    let shown = Page::new(language.t("assignments-title")).trail(language.t("payables-title"), "/payables");
    listing.send(&who, shown, table).await
}

/// The notice, and the account that payments in its currency go to now.
async fn load<R: SignedIn>(who: &Who<R>, id: ReceivableId) -> Result<(AssignmentLine, Option<String>), Fault> {
    let party_id = who.party_id()?;
    let find = move |conn: &mut store::Conn| {
        let found = AssignmentLine::find(conn, id.0)?.filter(|row| PartyId(row.buyer_id) == party_id);
        let row = found.ok_or(Refusal::NotFound)?;
        let current = store::custody::find_current(conn, &row.currency)?.map(|account| account.iban);
        Ok((row, current))
    };
    who.read(find).await
}

fn assignment_page<R: SignedIn>(who: &Who<R>, row: &AssignmentLine, current: Option<String>) -> Result<Page, Fault> {
    let language = who.language();
    let text = if language == Language::Chinese { &row.text_zh } else { &row.text_en };
    let mut facts = vec![
        (who.t("col-state"), Value::state(language, &row.state)),
        (who.t("col-when"), Value::moment(language, row.given_at)),
        (who.t("col-confirmed"), Value::money(&row.currency, row.confirmed_minor)),
        (who.t("payable-pay-on"), Value::date(language, row.payment_date)),
        (who.t("assignment-pay-to"), Value::text(row.pay_to.clone())),
        (who.t("field-iban"), Value::code(row.pay_to_iban.clone())),
        (who.t("field-reference"), Value::code(row.reference.clone())),
        (who.t("field-hash"), Value::code(row.hash.clone())),
    ];
    if let Some(at) = row.acknowledged_at {
        facts.push((who.t("assignment-acknowledged"), Value::moment(language, at)));
    }
    let mut page = Page::new(language.fill("assignment-title", &[("number", row.number.clone())]))
        .trail(who.t("payables-title"), "/payables")
        .trail(who.t("assignments-title"), "/assignments")
        .with(Block::Words(text.clone()))
        .with(Block::Facts(facts));
    if let Some(iban) = current.filter(|iban| *iban != row.pay_to_iban) {
        let words = language.fill("assignment-account-changed", &[("currency", row.currency.clone()), ("iban", iban)]);
        page = page.with(Block::Notice(web::Tone::Attention, words));
    }
    if row.acknowledged_at.is_none() && who.person()?.has_role(Role::Maker) {
        let form = Form::new(format!("/assignments/{}", row.id), who.t("assignment-acknowledge"), vec![]);
        page = page.with(Block::Paragraph(who.t("assignment-lead"))).form(form.hidden("hash", row.hash.clone()));
    }
    Ok(page.with(Block::Links(vec![
        (who.t("assignment-download"), format!("/assignment-texts/{}", row.id)),
        (who.t("assignment-table"), "/assignments?format=csv".to_owned()),
    ])))
}

async fn assignment(who: Who<BuyerViewer>, id: Id) -> Answer {
    let (row, current) = load(&who, ReceivableId(id.0)).await?;
    let page = assignment_page(&who, &row, current)?;
    who.app.page(&who.viewer, page).await
}

async fn acknowledge(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let (row, current) = load(&who, ReceivableId(id.0)).await?;
    let command = AcknowledgeAssignment { receivable_id: ReceivableId(id.0), hash: posted.get("hash").to_owned() };
    submit_or_again(&who, &posted, command, assignment_page(&who, &row, current)?, &row.currency).await
}

/// The notice in both languages, as it was given.
async fn file(who: Who<BuyerViewer>, id: Id) -> Answer {
    let (row, _) = load(&who, ReceivableId(id.0)).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"assignment-{}.txt\"", row.reference)))
        .body(format!("{}\n\n{}\n", row.text_en, row.text_zh)))
}
