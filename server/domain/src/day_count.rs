//! Day counts for pricing and late interest (ISDA 2006 Definitions, section 4.16).

use chrono::{Datelike, NaiveDate};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DayCount {
    /// Actual days over 360.
    Actual360,
    /// Actual days over 365, leap years or not.
    Actual365Fixed,
    /// Months of 30 days over 360, Eurobond basis.
    Thirty360E,
}

impl DayCount {
    pub const ALL: [Self; 3] = [Self::Actual360, Self::Actual365Fixed, Self::Thirty360E];

    /// The name used in forms, files and the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Actual360 => "ACT/360",
            Self::Actual365Fixed => "ACT/365F",
            Self::Thirty360E => "30E/360",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

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
