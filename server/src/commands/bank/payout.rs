//! Moves a payout on once it is with the bank: settled, rejected, returned. Every command through which a report of the bank
//! arrives uses it.

use crate::batch::Batch;
use crate::commands::receivables::settlement;
use crate::commands::{Applied, clean};
use crate::view::View;
use chrono::NaiveDate;
use domain::bank_line::LineState;
use domain::chart::{self, Posting, currency_asset};
use domain::settlement_instruction::{InstructionEvent, InstructionState, next_state};
use domain::{Currency, Refusal};
use kernel::CustodyId;
use serde_json::json;
use store::records::Keyed;
use store::{BankLine, PaymentFile, Payout, StoreError};

/// Refuses what cannot happen to it now.
pub fn check(payout: &Payout, event: InstructionEvent) -> Result<(), Refusal> {
    next_state(payout.state, event).map(|_| ())
}

/// Whether `event` could happen to it now.
#[must_use]
pub fn can(payout: &Payout, event: InstructionEvent) -> bool {
    check(payout, event).is_ok()
}

/// Moves the state on; the caller has checked before that the event is allowed.
pub fn advance(payout: &mut Payout, event: InstructionEvent) -> Result<(), StoreError> {
    payout.state = next_state(payout.state, event).map_err(|_| settlement::corrupt("state of payout", payout.id))?;
    Ok(())
}

fn currency_of(payout: &Payout) -> Result<Currency, StoreError> {
    Currency::parse(&payout.currency).ok_or_else(|| settlement::corrupt("currency of payout", payout.id))
}

/// Notifies the company that owns the money; a return of unplaced money has no owner on the platform.
pub fn tell(batch: &mut Batch<'_>, payout: &Payout, kind: &str) -> Applied<()> {
    if let Some(party) = payout.party_id {
        let arguments = json!({
            "amount": currency_of(payout)?.format(payout.amount_minor), "currency": payout.currency,
            "bank_reason": if payout.reason_code.is_empty() { "none" } else { payout.reason_code.as_str() }, "note": payout.note,
        });
        batch.notify(party, kind, &arguments, "/cash".to_owned());
    }
    Ok(())
}

/// The statement of the platform's account `bank` shows that it has left.
pub fn settle(batch: &mut Batch<'_>, payout: &mut Payout, (bank, value_date): (CustodyId, NaiveDate)) -> Applied<()> {
    advance(payout, InstructionEvent::Settle)?;
    payout.custody_id = bank;
    let asset = currency_asset(currency_of(payout)?);
    post_on(batch, &chart::payout(bank, payout.hold_number.into(), asset, payout.amount_minor), value_date)?;
    batch.update(payout)?;
    tell(batch, payout, "payout_settled")
}

/// The bank has rejected it: nothing has left, and the money is free again.
pub fn fail(batch: &mut Batch<'_>, payout: &mut Payout, reason_code: &str, note: &str) -> Applied<()> {
    advance(payout, InstructionEvent::Reject)?;
    batch.post(&chart::payout_failed(payout.hold_number.into()))?;
    record_reason(payout, reason_code, note);
    batch.update(payout)?;
    reopen_line(batch, payout)?;
    tell(batch, payout, "payout_rejected")
}

/// Cancels a payout that was not sent. Its asker has withdrawn it, or the account is no longer the company's; the notice to the
/// company states which.
pub fn cancel(batch: &mut Batch<'_>, payout: &mut Payout, told: &str) -> Applied<()> {
    advance(payout, InstructionEvent::Cancel)?;
    batch.post(&chart::payout_failed(payout.hold_number.into()))?;
    batch.update(payout)?;
    reopen_line(batch, payout)?;
    tell(batch, payout, told)
}

/// The payout has come back on the platform's account `bank`. If its own debit has not been seen yet, the return proves that the
/// money had left, from the account of its file.
pub fn give_back(
    batch: &mut Batch<'_>,
    payout: &mut Payout,
    reason: &formats::camt::Return,
    (bank, value_date): (CustodyId, NaiveDate),
) -> Applied<()> {
    let asset = currency_asset(currency_of(payout)?);
    let mut postings = Vec::new();
    if payout.state != InstructionState::Settled {
        advance(payout, InstructionEvent::Settle)?;
        postings.extend(chart::payout(payout.custody_id, payout.hold_number.into(), asset, payout.amount_minor));
    }
    advance(payout, InstructionEvent::Return)?;
    postings.extend(chart::payout_return(bank, payout.party_id, asset, payout.amount_minor));
    post_on(batch, &postings, value_date)?;
    record_reason(payout, &reason.reason, &reason.note);
    batch.update(payout)?;
    reopen_line(batch, payout)?;
    tell(batch, payout, "payout_returned")
}

/// Undoes a wrong match: another payout's debit, on the platform's account `bank`, was matched to this one. The payout is with
/// the bank of its file again, and its money is held again.
pub fn unlink(batch: &mut Batch<'_>, payout: &mut Payout, bank: CustodyId) -> Applied<()> {
    advance(payout, InstructionEvent::Unlink)?;
    if let Some(file) = payout.file_id {
        payout.custody_id = PaymentFile::load(batch.conn, file)?.custody_id;
    }
    let asset = currency_asset(currency_of(payout)?);
    // The hold is the recipe's last line.
    let (_, hold_number) = batch.post(&chart::payout_unlinked(bank, payout.party_id, asset, payout.amount_minor))?;
    payout.hold_number = hold_number.into();
    batch.update(payout)?;
    tell(batch, payout, "payout_unlinked")
}

fn post_on(batch: &mut Batch<'_>, postings: &[Posting], value_date: NaiveDate) -> Applied<()> {
    batch.value_date = value_date;
    batch.post(postings)?;
    batch.value_date = batch.today();
    Ok(())
}

/// The bank's words are kept as far as they fit, without control characters.
fn record_reason(payout: &mut Payout, reason_code: &str, note: &str) {
    payout.reason_code = clean(reason_code, 35);
    payout.note = clean(note, 500);
}

/// Money that should have gone back to its payer is in suspense again, and so is the line that brought it.
fn reopen_line(batch: &mut Batch<'_>, payout: &Payout) -> Applied<()> {
    if let Some(line_id) = payout.bank_line_id {
        let mut line = BankLine::load(batch.conn, line_id)?;
        line.state = LineState::Suspense;
        batch.update(&line)?;
    }
    Ok(())
}
