//! A disk that loses what was not synced, fails or is full, below SQLite; and a PostgreSQL that refuses: BAR.md R3, R4.

use crate::survival::{Process, spawn, wait_ready};
use e2e::disk::{Disk, EIO, ENOSPC, Operation};
use e2e::load::{self, Answers, Buyer, Ends, buy_until, market};
use e2e::{Database, databases};
use kernel::OfferId;
use server::dice::Dice;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use store::records::Record;

/// A server on a disk of our own.
struct Machine {
    database: Database,
    market: (OfferId, i64),
    disk: Disk,
    _child: Process,
    base: String,
    buyer: Buyer,
}

impl Machine {
    fn start(settings: &[(&str, &str)]) -> Option<Self> {
        let database = Database::sqlite();
        let market = market(&database);
        let disk = Disk::below(&database)?;
        let port = databases::free_port();
        let own = disk.settings();
        let all: Vec<(&str, &str)> =
            own.iter().map(|(name, value)| (*name, value.as_str())).chain(settings.iter().copied()).collect();
        let child = spawn(&database, port, &all);
        wait_ready(port);
        let base = format!("http://127.0.0.1:{port}");
        let buyer = Buyer::new(&base, market.0);
        Some(Self { database, market, disk, _child: child, base, buyer })
    }

    fn wait_for(&self, status: u16) -> Duration {
        let started = Instant::now();
        while load::status(&self.base, "/readyz") != status {
            assert!(started.elapsed() < Duration::from_secs(10), "/readyz never says {status}");
            std::thread::sleep(Duration::from_millis(10));
        }
        started.elapsed()
    }
}

/// How many of so many power losses lost something that was acknowledged or broke the books, and each loss in words.
fn lose_power(points: u64, load: Duration, settings: &[(&str, &str)]) -> Option<Vec<String>> {
    let machine = Machine::start(settings)?;
    let acknowledged: Mutex<Vec<(String, u64)>> = Mutex::default();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (machine, acknowledged) = (&machine, &acknowledged);
            scope.spawn(move || {
                for number in 0.. {
                    if started.elapsed() > load {
                        break;
                    }
                    let key = format!("power-{worker}-{number}");
                    assert_eq!(machine.buyer.buy(&key), Some(200));
                    // Whatever made it durable is in the disk's log by now.
                    acknowledged.lock().unwrap().push((key, machine.disk.moment()));
                }
            });
        }
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    let (first, last) = (acknowledged[0].1, machine.disk.moment());
    println!("{} purchases, {} operations' bytes", acknowledged.len(), last);
    let mut dice = Dice(e2e::simulation::drawn_seed());
    let mut losses = Vec::new();
    for point in 0..points {
        let moment = first + dice.roll((last - first) as i64) as u64;
        let copy = Database::sqlite();
        // Every other time nothing is kept but what was synced, else half of the rest by chance.
        let place = machine.disk.rebuild(moment, &copy.folder, || point % 2 == 1 && dice.roll(2) == 1);
        let mut conn = store::connect(&place.display().to_string()).unwrap();
        let kept = store::AuditRecord::list_where(&mut conn, "idempotency_key LIKE 'power-%'", &[]).unwrap();
        let kept: BTreeSet<String> = kept.into_iter().map(|row| row.idempotency_key).collect();
        let lost = acknowledged.iter().filter(|(key, by)| *by <= moment && !kept.contains(key)).count();
        let finding = store::verify::verify(&mut conn).unwrap().1;
        if lost > 0 || finding.is_some() {
            losses.push(format!("at {moment}: {lost} acknowledged and lost, {finding:?}"));
        }
    }
    Some(losses)
}

/// R3: whatever moment the power goes, nothing acknowledged is lost.
#[test]
fn a_power_loss_loses_nothing_acknowledged() {
    let (points, seconds) = (e2e::rounds(10, 200), e2e::rounds(1, 3));
    let Some(losses) = lose_power(points, Duration::from_secs(seconds), &[]) else { return };
    println!("{points} points, {} losses", losses.len());
    assert_eq!(losses, Vec::<String>::new());
}

/// R3's negative control: the same with synchronous=NORMAL.
#[cfg(feature = "fault-injection")]
#[test]
fn the_power_loss_catches_a_writer_that_does_not_wait_for_the_disk() {
    let (points, seconds) = (e2e::rounds(10, 200), e2e::rounds(1, 3));
    let settings = [("KONTOR_FAULT", "synchronous-normal")];
    let Some(losses) = lose_power(points, Duration::from_secs(seconds), &settings) else { return };
    println!("{points} points, {} losses: {:?}", losses.len(), losses.first());
    assert!(losses.iter().any(|loss| loss.contains("acknowledged and lost")));
}

