//! The facts that an invoice must state about itself, its parties and its payment: BR-01 to BR-20, BR-49 to BR-63, and conditions
//! between them.

use super::{Rule, document};
use crate::invoice::{Identifier, InvoiceFile, Party, Payment, Period, Syntax};
use std::collections::BTreeSet;

pub(super) const RULES: &[Rule] = &[
    Rule { code: "BR-01", broken: |file| document(file.specification.is_empty()) },
    Rule { code: "BR-02", broken: |file| document(file.number.is_empty()) },
    Rule { code: "BR-03", broken: |file| document(file.issue_date.is_none()) },
    Rule { code: "BR-04", broken: |file| document(file.type_code.is_empty()) },
    Rule { code: "BR-05", broken: |file| document(file.currency.is_empty()) },
    Rule { code: "BR-06", broken: |file| document(!file.seller.has_legal_name) },
    Rule { code: "BR-07", broken: |file| document(!file.buyer.has_legal_name) },
    Rule { code: "BR-08", broken: |file| document(file.seller.country.is_none()) },
    Rule { code: "BR-09", broken: |file| document(without_country(&file.seller)) },
    Rule { code: "BR-10", broken: |file| document(file.buyer.country.is_none()) },
    Rule { code: "BR-11", broken: |file| document(without_country(&file.buyer)) },
    Rule { code: "BR-12", broken: |file| document(file.totals.line.is_none()) },
    Rule { code: "BR-13", broken: |file| document(file.totals.tax_exclusive.is_none()) },
    Rule { code: "BR-14", broken: |file| document(file.totals.tax_inclusive.is_none()) },
    Rule { code: "BR-15", broken: |file| document(file.totals.payable.is_none()) },
    Rule { code: "BR-16", broken: |file| document(file.lines.is_empty()) },
    Rule { code: "BR-17", broken: |file| document(file.payee.as_ref().is_some_and(|payee| is_seller(payee, &file.seller))) },
    Rule { code: "BR-18", broken: |file| representative(file, |party| party.trade_name.is_empty()) },
    Rule { code: "BR-19", broken: |file| representative(file, |party| party.country.is_none()) },
    Rule { code: "BR-20", broken: |file| representative(file, without_country) },
    Rule { code: "BR-29", broken: |file| document(file.period.as_ref().is_some_and(ends_before_it_starts)) },
    Rule { code: "BR-49", broken: |file| payment(file, |payment| payment.means_code.is_empty()) },
    Rule {
        code: "BR-50",
        broken: |file| payment(file, |payment| is_transfer(payment) && payment.has_account && !is_paid_to(payment)),
    },
    Rule {
        code: "BR-51",
        broken: |file| payment(file, |payment| payment.card_number.as_ref().is_some_and(|card| card.chars().count() > 10)),
    },
    Rule { code: "BR-52", broken: |file| document(file.attachments.iter().any(|attachment| attachment.id.is_empty())) },
    Rule { code: "BR-53", broken: tax_currency_without_total },
    Rule { code: "BR-55", broken: |file| document(file.preceding.iter().any(|named| named.number.is_empty())) },
    Rule { code: "BR-56", broken: |file| representative(file, |party| !party.has_vat_id) },
    Rule { code: "BR-57", broken: |file| document(file.delivery_country.as_ref().is_some_and(String::is_empty)) },
    Rule { code: "BR-61", broken: |file| payment(file, |payment| lacks_account(file, payment)) },
    Rule { code: "BR-62", broken: |file| document(without_scheme(file.seller.endpoint.as_ref())) },
    Rule { code: "BR-63", broken: |file| document(without_scheme(file.buyer.endpoint.as_ref())) },
    Rule { code: "BR-CO-03", broken: |file| document(file.has_tax_point_date && file.has_tax_point_code) },
    Rule {
        code: "BR-CO-09",
        broken: |file| {
            document(
                [Some(&file.seller), Some(&file.buyer), file.tax_representative.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(foreign_vat_id),
            )
        },
    },
    Rule { code: "BR-CO-18", broken: |file| document(lacks_breakdown(file)) },
    Rule {
        code: "BR-CO-19",
        broken: |file| document(file.period.as_ref().is_some_and(|period| is_empty(period) && period.tax_point_code.is_empty())),
    },
    Rule { code: "BR-CO-26", broken: |file| document(is_unidentified(&file.seller)) },
];

/// In CII the rule is asked for each line, so that a profile without lines keeps it.
fn lacks_breakdown(file: &InvoiceFile) -> bool {
    file.breakdown.is_empty() && (file.syntax != Syntax::Cii || !file.lines.is_empty())
}

fn without_country(party: &Party) -> bool {
    party.country.as_ref().is_some_and(String::is_empty)
}

/// The payee is a group of its own only where it is another party.
fn is_seller(payee: &Party, seller: &Party) -> bool {
    let same_name = !payee.trade_name.is_empty() && payee.trade_name == seller.trade_name;
    let known: BTreeSet<&str> = seller.identifiers.iter().map(|id| id.value.as_str()).collect();
    let same_id = payee.identifiers.iter().any(|id| known.contains(id.value.as_str()));
    payee.trade_name.is_empty() || same_name || same_id
}

fn representative(file: &InvoiceFile, broken: fn(&Party) -> bool) -> Option<u32> {
    document(file.tax_representative.as_ref().is_some_and(broken))
}

fn payment(file: &InvoiceFile, broken: impl Fn(&Payment) -> bool) -> Option<u32> {
    document(file.payments.iter().any(broken))
}

/// UNTDID 4461: credit transfer, SEPA credit transfer.
fn is_transfer(payment: &Payment) -> bool {
    ["30", "58"].contains(&payment.means_code.as_str())
}

fn is_paid_to(payment: &Payment) -> bool {
    payment.accounts.iter().any(|account| !account.is_empty())
}

/// In CII the account is a group of its own, and the rule checks only the elements in it.
fn lacks_account(file: &InvoiceFile, payment: &Payment) -> bool {
    is_transfer(payment) && payment.accounts.is_empty() && (payment.has_account || file.syntax != Syntax::Cii)
}

fn tax_currency_without_total(file: &InvoiceFile) -> Option<u32> {
    let named = !file.tax_currency.is_empty();
    let same_in_cii = file.syntax == Syntax::Cii && file.tax_currency == file.currency;
    document(named && (file.totals.tax_in_tax_currency.is_none() || same_in_cii))
}

fn without_scheme(endpoint: Option<&Identifier>) -> bool {
    endpoint.is_some_and(|endpoint| endpoint.scheme.as_ref().is_none_or(String::is_empty))
}

/// A VAT identifier begins with its country; Greece writes EL.
fn foreign_vat_id(party: &Party) -> bool {
    let start: String = party.vat_id.chars().take(2).collect();
    !start.is_empty() && start != "EL" && !super::codes::is_known("country", &start)
}

fn is_unidentified(seller: &Party) -> bool {
    let own_id = seller.identifiers.iter().any(|id| id.scheme.as_deref() != Some("SEPA"));
    !seller.has_vat_id && !seller.has_legal_id && !own_id
}

pub(super) fn is_empty(period: &Period) -> bool {
    period.start.is_none() && period.end.is_none()
}

pub(super) fn ends_before_it_starts(period: &Period) -> bool {
    matches!((period.start, period.end), (Some(start), Some(end)) if end < start)
}
