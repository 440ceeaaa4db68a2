//! The Merkle *sum* tree of one asset: a salted leaf for each account, sums of both sides in every node. Debit side and
//! credit side must be equal at the root, so no holder can be left out and no unit counted twice.

use crate::digest::{Hash, hex, sha256, unhex};
use crate::tree::{sides, split};

/// The balance of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Whether the account grows on the debit side, as money at the bank and issued units do.
    pub debit_side: bool,
    pub kind: String,
    pub owner: i64,
    pub asset: i64,
    /// In the asset's smallest unit; never negative.
    pub amount: i64,
    pub salt: Hash,
}

/// The first line of a leaf, version 1.
const VERSION: &str = "kontor/balance/1";
/// The lines of a leaf.
pub const LINES: usize = 7;

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

impl Balance {
    /// The leaf's bytes: 7 lines, each ended by a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        let side = if self.debit_side { "debit" } else { "credit" };
        format!("{VERSION}\n{side}\n{}\n{}\n{}\n{}\n{}\n", self.kind, self.owner, self.asset, self.amount, hex(&self.salt))
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split('\n').skip(1);
        let mut line = || lines.next();
        let debit_side = line()? == "debit";
        let (kind, owner, asset, amount, salt) = (line()?, line()?, line()?, line()?, line()?);
        let read = Self {
            debit_side,
            kind: kind.to_owned(),
            owner: owner.parse().ok()?,
            asset: asset.parse().ok()?,
            amount: amount.parse().ok()?,
            salt: unhex(salt)?,
        };
        (is_word(kind) && read.amount >= 0 && read.owner >= 0 && read.asset >= 0 && read.to_text() == text).then_some(read)
    }

    /// The leaf as a node of the tree.
    #[must_use]
    pub fn node(&self) -> SumNode {
        let hash = sha256(&[&[2], self.to_text().as_bytes()]);
        let (debit, credit) = if self.debit_side { (self.amount, 0) } else { (0, self.amount) };
        SumNode { hash, debit, credit }
    }
}

/// A node: the digest of the nodes under it, and its sums by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SumNode {
    pub hash: Hash,
    pub debit: i64,
    pub credit: i64,
}

/// A sum that is negative or no longer fits into 63 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumOverflow;

impl SumNode {
    /// The node above two. Negative amounts and sums that overflow are refused, or a lie could hide in them.
    pub fn join(left: &Self, right: &Self) -> Result<Self, SumOverflow> {
        if [left.debit, left.credit, right.debit, right.credit].iter().any(|amount| *amount < 0) {
            return Err(SumOverflow);
        }
        let mut parts: Vec<u8> = vec![3];
        for child in [left, right] {
            parts.extend_from_slice(&child.hash);
            parts.extend_from_slice(&child.debit.to_be_bytes());
            parts.extend_from_slice(&child.credit.to_be_bytes());
        }
        let sum = |a: i64, b: i64| a.checked_add(b).ok_or(SumOverflow);
        Ok(Self { hash: sha256(&[&parts]), debit: sum(left.debit, right.debit)?, credit: sum(left.credit, right.credit)? })
    }

    /// `hash debit credit`
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{} {} {}", hex(&self.hash), self.debit, self.credit)
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (hash, debit, credit) = (words.next()?, words.next()?, words.next()?);
        let read = Self { hash: unhex(hash)?, debit: debit.parse().ok()?, credit: credit.parse().ok()? };
        (read.to_text() == text).then_some(read)
    }
}

/// All leaves of one asset, in the order of their hashes, so that a neighbour's place says nothing about who it is.
#[derive(Clone, Debug, Default)]
pub struct SumTree {
    leaves: Vec<SumNode>,
}

