//! Receivables, their notices of assignment, and payments that are being shared out.

use crate::query;
use crate::records::Record;
use crate::table::table;
use crate::{Conn, Result};
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use domain::DayCount;
use domain::pricing::Bearer;
use domain::programme::Recourse;
use domain::receivable::DistributionState;
use domain::receivable::ReceivableState;
use kernel::Blank;
use kernel::DistributionId;
use kernel::InvoiceId;
use kernel::PartyId;
use kernel::ProgrammeId;
use kernel::ReceivableId;
use kernel::ReserveId;
use kernel::UserId;

table! {
    receivables: Receivable (id) by ReceivableId, marked {
        id: ReceivableId => BigInt,
        reserve_asset: ReserveId => BigInt,
        invoice_id: InvoiceId => BigInt,
        supplier_id: PartyId => BigInt,
        buyer_id: PartyId => BigInt,
        currency: String => Text,
        confirmed_minor: i64 => BigInt,
        face_minor: i64 => BigInt,
        reserve_minor: i64 => BigInt,
        settlement_fee_minor: i64 => BigInt,
        settlement_fee_paid_minor: i64 => BigInt,
        purchase_fee_bps: i64 => BigInt,
        minimum_fee_minor: i64 => BigInt,
        minimum_ticket_minor: i64 => BigInt,
        late_rate: String => Text,
        late_day_count: DayCount => Text,
        grace_days: i64 => BigInt,
        due_date: NaiveDate => Date,
        payment_date: NaiveDate => Date,
        interest_from: NaiveDate => Date,
        state: ReceivableState => Text,
        reference: String => Text,
        terms: String => Text,
        terms_hash: String => Text,
        paid_minor: i64 => BigInt,
        created_at: NaiveDateTime => Timestamp,
        held: bool => Bool,
        /// The programme that it was issued under; none where the platform's own terms hold.
        programme_id: Option<ProgrammeId> => Nullable<BigInt>,
        programme_version: i64 => BigInt,
        /// How much of the face the supplier may sell; 0 without a programme, and then it is all of it.
        sellable_minor: i64 => BigInt,
        /// `supplier` or `buyer`; empty without a programme: the supplier.
        fee_bearer: Blank<Bearer> => Text,
        /// `none` or `supplier`; empty without a programme.
        recourse: Blank<Recourse> => Text,
    }
}

table! {
    /// A notice of assignment to a buyer; its id is the receivable's.
    assignment_notices: AssignmentNotice (id) by ReceivableId, marked {
        id: ReceivableId => BigInt,
        buyer_id: PartyId => BigInt,
        text_en: String => Text,
        text_zh: String => Text,
        hash: String => Text,
        pay_to: String => Text,
        pay_to_iban: String => Text,
        given_at: NaiveDateTime => Timestamp,
        acknowledged_by: Option<UserId> => Nullable<BigInt>,
        acknowledged_at: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    late_claims: LateClaim (receivable_id, party_id), marked {
        receivable_id: ReceivableId => BigInt,
        party_id: PartyId => BigInt,
        due_minor: i64 => BigInt,
        paid_minor: i64 => BigInt,
        /// The amount paid before the last accrual was counted in; none where part payments are shared one by one.
        settled_minor: Option<i64> => Nullable<BigInt>,
    }
}

table! {
    distributions: Distribution (id) by DistributionId, marked {
        id: DistributionId => BigInt,
        receivable_id: ReceivableId => BigInt,
        payment_minor: i64 => BigInt,
        value_date: NaiveDate => Date,
        payer: String => Text,
        payer_iban: String => Text,
        /// `waiting`, `running` or `done`.
        state: DistributionState => Text,
        /// The waterfall's plan as JSON, once it is running.
        plan: String => Text,
        due_minor: i64 => BigInt,
        shared_minor: i64 => BigInt,
        /// The last company that has got its share.
        last_party: PartyId => BigInt,
        created_at: NaiveDateTime => Timestamp,
    }
}

/// The receivable with this creditor reference.
pub fn find_receivable_by_reference(conn: &mut Conn, reference: &str) -> Result<Option<Receivable>> {
    Ok(receivables::table.filter(receivables::reference.eq(reference)).first(conn).optional()?)
}

/// The receivable that was issued for an invoice.
pub fn find_receivable_of_invoice(conn: &mut Conn, invoice: InvoiceId) -> Result<Option<Receivable>> {
    Ok(receivables::table.filter(receivables::invoice_id.eq(invoice)).first(conn).optional()?)
}

/// Receivables without a sold unit, oldest first.
pub fn list_issued_receivables(conn: &mut Conn) -> Result<Vec<Receivable>> {
    Ok(receivables::table.filter(receivables::state.eq(ReceivableState::Issued)).order(receivables::id).load(conn)?)
}

/// Receivables whose payment date is this day or before it and that are neither paid nor cancelled, oldest first.
pub fn list_due_receivables(conn: &mut Conn, day: NaiveDate) -> Result<Vec<Receivable>> {
    let open = [
        ReceivableState::Active,
        ReceivableState::Issued,
        ReceivableState::Matured,
        ReceivableState::PartRedeemed,
        ReceivableState::Overdue,
    ];
    let due = receivables::table.filter(receivables::payment_date.le(day)).filter(receivables::state.eq_any(open));
    Ok(due.order(receivables::id).load(conn)?)
}

/// The same without those that are overdue already.
pub fn list_due_before_overdue(conn: &mut Conn, day: NaiveDate) -> Result<Vec<Receivable>> {
    let open = [ReceivableState::Issued, ReceivableState::Active, ReceivableState::Matured, ReceivableState::PartRedeemed];
    let due = receivables::table.filter(receivables::state.eq_any(open)).filter(receivables::payment_date.le(day));
    Ok(due.order(receivables::id).load(conn)?)
}

/// How many receivables of a currency are to be paid on this very day.
pub fn count_payable_on(conn: &mut Conn, currency: &str, day: NaiveDate) -> Result<i64> {
    let waiting = receivables::table.filter(receivables::state.eq_any([ReceivableState::Issued, ReceivableState::Active]));
    let payable = waiting.filter(receivables::currency.eq(currency)).filter(receivables::payment_date.eq(day));
    Ok(payable.count().get_result(conn)?)
}

/// The receivables of these buyers that are overdue or paid in part.
pub fn list_late_receivables(conn: &mut Conn, buyers: &[PartyId]) -> Result<Vec<Receivable>> {
    let (among, list) = query::among(conn, "buyer_id", buyers);
    Receivable::list_where(conn, &format!("state IN ('overdue', 'part_redeemed') AND {among}"), &[list])
}

/// At most `most` receivables of a currency that one of these buyers owes, oldest first.
pub fn list_owed_receivables(conn: &mut Conn, buyers: &[PartyId], currency: &str, most: usize) -> Result<Vec<Receivable>> {
    let (among, list) = query::among(conn, "buyer_id", buyers);
    let condition = format!(
        "{among} AND currency = ? AND state IN ('issued', 'active', 'matured', 'part_redeemed', 'overdue') ORDER BY id LIMIT {most}"
    );
    Receivable::list_where(conn, &condition, &[list, currency.into()])
}
