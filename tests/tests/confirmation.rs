//! The buyer's answers: many payables with one decision, over HTTP and in Chromium without JavaScript, on both databases; and a kill
//! in the middle of it.

use crate::browser::{Browser, Done, Driver, run};
use crate::journey::{BUYER, SUPPLIER, approve, onboard, second_of, set_limit};
use crate::survival::{spawn, wait_ready};
use domain::Currency;
use domain::confirmation_list::{ItemState, ListState};
use domain::invoice::InvoiceState;
use domain::party::ApprovalState;
use domain::review::ReviewState;
use e2e::world::World;
use e2e::{Answer, Client, Database, databases};
use kernel::{Blank, ConfirmationListId, InvoiceId, RecordId};
use server::commands::confirmations::confirm_list::ConfirmList;
use server::commands::confirmations::draft_confirmation_list::{DraftConfirmationList, DraftItem};
use server::commands::invoices::register_invoice::RegisterInvoice;
use server::commands::invoices::submit_invoice::SubmitInvoice;
use server::commands::kit::decide_approval::DecideApproval;
use server::commands::{Actor, Command};
use server::demo::files::{DemoInvoice, ubl};
use server::writer::Writer;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use store::records::{Keyed, Record};
use store::{Approval, Confirmation, ConfirmationItem, ConfirmationList, Conn, Invoice, Party, User};

const DAY: &str = "2021-05-26";
const NET_MINOR: i64 = 100_000;

/// Its number ends in `at`, and so does its sum: two of the same sum on one day would be held for a review.
fn registration(
    (name, at): (&str, usize),
    (seller, seller_tax): (&str, &str),
    (buyer, buyer_tax): (&str, &str),
    day: chrono::NaiveDate,
) -> Command {
    let number = format!("{name}-{at:04}");
    let content = ubl(&DemoInvoice {
        number: &number,
        issue_date: day,
        due_date: day + chrono::Days::new(40),
        currency: Currency::EUR,
        net_minor: NET_MINOR + i64::try_from(at).unwrap(),
        seller: (seller, seller_tax),
        buyer: (buyer, buyer_tax),
        order: "1",
        item: "Goods",
    })
    .into_bytes();
    let parsed = Box::new(formats::ubl::parse(&content).unwrap());
    let (sha256, warnings) = (server::hash::sha256_hex(&content), String::new());
    RegisterInvoice { file_name: format!("{number}.xml"), sha256, content, parsed, warnings }.into()
}

/// So many invoices of one supplier, presented to one buyer.
fn present(writer: &Writer, conn: &mut Conn, (seller, buyer): (&Party, &Party), count: usize, name: &str) -> Vec<Invoice> {
    let user = User::find_where(conn, "party_id = ? ORDER BY id", &[seller.id.into()]).unwrap().unwrap();
    let actor = || Actor::person(seller.id, user.id);
    let day = store::records::load_heads(conn).unwrap().business_date;
    let parties = ((seller.name.as_str(), seller.tax_id.as_str()), (buyer.name.as_str(), buyer.tax_id.as_str()));
    let register = |number: usize| {
        let command = registration((name, number), parties.0, parties.1, day);
        (actor(), format!("{name}-register-{number}"), command)
    };
    let ids: Vec<InvoiceId> = writer
        .submit_all((0..count).map(register).collect())
        .into_iter()
        .map(|reply| reply.unwrap().number("invoice_id"))
        .collect();
    let submit =
        |id: &InvoiceId| (actor(), format!("{name}-submit-{id}"), SubmitInvoice { invoice_id: *id, due_date: None }.into());
    for reply in writer.submit_all(ids.iter().map(submit).collect()) {
        reply.unwrap();
    }
    let mut found = Invoice::list_ids(conn, &ids).unwrap();
    found.sort_by_key(|row| row.id);
    found
}

fn party(conn: &mut Conn, name: &str) -> Party {
    Party::find_where(conn, "name = ?", &[name.into()]).unwrap().unwrap()
}

/// A buyer and a supplier with so many payables between them.
pub fn world(database: Database, count: usize) -> (World, Vec<Invoice>) {
    let world = World::start(database, DAY);
    let operator = world.signed_in("operator@x.example");
    onboard(&world, &operator, SUPPLIER);
    onboard(&world, &operator, BUYER);
    let mut conn = world.conn();
    let (seller, buyer) = (party(&mut conn, SUPPLIER.0), party(&mut conn, BUYER.0));
    let invoices = present(&world.app().writer, &mut conn, (&seller, &buyer), count, "L");
    (world, invoices)
}

fn table(invoices: &[Invoice]) -> String {
    let mut text = "invoice_number,supplier_tax_id,amount,due_date,reason\n".to_owned();
    for (at, row) in invoices.iter().enumerate() {
        let (minor, reason) = if at == 0 { (row.payable_minor - 100, "short delivery") } else { (row.payable_minor, "") };
        let due = row.due_date.unwrap();
        text.push_str(&format!("{},{},{},{due},{reason}\n", row.number, SUPPLIER.1, Currency::EUR.decimal(minor)));
    }
    text
}

