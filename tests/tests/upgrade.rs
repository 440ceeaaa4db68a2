//! From every earlier schema, with data in it, to the newest one, also when the migration is killed on its way: BAR.md R14.

use e2e::Database;
use e2e::load::{Buyer, market};
use kernel::OfferId;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// Not a test of its own: the process that migrates, and dies before the statement that it is told.
#[test]
fn child_migration() {
    let Ok(url) = std::env::var("KONTOR_MIGRATE") else { return };
    let dies_at: u64 = std::env::var("KONTOR_DIES_AT").unwrap().parse().unwrap();
    let mut conn = store::connect(&url).unwrap();
    let count = AtomicU64::new(0);
    store::connection::before_each_statement(&mut conn, move || {
        if count.fetch_add(1, Ordering::Relaxed) == dies_at {
            std::process::abort();
        }
    });
    store::migrate(&mut conn).unwrap();
}

/// Whether the process lived to the end.
fn migrate_and_die(database: &Database, dies_at: u64) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "upgrade::child_migration"])
        .env("KONTOR_MIGRATE", &database.url)
        .env("KONTOR_DIES_AT", dies_at.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap().success()
}

/// A market in which somebody has bought, as a database of the schema so many steps ago.
fn database_of(kind: &str, steps_ago: usize) -> (Database, OfferId) {
    let database = if kind == "sqlite" { Database::sqlite() } else { Database::postgres().unwrap() };
    let (offer, _) = market(&database);
    let running = server::serve::start(e2e::world::config(&database, "http://kontor.test"), e2e::world::clock()).unwrap();
    let buyer = Buyer::new(&format!("http://127.0.0.1:{}", running.port), offer);
    for number in 0..10 {
        assert_eq!(buyer.buy(&format!("before-the-upgrade-{number}")), Some(200));
    }
    running.stop().unwrap();
    let mut conn = store::connect(&database.url).unwrap();
    store::connection::revert(&mut conn, steps_ago).unwrap();
    assert!(!store::connection::is_migrated(&mut conn).unwrap());
    if store::query::int(&mut conn, "SELECT COUNT(*) AS value FROM checkpoints", &[]).is_err() {
        forget_sums(&mut conn);
    }
    (database, offer)
}

/// From before there was a log no end of day can have put sums into it.
fn forget_sums(conn: &mut store::Conn) {
    let (open, close) = match conn {
        store::Conn::Sqlite(_) => (
            "DROP TRIGGER audit_no_update",
            "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
        ),
        store::Conn::Postgres(_) => ("ALTER TABLE audit DISABLE TRIGGER USER", "ALTER TABLE audit ENABLE TRIGGER USER"),
    };
    let forget = "UPDATE audit SET outcome = REPLACE(outcome, '\"sums\":', '\"forgotten\":') WHERE command = 'close_day'";
    for sql in [open, forget, close] {
        store::query::execute(conn, sql, &[]).unwrap();
    }
}

fn heads(database: &Database) -> (i64, i64, Option<String>) {
    let mut conn = store::connect(&database.url).unwrap();
    let one = |conn: &mut store::Conn, column: &str| {
        store::query::int(conn, &format!("SELECT {column} AS value FROM heads"), &[]).unwrap().unwrap()
    };
    let (transfers, audit) = (one(&mut conn, "last_transfer"), one(&mut conn, "last_audit"));
    (
        transfers,
        audit,
        store::query::text(&mut conn, "SELECT CAST(SUM(balance) AS TEXT) AS value FROM ledger_accounts", &[]).unwrap(),
    )
}

fn is_whole(database: &Database, expected: &(i64, i64, Option<String>)) {
    assert_eq!(heads(database), *expected, "{}", database.kind);
    let mut conn = store::connect(&database.url).unwrap();
    // What stood in tables and columns that an earlier schema lacks is gone, and its marks stand in the audit.
    assert_eq!(store::verify::verify_without_marks(&mut conn).unwrap().1, None, "{}", database.kind);
}

