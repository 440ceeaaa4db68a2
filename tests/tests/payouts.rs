//! What becomes of a payout at the bank: rejected by hand or by the bank's file, returned after it had left, or left
//! without an answer. On both databases.

use crate::journey::{
    Bank, SUPPLIER, approve, cash, incoming, make_payment_file, onboard, onboard_in, payment_list, second_of, set_limit,
    verify_account,
};
use chrono::NaiveDate;
use e2e::world::World;
use e2e::{Answer, Client, Database};
use kernel::PayoutId;
use serde_json::{Value, json};
use server::demo::files::DemoEntry;
use store::records::{Keyed, Record};

const DAY: &str = "2026-11-23";

/// A platform with one company that has EUR 1,000.00 and a verified account.
pub struct Setting {
    pub world: World,
    pub operator: Client,
    pub checker: Client,
    pub operator_api: Client,
    pub supplier: Client,
    pub supplier_api: Client,
    pub bank: Bank,
}

impl Setting {
    pub fn start(database: Database) -> Self {
        let world = World::start(database, DAY);
        let [operator, checker] = ["operator@x.example", "operator2@x.example"].map(|email| world.signed_in(email));
        onboard(&world, &operator, SUPPLIER);
        let supplier = world.signed_in(SUPPLIER.3);
        set_limit(&world, SUPPLIER.3, "EUR", "1,000,000.00");
        verify_account(&world, (&operator, &checker), SUPPLIER.3, "BE68 5390 0754 7034");
        let (operator_api, supplier_api) = (world.api("operator@x.example"), world.api(SUPPLIER.3));
        let mut setting = Self { world, operator, checker, operator_api, supplier, supplier_api, bank: Bank::new() };
        let reference = setting.supplier_api.get("/api/v1/me").json()["company"]["reference"].as_str().unwrap().to_owned();
        let file = setting.bank.statement(day(DAY), &[incoming(100_000, &reference)]);
        assert_eq!(setting.import(file).status, 200);
        setting
    }

    /// A bank file through the operator's page, whatever its kind.
    fn import(&self, file: Vec<u8>) -> Answer {
        self.world.import(&self.operator, "bank.xml", file)
    }

    /// A payout that is with the bank; its end-to-end id.
    pub fn pay_out(&self, amount: &str) -> String {
        let asked = self.supplier.fill_and_confirm("/cash", "/cash/payouts", &[("currency", "EUR"), ("amount", amount)]);
        assert_eq!(asked.status, 200, "{}", asked.text());
        make_payment_file(&self.operator, &self.checker, "EUR");
        self.newest().end_to_end
    }

    fn newest(&self) -> store::Payout {
        store::Payout::find_where(&mut self.world.conn(), "id > 0 ORDER BY id DESC LIMIT 1", &[]).unwrap().unwrap()
    }

    pub fn payout(&self, end_to_end: &str) -> store::Payout {
        store::Payout::find_where(&mut self.world.conn(), "end_to_end = ?", &[end_to_end.into()]).unwrap().unwrap()
    }

    pub fn state(&self, end_to_end: &str) -> String {
        self.payout(end_to_end).state.to_string()
    }

    /// Balance and what of it is free.
    pub fn cash(&self) -> (i64, i64) {
        let rows = self.supplier_api.get("/api/v1/balances").json();
        let row = rows["items"].as_array().unwrap().iter().find(|row| row["currency"] == "EUR").unwrap().clone();
        (row["balance_minor"].as_i64().unwrap(), row["available_minor"].as_i64().unwrap())
    }

    fn debit(&mut self, date: &str, end_to_end: &str) -> Vec<u8> {
        let payout = self.payout(end_to_end);
        let entry = DemoEntry { amount_minor: payout.amount_minor, end_to_end: end_to_end.to_owned(), ..outgoing() };
        self.bank.statement(day(date), &[entry])
    }

    /// A statement on which a payment of ours comes back, with the bank's reason.
    fn credit_back(&mut self, date: &str, end_to_end: &str, amount_minor: i64) -> Vec<u8> {
        let entry = DemoEntry { end_to_end: end_to_end.to_owned(), ..incoming(amount_minor, "") };
        let text = String::from_utf8(self.bank.statement(day(date), &[entry])).unwrap();
        let why = "</RmtInf><RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>account closed in May</AddtlInf></RtrInf></TxDtls>";
        text.replace("</RmtInf></TxDtls>", why).into_bytes()
    }

