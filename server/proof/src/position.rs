//! The position proof: one text file with which a holder shows what it holds, offline, to anybody who has the log's key.

use crate::balance::{self, AssetEntry, Balance, SumNode, climb};
use crate::digest::{Hash, hex, leaf_hash, unhex};
use crate::naming::{self, Undertaking};
use crate::note::{Verifier, count_signatures};
use crate::ordered::{self, Key, OrderedNode};
use crate::record::{self, DayRecord};
use crate::tree::verify_inclusion;

/// The first line, by the version of the day's tree.
fn first_line(version: u8) -> &'static str {
    if version == 1 { "kontor/position/1" } else { "kontor/position/2" }
}

/// The last day whose tree may be of version 1. Later trees must show that nothing stands in them twice. Otherwise a platform
/// could go on with trees that do not show it.
const LAST_PLAIN_DAY: &str = "2026-11-28";
/// The longest file that is read, in bytes.
const LONGEST: usize = 64 * 1024 * 1024;

/// One balance with the siblings that lead from it to its asset's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub balance: Balance,
    pub index: u64,
    pub path: Vec<SumNode>,
}

/// The siblings that lead from an entry to the day's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DayPath {
    /// Version 1.
    Plain(Vec<Hash>),
    /// Version 2; for fractions and reserve with the place of the undertaking behind them.
    Ordered(Vec<OrderedNode>, Option<UndertakingPlace>),
}

/// An undertaking with the siblings that lead from it to the day's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndertakingPlace {
    pub undertaking: Undertaking,
    pub index: u64,
    pub path: Vec<OrderedNode>,
}

/// One asset with its place in the day's tree, and the holder's balances of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAsset {
    pub entry: AssetEntry,
    pub index: u64,
    pub path: DayPath,
    pub held: Held,
}

/// The whole content of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionProof {
    /// The version of the day's tree, 1 or 2.
    pub version: u8,
    pub owner: i64,
    /// The 17 lines of the record that ended the day.
    pub record: String,
    /// From the record to the checkpoint's root.
    pub path: Vec<Hash>,
    /// By asset number.
    pub assets: Vec<HeldAsset>,
    /// The signed checkpoint.
    pub note: String,
}

/// Why a file proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Not the bytes that the format allows.
    Form,
    /// The checkpoint is not signed by this key.
    Checkpoint,
    /// The record is not in the log, or ends no day.
    Record,
    /// A tree of version 1 for a day that needs version 2.
    Version,
    /// An asset is not in the day's tree, or not in order there.
    Asset,
    /// An asset's number, class, name and documents do not belong together.
    Name,
    /// The undertaking behind an asset is not in the day's tree, or stands behind another receivable.
    Undertaking,
    /// An asset's debit and credit side differ: something was left out or counted twice.
    Unbalanced,
    /// A balance is not in its asset's tree, or is not the holder's.
    Balance,
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Form => "this is not a position proof",
            Self::Checkpoint => "the checkpoint is not signed by this key",
            Self::Record => "the end of day is not in the signed log",
            Self::Version => "the tree of this day is of version 1, which shows too little for days after 2026-11-28",
            Self::Asset => "an asset is not in its place in the day's tree",
            Self::Name => "an asset's number and its name do not belong together",
            Self::Undertaking => "an undertaking is not in its place in the day's tree, or stands behind another receivable",
            Self::Unbalanced => "the two sides of an asset do not balance",
            Self::Balance => "a balance is not in its asset's tree",
        })
    }
}

impl std::error::Error for Flaw {}

/// The facts that a good proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub origin: String,
    /// Records in the log at the checkpoint.
    pub size: u64,
    /// The version of the day's tree. Version 1 does not show that an asset or an undertaking stands in it once.
    pub version: u8,
    pub owner: i64,
    pub day: String,
    /// The number of the record that ended the day, and the root of the day's tree in it. All proofs of that day from the same
    /// log have the same two values. A tree shows its facts only within the tree of one record.
    pub record: u64,
    pub root: Hash,
    pub assets: Vec<HeldAsset>,
}

