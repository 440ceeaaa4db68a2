//! Several custody accounts: by currency, more than one a currency, replaced over time; statements of each reconcile by themselves. On both
//! databases.

use crate::bank::Desk;
use crate::journey::{approve, incoming, verify_account};
use chrono::NaiveDate;
use domain::Currency;
use domain::bank_line::{Continuity, LineKind, LineState};
use domain::chart::AccountKey;
use domain::custody::CustodyState;
use domain::settlement_instruction::InstructionState;
use e2e::world::CUSTODY_IBAN;
use e2e::{Answer, Client, Database};
use kernel::{ApprovalId, BankLineId, CustodyId, PayoutId, RecordId, UserId};
use ledger::AssetId;
use serde_json::{Value, json};
use server::demo::files::{DemoEntry, camt053};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use store::records::{Keyed, Record};
use store::{Approval, BankLine, CustodyAccount, Payout, Statement};

/// A Monday.
const DAY: &str = "2026-11-23";
/// The account of the founding, at [`CUSTODY_IBAN`].
const FIRST: CustodyId = CustodyId(0);
const SECOND: &str = "NL91ABNA0417164300";
const THIRD: &str = "AT611904300234573201";
const DOLLARS: &str = "GB29NWBK60161331926819";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A platform with its bank accounts, and what each bank has said.
struct Bench {
    desk: Desk,
    second: Client,
    balances: RefCell<HashMap<(String, &'static str), i64>>,
    number: Cell<u32>,
}

impl Bench {
    fn start(database: Database) -> Self {
        let desk = Desk::start(database);
        let second = desk.world.api("operator2@x.example");
        Self { desk, second, balances: RefCell::default(), number: Cell::new(0) }
    }

    /// What one operator asks for and the other agrees to; a refusal of either stays what it was.
    fn agreed(&self, path: &str, body: &Value) -> Answer {
        let asked = self.desk.api.api(path, &self.desk.key(), body);
        let Some(id) = asked.json()["awaits_approval"].as_i64() else { return asked };
        let asked = Approval::load(&mut self.desk.world.conn(), ApprovalId(id)).unwrap();
        let yes = json!({ "approval_id": id, "body_hash": asked.body_hash, "approve": true });
        self.second.api("decide-approval", &self.desk.key(), &yes)
    }

    fn open(&self, iban: &str, currency: &str) -> CustodyId {
        let body = json!({ "iban": iban, "bank": "Second Bank", "currency": currency });
        let done = self.agreed("open-custody-account", &body);
        assert_eq!(done.status, 200, "{}", done.body);
        self.account(iban).id
    }

    fn account(&self, iban: &str) -> CustodyAccount {
        let found = CustodyAccount::find_where(&mut self.desk.world.conn(), "iban = ?", &[iban.into()]);
        found.unwrap().unwrap()
    }

    fn choose(&self, account: CustodyId, currency: &str) -> Answer {
        self.agreed("choose-custody-account", &json!({ "account_id": account, "currency": currency }))
    }

    fn leave(&self, account: CustodyId, to: &str) -> Answer {
        self.agreed("close-custody-account", &json!({ "account_id": account, "to": to, "reason": "another bank" }))
    }

    fn file(&self, iban: &str, currency: Currency, entries: &[DemoEntry]) -> Vec<u8> {
        let code = if currency == Currency::EUR { "EUR" } else { "other" };
        self.number.set(self.number.get() + 1);
        let number = format!("S{}", self.number.get());
        let mut balances = self.balances.borrow_mut();
        let balance = balances.entry((iban.to_owned(), code)).or_default();
        let file = camt053(iban, currency, day(DAY), &number, *balance, entries).into_bytes();
        *balance += entries.iter().map(|entry| if entry.credit { entry.amount_minor } else { -entry.amount_minor }).sum::<i64>();
        file
    }

    /// A day's statement of the account in EUR; what became of it.
    fn statement(&self, iban: &str, entries: &[DemoEntry]) -> Value {
        let answer = self.desk.import_file(self.file(iban, Currency::EUR, entries));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["result"].clone()
    }

    /// EUR by the books.
    fn books(&self, account: CustodyId) -> i64 {
        self.balance(AccountKey::custody(account, AssetId(978)))
    }

