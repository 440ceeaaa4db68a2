//! What the bank says against what the books say, per currency, and what the difference is made of.

use crate::query;
use crate::records::Record;
use crate::rows::Statement;
use crate::{Conn, Result};
use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Text};
use domain::Currency;
use domain::chart::{AccountKey, currency_asset};

/// Books less bank, in parts. All minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub currency: String,
    /// The newest statement with a closing balance.
    pub statement_id: i64,
    pub to_date: Option<NaiveDate>,
    pub closing_minor: i64,
    /// The custody account now.
    pub ledger_minor: i64,
    /// Lines that wait for a person: the bank has booked them and the books have not.
    pub attention_minor: i64,
    /// Receipts that people recorded and no file has brought yet.
    pub recorded_minor: i64,
    /// What statements and notifications after this one have booked.
    pub later_minor: i64,
    /// Lines that were explained without a booking.
    pub explained_minor: i64,
}

impl Comparison {
    #[must_use]
    pub fn difference_minor(&self) -> i64 {
        self.ledger_minor.saturating_sub(self.closing_minor)
    }
    /// What none of the parts explains.
    #[must_use]
    pub fn unexplained_minor(&self) -> i64 {
        [self.attention_minor, self.recorded_minor, self.later_minor, self.explained_minor]
            .iter()
            .fold(self.difference_minor(), |rest, part| rest.saturating_sub(*part))
    }
}

#[derive(diesel::QueryableByName)]
struct Code {
    #[diesel(sql_type = Text)]
    currency: String,
}

/// Compares every currency of which the bank has said a balance.
pub fn compare_all(conn: &mut Conn) -> Result<Vec<Comparison>> {
    let sql = "SELECT DISTINCT currency FROM statements WHERE closing_minor IS NOT NULL ORDER BY currency";
    let mut found = Vec::new();
    for code in query::list::<Code>(conn, sql, &[])? {
        found.extend(compare(conn, &code.currency, None)?);
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
}

/// The newest statement in the currency that says a closing balance.
fn find_newest(conn: &mut Conn, currency: &str) -> Result<Option<Statement>> {
    let condition = "currency = ? AND closing_minor IS NOT NULL AND to_date IS NOT NULL ORDER BY to_date DESC, id DESC LIMIT 1";
    Statement::find_where(conn, condition, &[currency.into()])
}

fn custody_minor(conn: &mut Conn, currency: Currency) -> Result<i64> {
    let custody = AccountKey::custody(currency_asset(currency));
    Ok(crate::journal::list_accounts(conn, &[custody])?.first().map_or(0, |account| account.balance))
}

/// Books less bank now, where the bank has said a balance; quicker than its parts.
pub fn difference(conn: &mut Conn, currency: Currency) -> Result<Option<i64>> {
    let closing = find_newest(conn, currency.code())?.and_then(|row| row.closing_minor);
    let Some(closing) = closing else { return Ok(None) };
    Ok(Some(custody_minor(conn, currency)?.saturating_sub(closing)))
}

/// Compares the books with this statement, or with the newest one; nothing where there is no balance to compare with.
pub fn compare(conn: &mut Conn, currency: &str, statement: Option<&Statement>) -> Result<Option<Comparison>> {
    let newest = match statement {
        Some(row) => Some(row.clone()),
        None => find_newest(conn, currency)?,
    };
    let Some((row, closing_minor)) = newest.and_then(|row| row.closing_minor.map(|closing| (row, closing))) else {
        return Ok(None);
    };
    let Some(known) = Currency::parse(currency) else { return Ok(None) };
    let ledger_minor = custody_minor(conn, known)?;
    let to_date = row.to_date.unwrap_or(NaiveDate::MAX);
    // A line of a later day, of a later statement of the day, or of a notification after it, is not in this closing balance.
    let later = "(s.id IS NOT NULL AND (l.booking_date > ? OR (l.booking_date = ? AND s.id > ?)))";
    let signed = "CASE l.direction WHEN 'in' THEN l.amount_minor ELSE -l.amount_minor END";
    // What a line has put into custody; a receipt that people recorded is booked by itself, not by the line that confirms it.
    let booked = "l.state NOT IN ('skipped', 'attention', 'explained')";
    // What is only announced is in no closing balance: its statement brings it.
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(CASE WHEN l.state = 'attention' AND l.kind <> 'announced' AND l.currency = s.currency AND NOT {later} THEN -({signed}) ELSE 0 END), 0) AS BIGINT) AS attention, \
         CAST(COALESCE(SUM(CASE WHEN l.kind = 'recorded' AND l.state = 'matched' AND l.statement_id = 0 AND l.twin_id IS NULL THEN l.amount_minor ELSE 0 END), 0) AS BIGINT) AS recorded, \
         CAST(COALESCE(SUM(CASE WHEN {booked} AND {later} THEN {signed} ELSE 0 END), 0) AS BIGINT) AS later, \
         CAST(COALESCE(SUM(CASE WHEN l.state = 'explained' AND l.kind <> 'announced' AND l.currency = s.currency AND NOT {later} THEN -({signed}) ELSE 0 END), 0) AS BIGINT) AS explained \
         FROM bank_lines l LEFT JOIN statements s ON s.id = l.statement_id WHERE l.currency = ?"
    );
    let place = || [to_date.into(), to_date.into(), row.id.into()];
    let binds: Vec<crate::Bind> = place().into_iter().chain(place()).chain(place()).chain([currency.into()]).collect();
    let parts: Option<Parts> = query::find(conn, &sql, &binds)?;
    let parts = parts.unwrap_or(Parts { attention: 0, recorded: 0, later: 0, explained: 0 });
    Ok(Some(Comparison {
        currency: currency.to_owned(),
        statement_id: row.id,
        to_date: row.to_date,
        closing_minor,
        ledger_minor,
        attention_minor: parts.attention,
        recorded_minor: parts.recorded,
        later_minor: parts.later,
        explained_minor: parts.explained,
    }))
}
