//! Cases of public reports about other systems' bank files, each under its kind and number. On both databases.

use crate::bank::{Desk, Written, camt054, credit, debit};
use crate::bank_channel::{Transport, as_checked, camt053, euro, fates, text, told};
use crate::corrections::correct;
use crate::journey::{BUYER, SUPPLIER, approve, make_payment_file, onboard, payment_list, set_limit, verify_account};
use crate::payouts::Setting;
use domain::bank_line::{BankFileState, Continuity};
use domain::chart::AccountKey;
use e2e::Database;
use e2e::world::CUSTODY_IBAN;
use kernel::{BankLineId, CustodyId, PartyId, PaymentFileId, PayoutId, ReceivableId, StatementId, StatusReportId, UserId};
use ledger::AssetId;
use serde_json::json;
use std::io::Write;
use store::records::Record;
use store::{BankFile, BankLine};

const DAY: &str = "2026-11-23";

/// A statement with one credit of 610.00 without a reference to a company.
fn paid(number: &str, bank: &str, (day, name, iban, words): (&str, &str, &str, &'static str)) -> Vec<u8> {
    let entry = Written { end_to_end: "NOTPROVIDED".to_owned(), text: words, ..euro("610.00", bank, "") };
    let file = text(&camt053(number, &[entry])).replace(DAY, day).replace(">Payer<", &format!(">{name}<"));
    file.replace("DE02120300000000202051", iban).into_bytes()
}

const NORTH: (&str, &str, &str, &str) = ("2026-11-23", "Kunde Nord", "DE02120300000000202051", "Miete November");
const SOUTH_IBAN: &str = "DE02500105170137075030";

/// A1: camt.054 tells the parts of an entry, camt.053 the sum, with the same reference of the bank.
#[test]
fn a1_parts_and_their_sum_are_one_credit() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let own = it.reference.as_str();
        let parts = [("100.00", "E1", own), ("200.00", "E2", own)];
        let _ = as_checked(&bank, &it.world, "054.xml", &told(54, ("A1-54", "20261127ZZ0001"), (true, "300.00"), &parts));
        let rows = as_checked(&bank, &it.world, "053.xml", &told(53, ("A1-53", "20261127ZZ0001"), (true, "300.00"), &[]));
        assert_eq!((fates(&rows), it.cash(), it.suspense()), (vec![("skipped", "duplicate")], 30_000, 0));
        assert_eq!(it.balance(AccountKey::custody(CustodyId(0), AssetId(978))), 30_000, "the bank's money once");
        // The sum before its parts is the same money, too.
        let _ = as_checked(&bank, &it.world, "first.xml", &told(53, ("A1-55", "20261127ZZ0002"), (true, "300.00"), &[]));
        assert_eq!((it.cash(), it.suspense()), (30_000, 30_000));
        let _ = as_checked(&bank, &it.world, "then.xml", &told(54, ("A1-56", "20261127ZZ0002"), (true, "300.00"), &parts));
        assert_eq!(it.balance(AccountKey::custody(CustodyId(0), AssetId(978))), 60_000);
        it.world.verify();
    }
}

/// A6: the bank's reference begins anew each day, or is a code of the kind of payment.
#[test]
fn a6_a_reused_bank_reference_hides_no_money() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        it.world.move_to("2026-11-25");
        let (day, name, iban, words) = NORTH;
        let new = ("suspense", "");
        let asked = ("attention", "possible_repeat");
        let same = ("skipped", "duplicate");
        let cases = [
            ("as-reported", ("2026-11-24", "Kunde Sued", SOUTH_IBAN, "Darlehen Rate 7"), new),
            ("other-payer", (day, "Kunde Sued", SOUTH_IBAN, words), new),
            ("other-payer-and-text", (day, "Kunde Sued", iban, "Darlehen Rate 7"), new),
            ("other-day", ("2026-11-24", name, iban, words), asked),
            ("other-text", (day, name, iban, "Darlehen Rate 7"), asked),
            ("other-account", (day, name, SOUTH_IBAN, words), asked),
            ("other-name", (day, "Kunde Sued", iban, words), asked),
            ("other-day-and-text", ("2026-11-24", name, iban, "Darlehen Rate 7"), asked),
            ("cut-name-longer-text", (day, "KUNDE NOR", iban, "SVWZ+Miete November"), same),
            ("the-same", NORTH, same),
        ];
        let mut booked = 0;
        for (case, second, fate) in cases {
            let rows = as_checked(&bank, &it.world, &format!("{case}-1.xml"), &paid(&format!("{case}-1"), case, NORTH));
            assert_eq!(fates(&rows), [new], "{case}");
            let rows = as_checked(&bank, &it.world, &format!("{case}-2.xml"), &paid(&format!("{case}-2"), case, second));
            assert_eq!(fates(&rows), [fate], "{case}");
            booked += if fate == new { 122_000 } else { 61_000 };
            assert_eq!(it.suspense(), booked, "{case}");
            // Told once more, either is known by then.
            for (at, said) in [NORTH, second].into_iter().enumerate() {
                let again = format!("{case}-again-{at}");
                let rows = as_checked(&bank, &it.world, &format!("{again}.xml"), &paid(&again, case, said));
                assert_eq!(fates(&rows), [same], "{again}");
            }
        }
        // People book what was other money after all.
        let waiting = it.lines("attention");
        assert_eq!((waiting.len(), waiting[0].twin_id.is_some()), (5, true));
        it.resolve(waiting[0].id, "accept", None);
        assert_eq!(it.suspense(), booked + 61_000);
        it.world.verify();
    }
}

/// Found by an attack: a second credit of the same reference and sum is booked or asked about, and one credit is booked once, whatever the
/// files leave out.
#[test]
fn no_credit_is_lost_and_none_is_booked_twice_by_what_files_leave_out() {
    let (new, asked, same) = (("suspense", ""), ("attention", "possible_repeat"), ("skipped", "duplicate"));
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        it.world.move_to("2026-11-27");
        let one = |end_to_end: &str, bank: &str, payer: &str| {
            let entry = Written { end_to_end: end_to_end.to_owned(), text: "pay", ..euro("100.00", bank, "") };
            (entry, payer.to_owned())
        };
        let file = |number: &str, (entry, payer): (Written, String), day: &str| {
            text(&camt053(number, &[entry])).replace(DAY, day).replace(">Payer<", &format!(">{payer}<")).into_bytes()
        };
        let mut booked = 0;
        let mut check = |case: &str, files: [Vec<u8>; 2], wanted: &[(&str, &str)], all: i64| {
            let _ = as_checked(&bank, &it.world, &format!("{case}-1.xml"), &files[0]);
            let rows = as_checked(&bank, &it.world, &format!("{case}-2.xml"), &files[1]);
            assert_eq!(fates(&rows), wanted, "{case}");
            booked += all;
            assert_eq!(it.suspense(), booked, "{case}");
        };
        let first = "2026-11-24";
        let next = "2026-11-25";
        // Other transfers of other payers under one reference.
        let files = [file("T-1", one("E1", "T", "Payer One"), first), file("T-2", one("E2", "T", "Payer Two"), first)];
        check("other-transfer", files, &[new], 20_000);
        // One file has no name for the transfer, and a day that the bank did not say.
        let files = [file("N-1", one("", "N", "Payer"), first), file("N-2", one("NOTPROVIDED", "N", "Payer"), next)];
        check("other-day-no-name", files, &[asked], 10_000);
        // A sum of one day, its parts on another.
        let parts = told(53, ("P-2", "P"), (true, "100.00"), &[("40.00", "E1", ""), ("60.00", "E2", "")]);
        check("parts-of-another-day", [file("P-1", one("E0", "P", "Payer"), next), parts], &[asked, asked], 10_000);
        // One of two equal parts is known.
        let equal = told(53, ("Q-2", "Q"), (true, "200.00"), &[("100.00", "E1", ""), ("100.00", "E1", "")]);
        let known = told(54, ("Q-1", "Q"), (true, "100.00"), &[("100.00", "E1", "")]);
        check("one-of-equal-parts", [known, equal], &[same, asked], 10_000);
        it.world.verify();
    }
}

/// A6 within one day: a code in place of a reference, and the same entry twice where another file told it once.
#[test]
fn a6_a_code_in_place_of_a_reference_hides_no_money() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let named = |end_to_end: &str| Written { end_to_end: end_to_end.to_owned(), ..euro("50.00", "TRF", "") };
        let rows = as_checked(&bank, &it.world, "one.xml", &camt053("ONE", &[named("E1")]));
        assert_eq!(fates(&rows), [("suspense", "")]);
        let rows = as_checked(&bank, &it.world, "two.xml", &camt053("TWO", &[named("E2")]));
        assert_eq!(fates(&rows), [("attention", "possible_repeat")], "another end-to-end id, the same sum");
        let rows = as_checked(&bank, &it.world, "twice.xml", &camt053("TWICE", &[named("E1"), named("E1")]));
        assert_eq!(fates(&rows), [("skipped", "duplicate"), ("attention", "possible_repeat")]);
        // Two statements of one file are compared as two files are.
        let [first, second] = [("B", NORTH), ("C", ("2026-11-23", "Kunde Sued", SOUTH_IBAN, "Darlehen Rate 7"))]
            .map(|(number, said)| text(&paid(number, "CODE", said)));
        let (head, tail) = first.split_once("</Stmt>").unwrap();
        let block = second.split_once("<Stmt>").unwrap().1.split_once("</Stmt>").unwrap().0;
        let rows = as_checked(&bank, &it.world, "both.xml", format!("{head}</Stmt><Stmt>{block}</Stmt>{tail}").as_bytes());
        assert_eq!(fates(&rows), [("suspense", ""), ("suspense", "")]);
        it.world.verify();
    }
}

/// A camt.053 without balances.
fn statement(number: &str, entries: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><GrpHdr><MsgId>{number}</MsgId>\
         <CreDtTm>{DAY}T18:00:00</CreDtTm></GrpHdr><Stmt><Id>{number}</Id><Acct><Id><IBAN>{CUSTODY_IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>{entries}</Stmt>\
         </BkToCstmrStmt></Document>\n"
    )
    .into_bytes()
}

/// An entry of the day with whatever else a bank says in it.
fn entry(amount: &str, credit: bool, bank: &str, inside: &str) -> String {
    let sign = if credit { "CRDT" } else { "DBIT" };
    format!(
        "<Ntry><Amt Ccy=\"EUR\">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>{DAY}</Dt></BookgDt><ValDt><Dt>{DAY}</Dt></ValDt>\
         <AcctSvcrRef>{bank}</AcctSvcrRef>{inside}</Ntry>"
    )
}

/// A credit with this remittance.
fn remitted(amount: &str, bank: &str, (end_to_end, inside): (&str, &str)) -> String {
    let payer =
        "<RltdPties><Dbtr><Nm>Payer</Nm></Dbtr><DbtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></DbtrAcct></RltdPties>";
    let refs = format!("<Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>");
    entry(amount, true, bank, &format!("<NtryDtls><TxDtls>{refs}{payer}<RmtInf>{inside}</RmtInf></TxDtls></NtryDtls>"))
}

