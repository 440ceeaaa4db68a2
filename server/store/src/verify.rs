//! Recomputing everything, for `kontor verify` and the end of day.

mod days;
mod guards;
mod log;
mod marks;
mod programmes;
mod sponsors;
mod standing;

pub use guards::APPEND_ONLY;
pub use log::Saved;

use crate::query::{self, Bind};
use crate::records::Record;
use crate::{AccountRow, Conn, Result};
use crate::{AuditRecord, TransferRow};
use diesel::sql_types::{BigInt, Text};
use domain::chart::AccountKind;
use kernel::AuditSeq;
use ledger::Chain;
use proof::Hash;
use proof::note::Verifier;
use proof::record::Transfers;
use std::collections::HashMap;

/// A balance as SQL: those of debit-side kinds count against the credit side.
fn signed() -> String {
    let kinds = AccountKind::ALL.iter().filter(|kind| crate::journal::grows_on_debit(**kind));
    let names: Vec<String> = kinds.map(|kind| format!("'{}'", kind.name())).collect();
    format!("CASE WHEN kind IN ({}) THEN -balance ELSE balance END", names.join(", "))
}

#[derive(diesel::QueryableByName)]
struct AssetSum {
    #[diesel(sql_type = BigInt)]
    asset_id: i64,
}

/// The first asset whose accounts do not sum to zero, if there is one.
pub fn unbalanced_asset(conn: &mut Conn) -> Result<Option<String>> {
    let sum = signed();
    let sql = format!("SELECT asset_id FROM ledger_accounts GROUP BY asset_id HAVING SUM({sum}) <> 0 ORDER BY asset_id LIMIT 1");
    Ok(query::find::<AssetSum>(conn, &sql, &[])?.map(|row| row.asset_id.to_string()))
}

/// A fault that was found: the table and row, and why it does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub place: String,
    pub problem: String,
}

/// The amount of data that was read, for the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub transfers: i64,
    pub accounts: i64,
    pub audit_records: i64,
    pub receivables: i64,
    /// Records in the Merkle log.
    pub log_size: i64,
}

fn finding(place: String, problem: impl Into<String>) -> Option<Finding> {
    Some(Finding { place, problem: problem.into() })
}

type Check = fn(&mut Conn, &mut Replay, &mut Coverage) -> Result<Option<Finding>>;

/// Replays the journal from its first row and compares all data that is kept elsewhere with it. Stops at the first row that does
/// not fit.
pub fn verify(conn: &mut Conn) -> Result<(Coverage, Option<Finding>)> {
    verify_against(conn, &[], None)
}

/// The same without the marks that records leave. An audit from before the marks has none or too few. So has a crowd that a load
/// generator has put straight into its tables.
pub fn verify_without_marks(conn: &mut Conn) -> Result<(Coverage, Option<Finding>)> {
    recompute(conn, (&[], None), false)
}

/// The same, and checks that the log extends checkpoints which were saved elsewhere. With the log's key it checks the signatures
/// of the stored checkpoints, too.
pub fn verify_against(conn: &mut Conn, saved: &[Saved], key: Option<&Verifier>) -> Result<(Coverage, Option<Finding>)> {
    recompute(conn, (saved, key), true)
}

fn recompute(conn: &mut Conn, (saved, key): (&[Saved], Option<&Verifier>), marks: bool) -> Result<(Coverage, Option<Finding>)> {
    let mut coverage = Coverage::default();
    let mut replay = Replay::default();
    let checks: [Check; 7] = [
        guards::check_numbers,
        replay_journal,
        compare_accounts,
        compare_holds,
        compare_receivables,
        compare_programmes,
        log::check_documents,
    ];
    for check in checks {
        if let Some(found) = check(conn, &mut replay, &mut coverage)? {
            return Ok((coverage, Some(found)));
        }
    }
    if let Some(found) = compare_audit(conn, &mut replay, &mut coverage, (saved, key))? {
        return Ok((coverage, Some(found)));
    }
    let mut found = if marks { replay.marks.compare(conn)? } else { None };
    if found.is_none() {
        found = std::mem::take(&mut replay.sponsors).compare(conn)?;
    }
    if found.is_none() {
        found = first_of(conn, KEPT_CHECKS)?;
    }
    if found.is_none() {
        found = compare_heads(conn, &replay, &coverage)?;
    }
    if found.is_none() {
        found = standing::check(conn)?;
    }
    if found.is_none() {
        found = guards::check_schema(conn)?;
    }
    if found.is_none() {
        found = guards::check_rest(conn)?;
    }
    Ok((coverage, found))
}

