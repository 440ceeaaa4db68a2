//! Tables: Kontor's template for invoices in bulk, and the buyer's list of payables. docs/INTAKE.md gives the columns.

mod cells;
mod confirmations;
mod invoices;
mod payables;
pub(crate) mod table;

use crate::FormatFault;
pub use confirmations::{ConfirmationRow, read as read_confirmations};
pub use invoices::CsvInvoice;
pub use payables::Payable;

/// The most rows of a table; its exporter must split a larger one. One commit takes a table, and the platform serves no other
/// request in it.
pub const MOST_ROWS: usize = 20_000;
/// The most faults that are listed, for all files of an upload together; the rest are counted.
pub const MOST_FAULTS: usize = 1_000;

/// A table as it was read. One wrong cell refuses the whole table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Table {
    Invoices(Vec<CsvInvoice>),
    Payables(Vec<Payable>),
    Faulty(Faults),
}

/// The faults of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub told: Vec<FormatFault>,
    /// Faults beyond the listed ones.
    pub more: usize,
    /// Rows that the table has, good and bad.
    pub rows: usize,
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

/// Reads a table that must be the buyer's payables. The fault names the columns that its heading lacks.
pub fn read_payables(bytes: &[u8]) -> Result<Result<Vec<Payable>, Faults>, FormatFault> {
    payables::read(table::open(&table::decode(bytes)?)?)
}

/// Either all rows or all faults. The first [`MOST_FAULTS`] are listed and the others counted.
fn all_or_faults<T>(rows: impl Iterator<Item = Result<T, Vec<FormatFault>>>) -> Result<Vec<T>, Faults> {
    let (mut good, mut faults) = (Vec::new(), Faults::default());
    for row in rows {
        faults.rows = faults.rows.saturating_add(1);
        match row {
            Ok(row) if faults.told.is_empty() => good.push(row),
            Ok(_) => {}
            Err(found) => {
                good = Vec::new();
                let left = MOST_FAULTS.saturating_sub(faults.told.len());
                faults.more = faults.more.saturating_add(found.len().saturating_sub(left));
                faults.told.extend(found.into_iter().take(left));
            }
        }
    }
    if faults.told.is_empty() { Ok(good) } else { Err(faults) }
}

#[cfg(test)]
mod tests;
