//! Whose word a bank's file is: one operator alone makes no money of a file that it wrote itself, the bank's own channel needs a key, and
//! what is only announced waits for the statement. On both databases.

use crate::bank::{Desk, Written, camt054, credit};
use crate::journey::{BUYER, approve, onboard};
use crate::payouts::{Setting, status_report};
use domain::bank_line::{LineKind, LineState};
use e2e::{Answer, Client, Database};
use kernel::{ApprovalId, BankFileId, Blank, PartyId, UserId};
use proof::note::Signer;
use serde_json::{Value, json};
use server::bank_channel::{Channel, sign};
use server::commands::kit::decide_approval::DecideApproval;
use server::commands::{Actor, Command};
use server::jobs::bank_channel;
use server::writer::WriteError;
use std::path::PathBuf;
use store::records::Record;
use store::{Approval, AuditRecord, BankFile, BankLine, Notice, User};

fn xml(key: &str) -> [(&'static str, &str); 2] {
    [("Content-Type", "application/xml"), ("Idempotency-Key", key)]
}

pub fn text(file: &[u8]) -> String {
    String::from_utf8(file.to_vec()).unwrap()
}

/// The same entries as the account's own statement.
pub fn camt053(number: &str, entries: &[Written]) -> Vec<u8> {
    let notice = text(&camt054(number, entries)).replace("camt.054", "camt.053");
    notice.replace("BkToCstmrDbtCdtNtfctn", "BkToCstmrStmt").replace("Ntfctn>", "Stmt>").into_bytes()
}

fn approval(world: &e2e::world::World, asked: &Answer) -> Approval {
    let id = asked.json()["awaits_approval"].as_i64().unwrap_or_else(|| panic!("nothing waits: {} {}", asked.status, asked.body));
    store::records::Keyed::load(&mut world.conn(), ApprovalId(id)).unwrap()
}

fn decide(who: &Client, asked: &Approval, approve: bool, key: &str) -> Answer {
    let body = json!({ "approval_id": asked.id, "body_hash": asked.body_hash, "approve": approve, "reason": "looked at" });
    who.api("decide-approval", key, &body)
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn give_roles(world: &e2e::world::World, email: &str, roles: &str) {
    let sql = "UPDATE users SET roles = ? WHERE email = ?";
    store::query::execute(&mut world.conn(), sql, &[roles.into(), email.into()]).unwrap();
}

/// Finding 6: the file was written by the operator that sends it.
#[test]
fn one_operator_alone_makes_no_money_of_a_file_that_it_wrote() {
    for database in Database::both() {
        let it = Desk::start(database);
        let file = text(&camt054("FORGED", &[credit("50000.00", &it.reference)]));
        let send = |key: &str| it.api.post_with("/api/v1/import-statement", &xml(key), file.clone());
        let asked = send("forged-once");
        assert_eq!((asked.status, it.cash()), (202, 0), "{}", asked.body);
        assert_eq!(send("forged-once").json()["awaits_approval"], asked.json()["awaits_approval"], "a repeated key");
        assert_eq!(code(&send("forged-twice")), (409, "request_pending".into()));
        let request = approval(&it.world, &asked);
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let kept = BankFile::find_where(&mut it.world.conn(), "id = ?", &[request.subject_id.into()]).unwrap().unwrap();
        assert_eq!((kept.state.name(), &body["sha256"]), ("kept", &json!(kept.sha256)));
        assert_eq!(body["check"].as_str().map(str::len), Some(64), "what the file would do: {body}");

        // Whoever asked is nobody's second person, whatever its roles.
        let operator = User::find_where(&mut it.world.conn(), "email = 'operator@x.example'", &[]).unwrap().unwrap();
        // Signed in before: a sign-in writes the person, roles and all.
        let again = it.world.api("operator@x.example");
        give_roles(&it.world, "operator@x.example", "maker,checker");
        let own = decide(&again, &request, true, "forged-own-yes");
        assert_eq!((code(&own), it.cash()), ((403, "same_person".into()), 0));
        give_roles(&it.world, "operator@x.example", &operator.roles.to_string());

        // The other is shown what the check page shows, and agrees to that.
        let shown = it.checker.open(&format!("/approvals/{}", request.id));
        for said in ["You agree to exactly this", "Goes to its company", "EUR 50,000.00", &kept.sha256] {
            assert!(shown.text().contains(said), "{said}: {}", shown.text());
        }
        let second = it.world.api("operator2@x.example");
        let done = decide(&second, &request, true, "forged-second-yes");
        assert_eq!((done.status, &done.json()["result"]["matched"], it.cash()), (200, &json!(1), 5_000_000), "{}", done.body);
        assert_eq!(decide(&second, &request, true, "forged-second-yes").json()["repeated"], true);
        assert_eq!(it.cash(), 5_000_000);
        it.world.verify();
    }
}

/// Finding 6: a rejection that the bank never sent frees a payout's money.
#[test]
fn one_operator_alone_frees_no_payout_with_a_report_that_it_wrote() {
    for database in Database::both() {
        let it = Setting::start(database);
        let payout = it.pay_out("400.00");
        let original = format!("KONTOR-{}", it.payout(&payout).file_id.unwrap());
        let file = text(&status_report("10", "FORGED", &original, "", "", &[(&payout, "RJCT", "AC04")]));
        let asked = it.operator_api.post_with("/api/v1/import-status", &xml("forged-status"), file.clone());
        assert_eq!((asked.status, it.state(&payout).as_str(), it.cash()), (202, "sent", (100_000, 60_000)), "{}", asked.body);
        let request = approval(&it.world, &asked);
        let shown = it.checker.open(&format!("/approvals/{}", request.id)).text();
        assert!(shown.contains(&payout) && shown.contains("EUR 400.00"), "{shown}");
        let second = it.world.api("operator2@x.example");
        assert_eq!(decide(&second, &request, false, "forged-status-no").status, 200);
        assert_eq!((it.state(&payout).as_str(), it.cash()), ("sent", (100_000, 60_000)));

        // The page asks in the same way, and may ask again what was turned down.
        let receipt = it.operator.upload_and_confirm("/ops/bank-files", &[("status.xml", file.into_bytes())]);
        assert!(receipt.text().contains("waits for a second person"), "{}", receipt.text());
        assert_eq!(it.state(&payout), "sent");
        let done = approve(&it.checker);
        assert!(done.status == 200 && done.text().contains("Rejected 1"), "{}", done.text());
        assert_eq!((it.state(&payout).as_str(), it.cash()), ("rejected", (100_000, 100_000)));
        it.world.verify();
    }
}

#[test]
fn what_was_agreed_to_is_what_was_shown() {
    for database in Database::both() {
        let it = Desk::start(database);
        let file = text(&camt054("CHANGES", &[credit("7.00", "")]));
        let asked = it.api.post_with("/api/v1/import-statement", &xml("changes-first"), file.clone());
        let first = approval(&it.world, &asked);
        let second = it.world.api("operator2@x.example");

        // The writer takes nothing but the very file: none, and another one under this request, are refused.
        let checker = User::find_where(&mut it.world.conn(), "email = 'operator2@x.example'", &[]).unwrap().unwrap();
        let hand_in = |request: &Approval, file: Option<Command>, key: &str| {
            let decision = DecideApproval {
                approval_id: request.id,
                body_hash: request.body_hash.clone(),
                approve: true,
                reason: String::new(),
                file: file.map(Box::new),
            };
            let actor = Actor::person(checker.party_id, checker.id);
            it.world.app().writer.submit_blocking(actor, key.to_owned(), decision.into())
        };
        let read = |bytes: &str| {
            let content = bytes.as_bytes().to_vec();
            let reader = &it.world.app().reader;
            server::http::pages::bank_files::read_bank_file_blocking(reader, "file.xml".to_owned(), content).unwrap()
        };
        let changed = Err(WriteError::Refused(domain::Refusal::CheckChanged));
        assert_eq!(hand_in(&first, None, "hand-in-nothing"), changed);
        let other = file.replace("<Amt Ccy=\"EUR\">7.00<", "<Amt Ccy=\"EUR\">9000.00<");
        assert_eq!(hand_in(&first, Some(read(&other)), "hand-in-another"), changed);

        // Two people record the same money meanwhile: the file would do something else now.
        let receipt = it.receipt(700, &it.reference);
        let recorded = approval(&it.world, &it.ask("record-receipt", &receipt));
        assert_eq!(decide(&second, &recorded, true, "record-it-by-hand").status, 200);
        assert_eq!(hand_in(&first, Some(read(&file)), "hand-in-late"), changed, "the writer looks once more");
        assert_eq!(code(&decide(&second, &first, true, "changes-yes")), (409, "check_changed".into()));
        let page = format!("/approvals/{}", first.id);
        let shown = it.checker.open(&page);
        assert!(shown.text().contains("has changed since it was asked for"), "{}", shown.text());
        let forms: Vec<_> = shown.body.match_indices(&format!("action=\"{page}\"")).collect();
        assert_eq!(forms.len(), 1, "it can only be turned down");
        assert_eq!((it.cash(), it.suspense()), (700, 0));

        // Asked for again, with what it does now, the first request ends.
        let again = approval(&it.world, &it.api.post_with("/api/v1/import-statement", &xml("changes-second"), file));
        let ended = Approval::find_where(&mut it.world.conn(), "id = ?", &[first.id.into()]).unwrap().unwrap();
        assert_eq!((ended.state.name(), ended.reason.as_str()), ("ended", "check_changed"));
        assert!(it.operator.open(&page).text().contains("asked for anew"));
        let done = decide(&second, &again, true, "changes-at-last");
        assert_eq!((done.status, &done.json()["result"]["attention"]), (200, &json!(1)), "{}", done.body);
        it.world.verify();
    }
}

/// The folder of the bank's channel, and both halves of its key.
pub struct Transport {
    channel: Channel,
    signer: Signer,
}

impl Transport {
    pub fn new(database: &Database) -> Self {
        let (folder, key) = (database.folder.join("bank"), database.folder.join("bank.pub"));
        let signer = Signer::from_seed("bank.example/channel", [7; 32]).unwrap();
        std::fs::write(&key, signer.verifier().to_text()).unwrap();
        Self { channel: Channel::open(&folder, &key).unwrap(), signer }
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.channel.folder.join(path)
    }

    /// Puts a file and its signature there.
    pub fn put(&self, name: &str, file: &[u8]) {
        self.put_signed(name, file, &sign(&self.signer, file));
    }

    fn put_signed(&self, name: &str, file: &[u8], signature: &str) {
        std::fs::write(self.at(name), file).unwrap();
        std::fs::write(self.at(&format!("{name}.sig")), signature).unwrap();
    }

    /// One round of the job.
    pub fn round(&self, world: &e2e::world::World) -> u32 {
        let today = world.clock.now().date();
        bank_channel::go_on(&world.app().writer, &world.app().reader, &self.channel, today, || false).unwrap()
    }

    /// A file comes and is taken up.
    pub fn deliver(&self, world: &e2e::world::World, name: &str, file: &[u8]) {
        self.put(name, file);
        assert_eq!(self.round(world), 1);
        assert!(self.at(&format!("done/{name}")).exists(), "{name}: {:?}", self.why(name));
    }

    pub fn why(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(&format!("refused/{name}.error"))).unwrap_or_default()
    }
}

#[test]
fn the_banks_own_channel_needs_no_second_person() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        // Without its signature a file is still being written.
        let file = camt053("DAY-1", &[credit("70.00", &it.reference)]);
        std::fs::write(bank.at("day-1.xml"), &file).unwrap();
        assert_eq!((bank.round(&it.world), it.cash()), (0, 0));
        bank.deliver(&it.world, "day-1.xml", &file);
        assert_eq!(it.cash(), 7_000);
        assert!(bank.at("done/day-1.xml.sig").exists() && !bank.at("day-1.xml").exists());
        let mut conn = it.world.conn();
        let record = AuditRecord::find_where(&mut conn, "command = 'import_statement'", &[]).unwrap().unwrap();
        assert_eq!((record.party_id, record.user_id, record.approver_id), (PartyId(0), UserId(0), None));
        assert_eq!(Approval::list_where(&mut conn, "command = 'import_statement'", &[]).unwrap(), vec![]);
        let kept = BankFile::find_where(&mut conn, "name = 'day-1.xml'", &[]).unwrap().unwrap();
        assert_eq!(it.operator.get(&format!("/documents/{}", kept.sha256)).status, 200, "it is the operator's document");
        assert!(it.operator.open(&format!("/ops/bank-files/{}", kept.id)).text().contains("What became of the lines"));

        // Once more under its name, and under another: repeated, and harmless.
        for name in ["day-1.xml", "copy.xml"] {
            bank.put(name, &file);
            assert_eq!(bank.round(&it.world), 1);
            assert!(bank.why(name).starts_with("statement_repeated: "), "{name}: {}", bank.why(name));
        }
        assert_eq!(it.cash(), 7_000);

        // What one operator has asked for, the bank brings itself: the request ends.
        let next = camt053("DAY-2", &[credit("5.00", &it.reference)]);
        let asked = it.api.post_with("/api/v1/import-statement", &xml("day-2-by-hand"), text(&next));
        let request = approval(&it.world, &asked);
        bank.deliver(&it.world, "day-2.xml", &next);
        let ended = Approval::find_where(&mut conn, "id = ?", &[request.id.into()]).unwrap().unwrap();
        assert_eq!((ended.state.name(), ended.reason.as_str(), it.cash()), ("ended", "by_bank", 7_500));
        it.world.verify();
    }
}

