//! Matches an entry that two bank files give in different detail: as one sum in one file, in parts in the other. The bank's
//! reference and the sum show that it is the same entry.

use crate::commands::bank::line::{Facts, Fate, Incoming, bank_reference, booking, likeness};
use chrono::{Days, NaiveDate};
use domain::bank_line::{Direction, LineKind, LineState};
use domain::booking::Likeness;
use formats::camt::Statement as CamtStatement;
use kernel::{BankLineId, Blank, StatementId};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use store::{BankLine, Conn, StoreError};

/// The facts of the entry that a line is a part of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whole {
    /// The entry's amount.
    minor: i64,
    /// The sum of the statement's entries with its reference, currency, direction and day.
    all_minor: i128,
    /// An earlier one of them has the same amount.
    again: bool,
    /// One of its parts names its transfer.
    named: bool,
    /// How many lines it has, and all entries that `all_minor` sums up.
    parts: usize,
    all_parts: usize,
}

/// An exact sum: no file has enough lines to overflow 128 bits.
fn plus(sum: i128, minor: i64) -> i128 {
    sum.saturating_add(i128::from(minor))
}

/// The wholes of a statement's entries, in their order.
pub fn wholes(statement: &CamtStatement) -> Vec<Whole> {
    let mut sums: HashMap<(String, &str, bool, NaiveDate), (i128, usize)> = HashMap::new();
    let mut amounts = HashSet::new();
    let mut found = Vec::with_capacity(statement.entries.len());
    for entry in &statement.entries {
        let key = (bank_reference(entry), entry.currency.as_str(), entry.credit, entry.booking_date);
        let again = entry.booked && !amounts.insert((key.clone(), entry.amount_minor));
        let (sum, parts) = sums.entry(key.clone()).or_default();
        if entry.booked {
            *sum = plus(*sum, entry.amount_minor);
            *parts = parts.saturating_add(entry.details.len());
        }
        let named = entry.details.iter().any(|detail| {
            let file = &detail.collective;
            !(detail.end_to_end.is_empty() && file.message_id.is_empty() && file.payment_id.is_empty())
        });
        let parts = entry.details.len();
        found.push((key, Whole { minor: entry.amount_minor, again, named, parts, ..Whole::default() }));
    }
    let with_sum = |(key, whole)| {
        let (all_minor, all_parts) = sums.get(&key).copied().unwrap_or_default();
        Whole { all_minor, all_parts, ..whole }
    };
    found.into_iter().map(with_sum).collect()
}

/// The result of comparing a line's entry with other files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    New,
    /// Another file has the same sum: this line already covers the entry.
    Known(BankLineId),
    /// The same sum waits for this entry: the entry is booked now, and these lines are closed.
    Awaited(Vec<BankLineId>),
    /// The sum differs, or a part is already booked: two people decide.
    Unclear(BankLineId),
}

/// The lines of one statement with the reference and day.
#[derive(Debug, Default)]
struct Group {
    minor: i128,
    /// Of the very day. One of another day is compared only where it has the same sum.
    same_day: bool,
    lines: Vec<BankLine>,
}

/// The event for which a line of an earlier file waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// It is decided, or people decide.
    Nothing,
    Statement,
    /// The debit names no payout: nothing is booked until an entry gives the names.
    Names,
}

impl Waits {
    fn of(line: &BankLine) -> Self {
        match line.kind.get() {
            Some(LineKind::Announced) => Self::Statement,
            // A line that another line has left over, such as a charge, gets no names later.
            Some(LineKind::UnknownDebit) if line.state == LineState::Attention && line.twin_id.is_none() => Self::Names,
            _ => Self::Nothing,
        }
    }
}

/// The findings and effects of a file's lines so far.
#[derive(Debug, Default)]
pub struct Entries {
    /// Lines of the file that a check page has previewed, by reference; an import finds them in the database.
    seen: HashMap<String, Vec<(usize, BankLine)>>,
    /// Those of them that are not skipped, by booking.
    bookings: HashMap<String, Vec<(usize, BankLine)>>,
    /// Lines that the file has closed.
    closed: BTreeSet<BankLineId>,
    /// The last answer of the database: entries that share a reference share it.
    last: RefCell<Option<(Key, Rc<Vec<Group>>)>>,
}

/// The most lines that are compared with one line.
const MOST_SEEN: usize = 100;

type Key = (usize, StatementId, String, String, Direction, NaiveDate, NaiveDate);

/// Days before and after an entry in which its counterpart with the same reference is searched.
const NEAR_DAYS: u64 = 10;

/// The days around one.
fn near(day: NaiveDate) -> (NaiveDate, NaiveDate) {
    let around = Days::new(NEAR_DAYS);
    (day.checked_sub_days(around).unwrap_or(day), day.checked_add_days(around).unwrap_or(day))
}

impl Entries {
    /// Remembers a line that a check page has decided about.
    pub fn see(&mut self, one: &Incoming, fate: &Fate) {
        let mut line = one.line.clone();
        if line.bank_reference.is_empty() {
            return;
        }
        let (state, kind) = match fate {
            Fate::Skip(why, _) => (LineState::Skipped, (*why).into()),
            Fate::Wait(attention, _) => (LineState::Attention, attention.kind().into()),
            _ => (LineState::Matched, Blank::NONE),
        };
        (line.state, line.kind) = (state, kind);
        if state != LineState::Skipped {
            self.bookings.entry(booking(&line)).or_default().push((one.statement, line.clone()));
        }
        self.seen.entry(line.bank_reference.clone()).or_default().push((one.statement, line));
    }

