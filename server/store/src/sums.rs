//! The sum trees of each end of day: the balance of every account, one tree per asset, and the day's tree over the assets.
//!
//! Only the entries of changed assets are stored. The leaves of any past day are found again in the journal, from an account's
//! newest leg back along the links. One statement does so for all accounts of an asset.

use crate::query::{self, Bind};
use crate::records::Record;
use crate::{AccountRow, DaySumsRow, Receivable, SumTreeRow};
use crate::{Conn, Result, StoreError};
use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Text};
use domain::chart::{AccountKind, asset_currency};
use kernel::{AuditSeq, InvoiceId, PartyId, RecordId};
use ledger::AssetId;
use proof::Hash;
use proof::balance::{AssetEntry, Balance, SumOverflow, SumTree};
use proof::day;
use proof::digest::{hex, leaf_hash, unhex};
use proof::naming::Undertaking;
use proof::ordered::{Disorder, Key, OrderedTree};
use proof::position::{DayPath, Held, HeldAsset, UndertakingPlace};
use proof::record::DaySums;
use proof::salt::Salts;
use proof::tree::{self, Frontier, Nodes};
use std::collections::BTreeMap;

/// An account and its balance after the leg that was its newest at some transfer.
#[derive(Clone, Debug, diesel::QueryableByName)]
struct BalanceAsOf {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    owner_id: RecordId,
    #[diesel(sql_type = BigInt)]
    asset_id: i64,
    #[diesel(sql_type = BigInt)]
    leg: i64,
    #[diesel(sql_type = BigInt)]
    balance: i64,
}

/// The leaf of an account with this balance since this leg.
pub fn balance_of(account: (i64, &str, RecordId, i64), (leg, amount): (i64, i64), salts: &Salts) -> Result<Balance> {
    let (id, kind, owner, asset) = account;
    let known = AccountKind::parse(kind).ok_or_else(|| StoreError::Corrupt(format!("account kind {kind}")))?;
    let debit_side = crate::journal::grows_on_debit(known);
    Ok(Balance { debit_side, kind: kind.to_owned(), owner: owner.0, asset, amount, salt: salts.balance(id, leg) })
}

/// The accounts that a condition names, as they were after a transfer. Accounts without a leg until then are not among them.
fn accounts_as_of(conn: &mut Conn, condition: &str, wanted: Bind, bound: i64) -> Result<Vec<BalanceAsOf>> {
    let sql = format!(
        "WITH RECURSIVE w (account, at) AS (\
           SELECT id, last_transfer FROM ledger_accounts WHERE {condition} AND last_transfer > 0 \
           UNION ALL \
           SELECT w.account, CASE WHEN t.debit_account = w.account \
             THEN CASE WHEN t.debit_jump > ? THEN t.debit_jump ELSE t.debit_previous END \
             ELSE CASE WHEN t.credit_jump > ? THEN t.credit_jump ELSE t.credit_previous END END \
           FROM w JOIN transfers t ON t.number = w.at WHERE w.at > ?) \
         SELECT a.id, a.kind, a.owner_id, a.asset_id, w.at AS leg, \
           CASE WHEN t.debit_account = w.account THEN t.debit_balance ELSE t.credit_balance END AS balance \
         FROM w JOIN transfers t ON t.number = w.at JOIN ledger_accounts a ON a.id = w.account WHERE w.at <= ?"
    );
    query::list(conn, &sql, &[wanted, bound.into(), bound.into(), bound.into(), bound.into()])
}

/// The leaves of these assets as of a transfer, by asset. An asset of which nothing was left has none.
fn balances_as_of(conn: &mut Conn, assets: &[i64], bound: i64, salts: &Salts) -> Result<BTreeMap<i64, Vec<Balance>>> {
    let (condition, list) = query::among_numbers(conn, "asset_id", assets);
    let mut found: BTreeMap<i64, Vec<Balance>> = BTreeMap::new();
    for row in accounts_as_of(conn, &condition, list, bound)? {
        let account = (row.id, row.kind.as_str(), row.owner_id, row.asset_id);
        found.entry(row.asset_id).or_default().push(balance_of(account, (row.leg, row.balance), salts)?);
    }
    Ok(found)
}

fn overflow(asset: i64) -> impl Fn(SumOverflow) -> StoreError {
    move |_| StoreError::Corrupt(format!("the balances of asset {asset} do not sum"))
}

