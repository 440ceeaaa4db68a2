//! Offers, purchases, and purchases that wait for a second person.

use crate::fixed::fixed;
use crate::query;
use crate::receivables::receivables;
use crate::records::Record;
use crate::table::table;
use crate::{Conn, Result};
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use domain::DayCount;
use domain::offering::OfferState;
use domain::offering::PurchaseHoldState;
use domain::pricing::Method;
use kernel::ApprovalId;
use kernel::BuyerLimitId;
use kernel::HoldNumber;
use kernel::InvoiceId;
use kernel::OfferId;
use kernel::PartyId;
use kernel::PurchaseId;
use kernel::ReceivableId;

table! {
    offers: Offer (id) by OfferId, marked without [left_minor, reserved_minor] {
        id: OfferId => BigInt,
        receivable_id: ReceivableId => BigInt,
        supplier_id: PartyId => BigInt,
        units_minor: i64 => BigInt,
        left_minor: i64 => BigInt,
        rate: String => Text,
        method: Method => Text,
        day_count: DayCount => Text,
        minimum_ticket_minor: i64 => BigInt,
        close_date: NaiveDate => Date,
        state: OfferState => Text,
        hold_number: HoldNumber => BigInt,
        created_at: NaiveDateTime => Timestamp,
        /// Units that waiting purchases hold until a second person agrees; `left_minor` does not count them.
        reserved_minor: i64 => BigInt,
    }
}

table! {
    /// The hold of a purchase that waits for a second person; its id is the request's.
    purchase_holds: PurchaseHold (id) by ApprovalId, marked {
        id: ApprovalId => BigInt,
        offer_id: OfferId => BigInt,
        financier_id: PartyId => BigInt,
        units_minor: i64 => BigInt,
        price_minor: i64 => BigInt,
        hold_number: HoldNumber => BigInt,
        /// `open` or `ended`.
        state: PurchaseHoldState => Text,
    }
}

table! {
    purchases: Purchase (id) by PurchaseId, marked {
        id: PurchaseId => BigInt,
        offer_id: OfferId => BigInt,
        receivable_id: ReceivableId => BigInt,
        supplier_id: PartyId => BigInt,
        financier_id: PartyId => BigInt,
        units_minor: i64 => BigInt,
        price_minor: i64 => BigInt,
        fee_minor: i64 => BigInt,
        financier_rate: String => Text,
        supplier_rate: String => Text,
        tenor_days: i64 => BigInt,
        business_date: NaiveDate => Date,
        bought_at: NaiveDateTime => Timestamp,
    }
}

