//! Money as the bank tells it: its files, the lines that wait for a place, and receipts without a file.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes, typed_amount, typed_date};
use super::super::upload::Uploaded;
use super::home::traded_currencies;
use super::listing::Listing;
use super::{Answer, Check, SignedIn, again, asking, check_page, receipt, submit_or_again};
use crate::commands::Command;
use crate::commands::assign_suspense::AssignSuspense;
use crate::commands::import_statement::ImportStatement;
use crate::commands::import_status::ImportStatus;
use crate::commands::record_receipt::RecordReceipt;
use crate::commands::return_suspense::ReturnSuspense;
use crate::hash::sha256_hex;
use domain::Refusal;
use domain::party::Role;
use formats::FormatFault;
use store::Party;
use store::lists::{self, BankLineRow};
use store::records::Record;
use web::{Block, Field, Form, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/bank-files", bank_files);
    routes.post("/ops/bank-files", bank_files_post);
    routes.get("/ops/bank-lines", bank_lines);
    routes.get("/ops/bank-lines/{id}", bank_line);
    routes.get("/ops/bank-lines/{id}/assign", bank_line_assign_check);
    routes.post("/ops/bank-lines/{id}/assign", bank_line_assign);
    routes.get("/ops/bank-lines/{id}/return", bank_line_return_check);
    routes.post("/ops/bank-lines/{id}/return", bank_line_return);
    routes.get("/ops/receipts", manual_receipt);
    routes.get("/ops/receipts/check", manual_receipt_check);
    routes.post("/ops/receipts", manual_receipt_post);
}

fn bank_files_page(who: &Who<impl SignedIn>, iban: &str) -> Page {
    let field = Field::new("files", who.t("bank-files-file"), "file").hint(who.t("bank-files-limits"));
    Page::new(who.t("bank-files-title"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.language().fill("bank-files-lead", &[("iban", iban.to_owned())])))
        .form(Form::new("/ops/bank-files", who.t("bank-files-submit"), vec![field]))
}

async fn custody_iban(who: &Who<impl SignedIn>) -> Result<String, Fault> {
    who.app.read(|conn| Ok(store::records::load_heads(conn)?.custody_iban)).await
}

async fn bank_files(who: Who<OperatorMaker>) -> Answer {
    let page = bank_files_page(&who, &custody_iban(&who).await?);
    who.app.page(&who.viewer, page).await
}

/// Reads a bank file, whichever kind it is, into the command that takes it up.
fn read_bank_file(name: String, content: Vec<u8>) -> Result<Command, Fault> {
    if matches!(formats::pain002::parse(&content), Err(FormatFault::WrongKind { .. })) {
        return Ok(read_statement(name, content)?.into());
    }
    Ok(read_status(name, content)?.into())
}

/// Reads a bank's status report (pain.002).
pub fn read_status(name: String, content: Vec<u8>) -> Result<ImportStatus, Fault> {
    let report = formats::pain002::parse(&content)?;
    Ok(ImportStatus { name, sha256: sha256_hex(&content), content, report })
}

/// Reads a bank's statement or notification (camt.053, camt.054).
pub fn read_statement(name: String, content: Vec<u8>) -> Result<ImportStatement, Fault> {
    let statements = formats::camt::parse(&content)?;
    if let Some(wrong) = statements.iter().find(|statement| !statement.reconciles()) {
        return Err(FormatFault::StatementBroken { statement: wrong.statement_id.clone() }.into());
    }
    Ok(ImportStatement { name, sha256: sha256_hex(&content), content, statements })
}

async fn bank_files_post(who: Who<OperatorMaker>, uploaded: Uploaded) -> Answer {
    let page = bank_files_page(&who, &custody_iban(&who).await?);
    let key = uploaded.posted.key();
    let command = match uploaded.files.into_iter().next() {
        None => Err(Refusal::FieldMissing { field: "files".to_owned() }.into()),
        Some(file) if file.too_large => Err(Refusal::FileTooLarge.into()),
        Some(file) => who.app.read(move |_| read_bank_file(file.name, file.content)).await,
    };
    let outcome = match command {
        Ok(command) => who.submit(&key, command).await,
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, page, &uploaded.posted, fault, "").await,
    }
}

