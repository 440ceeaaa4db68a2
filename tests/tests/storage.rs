//! One conformance suite for both databases: migrations, append-only tables, constraints, as-of reads, tampering.

use e2e::world::World;
use e2e::{Database, world};
use kernel::{AuditSeq, RecordId};
use store::query;
use store::records::Record;

#[test]
fn migrations_run_up_down_and_up() {
    for database in Database::both() {
        let mut conn = store::connect(&database.url).unwrap();
        let steps = store::migrate(&mut conn).unwrap();
        assert!(steps > 0);
        assert_eq!(store::migrate(&mut conn).unwrap(), 0, "nothing to do twice");
        assert_eq!(store::revert_all(&mut conn).unwrap(), steps);
        assert_eq!(store::migrate(&mut conn).unwrap(), steps);
        drop(conn);
        world::set_up(&database, "2026-11-22".parse().unwrap(), &e2e::world::clock());
    }
}

/// Founding the platform is a command like any other: the audit's first record, without a secret, and only once.
#[test]
fn the_founding_is_the_first_record_of_the_audit() {
    for database in Database::both() {
        world::set_up(&database, "2026-11-22".parse().unwrap(), &e2e::world::clock());
        let mut conn = store::connect(&database.url).unwrap();
        let records = store::AuditRecord::list_where(&mut conn, "seq > 0 ORDER BY seq", &[]).unwrap();
        assert_eq!(records.len(), 1);
        let first = &records[0];
        assert_eq!((first.seq, first.command.as_str(), first.subject_id), (AuditSeq(1), "found_platform", RecordId(10_000)));
        assert!(first.input.contains("operator2@x.example") && first.input.contains(world::CUSTODY_IBAN), "{}", first.input);
        assert!(!first.input.contains("argon2") && !first.input.contains(world::PASSWORD), "{}", first.input);
        assert_eq!(first.business_date, "2026-11-22".parse().unwrap());
        // Another key, the same wish: refused, and nothing is overwritten.
        let (writer, thread) = server::writer::Writer::start(&database.url, e2e::world::clock()).unwrap();
        let again = server::commands::parties::found_platform::FoundPlatform {
            operator_name: "Usurper".to_owned(),
            country: "DE".to_owned(),
            custody_iban: "DE02120300000000202051".to_owned(),
            business_date: "2026-11-23".parse().unwrap(),
            currencies: vec![],
            people: vec![],
        };
        let reply = writer.submit_blocking(server::commands::Actor::SYSTEM, "found-again".to_owned(), again.into());
        drop(writer);
        thread.join().unwrap();
        assert!(matches!(reply, Err(server::writer::WriteError::Refused(domain::Refusal::StateConflict { .. }))), "{reply:?}");
        assert_eq!(store::records::load_heads(&mut conn).unwrap().custody_iban, world::CUSTODY_IBAN);
        let (_, finding) = store::verify::verify(&mut conn).unwrap();
        assert_eq!(finding, None, "{}", database.kind);
    }
}

#[test]
fn what_is_written_stays_written() {
    for database in Database::both() {
        let world = World::demo(database, 12);
        let mut conn = world.conn();
        for table in ["transfers", "audit", "confirmations", "documents"] {
            assert!(
                store::lists::count(&mut conn, Box::leak(table.to_owned().into_boxed_str()), "1 = 1", &[]).unwrap() > 0,
                "{table}"
            );
            let column = match table {
                "transfers" => "amount = amount + 1",
                "audit" => "outcome = ''",
                "confirmations" => "reason = 'x'",
                _ => "name = 'x'",
            };
            assert!(
                query::execute(&mut conn, &format!("UPDATE {table} SET {column}"), &[]).is_err(),
                "{} update {table}",
                world.database.kind
            );
            assert!(
                query::execute(&mut conn, &format!("DELETE FROM {table}"), &[]).is_err(),
                "{} delete {table}",
                world.database.kind
            );
        }
        // The account rules stand in the database too.
        for change in ["balance = -1", "held = balance + 1"] {
            assert!(
                query::execute(&mut conn, &format!("UPDATE ledger_accounts SET {change} WHERE kind = 'cash'"), &[]).is_err(),
                "{change}"
            );
        }
        let more = "UPDATE ledger_accounts SET balance = ceiling + 1 WHERE kind = 'issued'";
        assert!(query::execute(&mut conn, more, &[]).is_err(), "more fractions than were confirmed");
        let more = "UPDATE receivables SET face_minor = face_minor + 1";
        assert!(query::execute(&mut conn, more, &[]).is_err(), "face and reserve sum to what was confirmed");
        let twice = "INSERT INTO invoices SELECT id + 1000000, supplier_id, buyer_id, number, number_key, seller_tax_key, type_code, issue_date, due_date, currency, \
                     total_minor, payable_minor, confirmed_minor, order_reference, 'draft', reason, document, created_at, look_key, stem_key, format, prepaid_minor, rounding_minor, credited_minor, replaces, review, warnings \
                     FROM invoices WHERE state NOT IN ('withdrawn', 'paid')";
        assert!(query::execute(&mut conn, twice, &[]).is_err(), "the same invoice twice");
        world.verify();
    }
}

