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

/// D1, D2, D3 and similar cases, in all three tables.
#[test]
fn what_programs_add_around_a_table_is_no_part_of_it() {
    let good = "A-1;2026-11-01;;EUR;DE1;FR1;;;;1,50;;1,50;";
    let heading = HEADING.replace(',', ";");
    let Table::Invoices(plain) = read(format!("{heading}\n{good}\n").as_bytes()).unwrap() else { panic!() };
    for text in [
        format!("sep=;\n{heading}\n{good}\n"),
        format!("\u{FEFF}SEP=;\r\n{heading}\r\n{good}\r\n"),
        format!("\"sep=;\"\r{heading}\r{good}\r"),
        format!("{heading};;\n{good};;\n"),
        format!("{heading};; \n{good}\n;;;;\n"),
        format!("{heading}\n{good};;;;;\n"),
        format!("{heading}\r{good}"),
        format!("{heading}\r\n{good}\r\r\n"),
        format!("sep=|\n{}\n{}\n", heading.replace(';', "|"), good.replace(';', "|")),
    ] {
        let Ok(Table::Invoices(rows)) = read(text.as_bytes()) else { panic!("{text:?} {:?}", read(text.as_bytes())) };
        assert_eq!(rows.iter().map(|row| &row.invoice).collect::<Vec<_>>(), [&plain[0].invoice], "{text:?}");
    }
    let between = format!("{}\n{}\n", heading.replacen(';', ";;", 1), good.replacen(';', ";;", 1));
    assert!(matches!(read(between.as_bytes()), Ok(Table::Invoices(_))), "an empty column between others");
    let filled = between.replacen("A-1;", "A-1;x", 1);
    assert_eq!(faults(&filled), [r#"csv_column_unknown column="""#]);
    assert_eq!(faults(&format!("{heading}\n{good}x;;y\n")), [r#"csv_width line="2" cells="15" columns="13""#]);
    let confirmed = b"sep=,\rinvoice_number,supplier_tax_id,amount,due_date,,\rA-1,DE1,5,2027-01-31,,\r";
    let rows = read_confirmations(confirmed).unwrap().unwrap();
    assert_eq!((rows.len(), rows[0].line), (1, 3));
    let payables = b"sep=,\rsupplier_tax_id,invoice_number,issue_date,due_date,currency,payable,\rDE1,\"A\r1\",2026-11-01,2026-12-01,EUR,5,\rDE1,A-2,2026-11-01,2026-12-01,EUR,5,\r";
    let found = read_payables(payables).unwrap().unwrap();
    assert_eq!((found.len(), found[0].invoice_number.as_str(), found[1].line), (2, "A\n1", 5));
}

/// D4: a number that a sheet has shortened is asked about.
#[test]
fn a_number_in_scientific_notation_is_asked_about() {
    let row = |number: &str| format!("{HEADING}\n\"{number}\",2026-11-01,,EUR,DE1,FR1,,,,119,,119,\n");
    for written in ["2,02611E+11", "2.02611E+11", "2E+11", "-1.5e-7", "2.02611E+011"] {
        assert_eq!(faults(&row(written)), [format!(r#"csv_scientific line="2" column="number" text="{written}""#)]);
    }
    for number in ["12E3", "1E5", "E+11", "RE+1", "2026E+A", "1.2.3E+4"] {
        assert!(matches!(read(row(number).as_bytes()), Ok(Table::Invoices(_))), "{number}");
    }
    let buyers = "invoice_number,supplier_tax_id,amount,due_date\n2.02611E+11,DE1,5,2027-01-31\n";
    let told = read_confirmations(buyers.as_bytes()).unwrap().unwrap_err().told;
    assert_eq!(told[0].code(), "csv_scientific");
}
