//! The invoice: its identity, the rules for financing it, and its states.

use crate::Refusal;
use chrono::{Days, NaiveDate};
use kernel::{InvoiceId, named};

named! {
    InvoiceState {
        Draft => "draft", Presented => "presented", Confirmed => "confirmed",
        PartlyConfirmed => "partially_confirmed", Disputed => "disputed", Assigned => "assigned",
        PartPaid => "part_paid", Overdue => "overdue", Paid => "paid", Withdrawn => "withdrawn",
        /// Refused by the buyer, or after a review: it was another one again, or sold already.
        Rejected => "rejected",
        /// The buyer did not answer in time.
        Expired => "expired",
    }
}
named! {
    /// An event in the life of an invoice.
    InvoiceEvent {
        Submit => "submit", Confirm => "confirm", ConfirmLess => "confirm_less", Dispute => "dispute",
        Settle => "settle", Reject => "reject", Expire => "expire", Withdraw => "withdraw", Assign => "assign", PayPart => "pay_part", PayAll => "pay_all", FallOverdue => "fall_overdue",
    }
}

/// The state after `event`, or why it cannot happen now.
pub fn next_state(state: InvoiceState, event: InvoiceEvent) -> Result<InvoiceState, Refusal> {
    use InvoiceEvent as E;
    use InvoiceState as S;
    match (state, event) {
        // An invoice that the buyer did not answer in time may be presented again.
        (S::Draft | S::Expired, E::Submit) => Ok(S::Presented),
        // A disputed invoice cannot be confirmed before the dispute is settled. So a list or a second person cannot confirm it by
        // accident.
        (S::Presented, E::Confirm) => Ok(S::Confirmed),
        (S::Presented, E::ConfirmLess) => Ok(S::PartlyConfirmed),
        (S::Presented, E::Dispute) => Ok(S::Disputed),
        (S::Disputed, E::Settle) => Ok(S::Presented),
        // The buyer rejects a presented invoice. A review may also stop an invoice that is not presented yet, or not again.
        (S::Draft | S::Presented | S::Disputed | S::Expired, E::Reject) => Ok(S::Rejected),
        (S::Presented, E::Expire) => Ok(S::Expired),
        (S::Draft | S::Presented | S::Disputed | S::Rejected | S::Expired, E::Withdraw) => Ok(S::Withdrawn),
        (S::Confirmed | S::PartlyConfirmed | S::Assigned, E::Assign) => Ok(S::Assigned),
        (S::Confirmed | S::PartlyConfirmed | S::Assigned, E::PayPart) | (S::PartPaid, E::PayPart) => Ok(S::PartPaid),
        (S::Overdue, E::PayPart) => Ok(S::Overdue),
        (S::Confirmed | S::PartlyConfirmed | S::Assigned | S::PartPaid | S::Overdue, E::PayAll) => Ok(S::Paid),
        (S::Confirmed | S::PartlyConfirmed | S::Assigned | S::PartPaid, E::FallOverdue) => Ok(S::Overdue),
        _ => Err(Refusal::StateConflict { state: state.name().to_owned() }),
    }
}

named! {
    /// The kind of a document, by its type code.
    DocumentKind {
        Invoice => "invoice",
        /// The buyer wrote it for the seller.
        SelfBilled => "self_billed",
        /// The goods or services have not been delivered yet.
        Prepayment => "prepayment",
        /// A part of the order or of the work.
        Part => "part",
        /// It says itself that it was assigned.
        Factored => "factored",
        /// It takes the place of the invoice that it names.
        Replacement => "replacement",
        /// It lowers what is owed of the invoice that it names.
        Credit => "credit",
    }
}

named! {
    /// The result of a credit note.
    CreditState {
        Applied => "applied",
        /// It came after the invoice was financed.
        Late => "late",
        /// It came with other bookings about one invoice.
        Together => "together",
    }
}
named! {
    /// The kind of a document that supports an invoice.
    EvidenceKind { Order => "order", Delivery => "delivery", Contract => "contract", Other => "other" }
}

/// Files of evidence that one invoice may have.
pub const MOST_EVIDENCE: usize = 20;

