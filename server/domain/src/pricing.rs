//! The price of a fraction: simple discount or yield, rounded half up to the minor unit, with all costs shown.
//!
//! Simple discount (bank discount): price = face × (1 − r·d/y). Yield: price = face ÷ (1 + r·d/y).

use crate::{DayCount, Refusal};
use chrono::NaiveDate;
use kernel::named;
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

named! {
    Method {
        /// The rate is taken off the face.
        Discount => "discount",
        /// The rate is earned on the price.
        Yield => "yield",
    }
}

/// A rate a year in percent, exact: `5.25` means 5.25 %.
pub type Percent = Decimal;

named! {
    /// The party that bears the platform's fees: the supplier out of its proceeds, or the buyer, who is billed.
    Bearer { Supplier => "supplier", Buyer => "buyer" }
}

/// Platform fee on a purchase: basis points of the price, with a least amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeTerms {
    pub bps: i64,
    pub minimum_minor: i64,
    pub bearer: Bearer,
}

/// The largest share of the price that a least fee may come to, in basis points: 1 %. So the fees of all purchases of a
/// receivable together stay below that share of the prices paid, or below the fee's own basis points. The number of purchases
/// does not matter.
pub const LEAST_FEE_SHARE_BPS: i64 = 100;

impl FeeTerms {
    /// The fee on a price: the larger of its basis points, rounded half up, and the least amount. The least amount counts only up
    /// to its share of the price.
    #[must_use]
    pub fn on(&self, price_minor: i64) -> i64 {
        let share = |bps: i64| exact(price_minor).saturating_mul(exact(bps)) / exact(10_000);
        let least_minor = share(LEAST_FEE_SHARE_BPS).floor().to_i64().unwrap_or(0).min(self.minimum_minor);
        to_minor(share(self.bps)).unwrap_or(i64::MAX).max(least_minor)
    }
}

/// The fee that is taken when a receivable is paid, for the part of it that was sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlementFee {
    /// The fee where all of the face is sold. 0 where the supplier does not bear it.
    pub whole_minor: i64,
    pub face_minor: i64,
}

impl SettlementFee {
    /// The fee on these units, rounded half up: 0 on nothing, all of it on all of the face.
    #[must_use]
    pub fn on(&self, units_minor: i64) -> Option<i64> {
        let (whole, face) = (i128::from(self.whole_minor), i128::from(self.face_minor));
        let twice = whole.checked_mul(i128::from(units_minor))?.checked_mul(2)?.checked_add(face)?;
        i64::try_from(twice.checked_div(face.checked_mul(2)?)?).ok()
    }
}

/// The terms a price is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceTerms {
    pub method: Method,
    pub rate: Percent,
    pub day_count: DayCount,
    pub due_date: NaiveDate,
    pub fee: FeeTerms,
    /// The supplier's part of it is a cost of the sale.
    pub settlement: SettlementFee,
}

/// The all-in price, for both sides, before anybody accepts it. All amounts in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub face_minor: i64,
    pub price_minor: i64,
    pub discount_minor: i64,
    /// Taken out of the price where the supplier bears it; otherwise the buyer is billed.
    pub fee_minor: i64,
    pub fee_bearer: Bearer,
    /// The amount that this sale adds to the supplier's settlement fee. The platform takes it from the reserve when the buyer has
    /// paid.
    pub settlement_fee_minor: i64,
    pub supplier_net_minor: i64,
    pub tenor_days: i64,
    /// The financier's return: simple, a year, on the price, percent, four decimals.
    pub financier_rate: Percent,
    /// The supplier's cost: discount and both fees together against the net cash, percent a year.
    pub supplier_rate: Percent,
}

fn exact(value: i64) -> Decimal {
    Decimal::from(value)
}

fn to_minor(value: Decimal) -> Option<i64> {
    value.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()
}

/// price of `face_minor` paid on `value_date` for redemption on `due_date`, rounded half up.
#[must_use]
pub fn price(face_minor: i64, terms: &PriceTerms, value_date: NaiveDate) -> Option<i64> {
    let days = terms.day_count.days(value_date, terms.due_date).max(0);
    let hundred = exact(100);
    let growth = terms.rate.checked_mul(exact(days))?;
    let year = exact(terms.day_count.year_days()).checked_mul(hundred)?;
    let face = exact(face_minor);
    let exact_price = match terms.method {
        Method::Discount => face.checked_mul(year.checked_sub(growth)?)?.checked_div(year)?,
        Method::Yield => face.checked_mul(year)?.checked_div(year.checked_add(growth)?)?,
    };
    to_minor(exact_price)
}

