//! The supplier's invoices: upload, the fields beside the document, submission.

use super::super::error::Fault;
use super::super::rights::{Member, SupplierMaker, SupplierViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes, Token};
use super::super::upload::{Uploaded, UploadedFile};
use super::listing::Listing;
use super::thread::{self, Thread};
use super::{Answer, Check, SignedIn, again, check_page, document as shown_document, receipt, receipts};
use crate::commands::register_invoice::RegisterInvoice;
use crate::commands::submit_invoice::SubmitInvoice;
use crate::commands::withdraw_invoice::WithdrawInvoice;
use crate::commands::write_message::WriteMessage;
use crate::config::{LARGEST_FILE, MOST_FILES};
use crate::file_reader;
use crate::hash::sha256_hex;
use actix_web::HttpResponse;
use domain::Refusal;
use domain::party::Role;
use store::lists::{AuditLine, InvoiceLine, ListQuery};
use web::{Block, Event, Field, Form, Language, Page, Row, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/invoices", invoices);
    routes.get("/invoices/upload", upload);
    routes.post("/invoices/upload", upload_post);
    routes.get("/invoices/{id}", invoice);
    routes.post("/invoices/{id}/submit", submit);
    routes.get("/invoices/{id}/withdraw", withdraw_check);
    routes.post("/invoices/{id}/withdraw", withdraw);
    routes.post("/invoices/{id}/message", message);
    routes.get("/documents/{token}", document);
}

