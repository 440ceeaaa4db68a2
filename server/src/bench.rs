//! Measuring: placeholder.
use clap::Subcommand;
#[derive(Subcommand)]
pub enum Bench { /// x
 Ledger }
pub fn run(_b: &Bench) -> Result<serde_json::Value, Box<dyn std::error::Error>> { Ok(serde_json::json!({})) }
