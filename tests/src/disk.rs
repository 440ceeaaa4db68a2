//! A disk that tests can break on purpose: the library of `tests/disk.c`, its orders, and its log.

use crate::databases::Database;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// An operation that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    WalWrite,
    WalSync,
    FileWrite,
    FileSync,
}

impl Operation {
    pub const ALL: [Self; 4] = [Self::WalWrite, Self::WalSync, Self::FileWrite, Self::FileSync];
}

pub const EIO: i64 = 5;
pub const ENOSPC: i64 = 28;

/// The disk below one SQLite database of a child process.
pub struct Disk {
    folder: PathBuf,
    log: PathBuf,
    control: PathBuf,
    /// The database before the child opened it.
    pub before: Vec<u8>,
}

const FIRED: u64 = 4;
const SEEN: u64 = 5;

/// None where there is no C compiler, unless the run insists on it.
fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = LIBRARY.get_or_init(|| {
        let target = std::env::current_exe().ok()?.with_extension("disk.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/disk.c");
        let done = Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(&target).args([source, "-ldl"]).status();
        done.is_ok_and(|status| status.success()).then_some(target)
    });
    assert!(built.is_some() || std::env::var("KONTOR_REQUIRE_ALL").is_err(), "a C compiler is needed");
    if built.is_none() {
        println!("left out: there is no C compiler");
    }
    built.as_deref()
}

impl Disk {
    /// Puts the disk below the database as it is now; no process may have the database open.
    #[must_use]
    pub fn below(database: &Database) -> Option<Self> {
        library()?;
        let folder = database.folder.clone();
        let (log, control) = (folder.join("disk.log"), folder.join("disk.control"));
        std::fs::write(&log, []).unwrap();
        std::fs::write(&control, [0_u8; 4096]).unwrap();
        let before = std::fs::read(&database.url).unwrap();
        Some(Self { folder, log, control, before })
    }

    /// The variables for the child's environment.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.display().to_string();
        vec![
            ("LD_PRELOAD", library().map_or_else(String::new, text)),
            ("KONTOR_DISK_FOLDER", text(&self.folder)),
            ("KONTOR_DISK_LOG", text(&self.log)),
            ("KONTOR_DISK_CONTROL", text(&self.control)),
        ]
    }

    fn set(&self, place: u64, value: i64) {
        let file = std::fs::OpenOptions::new().write(true).open(&self.control).unwrap();
        file.write_all_at(&value.to_ne_bytes(), place * 8).unwrap();
    }

    fn get(&self, place: u64) -> i64 {
        let mut bytes = [0_u8; 8];
        std::fs::File::open(&self.control).unwrap().read_exact_at(&mut bytes, place * 8).unwrap();
        i64::from_ne_bytes(bytes)
    }

    /// From the `nth` operation of these on, counted from now: once, or until it is healed.
    pub fn break_at(&self, operations: &[Operation], nth: i64, error: i64, until_healed: bool) {
        self.heal();
        for (place, value) in [(1, nth), (2, error), (3, i64::from(until_healed)), (FIRED, 0)] {
            self.set(place, value);
        }
        self.set(0, operations.iter().map(|operation| 1 << (*operation as i64)).sum());
    }

    pub fn heal(&self) {
        self.set(0, 0);
    }

    /// How many operations have failed since it was broken.
    #[must_use]
    pub fn fired(&self) -> i64 {
        self.get(FIRED)
    }

    /// How many there were of this kind, failed or not.
    #[must_use]
    pub fn seen(&self, operation: Operation) -> i64 {
        self.get(SEEN + operation as u64)
    }

    /// The present length of the log: everything synced before is in it.
    #[must_use]
    pub fn moment(&self) -> u64 {
        std::fs::metadata(&self.log).unwrap().len()
    }

    /// Puts into the folder the files that a power loss at this moment would have left. `keep` is asked for each piece that was
    /// written and not synced: whether it has reached the disk by chance.
    pub fn rebuild(&self, moment: u64, folder: &Path, mut keep: impl FnMut() -> bool) -> PathBuf {
        let log = std::fs::read(&self.log).unwrap();
        let number = |at: usize| u64::from_ne_bytes(log[at..at + 8].try_into().unwrap());
        let mut files = [Kept { durable: Some(self.before.clone()), pending: Vec::new() }, Kept::default()];
        let mut at = 0;
        while at + 32 <= log.len() && (at as u64) < moment {
            let (operation, file, place, length) = (number(at), number(at + 8), number(at + 16), number(at + 24) as usize);
            let file = &mut files[file as usize - 1];
            let data = if operation == 2 { &log[at + 32..at + 32 + length] } else { &[] };
            at += 32 + data.len();
            match operation {
                2 => file.pending.push(Piece::Written(place as usize, data)),
                3 => file.pending.push(Piece::Cut(place as usize)),
                4 => file.settle(|| true),
                5 => *file = Kept::default(),
                // After a failed sync the kernel may believe that its pages are clean: they never reach the disk.
                _ => file.pending.clear(),
            }
        }
        std::fs::create_dir_all(folder).unwrap();
        let database = folder.join("kontor.sqlite");
        for (file, name) in files.iter_mut().zip(["kontor.sqlite", "kontor.sqlite-wal"]) {
            file.settle(&mut keep);
            match &file.durable {
                Some(content) => std::fs::write(folder.join(name), content).unwrap(),
                None => drop(std::fs::remove_file(folder.join(name))),
            }
        }
        let _ = std::fs::remove_file(folder.join("kontor.sqlite-shm"));
        database
    }
}

#[derive(Default)]
struct Kept<'a> {
    durable: Option<Vec<u8>>,
    pending: Vec<Piece<'a>>,
}

enum Piece<'a> {
    Written(usize, &'a [u8]),
    Cut(usize),
}

impl Kept<'_> {
    fn settle(&mut self, mut keep: impl FnMut() -> bool) {
        for piece in std::mem::take(&mut self.pending) {
            if !keep() {
                continue;
            }
            let content = self.durable.get_or_insert_default();
            match piece {
                Piece::Written(place, data) => {
                    content.resize(content.len().max(place + data.len()), 0);
                    content[place..place + data.len()].copy_from_slice(data);
                }
                Piece::Cut(length) => content.resize(length, 0),
            }
        }
    }
}
