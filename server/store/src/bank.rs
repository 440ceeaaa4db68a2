//! Statements and their lines, payouts, and the files to and from the bank.

use crate::fixed::fixed;
use crate::records::Record;
use crate::table::table;
use crate::{Conn, Result};
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use domain::bank_line::BankFileKind;
use domain::bank_line::BankFileState;
use domain::bank_line::Continuity;
use domain::bank_line::Direction;
use domain::bank_line::LineKind;
use domain::bank_line::LineState;
use domain::booking::provided;
use domain::settlement_instruction::InstructionState;
use domain::settlement_instruction::StatusLineState;
use kernel::BankFileId;
use kernel::BankLineId;
use kernel::Blank;
use kernel::CustodyId;
use kernel::HoldNumber;
use kernel::PartyId;
use kernel::PaymentFileId;
use kernel::PayoutId;
use kernel::ReceivableId;
use kernel::StatementId;
use kernel::StatusLineId;
use kernel::StatusReportId;
use kernel::UserId;

table! {
    statements: Statement (id) by StatementId, marked later [custody_id] {
        id: StatementId => BigInt,
        sha256: String => Text,
        message: String => Text,
        statement: String => Text,
        iban: String => Text,
        currency: String => Text,
        opening_minor: Option<i64> => Nullable<BigInt>,
        closing_minor: Option<i64> => Nullable<BigInt>,
        imported_at: NaiveDateTime => Timestamp,
        imported_by: UserId => BigInt,
        file_id: Option<BankFileId> => Nullable<BigInt>,
        /// The days that it covers, where the bank says so.
        from_date: Option<NaiveDate> => Nullable<Date>,
        to_date: Option<NaiveDate> => Nullable<Date>,
        /// How it follows the statement before it: `none`, `first`, `follows`, `gap`, `overlap` or `explained`.
        continuity: Continuity => Text,
        /// Opening balance less the closing balance before it.
        gap_minor: i64 => BigInt,
        reason: String => Text,
        /// The platform's account that it is of.
        custody_id: CustodyId => BigInt,
    }
}

table! {
    /// A bank's file as it was kept, and how far it has been taken up.
    bank_files: BankFile (id) by BankFileId, marked {
        id: BankFileId => BigInt,
        sha256: String => Text,
        name: String => Text,
        /// `statement` or `status`.
        kind: BankFileKind => Text,
        /// `kept`, `importing` or `imported`.
        state: BankFileState => Text,
        lines: i64 => BigInt,
        lines_done: i64 => BigInt,
        kept_at: NaiveDateTime => Timestamp,
        kept_by: UserId => BigInt,
    }
}

table! {
    #[derive(Default)]
    bank_lines: BankLine (id) by BankLineId, marked later [custody_id] {
        id: BankLineId => BigInt,
        statement_id: StatementId => BigInt,
        currency: String => Text,
        direction: Direction => Text,
        amount_minor: i64 => BigInt,
        booking_date: NaiveDate => Date,
        value_date: NaiveDate => Date,
        bank_reference: String => Text,
        reference: String => Text,
        end_to_end: String => Text,
        counterparty: String => Text,
        counterparty_iban: String => Text,
        remittance: String => Text,
        state: LineState => Text,
        party_id: Option<PartyId> => Nullable<BigInt>,
        receivable_id: Option<ReceivableId> => Nullable<BigInt>,
        note: String => Text,
        /// The reason why it waits, or its special kind; empty for an ordinary line.
        kind: Blank<LineKind> => Text,
        fingerprint: String => Text,
        /// Which of its equals in the statement it is, from 1.
        occurrence: i64 => BigInt,
        /// The other line about the same money.
        twin_id: Option<BankLineId> => Nullable<BigInt>,
        payout_id: Option<PayoutId> => Nullable<BigInt>,
        /// The amount that the platform may still claim because of it.
        claim_minor: i64 => BigInt,
        /// The platform's account that it stands on.
        custody_id: CustodyId => BigInt,
        /// The platform's other account, where the money moves between two of its own.
        transfer_id: Option<CustodyId> => Nullable<BigInt>,
    }
}

