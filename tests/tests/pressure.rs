//! More load than can be carried: what is accepted keeps its latency, the rest is sent away at once, memory stays bounded.

use crate::survival::{spawn, wait_ready};
use e2e::load::{Answers, Buyer, Ends, market};
use e2e::{Database, databases};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Peak memory of a process in megabytes.
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("0");
    line.split_whitespace().find_map(|word| word.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

/// Latencies of what was accepted, and of what was sent away, each with its Retry-After.
#[derive(Default)]
struct Waits {
    accepted: Vec<Duration>,
    refused: Vec<(Duration, Option<u64>)>,
}

fn high(list: &mut [Duration]) -> Duration {
    list.sort_unstable();
    list.get(list.len() * 99 / 100).copied().unwrap_or_default()
}

/// So many buyers at once; whoever is sent away comes back a little later.
fn press(buyer: &Buyer, buyers: usize, name: &str, answers: &Answers, meanwhile: impl FnOnce()) -> Waits {
    let (waits, stop) = (Mutex::new(Waits::default()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (waits, stop) = (&waits, &stop);
        let _ends = Ends(stop);
        let mut last = buyer.clone();
        for worker in 0..buyers {
            let one = if worker % 100 == 0 { buyer.apart() } else { last.clone() };
            last.clone_from(&one);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let (key, started) = (format!("press-{name}-{worker}-{number}"), Instant::now());
                    let answer = one.answer(&key);
                    let took = started.elapsed();
                    answers.note(key, answer.map(|(status, _)| status));
                    if matches!(answer, Some((503, _))) {
                        std::thread::sleep(Duration::from_millis(200));
                    }
                    let mut waits = waits.lock().unwrap();
                    match answer {
                        Some((503, seconds)) => waits.refused.push((took, seconds)),
                        _ => waits.accepted.push(took),
                    }
                }
            });
        }
        meanwhile();
    });
    waits.into_inner().unwrap()
}

#[test]
fn too_much_load_is_sent_away_and_the_rest_is_served() {
    for database in Database::both() {
        let market = market(&database);
        let port = databases::free_port();
        let child = spawn(&database, port, &[]);
        wait_ready(port);
        let buyer = Buyer::new(&format!("http://127.0.0.1:{port}"), market.0);
        let (answers, time) = (Answers::default(), Duration::from_secs(e2e::rounds(1, 20)));
        let mut carried = press(&buyer, 128, "carried", &answers, || std::thread::sleep(time));
        let memory = peak_memory(child.id());
        // The database stands still, and more ask than can wait.
        let mut pressed = press(&buyer, 1_400, "pressed", &answers, || {
            for _ in 0..e2e::rounds(1, 10) {
                std::thread::sleep(Duration::from_millis(200));
                let mut conn = store::connect(&database.url).unwrap();
                while store::connection::begin_batch(&mut conn).is_err() {}
                std::thread::sleep(Duration::from_millis(2_000));
                store::connection::roll_back_batch(&mut conn).unwrap();
            }
            std::thread::sleep(Duration::from_millis(500));
        });
        let grown = peak_memory(child.id());
        let mut sent_away: Vec<Duration> = pressed.refused.iter().map(|(took, _)| *took).collect();
        let (accepted, refused) = (pressed.accepted.len(), sent_away.len());
        let (before, after, away) = (high(&mut carried.accepted), high(&mut pressed.accepted), high(&mut sent_away));
        println!(
            "{}: 128 buyers {} at p99 {before:?}; 1,400 with a database that stands still for two seconds {accepted} at p99 {after:?}, {refused} sent away at p99 {away:?}; {memory} MB, then {grown} MB",
            database.kind,
            carried.accepted.len(),
        );
        assert!(carried.refused.is_empty(), "{} were sent away from what it carries", carried.refused.len());
        assert!(refused > 0 && pressed.refused.iter().all(|(_, seconds)| *seconds == Some(1)), "{refused}");
        assert!(accepted > 512, "work goes on: {accepted}");
        assert!(away < Duration::from_millis(1_500), "whoever is sent away does not wait for the database: {away:?}");
        assert!(grown < 300, "{grown} MB");
        assert!(answers.other.lock().unwrap().is_empty(), "{:?}", answers.other);
        assert_eq!(answers.violations(&database, "press-", market), Vec::<String>::new());
    }
}
