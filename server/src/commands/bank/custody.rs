//! Which of the platform's accounts at banks a command means: the one that it names, or the current one of the currency.

use crate::batch::Step;
use domain::Refusal;
use domain::custody::may_pay;
use kernel::CustodyId;
use store::records::Keyed;
use store::{Conn, CustodyAccount};

fn named_or_current(conn: &mut Conn, account_id: Option<CustodyId>, currency: &str) -> Step<CustodyAccount> {
    match account_id {
        Some(id) => Ok(CustodyAccount::find(conn, id)?.ok_or_else(|| Refusal::FieldInvalid { field: "account_id".to_owned() })?),
        None => current(conn, currency),
    }
}

/// The account of the currency that pays out and that payers see.
pub fn current(conn: &mut Conn, currency: &str) -> Step<CustodyAccount> {
    let found = store::custody::find_current(conn, currency)?;
    Ok(found.ok_or_else(|| Refusal::CustodyAccountMissing { currency: currency.to_owned() })?)
}

/// An account from which payments in the currency may leave.
pub fn paying(conn: &mut Conn, account_id: Option<CustodyId>, currency: &str) -> Step<CustodyAccount> {
    let row = named_or_current(conn, account_id, currency)?;
    may_pay(&row.facts(), &row.iban, currency)?;
    Ok(row)
}

/// An account that may hold money in the currency. A closing account also qualifies: payers may still pay to it.
pub fn receiving(conn: &mut Conn, account_id: Option<CustodyId>, currency: &str) -> Step<CustodyAccount> {
    let row = named_or_current(conn, account_id, currency)?;
    if !row.carries(currency) {
        return Err(Refusal::CustodyCurrencyOther { account: row.iban, currency: currency.to_owned() }.into());
    }
    if row.state.takes_statements() { Ok(row) } else { Err(Refusal::StateConflict { state: row.state.to_string() }.into()) }
}