#[test]
fn a_killed_migration_is_gone_on_with_from_every_schema() {
    let steps = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite")).unwrap().count();
    for kind in Database::both().iter().map(|database| database.kind) {
        let mut deaths = 0;
        // The first step makes the tables: before it there is no data.
        for steps_ago in (1..steps).filter(|ago| [1, steps - 1].contains(ago) || e2e::rounds(0, 1) == 1) {
            let (old, offer) = database_of(kind, steps_ago);
            let before = heads(&old);
            // At every statement; in the short form ever more of them are left out.
            let further = |at: &u64| Some(at + 1 + e2e::rounds(3 * at, 0));
            for dies_at in std::iter::successors(Some(0), further) {
                let copy = old.copy();
                if migrate_and_die(&copy, dies_at) {
                    assert!(dies_at > 0, "it must die at least once");
                    is_whole(&copy, &before);
                    break;
                }
                deaths += 1;
                store::migrate(&mut store::connect(&copy.url).unwrap()).unwrap();
                is_whole(&copy, &before);
            }
            store::migrate(&mut store::connect(&old.url).unwrap()).unwrap();
            is_whole(&old, &before);
            let running = server::serve::start(e2e::world::config(&old, "http://kontor.test"), e2e::world::clock()).unwrap();
            let buyer = Buyer::new(&format!("http://127.0.0.1:{}", running.port), offer);
            assert_eq!(buyer.buy("before-the-upgrade-3"), Some(200), "an old key is still known");
            assert_eq!(buyer.buy("after-the-upgrade"), Some(200));
            running.stop().unwrap();
            assert_eq!(store::verify::verify_without_marks(&mut store::connect(&old.url).unwrap()).unwrap().1, None);
        }
        println!("{kind}: killed {deaths} times");
    }
}

/// Databases of the demo's thirty days, written by the programs of 29 November 2026 (before nine steps of the schema) and of 30 November (before
/// rows had types): they are carried over whole, their books, marks and log stay byte for byte, and what was issued keeps its terms.
#[test]
fn a_database_of_an_older_program_is_carried_over() {
    carry_over("2026-11-29", domain::receivable::FeeRule::Whole);
    carry_over("2026-11-30", domain::receivable::FeeRule::OfSold);
}

fn carry_over(day: &str, rule: domain::receivable::FeeRule) {
    let books =
        e2e::databases::unpacked(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(day).join("books.gz"));
    for database in Database::both() {
        let old = database.kept(day);
        let mut conn = store::connect(&old.url).unwrap();
        let before = heads(&old);
        let root = |conn: &mut store::Conn| {
            let last = "SELECT note AS value FROM checkpoints ORDER BY size DESC LIMIT 1";
            store::query::text(conn, last, &[]).unwrap()
        };
        let signed = root(&mut conn);
        drop(conn);
        store::migrate(&mut store::connect(&old.url).unwrap()).unwrap();
        assert_eq!(heads(&old), before, "{}", old.kind);
        let mut conn = store::connect(&old.url).unwrap();
        assert_eq!(root(&mut conn), signed);
        assert_eq!(store::verify::verify(&mut conn).unwrap().1, None, "{}", old.kind);
        let mut written = Vec::new();
        server::export::run(&mut conn, formats::books::BooksFormat::Hledger, &mut written).unwrap();
        assert!(written == books, "{}: the books are others", old.kind);
        for receivable in <store::Receivable as store::records::Record>::list_where(&mut conn, "id > 0 ORDER BY id", &[]).unwrap()
        {
            assert_eq!(receivable.fee_rule().unwrap(), rule, "{}", receivable.id);
        }
    }
}

/// The negative control: a step that is said to have run and has not is not taken for an upgrade.
#[test]
fn a_skipped_step_is_noticed() {
    let names = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite")).unwrap();
    let from_the_log_on = names.filter(|entry| *entry.as_ref().unwrap().file_name() >= *"2026-11-25-000020").count();
    for kind in Database::both().iter().map(|database| database.kind) {
        let (old, _) = database_of(kind, from_the_log_on);
        let mut conn = store::connect(&old.url).unwrap();
        let claim = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20261125000020')";
        store::query::execute(&mut conn, claim, &[]).unwrap();
        let migrated = store::migrate(&mut conn);
        let verified = migrated.and_then(|_| store::verify::verify(&mut conn));
        assert!(!verified.is_ok_and(|(_, finding)| finding.is_none()), "{kind}");
    }
}
