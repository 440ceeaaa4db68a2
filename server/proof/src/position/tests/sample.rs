//! The sample world: five assets, twenty-three companies, and a platform that signs whatever it likes.

use super::super::*;
use crate::balance::SumTree;
use crate::digest::sha256;
use crate::naming::reference;
use crate::note::Signer;
use crate::record::{DaySums, LoggedRecord, Transfers};
use crate::tree::{self, Frontier, Nodes};

pub(super) struct Leaves(pub(super) Vec<Hash>);

impl Nodes for Leaves {
    type Error = std::convert::Infallible;
    fn node(&mut self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        let width = 1_usize << level;
        let from = usize::try_from(index).unwrap() * width;
        let mut part = Frontier::default();
        self.0[from..from + width].iter().for_each(|leaf| part.push(*leaf, |_, _, _| {}));
        Ok(part.root())
    }
}

/// An ordered tree as a dishonest platform makes it: nodes join in any order.
struct Unordered(Vec<OrderedNode>);

impl Unordered {
    fn over(nodes: &[OrderedNode]) -> OrderedNode {
        let [more @ .., _] = nodes else { panic!("nothing is under a node") };
        let Some(depth) = more.len().checked_ilog2() else { return nodes[0] };
        let (left, right) = nodes.split_at(1 << depth);
        let (left, right) = (Self::over(left), Self::over(right));
        OrderedNode::join(&left, &right).unwrap_or_else(|| {
            let parts: [&[u8]; 7] =
                [&[5], &left.hash, &left.least.0, &left.largest.0, &right.hash, &right.least.0, &right.largest.0];
            OrderedNode { hash: sha256(&parts), least: left.least, largest: right.largest }
        })
    }

    fn path(&self, index: u64) -> Vec<OrderedNode> {
        let (mut rest, mut at, mut path) = (self.0.as_slice(), usize::try_from(index).unwrap(), Vec::new());
        while rest.len() > 1 {
            let (left, right) = rest.split_at(1 << (rest.len() - 1).ilog2());
            if at < left.len() {
                path.push(Self::over(right));
                rest = left;
            } else {
                at -= left.len();
                path.push(Self::over(left));
                rest = right;
            }
        }
        path.reverse();
        path
    }
}

/// An asset of the sample world, by each company's amount of it.
pub(super) fn balances(asset: i64, debit_kind: &str, credit_kind: &str, amounts: &[(i64, i64)]) -> Vec<Balance> {
    let make = |debit_side, kind: &str, owner: i64, amount| {
        let salt = sha256(&[b"sample", &asset.to_be_bytes(), &owner.to_be_bytes()]);
        Balance { debit_side, kind: kind.to_owned(), owner, asset, amount, salt }
    };
    let whole = amounts.iter().map(|(_, amount)| amount).sum();
    let credit = amounts.iter().map(|(owner, amount)| make(false, credit_kind, *owner, *amount));
    credit.chain(std::iter::once(make(true, debit_kind, 0, whole))).collect()
}

pub(super) fn entry(version: u8, asset: i64, class: &str, name: &str, balances: &[Balance]) -> AssetEntry {
    let tree = SumTree::new(balances);
    AssetEntry {
        version,
        asset,
        class: class.to_owned(),
        name: name.to_owned(),
        currency: if name == "JPY" { "JPY" } else { "EUR" }.to_owned(),
        leaves: tree.size(),
        root: tree.root().unwrap().unwrap(),
        documents: (class != "currency").then(|| [b"terms", b"paper", b"words"].map(|what| sha256(&[what, name.as_bytes()]))),
    }
}

pub(super) struct Sample {
    pub(super) version: u8,
    /// The day that ended.
    pub(super) day_ended: &'static str,
    pub(super) signer: Signer,
    pub(super) assets: Vec<(AssetEntry, Vec<Balance>)>,
    /// Undertakings that replace those that the entries name.
    pub(super) undertakings: Option<Vec<Undertaking>>,
    day: Vec<OrderedNode>,
    pub(super) record: String,
    pub(super) log: Leaves,
}

const RECORD_INDEX: u64 = 41;
pub(super) const LOG_SIZE: u64 = 77;

impl Sample {
    pub(super) fn new(version: u8) -> Self {
        let cash: Vec<(i64, i64)> = (0..23).map(|at| (10_001 + at, 1_000_000 + at * at * 977)).collect();
        // The check digits of version 1 are made up: nothing looked at them.
        let (first, second) = if version == 1 {
            ("RF96R10050".to_owned(), "RF71R10060".to_owned())
        } else {
            (reference(10_050), reference(10_060))
        };
        let worlds = [
            (392, "currency", "JPY", balances(392, "custody", "cash", &[(10_003, 5_000)])),
            (978, "currency", "EUR", balances(978, "custody", "cash", &cash)),
            (
                10_050,
                "fractions",
                first.as_str(),
                balances(10_050, "issued", "holding", &[(10_002, 700_000), (10_003, 200_001), (10_009, 1)]),
            ),
            (10_051, "reserve", first.as_str(), balances(10_051, "issued", "holding", &[(10_002, 100_000)])),
            (10_060, "fractions", second.as_str(), balances(10_060, "issued", "holding", &[(10_003, i64::MAX)])),
        ];
        let assets = worlds.into_iter().map(|(asset, class, name, all)| (entry(version, asset, class, name, &all), all));
        Self::of(version, assets.collect())
    }