#[derive(Default)]
struct Replayed {
    balance: i64,
    held: i64,
    chain: Chain,
}

#[derive(Default)]
struct Replay {
    accounts: HashMap<i64, AccountRow>,
    state: HashMap<i64, Replayed>,
    holds: HashMap<i64, (i64, i64)>,
    /// command → (first, last transfer)
    commands: HashMap<i64, (i64, i64)>,
    /// command → digest of its transfers
    transfers: HashMap<i64, Hash>,
    /// The command whose transfers are being read.
    running: Option<(i64, Transfers)>,
    marks: marks::Marks,
    sponsors: sponsors::Sponsors,
    fees: programmes::Fees,
}

impl Replay {
    /// Adds a transfer to its command's digest. A command's transfers stand in one piece.
    fn bind(&mut self, row: &TransferRow) {
        if self.running.as_ref().is_none_or(|(command, _)| *command != row.command) {
            self.end_command();
            self.running = Some((row.command, Transfers::default()));
        }
        if let Some((_, transfers)) = &mut self.running {
            transfers.add(&crate::log::bound_row(row));
            for account in crate::log::opened_by(row).filter_map(|id| self.accounts.get(&id)) {
                transfers.open(account.id, account.owner_id.0, account.kind.name());
            }
        }
    }

    fn end_command(&mut self) {
        if let Some((command, transfers)) = self.running.take() {
            self.transfers.insert(command, transfers.digest());
        }
    }
}

const KIND_HOLD: i16 = 2;
const KIND_POST_HOLD: i16 = 3;

fn replay_journal(conn: &mut Conn, replay: &mut Replay, coverage: &mut Coverage) -> Result<Option<Finding>> {
    for row in query::list::<AccountRow>(conn, "SELECT * FROM ledger_accounts", &[])? {
        replay.accounts.insert(row.id, row);
    }
    let heads = crate::records::load_heads(conn)?;
    let mut days = days::Days::load(conn, &heads, replay)?;
    let (mut last, mut after) = (0_i64, i64::MIN);
    loop {
        let rows: Vec<TransferRow> =
            query::list(conn, "SELECT * FROM transfers WHERE number > ? ORDER BY number LIMIT 5000", &[Bind::Int(after)])?;
        if rows.is_empty() {
            coverage.transfers = last;
            replay.end_command();
            return days.close_until(conn, replay, i64::MAX);
        }
        for row in rows {
            let place = format!("transfers {}", row.number);
            if row.number != last.saturating_add(1) {
                return Ok(finding(place, format!("the transfer before it, {}, is missing", row.number.saturating_sub(1))));
            }
            (last, after) = (row.number, row.number);
            if let Some(found) = days.reach(conn, replay, row.number, row.asset_id)? {
                return Ok(Some(found));
            }
            if let Some(problem) = replay_row(replay, &row) {
                return Ok(finding(place, problem));
            }
            replay.bind(&row);
            replay.fees.read(&row);
        }
    }
}