#[test]
fn balances_as_of_follow_the_links() {
    for database in Database::both() {
        let world = World::demo(database, 30);
        let mut conn = world.conn();
        let accounts = store::AccountRow::list_where(&mut conn, "kind = 'cash'", &[]).unwrap();
        assert!(accounts.len() > 5);
        for account in accounts {
            // The whole statement along the links, oldest last, against look-ups by the jumps.
            let lines = store::journal::statement_page(&mut conn, account.id, account.last_transfer, 10_000).unwrap();
            assert!(lines.windows(2).all(|pair| pair[0].previous == pair[1].number), "the links lead from leg to leg");
            assert_eq!(lines.first().map(|line| line.balance_after), Some(account.balance));
            assert_eq!(lines.last().map(|line| line.previous), Some(0));
            for line in &lines {
                let found =
                    store::journal::leg_as_of(&mut conn, account.id, account.last_transfer, line.number).unwrap().unwrap();
                assert_eq!((found.number, found.balance_after), (line.number, line.balance_after));
            }
        }
    }
}

/// Somebody with the file in hand changes a row behind the program's back: `verify` names the place.
#[test]
fn verify_names_the_first_row_that_does_not_fit() {
    let cases: &[(&str, &str)] = &[
        ("UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'custody' AND asset_id = 978", "ledger_accounts"),
        ("DELETE FROM transfers WHERE number = 40", "transfers 41"),
        ("UPDATE transfers SET amount = amount + 1 WHERE number = 40", "transfers 40"),
        ("UPDATE transfers SET debit_previous = debit_previous + 1 WHERE number = 40", "transfers 40"),
        ("DELETE FROM audit WHERE seq = 40", "audit 41"),
        ("UPDATE audit SET last_transfer = last_transfer + 1 WHERE first_transfer > 0", "audit"),
        ("UPDATE holds SET remaining = remaining + 1 WHERE state = 'open'", "holds"),
        ("UPDATE buyer_limits SET used_minor = used_minor + 1 WHERE used_minor > 0", "buyer_limits"),
        ("UPDATE payouts SET state = 'rejected' WHERE state = 'authorised'", "payouts"),
        ("UPDATE payouts SET amount_minor = amount_minor + 1 WHERE state = 'unknown'", "payouts"),
        ("UPDATE offers SET left_minor = left_minor - 1 WHERE left_minor > 0 AND state = 'open'", "offers"),
    ];
    let origin = Database::sqlite();
    server::demo::history::build(&origin.url, 40, &e2e::world::clock()).unwrap();
    for (tamper, place) in cases {
        let copy = Database::sqlite();
        // A copy by the database itself: a copied file may lack what is still in the write-ahead log.
        let mut source = store::connect(&origin.url).unwrap();
        query::execute(&mut source, &format!("VACUUM INTO '{}'", copy.url), &[]).unwrap();
        let mut conn = store::connect(&copy.url).unwrap();
        for table in ["transfers", "audit"] {
            for kind in ["update", "delete"] {
                query::execute(&mut conn, &format!("DROP TRIGGER {table}_no_{kind}"), &[]).unwrap();
            }
        }
        let touched = query::execute(&mut conn, tamper, &[]).unwrap();
        assert!(touched > 0, "{tamper}");
        let (_, finding) = store::verify::verify(&mut conn).unwrap();
        let finding = finding.unwrap_or_else(|| panic!("not found: {tamper}"));
        assert!(finding.place.starts_with(place), "{tamper}: {finding:?}");
    }
}

