//! The intake of bank files: looked at first, taken up in pieces, every booking once, and a decision by two people for
//! whatever is not plain. On both databases.

use crate::journey::{SUPPLIER, approve, incoming, onboard, payment_list, set_limit, verify_account};
use chrono::NaiveDate;
use domain::chart::AccountKey;
use e2e::world::{CUSTODY_IBAN, World};
use e2e::{Answer, Client, Database};
use kernel::{BankLineId, CustodyId, PartyId, PayoutId, RecordId};
use ledger::AssetId;
use serde_json::{Value, json};
use server::commands::bank::import_statement::PIECE;
use server::demo::files::{DemoEntry, camt053};
use std::cell::Cell;
use store::records::{Keyed, Record};
use store::{BankFile, BankLine, Statement};

/// A Monday.
const DAY: &str = "2026-11-23";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// An entry as some bank would write it.
#[derive(Clone)]
pub struct Written {
    pub amount: &'static str,
    pub currency: &'static str,
    pub credit: bool,
    pub booked: &'static str,
    pub valued: &'static str,
    /// AcctSvcrRef; empty for none.
    pub bank: String,
    pub end_to_end: String,
    pub reference: String,
    pub text: &'static str,
    pub reversal: bool,
}

pub fn credit(amount: &'static str, reference: &str) -> Written {
    Written {
        amount,
        currency: "EUR",
        credit: true,
        booked: DAY,
        valued: DAY,
        bank: String::new(),
        end_to_end: String::new(),
        reference: reference.to_owned(),
        text: "",
        reversal: false,
    }
}

pub fn debit(amount: &'static str, end_to_end: &str) -> Written {
    Written { credit: false, end_to_end: end_to_end.to_owned(), ..credit(amount, "") }
}

fn entry(one: &Written) -> String {
    let tag = |name: &str, text: &str| if text.is_empty() { String::new() } else { format!("<{name}>{text}</{name}>") };
    let role = if one.credit { "Dbtr" } else { "Cdtr" };
    let structured = if one.reference.is_empty() {
        String::new()
    } else {
        format!("<Strd><CdtrRefInf><Ref>{}</Ref></CdtrRefInf></Strd>", one.reference)
    };
    format!(
        "<Ntry><Amt Ccy=\"{}\">{}</Amt><CdtDbtInd>{}</CdtDbtInd>{}<Sts>BOOK</Sts><BookgDt><Dt>{}</Dt></BookgDt><ValDt><Dt>{}</Dt></ValDt>{}\
         <NtryDtls><TxDtls><Refs>{}</Refs><RltdPties><{role}><Nm>Payer</Nm></{role}><{role}Acct><Id><IBAN>DE02120300000000202051</IBAN></Id>\
         </{role}Acct></RltdPties><RmtInf>{}{structured}</RmtInf></TxDtls></NtryDtls></Ntry>",
        one.currency,
        one.amount,
        if one.credit { "CRDT" } else { "DBIT" },
        if one.reversal { "<RvslInd>true</RvslInd>" } else { "" },
        one.booked,
        one.valued,
        tag("AcctSvcrRef", &one.bank),
        tag("EndToEndId", &one.end_to_end),
        tag("Ustrd", one.text),
    )
}

/// A notification: entries without balances.
pub fn camt054(number: &str, entries: &[Written]) -> Vec<u8> {
    let rows: String = entries.iter().map(entry).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\"><BkToCstmrDbtCdtNtfctn>\
         <GrpHdr><MsgId>{number}</MsgId><CreDtTm>{DAY}T18:00:00</CreDtTm></GrpHdr><Ntfctn><Id>{number}</Id><Acct><Id><IBAN>{CUSTODY_IBAN}</IBAN></Id>\
         <Ccy>EUR</Ccy></Acct>{rows}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>\n"
    )
    .into_bytes()
}

/// A platform with one supplier, and its bank.
pub struct Desk {
    pub world: World,
    pub operator: Client,
    pub checker: Client,
    pub api: Client,
    pub supplier: Client,
    pub reference: String,
    pub party: PartyId,
    pub number: Cell<u32>,
}

impl Desk {
    pub fn start(database: Database) -> Self {
        let world = World::start(database, DAY);
        let [operator, checker] = ["operator@x.example", "operator2@x.example"].map(|email| world.signed_in(email));
        let party = onboard(&world, &operator, SUPPLIER);
        let (api, supplier) = (world.api("operator@x.example"), world.api(SUPPLIER.3));
        let reference = supplier.get("/api/v1/me").json()["company"]["reference"].as_str().unwrap().to_owned();
        Self { world, operator, checker, api, supplier, reference, party, number: Cell::default() }
    }

    pub fn key(&self) -> String {
        self.number.set(self.number.get() + 1);
        format!("bank-test-{}", self.number.get())
    }

    pub fn import_file(&self, file: Vec<u8>) -> Answer {
        let key = self.key();
        let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", key.as_str())];
        self.world.agreed(self.api.post_with("/api/v1/import-statement", &headers, String::from_utf8(file).unwrap()))
    }

    /// Imports a notification of these entries; what became of it.
    pub fn notify(&self, entries: &[Written]) -> Value {
        let answer = self.import_file(camt054(&self.key(), entries));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["result"].clone()
    }