#[cfg(not(feature = "fault-injection"))]
#[test]
fn the_power_loss_catches_a_writer_that_does_not_wait_for_the_disk() {
    println!("left out: needs the feature fault-injection; ./check runs it");
}

/// Buys until the fault has struck and a little more; then the disk is well again, and whoever has no answer asks again.
fn strike(machine: &Machine, answers: &Answers, name: &str, (operation, nth, error, lasting): (Operation, i64, i64, bool)) {
    machine.disk.break_at(&[operation], nth, error, lasting);
    let before = answers.unknown.lock().unwrap().len();
    for number in 0..400 {
        let key = format!("disk-{name}-{number}");
        answers.note(key.clone(), machine.buyer.buy(&key));
        let struck = machine.disk.fired() > 0;
        let noticed = answers.unknown.lock().unwrap().len() > before;
        // What fails while the log is carried over into the file is tried again by SQLite, and fails no command.
        if struck && (noticed || matches!(operation, Operation::FileWrite | Operation::FileSync)) {
            break;
        }
    }
    assert!(machine.disk.fired() > 0, "{name}: the fault never struck");
    if lasting && matches!(operation, Operation::WalWrite | Operation::WalSync) {
        machine.wait_for(503);
        assert_eq!(machine.buyer.buy(&format!("disk-{name}-refused")), Some(503));
        answers.note(format!("disk-{name}-refused"), Some(503));
    }
    machine.disk.heal();
    machine.wait_for(200);
    let open: Vec<String> = answers.unknown.lock().unwrap()[before..].to_vec();
    for key in open {
        assert_eq!(machine.buyer.buy(&key), Some(200), "{key}");
        answers.acknowledged.lock().unwrap().push(key);
    }
}

/// R4: a write or a sync fails, once or until the disk is well again, at the first, second, … operation.
#[test]
fn a_failing_disk_loses_nothing_and_is_gone_on_with() {
    let Some(machine) = Machine::start(&[]) else { return };
    let answers = Answers::default();
    let before = Operation::ALL.map(|operation| machine.disk.seen(operation));
    answers.note("disk-measure".to_owned(), machine.buyer.buy("disk-measure"));
    let of_one: Vec<i64> =
        Operation::ALL.iter().zip(before).map(|(operation, before)| machine.disk.seen(*operation) - before).collect();
    let mut strikes = 0;
    for operation in Operation::ALL {
        // All operations of two purchases, or of the write-ahead log's way into the file; in the short form some.
        let all = if operation == Operation::WalWrite { 2 * of_one[0] } else { 40 };
        let step = if e2e::rounds(1, 0) == 0 { 1 } else { (all / 3).max(1) as usize };
        let all = if matches!(operation, Operation::WalSync | Operation::FileSync) { 3 } else { all };
        for nth in (1..=all).step_by(step) {
            for (error, lasting) in [(EIO, false), (ENOSPC, true)] {
                strike(&machine, &answers, &format!("{operation:?}-{nth}-{lasting}"), (operation, nth, error, lasting));
                strikes += 1;
            }
        }
    }
    println!("{strikes} faults struck, {} purchases; one makes {of_one:?} operations", answers.count());
    assert_eq!(answers.other.lock().unwrap().len(), 0, "{answers:?}");
    assert_eq!(answers.violations(&machine.database, "disk-", machine.market), Vec::<String>::new());
    // And what a power loss now would leave has all of it: nothing was acknowledged that a failed sync had not kept.
    let copy = Database::sqlite();
    let place = machine.disk.rebuild(u64::MAX, &copy.folder, || false);
    let rebuilt = Database { url: place.display().to_string(), folder: copy.folder.clone(), kind: "sqlite" };
    assert_eq!(answers.violations(&rebuilt, "disk-", machine.market), Vec::<String>::new());
}

/// R4's negative control: a disk that says it has kept what it has not is caught by the same check.
#[test]
fn the_failing_disk_catches_a_lie() {
    let Some(machine) = Machine::start(&[]) else { return };
    let answers = Answers::default();
    for number in 0..5 {
        let key = format!("disk-lie-{number}");
        answers.note(key.clone(), machine.buyer.buy(&key));
    }
    let copy = Database::sqlite();
    let early = machine.disk.rebuild(machine.disk.moment() / 2, &copy.folder, || false);
    let rebuilt = Database { url: early.display().to_string(), folder: copy.folder.clone(), kind: "sqlite" };
    let found = answers.violations(&rebuilt, "disk-lie", machine.market);
    assert!(found.iter().any(|violation| violation.contains("acknowledged and lost")), "{found:?}");
}

