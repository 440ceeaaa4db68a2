//! The payouts that a debit pays: one by its end-to-end id, or all of a payment file that the bank books as one sum.

use crate::commands::bank::import_status::find_file;
use crate::commands::bank::payout;
use domain::settlement_instruction::InstructionEvent;
use formats::camt::Collective;
use kernel::PayoutId;
use std::collections::BTreeSet;
use store::bank;
use store::{BankLine, Conn, Payout, StoreError};

/// The payouts that a debit pays.
#[derive(Debug)]
pub enum Paid {
    /// These payouts, and the amount left over.
    Now(Vec<Payout>, i64),
    /// Payouts of the platform that this debit cannot pay: they were paid before, or their sum differs.
    Before(Vec<Payout>),
    /// The debit matches no request.
    Unknown,
}

/// The payouts of a debit. The bank must explain any amount beyond them: as a charge, or by the payments' own sum or count.
pub fn payments_of(
    conn: &mut Conn,
    (line, told): (&BankLine, &Collective),
    spent: &BTreeSet<PayoutId>,
) -> Result<Paid, StoreError> {
    if let Some(row) = bank::find_payout_by_end_to_end(conn, &line.end_to_end)? {
        let rest_minor = line.amount_minor.saturating_sub(row.amount_minor);
        let charged = rest_minor > 0 && (told.charges_minor == rest_minor || told.payments_minor == Some(row.amount_minor));
        if row.currency != line.currency || !(rest_minor == 0 || charged) {
            return Ok(Paid::Unknown);
        }
        let open = payout::can(&row, InstructionEvent::Settle) && !spent.contains(&row.id);
        return Ok(if open { Paid::Now(vec![row], rest_minor) } else { Paid::Before(vec![row]) });
    }
    let Some(file) = find_file(conn, &line.end_to_end)? else { return Ok(Paid::Unknown) };
    let all = bank::list_payouts_of_file(conn, file)?;
    let open = open_of(&all, spent);
    if open.is_empty() {
        return Ok(Paid::Before(all));
    }
    let Some(sum_minor) = sum_of(&open, &line.currency) else { return Ok(Paid::Unknown) };
    let rest_minor = line.amount_minor.saturating_sub(sum_minor);
    let counted = told.count.map(|count| [open.len(), all.len()].contains(&count));
    let named = told.payments_minor.is_none_or(|minor| [sum_minor, line.amount_minor].contains(&minor));
    let charged =
        rest_minor > 0 && (counted == Some(true) || told.charges_minor == rest_minor || told.payments_minor == Some(sum_minor));
    let fits = counted != Some(false) && named && (rest_minor == 0 || charged);
    Ok(if fits { Paid::Now(open, rest_minor) } else { Paid::Unknown })
}

/// Those that a debit can still pay.
#[must_use]
pub fn open_of(rows: &[Payout], spent: &BTreeSet<PayoutId>) -> Vec<Payout> {
    rows.iter().filter(|row| payout::can(row, InstructionEvent::Settle) && !spent.contains(&row.id)).cloned().collect()
}

/// The sum of payouts, if all are in this currency.
pub fn sum_of(rows: &[Payout], currency: &str) -> Option<i64> {
    let own = rows.iter().all(|row| row.currency == currency);
    rows.iter().try_fold(0_i64, |sum, row| sum.checked_add(row.amount_minor)).filter(|_| own)
}
