//! The books for plain-text accounting programs: hledger, ledger and beancount.

use domain::Currency;
use domain::chart::{AccountKey, AccountKind, asset_currency};
use ledger::AssetId;
use std::fmt::Write;

/// The program that will read the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BooksFormat {
    Hledger,
    Ledger,
    Beancount,
}

impl BooksFormat {
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "hledger" => Some(Self::Hledger),
            "ledger" => Some(Self::Ledger),
            "beancount" => Some(Self::Beancount),
            _ => None,
        }
    }
}

/// One transfer that moved something.
#[derive(Clone, Debug)]
pub struct BookEntry<'a> {
    pub number: i64,
    /// ISO dates.
    pub date: &'a str,
    pub value_date: &'a str,
    pub booking: &'a str,
    pub debit: AccountKey,
    pub credit: AccountKey,
    pub amount: i64,
}

/// The name of an account: `Liabilities:Cash:10003`. The commodity shows the asset.
#[must_use]
pub fn account_name(key: AccountKey) -> String {
    match key.kind {
        AccountKind::Custody if key.owner.0 == 0 => "Assets:Custody".to_owned(),
        AccountKind::Custody => format!("Assets:Custody-{}", key.owner),
        AccountKind::Issued => "Equity:Issued".to_owned(),
        AccountKind::Fees => "Income:Fees".to_owned(),
        AccountKind::Expense => "Expenses:Bank".to_owned(),
        AccountKind::Claim => format!("Assets:Claim:{}", key.owner),
        AccountKind::Suspense => "Liabilities:Suspense".to_owned(),
        AccountKind::Cash => format!("Liabilities:Cash:{}", key.owner),
        AccountKind::Holding => format!("Liabilities:Holding:{}", key.owner),
        AccountKind::Collection => format!("Liabilities:Collection:{}", key.owner),
    }
}

/// The commodity of an asset: a currency's code, or `R` and the number of the fractions or reserve.
#[must_use]
pub fn commodity(asset: AssetId) -> String {
    asset_currency(asset).map_or_else(|| format!("R{}", asset.0), |currency| currency.code().to_owned())
}

/// An amount, debit positive, with its commodity.
fn amount(format: BooksFormat, asset: AssetId, minor: i64) -> String {
    match (asset_currency(asset), format) {
        (Some(currency), _) => format!("{} {}", currency.decimal(minor), currency.code()),
        // A name with digits needs quotes, but for beancount.
        (None, BooksFormat::Beancount) => format!("{minor} {}", commodity(asset)),
        (None, _) => format!("{minor} \"{}\"", commodity(asset)),
    }
}

fn places(asset: AssetId) -> usize {
    usize::try_from(asset_currency(asset).as_ref().map_or(0, Currency::exponent)).unwrap_or(0)
}

/// The text before the entries. It declares every commodity and account, so that the programs can use their strict checks.
#[must_use]
pub fn opening(format: BooksFormat, date: &str, accounts: &[AccountKey]) -> String {
    let mut names: Vec<String> = accounts.iter().map(|key| account_name(*key)).collect();
    let mut assets: Vec<AssetId> = accounts.iter().map(|key| key.asset).collect();
    names.sort_unstable();
    names.dedup();
    assets.sort_unstable();
    assets.dedup();
    let mut text = String::new();
    if format == BooksFormat::Ledger {
        text.push_str("tag value\n");
    }
    for asset in assets {
        let name = commodity(asset);
        let quoted = if asset_currency(asset).is_some() { name.clone() } else { format!("\"{name}\"") };
        let _ = match format {
            BooksFormat::Hledger => writeln!(text, "commodity 1000.{} {quoted}", "0".repeat(places(asset))),
            BooksFormat::Ledger => writeln!(text, "commodity {quoted}"),
            BooksFormat::Beancount => writeln!(text, "{date} commodity {name}"),
        };
    }
    for name in names {
        let _ = match format {
            BooksFormat::Beancount => writeln!(text, "{date} open {name}"),
            _ => writeln!(text, "account {name}"),
        };
    }
    text
}

