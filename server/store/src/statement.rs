//! The subjects of the lines of a cash statement: the invoice, the counterparty, the reference.

use crate::journal::StatementLine;
use crate::query::{self, Bind};
use crate::{Conn, Result};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use domain::chart::Booking;
use kernel::{InvoiceId, PartyId, ReceivableId};
use std::collections::HashMap;

/// The subject of one line; zero and empty where it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, QueryableByName)]
pub struct About {
    #[diesel(sql_type = BigInt)]
    pub transfer: i64,
    #[diesel(sql_type = BigInt)]
    pub receivable_id: ReceivableId,
    #[diesel(sql_type = BigInt)]
    pub invoice_id: InvoiceId,
    #[diesel(sql_type = Text)]
    pub invoice: String,
    #[diesel(sql_type = BigInt)]
    pub buyer_id: PartyId,
    #[diesel(sql_type = Text)]
    pub counterparty: String,
    #[diesel(sql_type = Text)]
    pub reference: String,
}

fn codes(bookings: &[Booking]) -> String {
    bookings.iter().map(|booking| booking.code().0.to_string()).collect::<Vec<_>>().join(", ")
}

/// The subjects of these lines of an account, by the transfer's number.
pub fn list_about(conn: &mut Conn, account: i64, lines: &[StatementLine]) -> Result<HashMap<i64, About>> {
    let numbers: Vec<i64> = lines.iter().map(|line| line.number).collect();
    let (among, list) = query::among_numbers(conn, "t.number", &numbers);
    let purchase = codes(&[Booking::PurchasePrice, Booking::PurchaseFee]);
    let payout = codes(&[Booking::PayoutHold, Booking::PayoutDone, Booking::PayoutFailed]);
    let waiting = codes(&[Booking::PurchaseHold, Booking::PurchaseHoldEnd]);
    // The other side of the leg: a company's cash, or the collection account of a receivable, whose money is the buyer's.
    let sql = format!(
        "SELECT t.number AS transfer, COALESCE(r.id, 0) AS receivable_id, COALESCE(i.id, 0) AS invoice_id, COALESCE(i.number, '') AS invoice, \
         COALESCE(r.buyer_id, 0) AS buyer_id, COALESCE(p.name, y.holder, '') AS counterparty, COALESCE(y.end_to_end, '') AS reference \
         FROM transfers t JOIN ledger_accounts d ON d.id = t.debit_account LEFT JOIN ledger_accounts c ON c.id = t.credit_account \
         LEFT JOIN audit a ON a.seq = t.command AND t.code IN ({purchase}) \
         LEFT JOIN payouts y ON y.hold_number = COALESCE(t.hold, t.number) AND t.code IN ({payout}) \
         LEFT JOIN purchase_holds q ON q.hold_number = COALESCE(t.hold, t.number) AND t.code IN ({waiting}) \
         LEFT JOIN offers o ON o.id = q.offer_id \
         LEFT JOIN receivables r ON r.id = CASE WHEN d.kind = 'collection' THEN d.owner_id WHEN c.kind = 'collection' THEN c.owner_id \
           WHEN a.seq IS NOT NULL THEN a.subject_id ELSE o.receivable_id END \
         LEFT JOIN invoices i ON i.id = r.invoice_id \
         LEFT JOIN parties p ON p.id = CASE WHEN d.kind = 'collection' OR c.kind = 'collection' THEN r.buyer_id \
           WHEN o.id IS NOT NULL THEN o.supplier_id WHEN t.debit_account = ? AND c.kind = 'cash' THEN c.owner_id \
           WHEN t.debit_account <> ? AND d.kind = 'cash' THEN d.owner_id END \
         WHERE {among}"
    );
    let rows = query::list::<About>(conn, &sql, &[Bind::Int(account), Bind::Int(account), list])?;
    Ok(rows.into_iter().map(|row| (row.transfer, row)).collect())
}
