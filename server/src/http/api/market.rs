//! Receivables, what is on offer, and what a company holds.

use super::super::pages::Answer;
use super::super::rights::{FinancierViewer, Member, SupplierViewer, Who};
use super::super::routes::{Params, Routes};
use super::{newest, page_json};
use actix_web::HttpResponse;
use domain::offering::PurchaseFacts;
use serde_json::json;
use store::lists::{HoldingLine, OfferLine, ReceivableLine};

pub(super) fn add_routes(routes: &mut Routes) {
    routes.get("/api/v1/receivables", receivables);
    routes.get("/api/v1/offers", offers);
    routes.get("/api/v1/offers/quote", offer_quote);
    routes.get("/api/v1/holdings", holdings);
    routes.get("/api/v1/balances", balances);
}

async fn receivables(who: Who<SupplierViewer>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("supplier_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(ReceivableLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "invoice_id": row.invoice_id, "number": row.number, "buyer": row.buyer, "currency": row.currency,
            "confirmed_minor": row.confirmed_minor, "face_minor": row.face_minor, "reserve_minor": row.reserve_minor, "sold_minor": row.sold_minor,
            "paid_minor": row.paid_minor, "due_date": row.due_date, "payment_date": row.payment_date, "state": row.state, "reference": row.reference,
            "terms_hash": row.terms_hash, "programme_id": (row.programme_id > 0).then_some(row.programme_id), "terms_version": row.programme_version,
            "sellable_minor": row.sellable_minor, "fee_bearer": row.fee_bearer, "recourse": row.recourse,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

async fn offers(who: Who<FinancierViewer>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("state = 'open' AND supplier_id <> ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(OfferLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "receivable_id": row.receivable_id, "supplier": row.supplier, "buyer": row.buyer, "currency": row.currency,
            "units_minor": row.units_minor, "left_minor": row.left_minor, "rate": row.rate, "method": row.method, "day_count": row.day_count,
            "minimum_ticket_minor": row.minimum_ticket_minor, "close_date": row.close_date, "payment_date": row.payment_date, "held": row.held,
            "grace_days": row.grace_days, "fee_bearer": row.fee_bearer, "recourse": row.recourse,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The all-in price of `units_minor` of an offer today.
async fn offer_quote(who: Who<FinancierViewer>, params: Params) -> Answer {
    use domain::Refusal;
    let number = |name: &str| params.get(name).parse::<i64>().map_err(|_| Refusal::FieldInvalid { field: name.to_owned() });
    let (id, units, party_id) = (number("offer_id")?, number("units_minor")?, who.party_id()?);
    let quote = who
        .app
        .read(move |conn| {
            let offer = <store::Offer as store::records::Keyed>::find(conn, id)?.ok_or(Refusal::NotFound)?;
            let receivable = <store::Receivable as store::records::Keyed>::load(conn, offer.receivable_id)?;
            Ok(domain::offering::quote_purchase(&PurchaseFacts {
                state: crate::commands::settlement::state_of(&receivable)?,
                offer_state: &offer.state,
                close_date: offer.close_date,
                left_minor: offer.left_minor,
                minimum_ticket_minor: offer.minimum_ticket_minor,
                supplier: offer.supplier_id,
                financier: party_id,
                buyer: receivable.buyer_id,
                held: receivable.held,
                units_minor: units,
                terms: crate::commands::buy_fractions::price_terms(&offer, &receivable)?,
                today: store::records::load_heads(conn)?.business_date,
                // Cash, limit and the price itself are for the purchase to look at.
                agreed_price_minor: 0,
                cash_available_minor: 0,
                limit_room_minor: None,
            })?)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({
        "face_minor": quote.face_minor, "price_minor": quote.price_minor, "discount_minor": quote.discount_minor,
        "supplier_fee_minor": quote.price_minor.saturating_sub(quote.supplier_net_minor), "fee_minor": quote.fee_minor, "fee_bearer": quote.fee_bearer.name(),
        "tenor_days": quote.tenor_days, "annual_rate": quote.financier_rate.normalize().to_string(),
    })))
}

async fn holdings(who: Who<Member>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("owner_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(HoldingLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "receivable_id": row.id, "supplier": row.supplier, "buyer": row.buyer, "currency": row.currency, "units_minor": row.units_minor,
            "held_minor": row.held_minor, "payment_date": row.payment_date, "state": row.state,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

async fn balances(who: Who<Member>) -> Answer {
    let party_id = who.party_id()?;
    let rows = who
        .app
        .read(move |conn| {
            let accounts = super::super::pages::home::cash_accounts(conn, party_id)?;
            let rows = accounts.into_iter().filter_map(|(currency, account)| {
                let account = account?;
                Some(json!({
                    "currency": currency.code(), "balance_minor": account.balance, "held_minor": account.held,
                    "available_minor": account.balance.saturating_sub(account.held), "last_transfer": account.last_transfer,
                }))
            });
            Ok(rows.collect::<Vec<_>>())
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "items": rows })))
}
