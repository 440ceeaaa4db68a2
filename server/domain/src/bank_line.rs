//! A line of the bank's statement that waits for a person: the reason for waiting, and the acts that two people may do with it.

use crate::Currency;
use crate::calendar::Calendar;
use chrono::NaiveDate;
use kernel::{Blank, named};

named! {
    /// Why a line is not booked by itself.
    Attention {
        Repeat => "possible_repeat", Recorded => "possibly_recorded", OtherCurrency => "other_currency", NoTerms => "no_terms",
        ValueDate => "value_date", NoRoom => "no_room", Reversal => "reversal", UnknownDebit => "unknown_debit",
        DoubleDebit => "double_debit", SmallPart => "small_part", Announced => "announced",
        NoCover => "no_cover", OwnTransfer => "possible_transfer",
    }
}

named! {
    /// The way that money goes on a line.
    #[derive(Default)]
    Direction { #[default] In => "in", Out => "out" }
}

named! {
    /// The result of a line.
    #[derive(Default)]
    LineState {
        #[default] New => "new", Attention => "attention", Matched => "matched", Placed => "placed", Suspense => "suspense", Returned => "returned",
        Skipped => "skipped", Confirmed => "confirmed", Claimed => "claimed", Expensed => "expensed", Explained => "explained",
        Reversed => "reversed",
    }
}

named! {
    /// The reason why a line waits or was skipped, or its special kind.
    LineKind {
        // As in Attention.
        Repeat => "possible_repeat", PossiblyRecorded => "possibly_recorded", OtherCurrency => "other_currency", NoTerms => "no_terms",
        ValueDate => "value_date", NoRoom => "no_room", Reversal => "reversal", UnknownDebit => "unknown_debit",
        DoubleDebit => "double_debit", SmallPart => "small_part", Announced => "announced",
        NoCover => "no_cover", PossibleTransfer => "possible_transfer",
        /// Not booked by the bank yet.
        Pending => "pending",
        Zero => "zero", Duplicate => "duplicate",
        /// Announced, and the statement has brought it.
        ByStatement => "by_statement",
        /// In suspense: the platform suggests a match, or the line names several.
        Suggested => "suggested", SeveralReferences => "several_references",
        /// A payout that came back, before or after its own debit.
        Return => "return", ReturnFirst => "return_first",
        OwnTransfer => "own_transfer",
        /// Entered by people, and the bank's line that confirms such an entry.
        Recorded => "recorded", Confirms => "confirms",
        Surplus => "surplus", ClaimPayment => "claim_payment", PlacementReversed => "placement_reversed",
    }
}

impl LineKind {
    /// The reason why a person must look at it, if the kind is one.
    #[must_use]
    pub fn attention(self) -> Option<Attention> {
        Attention::parse(self.name())
    }
}

impl Attention {
    /// The kind of a line that waits for this reason.
    #[must_use]
    pub fn kind(self) -> LineKind {
        match self {
            Self::Repeat => LineKind::Repeat,
            Self::Recorded => LineKind::PossiblyRecorded,
            Self::OtherCurrency => LineKind::OtherCurrency,
            Self::NoTerms => LineKind::NoTerms,
            Self::ValueDate => LineKind::ValueDate,
            Self::NoRoom => LineKind::NoRoom,
            Self::Reversal => LineKind::Reversal,
            Self::UnknownDebit => LineKind::UnknownDebit,
            Self::DoubleDebit => LineKind::DoubleDebit,
            Self::SmallPart => LineKind::SmallPart,
            Self::Announced => LineKind::Announced,
            Self::NoCover => LineKind::NoCover,
            Self::OwnTransfer => LineKind::PossibleTransfer,
        }
    }
}

named! {
    BankFileKind { Statement => "statement", Status => "status" }
}
named! {
    BankFileState { Kept => "kept", Importing => "importing", Imported => "imported" }
}
named! {
    /// How a statement follows the one before it.
    Continuity { None => "none", First => "first", Follows => "follows", Gap => "gap", Overlap => "overlap", Explained => "explained" }
}

impl Continuity {
    /// Whether balances do not meet and no person has explained why.
    #[must_use]
    pub fn is_broken(self) -> bool {
        matches!(self, Self::Gap | Self::Overlap)
    }
}

named! {
    /// An act that two people may do with a line.
    Act {
        Accept => "accept", Same => "same", Link => "link", Transfer => "transfer", Reverse => "reverse", Expense => "expense", Claim => "claim",
        SettleClaim => "settle_claim", WriteOff => "write_off", Explain => "explain",
    }
}

impl Act {
    /// Whether another record must be named with it.
    #[must_use]
    pub fn names_another(self) -> bool {
        matches!(self, Self::Same | Self::Link | Self::Transfer | Self::Reverse | Self::SettleClaim)
    }
}

/// The acts that a line allows while it waits for this reason. Every reason has at least one.
#[must_use]
pub fn acts(attention: Attention) -> &'static [Act] {
    match attention {
        Attention::Recorded | Attention::OwnTransfer => &[Act::Same, Act::Accept, Act::Explain],
        Attention::Repeat
        | Attention::NoTerms
        | Attention::ValueDate
        | Attention::NoRoom
        | Attention::NoCover
        | Attention::SmallPart
        | Attention::Announced => &[Act::Accept, Act::Explain],
        // Money in another currency cannot be on the account: people only look into it.
        Attention::OtherCurrency => &[Act::Explain],
        Attention::Reversal => &[Act::Reverse, Act::Claim, Act::Expense, Act::Explain],
        Attention::UnknownDebit => &[Act::Link, Act::Transfer, Act::Expense, Act::Claim, Act::Explain],
        Attention::DoubleDebit => &[Act::Claim, Act::Expense, Act::Explain],
    }
}

