//! The template for invoices in bulk: one row, one invoice.

use super::cells::{Cells, Column, check_heading, has_all};
use super::table::{Grid, Row, Table};
use crate::FormatFault;
use crate::assigned;
use crate::fault::shown;
use crate::invoice::{InvoiceFile, Party, Payment, Preceding, Syntax, Totals};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An invoice with the row that it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvInvoice {
    pub line: u32,
    pub invoice: InvoiceFile,
}

const fn needed(name: &'static str) -> Column {
    Column { name, needed: true }
}
const fn optional(name: &'static str) -> Column {
    Column { name, needed: false }
}

pub const COLUMNS: &[Column] = &[
    needed("number"),
    optional("type_code"),
    needed("issue_date"),
    optional("due_date"),
    needed("currency"),
    needed("seller_tax_id"),
    optional("seller_name"),
    needed("buyer_tax_id"),
    optional("buyer_name"),
    optional("net"),
    optional("tax"),
    needed("total"),
    optional("prepaid"),
    needed("payable"),
    optional("order_reference"),
    optional("iban"),
    optional("payment_reference"),
    optional("note"),
    optional("preceding"),
    optional("preceding_date"),
];

pub fn is_heading(heading: &[String]) -> bool {
    has_all(heading, &["number", "buyer_tax_id"])
}

/// All invoices of a table, or all its faults.
pub fn read(table: Table<'_>) -> Result<Result<Vec<CsvInvoice>, super::Faults>, FormatFault> {
    let grid = &check_heading(table, COLUMNS)?;
    let mut seen: BTreeMap<(String, String, String), u32> = BTreeMap::new();
    Ok(super::all_or_faults(grid.rows.iter().map(|row| {
        let read = read_row(grid, row)?;
        // An invoice that the buyer writes has the buyer's own number.
        let buyer = domain::invoice::is_self_billed(&read.invoice.type_code).then(|| read.invoice.buyer.tax_id.clone());
        let key = (read.invoice.seller.tax_id.clone(), read.invoice.number.clone(), buyer.unwrap_or_default());
        match seen.insert(key, row.line) {
            Some(earlier) => Err(vec![FormatFault::CsvRepeated { line: row.line, earlier }]),
            None => Ok(read),
        }
    })))
}

fn read_row(grid: &Grid<'_>, row: &Row<'_>) -> Result<CsvInvoice, Vec<FormatFault>> {
    let mut cells = Cells::new(grid, row, COLUMNS);
    let currency = cells.currency("currency");
    let party = |cells: &mut Cells<'_>, name: &str, tax_id: &str| {
        let (name, tax_id) = (cells.text(name), cells.text(tax_id));
        Party { has_legal_name: !name.is_empty(), name, has_tax_registration: true, tax_id, ..Party::default() }
    };
    let totals = Totals {
        present: true,
        tax_exclusive: cells.amount("net", currency),
        tax: cells.amount("tax", currency),
        tax_inclusive: cells.amount("total", currency),
        prepaid: cells.amount("prepaid", currency),
        payable: cells.amount("payable", currency),
        ..Totals::default()
    };
    check_totals(&mut cells, &totals);
    let (iban, reference, note) = (cells.text("iban"), cells.text("payment_reference"), cells.text("note"));
    let payment = Payment {
        has_account: !iban.is_empty(),
        accounts: vec![iban].into_iter().filter(|iban| !iban.is_empty()).collect(),
        reference,
        ..Payment::default()
    };
    let named = Preceding { number: cells.text("preceding"), issue_date: cells.date("preceding_date") };
    let spoken = [&note, &payment.reference].into_iter().find(|text| assigned::speaks(text, false)).cloned();
    let invoice = InvoiceFile {
        syntax: Syntax::Csv,
        assignment: spoken.unwrap_or_default(),
        number: cells.text("number"),
        type_code: cells.text("type_code"),
        issue_date: cells.date("issue_date"),
        due_date: cells.date("due_date"),
        currency: currency.map(|currency| currency.code().to_owned()).unwrap_or_default(),
        notes: vec![note].into_iter().filter(|note| !note.is_empty()).collect(),
        order_reference: cells.text("order_reference"),
        preceding: vec![named].into_iter().filter(|named| !named.number.is_empty()).collect(),
        seller: party(&mut cells, "seller_name", "seller_tax_id"),
        buyer: party(&mut cells, "buyer_name", "buyer_tax_id"),
        payments: vec![payment],
        totals,
        ..InvoiceFile::default()
    };
    if cells.faults.is_empty() { Ok(CsvInvoice { line: cells.line(), invoice }) } else { Err(cells.faults) }
}

/// The amounts of a row must agree with each other.
fn check_totals(cells: &mut Cells<'_>, totals: &Totals) {
    let mut differ = |column: &str, stated: Option<rust_decimal::Decimal>, expected: Option<rust_decimal::Decimal>| {
        if let Some(stated) = stated.filter(|stated| expected != Some(*stated)) {
            let fault =
                FormatFault::CsvTotals { line: cells.line(), column: column.to_owned(), text: shown(&stated.to_string()) };
            cells.faults.push(fault);
        }
    };
    let Some(total) = totals.tax_inclusive else { return };
    if let (Some(net), Some(tax)) = (totals.tax_exclusive, totals.tax) {
        differ("total", Some(total), net.checked_add(tax));
    }
    differ("payable", totals.payable, total.checked_sub(totals.prepaid.unwrap_or_default()));
}
