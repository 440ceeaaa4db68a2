//! Inserting, updating and finding single records. The verbs are fixed: `insert`, `update`, `find`, `load`.

use crate::marks::{Mark, mark_of};
use crate::query::{self, Bind};
use crate::rows::*;
use crate::schema;
use crate::{Conn, Result, StoreError};
use diesel::prelude::*;

/// A row of a table with one key column.
pub trait Record: Sized {
    const TABLE: &'static str;
    /// What it leaves in the audit, where nothing else would show that it was changed.
    fn mark(&self) -> Option<Mark>;
    fn insert(&self, conn: &mut Conn) -> Result<()>;
    /// Many at once: one COPY on PostgreSQL, one prepared statement run row by row on SQLite.
    fn insert_all(rows: &[Self], conn: &mut Conn) -> Result<()>;
    fn find_where(conn: &mut Conn, condition: &str, binds: &[Bind]) -> Result<Option<Self>>;
    fn list_where(conn: &mut Conn, condition: &str, binds: &[Bind]) -> Result<Vec<Self>>;
}

/// A record keyed by a number, which must be there or may be there.
pub trait Keyed: Record {
    fn update(&self, conn: &mut Conn) -> Result<()>;
    fn find(conn: &mut Conn, id: i64) -> Result<Option<Self>> {
        Self::find_where(conn, "id = ?", &[id.into()])
    }
    fn load(conn: &mut Conn, id: i64) -> Result<Self> {
        Self::find(conn, id)?.ok_or_else(|| StoreError::Corrupt(format!("{} {id} is missing", Self::TABLE)))
    }
    /// All of `ids` that exist, in no order.
    fn list_ids(conn: &mut Conn, ids: &[i64]) -> Result<Vec<Self>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (condition, list) = query::among(conn, "id", ids);
        Self::list_where(conn, &condition, &[list])
    }
}

/// From so many rows on PostgreSQL gets them as one binary COPY; below that a prepared INSERT is as quick.
const COPY_FROM: usize = 3;

macro_rules! records {
    (marked: $($table:ident $row:ident),+; $($plain:ident $other:ident),+ $(,)?) => {
        $(records!(@row $table $row |row: &$row| Some(mark_of(stringify!($table), row)));)+
        $(records!(@row $plain $other |_: &$other| None);)+

        /// Tables of marked records, and how to read on in each after a place.
        pub const MARKED: &[MarkedTable] = &[$((stringify!($table), list_marks::<$row>)),+];
    };
    (@row $table:ident $row:ident $mark:expr) => {
        impl Record for $row {
            const TABLE: &'static str = stringify!($table);
            fn mark(&self) -> Option<Mark> {
                let mark: fn(&$row) -> Option<Mark> = $mark;
                mark(self)
            }
            fn insert(&self, conn: &mut Conn) -> Result<()> {
                match conn {
                    Conn::Sqlite(c) => diesel::insert_into(schema::$table::table).values(self).execute(c)?,
                    Conn::Postgres(c) => diesel::insert_into(schema::$table::table).values(self).execute(c)?,
                };
                Ok(())
            }
            fn insert_all(rows: &[Self], conn: &mut Conn) -> Result<()> {
                match conn {
                    Conn::Sqlite(c) => {
                        for row in rows {
                            diesel::insert_into(schema::$table::table).values(row).execute(c)?;
                        }
                    }
                    Conn::Postgres(c) if rows.len() >= COPY_FROM => {
                        diesel::copy_from(schema::$table::table).from_insertable(rows).execute(c)?;
                    }
                    Conn::Postgres(c) => {
                        for row in rows {
                            diesel::insert_into(schema::$table::table).values(row).execute(c)?;
                        }
                    }
                }
                Ok(())
            }
            fn find_where(conn: &mut Conn, condition: &str, binds: &[Bind]) -> Result<Option<Self>> {
                query::find(conn, &format!("SELECT * FROM {} WHERE {condition}", Self::TABLE), binds)
            }
            fn list_where(conn: &mut Conn, condition: &str, binds: &[Bind]) -> Result<Vec<Self>> {
                query::list(conn, &format!("SELECT * FROM {} WHERE {condition}", Self::TABLE), binds)
            }
        }
    };
}

/// A table's name, and the marks of a page of it from an offset on.
pub type MarkedTable = (&'static str, fn(&mut Conn, &mut MarkPage) -> Result<Vec<Mark>>);

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
    let rows = if crate::marks::has_ids(T::TABLE) {
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
        (page.last, page.second) = (row.receivable_id, row.party_id);
    }
    Ok(rows.iter().filter_map(Record::mark).collect())
}

