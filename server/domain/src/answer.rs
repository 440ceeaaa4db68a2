//! The buyer's answers to an invoice. Their codes are UNCL4343 in the subset of the Peppol Invoice Response, their reasons
//! OPStatusReason. Each answer has a time in which it must come.

use crate::Refusal;
use chrono::{Days, NaiveDate};
use kernel::named;

named! {
    /// A buyer's answer.
    AnswerCode {
        Acknowledged => "AB", InProcess => "IP", UnderQuery => "UQ", ConditionallyAccepted => "CA",
        Rejected => "RE", Accepted => "AP", Paid => "PD",
    }
}
named! {
    /// The reason, in the code list OPStatusReason.
    ReasonCode {
        References => "REF", Legal => "LEG", Receiver => "REC", Quality => "QUA", Delivery => "DEL", Price => "PRI",
        Quantity => "QTY", Items => "ITM", PaymentTerms => "PAY", NotRecognised => "UNR", Finance => "FIN", Other => "OTH",
    }
}

/// Checks an answer that a buyer may give by itself. A query or a rejection needs a reason in words and by code.
pub fn decide_answer(code: &str, reason_code: &str, text: &str) -> Result<AnswerCode, Refusal> {
    let known = AnswerCode::parse(code)
        .filter(|code| matches!(code, AnswerCode::InProcess | AnswerCode::UnderQuery | AnswerCode::Rejected));
    let answer = known.ok_or_else(|| Refusal::FieldInvalid { field: "answer".to_owned() })?;
    if answer == AnswerCode::InProcess {
        return Ok(answer);
    }
    ReasonCode::parse(reason_code).ok_or_else(|| Refusal::FieldInvalid { field: "clarification".to_owned() })?;
    if text.trim().is_empty() { Err(Refusal::ReasonMissing) } else { Ok(answer) }
}

/// The code that an invoice's state says by itself when nothing else was answered.
#[must_use]
pub fn code_of(state: &str) -> Option<AnswerCode> {
    match state {
        "presented" => Some(AnswerCode::Acknowledged),
        "disputed" => Some(AnswerCode::UnderQuery),
        "rejected" => Some(AnswerCode::Rejected),
        "partially_confirmed" => Some(AnswerCode::ConditionallyAccepted),
        "paid" => Some(AnswerCode::Paid),
        "confirmed" | "assigned" | "part_paid" | "overdue" => Some(AnswerCode::Accepted),
        _ => None,
    }
}

/// Days that a buyer has for its answer.
pub const ANSWER_DAYS: u64 = 10;
/// Days before the last one on which it is reminded.
pub const REMIND_DAYS: u64 = 3;

/// The day of the reminder, and the last day for the buyer's answer. That is never later than the day before the payment is due.
#[must_use]
pub fn window(presented_on: NaiveDate, due_date: Option<NaiveDate>) -> (NaiveDate, NaiveDate) {
    let last = presented_on.checked_add_days(Days::new(ANSWER_DAYS)).unwrap_or(presented_on);
    let before_due = due_date.and_then(|due| due.checked_sub_days(Days::new(1))).unwrap_or(last);
    let answer_by = last.min(before_due).max(presented_on);
    let remind_on = answer_by.checked_sub_days(Days::new(REMIND_DAYS)).unwrap_or(answer_by).max(presented_on);
    (remind_on, answer_by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_and_a_no_say_why() {
        let code = |code, reason, text| decide_answer(code, reason, text).map_err(|refusal| refusal.code());
        assert_eq!(code("IP", "", ""), Ok(AnswerCode::InProcess));
        assert_eq!(code("UQ", "QTY", "two boxes"), Ok(AnswerCode::UnderQuery));
        assert_eq!(code("RE", "UNR", "not ours"), Ok(AnswerCode::Rejected));
        assert_eq!(code("RE", "UNR", " "), Err("reason_missing"));
        assert_eq!(code("UQ", "PPD", "x"), Err("field_invalid"), "part payments are the bank's to tell");
        for never in ["AP", "CA", "PD", "AB", "XX"] {
            assert_eq!(code(never, "OTH", "x"), Err("field_invalid"), "{never} comes of what is done, not of what is said");
        }
    }

    #[test]
    fn the_window_ends_before_the_payment_is_due() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(window(day("2026-11-01"), Some(day("2026-12-31"))), (day("2026-11-08"), day("2026-11-11")));
        assert_eq!(window(day("2026-11-01"), Some(day("2026-11-05"))), (day("2026-11-01"), day("2026-11-04")));
        assert_eq!(window(day("2026-11-01"), Some(day("2026-11-01"))), (day("2026-11-01"), day("2026-11-01")));
        assert_eq!(window(day("2026-11-01"), None).1, day("2026-11-11"));
    }
}
