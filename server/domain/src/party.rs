//! Companies and people: capacities, roles, and when a second person must look.

use crate::Refusal;
use kernel::{Named, UserId, named};

named! {
    /// A capacity of a company here. It may have several of these.
    Capacity { Supplier => "supplier", Buyer => "buyer", Financier => "financier", Operator => "operator" }
}
named! {
    /// A role of a person in the company.
    Role { Administrator => "administrator", Maker => "maker", Checker => "checker", Viewer => "viewer" }
}
named! {
    #[derive(Default)]
    PartyStatus { #[default] Applied => "applied", Active => "active", Suspended => "suspended", Declined => "declined" }
}
named! {
    UserStatus {
        Invited => "invited", Active => "active", Disabled => "disabled",
        /// Confirms by one-time link and cannot sign in.
        Contact => "contact",
    }
}

named! {
    #[derive(Default)]
    Language { #[default] English => "en", Chinese => "zh" }
}
named! {
    Theme { System => "system", Light => "light", Dark => "dark" }
}
named! {
    /// Where a session is used, or that it waits for the code of the second factor.
    SessionKind { Page => "page", Api => "api", Pending => "pending" }
}
named! {
    /// The purpose of a mailed link.
    SignInLinkKind { Invitation => "invite", Reset => "reset" }
}
named! {
    AddressChangeState { Open => "open", Done => "done", Ended => "ended" }
}
named! {
    BankAccountStatus { Proposed => "proposed", Verified => "verified", Declined => "declined", Replaced => "replaced" }
}
named! {
    /// The state of a request that waits for its second person.
    ApprovalState {
        Pending => "pending", Approved => "approved", Rejected => "rejected",
        /// The record that it was about changed, or the asker took it back.
        Ended => "ended",
    }
}
named! {
    MailState { Queued => "queued", Sent => "sent", Failed => "failed" }
}

/// All capacities of a company.
pub type Capacities = kernel::Set<Capacity>;
/// All roles of a person.
pub type Roles = kernel::Set<Role>;

/// Whether a second factor is a duty: for every person who makes or checks money, and for operators always.
#[must_use]
pub fn owes_second_factor(roles: &Roles, capacities: &Capacities) -> bool {
    let acts = [Role::Administrator, Role::Maker, Role::Checker].iter().any(|role| roles.has(*role));
    acts || capacities.has(Capacity::Operator)
}

/// Reads a list of names that a caller sent. The function refuses an unknown name and an empty list.
pub fn read_names<T: Named>(list: &str, field: &str) -> Result<kernel::Set<T>, Refusal> {
    let wanted = kernel::Set::of(list).map_err(|_| Refusal::FieldInvalid { field: field.to_owned() })?;
    if wanted.is_empty() { Err(Refusal::FieldMissing { field: field.to_owned() }) } else { Ok(wanted) }
}

/// The amounts up to which a company's people may act without a second person, in minor units of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoloLimit {
    /// For one person in one act.
    pub act_minor: i64,
    /// For all of them in one business day, all acts together, so that a person cannot cut an amount into small ones. None: no
    /// limit.
    pub day_minor: Option<i64>,
}

impl SoloLimit {
    /// The amount that one of them may still do alone after `alone_minor` was done alone on this day.
    #[must_use]
    pub fn room_minor(&self, alone_minor: i64) -> i64 {
        self.day_minor.map_or(self.act_minor, |day| self.act_minor.min(day.saturating_sub(alone_minor)).max(0))
    }

    /// Whether it lets a person do alone more than before.
    #[must_use]
    pub fn loosens(&self, before: Option<Self>) -> bool {
        let before = before.unwrap_or(Self { act_minor: 0, day_minor: None });
        let a_day = |limit: &Self| limit.day_minor.unwrap_or(i64::MAX);
        self.act_minor > before.act_minor || (self.act_minor > 0 && a_day(self) > a_day(&before))
    }
}

/// A second person must approve an amount above the one that a person may do alone. No limit set means: always.
#[must_use]
pub fn needs_second_person(amount_minor: i64, room_minor: Option<i64>) -> bool {
    amount_minor > room_minor.unwrap_or(0)
}

/// A request is decided, or taken back, once.
pub fn check_pending(state: ApprovalState) -> Result<(), Refusal> {
    if state == ApprovalState::Pending { Ok(()) } else { Err(Refusal::ApprovalDecided) }
}

/// The person who asked may not be the one who agrees.
pub fn decide_approval(
    maker: UserId,
    checker: UserId,
    asked_hash: &str,
    seen_hash: &str,
    state: ApprovalState,
) -> Result<(), Refusal> {
    check_pending(state)?;
    if maker == checker {
        return Err(Refusal::SamePerson);
    }
    if asked_hash != seen_hash {
        return Err(Refusal::ApprovalChanged);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_makes_or_checks_money_owes_a_second_factor() {
        for (roles, capacities, owes) in [
            ("viewer", "supplier", false),
            ("", "buyer", false),
            ("viewer", "operator", true),
            ("maker", "supplier", true),
            ("checker,viewer", "buyer", true),
            ("administrator", "financier", true),
        ] {
            assert_eq!(
                owes_second_factor(&Roles::of(roles).unwrap(), &Capacities::of(capacities).unwrap()),
                owes,
                "{roles} of {capacities}"
            );
        }
    }

    #[test]
    fn a_day_bounds_what_one_person_does_alone() {
        let limit = |act_minor, day_minor| SoloLimit { act_minor, day_minor };
        for (limit, alone, room) in [
            (limit(100, None), 10_000, 100),
            (limit(100, Some(250)), 0, 100),
            (limit(100, Some(250)), 150, 100),
            (limit(100, Some(250)), 151, 99),
            (limit(100, Some(250)), 250, 0),
            // Lowered after more had been done.
            (limit(100, Some(250)), 900, 0),
            (limit(0, Some(250)), 0, 0),
        ] {
            assert_eq!(limit.room_minor(alone), room, "{limit:?} after {alone}");
        }
    }

    #[test]
    fn only_a_looser_limit_needs_a_second_person() {
        let limit = |act_minor, day_minor| SoloLimit { act_minor, day_minor };
        for (before, after, loosens) in [
            (None, limit(0, None), false),
            (None, limit(1, Some(1)), true),
            (Some(limit(100, Some(200))), limit(100, Some(200)), false),
            (Some(limit(100, Some(200))), limit(50, Some(100)), false),
            (Some(limit(100, Some(200))), limit(100, Some(201)), true),
            (Some(limit(100, Some(200))), limit(100, None), true),
            (Some(limit(100, Some(200))), limit(0, None), false),
            (Some(limit(100, None)), limit(100, Some(100)), false),
            (Some(limit(100, None)), limit(101, Some(101)), true),
        ] {
            assert_eq!(after.loosens(before), loosens, "{before:?} to {after:?}");
        }
    }

    #[test]
    fn four_eyes_need_two_people_and_the_same_content() {
        assert!(needs_second_person(1, None));
        assert!(!needs_second_person(100, Some(100)));
        assert!(needs_second_person(101, Some(100)));
        assert_eq!(decide_approval(UserId(1), UserId(1), "a", "a", ApprovalState::Pending), Err(Refusal::SamePerson));
        assert_eq!(decide_approval(UserId(1), UserId(2), "a", "b", ApprovalState::Pending), Err(Refusal::ApprovalChanged));
        assert_eq!(decide_approval(UserId(1), UserId(2), "a", "a", ApprovalState::Approved), Err(Refusal::ApprovalDecided));
        assert_eq!(decide_approval(UserId(1), UserId(2), "a", "a", ApprovalState::Pending), Ok(()));
    }

    #[test]
    fn lists_of_names_are_closed_sets() {
        let read = |list| read_names::<Capacity>(list, "x").map(|names| names.to_string());
        assert_eq!(read("buyer,supplier").as_deref(), Ok("supplier,buyer"));
        assert!(read("").is_err());
        assert!(read("buyer,king").is_err());
    }
}