/// The kind of a document by its code (UNTDID 1001, with the codes that France added for self-billed and factored ones).
/// Pro-forma invoices and other documents that are no claim are refused.
pub fn document_kind(type_code: &str) -> Result<DocumentKind, Refusal> {
    match type_code {
        "380" | "80" | "82" | "84" | "218" | "219" | "295" | "331" | "382" | "383" | "385" | "387" | "388" | "390" | "394"
        | "395" | "575" | "623" | "633" | "780" | "877" => Ok(DocumentKind::Invoice),
        "389" | "527" => Ok(DocumentKind::SelfBilled),
        "386" | "500" => Ok(DocumentKind::Prepayment),
        "326" | "875" | "876" => Ok(DocumentKind::Part),
        "393" | "501" => Ok(DocumentKind::Factored),
        "384" | "471" | "472" | "473" => Ok(DocumentKind::Replacement),
        "381" | "261" | "262" | "296" | "396" | "81" | "83" | "308" | "420" | "458" | "502" | "503" | "532" => {
            Ok(DocumentKind::Credit)
        }
        other => Err(Refusal::DocumentNotFinanceable { type_code: other.to_owned() }),
    }
}

/// The buyer wrote it for the seller, so that its number is one of the buyer's.
#[must_use]
pub fn is_self_billed(type_code: &str) -> bool {
    ["261", "389", "471", "473", "500", "501", "502", "527"].contains(&type_code)
}

/// Its type says that the claim was assigned to a factor, whatever else the document is.
#[must_use]
pub fn is_factored(type_code: &str) -> bool {
    ["393", "472", "473", "501"].contains(&type_code)
}

/// May another file of this kind be put beside the invoice?
pub fn decide_evidence(state: InvoiceState, kind: &str, present: usize) -> Result<EvidenceKind, Refusal> {
    if matches!(state, InvoiceState::Withdrawn | InvoiceState::Rejected) {
        return Err(Refusal::StateConflict { state: state.name().to_owned() });
    }
    if present >= MOST_EVIDENCE {
        return Err(Refusal::EvidenceFull { most: MOST_EVIDENCE });
    }
    EvidenceKind::parse(kind).ok_or_else(|| Refusal::FieldInvalid { field: "kind".to_owned() })
}

/// A live invoice whose number a credit note or a replacement names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    pub id: InvoiceId,
    pub issue_date: NaiveDate,
    /// It has the buyer and the currency of the document that names it.
    pub fits: bool,
}

/// Why no single invoice is meant by a number and a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMeant {
    Unknown,
    /// The number is here, and no invoice of that day has it.
    OtherDate,
    Several,
}

/// Which invoice a document means by its number (BT-25) and, where it is stated, its day (BT-26). A stated day decides: an
/// invoice of another day is never meant. Of several, the only one that fits is meant.
pub fn decide_named(numbered: &[Numbered], stated: Option<NaiveDate>) -> Result<InvoiceId, NotMeant> {
    let of_day: Vec<&Numbered> = numbered.iter().filter(|one| stated.is_none_or(|day| day == one.issue_date)).collect();
    let fitting: Vec<&Numbered> = of_day.iter().copied().filter(|one| one.fits).collect();
    match (numbered, of_day.as_slice(), fitting.as_slice()) {
        ([], _, _) => Err(NotMeant::Unknown),
        (_, [], _) => Err(NotMeant::OtherDate),
        (_, [one], _) | (_, _, [one]) => Ok(one.id),
        _ => Err(NotMeant::Several),
    }
}

/// The amount that is still owed of an invoice after the credit notes that came in time, minor units.
#[must_use]
pub fn owed_minor(payable_minor: i64, credited_minor: i64) -> i64 {
    payable_minor.saturating_sub(credited_minor)
}

/// The effect of a credit note on the invoice that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credited {
    /// Less of it is owed.
    Reduced,
    /// Nothing of it is owed any more.
    Extinguished,
    /// The buyer has undertaken to pay, and the undertaking stands. The seller owes the credited amount, and a person must settle
    /// it.
    Late,
}

