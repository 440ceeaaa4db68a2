//! One binary for all journeys, house rules and attacks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::float_arithmetic)]

mod browser;
mod house_rules;
mod journey;
mod refusals;
mod security;
mod simulation;
mod storage;
mod survival;
