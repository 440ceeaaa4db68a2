//! Business days of a currency: TARGET for EUR, `calendars.txt` for the currencies that it has, weekends for the rest. The
//! operator's own days are added to each.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A currency's calendar. Days that the operator added take precedence over the built-in ones.
#[derive(Clone, Debug)]
pub struct Calendar {
    base: Base,
    published: Option<&'static Published>,
    /// date → is it a business day?
    exceptions: BTreeMap<NaiveDate, bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    /// TARGET2 calendar (ECB): weekends, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December.
    Target,
    Weekends,
}

impl Calendar {
    #[must_use]
    pub fn of(currency: &str) -> Self {
        let base = if currency == "EUR" { Base::Target } else { Base::Weekends };
        Self { base, published: PUBLISHED.get(currency), exceptions: BTreeMap::new() }
    }

    /// The last year whose days are all known. None for a calendar whose days are not published year by year.
    #[must_use]
    pub fn known_until(&self) -> Option<i32> {
        self.published.map(|published| published.until)
    }

    /// Whether a day lies beyond the published years, so that it may turn out to be no business day.
    #[must_use]
    pub fn is_beyond(&self, date: NaiveDate) -> bool {
        self.known_until().is_some_and(|until| date.year() > until)
    }

    /// Adds the operator's own days.
    #[must_use]
    pub fn with(mut self, days: impl IntoIterator<Item = (NaiveDate, bool)>) -> Self {
        self.exceptions.extend(days);
        self
    }

    #[must_use]
    pub fn is_business_day(&self, date: NaiveDate) -> bool {
        if let Some(open) = self.exceptions.get(&date) {
            return *open;
        }
        if let Some(open) = self.published.and_then(|published| published.days.get(&date)) {
            return *open;
        }
        let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        !(weekend || self.base == Base::Target && is_target_holiday(date))
    }

    /// The day itself, or the next business day ("following").
    #[must_use]
    pub fn following(&self, date: NaiveDate) -> NaiveDate {
        self.walk(date, 1)
    }

    /// The day itself, or the business day before it ("preceding").
    #[must_use]
    pub fn preceding(&self, date: NaiveDate) -> NaiveDate {
        self.walk(date, -1)
    }

    /// Following, unless that leaves the month: then preceding.
    #[must_use]
    pub fn modified_following(&self, date: NaiveDate) -> NaiveDate {
        let next = self.following(date);
        if next.month() == date.month() { next } else { self.preceding(date) }
    }

    /// The `count`-th business day after `date`.
    #[must_use]
    pub fn add_business_days(&self, date: NaiveDate, count: u32) -> NaiveDate {
        (0..count).fold(date, |day, _| self.following(step(day, 1)))
    }

    /// The `count`-th business day before `date`.
    #[must_use]
    pub fn subtract_business_days(&self, date: NaiveDate, count: u32) -> NaiveDate {
        (0..count).fold(date, |day, _| self.preceding(step(day, -1)))
    }

    fn walk(&self, date: NaiveDate, by: i8) -> NaiveDate {
        // No calendar closes for a whole year; the bound only keeps a wrong one from looping.
        let mut day = date;
        for _ in 0..366 {
            if self.is_business_day(day) {
                break;
            }
            day = step(day, by);
        }
        day
    }
}

/// The entry of one currency in `calendars.txt`.
#[derive(Debug, PartialEq, Eq)]
struct Published {
    until: i32,
    /// Days that differ from Monday to Friday: is it a business day?
    days: BTreeMap<NaiveDate, bool>,
}

static PUBLISHED: LazyLock<BTreeMap<&str, Published>> = LazyLock::new(|| read(include_str!("calendars.txt")));

/// A line that begins with a currency opens it; an indented one holds days of a year.
fn read(text: &'static str) -> BTreeMap<&'static str, Published> {
    let mut calendars = BTreeMap::new();
    let mut currency = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        if line.starts_with(' ') {
            let Some(Published { days, .. }) = calendars.get_mut(currency) else { continue };
            days.extend(words.filter_map(|word| day_of(first, word)));
        } else if let Some(until) = words.next().and_then(|year| year.parse().ok()) {
            currency = first;
            calendars.insert(currency, Published { until, days: BTreeMap::new() });
        }
    }
    calendars
}

/// `+0119` of a year: that day, and that it is open.
fn day_of(year: &str, word: &str) -> Option<(NaiveDate, bool)> {
    let open = word.starts_with('+');
    let day = NaiveDate::parse_from_str(&format!("{year}{}", word.get(1..)?), "%Y%m%d").ok()?;
    Some((day, open))
}

fn step(date: NaiveDate, by: i8) -> NaiveDate {
    let moved = if by < 0 { date.checked_sub_days(Days::new(1)) } else { date.checked_add_days(Days::new(1)) };
    moved.unwrap_or(date)
}

fn is_target_holiday(date: NaiveDate) -> bool {
    let fixed = matches!((date.month(), date.day()), (1 | 5, 1) | (12, 25 | 26));
    let easter = easter_sunday(date.year());
    let moving = easter.is_some_and(|sunday| {
        let offset = date.signed_duration_since(sunday).num_days();
        offset == -2 || offset == 1
    });
    fixed || moving
}