#[test]
fn a_killed_round_books_nothing_twice() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let file = camt053("KILLED", &[credit("70.00", &it.reference)]);
        bank.deliver(&it.world, "killed.xml", &file);
        // As if the process had died before it moved anything, or between the file and its signature.
        for name in ["killed.xml", "killed.xml.sig"] {
            std::fs::rename(bank.at(&format!("done/{name}")), bank.at(name)).unwrap();
        }
        assert_eq!((bank.round(&it.world), it.cash()), (1, 7_000));
        assert!(bank.at("done/killed.xml").exists() && bank.why("killed.xml").is_empty());
        std::fs::rename(bank.at("done/killed.xml.sig"), bank.at("killed.xml.sig")).unwrap();
        assert_eq!((bank.round(&it.world), it.cash()), (0, 7_000));
        assert!(bank.at("done/killed.xml.sig").exists() && !bank.at("killed.xml.sig").exists());
        it.world.verify();
    }
}

#[test]
fn a_file_that_the_channels_key_did_not_sign_is_refused() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let file = camt053("FORGED", &[credit("70.00", &it.reference)]);
        let foreign = Signer::from_seed("bank.example/channel", [8; 32]).unwrap();
        let checkpoint = bank.signer.sign(&format!("kontor/log\n{}\n", server::hash::sha256_hex(&file)));
        for (name, signature) in [
            ("other-content.xml", sign(&bank.signer, b"another file")),
            ("foreign-key.xml", sign(&foreign, &file)),
            ("other-note.xml", checkpoint),
            ("no-note.xml", "yes".to_owned()),
            ("empty.xml", String::new()),
        ] {
            bank.put_signed(name, &file, &signature);
            assert_eq!(bank.round(&it.world), 1);
            assert!(bank.why(name).starts_with("signature_wrong: "), "{name}: {}", bank.why(name));
            assert!(!bank.at(name).exists() && bank.at(&format!("refused/{name}")).exists());
            let told = Notice::list_where(&mut it.world.conn(), "kind = 'bank_file_refused'", &[]).unwrap();
            assert!(told.iter().any(|notice| notice.arguments.contains(name)), "{name}: the operators are told");
        }
        // A good signature makes no other account ours, and no text a statement.
        let other = text(&file).replace(e2e::world::CUSTODY_IBAN, "DE02120300000000202051");
        for (name, content, why) in
            [("other-account.xml", other.as_str(), "statement_account_unknown"), ("words.xml", "yes, we paid", "not_xml: ")]
        {
            bank.put(name, content.as_bytes());
            assert_eq!(bank.round(&it.world), 1);
            assert!(bank.why(name).starts_with(why), "{name}: {}", bank.why(name));
        }
        assert_eq!((it.cash(), BankFile::list_where(&mut it.world.conn(), "id > 0", &[]).unwrap()), (0, vec![]));
        it.world.verify();
    }
}

