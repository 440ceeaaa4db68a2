//! Choices that are the same in every run, for the demo's history and the benches. Never for secrets.

/// splitmix64, seeded.
pub struct Dice(pub u64);

impl Dice {
    /// 0 up to, not including, `sides`.
    pub fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let sides = u64::try_from(sides.max(1)).unwrap_or(1);
        i64::try_from((z ^ (z >> 31)) % sides).unwrap_or(0)
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let length = i64::try_from(list.len()).unwrap_or(0);
        list.get(usize::try_from(self.roll(length)).unwrap_or(0))
    }
}