fn strd(reference: &str, amount: &str) -> String {
    let amount = if amount.is_empty() {
        String::new()
    } else {
        format!("<RfrdDocAmt><RmtdAmt Ccy=\"EUR\">{amount}</RmtdAmt></RfrdDocAmt>")
    };
    format!("<Strd>{amount}<CdtrRefInf><Ref>{reference}</Ref></CdtrRefInf></Strd>")
}

/// The print form: groups of four.
fn printed(reference: &str) -> String {
    reference.as_bytes().chunks(4).map(|part| std::str::from_utf8(part).unwrap()).collect::<Vec<_>>().join(" ")
}

/// A2: the bank books a payment file as one sum that names the file.
#[test]
fn a2_one_debit_settles_all_payouts_of_its_file() {
    for database in Database::both() {
        let it = Setting::start(database);
        let bank = Transport::new(&it.world.database);
        // A file of these payouts; their ids and the file's.
        let sent = |amounts: &[i64]| {
            let mut ids = Vec::new();
            for minor in amounts {
                let body = json!({ "currency": "EUR", "amount_minor": minor });
                let key = format!("a2-payout-{}-{minor}", ids.len());
                let asked = it.supplier_api.api("request-payout", &key, &body);
                assert_eq!(asked.status, 200, "{}", asked.body);
                ids.push(asked.json()["result"]["end_to_end"].as_str().unwrap().to_owned());
            }
            make_payment_file(&it.operator, &it.checker, "EUR");
            let file = it.payout(&ids[0]).file_id.unwrap();
            (ids, file)
        };
        let batch = |file: PaymentFileId, count: &str, total: &str| {
            let total = if total.is_empty() { String::new() } else { format!("<TtlAmt Ccy=\"EUR\">{total}</TtlAmt>") };
            format!(
                "<NtryDtls><Btch><MsgId>KONTOR-{file}</MsgId><PmtInfId>KONTOR-{file}</PmtInfId><NbOfTxs>{count}</NbOfTxs>{total}</Btch></NtryDtls>"
            )
        };
        let states = |ids: &[String]| ids.iter().map(|id| it.state(id)).collect::<Vec<_>>();
        let tell = |name: &str, entries: &str| as_checked(&bank, &it.world, &format!("{name}.xml"), &statement(name, entries));

        let (ids, file) = sent(&[10_000, 20_000]);
        // Another count, or another sum, is another file's.
        for (name, amount, count) in [("COUNT", "300.00", "3"), ("LESS", "299.99", "2"), ("MORE", "300.01", "9")] {
            let rows = tell(name, &entry(amount, false, name, &batch(file, count, "")));
            assert_eq!(fates(&rows), [("attention", "unknown_debit")], "{name}");
        }
        assert_eq!(states(&ids), ["sent", "sent"]);
        let whole = entry("300.00", false, "D-1", &batch(file, "2", "300.00"));
        assert_eq!(fates(&tell("WHOLE", &whole)), [("matched", "")]);
        assert_eq!((states(&ids), it.cash()), (vec!["settled".to_owned(); 2], (70_000, 70_000)));
        assert_eq!(fates(&tell("AGAIN", &whole)), [("skipped", "duplicate")]);
        assert_eq!(fates(&tell("TWICE", &entry("300.00", false, "D-9", &batch(file, "2", "")))), [("attention", "double_debit")]);

        // With a charge inside: the payouts settle, and the charge waits for a person.
        let (ids, file) = sent(&[5_000, 6_000]);
        let charged = entry("111.50", false, "D-2", &batch(file, "2", "110.00"));
        assert_eq!(fates(&tell("CHARGED", &charged)), [("matched", ""), ("attention", "unknown_debit")]);
        assert_eq!((states(&ids), it.cash()), (vec!["settled".to_owned(); 2], (59_000, 59_000)));
        assert_eq!(fates(&tell("CHARGED-AGAIN", &charged)), [("skipped", "duplicate")]);
        let waiting =
            BankLine::find_where(&mut it.world.conn(), "state = 'attention' AND amount_minor = 150", &[]).unwrap().unwrap();
        let expense = json!({ "line_id": waiting.id, "act": "expense", "reason": "the bank's fee" });
        assert_eq!(it.operator_api.api("resolve-line", "a2-charge", &expense).status, 202);
        assert_eq!(approve(&it.checker).status, 200);
        // One payout with its charge, by the references of the transaction.
        let (ids, _) = sent(&[7_000]);
        let inside = format!(
            "<Chrgs><Rcrd><Amt Ccy=\"EUR\">0.35</Amt></Rcrd></Chrgs><NtryDtls><TxDtls><Refs><EndToEndId>{}</EndToEndId></Refs></TxDtls></NtryDtls>",
            ids[0]
        );
        assert_eq!(
            fates(&tell("ONE", &entry("70.35", false, "D-3", &inside))),
            [("matched", ""), ("attention", "unknown_debit")]
        );
        assert_eq!(states(&ids), ["settled"]);

        // A sum that names nothing is linked to its file by two people.
        let (ids, file) = sent(&[1_000, 2_000]);
        assert_eq!(fates(&tell("BARE", &entry("30.20", false, "D-4", ""))), [("attention", "unknown_debit")]);
        let line = BankLine::find_where(&mut it.world.conn(), "bank_reference = 'D-4'", &[]).unwrap().unwrap();
        let page = format!("/ops/bank-lines/{}", line.id);
        let fields = [("act", "link"), ("other_id", &*format!("kontor-{file}")), ("reason", "the bank's list")];
        let asked = it.operator.fill_and_confirm(&page, &format!("{page}/resolve"), &fields);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!(approve(&it.checker).status, 200);
        assert_eq!(states(&ids), ["settled", "settled"]);
        let rest = BankLine::find_where(&mut it.world.conn(), "twin_id = ?", &[line.id.into()]).unwrap().unwrap();
        assert_eq!((rest.state.name(), rest.amount_minor, rest.bank_reference.as_str()), ("attention", 20, "D-4"));
        // It was another file's: the link is taken back with what it had left over, and made anew.
        let cash = it.cash();
        let back = json!({ "line_id": line.id, "reason": "another file's debit" });
        assert_eq!(it.operator_api.api("take-back-line", "a2-take-back", &back).status, 202);
        assert_eq!(approve(&it.checker).status, 200);
        let row = |id: BankLineId| BankLine::find_where(&mut it.world.conn(), "id = ?", &[id.into()]).unwrap().unwrap();
        assert_eq!((states(&ids), it.cash()), (vec!["sent".to_owned(); 2], (cash.0 + 3_000, cash.1)));
        assert_eq!((row(line.id).state.name(), row(line.id).amount_minor), ("attention", 3_020));
        assert_eq!((row(rest.id).state.name(), row(rest.id).amount_minor), ("skipped", 0));
        assert_eq!(fates(&tell("BARE-AGAIN", &entry("30.20", false, "D-4", ""))), [("skipped", "duplicate")]);
        let asked = it.operator.fill_and_confirm(&page, &format!("{page}/resolve"), &fields);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!((approve(&it.checker).status, it.cash()), (200, cash));
        // Once what was left over is booked, that comes first.
        let rest = BankLine::find_where(&mut it.world.conn(), "twin_id = ? AND state = 'attention'", &[line.id.into()]);
        let rest = rest.unwrap().unwrap();
        let expense = json!({ "line_id": rest.id, "act": "expense", "reason": "the bank's fee" });
        assert_eq!(it.operator_api.api("resolve-line", "a2-rest-fee", &expense).status, 202);
        assert_eq!(approve(&it.checker).status, 200);
        let refused = it.operator_api.api("take-back-line", "a2-take-back-late", &back);
        assert_eq!((refused.status, refused.json()["code"].as_str()), (409, Some("state_conflict")), "{}", refused.body);

        // A debit of the amount and the account of a payout has it listed; its number is taken as people see it.
        let (ids, _) = sent(&[1_100]);
        let payee = "<NtryDtls><TxDtls><RltdPties><CdtrAcct><Id><IBAN>BE68539007547034</IBAN></Id></CdtrAcct></RltdPties></TxDtls></NtryDtls>";
        assert_eq!(fates(&tell("ALIKE", &entry("11.00", false, "D-19", payee))), [("attention", "unknown_debit")]);
        let line = BankLine::find_where(&mut it.world.conn(), "bank_reference = 'D-19'", &[]).unwrap().unwrap();
        let page = format!("/ops/bank-lines/{}", line.id);
        let seen = it.operator.open(&page).text();
        assert!(seen.contains(&format!("{} · {}", ids[0], SUPPLIER.0)), "{seen}");
        let fields = [("act", "link"), ("other_id", &*ids[0]), ("reason", "amount and account")];
        let asked = it.operator.fill_and_confirm(&page, &format!("{page}/resolve"), &fields);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!((approve(&it.checker).status, states(&ids)), (200, vec!["settled".to_owned()]));
        it.world.verify();
    }
}

/// A3: xs:boolean is written in four ways.
#[test]
fn a3_a_reversal_is_read_in_each_spelling() {
    for database in Database::both() {
        let it = Setting::start(database);
        let bank = Transport::new(&it.world.database);
        for (word, state, amount) in [
            ("true", "returned", "107.00"),
            ("1", "returned", "107.01"),
            ("0", "settled", "107.02"),
            ("false", "settled", "107.03"),
        ] {
            let id = it.pay_out(amount);
            let told = format!("<NtryDtls><TxDtls><Refs><EndToEndId>{id}</EndToEndId></Refs></TxDtls></NtryDtls>");
            let left = statement(&format!("{id}-OUT"), &entry(amount, false, &format!("{id}-1"), &told));
            bank.deliver(&it.world, &format!("{id}-out.xml"), &left);
            let back =
                entry(amount, true, &format!("{id}-2"), &told).replace("<Sts>", &format!("<RvslInd>{word}</RvslInd><Sts>"));
            bank.deliver(&it.world, &format!("{id}-back.xml"), &statement(&format!("{id}-BACK"), &back));
            assert_eq!(it.state(&id), state, "{word}");
        }
        it.world.verify();
    }
}

