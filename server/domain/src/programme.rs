//! Supply-chain finance programmes: a buyer's own terms by number, their members, and the eligibility of an invoice.

use crate::Refusal;
use crate::identity::plain_key;
use crate::pricing::{Bearer, SettlementFee};
use crate::receivable::IssueTerms;
use chrono::NaiveDate;
use kernel::{PartyId, named};

named! {
    ProgrammeState { Proposed => "proposed", Open => "open", Suspended => "suspended", Closed => "closed", Rejected => "rejected" }
}
named! {
    ProgrammeEvent { Approve => "approve", Reject => "reject", Suspend => "suspend", Reopen => "reopen", Close => "close" }
}
named! {
    VersionState { Proposed => "proposed", Approved => "approved", Rejected => "rejected" }
}
named! {
    MemberState { Invited => "invited", Joined => "joined", Declined => "declined", Left => "left", Removed => "removed" }
}
named! {
    MemberEvent { Join => "join", Decline => "decline", Leave => "leave", Remove => "remove" }
}
named! {
    /// The fee that a bill to a buyer is for.
    FeeKind { Purchase => "purchase", Settlement => "settlement" }
}
named! {
    /// The party that answers for a buyer that does not pay.
    Recourse { Without => "none", Supplier => "supplier" }
}

/// The programme's state after `event`. Approving or rejecting a new version changes nothing of a programme that runs.
pub fn next_state(state: ProgrammeState, event: ProgrammeEvent) -> Result<ProgrammeState, Refusal> {
    use ProgrammeEvent as E;
    use ProgrammeState as S;
    match (state, event) {
        (S::Proposed, E::Approve) => Ok(S::Open),
        (S::Proposed, E::Reject) => Ok(S::Rejected),
        (S::Open | S::Suspended, E::Approve | E::Reject) => Ok(state),
        (S::Open, E::Suspend) => Ok(S::Suspended),
        (S::Suspended, E::Reopen) => Ok(S::Open),
        (S::Open | S::Suspended, E::Close) => Ok(S::Closed),
        _ => Err(Refusal::StateConflict { state: format!("programme_{}", state.name()) }),
    }
}

/// A membership's state after `event`. A supplier that has joined accepts a new version by joining again; declining it changes
/// nothing.
pub fn next_membership(state: MemberState, event: MemberEvent) -> Result<MemberState, Refusal> {
    use MemberEvent as E;
    use MemberState as S;
    match (state, event) {
        (S::Invited | S::Joined, E::Join) => Ok(S::Joined),
        (S::Invited, E::Decline) => Ok(S::Declined),
        (S::Joined, E::Decline) => Ok(S::Joined),
        (S::Joined, E::Leave) => Ok(S::Left),
        (S::Invited | S::Joined, E::Remove) => Ok(S::Removed),
        _ => Err(Refusal::StateConflict { state: format!("member_{}", state.name()) }),
    }
}

/// One version of a programme's terms. Late interest stays the platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgrammeTerms {
    /// Days from the confirmation to the due date.
    pub least_tenor_days: i64,
    pub most_tenor_days: i64,
    /// Days since the invoice was issued.
    pub most_age_days: i64,
    /// The largest share of the confirmed amount that the supplier may sell, basis points.
    pub advance_bps: i64,
    pub reserve_bps: i64,
    pub settlement_fee_bps: i64,
    pub purchase_fee_bps: i64,
    pub minimum_fee_minor: i64,
    pub minimum_ticket_minor: i64,
    pub fee_bearer: Bearer,
    pub grace_days: i64,
    pub recourse: Recourse,
}

const WHOLE_BPS: i64 = 10_000;