#[cfg(unix)]
#[test]
fn only_plain_files_with_plain_names_are_read() {
    use std::os::unix::fs::symlink;
    let it = Desk::start(Database::sqlite());
    let bank = Transport::new(&it.world.database);
    let file = camt053("ELSEWHERE", &[credit("70.00", &it.reference)]);
    let elsewhere = it.world.database.folder.join("elsewhere.xml");
    std::fs::write(&elsewhere, &file).unwrap();
    let signature = sign(&bank.signer, &file);

    symlink(&elsewhere, bank.at("link.xml")).unwrap();
    std::fs::write(bank.at("link.xml.sig"), &signature).unwrap();
    std::fs::create_dir(bank.at("folder.xml")).unwrap();
    std::fs::write(bank.at("folder.xml.sig"), &signature).unwrap();
    let beside = it.world.database.folder.join("elsewhere.sig");
    std::fs::write(&beside, &signature).unwrap();
    std::fs::write(bank.at("link-sig.xml"), &file).unwrap();
    symlink(&beside, bank.at("link-sig.xml.sig")).unwrap();
    assert_eq!(bank.round(&it.world), 3);
    for name in ["link.xml", "folder.xml", "link-sig.xml"] {
        assert!(bank.why(name).starts_with("file_not_plain: "), "{name}: {}", bank.why(name));
    }
    assert!(elsewhere.exists(), "what a link leads to stays");

    bank.put("large.xml", &vec![b' '; server::config::LARGEST_FILE + 1]);
    assert_eq!(bank.round(&it.world), 1);
    assert!(bank.why("large.xml").starts_with("file_too_large: "), "{}", bank.why("large.xml"));

    let odd = "two\nlines.xml";
    bank.put(odd, &file);
    assert_eq!(bank.round(&it.world), 1);
    let plain = format!("file-{}", server::hash::sha256_hex(odd.as_bytes()));
    assert!(bank.why(&plain).starts_with("name_not_plain: "), "{}", bank.why(&plain));
    // A name with a dot before it is one that the transport still writes to.
    bank.put(".writing.xml", &file);
    assert_eq!((bank.round(&it.world), it.cash()), (0, 0));
    it.world.verify();
}

