//! A fresh database for each test: an SQLite file, or one on a PostgreSQL cluster that the test run starts itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// One test's database; its file goes with it.
pub struct Database {
    pub url: String,
    pub folder: PathBuf,
    pub kind: &'static str,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

fn fresh_folder() -> PathBuf {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("kontor-test-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    folder
}

impl Database {
    #[must_use]
    pub fn sqlite() -> Self {
        let folder = fresh_folder();
        Self { url: folder.join("kontor.sqlite").display().to_string(), folder, kind: "sqlite" }
    }

    /// None where PostgreSQL is not installed, unless the run insists on it.
    #[must_use]
    pub fn postgres() -> Option<Self> {
        static CLUSTER: OnceLock<Option<String>> = OnceLock::new();
        let Some(base) = CLUSTER.get_or_init(start_cluster) else {
            assert!(std::env::var("KONTOR_REQUIRE_ALL").is_err(), "PostgreSQL is needed and not installed");
            println!("left out: PostgreSQL is not installed");
            return None;
        };
        let name = format!("kontor_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = store::connect(&format!("{base}/postgres")).expect("the test cluster answers");
        store::query::execute(&mut conn, &format!("CREATE DATABASE {name}"), &[]).expect("a database");
        Some(Self { url: format!("{base}/{name}"), folder: fresh_folder(), kind: "postgres" })
    }

    /// The database as it is now, under another name. Nobody may be connected to it.
    #[must_use]
    pub fn copy(&self) -> Self {
        if self.kind == "sqlite" {
            let copy = Self::sqlite();
            std::fs::copy(&self.url, &copy.url).expect("a copy");
            return copy;
        }
        let (base, name) = self.url.rsplit_once('/').expect("an address");
        let copy = format!("kontor_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = store::connect(&format!("{base}/postgres")).expect("the test cluster answers");
        store::query::execute(&mut conn, &format!("CREATE DATABASE {copy} TEMPLATE {name}"), &[]).expect("a copy");
        Self { url: format!("{base}/{copy}"), folder: fresh_folder(), kind: "postgres" }
    }

    /// One of each kind that this machine has.
    #[must_use]
    pub fn both() -> Vec<Self> {
        std::iter::once(Self::sqlite()).chain(Self::postgres()).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> =
        versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).filter(|bin| bin.join("initdb").exists()).collect();
    found.sort();
    found.pop()
}

/// PostgreSQL does not run as root: then its commands run as the user that its package made.
fn command(bin: &Path, name: &str) -> Command {
    let program = bin.join(name);
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0"));
    if root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Starts a cluster that ends with this process: a shell waits for us and stops it.
fn start_cluster() -> Option<String> {
    if let Ok(base) = std::env::var("KONTOR_TEST_POSTGRES") {
        return Some(base);
    }
    let bin = binaries()?;
    let folder = std::env::temp_dir().join(format!("kontor-pg-{}", std::process::id()));
    std::fs::create_dir_all(&folder).ok()?;
    let open = Command::new("chmod").arg("777").arg(&folder).status().ok()?;
    let data = folder.join("data");
    let made = command(&bin, "initdb")
        .args(["-A", "trust", "-U", "kontor", "-E", "UTF8", "--locale=C", "-D"])
        .arg(&data)
        .stdout(Stdio::null())
        .status()
        .ok()?;
    if !open.success() || !made.success() {
        return None;
    }
    let port = free_port();
    let options = format!(
        "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 -c shared_buffers=128MB"
    );
    let started = command(&bin, "pg_ctl")
        .args(["-w", "-s", "-o", &options, "-l"])
        .arg(folder.join("log"))
        .arg("-D")
        .arg(&data)
        .arg("start")
        .stdout(Stdio::null())
        .status()
        .ok()?;
    if !started.success() {
        return None;
    }
    let watch = format!(
        "while kill -0 {} 2>/dev/null; do sleep 1; done; {} '{}' -D '{}' -m immediate stop; rm -rf '{}'",
        std::process::id(),
        if Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0")) {
            "runuser -u postgres --"
        } else {
            ""
        },
        bin.join("pg_ctl").display(),
        data.display(),
        folder.display()
    );
    Command::new("setsid")
        .args(["sh", "-c", &watch])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .spawn()
        .ok()?;
    Some(format!("postgres://kontor@127.0.0.1:{port}"))
}

#[must_use]
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_or(0, |address| address.port())
}
