//! Benchmarks. Every figure comes with its settings and a baseline in the same run, so that a reader can take ratios.

pub mod bare;
pub mod baseline;
pub mod growth;
pub mod hold;
pub mod import;
pub mod intake;
pub mod ledger_load;
pub mod overload;
pub mod pages;
pub mod purchases;
pub mod redeem;
pub mod sign_in;
pub mod single;
pub mod start;
pub mod table;

use crate::config::database_url;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::time::Duration;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Subcommand, Clone, Debug)]
pub enum Bench {
    /// Transfers in batches on the chained journal: random accounts and one hot account.
    Ledger(LedgerOptions),
    /// Transfers one at a time by concurrent callers, none of whom knows of a batch.
    Single(SingleOptions),
    /// Transfers, balances and statements on a journal and on one ten times as long.
    History(HistoryOptions),
    /// The main pages of each role, with the data of a big customer, beside a server that says hello.
    Pages(PagesOptions),
    /// Purchases over HTTP to durable commit by concurrent financiers.
    Purchases(PurchaseOptions),
    /// Refused sign-ins for a known and an unknown address in turn: whether their time shows which address is known.
    SignIn(SignInOptions),
    /// From starting the program to its first answer, with an empty and with a long journal.
    Start(StartOptions),
    /// Four reads to a purchase, for minutes: that nothing fails, and memory stays where it is.
    Hold(HoldOptions),
    /// Purchases at twice the rate that can be carried: what is accepted, what is sent away, and how fast.
    Overload(OverloadOptions),
    /// One payment shared out among very many holders, to the last unit, while others go on buying.
    Redeem(RedeemOptions),
    /// Invoices read, held to the rules and compared with very many others of their seller, beside the Python package factur-x.
    Intake(IntakeOptions),
    /// One table of very many rows, taken whole in one commit, and how long others wait for it.
    Table(TableOptions),
    /// One bank statement of very many entries, imported piece by piece.
    Import(ImportOptions),
    /// One transfer per transaction, and one purchase per transaction, by 8 clients on PostgreSQL.
    Baseline(BaselineOptions),
}

#[derive(Args, Clone, Debug)]
pub struct LedgerOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// An empty PostgreSQL database on which the baseline runs before and after.
    #[arg(long, value_parser = database_url)]
    pub baseline_url: Option<String>,
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    #[arg(long, default_value_t = 1_000)]
    pub batch: usize,
    #[arg(long, default_value_t = 10_000)]
    pub accounts: i64,
}

#[derive(Args, Clone, Debug)]
pub struct SingleOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// An empty PostgreSQL database on which the baseline runs before and after.
    #[arg(long, value_parser = database_url)]
    pub baseline_url: Option<String>,
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    #[arg(long, default_value_t = 10_000)]
    pub accounts: i64,
}

#[derive(Args, Clone, Debug)]
pub struct HistoryOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// Transfers of the shorter journal.
    #[arg(long, default_value_t = 100_000)]
    pub transfers: i64,
    #[arg(long, default_value_t = 1_000)]
    pub batch: usize,
    #[arg(long, default_value_t = 1_000)]
    pub accounts: i64,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3)]
    pub seconds: u64,
}

#[derive(Args, Clone, Debug)]
pub struct PagesOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// Invoices of the big customer.
    #[arg(long, default_value_t = 10_000)]
    pub invoices: usize,
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Seconds for each page.
    #[arg(long, default_value_t = 3)]
    pub seconds: u64,
}

#[derive(Args, Clone, Debug)]
pub struct PurchaseOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// An empty PostgreSQL database on which the baseline runs before and after.
    #[arg(long, value_parser = database_url)]
    pub baseline_url: Option<String>,
    #[arg(long, default_value_t = 8)]
    pub seconds: u64,
    #[arg(long, default_value_t = 128)]
    pub connections: usize,
    /// Offers over which the purchases are spread; 1 is one hot offer.
    #[arg(long, default_value_t = 1)]
    pub offers: usize,
}

#[derive(Args, Clone, Debug)]
pub struct SignInOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// Wrong passwords for each of the two addresses.
    #[arg(long, default_value_t = 1_000)]
    pub tries: usize,
}

#[derive(Args, Clone, Debug)]
pub struct StartOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// Transfers of the long journal.
    #[arg(long, default_value_t = 1_000_000)]
    pub transfers: i64,
    /// Number of starts; the report gives their median.
    #[arg(long, default_value_t = 7)]
    pub times: usize,
}

#[derive(Args, Clone, Debug)]
pub struct HoldOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// Up to a quarter of an hour, for which a token is good.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(5..=840))]
    pub seconds: u64,
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
}

#[derive(Args, Clone, Debug)]
pub struct OverloadOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// Seconds of each of the two loads.
    #[arg(long, default_value_t = 8)]
    pub seconds: u64,
    /// Callers that wait for their answers, to find out how much can be carried.
    #[arg(long, default_value_t = 128)]
    pub connections: usize,
    /// How many times that rate comes in afterwards.
    #[arg(long, default_value_t = 2)]
    pub times: u64,
    /// Connections over which it comes in.
    #[arg(long, default_value_t = 2_048)]
    pub callers: usize,
}

