//! A company says how much may be done without a second person, by one at once and by all in a day.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute};
use crate::view::View;
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
    /// The most, in minor units, that the company's people do without a second person in one business day, all acts together.
    /// Null removes this limit; left out, the present one stays.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[schema(value_type = Option<i64>)]
    pub day_minor: Option<Option<i64>>,
}

/// A null is said, too.
fn said<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::<i64>::deserialize(from).map(Some)
}

/// A limit that may be set.
pub struct Settable {
    known: Currency,
    limit: SoloLimit,
    /// Whether more could be done alone than until now.
    loosens: bool,
}

impl Execute for SetApprovalLimit {
    const NAME: &'static str = "set_approval_limit";
    const ASKERS: &'static [Role] = &[Role::Administrator];
    const STEP_UP: bool = true;

    type Decision = Settable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Settable> {
        let known = crate::commands::traded(view, &self.currency)?;
        let invalid = |field: &str| Refusal::AmountInvalid { field: field.to_owned() };
        if !(0..=MOST_BOOKED_MINOR).contains(&self.limit_minor) {
            return Err(invalid("limit").into());
        }
        let before = view.solo_limit(actor.party_id, known.code())?;
        let day_minor = self.day_minor.unwrap_or_else(|| before.and_then(|limit| limit.day_minor));
        if day_minor.is_some_and(|day| !(self.limit_minor..=MOST_BOOKED_MINOR).contains(&day)) {
            return Err(invalid("day_limit").into());
        }
        let limit = SoloLimit { act_minor: self.limit_minor, day_minor };
        // A company that has not said anything yet asks for every amount.
        Ok(Settable { known, limit, loosens: limit.loosens(before) })
    }

    /// A person who could raise the limit alone would need no second person for anything.
    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Settable) -> Step<Asks> {
        if !decision.loosens {
            return Ok(Asks::Nobody);
        }
        let asked = second_person::ask(view.conn(), actor)?;
        let currency = decision.known.code().to_owned();
        Ok(Asks::Always(Ask { amount_minor: Some(self.limit_minor), currency, ..asked }))
    }

    fn before_request(&self, batch: &mut Batch<'_>, actor: &Actor, _ask: &mut Ask, decision: &Settable) -> Applied<()> {
        Ok(second_person::end_same(batch, actor, (Self::NAME, decision.known.code()), "asked_again")?)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Settable) -> Applied<Done> {
        let Settable { known, limit, .. } = decision;
        if actor.approver_id.is_none() {
            // A waiting request to raise the limit was made beside a limit that no longer holds.
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
