//! Classifies an entry of a bank file: already known, ready to book, or left to people. The check page and the import ask the
//! same question, so the preview shows exactly the later result.

use crate::batch::Batch;
use crate::commands::bank::assign_suspense::Target;
use crate::commands::bank::entry::{Entries, Told, Whole, kept, told, wholes};
use crate::commands::bank::named_invoices::Payers;
use crate::commands::bank::payout;
use crate::commands::bank::places::{Named, find_places, parts_of, suggestions};
use crate::commands::bank::sums::{Paid, payments_of};
use crate::commands::kit::second_person::end_requests;
use crate::commands::receivables::settlement;
use crate::commands::{Applied, clean};
use crate::hash::sha256_hex;
use crate::view::View;
use chrono::{Days, NaiveDate};
use domain::Currency;
use domain::bank_line::{Attention, Direction, LineKind, LineState, SAME_MONEY_DAYS, announced_limit, is_usual_value_date};
use domain::booking::{Likeness, Said, compare, provided};
use domain::calendar::Calendar;
use domain::chart::{self, AccountKey, currency_asset};
use domain::receivable::ReceivableState;
use domain::settlement_instruction::{InstructionEvent, InstructionState};
use formats::camt::{Advised, Collective, Entry, EntryDetail, Return, Statement as CamtStatement};
use kernel::{BankLineId, Blank, CustodyId, PayoutId};
use ledger::AssetId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::bank::{self, Announced};
use store::people::Waiting;
use store::records::Keyed;
use store::{BankLine, Conn, CustodyAccount, Payout, StoreError};

/// One transaction of a file on its way in.
#[derive(Clone, Debug, Default)]
pub struct Incoming {
    /// As it would be kept; its ids are given when it is.
    pub line: BankLine,
    /// Which statement of the file it stands in, from 0.
    pub statement: usize,
    pub iban: String,
    pub account_currency: String,
    pub booked: bool,
    pub reversal: bool,
    pub returned: Option<Return>,
    /// Number of entries of the same statement with exactly the same content so far, this one included.
    pub nth: usize,
    /// Number of lines of the same statement with exactly the same content so far, parts of one entry included.
    pub copy: usize,
    /// The credit of a notification that this is, or is a part of.
    pub announced_minor: Option<i64>,
    /// The entry that this is, or is a part of.
    pub whole: Whole,
    pub said: Beside,
}

/// Facts of a transaction that its line does not keep.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    pub advised: Vec<Advised>,
    pub elsewhere: Vec<String>,
    pub collective: Collective,
}

/// All transactions of a file, in its order.
#[must_use]
pub fn incoming(statements: &[CamtStatement]) -> Vec<Incoming> {
    let mut found = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let mut occurrences: HashMap<String, i64> = HashMap::new();
        let mut entries: HashMap<String, (usize, usize)> = HashMap::new();
        let mut copies: HashMap<String, usize> = HashMap::new();
        for (number, (entry, whole)) in statement.entries.iter().zip(wholes(statement)).enumerate() {
            for detail in &entry.details {
                let mut line = bank_line(entry, detail);
                line.fingerprint = fingerprint(&statement.iban, &line);
                keep_beside(&mut line, detail);
                // Equal parts of one entry are real: their sum is the entry's.
                let same = same_entry(&line);
                let copy = copies.entry(same.clone()).or_default();
                *copy = copy.saturating_add(usize::from(entry.booked));
                let copy = *copy;
                let nth = if entry.booked { nth(&mut entries, same, number) } else { 1 };
                if entry.booked {
                    let count = occurrences.entry(line.fingerprint.clone()).or_default();
                    *count = count.saturating_add(1);
                    line.occurrence = *count;
                }
                found.push(Incoming {
                    line,
                    statement: index,
                    iban: statement.iban.clone(),
                    account_currency: statement.currency.clone(),
                    booked: entry.booked,
                    reversal: entry.reversal,
                    returned: detail.returned.clone(),
                    nth,
                    copy,
                    announced_minor: (statement.notification && entry.credit).then_some(entry.amount_minor),
                    whole,
                    said: Beside {
                        advised: detail.advised.clone(),
                        elsewhere: detail.elsewhere.clone(),
                        collective: detail.collective.clone(),
                    },
                });
            }
        }
    }
    found
}

/// The key by which entries of one statement repeat: the whole content, or the reference with amount and payer.
fn same_entry(line: &BankLine) -> String {
    if line.bank_reference.is_empty() {
        return line.fingerprint.clone();
    }
    [booking(line).as_str(), &line.counterparty, &line.counterparty_iban].join("\n")
}

/// Counts the entries that say the same: the last one's number in the statement, and how many there are.
fn nth(entries: &mut HashMap<String, (usize, usize)>, same: String, number: usize) -> usize {
    let (last, count) = entries.entry(same).or_insert((number, 1));
    if *last != number {
        (*last, *count) = (number, count.saturating_add(1));
    }
    *count
}

/// Whether an id of a payment file is one of ours.
fn is_own_file(id: &str) -> bool {
    id.strip_prefix(crate::commands::bank::create_payment_file::FILE_PREFIX).is_some_and(|number| number.parse::<i64>().is_ok())
}

/// The bank's reference. Banks without one write a word in its place.
pub(super) fn bank_reference(entry: &Entry) -> String {
    let reference = clean(&entry.bank_reference, 500);
    if ["NONREF", "NOTPROVIDED"].contains(&reference.as_str()) { String::new() } else { reference }
}