    pub fn lines(&self, state: &str) -> Vec<BankLine> {
        BankLine::list_where(&mut self.world.conn(), "state = ? ORDER BY id", &[state.into()]).unwrap()
    }

    pub fn line(&self, id: BankLineId) -> BankLine {
        BankLine::load(&mut self.world.conn(), id).unwrap()
    }

    pub fn newest(&self) -> BankLine {
        BankLine::find_where(&mut self.world.conn(), "statement_id > 0 ORDER BY id DESC LIMIT 1", &[]).unwrap().unwrap()
    }

    pub fn balance(&self, key: AccountKey) -> i64 {
        store::journal::list_accounts(&mut self.world.conn(), &[key]).unwrap().first().map_or(0, |row| row.balance)
    }

    pub fn cash(&self) -> i64 {
        self.balance(AccountKey::cash(self.party, AssetId(978)))
    }

    pub fn suspense(&self) -> i64 {
        self.balance(AccountKey::suspense(AssetId(978)))
    }

    pub fn ask(&self, path: &str, body: &Value) -> Answer {
        self.api.api(path, &self.key(), body)
    }

    /// One operator asks and the other agrees.
    pub fn agree(&self, path: &str, body: &Value) -> Answer {
        let asked = self.ask(path, body);
        assert_eq!(asked.status, 202, "{path} {body}: {}", asked.body);
        let done = approve(&self.checker);
        assert_eq!(done.status, 200, "{}", done.text());
        done
    }

    pub fn resolve(&self, line: BankLineId, act: &str, other: Option<RecordId>) {
        let _ = self.agree("resolve-line", &json!({ "line_id": line, "act": act, "other_id": other, "reason": "looked into" }));
    }

