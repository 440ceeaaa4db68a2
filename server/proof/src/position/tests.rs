//! A small world of holders and its proofs: the vectors under tests/vectors/proofs, proofs that lie, and a great many
//! mutated ones.

use super::*;
use crate::balance::SumTree;
use crate::note::Signer;
use crate::tree;
use sample::{LOG_SIZE, Leaves, Sample};
use std::path::PathBuf;

mod forged;
mod sample;

fn check(text: &str, key: &Verifier) -> Result<Proven, Flaw> {
    PositionProof::parse(text)?.verify(key)
}

#[test]
fn a_holder_proves_what_it_holds() {
    for version in [1, 2] {
        holders_prove_what_they_hold(Sample::new(version));
    }
}

fn holders_prove_what_they_hold(mut sample: Sample) {
    let key = sample.signer.verifier();
    for owner in 10_001..10_024 {
        let proven = check(&sample.proof(owner).to_text(), &key).unwrap();
        assert_eq!((proven.owner, proven.day.as_str(), proven.size), (owner, "2026-11-22", LOG_SIZE));
        let amounts: Vec<(i64, i64)> = proven.assets.iter().map(|asset| (asset.entry.asset, asset.held.balance.amount)).collect();
        match owner {
            10_003 => assert_eq!(amounts, [(392, 5_000), (978, 1_003_908), (10_050, 200_001), (10_060, i64::MAX)]),
            10_002 => assert_eq!(amounts, [(978, 1_000_977), (10_050, 700_000), (10_051, 100_000)]),
            _ => assert_eq!(amounts.len(), if owner == 10_009 { 2 } else { 1 }),
        }
    }
    assert_eq!(check(&sample.proof(99).to_text(), &key), Err(Flaw::Form), "a file without a balance proves nothing");
}

/// A file holds no number, kind or salt of another company.
#[test]
fn a_proof_names_nobody_else() {
    for version in [1, 2] {
        let mut sample = Sample::new(version);
        let text = sample.proof(10_003).to_text();
        let others = sample.assets.iter().flat_map(|(_, all)| all).filter(|balance| balance.owner != 10_003);
        for other in others {
            assert!(!text.contains(&format!("\n{}\n", other.owner)) || other.owner == 0, "{}", other.owner);
            assert!(!text.contains(&hex(&other.salt)));
        }
    }
}

/// Lies that a dishonest platform or holder might try, each with the flaw that reveals it.
#[test]
fn proofs_that_lie_are_found_out() {
    for version in [1, 2] {
        lies_are_found_out(Sample::new(version));
    }
}

fn lies_are_found_out(mut sample: Sample) {
    let key = sample.signer.verifier();
    let good = sample.proof(10_003);
    let lie = |change: &dyn Fn(&mut PositionProof)| {
        let mut lying = good.clone();
        change(&mut lying);
        check(&lying.to_text(), &key).err()
    };
    assert_eq!(lie(&|proof| proof.owner = 10_002), Some(Flaw::Balance));
    assert_eq!(lie(&|proof| proof.assets[1].held.balance.amount += 1), Some(Flaw::Balance));
    assert_eq!(lie(&|proof| proof.assets[1].held.index += 1), Some(Flaw::Balance));
    assert_eq!(lie(&|proof| proof.assets[1].entry.root.credit += 1), Some(Flaw::Asset));
    assert_eq!(lie(&|proof| proof.assets[2].entry.leaves += 1), Some(Flaw::Asset));
    assert_eq!(lie(&|proof| proof.assets[1].index = 0), Some(Flaw::Asset));
    assert_eq!(lie(&|proof| proof.assets.swap(0, 1)), Some(Flaw::Form));
    assert_eq!(lie(&|proof| proof.assets.push(proof.assets[3].clone())), Some(Flaw::Form));
    assert_eq!(lie(&|proof| proof.record = proof.record.replace("close_day", "close_dax")), Some(Flaw::Record));
    assert_eq!(lie(&|proof| proof.record = proof.record.replace(" 845 ", " 846 ")), Some(Flaw::Record));
    assert_eq!(lie(&|proof| proof.path.reverse()), Some(Flaw::Record));
    assert_eq!(lie(&|proof| proof.note.push_str("\u{2014} witness.example AAAAAAAA\n")), Some(Flaw::Checkpoint));
    // Another owner's leaf, presented as the holder's.
    let foreign = sample.proof(10_002).assets.remove(0);
    assert_eq!(lie(&|proof| proof.assets[1] = foreign.clone()), Some(Flaw::Balance));
    let other = Signer::from_seed("kontor.example/log", [1; 32]).unwrap();
    assert_eq!(check(&good.to_text(), &other.verifier()).err(), Some(Flaw::Checkpoint));
    // A platform that issued more than it says, and signs it all properly.
    let (mut entry, mut all) = sample.assets[2].clone();
    all[0].amount += 1;
    entry.root = SumTree::new(&all).root().unwrap().unwrap();
    sample.assets[2] = (entry, all);
    sample.sign();
    assert_eq!(check(&sample.proof(10_003).to_text(), &key).err(), Some(Flaw::Unbalanced));
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/proofs"))
}

