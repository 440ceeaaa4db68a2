//! Two operators correct a currency's calendar: a day is, or is not, a business day. Due dates on that day and the days of late
//! interest follow from it.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, currency};
use crate::view::View;
use chrono::NaiveDate;
use domain::party::Capacity;
use domain::{Currency, Refusal};
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

impl Execute for SetHoliday {
    const NAME: &'static str = "set_holiday";
    const STEP_UP: bool = true;

    type Decision = Currency;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Currency> {
        view.acting_party(actor, Capacity::Operator)?;
        let known = currency(&self.currency)?;
        if domain::invoice::is_too_far(self.day, view.today()) {
            return Err(Refusal::DateInvalid { field: "day".to_owned() }.into());
        }
        if self.day <= view.today() {
            return Err(Refusal::DayInPast { date: self.day }.into());
        }
        Ok(known)
    }

    fn asks(&self, _view: &mut dyn View, actor: &Actor, known: &Currency) -> Step<Asks> {
        let (currency, subject) = (known.code().to_owned(), actor.party_id.into());
        Ok(Asks::Always(Ask { amount_minor: None, currency, subject }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, known: Currency) -> Applied<Done> {
        batch.wrote = true;
        let row = Holiday { currency: known.code().to_owned(), day: self.day, business: self.business };
        batch.mark(&row);
        store::records::save_holiday(batch.conn, &row)?;
        Ok(Done::new(RecordId(0), json!({})))
    }
}
