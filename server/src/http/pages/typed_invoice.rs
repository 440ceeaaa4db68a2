//! An invoice that a person types in because there is no file to read. It is kept as a table of one row and examined like every
//! other.

use super::super::error::Fault;
use super::super::rights::{SupplierMaker, Who};
use super::super::routes::{Posted, Routes};
use super::home::own_currencies;
use super::{Answer, again};
use crate::commands::invoices::register_invoice::RegisterInvoice;
use crate::commands::invoices::register_table::column_of;
use crate::hash::sha256_hex;
use domain::{Currency, Refusal};
use formats::csv::Table;
use kernel::InvoiceId;
use web::{Block, Field, Form, Page};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/invoices/new", typed);
    routes.post("/invoices/new", typed_post);
}

async fn page(who: &Who<SupplierMaker>) -> Result<Page, Fault> {
    let country = who.person()?.party.country.clone();
    let currencies = who.read(move |conn| Ok(own_currencies(conn, &country)?)).await?;
    let options = currencies.iter().map(|one| (one.code().to_owned(), one.code().to_owned())).collect();
    let fields = vec![
        Field::new("number", who.t("field-number"), "text"),
        Field::new("issue_date", who.t("col-issued"), "date"),
        Field::new("due_date", who.t("field-due-date"), "date").hint(who.t("typed-due-hint")).optional(),
        Field::new("buyer_tax_id", who.t("typed-buyer"), "text").hint(who.t("typed-buyer-hint")),
        Field::new("currency", who.t("col-currency"), "select").options(options),
        Field::new("total", who.t("typed-total"), "amount").hint(who.t("typed-total-hint")),
        Field::new("prepaid", who.t("invoice-prepaid"), "amount").optional(),
        Field::new("order_reference", who.t("field-order-reference"), "text").optional(),
    ];
    Ok(Page::new(who.t("typed-title"))
        .trail(who.t("invoices-title"), "/invoices")
        .with(Block::Paragraph(who.t("typed-lead")))
        .form(Form::new("/invoices/new", who.t("typed-submit"), fields)))
}

async fn typed(who: Who<SupplierMaker>) -> Answer {
    let page = page(&who).await?;
    who.app.page(&who.viewer, page).await
}

/// The typed form as a table of one row, and as the invoice.
fn read(posted: &Posted, seller_tax_id: &str) -> Result<RegisterInvoice, Fault> {
    let code = posted.get("currency");
    let known = Currency::parse(code).ok_or_else(|| Refusal::CurrencyUnknown { currency: code.to_owned() })?;
    let total_minor = posted.amount("total", code)?;
    let prepaid_minor = if posted.get("prepaid").trim().is_empty() { 0 } else { posted.amount("prepaid", code)? };
    let payable_minor = total_minor.checked_sub(prepaid_minor).ok_or(Refusal::PayableNotPositive)?;
    let issue_date = posted.date("issue_date")?.to_string();
    let due_date = if posted.get("due_date").trim().is_empty() { String::new() } else { posted.date("due_date")?.to_string() };
    let needed = |name: &str| {
        let text = posted.get(name).trim();
        if text.is_empty() { Err(Refusal::FieldMissing { field: name.to_owned() }) } else { Ok(text.to_owned()) }
    };
    let cells = [
        ("number", needed("number")?),
        ("issue_date", issue_date),
        ("due_date", due_date),
        ("currency", code.to_owned()),
        ("seller_tax_id", seller_tax_id.to_owned()),
        ("buyer_tax_id", needed("buyer_tax_id")?),
        ("total", known.decimal(total_minor)),
        ("prepaid", if prepaid_minor == 0 { String::new() } else { known.decimal(prepaid_minor) }),
        ("payable", known.decimal(payable_minor)),
        ("order_reference", posted.get("order_reference").trim().to_owned()),
    ];
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let heading = cells.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",");
    let row = cells.iter().map(|(_, text)| quoted(text)).collect::<Vec<_>>().join(",");
    let content = format!("{heading}\r\n{row}\r\n").into_bytes();
    let parsed = match formats::csv::read(&content)? {
        Table::Invoices(rows) => rows.into_iter().next().map(|row| row.invoice),
        Table::Faulty(faults) => {
            return Err(faults.told.into_iter().next().map_or_else(wrong_number, |fault| Fault::Unreadable(fault.into())));
        }
        Table::Payables(_) => None,
    };
    let parsed = parsed.ok_or_else(wrong_number)?;
    Ok(RegisterInvoice {
        file_name: "typed.csv".to_owned(),
        sha256: sha256_hex(&content),
        content,
        parsed: Box::new(parsed),
        warnings: String::new(),
    })
}

fn wrong_number() -> Fault {
    Refusal::FieldInvalid { field: "number".to_owned() }.into()
}

async fn typed_post(who: Who<SupplierMaker>, posted: Posted) -> Answer {
    let mut form = page(&who).await?;
    let seller = who.person()?.party.tax_id.clone();
    let registered = match read(&posted, &seller) {
        Ok(command) => who.submit(&posted.key(), command).await,
        Err(fault) => Err(fault),
    };
    // A fault of a check or of the table reader names its column, which is the field. The amount payable follows from the total.
    let (fault, field) = match registered {
        Ok(outcome) => return Ok(super::super::see_other(&format!("/invoices/{}", outcome.number::<InvoiceId>("invoice_id")))),
        Err(Fault::Unreadable(fault)) => {
            let named = fault.arguments.iter().find(|(name, _)| name == "column").map(|(_, column)| column.clone());
            (Fault::Unreadable(fault), named.unwrap_or_else(|| "number".to_owned()))
        }
        Err(Fault::Refused(refusal)) if !column_of(&refusal).is_empty() => {
            let column = column_of(&refusal);
            (Fault::Refused(refusal), if column == "payable" { "total" } else { column }.to_owned())
        }
        Err(fault) => return again(&who, form, &posted, fault, posted.get("currency")).await,
    };
    form.wrong_action = "/invoices/new".to_owned();
    form.refill(&posted.fields);
    let label = form.label_of(&field);
    let sentence = match &fault {
        Fault::Refused(refusal) => who.language().refusal_about(refusal, posted.get("currency"), label.as_deref()),
        fault => fault.sentence(who.language()),
    };
    form.errors.push((field, sentence));
    who.app.page_with(&who.viewer, form, fault.status()).await
}