    pub fn refused(&self, path: &str, body: &Value) -> String {
        self.ask(path, body).json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn receipt(&self, amount_minor: i64, reference: &str) -> Value {
        json!({ "currency": "EUR", "amount_minor": amount_minor, "value_date": DAY, "reference": reference, "reason": "seen at the bank" })
    }
}

#[test]
fn an_entry_of_nothing_is_kept_and_books_nothing() {
    for database in Database::both() {
        let it = Desk::start(database);
        let done = it.notify(&[credit("0.00", &it.reference), credit("5.00", &it.reference)]);
        assert_eq!((done["skipped"].as_i64(), done["matched"].as_i64()), (Some(1), Some(1)));
        let kept = it.lines("skipped");
        assert_eq!((kept.len(), kept[0].amount_minor, kept[0].kind.name()), (1, 0, "zero"));
        assert!(it.operator.open(&format!("/ops/bank-lines/{}", kept[0].id)).text().contains("An entry of nothing"));
        assert_eq!(it.cash(), 500);
        it.world.verify();
    }
}

#[test]
fn money_recorded_by_hand_and_brought_by_the_bank_counts_once() {
    for database in Database::both() {
        let it = Desk::start(database);
        // The same money: confirmed, linked both ways, booked once; the same booking in a second file changes nothing.
        let _ = it.agree("record-receipt", &it.receipt(700, &it.reference));
        let recorded = it.lines("matched")[0].clone();
        let entry = Written { bank: "R-1".into(), ..credit("7.00", &it.reference) };
        assert_eq!(it.notify(std::slice::from_ref(&entry))["confirmed"], 1);
        let brought = it.newest();
        assert_eq!((brought.state.name(), brought.twin_id), ("confirmed", Some(recorded.id)));
        assert_eq!((it.line(recorded.id).twin_id, it.cash()), (Some(brought.id), 700));
        for (page, other) in [(recorded.id, brought.id), (brought.id, recorded.id)] {
            let shown = it.operator.open(&format!("/ops/bank-lines/{page}"));
            assert!(shown.body.contains(&format!("href=\"/ops/bank-lines/{other}\"")), "{}", shown.text());
        }
        assert_eq!(it.notify(&[entry])["skipped"], 1);
        let more = Written { text: "one more", ..credit("7.00", &it.reference) };
        assert_eq!(it.notify(&[more])["matched"], 1, "the receipt is confirmed already");
        assert_eq!(it.cash(), 1_400);

        // By the bank's own reference, whatever the payer wrote.
        let by_bank = json!({ "currency": "EUR", "amount_minor": 333, "value_date": DAY, "reference": it.reference, "reason": "x", "bank_reference": "B-77" });
        let _ = it.agree("record-receipt", &by_bank);
        assert_eq!(it.notify(&[Written { bank: "B-77".into(), ..credit("3.33", "") }])["confirmed"], 1);

        // The amount alone: it waits, and two people say that it is the same, or that it is not.
        for (amount, text, act) in [(900, "9.00", "same"), (1_100, "11.00", "accept")] {
            let _ = it.agree("record-receipt", &it.receipt(amount, &it.reference));
            let before = (it.cash(), it.suspense());
            assert_eq!(it.notify(&[credit(text, "")])["attention"], 1);
            let line = it.newest();
            assert_eq!((line.kind.name(), (it.cash(), it.suspense())), ("possibly_recorded", before));
            let page = it.operator.open(&format!("/ops/bank-lines/{}", line.id)).text();
            assert!(page.contains("Possibly the same money") && page.contains("It is the same money"), "{page}");
            it.resolve(line.id, act, line.twin_id.map(Into::into));
            let booked = if act == "same" { 0 } else { amount };
            assert_eq!(it.suspense() - before.1, booked, "{act}");
            assert_eq!(it.line(line.id).state.name(), if act == "same" { "confirmed" } else { "suspense" });
        }

        // The other order: a file has brought it, and nobody books it a second time without having looked.
        assert_eq!(it.notify(&[credit("55.00", &it.reference)])["matched"], 1);
        let line = it.newest().id;
        let again = it.ask("record-receipt", &it.receipt(5_500, &it.reference));
        assert_eq!((again.status, again.json()["code"].clone()), (409, "receipt_known".into()));
        assert_eq!(again.json()["line_id"], line.to_string());
        let fields = [
            ("currency", "EUR"),
            ("amount", "55.00"),
            ("value_date", DAY),
            ("reference", it.reference.as_str()),
            ("reason", "again"),
        ];
        let check = it.operator.fill("/ops/receipts", "/ops/receipts/check", &fields);
        assert!(
            check.text().contains("already brought") && check.body.contains(&format!("/ops/bank-lines/{line}")),
            "{}",
            check.text()
        );
        let mut other = it.receipt(5_500, &it.reference);
        other["other_than"] = json!(line);
        let before = it.cash();
        let _ = it.agree("record-receipt", &other);
        assert_eq!(it.cash() - before, 5_500, "it was other money, two people say");
        it.world.verify();
    }
}

#[test]
fn a_booking_without_a_reference_counts_once() {
    for database in Database::both() {
        let it = Desk::start(database);
        let one = Written { text: "rent", ..credit("10.00", &it.reference) };
        assert_eq!(it.notify(std::slice::from_ref(&one))["matched"], 1);
        // An overlapping file brings it again, with a new booking beside it.
        let other = Written { text: "other words", ..one.clone() };
        let done = it.notify(&[one.clone(), other]);
        assert_eq!((done["skipped"].as_i64(), done["matched"].as_i64()), (Some(1), Some(1)));
        // And a file that has the bank's reference, where the first had none.
        assert_eq!(it.notify(&[Written { bank: "LATE-1".into(), ..one.clone() }])["skipped"], 1);
        assert_eq!(it.cash(), 2_000);

        // Twice in one file: the second waits. Accepted it is booked, dismissed it is not; in a third file both are known.
        let twin = Written { text: "twins", ..credit("20.00", &it.reference) };
        let pair = [twin.clone(), twin.clone()];
        let done = it.notify(&pair);
        assert_eq!((done["matched"].as_i64(), done["attention"].as_i64()), (Some(1), Some(1)));
        let waiting = it.newest();
        assert_eq!((waiting.kind.name(), waiting.occurrence, it.cash()), ("possible_repeat", 2, 4_000));
        it.resolve(waiting.id, "accept", None);
        assert_eq!((it.line(waiting.id).state.name(), it.cash()), ("matched", 6_000));
        assert_eq!(it.notify(&pair)["skipped"], 2);
        let repeated = Written { bank: "B-2".into(), text: "by mistake", ..credit("30.00", &it.reference) };
        assert_eq!(it.notify(&[repeated.clone(), repeated])["attention"], 1);
        it.resolve(it.newest().id, "explain", None);
        assert_eq!((it.newest().state.name(), it.cash()), ("explained", 9_000));
        it.world.verify();
    }
}

#[test]
fn the_same_reference_in_another_currency_is_another_booking() {
    for database in Database::both() {
        let it = Desk::start(database);
        let euro = Written { bank: "SAME-1".into(), ..credit("10.00", &it.reference) };
        assert_eq!(it.notify(std::slice::from_ref(&euro))["matched"], 1);
        let file = |number: &str, currency: &'static str, account: &str| {
            let entry = Written { currency, ..euro.clone() };
            let text = String::from_utf8(camt054(number, &[entry])).unwrap();
            text.replace("<Ccy>EUR</Ccy>", &format!("<Ccy>{account}</Ccy>")).into_bytes()
        };
        let yuan = it.import_file(file("YUAN", "CNY", "CNY")).json()["result"].clone();
        assert_eq!(yuan["matched"], 1, "{yuan}");
        assert_eq!(it.balance(AccountKey::cash(it.party, AssetId(156))), 1_000);

        // A currency that the account does not have, and one in which the platform does not trade, are not booked.
        assert_eq!(it.import_file(file("MIXED", "USD", "EUR")).json()["result"]["attention"], 1);
        assert_eq!(it.newest().kind.name(), "other_currency");
        it.resolve(it.newest().id, "explain", None);
        assert_eq!(
            it.import_file(file("DOLLAR", "USD", "USD")).json()["result"]["attention"],
            0,
            "the same booking is known by then"
        );
        let dollar = String::from_utf8(file("DOLLAR-2", "USD", "USD")).unwrap().replace("SAME-1", "OTHER-1").into_bytes();
        assert_eq!(it.import_file(dollar).json()["result"]["attention"], 1);
        let line = it.newest();
        assert_eq!((line.kind.name(), it.balance(AccountKey::custody(CustodyId(0), AssetId(840)))), ("no_terms", 0));
        let accept = json!({ "line_id": line.id, "act": "accept", "reason": "early" });
        assert_eq!(it.refused("resolve-line", &accept), "currency_unknown");
        let terms = json!({
            "currency": "USD", "reserve_bps": 1_000, "settlement_fee_bps": 5, "purchase_fee_bps": 10, "minimum_fee_minor": 100,
            "minimum_ticket_minor": 1_000, "late_rate": "8", "late_day_count": "ACT/360", "grace_days": 3,
        });
        let _ = it.agree("set-issue-terms", &terms);
        it.resolve(line.id, "accept", None);
        assert_eq!(it.balance(AccountKey::cash(it.party, AssetId(840))), 1_000);
        it.world.verify();
    }
}

