//! One binary for all journeys, house rules and attacks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::float_arithmetic)]

mod api;
mod approved;
mod backup;
mod bank;
mod browser;
mod cluster;
mod confirmation;
mod deliveries;
mod disk;
mod distribution;
mod documents;
mod house_rules;
mod intake;
mod isolation;
mod journey;
mod keys;
mod link;
mod mail;
mod pages;
mod payouts;
mod pressure;
mod programmes;
mod proofs;
mod refusals;
mod replication;
mod security;
mod settlement;
mod simulation;
mod storage;
mod survival;
mod tables;
mod time;
mod twice;
mod upgrade;
mod walks;