fn bank_line(entry: &Entry, detail: &EntryDetail) -> BankLine {
    let clean = |text: &str| clean(text, 500);
    let (name, iban) =
        if entry.credit { (&detail.debtor, &detail.debtor_iban) } else { (&detail.creditor, &detail.creditor_iban) };
    BankLine {
        currency: entry.currency.clone(),
        direction: if entry.credit { Direction::In } else { Direction::Out },
        amount_minor: detail.amount_minor,
        booking_date: entry.booking_date,
        value_date: entry.value_date,
        bank_reference: bank_reference(entry),
        reference: clean(&detail.reference),
        end_to_end: clean(&detail.end_to_end),
        counterparty: clean(name),
        counterparty_iban: clean(iban),
        remittance: clean(&detail.remittance),
        state: LineState::New,
        occurrence: 1,
        ..BankLine::default()
    }
}

/// A debit that sums up a payment file takes the file's id as its end-to-end reference. A remittance advice is added to the text.
/// The fingerprint of the booking is computed before, so it does not change.
fn keep_beside(line: &mut BankLine, detail: &EntryDetail) {
    let file = &detail.collective;
    if line.direction == Direction::Out && ["", "NOTPROVIDED"].contains(&line.end_to_end.as_str()) {
        let own: Vec<&String> = [&file.payment_id, &file.message_id].into_iter().filter(|id| is_own_file(id)).collect();
        // A debit with two files at once names none.
        if let Some(id) = own.first().filter(|first| own.iter().all(|other| other == *first)) {
            line.end_to_end = clean(id, 35);
        }
    }
    let known = Currency::parse(&line.currency);
    let told = detail.advised.iter().map(|block| {
        let amount = block.amount_minor.zip(known).map(|(minor, known)| known.decimal(minor));
        block.texts.iter().cloned().chain(amount).collect::<Vec<_>>().join(" ")
    });
    let told: Vec<String> = told.filter(|text| !text.is_empty() && *text != line.reference).collect();
    if !told.is_empty() {
        let text = Some(line.remittance.clone()).filter(|text| !text.is_empty()).into_iter().chain(told);
        line.remittance = clean(&text.collect::<Vec<_>>().join(" · "), 500);
    }
}

/// The fingerprint of a booking to which the bank gives no reference: all that the bank says of it.
fn fingerprint(iban: &str, line: &BankLine) -> String {
    let parts = serde_json::json!([
        iban,
        line.currency,
        line.direction,
        line.amount_minor,
        line.booking_date,
        line.value_date,
        line.counterparty,
        line.counterparty_iban,
        line.end_to_end,
        line.reference,
        line.remittance,
    ]);
    sha256_hex(parts.to_string().as_bytes())
}

/// Separates bookings that share the bank's reference, as the parts of a batch do.
pub(super) fn booking(line: &BankLine) -> String {
    let amount = line.amount_minor.to_string();
    [&line.bank_reference, line.direction.name(), &amount, provided(&line.end_to_end), &line.reference].join("\n")
}

/// Data that decisions about many lines read once.
pub struct Facts {
    pub today: NaiveDate,
    /// The calendars of the currencies that the platform has terms for.
    calendars: BTreeMap<String, Calendar>,
    /// The largest credit of a notification that is booked before its statement, by currency.
    announced: BTreeMap<String, i64>,
    /// Whether any line waits for its statement.
    awaited: bool,
    /// Receipts that people recorded and no bank file has confirmed yet, by currency and amount.
    recorded: HashMap<(String, i64), Vec<BankLine>>,
    /// Payouts that earlier lines of the file on a check page have settled or brought back.
    pub(super) spent: BTreeSet<PayoutId>,
    /// The facts of whole entries.
    pub entries: Entries,
    /// The possible payers of money without a place.
    payers: Payers,
    /// The platform's accounts at banks.
    custody: Vec<CustodyAccount>,
    /// Transfers between them that earlier lines of the file on a check page have begun.
    begun: Vec<BankLine>,
    /// Lines of transfers that earlier lines of the file have closed.
    arrived: BTreeSet<BankLineId>,
}

impl Facts {
    pub fn load(conn: &mut Conn, today: NaiveDate) -> Result<Self, StoreError> {
        let (mut calendars, mut announced) = (BTreeMap::new(), BTreeMap::new());
        for terms in store::days::list_issue_terms(conn)? {
            if let Some(known) = Currency::parse(&terms.currency) {
                announced.insert(terms.currency.clone(), announced_limit(known, terms.notice_credit_minor));
            }
            let calendar = settlement::calendar(conn, &terms.currency)?;
            calendars.insert(terms.currency, calendar);
        }
        let mut recorded: HashMap<(String, i64), Vec<BankLine>> = HashMap::new();
        for row in bank::list_unconfirmed_receipts(conn)? {
            recorded.entry((row.currency.clone(), row.amount_minor)).or_default().push(row);
        }
        let awaited = bank::has_announced_line(conn)?;
        let custody = store::custody::list(conn)?;
        let (spent, arrived) = (BTreeSet::new(), BTreeSet::new());
        let (entries, begun) = (Entries::default(), Vec::new());
        let payers = Payers::default();
        Ok(Self { today, calendars, announced, awaited, recorded, spent, entries, payers, custody, begun, arrived })
    }