#[test]
fn a_file_is_looked_at_before_it_is_taken_up() {
    for database in Database::both() {
        let it = Desk::start(database);
        let entries = [incoming(5_000, &it.reference), incoming(700, "")];
        let file = camt053(CUSTODY_IBAN, domain::Currency::EUR, day(DAY), "LOOK", 0, &entries).into_bytes();
        let upload = |name: &str| it.operator.upload("/ops/bank-files", "/ops/bank-files", &[(name, file.clone())]);
        let check = upload("look.xml");
        let text = check.text();
        for said in [
            "Nothing of this file is booked yet",
            "LOOK",
            "EUR 57.00",
            "In 2",
            "Goes to its company",
            "Booked to suspense",
            "The first statement",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert_eq!((it.cash(), it.suspense()), (0, 0), "nothing is booked");
        let kept = BankFile::find_where(&mut it.world.conn(), "name = 'look.xml'", &[]).unwrap().unwrap();
        let page = format!("/ops/bank-files/{}", kept.id);
        assert_eq!(it.operator.get(&format!("/documents/{}", kept.sha256)).status, 200, "the file is kept");
        assert_eq!(kept.sha256.len(), 64);

        // Another file's hash, and a check that is no longer true, import nothing.
        let mut form = check.form(&page);
        let position = form.iter().position(|(name, _)| name == "sha256").unwrap();
        let right = std::mem::replace(&mut form[position].1, "0".repeat(64));
        assert_eq!(it.operator.post(&page, &form).status, 409);
        form[position].1 = right;
        let _ = it.agree("record-receipt", &it.receipt(700, &it.reference));
        let stale = it.operator.post(&page, &form);
        assert!(stale.status == 409 && stale.text().contains("has changed since you looked"), "{}", stale.text());
        assert!(stale.text().contains("Possibly the same money"), "what it would do now: {}", stale.text());
        assert_eq!(it.cash(), 700);
        let form = it.operator.open(&page).form(&page);
        let done = it.operator.post(&page, &form);
        assert_eq!(done.status, 303);
        assert!(it.operator.open(done.location()).text().contains("waits for a second person"));
        assert_eq!(it.cash(), 700, "one operator alone books nothing");
        assert!(it.operator.open(&page).text().contains("waits for a second operator"));
        assert!(it.world.agree_to_file().is_some());
        assert!(it.operator.open(done.location()).text().contains("Approved"));
        let twice = it.operator.post(&page, &form);
        assert_eq!((twice.status, twice.location()), (303, done.location()), "a double submit never repeats");
        assert_eq!((it.cash(), it.suspense()), (5_700, 0));
        assert_eq!(upload("again.xml").status, 409);
        assert!(it.operator.open(&page).text().contains("What became of the lines"));

        // The same for programs.
        let next = camt053(CUSTODY_IBAN, domain::Currency::EUR, day(DAY), "NEXT", 5_700, &[incoming(800, &it.reference)]);
        let key = it.key();
        let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", key.as_str())];
        let shown = it.api.post_with("/api/v1/check-statement", &headers, next.clone()).json();
        assert_eq!(shown["statements"][0]["continuity"], "follows", "{shown}");
        assert_eq!(shown["statements"][0]["fates"][0]["fate"], "matched");
        let wrong = it.api.post_with(&format!("/api/v1/import-statement?check={}", "0".repeat(64)), &headers, next.clone());
        assert_eq!((wrong.status, wrong.json()["code"].clone()), (409, "check_changed".into()));
        let path = format!("/api/v1/import-statement?check={}", shown["check"].as_str().unwrap());
        assert_eq!(it.world.agreed(it.api.post_with(&path, &headers, next)).json()["result"]["matched"], 1);
        it.world.verify();
    }
}

#[test]
fn statements_must_add_up_and_follow_one_another() {
    for database in Database::both() {
        let it = Desk::start(database);
        let euro = domain::Currency::EUR;
        let file = |date: &str, number: &str, opening: i64, amounts: &[i64]| {
            let entries: Vec<DemoEntry> = amounts.iter().map(|amount| incoming(*amount, &it.reference)).collect();
            camt053(CUSTODY_IBAN, euro, day(date), number, opening, &entries)
        };
        let off = file(DAY, "OFF", 0, &[1_000]).replace(
            "<Amt Ccy=\"EUR\">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt>",
            "<Amt Ccy=\"EUR\">10.01</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt>",
        );
        let refused = it.import_file(off.into_bytes());
        assert_eq!(refused.status, 422);
        let title = refused.json()["title"].as_str().unwrap().to_owned();
        assert!(
            title.contains("EUR 0.00")
                && title.contains("EUR 10.00")
                && title.contains("EUR 10.01")
                && title.contains("EUR 0.01"),
            "{title}"
        );
        assert_eq!(it.cash(), 0);

        let row = |number: &str| Statement::find_where(&mut it.world.conn(), "statement = ?", &[number.into()]).unwrap().unwrap();
        assert_eq!(it.import_file(file("2026-11-19", "FIRST", 0, &[1_000]).into_bytes()).status, 200);
        assert_eq!(row("FIRST").continuity.name(), "first");
        let late = it.import_file(file("2026-11-23", "THIRD", 3_000, &[500]).into_bytes()).json()["result"].clone();
        assert_eq!((late["breaks"].as_i64(), row("THIRD").continuity.name(), row("THIRD").gap_minor), (Some(1), "gap", 2_000));
        let page = format!("/ops/statements/{}", row("THIRD").id);
        let text = it.operator.open(&page).text();
        assert!(text.contains("Gap: it opens EUR 20.00 away"), "{text}");
        assert!(it.operator.open("/home").text().contains("Bank statements with a gap before them"));
        // Books and bank differ by what the missing file would bring.
        let text = it.operator.open("/ops/reconciliation").text();
        assert!(text.contains("Books less bank EUR −20.00") && text.contains("Not explained by any line EUR −20.00"), "{text}");
        // The missing file comes: the gap closes by itself.
        assert_eq!(it.import_file(file("2026-11-20", "SECOND", 1_000, &[2_000]).into_bytes()).json()["result"]["breaks"], 0);
        assert_eq!((row("SECOND").continuity.name(), row("THIRD").continuity.name()), ("follows", "follows"));
        assert!(it.operator.open("/ops/reconciliation").text().contains("Books and bank agree"));
        assert!(!it.operator.open("/home").text().contains("Bank statements with a gap"));

        // An overlap that nobody can mend is explained by two people.
        assert_eq!(it.import_file(file("2026-11-23", "OVER", 3_100, &[1]).into_bytes()).status, 200);
        assert_eq!((row("OVER").continuity.name(), row("OVER").gap_minor), ("overlap", -400));
        let page = format!("/ops/statements/{}", row("OVER").id);
        let asked = it.operator.fill_and_confirm(&page, &format!("{page}/explain"), &[("reason", "the bank wrote it anew")]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!(approve(&it.checker).status, 200);
        assert_eq!(row("OVER").continuity.name(), "explained");
        assert_eq!(
            it.refused("explain-statement", &json!({ "statement_id": row("OVER").id, "reason": "again" })),
            "state_conflict"
        );

        // What explains a difference is named: a line that waits, a receipt by hand, a notification after the balance.
        let _ = it.agree("record-receipt", &it.receipt(4_400, &it.reference));
        assert_eq!(it.notify(&[debit("1.23", "KPAY-NOBODY"), credit("6.00", &it.reference)])["attention"], 1);
        let compared = store::reconciliation::compare(&mut it.world.conn(), (CustodyId(0), "EUR"), None).unwrap().unwrap();
        assert_eq!((compared.recorded_minor, compared.later_minor, compared.closing_minor), (4_400, 600, 3_101));
        let text = it.operator.open("/ops/reconciliation").text();
        assert!(text.contains("Receipts by hand that no file has brought yet EUR 44.00"), "{text}");
        assert!(text.contains("Booked by later statements and notifications EUR 6.00"), "{text}");
        it.world.verify();
    }
}

#[test]
fn a_value_date_that_is_far_away_waits_for_a_person() {
    for database in Database::both() {
        let it = Desk::start(database);
        for valued in ["2026-11-24", "2027-11-23", "2026-11-17", "1999-01-01"] {
            assert_eq!(it.notify(&[Written { valued, ..credit("10.00", &it.reference) }])["attention"], 1, "{valued}");
            assert_eq!((it.newest().kind.name(), it.cash()), ("value_date", 0));
        }
        // Three business days before Monday is Wednesday.
        assert_eq!(it.notify(&[Written { valued: "2026-11-18", ..credit("1.00", &it.reference) }])["matched"], 1);
        let line = BankLineId(it.newest().id.0 - 1);
        let far = it.lines("attention")[0].id;
        assert!(far < line);
        let page = format!("/ops/bank-lines/{far}");
        let early = json!({ "line_id": far, "act": "accept", "value_date": "2026-11-24", "reason": "x" });
        assert_eq!(it.refused("resolve-line", &early), "date_invalid");
        let check = it.operator.fill(
            &page,
            &format!("{page}/resolve"),
            &[("act", "accept"), ("value_date", "2026-11-20"), ("reason", "the bank says so")],
        );
        assert!(check.text().contains("Nov 2026") && check.text().contains("the bank says so"), "{}", check.text());
        let asked = it.operator.fill_and_confirm(
            &page,
            &format!("{page}/resolve"),
            &[("act", "accept"), ("value_date", "2026-11-20"), ("reason", "the bank says so")],
        );
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!(approve(&it.checker).status, 200);
        assert_eq!((it.line(far).value_date, it.line(far).state.name(), it.cash()), (day("2026-11-20"), "matched", 1_100));
        it.world.verify();
    }
}

#[test]
fn what_needs_a_person_can_be_decided_by_two() {
    for database in Database::both() {
        let it = Desk::start(database);
        let (expense, custody) = (AccountKey::expense(AssetId(978)), AccountKey::custody(CustodyId(0), AssetId(978)));
        let claim = |owner: PartyId| it.balance(AccountKey::claim(owner, AssetId(978)));
        it.notify(&[credit("100.00", &it.reference)]);
        let receipt = it.newest().id;

        // A fee becomes the platform's cost; what is not the account's to give is refused.
        it.notify(&[debit("3.00", "FEE")]);
        it.resolve(it.newest().id, "expense", None);
        assert_eq!((it.newest().state.name(), it.balance(expense), it.balance(custody)), ("expensed", 300, 9_700));
        it.notify(&[debit("5000.00", "TOO-MUCH")]);
        assert_eq!(
            it.refused("resolve-line", &json!({ "line_id": it.newest().id, "act": "expense", "reason": "x" })),
            "insufficient_cash"
        );
        it.resolve(it.newest().id, "explain", None);
        assert_eq!(
            it.refused("resolve-line", &json!({ "line_id": it.newest().id, "act": "explain", "reason": "x" })),
            "line_already_settled"
        );

        // A debit that is a payout after all is linked to it; only to one of its amount.
        set_limit(&it.world, SUPPLIER.3, "EUR", "1,000,000.00");
        verify_account(&it.world, (&it.operator, &it.checker), SUPPLIER.3, "BE68 5390 0754 7034");
        let pay_out = |amount_minor: i64| {
            let asked = it.supplier.api("request-payout", &it.key(), &json!({ "currency": "EUR", "amount_minor": amount_minor }));
            assert_eq!(asked.status, 200, "{}", asked.body);
            it.agree("create-payment-file", &payment_list(&it.api, "EUR"));
            asked.json()["result"].clone()
        };
        let paid = pay_out(2_000);
        it.notify(&[debit("20.00", "THE-BANKS-OWN")]);
        let line = it.newest().id;
        let link = |other: i64| json!({ "line_id": line, "act": "link", "other_id": other, "reason": "same day, same amount" });
        let small = pay_out(100)["payout_id"].as_i64().unwrap();
        assert_eq!(it.refused("resolve-line", &link(small)), "not_same_money");
        let paid = PayoutId(paid["payout_id"].as_i64().unwrap());
        it.resolve(line, "link", Some(paid.into()));
        let payout = store::Payout::load(&mut it.world.conn(), paid).unwrap();
        assert_eq!((payout.state.name(), it.line(line).payout_id), ("settled", Some(payout.id)));

        // The same payout debited twice is claimed back, and paid back through suspense, in two parts.
        it.notify(&[debit("20.00", payout.end_to_end.as_str())]);
        it.notify(&[Written { text: "once more", ..debit("20.00", payout.end_to_end.as_str()) }]);
        let doubled = it.newest();
        it.resolve(doubled.id, "claim", None);
        assert_eq!((it.line(doubled.id).state.name(), claim(PartyId(0))), ("claimed", 2_000));
        for (amount, left) in [("15.00", 500), ("5.00", 0)] {
            it.notify(&[Written { text: "sorry, says the bank", ..credit(amount, "") }]);
            let back = it.newest().id;
            it.resolve(doubled.id, "settle_claim", Some(back.into()));
            assert_eq!((claim(PartyId(0)), it.line(doubled.id).claim_minor, it.line(back).state.name()), (left, left, "placed"));
        }
        assert_eq!((it.line(doubled.id).state.name(), it.suspense()), ("reversed", 0));

        // A receipt that the bank takes back: what is still there leaves, the rest is claimed from the company, and nobody
        // falls below nothing.
        let (cash, free) = (it.cash(), it.cash() - 100);
        it.notify(&[Written { reversal: true, ..debit("100.00", "BACK") }]);
        let back = it.newest();
        assert_eq!((back.kind.name(), it.cash()), ("reversal", cash));
        // Another file has to fill the account before the whole of it can be gone.
        it.notify(&[credit("60.00", "")]);
        it.resolve(back.id, "reverse", Some(receipt.into()));
        assert_eq!((it.cash(), claim(it.party)), (100, 10_000 - free), "what a payout has earmarked stays");
        assert_eq!((it.line(back.id).state.name(), it.line(receipt).state.name()), ("claimed", "reversed"));
        assert_eq!(
            it.refused("resolve-line", &json!({ "line_id": back.id, "act": "reverse", "other_id": receipt, "reason": "x" })),
            "field_invalid"
        );
        assert!(it.operator.open("/ops/bank-lines?state=claimed").text().contains("Claimed back"));
        let before = it.balance(expense);
        it.resolve(back.id, "write_off", None);
        assert_eq!((claim(it.party), it.balance(expense) - before), (0, 10_000 - free));
        it.world.verify();
    }
}

/// Money for a receivable that was shared out before the bank took it back: the holders keep it, the buyer owes it.
#[test]
fn a_shared_payment_that_is_taken_back_is_a_claim_on_the_buyer() {
    let world = World::demo(Database::sqlite(), 60);
    let mut conn = world.conn();
    let paid = "state = 'matched' AND receivable_id IS NOT NULL AND currency = 'EUR' ORDER BY amount_minor LIMIT 1";
    let paid = BankLine::find_where(&mut conn, paid, &[]).unwrap().unwrap();
    let receivable = store::Receivable::load(&mut conn, paid.receivable_id.unwrap()).unwrap();
    let holders = store::lists::balances(&mut conn, 978, None).unwrap();
    let claim = AccountKey::claim(receivable.buyer_id, AssetId(978));
    let claimed =
        |conn: &mut store::Conn| store::journal::list_accounts(conn, &[claim]).unwrap().first().map_or(0, |row| row.balance);
    // Fees that the buyer bears may be owed already.
    let owed = claimed(&mut conn);
    let today = store::records::load_heads(&mut conn).unwrap().business_date.to_string();
    let amount = domain::Currency::EUR.decimal(paid.amount_minor);
    let text = String::from_utf8(camt054("TAKEN-BACK", &[Written { reversal: true, ..debit("1.00", "BACK") }])).unwrap();
    let file = text.replace(">1.00<", &format!(">{amount}<")).replace(DAY, &today);
    let api = world.api("operator@kontor.example");
    let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", "taken-back")];
    assert_eq!(world.agreed(api.post_with("/api/v1/import-statement", &headers, file)).json()["result"]["attention"], 1);
    let line = BankLine::find_where(&mut conn, "kind = 'reversal'", &[]).unwrap().unwrap();
    let body = json!({ "line_id": line.id, "act": "reverse", "other_id": paid.id, "reason": "recalled by the payer" });
    assert_eq!(api.api("resolve-line", "take-it-back", &body).status, 202);
    assert_eq!(approve(&world.signed_in("operator2@kontor.example")).status, 200);
    assert_eq!(claimed(&mut conn) - owed, paid.amount_minor);
    let after = store::lists::balances(&mut conn, 978, None).unwrap();
    let cash = |rows: &[store::lists::BalanceLine]| {
        rows.iter().filter(|row| row.kind == "cash").map(|row| (row.owner_id, row.balance)).collect::<Vec<_>>()
    };
    assert_eq!(cash(&holders), cash(&after), "who was paid keeps it");
    world.verify();
}

#[test]
fn opposing_requests_about_one_line_conflict() {
    for database in Database::both() {
        let it = Desk::start(database);
        it.notify(&[credit("10.00", "")]);
        let line = it.newest().id;
        let assign = json!({ "line_id": line, "reference": it.reference, "reason": "theirs" });
        let give_back = json!({ "line_id": line, "reason": "nobody's" });
        let first = it.ask("assign-suspense", &assign);
        assert_eq!(first.status, 202);
        for (path, body) in [("return-suspense", &give_back), ("assign-suspense", &assign)] {
            let second = it.ask(path, body);
            assert_eq!((second.status, second.json()["code"].clone()), (409, "request_pending".into()), "{path}");
        }
        let page = it.operator.open(&format!("/ops/bank-lines/{line}"));
        assert!(page.text().contains("waits for a second person") && !page.body.contains("/return\""), "{}", page.text());

        // The receipt says what stands: asked for, then turned down, and of another request: done.
        let receipt = format!("/receipts/{}", first.json()["reference"]);
        let text = it.operator.open(&receipt).text();
        assert!(
            text.contains("not done yet") && !text.contains("Nothing more is needed") && !text.contains("Done and recorded"),
            "{text}"
        );
        let request = it.checker.open("/approvals?state=pending").link("/approvals/");
        let turned = it.checker.open(&request).form(&request);
        let mut form: Vec<(String, String)> = turned.into_iter().filter(|(name, _)| name != "decision").collect();
        form.extend([("decision".to_owned(), "reject".to_owned()), ("reason".to_owned(), "look again".to_owned())]);
        assert_eq!(it.checker.post(&request, &form).status, 303);
        assert!(it.operator.open(&receipt).text().contains("turned it down"));
        let second = it.ask("return-suspense", &give_back);
        assert_eq!(second.status, 202, "the way is free again");
        assert_eq!(approve(&it.checker).status, 200);
        let text = it.operator.open(&format!("/receipts/{}", second.json()["reference"])).text();
        assert!(text.contains("it was done then"), "{text}");
        assert_eq!(it.line(line).state.name(), "returned");
        it.world.verify();
    }
}

/// A file of many pieces: each is one batch, the process ends between two of them, and another goes on.
#[test]
fn a_long_file_goes_on_after_a_kill_and_books_nothing_twice() {
    const LINES: usize = PIECE * 2 + 40;
    for database in Database::both() {
        let clock = e2e::world::clock();
        e2e::world::set_up(&database, day(DAY), &clock);
        let mut conn = store::connect(&database.url).unwrap();
        let pool = store::open_pool(&database.url, 2).unwrap();
        let reader = server::file_reader::FileReader::new(&e2e::world::file_reader());
        let actor = server::commands::Actor::BANK;
        let entries: Vec<DemoEntry> =
            (1..=LINES).map(|number| DemoEntry { remittance: format!("no {number}"), ..incoming(100, "") }).collect();
        let file = camt053(CUSTODY_IBAN, domain::Currency::EUR, day(DAY), "LONG", 0, &entries).into_bytes();
        let command = server::demo::files::own_statement("long.xml", file).unwrap();
        let suspense = |conn: &mut store::Conn| {
            store::journal::list_accounts(conn, &[AccountKey::suspense(AssetId(978))])
                .unwrap()
                .first()
                .map_or(0, |row| row.balance)
        };
        let started = |kill: bool| {
            let (writer, thread) = server::writer::Writer::start(&database.url, clock.clone()).unwrap();
            let first = writer.submit_blocking(actor.clone(), "long-file".into(), command.clone().into()).unwrap();
            assert_eq!((first.repeated, first.number("lines_done")), (!kill, PIECE as i64));
            let once = Cell::new(false);
            let pieces = server::jobs::import_files::go_on(&writer, &pool, &reader, || kill && once.replace(true)).unwrap();
            // A second process that was slower: its piece is done already.
            let stale = server::commands::bank::continue_import::ContinueImport {
                file_id: first.number("file_id"),
                lines_done: 0,
                lines: vec![],
            };
            let nothing = writer.submit_blocking(server::commands::Actor::SYSTEM, format!("stale-{kill}"), stale.into()).unwrap();
            assert!(nothing.number::<i64>("lines_done") > PIECE as i64);
            drop(writer);
            thread.join().unwrap();
            pieces
        };
        assert_eq!(started(true), 1);
        assert_eq!(suspense(&mut conn), PIECE as i64 * 2 * 100, "two pieces");
        assert_eq!(BankFile::list_where(&mut conn, "state = 'importing'", &[]).unwrap().len(), 1);
        assert_eq!(started(false), 1);
        assert_eq!(suspense(&mut conn), LINES as i64 * 100);
        let lines = BankLine::list_where(&mut conn, "state = 'suspense' ORDER BY id", &[]).unwrap();
        let expected: Vec<String> = (1..=LINES).map(|number| format!("no {number}")).collect();
        assert_eq!(lines.into_iter().map(|line| line.remittance).collect::<Vec<_>>(), expected, "each once, in order");
        assert_eq!(store::verify::verify(&mut conn).unwrap().1, None);
    }
}

/// Real files of banks are read, and the check page says what is in them, whoever's account it is.
#[test]
fn real_notifications_have_no_balances_and_break_nothing() {
    let Some(data) = e2e::shared_data() else { return };
    let text = std::fs::read_to_string(data.join("bank/genkgo-camt/camt054.v8.xml")).unwrap();
    let read = formats::camt::parse(text.as_bytes()).unwrap();
    assert!(read.iter().all(|one| one.opening_minor.is_none() && one.fault().is_none()));
    let it = Desk::start(Database::sqlite());
    let own = text.replace(&read[0].iban, CUSTODY_IBAN);
    let answer = it.import_file(own.into_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["result"]["breaks"], 0);
    let row = Statement::find_where(&mut it.world.conn(), "id > 0", &[]).unwrap().unwrap();
    assert_eq!(row.continuity.name(), "none");
    it.world.verify();
}

/// What `kontor bench import` measures, in small; `KONTOR_ENTRIES=20000` makes it large. The figures are printed.
#[test]
fn a_long_statement_costs_what_its_length_says() {
    let entries = std::env::var("KONTOR_ENTRIES").ok().and_then(|count| count.parse().ok()).unwrap_or(700);
    for database in Database::both() {
        let options = server::bench::ImportOptions { database_url: Some(database.url.clone()), entries };
        let found = server::bench::import::run(&options).unwrap();
        println!("{found}");
        assert_eq!(found["verified"], true);
        let mut conn = store::connect(&database.url).unwrap();
        let condition =
            "SELECT COUNT(*) AS value FROM bank_lines l JOIN statements s ON s.id = l.statement_id WHERE s.statement = 'LONG'";
        assert_eq!(store::query::int(&mut conn, condition, &[]).unwrap(), Some(entries), "every entry is a line");
        let placed = format!("{condition} AND l.state = 'matched'");
        assert_eq!(store::query::int(&mut conn, &placed, &[]).unwrap(), Some(entries - (entries + 3) / 4));
    }
}

/// A bank speaks of what has been: days that were ended late are made up for, another year is somebody's mistake or worse.
#[test]
fn a_statement_of_another_year_is_refused() {
    for database in Database::both() {
        let it = Desk::start(database);
        let on = |booked: &'static str| Written { booked, valued: booked, ..credit("5.00", &it.reference) };
        let answer = it.import_file(camt054("next-year", &[on("2027-11-23")]));
        assert_eq!((answer.status, answer.json()["code"].clone()), (422, "statement_in_future".into()), "{}", answer.body);
        assert!(answer.body.contains("2027"), "{}", answer.body);
        assert_eq!(it.import_file(camt054("eight-days", &[on("2026-12-01")])).status, 422);
        assert_eq!(it.import_file(camt054("a-week", &[on("2026-11-30")])).status, 200);
        it.world.verify();
    }
}
