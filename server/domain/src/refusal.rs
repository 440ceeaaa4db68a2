//! Every way in which a rule says no. The code is stable: the API, the texts and the tests are keyed by it.

use chrono::NaiveDate;
use kernel::{ApprovalId, BankLineId};

/// The meaning of a refusal for the caller, whatever it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The record is not there for this caller.
    Missing,
    /// This person, company or session may not do it.
    Forbidden,
    /// The caller has not proven who it is.
    Unproven,
    /// The record is in another state than the request needs.
    Conflict,
    TooMany,
    TooLarge,
    /// The request itself is wrong.
    Invalid,
}

macro_rules! refusals {
    (@kind missing) => { Kind::Missing };
    (@kind forbidden) => { Kind::Forbidden };
    (@kind unproven) => { Kind::Unproven };
    (@kind conflict) => { Kind::Conflict };
    (@kind too_many) => { Kind::TooMany };
    (@kind too_large) => { Kind::TooLarge };
    (@kind invalid) => { Kind::Invalid };
    (@about) => { "" };
    (@about $about:literal) => { $about };
    ($($(#[$doc:meta])* $variant:ident $({ $($field:ident: $type:ty),+ $(,)? })? => $kind:ident $code:literal $(at $about:literal)?,)+) => {
        /// A rule says no.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Refusal { $($(#[$doc])* $variant $({ $($field: $type),+ })?,)+ }

        impl Refusal {
            /// Every code and its kind.
            pub const ALL: &'static [(&'static str, Kind)] = &[$(($code, refusals!(@kind $kind))),+];

            #[must_use]
            pub fn code(&self) -> &'static str {
                match self { $(Self::$variant $({ $($field: _),+ })? => $code,)+ }
            }

            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$variant $({ $($field: _),+ })? => refusals!(@kind $kind),)+ }
            }

            /// The field of a form that it is about; empty where it is about none.
            #[must_use]
            pub fn field(&self) -> String {
                let named = self.arguments().into_iter().find(|(name, _)| *name == "field").map(|(_, value)| value);
                named.unwrap_or_else(|| match self { $(Self::$variant $({ $($field: _),+ })? => refusals!(@about $($about)?),)+ }.to_owned())
            }

            /// The arguments of the sentence: name and value, amounts as minor units.
            #[must_use]
            pub fn arguments(&self) -> Vec<(&'static str, String)> {
                match self { $(Self::$variant $({ $($field),+ })? => vec![$($((stringify!($field), $field.to_string())),+)?],)+ }
            }
        }
    };
}

