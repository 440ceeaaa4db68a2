//! The demo world: companies, ninety days of history made by running the real commands, and open work for
//! every role.

pub mod files;
pub mod history;

use crate::clock::Clock;
use crate::config::Config;
use crate::serve;
use std::time::Instant;
use store::StoreError;

/// The password of everybody in the demo.
pub const PASSWORD: &str = "the-quay-at-nine";

/// Builds the world, serves it, and prints one sign-in per role.
pub fn run(listen: &str, days: u32, database_url: Option<String>) -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("kontor-demo-{}", std::process::id()));
    crate::config::private_folder(&folder)?;
    let end = if database_url.is_some() { "the world stays in its database" } else { "the world is thrown away" };
    let database_url = database_url.unwrap_or_else(|| folder.join("kontor.sqlite").display().to_string());
    let started = Instant::now();
    println!("Building the demo world …");
    let clock = Clock::default();
    let port = listen.rsplit(':').next().unwrap_or("8080").to_owned();
    let sign_ins = history::build(&database_url, days, &clock)?;
    let config = config(database_url, listen, &format!("http://localhost:{port}"), &folder);
    let running = serve::start(config, clock)?;
    println!("Kontor's demo world is up after {} s: http://localhost:{}", started.elapsed().as_secs(), running.port);
    println!("Everybody's password is: {PASSWORD}");
    for (role, email) in sign_ins {
        println!("  {role:<22} {email}");
    }
    println!("Stop with Ctrl-C; {end}.");
    let done = running.wait_for_signal(std::time::Duration::from_millis(200));
    std::fs::remove_dir_all(&folder)?;
    Ok(done?)
}

/// A server's settings in the demo world.
#[must_use]
pub fn config(database_url: String, listen: &str, base_url: &str, data: &std::path::Path) -> Config {
    Config {
        database_url,
        listen: listen.to_owned(),
        data: data.to_owned(),
        smtp_url: std::env::var("SMTP_URL").ok(),
        smtp_timeout: std::time::Duration::from_secs(20),
        mail_from: "Kontor <kontor@localhost>".to_owned(),
        base_url: base_url.to_owned(),
        secret: crate::hash::random_token(),
        second_factor: crate::config::SecondFactor::Optional,
        demo: true,
        metrics_listen: None,
        trusted_proxies: Vec::new(),
        file_reader: crate::config::own_program().unwrap_or_default(),
        limits: crate::limits::Limits::default(),
        checkpoints: crate::config::CheckpointConfig::default(),
        bank: None,
    }
}

/// Where building the world can fail.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the demo's {command} was refused: {reason}")]
    Refused { command: &'static str, reason: String },
    #[error("{0}")]
    Other(String),
}
