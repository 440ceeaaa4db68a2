//! A purchase that waits for a second person holds its cash, its units and its part of the limit. The hold lasts until the
//! purchase is decided or its day ends. So the purchase is still possible when the second person agrees.

use crate::batch::{Batch, Step};
use crate::commands::Applied;
use crate::commands::market::buy_fractions::Purchasable;
use crate::commands::receivables::settlement;
use domain::chart;
use domain::offering::PurchaseHoldState;
use kernel::{ApprovalId, PartyId};
use store::market::find_buyer_limit;
use store::records::Keyed;
use store::{BuyerLimit, Conn, Offer, PurchaseHold, Receivable, StoreError};

/// Cash, units and limit that a purchase may count as free because they are held for it.
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

pub(crate) fn plus(one: i64, other: i64, what: &str, id: impl std::fmt::Display) -> Result<i64, StoreError> {
    one.checked_add(other).ok_or_else(|| settlement::corrupt(what, id))
}

/// The difference; a negative result means a damaged record.
pub(crate) fn minus(one: i64, other: i64, what: &str, id: impl std::fmt::Display) -> Result<i64, StoreError> {
    one.checked_sub(other).filter(|left| *left >= 0).ok_or_else(|| settlement::corrupt(what, id))
}

/// Holds what the request asks for, as it was decided.
pub(crate) fn place(batch: &mut Batch<'_>, (approval, financier): (ApprovalId, PartyId), decision: Purchasable) -> Applied<()> {
    let Purchasable { mut offer, quote, limit, currency, .. } = decision;
    let (hold_number, _) = batch.post(&chart::purchase_request(financier, currency, quote.price_minor))?;
    let units_minor = quote.face_minor;
    offer.left_minor = minus(offer.left_minor, units_minor, "what is left of offer", offer.id)?;
    offer.reserved_minor = plus(offer.reserved_minor, units_minor, "what is reserved of offer", offer.id)?;
    if let Some(mut limit) = limit {
        limit.used_minor = plus(limit.used_minor, units_minor, "limit", limit.id)?;
        batch.change_limit(limit);
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
    batch.change_offer(offer);
    Ok(batch.insert(&held)?)
}

/// The present hold of the request.
pub(crate) fn find(conn: &mut Conn, approval: ApprovalId) -> Result<Option<PurchaseHold>, StoreError> {
    Ok(PurchaseHold::find(conn, approval)?.filter(|held| held.state == PurchaseHoldState::Open))
}

/// Frees it, and gives the offer and the limit as they are then. Only commands that work by SQL decide requests or end them.
pub(crate) fn release(batch: &mut Batch<'_>, mut held: PurchaseHold) -> Step<(Offer, Option<BuyerLimit>)> {
    batch.post(&chart::purchase_request_end(held.hold_number.into()))?;
    let mut offer = Offer::load(batch.conn, held.offer_id)?;
    offer.left_minor = plus(offer.left_minor, held.units_minor, "what is left of offer", offer.id)?;
    offer.reserved_minor = minus(offer.reserved_minor, held.units_minor, "what is reserved of offer", offer.id)?;
    batch.update(&offer)?;
    let receivable = Receivable::load(batch.conn, offer.receivable_id)?;
    let mut limit = find_buyer_limit(batch.conn, held.financier_id, receivable.buyer_id, &receivable.currency)?;
    if let Some(limit) = &mut limit {
        limit.used_minor = minus(limit.used_minor, held.units_minor, "limit", limit.id)?;
        batch.update(limit)?;
    }
    held.state = PurchaseHoldState::Ended;
    batch.update(&held)?;
    batch.forget_offer(held.offer_id, held.financier_id);
    Ok((offer, limit))
}

/// Frees what an ended request held, if it held anything.
pub(crate) fn end(batch: &mut Batch<'_>, approval: ApprovalId) -> Step<()> {
    find(batch.conn, approval)?.map_or(Ok(()), |held| release(batch, held).map(|_| ()))
}
