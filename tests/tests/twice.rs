//! No invoice is financed twice: what is the same is blocked, what looks the same waits for a person, over HTTP on both
//! databases.

use crate::journey::{BUYER, SUPPLIER, approve, onboard, set_limit};
use domain::Currency;
use domain::invoice::InvoiceState;
use domain::review::ReviewState;
use e2e::world::World;
use e2e::{Client, Database};
use kernel::{ApprovalId, ConfirmationListId, InvoiceId, ReviewId};
use serde_json::{Value, json};
use server::demo::files::{DemoInvoice, ubl};
use store::records::{Keyed, Record};

const OTHER_SUPPLIER: (&str, &str, &str, &str) = ("Sister Supplier", "BE0999999999", "supplier", "sister@x.example");

pub fn invoice_of(seller: (&str, &str), number: &str, day: &str, net_minor: i64) -> String {
    ubl(&DemoInvoice {
        number,
        issue_date: day.parse().unwrap(),
        due_date: "2021-07-24".parse().unwrap(),
        currency: Currency::EUR,
        net_minor,
        seller,
        buyer: (BUYER.0, BUYER.1),
        order: "PO-1",
        item: "Goods",
    })
}

pub fn invoice(number: &str, day: &str, net_minor: i64) -> String {
    invoice_of((SUPPLIER.0, SUPPLIER.1), number, day, net_minor)
}

/// Sends a file to the API and says what came of it: the review's standing, or why it was refused.
pub fn send(client: &Client, key: &str, body: String) -> (String, Value) {
    let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", key)];
    let answer = client.post_with("/api/v1/register-invoice", &headers, body).json();
    let refused = answer["code"].as_str().map(str::to_owned);
    (refused.unwrap_or_else(|| answer["result"]["review"].as_str().unwrap_or("?").to_owned()), answer["result"].clone())
}

pub fn rules_of(world: &World, review: &Value) -> String {
    store::Review::load(&mut world.conn(), ReviewId(review.as_i64().unwrap())).unwrap().rules
}

fn with_payee(file: &str, name: &str) -> String {
    let payee = format!("<cac:PayeeParty><cac:PartyName><cbc:Name>{name}</cbc:Name></cac:PartyName></cac:PayeeParty>");
    file.replacen("<cac:TaxTotal>", &format!("{payee}<cac:TaxTotal>"), 1)
}

pub fn naming(file: &str, type_code: &str, number: &str) -> String {
    let reference = format!(
        "<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>{number}</cbc:ID></cac:InvoiceDocumentReference></cac:BillingReference>"
    );
    file.replace(">380<", &format!(">{type_code}<")).replacen(
        "<cac:AccountingSupplierParty>",
        &format!("{reference}<cac:AccountingSupplierParty>"),
        1,
    )
}

/// Two people at the platform decide a review: on its page, by its check page.
fn decide(world: &World, operator: &Client, review: &Value, clear: &str, reason: &str) {
    let page = format!("/ops/reviews/{review}");
    let check = operator.fill(&page, &format!("{page}/check"), &[("clear", clear), ("reason", reason)]);
    assert_eq!(check.status, 200, "{}", check.text());
    let done = operator.post(&page, &check.form(&page));
    assert_eq!(done.status, 303, "{}", done.text());
    if done.location().starts_with("/approvals/") {
        let agreed = approve(&world.signed_in("operator2@x.example"));
        assert!(agreed.text().contains("Review decided"), "{}", agreed.text());
    }
}