    /// The same booking in earlier statements of the file on a check page.
    pub fn seen_like(&self, one: &Incoming) -> Vec<BankLine> {
        let found = self.bookings.get(&booking(&one.line)).into_iter().flatten();
        let same = |(statement, other): &&(usize, BankLine)| *statement != one.statement && other.currency == one.line.currency;
        found.filter(same).take(MOST_SEEN).map(|(_, line)| line.clone()).collect()
    }

    pub fn close(&mut self, ids: impl IntoIterator<Item = BankLineId>) {
        self.closed.extend(ids);
    }

    fn groups(&self, conn: &mut Conn, one: &Incoming) -> Result<Rc<Vec<Group>>, StoreError> {
        let line = &one.line;
        let key = (
            one.statement,
            line.statement_id,
            line.bank_reference.clone(),
            line.currency.clone(),
            line.direction,
            line.booking_date,
            line.value_date,
        );
        if let Some((last, groups)) = &*self.last.borrow()
            && *last == key
        {
            return Ok(Rc::clone(groups));
        }
        let (from, until) = near(line.booking_date);
        let kept = store::bank::list_same_reference(conn, (line, &one.iban), (from, until))?;
        let same = |other: &BankLine| {
            (&other.currency, &other.direction) == (&line.currency, &line.direction)
                && ((from..=until).contains(&other.booking_date) || other.value_date == line.value_date)
                && other.kind != LineKind::Pending
        };
        let seen = self.seen.get(&line.bank_reference).into_iter().flatten();
        let seen = seen.filter(|(statement, other)| *statement != one.statement && same(other));
        let mut groups: BTreeMap<(StatementId, usize, NaiveDate), Group> = BTreeMap::new();
        let seen = seen.map(|(at, row)| ((StatementId(i64::MAX), *at, row.booking_date), row.clone()));
        for (place, row) in kept.into_iter().map(|row| ((row.statement_id, 0, row.booking_date), row)).chain(seen) {
            let group = groups.entry(place).or_default();
            group.same_day |= row.booking_date == line.booking_date || row.value_date == line.value_date;
            group.minor = plus(group.minor, row.amount_minor);
            group.lines.push(row);
        }
        let groups: Rc<Vec<Group>> = Rc::new(groups.into_values().collect());
        *self.last.borrow_mut() = Some((key, Rc::clone(&groups)));
        Ok(groups)
    }
}

/// Compares the sums of one reference: if they are booked on another day, a person decides.
fn of_sums(line: &BankLine, group: &Group) -> Likeness {
    if group.lines.iter().any(|row| row.booking_date == line.booking_date) { Likeness::Same } else { Likeness::Perhaps }
}

/// Compares a line's entry with one statement: none for another sum, or how alike they are.
fn compare(one: &Incoming, group: &Group) -> Option<Likeness> {
    let whole = &one.whole;
    let parts = match group.minor {
        minor if !whole.again && minor == i128::from(whole.minor) => whole.parts,
        minor if minor == whole.all_minor => whole.all_parts,
        _ => return None,
    };
    // Where the detail differs, only the sums can be compared.
    if group.lines.len() != parts {
        return Some(of_sums(&one.line, group));
    }
    let same = group.lines.iter().filter(|row| row.amount_minor == one.line.amount_minor).take(MOST_SEEN);
    let best = same.map(|row| likeness(&one.line, row)).min().unwrap_or(Likeness::Perhaps);
    // A single part is never other money by itself.
    Some(if parts > 1 { best.min(Likeness::Perhaps) } else { best })
}

/// Compares a line's entry with other files. A line without the bank's reference is not compared.
pub fn told(conn: &mut Conn, facts: &Facts, one: &Incoming) -> Result<Told, StoreError> {
    if one.line.bank_reference.is_empty() || !one.booked {
        return Ok(Told::New);
    }
    let groups = facts.entries.groups(conn, one)?;
    // A second notification of an announced entry brings nothing new.
    let waits = |row: &BankLine| match Waits::of(row) {
        Waits::Nothing => false,
        Waits::Statement => one.announced_minor.is_none(),
        Waits::Names => one.whole.named,
    };
    let (mut unclear, mut other, mut awaited) = (None, None, Vec::new());
    for group in groups.iter() {
        let is_open = |row: &&BankLine| row.state != LineState::Skipped && !facts.entries.closed.contains(&row.id);
        let open: Vec<&BankLine> = group.lines.iter().filter(is_open).collect();
        let Some(first) = open.first().map(|row| row.id) else { continue };
        match compare(one, group) {
            Some(Likeness::Other) => {}
            Some(Likeness::Perhaps) => unclear = unclear.or(Some(first)),
            Some(Likeness::Same) => match open.iter().find(|row| !waits(row)).map(|row| row.id) {
                Some(id) if !open.iter().any(|row| waits(row)) => return Ok(Told::Known(id)),
                Some(id) => unclear = unclear.or(Some(id)),
                None => awaited.extend(open.iter().map(|row| row.id)),
            },
            None if group.same_day => other = other.or(Some(first)),
            None => {}
        }
    }
    Ok(match (unclear, other) {
        (Some(id), _) => Told::Unclear(id),
        _ if !awaited.is_empty() => Told::Awaited(awaited),
        (None, Some(id)) => Told::Unclear(id),
        (None, None) => Told::New,
    })
}

/// A line's number, where it is kept.
pub fn kept(id: BankLineId) -> Option<BankLineId> {
    Some(id).filter(|id| *id > BankLineId(0))
}
