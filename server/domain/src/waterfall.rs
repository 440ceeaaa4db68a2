//! The order in which a buyer's money is used, and the holder who gets each unit of it.
//!
//! Face to the holders pro rata; then late interest to those it accrued to; then the platform's settlement fee; then the reserve
//! to the supplier. The rest is the payer's and goes to suspense.

use crate::allocation::{Division, Running, Weight};
use crate::chart::{AccountKey, Booking, Posting};
use kernel::{PartyId, ReceivableId};
use ledger::AssetId;

/// One holder's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    pub party: PartyId,
    pub units_minor: i64,
    /// Late interest accrued to this holder before this payment and not paid yet.
    pub interest_due_minor: i64,
    /// Units that it had when parts were last counted anew, including the units redeemed since then.
    pub units_whole_minor: i64,
    /// Late interest since it was last counted, paid or not.
    pub interest_whole_minor: i64,
}

/// How part payments are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareRule {
    /// Each payment by itself, on the units that are left. This is the rule of receivables from before the other rule.
    ByPayment,
    /// On all that has been paid so far, so that the cut into payments does not matter.
    Running,
}

impl ShareRule {
    /// The name of the term that holds it.
    pub const TERM: &str = "part_payments";

    /// The name in the terms. Terms from before the rule name none.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByPayment => "",
            Self::Running => "running",
        }
    }

    #[must_use]
    pub fn of_terms(terms: &str) -> Option<Self> {
        match crate::receivable::term(terms, Self::TERM) {
            None => Some(Self::ByPayment),
            Some("running") => Some(Self::Running),
            Some(_) => None,
        }
    }
}

/// A sum that is due, and how a payment of it is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shares {
    Once(Division),
    Running(Running),
}

impl Default for Shares {
    fn default() -> Self {
        Self::Once(Division::default())
    }
}

impl Shares {
    fn plan(rule: ShareRule, payment: &mut i64, weights: &[Weight]) -> Option<Self> {
        let left = |weight: &Weight| Some((weight.id, weight.whole.checked_sub(weight.had)?));
        let lefts = weights.iter().map(left).collect::<Option<Vec<(i64, i64)>>>()?;
        let due = lefts.iter().try_fold(0_i64, |sum, (_, left)| sum.checked_add(*left))?;
        let amount = due.max(0).min(*payment);
        *payment = payment.checked_sub(amount)?;
        match rule {
            ShareRule::ByPayment => Division::plan(amount, &lefts).map(Self::Once),
            ShareRule::Running => Running::plan(amount, weights).map(Self::Running),
        }
    }

    /// The paid amount.
    #[must_use]
    pub fn amount(&self) -> i64 {
        match self {
            Self::Once(division) => division.amount,
            Self::Running(running) => running.amount,
        }
    }

    /// The due amount.
    #[must_use]
    pub fn due(&self) -> i64 {
        match self {
            Self::Once(division) => division.total,
            Self::Running(running) => running.total.saturating_sub(running.before),
        }
    }

    fn share(&self, weight: &Weight) -> Option<i64> {
        match self {
            Self::Once(division) => division.share(weight.id, weight.whole.checked_sub(weight.had)?),
            Self::Running(running) => running.share(weight),
        }
    }
}

/// The receivable and its supplier.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub receivable: ReceivableId,
    pub supplier: PartyId,
    pub currency: AssetId,
    pub senior: AssetId,
    pub junior: AssetId,
}

/// The facts that the plan needs beside the holders' positions. Amounts in minor units.
#[derive(Clone, Copy, Debug)]
pub struct WaterfallFacts {
    pub rule: ShareRule,
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
    pub face: Shares,
    pub interest: Shares,
    pub fee_minor: i64,
    pub reserve_minor: i64,
    pub surplus_minor: i64,
}