#[test]
fn what_is_the_same_is_blocked_and_what_looks_it_waits() {
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        for company in [SUPPLIER, OTHER_SUPPLIER, BUYER] {
            onboard(&world, &operator, company);
        }
        let supplier = world.api(SUPPLIER.3);
        let (standing, base) = send(&supplier, "twice-base", invoice("INV-2021/17", "2021-05-25", 100_000));
        assert_eq!((standing.as_str(), base["reviews"].as_array().unwrap().len()), ("", 0));
        // The same invoice, however its number is written.
        for (at, number) in
            ["inv 2021 17", "INV-2021-¹⁷", "ІNV-2021/17", "ＩＮＶ２０２１／１７", "INV\u{200B}-2021-17"].iter().enumerate()
        {
            let (standing, _) = send(&supplier, &format!("twice-same-{at}"), invoice(number, "2021-05-25", 100_000));
            // What nobody sees has no place in a number at all.
            let expected = if number.contains('\u{200B}') { "field_invalid" } else { "duplicate_invoice" };
            assert_eq!(standing, expected, "{number}");
        }
        // What only looks it, each with its rule.
        let cases = [
            ("INV-2021/17", "2020-05-25", 100_000, "same_number"),
            ("INV-2021/17", "2021-05-25", 100_100, "same_number"),
            ("lNV-2O21/17", "2021-04-25", 200_000, "look_alike"),
            ("INV-2021/17-A", "2021-04-24", 300_000, "suffix"),
            ("INV-2021/17 copy", "2021-04-23", 400_000, "suffix"),
            ("NEW-1", "2021-05-25", 100_000, "same_total"),
        ];
        // However many have the same sum on one day, people look at each once.
        let again: Vec<Value> = (2..5)
            .map(|at| send(&supplier, &format!("twice-sum-{at}"), invoice(&format!("SUM-{at}"), "2021-05-20", 700_000)).1)
            .collect();
        let looks = |result: &Value| result["reviews"].as_array().map_or(0, Vec::len);
        assert_eq!(again.iter().map(looks).collect::<Vec<_>>(), [0, 1, 1]);
        let mut first = Value::Null;
        for (at, (number, day, net, rule)) in cases.into_iter().enumerate() {
            let (standing, result) = send(&supplier, &format!("twice-like-{at}"), invoice(number, day, net));
            assert_eq!(standing, "open", "{number}");
            let found = rules_of(&world, &result["reviews"][0]);
            assert!(found.split(' ').any(|one| one == rule), "{number}: {found}");
            if at == 0 {
                first = result;
            }
        }
        held_until_somebody_decides(&world, &operator, &first);
        another_companys_invoice_stays_hidden(&world, &operator);
        sold_already(&world, &operator);
        world.verify();
    }
}

/// Nothing is done with a held invoice; its supplier sees why and may speak; two people let it go on.
fn held_until_somebody_decides(world: &World, operator: &Client, held: &Value) {
    let supplier = world.signed_in(SUPPLIER.3);
    let api = world.api(SUPPLIER.3);
    let id = held["invoice_id"].as_i64().unwrap();
    let page = format!("/invoices/{id}");
    let submit = api.api("submit-invoice", "twice-submit-held", &json!({ "invoice_id": id }));
    assert_eq!((submit.status, submit.json()["code"].as_str()), (409, Some("under_review")));
    let shown = supplier.open(&page).text();
    assert!(shown.contains("Invoice INV-2021/17 has the same number") && shown.contains("You can say what it is for"), "{shown}");
    assert!(!supplier.open(&page).body.contains(&format!("{page}/submit")), "no form that cannot be sent");
    let said = supplier.fill(&page, &format!("{page}/explain"), &[("statement", "Numbers of another year")]);
    assert!(said.text().contains("The platform has been told"), "{}", said.text());
    // The queue has it, with both sides and what differs.
    let queue = operator.open("/ops/reviews?state=review-open");
    assert!(
        queue.text().contains("INV-2021/17-A") && operator.open("/ops").text().contains("Invoices to review"),
        "{}",
        queue.text()
    );
    let review = &held["reviews"][0];
    let both = operator.open(&format!("/ops/reviews/{review}")).text();
    for part in ["Numbers of another year", "25 May 2020", "25 May 2021", "differs", "the same"] {
        assert!(both.contains(part), "{part}: {both}");
    }
    // Nobody decides without a reason, and nobody but the operator.
    let bare = operator.get(&format!("/ops/reviews/{review}/check?clear=yes&reason="));
    assert_eq!(bare.status, 422, "{}", bare.text());
    let foreign = api.api("decide-review", "twice-foreign", &json!({ "review_id": review, "clear": true, "reason": "x" }));
    assert_eq!(foreign.status, 403);
    // One person alone has not cleared it.
    let asked = world.api("operator@x.example").api(
        "decide-review",
        "twice-clear",
        &json!({ "review_id": review, "clear": true, "reason": "Numbers begin anew each year" }),
    );
    assert_eq!(asked.status, 202, "{}", asked.text());
    assert_eq!(api.api("submit-invoice", "twice-submit-waits", &json!({ "invoice_id": id })).status, 409);
    approve(&world.signed_in("operator2@x.example"));
    let again = world.api("operator@x.example").api(
        "decide-review",
        "twice-clear-again",
        &json!({ "review_id": review, "clear": true, "reason": "x" }),
    );
    assert_eq!(again.json()["code"], "review_already_decided");
    let mail = |address: &str, subject: &str| {
        let wanted = "address = ? AND subject LIKE ?";
        let found =
            || store::Mail::find_where(&mut world.conn(), wanted, &[address.into(), format!("%{subject}%").into()]).unwrap();
        (0..100).any(|_| {
            found().is_some() || {
                std::thread::sleep(std::time::Duration::from_millis(100));
                false
            }
        })
    };
    assert!(mail("operator@x.example", "has to be reviewed"), "the operator is told by mail");
    assert!(mail(SUPPLIER.3, "may go on: Numbers begin anew each year"), "and the supplier, with the reason");
    let told = supplier.open(&page).text();
    assert!(told.contains("May go on") && told.contains("Numbers begin anew each year"), "{told}");
    world.move_to("2021-05-27");
    let submit = api.api("submit-invoice", "twice-submit-cleared", &json!({ "invoice_id": id }));
    assert_eq!(submit.status, 200, "{}", submit.text());
}

