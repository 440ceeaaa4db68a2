//! Dividing an amount to the last unit. [`Division`] divides once, by largest remainder. [`Running`] divides an amount that comes
//! in parts; the cut into parts does not change the result. A stable id breaks ties.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// The plan of a division, small enough to be kept. It gives every part from its own weight alone, in any order and at any time.
/// All parts sum to the amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Division {
    pub amount: i64,
    /// Sum of the weights.
    pub total: i64,
    /// A weight with a larger remainder than this gets one unit more. With exactly this remainder, ids up to `odd_id` get one.
    pub odd_remainder: i64,
    pub odd_id: i64,
}

impl Division {
    /// Divides `amount` in proportion to the weights (id, weight ≥ 0); of equal remainders the lower id comes first.
    ///
    /// No part exceeds its weight as long as `amount` does not exceed the sum of weights. A negative amount or weight gives
    /// `None`. So does a positive amount when no weight is above zero.
    #[must_use]
    pub fn plan(amount: i64, weights: &[(i64, i64)]) -> Option<Self> {
        let total =
            weights.iter().try_fold(0_i64, |sum, (_, weight)| if *weight < 0 { None } else { sum.checked_add(*weight) })?;
        let none = Self { amount, total, odd_remainder: i64::MAX, odd_id: i64::MIN };
        if amount == 0 {
            return Some(none);
        }
        if amount < 0 || total == 0 {
            return None;
        }
        let mut given: i64 = 0;
        let mut remainders = Vec::with_capacity(weights.len());
        for (id, weight) in weights {
            let (part, remainder) = none.floor(*weight)?;
            given = given.checked_add(part)?;
            remainders.push((std::cmp::Reverse(remainder), *id));
        }
        let odd = usize::try_from(amount.checked_sub(given)?).ok()?;
        let Some(last) = odd.checked_sub(1) else { return Some(none) };
        if last >= remainders.len() {
            return None;
        }
        let (_, (remainder, id), _) = remainders.select_nth_unstable(last);
        Some(Self { odd_remainder: remainder.0, odd_id: *id, ..none })
    }

    /// The whole units of a weight's exact part, and the remainder, in parts of `total`.
    fn floor(&self, weight: i64) -> Option<(i64, i64)> {
        let product = i128::from(self.amount).checked_mul(i128::from(weight))?;
        let total = i128::from(self.total);
        Some((i64::try_from(product.checked_div(total)?).ok()?, i64::try_from(product.checked_rem(total)?).ok()?))
    }

    /// The part of one of the planned weights.
    #[must_use]
    pub fn share(&self, id: i64, weight: i64) -> Option<i64> {
        if self.amount == 0 {
            return Some(0);
        }
        let (part, remainder) = self.floor(weight)?;
        let odd = remainder > self.odd_remainder || (remainder == self.odd_remainder && id <= self.odd_id);
        part.checked_add(i64::from(odd))
    }
}

/// One share of a sum that is paid in parts: the whole share, and the part of it that was paid before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    pub id: i64,
    pub whole: i64,
    pub had: i64,
}

/// A further part of a sum, divided by Sainte-Laguë on all that has come so far. Each whole is divided by 1, 3, 5 and so on. The
/// largest of these quotients are served, one unit each. So a holder's total depends on the sum and not on the parts in which it
/// came. The plan is small enough to be kept, like [`Division`].
///
/// Source of the method: Sainte-Laguë, "La représentation proportionnelle et la méthode des moindres carrés", 1910.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Running {
    pub amount: i64,
    /// The amount that came before.
    pub before: i64,
    /// Sum of the wholes.
    pub total: i64,
    /// The quotient that was served last, as whole and divisor, and the id of its weight. Divisor 0: all has come.
    pub whole: i64,
    pub divisor: i64,
    pub id: i64,
}

/// One of the quotients. The largest is served first, and of equal ones that with the lowest id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Quotient {
    whole: i64,
    divisor: i64,
    id: i64,
}

impl Quotient {
    /// The quotient that gives a whole its unit of this number; the first has number 1.
    fn of(weight: &Weight, number: i64) -> Option<Self> {
        Some(Self { whole: weight.whole, divisor: number.checked_mul(2)?.checked_sub(1)?, id: weight.id })
    }
}

impl Ord for Quotient {
    fn cmp(&self, other: &Self) -> Ordering {
        let product = |whole: i64, divisor: i64| i128::from(whole).saturating_mul(i128::from(divisor));
        product(self.whole, other.divisor).cmp(&product(other.whole, self.divisor)).then(other.id.cmp(&self.id))
    }
}

