//! A buyer's programmes on both databases: proposed, approved, joined, sold under to the advance and no further, with fees that the buyer
//! bears to the cent; each rule of eligibility; new terms; and what others see of it, which is nothing.

use crate::journey::{BUYER, SUPPLIER, approve, incoming, onboard, second_of};
use crate::settlement::Trade;
use domain::Currency;
use domain::pricing::Bearer;
use domain::programme::{FeeKind, MemberState, ProgrammeState, Recourse, VersionState};
use e2e::{Answer, Client, Database};
use kernel::{ApprovalId, InvoiceId, MemberId, OfferId, ProgrammeId, ProgrammeVersionId, ReceivableId};
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
    let id = ApprovalId(asked.json()["awaits_approval"].as_i64().unwrap());
    let request = Approval::load(&mut it.world.conn(), id).unwrap();
    let yes = json!({ "approval_id": id, "body_hash": request.body_hash, "approve": true });
    let checker = it.world.api(email);
    let done = checker.api("decide-approval", &format!("agree-{id}"), &yes);
    assert_eq!(done.status, 200, "{}", done.body);
    done.json()["result"].clone()
}

/// A programme that runs, and its number.
fn open(it: &Trade, key: &str, terms: &Value) -> ProgrammeId {
    let asked = it.buyer.api("propose-programme", &format!("propose-{key}"), terms);
    let made = agree(it, &second_of(BUYER.3), &asked);
    let decision = json!({ "version_id": made["version_id"], "approve": true, "reason": "as agreed" });
    let asked = it.operator.api("decide-programme", &format!("decide-{key}"), &decision);
    agree(it, "operator2@x.example", &asked);
    ProgrammeId(made["programme_id"].as_i64().unwrap())
}

fn join(it: &Trade, programme: ProgrammeId, version: i64) -> MemberId {
    it.done(&it.buyer, "invite-to-programme", &json!({ "programme_id": programme, "suppliers": [SUPPLIER.1] }));
    let rows = it.supplier.get("/api/v1/memberships?state=member_invited").json();
    let member = MemberId(rows["items"][0]["id"].as_i64().unwrap());
    let yes = json!({ "member_id": member, "terms_version": version, "join": true });
    it.done(&it.supplier, "answer-programme-invitation", &yes);
    member
}

/// A presented invoice of the supplier.
pub fn present(it: &Trade, number: &str, (issued, due): (&str, &str), currency: Currency, net_minor: i64) -> InvoiceId {
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
    let id = InvoiceId(kept.json()["result"]["invoice_id"].as_i64().unwrap_or_else(|| panic!("{}", kept.body)));
    it.done(&it.supplier, "submit-invoice", &json!({ "invoice_id": id }));
    id
}

/// The buyer confirms all of it for this day; the receivable that came of it.
fn confirm(it: &Trade, id: InvoiceId, amount_minor: i64, due: &str) -> Receivable {
    let question = format!("/api/v1/payables/undertaking?invoice_id={id}&amount_minor={amount_minor}&due_date={due}");
    let words = it.buyer.get(&question).json();
    let yes = json!({
        "invoice_id": id, "amount_minor": amount_minor, "due_date": due, "version": words["version"], "words_hash": words["words_hash"], "reason": "as delivered",
    });
    let done = it.done(&it.buyer, "confirm-invoice", &yes);
    Receivable::load(&mut it.world.conn(), ReceivableId(done["receivable_id"].as_i64().unwrap())).unwrap()
}

fn offer(it: &Trade, key: &str, receivable: &Receivable, units_minor: i64) -> Answer {
    let body = json!({
        "receivable_id": receivable.id, "units_minor": units_minor, "rate": "6", "method": "discount", "day_count": "ACT/360",
        "minimum_ticket_minor": receivable.minimum_ticket_minor.min(units_minor), "close_date": "2026-03-12",
    });
    it.supplier.api("create-offer", key, &body)
}

/// The offer that was made.
fn offer_of(answer: &Answer) -> OfferId {
    OfferId(answer.json()["result"]["offer_id"].as_i64().unwrap())
}