/// SQLite refuses a statement that cannot use the index that it is told to use.
#[test]
fn a_repeated_booking_is_found_by_its_index() {
    let database = Database::sqlite();
    let mut conn = store::connect(&database.url).unwrap();
    store::migrate(&mut conn).unwrap();
    let condition = store::bank::SAME_BOOKING;
    let sql = format!("SELECT id AS value FROM bank_lines INDEXED BY bank_lines_booking WHERE {condition}");
    let binds = ["B1".into(), "EUR".into(), "in".into(), 1.into(), "".into(), "".into(), 1.into(), world::CUSTODY_IBAN.into()];
    assert_eq!(query::int(&mut conn, &sql, &binds).unwrap(), None);
    let condition = store::bank::SAME_WORDS;
    let sql = format!("SELECT id AS value FROM bank_lines INDEXED BY bank_lines_fingerprint WHERE {condition}");
    assert_eq!(query::int(&mut conn, &sql, &["f".into(), 1.into(), 1.into(), 0.into()]).unwrap(), None);
    let condition = store::bank::SAME_REFERENCE;
    let sql = format!("SELECT id AS value FROM bank_lines INDEXED BY bank_lines_booking WHERE {condition}");
    let day: chrono::NaiveDate = "2026-11-23".parse().unwrap();
    let binds =
        ["B1".into(), "EUR".into(), "in".into(), day.into(), day.into(), day.into(), 1.into(), world::CUSTODY_IBAN.into()];
    assert_eq!(query::int(&mut conn, &sql, &binds).unwrap(), None);
}

