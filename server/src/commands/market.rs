//! Offers and purchases.

pub mod buy_fractions;
pub mod create_offer;
pub mod inspect_offer;
pub mod purchase_hold;
pub mod set_buyer_limit;
pub mod withdraw_offer;
