//! One binary for all journeys, house rules and attacks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::float_arithmetic)]

mod browser;
mod confirmation;
mod distribution;
mod house_rules;
mod intake;
mod journey;
mod mail;
mod pages;
mod payouts;
mod proofs;
mod refusals;
mod security;
mod settlement;
mod simulation;
mod storage;
mod survival;
