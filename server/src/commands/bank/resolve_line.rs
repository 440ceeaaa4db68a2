//! Two operators decide about a bank line that waits for a person, or about a claim that the platform has because of one.

use crate::batch::{Batch, Step};
use crate::commands::bank::line::{
    Beside, Facts, Fate, book, confirm, decide_booking, join_transfer, leave_over, missing_cover, settle_payouts,
};
use crate::commands::bank::payout;
use crate::commands::bank::sums::{open_of, sum_of};
use crate::commands::bank::take_back_line::free_of;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, currency, one_request, required_prose};
use crate::view::View;
use chrono::{Days, NaiveDate};
use domain::bank_line::{ACTS_OF_A_CLAIM, Act, Attention, Direction, LineKind, LineState, acts};
use domain::chart::{self, AccountKey, currency_asset};
use domain::party::Capacity;
use domain::settlement_instruction::InstructionEvent;
use domain::{Currency, Refusal};
use formats::camt::Return;
use kernel::{BankLineId, Blank, PartyId, PaymentFileId, PayoutId, RecordId, StatementId};
use ledger::AssetId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use store::records::Keyed;
use store::{BankLine, Conn, Payout, Receivable, StoreError};
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ResolveLine {
    pub line_id: BankLineId,
    /// `accept`, `same`, `link`, `transfer`, `reverse`, `expense`, `claim`, `settle_claim`, `write_off` or `explain`.
    pub act: String,
    /// Id of the other record. `same`: the recorded receipt or the other line of a transfer. `link`: the payout or payment file.
    /// `transfer`: the credit on another account of the platform. `reverse`: the receipt that the bank took back. `settle_claim`:
    /// the line in suspense that pays.
    #[serde(default)]
    pub other_id: Option<RecordId>,
    /// The value date to book with (accept); the booking date when left out.
    #[serde(default)]
    pub value_date: Option<NaiveDate>,
    /// The claim, in minor units, that was shown for a reversal (`reverse`). If the sum differs by now, `check_changed` refuses;
    /// left out, any sum is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_minor: Option<i64>,
    pub reason: String,
}

/// The acts that are possible for a line now.
pub(crate) fn possible(state: LineState, kind: Blank<LineKind>) -> &'static [Act] {
    match state {
        LineState::Attention => kind.get().and_then(LineKind::attention).map_or(&[Act::Explain], acts),
        LineState::Claimed => ACTS_OF_A_CLAIM,
        LineState::New
        | LineState::Matched
        | LineState::Placed
        | LineState::Suspense
        | LineState::Returned
        | LineState::Skipped
        | LineState::Confirmed
        | LineState::Expensed
        | LineState::Explained
        | LineState::Reversed => &[],
    }
}

/// The state of a receipt before it was reversed. The decision keeps it, so that the reversal can be taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Before {
    pub line_id: BankLineId,
    pub state: LineState,
    pub twin_id: Option<BankLineId>,
}

impl Before {
    fn of(receipt: &BankLine) -> Self {
        Self { line_id: receipt.id, state: receipt.state, twin_id: receipt.twin_id }
    }
}

/// All that is known of the request once it is allowed.
pub struct Resolvable {
    line: BankLine,
    currency: Currency,
    act: Act,
    other: Other,
}

impl Resolvable {
    /// The amount that a reversal turns into a claim, in minor units; other acts have none.
    #[must_use]
    pub fn claim_minor(&self) -> Option<i64> {
        if let Other::Receipt(_, reversal) = &self.other { Some(reversal.missing_minor) } else { None }
    }

    /// The value date of accepted money; other acts have none.
    #[must_use]
    pub fn value_date(&self) -> Option<NaiveDate> {
        if let Other::Booking(_, value_date) = &self.other { Some(*value_date) } else { None }
    }
}

enum Other {
    Nothing,
    Line(Box<BankLine>),
    /// The receipt that the bank took back, and the effect of the reversal.
    Receipt(Box<BankLine>, Reversal),
    /// The payouts that a debit pays, and the amount left over.
    Payouts(Vec<Payout>, i64),
    /// Where accepted money goes, and with which value date.
    Booking(Box<Fate>, NaiveDate),
}