/// Receivables among these assets, by the asset of their fractions and of their reserve.
fn list_receivables(conn: &mut Conn, assets: &[i64]) -> Result<BTreeMap<i64, (&'static str, Receivable)>> {
    let (senior, list) = query::among_numbers(conn, "id", assets);
    let (junior, _) = query::among_numbers(conn, "reserve_asset", assets);
    let rows = Receivable::list_where(conn, &format!("{senior} OR {junior}"), &[list.clone(), list])?;
    let both = |row: Receivable| [(row.reserve_asset.0, ("reserve", row.clone())), (row.id.0, ("fractions", row))];
    Ok(rows.into_iter().flat_map(both).collect())
}

#[derive(diesel::QueryableByName)]
struct Paper {
    #[diesel(sql_type = BigInt)]
    id: InvoiceId,
    #[diesel(sql_type = Text)]
    document: String,
    #[diesel(sql_type = Text)]
    words_hash: String,
}

/// The description of an asset for its entry: class, name, currency, documents.
type Described = (&'static str, String, String, Option<[Hash; 3]>);

/// Describes assets from the records that stand behind them.
pub fn describe(conn: &mut Conn, assets: &[i64]) -> Result<BTreeMap<i64, Described>> {
    let receivables = list_receivables(conn, assets)?;
    let invoices: Vec<InvoiceId> = receivables.values().map(|(_, row)| row.invoice_id).collect();
    let (condition, list) = query::among(conn, "i.id", &invoices);
    let sql = format!(
        "SELECT i.id, i.document, c.words_hash FROM invoices i JOIN confirmations c ON c.invoice_id = i.id WHERE {condition}"
    );
    let papers: BTreeMap<InvoiceId, Paper> =
        query::list::<Paper>(conn, &sql, &[list])?.into_iter().map(|row| (row.id, row)).collect();
    let mut described = BTreeMap::new();
    for asset in assets {
        let currency = asset_currency(AssetId(*asset)).map(|known| known.code().to_owned());
        let entry = match (currency, receivables.get(asset)) {
            (Some(code), _) => ("currency", code.clone(), code, None),
            (None, Some((class, row))) => {
                let paper = papers.get(&row.invoice_id);
                let documents =
                    paper.and_then(|paper| Some([unhex(&row.terms_hash)?, unhex(&paper.document)?, unhex(&paper.words_hash)?]));
                (*class, row.reference.clone(), row.currency.clone(), documents)
            }
            // Assets that a load generator has made up.
            (None, None) => ("other", asset.to_string(), "-".to_owned(), None),
        };
        described.insert(*asset, entry);
    }
    Ok(described)
}

/// The version of the trees of the days that end from now on.
pub const CURRENT: u8 = 2;

/// The entry of an asset in the day's tree; empty when nothing is left of it.
pub fn entry_text(version: u8, asset: i64, described: Option<&Described>, tree: &SumTree) -> Result<String> {
    let (Some(root), Some((class, name, currency, documents))) = (tree.root().map_err(overflow(asset))?, described) else {
        return Ok(String::new());
    };
    let (class, name, currency) = ((*class).to_owned(), name.clone(), currency.clone());
    Ok(AssetEntry { version, asset, class, name, currency, leaves: tree.size(), root, documents: *documents }.to_text())
}

fn disorder(_: Disorder) -> StoreError {
    StoreError::Corrupt("the entries of a day do not stand in the order of their assets".to_owned())
}

/// Number of leaves and root of the tree over a day's entries, which are in the order of their assets.
pub fn day_root<'a>(version: u8, entries: impl Iterator<Item = &'a str>) -> Result<(u64, Hash)> {
    if version == 2 {
        return day::root(entries).map_err(disorder);
    }
    let mut frontier = Frontier::default();
    entries.for_each(|entry| frontier.push(leaf_hash(entry.as_bytes()), |_, _, _| {}));
    Ok((frontier.size(), frontier.root()))
}

/// The version of a stored day's tree.
#[must_use]
pub fn version_of(day: &DaySumsRow) -> u8 {
    if day.root.ends_with(" 2") { 2 } else { 1 }
}

/// A root as `day_sums` keeps it.
#[must_use]
pub fn stored_root(version: u8, root: &Hash) -> String {
    if version == 1 { hex(root) } else { format!("{} 2", hex(root)) }
}