fn rule(client: &Client, invoice: InvoiceId) -> Value {
    let answer = client.get(&format!("/api/v1/invoices/eligibility?invoice_id={invoice}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
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
    rows["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["currency"] == "EUR")
        .map_or(0, |row| row["balance_minor"].as_i64().unwrap())
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
        assert!(
            Programme::list_where(&mut it.world.conn(), "id > 0", &[]).unwrap().is_empty(),
            "nothing before the second person"
        );
        let agreed = agree(&it, &second_of(BUYER.3), &asked);
        let programme = ProgrammeId(agreed["programme_id"].as_i64().unwrap());
        let version = ProgrammeVersionId(agreed["version_id"].as_i64().unwrap());
        let state = || Programme::load(&mut it.world.conn(), programme).unwrap().state;
        assert_eq!(state(), ProgrammeState::Proposed);
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
        assert_eq!(state(), ProgrammeState::Proposed);
        let second = it.world.signed_in("operator2@x.example");
        assert_eq!(approve(&second).status, 200);
        assert_eq!(state(), ProgrammeState::Open);

        // Invited by tax id or name; a line that names nobody is told with its number.
        let nobody = invite("names-nobody", &[SUPPLIER.1, "No such supplier"]).json();
        assert_eq!((nobody["code"].clone(), nobody["line"].clone()), ("invitee_unknown".into(), "2".into()), "{nobody}");
        let before = present(&it, "P-1", (START, "2026-04-01"), Currency::EUR, 100_000);
        assert_eq!(rule(&it.buyer, before)["rule"], "not_a_member");
        assert_eq!(rule(&it.supplier, before)["programme_id"], Value::Null, "who was never asked hears of nothing");
        let done = buyer.fill(
            &format!("/programmes/{programme}"),
            &format!("/programmes/{programme}/invite"),
            &[("suppliers", "real supplier\r\n")],
        );
        assert!(done.text().contains("Suppliers invited to a programme"), "{}", done.text());
        assert_eq!(invite("once-more", &[SUPPLIER.1]).json()["result"]["known_before"], 1);
        let member = ProgrammeMember::find_where(&mut it.world.conn(), "id > 0", &[]).unwrap().unwrap();
        assert!(mailed(&it, SUPPLIER.3, &format!("/memberships/{}", member.id)));

        // Not joined yet: the platform's own terms.
        let plain = confirm(&it, before, totals(100_000).2, "2026-04-01");
        assert_eq!((plain.programme_id, plain.sellable_minor, plain.fee_bearer.get()), (None, 0, None));
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
        assert_eq!(
            (issued.fee_bearer.get(), issued.recourse.get(), issued.grace_days),
            (Some(Bearer::Buyer), Some(Recourse::Without), 7)
        );
        assert_eq!((issued.settlement_fee_minor, issued.purchase_fee_bps, issued.minimum_ticket_minor), (0, 25, 10_000));
        let ends = format!("programme={programme}\nprogramme_version=1\nsellable_minor=952000\nfee_bearer=buyer\nrecourse=none");
        assert!(issued.terms.ends_with(&ends), "{}", issued.terms);
        let evidence = it.buyer.get(&format!("/api/v1/confirmation-evidence?invoice_id={id}")).json();
        assert!(evidence["text"].as_str().unwrap().contains(&ends));
        let bills = || FeeBill::list_where(&mut it.world.conn(), "id > 0 ORDER BY id", &[]).unwrap();
        assert!(bills().is_empty(), "nothing is sold, so no fee is due");

        // Sold up to the advance and no further, in one offer or in several.
        let above = offer(&it, "above-advance", &issued, 952_001).json();
        assert_eq!((above["code"].clone(), above["left_minor"].clone()), ("above_advance".into(), 952_000.into()), "{above}");
        let first = offer_of(&offer(&it, "first-part", &issued, 500_000));
        assert_eq!(offer(&it, "second-too-much", &issued, 452_001).json()["left_minor"], 452_000);
        let second_part = offer_of(&offer(&it, "second-part", &issued, 452_000));
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
        assert_eq!((owed.len(), owed[0]), (2, fee));
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
        for part in [reference.as_str(), e2e::world::CUSTODY_IBAN, "Purchase fee"] {
            assert!(fees.contains(part), "{part}: {fees}");
        }
        it.receive(Currency::EUR, "2026-03-03", &[incoming(fee + 1, &reference)]);
        it.world.move_to("2026-03-04");
        let paid: Vec<i64> = bills().iter().map(|bill| bill.paid_minor).collect();
        assert_eq!((paid, buyer_cash(&it)), (vec![fee, 1], 0));
        it.verify();
        it.receive(Currency::EUR, "2026-03-04", &[incoming(sum, &reference)]);
        it.world.move_to("2026-03-05");
        assert!(bills().iter().all(|bill| bill.paid_minor == bill.amount_minor));
        assert_eq!((buyer_cash(&it), it.platform(Currency::EUR, "claim").0), (fee + 1, 0));
        assert_eq!(it.platform(Currency::EUR, "fees").0, sum);
        assert!(buyer.get("/cash/statement?currency=EUR").text().contains("Fee paid by the buyer"));
        it.verify();

        // Redeemed: the holders and what the supplier kept, and the reserve without a fee taken from it.
        let before = it.cash(Currency::EUR);
        it.receive(Currency::EUR, "2026-03-05", &[incoming(confirmed, &issued.reference)]);
        let now = it.cash(Currency::EUR);
        assert_eq!([now[0] - before[0], now[1] - before[1], now[2] - before[2]], [500_000, 452_000, confirmed - 952_000]);
        let operator = it.world.signed_in("operator@x.example");
        let bought =
            store::Purchase::find_where(&mut it.world.conn(), "receivable_id = ?", &[issued.id.into()]).unwrap().unwrap();
        let fee_words = format!("Fee {} · The buyer", web::Language::English.money("EUR", bought.fee_minor));
        let page = operator.get(&format!("/ops/purchases/{}", bought.id)).text();
        assert!(page.contains(&fee_words), "{fee_words}: {page}");
        assert!(operator.get(&format!("/ops/offers/{}", bought.offer_id)).text().contains("The buyer"));
        let versions = operator.get("/ops/programmes/versions").text();
        assert!(versions.contains("Approved") && !versions.contains("Total of"), "{versions}");
        assert!(operator.get("/ops/purchases?format=csv").body.contains("The buyer"));
        // Nothing more can be sold: of 23.80 on the face of 10,710.00 the buyer bears what falls on the 9,520.00 that were sold.
        let settled = bills().pop().unwrap();
        assert_eq!((settled.kind, settled.amount_minor, settled.purchase_id), (FeeKind::Settlement, 2_116, None));
        let page = supplier.get(&format!("/receivables/{}", issued.id)).text();
        for part in ["Settlement fee EUR 21.16 · The buyer", "Purchase fee 25 bps · The buyer"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        it.verify();
        it.world.move_to("2026-03-06");
        assert!(buyer.get("/fees?format=csv").body.contains("\"EUR\",21.16"), "{}", buyer.get("/fees?format=csv").body);
    }
}

/// Each rule says no with its figures to both sides, and the invoice is confirmed under the platform's own terms.
#[test]
fn each_rule_of_eligibility_is_told_with_its_figures() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR, Currency::parse("CNY").unwrap()]);
        let (buyer, supplier) = (it.world.signed_in(BUYER.3), it.world.signed_in(SUPPLIER.3));
        let programme = open(&it, "rules-of-it", &with(terms("Rules"), "begins_on", "2026-03-03"));
        let due = "2026-04-01";
        let first = present(&it, "R-1", (START, due), Currency::EUR, 100_000);
        let member = join(&it, programme, 1);
        let says = |id: InvoiceId, code: &str, part: &str| {
            for client in [&it.buyer, &it.supplier] {
                let told = client.get(&format!("/api/v1/invoices/eligibility?invoice_id={id}")).json();
                assert_eq!((told["eligible"].clone(), told["rule"].clone()), (false.into(), code.into()), "{told}");
                assert!(told["title"].as_str().unwrap().contains(part), "{part}: {told}");
            }
            let pages = [buyer.get(&format!("/payables/{id}")), supplier.get(&format!("/invoices/{id}"))];
            assert!(pages.iter().all(|page| page.text().contains(part)), "{code}: {}", pages[0].text());
        };
        says(first, "not_begun", "its terms begin on 3 Mar 2026");
        it.world.move_to("2026-03-03");
        assert_eq!(rule(&it.supplier, first)["eligible"], true);

        let yuan = present(&it, "R-2", (START, due), Currency::parse("CNY").unwrap(), 100_100);
        says(yuan, "other_currency", "the programme is in EUR, the invoice in CNY");
        let old = present(&it, "R-3", ("2026-01-01", due), Currency::EUR, 100_200);
        says(old, "too_old", "issued 61 days ago, and it takes at most 60");
        let long = present(&it, "R-4", (START, "2026-06-02"), Currency::EUR, 100_300);
        says(long, "tenor_too_long", "91 days remain to the due date, and it takes at most 90");
        let open_day = present_without_day(&it, "R-5", 100_400);
        says(open_day, "due_date_unknown", "the due date is not known");
        it.world.move_to("2026-03-17");
        let short = present(&it, "R-7", (START, due), Currency::EUR, 100_600);
        let long = present(&it, "R-8", (START, "2026-06-20"), Currency::EUR, 100_700);
        it.world.move_to("2026-03-18");
        says(short, "tenor_too_short", "14 days remain to the due date, and it needs at least 15");
        // The buyer may confirm it for a later day, and then it is eligible.
        let later = confirm(&it, short, totals(100_600).2, "2026-04-02");
        assert_eq!(later.programme_id, Some(programme));
        // Confirmed as it is, it goes under the platform's terms, and the check page says so.
        let check = buyer.fill(
            &format!("/payables/{long}"),
            &format!("/payables/{long}/check"),
            &[("due_date", "2026-07-30"), ("reason", "as agreed")],
        );
        for part in ["ordinary terms", "134 days remain"] {
            assert!(check.text().contains(part), "{part}: {}", check.text());
        }
        assert_eq!(confirm(&it, long, totals(100_700).2, "2026-07-30").programme_id, None);

        // One house is no trade: a common registration, however it is written.
        let register = |of: &str, id: &str| {
            let sql = "UPDATE parties SET registration_id = ? WHERE tax_id = ?";
            assert_eq!(store::query::execute(&mut it.world.conn(), sql, &[id.into(), of.into()]).unwrap(), 1);
        };
        let near = present(&it, "R-6", ("2026-03-18", "2026-04-20"), Currency::EUR, 100_500);
        register(SUPPLIER.1, "HRB 4711");
        register(BUYER.1, "hrb-4711");
        says(near, "related_party", "one house by their registration");
        register(SUPPLIER.1, "");
        register(BUYER.1, "");
        assert_eq!(rule(&it.supplier, near)["eligible"], true);

        // Suspended by two people, with a reason that the suppliers read; nobody joins, and nothing issued changes.
        let page = format!("/programmes/{programme}");
        let asked =
            buyer.fill_and_confirm(&page, &format!("{page}/change"), &[("change", "suspend"), ("reason", "stock-taking")]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        let twice = json!({ "programme_id": programme, "change": "close", "reason": "x" });
        assert_eq!(it.buyer.api("change-programme", "one-at-a-time", &twice).json()["code"], "request_pending");
        assert_eq!(approve(&it.world.signed_in(&second_of(BUYER.3))).status, 200);
        says(near, "not_open", "the programme is Suspended");
        assert!(mailed(&it, SUPPLIER.3, "stock-taking"));
        let kept = Receivable::load(&mut it.world.conn(), later.id).unwrap();
        assert_eq!((kept.programme_id, kept.sellable_minor), (Some(programme), later.sellable_minor));
        let reopen = json!({ "programme_id": programme, "change": "reopen", "reason": "done" });
        agree(&it, &second_of(BUYER.3), &it.buyer.api("change-programme", "reopen-it", &reopen));
        assert_eq!(rule(&it.supplier, near)["eligible"], true);

        // The buyer's own payables list says under which terms each line would be confirmed.
        let table = format!(
            "supplier_tax_id,invoice_number,issue_date,due_date,currency,total,deducted,payable\n{0},L-1,2026-03-18,2026-04-20,EUR,,,10.00\n{0},L-2,2026-01-01,2026-04-20,EUR,,,11.00\n",
            SUPPLIER.1
        );
        let list =
            buyer.upload("/payables/approved/file", "/payables/approved/file", &[("payables.csv", table.into_bytes())]).text();
        assert!(list.contains("Eligible under “Rules”, version 1") && list.contains("issued 76 days ago"), "{list}");

        // A check page that is no longer true is refused: what was shown is what holds.
        let (page, act) = (format!("/payables/{near}"), format!("/payables/{near}/confirm"));
        let check = buyer.fill(&page, &format!("{page}/check"), &[]);
        assert!(check.text().contains("Terms that apply Rules, version 1"), "{}", check.text());
        let shown = check.form(&act);
        // The supplier leaves: from then on the platform's terms, and the buyer sees why.
        let left = it.done(&it.supplier, "end-membership", &json!({ "member_id": member }));
        assert_eq!(left["status"], "member_left");
        assert_eq!(rule(&it.buyer, near)["rule"], "not_a_member");
        let stale = buyer.post(&act, &shown);
        assert!(stale.status == 409 && stale.text().contains("Other terms would hold"), "{}", stale.text());
        assert!(stale.text().contains("ordinary terms"), "what holds now is shown: {}", stale.text());
        assert_eq!(rule(&it.supplier, near)["programme_id"], Value::Null);
        assert!(mailed(&it, BUYER.3, "has left your programme"));
        assert_eq!(confirm(&it, near, totals(100_500).2, "2026-04-20").programme_id, None);
        // The registration was changed behind the program's back, and put back: nothing else was.
        it.verify();
    }
}

