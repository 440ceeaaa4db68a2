//! The supplier's invoices: upload, the fields beside the document, submission.

use super::super::answers::{Stored, read_stored};
use super::super::error::Fault;
use super::super::rights::{Member, SupplierMaker, SupplierViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes, Token};
use super::super::shares::{Owner, Share};
use super::super::upload::{Uploaded, UploadedFile};
use super::listing::{Group, Listing, MOST_FAULTS_SHOWN, csv_file, faults_file, plain_table};
use super::programmes::{standing_block, standing_sentence};
use super::thread::{self, Thread};
use super::{
    Answer, Check, SignedIn, again, check_page, document as shown_document, evidence, receipt, receipts, submit_or_again,
};
use crate::commands::Outcome;
use crate::commands::confirmations::send_link::SendLink;
use crate::commands::invoices::explain_invoice::ExplainInvoice;
use crate::commands::invoices::known::Loaded as Known;
use crate::commands::invoices::register_invoice::RegisterInvoice;
use crate::commands::invoices::register_table::{RegisterTable, column_of, examine_all};
use crate::commands::invoices::submit_invoice::SubmitInvoice;
use crate::commands::invoices::withdraw_invoice::WithdrawInvoice;
use crate::commands::invoices::write_message::WriteMessage;
use crate::commands::programmes::terms::{self as programmes, Standing, Subject};
use crate::config::{LARGEST_FILE, LARGEST_FORM, MOST_FILES};
use crate::file_reader::{FileFault, Found, Held, Shown, Upload};
use crate::hash::sha256_hex;
use domain::Refusal;
use domain::invoice::{InvoiceState, check_due_date};
use domain::link::acts_in;
use domain::party::Role;
use formats::csv::{CsvInvoice, MOST_FAULTS, MOST_ROWS};
use kernel::{InvoiceId, PartyId};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::Arc;
use store::lists::{AuditLine, InvoiceLine, ListQuery, ReviewLine};
use store::records::Keyed;
use store::{CreditNote, Evidence, Party};
use web::{Block, Event, Field, Form, Language, Page, Row, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/invoices", invoices);
    routes.get("/invoices/upload", upload);
    routes.get("/invoices/template", template);
    routes.post("/invoices/upload", upload_post);
    routes.get("/invoices/{id}", invoice);
    routes.post("/invoices/{id}/submit", submit);
    routes.get("/invoices/{id}/withdraw", withdraw_check);
    routes.post("/invoices/{id}/withdraw", withdraw);
    routes.post("/invoices/{id}/message", message);
    routes.post("/invoices/{id}/link", send_link);
    routes.post("/invoices/{id}/explain", explain);
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

/// Invoices that wait for a person before they can go on.
pub const HELD: Group = ("held", "review = 'open'");

/// Drafts that can be submitted: no person reviews them.
pub const TO_SUBMIT: Group = ("to_submit", "state = 'draft' AND review <> 'open'");

/// The state of an invoice as lists show it: a person looks at it before it can go on.
#[must_use]
pub fn shown_state(row: &InvoiceLine) -> &str {
    if row.review == "open" && ["draft", "presented"].contains(&row.state.as_str()) { "held" } else { &row.state }
}

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
    let listing = Listing {
        params: &params,
        language,
        groups: &[TO_SUBMIT, HELD],
        states: STATES,
        heads,
        default: ("id", true),
        summed: "payable_minor",
    };
    let wanted = listing.query().with("supplier_id = ?", vec![who.party_id()?.into()]);
    let order = wanted.order;
    let (page, totals) =
        who.read(move |conn| Ok((InvoiceLine::page(conn, &wanted)?, InvoiceLine::totals(conn, &wanted)?))).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/invoices/{}", row.id)),
            Value::text(row.buyer.clone()),
            Value::date(language, row.issue_date),
            row.due_date.map_or_else(|| Value::text("–"), |due| Value::date(language, due)),
            Value::money(&row.currency, row.payable_minor),
            Value::state(language, shown_state(row)),
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
    let megabytes = |bytes: usize| (bytes / 1024 / 1024).to_string();
    let limits =
        [("files", MOST_FILES.to_string()), ("megabytes", megabytes(LARGEST_FILE)), ("together", megabytes(LARGEST_FORM))];
    let (needed, others) = formats::csv::invoice_columns();
    let columns = [("needed", needed.join(", ")), ("others", others.join(", ")), ("most", MOST_ROWS.to_string())];
    let field = Field::new("files", who.t("upload-files"), "files").hint(who.language().fill("upload-limits", &limits));
    Page::new(who.t("upload-title"))
        .trail(who.t("invoices-title"), "/invoices")
        .with(Block::Paragraph(who.t("upload-lead")))
        .form(Form::new("/invoices/upload", who.t("upload-submit"), vec![field]))
        .with(Block::Heading(who.t("upload-table")))
        .with(Block::Paragraph(who.language().fill("upload-table-lead", &columns)))
        .with(Block::Links(vec![
            (who.t("upload-template"), "/invoices/template".to_owned()),
            (who.t("typed-title"), "/invoices/new".to_owned()),
        ]))
}

