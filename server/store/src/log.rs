//! The Merkle log of audit records: grown with each flush, in the commit of the records themselves, and read for proofs.
//!
//! The cost of a flush does not depend on the log's length. It is one row with the leaf hashes, a row for every 256th record, and
//! the frontier. The frontier stands inside the row of counters, which is written anyway.

use crate::journal::{BookingFacts, kind_number, list_transfers_of};
use crate::query::{self, Bind};
use crate::records::{Keyed, Record, load_heads};
use crate::table::table;
use crate::{Conn, Result, StoreError};
use crate::{Heads, TransferRow};
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use domain::chart::AccountKey;
use kernel::AuditSeq;
use kernel::PartyId;
use kernel::RecordId;
use kernel::UserId;
use proof::Hash;
use proof::digest::{hex, leaf_hash, unhex};
use proof::position::PositionProof;
use proof::record::{BoundTransfer, DaySums, LoggedRecord, Transfers};
use proof::salt::Salts;
use proof::tree::{self, Frontier, Nodes};

table! {
    audit: AuditRecord (seq) {
        seq: AuditSeq => BigInt,
        at: NaiveDateTime => Timestamp,
        business_date: NaiveDate => Date,
        party_id: PartyId => BigInt,
        user_id: UserId => BigInt,
        approver_id: Option<UserId> => Nullable<BigInt>,
        command: String => Text,
        subject_id: RecordId => BigInt,
        idempotency_key: String => Text,
        input_hash: String => Text,
        input: String => Text,
        outcome: String => Text,
        first_transfer: i64 => BigInt,
        last_transfer: i64 => BigInt,
    }
}

table! {
    /// The leaf hashes of one flush.
    log_runs: LogRun (first_seq) {
        first_seq: i64 => BigInt,
        last_seq: i64 => BigInt,
        hashes: Vec<u8> => Binary,
    }
}

table! {
    /// A complete subtree of the log.
    log_nodes: LogNode (level, position) {
        level: i64 => BigInt,
        position: i64 => BigInt,
        hash: String => Text,
    }
}

table! {
    checkpoints: CheckpointRow (size) {
        size: i64 => BigInt,
        business_date: NaiveDate => Date,
        signed_at: NaiveDateTime => Timestamp,
        note: String => Text,
    }
}

table! {
    day_sums: DaySumsRow (day) {
        day: NaiveDate => Date,
        audit_seq: AuditSeq => BigInt,
        last_transfer: i64 => BigInt,
        /// The leaves of the day's tree: one for each asset, and in version 2 one more for each undertaking.
        assets: i64 => BigInt,
        /// Its root in hexadecimal, and in version 2 of the tree a second word, `2`, as in the log.
        root: String => Text,
    }
}

table! {
    sum_trees: SumTreeRow (asset_id, day) {
        asset_id: i64 => BigInt,
        day: NaiveDate => Date,
        entry: String => Text,
    }
}

/// Subtrees are stored at every eighth level: 256 leaves, 65,536, …
const STEP: u32 = 8;

fn days(date: NaiveDate) -> i32 {
    // 1970-01-01 is day 719,163 of the common era.
    chrono::Datelike::num_days_from_ce(&date).saturating_sub(719_163)
}

/// A stored transfer as the log binds it.
#[must_use]
pub fn bound_row(row: &TransferRow) -> BoundTransfer {
    BoundTransfer {
        number: row.number,
        kind: row.kind,
        code: row.code,
        asset: row.asset_id,
        amount: row.amount,
        debit: row.debit_account,
        credit: row.credit_account.unwrap_or(0),
        hold: row.hold.unwrap_or(0),
        value_day: days(row.value_date),
        business_day: days(row.business_date),
        booked_micros: row.booked_at.and_utc().timestamp_micros(),
    }
}

/// The accounts of which a stored transfer is the first, in the order in which they are bound.
pub fn opened_by(row: &TransferRow) -> impl Iterator<Item = i64> {
    let debit = (row.debit_previous == 0).then_some(row.debit_account);
    let credit = row.credit_account.filter(|_| row.credit_previous == Some(0));
    debit.into_iter().chain(credit)
}

