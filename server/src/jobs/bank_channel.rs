//! Imports the files that the bank's transport has put into the channel's folder. A signed file counts as the bank's word; any
//! other is refused and moved away. If a process ends between import and move, the next round finds the file already imported.

use crate::bank_channel::{Channel, DONE, REFUSED, SIGNATURE, Unread, check, is_plain_name, read_pair, write_new};
use crate::commands::bank::refuse_bank_file::RefuseBankFile;
use crate::commands::{Command, own_key};
use crate::file_reader::FileReader;
use crate::hash::sha256_hex;
use crate::http::error::Fault;
use crate::http::pages::bank_files::read_bank_file_blocking;
use crate::writer::Writer;
use domain::Refusal;
use std::path::{Path, PathBuf};
use std::time::Duration;
use web::Language;

/// Files of one round; the next round goes on.
const ROUND: usize = 16;
/// Entries of the folder that one round looks at.
const LOOKED_AT: usize = 10_000;

/// The operators get a notice about a signature whose file has not come after this time.
const FILE_AWAITED: Duration = Duration::from_secs(3_600);

/// The reader of the files, and the writer that imports them.
struct Hands<'a> {
    writer: &'a Writer,
    reader: &'a FileReader,
}

/// The content of the folder.
#[derive(Default)]
struct Waiting {
    /// The next files whose signature is there, in the order of their names, and whether the name was none.
    files: Vec<(String, bool)>,
    /// The names of signatures whose file is not there.
    alone: Vec<String>,
}

/// Why a file is refused: a stable code and a sentence.
struct Why {
    code: String,
    sentence: String,
}

impl Why {
    fn own(code: &str, sentence: &str) -> Self {
        Self { code: code.to_owned(), sentence: sentence.to_owned() }
    }

    fn refusal(refusal: &Refusal) -> Self {
        Self { code: refusal.code().to_owned(), sentence: Language::English.refusal(refusal, "") }
    }
}

/// One round: how many files were decided about. A file that cannot be read now holds up no other.
pub fn go_on(
    writer: &Writer,
    reader: &FileReader,
    channel: &Channel,
    today: chrono::NaiveDate,
    stop: impl Fn() -> bool,
) -> Result<u32, Fault> {
    let by = Hands { writer, reader };
    let (mut decided, mut failure) = (0_u32, None);
    let Waiting { files, alone } = waiting(&channel.folder)?;
    if let Err(fault) = follow(writer, &channel.folder, &alone, today) {
        failure = Some(fault);
    }
    for (name, odd) in files {
        if stop() {
            break;
        }
        match decide(&by, channel, (&name, odd), today) {
            Ok(true) => decided = decided.saturating_add(1),
            Ok(false) => {}
            Err(fault @ Fault::Failed(_)) => failure = Some(fault),
            // The database does not answer: the others would wait for it, too.
            Err(fault) => return Err(fault),
        }
    }
    failure.map_or(Ok(decided), Err)
}

/// Imports one file or refuses it; returns whether there was one.
fn decide(by: &Hands<'_>, channel: &Channel, (name, odd): (&str, bool), today: chrono::NaiveDate) -> Result<bool, Fault> {
    let (hash, refused) = match read_pair(&channel.folder, name).map_err(failed)? {
        _ if odd => {
            let why = Why::own("name_not_plain", "The file's name is too long, or has marks in it that do not show.");
            (String::new(), Some(why))
        }
        Err(Unread::Missing) => return tidy(&channel.folder, name).map(|()| false),
        Err(Unread::NotPlain) => {
            let why = Why::own("file_not_plain", "Only a plain file is read, and no link is followed.");
            (String::new(), Some(why))
        }
        Err(Unread::TooLarge) => (String::new(), Some(Why::refusal(&Refusal::FileTooLarge))),
        Ok((content, signature)) => {
            let hash = sha256_hex(&content);
            (hash, take_up(by, channel, name, (content, &signature))?)
        }
    };
    match refused {
        None => {
            tracing::info!(file = name, sha256 = hash, "bank file taken up");
            move_pair(&channel.folder, DONE, name)?;
        }
        Some(why) => refuse(by.writer, channel, (name, &hash), &why, today)?,
    }
    Ok(true)
}

/// The files for the next round. A file without a plain name gets one, and is marked as odd.
fn waiting(folder: &Path) -> Result<Waiting, Fault> {
    let Waiting { mut files, mut alone } = Waiting::default();
    for entry in std::fs::read_dir(folder).map_err(failed)?.take(LOOKED_AT) {
        let found = entry.map_err(failed)?.file_name();
        let bytes = found.as_encoded_bytes();
        // A name with a dot before it is one that the transport still writes to.
        let Some(name) = bytes.strip_suffix(SIGNATURE.as_bytes()).filter(|name| !name.starts_with(b".")) else { continue };
        match std::str::from_utf8(name).ok().filter(|name| is_plain_name(name)) {
            Some(name) if exists(&folder.join(name)) => files.push((name.to_owned(), false)),
            Some(name) => alone.push(name.to_owned()),
            None => files.push((rename(folder, &found, name)?, true)),
        }
    }
    files.sort();
    files.truncate(ROUND);
    alone.sort();
    Ok(Waiting { files, alone })
}

/// Signatures without a file: a signature whose file was moved follows it. The operators get a notice about the first that wait
/// for long.
fn follow(writer: &Writer, folder: &Path, alone: &[String], today: chrono::NaiveDate) -> Result<(), Fault> {
    for name in alone {
        tidy(folder, name)?;
    }
    for name in alone.iter().filter(|name| is_overdue(folder, name)).take(ROUND) {
        tell_overdue(writer, name, today)?;
    }
    Ok(())
}

