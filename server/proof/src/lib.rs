//! The means by which people check Kontor without trusting it: a Merkle log, signed checkpoints, Merkle sum trees and the
//! position proof. Pure: no SQL, no clock, no randomness; the server and the offline verifier share every line.
//!
//! docs/PROOFS.md specifies each byte that is made or read here.
#![cfg_attr(test, allow(clippy::as_conversions))]

pub mod balance;
pub mod day;
pub mod digest;
pub mod iso4217;
pub mod naming;
pub mod note;
pub mod ordered;
pub mod position;
pub mod record;
pub mod salt;
pub mod tree;

pub use digest::Hash;