refusals! {
    // Who may act
    /// The record is not there, or belongs to another company: the answer is the same.
    NotFound => missing "not_found",
    /// The role does not allow it.
    NotPermitted => forbidden "not_permitted",
    CompanyNotActive => forbidden "company_not_active",
    CapacityMissing => forbidden "capacity_missing",
    /// The same person may not make and approve.
    SamePerson => forbidden "same_person",
    /// The person who would agree stands behind the one who asked.
    NotIndependent => forbidden "not_independent",
    /// The person who asked has lost the right to ask for it.
    AskerLacksRight => conflict "asker_lacks_right",
    ApprovalDecided => conflict "approval_already_decided",
    /// The approved content is not the content of the request.
    ApprovalChanged => conflict "approval_content_changed",
    // The request itself
    /// The key was used before with other content.
    KeyReused => invalid "idempotency_key_reused",
    FieldInvalid { field: String } => invalid "field_invalid",
    FieldMissing { field: String } => invalid "field_missing",
    AmountInvalid { field: String } => invalid "amount_invalid",
    TextTooLong { field: String, most: usize } => invalid "text_too_long",
    DateInvalid { field: String } => invalid "date_invalid",
    OutOfRange { field: String, least: i64, most: i64 } => invalid "out_of_range",
    AmountOutOfRange { field: String, least_minor: i64, most_minor: i64 } => invalid "amount_out_of_range",
    StateConflict { state: String } => conflict "state_conflict",
    // People
    SignInFailed => unproven "sign_in_failed",
    PasswordTooShort => invalid "password_too_short" at "password",
    PasswordBreached => invalid "password_breached" at "password",
    PasswordWrong => unproven "password_wrong" at "current",
    TotpWrong => unproven "totp_wrong" at "code",
    /// The secret of a second factor was not shown to this person, or too long ago.
    TotpSecretStale => conflict "totp_secret_stale" at "code",
    /// The role makes or checks money, and the person has no second factor yet.
    SecondFactorNeeded => forbidden "second_factor_needed",
    /// An initial password must be changed first, and opens nothing after its time.
    PasswordChangeNeeded => forbidden "password_change_needed",
    PasswordExpired => unproven "password_expired",
    /// A fresh code for this act, one that was shown too long ago, and one for another act.
    StepUpNeeded => forbidden "step_up_needed",
    StepUpStale => conflict "step_up_stale",
    StepUpMismatch => conflict "step_up_mismatch",
    LinkInvalid => missing "link_invalid",
    EmailTaken { field: String } => conflict "email_taken" at "email",
    /// The two first people of a company are one.
    TwoPeopleNeeded { field: String } => invalid "two_people_needed",
    LastAdministrator => conflict "last_administrator",
    /// Only the person who asks could agree.
    SecondPersonMissing => conflict "second_person_missing",
    // Companies
    TaxIdTaken => conflict "tax_id_taken" at "tax_id",
    /// Another company has this GLN or electronic address.
    IdentifierTaken { field: String } => conflict "identifier_taken" at "gln",
    /// The sent values equal the stored ones.
    NothingChanged => conflict "nothing_changed" at "reason",
    IbanInvalid => invalid "iban_invalid" at "iban",
    /// It takes only payments with a QR reference.
    QrIban => invalid "qr_iban" at "iban",
    /// A country without IBANs: digits of an account number.
    AccountNumberInvalid { least: usize, most: usize } => invalid "account_number_invalid" at "iban",
    /// Such a number needs its bank: a BIC, or the clearing system's code of `marks` marks.
    BankCodeInvalid { system: &'static str, marks: usize } => invalid "bank_code_invalid" at "bic",
    /// Money came from an account of which the bank's file does not say enough to pay it back.
    PayerAccountUnknown => invalid "payer_account_unknown",
    CurrencyUnknown { currency: String } => invalid "currency_unknown" at "currency",
    BankAccountMissing { currency: String } => invalid "bank_account_missing" at "currency",
    // Invoices
    DuplicateInvoice { number: String } => conflict "duplicate_invoice",
    NotTheSupplier { found: String, own: String } => invalid "not_the_supplier",
    BuyerUnknown => invalid "buyer_unknown",
    /// Several companies have the name or address that the file gives for the buyer.
    BuyerSeveral { name: String } => invalid "buyer_several",
    BuyerIsSupplier => invalid "buyer_is_supplier",
    PayableNotPositive => invalid "payable_not_positive",
    DocumentNotFinanceable { type_code: String } => invalid "document_not_financeable",
    DueDateTooClose { due_date: NaiveDate } => invalid "due_date_too_close" at "due_date",
    DueDateTooFar { due_date: NaiveDate } => invalid "due_date_too_far" at "due_date",
    AmountTooLarge => invalid "amount_too_large",
    /// A person has to look at the invoice first. The same holds for the receivable made of it.
    UnderReview => conflict "under_review",
    ReviewDecided => conflict "review_already_decided",
    /// A credit note or replacement names an invoice that is not here.
    NamedInvoiceUnknown { number: String } => invalid "named_invoice_unknown",
    /// The number is here, and no invoice of the day that the file states has it.
    NamedInvoiceDate { number: String, issue_date: NaiveDate } => invalid "named_invoice_date",
    /// Several invoices have the number, and the file does not say which day's is meant.
    NamedInvoiceSeveral { number: String } => invalid "named_invoice_several",
    /// Its day has not begun yet.
    IssuedLater { issue_date: NaiveDate } => invalid "issued_later",
    EvidenceFull { most: usize } => invalid "evidence_full",
    /// Evidence is a PDF, a picture or an XML file.
    EvidenceKindUnknown => invalid "evidence_kind_unknown",
    CreditTooLarge { payable_minor: i64 } => invalid "credit_too_large",
    /// A table would give people more to look at than they can.
    TableNeedsPeople { most: usize } => invalid "table_needs_people",
    TooManyFiles { most: String } => too_large "too_many_files",
    FileTooLarge => too_large "file_too_large" at "files",
    // Confirmation
    ConfirmedTooMuch { payable_minor: i64 } => invalid "confirmed_too_much" at "amount",
    /// The confirmed amount and the deductions do not sum to the payable amount.
    DeductionsDiffer { payable_minor: i64 } => invalid "deductions_differ" at "amount",
    ReasonMissing => invalid "reason_missing" at "reason",
    UndertakingChanged => conflict "undertaking_changed",
    /// Other terms than those that were shown would hold for it.
    TermsChanged => conflict "terms_changed",
    PaymentListChanged => conflict "payment_list_changed",
    /// An act on many was asked for, and none was chosen.
    NothingChosen => invalid "nothing_chosen" at "chosen",
    TooManyChosen { most: usize } => invalid "too_many_chosen" at "chosen",
    /// The buyer has no recorded contact to whom a link could be mailed.
    ContactMissing => conflict "contact_missing",
    /// More than a contact may confirm by link.
    AboveContactLimit { most_minor: i64 } => invalid "above_contact_limit" at "amount",
    TooManyLinks { most: usize } => too_many "too_many_links",
    /// A row of the buyer's payables names no supplier of the platform.
    SupplierUnknown => invalid "supplier_unknown",
    // Programmes
    /// An invitation names no supplier of the platform, or more than one.
    InviteeUnknown { line: usize, named: String } => invalid "invitee_unknown" at "suppliers",
    /// Another version than the one that was looked at waits for the answer.
    ProgrammeChanged => conflict "programme_changed",
    /// The supplier is in another programme of this buyer in this currency.
    OtherProgramme { name: String } => conflict "other_programme",
    // Receivables, offers, purchases
    RateOutOfRange => invalid "rate_out_of_range" at "rate",
    CloseDateInvalid => invalid "close_date_invalid" at "close_date",
    MinimumTicketInvalid { least_minor: i64, most_minor: i64 } => invalid "minimum_ticket_invalid" at "minimum_ticket",
    NotEnoughUnits { available_minor: i64 } => conflict "not_enough_units" at "units",
    /// More than the programme's advance rate leaves to sell.
    AboveAdvance { left_minor: i64 } => conflict "above_advance" at "units",
    OfferClosed => conflict "offer_closed",
    OwnOffer => invalid "own_offer",
    OwnDebt => invalid "own_debt",
    /// The platform does not let the buyer trade: its debts are neither offered nor bought.
    BuyerStopped => conflict "buyer_stopped",
    /// A payment of the buyer has been overdue for longer than the platform tolerates.
    BuyerOverdue { since: NaiveDate } => conflict "buyer_overdue",
    BelowMinimumTicket { minimum_minor: i64 } => invalid "below_minimum_ticket" at "units",
    /// Only `left_minor` is left, and nothing was taken.
    SoldOut { left_minor: i64 } => conflict "sold_out" at "units",
    RemainderTooSmall { left_minor: i64, minimum_minor: i64 } => invalid "remainder_too_small" at "units",
    PriceNotPositive => invalid "price_not_positive",
    PriceChanged => conflict "price_changed",
    ReceivableMatured { due_date: NaiveDate } => conflict "receivable_matured",
    /// More holders than fit one batch are being paid. Until that is done, nothing else moves their units.
    PaymentBeingShared => conflict "payment_being_shared",
    InsufficientCash { available_minor: i64 } => conflict "insufficient_cash" at "amount",
    BuyerLimitExceeded { room_minor: i64 } => conflict "buyer_limit_exceeded" at "units",
    // Money in and out
    StatementRepeated => conflict "statement_repeated" at "files",
    StatementInFuture { day: NaiveDate } => invalid "statement_in_future",
    StatementAccountUnknown { account: String } => invalid "statement_account_unknown" at "files",
    LineSettled => conflict "line_already_settled",
    ReferenceUnknown => invalid "reference_unknown" at "reference",
    /// Another request about the same line waits for its second person.
    RequestPending { approval_id: ApprovalId } => conflict "request_pending",
    /// A bank's file has brought this money already.
    ReceiptKnown { line_id: BankLineId } => conflict "receipt_known",
    /// The file would now do something else than the check page showed.
    CheckChanged => conflict "check_changed",
    /// The two records that are to be one differ in amount or currency.
    NotSameMoney => invalid "not_same_money" at "other_id",
    NothingToPay => conflict "nothing_to_pay" at "currency",
    // The platform's accounts at banks
    CustodyAccountKnown { account: String } => conflict "custody_account_known" at "iban",
    /// No open account of the platform carries the currency.
    CustodyAccountMissing { currency: String } => conflict "custody_account_missing" at "currency",
    /// The account carries another currency.
    CustodyCurrencyOther { account: String, currency: String } => invalid "custody_currency_other" at "currency",
    /// The account pays out, and payers pay to it: the operator must choose another one first.
    CustodyAccountChosen { currency: String } => conflict "custody_account_chosen" at "currency",
    CustodyNotEmpty { currency: String, left_minor: i64 } => conflict "custody_not_empty",
    /// The number of its lines, payouts and transfers that still wait.
    CustodyStillUsed { found: i64 } => conflict "custody_still_used",
    /// The file would draw more than the account has by the books.
    CustodyShort { account: String, currency: String, available_minor: i64 } => conflict "custody_short" at "account_id",
    // Days
    DayNotReached { date: NaiveDate } => conflict "day_not_reached",
    DayInPast { date: NaiveDate } => conflict "day_in_past",
    /// Register, party accounts, ledger and bank statement do not agree.
    BooksDoNotBalance { asset: String } => conflict "books_do_not_balance",
    /// No end of day has been signed yet that the proof could rest on.
    ProofNotReady => conflict "proof_not_ready",
    /// The company had no balance at that end of day.
    NothingToProve => conflict "nothing_to_prove",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_arguments_named() {
        let mut codes: Vec<&str> = Refusal::ALL.iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Refusal::ALL.len());
        let refusal = Refusal::SoldOut { left_minor: 5 };
        assert_eq!((refusal.code(), refusal.arguments()), ("sold_out", vec![("left_minor", "5".to_owned())]));
        assert!(Refusal::NotFound.arguments().is_empty());
        assert_eq!((refusal.kind(), refusal.field().as_str()), (Kind::Conflict, "units"));
        assert_eq!(Refusal::FieldMissing { field: "name".to_owned() }.field(), "name");
    }
}
