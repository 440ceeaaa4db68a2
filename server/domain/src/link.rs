//! One-time links for a contact who confirms too rarely to have a sign-in. The rules say which channel the code takes, what one
//! person may confirm, and when a link ends.

use crate::Refusal;
use crate::invoice::InvoiceState;
use kernel::named;

named! {
    /// How the second factor reaches the contact: never by the mail that brought the link.
    Channel {
        /// An operator calls the registered number back and says the code.
        Telephone => "telephone",
        /// It is mailed to another registered address.
        Email => "email",
    }
}
named! {
    ContactState { Active => "active", Ended => "ended" }
}
named! {
    LinkState { Open => "open", Used => "used", Revoked => "revoked", Locked => "locked" }
}
named! {
    /// An act that a link allows, once.
    LinkAct { Confirm => "confirm", Query => "query", Dispute => "dispute", Settle => "settle", Reject => "reject" }
}

/// Wrong codes that end a link.
pub const MOST_TRIES: i64 = 5;
/// Minutes for which a code is good (OWASP ASVS 5.0, 6.5.5); the link lives on, and gets another code on request.
pub const CODE_MINUTES: i64 = 10;
/// Links that one invoice may have in a day.
pub const MOST_LINKS_A_DAY: usize = 5;
/// Hours that a link may live at most.
pub const MOST_HOURS: i64 = 168;

/// May the contact confirm this amount alone? Both its own limit and the company's, where that has one, must hold.
pub fn decide_amount(
    (amount_minor, currency): (i64, &str),
    (limit_minor, limit_currency): (i64, &str),
    company_limit_minor: Option<i64>,
) -> Result<(), Refusal> {
    let own = if currency == limit_currency { limit_minor } else { 0 };
    let most_minor = company_limit_minor.map_or(own, |company| company.min(own));
    if amount_minor > most_minor { Err(Refusal::AboveContactLimit { most_minor }) } else { Ok(()) }
}

/// The acts that a link allows on an invoice in this state.
#[must_use]
pub fn acts_in(state: InvoiceState) -> &'static [LinkAct] {
    match state {
        InvoiceState::Presented => &[LinkAct::Confirm, LinkAct::Query, LinkAct::Dispute, LinkAct::Reject],
        InvoiceState::Disputed => &[LinkAct::Settle, LinkAct::Query, LinkAct::Reject],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_another_currency_has_none() {
        assert_eq!(decide_amount((100, "EUR"), (100, "EUR"), None), Ok(()));
        assert_eq!(decide_amount((101, "EUR"), (100, "EUR"), None), Err(Refusal::AboveContactLimit { most_minor: 100 }));
        assert_eq!(decide_amount((60, "EUR"), (100, "EUR"), Some(50)), Err(Refusal::AboveContactLimit { most_minor: 50 }));
        assert_eq!(decide_amount((50, "EUR"), (100, "EUR"), Some(500)), Ok(()));
        assert_eq!(decide_amount((1, "CNY"), (100, "EUR"), None), Err(Refusal::AboveContactLimit { most_minor: 0 }));
    }

    #[test]
    fn a_link_does_only_what_the_state_allows() {
        assert!(acts_in(InvoiceState::Presented).contains(&LinkAct::Confirm));
        assert!(!acts_in(InvoiceState::Disputed).contains(&LinkAct::Confirm));
        use InvoiceState as S;
        for ended in [S::Draft, S::Confirmed, S::Paid, S::Withdrawn, S::Rejected] {
            assert!(acts_in(ended).is_empty(), "{ended}");
        }
    }
}