async fn bank_lines(who: Who<OperatorViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-value-date", false, "value_date"),
        ("col-direction", false, "direction"),
        ("col-amount", true, "amount_minor"),
        ("col-counterparty", false, "counterparty"),
        ("field-reference", false, ""),
        ("col-state", false, ""),
        ("market-open", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[],
        states: &["suspense", "attention", "matched", "placed", "returned", "skipped"],
        heads,
        default: ("id", true),
        summed: "amount_minor",
    };
    let wanted = listing.query();
    let order = wanted.order;
    let (page, totals) =
        who.app.read(move |conn| Ok((BankLineRow::page(conn, &wanted)?, BankLineRow::totals(conn, &wanted)?))).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::date(language, row.value_date),
            Value::text(language.t(&format!("direction-{}", row.direction))),
            Value::money(&row.currency, row.amount_minor),
            Value::text(row.counterparty.clone()),
            Value::code(if row.reference.is_empty() { row.end_to_end.clone() } else { row.reference.clone() }),
            Value::state(language, &row.state),
            Value::link(language.fill("bank-line-open", &[("id", row.id.to_string())]), format!("/ops/bank-lines/{}", row.id)),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "value_date" => row.value_date.to_string(),
            "direction" => row.direction.clone(),
            "amount_minor" => row.amount_minor.to_string(),
            "counterparty" => row.counterparty.clone(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let table =
        listing.table(language.t("bank-lines-title"), rows.collect(), &totals, last, page.more, language.t("bank-lines-empty"));
    listing.send(&who, Page::new(language.t("bank-lines-title")).trail(who.t("nav-ops"), "/ops"), table).await
}

/// Why a line has no place of its own: the platform's own reasons in the reader's language, people's as they are.
fn line_note(language: web::Language, note: &str) -> String {
    match note {
        "reversal" | "pending" | "duplicate" | "surplus" | "return_first" | "unknown_debit" => {
            language.t(&format!("line-note-{}", note.replace('_', "-")))
        }
        other => other.to_owned(),
    }
}

async fn bank_line_page(who: &Who<impl SignedIn>, id: i64) -> Result<(Page, String), Fault> {
    let language = who.language();
    let row = who.app.read(move |conn| Ok(BankLineRow::find(conn, id)?.ok_or(Refusal::NotFound)?)).await?;
    let facts = vec![
        (who.t("col-state"), Value::state(language, &row.state)),
        (who.t("col-amount"), Value::money(&row.currency, row.amount_minor)),
        (who.t("col-direction"), Value::text(language.t(&format!("direction-{}", row.direction)))),
        (who.t("col-value-date"), Value::date(language, row.value_date)),
        (who.t("col-counterparty"), Value::text(row.counterparty.clone())),
        (who.t("field-iban"), Value::code(row.counterparty_iban.clone())),
        (who.t("field-reference"), Value::code(row.reference.clone())),
        (who.t("field-remittance"), Value::text(row.remittance.clone())),
        (who.t("field-note"), Value::text(line_note(language, &row.note))),
    ];
    let mut page = Page::new(language.fill("bank-line-open", &[("id", id.to_string())]))
        .trail(who.t("bank-lines-title"), "/ops/bank-lines")
        .with(Block::Facts(facts));
    if row.state == "suspense" && who.person()?.has_role(Role::Maker) {
        let reason = || Field::new("reason", who.t("field-reason"), "area");
        let reference = Field::new("reference", who.t("field-reference"), "text").hint(who.t("bank-line-reference-hint"));
        page = page
            .with(Block::Heading(who.t("bank-line-assign")))
            .form(asking(format!("/ops/bank-lines/{id}/assign"), who.t("page-to-check"), vec![reference, reason()]))
            .with(Block::Heading(who.t("bank-line-return")))
            .form(asking(format!("/ops/bank-lines/{id}/return"), who.t("page-to-check"), vec![reason()]).secondary());
    }
    Ok((page, row.currency))
}

async fn bank_line(who: Who<OperatorViewer>, id: Id) -> Answer {
    let (page, _) = bank_line_page(&who, id.0).await?;
    who.app.page(&who.viewer, page).await
}

/// The facts of a bank line, and the act that the check page offers for it.
async fn bank_line_check(
    who: &Who<OperatorMaker>,
    id: i64,
    act: &str,
    params: &Params,
    more: Vec<(String, Value)>,
) -> Result<Page, Fault> {
    let row = who.app.read(move |conn| Ok(BankLineRow::find(conn, id)?.ok_or(Refusal::NotFound)?)).await?;
    if row.state != "suspense" {
        return Err(Refusal::LineSettled.into());
    }
    crate::commands::required(params.get("reason"), "reason", 500)?;
    let mut facts = vec![
        (who.t("col-amount"), Value::money(&row.currency, row.amount_minor)),
        (who.t("col-counterparty"), Value::text(row.counterparty)),
        (who.t("field-iban"), Value::code(row.counterparty_iban)),
        (who.t("col-value-date"), Value::date(who.language(), row.value_date)),
    ];
    facts.extend(more);
    facts.push((who.t("field-reason"), Value::text(params.get("reason"))));
    let here = format!("/ops/bank-lines/{id}");
    let check = Check {
        title: who.t(&format!("bank-line-{act}")),
        lead: who.t(&format!("bank-line-{act}-lead")),
        facts,
        form: Form::new(format!("{here}/{act}"), who.t(&format!("bank-line-{act}-submit")), vec![])
            .hidden("reference", params.get("reference"))
            .hidden("reason", params.get("reason")),
        back: here.clone(),
    };
    let trail = [
        (who.t("bank-lines-title"), "/ops/bank-lines".to_owned()),
        (who.language().fill("bank-line-open", &[("id", id.to_string())]), here),
    ];
    Ok(check_page(who, &trail, check))
}

/// Whose money a reference says it is.
async fn payee(who: &Who<OperatorMaker>, reference: &str) -> Result<Vec<(String, Value)>, Fault> {
    let normal = domain::creditor_reference::validate(reference).ok_or(Refusal::ReferenceUnknown)?;
    let (shown, bind) = (normal.clone(), normal);
    let name = who
        .app
        .read(move |conn| {
            let binds = [bind.as_str().into()];
            if let Some(row) = store::Receivable::find_where(conn, "reference = ?", &binds)? {
                let line = lists::ReceivableLine::find(conn, row.id)?.ok_or(Refusal::NotFound)?;
                return Ok(Value::link(format!("{} · {}", line.number, line.buyer), format!("/receivables/{}", row.id)));
            }
            let party = Party::find_where(conn, "reference = ?", &binds)?.ok_or(Refusal::ReferenceUnknown)?;
            Ok(Value::link(party.name, format!("/ops/companies/{}", party.id)))
        })
        .await?;
    Ok(vec![(who.t("field-reference"), Value::code(shown)), (who.t("col-payee"), name)])
}

async fn bank_line_checked(who: &Who<OperatorMaker>, id: i64, params: Params, checked: Result<Page, Fault>) -> Answer {
    match checked {
        Ok(page) => who.app.page(&who.viewer, page).await,
        Err(fault) => {
            let (page, currency) = bank_line_page(who, id).await?;
            again(who, page, &Posted { fields: params.fields }, fault, &currency).await
        }
    }
}

async fn bank_line_assign_check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    let checked = match payee(&who, params.get("reference")).await {
        Ok(payee) => bank_line_check(&who, id.0, "assign", &params, payee).await,
        Err(fault) => Err(fault),
    };
    bank_line_checked(&who, id.0, params, checked).await
}