    fn lines(&self, state: &str) -> Vec<store::BankLine> {
        store::BankLine::list_where(&mut self.world.conn(), "state = ? ORDER BY id", &[state.into()]).unwrap()
    }

    /// Some person of the company has had a mail that says this.
    fn was_told(&self, words: &str) {
        for _ in 0..100 {
            let mails = store::Mail::list_where(&mut self.world.conn(), "address = ?", &[SUPPLIER.3.into()]).unwrap();
            if mails.iter().any(|mail| mail.body.contains(words)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("no mail says: {words}");
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn outgoing() -> DemoEntry {
    DemoEntry { credit: false, name: "Real Supplier".into(), iban: "BE68539007547034".into(), ..DemoEntry::default() }
}

/// A pain.002 of our own: statuses of the file, of its block, and of transfers with a reason.
pub fn status_report(
    version: &str,
    message: &str,
    original: &str,
    group: &str,
    block: &str,
    transfers: &[(&str, &str, &str)],
) -> Vec<u8> {
    let tag = |name: &str, text: &str| if text.is_empty() { String::new() } else { format!("<{name}>{text}</{name}>") };
    let transfers: String = transfers
        .iter()
        .map(|(id, status, reason)| {
            let why =
                if reason.is_empty() { String::new() } else { format!("<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>") };
            format!("<TxInfAndSts>{}{}{why}</TxInfAndSts>", tag("OrgnlEndToEndId", id), tag("TxSts", status))
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}\"><CstmrPmtStsRpt>\
         <GrpHdr><MsgId>{message}</MsgId><CreDtTm>2026-11-23T10:00:00Z</CreDtTm></GrpHdr>\
         <OrgnlGrpInfAndSts><OrgnlMsgId>{original}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{}</OrgnlGrpInfAndSts>\
         <OrgnlPmtInfAndSts><OrgnlPmtInfId>{original}</OrgnlPmtInfId>{}{transfers}</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>\n",
        tag("GrpSts", group),
        tag("PmtInfSts", block),
    )
    .into_bytes()
}

#[test]
fn a_payout_that_the_bank_rejects_is_failed_by_two_people() {
    for database in Database::both() {
        let mut it = Setting::start(database);
        let asked = it.supplier.fill_and_confirm("/cash", "/cash/payouts", &[("currency", "EUR"), ("amount", "400.00")]);
        assert_eq!(asked.status, 200, "{}", asked.text());
        let waiting = it.newest();
        assert_eq!((waiting.state.name(), it.cash()), ("authorised", (100_000, 60_000)));
        let fail = |id: PayoutId, code: &str, key: &str| {
            it.operator_api.api("fail-payout", key, &json!({ "payout_id": id, "reason_code": code }))
        };
        let early = fail(waiting.id, "AC04", "fail-too-early");
        assert_eq!((early.status, early.json()["code"].clone()), (409, "state_conflict".into()), "the bank has not seen it");
        make_payment_file(&it.operator, &it.checker, "EUR");
        assert_eq!(it.newest().expected_date, Some(day("2026-11-24")), "the business day after its execution");
        for (code, problem) in [("XX99", "field_invalid"), ("NARR", "reason_missing")] {
            assert_eq!(fail(waiting.id, code, &format!("fail-{code}-1")).json()["code"], problem);
        }

        // One person asks: nothing moves.
        let page = format!("/ops/payouts/{}", waiting.id);
        let unsaid = it.operator.fill(&page, &format!("{page}/fail"), &[("note", "no reason chosen")]);
        assert!(unsaid.status == 422 && unsaid.text().contains("no reason chosen"), "shown again as typed: {}", unsaid.text());
        let asked = it.operator.fill(
            &page,
            &format!("{page}/fail"),
            &[("reason_code", "AC04"), ("note", "seen in the portal of the bank")],
        );
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!((it.state(&waiting.end_to_end).as_str(), it.cash()), ("sent", (100_000, 60_000)));
        // Another agrees: the money is free, the company knows why.
        let agreed = approve(&it.checker);
        assert!(agreed.text().contains("Payout rejected by the bank"), "{}", agreed.text());
        let failed = it.payout(&waiting.end_to_end);
        assert_eq!((failed.state.name(), failed.reason_code.as_str(), it.cash()), ("rejected", "AC04", (100_000, 100_000)));
        it.was_told("AC04: account closed");
        let own = it.supplier.open("/cash").text();
        assert!(own.contains("AC04: account closed") && own.contains("seen in the portal of the bank"), "{own}");
        assert_eq!(fail(waiting.id, "AC04", "fail-twice").json()["code"], "state_conflict");

        // The money can be asked for again; a debit for the rejected one is never booked on a guess.
        let again = it.pay_out("1,000.00");
        assert_ne!(again, waiting.end_to_end);
        let file = it.debit(DAY, &waiting.end_to_end);
        assert_eq!(it.import(file).status, 200);
        assert_eq!(it.lines("attention").len(), 1);
        assert_eq!((it.state(&waiting.end_to_end).as_str(), it.cash()), ("rejected", (100_000, 0)));
        for text in [it.supplier.open("/cash").text(), it.operator.open("/ops/payouts?state=rejected").text()] {
            assert!(text.contains("Rejected by the bank") && !text.contains("Turned down"), "{text}");
        }
        crate::journey::every_receipt_leads_somewhere(&it.world);
        it.world.verify();
    }
}

#[test]
fn the_banks_status_report_rejects_and_informs() {
    for database in Database::both() {
        let it = Setting::start(database);
        let ask = |amount: &str| {
            assert_eq!(
                it.supplier.fill_and_confirm("/cash", "/cash/payouts", &[("currency", "EUR"), ("amount", amount)]).status,
                200
            );
            it.newest().end_to_end
        };
        let [first, second, third] = ["100.00", "200.00", "300.00"].map(ask);
        make_payment_file(&it.operator, &it.checker, "EUR");
        let original = format!("KONTOR-{}", it.payout(&first).file_id.unwrap());
        let other = it.pay_out("50.00");
        assert_eq!(it.cash(), (100_000, 35_000));

        // The file is technically accepted; "received" moves nothing.
        let received = status_report("03", "BANK-0", &original, "RCVD", "", &[(&first, "RCVD", "")]);
        assert_eq!(it.import(received).status, 200);
        assert_eq!(it.state(&first), "sent");
        assert_eq!(it.import(status_report("03", "BANK-1", &original, "ACTC", "", &[])).status, 200);
        for end_to_end in [&first, &second, &third] {
            let row = it.payout(end_to_end);
            assert_eq!((row.state.name(), row.bank_status.as_str()), ("accepted", "ACTC"));
        }
        assert_eq!(it.state(&other), "sent", "another file's payment");
        assert!(it.supplier.open("/cash").text().contains("ACTC: technically accepted"));

        // The nearest word wins: one is rejected, one pending, the third follows its block; nobody knows the fourth, and a
        // report on another file says nothing about `other`.
        let transfers =
            [(first.as_str(), "RJCT", "AC04"), (&second, "PDNG", ""), ("KPAY0", "RJCT", "AM04"), (&other, "RJCT", "AM04")];
        let file = status_report("10", "BANK-2", &original, "PART", "ACSP", &transfers);
        let imported = it.import(file.clone());
        assert_eq!(imported.status, 200, "{}", imported.text());
        let states = [&first, &second, &third, &other].map(|end_to_end| it.state(end_to_end));
        assert_eq!(states, ["rejected", "pending", "pending", "sent"]);
        assert_eq!(it.cash(), (100_000, 45_000), "the first is free again without a second person");
        it.was_told("AC04: account closed");
        let listed = it.operator.open("/ops/bank-statuses?state=unknown").text();
        assert!(listed.contains("KPAY0") && listed.contains(&other) && !listed.contains(&second), "{listed}");

        // The same report again, as it was and written otherwise: counted once.
        let rewritten =
            String::from_utf8(file.clone()).unwrap().replace("<OrgnlPmtInfAndSts>", "\n<OrgnlPmtInfAndSts>").into_bytes();
        for repeated in [file, rewritten] {
            assert_eq!(it.import(repeated).status, 409);
        }
        // What the bank says after the end contradicts it, and is shown as that.
        assert_eq!(it.import(status_report("10", "BANK-3", &original, "", "", &[(&first, "ACSC", "")])).status, 200);
        assert_eq!(it.state(&first), "rejected");
        assert!(it.operator.open("/ops/bank-statuses?state=conflict").text().contains(&first));
        // Completed settlement is believed when the statement shows it.
        assert_eq!(it.import(status_report("10", "BANK-4", &original, "", "", &[(&second, "ACSC", "")])).status, 200);
        assert_eq!((it.state(&second).as_str(), it.cash()), ("pending", (100_000, 45_000)));

        // The whole other file is rejected, through the API.
        let own = format!("KONTOR-{}", it.payout(&other).file_id.unwrap());
        let asked = it.operator_api.post_with(
            "/api/v1/import-status",
            &[("Content-Type", "application/xml"), ("Idempotency-Key", "status-of-the-other")],
            String::from_utf8(status_report("10", "BANK-5", &own, "RJCT", "", &[])).unwrap(),
        );
        let answer = it.world.agreed(asked);
        assert_eq!((answer.status, answer.json()["result"]["rejected"].clone()), (200, json!(1)), "{}", answer.body);
        assert_eq!((it.state(&other).as_str(), it.cash()), ("rejected", (100_000, 50_000)));
        let shown = it.supplier_api.get("/api/v1/payouts?state=rejected").json();
        assert_eq!(shown["items"].as_array().map(Vec::len), Some(2));
        let foreign = status_report("10", "BANK-6", "SOMEBODY-ELSES", "RJCT", "", &[]);
        assert_eq!(it.import(foreign).status, 200);
        assert_eq!(it.cash(), (100_000, 50_000));
        it.world.verify();
    }
}

#[test]
fn a_payout_that_comes_back_is_reversed() {
    for database in Database::both() {
        let mut it = Setting::start(database);
        let [first, second, third] = ["100.00", "200.00", "300.00"].map(|amount| it.pay_out(amount));
        let file = it.debit(DAY, &first);
        assert_eq!(it.import(file).status, 200);
        assert_eq!((it.state(&first).as_str(), it.cash()), ("settled", (90_000, 40_000)));
        let settled = it.payout(&first);
        assert_eq!(
            it.operator_api.api("fail-payout", "fail-settled", &json!({ "payout_id": settled.id, "reason_code": "AC04" })).status,
            409,
            "what has left cannot be rejected"
        );

        // Returned: the reversing entry, told to the company; the same booking in another file counts once.
        it.world.move_to("2026-11-24");
        let back = it.credit_back("2026-11-24", &first, 10_000);
        let imported = it.import(back.clone());
        assert_eq!(imported.status, 200, "{}", imported.text());
        let row = it.payout(&first);
        assert_eq!((row.state.name(), row.reason_code.as_str(), it.cash()), ("returned", "AC04", (100_000, 50_000)));
        it.was_told("came back from the bank (AC04: account closed)");
        let again = String::from_utf8(back).unwrap().replace("<MsgId>STMT", "<MsgId>NEWS").into_bytes();
        assert_eq!(it.import(again).status, 200);
        assert_eq!(it.cash(), (100_000, 50_000), "the same booking in another file");
        let statement = it.supplier.open("/cash/statement?currency=EUR").text();
        assert!(statement.contains("Payout returned"), "{statement}");

        // With another amount, or for a payout that came back already, it waits in suspense.
        for (end_to_end, amount) in [(second.as_str(), 19_000), (&first, 10_000), ("KPAY0", 77)] {
            let file = it.credit_back("2026-11-24", end_to_end, amount);
            assert_eq!(it.import(file).status, 200);
        }
        let notes: Vec<String> = it.lines("suspense").into_iter().map(|line| line.note).collect();
        assert_eq!(notes, vec!["return AC04 account closed in May"; 3]);
        assert_eq!((it.state(&second).as_str(), it.cash()), ("sent", (100_000, 50_000)));

        // The return before its own debit books both; the debit then moves nothing.
        let file = it.credit_back("2026-11-24", &second, 20_000);
        assert_eq!(it.import(file).status, 200);
        assert_eq!((it.state(&second).as_str(), it.cash()), ("returned", (100_000, 70_000)));
        let file = it.debit("2026-11-24", &second);
        assert_eq!(it.import(file).status, 200);
        assert_eq!((it.lines("attention").len(), it.cash()), (0, (100_000, 70_000)));
        let file = it.debit("2026-11-24", &second);
        assert_eq!(it.import(file).status, 200);
        assert_eq!(it.lines("attention").len(), 1, "but a second debit needs a person");

        // The bank takes its own debit back.
        let file = it.debit("2026-11-24", &third);
        assert_eq!(it.import(file).status, 200);
        let entry = DemoEntry { end_to_end: third.clone(), ..incoming(30_000, "") };
        let text = String::from_utf8(it.bank.statement(day("2026-11-24"), &[entry])).unwrap();
        let reversal = text.replace("<Sts>BOOK</Sts>", "<RvslInd>true</RvslInd><Sts>BOOK</Sts>").into_bytes();
        assert_eq!(it.import(reversal).status, 200);
        assert_eq!((it.state(&third).as_str(), it.cash()), ("returned", (100_000, 100_000)));
        it.world.verify();
    }
}

#[test]
fn a_code_that_nobody_knows_and_a_second_no_change_nothing() {
    for database in Database::both() {
        let it = Setting::start(database);
        let [first, second] = ["100.00", "200.00"].map(|amount| it.pay_out(amount));
        let original = format!("KONTOR-{}", it.payout(&first).file_id.unwrap());
        let shown = it.operator.upload(
            "/ops/bank-files",
            "/ops/bank-files",
            &[("odd.xml", status_report("10", "ODD-0", &original, "", "", &[(&first, "XYZW", ""), (&second, "ACSP", "")]))],
        );
        let text = shown.text();
        assert!(text.contains("XYZW") && text.contains("Unknown code, nothing changed") && text.contains("Unknown "), "{text}");
        let said = it.import(status_report("10", "ODD-1", &original, "", "", &[(&first, "XYZW", "")]));
        assert!(said.status == 200 && said.text().contains("With a code nobody knows 1"), "{}", said.text());
        let row = it.payout(&first);
        assert_eq!((row.state.name(), row.bank_status.as_str()), ("sent", ""), "nothing is noted of it");
        let listed = it.operator.open("/ops/bank-statuses?state=code_unknown").text();
        assert!(listed.contains("XYZW") && listed.contains(&first), "{listed}");
        assert_eq!(it.import(status_report("10", "ODD-2", &original, "QQQQ", "", &[])).status, 200);
        assert_eq!(it.payout(&first).bank_status, "");

        for message in ["NO-1", "NO-2"] {
            assert_eq!(it.import(status_report("10", message, &original, "", "", &[(&first, "RJCT", "AC04")])).status, 200);
        }
        assert_eq!((it.state(&first).as_str(), it.cash()), ("rejected", (100_000, 80_000)), "given back once");
        let listed = it.operator.open("/ops/bank-statuses?state=already_rejected").text();
        assert!(listed.contains("Already rejected") && listed.contains(&first), "{listed}");
        assert!(!it.operator.open("/ops/bank-statuses?state=conflict").text().contains(&first));
        it.world.verify();
    }
}

/// What goes to the bank is the list that one operator asked for and another one saw: nothing more, and nothing else.
#[test]
fn a_payment_file_is_the_list_that_two_people_saw() {
    for database in Database::both() {
        let it = Setting::start(database);
        let ask = |amount: &str| {
            let _ = it.supplier.fill_and_confirm("/cash", "/cash/payouts", &[("currency", "EUR"), ("amount", amount)]);
            it.newest()
        };
        let (first, second) = (ask("100.00"), ask("200.00"));
        let send = |key: &str, list: &serde_json::Value| it.operator_api.api("create-payment-file", key, list);
        let list = payment_list(&it.operator_api, "EUR");
        assert_eq!(send("a-file-of-two", &list).status, 202, "nobody sends a file alone");
        assert_eq!(it.state(&first.end_to_end), "authorised");
        // The second person sees every payee with the whole account, and no other.
        let late = ask("300.00");
        let page = it.checker.open("/approvals?state=pending").link("/approvals/");
        let shown = it.checker.open(&page).text();
        assert!(
            shown.contains(&first.end_to_end) && shown.contains(&second.end_to_end) && shown.contains(&first.iban),
            "{shown}"
        );
        assert!(shown.contains("300.00") && !shown.contains(&late.end_to_end), "the sum of the two: {shown}");
        // An account that changes under the list ends it.
        let mut conn = it.world.conn();
        let swap = |conn: &mut store::Conn, iban: &str| {
            store::query::execute(conn, "UPDATE payouts SET iban = ? WHERE id = ?", &[iban.into(), first.id.into()]).unwrap();
        };
        swap(&mut conn, "DE89370400440532013000");
        assert!(it.checker.open(&page).text().contains("no longer the ones on the list"));
        let refused = it.checker.fill(&page, &page, &[]);
        assert_eq!(refused.status, 409, "{}", refused.text());
        swap(&mut conn, &first.iban);
        assert_eq!(it.checker.fill(&page, &page, &[]).status, 200);
        let states = [&first, &second, &late].map(|row| it.state(&row.end_to_end));
        assert_eq!(states, ["sent", "sent", "authorised"], "what was asked for later waits for the next file");
        assert_eq!(send("the-same-again", &list).json()["code"], "nothing_to_pay");
        crate::journey::every_receipt_leads_somewhere(&it.world);
        it.world.verify();
    }
}

/// A country without IBANs: the account is a number at a bank, in the form, in the payment file, in the statement, and on the way back.
#[test]
fn an_account_that_is_no_iban_is_paid() {
    for database in Database::both() {
        let mut it = Setting::start(database);
        const COMPANY: (&str, &str, &str, &str) = ("华东零件有限公司", "91310000MA1FL0000X", "supplier", "parts@x.example");
        onboard_in(&it.world, &it.operator, COMPANY, "CN");
        let (clerk, api) = (it.world.signed_in(COMPANY.3), it.world.api(COMPANY.3));
        set_limit(&it.world, COMPANY.3, "EUR", "1,000,000.00");
        let propose = |key: &str, iban: &str, bic: &str| {
            let asked = json!({ "currency": "EUR", "iban": iban, "bic": bic, "holder": COMPANY.0 });
            api.api("propose-bank-account", key, &asked).json()["code"].clone()
        };
        assert_eq!(propose("too-short-a-number", "12", "102100099996"), "account_number_invalid");
        assert_eq!(propose("without-its-bank", "0200000109014001234", ""), "bank_code_invalid");
        let fields = [("currency", "EUR"), ("iban", "0200 0001 0901 4001 234"), ("bic", "102100099996")];
        let proposed = clerk.fill("/org/bank-accounts", "/org/bank-accounts", &fields);
        assert!(proposed.text().contains("second person"), "{}", proposed.text());
        assert_eq!(approve(&it.world.signed_in(&second_of(COMPANY.3))).status, 200);
        let account = store::BankAccount::find_where(&mut it.world.conn(), "status = 'proposed'", &[]).unwrap().unwrap();
        assert_eq!((account.iban.as_str(), account.bic.as_str()), ("CNAPS/102100099996/0200000109014001234", ""));
        let verify = json!({ "account_id": account.id, "verified": true });
        assert_eq!(it.operator_api.api("decide-bank-account", "verify-a-number", &verify).status, 202);
        assert_eq!(approve(&it.checker).status, 200);

        // Its bank reports the same account as a number at a bank, and so does the payer of something nobody knows.
        let reference = api.get("/api/v1/me").json()["company"]["reference"].as_str().unwrap().to_owned();
        let from = |amount_minor: i64, reference: &str, iban: &str| DemoEntry {
            iban: iban.to_owned(),
            ..incoming(amount_minor, reference)
        };
        let entries = [
            from(70_000, &reference, &account.iban),
            from(1_200, "", &account.iban),
            // This bank does not say which one holds the payer's account.
            from(3_400, "", "0200000109014009999"),
        ];
        let file = String::from_utf8(it.bank.statement(day(DAY), &entries)).unwrap();
        let file = file.replace("<IBAN>0200000109014009999</IBAN>", "<Othr><Id>0200000109014009999</Id></Othr>");
        assert!(file.matches("<Othr>").count() == 3 && file.contains("<MmbId>102100099996</MmbId>"), "{file}");
        assert_eq!(it.import(file.into_bytes()).status, 200);

        let asked = json!({ "currency": "EUR", "amount_minor": 50_000 });
        assert_eq!(api.api("request-payout", "out-to-a-number", &asked).status, 200);
        let line = |minor: i64| {
            let sql = "SELECT id AS value FROM bank_lines WHERE state = 'suspense' AND amount_minor = ?";
            store::query::int(&mut it.world.conn(), sql, &[minor.into()]).unwrap().unwrap()
        };
        let back = |key: &str, minor: i64| {
            it.operator_api.api("return-suspense", key, &json!({ "line_id": line(minor), "reason": "nobody knows it" }))
        };
        assert_eq!(back("to-nowhere", 3_400).json()["code"], "payer_account_unknown");
        assert_eq!(back("to-its-payer", 1_200).status, 202);
        assert_eq!(approve(&it.checker).status, 200);
        make_payment_file(&it.operator, &it.checker, "EUR");
        let made = it.operator.get(&it.operator.open("/ops/payouts").link("/documents/")).body;
        let account_xml = "<Othr><Id>0200000109014001234</Id></Othr>";
        assert!(made.matches(account_xml).count() == 2 && made.matches("<Cd>CNAPS</Cd>").count() == 2, "{made}");
        assert!(clerk.open("/org/bank-accounts").text().contains("CNAPS •••• 1234"));
        it.world.verify();
    }
}

#[test]
fn a_silent_bank_makes_the_outcome_unknown_and_nothing_is_sent_twice() {
    for database in Database::both() {
        let mut it = Setting::start(database);
        let [late, never] = ["100.00", "200.00"].map(|amount| it.pay_out(amount));
        it.world.move_to("2026-11-24");
        assert_eq!(it.state(&late), "sent", "the answer is due today");
        it.world.move_to("2026-11-25");
        assert_eq!((it.state(&late).as_str(), it.state(&never).as_str()), ("unknown", "unknown"));
        it.was_told("The bank has not answered yet");
        assert!(it.operator.open("/home").text().contains("Payouts about which the bank is silent"));
        assert!(it.operator.open(&format!("/ops/payouts/{}", it.payout(&late).id)).text().contains("Nothing is sent again"));
        let nothing = it.operator_api.api("create-payment-file", "send-it-twice", &payment_list(&it.operator_api, "EUR"));
        assert_eq!(nothing.json()["code"], "nothing_to_pay");
        assert_eq!(it.cash(), (100_000, 70_000), "the money stays earmarked");
        // A late "in process" settles nothing; the statement does, and the bank's no ends the other.
        let original = format!("KONTOR-{}", it.payout(&late).file_id.unwrap());
        assert_eq!(it.import(status_report("10", "LATE-1", &original, "", "", &[(&late, "ACSP", "")])).status, 200);
        let row = it.payout(&late);
        assert_eq!((row.state.name(), row.bank_status.as_str()), ("unknown", "ACSP"));
        let file = it.debit("2026-11-25", &late);
        assert_eq!(it.import(file).status, 200);
        let page = format!("/ops/payouts/{}", it.payout(&never).id);
        let _ = it.operator.fill(&page, &format!("{page}/fail"), &[("reason_code", "MS03")]);
        assert_eq!(approve(&it.checker).status, 200);
        assert_eq!((it.state(&late).as_str(), it.state(&never).as_str(), it.cash()), ("settled", "rejected", (90_000, 90_000)));
        it.world.verify();
    }
}

#[test]
fn money_that_cannot_even_be_sent_back_waits_in_suspense_again() {
    for database in Database::both() {
        let mut it = Setting::start(database);
        let file = it.bank.statement(day(DAY), &[incoming(777, "")]);
        assert_eq!(it.import(file).status, 200);
        let line = it.lines("suspense")[0].id;
        let send_back = |key: &str| {
            let page = format!("/ops/bank-lines/{line}");
            let asked = it.operator.fill_and_confirm(&page, &format!("{page}/return"), &[("reason", key)]);
            assert!(asked.text().contains("second person"), "{}", asked.text());
            assert_eq!(approve(&it.checker).status, 200);
            make_payment_file(&it.operator, &it.checker, "EUR");
            it.newest().end_to_end
        };
        // Rejected before it left.
        let first = send_back("unknown payer");
        let original = format!("KONTOR-{}", it.payout(&first).file_id.unwrap());
        assert_eq!(it.import(status_report("10", "BACK-1", &original, "RJCT", "", &[])).status, 200);
        let state = |it: &Setting| store::BankLine::load(&mut it.world.conn(), line).unwrap().state;
        assert_eq!((it.state(&first).as_str(), state(&it).name()), ("rejected", "suspense"));
        // Returned after it left.
        let second = send_back("once more");
        let file = it.debit(DAY, &second);
        assert_eq!(it.import(file).status, 200);
        let file = it.credit_back(DAY, &second, 777);
        assert_eq!(it.import(file).status, 200);
        assert_eq!((it.state(&second).as_str(), state(&it).name()), ("returned", "suspense"));
        let suspense = store::lists::balances(&mut it.world.conn(), 978, None).unwrap();
        let suspense = suspense.iter().find(|row| row.kind == "suspense").unwrap();
        assert_eq!((suspense.balance, suspense.held), (777, 0));
        // And it can still be placed.
        let reference: Value = it.supplier_api.get("/api/v1/me").json()["company"]["reference"].clone();
        let page = format!("/ops/bank-lines/{line}");
        let placed = it.operator.fill_and_confirm(
            &page,
            &format!("{page}/assign"),
            &[("reference", reference.as_str().unwrap()), ("reason", "it was theirs")],
        );
        assert!(placed.text().contains("second person"), "{}", placed.text());
        assert_eq!(approve(&it.checker).status, 200);
        assert_eq!(cash(&it.supplier_api), 100_777);
        it.world.verify();
    }
}

/// The demo world shows both: a payout that the bank rejected, and one about which it is silent.
#[test]
fn the_demo_shows_a_rejected_and_a_silent_payout() {
    let world = World::demo(Database::sqlite(), 60);
    let states = ["rejected", "unknown"].map(|state| {
        store::Payout::list_where(&mut world.conn(), "state = ? AND currency = 'EUR'", &[state.into()]).unwrap().len()
    });
    assert_eq!(states, [1, 1]);
    let operator = world.signed_in("operator@kontor.example");
    let silent = operator.open("/ops/payouts?state=unknown").link("/ops/payouts/1");
    let page = operator.open(&silent).text();
    assert!(page.contains("The bank is silent past the day") && page.contains("Record the rejection"), "{page}");
    world.verify();
}

/// Money that was agreed to for one account and has not left yet does not go there once the company has another one.
#[test]
fn a_payout_does_not_go_to_an_account_that_was_given_up() {
    for database in Database::both() {
        let it = Setting::start(database);
        let before = it.cash();
        let _ = it.supplier.fill_and_confirm("/cash", "/cash/payouts", &[("currency", "EUR"), ("amount", "100.00")]);
        let meant = it.newest();
        let list = payment_list(&it.operator_api, "EUR");
        assert_eq!(it.operator_api.api("create-payment-file", "to-the-old-account", &list).status, 202);
        let file = it.checker.open("/approvals?state=pending").link("/approvals/");
        crate::journey::verify_account(&it.world, (&it.operator, &it.checker), SUPPLIER.3, "DE02500105170137075030");
        assert_eq!(it.state(&meant.end_to_end), "cancelled");
        assert_eq!(it.cash(), before, "the money is free again");
        it.was_told("bank account was replaced");
        let refused = it.checker.fill(&file, &file, &[]);
        assert!([409, 422].contains(&refused.status), "{} {}", refused.status, refused.text());
        let _ = it.supplier.fill_and_confirm("/cash", "/cash/payouts", &[("currency", "EUR"), ("amount", "100.01")]);
        assert_eq!(it.newest().iban, "DE02500105170137075030");
        it.world.verify();
    }
}
