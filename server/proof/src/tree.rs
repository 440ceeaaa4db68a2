//! The Merkle tree of RFC 6962 and RFC 9162: growing it by its frontier, proofs of inclusion and of consistency, and
//! their verifiers.

use crate::digest::{Hash, node_hash, sha256};

/// The root of a tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The parts of a tree that it needs to grow: its size and the roots of its complete subtrees, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// None when the number of peaks does not belong to the size.
    #[must_use]
    pub fn new(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        let wanted = usize::try_from(size.count_ones()).ok()?;
        (wanted == peaks.len()).then_some(Self { size, peaks })
    }

    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf and names every subtree that it completes: its level (a leaf is level 0), its index and its hash.
    pub fn push(&mut self, leaf: Hash, mut completed: impl FnMut(u32, u64, &Hash)) {
        let merges = self.size.trailing_ones();
        let mut hash = leaf;
        completed(0, self.size, &hash);
        for level in 1..=merges {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
                completed(level, self.size >> level, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The source of the hashes of complete subtrees.
pub trait Nodes {
    type Error;
    /// The root of the complete subtree number `index` of 2^`level` leaves.
    fn node(&mut self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The largest power of two below `size`, which is 2 or more.
pub(crate) fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// The hash of leaves `from` up to, not including, `to`, a range that RFC 6962 names.
fn range_hash<N: Nodes>(nodes: &mut N, from: u64, to: u64) -> Result<Hash, N::Error> {
    let width = to - from;
    if width == 0 {
        return Ok(empty_root());
    }
    if width.is_power_of_two() && from.is_multiple_of(width) {
        return nodes.node(width.trailing_zeros(), from / width);
    }
    let middle = from + split(width);
    Ok(node_hash(&range_hash(nodes, from, middle)?, &range_hash(nodes, middle, to)?))
}

/// The root of the tree's first `size` leaves.
pub fn root_at<N: Nodes>(nodes: &mut N, size: u64) -> Result<Hash, N::Error> {
    range_hash(nodes, 0, size)
}

/// RFC 6962 section 2.1.1: the audit path of leaf `index` in a tree of `size` leaves, from the leaf up. Empty when
/// there is no such leaf.
pub fn inclusion<N: Nodes>(nodes: &mut N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut path = Vec::new();
    let (mut from, mut to) = (0, size);
    while index < size && to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range_hash(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range_hash(nodes, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// RFC 6962 section 2.1.2: the proof that the tree of `new` leaves begins with the tree of `old` leaves. Empty when
/// `old` is zero or both are equal.
pub fn consistency<N: Nodes>(nodes: &mut N, old: u64, new: u64) -> Result<Vec<Hash>, N::Error> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    let (mut from, mut to) = (0, new);
    // The old tree's own root needs no proof while everything so far lay left of the cut.
    let mut whole = true;
    while to != old {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(range_hash(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range_hash(nodes, from, middle)?);
            from = middle;
            whole = false;
        }
    }
    if !whole {
        path.push(range_hash(nodes, from, to)?);
    }
    path.reverse();
    Ok(path)
}

/// The sides of a path of `length` siblings from leaf `index` to the root of a tree of `size` leaves. For each step from the leaf
/// up: whether the sibling stands on the left. None when path and place do not belong together.
#[must_use]
pub fn sides(index: u64, size: u64, length: usize) -> Option<Vec<bool>> {
    if index >= size {
        return None;
    }
    let (mut here, mut last) = (index, size - 1);
    let mut sides = Vec::with_capacity(length);
    while last > 0 {
        if here & 1 == 1 {
            sides.push(true);
        } else if here < last {
            sides.push(false);
        }
        (here, last) = (here >> 1, last >> 1);
    }
    (sides.len() == length).then_some(sides)
}

/// RFC 9162 section 2.1.3.2.
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    let Some(sides) = sides(index, size, path.len()) else { return false };
    let climbed = path
        .iter()
        .zip(sides)
        .fold(*leaf, |hash, (sibling, left)| if left { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) });
    climbed == *root
}

/// RFC 9162 section 2.1.4.2.
#[must_use]
pub fn verify_consistency(old: u64, new: u64, path: &[Hash], old_root: &Hash, new_root: &Hash) -> bool {
    if old > new {
        return false;
    }
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return path.is_empty() && *old_root == empty_root();
    }
    let mut steps = path.iter();
    let (mut here, mut last) = (old - 1, new - 1);
    while here & 1 == 1 {
        (here, last) = (here >> 1, last >> 1);
    }
    let seed = if old.is_power_of_two() { Some(old_root) } else { steps.next() };
    let Some(seed) = seed else { return false };
    let (mut first, mut second) = (*seed, *seed);
    for sibling in steps {
        if last == 0 {
            return false;
        }
        if here & 1 == 1 || here == last {
            first = node_hash(sibling, &first);
            second = node_hash(sibling, &second);
            while here & 1 == 0 && here != 0 {
                (here, last) = (here >> 1, last >> 1);
            }
        } else {
            second = node_hash(&second, sibling);
        }
        (here, last) = (here >> 1, last >> 1);
    }
    last == 0 && first == *old_root && second == *new_root
}

#[cfg(test)]
mod tests;