async fn bank_line_return_check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    let checked = bank_line_check(&who, id.0, "return", &params, Vec::new()).await;
    bank_line_checked(&who, id.0, params, checked).await
}

async fn bank_line_assign(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, currency) = bank_line_page(&who, id.0).await?;
    let command =
        AssignSuspense { line_id: id.0, reference: posted.get("reference").to_owned(), reason: posted.get("reason").to_owned() };
    submit_or_again(&who, &posted, command, page, &currency).await
}

async fn bank_line_return(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, currency) = bank_line_page(&who, id.0).await?;
    submit_or_again(&who, &posted, ReturnSuspense { line_id: id.0, reason: posted.get("reason").to_owned() }, page, &currency)
        .await
}

async fn manual_receipt_page(who: &Who<OperatorMaker>) -> Result<Page, Fault> {
    let currencies = who.app.read(|conn| Ok(traded_currencies(conn)?)).await?;
    let options = currencies.iter().map(|currency| (currency.code().to_owned(), currency.code().to_owned())).collect();
    let fields = vec![
        Field::new("currency", who.t("col-currency"), "select").options(options),
        Field::new("amount", who.t("col-amount"), "amount"),
        Field::new("value_date", who.t("col-value-date"), "date"),
        Field::new("reference", who.t("field-reference"), "text").hint(who.t("bank-line-reference-hint")),
        Field::new("reason", who.t("field-reason"), "area"),
    ];
    Ok(Page::new(who.t("manual-receipt-title"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.t("manual-receipt-lead")))
        .form(asking("/ops/receipts/check", who.t("page-to-check"), fields)))
}