/// One transfer as one transaction.
#[must_use]
pub fn entry(format: BooksFormat, entry: &BookEntry<'_>) -> String {
    let BookEntry { number, date, value_date, booking, .. } = entry;
    let head = match format {
        BooksFormat::Beancount => format!("{date} * \"{booking}\"\n  transfer: {number}\n  value: {value_date}"),
        _ => format!("{date} * (T-{number}) {booking}  ; value: {value_date}"),
    };
    let line = |key: AccountKey, minor: i64| format!("    {}  {}", account_name(key), amount(format, key.asset, minor));
    format!("\n{head}\n{}\n{}\n", line(entry.debit, entry.amount), line(entry.credit, entry.amount.saturating_neg()))
}

/// The text after the entries: the balance that each account must have, debit positive. `next_date` is the day after the last
/// entry's.
#[must_use]
pub fn closing(format: BooksFormat, (date, next_date): (&str, &str), balances: &[(AccountKey, i64)]) -> String {
    let mut text = String::from("\n");
    if format != BooksFormat::Beancount {
        let _ = writeln!(text, "{date} * balances as the ledger has them");
    }
    for (key, minor) in balances {
        let (name, wanted) = (account_name(*key), amount(format, key.asset, *minor));
        let _ = match format {
            BooksFormat::Beancount => writeln!(text, "{next_date} balance {name}  {wanted}"),
            _ => writeln!(text, "    {name}  {} = {wanted}", amount(format, key.asset, 0)),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_transfer_in_three_formats() {
        let (eur, units) = (AssetId(978), AssetId(10_050));
        let of = |debit, credit| BookEntry {
            number: 7,
            date: "2026-11-22",
            value_date: "2026-11-20",
            booking: "deposit",
            debit,
            credit,
            amount: 123_456,
        };
        let money = of(AccountKey::custody(0.into(), eur), AccountKey::cash(10_003.into(), eur));
        let issue = of(AccountKey::issued(units), AccountKey::holding(10_003.into(), units));
        let plain = "\n2026-11-22 * (T-7) deposit  ; value: 2026-11-20\n    Assets:Custody  1234.56 EUR\n    Liabilities:Cash:10003  -1234.56 EUR\n";
        assert_eq!(entry(BooksFormat::Hledger, &money), plain);
        assert_eq!(entry(BooksFormat::Ledger, &money), plain);
        assert!(
            entry(BooksFormat::Hledger, &issue)
                .ends_with("    Equity:Issued  123456 \"R10050\"\n    Liabilities:Holding:10003  -123456 \"R10050\"\n")
        );
        assert_eq!(
            entry(BooksFormat::Beancount, &issue),
            "\n2026-11-22 * \"deposit\"\n  transfer: 7\n  value: 2026-11-20\n    Equity:Issued  123456 R10050\n    Liabilities:Holding:10003  -123456 R10050\n"
        );
        let keys = [
            AccountKey::custody(0.into(), eur),
            AccountKey::cash(10_003.into(), eur),
            AccountKey::issued(units),
            AccountKey::custody(0.into(), AssetId(392)),
        ];
        let opened = opening(BooksFormat::Hledger, "2026-11-22", &keys);
        assert_eq!(
            opened,
            "commodity 1000. JPY\ncommodity 1000.00 EUR\ncommodity 1000. \"R10050\"\naccount Assets:Custody\naccount Equity:Issued\naccount Liabilities:Cash:10003\n"
        );
        let closed = closing(BooksFormat::Ledger, ("2026-11-22", "2026-11-23"), &[(keys[0], 5)]);
        assert_eq!(closed, "\n2026-11-22 * balances as the ledger has them\n    Assets:Custody  0.00 EUR = 0.05 EUR\n");
        let closed = closing(BooksFormat::Beancount, ("2026-11-22", "2026-11-23"), &[(keys[0], 5)]);
        assert_eq!(closed, "\n2026-11-23 balance Assets:Custody  0.05 EUR\n");
        assert_eq!(BooksFormat::parse("csv"), None);
    }
}
