//! A bank's file from the upload over the check page to its result.

use super::super::answers::{Stored, read_stored};
use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Posted, Routes};
use super::super::shares::Owner;
use super::super::upload::Uploaded;
use super::listing::plain_table;
use super::{Answer, SignedIn, again, bank_request, receipt};
use crate::bank_check::{self, FileCheck, LineCheck, ReportCheck, ReportsCheck, StatementCheck, Sum};
use crate::commands::Command;
use crate::commands::bank::import_statement::ImportStatement;
use crate::commands::bank::import_status::ImportStatus;
use crate::commands::bank::keep_bank_file::KeepBankFile;
use crate::commands::bank::members::{RefusedMember, admit, admit_reports};
use crate::file_reader::{BankFileRead, FileReader};
use crate::hash::sha256_hex;
use crate::http::see_other;
use domain::Refusal;
use domain::bank_line::{BankFileKind, BankFileState, LineKind};
use domain::custody::CustodyState;
use domain::party::Role;
use formats::FormatFault;
use kernel::{BankFileId, RecordId};
use std::collections::BTreeMap;
use store::lists::{FateLine, StatementLine};
use store::records::Keyed;
use store::{BankFile, Conn};
use web::{Block, Field, Form, Language, Page, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/bank-files", bank_files);
    routes.post("/ops/bank-files", bank_files_post);
    routes.get("/ops/bank-files/{id}", bank_file);
    routes.post("/ops/bank-files/{id}", bank_file_import);
}

/// Lines that a check page shows one by one; those that people must look at come first.
const SHOWN: usize = 200;
/// Files that the upload page shows.
const NEWEST: i64 = 25;

