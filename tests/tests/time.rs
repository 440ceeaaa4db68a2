//! The clock is turned, and days are odd: every day ends once, every maturity falls on its business day: BAR.md R7.

use crate::settlement::Trade;
use chrono::{NaiveDate, NaiveDateTime};
use domain::Currency;
use e2e::Database;
use server::jobs::end_of_day;
use store::records::{Keyed, Record};

/// The due date that the buyer confirms, the business day on which it must be paid, and why they differ.
const DUE: [(&str, &str, &str); 5] = [
    ("2027-12-31", "2027-12-31", "the year's last day is a business day"),
    ("2028-01-01", "2028-01-03", "New Year, and a Saturday"),
    ("2028-02-29", "2028-02-29", "a leap day"),
    ("2028-03-26", "2028-03-27", "a Sunday on which clocks change"),
    ("2028-04-14", "2028-04-18", "Good Friday, then Easter Monday"),
];

fn moment(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

/// What the job does that runs beside the requests, twice at the same time.
fn catch_up(trade: &Trade) {
    let (app, today) = (trade.world.app(), trade.world.clock.now().date());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            // Whoever is second finds the day ended; it is the other's.
            scope.spawn(|| drop(end_of_day::catch_up(app, today)));
        }
    });
    end_of_day::catch_up(app, today).unwrap();
}

fn business_date(trade: &Trade) -> String {
    store::records::load_heads(&mut trade.world.conn()).unwrap().business_date.to_string()
}

/// The days that have ended, in the order in which they did, with how many receivables matured by it.
fn ended(trade: &Trade) -> Vec<(NaiveDate, i64)> {
    let rows = store::AuditRecord::list_where(&mut trade.world.conn(), "command = 'close_day' ORDER BY seq", &[]).unwrap();
    let outcome = |row: &store::AuditRecord| -> serde_json::Value { serde_json::from_str(&row.outcome).unwrap() };
    let day = |row: &store::AuditRecord| row.idempotency_key.trim_start_matches("close-day ").parse().unwrap();
    rows.iter().map(|row| (day(row), find(&outcome(row), "matured").unwrap_or(0))).collect()
}

fn find(value: &serde_json::Value, name: &str) -> Option<i64> {
    let map = value.as_object()?;
    map.get(name).and_then(serde_json::Value::as_i64).or_else(|| map.values().find_map(|inner| find(inner, name)))
}

#[test]
fn every_day_ends_once_and_every_maturity_falls_on_its_business_day() {
    for database in Database::both() {
        let kind = database.kind;
        let trade = Trade::start_at(database, &[Currency::EUR], "2027-12-06");
        // No two of one amount: such would be held for a person.
        let mut amount_minor = 500_000;
        let sold = DUE.map(|(due, ..)| {
            trade.due.set(due);
            amount_minor += 1_000;
            trade.sell(Currency::EUR, amount_minor)
        });
        for (sold, (due, payment, why)) in sold.iter().zip(DUE) {
            let row = store::Receivable::load(&mut trade.world.conn(), sold.id).unwrap();
            assert_eq!((row.due_date.to_string().as_str(), row.payment_date.to_string().as_str()), (due, payment), "{why}");
        }
        let clock = &trade.world.clock;
        // An hour forward over midnight, back, and forward again.
        clock.set(moment("2027-12-06T23:30:00"));
        catch_up(&trade);
        assert_eq!(business_date(&trade), "2027-12-06");
        for hours in [1, -1, 1] {
            clock.shift_seconds(hours * 3_600);
            catch_up(&trade);
            assert_eq!(business_date(&trade), "2027-12-07", "a day that has ended stays so");
        }
        // A token and a key over four hundred days back and forth.
        let caller = trade.world.api("one@x.example");
        let limit = serde_json::json!({ "currency": "EUR", "limit_minor": 90_000 });
        let first = caller.api("set-approval-limit", "time-before-the-jump", &limit);
        assert_eq!(first.status, 200, "{}", first.body);
        for days in [-400, 400] {
            clock.shift_seconds(days * 86_400);
            catch_up(&trade);
            assert_eq!(business_date(&trade), "2027-12-07", "{days}");
            let expected = if days < 0 { 401 } else { 200 };
            let again = caller.api("set-approval-limit", "time-before-the-jump", &limit);
            assert_eq!(again.status, expected, "a token is not valid before it was made: {}", again.body);
            if days > 0 {
                assert_eq!((&again.json()["repeated"], &again.json()["result"]), (&true.into(), &first.json()["result"]));
            }
        }
        let page = trade.world.signed_in("one@x.example");
        // Over the year's end, the leap day, the change of clocks and Easter, in steps or all at once.
        if e2e::rounds(0, 1) == 1 {
            clock.shift_seconds(400 * 86_400);
        } else {
            clock.set(moment("2028-04-20T00:10:00"));
        }
        catch_up(&trade);
        assert_eq!(business_date(&trade), clock.now().date().to_string());
        assert_eq!(page.get("/").status, 303, "a session does not outlive the jump");
        assert_eq!(caller.get("/api/v1/me").status, 401, "nor does a token");
        let days = ended(&trade);
        let expected: Vec<NaiveDate> = "2027-12-06".parse::<NaiveDate>().unwrap().iter_days().take(days.len()).collect();
        assert_eq!(days.iter().map(|(day, _)| *day).collect::<Vec<_>>(), expected, "each day once, in order");
        assert_eq!(expected.last().and_then(NaiveDate::succ_opt).unwrap().to_string(), business_date(&trade));
        let came: Vec<NaiveDate> =
            days.iter().filter(|(_, matured)| *matured > 0).map(|(day, _)| day.succ_opt().unwrap()).collect();
        let due: Vec<NaiveDate> = DUE.iter().map(|(_, payment, _)| payment.parse().unwrap()).collect();
        let due: Vec<NaiveDate> = due.into_iter().filter(|day| *day <= clock.now().date()).collect();
        assert_eq!(came, due, "each maturity on its business day");
        assert_eq!(days.iter().map(|(_, matured)| matured).sum::<i64>(), i64::try_from(due.len()).unwrap(), "and once");
        println!("{kind}: {} days ended, {} matured", days.len(), due.len());
        trade.verify();
    }
}
