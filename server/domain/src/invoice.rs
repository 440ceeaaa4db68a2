//! The invoice: what identifies it, what may be financed, and its states.

use crate::{Refusal, party::named};
use chrono::{Days, NaiveDate};

named! {
    InvoiceState {
        Draft => "draft", Presented => "presented", Confirmed => "confirmed",
        PartlyConfirmed => "partially_confirmed", Disputed => "disputed", Assigned => "assigned",
        PartPaid => "part_paid", Overdue => "overdue", Paid => "paid", Withdrawn => "withdrawn",
        Rejected => "rejected", Expired => "expired",
    }
}
named! {
    /// What happens to an invoice.
    InvoiceEvent {
        Submit => "submit", Confirm => "confirm", ConfirmLess => "confirm_less", Dispute => "dispute",
        Settle => "settle", Reject => "reject", Expire => "expire", Withdraw => "withdraw", Assign => "assign", PayPart => "pay_part", PayAll => "pay_all", FallOverdue => "fall_overdue",
    }
}

/// The state after `event`, or why it cannot happen now.
pub fn next_state(state: InvoiceState, event: InvoiceEvent) -> Result<InvoiceState, Refusal> {
    use InvoiceEvent as E;
    use InvoiceState as S;
    match (state, event) {
        // What nobody answered in time may be presented again.
        (S::Draft | S::Expired, E::Submit) => Ok(S::Presented),
        // What is disputed is not promised before the dispute is settled: a list or a second person cannot confirm it by accident.
        (S::Presented, E::Confirm) => Ok(S::Confirmed),
        (S::Presented, E::ConfirmLess) => Ok(S::PartlyConfirmed),
        (S::Presented, E::Dispute) => Ok(S::Disputed),
        (S::Disputed, E::Settle) => Ok(S::Presented),
        (S::Presented | S::Disputed, E::Reject) => Ok(S::Rejected),
        (S::Presented, E::Expire) => Ok(S::Expired),
        (S::Draft | S::Presented | S::Disputed | S::Rejected | S::Expired, E::Withdraw) => Ok(S::Withdrawn),
        (S::Confirmed | S::PartlyConfirmed | S::Assigned, E::Assign) => Ok(S::Assigned),
        (S::Confirmed | S::PartlyConfirmed | S::Assigned, E::PayPart) | (S::PartPaid, E::PayPart) => Ok(S::PartPaid),
        (S::Overdue, E::PayPart) => Ok(S::Overdue),
        (S::Confirmed | S::PartlyConfirmed | S::Assigned | S::PartPaid | S::Overdue, E::PayAll) => Ok(S::Paid),
        (S::Confirmed | S::PartlyConfirmed | S::Assigned | S::PartPaid, E::FallOverdue) => Ok(S::Overdue),
        _ => Err(Refusal::StateConflict { state: state.name().to_owned() }),
    }
}

/// The number as it is compared: capital letters and digits, full-width ones as plain ones, leading zeros of the whole dropped.
#[must_use]
pub fn normalise_number(number: &str) -> String {
    let plain: String =
        number.chars().map(plain_width).filter(|mark| mark.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    let trimmed = plain.trim_start_matches('0');
    if trimmed.is_empty() { plain } else { trimmed.to_owned() }
}

/// The full-width forms that East Asian keyboards write (U+FF01 to U+FF5E) mean the ASCII ones.
fn plain_width(mark: char) -> char {
    match u32::from(mark) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code.saturating_sub(0xFEE0)).unwrap_or(mark),
        _ => mark,
    }
}

/// Commercial invoices that can be sold (UNTDID 1001): the rest are credits, prepayments, replacements or
/// already factored.
pub const FINANCEABLE_TYPES: &[&str] = &["380", "82", "218", "219", "331", "382", "383", "395", "575", "623", "780"];

/// Days that must remain until the due date when an invoice is presented, as on TReDS.
pub const MINIMUM_REMAINING_DAYS: u64 = 15;

/// The most that one invoice may claim, minor units: sums over a million of the largest still fit into 64 bits.
pub const MOST_PAYABLE_MINOR: i64 = 10_000_000_000_000;

/// Days ahead that a due date may lie.
pub const MOST_DAYS_AHEAD: u64 = 730;

/// What the rules look at when a file becomes an invoice.
#[derive(Clone, Debug)]
pub struct IntakeFacts<'a> {
    pub type_code: &'a str,
    pub seller_tax_id: &'a str,
    pub company_tax_id: &'a str,
    pub buyer_known: bool,
    pub buyer_is_supplier: bool,
    pub payable_minor: i64,
    pub issue_date: NaiveDate,
    pub today: NaiveDate,
    /// A payee other than the seller, or an assignment note, stands in the file.
    pub assigned_elsewhere: bool,
}

/// May this file become a draft invoice of this company?
pub fn decide_intake(facts: &IntakeFacts<'_>) -> Result<(), Refusal> {
    if !FINANCEABLE_TYPES.contains(&facts.type_code) {
        return Err(Refusal::DocumentNotFinanceable { type_code: facts.type_code.to_owned() });
    }
    if facts.seller_tax_id != facts.company_tax_id || facts.company_tax_id.is_empty() {
        return Err(Refusal::NotTheSupplier);
    }
    if facts.payable_minor <= 0 {
        return Err(Refusal::PayableNotPositive);
    }
    if facts.payable_minor > MOST_PAYABLE_MINOR {
        return Err(Refusal::AmountTooLarge);
    }
    if facts.issue_date > facts.today {
        return Err(Refusal::DateInvalid { field: "IssueDate".to_owned() });
    }
    if facts.assigned_elsewhere {
        return Err(Refusal::AssignedElsewhere);
    }
    if !facts.buyer_known {
        return Err(Refusal::BuyerUnknown);
    }
    if facts.buyer_is_supplier {
        return Err(Refusal::BuyerIsSupplier);
    }
    Ok(())
}

