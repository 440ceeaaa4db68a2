//! A financier buys fractions of an offer: delivery against payment in one linked set. The hot command.

use crate::batch::{Batch, Step};
use crate::commands::market::purchase_hold::{self, Freed, minus, plus};
use crate::commands::programmes::terms as programmes;
use crate::commands::receivables::settlement;
use crate::commands::{Actor, Applied, Asks, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::chart::{self, AccountKey, Parties, currency_asset};
use domain::offering::{OfferState, PurchaseFacts, decide_purchase, quote_purchase};
use domain::party::Capacity;
use domain::pricing::{Bearer, FeeTerms, PriceTerms, Quote};
use domain::receivable::{ReceivableEvent, ReceivableState, next_state};
use kernel::{ApprovalId, OfferId, PartyId, PurchaseId};
use ledger::AssetId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{BuyerLimit, Offer, Purchase, PurchaseHold, Receivable, StoreError};
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

/// The records of a purchase, and what the rules read of them.
struct Gathered {
    offer: Offer,
    receivable: Receivable,
    limit: Option<BuyerLimit>,
    currency: AssetId,
    facts: PurchaseFacts,
}

/// Reads the facts that decide a purchase. Cash and units held for its own request count as free.
fn gather(view: &mut dyn View, financier: PartyId, wish: &BuyFractions, freed: Freed) -> Step<Gathered> {
    let offer = view.find_offer(wish.offer_id)?.ok_or(Refusal::NotFound)?;
    let receivable = view.find_receivable(offer.receivable_id)?.ok_or(Refusal::NotFound)?;
    let currency = currency_asset(crate::commands::currency(&receivable.currency)?);
    let limit = view.find_buyer_limit(financier, receivable.buyer_id, &receivable.currency)?;
    let room = |row: &BuyerLimit| row.limit_minor.saturating_sub(row.used_minor).saturating_add(freed.units_minor);
    let (_, cash_available_minor) = view.balance(AccountKey::cash(financier, currency))?;
    let facts = PurchaseFacts {
        state: receivable.state,
        standing: view.buyer_standing(receivable.buyer_id)?,
        offer_state: offer.state,
        close_date: offer.close_date,
        left_minor: offer.left_minor.saturating_add(freed.units_minor),
        minimum_ticket_minor: offer.minimum_ticket_minor,
        supplier: offer.supplier_id,
        financier,
        buyer: receivable.buyer_id,
        held: receivable.held,
        units_minor: wish.units_minor,
        agreed_price_minor: wish.price_minor,
        cash_available_minor: cash_available_minor.saturating_add(freed.price_minor),
        limit_room_minor: limit.as_ref().map(room),
        terms: price_terms(&offer, &receivable)?,
        today: view.today(),
    };
    Ok(Gathered { offer, receivable, limit, currency, facts })
}

/// Today's price of some units, if they can be bought. The purchase itself checks cash, limit and agreed price.
pub fn quote(view: &mut dyn View, financier: PartyId, offer_id: OfferId, units_minor: i64) -> Step<Quote> {
    let wish = BuyFractions { offer_id, units_minor, price_minor: 0 };
    let gathered = gather(view, financier, &wish, Freed::default())?;
    Ok(quote_purchase(&gathered.facts)?)
}

/// A purchase that the rules allow.
pub struct Purchasable {
    pub(crate) offer: Offer,
    pub(crate) receivable: Receivable,
    pub(crate) quote: Quote,
    pub(crate) limit: Option<BuyerLimit>,
    pub(crate) currency: AssetId,
    accepted: ReceivableState,
    /// The hold of its request until now.
    held: Option<PurchaseHold>,
}

impl BuyFractions {
    /// Cash and units held for this purchase count as free.
    fn decide_with(&self, view: &mut dyn View, actor: &Actor, held: Option<PurchaseHold>) -> Step<Purchasable> {
        view.acting_party(actor, Capacity::Financier)?;
        let freed = held.as_ref().map(Freed::from).unwrap_or_default();
        let Gathered { offer, receivable, limit, currency, facts } = gather(view, actor.party_id, self, freed)?;
        let quote = decide_purchase(&facts)?;
        let accepted = next_state(receivable.state, ReceivableEvent::Accept)?;
        Ok(Purchasable { offer, receivable, quote, limit, currency, accepted, held })
    }
}

impl Execute for BuyFractions {
    const NAME: &'static str = "buy_fractions";
    const HOT: bool = true;

    type Decision = Purchasable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Purchasable> {
        self.decide_with(view, actor, None)
    }

    fn decide_request(&self, view: &mut dyn View, actor: &Actor, approval_id: ApprovalId) -> Step<Purchasable> {
        let held = purchase_hold::find(view.conn(), approval_id)?;
        self.decide_with(view, actor, held)
    }

    fn asks(&self, _view: &mut dyn View, _actor: &Actor, decision: &Purchasable) -> Step<Asks> {
        // The price equals the agreed price; otherwise the purchase was refused before.
        let amounts = vec![(decision.receivable.currency.clone(), self.price_minor)];
        Ok(Asks::Above { amounts, subject: decision.receivable.id.into() })
    }

    fn hold_for_request(
        &self,
        batch: &mut Batch<'_>,
        actor: &Actor,
        approval_id: ApprovalId,
        decision: Purchasable,
    ) -> Applied<()> {
        purchase_hold::place(batch, (approval_id, actor.party_id), decision)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Purchasable) -> Applied<Done> {
        let Purchasable { mut offer, mut receivable, quote, mut limit, currency, accepted, held } = decision;
        if let Some(held) = held {
            (offer, limit) = purchase_hold::release(batch, held)?;
        }
        let parties = Parties { supplier: offer.supplier_id, financier: actor.party_id, buyer: receivable.buyer_id };
        let recipe = chart::purchase(parties, currency, (offer.hold_number.into(), receivable.id.into()), &quote);
        batch.post(&recipe)?;

        offer.left_minor = minus(offer.left_minor, self.units_minor, "what is left of offer", offer.id)?;
        if offer.left_minor == 0 && offer.reserved_minor == 0 {
            offer.state = OfferState::Settled;
            batch.mark(&offer);
        }
        if let Some(mut limit) = limit {
            limit.used_minor = plus(limit.used_minor, self.units_minor, "limit", limit.id)?;
            batch.change_limit(limit);
        }
        if receivable.state != accepted {
            receivable.state = accepted;
            batch.change_receivable(receivable.clone());
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
        batch.change_offer(offer);
        let body = json!({
            "purchase_id": id, "receivable_id": receivable.id, "units_minor": self.units_minor,
            "price_minor": quote.price_minor, "left_minor": left_minor, "currency": receivable.currency,
        });
        Ok(Done::new(receivable.id, body))
    }
}