    /// Whether the platform has terms for the currency.
    #[must_use]
    pub fn trades_in(&self, currency: &str) -> bool {
        self.calendars.contains_key(currency)
    }

    /// Whether a notification announces more than is booked before its statement.
    fn is_only_announced(&self, one: &Incoming) -> bool {
        let limit = self.announced.get(&one.line.currency).copied().unwrap_or(0);
        one.announced_minor.is_some_and(|minor| minor > limit)
    }

    /// A receipt recorded by people that could be this money: the same for certain, or perhaps.
    fn recorded_twin(&self, line: &BankLine, target: Option<Target>) -> Option<(&BankLine, bool)> {
        let near = self.recorded.get(&(line.currency.clone(), line.amount_minor))?.iter().filter(|row| is_near(row, line));
        let certain = |row: &&BankLine| {
            let place = row.receivable_id.map(Target::Receivable).or(row.party_id.map(Target::Company));
            // Money on another account counts as other money until a person decides otherwise.
            if row.custody_id != line.custody_id {
                return false;
            }
            // A bank reuses its references: with another payee the same one says nothing.
            match target {
                Some(_) => place == target,
                None => !line.bank_reference.is_empty() && row.bank_reference == line.bank_reference,
            }
        };
        let mut near: Vec<&BankLine> = near.collect();
        near.sort_by_key(|row| (!certain(row), row.id));
        near.first().map(|row| (*row, certain(row)))
    }

    /// Remembers what a line has used up, so that the next line cannot use it again.
    pub fn use_up(&mut self, line: &BankLine, fate: &Fate) {
        match fate {
            Fate::Confirm(receipt) => {
                if let Some(rows) = self.recorded.get_mut(&(line.currency.clone(), line.amount_minor)) {
                    rows.retain(|row| row.id != *receipt);
                }
            }
            Fate::Settle(payouts, _) => self.spent.extend(payouts.iter().map(|payout| payout.id)),
            Fate::GiveBack(payout, _) => {
                self.spent.insert(payout.id);
            }
            // An import finds its own lines in the database.
            Fate::Transfer(other) if line.id == BankLineId(0) => {
                self.begun.push(BankLine { transfer_id: Some(*other), ..line.clone() });
            }
            Fate::Arrive(BankLineId(0)) => {
                if let Some(at) = self.begun.iter().position(|row| meets(row, line)) {
                    self.begun.remove(at);
                }
            }
            Fate::Arrive(twin) => {
                self.arrived.insert(*twin);
            }
            Fate::Split(parts) => {
                for part in parts {
                    let own = BankLine { amount_minor: part.amount_minor, ..line.clone() };
                    self.use_up(&own, &part.fate);
                }
            }
            _ => {}
        }
    }
}

fn is_near(recorded: &BankLine, line: &BankLine) -> bool {
    let (first, last) = (recorded.value_date.min(line.value_date), recorded.value_date.max(line.value_date));
    first.checked_add_days(Days::new(SAME_MONEY_DAYS)).is_some_and(|limit| last <= limit)
}

/// The outcome of a line.
#[derive(Clone, Debug)]
pub enum Fate {
    /// Nothing to book: announced only, zero, or known from another file, whose line is named.
    Skip(LineKind, Option<BankLineId>),
    /// Two people decide; the line that may be the same money is named.
    Wait(Attention, Option<BankLineId>),
    /// The bank confirms a receipt that people recorded.
    Confirm(BankLineId),
    Place(Target),
    /// Several places, each with its part; their amounts sum to the line's.
    Split(Vec<Part>),
    /// A person must place it: the reason, and references that may help.
    Suspense(Blank<LineKind>, String),
    GiveBack(Box<Payout>, Return),
    ReturnUnknown(Return),
    /// The debit of these payouts. What is left over waits as a line of its own.
    Settle(Vec<Payout>, i64),
    /// The debit of a payout whose return came first and has booked both.
    ReturnFirst(Box<Payout>),
    /// Money that moves to or from another account of the platform: the first of its two lines.
    Transfer(CustodyId),
    /// The second of them: the first has booked it.
    Arrive(BankLineId),
}

/// A part of a line with a place of its own.
#[derive(Clone, Debug)]
pub struct Part {
    pub amount_minor: i64,
    pub reference: String,
    pub fate: Fate,
}

/// The outcome of a line or of a part of it, for lists and counts.
#[derive(Clone, Debug)]
pub struct Piece {
    pub line: BankLine,
    pub name: &'static str,
    pub why: Blank<LineKind>,
    pub twin: Option<BankLineId>,
}

