//! The main job, from a real e-invoice to the last cent of settlement, over HTTP without JavaScript, on both
//! databases.

use chrono::NaiveDate;
use domain::Currency;
use domain::party::PartyStatus;
use e2e::world::{CUSTODY_IBAN, PASSWORD, World};
use e2e::{Client, Database, shared_data};
use kernel::{OfferId, PartyId};
use server::demo::files::{DemoEntry, DemoInvoice, camt053, ubl};
use store::records::Record;

/// Company name, tax id, capacity, first person's address.
pub const SUPPLIER: (&str, &str, &str, &str) = ("Real Supplier", "BE0000000000", "supplier", "supplier@x.example");
pub const BUYER: (&str, &str, &str, &str) = ("Real Buyer", "BE0848934496", "buyer", "buyer@x.example");

/// The operator invites a company's first two people, who take their invitations up from the mail, and two operators
/// let the company trade.
pub fn onboard(world: &World, operator: &Client, company: (&str, &str, &str, &str)) -> PartyId {
    onboard_in(world, operator, company, "BE")
}

/// The same for a company of another country.
pub fn onboard_in(world: &World, operator: &Client, company: (&str, &str, &str, &str), country: &str) -> PartyId {
    let (name, tax_id, capacity, email) = company;
    let capacity_field = format!("capacity_{capacity}");
    let answer = operator.fill(
        "/ops/companies/new",
        "/ops/companies/new",
        &[
            ("name", name),
            ("country", country),
            ("tax_id", tax_id),
            (&capacity_field, "true"),
            ("language", "en"),
            ("administrator_name", "First"),
            ("administrator_email", email),
            ("checker_name", "Second"),
            ("checker_email", &second_of(email)),
        ],
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    let accept = |address: &str, person: &str| {
        let mail = world.mail(address);
        let path =
            mail.body.split_whitespace().find_map(|word| word.strip_prefix("http://kontor.test")).expect("a link").to_owned();
        let visitor = world.client();
        let done = visitor.fill(&path, &path, &[("name", person), ("password", PASSWORD)]);
        assert!(done.body.contains("action=\"/login\""), "{}", done.text());
        assert_eq!(visitor.get(&path).status, 404, "an invitation is taken up once");
    };
    accept(email, "First Person");
    accept(&second_of(email), "Second Person");
    let party = <store::Party as Record>::find_where(&mut world.conn(), "name = ?", &[name.into()]).unwrap().unwrap();
    assert_eq!(party.status, PartyStatus::Applied);
    let page = format!("/ops/companies/{}", party.id);
    let decided = operator.fill(&page, &page, &[("status", "active"), ("reason", "file complete")]);
    assert!(decided.text().contains("second person"), "{}", decided.text());
    assert_eq!(approve(&world.signed_in("operator2@x.example")).status, 200);
    party.id
}

/// The address of the person who agrees to what this one asks for.
#[must_use]
pub fn second_of(email: &str) -> String {
    email.replace('@', ".checker@")
}

/// Whoever may, agrees to the newest request.
pub fn approve(checker: &Client) -> e2e::Answer {
    let page = checker.open("/approvals?state=pending").link("/approvals/");
    checker.fill(&page, &page, &[])
}

/// One operator looks at what waits and asks for the file, the other sees the same list and agrees.
pub fn make_payment_file(operator: &Client, checker: &Client, currency: &str) -> e2e::Answer {
    let asked = operator.fill_and_confirm("/ops/payouts", "/ops/payouts/check", &[("currency", currency)]);
    assert!(asked.text().contains("second person"), "{}", asked.text());
    let made = approve(checker);
    assert_eq!(made.status, 200, "{}", made.text());
    made
}

/// What `create-payment-file` is asked with for everything that waits.
pub fn payment_list(operator_api: &Client, currency: &str) -> serde_json::Value {
    let list = operator_api.get(&format!("/api/v1/payouts/list?currency={currency}")).json();
    serde_json::json!({ "currency": currency, "through": list["through"], "list_hash": list["list_hash"] })
}

/// The company of this person asks for a second one above the limit from now on.
pub fn set_limit(world: &World, email: &str, currency: &str, limit: &str) {
    let done = world.signed_in(email).fill("/org/people", "/org/limits", &[("currency", currency), ("limit", limit)]);
    assert!(done.text().contains("second person"), "{}", done.text());
    assert_eq!(approve(&world.signed_in(&second_of(email))).status, 200);
}

/// A bank account is proposed by the company and verified by two operators.
pub fn verify_account(world: &World, (operator, checker): (&Client, &Client), email: &str, iban: &str) {
    let company = world.signed_in(email);
    let proposed = company.fill("/org/bank-accounts", "/org/bank-accounts", &[("currency", "EUR"), ("iban", iban)]);
    assert!(proposed.text().contains("second person"), "{}", proposed.text());
    assert_eq!(approve(&world.signed_in(&second_of(email))).status, 200);
    let page = operator.open("/ops/bank-accounts");
    let action = page
        .body
        .split("action=\"/ops/bank-accounts/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("an account to verify");
    let asked = operator.fill("/ops/bank-accounts", &format!("/ops/bank-accounts/{action}"), &[("verified", "true")]);
    assert!(asked.text().contains("second person"), "{}", asked.text());
    assert_eq!(approve(checker).status, 200);
}

pub struct Bank {
    balance: i64,
    number: u32,
}

impl Bank {
    #[must_use]
    pub fn new() -> Self {
        Self { balance: 0, number: 0 }
    }

    /// A day's statement, as the bank writes it.
    pub fn statement(&mut self, date: NaiveDate, entries: &[DemoEntry]) -> Vec<u8> {
        self.number += 1;
        let file = camt053(CUSTODY_IBAN, Currency::EUR, date, &format!("STMT{}", self.number), self.balance, entries);
        self.balance +=
            entries.iter().map(|entry| if entry.credit { entry.amount_minor } else { -entry.amount_minor }).sum::<i64>();
        file.into_bytes()
    }
}

#[must_use]
pub fn incoming(amount_minor: i64, reference: &str) -> DemoEntry {
    DemoEntry {
        amount_minor,
        credit: true,
        reference: reference.to_owned(),
        name: "Payer".to_owned(),
        iban: "DE02120300000000202051".to_owned(),
        ..DemoEntry::default()
    }
}

fn reference_of(client: &Client) -> String {
    let text = client.open("/org").text();
    let at = text.find("RF").expect("a reference");
    text[at..].split_whitespace().next().unwrap().to_owned()
}

pub fn cash(client: &Client) -> i64 {
    let rows = client.get("/api/v1/balances").json();
    rows["items"]
        .as_array()
        .and_then(|items| items.iter().find(|row| row["currency"] == "EUR").map(|row| row["balance_minor"].as_i64().unwrap()))
        .unwrap_or(0)
}

/// The real file, or one of our own where the shared collection is absent.
pub fn real_invoice() -> Vec<u8> {
    if let Some(data) = shared_data() {
        return std::fs::read(data.join("einvoice/gobl-ubl/invoice-peppol.xml")).unwrap();
    }
    let date = |text: &str| text.parse().unwrap();
    let file = ubl(&DemoInvoice {
        number: "POP000274-128-20210525T044541",
        issue_date: date("2021-05-25"),
        due_date: date("2021-06-24"),
        currency: Currency::EUR,
        net_minor: 566_387,
        seller: (SUPPLIER.0, SUPPLIER.1),
        buyer: (BUYER.0, BUYER.1),
        order: "1",
        item: "Goods",
    });
    // The real one is for 6740.00, which no net amount makes with 19 %: the last cent is rounded away, as the standard has it.
    let due = "<cbc:PayableAmount currencyID=\"EUR\">";
    let rounded = format!("<cbc:PayableRoundingAmount currencyID=\"EUR\">-0.01</cbc:PayableRoundingAmount>{due}6740.00");
    file.replace(&format!("{due}6740.01"), &rounded).into_bytes()
}

/// Every receipt and every request of a world, opened by who made it, leads only to pages that are there, and names no raw number of an account.
pub fn every_receipt_leads_somewhere(world: &World) {
    let mut conn = world.conn();
    let records = store::AuditRecord::list_where(&mut conn, "user_id > 0 ORDER BY seq", &[]).unwrap();
    let asked = store::Approval::list_where(&mut conn, "1 = 1 ORDER BY id", &[]).unwrap();
    let pages = records.iter().map(|row| (row.user_id, format!("/receipts/{}", row.seq), row.command.clone()));
    let asked = asked.iter().map(|row| (row.maker_id, format!("/approvals/{}", row.id), row.command.clone()));
    let (mut clients, mut seen) = (std::collections::BTreeMap::new(), std::collections::BTreeSet::new());
    for (user, page, command) in pages.chain(asked).collect::<Vec<_>>() {
        let client = clients.entry(user).or_insert_with(|| {
            let user = <store::User as store::records::Keyed>::load(&mut conn, user).unwrap();
            let client = world.client();
            while client.sign_in(&user.email, PASSWORD).status == 503 {
                std::thread::sleep(std::time::Duration::from_millis(300));
            }
            client
        });
        let shown = client.open(&page);
        assert_eq!(shown.status, 200, "{command} {page}");
        assert!(!shown.text().contains("Number of the custody account"), "{command}: {}", shown.text());
        let main = shown.body.split_once("<main").map_or("", |(_, main)| main);
        for href in main.split("href=\"/").skip(1).filter_map(|rest| rest.split('"').next()) {
            if seen.insert((user, href.to_owned())) {
                let answer = client.open(&format!("/{href}"));
                assert_eq!(answer.status, 200, "{command} {page} leads to /{href}");
            }
        }
    }
}

#[test]
fn a_real_invoice_is_carried_to_the_last_cent_of_settlement() {
    for database in Database::both() {
        carry(&World::start(database, "2021-05-26"));
    }
}

fn carry(world: &World) {
    let day: NaiveDate = "2021-05-26".parse().unwrap();
    let operator = world.signed_in("operator@x.example");
    let second_operator = world.signed_in("operator2@x.example");
    let supplier_id = onboard(world, &operator, SUPPLIER);
    onboard(world, &operator, BUYER);
    onboard(world, &operator, ("Bank One", "DE111111111", "financier", "one@x.example"));
    onboard(world, &operator, ("Bank Two", "DE222222222", "financier", "two@x.example"));
    let [supplier, buyer, one, two] = [SUPPLIER.3, BUYER.3, "one@x.example", "two@x.example"].map(|email| world.signed_in(email));
    let [supplier_api, one_api, two_api] = [SUPPLIER.3, "one@x.example", "two@x.example"].map(|email| world.api(email));
    for email in [SUPPLIER.3, "one@x.example", "two@x.example"] {
        set_limit(world, email, "EUR", "1,000,000.00");
    }
    set_limit(world, BUYER.3, "EUR", "1,000.00");
    verify_account(world, (&operator, &second_operator), SUPPLIER.3, "BE68 5390 0754 7034");

    // Deposits come in by the bank's file, by reference; what nobody can place waits.
    let mut bank = Bank::new();
    let deposits = [
        incoming(400_000, &reference_of(&one)),
        incoming(500_000, &reference_of(&two)),
        DemoEntry { remittance: "no idea".into(), ..incoming(777, "") },
    ];
    let file = bank.statement(day, &deposits);
    let imported = world.import(&operator, "day.xml", file.clone());
    assert_eq!(imported.status, 200, "{}", imported.text());
    let again = world.import(&operator, "day.xml", file);
    assert_eq!(again.status, 409, "the same statement counts once");
    assert_eq!((cash(&one_api), cash(&two_api)), (400_000, 500_000));

    // The supplier uploads the real file beside a hostile one; only the bad one is refused.
    let attack = b"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>".to_vec();
    let uploaded = supplier.upload("/invoices/upload", "/invoices/upload", &[("real.xml", real_invoice()), ("bad.xml", attack)]);
    assert!(uploaded.text().contains("1 of 2 files accepted"), "{}", uploaded.text());
    let repeated = supplier.upload("/invoices/upload", "/invoices/upload", &[("copy.xml", real_invoice())]);
    assert!(repeated.text().contains("is on Kontor already"), "{}", repeated.text());
    let page = supplier.open("/invoices?state=draft").link("/invoices/1");
    let id: i64 = page.trim_start_matches("/invoices/").parse().unwrap();
    let shown = supplier.open(&page);
    assert!(shown.text().contains("EUR 6,740.00") && shown.text().contains("24 Jun 2021"), "{}", shown.text());
    assert_eq!(buyer.get(&format!("/payables/{id}")).status, 404, "a draft is the supplier's own");
    let submitted = supplier.fill(&page, &format!("{page}/submit"), &[]);
    assert_eq!(submitted.status, 200, "{}", submitted.text());

    // The buyer confirms: check page, exact words, second person above the limit.
    let payable = format!("/payables/{id}");
    let check = buyer.fill(&payable, &format!("{payable}/check"), &[("amount", "6,740.00")]);
    assert!(check.text().contains("irrevocably and unconditionally undertakes to pay EUR 6,740.00"), "{}", check.text());
    let asked = buyer.post(&format!("{payable}/confirm"), &check.form(&format!("{payable}/confirm")));
    assert!(asked.location().starts_with("/approvals/"), "above the limit: {} {}", asked.status, asked.body);
    let request = buyer.open(asked.location());
    assert!(!request.body.contains("name=\"decision\""), "whoever asked cannot approve");
    let approved = approve(&world.signed_in("buyer.checker@x.example"));
    assert!(approved.text().contains("Invoice confirmed"), "{}", approved.text());
    let signed = buyer.open(&payable);
    assert!(signed.text().contains("2026-11") && signed.text().contains("RF"), "{}", signed.text());

    // The receivable: 90 % fractions, 10 % reserve. The supplier offers it at 6 % simple discount, ACT/360.
    let receivable = supplier.open("/receivables").link("/receivables/1");
    let offer_check = supplier.fill(
        &receivable,
        &format!("{receivable}/offer"),
        &[("rate", "6"), ("close_date", "2021-06-20"), ("units", "6,066.00")],
    );
    assert!(offer_check.text().contains("EUR 6,066.00") && offer_check.text().contains("Net cash"), "{}", offer_check.text());
    let offered = supplier.post(&format!("{receivable}/offer"), &offer_check.form(&format!("{receivable}/offer")));
    assert_eq!(offered.status, 303, "{}", offered.text());

    // Without a limit nothing can be bought; with it two financiers buy parts.
    let offer = one.open("/market").link("/market/1");
    let buy = |client: &Client, units: &str| {
        let check = client.fill(&offer, &format!("{offer}/check"), &[("units", units)]);
        {
            // What cannot be bought is said on the check page already.
            let form = check.form(&format!("{offer}/buy"));
            if form.is_empty() { check } else { client.post(&format!("{offer}/buy"), &form) }
        }
    };
    assert!(buy(&one, "2,000.00").body.contains("Your limit for this buyer leaves"), "no limit yet");
    for (client, email) in [(&one, "one@x.example"), (&two, "two@x.example")] {
        let limit = client.fill("/exposure", "/exposure", &[("currency", "EUR"), ("limit", "10,000.00")]);
        assert!(limit.text().contains("second person"), "{}", limit.text());
        assert_eq!(approve(&world.signed_in(&second_of(email))).status, 200);
    }
    let first = buy(&one, "2,000.00");
    assert_eq!(first.status, 303, "{}", first.text());
    // 29 days at 6 %: 2,000.00 × (1 − 0.06 × 29/360) = 1,990.33 (rounded half up).
    assert_eq!(cash(&one_api), 400_000 - 199_033);
    let tail = buy(&two, "3,566.01");
    assert!(tail.body.contains("buy all of it, or leave at least"), "a rest below the ticket: {}", tail.text());
    assert_eq!(cash(&two_api), 500_000, "nothing was taken");
    let second = buy(&two, "4,066.00");
    assert_eq!(second.status, 303, "{}", second.text());
    let price_two = 404_635; // 4,066.00 × (1 − 0.06 × 29/360) = 4,046.3477 → 4,046.35
    assert_eq!(cash(&two_api), 500_000 - price_two);
    let offer_id: OfferId = offer.trim_start_matches("/market/").parse().unwrap();
    let late = one_api.api(
        "buy-fractions",
        "after-the-end",
        &serde_json::json!({ "offer_id": offer_id, "units_minor": 100_000, "price_minor": 99_517 }),
    );
    assert_eq!((late.status, late.json()["code"].clone()), (409, "sold_out".into()));
    // The supplier has the cash the same moment, less fees of 0.10 %.
    let fees = 199 + 405;
    assert_eq!(cash(&supplier_api), 199_033 + price_two - fees);

    // Payout: only to the verified account, through pain.001 and the bank's word.
    let payout = supplier.fill_and_confirm("/cash", "/cash/payouts", &[("currency", "EUR"), ("amount", "1,000.00")]);
    assert_eq!(payout.status, 200, "{}", payout.text());
    assert!(
        one.fill("/cash", "/cash/payouts", &[("currency", "EUR"), ("amount", "1.00")])
            .text()
            .contains("no verified EUR bank account")
    );
    make_payment_file(&operator, &second_operator, "EUR");
    let pain = operator.get(&operator.open("/ops/payouts").link("/documents/")).body;
    assert!(pain.contains("pain.001.001.09") && pain.contains("BE68539007547034") && pain.contains("1000.00"), "{pain}");
    let end_to_end = pain.split("<EndToEndId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let paid_out = bank.statement(
        day,
        &[DemoEntry {
            amount_minor: 100_000,
            credit: false,
            end_to_end,
            name: "Real Supplier".into(),
            iban: "BE68539007547034".into(),
            ..DemoEntry::default()
        }],
    );
    assert_eq!(world.import(&operator, "out.xml", paid_out).status, 200);
    let supplier_cash = 199_033 + price_two - fees - 100_000;
    assert_eq!(cash(&supplier_api), supplier_cash);

    // Maturity: the day comes, the buyer pays in two parts and a little too much.
    world.move_to("2021-06-24");
    let due: NaiveDate = "2021-06-24".parse().unwrap();
    let full = buyer.open(&payable);
    let reference = full.text().split_whitespace().find(|word| word.starts_with("RF")).unwrap().to_owned();
    let part = bank.statement(due, &[incoming(100_001, &reference)]);
    assert_eq!(world.import(&operator, "part.xml", part).status, 200);
    // 1,000.01 over 200,000 and 406,600 units: 32,971 and 67,030 by largest remainder.
    assert_eq!((cash(&one_api), cash(&two_api)), (400_000 - 199_033 + 32_971, 500_000 - price_two + 67_030));
    let rest = bank.statement(due, &[incoming(674_000 - 100_001 + 500, &reference)]);
    assert_eq!(world.import(&operator, "rest.xml", rest).status, 200);
    assert_eq!((cash(&one_api), cash(&two_api)), (400_000 - 199_033 + 200_000, 500_000 - price_two + 406_600));
    // The reserve comes back, less the settlement fee of 0.05 % of the confirmed amount.
    assert_eq!(cash(&supplier_api), supplier_cash + 67_400 - 337);
    assert!(supplier.open(&receivable).text().contains("Redeemed"));
    assert!(buyer.open(&payable).text().contains("Paid"));

    // Both surpluses wait in suspense; one is sent back by two operators, none is kept.
    let line = operator.open("/ops/bank-lines?state=suspense").link("/ops/bank-lines/1");
    let asked = operator.fill_and_confirm(&line, &format!("{line}/return"), &[("reason", "unknown payer")]);
    assert!(asked.text().contains("second person"), "{}", asked.text());
    assert_eq!(approve(&second_operator).status, 200);

    // Everyone has a statement, on the page and as CSV, and the past can be asked for.
    let statement = one.open("/cash/statement?currency=EUR&as_of=2021-05-26");
    assert!(statement.text().contains("EUR 2,009.67"), "{}", statement.text());
    let csv = one.get("/cash/statement?currency=EUR&format=csv");
    assert!(csv.body.contains("Redemption") && csv.body.lines().count() == 5, "{}", csv.body);
    let trial = operator.open("/ops/trial-balance");
    assert!(trial.text().contains("Every asset sums to zero"), "{}", trial.text());
    let books: i64 = operator_books(world);
    assert_eq!(books, 0);
    assert!(world.mail(SUPPLIER.3).body.contains("http://kontor.test/"));
    assert!(supplier_id > PartyId(0));
    every_receipt_leads_somewhere(world);
    world.verify();
}

/// What the custody account holds less what is owed to everybody: zero.
fn operator_books(world: &World) -> i64 {
    let lines = store::lists::balances(&mut world.conn(), 978, None).unwrap();
    lines.iter().map(|line| if line.kind == "custody" { line.balance } else { -line.balance }).sum()
}

/// Late payment: interest goes to whoever held while it accrued, and the buyer owes it beyond the principal.
#[test]
fn late_payment_earns_interest_for_the_holders() {
    for database in Database::both() {
        pay_late(&World::start(database, "2021-05-26"));
    }
}

fn pay_late(world: &World) {
    let operator = world.signed_in("operator@x.example");
    onboard(world, &operator, SUPPLIER);
    onboard(world, &operator, BUYER);
    let (supplier, buyer) = (world.signed_in(SUPPLIER.3), world.signed_in(BUYER.3));
    set_limit(world, BUYER.3, "EUR", "1,000,000.00");
    let _ = supplier.upload("/invoices/upload", "/invoices/upload", &[("real.xml", real_invoice())]);
    let page = supplier.open("/invoices?state=draft").link("/invoices/1");
    let _ = supplier.fill(&page, &format!("{page}/submit"), &[]);
    let payable = page.replace("invoices", "payables");
    let check = buyer.fill(&payable, &format!("{payable}/check"), &[]);
    let _ = buyer.post(&format!("{payable}/confirm"), &check.form(&format!("{payable}/confirm")));
    world.move_to("2021-07-24");
    assert!(buyer.open(&payable).text().contains("Overdue"));
    let reference = buyer.open(&payable).text().split_whitespace().find(|word| word.starts_with("RF")).unwrap().to_owned();
    // 6,066.00 at 8 % for 30 days ACT/360 is 40.44.
    let file = Bank::new().statement("2021-07-24".parse().unwrap(), &[incoming(674_000 + 4_044, &reference)]);
    assert_eq!(world.import(&operator, "late.xml", file).status, 200);
    // Nothing was sold, so no settlement fee is due.
    assert_eq!(cash(&world.api(SUPPLIER.3)), 674_000 + 4_044);
    assert!(buyer.open(&payable).text().contains("Paid"));
    world.verify();
}