/// A4, A5, A5I: a reference is found in any structured block, in print form, and beside whatever else stands there.
#[test]
fn a4_a5_a_reference_is_found_wherever_it_stands() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let own = it.reference.clone();
        let document = "<Strd><RfrdDocInf><Tp><CdOrPrtry><Cd>CINV</Cd></CdOrPrtry></Tp><Nb>2026-0117</Nb></RfrdDocInf></Strd>";
        let cases = [
            ("A4", format!("{document}{}", strd(&own, ""))),
            ("A4-WORDS", format!("<Ustrd>Danke</Ustrd>{document}<Strd><AddtlRmtInf>Ref {own}</AddtlRmtInf></Strd>")),
            ("A5", format!("<Ustrd>Referenz: {} Danke</Ustrd>", printed(&own))),
            ("A5I", format!("<Ustrd>REF:{own}, INV 4711</Ustrd>")),
            ("A5-CUT", format!("<Ustrd>Rechnung 4711 {}</Ustrd><Ustrd>{}</Ustrd>", &own[..6], &own[6..])),
            ("A5-SMALL", format!("<Ustrd>({})</Ustrd>", own.to_lowercase())),
            ("A5-SPACED", format!("<Strd><CdtrRefInf><Ref>{}</Ref></CdtrRefInf></Strd>", printed(&own))),
        ];
        for (at, (name, inside)) in cases.iter().enumerate() {
            let file = statement(name, &remitted("41.00", name, ("NOTPROVIDED", inside)));
            assert_eq!(fates(&as_checked(&bank, &it.world, &format!("{name}.xml"), &file)), [("matched", "")], "{name}");
            assert_eq!(it.cash(), 4_100 * (i64::try_from(at).unwrap() + 1), "{name}");
        }
        let wrong = format!("<Ustrd>RF00{} {}</Ustrd>", &own[4..], "RF18539007547034");
        let file = statement("WRONG", &remitted("1.00", "WRONG", ("NOTPROVIDED", &wrong)));
        assert_eq!(fates(&as_checked(&bank, &it.world, "wrong.xml", &file)), [("suspense", "")], "another's or none");
        it.world.verify();
    }
}

/// A5J: a reference in a field that is not for it is a suggestion for a person.
#[test]
fn a5j_a_reference_in_another_field_is_a_suggestion() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let own = it.reference.clone();
        let elsewhere = remitted("55.00", "N-2", ("NOTPROVIDED", "<Ustrd>Rechnung</Ustrd>"));
        let elsewhere = elsewhere.replace("</Ntry>", &format!("<AddtlNtryInf>Gutschrift {own}</AddtlNtryInf></Ntry>"));
        for (name, told) in [("E2E", remitted("54.00", "N-1", (&own, "<Ustrd>Rechnung</Ustrd>"))), ("INFO", elsewhere)] {
            let rows = as_checked(&bank, &it.world, &format!("{name}.xml"), &statement(name, &told));
            assert_eq!((fates(&rows), it.cash()), (vec![("suspense", "suggested")], 0), "{name}: nothing is guessed");
        }
        let line = it.lines("suspense")[0].clone();
        let page = format!("/ops/bank-lines/{}", line.id);
        let shown = it.operator.open(&page);
        assert!(shown.body.contains(&format!("value=\"{own}\"")), "the form has it: {}", shown.text());
        let asked = it.operator.fill_and_confirm(&page, &format!("{page}/assign"), &[("reason", "the payer's own id")]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!(approve(&it.checker).status, 200);
        assert_eq!((it.cash(), it.line(line.id).kind.name()), (5_400, ""));
        it.world.verify();
    }
}

/// One transfer for several: divided where its amounts say how, else by two people.
#[test]
fn one_transfer_with_several_references_is_split_by_its_amounts() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let other = onboard(&it.world, &it.operator, BUYER);
        let theirs = it.world.api(BUYER.3).get("/api/v1/me").json()["company"]["reference"].as_str().unwrap().to_owned();
        let own = it.reference.clone();
        let cash = |party: PartyId| it.balance(AccountKey::cash(party, AssetId(978)));
        let both = [("matched", ""), ("matched", "")];
        let several = [("suspense", "several_references")];
        let cases = [
            ("ADVICE", format!("{}{}", strd(&own, "100.00"), strd(&theirs, "200.00")), &both[..]),
            ("TEXT", format!("<Ustrd>{own} EUR 100,00; {theirs} EUR 200,00</Ustrd>"), &both),
            ("NO-AMOUNTS", format!("<Ustrd>{own} und {theirs}</Ustrd>"), &several),
            ("OTHER-SUM", format!("{}{}", strd(&own, "100.00"), strd(&theirs, "199.99")), &several),
            ("ONE-WITHOUT", format!("{}{}", strd(&own, "100.00"), strd(&theirs, "")), &several),
        ];
        let mut parts = 0;
        for (name, inside, fate) in cases {
            let told = statement(name, &remitted("300.00", name, ("NOTPROVIDED", &inside)));
            assert_eq!(fates(&as_checked(&bank, &it.world, &format!("{name}.xml"), &told)), fate, "{name}");
            parts += i64::from(fate.len() == 2);
            assert_eq!((cash(it.party), cash(other)), (10_000 * parts, 20_000 * parts), "{name}");
            let bare = statement(&format!("{name}-2"), &entry("300.00", true, name, ""));
            let rows = as_checked(&bank, &it.world, &format!("{name}-2.xml"), &bare);
            assert_eq!(fates(&rows), [("skipped", "duplicate")], "{name}: as a sum it is known");
        }
        assert_eq!(it.suspense(), 90_000);
        // Two people divide what does not say how.
        let line = it.lines("suspense")[0].clone();
        assert!(line.note.contains(&own) && line.note.contains(&theirs), "{}", line.note);
        let assign = |reference: &str, amount: Option<i64>| {
            let mut body = json!({ "line_id": line.id, "reference": reference, "reason": "by the payer's letter" });
            amount.into_iter().for_each(|minor| body["amount_minor"] = minor.into());
            body
        };
        assert_eq!(it.refused("assign-suspense", &assign(&own, Some(30_001))), "amount_invalid");
        let _ = it.agree("assign-suspense", &assign(&own, Some(12_000)));
        assert_eq!((it.line(line.id).amount_minor, it.line(line.id).state.name()), (18_000, "suspense"));
        let _ = it.agree("assign-suspense", &assign(&theirs, None));
        assert_eq!((cash(it.party), cash(other), it.suspense()), (32_000, 58_000, 60_000));
        it.world.verify();
    }
}

/// A7: a bank begins the numbers of its statements anew each year.
#[test]
fn a7_statement_ids_are_used_again() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let told = |day: &str, bank: &str| {
            let file = statement("001", &remitted("7.00", bank, ("NOTPROVIDED", &strd(&it.reference, ""))));
            text(&file).replace(DAY, day).into_bytes()
        };
        bank.deliver(&it.world, "2025.xml", &told("2025-11-24", "Y-1"));
        bank.deliver(&it.world, "2026.xml", &told(DAY, "Y-2"));
        assert_eq!(it.cash(), 1_400);
        // The same statement once more, written otherwise, is no other.
        bank.put("again.xml", text(&told(DAY, "Y-2")).replace("<Stmt>", "\n<Stmt>").as_bytes());
        assert_eq!((bank.round(&it.world), it.cash()), (1, 1_400));
        assert!(bank.why("again.xml").starts_with("statement_repeated"), "{}", bank.why("again.xml"));
        it.world.verify();
    }
}

/// A9, M1: a refusal says what it refuses.
#[test]
fn a9_m1_a_refusal_names_the_message_and_the_account() {
    let it = Desk::start(Database::sqlite());
    let bank = Transport::new(&it.world.database);
    let intraday = text(&statement("A9", &entry("90.00", true, "A9", ""))).replace("camt.053", "camt.052");
    let intraday = intraday.replace("BkToCstmrStmt", "BkToCstmrAcctRpt").replace("Stmt>", "Rpt>");
    let own = text(&statement("M1", &entry("55.55", true, "M1-1", "")));
    let (head, tail) = own.split_once("</BkToCstmrStmt>").unwrap();
    let other = "<Stmt><Id>M1-O</Id><Acct><Id><IBAN>DE75512108001245126199</IBAN></Id><Ccy>EUR</Ccy></Acct></Stmt>";
    let cases = [
        ("a9.xml", intraday.clone(), "intraday_report: ", "camt.052.001.08"),
        ("a9-envelope.xml", format!("<E>{}</E>", intraday.split_once('\n').unwrap().1), "intraday_report: ", "camt.052.001.08"),
        ("m1.xml", format!("{head}{other}</BkToCstmrStmt>{tail}"), "statement_account_unknown: ", "DE75512108001245126199"),
    ];
    for (name, file, code, said) in cases {
        bank.put(name, file.as_bytes());
        assert_eq!(bank.round(&it.world), 1);
        assert!(bank.why(name).starts_with(code) && bank.why(name).contains(said), "{name}: {}", bank.why(name));
    }
    assert_eq!(it.suspense(), 0);
    bank.deliver(&it.world, "envelope.xml", format!("<E><Head/>{}</E>", own.split_once('\n').unwrap().1).as_bytes());
    assert_eq!(it.suspense(), 5_555);
    it.world.verify();
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A10: banks hand out their files in a zip.
#[test]
fn a10_a_zip_of_bank_files_is_taken_up() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let day = |number: &str| statement(number, &remitted("8.00", number, ("NOTPROVIDED", &strd(&it.reference, ""))));
        bank.deliver(&it.world, "days.zip", &zip(&[("1.xml", &day("Z-1")), ("2.xml", &day("Z-2"))]));
        assert_eq!(it.cash(), 1_600);
        // Through the page, with its check page, and a second operator.
        let file = zip(&[("3.xml", &day("Z-3")), ("4.xml", &day("Z-4"))]);
        let done = it.world.import(&it.operator, "more.zip", file);
        assert_eq!((done.status, it.cash()), (200, 3_200), "{}", done.text());
        let kept = BankFile::find_where(&mut it.world.conn(), "name = 'more.zip'", &[]).unwrap().unwrap();
        assert!(it.operator.open(&format!("/ops/bank-files/{}", kept.id)).text().contains("What became of the lines"));
        // What is no bank file in it is named.
        let nested = zip(&[("inner.zip", &zip(&[("5.xml", &day("Z-5"))]))]);
        let cases = [
            ("words.zip", zip(&[("order.xml", b"<Order/>")]), "wrong_kind: ", "order.xml"),
            ("nested.zip", nested, "zip_nested: ", "inner.zip"),
            ("empty.zip", zip(&[]), "zip_empty: ", ""),
        ];
        for (name, file, code, said) in cases {
            bank.put(name, &file);
            assert_eq!(bank.round(&it.world), 1);
            assert!(bank.why(name).starts_with(code) && bank.why(name).contains(said), "{name}: {}", bank.why(name));
        }
        assert_eq!(it.cash(), 3_200);
        it.world.verify();
    }
}