/// The acts on a line from which the platform still claims money.
pub const ACTS_OF_A_CLAIM: &[Act] = &[Act::SettleClaim, Act::WriteOff];

named! {
    /// How people take a line back that people placed or recorded wrongly.
    Back {
        Placement => "placement", Receipt => "receipt", ClaimPayment => "claim_payment", Accept => "accept", Same => "same",
        Link => "link", Reverse => "reverse", Expense => "expense", Claim => "claim", WriteOff => "write_off", Explain => "explain",
    }
}

/// The facts that decide how a line can be taken back.
#[derive(Clone, Copy, Debug)]
pub struct Decided {
    pub incoming: bool,
    pub state: LineState,
    pub kind: Blank<LineKind>,
    /// It is with a company or a receivable.
    pub has_place: bool,
    pub is_payout: bool,
    /// Another line says that it is the same money.
    pub has_twin: bool,
    /// The whole amount that it turned into a claim is still claimed: nothing of it was paid.
    pub whole_claim: bool,
    /// The last act that two people did with it.
    pub act: Option<Act>,
    /// The last of their acts that was not about its claim.
    pub origin: Option<Act>,
}

/// How a line can be taken back, if it can. A line that the bank's file booked by itself can be taken back only where money came
/// in.
#[must_use]
pub fn way_back(line: &Decided) -> Option<Back> {
    use LineState as S;
    match (line.incoming, line.state) {
        (true, S::Placed) if line.kind == LineKind::ClaimPayment => Some(Back::ClaimPayment),
        (true, S::Placed | S::Matched) if line.is_payout || !line.has_place => None,
        (true, S::Matched) if line.kind == LineKind::Recorded && !line.has_twin => Some(Back::Receipt),
        (true, S::Placed | S::Matched) => Some(Back::Placement),
        (true, S::Suspense) if line.act == Some(Act::Accept) => Some(Back::Accept),
        (false, S::Matched) if line.act == Some(Act::Link) => Some(Back::Link),
        (false, S::Reversed | S::Claimed) if line.origin == Some(Act::Reverse) => line.whole_claim.then_some(Back::Reverse),
        (_, S::Confirmed) if line.act == Some(Act::Same) => Some(Back::Same),
        (_, S::Expensed) => match line.act {
            Some(Act::Expense) => Some(Back::Expense),
            Some(Act::WriteOff) => Some(Back::WriteOff),
            _ => None,
        },
        (false, S::Claimed) if line.whole_claim && !line.has_place && line.kind != LineKind::PlacementReversed => {
            Some(Back::Claim)
        }
        (_, S::Explained) => Some(Back::Explain),
        _ => None,
    }
}

