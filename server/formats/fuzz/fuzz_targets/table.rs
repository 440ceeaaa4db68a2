//! Tables of invoices, payables and confirmations. The views find every row that was read of a table of invoices.
#![no_main]

use formats::csv::{Table, read, read_confirmations, read_payables};
use formats::view::{read_row, rows_of};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(Table::Invoices(rows)) = read(bytes) {
        let numbers: Vec<String> = rows.into_iter().map(|row| row.invoice.number).collect();
        for number in &numbers {
            assert!(matches!(read_row(bytes, number), Ok(Some(_))), "{number:?} is not shown");
        }
        assert_eq!(rows_of(bytes, &numbers).map(|shown| shown.len()), Ok(numbers.len() + 1));
    }
    let _ = read_payables(bytes);
    let _ = read_confirmations(bytes);
});