/// An invoice of another company with the same total: the operator sees both sides, the suppliers nothing of each other.
fn another_companys_invoice_stays_hidden(world: &World, operator: &Client) {
    let sister = world.api(OTHER_SUPPLIER.3);
    let file = invoice_of((OTHER_SUPPLIER.0, OTHER_SUPPLIER.1), "SIS-77", "2021-05-25", 100_000);
    let (standing, held) = send(&sister, "twice-sister", file);
    assert_eq!(standing, "open");
    let (id, review) = (&held["invoice_id"], &held["reviews"][0]);
    let seen = world.signed_in(OTHER_SUPPLIER.3).open(&format!("/invoices/{id}"));
    assert!(seen.text().contains("compares it with other records"), "{}", seen.text());
    for secret in [SUPPLIER.0, "INV-2021", "same buyer, day"] {
        assert!(!seen.text().contains(secret), "{secret}: {}", seen.text());
    }
    let both = operator.open(&format!("/ops/reviews/{review}")).text();
    assert!(both.contains(SUPPLIER.0) && both.contains(OTHER_SUPPLIER.0), "{both}");
    for path in [format!("/ops/reviews/{review}"), "/ops/reviews".to_owned(), "/api/v1/reviews".to_owned()] {
        let client = if path.starts_with("/api") { &sister } else { &world.signed_in(OTHER_SUPPLIER.3) };
        assert_eq!(client.get(&path).status, 403, "{path}");
    }
    // Refused: out for good, with its reason; one person is enough where nothing was made of it.
    for review in held["reviews"].as_array().unwrap().iter().take(1) {
        decide(world, operator, review, "no", "One delivery and two invoices");
    }
    let seen = world.signed_in(OTHER_SUPPLIER.3).open(&format!("/invoices/{id}")).text();
    assert!(seen.contains("Turned down") && seen.contains("One delivery and two invoices"), "{seen}");
    let row = store::Invoice::load(&mut world.conn(), InvoiceId(id.as_i64().unwrap())).unwrap();
    assert_eq!(row.state, InvoiceState::Rejected);
    let open = store::Review::list_where(&mut world.conn(), "invoice_id = ? AND state = 'open'", &[row.id.into()]).unwrap();
    assert!(open.is_empty(), "nothing is open about what is out");
}

/// Another payee, a factored invoice, a note of assignment; and the older one withdrawn frees the newer.
fn sold_already(world: &World, operator: &Client) {
    let supplier = world.api(SUPPLIER.3);
    let files = [
        with_payee(&invoice("PAY-100", "2021-05-20", 510_000), "Factoring GmbH"),
        invoice("PAY-200", "2021-05-19", 520_000).replace(">380<", ">393<"),
        invoice("PAY-300", "2021-05-18", 530_000).replace(
            "<cbc:DocumentCurrencyCode>",
            "<cbc:Note>This claim was assigned to Bank X</cbc:Note><cbc:DocumentCurrencyCode>",
        ),
    ];
    for (at, file) in files.into_iter().enumerate() {
        let (standing, held) = send(&supplier, &format!("twice-sold-{at}"), file);
        assert_eq!((standing.as_str(), rules_of(world, &held["reviews"][0]).as_str()), ("open", "assigned"), "{at}");
    }
    // The seller itself as payee, in other letters, is nobody else.
    let own = with_payee(&invoice("PAY-400", "2021-05-17", 540_000), "REAL SUPPLIER");
    assert_eq!(send(&supplier, "twice-own-payee", own).0, "");
    let review = store::Review::find_where(&mut world.conn(), "rules = 'assigned' ORDER BY id LIMIT 1", &[]).unwrap().unwrap();
    let page = operator.open(&format!("/ops/reviews/{}", review.id)).text();
    assert!(page.contains("names another payee"), "{page}");
    // What has been paid is no block any more, and nobody finances it again unseen.
    let paid = invoice("PAID-600", "2021-05-15", 600_000);
    let (_, first) = send(&supplier, "twice-paid", paid.clone());
    let paid_id = first["invoice_id"].as_i64().unwrap();
    let set_state = |state: &str| {
        store::query::execute(&mut world.conn(), "UPDATE invoices SET state = ? WHERE id = ?", &[state.into(), paid_id.into()])
    };
    set_state("paid").unwrap();
    let (standing, again) = send(&supplier, "twice-paid-again", paid);
    let taken_back = json!({ "invoice_id": again["invoice_id"] });
    assert_eq!(supplier.api("withdraw-invoice", "twice-paid-back", &taken_back).status, 200);
    set_state("draft").unwrap();
    assert_eq!((standing.as_str(), rules_of(world, &again["reviews"][0]).as_str()), ("open", "paid_before same_file"));
    // A twin in all but its amount is free again when the first one is withdrawn.
    let (_, older) = send(&supplier, "twice-older", invoice("REL-500", "2021-05-16", 550_000));
    let (standing, newer) = send(&supplier, "twice-newer", invoice("REL-500", "2021-05-16", 560_000));
    assert_eq!(standing, "open");
    let withdrawn = supplier.api("withdraw-invoice", "twice-withdraw", &json!({ "invoice_id": older["invoice_id"] }));
    assert_eq!(withdrawn.status, 200, "{}", withdrawn.text());
    let row = store::Invoice::load(&mut world.conn(), InvoiceId(newer["invoice_id"].as_i64().unwrap())).unwrap();
    assert_eq!(row.review.get(), None);
    assert_eq!(
        send(&supplier, "twice-back", invoice("REL-500", "2021-05-16", 550_000)).0,
        "open",
        "its number is free for the same again"
    );
}

