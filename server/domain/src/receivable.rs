//! The receivable that a confirmation creates, and its states.

use crate::{
    DayCount, Refusal,
    pricing::{FeeTerms, Percent, SettlementFee},
};
use chrono::NaiveDate;
use kernel::named;

named! {
    ReceivableState {
        Issued => "issued", Active => "active", Matured => "matured", PartRedeemed => "part_redeemed",
        Overdue => "overdue", Redeemed => "redeemed", Cancelled => "cancelled",
    }
}
named! {
    /// How far a payment has been shared out.
    DistributionState { Waiting => "waiting", Running => "running", Done => "done" }
}
named! {
    ReceivableEvent { Accept => "accept", Mature => "mature", FallOverdue => "fall_overdue", RedeemPart => "redeem_part", RedeemAll => "redeem_all", Cancel => "cancel" }
}

/// The state after `event`, or why it cannot happen now. A buyer may pay before the due date.
pub fn next_state(state: ReceivableState, event: ReceivableEvent) -> Result<ReceivableState, Refusal> {
    use ReceivableEvent as E;
    use ReceivableState as S;
    match (state, event) {
        (S::Issued | S::Active, E::Accept) => Ok(S::Active),
        (S::Issued | S::Active, E::Mature) => Ok(S::Matured),
        (S::Matured | S::PartRedeemed, E::FallOverdue) => Ok(S::Overdue),
        (S::Issued | S::Active | S::Matured | S::PartRedeemed, E::RedeemPart) => Ok(S::PartRedeemed),
        (S::Overdue, E::RedeemPart) => Ok(S::Overdue),
        (S::Issued | S::Active | S::Matured | S::PartRedeemed | S::Overdue, E::RedeemAll) => Ok(S::Redeemed),
        (S::Issued | S::Active, E::Cancel) => Ok(S::Cancelled),
        _ => Err(Refusal::StateConflict { state: state.name().to_owned() }),
    }
}

/// The platform's terms for a currency, frozen into each receivable at issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueTerms {
    /// Share of the confirmed amount that stays with the supplier and is paid last, basis points.
    pub reserve_bps: i64,
    /// Taken at maturity, before the reserve goes back, basis points of the confirmed amount.
    pub settlement_fee_bps: i64,
    pub purchase_fee: FeeTerms,
    pub minimum_ticket_minor: i64,
    /// Percent a year on overdue face.
    pub late_rate: Percent,
    pub late_day_count: DayCount,
    /// Days after the due date before it counts as overdue.
    pub grace_days: i64,
}

/// When the settlement fee is due, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeRule {
    /// On the whole confirmed amount, sold or not. This is the rule of receivables from before the other rule.
    Whole,
    /// On the sold part; nothing where nothing was sold.
    OfSold,
}

impl FeeRule {
    /// The name of the term that holds it.
    pub const TERM: &str = "settlement_fee_on";

    /// The name in the terms. Terms from before the rule name none.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::OfSold => "sold",
        }
    }

    #[must_use]
    pub fn of_terms(terms: &str) -> Option<Self> {
        match term(terms, Self::TERM) {
            None => Some(Self::Whole),
            Some("sold") => Some(Self::OfSold),
            Some(_) => None,
        }
    }

    /// The part of the fee that is due once nothing more can be sold.
    #[must_use]
    pub fn due(self, fee: SettlementFee, sold_minor: i64) -> Option<i64> {
        match self {
            Self::Whole => Some(fee.whole_minor),
            Self::OfSold => fee.on(sold_minor),
        }
    }
}

/// How a confirmed amount is divided at issue: fractions and reserve always sum to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssueSplit {
    pub face_minor: i64,
    pub reserve_minor: i64,
    pub settlement_fee_minor: i64,
}

