//! The pages as the browser sees them: blocks, forms, texts in two languages, styles. Pure: no HTTP, no SQL.
//!
//! A page is a [`Page`]: a title and a list of [`Block`]s. Every table, form, list of facts and timeline in the program is one of
//! these blocks. So labels, paging, errors and accessibility are right in one place.

pub mod blocks;
pub mod mail;
pub mod texts;

pub use blocks::*;
pub use texts::Language;

/// The style sheet, served under its content hash.
pub const STYLES: &str = include_str!("../assets/kontor.css");
/// The script that adds to pages which work without it.
pub const SCRIPT: &str = include_str!("../assets/kontor.js");
