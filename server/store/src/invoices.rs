//! Invoices with their answers, credit notes, reviews and files.

use crate::fixed::fixed;
use crate::journal::ledger_accounts;
use crate::market::offers;
use crate::receivables::receivables;
use crate::table::table;
use crate::{Conn, Result};
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use diesel::dsl;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use domain::answer::AnswerCode;
use domain::answer::ReasonCode;
use domain::chart::AccountKind;
use domain::invoice::CreditState;
use domain::invoice::EvidenceKind;
use domain::invoice::InvoiceState;
use domain::offering::OfferState;
use domain::review::ReviewState;
use kernel::Blank;
use kernel::CreditNoteId;
use kernel::EvidenceId;
use kernel::InvoiceId;
use kernel::MessageId;
use kernel::PartyId;
use kernel::RecordId;
use kernel::ReviewId;
use kernel::UserId;

table! {
    invoices: Invoice (id) by InvoiceId, marked {
        id: InvoiceId => BigInt,
        supplier_id: PartyId => BigInt,
        buyer_id: PartyId => BigInt,
        number: String => Text,
        number_key: String => Text,
        seller_tax_key: String => Text,
        type_code: String => Text,
        issue_date: NaiveDate => Date,
        due_date: Option<NaiveDate> => Nullable<Date>,
        currency: String => Text,
        total_minor: i64 => BigInt,
        payable_minor: i64 => BigInt,
        confirmed_minor: i64 => BigInt,
        order_reference: String => Text,
        state: InvoiceState => Text,
        reason: String => Text,
        document: String => Text,
        created_at: NaiveDateTime => Timestamp,
        look_key: String => Text,
        stem_key: String => Text,
        format: String => Text,
        prepaid_minor: i64 => BigInt,
        rounding_minor: i64 => BigInt,
        credited_minor: i64 => BigInt,
        replaces: String => Text,
        review: Blank<ReviewState> => Text,
        warnings: String => Text,
        replaces_issued: Option<NaiveDate> => Nullable<Date>,
    }
}

table! {
    /// An answer with its code, or a plain message, about an invoice.
    invoice_messages: InvoiceMessage (id), marked {
        id: MessageId => BigInt,
        invoice_id: InvoiceId => BigInt,
        party_id: PartyId => BigInt,
        user_id: UserId => BigInt,
        /// Of UNCL4343; empty for a message.
        code: Blank<AnswerCode> => Text,
        /// OPStatusReason; empty where none is needed.
        reason_code: Blank<ReasonCode> => Text,
        text: String => Text,
        at: NaiveDateTime => Timestamp,
    }
}

table! {
    /// Until when an invoice must be answered; its id is the invoice's.
    answer_clocks: AnswerClock (id) by InvoiceId, marked {
        id: InvoiceId => BigInt,
        remind_on: NaiveDate => Date,
        answer_by: NaiveDate => Date,
        /// How many reminders the buyer has got.
        reminded: i64 => BigInt,
    }
}

table! {
    credit_notes: CreditNote (id) by CreditNoteId, marked {
        id: CreditNoteId => BigInt,
        supplier_id: PartyId => BigInt,
        invoice_id: InvoiceId => BigInt,
        number: String => Text,
        number_key: String => Text,
        type_code: String => Text,
        issue_date: NaiveDate => Date,
        currency: String => Text,
        amount_minor: i64 => BigInt,
        state: Blank<CreditState> => Text,
        document: String => Text,
        created_at: NaiveDateTime => Timestamp,
    }
}

table! {
    evidence: Evidence (id), marked {
        id: EvidenceId => BigInt,
        invoice_id: InvoiceId => BigInt,
        kind: EvidenceKind => Text,
        name: String => Text,
        document: String => Text,
        created_at: NaiveDateTime => Timestamp,
    }
}

table! {
    documents: Document (sha256), marked {
        sha256: String => Text,
        party_id: PartyId => BigInt,
        name: String => Text,
        media_type: String => Text,
        /// The key is its digest, so a mark of the row needs none of it.
        #[serde(skip)]
        content: Vec<u8> => Binary,
        created_at: NaiveDateTime => Timestamp,
    }
}

