//! Settlement in all its ways, to the last unit, on both databases: part payments in any order, too much money and its
//! way back, early payment, late interest, two currencies at once, and currencies without or with three decimals.

use crate::journey::{BUYER, SUPPLIER, approve, incoming, onboard, payment_list, second_of, set_limit};
use chrono::NaiveDate;
use domain::Currency;
use domain::allocation::{Running, Weight};
use domain::bank_line::{LineKind, LineState};
use domain::offering::OfferState;
use domain::receivable::ReceivableState;
use e2e::world::{CUSTODY_IBAN, World};
use e2e::{Client, Database};
use kernel::{OfferId, ReceivableId};
use serde_json::{Value, json};
use server::demo::files::{DemoEntry, DemoInvoice, camt053, totals, ubl};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use store::records::{Keyed, Record};

const START: &str = "2026-03-02";
const DUE: &str = "2026-04-01";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A supplier, a buyer and two financiers who may trade in some currencies, and the bank.
pub struct Trade {
    pub world: World,
    /// When it begins, and when invoices are due that are made from now on.
    start: &'static str,
    pub due: Cell<&'static str>,
    pub operator: Client,
    pub supplier: Client,
    pub buyer: Client,
    pub financiers: [Client; 2],
    at_bank: RefCell<BTreeMap<String, i64>>,
    number: Cell<u32>,
}

/// A receivable that two financiers own: one unit in three, and the rest.
pub struct Sold {
    pub id: ReceivableId,
    pub confirmed: i64,
    face: [i64; 2],
    reserve: i64,
    fee: i64,
    reference: String,
}

impl Trade {
    pub fn start(database: Database, currencies: &[Currency]) -> Self {
        Self::start_at(database, currencies, START)
    }