/// All entries as of a day, by asset; assets of which nothing is left are not among them.
fn list_entries(conn: &mut Conn, day: NaiveDate, version: u8) -> Result<Vec<SumTreeRow>> {
    let sql = "SELECT s.* FROM sum_trees s WHERE s.entry <> '' AND s.day = \
               (SELECT MAX(x.day) FROM sum_trees x WHERE x.asset_id = s.asset_id AND x.day <= ?) ORDER BY s.asset_id";
    let rows: Vec<SumTreeRow> = query::list(conn, sql, &[day.into()])?;
    let taken_over = |row: SumTreeRow| SumTreeRow { entry: day::entry_of_version(row.entry, version), ..row };
    Ok(rows.into_iter().map(taken_over).collect())
}

/// Assets whose trees are built at once.
const AT_ONCE: usize = 500;

/// Counts every balance at the end of a day and writes the entries of the assets that have changed since the day before.
/// The caller puts the result into the audit record number `audit_seq`, and so into the log.
pub fn close_day(conn: &mut Conn, day: NaiveDate, last_transfer: i64, audit_seq: AuditSeq, salts: &Salts) -> Result<DaySums> {
    let counted = query::int(
        conn,
        "SELECT MAX(last_transfer) AS value FROM (SELECT last_transfer FROM day_sums UNION ALL SELECT 0) x",
        &[],
    )?;
    let changed = "SELECT DISTINCT asset_id AS id FROM transfers WHERE number > ? ORDER BY asset_id";
    let changed: Vec<i64> =
        query::list::<AssetNumber>(conn, changed, &[counted.unwrap_or(0).into()])?.into_iter().map(|row| row.id).collect();
    for assets in changed.chunks(AT_ONCE) {
        let (balances, described) = (balances_as_of(conn, assets, last_transfer, salts)?, describe(conn, assets)?);
        let mut rows = Vec::with_capacity(assets.len());
        for asset in assets {
            let tree = SumTree::new(balances.get(asset).into_iter().flatten());
            rows.push(SumTreeRow { asset_id: *asset, day, entry: entry_text(CURRENT, *asset, described.get(asset), &tree)? });
        }
        Record::insert_all(&rows, conn)?;
    }
    let entries = list_entries(conn, day, CURRENT)?;
    let (leaves, root) = day_root(CURRENT, entries.iter().map(|row| row.entry.as_str()))?;
    let stored = i64::try_from(leaves).unwrap_or(i64::MAX);
    DaySumsRow { day, audit_seq, last_transfer, assets: stored, root: stored_root(CURRENT, &root) }.insert(conn)?;
    Ok(DaySums { version: CURRENT, day: day.to_string(), last_transfer, leaves, root })
}

#[derive(diesel::QueryableByName)]
struct AssetNumber {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// A day's tree of version 1 in memory: the complete subtrees of each level, so that many paths cost little.
#[derive(Default)]
struct PlainTree(Vec<Vec<Hash>>);

impl PlainTree {
    fn of(entries: &[SumTreeRow]) -> Self {
        let (mut frontier, mut tree) = (Frontier::default(), Self::default());
        for row in entries {
            frontier.push(leaf_hash(row.entry.as_bytes()), |level, _, hash| {
                let level = usize::try_from(level).unwrap_or(usize::MAX);
                if tree.0.len() <= level {
                    tree.0.push(Vec::new());
                }
                if let Some(row) = tree.0.get_mut(level) {
                    row.push(*hash);
                }
            });
        }
        tree
    }
}

impl Nodes for PlainTree {
    type Error = StoreError;
    fn node(&mut self, level: u32, index: u64) -> Result<Hash> {
        let place = usize::try_from(level).ok().zip(usize::try_from(index).ok());
        let found = place.and_then(|(level, index)| self.0.get(level)?.get(index).copied());
        found.ok_or_else(|| StoreError::Corrupt(format!("the day's tree has no node {level}/{index}")))
    }
}

/// A day's tree of either version, in memory.
enum DayTree {
    Plain(PlainTree),
    Ordered(OrderedTree),
}

impl DayTree {
    fn of(version: u8, entries: &[SumTreeRow]) -> Result<Self> {
        if version == 1 {
            return Ok(Self::Plain(PlainTree::of(entries)));
        }
        day::tree(entries.iter().map(|row| row.entry.as_str())).map(Self::Ordered).map_err(disorder)
    }