#[test]
fn the_banks_own_report_frees_what_it_rejects() {
    for database in Database::both() {
        let it = Setting::start(database);
        let bank = Transport::new(&it.world.database);
        let payout = it.pay_out("400.00");
        let original = format!("KONTOR-{}", it.payout(&payout).file_id.unwrap());
        bank.deliver(&it.world, "report.xml", &status_report("10", "REAL", &original, "", "", &[(&payout, "RJCT", "AC04")]));
        assert_eq!((it.state(&payout).as_str(), it.cash()), ("rejected", (100_000, 100_000)));
        it.world.verify();
    }
}

/// A server that was told of the channel reads it by itself.
#[test]
fn the_server_reads_its_channel() {
    let database = Database::sqlite();
    let bank = Transport::new(&database);
    let channel = bank.channel.clone();
    let world = e2e::world::World::start_with(database, "2026-11-23", &["EUR"], |config| config.bank = Some(channel));
    bank.put("nobodys.xml", &camt053("NOBODYS", &[credit("70.00", "")]));
    for _ in 0..600 {
        if bank.at("done/nobodys.xml.sig").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let lines = BankLine::list_where(&mut world.conn(), "state = 'suspense'", &[]).unwrap();
    assert_eq!(lines.iter().map(|line| line.amount_minor).collect::<Vec<_>>(), vec![7_000]);
}

pub fn euro(amount: &'static str, bank: &str, reference: &str) -> Written {
    Written { bank: bank.to_owned(), ..credit(amount, reference) }
}

#[test]
fn a_large_credit_waits_for_the_statement_that_brings_it() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let entries = [
            euro("99999.99", "B-1", &it.reference),
            euro("100000.00", "B-2", &it.reference),
            euro("100000.01", "B-3", &it.reference),
        ];
        bank.deliver(&it.world, "notice.xml", &camt054("NOTICE", &entries));
        let at_once = 9_999_999 + 10_000_000;
        assert_eq!(it.cash(), at_once, "below and at the parameter");
        let waiting = it.lines("attention");
        assert_eq!(
            waiting.iter().map(|line| (line.kind.name(), line.amount_minor)).collect::<Vec<_>>(),
            vec![("announced", 10_000_001)]
        );
        let page = format!("/ops/bank-lines/{}", waiting[0].id);
        assert!(it.operator.open(&page).text().contains("it waits for the statement"), "{}", it.operator.open(&page).text());
        // Another notification of the same money is known.
        bank.deliver(&it.world, "notice-2.xml", &camt054("NOTICE-2", &entries));
        assert_eq!((it.cash(), it.lines("attention").len()), (at_once, 1));

        // Two operators were about to book it; the statement comes before.
        let asked = it.ask("resolve-line", &json!({ "line_id": waiting[0].id, "act": "accept", "reason": "seen" }));
        let request = approval(&it.world, &asked);
        bank.deliver(&it.world, "statement.xml", &camt053("STATEMENT", &entries));
        assert_eq!(it.cash(), at_once + 10_000_001);
        let closed = it.line(waiting[0].id);
        assert_eq!((closed.state.name(), closed.kind.name()), ("skipped", "by_statement"));
        let brought = it.line(closed.twin_id.unwrap());
        assert_eq!((brought.state.name(), brought.amount_minor), ("matched", 10_000_001));
        let second = it.world.api("operator2@x.example");
        assert_eq!(code(&decide(&second, &request, true, "accept-too-late")), (409, "approval_already_decided".into()));
        bank.deliver(&it.world, "statement-2.xml", &camt053("STATEMENT-2", &entries));
        bank.deliver(&it.world, "notice-3.xml", &camt054("NOTICE-3", &entries));
        assert_eq!((it.cash(), it.lines("attention").len()), (at_once + 10_000_001, 0), "each once");
        it.world.verify();
    }
}

