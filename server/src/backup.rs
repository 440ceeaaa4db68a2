//! `kontor backup` and `kontor restore`: a consistent copy of a database in use, which proves itself before it counts as one.

use crate::hash::hex;
use chrono::NaiveDate;
use proof::note::{Checkpoint, Verifier};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use store::Conn;
use store::copies::{self, State};
use store::verify::Saved;

type Failure = Box<dyn std::error::Error>;

/// The file that is written last into a backup's folder. A folder without it is no backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub program: String,
    pub database: String,
    pub schema: String,
    pub business_date: NaiveDate,
    pub transfers: i64,
    pub audit_records: i64,
    /// Root of the Merkle log over all audit records.
    pub log_root: String,
    /// The newest signed checkpoint in the database, which the log extends.
    pub checkpoint: Option<String>,
    pub file: String,
    pub bytes: u64,
    pub sha256: String,
}

impl Manifest {
    fn state(&self) -> State {
        State {
            schema: self.schema.clone(),
            business_date: self.business_date,
            transfers: self.transfers,
            audit_records: self.audit_records,
            log_root: self.log_root.clone(),
        }
    }
}

const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";

/// Copies the database at `url` into the new folder, verifies the copy, and writes its manifest.
pub fn backup(url: &str, folder: &Path) -> Result<Manifest, Failure> {
    make_empty_folder(folder)?;
    let mut conn = store::connect(url)?;
    if !store::connection::is_migrated(&mut conn)? {
        return Err("this database has an older schema: back it up with the program that it belongs to".into());
    }
    let (file, mut copied) = match &conn {
        Conn::Sqlite(_) => ("kontor.sqlite", copy_sqlite(&mut conn, &folder.join("kontor.sqlite"))?),
        Conn::Postgres(_) => {
            dump_postgres(&mut conn, url, &folder.join("kontor.dump"))?;
            // Still inside the snapshot: what is verified here is what was dumped.
            ("kontor.dump", conn)
        }
    };
    let newest = store::log::newest_checkpoint(&mut copied)?;
    let state = prove(&mut copied, &[], None)?;
    let kind = if matches!(copied, Conn::Sqlite(_)) { "sqlite" } else { "postgres" };
    drop(copied);
    let path = folder.join(file);
    File::open(&path)?.sync_all()?;
    let (bytes, sha256) = digest(&path)?;
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        database: kind.to_owned(),
        schema: state.schema,
        business_date: state.business_date,
        transfers: state.transfers,
        audit_records: state.audit_records,
        log_root: state.log_root,
        checkpoint: newest.map(|row| row.note),
        file: file.to_owned(),
        bytes,
        sha256,
    };
    let mut out = File::create_new(folder.join(MANIFEST))?;
    out.write_all(serde_json::to_string_pretty(&manifest)?.as_bytes())?;
    out.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(manifest)
}

/// Restores a backup into an empty place. It accepts the copy only if it is whole, verifies, and reaches as far as the manifest
/// says.
pub fn restore(folder: &Path, url: &str, saved: &[Saved], key: Option<&Verifier>) -> Result<Manifest, Failure> {
    let text = std::fs::read_to_string(folder.join(MANIFEST)).map_err(|error| {
        format!("{}: {error}: not a finished backup; a copied database file lacks its write-ahead log", MANIFEST)
    })?;
    let manifest: Manifest = serde_json::from_str(&text)?;
    if manifest.format != FORMAT || manifest.schema > store::connection::newest_schema() {
        return Err(format!("it was made by a later Kontor ({})", manifest.program).into());
    }
    let file = folder.join(Path::new(&manifest.file).file_name().ok_or("the manifest names no file")?);
    if digest(&file)? != (manifest.bytes, manifest.sha256.clone()) {
        return Err(format!("{} is damaged: it is not what the manifest says", file.display()).into());
    }
    let mut known = saved.to_vec();
    if let Some(note) = &manifest.checkpoint {
        let checkpoint = key.map_or_else(|| Checkpoint::parse_unsigned(note), |key| key.open_checkpoint(note))?;
        known.push(Saved { place: MANIFEST.to_owned(), checkpoint });
    }
    let postgres = store::connection::is_postgres(url);
    if postgres != (manifest.database == "postgres") {
        return Err(format!("the backup is of {}, the target is not", manifest.database).into());
    }
    if postgres {
        load_postgres(&file, url)?;
        accept(&manifest, url, &known, key).map_err(|error| format!("{error}; drop the target, it is not to be used"))?;
    } else {
        load_sqlite(&file, Path::new(url), |half| accept(&manifest, half, &known, key))?;
        crate::config::private_file(Path::new(url))?;
    }
    Ok(manifest)
}

/// The copy verifies and is as far as the manifest says.
fn accept(manifest: &Manifest, url: &str, saved: &[Saved], key: Option<&Verifier>) -> Result<(), Failure> {
    let mut conn = store::connect(url)?;
    let wanted = manifest.state();
    let found = copies::load_state(&mut conn)?;
    if found != wanted {
        return Err(format!("the copy holds {found:?}, its manifest says {wanted:?}").into());
    }
    store::migrate(&mut conn)?;
    prove(&mut conn, saved, key).map(|_| ())
}