impl ResolveLine {
    /// The record that the act needs beside the line.
    fn decide_other(&self, view: &mut dyn View, line: &BankLine, act: Act) -> Step<Other> {
        Ok(match act {
            Act::Same if line.kind == Attention::OwnTransfer.kind() => Other::Line(Box::new(self.begun(view.conn(), line)?)),
            Act::Same => Other::Line(Box::new(self.recorded(view.conn(), line)?)),
            Act::Transfer => {
                let credit = self.credit(view.conn(), line)?;
                if credit.state == LineState::Suspense {
                    has_left(view, line)?;
                }
                Other::Line(Box::new(credit))
            }
            Act::Link => self.payouts(view, line)?,
            Act::Reverse => {
                let receipt = self.taken_back(view.conn(), line)?;
                has_left(view, line)?;
                let reversal = Reversal::of(view.conn(), &receipt)?;
                as_shown(self.claim_minor, reversal.missing_minor)?;
                Other::Receipt(Box::new(receipt), reversal)
            }
            Act::SettleClaim => Other::Line(Box::new(self.paying(view.conn(), line)?)),
            Act::Accept => self.booking(view, line)?,
            Act::Expense | Act::Claim => {
                has_left(view, line)?;
                Other::Nothing
            }
            Act::WriteOff | Act::Explain => Other::Nothing,
        })
    }

    fn other_line(&self, conn: &mut Conn) -> Step<BankLine> {
        let id = self.other_id.ok_or_else(|| Refusal::FieldMissing { field: "other_id".to_owned() })?;
        Ok(BankLine::find(conn, BankLineId(id.0))?.ok_or_else(|| Refusal::FieldInvalid { field: "other_id".to_owned() })?)
    }

    /// A receipt that people recorded and no file has confirmed, of the same money.
    fn recorded(&self, conn: &mut Conn, line: &BankLine) -> Step<BankLine> {
        let other = self.other_line(conn)?;
        let open = other.kind == LineKind::Recorded && other.twin_id.is_none() && other.state == LineState::Matched;
        let same = open && same_money(line, &other) && other.custody_id == line.custody_id;
        if same { Ok(other) } else { Err(Refusal::NotSameMoney.into()) }
    }

    /// The line on another account of the platform that has begun the transfer of which this is the second.
    fn begun(&self, conn: &mut Conn, line: &BankLine) -> Step<BankLine> {
        let other = self.other_line(conn)?;
        let open = other.kind == LineKind::OwnTransfer && other.twin_id.is_none() && other.state == LineState::Matched;
        let fits = open && other.transfer_id == Some(line.custody_id) && other.direction != line.direction;
        if fits && same_money(line, &other) { Ok(other) } else { Err(Refusal::NotSameMoney.into()) }
    }

    /// The credit on another account of the platform for which this line is the debit: a credit in suspense, or one that has
    /// booked both.
    fn credit(&self, conn: &mut Conn, line: &BankLine) -> Step<BankLine> {
        let other = self.other_line(conn)?;
        if other.state != LineState::Suspense {
            return self.begun(conn, line);
        }
        let fits = other.direction == Direction::In && other.statement_id > StatementId(0) && other.custody_id != line.custody_id;
        if fits && same_money(line, &other) { Ok(other) } else { Err(Refusal::NotSameMoney.into()) }
    }

    /// A payout that could have left as this debit, or the payouts of a file that could have left within it.
    fn payouts(&self, view: &mut dyn View, line: &BankLine) -> Step<Other> {
        let id = self.other_id.ok_or_else(|| Refusal::FieldMissing { field: "other_id".to_owned() })?;
        let Some(found) = Payout::find(view.conn(), PayoutId(id.0))? else {
            return file_payouts(view, line, PaymentFileId(id.0));
        };
        if found.amount_minor != line.amount_minor || found.currency != line.currency {
            return Err(Refusal::NotSameMoney.into());
        }
        payout::check(&found, InstructionEvent::Settle)?;
        has_left(view, line)?;
        Ok(Other::Payouts(vec![found], 0))
    }

    /// The receipt that the bank has taken back. Where a receipt by hand has booked the money of the bank's line, it is that one.
    fn taken_back(&self, conn: &mut Conn, line: &BankLine) -> Step<BankLine> {
        let mut other = self.other_line(conn)?;
        if let Some(booked) = other.twin_id.filter(|_| other.state == LineState::Confirmed) {
            other = BankLine::load(conn, booked)?;
        }
        if !same_money(line, &other)
            || other.direction != Direction::In
            || other.payout_id.is_some()
            || matches!(other.kind.get(), Some(LineKind::Surplus | LineKind::ClaimPayment | LineKind::OwnTransfer))
        {
            return Err(Refusal::NotSameMoney.into());
        }
        if [LineState::Matched, LineState::Placed, LineState::Suspense].contains(&other.state) {
            Ok(other)
        } else {
            Err(Refusal::StateConflict { state: other.state.to_string() }.into())
        }
    }

