//! Lines, and the allowances and charges of lines and document: BR-21 to BR-44, BR-54, BR-64, BR-65.

use super::Rule;
use super::header::{ends_before_it_starts, is_empty};
use crate::invoice::{Adjustment, Identifier, InvoiceFile, Line, TaxCategory};
use rust_decimal::Decimal;

pub(super) const RULES: &[Rule] = &[
    Rule { code: "BR-21", broken: |file| line(file, |line| line.id.is_empty()) },
    Rule { code: "BR-22", broken: |file| line(file, |line| line.quantity.is_none()) },
    Rule { code: "BR-23", broken: |file| line(file, |line| !line.has_unit) },
    Rule { code: "BR-24", broken: |file| line(file, |line| line.net.is_none()) },
    Rule { code: "BR-25", broken: |file| line(file, |line| line.item.is_empty()) },
    Rule { code: "BR-26", broken: |file| line(file, |line| line.price.is_none()) },
    Rule { code: "BR-27", broken: |file| line(file, |line| line.price.is_none_or(|price| price < Decimal::ZERO)) },
    Rule { code: "BR-28", broken: |file| line(file, |line| line.gross_price.is_some_and(|price| price < Decimal::ZERO)) },
    Rule { code: "BR-30", broken: |file| line(file, |line| line.period.as_ref().is_some_and(ends_before_it_starts)) },
    Rule { code: "BR-31", broken: |file| allowance(file, |found| found.amount.is_none()) },
    Rule { code: "BR-32", broken: |file| allowance(file, without_category) },
    Rule { code: "BR-33", broken: |file| allowance(file, |found| !found.has_reason) },
    Rule { code: "BR-36", broken: |file| charge(file, |found| found.amount.is_none()) },
    Rule { code: "BR-37", broken: |file| charge(file, without_category) },
    Rule { code: "BR-38", broken: |file| charge(file, |found| !found.has_reason) },
    Rule { code: "BR-41", broken: |file| line_adjustment(file, false, |found| found.amount.is_none()) },
    Rule { code: "BR-42", broken: |file| line_adjustment(file, false, |found| !found.has_reason) },
    Rule { code: "BR-43", broken: |file| line_adjustment(file, true, |found| found.amount.is_none()) },
    Rule { code: "BR-44", broken: |file| line_adjustment(file, true, |found| !found.has_reason) },
    Rule { code: "BR-54", broken: |file| line(file, |line| !line.attributes_complete) },
    Rule { code: "BR-64", broken: |file| line(file, |line| line.standard_id.as_ref().is_some_and(without_list)) },
    Rule { code: "BR-65", broken: |file| line(file, |line| line.classifications.iter().any(without_list)) },
    Rule { code: "BR-CO-04", broken: |file| line(file, |line| !line.categories.iter().any(is_category)) },
    Rule { code: "BR-CO-20", broken: |file| line(file, |line| line.period.as_ref().is_some_and(is_empty)) },
    Rule { code: "BR-CO-21", broken: |file| allowance(file, |found| !found.has_reason) },
    Rule { code: "BR-CO-22", broken: |file| charge(file, |found| !found.has_reason) },
    Rule { code: "BR-CO-23", broken: |file| line_adjustment(file, false, |found| !found.has_reason) },
    Rule { code: "BR-CO-24", broken: |file| line_adjustment(file, true, |found| !found.has_reason) },
];

pub(super) fn line(file: &InvoiceFile, broken: impl Fn(&Line) -> bool) -> Option<u32> {
    file.lines.iter().find(|line| broken(line)).map(|line| line.file_line)
}

pub(super) fn allowance(file: &InvoiceFile, broken: impl Fn(&Adjustment) -> bool) -> Option<u32> {
    file.adjustments.iter().find(|found| !found.is_charge && broken(found)).map(|found| found.file_line)
}

pub(super) fn charge(file: &InvoiceFile, broken: impl Fn(&Adjustment) -> bool) -> Option<u32> {
    file.adjustments.iter().find(|found| found.is_charge && broken(found)).map(|found| found.file_line)
}

pub(super) fn line_adjustment(file: &InvoiceFile, charge: bool, broken: impl Fn(&Adjustment) -> bool) -> Option<u32> {
    let all = file.lines.iter().flat_map(|line| &line.adjustments);
    all.filter(|found| found.is_charge == charge).find(|found| broken(found)).map(|found| found.file_line)
}

fn is_category(category: &TaxCategory) -> bool {
    category.is_vat && category.code.is_some()
}

fn without_category(found: &Adjustment) -> bool {
    !found.category.as_ref().is_some_and(is_category)
}

fn without_list(id: &Identifier) -> bool {
    id.scheme.is_none()
}
