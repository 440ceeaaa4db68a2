//! Three PostgreSQL nodes under load, killed, paused beyond their lease and switched: BAR.md R5. `tests/cluster` starts them.

use crate::survival::{spawn, wait_ready};
use e2e::load::{Answers, Buyer, Ends, buy_until, http, market};
use e2e::{Database, databases};
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

    /// One primary and two followers, one of them synchronous.
    fn wait_whole(&self) {
        self.wait("a whole cluster", || {
            let count = |path: &str| (1..4).filter(|node| self.says(*node, path)).count();
            (count("/primary") == 1 && count("/replica") == 2 && count("/synchronous") == 1).then_some(())
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
}

/// The node that leads is struck; how long nobody's purchase was acknowledged.
fn strike(nodes: &Nodes, fault: Fault, answers: &Answers) -> Duration {
    let leader = nodes.leader();
    let (mut count, mut since, mut gap) = (answers.count(), Instant::now(), Duration::ZERO);
    let mut watch = |time: Duration| {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if answers.count() > count {
                (count, since) = (answers.count(), Instant::now());
            }
            gap = gap.max(since.elapsed());
            std::thread::sleep(Duration::from_millis(10));
        }
        gap
    };
    match fault {
        Fault::Kill => {
            nodes.signal(leader, "-KILL");
            watch(Duration::from_secs(45));
            nodes.start(leader);
        }
        Fault::Pause => {
            nodes.signal(leader, "-STOP");
            watch(Duration::from_secs(45));
            nodes.signal(leader, "-CONT");
        }
        Fault::Switch => {
            let standby = nodes.wait("a synchronous standby", || (1..4).find(|node| nodes.says(*node, "/synchronous")));
            std::thread::scope(|scope| {
                scope.spawn(|| nodes.switch(leader, standby));
                watch(Duration::from_secs(15));
            });
        }
    }
    let longest = watch(Duration::from_secs(5));
    nodes.wait_whole();
    longest
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
    let buyer = Buyer::new(&format!("http://127.0.0.1:{port}"), before.0);
    let times: Vec<usize> =
        std::env::var("KONTOR_CLUSTER_FAULTS").unwrap().split_whitespace().map(|count| count.parse().unwrap()).collect();
    let faults = [Fault::Kill, Fault::Pause, Fault::Switch].into_iter().zip(times);
    let faults: Vec<Fault> = faults.flat_map(|(fault, count)| std::iter::repeat_n(fault, count)).collect();
    let (answers, stop) = (Answers::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (answers, stop) = (&answers, &stop);
        scope.spawn({
            let buyer = buyer.clone();
            move || buy_until(&buyer, 4, "cluster", stop, answers)
        });
        let _ends = Ends(stop);
        for (number, fault) in faults.iter().enumerate() {
            std::thread::sleep(Duration::from_secs(3));
            let gap = strike(&nodes, *fault, answers);
            println!("{number}: {fault:?}, longest wait for an acknowledgement {gap:?}, {} so far", answers.count());
        }
    });
    let open: Vec<String> = answers.unknown.lock().unwrap().clone();
    println!("{} acknowledged, {} unknown, {} other", answers.count(), open.len(), answers.other.lock().unwrap().len());
    for key in open {
        assert_eq!(buyer.buy(&key), Some(200), "{key}: a retry converges");
        answers.acknowledged.lock().unwrap().push(key);
    }
    assert!(answers.other.lock().unwrap().is_empty(), "{:?}", answers.other);
    assert_eq!(answers.violations(&database, "cluster-", before), Vec::<String>::new());
}
