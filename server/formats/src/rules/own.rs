//! Kontor's own rules, for files of every kind: money is counted in the minor units of a currency that has them.

use super::{Rule, document};
use crate::invoice::InvoiceFile;
use domain::Currency;

pub(super) const RULES: &[Rule] = &[
    Rule { code: "KT-01", broken: |file| document(!file.currency.is_empty() && Currency::parse(&file.currency).is_none()) },
    Rule { code: "KT-02", broken: |file| document(breaks_minor_units(file)) },
];

/// An amount in parts that the currency does not have, such as yen with sen.
fn breaks_minor_units(file: &InvoiceFile) -> bool {
    let Some(currency) = Currency::parse(&file.currency) else { return false };
    let totals = &file.totals;
    let amounts = [totals.tax_exclusive, totals.tax_inclusive, totals.prepaid, totals.rounding, totals.payable];
    amounts.into_iter().flatten().any(|amount| amount.normalize().scale() > currency.exponent())
}