table! {
    payouts: Payout (id) by PayoutId, marked later [custody_id] {
        id: PayoutId => BigInt,
        party_id: Option<PartyId> => Nullable<BigInt>,
        bank_line_id: Option<BankLineId> => Nullable<BigInt>,
        currency: String => Text,
        amount_minor: i64 => BigInt,
        iban: String => Text,
        bic: String => Text,
        holder: String => Text,
        state: InstructionState => Text,
        hold_number: HoldNumber => BigInt,
        end_to_end: String => Text,
        file_id: Option<PaymentFileId> => Nullable<BigInt>,
        created_at: NaiveDateTime => Timestamp,
        /// The day after which the bank's silence is no longer normal; none before it was sent.
        expected_date: Option<NaiveDate> => Nullable<Date>,
        /// The last status code that the bank gave (ISO 20022).
        bank_status: String => Text,
        /// Why it was rejected or came back.
        reason_code: String => Text,
        note: String => Text,
        /// The platform's account that its file draws on, or that it has left.
        custody_id: CustodyId => BigInt,
    }
}

table! {
    status_reports: StatusReport (id), marked {
        id: StatusReportId => BigInt,
        sha256: String => Text,
        message: String => Text,
        original_message: String => Text,
        imported_at: NaiveDateTime => Timestamp,
        imported_by: UserId => BigInt,
        /// Digest of all that the report says; nothing where it came before that was kept.
        content: Option<String> => Nullable<Text>,
    }
}

table! {
    status_lines: StatusLine (id), marked {
        id: StatusLineId => BigInt,
        report_id: StatusReportId => BigInt,
        original_id: String => Text,
        payout_id: Option<PayoutId> => Nullable<BigInt>,
        status: String => Text,
        reason_code: String => Text,
        note: String => Text,
        state: StatusLineState => Text,
    }
}

table! {
    payment_files: PaymentFile (id) by PaymentFileId, marked later [custody_id] {
        id: PaymentFileId => BigInt,
        currency: String => Text,
        payments: i64 => BigInt,
        total_minor: i64 => BigInt,
        document: String => Text,
        created_at: NaiveDateTime => Timestamp,
        /// The account that it draws on.
        custody_id: CustodyId => BigInt,
    }
}

/// Files of which a part is not taken up yet, oldest first.
pub fn list_importing_files(conn: &mut Conn) -> Result<Vec<BankFile>> {
    let importing = bank_files::table.filter(bank_files::state.eq(fixed(BankFileState::Importing)));
    Ok(importing.order(bank_files::id).load(conn)?)
}

/// At most `most` files, newest first.
pub fn list_newest_files(conn: &mut Conn, most: i64) -> Result<Vec<BankFile>> {
    let newest = bank_files::table.filter(bank_files::id.gt(BankFileId(0))).order(bank_files::id.desc());
    Ok(newest.limit(most).load(conn)?)
}

/// The file with this content.
pub fn find_file_by_hash(conn: &mut Conn, sha256: &str) -> Result<Option<BankFile>> {
    Ok(bank_files::table.filter(bank_files::sha256.eq(sha256)).first(conn).optional()?)
}

/// Statements of a file, in its order.
pub fn list_statements_of_file(conn: &mut Conn, file: BankFileId) -> Result<Vec<Statement>> {
    Ok(statements::table.filter(statements::file_id.eq(file)).order(statements::id).load(conn)?)
}

/// Whether a file with this content has brought a statement.
pub fn has_statement_of_hash(conn: &mut Conn, sha256: &str) -> Result<bool> {
    let same = statements::table.filter(statements::sha256.eq(sha256)).select(statements::id);
    Ok(same.first::<StatementId>(conn).optional()?.is_some())
}

