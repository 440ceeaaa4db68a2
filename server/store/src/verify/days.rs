//! Every day's sum trees, made again from the replayed journal and compared with the stored and logged ones.

use super::{Finding, Replay, finding};
use crate::records::Record;
use crate::{Conn, Result, sums};
use crate::{DaySumsRow, Heads, SumTreeRow};
use proof::balance::SumTree;
use proof::salt::Salts;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

pub(super) struct Days {
    waiting: VecDeque<DaySumsRow>,
    /// Assets with a transfer since the day before.
    touched: BTreeSet<i64>,
    accounts: HashMap<i64, Vec<i64>>,
    entries: BTreeMap<i64, String>,
    /// The version of the tree of the day before.
    version: u8,
    salts: Salts,
}

impl Days {
    pub(super) fn load(conn: &mut Conn, heads: &Heads, replay: &Replay) -> Result<Self> {
        let waiting = DaySumsRow::list_where(conn, "1 = 1 ORDER BY day", &[])?.into();
        let mut accounts: HashMap<i64, Vec<i64>> = HashMap::new();
        for row in replay.accounts.values() {
            accounts.entry(row.asset_id).or_default().push(row.id);
        }
        let salts = crate::log::salts_of(heads);
        Ok(Self { waiting, touched: BTreeSet::new(), accounts, entries: BTreeMap::new(), version: 1, salts })
    }

    /// Called before the replay of a transfer: first checks the days that ended before it.
    pub(super) fn reach(&mut self, conn: &mut Conn, replay: &Replay, number: i64, asset: i64) -> Result<Option<Finding>> {
        let found = self.close_until(conn, replay, number)?;
        self.touched.insert(asset);
        Ok(found)
    }

    /// Checks the days that counted only transfers before `number`.
    pub(super) fn close_until(&mut self, conn: &mut Conn, replay: &Replay, number: i64) -> Result<Option<Finding>> {
        while let Some(row) = self.waiting.pop_front_if(|row| row.last_transfer < number) {
            if let Some(found) = self.check(conn, replay, &row)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn check(&mut self, conn: &mut Conn, replay: &Replay, row: &DaySumsRow) -> Result<Option<Finding>> {
        let touched: Vec<i64> = std::mem::take(&mut self.touched).into_iter().collect();
        let version = sums::version_of(row);
        // A root that cannot be read says nothing about its tree's version, and no day goes back to an older one.
        if row.root.split(' ').next().and_then(proof::digest::unhex).is_none() || version < self.version {
            return Ok(finding(format!("day_sums {}", row.day), "its root is not that of a tree of its day's version"));
        }
        let described = sums::describe(conn, &touched)?;
        let mut made = BTreeMap::new();
        for asset in touched {
            let mut leaves = Vec::new();
            for id in self.accounts.get(&asset).into_iter().flatten() {
                let (Some(account), Some(state)) = (replay.accounts.get(id), replay.state.get(id)) else { continue };
                let key = (*id, account.kind.name(), account.owner_id, asset);
                leaves.push(sums::balance_of(key, (state.chain.last().0, state.balance), &self.salts)?);
            }
            made.insert(asset, sums::entry_text(version, asset, described.get(&asset), &SumTree::new(&leaves))?);
        }
        let stored = SumTreeRow::list_where(conn, "day = ? ORDER BY asset_id", &[row.day.into()])?;
        let stored: BTreeMap<i64, String> = stored.into_iter().map(|tree| (tree.asset_id, tree.entry)).collect();
        let differs = made.keys().chain(stored.keys()).find(|asset| made.get(*asset) != stored.get(*asset));
        if let Some(asset) = differs {
            return Ok(finding(
                format!("sum_trees {asset} of {}", row.day),
                "the journal and the records give another tree of balances",
            ));
        }
        self.entries.extend(made);
        if version != self.version {
            // Unchanged entries are taken over from the days before.
            self.entries.values_mut().for_each(|entry| *entry = proof::day::entry_of_version(std::mem::take(entry), version));
            self.version = version;
        }
        let (leaves, root) =
            sums::day_root(version, self.entries.values().map(String::as_str).filter(|entry| !entry.is_empty()))?;
        if row.root != sums::stored_root(version, &root) || u64::try_from(row.assets) != Ok(leaves) {
            return Ok(finding(format!("day_sums {}", row.day), "its root is not that of the balances"));
        }
        Ok(None)
    }
}
