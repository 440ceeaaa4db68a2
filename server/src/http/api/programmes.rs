//! Programmes, their members, and the fees that their buyers owe.

use super::super::pages::Answer;
use super::super::rights::{BuyerViewer, Member, SupplierViewer, Who};
use super::super::routes::{Params, Routes};
use super::{newest, page_json, wanted_id};
use actix_web::HttpResponse;
use kernel::{InvoiceId, PartyId, ProgrammeId};
use serde_json::{Value, json};
use store::lists::{FeeBillLine, InvoiceLine, MemberLine, ProgrammeLine};

pub(super) fn add_routes(routes: &mut Routes) {
    routes.get("/api/v1/programmes", programmes);
    routes.get("/api/v1/programmes/versions", programme_versions);
    routes.get("/api/v1/programmes/members", programme_members);
    routes.get("/api/v1/memberships", memberships);
    routes.get("/api/v1/invoices/eligibility", eligibility);
    routes.get("/api/v1/fee-bills", fee_bills);
}

/// The company's programmes as a buyer, the operator's view of all of them.
async fn programmes(who: Who<Member>, params: Params) -> Answer {
    let mut wanted = newest(&params)?;
    if !who.person()?.has_capacity(domain::party::Capacity::Operator) {
        wanted = wanted.with("buyer_id = ?", vec![who.party_id()?.into()]);
    }
    let page = who.app.read(move |conn| Ok(ProgrammeLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "buyer": row.buyer, "name": row.name, "currency": row.currency, "state": row.state, "reason": row.reason, "terms_version": row.version,
            "proposed_version_id": (row.proposed_id > 0).then_some(row.proposed_id), "joined": row.joined, "invited": row.invited,
            "confirmed_minor": row.confirmed_minor, "sold_minor": row.sold_minor, "outstanding_minor": row.outstanding_minor,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The terms of a programme by version, newest first: for its buyer, the operator, and the suppliers that have joined it or are
/// invited.
async fn programme_versions(who: Who<Member>, params: Params) -> Answer {
    let (id, person): (ProgrammeId, _) = (wanted_id(&params, "programme_id")?, who.person()?.clone());
    let (currency, rows) = who
        .app
        .read(move |conn| {
            let party = person.party.id;
            let found = <store::Programme as store::records::Keyed>::find(conn, id)?.ok_or(domain::Refusal::NotFound)?;
            let whole = found.buyer_id == party || person.has_capacity(domain::party::Capacity::Operator);
            let members = store::programmes::list_memberships(conn, id, party)?;
            if !whole && members.is_empty() {
                return Err(domain::Refusal::NotFound.into());
            }
            let mut rows = store::programmes::list_versions(conn, id)?;
            // A supplier reads the versions that it has accepted or is asked to accept.
            let reads = |version: i64| members.iter().any(|member| [member.version, member.asked_version].contains(&version));
            rows.retain(|row| whole || reads(row.version));
            Ok((found.currency, rows))
        })
        .await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "programme_id": row.programme_id, "terms_version": row.version, "currency": currency, "least_tenor_days": row.least_tenor_days,
                "most_tenor_days": row.most_tenor_days, "most_age_days": row.most_age_days, "advance_bps": row.advance_bps, "reserve_bps": row.reserve_bps,
                "settlement_fee_bps": row.settlement_fee_bps, "purchase_fee_bps": row.purchase_fee_bps, "minimum_fee_minor": row.minimum_fee_minor,
                "minimum_ticket_minor": row.minimum_ticket_minor, "fee_bearer": row.fee_bearer, "grace_days": row.grace_days, "recourse": row.recourse,
                "begins_on": row.begins_on, "state": row.state, "reason": row.reason,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

fn member_json(row: &MemberLine) -> Value {
    json!({
        "id": row.id, "programme_id": row.programme_id, "buyer": row.buyer, "supplier": row.supplier, "name": row.name, "currency": row.currency,
        "programme_state": row.programme_state, "state": row.state, "terms_version": row.version,
        "asked_version": (row.asked_version > 0).then_some(row.asked_version), "reason": row.reason, "confirmed_minor": row.confirmed_minor,
    })
}

/// The present and former members of the company's programmes.
async fn programme_members(who: Who<BuyerViewer>, params: Params) -> Answer {
    let (id, party_id): (ProgrammeId, _) = (wanted_id(&params, "programme_id")?, who.party_id()?);
    let wanted = newest(&params)?.with("programme_id = ? AND buyer_id = ?", vec![id.into(), party_id.into()]);
    let page = who
        .app
        .read(move |conn| {
            let own = <store::Programme as store::records::Keyed>::find(conn, id)?.filter(|row| row.buyer_id == party_id);
            own.ok_or(domain::Refusal::NotFound)?;
            Ok(MemberLine::page(conn, &wanted)?)
        })
        .await?;
    Ok(page_json(page.rows.iter().map(member_json).collect(), page.more))
}

/// The programmes that the company is in as a supplier, or is asked into.
async fn memberships(who: Who<SupplierViewer>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("supplier_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(MemberLine::page(conn, &wanted)?)).await?;
    Ok(page_json(page.rows.iter().map(member_json).collect(), page.more))
}

/// The standing of the company's invoice in a programme today; a buyer asks about an invoice that was presented to it.
async fn eligibility(who: Who<Member>, params: Params) -> Answer {
    use crate::commands::programmes::terms::{Subject, standing, standing_for_buyer};
    let (id, party_id): (InvoiceId, _) = (wanted_id(&params, "invoice_id")?, who.party_id()?);
    let language = who.language();
    let body = who
        .app
        .read(move |conn| {
            let concerned = |row: &InvoiceLine| PartyId(row.supplier_id) == party_id || (PartyId(row.buyer_id) == party_id && row.presented);
            let row = InvoiceLine::find(conn, id.0)?.filter(concerned).ok_or(domain::Refusal::NotFound)?;
            let invoice = <store::Invoice as store::records::Keyed>::load(conn, id)?;
            let today = store::records::load_heads(conn)?.business_date;
            let subject = Subject::of(&invoice, invoice.due_date);
            let found =
                if PartyId(row.buyer_id) == party_id { standing_for_buyer(conn, &subject, today)? } else { standing(conn, &subject, today)? };
            let Some(found) = found else { return Ok(json!({ "invoice_id": id, "eligible": false, "programme_id": null, "terms_version": null, "rule": null, "title": null })) };
            let rule = found.verdict.as_ref().err().map(domain::programme::Rule::code);
            let (_, title) = super::super::pages::programmes::standing_sentence(language, &found);
            Ok(json!({
                "invoice_id": id, "eligible": rule.is_none(), "programme_id": found.programme.id, "terms_version": found.version.version, "rule": rule, "title": title,
            }))
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}

/// The fees that the company bears as a buyer.
async fn fee_bills(who: Who<BuyerViewer>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("buyer_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(FeeBillLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "receivable_id": row.receivable_id, "number": row.number, "supplier": row.supplier, "kind": row.kind, "currency": row.currency,
            "amount_minor": row.amount_minor, "paid_minor": row.paid_minor, "open_minor": row.open_minor, "arose_on": row.arose_on, "state": row.state,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}
