//! A bank's account statement comes in: money finds its company or receivable, payouts are settled, and what
//! nobody can place waits in suspense.

use super::assign_suspense::{Target, find_target};
use super::{Actor, Done, Execute, clean, payout, settlement};
use crate::batch::{Batch, Step};
use domain::chart::{self, AccountKey, currency_asset};
use domain::party::Capacity;
use domain::settlement_instruction::{InstructionEvent, InstructionState};
use domain::{Currency, Refusal};
use formats::camt::{Entry, EntryDetail, Return, Statement as CamtStatement};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use store::records::Record;
use store::{BankLine, Statement, StoreError};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportStatement {
    pub name: String,
    pub sha256: String,
    #[serde(skip)]
    pub content: Vec<u8>,
    /// The file as read; a file may hold several statements.
    #[serde(skip)]
    pub statements: Vec<CamtStatement>,
}

#[derive(Default)]
struct Counts {
    matched: u32,
    suspense: u32,
    payouts: u32,
    returned: u32,
    skipped: u32,
}

fn up(count: &mut u32) {
    *count = count.saturating_add(1);
}

impl Execute for ImportStatement {
    const NAME: &'static str = "import_statement";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Operator)?;
        if Statement::find_where(batch.conn, "sha256 = ?", &[self.sha256.as_str().into()])?.is_some() {
            return Err(Refusal::StatementRepeated.into());
        }
        let mut names = BTreeSet::new();
        for statement in &self.statements {
            if !names.insert((&statement.message_id, &statement.statement_id)) {
                return Err(Refusal::StatementRepeated.into());
            }
            if statement.iban != batch.heads.custody_iban {
                return Err(Refusal::StatementAccountUnknown.into());
            }
            let binds = [statement.iban.as_str().into(), statement.message_id.as_str().into(), statement.statement_id.as_str().into()];
            if Statement::find_where(batch.conn, "iban = ? AND message = ? AND statement = ?", &binds)?.is_some() {
                return Err(Refusal::StatementRepeated.into());
            }
        }
        check_room(batch, &self.statements)?;
        batch.keep_document(actor.party_id, &self.name, "application/xml", &self.sha256, &self.content)?;
        let mut counts = Counts::default();
        let mut first = 0;
        for (index, statement) in self.statements.iter().enumerate() {
            let id = batch.next_id();
            first = if first == 0 { id } else { first };
            let row = Statement {
                id,
                // The file's hash marks its first statement, so that the same file is known again.
                sha256: if index == 0 { self.sha256.clone() } else { format!("{}#{index}", self.sha256) },
                message: statement.message_id.clone(),
                statement: statement.statement_id.clone(),
                iban: statement.iban.clone(),
                currency: statement.currency.clone(),
                opening_minor: statement.opening_minor,
                closing_minor: statement.closing_minor,
                imported_at: batch.now,
                imported_by: actor.user_id,
            };
            batch.insert(&row)?;
            for entry in &statement.entries {
                import_entry(batch, id, entry, &mut counts)?;
            }
        }
        let Counts { matched, suspense, payouts, returned, skipped } = counts;
        let body = json!({
            "statement_id": first, "matched": matched, "suspense": suspense, "payouts": payouts, "returned": returned, "skipped": skipped,
        });
        Ok(Done::new(first, body))
    }
}

/// What comes in must fit beside what the bank holds already: once something is written nothing may be refused.
fn check_room(batch: &mut Batch<'_>, statements: &[CamtStatement]) -> Step<()> {
    let mut held = BTreeMap::new();
    for entry in statements.iter().flat_map(|statement| &statement.entries).filter(|entry| entry.credit) {
        let Some(currency) = Currency::parse(&entry.currency) else { continue };
        let before = match held.get(&currency) {
            Some(sum) => *sum,
            None => batch.balance(AccountKey::custody(currency_asset(currency)))?.0,
        };
        let sum = entry.details.iter().try_fold(before, |sum: i64, detail| sum.checked_add(detail.amount_minor));
        held.insert(currency, sum.ok_or(Refusal::AmountTooLarge)?);
    }
    Ok(())
}