/// Gregorian Easter by the anonymous algorithm (Meeus, Astronomical Algorithms, chapter 8).
fn easter_sunday(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(path: &str) -> Option<String> {
        let root =
            std::env::var("KONTOR_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
        let text = std::fs::read_to_string(format!("{root}/data/{path}")).ok();
        if text.is_none() {
            println!("left out: shared data is absent ({path})");
        }
        text
    }

    /// The currency of each calendar of the independent library.
    fn currency_of(calendar: &str) -> Option<&'static str> {
        Some(match calendar {
            "TARGET" => "EUR",
            "CN-Interbank" => "CNY",
            "HK-HKEx" => "HKD",
            "SG" => "SGD",
            "UK-Settlement" => "GBP",
            "US-FederalReserve" => "USD",
            _ => return None,
        })
    }

    #[test]
    fn the_calendars_agree_with_the_golden_tables() {
        let Some(table) = shared("calendars/adjust_vectors.csv") else { return };
        let mut rows = 0;
        for line in table.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let Some(calendar) = currency_of(cells[0]).map(Calendar::of) else { continue };
            let date: NaiveDate = cells[1].parse().unwrap();
            let adjusted = match cells[2] {
                "Following" => calendar.following(date),
                "ModifiedFollowing" => calendar.modified_following(date),
                "Preceding" => calendar.preceding(date),
                _ => continue,
            };
            assert_eq!(adjusted.to_string(), cells[3], "{line}");
            // The last column counts from the day as it is, with its own adjustment.
            assert_eq!(calendar.add_business_days(date, cells[4].parse().unwrap()).to_string(), cells[5], "{line}");
            rows += 1;
        }
        assert!(rows > 120, "{rows}");
    }

    /// Day by day, three years of each.
    #[test]
    fn every_day_of_three_years_is_as_the_library_has_it() {
        let Some(table) = shared("calendars/quantlib_exceptions_2024_2026.csv") else { return };
        for name in ["TARGET", "CN-Interbank", "HK-HKEx", "SG", "UK-Settlement", "US-FederalReserve"] {
            let calendar = Calendar::of(currency_of(name).unwrap());
            let differing: BTreeMap<NaiveDate, bool> = table
                .lines()
                .map(|line| line.split(',').collect::<Vec<_>>())
                .filter(|cells| cells[0] == name)
                .map(|cells| (cells[1].parse().unwrap(), cells[3] != "holiday"))
                .collect();
            assert!(differing.len() > 15, "{name}");
            let first: NaiveDate = "2024-01-01".parse().unwrap();
            for date in first.iter_days().take_while(|date| date.year() < 2027) {
                let weekday = !matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
                let expected = differing.get(&date).copied().unwrap_or(weekday);
                assert_eq!(calendar.is_business_day(date), expected, "{name} {date}");
            }
        }
    }

    #[test]
    fn the_days_of_other_years_and_currencies_are_known() {
        let closed = |currency: &str, date: &str| !Calendar::of(currency).is_business_day(date.parse().unwrap());
        for (currency, date) in [
            ("CNY", "2020-01-31"),
            ("CNY", "2021-10-07"),
            ("CNY", "2022-09-12"),
            ("CNY", "2023-01-27"),
            ("INR", "2026-01-26"),
            ("INR", "2025-08-15"),
            ("JPY", "2026-05-06"),
            ("JPY", "2027-01-01"),
            ("JPY", "2020-07-24"),
            ("GBP", "2022-09-19"),
            ("GBP", "2027-12-27"),
            ("USD", "2027-07-05"),
            ("HKD", "2026-10-19"),
            ("SGD", "2026-08-10"),
        ] {
            assert!(closed(currency, date), "{currency} {date}");
        }
        for (currency, date) in [("CNY", "2020-01-19"), ("CNY", "2023-01-28"), ("JPY", "2026-12-25"), ("CHF", "2027-01-01")] {
            assert!(!closed(currency, date), "{currency} {date}");
        }
    }

    /// CAL: next year's notice is not out. The days that the law fixes are known all the same, and the calendar reports the rest
    /// as open.
    #[test]
    fn beyond_the_published_years_the_days_of_the_law_are_known() {
        let china = Calendar::of("CNY");
        let following = |date: &str| china.following(date.parse().unwrap()).to_string();
        assert_eq!(following("2027-01-01"), "2027-01-04");
        assert_eq!(following("2027-02-08"), "2027-02-09");
        assert_eq!(following("2027-10-01"), "2027-10-04");
        let beyond = |calendar: &Calendar, date: &str| calendar.is_beyond(date.parse().unwrap());
        assert_eq!(china.known_until(), Some(2026));
        assert!(beyond(&china, "2027-01-04") && !beyond(&china, "2026-12-31"));
        assert!(!beyond(&Calendar::of("EUR"), "2040-01-02") && !beyond(&Calendar::of("USD"), "2030-01-02"));
        assert!(beyond(&Calendar::of("INR"), "2027-03-01"));
        assert_eq!(PUBLISHED.len(), 7);
        assert!(PUBLISHED.values().all(|published| published.days.len() > 60));
    }

    #[test]
    fn the_operators_days_come_first() {
        let day: NaiveDate = "2026-11-23".parse().unwrap();
        assert!(Calendar::of("EUR").is_business_day(day));
        let closed = Calendar::of("EUR").with([(day, false)]);
        assert_eq!(closed.following(day).to_string(), "2026-11-24");
        assert_eq!(closed.preceding(day).to_string(), "2026-11-20");
        let open = Calendar::of("CNY").with([("2027-02-08".parse().unwrap(), true)]);
        assert!(open.is_business_day("2027-02-08".parse().unwrap()));
    }
}
