//! What is asked about programmes: the terms that a version stands for, which one holds, and fees that a buyer still owes.

use crate::query;
use crate::records::Record;
use crate::rows::{FeeBill, ProgrammeVersion, Receivable};
use crate::{Conn, Result, StoreError};
use chrono::NaiveDate;
use domain::pricing::{Bearer, SettlementFee};
use domain::programme::{ProgrammeTerms, Recourse};
use domain::receivable::FeeRule;

impl ProgrammeVersion {
    pub fn terms(&self) -> Result<ProgrammeTerms> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("{what} of programme version {}", self.id));
        Ok(ProgrammeTerms {
            least_tenor_days: self.least_tenor_days,
            most_tenor_days: self.most_tenor_days,
            most_age_days: self.most_age_days,
            advance_bps: self.advance_bps,
            reserve_bps: self.reserve_bps,
            settlement_fee_bps: self.settlement_fee_bps,
            purchase_fee_bps: self.purchase_fee_bps,
            minimum_fee_minor: self.minimum_fee_minor,
            minimum_ticket_minor: self.minimum_ticket_minor,
            fee_bearer: Bearer::parse(&self.fee_bearer).ok_or_else(|| corrupt("fee bearer"))?,
            grace_days: self.grace_days,
            recourse: Recourse::parse(&self.recourse).ok_or_else(|| corrupt("recourse"))?,
        })
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
        Bearer::parse(&self.fee_bearer).unwrap_or(Bearer::Supplier)
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
pub fn list_open_bills(conn: &mut Conn, buyer: i64, currency: &str) -> Result<Vec<FeeBill>> {
    let condition = "buyer_id = ? AND currency = ? AND paid_minor < amount_minor ORDER BY id";
    FeeBill::list_where(conn, condition, &[buyer.into(), currency.into()])
}

/// A buyer's fees in one currency: what is open, and what arose on a day.
#[derive(Clone, Debug, diesel::QueryableByName)]
pub struct OpenFees {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub buyer_id: i64,
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
