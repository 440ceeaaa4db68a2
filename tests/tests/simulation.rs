//! The simulation in its short form: BAR.md R17, R7, R8, R9. The long form is the binary `simulate`.

use e2e::Database;
use e2e::simulation::{Bug, Failure, Report, Settings, drawn_seed, run};

fn sqlite(settings: Settings) -> Result<Report, Failure> {
    let database = Database::sqlite();
    run(&database.url, settings)
}

fn holds(result: Result<Report, Failure>) -> Report {
    result.unwrap_or_else(|failure| panic!("{failure}"))
}

/// 10,000 commands; the last seed is drawn, and printed should it fail.
#[test]
fn ten_thousand_commands_do_what_the_model_says() {
    let drawn = drawn_seed();
    println!("drawn seed: {drawn}");
    let mut seen = std::collections::BTreeSet::new();
    let (mut purchases, mut lost, mut died, mut failed) = (0, 0, 0, 0);
    let mut second = [0; 3];
    let mut rare = std::collections::BTreeMap::<&str, u64>::new();
    for (seed, commands) in [(1, 2_500), (3, 2_500), (4, 2_500), (100, 1_500), (909_452_515, 800), (drawn, 1_000)] {
        let report = holds(sqlite(Settings::new(seed, commands)));
        seen.extend(report.outcomes.keys().cloned());
        report.rare.iter().for_each(|(what, count)| *rare.entry(what).or_default() += count);
        purchases += report.purchases;
        lost += report.unknown_and_done;
        died += report.crashes_inside;
        failed += report.failed;
        second = [second[0] + report.on_second, second[1] + report.paid_by_second, second[2] + report.transfers];
    }
    assert!(second[0] > 50 && second[1] > 5 && second[2] > 5, "two custody accounts: {second:?}");
    for what in ["reversed", "restored", "cancelled", "part"] {
        assert!(rare.contains_key(what), "nobody met {what}: {rare:?}");
    }
    // A simulation in which nothing happens proves nothing.
    assert!(purchases > 100 && lost > 50 && died > 20 && failed > 10, "{purchases} {lost} {died} {failed}");
    for outcome in [
        "buy_fractions sold_out",
        "buy_fractions buyer_limit_exceeded",
        "buy_fractions insufficient_cash",
        "buy_fractions own_offer",
        "buy_fractions idempotency_key_reused",
        "create_offer not_enough_units",
        "decide_approval done",
        "decide_approval same_person",
        "import_statement done",
        "take_back_line asked",
        "cancel_payout done",
        "cancel_payout state_conflict",
        "close_day done",
    ] {
        assert!(seen.contains(outcome), "nobody met {outcome}");
    }
}

#[test]
fn the_same_seed_ends_in_the_same_rows() {
    let first = holds(sqlite(Settings::new(7, 600)));
    assert_eq!(first, holds(sqlite(Settings::new(7, 600))));
    assert_ne!(first.digest, holds(sqlite(Settings::new(8, 600))).digest);
}

/// Without faults both databases end in the same rows; with them PostgreSQL, too, does what the model says.
#[test]
fn postgres_does_the_same() {
    let Some(database) = Database::postgres() else { return };
    let calm = Settings { faults: false, ..Settings::new(7, 600) };
    assert_eq!(holds(run(&database.url, calm)), holds(sqlite(calm)));
    if let Some(database) = Database::postgres() {
        holds(run(&database.url, Settings::new(2, 1_000)));
    }
}

/// Negative controls: a mistake of each kind is found within 3,000 commands of one of six seeds.
#[test]
fn deliberate_mistakes_are_found() {
    for bug in Bug::ALL {
        // A rare fault may not strike within one seed.
        let failure = (4..10).find_map(|seed| sqlite(Settings { bug: Some(bug), ..Settings::new(seed, 3_000) }).err());
        let failure = failure.unwrap_or_else(|| panic!("{bug:?} must be found"));
        println!("{bug:?} found at step {}: {}", failure.step, failure.problem);
        assert!(failure.step > 0, "{bug:?}: {failure}");
    }
}