/// The vectors for verifiers in other languages. `KONTOR_WRITE_VECTORS=1` writes them anew.
#[test]
fn the_vectors_are_what_this_program_makes() {
    let mut sample = Sample::new(1);
    let good = sample.proof(10_003);
    let text = good.to_text();
    let mut richer = good.clone();
    richer.assets[1].held.balance.amount += 1;
    let mut swapped = good.clone();
    swapped.assets.swap(0, 1);
    let mut foreign = good.clone();
    foreign.owner = 10_002;
    let mut negative = good.clone();
    negative.assets[1].held.path[0].credit = -1;
    let other = Signer::from_seed("kontor.example/log", [1; 32]).unwrap();
    let mut second = Sample::new(2);
    let mut resigned = good.clone();
    resigned.note = other.sign(good.note.split_once("\n\n").map(|(text, _)| format!("{text}\n")).unwrap().as_str());
    let mut witnessed = good.clone();
    witnessed.note.push_str("\u{2014} witness.example AAAAAAAA\n");
    let mut files = vec![
        ("many-assets.kontor-proof", text.clone(), "good"),
        ("one-asset.kontor-proof", sample.proof(10_017).to_text(), "good"),
        ("supplier.kontor-proof", sample.proof(10_002).to_text(), "good"),
        ("bad-nothing.kontor-proof", sample.proof(99).to_text(), "bad"),
        ("bad-amount.kontor-proof", richer.to_text(), "bad"),
        ("bad-order.kontor-proof", swapped.to_text(), "bad"),
        ("bad-owner.kontor-proof", foreign.to_text(), "bad"),
        ("bad-key.kontor-proof", resigned.to_text(), "bad"),
        ("bad-second-signature.kontor-proof", witnessed.to_text(), "bad"),
        ("bad-leading-zero.kontor-proof", text.replacen("owner 10003", "owner 010003", 1), "bad"),
        ("bad-carriage-return.kontor-proof", text.replacen("owner 10003\n", "owner 10003\r\n", 1), "bad"),
        ("bad-negative-sum.kontor-proof", negative.to_text(), "bad"),
        ("bad-cut.kontor-proof", text.trim_end().to_owned(), "bad"),
        ("bad-tail.kontor-proof", format!("{text}\n"), "bad"),
        ("ordered-many-assets.kontor-proof", second.proof(10_003).to_text(), "good"),
        ("ordered-one-asset.kontor-proof", second.proof(10_017).to_text(), "good"),
        ("ordered-supplier.kontor-proof", second.proof(10_002).to_text(), "good"),
    ];
    files.extend(forged::vectors().into_iter().map(|(name, proof, _)| (name, proof.to_text(), "bad")));
    let key = sample.signer.verifier();
    let mut list = String::new();
    let write = std::env::var("KONTOR_WRITE_VECTORS").is_ok();
    let compare = |name: &str, content: &str| {
        let path = folder().join(name);
        if write {
            std::fs::write(&path, content).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content, "{name}");
    };
    for (name, content, verdict) in &files {
        assert_eq!(check(content, &key).is_ok(), *verdict == "good", "{name}");
        compare(name, content);
        list.push_str(&format!("{verdict} {name}\n"));
    }
    compare("verdicts.txt", &list);
    compare("log.key", &format!("{}\n", key.to_text()));
    compare("checkpoint.txt", &good.note);
    compare("trees.txt", &tree_vectors());
}