fn wait_until_done(world: &World, list: ConfirmationListId) -> ConfirmationList {
    for _ in 0..1_200 {
        let row = ConfirmationList::load(&mut world.conn(), list).unwrap();
        if row.state == ListState::Done {
            return row;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("list {list} never ends");
}

fn upload(buyer: &Client, content: &str) -> Answer {
    buyer.upload("/payables/file", "/payables/file", &[("list.csv", content.as_bytes().to_vec())])
}

#[test]
fn many_payables_are_confirmed_with_one_decision() {
    for database in Database::both() {
        let (world, invoices) = world(database, 2_000);
        let buyer = world.signed_in(BUYER.3);
        let api = world.api(BUYER.3);
        let empty = api.api("draft-confirmation-list", "none-chosen", &serde_json::json!({ "items": [] }));
        assert_eq!(empty.json()["code"], "nothing_chosen");
        let many: Vec<_> = (0..20_001).map(|id| serde_json::json!({ "invoice_id": id, "amount_minor": 1 })).collect();
        let many = api.api("draft-confirmation-list", "too-many-chosen", &serde_json::json!({ "items": many }));
        assert_eq!(many.json()["code"], "too_many_chosen");

        // One wrong row, and nothing of the table is taken; every fault names its line and column.
        let good = table(&invoices);
        let wrong = good.replacen("1189.00", "1191.00", 1).replacen("\nL-0001,", "\nL-9999,", 1);
        let answer = upload(&buyer, &wrong);
        assert_eq!(answer.status, 422);
        let text = answer.text();
        assert!(text.contains("Line 2, column amount: You can confirm EUR 1,190.00 at most"), "{text}");
        assert!(text.contains("Line 3, column invoice_number:") && text.contains("2 rows are wrong"), "{text}");
        let by_api = api.post_with(
            "/api/v1/read-confirmations",
            &[("Content-Type", "text/csv"), ("Idempotency-Key", "wrong-table")],
            wrong,
        );
        assert_eq!((by_api.json()["code"].clone(), by_api.json()["rows"][0]["line"].clone()), ("rows_wrong".into(), 2.into()));
        assert_eq!(ConfirmationList::list_where(&mut world.conn(), "1 = 1", &[]).unwrap().len(), 0);

        // The check page says what cannot be taken back: how many, and their sum.
        let check = upload(&buyer, &good);
        let sum_minor: i64 = invoices.iter().map(|row| row.payable_minor).sum::<i64>() - 100;
        let shown = check.text();
        assert!(shown.contains("2,000 payables will be confirmed irrevocably"), "{shown}");
        assert!(shown.contains(&format!("EUR {}", Currency::EUR.format(sum_minor))), "{shown}");
        let list = ConfirmationList::find_where(&mut world.conn(), "state = 'draft'", &[]).unwrap().unwrap();
        let page = format!("/payables/lists/{}", list.id);
        let stale = api.api("confirm-list", "stale-list", &serde_json::json!({ "list_id": list.id, "list_hash": "0" }));
        assert_eq!(stale.json()["code"], "undertaking_changed");
        let asked = buyer.fill(&page, &format!("{page}/confirm"), &[]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        let approval = Approval::find_where(&mut world.conn(), "command = 'confirm_list'", &[]).unwrap().unwrap();
        assert_eq!((approval.amount_minor, approval.currency.as_str()), (Some(sum_minor), "EUR"));
        let own = serde_json::json!({ "approval_id": approval.id, "body_hash": approval.body_hash, "approve": true });
        assert_eq!(api.api("decide-approval", "own-request", &own).status, 403);

        // Meanwhile one is disputed, one withdrawn and one held for a review: none is confirmed, all are named.
        let mut held = Invoice::load(&mut world.conn(), invoices[7].id).unwrap();
        held.review = ReviewState::Open.into();
        held.update(&mut world.conn()).unwrap();
        let disputed = api.api(
            "dispute-invoice",
            "dispute-one",
            &serde_json::json!({ "invoice_id": invoices[5].id, "reason": "never ordered" }),
        );
        assert_eq!(disputed.status, 200, "{}", disputed.body);
        let supplier = world.api(SUPPLIER.3);
        let gone = supplier.api("withdraw-invoice", "withdraw-one", &serde_json::json!({ "invoice_id": invoices[6].id }));
        assert_eq!(gone.status, 200);
        let checker = world.signed_in(&second_of(BUYER.3));
        let request = checker.get(&format!("/approvals/{}", approval.id)).text();
        assert!(request.contains("If you agree, all of them are confirmed irrevocably"), "{request}");
        assert!(request.contains(&format!("EUR {}", Currency::EUR.format(sum_minor))), "{request}");
        assert_eq!(approve(&checker).status, 200);

        // While the list is worked through, others are answered.
        let mut slowest = Duration::ZERO;
        let mut number = 0;
        while ConfirmationList::load(&mut world.conn(), list.id).unwrap().state != ListState::Done {
            let started = Instant::now();
            number += 1;
            let preference = serde_json::json!({ "language": "en", "theme": "dark" });
            assert_eq!(supplier.api("set-preferences", &format!("while-busy-{number}"), &preference).status, 200);
            slowest = slowest.max(started.elapsed());
            assert!(number < 20_000, "the list never ends");
        }
        println!("{}: {number} other commands, the slowest took {slowest:?}", world.database.kind);
        assert!(slowest < Duration::from_secs(10), "{slowest:?}");

        let mut conn = world.conn();
        let confirmed = Confirmation::list_where(&mut conn, "1 = 1", &[]).unwrap();
        assert_eq!(confirmed.len(), 1_997);
        assert_eq!(
            confirmed.iter().map(|row| &row.words_hash).collect::<BTreeSet<_>>().len(),
            1_997,
            "each signs words of its own"
        );
        let checker_id = User::find_where(&mut conn, "email = ?", &[second_of(BUYER.3).into()]).unwrap().unwrap().id;
        assert!(confirmed.iter().all(|row| row.signer_id == approval.maker_id && row.approver_id == Some(checker_id)));
        assert!(confirmed.iter().all(|row| server::hash::sha256_hex(row.words_en.as_bytes()) == row.words_hash));
        let evidence = store::ConfirmationEvidence::list_where(&mut conn, "1 = 1", &[]).unwrap();
        let asked = approval.created_at.format("\nasked-at=%Y-%m-%dT%H:%M:%SZ\n").to_string();
        assert!(
            evidence.len() == 1_997 && evidence.iter().all(|row| row.text.contains(&asked)),
            "each says when it was asked for"
        );
        let less = Invoice::load(&mut conn, invoices[0].id).unwrap();
        assert_eq!((less.state, less.confirmed_minor), (InvoiceState::PartlyConfirmed, less.payable_minor - 100));
        let refused = buyer.get(&format!("{page}?state=refused")).text();
        assert!(
            refused.contains("L-0005")
                && refused.contains("L-0006")
                && refused.contains("L-0007")
                && refused.contains("Disputed"),
            "{refused}"
        );
        let told = api.get(&format!("/api/v1/payables/list?list_id={}", list.id)).json();
        assert_eq!((told["state"].clone(), told["confirmed"].clone()), ("done".into(), 1_997.into()));
        assert_eq!(told["items"][6]["refusal"]["code"], "state_conflict");
        assert_eq!(told["items"][7]["refusal"]["code"], "under_review");
        let foreign = supplier.get(&format!("/api/v1/payables/list?list_id={}", list.id));
        assert_eq!(foreign.status, 403);
        // Sent once more, nothing happens again.
        let again = serde_json::json!({ "list_id": list.id, "list_hash": list.list_hash });
        assert_eq!(api.api("confirm-list", "list-again", &again).json()["code"], "state_conflict");
        // The one that was held by hand goes back to what its last command has left.
        held.review = Blank::NONE;
        held.update(&mut world.conn()).unwrap();
        world.verify();
    }
}

/// Where the one act of a check page is sent.
fn act_of(check: &Answer) -> String {
    let main = check.body.split_once("<main").unwrap().1;
    main.split_once("<form method=\"post\" action=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

/// Boxes, the page, everything that matches; the sum decides about the second person.
#[test]
fn payables_are_chosen_in_the_inbox() {
    for database in Database::both() {
        let (world, invoices) = world(database, 30);
        let buyer = world.signed_in(BUYER.3);
        set_limit(&world, BUYER.3, "EUR", "3,000.00");
        let choose = |scope: &str, ids: &[InvoiceId], query: &str| {
            let mut fields = buyer.get(&format!("/payables{query}")).form("/payables/choose");
            fields.extend(ids.iter().map(|id| ("chosen".to_owned(), id.to_string())));
            fields.push(("scope".to_owned(), scope.to_owned()));
            let answer = buyer.post("/payables/choose", &fields);
            if answer.status == 303 { buyer.open(answer.location()) } else { answer }
        };
        let none = choose("chosen", &[], "");
        assert!(none.status == 422 && none.text().contains("Choose at least one payable"), "{}", none.text());
        assert!(choose("page", &[], "").text().contains("25 payables will be confirmed"));
        assert!(choose("all", &[], "").text().contains("30 payables will be confirmed"));
        let mut fields = buyer.get("/payables").form("/payables/choose");
        fields.retain(|(name, _)| name != "query");
        fields.extend([("query", "currency=CNY"), ("scope", "all")].map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(buyer.post("/payables/choose", &fields).text().contains("Choose at least one payable"), "the filter counts");
        let foreign = choose("chosen", &[InvoiceId(1)], "");
        assert!(foreign.text().contains("Choose at least one payable"), "{}", foreign.text());

        // A disputed payable is named and left out.
        let api = world.api(BUYER.3);
        let dispute = serde_json::json!({ "invoice_id": invoices[2].id, "reason": "never ordered" });
        assert_eq!(api.api("dispute-invoice", "dispute-two", &dispute).status, 200);
        // So is one that the platform is looking at.
        let mut held = Invoice::load(&mut world.conn(), invoices[8].id).unwrap();
        held.review = ReviewState::Open.into();
        held.update(&mut world.conn()).unwrap();
        let inbox = buyer.get("/payables");
        let box_of = |row: &Invoice| format!("name=\"chosen\" value=\"{}\"", row.id);
        assert!(inbox.body.contains(&box_of(&invoices[7])), "{}", inbox.body);
        assert!(!inbox.body.contains(&box_of(&invoices[8])) && inbox.text().contains("Being looked at"), "{}", inbox.text());
        let check = choose("chosen", &[invoices[0].id, invoices[1].id, invoices[2].id, invoices[8].id], "");
        let text = check.text();
        assert!(
            text.contains("2 payables will be confirmed") && text.contains("L-0002 Real Supplier EUR 1,190.02 This cannot"),
            "{text}"
        );
        assert!(text.contains("L-0008 Real Supplier EUR 1,190.10 The platform is looking at the invoice"), "{text}");
        assert!(text.contains("EUR 2,380.01"), "{text}");
        let act = act_of(&check);
        let done = buyer.post(&act, &check.form(&act));
        assert!(
            done.location().starts_with("/receipts/"),
            "below the limit nobody is asked: {}",
            buyer.open(done.location()).text()
        );
        wait_until_done(&world, act.split('/').nth(3).unwrap().parse().unwrap());
        assert_eq!(Confirmation::list_where(&mut world.conn(), "1 = 1", &[]).unwrap().len(), 2);

        // Only once it is settled can it be confirmed.
        let confirm = |key: &str| {
            let row = &invoices[2];
            // The words of what cannot be confirmed now are given to nobody: they are made as the program makes them.
            let words = server::commands::confirmations::confirm_invoice::words(
                &mut world.conn(),
                row,
                row.payable_minor,
                row.due_date.unwrap(),
            );
            let words = words.unwrap();
            let asked = format!("invoice_id={}&amount_minor={}&due_date={}", row.id, row.payable_minor, row.due_date.unwrap());
            let given = api.get(&format!("/api/v1/payables/undertaking?{asked}")).json();
            assert!(given["words_hash"] == words.hash || given["code"] == "state_conflict", "{given}");
            let body = serde_json::json!({
                "invoice_id": row.id, "amount_minor": row.payable_minor, "due_date": row.due_date, "version": domain::undertaking::CURRENT, "words_hash": words.hash,
            });
            api.api("confirm-invoice", key, &body)
        };
        assert_eq!(confirm("confirm-disputed").json()["code"], "state_conflict");
        let page = format!("/payables/{}", invoices[2].id);
        let settled = buyer.fill(&page, &format!("{page}/settle"), &[("text", "the boxes have come")]);
        assert!(settled.text().contains("Dispute settled"), "{}", settled.text());
        assert_eq!(confirm("confirm-settled").status, 200);

        // Each amount is below the limit, their sum is not.
        let ids: Vec<InvoiceId> = invoices[3..6].iter().map(|row| row.id).collect();
        let check = choose("chosen", &ids, "");
        let act = act_of(&check);
        let asked = buyer.post(&act, &check.form(&act));
        assert!(asked.location().starts_with("/approvals/"), "{}", asked.location());
        // The one that was held by hand goes back to what its last command has left.
        held.review = Blank::NONE;
        held.update(&mut world.conn()).unwrap();
        world.verify();
    }
}

/// The words of an undertaking stand behind one receivable: for a second invoice of the same file, number, amount and day they are refused.
#[test]
fn the_same_words_are_signed_once() {
    for database in Database::both() {
        let (world, invoices) = world(database, 2);
        set_limit(&world, BUYER.3, "EUR", "1,000,000.00");
        let buyer = world.api(BUYER.3);
        let (one, other) = (&invoices[0], &invoices[1]);
        let mut answers = Vec::new();
        for row in [one, other] {
            if row.id == other.id {
                // As two rows of one table would have it.
                let change = "UPDATE invoices SET number = ?, document = ? WHERE id = ?";
                let binds = [one.number.as_str().into(), one.document.as_str().into(), other.id.into()];
                store::query::execute(&mut world.conn(), change, &binds).unwrap();
            }
            let (amount, due) = (one.payable_minor, one.due_date.unwrap());
            let question = format!("/api/v1/payables/undertaking?invoice_id={}&amount_minor={amount}&due_date={due}", row.id);
            let words = buyer.get(&question).json();
            let body = serde_json::json!({
                "invoice_id": row.id, "amount_minor": amount, "due_date": due, "version": words["version"], "words_hash": words["words_hash"],
                "reason": "as delivered",
            });
            answers.push((words["words_hash"].clone(), buyer.api("confirm-invoice", &format!("same-words-{}", row.id), &body)));
        }
        assert_eq!(answers[0].0, answers[1].0);
        assert_eq!(answers[0].1.status, 200, "{}", answers[0].1.body);
        assert_eq!((answers[1].1.status, answers[1].1.json()["code"].as_str()), (409, Some("duplicate_invoice")));
    }
}

/// A list that one person confirms alone is what was done alone that day, once: its lines neither count again nor ask anybody.
#[test]
fn a_list_is_counted_once() {
    for database in Database::both() {
        let (world, invoices) = world(database, 3);
        let buyer = world.api(BUYER.3);
        let sum: i64 = invoices[..2].iter().map(|row| row.payable_minor).sum();
        // Room for the list, and for less than one more payable.
        let limit = serde_json::json!({ "currency": "EUR", "limit_minor": sum, "day_minor": sum + sum / 4 });
        assert_eq!(buyer.api("set-approval-limit", "list-limit", &limit).status, 202);
        assert_eq!(approve(&world.signed_in(&second_of(BUYER.3))).status, 200);
        let items: Vec<_> = invoices[..2]
            .iter()
            .map(|row| serde_json::json!({ "invoice_id": row.id, "amount_minor": row.payable_minor }))
            .collect();
        let drafted = buyer.api("draft-confirmation-list", "list-draft", &serde_json::json!({ "items": items })).json();
        let list = ConfirmationListId(drafted["result"]["list_id"].as_i64().unwrap());
        let yes = serde_json::json!({ "list_id": list, "list_hash": drafted["result"]["list_hash"] });
        let done = buyer.api("confirm-list", "list-yes", &yes);
        assert_eq!((done.status, done.json()["awaits_approval"].clone()), (200, serde_json::Value::Null), "{}", done.body);
        wait_until_done(&world, list);
        let lines = ConfirmationItem::list_where(&mut world.conn(), "list_id = ? ORDER BY id", &[list.into()]).unwrap();
        let states: Vec<ItemState> = lines.iter().map(|row| row.state).collect();
        assert_eq!(states, [ItemState::Confirmed, ItemState::Confirmed], "{lines:?}");
        assert!(Approval::list_where(&mut world.conn(), "state = 'pending'", &[]).unwrap().is_empty());
        let acts = store::SoloActs::find_where(&mut world.conn(), "currency = 'EUR' AND sum_minor > 0", &[]).unwrap().unwrap();
        assert_eq!(acts.sum_minor, sum, "counted once");
        // It has used up the day: the third payable is more than what is left of it.
        let row = &invoices[2];
        let due = row.due_date.unwrap();
        let question =
            format!("/api/v1/payables/undertaking?invoice_id={}&amount_minor={}&due_date={due}", row.id, row.payable_minor);
        let words = buyer.get(&question).json();
        let body = serde_json::json!({
            "invoice_id": row.id, "amount_minor": row.payable_minor, "due_date": due, "version": words["version"], "words_hash": words["words_hash"],
        });
        let asked = buyer.api("confirm-invoice", "third-payable", &body);
        assert_eq!(asked.status, 202, "{}", asked.body);
        world.verify();
    }
}

#[test]
fn a_killed_list_is_gone_on_with_and_confirms_nothing_twice() {
    const COUNT: usize = 400;
    for database in Database::both() {
        let clock = e2e::world::clock();
        server::demo::history::build(&database.url, 2, &clock).unwrap();
        let mut conn = store::connect(&database.url).unwrap();
        let (writer, thread) = Writer::start(&database.url, clock).unwrap();
        let company = |conn: &mut Conn, email: &str| {
            let user = User::find_where(conn, "email = ?", &[email.into()]).unwrap().unwrap();
            (Party::load(conn, user.party_id).unwrap(), user)
        };
        let (seller, _) = company(&mut conn, "supplier1@kontor.example");
        let (buyer, maker) = company(&mut conn, "buyer1@kontor.example");
        let (_, checker) = company(&mut conn, "buyer1.checker@kontor.example");
        let invoices = present(&writer, &mut conn, (&seller, &buyer), COUNT, "K");
        let item = |row: &Invoice| DraftItem {
            invoice_id: row.id,
            amount_minor: row.payable_minor,
            due_date: None,
            reason: String::new(),
        };
        let run = |user: &User, key: &str, command: Command| {
            writer.submit_blocking(Actor::person(buyer.id, user.id), key.to_owned(), command).unwrap()
        };
        let drafted = run(&maker, "draft", DraftConfirmationList { items: invoices.iter().map(item).collect() }.into());
        let list_id = drafted.number("list_id");
        let asked = run(&maker, "confirm", ConfirmList { list_id, list_hash: drafted.text("list_hash") }.into());
        let approval = Approval::load(&mut conn, asked.awaits_approval.unwrap()).unwrap();
        let agree = DecideApproval {
            approval_id: approval.id,
            body_hash: approval.body_hash,
            approve: true,
            reason: String::new(),
            file: None,
        };
        run(&checker, "agree", agree.into());
        drop(writer);
        thread.join().unwrap();
        let ids: Vec<InvoiceId> = invoices.iter().map(|row| row.id).collect();
        let confirmed = |conn: &mut Conn| {
            let (among, list) = store::query::among(conn, "invoice_id", &ids);
            Confirmation::list_where(conn, &among, &[list]).unwrap().len()
        };
        let mut kills = 0;
        loop {
            let port = databases::free_port();
            let mut child = spawn(&database, port, &[]);
            wait_ready(port);
            let before = confirmed(&mut conn);
            let started = Instant::now();
            while confirmed(&mut conn) < (before + 60).min(COUNT) && started.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(2));
            }
            child.signal("-KILL");
            assert!(!child.wait(), "it was killed");
            if confirmed(&mut conn) >= COUNT {
                break;
            }
            kills += 1;
            assert!(kills < 20, "no progress");
        }
        assert!(kills >= 1, "killed in the middle");
        let port = databases::free_port();
        let mut child = spawn(&database, port, &[]);
        wait_ready(port);
        let started = Instant::now();
        while ConfirmationList::load(&mut conn, list_id).unwrap().state != ListState::Done {
            assert!(started.elapsed() < Duration::from_secs(60), "the list never ends");
            std::thread::sleep(Duration::from_millis(20));
        }
        child.signal("-KILL");
        assert!(!child.wait(), "it was killed");
        assert_eq!(confirmed(&mut conn), COUNT);
        let items = ConfirmationItem::list_where(&mut conn, "list_id = ?", &[list_id.into()]).unwrap();
        assert!(items.iter().all(|item| item.state == ItemState::Confirmed), "a repetition is told as what it was");
        let (among, list) = store::query::among(&conn, "subject_id", &ids);
        let records =
            store::lists::count(&mut conn, "audit", &format!("command = 'confirm_invoice' AND {among}"), &[list]).unwrap();
        assert_eq!(records, COUNT as i64, "one record each");
        let (_, finding) = store::verify::verify(&mut conn).unwrap();
        assert!(finding.is_none(), "{finding:?}");
    }
}

/// The same in Chromium without JavaScript: two by hand, two thousand by a table, and all that there are.
#[test]
fn a_list_is_confirmed_in_chromium_without_javascript() {
    const COUNT: usize = 2_000;
    let Some(driver) = Driver::start() else { return };
    for database in Database::both() {
        let (world, invoices) = world(database, COUNT);
        let file = world.database.folder.join("payables.csv");
        std::fs::write(&file, table(&invoices)).unwrap();
        let sum = invoices.iter().map(|row| row.payable_minor).sum::<i64>() - 100;
        run(walk(&driver, &world, file.to_str().unwrap(), &format!("EUR {}", Currency::EUR.format(sum))));
        assert_eq!(Confirmation::list_where(&mut world.conn(), "1 = 1", &[]).unwrap().len(), COUNT);
        world.verify();
    }
}

async fn walk(driver: &Driver, world: &World, file: &str, sum: &str) -> Done {
    use thirtyfour::prelude::*;
    let maker = Browser::open(driver, &world.base, false).await?;
    maker.sign_in(BUYER.3).await?;
    let choose = |which: &str| By::Css(format!("main form[action='/payables/choose'] button[value='{which}']"));
    maker.go("/payables?state=presented").await?;
    maker.web.find(choose("chosen")).await?.click().await?;
    maker.says("Choose at least one payable").await?;
    maker.go("/payables?state=presented").await?;
    for one in maker.web.find_all(By::Css("main input[name='chosen']")).await?.into_iter().take(2) {
        one.click().await?;
    }
    maker.web.find(choose("chosen")).await?.click().await?;
    maker.says("2 payables will be confirmed irrevocably").await?;
    let everything = "2,000 payables will be confirmed irrevocably";
    maker.go("/payables?state=presented").await?;
    maker.web.find(choose("all")).await?.click().await?;
    maker.says(everything).await?;
    maker.go("/payables/file").await?;
    maker.write("files", file).await?;
    maker.press("/payables/file").await?;
    maker.says(everything).await?;
    maker.says(sum).await?;
    maker.web.find(By::Css("main form[method='post'] button")).await?.click().await?;
    maker.says("second person").await?;
    let checker = Browser::open(driver, &world.base, false).await?;
    checker.sign_in(&second_of(BUYER.3)).await?;
    checker.go("/approvals?state=pending").await?;
    checker.web.find(By::Css("main td a[href^='/approvals/']")).await?.click().await?;
    checker.says("If you agree, all of them are confirmed irrevocably").await?;
    checker.says(sum).await?;
    checker.web.find(By::Css("main form[action^='/approvals/'] button")).await?.click().await?;
    checker.says("List of payables confirmed").await?;
    maker.go("/payables/lists").await?;
    maker.web.find(By::Css("main td a[href^='/payables/lists/']")).await?.click().await?;
    for _ in 0..300 {
        maker.web.refresh().await?;
        if maker.web.find(By::Css("main")).await?.text().await?.contains("Done") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    maker.says("Done").await?;
    for browser in [maker, checker] {
        browser.web.quit().await?;
    }
    Ok(())
}

/// Queries, messages, a rejection, each with its code, in the inbox and as UBL for both companies.
#[test]
fn an_invoice_is_answered_with_codes_and_a_thread() {
    for database in Database::both() {
        let (world, invoices) = world(database, 3);
        let (buyer, supplier) = (world.signed_in(BUYER.3), world.signed_in(SUPPLIER.3));
        let (first, second) = (&invoices[0], &invoices[1]);
        let page = format!("/payables/{}", first.id);
        let response = |client: &Client, id: InvoiceId| client.get(&format!("/responses/{id}"));
        assert!(response(&supplier, first.id).body.contains(">AB</cbc:ResponseCode>"), "presented and not answered");
        let wrong = buyer.fill(&page, &format!("{page}/query"), &[("clarification", "XXX"), ("text", "what is this?")]);
        assert!(wrong.status == 422 && wrong.body.contains("id=\"problem\""), "{}", wrong.text());
        let asked = buyer.fill(&page, &format!("{page}/query"), &[("clarification", "QTY"), ("text", "Were there two boxes?")]);
        assert!(asked.text().contains("Invoice answered"), "{}", asked.text());
        let own = supplier.get(&format!("/invoices/{}", first.id));
        assert!(own.text().contains("Under query (UQ) · Quantity incorrect Were there two boxes?"), "{}", own.text());
        let written = supplier.fill(
            &format!("/invoices/{}", first.id),
            &format!("/invoices/{}/message", first.id),
            &[("text", "Three, one came late.")],
        );
        assert!(written.text().contains("Message sent"), "{}", written.text());
        assert!(buyer.get(&page).text().contains("Three, one came late."));
        for client in [&buyer, &supplier] {
            let answer = response(client, first.id);
            assert!(answer.headers["content-type"].starts_with("application/xml"));
            assert!(
                answer.body.contains(">UQ<") && answer.body.contains(">QTY<") && answer.body.contains("Were there two boxes?"),
                "{}",
                answer.body
            );
        }
        assert_eq!(response(&world.signed_in("operator@x.example"), first.id).status, 404, "nobody else's");
        let said = world.api(SUPPLIER.3).get(&format!("/api/v1/messages?invoice_id={}", first.id)).json();
        let told = |at: usize| {
            (said["items"][at]["party"].clone(), said["items"][at]["code"].clone(), said["items"][at]["text"].clone())
        };
        assert_eq!(told(0), (BUYER.0.into(), "UQ".into(), "Were there two boxes?".into()));
        assert_eq!(told(1), (SUPPLIER.0.into(), "".into(), "Three, one came late.".into()));
        assert_eq!(world.api("operator@x.example").get(&format!("/api/v1/messages?invoice_id={}", first.id)).status, 404);
        let going = buyer.fill(&page, &format!("{page}/in-process"), &[]);
        assert_eq!(going.status, 200);
        assert!(response(&buyer, first.id).body.contains(">IP<"));

        // A rejection has a check page and ends the invoice; its number is free once the supplier takes it back.
        let page = format!("/payables/{}", second.id);
        let done =
            buyer.fill_and_confirm(&page, &format!("{page}/reject"), &[("clarification", "UNR"), ("text", "not our order")]);
        assert!(done.text().contains("Invoice answered"), "{}", done.text());
        assert_eq!(Invoice::load(&mut world.conn(), second.id).unwrap().state, InvoiceState::Rejected);
        assert!(response(&supplier, second.id).body.contains(">RE<"));
        let api = world.api(BUYER.3);
        let late = serde_json::json!({ "invoice_id": second.id, "answer": "UQ", "clarification": "OTH", "text": "x" });
        assert_eq!(api.api("answer-invoice", "after-the-end", &late).json()["code"], "state_conflict");
        let accepted = serde_json::json!({ "invoice_id": first.id, "answer": "AP" });
        assert_eq!(api.api("answer-invoice", "no-promise", &accepted).json()["code"], "field_invalid");
        let gone = world.api(SUPPLIER.3).api("withdraw-invoice", "take-it-back", &serde_json::json!({ "invoice_id": second.id }));
        assert_eq!(gone.status, 200);

        // A confirmation says so by itself: all, or less with its reason.
        set_limit(&world, BUYER.3, "EUR", "1,000,000.00");
        for (row, less, code) in [(first, 0, ">AP<"), (&invoices[2], 100, ">CA<")] {
            let page = format!("/payables/{}", row.id);
            let amount = Currency::EUR.decimal(row.payable_minor - less);
            let reason = if less > 0 { "short delivery" } else { "" };
            let done = buyer.fill_and_confirm(&page, &format!("{page}/check"), &[("amount", &amount), ("reason", reason)]);
            assert!(done.text().contains("Invoice confirmed"), "{}", done.text());
            let answer = response(&supplier, row.id).body;
            assert!(answer.contains(code) && answer.contains("short delivery") == (less > 0), "{answer}");
        }
        world.verify();
    }
}

/// An unanswered presentation is reminded of and ends; both are told, and it can be presented again.
#[test]
fn an_unanswered_presentation_runs_out() {
    for database in Database::both() {
        let (world, invoices) = world(database, 3);
        let (buyer, api, supplier) = (world.signed_in(BUYER.3), world.api(BUYER.3), world.api(SUPPLIER.3));
        let ask = |at: usize| {
            let due = invoices[at].due_date.unwrap();
            let path = format!("/api/v1/payables/undertaking?invoice_id={}&amount_minor=50000&due_date={due}", invoices[at].id);
            let words = api.get(&path).json();
            let confirm = serde_json::json!({
                "invoice_id": invoices[at].id, "amount_minor": 50_000, "due_date": due, "reason": "half", "version": words["version"],
                "words_hash": words["words_hash"],
            });
            let asked = api.api("confirm-invoice", &format!("asks-late-{at}"), &confirm);
            assert_eq!(asked.status, 202, "{}", asked.body);
        };
        ask(2);
        let withdrawn = supplier.api("withdraw-invoice", "takes-it-back", &serde_json::json!({ "invoice_id": invoices[2].id }));
        assert_eq!(withdrawn.status, 200, "{}", withdrawn.body);
        let dispute = serde_json::json!({ "invoice_id": invoices[1].id, "reason": "wrong price", "clarification": "PRI" });
        assert_eq!(api.api("dispute-invoice", "stops-the-clock", &dispute).status, 200);
        assert!(buyer.get("/payables").text().contains("5 Jun 2021"), "ten days");
        assert!(!buyer.get("/home").text().contains("Answers that run out"));
        let told = |kind: &str| {
            let condition = format!("kind = '{kind}'");
            store::lists::count(&mut world.conn(), "notices", &condition, &[]).unwrap()
        };
        world.move_to("2021-06-01");
        assert_eq!(told("answer_wanted"), 0);
        world.move_to("2021-06-02");
        assert_eq!(told("answer_wanted"), 1);
        assert!(buyer.get("/home").text().contains("Answers that run out"), "{}", buyer.get("/home").text());
        let close = buyer.get("/payables?state=running_out").text();
        assert!(close.contains("L-0000") && !close.contains("L-0001"), "{close}");
        world.move_to("2021-06-05");
        assert_eq!(told("answer_wanted"), 2, "and once on the last day");
        assert_eq!(Invoice::load(&mut world.conn(), invoices[0].id).unwrap().state, InvoiceState::Presented);
        ask(0);
        world.move_to("2021-06-06");
        let asked = Approval::list_where(&mut world.conn(), "command = 'confirm_invoice' ORDER BY id", &[]).unwrap();
        let ended: Vec<_> = asked.iter().map(|row| (row.subject_id, row.state, row.reason.as_str())).collect();
        let [first, last] = [0, 2].map(|at: usize| RecordId::from(invoices[at].id));
        assert_eq!(ended, [(last, ApprovalState::Ended, "withdrawn"), (first, ApprovalState::Ended, "expired")]);
        assert_eq!(Invoice::load(&mut world.conn(), invoices[0].id).unwrap().state, InvoiceState::Expired);
        assert_eq!(
            Invoice::load(&mut world.conn(), invoices[1].id).unwrap().state,
            InvoiceState::Disputed,
            "a dispute stops the clock"
        );
        assert_eq!(told("invoice_expired"), 2, "both companies");
        let mut mailed = String::new();
        for _ in 0..100 {
            // Told alone, or in one mail with others when many came at once.
            let mail = world.mail(BUYER.3);
            mailed = format!("{}\n{}", mail.subject, mail.body);
            if mailed.contains("its presentation has ended") {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(mailed.contains("its presentation has ended"), "{mailed}");
        let again =
            world.api(SUPPLIER.3).api("submit-invoice", "once-more", &serde_json::json!({ "invoice_id": invoices[0].id }));
        assert_eq!(again.status, 200, "{}", again.body);
        assert!(buyer.get("/payables").text().contains("16 Jun 2021"), "a new window");
        // What was once presented stays in sight; what never was is nobody else's business.
        assert!(buyer.get(&format!("/payables/{}", invoices[2].id)).text().contains("Withdrawn"));
        let day = store::records::load_heads(&mut world.conn()).unwrap().business_date;
        let user = User::find_where(&mut world.conn(), "email = ?", &[SUPPLIER.3.into()]).unwrap().unwrap();
        let draft = registration(("N", 1), (SUPPLIER.0, SUPPLIER.1), (BUYER.0, BUYER.1), day);
        let reply =
            world.app().writer.submit_all(vec![(Actor::person(user.party_id, user.id), "a-draft".to_owned(), draft)]).remove(0);
        let never = reply.unwrap().number::<InvoiceId>("invoice_id");
        let withdrawn = supplier.api("withdraw-invoice", "before-anybody-saw", &serde_json::json!({ "invoice_id": never }));
        assert_eq!(withdrawn.status, 200, "{}", withdrawn.body);
        assert_eq!(buyer.get(&format!("/payables/{never}")).status, 404);
        let inbox = buyer.get("/payables").text();
        assert!(inbox.contains("L-0002") && !inbox.contains("N-0001"), "{inbox}");
        let said =
            api.api("dispute-invoice", "guesses-a-number", &serde_json::json!({ "invoice_id": never, "reason": "guessed" }));
        assert_eq!(said.status, 404, "{}", said.body);
        world.verify();
    }
}

/// What was signed can be read, kept and checked by anybody who was party to it; a page that is no longer true shows both versions.
#[test]
fn a_confirmation_is_evidence() {
    for database in Database::both() {
        let (world, invoices) = world(database, 1);
        let row = &invoices[0];
        let page = format!("/payables/{}", row.id);
        let buyer = world.signed_in(BUYER.3);
        let amount = Currency::EUR.decimal(row.payable_minor);
        // Two pages stand open; the one is used, the other is stale.
        let stale = buyer.fill(&page, &format!("{page}/check"), &[("amount", "1,000.00"), ("reason", "less")]);
        let asked = buyer.fill_and_confirm(&page, &format!("{page}/check"), &[("amount", &amount)]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!(buyer.get(&format!("/undertakings/{}", row.id)).status, 404, "nothing is signed yet");
        let checker = world.signed_in(&second_of(BUYER.3));
        let receipt = approve(&checker);
        assert!(receipt.text().contains("Confirmation as evidence"), "{}", receipt.text());
        let both = buyer.post(&format!("{page}/confirm"), &stale.form(&format!("{page}/confirm")));
        let text = both.text();
        assert_eq!(both.status, 409, "{text}");
        assert!(text.contains("Both versions") && text.contains("EUR 1,000.00") && text.contains("EUR 1,190.00"), "{text}");

        let evidence =
            store::ConfirmationEvidence::find_where(&mut world.conn(), "invoice_id = ?", &[row.id.into()]).unwrap().unwrap();
        let file = buyer.get(&format!("/evidence/{}", row.id));
        assert_eq!(server::hash::sha256_hex(file.body.as_bytes()), evidence.hash, "the file is what its digest says");
        for part in [
            row.document.as_str(),
            "irrevocably and unconditionally",
            "不可撤销",
            "signed=First Person <buyer@x.example>; password",
            "approved=Second Person",
            "kontor-terms-1",
        ] {
            assert!(file.body.contains(part), "{part}: {}", file.body);
        }
        let request = Approval::find_where(&mut world.conn(), "subject_id = ?", &[row.id.into()]).unwrap().unwrap();
        let asked = request.created_at.format("\nasked-at=%Y-%m-%dT%H:%M:%SZ\n").to_string();
        assert!(file.body.contains(&asked), "{asked}: {}", file.body);
        assert!(receipt.text().contains(&evidence.hash), "on the receipt");
        let audit = store::AuditRecord::find_where(&mut world.conn(), "outcome LIKE ?", &[format!("%{}%", evidence.hash).into()])
            .unwrap();
        assert!(audit.is_some(), "in the audit record");
        let shown = world.signed_in(SUPPLIER.3).get(&format!("/undertakings/{}", row.id)).text();
        assert!(shown.contains(&evidence.hash) && shown.contains("signed in with"), "{shown}");
        let read = world.api(SUPPLIER.3).get(&format!("/api/v1/confirmation-evidence?invoice_id={}", row.id)).json();
        assert_eq!((read["sha256"].clone(), read["text"].clone()), (evidence.hash.as_str().into(), file.body.as_str().into()));
        assert_eq!(world.api(SUPPLIER.3).get("/api/v1/confirmation-evidence?invoice_id=1").status, 404);
        let change = "UPDATE confirmation_evidence SET text = 'x'";
        assert!(store::query::execute(&mut world.conn(), change, &[]).is_err(), "what is written stays written");
        world.verify();
    }
}

/// The buyer learns whom to pay when a receivable is put up for assignment, loads it into its books and acknowledges it; supplier sees that.
#[test]
fn a_notice_of_assignment_is_given_and_acknowledged() {
    for database in Database::both() {
        let (world, invoices) = world(database, 1);
        let (buyer, supplier) = (world.signed_in(BUYER.3), world.signed_in(SUPPLIER.3));
        for email in [BUYER.3, SUPPLIER.3] {
            set_limit(&world, email, "EUR", "1,000,000.00");
        }
        let page = format!("/payables/{}", invoices[0].id);
        let amount = Currency::EUR.decimal(invoices[0].payable_minor);
        let _ = buyer.fill_and_confirm(&page, &format!("{page}/check"), &[("amount", &amount)]);
        let receivable = store::Receivable::find_where(&mut world.conn(), "1 = 1", &[]).unwrap().unwrap();
        assert!(buyer.get("/assignments").text().contains("No receivable"), "nothing is assigned yet");
        let offer = serde_json::json!({
            "receivable_id": receivable.id, "units_minor": receivable.face_minor, "rate": "5", "method": "discount", "day_count": "ACT/360",
            "minimum_ticket_minor": receivable.minimum_ticket_minor, "close_date": "2021-06-10",
        });
        let mut small = offer.clone();
        small["minimum_ticket_minor"] = 1.into();
        let refused = world.api(SUPPLIER.3).api("create-offer", "put-it-up-small", &small).json();
        let (least, most) = (receivable.minimum_ticket_minor.min(receivable.face_minor), receivable.face_minor);
        assert_eq!((refused["least_minor"].as_i64(), refused["most_minor"].as_i64()), (Some(least), Some(most)), "{refused}");
        let own = format!("/receivables/{}", receivable.id);
        let refused = supplier.fill(&own, &format!("{own}/offer"), &[("minimum_ticket", "0.01"), ("rate", "5")]).text();
        assert!(refused.contains(&format!("at least {}", web::Language::English.money("EUR", least))), "{refused}");
        let offered = world.api(SUPPLIER.3).api("create-offer", "put-it-up", &offer);
        assert_eq!(offered.status, 200, "{}", offered.body);
        assert!(supplier.get(&own).text().contains("Notice of assignment ○ Given"), "{}", supplier.get(&own).text());
        assert!(buyer.get("/home").text().contains("Notices of assignment to acknowledge"));
        let notice = format!("/assignments/{}", receivable.id);
        let shown = buyer.get(&notice).text();
        for part in [e2e::world::CUSTODY_IBAN, receivable.reference.as_str(), "EUR 1,190.00", "discharges the debt only if"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let table = buyer.get("/assignments?format=csv").body;
        assert!(
            table.contains(&receivable.reference)
                && table.contains(e2e::world::CUSTODY_IBAN)
                && table.contains("\"EUR\",1190.00"),
            "{table}"
        );
        let text = buyer.get(&format!("/assignment-texts/{}", receivable.id)).body;
        assert!(text.contains("Notice of assignment (2026-11)") && text.contains("债权转让通知"), "{text}");
        let api = world.api(BUYER.3);
        let given = api.get("/api/v1/assignments?state=given").json()["items"][0].clone();
        assert_eq!(
            (given["reference"].clone(), given["state"].clone()),
            (receivable.reference.as_str().into(), "given".into()),
            "{given}"
        );
        assert_eq!(given["iban"], e2e::world::CUSTODY_IBAN);
        let other = serde_json::json!({ "receivable_id": receivable.id, "hash": "0" });
        assert_eq!(api.api("acknowledge-assignment", "another-text", &other).json()["code"], "field_invalid");
        let done = buyer.fill(&notice, &notice, &[]);
        assert!(done.text().contains("Notice of assignment acknowledged"), "{}", done.text());
        assert!(supplier.get(&own).text().contains("Notice of assignment ✓ Acknowledged"), "{}", supplier.get(&own).text());
        assert_eq!(world.signed_in("operator@x.example").get(&notice).status, 403);
        let mailed = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            let sql = "address = ? AND subject LIKE '%is being assigned%'";
            store::lists::count(&mut world.conn(), "mails", sql, &[BUYER.3.into()]).unwrap() == 1
        });
        assert!(mailed, "one mail to the buyer");
        world.verify();
    }
}

/// What people write in boxes of several lines keeps its lines; what is too long says how much may be said.
#[test]
fn a_text_has_lines_and_an_end() {
    for database in Database::both() {
        let world = World::demo(database, 30);
        let mut conn = world.conn();
        let open = "state = 'presented' AND buyer_id = (SELECT party_id FROM users WHERE email = 'buyer1@kontor.example') ORDER BY id LIMIT 1";
        let invoice = store::Invoice::find_where(&mut conn, open, &[]).unwrap().unwrap();
        let (buyer, api) = (world.signed_in("buyer1@kontor.example"), world.api("buyer1@kontor.example"));
        let page = format!("/payables/{}", invoice.id);
        let sent = buyer.fill(&page, &format!("{page}/message"), &[("text", "Short delivery:\r\n2 pallets missing")]);
        assert!(sent.status < 400, "{}", sent.text());
        let kept = store::InvoiceMessage::find_where(&mut conn, "invoice_id = ? ORDER BY id DESC LIMIT 1", &[invoice.id.into()]);
        assert_eq!(kept.unwrap().unwrap().text, "Short delivery:\n2 pallets missing");
        let write =
            |key: &str, text: &str| api.api("write-message", key, &serde_json::json!({ "invoice_id": invoice.id, "text": text }));
        assert_eq!(write("lines-of-a-program", "one\ntwo").status, 200);
        let long = write("much-too-long", &"x".repeat(1_001));
        assert_eq!(
            (long.status, long.json()["code"].clone(), long.json()["field"].clone()),
            (422, "text_too_long".into(), "text".into())
        );
        assert!(long.body.contains("1,000") || long.body.contains("1000"), "{}", long.body);
        assert_eq!(write("turned-round", "a\u{202E}b").json()["code"], "field_invalid");
        world.verify();
    }
}
