//! An invoice's file beside the fields that were taken from it, whatever kind of file it is; and files that must not be opened.

use crate::journey::{BUYER, SUPPLIER, onboard};
use e2e::world::{World, file_reader};
use e2e::{Client, Database, shared_data};
use kernel::PartyId;
use server::file_reader::{FileReader, Shown};
use std::time::{Duration, Instant};
use store::Invoice;
use store::records::Record;

/// Seller and buyer of the collection's hybrid invoice.
const SELLER: (&str, &str, &str, &str) = ("Bei Spiel GmbH", "DE136695976", "supplier", "seller@x.example");
const CUSTOMER: (&str, &str, &str, &str) = ("Theodor Est", "DE999999999", "buyer", "customer@x.example");

fn only_invoice(world: &World, number: &str) -> Invoice {
    Invoice::find_where(&mut world.conn(), "number = ?", &[number.into()]).unwrap().unwrap()
}

/// A file's answer: to be saved, never shown, and able to do nothing where it is.
fn downloaded(client: &Client, path: &str) -> (String, String) {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let header = |name: &str| answer.headers.get(name).cloned().unwrap_or_default();
    let (place, policy) = (header("content-disposition"), header("content-security-policy"));
    assert!(place.starts_with("attachment;"), "{place}");
    assert_eq!(header("content-type"), "application/octet-stream");
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    assert_eq!(header("x-content-type-options"), "nosniff");
    (answer.body, place)
}

#[test]
fn a_hybrid_pdf_stands_beside_its_fields() {
    let Some(data) = shared_data() else { return };
    let pdf = std::fs::read(data.join("einvoice/zugferd-corpus-other/python-factur-x.pdf")).unwrap();
    for database in Database::both() {
        let world = World::start(database, "2017-11-20");
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, SELLER);
        onboard(&world, &operator, CUSTOMER);
        let supplier = world.signed_in(SELLER.3);
        let answer = supplier.upload("/invoices/upload", "/invoices/upload", &[("RE-20171118_506.pdf", pdf.clone())]).text();
        assert!(answer.contains("1 of 1 file"), "{answer}");
        let row = only_invoice(&world, "RE-20171118/506");
        assert_eq!(row.format, "pdf");
        // The same file in both languages, to both sides: the XML part's own words, and which of the two the fields come from.
        assert_eq!(
            world.api(SELLER.3).api("submit-invoice", "hybrid-submit", &serde_json::json!({ "invoice_id": row.id })).status,
            200
        );
        let buyer = world.signed_in(CUSTOMER.3);
        for (client, page) in [(&supplier, "invoices"), (&buyer, "payables")] {
            let shown = client.open(&format!("/{page}/{}", row.id));
            let text = shown.text();
            for expected in [
                "inside this PDF",
                "factur-x.xml",
                "Künstlerische Gestaltung (Stunde)",
                "EUR 571.04",
                "Download the PDF",
                "given as a download only",
            ] {
                assert!(text.contains(expected), "{expected}: {text}");
            }
            assert!(!shown.body.contains("<iframe") && !shown.body.contains("<object") && !shown.body.contains("<embed"));
            let (bytes, place) = downloaded(client, &shown.link("/documents/"));
            assert!(bytes == String::from_utf8_lossy(&pdf) && place.ends_with(".pdf\""), "{place}");
        }
        world.verify();
    }
}

/// Every PDF and OFD file of the collections, good and hostile, through the child process: what it holds, or nothing, in time.
#[test]
fn hostile_containers_show_nothing() {
    let Some(data) = shared_data() else { return };
    let reader = FileReader::new(&file_reader());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shown = |content: &[u8]| runtime.block_on(reader.show(PartyId(1), content.to_vec(), String::new())).unwrap();
    let (mut good, mut nothing) = (0, 0);
    let folders = [
        "einvoice/mustang",
        "einvoice/mutants-pdf",
        "einvoice/zugferd-corpus-triples",
        "einvoice/china-ofd",
        "attack/pdf-pdfjs",
        "attack/pdf-qpdf",
        "attack/pdf-verapdf-embedded",
    ];
    for folder in folders {
        for path in std::fs::read_dir(data.join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            let content = std::fs::read(&path).unwrap();
            if formats::read::container(&content).is_none() || content.len() > server::config::LARGEST_FILE {
                continue;
            }
            let begun = Instant::now();
            match shown(&content) {
                Shown::Invoice(_, Some(_)) => good += 1,
                Shown::Nothing => nothing += 1,
                other => panic!("{}: {other:?}", path.display()),
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "{}: {:?}", path.display(), begun.elapsed());
            assert!(!folder.starts_with("attack") || matches!(shown(&content), Shown::Nothing), "{}", path.display());
        }
    }
    assert!(good > 5 && nothing > 30, "{good} {nothing}");
}

/// ASVS 5.3.2, 5.4.1, 5.4.2: a file is found by its hash and given out under a clean name.
#[test]
fn a_row_of_a_table_stands_beside_its_fields_and_other_rows_stay_hidden() {
    const OTHER: (&str, &str, &str, &str) = ("Other Buyer", "DE811569869", "buyer", "other@x.example");
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        for company in [SUPPLIER, BUYER, OTHER] {
            onboard(&world, &operator, company);
        }
        let supplier = world.signed_in(SUPPLIER.3);
        let table = format!(
            "number,issue_date,due_date,currency,seller_tax_id,buyer_tax_id,total,payable,note\n\
             T-1,2021-05-25,2021-06-24,EUR,{0},{1},500.00,500.00,=cmd()\nT-2,2021-05-25,2021-06-24,EUR,{0},{2},612.00,612.00,secret\n",
            SUPPLIER.1, BUYER.1, OTHER.1
        );
        let answer = supplier.upload("/invoices/upload", "/invoices/upload", &[("table.csv", table.clone().into_bytes())]);
        assert!(answer.text().contains("2 of 2 files accepted"), "{}", answer.text());
        let row = only_invoice(&world, "T-1");
        let submit = serde_json::json!({ "invoice_id": row.id });
        assert_eq!(world.api(SUPPLIER.3).api("submit-invoice", "row-submit", &submit).status, 200);
        let buyer = world.signed_in(BUYER.3);
        let shown = buyer.open(&format!("/payables/{}", row.id));
        let text = shown.text();
        assert!(text.contains("line 2 of a table") && text.contains("=cmd()") && !text.contains("secret"), "{text}");
        // The buyer gets its own rows, the operator all of them, disarmed; whoever brought the table, the file itself.
        let path = shown.link("/documents/");
        let given = downloaded(&buyer, &path).0;
        assert!(given.contains("\"T-1\",2021-05-25") && given.contains("'=cmd()"), "{given}");
        assert!(!given.contains("T-2") && !given.contains("secret"), "{given}");
        assert_eq!(downloaded(&supplier, &path).0, table);
        let looked_at = downloaded(&operator, &path).0;
        assert!(looked_at.contains("'=cmd()") && looked_at.contains("secret") && !looked_at.contains(",=cmd()"), "{looked_at}");
        assert_eq!(world.signed_in(OTHER.3).get(&path).status, 404, "T-2 has not been presented");
        world.verify();
    }
}
