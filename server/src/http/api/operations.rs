//! The operator's work: contacts and links, days, bank files; and payouts.

use super::super::error::Fault;
use super::super::pages::Answer;
use super::super::pages::bank_files;
use super::super::pages::bank_request;
use super::super::pages::listing::{Narrow, narrowed};
use super::super::pages::ops_lists;
use super::super::rights::{Checker, Member, OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Params, Routes};
use super::{Write, WriteFile, answer, newest, page_json, perform, wanted_id};
use actix_web::HttpResponse;
use kernel::{InvoiceId, PartyId, PayoutId, ReceivableId, RecordId};
use serde_json::{Value, json};
use store::confirmations;
use store::lists::{self, AuditLine, InvoiceLine, ListQuery, OfferLine, PayoutLine, PurchaseLine, ReceivableLine};

pub(super) fn add_routes(routes: &mut Routes) {
    routes.post("/api/v1/check-statement", check_statement);
    routes.post("/api/v1/import-statement", import_statement);
    routes.post("/api/v1/import-status", import_status);
    routes.get("/api/v1/contacts", contacts);
    routes.get("/api/v1/confirmation-links", confirmation_links);
    routes.get("/api/v1/payouts", payouts);
    routes.get("/api/v1/payouts/list", payment_list);
    routes.get("/api/v1/trial-balance", trial_balance);
    routes.get("/api/v1/custody-accounts", custody_accounts);
    routes.get("/api/v1/reconciliation", reconciliation);
    routes.get("/api/v1/operator/invoices", all_invoices);
    routes.get("/api/v1/operator/receivables", all_receivables);
    routes.get("/api/v1/operator/offers", all_offers);
    routes.get("/api/v1/operator/purchases", all_purchases);
    routes.get("/api/v1/operator/due", all_due);
    routes.get("/api/v1/operator/audit", all_audit);
}