impl SumTree {
    /// A tree of the balances that are above zero.
    #[must_use]
    pub fn new<'a>(balances: impl IntoIterator<Item = &'a Balance>) -> Self {
        let mut leaves: Vec<SumNode> = balances.into_iter().filter(|balance| balance.amount != 0).map(Balance::node).collect();
        leaves.sort_unstable();
        Self { leaves }
    }

    #[must_use]
    pub fn size(&self) -> u64 {
        u64::try_from(self.leaves.len()).unwrap_or(u64::MAX)
    }

    /// The root; None for a tree without leaves.
    pub fn root(&self) -> Result<Option<SumNode>, SumOverflow> {
        if self.leaves.is_empty() { Ok(None) } else { join_all(&self.leaves).map(Some) }
    }

    /// Place and siblings of a leaf, from the leaf up.
    pub fn path(&self, leaf: &SumNode) -> Result<Option<(u64, Vec<SumNode>)>, SumOverflow> {
        let Some(index) = self.leaves.iter().position(|node| node == leaf) else { return Ok(None) };
        let (mut rest, mut at, mut path) = (self.leaves.as_slice(), index, Vec::new());
        while rest.len() > 1 {
            let (left, right) = halves(rest);
            if at < left.len() {
                path.push(join_all(right)?);
                rest = left;
            } else {
                at -= left.len();
                path.push(join_all(left)?);
                rest = right;
            }
        }
        path.reverse();
        Ok(Some((u64::try_from(index).unwrap_or(u64::MAX), path)))
    }
}

fn halves(leaves: &[SumNode]) -> (&[SumNode], &[SumNode]) {
    let middle = split(u64::try_from(leaves.len()).unwrap_or(u64::MAX));
    leaves.split_at(usize::try_from(middle).unwrap_or(leaves.len()).min(leaves.len()))
}

fn join_all(leaves: &[SumNode]) -> Result<SumNode, SumOverflow> {
    match leaves {
        [only] => Ok(*only),
        more => {
            let (left, right) = halves(more);
            SumNode::join(&join_all(left)?, &join_all(right)?)
        }
    }
}

/// Climbs from a leaf to the root that its siblings lead to; None when path and place do not belong together or a
/// sum overflows.
#[must_use]
pub fn climb(leaf: SumNode, index: u64, size: u64, path: &[SumNode]) -> Option<SumNode> {
    let sides = sides(index, size, path.len())?;
    path.iter().zip(sides).try_fold(leaf, |node, (sibling, left)| {
        if left { SumNode::join(sibling, &node) } else { SumNode::join(&node, sibling) }.ok()
    })
}

/// The entry of one asset in the day's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetEntry {
    /// The version of the day's tree that holds the entry.
    pub version: u8,
    pub asset: i64,
    /// `currency`, `fractions`, `reserve` or `other`.
    pub class: String,
    /// The currency's code, or the receivable's reference.
    pub name: String,
    /// The currency in whose minor unit a unit of the asset counts.
    pub currency: String,
    /// Accounts with a balance.
    pub leaves: u64,
    pub root: SumNode,
    /// For a receivable: the digests of its frozen terms, of the invoice's document and of the undertaking.
    pub documents: Option<[Hash; 3]>,
}

/// The lines of an entry.
pub const ENTRY_LINES: usize = 8;

