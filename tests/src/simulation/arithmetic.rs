//! The model's own arithmetic: whole numbers only, written without looking at the server's.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// A rate in percent a year, in millionths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub millionths: i128,
    /// Digits after the point as they were written.
    pub digits: usize,
}

/// `5.25` as a rate; nothing for a text that is not a plain decimal.
#[must_use]
pub fn rate(text: &str) -> Option<Rate> {
    let (negative, plain) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|mark| mark.is_ascii_digit()) {
        return None;
    }
    let kept: String = fraction.chars().take(6).collect();
    let size: i128 = format!("{whole}{kept:0<6}").parse().ok()?;
    Some(Rate { millionths: if negative { -size } else { size }, digits: fraction.len() })
}

/// A quotient to the nearest whole number, halves away from zero.
#[must_use]
pub fn nearest(up: i128, down: i128) -> i128 {
    let size = (2 * up.abs() + down) / (2 * down);
    if up < 0 { -size } else { size }
}

/// Days between two dates, or nothing for an unknown convention.
#[must_use]
pub fn days(convention: &str, from: NaiveDate, to: NaiveDate) -> Option<i128> {
    let serial = |date: NaiveDate| i128::from(date.year()) * 360 + i128::from(date.month()) * 30 + i128::from(date.day().min(30));
    match convention {
        "ACT/360" | "ACT/365F" => Some(i128::from((to - from).num_days())),
        "30E/360" => Some(serial(to) - serial(from)),
        _ => None,
    }
}

fn year(convention: &str) -> i128 {
    if convention == "ACT/365F" { 365 } else { 360 }
}

/// The price of a face: `discount` takes the rate off the face, `yield` lets it grow on the price.
#[must_use]
pub fn price(face: i128, rate: Rate, method: &str, convention: &str, (from, due): (NaiveDate, NaiveDate)) -> i128 {
    let whole = year(convention) * 100 * 1_000_000;
    let growth = rate.millionths * days(convention, from, due).unwrap_or(0).max(0);
    if method == "discount" { nearest(face * (whole - growth), whole) } else { nearest(face * whole, whole + growth) }
}

#[must_use]
pub fn interest(principal: i128, rate: Rate, convention: &str, from: NaiveDate, to: NaiveDate) -> i128 {
    let days = days(convention, from, to).unwrap_or(0).max(0);
    nearest(principal * rate.millionths * days, year(convention) * 100 * 1_000_000)
}

/// A share in ten-thousandths, rounded up.
#[must_use]
pub fn share_up(amount: i128, bps: i128) -> i128 {
    (amount * bps + 9_999) / 10_000
}

/// An amount divided by weights; the units that are left over go to the largest remainders, first come first served.
#[must_use]
pub fn divide(amount: i128, weights: &[i128]) -> Vec<i128> {
    let total: i128 = weights.iter().sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let mut parts: Vec<i128> = weights.iter().map(|weight| amount * weight / total).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|index| (-(amount * weights[*index] % total), *index));
    let mut left = amount - parts.iter().sum::<i128>();
    for index in order {
        if left == 0 {
            break;
        }
        parts[index] += 1;
        left -= 1;
    }
    parts
}

/// The units of each whole when `all` units of their sum have come. Each unit goes to the largest quotient of a whole by twice
/// its units plus one. The first of equals comes first.
#[must_use]
pub fn running(all: i128, wholes: &[i128]) -> Vec<i128> {
    let total: i128 = wholes.iter().sum();
    if total == 0 || all == total {
        return wholes.to_vec();
    }
    // No holder is further than two units below its exact part, so the first units need not be given one by one.
    let mut has: Vec<i128> = wholes.iter().map(|whole| (all * whole / total - 2).max(0)).collect();
    for _ in has.iter().sum::<i128>()..all {
        let mut best = 0;
        for next in 1..wholes.len() {
            if wholes[next] * (2 * has[best] + 1) > wholes[best] * (2 * has[next] + 1) {
                best = next;
            }
        }
        has[best] += 1;
    }
    has
}

