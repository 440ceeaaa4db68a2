//! Two operators correct a currency's calendar: a day is, or is not, a business day. What falls due then, and for how long late interest
//! runs, follows from it.

use super::{Actor, Ask, Done, Execute, currency};
use crate::batch::{Batch, Step};
use chrono::NaiveDate;
use domain::Refusal;
use domain::party::Capacity;
use kernel::RecordId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Holiday;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SetHoliday {
    pub currency: String,
    pub day: NaiveDate,
    pub business: bool,
}

impl SetHoliday {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<domain::Currency> {
        batch.acting_party(actor, Capacity::Operator)?;
        let known = currency(&self.currency)?;
        if domain::invoice::is_too_far(self.day, batch.today()) {
            return Err(Refusal::DateInvalid { field: "day".to_owned() }.into());
        }
        if self.day <= batch.today() {
            return Err(Refusal::DayInPast { date: self.day }.into());
        }
        Ok(known)
    }
}

impl Execute for SetHoliday {
    const NAME: &'static str = "set_holiday";
    const STEP_UP: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let known = self.decide(batch, actor)?;
        Ok(Some(Ask { amount_minor: None, currency: known.code().to_owned(), subject: actor.party_id.into() }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let known = self.decide(batch, actor)?;
        batch.wrote = true;
        let row = Holiday { currency: known.code().to_owned(), day: self.day, business: self.business };
        batch.mark(&row);
        store::records::save_holiday(batch.conn, &row)?;
        Ok(Done::new(RecordId(0), json!({})))
    }
}
