//! Which person can be the second person for another one. Two accounts are two people only if neither stands behind the other.
//!
//! A person stands behind another one that it brought in, or to which it last gave roles. This holds along the whole chain: a
//! person behind any member of the chain stands behind the last one, too.

use crate::party::{Role, Roles};
use kernel::UserId;
use std::collections::BTreeSet;

/// Whether a person can agree to requests now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Active,
    /// Has not taken up the invitation yet.
    Invited,
    /// Disabled, or a contact without an account.
    Absent,
}

/// The facts about one person of the company that the rule uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: UserId,
    /// Whether the person has the role checker.
    pub checks: bool,
    pub presence: Presence,
    /// The person who brought this one in. None: the operator, or the founding of the platform.
    pub invited_by: Option<UserId>,
    /// The person who last gave this one roles, or enabled it again.
    pub roles_by: Option<UserId>,
}

/// The subject of a request, as far as it decides who may agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    Ordinary,
    /// This checker shall check no more: it loses the role, or is disabled. The same change may give it other roles.
    EndsChecker {
        checker: UserId,
        widens: bool,
    },
}

/// Everybody who stands behind this person. The person itself is among them only where the chain comes back to it.
#[must_use]
pub fn behind(people: &[Person], id: UserId) -> BTreeSet<UserId> {
    let sponsors = |id: UserId| {
        let found = people.iter().find(|person| person.id == id);
        found.into_iter().flat_map(|person| [person.invited_by, person.roles_by]).flatten()
    };
    let (mut chain, mut open) = (BTreeSet::new(), vec![id]);
    while let Some(next) = open.pop() {
        open.extend(sponsors(next).filter(|sponsor| chain.insert(*sponsor)));
    }
    chain
}

/// Whether the second is another person than the asker in this matter, whatever roles both have.
#[must_use]
pub fn independent(people: &[Person], asker: UserId, second: UserId, matter: Matter) -> bool {
    if second == asker {
        return false;
    }
    let mut chain = behind(people, asker);
    match matter {
        Matter::Ordinary => !chain.contains(&second),
        // A checker may always agree to its own end: the asker has no other account that could do it in its place.
        Matter::EndsChecker { checker, widens: false } if second == checker => true,
        Matter::EndsChecker { checker, .. } if second == checker => !chain.contains(&second),
        Matter::EndsChecker { .. } => {
            let apart = !chain.contains(&second);
            chain.insert(asker);
            apart && behind(people, second).is_disjoint(&chain)
        }
    }
}

/// Whether the second may agree now.
#[must_use]
pub fn may_agree(people: &[Person], asker: UserId, second: UserId, matter: Matter) -> bool {
    let checks = |person: &Person| person.id == second && person.checks && person.presence == Presence::Active;
    people.iter().any(checks) && independent(people, asker, second, matter)
}

/// Whether the company has a person who could agree. A checker who has not taken up the invitation yet counts here.
#[must_use]
pub fn somebody_could_agree(people: &[Person], asker: UserId, matter: Matter) -> bool {
    let mut checkers = people.iter().filter(|person| person.checks && person.presence != Presence::Absent);
    checkers.any(|person| independent(people, asker, person.id, matter))
}