/// A credit note lowers what somebody was asked to confirm: requests end, and drafted lists lose the line with a reason.
#[test]
fn a_credit_note_ends_what_was_asked() {
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        for company in [SUPPLIER, BUYER] {
            onboard(&world, &operator, company);
        }
        let (supplier, buyer) = (world.api(SUPPLIER.3), world.api(BUYER.3));
        let mut ids = Vec::new();
        for (number, net_minor) in [("END-1", 100_000), ("END-2", 110_000), ("END-3", 120_000)] {
            let id = send(&supplier, &format!("register-{number}"), invoice(number, "2021-05-25", net_minor)).1["invoice_id"]
                .as_i64()
                .unwrap();
            assert_eq!(supplier.api("submit-invoice", &format!("submit-{number}"), &json!({ "invoice_id": id })).status, 200);
            ids.push(id);
        }
        let ask = |key: &str, id: i64, amount: i64| {
            let words = buyer
                .get(&format!("/api/v1/payables/undertaking?invoice_id={id}&amount_minor={amount}&due_date=2021-07-24"))
                .json();
            let body = json!({
                "invoice_id": id, "amount_minor": amount, "due_date": "2021-07-24", "version": words["version"], "words_hash": words["words_hash"],
            });
            let asked = buyer.api("confirm-invoice", key, &body);
            assert_eq!(asked.status, 202, "{}", asked.body);
            asked.json()["awaits_approval"].as_i64().unwrap()
        };
        let requests =
            [ask("ask-about-1", ids[0], 119_000), ask("ask-about-2", ids[1], 130_900), ask("ask-about-3", ids[2], 142_800)];
        let items: Vec<Value> = ids
            .iter()
            .zip([119_000, 130_900, 142_800])
            .map(|(id, amount)| json!({ "invoice_id": id, "amount_minor": amount }))
            .collect();
        let drafted = buyer.api("draft-confirmation-list", "draft-the-list", &json!({ "items": items })).json()["result"].clone();
        let (list, hash) = (drafted["list_id"].as_i64().unwrap(), drafted["list_hash"].clone());
        let asked = buyer.api("confirm-list", "ask-list", &json!({ "list_id": list, "list_hash": hash }));
        assert_eq!(asked.status, 202, "{}", asked.body);
        let list_request = asked.json()["awaits_approval"].as_i64().unwrap();

        // One is reduced, one extinguished, one as before.
        let part = naming(&invoice("END-C1", "2021-05-26", 10_000), "381", "END-1");
        assert_eq!(send(&supplier, "credit-part", part).1["late"], json!(false));
        let whole = naming(&invoice("END-C2", "2021-05-26", 110_000), "381", "END-2");
        assert_eq!(send(&supplier, "credit-whole", whole).1["late"], json!(false));
        let state = |id: i64| {
            let row = store::Approval::load(&mut world.conn(), ApprovalId(id)).unwrap();
            (row.state.name(), row.reason)
        };
        for request in [requests[0], requests[1], list_request] {
            assert_eq!(state(request), ("ended", "credited".to_owned()));
        }
        assert_eq!(state(requests[2]).0, "pending");
        let lines = store::ConfirmationItem::list_where(&mut world.conn(), "list_id = ? ORDER BY id", &[list.into()]).unwrap();
        let states: Vec<(&str, bool)> = lines.iter().map(|row| (row.state.name(), row.refusal.contains("credited"))).collect();
        assert_eq!(states, [("excluded", true), ("excluded", true), ("waiting", false)]);
        let old = buyer.api("confirm-list", "old-list", &json!({ "list_id": list, "list_hash": hash })).json();
        assert_eq!(old["code"], "undertaking_changed", "{old}");
        // The list says why, in words, and can be confirmed as it is now.
        let page = world.signed_in(BUYER.3).open(&format!("/payables/lists/{list}")).text();
        assert!(page.contains("Lowered by a credit note"), "{page}");
        let now = store::ConfirmationList::load(&mut world.conn(), ConfirmationListId(list)).unwrap().list_hash;
        assert_eq!(buyer.api("confirm-list", "new-list", &json!({ "list_id": list, "list_hash": now })).status, 202);
        world.verify();
    }
}

