//! The buyer's table of confirmations: one row, one payable that was presented to it. docs/CONFIRMATION.md gives the columns.

use super::cells::{Cells, Column, check_heading};
use super::table;
use crate::FormatFault;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A payable that a buyer confirms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmationRow {
    /// The row of the table.
    pub line: u32,
    pub invoice_number: String,
    pub supplier_tax_id: String,
    /// In the invoice's own currency.
    pub amount: Decimal,
    pub due_date: NaiveDate,
    pub reason: String,
}

const COLUMNS: &[Column] = &[
    Column { name: "invoice_number", needed: true },
    Column { name: "supplier_tax_id", needed: true },
    Column { name: "amount", needed: true },
    Column { name: "due_date", needed: true },
    Column { name: "reason", needed: false },
];

/// All rows of a table, or all its faults.
pub fn read(bytes: &[u8]) -> Result<Result<Vec<ConfirmationRow>, super::Faults>, FormatFault> {
    let text = table::decode(bytes)?;
    let grid = check_heading(table::open(&text)?, COLUMNS)?;
    let mut seen: BTreeMap<(String, String), u32> = BTreeMap::new();
    Ok(super::all_or_faults(grid.rows.iter().map(|row| {
        let mut cells = Cells::new(&grid, row, COLUMNS);
        let [invoice_number, supplier_tax_id, reason] =
            ["invoice_number", "supplier_tax_id", "reason"].map(|column| cells.text(column));
        let (amount, due_date) = (cells.amount("amount", None), cells.date("due_date"));
        if let Some(earlier) = seen.insert((supplier_tax_id.clone(), invoice_number.clone()), row.line) {
            cells.faults.push(FormatFault::CsvRepeated { line: row.line, earlier });
        }
        match (amount, due_date) {
            (Some(amount), Some(due_date)) if cells.faults.is_empty() => {
                Ok(ConfirmationRow { line: row.line, invoice_number, supplier_tax_id, amount, due_date, reason })
            }
            _ => Err(cells.faults),
        }
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_every_wrong_cell_is_named() {
        let good = "invoice_number,supplier_tax_id,amount,due_date,reason\nA-1,DE1,100.50,2027-01-31,\nA-2,DE1,7,2027-02-01,\"late, as agreed\"\n";
        let rows = read(good.as_bytes()).unwrap().unwrap();
        assert_eq!((rows.len(), rows[1].line, rows[1].reason.as_str()), (2, 3, "late, as agreed"));
        assert_eq!(rows[0].amount.to_string(), "100.50");
        let wrong = "invoice_number;supplier_tax_id;amount;due_date\nA-1;DE1;1.234,5;31.01.2027\n;DE1;5;2027-01-31\nA-1;DE1;5;2027-01-31\n";
        let faults = read(wrong.as_bytes()).unwrap().unwrap_err();
        let cell = |line: u32, column: &str, text: &str| FormatFault::CsvCell { line, column: column.into(), text: text.into() };
        assert_eq!(
            faults.told,
            [
                cell(2, "amount", "1.234,5"),
                cell(2, "due_date", "31.01.2027"),
                FormatFault::CsvCellMissing { line: 3, column: "invoice_number".into() },
                FormatFault::CsvRepeated { line: 4, earlier: 2 },
            ]
        );
        let heading = read(b"invoice_number,amount,due_date\nA,1,2027-01-31\n");
        let (needed, others) = ("invoice_number, supplier_tax_id, amount, due_date".to_owned(), "reason".to_owned());
        let lacks = |column: &str| FormatFault::CsvColumnMissing {
            column: column.into(),
            needed: needed.clone(),
            others: others.clone(),
        };
        assert_eq!(heading, Err(lacks("supplier_tax_id")));
        assert_eq!(read(b""), Err(lacks(&needed)), "an empty file lacks all of them");
        let turned = "invoice_number,supplier_tax_id,amount,due_date,reason\nA-1,DE1,5,2027-01-31,fo\u{202E}o\nA\u{7}2,DE1,5,2027-01-31,\n";
        let hidden =
            |line: u32, column: &str, mark: &str| FormatFault::CsvHidden { line, column: column.into(), mark: mark.into() };
        let faults = read(turned.as_bytes()).unwrap().unwrap_err();
        assert_eq!(faults.told, [hidden(2, "reason", "U+202E"), hidden(3, "invoice_number", "U+0007")]);
    }
}