fn import_entry(batch: &mut Batch<'_>, statement_id: i64, entry: &Entry, counts: &mut Counts) -> Step<()> {
    for detail in &entry.details {
        let mut line = bank_line(batch, statement_id, entry, detail);
        let known = Currency::parse(&entry.currency);
        let why = if !entry.booked {
            "pending"
        } else if known.is_some() && already_booked(batch, &line)? {
            "duplicate"
        } else {
            ""
        };
        match known {
            Some(currency) if why.is_empty() && entry.credit => match return_of(entry, detail) {
                Some(reason) => receive_return(batch, line, currency, &reason, counts)?,
                None => receive(batch, line, currency, counts)?,
            },
            Some(_) if why.is_empty() && !entry.reversal => settle_payout(batch, line, counts)?,
            _ => {
                // A receipt that the bank took back, or an unknown currency, needs a person: nothing is guessed.
                line.state = if why.is_empty() { "attention" } else { "skipped" }.to_owned();
                line.note = if why.is_empty() { "reversal" } else { why }.to_owned();
                up(&mut counts.skipped);
                batch.insert(&line)?;
            }
        }
    }
    Ok(())
}

fn bank_line(batch: &mut Batch<'_>, statement_id: i64, entry: &Entry, detail: &EntryDetail) -> BankLine {
    let clean = |text: &str| clean(text, 500);
    let (name, iban) = if entry.credit { (&detail.debtor, &detail.debtor_iban) } else { (&detail.creditor, &detail.creditor_iban) };
    BankLine {
        id: batch.next_id(),
        statement_id,
        currency: entry.currency.clone(),
        direction: if entry.credit { "in" } else { "out" }.to_owned(),
        amount_minor: detail.amount_minor,
        booking_date: entry.booking_date,
        value_date: entry.value_date,
        bank_reference: clean(&entry.bank_reference),
        reference: clean(&detail.reference),
        end_to_end: clean(&detail.end_to_end),
        counterparty: clean(name),
        counterparty_iban: clean(iban),
        remittance: clean(&detail.remittance),
        state: "new".to_owned(),
        party_id: None,
        receivable_id: None,
        note: String::new(),
    }
}

/// A line of another statement that is the same booking. That the reference is not empty is said for the index, which holds
/// only such lines: without it each entry would read all earlier ones.
pub const SAME_BOOKING: &str = "bank_reference = ? AND bank_reference <> '' AND direction = ? AND amount_minor = ? AND end_to_end = ? AND reference = ? \
                     AND statement_id <> ? AND state IN ('matched', 'suspense', 'placed', 'returned', 'attention')";

/// The same booking in an earlier file: a camt.054 notification and the day's camt.053 both carry it.
fn already_booked(batch: &mut Batch<'_>, line: &BankLine) -> Step<bool> {
    if line.bank_reference.is_empty() {
        return Ok(false);
    }
    let binds = [
        line.bank_reference.as_str().into(),
        line.direction.as_str().into(),
        line.amount_minor.into(),
        line.end_to_end.as_str().into(),
        line.reference.as_str().into(),
        line.statement_id.into(),
    ];
    Ok(BankLine::find_where(batch.conn, SAME_BOOKING, &binds)?.is_some())
}

