//! Measures whether the time of a refused sign-in shows that an address is known. It sends wrong passwords for a known and an
//! unknown address in turn.

use super::purchases::Caller;
use super::{Failure, SignInOptions, Target, peak_memory_kb, percentile};
use crate::clock::Clock;
use crate::demo::{self, history};
use crate::http::prove;
use crate::serve::{self, Running};
use kernel::UserId;
use serde_json::{Value, json};
use std::time::Instant;

const KNOWN: &str = "buyer1@kontor.example";
const UNKNOWN: &str = "nobody1@kontor.example";

/// Microseconds of one refused sign-in, from a sender of its own so that none is bounded.
fn refused(caller: &mut Caller, email: &str, sender: usize) -> Result<u64, Failure> {
    let headers = format!("X-Forwarded-For: 2001:db8:{:x}:{:x}::1\r\n", sender >> 16, sender & 0xffff);
    let body = json!({ "email": email, "password": "a wrong one of usual length" }).to_string();
    let started = Instant::now();
    let (status, answer) = caller.post("/api/v1/token", &headers, &body)?;
    let elapsed = u64::try_from(started.elapsed().as_micros())?;
    if status == 401 { Ok(elapsed) } else { Err(format!("{status} {answer}").into()) }
}

/// The number of pairs, out of 1,000, in which the known try took longer than the unknown one; 500 shows no difference.
fn longer_per_mille(known: &[u64], unknown: &[u64]) -> u64 {
    let longer: usize = known.iter().map(|time| unknown.partition_point(|other| other < time)).sum();
    let pairs = known.len().saturating_mul(unknown.len()).max(1);
    u64::try_from(longer.saturating_mul(1_000) / pairs).unwrap_or(0)
}

fn measure(running: &Running, user_id: UserId, tries: usize) -> Result<[Vec<u64>; 2], Failure> {
    let mut caller = Caller::open(running.port)?;
    let (mut known, mut unknown) = (Vec::with_capacity(tries), Vec::with_capacity(tries));
    for number in 0..tries.saturating_add(20) {
        let first = [KNOWN, UNKNOWN];
        // Which comes first changes, so that neither always follows the other.
        let order = if number % 2 == 0 { [0, 1] } else { [1, 0] };
        for place in order {
            let email = first.get(place).copied().unwrap_or(UNKNOWN);
            let time = refused(&mut caller, email, number.saturating_mul(2).saturating_add(place))?;
            if number >= 20 {
                if place == 0 { known.push(time) } else { unknown.push(time) }
            }
        }
        // The test clears the tries so that no account locks: it does not measure the cost of a lock.
        prove::forget_tries(&running.app, user_id);
    }
    known.sort_unstable();
    unknown.sort_unstable();
    Ok([known, unknown])
}

pub fn run(options: &SignInOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let clock = Clock::default();
    history::build(&target.url, 3, &clock)?;
    let mut config = demo::config(target.url.clone(), "127.0.0.1:0", "http://localhost", &std::env::temp_dir());
    config.trusted_proxies = vec![std::net::IpAddr::from([127, 0, 0, 1])];
    let running = serve::start(config, clock)?;
    let found = store::people::find_user_by_email(&mut store::connect(&target.url)?, KNOWN)?;
    let user = found.ok_or("nobody has the known address")?;
    let [known, unknown] = measure(&running, user.id, options.tries)?;
    let hashed = running.app.hashing.hashed();
    running.stop()?;
    let figures = |times: &[u64]| json!({ "p10_us": percentile(times, 100), "median_us": percentile(times, 500), "p90_us": percentile(times, 900) });
    let difference = percentile(&known, 500).abs_diff(percentile(&unknown, 500));
    Ok(json!({
        "bench": "sign-in", "database": target.kind(), "tries_each": options.tries, "hashed": hashed,
        "known": figures(&known), "unknown": figures(&unknown), "difference_of_medians_us": difference,
        "known_takes_longer_per_mille": longer_per_mille(&known, &unknown), "peak_memory_kb": peak_memory_kb(),
    }))
}
