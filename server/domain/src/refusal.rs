//! Every way in which a rule says no. The code is stable: the API, the texts and the tests are keyed by it.

use chrono::NaiveDate;

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident $({ $($field:ident: $kind:ty),+ $(,)? })? => $code:literal,)+) => {
        /// A rule says no.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Refusal { $($(#[$doc])* $variant $({ $($field: $kind),+ })?,)+ }

        impl Refusal {
            /// All codes, for the test that wants a status, a test and two sentences for each.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            #[must_use]
            pub fn code(&self) -> &'static str {
                match self { $(Self::$variant $({ $($field: _),+ })? => $code,)+ }
            }

            /// What the sentence needs: name and value, amounts as minor units.
            #[must_use]
            pub fn arguments(&self) -> Vec<(&'static str, String)> {
                match self { $(Self::$variant $({ $($field),+ })? => vec![$($((stringify!($field), $field.to_string())),+)?],)+ }
            }
        }
    };
}

refusals! {
    // Who may act
    /// The record is not there, or belongs to somebody else: the answer is the same.
    NotFound => "not_found",
    /// The role does not allow it.
    NotPermitted => "not_permitted",
    CompanyNotActive => "company_not_active",
    CapacityMissing => "capacity_missing",
    /// The same person may not make and approve.
    SamePerson => "same_person",
    /// Whoever would agree stands behind the one who asked.
    NotIndependent => "not_independent",
    /// Whoever asked may not ask for it any more.
    AskerLacksRight => "asker_lacks_right",
    ApprovalDecided => "approval_already_decided",
    /// What is approved is not what was asked for.
    ApprovalChanged => "approval_content_changed",
    // The request itself
    /// The key was used before with other content.
    KeyReused => "idempotency_key_reused",
    FieldInvalid { field: String } => "field_invalid",
    FieldMissing { field: String } => "field_missing",
    AmountInvalid { field: String } => "amount_invalid",
    TextTooLong { field: String, most: usize } => "text_too_long",
    DateInvalid { field: String } => "date_invalid",
    OutOfRange { field: String, least: i64, most: i64 } => "out_of_range",
    AmountOutOfRange { field: String, least_minor: i64, most_minor: i64 } => "amount_out_of_range",
    StateConflict { state: String } => "state_conflict",
    // People
    SignInFailed => "sign_in_failed",
    PasswordTooShort => "password_too_short",
    PasswordBreached => "password_breached",
    PasswordWrong => "password_wrong",
    TotpWrong => "totp_wrong",
    /// The secret of a second factor was not shown to this person, or too long ago.
    TotpSecretStale => "totp_secret_stale",
    /// The role makes or checks money, and the person has no second factor yet.
    SecondFactorNeeded => "second_factor_needed",
    /// An initial password must be changed first, and opens nothing after its time.
    PasswordChangeNeeded => "password_change_needed",
    PasswordExpired => "password_expired",
    /// A fresh code for this act, one that was shown too long ago, and one for another act.
    StepUpNeeded => "step_up_needed",
    StepUpStale => "step_up_stale",
    StepUpMismatch => "step_up_mismatch",
    LinkInvalid => "link_invalid",
    EmailTaken { field: String } => "email_taken",
    /// The two first people of a company are one.
    TwoPeopleNeeded { field: String } => "two_people_needed",
    LastAdministrator => "last_administrator",
    /// Nobody but the one who asks could agree.
    SecondPersonMissing => "second_person_missing",
    // Companies
    TaxIdTaken => "tax_id_taken",
    /// Another company has this GLN or electronic address.
    IdentifierTaken { field: String } => "identifier_taken",
    /// What is sent is what is there already.
    NothingChanged => "nothing_changed",
    IbanInvalid => "iban_invalid",
    /// It takes only payments with a QR reference.
    QrIban => "qr_iban",
    /// A country without IBANs: digits of an account number.
    AccountNumberInvalid { least: usize, most: usize } => "account_number_invalid",
    /// Such a number is only found with its bank: a BIC, or so many marks of the clearing system's code.
    BankCodeInvalid { system: &'static str, marks: usize } => "bank_code_invalid",
    /// Money came from an account of which the bank's file does not say enough to pay it back.
    PayerAccountUnknown => "payer_account_unknown",
    CurrencyUnknown { currency: String } => "currency_unknown",
    BankAccountMissing { currency: String } => "bank_account_missing",
    // Invoices
    DuplicateInvoice { number: String } => "duplicate_invoice",
    NotTheSupplier { found: String, own: String } => "not_the_supplier",
    BuyerUnknown => "buyer_unknown",
    /// Several companies have the name or address that the file gives for the buyer.
    BuyerSeveral { name: String } => "buyer_several",
    BuyerIsSupplier => "buyer_is_supplier",
    PayableNotPositive => "payable_not_positive",
    DocumentNotFinanceable { type_code: String } => "document_not_financeable",
    DueDateTooClose { due_date: NaiveDate } => "due_date_too_close",
    DueDateTooFar { due_date: NaiveDate } => "due_date_too_far",
    AmountTooLarge => "amount_too_large",
    /// A person has to look at it first; the same on what was made of it.
    UnderReview => "under_review",
    ReviewDecided => "review_already_decided",
    /// A credit note or replacement names an invoice that is not here.
    NamedInvoiceUnknown { number: String } => "named_invoice_unknown",
    /// The number is here, and no invoice of the day that the file states has it.
    NamedInvoiceDate { number: String, issue_date: NaiveDate } => "named_invoice_date",
    /// Several invoices have the number, and the file does not say which day's is meant.
    NamedInvoiceSeveral { number: String } => "named_invoice_several",
    /// Its day has not begun yet.
    IssuedLater { issue_date: NaiveDate } => "issued_later",
    EvidenceFull { most: usize } => "evidence_full",
    /// Evidence is a PDF, a picture or an XML file.
    EvidenceKindUnknown => "evidence_kind_unknown",
    CreditTooLarge { payable_minor: i64 } => "credit_too_large",
    /// A table would give people more to look at than they can.
    TableNeedsPeople { most: usize } => "table_needs_people",
    TooManyFiles { most: String } => "too_many_files",
    FileTooLarge => "file_too_large",
    // Confirmation
    ConfirmedTooMuch { payable_minor: i64 } => "confirmed_too_much",
    /// What is confirmed and what was deducted do not sum to what is payable.
    DeductionsDiffer { payable_minor: i64 } => "deductions_differ",
    ReasonMissing => "reason_missing",
    UndertakingChanged => "undertaking_changed",
    /// Other terms than those that were shown would hold for it.
    TermsChanged => "terms_changed",
    PaymentListChanged => "payment_list_changed",
    /// An act on many was asked for, and none was chosen.
    NothingChosen => "nothing_chosen",
    TooManyChosen { most: usize } => "too_many_chosen",
    /// Nobody is recorded to whom a link could be mailed.
    ContactMissing => "contact_missing",
    /// More than a contact may confirm by link.
    AboveContactLimit { most_minor: i64 } => "above_contact_limit",
    TooManyLinks { most: usize } => "too_many_links",
    /// A row of the buyer's payables names no supplier of the platform.
    SupplierUnknown => "supplier_unknown",
    // Programmes
    /// An invitation names no supplier of the platform, or more than one.
    InviteeUnknown { line: usize, named: String } => "invitee_unknown",
    /// Another version than the one that was looked at waits for the answer.
    ProgrammeChanged => "programme_changed",
    /// The supplier is in another programme of this buyer in this currency.
    OtherProgramme { name: String } => "other_programme",
    // Receivables, offers, purchases
    RateOutOfRange => "rate_out_of_range",
    CloseDateInvalid => "close_date_invalid",
    MinimumTicketInvalid { least_minor: i64, most_minor: i64 } => "minimum_ticket_invalid",
    NotEnoughUnits { available_minor: i64 } => "not_enough_units",
    /// More than the programme's advance rate leaves to sell.
    AboveAdvance { left_minor: i64 } => "above_advance",
    OfferClosed => "offer_closed",
    OwnOffer => "own_offer",
    OwnDebt => "own_debt",
    /// The platform does not let the buyer trade: what it owes is neither offered nor bought.
    BuyerStopped => "buyer_stopped",
    /// A payment of the buyer has been overdue for longer than is let pass.
    BuyerOverdue { since: NaiveDate } => "buyer_overdue",
    BelowMinimumTicket { minimum_minor: i64 } => "below_minimum_ticket",
    /// Only so much is left, and nothing was taken.
    SoldOut { left_minor: i64 } => "sold_out",
    RemainderTooSmall { left_minor: i64, minimum_minor: i64 } => "remainder_too_small",
    PriceNotPositive => "price_not_positive",
    PriceChanged => "price_changed",
    ReceivableMatured { due_date: NaiveDate } => "receivable_matured",
    /// More holders than fit one batch are being paid; until that is done nothing else moves their units.
    PaymentBeingShared => "payment_being_shared",
    InsufficientCash { available_minor: i64 } => "insufficient_cash",
    BuyerLimitExceeded { room_minor: i64 } => "buyer_limit_exceeded",
    // Money in and out
    StatementRepeated => "statement_repeated",
    StatementInFuture { day: NaiveDate } => "statement_in_future",
    StatementAccountUnknown { account: String } => "statement_account_unknown",
    LineSettled => "line_already_settled",
    ReferenceUnknown => "reference_unknown",
    /// Another request about the same line waits for its second person.
    RequestPending { approval_id: i64 } => "request_pending",
    /// A bank's file has brought this money already.
    ReceiptKnown { line_id: i64 } => "receipt_known",
    /// What the file would do is no longer what the check page showed.
    CheckChanged => "check_changed",
    /// The two records that are to be one differ in amount or currency.
    NotSameMoney => "not_same_money",
    NothingToPay => "nothing_to_pay",
    // The platform's accounts at banks
    CustodyAccountKnown { account: String } => "custody_account_known",
    /// No open account of the platform carries the currency.
    CustodyAccountMissing { currency: String } => "custody_account_missing",
    /// The account carries another currency.
    CustodyCurrencyOther { account: String, currency: String } => "custody_currency_other",
    /// It pays out and is told to payers: another one must be chosen first.
    CustodyAccountChosen { currency: String } => "custody_account_chosen",
    CustodyNotEmpty { currency: String, left_minor: i64 } => "custody_not_empty",
    /// So many lines, payouts and transfers of it wait.
    CustodyStillUsed { found: i64 } => "custody_still_used",
    /// The file would draw more than the account has by the books.
    CustodyShort { account: String, currency: String, available_minor: i64 } => "custody_short",
    // Days
    DayNotReached { date: NaiveDate } => "day_not_reached",
    DayInPast { date: NaiveDate } => "day_in_past",
    /// Register, party accounts, ledger and bank statement do not agree.
    BooksDoNotBalance { asset: String } => "books_do_not_balance",
    /// No end of day has been signed yet that the proof could rest on.
    ProofNotReady => "proof_not_ready",
    /// The company had no balance at that end of day.
    NothingToProve => "nothing_to_prove",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_arguments_named() {
        let mut codes = Refusal::CODES.to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Refusal::CODES.len());
        let refusal = Refusal::SoldOut { left_minor: 5 };
        assert_eq!((refusal.code(), refusal.arguments()), ("sold_out", vec![("left_minor", "5".to_owned())]));
        assert!(Refusal::NotFound.arguments().is_empty());
    }
}