/// Whether terms can be proposed: each is within its bounds, and the part for sale and the reserve together do not exceed the
/// whole. A settlement fee that the supplier bears is taken from the reserve.
pub fn decide_terms(terms: &ProgrammeTerms) -> Result<(), Refusal> {
    let within = |value: i64, least: i64, most: i64, field: &str| {
        let inside = (least..=most).contains(&value);
        if inside { Ok(()) } else { Err(Refusal::OutOfRange { field: field.to_owned(), least, most }) }
    };
    within(terms.least_tenor_days, 1, 730, "least_tenor_days")?;
    within(terms.most_tenor_days, terms.least_tenor_days, 730, "most_tenor_days")?;
    within(terms.most_age_days, 1, 730, "most_age_days")?;
    within(terms.reserve_bps, 0, 5_000, "reserve_bps")?;
    within(terms.advance_bps, 1, WHOLE_BPS.saturating_sub(terms.reserve_bps), "advance_bps")?;
    let most = if terms.fee_bearer == Bearer::Supplier { terms.reserve_bps.min(500) } else { 500 };
    within(terms.settlement_fee_bps, 0, most, "settlement_fee_bps")?;
    within(terms.purchase_fee_bps, 0, 500, "purchase_fee_bps")?;
    let amount = |value: i64, least_minor: i64, most_minor: i64, field: &str| {
        let inside = (least_minor..=most_minor).contains(&value);
        if inside { Ok(()) } else { Err(Refusal::AmountOutOfRange { field: field.to_owned(), least_minor, most_minor }) }
    };
    amount(terms.minimum_fee_minor, 0, 1_000_000, "minimum_fee_minor")?;
    amount(terms.minimum_ticket_minor, 1, 1_000_000_000, "minimum_ticket_minor")?;
    within(terms.grace_days, 0, 60, "grace_days")
}

impl ProgrammeTerms {
    /// The terms under which a receivable is issued: this version, with the platform's late interest. A settlement fee that the
    /// buyer bears is billed and not taken from the reserve.
    #[must_use]
    pub fn issue_terms(&self, platform: &IssueTerms) -> IssueTerms {
        let mut terms = platform.clone();
        terms.reserve_bps = self.reserve_bps;
        terms.settlement_fee_bps = if self.fee_bearer == Bearer::Supplier { self.settlement_fee_bps } else { 0 };
        terms.purchase_fee.bps = self.purchase_fee_bps;
        terms.purchase_fee.minimum_minor = self.minimum_fee_minor;
        terms.purchase_fee.bearer = self.fee_bearer;
        terms.minimum_ticket_minor = self.minimum_ticket_minor;
        terms.grace_days = self.grace_days;
        terms
    }

    /// How much of a confirmed amount the supplier may sell, rounded down.
    #[must_use]
    pub fn sellable_minor(&self, confirmed_minor: i64, face_minor: i64) -> i64 {
        let share = i128::from(confirmed_minor) * i128::from(self.advance_bps.clamp(0, WHOLE_BPS)) / i128::from(WHOLE_BPS);
        i64::try_from(share).unwrap_or(0).min(face_minor)
    }

    /// The settlement fee that the buyer is billed where all of the face is sold, rounded up as the supplier's is.
    #[must_use]
    pub fn billed_settlement(&self, confirmed_minor: i64, face_minor: i64) -> SettlementFee {
        if self.fee_bearer == Bearer::Supplier {
            return SettlementFee { whole_minor: 0, face_minor };
        }
        let share = i128::from(confirmed_minor) * i128::from(self.settlement_fee_bps.clamp(0, WHOLE_BPS));
        let whole_minor = i64::try_from((share + i128::from(WHOLE_BPS) - 1) / i128::from(WHOLE_BPS)).unwrap_or(0);
        SettlementFee { whole_minor, face_minor }
    }
}

/// When approved terms begin: on their day, or today if that has passed.
#[must_use]
pub fn begins(wanted: NaiveDate, today: NaiveDate) -> NaiveDate {
    wanted.max(today)
}

/// The facts that decide eligibility.
#[derive(Clone, Debug)]
pub struct EligibilityFacts<'a> {
    pub programme: ProgrammeState,
    pub programme_currency: &'a str,
    /// The state of the supplier's membership; none if it was never invited.
    pub member: Option<MemberState>,
    /// The version that the supplier has accepted.
    pub terms: &'a ProgrammeTerms,
    pub begins_on: NaiveDate,
    pub currency: &'a str,
    pub issue_date: NaiveDate,
    pub due_date: Option<NaiveDate>,
    /// Buyer and supplier are one house.
    pub related: bool,
    pub today: NaiveDate,
}