#[derive(Args, Clone, Debug)]
pub struct RedeemOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// An empty PostgreSQL database on which the baseline runs before and after.
    #[arg(long, value_parser = database_url)]
    pub baseline_url: Option<String>,
    #[arg(long, default_value_t = 1_000_000)]
    pub holders: i64,
    /// Callers that buy from another offer meanwhile; none measures the redemption alone.
    #[arg(long, default_value_t = 8)]
    pub connections: usize,
}

#[derive(Args, Clone, Debug)]
pub struct IntakeOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// A Python that has the package factur-x; none leaves the comparison out.
    #[arg(long)]
    pub python: Option<String>,
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// Invoices of the same seller that are there already.
    #[arg(long, default_value_t = 100_000)]
    pub existing: usize,
    /// Different files that come in.
    #[arg(long, default_value_t = 5_000)]
    pub files: usize,
}

#[derive(Args, Clone, Debug)]
pub struct TableOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    /// Invoices of the same seller that are there already.
    #[arg(long, default_value_t = 100_000)]
    pub existing: usize,
    #[arg(long, default_value_t = 20_000)]
    pub rows: usize,
}

#[derive(Args, Clone, Debug)]
pub struct ImportOptions {
    /// An empty database; none means a temporary SQLite file.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: Option<String>,
    #[arg(long, default_value_t = 20_000)]
    pub entries: i64,
}

#[derive(Args, Clone, Debug)]
pub struct BaselineOptions {
    /// An empty PostgreSQL database.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    pub database_url: String,
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
}

/// Runs a bench and returns what it found, as JSON.
pub fn run(what: &Bench) -> Result<Value, Failure> {
    match what {
        Bench::Ledger(options) => ledger_load::run(options),
        Bench::Single(options) => single::run(options),
        Bench::History(options) => growth::run(options),
        Bench::Pages(options) => pages::run(options),
        Bench::Purchases(options) => purchases::run(options),
        Bench::SignIn(options) => sign_in::run(options),
        Bench::Start(options) => start::run(options),
        Bench::Hold(options) => hold::run(options),
        Bench::Overload(options) => overload::run(options),
        Bench::Redeem(options) => redeem::run(options),
        Bench::Intake(options) => intake::run(options),
        Bench::Table(options) => table::run(options),
        Bench::Import(options) => import::run(options),
        Bench::Baseline(options) => baseline::run(&options.database_url, Duration::from_secs(options.seconds)),
    }
}

/// A temporary SQLite file unless a database was named; the folder goes with the value.
pub struct Target {
    pub url: String,
    folder: Option<std::path::PathBuf>,
}

impl Target {
    pub fn new(url: Option<&String>) -> std::io::Result<Self> {
        if let Some(url) = url {
            return Ok(Self { url: url.clone(), folder: None });
        }
        Self::temporary("bench")
    }

    /// An SQLite file in a folder of this name.
    pub fn temporary(name: &str) -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("kontor-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self { url: folder.join("kontor.sqlite").display().to_string(), folder: Some(folder) })
    }

    #[must_use]
    pub fn kind(&self) -> &'static str {
        if store::connection::is_postgres(&self.url) { "postgres" } else { "sqlite" }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Events a second, whole.
#[must_use]
/// A server whose callers all come from here, with as much as they can.
pub fn bench_config(url: &str) -> crate::config::Config {
    let limits = crate::limits::Limits::wide();
    crate::config::Config {
        limits,
        ..crate::demo::config(url.to_owned(), "127.0.0.1:0", "http://localhost", &std::env::temp_dir())
    }
}

pub fn per_second(count: u64, elapsed: Duration) -> u64 {
    let nanos = elapsed.as_nanos().max(1);
    u64::try_from(u128::from(count).saturating_mul(1_000_000_000) / nanos).unwrap_or(u64::MAX)
}

/// `a / b` with two decimals, as text: a ratio for people.
#[must_use]
pub fn ratio(a: u64, b: u64) -> String {
    let hundredths = u128::from(a).saturating_mul(100) / u128::from(b.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The latency below which this share (per mille) of the sorted samples lies, microseconds.
#[must_use]
pub fn percentile(sorted: &[u64], per_mille: usize) -> u64 {
    let at = sorted.len().saturating_mul(per_mille) / 1_000;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}

/// The most memory that this process has had, kilobytes, as the kernel says.
#[must_use]
pub fn peak_memory_kb() -> u64 {
    memory_kb("VmHWM:")
}

/// A figure of the kernel's on this process's memory, kilobytes.
#[must_use]
pub fn memory_kb(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// How often a second this machine makes a small write durable, for reference.
pub fn fdatasync_rate(folder: &std::path::Path) -> std::io::Result<u64> {
    use std::io::Write;
    let path = folder.join(format!("kontor-sync-{}", std::process::id()));
    let mut file = std::fs::File::create(&path)?;
    let started = std::time::Instant::now();
    let mut count = 0_u64;
    while started.elapsed() < Duration::from_millis(500) {
        file.write_all(&[0_u8; 512])?;
        file.sync_data()?;
        count = count.saturating_add(1);
    }
    let rate = per_second(count, started.elapsed());
    std::fs::remove_file(&path)?;
    Ok(rate)
}
