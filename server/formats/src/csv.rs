//! Tables: Kontor's template for invoices in bulk, and the buyer's list of what it will pay. docs/INTAKE.md gives the columns.

mod cells;
mod confirmations;
mod invoices;
mod payables;
pub(crate) mod table;

use crate::FormatFault;
pub use confirmations::{ConfirmationRow, read as read_confirmations};
pub use invoices::CsvInvoice;
pub use payables::Payable;

/// More rows than this are split by whoever exports them: a table is taken in one commit, in which nobody else is served.
pub const MOST_ROWS: usize = 20_000;
/// More faults than a table of that size has if every row is wrong; every one of them is told.
const MOST_FAULTS: usize = 2 * MOST_ROWS;

/// A table as it was read. One wrong cell, and nothing of it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Table {
    Invoices(Vec<CsvInvoice>),
    Payables(Vec<Payable>),
    Faulty(Vec<FormatFault>),
}

/// The columns of the template for invoices: those that every row needs, and the others.
#[must_use]
pub fn invoice_columns() -> (Vec<&'static str>, Vec<&'static str>) {
    let (needed, others): (Vec<_>, Vec<_>) = invoices::COLUMNS.iter().partition(|column| column.needed);
    let names = |columns: Vec<&cells::Column>| columns.iter().map(|column| column.name).collect();
    (names(needed), names(others))
}

/// Reads a table of either template; the heading says which one it is.
pub fn read(bytes: &[u8]) -> Result<Table, FormatFault> {
    let text = table::decode(bytes)?;
    let table = table::open(&text)?;
    if payables::is_heading(&table.heading) {
        return Ok(payables::read(table)?.map_or_else(Table::Faulty, Table::Payables));
    }
    if invoices::is_heading(&table.heading) {
        return Ok(invoices::read(table)?.map_or_else(Table::Faulty, Table::Invoices));
    }
    Err(FormatFault::UnknownKind)
}

/// A table of invoices as it stands, cell by cell.
pub(crate) fn invoice_grid(text: &str) -> Result<table::Grid<'_>, FormatFault> {
    let table = table::open(text)?;
    if invoices::is_heading(&table.heading) { table.cut() } else { Err(FormatFault::UnknownKind) }
}

/// Reads a table that must be the buyer's payables: what its heading lacks is told by name.
pub fn read_payables(bytes: &[u8]) -> Result<Result<Vec<Payable>, Vec<FormatFault>>, FormatFault> {
    payables::read(table::open(&table::decode(bytes)?)?)
}

/// Either all rows or all faults, of which only so many are worth telling.
fn all_or_faults<T>(rows: impl Iterator<Item = Result<T, Vec<FormatFault>>>) -> Result<Vec<T>, Vec<FormatFault>> {
    let (mut good, mut faults) = (Vec::new(), Vec::new());
    for row in rows {
        match row {
            Ok(row) => good.push(row),
            Err(found) => faults.extend(found),
        }
        if faults.len() >= MOST_FAULTS {
            faults.truncate(MOST_FAULTS);
            break;
        }
    }
    if faults.is_empty() { Ok(good) } else { Err(faults) }
}

#[cfg(test)]
mod tests;