    fn balance(&self, key: AccountKey) -> i64 {
        let rows = store::journal::list_accounts(&mut self.desk.world.conn(), &[key]).unwrap();
        rows.first().map_or(0, |row| row.balance)
    }

    fn suspense(&self) -> i64 {
        self.balance(AccountKey::suspense(AssetId(978)))
    }

    fn cash(&self) -> i64 {
        self.balance(AccountKey::cash(self.desk.party, AssetId(978)))
    }

    /// Books less bank, what is on its way, and what nothing explains.
    fn difference(&self, account: CustodyId) -> (i64, i64, i64) {
        let found = store::reconciliation::compare(&mut self.desk.world.conn(), (account, "EUR"), None).unwrap().unwrap();
        (found.difference_minor(), found.transit_minor, found.unexplained_minor())
    }

    fn newest(&self, condition: &str) -> BankLine {
        let condition = format!("{condition} ORDER BY id DESC LIMIT 1");
        BankLine::find_where(&mut self.desk.world.conn(), &condition, &[]).unwrap().unwrap()
    }

    fn resolve(&self, line: BankLineId, act: &str, other: Option<RecordId>) -> Answer {
        self.agreed("resolve-line", &json!({ "line_id": line, "act": act, "other_id": other, "reason": "both statements" }))
    }

    /// A payout of the supplier in EUR, authorised and in no file yet.
    fn ask_payout(&self, amount_minor: i64) -> Payout {
        let asked = self.desk.supplier.api(
            "request-payout",
            &self.desk.key(),
            &json!({ "currency": "EUR", "amount_minor": amount_minor }),
        );
        assert!([200, 202].contains(&asked.status), "{}", asked.body);
        if asked.status == 202 {
            assert_eq!(approve(&self.desk.world.signed_in("supplier.checker@x.example")).status, 200);
        }
        Payout::find_where(&mut self.desk.world.conn(), "id > 0 ORDER BY id DESC LIMIT 1", &[]).unwrap().unwrap()
    }

