//! A financier buys fractions of an offer: delivery against payment in one linked set. The hot command.

use super::purchase_hold::{self, Freed};
use super::{Actor, Ask, Done, Execute, programmes, second_person, settlement};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::chart::{self, AccountKey, Parties, currency_asset};
use domain::offering::{OfferState, PurchaseFacts, decide_purchase};
use domain::party::Capacity;
use domain::pricing::{Bearer, FeeTerms, PriceTerms, Quote};
use domain::receivable::{ReceivableEvent, next_state};
use kernel::{ApprovalId, BuyerLimitId, OfferId, PartyId, PurchaseId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Offer, Purchase, Receivable, StoreError};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BuyFractions {
    pub offer_id: OfferId,
    /// Face to buy, minor units.
    pub units_minor: i64,
    /// The price that was shown and agreed to, minor units. Another price today refuses.
    pub price_minor: i64,
}

fn sorted<T: Ord>(mut ids: Vec<T>) -> Vec<T> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Loads what a batch of purchases reads: offers, receivables, limits, accounts, holds. A few statements,
/// however many purchases there are.
pub fn prefetch(batch: &mut Batch<'_>, purchases: &[(PartyId, &BuyFractions)]) -> Result<(), StoreError> {
    let offers = sorted(purchases.iter().map(|(_, purchase)| purchase.offer_id).collect());
    batch.records.offers.prefetch(batch.conn, &offers, |row: &Offer| row.id)?;
    let receivables = sorted(batch.records.offers.rows.values().map(|offer| offer.receivable_id).collect());
    batch.records.receivables.prefetch(batch.conn, &receivables, |row: &Receivable| row.id)?;
    let financiers = sorted(purchases.iter().map(|(party, _)| *party).collect());
    batch.prefetch_limits(&financiers)?;
    let mut keys = Vec::new();
    let mut holds = Vec::new();
    for (financier, purchase) in purchases {
        let Some(offer) = batch.records.offers.rows.get(&purchase.offer_id) else { continue };
        let Some(receivable) = batch.records.receivables.rows.get(&offer.receivable_id) else { continue };
        let Some(currency) = domain::Currency::parse(&receivable.currency) else { continue };
        let (cash, senior) = (currency_asset(currency), receivable.id.into());
        keys.extend([
            AccountKey::cash(*financier, cash),
            AccountKey::cash(offer.supplier_id, cash),
            AccountKey::fees(cash),
            AccountKey::holding(*financier, senior),
            AccountKey::holding(offer.supplier_id, senior),
        ]);
        if receivable.bearer() == Bearer::Buyer {
            keys.push(AccountKey::claim(receivable.buyer_id, cash));
        }
        holds.push(offer.hold_number);
    }
    batch.prefetch_accounts(&keys)?;
    batch.prefetch_holds(&sorted(holds))
}

/// The purchase fee of a receivable, as it was frozen.
#[must_use]
pub fn fee_terms(receivable: &Receivable) -> FeeTerms {
    let (bps, minimum_minor) = (receivable.purchase_fee_bps, receivable.minimum_fee_minor);
    FeeTerms { bps, minimum_minor, bearer: receivable.bearer() }
}

/// The offer's price terms, as they were frozen.
pub fn price_terms(offer: &Offer, receivable: &Receivable) -> Result<PriceTerms, StoreError> {
    Ok(PriceTerms {
        method: offer.method,
        rate: offer.rate.parse().map_err(|_| settlement::corrupt("rate of offer", offer.id))?,
        day_count: offer.day_count,
        due_date: receivable.payment_date,
        fee: fee_terms(receivable),
        settlement: receivable.settlement_fee(),
    })
}

impl BuyFractions {
    fn load(&self, batch: &mut Batch<'_>) -> Step<(Offer, Receivable)> {
        batch.records.offers.prefetch(batch.conn, &[self.offer_id], |row: &Offer| row.id)?;
        let offer = batch.records.offers.rows.get(&self.offer_id).cloned().ok_or(Refusal::NotFound)?;
        batch.records.receivables.prefetch(batch.conn, &[offer.receivable_id], |row: &Receivable| row.id)?;
        let receivable = batch.records.receivables.rows.get(&offer.receivable_id).cloned().ok_or(Refusal::NotFound)?;
        Ok((offer, receivable))
    }

