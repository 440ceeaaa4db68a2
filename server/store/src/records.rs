//! Inserting, updating and finding single records. The verbs are fixed: `insert`, `update`, `find`, `load`.

use crate::marks::{Leaves, Mark, mark_of};
use crate::query::{self, Bind};
use crate::*;
use crate::{Conn, Result, StoreError};
use diesel::PgConnection;
use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;
use kernel::*;
use serde::Serialize;

/// A row of a table, declared by [`table!`](crate::table).
pub trait Record: Sized + Serialize + QueryableByName<Sqlite> + QueryableByName<Pg> + 'static {
    const TABLE: &'static str;
    /// The columns by which rows are found.
    const KEY: &'static [&'static str];
    /// Which columns its mark leaves out; none for a table whose rows leave no mark.
    const MARKS: Option<Leaves>;

    fn insert(&self, conn: &mut Conn) -> Result<()>;
    /// Many at once, as one binary COPY.
    fn copy_all(rows: &[Self], conn: &mut PgConnection) -> Result<()>;

    /// The mark that it leaves in the audit, where nothing else would show a change.
    fn mark(&self) -> Option<Mark> {
        Self::MARKS.map(|leaves| mark_of::<Self>(self, leaves))
    }

    /// Many at once: one COPY on PostgreSQL, one prepared statement run row by row on SQLite.
    fn insert_all(rows: &[Self], conn: &mut Conn) -> Result<()> {
        match conn {
            Conn::Postgres(postgres) if rows.len() >= COPY_FROM => Self::copy_all(rows, postgres),
            _ => rows.iter().try_for_each(|row| row.insert(conn)),
        }
    }

    fn find_where(conn: &mut Conn, condition: &str, binds: &[Bind]) -> Result<Option<Self>> {
        query::find(conn, &format!("SELECT * FROM {} WHERE {condition}", Self::TABLE), binds)
    }

    fn list_where(conn: &mut Conn, condition: &str, binds: &[Bind]) -> Result<Vec<Self>> {
        query::list(conn, &format!("SELECT * FROM {} WHERE {condition}", Self::TABLE), binds)
    }
}

/// A record with an id, which must be there or may be there.
pub trait Keyed: Record {
    type Id: Id + Into<Bind>;
    fn update(&self, conn: &mut Conn) -> Result<()>;

    fn find(conn: &mut Conn, id: Self::Id) -> Result<Option<Self>> {
        Self::find_where(conn, "id = ?", &[id.into()])
    }

    fn load(conn: &mut Conn, id: Self::Id) -> Result<Self> {
        Self::find(conn, id)?.ok_or_else(|| StoreError::Corrupt(format!("{} {id} is missing", Self::TABLE)))
    }

    /// All of `ids` that exist, in no order.
    fn list_ids(conn: &mut Conn, ids: &[Self::Id]) -> Result<Vec<Self>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (condition, list) = query::among(conn, "id", ids);
        Self::list_where(conn, &condition, &[list])
    }
}

/// The number of rows from which on PostgreSQL gets them as one binary COPY; below it a prepared INSERT is as quick.
const COPY_FROM: usize = 3;

/// The row of this id was there to be changed.
pub(crate) fn one_touched<T: Keyed>(touched: usize, id: T::Id) -> Result<()> {
    if touched == 1 { Ok(()) } else { Err(StoreError::Corrupt(format!("{} {id} is missing", T::TABLE))) }
}

macro_rules! tables {
    ($($row:ident),+ $(,)?) => {
        /// Every table, whether its rows leave marks, and how to read on in it after a place.
        pub const TABLES: &[Table] = &[$(Table { name: $row::TABLE, key: $row::KEY, marked: $row::MARKS.is_some(), list: list_marks::<$row> }),+];
    };
}

