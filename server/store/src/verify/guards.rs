//! The guards of rows in the database itself: numbers that the program never gives, and the indexes and triggers that refuse.

use super::{Coverage, Finding, Replay, finding};
use crate::query::{self, Bind};
use crate::records::numbered;
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

/// A column of SQLite, and the kind of its values.
#[derive(diesel::QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

/// SQLite takes any value for any column. Bytes with the letters of a text are another value, which unique indexes and
/// comparisons miss. A number may have a fraction.
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

/// Every value is of its column's kind, and no row has a number that the program never gives. Rows without a number are found by
/// the digest that they lack.
pub(super) fn check_numbers(conn: &mut Conn, _replay: &mut Replay, _coverage: &mut Coverage) -> Result<Option<Finding>> {
    if let Some(found) = check_kinds(conn)? {
        return Ok(Some(found));
    }
    // The account of the founding has the number 0.
    let least = |table: &str| i64::from(table != "custody_accounts");
    let marked = numbered().map(|table| (table.name, "id", least(table.name)));
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
    ("custody_accounts_iban", "custody_accounts"),
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
    "company_versions",
];

/// The indexes and triggers that protect money are there and in force. Their text is not compared.
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

/// Triggers beside those that refuse: they keep the totals of lists.
const OTHER_TRIGGERS: &[&str] = &[
    "fee_bills_no_delete",
    "list_totals_receivable",
    "list_totals_offer_left",
    "list_totals_offer",
    "list_totals_new_receivable",
    "list_totals_new_offer",
    "list_totals_new_invoice",
    "list_totals_new_clock",
    "list_totals_new_assignment",
    "list_totals_invoice",
    "list_totals_clock",
    "list_totals_assignment",
];

/// Nothing writes beside the program: each trigger is one of its own, and there is no view or rule.
fn check_extras(conn: &mut Conn) -> Result<Option<Finding>> {
    let (endings, names): (&[&str], &str) = match conn {
        Conn::Sqlite(_) => {
            (&["no_update", "no_delete"], "SELECT name AS value FROM sqlite_master WHERE type IN ('trigger', 'view')")
        }
        Conn::Postgres(_) => (
            &["no_change"],
            "SELECT CAST(t.tgname AS TEXT) AS value FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
             WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace \
             UNION ALL SELECT CAST(viewname AS TEXT) FROM pg_views WHERE schemaname = current_schema() \
             UNION ALL SELECT CAST(rulename AS TEXT) FROM pg_rules WHERE schemaname = current_schema()",
        ),
    };
    let refuse = APPEND_ONLY.iter().flat_map(|table| endings.iter().map(move |ending| format!("'{table}_{ending}'")));
    let own: Vec<String> = refuse.chain(OTHER_TRIGGERS.iter().map(|name| format!("'{name}'"))).collect();
    let sql = format!("SELECT x.value FROM ({names}) x WHERE x.value NOT IN ({}) ORDER BY x.value LIMIT 1", own.join(", "));
    Ok(query::text(conn, &sql, &[])?
        .and_then(|name| finding(format!("schema {name}"), "the program has no such trigger, view or rule")))
}

/// Further values that follow from other rows: the table, the least number of a row that does not fit, and why.
const REST: &[(&str, &str, &str)] = &[
    (
        "holds",
        "SELECT MIN(number) AS value FROM holds WHERE expires_at IS NOT NULL",
        "it would end by itself, and the program makes none that does",
    ),
    (
        "holds",
        "SELECT MIN(h.number) AS value FROM (SELECT hold, MAX(number) AS last FROM transfers WHERE hold IS NOT NULL GROUP BY hold) x \
         JOIN transfers t ON t.number = x.last JOIN holds h ON h.number = x.hold \
         WHERE h.state <> 'open' AND h.state <> CASE t.kind WHEN 3 THEN 'posted' WHEN 4 THEN 'voided' ELSE 'expired' END",
        "it did not end as the journal says",
    ),
    (
        "transfers",
        "SELECT MIN(number) AS value FROM transfers WHERE (credit_account IS NULL) <> (credit_balance IS NULL) \
         OR (credit_account IS NULL) <> (credit_held IS NULL) OR (credit_account IS NULL) <> (credit_previous IS NULL) \
         OR (credit_account IS NULL) <> (credit_jump IS NULL)",
        "its credit side is half there",
    ),
    (
        "ledger_accounts",
        "SELECT MIN(a.id) AS value FROM ledger_accounts a LEFT JOIN receivables s ON s.id = a.asset_id \
         LEFT JOIN receivables j ON j.reserve_asset = a.asset_id WHERE (a.kind <> 'issued' AND a.ceiling IS NOT NULL) \
         OR (a.kind = 'issued' AND (a.ceiling IS NULL OR a.ceiling <> COALESCE(s.face_minor, j.reserve_minor)))",
        "its ceiling is not what its receivable may issue",
    ),
    (
        "sum_trees",
        "SELECT MIN(asset_id) AS value FROM sum_trees WHERE day NOT IN (SELECT day FROM day_sums)",
        "one is of a day that has not ended",
    ),
    (
        "company_versions",
        "SELECT MIN(v.id) AS value FROM company_versions v JOIN parties p ON p.id = v.party_id WHERE v.until < v.since OR v.since <> \
         COALESCE((SELECT MAX(w.until) FROM company_versions w WHERE w.party_id = v.party_id AND w.id < v.id), p.created_at)",
        "it does not begin where the one before it ended",
    ),
    (
        "address_changes",
        "SELECT MIN(c.id) AS value FROM address_changes c JOIN users u ON u.id = c.user_id WHERE c.party_id <> u.party_id OR (c.new_email <> u.email \
         AND c.id = (SELECT MAX(m.id) FROM address_changes m WHERE m.user_id = c.user_id AND m.state = 'done'))",
        "the person has another address",
    ),
    (
        "log_runs",
        "SELECT MIN(first_seq) AS value FROM log_runs WHERE LENGTH(hashes) <> 32 * (last_seq - first_seq + 1)",
        "it has another number of hashes than records",
    ),
];

/// Checks the values that no other check has looked at.
pub(super) fn check_rest(conn: &mut Conn) -> Result<Option<Finding>> {
    for (table, sql, problem) in REST {
        if let Some(number) = query::int(conn, &format!("SELECT x.value FROM ({sql}) x WHERE x.value IS NOT NULL"), &[])? {
            return Ok(finding(format!("{table} {number}"), *problem));
        }
    }
    for table in numbered().map(|table| table.name) {
        let sql = format!("SELECT COUNT(*) AS value FROM {table} WHERE id > (SELECT next_id FROM heads)");
        if query::int(conn, &sql, &[])? != Some(0) {
            return Ok(finding("heads 1".to_owned(), format!("the next number that it gives is one of {table}")));
        }
    }
    check_extras(conn)
}

fn exists(conn: &mut Conn, sql: &str, (name, table): (&str, &str)) -> Result<bool> {
    Ok(query::int(conn, sql, &[Bind::from(name), table.into()])? == Some(1))
}