/// Whether a change gives a person any right beyond reading. Roles of a disabled account are none.
#[must_use]
pub fn widens((roles_before, enabled_before): (&Roles, bool), (roles_after, enabled_after): (&Roles, bool)) -> bool {
    let powers = Role::ALL.iter().filter(|role| **role != Role::Viewer);
    let gives = |role: &Role| roles_after.has(*role) && !(enabled_before && roles_before.has(*role));
    enabled_after && powers.into_iter().any(gives)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Matter::{EndsChecker, Ordinary};

    fn ends(checker: UserId) -> Matter {
        EndsChecker { checker, widens: false }
    }

    /// An active checker who was not brought in by a person of the company.
    fn founder(id: UserId) -> Person {
        Person { id, checks: true, presence: Presence::Active, invited_by: None, roles_by: None }
    }
    fn guest(id: UserId, invited_by: UserId) -> Person {
        Person { invited_by: Some(invited_by), ..founder(id) }
    }
    fn changed(person: Person, roles_by: UserId) -> Person {
        Person { roles_by: Some(roles_by), ..person }
    }
    fn plain(person: Person) -> Person {
        Person { checks: false, ..person }
    }

    const A: UserId = UserId(1);
    const B: UserId = UserId(2);
    const C: UserId = UserId(3);
    const P: UserId = UserId(11);
    const Q: UserId = UserId(12);

    /// The company, who asks, for what, and which of its people may agree.
    fn check(name: &str, people: &[Person], asker: UserId, matter: Matter, wanted: &[UserId]) {
        let may: Vec<UserId> = people.iter().map(|person| person.id).filter(|id| may_agree(people, asker, *id, matter)).collect();
        assert_eq!(may, wanted, "{name}");
        assert_eq!(somebody_could_agree(people, asker, matter), !wanted.is_empty(), "{name}: somebody");
    }

    #[test]
    fn whoever_stands_behind_the_asker_is_no_second_person() {
        let two = [founder(A), founder(B)];
        check("two founders", &two, A, Ordinary, &[B]);
        check("two founders, the other way", &two, B, Ordinary, &[A]);
        check("alone", &[founder(A)], A, Ordinary, &[]);
        check("an administrator and a checker", &[plain(founder(A)), founder(B)], A, Ordinary, &[B]);
        check("the only checker asks", &[plain(founder(A)), founder(B)], B, Ordinary, &[]);
        let puppet = [founder(A), founder(B), plain(guest(P, A))];
        check("a puppet", &puppet, P, Ordinary, &[B]);
        check("its master", &puppet, A, Ordinary, &[B]);
        check("the other founder", &puppet, B, Ordinary, &[A]);
        let chain = [founder(A), founder(B), guest(P, A), guest(Q, P)];
        check("a puppet's puppet", &chain, Q, Ordinary, &[B]);
        check("a checker who was brought in is a second person for who brought it in", &chain, A, Ordinary, &[B, P, Q]);
        check("two whom one person brought in", &[founder(A), guest(P, A), guest(Q, A)], P, Ordinary, &[Q]);
        check("three people of a small company", &[plain(founder(A)), founder(B), plain(guest(C, A))], C, Ordinary, &[B]);
    }

    #[test]
    fn whoever_last_gave_the_roles_is_no_second_person() {
        let given = [founder(A), founder(B), plain(changed(guest(P, A), B)), founder(C)];
        check("brought in by one, roles by another", &given, P, Ordinary, &[C]);
        let passed_on = [founder(A), founder(B), changed(guest(P, A), Q), changed(guest(Q, A), P)];
        check("two puppets change each other: a cycle ends, and the master stays", &passed_on, P, Ordinary, &[B]);
        let each_other = [changed(founder(A), B), changed(founder(B), A)];
        check("two founders who gave each other roles", &each_other, A, Ordinary, &[]);
        check("own roles", &[changed(founder(A), A), founder(B)], A, Ordinary, &[B]);
        let far = [founder(A), changed(founder(B), A), guest(P, B)];
        check("who gave roles to who brought in", &far, P, Ordinary, &[]);
        check("a sponsor who is not of the company", &[founder(A), guest(P, UserId(99))], P, Ordinary, &[A]);
    }

    #[test]
    fn an_end_of_a_checker_needs_it_or_somebody_apart() {
        let two = [founder(A), founder(B)];
        check("one of two: only the other itself", &two, A, ends(B), &[B]);
        check("oneself, with the other", &two, A, ends(A), &[B]);
        check("the only checker itself", &[plain(founder(A)), founder(B)], B, ends(B), &[]);
        check("asked by the administrator, agreed by the checker", &[plain(founder(A)), founder(B)], A, ends(B), &[B]);
        let puppets = [founder(A), founder(B), plain(guest(P, A)), guest(Q, A)];
        check("a puppet asks: neither its master nor the master's other puppet", &puppets, P, ends(B), &[B]);
        check("the master asks: none of its puppets", &puppets, A, ends(B), &[B]);
        check("a puppet of the other side may end", &puppets, B, ends(A), &[A, Q]);
        check("its own master may agree to end itself", &puppets, P, ends(A), &[A, B]);
        let more = EndsChecker { checker: A, widens: true };
        check("but not where its puppet also gives it roles", &puppets, P, more, &[B]);
        let three = [founder(A), founder(B), founder(C)];
        check("three founders: either of the others", &three, A, ends(B), &[B, C]);
        let each = [founder(A), founder(B), guest(P, A), guest(Q, B)];
        check("each founder brought one in: A asks, B's guest agrees", &each, A, ends(B), &[B, Q]);
        let under_one = [plain(founder(A)), founder(B), guest(P, A), guest(Q, A)];
        check("guests of one administrator", &under_one, A, ends(P), &[B, P]);
        let appointed = [plain(founder(A)), founder(B), founder(C)];
        check("the one whom the operator appointed", &appointed, A, ends(B), &[B, C]);
        let given = [founder(A), founder(B), changed(founder(C), A)];
        check("one to whom the asker gave roles", &given, A, ends(B), &[B]);
    }

    #[test]
    fn who_is_not_there_does_not_agree() {
        let invited = Person { presence: Presence::Invited, ..founder(B) };
        let people = [founder(A), invited];
        assert!(somebody_could_agree(&people, A, Ordinary), "may be asked");
        assert!(!may_agree(&people, A, B, Ordinary), "and cannot agree yet");
        let gone = [founder(A), Person { presence: Presence::Absent, ..founder(B) }];
        check("disabled", &gone, A, Ordinary, &[]);
        let bridge = [founder(A), Person { presence: Presence::Absent, ..guest(P, A) }, guest(Q, P)];
        check("a disabled person passes the chain on", &bridge, Q, Ordinary, &[]);
    }

    #[test]
    fn only_what_gives_widens() {
        for (before, after, wanted) in [
            (("viewer", true), ("maker", true), true),
            (("maker", true), ("administrator,maker", true), true),
            (("administrator,maker", true), ("maker", true), false),
            (("maker", true), ("maker", true), false),
            (("maker", true), ("maker,viewer", true), false),
            (("maker", true), ("maker", false), false),
            // Roles that a change gives to a disabled person take effect when the person is enabled.
            (("viewer", false), ("maker", false), false),
            (("maker", false), ("maker", true), true),
            (("viewer", false), ("viewer", true), false),
            (("administrator", true), ("viewer", true), false),
            (("administrator", true), ("checker", true), true),
        ] {
            let [roles_before, roles_after] = [before.0, after.0].map(|roles| Roles::of(roles).unwrap());
            assert_eq!(widens((&roles_before, before.1), (&roles_after, after.1)), wanted, "{before:?} to {after:?}");
        }
    }
}