/// Applies one stored row to the replayed accounts and reports the part of it that does not follow from the rows before.
fn replay_row(replay: &mut Replay, row: &TransferRow) -> Option<String> {
    let first_and_last = replay.commands.entry(row.command).or_insert((row.number, row.number));
    first_and_last.1 = row.number;
    let freed = match (row.kind, row.hold) {
        (1 | KIND_HOLD, _) => 0,
        (_, Some(number)) => {
            let Some((account, left)) = replay.holds.get_mut(&number) else {
                return Some(format!("hold {number} does not exist"));
            };
            if *account != row.debit_account || *left < row.amount {
                return Some(format!("hold {number} does not cover it"));
            }
            *left = left.saturating_sub(row.amount);
            row.amount
        }
        _ => return Some("it names no hold".to_owned()),
    };
    if row.kind == KIND_HOLD {
        replay.holds.insert(row.number, (row.debit_account, row.amount));
    }
    let moves = matches!(row.kind, 1 | KIND_POST_HOLD);
    let held_change = if row.kind == KIND_HOLD { row.amount } else { freed.checked_neg()? };
    let stored = [row.debit_balance, row.debit_held, row.debit_previous, row.debit_jump];
    let amount = if moves { row.amount } else { 0 };
    let problem = replay_leg(replay, row, (row.debit_account, true), (amount, held_change), stored);
    if problem.is_some() {
        return problem;
    }
    match (moves, row.credit_account) {
        (true, Some(account)) => {
            let stored =
                [row.credit_balance, row.credit_held, row.credit_previous, row.credit_jump].map(Option::unwrap_or_default);
            replay_leg(replay, row, (account, false), (amount, 0), stored)
        }
        (false, None) => None,
        _ => Some("its legs do not fit its kind".to_owned()),
    }
}

fn replay_leg(
    replay: &mut Replay,
    row: &TransferRow,
    (account, debited): (i64, bool),
    (amount, held_change): (i64, i64),
    stored: [i64; 4],
) -> Option<String> {
    let Some(known) = replay.accounts.get(&account) else { return Some(format!("account {account} does not exist")) };
    if known.asset_id != row.asset_id {
        return Some(format!("account {account} is of another asset"));
    }
    let debit_side = crate::journal::grows_on_debit(known.kind);
    let state = replay.state.entry(account).or_default();
    let change = if debit_side == debited { amount } else { amount.saturating_neg() };
    state.balance = state.balance.saturating_add(change);
    state.held = state.held.saturating_add(held_change);
    let (previous, jump) = state.chain.push(ledger::TransferNumber(row.number));
    let expected = [state.balance, state.held, previous.0, jump.0];
    let names = ["balance", "held amount", "previous link", "jump link"];
    names
        .iter()
        .zip(expected.iter().zip(stored))
        .find(|(_, (expected, stored))| **expected != *stored)
        .map(|(name, (expected, stored))| format!("the {name} of account {account} is {stored}, its journal gives {expected}"))
}

fn compare_accounts(conn: &mut Conn, replay: &mut Replay, coverage: &mut Coverage) -> Result<Option<Finding>> {
    let mut ids: Vec<i64> = replay.accounts.keys().copied().collect();
    ids.sort_unstable();
    coverage.accounts = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let empty = Replayed::default();
    for id in ids {
        let Some(row) = replay.accounts.get(&id) else { continue };
        let state = replay.state.get(&id).unwrap_or(&empty);
        let place = format!("ledger_accounts {id}");
        if row.balance != state.balance || row.held != state.held {
            let problem =
                format!("balance {} and held {}, its journal gives {} and {}", row.balance, row.held, state.balance, state.held);
            return Ok(finding(place, problem));
        }
        if row.last_transfer != state.chain.last().0 || row.chain != state.chain.to_bytes() {
            return Ok(finding(place, "its links do not lead to its last leg"));
        }
        if row.ceiling.is_some_and(|ceiling| row.balance > ceiling) {
            return Ok(finding(place, "more was issued than was confirmed"));
        }
    }
    Ok(unbalanced_asset(conn)?.and_then(|asset| finding(format!("asset {asset}"), "its accounts do not sum to zero")))
}

#[derive(diesel::QueryableByName)]
#[diesel(table_name = crate::journal::holds)]
struct HoldLeft {
    number: i64,
    account_id: i64,
    remaining: i64,
    state: String,
}

