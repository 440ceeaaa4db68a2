//! A person's decision about an invoice that the rules against financing twice have stopped.

use crate::Refusal;
use kernel::{Blank, named};

named! {
    ReviewState {
        Open => "open",
        /// It may go on.
        Cleared => "cleared",
        /// It may not.
        Refused => "refused",
        /// One of the two was withdrawn: nothing is left to decide.
        Released => "released",
    }
}

/// The decision, with a reason that the supplier reads.
pub fn decide(state: ReviewState, clear: bool, reason: &str) -> Result<ReviewState, Refusal> {
    if state != ReviewState::Open {
        return Err(Refusal::ReviewDecided);
    }
    if reason.trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    Ok(if clear { ReviewState::Cleared } else { ReviewState::Refused })
}

/// Whether the decision needs two people. Money is at stake when an invoice may go on, and when a receivable that exists already
/// is stopped for good.
#[must_use]
pub fn needs_two(clear: bool, issued: bool) -> bool {
    clear || issued
}

/// The review state that the invoice shows: open while a review is open, cleared when one was cleared and none is open.
#[must_use]
pub fn standing(states: &[ReviewState]) -> Blank<ReviewState> {
    if states.contains(&ReviewState::Open) {
        ReviewState::Open.into()
    } else if states.contains(&ReviewState::Cleared) {
        ReviewState::Cleared.into()
    } else {
        Blank::NONE
    }
}

/// Whether the receivable made of the invoice may not be offered or bought.
#[must_use]
pub fn holds(states: &[ReviewState]) -> bool {
    states.iter().any(|state| matches!(state, ReviewState::Open | ReviewState::Refused))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReviewState as S;

    #[test]
    fn a_review_is_decided_once_and_with_a_reason() {
        assert_eq!(decide(S::Open, true, "another order"), Ok(S::Cleared));
        assert_eq!(decide(S::Open, false, "the same delivery"), Ok(S::Refused));
        assert_eq!(decide(S::Open, true, "  "), Err(Refusal::ReasonMissing));
        for state in [S::Cleared, S::Refused, S::Released] {
            assert_eq!(decide(state, true, "x"), Err(Refusal::ReviewDecided));
        }
        assert!(needs_two(true, false) && needs_two(false, true) && needs_two(true, true));
        assert!(!needs_two(false, false));
    }

    #[test]
    fn one_open_review_is_enough_to_hold() {
        for (states, shown, held) in [
            (&[][..], "", false),
            (&[S::Open, S::Cleared], "open", true),
            (&[S::Cleared, S::Released], "cleared", false),
            (&[S::Released], "", false),
            (&[S::Cleared, S::Refused], "cleared", true),
        ] {
            assert_eq!((standing(states).name(), holds(states)), (shown, held), "{states:?}");
        }
    }
}