impl Fate {
    /// The line split into the pieces that are stored.
    #[must_use]
    pub fn pieces(&self, line: &BankLine) -> Vec<Piece> {
        let piece = |amount_minor: i64,
                     reference: &str,
                     (name, why): (&'static str, Blank<LineKind>),
                     twin: Option<BankLineId>| {
            Piece { line: BankLine { amount_minor, reference: reference.to_owned(), ..line.clone() }, name, why, twin }
        };
        let whole = |amount_minor| piece(amount_minor, &line.reference, (self.name(), self.why()), self.twin());
        match self {
            Self::Split(parts) => parts
                .iter()
                .map(|part| piece(part.amount_minor, &part.reference, (part.fate.name(), part.fate.why()), part.fate.twin()))
                .collect(),
            Self::Settle(_, rest_minor) if *rest_minor > 0 => {
                let left = (Self::Wait(Attention::UnknownDebit, None).name(), LineKind::UnknownDebit.into());
                vec![whole(line.amount_minor.saturating_sub(*rest_minor)), piece(*rest_minor, "", left, None)]
            }
            _ => vec![whole(line.amount_minor)],
        }
    }

    fn twin(&self) -> Option<BankLineId> {
        match self {
            Self::Skip(_, twin) | Self::Wait(_, twin) => *twin,
            Self::Confirm(receipt) => Some(*receipt),
            Self::Arrive(line) => kept(*line),
            _ => None,
        }
    }

    /// A stable word for lists and counts.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Skip(..) => "skipped",
            Self::Wait(..) => "attention",
            Self::Confirm(_) => "confirmed",
            Self::Place(_) | Self::Split(_) | Self::Transfer(_) | Self::Arrive(_) => "matched",
            Self::Suspense(..) | Self::ReturnUnknown(_) => "suspense",
            Self::GiveBack(..) => "returned",
            Self::Settle(..) | Self::ReturnFirst(_) => "payouts",
        }
    }

    /// Why it is skipped or waits.
    #[must_use]
    pub fn why(&self) -> Blank<LineKind> {
        match self {
            Self::Skip(why, _) => (*why).into(),
            Self::Suspense(why, _) => *why,
            Self::Wait(attention, _) => attention.kind().into(),
            Self::Transfer(_) | Self::Arrive(_) => LineKind::OwnTransfer.into(),
            _ => Blank::NONE,
        }
    }
}

/// The result of searching other files for a booking.
#[derive(Debug)]
enum Found {
    Nothing,
    /// Exactly the same booking.
    Same(Box<BankLine>),
    /// The bank's reference is the same, but another fact of the booking differs.
    Perhaps(BankLineId),
}

/// Finds the same booking in an earlier file: a camt.054 notification and the day's camt.053 both carry it. A statement's entry
/// does not match a notified line that still waits for its statement.
fn find_known(conn: &mut Conn, facts: &Facts, one: &Incoming) -> Result<Found, StoreError> {
    let seen = facts.entries.seen_like(one);
    let announced = if one.announced_minor.is_some() { Announced::Too } else { Announced::Not };
    find_same(conn, one, (announced, one.copy), seen)
}

/// The line that a notification has announced for this booking. It still waits, or was closed without a booking.
fn find_announced(conn: &mut Conn, facts: &Facts, one: &Incoming) -> Result<Option<BankLine>, StoreError> {
    if !facts.awaited || one.announced_minor.is_some() || !one.booked {
        return Ok(None);
    }
    Ok(match find_same(conn, one, (Announced::Only, 1), Vec::new())? {
        Found::Same(line) => Some(*line),
        Found::Nothing | Found::Perhaps(_) => None,
    })
}

/// The lines that a line with this fate closes: it books what waited for it, or waits in their place.
pub fn find_awaited(conn: &mut Conn, facts: &Facts, one: &Incoming, fate: &Fate) -> Result<Vec<BankLine>, StoreError> {
    if let Some(announced) = find_announced(conn, facts, one)? {
        return Ok(vec![announced]);
    }
    if matches!(fate, Fate::Skip(..) | Fate::Wait(Attention::Repeat, _)) {
        return Ok(Vec::new());
    }
    let Told::Awaited(ids) = told(conn, facts, one)? else { return Ok(Vec::new()) };
    ids.into_iter().map(|id| BankLine::load(conn, id)).collect()
}

/// Compares the whole entry with other files, where no file has the same part.
fn decide_whole(conn: &mut Conn, facts: &Facts, one: &Incoming) -> Result<Option<Fate>, StoreError> {
    if find_announced(conn, facts, one)?.is_some() {
        return Ok(None);
    }
    Ok(match told(conn, facts, one)? {
        Told::Known(id) => Some(Fate::Skip(LineKind::Duplicate, kept(id))),
        Told::Unclear(id) => Some(Fate::Wait(Attention::Repeat, kept(id))),
        Told::New | Told::Awaited(_) => None,
    })
}

/// The most lines with one reference and amount that are compared; with more lines a person compares them.
const MOST_COMPARED: usize = 100;

/// Looks for the same booking among the kept lines and those that a check page has seen. `count` of them must be there.
fn find_same(
    conn: &mut Conn,
    one: &Incoming,
    (announced, count): (Announced, usize),
    mut rows: Vec<BankLine>,
) -> Result<Found, StoreError> {
    let line = &one.line;
    if !line.bank_reference.is_empty() {
        rows.extend(bank::list_same_bookings(conn, (line, &one.iban), announced, MOST_COMPARED)?);
        let many = rows.len() >= MOST_COMPARED;
        let last = rows.last().map(|row| row.id);
        let mut alike: Vec<(Likeness, BankLine)> = rows.into_iter().map(|row| (likeness(line, &row), row)).collect();
        alike.sort_by_key(|(likeness, row)| (*likeness, row.id));
        let same = alike.iter().filter(|(likeness, _)| *likeness == Likeness::Same).count();
        match alike.into_iter().next() {
            Some((Likeness::Same, row)) if same >= count => return Ok(Found::Same(Box::new(row))),
            Some((Likeness::Same | Likeness::Perhaps, row)) => return Ok(Found::Perhaps(row.id)),
            _ if many => return Ok(Found::Perhaps(last.unwrap_or(BankLineId(0)))),
            _ => {}
        }
    }
    let found = bank::find_same_words(conn, line, announced)?;
    Ok(found.map_or(Found::Nothing, |row| Found::Same(Box::new(row))))
}