/// The name by which a statement is known again. Banks begin their numbers anew, each year or each day, so an id alone is not
/// enough without the last day.
#[derive(Clone, Copy, Debug)]
pub struct StatementName<'a> {
    pub iban: &'a str,
    pub message: &'a str,
    pub statement: &'a str,
    pub to_date: NaiveDate,
}

/// Whether this statement is here.
pub fn has_statement(conn: &mut Conn, name: StatementName<'_>) -> Result<bool> {
    let same = statements::table
        .filter(statements::iban.eq(name.iban))
        .filter(statements::message.eq(name.message))
        .filter(statements::statement.eq(name.statement))
        .filter(statements::to_date.eq(name.to_date));
    Ok(same.select(statements::id).first::<StatementId>(conn).optional()?.is_some())
}

/// The statement with a closing balance before this one, which ends on `to_date`. One that is not kept yet comes after all of its
/// day.
pub fn find_statement_before(conn: &mut Conn, row: &Statement, to_date: NaiveDate) -> Result<Option<Statement>> {
    let place = if row.id == StatementId(0) { StatementId(i64::MAX) } else { row.id };
    let earlier = statements::to_date.lt(to_date).or(statements::to_date.eq(to_date).and(statements::id.lt(place)));
    let before = statements::table
        .filter(statements::custody_id.eq(row.custody_id))
        .filter(statements::currency.eq(&row.currency))
        .filter(statements::closing_minor.is_not_null())
        .filter(statements::id.ne(row.id))
        .filter(earlier);
    Ok(before.order((statements::to_date.desc(), statements::id.desc())).first(conn).optional()?)
}

/// The statement with an opening balance after this one, which ends on `to_date`.
pub fn find_statement_after(conn: &mut Conn, row: &Statement, to_date: NaiveDate) -> Result<Option<Statement>> {
    let after = statements::table
        .filter(statements::custody_id.eq(row.custody_id))
        .filter(statements::currency.eq(&row.currency))
        .filter(statements::opening_minor.is_not_null())
        .filter(statements::to_date.gt(to_date));
    Ok(after.order((statements::to_date, statements::id)).first(conn).optional()?)
}

/// The newest statement of the account in the currency that says a closing balance.
pub fn find_newest_statement(conn: &mut Conn, custody: CustodyId, currency: &str) -> Result<Option<Statement>> {
    let closed = statements::table
        .filter(statements::custody_id.eq(custody))
        .filter(statements::currency.eq(currency))
        .filter(statements::closing_minor.is_not_null())
        .filter(statements::to_date.is_not_null());
    Ok(closed.order((statements::to_date.desc(), statements::id.desc())).first(conn).optional()?)
}

/// Receipts that people recorded and no file has confirmed, oldest first.
pub fn list_unconfirmed_receipts(conn: &mut Conn) -> Result<Vec<BankLine>> {
    let open = bank_lines::table
        .filter(bank_lines::kind.eq(fixed(LineKind::Recorded)))
        .filter(bank_lines::twin_id.is_null())
        .filter(bank_lines::state.eq(LineState::Matched));
    Ok(open.order(bank_lines::id).load(conn)?)
}

/// Whether any line is only announced.
pub fn has_announced_line(conn: &mut Conn) -> Result<bool> {
    let announced = bank_lines::table.filter(bank_lines::kind.eq(fixed(LineKind::Announced)));
    Ok(announced.select(bank_lines::id).first::<BankLineId>(conn).optional()?.is_some())
}

/// A line of another statement of the account that is the same booking by the bank's own reference. The condition that the
/// reference is not empty is for the index, which holds only lines with one. Without it each entry would read all earlier lines.
pub const SAME_BOOKING: &str = "bank_reference = ? AND bank_reference <> '' AND currency = ? AND direction = ? AND amount_minor = ? \
     AND CASE WHEN end_to_end IN ('NOTPROVIDED', 'NONREF', 'NOT PROVIDED') THEN '' ELSE end_to_end END = ? AND reference = ? \
     AND statement_id <> ? AND state <> 'skipped' AND statement_id IN (SELECT id FROM statements WHERE iban = ?)";

