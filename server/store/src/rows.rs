//! One struct a table, column by column.

use crate::schema::*;
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = heads, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Heads {
    pub id: i64,
    pub next_id: i64,
    pub last_transfer: i64,
    pub last_audit: i64,
    pub business_date: NaiveDate,
    pub custody_iban: String,
    /// The log's complete subtrees, largest first, hexadecimal one after the other.
    pub log_frontier: String,
    /// From which the log's salts are made; never leaves the database.
    pub log_secret: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = parties, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Party {
    pub id: i64,
    pub name: String,
    pub country: String,
    pub tax_id: String,
    pub tax_key: String,
    pub registration_id: String,
    pub capacities: String,
    pub status: String,
    pub language: String,
    pub reference: String,
    pub created_at: NaiveDateTime,
    /// Since when a payment of the company has been overdue for longer than is let pass: what it owes is not offered or bought.
    pub overdue_since: Option<NaiveDate>,
    pub contact_email: String,
    pub gln: String,
    /// Electronic address: scheme of the EAS list, and the id within it.
    pub endpoint_scheme: String,
    pub endpoint_id: String,
    pub street: String,
    pub building: String,
    pub postcode: String,
    pub town: String,
    pub address_country: String,
    /// Empty where the invoices are compared under the tax key.
    pub series_key: String,
}

impl Party {
    /// Under which key its invoices are compared with each other: a corrected tax id does not part old ones from new ones.
    #[must_use]
    pub fn series(&self) -> &str {
        if self.series_key.is_empty() { &self.tax_key } else { &self.series_key }
    }
}

/// What a company's data were before a correction, from when until when, and who corrected them why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = company_versions, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct CompanyVersion {
    pub id: i64,
    pub party_id: i64,
    pub name: String,
    pub country: String,
    pub tax_id: String,
    pub registration_id: String,
    pub contact_email: String,
    pub gln: String,
    pub endpoint_scheme: String,
    pub endpoint_id: String,
    pub street: String,
    pub building: String,
    pub postcode: String,
    pub town: String,
    pub address_country: String,
    pub since: NaiveDateTime,
    pub until: NaiveDateTime,
    pub asked_by: i64,
    pub agreed_by: Option<i64>,
    pub reason: String,
}

