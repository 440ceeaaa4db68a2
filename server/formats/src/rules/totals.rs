//! Sums: the lines, allowances and charges lead to the total without VAT, the VAT to the total with it, and that to the payable
//! amount.

use super::{Rule, decimals_of, document, rounded, sum};
use crate::invoice::{Adjustment, InvoiceFile, Syntax, TaxGroup, Totals};
use rust_decimal::Decimal;

pub(super) const RULES: &[Rule] = &[
    Rule { code: "BR-45", broken: |file| group(file, |group| group.taxable.is_none()) },
    Rule { code: "BR-46", broken: |file| group(file, |group| group.tax.is_none()) },
    Rule { code: "BR-47", broken: |file| group(file, |group| !group.category.is_vat || group.category.code.is_none()) },
    Rule { code: "BR-48", broken: |file| group(file, |group| !has_rate(group)) },
    Rule { code: "BR-CO-10", broken: |file| total(file, line_total) },
    Rule { code: "BR-CO-11", broken: |file| total(file, |file| adjustment_total(file, false, file.totals.allowance)) },
    Rule { code: "BR-CO-12", broken: |file| total(file, |file| adjustment_total(file, true, file.totals.charge)) },
    Rule { code: "BR-CO-13", broken: |file| total(file, tax_exclusive) },
    Rule { code: "BR-CO-14", broken: |file| document(tax_total(file) == Some(false)) },
    Rule { code: "BR-CO-15", broken: |file| document(!file.currency.is_empty() && tax_inclusive(file) != Some(true)) },
    Rule { code: "BR-CO-16", broken: |file| total(file, |file| payable(&file.totals)) },
    Rule { code: "BR-CO-17", broken: |file| group(file, |group| tax_follows_rate(file, group) != Some(true)) },
];

pub(super) fn group(file: &InvoiceFile, broken: impl Fn(&TaxGroup) -> bool) -> Option<u32> {
    file.breakdown.iter().find(|group| broken(group)).map(|group| group.file_line)
}

/// A rule about the totals: broken where it does not hold, or where an amount that it needs is missing or beyond any money.
fn total(file: &InvoiceFile, holds: impl Fn(&InvoiceFile) -> Option<bool>) -> Option<u32> {
    document(file.totals.present && holds(file) != Some(true))
}

/// The category "not subject to VAT" has no rate.
fn has_rate(group: &TaxGroup) -> bool {
    group.category.is_vat && (group.category.rate.is_some() || group.category.code.as_deref() == Some("O"))
}

fn line_total(file: &InvoiceFile) -> Option<bool> {
    let lines = sum(file.lines.iter().filter_map(|line| line.net))?;
    Some(file.totals.line? == cents(file, lines)?)
}

fn adjustment_total(file: &InvoiceFile, charge: bool, stated: Option<Decimal>) -> Option<bool> {
    let mine: Vec<&Adjustment> = file.adjustments.iter().filter(|found| found.is_charge == charge).collect();
    let Some(stated) = stated else { return Some(mine.is_empty()) };
    Some(stated == cents(file, sum(mine.iter().filter_map(|found| found.amount))?)?)
}

fn tax_exclusive(file: &InvoiceFile) -> Option<bool> {
    let totals = &file.totals;
    let raised = totals.line?.checked_add(totals.charge.unwrap_or_default())?;
    let net = raised.checked_sub(totals.allowance.unwrap_or_default())?;
    Some(totals.tax_exclusive? == cents(file, net)?)
}

/// None where there is nothing to compare.
fn tax_total(file: &InvoiceFile) -> Option<bool> {
    if file.breakdown.is_empty() && file.syntax != Syntax::Cii {
        return None;
    }
    let stated = file.totals.tax?;
    let groups = sum(file.breakdown.iter().filter_map(|group| group.tax)).and_then(|sum| cents(file, sum));
    Some(groups == Some(stated))
}

fn tax_inclusive(file: &InvoiceFile) -> Option<bool> {
    let totals = &file.totals;
    if totals.tax_count == 0 && file.syntax == Syntax::Cii {
        return Some(totals.tax_inclusive? == totals.tax_exclusive?);
    }
    let with_tax = totals.tax_exclusive?.checked_add(totals.tax?)?;
    Some(totals.tax_count == 1 && totals.tax_inclusive? == cents(file, with_tax)?)
}

fn payable(totals: &Totals) -> Option<bool> {
    let open = totals.tax_inclusive?.checked_sub(totals.prepaid.unwrap_or_default())?;
    Some(totals.payable? == open.checked_add(totals.rounding.unwrap_or_default())?)
}

/// Within one unit, as the standard allows for invoices that round line by line. CEN's artefacts take exactly one unit for CII
/// and refuse it for UBL.
fn tax_follows_rate(file: &InvoiceFile, group: &TaxGroup) -> Option<bool> {
    let tax = group.tax?.abs();
    let rate = group.category.rate.filter(|rate| group.category.is_vat && !rate.round().is_zero());
    let Some(rate) = rate else { return Some(tax.round().is_zero()) };
    let expected = expected_tax(file, group.taxable?, rate)?;
    let one_apart = file.syntax == Syntax::Cii && tax.checked_sub(expected)?.abs() == Decimal::ONE;
    Some(one_apart || near(tax, expected)?)
}

pub(super) fn expected_tax(file: &InvoiceFile, taxable: Decimal, rate: Decimal) -> Option<Decimal> {
    cents(file, taxable.abs().checked_mul(rate)?.checked_div(Decimal::ONE_HUNDRED)?)
}

/// Rounded as the amounts of the document's currency are.
pub(super) fn cents(file: &InvoiceFile, amount: Decimal) -> Option<Decimal> {
    rounded(amount, decimals_of(&file.currency))
}

/// Less than one unit apart.
pub(super) fn near(one: Decimal, other: Decimal) -> Option<bool> {
    Some(one.checked_sub(other)?.abs() < Decimal::ONE)
}
