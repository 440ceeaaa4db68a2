//! The lists that pages and the API show: one general query by keyset, and the joins of each list.

use crate::query::{self, Bind, Page};
use crate::{Conn, Result};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text, Timestamp};
use kernel::{PartyId, RecordId};

/// The business date within a condition.
pub const BUSINESS_DATE: &str = "(SELECT business_date FROM heads WHERE heads.id = 1)";

/// Which rows, in which order, from where on. The column names come from code, never from a request.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Conditions that must all hold, each with its values.
    pub conditions: Vec<(String, Vec<Bind>)>,
    /// A column of the list; its ties are broken by the id.
    pub order: &'static str,
    pub descending: bool,
    /// The last row of the page before: its order value and id.
    pub after: Option<(Bind, i64)>,
    pub size: usize,
}

impl ListQuery {
    #[must_use]
    pub fn newest(size: usize) -> Self {
        Self { order: "id", descending: true, size, ..Self::default() }
    }

    #[must_use]
    pub fn with(mut self, condition: &str, binds: Vec<Bind>) -> Self {
        self.conditions.push((condition.to_owned(), binds));
        self
    }

    fn where_clause(&self, page: bool) -> (String, Vec<Bind>) {
        let mut parts: Vec<String> = self.conditions.iter().map(|(condition, _)| condition.clone()).collect();
        let mut binds: Vec<Bind> = self.conditions.iter().flat_map(|(_, binds)| binds.clone()).collect();
        if let Some((value, id)) = self.after.as_ref().filter(|_| page) {
            let sign = if self.descending { "<" } else { ">" };
            parts.push(format!("({0} {sign} ? OR ({0} = ? AND id {sign} ?))", self.order));
            binds.extend([value.clone(), value.clone(), Bind::Int(*id)]);
        }
        let clause = if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) };
        (clause, binds)
    }

    /// Whether the running totals know all columns that the conditions name.
    fn is_kept(&self) -> bool {
        const KNOWN: [&str; 13] = [
            "supplier_id",
            "buyer_id",
            "presented",
            "currency",
            "state",
            "review",
            "remind_on",
            "and",
            "or",
            "not",
            "in",
            "true",
            "false",
        ];
        self.conditions.iter().all(|(condition, _)| {
            let plain = condition.replace(BUSINESS_DATE, "?");
            // Text between quotes is a value.
            let outside = plain.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
            let mut words = outside.split(|mark: char| !mark.is_ascii_alphanumeric() && mark != '_' && mark != '.');
            words.all(|word| word.is_empty() || KNOWN.contains(&word.to_ascii_lowercase().as_str()))
        })
    }

    fn sql(&self, from: &str) -> (String, Vec<Bind>) {
        let (clause, mut binds) = self.where_clause(true);
        let way = if self.descending { "DESC" } else { "ASC" };
        binds.push(Bind::Int(i64::try_from(self.size.saturating_add(1)).unwrap_or(i64::MAX)));
        (format!("SELECT * FROM ({from}) x{clause} ORDER BY {0} {way}, id {way} LIMIT ?", self.order), binds)
    }
}

/// How many rows a filter matches and their sum per currency.
#[derive(Clone, Debug, diesel::QueryableByName)]
pub struct Total {
    #[diesel(sql_type = Text)]
    pub currency: String,
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    #[diesel(sql_type = BigInt)]
    pub sum_minor: i64,
}

/// The list of running totals for the company whose rows are wanted. The one column that names a company, or leaves one out,
/// decides. Without a company it is the first list, in which each row stands once.
fn kept_list(clause: &str, lists: &[(&'static str, &'static str)]) -> Option<&'static str> {
    match clause.matches("_id").count() {
        0 => return lists.first().map(|(_, list)| *list),
        1 => {}
        _ => return None,
    }
    let names = |owner: &str| ["=", "<>"].iter().any(|sign| clause.contains(&format!("{owner} {sign} ?")));
    lists.iter().find(|(owner, _)| names(owner)).map(|(_, list)| *list)
}

/// A statement whose rows are totals, to be asked alone or together with others.
#[derive(Clone, Debug)]
pub struct Asked {
    sql: String,
    binds: Vec<Bind>,
}

/// How many rows of a table meet a condition, as one total without a currency.
#[must_use]
pub fn asked(table: &'static str, condition: &str, binds: &[Bind]) -> Asked {
    let sql = format!("SELECT '' AS currency, COUNT(*) AS count, CAST(0 AS BIGINT) AS sum_minor FROM {table} WHERE {condition}");
    Asked { sql, binds: binds.to_vec() }
}

/// The total of a company's kept list, all states together.
#[must_use]
pub fn kept(list: &str, party: PartyId) -> Asked {
    kept_totals(list, " WHERE buyer_id = ?", vec![party.into()])
}

/// The totals of all of them, each in its place: one statement, however many there are.
pub fn answers(conn: &mut Conn, all: &[Asked]) -> Result<Vec<Vec<Total>>> {
    let part = |(place, one): (usize, &Asked)| {
        format!("SELECT CAST({place} AS BIGINT) AS place, currency, count, sum_minor FROM ({}) q{place}", one.sql)
    };
    let parts: Vec<String> = all.iter().enumerate().map(part).collect();
    let mut found = vec![Vec::new(); all.len()];
    if parts.is_empty() {
        return Ok(found);
    }
    let binds: Vec<Bind> = all.iter().flat_map(|one| one.binds.clone()).collect();
    let sql = format!("{} ORDER BY place, currency", parts.join(" UNION ALL "));
    for Placed { place, currency, count, sum_minor } in query::list::<Placed>(conn, &sql, &binds)? {
        if let Some(list) = usize::try_from(place).ok().and_then(|place| found.get_mut(place)) {
            list.push(Total { currency, count, sum_minor });
        }
    }
    Ok(found)
}