#[test]
fn a_statement_that_comes_first_makes_its_notice_a_duplicate() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        // With and without the bank's own reference.
        let entries = [euro("100000.01", "B-1", &it.reference), euro("200000.00", "", &it.reference)];
        bank.deliver(&it.world, "statement.xml", &camt053("STATEMENT", &entries));
        bank.deliver(&it.world, "notice.xml", &camt054("NOTICE", &entries));
        assert_eq!((it.cash(), it.lines("attention").len(), it.lines("skipped").len()), (30_000_001, 0, 2));
        // The other order, without a reference.
        let next = [euro("300000.00", "", &it.reference)];
        bank.deliver(&it.world, "notice-2.xml", &camt054("NOTICE-2", &next));
        bank.deliver(&it.world, "statement-2.xml", &camt053("STATEMENT-2", &next));
        assert_eq!((it.cash(), it.lines("attention").len()), (60_000_001, 0));
        it.world.verify();
    }
}

/// One credit of 150,000.00 in two equal parts, as a bank books a batch.
fn batch(bank: &str, reference: &str) -> String {
    let part = format!(
        "<TxDtls><Amt Ccy=\"EUR\">75000.00</Amt><RmtInf><Strd><CdtrRefInf><Ref>{reference}</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>"
    );
    let whole = text(&camt054("PLACE", &[euro("150000.00", bank, reference)]));
    let (head, rest) = whole.split_once("<TxDtls>").unwrap();
    let (_, tail) = rest.split_once("</TxDtls>").unwrap();
    format!("{head}{part}{part}{tail}")
}

#[test]
fn the_parts_of_a_large_credit_wait_together() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let notice = batch("B-1", &it.reference);
        let statement = notice.replace("PLACE", "STATEMENT").replace("camt.054", "camt.053");
        let statement = statement.replace("BkToCstmrDbtCdtNtfctn", "BkToCstmrStmt").replace("Ntfctn>", "Stmt>");
        bank.deliver(&it.world, "notice.xml", notice.as_bytes());
        assert_eq!((it.cash(), it.lines("attention").len()), (0, 2), "each part is small, their credit is not");
        bank.deliver(&it.world, "statement.xml", statement.as_bytes());
        assert_eq!((it.cash(), it.lines("attention").len(), it.lines("matched").len()), (15_000_000, 0, 2));
        it.world.verify();
    }
}