    fn send(&self, account: Option<CustodyId>) -> Answer {
        let query = account.map_or_else(String::new, |id| format!("&account_id={id}"));
        let list = self.desk.api.get(&format!("/api/v1/payouts/list?currency=EUR{query}")).json();
        let mut body = json!({ "currency": "EUR", "through": list["through"], "list_hash": list["list_hash"] });
        if let Some(id) = account {
            body["account_id"] = json!(id);
        }
        self.agreed("create-payment-file", &body)
    }
}

fn out(amount_minor: i64, end_to_end: &str) -> DemoEntry {
    DemoEntry {
        end_to_end: end_to_end.to_owned(),
        credit: false,
        iban: "BE68539007547034".to_owned(),
        ..incoming(amount_minor, "")
    }
}

/// Money that another account of the platform sends or gets.
fn own(amount_minor: i64, credit: bool, iban: &str) -> DemoEntry {
    DemoEntry { credit, iban: iban.to_owned(), remittance: "liquidity".to_owned(), ..incoming(amount_minor, "") }
}

#[test]
fn statements_of_each_account_reconcile_by_themselves() {
    for database in Database::both() {
        let it = Bench::start(database);
        let second = it.open(SECOND, "EUR");
        let dollars = it.open(DOLLARS, "USD");
        let reference = it.desk.reference.clone();
        it.statement(CUSTODY_IBAN, &[incoming(10_000, &reference)]);
        // The same bank references and texts on the other account are other money.
        it.number.set(0);
        it.statement(SECOND, &[incoming(10_000, &reference), incoming(2_000, &reference)]);
        assert_eq!((it.books(FIRST), it.books(second), it.cash()), (10_000, 12_000, 22_000));
        assert_eq!((it.difference(FIRST), it.difference(second)), ((0, 0, 0), (0, 0, 0)));
        // A line that waits on one account explains nothing on the other.
        it.statement(SECOND, &[out(700, "")]);
        assert_eq!((it.difference(FIRST), it.difference(second)), ((0, 0, 0), (700, 0, 0)));
        // A break is one of its own account.
        *it.balances.borrow_mut().get_mut(&(SECOND.to_owned(), "EUR")).unwrap() += 5;
        it.statement(SECOND, &[incoming(10, &reference)]);
        it.statement(CUSTODY_IBAN, &[incoming(20, &reference)]);
        let rows = Statement::list_where(&mut it.desk.world.conn(), "id > 0 ORDER BY id", &[]).unwrap();
        let words: Vec<(CustodyId, Continuity)> = rows.iter().map(|row| (row.custody_id, row.continuity)).collect();
        let (first, follows) = (Continuity::First, Continuity::Follows);
        let wanted = [(FIRST, first), (second, first), (second, follows), (second, Continuity::Overlap), (FIRST, follows)];
        assert_eq!(words, wanted);
        // Another account, and another currency than the account's, are refused by name.
        let foreign = it.desk.import_file(it.file(THIRD, Currency::EUR, &[incoming(1, &reference)]));
        assert_eq!((foreign.json()["code"].as_str(), foreign.body.contains(THIRD)), (Some("statement_account_unknown"), true));
        let other = it.desk.import_file(it.file(DOLLARS, Currency::EUR, &[incoming(1, &reference)]));
        let said = other.json();
        assert_eq!((said["code"].as_str(), other.status), (Some("custody_currency_other"), 422), "{}", other.body);
        assert!(other.body.contains(DOLLARS) && other.body.contains("EUR"), "{}", other.body);
        assert_eq!(it.books(dollars), 0);
        // The pages and the API say it by account.
        let page = it.desk.operator.open("/ops/reconciliation").text();
        assert!(page.contains(SECOND) && page.contains(CUSTODY_IBAN), "{page}");
        let page = it.desk.operator.open(&format!("/ops/custody-accounts/{second}")).text();
        assert!(page.contains("EUR 120.10") && page.contains("Second Bank"), "{page}");
        let rows = it.desk.api.get("/api/v1/reconciliation").json();
        let of = |id: CustodyId| rows["items"].as_array().unwrap().iter().find(|row| row["account_id"] == id.0).unwrap().clone();
        assert_eq!((of(FIRST)["ledger_minor"].as_i64(), of(second)["ledger_minor"].as_i64()), (Some(10_020), Some(12_010)));
        it.desk.world.verify();
    }
}

#[test]
fn an_account_is_replaced_over_time() {
    for database in Database::both() {
        let it = Bench::start(database);
        let reference = it.desk.reference.clone();
        it.statement(CUSTODY_IBAN, &[incoming(50_000, &reference)]);
        // One number, one account.
        let again = json!({ "iban": CUSTODY_IBAN, "bank": "Again", "currency": "EUR" });
        let again = it.desk.api.api("open-custody-account", &it.desk.key(), &again);
        assert_eq!((again.json()["code"].as_str(), again.status), (Some("custody_account_known"), 409), "{}", again.body);
        let second = it.open(SECOND, "EUR");
        assert!(it.desk.supplier.get("/api/v1/me").status == 200);
        let cash = it.desk.world.signed_in(crate::journey::SUPPLIER.3);
        assert!(cash.open("/cash").text().contains(CUSTODY_IBAN) && !cash.open("/cash").text().contains(SECOND));
        // The current account closes only once another one is chosen.
        let early = it.leave(FIRST, "closing");
        assert_eq!((early.json()["code"].as_str(), early.status), (Some("custody_account_chosen"), 409), "{}", early.body);
        assert_eq!(it.choose(second, "CNY").json()["code"], "custody_currency_other");
        assert_eq!(it.choose(second, "EUR").status, 200);
        let page = cash.open("/cash").text();
        assert!(page.contains(SECOND) && page.contains(CUSTODY_IBAN), "EUR here, CNY there: {page}");
        let early = it.leave(FIRST, "closing");
        assert_eq!(early.json()["code"], "custody_account_chosen", "still that of CNY");
        let third = it.open(THIRD, "CNY");
        assert_eq!(it.choose(third, "CNY").status, 200);
        assert_eq!(it.leave(FIRST, "closing").status, 200);
        assert!(!cash.open("/cash").text().contains(CUSTODY_IBAN));
        // It takes statements still, and nothing is paid out of it or chosen any more.
        it.statement(CUSTODY_IBAN, &[incoming(1_000, &reference)]);
        assert_eq!((it.books(FIRST), it.cash()), (51_000, 51_000));
        assert_eq!(it.choose(FIRST, "EUR").json()["code"], "state_conflict");
        let list = it.desk.api.get("/api/v1/payouts/list?currency=EUR&account_id=0").json();
        assert_eq!(list["code"], "state_conflict", "{list}");
        // A currency that no open account carries has no terms.
        let terms = json!({ "currency": "USD", "reserve_bps": 1000, "settlement_fee_bps": 5, "purchase_fee_bps": 10, "minimum_fee_minor": 100,
                            "minimum_ticket_minor": 1000, "late_rate": "8", "late_day_count": "ACT/360", "grace_days": 3 });
        let missing = it.desk.api.api("set-issue-terms", &it.desk.key(), &terms);
        assert_eq!((missing.json()["code"].as_str(), missing.status), (Some("custody_account_missing"), 409), "{}", missing.body);
        // It closes when it is empty and nothing of it waits.
        let full = it.leave(FIRST, "closed");
        assert_eq!((full.json()["code"].as_str(), full.status), (Some("custody_not_empty"), 409), "{}", full.body);
        it.statement(CUSTODY_IBAN, &[own(51_000, false, SECOND)]);
        assert_eq!((it.books(FIRST), it.books(second)), (0, 51_000));
        let waits = it.leave(FIRST, "closed");
        assert_eq!((waits.json()["code"].as_str(), waits.status), (Some("custody_still_used"), 409), "{}", waits.body);
        it.statement(SECOND, &[own(51_000, true, CUSTODY_IBAN)]);
        assert_eq!((it.difference(FIRST), it.difference(second), it.cash()), ((0, 0, 0), (0, 0, 0), 51_000));
        assert_eq!(it.leave(FIRST, "closed").status, 200);
        let late = it.desk.import_file(it.file(CUSTODY_IBAN, Currency::EUR, &[incoming(1, &reference)]));
        assert_eq!(late.json()["code"], "statement_account_unknown", "{}", late.body);
        let row = it.account(CUSTODY_IBAN);
        assert_eq!((row.state, row.closing_on, row.closed_on), (CustodyState::Closed, Some(day(DAY)), Some(day(DAY))));
        let page = it.desk.operator.open("/ops/custody-accounts").text();
        assert!(page.contains("Closed") && page.contains(SECOND), "{page}");
        it.desk.world.verify();
    }
}

#[test]
fn a_payment_file_draws_on_the_right_account() {
    for database in Database::both() {
        let it = Bench::start(database);
        let reference = it.desk.reference.clone();
        verify_account(&it.desk.world, (&it.desk.operator, &it.desk.checker), crate::journey::SUPPLIER.3, "BE68 5390 0754 7034");
        let second = it.open(SECOND, "EUR");
        it.statement(CUSTODY_IBAN, &[incoming(10_000, &reference)]);
        it.statement(SECOND, &[incoming(3_000, &reference)]);
        let first = it.ask_payout(4_000);
        // The other account has less than the file would draw.
        let short = it.send(Some(second));
        let said = short.json();
        assert_eq!((said["code"].as_str(), short.status), (Some("custody_short"), 409), "{}", short.body);
        assert!(short.body.contains(SECOND) && short.json()["available_minor"] == 3_000, "{}", short.body);
        assert_eq!(it.send(None).status, 200);
        let load = |id: PayoutId| Payout::load(&mut it.desk.world.conn(), id).unwrap();
        assert_eq!((load(first.id).custody_id, load(first.id).state), (FIRST, InstructionState::Sent));
        // What one file draws, the next one cannot.
        assert_eq!(it.desk.api.get("/api/v1/payouts/list?currency=EUR").json()["available_minor"], 6_000);
        let other = it.ask_payout(2_500);
        assert_eq!(it.send(Some(second)).status, 200);
        let file = store::PaymentFile::find_where(&mut it.desk.world.conn(), "id > 0 ORDER BY id DESC LIMIT 1", &[]);
        let file = file.unwrap().unwrap();
        let text = store::records::find_document(&mut it.desk.world.conn(), &file.document).unwrap().unwrap().content;
        let text = String::from_utf8(text).unwrap();
        let debtor = text.split("<DbtrAcct>").nth(1).unwrap();
        assert!(debtor.starts_with(&format!("<Id><IBAN>{SECOND}</IBAN>")) && file.custody_id == second, "{text}");
        assert_eq!(text.matches("<PmtInf>").count(), 1);
        // Each leaves on the statement of its account.
        it.statement(CUSTODY_IBAN, &[out(4_000, &first.end_to_end)]);
        it.statement(SECOND, &[out(2_500, &other.end_to_end)]);
        assert_eq!((it.books(FIRST), it.books(second), it.cash()), (6_000, 500, 6_500));
        assert_eq!((it.difference(FIRST), it.difference(second)), ((0, 0, 0), (0, 0, 0)));
        // One comes back on the other account: there it is.
        let back = DemoEntry { end_to_end: other.end_to_end.clone(), ..incoming(2_500, "") };
        let text = String::from_utf8(it.file(CUSTODY_IBAN, Currency::EUR, &[back])).unwrap();
        let why = "</RmtInf><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls>";
        let returned = it.desk.import_file(text.replace("</RmtInf></TxDtls>", why).into_bytes());
        assert_eq!(returned.status, 200, "{}", returned.body);
        assert_eq!((it.books(FIRST), it.books(second), it.cash()), (8_500, 500, 9_000));
        assert_eq!(load(other.id).state, InstructionState::Returned);
        assert_eq!((it.difference(FIRST), it.difference(second)), ((0, 0, 0), (0, 0, 0)));
        it.desk.world.verify();
    }
}

/// A debit of another account was linked to the wrong payout: that one is with the bank of its own file again.
#[test]
fn a_payout_that_never_left_is_with_the_bank_of_its_file() {
    for database in Database::both() {
        let it = Bench::start(database);
        let reference = it.desk.reference.clone();
        verify_account(&it.desk.world, (&it.desk.operator, &it.desk.checker), crate::journey::SUPPLIER.3, "BE68 5390 0754 7034");
        let second = it.open(SECOND, "EUR");
        it.statement(CUSTODY_IBAN, &[incoming(10_000, &reference)]);
        it.statement(SECOND, &[incoming(5_000, &reference)]);
        let payout = it.ask_payout(4_000);
        assert_eq!(it.send(None).status, 200);
        let load = || {
            let row = Payout::load(&mut it.desk.world.conn(), payout.id).unwrap();
            (row.state, row.custody_id)
        };
        it.statement(SECOND, &[out(4_000, "THE-BANKS-OWN")]);
        let line = it.newest("direction = 'out'").id;
        assert_eq!(it.resolve(line, "link", Some(payout.id.into())).status, 200);
        assert_eq!((load(), it.books(FIRST), it.books(second)), ((InstructionState::Settled, second), 10_000, 1_000));
        let undone = it.agreed("take-back-line", &json!({ "line_id": line, "reason": "another account's debit" }));
        assert_eq!(undone.status, 200, "{}", undone.body);
        assert_eq!((load(), it.books(FIRST), it.books(second)), ((InstructionState::Sent, FIRST), 10_000, 5_000));
        assert_eq!(
            it.desk.api.get("/api/v1/payouts/list?currency=EUR").json()["available_minor"],
            6_000,
            "its file draws on it still"
        );
        assert_eq!(it.difference(FIRST).1, 0);
        it.desk.world.verify();
        it.statement(CUSTODY_IBAN, &[out(4_000, &payout.end_to_end)]);
        assert_eq!((load(), it.books(FIRST), it.cash()), ((InstructionState::Settled, FIRST), 6_000, 11_000));
        it.desk.world.verify();
    }
}

/// The bank debits a payout on an account whose own receipts have not been read yet: the line waits, and nothing goes below zero.
#[test]
fn a_debit_without_cover_waits_for_the_missing_statement() {
    for database in Database::both() {
        let it = Bench::start(database);
        let reference = it.desk.reference.clone();
        verify_account(&it.desk.world, (&it.desk.operator, &it.desk.checker), crate::journey::SUPPLIER.3, "BE68 5390 0754 7034");
        let second = it.open(SECOND, "EUR");
        it.statement(CUSTODY_IBAN, &[incoming(10_000, &reference)]);
        let payout = it.ask_payout(4_000);
        assert_eq!(it.send(None).status, 200);
        it.statement(SECOND, &[out(4_000, &payout.end_to_end)]);
        let line = it.newest("direction = 'out'");
        assert_eq!((line.kind.get(), line.state), (Some(LineKind::NoCover), LineState::Attention));
        assert_eq!(it.books(second), 0);
        assert_eq!(it.resolve(line.id, "accept", None).json()["code"], "insufficient_cash");
        it.statement(SECOND, &[incoming(5_000, &reference)]);
        assert_eq!(it.resolve(line.id, "accept", None).status, 200);
        assert_eq!((it.books(FIRST), it.books(second), it.cash()), (10_000, 1_000, 11_000));
        assert_eq!(Payout::load(&mut it.desk.world.conn(), payout.id).unwrap().custody_id, second);
        it.desk.world.verify();
    }
}

#[test]
fn money_between_the_platforms_accounts_touches_nobody() {
    for database in Database::both() {
        let it = Bench::start(database);
        let reference = it.desk.reference.clone();
        let second = it.open(SECOND, "EUR");
        it.statement(CUSTODY_IBAN, &[incoming(10_000, &reference)]);
        // The debit first: on its way until the other statement comes.
        it.statement(CUSTODY_IBAN, &[own(4_000, false, SECOND)]);
        assert_eq!((it.books(FIRST), it.books(second)), (6_000, 4_000));
        assert_eq!(it.difference(FIRST), (0, 0, 0));
        it.statement(SECOND, &[own(4_000, true, CUSTODY_IBAN)]);
        assert_eq!((it.books(FIRST), it.books(second), it.difference(second)), (6_000, 4_000, (0, 0, 0)));
        // The credit first.
        it.statement(SECOND, &[own(500, true, CUSTODY_IBAN)]);
        assert_eq!((it.books(FIRST), it.books(second), it.difference(FIRST)), (5_500, 4_500, (-500, -500, 0)));
        it.statement(CUSTODY_IBAN, &[own(500, false, SECOND)]);
        assert_eq!((it.books(FIRST), it.books(second), it.difference(FIRST)), (5_500, 4_500, (0, 0, 0)));
        assert_eq!((it.cash(), it.suspense()), (10_000, 0));
        // Neither says whose the other account is: people join the two lines.
        // The check page says what it is, and not that it goes to anybody.
        let file = it.file(CUSTODY_IBAN, domain::Currency::EUR, &[own(300, false, SECOND)]);
        let check = it.desk.operator.upload("/ops/bank-files", "/ops/bank-files", &[("transfer.xml", file)]).text();
        assert!(
            check.contains("Moves between two accounts of the platform") && !check.contains("Goes to its company"),
            "{check}"
        );
        it.statement(SECOND, &[own(700, true, "")]);
        it.statement(CUSTODY_IBAN, &[own(700, false, "")]);
        let (debit, credit) = (it.newest("direction = 'out'"), it.newest("direction = 'in'"));
        assert_eq!((debit.kind.get(), credit.state), (Some(LineKind::UnknownDebit), LineState::Suspense));
        assert_eq!(it.suspense(), 700);
        let unlike = it.newest("amount_minor = 10000").id.into();
        assert_eq!(it.resolve(debit.id, "transfer", Some(unlike)).json()["code"], "not_same_money");
        let page = it.desk.operator.open(&format!("/ops/bank-lines/{}", debit.id)).text();
        assert!(page.contains("It went to another account of the platform"), "{page}");
        let done = it.resolve(debit.id, "transfer", Some(credit.id.into()));
        assert_eq!(done.status, 200, "{}", done.body);
        assert_eq!((it.books(FIRST), it.books(second), it.suspense(), it.cash()), (4_800, 5_200, 0, 10_000));
        // A credit without a sender, while a transfer of the amount is on its way, asks.
        it.statement(CUSTODY_IBAN, &[own(300, false, SECOND)]);
        assert_eq!(it.difference(second), (300, 300, 0));
        it.statement(SECOND, &[own(300, true, "")]);
        let asked = it.newest("direction = 'in'");
        assert_eq!((asked.kind.get(), asked.state), (Some(LineKind::PossibleTransfer), LineState::Attention));
        assert_eq!(it.resolve(asked.id, "same", asked.twin_id.map(Into::into)).status, 200);
        assert_eq!((it.books(FIRST), it.books(second), it.suspense(), it.difference(second)), (4_500, 5_500, 0, (0, 0, 0)));
        it.desk.world.verify();
    }
}

/// Two statements of one file: the check page counts the two lines of a transfer as the import does.
#[test]
fn two_operators_agree_on_the_pages() {
    for database in Database::both() {
        let it = Bench::start(database);
        let operator = &it.desk.operator;
        let typed = [("iban", SECOND), ("bank", "Second Bank"), ("currency", "EUR")];
        let asked = operator.fill_and_confirm("/ops/custody-accounts", "/ops/custody-accounts/check", &typed);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        let list = operator.open("/ops/custody-accounts").text();
        assert!(list.contains("Proposed") && list.contains(SECOND), "{list}");
        let request = it.desk.checker.open("/approvals?state=pending").link("/approvals/");
        assert!(it.desk.checker.open(&request).text().contains(SECOND));
        assert_eq!(approve(&it.desk.checker).status, 200);
        let second = it.account(SECOND);
        assert!(second.proposed_by > UserId(0) && second.agreed_by > UserId(0) && second.proposed_by != second.agreed_by);
        let here = format!("/ops/custody-accounts/{}", second.id);
        let asked = operator.fill_and_confirm(&here, &format!("{here}/choose"), &[("currency", "EUR")]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!(approve(&it.desk.checker).status, 200);
        let list = it.desk.api.get("/api/v1/custody-accounts").json();
        let of = |iban: &str| list["items"].as_array().unwrap().iter().find(|row| row["iban"] == iban).unwrap().clone();
        assert_eq!((of(SECOND)["current_for"].as_str(), of(CUSTODY_IBAN)["current_for"].as_str()), (Some("EUR"), Some("CNY")));
        let back = operator.fill_and_confirm("/ops/custody-accounts/0", "/ops/custody-accounts/0/choose", &[("currency", "EUR")]);
        assert!(back.text().contains("second person"), "{}", back.text());
        assert_eq!(approve(&it.desk.checker).status, 200);
        let check = operator.fill(&here, &format!("{here}/close"), &[("reason", "not needed")]).text();
        assert!(check.contains("By the books") && check.contains("This is final"), "{check}");
        let asked = operator.fill_and_confirm(&here, &format!("{here}/close"), &[("reason", "not needed")]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        let list = it.desk.checker.open("/approvals?state=pending");
        assert!(list.text().contains("Let a custody account close") && list.text().contains(SECOND), "{}", list.text());
        let request = it.desk.checker.open(&list.link("/approvals/"));
        let said = request.text();
        assert!(request.body.contains(&format!("href=\"{here}\"")) && said.contains("Closing: takes statements only"), "{said}");
        assert!(!said.contains("Custody account closed") && said.contains("This is final"), "{said}");
        assert!(it.desk.checker.open("/home").text().contains("Let a custody account close"));
        let done = approve(&it.desk.checker);
        assert_eq!(done.status, 200);
        assert!(done.text().contains("Custody account left to close"), "{}", done.text());
        assert_eq!(it.account(SECOND).state, CustodyState::Closing);
        crate::journey::every_receipt_leads_somewhere(&it.desk.world);
        it.desk.world.verify();
    }
}

/// From the schema before there were accounts, with data in it: the one account carries on.
#[test]
fn the_upgrade_keeps_old_bookings() {
    let names = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite")).unwrap();
    let steps = names.filter(|entry| *entry.as_ref().unwrap().file_name() >= *"2026-11-30-000400").count();
    for database in Database::both() {
        let it = Bench::start(database);
        let reference = it.desk.reference.clone();
        it.statement(CUSTODY_IBAN, &[incoming(10_000, &reference), own(30, true, "")]);
        let before = (it.books(FIRST), it.cash(), it.suspense());
        let heads = |it: &Bench| {
            let heads = store::records::load_heads(&mut it.desk.world.conn()).unwrap();
            (heads.last_transfer, heads.business_date, heads.custody_iban)
        };
        let (was, row) = (heads(&it), it.account(CUSTODY_IBAN));
        store::connection::revert(&mut it.desk.world.conn(), steps).unwrap();
        assert!(CustodyAccount::list_where(&mut it.desk.world.conn(), "id >= 0", &[]).is_err());
        store::migrate(&mut it.desk.world.conn()).unwrap();
        assert_eq!((it.books(FIRST), it.cash(), it.suspense()), before);
        assert_eq!((heads(&it), it.account(CUSTODY_IBAN)), (was, row), "the account of the founding, of every currency");
        assert_eq!(it.difference(FIRST), (0, 0, 0));
        it.statement(CUSTODY_IBAN, &[incoming(5, &reference)]);
        assert_eq!((it.books(FIRST), it.difference(FIRST)), (10_035, (0, 0, 0)));
        assert_eq!(store::verify::verify_without_marks(&mut it.desk.world.conn()).unwrap().1, None);
    }
}
