//! A buyer's programmes on both databases: proposed, approved, joined, sold under to the advance and no further, with fees that the buyer
//! bears to the cent; each rule of eligibility; new terms; and what others see of it, which is nothing.

use crate::journey::{BUYER, SUPPLIER, approve, incoming, onboard, second_of};
use crate::settlement::Trade;
use domain::Currency;
use e2e::{Answer, Client, Database};
use serde_json::{Value, json};
use server::demo::files::{DemoInvoice, totals, ubl};
use store::records::{Keyed, Record};
use store::{Approval, FeeBill, Programme, ProgrammeMember, ProgrammeVersion, Receivable};

const OTHER: (&str, &str, &str, &str) = ("Other Supplier", "DE136695976", "supplier", "other@x.example");
const START: &str = "2026-03-02";

/// What the buyer proposes: it bears the fees, and a fifth stays with the supplier.
fn terms(name: &str) -> Value {
    json!({
        "name": name, "currency": "EUR", "least_tenor_days": 15, "most_tenor_days": 90, "most_age_days": 60, "advance_bps": 8_000, "reserve_bps": 1_000,
        "settlement_fee_bps": 20, "purchase_fee_bps": 25, "minimum_fee_minor": 100, "minimum_ticket_minor": 10_000, "fee_bearer": "buyer",
        "grace_days": 7, "recourse": "none", "begins_on": START,
    })
}

fn with(mut body: Value, field: &str, value: impl Into<Value>) -> Value {
    body[field] = value.into();
    body
}

/// Whatever waits is agreed to by the company's second person.
fn agree(it: &Trade, email: &str, asked: &Answer) -> Value {
    assert_eq!(asked.status, 202, "{}", asked.body);
    let id = asked.json()["awaits_approval"].as_i64().unwrap();
    let request = Approval::load(&mut it.world.conn(), id).unwrap();
    let yes = json!({ "approval_id": id, "body_hash": request.body_hash, "approve": true });
    let checker = it.world.api(email);
    let done = checker.api("decide-approval", &format!("agree-{id}"), &yes);
    assert_eq!(done.status, 200, "{}", done.body);
    done.json()["result"].clone()
}

/// A programme that runs, and its number.
fn open(it: &Trade, key: &str, terms: &Value) -> i64 {
    let asked = it.buyer.api("propose-programme", &format!("propose-{key}"), terms);
    let made = agree(it, &second_of(BUYER.3), &asked);
    let decision = json!({ "version_id": made["version_id"], "approve": true, "reason": "as agreed" });
    let asked = it.operator.api("decide-programme", &format!("decide-{key}"), &decision);
    agree(it, "operator2@x.example", &asked);
    made["programme_id"].as_i64().unwrap()
}

fn join(it: &Trade, programme: i64, version: i64) -> i64 {
    it.done(&it.buyer, "invite-to-programme", &json!({ "programme_id": programme, "suppliers": [SUPPLIER.1] }));
    let rows = it.supplier.get("/api/v1/memberships?state=member_invited").json();
    let member = rows["items"][0]["id"].as_i64().unwrap();
    let yes = json!({ "member_id": member, "terms_version": version, "join": true });
    it.done(&it.supplier, "answer-programme-invitation", &yes);
    member
}

/// A presented invoice of the supplier.
fn present(it: &Trade, number: &str, (issued, due): (&str, &str), currency: Currency, net_minor: i64) -> i64 {
    let file = ubl(&DemoInvoice {
        number,
        issue_date: issued.parse().unwrap(),
        due_date: due.parse().unwrap(),
        currency,
        net_minor,
        seller: (SUPPLIER.0, SUPPLIER.1),
        buyer: (BUYER.0, BUYER.1),
        order: "1",
        item: "Goods",
    });
    let key = format!("register-{number}");
    let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", key.as_str())];
    let kept = it.supplier.post_with("/api/v1/register-invoice", &headers, file);
    let id = kept.json()["result"]["invoice_id"].as_i64().unwrap_or_else(|| panic!("{}", kept.body));
    it.done(&it.supplier, "submit-invoice", &json!({ "invoice_id": id }));
    id
}

