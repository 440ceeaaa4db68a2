//! Dividing an amount to the last unit: largest remainder, ties by position.

/// Splits `amount` in proportion to `weights` (all ≥ 0, not all zero, callers order them by a stable id).
///
/// The parts sum to `amount` exactly. No part exceeds its weight as long as `amount` does not exceed the
/// sum of weights. An empty or all-zero list, or a negative amount, gives `None`.
#[must_use]
pub fn allocate(amount: i64, weights: &[i64]) -> Option<Vec<i64>> {
    let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if amount < 0 || total <= 0 || weights.iter().any(|weight| *weight < 0) {
        return None;
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut given: i64 = 0;
    for (position, weight) in weights.iter().enumerate() {
        let product = i128::from(amount).checked_mul(i128::from(*weight))?;
        let part = i64::try_from(product / total).ok()?;
        given = given.checked_add(part)?;
        parts.push(part);
        remainders.push((product % total, position));
    }
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let left = usize::try_from(amount.checked_sub(given)?).ok()?;
    for (_, position) in remainders.into_iter().take(left) {
        let part = parts.get_mut(position)?;
        *part = part.checked_add(1)?;
    }
    Some(parts)
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
                assert_eq!(allocate(5, &weights), None);
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
        assert_eq!(allocate(1, &[i64::MAX, i64::MAX]), Some(vec![1, 0]));
        assert_eq!(allocate(-1, &[1]), None);
    }
}