#[test]
fn credit_notes_replacements_and_deductions_say_what_is_owed() {
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        for company in [SUPPLIER, BUYER] {
            onboard(&world, &operator, company);
        }
        let (supplier, buyer_api) = (world.api(SUPPLIER.3), world.api(BUYER.3));
        set_limit(&world, BUYER.3, "EUR", "1,000,000.00");
        let register = |key: &str, file: String| send(&supplier, key, file).1["invoice_id"].as_i64().unwrap();
        let submit = |key: &str, id: i64| supplier.api("submit-invoice", key, &json!({ "invoice_id": id })).status;

        // A credit note before the confirmation lowers what can be confirmed; a second time it changes nothing.
        let id = register("owed-invoice", invoice("OWE-100", "2021-05-25", 100_000));
        assert_eq!(submit("owed-submit", id), 200);
        let credit = naming(&invoice("CRN-100", "2021-05-26", 10_000), "381", "OWE-100");
        let (_, taken) = send(&supplier, "owed-credit", credit.clone());
        assert_eq!((&taken["late"], &taken["amount_minor"]), (&json!(false), &json!(11_900)));
        assert_eq!(send(&supplier, "owed-credit-again", credit).0, "duplicate_invoice");
        let unknown = naming(&invoice("CRN-101", "2021-05-26", 10_000), "381", "NOWHERE-1");
        assert_eq!(send(&supplier, "owed-unknown", unknown).0, "named_invoice_unknown");
        let large = naming(&invoice("CRN-102", "2021-05-26", 100_000), "261", "OWE-100");
        assert_eq!(send(&supplier, "owed-large", large).0, "credit_too_large");
        let nameless = invoice("CRN-103", "2021-05-26", 10_000).replace(">380<", ">381<");
        assert_eq!(send(&supplier, "owed-nameless", nameless).0, "field_missing");
        let proforma = invoice("PRO-100", "2021-05-26", 10_000).replace(">380<", ">325<");
        assert_eq!(send(&supplier, "owed-proforma", proforma).0, "document_not_financeable");
        let confirm = |key: &str, id: i64, amount: i64, more: Value| {
            let path = format!("/api/v1/payables/undertaking?invoice_id={id}&amount_minor={amount}&due_date=2021-07-24");
            let words = buyer_api.get(&path).json();
            // For more than is owed there are no words.
            let text = |name: &str| words[name].as_str().unwrap_or("none").to_owned();
            let mut body = json!({
                "invoice_id": id, "amount_minor": amount, "due_date": "2021-07-24", "version": text("version"), "words_hash": text("words_hash"),
            });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            buyer_api.api("confirm-invoice", key, &body).json()
        };
        let path = format!("/api/v1/payables/undertaking?invoice_id={id}&amount_minor=119000&due_date=2021-07-24");
        assert_eq!(buyer_api.get(&path).json()["code"], "confirmed_too_much");
        assert_eq!(confirm("owed-all", id, 119_000, json!({}))["code"], "confirmed_too_much");
        // What the buyer keeps explains the difference, and has to add up.
        let wrong = confirm("owed-wrong", id, 100_000, json!({ "withheld_minor": 5_000 }));
        assert_eq!((wrong["code"].as_str(), &wrong["payable_minor"]), (Some("deductions_differ"), &json!(107_100)));
        let kept = json!({ "withheld_minor": 5_000, "retained_minor": 2_000, "deducted_minor": 100 });
        let done = confirm("owed-kept", id, 100_000, kept);
        assert!(done["result"]["receivable_id"].is_i64(), "{done}");
        let shown = world.signed_in(BUYER.3).open(&format!("/payables/{id}")).text();
        for part in ["Credited", "EUR 1,071.00", "Withholding tax", "Retention", "CRN-100", "Lowers what is owed"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        late_credit(&world, &operator, &supplier, id);

        // A replacement takes the place of what nobody has confirmed, when it is submitted.
        let first = register("owed-first", invoice("REP-100", "2021-05-24", 300_000));
        assert_eq!(submit("owed-first-submit", first), 200);
        let (standing, second) =
            send(&supplier, "owed-second", naming(&invoice("REP-101", "2021-05-24", 290_000), "384", "REP-100"));
        assert_eq!(standing, "");
        assert_eq!(submit("owed-second-submit", second["invoice_id"].as_i64().unwrap()), 200);
        assert_eq!(store::Invoice::load(&mut world.conn(), InvoiceId(first)).unwrap().state, InvoiceState::Withdrawn);
        // It may even bear the same number.
        let first = register("owed-same", invoice("REP-200", "2021-05-21", 310_000));
        let (standing, second) =
            send(&supplier, "owed-same-again", naming(&invoice("REP-200", "2021-05-22", 320_000), "384", "REP-200"));
        assert_eq!(standing, "");
        assert_eq!(submit("owed-same-submit", second["invoice_id"].as_i64().unwrap()), 200);
        assert_eq!(store::Invoice::load(&mut world.conn(), InvoiceId(first)).unwrap().state, InvoiceState::Withdrawn);
        // Neither a replacement nor a credit note is undone by bringing the old invoice again.
        let (standing, back) = send(&supplier, "owed-first-again", invoice("REP-100", "2021-05-24", 300_000));
        assert_eq!((standing.as_str(), rules_of(&world, &back["reviews"][0]).as_str()), ("open", "cancelled_before"));
        let gone = register("owed-gone", invoice("GON-100", "2021-05-22", 110_000));
        let all = naming(&invoice("CRN-300", "2021-05-22", 110_000), "381", "GON-100");
        assert_eq!(send(&supplier, "owed-gone-credit", all).1["late"], json!(false));
        assert_eq!(store::Invoice::load(&mut world.conn(), InvoiceId(gone)).unwrap().state, InvoiceState::Withdrawn);
        let (standing, back) = send(&supplier, "owed-gone-again", invoice("GON-100", "2021-05-22", 110_000));
        assert_eq!((standing.as_str(), rules_of(&world, &back["reviews"][0]).as_str()), ("open", "cancelled_before"));
        let (standing, late) = send(&supplier, "owed-third", naming(&invoice("OWE-101", "2021-05-24", 90_000), "384", "OWE-100"));
        assert_eq!((standing.as_str(), rules_of(&world, &late["reviews"][0]).as_str()), ("open", "replaces_confirmed"));

        // Without a due date in the file the buyer's confirmation fixes it.
        let file =
            invoice("DUE-100", "2021-05-23", 70_000).replace("<cbc:DueDate>2021-07-24</cbc:DueDate>", "<cbc:PaymentTerms/>");
        let file = file.replace("<cbc:PaymentTerms/>", "").replacen(
            "<cac:TaxTotal>",
            "<cac:PaymentTerms><cbc:Note>As agreed</cbc:Note></cac:PaymentTerms><cac:TaxTotal>",
            1,
        );
        let id = register("owed-due", file);
        assert_eq!(submit("owed-due-submit", id), 200);
        assert!(confirm("owed-due-confirm", id, 83_300, json!({}))["result"]["receivable_id"].is_i64());
        let row = store::Invoice::load(&mut world.conn(), InvoiceId(id)).unwrap();
        assert_eq!(row.due_date.map(|day| day.to_string()).as_deref(), Some("2021-07-24"));
        world.verify();
    }
}

