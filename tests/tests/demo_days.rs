//! The demo's history begins at any day: it is played on days on which programs stumble.

use e2e::Database;

/// A Saturday, a month's end, a year's last day, a leap day, and the second day of a year.
const DAYS: [&str; 5] = ["2026-11-28", "2026-11-30", "2026-12-31", "2028-02-29", "2030-01-02"];

#[test]
fn the_demo_can_begin_on_any_day() {
    for (number, day) in DAYS.into_iter().enumerate() {
        // The rules are the same on both databases; each day is played on one of them.
        let database = if number % 2 == 0 { Database::sqlite() } else { Database::postgres().unwrap() };
        let today: chrono::NaiveDate = day.parse().unwrap();
        let clock = server::clock::Clock::running_from(today.and_hms_opt(11, 0, 0).unwrap());
        server::demo::history::build(&database.url, 90, &clock).unwrap_or_else(|error| panic!("{day}: {error}"));
        let mut conn = store::connect(&database.url).unwrap();
        let heads = store::records::load_heads(&mut conn).unwrap();
        assert_eq!(heads.business_date, today);
        let (_, finding) = store::verify::verify(&mut conn).unwrap();
        assert_eq!(finding, None, "{day}");
        for (what, sql) in [
            ("purchases", "SELECT COUNT(*) AS value FROM purchases"),
            ("open offers", "SELECT COUNT(*) AS value FROM offers WHERE state = 'open'"),
            ("settled payouts", "SELECT COUNT(*) AS value FROM payouts WHERE state = 'settled'"),
            ("redeemed receivables", "SELECT COUNT(*) AS value FROM receivables WHERE state = 'redeemed'"),
        ] {
            let count = store::query::int(&mut conn, sql, &[]).unwrap().unwrap_or(0);
            assert!(count > 0, "{day}: no {what}");
        }
    }
}
