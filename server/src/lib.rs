//! The running process: HTTP, jobs, and the one writer behind them.
#![cfg_attr(test, allow(clippy::as_conversions))]

pub mod allowance;
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
pub mod hashing;
pub mod health;
pub mod http;
pub mod jobs;
pub mod limits;
pub mod pace;
pub mod proofs;
pub mod quotas;
pub mod sbom;
pub mod serve;
pub mod setup;
pub mod view;
pub mod writer;

/// Writes the log to standard error, one JSON object a line; `KONTOR_LOG` goes before the filter given.
pub fn start_log(filter: &str) {
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("KONTOR_LOG").unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(filter));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}
