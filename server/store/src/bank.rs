//! Statements and their lines, payouts, and the files to and from the bank.

use crate::table::table;
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use domain::bank_line::BankFileKind;
use domain::bank_line::BankFileState;
use domain::bank_line::Continuity;
use domain::bank_line::Direction;
use domain::bank_line::LineKind;
use domain::bank_line::LineState;
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
        /// Why it waits, or what is special about it; empty for an ordinary line.
        kind: Blank<LineKind> => Text,
        fingerprint: String => Text,
        /// Which of its equals in the statement it is, from 1.
        occurrence: i64 => BigInt,
        /// The other line about the same money.
        twin_id: Option<BankLineId> => Nullable<BigInt>,
        payout_id: Option<PayoutId> => Nullable<BigInt>,
        /// What the platform may still claim because of it.
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
