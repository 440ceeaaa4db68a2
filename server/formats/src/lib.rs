//! Files of the outside world, to and from domain values. Pure: no network, no file access, bounded memory.
#![cfg_attr(test, allow(clippy::as_conversions))]

pub mod books;
pub mod camt;
pub mod pain;
pub mod pain002;
pub mod ubl;
pub mod view;
mod xml;

/// Why a file cannot be read, in words that name the element and, where known, the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatFault {
    #[error("not well-formed XML, or it uses a document type: {0}")]
    NotXml(String),
    #[error("not a document of this kind: {0}")]
    WrongKind(String),
    #[error("line {line}: {element} is missing")]
    Missing { element: String, line: u32 },
    #[error("line {line}: {element} cannot be read: {text}")]
    Invalid { element: String, line: u32, text: String },
    #[error("{0}")]
    Inconsistent(String),
    #[error("{element} has characters or a length that the bank format does not allow")]
    NotWritable { element: String },
}
