//! A fresh database for each test: an SQLite file, or one on a PostgreSQL cluster that the test run starts itself.

use std::io::Write;
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

    /// A database that the program of `day` wrote, from `tests/data`.
    #[must_use]
    pub fn kept(&self, day: &str) -> Self {
        let place = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data")).join(day);
        if self.kind == "sqlite" {
            let kept = Self::sqlite();
            std::fs::write(&kept.url, unpacked(&place.join("sqlite.gz"))).expect("a database");
            return kept;
        }
        let kept = Self::postgres().expect("the test cluster answers");
        let psql = binaries().expect("PostgreSQL is installed").join("psql");
        let arguments = ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--dbname", &kept.url];
        let mut restore = Command::new(psql).args(arguments).stdin(Stdio::piped()).spawn().expect("psql");
        let script = unpacked(&place.join("postgres.sql.gz"));
        restore.stdin.take().expect("its input").write_all(&script).expect("psql reads");
        assert!(restore.wait().expect("psql ends").success(), "{}", place.display());
        kept
    }

    /// The database as it is now, under another name. No connection to it may be open.
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

/// The content of a file that gzip has packed.
#[must_use]
pub fn unpacked(file: &Path) -> Vec<u8> {
    let unpacked = Command::new("gzip").arg("-dc").arg(file).output().expect("gzip");
    assert!(unpacked.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&unpacked.stderr));
    unpacked.stdout
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

/// A PostgreSQL cluster that ends with this process.
pub struct Cluster {
    /// Its address without a database.
    pub base: String,
    data: PathBuf,
    bin: PathBuf,
}

/// The cluster that most tests share.
fn start_cluster() -> Option<String> {
    if let Ok(base) = std::env::var("KONTOR_TEST_POSTGRES") {
        return Some(base);
    }
    Cluster::start("").map(|cluster| cluster.base)
}

impl Cluster {
    /// With these settings besides; a shell waits for us and stops it.
    #[must_use]
    pub fn start(settings: &str) -> Option<Self> {
        let bin = binaries()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("kontor-pg-{}-{number}", std::process::id()));
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
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 -c shared_buffers=128MB {settings}"
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
        Some(Self { base: format!("postgres://kontor@127.0.0.1:{port}"), data, bin })
    }

    /// A new database in it.
    #[must_use]
    pub fn database(&self) -> Database {
        let name = format!("kontor_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name}"));
        Database { url: format!("{}/{name}", self.base), folder: fresh_folder(), kind: "postgres" }
    }

    /// A statement of the cluster's owner, through psql: it is not refused where Kontor would refuse to work.
    pub fn execute(&self, sql: &str) {
        let done =
            Command::new("psql").args(["-q", "-X", "-c", sql, &format!("{}/postgres", self.base)]).stdout(Stdio::null()).status();
        assert!(done.is_ok_and(|status| status.success()), "{sql}");
    }

    /// Changes a setting of the whole cluster while it runs.
    pub fn set(&self, name: &str, value: &str) {
        self.execute(&format!("ALTER SYSTEM SET {name} = '{value}'"));
        self.execute("SELECT pg_reload_conf()");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }

    /// A standby of this name, streaming.
    #[must_use]
    pub fn add_standby(&self, name: &str) -> Standby {
        let data = self.data.with_file_name(name);
        let source = format!(
            "{} application_name={name}",
            self.base.replacen("postgres://kontor@127.0.0.1:", "host=127.0.0.1 user=kontor port=", 1)
        );
        let copied = command(&self.bin, "pg_basebackup").args(["-c", "fast", "-R", "-d", &source, "-D"]).arg(&data).status();
        assert!(copied.is_ok_and(|status| status.success()), "pg_basebackup");
        let options =
            format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200", free_port());
        let started = command(&self.bin, "pg_ctl")
            .args(["-w", "-s", "-o", &options, "-l", "/dev/null", "-D"])
            .arg(&data)
            .arg("start")
            .stdout(Stdio::null())
            .status();
        assert!(started.is_ok_and(|status| status.success()), "a standby");
        Standby { data, bin: self.bin.clone() }
    }
}

/// A standby that ends with its value.
pub struct Standby {
    data: PathBuf,
    bin: PathBuf,
}

impl Drop for Standby {
    fn drop(&mut self) {
        let _ = command(&self.bin, "pg_ctl").args(["-s", "-m", "immediate", "-D"]).arg(&self.data).arg("stop").status();
    }
}

/// A port that is free and stays so: below those that the system gives to outgoing connections, and never handed out twice.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 22_000;
    static HANDED_OUT: AtomicU32 = AtomicU32::new(0);
    // Test programs that run side by side begin far apart.
    let start = std::process::id().wrapping_mul(977);
    std::iter::repeat_with(|| HANDED_OUT.fetch_add(1, Ordering::Relaxed))
        .take(COUNT as usize)
        .map(|number| u16::try_from(FIRST + start.wrapping_add(number) % COUNT).expect("a port"))
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
