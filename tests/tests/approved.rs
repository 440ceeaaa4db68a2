//! Payables that their buyer approves before the invoices come, on both databases: what is the same confirms itself, what differs waits for
//! an answer, and what no invoice has used can be withdrawn.

use crate::journey::{BUYER, SUPPLIER, approve, onboard, second_of};
use domain::Currency;
use domain::confirmation_list::{ApprovedState, ListState};
use domain::invoice::InvoiceState;
use e2e::world::World;
use e2e::{Answer, Client, Database};
use kernel::{ApprovedPayableId, InvoiceId};
use serde_json::{Value, json};
use server::demo::files::{DemoInvoice, ubl};
use store::records::{Keyed, Record};
use store::{Approval, ApprovedPayable, Confirmation, ConfirmationEvidence, ConfirmationList, Invoice, Notice, Receivable};

const HEADING: &str = "supplier_tax_id,invoice_number,issue_date,due_date,currency,total,deducted,payable\n";

fn row(number: &str, due: &str, payable: &str) -> String {
    format!("{},{number},2021-05-25,{due},EUR,,,{payable}\n", SUPPLIER.1)
}

fn upload(buyer: &Client, content: &str) -> Answer {
    buyer.upload("/payables/approved/file", "/payables/approved/file", &[("payables.csv", content.as_bytes().to_vec())])
}

/// The supplier's invoice of that number, presented; what came of it.
fn present(world: &World, number: &str, net_minor: i64, due: &str) -> (InvoiceId, Value) {
    present_of("2021-05-25", world, number, net_minor, due)
}

fn present_of(issued: &str, world: &World, number: &str, net_minor: i64, due: &str) -> (InvoiceId, Value) {
    let supplier = world.api(SUPPLIER.3);
    let file = ubl(&DemoInvoice {
        number,
        issue_date: issued.parse().unwrap(),
        due_date: due.parse().unwrap(),
        currency: Currency::EUR,
        net_minor,
        seller: (SUPPLIER.0, SUPPLIER.1),
        buyer: (BUYER.0, BUYER.1),
        order: "1",
        item: "Goods",
    });
    let key = format!("register-{number}");
    let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", key.as_str())];
    let kept = supplier.post_with("/api/v1/register-invoice", &headers, file);
    let id = InvoiceId(kept.json()["result"]["invoice_id"].as_i64().unwrap_or_else(|| panic!("{}", kept.body)));
    let sent = supplier.api("submit-invoice", &format!("submit-{number}"), &json!({ "invoice_id": id }));
    assert_eq!(sent.status, 200, "{}", sent.body);
    (id, sent.json()["result"].clone())
}

