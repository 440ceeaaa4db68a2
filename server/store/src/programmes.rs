//! What is asked about programmes: the terms that a version stands for, which one holds, and fees that a buyer still owes.

use crate::Receivable;
use crate::query;
use crate::records::Record;
use crate::table::table;
use crate::{Conn, Result, StoreError};
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use domain::pricing::{Bearer, SettlementFee};
use domain::programme::FeeKind;
use domain::programme::MemberState;
use domain::programme::ProgrammeState;
use domain::programme::VersionState;
use domain::programme::{ProgrammeTerms, Recourse};
use domain::receivable::FeeRule;
use kernel::FeeBillId;
use kernel::MemberId;
use kernel::PartyId;
use kernel::ProgrammeId;
use kernel::ProgrammeVersionId;
use kernel::PurchaseId;
use kernel::ReceivableId;
use kernel::UserId;

table! {
    /// A buyer's programme: whose, in which currency, and whether it is open.
    programmes: Programme (id) by ProgrammeId, marked {
        id: ProgrammeId => BigInt,
        buyer_id: PartyId => BigInt,
        currency: String => Text,
        name: String => Text,
        state: ProgrammeState => Text,
        /// Why it is no longer open.
        reason: String => Text,
        created_at: NaiveDateTime => Timestamp,
    }
}