/// By structured reference, else by a valid reference in the free text.
fn place_of(batch: &mut Batch<'_>, line: &BankLine) -> Step<Option<Target>> {
    let structured = find_target(batch, &line.reference, &line.currency)?;
    if structured.is_some() {
        return Ok(structured);
    }
    for word in line.remittance.split_whitespace() {
        let found = find_target(batch, word, &line.currency)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn receive(batch: &mut Batch<'_>, mut line: BankLine, currency: Currency, counts: &mut Counts) -> Step<()> {
    let asset = currency_asset(currency);
    let amount = line.amount_minor;
    let target = place_of(batch, &line)?;
    batch.value_date = line.value_date;
    line.state = if target.is_some() { "matched" } else { "suspense" }.to_owned();
    up(if target.is_some() { &mut counts.matched } else { &mut counts.suspense });
    match target {
        Some(Target::Company(party)) => {
            batch.post(&chart::deposit(party, asset, amount))?;
            line.party_id = Some(party);
            settlement::notify_deposit(batch, party, &line.currency, amount);
        }
        Some(Target::Receivable(id)) => {
            batch.post(&chart::collection(id, asset, amount))?;
            line.receivable_id = Some(id);
            settlement::settle(batch, id, &settlement::Payment::from(&line))?;
        }
        None => {
            batch.post(&chart::unmatched(asset, amount))?;
        }
    }
    batch.value_date = batch.today();
    batch.insert(&line)
}

/// Why a credited entry is a payment of ours that came back, if it is: a return names itself, and the bank's reversal of
/// its own debit is one too.
fn return_of(entry: &Entry, detail: &EntryDetail) -> Option<Return> {
    detail.returned.clone().or_else(|| entry.reversal.then(Return::default))
}

/// A payout comes back to where it was taken from; one that cannot be told for certain waits in suspense.
fn receive_return(batch: &mut Batch<'_>, mut line: BankLine, currency: Currency, why: &Return, counts: &mut Counts) -> Step<()> {
    let found = payout::find_by_end_to_end(batch, &line.end_to_end)?;
    let found = found.filter(|row| row.amount_minor == line.amount_minor && row.currency == line.currency);
    let open = |row: &store::Payout| Ok::<_, StoreError>(payout::can(row, InstructionEvent::Return)? || payout::can(row, InstructionEvent::Settle)?);
    match found {
        Some(mut row) if open(&row)? => {
            payout::give_back(batch, &mut row, why, line.value_date)?;
            line.state = "matched".to_owned();
            line.party_id = row.party_id;
            up(&mut counts.returned);
        }
        _ => {
            batch.value_date = line.value_date;
            batch.post(&chart::unmatched(currency_asset(currency), line.amount_minor))?;
            batch.value_date = batch.today();
            line.state = "suspense".to_owned();
            up(&mut counts.suspense);
        }
    }
    line.note = clean(format!("return {} {}", why.reason, why.note).trim(), 500);
    batch.insert(&line)
}

/// Money out: only what was asked for. Anything else on the account needs a person.
fn settle_payout(batch: &mut Batch<'_>, mut line: BankLine, counts: &mut Counts) -> Step<()> {
    let found = payout::find_by_end_to_end(batch, &line.end_to_end)?;
    let found = found.filter(|row| row.amount_minor == line.amount_minor && row.currency == line.currency);
    match found {
        Some(mut row) if payout::can(&row, InstructionEvent::Settle)? => {
            payout::settle(batch, &mut row, line.value_date)?;
            line.party_id = row.party_id;
        }
        // Its return was quicker than its debit, and has booked both.
        Some(row) if payout::state_of(&row)? == InstructionState::Returned && !debited_before(batch, &line)? => {
            line.note = "return_first".to_owned();
            line.party_id = row.party_id;
        }
        _ => {
            line.state = "attention".to_owned();
            line.note = "unknown_debit".to_owned();
            up(&mut counts.skipped);
            return batch.insert(&line);
        }
    }
    line.state = "matched".to_owned();
    up(&mut counts.payouts);
    batch.insert(&line)
}

/// Whether an earlier statement has shown this very debit.
fn debited_before(batch: &mut Batch<'_>, line: &BankLine) -> Step<bool> {
    let condition = "end_to_end = ? AND direction = 'out' AND state = 'matched'";
    Ok(BankLine::find_where(batch.conn, condition, &[line.end_to_end.as_str().into()])?.is_some())
}
