//! Cases of public reports about other systems' bank files, each under its kind and number. On both databases.

use crate::bank::{Desk, Written};
use crate::bank_channel::{Transport, as_checked, camt053, euro, fates, text, told};
use e2e::Database;

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
        assert_eq!((fates(&rows), it.cash() + it.suspense()), (vec![("skipped", "duplicate")], 30_000));
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
