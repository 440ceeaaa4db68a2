//! The settings of a server, by option or environment.

use crate::limits::Limits;
use proof::note::Signer;
use std::path::PathBuf;
use store::StoreError;

#[derive(Clone, Debug)]
pub struct Config {
    /// Path of an SQLite file, or `postgres://…`.
    pub database_url: String,
    /// Address and port to listen on.
    pub listen: String,
    /// Folder of the database, keys and uploads in flight.
    pub data: PathBuf,
    /// `smtp://user:password@host:port`, or none: then mails stay in the outbox.
    pub smtp_url: Option<String>,
    /// How long the mail server may keep silent.
    pub smtp_timeout: std::time::Duration,
    pub mail_from: String,
    /// The address under which people reach the server, without a slash at the end.
    pub base_url: String,
    /// Key of the API's tokens, shared by all processes on one database.
    pub secret: String,
    /// Whether administrators, makers, checkers and operators must have a second factor.
    pub second_factor: SecondFactor,
    /// The demo world: mailbox and clock pages.
    pub demo: bool,
    /// Where /metrics listens; none turns it off.
    pub metrics_listen: Option<String>,
    /// Reverse proxies whose statement of the sender's address is trusted.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// The program whose `read-file` task opens PDF files and archives: `kontor` itself.
    pub file_reader: PathBuf,
    pub limits: Limits,
    pub checkpoints: CheckpointConfig,
    /// The bank's own channel; none: every bank file takes two operators.
    pub bank: Option<crate::bank_channel::Channel>,
}

/// Whether administrators, makers, checkers and operators must have a second factor (`http/gate.rs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactor {
    #[default]
    Duty,
    /// Only for worlds without money, such as the demo.
    Optional,
}

/// `duty` or `optional`.
pub fn second_factor(given: &str) -> Result<SecondFactor, String> {
    match given {
        "duty" => Ok(SecondFactor::Duty),
        "optional" => Ok(SecondFactor::Optional),
        _ => Err("give duty, or optional where there is no money".to_owned()),
    }
}

/// How the log is signed, and where its checkpoints go besides the database.
#[derive(Clone, Debug, Default)]
pub struct CheckpointConfig {
    /// `PRIVATE+KEY+…`; none: a file in the data folder. The same for all processes on one database.
    pub key: Option<Secret>,
    /// The log's name in checkpoints and its key; none: the base address's host and `/log`.
    pub origin: Option<String>,
    /// Each checkpoint as a file.
    pub folder: Option<PathBuf>,
    /// Gets the checkpoint of each end of day.
    pub mail: Option<String>,
}

/// A text that no log line shows.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The largest file of an upload.
pub const LARGEST_FILE: usize = 5 * 1024 * 1024;
/// Of one form.
pub const MOST_FILES: usize = 500;
/// All files of one form together: so much is held in memory.
pub const LARGEST_FORM: usize = 20 * 1024 * 1024;
/// Minutes that a session lasts at most, and that it may be idle.
pub const SESSION_MINUTES: i64 = 12 * 60;
pub const IDLE_MINUTES: i64 = 30;
/// Minutes that an API token is valid.
pub const TOKEN_MINUTES: i64 = 15;

/// A database as an option or the environment names it. PostgreSQL takes an address as it is. SQLite takes a plain path, or one
/// written as `sqlite:path` or `sqlite:///path`.
pub fn database_url(given: &str) -> Result<String, String> {
    let wanted = "give the path of an SQLite file, or postgres://user:password@host:port/database";
    if store::connection::is_postgres(given) {
        return Ok(given.to_owned());
    }
    let scheme = given.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| {
        // One letter is a drive, and what has a slash in it is a path.
        scheme.len() > 1 && scheme.bytes().all(|mark| mark.is_ascii_alphanumeric() || b"+-.".contains(&mark))
    });
    let path = match scheme {
        None => given,
        Some("sqlite") => {
            let path = given.strip_prefix("sqlite://").or_else(|| given.strip_prefix("sqlite:")).unwrap_or("");
            if path.contains('?') {
                return Err(format!("an SQLite file takes no options behind a question mark: {wanted}"));
            }
            path
        }
        Some(other) => return Err(format!("{other}: is no database that Kontor knows: {wanted}")),
    };
    if path.is_empty() || path == ":memory:" {
        Err(format!("there is no file to keep it in: {wanted}"))
    } else {
        Ok(path.to_owned())
    }
}

/// The address under which people reach the server and to which the links of its mails lead: only a scheme and a host.
pub fn base_url(given: &str) -> Result<String, String> {
    let address = given.trim_end_matches('/');
    let parsed = address.parse::<actix_web::http::Uri>().ok().filter(|uri| {
        let scheme = uri.scheme_str().is_some_and(|scheme| ["http", "https"].contains(&scheme));
        let host = uri.host().is_some_and(|host| !host.is_empty()) && !address.contains('@');
        scheme && host && ["", "/"].contains(&uri.path()) && uri.query().is_none()
    });
    match parsed {
        Some(_) => Ok(address.to_owned()),
        None => {
            Err("give the scheme and host that people type, such as https://kontor.example, and nothing behind them".to_owned())
        }
    }
}

/// The mail server.
pub fn smtp_url(given: &str) -> Result<String, String> {
    match lettre::SmtpTransport::from_url(given) {
        Ok(_) => Ok(given.to_owned()),
        Err(error) => Err(format!("{error}: give smtp://user:password@host:port, smtps://…, or smtp://…?tls=required")),
    }
}

/// The sender of all mails, or one who gets some.
pub fn mailbox(given: &str) -> Result<String, String> {
    let known = given.parse::<lettre::message::Mailbox>();
    known.map(|_| given.to_owned()).map_err(|error| format!("{error}: give an address, such as Kontor <kontor@kontor.example>"))
}

