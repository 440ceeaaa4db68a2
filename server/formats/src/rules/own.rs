//! Kontor's own rules, for files of every kind: money is counted in the minor units of a currency that has them.

use super::{Rule, document};
use crate::invoice::{InvoiceFile, Totals};
use domain::Currency;

pub(super) const RULES: &[Rule] = &[
    Rule { code: "KT-01", broken: |file| document(!file.currency.is_empty() && Currency::parse(&file.currency).is_none()) },
    Rule { code: "KT-02", broken: |file| document(breaks_minor_units(file)) },
    Rule { code: "KT-03", broken: |file| document(!file.is_european() && adds_up(&file.totals) != Some(true)) },
];

/// Net and tax lead to the total, and the total less the prepaid amount to the payable one. European invoices have their own
/// rules for it.
fn adds_up(totals: &Totals) -> Option<bool> {
    let total = totals.tax_inclusive?;
    let sum = match (totals.tax_exclusive, totals.tax) {
        (Some(net), Some(tax)) => net.checked_add(tax)?,
        _ => total,
    };
    let open = total.checked_sub(totals.prepaid.unwrap_or_default())?.checked_add(totals.rounding.unwrap_or_default())?;
    Some(total == sum && totals.payable? == open)
}

/// An amount in parts that the currency does not have, such as yen with sen.
fn breaks_minor_units(file: &InvoiceFile) -> bool {
    let Some(currency) = Currency::parse(&file.currency) else { return false };
    let totals = &file.totals;
    let amounts = [totals.tax_exclusive, totals.tax_inclusive, totals.prepaid, totals.rounding, totals.payable];
    amounts.into_iter().flatten().any(|amount| amount.normalize().scale() > currency.exponent())
}
