//! The ordered Merkle tree. Every node bears the least and the largest key under it. Two nodes join only when the left one's
//! largest key is below the right one's least. So no key stands under a root twice, and two paths to one root show it.

use crate::digest::{Hash, hex, sha256, unhex};
use crate::tree::{sides, split};

/// A leaf's key: 33 bytes, compared as they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub [u8; 33]);

impl Key {
    /// 0x00, 24 times 0x00, and the asset's number in 8 bytes, the most significant one first.
    #[must_use]
    pub fn of_asset(asset: i64) -> Self {
        let mut bytes = [0; 33];
        for (place, byte) in bytes.iter_mut().skip(25).zip(asset.to_be_bytes()) {
            *place = byte;
        }
        Self(bytes)
    }

    /// 0x01, and the undertaking's digest.
    #[must_use]
    pub fn of_undertaking(undertaking: &Hash) -> Self {
        let mut bytes = [1; 33];
        for (place, byte) in bytes.iter_mut().skip(1).zip(undertaking) {
            *place = *byte;
        }
        Self(bytes)
    }

    /// From exactly 66 lower-case hexadecimal digits.
    fn parse(text: &str) -> Option<Self> {
        let (first, rest) = text.split_at_checked(2)?;
        let hash = unhex(rest)?;
        let mut key = Self::of_undertaking(&hash);
        let [place, ..] = &mut key.0;
        *place = u8::from_str_radix(first, 16).ok()?;
        (hex(&key.0) == text).then_some(key)
    }
}

/// A node: the digest of the nodes under it, and the ends of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderedNode {
    pub hash: Hash,
    pub least: Key,
    pub largest: Key,
}

impl OrderedNode {
    #[must_use]
    pub fn leaf(key: Key, content: &[u8]) -> Self {
        Self { hash: sha256(&[&[4], content]), least: key, largest: key }
    }

    /// The node above two; None where their keys do not ascend.
    #[must_use]
    pub fn join(left: &Self, right: &Self) -> Option<Self> {
        let ascends = left.least <= left.largest && left.largest < right.least && right.least <= right.largest;
        ascends.then(|| {
            let parts: [&[u8]; 7] =
                [&[5], &left.hash, &left.least.0, &left.largest.0, &right.hash, &right.least.0, &right.largest.0];
            Self { hash: sha256(&parts), least: left.least, largest: right.largest }
        })
    }

    /// `hash least largest`
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{} {} {}", hex(&self.hash), hex(&self.least.0), hex(&self.largest.0))
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let read = Self { hash: unhex(words.next()?)?, least: Key::parse(words.next()?)?, largest: Key::parse(words.next()?)? };
        words.next().is_none().then_some(read)
    }
}

/// Climbs from a leaf to the root to which its siblings lead. None when path and place do not belong together or keys do not
/// ascend.
#[must_use]
pub fn climb(leaf: OrderedNode, index: u64, size: u64, path: &[OrderedNode]) -> Option<OrderedNode> {
    let sides = sides(index, size, path.len())?;
    path.iter().zip(sides).try_fold(leaf, |node, (sibling, left)| {
        if left { OrderedNode::join(sibling, &node) } else { OrderedNode::join(&node, sibling) }
    })
}

/// Keys that do not ascend: one stands twice, or in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disorder;

/// A tree that grows by its leaves and keeps only the roots of its complete subtrees.
#[derive(Clone, Debug, Default)]
pub struct OrderedFrontier {
    size: u64,
    peaks: Vec<OrderedNode>,
}

impl OrderedFrontier {
    /// Appends a leaf and names every subtree that it completes by its level; a leaf is level 0.
    pub fn push(&mut self, leaf: OrderedNode, mut completed: impl FnMut(u32, &OrderedNode)) -> Result<(), Disorder> {
        if self.peaks.last().is_some_and(|last| last.largest >= leaf.least) {
            return Err(Disorder);
        }
        let mut node = leaf;
        completed(0, &node);
        for level in 1..=self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { continue };
            node = OrderedNode::join(&left, &node).ok_or(Disorder)?;
            completed(level, &node);
        }
        self.peaks.push(node);
        self.size += 1;
        Ok(())
    }

    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root's hash; that of no bytes for a tree without leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return sha256(&[]) };
        // Leaves that were appended in order join in order.
        peaks.fold(*last, |right, left| OrderedNode::join(left, &right).unwrap_or(right)).hash
    }
}

/// A tree in memory, its complete subtrees by level, so that many paths cost little.
#[derive(Clone, Debug, Default)]
pub struct OrderedTree {
    frontier: OrderedFrontier,
    levels: Vec<Vec<OrderedNode>>,
}

