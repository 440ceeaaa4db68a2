//! Lists of payables that are confirmed with one decision: their sums, their counts, and what is still to be confirmed.

use crate::query;
use crate::records::Record;
use crate::{Approval, ConfirmationItem, ConfirmationList};
use crate::{Conn, Result};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use kernel::{InvoiceId, PartyId, UserId};

/// What one line would confirm.
#[derive(Clone, Debug, QueryableByName)]
pub struct Amount {
    #[diesel(sql_type = Text)]
    pub currency: String,
    #[diesel(sql_type = BigInt)]
    pub amount_minor: i64,
}

/// The amounts of all lines that are not excluded.
pub fn list_amounts(conn: &mut Conn, list: i64) -> Result<Vec<Amount>> {
    let sql = "SELECT i.currency, c.amount_minor FROM confirmation_items c JOIN invoices i ON i.id = c.invoice_id \
               WHERE c.list_id = ? AND c.state <> 'excluded' \
               UNION ALL SELECT currency, payable_minor AS amount_minor FROM approved_payables WHERE list_id = ? AND state <> 'excluded'";
    query::list(conn, sql, &[list.into(), list.into()])
}

#[derive(Clone, Debug, QueryableByName)]
pub struct StateCount {
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

pub fn count_by_state(conn: &mut Conn, list: i64) -> Result<Vec<StateCount>> {
    let sql = "SELECT state, COUNT(*) AS count FROM confirmation_items WHERE list_id = ? GROUP BY state";
    query::list(conn, sql, &[list.into()])
}

/// Lists that somebody has decided on and that are not through.
pub fn list_running(conn: &mut Conn) -> Result<Vec<ConfirmationList>> {
    ConfirmationList::list_where(conn, "state = 'running' ORDER BY id", &[])
}

/// At most `most` lines that are still to be confirmed, in their order.
pub fn list_waiting(conn: &mut Conn, list: i64, most: i64) -> Result<Vec<ConfirmationItem>> {
    ConfirmationItem::list_where(conn, "list_id = ? AND state = 'waiting' ORDER BY id LIMIT ?", &[list.into(), most.into()])
}

/// A line as its confirmation repeats it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub party: PartyId,
    pub signer: UserId,
    pub version: &'a str,
    pub invoice: InvoiceId,
    pub amount_minor: i64,
    pub due_date: NaiveDate,
    pub words_hash: &'a str,
}

/// Whether this is a line, still to be confirmed, of a list on which this person has decided alone.
pub fn is_decided_alone(conn: &mut Conn, line: &Line<'_>) -> Result<bool> {
    let condition = "invoice_id = ? AND amount_minor = ? AND due_date = ? AND words_hash = ? AND state = 'waiting' AND list_id IN \
                     (SELECT id FROM confirmation_lists WHERE party_id = ? AND signer_id = ? AND version = ? AND state = 'running' \
                     AND approver_id IS NULL) LIMIT 1";
    let binds = [
        line.invoice.into(),
        line.amount_minor.into(),
        line.due_date.into(),
        line.words_hash.into(),
        line.party.into(),
        line.signer.into(),
        line.version.into(),
    ];
    Ok(ConfirmationItem::find_where(conn, condition, &binds)?.is_some())
}

/// The lines of drafts that hold this invoice.
pub fn list_drafted(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<ConfirmationItem>> {
    let condition = "invoice_id = ? AND state = 'waiting' AND list_id IN (SELECT id FROM confirmation_lists WHERE state = 'draft') ORDER BY id";
    ConfirmationItem::list_where(conn, condition, &[invoice.into()])
}

/// The newest request to a second person that this confirmation follows from: for the invoice alone, or for a list that holds it or
/// has approved it in advance.
pub fn find_request(conn: &mut Conn, invoice: InvoiceId, signer: UserId) -> Result<Option<Approval>> {
    let condition = "maker_id = ? AND ((command = 'confirm_invoice' AND subject_id = ?) OR (command = 'confirm_list' AND subject_id IN \
                     (SELECT list_id FROM confirmation_items WHERE invoice_id = ? AND state = 'waiting' UNION ALL \
                     SELECT list_id FROM approved_payables WHERE invoice_id = ?))) ORDER BY id DESC LIMIT 1";
    Approval::find_where(conn, condition, &[signer.into(), invoice.into(), invoice.into(), invoice.into()])
}