impl PartialOrd for Quotient {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Running {
    /// Divides `amount` more among the weights. `None` where the weights are not valid, or where more comes than the wholes sum
    /// to.
    #[must_use]
    pub fn plan(amount: i64, weights: &[Weight]) -> Option<Self> {
        let fits = |weight: &Weight| (0..=weight.whole).contains(&weight.had);
        if amount < 0 || !weights.iter().all(fits) {
            return None;
        }
        let sum = |part: fn(&Weight) -> i64| weights.iter().try_fold(0_i64, |sum, weight| sum.checked_add(part(weight)));
        let (total, before) = (sum(|weight| weight.whole)?, sum(|weight| weight.had)?);
        let all = before.checked_add(amount)?;
        let none = Self { amount, before, total, ..Self::default() };
        match all.cmp(&total) {
            Ordering::Greater => None,
            Ordering::Equal => Some(none),
            Ordering::Less if amount == 0 => Some(none),
            Ordering::Less => {
                let last = last_served(all, total, weights)?;
                Some(Self { whole: last.whole, divisor: last.divisor, id: last.id, ..none })
            }
        }
    }

    /// The units that one of the planned weights gets of this part.
    #[must_use]
    pub fn share(&self, weight: &Weight) -> Option<i64> {
        if self.amount == 0 {
            return Some(0);
        }
        let served = if self.divisor == 0 { weight.whole } else { self.served(weight)? };
        served.checked_sub(weight.had).filter(|part| *part >= 0)
    }

