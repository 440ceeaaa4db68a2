//! The main pages of each role as signed-in people see them, with the data of a big customer. Beside them: the simplest answer of
//! the same web server.

use super::purchases::Caller;
use super::{Failure, PagesOptions, Target, bench_config, fdatasync_rate, peak_memory_kb, per_second, percentile};
use crate::clock::Clock;
use crate::commands::Actor;
use crate::commands::people::sign_in::SignIn;
use crate::demo::history;
use crate::hash::{random_token, sha256_hex};
use crate::http::rights::SESSION_COOKIE;
use crate::serve::{self, Running};
use domain::party::SessionKind;
use kernel::SessionId;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Whose page, and which.
const PAGES: &[(&str, &str)] = &[
    ("supplier1", "/home"),
    ("supplier1", "/invoices"),
    ("supplier1", "/receivables"),
    ("buyer1", "/home"),
    ("buyer1", "/payables"),
    ("financier1", "/market"),
    ("financier1", "/portfolio"),
    ("operator", "/ops"),
    ("operator", "/audit"),
];

/// A session like that of a browser, and the header that carries it.
pub(super) fn sign_in(running: &Running, conn: &mut store::Conn, name: &str) -> Result<String, Failure> {
    let email = format!("{name}@kontor.example");
    let user = store::people::find_user_by_email(conn, &email)?.ok_or("nobody has this address")?;
    let token = random_token();
    let command = SignIn {
        token_hash: sha256_hex(token.as_bytes()),
        csrf: random_token(),
        kind: SessionKind::Page,
        agent: "bench".to_owned(),
        life_minutes: 60,
        totp_step: 0,
        replaces: SessionId(0),
    };
    let reply = running.app.writer.submit_blocking(Actor::person(user.party_id, user.id), random_token(), command.into());
    reply.map_err(|no| format!("{no:?}"))?;
    Ok(format!("Cookie: {SESSION_COOKIE}={token}\r\n"))
}

struct Figures {
    rate: u64,
    p99: u64,
    bytes: usize,
}

/// Asks for one page over and over on all connections.
fn measure(port: u16, path: &str, headers: &str, connections: usize, length: Duration) -> Result<Figures, Failure> {
    let started = Instant::now();
    let (mut latencies, bytes) = std::thread::scope(|scope| -> Result<(Vec<u64>, usize), Failure> {
        let callers: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(move || -> Result<(Vec<u64>, usize), Failure> {
                    let mut caller = Caller::open(port)?;
                    let (mut mine, mut bytes) = (Vec::new(), 0);
                    while started.elapsed() < length {
                        let begun = Instant::now();
                        let (status, page) = caller.get(path, headers)?;
                        if status != 200 {
                            return Err(format!("{path}: {status}").into());
                        }
                        bytes = page.len();
                        mine.push(u64::try_from(begun.elapsed().as_micros())?);
                    }
                    Ok((mine, bytes))
                })
            })
            .collect();
        let (mut all, mut bytes) = (Vec::new(), 0);
        for caller in callers {
            let (mine, size) = caller.join().map_err(|_| "a caller panicked")??;
            all.extend(mine);
            bytes = size;
        }
        Ok((all, bytes))
    })?;
    let rate = per_second(u64::try_from(latencies.len())?, started.elapsed());
    latencies.sort_unstable();
    Ok(Figures { rate, p99: percentile(&latencies, 990), bytes })
}

/// Per cent with one decimal, as text.
fn per_cent(part: u64, whole: u64) -> String {
    let tenths = u128::from(part).saturating_mul(1_000) / u128::from(whole.max(1));
    format!("{}.{}", tenths / 10, tenths % 10)
}

pub fn run(options: &PagesOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let clock = Clock::default();
    history::build_big_customer(&target.url, options.invoices, &clock)?;
    store::connection::analyze(&mut store::connect(&target.url)?)?;
    let config = bench_config(&target.url);
    let running = serve::start(config, clock)?;
    let mut conn = store::connect(&target.url)?;
    let length = Duration::from_secs(options.seconds);
    let hello = || {
        let (stop, port) = serve::start_hello()?;
        let found = measure(port, "/", "", options.connections, length);
        stop();
        found
    };
    let before = hello()?;
    let mut pages = Vec::new();
    for (name, path) in PAGES {
        let headers = sign_in(&running, &mut conn, name)?;
        pages.push((*name, *path, measure(running.port, path, &headers, options.connections, length)?));
    }
    let after = hello()?;
    running.stop()?;
    let base = before.rate.saturating_add(after.rate) / 2;
    let rows: Vec<Value> = pages
        .iter()
        .map(|(name, path, found)| {
            json!({
                "person": name, "page": path, "requests_per_second": found.rate, "p99_us": found.p99, "bytes": found.bytes,
                "per_cent_of_hello": per_cent(found.rate, base),
            })
        })
        .collect();
    Ok(json!({
        "bench": "pages", "database": target.kind(), "invoices": options.invoices, "connections": options.connections,
        "seconds": options.seconds, "hello_per_second": base, "pages": rows,
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?, "peak_memory_kb": peak_memory_kb(),
    }))
}