/// The same by everything else that the bank says, where either file leaves the reference out.
pub const SAME_WORDS: &str = "fingerprint = ? AND fingerprint <> '' AND occurrence = ? AND statement_id <> ? AND state <> 'skipped' \
     AND (bank_reference = '' OR CAST(? AS BIGINT) = 0)";

/// Lines of other statements of the account with the same reference on days around. The condition that the reference is not empty
/// is for the index.
pub const SAME_REFERENCE: &str = "bank_reference = ? AND bank_reference <> '' AND currency = ? AND direction = ? \
     AND (booking_date BETWEEN ? AND ? OR value_date = ?) AND statement_id <> ? AND kind <> 'pending' \
     AND statement_id IN (SELECT id FROM statements WHERE iban = ?) ORDER BY id";

/// Whether lines count that are only announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    Too,
    Not,
    Only,
}

impl Announced {
    fn condition(self) -> &'static str {
        match self {
            Self::Too => "",
            Self::Not => " AND kind <> 'announced'",
            Self::Only => " AND kind = 'announced'",
        }
    }
}

/// At most `most` lines of other statements of the account `iban` that are the same booking by the bank's reference, those of its
/// day first.
pub fn list_same_bookings(
    conn: &mut Conn,
    (line, iban): (&BankLine, &str),
    announced: Announced,
    most: usize,
) -> Result<Vec<BankLine>> {
    let binds = [
        line.bank_reference.as_str().into(),
        line.currency.as_str().into(),
        line.direction.name().into(),
        line.amount_minor.into(),
        provided(&line.end_to_end).into(),
        line.reference.as_str().into(),
        line.statement_id.into(),
        iban.into(),
        line.booking_date.into(),
    ];
    let order = format!("ORDER BY CASE WHEN booking_date = ? THEN 0 ELSE 1 END, id LIMIT {most}");
    BankLine::list_where(conn, &format!("{SAME_BOOKING}{} {order}", announced.condition()), &binds)
}

/// The oldest line of another statement that says the same as this one, where one of the two leaves the bank's reference out.
pub fn find_same_words(conn: &mut Conn, line: &BankLine, announced: Announced) -> Result<Option<BankLine>> {
    let referenced = i64::from(!line.bank_reference.is_empty());
    let binds = [line.fingerprint.as_str().into(), line.occurrence.into(), line.statement_id.into(), referenced.into()];
    BankLine::find_where(conn, &format!("{SAME_WORDS}{} ORDER BY id LIMIT 1", announced.condition()), &binds)
}

/// Lines of other statements of the account `iban` with the reference of this line, booked on these days or of its value date.
pub fn list_same_reference(
    conn: &mut Conn,
    (line, iban): (&BankLine, &str),
    (from, until): (NaiveDate, NaiveDate),
) -> Result<Vec<BankLine>> {
    let binds = [
        line.bank_reference.as_str().into(),
        line.currency.as_str().into(),
        line.direction.name().into(),
        from.into(),
        until.into(),
        line.value_date.into(),
        line.statement_id.into(),
        iban.into(),
    ];
    BankLine::list_where(conn, SAME_REFERENCE, &binds)
}

/// First lines of transfers to this line's account that could be of the same money, oldest first.
pub fn list_begun_transfers(conn: &mut Conn, line: &BankLine) -> Result<Vec<BankLine>> {
    let begun = bank_lines::table
        .filter(bank_lines::kind.eq(Blank::some(LineKind::OwnTransfer)))
        .filter(bank_lines::state.eq(LineState::Matched))
        .filter(bank_lines::twin_id.is_null())
        .filter(bank_lines::transfer_id.eq(line.custody_id))
        .filter(bank_lines::currency.eq(&line.currency))
        .filter(bank_lines::amount_minor.eq(line.amount_minor))
        .filter(bank_lines::direction.ne(line.direction));
    Ok(begun.order(bank_lines::id).limit(100).load(conn)?)
}

