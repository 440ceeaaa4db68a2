//! The order in which a buyer's money is used, and who gets which unit of it.
//!
//! Face to the holders pro rata; then late interest to those it accrued to; then the platform's settlement
//! fee; then the reserve to the supplier. What is left over is the payer's and goes to suspense.

use crate::allocation::Division;
use crate::chart::{AccountKey, Booking, Posting};
use ledger::AssetId;

/// One holder's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    pub party: i64,
    pub units_minor: i64,
    /// Late interest accrued to this holder before this payment and not paid yet.
    pub interest_due_minor: i64,
}

/// Which receivable, and whose.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub receivable: i64,
    pub supplier: i64,
    pub currency: AssetId,
    pub senior: AssetId,
    pub junior: AssetId,
}

/// What comes before the holders' positions. Amounts in minor units.
#[derive(Clone, Copy, Debug)]
pub struct WaterfallFacts {
    pub payment_minor: i64,
    /// Late interest that accrues with this payment, on all units together.
    pub accrued_minor: i64,
    pub settlement_fee_due_minor: i64,
    /// Units of the junior asset still out: the settlement fee and the reserve are paid against them.
    pub reserve_units_minor: i64,
}

/// Where a payment goes. The parts sum to the payment; the divisions give every holder's part of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Plan {
    pub accrued: Division,
    pub face: Division,
    pub interest: Division,
    pub fee_minor: i64,
    pub reserve_minor: i64,
    pub surplus_minor: i64,
}

/// What one holder gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Share {
    pub face_minor: i64,
    pub interest_minor: i64,
    /// Late interest that accrued to this holder with the payment.
    pub accrued_minor: i64,
}

/// Plans the waterfall of one payment over all holders, or `None` when the facts do not fit together.
#[must_use]
pub fn plan(facts: &WaterfallFacts, holders: &[Holder]) -> Option<Plan> {
    let units: Vec<(i64, i64)> = holders.iter().map(|holder| (holder.party, holder.units_minor)).collect();
    let accrued = Division::plan(facts.accrued_minor, &units)?;
    let claims = holders.iter().map(|holder| Some((holder.party, owed(&accrued, holder)?))).collect::<Option<Vec<_>>>()?;
    let sum = |list: &[(i64, i64)]| list.iter().try_fold(0_i64, |total, (_, part)| total.checked_add(*part));
    let mut left = facts.payment_minor;
    let mut take = |due: i64| {
        let part = left.min(due.max(0));
        left = left.saturating_sub(part);
        part
    };
    let face = Division::plan(take(sum(&units)?), &units)?;
    let interest = Division::plan(take(sum(&claims)?), &claims)?;
    let fee_minor = take(facts.settlement_fee_due_minor);
    let reserve_minor = take(facts.reserve_units_minor.checked_sub(facts.settlement_fee_due_minor)?);
    Some(Plan { accrued, face, interest, fee_minor, reserve_minor, surplus_minor: left })
}

/// All late interest that a holder may claim once this payment's is counted in.
fn owed(accrued: &Division, holder: &Holder) -> Option<i64> {
    holder.interest_due_minor.checked_add(accrued.share(holder.party, holder.units_minor)?)
}

impl Plan {
    /// Whether nothing remains to be paid after this: neither face nor late interest nor reserve.
    #[must_use]
    pub fn pays_all(&self, reserve_units_minor: i64) -> bool {
        let junior_minor = self.fee_minor.saturating_add(self.reserve_minor);
        self.face.amount == self.face.total && self.interest.amount == self.interest.total && junior_minor == reserve_units_minor
    }

    /// What the holders get together.
    #[must_use]
    pub fn due_minor(&self) -> i64 {
        self.face.amount.saturating_add(self.interest.amount)
    }

    #[must_use]
    pub fn share(&self, holder: &Holder) -> Option<Share> {
        Some(Share {
            face_minor: self.face.share(holder.party, holder.units_minor)?,
            interest_minor: self.interest.share(holder.party, owed(&self.accrued, holder)?)?,
            accrued_minor: self.accrued.share(holder.party, holder.units_minor)?,
        })
    }

    /// What remains once all holders are paid: fee, reserve, surplus.
    #[must_use]
    pub fn closing(&self, place: &Place) -> Vec<Posting> {
        let collection = AccountKey::collection(place.receivable, place.currency);
        let junior = AccountKey::holding(place.supplier, place.junior);
        let junior_minor = self.fee_minor.saturating_add(self.reserve_minor);
        let mut postings = Vec::with_capacity(4);
        line(&mut postings, collection, AccountKey::fees(place.currency), self.fee_minor, Booking::SettlementFee);
        let supplier = AccountKey::cash(place.supplier, place.currency);
        line(&mut postings, collection, supplier, self.reserve_minor, Booking::ReserveReturn);
        line(&mut postings, junior, AccountKey::issued(place.junior), junior_minor, Booking::RedeemReserve);
        line(&mut postings, collection, AccountKey::suspense(place.currency), self.surplus_minor, Booking::Surplus);
        postings
    }
}