macro_rules! keyed {
    ($($table:ident $row:ident),+ $(,)?) => {$(
        impl Keyed for $row {
            fn update(&self, conn: &mut Conn) -> Result<()> {
                let target = schema::$table::table.find(self.id);
                let touched = match conn {
                    Conn::Sqlite(c) => diesel::update(target).set(self).execute(c)?,
                    Conn::Postgres(c) => diesel::update(target).set(self).execute(c)?,
                };
                if touched == 1 { Ok(()) } else { Err(StoreError::Corrupt(format!("{} {} is missing", Self::TABLE, self.id))) }
            }
        }
    )+};
}

records!(
    marked: parties Party, company_versions CompanyVersion, users User, address_changes AddressChange, bank_accounts BankAccount, approval_limits ApprovalLimit, solo_acts SoloActs, buyer_limits BuyerLimit,
    issue_terms IssueTermsRow, holidays Holiday, invoices Invoice, confirmations Confirmation, receivables Receivable,
    assignment_notices AssignmentNotice, invoice_messages InvoiceMessage, answer_clocks AnswerClock, confirmation_evidence ConfirmationEvidence,
    confirmation_lists ConfirmationList, confirmation_items ConfirmationItem,
    late_claims LateClaim, distributions Distribution, offers Offer, purchase_holds PurchaseHold, purchases Purchase, statements Statement, bank_files BankFile, bank_lines BankLine,
    payouts Payout, status_reports StatusReport, status_lines StatusLine, payment_files PaymentFile, approvals Approval,
    custody_accounts CustodyAccount, custody_choices CustodyChoice,
    credit_notes CreditNote, reviews Review, evidence Evidence,
    buyer_contacts BuyerContact, confirmation_links ConfirmationLink, approved_payables ApprovedPayable, documents Document,
    programmes Programme, programme_versions ProgrammeVersion, programme_members ProgrammeMember, fee_bills FeeBill;
    heads Heads, sessions Session, links Link, audit AuditRecord, notices Notice,
    mails Mail, ledger_accounts AccountRow, transfers TransferRow, log_runs LogRun, log_nodes LogNode,
    checkpoints CheckpointRow, day_sums DaySumsRow, sum_trees SumTreeRow,
);
keyed!(
    heads Heads, parties Party, users User, address_changes AddressChange, sessions Session, links Link, bank_accounts BankAccount,
    buyer_limits BuyerLimit, solo_acts SoloActs, invoices Invoice, receivables Receivable, offers Offer, purchase_holds PurchaseHold, bank_lines BankLine,
    payouts Payout, approvals Approval, mails Mail, distributions Distribution, payment_files PaymentFile, purchases Purchase,
    statements Statement, bank_files BankFile, notices Notice, credit_notes CreditNote, reviews Review,
    custody_accounts CustodyAccount,
    confirmation_lists ConfirmationList, confirmation_items ConfirmationItem, answer_clocks AnswerClock, assignment_notices AssignmentNotice,
    buyer_contacts BuyerContact, confirmation_links ConfirmationLink, approved_payables ApprovedPayable,
    programmes Programme, programme_versions ProgrammeVersion, programme_members ProgrammeMember, fee_bills FeeBill,
);

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

/// The one row that says where the counters stand. Inside a batch it cannot change under the reader.
pub fn load_heads(conn: &mut Conn) -> Result<Heads> {
    Heads::load(conn, 1)
}

/// Where the counters stand now: once in every batch, so its text is always the same and prepared once.
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
    Document::find_where(conn, "sha256 = ?", &[sha256.into()])
}

/// Whether this document is kept.
pub fn has_document(conn: &mut Conn, sha256: &str) -> Result<bool> {
    let found = query::int(conn, "SELECT CAST(1 AS BIGINT) AS value FROM documents WHERE sha256 = ?", &[sha256.into()])?;
    Ok(found.is_some())
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

/// The audit records under these keys of these companies, in one statement however many they are.
pub fn list_audit_by_key(conn: &mut Conn, wanted: &[(i64, &str)]) -> Result<Vec<AuditRecord>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (list, binds) = match conn {
        Conn::Sqlite(_) => {
            let wanted: Vec<_> = wanted.iter().map(|(party, key)| serde_json::json!({ "p": party, "k": key })).collect();
            let list = "(SELECT json_extract(value, '$.p') AS p, json_extract(value, '$.k') AS k FROM json_each(?)) w";
            (list, vec![serde_json::Value::from(wanted).to_string().into()])
        }
        Conn::Postgres(_) => {
            let parties = wanted.iter().map(|(party, _)| *party).collect();
            let keys = wanted.iter().map(|(_, key)| (*key).to_owned()).collect();
            ("UNNEST(?, ?) AS w (p, k)", vec![Bind::Ints(parties), Bind::Texts(keys)])
        }
    };
    let sql = query::look_up(conn, list, "audit a", "a.party_id = w.p AND a.idempotency_key = w.k");
    query::list(conn, &sql, &binds)
}
