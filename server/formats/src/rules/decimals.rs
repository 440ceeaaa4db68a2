//! No amount has more decimals than two, or than its currency where that has three: BR-DEC.

use super::lines::{allowance, charge, line, line_adjustment};
use super::totals::group;
use super::{Rule, decimals_of, document};
use crate::invoice::{Amount, InvoiceFile};

pub(super) const RULES: &[Rule] = &[
    Rule { code: "BR-DEC-01", broken: |file| allowance(file, |found| is_fine(file, found.amount)) },
    Rule { code: "BR-DEC-02", broken: |file| allowance(file, |found| is_fine(file, found.base)) },
    Rule { code: "BR-DEC-05", broken: |file| charge(file, |found| is_fine(file, found.amount)) },
    Rule { code: "BR-DEC-06", broken: |file| charge(file, |found| is_fine(file, found.base)) },
    Rule { code: "BR-DEC-09", broken: |file| document(is_fine(file, file.totals.line)) },
    Rule { code: "BR-DEC-10", broken: |file| document(is_fine(file, file.totals.allowance)) },
    Rule { code: "BR-DEC-11", broken: |file| document(is_fine(file, file.totals.charge)) },
    Rule { code: "BR-DEC-12", broken: |file| document(is_fine(file, file.totals.tax_exclusive)) },
    Rule { code: "BR-DEC-13", broken: |file| document(is_fine(file, file.totals.tax)) },
    Rule { code: "BR-DEC-14", broken: |file| document(is_fine(file, file.totals.tax_inclusive)) },
    Rule { code: "BR-DEC-15", broken: |file| document(is_fine_in(&file.tax_currency, file.totals.tax_in_tax_currency)) },
    Rule { code: "BR-DEC-16", broken: |file| document(is_fine(file, file.totals.prepaid)) },
    Rule { code: "BR-DEC-17", broken: |file| document(is_fine(file, file.totals.rounding)) },
    Rule { code: "BR-DEC-18", broken: |file| document(is_fine(file, file.totals.payable)) },
    Rule { code: "BR-DEC-19", broken: |file| group(file, |group| is_fine(file, group.taxable)) },
    Rule { code: "BR-DEC-20", broken: |file| group(file, |group| is_fine(file, group.tax)) },
    Rule { code: "BR-DEC-23", broken: |file| line(file, |line| is_fine(file, line.net)) },
    Rule { code: "BR-DEC-24", broken: |file| line_adjustment(file, false, |found| is_fine(file, found.amount)) },
    Rule { code: "BR-DEC-25", broken: |file| line_adjustment(file, false, |found| is_fine(file, found.base)) },
    Rule { code: "BR-DEC-27", broken: |file| line_adjustment(file, true, |found| is_fine(file, found.amount)) },
    Rule { code: "BR-DEC-28", broken: |file| line_adjustment(file, true, |found| is_fine(file, found.base)) },
];

/// Written with more decimals than the document's currency is rounded to.
fn is_fine(file: &InvoiceFile, amount: Amount) -> bool {
    is_fine_in(&file.currency, amount)
}

fn is_fine_in(currency: &str, amount: Amount) -> bool {
    amount.is_some_and(|amount| amount.scale() > decimals_of(currency))
}