fn push_hashes(text: &mut String, word: &str, hashes: impl ExactSizeIterator<Item = String>) {
    text.push_str(&format!("{word} {}\n", hashes.len()));
    hashes.for_each(|hash| text.extend([hash.as_str(), "\n"]));
}

fn push_day_path(text: &mut String, path: &DayPath) {
    match path {
        DayPath::Plain(path) => push_hashes(text, "path", path.iter().map(|hash| hex(hash))),
        DayPath::Ordered(path, place) => {
            push_hashes(text, "path", path.iter().map(OrderedNode::to_text));
            if let Some(place) = place {
                text.push_str(&format!("{}index {}\n", place.undertaking.to_text(), place.index));
                push_hashes(text, "path", place.path.iter().map(OrderedNode::to_text));
            }
        }
    }
}

impl PositionProof {
    /// The file's bytes.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text =
            format!("{}\nowner {}\nassets {}\n{}", first_line(self.version), self.owner, self.assets.len(), self.record);
        push_hashes(&mut text, "path", self.path.iter().map(|hash| hex(hash)));
        for asset in &self.assets {
            text.push_str(&asset.entry.to_text());
            text.push_str(&format!("index {}\n", asset.index));
            push_day_path(&mut text, &asset.path);
            text.push_str(&asset.held.balance.to_text());
            text.push_str(&format!("index {}\n", asset.held.index));
            push_hashes(&mut text, "path", asset.held.path.iter().map(SumNode::to_text));
        }
        text.push_str(&self.note);
        text
    }

    /// Reads a file; only the exact bytes that [`PositionProof::to_text`] writes are accepted.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        if text.len() > LONGEST {
            return Err(Flaw::Form);
        }
        read(text).filter(|read| read.to_text() == text).ok_or(Flaw::Form)
    }

    /// Checks everything, from the signature down to each balance.
    pub fn verify(&self, key: &Verifier) -> Result<Proven, Flaw> {
        let checkpoint = key.open_checkpoint(&self.note).map_err(|_| Flaw::Checkpoint)?;
        if count_signatures(&self.note) != Ok(1) {
            return Err(Flaw::Checkpoint);
        }
        let day = DayRecord::parse(&self.record).ok_or(Flaw::Record)?;
        let leaf = leaf_hash(self.record.as_bytes());
        if !verify_inclusion(&leaf, day.seq - 1, checkpoint.size, &self.path, &checkpoint.root) {
            return Err(Flaw::Record);
        }
        if day.sums.version != self.version {
            return Err(Flaw::Record);
        }
        // ISO dates sort as they stand.
        if self.version == 1 && day.sums.day.as_str() > LAST_PLAIN_DAY {
            return Err(Flaw::Version);
        }
        // A file without a balance would prove nothing, whichever owner's number it bears.
        if self.assets.is_empty() || !self.assets.is_sorted_by(|a, b| a.entry.asset < b.entry.asset) {
            return Err(Flaw::Form);
        }
        for asset in &self.assets {
            verify_asset(asset, self.owner, &day)?;
        }
        let Self { owner, assets, .. } = self.clone();
        Ok(Proven {
            origin: checkpoint.origin,
            size: checkpoint.size,
            version: day.sums.version,
            owner,
            day: day.sums.day,
            record: day.seq,
            root: day.sums.root,
            assets,
        })
    }
}

fn verify_asset(asset: &HeldAsset, owner: i64, day: &DayRecord) -> Result<(), Flaw> {
    verify_place(asset, day)?;
    let root = asset.entry.root;
    if root.debit != root.credit {
        return Err(Flaw::Unbalanced);
    }
    let Held { balance, index, path } = &asset.held;
    let kind = if asset.entry.class == "currency" { "cash" } else { "holding" };
    let right_kind = day.sums.version == 1 || balance.kind == kind;
    let own = balance.owner == owner && balance.asset == asset.entry.asset && !balance.debit_side && right_kind;
    let climbed = climb(balance.node(), *index, asset.entry.leaves, path);
    if own && climbed == Some(root) { Ok(()) } else { Err(Flaw::Balance) }
}