/// Adds stored transfers to a digest.
fn add_span(conn: &mut Conn, transfers: &mut Transfers, record: &AuditRecord) -> Result<()> {
    for row in list_transfers_of(conn, record)? {
        transfers.add(&bound_row(&row));
        for id in opened_by(&row) {
            for account in crate::journal::list_accounts_by_id(conn, &[id])? {
                transfers.open(account.id, account.owner_id.0, account.kind.name());
            }
        }
    }
    Ok(())
}

fn bound(transfer: &ledger::Transfer, facts: &BookingFacts) -> BoundTransfer {
    BoundTransfer {
        number: transfer.number.0,
        kind: kind_number(transfer.kind),
        code: transfer.code.0,
        asset: transfer.asset.0,
        amount: transfer.amount,
        debit: transfer.debit.account.0,
        credit: transfer.credit.as_ref().map_or(0, |leg| leg.account.0),
        hold: transfer.hold.map_or(0, |number| number.0),
        value_day: days(facts.value_date),
        business_day: days(facts.business_date),
        booked_micros: facts.booked_at.and_utc().timestamp_micros(),
    }
}

/// The data that an end of day's stored outcome commits to; None for every other record.
#[must_use]
pub fn sums_of(record: &AuditRecord) -> Option<DaySums> {
    if record.command != "close_day" {
        return None;
    }
    let outcome: serde_json::Value = serde_json::from_str(&record.outcome).ok()?;
    DaySums::parse(outcome.get("body")?.get("sums")?.as_str()?)
}

/// The bytes of a record's leaf.
#[must_use]
pub fn record_text(record: &AuditRecord, salts: &Salts, transfers: Hash) -> String {
    LoggedRecord {
        seq: record.seq.0,
        salt: salts.record(record.seq.0),
        at_micros: record.at.and_utc().timestamp_micros(),
        business_date: record.business_date.to_string(),
        party_id: record.party_id.0,
        user_id: record.user_id.0,
        approver_id: record.approver_id.map(i64::from),
        command: &record.command,
        subject_id: record.subject_id.0,
        idempotency_key: &record.idempotency_key,
        input_hash: &record.input_hash,
        outcome: &record.outcome,
        first_transfer: record.first_transfer,
        last_transfer: record.last_transfer,
        transfers,
        sums: sums_of(record),
    }
    .to_text()
}

/// The log's frontier as the counters keep it.
pub fn frontier_of(heads: &Heads) -> Result<Frontier> {
    let corrupt = || StoreError::Corrupt("the log's frontier does not fit the number of audit records".to_owned());
    let text = heads.log_frontier.as_bytes().chunks(64);
    let peaks: Option<Vec<Hash>> = text.map(|part| unhex(std::str::from_utf8(part).ok()?)).collect();
    let size = u64::try_from(heads.last_audit).map_err(|_| corrupt())?;
    Frontier::new(size, peaks.ok_or_else(corrupt)?).ok_or_else(corrupt)
}

#[must_use]
pub fn frontier_text(frontier: &Frontier) -> String {
    frontier.peaks().iter().map(|peak| hex(peak)).collect()
}

/// The salts of a database.
#[must_use]
pub fn salts_of(heads: &Heads) -> Salts {
    Salts::new(heads.log_secret.as_bytes())
}

/// The log as one batch grows it.
pub struct LogWriter {
    frontier: Frontier,
    salts: Salts,
    /// Digest of the running command's postings.
    transfers: Transfers,
    run: Vec<u8>,
    nodes: Vec<LogNode>,
}

impl LogWriter {
    pub fn open(heads: &Heads) -> Result<Self> {
        let (frontier, salts) = (frontier_of(heads)?, salts_of(heads));
        Ok(Self { frontier, salts, transfers: Transfers::default(), run: Vec::new(), nodes: Vec::new() })
    }