tables!(
    Party,
    CompanyVersion,
    User,
    AddressChange,
    BankAccount,
    ApprovalLimit,
    SoloActs,
    BuyerLimit,
    IssueTermsRow,
    Holiday,
    Invoice,
    Confirmation,
    Receivable,
    AssignmentNotice,
    InvoiceMessage,
    AnswerClock,
    ConfirmationEvidence,
    ConfirmationList,
    ConfirmationItem,
    LateClaim,
    Distribution,
    Offer,
    PurchaseHold,
    Purchase,
    Statement,
    BankFile,
    BankLine,
    Payout,
    StatusReport,
    StatusLine,
    PaymentFile,
    Approval,
    CustodyAccount,
    CustodyChoice,
    CreditNote,
    Review,
    Evidence,
    BuyerContact,
    ConfirmationLink,
    ApprovedPayable,
    Document,
    Programme,
    ProgrammeVersion,
    ProgrammeMember,
    FeeBill,
    Heads,
    Session,
    Link,
    AuditRecord,
    Notice,
    Mail,
    AccountRow,
    TransferRow,
    LogRun,
    LogNode,
    CheckpointRow,
    DaySumsRow,
    SumTreeRow,
    HoldRow
);

/// Tables of marked records.
pub fn marked() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().filter(|table| table.marked)
}

/// Tables of marked records whose key is an id.
pub fn numbered() -> impl Iterator<Item = &'static Table> {
    marked().filter(|table| matches!(table.key, ["id"]))
}

/// A table as it is read for its marks.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    pub key: &'static [&'static str],
    pub marked: bool,
    /// The marks of a page of it.
    pub list: fn(&mut Conn, &mut MarkPage) -> Result<Vec<Mark>>,
}

/// How far a table has been read.
#[derive(Debug)]
pub struct MarkPage {
    last: i64,
    /// The second number, of rows that are found by two.
    second: i64,
    /// Of rows that are found by their digest.
    digest: String,
    done: bool,
}

impl Default for MarkPage {
    /// Before the first row, whatever number it has.
    fn default() -> Self {
        Self { last: i64::MIN, second: i64::MIN, digest: String::new(), done: false }
    }
}

/// The next marks of a table; none when it is read to its end.
fn list_marks<T: Record>(conn: &mut Conn, page: &mut MarkPage) -> Result<Vec<Mark>> {
    if page.done {
        return Ok(Vec::new());
    }
    if T::TABLE == "documents" {
        return list_document_marks(conn, page);
    }
    if T::TABLE == "late_claims" {
        return list_claim_marks(conn, page);
    }
    let rows = if T::KEY == ["id"] {
        T::list_where(conn, "id > ? ORDER BY id LIMIT 5000", &[page.last.into()])?
    } else {
        page.done = true;
        T::list_where(conn, "1 = 1", &[])?
    };
    let marks: Vec<Mark> = rows.iter().filter_map(T::mark).collect();
    page.last = marks.last().and_then(|mark| mark.name.rsplit('/').next()?.parse().ok()).unwrap_or(page.last);
    Ok(marks)
}

/// Those of documents, without their content, which is compared with its digest elsewhere.
fn list_document_marks(conn: &mut Conn, page: &mut MarkPage) -> Result<Vec<Mark>> {
    let nothing = if matches!(conn, Conn::Sqlite(_)) { "X''" } else { "''::bytea" };
    let sql = format!(
        "SELECT sha256, party_id, name, media_type, created_at, {nothing} AS content FROM documents WHERE sha256 > ? ORDER BY sha256 LIMIT 5000"
    );
    let rows: Vec<Document> = query::list(conn, &sql, &[page.digest.as_str().into()])?;
    if let Some(last) = rows.last() {
        page.digest.clone_from(&last.sha256);
    }
    Ok(rows.iter().filter_map(Record::mark).collect())
}

/// Those of late claims, by receivable and company.
fn list_claim_marks(conn: &mut Conn, page: &mut MarkPage) -> Result<Vec<Mark>> {
    let after = "receivable_id > ? OR (receivable_id = ? AND party_id > ?) ORDER BY receivable_id, party_id LIMIT 5000";
    let rows = LateClaim::list_where(conn, after, &[page.last.into(), page.last.into(), page.second.into()])?;
    if let Some(row) = rows.last() {
        (page.last, page.second) = (row.receivable_id.0, row.party_id.0);
    }
    Ok(rows.iter().filter_map(Record::mark).collect())
}