table! {
    /// One version of a programme's terms; never edited once it was approved.
    programme_versions: ProgrammeVersion (id) by ProgrammeVersionId, marked {
        id: ProgrammeVersionId => BigInt,
        programme_id: ProgrammeId => BigInt,
        version: i64 => BigInt,
        least_tenor_days: i64 => BigInt,
        most_tenor_days: i64 => BigInt,
        most_age_days: i64 => BigInt,
        advance_bps: i64 => BigInt,
        reserve_bps: i64 => BigInt,
        settlement_fee_bps: i64 => BigInt,
        purchase_fee_bps: i64 => BigInt,
        minimum_fee_minor: i64 => BigInt,
        minimum_ticket_minor: i64 => BigInt,
        fee_bearer: Bearer => Text,
        grace_days: i64 => BigInt,
        recourse: Recourse => Text,
        begins_on: NaiveDate => Date,
        state: VersionState => Text,
        reason: String => Text,
        proposed_by: UserId => BigInt,
        agreed_by: UserId => BigInt,
        proposed_at: NaiveDateTime => Timestamp,
        decided_by: Option<UserId> => Nullable<BigInt>,
        decided_at: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    /// A supplier's part in a programme.
    programme_members: ProgrammeMember (id) by MemberId, marked {
        id: MemberId => BigInt,
        programme_id: ProgrammeId => BigInt,
        buyer_id: PartyId => BigInt,
        currency: String => Text,
        supplier_id: PartyId => BigInt,
        state: MemberState => Text,
        /// The version that was accepted; 0 before that.
        version: i64 => BigInt,
        /// The version that waits for an answer; 0 if none does.
        asked_version: i64 => BigInt,
        reason: String => Text,
        invited_by: UserId => BigInt,
        answered_by: Option<UserId> => Nullable<BigInt>,
        invited_at: NaiveDateTime => Timestamp,
        answered_at: Option<NaiveDateTime> => Nullable<Timestamp>,
        ended_at: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    /// A fee that a buyer bears, and how much of it was paid.
    fee_bills: FeeBill (id) by FeeBillId, marked without [paid_minor] {
        id: FeeBillId => BigInt,
        buyer_id: PartyId => BigInt,
        receivable_id: ReceivableId => BigInt,
        /// None for the settlement fee of the receivable.
        purchase_id: Option<PurchaseId> => Nullable<BigInt>,
        currency: String => Text,
        /// `purchase` or `settlement`.
        kind: FeeKind => Text,
        amount_minor: i64 => BigInt,
        paid_minor: i64 => BigInt,
        arose_on: NaiveDate => Date,
    }
}

impl ProgrammeVersion {
    #[must_use]
    pub fn terms(&self) -> ProgrammeTerms {
        ProgrammeTerms {
            least_tenor_days: self.least_tenor_days,
            most_tenor_days: self.most_tenor_days,
            most_age_days: self.most_age_days,
            advance_bps: self.advance_bps,
            reserve_bps: self.reserve_bps,
            settlement_fee_bps: self.settlement_fee_bps,
            purchase_fee_bps: self.purchase_fee_bps,
            minimum_fee_minor: self.minimum_fee_minor,
            minimum_ticket_minor: self.minimum_ticket_minor,
            fee_bearer: self.fee_bearer,
            grace_days: self.grace_days,
            recourse: self.recourse,
        }
    }
}

impl Receivable {
    /// Units that were sold of it.
    pub fn sold_minor(&self, conn: &mut Conn) -> Result<i64> {
        let sql = "SELECT CAST(COALESCE(SUM(units_minor - left_minor - reserved_minor), 0) AS BIGINT) AS value FROM offers WHERE receivable_id = ?";
        Ok(query::int(conn, sql, &[self.id.into()])?.unwrap_or(0))
    }

    /// When its settlement fee is due, and on what.
    pub fn fee_rule(&self) -> Result<FeeRule> {
        FeeRule::of_terms(&self.terms).ok_or_else(|| StoreError::Corrupt(format!("fee rule of receivable {}", self.id)))
    }

    /// The settlement fee that its supplier bears.
    #[must_use]
    pub fn settlement_fee(&self) -> SettlementFee {
        SettlementFee { whole_minor: self.settlement_fee_minor, face_minor: self.face_minor }
    }

    /// Who bears the fees of what is bought of it.
    #[must_use]
    pub fn bearer(&self) -> Bearer {
        // Without a programme there is nobody else.
        self.fee_bearer.get().unwrap_or(Bearer::Supplier)
    }

    /// What of the face its supplier must keep.
    #[must_use]
    pub fn kept_minor(&self) -> i64 {
        self.programme_id.map_or(0, |_| self.face_minor.saturating_sub(self.sellable_minor))
    }
}

/// The approved version of this number.
pub fn load_version(conn: &mut Conn, programme: i64, version: i64) -> Result<ProgrammeVersion> {
    let found = ProgrammeVersion::find_where(conn, "programme_id = ? AND version = ?", &[programme.into(), version.into()])?;
    found.ok_or_else(|| StoreError::Corrupt(format!("version {version} of programme {programme} is missing")))
}

/// The newest approved terms that have begun; before the first have, those that will.
pub fn find_current(conn: &mut Conn, programme: i64, today: NaiveDate) -> Result<Option<ProgrammeVersion>> {
    let approved = "programme_id = ? AND state = 'approved'";
    let begun = format!("{approved} AND begins_on <= ? ORDER BY version DESC LIMIT 1");
    if let Some(found) = ProgrammeVersion::find_where(conn, &begun, &[programme.into(), today.into()])? {
        return Ok(Some(found));
    }
    ProgrammeVersion::find_where(conn, &format!("{approved} ORDER BY version LIMIT 1"), &[programme.into()])
}

/// Fees that are not paid yet, oldest first.
pub fn list_open_bills(conn: &mut Conn, buyer: PartyId, currency: &str) -> Result<Vec<FeeBill>> {
    let condition = "buyer_id = ? AND currency = ? AND paid_minor < amount_minor ORDER BY id";
    FeeBill::list_where(conn, condition, &[buyer.into(), currency.into()])
}

/// A buyer's fees in one currency: what is open, and what arose on a day.
#[derive(Clone, Debug, diesel::QueryableByName)]
pub struct OpenFees {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub buyer_id: PartyId,
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub currency: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub open_minor: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub new_minor: i64,
}

/// Whoever still owes fees, with what of them arose on `day`.
pub fn list_open_fees(conn: &mut Conn, day: NaiveDate) -> Result<Vec<OpenFees>> {
    let sql = "SELECT buyer_id, currency, CAST(SUM(amount_minor - paid_minor) AS BIGINT) AS open_minor, \
               CAST(SUM(CASE WHEN arose_on = ? THEN amount_minor ELSE 0 END) AS BIGINT) AS new_minor \
               FROM fee_bills WHERE paid_minor < amount_minor GROUP BY buyer_id, currency ORDER BY buyer_id, currency";
    query::list(conn, sql, &[day.into()])
}

/// Pays bills, oldest first, up to `amount_minor` in all. The bills before `last` are paid whole, `last` has then got `last_minor`.
pub fn pay_bills(conn: &mut Conn, (buyer, currency): (i64, &str), (last, last_minor): (i64, i64)) -> Result<()> {
    let whole = "UPDATE fee_bills SET paid_minor = amount_minor WHERE buyer_id = ? AND currency = ? AND paid_minor < amount_minor AND id < ?";
    query::execute(conn, whole, &[buyer.into(), currency.into(), last.into()])?;
    query::execute(conn, "UPDATE fee_bills SET paid_minor = ? WHERE id = ?", &[last_minor.into(), last.into()])?;
    Ok(())
}