    /// The platform's business date and its clock begin on this day.
    pub fn start_at(database: Database, currencies: &[Currency], start: &'static str) -> Self {
        let codes: Vec<&str> = currencies.iter().map(Currency::code).collect();
        let world = World::start_with(database, start, &codes, |_| {});
        if start != START {
            world.clock.set(day(start).and_hms_opt(12, 0, 0).unwrap());
        }
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, SUPPLIER);
        let buyer_id = onboard(&world, &operator, BUYER);
        let names = [
            ("Bank One", "DE111111111", "financier", "one@x.example"),
            ("Bank Two", "DE222222222", "financier", "two@x.example"),
        ];
        for company in names {
            onboard(&world, &operator, company);
        }
        let financiers = names.map(|company| world.api(company.3));
        let (supplier, buyer) = (world.api(SUPPLIER.3), world.api(BUYER.3));
        let operator = world.api("operator@x.example");
        let it = Self {
            world,
            start,
            due: Cell::new(DUE),
            operator,
            supplier,
            buyer,
            financiers,
            at_bank: RefCell::default(),
            number: Cell::default(),
        };
        for currency in currencies {
            let code = currency.code();
            for email in [SUPPLIER.3, BUYER.3, names[0].3, names[1].3] {
                set_limit(&it.world, email, code, "1000000");
            }
            for (financier, name) in it.financiers.iter().zip(names) {
                let limit = json!({ "buyer_id": buyer_id, "currency": code, "limit_minor": 1_000_000_000 });
                assert_eq!(financier.api("set-buyer-limit", &it.key(), &limit).status, 202);
                assert_eq!(approve(&it.world.signed_in(&second_of(name.3))).status, 200);
                let reference = financier.get("/api/v1/me").json()["company"]["reference"].as_str().unwrap().to_owned();
                it.receive(*currency, start, &[incoming(10_000_000, &reference)]);
            }
        }
        it
    }

    fn key(&self) -> String {
        self.number.set(self.number.get() + 1);
        format!("settlement-{}", self.number.get())
    }

    pub fn done(&self, who: &Client, path: &str, body: &Value) -> Value {
        let answer = who.api(path, &self.key(), body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()["result"].clone()
    }

    /// Everything that waits goes into a file that two operators have agreed on.
    fn payment_file(&self, currency: &str) -> store::Document {
        let asked = self.operator.api("create-payment-file", &self.key(), &payment_list(&self.operator, currency));
        assert_eq!(asked.status, 202, "{}", asked.body);
        assert_eq!(approve(&self.world.signed_in("operator2@x.example")).status, 200);
        let mut conn = self.world.conn();
        let made = store::PaymentFile::find_where(&mut conn, "id > 0 ORDER BY id DESC LIMIT 1", &[]).unwrap().unwrap();
        store::records::find_document(&mut conn, &made.document).unwrap().unwrap()
    }

    /// A day's statement of the custody account in one currency.
    pub fn receive(&self, currency: Currency, date: &str, entries: &[DemoEntry]) -> Value {
        let number = self.key();
        let mut at_bank = self.at_bank.borrow_mut();
        let balance = at_bank.entry(currency.code().to_owned()).or_default();
        let file = camt053(CUSTODY_IBAN, currency, day(date), &number, *balance, entries);
        *balance += entries.iter().map(|entry| if entry.credit { entry.amount_minor } else { -entry.amount_minor }).sum::<i64>();
        let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", number.as_str())];
        let answer = self.world.agreed(self.operator.post_with("/api/v1/import-statement", &headers, file));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["result"].clone()
    }

    /// From the invoice to two holders.
    pub fn sell(&self, currency: Currency, net_minor: i64) -> Sold {
        let (sold, offer_id) = self.offer(currency, net_minor);
        for (financier, units) in self.financiers.iter().zip(sold.face) {
            self.buy(financier, offer_id, units);
        }
        sold
    }

    /// From the invoice to the market: all fractions are on offer.
    pub fn offer(&self, currency: Currency, net_minor: i64) -> (Sold, OfferId) {
        let number = self.key();
        let invoice = ubl(&DemoInvoice {
            number: &number,
            issue_date: day(self.start),
            due_date: day(self.due.get()),
            currency,
            net_minor,
            seller: (SUPPLIER.0, SUPPLIER.1),
            buyer: (BUYER.0, BUYER.1),
            order: "1",
            item: "Goods",
        });
        let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", number.as_str())];
        let registered = self.supplier.post_with("/api/v1/register-invoice", &headers, invoice);
        assert_eq!(registered.status, 200, "{}", registered.body);
        let invoice_id = registered.json()["result"]["invoice_id"].as_i64().unwrap();
        self.done(&self.supplier, "submit-invoice", &json!({ "invoice_id": invoice_id }));
        let confirmed = totals(net_minor).2;
        let due = self.due.get();
        let question = format!("/api/v1/payables/undertaking?invoice_id={invoice_id}&amount_minor={confirmed}&due_date={due}");
        let words = self.buyer.get(&question).json();
        let yes = json!({
            "invoice_id": invoice_id, "amount_minor": confirmed, "due_date": due, "version": words["version"],
            "words_hash": words["words_hash"],
        });
        self.done(&self.buyer, "confirm-invoice", &yes);
        let rows = self.supplier.get("/api/v1/receivables").json();
        let row = rows["items"].as_array().unwrap().iter().find(|row| row["invoice_id"] == invoice_id).unwrap().clone();
        let (id, face) = (ReceivableId(row["id"].as_i64().unwrap()), row["face_minor"].as_i64().unwrap());
        let offer = json!({
            "receivable_id": id, "units_minor": face, "rate": "6", "method": "discount", "day_count": "ACT/360",
            "minimum_ticket_minor": 10_i64.pow(currency.exponent()) * 1_000, "close_date": day(self.start) + chrono::Days::new(10),
        });
        let offer_id = OfferId(self.done(&self.supplier, "create-offer", &offer)["offer_id"].as_i64().unwrap());
        let parts = [face / 3, face - face / 3];
        let reference = row["reference"].as_str().unwrap().to_owned();
        let reserve = row["reserve_minor"].as_i64().unwrap();
        // 0.05 % of the confirmed amount, rounded up, is the platform's.
        let fee = (confirmed * 5 + 9_999) / 10_000;
        (Sold { id, confirmed, face: parts, reserve, fee, reference }, offer_id)
    }

    pub fn buy(&self, financier: &Client, offer_id: OfferId, units: i64) {
        let quote = financier.get(&format!("/api/v1/offers/quote?offer_id={offer_id}&units_minor={units}")).json();
        let price = quote["price_minor"].as_i64().unwrap();
        self.done(financier, "buy-fractions", &json!({ "offer_id": offer_id, "units_minor": units, "price_minor": price }));
    }

    pub fn pay(&self, currency: Currency, date: &str, sold: &Sold, amount_minor: i64) -> Value {
        self.receive(currency, date, &[incoming(amount_minor, &sold.reference)])
    }

    /// Cash of the two financiers and of the supplier.
    pub fn cash(&self, currency: Currency) -> [i64; 3] {
        [&self.financiers[0], &self.financiers[1], &self.supplier].map(|company| {
            let rows = company.get("/api/v1/balances").json();
            let found = rows["items"].as_array().unwrap().iter().find(|row| row["currency"] == currency.code()).cloned();
            found.map_or(0, |row| row["balance_minor"].as_i64().unwrap())
        })
    }

    pub fn state(&self, sold: &Sold) -> ReceivableState {
        <store::Receivable as store::records::Keyed>::load(&mut self.world.conn(), sold.id).unwrap().state
    }

    /// What stands on the platform's accounts of a kind: balance and held.
    pub fn platform(&self, currency: Currency, kind: &str) -> (i64, i64) {
        let asset = domain::chart::currency_asset(currency).0;
        let rows = store::lists::balances(&mut self.world.conn(), asset, None).unwrap();
        rows.iter().filter(|row| row.kind == kind).fold((0, 0), |sum, row| (sum.0 + row.balance, sum.1 + row.held))
    }

    /// The books agree with the bank in every currency.
    pub fn verify(&self) {
        for (code, balance) in self.at_bank.borrow().iter() {
            assert_eq!(self.platform(Currency::parse(code).unwrap(), "custody").0, *balance, "{code}: custody and bank");
        }
        self.world.verify();
    }
}