/// Easter Sundays of the years that the simulation can reach, from the almanac.
const EASTER: &[(i32, u32, u32)] =
    &[(2026, 4, 5), (2027, 3, 28), (2028, 4, 16), (2029, 4, 1), (2030, 4, 21), (2031, 4, 13), (2032, 3, 28), (2033, 4, 17)];

/// Weekdays on which the Bank of Japan is closed, from its almanac.
const JAPAN: &[(i32, &str)] = &[
    (2026, "0101 0102 0112 0211 0223 0320 0429 0504 0505 0506 0720 0811 0921 0922 0923 1012 1103 1123 1231"),
    (2027, "0101 0111 0211 0223 0322 0429 0503 0504 0505 0719 0811 0920 0923 1011 1103 1123 1231"),
    (2028, "0103 0110 0211 0223 0320 0503 0504 0505 0717 0811 0918 0922 1009 1103 1123"),
    (2029, "0101 0102 0103 0108 0212 0223 0320 0430 0503 0504 0716 0917 0924 1008 1123 1231"),
    (2030, "0101 0102 0103 0114 0211 0320 0429 0503 0506 0715 0812 0916 0923 1014 1104 1231"),
    (2031, "0101 0102 0103 0113 0211 0224 0321 0429 0505 0506 0721 0811 0915 0923 1013 1103 1124 1231"),
    (2032, "0101 0102 0112 0211 0223 0429 0503 0504 0505 0719 0811 0920 0921 0922 1011 1103 1123 1231"),
    (2033, "0103 0110 0211 0223 0321 0429 0503 0504 0505 0718 0811 0919 0923 1010 1103 1123"),
];

/// Whether banks settle the currency on this day, apart from the operator's own days.
#[must_use]
pub fn is_business_day(currency: &str, date: NaiveDate) -> bool {
    if matches!(date.weekday(), Weekday::Sat | Weekday::Sun) {
        return false;
    }
    if currency == "JPY" {
        let day = format!("{:02}{:02}", date.month(), date.day());
        return !JAPAN.iter().any(|(year, days)| *year == date.year() && days.split(' ').any(|closed| closed == day));
    }
    let fixed = [(1, 1), (5, 1), (12, 25), (12, 26)].contains(&(date.month(), date.day()));
    let moving = EASTER.iter().any(|(year, month, day)| {
        NaiveDate::from_ymd_opt(*year, *month, *day)
            .is_some_and(|sunday| date == sunday - Days::new(2) || date == sunday + Days::new(1))
    });
    !fixed && !moving
}

/// An amount as a file writes it: two decimals for the euro, none for the yen.
#[must_use]
pub fn written(currency: &str, minor: i128) -> String {
    if currency == "JPY" { minor.to_string() } else { format!("{}.{:02}", minor / 100, minor % 100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_numbers_are_those_of_a_pocket_calculator() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(rate("5.25").map(|rate| rate.millionths), Some(5_250_000));
        assert_eq!((rate("abc"), rate("12.3456789").map(|rate| rate.digits)), (None, Some(7)));
        let six = rate("6").unwrap();
        assert_eq!(price(4_000, six, "discount", "ACT/360", (date("2026-11-22"), date("2027-02-20"))), 3_940);
        assert_eq!(price(10_150, six, "yield", "30E/360", (date("2026-11-22"), date("2027-02-22"))), 10_000);
        assert_eq!(interest(100_000, rate("8").unwrap(), "ACT/360", date("2028-02-28"), date("2028-03-01")), 44);
        assert_eq!(divide(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!((nearest(5, 2), nearest(-5, 2), nearest(4, 3)), (3, -3, 1));
        assert!(!is_business_day("EUR", date("2027-03-26")) && is_business_day("JPY", date("2027-03-26")));
        assert_eq!((written("EUR", 1_205), written("JPY", 1_205)), ("12.05".to_owned(), "1205".to_owned()));
    }
}