/// How two lines with the bank's reference in common compare.
pub(super) fn likeness(one: &BankLine, other: &BankLine) -> Likeness {
    compare(&said(one), &said(other))
}

fn said(line: &BankLine) -> Said<'_> {
    Said {
        booking_date: line.booking_date,
        name: &line.counterparty,
        account: &line.counterparty_iban,
        text: &line.remittance,
        end_to_end: &line.end_to_end,
        reference: &line.reference,
    }
}

/// Whether the supplier still has fractions that it may sell.
fn is_for_sale(conn: &mut Conn, row: &store::Receivable) -> Result<bool, StoreError> {
    Ok(matches!(row.state, ReceivableState::Issued | ReceivableState::Active) && row.sold_minor(conn)? < row.face_minor)
}

/// Decides the outcome of a line of a file. Reads only.
pub fn decide(conn: &mut Conn, facts: &Facts, one: &Incoming) -> Result<Fate, StoreError> {
    let line = &one.line;
    if !one.booked {
        return Ok(Fate::Skip(LineKind::Pending, None));
    }
    if line.amount_minor == 0 {
        return Ok(Fate::Skip(LineKind::Zero, None));
    }
    match find_known(conn, facts, one)? {
        Found::Same(known) => return Ok(Fate::Skip(LineKind::Duplicate, kept(known.id))),
        Found::Perhaps(known) => return Ok(Fate::Wait(Attention::Repeat, kept(known))),
        Found::Nothing => {}
    }
    if let Some(fate) = decide_whole(conn, facts, one)? {
        return Ok(fate);
    }
    if one.nth > 1 {
        return Ok(Fate::Wait(Attention::Repeat, None));
    }
    if line.currency != one.account_currency {
        return Ok(Fate::Wait(Attention::OtherCurrency, None));
    }
    if !facts.trades_in(&line.currency) {
        return Ok(Fate::Wait(Attention::NoTerms, None));
    }
    let is_return = one.returned.is_some() || one.reversal;
    let places =
        if line.direction == Direction::In && !is_return { find_places(conn, line, &one.said.advised)? } else { Vec::new() };
    let target = if let [only] = places.as_slice() { Some(only.target) } else { None };
    if line.direction == Direction::In && !is_return {
        match facts.recorded_twin(line, target) {
            Some((receipt, true)) => return Ok(Fate::Confirm(receipt.id)),
            Some((receipt, false)) => return Ok(Fate::Wait(Attention::Recorded, Some(receipt.id))),
            None => {}
        }
    }
    let says_nothing = line.direction == Direction::In && !is_return && places.is_empty() && line.counterparty_iban.is_empty();
    if says_nothing && let Some(begun) = find_begun(conn, facts, line, None)? {
        return Ok(Fate::Wait(Attention::OwnTransfer, kept(begun.id)));
    }
    if facts.is_only_announced(one) {
        return Ok(Fate::Wait(Attention::Announced, None));
    }
    if let Some(target) = target
        && is_small_part_of(conn, facts, (target, line.amount_minor))?
    {
        return Ok(Fate::Wait(Attention::SmallPart, None));
    }
    if let Some(calendar) = facts.calendars.get(&line.currency)
        && !is_usual_value_date(calendar, line.booking_date, line.value_date, facts.today)
    {
        return Ok(Fate::Wait(Attention::ValueDate, None));
    }
    // A receipt that the bank takes back needs a person: the program does not guess.
    if line.direction == Direction::Out && one.reversal {
        return Ok(Fate::Wait(Attention::Reversal, None));
    }
    // A return is marked as one, and the bank's reversal of its own debit counts as one too.
    let returned = one.returned.clone().or_else(|| one.reversal.then(Return::default));
    decide_booking(conn, facts, (line, &one.said), returned)
}

/// Whether a payment for this place is so small that it would end trading of the receivable for the price of a cent.
fn is_small_part_of(conn: &mut Conn, facts: &Facts, (target, amount_minor): (Target, i64)) -> Result<bool, StoreError> {
    let Target::Receivable(id) = target else { return Ok(false) };
    let row = store::Receivable::load(conn, id)?;
    let owed_minor = row.confirmed_minor.saturating_sub(row.paid_minor);
    let sizes = (owed_minor, row.minimum_ticket_minor);
    let small = domain::bank_line::is_small_part(amount_minor, sizes, row.payment_date, facts.today);
    Ok(small && is_for_sale(conn, &row)?)
}