#[test]
fn what_was_approved_in_advance_confirms_itself() {
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, SUPPLIER);
        onboard(&world, &operator, BUYER);
        let (buyer, api, supplier) = (world.signed_in(BUYER.3), world.api(BUYER.3), world.api(SUPPLIER.3));
        let state = |id: InvoiceId| Invoice::load(&mut world.conn(), id).unwrap().state;
        let entry = |number: &str| {
            let sql = "number = ? ORDER BY id LIMIT 1";
            ApprovedPayable::find_where(&mut world.conn(), sql, &[number.into()]).unwrap().unwrap_or_else(|| panic!("{number}"))
        };

        // One wrong row, and nothing of the table is taken; every fault names its line and column.
        let wrong = format!("{HEADING}{}DE999999999,B-1,2021-05-25,2021-07-01,EUR,,,5.00\n", row("A-1", "2021-06-40", "1"));
        let answer = upload(&buyer, &wrong);
        assert!(answer.status == 422 && answer.text().contains("2021-06-40"), "{}", answer.text());
        let unknown = format!("{HEADING}DE999999999,B-1,2021-05-25,2021-07-01,EUR,,,5.00\n");
        let by_api = |key: &str, content: &str| {
            api.post_with("/api/v1/read-payables", &[("Content-Type", "text/csv"), ("Idempotency-Key", key)], content.to_owned())
        };
        let no = by_api("an-unknown-supplier", &unknown).json();
        assert_eq!((no["code"].clone(), no["rows"][0]["code"].clone()), ("rows_wrong".into(), "supplier_unknown".into()), "{no}");
        assert_eq!((no["rows"][0]["line"].clone(), no["rows"][0]["column"].clone()), (2.into(), "supplier_tax_id".into()));
        // A wrong heading or an empty file is told what is missing; so are a due date before the issue and a character nobody sees.
        let needed = "supplier_tax_id, invoice_number, issue_date, due_date, currency, payable";
        for (index, file) in ["", "foo,bar\n1,2\n"].into_iter().enumerate() {
            let told = upload(&buyer, file);
            assert_eq!(told.status, 422, "{}", told.text());
            assert!(told.text().contains(&format!("The heading lacks {needed}.")), "{}", told.text());
            let told = by_api(&format!("a-wrong-heading-{index}"), file).json();
            assert_eq!(told["fault"]["arguments"]["needed"], needed, "{told}");
        }
        let early = format!("{HEADING}DE1,B-1,2021-05-25,2021-05-24,EUR,,,5.00\n");
        assert!(upload(&buyer, &early).text().contains("Row 2: due_date is 2021-05-24, which is before 2021-05-25"));
        let turned = format!("{HEADING}DE1,B\u{202E}1,2021-05-25,2021-07-01,EUR,,,5.00\n");
        let no = by_api("a-turned-number", &turned).json();
        let place = (no["rows"][0]["line"].clone(), no["rows"][0]["column"].clone(), no["rows"][0]["code"].clone());
        assert_eq!(place, (2.into(), "invoice_number".into(), "csv_hidden".into()), "{no}");
        assert!(upload(&buyer, &turned).text().contains("Row 2: invoice_number holds the character U+202E"));
        assert!(ConfirmationList::list_where(&mut world.conn(), "1 = 1", &[]).unwrap().is_empty());

        // The check page: the sum, the words, and what cannot be approved with the reason.
        let (here, _) = present(&world, "A-6", 606_000, "2021-07-01");
        let table = format!(
            "{HEADING}{}{}{}{}{}",
            row("a 1", "2021-07-01", "1190.00"),
            row("A-2", "2021-07-01", "2380.00"),
            row("A-3", "2021-07-01", "3570.00"),
            row("A-4", "2021-06-01", "4760.00"),
            row("A-6", "2021-07-01", "7211.40"),
        );
        let check = upload(&buyer, &table).text();
        for part in [
            "3 payables will be approved in advance",
            "EUR 7,140.00",
            "undertakes to pay EUR 1,190.00 on 2021-07-01",
            "may withdraw this approval",
        ] {
            assert!(check.contains(part), "{part}: {check}");
        }
        assert!(check.contains("A-4 Real Supplier EUR 4,760.00") && check.contains("A-6 Real Supplier EUR 7,211.40"), "{check}");
        let list = ConfirmationList::find_where(&mut world.conn(), "state = 'draft'", &[]).unwrap().unwrap();
        let page = format!("/payables/lists/{}", list.id);
        assert_eq!(present(&world, "A-0", 100_100, "2021-07-01").1.get("evidence_hash"), None);
        let asked = buyer.fill(&page, &format!("{page}/confirm"), &[]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        let request = Approval::find_where(&mut world.conn(), "command = 'confirm_list'", &[]).unwrap().unwrap();
        assert_eq!((request.amount_minor, request.currency.as_str()), (Some(714_000), "EUR"), "the sum decides");
        let own = json!({ "approval_id": request.id, "body_hash": request.body_hash, "approve": true });
        assert_eq!(api.api("decide-approval", "own-request", &own).status, 403);
        assert_eq!(entry("a 1").state, ApprovedState::Waiting, "nothing is approved yet");
        let checker = world.signed_in(&second_of(BUYER.3));
        assert!(
            checker
                .get(&format!("/approvals/{}", request.id))
                .text()
                .contains("each binds irrevocably when its invoice is presented")
        );
        assert_eq!(approve(&checker).status, 200);
        assert_eq!(ConfirmationList::load(&mut world.conn(), list.id).unwrap().state, ListState::Done);

        // The same file again changes nothing.
        let again = by_api("the-same-again", &table).json();
        assert_eq!((again["result"]["count"].clone(), again["result"]["excluded"].clone()), (0.into(), 5.into()), "{again}");
        let empty = json!({ "list_id": again["result"]["list_id"], "list_hash": again["result"]["list_hash"] });
        assert_eq!(api.api("confirm-list", "nothing-on-it", &empty).json()["code"], "nothing_chosen");

        // The invoice that says the same is confirmed when it is presented, in the names of those who signed before.
        let (id, told) = present(&world, "A-1", 100_000, "2021-07-05");
        let row = Invoice::load(&mut world.conn(), id).unwrap();
        assert_eq!((row.state.name(), row.confirmed_minor, row.due_date), ("confirmed", 119_000, "2021-07-01".parse().ok()));
        let signed = Confirmation::find_where(&mut world.conn(), "invoice_id = ?", &[id.into()]).unwrap().unwrap();
        assert_eq!((signed.signer_id, signed.version.as_str()), (request.maker_id, "2026-11-advance"));
        assert!(signed.approver_id.is_some() && server::hash::sha256_hex(signed.words_en.as_bytes()) == signed.words_hash);
        let evidence = ConfirmationEvidence::find_where(&mut world.conn(), "invoice_id = ?", &[id.into()]).unwrap().unwrap();
        assert_eq!(told["evidence_hash"], evidence.hash.as_str());
        let asked_at = request.created_at.format("\nasked-at=%Y-%m-%dT%H:%M:%SZ\n").to_string();
        for part in [
            "signed=First Person",
            "approved=Second Person",
            "approved in advance by the file with SHA-256",
            asked_at.as_str(),
            row.document.as_str(),
        ] {
            assert!(evidence.text.contains(part), "{part}: {}", evidence.text);
        }
        assert!(Receivable::find_where(&mut world.conn(), "invoice_id = ?", &[id.into()]).unwrap().is_some());
        assert_eq!((entry("a 1").state.name(), entry("a 1").invoice_id), ("used", Some(id)));
        assert!(buyer.get(&format!("/payables/{id}")).text().contains("once Real Supplier presents that invoice"));

        // One that differs goes the ordinary way, with the difference shown.
        let (id, told) = present(&world, "A-2", 200_100, "2021-06-30");
        assert_eq!((state(id).name(), told.get("evidence_hash")), ("presented", None));
        let shown = buyer.get(&format!("/payables/{id}")).text();
        for part in ["this one differs", "EUR 2,380.00", "EUR 2,381.19", "1 Jul 2021", "30 Jun 2021"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(
            !world.signed_in(SUPPLIER.3).get(&format!("/invoices/{id}")).text().contains("2,380.00"),
            "the supplier does not see it"
        );

        // Answered in the ordinary way, it leaves nothing open behind; the buyer reads why.
        let page = format!("/payables/{id}");
        let asked = buyer.fill_and_confirm(&page, &format!("{page}/check"), &[]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!(approve(&checker).status, 200);
        assert_eq!((state(id).name(), entry("A-2").state.name()), ("confirmed", "lapsed"));
        let shown = buyer.get(&format!("/payables/approved/{}", entry("A-2").id)).text();
        assert!(shown.contains("Ended unused") && shown.contains("Reason"), "{shown}");

        // Withdrawn as long as no invoice has used it, by the buyer alone.
        let (third, used) = (entry("A-3").id, entry("a 1").id);
        let withdraw = |client: &Client, key: &str, id: ApprovedPayableId| {
            client.api("withdraw-approved", key, &json!({ "approved_id": id }))
        };
        assert_eq!(withdraw(&supplier, "not-the-supplier", third).status, 403);
        assert_eq!(withdraw(&api, "nobody-has-it", ApprovedPayableId(999_999)).status, 404);
        assert_eq!(withdraw(&api, "used-already", used).json()["code"], "state_conflict");
        let page = format!("/payables/approved/{third}");
        let done = buyer.fill(&page, &format!("{page}/withdraw"), &[]);
        assert!(done.text().contains("Approval in advance withdrawn"), "{}", done.text());
        let (id, _) = present(&world, "A-3", 300_000, "2021-07-01");
        assert_eq!(state(id), InvoiceState::Presented);
        assert_eq!(state(here), InvoiceState::Presented, "what was here before is answered on its own page");

        // Another day of issue is another invoice, be all else the same.
        let other_day = format!("{HEADING}{}", self::row("A-8", "2021-07-01", "952.00"));
        let drafted = by_api("another-day", &other_day).json()["result"].clone();
        let decided = json!({ "list_id": drafted["list_id"], "list_hash": drafted["list_hash"] });
        assert_eq!(api.api("confirm-list", "another-day-asked", &decided).status, 202);
        assert_eq!(approve(&checker).status, 200);
        let (id, _) = present_of("2021-05-24", &world, "A-8", 80_000, "2021-07-01");
        assert_eq!((state(id).name(), entry("A-8").state.name()), ("presented", "approved"));
        assert!(buyer.get(&format!("/payables/{id}")).text().contains("24 May 2021"));

        // What comes too late for its own day waits for an answer as well.
        let late = format!("{HEADING}{}", self::row("A-7", "2021-06-12", "833.00"));
        let drafted = by_api("a-close-day", &late).json()["result"].clone();
        let decided = json!({ "list_id": drafted["list_id"], "list_hash": drafted["list_hash"] });
        assert_eq!(api.api("confirm-list", "a-close-day-asked", &decided).status, 202);
        assert_eq!(approve(&checker).status, 200);
        assert_eq!(entry("A-7").state, ApprovedState::Approved);
        // Its day is too close by now: it ends with the day, and buyer and supplier are told.
        world.move_to("2021-06-13");
        assert_eq!((entry("A-7").state.name(), entry("A-8").state.name()), ("lapsed", "approved"));
        let told = "kind IN ('approvals_lapsed', 'approvals_lapsed_supplier') AND link LIKE ?";
        for link in ["/payables/approved%", "/invoices%"] {
            assert_eq!(Notice::list_where(&mut world.conn(), told, &[link.into()]).unwrap().len(), 2, "A-2 and A-7");
        }
        let (id, _) = present(&world, "A-7", 70_000, "2021-07-01");
        assert_eq!(state(id), InvoiceState::Presented);
        assert!(buyer.get(&format!("/payables/{id}")).text().contains("it could not confirm itself"));
        let all = api.get("/api/v1/payables/approved").json();
        let states: Vec<_> = all["items"].as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["lapsed", "approved", "withdrawn", "lapsed", "used"], "{all}");
        world.verify();
        let spoil = "UPDATE approved_payables SET payable_minor = payable_minor + 1 WHERE state = 'used'";
        assert_eq!(store::query::execute(&mut world.conn(), spoil, &[]).unwrap(), 1);
        let (_, finding) = store::verify::verify(&mut world.conn()).unwrap();
        assert!(format!("{finding:?}").contains("what it has confirmed is not what was approved"), "{finding:?}");
    }
}
