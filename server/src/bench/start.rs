//! From starting the program to its first answer, on a database that has only just been set up and on one with a long journal.

use super::ledger_load::Load;
use super::purchases::Caller;
use super::{Failure, StartOptions, Target, fdatasync_rate, percentile};
use crate::clock::Clock;
use crate::setup::{self, FirstUser, Setup};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ACCOUNTS: i64 = 10_000;
const BATCH: usize = 1_000;
/// A server that has not answered by then does not start at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// The process, ended with the value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Microseconds until the page on which people sign in has come.
fn once(url: &str) -> Result<u64, Failure> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let data = std::env::temp_dir().join(format!("kontor-start-{}", std::process::id()));
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "--database-url", url, "--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(&data);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let _server = Server(command.spawn()?);
    let answer = || Caller::open(port)?.get("/login", "");
    while begun.elapsed() < PATIENCE {
        match answer() {
            Ok((200, _)) => return Ok(u64::try_from(begun.elapsed().as_micros())?),
            Ok((status, page)) => return Err(format!("{status}: {page}").into()),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    Err("the server does not answer".into())
}

/// The median of several starts.
fn often(url: &str, times: usize) -> Result<u64, Failure> {
    let mut all: Vec<u64> = (0..times.max(1)).map(|_| once(url)).collect::<Result<_, _>>()?;
    all.sort_unstable();
    Ok(percentile(&all, 500))
}

pub fn run(options: &StartOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let clock = Clock::default();
    store::migrate(&mut store::connect(&target.url)?)?;
    let user = |number: i32| FirstUser {
        name: format!("Operator {number}"),
        email: format!("operator{number}@kontor.example"),
        password: crate::hash::random_token(),
        roles: "administrator,maker,checker".to_owned(),
        language: "en".to_owned(),
        initial: false,
    };
    let wanted = Setup {
        operator_name: "Bench".to_owned(),
        country: "DE".to_owned(),
        custody_iban: "DE89370400440532013000".to_owned(),
        business_date: clock.now().date(),
        currencies: vec!["EUR".to_owned()],
        users: vec![user(1), user(2)],
    };
    setup::run(&target.url, &wanted, &clock)?;
    let empty = often(&target.url, options.times)?;
    let mut load = Load::prepare(&target.url, ACCOUNTS)?;
    load.grow(options.transfers, BATCH)?;
    let transfers = load.last.0;
    drop(load);
    let long = often(&target.url, options.times)?;
    Ok(json!({
        "bench": "start", "database": target.kind(), "times": options.times, "empty_us": empty, "transfers": transfers, "long_us": long,
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?,
    }))
}