/// A presented invoice whose file names no due date.
fn present_without_day(it: &Trade, number: &str, net_minor: i64) -> InvoiceId {
    let table = format!(
        "number,issue_date,due_date,currency,seller_tax_id,buyer_tax_id,net,tax,total,payable\n{number},{START},,EUR,{},{},{n},0.00,{n},{n}\n",
        SUPPLIER.1,
        BUYER.1,
        n = Currency::EUR.decimal(net_minor),
    );
    let key = format!("register-{number}");
    let headers = [("Content-Type", "text/csv"), ("Idempotency-Key", key.as_str())];
    let kept = it.supplier.post_with("/api/v1/register-invoice", &headers, table);
    let id = InvoiceId(kept.json()["result"]["invoice_id"].as_i64().unwrap_or_else(|| panic!("{}", kept.body)));
    it.done(&it.supplier, "submit-invoice", &json!({ "invoice_id": id }));
    id
}

#[test]
fn new_terms_hold_for_whoever_accepts_them() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR]);
        let supplier = it.world.signed_in(SUPPLIER.3);
        let programme = open(&it, "first-terms", &terms("Terms"));
        let member = join(&it, programme, 1);
        let row = || ProgrammeMember::load(&mut it.world.conn(), member).unwrap();

        // New terms begin on a later day; nobody is asked before, and one proposal waits at a time.
        let next = with(with(terms("Terms"), "programme_id", programme.0), "advance_bps", 5_000);
        let next = with(with(next, "fee_bearer", "supplier"), "begins_on", "2026-03-04");
        let renamed = it.buyer.api("propose-programme", "another-name", &with(next.clone(), "name", "Other")).json();
        assert_eq!((renamed["code"].clone(), renamed["field"].clone()), ("field_invalid".into(), "name".into()), "{renamed}");
        let asked = it.buyer.api("propose-programme", "second-terms", &next);
        let made = agree(&it, &second_of(BUYER.3), &asked);
        assert_eq!(it.buyer.api("propose-programme", "third-terms", &next).json()["state"], "version_proposed");
        let decision = json!({ "version_id": made["version_id"], "approve": true, "reason": "as agreed" });
        agree(&it, "operator2@x.example", &it.operator.api("decide-programme", "second-decided", &decision));
        assert_eq!((row().version, row().asked_version), (1, 0));
        let invoice = present(&it, "N-1", (START, "2026-04-01"), Currency::EUR, 100_000);
        it.world.move_to("2026-03-04");
        assert_eq!((row().version, row().asked_version), (1, 2));
        assert!(mailed(&it, SUPPLIER.3, "New terms of"));
        assert!(supplier.get("/home").text().contains("Programme terms that wait for your answer"));

        // Until it accepts them the supplier stays under the ones it has, whatever it answers.
        assert_eq!(confirm(&it, invoice, totals(100_000).2, "2026-04-01").programme_version, 1);
        let answer = |join: bool, version: i64| json!({ "member_id": member, "terms_version": version, "join": join, "reason": "too little" });
        assert_eq!(
            it.supplier.api("answer-programme-invitation", "the-old-ones", &answer(true, 1)).json()["code"],
            "programme_changed"
        );
        it.done(&it.supplier, "answer-programme-invitation", &answer(false, 2));
        assert_eq!((row().state, row().version, row().asked_version), (MemberState::Joined, 1, 0));
        assert_eq!(
            it.supplier.api("answer-programme-invitation", "too-late-now", &answer(true, 2)).json()["code"],
            "programme_changed"
        );

        // Terms whose day has passed while they waited begin on the day of the decision.
        let third = with(with(next, "advance_bps", 7_000), "begins_on", "2026-03-05");
        let made = agree(&it, &second_of(BUYER.3), &it.buyer.api("propose-programme", "third-terms-asked", &third));
        it.world.move_to("2026-03-07");
        let decision = json!({ "version_id": made["version_id"], "approve": true, "reason": "late" });
        let decided = agree(&it, "operator2@x.example", &it.operator.api("decide-programme", "third-decided", &decision));
        assert_eq!(decided["begins_on"], "2026-03-07");
        let page = format!("/memberships/{member}");
        let shown = supplier.get(&page).text();
        assert!(shown.contains("Advance rate 80 %") && shown.contains("Advance rate 70 %"), "{shown}");
        let joined = supplier.fill_and_confirm(&page, &format!("{page}/join"), &[]);
        assert!(joined.text().contains("Programme terms answered"), "{}", joined.text());
        assert_eq!((row().version, row().asked_version), (3, 0));
        let invoice = present(&it, "N-2", (START, "2026-04-01"), Currency::EUR, 100_100);
        let issued = confirm(&it, invoice, totals(100_100).2, "2026-04-01");
        let seven_tenths = totals(100_100).2 * 7 / 10;
        assert_eq!(
            (issued.programme_version, issued.fee_bearer.get(), issued.sellable_minor),
            (3, Some(Bearer::Supplier), seven_tenths)
        );
        assert!(issued.settlement_fee_minor > 0, "the supplier bears it again");

        // Turned down with a reason: the running terms hold on. One operator is enough for a no.
        let fourth = with(third, "begins_on", "2026-03-07");
        let made = agree(&it, &second_of(BUYER.3), &it.buyer.api("propose-programme", "fourth-terms", &fourth));
        let no = json!({ "version_id": made["version_id"], "approve": false, "reason": "the fee is too high" });
        it.done(&it.operator, "decide-programme", &no);
        let version = ProgrammeVersionId(made["version_id"].as_i64().unwrap());
        assert_eq!(ProgrammeVersion::load(&mut it.world.conn(), version).unwrap().state, VersionState::Rejected);
        assert_eq!(Programme::load(&mut it.world.conn(), programme).unwrap().state, ProgrammeState::Open);
        assert!(mailed(&it, BUYER.3, "the fee is too high"));
        assert_eq!(it.operator.api("decide-programme", "decided-twice", &no).json()["code"], "state_conflict");

        // One programme of a buyer in a currency at a time.
        let other = open(&it, "another-one", &with(terms("Another"), "begins_on", "2026-03-07"));
        it.done(&it.buyer, "invite-to-programme", &json!({ "programme_id": other, "suppliers": [SUPPLIER.0] }));
        let rows = it.supplier.get("/api/v1/memberships?state=member_invited").json();
        let invited = rows["items"][0]["id"].as_i64().unwrap();
        let yes = json!({ "member_id": invited, "terms_version": 1, "join": true });
        let taken = it.supplier.api("answer-programme-invitation", "two-at-once", &yes).json();
        assert_eq!((taken["code"].clone(), taken["name"].clone()), ("other_programme".into(), "Terms".into()), "{taken}");
        let twice = "UPDATE programme_members SET state = 'joined', version = 1 WHERE id = ?";
        assert!(store::query::execute(&mut it.world.conn(), twice, &[invited.into()]).is_err(), "the database refuses it, too");

        // Closed for good: everybody is out, and may join the other one.
        let close = json!({ "programme_id": programme, "change": "close", "reason": "replaced" });
        agree(&it, &second_of(BUYER.3), &it.buyer.api("change-programme", "close-the-first", &close));
        assert_eq!(row().state, MemberState::Removed);
        let reopen = json!({ "programme_id": programme, "change": "reopen", "reason": "again" });
        assert_eq!(it.buyer.api("change-programme", "never-again", &reopen).json()["state"], "programme_closed");
        it.done(&it.supplier, "answer-programme-invitation", &yes);
        it.verify();
    }
}