/// `gain` over `base` for `days`, a year, in percent with four decimals; nothing where a convention counts no day.
fn annual_rate(gain: i64, base: i64, days: i64, day_count: DayCount) -> Percent {
    let up = exact(gain).checked_mul(exact(day_count.year_days()).saturating_mul(exact(100)));
    let down = exact(base).checked_mul(exact(days));
    match (up, down) {
        (Some(up), Some(down)) => up.checked_div(down).unwrap_or_default().round_dp(4),
        _ => Decimal::ZERO,
    }
}

/// Interest on `principal_minor` at `rate` percent a year for the days between, rounded half up.
#[must_use]
pub fn interest(principal_minor: i64, rate: Percent, day_count: DayCount, from: NaiveDate, to: NaiveDate) -> Option<i64> {
    let days = day_count.days(from, to).max(0);
    let year = exact(day_count.year_days()).checked_mul(exact(100))?;
    let exact_interest = exact(principal_minor).checked_mul(rate)?.checked_mul(exact(days))?.checked_div(year)?;
    to_minor(exact_interest)
}

/// The all-in price of `face_minor`, or why there is none.
pub fn quote(face_minor: i64, terms: &PriceTerms, value_date: NaiveDate) -> Result<Quote, Refusal> {
    if terms.due_date <= value_date {
        return Err(Refusal::ReceivableMatured { due_date: terms.due_date });
    }
    let price_minor = price(face_minor, terms, value_date).filter(|price| *price > 0).ok_or(Refusal::PriceNotPositive)?;
    let fee_minor = terms.fee.on(price_minor);
    let taken_minor = if terms.fee.bearer == Bearer::Supplier { fee_minor } else { 0 };
    let supplier_net_minor = price_minor.checked_sub(taken_minor).filter(|net| *net > 0).ok_or(Refusal::PriceNotPositive)?;
    let tenor_days = terms.day_count.days(value_date, terms.due_date);
    let discount_minor = face_minor.saturating_sub(price_minor);
    let settlement_fee_minor = terms.settlement.on(face_minor).ok_or(Refusal::PriceNotPositive)?;
    let cost_minor = discount_minor.saturating_add(taken_minor).saturating_add(settlement_fee_minor);
    Ok(Quote {
        face_minor,
        price_minor,
        discount_minor,
        fee_minor,
        fee_bearer: terms.fee.bearer,
        settlement_fee_minor,
        supplier_net_minor,
        tenor_days,
        financier_rate: annual_rate(discount_minor, price_minor, tenor_days, terms.day_count),
        supplier_rate: annual_rate(cost_minor, supplier_net_minor, tenor_days, terms.day_count),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    const NO_SETTLEMENT: SettlementFee = SettlementFee { whole_minor: 0, face_minor: 1 };

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
    fn day_counts_agree_with_the_golden_table() {
        let Some(table) = shared("daycount/daycount_vectors.csv") else { return };
        let mut rows = 0;
        for line in table.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            if let Some(convention) = DayCount::parse(cells[0]) {
                let days = convention.days(date(cells[1]), date(cells[2]));
                let fraction: f64 = cells[4].parse().unwrap();
                // Some rows of the table give the days in the column of the fraction.
                let exact_fraction = days as f64 / convention.year_days() as f64;
                assert!((exact_fraction - fraction).abs() < 1e-9 || days as f64 == fraction, "{line}");
                assert!(cells[3].is_empty() || cells[3] == days.to_string(), "{line}");
                rows += 1;
            }
        }
        assert!(rows > 50, "the table has rows for our conventions: {rows}");
    }

    #[test]
    fn prices_agree_with_the_golden_table() {
        let Some(table) = shared("daycount/discount_pricing_vectors.csv") else { return };
        let mut rows = 0;
        for line in table.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let Some(day_count) = DayCount::parse(cells[5]) else { continue };
            let currency = crate::Currency::parse(cells[1]).unwrap();
            let face = currency.parse_decimal(cells[3]).unwrap();
            let rate: Decimal = cells[4].parse::<Decimal>().unwrap() * exact(100);
            let due_date = date(cells[7]);
            let fee = FeeTerms { bps: 0, minimum_minor: 0, bearer: Bearer::Supplier };
            for (method, column) in [(Method::Discount, 10), (Method::Yield, 13)] {
                let terms = PriceTerms { method, rate, day_count, due_date, fee, settlement: NO_SETTLEMENT };
                let got = price(face, &terms, date(cells[6])).unwrap();
                assert_eq!(got, currency.parse_decimal(cells[column]).unwrap(), "{} {line}", method.name());
            }
            rows += 1;
        }
        assert!(rows > 20, "the table has rows for our conventions: {rows}");
    }

    #[test]
    fn a_quote_shows_every_part_and_they_add_up() {
        let terms = PriceTerms {
            method: Method::Discount,
            rate: "6".parse().unwrap(),
            day_count: DayCount::Actual360,
            due_date: date("2026-12-31"),
            fee: FeeTerms { bps: 10, minimum_minor: 500, bearer: Bearer::Supplier },
            settlement: NO_SETTLEMENT,
        };
        let quote = quote(1_000_000, &terms, date("2026-10-02")).unwrap();
        assert_eq!((quote.tenor_days, quote.discount_minor, quote.price_minor), (90, 15_000, 985_000));
        assert_eq!((quote.fee_minor, quote.supplier_net_minor), (985, 984_015));
        assert_eq!(quote.financier_rate, "6.0914".parse().unwrap());
        assert!(quote.supplier_rate > quote.financier_rate);
        let billed = PriceTerms { fee: FeeTerms { bearer: Bearer::Buyer, ..terms.fee }, ..terms };
        let billed = super::quote(1_000_000, &billed, date("2026-10-02")).unwrap();
        assert_eq!(
            (billed.fee_minor, billed.supplier_net_minor, billed.price_minor),
            (985, 985_000, 985_000),
            "the buyer is billed"
        );
        assert_eq!(billed.supplier_rate, billed.financier_rate);
        let late = super::quote(1_000_000, &terms, date("2026-12-31"));
        assert_eq!(late, Err(Refusal::ReceivableMatured { due_date: terms.due_date }));
        let tiny = super::quote(100, &terms, date("2026-10-02")).unwrap();
        assert_eq!((tiny.price_minor, tiny.fee_minor), (99, 0), "a least fee eats no price");
    }

    /// 5,000.00 of 9,000.00 are sold for 90 days at 6 %. The purchase fee is 4.93. The settlement fee is 5.00 on the whole; 2.78
    /// of it are this sale's.
    #[test]
    fn the_settlement_fee_is_in_the_all_in_cost() {
        let terms = PriceTerms {
            method: Method::Discount,
            rate: Decimal::from(6),
            day_count: DayCount::Actual360,
            due_date: date("2026-12-31"),
            fee: FeeTerms { bps: 10, minimum_minor: 0, bearer: Bearer::Supplier },
            settlement: SettlementFee { whole_minor: 500, face_minor: 900_000 },
        };
        let found = quote(500_000, &terms, date("2026-10-02")).unwrap();
        assert_eq!((found.price_minor, found.fee_minor, found.supplier_net_minor), (492_500, 493, 492_007));
        assert_eq!(found.settlement_fee_minor, 278);
        // (7,500 + 493 + 278) / 492,007 × 360 / 90.
        assert_eq!(found.supplier_rate, "6.7243".parse().unwrap());
        let without = quote(500_000, &PriceTerms { settlement: NO_SETTLEMENT, ..terms }, date("2026-10-02")).unwrap();
        assert_eq!((without.settlement_fee_minor, without.supplier_rate), (0, "6.4983".parse().unwrap()));
        assert_eq!(without.financier_rate, found.financier_rate, "the financier pays no fee");
    }

    #[test]
    fn the_settlement_fee_is_of_what_was_sold() {
        let fee = SettlementFee { whole_minor: 500, face_minor: 900_000 };
        for (units, wanted) in [(0, 0), (899, 0), (900, 1), (450_000, 250), (899_100, 500), (900_000, 500)] {
            assert_eq!(fee.on(units), Some(wanted), "{units}");
        }
        let most = SettlementFee { whole_minor: i64::MAX, face_minor: i64::MAX };
        assert_eq!(most.on(i64::MAX), Some(i64::MAX));
        assert_eq!(SettlementFee { whole_minor: 1, face_minor: 0 }.on(1), None);
    }

    /// Basis points, least amount, price, fee.
    #[test]
    fn a_fee_is_never_more_than_its_share_of_the_price() {
        for (bps, minimum_minor, price_minor, wanted) in [
            (10, 500, 985_000, 985),
            (10, 500, 100_000, 500),
            // 1 % is exactly the least amount, one unit less, and far less.
            (10, 500, 50_000, 500),
            (10, 500, 49_999, 499),
            (10, 500, 1_000, 10),
            (10, 500, 100, 1),
            (10, 500, 99, 0),
            (10, 500, 1, 0),
            (0, 0, 1_000, 0),
            (0, 100, 1, 0),
            // Basis points above the share hold as they are.
            (500, 100, 1_000, 50),
            (500, 100, 10, 1),
            (10, 1_000_000, i64::MAX, 9_223_372_036_854_776),
        ] {
            let fee = FeeTerms { bps, minimum_minor, bearer: Bearer::Buyer };
            assert_eq!(fee.on(price_minor), wanted, "{bps} bps, least {minimum_minor}, of {price_minor}");
        }
    }

    /// However a face is cut into tickets of a hundred units or more, the fees of all of them stay in their share of it.
    #[test]
    fn many_tickets_cost_no_more_than_their_share() {
        let mut seed = 11_u64;
        for (bps, minimum_minor) in [(0, 500), (25, 100), (100, 1_000_000), (500, 500)] {
            let fee = FeeTerms { bps, minimum_minor, bearer: Bearer::Buyer };
            for least_ticket in [100, 1_000, 100_000] {
                let (face_minor, mut left, mut fees, mut tickets) = (5_000_000_i64, 5_000_000_i64, 0, 0);
                while left > 0 {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let units = (least_ticket + i64::try_from(seed >> 50).unwrap() % least_ticket).min(left);
                    (left, fees, tickets) = (left - units, fees + fee.on(units), tickets + 1);
                }
                // Rounding half up gives each ticket half a unit at most.
                let most = face_minor * bps.max(LEAST_FEE_SHARE_BPS) / 10_000 + tickets / 2 + 1;
                assert!(fees <= most, "{bps} {minimum_minor} {least_ticket}: {fees} of {most}");
            }
        }
    }

    /// 12 % on 1,000.00 for 30 days of 360 are 10.00. One cent makes a difference, and nothing is earned backwards.
    #[test]
    fn interest_is_rounded_half_up_and_never_negative() {
        for (principal, rate, days, wanted) in [
            (100_000, "12", 30, 1_000),
            (100_000, "12", 0, 0),
            (100_000, "12", -5, 0),
            (150, "12", 10, 1),
            (149, "12", 10, 0),
            (0, "12", 30, 0),
        ] {
            let (from, to) = (date("2026-06-10"), date("2026-06-10") + chrono::TimeDelta::days(days));
            let found = interest(principal, rate.parse().unwrap(), DayCount::Actual360, from, to);
            assert_eq!(found, Some(wanted), "{principal} for {days} days");
        }
        assert_eq!(interest(i64::MAX, "99".parse().unwrap(), DayCount::Actual360, date("2026-01-01"), date("2036-01-01")), None);
    }

    /// A price or a net amount of zero is refused.
    #[test]
    fn what_comes_to_nothing_is_not_quoted() {
        let fee = FeeTerms { bps: 0, minimum_minor: 0, bearer: Bearer::Supplier };
        let terms = |rate: &str, fee| PriceTerms {
            method: Method::Discount,
            rate: rate.parse().unwrap(),
            day_count: DayCount::Actual360,
            due_date: date("2026-12-27"),
            fee,
            settlement: NO_SETTLEMENT,
        };
        let whole_year = date("2026-01-01");
        assert_eq!(quote(1_000, &terms("100", fee), whole_year), Err(Refusal::PriceNotPositive));
        let one = quote(1_000, &terms("99.9", fee), whole_year).unwrap();
        assert_eq!((one.price_minor, one.supplier_net_minor), (1, 1));
        let all = FeeTerms { bps: 10_000, ..fee };
        assert_eq!(quote(1_000, &terms("99.9", all), whole_year), Err(Refusal::PriceNotPositive), "the fee is the price");
    }

    #[test]
    fn a_method_is_known_by_its_name() {
        for (method, name) in [(Method::Discount, "discount"), (Method::Yield, "yield")] {
            assert_eq!((method.name(), Method::parse(name)), (name, Some(method)));
        }
        assert_eq!(Method::parse("annuity"), None);
    }
}
