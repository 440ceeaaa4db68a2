//! Three PostgreSQL nodes under load, killed, paused beyond their lease, switched and cut off: BAR.md R5. `tests/cluster` starts them.

use crate::survival::{spawn, wait_ready};
use e2e::load::{Answers, Buyer, Ends, buy_until, http, market};
use e2e::{Database, databases};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

struct Nodes {
    folder: PathBuf,
}

impl Nodes {
    fn place(&self, node: usize) -> PathBuf {
        self.folder.join(node.to_string())
    }

    fn rest(&self, node: usize) -> String {
        std::fs::read_to_string(self.place(node).join("rest")).unwrap().trim().to_owned()
    }

    fn says(&self, node: usize, path: &str) -> bool {
        let asked = http(Duration::from_secs(1)).get(format!("{}{path}", self.rest(node))).send();
        asked.is_ok_and(|answer| answer.status() == 200)
    }

    fn leader(&self) -> usize {
        self.wait("a leader", || (1..4).find(|node| self.says(*node, "/primary")))
    }

    /// One leader and two followers of its timeline that stream from it and are asked for their word, as the nodes themselves say.
    fn is_whole(&self) -> bool {
        let found = (1..4).find_map(|node| {
            let answer = http(Duration::from_secs(1)).get(format!("{}/cluster", self.rest(node))).send().ok()?;
            answer.json::<serde_json::Value>().ok()
        });
        let Some(members) = found.as_ref().and_then(|cluster| cluster["members"].as_array()) else { return false };
        let count = |role: &str, state: &str| members.iter().filter(|one| one["role"] == role && one["state"] == state).count();
        let timelines: BTreeSet<i64> = members.iter().filter_map(|one| one["timeline"].as_i64()).collect();
        let whole = count("leader", "running") == 1 && count("quorum_standby", "streaming") == 2;
        whole && members.len() == 3 && timelines.len() == 1
    }

    /// A node that is about to be rewound says that it follows for a moment; struck then, the cluster would have two nodes less.
    fn wait_whole(&self) {
        let since = Cell::new(Instant::now());
        self.wait("a whole cluster", || {
            if !self.is_whole() {
                since.set(Instant::now());
            }
            (since.get().elapsed() > Duration::from_secs(6)).then_some(())
        });
    }

    fn wait<T>(&self, what: &str, found: impl Fn() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = found() {
                return found;
            }
            assert!(started.elapsed() < Duration::from_secs(180), "{what} does not come, see {}", self.folder.display());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// To everything of a node: Patroni, PostgreSQL and its backends.
    fn signal(&self, node: usize, signal: &str) {
        let tree = Command::new(self.folder.join("tree")).arg(self.place(node)).output().unwrap();
        let ids = String::from_utf8(tree.stdout).unwrap();
        let _ = Command::new("kill").arg(signal).args(ids.split_whitespace()).output();
    }

    fn start(&self, node: usize) {
        assert!(Command::new(self.place(node).join("start")).status().unwrap().success());
    }

    fn link(&self, node: usize, state: &str) {
        assert!(Command::new(self.place(node).join("link")).arg(state).status().unwrap().success());
    }

    fn switch(&self, from: usize, to: usize) {
        let body = format!("{{\"leader\":\"node{from}\",\"candidate\":\"node{to}\"}}");
        let request = http(Duration::from_secs(60)).post(format!("{}/switchover", self.rest(from)));
        let answer = request.header("Content-Type", "application/json").body(body).send().unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().unwrap_or_default());
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Pause,
    Switch,
    /// The node that leads is cut off from all others, from etcd and from us.
    CutLeader,
    /// The same with a standby.
    CutStandby,
}

/// The longest time in which nobody's purchase was acknowledged.
struct Watch<'a> {
    answers: &'a Answers,
    count: usize,
    since: Instant,
    gap: Duration,
}