table! {
    buyer_limits: BuyerLimit (id) by BuyerLimitId, marked without [used_minor] {
        id: BuyerLimitId => BigInt,
        financier_id: PartyId => BigInt,
        buyer_id: PartyId => BigInt,
        currency: String => Text,
        limit_minor: i64 => BigInt,
        used_minor: i64 => BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(offers, receivables);

/// All open offers, oldest first.
pub fn list_open_offers(conn: &mut Conn) -> Result<Vec<Offer>> {
    Ok(offers::table.filter(offers::state.eq(OfferState::Open)).order(offers::id).load(conn)?)
}

/// Open offers of a receivable, oldest first.
pub fn list_open_offers_of_receivable(conn: &mut Conn, receivable: ReceivableId) -> Result<Vec<Offer>> {
    let open = offers::table.filter(offers::receivable_id.eq(receivable)).filter(offers::state.eq(OfferState::Open));
    Ok(open.order(offers::id).load(conn)?)
}

/// Open offers of a buyer's debts, oldest first.
pub fn list_open_offers_of_buyer(conn: &mut Conn, buyer: PartyId) -> Result<Vec<Offer>> {
    let owed = receivables::table.filter(receivables::buyer_id.eq(buyer)).select(receivables::id);
    let open = offers::table.filter(offers::state.eq(OfferState::Open)).filter(offers::receivable_id.eq_any(owed));
    Ok(open.order(offers::id).load(conn)?)
}

/// Open offers of receivables that a company sells or owes, oldest first.
pub fn list_open_offers_of_company(conn: &mut Conn, company: PartyId) -> Result<Vec<Offer>> {
    let owed = receivables::table.filter(receivables::buyer_id.eq(company)).select(receivables::id);
    let sold_or_owed = offers::supplier_id.eq(company).or(offers::receivable_id.eq_any(owed));
    let open = offers::table.filter(offers::state.eq(OfferState::Open)).filter(sold_or_owed);
    Ok(open.order(offers::id).load(conn)?)
}

/// Open offers that closed before this day, oldest first.
pub fn list_closed_offers(conn: &mut Conn, day: NaiveDate) -> Result<Vec<Offer>> {
    let closed = offers::table.filter(offers::state.eq(OfferState::Open)).filter(offers::close_date.lt(day));
    Ok(closed.order(offers::id).load(conn)?)
}

/// The newest open offer of the receivable of an invoice, unless the company itself sells it.
pub fn find_open_offer_of_invoice(conn: &mut Conn, company: PartyId, invoice: InvoiceId) -> Result<Option<OfferId>> {
    let issued = receivables::table.filter(receivables::invoice_id.eq(invoice)).select(receivables::id);
    let open = offers::table.filter(offers::state.eq(OfferState::Open)).filter(offers::supplier_id.ne(company));
    let newest = open.filter(offers::receivable_id.eq_any(issued)).order(offers::id.desc());
    Ok(newest.select(offers::id).first(conn).optional()?)
}

/// The same by a file: the invoice's own, its evidence, or a credit note.
pub fn find_open_offer_of_file(conn: &mut Conn, company: PartyId, sha256: &str) -> Result<Option<OfferId>> {
    for invoices in ["SELECT id FROM invoices", "SELECT invoice_id FROM evidence", "SELECT invoice_id FROM credit_notes"] {
        let newest = format!(
            "state = 'open' AND supplier_id <> ? AND receivable_id IN \
             (SELECT r.id FROM receivables r WHERE r.invoice_id IN ({invoices} WHERE document = ?)) ORDER BY id DESC LIMIT 1"
        );
        if let Some(offer) = Offer::find_where(conn, &newest, &[company.into(), sha256.into()])? {
            return Ok(Some(offer.id));
        }
    }
    Ok(None)
}

/// A financier's purchases of an offer that wait for a second person, oldest first.
pub fn list_open_purchase_holds(conn: &mut Conn, offer: OfferId, financier: PartyId) -> Result<Vec<PurchaseHold>> {
    // The condition of an index.
    let open = purchase_holds::table.filter(purchase_holds::state.eq(fixed(PurchaseHoldState::Open)));
    let own = open.filter(purchase_holds::offer_id.eq(offer)).filter(purchase_holds::financier_id.eq(financier));
    Ok(own.order(purchase_holds::id).load(conn)?)
}

/// A financier's limit for a buyer in a currency.
pub fn find_buyer_limit(conn: &mut Conn, financier: PartyId, buyer: PartyId, currency: &str) -> Result<Option<BuyerLimit>> {
    let own = buyer_limits::table.filter(buyer_limits::financier_id.eq(financier)).filter(buyer_limits::buyer_id.eq(buyer));
    Ok(own.filter(buyer_limits::currency.eq(currency)).first(conn).optional()?)
}

/// All limits of these financiers.
pub fn list_buyer_limits(conn: &mut Conn, financiers: &[PartyId]) -> Result<Vec<BuyerLimit>> {
    let (condition, list) = query::among(conn, "financier_id", financiers);
    BuyerLimit::list_where(conn, &condition, &[list])
}

/// These financiers' limits for a buyer in a currency of which something is used, oldest first.
pub fn list_used_limits(conn: &mut Conn, financiers: &[PartyId], buyer: PartyId, currency: &str) -> Result<Vec<BuyerLimit>> {
    let (among, list) = query::among(conn, "financier_id", financiers);
    let condition = format!("{among} AND buyer_id = ? AND currency = ? AND used_minor > 0 ORDER BY id");
    BuyerLimit::list_where(conn, &condition, &[list, buyer.into(), currency.into()])
}