/// A file system that goes with its test.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let done = std::process::Command::new(program).args(arguments).arg(&self.0).output();
        done.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.run("umount", &["-l"]);
    }
}

/// R4 on a file system that is really full: a few megabytes in memory, which only root can mount.
#[test]
fn a_full_file_system_is_waited_for() {
    let database = Database::sqlite();
    let mounted = Mounted(database.folder.clone());
    if !mounted.run("mount", &["-t", "tmpfs", "-o", "size=16m", "none"]) {
        println!("left out: no file system can be mounted");
        return;
    }
    let market = market(&database);
    let port = databases::free_port();
    let mut child = spawn(&database, port, &[]);
    wait_ready(port);
    let base = format!("http://127.0.0.1:{port}");
    let buyer = Buyer::new(&base, market.0);
    let (answers, stop) = (Answers::default(), AtomicBool::new(false));
    let waited = std::thread::scope(|scope| {
        let (answers, stop, buyer) = (&answers, &stop, &buyer);
        let _ends = Ends(stop);
        scope.spawn(move || buy_until(buyer, 4, "full", stop, answers));
        while answers.count() < 20 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let ballast = database.folder.join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        while std::io::Write::write_all(&mut file, &[7_u8; 4096]).is_ok() {}
        let started = Instant::now();
        while load::status(&base, "/readyz") != 503 {
            assert!(started.elapsed() < Duration::from_secs(10), "a full file system goes unnoticed");
        }
        // An open file would keep its space.
        drop(file);
        std::fs::remove_file(&ballast).unwrap();
        let freed = Instant::now();
        wait_ready(port);
        let waited = freed.elapsed();
        let count = answers.count();
        while answers.count() < count + 20 {
            std::thread::sleep(Duration::from_millis(5));
        }
        waited
    });
    let refused = answers.unknown.lock().unwrap().len();
    println!("{} bought, {refused} refused while it was full; ready {waited:?} after there was space", answers.count());
    let found = answers.violations(&database, "full-", market);
    child.signal("-KILL");
    child.wait();
    assert!(refused > 0 && answers.other.lock().unwrap().is_empty(), "{answers:?}");
    assert_eq!(found, Vec::<String>::new());
}

/// R4 on PostgreSQL: the database refuses writes, throws everybody out, and lets nobody in; each time work goes on by itself.
/// ASVS 16.5.2: without its database it says so and goes on later.
#[test]
fn a_database_that_refuses_is_waited_for() {
    let Some(database) = Database::postgres() else { return };
    let market = market(&database);
    let (base_url, name) = database.url.rsplit_once('/').unwrap();
    let mut admin = store::connect(&format!("{base_url}/postgres")).unwrap();
    let mut order = |sql: &str| store::query::execute(&mut admin, &sql.replace("{name}", name), &[]).unwrap();
    const OUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'";
    let running = server::serve::start(e2e::world::config(&database, "http://kontor.test"), e2e::world::clock()).unwrap();
    let base = format!("http://127.0.0.1:{}", running.port);
    let buyer = Buyer::new(&base, market.0);
    let (answers, stop) = (Answers::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (answers, stop, buyer) = (&answers, &stop, &buyer);
        let _ends = Ends(stop);
        scope.spawn(move || buy_until(buyer, 4, "refuse", stop, answers));
        let more = || {
            let (count, started) = (answers.count(), Instant::now());
            while answers.count() < count + 20 {
                assert!(started.elapsed() < Duration::from_secs(30), "work does not go on: {answers:?}");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        let until = |status: u16| {
            let started = Instant::now();
            while load::status(&base, "/readyz") != status {
                assert!(started.elapsed() < Duration::from_secs(30), "/readyz never says {status}");
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        for _ in 0..e2e::rounds(1, 20) {
            more();
            order("ALTER DATABASE {name} SET default_transaction_read_only = on");
            order(OUT);
            until(503);
            order("ALTER DATABASE {name} RESET default_transaction_read_only");
            order(OUT);
            until(200);
            more();
            order("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
            order(OUT);
            until(503);
            order("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
            until(200);
            more();
            order(OUT);
            more();
        }
    });
    println!("{} bought, {} refused or unknown", answers.count(), answers.unknown.lock().unwrap().len());
    assert!(answers.other.lock().unwrap().is_empty(), "{:?}", answers.other);
    assert_eq!(answers.violations(&database, "refuse-", market), Vec::<String>::new());
    running.stop().unwrap();
}