    /// Money in suspense that pays what is still claimed, or a part of it.
    fn paying(&self, conn: &mut Conn, line: &BankLine) -> Step<BankLine> {
        let other = self.other_line(conn)?;
        if other.state != LineState::Suspense {
            return Err(Refusal::LineSettled.into());
        }
        let fits = other.currency == line.currency && other.amount_minor <= line.claim_minor;
        let fits = fits && !is_money_of_claim(conn, line, &other)?;
        if fits { Ok(other) } else { Err(Refusal::NotSameMoney.into()) }
    }

    fn booking(&self, view: &mut dyn View, line: &BankLine) -> Step<Other> {
        let today = view.today();
        let value_date = self.value_date.unwrap_or_else(|| line.booking_date.min(today));
        let earliest = today.checked_sub_days(Days::new(366)).unwrap_or(value_date);
        if value_date > today || value_date < earliest {
            return Err(Refusal::DateInvalid { field: "value_date".to_owned() }.into());
        }
        let known = currency(&line.currency)?;
        let facts = Facts::load(view.conn(), today)?;
        if !facts.trades_in(&line.currency) {
            return Err(Refusal::CurrencyUnknown { currency: line.currency.clone() }.into());
        }
        if line.direction == Direction::In {
            let held = view.balance(AccountKey::custody(line.custody_id, currency_asset(known)))?.0;
            held.checked_add(line.amount_minor).ok_or(Refusal::AmountTooLarge)?;
        }
        // A line that waited may be one of our payouts that came back.
        let own =
            line.direction == Direction::In && store::bank::find_payout_by_end_to_end(view.conn(), &line.end_to_end)?.is_some();
        // The day that people give it counts, not the file's: a transfer between two accounts is known by it.
        let line = BankLine { value_date, ..line.clone() };
        let fate = decide_booking(view.conn(), &facts, (&line, &Beside::default()), own.then(Return::default))?;
        if let Some(held) = missing_cover(view, &line, &fate)? {
            return Err(Refusal::InsufficientCash { available_minor: held }.into());
        }
        Ok(Other::Booking(Box::new(fate), value_date))
    }
}

/// The payouts of a payment file that have not left yet: they are all in the debit, and what is more waits.
fn file_payouts(view: &mut dyn View, line: &BankLine, file: PaymentFileId) -> Step<Other> {
    let all = store::bank::list_payouts_of_file(view.conn(), file)?;
    let Some(first) = all.first() else { return Err(Refusal::FieldInvalid { field: "other_id".to_owned() }.into()) };
    let state = first.state.to_string();
    let open = open_of(&all, &BTreeSet::new());
    if open.is_empty() {
        return Err(Refusal::StateConflict { state }.into());
    }
    let sum_minor = sum_of(&open, &line.currency).filter(|sum| *sum <= line.amount_minor).ok_or(Refusal::NotSameMoney)?;
    has_left(view, &BankLine { amount_minor: sum_minor, ..line.clone() })?;
    Ok(Other::Payouts(open, line.amount_minor.saturating_sub(sum_minor)))
}

/// Money that is booked as gone must have been there: the account at the bank cannot hold less than zero.
fn has_left(view: &mut dyn View, line: &BankLine) -> Step<()> {
    let held = view.balance(AccountKey::custody(line.custody_id, currency_asset(currency(&line.currency)?)))?.0;
    if held < line.amount_minor {
        return Err(Refusal::InsufficientCash { available_minor: held }.into());
    }
    Ok(())
}

/// Whether a claim arose out of this money. Then the line, or another part of the same payment, had its placement taken back or
/// its receipt reversed. The payer owns the money, so it cannot pay a claim.
pub(crate) fn is_money_of_claim(conn: &mut Conn, claim: &BankLine, paying: &BankLine) -> Result<bool, StoreError> {
    let Some(twin) = claim.twin_id else { return Ok(false) };
    Ok(twin == paying.id || BankLine::find(conn, twin)?.is_some_and(|origin| is_same_payment(&origin, paying)))
}

