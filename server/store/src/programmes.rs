//! Programmes: the terms of a version, the version that holds, the members, and fees that a buyer still owes.

use crate::Receivable;
use crate::fixed::{Fixed, fixed};
use crate::query;
use crate::table::table;
use crate::{Conn, Result, StoreError};
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use diesel::dsl;
use diesel::prelude::*;
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

    /// The party that bears the fees of its purchases.
    #[must_use]
    pub fn bearer(&self) -> Bearer {
        // Without a programme only the supplier can bear them.
        self.fee_bearer.get().unwrap_or(Bearer::Supplier)
    }

    /// The part of the face that its supplier must keep.
    #[must_use]
    pub fn kept_minor(&self) -> i64 {
        self.programme_id.map_or(0, |_| self.face_minor.saturating_sub(self.sellable_minor))
    }
}

/// The open programme of a buyer in a currency; the oldest of several.
pub fn find_open_programme(conn: &mut Conn, buyer: PartyId, currency: &str) -> Result<Option<Programme>> {
    let open = programmes::table
        .filter(programmes::buyer_id.eq(buyer))
        .filter(programmes::currency.eq(currency))
        .filter(programmes::state.eq(ProgrammeState::Open));
    Ok(open.order(programmes::id).first(conn).optional()?)
}

/// The version of this number.
pub fn load_version(conn: &mut Conn, programme: ProgrammeId, version: i64) -> Result<ProgrammeVersion> {
    let found = programme_versions::table
        .filter(programme_versions::programme_id.eq(programme))
        .filter(programme_versions::version.eq(version))
        .first(conn)
        .optional()?;
    found.ok_or_else(|| StoreError::Corrupt(format!("version {version} of programme {programme} is missing")))
}

/// The newest approved terms that have begun. Before any have begun: the first that will.
pub fn find_current(conn: &mut Conn, programme: ProgrammeId, today: NaiveDate) -> Result<Option<ProgrammeVersion>> {
    let approved = || {
        let versions = programme_versions::table.filter(programme_versions::programme_id.eq(programme));
        versions.filter(programme_versions::state.eq(VersionState::Approved))
    };
    let begun = approved().filter(programme_versions::begins_on.le(today)).order(programme_versions::version.desc());
    if let Some(found) = begun.first(conn).optional()? {
        return Ok(Some(found));
    }
    Ok(approved().order(programme_versions::version).first(conn).optional()?)
}

/// All versions of a programme, newest first.
pub fn list_versions(conn: &mut Conn, programme: ProgrammeId) -> Result<Vec<ProgrammeVersion>> {
    let versions = programme_versions::table.filter(programme_versions::programme_id.eq(programme));
    Ok(versions.order(programme_versions::version.desc()).load(conn)?)
}

/// The newest version of a programme, in any state.
pub fn find_newest_version(conn: &mut Conn, programme: ProgrammeId) -> Result<Option<ProgrammeVersion>> {
    let versions = programme_versions::table.filter(programme_versions::programme_id.eq(programme));
    Ok(versions.order(programme_versions::version.desc()).first(conn).optional()?)
}

/// The version that waits for the operator; a programme has one at most.
pub fn find_proposed_version(conn: &mut Conn, programme: ProgrammeId) -> Result<Option<ProgrammeVersion>> {
    let proposed = programme_versions::table
        .filter(programme_versions::programme_id.eq(programme))
        .filter(programme_versions::state.eq(fixed(VersionState::Proposed)));
    Ok(proposed.first(conn).optional()?)
}

/// Approved versions that begin on a day, oldest first.
pub fn list_beginning_versions(conn: &mut Conn, day: NaiveDate) -> Result<Vec<ProgrammeVersion>> {
    let beginning = programme_versions::table
        .filter(programme_versions::state.eq(VersionState::Approved))
        .filter(programme_versions::begins_on.eq(day));
    Ok(beginning.order(programme_versions::id).load(conn)?)
}

type IsState = dsl::Eq<programme_members::state, Fixed>;

/// The condition that a supplier takes part or is asked to.
fn is_live() -> dsl::Or<IsState, IsState> {
    let is = |state: MemberState| programme_members::state.eq(fixed(state));
    is(MemberState::Joined).or(is(MemberState::Invited))
}

/// Every part that a supplier has or had in a programme.
pub fn list_memberships(conn: &mut Conn, programme: ProgrammeId, supplier: PartyId) -> Result<Vec<ProgrammeMember>> {
    let parts = programme_members::table
        .filter(programme_members::programme_id.eq(programme))
        .filter(programme_members::supplier_id.eq(supplier));
    Ok(parts.load(conn)?)
}

