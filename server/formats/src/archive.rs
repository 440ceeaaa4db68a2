//! A zip of invoices. Names inside are shown and never used as paths. The reader counts sizes while it unpacks, and does not
//! trust the archive's own.

use crate::fault::shown;
use crate::limits::{Limits, MEGABYTE};
use crate::{FormatFault, ofd};
use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::result::ZipError;

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub content: Vec<u8>,
}

#[must_use]
pub fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// All files of an archive. One that holds only archives is refused; archives beside other files come out unopened.
pub fn members(bytes: &[u8], limits: &Limits) -> Result<Vec<Member>, FormatFault> {
    let found = unpack(bytes, limits)?;
    match found.first() {
        None => Err(FormatFault::ZipEmpty),
        Some(first) if found.iter().all(is_archive) => Err(FormatFault::ZipNested { name: shown(&first.name) }),
        Some(_) => Ok(found),
    }
}

/// An archive that is no invoice of its own (OFD).
fn is_archive(member: &Member) -> bool {
    is_zip(&member.content) && !ofd::is_ofd(&member.content)
}

/// The names of an archive's files, without unpacking any.
pub(crate) fn names(bytes: &[u8]) -> Vec<String> {
    let Ok(archive) = ZipArchive::new(Cursor::new(bytes)) else { return Vec::new() };
    archive.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect()
}

/// The files of an archive, of every kind.
pub(crate) fn unpack(bytes: &[u8], limits: &Limits) -> Result<Vec<Member>, FormatFault> {
    let mut members = Members::open(bytes, limits)?;
    let mut found = Vec::new();
    while let Some(member) = members.next()? {
        found.push(member);
    }
    Ok(found)
}

/// The files of an archive, one after the other: only one is held at a time.
pub struct Members<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    limits: Limits,
    index: usize,
    /// Bytes that may still come out.
    left: usize,
}

impl<'a> Members<'a> {
    pub fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, FormatFault> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| FormatFault::ZipBroken)?;
        // The reader would show only one of two files with one name, and lose the other silently.
        if entries_of(bytes).is_some_and(|count| count != archive.len()) {
            return Err(FormatFault::ZipTwice);
        }
        if archive.len() > limits.files {
            return Err(FormatFault::ZipTooMany { most: limits.files });
        }
        Ok(Self { archive, limits: *limits, index: 0, left: limits.total_bytes })
    }

    /// How many entries it has, folders among them.
    #[must_use]
    pub fn count(&self) -> usize {
        self.archive.len()
    }

    /// The next file. Folders and the files that file managers add are left out.
    #[allow(clippy::should_implement_trait, reason = "a fault ends the archive, which an iterator would not say")]
    pub fn next(&mut self) -> Result<Option<Member>, FormatFault> {
        while self.index < self.archive.len() {
            let index = self.index;
            self.index = index.saturating_add(1);
            let file = self.archive.by_index_raw(index).map_err(|_| FormatFault::ZipBroken)?;
            let name = file.name().map_err(|_| FormatFault::ZipBroken)?.into_owned();
            if leads_out(&name) {
                return Err(FormatFault::ZipName { name: shown(&name) });
            }
            if file.encrypted() {
                return Err(FormatFault::ZipEncrypted { name: shown(&name) });
            }
            let skipped = file.is_dir() || is_of_the_system(&name);
            drop(file);
            if skipped {
                continue;
            }
            let (limits, left) = (self.limits, self.left);
            let content = read_member(&mut self.archive, index, limits.file_bytes.min(left))?.ok_or_else(|| {
                let most = if left < limits.file_bytes { limits.total_bytes } else { limits.file_bytes };
                FormatFault::ZipTooMuch { megabytes: most / MEGABYTE }
            })?;
            self.left = left.saturating_sub(content.len());
            return Ok(Some(Member { name, content }));
        }
        Ok(None)
    }
}

/// How many files the archive's own end record counts; none where it is too long for that record (zip64).
fn entries_of(bytes: &[u8]) -> Option<usize> {
    let tail = bytes.len().saturating_sub(65_557);
    let end = bytes.get(tail..)?.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let count = bytes.get(tail.checked_add(end)?.checked_add(10)?..)?.first_chunk::<2>()?;
    Some(usize::from(u16::from_le_bytes(*count))).filter(|count| *count < 0xFFFF)
}

/// One file, or none where it is larger than this. Its checksum is compared at the end.
fn read_member(archive: &mut ZipArchive<Cursor<&[u8]>>, index: usize, most: usize) -> Result<Option<Vec<u8>>, FormatFault> {
    let file = archive.by_index(index).map_err(|error| match error {
        ZipError::InvalidPassword => FormatFault::ZipEncrypted { name: String::new() },
        _ => FormatFault::ZipBroken,
    })?;
    let mut content = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut content).map_err(|_| FormatFault::ZipBroken)?;
    Ok((content.len() <= most).then_some(content))
}

/// An absolute path, a drive, a step upwards, or a character that no name has.
fn leads_out(name: &str) -> bool {
    let drive = name.chars().nth(1) == Some(':');
    name.starts_with(['/', '\\'])
        || drive
        || name.chars().any(char::is_control)
        || name.split(['/', '\\']).any(|part| part == "..")
}

/// A file that file managers add on their own.
fn is_of_the_system(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    name.starts_with("__MACOSX/") || last.starts_with('.') || last.eq_ignore_ascii_case("thumbs.db")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Write;

    /// An archive with these files.
    pub(crate) fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn files_come_out_and_nothing_else() {
        let packed = pack(&[("a/one.xml", b"<a/>"), ("__MACOSX/a/._one.xml", b"x"), ("two.csv", b"b")]);
        let found = members(&packed, &Limits::default()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].content.as_slice()), ("a/one.xml", &b"<a/>"[..]));
    }

    #[test]
    fn each_limit_and_each_trick_is_refused() {
        let small = Limits { file_bytes: 1000, total_bytes: 1500, files: 3, objects: 0 };
        let of = |files: &[(&str, &[u8])]| members(&pack(files), &small).unwrap_err().code();
        let (large, half) = (vec![b'x'; 1001], vec![b'x'; 800]);
        assert_eq!(of(&[("a", &large)]), "zip_too_much");
        assert_eq!(of(&[("a", &half), ("b", &half)]), "zip_too_much");
        assert_eq!(of(&[("a", b""), ("b", b""), ("c", b""), ("d", b"")]), "zip_too_many");
        assert_eq!(of(&[("../a", b"x")]), "zip_name");
        // Two files of one name: the writer refuses to make such, so the second is renamed afterwards.
        let mut twice = pack(&[("one.xml", b"<a/>"), ("two.xml", b"<b/>")]);
        for at in 0..twice.len() - 7 {
            if twice[at..at + 7] == *b"two.xml" {
                twice[at..at + 7].copy_from_slice(b"one.xml");
            }
        }
        assert_eq!(members(&twice, &small).unwrap_err().code(), "zip_twice");
        assert_eq!(of(&[("/a", b"x")]), "zip_name");
        assert_eq!(of(&[("C:\\a", b"x")]), "zip_name");
        let nested = pack(&[("b", b"x")]);
        assert_eq!(of(&[("a.zip", &nested)]), "zip_nested");
        assert_eq!(members(&pack(&[("a.zip", &nested), ("c", b"x")]), &small).unwrap().len(), 2, "the other file is not lost");
        assert_eq!(of(&[]), "zip_empty");
        let mut damaged = pack(&[("a", &half)]);
        damaged[40] ^= 0xFF;
        assert_eq!(members(&damaged, &small).unwrap_err().code(), "zip_broken");
    }
}