fn compare_holds(conn: &mut Conn, replay: &mut Replay, _coverage: &mut Coverage) -> Result<Option<Finding>> {
    for hold in query::list::<HoldLeft>(conn, "SELECT number, account_id, remaining, state FROM holds ORDER BY number", &[])? {
        let place = format!("holds {}", hold.number);
        match replay.holds.remove(&hold.number) {
            Some((account, left))
                if account == hold.account_id && left == hold.remaining && (left > 0) == (hold.state == "open") => {}
            Some((_, left)) => {
                return Ok(finding(place, format!("{} left and {}, the journal gives {left}", hold.remaining, hold.state)));
            }
            None => return Ok(finding(place, "the journal knows no such hold")),
        }
    }
    Ok(replay.holds.keys().min().and_then(|number| finding(format!("holds {number}"), "it is missing")))
}

/// The audit against the journal and the log, record by record.
fn compare_audit(
    conn: &mut Conn,
    replay: &mut Replay,
    coverage: &mut Coverage,
    against: (&[Saved], Option<&Verifier>),
) -> Result<Option<Finding>> {
    let heads = crate::records::load_heads(conn)?;
    let mut check = match log::LogCheck::load(conn, &heads, against)? {
        Ok(check) => check,
        Err(found) => return Ok(Some(found)),
    };
    let (mut last, mut after) = (0_i64, i64::MIN);
    loop {
        let rows = AuditRecord::list_where(conn, "seq > ? ORDER BY seq LIMIT 1000", &[Bind::Int(after)])?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let place = format!("audit {}", row.seq);
            if row.seq != AuditSeq(last.saturating_add(1)) {
                return Ok(finding(place, format!("the record before it, {}, is missing", row.seq.0.saturating_sub(1))));
            }
            (last, after) = (row.seq.0, row.seq.0);
            replay.marks.read(row);
            replay.sponsors.read(row);
            let booked = replay.commands.remove(&row.seq.0).unwrap_or((0, 0));
            if booked != (row.first_transfer, row.last_transfer) {
                let problem = format!(
                    "it names transfers {} to {}, the journal has {} to {}",
                    row.first_transfer, row.last_transfer, booked.0, booked.1
                );
                return Ok(finding(place, problem));
            }
        }
        if let Some(found) = check.check_page(conn, replay, &rows)? {
            return Ok(Some(found));
        }
    }
    coverage.audit_records = last;
    let orphan = replay.commands.iter().min_by_key(|(_, span)| span.0);
    let orphan = orphan.and_then(|(command, span)| {
        // Benches of the ledger alone book without commands, and are not verified.
        let problem =
            if *command == 0 { "a transfer of no command".to_owned() } else { format!("its audit record {command} is missing") };
        finding(format!("transfers {}", span.0), problem)
    });
    Ok(orphan.or_else(|| check.check_end(&heads, coverage)))
}

#[derive(diesel::QueryableByName)]
struct Mismatch {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    problem: String,
}