/// The money that came in since `before`, by company.
fn gained(now: [i64; 3], before: [i64; 3]) -> [i64; 3] {
    [now[0] - before[0], now[1] - before[1], now[2] - before[2]]
}

#[test]
fn parts_in_any_order_end_in_the_same_cents() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR]);
        let parts = [1, 100_001, 33_333];
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        // Each of another total: equal ones on one day would be held for a review.
        for (order, net_minor) in orders.into_iter().zip((400_000..).step_by(100)) {
            let sold = it.sell(Currency::EUR, net_minor);
            let before = it.cash(Currency::EUR);
            let mut paid = 0;
            for part in order.map(|index| parts[index]) {
                it.pay(Currency::EUR, START, &sold, part);
                paid += part;
                let so_far = gained(it.cash(Currency::EUR), before);
                assert_eq!(so_far.iter().sum::<i64>(), paid, "every cent is shared out at once: {order:?}");
                assert!((so_far[0] * 2 - so_far[1]).abs() <= 2 * i64::try_from(parts.len()).unwrap(), "pro rata: {so_far:?}");
                assert_eq!(it.state(&sold), ReceivableState::PartRedeemed);
            }
            it.pay(Currency::EUR, START, &sold, sold.confirmed - paid);
            let all = gained(it.cash(Currency::EUR), before);
            assert_eq!(all, [sold.face[0], sold.face[1], sold.reserve - sold.fee], "{order:?}");
            assert_eq!(it.state(&sold), ReceivableState::Redeemed);
        }
        it.verify();
    }
}

/// What each has got after each part follows from the sum alone, also of late interest. What is kept of it is watched.
#[test]
fn part_payments_share_by_the_running_total() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR]);
        let sold = it.sell(Currency::EUR, 400_000);
        let before = it.cash(Currency::EUR);
        let mut conn = it.world.conn();
        let weights = |conn: &mut store::Conn| {
            let positions = store::distributions::list_positions(conn, sold.id, kernel::PartyId(0), 10).unwrap();
            let weight = |of: &store::distributions::Position, whole| Weight { id: of.party.0, whole, had: 0 };
            let faces: Vec<Weight> = positions.iter().map(|of| weight(of, of.units_minor)).collect();
            let claims: Vec<Weight> = positions.iter().map(|of| weight(of, of.interest_due_minor)).collect();
            (faces, claims)
        };
        let shared = |all: i64, weights: &[Weight]| -> Vec<i64> {
            let plan = Running::plan(all, weights).unwrap();
            weights.iter().map(|weight| plan.share(weight).unwrap()).collect()
        };
        let (faces, _) = weights(&mut conn);
        let mut paid = 0;
        for part in [1, 1, 1, 1, 7, 50, 1, 33_333] {
            it.pay(Currency::EUR, START, &sold, part);
            paid += part;
            assert_eq!(gained(it.cash(Currency::EUR), before)[..2], shared(paid, &faces), "{paid}");
        }
        it.verify();
        for change in [
            "UPDATE redemption_bases SET redeemed_minor = redeemed_minor + 1",
            "UPDATE redemption_bases SET units_minor = units_minor + 1",
            "UPDATE redemption_bases SET since = since + 100000",
        ] {
            store::connection::begin_batch(&mut conn).unwrap();
            assert!(store::query::execute(&mut conn, change, &[]).unwrap() > 0, "{change}");
            let (_, found) = store::verify::verify(&mut conn).unwrap();
            assert!(found.is_some_and(|found| found.place.starts_with("redemption_bases ")), "{change}");
            store::connection::roll_back_batch(&mut conn).unwrap();
        }
        // All face late, and then the interest in parts of one and two cents.
        it.world.move_to("2026-04-15");
        it.pay(Currency::EUR, "2026-04-15", &sold, sold.face.iter().sum::<i64>() - paid);
        let (_, claims) = weights(&mut conn);
        let face = it.cash(Currency::EUR);
        let mut paid = 0;
        for part in [1, 2, 1, 1, 2] {
            it.pay(Currency::EUR, "2026-04-15", &sold, part);
            paid += part;
            assert_eq!(gained(it.cash(Currency::EUR), face)[..2], shared(paid, &claims), "{paid} of interest");
        }
        it.verify();
    }
}