/// A change of a person's mail address: by a link that went to the new one, or by two people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = address_changes, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct AddressChange {
    pub id: i64,
    pub party_id: i64,
    pub user_id: i64,
    pub old_email: String,
    pub new_email: String,
    /// Empty where two people changed it.
    pub token_hash: String,
    /// `open`, `done` or `ended`.
    pub state: String,
    pub asked_by: i64,
    pub agreed_by: Option<i64>,
    pub reason: String,
    pub asked_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
    pub ended_at: Option<NaiveDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct User {
    pub id: i64,
    pub party_id: i64,
    pub email: String,
    pub name: String,
    pub roles: String,
    pub status: String,
    pub language: String,
    pub theme: String,
    pub password_hash: String,
    pub totp_secret: String,
    pub totp_last_step: i64,
    pub failed_count: i64,
    pub locked_until: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    /// Who brought the person in. None for those whom the operator or the founding brought in.
    pub invited_by: Option<i64>,
    /// Who last gave the person roles, or enabled it again.
    pub roles_by: Option<i64>,
    /// Until when an initial password opens anything; it must be changed at the first sign-in.
    pub password_expires_at: Option<NaiveDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = sessions, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Session {
    pub id: i64,
    pub user_id: i64,
    pub kind: String,
    pub token_hash: String,
    pub csrf: String,
    pub agent: String,
    pub created_at: NaiveDateTime,
    pub seen_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
    pub revoked_at: Option<NaiveDateTime>,
    /// When the code of the second factor was given that this session rests on.
    pub code_at: Option<NaiveDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = links, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Link {
    pub id: i64,
    pub kind: String,
    pub token_hash: String,
    pub user_id: i64,
    pub expires_at: NaiveDateTime,
    pub used_at: Option<NaiveDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = bank_accounts, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct BankAccount {
    pub id: i64,
    pub party_id: i64,
    pub currency: String,
    pub iban: String,
    pub bic: String,
    pub holder: String,
    pub status: String,
    pub created_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = approval_limits, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ApprovalLimit {
    pub party_id: i64,
    pub currency: String,
    pub limit_minor: i64,
    pub day_minor: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = solo_acts, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct SoloActs {
    pub id: i64,
    pub party_id: i64,
    pub currency: String,
    pub day: NaiveDate,
    pub sum_minor: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = buyer_limits, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct BuyerLimit {
    pub id: i64,
    pub financier_id: i64,
    pub buyer_id: i64,
    pub currency: String,
    pub limit_minor: i64,
    pub used_minor: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = issue_terms, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct IssueTermsRow {
    pub currency: String,
    pub reserve_bps: i64,
    pub settlement_fee_bps: i64,
    pub purchase_fee_bps: i64,
    pub minimum_fee_minor: i64,
    pub minimum_ticket_minor: i64,
    pub late_rate: String,
    pub late_day_count: String,
    pub grace_days: i64,
    /// The largest credit of a notification that is booked before its statement; none: the platform's own.
    pub notice_credit_minor: Option<i64>,
    /// Days overdue that are let pass before a buyer is stopped; none: not a day.
    pub tolerated_overdue_days: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = holidays, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Holiday {
    pub currency: String,
    pub day: NaiveDate,
    pub business: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = documents, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Document {
    pub sha256: String,
    pub party_id: i64,
    pub name: String,
    pub media_type: String,
    /// The key is its digest, so a mark of the row needs none of it.
    #[serde(skip)]
    pub content: Vec<u8>,
    pub created_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = invoices, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Invoice {
    pub id: i64,
    pub supplier_id: i64,
    pub buyer_id: i64,
    pub number: String,
    pub number_key: String,
    pub seller_tax_key: String,
    pub type_code: String,
    pub issue_date: NaiveDate,
    pub due_date: Option<NaiveDate>,
    pub currency: String,
    pub total_minor: i64,
    pub payable_minor: i64,
    pub confirmed_minor: i64,
    pub order_reference: String,
    pub state: String,
    pub reason: String,
    pub document: String,
    pub created_at: NaiveDateTime,
    pub look_key: String,
    pub stem_key: String,
    pub format: String,
    pub prepaid_minor: i64,
    pub rounding_minor: i64,
    pub credited_minor: i64,
    pub replaces: String,
    pub review: String,
    pub warnings: String,
    pub replaces_issued: Option<NaiveDate>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = confirmations, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Confirmation {
    pub id: i64,
    pub invoice_id: i64,
    pub amount_minor: i64,
    pub due_date: NaiveDate,
    pub version: String,
    pub words_en: String,
    pub words_zh: String,
    pub words_hash: String,
    pub reason: String,
    pub signer_id: i64,
    pub approver_id: Option<i64>,
    pub signed_at: NaiveDateTime,
    pub withheld_minor: i64,
    pub retained_minor: i64,
    pub deducted_minor: i64,
}

/// An answer with its code, or a plain message, about an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = invoice_messages, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct InvoiceMessage {
    pub id: i64,
    pub invoice_id: i64,
    pub party_id: i64,
    pub user_id: i64,
    /// Of UNCL4343; empty for a message.
    pub code: String,
    /// OPStatusReason; empty where none is needed.
    pub reason_code: String,
    pub text: String,
    pub at: NaiveDateTime,
}

/// Until when an invoice must be answered; its id is the invoice's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = answer_clocks, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct AnswerClock {
    pub id: i64,
    pub remind_on: NaiveDate,
    pub answer_by: NaiveDate,
    /// How many reminders the buyer has got.
    pub reminded: i64,
}

/// A notice of assignment to a buyer; its id is the receivable's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = assignment_notices, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct AssignmentNotice {
    pub id: i64,
    pub buyer_id: i64,
    pub text_en: String,
    pub text_zh: String,
    pub hash: String,
    pub pay_to: String,
    pub pay_to_iban: String,
    pub given_at: NaiveDateTime,
    pub acknowledged_by: Option<i64>,
    pub acknowledged_at: Option<NaiveDateTime>,
}

/// A confirmation as one text with its digest; its id is the confirmation's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = confirmation_evidence, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ConfirmationEvidence {
    pub id: i64,
    pub invoice_id: i64,
    pub text: String,
    pub hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = confirmation_lists, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ConfirmationList {
    pub id: i64,
    pub party_id: i64,
    pub version: String,
    pub list_hash: String,
    /// `draft`, `running` or `done`.
    pub state: String,
    pub signer_id: Option<i64>,
    pub approver_id: Option<i64>,
    pub created_at: NaiveDateTime,
    pub decided_at: Option<NaiveDateTime>,
    pub done_at: Option<NaiveDateTime>,
    /// How the signer and the approver had proven who they are, as evidence says it.
    pub signed_with: String,
    pub approved_with: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = confirmation_items, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ConfirmationItem {
    pub id: i64,
    pub list_id: i64,
    pub invoice_id: i64,
    pub amount_minor: i64,
    /// None where the payable had no due date: such a line is excluded.
    pub due_date: Option<NaiveDate>,
    pub reason: String,
    pub words_hash: String,
    /// `waiting`, `excluded`, `confirmed` or `refused`.
    pub state: String,
    /// Code and arguments of what left it out, as JSON; empty otherwise.
    pub refusal: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = receivables, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Receivable {
    pub id: i64,
    pub reserve_asset: i64,
    pub invoice_id: i64,
    pub supplier_id: i64,
    pub buyer_id: i64,
    pub currency: String,
    pub confirmed_minor: i64,
    pub face_minor: i64,
    pub reserve_minor: i64,
    pub settlement_fee_minor: i64,
    pub settlement_fee_paid_minor: i64,
    pub purchase_fee_bps: i64,
    pub minimum_fee_minor: i64,
    pub minimum_ticket_minor: i64,
    pub late_rate: String,
    pub late_day_count: String,
    pub grace_days: i64,
    pub due_date: NaiveDate,
    pub payment_date: NaiveDate,
    pub interest_from: NaiveDate,
    pub state: String,
    pub reference: String,
    pub terms: String,
    pub terms_hash: String,
    pub paid_minor: i64,
    pub created_at: NaiveDateTime,
    pub held: bool,
    /// What it was issued under; none where the platform's own terms hold.
    pub programme_id: Option<i64>,
    pub programme_version: i64,
    /// How much of the face the supplier may sell; 0 without a programme, and then it is all of it.
    pub sellable_minor: i64,
    /// `supplier` or `buyer`; empty without a programme: the supplier.
    pub fee_bearer: String,
    /// `none` or `supplier`; empty without a programme.
    pub recourse: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = late_claims, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct LateClaim {
    pub receivable_id: i64,
    pub party_id: i64,
    pub due_minor: i64,
    pub paid_minor: i64,
    /// What was paid before the last was counted in; none where part payments are shared one by one.
    pub settled_minor: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = distributions, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Distribution {
    pub id: i64,
    pub receivable_id: i64,
    pub payment_minor: i64,
    pub value_date: NaiveDate,
    pub payer: String,
    pub payer_iban: String,
    /// `waiting`, `running` or `done`.
    pub state: String,
    /// The waterfall's plan as JSON, once it is running.
    pub plan: String,
    pub due_minor: i64,
    pub shared_minor: i64,
    /// The last company that has got its share.
    pub last_party: i64,
    pub created_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = offers, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Offer {
    pub id: i64,
    pub receivable_id: i64,
    pub supplier_id: i64,
    pub units_minor: i64,
    pub left_minor: i64,
    pub rate: String,
    pub method: String,
    pub day_count: String,
    pub minimum_ticket_minor: i64,
    pub close_date: NaiveDate,
    pub state: String,
    pub hold_number: i64,
    pub created_at: NaiveDateTime,
    /// Units that purchases which wait for a second person hold; what is left does not count them.
    pub reserved_minor: i64,
}

/// What a purchase that waits for a second person holds; its id is the request's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = purchase_holds, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct PurchaseHold {
    pub id: i64,
    pub offer_id: i64,
    pub financier_id: i64,
    pub units_minor: i64,
    pub price_minor: i64,
    pub hold_number: i64,
    /// `open` or `ended`.
    pub state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = purchases, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Purchase {
    pub id: i64,
    pub offer_id: i64,
    pub receivable_id: i64,
    pub supplier_id: i64,
    pub financier_id: i64,
    pub units_minor: i64,
    pub price_minor: i64,
    pub fee_minor: i64,
    pub financier_rate: String,
    pub supplier_rate: String,
    pub tenor_days: i64,
    pub business_date: NaiveDate,
    pub bought_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = statements, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Statement {
    pub id: i64,
    pub sha256: String,
    pub message: String,
    pub statement: String,
    pub iban: String,
    pub currency: String,
    pub opening_minor: Option<i64>,
    pub closing_minor: Option<i64>,
    pub imported_at: NaiveDateTime,
    pub imported_by: i64,
    pub file_id: Option<i64>,
    /// The days that it covers, where the bank says so.
    pub from_date: Option<NaiveDate>,
    pub to_date: Option<NaiveDate>,
    /// How it follows the statement before it: `none`, `first`, `follows`, `gap`, `overlap` or `explained`.
    pub continuity: String,
    /// Opening balance less the closing balance before it.
    pub gap_minor: i64,
    pub reason: String,
    /// The platform's account that it is of.
    pub custody_id: i64,
}

/// A bank's file as it was kept, and how far it has been taken up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = bank_files, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct BankFile {
    pub id: i64,
    pub sha256: String,
    pub name: String,
    /// `statement` or `status`.
    pub kind: String,
    /// `kept`, `importing` or `imported`.
    pub state: String,
    pub lines: i64,
    pub lines_done: i64,
    pub kept_at: NaiveDateTime,
    pub kept_by: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = bank_lines, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct BankLine {
    pub id: i64,
    pub statement_id: i64,
    pub currency: String,
    pub direction: String,
    pub amount_minor: i64,
    pub booking_date: NaiveDate,
    pub value_date: NaiveDate,
    pub bank_reference: String,
    pub reference: String,
    pub end_to_end: String,
    pub counterparty: String,
    pub counterparty_iban: String,
    pub remittance: String,
    pub state: String,
    pub party_id: Option<i64>,
    pub receivable_id: Option<i64>,
    pub note: String,
    /// Why it waits, or what is special about it; empty for an ordinary line.
    pub kind: String,
    pub fingerprint: String,
    /// Which of its equals in the statement it is, from 1.
    pub occurrence: i64,
    /// The other line about the same money.
    pub twin_id: Option<i64>,
    pub payout_id: Option<i64>,
    /// What the platform may still claim because of it.
    pub claim_minor: i64,
    /// The platform's account that it stands on.
    pub custody_id: i64,
    /// The platform's other account, where the money moves between two of its own.
    pub transfer_id: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = payouts, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Payout {
    pub id: i64,
    pub party_id: Option<i64>,
    pub bank_line_id: Option<i64>,
    pub currency: String,
    pub amount_minor: i64,
    pub iban: String,
    pub bic: String,
    pub holder: String,
    pub state: String,
    pub hold_number: i64,
    pub end_to_end: String,
    pub file_id: Option<i64>,
    pub created_at: NaiveDateTime,
    /// The day after which the bank's silence is no longer normal; none before it was sent.
    pub expected_date: Option<NaiveDate>,
    /// The last status code that the bank gave (ISO 20022).
    pub bank_status: String,
    /// Why it was rejected or came back.
    pub reason_code: String,
    pub note: String,
    /// The platform's account that its file draws on, or that it has left.
    pub custody_id: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = status_reports, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct StatusReport {
    pub id: i64,
    pub sha256: String,
    pub message: String,
    pub original_message: String,
    pub imported_at: NaiveDateTime,
    pub imported_by: i64,
    /// Digest of all that the report says; nothing where it came before that was kept.
    pub content: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = status_lines, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct StatusLine {
    pub id: i64,
    pub report_id: i64,
    pub original_id: String,
    pub payout_id: Option<i64>,
    pub status: String,
    pub reason_code: String,
    pub note: String,
    pub state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = payment_files, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct PaymentFile {
    pub id: i64,
    pub currency: String,
    pub payments: i64,
    pub total_minor: i64,
    pub document: String,
    pub created_at: NaiveDateTime,
    /// The account that it draws on.
    pub custody_id: i64,
}

/// One of the platform's accounts at a bank. Its number is the owner of its ledger accounts; 0 is the account of the founding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = custody_accounts, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct CustodyAccount {
    pub id: i64,
    pub iban: String,
    pub bic: String,
    pub bank: String,
    pub holder: String,
    /// The one currency that it carries; empty: every currency.
    pub currency: String,
    /// `open`, `closing` or `closed`.
    pub state: String,
    pub reason: String,
    pub opened_on: NaiveDate,
    pub closing_on: Option<NaiveDate>,
    pub closed_on: Option<NaiveDate>,
    pub proposed_by: i64,
    pub agreed_by: i64,
}

/// Which account of a currency pays out and is told to payers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = custody_choices, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct CustodyChoice {
    pub currency: String,
    pub account_id: i64,
    pub chosen_on: NaiveDate,
    pub chosen_by: i64,
    pub agreed_by: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = approvals, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Approval {
    pub id: i64,
    pub party_id: i64,
    pub command: String,
    pub body: String,
    pub body_hash: String,
    pub amount_minor: Option<i64>,
    pub currency: String,
    pub subject_id: i64,
    pub maker_id: i64,
    pub checker_id: Option<i64>,
    pub state: String,
    pub reason: String,
    pub created_at: NaiveDateTime,
    pub decided_at: Option<NaiveDateTime>,
    /// How the maker had proven who they are, as evidence says it.
    pub made_with: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = audit, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct AuditRecord {
    pub seq: i64,
    pub at: NaiveDateTime,
    pub business_date: NaiveDate,
    pub party_id: i64,
    pub user_id: i64,
    pub approver_id: Option<i64>,
    pub command: String,
    pub subject_id: i64,
    pub idempotency_key: String,
    pub input_hash: String,
    pub input: String,
    pub outcome: String,
    pub first_transfer: i64,
    pub last_transfer: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = notices, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Notice {
    pub id: i64,
    pub party_id: i64,
    pub user_id: Option<i64>,
    pub kind: String,
    pub arguments: String,
    pub link: String,
    pub at: NaiveDateTime,
    pub mailed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = mails, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Mail {
    pub id: i64,
    pub notice_id: i64,
    pub address: String,
    pub subject: String,
    pub body: String,
    pub state: String,
    pub tries: i64,
    pub next_try_at: NaiveDateTime,
    pub sent_at: Option<NaiveDateTime>,
    pub error: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = ledger_accounts, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct AccountRow {
    pub id: i64,
    pub kind: String,
    pub owner_id: i64,
    pub asset_id: i64,
    pub balance: i64,
    pub held: i64,
    pub ceiling: Option<i64>,
    pub last_transfer: i64,
    pub chain: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = holds, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct HoldRow {
    pub number: i64,
    pub account_id: i64,
    pub remaining: i64,
    pub expires_at: Option<i64>,
    pub state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = transfers, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct TransferRow {
    pub number: i64,
    pub kind: i16,
    pub code: i16,
    pub asset_id: i64,
    pub amount: i64,
    pub debit_account: i64,
    pub debit_balance: i64,
    pub debit_held: i64,
    pub debit_previous: i64,
    pub debit_jump: i64,
    pub credit_account: Option<i64>,
    pub credit_balance: Option<i64>,
    pub credit_held: Option<i64>,
    pub credit_previous: Option<i64>,
    pub credit_jump: Option<i64>,
    pub hold: Option<i64>,
    pub command: i64,
    pub value_date: NaiveDate,
    pub business_date: NaiveDate,
    pub booked_at: NaiveDateTime,
}

/// The leaf hashes of one flush.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = log_runs, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct LogRun {
    pub first_seq: i64,
    pub last_seq: i64,
    pub hashes: Vec<u8>,
}

/// A complete subtree of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = log_nodes, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct LogNode {
    pub level: i64,
    pub position: i64,
    pub hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = checkpoints, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct CheckpointRow {
    pub size: i64,
    pub business_date: NaiveDate,
    pub signed_at: NaiveDateTime,
    pub note: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = day_sums, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct DaySumsRow {
    pub day: NaiveDate,
    pub audit_seq: i64,
    pub last_transfer: i64,
    /// The leaves of the day's tree: one for each asset, and in version 2 one more for each undertaking.
    pub assets: i64,
    /// Its root in hexadecimal, and in version 2 of the tree a second word, `2`, as in the log.
    pub root: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = sum_trees, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct SumTreeRow {
    pub asset_id: i64,
    pub day: NaiveDate,
    pub entry: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = credit_notes, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct CreditNote {
    pub id: i64,
    pub supplier_id: i64,
    pub invoice_id: i64,
    pub number: String,
    pub number_key: String,
    pub type_code: String,
    pub issue_date: NaiveDate,
    pub currency: String,
    pub amount_minor: i64,
    pub state: String,
    pub document: String,
    pub created_at: NaiveDateTime,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = reviews, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Review {
    pub id: i64,
    pub invoice_id: i64,
    pub other_id: Option<i64>,
    pub credit_id: Option<i64>,
    pub rules: String,
    pub state: String,
    pub statement: String,
    pub reason: String,
    pub created_at: NaiveDateTime,
    pub decided_at: Option<NaiveDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = evidence, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Evidence {
    pub id: i64,
    pub invoice_id: i64,
    pub kind: String,
    pub name: String,
    pub document: String,
    pub created_at: NaiveDateTime,
}

/// Who confirms by one-time link for a company that hardly ever does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = buyer_contacts, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct BuyerContact {
    pub id: i64,
    pub party_id: i64,
    /// The person on the register, without a password or a role.
    pub user_id: i64,
    /// `telephone` or `email`.
    pub channel: String,
    pub second: String,
    pub source: String,
    pub currency: String,
    pub limit_minor: i64,
    pub link_hours: i64,
    /// `active` or `ended`.
    pub state: String,
    pub recorded_by: i64,
    pub agreed_by: i64,
    pub recorded_at: NaiveDateTime,
    pub ended_at: Option<NaiveDateTime>,
}

/// A one-time link to one invoice for one contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = confirmation_links, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ConfirmationLink {
    pub id: i64,
    pub invoice_id: i64,
    pub contact_id: i64,
    pub token_hash: String,
    /// Empty until a code was given.
    pub code_hash: String,
    pub tries: i64,
    /// `open`, `used`, `revoked` or `locked`.
    pub state: String,
    pub reason: String,
    pub issued_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
    pub ended_at: Option<NaiveDateTime>,
    /// The code's end; a link outlives several.
    pub code_until: Option<NaiveDateTime>,
}

/// A payable that its buyer approved before the invoice came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = approved_payables, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ApprovedPayable {
    pub id: i64,
    pub list_id: i64,
    pub buyer_id: i64,
    pub supplier_id: i64,
    pub number: String,
    pub number_key: String,
    pub issue_date: NaiveDate,
    pub due_date: NaiveDate,
    pub currency: String,
    pub payable_minor: i64,
    pub order_reference: String,
    pub payment_reference: String,
    pub words_en: String,
    pub words_zh: String,
    pub words_hash: String,
    /// `waiting`, `excluded`, `approved`, `used`, `withdrawn` or `refused`.
    pub state: String,
    pub refusal: String,
    pub invoice_id: Option<i64>,
}

/// A buyer's programme: whose, in which currency, and whether it is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = programmes, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Programme {
    pub id: i64,
    pub buyer_id: i64,
    pub currency: String,
    pub name: String,
    pub state: String,
    /// Why it is no longer open.
    pub reason: String,
    pub created_at: NaiveDateTime,
}

/// One version of a programme's terms; never edited once it was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = programme_versions, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ProgrammeVersion {
    pub id: i64,
    pub programme_id: i64,
    pub version: i64,
    pub least_tenor_days: i64,
    pub most_tenor_days: i64,
    pub most_age_days: i64,
    pub advance_bps: i64,
    pub reserve_bps: i64,
    pub settlement_fee_bps: i64,
    pub purchase_fee_bps: i64,
    pub minimum_fee_minor: i64,
    pub minimum_ticket_minor: i64,
    pub fee_bearer: String,
    pub grace_days: i64,
    pub recourse: String,
    pub begins_on: NaiveDate,
    pub state: String,
    pub reason: String,
    pub proposed_by: i64,
    pub agreed_by: i64,
    pub proposed_at: NaiveDateTime,
    pub decided_by: Option<i64>,
    pub decided_at: Option<NaiveDateTime>,
}

/// A supplier's part in a programme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = programme_members, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ProgrammeMember {
    pub id: i64,
    pub programme_id: i64,
    pub buyer_id: i64,
    pub currency: String,
    pub supplier_id: i64,
    pub state: String,
    /// The version that was accepted; 0 before that.
    pub version: i64,
    /// The version that waits for an answer; 0 if none does.
    pub asked_version: i64,
    pub reason: String,
    pub invited_by: i64,
    pub answered_by: Option<i64>,
    pub invited_at: NaiveDateTime,
    pub answered_at: Option<NaiveDateTime>,
    pub ended_at: Option<NaiveDateTime>,
}

/// A fee that a buyer bears, and how much of it was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = fee_bills, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct FeeBill {
    pub id: i64,
    pub buyer_id: i64,
    pub receivable_id: i64,
    /// None for the settlement fee of the receivable.
    pub purchase_id: Option<i64>,
    pub currency: String,
    /// `purchase` or `settlement`.
    pub kind: String,
    pub amount_minor: i64,
    pub paid_minor: i64,
    pub arose_on: NaiveDate,
}
