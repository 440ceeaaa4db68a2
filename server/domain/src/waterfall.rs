//! The order in which a buyer's money is used, and who gets which unit of it.
//!
//! Face to the holders pro rata; then late interest to those it accrued to; then the platform's settlement
//! fee; then the reserve to the supplier. What is left over is the payer's and goes to suspense.

use crate::{
    allocation::allocate,
    chart::{AccountKey, Booking, Posting},
};
use ledger::AssetId;

/// One holder's position, ordered by company id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    pub party: i64,
    pub units_minor: i64,
    /// Late interest accrued to this holder and not paid yet.
    pub interest_due_minor: i64,
}

/// What is still owed on one receivable. Amounts in minor units.
#[derive(Clone, Debug)]
pub struct WaterfallFacts {
    pub receivable: i64,
    pub supplier: i64,
    pub currency: AssetId,
    pub senior: AssetId,
    pub junior: AssetId,
    pub holders: Vec<Holder>,
    pub settlement_fee_due_minor: i64,
    /// Units of the junior asset still out: the settlement fee and the reserve are paid against them.
    pub reserve_units_minor: i64,
    pub payment_minor: i64,
}

/// Where the payment went. The parts sum to the payment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct WaterfallResult {
    pub face_minor: i64,
    pub interest_minor: i64,
    pub fee_minor: i64,
    pub reserve_minor: i64,
    pub surplus_minor: i64,
    /// Per holder, in the order given: (face, interest).
    pub shares: Vec<(i64, i64)>,
    pub postings: Vec<Posting>,
}

/// Runs the waterfall over one payment, or `None` when the facts do not fit together.
#[must_use]
pub fn run(facts: &WaterfallFacts) -> Option<WaterfallResult> {
    let mut left = facts.payment_minor;
    let mut take = |due: i64| {
        let part = left.min(due.max(0));
        left = left.saturating_sub(part);
        part
    };
    let units: Vec<i64> = facts.holders.iter().map(|holder| holder.units_minor).collect();
    let interest: Vec<i64> = facts.holders.iter().map(|holder| holder.interest_due_minor).collect();
    let sum = |list: &[i64]| list.iter().try_fold(0_i64, |total, part| total.checked_add(*part));
    let face_minor = take(sum(&units)?);
    let interest_minor = take(sum(&interest)?);
    let fee_minor = take(facts.settlement_fee_due_minor);
    let reserve_minor = take(facts.reserve_units_minor.checked_sub(facts.settlement_fee_due_minor)?);
    let surplus_minor = left;
    let parts = |amount: i64, weights: &[i64]| {
        if amount == 0 { Some(vec![0; weights.len()]) } else { allocate(amount, weights) }
    };
    let shares: Vec<(i64, i64)> = parts(face_minor, &units)?.into_iter().zip(parts(interest_minor, &interest)?).collect();

    let mut postings = Vec::with_capacity(shares.len().saturating_mul(2).saturating_add(5));
    let collection = AccountKey::collection(facts.receivable, facts.currency);
    let mut line = |debit, credit, amount, booking| {
        if amount > 0 {
            postings.push(Posting::Move { debit, credit, amount, booking });
        }
    };
    for (holder, (face, interest)) in facts.holders.iter().zip(&shares) {
        let cash = AccountKey::cash(holder.party, facts.currency);
        line(collection, cash, *face, Booking::RedeemFace);
        let holding = AccountKey::holding(holder.party, facts.senior);
        line(holding, AccountKey::issued(facts.senior), *face, Booking::RedeemUnits);
        line(collection, cash, *interest, Booking::LateInterest);
    }
    line(collection, AccountKey::fees(facts.currency), fee_minor, Booking::SettlementFee);
    line(collection, AccountKey::cash(facts.supplier, facts.currency), reserve_minor, Booking::ReserveReturn);
    let junior = AccountKey::holding(facts.supplier, facts.junior);
    let junior_paid = fee_minor.checked_add(reserve_minor)?;
    line(junior, AccountKey::issued(facts.junior), junior_paid, Booking::RedeemReserve);
    line(collection, AccountKey::suspense(facts.currency), surplus_minor, Booking::Surplus);
    Some(WaterfallResult { face_minor, interest_minor, fee_minor, reserve_minor, surplus_minor, shares, postings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(payment_minor: i64) -> WaterfallFacts {
        let holder = |party, units_minor, interest_due_minor| Holder { party, units_minor, interest_due_minor };
        WaterfallFacts {
            receivable: 50,
            supplier: 1,
            currency: AssetId(978),
            senior: AssetId(51),
            junior: AssetId(52),
            holders: vec![holder(1, 100, 1), holder(2, 333, 3), holder(3, 467, 5)],
            settlement_fee_due_minor: 10,
            reserve_units_minor: 100,
            payment_minor,
        }
    }

    #[test]
    fn money_goes_down_in_order_and_every_unit_is_accounted_for() {
        let mut previous = WaterfallResult::default();
        for payment in 0..=1_100 {
            let result = run(&facts(payment)).unwrap();
            let parts = [result.face_minor, result.interest_minor, result.fee_minor, result.reserve_minor, result.surplus_minor];
            assert_eq!(parts.iter().sum::<i64>(), payment);
            assert_eq!(result.shares.iter().map(|(face, _)| face).sum::<i64>(), result.face_minor);
            let spent: i64 = result
                .postings
                .iter()
                .map(|posting| match posting {
                    Posting::Move { debit, amount, .. } if debit.kind == crate::chart::AccountKind::Collection => *amount,
                    _ => 0,
                })
                .sum();
            assert_eq!(spent, payment, "what comes in goes out of the collection account");
            assert!(result.face_minor >= previous.face_minor && result.surplus_minor >= previous.surplus_minor);
            if result.interest_minor > 0 {
                assert_eq!(result.face_minor, 900);
            }
            previous = result;
        }
        assert_eq!(
            [previous.face_minor, previous.interest_minor, previous.fee_minor, previous.reserve_minor, previous.surplus_minor],
            [900, 9, 10, 90, 91]
        );
    }

    /// Part payments in any cut give every holder the same in the end.
    #[test]
    fn part_payments_redeem_everything_exactly() {
        for cut in [1_i64, 7, 33, 450, 899] {
            let mut state = facts(0);
            state.holders.iter_mut().for_each(|holder| holder.interest_due_minor = 0);
            let mut received = [0_i64; 3];
            let mut paid = 0;
            while paid < 900 {
                state.payment_minor = cut.min(900 - paid);
                let result = run(&state).unwrap();
                for (index, (face, _)) in result.shares.iter().enumerate() {
                    received[index] += face;
                    state.holders[index].units_minor -= face;
                    assert!(state.holders[index].units_minor >= 0);
                }
                paid += state.payment_minor;
            }
            assert_eq!(received, [100, 333, 467], "cut {cut}");
        }
    }
}
