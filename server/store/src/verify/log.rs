//! The log made again from the audit: every leaf, the stored subtrees, the frontier, and each checkpoint. Checkpoints are our
//! own, and those that people have saved elsewhere.

use super::{Coverage, Finding, Replay, finding};
use crate::query::Bind;
use crate::records::Record;
use crate::{AuditRecord, CheckpointRow, CreditNote, DaySumsRow, Heads, Invoice, LogNode};
use crate::{Conn, Result, log};
use kernel::RecordId;
use proof::Hash;
use proof::digest::{hex, leaf_hash, sha256};
use proof::note::{Checkpoint, Verifier};
use proof::record::Transfers;
use proof::salt::Salts;
use proof::tree::{Frontier, empty_root};
use std::collections::{BTreeMap, VecDeque};

/// A checkpoint to compare with, and where it is from.
#[derive(Clone, Debug)]
pub struct Saved {
    pub place: String,
    pub checkpoint: Checkpoint,
}

pub(super) struct LogCheck {
    frontier: Frontier,
    salts: Salts,
    /// By size, smallest first.
    checkpoints: VecDeque<Saved>,
    days: BTreeMap<i64, DaySumsRow>,
    nodes: BTreeMap<(i64, i64), String>,
    /// The last day that a record has ended, and the record's number.
    ended: Option<(String, i64)>,
}

impl LogCheck {
    /// Reads the checkpoints to compare, or finds a stored one that is not a checkpoint.
    pub(super) fn load(
        conn: &mut Conn,
        heads: &Heads,
        (saved, key): (&[Saved], Option<&Verifier>),
    ) -> Result<std::result::Result<Self, Finding>> {
        let mut checkpoints = saved.to_vec();
        for row in CheckpointRow::list_where(conn, "1 = 1 ORDER BY size", &[])? {
            let place = format!("checkpoints {}", row.size);
            let read = key.map_or_else(|| Checkpoint::parse_unsigned(&row.note), |key| key.open_checkpoint(&row.note));
            match read {
                Ok(checkpoint) if i64::try_from(checkpoint.size) == Ok(row.size) => checkpoints.push(Saved { place, checkpoint }),
                Ok(_) => return Ok(Err(Finding { place, problem: "its note is of another size".to_owned() })),
                Err(fault) => return Ok(Err(Finding { place, problem: fault.to_string() })),
            }
        }
        checkpoints.sort_by_key(|one| one.checkpoint.size);
        let days =
            DaySumsRow::list_where(conn, "1 = 1 ORDER BY day", &[])?.into_iter().map(|row| (row.audit_seq.0, row)).collect();
        let nodes = LogNode::list_where(conn, "1 = 1", &[])?;
        let nodes = nodes.into_iter().map(|node| ((node.level, node.position), node.hash)).collect();
        let (frontier, salts) = (Frontier::default(), log::salts_of(heads));
        Ok(Ok(Self { frontier, salts, checkpoints: checkpoints.into(), days, nodes, ended: None }))
    }

    /// The next records of the audit, in order.
    pub(super) fn check_page(&mut self, conn: &mut Conn, replay: &mut Replay, page: &[AuditRecord]) -> Result<Option<Finding>> {
        let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(None) };
        let leaves = log::list_leaves(conn, first.seq.0, last.seq.0)?;
        let mut registered = Vec::new();
        for (at, record) in page.iter().enumerate() {
            let booked = replay.transfers.remove(&record.seq.0).unwrap_or_else(|| Transfers::default().digest());
            if let Some(problem) = self.check_record(record, booked, leaves.get(at)) {
                return Ok(finding(format!("audit {}", record.seq), problem));
            }
            if let Some(found) = self.check_checkpoints() {
                return Ok(Some(found));
            }
            if ["register_invoice", "register_table"].contains(&record.command.as_str()) {
                registered.push(record);
            }
        }
        check_registered(conn, &registered)
    }

    fn check_record(&mut self, record: &AuditRecord, booked: Hash, stored: Option<&Hash>) -> Option<String> {
        let input = format!("{}\n{}\n{}", record.command, record.user_id, record.input);
        if record.input_hash != hex(&sha256(&[input.as_bytes()])) {
            return Some("its input is not the one that was hashed".to_owned());
        }
        let sums = log::sums_of(record);
        if let Some(sums) = &sums {
            // Each end of a day has a tree of its own: with two of them a holding is proven to two holders.
            if let Some((day, seq)) = self.ended.as_ref().filter(|(day, _)| *day >= sums.day) {
                return Some(format!("it ends {}, and record {seq} has already ended {day}", sums.day));
            }
            self.ended = Some((sums.day.clone(), record.seq.0));
        }
        let day = self.days.remove(&record.seq.0);
        let agrees = day.as_ref().is_none_or(|row| {
            let root = (row.day.to_string(), row.last_transfer, u64::try_from(row.assets).ok(), row.root.clone());
            sums.as_ref().is_some_and(|sums| {
                root == (
                    sums.day.clone(),
                    sums.last_transfer,
                    Some(sums.leaves),
                    crate::sums::stored_root(sums.version, &sums.root),
                )
            })
        });
        if !agrees || sums.is_some() != day.is_some() {
            return Some("the sums of the day are not those that it put into the log".to_owned());
        }
        let leaf = leaf_hash(log::record_text(record, &self.salts, booked).as_bytes());
        let Some(stored) = stored else { return Some("the log has no leaf of it".to_owned()) };
        if *stored != leaf {
            return Some("the record or its transfers are not what the log has of it".to_owned());
        }
        let (nodes, mut wrong) = (&mut self.nodes, None);
        self.frontier.push(leaf, |level, index, hash| {
            if level > 0 && level.is_multiple_of(8) {
                let place = (i64::from(level), i64::try_from(index).unwrap_or(i64::MAX));
                if nodes.remove(&place).is_none_or(|known| known != hex(hash)) {
                    wrong = Some(format!("the log's node {}/{} does not follow from the records up to it", place.0, place.1));
                }
            }
        });
        wrong
    }

    /// Checkpoints of the size that the log has now.
    fn check_checkpoints(&mut self) -> Option<Finding> {
        while let Some(saved) = self.checkpoints.pop_front_if(|one| one.checkpoint.size <= self.frontier.size()) {
            let size = self.frontier.size();
            // A checkpoint of nothing fits every log.
            let same = if saved.checkpoint.size == 0 { empty_root() } else { self.frontier.root() };
            if saved.checkpoint.root != same {
                return finding(
                    saved.place,
                    format!("among the first {size} records one is not what was signed: the history was rewritten"),
                );
            }
        }
        None
    }

    /// After the last record.
    pub(super) fn check_end(mut self, heads: &Heads, coverage: &mut Coverage) -> Option<Finding> {
        if let Some(found) = self.check_checkpoints() {
            return Some(found);
        }
        let size = self.frontier.size();
        coverage.log_size = i64::try_from(size).unwrap_or(i64::MAX);
        if let Some(saved) = self.checkpoints.pop_front() {
            let problem =
                format!("{} records were signed, the log ends at {size}: the history was rolled back", saved.checkpoint.size);
            return finding(saved.place, problem);
        }
        if let Some(row) = self.days.into_values().next() {
            return finding(format!("day_sums {}", row.day), format!("audit record {} does not end this day", row.audit_seq));
        }
        if let Some((level, position)) = self.nodes.into_keys().next() {
            return finding(format!("log_nodes {level}/{position}"), "the log has not reached it");
        }
        let same = heads.log_frontier == log::frontier_text(&self.frontier);
        if same { None } else { finding("heads 1".to_owned(), "its frontier is not that of the log") }
    }
}

