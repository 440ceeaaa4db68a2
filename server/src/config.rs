//! What the operator of a server sets, by option or environment.

use std::path::PathBuf;

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
    /// The demo world: mailbox and clock pages.
    pub demo: bool,
    /// Where /metrics listens; none turns it off.
    pub metrics_listen: Option<String>,
    /// The program whose `read-file` task opens PDF files and archives: `kontor` itself.
    pub file_reader: PathBuf,
}

/// The largest file and the most files of one upload.
pub const LARGEST_FILE: usize = 5 * 1024 * 1024;
pub const MOST_FILES: usize = 100;
/// Minutes that a session lasts at most, and that it may be idle.
pub const SESSION_MINUTES: i64 = 12 * 60;
pub const IDLE_MINUTES: i64 = 30;
/// Minutes that an API token is valid.
pub const TOKEN_MINUTES: i64 = 15;

/// The path of the running program.
pub fn own_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// The secret in the data folder, made at first start, readable by its owner only.
pub fn load_secret(data: &std::path::Path) -> std::io::Result<String> {
    let path = data.join("secret");
    if let Ok(found) = std::fs::read_to_string(&path) {
        return Ok(found.trim().to_owned());
    }
    let secret = crate::hash::random_token();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(&path)?, secret.as_bytes())?;
    Ok(secret)
}
