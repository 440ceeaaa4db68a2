//! Offers, purchases, and what waits for a second person.

use crate::table::table;
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use domain::DayCount;
use domain::offering::OfferState;
use domain::offering::PurchaseHoldState;
use domain::pricing::Method;
use kernel::ApprovalId;
use kernel::BuyerLimitId;
use kernel::HoldNumber;
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
        /// Units that purchases which wait for a second person hold; what is left does not count them.
        reserved_minor: i64 => BigInt,
    }
}

table! {
    /// What a purchase that waits for a second person holds; its id is the request's.
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