#[test]
fn too_much_money_goes_back_where_it_came_from() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR]);
        let sold = it.sell(Currency::EUR, 400_000);
        let before = it.cash(Currency::EUR);
        it.pay(Currency::EUR, START, &sold, sold.confirmed + 500);
        // A second payment after the end is surplus altogether.
        it.pay(Currency::EUR, START, &sold, 77);
        assert_eq!(gained(it.cash(Currency::EUR), before), [sold.face[0], sold.face[1], sold.reserve - sold.fee]);
        assert_eq!(it.platform(Currency::EUR, "suspense"), (577, 0), "never kept");
        assert_eq!(it.platform(Currency::EUR, "collection"), (0, 0));
        // Money without a place is sent back by two operators, through the bank, to the last cent.
        it.receive(Currency::EUR, START, &[DemoEntry { remittance: "no idea".into(), ..incoming(1_234, "") }]);
        let unknown = "SELECT id AS value FROM bank_lines WHERE state = 'suspense' AND amount_minor = 1234";
        let line = store::query::int(&mut it.world.conn(), unknown, &[]);
        let asked = it.operator.api("return-suspense", &it.key(), &json!({ "line_id": line.unwrap(), "reason": "nobody's" }));
        assert_eq!(asked.status, 202, "{}", asked.body);
        assert_eq!(approve(&it.world.signed_in("operator2@x.example")).status, 200);
        assert_eq!(it.platform(Currency::EUR, "suspense"), (1_811, 1_234));
        it.payment_file("EUR");
        let end_to_end =
            it.operator.get("/api/v1/payouts?state=sent").json()["items"][0]["end_to_end"].as_str().unwrap().to_owned();
        it.receive(Currency::EUR, START, &[DemoEntry { credit: false, end_to_end, ..incoming(1_234, "") }]);
        assert_eq!(it.platform(Currency::EUR, "suspense"), (577, 0));
        // So is what was paid too much: each surplus waits as a line of its own, with its payer's account.
        let surplus = "state = 'suspense' AND kind = 'surplus' AND counterparty_iban <> '' ORDER BY amount_minor";
        let lines = store::BankLine::list_where(&mut it.world.conn(), surplus, &[]).unwrap();
        assert_eq!(lines.iter().map(|line| line.amount_minor).collect::<Vec<_>>(), [77, 500]);
        for line in lines {
            let asked = it.operator.api("return-suspense", &it.key(), &json!({ "line_id": line.id, "reason": "paid too much" }));
            assert_eq!(asked.status, 202, "{}", asked.body);
            assert_eq!(approve(&it.world.signed_in("operator2@x.example")).status, 200);
        }
        assert_eq!(it.platform(Currency::EUR, "suspense"), (577, 577), "all of it is on its way back");
        it.verify();
    }
}