/// A debit that was booked with this end-to-end id.
pub fn find_booked_debit(conn: &mut Conn, end_to_end: &str) -> Result<Option<BankLine>> {
    let debited = bank_lines::table
        .filter(bank_lines::end_to_end.eq(end_to_end))
        .filter(bank_lines::direction.eq(fixed(Direction::Out)))
        .filter(bank_lines::state.eq(LineState::Matched));
    Ok(debited.first(conn).optional()?)
}

/// A receipt as people know it.
#[derive(Clone, Copy, Debug)]
pub struct ReceiptFacts<'a> {
    pub currency: &'a str,
    pub amount_minor: i64,
    /// Its value date lies between these, both counted in.
    pub first: NaiveDate,
    pub last: NaiveDate,
    /// Lines up to this one are other money.
    pub after: BankLineId,
}

/// Lines that a bank file has brought and that could be this very money, newest first.
pub fn list_receipts_like(conn: &mut Conn, receipt: ReceiptFacts<'_>) -> Result<Vec<BankLine>> {
    let states = [LineState::Matched, LineState::Placed, LineState::Suspense, LineState::Attention];
    let like = bank_lines::table
        .filter(bank_lines::amount_minor.eq(receipt.amount_minor))
        .filter(bank_lines::currency.eq(receipt.currency))
        .filter(bank_lines::direction.eq(Direction::In))
        .filter(bank_lines::statement_id.gt(StatementId(0)))
        .filter(bank_lines::value_date.ge(receipt.first))
        .filter(bank_lines::value_date.le(receipt.last))
        .filter(bank_lines::id.gt(receipt.after))
        // A line that waits names a likely twin; until people decide, it may be money of its own.
        .filter(bank_lines::twin_id.is_null().or(bank_lines::state.eq(LineState::Attention)))
        .filter(bank_lines::payout_id.is_null())
        .filter(bank_lines::state.eq_any(states));
    Ok(like.order(bank_lines::id.desc()).limit(10).load(conn)?)
}

/// The rest of a debit that people linked to payouts.
pub fn find_rest_of_debit(conn: &mut Conn, line: &BankLine) -> Result<Option<BankLine>> {
    let rest = bank_lines::table
        .filter(bank_lines::twin_id.eq(line.id))
        .filter(bank_lines::direction.eq(Direction::Out))
        .filter(bank_lines::statement_id.eq(line.statement_id))
        .filter(bank_lines::fingerprint.eq(""))
        .filter(bank_lines::amount_minor.gt(0_i64));
    Ok(rest.order(bank_lines::id).first(conn).optional()?)
}

/// Receipts from the account that this line goes to, of the same amount: it may take one of them back. Newest first.
pub fn list_reversible_receipts(conn: &mut Conn, line: &BankLine) -> Result<Vec<BankLine>> {
    let receipts = bank_lines::table
        .filter(bank_lines::currency.eq(&line.currency))
        .filter(bank_lines::amount_minor.eq(line.amount_minor))
        .filter(bank_lines::direction.eq(Direction::In))
        .filter(bank_lines::counterparty_iban.ne(""))
        .filter(bank_lines::counterparty_iban.eq(&line.counterparty_iban))
        .filter(bank_lines::state.eq_any([LineState::Matched, LineState::Placed, LineState::Suspense]))
        .filter(bank_lines::payout_id.is_null());
    Ok(receipts.order(bank_lines::id.desc()).limit(5).load(conn)?)
}

/// Money in suspense of at most this amount, newest first.
pub fn list_suspense_up_to(conn: &mut Conn, currency: &str, most_minor: i64) -> Result<Vec<BankLine>> {
    let waiting = bank_lines::table
        .filter(bank_lines::state.eq(LineState::Suspense))
        .filter(bank_lines::currency.eq(currency))
        .filter(bank_lines::amount_minor.le(most_minor));
    Ok(waiting.order(bank_lines::id.desc()).limit(100).load(conn)?)
}