    pub fn begin_command(&mut self) {
        self.transfers = Transfers::default();
    }

    /// Binds the running command's postings to its record, and the identity of the accounts that it uses first.
    pub fn bind(
        &mut self,
        rows: &[ledger::Transfer],
        facts: &BookingFacts,
        key_of: impl Fn(ledger::AccountId) -> Option<AccountKey>,
    ) {
        for row in rows {
            self.transfers.add(&bound(row, facts));
            for leg in std::iter::once(&row.debit).chain(&row.credit).filter(|leg| leg.previous.0 == 0) {
                if let Some(key) = key_of(leg.account) {
                    self.transfers.open(leg.account.0, key.owner.0, key.kind.name());
                }
            }
        }
    }

    /// Appends the running command's record.
    pub fn append(&mut self, record: &AuditRecord) {
        let transfers = std::mem::take(&mut self.transfers).digest();
        self.push(leaf_hash(record_text(record, &self.salts, transfers).as_bytes()));
    }

    fn push(&mut self, leaf: Hash) {
        self.run.extend_from_slice(&leaf);
        let nodes = &mut self.nodes;
        self.frontier.push(leaf, |level, index, hash| {
            if level > 0 && level.is_multiple_of(STEP) {
                let position = i64::try_from(index).unwrap_or(i64::MAX);
                nodes.push(LogNode { level: i64::from(level), position, hash: hex(hash) });
            }
        });
    }

    /// Writes the records appended since the last flush and puts the frontier into the counters, which the caller stores.
    pub fn flush(&mut self, conn: &mut Conn, heads: &mut Heads) -> Result<()> {
        if self.run.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(self.run.len() / 32).unwrap_or(i64::MAX);
        let last_seq = i64::try_from(self.frontier.size()).unwrap_or(i64::MAX);
        let first_seq = last_seq.saturating_sub(count).saturating_add(1);
        LogRun { first_seq, last_seq, hashes: std::mem::take(&mut self.run) }.insert(conn)?;
        Record::insert_all(&std::mem::take(&mut self.nodes), conn)?;
        heads.log_frontier = frontier_text(&self.frontier);
        Ok(())
    }
}

/// Builds the log of audit records that were written before there was one. Does nothing to a database that has its log.
pub fn complete(conn: &mut Conn) -> Result<()> {
    let Some(mut heads) = Heads::find(conn, RecordId(1))? else { return Ok(()) };
    if !heads.log_frontier.is_empty() || heads.last_audit == 0 {
        return Ok(());
    }
    let last = std::mem::replace(&mut heads.last_audit, 0);
    let mut log = LogWriter::open(&heads)?;
    let mut seq = 0_i64;
    while seq < last {
        let after = audit::table.filter(audit::seq.gt(AuditSeq(seq))).order(audit::seq);
        let records: Vec<AuditRecord> = after.limit(500).load(conn)?;
        let Some(newest) = records.last() else { return Err(StoreError::Corrupt(format!("audit {seq} is the last"))) };
        seq = newest.seq.0;
        for record in &records {
            add_span(conn, &mut log.transfers, record)?;
            log.append(record);
        }
        log.flush(conn, &mut heads)?;
    }
    heads.last_audit = last;
    heads.update(conn)
}

/// Complete subtrees out of the database.
pub struct StoredNodes<'a>(pub &'a mut Conn);

impl StoredNodes<'_> {
    /// `count` subtrees of `level` in a row, from number `from` on; `level` is one that is stored.
    fn row(&mut self, level: u32, from: i64, count: i64) -> Result<Vec<Hash>> {
        let last = from.saturating_add(count).saturating_sub(1);
        let missing = || StoreError::Corrupt(format!("the log's node {level}/{from} is missing"));
        let found: Option<Vec<Hash>> = if level == 0 {
            list_leaves(self.0, from.saturating_add(1), last.saturating_add(1))?.into()
        } else {
            let nodes = log_nodes::table.filter(log_nodes::level.eq(i64::from(level)));
            let row = nodes.filter(log_nodes::position.between(from, last)).order(log_nodes::position);
            let hashes: Vec<String> = row.select(log_nodes::hash).load(self.0)?;
            hashes.iter().map(|hash| unhex(hash)).collect()
        };
        let whole = |hashes: &Vec<Hash>| i64::try_from(hashes.len()) == Ok(count);
        found.filter(whole).ok_or_else(missing)
    }
}

