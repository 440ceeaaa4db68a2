//! Runs the simulation by hand, for as long as you like: one seed, or one after the other.

#![allow(clippy::expect_used)]

use e2e::Database;
use e2e::simulation::{Settings, run};
use std::process::ExitCode;

const HELP: &str = "simulate --seed N [--commands 10000] [--seeds 1] [--calm] [--postgres | --database-url URL]

  --seed N            the first seed; without it one is drawn and printed
  --commands N        commands of each run (10000)
  --seeds N           runs one seed after the other, so many of them (1)
  --calm              without failed commits, lost replies and crashes
  --postgres          on PostgreSQL clusters of its own instead of SQLite files of its own
  --database-url URL  on this empty database, for one seed";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut seed, mut seeds, mut settings, mut postgres, mut url) = (None, 1_u64, Settings::new(0, 10_000), false, None);
    while let Some(name) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok());
        let known = match name.as_str() {
            "--seed" => number().map(|value| seed = Some(value)),
            "--seeds" => number().map(|value| seeds = value),
            "--commands" => number().map(|value| settings.commands = value),
            "--calm" => {
                settings.faults = false;
                Some(())
            }
            "--postgres" => {
                postgres = true;
                Some(())
            }
            "--database-url" => arguments.next().map(|value| url = Some(value)),
            _ => None,
        };
        if known.is_none() {
            println!("{HELP}");
            return ExitCode::from(2);
        }
    }
    let first = seed.unwrap_or_else(e2e::simulation::drawn_seed);
    for seed in first..first.saturating_add(seeds) {
        settings.seed = seed;
        let own = if url.is_some() { None } else { Some(database(postgres)) };
        let place = url.clone().or_else(|| own.as_ref().map(|database| database.url.clone())).unwrap_or_default();
        match run(&place, settings) {
            Ok(report) => println!("{report:?}"),
            Err(failure) => {
                println!("{failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn database(postgres: bool) -> Database {
    if postgres { Database::postgres().expect("PostgreSQL is installed") } else { Database::sqlite() }
}