/// The rule by which an invoice is not eligible, with its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    NotOpen { state: ProgrammeState },
    NotBegun { begins_on: NaiveDate },
    NotAMember,
    OtherCurrency { programme: String, invoice: String },
    RelatedParty,
    DueDateUnknown,
    TenorTooShort { days: i64, least_days: i64 },
    TenorTooLong { days: i64, most_days: i64 },
    TooOld { days: i64, most_days: i64 },
}

impl Rule {
    /// All names, for the test that wants two sentences for each.
    pub const CODES: &'static [&'static str] = &[
        "not_open",
        "not_begun",
        "not_a_member",
        "other_currency",
        "related_party",
        "due_date_unknown",
        "tenor_too_short",
        "tenor_too_long",
        "too_old",
    ];

    /// The stable name: texts and API are keyed by it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOpen { .. } => "not_open",
            Self::NotBegun { .. } => "not_begun",
            Self::NotAMember => "not_a_member",
            Self::OtherCurrency { .. } => "other_currency",
            Self::RelatedParty => "related_party",
            Self::DueDateUnknown => "due_date_unknown",
            Self::TenorTooShort { .. } => "tenor_too_short",
            Self::TenorTooLong { .. } => "tenor_too_long",
            Self::TooOld { .. } => "too_old",
        }
    }

    /// Its figures by name.
    #[must_use]
    pub fn arguments(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotOpen { state } => vec![("state", state.name().to_owned())],
            Self::NotBegun { begins_on } => vec![("begins_on", begins_on.to_string())],
            Self::OtherCurrency { programme, invoice } => vec![("programme", programme.clone()), ("invoice", invoice.clone())],
            Self::TenorTooShort { days, least_days } => vec![("days", days.to_string()), ("least_days", least_days.to_string())],
            Self::TenorTooLong { days, most_days } | Self::TooOld { days, most_days } => {
                vec![("days", days.to_string()), ("most_days", most_days.to_string())]
            }
            Self::NotAMember | Self::RelatedParty | Self::DueDateUnknown => Vec::new(),
        }
    }
}

/// Whether an invoice may be confirmed under the programme today, or the first rule that refuses it. Facts about the invoice that
/// cannot change come first, then its days.
pub fn eligible(facts: &EligibilityFacts<'_>) -> Result<(), Rule> {
    if facts.programme != ProgrammeState::Open {
        return Err(Rule::NotOpen { state: facts.programme });
    }
    if facts.member != Some(MemberState::Joined) {
        return Err(Rule::NotAMember);
    }
    if facts.begins_on > facts.today {
        return Err(Rule::NotBegun { begins_on: facts.begins_on });
    }
    if facts.currency != facts.programme_currency {
        let (programme, invoice) = (facts.programme_currency.to_owned(), facts.currency.to_owned());
        return Err(Rule::OtherCurrency { programme, invoice });
    }
    if facts.related {
        return Err(Rule::RelatedParty);
    }
    let due_date = facts.due_date.ok_or(Rule::DueDateUnknown)?;
    let days_since = |later: NaiveDate, earlier: NaiveDate| later.signed_duration_since(earlier).num_days();
    let (tenor_days, age_days) = (days_since(due_date, facts.today), days_since(facts.today, facts.issue_date));
    let terms = facts.terms;
    if tenor_days < terms.least_tenor_days {
        return Err(Rule::TenorTooShort { days: tenor_days, least_days: terms.least_tenor_days });
    }
    if tenor_days > terms.most_tenor_days {
        return Err(Rule::TenorTooLong { days: tenor_days, most_days: terms.most_tenor_days });
    }
    if age_days > terms.most_age_days {
        return Err(Rule::TooOld { days: age_days, most_days: terms.most_age_days });
    }
    Ok(())
}

/// A company as it is compared with another one.
#[derive(Clone, Copy, Debug)]
pub struct House<'a> {
    pub id: PartyId,
    pub registration_id: &'a str,
    pub tax_id: &'a str,
}