/// After the confirmation the undertaking stands: the receivable is held, everybody concerned is told, two people decide.
fn late_credit(world: &World, operator: &Client, supplier: &Client, id: i64) {
    let (_, late) = send(supplier, "owed-late", naming(&invoice("CRN-200", "2021-05-26", 20_000), "381", "OWE-100"));
    assert_eq!(late["late"], json!(true), "{late}");
    let receivable = store::Receivable::find_where(&mut world.conn(), "invoice_id = ?", &[id.into()]).unwrap().unwrap();
    assert!(receivable.held && receivable.confirmed_minor == 100_000, "held, and not a cent less");
    let offer = json!({
        "receivable_id": receivable.id, "units_minor": receivable.face_minor, "rate": "5", "method": "discount", "day_count": "ACT/360",
        "minimum_ticket_minor": receivable.minimum_ticket_minor.min(receivable.face_minor), "close_date": "2021-06-20",
    });
    assert_eq!(supplier.api("create-offer", "owed-offer", &offer).json()["code"], "under_review");
    for (party, kind) in [(receivable.buyer_id, "credited_late"), (receivable.supplier_id, "review_opened")] {
        let notice =
            store::Notice::find_where(&mut world.conn(), "party_id = ? AND kind = ?", &[party.into(), kind.into()]).unwrap();
        assert!(notice.is_some(), "{kind}");
    }
    let page = operator.open(&format!("/ops/reviews/{}", late["reviews"][0])).text();
    assert!(page.contains("CRN-200") && page.contains("The undertaking stands"), "{page}");
    decide(world, operator, &late["reviews"][0], "yes", "The supplier has paid it back");
    let receivable = store::Receivable::load(&mut world.conn(), receivable.id).unwrap();
    assert!(!receivable.held);
    set_limit(world, SUPPLIER.3, "EUR", "1,000,000.00");
    assert_eq!(supplier.api("create-offer", "owed-offer-again", &offer).status, 200);
}