/// Inclusion and consistency proofs as lines: what, places, roots, and hashes.
fn tree_vectors() -> String {
    let mut all = Leaves((0..20_u64).map(|at| leaf_hash(at.to_string().as_bytes())).collect());
    let roots: Vec<Hash> = (0..=20).map(|size| tree::root_at(&mut all, size).unwrap()).collect();
    let root = |size: u64| hex(&roots[usize::try_from(size).unwrap()]);
    let words = |hashes: Vec<Hash>| hashes.iter().map(|hash| format!(" {}", hex(hash))).collect::<String>();
    let mut text = String::new();
    for size in [1, 2, 3, 7, 8, 13, 20_u64] {
        for index in 0..size {
            let path = words(tree::inclusion(&mut all, index, size).unwrap());
            text.push_str(&format!("inclusion {index} {size} {}{path}\n", root(size)));
        }
        for old in 1..=size {
            let path = words(tree::consistency(&mut all, old, size).unwrap());
            text.push_str(&format!("consistency {old} {size} {} {}{path}\n", root(old), root(size)));
        }
    }
    text
}

/// Choices that are the same in every run: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }
}

/// One change to a file: to its bytes, its lines, its numbers, or with parts of another holder's file.
fn mutate(text: &str, other: &str, dice: &mut Dice) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let mut lines: Vec<&str> = text.split('\n').collect();
    let others: Vec<&str> = other.split('\n').collect();
    let at = dice.roll(bytes.len());
    let line = dice.roll(lines.len());
    match dice.roll(10) {
        0 => bytes[at] ^= 1 << dice.roll(8),
        1 => bytes[at] = u8::try_from(dice.roll(256)).unwrap(),
        2 => {
            bytes.remove(at);
        }
        3 => bytes.insert(at, [b'0', b' ', b'\n', b'-', b'a', 0xC3][dice.roll(6)]),
        4 => bytes.swap(at, dice.roll(text.len())),
        5 => {
            lines.remove(line);
            return Some(lines.join("\n"));
        }
        6 => {
            lines.insert(dice.roll(lines.len()), lines[line]);
            return Some(lines.join("\n"));
        }
        7 => {
            let second = dice.roll(lines.len());
            lines.swap(line, second);
            return Some(lines.join("\n"));
        }
        8 => {
            lines[line] = others[dice.roll(others.len())];
            return Some(lines.join("\n"));
        }
        _ => {
            let mut words: Vec<String> = lines[line].split(' ').map(str::to_owned).collect();
            let word = dice.roll(words.len());
            let number: i64 = words[word].parse().ok()?;
            words[word] = number.wrapping_add([1, -1, 100, i64::MIN, i64::MAX][dice.roll(5)]).to_string();
            let changed = words.join(" ");
            lines[line] = &changed;
            return Some(lines.join("\n"));
        }
    }
    String::from_utf8(bytes).ok()
}

/// `KONTOR_PROOF_MUTATIONS=1000000` runs a million.
#[test]
fn mutated_proofs_never_verify() {
    let wanted: u64 = std::env::var("KONTOR_PROOF_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    for version in [1, 2] {
        mutate_many(Sample::new(version), wanted);
    }
}

fn mutate_many(mut sample: Sample, wanted: u64) {
    let key = sample.signer.verifier();
    let (good, other) = (sample.proof(10_003).to_text(), sample.proof(10_002).to_text());
    let mut dice = Dice(20_261_122);
    let mut tried = 0;
    while tried < wanted {
        // Now and then two changes at once.
        let mut changed = mutate(&good, &other, &mut dice);
        if dice.roll(4) == 0 {
            changed = changed.and_then(|text| mutate(&text, &other, &mut dice));
        }
        let Some(changed) = changed.filter(|changed| *changed != good) else { continue };
        tried += 1;
        assert!(check(&changed, &key).is_err(), "a forgery verifies:\n{changed}");
    }
    println!("{tried} mutated proofs, none verifies");
}
