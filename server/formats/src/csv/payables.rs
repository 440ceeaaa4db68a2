//! The buyer's table of approved payables (reverse factoring): one row, one amount that the buyer will pay.

use super::cells::{Cells, Column, check_heading, has_all};
use super::table::{Grid, Row, Table};
use crate::FormatFault;
use chrono::NaiveDate;
use domain::Currency;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// An amount that a buyer says it will pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payable {
    /// The row of the table.
    pub line: u32,
    pub supplier_tax_id: String,
    pub supplier_name: String,
    /// The supplier's number of its invoice.
    pub invoice_number: String,
    pub issue_date: NaiveDate,
    pub due_date: NaiveDate,
    #[serde(serialize_with = "write_currency", deserialize_with = "read_currency")]
    pub currency: Currency,
    /// The invoice's total; none where the table has only the payable amount.
    pub total: Option<Decimal>,
    /// Withholding, retention and other deductions.
    pub deducted: Decimal,
    pub payable: Decimal,
    pub order_reference: String,
    /// The buyer's own document number, which its bank statement will show.
    pub payment_reference: String,
    pub note: String,
}

/// Writes the currency's code: the domain knows no serialization.
fn write_currency<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(currency.code())
}

fn read_currency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
    let code = String::deserialize(deserializer)?;
    Currency::parse(&code).ok_or_else(|| serde::de::Error::custom("an unknown currency"))
}

const fn needed(name: &'static str) -> Column {
    Column { name, needed: true }
}
const fn optional(name: &'static str) -> Column {
    Column { name, needed: false }
}

pub const COLUMNS: &[Column] = &[
    needed("supplier_tax_id"),
    optional("supplier_name"),
    needed("invoice_number"),
    needed("issue_date"),
    needed("due_date"),
    needed("currency"),
    optional("total"),
    optional("deducted"),
    needed("payable"),
    optional("order_reference"),
    optional("payment_reference"),
    optional("note"),
];

pub fn is_heading(heading: &[String]) -> bool {
    has_all(heading, &["supplier_tax_id", "invoice_number"])
}

/// All payables of a table, or all its faults.
pub fn read(table: Table<'_>) -> Result<Result<Vec<Payable>, super::Faults>, FormatFault> {
    let grid = &check_heading(table, COLUMNS)?;
    let mut seen: BTreeMap<(String, String), u32> = BTreeMap::new();
    Ok(super::all_or_faults(grid.rows.iter().map(|row| {
        let payable = read_row(grid, row)?;
        match seen.insert((payable.supplier_tax_id.clone(), payable.invoice_number.clone()), row.line) {
            Some(earlier) => Err(vec![FormatFault::CsvRepeated { line: row.line, earlier }]),
            None => Ok(payable),
        }
    })))
}

fn read_row(grid: &Grid<'_>, row: &Row<'_>) -> Result<Payable, Vec<FormatFault>> {
    let mut cells = Cells::new(grid, row, COLUMNS);
    let currency = cells.currency("currency");
    let (issue_date, due_date) = (cells.date("issue_date"), cells.date("due_date"));
    let (total, deducted) = (cells.amount("total", currency), cells.amount("deducted", currency));
    let payable = cells.amount("payable", currency);
    let [supplier_tax_id, supplier_name, invoice_number, order_reference, payment_reference, note] =
        ["supplier_tax_id", "supplier_name", "invoice_number", "order_reference", "payment_reference", "note"]
            .map(|column| cells.text(column));
    if let Some(wrong) = deducted.filter(|deducted| deducted.is_sign_negative() && !deducted.is_zero()) {
        cells.wrong("deducted", &wrong.to_string());
    }
    let deducted = deducted.unwrap_or_default();
    if let (Some(total), Some(payable)) = (total, payable)
        && total.checked_sub(deducted) != Some(payable)
    {
        let text = payable.to_string();
        cells.faults.push(FormatFault::CsvTotals { line: row.line, column: "payable".to_owned(), text });
    }
    if let (Some(issued), Some(due)) = (issue_date, due_date)
        && due < issued
    {
        let (column, text) = ("due_date".to_owned(), due.to_string());
        cells.faults.push(FormatFault::CsvDueBeforeIssue { line: row.line, column, text, issued: issued.to_string() });
    }
    match (issue_date, due_date, currency, payable) {
        (Some(issue_date), Some(due_date), Some(currency), Some(payable)) if cells.faults.is_empty() => Ok(Payable {
            line: row.line,
            supplier_tax_id,
            supplier_name,
            invoice_number,
            issue_date,
            due_date,
            currency,
            total,
            deducted,
            payable,
            order_reference,
            payment_reference,
            note,
        }),
        _ => Err(cells.faults),
    }
}