/// The share of one holder.
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
    let units: Vec<(i64, i64)> = holders.iter().map(|holder| (holder.party.0, holder.units_minor)).collect();
    let accrued = Division::plan(facts.accrued_minor, &units)?;
    let faces = holders.iter().map(face_of).collect::<Option<Vec<_>>>()?;
    let claims = holders.iter().map(|holder| claim_of(&accrued, holder)).collect::<Option<Vec<_>>>()?;
    let mut left = facts.payment_minor;
    let face = Shares::plan(facts.rule, &mut left, &faces)?;
    let interest = Shares::plan(facts.rule, &mut left, &claims)?;
    let mut take = |due: i64| {
        let part = left.min(due.max(0));
        left = left.saturating_sub(part);
        part
    };
    let fee_minor = take(facts.settlement_fee_due_minor);
    let reserve_minor = take(facts.reserve_units_minor.checked_sub(facts.settlement_fee_due_minor)?);
    Some(Plan { accrued, face, interest, fee_minor, reserve_minor, surplus_minor: left })
}

fn face_of(holder: &Holder) -> Option<Weight> {
    let had = holder.units_whole_minor.checked_sub(holder.units_minor)?;
    Some(Weight { id: holder.party.0, whole: holder.units_whole_minor, had })
}

/// All late interest that a holder may claim once this payment's accrual is counted in. Where more accrues, parts are counted
/// anew.
fn claim_of(accrued: &Division, holder: &Holder) -> Option<Weight> {
    let due = holder.interest_due_minor.checked_add(accrued.share(holder.party.0, holder.units_minor)?)?;
    let whole = if accrued.amount > 0 { due } else { holder.interest_whole_minor };
    Some(Weight { id: holder.party.0, whole, had: whole.checked_sub(due)? })
}

impl Plan {
    /// Whether nothing remains to be paid after this: neither face nor late interest nor reserve.
    #[must_use]
    pub fn pays_all(&self, reserve_units_minor: i64) -> bool {
        let junior_minor = self.fee_minor.saturating_add(self.reserve_minor);
        self.face.amount() == self.face.due()
            && self.interest.amount() == self.interest.due()
            && junior_minor == reserve_units_minor
    }

    /// The sum of the holders' shares.
    #[must_use]
    pub fn due_minor(&self) -> i64 {
        self.face.amount().saturating_add(self.interest.amount())
    }

    #[must_use]
    pub fn share(&self, holder: &Holder) -> Option<Share> {
        Some(Share {
            face_minor: self.face.share(&face_of(holder)?)?,
            interest_minor: self.interest.share(&claim_of(&self.accrued, holder)?)?,
            accrued_minor: self.accrued.share(holder.party.0, holder.units_minor)?,
        })
    }

    /// The rest once all holders are paid: fee, reserve, surplus.
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
pub fn pay_holder(postings: &mut Vec<Posting>, place: &Place, party: PartyId, share: &Share) {
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

    const PLACE: Place = Place {
        receivable: ReceivableId(50),
        supplier: PartyId(1),
        currency: AssetId(978),
        senior: AssetId(51),
        junior: AssetId(52),
    };

    fn holders() -> Vec<Holder> {
        let holder = |party, units_minor, interest_due_minor| Holder {
            party,
            units_minor,
            interest_due_minor,
            units_whole_minor: units_minor,
            interest_whole_minor: interest_due_minor,
        };
        vec![holder(PartyId(1), 100, 1), holder(PartyId(2), 333, 3), holder(PartyId(3), 467, 5)]
    }

    fn facts(payment_minor: i64) -> WaterfallFacts {
        WaterfallFacts {
            rule: ShareRule::Running,
            payment_minor,
            accrued_minor: 0,
            settlement_fee_due_minor: 10,
            reserve_units_minor: 100,
        }
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
            assert_eq!(face, plan.face.amount());
            assert_eq!(plan.due_minor(), plan.face.amount() + plan.interest.amount());
            assert!(
                postings.iter().all(|posting| matches!(posting, Posting::Move { amount, .. } if *amount > 0)),
                "at {payment}"
            );
            assert_eq!(from_collection(&postings), payment, "what comes in goes out of the collection account");
            assert!(plan.face.amount() >= previous.face.amount() && plan.surplus_minor >= previous.surplus_minor);
            if plan.interest.amount() > 0 {
                assert_eq!(plan.face.amount(), 900);
            }
            assert_eq!(plan.pays_all(100), payment >= 1_009, "at {payment}");
            previous = plan;
        }
        let last = [
            previous.face.amount(),
            previous.interest.amount(),
            previous.fee_minor,
            previous.reserve_minor,
            previous.surplus_minor,
        ];
        assert_eq!(last, [900, 9, 10, 90, 91]);
    }