/// Finds the place of incoming money: the one place that the payment names, several with an amount for each, or else suspense.
fn decide_place(conn: &mut Conn, facts: &Facts, (line, said): (&BankLine, &Beside)) -> Result<Fate, StoreError> {
    let places = find_places(conn, line, &said.advised)?;
    if let [only] = places.as_slice() {
        return Ok(Fate::Place(only.target));
    }
    if places.is_empty() {
        let mut found = suggestions(conn, line, &said.elsewhere)?;
        if found.is_empty() {
            found = facts.payers.suggest(conn, line, &said.elsewhere)?.unwrap_or_default();
        }
        let why = if found.is_empty() { Blank::NONE } else { LineKind::Suggested.into() };
        return Ok(Fate::Suspense(why, found));
    }
    let Some(parts) = parts_of(&places, line.amount_minor) else {
        let named: Vec<&str> = places.iter().map(|place| place.reference.as_str()).collect();
        return Ok(Fate::Suspense(LineKind::SeveralReferences.into(), clean(&named.join(" "), 500)));
    };
    let mut split = Vec::with_capacity(parts.len());
    let mut taken = BTreeSet::new();
    for (Named { target, reference, .. }, amount_minor) in parts {
        let own = BankLine { amount_minor, reference: reference.clone(), ..line.clone() };
        let fate = match facts.recorded_twin(&own, Some(*target)) {
            Some((receipt, true)) if taken.insert(receipt.id) => Fate::Confirm(receipt.id),
            Some((receipt, _)) => Fate::Wait(Attention::Recorded, Some(receipt.id)),
            None if is_small_part_of(conn, facts, (*target, amount_minor))? => Fate::Wait(Attention::SmallPart, None),
            None => Fate::Place(*target),
        };
        split.push(Part { amount_minor, reference: reference.clone(), fate });
    }
    Ok(Fate::Split(split))
}

/// Whether a transfer that has begun on another account is this line's.
fn meets(begun: &BankLine, line: &BankLine) -> bool {
    begun.transfer_id == Some(line.custody_id)
        && begun.direction != line.direction
        && begun.currency == line.currency
        && begun.amount_minor == line.amount_minor
        && is_near(begun, line)
}

/// The first line of a transfer of which this one is the second, from the platform's account `other` or from any.
fn find_begun(conn: &mut Conn, facts: &Facts, line: &BankLine, other: Option<CustodyId>) -> Result<Option<BankLine>, StoreError> {
    let kept = bank::list_begun_transfers(conn, line)?;
    let mut all = kept.iter().filter(|row| !facts.arrived.contains(&row.id)).chain(&facts.begun);
    let fits = |row: &&BankLine| meets(row, line) && other.is_none_or(|other| row.custody_id == other);
    Ok(all.find(fits).cloned())
}

/// Money that comes from, or goes to, another of the platform's own accounts.
fn decide_transfer(conn: &mut Conn, facts: &Facts, line: &BankLine) -> Result<Option<Fate>, StoreError> {
    let own = |row: &&CustodyAccount| {
        row.id != line.custody_id && row.carries(&line.currency) && store::custody::named(row, &line.counterparty_iban)
    };
    let Some(other) = facts.custody.iter().find(own) else { return Ok(None) };
    let begun = find_begun(conn, facts, line, Some(other.id))?;
    Ok(Some(begun.map_or(Fate::Transfer(other.id), |row| Fate::Arrive(row.id))))
}

/// The platform's account from which a line takes money once it is booked, and the amount.
#[must_use]
pub fn drawn_by(line: &BankLine, fate: &Fate) -> Option<(CustodyId, i64)> {
    match fate {
        Fate::Settle(_, rest_minor) => Some((line.custody_id, line.amount_minor.saturating_sub(*rest_minor))),
        // A return whose debit has not been seen books both.
        Fate::GiveBack(payout, _) if payout.state != InstructionState::Settled => {
            (payout.custody_id != line.custody_id).then_some((payout.custody_id, payout.amount_minor))
        }
        Fate::Transfer(other) if line.direction == Direction::In => Some((*other, line.amount_minor)),
        Fate::Transfer(_) => Some((line.custody_id, line.amount_minor)),
        _ => None,
    }
}

/// The missing cover: an account at the bank cannot hold less than zero.
pub fn missing_cover(view: &mut dyn View, line: &BankLine, fate: &Fate) -> Result<Option<i64>, StoreError> {
    let Some((account, minor)) = drawn_by(line, fate) else { return Ok(None) };
    let held = view.balance(AccountKey::custody(account, asset_of(line)?))?.0;
    Ok((held < minor).then_some(held))
}

/// The currency of a line to be booked; a line in an unknown currency waits.
fn asset_of(line: &BankLine) -> Result<AssetId, StoreError> {
    let known = Currency::parse(&line.currency);
    known.map(currency_asset).ok_or_else(|| settlement::corrupt("currency of bank line", line.id))
}

/// Decides the place of a line's money that is to be booked.
pub fn decide_booking(
    conn: &mut Conn,
    facts: &Facts,
    (line, said): (&BankLine, &Beside),
    returned: Option<Return>,
) -> Result<Fate, StoreError> {
    if returned.is_none()
        && let Some(fate) = decide_transfer(conn, facts, line)?
    {
        return Ok(fate);
    }
    if line.direction == Direction::In {
        let Some(why) = returned else { return decide_place(conn, facts, (line, said)) };
        let own = bank::find_payout_by_end_to_end(conn, &line.end_to_end)?;
        let own = own.filter(|row| row.amount_minor == line.amount_minor && row.currency == line.currency);
        // A returned payout goes back to the account it came from. A return that matches no payout for certain waits in suspense.
        let Some(row) = own.filter(|row| !facts.spent.contains(&row.id)) else { return Ok(Fate::ReturnUnknown(why)) };
        let open = payout::can(&row, InstructionEvent::Return) || payout::can(&row, InstructionEvent::Settle);
        return Ok(if open { Fate::GiveBack(Box::new(row), why) } else { Fate::ReturnUnknown(why) });
    }
    // Money out: only a requested payout is booked. Any other debit needs a person.
    match payments_of(conn, (line, &said.collective), &facts.spent)? {
        Paid::Now(payouts, rest_minor) => Ok(Fate::Settle(payouts, rest_minor)),
        Paid::Unknown => Ok(Fate::Wait(Attention::UnknownDebit, None)),
        Paid::Before(own) => {
            let debited = bank::find_booked_debit(conn, &line.end_to_end)?;
            let spent = own.iter().any(|row| facts.spent.contains(&row.id));
            if let [row] = own.as_slice()
                && row.state == InstructionState::Returned
                && (row.amount_minor, row.custody_id) == (line.amount_minor, line.custody_id)
                && debited.is_none()
                && !spent
            {
                return Ok(Fate::ReturnFirst(Box::new(row.clone())));
            }
            let twice = debited.is_some() || spent;
            let attention = if twice { Attention::DoubleDebit } else { Attention::UnknownDebit };
            Ok(Fate::Wait(attention, debited.map(|row| row.id)))
        }
    }
}

