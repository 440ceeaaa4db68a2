//! What the market does around a purchase, on both databases: buyers that are stopped, requests that hold what they ask for, fees of what
//! was sold, what is owed still, papers before a purchase, and statements that say what a line is about.

use crate::journey::{BUYER, SUPPLIER};
use crate::settlement::Trade;
use domain::Currency;
use domain::offering::{OfferState, PurchaseHoldState};
use domain::party::ApprovalState;
use domain::receivable::ReceivableState;
use e2e::Database;
use kernel::{ApprovalId, OfferId, PartyId, ReceivableId};
use serde_json::{Value, json};
use store::records::{Keyed, Record};
use store::{Approval, AuditRecord, BuyerLimit, Offer, Party, PurchaseHold, Receivable};

const START: &str = "2026-03-02";
const EUR: Currency = Currency::EUR;

fn party(it: &Trade, name: &str) -> Party {
    Party::find_where(&mut it.world.conn(), "name = ?", &[name.into()]).unwrap().unwrap()
}

fn refused(answer: &e2e::Answer) -> String {
    answer.json()["code"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
}

fn offer_wish(receivable: ReceivableId, units: i64) -> Value {
    json!({
        "receivable_id": receivable, "units_minor": units, "rate": "6", "method": "discount", "day_count": "ACT/360",
        "minimum_ticket_minor": 100_000, "close_date": "2026-03-31",
    })
}

/// A wish to buy so many units at today's price, if they can be had.
fn buy_wish(it: &Trade, offer: OfferId, units: i64) -> Value {
    let quote = it.financiers[0].get(&format!("/api/v1/offers/quote?offer_id={offer}&units_minor={units}")).json();
    json!({ "offer_id": offer, "units_minor": units, "price_minor": quote["price_minor"].as_i64().unwrap_or(1) })
}

/// A second operator agrees.
fn agreed(it: &Trade, asked: &e2e::Answer) {
    assert_eq!(asked.status, 202, "{}", asked.body);
    let id = ApprovalId(asked.json()["awaits_approval"].as_i64().unwrap());
    let request = Approval::load(&mut it.world.conn(), id).unwrap();
    let yes = json!({ "approval_id": id, "body_hash": request.body_hash, "approve": true });
    let done = it.world.api("operator2@x.example").api("decide-approval", &format!("agree-{id}"), &yes);
    assert_eq!(done.status, 200, "{}", done.body);
}

/// The company's people may do so little alone; less than before takes one of them.
fn lower_limit(it: &Trade, email: &str) {
    lower_limit_of(it, email, "EUR");
}

fn lower_limit_of(it: &Trade, email: &str, currency: &str) {
    let done = it.world.signed_in(email).fill("/org/people", "/org/limits", &[("currency", currency), ("limit", "1")]);
    assert_eq!(done.status, 200, "{}", done.text());
}

fn decide_company(it: &Trade, party: PartyId, status: &str) {
    let body = json!({ "party_id": party, "status": status, "reason": "file reviewed" });
    let answer = it.operator.api("decide-company", &format!("decide-{status}"), &body);
    if status == "active" { agreed(it, &answer) } else { assert_eq!(answer.status, 200, "{}", answer.body) }
}

/// What a suspended buyer owes is neither offered nor bought, by page, by API, and on the check page.
#[test]
fn a_suspended_buyers_paper_changes_no_hands() {
    for database in Database::both() {
        let it = Trade::start(database, &[EUR]);
        let (sold, first) = it.offer(EUR, 400_000);
        let buyer = party(&it, BUYER.0).id;
        decide_company(&it, buyer, "suspended");
        // Its home and its supplier say why.
        let home = it.world.signed_in(BUYER.3).get("/home").text();
        assert!(home.contains("Your company is suspended.") && !home.contains("not been approved"), "{home}");
        let home = it.world.signed_in(SUPPLIER.3).get("/home").text();
        assert!(home.contains(&format!("{} may no longer trade. Your offer of what it owes has ended", BUYER.0)), "{home}");
        // The open offer has ended, and no other can be made.
        assert_eq!(Offer::load(&mut it.world.conn(), first).unwrap().state, OfferState::Expired);
        assert_eq!(refused(&it.supplier.api("create-offer", "offer-stopped", &offer_wish(sold.id, 200_000))), "buyer_stopped");
        let page = it.world.signed_in(SUPPLIER.3).get(&format!("/receivables/{}", sold.id)).text();
        assert!(page.contains("The buyer may not trade now") && !page.contains("Face to offer"), "{page}");
        decide_company(&it, buyer, "active");
        let again = it.done(&it.supplier, "create-offer", &offer_wish(sold.id, 200_000))["offer_id"].as_i64().unwrap();
        // Suspended behind the back of its offers, as one that was made by an older program would be.
        let mut conn = it.world.conn();
        store::query::execute(&mut conn, "UPDATE parties SET status = 'suspended' WHERE id = ?", &[buyer.into()]).unwrap();
        drop(conn);
        let wish = json!({ "offer_id": again, "units_minor": 100_000, "price_minor": 99_500 });
        // Something else is written first, so that the writer reads anew.
        it.done(&it.financiers[1], "set-buyer-limit", &json!({ "buyer_id": buyer, "currency": "EUR", "limit_minor": 5 }));
        assert_eq!(refused(&it.financiers[0].api("buy-fractions", "buy-stopped", &wish)), "buyer_stopped");
        assert_eq!(
            refused(&it.financiers[0].get(&format!("/api/v1/offers/quote?offer_id={again}&units_minor=100000"))),
            "buyer_stopped"
        );
        let page = it.world.signed_in("one@x.example").get(&format!("/market/{again}")).text();
        assert!(page.contains("This buyer may not trade now") && !page.contains("Face to buy"), "{page}");
    }
}

/// A payment that is overdue under the terms of its currency stops the market for its buyer, and the payment opens it again.
#[test]
fn an_overdue_buyers_paper_waits_until_it_has_paid() {
    for database in Database::both() {
        let it = Trade::start(database, &[EUR]);
        let later = |mut wish: Value| {
            wish["close_date"] = "2026-04-30".into();
            wish
        };
        it.due.set("2026-03-25");
        let late = it.sell(EUR, 300_000);
        it.due.set("2026-05-04");
        let (open, short) = it.offer(EUR, 400_000);
        it.done(&it.supplier, "withdraw-offer", &json!({ "offer_id": short }));
        let offer = it.done(&it.supplier, "create-offer", &later(offer_wish(open.id, 200_000)))["offer_id"].as_i64().unwrap();
        let buyer = party(&it, BUYER.0).id;
        let since = || Party::load(&mut it.world.conn(), buyer).unwrap().overdue_since.map(|day| day.to_string());
        // In its grace of three days it is late, and told; it can still be bought.
        it.world.move_to("2026-03-26");
        let market = || it.financiers[0].get("/api/v1/offers").json()["items"][0].clone();
        let row = market();
        assert_eq!(
            (row["buyer_late_count"].clone(), row["buyer_overdue_count"].clone(), row["halted"].clone()),
            (1.into(), 0.into(), Value::Null)
        );
        let shown = it.world.signed_in("one@x.example").get("/market").text();
        assert!(shown.contains("1 late, in grace") && !shown.contains("Stopped"), "{shown}");
        it.world.move_to("2026-03-28");
        assert_eq!(since(), None);
        it.world.move_to("2026-03-29");
        assert_eq!(since().as_deref(), Some("2026-03-29"));
        let row = market();
        assert_eq!((row["buyer_overdue_count"].clone(), row["halted"].clone()), (1.into(), "buyer_overdue".into()), "{row}");
        assert_eq!(row["buyer_oldest_overdue"], "2026-03-25");
        let shown = it.world.signed_in("one@x.example").get("/market").text();
        assert!(shown.contains("1 overdue, the oldest since 29 Mar 2026"), "{shown}");
        // Every list and page of the offer is marked, for whoever may only read, too.
        let withdraw = format!("/offers/{offer}/withdraw");
        let (own, all) = (format!("/receivables/{}", open.id), format!("/ops/offers/{offer}"));
        let checker = crate::journey::second_of(SUPPLIER.3);
        for (email, path) in [
            ("one@x.example", "/market"),
            (SUPPLIER.3, own.as_str()),
            (checker.as_str(), own.as_str()),
            (SUPPLIER.3, withdraw.as_str()),
            ("operator@x.example", "/ops/offers?state=open"),
            ("operator@x.example", all.as_str()),
        ] {
            let page = it.world.signed_in(email).get(path).text();
            assert!(page.contains("! Stopped: the buyer is overdue or suspended"), "{email} {path}: {page}");
            let told = page.contains("The buyer has had a payment overdue since 29 Mar 2026.");
            assert_eq!(told, path == own, "{email} {path}: {page}");
        }
        let refusal = it.financiers[0].api(
            "buy-fractions",
            "buy-overdue",
            &json!({ "offer_id": offer, "units_minor": 100_000, "price_minor": 99_700 }),
        );
        assert_eq!((refused(&refusal), refusal.json()["since"].clone()), ("buyer_overdue".to_owned(), "2026-03-29".into()));
        let page = it.world.signed_in("one@x.example").get(&format!("/market/{offer}")).text();
        assert!(page.contains("has had a payment overdue since 29 Mar 2026") && !page.contains("Face to buy"), "{page}");
        // Buyer and supplier were told.
        let told = |party: PartyId, kind: &str| {
            let binds = [party.into(), kind.into()];
            !store::Notice::list_where(&mut it.world.conn(), "party_id = ? AND kind = ?", &binds).unwrap().is_empty()
        };
        assert!(told(buyer, "buyer_stopped") && told(party(&it, SUPPLIER.0).id, "offers_halted"));
        it.verify();

        // The operator lets ten days pass in this currency: the market goes on, and stops on the eleventh.
        let mut terms = json!({
            "currency": "EUR", "reserve_bps": 1_000, "settlement_fee_bps": 5, "purchase_fee_bps": 10, "minimum_fee_minor": 100,
            "minimum_ticket_minor": 100_000, "late_rate": "8", "late_day_count": "ACT/360", "grace_days": 3, "tolerated_overdue_days": 10,
        });
        agreed(&it, &it.operator.api("set-issue-terms", "tolerate-ten", &terms));
        assert_eq!((since(), market()["halted"].clone()), (None, Value::Null));
        it.verify();
        it.world.move_to("2026-04-08");
        assert_eq!(since().as_deref(), Some("2026-03-29"));
        terms["tolerated_overdue_days"] = 366.into();
        assert_eq!(refused(&it.operator.api("set-issue-terms", "tolerate-too-long", &terms)), "field_invalid");

        // Paid, with the late interest: what is left to sell can be offered again.
        it.pay(EUR, "2026-04-08", &late, late.confirmed);
        assert_eq!(since(), None, "the face has come; late interest alone stops nobody");
        it.done(&it.supplier, "create-offer", &later(offer_wish(open.id, 150_000)));
        it.verify();
    }
}

/// A request holds cash, units and limit; each way in which it ends frees them, and agreeing to it takes what was held.
#[test]
fn a_purchase_that_waits_holds_what_it_asks_for() {
    for database in Database::both() {
        let it = Trade::start(database, &[EUR]);
        let (sold, offer) = it.offer(EUR, 1_000_000);
        let face = Receivable::load(&mut it.world.conn(), sold.id).unwrap().face_minor;
        lower_limit(&it, "one@x.example");
        let desk = &it.financiers[0];
        let checker = it.world.api(&crate::journey::second_of("one@x.example"));
        let me = desk.get("/api/v1/me").json()["company"]["id"].as_i64().unwrap();
        let state = || {
            let mut conn = it.world.conn();
            let row = Offer::load(&mut conn, offer).unwrap();
            let limit = BuyerLimit::find_where(&mut conn, "financier_id = ?", &[me.into()]).unwrap().unwrap().used_minor;
            let cash = desk.get("/api/v1/balances").json()["items"][0].clone();
            (
                row.left_minor,
                row.reserved_minor,
                limit,
                cash["held_minor"].as_i64().unwrap(),
                cash["balance_minor"].as_i64().unwrap(),
            )
        };
        let start = state();
        assert_eq!((start.0, start.1, start.2, start.3), (face, 0, 0, 0));
        let ask = |key: &str, units: i64| {
            let wish = buy_wish(&it, offer, units);
            let answer = desk.api("buy-fractions", key, &wish);
            assert_eq!(answer.status, 202, "{}", answer.body);
            (ApprovalId(answer.json()["awaits_approval"].as_i64().unwrap()), wish["price_minor"].as_i64().unwrap())
        };
        let decide = |id: ApprovalId, approve: bool| {
            let request = Approval::load(&mut it.world.conn(), id).unwrap();
            let body = json!({ "approval_id": id, "body_hash": request.body_hash, "approve": approve, "reason": "looked at" });
            checker.api("decide-approval", &format!("decide-{id}"), &body)
        };

        // Nobody else gets what is held, and the market shows what is left.
        let (first, price) = ask("hold-first", 600_000);
        assert_eq!(state(), (face - 600_000, 600_000, 600_000, price, start.4));
        // The second person judges by what the maker's check page told, and can look at the papers.
        let second_person = it.world.signed_in(&crate::journey::second_of("one@x.example"));
        let page = second_person.get(&format!("/approvals/{first}"));
        let cash = web::Language::English.money("EUR", start.4 - price);
        for part in ["Exposure to the buyer afterwards EUR 6,000.00".to_owned(), format!("Cash afterwards {cash}")] {
            assert!(page.text().contains(&part), "{part}: {}", page.text());
        }
        let papers = format!("/market/{offer}/papers");
        assert!(page.body.contains(&format!("href=\"{papers}\"")), "{}", page.body);
        assert_eq!(second_person.get(&papers).status, 200);
        let row = it.financiers[1].get("/api/v1/offers").json()["items"][0].clone();
        assert_eq!(row["left_minor"].as_i64(), Some(face - 600_000));
        let other = json!({ "offer_id": offer, "units_minor": face - 500_000, "price_minor": 1 });
        assert_eq!(refused(&it.financiers[1].api("buy-fractions", "buy-held-units", &other)), "sold_out");
        it.verify();
        // Turned down: free again.
        assert_eq!(decide(first, false).status, 200);
        assert_eq!(state(), start);
        // Agreed to: bought for what was held, although the rest was sold and the limit is used up meanwhile.
        let (second, price) = ask("hold-second", 600_000);
        it.buy(&it.financiers[1], offer, face - 600_000);
        assert_eq!(Offer::load(&mut it.world.conn(), offer).unwrap().state, OfferState::Open, "what is held may come back");
        // Nothing is left: no form, and its company finds its request; the other one learns of none.
        for (email, own) in [("one@x.example", true), ("two@x.example", false)] {
            let page = it.world.signed_in(email).get(&format!("/market/{offer}"));
            let text = page.text();
            assert!(text.contains("Nothing of this offer is left to buy now."), "{email}: {text}");
            assert!(!text.contains("Face to buy") && !text.contains("0 %"), "{email}: {text}");
            assert_eq!(page.body.contains(&format!("href=\"/approvals/{second}\"")), own, "{email}: {text}");
        }
        it.done(
            desk,
            "set-buyer-limit",
            &json!({ "buyer_id": party(&it, BUYER.0).id, "currency": "EUR", "limit_minor": 600_000 }),
        );
        assert_eq!(decide(second, true).status, 200);
        assert_eq!(state(), (0, 0, 600_000, 0, start.4 - price));
        assert_eq!(Offer::load(&mut it.world.conn(), offer).unwrap().state, OfferState::Settled);
        it.verify();
    }
}

/// The day ends, the offer is withdrawn, the right behind it goes: whatever ends a request frees what it holds.
#[test]
fn whatever_ends_a_request_frees_what_it_holds() {
    for database in Database::both() {
        let it = Trade::start(database, &[EUR]);
        let (_, offer) = it.offer(EUR, 1_000_000);
        lower_limit(&it, "one@x.example");
        let desk = &it.financiers[0];
        let ask_for = |offer: OfferId, key: &str| {
            let answer = desk.api("buy-fractions", key, &buy_wish(&it, offer, 300_000));
            assert_eq!(answer.status, 202, "{}", answer.body);
            ApprovalId(answer.json()["awaits_approval"].as_i64().unwrap())
        };
        let ask = |key: &str| ask_for(offer, key);
        let held = || desk.get("/api/v1/balances").json()["items"][0]["held_minor"].as_i64().unwrap();
        let ended = |id: ApprovalId, why: &str| {
            let mut conn = it.world.conn();
            let request = Approval::load(&mut conn, id).unwrap();
            assert_eq!((request.state, request.reason.as_str()), (ApprovalState::Ended, why));
            assert_eq!(PurchaseHold::load(&mut conn, id).unwrap().state, PurchaseHoldState::Ended);
            assert_eq!(held(), 0);
        };
        let first = ask("ends-with-the-day");
        assert!(held() > 0);
        it.world.move_to("2026-03-03");
        ended(first, "day_ended");
        assert_eq!(Offer::load(&mut it.world.conn(), offer).unwrap().reserved_minor, 0);
        let second = ask("ends-with-the-offer");
        let done = it.done(&it.supplier, "withdraw-offer", &json!({ "offer_id": offer }));
        assert_eq!(done["left_minor"], Offer::load(&mut it.world.conn(), offer).unwrap().units_minor, "all of it came back");
        ended(second, "offer_ended");
        let (_, offer) = it.offer(EUR, 700_000);
        let third = ask_for(offer, "taken-back");
        assert!(held() > 0);
        it.done(desk, "withdraw-request", &json!({ "approval_id": third }));
        ended(third, "taken_back");
        assert_eq!(Offer::load(&mut it.world.conn(), offer).unwrap().reserved_minor, 0);
        it.verify();
    }
}

/// Of a settlement fee of 0.05 % nothing is due where nothing was sold, and its part where a part was.
#[test]
fn the_settlement_fee_is_of_what_was_sold() {
    for database in Database::both() {
        let it = Trade::start(database, &[EUR]);
        let (unsold, _) = it.offer(EUR, 400_000);
        let before = it.cash(EUR);
        it.pay(EUR, START, &unsold, unsold.confirmed);
        assert_eq!(it.cash(EUR)[2] - before[2], unsold.confirmed, "all of it is the supplier's");
        assert_eq!(it.state(&unsold), ReceivableState::Redeemed);
        assert_eq!(it.platform(EUR, "fees").0, 0);
        let fee_of = |id: ReceivableId, words: &str| {
            for email in [SUPPLIER.3, "operator@x.example"] {
                let page = it.world.signed_in(email).get(&format!("/receivables/{id}")).text();
                assert!(page.contains(&format!("Settlement fee {words} · The supplier")), "{words}: {page}");
            }
        };
        fee_of(unsold.id, "EUR 0.00");

        let (half, offer) = it.offer(EUR, 600_000);
        let row = Receivable::load(&mut it.world.conn(), half.id).unwrap();
        let units = row.face_minor / 2;
        // The supplier's check page tells the fee that falls on the offer, and counts it in the cost.
        fee_of(half.id, "at most EUR 3.57");
        it.buy(&it.financiers[0], offer, units);
        let earned = it.platform(EUR, "fees").0;
        let bought = store::Purchase::find_where(&mut it.world.conn(), "offer_id = ?", &[offer.into()]).unwrap().unwrap();
        assert_eq!(earned, bought.fee_minor);
        // (discount + purchase fee + half of 3.57) over what the supplier got, for 30 days of 360.
        let net = bought.price_minor - bought.fee_minor;
        let cost = (units - bought.price_minor) + bought.fee_minor + 179;
        let rate = domain::pricing::Percent::from(cost * 360 * 100) / domain::pricing::Percent::from(net * 30);
        assert_eq!(bought.supplier_rate, rate.round_dp(4).normalize().to_string());
        it.pay(EUR, START, &half, half.confirmed);
        assert_eq!((row.settlement_fee_minor, it.platform(EUR, "fees").0 - earned), (357, 179));
        fee_of(half.id, "EUR 1.79");

        // Nothing is left to sell, or the payment date has come: it is what it is.
        let all = it.sell(EUR, 500_000);
        fee_of(all.id, "EUR 2.98");
        let (part, offer) = it.offer(EUR, 700_000);
        it.buy(&it.financiers[0], offer, 500_000);
        fee_of(part.id, "at most EUR 4.17");
        it.world.move_to("2026-04-01");
        let face = Receivable::load(&mut it.world.conn(), part.id).unwrap().face_minor;
        let due = web::Language::English.money("EUR", (2 * 417 * 500_000 + face) / (2 * face));
        fee_of(part.id, &due);
        it.verify();
    }
}

/// Paid late by exactly what was confirmed: 3.81 of interest is owed still, and both sides and the API say so until it has come.
#[test]
fn what_is_owed_after_the_face_is_paid_is_shown_to_both_sides() {
    for database in Database::both() {
        let it = Trade::start(database, &[EUR]);
        it.due.set("2026-03-25");
        let sold = it.sell(EUR, 400_000);
        it.world.move_to("2026-03-29");
        it.pay(EUR, "2026-03-29", &sold, sold.confirmed);
        let row = Receivable::load(&mut it.world.conn(), sold.id).unwrap();
        assert_eq!((row.paid_minor, row.state), (sold.confirmed, ReceivableState::Overdue));
        let pages = [
            (it.world.signed_in(BUYER.3), format!("/payables/{}", row.invoice_id), "The confirmed amount has come, late."),
            (
                it.world.signed_in(SUPPLIER.3),
                format!("/receivables/{}", sold.id),
                "The buyer has paid the confirmed amount, late.",
            ),
        ];
        for (client, path, words) in &pages {
            let page = client.get(path).text();
            for part in [*words, "EUR 3.81 is still owed", "Still owed EUR 3.81"] {
                assert!(page.contains(part), "{path}: {part}: {page}");
            }
        }
        let owed =
            |client: &e2e::Client, list: &str| client.get(&format!("/api/v1/{list}")).json()["items"][0]["owed_minor"].clone();
        assert_eq!((owed(&it.supplier, "receivables"), owed(&it.buyer, "payables")), (381.into(), 381.into()));
        // Every list says the same, as rows, sums and tables, and so does the buyer's home.
        let due = || it.operator.get("/api/v1/operator/due").json()["items"][0].clone();
        assert_eq!((due()["overdue_minor"].clone(), owed(&it.operator, "operator/receivables")), (381.into(), 381.into()));
        let operator = it.world.signed_in("operator@x.example");
        let buyer = it.world.signed_in(BUYER.3);
        let home = buyer.get("/home").text();
        assert!(home.contains("Payments overdue EUR 3.81"), "{home}");
        for (client, path) in [
            (&operator, "/ops/due"),
            (&operator, "/ops/due?format=csv"),
            (&operator, "/ops/receivables?due=late"),
            (&operator, "/ops/receivables?format=csv"),
            (&buyer, "/payables?state=overdue"),
        ] {
            let page = client.get(path).text();
            assert!(page.contains("3.81") && !page.contains("-3.81") && !page.contains("EUR -"), "{path}: {page}");
        }
        // Part of the interest, and what was paid is more than what was confirmed.
        it.pay(EUR, "2026-03-29", &sold, 181);
        assert_eq!((due()["overdue_minor"].clone(), owed(&it.operator, "operator/receivables")), (200.into(), 200.into()));
        assert_eq!(due()["late_days"], 4);
        let late = operator.get("/ops/receivables?due=late").text();
        assert!(late.contains("EUR 2.00 ! Overdue") && late.contains(" 4 EUR"), "{late}");
        it.pay(EUR, "2026-03-29", &sold, 200);
        assert_eq!(it.state(&sold), ReceivableState::Redeemed);
        for (client, path, _) in &pages {
            assert!(!client.get(path).text().contains("till owed"), "{path}");
        }
        assert_eq!((owed(&it.supplier, "receivables"), owed(&it.buyer, "payables")), (0.into(), 0.into()));
        // The list of assignments names the account that is valid now.
        let second = "NL91ABNA0417164300";
        let body = json!({ "iban": second, "bank": "Second Bank", "currency": "EUR" });
        agreed(&it, &it.operator.api("open-custody-account", "open-second", &body));
        let found = store::CustodyAccount::find_where(&mut it.world.conn(), "iban = ?", &[second.into()]).unwrap().unwrap();
        assert!(!buyer.get("/assignments").text().contains(second));
        let body = json!({ "account_id": found.id, "currency": "EUR" });
        agreed(&it, &it.operator.api("choose-custody-account", "choose-second", &body));
        let page = buyer.get("/assignments").text();
        assert!(page.contains(second) && !page.contains(e2e::world::CUSTODY_IBAN), "{page}");
        it.verify();
    }
}

/// Before it buys, a financier sees undertaking, invoice, evidence and what was said; each look is in the audit, and the supplier sees it.
#[test]
fn a_financier_sees_what_stands_behind_an_offer_and_each_look_is_recorded() {
    for database in Database::both() {
        let it = Trade::start(database, &[EUR]);
        let (sold, offer) = it.offer(EUR, 400_000);
        let row = Receivable::load(&mut it.world.conn(), sold.id).unwrap();
        it.done(&it.supplier, "write-message", &json!({ "invoice_id": row.invoice_id, "text": "Delivered to gate four." }));
        let desk = it.world.signed_in("one@x.example");
        let looks = || {
            let rows = AuditRecord::list_where(&mut it.world.conn(), "command = 'inspect_offer' ORDER BY seq", &[]).unwrap();
            rows.iter()
                .map(|row| serde_json::from_str::<Value>(&row.input).unwrap()["paper"].as_str().unwrap().len())
                .collect::<Vec<_>>()
        };
        let market = desk.get(&format!("/market/{offer}"));
        let papers = desk.open(&market.link("/market/")).text();
        assert!(papers.contains("Delivered to gate four."), "{papers}");
        assert_eq!(desk.get(&format!("/undertakings/{}", row.invoice_id)).status, 200);
        let invoice = store::Invoice::load(&mut it.world.conn(), row.invoice_id).unwrap();
        let file = desk.get(&format!("/documents/{}", invoice.document));
        assert!(file.status == 200 && file.body.contains("<Invoice"), "{}", file.body);
        assert_eq!(looks(), ["papers".len(), "undertaking".len(), 64]);
        // The same look on the same day is the same record; the API's look is that of the page.
        let answer = it.financiers[0].get(&format!("/api/v1/offers/papers?offer_id={offer}"));
        assert!(
            answer.json()["messages"].as_array().unwrap().iter().any(|said| said["text"] == "Delivered to gate four."),
            "{}",
            answer.body
        );
        assert_eq!(looks().len(), 3);
        let timeline = it.world.signed_in(SUPPLIER.3).get(&format!("/receivables/{}", sold.id)).text();
        assert!(timeline.contains("Looked behind the offer") && timeline.contains("Bank One"), "{timeline}");
        let buyer = it.world.signed_in(BUYER.3).get(&format!("/payables/{}", row.invoice_id)).text();
        assert!(!buyer.contains("Looked behind the offer"));
        // Neither the buyer nor the supplier comes by this way, and nobody once the offer has ended.
        for email in [BUYER.3, SUPPLIER.3] {
            let status = it.world.signed_in(email).get(&format!("/market/{offer}/papers")).status;
            assert!([403, 404].contains(&status), "{email}: {status}");
        }
        it.done(&it.supplier, "withdraw-offer", &json!({ "offer_id": offer }));
        for path in [
            format!("/market/{offer}/papers"),
            format!("/undertakings/{}", row.invoice_id),
            format!("/documents/{}", invoice.document),
        ] {
            assert_eq!(desk.get(&path).status, 404, "{path}");
        }
        assert_eq!(looks().len(), 3);
        it.verify();
    }
}

/// A line of a statement names the invoice and the counterparty and leads to it, for each company as it knows it.
#[test]
fn statement_lines_name_invoice_and_counterparty() {
    for database in Database::both() {
        let it = Trade::start(database, &[EUR]);
        let sold = it.sell(EUR, 400_000);
        it.pay(EUR, START, &sold, sold.confirmed);
        let row = Receivable::load(&mut it.world.conn(), sold.id).unwrap();
        let number = store::Invoice::load(&mut it.world.conn(), row.invoice_id).unwrap().number;
        let address = format!("/receivables/{}", sold.id);
        let desk = it.world.signed_in("one@x.example");
        let page = desk.get("/cash/statement?currency=EUR");
        assert!(page.body.contains(&format!("href=\"{address}\"")), "{}", page.body);
        assert_eq!(desk.get(&address).status, 200);
        let csv = desk.get("/cash/statement?currency=EUR&format=csv").body;
        for (booking, counterparty) in [("Redemption", BUYER.0), ("Purchase price", SUPPLIER.0)] {
            let line = csv.lines().find(|line| line.contains(booking)).unwrap_or_else(|| panic!("{booking}: {csv}"));
            assert!(line.contains(&number) && line.contains(counterparty), "{booking}: {line}");
        }
        let csv = it.world.signed_in(SUPPLIER.3).get("/cash/statement?currency=EUR&format=csv").body;
        for (booking, counterparty) in [("Reserve returned", BUYER.0), ("Purchase price", "Bank Two"), ("Purchase fee", "")] {
            let line = csv.lines().find(|line| line.contains(booking)).unwrap_or_else(|| panic!("{booking}: {csv}"));
            assert!(line.contains(&number) && line.contains(counterparty), "{booking}: {line}");
        }
        it.verify();
    }
}

/// What cannot be confirmed now has no check page and no words, whatever the address asks.
#[test]
fn a_check_page_looks_at_the_state() {
    for database in Database::both() {
        let it = Trade::start(database, &[EUR]);
        let (sold, _) = it.offer(EUR, 400_000);
        let id = Receivable::load(&mut it.world.conn(), sold.id).unwrap().invoice_id;
        let buyer = it.world.signed_in(BUYER.3);
        let due = it.due.get();
        let amount = format!("{}.{:02}", sold.confirmed / 100, sold.confirmed % 100);
        let check =
            buyer.get(&format!("/payables/{id}/check?amount={amount}&due_date={due}&withheld=&retained=&deducted=&reason="));
        assert_eq!(check.status, 409, "{}", check.text());
        assert!(!check.body.contains(&format!("/payables/{id}/confirm\"")), "{}", check.text());
        let words =
            it.buyer.get(&format!("/api/v1/payables/undertaking?invoice_id={id}&amount_minor={}&due_date={due}", sold.confirmed));
        assert_eq!((words.status, refused(&words)), (409, "state_conflict".to_owned()));
    }
}

/// China publishes its holidays a year ahead: a payment day beyond is told on every page that asks for a confirmation, and in the answer.
#[test]
fn a_payment_day_beyond_the_published_calendar_is_told() {
    let yuan = Currency::parse("CNY").unwrap();
    let ends = "published up to 2026";
    for database in Database::both() {
        let it = Trade::start(database, &[yuan]);
        let buyer = it.world.signed_in(BUYER.3);
        for (number, due, told, net) in [("CAL-1", "2026-12-31", false, 400_000), ("CAL-2", "2027-01-08", true, 410_000)] {
            let id = crate::programmes::present(&it, number, (START, due), yuan, net);
            let page = buyer.fill(&format!("/payables/{id}"), &format!("/payables/{id}/check"), &[]).text();
            assert_eq!(page.contains(ends), told, "{number}: {page}");
            let amount = server::demo::files::totals(net).2;
            let words = it
                .buyer
                .get(&format!("/api/v1/payables/undertaking?invoice_id={id}&amount_minor={amount}&due_date={due}"))
                .json();
            let yes = json!({
                "invoice_id": id, "amount_minor": amount, "due_date": due, "version": words["version"], "words_hash": words["words_hash"],
            });
            // A second person is asked, and sees the same.
            lower_limit_of(&it, BUYER.3, "CNY");
            let asked = it.buyer.api("confirm-invoice", &format!("confirm-{number}"), &yes);
            assert_eq!(asked.status, 202, "{}", asked.body);
            let request = ApprovalId(asked.json()["awaits_approval"].as_i64().unwrap());
            let checker = it.world.signed_in(&crate::journey::second_of(BUYER.3));
            assert_eq!(checker.get(&format!("/approvals/{request}")).text().contains(ends), told, "{number}");
            let hash = Approval::load(&mut it.world.conn(), request).unwrap().body_hash;
            let agreed = it.world.api(&crate::journey::second_of(BUYER.3));
            let body = json!({ "approval_id": request, "body_hash": hash, "approve": true });
            let done = agreed.api("decide-approval", &format!("decide-{number}"), &body).json();
            let wanted = if told { json!(2026) } else { Value::Null };
            assert_eq!(done["result"]["calendar_known_until"], wanted, "{done}");
        }
    }
}
