//! The supplier's invoices: upload, the fields beside the document, submission.

use super::super::error::Fault;
use super::super::rights::{Member, SupplierMaker, SupplierViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes, Token};
use super::super::see_other;
use super::super::upload::{Uploaded, UploadedFile};
use super::listing::Listing;
use super::{Answer, SignedIn, again, receipt, receipts};
use crate::commands::register_invoice::RegisterInvoice;
use crate::commands::submit_invoice::SubmitInvoice;
use crate::commands::withdraw_invoice::WithdrawInvoice;
use crate::config::{LARGEST_FILE, MOST_FILES};
use crate::file_reader;
use crate::hash::sha256_hex;
use actix_web::HttpResponse;
use domain::Refusal;
use domain::party::Role;
use store::lists::{AuditLine, InvoiceLine, ListQuery};
use web::{Block, Field, Form, Language, Page, Row, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/invoices", invoices);
    routes.get("/invoices/upload", upload);
    routes.post("/invoices/upload", upload_post);
    routes.get("/invoices/{id}", invoice);
    routes.post("/invoices/{id}/submit", submit);
    routes.post("/invoices/{id}/withdraw", withdraw);
    routes.get("/documents/{token}", document);
}

pub const STATES: &[&str] = &[
    "draft",
    "presented",
    "confirmed",
    "partially_confirmed",
    "disputed",
    "assigned",
    "part_paid",
    "overdue",
    "paid",
    "withdrawn",
];

async fn invoices(who: Who<SupplierViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-number", false, "number"),
        ("col-buyer", false, "buyer"),
        ("col-issued", false, "issue_date"),
        ("col-due", false, "due_or_issue"),
        ("col-payable", true, "payable_minor"),
        ("col-state", false, ""),
    ];
    let listing = Listing { params: &params, language, states: STATES, heads, default: ("id", true) };
    let wanted = listing.query().with("supplier_id = ?", vec![who.party_id()?.into()]);
    let order = wanted.order;
    let (page, totals) =
        who.app.read(move |conn| Ok((InvoiceLine::page(conn, &wanted)?, InvoiceLine::totals(conn, &wanted)?))).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/invoices/{}", row.id)),
            Value::text(row.buyer.clone()),
            Value::date(language, row.issue_date),
            row.due_date.map_or_else(|| Value::text("–"), |due| Value::date(language, due)),
            Value::money(&row.currency, row.payable_minor),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| (order_value(row, order), row.id));
    let table =
        listing.table(language.t("invoices-title"), rows.collect(), &totals, last, page.more, language.t("invoices-empty"));
    let mut shown = Page::new(language.t("invoices-title"));
    if who.person()?.has_role(Role::Maker) {
        shown.push(Block::Action(language.t("upload-title"), "/invoices/upload".to_owned()));
    }
    listing.send(&who, shown, table).await
}

/// The value of a row in the column that the list is ordered by.
#[must_use]
pub fn order_value(row: &InvoiceLine, order: &str) -> String {
    match order {
        "number" => row.number.clone(),
        "buyer" => row.buyer.clone(),
        "supplier" => row.supplier.clone(),
        "issue_date" => row.issue_date.to_string(),
        "due_or_issue" => row.due_or_issue.to_string(),
        "payable_minor" => row.payable_minor.to_string(),
        _ => row.id.to_string(),
    }
}

fn upload_page<R: SignedIn>(who: &Who<R>) -> Page {
    let limits = [("files", MOST_FILES.to_string()), ("megabytes", (LARGEST_FILE / 1024 / 1024).to_string())];
    let field = Field::new("files", who.t("upload-files"), "files").hint(who.language().fill("upload-limits", &limits));
    Page::new(who.t("upload-title"))
        .trail(who.t("invoices-title"), "/invoices")
        .with(Block::Paragraph(who.t("upload-lead")))
        .form(Form::new("/invoices/upload", who.t("upload-submit"), vec![field]))
}

async fn upload(who: Who<SupplierMaker>) -> Answer {
    let page = upload_page(&who);
    who.app.page(&who.viewer, page).await
}

