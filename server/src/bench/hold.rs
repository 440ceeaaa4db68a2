//! Holds a load for minutes: four reads to a purchase, all on one process. It shows that nothing fails and that memory does not
//! grow.

use super::purchases::{Caller, sign_in_desks};
use super::{Failure, HoldOptions, Target, bench_config, fdatasync_rate, memory_kb, pages, per_second};
use crate::clock::Clock;
use crate::demo::history;
use crate::serve;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The pages that a desk reads between two purchases.
const READS: [&str; 4] = ["/home", "/market", "/portfolio", "/cash"];
/// Buckets of a power of two.
const PARTS: u64 = 16;

/// A histogram of latencies, to a sixteenth of each value: its size does not grow with the run.
#[derive(Default)]
struct Spread(BTreeMap<u64, u64>);

impl Spread {
    fn add(&mut self, micros: u64) {
        // The first five bits count, the rest is rounded up.
        let cut = micros.max(1).ilog2().saturating_sub(PARTS.ilog2());
        let place = (micros >> cut).saturating_add(1) << cut;
        let count = self.0.entry(place).or_default();
        *count = count.saturating_add(1);
    }

    fn join(&mut self, other: &Self) {
        for (place, count) in &other.0 {
            let sum = self.0.entry(*place).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The latency that this share (per mille) does not exceed, microseconds.
    fn percentile(&self, per_mille: u64) -> u64 {
        let wanted = u128::from(self.count()).saturating_mul(u128::from(per_mille)).div_ceil(1_000);
        let mut seen = 0_u128;
        let found = self.0.iter().find(|(_, count)| {
            seen = seen.saturating_add(u128::from(**count));
            seen >= wanted
        });
        found.map_or(0, |(place, _)| *place)
    }
}

#[derive(Default)]
struct Held {
    reads: Spread,
    purchases: Spread,
    /// Answers other than 200, by status.
    others: BTreeMap<u16, u64>,
}

/// One desk's requests until the time is over.
fn work(port: u16, (token, cookie): (&str, &str), lot: &history::Lot, name: usize, until: Instant) -> Result<Held, Failure> {
    let body = json!({ "offer_id": lot.offer_id, "units_minor": lot.units_minor, "price_minor": lot.price_minor }).to_string();
    let (mut caller, mut held) = (Caller::open(port)?, Held::default());
    for round in 0_usize.. {
        if Instant::now() >= until {
            break;
        }
        let page = READS.get(round % READS.len().saturating_add(1));
        let begun = Instant::now();
        let (status, _) = match page {
            Some(path) => caller.get(path, cookie)?,
            None => {
                let headers = format!("Authorization: Bearer {token}\r\nIdempotency-Key: hold-{name}-{round}\r\n");
                caller.post("/api/v1/buy-fractions", &headers, &body)?
            }
        };
        let took = u64::try_from(begun.elapsed().as_micros())?;
        let kind = if page.is_some() { &mut held.reads } else { &mut held.purchases };
        kind.add(took);
        if status != 200 {
            let count = held.others.entry(status).or_default();
            *count = count.saturating_add(1);
        }
    }
    Ok(held)
}

pub fn run(options: &HoldOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let clock = Clock::default();
    let lots = history::build_market(&target.url, 1, false, &clock)?;
    let lot = lots.first().ok_or("no offer")?;
    let config = bench_config(&target.url);
    let running = serve::start(config, clock)?;
    let tokens = sign_in_desks(running.port)?;
    let mut conn = store::connect(&target.url)?;
    let cookies = (1..=tokens.len()).map(|number| pages::sign_in(&running, &mut conn, &format!("financier{number}")));
    let cookies: Vec<String> = cookies.collect::<Result<_, _>>()?;
    drop(conn);
    let (started, length) = (Instant::now(), Duration::from_secs(options.seconds));
    // Two of ten minutes are for caches to fill.
    let (settled_at, until) = (length / 5, started + length);
    let (parts, settled_kb, held_kb) = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..options.connections)
            .zip(tokens.iter().zip(&cookies).cycle())
            .map(|(name, (token, cookie))| scope.spawn(move || work(running.port, (token, cookie), lot, name, until)))
            .collect();
        let (mut settled, mut held) = (0, 0);
        while Instant::now() < until {
            let place = if started.elapsed() < settled_at { &mut settled } else { &mut held };
            *place = memory_kb("VmRSS:").max(*place);
            std::thread::sleep(Duration::from_millis(200));
        }
        let join =
            |caller: std::thread::ScopedJoinHandle<'_, _>| caller.join().unwrap_or_else(|_| Err("a caller panicked".into()));
        (callers.into_iter().map(join).collect::<Result<Vec<Held>, Failure>>(), settled, held)
    });
    running.stop()?;
    let mut all = Held::default();
    for part in parts? {
        all.reads.join(&part.reads);
        all.purchases.join(&part.purchases);
        for (status, count) in part.others {
            let sum = all.others.entry(status).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    let (_, finding) = store::verify::verify(&mut store::connect(&target.url)?)?;
    let others: BTreeMap<String, u64> = all.others.iter().map(|(status, count)| (status.to_string(), *count)).collect();
    Ok(json!({
        "bench": "hold", "database": target.kind(), "seconds": options.seconds, "connections": options.connections,
        "reads_per_second": per_second(all.reads.count(), length), "purchases_per_second": per_second(all.purchases.count(), length),
        "read_p50_us": all.reads.percentile(500), "read_p99_us": all.reads.percentile(990),
        "purchase_p50_us": all.purchases.percentile(500), "purchase_p99_us": all.purchases.percentile(990),
        "answers_other_than_200": others,
        "memory_kb_in_the_first_fifth": settled_kb, "memory_kb_after": held_kb, "memory_ratio": super::ratio(held_kb, settled_kb),
        "verified": finding.is_none(), "finding": finding.map(|found| format!("{}: {}", found.place, found.problem)),
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?,
    }))
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn a_percentile_is_told_to_a_sixteenth() {
        let mut spread = Spread::default();
        for micros in 1..=10_000 {
            spread.add(micros);
        }
        assert_eq!(spread.count(), 10_000);
        for (per_mille, exact) in [(500, 5_000), (990, 9_900), (1_000, 10_000)] {
            let told = spread.percentile(per_mille);
            assert!(told >= exact && told <= exact + exact / 8, "{per_mille}: {told}");
        }
        assert!(spread.0.len() < 200, "{}", spread.0.len());
        assert_eq!(Spread::default().percentile(990), 0);
    }
}
