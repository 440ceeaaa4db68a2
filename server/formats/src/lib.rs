//! Files of the outside world, to and from domain values. Pure: no network, no file access, bounded memory.
#![cfg_attr(test, allow(clippy::as_conversions))]

pub mod archive;
pub mod assigned;
pub mod books;
pub mod camt;
pub mod cii;
#[cfg(test)]
mod collection;
pub mod csv;
mod encoding;
pub mod fault;
pub mod invoice;
pub mod invoice_response;
pub mod limits;
pub mod ofd;
pub mod pain;
pub mod pain002;
pub mod pdf;
pub mod read;
pub mod rules;
pub mod ubl;
pub mod view;
mod xml;

#[cfg(test)]
mod manifest_tests;
#[cfg(test)]
mod reports_tests;

pub use fault::FormatFault;
pub use read::read;
pub use xml::scan;
