//! What keeps rows right in the database itself: numbers that are never given, and the indexes and triggers that refuse.

use super::{Coverage, Finding, Replay, finding};
use crate::marks::has_ids;
use crate::query::{self, Bind};
use crate::records::MARKED;
use crate::{Conn, Result};
use diesel::sql_types::Text;

/// Numbered tables beside those whose ids have marks, their number, and the least that is given.
const NUMBERED: &[(&str, &str, i64)] = &[
    ("transfers", "number", 1),
    ("audit", "seq", 1),
    ("ledger_accounts", "id", 1),
    ("holds", "number", 1),
    ("late_claims", "receivable_id", 1),
    ("late_claims", "party_id", 1),
    ("log_runs", "first_seq", 1),
    ("log_nodes", "level", 1),
    ("log_nodes", "position", 0),
    ("checkpoints", "size", 0),
    ("day_sums", "audit_seq", 1),
    ("sum_trees", "asset_id", 1),
];

/// A column of SQLite, and what its values are.
#[derive(diesel::QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

/// SQLite takes any value for any column: bytes with the letters of a text are another value, which unique indexes and comparisons pass
/// by, and a number may have a fraction.
fn check_kinds(conn: &mut Conn) -> Result<Option<Finding>> {
    if !matches!(conn, Conn::Sqlite(_)) {
        return Ok(None);
    }
    let columns = "SELECT m.name AS table_name, c.name AS name, CASE WHEN c.type LIKE '%INT' OR c.type IN ('INTEGER', 'BOOLEAN') THEN 'integer' \
                   WHEN c.type = 'BLOB' THEN 'blob' ELSE 'text' END AS kind \
                   FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY m.name, c.cid";
    let columns: Vec<Column> = query::list(conn, columns, &[])?;
    for columns in columns.chunk_by(|one, next| one.table_name == next.table_name) {
        let Some(table) = columns.first().map(|column| &column.table_name) else { continue };
        let cases: String = columns
            .iter()
            .map(|column| format!(" WHEN typeof(\"{0}\") NOT IN ('{1}', 'null') THEN '{0} is no {1}'", column.name, column.kind))
            .collect();
        let sql = format!(
            "SELECT x.row_id || ' ' || x.problem AS value FROM (SELECT rowid AS row_id, CASE{cases} END AS problem FROM \"{table}\") x \
             WHERE x.problem IS NOT NULL LIMIT 1"
        );
        if let Some(found) = query::text(conn, &sql, &[])? {
            let (row, problem) = found.split_once(' ').unwrap_or((&found, ""));
            return Ok(finding(format!("{table} {row}"), problem));
        }
    }
    Ok(None)
}

/// Every value is of its column's kind, and no row has a number that the program never gives. Rows without a number are found by the digest that they lack.
pub(super) fn check_numbers(conn: &mut Conn, _replay: &mut Replay, _coverage: &mut Coverage) -> Result<Option<Finding>> {
    if let Some(found) = check_kinds(conn)? {
        return Ok(Some(found));
    }
    let marked = MARKED.iter().filter(|(table, _)| has_ids(table)).map(|(table, _)| (*table, "id", 1));
    for (table, column, least) in NUMBERED.iter().copied().chain(marked) {
        let sql = format!("SELECT CAST(MIN({column}) AS BIGINT) AS value FROM {table}");
        if let Some(number) = query::int(conn, &format!("SELECT x.value FROM ({sql}) x WHERE x.value < ?"), &[least.into()])? {
            return Ok(finding(format!("{table} {number}"), format!("no row has a {column} below {least}")));
        }
    }
    let nameless = query::int(conn, "SELECT COUNT(*) AS value FROM documents WHERE sha256 = ''", &[])?;
    Ok(if nameless == Some(0) { None } else { finding("documents".to_owned(), "one has no digest") })
}

