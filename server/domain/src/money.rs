//! Currencies and amounts. An amount is an integer in minor units of its currency (ISO 4217 exponent).

use std::fmt;

/// The most that one booking of a bank may move, minor units. Thousands of the largest still fit into 64 bits, so that the ledger
/// never refuses one for its size.
pub const MOST_BOOKED_MINOR: i64 = 1_000_000_000_000_000;

/// An ISO 4217 currency with a minor unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: [u8; 3],
    exponent: u32,
}

/// Currencies that ISO 4217 has withdrawn and that can still be read, with the first day without them. They are from list three
/// and amendments up to 180, of 2025.
const ENDED: &[(&str, &str)] =
    &[("BGN", "2026-01-01"), ("CUC", "2021-07-01"), ("HRK", "2023-01-01"), ("SLL", "2024-04-01"), ("ZWL", "2024-09-01")];

impl Currency {
    pub const EUR: Self = Self { code: *b"EUR", exponent: 2 };
    pub const CNY: Self = Self { code: *b"CNY", exponent: 2 };

    /// Three capital letters of ISO 4217; codes without a minor unit (gold, test codes) are refused.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let known = iso_currency::Currency::from_code(code)?;
        let exponent = u32::from(known.exponent()?);
        let code = code.as_bytes().try_into().ok()?;
        Some(Self { code, exponent })
    }

    /// Whether it is money on this day. An ended currency stays readable: old files use it.
    #[must_use]
    pub fn is_current(&self, day: chrono::NaiveDate) -> bool {
        let ended = ENDED.iter().find(|(code, _)| *code == self.code()).and_then(|(_, on)| on.parse::<chrono::NaiveDate>().ok());
        ended.is_none_or(|ended| day < ended)
    }

    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("XXX")
    }

    /// Whether it is legal tender in a country, given by its two letters (ISO 3166).
    #[must_use]
    pub fn is_used_in(&self, country: &str) -> bool {
        let country: Option<iso_currency::Country> = country.parse().ok();
        country
            .is_some_and(|country| iso_currency::Currency::from_country(country).iter().any(|known| known.code() == self.code()))
    }

    /// Digits after the decimal point: EUR 2, JPY 0, KWD 3.
    #[must_use]
    pub fn exponent(&self) -> u32 {
        self.exponent
    }

    fn scale(&self) -> i64 {
        10_i64.checked_pow(self.exponent).unwrap_or(1)
    }

    /// `1234567` → `12,345.67`, with a true minus sign for negative amounts.
    #[must_use]
    pub fn format(&self, minor: i64) -> String {
        let plain = self.decimal(minor.checked_abs().unwrap_or(i64::MAX));
        let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
        let mut grouped = String::with_capacity(plain.len() + 8);
        if minor < 0 {
            grouped.push('\u{2212}');
        }
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len().saturating_sub(index)).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        if let Some(fraction) = fraction {
            grouped.push('.');
            grouped.push_str(fraction);
        }
        grouped
    }

    /// `1234567` → `12345.67`, for files and forms.
    #[must_use]
    pub fn decimal(&self, minor: i64) -> String {
        let sign = if minor < 0 { "-" } else { "" };
        let (scale, size) = (self.scale().unsigned_abs(), minor.unsigned_abs());
        if self.exponent == 0 {
            return format!("{sign}{size}");
        }
        let width = usize::try_from(self.exponent).unwrap_or(0);
        format!("{sign}{}.{:0width$}", size / scale, size % scale)
    }

    /// Reads an amount of a file: digits, one point, no grouping; more decimals than the currency has only
    /// when they are zeros.
    pub fn parse_decimal(&self, text: &str) -> Result<i64, AmountFault> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return Err(AmountFault::NotANumber);
        }
        let width = usize::try_from(self.exponent).unwrap_or(0);
        let kept = fraction.get(..width.min(fraction.len())).unwrap_or("");
        let beyond = fraction.get(kept.len()..).unwrap_or("");
        if beyond.bytes().any(|byte| byte != b'0') {
            return Err(AmountFault::TooPrecise);
        }
        let text = format!("{}{kept:0<width$}", if whole.is_empty() { "0" } else { whole });
        let size: i64 = text.parse().map_err(|_| AmountFault::TooLarge)?;
        Ok(if negative { size.saturating_neg() } else { size })
    }

    /// Reads what a person typed: `1,234.50`, `1234.5`, full-width digits and marks. `1.234,50` is refused
    /// because it could mean two things.
    pub fn parse_typed(&self, typed: &str) -> Result<i64, AmountFault> {
        let mut plain = String::with_capacity(typed.len());
        for mark in typed.trim().chars() {
            match mark {
                '\u{FF10}'..='\u{FF19}' => {
                    let digit = u32::from(mark).saturating_sub(0xFF10);
                    plain.extend(char::from_digit(digit, 10));
                }
                '\u{FF0E}' => plain.push('.'),
                '\u{FF0C}' => plain.push(','),
                '\u{A0}' | '\u{202F}' | ' ' => {}
                other => plain.push(other),
            }
        }
        if plain.is_empty() {
            return Err(AmountFault::Empty);
        }
        if plain.starts_with('+') {
            return Err(AmountFault::NotANumber);
        }
        let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
        if fraction.is_some_and(|fraction| fraction.contains([',', '.'])) {
            return Err(AmountFault::Ambiguous);
        }
        // `1.000` is one thousand to half of Europe: more decimals than the currency has are never guessed at.
        let width = usize::try_from(self.exponent).unwrap_or(0);
        if fraction.is_some_and(|fraction| fraction.len() > width) {
            let readable = self.parse_decimal(&plain.replace(',', "")).is_ok();
            return Err(if readable { AmountFault::Ambiguous } else { AmountFault::TooPrecise });
        }
        if whole.contains(',') {
            let mut groups = whole.split(',');
            let first = groups.next().unwrap_or("");
            if first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3) {
                return Err(AmountFault::Ambiguous);
            }
        }
        self.parse_decimal(&plain.replace(',', ""))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountFault {
    Empty,
    NotANumber,
    /// More decimals than the currency has.
    TooPrecise,
    TooLarge,
    /// A comma where it could be a decimal mark.
    Ambiguous,
}