/// What others see of a programme is nothing, and what was changed behind the program's back is found.
#[test]
fn a_programme_is_its_companies_own_affair() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR]);
        let operator = it.world.signed_in("operator@x.example");
        onboard(&it.world, &operator, OTHER);
        let second_buyer = ("Other Buyer", "DE129274202", "buyer", "other.buyer@x.example");
        onboard(&it.world, &operator, second_buyer);
        let programme = open(&it, "own-affair", &terms("Private"));
        let member = join(&it, programme, 1);
        it.done(&it.buyer, "invite-to-programme", &json!({ "programme_id": programme, "suppliers": [OTHER.0] }));
        let (other, other_page) = (it.world.api(OTHER.3), it.world.signed_in(OTHER.3));
        let mine = other.get("/api/v1/memberships").json();
        assert_eq!(mine["items"].as_array().unwrap().len(), 1);
        let own = mine["items"][0]["id"].as_i64().unwrap();
        for page in ["/memberships".to_owned(), format!("/memberships/{own}")] {
            let shown = other_page.get(&page);
            assert!(shown.status == 200 && !shown.text().contains(SUPPLIER.0), "{}", shown.text());
        }
        // Another's membership or programme is one that does not exist.
        assert_eq!(other_page.get(&format!("/memberships/{member}")).status, 404);
        let answer = json!({ "member_id": member, "terms_version": 1, "join": false });
        assert_eq!(other.api("answer-programme-invitation", "not-mine-to-say", &answer).status, 404);
        assert_eq!(other.api("end-membership", "not-mine-to-end", &json!({ "member_id": member })).status, 404);
        let stranger = it.world.api(second_buyer.3);
        let page = it.world.signed_in(second_buyer.3);
        for path in ["", "/change?change=suspend&reason=x"] {
            assert_eq!(page.get(&format!("/programmes/{programme}{path}")).status, 404, "{path}");
        }
        for (command, body) in [
            ("invite-to-programme", json!({ "programme_id": programme, "suppliers": [OTHER.1] })),
            ("change-programme", json!({ "programme_id": programme, "change": "close", "reason": "x" })),
            ("end-membership", json!({ "member_id": member, "reason": "x" })),
            ("propose-programme", with(terms("Private"), "programme_id", programme.0)),
        ] {
            assert_eq!(stranger.api(command, &format!("strange-{command}"), &body).status, 404, "{command}");
        }
        for path in ["versions", "members"] {
            assert_eq!(stranger.get(&format!("/api/v1/programmes/{path}?programme_id={programme}")).status, 404, "{path}");
        }
        // The buyer removes with a reason; without one it may not.
        assert_eq!(
            it.buyer.api("end-membership", "no-reason-given", &json!({ "member_id": member })).json()["code"],
            "reason_missing"
        );
        let buyer = it.world.signed_in(BUYER.3);
        let all = buyer.get(&format!("/programmes/{programme}/members?format=csv")).body;
        assert!(all.contains(SUPPLIER.0) && all.contains(OTHER.0), "{all}");
        let shown = format!("/programmes/members/{own}");
        assert_eq!(page.get(&shown).status, 404);
        let done = buyer.fill(&shown, &format!("{shown}/remove"), &[("reason", "no more orders")]);
        assert!(done.text().contains("Part in a programme ended"), "{}", done.text());
        assert!(other_page.get(&format!("/memberships/{own}")).text().contains("no more orders"));
        let late = json!({ "member_id": own, "terms_version": 1, "join": true });
        assert_eq!(other.api("answer-programme-invitation", "after-removal", &late).json()["code"], "state_conflict");

        // Fees and terms that were changed in the database are found.
        let id = present(&it, "V-1", (START, "2026-04-01"), Currency::EUR, 1_000_000);
        let issued = confirm(&it, id, totals(1_000_000).2, "2026-04-01");
        let offered = offer_of(&offer(&it, "offered-once", &issued, 500_000));
        it.buy(&it.financiers[0], offered, 500_000);
        it.receive(Currency::EUR, START, &[incoming(issued.confirmed_minor, &issued.reference)]);
        it.verify();
        for (spoil, found) in [
            ("UPDATE receivables SET sellable_minor = sellable_minor - 1 WHERE programme_id IS NOT NULL", "what may be sold"),
            (
                "UPDATE receivables SET recourse = 'supplier' WHERE programme_id IS NOT NULL",
                "who bears its fees, or its recourse",
            ),
            ("UPDATE receivables SET grace_days = grace_days + 1 WHERE programme_id IS NOT NULL", "its days of grace"),
            (
                "UPDATE fee_bills SET amount_minor = amount_minor + 1 WHERE purchase_id IS NOT NULL",
                "its fee is not what its buyer was billed",
            ),
            (
                "UPDATE fee_bills SET amount_minor = amount_minor + 1 WHERE purchase_id IS NULL",
                "its settlement fee is not what its buyer",
            ),
            ("UPDATE fee_bills SET paid_minor = 1 WHERE id = (SELECT MIN(id) FROM fee_bills)", "of them paid, its bills say"),
            ("UPDATE fee_bills SET paid_minor = 1 WHERE id = (SELECT MAX(id) FROM fee_bills)", "it was paid before an older one"),
            ("UPDATE programme_versions SET state = 'rejected'", "it has accepted terms that were never approved"),
        ] {
            let mut conn = it.world.conn();
            store::connection::begin_batch(&mut conn).unwrap();
            assert!(store::query::execute(&mut conn, spoil, &[]).unwrap() > 0, "{spoil}");
            let (_, finding) = store::verify::verify_without_marks(&mut conn).unwrap();
            assert!(format!("{finding:?}").contains(found), "{spoil}: {finding:?}");
            store::connection::roll_back_batch(&mut conn).unwrap();
        }
        it.verify();
    }
}

