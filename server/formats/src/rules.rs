//! The business rules of EN 16931-1:2017 as CEN's validation artefacts 1.3.16 test them, and two of Kontor's own. Each rule is a
//! code and a check over the neutral invoice; its sentence for people is a text under `rule-…`.

pub mod codes;
mod decimals;
mod header;
mod lines;
mod own;
pub(crate) mod schema;
mod totals;
mod vat;

#[cfg(test)]
mod tests;

use crate::FormatFault;
use crate::invoice::InvoiceFile;
use rust_decimal::Decimal;

/// The version of CEN's validation artefacts that these rules follow.
pub const VERSION: &str = "1.3.16";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The invoice is wrong.
    Fatal,
    /// A code of a newer or older list, or an element in a place where the syntax wants none: no amount depends on it.
    Warning,
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static str,
    pub severity: Severity,
    /// The line of the file, or 0 where the rule is about the whole document.
    pub file_line: u32,
}

/// A rule of the table: its name, and the first line on which an invoice breaks it (0: the whole document).
struct Rule {
    code: &'static str,
    broken: fn(&InvoiceFile) -> Option<u32>,
}

/// Amounts too fine for any money come before sums that do not fit because of them.
const TABLES: &[&[Rule]] = &[header::RULES, lines::RULES, decimals::RULES, totals::RULES, own::RULES];

/// Every rule that an invoice breaks, the fatal ones first. A file of another kind than the European ones is held to Kontor's
/// own.
#[must_use]
pub fn check(file: &InvoiceFile) -> Vec<Finding> {
    let tables = if file.is_european() { TABLES } else { &[own::RULES] };
    let tabled = tables.iter().copied().flatten().filter_map(|rule| Some((rule.code, (rule.broken)(file)?)));
    let mut found: Vec<Finding> = tabled.map(|(rule, line)| finding(file, rule, line)).collect();
    if file.is_european() {
        let fine = decimals_of(&file.currency) > 2;
        let syntax = file.syntax_findings.iter().copied().filter(|(rule, _)| !(fine && OF_DECIMALS.contains(rule)));
        let more = vat::broken(file).into_iter().chain(codes::broken(file)).chain(syntax);
        found.extend(more.map(|(rule, line)| finding(file, rule, line)));
    }
    found.sort_by_key(|finding| finding.severity);
    found
}

/// The first fatal finding as a fault, for a reader who needs a yes or a no.
pub fn accept(file: &InvoiceFile) -> Result<(), FormatFault> {
    match check(file).into_iter().find(|finding| finding.severity == Severity::Fatal) {
        None => Ok(()),
        Some(finding) => Err(FormatFault::Rule { rule: finding.rule, line: finding.file_line }),
    }
}

/// The codes of all rules, for the test that wants a sentence in each language for each.
#[must_use]
pub fn all() -> Vec<&'static str> {
    let tabled = TABLES.iter().copied().flatten().map(|rule| rule.code);
    tabled
        .chain(vat::all())
        .chain(codes::ALL.iter().copied())
        .chain(SYNTAX.iter().copied())
        .chain(schema::ALL.iter().copied())
        .collect()
}

/// Rules of the two bindings, found while reading.
const SYNTAX: &[&str] = &[
    "UBL-SR-42",
    "UBL-SR-44",
    "UBL-SR-47",
    "UBL-SR-48",
    "UBL-SR-53",
    "UBL-DT-01",
    "UBL-DT-06",
    "UBL-DT-07",
    "CII-DT-027",
    "CII-DT-031",
    "CII-SR-470",
];

/// The rules among them that allow two decimals at most.
const OF_DECIMALS: &[&str] = &["UBL-DT-01"];

fn finding(file: &InvoiceFile, rule: &'static str, file_line: u32) -> Finding {
    let drift = ["BR-CL-", "UBL-", "CII-"].iter().any(|start| rule.starts_with(start));
    // CEN itself only warns of a long card number in UBL.
    let mild = rule == "BR-51" && file.syntax != crate::invoice::Syntax::Cii;
    let severity = if drift || mild { Severity::Warning } else { Severity::Fatal };
    Finding { rule, severity, file_line }
}

/// A rule about the whole document.
fn document(broken: bool) -> Option<u32> {
    broken.then_some(0)
}

/// The sum, or none if it is larger than any money.
fn sum(amounts: impl Iterator<Item = Decimal>) -> Option<Decimal> {
    let mut amounts = amounts;
    amounts.try_fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount))
}

/// The decimals to which a currency's amounts are rounded: two by the standard, three where the currency has them.
fn decimals_of(currency: &str) -> u32 {
    domain::Currency::parse(currency).map_or(2, |currency| currency.exponent().max(2))
}

/// Rounded to `decimals` decimals, halves upwards, as XPath's `round` does.
fn rounded(amount: Decimal, decimals: u32) -> Option<Decimal> {
    let shift = Decimal::from(10_u64.checked_pow(decimals)?);
    amount.checked_mul(shift)?.checked_add(Decimal::new(5, 1))?.floor().checked_div(shift)
}