/// The reserve is rounded up to the unit, so that fractions never exceed their share. The settlement fee never
/// exceeds the reserve that it is taken from.
pub fn decide_issue(confirmed_minor: i64, terms: &IssueTerms) -> Result<IssueSplit, Refusal> {
    let share = |bps: i64| {
        let product = i128::from(confirmed_minor) * i128::from(bps.clamp(0, 10_000));
        i64::try_from((product + 9_999) / 10_000).unwrap_or(0)
    };
    let reserve_minor = share(terms.reserve_bps);
    let face_minor = confirmed_minor.checked_sub(reserve_minor).filter(|face| *face > 0).ok_or(Refusal::PayableNotPositive)?;
    let settlement_fee_minor = share(terms.settlement_fee_bps).min(reserve_minor);
    Ok(IssueSplit { face_minor, reserve_minor, settlement_fee_minor })
}

/// The facts that decide a confirmation. Amounts in minor units.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmationFacts<'a> {
    pub amount_minor: i64,
    pub payable_minor: i64,
    pub reason: &'a str,
    /// Withholding, retention and other deductions as the buyer states them; all zero where it states none.
    pub deductions_minor: [i64; 3],
    pub due_date: NaiveDate,
    /// The due date of the invoice itself.
    pub invoice_due_date: Option<NaiveDate>,
    pub today: NaiveDate,
}

/// Checks the amount and the day that a buyer confirms: above zero, not more than is payable, and in time. A smaller amount, or a
/// later day than the invoice's, needs a reason. Returns whether the amount is smaller.
pub fn decide_confirmation(facts: &ConfirmationFacts<'_>) -> Result<bool, Refusal> {
    let due_date = facts.due_date;
    if facts.amount_minor <= 0 {
        return Err(Refusal::AmountInvalid { field: "amount".to_owned() });
    }
    if facts.amount_minor > facts.payable_minor {
        return Err(Refusal::ConfirmedTooMuch { payable_minor: facts.payable_minor });
    }
    if due_date <= facts.today {
        return Err(Refusal::DueDateTooClose { due_date });
    }
    if crate::invoice::is_too_far(due_date, facts.today) {
        return Err(Refusal::DueDateTooFar { due_date });
    }
    let less = facts.amount_minor < facts.payable_minor;
    let explained = is_explained(facts)?;
    let later = facts.invoice_due_date.is_some_and(|said| due_date > said);
    if ((less && !explained) || later) && facts.reason.trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    Ok(less)
}

/// Whether stated deductions lead from the payable amount to the confirmed one. Deductions that do not are refused.
fn is_explained(facts: &ConfirmationFacts<'_>) -> Result<bool, Refusal> {
    if facts.deductions_minor.iter().any(|minor| *minor < 0) {
        return Err(Refusal::AmountInvalid { field: "deducted".to_owned() });
    }
    let stated = facts.deductions_minor.iter().any(|minor| *minor > 0);
    let sum = facts.deductions_minor.iter().try_fold(facts.amount_minor, |sum, minor| sum.checked_add(*minor));
    if stated && sum != Some(facts.payable_minor) {
        return Err(Refusal::DeductionsDiffer { payable_minor: facts.payable_minor });
    }
    Ok(stated)
}

/// The frozen terms as one line of text, hashed on the receipt: the same facts always give the same bytes.
#[must_use]
pub fn terms_text(facts: &[(&str, &str)]) -> String {
    let mut text = String::from("kontor-terms-1");
    for (name, value) in facts {
        let clean = value.replace(['\n', '\\'], " ");
        text.push('\n');
        text.push_str(name);
        text.push('=');
        text.push_str(&clean);
    }
    text
}