    /// Gathers the facts and lets the rules decide; returns what the purchase will need.
    ///
    /// What is held for this purchase counts as free.
    fn decide(
        &self,
        batch: &mut Batch<'_>,
        actor: &Actor,
        held: Freed,
    ) -> Step<(Offer, Receivable, Quote, Option<BuyerLimitId>)> {
        batch.may_act(actor, Capacity::Financier)?;
        let (offer, receivable) = self.load(batch)?;
        let asset = currency_asset(super::currency(&receivable.currency)?);
        batch.prefetch_limits(&[actor.party_id])?;
        let of = (actor.party_id, receivable.buyer_id, receivable.currency.clone());
        let limit_id = batch.records.limit_ids.get(&of).copied();
        let limit = limit_id.and_then(|id| batch.records.buyer_limits.rows.get(&id));
        let limit_room_minor = limit.map(|row| row.limit_minor.saturating_sub(row.used_minor).saturating_add(held.units_minor));
        let (_, cash_available_minor) = batch.balance(AccountKey::cash(actor.party_id, asset))?;
        let quote = decide_purchase(&PurchaseFacts {
            state: receivable.state,
            standing: batch.buyer_standing(receivable.buyer_id)?,
            offer_state: offer.state,
            close_date: offer.close_date,
            left_minor: offer.left_minor.saturating_add(held.units_minor),
            minimum_ticket_minor: offer.minimum_ticket_minor,
            supplier: offer.supplier_id,
            financier: actor.party_id,
            buyer: receivable.buyer_id,
            held: receivable.held,
            units_minor: self.units_minor,
            agreed_price_minor: self.price_minor,
            cash_available_minor: cash_available_minor.saturating_add(held.price_minor),
            limit_room_minor,
            terms: price_terms(&offer, &receivable)?,
            today: batch.today(),
        })?;
        Ok((offer, receivable, quote, limit_id))
    }
}

impl Execute for BuyFractions {
    const NAME: &'static str = "buy_fractions";
    const HOT: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        batch.may_act(actor, Capacity::Financier)?;
        let (_, receivable) = self.load(batch)?;
        // The price that was agreed to is the price, or the purchase is refused.
        let ask = second_person::weigh(batch, actor, &[(&receivable.currency, self.price_minor)], receivable.id)?;
        if ask.is_some() {
            // Nobody is asked about what cannot be done.
            self.decide(batch, actor, Freed::default())?;
        }
        Ok(ask)
    }

    fn hold_for_request(&self, batch: &mut Batch<'_>, actor: &Actor, approval_id: ApprovalId) -> Step<()> {
        let decided = self.decide(batch, actor, Freed::default())?;
        purchase_hold::place(batch, (approval_id, actor.party_id), decided)
    }

    fn execute_request(&self, batch: &mut Batch<'_>, actor: &Actor, approval_id: ApprovalId) -> Step<Done> {
        if let Some(held) = purchase_hold::find(batch, approval_id)? {
            // Refused before anything is written, or not at all.
            self.decide(batch, actor, Freed::from(&held))?;
            purchase_hold::release(batch, held)?;
        }
        self.execute(batch, actor)
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut offer, mut receivable, quote, limit_id) = self.decide(batch, actor, Freed::default())?;
        let accepted = next_state(receivable.state, ReceivableEvent::Accept)?;
        let asset = currency_asset(super::currency(&receivable.currency)?);
        let hold = offer.hold_number.into();
        let parties = Parties { supplier: offer.supplier_id, financier: actor.party_id, buyer: receivable.buyer_id };
        let recipe = chart::purchase(parties, asset, (hold, receivable.id.into()), &quote);
        batch.post(&recipe)?;

        offer.left_minor = offer.left_minor.saturating_sub(self.units_minor);
        if offer.left_minor == 0 && offer.reserved_minor == 0 {
            offer.state = OfferState::Settled;
            batch.mark(&offer);
        }
        if let Some(limit) = limit_id.and_then(|id| batch.records.buyer_limits.rows.get_mut(&id)) {
            limit.used_minor = limit.used_minor.saturating_add(self.units_minor);
            batch.records.buyer_limits.changed.insert(limit.id);
        }
        if receivable.state != accepted {
            receivable.state = accepted;
            batch.mark(&receivable);
            batch.records.receivables.changed.insert(receivable.id);
            batch.records.receivables.rows.insert(receivable.id, receivable.clone());
        }
        let id: PurchaseId = batch.next_id();
        let left_minor = offer.left_minor;
        let arguments =
            json!({ "units_minor": self.units_minor, "net_minor": quote.supplier_net_minor, "currency": receivable.currency });
        batch.notify(offer.supplier_id, "fractions_bought", &arguments, format!("/receivables/{}", receivable.id));
        let purchase = Purchase {
            id,
            offer_id: offer.id,
            receivable_id: receivable.id,
            supplier_id: offer.supplier_id,
            financier_id: actor.party_id,
            units_minor: self.units_minor,
            price_minor: quote.price_minor,
            fee_minor: quote.fee_minor,
            financier_rate: quote.financier_rate.normalize().to_string(),
            supplier_rate: quote.supplier_rate.normalize().to_string(),
            tenor_days: quote.tenor_days,
            business_date: batch.today(),
            bought_at: batch.now,
        };
        batch.mark(&purchase);
        batch.purchases.push(purchase);
        if quote.fee_bearer == Bearer::Buyer && quote.fee_minor > 0 {
            let bill = programmes::bill(&receivable, (batch.next_id(), Some(id)), quote.fee_minor, batch.today());
            batch.mark(&bill);
            batch.fee_bills.push(bill);
        }
        batch.records.offers.changed.insert(offer.id);
        batch.records.offers.rows.insert(offer.id, offer);
        let body = json!({
            "purchase_id": id, "receivable_id": receivable.id, "units_minor": self.units_minor,
            "price_minor": quote.price_minor, "left_minor": left_minor, "currency": receivable.currency,
        });
        Ok(Done::new(receivable.id, body))
    }
}
