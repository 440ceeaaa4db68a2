//! The business day, the platform's terms and its calendars.

use crate::table::table;
use crate::{Conn, Result};
use chrono::NaiveDate;
use diesel::prelude::*;
use domain::DayCount;
use kernel::RecordId;

table! {
    heads: Heads (id) by RecordId {
        id: RecordId => BigInt,
        next_id: i64 => BigInt,
        last_transfer: i64 => BigInt,
        last_audit: i64 => BigInt,
        business_date: NaiveDate => Date,
        custody_iban: String => Text,
        /// The log's complete subtrees, largest first, hexadecimal one after the other.
        log_frontier: String => Text,
        /// The secret from which the log's salts are made; it never leaves the database.
        log_secret: String => Text,
    }
}

table! {
    issue_terms: IssueTermsRow (currency), marked {
        currency: String => Text,
        reserve_bps: i64 => BigInt,
        settlement_fee_bps: i64 => BigInt,
        purchase_fee_bps: i64 => BigInt,
        minimum_fee_minor: i64 => BigInt,
        minimum_ticket_minor: i64 => BigInt,
        late_rate: String => Text,
        late_day_count: DayCount => Text,
        grace_days: i64 => BigInt,
        /// The largest credit of a notification that is booked before its statement; none: the platform's own.
        notice_credit_minor: Option<i64> => Nullable<BigInt>,
        /// Days overdue that the platform tolerates before it stops a buyer; none: not a day.
        tolerated_overdue_days: Option<i64> => Nullable<BigInt>,
    }
}

table! {
    holidays: Holiday (currency, day), marked {
        currency: String => Text,
        day: NaiveDate => Date,
        business: bool => Bool,
    }
}

/// The terms of a currency, if it is traded here.
pub fn find_issue_terms(conn: &mut Conn, currency: &str) -> Result<Option<IssueTermsRow>> {
    Ok(issue_terms::table.filter(issue_terms::currency.eq(currency)).first(conn).optional()?)
}

/// The terms of every currency that is traded here, by its code.
pub fn list_issue_terms(conn: &mut Conn) -> Result<Vec<IssueTermsRow>> {
    Ok(issue_terms::table.order(issue_terms::currency).load(conn)?)
}

/// The operator's own days of every currency, by day.
pub fn list_holidays(conn: &mut Conn) -> Result<Vec<Holiday>> {
    Ok(holidays::table.order((holidays::day, holidays::currency)).load(conn)?)
}

/// The operator's own days of one currency.
pub fn list_holidays_of(conn: &mut Conn, currency: &str) -> Result<Vec<Holiday>> {
    Ok(holidays::table.filter(holidays::currency.eq(currency)).load(conn)?)
}
