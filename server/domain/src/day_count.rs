//! Day counts for pricing and late interest (ISDA 2006 Definitions, section 4.16).

use chrono::{Datelike, NaiveDate};

kernel::named! {
    DayCount {
        /// Actual days over 360.
        Actual360 => "ACT/360",
        /// Actual days over 365, leap years or not.
        Actual365Fixed => "ACT/365F",
        /// Months of 30 days over 360, Eurobond basis.
        Thirty360E => "30E/360",
    }
}

impl DayCount {
    /// Days from `start` to `end` as this convention counts them.
    #[must_use]
    pub fn days(self, start: NaiveDate, end: NaiveDate) -> i64 {
        match self {
            Self::Actual360 | Self::Actual365Fixed => end.signed_duration_since(start).num_days(),
            Self::Thirty360E => {
                let serial =
                    |date: NaiveDate| i64::from(date.year()) * 360 + i64::from(date.month()) * 30 + i64::from(date.day().min(30));
                serial(end) - serial(start)
            }
        }
    }

    /// Days of a year, the divisor.
    #[must_use]
    pub fn year_days(self) -> i64 {
        match self {
            Self::Actual360 | Self::Thirty360E => 360,
            Self::Actual365Fixed => 365,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DayCount::{self, Actual360, Actual365Fixed, Thirty360E};

    /// Counted by hand from the definitions.
    #[test]
    fn days_are_counted_as_each_convention_says() {
        for (convention, start, end, days, year) in [
            (Actual360, "2026-01-01", "2026-12-31", 364, 360),
            (Actual365Fixed, "2028-02-28", "2028-03-01", 2, 365),
            (Thirty360E, "2026-01-15", "2026-02-15", 30, 360),
            (Thirty360E, "2026-01-31", "2026-02-28", 28, 360),
            (Thirty360E, "2026-02-28", "2026-03-31", 32, 360),
            (Thirty360E, "2026-08-31", "2027-02-28", 178, 360),
            (Thirty360E, "2025-12-30", "2026-12-31", 360, 360),
            (Thirty360E, "2026-05-30", "2026-05-31", 0, 360),
            (Thirty360E, "2026-03-10", "2024-11-20", -470, 360),
        ] {
            let counted = convention.days(start.parse().unwrap(), end.parse().unwrap());
            assert_eq!((counted, convention.year_days()), (days, year), "{} {start} {end}", convention.name());
        }
    }

    #[test]
    fn a_convention_is_known_by_its_name() {
        let names: Vec<&str> = DayCount::ALL.iter().map(|known| known.name()).collect();
        assert_eq!(names, ["ACT/360", "ACT/365F", "30E/360"]);
        for known in DayCount::ALL {
            assert_eq!(DayCount::parse(known.name()), Some(*known));
        }
        assert_eq!(DayCount::parse("ACT/ACT"), None);
    }
}