/// Applies a credit note to the invoice that it names.
pub fn decide_credit(state: InvoiceState, owed_minor: i64, amount_minor: i64) -> Result<Credited, Refusal> {
    use InvoiceState as S;
    if amount_minor <= 0 {
        return Err(Refusal::PayableNotPositive);
    }
    match state {
        S::Draft | S::Presented | S::Disputed | S::Expired if amount_minor > owed_minor => {
            Err(Refusal::CreditTooLarge { payable_minor: owed_minor })
        }
        S::Draft | S::Presented | S::Disputed | S::Expired if amount_minor == owed_minor => Ok(Credited::Extinguished),
        S::Draft | S::Presented | S::Disputed | S::Expired => Ok(Credited::Reduced),
        S::Confirmed | S::PartlyConfirmed | S::Assigned | S::PartPaid | S::Overdue | S::Paid => Ok(Credited::Late),
        S::Withdrawn | S::Rejected => Err(Refusal::StateConflict { state: state.name().to_owned() }),
    }
}

/// Days that must remain until the due date when an invoice is presented, as on TReDS.
pub const MINIMUM_REMAINING_DAYS: u64 = 15;

/// The most that one invoice may claim, minor units: sums over a million of the largest still fit into 64 bits.
pub const MOST_PAYABLE_MINOR: i64 = 10_000_000_000_000;

/// Days ahead that a due date may lie.
pub const MOST_DAYS_AHEAD: u64 = 730;

/// The facts that the rules check when a file becomes an invoice.
#[derive(Clone, Debug)]
pub struct IntakeFacts<'a> {
    /// The tax id of the company on Kontor that is the file's seller; empty where there is none.
    pub seller_tax_id: &'a str,
    /// The seller's tax id in the file.
    pub seller_in_file: &'a str,
    pub company_tax_id: &'a str,
    pub buyer_known: bool,
    pub buyer_is_supplier: bool,
    pub payable_minor: i64,
    pub issue_date: NaiveDate,
    pub today: NaiveDate,
}

/// May this file become a draft invoice of this company?
pub fn decide_intake(facts: &IntakeFacts<'_>) -> Result<(), Refusal> {
    if facts.seller_tax_id != facts.company_tax_id || facts.company_tax_id.is_empty() {
        let shown = |id: &str| if id.is_empty() { "–".to_owned() } else { id.chars().take(40).collect() };
        return Err(Refusal::NotTheSupplier { found: shown(facts.seller_in_file), own: shown(facts.company_tax_id) });
    }
    if facts.payable_minor <= 0 {
        return Err(Refusal::PayableNotPositive);
    }
    if facts.payable_minor > MOST_PAYABLE_MINOR {
        return Err(Refusal::AmountTooLarge);
    }
    if facts.issue_date > latest_issue(facts.today) {
        return Err(Refusal::DateInvalid { field: "IssueDate".to_owned() });
    }
    if !facts.buyer_known {
        return Err(Refusal::BuyerUnknown);
    }
    if facts.buyer_is_supplier {
        return Err(Refusal::BuyerIsSupplier);
    }
    Ok(())
}

/// The day after the business date: in Asia it has begun already.
fn latest_issue(today: NaiveDate) -> NaiveDate {
    today.succ_opt().unwrap_or(today)
}

/// May it be presented to the buyer today? Without a due date it may: the buyer's confirmation fixes one. A draft of the next day
/// waits for that day.
pub fn decide_submission(
    state: InvoiceState,
    issue_date: NaiveDate,
    due_date: Option<NaiveDate>,
    today: NaiveDate,
) -> Result<InvoiceState, Refusal> {
    let next = next_state(state, InvoiceEvent::Submit)?;
    if issue_date > today {
        return Err(Refusal::IssuedLater { issue_date });
    }
    if let Some(due_date) = due_date {
        check_due_date(due_date, today)?;
    }
    Ok(next)
}

/// Past the horizon within which anybody can undertake to pay.
#[must_use]
pub fn is_too_far(due_date: NaiveDate, today: NaiveDate) -> bool {
    today.checked_add_days(Days::new(MOST_DAYS_AHEAD)).is_none_or(|last| due_date > last)
}