/// An invoice or a credit note still has the document that was registered with it.
fn check_registered(conn: &mut Conn, records: &[&AuditRecord]) -> Result<Option<Finding>> {
    let ids: Vec<RecordId> = records.iter().map(|record| record.subject_id).collect();
    if ids.is_empty() {
        return Ok(None);
    }
    let (condition, list) = crate::query::among(conn, "id", &ids);
    let mut documents: BTreeMap<RecordId, String> = Invoice::list_where(conn, &condition, std::slice::from_ref(&list))?
        .into_iter()
        .map(|row| (row.id.into(), row.document))
        .collect();
    documents.extend(CreditNote::list_where(conn, &condition, &[list])?.into_iter().map(|row| (row.id.into(), row.document)));
    for record in records {
        let input: serde_json::Value = serde_json::from_str(&record.input).unwrap_or_default();
        let known = input.get("sha256").and_then(serde_json::Value::as_str);
        if known != documents.get(&record.subject_id).map(String::as_str) {
            return Ok(finding(format!("invoices {}", record.subject_id), "its document is not the one that was registered"));
        }
    }
    Ok(None)
}

#[derive(diesel::QueryableByName)]
struct StoredDocument {
    #[diesel(sql_type = diesel::sql_types::Text)]
    sha256: String,
    #[diesel(sql_type = diesel::sql_types::Binary)]
    content: Vec<u8>,
}

#[derive(diesel::QueryableByName)]
struct SignedText {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    hash: String,
}

/// Every document, undertaking and set of terms is what its digest says.
pub(super) fn check_documents(conn: &mut Conn, _replay: &mut Replay, _coverage: &mut Coverage) -> Result<Option<Finding>> {
    let mut last = String::new();
    loop {
        let sql = "SELECT sha256, content FROM documents WHERE sha256 > ? ORDER BY sha256 LIMIT 50";
        let rows: Vec<StoredDocument> = crate::query::list(conn, sql, &[Bind::Text(last.clone())])?;
        let Some(newest) = rows.last() else { break };
        last.clone_from(&newest.sha256);
        if let Some(wrong) = rows.iter().find(|row| row.sha256 != hex(&sha256(&[&row.content]))) {
            return Ok(finding(format!("documents {}", wrong.sha256), "its content is not what its digest says"));
        }
    }
    for (table, sql) in [
        ("receivables", "SELECT id, terms AS text, terms_hash AS hash FROM receivables WHERE id > ? ORDER BY id LIMIT 500"),
        (
            "confirmations",
            "SELECT id, words_en AS text, words_hash AS hash FROM confirmations WHERE id > ? ORDER BY id LIMIT 500",
        ),
        ("confirmation_evidence", "SELECT id, text, hash FROM confirmation_evidence WHERE id > ? ORDER BY id LIMIT 500"),
    ] {
        let mut last = i64::MIN;
        loop {
            let rows: Vec<SignedText> = crate::query::list(conn, sql, &[last.into()])?;
            let Some(newest) = rows.last() else { break };
            last = newest.id;
            if let Some(wrong) = rows.iter().find(|row| row.hash != hex(&sha256(&[row.text.as_bytes()]))) {
                return Ok(finding(format!("{table} {}", wrong.id), "its text is not what its digest says"));
            }
        }
    }
    Ok(None)
}
