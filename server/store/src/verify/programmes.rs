//! Checks of programmes: each receivable is what its version of the terms says. Fees that buyers bear are what trades and ledger
//! say.

use super::{Finding, Mismatch, Replay, finding};
use crate::query;
use crate::records::Record;
use crate::{Conn, Result};
use crate::{Programme, ProgrammeVersion, Receivable};
use diesel::sql_types::{BigInt, Text};
use domain::DayCount;
use domain::chart::{AccountKind, Booking, currency_asset};
use domain::pricing::{Bearer, FeeTerms, Percent};
use domain::programme::VersionState;
use domain::receivable::ReceivableState;
use domain::receivable::{FeeRule, IssueTerms, decide_issue};
use kernel::{PartyId, ProgrammeId, ReceivableId, RecordId};
use std::collections::HashMap;

/// The billed and the paid amount on each account of claims, by the journal.
#[derive(Default)]
pub(super) struct Fees(HashMap<i64, (i64, i64)>);

impl Fees {
    pub(super) fn read(&mut self, row: &crate::TransferRow) {
        if row.code == Booking::FeeBilled.code().0 {
            let sums = self.0.entry(row.debit_account).or_default();
            sums.0 = sums.0.saturating_add(row.amount);
        } else if row.code == Booking::FeePaid.code().0 {
            let sums = self.0.entry(row.credit_account.unwrap_or_default()).or_default();
            sums.1 = sums.1.saturating_add(row.amount);
        }
    }
}

/// Each returns the rows that do not fit.
const CHECKS: &[(&str, &str)] = &[
    (
        "receivables",
        "SELECT id, 'it names terms of a programme that it is not under' AS problem FROM receivables WHERE programme_id IS NULL \
         AND (programme_version <> 0 OR sellable_minor <> 0 OR fee_bearer <> '' OR recourse <> '') ORDER BY id LIMIT 1",
    ),
    (
        "programme_members",
        "SELECT m.id, 'its buyer or currency is not that of its programme' AS problem FROM programme_members m JOIN programmes g ON g.id = m.programme_id \
         WHERE g.buyer_id <> m.buyer_id OR g.currency <> m.currency ORDER BY m.id LIMIT 1",
    ),
    (
        "programme_members",
        "SELECT m.id, 'it has accepted terms that were never approved' AS problem FROM programme_members m \
         LEFT JOIN programme_versions v ON v.programme_id = m.programme_id AND v.version = m.version AND v.state = 'approved' \
         WHERE (m.state = 'joined' OR m.version > 0) AND v.id IS NULL ORDER BY m.id LIMIT 1",
    ),
    (
        "purchases",
        "SELECT p.id, 'its fee is not what its buyer was billed' AS problem FROM purchases p JOIN receivables r ON r.id = p.receivable_id \
         LEFT JOIN fee_bills f ON f.purchase_id = p.id WHERE (r.fee_bearer = 'buyer' AND p.fee_minor > 0 AND (f.id IS NULL OR f.amount_minor <> p.fee_minor \
         OR f.buyer_id <> r.buyer_id OR f.currency <> r.currency OR f.receivable_id <> r.id OR f.kind <> 'purchase')) \
         OR (f.id IS NOT NULL AND (r.fee_bearer <> 'buyer' OR p.fee_minor = 0)) ORDER BY p.id LIMIT 1",
    ),
    (
        "fee_bills",
        "SELECT f.id, 'nothing was bought or issued for it' AS problem FROM fee_bills f LEFT JOIN purchases p ON p.id = f.purchase_id \
         LEFT JOIN receivables r ON r.id = f.receivable_id WHERE r.id IS NULL OR (f.purchase_id IS NOT NULL AND p.id IS NULL) ORDER BY f.id LIMIT 1",
    ),
    (
        "fee_bills",
        "SELECT MAX(id) AS id, 'the same was billed twice' AS problem FROM fee_bills GROUP BY receivable_id, COALESCE(purchase_id, 0) \
         HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1",
    ),
    (
        "fee_bills",
        "SELECT f.id, 'it was paid before an older one' AS problem FROM fee_bills f JOIN (SELECT buyer_id, currency, MIN(id) AS oldest FROM fee_bills \
         WHERE paid_minor < amount_minor GROUP BY buyer_id, currency) o ON o.buyer_id = f.buyer_id AND o.currency = f.currency \
         WHERE f.id > o.oldest AND f.paid_minor > 0 ORDER BY f.id LIMIT 1",
    ),
];

