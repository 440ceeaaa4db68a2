//! Invoices with their answers, credit notes, reviews and files.

use crate::table::table;
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use domain::answer::AnswerCode;
use domain::answer::ReasonCode;
use domain::invoice::CreditState;
use domain::invoice::EvidenceKind;
use domain::invoice::InvoiceState;
use domain::review::ReviewState;
use kernel::Blank;
use kernel::CreditNoteId;
use kernel::EvidenceId;
use kernel::InvoiceId;
use kernel::MessageId;
use kernel::PartyId;
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
