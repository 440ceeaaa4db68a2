//! The market: what is on offer, the all-in price, and buying.

use super::super::error::Fault;
use super::super::rights::{FinancierMaker, FinancierViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes, typed_amount};
use super::listing::Listing;
use super::receivables::{programme_facts, quote_blocks};
use super::{Answer, SignedIn, again, submit_once};
use crate::commands::Trial;
use crate::commands::market::buy_fractions::{self, BuyFractions, price_terms};
use crate::view::Reader;
use chrono::NaiveDate;
use domain::Refusal;
use domain::chart::{AccountKey, currency_asset};
use domain::party::Role;
use domain::pricing::{PriceTerms, Quote, quote};
use domain::standing::BuyerStanding;
use kernel::{ApprovalId, OfferId, PartyId, ReceivableId};
use store::lists::OfferLine;
use store::records::Keyed;
use store::standing::{self, BuyerRecord};
use store::{Offer, Receivable, market};
use web::{Block, Field, Form, Language, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/market", market);
    routes.get("/market/{id}", offer);
    routes.get("/market/{id}/check", check);
    routes.post("/market/{id}/buy", buy);
}

async fn market(who: Who<FinancierViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-number", false, ""),
        ("col-buyer", false, "buyer"),
        ("col-supplier", false, "supplier"),
        ("col-buyer-record", false, ""),
        ("field-rate", true, ""),
        ("field-recourse", false, ""),
        ("col-payment-date", false, "payment_date"),
        ("col-left", true, "left_minor"),
        ("field-minimum-ticket", true, "minimum_ticket_minor"),
        ("col-close-date", false, "close_date"),
        ("col-state", false, ""),
    ];
    let listing =
        Listing { params: &params, language, groups: &[], states: &[], heads, default: ("id", true), summed: "left_minor" };
    let wanted = listing.query().with("state = 'open' AND supplier_id <> ?", vec![who.party_id()?.into()]);
    let order = wanted.order;
    let (page, totals, records, standings) = who
        .read(move |conn| {
            let (page, totals) = (OfferLine::page(conn, &wanted)?, OfferLine::totals(conn, &wanted)?);
            let buyers: Vec<PartyId> = page.rows.iter().map(|row| PartyId(row.buyer_id)).collect();
            let today = store::records::load_heads(conn)?.business_date;
            let records = standing::list_records(conn, &buyers, today)?;
            Ok((page, totals, records, crate::commands::parties::standing::list(conn, &buyers)?))
        })
        .await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/market/{}", row.id)),
            Value::text(row.buyer.clone()),
            Value::text(row.supplier.clone()),
            record_value(language, records.get(&PartyId(row.buyer_id))),
            Value::percent(&row.rate),
            Value::text(language.t(&format!("recourse-short-{}", row.recourse))),
            Value::date(language, row.payment_date),
            Value::money(&row.currency, row.left_minor),
            Value::money(&row.currency, row.minimum_ticket_minor),
            Value::date(language, row.close_date),
            Value::state(language, offer_state(row, standings.get(&PartyId(row.buyer_id)).copied())),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "buyer" => row.buyer.clone(),
            "supplier" => row.supplier.clone(),
            "payment_date" => row.payment_date.to_string(),
            "left_minor" => row.left_minor.to_string(),
            "minimum_ticket_minor" => row.minimum_ticket_minor.to_string(),
            "close_date" => row.close_date.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let mut table =
        listing.table(language.t("market-title"), rows.collect(), &totals, last, page.more, language.t("market-empty"));
    table.empty_link.get_or_insert_with(|| (language.t("exposure-title"), "/exposure".to_owned()));
    listing.send(&who, Page::new(language.t("market-title")), table).await
}

/// The buyer's record: its overdue, late and disputed payables, over all its suppliers.
fn record_value(language: Language, record: Option<&BuyerRecord>) -> Value {
    let Some(record) = record else { return Value::text(language.t("buyer-record-none")) };
    let since = record.since.map(|day| language.date(day)).unwrap_or_default();
    let parts = [
        ("buyer-record-overdue", record.overdue),
        ("buyer-record-late", record.late),
        ("buyer-record-disputed", record.disputed),
    ];
    let told = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(key, count)| language.fill(key, &[("count", count.to_string()), ("since", since.clone())]));
    Value::text(told.collect::<Vec<_>>().join(" · "))
}

/// The state of an offer as lists mark it: an open one of which nothing can be bought now is stopped, or being looked at.
#[must_use]
pub fn offer_state(row: &OfferLine, standing: Option<BuyerStanding>) -> &str {
    match row.state.as_str() {
        "open" if standing.is_some_and(|standing| standing.check().is_err()) => "stopped",
        "open" if row.held => "held",
        state => state,
    }
}

