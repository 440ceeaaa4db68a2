//! A company says how much may be done without a second person, by one at once and by all in a day.

use super::{Actor, Ask, Done, Execute, second_person};
use crate::batch::{Batch, Step};
use domain::money::MOST_BOOKED_MINOR;
use domain::party::{Role, SoloLimit};
use domain::{Currency, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::ApprovalLimit;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SetApprovalLimit {
    pub currency: String,
    /// Amounts above this need a second person; 0 means every amount.
    pub limit_minor: i64,
    /// The most that its people do without a second person in one business day, all acts together; null for no such limit, left out to keep
    /// the one that there is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[schema(value_type = Option<i64>)]
    pub day_minor: Option<Option<i64>>,
}

/// A null is said, too.
fn said<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::<i64>::deserialize(from).map(Some)
}

impl SetApprovalLimit {
    fn check(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(Currency, SoloLimit)> {
        let known = super::traded(batch, &self.currency)?;
        let invalid = |field: &str| Refusal::AmountInvalid { field: field.to_owned() };
        if !(0..=MOST_BOOKED_MINOR).contains(&self.limit_minor) {
            return Err(invalid("limit").into());
        }
        let day_minor = match self.day_minor {
            Some(day) => day,
            None => batch.solo_limit(actor.party_id, known.code())?.and_then(|limit| limit.day_minor),
        };
        if day_minor.is_some_and(|day| !(self.limit_minor..=MOST_BOOKED_MINOR).contains(&day)) {
            return Err(invalid("day_limit").into());
        }
        Ok((known, SoloLimit { act_minor: self.limit_minor, day_minor }))
    }
}

impl Execute for SetApprovalLimit {
    const NAME: &'static str = "set_approval_limit";
    const ASKERS: &'static [Role] = &[Role::Administrator];
    const STEP_UP: bool = true;

    /// Whoever could raise the limit alone would need nobody for anything.
    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (known, limit) = self.check(batch, actor)?;
        // A company that has not said anything yet asks for every amount.
        if !limit.loosens(batch.solo_limit(actor.party_id, known.code())?) {
            return Ok(None);
        }
        let asked = second_person::ask(batch, actor)?;
        second_person::end_same(batch, actor, (Self::NAME, known.code()), "asked_again")?;
        Ok(Some(Ask { amount_minor: Some(self.limit_minor), currency: known.code().to_owned(), ..asked }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (known, limit) = self.check(batch, actor)?;
        if actor.approver_id.is_none() {
            // Whoever wanted more wanted it beside a limit that is no more.
            second_person::end_same(batch, actor, (Self::NAME, known.code()), "limit_changed")?;
        }
        batch.wrote = true;
        let row = ApprovalLimit {
            party_id: actor.party_id,
            currency: known.code().to_owned(),
            limit_minor: limit.act_minor,
            day_minor: limit.day_minor,
        };
        batch.mark(&row);
        store::records::save_approval_limit(batch.conn, &row)?;
        let (amount, day) = (known.format(limit.act_minor), limit.day_minor.map(|minor| known.format(minor)));
        let kind = if day.is_some() { "approval_limits_changed" } else { "approval_limit_changed" };
        let arguments = json!({ "currency": row.currency, "amount": amount, "day": day.unwrap_or_default() });
        batch.notify(actor.party_id, kind, &arguments, "/org/people".to_owned());
        Ok(Done::new(actor.party_id, json!({})))
    }
}