/// A10: a member of a zip that is bad, or here already, is refused by its own name, and the rest is taken up.
#[test]
fn a10_a_bad_or_repeated_member_of_a_zip_stops_no_other() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let day = |number: &str| statement(number, &remitted("8.00", number, ("NOTPROVIDED", &strd(&it.reference, ""))));
        let kept = |name: &str| BankFile::find_where(&mut it.world.conn(), "name = ?", &[name.into()]).unwrap().unwrap();
        bank.deliver(&it.world, "first.xml", &day("M-1"));
        let foreign = text(&day("M-3")).replace(CUSTODY_IBAN, "DE75512108001245126199").into_bytes();
        let own = [
            ("1-again.xml", text(&day("M-1")).replace("<Stmt>", "\n<Stmt>").into_bytes()),
            ("2.xml", day("M-2")),
            ("2-again.xml", day("M-2")),
            ("3-foreign.xml", foreign),
            ("4-order.xml", b"<Order/>".to_vec()),
            ("5-broken.xml", b"<Document".to_vec()),
            ("6-inner.zip", zip(&[("x.xml", &day("M-6"))])),
            ("7.xml", day("M-7")),
        ];
        let members: Vec<(&str, &[u8])> = own.iter().map(|(name, content)| (*name, content.as_slice())).collect();
        bank.deliver(&it.world, "mixed.zip", &zip(&members));
        assert_eq!(it.cash(), 2_400, "one day before, and two of the zip");
        let page = it.operator.open(&format!("/ops/bank-files/{}", kept("mixed.zip").id)).text();
        let refused = ["1-again.xml", "2-again.xml", "3-foreign.xml", "4-order.xml", "5-broken.xml", "6-inner.zip"];
        for name in refused {
            assert!(page.contains(name), "{name}: {page}");
        }
        assert!(page.contains("DE75512108001245126199") && page.contains("was imported already"), "each with its reason: {page}");
        let told = store::Notice::list_where(&mut it.world.conn(), "kind = 'bank_member_refused'", &[]).unwrap();
        assert!(refused.iter().all(|name| told.iter().any(|notice| notice.arguments.contains(name))), "{told:?}");
        assert!(!told.iter().any(|notice| notice.arguments.contains("7.xml")));

        // Through the page: the check says what is not taken up, and two people agree to that.
        let file = zip(&[("order.xml", b"<Order/>"), ("8.xml", &day("M-8"))]);
        let check = it.operator.upload("/ops/bank-files", "/ops/bank-files", &[("page.zip", file.clone())]).text();
        assert!(check.contains("Members that are not taken up") && check.contains("order.xml"), "{check}");
        assert_eq!((it.world.import(&it.operator, "page.zip", file).status, it.cash()), (200, 3_200));
        // Where nothing can be taken up, nothing is.
        bank.put("all.zip", &zip(&[("a.xml", &day("M-7")), ("b.xml", &day("M-8"))]));
        assert_eq!(bank.round(&it.world), 1);
        assert!(bank.why("all.zip").starts_with("statement_repeated: "), "{}", bank.why("all.zip"));

        // A long zip goes on, piece by piece, with what was taken up of it.
        let entries: String = (0..260).map(|number| remitted("0.01", &format!("L-{number}"), ("NOTPROVIDED", ""))).collect();
        let before = it.suspense();
        bank.deliver(&it.world, "long.zip", &zip(&[("again.xml", &day("M-7")), ("long.xml", &statement("M-9", &entries))]));
        for _ in 0..600 {
            if kept("long.zip").state == BankFileState::Imported {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert_eq!((it.suspense() - before, it.cash(), kept("long.zip").lines), (260, 3_200, 260));
        it.world.verify();
    }
}

/// Banks use the ids of their reports again: a repeat is known by what it says.
#[test]
fn a_status_id_that_is_used_again_is_no_repeat() {
    for database in Database::both() {
        let it = Setting::start(database);
        let bank = Transport::new(&it.world.database);
        let [first, second] = ["10.00", "20.00"].map(|amount| it.pay_out(amount));
        let report = |id: &str, status: &str| {
            let file = format!("KONTOR-{}", it.payout(id).file_id.unwrap());
            crate::payouts::status_report("10", "STATUS-1", &file, "", "", &[(id, status, "")])
        };
        bank.deliver(&it.world, "one.xml", &report(&first, "ACSP"));
        assert_eq!((it.state(&first), it.state(&second)), ("pending".to_owned(), "sent".to_owned()));
        // The same id for another file, and later for other news of the same one.
        bank.deliver(&it.world, "two.xml", &report(&second, "RJCT"));
        bank.deliver(&it.world, "three.xml", &report(&first, "RJCT"));
        assert_eq!((it.state(&first), it.state(&second)), ("rejected".to_owned(), "rejected".to_owned()));
        // The same once more, written otherwise, is no other; made at another time it is, and says nothing new.
        let again = text(&report(&second, "RJCT"));
        bank.put("again.xml", again.replace("<GrpHdr>", "\n<GrpHdr>").as_bytes());
        assert_eq!(bank.round(&it.world), 1);
        assert!(bank.why("again.xml").starts_with("statement_repeated"), "{}", bank.why("again.xml"));
        bank.deliver(&it.world, "later.xml", again.replace("T10:00:00Z", "T11:00:00Z").as_bytes());
        assert_eq!(it.cash(), (100_000, 100_000));
        // The schema of before has no room for that, and loses nothing.
        let count = |sql: &str| store::query::int(&mut it.world.conn(), sql, &[]).unwrap();
        assert_eq!(count("SELECT COUNT(*) AS value FROM status_reports"), Some(4));
        it.world.verify();
    }
}

/// A10: of a zip of reports on payments each is taken up, or refused by its own name.
#[test]
fn a10_a_zip_of_reports_is_taken_up_member_by_member() {
    for database in Database::both() {
        let it = Setting::start(database);
        let bank = Transport::new(&it.world.database);
        let [first, second, third, fourth] = ["10.00", "20.00", "30.00", "40.00"].map(|amount| it.pay_out(amount));
        let report = |number: &str, id: &str, status: &str| {
            let file = format!("KONTOR-{}", it.payout(id).file_id.unwrap());
            crate::payouts::status_report("10", number, &file, "", "", &[(id, status, "")])
        };
        let states = || [&first, &second, &third, &fourth].map(|id| it.state(id));
        let kept = |name: &str| BankFile::find_where(&mut it.world.conn(), "name = ?", &[name.into()]).unwrap().unwrap();
        let members = [
            ("1.xml", report("R-1", &first, "ACSP")),
            ("2.xml", report("R-2", &second, "RJCT")),
            ("2-again.xml", text(&report("R-2", &second, "RJCT")).replace("<GrpHdr>", "\n<GrpHdr>").into_bytes()),
            ("3-order.xml", b"<Order/>".to_vec()),
            ("4-broken.xml", b"<Document".to_vec()),
        ];
        let members: Vec<(&str, &[u8])> = members.iter().map(|(name, content)| (*name, content.as_slice())).collect();
        bank.deliver(&it.world, "reports.zip", &zip(&members));
        assert_eq!(states(), ["pending", "rejected", "sent", "sent"]);
        let page = it.operator.open(&format!("/ops/bank-files/{}", kept("reports.zip").id)).text();
        let told = store::Notice::list_where(&mut it.world.conn(), "kind = 'bank_member_refused'", &[]).unwrap();
        for name in ["2-again.xml", "3-order.xml", "4-broken.xml"] {
            assert!(page.contains(name) && told.iter().any(|notice| notice.arguments.contains(name)), "{name}: {page} {told:?}");
        }
        assert!(page.contains("was imported already") && !page.contains(" 2.xml"), "{page}");

        // Through the page: the check shows each report, what one rejects is rejected for the next, and two people agree to that.
        let members = [
            ("3.xml", report("R-3", &third, "RJCT")),
            ("3-later.xml", report("R-4", &third, "RJCT")),
            ("4.xml", report("R-5", &fourth, "ACSP")),
            ("1.xml", report("R-1", &first, "ACSP")),
        ];
        let members: Vec<(&str, &[u8])> = members.iter().map(|(name, content)| (*name, content.as_slice())).collect();
        let file = zip(&members);
        let check = it.operator.upload("/ops/bank-files", "/ops/bank-files", &[("page.zip", file.clone())]).text();
        assert!(check.contains("Members that are not taken up") && check.contains("1.xml"), "{check}");
        assert_eq!((check.matches("30.00").count(), check.matches("Already rejected").count()), (1, 1), "{check}");
        assert_eq!(states(), ["pending", "rejected", "sent", "sent"], "one person alone moves nothing");
        assert_eq!(it.world.import(&it.operator, "page.zip", file.clone()).status, 200);
        assert_eq!(states(), ["pending", "rejected", "rejected", "pending"]);
        assert_eq!(it.cash(), (100_000, 95_000), "two are free again");

        // Where nothing is new, nothing is taken up; beside statements a report is refused by its name.
        bank.put("again.zip", &file);
        bank.put("old.zip", &zip(&members[2..]));
        assert_eq!(bank.round(&it.world), 2);
        for name in ["again.zip", "old.zip"] {
            assert!(bank.why(name).starts_with("statement_repeated"), "{}", bank.why(name));
        }
        let late = report("R-6", &fourth, "RJCT");
        bank.deliver(&it.world, "mixed.zip", &zip(&[("day.xml", &camt054("A10-R", &[credit("1.00", "")])), ("late.xml", &late)]));
        let page = it.operator.open(&format!("/ops/bank-files/{}", kept("mixed.zip").id)).text();
        assert!(page.contains("late.xml") && it.state(&fourth) == "pending", "{page}");
        assert!(page.contains("come in a zip or file of their own") && !page.contains("not a document that is taken"), "{page}");
        let count = store::query::int(&mut it.world.conn(), "SELECT COUNT(*) AS value FROM status_reports", &[]).unwrap();
        assert_eq!(count, Some(5));
        it.world.verify();
    }
}

/// The way back to an earlier schema goes on when a bank has used its ids again, and deletes nothing.
#[test]
fn ids_that_were_used_again_stand_in_no_migrations_way() {
    for database in Database::both() {
        let mut conn = store::connect(&database.url).unwrap();
        e2e::world::set_up(&database, DAY.parse().unwrap(), &e2e::world::clock());
        let hold = |conn: &mut store::Conn, at: i64| {
            let row = store::Statement {
                id: StatementId(900_000 + at),
                sha256: format!("{at}"),
                message: "M".into(),
                statement: "1".into(),
                iban: CUSTODY_IBAN.into(),
                currency: "EUR".into(),
                opening_minor: None,
                closing_minor: None,
                imported_at: e2e::world::clock().now(),
                imported_by: UserId(1),
                file_id: None,
                from_date: None,
                to_date: format!("2026-11-{}", 20 + at).parse().ok(),
                continuity: Continuity::None,
                gap_minor: 0,
                reason: String::new(),
                custody_id: CustodyId(0),
            };
            row.insert(conn).unwrap();
            let report = store::StatusReport {
                id: StatusReportId(910_000 + at),
                sha256: format!("{at}"),
                message: "M".into(),
                original_message: "KONTOR-1".into(),
                imported_at: e2e::world::clock().now(),
                imported_by: UserId(1),
                content: Some(format!("{at}")),
            };
            report.insert(conn).unwrap();
        };
        hold(&mut conn, 1);
        hold(&mut conn, 2);
        let newest = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite")).unwrap();
        let steps = newest.filter(|entry| *entry.as_ref().unwrap().file_name() >= *"2026-11-30-000240").count();
        store::connection::revert(&mut conn, steps).unwrap();
        for table in ["statements", "status_reports"] {
            let rows = store::query::int(&mut conn, &format!("SELECT COUNT(*) AS value FROM {table}"), &[]).unwrap();
            assert_eq!(rows, Some(2), "{}: {table}", database.kind);
        }
        assert_eq!(store::migrate(&mut conn).unwrap(), steps);
    }
}

