//! Fees that a buyer bears: what is open, where to pay it, and each fee with the invoice that it is about.

use super::super::rights::{BuyerViewer, Who};
use super::super::routes::{Params, Routes};
use super::Answer;
use super::home::{pay_to, pay_to_all, pay_to_facts};
use super::listing::Listing;
use store::lists::{FeeBillLine, ListQuery};
use web::{Block, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/fees", fees);
}

async fn fees(who: Who<BuyerViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-day", false, "arose_on"),
        ("col-number", false, "number"),
        ("col-supplier", false, "supplier"),
        ("programme-name", false, ""),
        ("fee-kind", false, ""),
        ("col-amount", true, "amount_minor"),
        ("col-paid", true, ""),
        ("fee-open", true, "open_minor"),
        ("col-state", false, ""),
    ];
    let states = &["fee_open", "fee_paid"];
    let listing = Listing { params: &params, language, groups: &[], states, heads, default: ("id", true), summed: "open_minor" };
    let (party_id, reference) = (who.party_id()?, who.person()?.party.reference.clone());
    let wanted = listing.query().with("buyer_id = ?", vec![party_id.into()]);
    let order = wanted.order;
    let (page, totals, open, places) = who
        .read(move |conn| {
            let open = ListQuery::newest(1).with("buyer_id = ? AND state = 'fee_open'", vec![party_id.into()]);
            let found = (FeeBillLine::page(conn, &wanted)?, FeeBillLine::totals(conn, &wanted)?);
            let open = FeeBillLine::totals(conn, &open)?;
            let currencies: Vec<String> = open.iter().map(|total| total.currency.clone()).collect();
            let places = if currencies.is_empty() { pay_to_all(conn)? } else { pay_to(conn, &currencies)? };
            Ok((found.0, found.1, open, places))
        })
        .await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::date(language, row.arose_on),
            Value::link(row.number.clone(), format!("/payables/{}", row.invoice_id)),
            Value::text(row.supplier.clone()),
            Value::text(row.programme.clone()),
            Value::text(language.t(&format!("fee-{}", row.kind))),
            Value::money(&row.currency, row.amount_minor),
            Value::money(&row.currency, row.paid_minor),
            Value::money(&row.currency, row.open_minor),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "arose_on" => row.arose_on.to_string(),
            "number" => row.number.clone(),
            "supplier" => row.supplier.clone(),
            "amount_minor" => row.amount_minor.to_string(),
            "open_minor" => row.open_minor.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let empty = language.t("fees-empty");
    let table = listing.table(language.t("fees-title"), rows.collect(), &totals, last, page.more, empty);
    let mut shown = Page::new(language.t("fees-title")).with(Block::Paragraph(language.t("fees-lead")));
    let mut facts: Vec<(String, Value)> =
        open.iter().map(|total| (language.t("fees-open"), Value::money(&total.currency, total.sum_minor))).collect();
    facts.extend(pay_to_facts(language, &places));
    facts.push((language.t("field-reference"), Value::code(reference)));
    shown.push(Block::Facts(facts));
    listing.send(&who, shown, table).await
}
