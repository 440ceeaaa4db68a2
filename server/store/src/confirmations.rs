//! What buyers confirm: by hand, by list, by link and before the invoice comes.

use crate::table::table;
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use domain::confirmation_list::ApprovedState;
use domain::confirmation_list::ItemState;
use domain::confirmation_list::ListState;
use domain::link::Channel;
use domain::link::ContactState;
use domain::link::LinkState;
use kernel::ApprovedPayableId;
use kernel::ConfirmationId;
use kernel::ConfirmationItemId;
use kernel::ConfirmationLinkId;
use kernel::ConfirmationListId;
use kernel::ContactId;
use kernel::InvoiceId;
use kernel::PartyId;
use kernel::UserId;

table! {
    confirmations: Confirmation (id), marked {
        id: ConfirmationId => BigInt,
        invoice_id: InvoiceId => BigInt,
        amount_minor: i64 => BigInt,
        due_date: NaiveDate => Date,
        version: String => Text,
        words_en: String => Text,
        words_zh: String => Text,
        words_hash: String => Text,
        reason: String => Text,
        signer_id: UserId => BigInt,
        approver_id: Option<UserId> => Nullable<BigInt>,
        signed_at: NaiveDateTime => Timestamp,
        withheld_minor: i64 => BigInt,
        retained_minor: i64 => BigInt,
        deducted_minor: i64 => BigInt,
    }
}

table! {
    /// A confirmation as one text with its digest; its id is the confirmation's.
    confirmation_evidence: ConfirmationEvidence (id), marked {
        id: ConfirmationId => BigInt,
        invoice_id: InvoiceId => BigInt,
        text: String => Text,
        hash: String => Text,
    }
}

table! {
    confirmation_lists: ConfirmationList (id) by ConfirmationListId, marked {
        id: ConfirmationListId => BigInt,
        party_id: PartyId => BigInt,
        version: String => Text,
        list_hash: String => Text,
        /// `draft`, `running` or `done`.
        state: ListState => Text,
        signer_id: Option<UserId> => Nullable<BigInt>,
        approver_id: Option<UserId> => Nullable<BigInt>,
        created_at: NaiveDateTime => Timestamp,
        decided_at: Option<NaiveDateTime> => Nullable<Timestamp>,
        done_at: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// How the signer and the approver had proven who they are, as evidence says it.
        signed_with: String => Text,
        approved_with: String => Text,
    }
}

table! {
    confirmation_items: ConfirmationItem (id) by ConfirmationItemId, marked {
        id: ConfirmationItemId => BigInt,
        list_id: ConfirmationListId => BigInt,
        invoice_id: InvoiceId => BigInt,
        amount_minor: i64 => BigInt,
        /// None where the payable had no due date: such a line is excluded.
        due_date: Option<NaiveDate> => Nullable<Date>,
        reason: String => Text,
        words_hash: String => Text,
        /// `waiting`, `excluded`, `confirmed` or `refused`.
        state: ItemState => Text,
        /// Code and arguments of what left it out, as JSON; empty otherwise.
        refusal: String => Text,
    }
}

table! {
    /// Who confirms by one-time link for a company that hardly ever does.
    buyer_contacts: BuyerContact (id) by ContactId, marked {
        id: ContactId => BigInt,
        party_id: PartyId => BigInt,
        /// The person on the register, without a password or a role.
        user_id: UserId => BigInt,
        /// `telephone` or `email`.
        channel: Channel => Text,
        second: String => Text,
        source: String => Text,
        currency: String => Text,
        limit_minor: i64 => BigInt,
        link_hours: i64 => BigInt,
        /// `active` or `ended`.
        state: ContactState => Text,
        recorded_by: UserId => BigInt,
        agreed_by: UserId => BigInt,
        recorded_at: NaiveDateTime => Timestamp,
        ended_at: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    /// A one-time link to one invoice for one contact.
    confirmation_links: ConfirmationLink (id) by ConfirmationLinkId, marked {
        id: ConfirmationLinkId => BigInt,
        invoice_id: InvoiceId => BigInt,
        contact_id: ContactId => BigInt,
        token_hash: String => Text,
        /// Empty until a code was given.
        code_hash: String => Text,
        tries: i64 => BigInt,
        /// `open`, `used`, `revoked` or `locked`.
        state: LinkState => Text,
        reason: String => Text,
        issued_at: NaiveDateTime => Timestamp,
        expires_at: NaiveDateTime => Timestamp,
        ended_at: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// The code's end; a link outlives several.
        code_until: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    /// A payable that its buyer approved before the invoice came.
    approved_payables: ApprovedPayable (id) by ApprovedPayableId, marked {
        id: ApprovedPayableId => BigInt,
        list_id: ConfirmationListId => BigInt,
        buyer_id: PartyId => BigInt,
        supplier_id: PartyId => BigInt,
        number: String => Text,
        number_key: String => Text,
        issue_date: NaiveDate => Date,
        due_date: NaiveDate => Date,
        currency: String => Text,
        payable_minor: i64 => BigInt,
        order_reference: String => Text,
        payment_reference: String => Text,
        words_en: String => Text,
        words_zh: String => Text,
        words_hash: String => Text,
        /// `waiting`, `excluded`, `approved`, `used`, `withdrawn` or `refused`.
        state: ApprovedState => Text,
        refusal: String => Text,
        invoice_id: Option<InvoiceId> => Nullable<BigInt>,
    }
}