/// Replaces or adds a record whose key is more than a number.
pub fn save_approval_limit(conn: &mut Conn, row: &ApprovalLimit) -> Result<()> {
    let key = [row.party_id.into(), row.currency.as_str().into()];
    query::execute(conn, "DELETE FROM approval_limits WHERE party_id = ? AND currency = ?", &key)?;
    row.insert(conn)
}

pub fn save_issue_terms(conn: &mut Conn, row: &IssueTermsRow) -> Result<()> {
    query::execute(conn, "DELETE FROM issue_terms WHERE currency = ?", &[row.currency.as_str().into()])?;
    row.insert(conn)
}

pub fn save_holiday(conn: &mut Conn, row: &Holiday) -> Result<()> {
    query::execute(conn, "DELETE FROM holidays WHERE currency = ? AND day = ?", &[row.currency.as_str().into(), row.day.into()])?;
    row.insert(conn)
}

pub fn save_custody_choice(conn: &mut Conn, row: &CustodyChoice) -> Result<()> {
    query::execute(conn, "DELETE FROM custody_choices WHERE currency = ?", &[row.currency.as_str().into()])?;
    row.insert(conn)
}

/// The one row of counters. Inside a batch it cannot change under the reader.
pub fn load_heads(conn: &mut Conn) -> Result<Heads> {
    Heads::load(conn, RecordId(1))
}

/// Saves the counters: once in every batch, so its text is always the same and prepared once.
pub fn save_heads(conn: &mut Conn, heads: &Heads) -> Result<()> {
    let sql = "UPDATE heads SET next_id = ?, last_transfer = ?, last_audit = ?, business_date = ?, custody_iban = ?, log_frontier = ?, log_secret = ? \
               WHERE id = ?";
    let binds = [
        heads.next_id.into(),
        heads.last_transfer.into(),
        heads.last_audit.into(),
        heads.business_date.into(),
        heads.custody_iban.as_str().into(),
        heads.log_frontier.as_str().into(),
        heads.log_secret.as_str().into(),
        heads.id.into(),
    ];
    crate::bulk::all_touched(query::execute(conn, sql, &binds)?, 1, "heads")
}

pub fn find_document(conn: &mut Conn, sha256: &str) -> Result<Option<Document>> {
    use crate::invoices::documents;
    use diesel::{OptionalExtension, QueryDsl, RunQueryDsl};
    Ok(documents::table.find(sha256).first(conn).optional()?)
}

/// Whether this document is kept.
pub fn has_document(conn: &mut Conn, sha256: &str) -> Result<bool> {
    use crate::invoices::documents;
    use diesel::{OptionalExtension, QueryDsl, RunQueryDsl};
    Ok(documents::table.find(sha256).select(documents::sha256).first::<String>(conn).optional()?.is_some())
}

/// The same without its content, which is empty here, however large it is.
pub fn find_document_head(conn: &mut Conn, sha256: &str) -> Result<Option<Document>> {
    let empty = match conn {
        Conn::Sqlite(_) => "x''",
        Conn::Postgres(_) => "''::bytea",
    };
    let sql =
        format!("SELECT sha256, party_id, name, media_type, {empty} AS content, created_at FROM documents WHERE sha256 = ?");
    query::find(conn, &sql, &[sha256.into()])
}

/// How many bytes the content has. Neither database reads it for that.
pub fn document_length(conn: &mut Conn, sha256: &str) -> Result<Option<i64>> {
    query::int(conn, "SELECT CAST(LENGTH(content) AS BIGINT) AS value FROM documents WHERE sha256 = ?", &[sha256.into()])
}

#[cfg(test)]
mod tests {
    use super::TABLES;

    #[test]
    fn every_declared_table_is_listed() {
        let mut declared = Vec::new();
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() || path.ends_with("table.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for block in text.split("\ntable! {\n").skip(1) {
                let line = block.lines().find(|line| !line.trim_start().starts_with(['/', '#'])).unwrap();
                declared.push(line.trim().split(':').next().unwrap().to_owned());
            }
        }
        let mut listed: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        declared.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, declared);
    }
}
