//! The position proof: one text file with which a holder shows what it holds, offline, to anybody who has the log's key.

use crate::balance::{self, AssetEntry, Balance, SumNode, climb};
use crate::digest::{Hash, hex, leaf_hash, unhex};
use crate::note::{Verifier, count_signatures};
use crate::record::{self, DayRecord};
use crate::tree::verify_inclusion;

/// The first line of version 1.
const VERSION: &str = "kontor/position/1";
/// The longest file that is read, in bytes.
const LONGEST: usize = 64 * 1024 * 1024;

/// One balance with the siblings that lead from it to its asset's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub balance: Balance,
    pub index: u64,
    pub path: Vec<SumNode>,
}

/// One asset with the siblings that lead from it to the day's root, and what the holder has of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAsset {
    pub entry: AssetEntry,
    pub index: u64,
    pub path: Vec<Hash>,
    pub held: Held,
}

/// Everything that the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionProof {
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
    /// An asset is not in the day's tree.
    Asset,
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
            Self::Asset => "an asset is not in the day's tree",
            Self::Unbalanced => "the two sides of an asset do not balance",
            Self::Balance => "a balance is not in its asset's tree",
        })
    }
}

impl std::error::Error for Flaw {}

/// What a good proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub origin: String,
    /// Records in the log at the checkpoint.
    pub size: u64,
    pub owner: i64,
    pub day: String,
    pub assets: Vec<HeldAsset>,
}

fn push_hashes(text: &mut String, word: &str, hashes: impl ExactSizeIterator<Item = String>) {
    text.push_str(&format!("{word} {}\n", hashes.len()));
    hashes.for_each(|hash| text.extend([hash.as_str(), "\n"]));
}

impl PositionProof {
    /// The file's bytes.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{VERSION}\nowner {}\nassets {}\n{}", self.owner, self.assets.len(), self.record);
        push_hashes(&mut text, "path", self.path.iter().map(|hash| hex(hash)));
        for asset in &self.assets {
            text.push_str(&asset.entry.to_text());
            text.push_str(&format!("index {}\n", asset.index));
            push_hashes(&mut text, "path", asset.path.iter().map(|hash| hex(hash)));
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
        // A file without a balance would prove nothing, whosever number it bears.
        if self.assets.is_empty() || !self.assets.is_sorted_by(|a, b| a.entry.asset < b.entry.asset) {
            return Err(Flaw::Form);
        }
        for asset in &self.assets {
            verify_asset(asset, self.owner, &day)?;
        }
        let Self { owner, assets, .. } = self.clone();
        Ok(Proven { origin: checkpoint.origin, size: checkpoint.size, owner, day: day.sums.day, assets })
    }
}

fn verify_asset(asset: &HeldAsset, owner: i64, day: &DayRecord) -> Result<(), Flaw> {
    let entry = leaf_hash(asset.entry.to_text().as_bytes());
    if !verify_inclusion(&entry, asset.index, day.sums.assets, &asset.path, &day.sums.root) {
        return Err(Flaw::Asset);
    }
    let root = asset.entry.root;
    if root.debit != root.credit {
        return Err(Flaw::Unbalanced);
    }
    let Held { balance, index, path } = &asset.held;
    let own = balance.owner == owner && balance.asset == asset.entry.asset && !balance.debit_side;
    let climbed = climb(balance.node(), *index, asset.entry.leaves, path);
    if own && climbed == Some(root) { Ok(()) } else { Err(Flaw::Balance) }
}

/// Takes lines off the front of a text.
struct Lines<'a>(&'a str);

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (line, rest) = self.0.split_once('\n')?;
        self.0 = rest;
        Some(line)
    }

    /// So many lines as they stand, newlines included.
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

fn read(text: &str) -> Option<PositionProof> {
    let mut lines = Lines(text);
    (lines.next()? == VERSION).then_some(())?;
    let owner = lines.number("owner")?;
    let count: usize = lines.number("assets")?;
    let record = lines.block(record::LINES)?.to_owned();
    let path = lines.list(unhex)?;
    let mut assets = Vec::new();
    for _ in 0..count {
        let entry = AssetEntry::parse(lines.block(balance::ENTRY_LINES)?)?;
        let (index, path) = (lines.number("index")?, lines.list(unhex)?);
        let balance = Balance::parse(lines.block(balance::LINES)?)?;
        let held = Held { balance, index: lines.number("index")?, path: lines.list(SumNode::parse)? };
        assets.push(HeldAsset { entry, index, path, held });
    }
    Some(PositionProof { owner, record, path, assets, note: lines.0.to_owned() })
}

#[cfg(test)]
mod tests;