/// Offers below the least ticket, whose purchases would each bill the buyer the least fee: refused, however often and in whatever order
/// they are tried. What is left at the end may be small, and its fee is small as well.
#[test]
fn small_tickets_are_not_offered_and_bill_little() {
    for database in Database::both() {
        let it = Trade::start_at(database, &[Currency::EUR], START);
        let wanted = with(with(terms("Tickets"), "minimum_ticket_minor", 100_000), "minimum_fee_minor", 1_000);
        let programme = open(&it, "tickets", &wanted);
        join(&it, programme, 1);
        let id = present(&it, "T-1", (START, "2026-04-01"), Currency::EUR, 1_000_000);
        let issued = confirm(&it, id, totals(1_000_000).2, "2026-04-01");
        assert_eq!(issued.sellable_minor, 952_000);
        let small = |key: &str, units: i64| {
            let refused = offer(&it, key, &issued, units).json();
            assert_eq!(
                (refused["code"].as_str(), refused["minimum_minor"].as_i64()),
                (Some("below_minimum_ticket"), Some(100_000))
            );
        };
        (0..20).for_each(|at| small(&format!("one-cent-{at}"), 1));
        let end = |key: &str, offer: OfferId| {
            assert_eq!(it.supplier.api("withdraw-offer", key, &json!({ "offer_id": offer })).status, 200);
        };
        // The remainder beside an offer is not all that is left, so that offering and withdrawing makes no small offers either.
        for at in 1..4 {
            let most = offer_of(&offer(&it, &format!("nearly-all-{at}"), &issued, 952_000 - at));
            small(&format!("remainder-{at}"), at);
            end(&format!("withdraw-{at}"), most);
        }
        let bulk = offer_of(&offer(&it, "the-bulk", &issued, 900_000));
        small("beside-the-bulk", 52_000);
        it.buy(&it.financiers[0], bulk, 900_000);
        // Sold: now the rest is all that is left, and is offered as one ticket.
        small("part-of-the-rest", 51_999);
        let rest = offer(&it, "all-of-the-rest", &issued, 52_000);
        assert_eq!(rest.status, 200, "{}", rest.body);
        it.buy(&it.financiers[0], offer_of(&rest), 52_000);
        let bought =
            store::Purchase::list_where(&mut it.world.conn(), "receivable_id = ? ORDER BY id", &[issued.id.into()]).unwrap();
        let fees: Vec<(i64, i64)> = bought.iter().map(|row| (row.price_minor, row.fee_minor)).collect();
        assert_eq!(fees[0].1, (fees[0].0 * 25 + 5_000) / 10_000);
        assert_eq!(fees[1].1, fees[1].0 / 100, "not the least fee, but 1 % of the price: {fees:?}");
        it.verify();
    }
}
