//! The tools of the journeys: databases of both kinds, a real server on its own port, and a client like a browser without
//! JavaScript.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::missing_panics_doc)]

pub mod client;
pub mod databases;
pub mod disk;
pub mod load;
pub mod simulation;
pub mod smtp;
pub mod world;

pub use client::{Answer, Client};
pub use databases::Database;
pub use world::World;

/// The folder of shared files, if it is here; says so when it is not.
#[must_use]
pub fn shared_data() -> Option<std::path::PathBuf> {
    let root = std::env::var("KONTOR_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_owned());
    let data = std::path::Path::new(&root).join("data");
    if data.exists() {
        Some(data)
    } else {
        println!("left out: shared data is absent");
        None
    }
}

/// How often a test repeats itself: a few times in `./check`, and by `tests/survive` as often as docs/SURVIVAL.md says.
#[must_use]
pub fn rounds(short: u64, long: u64) -> u64 {
    if std::env::var_os("KONTOR_LONG").is_some() { long } else { short }
}
