//! How a buyer stands: whether its debts may be offered and bought.
//!
//! A company that may not trade is stopped. So is a buyer whose payment is overdue for longer than the terms of its currency
//! tolerate. Earlier purchases stay as they are; open offers wait.

use crate::Refusal;
use chrono::{Days, NaiveDate};

/// The facts about the buyer that offers and purchases need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuyerStanding {
    /// The platform lets the company trade.
    pub trades: bool,
    /// The first day of the oldest payment that is overdue for too long.
    pub overdue_since: Option<NaiveDate>,
}

impl BuyerStanding {
    /// Refuses debts that may be neither offered nor bought.
    pub fn check(self) -> Result<(), Refusal> {
        if !self.trades {
            return Err(Refusal::BuyerStopped);
        }
        self.overdue_since.map_or(Ok(()), |since| Err(Refusal::BuyerOverdue { since }))
    }
}

/// A payment that has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpaid {
    pub payment_date: NaiveDate,
    pub grace_days: i64,
    /// Days overdue that the terms of its currency tolerate before its buyer is stopped. 0: none.
    pub tolerated_days: i64,
}

fn days(count: i64) -> Days {
    Days::new(u64::try_from(count).unwrap_or(0))
}

impl Unpaid {
    /// The first day on which it is overdue.
    #[must_use]
    pub fn overdue_from(&self) -> Option<NaiveDate> {
        self.payment_date.checked_add_days(days(self.grace_days))?.succ_opt()
    }

    fn stops_on(&self, today: NaiveDate) -> Option<NaiveDate> {
        let from = self.overdue_from()?;
        let stops_from = from.checked_add_days(days(self.tolerated_days))?;
        (today >= stops_from).then_some(from)
    }
}

/// The day since which overdue payments keep a buyer's debts from being offered and bought; none where they do not.
#[must_use]
pub fn overdue_since(unpaid: &[Unpaid], today: NaiveDate) -> Option<NaiveDate> {
    unpaid.iter().filter_map(|payment| payment.stops_on(today)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Payment date, grace, tolerated days, today, and since when the buyer is stopped.
    #[test]
    fn a_buyer_is_stopped_once_a_payment_is_overdue_for_longer_than_is_tolerated() {
        for (payment_date, grace_days, tolerated_days, today, wanted) in [
            ("2026-03-31", 0, 0, "2026-03-31", None),
            ("2026-03-31", 0, 0, "2026-04-01", Some("2026-04-01")),
            ("2026-03-31", 3, 0, "2026-04-03", None),
            ("2026-03-31", 3, 0, "2026-04-04", Some("2026-04-04")),
            ("2026-03-31", 3, 0, "2027-01-01", Some("2026-04-04")),
            // Ten days pass before it counts. The returned day is the first on which it was overdue.
            ("2026-03-31", 3, 10, "2026-04-13", None),
            ("2026-03-31", 3, 10, "2026-04-14", Some("2026-04-04")),
            ("2028-02-28", 0, 0, "2028-02-29", Some("2028-02-29")),
            ("2026-12-31", 0, 1, "2027-01-01", None),
            ("2026-12-31", 0, 1, "2027-01-02", Some("2027-01-01")),
        ] {
            let unpaid = Unpaid { payment_date: date(payment_date), grace_days, tolerated_days };
            let found = overdue_since(&[unpaid], date(today));
            assert_eq!(found, wanted.map(date), "{payment_date} +{grace_days} +{tolerated_days} on {today}");
        }
        assert_eq!(overdue_since(&[], date("2026-04-01")), None);
    }

    #[test]
    fn the_oldest_payment_that_stops_is_told() {
        let unpaid =
            |payment_date: &str, tolerated_days| Unpaid { payment_date: date(payment_date), grace_days: 0, tolerated_days };
        let payments = [unpaid("2026-03-10", 60), unpaid("2026-03-20", 0), unpaid("2026-03-25", 0)];
        assert_eq!(overdue_since(&payments, date("2026-04-01")), Some(date("2026-03-21")));
        assert_eq!(overdue_since(&payments, date("2026-06-01")), Some(date("2026-03-11")));
    }

    #[test]
    fn each_reason_has_its_refusal() {
        let since = date("2026-04-01");
        let good = BuyerStanding { trades: true, overdue_since: None };
        assert_eq!(good.check(), Ok(()));
        assert_eq!(BuyerStanding { overdue_since: Some(since), ..good }.check(), Err(Refusal::BuyerOverdue { since }));
        assert_eq!(BuyerStanding { trades: false, overdue_since: Some(since) }.check(), Err(Refusal::BuyerStopped));
    }
}