#[derive(diesel::QueryableByName)]
struct Placed {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = BigInt)]
    sum_minor: i64,
}

/// Totals as they are kept with every change (`list_totals`): a few rows, however long the list has become.
fn kept_totals(list: &str, clause: &str, binds: Vec<Bind>) -> Asked {
    let joint = if clause.is_empty() { " WHERE" } else { " AND" };
    let sql = format!(
        "SELECT currency, CAST(SUM(entries) AS BIGINT) AS count, CAST(SUM(sum_minor) AS BIGINT) AS sum_minor FROM (\
           SELECT party_id AS supplier_id, party_id AS buyer_id, TRUE AS presented, list, currency, state, review, remind_on, entries, sum_minor \
           FROM list_totals) x{clause}{joint} list = ? GROUP BY currency HAVING SUM(entries) > 0"
    );
    Asked { sql, binds: binds.into_iter().chain([list.into()]).collect() }
}

macro_rules! list_row {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $sql:ty => $kind:ty),+ $(,)? } from $from:expr; totals $amount:expr $(, kept $kept:expr)?) => {
        $(#[$doc])*
        #[derive(Clone, Debug, diesel::QueryableByName)]
        pub struct $name { $($(#[$fdoc])* #[diesel(sql_type = $sql)] pub $field: $kind),+ }

        impl $name {
            /// One page.
            pub fn page(conn: &mut Conn, wanted: &ListQuery) -> Result<Page<Self>> {
                let (sql, binds) = wanted.sql($from);
                Ok(Page::cut(query::list(conn, &sql, &binds)?, wanted.size))
            }
            /// Counts and sums over all pages of the filter, by currency.
            pub fn totals(conn: &mut Conn, wanted: &ListQuery) -> Result<Vec<Total>> {
                let Asked { sql, binds } = Self::asked(wanted);
                query::list(conn, &format!("{sql} ORDER BY currency"), &binds)
            }
            /// The same, to be asked together with others.
            #[must_use]
            pub fn asked(wanted: &ListQuery) -> Asked {
                let (clause, binds) = wanted.where_clause(false);
                $(if let Some(list) = kept_list(&clause, $kept).filter(|_| wanted.is_kept()) {
                    return kept_totals(list, &clause, binds);
                })?
                let sql = format!(
                    "SELECT currency, COUNT(*) AS count, CAST(COALESCE(SUM({}), 0) AS BIGINT) AS sum_minor FROM ({}) x{clause} GROUP BY currency",
                    $amount, $from
                );
                Asked { sql, binds }
            }
            pub fn find(conn: &mut Conn, id: i64) -> Result<Option<Self>> {
                let wanted = ListQuery::newest(1).with("id = ?", vec![Bind::Int(id)]);
                Ok(Self::page(conn, &wanted)?.rows.into_iter().next())
            }
        }
    };
}

list_row!(
    InvoiceLine {
        id: BigInt => i64, number: Text => String, supplier_id: BigInt => i64, buyer_id: BigInt => i64,
        supplier: Text => String, buyer: Text => String, currency: Text => String, payable_minor: BigInt => i64,
        confirmed_minor: BigInt => i64, total_minor: BigInt => i64, issue_date: Date => NaiveDate, due_date: Nullable<Date> => Option<NaiveDate>,
        due_or_issue: Date => NaiveDate, state: Text => String, reason: Text => String, document: Text => String,
        type_code: Text => String, order_reference: Text => String, receivable_id: BigInt => i64,
        created_at: Timestamp => NaiveDateTime, format: Text => String, prepaid_minor: BigInt => i64, rounding_minor: BigInt => i64,
        credited_minor: BigInt => i64, replaces: Text => String, replaces_issued: Nullable<Date> => Option<NaiveDate>, review: Text => String, warnings: Text => String,
        /// The last day for the answer, and the day from which that is close; only while the invoice waits for the answer.
        answer_by: Nullable<Date> => Option<NaiveDate>, remind_on: Nullable<Date> => Option<NaiveDate>,
        /// Whether it was ever put before its buyer. The buyer sees it from then on, in every later state.
        presented: Bool => bool,
    } from "SELECT i.id, i.number, i.supplier_id, i.buyer_id, s.name AS supplier, b.name AS buyer, i.currency, i.payable_minor, \
            i.confirmed_minor, i.total_minor, i.issue_date, i.due_date, COALESCE(i.due_date, i.issue_date) AS due_or_issue, i.state, i.reason, i.document, \
            i.type_code, i.order_reference, COALESCE(r.id, 0) AS receivable_id, i.created_at, i.format, i.prepaid_minor, i.rounding_minor, \
            i.credited_minor, i.replaces, i.replaces_issued, i.review, i.warnings, \
            CASE WHEN i.state = 'presented' THEN k.answer_by END AS answer_by, CASE WHEN i.state = 'presented' THEN k.remind_on END AS remind_on, \
            k.id IS NOT NULL AS presented \
            FROM invoices i JOIN parties s ON s.id = i.supplier_id JOIN parties b ON b.id = i.buyer_id LEFT JOIN receivables r ON r.invoice_id = i.id \
            LEFT JOIN answer_clocks k ON k.id = i.id";
    totals "payable_minor", kept &[("supplier_id", "invoices"), ("buyer_id", "payables")]
);

list_row!(
    ReceivableLine {
        id: BigInt => i64, invoice_id: BigInt => i64, number: Text => String, supplier_id: BigInt => i64, buyer_id: BigInt => i64,
        supplier: Text => String, buyer: Text => String, currency: Text => String, confirmed_minor: BigInt => i64,
        face_minor: BigInt => i64, reserve_minor: BigInt => i64, paid_minor: BigInt => i64,
        sold_minor: BigInt => i64, due_date: Date => NaiveDate, payment_date: Date => NaiveDate, state: Text => String,
        reference: Text => String, terms_hash: Text => String, document: Text => String, held: Bool => bool,
        programme_id: BigInt => i64, programme_version: BigInt => i64, sellable_minor: BigInt => i64, fee_bearer: Text => String, recourse: Text => String,
    } from "SELECT r.id, r.invoice_id, i.number, r.supplier_id, r.buyer_id, s.name AS supplier, b.name AS buyer, r.currency, r.confirmed_minor, \
            r.face_minor, r.reserve_minor, r.paid_minor, \
            CAST(COALESCE((SELECT SUM(o.units_minor - o.left_minor - o.reserved_minor) FROM offers o WHERE o.receivable_id = r.id), 0) AS BIGINT) AS sold_minor, \
            r.due_date, r.payment_date, r.state, r.reference, r.terms_hash, i.document, r.held, COALESCE(r.programme_id, 0) AS programme_id, r.programme_version, \
            CASE WHEN r.programme_id IS NULL THEN r.face_minor ELSE r.sellable_minor END AS sellable_minor, \
            CASE WHEN r.programme_id IS NULL THEN 'supplier' ELSE r.fee_bearer END AS fee_bearer, \
            CASE WHEN r.programme_id IS NULL THEN 'none' ELSE r.recourse END AS recourse \
            FROM receivables r JOIN invoices i ON i.id = r.invoice_id JOIN parties s ON s.id = r.supplier_id JOIN parties b ON b.id = r.buyer_id";
    totals "face_minor", kept &[("supplier_id", "receivables")]
);

list_row!(
    OfferLine {
        id: BigInt => i64, receivable_id: BigInt => i64, supplier_id: BigInt => i64, buyer_id: BigInt => i64,
        supplier: Text => String, buyer: Text => String, number: Text => String, currency: Text => String,
        units_minor: BigInt => i64, left_minor: BigInt => i64, rate: Text => String, method: Text => String, day_count: Text => String,
        minimum_ticket_minor: BigInt => i64, close_date: Date => NaiveDate, payment_date: Date => NaiveDate, state: Text => String,
        held: Bool => bool, grace_days: BigInt => i64, fee_bearer: Text => String, recourse: Text => String, reserved_minor: BigInt => i64,
    } from "SELECT o.id, o.receivable_id, o.supplier_id, r.buyer_id, s.name AS supplier, b.name AS buyer, i.number, r.currency, o.units_minor, \
            o.reserved_minor, o.left_minor, o.rate, o.method, o.day_count, o.minimum_ticket_minor, o.close_date, r.payment_date, o.state, r.held, r.grace_days, \
            CASE WHEN r.programme_id IS NULL THEN 'supplier' ELSE r.fee_bearer END AS fee_bearer, \
            CASE WHEN r.programme_id IS NULL THEN 'none' ELSE r.recourse END AS recourse \
            FROM offers o JOIN receivables r ON r.id = o.receivable_id JOIN invoices i ON i.id = r.invoice_id \
            JOIN parties s ON s.id = o.supplier_id JOIN parties b ON b.id = r.buyer_id";
    totals "left_minor", kept &[("supplier_id", "offers")]
);

list_row!(
    PurchaseLine {
        id: BigInt => i64, offer_id: BigInt => i64, receivable_id: BigInt => i64, financier_id: BigInt => i64, supplier_id: BigInt => i64,
        buyer_id: BigInt => i64, financier: Text => String, supplier: Text => String, buyer: Text => String, number: Text => String, currency: Text => String,
        units_minor: BigInt => i64, price_minor: BigInt => i64, fee_minor: BigInt => i64, financier_rate: Text => String,
        supplier_rate: Text => String, tenor_days: BigInt => i64, business_date: Date => NaiveDate, payment_date: Date => NaiveDate,
        bought_at: Timestamp => NaiveDateTime, fee_bearer: Text => String,
    } from "SELECT p.id, p.offer_id, p.receivable_id, p.financier_id, p.supplier_id, r.buyer_id, f.name AS financier, s.name AS supplier, b.name AS buyer, \
            i.number, r.currency, p.units_minor, p.price_minor, p.fee_minor, p.financier_rate, p.supplier_rate, p.tenor_days, p.business_date, \
            r.payment_date, p.bought_at, CASE WHEN r.programme_id IS NULL THEN 'supplier' ELSE r.fee_bearer END AS fee_bearer FROM purchases p JOIN receivables r ON r.id = p.receivable_id JOIN invoices i ON i.id = r.invoice_id \
            JOIN parties f ON f.id = p.financier_id JOIN parties s ON s.id = p.supplier_id JOIN parties b ON b.id = r.buyer_id";
    totals "units_minor"
);

list_row!(
    /// A company's holding of one receivable now.
    HoldingLine {
        id: BigInt => i64, owner_id: BigInt => i64, owner: Text => String, supplier: Text => String, buyer: Text => String, buyer_id: BigInt => i64,
        number: Text => String, currency: Text => String, units_minor: BigInt => i64, held_minor: BigInt => i64,
        face_minor: BigInt => i64, paid_minor: BigInt => i64, payment_date: Date => NaiveDate, state: Text => String, supplier_id: BigInt => i64,
    } from "SELECT r.id, a.owner_id, h.name AS owner, s.name AS supplier, b.name AS buyer, r.buyer_id, i.number, r.currency, a.balance AS units_minor, a.held AS held_minor, \
            r.face_minor, COALESCE(c.paid_minor, 0) AS paid_minor, \
            r.payment_date, r.state, r.supplier_id FROM ledger_accounts a JOIN receivables r ON r.id = a.asset_id JOIN invoices i ON i.id = r.invoice_id \
            JOIN parties h ON h.id = a.owner_id JOIN parties s ON s.id = r.supplier_id JOIN parties b ON b.id = r.buyer_id \
            LEFT JOIN holding_costs c ON c.receivable_id = r.id AND c.party_id = a.owner_id \
            WHERE a.kind = 'holding' AND a.balance > 0";
    totals "units_minor"
);

list_row!(
    LimitLine {
        id: BigInt => i64, financier_id: BigInt => i64, buyer_id: BigInt => i64, buyer: Text => String, currency: Text => String,
        limit_minor: BigInt => i64, used_minor: BigInt => i64,
    } from "SELECT l.id, l.financier_id, l.buyer_id, b.name AS buyer, l.currency, l.limit_minor, l.used_minor FROM buyer_limits l JOIN parties b ON b.id = l.buyer_id";
    totals "used_minor"
);

list_row!(
    BankLineRow {
        id: BigInt => i64, statement_id: BigInt => i64, currency: Text => String, direction: Text => String, amount_minor: BigInt => i64,
        booking_date: Date => NaiveDate, value_date: Date => NaiveDate, reference: Text => String, bank_reference: Text => String,
        counterparty: Text => String, counterparty_iban: Text => String, remittance: Text => String, state: Text => String, note: Text => String,
        kind: Text => String, end_to_end: Text => String, twin_id: BigInt => i64, payout_id: BigInt => i64, receivable_id: BigInt => i64,
        party: Text => String, claim_minor: BigInt => i64,
    } from "SELECT l.id, l.statement_id, l.currency, l.direction, l.amount_minor, l.booking_date, l.value_date, l.reference, l.bank_reference, \
            l.counterparty, l.counterparty_iban, l.remittance, l.state, l.note, l.kind, l.end_to_end, COALESCE(l.twin_id, 0) AS twin_id, \
            COALESCE(l.payout_id, 0) AS payout_id, COALESCE(l.receivable_id, 0) AS receivable_id, COALESCE(p.name, '') AS party, l.claim_minor \
            FROM bank_lines l LEFT JOIN parties p ON p.id = l.party_id";
    totals "amount_minor"
);

list_row!(
    /// A statement of the bank; its state is how it follows the one before it.
    StatementLine {
        id: BigInt => i64, file_id: BigInt => i64, custody_id: BigInt => i64, iban: Text => String, statement: Text => String, currency: Text => String, to_date: Date => NaiveDate,
        opening_minor: Nullable<BigInt> => Option<i64>, closing_minor: Nullable<BigInt> => Option<i64>, state: Text => String,
        gap_minor: BigInt => i64, lines: BigInt => i64,
    } from "SELECT s.id, COALESCE(s.file_id, 0) AS file_id, s.custody_id, s.iban, s.statement, s.currency, COALESCE(s.to_date, CAST(s.imported_at AS DATE)) AS to_date, \
            s.opening_minor, s.closing_minor, s.continuity AS state, s.gap_minor, \
            (SELECT COUNT(*) FROM bank_lines l WHERE l.statement_id = s.id) AS lines FROM statements s";
    totals "gap_minor"
);

impl StatementLine {
    /// The statements of one file, in its order.
    pub fn of_file(conn: &mut Conn, file: i64) -> Result<Vec<Self>> {
        let wanted = ListQuery { descending: false, ..ListQuery::newest(1_000) }.with("file_id = ?", vec![Bind::Int(file)]);
        Ok(Self::page(conn, &wanted)?.rows)
    }
}

/// The number and the sum of a file's lines in each state.
#[derive(Clone, Debug, diesel::QueryableByName)]
pub struct FateLine {
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = Text)]
    pub currency: String,
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    #[diesel(sql_type = BigInt)]
    pub sum_minor: i64,
}

impl FateLine {
    pub fn of_file(conn: &mut Conn, file: i64) -> Result<Vec<Self>> {
        let sql = "SELECT l.state, l.currency, COUNT(*) AS count, CAST(SUM(l.amount_minor) AS BIGINT) AS sum_minor FROM bank_lines l \
                   WHERE l.statement_id IN (SELECT id FROM statements WHERE file_id = ?) GROUP BY l.state, l.currency ORDER BY l.state, l.currency";
        query::list(conn, sql, &[Bind::Int(file)])
    }
}

list_row!(
    PayoutLine {
        id: BigInt => i64, party_id: BigInt => i64, party: Text => String, currency: Text => String, amount_minor: BigInt => i64, iban: Text => String,
        holder: Text => String, state: Text => String, end_to_end: Text => String, file_id: BigInt => i64, created_at: Timestamp => NaiveDateTime,
        expected_date: Nullable<Date> => Option<NaiveDate>, bank_status: Text => String, reason_code: Text => String, note: Text => String,
        own_iban: Text => String,
    } from "SELECT p.id, COALESCE(p.party_id, 0) AS party_id, COALESCE(c.name, '') AS party, p.currency, p.amount_minor, p.iban, p.holder, p.state, p.end_to_end, \
            COALESCE(p.file_id, 0) AS file_id, p.created_at, p.expected_date, p.bank_status, p.reason_code, p.note, \
            CASE WHEN p.file_id IS NULL THEN '' ELSE COALESCE(k.iban, '') END AS own_iban \
            FROM payouts p LEFT JOIN parties c ON c.id = p.party_id LEFT JOIN custody_accounts k ON k.id = p.custody_id";
    totals "amount_minor"
);

list_row!(
    /// A line of a bank's status report about one payout, or about an id that the platform does not know.
    StatusLineRow {
        id: BigInt => i64, report: Text => String, imported_at: Timestamp => NaiveDateTime, original_id: Text => String, payout_id: BigInt => i64,
        status: Text => String, reason_code: Text => String, note: Text => String, state: Text => String, currency: Text => String, amount_minor: BigInt => i64,
    } from "SELECT l.id, r.message AS report, r.imported_at, l.original_id, COALESCE(l.payout_id, 0) AS payout_id, l.status, l.reason_code, l.note, l.state, \
            COALESCE(p.currency, '') AS currency, COALESCE(p.amount_minor, 0) AS amount_minor \
            FROM status_lines l JOIN status_reports r ON r.id = l.report_id LEFT JOIN payouts p ON p.id = l.payout_id";
    totals "amount_minor"
);

list_row!(
    ApprovalLine {
        id: BigInt => i64, party_id: BigInt => i64, command: Text => String, body: Text => String, body_hash: Text => String,
        amount_minor: BigInt => i64, currency: Text => String, subject_id: BigInt => i64, maker_id: BigInt => i64, maker: Text => String,
        checker: Text => String, state: Text => String, reason: Text => String, created_at: Timestamp => NaiveDateTime, about: Text => String,
    } from "SELECT a.id, a.party_id, a.command, a.body, a.body_hash, COALESCE(a.amount_minor, 0) AS amount_minor, a.currency, a.subject_id, a.maker_id, m.name AS maker, \
            COALESCE(c.name, '') AS checker, a.state, a.reason, a.created_at, COALESCE(i.number, n.number, s.name, l.counterparty, o.holder, p.name, g.name, y.iban, '') AS about \
            FROM approvals a JOIN users m ON m.id = a.maker_id LEFT JOIN users c ON c.id = a.checker_id LEFT JOIN invoices i ON i.id = a.subject_id \
            LEFT JOIN receivables r ON r.id = a.subject_id LEFT JOIN invoices n ON n.id = r.invoice_id \
            LEFT JOIN parties s ON s.id = a.subject_id AND s.id <> a.party_id LEFT JOIN bank_lines l ON l.id = a.subject_id LEFT JOIN payouts o ON o.id = a.subject_id LEFT JOIN users p ON p.id = a.subject_id LEFT JOIN programmes g ON g.id = a.subject_id \
            LEFT JOIN custody_accounts y ON y.id = a.subject_id AND a.command IN ('choose_custody_account', 'close_custody_account')";
    totals "amount_minor"
);

list_row!(
    /// A list of payables that are confirmed with one decision.
    ConfirmationListLine {
        id: BigInt => i64, party_id: BigInt => i64, version: Text => String, list_hash: Text => String, state: Text => String, signer: Text => String,
        approver: Text => String, count: BigInt => i64, confirmed: BigInt => i64, created_at: Timestamp => NaiveDateTime, currency: Text => String,
    } from "SELECT l.id, l.party_id, l.version, l.list_hash, l.state, COALESCE(s.name, '') AS signer, COALESCE(a.name, '') AS approver, \
            (SELECT COUNT(*) FROM confirmation_items i WHERE i.list_id = l.id AND i.state <> 'excluded') \
            + (SELECT COUNT(*) FROM approved_payables e WHERE e.list_id = l.id AND e.state <> 'excluded') AS count, \
            (SELECT COUNT(*) FROM confirmation_items i WHERE i.list_id = l.id AND i.state = 'confirmed') \
            + (SELECT COUNT(*) FROM approved_payables e WHERE e.list_id = l.id AND e.state = 'used') AS confirmed, l.created_at, '' AS currency \
            FROM confirmation_lists l LEFT JOIN users s ON s.id = l.signer_id LEFT JOIN users a ON a.id = l.approver_id";
    totals "0"
);

list_row!(
    /// A notice of assignment with the amount to pay, the account to pay to, and whether the buyer has acknowledged it.
    AssignmentLine {
        id: BigInt => i64, buyer_id: BigInt => i64, number: Text => String, supplier: Text => String, supplier_tax_id: Text => String, currency: Text => String,
        confirmed_minor: BigInt => i64, payment_date: Date => NaiveDate, pay_to: Text => String, pay_to_iban: Text => String, reference: Text => String,
        text_en: Text => String, text_zh: Text => String, hash: Text => String, given_at: Timestamp => NaiveDateTime,
        acknowledged_at: Nullable<Timestamp> => Option<NaiveDateTime>, state: Text => String,
    } from "SELECT n.id, n.buyer_id, i.number, s.name AS supplier, s.tax_id AS supplier_tax_id, r.currency, r.confirmed_minor, r.payment_date, n.pay_to, n.pay_to_iban, \
            r.reference, n.text_en, n.text_zh, n.hash, n.given_at, n.acknowledged_at, CASE WHEN n.acknowledged_at IS NULL THEN 'given' ELSE 'acknowledged' END AS state \
            FROM assignment_notices n JOIN receivables r ON r.id = n.id JOIN invoices i ON i.id = r.invoice_id JOIN parties s ON s.id = r.supplier_id";
    totals "confirmed_minor"
);

list_row!(
    /// One payable of such a list; one that is approved in advance has no invoice (0) until it comes.
    ConfirmationItemLine {
        id: BigInt => i64, list_id: BigInt => i64, invoice_id: BigInt => i64, number: Text => String, supplier: Text => String, currency: Text => String,
        payable_minor: BigInt => i64, amount_minor: BigInt => i64, due_date: Nullable<Date> => Option<NaiveDate>, reason: Text => String, state: Text => String,
        refusal: Text => String, supplier_id: BigInt => i64, buyer_id: BigInt => i64, issue_date: Date => NaiveDate,
    } from "SELECT c.id, c.list_id, c.invoice_id, i.number, s.name AS supplier, i.currency, i.payable_minor - i.credited_minor AS payable_minor, c.amount_minor, c.due_date, c.reason, c.state, c.refusal, \
            i.supplier_id, i.buyer_id, i.issue_date \
            FROM confirmation_items c JOIN invoices i ON i.id = c.invoice_id JOIN parties s ON s.id = i.supplier_id \
            UNION ALL SELECT e.id, e.list_id, COALESCE(e.invoice_id, 0) AS invoice_id, e.number, s.name AS supplier, e.currency, e.payable_minor, \
            e.payable_minor AS amount_minor, e.due_date, '' AS reason, e.state, e.refusal, e.supplier_id, e.buyer_id, e.issue_date FROM approved_payables e JOIN parties s ON s.id = e.supplier_id";
    totals "amount_minor"
);

list_row!(
    /// A payable that its buyer has approved, or was about to approve, before the invoice comes.
    ApprovedLine {
        id: BigInt => i64, buyer_id: BigInt => i64, list_id: BigInt => i64, supplier: Text => String, supplier_tax_id: Text => String, number: Text => String,
        issue_date: Date => NaiveDate, due_date: Date => NaiveDate, currency: Text => String, payable_minor: BigInt => i64, payment_reference: Text => String,
        words_en: Text => String, words_zh: Text => String, words_hash: Text => String, state: Text => String, refusal: Text => String, invoice_id: BigInt => i64,
    } from "SELECT e.id, e.buyer_id, e.list_id, s.name AS supplier, s.tax_id AS supplier_tax_id, e.number, e.issue_date, e.due_date, e.currency, e.payable_minor, \
            e.payment_reference, e.words_en, e.words_zh, e.words_hash, e.state, e.refusal, COALESCE(e.invoice_id, 0) AS invoice_id \
            FROM approved_payables e JOIN parties s ON s.id = e.supplier_id WHERE e.state IN ('approved', 'used', 'withdrawn', 'lapsed')";
    totals "payable_minor"
);

list_row!(
    /// A programme with its newest approved terms, its members, and the amounts that were confirmed, sold and are still out under
    /// it.
    ProgrammeLine {
        id: BigInt => i64, buyer_id: BigInt => i64, buyer: Text => String, name: Text => String, currency: Text => String, state: Text => String,
        reason: Text => String, version: BigInt => i64, proposed_id: BigInt => i64, joined: BigInt => i64, invited: BigInt => i64, receivables: BigInt => i64,
        confirmed_minor: BigInt => i64, sold_minor: BigInt => i64, outstanding_minor: BigInt => i64, created_at: Timestamp => NaiveDateTime,
    } from "SELECT g.id, g.buyer_id, b.name AS buyer, g.name, g.currency, 'programme_' || g.state AS state, g.reason, \
            COALESCE((SELECT MAX(v.version) FROM programme_versions v WHERE v.programme_id = g.id AND v.state = 'approved'), 0) AS version, \
            COALESCE((SELECT MAX(v.id) FROM programme_versions v WHERE v.programme_id = g.id AND v.state = 'proposed'), 0) AS proposed_id, \
            (SELECT COUNT(*) FROM programme_members m WHERE m.programme_id = g.id AND m.state = 'joined') AS joined, \
            (SELECT COUNT(*) FROM programme_members m WHERE m.programme_id = g.id AND m.state = 'invited') AS invited, \
            (SELECT COUNT(*) FROM receivables r WHERE r.programme_id = g.id) AS receivables, \
            CAST(COALESCE((SELECT SUM(r.confirmed_minor) FROM receivables r WHERE r.programme_id = g.id), 0) AS BIGINT) AS confirmed_minor, \
            CAST(COALESCE((SELECT SUM(o.units_minor - o.left_minor - o.reserved_minor) FROM offers o JOIN receivables r ON r.id = o.receivable_id WHERE r.programme_id = g.id), 0) AS BIGINT) AS sold_minor, \
            CAST(COALESCE((SELECT SUM(r.confirmed_minor - r.paid_minor) FROM receivables r WHERE r.programme_id = g.id \
            AND r.state NOT IN ('redeemed', 'cancelled')), 0) AS BIGINT) AS outstanding_minor, g.created_at \
            FROM programmes g JOIN parties b ON b.id = g.buyer_id";
    totals "confirmed_minor"
);

list_row!(
    /// A version of a programme's terms, for the operator who decides about it.
    ProgrammeVersionLine {
        id: BigInt => i64, programme_id: BigInt => i64, buyer_id: BigInt => i64, buyer: Text => String, name: Text => String, currency: Text => String,
        version: BigInt => i64, begins_on: Date => NaiveDate, state: Text => String, reason: Text => String, proposed_at: Timestamp => NaiveDateTime,
    } from "SELECT v.id, v.programme_id, g.buyer_id, b.name AS buyer, g.name, g.currency, v.version, v.begins_on, 'version_' || v.state AS state, v.reason, v.proposed_at \
            FROM programme_versions v JOIN programmes g ON g.id = v.programme_id JOIN parties b ON b.id = g.buyer_id";
    totals "0"
);

list_row!(
    /// A supplier's part in a programme, for its buyer and for itself.
    MemberLine {
        id: BigInt => i64, programme_id: BigInt => i64, buyer_id: BigInt => i64, buyer: Text => String, supplier_id: BigInt => i64, supplier: Text => String,
        supplier_tax_id: Text => String, name: Text => String, currency: Text => String, programme_state: Text => String, state: Text => String,
        version: BigInt => i64, asked_version: BigInt => i64, reason: Text => String, invited_at: Timestamp => NaiveDateTime,
        answered_at: Nullable<Timestamp> => Option<NaiveDateTime>, confirmed_minor: BigInt => i64,
    } from "SELECT m.id, m.programme_id, m.buyer_id, b.name AS buyer, m.supplier_id, s.name AS supplier, s.tax_id AS supplier_tax_id, g.name, m.currency, \
            'programme_' || g.state AS programme_state, 'member_' || m.state AS state, m.version, m.asked_version, m.reason, m.invited_at, m.answered_at, \
            CAST(COALESCE((SELECT SUM(r.confirmed_minor) FROM receivables r WHERE r.programme_id = m.programme_id AND r.supplier_id = m.supplier_id), 0) AS BIGINT) AS confirmed_minor \
            FROM programme_members m JOIN programmes g ON g.id = m.programme_id JOIN parties b ON b.id = m.buyer_id JOIN parties s ON s.id = m.supplier_id";
    totals "confirmed_minor"
);

list_row!(
    /// A fee that a buyer bears, with the receivable that it is about.
    FeeBillLine {
        id: BigInt => i64, buyer_id: BigInt => i64, receivable_id: BigInt => i64, invoice_id: BigInt => i64, number: Text => String, supplier: Text => String,
        programme: Text => String, currency: Text => String, kind: Text => String, amount_minor: BigInt => i64, paid_minor: BigInt => i64,
        open_minor: BigInt => i64, arose_on: Date => NaiveDate, state: Text => String,
    } from "SELECT f.id, f.buyer_id, f.receivable_id, r.invoice_id, i.number, s.name AS supplier, COALESCE(g.name, '') AS programme, f.currency, f.kind, f.amount_minor, \
            f.paid_minor, f.amount_minor - f.paid_minor AS open_minor, f.arose_on, CASE WHEN f.paid_minor = f.amount_minor THEN 'fee_paid' ELSE 'fee_open' END AS state FROM fee_bills f JOIN receivables r ON r.id = f.receivable_id \
            JOIN invoices i ON i.id = r.invoice_id JOIN parties s ON s.id = r.supplier_id LEFT JOIN programmes g ON g.id = r.programme_id";
    totals "open_minor"
);

list_row!(
    AuditLine {
        id: BigInt => i64, at: Timestamp => NaiveDateTime, business_date: Date => NaiveDate, party_id: BigInt => i64, party: Text => String,
        user_id: BigInt => i64, person: Text => String, approver: Text => String, command: Text => String, subject_id: BigInt => i64,
        input: Text => String, outcome: Text => String, first_transfer: BigInt => i64, last_transfer: BigInt => i64, currency: Text => String,
    } from "SELECT a.seq AS id, a.at, a.business_date, a.party_id, COALESCE(p.name, '') AS party, a.user_id, COALESCE(u.name, '') AS person, \
            COALESCE(v.name, '') AS approver, a.command, a.subject_id, a.input, a.outcome, a.first_transfer, a.last_transfer, '' AS currency \
            FROM audit a LEFT JOIN parties p ON p.id = a.party_id LEFT JOIN users u ON u.id = a.user_id LEFT JOIN users v ON v.id = a.approver_id";
    totals "0"
);

list_row!(
    /// A decision about an invoice that waits for a person, with both sides of it: for the operator only.
    ReviewLine {
        id: BigInt => i64, invoice_id: BigInt => i64, other_id: BigInt => i64, credit_id: BigInt => i64, rules: Text => String, state: Text => String,
        statement: Text => String, reason: Text => String, created_at: Timestamp => NaiveDateTime, number: Text => String, supplier_id: BigInt => i64,
        supplier: Text => String, buyer: Text => String, currency: Text => String, payable_minor: BigInt => i64, invoice_state: Text => String,
        other_supplier_id: BigInt => i64, other_number: Text => String, receivable_id: BigInt => i64,
    } from "SELECT v.id, v.invoice_id, COALESCE(v.other_id, 0) AS other_id, COALESCE(v.credit_id, 0) AS credit_id, v.rules, v.state, v.statement, v.reason, \
            v.created_at, i.number, i.supplier_id, s.name AS supplier, b.name AS buyer, i.currency, i.payable_minor, i.state AS invoice_state, \
            COALESCE(o.supplier_id, 0) AS other_supplier_id, COALESCE(o.number, '') AS other_number, COALESCE(r.id, 0) AS receivable_id \
            FROM reviews v JOIN invoices i ON i.id = v.invoice_id JOIN parties s ON s.id = i.supplier_id JOIN parties b ON b.id = i.buyer_id \
            LEFT JOIN invoices o ON o.id = v.other_id LEFT JOIN receivables r ON r.invoice_id = i.id";
    totals "payable_minor"
);

list_row!(
    NoticeLine {
        id: BigInt => i64, party_id: BigInt => i64,
        /// None: for all people of the company.
        user_id: Nullable<BigInt> => Option<i64>, kind: Text => String, arguments: Text => String, link: Text => String,
        at: Timestamp => NaiveDateTime, currency: Text => String,
    } from "SELECT id, party_id, user_id, kind, arguments, link, at, '' AS currency FROM notices";
    totals "0"
);

list_row!(
    CompanyLine {
        id: BigInt => i64, name: Text => String, country: Text => String, tax_id: Text => String, capacities: Text => String, status: Text => String,
        reference: Text => String, created_at: Timestamp => NaiveDateTime, currency: Text => String,
    } from "SELECT id, name, country, tax_id, capacities, status, reference, created_at, '' AS currency FROM parties";
    totals "0"
);

list_row!(
    /// The unsettled debt of one buyer in one currency: due later, due now, and overdue. Its number is that of the oldest
    /// receivable in it.
    BuyerDueLine {
        id: BigInt => i64, buyer_id: BigInt => i64, buyer: Text => String, currency: Text => String, receivables: BigInt => i64,
        oldest_date: Date => NaiveDate, coming_minor: BigInt => i64, due_minor: BigInt => i64, overdue_minor: BigInt => i64, state: Text => String,
    } from "SELECT MIN(r.id) AS id, r.buyer_id, b.name AS buyer, r.currency, COUNT(*) AS receivables, MIN(r.payment_date) AS oldest_date, \
            CAST(SUM(CASE WHEN r.state IN ('issued', 'active') THEN r.confirmed_minor - r.paid_minor ELSE 0 END) AS BIGINT) AS coming_minor, \
            CAST(SUM(CASE WHEN r.state IN ('matured', 'part_redeemed') THEN r.confirmed_minor - r.paid_minor ELSE 0 END) AS BIGINT) AS due_minor, \
            CAST(SUM(CASE WHEN r.state = 'overdue' THEN r.confirmed_minor - r.paid_minor ELSE 0 END) AS BIGINT) AS overdue_minor, \
            CASE WHEN MAX(CASE WHEN r.state = 'overdue' THEN 1 ELSE 0 END) = 1 THEN 'overdue' \
            WHEN MAX(CASE WHEN r.state IN ('matured', 'part_redeemed') THEN 1 ELSE 0 END) = 1 THEN 'matured' ELSE 'active' END AS state \
            FROM receivables r JOIN parties b ON b.id = r.buyer_id WHERE r.state NOT IN ('redeemed', 'cancelled') GROUP BY r.buyer_id, b.name, r.currency";
    totals "overdue_minor"
);

/// The amount that falls due to its holder on one day.
#[derive(Clone, Debug, diesel::QueryableByName)]
pub struct DueLine {
    #[diesel(sql_type = Text)]
    pub currency: String,
    #[diesel(sql_type = Date)]
    pub payment_date: NaiveDate,
    #[diesel(sql_type = BigInt)]
    pub units_minor: i64,
}

/// The units that a company has bought and holds, by currency and day.
pub fn falling_due(conn: &mut Conn, owner: i64) -> Result<Vec<DueLine>> {
    let sql = "SELECT r.currency, r.payment_date, CAST(SUM(a.balance) AS BIGINT) AS units_minor FROM ledger_accounts a \
               JOIN receivables r ON r.id = a.asset_id WHERE a.kind = 'holding' AND a.balance > 0 AND a.owner_id = ? AND r.supplier_id <> ? \
               GROUP BY r.currency, r.payment_date ORDER BY r.currency, r.payment_date";
    query::list(conn, sql, &[owner.into(), owner.into()])
}

/// One account with its owner's name, for the trial balance and cash pages.
#[derive(Clone, Debug, diesel::QueryableByName)]
pub struct BalanceLine {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = BigInt)]
    pub owner_id: RecordId,
    #[diesel(sql_type = Text)]
    pub owner: String,
    #[diesel(sql_type = BigInt)]
    pub asset_id: i64,
    #[diesel(sql_type = BigInt)]
    pub balance: i64,
    #[diesel(sql_type = BigInt)]
    pub held: i64,
    #[diesel(sql_type = BigInt)]
    pub last_transfer: i64,
}