    /// A world of these assets, in this order.
    pub(super) fn of(version: u8, assets: Vec<(AssetEntry, Vec<Balance>)>) -> Self {
        let log = Leaves((0..LOG_SIZE).map(|at| leaf_hash(&at.to_be_bytes())).collect());
        let signer = Signer::from_seed("kontor.example/log", sha256(&[b"a key for vectors only"])).unwrap();
        let day_ended = "2026-11-22";
        let mut sample =
            Self { version, day_ended, signer, assets, undertakings: None, day: Vec::new(), record: String::new(), log };
        sample.sign();
        sample
    }

    fn plain_day(&self) -> Leaves {
        Leaves(self.assets.iter().map(|(entry, _)| leaf_hash(entry.to_text().as_bytes())).collect())
    }

    /// The undertakings that the day's tree names.
    fn named(&self) -> Vec<Undertaking> {
        self.undertakings.clone().unwrap_or_else(|| {
            let mut found: Vec<Undertaking> = self.assets.iter().filter_map(|(entry, _)| Undertaking::of(entry)).collect();
            found.sort_unstable_by_key(|one| (one.hash, one.receivable));
            found.dedup();
            found
        })
    }

    /// Makes the day's tree, its record and the log anew.
    pub(super) fn sign(&mut self) {
        let leaf = |entry: &AssetEntry| OrderedNode::leaf(Key::of_asset(entry.asset), entry.to_text().as_bytes());
        self.day = self.assets.iter().map(|(entry, _)| leaf(entry)).collect();
        self.day.extend(self.named().iter().map(Undertaking::node));
        let (leaves, root) = if self.version == 1 {
            let size = u64::try_from(self.assets.len()).unwrap();
            (size, tree::root_at(&mut self.plain_day(), size).unwrap())
        } else {
            (u64::try_from(self.day.len()).unwrap(), Unordered::over(&self.day).hash)
        };
        self.record = LoggedRecord {
            seq: 42,
            salt: sha256(&[b"salt"]),
            at_micros: 1_795_392_000_000_001,
            business_date: "2026-11-23".to_owned(),
            party_id: 0,
            user_id: 0,
            approver_id: None,
            command: "close_day",
            subject_id: 0,
            idempotency_key: "close-day-2026-11-22",
            input_hash: &hex(&sha256(&[b"input"])),
            outcome: "{}",
            first_transfer: 0,
            last_transfer: 0,
            transfers: Transfers::default().digest(),
            sums: Some(DaySums { version: self.version, day: self.day_ended.to_owned(), last_transfer: 845, leaves, root }),
        }
        .to_text();
        self.log.0[usize::try_from(RECORD_INDEX).unwrap()] = leaf_hash(self.record.as_bytes());
    }

    fn day_path(&self, at: u64, entry: &AssetEntry) -> DayPath {
        if self.version == 1 {
            let size = u64::try_from(self.assets.len()).unwrap();
            return DayPath::Plain(tree::inclusion(&mut self.plain_day(), at, size).unwrap());
        }
        let all = Unordered(self.day.clone());
        let behind = Undertaking::of(entry).and_then(|wanted| {
            let named = self.named();
            let place = named.iter().position(|one| *one == wanted).or(named.iter().position(|one| one.hash == wanted.hash))?;
            let index = u64::try_from(self.assets.len() + place).unwrap();
            Some(UndertakingPlace { undertaking: named[place], index, path: all.path(index) })
        });
        DayPath::Ordered(all.path(at), behind)
    }

    pub(super) fn proof(&mut self, owner: i64) -> PositionProof {
        let root = tree::root_at(&mut self.log, LOG_SIZE).unwrap();
        let mut assets = Vec::new();
        for (at, (entry, all)) in self.assets.iter().enumerate() {
            let index = u64::try_from(at).unwrap();
            let Some(balance) = all.iter().find(|balance| balance.owner == owner).cloned() else { continue };
            let (place, path) = SumTree::new(all).path(&balance.node()).unwrap().unwrap();
            let held = Held { balance, index: place, path };
            assets.push(HeldAsset { entry: entry.clone(), index, path: self.day_path(index, entry), held });
        }
        PositionProof {
            version: self.version,
            owner,
            record: self.record.clone(),
            path: tree::inclusion(&mut self.log, RECORD_INDEX, LOG_SIZE).unwrap(),
            assets,
            note: self.signer.checkpoint(LOG_SIZE, &root),
        }
    }
}

/// The sample's own tree is the one that the platform makes.
#[test]
fn the_sample_is_made_as_a_day_is_made() {
    let sample = Sample::new(2);
    let texts: Vec<String> = sample.assets.iter().map(|(entry, _)| entry.to_text()).collect();
    let sums = DayRecord::parse(&sample.record).unwrap().sums;
    assert_eq!(crate::day::root(texts.iter().map(String::as_str)), Ok((sums.leaves, sums.root)));
    let tree = crate::day::tree(texts.iter().map(String::as_str)).unwrap();
    for (at, node) in sample.day.iter().enumerate() {
        let index = u64::try_from(at).unwrap();
        assert_eq!(tree.path(&node.least), Some((index, Unordered(sample.day.clone()).path(index))));
    }
}
