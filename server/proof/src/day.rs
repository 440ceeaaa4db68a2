//! The day's tree, version 2: the entries of all assets and the undertakings behind them, in the order of their keys.

use crate::balance::AssetEntry;
use crate::digest::{Hash, unhex};
use crate::naming::{Undertaking, receivable_of};
use crate::ordered::{Disorder, Key, OrderedFrontier, OrderedNode, OrderedTree};

/// The parts of an entry that the tree needs. It does not read the whole entry, because each end of day reads many thousands.
fn glance(entry: &str) -> Option<(i64, Option<Undertaking>)> {
    let mut lines = entry.split('\n').skip(1);
    let (asset, class, documents) = (lines.next()?.parse().ok()?, lines.next()?, lines.nth(4)?);
    let Some(receivable) = receivable_of(class, asset) else { return Some((asset, None)) };
    let hash = documents.split(' ').nth(2).and_then(unhex);
    Some((asset, hash.map(|hash| Undertaking { hash, receivable })))
}

/// Names each leaf in the order of the keys. The entries stand in ascending order of their assets.
///
/// An undertaking stands behind one receivable. If two receivables had it, the one with the smaller number would get it. The
/// other could not be proven.
fn each_leaf<'a>(
    entries: impl Iterator<Item = &'a str>,
    mut push: impl FnMut(OrderedNode) -> Result<(), Disorder>,
) -> Result<(), Disorder> {
    let mut undertakings = Vec::new();
    for entry in entries {
        let (asset, undertaking) = glance(entry).ok_or(Disorder)?;
        undertakings.extend(undertaking.map(|one| (one.hash, one.receivable)));
        push(OrderedNode::leaf(Key::of_asset(asset), entry.as_bytes()))?;
    }
    undertakings.sort_unstable();
    undertakings.dedup_by_key(|(hash, _)| *hash);
    undertakings.into_iter().try_for_each(|(hash, receivable)| push(Undertaking { hash, receivable }.node()))
}

/// Number of leaves and root of the tree over a day's entries.
pub fn root<'a>(entries: impl Iterator<Item = &'a str>) -> Result<(u64, Hash), Disorder> {
    let mut frontier = OrderedFrontier::default();
    each_leaf(entries, |leaf| frontier.push(leaf, |_, _| {}))?;
    Ok((frontier.size(), frontier.root()))
}

/// The same tree in memory, for paths.
pub fn tree<'a>(entries: impl Iterator<Item = &'a str>) -> Result<OrderedTree, Disorder> {
    let mut leaves = Vec::new();
    each_leaf(entries, |leaf| {
        leaves.push(leaf);
        Ok(())
    })?;
    OrderedTree::new(leaves)
}

/// An entry's text in the version of its day. A day takes entries that have not changed since over from older days.
#[must_use]
pub fn entry_of_version(entry: String, version: u8) -> String {
    match (version, entry.strip_prefix(AssetEntry::first_line(1))) {
        (2, Some(rest)) => format!("{}{rest}", AssetEntry::first_line(2)),
        _ => entry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::SumNode;
    use crate::naming::reference;

    fn entry(class: &str, asset: i64, undertaking: u8) -> String {
        let root = SumNode { hash: [9; 32], debit: 5, credit: 5 };
        let name = receivable_of(class, asset).map_or_else(|| "EUR".to_owned(), reference);
        let documents = receivable_of(class, asset).map(|_| [[1; 32], [2; 32], [undertaking; 32]]);
        let (class, currency) = (class.to_owned(), "EUR".to_owned());
        AssetEntry { version: 2, asset, class, name, currency, leaves: 2, root, documents }.to_text()
    }

    #[test]
    fn each_undertaking_is_one_leaf() {
        let all = [
            entry("currency", 978, 0),
            entry("fractions", 10_050, 8),
            entry("reserve", 10_051, 8),
            entry("fractions", 10_060, 7),
            // The undertaking of the first one, once more.
            entry("fractions", 10_070, 8),
        ];
        let tree = tree(all.iter().map(String::as_str)).unwrap();
        assert_eq!(root(all.iter().map(String::as_str)), Ok((7, tree.root())));
        let place = |undertaking: Undertaking| tree.path(&undertaking.node().least).map(|(index, _)| index);
        assert_eq!(place(Undertaking { hash: [7; 32], receivable: 10_060 }), Some(5));
        assert_eq!(place(Undertaking { hash: [8; 32], receivable: 10_050 }), Some(6));
        let twice = [&all[0], &all[0]];
        assert_eq!(root(twice.into_iter().map(String::as_str)), Err(Disorder));
        assert_eq!(root(["x\n"].into_iter()), Err(Disorder));
    }

    #[test]
    fn an_entry_of_an_older_day_is_taken_over() {
        let new = entry("currency", 978, 0);
        let old = new.replacen("asset/2", "asset/1", 1);
        assert_eq!(entry_of_version(old.clone(), 2), new);
        assert_eq!(entry_of_version(new.clone(), 2), new);
        assert_eq!(entry_of_version(old.clone(), 1), old);
    }
}