/// Whether two lines are parts of one booking of the bank. Only the first part keeps what the booking is known by.
fn is_same_payment(one: &BankLine, other: &BankLine) -> bool {
    let said = |line: &BankLine| {
        let days = (line.statement_id, line.booking_date, line.occurrence, line.currency.clone(), line.direction);
        let words = [&line.bank_reference, &line.end_to_end, &line.counterparty, &line.counterparty_iban];
        (days, words.map(String::clone), line.remittance.clone())
    };
    one.statement_id > StatementId(0) && (one.fingerprint.is_empty() || other.fingerprint.is_empty()) && said(one) == said(other)
}

fn same_money(line: &BankLine, other: &BankLine) -> bool {
    line.amount_minor == other.amount_minor && line.currency == other.currency && line.id != other.id
}

impl Execute for ResolveLine {
    const NAME: &'static str = "resolve_line";
    const STEP_UP: bool = true;

    type Decision = Resolvable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Resolvable> {
        view.acting_party(actor, Capacity::Operator)?;
        required_prose(&self.reason, "reason", 500)?;
        let act = Act::parse(&self.act).ok_or_else(|| Refusal::FieldInvalid { field: "act".to_owned() })?;
        let line = BankLine::find(view.conn(), self.line_id)?.ok_or(Refusal::NotFound)?;
        let possible = possible(line.state, line.kind);
        if possible.is_empty() {
            return Err(Refusal::LineSettled.into());
        }
        if !possible.contains(&act) {
            return Err(Refusal::FieldInvalid { field: "act".to_owned() }.into());
        }
        let other = self.decide_other(view, &line, act)?;
        let currency = currency(&line.currency)?;
        Ok(Resolvable { line, currency, act, other })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Resolvable) -> Step<Asks> {
        let line = &decision.line;
        one_request(view.conn(), actor, line.id)?;
        if let Other::Line(other) | Other::Receipt(other, _) = &decision.other {
            one_request(view.conn(), actor, other.id)?;
        }
        let amount_minor = Some(line.amount_minor);
        Ok(Asks::Always(Ask { amount_minor, currency: line.currency.clone(), subject: line.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Resolvable) -> Applied<Done> {
        let Resolvable { mut line, currency, act, other } = decision;
        batch.value_date = line.value_date.min(batch.today());
        let asset = currency_asset(currency);
        let receipt = if let Other::Receipt(receipt, _) = &other { Some(Before::of(receipt)) } else { None };
        match (act, other) {
            (Act::Accept, Other::Booking(fate, value_date)) => {
                line.value_date = value_date;
                line.kind = Blank::NONE;
                line.note.clone_from(&self.reason);
                book(batch, &mut line, *fate)?;
            }
            (Act::Same, Other::Line(mut first)) if first.kind == LineKind::OwnTransfer => {
                join_transfer(batch, &mut line, &mut first)?;
                line.state = LineState::Matched;
            }
            (Act::Transfer, Other::Line(mut credit)) => {
                if credit.state == LineState::Suspense {
                    batch.post(&chart::own_transfer_from_suspense(line.custody_id, asset, line.amount_minor))?;
                }
                join_transfer(batch, &mut line, &mut credit)?;
                line.state = LineState::Matched;
            }
            (Act::Same, Other::Line(receipt)) => {
                confirm(batch, &mut line, receipt.id)?;
                line.state = LineState::Confirmed;
            }
            (Act::Link, Other::Payouts(rows, rest_minor)) => {
                let value_date = batch.value_date;
                settle_payouts(batch, &mut line, (rows, value_date))?;
                leave_over(batch, &mut line, rest_minor)?;
                line.state = LineState::Matched;
            }
            (Act::Reverse, Other::Receipt(receipt, reversal)) => reverse(batch, &mut line, (*receipt, reversal), currency)?,
            (Act::SettleClaim, Other::Line(paying)) => settle_claim(batch, &mut line, (*paying, asset), &self.reason)?,
            (Act::Expense, _) => {
                batch.post(&chart::bank_charge(line.custody_id, asset, line.amount_minor))?;
                line.state = LineState::Expensed;
            }
            (Act::Claim, _) => {
                batch.post(&chart::claim_made(line.custody_id, PartyId(0), asset, line.amount_minor))?;
                line.claim_minor = line.amount_minor;
                line.state = LineState::Claimed;
            }
            (Act::WriteOff, _) => {
                batch.value_date = batch.today();
                batch.post(&chart::claim_written_off(line.party_id.unwrap_or(PartyId(0)), asset, line.claim_minor))?;
                line.claim_minor = 0;
                line.state = LineState::Expensed;
            }
            (Act::Explain, _) => line.state = LineState::Explained,
            (act, _) => return Err(StoreError::Corrupt(format!("{} without its other record", act.name())).into()),
        }
        batch.value_date = batch.today();
        if line.state != LineState::Attention {
            line.note.clone_from(&self.reason);
        }
        batch.update(&line)?;
        let mut body = json!({
            "line_id": line.id, "act": act.name(), "state": line.state, "claim_minor": line.claim_minor, "currency": line.currency,
        });
        if let (Some(map), Some(receipt)) = (body.as_object_mut(), receipt) {
            map.insert("receipt".to_owned(), json!(receipt));
        }
        Ok(Done::new(line.id, body))
    }
}

/// The claim must still equal the shown one; a caller who was shown none accepts it as it is.
pub(super) fn as_shown(shown_minor: Option<i64>, found_minor: i64) -> Result<(), Refusal> {
    if shown_minor.is_none_or(|shown| shown == found_minor) { Ok(()) } else { Err(Refusal::CheckChanged) }
}

/// The account that a receipt taken back by the bank leaves, the debtor of the missing part, and both amounts.
#[derive(Clone, Copy, Debug)]
pub struct Reversal {
    from: AccountKey,
    /// 0: no company of the platform.
    pub debtor: PartyId,
    pub there_minor: i64,
    pub missing_minor: i64,
}

impl Reversal {
    /// # Errors
    ///
    /// Where the receipt is nowhere, or a read fails.
    pub fn of(conn: &mut Conn, receipt: &BankLine) -> Step<Self> {
        let asset = currency_asset(currency(&receipt.currency)?);
        let amount = receipt.amount_minor;
        let (from, debtor, there_minor) = match (receipt.state, receipt.receivable_id, receipt.party_id) {
            (LineState::Suspense, ..) => (AccountKey::suspense(asset), PartyId(0), amount),
            (_, Some(id), _) => (AccountKey::collection(id, asset), Receivable::load(conn, id)?.buyer_id, 0),
            (_, None, Some(party)) => {
                let cash = AccountKey::cash(party, asset);
                (cash, party, free_of(conn, cash)?.clamp(0, amount))
            }
            _ => return Err(StoreError::Corrupt(format!("place of bank line {}", receipt.id)).into()),
        };
        Ok(Self { from, debtor, there_minor, missing_minor: amount.saturating_sub(there_minor) })
    }
}

/// Reverses a receipt that the bank has taken back, as far as the money is still in its place. Money that was shared out or spent
/// meanwhile stays with its owner and becomes a claim. The claim is on the company that had the money, or on the buyer that had
/// paid.
fn reverse(
    batch: &mut Batch<'_>,
    line: &mut BankLine,
    (mut receipt, reversal): (BankLine, Reversal),
    known: Currency,
) -> Applied<()> {
    let amount = line.amount_minor;
    let Reversal { from, debtor, there_minor: there, missing_minor: missing } = reversal;
    batch.post(&chart::receipt_reversed(line.custody_id, from, debtor, currency_asset(known), (there, missing)))?;
    if debtor > PartyId(0) {
        let arguments = json!({
            "amount": known.format(amount), "currency": line.currency, "claim": known.format(missing),
        });
        batch.notify(debtor, "receipt_reversed", &arguments, "/home".to_owned());
    }
    line.claim_minor = missing;
    line.party_id = (debtor > PartyId(0)).then_some(debtor);
    line.receivable_id = receipt.receivable_id;
    line.twin_id = Some(receipt.id);
    line.state = if missing > 0 { LineState::Claimed } else { LineState::Reversed };
    receipt.state = LineState::Reversed;
    receipt.twin_id = Some(line.id);
    Ok(batch.update(&receipt)?)
}

fn settle_claim(
    batch: &mut Batch<'_>,
    line: &mut BankLine,
    (mut paying, asset): (BankLine, AssetId),
    reason: &str,
) -> Applied<()> {
    batch.value_date = paying.value_date;
    batch.post(&chart::claim_settled(line.party_id.unwrap_or(PartyId(0)), asset, paying.amount_minor))?;
    line.claim_minor = line.claim_minor.saturating_sub(paying.amount_minor);
    if line.claim_minor == 0 {
        line.state = LineState::Reversed;
    }
    paying.state = LineState::Placed;
    paying.kind = LineKind::ClaimPayment.into();
    paying.party_id = line.party_id;
    paying.twin_id = Some(line.id);
    reason.clone_into(&mut paying.note);
    Ok(batch.update(&paying)?)
}
