//! Offers at a fixed rate, and who may buy how much of them.

use crate::{
    DayCount, Refusal,
    pricing::{Method, Percent, PriceTerms, Quote, quote},
    receivable::{ReceivableEvent, ReceivableState, next_state},
    standing::BuyerStanding,
};
use chrono::NaiveDate;
use kernel::{PartyId, named};
use rust_decimal::Decimal;

named! {
    OfferState { Open => "open", Settled => "settled", Withdrawn => "withdrawn", Expired => "expired" }
}
named! {
    /// The state of a hold for a purchase that waits for its second person.
    PurchaseHoldState { Open => "open", Ended => "ended" }
}

/// The facts of an offer that a supplier asks for.
#[derive(Clone, Debug)]
pub struct OfferFacts<'a> {
    /// The state of the receivable.
    pub state: ReceivableState,
    /// The standing of the buyer that owes it.
    pub standing: BuyerStanding,
    /// A payment of its buyer is being shared out piece by piece.
    pub being_shared: bool,
    pub units_minor: i64,
    pub available_minor: i64,
    /// The units that other offers of the same receivable hold.
    pub on_offer_minor: i64,
    /// The part of the face that the programme keeps with the supplier; 0 where all of it may be sold.
    pub kept_minor: i64,
    /// Percent a year, the method and the day count, as they were typed.
    pub rate: &'a str,
    pub method: &'a str,
    pub day_count: &'a str,
    pub minimum_ticket_minor: i64,
    /// The least ticket that the receivable's frozen terms allow.
    pub terms_minimum_minor: i64,
    pub close_date: NaiveDate,
    pub due_date: NaiveDate,
    /// A review of its invoice is open, or has refused it.
    pub held: bool,
    pub today: NaiveDate,
}

/// May this be offered? Rates are percent a year, above 0 and at most 50.
///
/// Offering it is how the supplier accepts it (签收): the function returns the state after that.
pub fn decide_offer(facts: &OfferFacts<'_>) -> Result<ReceivableState, Refusal> {
    let accepted = next_state(facts.state, ReceivableEvent::Accept)?;
    if facts.being_shared {
        return Err(Refusal::PaymentBeingShared);
    }
    let field = |name: &str| Refusal::FieldInvalid { field: name.to_owned() };
    let rate: Percent = facts.rate.parse().map_err(|_| field("rate"))?;
    Method::parse(facts.method).ok_or_else(|| field("method"))?;
    DayCount::parse(facts.day_count).ok_or_else(|| field("day_count"))?;
    if facts.held {
        return Err(Refusal::UnderReview);
    }
    facts.standing.check()?;
    if facts.due_date <= facts.today {
        return Err(Refusal::ReceivableMatured { due_date: facts.due_date });
    }
    if facts.units_minor <= 0 {
        return Err(Refusal::AmountInvalid { field: "units".to_owned() });
    }
    if facts.units_minor > facts.available_minor {
        return Err(Refusal::NotEnoughUnits { available_minor: facts.available_minor });
    }
    // Nothing is redeemed while it can be offered: units that are not free are sold or on offer.
    let left_minor = facts.available_minor.saturating_sub(facts.kept_minor).max(0);
    if facts.units_minor > left_minor {
        return Err(Refusal::AboveAdvance { left_minor });
    }
    if rate <= Decimal::ZERO || rate > Decimal::from(50) || rate.scale() > 6 {
        return Err(Refusal::RateOutOfRange);
    }
    // Less than the least ticket is offered only as all that is left to sell: while another offer stands, more is left than is
    // free.
    let is_all = facts.units_minor == left_minor && facts.on_offer_minor == 0;
    if facts.units_minor < facts.terms_minimum_minor && !is_all {
        return Err(Refusal::BelowMinimumTicket { minimum_minor: facts.terms_minimum_minor });
    }
    let floor = facts.terms_minimum_minor.min(facts.units_minor);
    if facts.minimum_ticket_minor < floor || facts.minimum_ticket_minor > facts.units_minor {
        return Err(Refusal::MinimumTicketInvalid { least_minor: floor, most_minor: facts.units_minor });
    }
    if facts.close_date < facts.today || facts.close_date >= facts.due_date {
        return Err(Refusal::CloseDateInvalid);
    }
    Ok(accepted)
}

