//! Ids: one type for each kind of record, so that two of them are never exchanged. All share one sequence (docs/adr/0003).

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// The number of a record, of one kind.
pub trait Id: Copy + Ord + std::hash::Hash + fmt::Debug + fmt::Display + From<i64> {
    /// The number as a column stores it.
    fn number(self) -> i64;
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl Id for $name {
            fn number(self) -> i64 {
                self.0
            }
        }
        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self(number)
            }
        }
        impl From<$name> for i64 {
            fn from(id: $name) -> Self {
                id.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        crate::column!($name, BigInt);
        impl<DB: Backend> ToSql<BigInt, DB> for $name
        where
            i64: ToSql<BigInt, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }
        impl<DB: Backend> FromSql<BigInt, DB> for $name
        where
            i64: FromSql<BigInt, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                i64::from_sql(bytes).map(Self)
            }
        }
        impl FromStr for $name {
            type Err = ParseIntError;
            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                text.parse().map(Self)
            }
        }
    };
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        $(
            id! { $(#[$doc])* $name }
            impl From<$name> for RecordId {
                fn from(id: $name) -> Self {
                    Self(id.0)
                }
            }
            impl PartialEq<$name> for RecordId {
                fn eq(&self, id: &$name) -> bool {
                    self.0 == id.0
                }
            }
        )+

        /// Calls a macro with the names of all ids.
        #[macro_export]
        macro_rules! for_each_id {
            ($called:ident) => { $called! { RecordId, $($name),+ } };
        }
    };
}

id! {
    /// A record of any kind: the subject of an audit record or a request, or the owner of an account of the ledger.
    RecordId
}

ids! {
    /// A company; 0 and 1 are the platform itself.
    PartyId,
    CompanyVersionId,
    UserId,
    AddressChangeId,
    SessionId,
    /// A mailed link by which a person signs in.
    SignInLinkId,
    BankAccountId,
    BuyerLimitId,
    SoloActsId,
    InvoiceId,
    ConfirmationId,
    MessageId,
    ConfirmationListId,
    ConfirmationItemId,
    ApprovedPayableId,
    ContactId,
    ConfirmationLinkId,
    CreditNoteId,
    ReviewId,
    EvidenceId,
    /// A receivable; the asset of its fractions has the same number.
    ReceivableId,
    /// The asset of a receivable's reserve.
    ReserveId,
    DistributionId,
    OfferId,
    PurchaseId,
    StatementId,
    BankFileId,
    BankLineId,
    PayoutId,
    PaymentFileId,
    StatusReportId,
    StatusLineId,
    /// The platform's account at a bank; 0 is the account of the founding.
    CustodyId,
    /// A request that waits for its second person.
    ApprovalId,
    ProgrammeId,
    ProgrammeVersionId,
    MemberId,
    FeeBillId,
    NoticeId,
    MailId,
    /// The place of a record in the audit, from 1.
    AuditSeq,
    /// The transfer that placed a hold; 0 where nothing is held.
    HoldNumber,
}

impl From<ReceivableId> for ledger::AssetId {
    /// The fractions.
    fn from(id: ReceivableId) -> Self {
        Self(id.0)
    }
}

impl From<ReserveId> for ledger::AssetId {
    fn from(id: ReserveId) -> Self {
        Self(id.0)
    }
}

impl From<HoldNumber> for ledger::TransferNumber {
    fn from(hold: HoldNumber) -> Self {
        Self(hold.0)
    }
}

impl From<ledger::TransferNumber> for HoldNumber {
    fn from(number: ledger::TransferNumber) -> Self {
        Self(number.0)
    }
}