async fn manual_receipt_check(who: Who<OperatorMaker>, params: Params) -> Answer {
    let (language, currency) = (who.language(), params.get("currency").to_owned());
    let checked = async {
        let amount_minor = typed_amount(params.get("amount"), "amount", &currency)?;
        if amount_minor <= 0 {
            return Err(Refusal::AmountInvalid { field: "amount".to_owned() }.into());
        }
        let value_date = typed_date(params.get("value_date"), "value_date")?;
        let mut facts = vec![
            (who.t("col-amount"), Value::money(&currency, amount_minor)),
            (who.t("col-value-date"), Value::date(language, value_date)),
        ];
        facts.extend(payee(&who, params.get("reference")).await?);
        crate::commands::required(params.get("reason"), "reason", 500)?;
        facts.push((who.t("field-reason"), Value::text(params.get("reason"))));
        Ok::<_, Fault>(facts)
    };
    let facts = match checked.await {
        Ok(facts) => facts,
        Err(fault) => {
            let page = manual_receipt_page(&who).await?;
            return again(&who, page, &Posted { fields: params.fields }, fault, &currency).await;
        }
    };
    let mut form = Form::new("/ops/receipts", who.t("manual-receipt-submit"), vec![]);
    for name in ["currency", "amount", "value_date", "reference", "reason"] {
        form = form.hidden(name, params.get(name));
    }
    let check = Check {
        title: who.t("manual-receipt-check"),
        lead: who.t("manual-receipt-check-lead"),
        facts,
        form,
        back: "/ops/receipts".to_owned(),
    };
    let page = check_page(&who, &[(who.t("manual-receipt-title"), "/ops/receipts".to_owned())], check);
    who.app.page(&who.viewer, page).await
}

async fn manual_receipt(who: Who<OperatorMaker>) -> Answer {
    let page = manual_receipt_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

async fn manual_receipt_post(who: Who<OperatorMaker>, posted: Posted) -> Answer {
    let page = manual_receipt_page(&who).await?;
    let currency = posted.get("currency").to_owned();
    let command = posted.amount("amount", &currency).and_then(|amount_minor| {
        let (reference, reason) = (posted.get("reference").to_owned(), posted.get("reason").to_owned());
        Ok(RecordReceipt { currency: currency.clone(), amount_minor, value_date: posted.date("value_date")?, reference, reason })
    });
    match command {
        Ok(command) => submit_or_again(&who, &posted, command, page, &currency).await,
        Err(fault) => again(&who, page, &posted, fault, &currency).await,
    }
}