    /// How many quotients of this weight are not below the last that was served.
    fn served(&self, weight: &Weight) -> Option<i64> {
        let product = i128::from(weight.whole).checked_mul(i128::from(self.divisor))?;
        let last = i128::from(self.whole);
        let above = product.checked_sub(1)?.max(0).checked_div(last)?;
        let ties = product.checked_rem(last)? == 0 && product.checked_div(last)?.checked_rem(2)? == 1 && weight.id <= self.id;
        i64::try_from(above.checked_add(1)?.checked_div(2)?.checked_add(i128::from(ties))?).ok()
    }
}

/// The last of the `all` largest quotients.
fn last_served(all: i64, total: i64, weights: &[Weight]) -> Option<Quotient> {
    // Rounding the exact parts serves exactly the quotients above some bound. The loops below remove or add units at that bound
    // until the count is right.
    let mut served = Vec::with_capacity(weights.len());
    let mut count = 0_i64;
    for weight in weights {
        let exact = i128::from(all).checked_mul(i128::from(weight.whole))?;
        let (part, rest) = (exact.checked_div(i128::from(total))?, exact.checked_rem(i128::from(total))?);
        let up = rest >= i128::from(total).checked_sub(rest)?;
        let part = i64::try_from(part).ok()?.checked_add(i64::from(up))?;
        count = count.checked_add(part)?;
        served.push(part);
    }
    let at = |(position, number): (usize, i64)| Some((Quotient::of(weights.get(position)?, number)?, position));
    let mut lasts: BinaryHeap<Reverse<(Quotient, usize)>> =
        served.iter().copied().enumerate().filter(|(_, part)| *part > 0).filter_map(at).map(Reverse).collect();
    while count > all {
        let Reverse((_, position)) = lasts.pop()?;
        let part = served.get_mut(position)?;
        *part = part.checked_sub(1)?;
        count = count.checked_sub(1)?;
        if *part > 0 {
            lasts.push(Reverse(at((position, *part))?));
        }
    }
    let mut last = lasts.pop().map(|Reverse((quotient, _))| quotient);
    if count < all {
        let following = |(position, part): (usize, i64)| at((position, part.checked_add(1)?));
        let mut nexts: BinaryHeap<(Quotient, usize)> = served.iter().copied().enumerate().filter_map(following).collect();
        while count < all {
            let (quotient, position) = nexts.pop()?;
            last = Some(quotient);
            let part = served.get_mut(position)?;
            *part = part.checked_add(1)?;
            count = count.checked_add(1)?;
            nexts.push(following((position, *part))?);
        }
    }
    last
}

/// Splits `amount` in proportion to `weights` at once, with the position as id.
#[must_use]
pub fn allocate(amount: i64, weights: &[i64]) -> Option<Vec<i64>> {
    let placed: Vec<(i64, i64)> = (0_i64..).zip(weights.iter().copied()).collect();
    let division = Division::plan(amount, &placed)?;
    placed.iter().map(|(id, weight)| division.share(*id, *weight)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_always_sum_and_never_exceed_their_weight() {
        let mut seed = 1_u64;
        let mut next = |bound: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 33) % bound) as i64
        };
        for _ in 0..20_000 {
            let weights: Vec<i64> = (0..=next(9)).map(|_| next(1_000)).collect();
            let total: i64 = weights.iter().sum();
            if total == 0 {
                continue;
            }
            let amount = next(total as u64 + 1);
            let parts = allocate(amount, &weights).unwrap();
            assert_eq!(parts.iter().sum::<i64>(), amount);
            assert!(parts.iter().zip(&weights).all(|(part, weight)| part <= weight));
        }
    }

    #[test]
    fn the_largest_remainder_gets_the_odd_unit_and_ties_go_by_position() {
        assert_eq!(allocate(100, &[1, 1, 1]), Some(vec![34, 33, 33]));
        assert_eq!(allocate(10, &[33, 33, 34]), Some(vec![3, 3, 4]));
        assert_eq!(allocate(1, &[i64::MAX / 2, i64::MAX / 2]), Some(vec![1, 0]));
        assert_eq!(allocate(1, &[i64::MAX, i64::MAX]), None, "weights that do not sum within 64 bits");
        assert_eq!(allocate(5, &[0, 0]), None);
        assert_eq!(allocate(7, &[0, 3, 0, 4]), Some(vec![0, 3, 0, 4]), "a weight of nothing gets nothing");
        assert_eq!(allocate(0, &[0, 3]), Some(vec![0, 0]));
        assert_eq!(allocate(3, &[5, -1]), None);
        assert_eq!(allocate(-1, &[1]), None);
    }

    fn weights(wholes: &[i64]) -> Vec<Weight> {
        (1..).zip(wholes).map(|(id, whole)| Weight { id, whole: *whole, had: 0 }).collect()
    }

    /// The total of each holder when the parts come one after the other.
    fn pay(wholes: &[i64], parts: &[i64]) -> Vec<i64> {
        let mut all = weights(wholes);
        for part in parts {
            let plan = Running::plan(*part, &all).unwrap();
            let shares: Vec<i64> = all.iter().map(|weight| plan.share(weight).unwrap()).collect();
            assert_eq!(shares.iter().sum::<i64>(), *part, "{wholes:?} {parts:?}");
            all.iter_mut().zip(&shares).for_each(|(weight, share)| weight.had += share);
        }
        all.iter().map(|weight| weight.had).collect()
    }

    /// The figures of the finding: 200 payments of one unit to 600 and 400, and two of one unit to 2, 1 and 1.
    #[test]
    fn part_payments_do_not_depend_on_the_cut() {
        assert_eq!(pay(&[600, 400], &[1; 200]), [120, 80]);
        assert_eq!(pay(&[600, 400], &[200]), [120, 80]);
        assert_eq!(pay(&[2, 1, 1], &[1, 1]), pay(&[2, 1, 1], &[2]));
        assert_eq!(pay(&[2, 1, 1], &[1, 1, 1, 1]), [2, 1, 1]);
        assert_eq!(pay(&[10_000, 333, 467], &[9_000]), pay(&[10_000, 333, 467], &[1, 8_000, 999]));
    }

    #[test]
    fn at_every_sum_shares_are_fair_never_fall_and_end_exactly() {
        let mut seed = 7_u64;
        let mut next = |bound: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 33) % bound) as i64
        };
        for round in 0..400 {
            let count = next(6) + 1;
            let wholes: Vec<i64> = (0..count).map(|_| next(if round % 2 == 0 { 9 } else { 60 })).collect();
            let total: i64 = wholes.iter().sum();
            let mut before = vec![0; wholes.len()];
            for all in 1..=total {
                let once = pay(&wholes, &[all]);
                for ((share, whole), earlier) in once.iter().zip(&wholes).zip(&before) {
                    assert!(share >= earlier && share <= whole, "{wholes:?} at {all}: {once:?}");
                    let off = (share * total - all * whole).abs();
                    assert!(off * 100 <= 150 * total, "{wholes:?} at {all}: {once:?} is {off} of {total} off");
                }
                let cut = next(all as u64 + 1);
                assert_eq!(pay(&wholes, &[cut, all - cut]), once, "{wholes:?} at {all} after {cut}");
                before = once;
            }
            assert_eq!(before, wholes);
        }
    }

    #[test]
    fn running_shares_hold_at_large_sums_and_refuse_what_does_not_fit() {
        let wholes = [i64::MAX / 4, i64::MAX / 4 - 1, 1];
        let total: i64 = wholes.iter().sum();
        for all in [1, total / 3, total - 1, total] {
            assert_eq!(pay(&wholes, &[all]), pay(&wholes, &[all / 2, all - all / 2]));
        }
        let some = weights(&[3, 4]);
        assert_eq!(Running::plan(8, &some), None, "more than there is");
        assert_eq!(Running::plan(-1, &some), None);
        assert_eq!(Running::plan(1, &[Weight { id: 1, whole: 2, had: 3 }]), None);
        assert_eq!(Running::plan(1, &weights(&[i64::MAX, 1])), None);
        assert_eq!(Running::plan(0, &[]).and_then(|plan| plan.share(&Weight::default())), Some(0));
        // A share below the amount that its holder had is no share.
        let plan = Running::plan(1, &some).unwrap();
        assert_eq!(plan.share(&Weight { id: 1, whole: 3, had: 3 }), None);
    }
}