/// The heading of the table, to be filled in.
async fn template(_who: Who<SupplierViewer>) -> Answer {
    let (needed, others) = formats::csv::invoice_columns();
    Ok(csv_file("invoices", format!("{}\r\n", [needed, others].concat().join(","))))
}

async fn upload(who: Who<SupplierMaker>) -> Answer {
    let page = upload_page(&who);
    who.app.page(&who.viewer, page).await
}

/// The result for one invoice.
pub type Registered = Result<Outcome, Fault>;

/// The answer to one invoice: its name for people, its place if it is a row of a table, and its result.
pub struct Answered {
    pub name: String,
    /// Line and column; no column where the row is good or no single cell is wrong.
    pub row: Option<(u32, &'static str)>,
    pub outcome: Registered,
}

impl Answered {
    /// Whether it stands for faults that are not listed one by one.
    fn is_rest(&self) -> bool {
        matches!(&self.outcome, Err(Fault::Unreadable(fault)) if fault.code == FileFault::MORE)
    }

    /// How many answers it stands for.
    fn count(&self) -> usize {
        if let Err(Fault::Unreadable(fault)) = &self.outcome { fault.count() } else { 1 }
    }

    /// Line and column of what is wrong, as far as they are known.
    #[must_use]
    pub fn place(&self, fault: &Fault) -> (Option<u32>, Option<String>) {
        if let Some((line, column)) = self.row {
            return (Some(line), Some(column.to_owned()));
        }
        let Fault::Unreadable(unread) = fault else { return (None, None) };
        let named = |wanted: &str| unread.arguments.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        (named("line").and_then(|line| line.parse().ok()), named("column"))
    }

    /// Line, column, code and sentence, for the file of all faults.
    fn cells(&self, language: Language, fault: &Fault) -> [String; 4] {
        let (line, column) = self.place(fault);
        [
            line.map(|line| line.to_string()).unwrap_or_default(),
            column.unwrap_or_default(),
            fault.code(),
            fault.sentence(language),
        ]
    }