/// Checks of records' data against the ledger, each a query that returns the rows that do not fit.
const RECORD_CHECKS: &[(&str, &str)] = &[
    (
        "receivables",
        "SELECT r.id, 'more fractions are out than were issued' AS problem FROM receivables r \
         JOIN ledger_accounts a ON a.asset_id = r.id AND a.kind = 'issued' WHERE a.balance > r.face_minor ORDER BY r.id LIMIT 1",
    ),
    (
        "receivables",
        "SELECT r.id, 'its confirmation says another amount' AS problem FROM receivables r LEFT JOIN confirmations c ON c.invoice_id = r.invoice_id \
         WHERE c.amount_minor IS NULL OR c.amount_minor <> r.confirmed_minor ORDER BY r.id LIMIT 1",
    ),
    (
        "invoices",
        "SELECT i.id, 'it is confirmed above what is owed' AS problem FROM invoices i WHERE i.confirmed_minor > i.payable_minor - i.credited_minor \
         ORDER BY i.id LIMIT 1",
    ),
    (
        "invoices",
        "SELECT i.id, 'what was credited is not the sum of its credit notes' AS problem FROM invoices i \
         LEFT JOIN (SELECT invoice_id, CAST(SUM(amount_minor) AS BIGINT) AS credited FROM credit_notes WHERE state = 'applied' GROUP BY invoice_id) c \
         ON c.invoice_id = i.id WHERE i.credited_minor <> COALESCE(c.credited, 0) ORDER BY i.id LIMIT 1",
    ),
    (
        "receivables",
        "SELECT r.id, 'whether it is held is not what its reviews say' AS problem FROM receivables r \
         LEFT JOIN (SELECT invoice_id, COUNT(*) AS stops FROM reviews WHERE state IN ('open', 'refused') GROUP BY invoice_id) v \
         ON v.invoice_id = r.invoice_id WHERE r.held <> (COALESCE(v.stops, 0) > 0) ORDER BY r.id LIMIT 1",
    ),
    (
        "receivables",
        "SELECT id, 'its reserve is not the asset after its fractions' AS problem FROM receivables WHERE reserve_asset <> id + 1 ORDER BY id LIMIT 1",
    ),
    (
        "confirmations",
        "SELECT MAX(id) AS id, 'another confirmation has the same undertaking' AS problem FROM confirmations GROUP BY words_hash HAVING COUNT(*) > 1 \
         ORDER BY 1 LIMIT 1",
    ),
    (
        "approved_payables",
        "SELECT e.id, 'what it has confirmed is not what was approved' AS problem FROM approved_payables e LEFT JOIN confirmations c ON c.invoice_id = e.invoice_id \
         WHERE e.state = 'used' AND (c.id IS NULL OR c.amount_minor <> e.payable_minor OR c.due_date <> e.due_date OR c.words_hash <> e.words_hash) \
         ORDER BY e.id LIMIT 1",
    ),
    (
        "confirmations",
        "SELECT c.id, 'its contact has not used a link for it' AS problem FROM confirmations c \
         WHERE EXISTS (SELECT 1 FROM buyer_contacts b WHERE b.user_id = c.signer_id AND b.recorded_at <= c.signed_at) \
         AND NOT EXISTS (SELECT 1 FROM confirmation_links l JOIN buyer_contacts b ON b.id = l.contact_id \
         WHERE l.invoice_id = c.invoice_id AND l.state = 'used' AND b.user_id = c.signer_id) ORDER BY c.id LIMIT 1",
    ),
    (
        "offers",
        "SELECT o.id, 'what is left of it is not what its hold earmarks' AS problem FROM offers o JOIN holds h ON h.number = o.hold_number \
         WHERE o.state IN ('open', 'settled') AND h.remaining <> o.left_minor + o.reserved_minor ORDER BY o.id LIMIT 1",
    ),
    (
        "offers",
        "SELECT o.id, 'its purchases do not sum to what was sold' AS problem FROM offers o \
         LEFT JOIN (SELECT offer_id, CAST(SUM(units_minor) AS BIGINT) AS sold FROM purchases GROUP BY offer_id) p ON p.offer_id = o.id \
         WHERE o.units_minor - o.left_minor - o.reserved_minor <> COALESCE(p.sold, 0) ORDER BY o.id LIMIT 1",
    ),
    (
        "offers",
        "SELECT o.id, 'what is reserved of it is not what waiting purchases hold' AS problem FROM offers o \
         LEFT JOIN (SELECT offer_id, CAST(SUM(units_minor) AS BIGINT) AS units FROM purchase_holds WHERE state = 'open' GROUP BY offer_id) p \
         ON p.offer_id = o.id WHERE o.reserved_minor <> COALESCE(p.units, 0) ORDER BY o.id LIMIT 1",
    ),
    (
        "purchase_holds",
        "SELECT p.id, 'it holds for a request that does not wait' AS problem FROM purchase_holds p LEFT JOIN approvals a ON a.id = p.id \
         WHERE p.state = 'open' AND (a.id IS NULL OR a.state <> 'pending' OR a.command <> 'buy_fractions') ORDER BY p.id LIMIT 1",
    ),
    (
        "purchase_holds",
        "SELECT p.id, 'its hold does not earmark its price' AS problem FROM purchase_holds p LEFT JOIN holds h ON h.number = p.hold_number \
         WHERE h.number IS NULL OR h.remaining <> CASE WHEN p.state = 'open' THEN p.price_minor ELSE 0 END ORDER BY p.id LIMIT 1",
    ),
    (
        "purchases",
        "SELECT p.id, 'its receivable or supplier is not that of its offer' AS problem FROM purchases p JOIN offers o ON o.id = p.offer_id \
         WHERE o.receivable_id <> p.receivable_id OR o.supplier_id <> p.supplier_id ORDER BY p.id LIMIT 1",
    ),
    (
        "notices",
        "SELECT n.id, 'it is for a company that does not exist' AS problem FROM notices n LEFT JOIN parties p ON p.id = n.party_id \
         WHERE p.id IS NULL ORDER BY n.id LIMIT 1",
    ),
    (
        "invoices",
        "SELECT id, 'its document is gone' AS problem FROM invoices WHERE document NOT IN (SELECT sha256 FROM documents) ORDER BY id LIMIT 1",
    ),
    (
        "credit_notes",
        "SELECT id, 'its document is gone' AS problem FROM credit_notes WHERE document NOT IN (SELECT sha256 FROM documents) ORDER BY id LIMIT 1",
    ),
    (
        "evidence",
        "SELECT id, 'its document is gone' AS problem FROM evidence WHERE document NOT IN (SELECT sha256 FROM documents) ORDER BY id LIMIT 1",
    ),
    (
        "bank_files",
        "SELECT id, 'its document is gone' AS problem FROM bank_files WHERE sha256 NOT IN (SELECT sha256 FROM documents) ORDER BY id LIMIT 1",
    ),
    (
        "status_reports",
        "SELECT id, 'its document is gone' AS problem FROM status_reports WHERE substr(sha256, 1, 64) NOT IN (SELECT sha256 FROM documents) ORDER BY id LIMIT 1",
    ),
    (
        "payment_files",
        "SELECT id, 'its document is gone' AS problem FROM payment_files WHERE document NOT IN (SELECT sha256 FROM documents) ORDER BY id LIMIT 1",
    ),
    (
        "late_claims of receivable",
        "SELECT x.receivable AS id, 'what was paid of them is not what the journal has' AS problem FROM (\
           SELECT receivable_id AS receivable, party_id AS party, paid_minor AS paid FROM late_claims UNION ALL \
           SELECT d.owner_id, c.owner_id, -t.amount FROM transfers t JOIN ledger_accounts d ON d.id = t.debit_account \
             JOIN ledger_accounts c ON c.id = t.credit_account WHERE t.code = 42 AND d.kind = 'collection') x \
         GROUP BY x.receivable, x.party HAVING SUM(x.paid) <> 0 ORDER BY x.receivable LIMIT 1",
    ),
    (
        "buyer_limits",
        "SELECT l.id, 'what is used of it is not what is held' AS problem FROM buyer_limits l LEFT JOIN (\
           SELECT a.owner_id, r.buyer_id, r.currency, CAST(SUM(a.balance) AS BIGINT) AS held FROM ledger_accounts a \
           JOIN receivables r ON r.id = a.asset_id WHERE a.kind = 'holding' AND a.owner_id <> r.supplier_id \
           GROUP BY a.owner_id, r.buyer_id, r.currency) h \
         ON h.owner_id = l.financier_id AND h.buyer_id = l.buyer_id AND h.currency = l.currency \
         LEFT JOIN (SELECT p.financier_id, r.buyer_id, r.currency, CAST(SUM(p.units_minor) AS BIGINT) AS units FROM purchase_holds p \
           JOIN offers o ON o.id = p.offer_id JOIN receivables r ON r.id = o.receivable_id WHERE p.state = 'open' \
           GROUP BY p.financier_id, r.buyer_id, r.currency) w \
         ON w.financier_id = l.financier_id AND w.buyer_id = l.buyer_id AND w.currency = l.currency \
         WHERE l.used_minor <> COALESCE(h.held, 0) + COALESCE(w.units, 0) ORDER BY l.id LIMIT 1",
    ),
    (
        "ledger_accounts",
        "SELECT a.id, 'it is of an account at a bank that the platform does not have' AS problem \
         FROM ledger_accounts a LEFT JOIN custody_accounts c ON c.id = a.owner_id \
         WHERE a.kind = 'custody' AND c.id IS NULL ORDER BY a.id LIMIT 1",
    ),
    (
        "custody_accounts",
        "SELECT c.id, 'it is closed and its ledger account is not empty' AS problem FROM custody_accounts c \
         JOIN ledger_accounts a ON a.kind = 'custody' AND a.owner_id = c.id WHERE c.state = 'closed' AND a.balance <> 0 ORDER BY c.id LIMIT 1",
    ),
    (
        "statements",
        "SELECT s.id, 'it is of another account, or of a currency that its account does not carry' AS problem FROM statements s \
         LEFT JOIN custody_accounts c ON c.id = s.custody_id WHERE c.id IS NULL OR (c.iban <> s.iban AND c.iban NOT LIKE '%/' || s.iban) \
         OR (c.currency <> '' AND s.currency <> '' AND c.currency <> s.currency) ORDER BY s.id LIMIT 1",
    ),
    (
        "bank_lines",
        "SELECT l.id, 'it is on another account than its statement' AS problem FROM bank_lines l JOIN statements s ON s.id = l.statement_id \
         WHERE l.custody_id <> s.custody_id ORDER BY l.id LIMIT 1",
    ),
    (
        "bank_lines",
        "SELECT l.id, 'the other line of its transfer does not fit' AS problem FROM bank_lines l LEFT JOIN bank_lines o ON o.id = l.twin_id \
         WHERE l.kind = 'own_transfer' AND (l.transfer_id IS NULL OR l.transfer_id = l.custody_id OR (l.twin_id IS NOT NULL AND (o.id IS NULL \
         OR o.amount_minor <> l.amount_minor OR o.currency <> l.currency OR o.custody_id <> l.transfer_id OR o.direction = l.direction))) ORDER BY l.id LIMIT 1",
    ),
    (
        "payouts",
        "SELECT p.id, 'it is on its way from another account than that of its file' AS problem FROM payouts p JOIN payment_files f ON f.id = p.file_id \
         WHERE p.state IN ('sent', 'accepted', 'pending', 'unknown') AND p.custody_id <> f.custody_id ORDER BY p.id LIMIT 1",
    ),
    (
        "payouts",
        "SELECT p.id, 'its hold does not earmark its amount' AS problem FROM payouts p JOIN holds h ON h.number = p.hold_number \
         WHERE p.state IN ('authorised', 'sent', 'accepted', 'pending', 'unknown') AND h.remaining <> p.amount_minor ORDER BY p.id LIMIT 1",
    ),
    (
        "payouts",
        "SELECT p.id, 'it is over and its hold still earmarks money' AS problem FROM payouts p JOIN holds h ON h.number = p.hold_number \
         WHERE p.state IN ('settled', 'rejected', 'returned', 'cancelled') AND h.remaining <> 0 ORDER BY p.id LIMIT 1",
    ),
];

