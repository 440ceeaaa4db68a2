//! Files of every kind through the front door, on both databases: each answered on its own, good ones taken once.

use crate::journey::{BUYER, SUPPLIER, onboard};
use domain::Currency;
use e2e::world::World;
use e2e::{Client, Database, shared_data};
use server::demo::files::{DemoInvoice, ubl};
use std::io::{Cursor, Write};
use store::records::Record;

fn invoice(number: &str) -> String {
    invoice_over(number, 100_000)
}

pub fn invoice_over(number: &str, net_minor: i64) -> String {
    ubl(&DemoInvoice {
        number,
        issue_date: "2021-05-25".parse().unwrap(),
        due_date: "2021-06-24".parse().unwrap(),
        currency: Currency::EUR,
        net_minor,
        seller: (SUPPLIER.0, SUPPLIER.1),
        buyer: (BUYER.0, BUYER.1),
        order: "1",
        item: "Goods",
    })
}

pub fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
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
        ("pack.zip", pack(&[("a/two.xml", invoice("A-2").as_bytes()), ("a/three.xml", wrong.as_bytes())])),
        ("table.csv", rows.into_bytes()),
        ("faulty.csv", faulty.into_bytes()),
        ("credit.xml", credit.into_bytes()),
        ("nested.zip", pack(&[("inner.zip", b"PK\x03\x04")])),
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
        assert!(again.contains("0 of 9 files accepted") && again.contains("A-2 is on Kontor already"), "{again}");
        assert!(again.contains("This table was loaded before. Nothing has changed."), "{again}");
        warned_but_taken(&supplier);
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
        "your company has BE0000000000",
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
    let row =
        |number: &str, buyer: &str, amount: &str| format!("{number},2021-05-24,,EUR,{},{buyer},{amount},,{amount}\n", SUPPLIER.1);
    let count = || store::query::int(&mut world.conn(), "SELECT COUNT(*) AS value FROM invoices", &[]).unwrap().unwrap();
    // Nothing half-loaded: one row that cannot be, and none is; every fault is told by row and column.
    let before = count();
    let good = format!("{TABLE}{}{}{}", row("B-2", BUYER.1, "5"), row("B-3", BUYER.1, "6"), row("B-4", BUYER.1, "7"));
    let known = format!("A-1,2021-05-25,,EUR,{},{},1190,,1190\n", SUPPLIER.1, BUYER.1);
    let wrong = format!("{good}{}{known}{}", row("B-5", "NOBODY11", "8"), row("B-6", BUYER.1, "-1"));
    let answer = send("text/csv", "intake-table-wrong", wrong).json();
    let told: Vec<(u64, &str, &str)> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["line"].as_u64().unwrap(), item["column"].as_str().unwrap(), item["code"].as_str().unwrap()))
        .collect();
    let expected =
        [(5, "buyer_tax_id", "buyer_unknown"), (6, "number", "duplicate_invoice"), (7, "payable", "payable_not_positive")];
    assert_eq!((told.as_slice(), count()), (&expected[..], before));
    let page = upload(&world.signed_in(SUPPLIER.3), &[("wrong.csv", format!("{good}{}", row("B-7", "NOBODY11", "9")).into())]);
    assert!(page.contains("Row 5, column buyer_tax_id: ") && page.contains("Nothing of the table was taken"), "{page}");
    // What the reader finds has its place too.
    let unread = send("text/csv", "intake-table-unread", format!("{good}{}", row("B-7", BUYER.1, "much"))).json();
    let first = &unread["items"][0];
    assert_eq!((&first["line"], &first["column"]), (&serde_json::json!(5), &serde_json::json!("total")), "{unread}");
    // Taken whole; the same key answers the same, the same file changes nothing.
    let taken = send("text/csv", "intake-table", good.clone()).json();
    assert_eq!((taken["items"].as_array().unwrap().len(), count()), (3, before + 3), "{taken}");
    assert_eq!(send("text/csv", "intake-table", good.clone()).json()["items"], taken["items"]);
    let again = send("text/csv", "intake-table-again", good).json();
    assert_eq!((&again["result"]["loaded_before"], count()), (&serde_json::json!(true), before + 3));
    // A credit note is a row like any other.
    let credit = format!(
        "number,type_code,issue_date,currency,seller_tax_id,buyer_tax_id,total,payable,preceding\nC-2,381,2021-05-25,EUR,{},{},2,2,B-2\n",
        SUPPLIER.1, BUYER.1
    );
    let credited = send("text/csv", "intake-table-credit", credit).json();
    assert_eq!(credited["result"]["credited_invoice"], "B-2", "{credited}");
}

/// A code that its list lacks warns by its rule, at the upload and on the invoice, in both languages.
fn warned_but_taken(supplier: &Client) {
    let file = invoice_over("W-100", 110_000).replace("unitCode=\"C62\"", "unitCode=\"XXXX\"");
    let text = upload(supplier, &[("warned.xml", file.into_bytes())]);
    assert!(text.contains("1 of 1 file accepted") && text.contains("Warning BR-CL-23"), "{text}");
    let page = supplier.open("/invoices?state=draft").link("/invoices/1");
    let shown = supplier.open(&page).text();
    assert!(shown.contains("Warnings on the file") && shown.contains("BR-CL-23"), "{shown}");
    supplier.set_cookie("__Host-language", "zh");
    assert!(supplier.open(&page).text().contains("文件警告"), "in Chinese too");
    supplier.set_cookie("__Host-language", "en");
}