    /// Why it was not taken, with its place where it has one.
    #[must_use]
    pub fn sentence(&self, language: Language, fault: &Fault) -> String {
        let sentence = fault.sentence(language);
        let Some((line, column)) = self.row else { return sentence };
        let column = if column.is_empty() { "–" } else { column };
        let places = [("line", line.to_string()), ("column", column.to_owned()), ("sentence", sentence)];
        language.fill("upload-row", &places)
    }
}

/// All invoices of one uploaded file, each read and registered on its own; a table whole or not at all.
pub async fn register<R: SignedIn>(who: &Who<R>, key: &str, file: UploadedFile) -> Result<Vec<Answered>, Fault> {
    if file.too_large {
        return Ok(vec![too_large(file.name)]);
    }
    let mut findings = who.app.reader.invoices(who.party_id()?, vec![Upload { name: file.name, content: file.content }]).await?;
    let found = findings.files.pop().unwrap_or_default();
    register_found(who, key, (found, &findings.kept), &mut { MOST_FAULTS }).await
}

fn too_large(name: String) -> Answered {
    Answered { name, row: None, outcome: Err(Refusal::FileTooLarge.into()) }
}

/// Registers the invoices found in one file. `most` is the number of refused rows that may still be listed.
async fn register_found<R: SignedIn>(
    who: &Who<R>,
    key: &str,
    (found, kept): (Vec<Found>, &Arc<Share>),
    most: &mut usize,
) -> Result<Vec<Answered>, Fault> {
    let mut results = Vec::with_capacity(found.len());
    for (index, found) in found.into_iter().enumerate() {
        // The first has the file's own key, so that a file with one invoice is what it always was.
        let key = if index == 0 { key.to_owned() } else { format!("{key}-{index}") };
        let (name, content) = (found.name, found.content);
        let outcome = match found.held {
            Err(fault) if fault.code == FileFault::BUSY => Err(Fault::Busy),
            Err(fault) => Err(Fault::Unreadable(fault)),
            Ok(Held::Table(rows)) => {
                results.extend(register_table(who, &key, name, (content, rows, kept), most).await?);
                continue;
            }
            Ok(Held::Invoice(invoice, warnings)) => {
                let (file_name, sha256) = (name.clone(), sha256_hex(&content));
                who.submit(&key, RegisterInvoice { file_name, sha256, content, parsed: invoice, warnings }).await
            }
        };
        if let Err(fault @ Fault::Failed(_)) = outcome {
            return Err(fault);
        }
        results.push(Answered { name, row: None, outcome });
    }
    Ok(results)
}

/// A table: all that is wrong with its rows is asked for first, on the reading side; then it is taken whole.
async fn register_table<R: SignedIn>(
    who: &Who<R>,
    key: &str,
    name: String,
    (content, rows, kept): (Vec<u8>, Vec<CsvInvoice>, &Arc<Share>),
    most: &mut usize,
) -> Result<Vec<Answered>, Fault> {
    let (sha256, supplier_id) = (sha256_hex(&content), who.party_id()?);
    // The rows are held for as long as they are looked through, whether or not the caller stays.
    let (hash, held) = (sha256.clone(), Arc::clone(kept));
    let (rows, faults) = who
        .read(move |conn| {
            let _held = held;
            // A file that was loaded before, by an earlier sending of this request or by another, is left to the command.
            if store::invoices::find_registered(conn, supplier_id, &hash)?.is_some() {
                return Ok((rows, Vec::new()));
            }
            let supplier = Party::load(conn, supplier_id)?;
            let today = store::records::load_heads(conn)?.business_date;
            let mut known = Known::load(conn, &supplier, &rows)?;
            let faults = examine_all(&mut known, &supplier, today, &hash, &rows)?.err().unwrap_or_default();
            Ok((rows, faults))
        })
        .await?;
    if !faults.is_empty() {
        let answer = |(line, refusal): (u32, Refusal)| Answered {
            name: name.clone(),
            row: Some((line, column_of(&refusal))),
            outcome: Err(refusal.into()),
        };
        let more = faults.len().saturating_sub(*most);
        let mut told: Vec<Answered> = faults.into_iter().take(*most).map(answer).collect();
        *most = most.saturating_sub(told.len());
        if more > 0 {
            told.push(Answered { name, row: None, outcome: Err(Fault::Unreadable(FileFault::more(more))) });
        }
        return Ok(told);
    }
    let mut outcome = match who.submit(key, RegisterTable { file_name: name.clone(), sha256, content, rows }).await {
        Ok(outcome) => outcome,
        Err(fault @ Fault::Failed(_)) => return Err(fault),
        Err(fault) => return Ok(vec![Answered { name, row: None, outcome: Err(fault) }]),
    };
    let taken = outcome.body.get_mut("rows").and_then(Json::as_array_mut).map(std::mem::take).unwrap_or_default();
    if taken.is_empty() {
        return Ok(vec![Answered { name, row: None, outcome: Ok(outcome) }]);
    }
    let answer = |body: Json| {
        let line = body.get("line").and_then(Json::as_u64).and_then(|line| u32::try_from(line).ok()).unwrap_or(0);
        Answered { name: format!("{name}:{line}"), row: None, outcome: Ok(Outcome { body, ..outcome.clone() }) }
    };
    Ok(taken.into_iter().map(answer).collect())
}

/// The message about an accepted file: a draft, an invoice that a person must look at first, or a credit note. It also names the
/// rules that the file breaks without being wrong.
fn accepted(language: Language, outcome: &Outcome) -> (Tone, String) {
    let number = ("number", outcome.text("number"));
    let late = outcome.body.get("late").and_then(Json::as_bool);
    let together = outcome.body.get("together").and_then(Json::as_bool) == Some(true);
    let (tone, mut text) = match (late, outcome.text("review").as_str()) {
        (Some(_), _) if together => {
            let places = [number, ("invoices", outcome.text("credited_invoice"))];
            (Tone::Waiting, language.fill("upload-credit-together", &places))
        }
        (Some(late), _) => {
            let key = if late { "upload-credit-late" } else { "upload-credit" };
            let places = [number, ("invoice", outcome.text("credited_invoice"))];
            (if late { Tone::Waiting } else { Tone::Done }, language.fill(key, &places))
        }
        (None, "open") => (Tone::Waiting, language.fill("upload-held", &[number])),
        (None, _) => (Tone::Done, language.fill("upload-accepted", &[number])),
    };
    for (rule, _) in outcome.text("warnings").split_whitespace().filter_map(|found| found.split_once(':')) {
        let sentence = language.t(&format!("rule-{}", rule.to_lowercase()));
        text.push(' ');
        text.push_str(&language.fill("upload-warning", &[("rule", rule.to_owned()), ("sentence", sentence)]));
    }
    (tone, text)
}

/// The line of the upload's page about one invoice, and its link.
fn result_line(who: &Who<SupplierMaker>, answered: Answered) -> Result<(Tone, String, String, String), Fault> {
    let language = who.language();
    Ok(match &answered.outcome {
        Ok(outcome) if outcome.body.get("loaded_before").and_then(Json::as_bool) == Some(true) => {
            (Tone::Waiting, answered.name, who.t("upload-loaded-before"), String::new())
        }
        Ok(outcome) => {
            let (tone, text) = accepted(language, outcome);
            (tone, answered.name, text, format!("/invoices/{}", outcome.number::<InvoiceId>("invoice_id")))
        }
        Err(fault @ (Fault::Refused(_) | Fault::Unreadable(_) | Fault::Busy | Fault::Unknown)) => {
            let sentence = answered.sentence(language, fault);
            (Tone::Attention, answered.name, sentence, String::new())
        }
        Err(fault) => return Err(fault.clone()),
    })
}

async fn upload_post(who: Who<SupplierMaker>, uploaded: Uploaded) -> Answer {
    let language = who.language();
    if uploaded.files.is_empty() {
        let missing = Fault::Refused(Refusal::FieldMissing { field: "files".to_owned() });
        return again(&who, upload_page(&who), &uploaded.posted, missing, "").await;
    }
    let base = uploaded.posted.key();
    let (mut results, mut downloads) = (Vec::with_capacity(uploaded.files.len()), Vec::new());
    let (mut good, mut all, mut most) = (0_usize, 0_usize, MOST_FAULTS);
    let files: Vec<(String, bool)> = uploaded.files.iter().map(|file| (file.name.clone(), file.too_large)).collect();
    let readable = uploaded.files.into_iter().filter(|file| !file.too_large);
    let readable = readable.map(|file| Upload { name: file.name, content: file.content }).collect();
    // One child reads them all, before the first is registered.
    let mut findings = who.app.reader.invoices(who.party_id()?, readable).await?;
    let mut read = std::mem::take(&mut findings.files).into_iter();
    for (index, (name, large)) in files.into_iter().enumerate() {
        let answered = if large {
            vec![too_large(name.clone())]
        } else {
            {
                let found = (read.next().unwrap_or_default(), &findings.kept);
                register_found(&who, &format!("{base}-{index}"), found, &mut most).await?
            }
        };
        all = answered.iter().map(Answered::count).fold(all, usize::saturating_add);
        let many = answered.len() > MOST_FAULTS_SHOWN;
        let (mut shown, mut left, mut wrong) = (0_usize, [0_i64; 2], Vec::new());
        let mut rests = Vec::new();
        for answered in answered {
            let taken = answered.outcome.is_ok();
            let rest = answered.is_rest();
            if let Err(fault) = &answered.outcome {
                wrong.push(answered.cells(language, fault));
            }
            let line = result_line(&who, answered)?;
            // A table that was loaded before leads nowhere: nothing was taken.
            good = good.saturating_add(usize::from(taken && !line.3.is_empty()));
            // Of many rows the page lists those on which a person has to act.
            if rest {
                rests.push(line);
            } else if shown >= MOST_FAULTS_SHOWN || (many && line.0 == Tone::Done) {
                let [good_left, wrong_left] = &mut left;
                let count = if taken { good_left } else { wrong_left };
                *count = count.saturating_add(1);
            } else {
                shown = shown.saturating_add(1);
                results.push(line);
            }
        }
        let [taken, faulty] = left;
        let more = |key: &str, count: i64| language.fill(key, &[("count", count.to_string())]);
        if taken > 0 {
            results.push((Tone::Done, name.clone(), more("upload-more-taken", taken), "/invoices?state=draft".to_owned()));
        }
        if faulty > 0 {
            results.push((Tone::Attention, name.clone(), more("upload-more-wrong", faulty), String::new()));
        }
        // The number of those that no line names stands at the end.
        results.append(&mut rests);
        if wrong.len() > MOST_FAULTS_SHOWN {
            downloads.push(faults_file(language, &name, wrong.into_iter()));
        }
    }
    let uploaded = results.iter().filter_map(|(.., href)| href.rsplit('/').next()?.parse::<InvoiceId>().ok()).collect();
    let eligibility = eligibility_of(&who, uploaded).await?;
    for (_, _, text, href) in &mut results {
        let id = href.rsplit('/').next().and_then(|id| id.parse::<InvoiceId>().ok());
        if let Some(sentence) = id.and_then(|id| eligibility.get(&id)) {
            text.push(' ');
            text.push_str(sentence);
        }
    }
    let counts = [("good", good.to_string()), ("all", all.to_string())];
    let mut page = Page::new(language.fill("upload-result", &counts))
        .trail(who.t("invoices-title"), "/invoices")
        .with(Block::Results(results));
    page.blocks.extend(downloads);
    page.push(Block::Links(vec![
        (who.t("upload-to-drafts"), "/invoices?state=draft".to_owned()),
        (who.t("upload-more"), "/invoices/upload".to_owned()),
    ]));
    who.app.page(&who.viewer, page).await
}

/// The facts of an invoice, for supplier and buyer alike.
#[must_use]
pub fn invoice_facts(language: Language, row: &InvoiceLine) -> Vec<(String, Value)> {
    let money = |minor| Value::money(&row.currency, minor);
    let kind = domain::invoice::document_kind(&row.type_code).map(domain::invoice::DocumentKind::name).unwrap_or("invoice");
    let mut owed = vec![(language.t("col-payable"), money(row.payable_minor))];
    // How the total leads to what is owed, where there is more to it.
    let steps = [("invoice-prepaid", row.prepaid_minor.saturating_neg()), ("invoice-rounding", row.rounding_minor)];
    owed.extend(steps.iter().filter(|(_, minor)| *minor != 0).map(|(key, minor)| (language.t(key), money(*minor))));
    if row.credited_minor > 0 {
        owed.push((language.t("invoice-credited"), money(row.credited_minor.saturating_neg())));
        owed.push((language.t("invoice-owed"), money(domain::invoice::owed_minor(row.payable_minor, row.credited_minor))));
    }
    let mut facts = vec![(language.t("col-state"), Value::state(language, &row.state))];
    facts.extend(owed);
    facts.extend([
        (language.t("col-total"), money(row.total_minor)),
        (language.t("col-supplier"), Value::text(row.supplier.clone())),
        (language.t("col-buyer"), Value::text(row.buyer.clone())),
        (language.t("col-issued"), Value::date(language, row.issue_date)),
        (language.t("col-due"), row.due_date.map_or_else(|| Value::text("–"), |due| Value::date(language, due))),
        (
            language.t("field-type-code"),
            Value::text(format!("{} · {}", row.type_code, language.t(&format!("kind-{}", kind.replace('_', "-"))))),
        ),
        (language.t("invoice-format"), Value::text(language.t(&format!("format-{}", row.format)))),
    ]);
    if !row.replaces.is_empty() {
        let day = row.replaces_issued.map(|day| format!(" · {}", language.date(day))).unwrap_or_default();
        facts.push((language.t("invoice-replaces"), Value::text(format!("{}{day}", row.replaces))));
    }
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

/// The credit notes on an invoice, for supplier and buyer alike.
pub fn credit_table(language: Language, credits: &[CreditNote]) -> Option<Block> {
    if credits.is_empty() {
        return None;
    }
    let rows = credits.iter().map(|credit| {
        vec![
            Value::link(credit.number.clone(), format!("/documents/{}", credit.document)),
            Value::date(language, credit.issue_date),
            Value::money(&credit.currency, credit.amount_minor),
            Value::text(language.t(&format!("credit-{}", credit.state))),
        ]
    });
    let heads = [("col-number", false), ("col-issued", false), ("col-amount", true), ("credit-effect", false)];
    Some(Block::Table(Box::new(plain_table(language, "credit-notes", &heads, rows.collect(), "list-no-match"))))
}

/// The rules that the file breaks without being wrong, each by its code.
pub fn warning_table(language: Language, warnings: &str) -> Option<Block> {
    if warnings.is_empty() {
        return None;
    }
    let rows = warnings.split_whitespace().filter_map(|found| found.split_once(':')).map(|(rule, line)| {
        let line = if line == "0" { "–" } else { line };
        vec![Value::code(rule), Value::text(language.t(&format!("rule-{}", rule.to_lowercase()))), Value::text(line)]
    });
    let heads = [("warning-rule", false), ("warning-says", false), ("warning-line", true)];
    Some(Block::Table(Box::new(plain_table(language, "warnings-title", &heads, rows.collect(), "list-no-match"))))
}

/// The supplier's view of a review: that it is open and why, and its result. Another company's invoice stays confidential: the
/// page shows neither its number nor the facts that both invoices share.
fn review_blocks(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Vec<Block>, Fault> {
    let (language, row) = (who.language(), &loaded.row);
    let mut found = Vec::new();
    for review in &loaded.reviews {
        let foreign = review.other_supplier_id != 0 && review.other_supplier_id != row.supplier_id;
        let why = if foreign {
            who.t("review-hidden")
        } else {
            super::reviews::reasons(language, &review.rules, &review.other_number).join(" ")
        };
        let mut facts = vec![
            (who.t("review-standing"), Value::state(language, &format!("review_{}", review.state))),
            (who.t("review-why"), Value::text(why)),
        ];
        if review.other_id > 0 && !foreign {
            facts.push((
                who.t("review-other"),
                Value::link(review.other_number.clone(), format!("/invoices/{}", review.other_id)),
            ));
        }
        if !review.statement.is_empty() {
            facts.push((who.t("review-statement"), Value::text(review.statement.clone())));
        }
        if !review.reason.is_empty() {
            facts.push((who.t("field-reason"), Value::text(review.reason.clone())));
        }
        found.push(Block::Facts(facts));
    }
    if !found.is_empty() {
        found.insert(0, Block::Heading(who.t("review-heading")));
    }
    if row.review == "open" {
        found.insert(1, Block::Notice(Tone::Waiting, who.t("review-supplier-open")));
        if who.person()?.has_role(Role::Maker) {
            let statement = Field::new("statement", who.t("review-statement"), "area").hint(who.t("review-statement-hint"));
            let form = Form::new(format!("/invoices/{}/explain", row.id), who.t("review-explain"), vec![statement]).secondary();
            found.push(Block::Form(Box::new(form)));
        }
    }
    Ok(found)
}

struct Loaded {
    row: InvoiceLine,
    events: Vec<AuditLine>,
    document: Shown,
    thread: Thread,
    reviews: Vec<ReviewLine>,
    credits: Vec<CreditNote>,
    evidence: Vec<Evidence>,
    /// Whether the buyer answers by one-time link.
    linked: bool,
    /// How it stands to the programme that the supplier is in, while it can still be confirmed.
    standing: Option<Standing>,
}

/// The standing of an unconfirmed invoice in its supplier's programme with its buyer.
fn standing_of(conn: &mut store::Conn, row: &InvoiceLine) -> Result<Option<Standing>, Fault> {
    if !["draft", "presented", "disputed", "expired"].contains(&row.state.as_str()) {
        return Ok(None);
    }
    let today = store::records::load_heads(conn)?.business_date;
    let subject = Subject {
        supplier_id: PartyId(row.supplier_id),
        buyer_id: PartyId(row.buyer_id),
        currency: &row.currency,
        issue_date: row.issue_date,
        due_date: row.due_date,
    };
    Ok(programmes::standing(conn, &subject, today)?)
}

/// The same in words, for invoices that have just been uploaded.
async fn eligibility_of(who: &Who<SupplierMaker>, ids: Vec<InvoiceId>) -> Result<HashMap<InvoiceId, String>, Fault> {
    let language = who.language();
    who.read(move |conn| {
        let mut found = HashMap::new();
        let today = store::records::load_heads(conn)?.business_date;
        for id in ids {
            let Some(row) = InvoiceLine::find(conn, id.0)? else { continue };
            let too_close = |due| matches!(check_due_date(due, today), Err(Refusal::DueDateTooClose { .. }));
            if let Some(due) = row.due_date.filter(|due| too_close(*due)) {
                // The buyer is not asked about it any more, whatever a programme says.
                found.insert(id, language.fill("upload-past-due", &[("date", language.date(due))]));
                continue;
            }
            let standing = standing_of(conn, &row)?;
            found.extend(standing.map(|standing| (id, standing_sentence(language, &standing).1)));
        }
        Ok(found)
    })
    .await
}

async fn load(who: &Who<impl SignedIn>, id: InvoiceId) -> Result<Loaded, Fault> {
    let party_id = who.party_id()?;
    let mut loaded = who
        .read(move |conn| {
            let found = InvoiceLine::find(conn, id.0)?.filter(|row| PartyId(row.supplier_id) == party_id);
            let row = found.ok_or(Refusal::NotFound)?;
            let events = history(conn, &row)?;
            let thread = thread::load(conn, &row)?;
            let reviews = ReviewLine::page(conn, &ListQuery::newest(50).with("invoice_id = ?", vec![id.into()]))?.rows;
            let credits = store::invoices::list_credit_notes(conn, id)?;
            let evidence = store::invoices::list_evidence(conn, id)?;
            let linked = store::confirmations::find_active_contact(conn, PartyId(row.buyer_id))?.is_some();
            let document = Shown::Nothing;
            let standing = standing_of(conn, &row)?;
            Ok(Loaded { row, events, document, thread, reviews, credits, evidence, linked, standing })
        })
        .await?;
    loaded.document =
        who.app.open_stored(party_id, Owner::Company(party_id), &loaded.row.document, loaded.row.number.clone()).await?;
    Ok(loaded)
}

fn can_withdraw(row: &InvoiceLine) -> bool {
    ["draft", "presented", "disputed", "rejected", "expired"].contains(&row.state.as_str())
}

fn invoice_page(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, person, row) = (who.language(), who.person()?, &loaded.row);
    let mut fields = vec![Block::Heading(who.t("document-fields")), Block::Facts(invoice_facts(language, row))];
    fields.extend(review_blocks(who, loaded)?);
    fields.extend(credit_table(language, &loaded.credits));
    fields.extend(warning_table(language, &row.warnings));
    fields.extend(evidence::table(language, &loaded.evidence));
    fields.extend(standing_block(language, loaded.standing.as_ref()));
    if person.has_role(Role::Maker) {
        if ["draft", "expired"].contains(&row.state.as_str()) && row.review != "open" {
            let due = Field::new("due_date", who.t("col-due"), "date").hint(who.t("invoice-due-hint")).optional();
            let asked = if row.due_date.is_none() { vec![due] } else { vec![] };
            fields.push(Block::Paragraph(who.t("invoice-submit-lead")));
            let form = Form::new(format!("/invoices/{}/submit", row.id), who.t("invoice-submit"), asked);
            fields.push(Block::Form(Box::new(form)));
        }
        if !["withdrawn", "rejected"].contains(&row.state.as_str()) {
            fields.push(evidence::form(language, InvoiceId(row.id)));
        }
        let answerable = InvoiceState::parse(&row.state).is_some_and(|state| !acts_in(state).is_empty());
        if loaded.linked && row.review != "open" && answerable {
            fields.push(Block::Paragraph(who.t("link-lead")));
            let form = Form::new(format!("/invoices/{}/link", row.id), who.t("link-send"), vec![]).secondary();
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
    let writes = person.has_role(Role::Maker) && row.presented;
    let mut page = Page::new(language.fill("invoice-title", &[("number", row.number.clone())]))
        .trail(who.t("invoices-title"), "/invoices")
        .with(Block::Beside(fields, shown_document::blocks(language, &loaded.document, &row.document)));
    page.blocks.extend(thread::blocks(language, row, &loaded.thread, writes.then(|| format!("/invoices/{}/message", row.id))));
    Ok(page.with(Block::Timeline(who.t("timeline-title"), events)))
}

/// The expected events of an invoice: the last one first, as in every timeline.
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
        "presented" => &["timeline-payment", "timeline-decision"],
        "disputed" => &["timeline-decision"],
        "paid" | "withdrawn" | "rejected" | "expired" => &[],
        _ => &["timeline-payment"],
    };
    steps.iter().map(|step| event(step, row.due_date.filter(|_| *step == "timeline-payment"))).collect()
}

async fn invoice(who: Who<SupplierViewer>, id: Id) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    let page = invoice_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

async fn submit(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    let due_date = if posted.get("due_date").is_empty() { Ok(None) } else { posted.date("due_date").map(Some) };
    let submitted = match due_date {
        Ok(due_date) => who.submit(&posted.key(), SubmitInvoice { invoice_id: InvoiceId(id.0), due_date }).await,
        Err(fault) => Err(fault),
    };
    match submitted {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, invoice_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await,
    }
}

async fn message(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    let command = WriteMessage { invoice_id: InvoiceId(id.0), text: posted.get("text").to_owned() };
    super::submit_or_again(&who, &posted, command, invoice_page(&who, &loaded)?, &loaded.row.currency).await
}

/// The page of this company's invoice, and its currency.
pub async fn page_of(who: &Who<SupplierMaker>, id: InvoiceId) -> Result<(Page, String), Fault> {
    let loaded = load(who, id).await?;
    Ok((invoice_page(who, &loaded)?, loaded.row.currency))
}

async fn explain(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    let command = ExplainInvoice { invoice_id: InvoiceId(id.0), statement: posted.get("statement").to_owned() };
    submit_or_again(&who, &posted, command, invoice_page(&who, &loaded)?, &loaded.row.currency).await
}

async fn withdraw_check(who: Who<SupplierMaker>, id: Id) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    let row = &loaded.row;
    if let Err(fault) = who.try_out(&WithdrawInvoice { invoice_id: InvoiceId(id.0) }.into()).await {
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

/// The buyer's contact gets its link once more.
async fn send_link(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    let page = invoice_page(&who, &loaded)?;
    submit_or_again(&who, &posted, SendLink { invoice_id: InvoiceId(id.0) }, page, &loaded.row.currency).await
}

async fn withdraw(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    match who.submit(&posted.key(), WithdrawInvoice { invoice_id: InvoiceId(id.0) }).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, invoice_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await,
    }
}

/// A stored file, for its parties: its uploader, the invoice's supplier and buyer, past and present holders, and the operator.
/// Financiers get it while it is on offer, and the audit then records the access. Always a download, never shown inside the site.
async fn document(who: Who<Member>, hash: Token) -> Answer {
    let person = who.person()?.clone();
    let sha256 = hash.0.clone();
    let (document, numbers, offer) = who
        .read(move |conn| {
            let document = store::records::find_document_head(conn, &sha256)?.ok_or(Refusal::NotFound)?;
            let party = person.party.id;
            let concerned = store::invoices::is_concerned(conn, &sha256, party)?;
            let (own, operator) = (document.party_id == party, person.has_capacity(domain::party::Capacity::Operator));
            let offer = if own || operator || concerned { None } else { super::papers::offer_of_file(conn, &person, &sha256)? };
            if !own && !operator && !concerned && offer.is_none() {
                return Err(Refusal::NotFound.into());
            }
            let numbers = match (own || document.media_type != "text/csv", operator) {
                (true, _) => None,
                (false, true) => Some(store::invoices::list_numbers(conn, &sha256)?),
                (false, false) if offer.is_some() => Some(store::invoices::list_offered_numbers(conn, &sha256, party)?),
                (false, false) => Some(store::invoices::list_concerning_numbers(conn, &sha256, party)?),
            };
            Ok((document, numbers, offer))
        })
        .await?;
    if let Some(offer) = offer {
        super::papers::record(&who, offer, &document.sha256).await?;
    }
    // A table that another company wrote: its rows go out one by one and disarmed. Rows that are invoices to others do not go out
    // at all. A table of payables has no rows of invoices; the operator gets it under a name that no spreadsheet opens.
    let Stored { mut content, share } = read_stored(&who.app, Owner::Company(who.party_id()?), &document.sha256).await?;
    let mut text = "";
    if numbers.as_ref().is_some_and(Vec::is_empty) {
        text = ".txt";
    } else if let Some(numbers) = numbers {
        content = shown_document::own_rows(&who, who.party_id()?, content, numbers).await?.ok_or(Refusal::NotFound)?.into_bytes();
    }
    // Another company's name for its file stays confidential, even if it is the same file.
    let own = document.party_id == who.party_id()?;
    let extension = shown_document::extension(&document.media_type);
    let neutral = format!("{}.{extension}{text}", document.sha256.get(..12).unwrap_or("file"));
    Ok(Stored::carried_by(share, shown_document::download(if own { &document.name } else { &neutral }, content)))
}
