//! The only SQL: SQLite and PostgreSQL behind one code.
//!
//! Invariants: nothing here decides anything about money. Every list is paged by key. The journal, the audit and the documents
//! are only ever appended to; the database itself refuses other changes.

pub mod allowances;
pub mod bank;
pub mod bare;
pub mod baseline;
pub mod bulk;
pub mod confirmations;
pub mod connection;
pub mod copies;
pub mod custody;
pub mod days;
pub mod distributions;
mod fixed;
pub mod holding_costs;
pub mod invoices;
pub mod journal;
pub mod lists;
pub mod log;
pub mod market;
pub mod marks;
pub mod messages;
pub mod neighbours;
pub mod parties;
pub mod people;
pub mod programmes;
pub mod query;
pub mod receivables;
pub mod reconciliation;
pub mod records;
pub mod standing;
pub mod statement;
pub mod sums;
mod table;
pub mod verify;

pub use bank::{BankFile, BankLine, PaymentFile, Payout, Statement, StatusLine, StatusReport};
pub use confirmations::{
    ApprovedPayable, BuyerContact, Confirmation, ConfirmationEvidence, ConfirmationItem, ConfirmationLink, ConfirmationList,
};
pub use connection::{Conn, Pool, connect, migrate, open_pool, revert_all};
pub use custody::{CustodyAccount, CustodyChoice};
pub use days::{Heads, Holiday, IssueTermsRow};
pub use invoices::{AnswerClock, CreditNote, Document, Evidence, Invoice, InvoiceMessage, Review};
pub use journal::{AccountRow, HoldRow, TransferRow};
pub use log::{AuditRecord, CheckpointRow, DaySumsRow, LogNode, LogRun, SumTreeRow};
pub use market::{BuyerLimit, Offer, Purchase, PurchaseHold};
pub use messages::{Mail, Notice};
pub use parties::{ApprovalLimit, BankAccount, CompanyVersion, Party, SoloActs};
pub use people::{AddressChange, Approval, Link, Session, User};
pub use programmes::{FeeBill, Programme, ProgrammeMember, ProgrammeVersion};
pub use query::{Bind, Page};
pub use receivables::{AssignmentNotice, Distribution, LateClaim, Receivable};

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
