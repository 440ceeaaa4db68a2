//! Values that every floor shares: ids and the names of states. Each is a type of its own, in memory, in JSON and in a column.
//!
//! The crate names Diesel's core without a database, because a column's type must be able to read and write itself
//! (docs/adr/0027-typed-values-have-a-crate.md). Nothing here knows a rule.

mod column;
pub mod ids;
mod named;
mod sets;

pub use ids::*;
pub use named::{Named, NotNamed};
pub use sets::{Blank, Set};

/// The libraries that the macros of this crate use, so that a crate that calls them names neither library.
#[doc(hidden)]
pub mod derive {
    pub use diesel;
    pub use serde;
}
