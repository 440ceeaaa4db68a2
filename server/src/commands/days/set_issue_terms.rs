//! The platform's terms for a currency: reserve, fees, least ticket, late interest. Two operators agree, and
//! what is already issued keeps the terms it was issued under.

use crate::batch::{Batch, Step};
use crate::commands::parties::standing;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, currency};
use crate::view::View;
use domain::Refusal;
use domain::day_count::DayCount;
use domain::party::Capacity;
use kernel::RecordId;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::IssueTermsRow;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SetIssueTerms {
    pub currency: String,
    pub reserve_bps: i64,
    pub settlement_fee_bps: i64,
    pub purchase_fee_bps: i64,
    pub minimum_fee_minor: i64,
    pub minimum_ticket_minor: i64,
    /// Percent a year, as a decimal.
    pub late_rate: String,
    pub late_day_count: String,
    pub grace_days: i64,
    /// The largest credit of a notification (camt.054) that is booked before its statement; 0: none is. Left out: as it stands.
    #[serde(default)]
    pub notice_credit_minor: Option<i64>,
    /// Days overdue that are let pass before what the buyer owes is neither offered nor bought; 0: none. Left out: as it stands.
    #[serde(default)]
    pub tolerated_overdue_days: Option<i64>,
}

impl Execute for SetIssueTerms {
    const NAME: &'static str = "set_issue_terms";

    type Decision = IssueTermsRow;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<IssueTermsRow> {
        view.acting_party(actor, Capacity::Operator)?;
        let known = currency(&self.currency)?;
        let field = |name: &str| Refusal::FieldInvalid { field: name.to_owned() };
        let within = |value: i64, least: i64, most: i64, name: &str| {
            if (least..=most).contains(&value) { Ok(()) } else { Err(field(name)) }
        };
        within(self.reserve_bps, 0, 5_000, "reserve_bps")?;
        within(self.settlement_fee_bps, 0, self.reserve_bps, "settlement_fee_bps")?;
        within(self.purchase_fee_bps, 0, 500, "purchase_fee_bps")?;
        within(self.minimum_fee_minor, 0, 1_000_000, "minimum_fee_minor")?;
        within(self.minimum_ticket_minor, 1, 1_000_000_000, "minimum_ticket_minor")?;
        within(self.grace_days, 0, 60, "grace_days")?;
        if let Some(minor) = self.notice_credit_minor {
            within(minor, 0, domain::money::MOST_BOOKED_MINOR, "notice_credit_minor")?;
        }
        if let Some(days) = self.tolerated_overdue_days {
            within(days, 0, 365, "tolerated_overdue_days")?;
        }
        if !known.is_current(view.today()) {
            return Err(Refusal::CurrencyUnknown { currency: known.code().to_owned() }.into());
        }
        // The buyer that confirms in this currency sees the account to pay to.
        crate::commands::bank::custody::current(view.conn(), known.code())?;
        let before = store::days::find_issue_terms(view.conn(), known.code())?;
        let rate: Decimal = self.late_rate.parse().map_err(|_| field("late_rate"))?;
        if rate < Decimal::ZERO || rate > Decimal::from(36) {
            return Err(field("late_rate").into());
        }
        let late_day_count = DayCount::parse(&self.late_day_count).ok_or_else(|| field("late_day_count"))?;
        Ok(IssueTermsRow {
            currency: known.code().to_owned(),
            reserve_bps: self.reserve_bps,
            settlement_fee_bps: self.settlement_fee_bps,
            purchase_fee_bps: self.purchase_fee_bps,
            minimum_fee_minor: self.minimum_fee_minor,
            minimum_ticket_minor: self.minimum_ticket_minor,
            late_rate: self.late_rate.clone(),
            late_day_count,
            grace_days: self.grace_days,
            notice_credit_minor: self.notice_credit_minor.or(before.as_ref().and_then(|row| row.notice_credit_minor)),
            tolerated_overdue_days: self.tolerated_overdue_days.or(before.and_then(|row| row.tolerated_overdue_days)),
        })
    }

    fn asks(&self, _view: &mut dyn View, _actor: &Actor, _row: &IssueTermsRow) -> Step<Asks> {
        Ok(Asks::Always(Ask { amount_minor: None, currency: self.currency.clone(), subject: RecordId(0) }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, row: IssueTermsRow) -> Applied<Done> {
        batch.wrote = true;
        batch.mark(&row);
        store::records::save_issue_terms(batch.conn, &row)?;
        let today = batch.today();
        standing::refresh(batch, None, today)?;
        Ok(Done::new(RecordId(0), json!({ "currency": row.currency })))
    }
}
