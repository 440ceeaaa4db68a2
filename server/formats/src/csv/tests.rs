//! Tables, good and bad.

use super::*;
use rust_decimal::Decimal;

const HEADING: &str =
    "number,issue_date,due_date,currency,seller_tax_id,buyer_tax_id,buyer_name,net,tax,total,prepaid,payable,note";

fn faults(text: &str) -> Vec<String> {
    match read(text.as_bytes()) {
        Ok(Table::Faulty(faults)) => faults.told.iter().map(ToString::to_string).collect(),
        Ok(other) => panic!("{other:?}"),
        Err(fault) => vec![fault.to_string()],
    }
}

#[test]
fn a_table_of_invoices_is_read_whole() {
    let text = format!(
        "\u{FEFF}{HEADING}\r\nA-1,2026-11-01,2026-12-01,EUR,DE123456789,FR12345678901,\"Maison, \"\"Dupont\"\"\",100,19,119.00,,119,\"two\nlines\"\r\n\r\nA-2,2026-11-02,,JPY,DE123456789,FR12345678901,,,,1000,400,600,\r\n"
    );
    let Table::Invoices(rows) = read(text.as_bytes()).unwrap() else { panic!() };
    assert_eq!(rows.len(), 2);
    let first = &rows[0].invoice;
    assert_eq!((rows[0].line, first.number.as_str(), first.buyer.name.as_str()), (2, "A-1", "Maison, \"Dupont\""));
    assert_eq!((first.totals.payable, first.notes[0].as_str()), (Some(Decimal::from(119)), "two\nlines"));
    assert_eq!((rows[1].line, rows[1].invoice.totals.prepaid), (5, Some(Decimal::from(400))));
    let wide: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text[3..].encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(read(&wide).unwrap(), Table::Invoices(rows));
}

#[test]
fn a_decimal_comma_is_read_where_semicolons_part_the_cells() {
    let text = "supplier_tax_id;invoice_number;issue_date;due_date;currency;total;deducted;payable\nDE1234;R1;2026-11-01;2026-12-01;EUR;1234,56;34,56;1200\n";
    let Table::Payables(rows) = read(text.as_bytes()).unwrap() else { panic!() };
    assert_eq!((rows[0].total, rows[0].payable), (Some(Decimal::new(123_456, 2)), Decimal::from(1200)));
    for wrong in ["1.234,56", "1,234", "1 234,56", "1,2,3", "-", "1e3", "NaN", "0x10", "12,345", "€5"] {
        let found = faults(&text.replace("1234,56", wrong));
        assert!(found[0].starts_with("csv_cell line=\"2\" column=\"total\""), "{wrong}: {found:?}");
    }
}

