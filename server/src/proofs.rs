//! The command line's side of proofs: checking a position proof offline, and reading saved checkpoints.

use domain::Currency;
use proof::balance::AssetEntry;
use proof::digest::hex;
use proof::note::{Checkpoint, Verifier};
use proof::position::PositionProof;
use std::path::{Path, PathBuf};
use store::verify::Saved;

type Failure = Box<dyn std::error::Error>;

/// A key as text, or the file that holds it.
pub fn read_key(given: &str) -> Result<Verifier, Failure> {
    let text = if Path::new(given).is_file() { std::fs::read_to_string(given)? } else { given.to_owned() };
    Verifier::parse(&text).map_err(|fault| format!("--key: {fault}").into())
}

/// Checks a file and says what it proves, line by line.
pub fn verify_proof(file: &Path, key: &Verifier) -> Result<String, Failure> {
    let bytes = std::fs::read(file)?;
    let text = String::from_utf8(bytes).map_err(|_| proof::position::Flaw::Form)?;
    let proven = PositionProof::parse(&text)?.verify(key)?;
    let mut report =
        format!("GOOD: log {}, {} records; company {} at the end of {}\n", proven.origin, proven.size, proven.owner, proven.day);
    report.push_str(&format!("  record {} ended the day, root {}\n", proven.record, hex(&proven.root)));
    if proven.version == 1 {
        report.push_str("  tree of version 1: it does not show that an asset or an undertaking stands in it only once\n");
    }
    for asset in &proven.assets {
        let entry = &asset.entry;
        let kind = &asset.held.balance.kind;
        let (own, whole) = (words(entry, asset.held.balance.amount), words(entry, entry.root.credit));
        report.push_str(&format!("  {kind} {own} in {} {} (of {whole} in {} accounts)\n", entry.class, entry.name, entry.leaves));
        for (what, hash) in ["terms", "document", "undertaking"].iter().zip(entry.documents.iter().flatten()) {
            report.push_str(&format!("    {what} {}\n", hex(hash)));
        }
    }
    Ok(report)
}

fn words(entry: &AssetEntry, minor: i64) -> String {
    Currency::parse(&entry.currency)
        .map_or_else(|| minor.to_string(), |currency| format!("{} {}", currency.code(), currency.decimal(minor)))
}

/// Checkpoints out of files, and out of every file in a folder. With a key their signatures are checked, too.
pub fn read_checkpoints(paths: &[PathBuf], key: Option<&Verifier>) -> Result<Vec<Saved>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            for entry in std::fs::read_dir(path)? {
                let path = entry?.path();
                if path.extension().is_some_and(|end| end == "checkpoint") {
                    files.push(path);
                }
            }
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    let mut saved = Vec::new();
    for file in files {
        let place = file.display().to_string();
        let note = std::fs::read_to_string(&file).map_err(|error| format!("{place}: {error}"))?;
        let checkpoint = key.map_or_else(|| Checkpoint::parse_unsigned(&note), |key| key.open_checkpoint(&note));
        let checkpoint = checkpoint.map_err(|fault| format!("{place}: {fault}"))?;
        saved.push(Saved { place, checkpoint });
    }
    Ok(saved)
}
