//! How buyers stand: payments that have not come, and the market's figures about a buyer beside its debts.

use crate::query::{self, Bind};
use crate::{Conn, Result};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Date, Nullable};
use domain::standing::Unpaid;
use kernel::PartyId;
use std::collections::{BTreeMap, HashMap};

/// The figures that the market shows about a buyer, counted over all its suppliers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuyerRecord {
    /// Payments past their grace.
    pub overdue: i64,
    /// The payment date of the oldest of them.
    pub oldest: Option<NaiveDate>,
    /// The first day on which one of them was overdue.
    pub since: Option<NaiveDate>,
    /// Payments past their date, in their grace.
    pub late: i64,
    /// Invoices that it disputes.
    pub disputed: i64,
}

/// The same of those with one grace.
#[derive(QueryableByName)]
struct RecordRow {
    #[diesel(sql_type = BigInt)]
    buyer_id: PartyId,
    #[diesel(sql_type = BigInt)]
    grace_days: i64,
    #[diesel(sql_type = BigInt)]
    overdue: i64,
    #[diesel(sql_type = Nullable<Date>)]
    oldest: Option<NaiveDate>,
    #[diesel(sql_type = BigInt)]
    late: i64,
    #[diesel(sql_type = BigInt)]
    disputed: i64,
}

fn earlier(one: Option<NaiveDate>, other: Option<NaiveDate>) -> Option<NaiveDate> {
    one.into_iter().chain(other).min()
}

#[derive(QueryableByName)]
struct UnpaidRow {
    #[diesel(sql_type = BigInt)]
    buyer_id: PartyId,
    #[diesel(sql_type = Date)]
    payment_date: NaiveDate,
    #[diesel(sql_type = BigInt)]
    grace_days: i64,
    #[diesel(sql_type = BigInt)]
    tolerated_days: i64,
}

/// Late interest alone does not stop a buyer.
const UNPAID: &str = "r.state IN ('matured', 'part_redeemed', 'overdue') AND r.paid_minor < r.confirmed_minor";

/// Payments of before `today` that have not come, by buyer: of one, or of all.
pub fn list_unpaid(conn: &mut Conn, buyer: Option<PartyId>, today: NaiveDate) -> Result<BTreeMap<PartyId, Vec<Unpaid>>> {
    let whose = if buyer.is_some() { " AND r.buyer_id = ?" } else { "" };
    // Of those with the same grace the oldest decides.
    let sql = format!(
        "SELECT r.buyer_id, MIN(r.payment_date) AS payment_date, r.grace_days, COALESCE(t.tolerated_overdue_days, 0) AS tolerated_days \
         FROM receivables r LEFT JOIN issue_terms t ON t.currency = r.currency WHERE {UNPAID} AND r.payment_date < ?{whose} \
         GROUP BY r.buyer_id, r.grace_days, COALESCE(t.tolerated_overdue_days, 0)"
    );
    let binds: Vec<Bind> = std::iter::once(today.into()).chain(buyer.map(Bind::from)).collect();
    let mut by_buyer: BTreeMap<PartyId, Vec<Unpaid>> = BTreeMap::new();
    for row in query::list::<UnpaidRow>(conn, &sql, &binds)? {
        let unpaid = Unpaid { payment_date: row.payment_date, grace_days: row.grace_days, tolerated_days: row.tolerated_days };
        by_buyer.entry(row.buyer_id).or_default().push(unpaid);
    }
    Ok(by_buyer)
}

/// The figures of these buyers. A buyer without any figure is not among them.
pub fn list_records(conn: &mut Conn, buyers: &[PartyId], today: NaiveDate) -> Result<HashMap<PartyId, BuyerRecord>> {
    if buyers.is_empty() {
        return Ok(HashMap::new());
    }
    let (among, list) = query::among(conn, "r.buyer_id", buyers);
    let sql = format!(
        "SELECT buyer_id, grace_days, CAST(SUM(overdue) AS BIGINT) AS overdue, MIN(oldest) AS oldest, CAST(SUM(late) AS BIGINT) AS late, \
         CAST(SUM(disputed) AS BIGINT) AS disputed FROM (\
           SELECT r.buyer_id, r.grace_days, CASE WHEN r.state = 'overdue' THEN 1 ELSE 0 END AS overdue, \
             CASE WHEN r.state = 'overdue' THEN r.payment_date END AS oldest, CASE WHEN r.state = 'overdue' THEN 0 ELSE 1 END AS late, \
             0 AS disputed FROM receivables r WHERE {UNPAID} AND r.payment_date < ? AND {among} UNION ALL \
           SELECT r.buyer_id, 0, 0, CAST(NULL AS DATE), 0, 1 FROM invoices r WHERE r.state = 'disputed' AND {among}) x GROUP BY buyer_id, grace_days"
    );
    let mut records: HashMap<PartyId, BuyerRecord> = HashMap::new();
    for row in query::list::<RecordRow>(conn, &sql, &[today.into(), list.clone(), list])? {
        let record = records.entry(row.buyer_id).or_default();
        let since = row
            .oldest
            .and_then(|payment_date| Unpaid { payment_date, grace_days: row.grace_days, tolerated_days: 0 }.overdue_from());
        record.since = earlier(record.since, since);
        record.oldest = earlier(record.oldest, row.oldest);
        record.overdue = record.overdue.saturating_add(row.overdue);
        record.late = record.late.saturating_add(row.late);
        record.disputed = record.disputed.saturating_add(row.disputed);
    }
    Ok(records)
}
