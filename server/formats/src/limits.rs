//! How much a file may ask for: a larger file is refused before it costs anything.

/// The largest number of objects, files and bytes that a container may unpack to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one unpacked file or stream.
    pub file_bytes: usize,
    /// Bytes of all that one container unpacks to.
    pub total_bytes: usize,
    /// Files in one archive, or attachments of one PDF.
    pub files: usize,
    /// Objects of one PDF.
    pub objects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 10 * MEGABYTE, total_bytes: 40 * MEGABYTE, files: 500, objects: 100_000 }
    }
}

pub(crate) const MEGABYTE: usize = 1024 * 1024;