impl Watch<'_> {
    /// At least so long, and until purchases are acknowledged again.
    fn keep(&mut self, least: Duration) {
        let began = Instant::now();
        loop {
            if self.answers.count() > self.count {
                (self.count, self.since) = (self.answers.count(), Instant::now());
            }
            self.gap = self.gap.max(self.since.elapsed());
            let again = self.since > began && self.since.elapsed() < Duration::from_millis(500);
            if (again && began.elapsed() > least) || began.elapsed() > Duration::from_secs(120) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Longer than the lease of the node that leads.
const LONG: Duration = Duration::from_secs(25);

/// A node is struck; how long nobody's purchase was acknowledged.
fn strike(nodes: &Nodes, fault: Fault, answers: &Answers) -> Duration {
    let leader = nodes.leader();
    let standby = nodes.wait("a standby that is asked", || (1..4).find(|node| nodes.says(*node, "/quorum")));
    let mut watch = Watch { answers, count: answers.count(), since: Instant::now(), gap: Duration::ZERO };
    match fault {
        Fault::Kill => {
            nodes.signal(leader, "-KILL");
            watch.keep(LONG);
            nodes.start(leader);
        }
        Fault::Pause => {
            nodes.signal(leader, "-STOP");
            watch.keep(LONG);
            nodes.signal(leader, "-CONT");
        }
        Fault::Switch => {
            std::thread::scope(|scope| {
                scope.spawn(|| nodes.switch(leader, standby));
                watch.keep(Duration::from_secs(10));
            });
        }
        Fault::CutLeader | Fault::CutStandby => {
            let node = if matches!(fault, Fault::CutLeader) { leader } else { standby };
            nodes.link(node, "down");
            watch.keep(LONG);
            nodes.link(node, "up");
        }
    }
    watch.keep(Duration::from_secs(5));
    let gap = watch.gap;
    nodes.wait_whole();
    gap
}

#[test]
fn a_cluster_loses_nothing_acknowledged() {
    let (Ok(folder), Ok(url)) = (std::env::var("KONTOR_CLUSTER"), std::env::var("KONTOR_CLUSTER_URL")) else {
        println!("left out: tests/cluster starts it");
        return;
    };
    let nodes = Nodes { folder: Path::new(&folder).to_path_buf() };
    let database = Database { url, folder: Database::sqlite().folder.clone(), kind: "postgres" };
    std::fs::create_dir_all(&database.folder).unwrap();
    nodes.wait_whole();
    let before = market(&database);
    let port = databases::free_port();
    let _process = spawn(&database, port, &[]);
    wait_ready(port);
    let mut buyer = Buyer::new(&format!("http://127.0.0.1:{port}"), before.0);
    let times: Vec<usize> =
        std::env::var("KONTOR_CLUSTER_FAULTS").unwrap().split_whitespace().map(|count| count.parse().unwrap()).collect();
    let kinds: [&[Fault]; 4] = [&[Fault::Kill], &[Fault::Pause], &[Fault::Switch], &[Fault::CutLeader, Fault::CutStandby]];
    let faults = kinds.into_iter().zip(times).flat_map(|(kind, count)| kind.iter().cycle().take(count));
    let faults: Vec<Fault> = faults.copied().collect();
    let (answers, mut signed_in) = (Answers::default(), Instant::now());
    for (number, fault) in faults.iter().enumerate() {
        // A token is good for a quarter of an hour.
        if signed_in.elapsed() > Duration::from_secs(600) {
            (buyer, signed_in) = (Buyer::new(&buyer.base, before.0), Instant::now());
        }
        let stop = AtomicBool::new(false);
        let gap = std::thread::scope(|scope| {
            let (buyer, answers, stop) = (&buyer, &answers, &stop);
            scope.spawn(move || buy_until(buyer, 4, &format!("cluster-{number}"), stop, answers));
            let _ends = Ends(stop);
            std::thread::sleep(Duration::from_secs(3));
            strike(&nodes, *fault, answers)
        });
        assert!(gap < Duration::from_secs(100), "{fault:?}: nothing was acknowledged any more");
        println!("{number}: {fault:?}, longest wait for an acknowledgement {gap:?}, {} so far", answers.count());
    }
    let buyer = Buyer::new(&buyer.base, before.0);
    let open: Vec<String> = answers.unknown.lock().unwrap().clone();
    println!("{} acknowledged, {} unknown, {} other", answers.count(), open.len(), answers.other.lock().unwrap().len());
    for key in open {
        assert_eq!(buyer.buy(&key), Some(200), "{key}: a retry converges");
        answers.acknowledged.lock().unwrap().push(key);
    }
    assert!(answers.other.lock().unwrap().is_empty(), "{:?}", answers.other);
    assert_eq!(answers.violations(&database, "cluster-", before), Vec::<String>::new());
}