impl OrderedTree {
    pub fn new(leaves: impl IntoIterator<Item = OrderedNode>) -> Result<Self, Disorder> {
        let (mut frontier, mut levels) = (OrderedFrontier::default(), Vec::<Vec<OrderedNode>>::new());
        for leaf in leaves {
            frontier.push(leaf, |level, node| {
                let level = usize::try_from(level).unwrap_or(usize::MAX);
                if levels.len() <= level {
                    levels.push(Vec::new());
                }
                if let Some(row) = levels.get_mut(level) {
                    row.push(*node);
                }
            })?;
        }
        Ok(Self { frontier, levels })
    }

    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The node over the leaves `from` up to, not including, `to`.
    fn range(&self, from: u64, to: u64) -> Option<OrderedNode> {
        let width = to.checked_sub(from).filter(|width| *width > 0)?;
        if width.is_power_of_two() && from.is_multiple_of(width) {
            let (level, index) = (usize::try_from(width.trailing_zeros()).ok()?, usize::try_from(from / width).ok()?);
            return self.levels.get(level)?.get(index).copied();
        }
        let middle = from + split(width);
        OrderedNode::join(&self.range(from, middle)?, &self.range(middle, to)?)
    }

    /// Place and siblings of the leaf with this key, from the leaf up.
    #[must_use]
    pub fn path(&self, key: &Key) -> Option<(u64, Vec<OrderedNode>)> {
        let index = self.levels.first()?.binary_search_by_key(key, |leaf| leaf.least).ok()?;
        let index = u64::try_from(index).ok()?;
        let (mut from, mut to, mut path) = (0, self.size(), Vec::new());
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(self.range(middle, to)?);
                to = middle;
            } else {
                path.push(self.range(from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Some((index, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(asset: i64) -> OrderedNode {
        OrderedNode::leaf(Key::of_asset(asset), &asset.to_be_bytes())
    }

    #[test]
    fn every_leaf_climbs_to_the_root_from_its_place_alone() {
        for size in 1..40_i64 {
            let tree = OrderedTree::new((1..=size).map(leaf)).unwrap();
            let whole = u64::try_from(size).unwrap();
            assert_eq!(tree.size(), whole);
            for asset in 1..=size {
                let (index, path) = tree.path(&Key::of_asset(asset)).unwrap();
                let root = climb(leaf(asset), index, whole, &path).unwrap();
                assert_eq!((root.hash, root.least, root.largest), (tree.root(), Key::of_asset(1), Key::of_asset(size)));
                assert_ne!(climb(leaf(asset + 1), index, whole, &path).map(|node| node.hash), Some(tree.root()));
                for at in 0..path.len() {
                    let (low, high) = (Key([0; 33]), Key([2; 33]));
                    for stated in [OrderedNode { largest: high, ..path[at] }, OrderedNode { least: low, ..path[at] }] {
                        let mut changed = path.clone();
                        changed[at] = stated;
                        assert_ne!(climb(leaf(asset), index, whole, &changed).map(|node| node.hash), Some(tree.root()));
                    }
                }
                assert!(path.iter().all(|node| OrderedNode::parse(&node.to_text()) == Some(*node)));
            }
            assert_eq!(tree.path(&Key::of_asset(size + 1)), None);
        }
        assert_eq!(OrderedTree::new([]).unwrap().root(), sha256(&[]));
    }

    #[test]
    fn keys_ascend_or_nothing_joins() {
        assert_eq!(OrderedTree::new([leaf(1), leaf(1)]).err(), Some(Disorder));
        assert_eq!(OrderedTree::new([leaf(2), leaf(1)]).err(), Some(Disorder));
        assert_eq!(OrderedTree::new([leaf(1), leaf(2), leaf(3), leaf(3)]).err(), Some(Disorder));
        assert_eq!(OrderedNode::join(&leaf(5), &leaf(5)), None);
        assert_eq!(OrderedNode::join(&leaf(5), &leaf(4)), None);
        // A node that states its ends the wrong way round could hide a key between them.
        let (low, high) = (Key::of_asset(1), Key::of_asset(9));
        assert_eq!(OrderedNode::join(&OrderedNode { least: high, largest: low, ..leaf(1) }, &leaf(20)), None);
        assert_eq!(OrderedNode::join(&leaf(0), &OrderedNode { least: high, largest: low, ..leaf(1) }), None);
        assert!(Key::of_asset(i64::MAX) < Key::of_undertaking(&[0; 32]), "assets stand before undertakings");
    }

    /// A platform may state false ends for one of two leaves with the same key. It then convinces only the holder of the other
    /// leaf.
    #[test]
    fn of_two_leaves_with_one_key_one_climbs() {
        let (one, other) = (OrderedNode::leaf(Key::of_asset(5), b"one"), OrderedNode::leaf(Key::of_asset(5), b"other"));
        let stated = OrderedNode { least: Key::of_asset(6), largest: Key::of_asset(7), ..other };
        let root = OrderedNode::join(&one, &stated).unwrap();
        assert_eq!(climb(one, 0, 2, &[stated]), Some(root));
        for sibling in [one, OrderedNode { least: Key::of_asset(3), largest: Key::of_asset(4), ..one }] {
            assert_ne!(climb(other, 1, 2, &[sibling]).map(|node| node.hash), Some(root.hash));
        }
    }

    #[test]
    fn nodes_read_back_strictly() {
        let text = leaf(10_050).to_text();
        for wrong in
            [format!("{text} "), text.to_uppercase(), text.replacen("00", "0", 1), text.replace(' ', "  "), String::new()]
        {
            assert_eq!(OrderedNode::parse(&wrong), None, "{wrong}");
        }
        let plus = text.replacen(" 00", " +0", 1);
        assert_eq!(OrderedNode::parse(&plus), None);
    }
}
