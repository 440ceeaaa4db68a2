//! The links of one account through the journal: a skew-binary list, so that any earlier leg is O(log n) away.
//!
//! The legs of an account form perfect trees of sizes 1, 3, 7, 15 …. A new leg roots the two newest trees when they are of one
//! size, or else stands alone. A leg's jump leads to the root of the next older tree.

use crate::model::TransferNumber;

/// A tree of 2^order − 1 legs, newest at its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    pub root: TransferNumber,
    pub order: u8,
}

/// The roots that the account row keeps to link its next leg, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    trees: Vec<Tree>,
}

/// The stored bytes are not a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorruptChain;

const TREE_BYTES: usize = 9;

impl Chain {
    /// The account's newest leg, or number zero.
    #[must_use]
    pub fn last(&self) -> TransferNumber {
        self.trees.last().map_or(TransferNumber(0), |tree| tree.root)
    }

    /// Appends a leg and returns its links: (previous, jump).
    pub fn push(&mut self, number: TransferNumber) -> (TransferNumber, TransferNumber) {
        let previous = self.last();
        let mut order = 1;
        if let [.., older, newer] = self.trees.as_slice()
            && older.order == newer.order
        {
            order = newer.order.saturating_add(1);
            self.trees.truncate(self.trees.len().saturating_sub(2));
        }
        let jump = self.last();
        self.trees.push(Tree { root: number, order });
        (previous, jump)
    }

    /// Nine bytes a tree, oldest first: root as i64 little-endian, then the order.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.trees.len().saturating_mul(TREE_BYTES));
        for tree in &self.trees {
            bytes.extend_from_slice(&tree.root.0.to_le_bytes());
            bytes.push(tree.order);
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CorruptChain> {
        let mut trees = Vec::with_capacity(bytes.len() / TREE_BYTES);
        for piece in bytes.chunks(TREE_BYTES) {
            let (root, order) = piece.split_at_checked(8).ok_or(CorruptChain)?;
            let root = i64::from_le_bytes(root.try_into().map_err(|_| CorruptChain)?);
            let [order] = order else { return Err(CorruptChain) };
            trees.push(Tree { root: TransferNumber(root), order: *order });
        }
        Ok(Self { trees })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn every_earlier_leg_is_a_few_steps_away() {
        let mut chain = Chain::default();
        let mut links = HashMap::new();
        let total = 5_000_i64;
        for position in 1..=total {
            // Gaps between numbers, as in a real journal where other accounts have legs too.
            let number = TransferNumber(position * 7);
            links.insert(number, chain.push(number));
        }
        let mut worst = 0;
        for wanted in 1..=total {
            let bound = TransferNumber(wanted * 7 + 3);
            let (mut at, mut steps) = (chain.last(), 0);
            while at > bound {
                let (previous, jump) = links[&at];
                at = if jump > bound { jump } else { previous };
                steps += 1;
            }
            assert_eq!(at, TransferNumber(wanted * 7));
            worst = worst.max(steps);
        }
        assert!(worst <= 3 * 13, "log2(5000) is about 12.3; took {worst} steps");
    }

    #[test]
    fn bytes_round_trip_and_garbage_is_refused() {
        let mut chain = Chain::default();
        for position in 1..=100 {
            chain.push(TransferNumber(position));
        }
        assert_eq!(Chain::from_bytes(&chain.to_bytes()), Ok(chain));
        assert_eq!(Chain::from_bytes(&[1, 2, 3]), Err(CorruptChain));
    }
}
