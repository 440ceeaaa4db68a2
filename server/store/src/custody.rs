//! Questions about the platform's accounts at banks: the account of a statement, the current account, and the balance of each.

use crate::query;
use crate::table::table;
use crate::{Conn, Payout, Result};
use chrono::NaiveDate;
use diesel::prelude::*;
use domain::Currency;
use domain::bank_account::BankAccountNumber;
use domain::chart::{AccountKey, currency_asset};
use domain::custody::{CustodyFacts, CustodyState, current};
use kernel::UserId;
use kernel::{CustodyId, PartyId};

table! {
    /// One of the platform's accounts at a bank. Its number is the owner of its ledger accounts; 0 is the account of the
    /// founding.
    custody_accounts: CustodyAccount (id) by CustodyId, marked {
        id: CustodyId => BigInt,
        iban: String => Text,
        bic: String => Text,
        bank: String => Text,
        holder: String => Text,
        /// The one currency that it carries; empty: every currency.
        currency: String => Text,
        /// `open`, `closing` or `closed`.
        state: CustodyState => Text,
        reason: String => Text,
        opened_on: NaiveDate => Date,
        closing_on: Option<NaiveDate> => Nullable<Date>,
        closed_on: Option<NaiveDate> => Nullable<Date>,
        proposed_by: UserId => BigInt,
        agreed_by: UserId => BigInt,
    }
}

table! {
    /// The account of a currency that pays out and that payers pay to.
    custody_choices: CustodyChoice (currency), marked {
        currency: String => Text,
        account_id: CustodyId => BigInt,
        chosen_on: NaiveDate => Date,
        chosen_by: UserId => BigInt,
        agreed_by: UserId => BigInt,
    }
}

/// The account of the founding.
pub const FIRST: CustodyId = CustodyId(0);

impl CustodyAccount {
    #[must_use]
    pub fn facts(&self) -> CustodyFacts<'_> {
        CustodyFacts { id: self.id, currency: &self.currency, state: self.state }
    }

    /// The account as its own bank calls it.
    #[must_use]
    pub fn number(&self) -> String {
        BankAccountNumber::parse(&self.iban).map_or_else(|| self.iban.clone(), |known| known.number().to_owned())
    }

    #[must_use]
    pub fn carries(&self, currency: &str) -> bool {
        self.currency.is_empty() || self.currency == currency
    }
}

/// All of them, the oldest first. They are few.
pub fn list(conn: &mut Conn) -> Result<Vec<CustodyAccount>> {
    Ok(custody_accounts::table.filter(custody_accounts::id.ge(FIRST)).order(custody_accounts::id).load(conn)?)
}

/// The account that a bank's file calls so: by its IBAN, or its own number where it has none.
pub fn find_reported(conn: &mut Conn, account: &str) -> Result<Option<CustodyAccount>> {
    Ok(list(conn)?.into_iter().find(|row| named(row, account)))
}

/// Whether a bank's file means this account: it says the whole of it, or the number alone.
#[must_use]
pub fn named(row: &CustodyAccount, account: &str) -> bool {
    !account.is_empty() && (row.iban == account || row.number() == account)
}

/// The account of a currency that now pays out and that payers pay to.
pub fn find_current(conn: &mut Conn, currency: &str) -> Result<Option<CustodyAccount>> {
    let rows = list(conn)?;
    let choice = custody_choices::table.filter(custody_choices::currency.eq(currency)).select(custody_choices::account_id);
    let chosen = choice.first::<CustodyId>(conn).optional()?;
    let facts = rows.iter().map(CustodyAccount::facts).collect::<Vec<_>>();
    let id = current(&facts, chosen, currency);
    Ok(rows.into_iter().find(|row| Some(row.id) == id))
}

/// The currencies of the platform for which the account is the current one.
pub fn current_for(conn: &mut Conn, account: CustodyId) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for terms in crate::days::list_issue_terms(conn)? {
        if find_current(conn, &terms.currency)?.is_some_and(|row| row.id == account) {
            found.push(terms.currency);
        }
    }
    Ok(found)
}