/// Whether two companies are one house: the same company, the same registration, or tax ids of one holder.
#[must_use]
pub fn are_related(one: &House<'_>, other: &House<'_>) -> bool {
    let registered = |house: &House<'_>| plain_key(house.registration_id);
    let (first, second) = (registered(one), registered(other));
    one.id == other.id || (!first.is_empty() && first == second) || tax_stem(one.tax_id) == tax_stem(other.tax_id)
}

/// The part of a tax id that names its holder, whatever branch or registration it is. Within a 统一社会信用代码 (GB 32100-2015, places 9
/// to 17) it is the organisation code, within a GSTIN the PAN. Of a Dutch VAT number it is the nine digits before its `B` suffix,
/// and otherwise all of the id.
#[must_use]
pub fn tax_stem(tax_id: &str) -> String {
    let key = crate::tax_id::key("", tax_id);
    let part = |from: usize, to: usize| key.get(from..to).unwrap_or(&key).to_owned();
    let digits = |from: usize, to: usize| key.get(from..to).is_some_and(|part| part.bytes().all(|mark| mark.is_ascii_digit()));
    let letters =
        |from: usize, to: usize| key.get(from..to).is_some_and(|part| part.bytes().all(|mark| mark.is_ascii_uppercase()));
    if !key.is_ascii() {
        return key;
    }
    match key.len() {
        18 if digits(2, 8) => part(8, 17),
        15 if digits(0, 2) && letters(2, 7) && digits(7, 11) && letters(11, 12) => part(2, 12),
        14 if key.starts_with("NL") && digits(2, 11) && digits(12, 14) && key.get(11..12) == Some("B") => part(0, 11),
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DayCount;
    use crate::pricing::{FeeTerms, Percent};

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn terms() -> ProgrammeTerms {
        ProgrammeTerms {
            least_tenor_days: 15,
            most_tenor_days: 90,
            most_age_days: 60,
            advance_bps: 8_000,
            reserve_bps: 1_000,
            settlement_fee_bps: 5,
            purchase_fee_bps: 10,
            minimum_fee_minor: 100,
            minimum_ticket_minor: 1_000,
            fee_bearer: Bearer::Supplier,
            grace_days: 5,
            recourse: Recourse::Without,
        }
    }

    #[test]
    fn every_pair_of_state_and_event_is_decided() {
        let allowed = ProgrammeState::ALL
            .iter()
            .flat_map(|state| ProgrammeEvent::ALL.iter().map(move |event| next_state(*state, *event)))
            .filter(Result::is_ok);
        assert_eq!(allowed.count(), 10);
        let allowed = MemberState::ALL
            .iter()
            .flat_map(|state| MemberEvent::ALL.iter().map(move |event| next_membership(*state, *event)))
            .filter(Result::is_ok);
        assert_eq!(allowed.count(), 7);
        for end in [ProgrammeState::Closed, ProgrammeState::Rejected] {
            assert!(ProgrammeEvent::ALL.iter().all(|event| next_state(end, *event).is_err()));
        }
        for end in [MemberState::Declined, MemberState::Left, MemberState::Removed] {
            assert!(MemberEvent::ALL.iter().all(|event| next_membership(end, *event).is_err()));
        }
        assert_eq!(next_membership(MemberState::Joined, MemberEvent::Decline), Ok(MemberState::Joined), "the old version holds");
    }

    #[test]
    fn each_bound_of_the_terms_has_its_row() {
        assert_eq!(decide_terms(&terms()), Ok(()));
        let whole = ProgrammeTerms { advance_bps: 9_000, ..terms() };
        assert_eq!(decide_terms(&whole), Ok(()));
        let rows: [(&str, i64, i64, ProgrammeTerms); 11] = [
            ("least_tenor_days", 1, 730, ProgrammeTerms { least_tenor_days: 0, ..terms() }),
            ("most_tenor_days", 15, 730, ProgrammeTerms { most_tenor_days: 14, ..terms() }),
            ("most_tenor_days", 15, 730, ProgrammeTerms { most_tenor_days: 731, ..terms() }),
            ("most_age_days", 1, 730, ProgrammeTerms { most_age_days: 0, ..terms() }),
            ("reserve_bps", 0, 5_000, ProgrammeTerms { reserve_bps: 5_001, ..terms() }),
            ("advance_bps", 1, 9_000, ProgrammeTerms { advance_bps: 9_001, ..terms() }),
            ("advance_bps", 1, 9_000, ProgrammeTerms { advance_bps: 0, ..terms() }),
            ("settlement_fee_bps", 0, 500, ProgrammeTerms { settlement_fee_bps: 501, ..terms() }),
            ("settlement_fee_bps", 0, 4, ProgrammeTerms { reserve_bps: 4, ..terms() }),
            ("purchase_fee_bps", 0, 500, ProgrammeTerms { purchase_fee_bps: 501, ..terms() }),
            ("grace_days", 0, 60, ProgrammeTerms { grace_days: 61, ..terms() }),
        ];
        for (field, least, most, wrong) in rows {
            assert_eq!(decide_terms(&wrong), Err(Refusal::OutOfRange { field: field.to_owned(), least, most }));
        }
        let no = |wrong: ProgrammeTerms| decide_terms(&wrong).unwrap_err().code();
        assert_eq!(no(ProgrammeTerms { minimum_fee_minor: -1, ..terms() }), "amount_out_of_range");
        assert_eq!(no(ProgrammeTerms { minimum_ticket_minor: 0, ..terms() }), "amount_out_of_range");
        // A fee that the buyer bears needs no reserve to be taken from.
        let buyer = ProgrammeTerms { reserve_bps: 0, fee_bearer: Bearer::Buyer, ..terms() };
        assert_eq!(decide_terms(&buyer), Ok(()));
    }

    #[test]
    fn what_may_be_sold_never_exceeds_the_fractions() {
        let platform = IssueTerms {
            reserve_bps: 700,
            settlement_fee_bps: 7,
            purchase_fee: FeeTerms { bps: 7, minimum_minor: 7, bearer: Bearer::Supplier },
            minimum_ticket_minor: 7,
            late_rate: Percent::from(8),
            late_day_count: DayCount::Actual360,
            grace_days: 7,
        };
        for confirmed in [1, 9, 99, 12_345, 1_000_001, 10_000_000_000_000] {
            for (advance_bps, reserve_bps) in [(8_000, 1_000), (9_000, 1_000), (10_000, 0), (1, 5_000), (5_000, 5_000)] {
                let terms = ProgrammeTerms { advance_bps, reserve_bps, ..terms() };
                let Ok(split) = crate::receivable::decide_issue(confirmed, &terms.issue_terms(&platform)) else { continue };
                let exact = i128::from(confirmed) * i128::from(advance_bps) / 10_000;
                assert_eq!(i128::from(terms.sellable_minor(confirmed, split.face_minor)), exact);
                assert!(exact <= i128::from(split.face_minor), "{confirmed} {advance_bps} {reserve_bps}");
            }
        }
        let issued = terms().issue_terms(&platform);
        assert_eq!((issued.late_rate, issued.late_day_count), (platform.late_rate, platform.late_day_count));
        assert_eq!((issued.grace_days, issued.settlement_fee_bps, issued.purchase_fee.minimum_minor), (5, 5, 100));
        let buyer = ProgrammeTerms { fee_bearer: Bearer::Buyer, ..terms() };
        assert_eq!(
            (buyer.issue_terms(&platform).settlement_fee_bps, buyer.billed_settlement(100_001, 90_000).whole_minor),
            (0, 51)
        );
        assert_eq!(terms().billed_settlement(100_001, 90_000).whole_minor, 0);
    }

    #[test]
    fn each_rule_of_eligibility_has_its_row() {
        let terms = terms();
        let good = EligibilityFacts {
            programme: ProgrammeState::Open,
            programme_currency: "EUR",
            member: Some(MemberState::Joined),
            terms: &terms,
            begins_on: date("2026-11-01"),
            currency: "EUR",
            issue_date: date("2026-11-01"),
            due_date: Some(date("2026-12-31")),
            related: false,
            today: date("2026-11-26"),
        };
        assert_eq!(eligible(&good), Ok(()));
        let no = |facts: EligibilityFacts<'_>| eligible(&facts).unwrap_err();
        assert_eq!(
            no(EligibilityFacts { programme: ProgrammeState::Suspended, ..good.clone() }),
            Rule::NotOpen { state: ProgrammeState::Suspended }
        );
        assert_eq!(no(EligibilityFacts { member: Some(MemberState::Invited), ..good.clone() }), Rule::NotAMember);
        assert_eq!(no(EligibilityFacts { member: None, ..good.clone() }), Rule::NotAMember);
        let later = date("2026-11-27");
        assert_eq!(no(EligibilityFacts { begins_on: later, ..good.clone() }), Rule::NotBegun { begins_on: later });
        let other = Rule::OtherCurrency { programme: "EUR".to_owned(), invoice: "CNY".to_owned() };
        assert_eq!(no(EligibilityFacts { currency: "CNY", ..good.clone() }), other);
        assert_eq!(no(EligibilityFacts { related: true, ..good.clone() }), Rule::RelatedParty);
        assert_eq!(no(EligibilityFacts { due_date: None, ..good.clone() }), Rule::DueDateUnknown);
        let due = |day: &str| EligibilityFacts { due_date: Some(date(day)), ..good.clone() };
        assert_eq!(eligible(&due("2026-12-11")), Ok(()), "fifteen days are enough");
        assert_eq!(no(due("2026-12-10")), Rule::TenorTooShort { days: 14, least_days: 15 });
        assert_eq!(eligible(&due("2027-02-24")), Ok(()), "ninety days are not too many");
        assert_eq!(no(due("2027-02-25")), Rule::TenorTooLong { days: 91, most_days: 90 });
        let issued = |day: &str| EligibilityFacts { issue_date: date(day), ..good.clone() };
        assert_eq!(eligible(&issued("2026-09-27")), Ok(()), "sixty days are not too old");
        assert_eq!(no(issued("2026-09-26")), Rule::TooOld { days: 61, most_days: 60 });
        for rule in [other, Rule::NotAMember, Rule::TooOld { days: 61, most_days: 60 }] {
            assert!(Rule::CODES.contains(&rule.code()));
        }
        assert_eq!(begins(date("2026-11-01"), date("2026-11-26")), date("2026-11-26"));
        assert_eq!(begins(date("2026-12-01"), date("2026-11-26")), date("2026-12-01"));
    }

    #[test]
    fn one_house_is_recognised_by_company_registration_and_tax_id() {
        let house = |id, registration_id, tax_id| House { id, registration_id, tax_id };
        let buyer = house(PartyId(1), "HRB 4711", "DE811569869");
        for (other, related) in [
            (house(PartyId(1), "", "FR40303265045"), true),
            (house(PartyId(2), "hrb-4711", "FR40303265045"), true),
            (house(PartyId(2), "", "DE 811 569 869"), true),
            (house(PartyId(2), "", "DE136695976"), false),
            (house(PartyId(2), "HRB 4712", "DE136695976"), false),
        ] {
            assert_eq!(are_related(&buyer, &other), related, "{other:?}");
        }
        assert!(
            !are_related(&house(PartyId(1), "", "A1234"), &house(PartyId(2), "", "B1234")),
            "no registration is no common registration"
        );
        for (one, other, same) in [
            ("91420000737944946L", "91440300737944946T", true),
            ("91420000737944946L", "91420000737944947L", false),
            ("27AAPFU0939F1ZV", "29AAPFU0939F1ZQ", true),
            ("27AAPFU0939F1ZV", "27AAPFU0940F1ZV", false),
            ("NL123456789B01", "NL123456789B02", true),
            ("NL123456789B01", "NL123456788B01", false),
            ("DE811569869", "DE811569868", false),
        ] {
            assert_eq!(tax_stem(one) == tax_stem(other), same, "{one} {other}");
        }
    }
}
