//! The row of a table from which an invoice was read, as people read it. A reader of one invoice sees no other row of its table.

use super::words;
use crate::FormatFault;
use crate::csv::invoice_grid;
use crate::csv::table::{self, Row};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;

/// A row with the line on which it begins, and the text of each column that is filled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowView {
    pub line: u32,
    pub cells: Vec<(String, String)>,
}

/// The row of this invoice number in a table of invoices.
pub fn read(bytes: &[u8], number: &str) -> Result<Option<RowView>, FormatFault> {
    let text = table::decode(bytes)?;
    let grid = invoice_grid(&text)?;
    let place = grid.heading.iter().position(|name| name == "number");
    let row = grid.rows.iter().find(|row| place.and_then(|place| row.cells.get(place)).is_some_and(|cell| cell.trim() == number));
    Ok(row.map(|row| {
        let cells = grid.heading.iter().zip(&row.cells).filter(|(_, cell)| !cell.trim().is_empty());
        RowView { line: row.line, cells: cells.map(|(name, cell)| (name.clone(), words(cell.trim()))).collect() }
    }))
}

/// A table of invoices with no other rows than those of these numbers, its cells parted by commas.
pub fn rows_of(bytes: &[u8], numbers: &[String]) -> Result<Vec<Vec<String>>, FormatFault> {
    let text = table::decode(bytes)?;
    let grid = invoice_grid(&text)?;
    let place = grid.heading.iter().position(|name| name == "number");
    let numbers: HashSet<&str> = numbers.iter().map(String::as_str).collect();
    let wanted = |row: &Row<'_>| place.and_then(|place| row.cells.get(place)).is_some_and(|cell| numbers.contains(cell.trim()));
    let rows = grid.rows.into_iter().filter(wanted);
    let owned = rows.map(|row| row.cells.into_iter().map(Cow::into_owned).collect());
    Ok(std::iter::once(grid.heading).chain(owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "number;total;note;buyer_tax_id\r\nA-1;5;;DE1\r\n\r\n A-2 ;6;\"one;\ntwo\u{202E}\";DE2\r\n";

    #[test]
    fn one_row_is_shown_and_no_other() {
        let row = read(TABLE.as_bytes(), "A-2").unwrap().unwrap();
        let cell = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(row.line, 4);
        assert_eq!(
            row.cells,
            [cell("number", "A-2"), cell("total", "6"), cell("note", "one;\ntwo\u{FFFD}"), cell("buyer_tax_id", "DE2")]
        );
        assert_eq!(read(TABLE.as_bytes(), "A-3").unwrap(), None);
        let given = rows_of(TABLE.as_bytes(), &["A-1".to_owned()]).unwrap();
        assert_eq!(given, [vec!["number", "total", "note", "buyer_tax_id"], vec!["A-1", "5", "", "DE1"]]);
        assert!(read(b"amount;other\n1;2\n", "1").is_err());
    }
}