/// Checks of data that is derived from records. They run once the records themselves are known to be whole, so that a finding
/// names the changed record and not the derived data.
const KEPT_CHECKS: &[(&str, &str)] = &[
    (
        "holding_costs of receivable",
        "SELECT x.receivable_id AS id, 'they are not what its purchases cost' AS problem FROM (\
           SELECT receivable_id, party_id, paid_minor FROM holding_costs UNION ALL \
           SELECT receivable_id, financier_id, -price_minor FROM purchases) x \
         GROUP BY x.receivable_id, x.party_id HAVING SUM(x.paid_minor) <> 0 ORDER BY x.receivable_id LIMIT 1",
    ),
    (
        "redemption_bases of receivable",
        "SELECT x.receivable_id AS id, 'what was redeemed of them is not what the journal has' AS problem FROM (\
           SELECT receivable_id, party_id, redeemed_minor AS minor FROM redemption_bases UNION ALL \
           SELECT b.receivable_id, b.party_id, -t.amount FROM redemption_bases b \
             JOIN ledger_accounts a ON a.asset_id = b.receivable_id AND a.owner_id = b.party_id AND a.kind = 'holding' \
             JOIN transfers t ON t.debit_account = a.id WHERE t.code = 41 AND t.number > b.since) x \
         GROUP BY x.receivable_id, x.party_id HAVING SUM(x.minor) <> 0 ORDER BY x.receivable_id LIMIT 1",
    ),
    (
        "redemption_bases of receivable",
        "SELECT b.receivable_id AS id, 'they are not the units that the holder had' AS problem FROM redemption_bases b \
           JOIN ledger_accounts a ON a.asset_id = b.receivable_id AND a.owner_id = b.party_id AND a.kind = 'holding' \
         WHERE b.units_minor - b.redeemed_minor <> a.balance AND NOT EXISTS (SELECT 1 FROM transfers t WHERE t.number > b.since \
           AND t.code <> 41 AND t.asset_id = b.receivable_id AND (t.debit_account = a.id OR t.credit_account = a.id)) \
         ORDER BY b.receivable_id LIMIT 1",
    ),
    (
        "list_totals of company",
        "SELECT party_id AS id, 'they are not what its rows come to' AS problem FROM (\
           SELECT party_id, list, currency, state, review, remind_on, entries, sum_minor FROM list_totals UNION ALL \
           SELECT supplier_id, 'invoices', currency, state, review, DATE_MAX, -1, -payable_minor FROM invoices UNION ALL \
           SELECT i.buyer_id, 'payables', i.currency, i.state, i.review, CASE WHEN i.state = 'presented' THEN k.remind_on ELSE DATE_MAX END, -1, -i.payable_minor \
             FROM invoices i JOIN answer_clocks k ON k.id = i.id UNION ALL \
           SELECT supplier_id, 'receivables', currency, state, '', DATE_MAX, -1, -face_minor FROM receivables UNION ALL \
           SELECT buyer_id, 'assignments', '', 'given', '', DATE_MAX, -1, 0 FROM assignment_notices WHERE acknowledged_at IS NULL UNION ALL \
           SELECT o.supplier_id, 'offers', r.currency, o.state, '', DATE_MAX, -1, -o.left_minor FROM offers o JOIN receivables r ON r.id = o.receivable_id) x \
         GROUP BY party_id, list, currency, state, review, remind_on HAVING SUM(entries) <> 0 OR SUM(sum_minor) <> 0 ORDER BY party_id LIMIT 1",
    ),
];