/// The facts that decide a purchase. Amounts in minor units.
#[derive(Clone, Debug)]
pub struct PurchaseFacts {
    /// The state of the receivable.
    pub state: ReceivableState,
    /// The standing of the buyer that owes it.
    pub standing: BuyerStanding,
    pub offer_state: OfferState,
    pub close_date: NaiveDate,
    pub left_minor: i64,
    pub minimum_ticket_minor: i64,
    pub supplier: PartyId,
    pub financier: PartyId,
    pub buyer: PartyId,
    /// A review of its invoice is open, or has refused it.
    pub held: bool,
    pub units_minor: i64,
    /// The price the buyer of the fraction saw and agreed to.
    pub agreed_price_minor: i64,
    pub cash_available_minor: i64,
    /// The financier's limit for this buyer, less what it holds of it already. Absent: no limit was set.
    pub limit_room_minor: Option<i64>,
    pub terms: PriceTerms,
    pub today: NaiveDate,
}

/// The price of these units, if they can be bought at all. The checks come in the order in which a person can act on them.
pub fn quote_purchase(facts: &PurchaseFacts) -> Result<Quote, Refusal> {
    if facts.offer_state != OfferState::Open || facts.today > facts.close_date {
        return if facts.offer_state == OfferState::Settled {
            Err(Refusal::SoldOut { left_minor: 0 })
        } else {
            Err(Refusal::OfferClosed)
        };
    }
    // A receivable may be bought exactly in the states in which it may be offered.
    next_state(facts.state, ReceivableEvent::Accept)?;
    if facts.supplier == facts.financier {
        return Err(Refusal::OwnOffer);
    }
    // A debtor that buys its own debt would have no claim on another party.
    if facts.buyer == facts.financier {
        return Err(Refusal::OwnDebt);
    }
    if facts.held {
        return Err(Refusal::UnderReview);
    }
    facts.standing.check()?;
    if facts.units_minor <= 0 {
        return Err(Refusal::AmountInvalid { field: "units".to_owned() });
    }
    if facts.units_minor > facts.left_minor {
        return Err(Refusal::SoldOut { left_minor: facts.left_minor });
    }
    let minimum_minor = facts.minimum_ticket_minor;
    if facts.units_minor < minimum_minor && facts.units_minor != facts.left_minor {
        return Err(Refusal::BelowMinimumTicket { minimum_minor });
    }
    let rest = facts.left_minor.saturating_sub(facts.units_minor);
    if rest > 0 && rest < minimum_minor {
        return Err(Refusal::RemainderTooSmall { left_minor: facts.left_minor, minimum_minor });
    }
    quote(facts.units_minor, &facts.terms, facts.today)
}

