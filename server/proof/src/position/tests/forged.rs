//! Attempts of a platform that signs its own log: it sells one thing twice in full and proves it to both holders. The verifier
//! refuses each attempt with a reason.

use super::super::*;
use super::sample::{Sample, balances, entry};
use crate::naming::reference;

const WHOLE: i64 = 100_000;

/// All of an asset for one company, under any number, class and name, with the papers of receivable 10,050.
fn sold(asset: i64, class: &str, name: &str, owner: i64) -> (AssetEntry, Vec<Balance>) {
    let money = class == "currency";
    let (debit, credit) = if money { ("custody", "cash") } else { ("issued", "holding") };
    let all = balances(asset, debit, credit, &[(owner, WHOLE)]);
    let mut entry = entry(2, asset, class, name, &all);
    if !money {
        entry.documents = Some([[1; 32], [2; 32], [3; 32]]);
    }
    (entry, all)
}

fn fractions(asset: i64, name: &str, owner: i64) -> (AssetEntry, Vec<Balance>) {
    sold(asset, "fractions", name, owner)
}

type Vector = (&'static str, PositionProof, Flaw);

fn of(assets: Vec<(AssetEntry, Vec<Balance>)>) -> Sample {
    Sample::of(2, assets)
}

/// One thing under two numbers, or under one number twice.
fn twice() -> Vec<Vector> {
    let name = reference(10_050);
    let right = || fractions(10_050, &name, 11);
    let mut shared = of(vec![right(), fractions(20_050, &reference(20_050), 12)]);
    shared.undertakings = Some(vec![Undertaking { hash: [3; 32], receivable: 10_050 }]);
    shared.sign();
    let mut two = of(vec![right(), fractions(20_050, &reference(20_050), 12)]);
    let (mut money, all) = sold(979, "currency", "EUR", 12);
    let cash = of(vec![sold(978, "currency", "EUR", 11), (money.clone(), all.clone())]).proof(12);
    (money.class, money.documents) = ("other".to_owned(), None);
    vec![
        ("bad-asset-twice.kontor-proof", of(vec![right(), fractions(10_050, &name, 12)]).proof(11), Flaw::Asset),
        ("bad-asset-twice-other.kontor-proof", of(vec![right(), fractions(10_050, &name, 12)]).proof(12), Flaw::Asset),
        ("bad-second-number.kontor-proof", of(vec![right(), fractions(20_050, &name, 12)]).proof(12), Flaw::Name),
        ("bad-cash-number.kontor-proof", cash, Flaw::Name),
        ("bad-other-named-as-cash.kontor-proof", of(vec![(money, all)]).proof(12), Flaw::Name),
        // Two leaves for one undertaking do not ascend: neither holder is convinced.
        ("bad-undertaking-twice.kontor-proof", two.proof(11), Flaw::Undertaking),
        ("bad-undertaking-twice-other.kontor-proof", two.proof(12), Flaw::Undertaking),
        // One leaf says which of them it is.
        ("bad-undertaking-of-another.kontor-proof", shared.proof(12), Flaw::Undertaking),
    ]
}

/// Numbers, names and places that do not belong together.
fn untied() -> Vec<Vector> {
    let name = reference(10_050);
    let sample = || Sample::new(2).proof(10_003);
    let (mut entry, all) = sold(10_052, "fractions", &name, 12);
    (entry.class, entry.name, entry.currency) = ("other".to_owned(), "10052".to_owned(), "-".to_owned());
    let unordered = vec![fractions(10_060, &reference(10_060), 12), fractions(10_050, &name, 11)];
    let mut bare = fractions(10_050, &name, 12);
    bare.0.documents = None;
    let cash = balances(10_050, "issued", "cash", &[(12, WHOLE)]);
    let (kind, _) = fractions(10_050, &name, 12);
    let kind = AssetEntry { root: crate::balance::SumTree::new(&cash).root().unwrap().unwrap(), ..kind };
    let mut nowhere = sample();
    if let DayPath::Ordered(_, place) = &mut nowhere.assets[2].path {
        *place = None;
    }
    let mut widened = sample();
    if let DayPath::Ordered(path, _) = &mut widened.assets[1].path {
        path[0].least = Key::of_asset(0);
    }
    vec![
        ("bad-unordered.kontor-proof", of(unordered).proof(11), Flaw::Asset),
        ("bad-reserve-as-fractions.kontor-proof", of(vec![fractions(10_051, &name, 12)]).proof(12), Flaw::Name),
        ("bad-fractions-as-reserve.kontor-proof", of(vec![sold(10_050, "reserve", &name, 12)]).proof(12), Flaw::Name),
        ("bad-check-digits.kontor-proof", of(vec![fractions(10_050, "RF18R10050", 12)]).proof(12), Flaw::Name),
        ("bad-name.kontor-proof", of(vec![fractions(10_050, &reference(10_060), 12)]).proof(12), Flaw::Name),
        ("bad-other-with-papers.kontor-proof", of(vec![(entry, all)]).proof(12), Flaw::Form),
        ("bad-without-papers.kontor-proof", of(vec![bare]).proof(12), Flaw::Name),
        ("bad-kind.kontor-proof", of(vec![(kind, cash)]).proof(12), Flaw::Balance),
        ("bad-without-undertaking.kontor-proof", nowhere, Flaw::Form),
        ("bad-widened.kontor-proof", widened, Flaw::Asset),
    ]
}

/// Parts of one version in the other.
fn mixed() -> Vec<Vector> {
    let name = reference(10_050);
    let with = |version: u8, day: u8| {
        let (mut entry, all) = fractions(10_050, &name, 12);
        entry.version = version;
        Sample::of(day, vec![(entry, all)]).proof(12)
    };
    let mut late = Sample::new(1);
    late.day_ended = "2026-11-29";
    late.sign();
    let mut first = Sample::new(1).proof(10_003);
    first.version = 2;
    for asset in &mut first.assets {
        asset.path = DayPath::Ordered(Vec::new(), None);
        asset.entry.documents = None;
    }
    let mut second = Sample::new(2).proof(10_003);
    second.version = 1;
    for asset in &mut second.assets {
        asset.path = DayPath::Plain(Vec::new());
    }
    vec![
        ("bad-old-entry-in-new-day.kontor-proof", with(1, 2), Flaw::Asset),
        ("bad-new-entry-in-old-day.kontor-proof", with(2, 1), Flaw::Asset),
        ("bad-new-file-of-old-day.kontor-proof", first, Flaw::Record),
        ("bad-old-file-of-new-day.kontor-proof", second, Flaw::Record),
        ("bad-old-version-of-late-day.kontor-proof", late.proof(10_003), Flaw::Version),
    ]
}

/// Files that prove nothing, each with the flaw that it shows.
pub(super) fn vectors() -> Vec<Vector> {
    [twice(), untied(), mixed()].concat()
}

#[test]
fn nothing_is_proven_twice() {
    let key = Sample::new(2).signer.verifier();
    for (name, proof, flaw) in vectors() {
        let verdict = PositionProof::parse(&proof.to_text()).and_then(|proof| proof.verify(&key));
        assert_eq!(verdict, Err(flaw), "{name}");
    }
    // The last day of version 1, and any day of version 2.
    for (version, day_ended) in [(1, "2026-11-28"), (2, "2026-11-29"), (2, "2030-01-01")] {
        let mut sample = Sample::new(version);
        sample.day_ended = day_ended;
        sample.sign();
        assert!(sample.proof(10_003).verify(&key).is_ok(), "{version} {day_ended}");
    }
    // The proofs from which they are made are good.
    for owner in [11, 12] {
        let (one, other) = (fractions(10_050, &reference(10_050), 11), sold(10_060, "fractions", &reference(10_060), 12));
        let other = (AssetEntry { documents: Some([[1; 32], [2; 32], [4; 32]]), ..other.0 }, other.1);
        let proof = of(vec![one, other]).proof(owner);
        assert!(PositionProof::parse(&proof.to_text()).unwrap().verify(&key).is_ok());
    }
}