/// The due date is neither too close nor too far.
pub fn check_due_date(due_date: NaiveDate, today: NaiveDate) -> Result<(), Refusal> {
    let earliest = today.checked_add_days(Days::new(MINIMUM_REMAINING_DAYS)).unwrap_or(today);
    if due_date < earliest {
        return Err(Refusal::DueDateTooClose { due_date });
    }
    if is_too_far(due_date, today) {
        return Err(Refusal::DueDateTooFar { due_date });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_state_and_event_is_decided() {
        let mut allowed = Vec::new();
        for state in InvoiceState::ALL {
            for event in InvoiceEvent::ALL {
                match next_state(*state, *event) {
                    Ok(next) => allowed.push(format!("{} {} {}", state.name(), event.name(), next.name())),
                    Err(refusal) => assert_eq!(refusal, Refusal::StateConflict { state: state.name().into() }),
                }
            }
        }
        assert_eq!(allowed.join("\n"), ALLOWED.trim());
    }

    const ALLOWED: &str = "
draft submit presented
draft reject rejected
draft withdraw withdrawn
presented confirm confirmed
presented confirm_less partially_confirmed
presented dispute disputed
presented reject rejected
presented expire expired
presented withdraw withdrawn
confirmed assign assigned
confirmed pay_part part_paid
confirmed pay_all paid
confirmed fall_overdue overdue
partially_confirmed assign assigned
partially_confirmed pay_part part_paid
partially_confirmed pay_all paid
partially_confirmed fall_overdue overdue
disputed settle presented
disputed reject rejected
disputed withdraw withdrawn
assigned assign assigned
assigned pay_part part_paid
assigned pay_all paid
assigned fall_overdue overdue
part_paid pay_part part_paid
part_paid pay_all paid
part_paid fall_overdue overdue
overdue pay_part overdue
overdue pay_all paid
rejected withdraw withdrawn
expired submit presented
expired reject rejected
expired withdraw withdrawn
";

    #[test]
    fn intake_names_the_rule() {
        let today: NaiveDate = "2026-11-22".parse().unwrap();
        let good = IntakeFacts {
            seller_tax_id: "DE1",
            seller_in_file: "DE1",
            company_tax_id: "DE1",
            buyer_known: true,
            buyer_is_supplier: false,
            payable_minor: 1,
            issue_date: today,
            today,
        };
        assert_eq!(decide_intake(&good), Ok(()));
        let no = |facts: IntakeFacts<'_>| decide_intake(&facts).unwrap_err().code();
        assert_eq!(no(IntakeFacts { seller_tax_id: "DE2", ..good.clone() }), "not_the_supplier");
        let stranger = decide_intake(&IntakeFacts { seller_tax_id: "", seller_in_file: "DE 9", ..good.clone() });
        assert_eq!(stranger, Err(Refusal::NotTheSupplier { found: "DE 9".to_owned(), own: "DE1".to_owned() }));
        assert_eq!(no(IntakeFacts { payable_minor: 0, ..good.clone() }), "payable_not_positive");
        assert_eq!(no(IntakeFacts { payable_minor: MOST_PAYABLE_MINOR + 1, ..good.clone() }), "amount_too_large");
        assert_eq!(no(IntakeFacts { issue_date: today + Days::new(2), ..good.clone() }), "date_invalid");
        assert_eq!(decide_intake(&IntakeFacts { issue_date: today + Days::new(1), ..good.clone() }), Ok(()));
        assert_eq!(no(IntakeFacts { buyer_known: false, ..good.clone() }), "buyer_unknown");
        assert_eq!(no(IntakeFacts { buyer_is_supplier: true, ..good }), "buyer_is_supplier");
        assert_eq!(decide_submission(InvoiceState::Draft, today, None, today), Ok(InvoiceState::Presented));
        let tomorrow = today + Days::new(1);
        let early = decide_submission(InvoiceState::Draft, tomorrow, None, today);
        assert_eq!(early, Err(Refusal::IssuedLater { issue_date: tomorrow }));
        let close = today + Days::new(14);
        assert_eq!(check_due_date(close, today), Err(Refusal::DueDateTooClose { due_date: close }));
        let far = today + Days::new(731);
        assert_eq!(check_due_date(far, today), Err(Refusal::DueDateTooFar { due_date: far }));
        let soon = Some(close);
        assert_eq!(decide_submission(InvoiceState::Draft, today, soon, today), Err(Refusal::DueDateTooClose { due_date: close }));
        assert_eq!(check_due_date(today + Days::new(15), today), Ok(()));
    }

    #[test]
    fn the_type_code_decides() {
        use DocumentKind as K;
        for (codes, kind) in [
            ("380 80 82 84 218 219 295 331 382 383 385 387 388 390 394 395 575 623 633 780 877", K::Invoice),
            ("389 527", K::SelfBilled),
            ("386 500", K::Prepayment),
            ("326 875 876", K::Part),
            ("393 501", K::Factored),
            ("384 471 472 473", K::Replacement),
            ("381 261 262 296 396 81 83 308 420 458 502 503 532", K::Credit),
        ] {
            for code in codes.split(' ') {
                assert_eq!(document_kind(code), Ok(kind), "{code}");
            }
        }
        for code in ["325", "", "38", "XYZ", "130", "457", "751"] {
            assert_eq!(document_kind(code).unwrap_err().code(), "document_not_financeable", "{code}");
        }
    }

    #[test]
    fn the_day_decides_which_invoice_is_named() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let one = |id, date: &str, fits| Numbered { id, issue_date: day(date), fits };
        let (old, new) = (one(InvoiceId(1), "2025-11-21", true), one(InvoiceId(2), "2026-11-21", true));
        let stated = Some(day("2025-11-21"));
        for (numbered, stated, meant) in [
            (&[old, new][..], stated, Ok(1)),
            (&[new], stated, Err(NotMeant::OtherDate)),
            (&[old, new], None, Err(NotMeant::Several)),
            (&[old, one(InvoiceId(2), "2026-11-21", false)], None, Ok(1)),
            (&[old, one(InvoiceId(3), "2025-11-21", true)], stated, Err(NotMeant::Several)),
            (&[one(InvoiceId(4), "2025-11-21", false)], stated, Ok(4)),
            (&[one(InvoiceId(4), "2025-11-21", false), one(InvoiceId(5), "2026-11-21", false)], None, Err(NotMeant::Several)),
            (&[old], None, Ok(1)),
            (&[], stated, Err(NotMeant::Unknown)),
        ] {
            assert_eq!(decide_named(numbered, stated), meant.map(InvoiceId), "{numbered:?} {stated:?}");
        }
    }

    #[test]
    fn a_credit_note_reduces_or_comes_too_late() {
        use InvoiceState as S;
        for state in [S::Draft, S::Presented, S::Disputed] {
            assert_eq!(decide_credit(state, 100, 99), Ok(Credited::Reduced));
            assert_eq!(decide_credit(state, 100, 100), Ok(Credited::Extinguished));
            assert_eq!(decide_credit(state, 100, 101), Err(Refusal::CreditTooLarge { payable_minor: 100 }));
            assert_eq!(decide_credit(state, 100, 0), Err(Refusal::PayableNotPositive));
        }
        for state in [S::Confirmed, S::PartlyConfirmed, S::Assigned, S::PartPaid, S::Overdue, S::Paid] {
            assert_eq!(decide_credit(state, 100, 101), Ok(Credited::Late));
        }
        for state in [S::Withdrawn, S::Rejected] {
            assert_eq!(decide_credit(state, 100, 1).unwrap_err().code(), "state_conflict");
        }
        assert_eq!(owed_minor(100, 30), 70);
    }

    #[test]
    fn evidence_has_a_kind_and_a_limit() {
        use InvoiceState as S;
        assert_eq!(decide_evidence(S::Draft, "delivery", 0), Ok(EvidenceKind::Delivery));
        assert_eq!(decide_evidence(S::Paid, "order", MOST_EVIDENCE - 1), Ok(EvidenceKind::Order));
        let no = |state, kind, present| decide_evidence(state, kind, present).unwrap_err().code();
        assert_eq!(no(S::Draft, "delivery", MOST_EVIDENCE), "evidence_full");
        assert_eq!(no(S::Draft, "photo", 0), "field_invalid");
        assert_eq!(no(S::Withdrawn, "order", 0), "state_conflict");
        assert_eq!(no(S::Rejected, "order", 0), "state_conflict");
    }
}
