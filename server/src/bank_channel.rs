//! The bank's own channel: a folder into which the bank's transport puts files. Beside each file lies a signature by the
//! channel's key. The platform treats a signed file as the bank's statement.

use crate::config::LARGEST_FILE;
use crate::hash::{random_bytes, sha256_hex};
use domain::text::is_hidden;
use proof::note::{NoteFault, Signer, Verifier};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Where the files come in, and whose signature counts.
#[derive(Clone, Debug)]
pub struct Channel {
    pub folder: PathBuf,
    pub key: Verifier,
}

/// The name of a signature's file is the file's own name with this at the end.
pub const SIGNATURE: &str = ".sig";
/// The largest signature.
const LARGEST_SIGNATURE: usize = 4_096;
/// Every text that the channel's key signs begins with this, so that no other signed note passes as a bank file.
const HEADING: &str = "kontor-bank-file/v1";

impl Channel {
    /// The folder with the public key that a file holds; its subfolders are made where they are missing.
    pub fn open(folder: &Path, key: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(key).map_err(|error| format!("{}: {error}", key.display()))?;
        let key = Verifier::parse(&text).map_err(|error| format!("{}: {error}", key.display()))?;
        crate::config::check_folder(folder)?;
        for under in ["done", "refused"] {
            std::fs::create_dir_all(folder.join(under)).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        Ok(Self { folder: folder.to_owned(), key })
    }
}

fn signed_text(content: &[u8]) -> String {
    format!("{HEADING}\n{}\n", sha256_hex(content))
}

/// The signature of a file, as it goes beside it.
#[must_use]
pub fn sign(signer: &Signer, content: &[u8]) -> String {
    signer.sign(&signed_text(content))
}

/// Whether a file was signed by the channel's key.
pub fn check(key: &Verifier, signature: &str, content: &[u8]) -> Result<(), NoteFault> {
    if key.open(signature)? == signed_text(content) { Ok(()) } else { Err(NoteFault::Signature) }
}

/// Makes the channel's pair of keys: the secret key in the file, readable by its owner only, and the public key beside it.
/// Returns the public key.
pub fn make_key(name: &str, path: &Path) -> Result<String, String> {
    let fault = |detail: String| format!("{}: {detail}", path.display());
    let signer = Signer::from_seed(name, random_bytes()).map_err(|error| fault(error.to_string()))?;
    let public = signer.verifier().to_text();
    write_new(path, &format!("{}\n", signer.to_text()), 0o600).map_err(|error| fault(error.to_string()))?;
    let beside = PathBuf::from(format!("{}.pub", path.display()));
    write_new(&beside, &format!("{public}\n"), 0o644).map_err(|error| format!("{}: {error}", beside.display()))?;
    Ok(public)
}

/// Puts a signature beside a file, whole or not at all: the server takes a file once its signature is there.
pub fn sign_file(file: &Path, key: &Path) -> Result<PathBuf, String> {
    let text = std::fs::read_to_string(key).map_err(|error| format!("{}: {error}", key.display()))?;
    let signer = Signer::parse(&text).map_err(|error| format!("{}: {error}", key.display()))?;
    let fault = |error: std::io::Error| format!("{}: {error}", file.display());
    let content = std::fs::read(file).map_err(fault)?;
    let beside = PathBuf::from(format!("{}{SIGNATURE}", file.display()));
    let unfinished = PathBuf::from(format!("{}.part", beside.display()));
    std::fs::write(&unfinished, sign(&signer, &content)).map_err(fault)?;
    std::fs::rename(&unfinished, &beside).map_err(fault)?;
    Ok(beside)
}

/// A file that must not be there yet.
pub fn write_new(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)?.write_all(text.as_bytes())
}

/// Subfolders of the channel's folder: the job moves a file there once it has decided about it.
pub const DONE: &str = "done";
pub const REFUSED: &str = "refused";

/// Whether a page, a log and a path can contain the name: it is short, without slashes, invisible marks or a leading dot. The
/// folder's own names are not allowed for files.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    let fits = (1..=120).contains(&name.chars().count()) && !name.starts_with('.');
    let own = [DONE, REFUSED].contains(&name) || [SIGNATURE, ".error"].iter().any(|end| name.ends_with(end));
    fits && !own && !name.chars().any(|mark| is_hidden(mark) || ['/', '\\'].contains(&mark))
}

