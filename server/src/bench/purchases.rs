//! Purchases over HTTP to durable commit: concurrent financiers, rights, rules, audit and the bearer token included.

use super::{
    Failure, PurchaseOptions, Target, bare, baseline, bench_config, fdatasync_rate, peak_memory_kb, per_second, percentile, ratio,
};
use crate::clock::Clock;
use crate::demo::{self, history};
use crate::serve;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One kept-open connection that speaks just enough HTTP/1.1 for the load.
pub(super) struct Caller {
    stream: BufReader<TcpStream>,
}

impl Caller {
    pub(super) fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub(super) fn post(&mut self, path: &str, headers: &str, body: &str) -> Result<(u16, String), Failure> {
        self.exchange(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        ))
    }

    pub(super) fn get(&mut self, path: &str, headers: &str) -> Result<(u16, String), Failure> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"))
    }

    fn exchange(&mut self, request: &str) -> Result<(u16, String), Failure> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no status")?;
        let mut length = 0_usize;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut content = vec![0_u8; length];
        self.stream.read_exact(&mut content)?;
        Ok((status, String::from_utf8_lossy(&content).into_owned()))
    }
}

pub(super) struct Figures {
    pub rate: u64,
    /// Microseconds, sorted.
    pub latencies: Vec<u64>,
    pub refused: u64,
}

/// The parameters of a load: server, callers, offers, and number of connections. The name keeps its keys apart from those of
/// other loads.
pub(super) struct Load<'a> {
    pub name: &'a str,
    pub port: u16,
    pub tokens: &'a [String],
    pub lots: &'a [history::Lot],
    pub connections: usize,
}

/// Buys over and over on all connections as long as `go_on` says.
pub(super) fn load(load: &Load<'_>, go_on: &(dyn Fn(Duration) -> bool + Sync)) -> Result<Figures, Failure> {
    let &Load { name, port, tokens, lots, connections } = load;
    let (done, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let latencies = Mutex::new(Vec::new());
    let started = Instant::now();
    let failures: Vec<Failure> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..connections)
            .map(|number| {
                let (done, refused, latencies) = (&done, &refused, &latencies);
                let token = tokens.get(number % tokens.len().max(1)).cloned().unwrap_or_default();
                let lot = lots.get(number % lots.len().max(1)).cloned();
                scope.spawn(move || -> Result<(), Failure> {
                    let lot = lot.ok_or("no offer")?;
                    let mut caller = Caller::open(port)?;
                    let body =
                        json!({ "offer_id": lot.offer_id, "units_minor": lot.units_minor, "price_minor": lot.price_minor })
                            .to_string();
                    let mut mine = Vec::new();
                    let mut round = 0_u64;
                    while go_on(started.elapsed()) {
                        let headers = format!("Authorization: Bearer {token}\r\nIdempotency-Key: {name}-{number}-{round}\r\n");
                        let begun = Instant::now();
                        let (status, answer) = caller.post("/api/v1/buy-fractions", &headers, &body)?;
                        mine.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
                        match status {
                            200 => done.fetch_add(1, Ordering::Relaxed),
                            503 => refused.fetch_add(1, Ordering::Relaxed),
                            _ => return Err(format!("{status}: {answer}").into()),
                        };
                        round = round.saturating_add(1);
                    }
                    latencies.lock().map_err(|_| "poisoned")?.extend(mine);
                    Ok(())
                })
            })
            .collect();
        callers.into_iter().filter_map(|caller| caller.join().unwrap_or_else(|_| Err("a caller panicked".into())).err()).collect()
    });
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure);
    }
    let rate = per_second(done.load(Ordering::Relaxed), started.elapsed());
    let mut latencies = latencies.into_inner().map_err(|_| "poisoned")?;
    latencies.sort_unstable();
    Ok(Figures { rate, latencies, refused: refused.load(Ordering::Relaxed) })
}

/// Bearer tokens of the demo's three desks in EUR.
pub(super) fn sign_in_desks(port: u16) -> Result<Vec<String>, Failure> {
    let mut caller = Caller::open(port)?;
    let mut tokens = Vec::new();
    for number in 1..=3 {
        let body = json!({ "email": format!("financier{number}@kontor.example"), "password": demo::PASSWORD }).to_string();
        let (_, answer) = caller.post("/api/v1/token", "", &body)?;
        let answer: Value = serde_json::from_str(&answer)?;
        tokens.push(answer.get("access_token").and_then(Value::as_str).ok_or("no token")?.to_owned());
    }
    Ok(tokens)
}

pub fn run(options: &PurchaseOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let short = Duration::from_secs(options.seconds.div_ceil(2));
    let before = options.baseline_url.as_ref().map(|url| baseline::measure(url, short)).transpose()?;
    let clock = Clock::default();
    let lots = history::build_market(&target.url, options.offers, false, &clock)?;
    let config = bench_config(&target.url);
    let running = serve::start(config, clock)?;
    let tokens = sign_in_desks(running.port)?;
    let length = Duration::from_secs(options.seconds);
    let work = Load { name: "bench", port: running.port, tokens: &tokens, lots: &lots, connections: options.connections };
    let figures = load(&work, &|elapsed| elapsed < length);
    running.stop()?;
    let figures = figures?;
    let peak_memory_kb = peak_memory_kb();
    // The prototype's tables go where the baseline's do, or into a file of their own.
    let beside = if target.kind() == "postgres" { None } else { Some(Target::temporary("bare")?) };
    let beside_url = beside.as_ref().map(|target| &target.url).or(options.baseline_url.as_ref());
    let bare = beside_url.map(|url| bare::measure(url, &work, length)).transpose()?;
    let (_, finding) = store::verify::verify(&mut store::connect(&target.url)?)?;
    let after = options.baseline_url.as_ref().map(|url| baseline::measure(url, short)).transpose()?;
    let base = before.zip(after).map(|((_, a), (_, b))| a.saturating_add(b) / 2);
    let p99 = percentile(&figures.latencies, 990);
    let bare_p99 = bare.as_ref().map(|bare| percentile(&bare.latencies, 990));
    Ok(json!({
        "bench": "purchases", "database": target.kind(), "connections": options.connections, "offers": options.offers, "seconds": options.seconds,
        "purchases_per_second": figures.rate, "p50_us": percentile(&figures.latencies, 500), "p99_us": p99,
        "prototype_per_second": bare.map(|bare| bare.rate), "prototype_p99_us": bare_p99,
        "p99_to_prototype": bare_p99.map(|bare| ratio(p99, bare)),
        "busy_503": figures.refused, "D_purchases_per_second": base, "ratio_to_D": base.map(|base| ratio(figures.rate, base)),
        "verified": finding.is_none(), "finding": finding.map(|found| format!("{}: {}", found.place, found.problem)),
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?, "peak_memory_kb": peak_memory_kb,
    }))
}
