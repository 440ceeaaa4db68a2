//! The settlement instruction: one attempt to pay money out, its states, and the bank's reports about it.

use crate::Refusal;
use kernel::named;

named! {
    /// A request that waits for its second person is *created*; a payout that goes to the bank is *authorised* at least.
    InstructionState {
        Created => "created", Authorised => "authorised", Sent => "sent", Accepted => "accepted", Pending => "pending",
        Settled => "settled", Rejected => "rejected", Unknown => "unknown", Returned => "returned", Cancelled => "cancelled",
    }
}
named! {
    /// The effect of a line of the bank's status report.
    StatusLineState {
        Rejected => "rejected", Noted => "noted", Conflict => "conflict", AlreadyRejected => "already_rejected", Unknown => "unknown",
        CodeUnknown => "code_unknown",
    }
}
named! {
    InstructionEvent {
        Authorise => "authorise", Cancel => "cancel", Send => "send", Accept => "accept", Pend => "pend",
        Settle => "settle", Reject => "reject", FallSilent => "fall_silent", Return => "return", Unlink => "unlink",
    }
}

/// The state after `event`, or why it cannot happen now.
///
/// A status never leads backwards. A message of acceptance after settlement, or while the bank's silence makes the outcome
/// unknown, does not move the state. Only money or the bank's rejection ends an unknown outcome. If people settled a payout with
/// a debit of another one, undoing that leaves the payout with the bank again.
pub fn next_state(state: InstructionState, event: InstructionEvent) -> Result<InstructionState, Refusal> {
    use InstructionEvent as E;
    use InstructionState as S;
    match (state, event) {
        (S::Created, E::Authorise) => Ok(S::Authorised),
        (S::Created | S::Authorised, E::Cancel) => Ok(S::Cancelled),
        (S::Authorised, E::Send) => Ok(S::Sent),
        (S::Sent | S::Accepted, E::Accept) => Ok(S::Accepted),
        (S::Sent | S::Accepted | S::Pending, E::Pend) | (S::Pending, E::Accept) => Ok(S::Pending),
        (S::Settled | S::Unknown, E::Accept | E::Pend) => Ok(state),
        (S::Sent | S::Accepted | S::Pending, E::FallSilent) => Ok(S::Unknown),
        (S::Sent | S::Accepted | S::Pending | S::Unknown, E::Settle) => Ok(S::Settled),
        (S::Sent | S::Accepted | S::Pending | S::Unknown, E::Reject) => Ok(S::Rejected),
        (S::Settled | S::Unknown, E::Return) => Ok(S::Returned),
        (S::Settled, E::Unlink) => Ok(S::Sent),
        _ => Err(Refusal::StateConflict { state: state.name().to_owned() }),
    }
}

impl InstructionState {
    /// Its money is still earmarked: nothing has left, and nothing was given back.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Authorised | Self::Sent | Self::Accepted | Self::Pending | Self::Unknown)
    }
}

/// The event that a bank's status code (ISO 20022 ExternalPaymentTransactionStatus1Code) means for the instruction. Completed
/// settlement (ACSC, ACCC) is believed only when the statement shows the money: until then it is pending. Other codes, such as
/// "received" or "part of the file", move nothing.
#[must_use]
pub fn event_of_status(code: &str) -> Option<InstructionEvent> {
    match code {
        "ACTC" | "ACCP" | "ACWC" | "ACFC" => Some(InstructionEvent::Accept),
        "ACSP" | "ACSC" | "ACCC" | "ACWP" | "PDNG" => Some(InstructionEvent::Pend),
        "RJCT" => Some(InstructionEvent::Reject),
        _ => None,
    }
}

/// Codes that are known and move nothing: the file was received, or parts of it speak for themselves.
#[must_use]
pub fn is_silent_status(code: &str) -> bool {
    matches!(code, "RCVD" | "PART" | "PATC")
}

/// Reasons that an operator can choose from (ISO 20022 ExternalStatusReason1Code); a file may bring any other.
pub const REASONS: &[&str] = &[
    "AC01", "AC04", "AC06", "AG01", "AG02", "AM02", "AM03", "AM04", "AM05", "AM09", "BE01", "CUST", "DT01", "FF01", "MS03",
    "NARR", "RC01", "RR04", "TM01",
];

/// A reason code as a person gives it: one of the known ones. NARR says nothing without its note.
pub fn decide_reason(code: &str, note: &str) -> Result<(), Refusal> {
    if !REASONS.contains(&code) {
        return Err(Refusal::FieldInvalid { field: "reason_code".to_owned() });
    }
    if code == "NARR" && note.trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_state_and_event_is_decided() {
        // One row a state, one letter an event in the order of `InstructionEvent::ALL`: authorise, cancel, send, accept,
        // pend, settle, reject, fall silent, return, unlink. `-` refuses.
        let rows = [
            ("created", "A C - - - - - - - -"),
            ("authorised", "- C S - - - - - - -"),
            ("sent", "- - - a p D R U - -"),
            ("accepted", "- - - a p D R U - -"),
            ("pending", "- - - p p D R U - -"),
            ("settled", "- - - D D - - - B S"),
            ("rejected", "- - - - - - - - - -"),
            ("unknown", "- - - U U D R - B -"),
            ("returned", "- - - - - - - - - -"),
            ("cancelled", "- - - - - - - - - -"),
        ];
        let letter = |state: InstructionState| match state {
            InstructionState::Created => "c",
            InstructionState::Authorised => "A",
            InstructionState::Sent => "S",
            InstructionState::Accepted => "a",
            InstructionState::Pending => "p",
            InstructionState::Settled => "D",
            InstructionState::Rejected => "R",
            InstructionState::Unknown => "U",
            InstructionState::Returned => "B",
            InstructionState::Cancelled => "C",
        };
        assert_eq!(rows.map(|(name, _)| name).to_vec(), InstructionState::ALL.iter().map(|s| s.name()).collect::<Vec<_>>());
        for (name, expected) in rows {
            let state = InstructionState::parse(name).unwrap();
            let found: Vec<&str> =
                InstructionEvent::ALL.iter().map(|event| next_state(state, *event).map_or("-", letter)).collect();
            assert_eq!(found.join(" "), expected, "{name}");
        }
        let refused = next_state(InstructionState::Rejected, InstructionEvent::Settle).unwrap_err();
        assert_eq!(refused, Refusal::StateConflict { state: "rejected".to_owned() });
    }

    #[test]
    fn money_is_earmarked_in_exactly_the_open_states() {
        let open: Vec<&str> = InstructionState::ALL.iter().filter(|state| state.is_open()).map(|state| state.name()).collect();
        assert_eq!(open, ["authorised", "sent", "accepted", "pending", "unknown"]);
    }

    #[test]
    fn codes_of_the_bank_mean_what_the_standard_says() {
        for (code, event) in [
            ("ACTC", Some(InstructionEvent::Accept)),
            ("ACCP", Some(InstructionEvent::Accept)),
            ("ACSP", Some(InstructionEvent::Pend)),
            ("ACSC", Some(InstructionEvent::Pend)),
            ("PDNG", Some(InstructionEvent::Pend)),
            ("RJCT", Some(InstructionEvent::Reject)),
            ("RCVD", None),
            ("rjct", None),
        ] {
            assert_eq!(event_of_status(code), event, "{code}");
        }
        assert_eq!(decide_reason("AC04", ""), Ok(()));
        assert_eq!(decide_reason("NARR", " ").unwrap_err().code(), "reason_missing");
        assert_eq!(decide_reason("ac04", "").unwrap_err().code(), "field_invalid");
    }
}