    #[test]
    fn late_interest_that_accrues_with_the_payment_is_paid_by_it() {
        let plan = plan(&WaterfallFacts { accrued_minor: 91, ..facts(1_000) }, &holders()).unwrap();
        let shares: Vec<Share> = holders().iter().map(|holder| plan.share(holder).unwrap()).collect();
        let accrued: Vec<i64> = shares.iter().map(|share| share.accrued_minor).collect();
        assert_eq!(accrued, [10, 34, 47], "91 units by 100, 333 and 467: the odd one to the largest remainder");
        assert_eq!(shares.iter().map(|share| share.interest_minor).collect::<Vec<_>>(), [11, 37, 52]);
        assert_eq!((plan.interest.amount(), plan.fee_minor), (100, 0));
    }

    /// The face and late interest that `holders` have got after these payments.
    fn after(rule: ShareRule, payments: &[i64]) -> Vec<(i64, i64)> {
        let mut left = holders();
        let mut received = vec![(0, 0); left.len()];
        for payment in payments {
            let plan = plan(&WaterfallFacts { rule, ..facts(*payment) }, &left).unwrap();
            for (holder, got) in left.iter_mut().zip(&mut received) {
                let share = plan.share(holder).unwrap();
                holder.units_minor -= share.face_minor;
                holder.interest_due_minor -= share.interest_minor;
                assert!(holder.units_minor >= 0 && holder.interest_due_minor >= 0);
                *got = (got.0 + share.face_minor, got.1 + share.interest_minor);
                if rule == ShareRule::ByPayment {
                    (holder.units_whole_minor, holder.interest_whole_minor) = (holder.units_minor, holder.interest_due_minor);
                }
            }
        }
        received
    }

    #[test]
    fn terms_tell_the_rule() {
        let terms = |more: &[(&str, &str)]| crate::receivable::terms_text(&[&[("invoice", "R-1")], more].concat());
        assert_eq!(ShareRule::of_terms(&terms(&[])), Some(ShareRule::ByPayment));
        let running = terms(&[(ShareRule::TERM, ShareRule::Running.name())]);
        assert_eq!(ShareRule::of_terms(&running), Some(ShareRule::Running));
        assert_eq!(ShareRule::of_terms(&terms(&[(ShareRule::TERM, "other")])), None);
        assert_eq!(ShareRule::of_terms(&terms(&[("note", "part_payments=running")])), Some(ShareRule::ByPayment));
    }

    #[test]
    fn part_payments_in_any_cut_give_every_holder_the_same_at_every_sum() {
        for all in 1..=909 {
            let once = after(ShareRule::Running, &[all]);
            for cut in [1, all / 3, all - 1] {
                assert_eq!(after(ShareRule::Running, &[cut, all - cut]), once, "{cut} of {all}");
            }
        }
        assert_eq!(after(ShareRule::Running, &[1; 909]), [(100, 1), (333, 3), (467, 5)]);
    }

    /// A receivable from before the rule of running shares keeps the rule under which it began.
    #[test]
    fn by_payment_each_part_is_divided_by_itself_and_all_ends_exactly() {
        for cut in [1_usize, 7, 33, 450, 899] {
            let payments: Vec<i64> = (0..909).step_by(cut).map(|paid| (cut as i64).min(909 - paid as i64)).collect();
            assert_eq!(after(ShareRule::ByPayment, &payments), [(100, 1), (333, 3), (467, 5)], "cut {cut}");
        }
        let biased = after(ShareRule::ByPayment, &[1; 200]);
        assert_ne!(biased, after(ShareRule::Running, &[200]));
    }
}