/// How many lines have had which fate.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<&'static str, i64>);

impl Counts {
    pub const NAMES: [&'static str; 7] = ["matched", "confirmed", "suspense", "payouts", "returned", "skipped", "attention"];

    fn up(&mut self, name: &'static str) {
        let count = self.0.entry(name).or_default();
        *count = count.saturating_add(1);
    }

    /// Writes the counts into a command's outcome.
    pub fn tell(&self, body: &mut serde_json::Value) {
        if let Some(map) = body.as_object_mut() {
            for name in Self::NAMES {
                map.insert(name.to_owned(), self.0.get(name).copied().unwrap_or(0).into());
            }
        }
    }
}

/// Decides the outcome of a line, as far as the books have room and cover for it.
fn decide_in_books(view: &mut dyn View, facts: &Facts, one: &Incoming) -> Result<Fate, StoreError> {
    let fate = decide(view.conn(), facts, one)?;
    // Incoming money must fit beside the bank's present balance: once a line is written, no rule may refuse.
    if one.line.direction == Direction::In && !matches!(fate, Fate::Skip(..) | Fate::Wait(..) | Fate::Confirm(_)) {
        let asset = Currency::parse(&one.line.currency).map(currency_asset);
        let custody = asset.map(|asset| AccountKey::custody(one.line.custody_id, asset));
        let held = custody.map_or(Ok((0, 0)), |key| view.balance(key))?.0;
        if held.checked_add(one.line.amount_minor).is_none() {
            return Ok(Fate::Wait(Attention::NoRoom, None));
        }
    }
    // The books of an account are behind where its statements are late: the line waits for them.
    let covered = missing_cover(view, &one.line, &fate)?.is_none();
    Ok(if covered { fate } else { Fate::Wait(Attention::NoCover, None) })
}

/// Decides about a line, books it and stores it.
pub fn take_up(
    batch: &mut Batch<'_>,
    facts: &mut Facts,
    one: &Incoming,
    statement: &store::Statement,
    counts: &mut Counts,
) -> Applied<()> {
    let mut one = one.clone();
    one.line.id = batch.next_id();
    (one.line.statement_id, one.line.custody_id) = (statement.id, statement.custody_id);
    let fate = decide_in_books(batch, facts, &one)?;
    for piece in fate.pieces(&one.line) {
        counts.up(piece.name);
    }
    facts.use_up(&one.line, &fate);
    for awaited in find_awaited(batch.conn, facts, &one, &fate)? {
        facts.entries.close([awaited.id]);
        close_awaited(batch, awaited, one.line.id)?;
    }
    let mut line = one.line;
    book(batch, &mut line, fate)?;
    Ok(batch.insert(&line)?)
}

/// The bank has reported what a line waited for: this closes the line, so that it can no longer be booked.
fn close_awaited(batch: &mut Batch<'_>, mut announced: BankLine, by: BankLineId) -> Applied<()> {
    end_requests(batch, Waiting::About(announced.id.into()), "by_statement")?;
    announced.state = LineState::Skipped;
    announced.kind = LineKind::ByStatement.into();
    announced.twin_id = Some(by);
    Ok(batch.update(&announced)?)
}

/// Books a line as it was decided and gives it its state. The line itself is written by the caller.
pub fn book(batch: &mut Batch<'_>, line: &mut BankLine, fate: Fate) -> Applied<()> {
    batch.value_date = line.value_date;
    let state = match fate {
        Fate::Skip(why, twin) => {
            line.kind = why.into();
            line.twin_id = twin;
            LineState::Skipped
        }
        Fate::Wait(attention, twin) => {
            line.kind = attention.kind().into();
            line.twin_id = twin;
            LineState::Attention
        }
        Fate::Confirm(receipt) => {
            confirm(batch, line, receipt)?;
            LineState::Confirmed
        }
        Fate::Place(target) => {
            place(batch, line, target)?;
            LineState::Matched
        }
        Fate::Split(parts) => return book_parts(batch, line, parts),
        Fate::Suspense(why, note) => {
            batch.post(&chart::unmatched(line.custody_id, asset_of(line)?, line.amount_minor))?;
            line.kind = why;
            if !note.is_empty() {
                line.note = note;
            }
            LineState::Suspense
        }
        Fate::ReturnUnknown(why) => {
            batch.post(&chart::unmatched(line.custody_id, asset_of(line)?, line.amount_minor))?;
            line.note = return_note(&why);
            line.kind = LineKind::Return.into();
            LineState::Suspense
        }
        Fate::GiveBack(mut row, why) => {
            payout::give_back(batch, &mut row, &why, (line.custody_id, line.value_date))?;
            line.note = return_note(&why);
            line.kind = LineKind::Return.into();
            (line.party_id, line.payout_id) = (row.party_id, Some(row.id));
            LineState::Matched
        }
        Fate::Settle(rows, rest_minor) => {
            let value_date = line.value_date;
            settle_payouts(batch, line, (rows, value_date))?;
            leave_over(batch, line, rest_minor)?;
            LineState::Matched
        }
        Fate::Transfer(other) => {
            let way = if line.direction == Direction::In { (other, line.custody_id) } else { (line.custody_id, other) };
            batch.post(&chart::own_transfer(way, asset_of(line)?, line.amount_minor))?;
            line.kind = LineKind::OwnTransfer.into();
            line.transfer_id = Some(other);
            LineState::Matched
        }
        Fate::Arrive(first) => {
            let mut first = BankLine::load(batch.conn, first)?;
            join_transfer(batch, line, &mut first)?;
            LineState::Matched
        }
        Fate::ReturnFirst(row) => {
            line.kind = LineKind::ReturnFirst.into();
            (line.party_id, line.payout_id) = (row.party_id, Some(row.id));
            LineState::Matched
        }
    };
    batch.value_date = batch.today();
    line.state = state;
    Ok(())
}

/// Joins the two lines of a transfer between the platform's accounts.
pub fn join_transfer(batch: &mut Batch<'_>, line: &mut BankLine, other: &mut BankLine) -> Applied<()> {
    line.kind = LineKind::OwnTransfer.into();
    (line.twin_id, line.transfer_id) = (Some(other.id), Some(other.custody_id));
    other.kind = LineKind::OwnTransfer.into();
    other.state = LineState::Matched;
    (other.twin_id, other.transfer_id) = (Some(line.id), Some(line.custody_id));
    Ok(batch.update(other)?)
}

/// The debit of one payout, or of all of a file.
pub fn settle_payouts(batch: &mut Batch<'_>, line: &mut BankLine, (mut rows, on): (Vec<Payout>, NaiveDate)) -> Applied<()> {
    for row in &mut rows {
        payout::settle(batch, row, (line.custody_id, on))?;
    }
    if let [row] = rows.as_slice() {
        (line.party_id, line.payout_id) = (row.party_id, Some(row.id));
    }
    Ok(())
}

/// The rest of a debit beside its payouts, such as a charge, waits as a line of its own.
pub fn leave_over(batch: &mut Batch<'_>, line: &mut BankLine, rest_minor: i64) -> Applied<()> {
    if rest_minor <= 0 {
        return Ok(());
    }
    line.amount_minor = line.amount_minor.saturating_sub(rest_minor);
    let rest = BankLine {
        end_to_end: String::new(),
        amount_minor: rest_minor,
        state: LineState::Attention,
        kind: LineKind::UnknownDebit.into(),
        twin_id: Some(line.id),
        ..sibling(batch, line)
    };
    Ok(batch.insert(&rest)?)
}

/// Another part of the same booking. The fingerprint of the booking stays with the first part.
pub fn sibling(batch: &mut Batch<'_>, line: &BankLine) -> BankLine {
    BankLine {
        id: batch.next_id(),
        fingerprint: String::new(),
        note: String::new(),
        party_id: None,
        payout_id: None,
        receivable_id: None,
        twin_id: None,
        ..line.clone()
    }
}

/// Each part is a line: the first is the line itself.
fn book_parts(batch: &mut Batch<'_>, line: &mut BankLine, parts: Vec<Part>) -> Applied<()> {
    let whole = line.clone();
    for (index, part) in parts.into_iter().enumerate() {
        let mut other = if index == 0 { line.clone() } else { sibling(batch, &whole) };
        (other.amount_minor, other.reference) = (part.amount_minor, part.reference);
        book(batch, &mut other, part.fate)?;
        if index == 0 {
            *line = other;
        } else {
            batch.insert(&other)?;
        }
    }
    Ok(())
}

fn return_note(why: &Return) -> String {
    clean(format!("return {} {}", why.reason, why.note).trim(), 500)
}

/// Money that the bank reports, to the company or receivable that it names.
fn place(batch: &mut Batch<'_>, line: &mut BankLine, target: Target) -> Applied<()> {
    let (asset, amount) = (asset_of(line)?, line.amount_minor);
    match target {
        Target::Company(party) => {
            batch.post(&chart::deposit(line.custody_id, party, asset, amount))?;
            line.party_id = Some(party);
            settlement::notify_deposit(batch, party, &line.currency, amount);
        }
        Target::Receivable(id) => {
            batch.post(&chart::collection(line.custody_id, id, asset, amount))?;
            line.receivable_id = Some(id);
            settlement::settle(batch, id, &settlement::Payment::from(&*line))?;
        }
    }
    Ok(())
}

/// The bank confirms a receipt that people recorded: the two are linked, and nothing is booked again.
pub fn confirm(batch: &mut Batch<'_>, line: &mut BankLine, receipt_id: BankLineId) -> Applied<()> {
    let mut receipt = BankLine::load(batch.conn, receipt_id)?;
    receipt.twin_id = Some(line.id);
    batch.update(&receipt)?;
    line.kind = LineKind::Confirms.into();
    line.twin_id = Some(receipt.id);
    (line.party_id, line.receivable_id) = (receipt.party_id, receipt.receivable_id);
    Ok(())
}