#[derive(diesel::QueryableByName)]
struct Billed {
    #[diesel(sql_type = BigInt)]
    buyer_id: PartyId,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    amount_minor: i64,
    #[diesel(sql_type = BigInt)]
    paid_minor: i64,
}

#[derive(diesel::QueryableByName)]
struct Settlement {
    #[diesel(sql_type = BigInt)]
    receivable_id: ReceivableId,
    #[diesel(sql_type = BigInt)]
    amount_minor: i64,
}

pub(super) fn check(conn: &mut Conn, replay: &Replay) -> Result<Option<Finding>> {
    for (table, sql) in CHECKS {
        if let Some(row) = query::find::<Mismatch>(conn, sql, &[])? {
            return Ok(finding(format!("{table} {}", row.id), row.problem));
        }
    }
    if let Some(found) = compare_terms(conn)? {
        return Ok(Some(found));
    }
    compare_ledger(conn, replay)
}

/// Terms for a check that does not use the late interest.
fn no_terms() -> IssueTerms {
    IssueTerms {
        reserve_bps: 0,
        settlement_fee_bps: 0,
        purchase_fee: FeeTerms { bps: 0, minimum_minor: 0, bearer: Bearer::Supplier },
        minimum_ticket_minor: 0,
        late_rate: Percent::ZERO,
        late_day_count: DayCount::Actual360,
        grace_days: 0,
    }
}

/// The first value of a receivable that its version of the terms does not give for the confirmed amount.
fn difference(
    row: &Receivable,
    version: &ProgrammeVersion,
    (billed_minor, sold_minor): (i64, i64),
) -> Result<Option<&'static str>> {
    let terms = version.terms();
    let issued = terms.issue_terms(&no_terms());
    let Ok(split) = decide_issue(row.confirmed_minor, &issued) else {
        return Ok(Some("nothing could be issued under its terms"));
    };
    let fee = terms.billed_settlement(row.confirmed_minor, row.face_minor);
    // A fee on the sold part is billed once nothing more can be sold.
    let rule = row.fee_rule()?;
    let may_be_sold = rule == FeeRule::OfSold && [ReceivableState::Issued, ReceivableState::Active].contains(&row.state);
    let to_bill_minor = if may_be_sold { 0 } else { rule.due(fee, sold_minor).unwrap_or(-1) };
    let amounts = [
        (row.face_minor, split.face_minor, "its face is not what its programme's terms give"),
        (row.reserve_minor, split.reserve_minor, "its reserve is not what its programme's terms give"),
        (
            row.sellable_minor,
            terms.sellable_minor(row.confirmed_minor, split.face_minor),
            "what may be sold is not its programme's advance",
        ),
        (row.settlement_fee_minor, split.settlement_fee_minor, "its settlement fee is not its programme's"),
        (billed_minor, to_bill_minor, "its settlement fee is not what its buyer was billed"),
        (row.purchase_fee_bps, issued.purchase_fee.bps, "its purchase fee is not its programme's"),
        (row.minimum_fee_minor, issued.purchase_fee.minimum_minor, "its least fee is not its programme's"),
        (row.minimum_ticket_minor, issued.minimum_ticket_minor, "its least ticket is not its programme's"),
        (row.grace_days, issued.grace_days, "its days of grace are not its programme's"),
    ];
    if let Some((.., problem)) = amounts.iter().find(|(kept, made, _)| kept != made) {
        return Ok(Some(problem));
    }
    let words = row.fee_bearer == version.fee_bearer && row.recourse == version.recourse;
    Ok((!words || version.state != VersionState::Approved)
        .then_some("who bears its fees, or its recourse, is not its programme's"))
}