table! {
    reviews: Review (id) by ReviewId, marked {
        id: ReviewId => BigInt,
        invoice_id: InvoiceId => BigInt,
        other_id: Option<InvoiceId> => Nullable<BigInt>,
        credit_id: Option<CreditNoteId> => Nullable<BigInt>,
        rules: String => Text,
        state: ReviewState => Text,
        statement: String => Text,
        reason: String => Text,
        created_at: NaiveDateTime => Timestamp,
        decided_at: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(invoices, answer_clocks);
diesel::allow_tables_to_appear_in_same_query!(invoices, credit_notes);
diesel::allow_tables_to_appear_in_same_query!(invoices, evidence);
diesel::allow_tables_to_appear_in_same_query!(invoices, ledger_accounts);
diesel::allow_tables_to_appear_in_same_query!(invoices, offers);
diesel::allow_tables_to_appear_in_same_query!(invoices, receivables);
diesel::allow_tables_to_appear_in_same_query!(ledger_accounts, receivables);

/// Invoices that wait for their buyers' answers, oldest first.
pub fn list_presented_invoices(conn: &mut Conn) -> Result<Vec<Invoice>> {
    Ok(invoices::table.filter(invoices::state.eq(fixed(InvoiceState::Presented))).order(invoices::id).load(conn)?)
}

/// At most `most` invoices that a buyer may answer, newest first: presented or disputed, and under no review.
pub fn list_answerable_invoices(conn: &mut Conn, buyer: PartyId, most: i64) -> Result<Vec<Invoice>> {
    let waiting = invoices::state.eq(fixed(InvoiceState::Presented)).or(invoices::state.eq(fixed(InvoiceState::Disputed)));
    let answerable = invoices::table
        .filter(invoices::buyer_id.eq(buyer))
        .filter(waiting)
        .filter(invoices::review.ne(Blank::some(ReviewState::Open)));
    Ok(answerable.order(invoices::id.desc()).limit(most).load(conn)?)
}

/// Invoices that were put before a buyer and are not settled. Those that have expired are among them.
pub fn list_unsettled_invoices(conn: &mut Conn, buyer: PartyId) -> Result<Vec<Invoice>> {
    let unsettled = invoices::table
        .filter(invoices::buyer_id.eq(buyer))
        .filter(invoices::state.ne(InvoiceState::Draft))
        .filter(invoices::state.ne(InvoiceState::Withdrawn))
        .filter(invoices::state.ne(InvoiceState::Rejected))
        .filter(invoices::state.ne(InvoiceState::Paid));
    Ok(unsettled.load(conn)?)
}

/// Invoices that stand before a buyer or were answered by it, also those that are paid, without those that have expired.
pub fn list_standing_invoices(conn: &mut Conn, buyer: PartyId) -> Result<Vec<Invoice>> {
    let standing = invoices::table
        .filter(invoices::buyer_id.eq(buyer))
        .filter(invoices::state.ne(InvoiceState::Draft))
        .filter(invoices::state.ne(InvoiceState::Withdrawn))
        .filter(invoices::state.ne(InvoiceState::Rejected))
        .filter(invoices::state.ne(InvoiceState::Expired));
    Ok(standing.load(conn)?)
}

/// A supplier's invoices whose numbers begin with this text and that no review has stopped.
pub fn list_unreviewed_invoices(conn: &mut Conn, supplier: PartyId, beginning: &str) -> Result<Vec<Invoice>> {
    let unreviewed = invoices::table
        .filter(invoices::supplier_id.eq(supplier))
        .filter(invoices::number.like(format!("{beginning}%")))
        .filter(invoices::review.eq(Blank::<ReviewState>::NONE));
    Ok(unreviewed.load(conn)?)
}

/// How many invoices whose numbers begin with this text are confirmed in full.
pub fn count_confirmed_invoices(conn: &mut Conn, beginning: &str) -> Result<i64> {
    let confirmed = invoices::table
        .filter(invoices::state.eq(InvoiceState::Confirmed))
        .filter(invoices::number.like(format!("{beginning}%")));
    Ok(confirmed.count().get_result(conn)?)
}

/// An invoice or a credit note that this document of a supplier has made.
pub fn find_registered(conn: &mut Conn, supplier: PartyId, document: &str) -> Result<Option<RecordId>> {
    let invoice = invoices::table.filter(invoices::supplier_id.eq(supplier)).filter(invoices::document.eq(document));
    if let Some(found) = invoice.select(invoices::id).first::<InvoiceId>(conn).optional()? {
        return Ok(Some(found.into()));
    }
    let credit = credit_notes::table.filter(credit_notes::supplier_id.eq(supplier)).filter(credit_notes::document.eq(document));
    Ok(credit.select(credit_notes::id).first::<CreditNoteId>(conn).optional()?.map(RecordId::from))
}

type Side = dsl::Or<
    dsl::Eq<invoices::supplier_id, PartyId>,
    dsl::And<dsl::Eq<invoices::buyer_id, PartyId>, dsl::NotEq<invoices::state, InvoiceState>, Bool>,
    Bool,
>;

/// The company is the supplier of an invoice, or its buyer once it is more than a draft.
fn is_side(party: PartyId) -> Side {
    let buys = invoices::buyer_id.eq(party).and(invoices::state.ne(InvoiceState::Draft));
    invoices::supplier_id.eq(party).or(buys)
}

/// The invoices of a document that concern a company: it is a side of them, or holds or has held fractions of them.
fn concerning(document: &str, party: PartyId) -> invoices::BoxedQuery<'_, <Conn as Connection>::Backend> {
    let held = receivables::table
        .inner_join(ledger_accounts::table.on(ledger_accounts::asset_id.eq(receivables::id)))
        .filter(receivables::invoice_id.eq(invoices::id))
        .filter(ledger_accounts::kind.eq(AccountKind::Holding))
        .filter(ledger_accounts::balance.ge(0_i64))
        .filter(ledger_accounts::owner_id.eq(RecordId::from(party)))
        .select(receivables::id);
    invoices::table.filter(invoices::document.eq(document)).filter(is_side(party).or(dsl::exists(held))).into_boxed()
}

/// Whether a document concerns a company: as an invoice, or as a credit note or evidence beside one of which it is a side.
pub fn is_concerned(conn: &mut Conn, document: &str, party: PartyId) -> Result<bool> {
    if concerning(document, party).select(invoices::id).first::<InvoiceId>(conn).optional()?.is_some() {
        return Ok(true);
    }
    let credit = credit_notes::table
        .inner_join(invoices::table.on(invoices::id.eq(credit_notes::invoice_id)))
        .filter(credit_notes::document.eq(document))
        .filter(is_side(party));
    if credit.select(credit_notes::id).first::<CreditNoteId>(conn).optional()?.is_some() {
        return Ok(true);
    }
    let beside = evidence::table
        .inner_join(invoices::table.on(invoices::id.eq(evidence::invoice_id)))
        .filter(evidence::document.eq(document))
        .filter(is_side(party));
    Ok(beside.select(evidence::id).first::<EvidenceId>(conn).optional()?.is_some())
}

/// The numbers of a document's invoices that concern a company, and of its credit notes to invoices of which it is a side.
pub fn list_concerning_numbers(conn: &mut Conn, document: &str, party: PartyId) -> Result<Vec<String>> {
    let mut numbers: Vec<String> = concerning(document, party).select(invoices::number).load(conn)?;
    let credits = credit_notes::table
        .inner_join(invoices::table.on(invoices::id.eq(credit_notes::invoice_id)))
        .filter(credit_notes::document.eq(document))
        .filter(is_side(party));
    numbers.extend(credits.select(credit_notes::number).load::<String>(conn)?);
    Ok(numbers)
}

/// The numbers of a document's invoices that other companies than this one have on offer.
pub fn list_offered_numbers(conn: &mut Conn, document: &str, party: PartyId) -> Result<Vec<String>> {
    let offered = receivables::table
        .inner_join(offers::table.on(offers::receivable_id.eq(receivables::id)))
        .filter(offers::state.eq(OfferState::Open))
        .filter(offers::supplier_id.ne(party))
        .select(receivables::invoice_id);
    let found = invoices::table.filter(invoices::document.eq(document)).filter(invoices::id.eq_any(offered));
    Ok(found.select(invoices::number).load(conn)?)
}

/// The numbers of all invoices and credit notes of a document.
pub fn list_numbers(conn: &mut Conn, document: &str) -> Result<Vec<String>> {
    let mut numbers: Vec<String> = invoices::table.filter(invoices::document.eq(document)).select(invoices::number).load(conn)?;
    let credits = credit_notes::table.filter(credit_notes::document.eq(document)).select(credit_notes::number);
    numbers.extend(credits.load::<String>(conn)?);
    Ok(numbers)
}

/// The answers and messages about an invoice, oldest first.
pub fn list_messages(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<InvoiceMessage>> {
    let about = invoice_messages::table.filter(invoice_messages::invoice_id.eq(invoice));
    Ok(about.order(invoice_messages::id).load(conn)?)
}

/// The clocks of presented invoices that remind on this day or did before it, oldest first.
pub fn list_due_clocks(conn: &mut Conn, day: NaiveDate) -> Result<Vec<AnswerClock>> {
    let presented = invoices::table.filter(invoices::state.eq(fixed(InvoiceState::Presented))).select(invoices::id);
    let due = answer_clocks::table.filter(answer_clocks::remind_on.le(day)).filter(answer_clocks::id.eq_any(presented));
    Ok(due.order(answer_clocks::id).load(conn)?)
}

/// The credit notes to an invoice, oldest first.
pub fn list_credit_notes(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<CreditNote>> {
    Ok(credit_notes::table.filter(credit_notes::invoice_id.eq(invoice)).order(credit_notes::id).load(conn)?)
}

/// The files beside an invoice, in the order in which they came.
pub fn list_evidence(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<Evidence>> {
    Ok(evidence::table.filter(evidence::invoice_id.eq(invoice)).order(evidence::id).load(conn)?)
}

/// All reviews of an invoice.
pub fn list_reviews(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<Review>> {
    Ok(reviews::table.filter(reviews::invoice_id.eq(invoice)).load(conn)?)
}

/// The undecided reviews of an invoice, oldest first.
pub fn list_open_reviews(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<Review>> {
    let open = reviews::table.filter(reviews::invoice_id.eq(invoice)).filter(reviews::state.eq(fixed(ReviewState::Open)));
    Ok(open.order(reviews::id).load(conn)?)
}

/// The reviews of an invoice, and those that point at it from another one.
pub fn list_reviews_around(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<Review>> {
    Ok(reviews::table.filter(reviews::invoice_id.eq(invoice).or(reviews::other_id.eq(invoice))).load(conn)?)
}

/// The undecided ones of these, oldest first.
pub fn list_open_reviews_around(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<Review>> {
    let open = reviews::table
        .filter(reviews::state.eq(fixed(ReviewState::Open)))
        .filter(reviews::invoice_id.eq(invoice).or(reviews::other_id.eq(invoice)));
    Ok(open.order(reviews::id).load(conn)?)
}
