//! The bank's balance against the books, by account at the bank and currency, and the parts of the difference.

use crate::Statement;
use crate::bank::find_newest_statement;
use crate::custody::balance_minor;
use crate::query;
use crate::{Conn, Result};
use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Text};
use domain::Currency;
use kernel::{CustodyId, StatementId};

/// Books less bank, in parts. All minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The platform's account at the bank.
    pub custody_id: CustodyId,
    pub currency: String,
    /// The newest statement with a closing balance.
    pub statement_id: StatementId,
    pub to_date: Option<NaiveDate>,
    pub closing_minor: i64,
    /// The account by the books now.
    pub ledger_minor: i64,
    /// Lines that wait for a person: the bank has booked them and the books have not.
    pub attention_minor: i64,
    /// Receipts that people recorded and no file has brought yet.
    pub recorded_minor: i64,
    /// The amount that statements and notifications after this one have booked.
    pub later_minor: i64,
    /// Lines that were explained without a booking.
    pub explained_minor: i64,
    /// Transfers between the platform's own accounts that the other account's statement has reported, and this one's has not.
    pub transit_minor: i64,
}

impl Comparison {
    #[must_use]
    pub fn difference_minor(&self) -> i64 {
        self.ledger_minor.saturating_sub(self.closing_minor)
    }
    /// The amount that none of the parts explains.
    #[must_use]
    pub fn unexplained_minor(&self) -> i64 {
        [self.attention_minor, self.recorded_minor, self.later_minor, self.explained_minor, self.transit_minor]
            .iter()
            .fold(self.difference_minor(), |rest, part| rest.saturating_sub(*part))
    }
}

#[derive(diesel::QueryableByName)]
struct Place {
    #[diesel(sql_type = BigInt)]
    custody_id: CustodyId,
    #[diesel(sql_type = Text)]
    currency: String,
}

/// Compares every account and currency of which the bank has said a balance.
pub fn compare_all(conn: &mut Conn) -> Result<Vec<Comparison>> {
    let sql =
        "SELECT DISTINCT custody_id, currency FROM statements WHERE closing_minor IS NOT NULL ORDER BY currency, custody_id";
    let mut found = Vec::new();
    for place in query::list::<Place>(conn, sql, &[])? {
        found.extend(compare(conn, (place.custody_id, &place.currency), None)?);
    }
    Ok(found)
}

/// The same of one account.
pub fn compare_account(conn: &mut Conn, custody_id: CustodyId) -> Result<Vec<Comparison>> {
    let sql = "SELECT DISTINCT custody_id, currency FROM statements WHERE closing_minor IS NOT NULL AND custody_id = ? ORDER BY currency";
    let mut found = Vec::new();
    for place in query::list::<Place>(conn, sql, &[custody_id.into()])? {
        found.extend(compare(conn, (place.custody_id, &place.currency), None)?);
    }
    Ok(found)
}

#[derive(diesel::QueryableByName)]
struct Parts {
    #[diesel(sql_type = BigInt)]
    attention: i64,
    #[diesel(sql_type = BigInt)]
    recorded: i64,
    #[diesel(sql_type = BigInt)]
    later: i64,
    #[diesel(sql_type = BigInt)]
    explained: i64,
    #[diesel(sql_type = BigInt)]
    transit: i64,
}

/// Books less bank now, over all accounts of which the bank has said a balance in the currency; quicker than its parts.
pub fn difference(conn: &mut Conn, currency: Currency) -> Result<Option<i64>> {
    let mut sum = None;
    for account in crate::custody::list(conn)? {
        let closing = find_newest_statement(conn, account.id, currency.code())?.and_then(|row| row.closing_minor);
        let Some(closing) = closing else { continue };
        let minor = balance_minor(conn, account.id, currency)?.saturating_sub(closing);
        sum = Some(minor.saturating_add(sum.unwrap_or(0)));
    }
    Ok(sum)
}

/// Compares the books with this statement, or with the account's newest one; nothing where there is no balance to compare with.
pub fn compare(
    conn: &mut Conn,
    (custody_id, currency): (CustodyId, &str),
    statement: Option<&Statement>,
) -> Result<Option<Comparison>> {
    let newest = match statement {
        Some(row) => Some(row.clone()),
        None => find_newest_statement(conn, custody_id, currency)?,
    };
    let Some((row, closing_minor)) = newest.and_then(|row| row.closing_minor.map(|closing| (row, closing))) else {
        return Ok(None);
    };
    let Some(known) = Currency::parse(currency) else { return Ok(None) };
    let ledger_minor = balance_minor(conn, custody_id, known)?;
    let to_date = row.to_date.unwrap_or(NaiveDate::MAX);
    // A line of a later day, of a later statement of the day, or of a notification after it, is not in this closing balance.
    let later = "(s.id IS NOT NULL AND (l.booking_date > ? OR (l.booking_date = ? AND s.id > ?)))";
    let signed = "CASE l.direction WHEN 'in' THEN l.amount_minor ELSE -l.amount_minor END";
    // The amount that a line has put into custody. A receipt that people recorded is booked by itself, not by the line that
    // confirms it.
    let booked = "l.state NOT IN ('skipped', 'attention', 'explained')";
    // A transfer is booked by the first of its two lines, on both accounts.
    let transit = "(SELECT CAST(COALESCE(SUM(CASE t.direction WHEN 'out' THEN t.amount_minor ELSE -t.amount_minor END), 0) AS BIGINT) FROM bank_lines t \
                   WHERE t.transfer_id = ? AND t.currency = ? AND t.kind = 'own_transfer' AND t.state = 'matched' AND t.twin_id IS NULL)";
    // An announced line is in no closing balance: its statement brings it.
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(CASE WHEN l.state = 'attention' AND l.kind <> 'announced' AND l.currency = s.currency AND NOT {later} THEN -({signed}) ELSE 0 END), 0) AS BIGINT) AS attention, \
         CAST(COALESCE(SUM(CASE WHEN l.kind = 'recorded' AND l.state = 'matched' AND l.statement_id = 0 AND l.twin_id IS NULL THEN l.amount_minor ELSE 0 END), 0) AS BIGINT) AS recorded, \
         CAST(COALESCE(SUM(CASE WHEN {booked} AND {later} THEN {signed} ELSE 0 END), 0) AS BIGINT) AS later, \
         CAST(COALESCE(SUM(CASE WHEN l.state = 'explained' AND l.kind <> 'announced' AND l.currency = s.currency AND NOT {later} THEN -({signed}) ELSE 0 END), 0) AS BIGINT) AS explained, {transit} AS transit \
         FROM bank_lines l LEFT JOIN statements s ON s.id = l.statement_id WHERE l.currency = ? AND l.custody_id = ?"
    );
    let place = || [to_date.into(), to_date.into(), row.id.into()];
    let of = [custody_id.into(), currency.into(), currency.into(), custody_id.into()];
    let binds: Vec<crate::Bind> = place().into_iter().chain(place()).chain(place()).chain(of).collect();
    let parts: Option<Parts> = query::find(conn, &sql, &binds)?;
    let parts = parts.unwrap_or(Parts { attention: 0, recorded: 0, later: 0, explained: 0, transit: 0 });
    Ok(Some(Comparison {
        custody_id,
        currency: currency.to_owned(),
        statement_id: row.id,
        to_date: row.to_date,
        closing_minor,
        ledger_minor,
        attention_minor: parts.attention,
        recorded_minor: parts.recorded,
        later_minor: parts.later,
        explained_minor: parts.explained,
        transit_minor: parts.transit,
    }))
}