/// The number of business days by which a value date may lie before or after the booking date. Banks value cross-border credits
/// two days away at most. The third is for a holiday that only one of the two countries has.
pub const VALUE_DAYS: u32 = 3;

/// Whether a value date is believed: near the booking date, by the currency's business days, and not yet to come.
#[must_use]
pub fn is_usual_value_date(calendar: &Calendar, booking: NaiveDate, value: NaiveDate, today: NaiveDate) -> bool {
    let window = calendar.subtract_business_days(booking, VALUE_DAYS)..=calendar.add_business_days(booking, VALUE_DAYS);
    value <= today && window.contains(&value)
}

/// Whether money for a receivable is less than its least ticket, and comes before anything is due. If such money were shared out,
/// one cent could end the market in the units that are still for sale. Money that completes the payment is never small.
#[must_use]
pub fn is_small_part(
    amount_minor: i64,
    (owed_minor, ticket_minor): (i64, i64),
    payment_date: NaiveDate,
    today: NaiveDate,
) -> bool {
    today < payment_date && amount_minor < ticket_minor.min(owed_minor)
}

/// The default limit, in whole units of a currency, for credits that a notification (camt.054) announces. The platform books a
/// credit up to the limit before its statement comes. The operators may set another limit.
const ANNOUNCED_UNITS: i64 = 100_000;

/// The largest announced credit that is booked before its statement: the operators' limit, else the platform's own.
#[must_use]
pub fn announced_limit(currency: Currency, set_minor: Option<i64>) -> i64 {
    set_minor.unwrap_or_else(|| ANNOUNCED_UNITS.saturating_mul(10_i64.checked_pow(currency.exponent()).unwrap_or(1)))
}

