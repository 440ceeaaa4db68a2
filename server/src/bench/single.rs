//! One transfer at a time, by callers that each wait for the answer. Transfers that arrive during a commit share the next commit,
//! as in the writer.

use super::ledger_load::{Load, pair};
use super::{Failure, SingleOptions, Target, baseline, fdatasync_rate, peak_memory_kb, per_second, percentile, ratio};
use crate::dice::Dice;
use serde_json::{Value, json};
use std::sync::mpsc;
use std::time::{Duration, Instant};

type Asked = ((i64, i64), mpsc::SyncSender<()>);

/// One caller: asks, waits for the durable answer, asks again.
fn call(queue: &mpsc::SyncSender<Asked>, seed: usize, accounts: i64, length: Duration) -> Result<Vec<u64>, Failure> {
    let mut dice = Dice(u64::try_from(seed)?);
    let started = Instant::now();
    let mut latencies = Vec::new();
    while started.elapsed() < length {
        let (reply, answer) = mpsc::sync_channel(1);
        let begun = Instant::now();
        queue.send((pair(&mut dice, accounts, false), reply)).map_err(|_| "the writer is gone")?;
        answer.recv().map_err(|_| "no answer")?;
        latencies.push(u64::try_from(begun.elapsed().as_micros())?);
    }
    Ok(latencies)
}

fn measure(load: &mut Load, clients: usize, accounts: i64, length: Duration) -> Result<(u64, Vec<u64>), Failure> {
    let (queue, inbox) = mpsc::sync_channel::<Asked>(clients.max(1));
    let started = Instant::now();
    let mut latencies = std::thread::scope(|scope| -> Result<Vec<u64>, Failure> {
        let callers: Vec<_> = (0..clients)
            .map(|number| {
                let queue = queue.clone();
                scope.spawn(move || call(&queue, number, accounts, length))
            })
            .collect();
        drop(queue);
        while let Ok(first) = inbox.recv() {
            let mut waiting = vec![first];
            waiting.extend(inbox.try_iter());
            load.post(&waiting.iter().map(|(pair, _)| *pair).collect::<Vec<_>>())?;
            for (_, reply) in waiting {
                let _ = reply.send(());
            }
        }
        let mut all = Vec::new();
        for caller in callers {
            all.extend(caller.join().map_err(|_| "a caller panicked")??);
        }
        Ok(all)
    })?;
    let rate = per_second(u64::try_from(latencies.len())?, started.elapsed());
    latencies.sort_unstable();
    Ok((rate, latencies))
}

pub fn run(options: &SingleOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let length = Duration::from_secs(options.seconds);
    let short = Duration::from_secs(options.seconds.div_ceil(2));
    let before = options.baseline_url.as_ref().map(|url| baseline::measure(url, short)).transpose()?;
    let mut load = Load::prepare(&target.url, options.accounts)?;
    let (rate, latencies) = measure(&mut load, options.clients, options.accounts, length)?;
    drop(load);
    let after = options.baseline_url.as_ref().map(|url| baseline::measure(url, short)).transpose()?;
    let base = before.zip(after).map(|((a, _), (b, _))| a.saturating_add(b) / 2);
    Ok(json!({
        "bench": "single", "database": target.kind(), "clients": options.clients, "accounts": options.accounts, "seconds": options.seconds,
        "transfers_per_second": rate, "p50_us": percentile(&latencies, 500), "p99_us": percentile(&latencies, 990),
        "B_transfers_per_second": base, "ratio_to_B": base.map(|base| ratio(rate, base)),
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?, "peak_memory_kb": peak_memory_kb(),
    }))
}