/// The account's balance by the books in a currency. Minor units.
pub fn balance_minor(conn: &mut Conn, account: CustodyId, currency: Currency) -> Result<i64> {
    let key = AccountKey::custody(account, currency_asset(currency));
    Ok(crate::journal::list_accounts(conn, &[key])?.first().map_or(0, |row| row.balance))
}

/// The same in every currency in which anything was ever booked on it.
pub fn balances(conn: &mut Conn, account: CustodyId) -> Result<Vec<(Currency, i64)>> {
    let rows: Vec<crate::AccountRow> = query::list(
        conn,
        "SELECT * FROM ledger_accounts WHERE kind = 'custody' AND owner_id = ? ORDER BY asset_id",
        &[account.into()],
    )?;
    let of = |row: crate::AccountRow| Some((domain::chart::asset_currency(ledger::AssetId(row.asset_id))?, row.balance));
    Ok(rows.into_iter().filter_map(of).collect())
}

/// States of a payout that is in a payment file and that the bank has not ended.
const IN_FILES: &str = "state IN ('sent', 'accepted', 'pending', 'unknown')";

/// The amount that payment files still draw on the account. Minor units.
pub fn in_files_minor(conn: &mut Conn, account: CustodyId, currency: &str) -> Result<i64> {
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) AS value FROM payouts WHERE custody_id = ? AND currency = ? AND {IN_FILES}"
    );
    Ok(query::int(conn, &sql, &[account.into(), currency.into()])?.unwrap_or(0))
}

/// Money that the books have on the account and no statement of it has shown yet: transfers from the platform's other accounts.
pub fn on_the_way_minor(conn: &mut Conn, account: CustodyId, currency: &str) -> Result<i64> {
    let sql = "SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) AS value FROM bank_lines WHERE transfer_id = ? AND currency = ? \
               AND kind = 'own_transfer' AND state = 'matched' AND direction = 'out' AND twin_id IS NULL";
    Ok(query::int(conn, sql, &[account.into(), currency.into()])?.unwrap_or(0))
}

/// The amount that a new payment file may draw on it. Minor units.
pub fn available_minor(conn: &mut Conn, account: CustodyId, currency: Currency) -> Result<i64> {
    let ledger = balance_minor(conn, account, currency)?;
    let files = in_files_minor(conn, account, currency.code())?;
    Ok(domain::custody::available_minor(ledger, files, on_the_way_minor(conn, account, currency.code())?))
}

/// Counts the account's lines that wait for a person, its payouts that the bank has not ended, and its transfers with a missing
/// line.
pub fn waiting(conn: &mut Conn, account: CustodyId) -> Result<i64> {
    let sql = format!(
        "SELECT (SELECT COUNT(*) FROM bank_lines WHERE custody_id = ? AND state = 'attention') \
         + (SELECT COUNT(*) FROM payouts WHERE custody_id = ? AND {IN_FILES}) \
         + (SELECT COUNT(*) FROM bank_lines WHERE (custody_id = ? OR transfer_id = ?) AND kind = 'own_transfer' AND state = 'matched' \
            AND twin_id IS NULL) AS value"
    );
    let id = || account.into();
    Ok(query::int(conn, &sql, &[id(), id(), id(), id()])?.unwrap_or(0))
}

#[derive(diesel::QueryableByName)]
struct Told {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    buyer_id: PartyId,
}

/// Buyers that still owe in the currency and whose notice names another account to pay to than this one.
pub fn told_elsewhere(conn: &mut Conn, iban: &str, currency: &str) -> Result<Vec<PartyId>> {
    let sql = "SELECT DISTINCT n.buyer_id FROM assignment_notices n JOIN receivables r ON r.id = n.id \
               WHERE r.currency = ? AND r.paid_minor < r.confirmed_minor AND n.pay_to_iban <> ? ORDER BY n.buyer_id";
    let rows: Vec<Told> = query::list(conn, sql, &[currency.into(), iban.into()])?;
    Ok(rows.into_iter().map(|row| row.buyer_id).collect())
}

/// The first of these payouts that a file can hold before the account would have less than nothing.
#[must_use]
pub fn covered(payouts: &[Payout], available_minor: i64) -> usize {
    let mut left = available_minor;
    payouts
        .iter()
        .take_while(|row| {
            left = left.saturating_sub(row.amount_minor);
            left >= 0
        })
        .count()
}
