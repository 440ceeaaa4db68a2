//! The financier's portfolio and its exposure to each buyer against the limit.

use super::super::error::Fault;
use super::super::rights::{FinancierMaker, FinancierViewer, Who};
use super::super::routes::{Params, Posted, Routes};
use super::home::own_currencies;
use super::listing::{Listing, plain_table};
use super::{Answer, SignedIn, again, submit_or_again};
use crate::commands::market::set_buyer_limit::SetBuyerLimit;
use chrono::{Datelike, NaiveDate};
use domain::party::Role;
use kernel::PartyId;
use std::collections::BTreeMap;
use store::lists::{self, DueLine, HoldingLine, LimitLine, ListQuery};
use web::{Bar, Block, Field, Form, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/portfolio", portfolio);
    routes.get("/exposure", exposure);
    routes.post("/exposure", exposure_post);
}

async fn portfolio(who: Who<FinancierViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-number", false, "number"),
        ("col-buyer", false, "buyer"),
        ("col-supplier", false, "supplier"),
        ("col-payment-date", false, "payment_date"),
        ("col-units", true, "units_minor"),
        ("col-price", true, "paid_minor"),
        ("col-state", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[],
        states: super::receivables::STATES,
        heads,
        default: ("payment_date", false),
        summed: "units_minor",
    };
    let party_id = who.party_id()?;
    let wanted = listing.query().with("owner_id = ? AND supplier_id <> ?", vec![party_id.into(), party_id.into()]);
    let order = wanted.order;
    let (page, totals, whole) = who
        .read(move |conn| {
            Ok((HoldingLine::page(conn, &wanted)?, HoldingLine::totals(conn, &wanted)?, lists::falling_due(conn, party_id.0)?))
        })
        .await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/receivables/{}", row.id)),
            Value::text(row.buyer.clone()),
            Value::text(row.supplier.clone()),
            Value::date(language, row.payment_date),
            Value::money(&row.currency, row.units_minor),
            Value::money(&row.currency, row.paid_minor),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "number" => row.number.clone(),
            "buyer" => row.buyer.clone(),
            "supplier" => row.supplier.clone(),
            "payment_date" => row.payment_date.to_string(),
            "units_minor" => row.units_minor.to_string(),
            "paid_minor" => row.paid_minor.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let proof = Block::Links(vec![(language.t("proof-title"), "/position-proof".to_owned())]);
    let mut shown = Page::new(language.t("portfolio-title")).with(proof);
    for block in ladder(language, &whole) {
        shown.push(block);
    }
    let mut table =
        listing.table(language.t("portfolio-title"), rows.collect(), &totals, last, page.more, language.t("portfolio-empty"));
    table.empty_link.get_or_insert_with(|| (language.t("market-title"), "/market".to_owned()));
    listing.send(&who, shown, table).await
}

/// The amounts due in each month, by currency: bars with their amounts beside them.
fn ladder(language: web::Language, rows: &[DueLine]) -> Vec<Block> {
    let mut months: BTreeMap<(String, NaiveDate), i64> = BTreeMap::new();
    for row in rows {
        let sum = months.entry((row.currency.clone(), row.payment_date.with_day(1).unwrap_or(row.payment_date))).or_default();
        *sum = sum.saturating_add(row.units_minor);
    }
    let mut currencies: Vec<String> = months.keys().map(|(currency, _)| currency.clone()).collect();
    currencies.dedup();
    let chart = |currency: &String| {
        let mine: Vec<(&NaiveDate, i64)> =
            months.iter().filter(|((code, _), _)| code == currency).map(|((_, month), sum)| (month, *sum)).collect();
        let longest = mine.iter().map(|(_, sum)| *sum).max().unwrap_or(1).max(1);
        let bars = mine.iter().map(|(month, sum)| Bar {
            label: language.month(**month),
            amount: language.money(currency, *sum),
            percent: i64::try_from(i128::from(*sum).saturating_mul(100) / i128::from(longest)).unwrap_or(100),
        });
        Block::Bars(language.fill("portfolio-ladder", &[("currency", currency.clone())]), bars.collect())
    };
    currencies.iter().map(chart).collect()
}

async fn exposure_page(who: &Who<impl SignedIn>) -> Result<Page, Fault> {
    let (party_id, language) = (who.party_id()?, who.language());
    let country = who.person()?.party.country.clone();
    let (limits, buyers, currencies) = who
        .read(move |conn| {
            let own = ListQuery { order: "buyer", descending: false, size: 1_000, ..ListQuery::default() }
                .with("financier_id = ?", vec![party_id.into()]);
            let buyers = store::parties::list_buyer_choices(conn)?;
            Ok((LimitLine::page(conn, &own)?.rows, buyers, own_currencies(conn, &country)?))
        })
        .await?;
    let rows = limits.iter().map(|row| {
        let room = row.limit_minor.saturating_sub(row.used_minor).max(0);
        vec![
            Value::text(row.buyer.clone()),
            Value::money(&row.currency, row.limit_minor),
            Value::money(&row.currency, row.used_minor),
            Value::money(&row.currency, room),
        ]
    });
    let heads = [("col-buyer", false), ("exposure-limit", true), ("exposure-used", true), ("exposure-room", true)];
    let mut page = Page::new(who.t("exposure-title")).with(Block::Paragraph(who.t("exposure-lead"))).table(plain_table(
        language,
        "exposure-title",
        &heads,
        rows.collect(),
        "exposure-empty",
    ));
    if who.person()?.has_role(Role::Maker) {
        let fields = vec![
            Field::new("buyer_id", who.t("col-buyer"), "select")
                .options(buyers.into_iter().map(|buyer| (buyer.id.to_string(), buyer.name)).collect()),
            Field::new("currency", who.t("col-currency"), "select")
                .options(currencies.iter().map(|known| (known.code().to_owned(), known.code().to_owned())).collect()),
            Field::new("limit", who.t("exposure-limit"), "amount"),
        ];
        page = page.with(Block::Heading(who.t("exposure-set"))).form(Form::new("/exposure", who.t("exposure-submit"), fields));
    }
    Ok(page)
}

async fn exposure(who: Who<FinancierViewer>) -> Answer {
    let page = exposure_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

async fn exposure_post(who: Who<FinancierMaker>, posted: Posted) -> Answer {
    let page = exposure_page(&who).await?;
    let currency = posted.get("currency").to_owned();
    let command = posted.amount("limit", &currency).and_then(|limit_minor| {
        Ok(SetBuyerLimit { buyer_id: PartyId(posted.number("buyer_id")?), currency: currency.clone(), limit_minor })
    });
    match command {
        Ok(command) => submit_or_again(&who, &posted, command, page, &currency).await,
        Err(fault) => again(&who, page, &posted, fault, &currency).await,
    }
}
