//! A financier says how much of one buyer's receivables it will hold at most. To raise a limit takes a second person, where the house has one
//! who could agree; a house of one person raises it as far as its approval limit lets it act alone. To lower one takes nobody else.

use super::{Actor, Ask, Done, Execute, second_person};
use crate::batch::{Batch, Step};
use domain::four_eyes::{Matter, somebody_could_agree};
use domain::money::MOST_BOOKED_MINOR;
use domain::party::{Capacity, needs_second_person};
use domain::{Currency, Refusal};
use kernel::PartyId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::people::Waiting;
use store::records::Keyed;
use store::{BuyerLimit, Party};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SetBuyerLimit {
    pub buyer_id: PartyId,
    pub currency: String,
    /// Face held at most, minor units.
    pub limit_minor: i64,
}

/// What the command would do.
struct Decided {
    financier: Party,
    buyer: Party,
    currency: Currency,
    before: Option<BuyerLimit>,
}

impl SetBuyerLimit {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Decided> {
        let financier = batch.acting_party(actor, Capacity::Financier)?;
        let currency = super::traded(batch, &self.currency)?;
        let buyer = Party::find(batch.conn, self.buyer_id)?.filter(|party| party.capacities.has(Capacity::Buyer));
        let buyer = buyer.ok_or(Refusal::NotFound)?;
        if !(0..=MOST_BOOKED_MINOR).contains(&self.limit_minor) {
            return Err(Refusal::AmountInvalid { field: "limit".to_owned() }.into());
        }
        let before = store::market::find_buyer_limit(batch.conn, financier.id, buyer.id, currency.code())?;
        Ok(Decided { financier, buyer, currency, before })
    }

    /// A request for this buyer and currency that waits is about a limit that is no more.
    fn end_same(&self, batch: &mut Batch<'_>, actor: &Actor, why: &str) -> Step<()> {
        let (party, subject, currency) = (actor.party_id, self.buyer_id.into(), self.currency.as_str());
        second_person::end_requests(batch, Waiting::ForOfAboutIn { command: Self::NAME, party, subject, currency }, why)
    }
}

impl Execute for SetBuyerLimit {
    const NAME: &'static str = "set_buyer_limit";
    const STEP_UP: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let Decided { buyer, currency, before, .. } = self.decide(batch, actor)?;
        // Without a limit nothing can be bought: no limit is one of nothing.
        if self.limit_minor <= before.map_or(0, |row| row.limit_minor) {
            return Ok(None);
        }
        let people = second_person::people(batch.conn, actor.party_id)?;
        if !somebody_could_agree(&people, actor.user_id, Matter::Ordinary) {
            let room_minor = second_person::room(batch, actor, currency.code())?;
            if !needs_second_person(self.limit_minor, room_minor) {
                return Ok(None);
            }
        }
        self.end_same(batch, actor, "asked_again")?;
        Ok(Some(Ask { amount_minor: Some(self.limit_minor), currency: currency.code().to_owned(), subject: buyer.id.into() }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let Decided { financier, buyer, currency, before } = self.decide(batch, actor)?;
        if actor.approver_id.is_none() {
            self.end_same(batch, actor, "limit_changed")?;
        }
        let limit_id = match before {
            Some(mut row) => {
                row.limit_minor = self.limit_minor;
                batch.update(&row)?;
                row.id
            }
            None => {
                let (id, currency) = (batch.next_id(), currency.code().to_owned());
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