/// What came to light after the intake holds the invoice at its confirmation and at its offer, and stops purchases at once.
#[test]
fn the_check_is_made_again_at_issue_and_at_funding() {
    for database in Database::both() {
        let world = World::demo(database, 20);
        let mut conn = world.conn();
        let offer = store::Offer::find_where(
            &mut conn,
            "state = 'open' AND left_minor = units_minor AND receivable_id IN (SELECT id FROM receivables WHERE currency = 'EUR') ORDER BY id DESC LIMIT 1",
            &[],
        );
        let offer = offer.unwrap().unwrap();
        let receivable = store::Receivable::load(&mut conn, offer.receivable_id).unwrap();
        let invoice = store::Invoice::load(&mut conn, receivable.invoice_id).unwrap();
        // A twin that no intake has seen, as an older program might have left it.
        let twin = |conn: &mut store::Conn, of: &store::Invoice, add: i64| {
            let id = InvoiceId(of.id.0 + 500_000 + add);
            store::Invoice {
                id,
                payable_minor: of.payable_minor + 1,
                state: InvoiceState::Draft,
                confirmed_minor: 0,
                ..of.clone()
            }
            .insert(conn)
            .unwrap();
            id
        };
        // At the purchase: the flag on the receivable is enough.
        let financier = world.api("financier1@kontor.example");
        let quote = financier
            .get(&format!("/api/v1/offers/quote?offer_id={}&units_minor={}", offer.id, offer.minimum_ticket_minor))
            .json();
        let buy = json!({ "offer_id": offer.id, "units_minor": offer.minimum_ticket_minor, "price_minor": quote["price_minor"] });
        let operator = world.signed_in("operator@kontor.example");
        let other = twin(&mut conn, &invoice, 0);
        let made = store::Review {
            id: ReviewId(777_777),
            invoice_id: invoice.id,
            other_id: Some(other),
            credit_id: None,
            rules: "same_number".into(),
            state: ReviewState::Open,
            statement: String::new(),
            reason: String::new(),
            created_at: invoice.created_at,
            decided_at: None,
        };
        made.insert(&mut conn).unwrap();
        store::query::execute(&mut conn, "UPDATE receivables SET held = TRUE WHERE id = ?", &[receivable.id.into()]).unwrap();
        store::query::execute(&mut conn, "UPDATE heads SET next_id = 900000", &[]).unwrap();
        let stopped = financier.api("buy-fractions", "again-buy-held", &buy);
        assert_eq!((stopped.status, stopped.json()["code"].as_str()), (409, Some("under_review")), "{}", stopped.text());
        let market = world.signed_in("financier1@kontor.example").open(&format!("/market/{}", offer.id)).text();
        assert!(market.contains("is under review"), "{market}");
        assert!(operator.open("/ops/reviews/777777").text().contains("same number"));
        store::query::execute(&mut conn, "UPDATE reviews SET state = 'cleared' WHERE id = 777777", &[]).unwrap();
        store::query::execute(&mut conn, "UPDATE receivables SET held = FALSE WHERE id = ?", &[receivable.id.into()]).unwrap();
        store::query::execute(&mut conn, "UPDATE heads SET next_id = next_id + 1", &[]).unwrap();
        let bought = financier.api("buy-fractions", "again-buy-free", &buy);
        assert_ne!(bought.json()["code"], "under_review", "{}", bought.text());

        // At the confirmation.
        let presented = "state = 'presented' AND buyer_id = (SELECT party_id FROM users WHERE email = 'buyer1@kontor.example') ORDER BY id LIMIT 1";
        let invoice = store::Invoice::find_where(&mut conn, presented, &[]).unwrap().unwrap();
        twin(&mut conn, &invoice, 1);
        let buyer = world.api("buyer1@kontor.example");
        let due = invoice.due_date.unwrap();
        let path = format!(
            "/api/v1/payables/undertaking?invoice_id={}&amount_minor={}&due_date={due}",
            invoice.id, invoice.payable_minor
        );
        let words = buyer.get(&path).json();
        let body = json!({
            "invoice_id": invoice.id, "amount_minor": invoice.payable_minor, "due_date": due, "version": words["version"],
            "words_hash": words["words_hash"],
        });
        let asked = buyer.api("confirm-invoice", "again-confirm", &body);
        let held = if asked.status == 202 {
            let checker = world.signed_in("buyer1.checker@kontor.example");
            let page = format!("/approvals/{}", asked.json()["awaits_approval"]);
            checker.fill(&page, &page, &[]).text()
        } else {
            asked.text()
        };
        assert!(held.contains("a person has to look at first") || held.contains("\"review\":\"open\""), "{held}");
        let row = store::Invoice::load(&mut conn, invoice.id).unwrap();
        assert_eq!((row.state.name(), row.review.name()), ("presented", "open"));
        let again = buyer.api("confirm-invoice", "again-confirm-held", &body);
        assert_eq!(again.json()["code"], "under_review");
        let shown = world.signed_in("buyer1@kontor.example").open(&format!("/payables/{}", invoice.id)).text();
        assert!(shown.contains("The platform is looking at this invoice"), "{shown}");
    }
}