/// All invoices of one uploaded file, each read and registered on its own, with the name that people know it by.
pub async fn register<R: SignedIn>(who: &Who<R>, key: &str, file: UploadedFile) -> Result<Vec<(String, Registered)>, Fault> {
    if file.too_large {
        return Ok(vec![(file.name, Err(Refusal::FileTooLarge.into()))]);
    }
    let program = who.app.config.file_reader.clone();
    let read = actix_web::web::block(move || file_reader::invoices(&program, &file.name, file.content));
    let found = read.await.map_err(|error| Fault::Failed(error.to_string()))?;
    let mut results = Vec::with_capacity(found.len());
    for (index, found) in found.into_iter().enumerate() {
        // The first has the file's own key, so that a file with one invoice is what it always was.
        let key = if index == 0 { key.to_owned() } else { format!("{key}-{index}") };
        let outcome = match found.invoice {
            Err(fault) => Err(Fault::Unreadable(fault)),
            Ok(invoice) => {
                let sha256 = sha256_hex(&found.content);
                let command =
                    RegisterInvoice { file_name: found.name.clone(), sha256, content: found.content, parsed: Box::new(invoice) };
                who.submit(&key, command).await
            }
        };
        if let Err(Fault::Failed(_)) = outcome {
            return outcome.map(|_| Vec::new());
        }
        results.push((found.name, outcome));
    }
    Ok(results)
}

/// What became of one invoice.
pub type Registered = Result<crate::commands::Outcome, Fault>;

async fn upload_post(who: Who<SupplierMaker>, uploaded: Uploaded) -> Answer {
    let language = who.language();
    if uploaded.files.is_empty() {
        let missing = Fault::Refused(Refusal::FieldMissing { field: "files".to_owned() });
        return again(&who, upload_page(&who), &uploaded.posted, missing, "").await;
    }
    let base = uploaded.posted.key();
    let mut results = Vec::with_capacity(uploaded.files.len());
    let mut good = 0_usize;
    for (index, file) in uploaded.files.into_iter().enumerate() {
        for (name, registered) in register(&who, &format!("{base}-{index}"), file).await? {
            match registered {
                Ok(outcome) => {
                    good = good.saturating_add(1);
                    let text = language.fill("upload-accepted", &[("number", outcome.text("number"))]);
                    results.push((Tone::Done, name, text, format!("/invoices/{}", outcome.number("invoice_id"))));
                }
                Err(fault @ (Fault::Refused(_) | Fault::Unreadable(_) | Fault::Busy | Fault::Unknown)) => {
                    results.push((Tone::Attention, name, fault.sentence(language), String::new()))
                }
                Err(fault) => return Err(fault),
            }
        }
    }
    let counts = [("good", good.to_string()), ("all", results.len().to_string())];
    let page = Page::new(language.fill("upload-result", &counts))
        .trail(who.t("invoices-title"), "/invoices")
        .with(Block::Results(results))
        .with(Block::Links(vec![
            (who.t("upload-to-drafts"), "/invoices?state=draft".to_owned()),
            (who.t("upload-more"), "/invoices/upload".to_owned()),
        ]));
    who.app.page(&who.viewer, page).await
}

/// The facts of an invoice, for supplier and buyer alike.
#[must_use]
pub fn invoice_facts(language: Language, row: &InvoiceLine) -> Vec<(String, Value)> {
    let mut facts = vec![
        (language.t("col-state"), Value::state(language, &row.state)),
        (language.t("col-payable"), Value::money(&row.currency, row.payable_minor)),
        (language.t("col-total"), Value::money(&row.currency, row.total_minor)),
        (language.t("col-supplier"), Value::text(row.supplier.clone())),
        (language.t("col-buyer"), Value::text(row.buyer.clone())),
        (language.t("col-issued"), Value::date(language, row.issue_date)),
        (language.t("col-due"), row.due_date.map_or_else(|| Value::text("–"), |due| Value::date(language, due))),
        (language.t("field-type-code"), Value::code(row.type_code.clone())),
    ];
    if row.confirmed_minor > 0 {
        facts.insert(2, (language.t("col-confirmed"), Value::money(&row.currency, row.confirmed_minor)));
    }
    if !row.order_reference.is_empty() {
        facts.push((language.t("field-order-reference"), Value::text(row.order_reference.clone())));
    }
    if !row.reason.is_empty() {
        facts.push((language.t("field-reason"), Value::text(row.reason.clone())));
    }
    let short: String = row.document.chars().take(16).collect();
    facts.push((language.t("field-document"), Value::link(format!("SHA-256 {short}…"), format!("/documents/{}", row.document))));
    facts
}

/// Everything that happened to an invoice and the receivable made of it.
pub fn history(conn: &mut store::Conn, row: &InvoiceLine) -> Result<Vec<AuditLine>, Fault> {
    let condition = "subject_id IN (?, ?) AND subject_id > 0";
    let wanted = ListQuery::newest(100).with(condition, vec![row.id.into(), row.receivable_id.into()]);
    Ok(AuditLine::page(conn, &wanted)?.rows)
}