/// Whether a signature has waited for its file for long.
fn is_overdue(folder: &Path, name: &str) -> bool {
    let written = std::fs::symlink_metadata(folder.join(format!("{name}{SIGNATURE}"))).and_then(|seen| seen.modified());
    written.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > FILE_AWAITED))
}

/// Gives a file and its signature a plain name.
fn rename(folder: &Path, signature: &std::ffi::OsStr, name: &[u8]) -> Result<String, Fault> {
    let plain = format!("file-{}", sha256_hex(name));
    // The folder's own places stay where they are; only the signature is moved.
    if ![DONE.as_bytes(), REFUSED.as_bytes()].contains(&name) {
        // The signature's name is the file's with four more marks; a path without its extension is the file's.
        move_one(&folder.join(signature).with_extension(""), &folder.join(&plain))?;
    }
    move_one(&folder.join(signature), &folder.join(format!("{plain}{SIGNATURE}")))?;
    Ok(plain)
}

/// Imports a file, or returns the reason against it. An error is temporary: the file is tried again.
fn take_up(by: &Hands<'_>, channel: &Channel, name: &str, (content, signature): (Vec<u8>, &str)) -> Result<Option<Why>, Fault> {
    if check(&channel.key, signature, &content).is_err() {
        return Ok(Some(Why::own("signature_wrong", "The file is not signed by the channel's key.")));
    }
    let command: Command = match read_bank_file_blocking(by.reader, name.to_owned(), content) {
        Ok(command) => command,
        Err(Fault::Refused(refusal)) => return Ok(Some(Why::refusal(&refusal))),
        Err(Fault::Unreadable(fault)) => {
            return Ok(Some(Why { sentence: fault.sentence(Language::English), code: fault.code }));
        }
        Err(fault) => return Err(fault),
    };
    // A process that died after the import finds its outcome under the same key.
    let key = own_key("bank-file", &[&sha256_hex(command.input().as_bytes())]);
    match super::submit(by.writer, key, command) {
        // The same file under the same name once more, after the first was moved away.
        Ok(outcome) if outcome.repeated && exists(&channel.folder.join(DONE).join(name)) => {
            Ok(Some(Why::refusal(&Refusal::StatementRepeated)))
        }
        Ok(_) => Ok(None),
        Err(Fault::Refused(refusal)) => Ok(Some(Why::refusal(&refusal))),
        Err(fault) => Err(fault),
    }
}

/// Notifies the operators, once a day for the same file, then moves the file away with the reason beside it.
fn refuse(
    writer: &Writer,
    channel: &Channel,
    (name, hash): (&str, &str),
    why: &Why,
    today: chrono::NaiveDate,
) -> Result<(), Fault> {
    tracing::warn!(file = name, sha256 = hash, code = why.code, "bank file refused");
    tell(writer, (name, hash), why, today)?;
    let there = move_pair(&channel.folder, REFUSED, name)?;
    let beside = PathBuf::from(format!("{}.error", there.display()));
    match write_new(&beside, &format!("{}: {}\n", why.code, why.sentence), 0o644) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}

/// Notifies the operators of a file, once a day for the same file.
fn tell(writer: &Writer, (name, hash): (&str, &str), why: &Why, today: chrono::NaiveDate) -> Result<(), Fault> {
    let command =
        RefuseBankFile { name: name.to_owned(), sha256: hash.to_owned(), code: why.code.clone(), reason: why.sentence.clone() };
    let told = Command::from(command);
    let key = own_key("bank-refused", &[&today, &sha256_hex(told.input().as_bytes())]);
    super::submit(writer, key, told).map(|_| ())
}

/// Notifies the operators that a signature waits for its file. It stays: the file may still come.
fn tell_overdue(writer: &Writer, name: &str, today: chrono::NaiveDate) -> Result<(), Fault> {
    let why = Why::own("file_missing", "The file's signature has been there for an hour, and the file has not come.");
    tell(writer, (name, ""), &why, today)
}

/// Moves a file, then its signature, and says where the file is now. Nothing there is overwritten.
fn move_pair(folder: &Path, place: &str, name: &str) -> Result<PathBuf, Fault> {
    let there = folder.join(place);
    std::fs::create_dir_all(&there).map_err(failed)?;
    if !std::fs::symlink_metadata(&there).map_err(failed)?.is_dir() {
        return Err(Fault::Failed(format!("{} is no folder", there.display())));
    }
    let free = (0..1_000_u32)
        .map(|number| if number == 0 { name.to_owned() } else { format!("{name}.{number}") })
        .find(|free| !exists(&there.join(free)) && !exists(&there.join(format!("{free}{SIGNATURE}"))));
    let free = free.ok_or_else(|| Fault::Failed(format!("{} is full of {name}", there.display())))?;
    move_one(&folder.join(name), &there.join(&free))?;
    move_one(&folder.join(format!("{name}{SIGNATURE}")), &there.join(format!("{free}{SIGNATURE}")))?;
    Ok(there.join(free))
}

/// Another process may have moved it already.
fn move_one(from: &Path, to: &Path) -> Result<(), Fault> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

/// A signature whose file was moved before the process ended follows it; one whose file is still to come stays.
fn tidy(folder: &Path, name: &str) -> Result<(), Fault> {
    let signature = format!("{name}{SIGNATURE}");
    for place in [DONE, REFUSED] {
        let there = folder.join(place);
        if exists(&there.join(name)) && !exists(&there.join(&signature)) {
            return move_one(&folder.join(&signature), &there.join(&signature));
        }
    }
    Ok(())
}

fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

fn failed(error: std::io::Error) -> Fault {
    Fault::Failed(format!("the bank's folder: {error}"))
}
