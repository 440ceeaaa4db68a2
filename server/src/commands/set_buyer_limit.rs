//! A financier says how much of one buyer's receivables it will hold at most.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::money::MOST_BOOKED_MINOR;
use domain::party::{Capacity, Names};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::{Keyed, Record};
use store::{BuyerLimit, Party};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SetBuyerLimit {
    pub buyer_id: i64,
    pub currency: String,
    /// Face held at most, minor units.
    pub limit_minor: i64,
}

impl Execute for SetBuyerLimit {
    const NAME: &'static str = "set_buyer_limit";
    const STEP_UP: bool = true;

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let financier = batch.acting_party(actor, Capacity::Financier)?;
        let known = super::traded(batch, &self.currency)?;
        let buyer =
            Party::find(batch.conn, self.buyer_id)?.filter(|party| Names::parse(&party.capacities).has(Capacity::Buyer.name()));
        let buyer = buyer.ok_or(Refusal::NotFound)?;
        if !(0..=MOST_BOOKED_MINOR).contains(&self.limit_minor) {
            return Err(Refusal::AmountInvalid { field: "limit".to_owned() }.into());
        }
        let binds = [financier.id.into(), buyer.id.into(), known.code().into()];
        let found = BuyerLimit::find_where(batch.conn, "financier_id = ? AND buyer_id = ? AND currency = ?", &binds)?;
        let limit_id = match found {
            Some(mut row) => {
                row.limit_minor = self.limit_minor;
                batch.update(&row)?;
                row.id
            }
            None => {
                let (id, currency) = (batch.next_id(), known.code().to_owned());
                let limit_minor = self.limit_minor;
                batch.insert(&BuyerLimit {
                    id,
                    financier_id: financier.id,
                    buyer_id: buyer.id,
                    currency,
                    limit_minor,
                    used_minor: 0,
                })?;
                id
            }
        };
        Ok(Done::new(financier.id, json!({ "limit_id": limit_id })))
    }
}