#[test]
fn a_buyer_may_pay_early() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR]);
        let (sold, offer_id) = it.offer(Currency::EUR, 400_000);
        it.buy(&it.financiers[0], offer_id, sold.face[0]);
        let before = it.cash(Currency::EUR);
        it.world.move_to("2026-03-10");
        it.pay(Currency::EUR, "2026-03-10", &sold, sold.confirmed);
        // The offer ends first; what was not sold is the supplier's own.
        // A third was sold, and with it a third of the settlement fee is due.
        let expected = [sold.face[0], 0, sold.face[1] + sold.reserve - (sold.fee * 2 + 3) / 6];
        assert_eq!(gained(it.cash(Currency::EUR), before), expected);
        let offer = <store::Offer as store::records::Keyed>::load(&mut it.world.conn(), offer_id).unwrap();
        assert_eq!((it.state(&sold), offer.state), (ReceivableState::Redeemed, OfferState::Expired));
        it.world.move_to("2026-04-10");
        assert_eq!(it.state(&sold), ReceivableState::Redeemed, "its due date moves nothing any more");
        assert_eq!(gained(it.cash(Currency::EUR), before), expected, "and no interest");
        it.verify();
    }
}

/// Whoever changes what is still owed as late interest, or adds a claim that nobody has, is found.
fn owing_more_is_found(conn: &mut store::Conn) {
    for change in [
        "UPDATE late_claims SET due_minor = due_minor + 1",
        "INSERT INTO late_claims SELECT MIN(receivable_id), (SELECT MIN(id) FROM parties), 5, 0, 0 FROM late_claims",
    ] {
        store::connection::begin_batch(conn).unwrap();
        assert!(store::query::execute(conn, change, &[]).unwrap() > 0, "{change}");
        let (_, found) = store::verify::verify(conn).unwrap();
        assert!(found.is_some_and(|found| found.place.starts_with("late_claims ")), "{change}");
        store::connection::roll_back_batch(conn).unwrap();
    }
}

/// Late claims left no marks once, but none was ever there before its receivable was paid.
fn a_claim_before_any_payment_is_found(conn: &mut store::Conn, receivable: ReceivableId) {
    let change = "INSERT INTO late_claims (receivable_id, party_id, due_minor, paid_minor) SELECT ?, MIN(id), 5, 0 FROM parties";
    store::connection::begin_batch(conn).unwrap();
    assert_eq!(store::query::execute(conn, change, &[receivable.into()]).unwrap(), 1);
    let (_, found) = store::verify::verify(conn).unwrap();
    assert!(found.is_some_and(|found| found.place.starts_with(&format!("late_claims {receivable}/"))));
    store::connection::roll_back_batch(conn).unwrap();
}

/// Overdue: interest on what is outstanding, from the payment date, to those who hold; part payments in between.
#[test]
fn late_interest_follows_what_is_outstanding() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR]);
        let sold = it.sell(Currency::EUR, 400_000);
        let before = it.cash(Currency::EUR);
        it.world.move_to("2026-04-16");
        assert_eq!(it.state(&sold), ReceivableState::Overdue);
        a_claim_before_any_payment_is_found(&mut it.world.conn(), sold.id);
        let face = sold.face[0] + sold.face[1];
        let half = face / 2;
        it.pay(Currency::EUR, "2026-04-16", &sold, half);
        assert_eq!(it.state(&sold), ReceivableState::Overdue);
        owing_more_is_found(&mut it.world.conn());
        it.world.move_to("2026-05-01");
        // 8 % ACT/360: fifteen days on all of it, fifteen days on the rest; each rounded half up.
        let interest = |amount: i64| (amount * 8 * 15 * 2 + 36_000) / (2 * 36_000);
        let late = interest(face) + interest(face - half);
        it.pay(Currency::EUR, "2026-05-01", &sold, sold.confirmed - half + late);
        let all = gained(it.cash(Currency::EUR), before);
        assert_eq!(all[0] + all[1], face + late, "the holders have face and interest");
        assert!((all[0] - sold.face[0] - late / 3).abs() <= 2, "by what they held: {all:?}");
        assert_eq!(all[2], sold.reserve - sold.fee);
        assert_eq!((it.state(&sold), it.platform(Currency::EUR, "suspense")), (ReceivableState::Redeemed, (0, 0)));
        it.verify();
    }
}

#[test]
fn two_currencies_at_once_do_not_mix() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR, Currency::CNY]);
        let (euro, yuan) = (it.sell(Currency::EUR, 400_000), it.sell(Currency::CNY, 900_000));
        let before = [Currency::EUR, Currency::CNY].map(|currency| it.cash(currency));
        it.pay(Currency::EUR, START, &euro, 60_000);
        it.pay(Currency::CNY, START, &yuan, 123_457);
        // The right reference in the wrong currency finds no place.
        let wrong = it.pay(Currency::EUR, START, &yuan, 5_000);
        assert_eq!((wrong["matched"].clone(), wrong["suspense"].clone()), (json!(0), json!(1)));
        it.pay(Currency::CNY, START, &yuan, yuan.confirmed - 123_457);
        it.pay(Currency::EUR, START, &euro, euro.confirmed - 60_000);
        for (index, (currency, sold)) in [(Currency::EUR, &euro), (Currency::CNY, &yuan)].into_iter().enumerate() {
            let all = gained(it.cash(currency), before[index]);
            assert_eq!(all, [sold.face[0], sold.face[1], sold.reserve - sold.fee], "{}", currency.code());
        }
        assert_eq!((it.platform(Currency::EUR, "suspense").0, it.platform(Currency::CNY, "suspense").0), (5_000, 0));
        it.verify();
    }
}