fn compare_terms(conn: &mut Conn) -> Result<Option<Finding>> {
    let versions = ProgrammeVersion::list_where(conn, "1 = 1", &[])?;
    let versions: HashMap<(ProgrammeId, i64), ProgrammeVersion> =
        versions.into_iter().map(|row| ((row.programme_id, row.version), row)).collect();
    let programmes: HashMap<ProgrammeId, Programme> =
        Programme::list_where(conn, "1 = 1", &[])?.into_iter().map(|row| (row.id, row)).collect();
    let sql = "SELECT receivable_id, amount_minor FROM fee_bills WHERE purchase_id IS NULL";
    let billed: HashMap<ReceivableId, i64> =
        query::list::<Settlement>(conn, sql, &[])?.into_iter().map(|row| (row.receivable_id, row.amount_minor)).collect();
    let sql = "SELECT receivable_id, CAST(SUM(units_minor - left_minor - reserved_minor) AS BIGINT) AS amount_minor FROM offers GROUP BY receivable_id";
    let sold: HashMap<ReceivableId, i64> =
        query::list::<Settlement>(conn, sql, &[])?.into_iter().map(|row| (row.receivable_id, row.amount_minor)).collect();
    let mut last = ReceivableId(i64::MIN);
    loop {
        let condition = "programme_id IS NOT NULL AND id > ? ORDER BY id LIMIT 5000";
        let rows = Receivable::list_where(conn, condition, &[last.into()])?;
        let Some(newest) = rows.last() else { break };
        last = newest.id;
        for row in &rows {
            let place = format!("receivables {}", row.id);
            let id = row.programme_id.unwrap_or_default();
            let (Some(version), Some(programme)) = (versions.get(&(id, row.programme_version)), programmes.get(&id)) else {
                return Ok(finding(place, "its programme has no such terms"));
            };
            if (programme.buyer_id, &programme.currency) != (row.buyer_id, &row.currency) {
                return Ok(finding(place, "its programme is another buyer's, or in another currency"));
            }
            let settlement_minor = billed.get(&row.id).copied().unwrap_or(0);
            if let Some(problem) = difference(row, version, (settlement_minor, sold.get(&row.id).copied().unwrap_or(0)))? {
                return Ok(finding(place, problem));
            }
        }
    }
    Ok(None)
}

/// The bills of every buyer sum to the amount that the journal has billed to it and taken from its cash.
fn compare_ledger(conn: &mut Conn, replay: &Replay) -> Result<Option<Finding>> {
    let sql = "SELECT buyer_id, currency, CAST(SUM(amount_minor) AS BIGINT) AS amount_minor, CAST(SUM(paid_minor) AS BIGINT) AS paid_minor \
               FROM fee_bills GROUP BY buyer_id, currency ORDER BY buyer_id, currency";
    let mut kept: HashMap<(RecordId, i64), (i64, i64)> = HashMap::new();
    for row in query::list::<Billed>(conn, sql, &[])? {
        let asset = domain::Currency::parse(&row.currency).map_or(0, |known| currency_asset(known).0);
        kept.insert((row.buyer_id.into(), asset), (row.amount_minor, row.paid_minor));
    }
    let mut accounts: Vec<(&i64, &(i64, i64))> = replay.fees.0.iter().collect();
    accounts.sort_unstable();
    for (id, booked) in accounts {
        let Some(account) = replay.accounts.get(id) else { continue };
        let known = kept.remove(&(account.owner_id, account.asset_id)).unwrap_or_default();
        if account.kind != AccountKind::Claim || known != *booked {
            let problem = format!(
                "fees of {} were billed to company {} and {} of them paid, its bills say {} and {}",
                booked.0, account.owner_id, booked.1, known.0, known.1
            );
            return Ok(finding(format!("fee_bills of {}", account.owner_id), problem));
        }
    }
    let left = kept.keys().min();
    Ok(left.and_then(|(buyer, _)| finding(format!("fee_bills of {buyer}"), "the journal has billed nothing to this company")))
}
