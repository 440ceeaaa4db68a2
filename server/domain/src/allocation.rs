//! Dividing an amount to the last unit: largest remainder, ties by a stable id.

/// How an amount is divided, small enough to be kept: with it every part can be told from its own weight, in any order and
/// at any time, and all of them sum to the amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Division {
    pub amount: i64,
    /// Sum of the weights.
    pub total: i64,
    /// Whoever has a larger remainder than this gets one unit more; with just this remainder, ids up to `odd_id` do.
    pub odd_remainder: i64,
    pub odd_id: i64,
}

impl Division {
    /// Divides `amount` in proportion to the weights (id, weight ≥ 0); of equal remainders the lower id comes first.
    ///
    /// No part exceeds its weight as long as `amount` does not exceed the sum of weights. A negative amount or weight gives
    /// `None`, and so does an amount with nobody to give it to.
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

    /// The whole units of a weight's exact part, and what remains, in parts of `total`.
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
}
