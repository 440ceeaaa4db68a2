//! Companies and people: capacities, roles, and when a second person must look.

use crate::Refusal;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$about])* $variant),+ }
        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The name used in the database, in addresses and in the API.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use named;

named! {
    /// What a company does here. It may do several of these.
    Capacity { Supplier => "supplier", Buyer => "buyer", Financier => "financier", Operator => "operator" }
}
named! {
    /// What a person may do for the company.
    Role { Administrator => "administrator", Maker => "maker", Checker => "checker", Viewer => "viewer" }
}
named! {
    PartyStatus { Applied => "applied", Active => "active", Suspended => "suspended", Declined => "declined" }
}
named! {
    UserStatus {
        Invited => "invited", Active => "active", Disabled => "disabled",
        /// Confirms by one-time link and cannot sign in.
        Contact => "contact",
    }
}

/// A small set kept as text: `supplier,financier`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Names(Vec<String>);

impl Names {
    #[must_use]
    pub fn parse(list: &str) -> Self {
        Self(list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }
}

/// Whether a second factor is a duty: of everybody who makes or checks money, and of operators always.
#[must_use]
pub fn owes_second_factor(roles: &Names, capacities: &Names) -> bool {
    let acts = [Role::Administrator, Role::Maker, Role::Checker].iter().any(|role| roles.has(role.name()));
    acts || capacities.has(Capacity::Operator.name())
}

/// Keeps only known names, in their fixed order; an unknown one or an empty list is refused.
pub fn normalise_names(list: &str, known: &[&'static str], field: &str) -> Result<String, Refusal> {
    let wanted = Names::parse(list);
    if wanted.0.is_empty() {
        return Err(Refusal::FieldMissing { field: field.to_owned() });
    }
    if wanted.0.iter().any(|name| !known.contains(&name.as_str())) {
        return Err(Refusal::FieldInvalid { field: field.to_owned() });
    }
    let kept: Vec<&str> = known.iter().copied().filter(|name| wanted.has(name)).collect();
    Ok(kept.join(","))
}

/// What a company's people may do without a second person, in minor units of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoloLimit {
    /// One of them at once.
    pub act_minor: i64,
    /// All of them in one business day, all acts together, so that nobody cuts an amount into small ones. None: as much as comes.
    pub day_minor: Option<i64>,
}

impl SoloLimit {
    /// What one of them may still do alone when so much was done alone on this day.
    #[must_use]
    pub fn room_minor(&self, alone_minor: i64) -> i64 {
        self.day_minor.map_or(self.act_minor, |day| self.act_minor.min(day.saturating_sub(alone_minor)).max(0))
    }

    /// Whether it lets anybody do alone what they could not do before.
    #[must_use]
    pub fn loosens(&self, before: Option<Self>) -> bool {
        let before = before.unwrap_or(Self { act_minor: 0, day_minor: None });
        let a_day = |limit: &Self| limit.day_minor.unwrap_or(i64::MAX);
        self.act_minor > before.act_minor || (self.act_minor > 0 && a_day(self) > a_day(&before))
    }
}

/// A second person must approve what is more than a person may do alone. No limit set means: always.
#[must_use]
pub fn needs_second_person(amount_minor: i64, room_minor: Option<i64>) -> bool {
    amount_minor > room_minor.unwrap_or(0)
}

/// A request is decided, or taken back, once.
pub fn check_pending(state: &str) -> Result<(), Refusal> {
    if state == "pending" { Ok(()) } else { Err(Refusal::ApprovalDecided) }
}

/// Whoever asked may not be the one who agrees.
pub fn decide_approval(maker: i64, checker: i64, asked_hash: &str, seen_hash: &str, state: &str) -> Result<(), Refusal> {
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
            assert_eq!(owes_second_factor(&Names::parse(roles), &Names::parse(capacities)), owes, "{roles} of {capacities}");
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
        assert_eq!(decide_approval(1, 1, "a", "a", "pending"), Err(Refusal::SamePerson));
        assert_eq!(decide_approval(1, 2, "a", "b", "pending"), Err(Refusal::ApprovalChanged));
        assert_eq!(decide_approval(1, 2, "a", "a", "approved"), Err(Refusal::ApprovalDecided));
        assert_eq!(decide_approval(1, 2, "a", "a", "pending"), Ok(()));
    }

    #[test]
    fn lists_of_names_are_closed_sets() {
        let known = ["supplier", "buyer"];
        assert_eq!(normalise_names("buyer,supplier", &known, "x").as_deref(), Ok("supplier,buyer"));
        assert!(normalise_names("", &known, "x").is_err());
        assert!(normalise_names("buyer,king", &known, "x").is_err());
    }
}