/// Order, delivery note, contract: attached by page and API, read by those who see the invoice, their hash in the audit.
/// ASVS 5.2.2: a file is what its content says.
#[test]
fn evidence_stands_beside_the_invoice() {
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        for company in [SUPPLIER, OTHER_SUPPLIER, BUYER] {
            onboard(&world, &operator, company);
        }
        let (supplier, api) = (world.signed_in(SUPPLIER.3), world.api(SUPPLIER.3));
        let id = send(&api, "evidence-invoice", invoice("EVI-100", "2021-05-25", 100_000)).1["invoice_id"].as_i64().unwrap();
        let (page, action) = (format!("/invoices/{id}"), format!("/invoices/{id}/evidence"));
        let order = b"%PDF-1.7 the order".to_vec();
        let attached = supplier.upload(&page, &action, &[("order.pdf", order.clone())]);
        assert!(attached.text().contains("Evidence attached"), "{}", attached.text());
        let strange = supplier.upload(&page, &action, &[("run.exe", b"MZ program".to_vec())]);
        assert!(strange.status == 422 && strange.text().contains("Evidence is a PDF"), "{}", strange.text());
        for page_of_a_browser in [
            "<html><script>alert(1)</script></html>",
            "<svg xmlns='http://www.w3.org/2000/svg'/>",
            "<p>a</p><script>alert(1)</script>",
        ] {
            let refused = supplier.upload(&page, &action, &[("a.html", page_of_a_browser.into())]);
            assert_eq!(refused.status, 422, "{page_of_a_browser}");
            assert!(refused.text().contains("Evidence is a PDF"), "{}", refused.text());
        }
        let path = format!("/api/v1/attach-evidence?invoice_id={id}&kind=delivery");
        let headers = [("Content-Type", "application/xml"), ("X-File-Name", "note.xml"), ("Idempotency-Key", "evidence-note")];
        let note = "<DespatchAdvice/>".to_owned();
        assert_eq!(api.post_with(&path, &headers, note.clone()).status, 200);
        let again = [("Content-Type", "application/xml"), ("Idempotency-Key", "evidence-note-again")];
        assert_eq!(api.post_with(&path, &again, note).status, 200, "the same file changes nothing");
        let listed = format!("/api/v1/evidence?invoice_id={id}");
        let items = api.get(&listed).json()["items"].as_array().unwrap().clone();
        assert_eq!(items.iter().map(|item| item["kind"].as_str().unwrap()).collect::<Vec<_>>(), ["order", "delivery"]);
        let hash = server::hash::sha256_hex(&order);
        assert_eq!(items[0]["sha256"], hash.as_str());
        assert!(supplier.open(&page).text().contains("order.pdf"));
        // A draft is the supplier's own, and so is what stands behind it; another supplier never sees it.
        let download = format!("/documents/{hash}");
        let (buyer, stranger) = (world.signed_in(BUYER.3), world.signed_in(OTHER_SUPPLIER.3));
        assert_eq!((buyer.get(&download).status, stranger.get(&download).status), (404, 404));
        assert_eq!(api.api("submit-invoice", "evidence-submit", &json!({ "invoice_id": id })).status, 200);
        assert_eq!(buyer.get(&download).body, "%PDF-1.7 the order");
        assert!(buyer.open(&format!("/payables/{id}")).text().contains("Delivery note"));
        assert_eq!(stranger.get(&download).status, 404);
        assert_eq!((world.api(BUYER.3).get(&listed).status, world.api(OTHER_SUPPLIER.3).get(&listed).status), (200, 404));
        assert_eq!(operator.get(&download).status, 200);
        // The audit has the hash, under the invoice.
        let audit = store::AuditRecord::find_where(&mut world.conn(), "command = 'attach_evidence' ORDER BY seq LIMIT 1", &[]);
        let audit = audit.unwrap().unwrap();
        assert!(audit.subject_id == InvoiceId(id) && audit.input.contains(&hash), "{}", audit.input);
        world.verify();
    }
}