/// One entry, in these parts: amount, end-to-end id and reference. Without parts it has no details.
pub fn told(
    kind: u32,
    (number, bank): (&str, &str),
    (credit, amount): (bool, &'static str),
    parts: &[(&str, &str, &str)],
) -> Vec<u8> {
    let entries = [Written { credit, ..euro(amount, bank, "") }];
    let whole = text(&if kind == 54 { camt054(number, &entries) } else { camt053(number, &entries) });
    let (head, rest) = whole.split_once("<NtryDtls>").unwrap();
    let (_, tail) = rest.split_once("</NtryDtls>").unwrap();
    let tag = |name: &str, text: &str| if text.is_empty() { String::new() } else { format!("<{name}>{text}</{name}>") };
    let part = |(amount, end_to_end, reference): &(&str, &str, &str)| {
        let reference = tag("RmtInf", &tag("Strd", &tag("CdtrRefInf", &tag("Ref", reference))));
        let refs = tag("Refs", &tag("EndToEndId", end_to_end));
        format!("<TxDtls>{refs}<Amt Ccy=\"EUR\">{amount}</Amt>{reference}</TxDtls>")
    };
    let details: String = parts.iter().map(part).collect();
    format!("{head}{}{tail}", tag("NtryDtls", &details)).into_bytes()
}

/// Delivers a file that does what its check page says; what became of its lines.
pub fn as_checked(bank: &Transport, world: &e2e::world::World, name: &str, file: &[u8]) -> Vec<(LineState, Blank<LineKind>)> {
    let mut conn = world.conn();
    let before = BankLine::list_where(&mut conn, "id > 0", &[]).unwrap().len();
    let check = server::bank_check::statements(&mut conn, &formats::camt::parse(file).unwrap()).unwrap();
    let seen: Vec<_> = check.statements.iter().flat_map(|one| &one.lines).map(|line| (line.fate, line.why)).collect();
    bank.deliver(world, name, file);
    let rows = BankLine::list_where(&mut conn, "id > 0 ORDER BY id", &[]).unwrap();
    let rows: Vec<_> = rows.into_iter().skip(before).map(|line| (line.state, line.kind)).collect();
    for (seen, row) in seen.iter().zip(&rows) {
        let state = if seen.0 == "payouts" { "matched" } else { seen.0 };
        assert_eq!((state, seen.1), (row.0.name(), row.1), "{name}: {seen:?}");
    }
    assert_eq!(seen.len(), rows.len());
    rows
}

pub fn fates(rows: &[(LineState, Blank<LineKind>)]) -> Vec<(&'static str, &'static str)> {
    rows.iter().map(|(state, kind)| (state.name(), kind.name())).collect()
}

#[test]
fn one_credit_in_other_detail_is_booked_once() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let own = it.reference.as_str();
        let (one, two) = ([("50000.00", "E1", own)], [("30000.00", "E1", own), ("20000.00", "E2", own)]);
        let cases: [(&str, u32, &[_], u32, &[_]); 8] = [
            ("whole-then-bare", 54, &one, 53, &[]),
            ("bare-then-whole", 54, &[], 53, &one),
            ("parts-then-bare", 54, &two, 53, &[]),
            ("bare-then-parts", 54, &[], 53, &two),
            ("parts-then-whole", 54, &two, 53, &one),
            ("statement-parts-first", 53, &two, 54, &[]),
            ("statement-bare-first", 53, &[], 54, &two),
            ("two-statements", 53, &one, 53, &two),
        ];
        let mut sum = 0;
        for (name, first, first_parts, then, then_parts) in cases {
            let tell =
                |number: &str, kind: u32, parts: &[_]| told(kind, (&format!("{name}-{number}"), name), (true, "50000.00"), parts);
            let _ = as_checked(&bank, &it.world, &format!("{name}-1.xml"), &tell("1", first, first_parts));
            sum += 5_000_000;
            assert_eq!(it.cash() + it.suspense(), sum, "{name}: the first");
            for (number, kind) in [("2", then), ("3", first)] {
                let rows = as_checked(&bank, &it.world, &format!("{name}-{number}.xml"), &tell(number, kind, then_parts));
                assert!(
                    rows.iter().all(|row| fates(std::slice::from_ref(row)) == [("skipped", "duplicate")]),
                    "{name}: {rows:?}"
                );
                assert_eq!(it.cash() + it.suspense(), sum, "{name}: {number}");
            }
        }
        // Another sum under the reference and day: two people look at it.
        let _ = as_checked(&bank, &it.world, "less.xml", &told(54, ("LESS", "BB9"), (true, "40.00"), &[("40.00", "E1", own)]));
        let rows = as_checked(&bank, &it.world, "more.xml", &told(53, ("MORE", "BB9"), (true, "50.00"), &[]));
        assert_eq!(fates(&rows), [("attention", "possible_repeat")]);
        let waiting = it.lines("attention");
        assert_eq!(it.line(waiting[0].twin_id.unwrap()).amount_minor, 4_000);
        assert_eq!(it.cash() + it.suspense(), sum + 4_000);
        // Another reference is another entry; a second equal entry of the same statement is not hidden by the first.
        let rows = as_checked(&bank, &it.world, "other.xml", &told(53, ("OTHER", "BB10"), (true, "40.00"), &[]));
        assert_eq!(fates(&rows), [("suspense", "")]);
        let entries = [
            Written { end_to_end: "E7".to_owned(), ..euro("40.00", "BB10", own) },
            Written { end_to_end: "E8".to_owned(), ..euro("40.00", "BB10", own) },
        ];
        let rows = as_checked(&bank, &it.world, "twice.xml", &camt053("TWICE", &entries));
        assert_eq!(fates(&rows), [("skipped", "duplicate"), ("attention", "possible_repeat")]);
        it.world.verify();
    }
}

/// Two statements of one file: the check page compares the second with the first, as the import does.
#[test]
fn two_statements_of_a_file_tell_one_credit() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let own = it.reference.as_str();
        let first = text(&told(53, ("FIRST", "B-1"), (true, "50.00"), &[("30.00", "E1", own), ("20.00", "E2", own)]));
        let second = text(&told(53, ("SECOND", "B-1"), (true, "50.00"), &[]));
        let (head, tail) = first.split_once("</Stmt>").unwrap();
        let (_, block) = second.split_once("<Stmt>").unwrap();
        let (block, _) = block.split_once("</Stmt>").unwrap();
        let file = format!("{head}</Stmt><Stmt>{block}</Stmt>{tail}");
        let rows = as_checked(&bank, &it.world, "both.xml", file.as_bytes());
        assert_eq!(fates(&rows), [("matched", ""), ("matched", ""), ("skipped", "duplicate")]);
        assert_eq!(it.cash() + it.suspense(), 5_000);
        it.world.verify();
    }
}