impl AmountFault {
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "amount_missing",
            Self::NotANumber => "amount_not_a_number",
            Self::TooPrecise => "amount_too_precise",
            Self::TooLarge => "amount_too_large",
            Self::Ambiguous => "amount_ambiguous",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_iso_4217_has_withdrawn_is_no_money_after_its_day() {
        let current = |code: &str, day: &str| Currency::parse(code).unwrap().is_current(day.parse().unwrap());
        assert!(current("BGN", "2025-12-31") && !current("BGN", "2026-01-01") && !current("HRK", "2026-11-30"));
        assert!(current("EUR", "2026-11-30") && current("XCG", "2026-11-30") && current("ZWG", "2026-11-30"));
        let root =
            std::env::var("KONTOR_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
        let Ok(table) = std::fs::read_to_string(format!("{root}/data/identifiers/iso4217_codes_all.csv")) else {
            println!("left out: shared data is absent");
            return;
        };
        // Code, number, minor unit and day of withdrawal are the last four cells; names may hold commas.
        let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.rsplitn(5, ',').collect()).collect();
        let alive: Vec<&str> = rows.iter().filter(|row| row[0].is_empty()).map(|row| row[3]).collect();
        for row in &rows {
            let (code, unit) = (row[3], row[1]);
            let known = Currency::parse(code);
            if row[0].is_empty() && unit.parse::<u32>().is_ok() {
                assert_eq!(known.map(|known| known.exponent()), unit.parse().ok(), "{code}");
            }
            let is_current = known.is_some_and(|known| known.is_current("2026-11-30".parse().unwrap()));
            assert!(!is_current || alive.contains(&code), "{code} has ended");
        }
    }

    #[test]
    fn a_country_has_its_currency() {
        let used = |code: &str, country: &str| Currency::parse(code).unwrap().is_used_in(country);
        assert!(used("EUR", "DE") && used("CNY", "CN") && used("CHF", "CH") && used("GBP", "GB") && used("INR", "IN"));
        assert!(!used("EUR", "CH") && !used("CNY", "HK") && !used("EUR", "XX") && !used("EUR", ""));
    }

    #[test]
    fn amounts_are_read_and_written_in_the_currencys_own_decimals() {
        let (eur, jpy, kwd) = (Currency::EUR, Currency::parse("JPY").unwrap(), Currency::parse("KWD").unwrap());
        for (currency, typed, expected) in [
            (eur, "1,234.50", Ok(123_450)),
            (eur, "1234.5", Ok(123_450)),
            (eur, "１２３４．５", Ok(123_450)),
            (eur, "0.01", Ok(1)),
            (eur, "1.234,50", Err(AmountFault::Ambiguous)),
            (eur, "1,23", Err(AmountFault::Ambiguous)),
            (eur, "1234,50", Err(AmountFault::Ambiguous)),
            (eur, "1.005", Err(AmountFault::TooPrecise)),
            (eur, "1.500", Err(AmountFault::Ambiguous)),
            (eur, "1.000", Err(AmountFault::Ambiguous)),
            (eur, "123,456", Ok(12_345_600)),
            (eur, "12,345,678", Ok(1_234_567_800)),
            (eur, ",123", Err(AmountFault::Ambiguous)),
            (eur, "1234,567", Err(AmountFault::Ambiguous)),
            (eur, "12,3456", Err(AmountFault::Ambiguous)),
            (eur, "", Err(AmountFault::Empty)),
            (eur, "12e3", Err(AmountFault::NotANumber)),
            (eur, "+5", Err(AmountFault::NotANumber)),
            (eur, "99999999999999999999", Err(AmountFault::TooLarge)),
            (jpy, "1,234", Ok(1_234)),
            (jpy, "1.5", Err(AmountFault::TooPrecise)),
            (kwd, "1.234", Ok(1_234)),
        ] {
            assert_eq!(currency.parse_typed(typed), expected, "{typed}");
        }
        assert_eq!(eur.format(123_456_789), "1,234,567.89");
        assert_eq!(eur.format(-5), "\u{2212}0.05");
        assert_eq!(jpy.format(1_234), "1,234");
        assert_eq!(kwd.decimal(1_234), "1.234");
        assert_eq!((eur.format(0), eur.format(12_300), jpy.format(0)), ("0.00".into(), "123.00".into(), "0".into()));
        assert_eq!((eur.decimal(0), eur.decimal(-5), jpy.decimal(-5)), ("0.00".into(), "-0.05".into(), "-5".into()));
        assert_eq!((eur.exponent(), jpy.exponent(), kwd.exponent()), (2, 0, 3));
        assert_eq!((format!("{eur}"), format!("{jpy:?}")), ("EUR".to_owned(), "JPY".to_owned()));
        assert_eq!(eur.parse_decimal("-12.30"), Ok(-1_230));
        assert_eq!(Currency::parse("XXX"), None);
    }

    #[test]
    fn each_fault_of_an_amount_has_its_code() {
        use AmountFault::*;
        let codes = [Empty, NotANumber, TooPrecise, TooLarge, Ambiguous].map(AmountFault::code);
        assert_eq!(
            codes,
            ["amount_missing", "amount_not_a_number", "amount_too_precise", "amount_too_large", "amount_ambiguous"]
        );
    }
}