/// Makes a folder if it is not there, and sees that files can be made in it.
pub fn check_folder(folder: &std::path::Path) -> Result<(), String> {
    let probe = folder.join(format!(".kontor-{}", std::process::id()));
    let done =
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&probe, b"")).and_then(|()| std::fs::remove_file(&probe));
    done.map_err(|error| format!("{}: {error}", folder.display()))
}

/// Makes a folder that only its owner may enter; what it was before does not matter.
pub fn private_folder(folder: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    set_mode(folder, 0o700)
}

/// Takes the rights of others away from an SQLite file and the files beside it, if they are there. New ones are made without.
pub fn private_file(path: &std::path::Path) -> std::io::Result<()> {
    for end in ["", "-wal", "-shm"] {
        let beside = std::path::PathBuf::from(format!("{}{end}", path.display()));
        if beside.exists() {
            set_mode(&beside, 0o600)?;
        }
    }
    Ok(())
}

fn set_mode(path: &std::path::Path, mode: u32) -> std::io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// The path of the running program.
pub fn own_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// The secret in the data folder, made at first start, readable by its owner only.
pub fn load_secret(data: &std::path::Path) -> std::io::Result<String> {
    load_or_make(&data.join("secret"), crate::hash::random_token)
}

/// The log's key: the one given, or the one in the data folder, made at first start.
pub fn load_log_key(config: &Config) -> Result<Signer, StoreError> {
    let fault = |detail: String| StoreError::Connection(format!("the log's key: {detail}"));
    let wanted = &config.checkpoints;
    let host = config.base_url.split("://").nth(1).unwrap_or("kontor").split('/').next().unwrap_or("kontor");
    let origin = wanted.origin.clone().unwrap_or_else(|| format!("{host}/log"));
    let text = match &wanted.key {
        Some(Secret(key)) => key.clone(),
        None => {
            let fresh = Signer::from_seed(&origin, crate::hash::random_bytes()).map_err(|error| fault(error.to_string()))?;
            load_or_make(&config.data.join("log.key"), || fresh.to_text()).map_err(|error| fault(error.to_string()))?
        }
    };
    let signer = Signer::parse(&text).map_err(|error| fault(error.to_string()))?;
    if wanted.origin.as_ref().is_some_and(|origin| origin != signer.name()) {
        return Err(fault(format!("it is the key of {}, not of {origin}", signer.name())));
    }
    Ok(signer)
}

/// A file that holds a secret, made by the first who needs it, readable by its owner only.
fn load_or_make(path: &std::path::Path, make: impl Fn() -> String) -> std::io::Result<String> {
    if let Ok(found) = std::fs::read_to_string(path) {
        return Ok(found.trim().to_owned());
    }
    let secret = make();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, secret.as_bytes())?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::{base_url, check_folder, database_url, mailbox, smtp_url};

    #[test]
    fn a_database_is_named_in_every_usual_spelling() {
        for (given, wanted) in [
            ("kontor.sqlite", "kontor.sqlite"),
            ("/var/lib/kontor.sqlite", "/var/lib/kontor.sqlite"),
            ("./odd:name.sqlite", "./odd:name.sqlite"),
            ("sqlite:kontor.sqlite", "kontor.sqlite"),
            ("sqlite:/var/lib/kontor.sqlite", "/var/lib/kontor.sqlite"),
            ("sqlite://kontor.sqlite", "kontor.sqlite"),
            ("sqlite:///var/lib/kontor.sqlite", "/var/lib/kontor.sqlite"),
            ("postgres://a:b@h:1/db?sslmode=require", "postgres://a:b@h:1/db?sslmode=require"),
            ("postgresql:///db", "postgresql:///db"),
        ] {
            assert_eq!(database_url(given).as_deref(), Ok(wanted), "{given}");
        }
        for given in
            ["mysql://h/db", "file:kontor.sqlite", "postgres:db", "sqlite:", "sqlite://", "", ":memory:", "sqlite:x?mode=rwc"]
        {
            let refused = database_url(given).unwrap_err();
            assert!(refused.contains("postgres://user:password@host:port/database"), "{given}: {refused}");
        }
    }

    #[test]
    fn what_a_server_is_told_is_looked_at_before_it_serves() {
        for (given, wanted) in [
            ("https://kontor.example/", "https://kontor.example"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(base_url(given).as_deref(), Ok(wanted), "{given}");
        }
        for given in [
            "kontor.example",
            "ftp://kontor.example",
            "https://",
            "https://kontor.example/app",
            "https://a@b",
            "https://a?b",
            "",
            "localhost:80",
        ] {
            assert!(base_url(given).unwrap_err().contains("https://kontor.example"), "{given}");
        }
        for given in ["smtp://localhost:25", "smtps://me:secret@mail.example", "smtp://mail.example:587?tls=required"] {
            assert_eq!(smtp_url(given).as_deref(), Ok(given));
        }
        for given in ["mail.example", "http://mail.example", "smtp://mail.example:port", "smtp://mail.example?tls=perhaps"] {
            assert!(smtp_url(given).unwrap_err().contains("smtp://user:password@host:port"), "{given}");
        }
        assert!(mailbox("Kontor <kontor@kontor.example>").is_ok() && mailbox("nobody@kontor.example").is_ok());
        assert!(mailbox("Kontor").unwrap_err().contains("give an address"));
        let folder = std::env::temp_dir().join(format!("kontor-folder-{}", std::process::id()));
        assert_eq!(check_folder(&folder), Ok(()));
        std::fs::write(folder.join("file"), "").unwrap();
        assert!(check_folder(&folder.join("file")).unwrap_err().contains("file"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
