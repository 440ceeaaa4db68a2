//! Receivables, offers, and a company's holdings.

use super::super::pages::Answer;
use super::super::rights::{FinancierViewer, Member, SupplierViewer, Who};
use super::super::routes::{Params, Routes};
use super::{newest, page_json, wanted_id};
use crate::commands::market::buy_fractions;
use crate::view::Reader;
use actix_web::HttpResponse;
use domain::offering::OfferState;
use kernel::{InvoiceId, OfferId, PartyId, ReceivableId};
use serde_json::json;
use std::collections::HashMap;
use store::lists::{HoldingLine, OfferLine, ReceivableLine};

pub(super) fn add_routes(routes: &mut Routes) {
    routes.get("/api/v1/receivables", receivables);
    routes.get("/api/v1/offers", offers);
    routes.get("/api/v1/offers/quote", offer_quote);
    routes.get("/api/v1/offers/papers", offer_papers);
    routes.get("/api/v1/holdings", holdings);
    routes.get("/api/v1/balances", balances);
}

async fn receivables(who: Who<SupplierViewer>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("supplier_id = ?", vec![who.party_id()?.into()]);
    let (page, owed) = who
        .app
        .read(move |conn| {
            let page = ReceivableLine::page(conn, &wanted)?;
            let ids: Vec<_> = page.rows.iter().map(|row| ReceivableId(row.id)).collect();
            let owed = crate::commands::receivables::settlement::list_owed(conn, &ids)?;
            Ok((page, owed))
        })
        .await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "owed_minor": owed.get(&ReceivableId(row.id)),
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
    let (page, records, stopped) = who
        .app
        .read(move |conn| {
            let page = OfferLine::page(conn, &wanted)?;
            let buyers: Vec<_> = page.rows.iter().map(|row| PartyId(row.buyer_id)).collect();
            let today = store::records::load_heads(conn)?.business_date;
            let records = store::standing::list_records(conn, &buyers, today)?;
            let standings = crate::commands::parties::standing::list(conn, &buyers)?;
            let stopped: HashMap<PartyId, &'static str> =
                standings.iter().filter_map(|(id, standing)| Some((*id, standing.check().err()?.code()))).collect();
            Ok((page, records, stopped))
        })
        .await?;
    let rows = page.rows.iter().map(|row| {
        let record = records.get(&PartyId(row.buyer_id)).cloned().unwrap_or_default();
        json!({
            "buyer_overdue_count": record.overdue, "buyer_oldest_overdue": record.oldest, "buyer_late_count": record.late,
            "buyer_disputed_count": record.disputed, "halted": stopped.get(&PartyId(row.buyer_id)),
            "id": row.id, "receivable_id": row.receivable_id, "supplier": row.supplier, "buyer": row.buyer, "currency": row.currency,
            "units_minor": row.units_minor, "left_minor": row.left_minor, "rate": row.rate, "method": row.method, "day_count": row.day_count,
            "minimum_ticket_minor": row.minimum_ticket_minor, "close_date": row.close_date, "payment_date": row.payment_date, "held": row.held,
            "grace_days": row.grace_days, "fee_bearer": row.fee_bearer, "recourse": row.recourse,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The papers behind an offer. The audit records the access, as on the page.
async fn offer_papers(who: Who<FinancierViewer>, params: Params) -> Answer {
    use super::super::pages::{papers, thread};
    use domain::Refusal;
    use store::lists::InvoiceLine;
    let id: OfferId = wanted_id(&params, "offer_id")?;
    papers::record(&who, id, "papers").await?;
    let body = who
        .app
        .read(move |conn| {
            // A repeated look is answered from its record, in any later state of the offer.
            let offer = <store::Offer as store::records::Keyed>::find(conn, id)?.filter(|row| row.state == OfferState::Open);
            let offer = offer.ok_or(Refusal::NotFound)?;
            let receivable = <store::Receivable as store::records::Keyed>::load(conn, offer.receivable_id)?;
            let row = InvoiceLine::find(conn, receivable.invoice_id.0)?.ok_or(Refusal::NotFound)?;
            let files = store::invoices::list_evidence(conn, InvoiceId(row.id))?;
            let files: Vec<_> =
                files.iter().map(|file| json!({ "kind": file.kind, "name": file.name, "document": file.document })).collect();
            Ok(json!({
                "offer_id": id, "receivable_id": receivable.id, "invoice_id": row.id, "number": row.number, "supplier": row.supplier,
                "buyer": row.buyer, "currency": row.currency, "issue_date": row.issue_date, "due_date": row.due_date,
                "payable_minor": row.payable_minor, "credited_minor": row.credited_minor, "confirmed_minor": receivable.confirmed_minor,
                "document": row.document, "terms": receivable.terms, "terms_hash": receivable.terms_hash, "evidence": files,
                "messages": thread::list_json(conn, &row)?,
            }))
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}

/// The all-in price of `units_minor` of an offer today.
async fn offer_quote(who: Who<FinancierViewer>, params: Params) -> Answer {
    use domain::Refusal;
    let number = |name: &str| params.get(name).parse::<i64>().map_err(|_| Refusal::FieldInvalid { field: name.to_owned() });
    let (id, units, party_id) = (number("offer_id")?, number("units_minor")?, who.party_id()?);
    let now = who.app.clock.now();
    let quote =
        who.app.read(move |conn| Ok(buy_fractions::quote(&mut Reader::open(conn, now)?, party_id, OfferId(id), units)?)).await?;
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
            let owed = super::super::pages::home::owed_to_platform(conn, party_id)?;
            let rows = accounts.into_iter().filter_map(|(currency, account)| {
                let owed_minor = owed.iter().find(|(code, _)| *code == currency).map_or(0, |(_, minor)| *minor);
                // A buyer without money here can still owe some.
                let opened = account.as_ref().map(|row| (row.balance, row.held, row.last_transfer));
                let (balance_minor, held_minor, last_transfer) = opened.or((owed_minor != 0).then_some((0, 0, 0)))?;
                Some(json!({
                    "currency": currency.code(), "balance_minor": balance_minor, "held_minor": held_minor,
                    "available_minor": balance_minor.saturating_sub(held_minor), "owed_to_platform_minor": owed_minor,
                    "last_transfer": last_transfer,
                }))
            });
            Ok(rows.collect::<Vec<_>>())
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "items": rows })))
}
