//! Pure double entry: accounts, linked transfers, holds, and the chained journal they leave behind.
//!
//! The ledger knows no invoices, no SQL and no clock. Callers load the accounts and holds that a batch touches into a [`Book`],
//! apply linked sets of entries, and store the changes that [`Book::take_changes`] returns.
//!
//! Invariants, each held by [`Book::apply`] and shown by the tests:
//! * every transfer moves one amount between two accounts of one asset, so each asset sums to zero;
//! * an account with [`Floor::Zero`] never has less than its open holds;
//! * a linked set is applied whole or not at all;
//! * transfer numbers are gapless and rise by one.
#![cfg_attr(test, allow(clippy::as_conversions))]

mod book;
mod chain;
mod model;

pub use book::{Book, Changes, Entry, Rejection, Verdict};
pub use chain::{Chain, CorruptChain, Tree};
pub use model::{Account, AccountId, AssetId, Code, Floor, Hold, HoldState, Kind, Leg, Side, Transfer, TransferNumber};