/// Advice that names an invoice of ours by its number alone: the place is suggested where its payer owes exactly one of that number.
#[test]
fn the_number_of_an_invoice_that_its_payer_owes_is_suggested() {
    for database in Database::both() {
        let trade = crate::settlement::Trade::start(database, &[domain::Currency::EUR]);
        let [one, two] = [400_000, 500_000].map(|minor| trade.sell(domain::Currency::EUR, minor).id);
        let row =
            |id: ReceivableId| store::Receivable::find_where(&mut trade.world.conn(), "id = ?", &[id.into()]).unwrap().unwrap();
        let number = |id: ReceivableId| {
            let invoice = store::Invoice::find_where(&mut trade.world.conn(), "id = ?", &[row(id).invoice_id.into()]);
            invoice.unwrap().unwrap().number
        };
        let (first, second) = (number(one), number(two));
        let paid = |minor: i64, name: &str, words: &str| {
            let entry = server::demo::files::DemoEntry {
                name: name.to_owned(),
                remittance: words.to_owned(),
                ..crate::journey::incoming(minor, "")
            };
            let _ = trade.receive(domain::Currency::EUR, "2026-03-02", &[entry]);
            let line = BankLine::find_where(&mut trade.world.conn(), "id > 0 ORDER BY id DESC LIMIT 1", &[]).unwrap().unwrap();
            (line.state.name(), line.kind.name(), line.note)
        };
        let suggested = |id: ReceivableId| ("suspense", "suggested", row(id).reference);
        let nothing = ("suspense", "", String::new());
        assert_eq!(paid(11_001, BUYER.0, &format!("Rechnung {first}, danke")), suggested(one));
        assert_eq!(paid(11_002, &BUYER.0.to_uppercase(), &format!("RE {}", second.to_uppercase())), suggested(two));
        assert_eq!(paid(11_003, BUYER.0, &format!("{first} und {second}")), nothing, "two are none");
        assert_eq!(paid(11_004, "Somebody Else", &first), nothing, "another payer owes nothing");
        assert_eq!(paid(11_005, BUYER.0, &format!("{first}99")), nothing, "another number");
        assert_eq!(paid(11_006, BUYER.0, "Miete"), nothing);
        trade.world.verify();
    }
}

/// B1: what the payee reads is in the characters that every bank takes, and says which payment comes back.
#[test]
fn b1_texts_of_payments_are_in_the_characters_that_banks_take() {
    for database in Database::both() {
        let it = Desk::start(database);
        let _ = it.notify(&[Written { text: "Miete für Größe_7 · 明川", ..euro("12.00", "B1-1", "") }]);
        let line = it.newest().id;
        let _ = it.agree("return-suspense", &json!({ "line_id": line, "reason": "nobody's" }));
        let _ = it.agree("create-payment-file", &payment_list(&it.api, "EUR"));
        let made = store::PaymentFile::find_where(&mut it.world.conn(), "id > 0", &[]).unwrap().unwrap();
        let file = store::records::find_document(&mut it.world.conn(), &made.document).unwrap().unwrap();
        let file = String::from_utf8(file.content).unwrap();
        assert!(file.is_ascii() && file.contains("<Ustrd>Return Miete fuer Groesse 7 Ming Chuan</Ustrd>"), "{file}");
        it.world.verify();
    }
}

/// B2: the file says where a company is, as its data are when the file is made, and two people agree to that; a payer whose money goes
/// back is no company.
#[test]
fn b2_a_payment_file_has_the_address_of_the_company() {
    for database in Database::both() {
        let it = Setting::start(database);
        let newest = || {
            let made = store::PaymentFile::find_where(&mut it.world.conn(), "id > 0 ORDER BY id DESC LIMIT 1", &[]);
            let document = made.unwrap().unwrap().document;
            let kept = store::records::find_document(&mut it.world.conn(), &document).unwrap().unwrap();
            (document, String::from_utf8(kept.content).unwrap())
        };
        let _ = it.pay_out("1.00");
        assert!(!newest().1.contains("PstlAdr"), "none is known: {}", newest().1);

        let supplier = store::Party::find_where(&mut it.world.conn(), "name = ?", &[SUPPLIER.0.into()]).unwrap().unwrap().id;
        let address =
            [("street", "Große Straße"), ("building", "1"), ("postcode", "24103"), ("town", "Köln"), ("address_country", "DE")];
        correct(&it.world, supplier, &address);
        let paid = it.supplier.fill_and_confirm("/cash", "/cash/payouts", &[("currency", "EUR"), ("amount", "2.00")]);
        assert_eq!(paid.status, 200, "{}", paid.text());
        // Beside it money that goes back to somebody unknown.
        assert_eq!(it.world.import(&it.operator, "lost.xml", camt054("B2", &[credit("3.00", "")])).status, 200);
        let line = BankLine::find_where(&mut it.world.conn(), "state = 'suspense'", &[]).unwrap().unwrap().id;
        let back = it.operator_api.api("return-suspense", "b2-give-back", &json!({ "line_id": line, "reason": "nobody's" }));
        assert_eq!((back.status, approve(&it.checker).status), (202, 200), "{}", back.body);
        let list = it.operator_api.get("/api/v1/payouts/list?currency=EUR").json();
        let told: Vec<&str> = list["items"].as_array().unwrap().iter().map(|row| row["address"].as_str().unwrap()).collect();
        assert_eq!(told, ["Große Straße 1, 24103 Köln, DE", ""]);

        // Two people agree to one address: another one since is another list.
        let asked = it.operator_api.api("create-payment-file", "b2-ask-file", &payment_list(&it.operator_api, "EUR"));
        assert_eq!(asked.status, 202, "{}", asked.body);
        let request = it.checker.open("/approvals?state=pending").link("/approvals/");
        assert!(it.checker.open(&request).text().contains("24103 Köln"), "{}", it.checker.open(&request).text());
        correct(&it.world, supplier, &[("building", "7")]);
        let refused = it.checker.fill(&request, &request, &[]);
        assert!(refused.text().contains("no longer the ones on the list"), "{}", refused.text());
        make_payment_file(&it.operator, &it.checker, "EUR");

        let (document, file) = newest();
        let written = "<StrtNm>Grosse Strasse</StrtNm><BldgNb>7</BldgNb><PstCd>24103</PstCd><TwnNm>Koeln</TwnNm><Ctry>DE</Ctry>";
        assert!(file.contains(&format!("</Nm><PstlAdr>{written}</PstlAdr></Cdtr>")), "{file}");
        assert_eq!((file.matches("<Cdtr>").count(), file.matches("<PstlAdr>").count()), (2, 1), "{file}");
        // A file stays as it was sent.
        correct(&it.world, supplier, &[("town", "Kiel")]);
        assert_eq!(it.operator.get(&format!("/documents/{document}")).body, file);
        // Where the account's holder has another name than the company, it is not known where the holder is.
        correct(&it.world, supplier, &[("name", "Another House GmbH")]);
        let _ = it.pay_out("1.50");
        assert!(!newest().1.contains("PstlAdr"), "{}", newest().1);
        it.world.verify();
    }
}

