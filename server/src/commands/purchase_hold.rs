//! What a purchase that waits for a second person holds until it is decided or its day ends: its cash, its units and its part of the
//! limit. So whoever agrees to it can have it.

use super::settlement;
use crate::batch::{Batch, Step};
use domain::chart::{self, currency_asset};
use domain::offering::PurchaseHoldState;
use domain::pricing::Quote;
use kernel::{ApprovalId, BuyerLimitId, PartyId};
use store::market::find_buyer_limit;
use store::records::Keyed;
use store::{Offer, PurchaseHold, Receivable};

/// What a purchase may count as free because it is held for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Freed {
    pub units_minor: i64,
    pub price_minor: i64,
}

impl From<&PurchaseHold> for Freed {
    fn from(held: &PurchaseHold) -> Self {
        Self { units_minor: held.units_minor, price_minor: held.price_minor }
    }
}

fn sum(one: i64, other: i64, what: &str, id: impl std::fmt::Display) -> Step<i64> {
    Ok(one.checked_add(other).ok_or_else(|| settlement::corrupt(what, id))?)
}

/// Holds what the request asks for, as it was decided.
pub(crate) fn place(
    batch: &mut Batch<'_>,
    (approval, financier): (ApprovalId, PartyId),
    (mut offer, receivable, quote, limit_id): (Offer, Receivable, Quote, Option<BuyerLimitId>),
) -> Step<()> {
    let asset = currency_asset(super::currency(&receivable.currency)?);
    let (hold_number, _) = batch.post(&chart::purchase_request(financier, asset, quote.price_minor))?;
    let units_minor = quote.face_minor;
    offer.left_minor = sum(offer.left_minor, -units_minor, "what is left of offer", offer.id)?;
    offer.reserved_minor = sum(offer.reserved_minor, units_minor, "what is reserved of offer", offer.id)?;
    if let Some(limit) = limit_id.and_then(|id| batch.records.buyer_limits.rows.get_mut(&id)) {
        limit.used_minor = sum(limit.used_minor, units_minor, "limit", limit.id)?;
        batch.records.buyer_limits.changed.insert(limit.id);
    }
    let held = PurchaseHold {
        id: approval,
        offer_id: offer.id,
        financier_id: financier,
        units_minor,
        price_minor: quote.price_minor,
        hold_number: hold_number.into(),
        state: PurchaseHoldState::Open,
    };
    batch.records.offers.changed.insert(offer.id);
    batch.records.offers.rows.insert(offer.id, offer);
    batch.insert(&held)
}

/// What the request holds still.
pub(crate) fn find(batch: &mut Batch<'_>, approval: ApprovalId) -> Step<Option<PurchaseHold>> {
    Ok(PurchaseHold::find(batch.conn, approval)?.filter(|held| held.state == PurchaseHoldState::Open))
}

/// Frees it. Only commands that work by SQL decide requests or end them.
pub(crate) fn release(batch: &mut Batch<'_>, mut held: PurchaseHold) -> Step<()> {
    batch.post(&chart::purchase_request_end(held.hold_number.into()))?;
    let mut offer = Offer::load(batch.conn, held.offer_id)?;
    offer.left_minor = sum(offer.left_minor, held.units_minor, "what is left of offer", offer.id)?;
    offer.reserved_minor = sum(offer.reserved_minor, -held.units_minor, "what is reserved of offer", offer.id)?;
    batch.update(&offer)?;
    let receivable = Receivable::load(batch.conn, offer.receivable_id)?;
    let limit = find_buyer_limit(batch.conn, held.financier_id, receivable.buyer_id, &receivable.currency)?;
    if let Some(mut limit) = limit {
        limit.used_minor = sum(limit.used_minor, -held.units_minor, "limit", limit.id)?;
        batch.update(&limit)?;
    }
    held.state = PurchaseHoldState::Ended;
    batch.update(&held)?;
    batch.forget_offer(held.offer_id, held.financier_id);
    Ok(())
}

/// Frees what an ended request held, if it held anything.
pub(crate) fn end(batch: &mut Batch<'_>, approval: ApprovalId) -> Step<()> {
    find(batch, approval)?.map_or(Ok(()), |held| release(batch, held))
}
