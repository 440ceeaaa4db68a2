//! The cells of one row by the names of their columns. Every fault names its row and column.

use super::table::{Grid, Row, Table};
use crate::FormatFault;
use crate::fault::shown;
use chrono::NaiveDate;
use domain::Currency;
use rust_decimal::Decimal;

/// A column of a template, and whether each row must fill it.
pub struct Column {
    pub name: &'static str,
    pub needed: bool,
}

/// Longer than any name or note of an invoice.
const LONGEST: usize = 1_000;

/// Columns whose texts a sheet may have turned into numbers.
const IDENTIFIERS: &[&str] = &[
    "number",
    "invoice_number",
    "preceding",
    "seller_tax_id",
    "buyer_tax_id",
    "supplier_tax_id",
    "order_reference",
    "payment_reference",
    "iban",
];

/// As a sheet shows a long number, `2.02611E+11`: the digits that it has dropped are lost.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|mark| mark.is_ascii_digit());
    let parts: Vec<&str> = mantissa.strip_prefix('-').unwrap_or(mantissa).split(['.', ',']).collect();
    let written = parts.len() <= 2 && parts.iter().all(|part| digits(part));
    written && exponent.strip_prefix(['+', '-']).is_some_and(digits)
}

/// Whether the heading is of a template: it has the columns that only that template has.
pub fn has_all(heading: &[String], names: &[&str]) -> bool {
    names.iter().all(|name| heading.iter().any(|cell| cell == name))
}

/// A heading names each column once and names no unknown one. It leaves out no column that every row needs. Only then are the
/// rows cut.
pub fn check_heading<'a>(table: Table<'a>, columns: &[Column]) -> Result<Grid<'a>, FormatFault> {
    let names = |wanted: &dyn Fn(&&Column) -> bool| {
        let names: Vec<&str> = columns.iter().filter(wanted).map(|column| column.name).collect();
        names.join(", ")
    };
    let missing = names(&|column| column.needed && !table.heading.iter().any(|cell| cell == column.name));
    if !missing.is_empty() {
        let (needed, others) = (names(&|column| column.needed), names(&|column| !column.needed));
        return Err(FormatFault::CsvColumnMissing { column: missing, needed, others });
    }
    for (index, cell) in table.heading.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        if !columns.iter().any(|column| column.name == cell) {
            return Err(FormatFault::CsvColumnUnknown { column: shown(cell) });
        }
        if table.heading.iter().take(index).any(|earlier| earlier == cell) {
            return Err(FormatFault::CsvColumnRepeated { column: shown(cell) });
        }
    }
    let grid = table.cut()?;
    // A column without a heading is nothing, as long as nothing stands in it.
    let unnamed: Vec<usize> = (0..grid.heading.len()).filter(|at| grid.heading.get(*at).is_some_and(String::is_empty)).collect();
    let filled = |row: &Row<'_>| unnamed.iter().any(|at| row.cells.get(*at).is_some_and(|cell| !cell.trim().is_empty()));
    if grid.rows.iter().any(filled) {
        return Err(FormatFault::CsvColumnUnknown { column: String::new() });
    }
    if grid.rows.is_empty() { Err(FormatFault::CsvWithoutRows) } else { Ok(grid) }
}

/// One row under reading: values come out, faults are gathered.
pub struct Cells<'a> {
    heading: &'a [String],
    row: &'a Row<'a>,
    decimal_comma: bool,
    columns: &'a [Column],
    pub faults: Vec<FormatFault>,
}

impl<'a> Cells<'a> {
    pub fn new(grid: &'a Grid<'a>, row: &'a Row<'a>, columns: &'a [Column]) -> Self {
        let mut faults = Vec::new();
        if row.width != grid.heading.len() {
            faults.push(FormatFault::CsvWidth { line: row.line, cells: row.width, columns: grid.heading.len() });
        }
        Self { heading: &grid.heading, row, decimal_comma: grid.decimal_comma, columns, faults }
    }

    pub fn line(&self) -> u32 {
        self.row.line
    }

    pub fn wrong(&mut self, column: &str, text: &str) {
        self.faults.push(FormatFault::CsvCell { line: self.row.line, column: column.to_owned(), text: shown(text) });
    }

    /// The trimmed text of a cell. A row that is not as wide as the heading gives no text.
    pub fn text(&mut self, column: &str) -> String {
        if self.row.width != self.heading.len() {
            return String::new();
        }
        let place = self.heading.iter().position(|name| name == column);
        let text = place.and_then(|place| self.row.cells.get(place)).map_or("", |cell| cell.trim()).to_owned();
        let needed = self.columns.iter().any(|known| known.name == column && known.needed);
        if text.is_empty() && needed {
            self.faults.push(FormatFault::CsvCellMissing { line: self.row.line, column: column.to_owned() });
        } else if let Some(mark) = text.chars().find(|mark| domain::text::is_hidden(*mark) && *mark != '\n') {
            let (column, mark) = (column.to_owned(), format!("U+{:04X}", u32::from(mark)));
            self.faults.push(FormatFault::CsvHidden { line: self.row.line, column, mark });
        } else if text.chars().count() > LONGEST {
            self.wrong(column, &text);
        } else if IDENTIFIERS.contains(&column) && is_scientific(&text) {
            let (column, text) = (column.to_owned(), shown(&text));
            self.faults.push(FormatFault::CsvScientific { line: self.row.line, column, text });
        }
        text
    }

    /// `2026-11-25`, and no other order of day and month.
    pub fn date(&mut self, column: &str) -> Option<NaiveDate> {
        let text = self.text(column);
        let iso = text.len() == 10;
        let day = text.parse().ok().filter(|_| iso);
        if day.is_none() && !text.is_empty() {
            self.wrong(column, &text);
        }
        day
    }

    pub fn currency(&mut self, column: &str) -> Option<Currency> {
        let text = self.text(column);
        let known = Currency::parse(&text);
        if known.is_none() && !text.is_empty() {
            self.wrong(column, &text);
        }
        known
    }

    /// Digits with a decimal point, or with a decimal comma in a table whose cells are separated by semicolons or tabs. Grouped
    /// thousands are refused, since `1.234` is one thousand to half of Europe. So are more decimals than the currency has.
    pub fn amount(&mut self, column: &str, currency: Option<Currency>) -> Option<Decimal> {
        let text = self.text(column);
        if text.is_empty() {
            return None;
        }
        let comma = self.decimal_comma && text.contains(',') && !text.contains('.');
        // With three decimals a comma may be a decimal comma or a thousands mark.
        let ambiguous = comma && text.rsplit(',').next().is_some_and(|decimals| decimals.len() == 3);
        let plain = if comma { text.replacen(',', ".", 1) } else { text.clone() };
        let digits = plain.strip_prefix('-').unwrap_or(&plain);
        let written = digits.starts_with(|mark: char| mark.is_ascii_digit())
            && digits.bytes().all(|mark| mark.is_ascii_digit() || mark == b'.')
            && digits.matches('.').count() <= 1;
        let value = (written && !ambiguous).then(|| Decimal::from_str_exact(&plain).ok()).flatten();
        let exponent = currency.map_or(4, |currency| currency.exponent());
        let fits = value.filter(|value| value.normalize().scale() <= exponent);
        if fits.is_none() {
            self.wrong(column, &text);
        }
        fits
    }
}