/// Whether an asset stands where the file says: alone under its number, and its undertaking behind no other.
fn verify_place(asset: &HeldAsset, day: &DayRecord) -> Result<(), Flaw> {
    let (entry, sums) = (&asset.entry, &day.sums);
    if entry.version != sums.version {
        return Err(Flaw::Asset);
    }
    let text = entry.to_text();
    match &asset.path {
        DayPath::Plain(path) => {
            let inside = verify_inclusion(&leaf_hash(text.as_bytes()), asset.index, sums.leaves, path, &sums.root);
            if inside && sums.version == 1 { Ok(()) } else { Err(Flaw::Asset) }
        }
        DayPath::Ordered(path, place) => {
            let leads = |leaf, index, path: &[OrderedNode]| {
                sums.version == 2 && ordered::climb(leaf, index, sums.leaves, path).is_some_and(|root| root.hash == sums.root)
            };
            if !leads(OrderedNode::leaf(Key::of_asset(entry.asset), text.as_bytes()), asset.index, path) {
                return Err(Flaw::Asset);
            }
            if !naming::is_tied(entry) {
                return Err(Flaw::Name);
            }
            if place.as_ref().map(|place| place.undertaking) != Undertaking::of(entry)
                || !place.iter().all(|place| leads(place.undertaking.node(), place.index, &place.path))
            {
                return Err(Flaw::Undertaking);
            }
            Ok(())
        }
    }
}

/// Takes lines off the front of a text.
struct Lines<'a>(&'a str);

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (line, rest) = self.0.split_once('\n')?;
        self.0 = rest;
        Some(line)
    }

    /// Takes `count` lines as they stand, newlines included.
    fn block(&mut self, count: usize) -> Option<&'a str> {
        let whole = self.0;
        for _ in 0..count {
            self.next()?;
        }
        whole.get(..whole.len() - self.0.len())
    }

    /// The number after a word.
    fn number<T: std::str::FromStr>(&mut self, word: &str) -> Option<T> {
        self.next()?.strip_prefix(word)?.strip_prefix(' ')?.parse().ok()
    }

    fn list<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        // A tree of 2^64 leaves has a path of 64; more lines cannot be meant.
        let count: usize = self.number("path").filter(|count| *count <= 64)?;
        (0..count).map(|_| read(self.next()?)).collect()
    }
}

fn read_day_path(lines: &mut Lines<'_>, version: u8, entry: &AssetEntry) -> Option<DayPath> {
    if version == 1 {
        return lines.list(unhex).map(DayPath::Plain);
    }
    let path = lines.list(OrderedNode::parse)?;
    if entry.documents.is_none() {
        return Some(DayPath::Ordered(path, None));
    }
    let undertaking = Undertaking::parse(lines.block(naming::LINES)?)?;
    let place = UndertakingPlace { undertaking, index: lines.number("index")?, path: lines.list(OrderedNode::parse)? };
    Some(DayPath::Ordered(path, Some(place)))
}

fn read(text: &str) -> Option<PositionProof> {
    let mut lines = Lines(text);
    let version = if lines.next()? == first_line(1) { 1 } else { 2 };
    let owner = lines.number("owner")?;
    let count: usize = lines.number("assets")?;
    let record = lines.block(record::LINES)?.to_owned();
    let path = lines.list(unhex)?;
    let mut assets = Vec::new();
    for _ in 0..count {
        let entry = AssetEntry::parse(lines.block(balance::ENTRY_LINES)?)?;
        let index = lines.number("index")?;
        let path = read_day_path(&mut lines, version, &entry)?;
        let balance = Balance::parse(lines.block(balance::LINES)?)?;
        let held = Held { balance, index: lines.number("index")?, path: lines.list(SumNode::parse)? };
        assets.push(HeldAsset { entry, index, path, held });
    }
    Some(PositionProof { version, owner, record, path, assets, note: lines.0.to_owned() })
}

#[cfg(test)]
mod tests;
