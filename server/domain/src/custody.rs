//! The platform's accounts at banks: the current one of a currency, the amount that each may still pay out, and the conditions
//! for closing it.

use crate::Refusal;
use kernel::{CustodyId, named};

named! {
    /// An account that is closing still takes statements. The platform starts no new payout from it and names it to no new payer.
    CustodyState { Open => "open", Closing => "closing", Closed => "closed" }
}

impl CustodyState {
    /// Whether statements of the account are taken.
    #[must_use]
    pub fn takes_statements(self) -> bool {
        matches!(self, Self::Open | Self::Closing)
    }
}

/// The facts of an account that the choice needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustodyFacts<'a> {
    pub id: CustodyId,
    /// The one currency that it carries; empty: every currency.
    pub currency: &'a str,
    pub state: CustodyState,
}

impl CustodyFacts<'_> {
    #[must_use]
    pub fn carries(&self, currency: &str) -> bool {
        self.currency.is_empty() || self.currency == currency
    }
}

/// The account of a currency that pays out and that payers pay to: the chosen one, else the oldest open one that carries it.
#[must_use]
pub fn current(accounts: &[CustodyFacts<'_>], chosen: Option<CustodyId>, currency: &str) -> Option<CustodyId> {
    let fits = |one: &&CustodyFacts<'_>| one.state == CustodyState::Open && one.carries(currency);
    let named = accounts.iter().filter(fits).find(|one| Some(one.id) == chosen);
    named.or_else(|| accounts.iter().filter(fits).min_by_key(|one| one.id)).map(|one| one.id)
}

/// Whether payments in this currency may leave the account, or payers may be asked to pay to it.
pub fn may_pay(account: &CustodyFacts<'_>, iban: &str, currency: &str) -> Result<(), Refusal> {
    if !account.carries(currency) {
        return Err(Refusal::CustodyCurrencyOther { account: iban.to_owned(), currency: currency.to_owned() });
    }
    match account.state {
        CustodyState::Open => Ok(()),
        other => Err(Refusal::StateConflict { state: other.name().to_owned() }),
    }
}

/// The facts that keep the platform from leaving an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeavingFacts {
    /// The first currency of the platform for which it is the current account.
    pub current_for: Option<String>,
    /// The first currency in which its ledger account is not empty, and how much is there.
    pub holds: Option<(String, i64)>,
    /// Lines of it that wait, payouts of it that the bank has not ended, and transfers that have not arrived.
    pub waiting: i64,
}

/// The next state of an account that the platform leaves: first closing, then closed once nothing is on it.
pub fn leave(state: CustodyState, to: CustodyState, facts: &LeavingFacts) -> Result<CustodyState, Refusal> {
    match (state, to) {
        (CustodyState::Open, CustodyState::Closing) => match &facts.current_for {
            Some(currency) => Err(Refusal::CustodyAccountChosen { currency: currency.clone() }),
            None => Ok(CustodyState::Closing),
        },
        (CustodyState::Closing, CustodyState::Closed) => match &facts.holds {
            Some((currency, minor)) => Err(Refusal::CustodyNotEmpty { currency: currency.clone(), left_minor: *minor }),
            None if facts.waiting > 0 => Err(Refusal::CustodyStillUsed { found: facts.waiting }),
            None => Ok(CustodyState::Closed),
        },
        _ => Err(Refusal::StateConflict { state: state.name().to_owned() }),
    }
}