/// Why nothing that the buyer owes can be traded now, by the names of the texts for either reason.
pub fn stopped_notice(language: Language, standing: BuyerStanding, (stopped, overdue): (&str, &str)) -> Option<Block> {
    let text = match standing.check() {
        Ok(()) => return None,
        Err(Refusal::BuyerOverdue { since }) => language.fill(overdue, &[("since", language.date(since))]),
        Err(_) => language.t(stopped),
    };
    Some(Block::Notice(web::Tone::Attention, text))
}

struct Loaded {
    standing: BuyerStanding,
    record: Option<BuyerRecord>,
    receivable: Receivable,
    row: OfferLine,
    terms: PriceTerms,
    room_minor: i64,
    used_minor: i64,
    cash_minor: i64,
    /// Requests of the own company that wait and hold units of it.
    waiting: Vec<ApprovalId>,
    today: NaiveDate,
}

async fn load(who: &Who<impl SignedIn>, id: i64) -> Result<Loaded, Fault> {
    let party_id = who.party_id()?;
    who.read(move |conn| {
        let row = OfferLine::find(conn, id)?.filter(|row| PartyId(row.supplier_id) != party_id).ok_or(Refusal::NotFound)?;
        let offer = Offer::load(conn, OfferId(id))?;
        let receivable = Receivable::load(conn, ReceivableId(row.receivable_id))?;
        let limit = market::find_buyer_limit(conn, party_id, receivable.buyer_id, &row.currency)?;
        let known = domain::Currency::parse(&row.currency).ok_or_else(|| Fault::Failed("currency".to_owned()))?;
        let account =
            store::journal::list_accounts(conn, &[AccountKey::cash(party_id, currency_asset(known))])?.into_iter().next();
        let today = store::records::load_heads(conn)?.business_date;
        let holds = market::list_open_purchase_holds(conn, OfferId(id), party_id)?;
        Ok(Loaded {
            waiting: holds.into_iter().map(|held| held.id).collect(),
            standing: crate::commands::parties::standing::load(conn, PartyId(row.buyer_id))?,
            record: standing::list_records(conn, &[PartyId(row.buyer_id)], today)?.remove(&PartyId(row.buyer_id)),
            terms: price_terms(&offer, &receivable)?,
            room_minor: limit.as_ref().map_or(0, |limit| limit.limit_minor.saturating_sub(limit.used_minor).max(0)),
            used_minor: limit.map_or(0, |limit| limit.used_minor),
            cash_minor: account.map_or(0, |account| account.balance.saturating_sub(account.held)),
            today,
            receivable,
            row,
        })
    })
    .await
}

fn offer_page(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, row) = (who.language(), &loaded.row);
    let money = |minor| Value::money(&row.currency, minor);
    let mut facts = vec![
        (who.t("col-state"), Value::state(language, offer_state(row, Some(loaded.standing)))),
        (who.t("col-buyer"), Value::text(row.buyer.clone())),
        (who.t("col-buyer-record"), record_value(language, loaded.record.as_ref())),
        (who.t("col-supplier"), Value::text(row.supplier.clone())),
        (who.t("col-left"), money(row.left_minor)),
        (who.t("field-minimum-ticket"), money(row.minimum_ticket_minor)),
        (who.t("field-rate"), Value::percent(&row.rate)),
        (who.t("field-method"), Value::text(language.t(&format!("method-{}", row.method)))),
        (who.t("field-day-count"), Value::text(row.day_count.clone())),
        (who.t("col-payment-date"), Value::date(language, row.payment_date)),
        (who.t("col-close-date"), Value::date(language, row.close_date)),
        (who.t("market-cash"), money(loaded.cash_minor)),
        (who.t("market-room"), money(loaded.room_minor)),
        (who.t("terms-grace"), Value::number(loaded.receivable.grace_days)),
    ];
    facts.extend(programme_facts(language, &loaded.receivable));
    if let Some(whole) =
        Some(row.left_minor).filter(|left| *left > 0).and_then(|left| quote(left, &loaded.terms, loaded.today).ok())
    {
        facts.insert(7, (who.t("quote-yield"), Value::percent(&whole.financier_rate.normalize().to_string())));
        facts.insert(8, (who.t("quote-days"), Value::number(whole.tenor_days)));
    }
    let mut page =
        Page::new(language.fill("market-offer-title", &[("buyer", row.buyer.clone()), ("number", row.number.clone())]))
            .trail(who.t("market-title"), "/market")
            .with(Block::Facts(facts));
    if row.held {
        page = page.with(Block::Notice(web::Tone::Attention, who.t("market-held")));
    }
    if row.state == "open" {
        page = page.with(Block::Links(vec![(who.t("papers-link"), format!("/market/{}/papers", row.id))]));
    }
    let stopped = stopped_notice(language, loaded.standing, ("market-stopped", "market-overdue"));
    let tradable = stopped.is_none() && !row.held;
    page.blocks.extend(stopped);
    if !loaded.waiting.is_empty() {
        page = page.with(Block::Notice(web::Tone::Waiting, who.t("market-own-request")));
        let link =
            |id: &ApprovalId| (language.fill("market-request-link", &[("id", id.to_string())]), format!("/approvals/{id}"));
        page = page.with(Block::Links(loaded.waiting.iter().map(link).collect()));
    }
    if row.state == "open" && row.left_minor == 0 {
        page = page.with(Block::Paragraph(who.t("market-none-left")));
    } else if row.state == "open" && tradable && who.person()?.has_role(Role::Maker) {
        let units = Field::new("units", language.fill("market-units", &[("currency", row.currency.clone())]), "amount")
            .hint(who.t("market-units-hint"));
        let mut form = Form::new(format!("/market/{}/check", row.id), who.t("market-to-check"), vec![units]);
        form.get = true;
        page = page.form(form);
    }
    Ok(page)
}