fn first_of(conn: &mut Conn, checks: &[(&str, &str)]) -> Result<Option<Finding>> {
    let last = if matches!(conn, Conn::Sqlite(_)) { "'9999-12-31'" } else { "DATE '9999-12-31'" };
    for (table, sql) in checks {
        if let Some(row) = query::find::<Mismatch>(conn, &sql.replace("DATE_MAX", last), &[])? {
            return Ok(finding(format!("{table} {}", row.id), row.problem));
        }
    }
    Ok(None)
}

fn compare_receivables(conn: &mut Conn, _replay: &mut Replay, coverage: &mut Coverage) -> Result<Option<Finding>> {
    coverage.receivables = query::int(conn, "SELECT COUNT(*) AS value FROM receivables", &[])?.unwrap_or(0);
    first_of(conn, RECORD_CHECKS)
}

fn compare_programmes(conn: &mut Conn, replay: &mut Replay, _coverage: &mut Coverage) -> Result<Option<Finding>> {
    programmes::check(conn, replay)
}

fn compare_heads(conn: &mut Conn, replay: &Replay, coverage: &Coverage) -> Result<Option<Finding>> {
    let heads = crate::records::load_heads(conn)?;
    if let Some(found) = replay.marks.check_heads(&heads) {
        return Ok(Some(found));
    }
    if heads.last_transfer != coverage.transfers {
        return Ok(finding(
            "heads 1".to_owned(),
            format!("it names {} as the last transfer, the journal ends at {}", heads.last_transfer, coverage.transfers),
        ));
    }
    if heads.last_audit != coverage.audit_records {
        return Ok(finding(
            "heads 1".to_owned(),
            format!("it names {} as the last audit record, the audit ends at {}", heads.last_audit, coverage.audit_records),
        ));
    }
    Ok(None)
}