/// May this purchase happen, and at what price?
pub fn decide_purchase(facts: &PurchaseFacts) -> Result<Quote, Refusal> {
    let quote = quote_purchase(facts)?;
    if quote.price_minor != facts.agreed_price_minor {
        return Err(Refusal::PriceChanged);
    }
    let room_minor = facts.limit_room_minor.unwrap_or(0);
    if facts.units_minor > room_minor {
        return Err(Refusal::BuyerLimitExceeded { room_minor: room_minor.max(0) });
    }
    if quote.price_minor > facts.cash_available_minor {
        return Err(Refusal::InsufficientCash { available_minor: facts.cash_available_minor });
    }
    Ok(quote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::{Bearer, FeeTerms, SettlementFee};

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    const GOOD: BuyerStanding = BuyerStanding { trades: true, overdue_since: None };

    fn purchase() -> PurchaseFacts {
        PurchaseFacts {
            state: ReceivableState::Active,
            standing: GOOD,
            offer_state: OfferState::Open,
            close_date: date("2026-12-01"),
            left_minor: 10_000,
            minimum_ticket_minor: 1_000,
            supplier: PartyId(1),
            financier: PartyId(2),
            buyer: PartyId(3),
            held: false,
            units_minor: 4_000,
            agreed_price_minor: 3_940,
            cash_available_minor: 5_000,
            limit_room_minor: Some(9_000),
            terms: PriceTerms {
                method: Method::Discount,
                rate: Decimal::from(6),
                day_count: DayCount::Actual360,
                due_date: date("2027-02-20"),
                fee: FeeTerms { bps: 0, minimum_minor: 0, bearer: Bearer::Supplier },
                settlement: SettlementFee { whole_minor: 0, face_minor: 1 },
            },
            today: date("2026-11-22"),
        }
    }

    #[test]
    fn each_reason_not_to_sell_has_its_row() {
        let good = purchase();
        assert_eq!(decide_purchase(&good).map(|quote| quote.price_minor), Ok(3_940));
        let no = |facts: PurchaseFacts| decide_purchase(&facts).unwrap_err();
        let with = |change: fn(&mut PurchaseFacts)| {
            let mut facts = purchase();
            change(&mut facts);
            no(facts)
        };
        assert_eq!(with(|f| f.offer_state = OfferState::Withdrawn), Refusal::OfferClosed);
        assert_eq!(with(|f| f.today = date("2026-12-02")), Refusal::OfferClosed);
        assert_eq!(with(|f| f.offer_state = OfferState::Settled), Refusal::SoldOut { left_minor: 0 });
        assert_eq!(with(|f| f.financier = PartyId(1)), Refusal::OwnOffer);
        assert_eq!(with(|f| f.buyer = f.financier), Refusal::OwnDebt);
        assert_eq!(with(|f| f.held = true), Refusal::UnderReview);
        assert_eq!(with(|f| f.standing.trades = false), Refusal::BuyerStopped);
        let since = date("2026-11-20");
        assert_eq!(
            no(PurchaseFacts { standing: BuyerStanding { overdue_since: Some(since), ..GOOD }, ..purchase() }),
            Refusal::BuyerOverdue { since }
        );
        assert_eq!(with(|f| f.units_minor = 0).code(), "amount_invalid");
        assert_eq!(with(|f| f.units_minor = 10_001), Refusal::SoldOut { left_minor: 10_000 });
        assert_eq!(with(|f| f.units_minor = 999), Refusal::BelowMinimumTicket { minimum_minor: 1_000 });
        assert_eq!(with(|f| f.units_minor = 9_500), Refusal::RemainderTooSmall { left_minor: 10_000, minimum_minor: 1_000 });
        assert_eq!(with(|f| f.agreed_price_minor = 3_939), Refusal::PriceChanged);
        assert_eq!(with(|f| f.limit_room_minor = Some(3_999)), Refusal::BuyerLimitExceeded { room_minor: 3_999 });
        assert_eq!(with(|f| f.limit_room_minor = None), Refusal::BuyerLimitExceeded { room_minor: 0 });
        assert_eq!(with(|f| f.cash_available_minor = 3_939), Refusal::InsufficientCash { available_minor: 3_939 });
        // The rest may be bought whole even when it is below the minimum.
        let mut rest = purchase();
        (rest.left_minor, rest.units_minor, rest.agreed_price_minor) = (500, 500, 493);
        assert!(decide_purchase(&rest).is_ok());
    }

    #[test]
    fn each_reason_not_to_offer_has_its_row() {
        let good = OfferFacts {
            state: ReceivableState::Issued,
            standing: GOOD,
            being_shared: false,
            units_minor: 100,
            available_minor: 100,
            on_offer_minor: 0,
            kept_minor: 0,
            rate: "5",
            method: "discount",
            day_count: "ACT/360",
            minimum_ticket_minor: 10,
            terms_minimum_minor: 10,
            close_date: date("2026-12-01"),
            due_date: date("2027-01-01"),
            held: false,
            today: date("2026-11-22"),
        };
        assert_eq!(decide_offer(&good), Ok(ReceivableState::Active));
        let no = |facts: OfferFacts<'_>| decide_offer(&facts).unwrap_err().code();
        assert_eq!(no(OfferFacts { units_minor: 101, ..good.clone() }), "not_enough_units");
        assert_eq!(no(OfferFacts { held: true, ..good.clone() }), "under_review");
        assert_eq!(no(OfferFacts { being_shared: true, ..good.clone() }), "payment_being_shared");
        assert_eq!(no(OfferFacts { standing: BuyerStanding { trades: false, ..GOOD }, ..good.clone() }), "buyer_stopped");
        let overdue = BuyerStanding { overdue_since: Some(date("2026-11-20")), ..GOOD };
        assert_eq!(no(OfferFacts { standing: overdue, ..good.clone() }), "buyer_overdue");
        for state in ReceivableState::ALL {
            let offerable = matches!(state, ReceivableState::Issued | ReceivableState::Active);
            let found = decide_offer(&OfferFacts { state: *state, ..good.clone() });
            assert_eq!(found.is_ok(), offerable, "{}", state.name());
            let bought = decide_purchase(&PurchaseFacts { state: *state, ..purchase() });
            assert_eq!(bought.is_ok(), offerable, "{}", state.name());
        }
        let kept = OfferFacts { units_minor: 80, kept_minor: 20, ..good.clone() };
        assert_eq!(decide_offer(&kept), Ok(ReceivableState::Active));
        let above = OfferFacts { units_minor: 81, kept_minor: 20, ..good.clone() };
        assert_eq!(decide_offer(&above), Err(Refusal::AboveAdvance { left_minor: 80 }));
        assert_eq!(no(OfferFacts { units_minor: 0, ..good.clone() }), "amount_invalid");
        assert_eq!(no(OfferFacts { rate: "0", ..good.clone() }), "rate_out_of_range");
        assert_eq!(no(OfferFacts { rate: "51", ..good.clone() }), "rate_out_of_range");
        for (name, wrong) in [
            ("rate", OfferFacts { rate: "much", ..good.clone() }),
            ("method", OfferFacts { method: "", ..good.clone() }),
            ("day_count", OfferFacts { day_count: "ACT/ACT", ..good.clone() }),
        ] {
            assert_eq!(decide_offer(&wrong), Err(Refusal::FieldInvalid { field: name.to_owned() }));
            // The refusal of a receivable that cannot be offered at all comes first.
            assert_eq!(no(OfferFacts { state: ReceivableState::Redeemed, ..wrong }), "state_conflict");
        }
        assert_eq!(no(OfferFacts { minimum_ticket_minor: 9, ..good.clone() }), "minimum_ticket_invalid");
        assert_eq!(no(OfferFacts { minimum_ticket_minor: 101, ..good.clone() }), "minimum_ticket_invalid");
        assert_eq!(no(OfferFacts { close_date: date("2026-11-21"), ..good.clone() }), "close_date_invalid");
        assert_eq!(no(OfferFacts { close_date: date("2027-01-01"), ..good.clone() }), "close_date_invalid");
        assert_eq!(no(OfferFacts { due_date: date("2026-11-22"), ..good }), "receivable_matured");
    }

    /// Offered, free, on offer, kept, least ticket of the offer; the least ticket of the terms is 10.
    #[test]
    fn less_than_the_least_ticket_is_offered_only_as_all_that_is_left() {
        let least = "below_minimum_ticket";
        for (units, available, on_offer, kept, ticket, wanted) in [
            (10, 100, 0, 0, 10, ""),
            (9, 100, 0, 0, 9, least),
            (1, 100, 0, 0, 1, least),
            // All that is left: of the whole, or of the part that a programme allows to sell.
            (9, 9, 0, 0, 9, ""),
            (1, 1, 0, 0, 1, ""),
            (9, 29, 0, 20, 9, ""),
            (8, 29, 0, 20, 8, least),
            (9, 28, 0, 20, 9, "above_advance"),
            // A remainder beside an offer: there is more to sell, so that offering and withdrawing makes no small tickets.
            (1, 1, 99, 0, 1, least),
            (9, 9, 1, 0, 9, least),
            (10, 10, 90, 0, 10, ""),
            // The whole small offer is one ticket.
            (9, 9, 0, 0, 8, "minimum_ticket_invalid"),
            (9, 9, 0, 0, 10, "minimum_ticket_invalid"),
        ] {
            let facts = OfferFacts {
                state: ReceivableState::Active,
                standing: GOOD,
                being_shared: false,
                units_minor: units,
                available_minor: available,
                on_offer_minor: on_offer,
                kept_minor: kept,
                rate: "5",
                method: "yield",
                day_count: "30E/360",
                minimum_ticket_minor: ticket,
                terms_minimum_minor: 10,
                close_date: date("2026-12-01"),
                due_date: date("2027-01-01"),
                held: false,
                today: date("2026-11-22"),
            };
            let found = decide_offer(&facts).err().map_or("", |refusal| refusal.code());
            assert_eq!(found, wanted, "{units} of {available}, {on_offer} on offer, {kept} kept, ticket {ticket}");
        }
    }
}