/// May it be presented to the buyer today?
pub fn decide_submission(state: InvoiceState, due_date: Option<NaiveDate>, today: NaiveDate) -> Result<InvoiceState, Refusal> {
    let next = next_state(state, InvoiceEvent::Submit)?;
    check_due_date(due_date, today)?;
    Ok(next)
}

/// Past the horizon within which anybody can undertake to pay.
#[must_use]
pub fn is_too_far(due_date: NaiveDate, today: NaiveDate) -> bool {
    today.checked_add_days(Days::new(MOST_DAYS_AHEAD)).is_none_or(|last| due_date > last)
}

/// There is a due date, and it is neither too close nor too far.
pub fn check_due_date(due_date: Option<NaiveDate>, today: NaiveDate) -> Result<NaiveDate, Refusal> {
    let due_date = due_date.ok_or(Refusal::DueDateMissing)?;
    let earliest = today.checked_add_days(Days::new(MINIMUM_REMAINING_DAYS)).unwrap_or(today);
    if due_date < earliest {
        return Err(Refusal::DueDateTooClose { due_date });
    }
    if is_too_far(due_date, today) {
        return Err(Refusal::DueDateTooFar { due_date });
    }
    Ok(due_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_state_and_event_is_decided() {
        let mut allowed = Vec::new();
        for state in InvoiceState::ALL {
            for event in InvoiceEvent::ALL {
                match next_state(*state, *event) {
                    Ok(next) => allowed.push(format!("{} {} {}", state.name(), event.name(), next.name())),
                    Err(refusal) => assert_eq!(refusal, Refusal::StateConflict { state: state.name().into() }),
                }
            }
        }
        assert_eq!(allowed.join("\n"), ALLOWED.trim());
    }

    const ALLOWED: &str = "
draft submit presented
draft withdraw withdrawn
presented confirm confirmed
presented confirm_less partially_confirmed
presented dispute disputed
presented reject rejected
presented expire expired
presented withdraw withdrawn
confirmed assign assigned
confirmed pay_part part_paid
confirmed pay_all paid
confirmed fall_overdue overdue
partially_confirmed assign assigned
partially_confirmed pay_part part_paid
partially_confirmed pay_all paid
partially_confirmed fall_overdue overdue
disputed settle presented
disputed reject rejected
disputed withdraw withdrawn
assigned assign assigned
assigned pay_part part_paid
assigned pay_all paid
assigned fall_overdue overdue
part_paid pay_part part_paid
part_paid pay_all paid
part_paid fall_overdue overdue
overdue pay_part overdue
overdue pay_all paid
rejected withdraw withdrawn
expired submit presented
expired withdraw withdrawn
";

    #[test]
    fn numbers_compare_without_their_dress() {
        assert_eq!(normalise_number("INV-2026/0017"), "INV20260017");
        assert_eq!(normalise_number("inv 2026 0017"), "INV20260017");
        assert_eq!(normalise_number("00042"), "42");
        assert_eq!(normalise_number("000"), "000");
    }

    #[test]
    fn intake_names_the_rule() {
        let today: NaiveDate = "2026-11-22".parse().unwrap();
        let good = IntakeFacts {
            type_code: "380",
            seller_tax_id: "DE1",
            company_tax_id: "DE1",
            buyer_known: true,
            buyer_is_supplier: false,
            payable_minor: 1,
            issue_date: today,
            today,
            assigned_elsewhere: false,
        };
        assert_eq!(decide_intake(&good), Ok(()));
        let no = |facts: IntakeFacts<'_>| decide_intake(&facts).unwrap_err().code();
        assert_eq!(no(IntakeFacts { type_code: "381", ..good.clone() }), "document_not_financeable");
        assert_eq!(no(IntakeFacts { seller_tax_id: "DE2", ..good.clone() }), "not_the_supplier");
        assert_eq!(no(IntakeFacts { payable_minor: 0, ..good.clone() }), "payable_not_positive");
        assert_eq!(no(IntakeFacts { payable_minor: MOST_PAYABLE_MINOR + 1, ..good.clone() }), "amount_too_large");
        assert_eq!(no(IntakeFacts { issue_date: today + Days::new(1), ..good.clone() }), "date_invalid");
        assert_eq!(no(IntakeFacts { assigned_elsewhere: true, ..good.clone() }), "assigned_elsewhere");
        assert_eq!(no(IntakeFacts { buyer_known: false, ..good.clone() }), "buyer_unknown");
        assert_eq!(no(IntakeFacts { buyer_is_supplier: true, ..good }), "buyer_is_supplier");
        assert_eq!(check_due_date(None, today), Err(Refusal::DueDateMissing));
        let close = today + Days::new(14);
        assert_eq!(check_due_date(Some(close), today), Err(Refusal::DueDateTooClose { due_date: close }));
        let far = today + Days::new(731);
        assert_eq!(check_due_date(Some(far), today), Err(Refusal::DueDateTooFar { due_date: far }));
        assert_eq!(check_due_date(Some(today + Days::new(15)), today), Ok(today + Days::new(15)));
    }
}
