//! The running process: HTTP, jobs, and the one writer behind them.
#![cfg_attr(test, allow(clippy::as_conversions))]

pub mod auth;
pub mod backup;
pub mod bank_channel;
pub mod bank_check;
pub mod batch;
#[cfg(feature = "demo")]
pub mod bench;
pub mod clock;
pub mod commands;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "demo")]
pub mod dice;
pub mod encrypted;
pub mod export;
#[cfg(feature = "fault-injection")]
pub mod fault;
pub mod file_reader;
pub mod hash;
pub mod health;
pub mod http;
pub mod jobs;
pub mod proofs;
pub mod sbom;
pub mod serve;
pub mod setup;
pub mod writer;