async fn bank_files_page(who: &Who<impl SignedIn>) -> Result<Page, Fault> {
    let language = who.language();
    let (accounts, files) =
        who.read(|conn| Ok((store::custody::list(conn)?, store::bank::list_newest_files(conn, NEWEST)?))).await?;
    let taken = accounts.iter().filter(|row| row.state != CustodyState::Closed);
    let iban = taken.map(|row| row.iban.as_str()).collect::<Vec<_>>().join(&language.t("list-separator"));
    let rows = files.iter().map(|file| {
        vec![
            Value::link(file.name.clone(), format!("/ops/bank-files/{}", file.id)),
            Value::text(language.t(&format!("bank-file-{}", file.kind))),
            Value::moment(language, file.kept_at),
            Value::state(language, file.state.name()),
        ]
    });
    let heads = [("bank-files-file", false), ("col-what", false), ("col-when", false), ("col-state", false)];
    let mut page = Page::new(who.t("bank-files-title"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(language.fill("bank-files-lead", &[("iban", iban)])));
    if who.person()?.has_role(Role::Maker) {
        let field = Field::new("files", who.t("bank-files-file"), "file").hint(who.t("bank-files-limits"));
        page = page.form(Form::new("/ops/bank-files", who.t("page-to-check"), vec![field]));
    }
    Ok(page.table(plain_table(language, "bank-files-newest", &heads, rows.collect(), "bank-files-none")))
}

async fn bank_files(who: Who<OperatorViewer>) -> Answer {
    let page = bank_files_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

/// Reads a bank file of any kind into the command that imports it.
pub async fn read_bank_file<R: SignedIn>(who: &Who<R>, name: String, content: Vec<u8>) -> Result<Command, Fault> {
    let (read, content) = who.app.reader.bank_file(who.party_id()?, content).await?;
    Ok(command_of(read, name, content))
}

fn command_of(read: BankFileRead, name: String, content: Vec<u8>) -> Command {
    let sha256 = sha256_hex(&content);
    match read {
        BankFileRead::Statements(statements, members) => {
            ImportStatement { name, sha256, check: String::new(), content, statements, members }.into()
        }
        BankFileRead::Status(reports, members) => {
            ImportStatus { name, sha256, check: String::new(), content, reports, members }.into()
        }
    }
}

/// The same for a job, which may wait.
pub fn read_bank_file_blocking(reader: &FileReader, name: String, content: Vec<u8>) -> Result<Command, Fault> {
    let read = reader.bank_file_blocking(content.clone())?;
    Ok(command_of(read, name, content))
}

/// A bank's file of the other kind than the one that is asked for.
fn wrong_kind(read: &Command) -> Fault {
    let element = if matches!(read, Command::ImportStatus(_)) { "pain.002" } else { "camt.053" };
    FormatFault::WrongKind { element: element.to_owned() }.into()
}

/// Reads a bank's status report (pain.002).
pub async fn read_status<R: SignedIn>(who: &Who<R>, name: String, content: Vec<u8>) -> Result<ImportStatus, Fault> {
    match read_bank_file(who, name, content).await? {
        Command::ImportStatus(read) => Ok(read),
        other => Err(wrong_kind(&other)),
    }
}

/// Reads a bank's statement or notification (camt.053, camt.054). One that does not add up is refused.
pub async fn read_statement<R: SignedIn>(who: &Who<R>, name: String, content: Vec<u8>) -> Result<ImportStatement, Fault> {
    match read_bank_file(who, name, content).await? {
        Command::ImportStatement(read) => Ok(read),
        other => Err(wrong_kind(&other)),
    }
}

/// The command that keeps a file, once it is readable and ours.
fn keep(conn: &mut Conn, read: Command) -> Result<KeepBankFile, Fault> {
    match read {
        Command::ImportStatement(read) => {
            admit(conn, &read)??;
            let ImportStatement { name, sha256, content, .. } = read;
            Ok(KeepBankFile { name, sha256, kind: BankFileKind::Statement, content })
        }
        Command::ImportStatus(read) => {
            admit_reports(conn, &read)??;
            let ImportStatus { name, sha256, content, .. } = read;
            Ok(KeepBankFile { name, sha256, kind: BankFileKind::Status, content })
        }
        other => Err(wrong_kind(&other)),
    }
}

async fn bank_files_post(who: Who<OperatorMaker>, uploaded: Uploaded) -> Answer {
    let key = uploaded.posted.key();
    let command = match uploaded.files.into_iter().next() {
        None => Err(Refusal::FieldMissing { field: "files".to_owned() }.into()),
        Some(file) if file.too_large => Err(Refusal::FileTooLarge.into()),
        Some(file) => match read_bank_file(&who, file.name, file.content).await {
            Ok(read) => who.read(move |conn| keep(conn, read)).await,
            Err(fault) => Err(fault),
        },
    };
    let outcome = match command {
        Ok(command) => who.submit(&key, command).await,
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(outcome) => Ok(see_other(&format!("/ops/bank-files/{}", outcome.number::<BankFileId>("file_id")))),
        Err(fault) => again(&who, bank_files_page(&who).await?, &uploaded.posted, fault, "").await,
    }
}

/// A kept file, read again from what was kept.
pub async fn load_command(who: &Who<impl SignedIn>, file: &BankFile) -> Result<Command, Fault> {
    let Stored { content, share: _held } = read_stored(&who.app, Owner::Company(who.party_id()?), &file.sha256).await?;
    if content.is_empty() {
        return Err(Refusal::NotFound.into());
    }
    read_bank_file(who, file.name.clone(), content).await
}

/// The preview of a kept file, and its digest.
pub enum Checked {
    Statements(FileCheck),
    Statuses(ReportsCheck),
}

impl Checked {
    #[must_use]
    pub fn digest(&self) -> String {
        match self {
            Self::Statements(check) => check.digest.clone(),
            Self::Statuses(check) => check.digest.clone(),
        }
    }
}

/// Previews the effect of a file.
pub fn check(conn: &mut Conn, command: &Command) -> Result<Checked, Fault> {
    match command {
        Command::ImportStatement(read) => Ok(Checked::Statements(bank_check::file(conn, read)?)),
        Command::ImportStatus(read) => Ok(Checked::Statuses(bank_check::reports(conn, read)?)),
        _ => Err(Refusal::NotFound.into()),
    }
}

fn title(who: &Who<impl SignedIn>, file: &BankFile) -> Page {
    Page::new(who.language().fill("bank-file-title", &[("name", file.name.clone())]))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("bank-files-title"), "/ops/bank-files")
}

fn about(language: Language, file: &BankFile) -> Vec<(String, Value)> {
    vec![
        (language.t("col-state"), Value::state(language, file.state.name())),
        (language.t("col-what"), Value::text(language.t(&format!("bank-file-{}", file.kind)))),
        (language.t("bank-file-hash"), Value::link(file.sha256.clone(), format!("/documents/{}", file.sha256))),
    ]
}

async fn bank_file(who: Who<OperatorViewer>, id: Id) -> Answer {
    let page = bank_file_page(&who, id.0).await?;
    who.app.page(&who.viewer, page).await
}

async fn bank_file_page(who: &Who<impl SignedIn>, id: i64) -> Result<Page, Fault> {
    let file = who.read(move |conn| Ok(BankFile::find(conn, BankFileId(id))?.ok_or(Refusal::NotFound)?)).await?;
    match file.state {
        BankFileState::Kept => check_page_of(who, file).await,
        BankFileState::Importing | BankFileState::Imported => taken_up(who, file).await,
    }
}

/// The content of the file, the preview of each line, and the button that imports exactly this file.
async fn check_page_of(who: &Who<impl SignedIn>, file: BankFile) -> Result<Page, Fault> {
    let language = who.language();
    let (kept, command) = (file.id, load_command(who, &file).await?);
    let (checked, asked) = who
        .read(move |conn| {
            let asked = bank_request::open(conn, kept)?;
            match check(conn, &command) {
                Err(Fault::Refused(refusal)) => Ok((Err(refusal), asked)),
                checked => Ok((Ok(checked?), asked)),
            }
        })
        .await?;
    let mut page = title(who, &file).with(Block::Facts(about(language, &file)));
    let checked = match checked {
        Ok(checked) => checked,
        // The file can no longer be imported: another file has brought its statements.
        Err(refusal) => return Ok(page.with(Block::Notice(Tone::Stopped, language.refusal(&refusal, "")))),
    };
    if let Some((id, _)) = asked.filter(|(_, check)| *check == checked.digest()) {
        page = page
            .with(Block::Notice(Tone::Waiting, who.t("bank-file-asked")))
            .with(Block::Links(vec![(who.t("line-request-link"), format!("/approvals/{id}"))]));
    } else if who.person()?.has_role(Role::Maker) {
        let form = Form::new(format!("/ops/bank-files/{}", file.id), who.t("bank-files-submit"), vec![])
            .hidden("sha256", file.sha256.clone())
            .hidden("check", checked.digest());
        page = page.with(Block::Paragraph(who.t("bank-file-check-lead"))).form(form);
    }
    Ok(check_blocks(language, page, &checked))
}

/// Preview of a file: totals, fates and lines; for the person who asks and the person who agrees.
pub fn check_blocks(language: Language, mut page: Page, checked: &Checked) -> Page {
    match checked {
        Checked::Statements(check) => {
            page = refused_blocks(language, page, &check.refused);
            for statement in &check.statements {
                page = statement_blocks(language, page, statement);
            }
        }
        Checked::Statuses(check) => {
            page = refused_blocks(language, page, &check.refused);
            for report in &check.reports {
                page = report_blocks(language, page, report);
            }
        }
    }
    page
}

fn report_blocks(language: Language, page: Page, report: &ReportCheck) -> Page {
    let cells = report.rows.iter().map(|row| {
        vec![
            Value::code(row.about.clone()),
            Value::code(row.code.clone()),
            Value::code(row.reason.clone()),
            Value::state(language, row.effect.name()),
            row.frees.as_ref().map_or_else(|| Value::text("–"), |(currency, minor)| Value::money(currency, *minor)),
        ]
    });
    let heads = [
        ("status-about", false),
        ("status-code", false),
        ("status-reason", false),
        ("bank-file-effect", false),
        ("bank-file-frees", true),
    ];
    page.with(Block::Facts(vec![(language.t("bank-file-original"), Value::code(report.original.clone()))])).table(plain_table(
        language,
        "bank-file-statuses",
        &heads,
        cells.collect(),
        "bank-file-empty",
    ))
}

/// The members of a zip that are not imported, each with its reason.
fn refused_blocks(language: Language, page: Page, refused: &[RefusedMember]) -> Page {
    if refused.is_empty() {
        return page;
    }
    let rows = refused.iter().map(|member| vec![Value::code(member.name.clone()), Value::text(member.sentence(language))]);
    let heads = [("bank-files-file", false), ("bank-file-why", false)];
    page.with(Block::Notice(Tone::Attention, language.t("bank-file-refused-lead"))).table(plain_table(
        language,
        "bank-file-refused",
        &heads,
        rows.collect(),
        "bank-file-empty",
    ))
}

/// The members of a zip that the import refused.
fn refused_of(conn: &mut Conn, first: RecordId) -> Result<Vec<RefusedMember>, Fault> {
    let record = store::log::find_import(conn, first)?;
    let outcome: serde_json::Value = record.and_then(|row| serde_json::from_str(&row.outcome).ok()).unwrap_or_default();
    let refused = outcome.pointer("/body/refused").cloned();
    Ok(refused.and_then(|told| serde_json::from_value(told).ok()).unwrap_or_default())
}

fn statement_blocks(language: Language, page: Page, check: &StatementCheck) -> Page {
    let row = &check.row;
    let title = language.fill("bank-statement-title", &[("statement", row.statement.clone())]);
    let mut page = page.with(Block::Heading(title)).with(Block::Facts(statement_facts(language, row)));
    if row.continuity.is_broken() {
        page = page.with(Block::Notice(Tone::Attention, continuity_text(language, row)));
    }
    let sums = |sum: &Sum, currency: &str| [Value::number(sum.count), Value::money(currency, sum.minor)];
    let totals = check.totals.iter().map(|((direction, currency), sum)| {
        let [count, amount] = sums(sum, currency);
        vec![Value::text(language.t(&format!("direction-{direction}"))), count, amount]
    });
    let heads = [("col-direction", false), ("bank-file-lines", true), ("col-amount", true)];
    page = page.table(plain_table(language, "bank-file-totals", &heads, totals.collect(), "bank-file-empty"));
    let fates = check.fates.iter().map(|((fate, why, currency), sum)| {
        let [count, amount] = sums(sum, currency);
        vec![Value::text(fate_text(language, fate, why)), count, amount]
    });
    let heads = [("bank-file-effect", false), ("bank-file-lines", true), ("col-amount", true)];
    page = page.table(plain_table(language, "bank-file-fates", &heads, fates.collect(), "bank-file-empty"));
    let mut lines: Vec<&LineCheck> = check.lines.iter().collect();
    lines.sort_by_key(|line| ["attention", "suspense"].iter().position(|fate| *fate == line.fate).unwrap_or(2));
    let cells = lines.iter().take(SHOWN).map(|line| line_cells(language, line));
    let heads = [
        ("col-value-date", false),
        ("col-direction", false),
        ("col-amount", true),
        ("col-counterparty", false),
        ("field-reference", false),
        ("bank-file-effect", false),
        ("line-twin", false),
    ];
    page = page.table(plain_table(language, "bank-lines-title", &heads, cells.collect(), "bank-file-empty"));
    if lines.len() > SHOWN {
        let counts = [("shown", SHOWN.to_string()), ("count", lines.len().to_string())];
        page = page.with(Block::Paragraph(language.fill("bank-file-more", &counts)));
    }
    page
}

fn line_cells(language: Language, check: &LineCheck) -> Vec<Value> {
    let line = &check.line;
    let reference = if line.reference.is_empty() { &line.end_to_end } else { &line.reference };
    // An announcement may not say a day yet.
    let day = if check.why == LineKind::Pending { Value::text("–") } else { Value::date(language, line.value_date) };
    vec![
        day,
        Value::text(language.t(&format!("direction-{}", line.direction))),
        Value::money(&line.currency, line.amount_minor),
        Value::text(line.counterparty.clone()),
        Value::code(reference.clone()),
        Value::text(fate_text(language, check.fate, check.why.name())),
        check.twin.map_or_else(|| Value::text("–"), |id| Value::link(id.to_string(), format!("/ops/bank-lines/{id}"))),
    ]
}

/// The outcome of a line, with the reason where it is not obvious.
fn fate_text(language: Language, fate: &str, why: &str) -> String {
    // The money moves between two accounts of the platform and reaches no other party.
    if why == LineKind::OwnTransfer.name() {
        return super::bank::kind_text(language, why);
    }
    let happens = language.t(&format!("fate-{fate}"));
    if why.is_empty() { happens } else { format!("{happens} · {}", super::bank::kind_text(language, why)) }
}

/// A statement's own facts, on the check page and on its own.
pub fn statement_facts(language: Language, row: &store::Statement) -> Vec<(String, Value)> {
    let balance = |minor: Option<i64>| minor.map_or_else(|| Value::text("–"), |minor| Value::money(&row.currency, minor));
    let day = |date: Option<chrono::NaiveDate>| date.map_or_else(|| Value::text("–"), |date| Value::date(language, date));
    vec![
        (language.t("bank-file-message"), Value::code(row.message.clone())),
        (language.t("field-iban"), Value::code(row.iban.clone())),
        (language.t("col-currency"), Value::text(row.currency.clone())),
        (language.t("statement-from"), day(row.from_date)),
        (language.t("statement-to"), day(row.to_date)),
        (language.t("statement-opening"), balance(row.opening_minor)),
        (language.t("statement-closing"), balance(row.closing_minor)),
        (language.t("statement-continuity"), Value::text(continuity_text(language, row))),
    ]
}

pub fn continuity_text(language: Language, row: &store::Statement) -> String {
    let amount = language.money(&row.currency, row.gap_minor);
    language.fill(&format!("continuity-{}", row.continuity), &[("amount", amount), ("reason", row.reason.clone())])
}

/// The result of a file, or the progress of its import.
async fn taken_up(who: &Who<impl SignedIn>, file: BankFile) -> Result<Page, Fault> {
    let language = who.language();
    let id = file.id;
    let sha256 = file.sha256.clone();
    let (statements, fates, refused) = who
        .read(move |conn| {
            let statements = StatementLine::of_file(conn, id.0)?;
            let report = store::bank::find_status_report_by_hash(conn, &sha256)?.map(|row| row.id);
            let first = statements.iter().map(|row| RecordId(row.id)).min().or(report.map(RecordId::from));
            let refused = first.map(|first| refused_of(conn, first)).transpose()?;
            Ok((statements, FateLine::of_file(conn, id.0)?, refused.unwrap_or_default()))
        })
        .await?;
    let mut page = title(who, &file).with(Block::Facts(about(language, &file)));
    if file.state == BankFileState::Importing {
        let counts = [("done", file.lines_done.to_string()), ("count", file.lines.to_string())];
        page = page.with(Block::Notice(Tone::Waiting, language.fill("bank-file-running", &counts)));
    }
    page = refused_blocks(language, page, &refused);
    if file.kind == BankFileKind::Status {
        return Ok(page.with(Block::Links(vec![(who.t("statuses-title"), "/ops/bank-statuses".to_owned())])));
    }
    let cells = fates.iter().map(|row| {
        vec![Value::state(language, &row.state), Value::number(row.count), Value::money(&row.currency, row.sum_minor)]
    });
    let heads = [("col-state", false), ("bank-file-lines", true), ("col-amount", true)];
    page = page.table(plain_table(language, "bank-file-became", &heads, cells.collect(), "bank-file-empty"));
    let links = statements.iter().map(|row| {
        (language.fill("bank-statement-title", &[("statement", row.statement.clone())]), format!("/ops/statements/{}", row.id))
    });
    Ok(page.with(Block::Links(links.collect())))
}

async fn bank_file_import(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (hash, digest) = (posted.get("sha256").to_owned(), posted.get("check").to_owned());
    let (key, party_id) = (posted.key(), who.party_id()?);
    let sent = key.clone();
    let command = async {
        let file = who.read(move |conn| Ok(BankFile::find(conn, BankFileId(id.0))?.ok_or(Refusal::NotFound)?)).await?;
        if file.sha256 != hash {
            return Err(Refusal::CheckChanged.into());
        }
        let command = load_command(&who, &file).await?;
        who.read(move |conn| bank_request::bind(conn, (party_id, &sent), command, Some(&digest))).await
    };
    let outcome = match command.await {
        Ok(command) => who.submit(&key, command).await,
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, bank_file_page(&who, id.0).await?, &posted, fault, "").await,
    }
}

/// The check as JSON, for programs.
#[must_use]
pub fn check_json(sha256: &str, check: &FileCheck) -> serde_json::Value {
    let sums = |fates: &BTreeMap<(&'static str, &'static str, String), Sum>| {
        let row = |((fate, why, currency), sum): (&(&str, &str, String), &Sum)| serde_json::json!({ "fate": fate, "why": why, "currency": currency, "count": sum.count, "sum_minor": sum.minor });
        fates.iter().map(row).collect::<Vec<_>>()
    };
    let statements = check.statements.iter().map(|statement| {
        serde_json::json!({
            "message": statement.row.message, "statement": statement.row.statement, "iban": statement.row.iban, "currency": statement.row.currency,
            "from_date": statement.row.from_date, "to_date": statement.row.to_date, "opening_minor": statement.row.opening_minor,
            "closing_minor": statement.row.closing_minor, "continuity": statement.row.continuity, "gap_minor": statement.row.gap_minor,
            "lines": statement.lines.len(), "fates": sums(&statement.fates),
        })
    });
    serde_json::json!({
        "sha256": sha256, "check": check.digest, "statements": statements.collect::<Vec<_>>(), "refused": check.refused,
    })
}