/// Unique indexes by which nothing is sold, credited, paid or done twice, and their tables.
const UNIQUE: &[(&str, &str)] = &[
    ("bank_accounts_verified", "bank_accounts"),
    ("invoices_once", "invoices"),
    ("statements_once", "statements"),
    ("audit_key", "audit"),
    ("credit_notes_once", "credit_notes"),
    ("evidence_once", "evidence"),
    ("buyer_contacts_active", "buyer_contacts"),
    ("approved_payables_once", "approved_payables"),
    ("programme_versions_waiting", "programme_versions"),
    ("programme_members_once", "programme_members"),
    ("programme_members_joined", "programme_members"),
];

/// Those that stand in a table's own definition. SQLite has no statement that takes them away.
const UNIQUE_ON_POSTGRES: &[(&str, &str)] = &[
    ("parties_tax_key_key", "parties"),
    ("users_email_key", "users"),
    ("confirmations_invoice_id_key", "confirmations"),
    ("receivables_reserve_asset_key", "receivables"),
    ("receivables_invoice_id_key", "receivables"),
    ("receivables_reference_key", "receivables"),
    ("payouts_end_to_end_key", "payouts"),
    ("ledger_accounts_asset_id_kind_owner_id_key", "ledger_accounts"),
    ("day_sums_audit_seq_key", "day_sums"),
    ("day_sums_pkey", "day_sums"),
    ("bank_accounts_pkey", "bank_accounts"),
    ("transfers_pkey", "transfers"),
    ("audit_pkey", "audit"),
];

/// Tables whose rows no statement changes or deletes.
pub const APPEND_ONLY: &[&str] = &[
    "transfers",
    "audit",
    "confirmations",
    "documents",
    "log_runs",
    "log_nodes",
    "checkpoints",
    "day_sums",
    "sum_trees",
    "invoice_messages",
    "confirmation_evidence",
];

/// The indexes and triggers that protect money are there and in force. What they say is not compared.
pub(super) fn check_schema(conn: &mut Conn) -> Result<Option<Finding>> {
    let (own, endings, index, trigger): (&[(&str, &str)], &[&str], &str, &str) = match conn {
        Conn::Sqlite(_) => (
            &[],
            &["no_update", "no_delete"],
            "SELECT COUNT(*) AS value FROM sqlite_master WHERE type = 'index' AND name = ? AND tbl_name = ? AND sql LIKE 'CREATE UNIQUE INDEX %'",
            "SELECT COUNT(*) AS value FROM sqlite_master WHERE type = 'trigger' AND name = ? AND tbl_name = ? AND sql LIKE '%RAISE(ABORT%'",
        ),
        Conn::Postgres(_) => (
            UNIQUE_ON_POSTGRES,
            &["no_change"],
            "SELECT COUNT(*) AS value FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             WHERE c.relname = ? AND i.indrelid = to_regclass(?) AND i.indisunique AND i.indisvalid",
            "SELECT COUNT(*) AS value FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid \
             WHERE t.tgname = ? AND t.tgrelid = to_regclass(?) AND t.tgenabled IN ('O', 'A') AND p.proname = 'refuse_change'",
        ),
    };
    for (name, table) in UNIQUE.iter().chain(own) {
        if !exists(conn, index, (name, table))? {
            return Ok(finding(format!("index {name}"), format!("it is missing on {table}, or is not unique")));
        }
    }
    let triggers = APPEND_ONLY.iter().flat_map(|table| endings.iter().map(move |ending| (format!("{table}_{ending}"), *table)));
    for (name, table) in triggers.chain([("fee_bills_no_delete".to_owned(), "fee_bills")]) {
        if !exists(conn, trigger, (&name, table))? {
            return Ok(finding(format!("trigger {name}"), format!("it is missing on {table}, or is not in force")));
        }
    }
    Ok(None)
}

fn exists(conn: &mut Conn, sql: &str, (name, table): (&str, &str)) -> Result<bool> {
    Ok(query::int(conn, sql, &[Bind::from(name), table.into()])? == Some(1))
}