/// What lists come to is kept with every change, and is what counting the rows says, for every company and filter.
#[test]
fn kept_totals_are_what_the_rows_come_to() {
    use store::lists::{InvoiceLine, ListQuery, OfferLine, ReceivableLine, Total};
    for database in e2e::Database::both() {
        let world = e2e::world::World::demo(database, 60);
        let mut conn = world.conn();
        let told =
            |totals: Vec<Total>| totals.into_iter().map(|one| (one.currency, one.count, one.sum_minor)).collect::<Vec<_>>();
        let open = "state IN ('presented', 'confirmed', 'partially_confirmed', 'assigned', 'part_paid', 'overdue')";
        let out = "state = 'presented' AND remind_on <= (SELECT business_date FROM heads WHERE heads.id = 1)";
        let (mut compared, mut filled, mut offers, mut assignments) = (0, 0, 0, 0);
        for party in store::Party::list_where(&mut conn, "1 = 1", &[]).unwrap() {
            let own = |condition: &str| ListQuery::newest(1).with(condition, vec![party.id.into()]);
            for filter in [open, out, "review = 'open'", "state = 'draft' AND review <> 'open'", "currency = 'EUR'"] {
                for owner in ["supplier_id = ?", "buyer_id = ? AND presented"] {
                    let wanted = own(owner).with(filter, vec![]);
                    // The kept totals know no ids, so that this counts the rows.
                    let counted = told(InvoiceLine::totals(&mut conn, &wanted.clone().with("id > 0", vec![])).unwrap());
                    assert_eq!(
                        told(InvoiceLine::totals(&mut conn, &wanted).unwrap()),
                        counted,
                        "{} {owner} {filter}",
                        party.name
                    );
                    compared += 1;
                    filled += usize::from(!counted.is_empty());
                }
            }
            let wanted = own("supplier_id = ?");
            let counted = told(ReceivableLine::totals(&mut conn, &wanted.clone().with("id > 0", vec![])).unwrap());
            assert_eq!(told(ReceivableLine::totals(&mut conn, &wanted).unwrap()), counted, "{}", party.name);
            let given = "buyer_id = ? AND acknowledged_at IS NULL";
            let given = store::lists::count(&mut conn, "assignment_notices", given, &[party.id.into()]).unwrap();
            let kept = store::lists::answers(&mut conn, &[store::lists::kept("assignments", party.id)]).unwrap();
            assert_eq!(kept[0].iter().map(|total| total.count).sum::<i64>(), given, "{}", party.name);
            assignments += given;
            for (whose, state) in [("supplier_id = ?", "open"), ("supplier_id <> ?", "open"), ("supplier_id <> ?", "settled")] {
                let wanted = own(whose).with("state = ?", vec![state.into()]);
                let counted = told(OfferLine::totals(&mut conn, &wanted.clone().with("id > 0", vec![])).unwrap());
                assert_eq!(told(OfferLine::totals(&mut conn, &wanted).unwrap()), counted, "{} {whose} {state}", party.name);
                offers += usize::from(!counted.is_empty());
            }
        }
        // Of all companies: what the operator's lists come to.
        for filter in ["", "currency = 'EUR'", "state IN ('confirmed', 'overdue', 'active')", "state = 'open'"] {
            let all = ListQuery::newest(1);
            let wanted = if filter.is_empty() { all } else { all.with(filter, vec![]) };
            let counted = wanted.clone().with("id > 0", vec![]);
            let place = format!("all companies {filter}");
            let [kept, rows] = [&wanted, &counted].map(|asked| told(InvoiceLine::totals(&mut conn, asked).unwrap()));
            assert_eq!(kept, rows, "invoices of {place}");
            let [kept, rows] = [&wanted, &counted].map(|asked| told(ReceivableLine::totals(&mut conn, asked).unwrap()));
            assert_eq!(kept, rows, "receivables of {place}");
            let [kept, rows] = [&wanted, &counted].map(|asked| told(OfferLine::totals(&mut conn, asked).unwrap()));
            assert_eq!(kept, rows, "offers of {place}");
            assert!(!filter.is_empty() || rows.len() > 1, "{place}");
        }
        assert!(
            compared > 200 && filled > 30 && offers > 20 && assignments > 5,
            "{filled} of {compared}, {offers}, {assignments}"
        );
        // What a holding cost is kept, too.
        let holdings = store::lists::HoldingLine::page(&mut conn, &ListQuery::newest(1_000)).unwrap().rows;
        for row in &holdings {
            let bought = "SELECT CAST(COALESCE(SUM(price_minor), 0) AS BIGINT) AS value FROM purchases WHERE receivable_id = ? AND financier_id = ?";
            let cost = query::int(&mut conn, bought, &[row.id.into(), row.owner_id.into()]).unwrap();
            assert_eq!(Some(row.paid_minor), cost, "{} of {}", row.owner, row.number);
        }
        assert!(holdings.iter().filter(|row| row.paid_minor > 0).count() > 5);
        // Whoever changes them is found, and so is a row that changed without them.
        for (change, place) in [
            ("UPDATE list_totals SET sum_minor = sum_minor + 1 WHERE list = 'payables'", "list_totals"),
            ("UPDATE list_totals SET entries = entries + 1 WHERE list = 'assignments'", "list_totals"),
            ("UPDATE holding_costs SET paid_minor = paid_minor + 1", "holding_costs"),
        ] {
            store::connection::begin_batch(&mut conn).unwrap();
            assert!(query::execute(&mut conn, change, &[]).unwrap() > 0, "{change}");
            let (_, finding) = store::verify::verify(&mut conn).unwrap();
            assert!(finding.is_some_and(|found| found.place.starts_with(place)), "{}: {change}", world.database.kind);
            store::connection::roll_back_batch(&mut conn).unwrap();
        }
    }
}

/// A database that is somebody else's is left as it is.
#[test]
fn a_foreign_database_is_refused() {
    for database in Database::both() {
        let mut conn = store::connect(&database.url).unwrap();
        query::execute(&mut conn, "CREATE TABLE foo (id INTEGER)", &[]).unwrap();
        let refused = store::migrate(&mut conn).unwrap_err().to_string();
        assert!(refused.contains("give an empty one"), "{refused}");
        query::execute(&mut conn, "DROP TABLE foo", &[]).unwrap();
        assert!(store::migrate(&mut conn).unwrap() > 0);
    }
}