/// What two people placed or recorded wrongly, two people take back.
#[test]
fn a_wrong_placement_is_taken_back() {
    for database in Database::both() {
        let it = Desk::start(database);
        let other = onboard(&it.world, &it.operator, BUYER);
        let theirs = it.world.api(BUYER.3).get("/api/v1/me").json()["company"]["reference"].as_str().unwrap().to_owned();
        let cash = |party: PartyId| it.balance(AccountKey::cash(party, AssetId(978)));
        let claim = |party: PartyId| it.balance(AccountKey::claim(party, AssetId(978)));
        let custody = || it.balance(AccountKey::custody(CustodyId(0), AssetId(978)));
        let take_back = |line: BankLineId| json!({ "line_id": line, "reason": "it was the other company's" });

        // Placed with the wrong company, taken back, and placed rightly.
        let _ = it.notify(&[euro("90.00", "P-1", "")]);
        let line = it.newest().id;
        assert_eq!(it.refused("take-back-line", &take_back(line)), "state_conflict", "it has no place yet");
        let assign = |reference: &str| json!({ "line_id": line, "reference": reference, "reason": "by the letter" });
        let _ = it.agree("assign-suspense", &assign(&theirs));
        assert_eq!((cash(other), it.suspense()), (9_000, 0));
        let page = format!("/ops/bank-lines/{line}");
        let reason = [("reason", "the wrong company")];
        let check = it.operator.fill(&page, &format!("{page}/take-back"), &reason).text();
        for said in ["Placed with", BUYER.0, "Comes back from there", "In suspense", "the wrong company"] {
            assert!(check.contains(said), "{said}: {check}");
        }
        assert_eq!(cash(other), 9_000, "a check page moves nothing");
        let asked = it.operator.fill_and_confirm(&page, &format!("{page}/take-back"), &reason);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!(cash(other), 9_000, "one person alone moves nothing");
        assert_eq!(approve(&it.checker).status, 200);
        assert_eq!((cash(other), it.suspense(), it.line(line).state.name()), (0, 9_000, "suspense"));
        let _ = it.agree("assign-suspense", &assign(&it.reference));
        assert_eq!((cash(it.party), it.suspense()), (9_000, 0));

        // What was earmarked meanwhile is a claim; it is paid like any other.
        set_limit(&it.world, SUPPLIER.3, "EUR", "1,000,000.00");
        verify_account(&it.world, (&it.operator, &it.checker), SUPPLIER.3, "BE68 5390 0754 7034");
        let paid = it.supplier.api("request-payout", &it.key(), &json!({ "currency": "EUR", "amount_minor": 4_000 }));
        assert_eq!(paid.status, 200, "{}", paid.body);
        let _ = it.agree("take-back-line", &take_back(line));
        assert_eq!((cash(it.party), claim(it.party), it.suspense()), (4_000, 4_000, 9_000));
        let owed = BankLine::find_where(&mut it.world.conn(), "kind = 'placement_reversed'", &[]).unwrap().unwrap();
        assert_eq!((owed.state.name(), owed.claim_minor, owed.twin_id), ("claimed", 4_000, Some(line)));
        let _ = it.notify(&[euro("40.00", "P-2", "")]);
        let paying = it.newest().id;
        // Nothing is filled in, what may pay is named with payer and amount, and both sides are shown to both people.
        let page = it.operator.open(&format!("/ops/bank-lines/{}", owed.id));
        let typed = page.form(&format!("/ops/bank-lines/{}/resolve", owed.id)).into_iter().find(|(name, _)| name == "other_id");
        assert_eq!(typed.unwrap().1, "");
        assert!(page.text().contains(&format!("Bank line {paying} · Payer · EUR 40.00")), "{}", page.text());
        assert!(!page.text().contains(&format!("Bank line {line} · Payer")), "{}", page.text());
        let pays = json!({ "line_id": owed.id, "act": "settle_claim", "other_id": paying, "reason": "the supplier paid" });
        assert_eq!(it.ask("resolve-line", &pays).status, 202);
        let request = it.checker.open("/approvals?state=pending").link("/approvals/");
        let said = it.checker.open(&request).text();
        for part in ["The other record", "Claimed afterwards", "The claim is on", SUPPLIER.0, "Payer", "EUR 40.00"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let form = [("decision", "reject"), ("reason", "by hand below")];
        let turned = it.checker.open(&request).form(&request);
        let mut turned: Vec<(String, String)> = turned.into_iter().filter(|(name, _)| name != "decision").collect();
        turned.extend(form.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(it.checker.post(&request, &turned).status, 303);
        it.resolve(owed.id, "settle_claim", Some(paying.into()));
        assert_eq!((claim(it.party), it.line(owed.id).state.name()), (0, "reversed"));
        // The payment of the claim was a mistake, too.
        let _ = it.agree("take-back-line", &take_back(paying));
        assert_eq!((claim(it.party), it.suspense()), (4_000, 13_000));
        assert_eq!((it.line(owed.id).state.name(), it.line(owed.id).claim_minor), ("claimed", 4_000));

        // A receipt by hand that was never there leaves the account again; once a file has brought it, it waits in suspense.
        let before = custody();
        let _ = it.agree("record-receipt", &it.receipt(700, &theirs));
        let recorded = BankLine::find_where(&mut it.world.conn(), "kind = 'recorded'", &[]).unwrap().unwrap().id;
        assert_eq!((cash(other), custody()), (700, before + 700));
        let _ = it.agree("take-back-line", &take_back(recorded));
        assert_eq!((cash(other), custody(), it.line(recorded).state.name()), (0, before, "reversed"));
        assert_eq!(it.refused("take-back-line", &take_back(recorded)), "state_conflict", "once");
        let balance = server::demo::files::camt053(CUSTODY_IBAN, domain::Currency::EUR, DAY.parse().unwrap(), "BAL", before, &[]);
        assert_eq!(it.import_file(balance.into_bytes()).status, 200);
        let compared = store::reconciliation::compare(&mut it.world.conn(), (CustodyId(0), "EUR"), None).unwrap().unwrap();
        assert_eq!((compared.recorded_minor, compared.unexplained_minor()), (0, 0), "books and bank agree without it");
        let _ = it.agree("record-receipt", &it.receipt(800, &theirs));
        assert_eq!(it.notify(&[euro("8.00", "P-3", &theirs)])["confirmed"], 1);
        let waiting = it.suspense();
        let confirmed = it.newest();
        assert_eq!(it.refused("take-back-line", &take_back(confirmed.id)), "state_conflict", "the receipt is what was booked");
        let _ = it.agree("take-back-line", &take_back(confirmed.twin_id.unwrap()));
        assert_eq!((cash(other), it.suspense() - waiting, custody()), (0, 800, before + 800));
        crate::journey::every_receipt_leads_somewhere(&it.world);
        it.world.verify();
    }
}

/// Found by an attack: what a stranger paid, and was spent by whom it was placed with, pays no claim that arose of taking it back, nor does
/// another part of it; and two people agree to the sum that they were shown.
#[test]
fn a_strangers_money_pays_no_claim_of_its_own_take_back() {
    for database in Database::both() {
        let it = Desk::start(database);
        let claim = || it.balance(AccountKey::claim(it.party, AssetId(978)));
        set_limit(&it.world, SUPPLIER.3, "EUR", "1,000,000.00");
        verify_account(&it.world, (&it.operator, &it.checker), SUPPLIER.3, "BE68 5390 0754 7034");
        let spend = |amount_minor: i64| {
            let body = json!({ "currency": "EUR", "amount_minor": amount_minor });
            let paid = it.supplier.api("request-payout", &it.key(), &body);
            assert_eq!(paid.status, 200, "{}", paid.body);
        };
        let settle = |owed: BankLineId, paying: BankLineId| {
            it.refused("resolve-line", &json!({ "line_id": owed, "act": "settle_claim", "other_id": paying, "reason": "paid" }))
        };
        let owed_of = |line: BankLineId| {
            let condition = "kind = 'placement_reversed' AND twin_id = ?";
            BankLine::find_where(&mut it.world.conn(), condition, &[line.into()]).unwrap().unwrap().id
        };
        let _ = it.notify(&[euro("500.00", "X-1", "")]);
        let line = it.newest().id;
        let assign = json!({ "line_id": line, "reference": it.reference, "reason": "by the letter" });
        let take_back =
            |line: BankLineId, claim_minor: i64| json!({ "line_id": line, "reason": "a stranger's", "claim_minor": claim_minor });
        let _ = it.agree("assign-suspense", &assign);
        // The page said that all of it comes back; meanwhile it is spent.
        let page = format!("/ops/bank-lines/{line}");
        let asked = it.operator.fill_and_confirm(&page, &format!("{page}/take-back"), &[("reason", "a stranger's")]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        let request = it.checker.open("/approvals?state=pending").link("/approvals/");
        let seen = it.checker.open(&request).form(&request);
        spend(50_000);
        let late = it.checker.post(&request, &seen);
        assert!(late.status == 409 && late.text().contains("has changed since you looked"), "{}", late.text());
        assert_eq!((it.line(line).state.name(), claim()), ("placed", 0));
        let now = it.checker.open(&request);
        assert!(now.text().contains("another sum would become a claim"), "{}", now.text());
        assert!(!now.body.contains("value=\"approve\""), "{}", now.body);
        // Only "no" is left to say.
        let mut turned: Vec<(String, String)> = now.form(&request).into_iter().filter(|(name, _)| name != "reason").collect();
        turned.push(("reason".to_owned(), "look again".to_owned()));
        assert_eq!(it.checker.post(&request, &turned).status, 303);
        assert_eq!(it.refused("take-back-line", &take_back(line, 0)), "check_changed");
        let _ = it.agree("take-back-line", &take_back(line, 50_000));
        let owed = owed_of(line);
        assert_eq!((claim(), it.suspense()), (50_000, 50_000));
        // The company sees that it owes it, and so does the operator.
        let supplier = it.world.signed_in(SUPPLIER.3);
        for page in ["/cash", "/home"] {
            let text = supplier.open(page).text();
            assert!(text.to_lowercase().contains("the platform") && text.contains("EUR 500.00"), "{page}: {text}");
        }
        assert!(supplier.open("/cash").text().contains("You owe the platform EUR 500.00"));
        let text = it.operator.open(&format!("/ops/companies/{}", it.party)).text();
        assert!(text.contains("Owed to the platform EUR 500.00"), "{text}");
        let told = it.supplier.get("/api/v1/balances").json();
        assert_eq!(
            (&told["items"][0]["owed_to_platform_minor"], &told["items"][0]["available_minor"]),
            (&json!(50_000), &json!(0))
        );
        assert_eq!(settle(owed, line), "not_same_money");
        // A part of it, placed, spent and taken back: neither the part nor the rest pays.
        let _ = it.agree(
            "assign-suspense",
            &json!({ "line_id": line, "reference": it.reference, "reason": "a part", "amount_minor": 20_000 }),
        );
        let condition = "state = 'placed' AND amount_minor = 20000";
        let part = BankLine::find_where(&mut it.world.conn(), condition, &[]).unwrap().unwrap().id;
        assert_eq!(settle(owed, part), "line_already_settled");
        spend(20_000);
        let _ = it.agree("take-back-line", &take_back(part, 20_000));
        let again = owed_of(part);
        for (owed, paying) in [(owed, part), (again, part), (again, line), (owed, line)] {
            assert_eq!(settle(owed, paying), "not_same_money", "{owed} {paying}");
        }
        // Another payment of the same payer is other money.
        let _ = it.notify(&[euro("200.00", "X-2", "")]);
        it.resolve(again, "settle_claim", Some(it.newest().id.into()));
        assert_eq!((claim(), it.line(again).state.name()), (50_000, "reversed"));

        // The bank takes a receipt back: what was shown of it binds alike.
        let _ = it.notify(&[euro("30.00", "X-3", &it.reference)]);
        let credited = it.newest().id;
        let _ = it.notify(&[Written { reversal: true, ..debit("30.00", "BACK-X") }]);
        let page = format!("/ops/bank-lines/{}", it.newest().id);
        let number = credited.to_string();
        let fields = [("act", "reverse"), ("other_id", number.as_str()), ("reason", "recalled")];
        let _ = it.operator.fill_and_confirm(&page, &format!("{page}/resolve"), &fields);
        let request = it.checker.open("/approvals?state=pending").link("/approvals/");
        let seen = it.checker.open(&request).form(&request);
        spend(1_000);
        let late = it.checker.post(&request, &seen);
        assert!(late.status == 409 && late.text().contains("has changed since you looked"), "{}", late.text());
        assert_eq!(it.line(credited).state.name(), "matched");
        it.world.verify();
    }
}

/// What two people decided wrongly about a line that waited, two people take back.
#[test]
fn a_wrong_decision_about_a_line_is_taken_back() {
    for database in Database::both() {
        let it = Desk::start(database);
        let of = |key: AccountKey| it.balance(key);
        let (custody, expense) = (AccountKey::custody(CustodyId(0), AssetId(978)), AccountKey::expense(AssetId(978)));
        let claim = AccountKey::claim(PartyId(0), AssetId(978));
        let take_back = |line: BankLineId| json!({ "line_id": line, "reason": "looked at once more" });
        let undo = |line: BankLineId| drop(it.agree("take-back-line", &take_back(line)));
        let seen = |line: BankLineId| (it.line(line).state.name(), it.line(line).kind.name());
        let waits = |kind: &'static str| ("attention", kind);

        // A debit was linked to the wrong one of two payouts.
        set_limit(&it.world, SUPPLIER.3, "EUR", "1,000,000.00");
        verify_account(&it.world, (&it.operator, &it.checker), SUPPLIER.3, "BE68 5390 0754 7034");
        let _ = it.notify(&[euro("100.00", "L-1", &it.reference)]);
        let pay_out = || {
            let asked = it.supplier.api("request-payout", &it.key(), &json!({ "currency": "EUR", "amount_minor": 2_000 }));
            it.agree("create-payment-file", &payment_list(&it.api, "EUR"));
            PayoutId(asked.json()["result"]["payout_id"].as_i64().unwrap())
        };
        let (wrong, right) = (pay_out(), pay_out());
        let payout = |id: PayoutId| store::Payout::find_where(&mut it.world.conn(), "id = ?", &[id.into()]).unwrap().unwrap();
        let _ = it.notify(&[debit("20.00", "THE-BANKS-OWN")]);
        let line = it.newest().id;
        assert_eq!(it.refused("take-back-line", &take_back(line)), "state_conflict", "nobody has decided yet");
        it.resolve(line, "link", Some(wrong.into()));
        assert_eq!((payout(wrong).state.name(), it.cash(), of(custody)), ("settled", 8_000, 8_000));
        let page = format!("/ops/bank-lines/{line}");
        let reason = [("reason", "the other payout")];
        let check = it.operator.fill(&page, &format!("{page}/take-back"), &reason).text();
        for said in ["Payout with the bank again", payout(wrong).end_to_end.as_str(), "Needs attention", "the other payout"] {
            assert!(check.contains(said), "{said}: {check}");
        }
        let asked = it.operator.fill_and_confirm(&page, &format!("{page}/take-back"), &reason);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!(payout(wrong).state.name(), "settled", "one person alone moves nothing");
        assert_eq!(approve(&it.checker).status, 200);
        assert_eq!((payout(wrong).state.name(), seen(line)), ("sent", waits("unknown_debit")));
        assert_eq!((it.line(line).payout_id, it.cash(), of(custody)), (None, 10_000, 10_000));
        let free = it.supplier.get("/api/v1/balances").json()["items"][0]["available_minor"].as_i64();
        assert_eq!(free, Some(6_000), "both payouts are with the bank");
        let balance = server::demo::files::camt053(CUSTODY_IBAN, domain::Currency::EUR, DAY.parse().unwrap(), "L", 8_000, &[]);
        assert_eq!(it.import_file(balance.into_bytes()).status, 200);
        let compared = store::reconciliation::compare(&mut it.world.conn(), (CustodyId(0), "EUR"), None).unwrap().unwrap();
        assert_eq!((compared.attention_minor, compared.unexplained_minor()), (2_000, 0));
        it.resolve(line, "link", Some(right.into()));
        assert_eq!((payout(right).state.name(), it.cash(), of(custody)), ("settled", 8_000, 8_000));
        // What the bank's own id says is no decision of people.
        let _ = it.notify(&[debit("20.00", payout(wrong).end_to_end.as_str())]);
        assert_eq!(it.refused("take-back-line", &take_back(it.newest().id)), "state_conflict");
        assert_eq!((payout(wrong).state.name(), it.cash()), ("settled", 6_000));

        // A debit that was no charge and nothing to claim.
        let _ = it.notify(&[debit("3.00", "FEE")]);
        let fee = it.newest().id;
        it.resolve(fee, "expense", None);
        assert_eq!((of(expense), of(custody)), (300, 5_700));
        undo(fee);
        assert_eq!((of(expense), of(custody), seen(fee)), (0, 6_000, waits("unknown_debit")));
        it.resolve(fee, "claim", None);
        assert_eq!((of(claim), of(custody)), (300, 5_700));
        undo(fee);
        assert_eq!((of(claim), of(custody), seen(fee)), (0, 6_000, waits("unknown_debit")));
        // A part of it was paid: that is taken back first.
        it.resolve(fee, "claim", None);
        let _ = it.notify(&[euro("1.00", "L-2", "")]);
        let paying = it.newest().id;
        it.resolve(fee, "settle_claim", Some(paying.into()));
        assert_eq!(it.refused("take-back-line", &take_back(fee)), "state_conflict");
        undo(paying);
        assert_eq!((of(claim), it.suspense()), (300, 100));
        // Written off, owed again, and no claim after all.
        it.resolve(fee, "write_off", None);
        assert_eq!((of(claim), of(expense)), (0, 300));
        undo(fee);
        assert_eq!((of(claim), of(expense), it.line(fee).state.name(), it.line(fee).claim_minor), (300, 0, "claimed", 300));
        undo(fee);
        assert_eq!((of(claim), of(custody), seen(fee)), (0, 6_100, waits("unknown_debit")));
        it.resolve(fee, "explain", None);
        undo(fee);
        assert_eq!((seen(fee), it.refused("take-back-line", &take_back(fee))), (waits("unknown_debit"), "state_conflict".into()));

        // Other money than the recorded receipt; and no new money after all.
        let _ = it.agree("record-receipt", &it.receipt(700, &it.reference));
        let receipt = BankLine::find_where(&mut it.world.conn(), "kind = 'recorded'", &[]).unwrap().unwrap().id;
        let _ = it.notify(&[euro("7.00", "L-3", "")]);
        let like = it.newest().id;
        assert_eq!(seen(like), waits("possibly_recorded"));
        it.resolve(like, "same", Some(receipt.into()));
        assert_eq!(it.line(receipt).twin_id, Some(like));
        undo(like);
        assert_eq!((it.line(receipt).twin_id, seen(like)), (None, waits("possibly_recorded")));
        it.resolve(like, "accept", None);
        assert_eq!((it.suspense(), of(custody)), (800, 7_500));
        undo(like);
        assert_eq!((it.suspense(), of(custody), seen(like)), (100, 6_800, waits("possible_repeat")));
        it.world.verify();
    }
}

/// The debit took another receipt back than two people said: the receipt is where it was, and the debit waits.
#[test]
fn a_wrong_reverse_is_taken_back() {
    for database in Database::both() {
        let it = Desk::start(database);
        let (custody, claim) = (
            || it.balance(AccountKey::custody(CustodyId(0), AssetId(978))),
            |party: PartyId| it.balance(AccountKey::claim(party, AssetId(978))),
        );
        let take_back = |line: BankLineId| json!({ "line_id": line, "reason": "it was the other receipt" });
        let reverse = |line: BankLineId, receipt: BankLineId| json!({ "line_id": line, "act": "reverse", "other_id": receipt, "reason": "recalled" });
        let recalled = |amount: &'static str, id: &str| {
            let _ = it.notify(&[Written { reversal: true, ..debit(amount, id) }]);
            it.newest().id
        };
        let seen = |line: BankLineId| {
            let row = it.line(line);
            (row.state.name(), row.kind.name(), row.claim_minor, row.twin_id)
        };
        let waits = ("attention", "reversal", 0, None);

        // A receipt in suspense.
        let _ = it.notify(&[euro("50.00", "R-1", "")]);
        let waiting = it.line(it.newest().id);
        let line = recalled("50.00", "BACK-1");
        assert_eq!(it.refused("take-back-line", &take_back(line)), "state_conflict", "nobody has decided yet");
        it.resolve(line, "reverse", Some(waiting.id.into()));
        assert_eq!((it.suspense(), custody(), it.line(waiting.id).state.name()), (0, 0, "reversed"));
        assert_eq!(it.refused("take-back-line", &take_back(waiting.id)), "state_conflict", "the debit is what was decided");
        let _ = it.agree("take-back-line", &take_back(line));
        assert_eq!((it.suspense(), custody(), seen(line)), (5_000, 5_000, waits));
        let again = it.line(waiting.id);
        assert_eq!((again.state, again.twin_id, again.party_id), (waiting.state, waiting.twin_id, None));
        let balance = server::demo::files::camt053(CUSTODY_IBAN, domain::Currency::EUR, DAY.parse().unwrap(), "R", 0, &[]);
        assert_eq!(it.import_file(balance.into_bytes()).status, 200);
        let compared = store::reconciliation::compare(&mut it.world.conn(), (CustodyId(0), "EUR"), None).unwrap().unwrap();
        assert_eq!((compared.attention_minor, compared.unexplained_minor()), (5_000, 0));
        assert_eq!(it.refused("take-back-line", &take_back(line)), "state_conflict", "once");
        it.resolve(line, "reverse", Some(waiting.id.into()));
        assert_eq!((it.suspense(), custody()), (0, 0));

        // A company's cash, of which a payout has earmarked a part: the rest is a claim.
        set_limit(&it.world, SUPPLIER.3, "EUR", "1,000,000.00");
        verify_account(&it.world, (&it.operator, &it.checker), SUPPLIER.3, "BE68 5390 0754 7034");
        let _ = it.notify(&[euro("100.00", "R-2", &it.reference)]);
        let credited = it.newest();
        let paid = it.supplier.api("request-payout", &it.key(), &json!({ "currency": "EUR", "amount_minor": 3_000 }));
        assert_eq!(paid.status, 200, "{}", paid.body);
        let line = recalled("100.00", "BACK-2");
        it.resolve(line, "reverse", Some(credited.id.into()));
        assert_eq!((it.cash(), claim(it.party), custody(), it.line(line).state.name()), (3_000, 3_000, 0, "claimed"));
        // A part of the claim was paid: that is taken back first, and so is a write-off.
        let _ = it.notify(&[euro("10.00", "R-3", "")]);
        let paying = it.newest().id;
        it.resolve(line, "settle_claim", Some(paying.into()));
        assert_eq!(it.refused("take-back-line", &take_back(line)), "state_conflict");
        let _ = it.agree("take-back-line", &take_back(paying));
        it.resolve(line, "write_off", None);
        let _ = it.agree("take-back-line", &take_back(line));
        assert_eq!((claim(it.party), seen(line).0), (3_000, "claimed"), "the write-off, not the reverse");
        // On the page: the receipt, what goes back, and the claim that ends.
        let page = format!("/ops/bank-lines/{line}");
        let reason = [("reason", "the other receipt")];
        let check = it.operator.fill(&page, &format!("{page}/take-back"), &reason);
        assert!(check.body.contains(&format!("/ops/bank-lines/{}", credited.id)), "{}", check.text());
        let said = check.text();
        for part in [
            "The receipt will be",
            "Placed",
            SUPPLIER.0,
            "Goes back there",
            "70.00",
            "Claim that ends",
            "30.00",
            "Needs attention",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("becomes a claim"), "{said}");
        let asked = it.operator.fill_and_confirm(&page, &format!("{page}/take-back"), &reason);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!((it.cash(), claim(it.party)), (3_000, 3_000), "one person alone moves nothing");
        assert_eq!(it.refused("resolve-line", &reverse(line, credited.id)), "field_invalid");
        assert_eq!(approve(&it.checker).status, 200);
        assert_eq!((it.cash(), claim(it.party), custody(), seen(line)), (10_000, 0, 11_000, waits));
        let back = it.line(credited.id);
        assert_eq!((back.state.name(), back.twin_id, back.party_id), ("matched", None, Some(it.party)));
        let told = store::Notice::find_where(&mut it.world.conn(), "kind = 'receipt_restored'", &[]).unwrap().unwrap();
        assert_eq!((told.party_id, told.arguments.contains("\"70.00\"")), (it.party, true), "{}", told.arguments);
        assert!(it.world.signed_in(SUPPLIER.3).open("/home").text().contains("is no longer owed"));

        // A bank's line that confirms a receipt by hand: the receipt is what was booked, and both are as before.
        let _ = it.agree("record-receipt", &it.receipt(700, &it.reference));
        assert_eq!(it.notify(&[euro("7.00", "R-4", &it.reference)])["confirmed"], 1);
        let bank = it.newest();
        let recorded = bank.twin_id.unwrap();
        let line = recalled("7.00", "BACK-3");
        it.resolve(line, "reverse", Some(bank.id.into()));
        assert_eq!((it.cash(), it.line(recorded).state.name(), it.line(bank.id).state.name()), (10_000, "reversed", "confirmed"));
        let twice = recalled("7.00", "BACK-4");
        for receipt in [bank.id, recorded] {
            assert_eq!(it.refused("resolve-line", &reverse(twice, receipt)), "state_conflict", "the same money once");
        }
        let _ = it.agree("take-back-line", &take_back(line));
        assert_eq!((it.cash(), seen(line)), (10_700, waits));
        let both = [recorded, bank.id].map(|id| (it.line(id).state.name(), it.line(id).twin_id));
        assert_eq!(both, [("matched", Some(bank.id)), ("confirmed", Some(recorded))]);

        // What the bank itself tells as the reversal of its own debit is no decision of people.
        let _ = it.agree("create-payment-file", &payment_list(&it.api, "EUR"));
        let payout = store::Payout::find_where(&mut it.world.conn(), "amount_minor = 3000", &[]).unwrap().unwrap();
        let _ = it.notify(&[debit("30.00", &payout.end_to_end)]);
        let gone = it.newest().id;
        let _ = it.notify(&[Written { reversal: true, end_to_end: payout.end_to_end, ..euro("30.00", "R-5", "") }]);
        let returned = it.newest();
        assert_eq!((returned.state.name(), returned.kind.name(), it.cash()), ("matched", "return", 10_700));
        for line in [gone, returned.id] {
            assert_eq!(it.refused("take-back-line", &take_back(line)), "state_conflict");
        }
        it.world.verify();
    }
}

/// The same where the money came for a receivable: it was shared out, and the buyer owes nothing of it any more.
#[test]
fn a_wrong_reverse_of_a_shared_payment_is_taken_back() {
    for database in Database::both() {
        let trade = crate::settlement::Trade::start(database, &[domain::Currency::EUR]);
        let sold = trade.sell(domain::Currency::EUR, 400_000);
        let _ = trade.pay(domain::Currency::EUR, "2026-03-02", &sold, 100_000);
        let mut conn = trade.world.conn();
        let paid = "receivable_id = ? AND state = 'matched'";
        let paid = BankLine::find_where(&mut conn, paid, &[sold.id.into()]).unwrap().unwrap();
        let receivable = |conn: &mut store::Conn| <store::Receivable as store::records::Keyed>::load(conn, sold.id).unwrap();
        let (before, cash) = (receivable(&mut conn), trade.cash(domain::Currency::EUR));
        let claim = |conn: &mut store::Conn| {
            let key = AccountKey::claim(before.buyer_id, AssetId(978));
            store::journal::list_accounts(conn, &[key]).unwrap().first().map_or(0, |row| row.balance)
        };
        let (owed, custody) = (claim(&mut conn), trade.platform(domain::Currency::EUR, "custody").0);
        let file = crate::bank::camt054("RECALLED", &[Written { reversal: true, ..debit("1000.00", "BACK") }]);
        let file = text(&file).replace(DAY, "2026-03-02");
        let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", "recalled")];
        assert_eq!(trade.world.agreed(trade.operator.post_with("/api/v1/import-statement", &headers, file)).status, 200);
        let line = BankLine::find_where(&mut conn, "kind = 'reversal'", &[]).unwrap().unwrap();
        let agree = |path: &str, key: &str, body: &serde_json::Value| {
            let asked = trade.operator.api(path, key, body);
            assert_eq!(asked.status, 202, "{}", asked.body);
            assert_eq!(approve(&trade.world.signed_in("operator2@x.example")).status, 200);
        };
        agree(
            "resolve-line",
            "reverse-it",
            &json!({ "line_id": line.id, "act": "reverse", "other_id": paid.id, "reason": "recalled" }),
        );
        assert_eq!((claim(&mut conn) - owed, trade.platform(domain::Currency::EUR, "custody").0), (100_000, custody - 100_000));
        agree("take-back-line", "take-it-back", &json!({ "line_id": line.id, "reason": "another payment" }));
        assert_eq!((claim(&mut conn), trade.platform(domain::Currency::EUR, "custody").0), (owed, custody));
        assert_eq!((receivable(&mut conn), trade.cash(domain::Currency::EUR)), (before.clone(), cash), "nobody else notices");
        let line = BankLine::find_where(&mut conn, "id = ?", &[line.id.into()]).unwrap().unwrap();
        let now = BankLine::find_where(&mut conn, "id = ?", &[paid.id.into()]).unwrap().unwrap();
        assert_eq!((line.state.name(), line.kind.name(), line.claim_minor), ("attention", "reversal", 0));
        assert_eq!((line.party_id, line.receivable_id, line.twin_id), (None, None, None));
        assert_eq!((now.state, now.receivable_id, now.twin_id), (paid.state, paid.receivable_id, paid.twin_id));
        let told = store::Notice::find_where(&mut conn, "kind = 'receipt_restored'", &[]).unwrap().unwrap();
        assert_eq!(told.party_id, before.buyer_id);
        trade.world.verify();
    }
}

/// A payout is taken back by who asked for it, as long as it is in no file.
#[test]
fn a_payout_is_cancelled_until_it_is_in_a_file() {
    for database in Database::both() {
        let it = Setting::start(database);
        onboard(&it.world, &it.operator, BUYER);
        let ask = |key: &str, minor: i64| {
            let asked = it.supplier_api.api("request-payout", key, &json!({ "currency": "EUR", "amount_minor": minor }));
            asked.json()["result"]["payout_id"].as_i64().unwrap()
        };
        let cancel = |client: &e2e::Client, key: &str, id: i64| {
            let answer = client.api("cancel-payout", key, &json!({ "payout_id": id }));
            (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
        };
        let first = ask("cancel-ask-1", 40_000);
        assert_eq!(it.cash(), (100_000, 60_000));
        for (who, email) in [("buyer", BUYER.3), ("operator", "operator@x.example")] {
            let other = it.world.api(email);
            assert_eq!(cancel(&other, &format!("cancel-by-{who}"), first), (404, "not_found".to_owned()), "{who}");
        }
        // On the page, by its company.
        let act = format!("/cash/payouts/{first}/cancel");
        assert!(it.supplier.get("/cash").body.contains(&format!("method=\"get\" action=\"{act}\"")), "it leads to a check page");
        let check = it.supplier.get(&act).text();
        assert!(check.contains("400.00") && check.contains("in no payment file yet"), "{check}");
        assert_eq!(it.cash(), (100_000, 60_000), "a check page moves nothing");
        for (who, email) in [("buyer", BUYER.3), ("operator", "operator@x.example")] {
            assert_eq!(it.world.signed_in(email).get(&act).status, 404, "{who}");
        }
        let done = it.supplier.fill(&act, &act, &[]);
        assert!([200, 303].contains(&done.status), "{}", done.text());
        assert_eq!(it.cash(), (100_000, 100_000));
        let row = store::Payout::find_where(&mut it.world.conn(), "id = ?", &[first.into()]).unwrap().unwrap();
        assert_eq!(row.state.name(), "cancelled");
        let stale = it.supplier.get(&act);
        assert!(stale.status == 409 && !stale.body.contains(&format!("method=\"post\" action=\"{act}\"")), "{}", stale.text());
        assert_eq!(cancel(&it.supplier_api, "cancel-twice", first), (409, "state_conflict".to_owned()));
        // The list that somebody looked at is another one without it.
        let (second, third) = (ask("cancel-ask-2", 1_000), ask("cancel-ask-3", 2_000));
        let list = payment_list(&it.operator_api, "EUR");
        assert_eq!(cancel(&it.supplier_api, "cancel-second", second).0, 200);
        let stale = it.operator_api.api("create-payment-file", "cancel-stale-list", &list);
        assert_eq!(stale.json()["code"], "payment_list_changed", "{}", stale.body);
        make_payment_file(&it.operator, &it.checker, "EUR");
        assert_eq!(cancel(&it.supplier_api, "cancel-too-late", third), (409, "state_conflict".to_owned()));
        assert_eq!(it.cash(), (100_000, 98_000));
        it.world.verify();
    }
}

/// B6: a payout account is one that takes payouts.
#[test]
fn a_qr_iban_is_no_payout_account() {
    let it = Desk::start(Database::sqlite());
    let propose = |iban: &str, bic: &str, key: &str| {
        let body = json!({ "currency": "EUR", "iban": iban, "bic": bic, "holder": "Real Supplier" });
        let answer = it.supplier.api("propose-bank-account", key, &body);
        answer.json()["code"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(propose("CH44 3199 9123 0008 8901 2", "", "propose-qr-iban"), "qr_iban");
    assert_eq!(propose("BE68 5390 0754 7034", "DEUTXXFF", "propose-odd-bic"), "field_invalid");
    assert_eq!(propose("CH93 0076 2011 6238 5295 7", "", "propose-plain"), "");
    let terms = json!({
        "currency": "BGN", "reserve_bps": 1_000, "settlement_fee_bps": 5, "purchase_fee_bps": 10, "minimum_fee_minor": 100,
        "minimum_ticket_minor": 1_000, "late_rate": "8", "late_day_count": "ACT/360", "grace_days": 3,
    });
    assert_eq!(it.refused("set-issue-terms", &terms), "currency_unknown", "euro since 2026");
}

/// A6 beside a receipt by hand: with another payee, the bank's reference alone confirms nothing.
#[test]
fn a6_a_reused_reference_confirms_no_other_payees_receipt() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        onboard(&it.world, &it.operator, BUYER);
        let theirs = it.world.api(BUYER.3).get("/api/v1/me").json()["company"]["reference"].as_str().unwrap().to_owned();
        let mut recorded = it.receipt(700, &theirs);
        recorded["bank_reference"] = "0001".into();
        let _ = it.agree("record-receipt", &recorded);
        let rows = as_checked(&bank, &it.world, "own.xml", &camt053("OWN", &[euro("7.00", "0001", &it.reference)]));
        assert_eq!((fates(&rows), it.cash()), (vec![("attention", "possibly_recorded")], 0));
        it.resolve(it.newest().id, "accept", None);
        assert_eq!(it.cash(), 700);
        it.world.verify();
    }
}

/// A11, A16, A17: what Kontor does with files merged into one, with a batch told in part, and with a value date still to come.
#[test]
fn a11_a16_a17_nothing_is_guessed() {
    for database in Database::both() {
        let it = Desk::start(database);
        let bank = Transport::new(&it.world.database);
        let merged = format!("{}{}", text(&statement("A11-1", "")), text(&statement("A11-2", "")));
        bank.put("a11.xml", merged.as_bytes());
        assert_eq!(bank.round(&it.world), 1);
        assert!(bank.why("a11.xml").starts_with("not_xml: "), "{}", bank.why("a11.xml"));

        let part = format!(
            "<NtryDtls><Btch><NbOfTxs>10</NbOfTxs></Btch><TxDtls><Amt Ccy=\"EUR\">100.00</Amt><RmtInf>{}</RmtInf></TxDtls></NtryDtls>",
            strd(&it.reference, "")
        );
        let rows = as_checked(&bank, &it.world, "a16.xml", &statement("A16", &entry("1000.00", true, "A16", &part)));
        assert_eq!((fates(&rows), it.cash(), it.suspense()), (vec![("suspense", "")], 0, 100_000));

        // Booked on a Friday, valued on the Monday: two people may book it with the value date that they know.
        it.world.move_to("2026-11-27");
        let friday = text(&statement("A17", &remitted("17.00", "A17", ("NOTPROVIDED", &strd(&it.reference, "")))));
        let friday = friday.replace(DAY, "2026-11-27").replace("<ValDt><Dt>2026-11-27", "<ValDt><Dt>2026-11-30");
        let rows = as_checked(&bank, &it.world, "a17.xml", friday.as_bytes());
        assert_eq!(fates(&rows), [("attention", "value_date")]);
        it.resolve(it.newest().id, "accept", None);
        assert_eq!(it.cash(), 1_700);
        it.world.verify();
    }
}
