//! Files of every kind through the front door, on both databases: each answered on its own, good ones taken once.

use crate::journey::{BUYER, SUPPLIER, onboard};
use domain::Currency;
use e2e::world::World;
use e2e::{Client, Database, shared_data};
use server::demo::files::{DemoInvoice, ubl};
use std::io::{Cursor, Write};

fn invoice(number: &str) -> String {
    ubl(&DemoInvoice {
        number,
        issue_date: "2021-05-25".parse().unwrap(),
        due_date: "2021-06-24".parse().unwrap(),
        currency: Currency::EUR,
        net_minor: 100_000,
        seller: (SUPPLIER.0, SUPPLIER.1),
        buyer: (BUYER.0, BUYER.1),
        order: "1",
        item: "Goods",
    })
}

fn pack(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const TABLE: &str = "number,issue_date,due_date,currency,seller_tax_id,buyer_tax_id,total,prepaid,payable\n";

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let wrong =
        invoice("A-3").replace("<cbc:PayableAmount currencyID=\"EUR\">1190.00", "<cbc:PayableAmount currencyID=\"EUR\">1190.01");
    let credit = invoice("A-6").replace(">380<", ">381<");
    let rows = format!(
        "{TABLE}A-4,2021-05-25,2021-06-24,EUR,{0},{1},500.00,,500.00\nA-5,2021-05-25,2021-06-24,EUR,{0},{1},500.00,100,400.00\n",
        SUPPLIER.1, BUYER.1
    );
    let faulty =
        format!("{TABLE}A-7,2021-05-25,,EUR,{0},{1},500,,500\nA-8,25.05.2021,,EUR,{0},{1},500,,400\n", SUPPLIER.1, BUYER.1);
    vec![
        ("one.xml", invoice("A-1").into_bytes()),
        ("pack.zip", pack(&[("a/two.xml", &invoice("A-2")), ("a/three.xml", &wrong)])),
        ("table.csv", rows.into_bytes()),
        ("faulty.csv", faulty.into_bytes()),
        ("credit.xml", credit.into_bytes()),
        ("nested.zip", pack(&[("inner.zip", "PK\u{3}\u{4}")])),
        ("picture.pdf", b"%PDF-1.7\nno table of objects".to_vec()),
    ]
}

fn upload(supplier: &Client, files: &[(&str, Vec<u8>)]) -> String {
    let answer = supplier.upload("/invoices/upload", "/invoices/upload", files);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

#[test]
fn files_of_every_kind_are_answered_one_by_one() {
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, SUPPLIER);
        onboard(&world, &operator, BUYER);
        let supplier = world.signed_in(SUPPLIER.3);
        let text = upload(&supplier, &files());
        for expected in [
            "4 of 10 files accepted",
            "Rule BR-CO-16 is broken: The amount due is not the total with VAT",
            "Row 3: issue_date cannot be “25.05.2021”",
            "Row 3: payable is 400, but the other amounts of the row lead to something else",
            "Invoice that it refers to is missing",
            "inner.zip is an archive inside the archive",
            "The PDF is damaged",
            "pack.zip/a/three.xml",
            "table.csv:3",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        // The same files again change nothing.
        let again = upload(&supplier, &files());
        assert!(again.contains("0 of 10 files accepted") && again.contains("A-5 is on Kontor already"), "{again}");
        let drafts = supplier.open("/invoices?state=draft").text();
        assert!(drafts.contains("A-4") && drafts.contains("EUR 400.00") && !drafts.contains("A-7"), "{drafts}");
        hostile_ones(&supplier);
        through_the_api(&world);
        world.verify();
    }
}

fn hostile_ones(supplier: &Client) {
    let Some(data) = shared_data() else { return };
    let read = |path: &str| std::fs::read(data.join(path)).unwrap();
    let text = upload(
        supplier,
        &[
            ("bomb.zip", read("attack/zip/bomb_20MB.zip")),
            ("bomb.pdf", read("einvoice/mutants-pdf/attachment_bomb_20MB.pdf")),
            ("two.pdf", read("einvoice/mutants-pdf/two_different_invoices.pdf")),
            ("hybrid.pdf", read("einvoice/mustang/EN16931_Einfach.pdf")),
            ("fapiao.ofd", read("einvoice/china-ofd/999.ofd")),
        ],
    );
    for expected in [
        "unpacks to more than 10 MB",
        "The PDF unpacks to more than is allowed",
        "holds more than one invoice",
        // These two are read well, and their seller is another company.
        "0 of 5 files accepted",
        "The seller in the file is not your company",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

fn through_the_api(world: &World) {
    let supplier = world.api(SUPPLIER.3);
    let send = |kind: &str, key: &str, body: String| {
        supplier.post_with("/api/v1/register-invoice", &[("Content-Type", kind), ("Idempotency-Key", key)], body)
    };
    let wrong = send("application/xml", "intake-wrong", invoice("B-1").replace("<cbc:ID>B-1</cbc:ID>", ""));
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (422, Some("file_unreadable")));
    assert_eq!(wrong.json()["fault"], serde_json::json!({ "code": "rule", "arguments": { "rule": "BR-02", "line": "0" } }));
    let row = |number: &str| format!("{number},2021-05-25,,EUR,{},{},5,,5\n", SUPPLIER.1, BUYER.1);
    let table = send("text/csv", "intake-table", format!("{TABLE}{}{}", row("B-2"), row("A-1")));
    let items = table.json()["items"].clone();
    assert_eq!((items[0]["result"]["review"].as_str(), items[1]["result"]["review"].as_str()), (Some(""), Some("open")));
}