pub const STATES: &[&str] = &[
    "draft",
    "presented",
    "confirmed",
    "partially_confirmed",
    "disputed",
    "rejected",
    "expired",
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
    let listing =
        Listing { params: &params, language, groups: &[], states: STATES, heads, default: ("id", true), summed: "payable_minor" };
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
    let mut table =
        listing.table(language.t("invoices-title"), rows.collect(), &totals, last, page.more, language.t("invoices-empty"));
    let mut shown = Page::new(language.t("invoices-title"));
    if who.person()?.has_role(Role::Maker) {
        table.empty_link.get_or_insert_with(|| (language.t("upload-title"), "/invoices/upload".to_owned()));
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

struct Loaded {
    row: InvoiceLine,
    events: Vec<AuditLine>,
    content: Vec<u8>,
    thread: Thread,
}

/// The file that an invoice was read from.
pub fn content_of(conn: &mut store::Conn, row: &InvoiceLine) -> Result<Vec<u8>, Fault> {
    Ok(store::records::find_document(conn, &row.document)?.map(|document| document.content).unwrap_or_default())
}

async fn load(who: &Who<impl SignedIn>, id: i64) -> Result<Loaded, Fault> {
    let party_id = who.party_id()?;
    who.app
        .read(move |conn| {
            let row = InvoiceLine::find(conn, id)?.filter(|row| row.supplier_id == party_id).ok_or(Refusal::NotFound)?;
            let events = history(conn, &row)?;
            let content = content_of(conn, &row)?;
            let thread = thread::load(conn, &row)?;
            Ok(Loaded { row, events, content, thread })
        })
        .await
}

fn can_withdraw(row: &InvoiceLine) -> bool {
    ["draft", "presented", "disputed", "rejected", "expired"].contains(&row.state.as_str())
}

fn invoice_page(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, person, row) = (who.language(), who.person()?, &loaded.row);
    let mut fields = vec![Block::Heading(who.t("document-fields")), Block::Facts(invoice_facts(language, row))];
    if person.has_role(Role::Maker) {
        if ["draft", "expired"].contains(&row.state.as_str()) {
            let due = Field::new("due_date", who.t("col-due"), "date").hint(who.t("invoice-due-hint"));
            let asked = if row.due_date.is_none() { vec![due] } else { vec![] };
            fields.push(Block::Paragraph(who.t("invoice-submit-lead")));
            let form = Form::new(format!("/invoices/{}/submit", row.id), who.t("invoice-submit"), asked);
            fields.push(Block::Form(Box::new(form)));
        }
        if can_withdraw(row) {
            fields.push(Block::Links(vec![(who.t("invoice-withdraw"), format!("/invoices/{}/withdraw", row.id))]));
        }
    }
    if row.receivable_id > 0 {
        fields.push(Block::Links(vec![(who.t("receipt-to-receivable"), format!("/receivables/{}", row.receivable_id))]));
    }
    let mut events = expected_of(language, row);
    events.extend(receipts::timeline(language, &loaded.events, person.party.id, true));
    let writes = person.has_role(Role::Maker) && row.state != "draft";
    let mut page = Page::new(language.fill("invoice-title", &[("number", row.number.clone())]))
        .trail(who.t("invoices-title"), "/invoices")
        .with(Block::Beside(fields, shown_document::blocks(language, &loaded.content, &row.document)));
    page.blocks.extend(thread::blocks(language, row, &loaded.thread, writes.then(|| format!("/invoices/{}/message", row.id))));
    Ok(page.with(Block::Timeline(who.t("timeline-title"), events)))
}

/// What is still to come of an invoice: the last thing first, as everything else in a timeline.
#[must_use]
pub fn expected_of(language: Language, row: &InvoiceLine) -> Vec<Event> {
    let event = |key: &str, day: Option<chrono::NaiveDate>| Event {
        title: language.t(key),
        actor: language.t("timeline-expected"),
        when: day.map(|day| language.date(day)).unwrap_or_default(),
        machine: day.map(|day| day.to_string()).unwrap_or_default(),
        expected: true,
        ..Event::default()
    };
    let steps: &[&str] = match row.state.as_str() {
        "draft" => &["timeline-payment", "timeline-decision", "timeline-submission"],
        "presented" | "disputed" => &["timeline-payment", "timeline-decision"],
        "paid" | "withdrawn" | "rejected" | "expired" => &[],
        _ => &["timeline-payment"],
    };
    steps.iter().map(|step| event(step, row.due_date.filter(|_| *step == "timeline-payment"))).collect()
}

async fn invoice(who: Who<SupplierViewer>, id: Id) -> Answer {
    let loaded = load(&who, id.0).await?;
    let page = invoice_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

async fn submit(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, id.0).await?;
    let due_date = if posted.get("due_date").is_empty() { Ok(None) } else { posted.date("due_date").map(Some) };
    let submitted = match due_date {
        Ok(due_date) => who.submit(&posted.key(), SubmitInvoice { invoice_id: id.0, due_date }).await,
        Err(fault) => Err(fault),
    };
    match submitted {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, invoice_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await,
    }
}

async fn message(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, id.0).await?;
    let command = WriteMessage { invoice_id: id.0, text: posted.get("text").to_owned() };
    super::submit_or_again(&who, &posted, command, invoice_page(&who, &loaded)?, &loaded.row.currency).await
}

async fn withdraw_check(who: Who<SupplierMaker>, id: Id) -> Answer {
    let loaded = load(&who, id.0).await?;
    let row = &loaded.row;
    if !can_withdraw(row) {
        let fault = Refusal::StateConflict { state: row.state.clone() }.into();
        return again(&who, invoice_page(&who, &loaded)?, &Posted::default(), fault, &row.currency).await;
    }
    let trail = [(who.t("invoices-title"), "/invoices".to_owned()), (row.number.clone(), format!("/invoices/{}", row.id))];
    let check = Check {
        title: who.language().fill("invoice-withdraw-check", &[("number", row.number.clone())]),
        lead: who.t("invoice-withdraw-lead"),
        facts: invoice_facts(who.language(), row),
        form: Form::new(format!("/invoices/{}/withdraw", row.id), who.t("invoice-withdraw"), vec![]),
        back: format!("/invoices/{}", row.id),
    };
    who.app.page(&who.viewer, check_page(&who, &trail, check)).await
}

async fn withdraw(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, id.0).await?;
    match who.submit(&posted.key(), WithdrawInvoice { invoice_id: id.0 }).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, invoice_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await,
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
