//! Files of the outside world, to and from domain values. Pure: no network, no file access, bounded memory.
#![cfg_attr(test, allow(clippy::as_conversions))]

pub mod camt;
pub mod cii;
#[cfg(test)]
mod collection;
mod encoding;
pub mod fault;
pub mod invoice;
pub mod pain;
pub mod rules;
pub mod ubl;
mod xml;

#[cfg(test)]
mod manifest_tests;

pub use fault::FormatFault;