/// Why a file of the channel is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not there, or no longer.
    Missing,
    /// A link, a folder or a pipe: the job reads only a plain file, and only the one that it looked at.
    NotPlain,
    TooLarge,
}

/// A plain file's content. No link is followed.
pub fn read_bounded(path: &Path, largest: usize) -> std::io::Result<Result<Vec<u8>, Unread>> {
    let gone = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(Err(Unread::Missing)),
        _ => Err(error),
    };
    let seen = match std::fs::symlink_metadata(path) {
        Ok(seen) => seen,
        Err(error) => return gone(error),
    };
    if !seen.is_file() {
        return Ok(Err(Unread::NotPlain));
    }
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) => return gone(error),
    };
    if !is_same(&seen, &file.metadata()?) {
        return Ok(Err(Unread::NotPlain));
    }
    let most = u64::try_from(largest).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    Ok(if content.len() > largest { Err(Unread::TooLarge) } else { Ok(content) })
}

/// Whether the opened file is the one that was looked at: a link that was put there in between leads elsewhere.
#[cfg(unix)]
fn is_same(seen: &std::fs::Metadata, opened: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    opened.is_file() && (seen.dev(), seen.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn is_same(_seen: &std::fs::Metadata, opened: &std::fs::Metadata) -> bool {
    opened.is_file()
}

/// A file and its signature, as far as both can be read.
pub fn read_pair(folder: &Path, name: &str) -> std::io::Result<Result<(Vec<u8>, String), Unread>> {
    let signature = match read_bounded(&folder.join(format!("{name}{SIGNATURE}")), LARGEST_SIGNATURE)? {
        Ok(signature) => signature,
        Err(why) => return Ok(Err(why)),
    };
    // A signature that is no text is refused as a wrong signature.
    let signature = String::from_utf8(signature).unwrap_or_default();
    Ok(read_bounded(&folder.join(name), LARGEST_FILE)?.map(|content| (content, signature)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_file_by_one_key() {
        let signer = |seed| Signer::from_seed("bank.example/channel", [seed; 32]).unwrap();
        let (own, other) = (signer(1), signer(2));
        let note = sign(&own, b"a statement");
        assert_eq!(check(&own.verifier(), &note, b"a statement"), Ok(()));
        assert!(check(&own.verifier(), &note, b"another statement").is_err());
        assert!(check(&other.verifier(), &note, b"a statement").is_err());
        assert!(check(&own.verifier(), "", b"a statement").is_err());
        // A note of the same key over something else, such as a checkpoint, vouches for no file.
        let checkpoint = own.sign(&format!("kontor/log\n{}\n", sha256_hex(b"a statement")));
        assert!(check(&own.verifier(), &checkpoint, b"a statement").is_err());
    }

    #[test]
    fn a_transport_makes_its_key_once_and_signs_with_it() {
        let folder = std::env::temp_dir().join(format!("kontor-bank-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let key = folder.join("bank.key");
        let public = make_key("kontor.example/bank", &key).unwrap();
        assert!(make_key("kontor.example/bank", &key).is_err(), "no key is overwritten");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(folder.join("day.xml"), "a statement").unwrap();
        assert_eq!(sign_file(&folder.join("day.xml"), &key).unwrap(), folder.join("day.xml.sig"));
        let channel = Channel::open(&folder.join("in"), &folder.join("bank.key.pub")).unwrap();
        assert_eq!(channel.key.to_text(), public);
        let (content, signature) = read_pair(&folder, "day.xml").unwrap().unwrap();
        assert_eq!(check(&channel.key, &signature, &content), Ok(()));
        assert!(Channel::open(&folder.join("in"), &key).is_err(), "the server is never given the secret key");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn names_are_plain() {
        assert!(is_plain_name("2026-11-27 EUR.xml") && is_plain_name("对账单.xml"));
        for name in ["", ".hidden", "..", "a/b", "a\\b", "a\nb", "a\u{202e}b", &"x".repeat(121)] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