/// The most calendar days between the value date of a receipt that people recorded and that of the bank's own line of it.
pub const SAME_MONEY_DAYS: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_to_wait_has_a_way_out() {
        for attention in Attention::ALL {
            let ways = acts(*attention);
            assert!(ways.contains(&Act::Explain), "{attention:?}");
            let stay = [Act::SettleClaim, Act::WriteOff];
            assert!(ways.iter().all(|act| !stay.contains(act)), "{attention:?}: a claim is settled once it is one");
        }
        let used: Vec<Act> =
            Attention::ALL.iter().flat_map(|attention| acts(*attention)).chain(ACTS_OF_A_CLAIM).copied().collect();
        assert!(Act::ALL.iter().all(|act| used.contains(act)));
    }

    #[test]
    fn what_people_did_wrongly_is_taken_back_and_what_the_bank_did_is_not() {
        let line = |incoming, state: &str, kind: &str, act| Decided {
            incoming,
            state: state.parse().unwrap(),
            kind: Blank::of(kind).unwrap(),
            has_place: false,
            is_payout: false,
            has_twin: false,
            whole_claim: false,
            act,
            origin: None,
        };
        let placed = |state, kind| Decided { has_place: true, ..line(true, state, kind, None) };
        let claim = Decided { whole_claim: true, ..line(false, "claimed", "double_debit", Some(Act::Claim)) };
        let reversed = |state, act| Decided {
            origin: Some(Act::Reverse),
            has_twin: true,
            whole_claim: true,
            ..line(false, state, "reversal", Some(act))
        };
        let cases = [
            (placed("placed", ""), Some(Back::Placement)),
            (line(true, "placed", "claim_payment", None), Some(Back::ClaimPayment)),
            (placed("matched", ""), Some(Back::Placement)),
            (placed("matched", "recorded"), Some(Back::Receipt)),
            (Decided { has_twin: true, ..placed("matched", "recorded") }, Some(Back::Placement)),
            (placed("placed", "claim_payment"), Some(Back::ClaimPayment)),
            (Decided { is_payout: true, ..placed("matched", "return") }, None),
            (line(true, "matched", "return", None), None),
            (line(true, "suspense", "", None), None),
            (line(true, "suspense", "", Some(Act::Accept)), Some(Back::Accept)),
            (line(true, "confirmed", "confirms", None), None),
            (line(true, "confirmed", "confirms", Some(Act::Same)), Some(Back::Same)),
            (line(false, "matched", "", None), None),
            (line(false, "matched", "", Some(Act::Accept)), None),
            (line(false, "matched", "unknown_debit", Some(Act::Link)), Some(Back::Link)),
            (line(false, "expensed", "unknown_debit", Some(Act::Expense)), Some(Back::Expense)),
            (line(false, "expensed", "unknown_debit", Some(Act::WriteOff)), Some(Back::WriteOff)),
            (line(false, "expensed", "unknown_debit", None), None),
            (claim, Some(Back::Claim)),
            (Decided { whole_claim: false, ..claim }, None),
            (Decided { has_place: true, ..claim }, None),
            (Decided { kind: LineKind::PlacementReversed.into(), ..claim }, None),
            (line(false, "explained", "unknown_debit", Some(Act::Explain)), Some(Back::Explain)),
            (reversed("reversed", Act::Reverse), Some(Back::Reverse)),
            (Decided { has_place: true, ..reversed("claimed", Act::Reverse) }, Some(Back::Reverse)),
            (Decided { whole_claim: false, ..reversed("claimed", Act::SettleClaim) }, None),
            (Decided { whole_claim: false, ..reversed("reversed", Act::SettleClaim) }, None),
            // Its payment was taken back.
            (Decided { has_place: true, ..reversed("claimed", Act::SettleClaim) }, Some(Back::Reverse)),
            (Decided { whole_claim: false, ..reversed("expensed", Act::WriteOff) }, Some(Back::WriteOff)),
            (Decided { incoming: true, ..reversed("reversed", Act::Reverse) }, None),
            (line(false, "reversed", "reversal", None), None),
            (line(false, "attention", "unknown_debit", Some(Act::Link)), None),
        ];
        for (line, expected) in cases {
            assert_eq!(way_back(&line), expected, "{line:?}");
        }
        let found: Vec<Back> = cases.iter().filter_map(|(_, back)| *back).collect();
        assert!(Back::ALL.iter().all(|back| found.contains(back)));
    }

    #[test]
    fn what_may_be_booked_before_its_statement_follows_the_currency() {
        let of = |code: &str| announced_limit(Currency::parse(code).unwrap(), None);
        assert_eq!([of("EUR"), of("JPY"), of("KWD")], [10_000_000, 100_000, 100_000_000]);
        assert_eq!(announced_limit(Currency::EUR, Some(0)), 0);
    }

    #[test]
    fn a_cent_ends_no_market() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let small = |amount, owed, today: &str| is_small_part(amount, (owed, 1_000), day("2026-05-01"), day(today));
        assert!(small(1, 50_000, "2026-04-30") && small(999, 50_000, "2026-03-01"));
        assert!(!small(1_000, 50_000, "2026-03-01"), "a ticket's worth is a payment");
        assert!(!small(7, 7, "2026-03-01"), "the last cent completes it");
        assert!(!small(1, 50_000, "2026-05-01"), "what is due is taken in any part");
    }

    #[test]
    fn value_dates_are_believed_near_the_booking_date() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        // Easter 2026: Good Friday is 3 April, Easter Monday 6 April.
        let cases = [
            ("2026-03-31", "2026-03-31", "2026-03-31", true),
            ("2026-03-31", "2026-04-07", "2026-04-30", true),
            ("2026-03-31", "2026-04-08", "2026-04-30", false),
            ("2026-04-08", "2026-04-01", "2026-04-30", true),
            ("2026-04-08", "2026-03-31", "2026-04-30", false),
            ("2026-03-31", "2026-04-01", "2026-03-31", false),
            ("2026-03-31", "2027-03-31", "2026-03-31", false),
            ("2026-03-31", "1999-03-31", "2026-03-31", false),
        ];
        for (booking, value, today, believed) in cases {
            let calendar = Calendar::of("EUR");
            assert_eq!(
                is_usual_value_date(&calendar, day(booking), day(value), day(today)),
                believed,
                "{booking} {value} {today}"
            );
        }
        let holiday = Calendar::of("EUR").with([(day("2026-04-02"), false)]);
        assert!(is_usual_value_date(&holiday, day("2026-03-31"), day("2026-04-08"), day("2026-04-30")), "one more day is closed");
    }
}
