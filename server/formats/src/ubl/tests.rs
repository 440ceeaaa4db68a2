//! Real files of the shared collection against the fields that an independent tool read, and hostile ones.

use super::*;

fn shared() -> Option<String> {
    let root = std::env::var("KONTOR_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
    let found = std::path::Path::new(&root).join("data/manifest.csv").exists();
    if !found {
        println!("left out: shared data is absent");
    }
    found.then(|| format!("{root}/data"))
}

/// Splits a CSV file whose quoted cells may hold commas and line ends.
pub(crate) fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut marks = text.chars().peekable();
    while let Some(mark) = marks.next() {
        match mark {
            '"' if quoted && marks.peek() == Some(&'"') => {
                cell.push('"');
                marks.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell).trim_end_matches('\r').to_owned());
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    rows
}

fn plain(number: &str) -> String {
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    number.trim_start_matches('+').to_owned()
}

#[test]
fn every_financeable_file_reads_to_the_expected_fields() {
    let Some(data) = shared() else { return };
    let rows = read_csv(&std::fs::read_to_string(format!("{data}/manifest.csv")).unwrap());
    let column = |name: &str| rows[0].iter().position(|cell| cell == name).unwrap();
    let (mut read, mut wrong) = (0, Vec::new());
    for row in rows.iter().skip(1).filter(|row| row[column("kind")] == "ubl-invoice") {
        if !["financeable", "review", "either"].contains(&row[column("expect")].as_str()) {
            continue;
        }
        let path = format!("{data}/{}", row[0]);
        let invoice = match parse(&std::fs::read(&path).unwrap()) {
            Ok(invoice) => invoice,
            Err(fault) => {
                if row[column("expect")] == "financeable" {
                    wrong.push(format!("{}: {fault}", row[0]));
                }
                continue;
            }
        };
        read += 1;
        let due = invoice.due_date.map(|day| day.to_string()).unwrap_or_default();
        for (name, got) in [
            ("invoice_number", invoice.number.clone()),
            ("issue_date", invoice.issue_date.to_string()),
            ("due_date", due),
            ("currency", invoice.currency.clone()),
            ("seller_vat", invoice.seller.tax_id.clone()),
            ("buyer_vat", invoice.buyer.tax_id.clone()),
            ("payable", plain(&invoice.payable)),
        ] {
            let wanted = match name {
                "payable" => plain(&row[column(name)]),
                // XML Schema allows a time zone behind a date; it does not change the day.
                "issue_date" => row[column(name)].chars().take(10).collect(),
                _ => row[column(name)].clone(),
            };
            if wanted != got && !(name.ends_with("_vat") && wanted.is_empty()) {
                wrong.push(format!("{}: {name} is {got:?}, expected {wanted:?}", row[0]));
            }
        }
    }
    assert!(read > 90, "{read}");
    assert!(wrong.is_empty(), "{} of {read}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn hostile_and_malformed_files_are_refused_quickly() {
    let Some(data) = shared() else { return };
    let mut seen = 0;
    for folder in ["attack/xml-notwf", "attack/xml-xxe-payloads", "attack/xml-libxml2", "einvoice/malformed"] {
        for entry in std::fs::read_dir(format!("{data}/{folder}")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let started = std::time::Instant::now();
                let outcome = parse(&std::fs::read(&path).unwrap());
                assert!(started.elapsed().as_secs() < 5, "{}", path.display());
                assert!(outcome.is_err() || folder == "einvoice/malformed", "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn a_document_type_is_refused() {
    let file = br#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">&x;</Invoice>"#;
    assert!(matches!(parse(file), Err(FormatFault::NotXml(_))));
}