/// The amount that a new payment file may draw: the ledger's balance, less the draws of other files and money that has not
/// arrived yet. Minor units.
#[must_use]
pub fn available_minor(ledger_minor: i64, in_files_minor: i64, on_the_way_minor: i64) -> i64 {
    ledger_minor.saturating_sub(in_files_minor).saturating_sub(on_the_way_minor).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: i64, currency: &str, state: CustodyState) -> CustodyFacts<'_> {
        CustodyFacts { id: kernel::CustodyId(id), currency, state }
    }

    /// Accounts, the chosen one, a currency, and the one that is current.
    type Case<'a> = (&'a [(i64, &'a str, CustodyState)], Option<i64>, &'a str, Option<i64>);

    #[test]
    fn the_chosen_account_is_current_and_else_the_oldest() {
        let (open, closing, closed) = (CustodyState::Open, CustodyState::Closing, CustodyState::Closed);
        let cases: &[Case<'_>] = &[
            (&[(0, "", open)], None, "EUR", Some(0)),
            (&[(0, "", open), (7, "EUR", open)], None, "EUR", Some(0)),
            (&[(7, "EUR", open), (0, "", open)], Some(7), "EUR", Some(7)),
            (&[(0, "", open), (7, "EUR", open)], Some(7), "USD", Some(0)),
            (&[(0, "", closing), (7, "EUR", open)], None, "EUR", Some(7)),
            (&[(0, "", open), (7, "EUR", closing)], Some(7), "EUR", Some(0)),
            (&[(0, "", closing), (7, "EUR", open)], None, "USD", None),
            (&[(0, "", closed)], Some(0), "EUR", None),
            (&[], None, "EUR", None),
        ];
        for (accounts, chosen, currency, expected) in cases {
            let accounts: Vec<CustodyFacts<'_>> = accounts.iter().map(|(id, code, state)| account(*id, code, *state)).collect();
            assert_eq!(
                current(&accounts, chosen.map(CustodyId), currency),
                expected.map(CustodyId),
                "{accounts:?} {chosen:?} {currency}"
            );
        }
    }

    #[test]
    fn only_an_open_account_of_the_currency_pays() {
        let code = |currency, state, wanted| may_pay(&account(7, currency, state), "DE1", wanted).err().map(|no| no.code());
        assert_eq!(code("EUR", CustodyState::Open, "EUR"), None);
        assert_eq!(code("", CustodyState::Open, "JPY"), None);
        assert_eq!(code("EUR", CustodyState::Open, "USD"), Some("custody_currency_other"));
        assert_eq!(code("EUR", CustodyState::Closing, "EUR"), Some("state_conflict"));
        assert_eq!(code("EUR", CustodyState::Closed, "EUR"), Some("state_conflict"));
    }

    #[test]
    fn an_account_is_left_in_two_steps_and_only_empty() {
        let free = LeavingFacts::default();
        let current = LeavingFacts { current_for: Some("EUR".to_owned()), ..free.clone() };
        let holds = LeavingFacts { holds: Some(("EUR".to_owned(), 1)), ..free.clone() };
        let waits = LeavingFacts { waiting: 1, ..free.clone() };
        let (open, closing, closed) = (CustodyState::Open, CustodyState::Closing, CustodyState::Closed);
        let cases = [
            (open, closing, &free, Ok(closing)),
            (open, closing, &current, Err("custody_account_chosen")),
            (open, closing, &holds, Ok(closing)),
            (open, closed, &free, Err("state_conflict")),
            (open, open, &free, Err("state_conflict")),
            (closing, closed, &free, Ok(closed)),
            (closing, closed, &holds, Err("custody_not_empty")),
            (closing, closed, &waits, Err("custody_still_used")),
            (closing, closing, &free, Err("state_conflict")),
            (closing, open, &free, Err("state_conflict")),
            (closed, open, &free, Err("state_conflict")),
            (closed, closing, &free, Err("state_conflict")),
            (closed, closed, &free, Err("state_conflict")),
        ];
        for (state, to, facts, expected) in cases {
            assert_eq!(leave(state, to, facts).map_err(|no| no.code()), expected, "{state:?} {to:?} {facts:?}");
        }
        assert!(open.takes_statements() && closing.takes_statements() && !closed.takes_statements());
    }

    #[test]
    fn a_file_draws_what_no_other_file_draws_and_what_has_arrived() {
        let cases = [((100, 0, 0), 100), ((100, 30, 20), 50), ((100, 90, 20), 0), ((0, 0, 0), 0)];
        for ((ledger, files, way), expected) in cases {
            assert_eq!(available_minor(ledger, files, way), expected, "{ledger} {files} {way}");
        }
    }
}