/// The buyer confirms all of it for this day; the receivable that came of it.
fn confirm(it: &Trade, id: i64, amount_minor: i64, due: &str) -> Receivable {
    let question = format!("/api/v1/payables/undertaking?invoice_id={id}&amount_minor={amount_minor}&due_date={due}");
    let words = it.buyer.get(&question).json();
    let yes = json!({
        "invoice_id": id, "amount_minor": amount_minor, "due_date": due, "version": words["version"], "words_hash": words["words_hash"], "reason": "as delivered",
    });
    let done = it.done(&it.buyer, "confirm-invoice", &yes);
    Receivable::load(&mut it.world.conn(), done["receivable_id"].as_i64().unwrap()).unwrap()
}

fn offer(it: &Trade, key: &str, receivable: &Receivable, units_minor: i64) -> Answer {
    let body = json!({
        "receivable_id": receivable.id, "units_minor": units_minor, "rate": "6", "method": "discount", "day_count": "ACT/360",
        "minimum_ticket_minor": receivable.minimum_ticket_minor.min(units_minor), "close_date": "2026-03-12",
    });
    it.supplier.api("create-offer", key, &body)
}

fn rule(it: &Trade, client: &Client, invoice: i64) -> Value {
    let answer = client.get(&format!("/api/v1/invoices/eligibility?invoice_id={invoice}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let _ = it;
    answer.json()
}

/// Waits for a mail to this address that says so.
fn mailed(it: &Trade, address: &str, part: &str) -> bool {
    let found = || {
        let mails = store::Mail::list_where(&mut it.world.conn(), "address = ? ORDER BY id DESC", &[address.into()]).unwrap();
        mails.iter().any(|mail| mail.body.contains(part))
    };
    (0..100).any(|_| {
        let there = found();
        if !there {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        there
    })
}

fn buyer_cash(it: &Trade) -> i64 {
    let rows = it.buyer.get("/api/v1/balances").json();
    rows["items"].as_array().unwrap().iter().find(|row| row["currency"] == "EUR").map_or(0, |row| row["balance_minor"].as_i64().unwrap())
}

#[test]
fn a_programme_from_the_proposal_to_the_last_fee() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR, Currency::parse("CNY").unwrap()]);
        let (buyer, supplier) = (it.world.signed_in(BUYER.3), it.world.signed_in(SUPPLIER.3));
        let operator = it.world.signed_in("operator@x.example");
        let operator_form = |page: &str, fields: &[(&str, &str)]| operator.fill(page, page, fields);

        // The proposal: bounds are told, two people agree, and the operator sees it on its home page.
        let wrong = it.buyer.api("propose-programme", "too-much", &with(terms("Spring"), "advance_bps", 9_001)).json();
        assert_eq!((wrong["code"].clone(), wrong["field"].clone()), ("out_of_range".into(), "advance_bps".into()), "{wrong}");
        let small = it.buyer.api("propose-programme", "no-ticket", &with(terms("Spring"), "minimum_ticket_minor", 0)).json();
        assert_eq!(small["code"], "amount_out_of_range", "{small}");
        let past = it.buyer.api("propose-programme", "in-the-past", &with(terms("Spring"), "begins_on", "2026-03-01")).json();
        assert_eq!((past["code"].clone(), past["field"].clone()), ("date_invalid".into(), "begins_on".into()), "{past}");
        assert_eq!(it.supplier.api("propose-programme", "not-a-buyer", &terms("Spring")).status, 403);
        let asked = it.buyer.api("propose-programme", "propose-spring", &terms("Spring"));
        assert!(Programme::list_where(&mut it.world.conn(), "id > 0", &[]).unwrap().is_empty(), "nothing before the second person");
        let made = agree(&it, &second_of(BUYER.3), &asked);
        let (programme, version) = (made["programme_id"].as_i64().unwrap(), made["version_id"].as_i64().unwrap());
        let state = || Programme::load(&mut it.world.conn(), programme).unwrap().state;
        assert_eq!(state(), "proposed");
        let invite = |key: &str, suppliers: &[&str]| {
            it.buyer.api("invite-to-programme", key, &json!({ "programme_id": programme, "suppliers": suppliers }))
        };
        assert_eq!(invite("too-early", &[SUPPLIER.1]).json()["code"], "state_conflict");
        assert!(operator.get("/home").text().contains("Programme terms to decide"), "{}", operator.get("/home").text());
        let page = format!("/ops/programmes/versions/{version}");
        let shown = operator.get(&page).text();
        for part in ["Spring, version 1", "80 %", "The buyer", "15 to 90 days"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let decided = operator_form(&page, &[("decision", "approve"), ("reason", "as agreed")]);
        assert!(decided.text().contains("second person"), "{}", decided.text());
        assert_eq!(state(), "proposed");
        let second = it.world.signed_in("operator2@x.example");
        assert_eq!(approve(&second).status, 200);
        assert_eq!(state(), "open");

        // Invited by tax id or name; a line that names nobody is told with its number.
        let nobody = invite("names-nobody", &[SUPPLIER.1, "No such supplier"]).json();
        assert_eq!((nobody["code"].clone(), nobody["line"].clone()), ("invitee_unknown".into(), "2".into()), "{nobody}");
        let before = present(&it, "P-1", (START, "2026-04-01"), Currency::EUR, 100_000);
        assert_eq!(rule(&it, &it.buyer, before)["rule"], "not_a_member");
        assert_eq!(rule(&it, &it.supplier, before)["programme_id"], Value::Null, "who was never asked hears of nothing");
        let done = buyer.fill(&format!("/programmes/{programme}"), &format!("/programmes/{programme}/invite"), &[("suppliers", "real supplier\r\n")]);
        assert!(done.text().contains("Suppliers invited to a programme"), "{}", done.text());
        assert_eq!(invite("once-more", &[SUPPLIER.1]).json()["result"]["known_before"], 1);
        let member = ProgrammeMember::find_where(&mut it.world.conn(), "id > 0", &[]).unwrap().unwrap();
        assert!(mailed(&it, SUPPLIER.3, &format!("/memberships/{}", member.id)));

        // Not joined yet: the platform's own terms.
        let plain = confirm(&it, before, totals(100_000).2, "2026-04-01");
        assert_eq!((plain.programme_id, plain.sellable_minor, plain.fee_bearer.as_str()), (None, 0, ""));
        assert!(!plain.terms.contains("programme"), "{}", plain.terms);

        // Joining names the version; a check page says all of it.
        let stale = json!({ "member_id": member.id, "terms_version": 2, "join": true });
        assert_eq!(it.supplier.api("answer-programme-invitation", "other-terms", &stale).json()["code"], "programme_changed");
        let page = format!("/memberships/{}", member.id);
        let check = supplier.fill(&page, &format!("{page}/join"), &[]);
        for part in ["exactly these terms", "80 %", "The buyer", "EUR 100.00", "Without recourse"] {
            assert!(check.text().contains(part), "{part}: {}", check.text());
        }
        let joined = supplier.fill_and_confirm(&page, &format!("{page}/join"), &[]);
        assert!(joined.text().contains("Programme terms answered"), "{}", joined.text());

        // An eligible invoice: the supplier and the buyer see it, and the check page names the terms.
        let id = present(&it, "P-2", (START, "2026-04-01"), Currency::EUR, 1_000_000);
        assert!(supplier.get(&format!("/invoices/{id}")).text().contains("Eligible under “Spring”, version 1"));
        let payable = buyer.get(&format!("/payables/{id}")).text();
        assert!(payable.contains("Eligible under “Spring”, version 1"), "{payable}");
        let check = buyer.fill(&format!("/payables/{id}"), &format!("/payables/{id}/check"), &[]).text();
        assert!(check.contains("Terms that apply Spring, version 1"), "{check}");
        let confirmed = totals(1_000_000).2;
        let issued = confirm(&it, id, confirmed, "2026-04-01");
        assert_eq!((issued.programme_id, issued.programme_version), (Some(programme), 1));
        assert_eq!((issued.reserve_minor, issued.sellable_minor), (119_000, 952_000));
        assert_eq!((issued.fee_bearer.as_str(), issued.recourse.as_str(), issued.grace_days), ("buyer", "none", 7));
        assert_eq!((issued.settlement_fee_minor, issued.purchase_fee_bps, issued.minimum_ticket_minor), (0, 25, 10_000));
        let ends = format!("programme={programme}\nprogramme_version=1\nsellable_minor=952000\nfee_bearer=buyer\nrecourse=none");
        assert!(issued.terms.ends_with(&ends), "{}", issued.terms);
        let evidence = it.buyer.get(&format!("/api/v1/confirmation-evidence?invoice_id={id}")).json();
        assert!(evidence["text"].as_str().unwrap().contains(&ends));
        let bills = || FeeBill::list_where(&mut it.world.conn(), "id > 0 ORDER BY id", &[]).unwrap();
        let settlement = bills();
        assert_eq!((settlement.len(), settlement[0].amount_minor, settlement[0].kind.as_str()), (1, 2_380, "settlement"));

        // Sold up to the advance and no further, in one offer or in several.
        let above = offer(&it, "above-advance", &issued, 952_001).json();
        assert_eq!((above["code"].clone(), above["left_minor"].clone()), ("above_advance".into(), 952_000.into()), "{above}");
        let first = offer(&it, "first-part", &issued, 500_000).json()["result"]["offer_id"].as_i64().unwrap();
        assert_eq!(offer(&it, "second-too-much", &issued, 452_001).json()["left_minor"], 452_000);
        let second_part = offer(&it, "second-part", &issued, 452_000).json()["result"]["offer_id"].as_i64().unwrap();
        assert_eq!(offer(&it, "nothing-left", &issued, 10_000).json()["left_minor"], 0);

        // The buyer bears the fee: the financier pays the price, the supplier gets all of it.
        let financier = it.world.signed_in("one@x.example");
        let market = financier.get(&format!("/market/{first}")).text();
        for part in ["Without recourse", "Who bears the fees The buyer", "Days of grace 7"] {
            assert!(market.contains(part), "{part}: {market}");
        }
        let before = it.cash(Currency::EUR);
        let quote = it.financiers[0].get(&format!("/api/v1/offers/quote?offer_id={first}&units_minor=500000")).json();
        assert_eq!((quote["supplier_fee_minor"].clone(), quote["fee_bearer"].clone()), (0.into(), "buyer".into()), "{quote}");
        let (price, fee) = (quote["price_minor"].as_i64().unwrap(), quote["fee_minor"].as_i64().unwrap());
        assert_eq!(fee, (price * 25 + 5_000) / 10_000);
        it.buy(&it.financiers[0], first, 500_000);
        let now = it.cash(Currency::EUR);
        assert_eq!((before[0] - now[0], now[2] - before[2]), (price, price));
        it.buy(&it.financiers[1], second_part, 452_000);
        let owed: Vec<i64> = bills().iter().map(|bill| bill.amount_minor).collect();
        assert_eq!((owed.len(), owed[0], owed[1]), (3, 2_380, fee));
        let sum: i64 = owed.iter().sum();
        assert_eq!(it.platform(Currency::EUR, "claim").0, sum);
        assert_eq!(it.platform(Currency::EUR, "fees").0, sum, "earned when it was billed");
        it.verify();

        // End of day: told by mail; as much as there is, oldest first, to the cent.
        it.world.move_to("2026-03-03");
        assert_eq!(buyer_cash(&it), 0);
        assert!(mailed(&it, BUYER.3, "of fees arose today"));
        let fees = buyer.get("/fees").text();
        let reference = it.buyer.get("/api/v1/me").json()["company"]["reference"].as_str().unwrap().to_owned();
        for part in [reference.as_str(), e2e::world::CUSTODY_IBAN, "Settlement fee", "Purchase fee"] {
            assert!(fees.contains(part), "{part}: {fees}");
        }
        assert!(buyer.get("/fees?format=csv").body.contains("EUR,23.80"), "{}", buyer.get("/fees?format=csv").body);
        it.receive(Currency::EUR, "2026-03-03", &[incoming(2_381, &reference)]);
        it.world.move_to("2026-03-04");
        let paid: Vec<i64> = bills().iter().map(|bill| bill.paid_minor).collect();
        assert_eq!((paid, buyer_cash(&it)), (vec![2_380, 1, 0], 0));
        it.verify();
        it.receive(Currency::EUR, "2026-03-04", &[incoming(sum, &reference)]);
        it.world.move_to("2026-03-05");
        assert!(bills().iter().all(|bill| bill.paid_minor == bill.amount_minor));
        assert_eq!((buyer_cash(&it), it.platform(Currency::EUR, "claim").0), (2_381, 0));
        assert_eq!(it.platform(Currency::EUR, "fees").0, sum);
        assert!(buyer.get("/cash/statement?currency=EUR").text().contains("Fee paid by the buyer"));
        it.verify();

        // Redeemed: the holders and what the supplier kept, and the reserve without a fee taken from it.
        let before = it.cash(Currency::EUR);
        it.receive(Currency::EUR, "2026-03-05", &[incoming(confirmed, &issued.reference)]);
        let now = it.cash(Currency::EUR);
        assert_eq!([now[0] - before[0], now[1] - before[1], now[2] - before[2]], [500_000, 452_000, confirmed - 952_000]);
        it.verify();
    }
}