#[test]
fn announced_parts_are_closed_by_their_sum_and_a_sum_by_its_parts() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let own = it.reference.as_str();
        let parts = [("100000.00", "E1", own), ("50000.00", "E2", own)];
        let tell = |kind: u32, number: &str, bank: &str, parts: &[_]| told(kind, (number, bank), (true, "150000.00"), parts);
        let rows = as_checked(&bank, &it.world, "n1.xml", &tell(54, "N1", "B-1", &parts));
        assert_eq!(fates(&rows), [("attention", "announced"), ("attention", "announced")]);
        let waiting = it.lines("attention");
        let asked = it.ask("resolve-line", &json!({ "line_id": waiting[0].id, "act": "accept", "reason": "seen" }));
        let request = approval(&it.world, &asked);
        let _ = as_checked(&bank, &it.world, "n1-again.xml", &tell(54, "N1-AGAIN", "B-1", &[]));
        assert_eq!((it.cash() + it.suspense(), it.lines("attention").len()), (0, 2), "announced once more");
        let _ = as_checked(&bank, &it.world, "s1.xml", &tell(53, "S1", "B-1", &[]));
        assert_eq!((it.cash() + it.suspense(), it.lines("attention").len()), (15_000_000, 0));
        for line in &waiting {
            let closed = it.line(line.id);
            assert_eq!((closed.state.name(), closed.kind.name()), ("skipped", "by_statement"));
        }
        let second = it.world.api("operator2@x.example");
        assert_eq!(code(&decide(&second, &request, true, "accept-too-late")), (409, "approval_already_decided".into()));

        // The other way round.
        let _ = as_checked(&bank, &it.world, "n2.xml", &tell(54, "N2", "B-2", &[]));
        let rows = as_checked(&bank, &it.world, "s2.xml", &tell(53, "S2", "B-2", &parts));
        assert_eq!(fates(&rows), [("matched", ""), ("matched", "")]);
        assert_eq!((it.cash() + it.suspense(), it.lines("attention").len()), (30_000_000, 0));
        let _ = as_checked(&bank, &it.world, "n2-late.xml", &tell(54, "N2-LATE", "B-2", &[]));
        let _ = as_checked(&bank, &it.world, "s2-late.xml", &tell(53, "S2-LATE", "B-2", &[]));
        assert_eq!((it.cash() + it.suspense(), it.lines("attention").len()), (30_000_000, 0), "each once");

        // A sum of which two operators have booked a part: nothing is guessed.
        let _ = as_checked(&bank, &it.world, "n3.xml", &tell(54, "N3", "B-3", &parts));
        it.resolve(it.lines("attention")[0].id, "accept", None);
        let rows = as_checked(&bank, &it.world, "s3.xml", &tell(53, "S3", "B-3", &[]));
        assert_eq!(fates(&rows), [("attention", "possible_repeat")]);
        assert_eq!(it.cash() + it.suspense(), 40_000_000);
        it.world.verify();
    }
}

#[test]
fn a_debit_without_names_waits_for_the_entry_that_names_its_payouts() {
    for database in Database::both() {
        let it = Setting::start(database);
        let bank = Transport::new(&it.world.database);
        let (one, two) = (it.pay_out("400.00"), it.pay_out("300.00"));
        let parts = [("400.00", one.as_str(), ""), ("300.00", two.as_str(), "")];
        let tell = |kind: u32, number: &str, parts: &[_]| told(kind, (number, "D-1"), (false, "700.00"), parts);
        let rows = as_checked(&bank, &it.world, "d1.xml", &tell(54, "D1", &[]));
        assert_eq!(fates(&rows), [("attention", "unknown_debit")]);
        let _ = as_checked(&bank, &it.world, "d2.xml", &tell(53, "D2", &parts));
        assert_eq!((it.state(&one).as_str(), it.state(&two).as_str()), ("settled", "settled"));
        let waiting = |it: &Setting| BankLine::list_where(&mut it.world.conn(), "state = 'attention'", &[]).unwrap().len();
        assert_eq!(waiting(&it), 0);
        let rows = as_checked(&bank, &it.world, "d3.xml", &tell(53, "D3", &[]));
        assert_eq!((fates(&rows), waiting(&it)), (vec![("skipped", "duplicate")], 0));
        it.world.verify();
    }
}

#[test]
fn signatures_without_files_hold_up_no_file() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        for number in 0..20 {
            let file = std::fs::File::create(bank.at(&format!("{number:04}.xml.sig"))).unwrap();
            // The disk's time is the system's, which `tests/dates` does not change.
            file.set_modified(std::time::SystemTime::now()).unwrap();
        }
        bank.deliver(&it.world, "day.xml", &camt053("DAY", &[credit("70.00", &it.reference)]));
        assert_eq!(it.cash(), 7_000);
        let notices = |name: &str| {
            let told = Notice::list_where(&mut it.world.conn(), "kind = 'bank_file_refused'", &[]).unwrap();
            told.iter().filter(|notice| notice.arguments.contains(name)).count()
        };
        assert_eq!(notices(".xml"), 0, "a file may come after its signature");
        let old = std::fs::File::options().append(true).open(bank.at("0007.xml.sig")).unwrap();
        old.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(7_200)).unwrap();
        assert_eq!(bank.round(&it.world), 0);
        let told = notices("0007.xml");
        assert!(told > 0 && bank.at("0007.xml.sig").exists(), "{told}");
        assert_eq!((bank.round(&it.world), notices(".xml")), (0, told), "once a day, and of no other");
        it.world.verify();
    }
}