/// A dinar of Kuwait has three decimals, so that neither reading of a comma can be ruled out.
#[test]
fn what_could_mean_two_things_is_refused() {
    let text = |amount: &str| {
        format!(
            "supplier_tax_id;invoice_number;issue_date;due_date;currency;payable\nKW1;R1;2026-11-01;2026-12-01;KWD;{amount}\n"
        )
    };
    assert_eq!(faults(&text("1,234")), [r#"csv_cell line="2" column="payable" text="1,234""#]);
    for (written, meant) in [("1,25", Decimal::new(125, 2)), ("1.234", Decimal::new(1_234, 3))] {
        let Table::Payables(rows) = read(text(written).as_bytes()).unwrap() else { panic!("{written}") };
        assert_eq!(rows[0].payable, meant);
    }
}

#[test]
fn every_fault_is_told_by_row_and_column_and_nothing_is_taken() {
    let good = "A-1,2026-11-01,2026-12-01,EUR,DE1,FR1,,100,19,119,,119,";
    let cases = [
        ("A-1,2026-11-31,,EUR,DE1,FR1,,,,119,,119,", r#"csv_cell line="3" column="issue_date" text="2026-11-31""#),
        ("A-9,01.11.2026,,EUR,DE1,FR1,,,,119,,119,", r#"csv_cell line="3" column="issue_date" text="01.11.2026""#),
        ("A-9,2026-11-01,,XYZ,DE1,FR1,,,,119,,119,", r#"csv_cell line="3" column="currency" text="XYZ""#),
        ("A-9,2026-11-01,,JPY,DE1,FR1,,,,119.5,,119,", r#"csv_cell line="3" column="total" text="119.5""#),
        ("A-9,2026-11-01,,EUR,DE1,FR1,,,,119,,118,", r#"csv_totals line="3" column="payable" text="118""#),
        ("A-9,2026-11-01,,EUR,DE1,FR1,,100,20,119,,119,", r#"csv_totals line="3" column="total" text="119""#),
        (",2026-11-01,,EUR,DE1,FR1,,,,119,,119,", r#"csv_cell_missing line="3" column="number""#),
        ("A-9,2026-11-01,,EUR,DE1,FR1,,,,119", r#"csv_width line="3" cells="10" columns="13""#),
        ("A-1,2026-11-02,,EUR,DE1,FR1,,,,5,,5,", r#"csv_repeated line="3" earlier="2""#),
        ("\"A-9,2026", r#"csv_quote line="3""#),
        ("A\"9,2026", r#"csv_quote line="3""#),
        ("A\u{0}9,2026", r#"csv_nul line="3""#),
    ];
    for (row, expected) in cases {
        assert_eq!(faults(&format!("{HEADING}\n{good}\n{row}\n")), [expected], "{row}");
    }
    assert_eq!(faults(&format!("{HEADING}\n")), ["csv_without_rows"]);
    assert_eq!(faults(&format!("{HEADING},number\n{good},\n")), [r#"csv_column_repeated column="number""#]);
    assert_eq!(faults(&format!("{HEADING},colour\n{good},\n")), [r#"csv_column_unknown column="colour""#]);
    assert_eq!(
        faults(&format!("{}\n{good}\n", HEADING.replace("total,", ""))),
        [
            r#"csv_column_missing column="total" needed="number, issue_date, currency, seller_tax_id, buyer_tax_id, total, payable" others="type_code, due_date, seller_name, buyer_name, net, tax, prepaid, order_reference, iban, payment_reference, note, preceding, preceding_date""#
        ]
    );
    assert_eq!(faults("a,b\n1,2\n"), ["unknown_kind"]);
    assert_eq!(faults(&format!("{HEADING}\n{}", format!("{good}\n").repeat(20_001))), [r#"csv_too_many most="20000""#]);
    let windows = [HEADING.as_bytes(), b"\nA-1,2026-11-01,,EUR,DE1,FR1,Caf\xE9,,,119,,119,\n"].concat();
    assert_eq!(read(&windows).unwrap_err().to_string(), r#"encoding encoding="UTF-8""#);
}

#[test]
fn a_payable_is_due_after_it_was_issued_and_deductions_lower_it() {
    let heading = "supplier_tax_id,invoice_number,issue_date,due_date,currency,total,deducted,payable";
    let fault = |row: &str| faults(&format!("{heading}\n{row}\n"));
    let needed = "supplier_tax_id, invoice_number, issue_date, due_date, currency, payable";
    for (file, missing) in [
        ("", needed),
        ("foo,bar\n1,2\n", needed),
        ("supplier_tax_id,invoice_number,issue_date,due_date,currency,due\n", "payable"),
    ] {
        let fault = crate::csv::read_payables(file.as_bytes()).unwrap_err().to_string();
        let expected = format!(r#"csv_column_missing column="{missing}" needed="{needed}" others="#);
        assert!(fault.starts_with(&expected), "{file}: {fault}");
    }
    assert_eq!(
        fault("DE1,R1,2026-12-01,2026-11-01,EUR,,,5"),
        [r#"csv_due_before_issue line="2" column="due_date" text="2026-11-01" issued="2026-12-01""#]
    );
    assert_eq!(fault("DE1,R1,2026-11-01,2026-12-01,EUR,10,-5,15"), [r#"csv_cell line="2" column="deducted" text="-5""#]);
    assert_eq!(fault("DE1,R1,2026-11-01,2026-12-01,EUR,10,5,6"), [r#"csv_totals line="2" column="payable" text="6""#]);
}
