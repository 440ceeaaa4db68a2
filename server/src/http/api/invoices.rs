//! Invoices and their evidence, the answers of their buyers, and what follows from a confirmation.

use super::super::error::Fault;
use super::super::pages::Answer;
use super::super::rights::{BuyerMaker, BuyerViewer, Member, OperatorViewer, Right, SupplierMaker, SupplierViewer, Who};
use super::super::routes::{Params, Routes, typed_date};
use super::{WriteFile, answer, newest, page_json, perform, wanted_id};
use crate::commands::confirmations::confirm_invoice::words_to_sign;
use crate::view::Reader;
use actix_web::HttpResponse;
use kernel::{InvoiceId, PartyId, ReceivableId};
use serde_json::{Value, json};
use store::lists::{self, InvoiceLine, ListQuery, ReviewLine};

pub(super) fn add_routes(routes: &mut Routes) {
    routes.post("/api/v1/register-invoice", register_invoice);
    routes.post("/api/v1/read-confirmations", read_confirmations);
    routes.post("/api/v1/read-payables", read_payables);
    routes.post("/api/v1/attach-evidence", attach_evidence);
    routes.get("/api/v1/evidence", evidence);
    routes.get("/api/v1/invoices", invoices);
    routes.get("/api/v1/payables", payables);
    routes.get("/api/v1/payables/undertaking", undertaking);
    routes.get("/api/v1/payables/list", confirmation_list);
    routes.get("/api/v1/payables/approved", approved);
    routes.get("/api/v1/messages", messages);
    routes.get("/api/v1/confirmation-evidence", confirmation_evidence);
    routes.get("/api/v1/assignments", assignments);
    routes.get("/api/v1/reviews", reviews);
}

async fn register_invoice(who: Who<SupplierMaker>, write: WriteFile) -> Answer {
    let file = super::super::upload::UploadedFile { name: write.name, content: write.content, too_large: false };
    let mut registered = super::super::pages::invoices::register(&who, &write.key, file).await?;
    if registered.len() == 1
        && let Some(only) = registered.pop_if(|only| only.row.is_none())
    {
        return Ok(answer(&only.outcome?));
    }
    // A file with many invoices has an answer for each.
    let language = who.language();
    let items: Vec<Value> = registered
        .iter()
        .map(|answered| match &answered.outcome {
            Ok(outcome) => json!({ "name": answered.name, "reference": outcome.seq, "result": outcome.body }),
            Err(fault) => {
                let (line, column) = answered.place(fault);
                json!({ "name": answered.name, "code": fault.code(), "title": fault.sentence(language), "line": line, "column": column })
            }
        })
        .collect();
    let taken = registered.iter().filter(|answered| answered.outcome.is_ok()).count();
    if taken == 0 {
        // A fault that may pass is marked as such: the caller can send the same request again.
        let passing =
            registered.into_iter().filter_map(|answered| answered.outcome.err()).find(|fault| fault.status().is_server_error());
        return Err(passing.unwrap_or(Fault::NothingTaken(items)));
    }
    // Multi-Status (RFC 4918): some were taken and some were not, each item says which.
    let mut response = if taken < items.len() { HttpResponse::MultiStatus() } else { HttpResponse::Ok() };
    Ok(response.json(json!({ "items": items })))
}

/// A file beside the invoice `invoice_id`; `kind` is order, delivery, contract or other.
async fn attach_evidence(who: Who<SupplierMaker>, params: Params, write: WriteFile) -> Answer {
    let invoice_id = wanted_id(&params, "invoice_id")?;
    let file = super::super::upload::UploadedFile { name: write.name, content: write.content, too_large: false };
    let outcome = super::super::pages::evidence::attach(&who, &write.key, invoice_id, params.get("kind"), file).await?;
    Ok(answer(&outcome))
}