#[test]
fn the_folders_own_places_are_no_files() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        bank.deliver(&it.world, "day-1.xml", &camt053("DAY-1", &[credit("70.00", &it.reference)]));
        bank.put("bad.xml", b"no statement");
        assert_eq!(bank.round(&it.world), 1);
        for name in ["done", "refused"] {
            std::fs::write(bank.at(&format!("{name}.sig")), "a signature").unwrap();
            assert_eq!(bank.round(&it.world), 1);
            let plain = format!("file-{}", server::hash::sha256_hex(name.as_bytes()));
            assert!(bank.why(&plain).starts_with("name_not_plain: "), "{}", bank.why(&plain));
        }
        assert!(bank.at("done/day-1.xml").exists() && bank.at("refused/bad.xml").exists());
        for name in ["day-2.xml.sig", "bad.xml.error"] {
            bank.put(name, &camt053("DAY-2", &[credit("70.00", &it.reference)]));
            let _ = bank.round(&it.world);
            let plain = format!("file-{}", server::hash::sha256_hex(name.as_bytes()));
            assert!(bank.why(&plain).starts_with("name_not_plain: "), "{name}");
        }
        bank.deliver(&it.world, "day-3.xml", &camt053("DAY-3", &[credit("5.00", &it.reference)]));
        assert_eq!(it.cash(), 7_500);
        it.world.verify();
    }
}

/// Two people agree to where the money goes, too.
#[test]
fn another_target_is_another_check() {
    for database in Database::both() {
        let it = Desk::start(database);
        let mut conn = it.world.conn();
        let read = formats::camt::parse(&camt053("DAY", &[credit("70.00", &it.reference)])).unwrap();
        let before = server::bank_check::statements(&mut conn, &read).unwrap();
        let other = onboard(&it.world, &it.operator, BUYER);
        for (reference, party) in [("X", it.party), (it.reference.as_str(), other)] {
            let sql = "UPDATE parties SET reference = ? WHERE id = ?";
            store::query::execute(&mut conn, sql, &[reference.into(), party.into()]).unwrap();
        }
        let after = server::bank_check::statements(&mut conn, &read).unwrap();
        assert_eq!((before.statements[0].lines[0].fate, after.statements[0].lines[0].fate), ("matched", "matched"));
        assert_ne!(before.digest, after.digest);
    }
}

#[test]
fn two_operators_may_book_what_is_announced_and_set_how_much_waits() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let entries = [euro("100000.01", "B-1", &it.reference), euro("200000.00", "B-2", &it.reference)];
        bank.deliver(&it.world, "notice.xml", &camt054("NOTICE", &entries));
        let waiting = it.lines("attention");
        it.resolve(waiting[0].id, "accept", None);
        it.resolve(waiting[1].id, "explain", None);
        assert_eq!(it.cash(), 10_000_001);
        // What was booked is not booked again; what was closed without a booking, the statement books, once.
        for name in ["STATEMENT", "STATEMENT-2"] {
            bank.deliver(&it.world, &format!("{name}.xml"), &camt053(name, &entries));
            assert_eq!((it.cash(), it.lines("attention").len()), (30_000_001, 0), "{name}");
        }

        // Every credit waits from now on; terms that say nothing of it leave it so.
        let terms = |body: &Value| it.agree("set-issue-terms", body);
        let mut body = json!({
            "currency": "EUR", "reserve_bps": 1000, "settlement_fee_bps": 5, "purchase_fee_bps": 10, "minimum_fee_minor": 100,
            "minimum_ticket_minor": 100_000, "late_rate": "8", "late_day_count": "ACT/360", "grace_days": 3,
        });
        let said = body.clone();
        body["notice_credit_minor"] = json!(0);
        let _ = terms(&body);
        let _ = terms(&said);
        assert!(it.operator.open("/ops/terms").text().contains("EUR 0.00"));
        bank.deliver(&it.world, "small.xml", &camt054("SMALL", &[euro("0.01", "B-3", &it.reference)]));
        assert_eq!((it.cash(), it.lines("attention").len()), (30_000_001, 1));
        // An uploaded notification that two operators agree to is no more than an announcement either.
        let file = camt054("UPLOADED", &[euro("9.00", "B-4", &it.reference)]);
        let done = it.world.import(&it.operator, "uploaded.xml", file);
        assert!(done.status == 200, "{}", done.text());
        assert_eq!((it.cash(), it.lines("attention").len()), (30_000_001, 2));
        it.world.verify();
    }
}

/// No request hands lines in, whoever sends it.
#[test]
fn only_the_job_goes_on_with_a_file() {
    let it = Desk::start(Database::sqlite());
    let person = User::find_where(&mut it.world.conn(), "email = 'operator@x.example'", &[]).unwrap().unwrap();
    let statements = formats::camt::parse(&camt053("X", &[credit("5.00", &it.reference)])).unwrap();
    let lines = server::commands::bank::line::incoming(&statements);
    let actor = Actor::person(person.party_id, person.id);
    let command = server::commands::bank::continue_import::ContinueImport { file_id: BankFileId(1), lines_done: 0, lines };
    let reply = it.world.app().writer.submit_blocking(actor.clone(), "go-on-by-hand".to_owned(), command.into());
    assert_eq!(reply, Err(WriteError::Refused(domain::Refusal::NotPermitted)));
    let told = server::commands::bank::refuse_bank_file::RefuseBankFile::default();
    let reply = it.world.app().writer.submit_blocking(actor, "refuse-by-hand".to_owned(), told.into());
    assert_eq!(reply, Err(WriteError::Refused(domain::Refusal::NotPermitted)));
}