impl AssetEntry {
    /// The first line of an entry. Both versions have the same lines after it. Module `naming` holds the rules of version 2 for
    /// them.
    #[must_use]
    pub fn first_line(version: u8) -> &'static str {
        if version == 1 { "kontor/asset/1" } else { "kontor/asset/2" }
    }

    /// The leaf's bytes in the day's tree, which is hashed as the log is: 8 lines, each ended by a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        let documents = self.documents.as_ref().map_or_else(
            || "-".to_owned(),
            |[terms, document, undertaking]| format!("{} {} {}", hex(terms), hex(document), hex(undertaking)),
        );
        let Self { version, asset, class, name, currency, leaves, root, .. } = self;
        let first = Self::first_line(*version);
        format!("{first}\n{asset}\n{class}\n{name}\n{currency}\n{leaves}\n{}\n{documents}\n", root.to_text())
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let mut line = || lines.next();
        let version = if line()? == Self::first_line(1) { 1 } else { 2 };
        let (asset, class, name, currency, leaves, root, documents) =
            (line()?, line()?, line()?, line()?, line()?, line()?, line()?);
        let documents = if documents == "-" {
            None
        } else {
            let hashes: Vec<Hash> = documents.split(' ').map(unhex).collect::<Option<_>>()?;
            Some(hashes.try_into().ok()?)
        };
        let read = Self {
            version,
            asset: asset.parse().ok()?,
            class: class.to_owned(),
            name: name.to_owned(),
            currency: currency.to_owned(),
            leaves: leaves.parse().ok()?,
            root: SumNode::parse(root)?,
            documents,
        };
        (read.asset >= 0 && read.to_text() == text).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(owner: i64, amount: i64) -> Balance {
        let debit_side = owner == 0;
        let kind = if debit_side { "issued" } else { "holding" };
        Balance { debit_side, kind: kind.to_owned(), owner, asset: 10_050, amount, salt: sha256(&[&owner.to_be_bytes()]) }
    }

    #[test]
    fn sums_reach_the_root_and_every_leaf_has_its_path() {
        for holders in 1..40_i64 {
            let mut all: Vec<Balance> = (1..=holders).map(|owner| balance(owner, owner * 10)).collect();
            let issued = all.iter().map(|leaf| leaf.amount).sum();
            all.push(balance(0, issued));
            let tree = SumTree::new(&all);
            let root = tree.root().unwrap().unwrap();
            assert_eq!((root.debit, root.credit, tree.size()), (issued, issued, u64::try_from(holders + 1).unwrap()));
            for leaf in &all {
                let (index, path) = tree.path(&leaf.node()).unwrap().unwrap();
                assert_eq!(climb(leaf.node(), index, tree.size(), &path), Some(root));
                let richer = Balance { amount: leaf.amount + 1, ..leaf.clone() };
                assert_ne!(climb(richer.node(), index, tree.size(), &path), Some(root));
                assert_ne!(climb(leaf.node(), index + 1, tree.size(), &path), Some(root));
                for at in 0..path.len() {
                    let mut changed = path.clone();
                    changed[at].credit += 1;
                    assert_ne!(climb(leaf.node(), index, tree.size(), &changed), Some(root));
                }
                assert_eq!(Balance::parse(&leaf.to_text()), Some(leaf.clone()));
            }
            assert_eq!(tree.path(&balance(99, 1).node()), Ok(None));
        }
        assert_eq!(SumTree::new(&[balance(1, 0)]).root(), Ok(None), "empty accounts have no leaf");
    }

    #[test]
    fn overflow_and_negative_amounts_are_refused() {
        let (most, one) = (balance(1, i64::MAX).node(), balance(2, 1).node());
        assert_eq!(SumNode::join(&most, &one), Err(SumOverflow));
        assert_eq!(SumNode::join(&one, &SumNode { credit: -1, ..one }), Err(SumOverflow));
        assert_eq!(SumNode::join(&SumNode { debit: -1, ..one }, &one), Err(SumOverflow));
        assert_eq!(SumTree::new(&[balance(1, i64::MAX), balance(2, 1)]).root(), Err(SumOverflow));
        for wrong in ["-1", "+1", "01", " 1", "9223372036854775808", ""] {
            let text = balance(1, 7).to_text().replace("\n7\n", &format!("\n{wrong}\n"));
            assert_eq!(Balance::parse(&text), None, "{wrong}");
        }
    }

    #[test]
    fn order_and_side_count() {
        let (a, b) = (balance(1, 5).node(), balance(2, 5).node());
        assert_ne!(SumNode::join(&a, &b), SumNode::join(&b, &a));
        let swapped = Balance { debit_side: true, ..balance(1, 5) };
        assert_ne!(swapped.node().hash, a.hash);
    }

    #[test]
    fn entries_read_back_strictly() {
        let entry = AssetEntry {
            version: 1,
            asset: 10_050,
            class: "fractions".to_owned(),
            name: "RF18R10050".to_owned(),
            currency: "EUR".to_owned(),
            leaves: 2,
            root: balance(1, 5).node(),
            documents: Some([[1; 32], [2; 32], [3; 32]]),
        };
        let text = entry.to_text();
        assert_eq!(text.lines().count(), ENTRY_LINES);
        assert_eq!(AssetEntry::parse(&text), Some(entry.clone()));
        let currency = AssetEntry { documents: None, ..entry };
        assert_eq!(AssetEntry::parse(&currency.to_text()), Some(currency));
        let second = text.replacen("asset/1", "asset/2", 1);
        assert_eq!(AssetEntry::parse(&second).map(|entry| entry.version), Some(2));
        assert_eq!(AssetEntry::parse(&text.replacen("asset/1", "asset/3", 1)), None);
        assert_eq!(AssetEntry::parse(&text.replace("\n2\n", "\n02\n")), None);
        assert_eq!(AssetEntry::parse(&format!("{text}x")), None);
    }
}
