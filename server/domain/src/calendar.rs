//! Business days of a currency: TARGET for EUR, the State Council's notices for CNY, weekends for the rest,
//! and whatever the operator has added.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use std::collections::BTreeMap;

/// A currency's calendar. Days that the operator added take precedence over the built-in ones.
#[derive(Clone, Debug)]
pub struct Calendar {
    base: Base,
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
        let mut exceptions = BTreeMap::new();
        if currency == "CNY" {
            let built_in = CNY_CLOSED.iter().map(|day| (day, false)).chain(CNY_OPEN.iter().map(|day| (day, true)));
            exceptions.extend(built_in.filter_map(|(day, open)| Some((day.parse().ok()?, open))));
        }
        let base = if currency == "EUR" { Base::Target } else { Base::Weekends };
        Self { base, exceptions }
    }

    /// Adds what the operator knows better.
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

// Holidays and make-up working weekends in mainland China, 2024 to 2026, after the yearly notices of the
// General Office of the State Council.
const CNY_CLOSED: &[&str] = &[
    "2024-01-01",
    "2024-02-12",
    "2024-02-13",
    "2024-02-14",
    "2024-02-15",
    "2024-02-16",
    "2024-04-04",
    "2024-04-05",
    "2024-05-01",
    "2024-05-02",
    "2024-05-03",
    "2024-06-10",
    "2024-09-16",
    "2024-09-17",
    "2024-10-01",
    "2024-10-02",
    "2024-10-03",
    "2024-10-04",
    "2024-10-07",
    "2025-01-01",
    "2025-01-28",
    "2025-01-29",
    "2025-01-30",
    "2025-01-31",
    "2025-02-03",
    "2025-02-04",
    "2025-04-04",
    "2025-05-01",
    "2025-05-02",
    "2025-05-05",
    "2025-06-02",
    "2025-10-01",
    "2025-10-02",
    "2025-10-03",
    "2025-10-06",
    "2025-10-07",
    "2025-10-08",
    "2026-01-01",
    "2026-01-02",
    "2026-02-16",
    "2026-02-17",
    "2026-02-18",
    "2026-02-19",
    "2026-02-20",
    "2026-02-23",
    "2026-04-06",
    "2026-05-01",
    "2026-05-04",
    "2026-05-05",
    "2026-06-19",
    "2026-09-25",
    "2026-10-01",
    "2026-10-02",
    "2026-10-05",
    "2026-10-06",
    "2026-10-07",
];

const CNY_OPEN: &[&str] = &[
    "2024-02-04",
    "2024-02-18",
    "2024-04-07",
    "2024-04-28",
    "2024-05-11",
    "2024-09-14",
    "2024-09-29",
    "2024-10-12",
    "2025-01-26",
    "2025-02-08",
    "2025-04-27",
    "2025-09-28",
    "2025-10-11",
    "2026-01-04",
    "2026-02-14",
    "2026-02-28",
    "2026-05-09",
    "2026-09-20",
    "2026-10-10",
];

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

    #[test]
    fn target_and_china_agree_with_the_golden_tables() {
        let Some(table) = shared("calendars/adjust_vectors.csv") else { return };
        let mut rows = 0;
        for line in table.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let calendar = match cells[0] {
                "TARGET" => Calendar::of("EUR"),
                "CN-Interbank" => Calendar::of("CNY"),
                _ => continue,
            };
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
        assert!(rows > 20, "{rows}");
    }

    #[test]
    fn the_operators_days_come_first() {
        let day: NaiveDate = "2026-11-23".parse().unwrap();
        assert!(Calendar::of("EUR").is_business_day(day));
        let closed = Calendar::of("EUR").with([(day, false)]);
        assert_eq!(closed.following(day).to_string(), "2026-11-24");
        assert_eq!(closed.preceding(day).to_string(), "2026-11-20");
    }
}