fn prove(conn: &mut Conn, saved: &[Saved], key: Option<&Verifier>) -> Result<State, Failure> {
    let (_, finding) = store::verify::verify_against(conn, saved, key)?;
    if let Some(finding) = finding {
        return Err(format!("BROKEN at {}: {}", finding.place, finding.problem).into());
    }
    Ok(copies::load_state(conn)?)
}

fn copy_sqlite(conn: &mut Conn, target: &Path) -> Result<Conn, Failure> {
    let target = target.to_str().ok_or("the folder's name is not UTF-8")?;
    copies::copy_sqlite(conn, target)?;
    Ok(store::connect(target)?)
}

/// Loads into a file beside the target; the file takes the target's name when it has been accepted.
fn load_sqlite(file: &Path, target: &Path, accept: impl Fn(&str) -> Result<(), Failure>) -> Result<(), Failure> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let path = beside(target, end);
        if path.exists() {
            return Err(format!("{} is there already: restore into an empty place", path.display()).into());
        }
    }
    let half = beside(target, ".restoring");
    std::fs::copy(file, &half).map_err(|error| format!("{}: {error}: does its folder exist?", target.display()))?;
    let accepted = accept(half.to_str().ok_or("the target's name is not UTF-8")?);
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(beside(&half, end));
    }
    if let Err(error) = accepted {
        std::fs::remove_file(&half)?;
        return Err(error);
    }
    File::open(&half)?.sync_all()?;
    std::fs::rename(&half, target)?;
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(parent)?.sync_all()?)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// `pg_dump` of the snapshot that this connection holds open.
fn dump_postgres(conn: &mut Conn, url: &str, target: &Path) -> Result<(), Failure> {
    let snapshot = copies::open_snapshot(conn)?;
    let mut command = client("pg_dump", url);
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--snapshot", &snapshot, "--file"]).arg(target);
    finish(command, "pg_dump")
}

fn load_postgres(file: &Path, url: &str) -> Result<(), Failure> {
    if !copies::is_empty(&mut store::connect(url)?)? {
        return Err("the target is not empty: restore into a new database".into());
    }
    let mut command = client("pg_restore", url);
    command.args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]).arg(file);
    finish(command, "pg_restore")
}

/// PostgreSQL's own program on this database. The password goes by its environment, since everybody can read arguments.
fn client(program: &str, url: &str) -> Command {
    let mut command = Command::new(program);
    let (address, password) = split_password(url);
    command.arg("--dbname").arg(address);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command
}

fn split_password(url: &str) -> (String, Option<String>) {
    let parts = || {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (person, hosts) = authority.rsplit_once('@')?;
        let (user, password) = person.split_once(':')?;
        Some((format!("{scheme}://{user}@{hosts}/{path}"), percent_decode(password)))
    };
    parts().map_or_else(|| (url.to_owned(), None), |(address, password)| (address, Some(password)))
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(mark) = rest.chars().next() {
        let code = rest.strip_prefix('%').and_then(|after| after.get(..2)).and_then(|code| u8::from_str_radix(code, 16).ok());
        let taken = if code.is_some() { 3 } else { mark.len_utf8() };
        match code {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(rest.get(..taken).unwrap_or_default().as_bytes()),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn finish(mut command: Command, program: &str) -> Result<(), Failure> {
    let done = command.output().map_err(|error| format!("{program}: {error}: PostgreSQL's client programs are needed"))?;
    if done.status.success() {
        Ok(())
    } else {
        Err(format!("{program}: {}", String::from_utf8_lossy(&done.stderr).trim()).into())
    }
}

/// A folder that only its owner can open: a backup holds everybody's data.
fn make_empty_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    if std::fs::read_dir(folder)?.next().is_some() {
        return Err(std::io::Error::other(format!("{} is not empty", folder.display())));
    }
    #[cfg(unix)]
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

fn digest(path: &Path) -> Result<(u64, String), Failure> {
    let mut file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (mut hasher, mut bytes, mut piece) = (Sha256::new(), 0_u64, vec![0_u8; 1 << 16]);
    loop {
        let read = file.read(&mut piece)?;
        let Some(part) = piece.get(..read).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        bytes = bytes.saturating_add(u64::try_from(read)?);
    }
    Ok((bytes, hex(&hasher.finalize())))
}

#[cfg(test)]
mod tests {
    use super::split_password;

    #[test]
    fn a_password_leaves_the_address() {
        let cases = [
            ("postgres://a:b%40%2Fc@h:1/db", "postgres://a@h:1/db", Some("b@/c")),
            (
                "postgres://a:p@h1:1,h2:2/db?target_session_attrs=read-write",
                "postgres://a@h1:1,h2:2/db?target_session_attrs=read-write",
                Some("p"),
            ),
            ("postgres://a@h/db", "postgres://a@h/db", None),
            ("postgres://h/db", "postgres://h/db", None),
        ];
        for (url, address, password) in cases {
            assert_eq!(split_password(url), (address.to_owned(), password.map(str::to_owned)), "{url}");
        }
    }
}