/// The evidence for the invoice `invoice_id`, for its supplier, its buyer and the operator.
async fn evidence(who: Who<Member>, params: Params) -> Answer {
    use domain::Refusal;
    let InvoiceId(id) = wanted_id(&params, "invoice_id")?;
    let person = who.person()?.clone();
    let rows = who
        .app
        .read(move |conn| {
            let party = person.party.id;
            let found = InvoiceLine::find(conn, id)?.filter(|row| {
                PartyId(row.supplier_id) == party
                    || (PartyId(row.buyer_id) == party && row.presented)
                    || person.has_capacity(domain::party::Capacity::Operator)
            });
            let row = found.ok_or(Refusal::NotFound)?;
            Ok(store::invoices::list_evidence(conn, InvoiceId(row.id))?)
        })
        .await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|row| json!({ "id": row.id, "kind": row.kind, "name": row.name, "sha256": row.document, "download": format!("/documents/{}", row.document) }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// Reads a table of confirmations as a list; nothing is confirmed yet.
async fn read_confirmations(who: Who<BuyerMaker>, write: WriteFile) -> Answer {
    let items = super::super::pages::confirmation_lists::read_table(&who, write.content).await?;
    perform(&who, &write.key, crate::commands::confirmations::draft_confirmation_list::DraftConfirmationList { items }).await
}

/// Reads the buyer's own payables as a list of approvals in advance; nothing is approved yet.
async fn read_payables(who: Who<BuyerMaker>, write: WriteFile) -> Answer {
    let file = super::super::upload::UploadedFile { name: write.name, content: write.content, too_large: false };
    let command = super::super::pages::approved::read(&who, file).await?;
    perform(&who, &write.key, command).await
}

/// The company's approvals in advance, and their present state.
async fn approved(who: Who<BuyerViewer>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("buyer_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(lists::ApprovedLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "list_id": row.list_id, "supplier": row.supplier, "supplier_tax_id": row.supplier_tax_id, "number": row.number,
            "issue_date": row.issue_date, "due_date": row.due_date, "currency": row.currency, "payable_minor": row.payable_minor,
            "payment_reference": row.payment_reference, "words_hash": row.words_hash, "state": row.state,
            "invoice_id": (row.invoice_id > 0).then_some(row.invoice_id),
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The messages about an invoice, oldest first, for its supplier and its buyer.
async fn messages(who: Who<Member>, params: Params) -> Answer {
    let (party_id, id) = (who.party_id()?, wanted_id(&params, "invoice_id")?);
    let items = who.app.read(move |conn| super::super::pages::thread::messages_json(conn, party_id, id)).await?;
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// A confirmation as one text with its digest, to everybody who may see its page.
async fn confirmation_evidence(who: Who<Member>, params: Params) -> Answer {
    let evidence = super::super::pages::undertakings::find(&who, wanted_id(&params, "invoice_id")?).await?;
    Ok(HttpResponse::Ok().json(json!({ "invoice_id": evidence.invoice_id, "text": evidence.text, "sha256": evidence.hash })))
}

/// The notices of assignment that the company was given.
async fn assignments(who: Who<BuyerViewer>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("buyer_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(lists::AssignmentLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "receivable_id": row.id, "number": row.number, "supplier": row.supplier, "supplier_tax_id": row.supplier_tax_id,
            "currency": row.currency, "confirmed_minor": row.confirmed_minor, "payment_date": row.payment_date, "pay_to": row.pay_to, "iban": row.pay_to_iban,
            "reference": row.reference, "text_en": row.text_en, "text_zh": row.text_zh, "hash": row.hash, "given_at": row.given_at,
            "acknowledged_at": row.acknowledged_at, "state": row.state,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// A list of confirmations with the result of each line.
async fn confirmation_list(who: Who<BuyerViewer>, params: Params) -> Answer {
    let party_id = who.party_id()?;
    let id = wanted_id(&params, "list_id")?;
    let list = who.app.read(move |conn| super::super::pages::confirmation_lists::list_json(conn, party_id, id)).await?;
    Ok(HttpResponse::Ok().json(list))
}

fn invoice_json(row: &InvoiceLine) -> Value {
    json!({
        "id": row.id, "number": row.number, "supplier": row.supplier, "buyer": row.buyer, "currency": row.currency, "payable_minor": row.payable_minor,
        "total_minor": row.total_minor, "confirmed_minor": row.confirmed_minor, "issue_date": row.issue_date, "due_date": row.due_date, "state": row.state,
        "prepaid_minor": row.prepaid_minor, "rounding_minor": row.rounding_minor, "credited_minor": row.credited_minor, "type_code": row.type_code,
        "replaces": row.replaces, "replaces_issue_date": row.replaces_issued, "format": row.format, "review": row.review, "warnings": row.warnings.split_whitespace().collect::<Vec<_>>(),
        "reason": row.reason, "document": row.document, "receivable_id": (row.receivable_id > 0).then_some(row.receivable_id),
    })
}

/// A page of invoices, each with what the buyer owes of it once it has confirmed.
async fn invoice_page<R: Right>(who: &Who<R>, wanted: ListQuery) -> Answer {
    let (page, owed) = who
        .app
        .read(move |conn| {
            let page = InvoiceLine::page(conn, &wanted)?;
            let ids: Vec<_> = page.rows.iter().map(|row| row.receivable_id).filter(|id| *id > 0).map(ReceivableId).collect();
            let owed = crate::commands::receivables::settlement::list_owed(conn, &ids)?;
            Ok((page, owed))
        })
        .await?;
    let rows = page.rows.iter().map(|row| {
        let mut told = invoice_json(row);
        if let Some(map) = told.as_object_mut() {
            map.insert("owed_minor".to_owned(), json!(owed.get(&ReceivableId(row.receivable_id))));
        }
        told
    });
    Ok(page_json(rows.collect(), page.more))
}

async fn invoices(who: Who<SupplierViewer>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("supplier_id = ?", vec![who.party_id()?.into()]);
    invoice_page(&who, wanted).await
}

async fn payables(who: Who<BuyerViewer>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("buyer_id = ? AND presented", vec![who.party_id()?.into()]);
    invoice_page(&who, wanted).await
}

/// The words and their hash that confirming `invoice_id` for `amount_minor` on `due_date` would sign.
async fn undertaking(who: Who<BuyerViewer>, params: Params) -> Answer {
    use domain::Refusal;
    let party_id = who.party_id()?;
    let number = |name: &str| params.get(name).parse::<i64>().map_err(|_| Refusal::FieldInvalid { field: name.to_owned() });
    let (id, amount_minor) = (number("invoice_id")?, number("amount_minor")?);
    let due: chrono::NaiveDate = typed_date(params.get("due_date"), "due_date")?;
    let (wanted, now) = ((InvoiceId(id), amount_minor, due), who.app.clock.now());
    // An invoice that cannot be confirmed has no words.
    let words = who.app.read(move |conn| Ok(words_to_sign(&mut Reader::open(conn, now)?, party_id, wanted)?)).await?;
    Ok(HttpResponse::Ok().json(json!({ "version": domain::undertaking::CURRENT, "words_en": words.english, "words_zh": words.chinese, "words_hash": words.hash })))
}

/// The queue of invoices and credit notes that a person must look at, with both sides of each; `state` may be `open`.
async fn reviews(who: Who<OperatorViewer>, params: Params) -> Answer {
    let wanted = newest(&params)?;
    let page = who.app.read(move |conn| Ok(ReviewLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "invoice_id": row.invoice_id, "other_invoice_id": (row.other_id > 0).then_some(row.other_id),
            "credit_note_id": (row.credit_id > 0).then_some(row.credit_id), "rules": row.rules.split_whitespace().collect::<Vec<_>>(),
            "state": row.state, "number": row.number, "other_number": row.other_number, "supplier": row.supplier, "buyer": row.buyer,
            "currency": row.currency, "payable_minor": row.payable_minor, "statement": row.statement, "reason": row.reason,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}