async fn load(who: &Who<impl SignedIn>, id: i64) -> Result<(InvoiceLine, Vec<AuditLine>), Fault> {
    let party_id = who.party_id()?;
    who.app
        .read(move |conn| {
            let row = InvoiceLine::find(conn, id)?.filter(|row| row.supplier_id == party_id).ok_or(Refusal::NotFound)?;
            let events = history(conn, &row)?;
            Ok((row, events))
        })
        .await
}

fn invoice_page(who: &Who<impl SignedIn>, row: &InvoiceLine, events: &[AuditLine]) -> Result<Page, Fault> {
    let (language, person) = (who.language(), who.person()?);
    let mut page = Page::new(language.fill("invoice-title", &[("number", row.number.clone())]))
        .trail(who.t("invoices-title"), "/invoices")
        .with(Block::Facts(invoice_facts(language, row)));
    if person.has_role(Role::Maker) {
        if row.state == "draft" {
            let fields = if row.due_date.is_none() {
                vec![Field::new("due_date", who.t("col-due"), "date").hint(who.t("invoice-due-hint"))]
            } else {
                vec![]
            };
            page = page.with(Block::Paragraph(who.t("invoice-submit-lead"))).form(Form::new(
                format!("/invoices/{}/submit", row.id),
                who.t("invoice-submit"),
                fields,
            ));
        }
        if ["draft", "presented", "disputed"].contains(&row.state.as_str()) {
            page = page.form(Form::new(format!("/invoices/{}/withdraw", row.id), who.t("invoice-withdraw"), vec![]).secondary());
        }
    }
    if row.receivable_id > 0 {
        page = page.with(Block::Links(vec![(who.t("receipt-to-receivable"), format!("/receivables/{}", row.receivable_id))]));
    }
    Ok(page.with(Block::Timeline(who.t("timeline-title"), receipts::timeline(language, events, person.party.id, true))))
}

async fn invoice(who: Who<SupplierViewer>, id: Id) -> Answer {
    let (row, events) = load(&who, id.0).await?;
    let page = invoice_page(&who, &row, &events)?;
    who.app.page(&who.viewer, page).await
}

async fn submit(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let (row, events) = load(&who, id.0).await?;
    let due_date = posted.date("due_date").ok();
    match who.submit(&posted.key(), SubmitInvoice { invoice_id: id.0, due_date }).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, invoice_page(&who, &row, &events)?, &posted, fault, &row.currency).await,
    }
}

async fn withdraw(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let (row, events) = load(&who, id.0).await?;
    match who.submit(&posted.key(), WithdrawInvoice { invoice_id: id.0 }).await {
        Ok(_) => Ok(see_other(&format!("/invoices/{}", id.0))),
        Err(fault) => again(&who, invoice_page(&who, &row, &events)?, &posted, fault, &row.currency).await,
    }
}

/// A stored file, to those who are party to it: its uploader, the invoice's supplier and buyer, past and present holders, the
/// operator. Always as a download, never shown inside the site.
async fn document(who: Who<Member>, hash: Token) -> Answer {
    let person = who.person()?.clone();
    let sha256 = hash.0.clone();
    let document = who
        .app
        .read(move |conn| {
            let document = store::records::find_document(conn, &sha256)?.ok_or(Refusal::NotFound)?;
            let party = person.party.id;
            let binds = [sha256.as_str().into(), party.into(), party.into(), party.into()];
            let sql = "i.document = ? AND (i.supplier_id = ? OR (i.buyer_id = ? AND i.state <> 'draft') OR EXISTS (SELECT 1 FROM receivables r \
                       JOIN ledger_accounts a ON a.asset_id = r.id AND a.kind = 'holding' AND a.balance >= 0 WHERE r.invoice_id = i.id AND a.owner_id = ?))";
            let concerned = store::lists::count(conn, "invoices i", sql, &binds)? > 0;
            let allowed = document.party_id == party || concerned || person.has_capacity(domain::party::Capacity::Operator);
            if allowed { Ok(document) } else { Err(Refusal::NotFound.into()) }
        })
        .await?;
    let name: String = document.name.chars().filter(|mark| mark.is_ascii_alphanumeric() || ".-_".contains(*mark)).collect();
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{name}\"")))
        .body(document.content))
}