/// The limit that the page states is the limit, and says so when it is passed.
#[test]
fn more_files_than_are_taken_at_once() {
    let world = World::start(Database::sqlite(), "2026-03-02");
    let operator = world.signed_in("operator@x.example");
    onboard(&world, &operator, SUPPLIER);
    let supplier = world.signed_in(SUPPLIER.3);
    let files: Vec<(&str, Vec<u8>)> = (0..=server::config::MOST_FILES).map(|_| ("a.xml", b"<x/>".to_vec())).collect();
    let told = supplier.upload("/invoices/upload", "/invoices/upload", &files);
    assert_eq!(told.status, 413);
    assert!(told.text().contains(&format!("At most {} files", server::config::MOST_FILES)), "{}", told.text());
}

/// A clerk's whole month: as many files as the page says, in one go, each with its answer.
#[test]
fn five_hundred_files_go_at_once() {
    let world = World::start(Database::sqlite(), "2026-03-02");
    let operator = world.signed_in("operator@x.example");
    onboard(&world, &operator, SUPPLIER);
    onboard(&world, &operator, BUYER);
    let supplier = world.signed_in(SUPPLIER.3);
    let most = server::config::MOST_FILES;
    let day: chrono::NaiveDate = "2026-03-02".parse().unwrap();
    let file = |at: usize| {
        let (number, name) = (format!("MONTH-{at:04}"), format!("{at:04}.xml"));
        let content = ubl(&DemoInvoice {
            number: &number,
            issue_date: day,
            due_date: day + chrono::Days::new(40),
            currency: Currency::EUR,
            net_minor: 100_000 + i64::try_from(at).unwrap(),
            seller: (SUPPLIER.0, SUPPLIER.1),
            buyer: (BUYER.0, BUYER.1),
            order: "1",
            item: "Goods",
        });
        // One of them is broken in the middle, and blocks nobody.
        (name, if at == 250 { b"<Invoice".to_vec() } else { content.into_bytes() })
    };
    let files: Vec<(String, Vec<u8>)> = (0..most).map(file).collect();
    let sent: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
    let began = std::time::Instant::now();
    let told = supplier.upload("/invoices/upload", "/invoices/upload", &sent);
    println!("{most} files in {:?}", began.elapsed());
    assert_eq!(told.status, 200, "{}", told.text());
    assert!(told.text().contains(&format!("{} of {most}", most - 1)), "{}", &told.text()[..2_000]);
    let drafts = store::lists::count(&mut world.conn(), "invoices", "state = 'draft' AND number LIKE 'MONTH-%'", &[]).unwrap();
    assert_eq!(usize::try_from(drafts).unwrap(), most - 1);
    world.verify();
}

/// An invoice that a person types in is examined like every other, keeps what was typed, and is told beside its field what is wrong.
#[test]
fn an_invoice_can_be_typed_in() {
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, SUPPLIER);
        onboard(&world, &operator, BUYER);
        let supplier = world.signed_in(SUPPLIER.3);
        let fields = |number: &'static str, buyer: &'static str, total: &'static str| {
            [
                ("number", number),
                ("issue_date", "2021-05-25"),
                ("due_date", ""),
                ("buyer_tax_id", buyer),
                ("currency", "EUR"),
                ("total", total),
                ("prepaid", "100.00"),
                ("order_reference", "PO \"7\", part"),
            ]
        };
        let send = |fields: &[(&str, &str)]| supplier.fill("/invoices/new", "/invoices/new", fields);
        for (number, buyer, total, says) in [
            ("", BUYER.1, "1,190.00", "is missing"),
            ("T-1", "DE999999999", "1,190.00", "href=\"#"),
            ("T-1", BUYER.1, "nothing", "href=\"#"),
            ("T-1", BUYER.1, "99.99", "href=\"#"),
        ] {
            let wrong = send(&fields(number, buyer, total));
            assert!(
                (400..500).contains(&wrong.status) && wrong.body.contains(says),
                "{number} {buyer} {total}: {}",
                wrong.text()
            );
            assert!(wrong.body.contains("action=\"/invoices/new\""), "{}", wrong.text());
        }
        let page = send(&fields("T-1", BUYER.1, "1,190.00"));
        assert!(page.status == 200 && page.text().contains("T-1") && page.text().contains("1,090.00"), "{}", page.text());
        let kept = store::Invoice::find_where(&mut world.conn(), "number = 'T-1'", &[]).unwrap().unwrap();
        assert_eq!(
            (kept.total_minor, kept.payable_minor, kept.prepaid_minor, kept.state.name()),
            (119_000, 109_000, 10_000, "draft")
        );
        assert_eq!(kept.order_reference, "PO \"7\", part");
        let again = send(&fields("t 1", BUYER.1, "1,190.00"));
        assert_eq!(again.status, 409, "{}", again.text());
        world.verify();
    }
}
