//! The only SQL: SQLite and PostgreSQL behind one code.
//!
//! Invariants: nothing here decides anything about money; every list is paged by key; the journal, the audit
//! and the documents are only ever appended to (the database itself refuses the rest).

pub mod allowances;
pub mod bulk;
pub mod confirmation_lists;
pub mod connection;
pub mod copies;
pub mod custody;
pub mod distributions;
pub mod holding_costs;
pub mod journal;
pub mod lists;
pub mod log;
pub mod marks;
pub mod neighbours;
pub mod programmes;
pub mod query;
pub mod reconciliation;
pub mod records;
pub mod rows;
pub mod schema;
pub mod standing;
pub mod statement;
pub mod sums;
pub mod verify;

pub use connection::{Conn, Pool, connect, migrate, open_pool, revert_all};
pub use query::{Bind, Page};
pub use rows::*;

/// Storage failed. The detail is for the log; a caller can only tell people to come back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("database: {0}")]
    Database(#[from] diesel::result::Error),
    #[error("connection: {0}")]
    Connection(String),
    #[error("a stored value cannot be read: {0}")]
    Corrupt(String),
    /// The commit's fate is not known; a retry with the same key finds it out.
    #[error("commit not confirmed: {0}")]
    CommitUnknown(String),
}

impl StoreError {
    /// Whether the database was away, and not the statement at fault.
    #[must_use]
    pub fn is_away(&self) -> bool {
        use diesel::result::{DatabaseErrorKind, Error};
        match self {
            Self::Connection(_) => true,
            Self::Database(Error::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _,
            )) => true,
            Self::Database(Error::DatabaseError(_, said)) => {
                ["terminating connection", "server closed the connection", "connection to server", "no connection to the server"]
                    .iter()
                    .any(|words| said.message().contains(words))
            }
            _ => false,
        }
    }
}

pub type Result<T> = std::result::Result<T, StoreError>;