/// The present and former contacts who confirm by one-time link for a company.
async fn contacts(who: Who<OperatorViewer>, params: Params) -> Answer {
    let id: PartyId = wanted_id(&params, "party_id")?;
    let rows = who.app.read(move |conn| Ok(confirmations::list_newest_contacts(conn, id)?)).await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "party_id": row.party_id, "user_id": row.user_id, "channel": row.channel, "second": row.second, "source": row.source,
                "currency": row.currency, "limit_minor": row.limit_minor, "link_hours": row.link_hours, "state": row.state,
                "recorded_by": row.recorded_by, "agreed_by": row.agreed_by, "recorded_at": row.recorded_at, "ended_at": row.ended_at,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// The links to an invoice, without the tokens that open them.
async fn confirmation_links(who: Who<OperatorViewer>, params: Params) -> Answer {
    let id: InvoiceId = wanted_id(&params, "invoice_id")?;
    let rows = who.app.read(move |conn| Ok(confirmations::list_newest_links(conn, id)?)).await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "invoice_id": row.invoice_id, "contact_id": row.contact_id, "state": row.state, "reason": row.reason, "wrong_codes": row.tries,
                "issued_at": row.issued_at, "expires_at": row.expires_at, "ended_at": row.ended_at,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// A new code for a link, shown this once.
pub(super) async fn tell_code(
    who: Who<OperatorMaker>,
    write: Write<crate::commands::confirmations::tell_code::TellCode>,
) -> Answer {
    if let Some(trial) = who.trial(&write.body.clone().into()).await? {
        return Ok(trial);
    }
    let (outcome, code) = super::super::pages::contacts::tell(&who, &write.key, write.body.link_id).await?;
    let body = json!({ "reference": outcome.seq, "repeated": outcome.repeated, "result": outcome.body, "code": code });
    Ok(HttpResponse::Ok().json(body))
}

/// Agrees to a request or turns it down; a bank's file is read before the writer gets the command.
pub(super) async fn decide_approval(
    who: Who<Checker>,
    write: Write<crate::commands::kit::decide_approval::DecideApproval>,
) -> Answer {
    let decision = bank_request::with_file(&who, write.body).await?;
    perform(&who, &write.key, decision).await
}

pub(super) async fn close_day(who: Who<OperatorMaker>, write: Write<crate::commands::days::close_day::CloseDay>) -> Answer {
    if let Some(trial) = who.trial(&write.body.clone().into()).await? {
        return Ok(trial);
    }
    Ok(answer(&super::super::pages::ops::end(&who, &write.key, write.body).await?))
}

/// Previews a statement without importing it, and returns a digest to which the import may be bound.
async fn check_statement(who: Who<OperatorMaker>, write: WriteFile) -> Answer {
    let read = bank_files::read_statement(&who, write.name, write.content).await?;
    let body = who
        .app
        .read(move |conn| {
            let check = crate::bank_check::file(conn, &read)?;
            Ok(bank_files::check_json(&read.sha256, &check))
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}

/// Asks a second operator to import a statement; with `check`, only if its effect still equals that preview.
async fn import_statement(who: Who<OperatorMaker>, params: Params, write: WriteFile) -> Answer {
    let (shown, key, party_id) = (params.get("check").to_owned(), write.key.clone(), who.party_id()?);
    let read = bank_files::read_statement(&who, write.name, write.content).await?;
    let command = who
        .app
        .read(move |conn| {
            bank_request::bind(conn, (party_id, &key), read.into(), Some(shown.as_str()).filter(|shown| !shown.is_empty()))
        })
        .await?;
    perform(&who, &write.key, command).await
}

/// Asks a second operator to import a status report.
async fn import_status(who: Who<OperatorMaker>, write: WriteFile) -> Answer {
    let (key, party_id) = (write.key.clone(), who.party_id()?);
    let read = bank_files::read_status(&who, write.name, write.content).await?;
    let command = who.app.read(move |conn| bank_request::bind(conn, (party_id, &key), read.into(), None)).await?;
    perform(&who, &write.key, command).await
}

/// The company's own payouts; the operator sees all.
async fn payouts(who: Who<Member>, params: Params) -> Answer {
    let mut wanted = newest(&params)?;
    if !who.person()?.has_capacity(domain::party::Capacity::Operator) {
        wanted = wanted.with("party_id = ?", vec![who.party_id()?.into()]);
    }
    let page = who.app.read(move |conn| Ok(PayoutLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "currency": row.currency, "amount_minor": row.amount_minor, "iban": row.iban, "end_to_end": row.end_to_end,
            "state": row.state, "expected_date": row.expected_date, "bank_status": row.bank_status, "reason_code": row.reason_code, "note": row.note,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The content of the next payment file of a currency, and the digest with which it is requested.
async fn payment_list(who: Who<OperatorViewer>, params: Params) -> Answer {
    use crate::commands::bank::create_payment_file::{list_hash, payment_list};
    use crate::commands::bank::payee_address::PayeeAddresses;
    let code = params.get("currency").to_owned();
    let known = domain::Currency::parse(&code).ok_or(domain::Refusal::CurrencyUnknown { currency: code })?;
    let account = match params.get("account_id") {
        "" => None,
        _ => Some(wanted_id(&params, "account_id")?),
    };
    let (payouts, addresses, account, available_minor) = who
        .app
        .read(move |conn| {
            let account = crate::commands::bank::custody::paying(conn, account, known.code())?;
            let available_minor = store::custody::available_minor(conn, account.id, known)?;
            let payouts = payment_list(conn, known, PayoutId(i64::MAX))?;
            let addresses = PayeeAddresses::load(conn, &payouts)?;
            Ok((payouts, addresses, account, available_minor))
        })
        .await?;
    let items: Vec<Value> = payouts
        .iter()
        .map(|row| json!({ "id": row.id, "end_to_end": row.end_to_end, "holder": row.holder, "address": addresses.line(row), "iban": row.iban, "bic": row.bic, "amount_minor": row.amount_minor }))
        .collect();
    let through = payouts.last().map_or(PayoutId(0), |row| row.id);
    Ok(HttpResponse::Ok()
        .json(json!({ "currency": known.code(), "through": through, "list_hash": list_hash(&payouts, &addresses), "account_id": account.id, "available_minor": available_minor, "items": items })))
}

/// The platform's accounts at banks, the oldest first.
async fn custody_accounts(who: Who<OperatorViewer>) -> Answer {
    let rows = who
        .app
        .read(|conn| {
            let mut found = Vec::new();
            for row in store::custody::list(conn)? {
                let current_for = store::custody::current_for(conn, row.id)?.join(",");
                found.push((row, current_for));
            }
            Ok(found)
        })
        .await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|(row, current_for)| {
            json!({
                "id": row.id, "iban": row.iban, "bic": row.bic, "bank": row.bank, "holder": row.holder, "currency": row.currency,
                "state": row.state, "current_for": current_for, "opened_on": row.opened_on, "closing_on": row.closing_on,
                "closed_on": row.closed_on, "reason": row.reason,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// Books and bank by account and currency, with the parts that explain the difference.
async fn reconciliation(who: Who<OperatorViewer>) -> Answer {
    let rows = who.app.read(|conn| Ok(store::reconciliation::compare_all(conn)?)).await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "account_id": row.custody_id, "currency": row.currency, "statement_id": row.statement_id, "to_date": row.to_date,
                "ledger_minor": row.ledger_minor, "closing_minor": row.closing_minor, "difference_minor": row.difference_minor(),
                "unexplained_minor": row.unexplained_minor(), "transit_minor": row.transit_minor,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

async fn trial_balance(who: Who<OperatorViewer>) -> Answer {
    let lines = who.app.read(|conn| Ok(lists::trial_balance(conn)?)).await?;
    let rows: Vec<Value> = lines
        .iter()
        .map(|line| json!({ "asset": line.asset_id, "kind": line.kind, "accounts": line.accounts, "sum_minor": line.sum_minor }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": rows })))
}

/// The newest rows, narrowed to the companies that the address names.
fn narrowed_newest(params: &Params, names: &[Narrow]) -> Result<ListQuery, Fault> {
    for (name, _) in names.iter().filter(|(name, _)| !params.get(name).is_empty()) {
        let _: RecordId = wanted_id(params, name)?;
    }
    Ok(narrowed(params, newest(params)?, names))
}

/// Invoices of all companies.
async fn all_invoices(who: Who<OperatorViewer>, params: Params) -> Answer {
    let wanted = narrowed_newest(&params, &[("supplier", "supplier_id"), ("buyer", "buyer_id")])?;
    let page = who.app.read(move |conn| Ok(InvoiceLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "number": row.number, "supplier_id": row.supplier_id, "supplier": row.supplier, "buyer_id": row.buyer_id, "buyer": row.buyer,
            "currency": row.currency, "payable_minor": row.payable_minor, "total_minor": row.total_minor, "confirmed_minor": row.confirmed_minor,
            "issue_date": row.issue_date, "due_date": row.due_date, "state": row.state, "review": row.review,
            "receivable_id": (row.receivable_id > 0).then_some(row.receivable_id),
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// Receivables of all companies; `due` asks for those that fall due within 7 or 30 days, or are late.
async fn all_receivables(who: Who<OperatorViewer>, params: Params) -> Answer {
    let wanted = narrowed_newest(&params, &[("supplier", "supplier_id"), ("buyer", "buyer_id")])?;
    let due = params.get("due").to_owned();
    if !due.is_empty() && !ops_lists::DUE.contains(&due.as_str()) {
        return Err(domain::Refusal::FieldInvalid { field: "due".to_owned() }.into());
    }
    let (page, owed) = who
        .app
        .read(move |conn| {
            let today = store::records::load_heads(conn)?.business_date;
            let page = ReceivableLine::page(conn, &ops_lists::due_within(wanted, &due, today))?;
            let ids: Vec<_> = page.rows.iter().map(|row| ReceivableId(row.id)).collect();
            let owed = crate::commands::receivables::settlement::list_owed(conn, &ids)?;
            Ok((page, owed))
        })
        .await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "invoice_id": row.invoice_id, "number": row.number, "supplier_id": row.supplier_id, "supplier": row.supplier,
            "buyer_id": row.buyer_id, "buyer": row.buyer, "currency": row.currency, "confirmed_minor": row.confirmed_minor, "face_minor": row.face_minor,
            "reserve_minor": row.reserve_minor, "sold_minor": row.sold_minor, "paid_minor": row.paid_minor, "due_date": row.due_date,
            "owed_minor": owed.get(&ReceivableId(row.id)), "payment_date": row.payment_date, "state": row.state, "reference": row.reference,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// Offers of all companies, whatever became of them.
async fn all_offers(who: Who<OperatorViewer>, params: Params) -> Answer {
    let wanted = narrowed_newest(&params, &[("supplier", "supplier_id"), ("buyer", "buyer_id")])?;
    let page = who.app.read(move |conn| Ok(OfferLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "receivable_id": row.receivable_id, "supplier_id": row.supplier_id, "supplier": row.supplier, "buyer_id": row.buyer_id,
            "buyer": row.buyer, "currency": row.currency, "units_minor": row.units_minor, "left_minor": row.left_minor, "rate": row.rate,
            "method": row.method, "day_count": row.day_count, "close_date": row.close_date, "payment_date": row.payment_date, "state": row.state,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// Purchases of all companies.
async fn all_purchases(who: Who<OperatorViewer>, params: Params) -> Answer {
    let names = [("financier", "financier_id"), ("supplier", "supplier_id"), ("buyer", "buyer_id")];
    let wanted = narrowed_newest(&params, &names)?;
    let page = who.app.read(move |conn| Ok(PurchaseLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "offer_id": row.offer_id, "receivable_id": row.receivable_id, "financier_id": row.financier_id, "financier": row.financier,
            "supplier_id": row.supplier_id, "supplier": row.supplier, "buyer_id": row.buyer_id, "buyer": row.buyer, "currency": row.currency,
            "units_minor": row.units_minor, "price_minor": row.price_minor, "fee_minor": row.fee_minor, "financier_rate": row.financier_rate,
            "supplier_rate": row.supplier_rate, "business_date": row.business_date, "payment_date": row.payment_date,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The debt of each buyer in each currency, and how late its oldest part is.
async fn all_due(who: Who<OperatorViewer>, params: Params) -> Answer {
    let wanted = narrowed_newest(&params, &[("buyer", "buyer_id")])?;
    let (page, today) = who
        .app
        .read(move |conn| {
            let today = store::records::load_heads(conn)?.business_date;
            Ok((super::super::pages::due::lines(conn, &wanted, today)?.0, today))
        })
        .await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "buyer_id": row.buyer_id, "buyer": row.buyer, "currency": row.currency, "count": row.receivables, "oldest_date": row.oldest_date,
            "late_days": ops_lists::days_late(row.oldest_date, today), "coming_minor": row.coming_minor, "due_minor": row.due_minor,
            "overdue_minor": row.overdue_minor, "state": row.state,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The audit of all companies.
async fn all_audit(who: Who<OperatorViewer>, params: Params) -> Answer {
    let names = [("company", "party_id"), ("person", "user_id"), ("subject", "subject_id")];
    let mut wanted = narrowed_newest(&params, &names)?;
    let invalid = |field: &str| domain::Refusal::FieldInvalid { field: field.to_owned() };
    let (command, day) = (params.get("command"), params.get("day"));
    if !command.is_empty() {
        let known = crate::commands::Command::NAMES.iter().find(|known| **known == command).ok_or_else(|| invalid("command"))?;
        wanted = wanted.with("command = ?", vec![(*known).into()]);
    }
    if !day.is_empty() {
        let day = super::super::routes::typed_date(day, "day")?;
        wanted = wanted.with("business_date = ?", vec![day.into()]);
    }
    let page = who.app.read(move |conn| Ok(AuditLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "at": row.at, "business_date": row.business_date, "party_id": row.party_id, "party": row.party, "user_id": row.user_id,
            "person": row.person, "approver": row.approver, "command": row.command, "subject_id": row.subject_id,
            "first_transfer": row.first_transfer, "last_transfer": row.last_transfer,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}