/// JPY has no decimals, KWD three: the same journey, to the last unit, in files and on pages.
#[test]
fn yen_and_dinars_settle_to_the_last_unit() {
    let [yen, dinar] = ["JPY", "KWD"].map(|code| Currency::parse(code).unwrap());
    for database in Database::both() {
        let it = Trade::start(database, &[yen, dinar]);
        let cases = [(yen, 54_321, "JPY 64,642", "1234"), (dinar, 7_654_321, "KWD 9,108.642", "1.234")];
        for (currency, net, shown, on_file) in cases {
            let sold = it.sell(currency, net);
            let text = it.world.signed_in(SUPPLIER.3).open(&format!("/receivables/{}", sold.id)).text();
            assert!(text.contains(shown), "{text}");
            let before = it.cash(currency);
            it.pay(currency, START, &sold, 10_001);
            it.pay(currency, START, &sold, sold.confirmed - 10_001);
            assert_eq!(gained(it.cash(currency), before), [sold.face[0], sold.face[1], sold.reserve - sold.fee]);
            pay_out(&it, currency, on_file);
        }
        it.verify();
    }
}

/// The supplier takes 1234 minor units out; the bank's file has them in the currency's own decimals.
fn pay_out(it: &Trade, currency: Currency, on_file: &str) {
    let code = currency.code();
    let proposed = json!({ "currency": code, "iban": "BE68539007547034", "holder": "Real Supplier" });
    assert_eq!(it.supplier.api("propose-bank-account", &it.key(), &proposed).status, 202);
    assert_eq!(approve(&it.world.signed_in(&second_of(SUPPLIER.3))).status, 200);
    let account = store::BankAccount::find_where(&mut it.world.conn(), "currency = ? AND status = 'proposed'", &[code.into()]);
    let account_id = account.unwrap().unwrap().id;
    let asked = it.operator.api("decide-bank-account", &it.key(), &json!({ "account_id": account_id, "verified": true }));
    assert_eq!(asked.status, 202, "{}", asked.body);
    assert_eq!(approve(&it.world.signed_in("operator2@x.example")).status, 200);
    let before = it.cash(currency)[2];
    it.done(&it.supplier, "request-payout", &json!({ "currency": code, "amount_minor": 1_234 }));
    let document = it.payment_file(code);
    let file = String::from_utf8(document.content).unwrap();
    assert!(file.contains(&format!("<InstdAmt Ccy=\"{code}\">{on_file}</InstdAmt>")), "{file}");
    let end_to_end = file.split("<EndToEndId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    it.receive(currency, START, &[DemoEntry { credit: false, end_to_end, ..incoming(1_234, "") }]);
    assert_eq!(it.cash(currency)[2], before - 1_234);
}

/// A cent with the right reference ends no offer: it waits for two people. A ticket's worth does.
#[test]
fn a_cent_ends_no_market() {
    for database in Database::both() {
        let it = Trade::start(database, &[Currency::EUR]);
        let (sold, offer_id) = it.offer(Currency::EUR, 5_000_000);
        let row = store::Receivable::load(&mut it.world.conn(), sold.id).unwrap();
        let state = |it: &Trade| store::Offer::load(&mut it.world.conn(), offer_id).unwrap().state;
        it.receive(Currency::EUR, START, &[incoming(1, &row.reference)]);
        assert_eq!(state(&it), OfferState::Open);
        let line = store::BankLine::find_where(&mut it.world.conn(), "amount_minor = 1", &[]).unwrap().unwrap();
        assert_eq!((line.state, line.kind.get()), (LineState::Attention, Some(LineKind::SmallPart)));
        it.receive(Currency::EUR, START, &[incoming(row.minimum_ticket_minor, &row.reference)]);
        assert_eq!(state(&it), OfferState::Expired);
        it.world.verify();
    }
}