/// One of the frozen terms, if the text names it.
#[must_use]
pub fn term<'a>(terms: &'a str, name: &str) -> Option<&'a str> {
    terms.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::Bearer;

    #[test]
    fn the_rule_of_the_settlement_fee_stands_in_the_terms() {
        let fee = SettlementFee { whole_minor: 500, face_minor: 1_000 };
        let old = terms_text(&[("face_minor", "1000")]);
        let new = terms_text(&[("face_minor", "1000"), (FeeRule::TERM, FeeRule::OfSold.name())]);
        assert_eq!((FeeRule::of_terms(&old), FeeRule::of_terms(&new)), (Some(FeeRule::Whole), Some(FeeRule::OfSold)));
        assert_eq!(FeeRule::of_terms("kontor-terms-1\nsettlement_fee_on=moon"), None);
        for (sold, whole, of_sold) in [(0, 500, 0), (1, 500, 1), (500, 500, 250), (1_000, 500, 500)] {
            assert_eq!((FeeRule::Whole.due(fee, sold), FeeRule::OfSold.due(fee, sold)), (Some(whole), Some(of_sold)), "{sold}");
        }
    }

    fn terms(reserve_bps: i64, settlement_fee_bps: i64) -> IssueTerms {
        IssueTerms {
            reserve_bps,
            settlement_fee_bps,
            purchase_fee: FeeTerms { bps: 0, minimum_minor: 0, bearer: Bearer::Supplier },
            minimum_ticket_minor: 1,
            late_rate: Percent::ZERO,
            late_day_count: DayCount::Actual360,
            grace_days: 0,
        }
    }

    #[test]
    fn fractions_and_reserve_sum_to_what_was_confirmed() {
        for confirmed in [1, 99, 100, 12_345, 1_000_001] {
            for bps in [0, 1, 500, 1_000, 9_999] {
                match decide_issue(confirmed, &terms(bps, 10)) {
                    Ok(split) => {
                        assert_eq!(split.face_minor + split.reserve_minor, confirmed);
                        assert!(split.settlement_fee_minor <= split.reserve_minor);
                    }
                    Err(refusal) => assert_eq!(refusal, Refusal::PayableNotPositive),
                }
            }
        }
    }

    #[test]
    fn confirming_less_needs_a_reason_and_more_is_refused() {
        let (due_date, today): (NaiveDate, NaiveDate) = ("2027-01-31".parse().unwrap(), "2026-11-22".parse().unwrap());
        let good = ConfirmationFacts {
            amount_minor: 100,
            payable_minor: 100,
            reason: "",
            deductions_minor: [0; 3],
            due_date,
            invoice_due_date: Some(due_date),
            today,
        };
        assert_eq!(decide_confirmation(&good), Ok(false));
        assert_eq!(decide_confirmation(&ConfirmationFacts { amount_minor: 99, reason: "short delivery", ..good }), Ok(true));
        let no = |facts: ConfirmationFacts<'_>| decide_confirmation(&facts).unwrap_err().code();
        assert_eq!(no(ConfirmationFacts { amount_minor: 99, reason: " ", ..good }), "reason_missing");
        assert_eq!(no(ConfirmationFacts { invoice_due_date: Some(today), ..good }), "reason_missing");
        // Deductions that are stated explain themselves, and must add up.
        let deducted = ConfirmationFacts { amount_minor: 90, deductions_minor: [5, 3, 2], ..good };
        assert_eq!(decide_confirmation(&deducted), Ok(true));
        assert_eq!(no(ConfirmationFacts { amount_minor: 91, ..deducted }), "deductions_differ");
        assert_eq!(no(ConfirmationFacts { deductions_minor: [5, 3, 1], ..deducted }), "deductions_differ");
        assert_eq!(no(ConfirmationFacts { deductions_minor: [i64::MAX, 3, 1], ..deducted }), "deductions_differ");
        assert_eq!(no(ConfirmationFacts { deductions_minor: [12, -2, 0], ..deducted }), "amount_invalid");
        assert_eq!(no(ConfirmationFacts { amount_minor: 101, ..good }), "confirmed_too_much");
        assert_eq!(no(ConfirmationFacts { amount_minor: 0, ..good }), "amount_invalid");
        assert_eq!(no(ConfirmationFacts { due_date: today, ..good }), "due_date_too_close");
        assert_eq!(no(ConfirmationFacts { due_date: "+262142-12-31".parse().unwrap(), ..good }), "due_date_too_far");
    }

    #[test]
    fn every_pair_of_state_and_event_is_decided() {
        let mut allowed = 0;
        for state in ReceivableState::ALL {
            for event in ReceivableEvent::ALL {
                match next_state(*state, *event) {
                    Ok(_) => allowed += 1,
                    Err(refusal) => assert_eq!(refusal.code(), "state_conflict"),
                }
            }
        }
        assert_eq!(allowed, 18);
        for end in [ReceivableState::Redeemed, ReceivableState::Cancelled] {
            assert!(ReceivableEvent::ALL.iter().all(|event| next_state(end, *event).is_err()));
        }
    }
}
