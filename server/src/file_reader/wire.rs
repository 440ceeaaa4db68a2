//! The messages between server and child: an order is one line of JSON with the files behind it. Each answer is a line of JSON,
//! with the bytes that it describes behind it.

use super::{FileFault, Held, Shown};
use formats::camt::Statement;
use formats::csv::{ConfirmationRow, CsvInvoice, Payable};
use formats::pain002::StatusReport;
use serde::{Deserialize, Serialize};

/// The task for the files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// All invoices of each file.
    Invoices,
    Payables,
    Confirmations,
    /// Whether it is an XML document that holds data only.
    PlainDocument,
    BankFile,
    /// The view for the invoice of this number.
    Show {
        number: String,
    },
    /// The rows of a table with these invoice numbers.
    Rows {
        numbers: Vec<String>,
    },
}

/// A file as it is announced; its bytes follow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Announced {
    pub name: String,
    pub length: usize,
    /// Members of an archive that an earlier child has read, or died of.
    pub skip: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub task: Task,
    /// Faults that may be listed, of all files together.
    pub faults: usize,
    /// Rows that the good tables of all files together may still have.
    pub rows: usize,
    pub files: Vec<Announced>,
}

/// Where the bytes are that are kept as evidence of something found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Content {
    /// Nothing is kept.
    None,
    /// The file itself, which the parent has.
    File,
    /// The answer is followed by this number of bytes.
    Behind(usize),
}

/// A bank's file as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BankFileRead {
    /// All its statements; of a zip also the members that they stand in, in the same order.
    Statements(Vec<Statement>, Vec<BankMember>),
    /// All its reports on payments; of a zip also the members, in the same order.
    Status(Vec<StatusReport>, Vec<BankMember>),
}

/// A member of a zip of bank files: how many of the statements or reports are its, or why it is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankMember {
    pub name: String,
    pub count: usize,
    pub fault: Option<FileFault>,
}

/// Rows, or all that is wrong with a table.
pub(super) type Rows<T> = Result<Vec<T>, Vec<FileFault>>;

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// A member of an archive comes next: if there is no more, it is what stopped the child.
    Next {
        name: String,
    },
    /// The first rows of a table; the others follow, the last with what is found.
    Part(Vec<CsvInvoice>),
    Found {
        name: String,
        content: Content,
        held: Result<Held, FileFault>,
    },
    /// `count` more faults of the file are not listed.
    More {
        count: usize,
    },
    /// Nothing of the file is taken, whatever was found in it.
    Refused(FileFault),
    Payables(Rows<Payable>),
    Confirmations(Rows<ConfirmationRow>),
    PlainDocument(bool),
    BankFile(BankFileRead),
    Shown(Shown),
    Rows(Option<Vec<Vec<String>>>),
    /// The file is read to its end.
    End,
}