fn line(postings: &mut Vec<Posting>, debit: AccountKey, credit: AccountKey, amount: i64, booking: Booking) {
    if amount > 0 {
        postings.push(Posting::Move { debit, credit, amount, booking });
    }
}

/// Cash to a holder, and the units that it redeems.
pub fn pay_holder(postings: &mut Vec<Posting>, place: &Place, party: i64, share: &Share) {
    let collection = AccountKey::collection(place.receivable, place.currency);
    let cash = AccountKey::cash(party, place.currency);
    line(postings, collection, cash, share.face_minor, Booking::RedeemFace);
    let holding = AccountKey::holding(party, place.senior);
    line(postings, holding, AccountKey::issued(place.senior), share.face_minor, Booking::RedeemUnits);
    line(postings, collection, cash, share.interest_minor, Booking::LateInterest);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { receivable: 50, supplier: 1, currency: AssetId(978), senior: AssetId(51), junior: AssetId(52) };

    fn holders() -> Vec<Holder> {
        let holder = |party, units_minor, interest_due_minor| Holder { party, units_minor, interest_due_minor };
        vec![holder(1, 100, 1), holder(2, 333, 3), holder(3, 467, 5)]
    }

    fn facts(payment_minor: i64) -> WaterfallFacts {
        WaterfallFacts { payment_minor, accrued_minor: 0, settlement_fee_due_minor: 10, reserve_units_minor: 100 }
    }

    fn from_collection(postings: &[Posting]) -> i64 {
        let out = |posting: &Posting| match posting {
            Posting::Move { debit, amount, .. } if debit.kind == crate::chart::AccountKind::Collection => *amount,
            _ => 0,
        };
        postings.iter().map(out).sum()
    }

    #[test]
    fn money_goes_down_in_order_and_every_unit_is_accounted_for() {
        let mut previous = Plan::default();
        for payment in 0..=1_100 {
            let plan = plan(&facts(payment), &holders()).unwrap();
            let mut postings = plan.closing(&PLACE);
            let mut face = 0;
            for holder in holders() {
                let share = plan.share(&holder).unwrap();
                face += share.face_minor;
                pay_holder(&mut postings, &PLACE, holder.party, &share);
            }
            assert_eq!(face, plan.face.amount);
            assert_eq!(plan.due_minor(), plan.face.amount + plan.interest.amount);
            assert!(
                postings.iter().all(|posting| matches!(posting, Posting::Move { amount, .. } if *amount > 0)),
                "at {payment}"
            );
            assert_eq!(from_collection(&postings), payment, "what comes in goes out of the collection account");
            assert!(plan.face.amount >= previous.face.amount && plan.surplus_minor >= previous.surplus_minor);
            if plan.interest.amount > 0 {
                assert_eq!(plan.face.amount, 900);
            }
            assert_eq!(plan.pays_all(100), payment >= 1_009, "at {payment}");
            previous = plan;
        }
        let last =
            [previous.face.amount, previous.interest.amount, previous.fee_minor, previous.reserve_minor, previous.surplus_minor];
        assert_eq!(last, [900, 9, 10, 90, 91]);
    }

    #[test]
    fn late_interest_that_accrues_with_the_payment_is_paid_by_it() {
        let plan = plan(&WaterfallFacts { accrued_minor: 91, ..facts(1_000) }, &holders()).unwrap();
        let shares: Vec<Share> = holders().iter().map(|holder| plan.share(holder).unwrap()).collect();
        let accrued: Vec<i64> = shares.iter().map(|share| share.accrued_minor).collect();
        assert_eq!(accrued, [10, 34, 47], "91 units by 100, 333 and 467: the odd one to the largest remainder");
        assert_eq!(shares.iter().map(|share| share.interest_minor).collect::<Vec<_>>(), [11, 37, 52]);
        assert_eq!((plan.interest.amount, plan.fee_minor), (100, 0));
    }

    /// Part payments in any cut give every holder the same in the end.
    #[test]
    fn part_payments_redeem_everything_exactly() {
        for cut in [1_i64, 7, 33, 450, 899] {
            let mut left = holders();
            left.iter_mut().for_each(|holder| holder.interest_due_minor = 0);
            let mut received = [0_i64; 3];
            let mut paid = 0;
            while paid < 900 {
                let payment = cut.min(900 - paid);
                let plan = plan(&facts(payment), &left).unwrap();
                for (index, holder) in left.iter_mut().enumerate() {
                    let face = plan.share(holder).unwrap().face_minor;
                    received[index] += face;
                    holder.units_minor -= face;
                    assert!(holder.units_minor >= 0);
                }
                paid += payment;
            }
            assert_eq!(received, [100, 333, 467], "cut {cut}");
        }
    }
}