    /// The path of the entry at this place among `size`. None for an asset whose undertaking stands behind another one: it cannot
    /// be proven. `verify` names the two confirmations, and no confirmation is made with the words of another.
    fn path(&mut self, entry: &AssetEntry, place: u64, size: u64) -> Result<Option<DayPath>> {
        let tree = match self {
            Self::Plain(tree) => return tree::inclusion(tree, place, size).map(DayPath::Plain).map(Some),
            Self::Ordered(tree) => tree,
        };
        let Some((_, path)) = tree.path(&Key::of_asset(entry.asset)) else { return Ok(None) };
        let Some(undertaking) = Undertaking::of(entry) else { return Ok(Some(DayPath::Ordered(path, None))) };
        let node = undertaking.node();
        let Some((index, behind)) = tree.path(&node.least) else { return Ok(None) };
        if proof::ordered::climb(node, index, tree.size(), &behind).is_none_or(|root| root.hash != tree.root()) {
            return Ok(None);
        }
        Ok(Some(DayPath::Ordered(path, Some(UndertakingPlace { undertaking, index, path: behind }))))
    }
}

/// A company's balances at the end of a day, each with its paths, by asset.
pub fn list_held(conn: &mut Conn, day: &DaySumsRow, owner: PartyId, salts: &Salts) -> Result<Vec<HeldAsset>> {
    let version = version_of(day);
    let entries = list_entries(conn, day.day, version)?;
    let mut tree = DayTree::of(version, &entries)?;
    let size = u64::try_from(entries.len()).unwrap_or(0);
    let own = AccountRow::list_where(conn, "owner_id = ? AND kind IN ('cash', 'holding') ORDER BY asset_id", &[owner.into()])?;
    let mut held = Vec::new();
    for some in own.chunks(AT_ONCE) {
        let assets: Vec<i64> = some.iter().map(|account| account.asset_id).collect();
        let balances = balances_as_of(conn, &assets, day.last_transfer, salts)?;
        for account in some {
            let asset = account.asset_id;
            let Ok(place) = entries.binary_search_by_key(&asset, |row| row.asset_id) else { continue };
            let (Some(row), Some(all)) = (entries.get(place), balances.get(&asset)) else { continue };
            let Some(balance) = all.iter().find(|one| one.owner == owner.0 && one.kind == account.kind.name()).cloned() else {
                continue;
            };
            // An account that was empty that evening has no leaf.
            let Some((index, path)) = SumTree::new(all).path(&balance.node()).map_err(overflow(asset))? else { continue };
            let entry = AssetEntry::parse(&row.entry).ok_or_else(|| StoreError::Corrupt(format!("entry of asset {asset}")))?;
            let place = u64::try_from(place).unwrap_or(u64::MAX);
            let Some(to_day) = tree.path(&entry, place, size)? else { continue };
            held.push(HeldAsset { entry, index: place, path: to_day, held: Held { balance, index, path } });
        }
    }
    Ok(held)
}

/// Whether a company had anything at the end of a day that it could prove.
pub fn held_anything(conn: &mut Conn, day: &DaySumsRow, owner: PartyId) -> Result<bool> {
    let own = "owner_id = ? AND kind IN ('cash', 'holding')";
    // Most have: an account that has not moved since and is not empty answers at once.
    let still = format!("{own} AND balance > 0 AND last_transfer <= ? LIMIT 1");
    if AccountRow::find_where(conn, &still, &[owner.into(), day.last_transfer.into()])?.is_some() {
        return Ok(true);
    }
    Ok(accounts_as_of(conn, own, owner.into(), day.last_transfer)?.iter().any(|account| account.balance > 0))
}

/// Ended days that a checkpoint covers, newest first.
pub fn list_signed_days(conn: &mut Conn, most: i64) -> Result<Vec<DaySumsRow>> {
    DaySumsRow::list_where(conn, "audit_seq <= (SELECT MAX(size) FROM checkpoints) ORDER BY day DESC LIMIT ?", &[most.into()])
}

/// This day, or the newest, if it has ended and a checkpoint covers it.
pub fn find_signed_day(conn: &mut Conn, day: Option<NaiveDate>) -> Result<Option<DaySumsRow>> {
    match day {
        Some(day) => DaySumsRow::find_where(conn, "day = ? AND audit_seq <= (SELECT MAX(size) FROM checkpoints)", &[day.into()]),
        None => Ok(list_signed_days(conn, 1)?.into_iter().next()),
    }
}