impl Nodes for StoredNodes<'_> {
    type Error = StoreError;

    fn node(&mut self, level: u32, index: u64) -> Result<Hash> {
        let base = level - level % STEP;
        let width = 1_u64 << (level - base);
        let first = i64::try_from(index.saturating_mul(width)).unwrap_or(i64::MAX);
        let count = i64::try_from(width).unwrap_or(i64::MAX);
        let mut part = Frontier::default();
        self.row(base, first, count)?.into_iter().for_each(|hash| part.push(hash, |_, _, _| {}));
        Ok(part.root())
    }
}

/// The leaf hashes of records `from` to `to`, inclusive, as far as they exist.
pub fn list_leaves(conn: &mut Conn, from: i64, to: i64) -> Result<Vec<Hash>> {
    let condition = "first_seq >= COALESCE((SELECT MAX(first_seq) FROM log_runs WHERE first_seq <= ?), 0) AND first_seq <= ? ORDER BY first_seq";
    let mut hashes = Vec::new();
    for run in LogRun::list_where(conn, condition, &[from.into(), to.into()])? {
        for (hash, seq) in run.hashes.chunks_exact(32).zip(run.first_seq..) {
            if seq >= from && seq <= to {
                hashes.extend(<Hash>::try_from(hash));
            }
        }
    }
    Ok(hashes)
}

/// The log's root at a size that it has reached.
pub fn root_at(conn: &mut Conn, size: u64) -> Result<Hash> {
    tree::root_at(&mut StoredNodes(conn), size)
}

/// The path from a record to the log's root at a size; both must exist.
pub fn inclusion(conn: &mut Conn, index: u64, size: u64) -> Result<Vec<Hash>> {
    tree::inclusion(&mut StoredNodes(conn), index, size)
}

/// The proof that the log at size `new` begins with the log at size `old`.
pub fn consistency(conn: &mut Conn, old: u64, new: u64) -> Result<Vec<Hash>> {
    tree::consistency(&mut StoredNodes(conn), old, new)
}

/// The newest checkpoint.
pub fn newest_checkpoint(conn: &mut Conn) -> Result<Option<CheckpointRow>> {
    Ok(checkpoints::table.filter(checkpoints::size.gt(0)).order(checkpoints::size.desc()).first(conn).optional()?)
}

/// The checkpoint of exactly `size` records.
pub fn find_checkpoint(conn: &mut Conn, size: i64) -> Result<Option<CheckpointRow>> {
    Ok(checkpoints::table.find(size).first(conn).optional()?)
}

/// The first checkpoint of `size` records or more.
fn find_checkpoint_from(conn: &mut Conn, size: i64) -> Result<Option<CheckpointRow>> {
    Ok(checkpoints::table.filter(checkpoints::size.ge(size)).order(checkpoints::size).first(conn).optional()?)
}

/// At most `most` checkpoints of fewer records than this, newest first.
pub fn list_checkpoints_before(conn: &mut Conn, size: i64, most: usize) -> Result<Vec<CheckpointRow>> {
    let before = checkpoints::table.filter(checkpoints::size.lt(size)).order(checkpoints::size.desc());
    Ok(before.limit(i64::try_from(most).unwrap_or(i64::MAX)).load(conn)?)
}

/// The audit record under a company's key.
pub fn find_record_by_key(conn: &mut Conn, party: PartyId, key: &str) -> Result<Option<AuditRecord>> {
    let under = audit::table.filter(audit::party_id.eq(party)).filter(audit::idempotency_key.eq(key));
    Ok(under.first(conn).optional()?)
}