/// The part of a supplier that is in a programme or asked into it.
pub fn find_live_membership(conn: &mut Conn, programme: ProgrammeId, supplier: PartyId) -> Result<Option<ProgrammeMember>> {
    let live = programme_members::table
        .filter(programme_members::programme_id.eq(programme))
        .filter(programme_members::supplier_id.eq(supplier))
        .filter(is_live());
    Ok(live.first(conn).optional()?)
}

/// Programmes of a buyer that a supplier is in or asked into, newest first.
pub fn list_live_memberships(conn: &mut Conn, supplier: PartyId, buyer: PartyId) -> Result<Vec<ProgrammeMember>> {
    let live = programme_members::table
        .filter(programme_members::supplier_id.eq(supplier))
        .filter(programme_members::buyer_id.eq(buyer))
        .filter(is_live());
    Ok(live.order(programme_members::id.desc()).load(conn)?)
}

/// The programme of a buyer that a supplier has joined in a currency; there is one at most.
pub fn find_joined_membership(
    conn: &mut Conn,
    supplier: PartyId,
    buyer: PartyId,
    currency: &str,
) -> Result<Option<ProgrammeMember>> {
    let joined = programme_members::table
        .filter(programme_members::buyer_id.eq(buyer))
        .filter(programme_members::supplier_id.eq(supplier))
        .filter(programme_members::currency.eq(currency))
        .filter(programme_members::state.eq(fixed(MemberState::Joined)));
    Ok(joined.first(conn).optional()?)
}

/// Suppliers that are in a programme or asked into it, oldest first.
pub fn list_live_members(conn: &mut Conn, programme: ProgrammeId) -> Result<Vec<ProgrammeMember>> {
    let live = programme_members::table.filter(programme_members::programme_id.eq(programme)).filter(is_live());
    Ok(live.order(programme_members::id).load(conn)?)
}

/// Those of them that have accepted only earlier versions.
pub fn list_members_before(conn: &mut Conn, programme: ProgrammeId, version: i64) -> Result<Vec<ProgrammeMember>> {
    let live = programme_members::table.filter(programme_members::programme_id.eq(programme)).filter(is_live());
    let before = live.filter(programme_members::version.lt(version));
    Ok(before.order(programme_members::id).load(conn)?)
}

/// Fees that are not paid yet, oldest first.
pub fn list_open_bills(conn: &mut Conn, buyer: PartyId, currency: &str) -> Result<Vec<FeeBill>> {
    let open = fee_bills::table
        .filter(fee_bills::buyer_id.eq(buyer))
        .filter(fee_bills::currency.eq(currency))
        .filter(fee_bills::paid_minor.lt(fee_bills::amount_minor));
    Ok(open.order(fee_bills::id).load(conn)?)
}

/// A buyer's fees in one currency: the open amount, and the amount that arose on a day.
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

/// Buyers that still owe fees, with the part that arose on `day`.
pub fn list_open_fees(conn: &mut Conn, day: NaiveDate) -> Result<Vec<OpenFees>> {
    let sql = "SELECT buyer_id, currency, CAST(SUM(amount_minor - paid_minor) AS BIGINT) AS open_minor, \
               CAST(SUM(CASE WHEN arose_on = ? THEN amount_minor ELSE 0 END) AS BIGINT) AS new_minor \
               FROM fee_bills WHERE paid_minor < amount_minor GROUP BY buyer_id, currency ORDER BY buyer_id, currency";
    query::list(conn, sql, &[day.into()])
}

/// Pays a buyer's bills in one currency, oldest first. Bills before `last` are paid whole; the paid part of `last` is then
/// `last_minor` in all.
pub fn pay_bills(conn: &mut Conn, (buyer, currency): (PartyId, &str), (last, last_minor): (FeeBillId, i64)) -> Result<()> {
    let whole = fee_bills::table
        .filter(fee_bills::buyer_id.eq(buyer))
        .filter(fee_bills::currency.eq(currency))
        .filter(fee_bills::paid_minor.lt(fee_bills::amount_minor))
        .filter(fee_bills::id.lt(last));
    diesel::update(whole).set(fee_bills::paid_minor.eq(fee_bills::amount_minor)).execute(conn)?;
    diesel::update(fee_bills::table.find(last)).set(fee_bills::paid_minor.eq(last_minor)).execute(conn)?;
    Ok(())
}