/// Payouts in a payment file, in its order.
pub fn list_payouts_of_file(conn: &mut Conn, file: PaymentFileId) -> Result<Vec<Payout>> {
    Ok(payouts::table.filter(payouts::file_id.eq(file)).order(payouts::id).load(conn)?)
}

/// The payout with this end-to-end id.
pub fn find_payout_by_end_to_end(conn: &mut Conn, end_to_end: &str) -> Result<Option<Payout>> {
    Ok(payouts::table.filter(payouts::end_to_end.eq(end_to_end)).first(conn).optional()?)
}

/// The payout for which this hold was placed.
pub fn find_payout_by_hold(conn: &mut Conn, hold: HoldNumber) -> Result<Option<Payout>> {
    Ok(payouts::table.filter(payouts::hold_number.eq(hold)).first(conn).optional()?)
}

/// At most `most` payouts up to `through` that wait for a payment file, oldest first.
pub fn list_payouts_to_send(conn: &mut Conn, currency: &str, through: PayoutId, most: i64) -> Result<Vec<Payout>> {
    let waiting = payouts::table
        .filter(payouts::state.eq(InstructionState::Authorised))
        .filter(payouts::currency.eq(currency))
        .filter(payouts::id.le(through));
    Ok(waiting.order(payouts::id).limit(most).load(conn)?)
}

/// Payouts of a company in a currency that wait for a payment file, oldest first.
pub fn list_payouts_to_send_of(conn: &mut Conn, party: PartyId, currency: &str) -> Result<Vec<Payout>> {
    let waiting = payouts::table
        .filter(payouts::party_id.eq(party))
        .filter(payouts::currency.eq(currency))
        .filter(payouts::state.eq(InstructionState::Authorised));
    Ok(waiting.order(payouts::id).load(conn)?)
}

/// Payouts whose end the bank should have reported before this day, oldest first.
pub fn list_silent_payouts(conn: &mut Conn, day: NaiveDate) -> Result<Vec<Payout>> {
    let states = [InstructionState::Sent, InstructionState::Accepted, InstructionState::Pending];
    let silent = payouts::table.filter(payouts::state.eq_any(states)).filter(payouts::expected_date.lt(day));
    Ok(silent.order(payouts::id).load(conn)?)
}

/// Payouts of this line's amount to its counterparty that are with the bank, oldest first.
pub fn list_sent_payouts_like(conn: &mut Conn, line: &BankLine) -> Result<Vec<Payout>> {
    let sent = payouts::table
        .filter(payouts::state.eq(InstructionState::Sent))
        .filter(payouts::currency.eq(&line.currency))
        .filter(payouts::amount_minor.eq(line.amount_minor))
        .filter(payouts::iban.eq(&line.counterparty_iban));
    Ok(sent.order(payouts::id).limit(5).load(conn)?)
}

/// The first report of the file with this content.
pub fn find_status_report_by_hash(conn: &mut Conn, sha256: &str) -> Result<Option<StatusReport>> {
    Ok(status_reports::table.filter(status_reports::sha256.eq(sha256)).first(conn).optional()?)
}

/// Whether a report with this message id has said exactly this; `content` is the digest of the whole report.
pub fn has_status_report(conn: &mut Conn, message: &str, content: &str) -> Result<bool> {
    let same = status_reports::table.filter(status_reports::message.eq(message)).filter(status_reports::content.eq(content));
    Ok(same.select(status_reports::id).first::<StatusReportId>(conn).optional()?.is_some())
}

/// At most `most` payment files, newest first.
pub fn list_newest_payment_files(conn: &mut Conn, most: i64) -> Result<Vec<PaymentFile>> {
    let newest = payment_files::table.filter(payment_files::id.gt(PaymentFileId(0))).order(payment_files::id.desc());
    Ok(newest.limit(most).load(conn)?)
}