/// The audit records under these keys of these companies, in one statement however many they are.
pub fn list_records_by_key(conn: &mut Conn, wanted: &[(PartyId, &str)]) -> Result<Vec<AuditRecord>> {
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
            let parties = Bind::ids(wanted.iter().map(|(party, _)| *party));
            let keys = wanted.iter().map(|(_, key)| (*key).to_owned()).collect();
            ("UNNEST(?, ?) AS w (p, k)", vec![parties, Bind::Texts(keys)])
        }
    };
    let sql = query::look_up(conn, list, "audit a", "a.party_id = w.p AND a.idempotency_key = w.k");
    query::list(conn, &sql, &binds)
}

/// The record of the import of a bank's file, at once or after a second person's consent.
pub fn find_import(conn: &mut Conn, subject: RecordId) -> Result<Option<AuditRecord>> {
    let imports = audit::command.eq_any(["import_statement", "import_status", "decide_approval"]);
    let found = audit::table.filter(audit::subject_id.eq(subject)).filter(imports).order(audit::seq);
    Ok(found.first(conn).optional()?)
}

/// At most `most` records of decisions about requests with this subject, newest first.
pub fn list_decisions(conn: &mut Conn, subject: RecordId, most: i64) -> Result<Vec<AuditRecord>> {
    let decided = audit::table.filter(audit::subject_id.eq(subject)).filter(audit::command.eq("decide_approval"));
    Ok(decided.order(audit::seq.desc()).limit(most).load(conn)?)
}

/// An act of a person: the command and all of its input.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    pub party: PartyId,
    pub user: UserId,
    pub command: &'a str,
    pub input: &'a str,
}

/// The newest record of exactly this act at this moment or later, among the newest `among` records.
pub fn find_same_act(conn: &mut Conn, act: Act<'_>, since: NaiveDateTime, among: i64) -> Result<Option<AuditRecord>> {
    let before = AuditSeq(load_heads(conn)?.last_audit.saturating_sub(among));
    let by = audit::table.filter(audit::seq.gt(before)).filter(audit::party_id.eq(act.party)).filter(audit::user_id.eq(act.user));
    let same = by.filter(audit::command.eq(act.command)).filter(audit::at.ge(since)).filter(audit::input.eq(act.input));
    Ok(same.order(audit::seq.desc()).first(conn).optional()?)
}

/// The bytes of a stored record's leaf.
fn stored_text(conn: &mut Conn, seq: AuditSeq, salts: &Salts) -> Result<String> {
    let found: Option<AuditRecord> = audit::table.find(seq).first(conn).optional()?;
    let record = found.ok_or_else(|| StoreError::Corrupt(format!("audit {seq} is missing")))?;
    let mut transfers = Transfers::default();
    add_span(conn, &mut transfers, &record)?;
    Ok(record_text(&record, salts, transfers.digest()))
}

/// The position proof of a company at the end of a day, or of the newest that was signed. None when the day has not
/// ended, or no checkpoint covers it yet.
pub fn position(conn: &mut Conn, owner: PartyId, day: Option<NaiveDate>) -> Result<Option<(NaiveDate, PositionProof)>> {
    let Some(day) = crate::sums::find_signed_day(conn, day)? else { return Ok(None) };
    // The first checkpoint after the day's end: the file is the same however often it is made.
    let Some(checkpoint) = find_checkpoint_from(conn, day.audit_seq.0)? else { return Ok(None) };
    let salts = salts_of(&load_heads(conn)?);
    let place = |seq: i64| u64::try_from(seq).unwrap_or(0);
    let proof = PositionProof {
        version: crate::sums::version_of(&day),
        owner: owner.0,
        record: stored_text(conn, day.audit_seq, &salts)?,
        path: inclusion(conn, place(day.audit_seq.0.saturating_sub(1)), place(checkpoint.size))?,
        assets: crate::sums::list_held(conn, &day, owner, &salts)?,
        note: checkpoint.note,
    };
    Ok(Some((day.day, proof)))
}
