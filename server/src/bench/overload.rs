//! Twice the load that the server can carry. First, callers that wait for their answers find the rate that the server carries.
//! Then requests arrive at twice that rate, without waiting for answers. Accepted requests should keep their latency, the rest be
//! refused at once, and memory stay bounded.

use super::purchases::{Load, load, sign_in_desks};
use super::{Failure, OverloadOptions, Target, bench_config, fdatasync_rate, peak_memory_kb, per_second, percentile, ratio};
use crate::clock::Clock;
use crate::demo::history;
use crate::serve;
use actix_web::rt::net::TcpStream;
use actix_web::rt::time::sleep_until;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Microseconds from the moment at which each request was due.
#[derive(Default)]
struct Waits {
    accepted: Vec<u64>,
    sent_away: Vec<u64>,
    /// How late requests were sent, because the answer before them on their connection had not come.
    late: Vec<u64>,
}

/// A connection that is waited for without a thread of its own: thousands of those would leave the server no time.
struct Caller {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Caller {
    async fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::new() })
    }

    async fn post(&mut self, head: &str, body: &str) -> Result<u16, Failure> {
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let mut left = request.as_bytes();
        while !left.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(left) {
                Ok(count) => left = left.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.answer.clear();
        let mut part = [0_u8; 4_096];
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut part) {
                Ok(0) => return Err("the connection was closed".into()),
                Ok(count) => self.answer.extend_from_slice(part.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            if let Some(status) = status_of(&self.answer) {
                return Ok(status);
            }
        }
    }
}

/// The status of an answer that has come whole.
fn status_of(answer: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let status = head.split(' ').nth(1)?.parse().ok()?;
    (body.len() >= length.unwrap_or(0_usize)).then_some(status)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The work of one of many callers: a request at each of its moments. Its latency counts from the moment, not from the actual
/// sending.
async fn call(
    mut caller: Caller,
    moments: Vec<Duration>,
    started: Instant,
    head: String,
    body: String,
) -> Result<Waits, Failure> {
    let mut waits = Waits::default();
    for (round, due) in moments.into_iter().enumerate() {
        sleep_until((started + due).into()).await;
        waits.late.push(micros(started.elapsed().saturating_sub(due)));
        let status = caller.post(&format!("{head}-{round}\r\n"), &body).await?;
        let took = micros(started.elapsed().saturating_sub(due));
        match status {
            200 => waits.accepted.push(took),
            503 => waits.sent_away.push(took),
            _ => return Err(format!("{status}: {}", String::from_utf8_lossy(&caller.answer)).into()),
        }
    }
    Ok(waits)
}

/// Sends requests at `rate` a second, evenly over the connections, for `length`; none waits for another connection's answer.
async fn arrive(work: &Load<'_>, rate: u64, length: Duration) -> Result<Waits, Failure> {
    let lot = work.lots.first().ok_or("no offer")?;
    let body = json!({ "offer_id": lot.offer_id, "units_minor": lot.units_minor, "price_minor": lot.price_minor }).to_string();
    let mut callers = Vec::new();
    for _ in 0..work.connections {
        callers.push(Caller::open(work.port).await?);
    }
    let pause = Duration::from_nanos(1_000_000_000 / rate.max(1));
    let round = pause.saturating_mul(u32::try_from(work.connections)?);
    let (started, mut running) = (Instant::now(), Vec::new());
    for ((caller, number), token) in callers.into_iter().zip(0_u32..).zip(work.tokens.iter().cycle()) {
        let first = pause.saturating_mul(number);
        let moments = (0_u32..).map(|count| first.saturating_add(round.saturating_mul(count)));
        let moments = moments.take_while(|due| *due < length).collect();
        let head = format!(
            "POST /api/v1/buy-fractions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {token}\r\nIdempotency-Key: {}-{number}",
            work.name
        );
        running.push(actix_web::rt::spawn(call(caller, moments, started, head, body.clone())));
    }
    let mut all = Waits::default();
    for one in running {
        let part = one.await??;
        all.accepted.extend(part.accepted);
        all.sent_away.extend(part.sent_away);
        all.late.extend(part.late);
    }
    for list in [&mut all.accepted, &mut all.sent_away, &mut all.late] {
        list.sort_unstable();
    }
    Ok(all)
}

pub fn run(options: &OverloadOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let clock = Clock::default();
    let lots = history::build_market(&target.url, 1, false, &clock)?;
    let config = bench_config(&target.url);
    let running = serve::start(config, clock)?;
    let tokens = sign_in_desks(running.port)?;
    let length = Duration::from_secs(options.seconds);
    let work = |name, connections| Load { name, port: running.port, tokens: &tokens, lots: &lots, connections };
    let carried = load(&work("carried", options.connections), &|elapsed| elapsed < length)?;
    let memory = peak_memory_kb();
    let rate = carried.rate.saturating_mul(options.times);
    let pressed = actix_web::rt::System::new().block_on(arrive(&work("pressed", options.callers), rate, length));
    let grown = peak_memory_kb();
    running.stop()?;
    let pressed = pressed?;
    let (_, finding) = store::verify::verify(&mut store::connect(&target.url)?)?;
    let count = |list: &[u64]| u64::try_from(list.len()).unwrap_or(u64::MAX);
    let (calm_p99, pressed_p99) = (percentile(&carried.latencies, 990), percentile(&pressed.accepted, 990));
    Ok(json!({
        "bench": "overload", "database": target.kind(), "seconds": options.seconds, "connections": options.connections,
        "carried_per_second": carried.rate, "carried_p50_us": percentile(&carried.latencies, 500), "carried_p99_us": calm_p99,
        "carried_503": carried.refused, "callers": options.callers, "times": options.times, "due_per_second": rate,
        "sent_late_p99_us": percentile(&pressed.late, 990),
        "accepted_per_second": per_second(count(&pressed.accepted), length),
        "accepted_p50_us": percentile(&pressed.accepted, 500), "accepted_p99_us": pressed_p99,
        "accepted_p99_to_carried": ratio(pressed_p99, calm_p99),
        "sent_away_per_second": per_second(count(&pressed.sent_away), length),
        "sent_away_p50_us": percentile(&pressed.sent_away, 500), "sent_away_p99_us": percentile(&pressed.sent_away, 990),
        "peak_memory_kb_carried": memory, "peak_memory_kb": grown,
        "verified": finding.is_none(), "finding": finding.map(|found| format!("{}: {}", found.place, found.problem)),
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?,
    }))
}