async fn offer(who: Who<FinancierViewer>, id: Id) -> Answer {
    let loaded = load(&who, id.0).await?;
    let page = offer_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

/// The price of some units of an offer, if this person can buy them now.
async fn priced(who: &Who<FinancierMaker>, row: &OfferLine, units: &str) -> Result<(Quote, Trial), Fault> {
    let units_minor = typed_amount(units, "units", &row.currency)?;
    let (party_id, offer_id, now) = (who.party_id()?, OfferId(row.id), who.app.clock.now());
    let priced =
        who.read(move |conn| Ok(buy_fractions::quote(&mut Reader::open(conn, now)?, party_id, offer_id, units_minor)?)).await?;
    let command = BuyFractions { offer_id, units_minor, price_minor: priced.price_minor };
    Ok((priced, who.try_out(&command.into()).await?))
}

async fn check(who: Who<FinancierMaker>, id: Id, params: Params) -> Answer {
    let loaded = load(&who, id.0).await?;
    let (language, row) = (who.language(), &loaded.row);
    let (priced, trial) = match priced(&who, row, params.get("units")).await {
        Ok(priced) => priced,
        Err(fault) => {
            return again(&who, offer_page(&who, &loaded)?, &Posted { fields: params.fields.clone() }, fault, &row.currency)
                .await;
        }
    };
    let mut facts = vec![
        (who.t("field-day-count"), Value::text(row.day_count.clone())),
        (who.t("col-payment-date"), Value::date(language, row.payment_date)),
        (who.t("terms-grace"), Value::number(loaded.receivable.grace_days)),
        (who.t("market-exposure-after"), Value::money(&row.currency, loaded.used_minor.saturating_add(priced.face_minor))),
        (who.t("market-cash-after"), Value::money(&row.currency, loaded.cash_minor.saturating_sub(priced.price_minor))),
    ];
    facts.extend(programme_facts(language, &loaded.receivable));
    let form = Form::new(format!("/market/{}/buy", row.id), who.t("market-buy"), vec![])
        .hidden("units_minor", priced.face_minor.to_string())
        .hidden("price_minor", priced.price_minor.to_string());
    let mut page = Page::new(who.t("market-check-title"))
        .trail(who.t("market-title"), "/market")
        .trail(row.buyer.clone(), format!("/market/{}", row.id))
        .with(Block::Paragraph(who.t("market-check-lead")));
    if trial.second_person {
        page.push(Block::Paragraph(who.t("check-second-person")));
    }
    page.blocks.extend(quote_blocks(language, &row.currency, &priced, false));
    let page = page
        .with(Block::Facts(facts))
        .form(form)
        .with(Block::Links(vec![(who.t("payable-back"), format!("/market/{}", row.id))]));
    who.app.page(&who.viewer, page).await
}

async fn buy(who: Who<FinancierMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, id.0).await?;
    let read = || -> Result<BuyFractions, Fault> {
        let (units_minor, price_minor) = (posted.number("units_minor")?, posted.number("price_minor")?);
        Ok(BuyFractions { offer_id: OfferId(id.0), units_minor, price_minor })
    };
    let bought = match read() {
        Ok(command) => submit_once(&who, &posted, command).await,
        Err(fault) => Err(fault),
    };
    match bought {
        Ok(answer) => Ok(answer),
        Err(fault) => again(&who, offer_page(&who, &loaded)?, &Posted::default(), fault, &loaded.row.currency).await,
    }
}