/// A currency's accounts, or those of one owner in it.
pub fn balances(conn: &mut Conn, asset: i64, owner: Option<i64>) -> Result<Vec<BalanceLine>> {
    let mut sql = String::from(
        "SELECT a.id, a.kind, a.owner_id, COALESCE(p.name, r.reference, '') AS owner, a.asset_id, a.balance, a.held, a.last_transfer \
         FROM ledger_accounts a LEFT JOIN parties p ON p.id = a.owner_id AND a.kind <> 'collection' \
         LEFT JOIN receivables r ON r.id = a.owner_id AND a.kind = 'collection' WHERE a.asset_id = ?",
    );
    let mut binds = vec![Bind::Int(asset)];
    if let Some(owner) = owner {
        sql.push_str(" AND a.owner_id = ? AND a.kind = 'cash'");
        binds.push(Bind::Int(owner));
    }
    sql.push_str(" ORDER BY a.kind, a.owner_id");
    query::list(conn, &sql, &binds)
}

/// Sums by kind of account, for the trial balance: currencies each on their own, all receivables together.
#[derive(Clone, Debug, diesel::QueryableByName)]
pub struct TrialLine {
    #[diesel(sql_type = BigInt)]
    pub asset_id: i64,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = BigInt)]
    pub accounts: i64,
    #[diesel(sql_type = BigInt)]
    pub sum_minor: i64,
}

/// Assets numbered below 1000 are currencies.
pub fn trial_balance(conn: &mut Conn) -> Result<Vec<TrialLine>> {
    let sql = "SELECT asset_id, kind, COUNT(*) AS accounts, CAST(SUM(balance) AS BIGINT) AS sum_minor FROM (\
               SELECT CASE WHEN asset_id < 1000 THEN asset_id ELSE 0 END AS asset_id, kind, balance FROM ledger_accounts) x \
               GROUP BY asset_id, kind ORDER BY asset_id DESC, kind";
    query::list(conn, sql, &[])
}

/// The number of rows that a condition matches, for badges beside what can be acted on.
pub fn count(conn: &mut Conn, table: &'static str, condition: &str, binds: &[Bind]) -> Result<i64> {
    Ok(query::int(conn, &format!("SELECT COUNT(*) AS value FROM {table} WHERE {condition}"), binds)?.unwrap_or(0))
}
