//! An entry that two files of the bank tell in different detail, as one sum or in parts: the bank's reference and the sum say that it is
//! the same.

use super::bank_line::{Facts, Fate, Incoming, bank_reference, booking};
use chrono::NaiveDate;
use formats::camt::Statement as CamtStatement;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::records::Record;
use store::{BankLine, Conn, StoreError};

/// What is known of the entry that a line is a part of.
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
}

/// A sum that stays exact: no file has so many lines that it leaves 128 bits.
fn plus(sum: i128, minor: i64) -> i128 {
    sum.saturating_add(i128::from(minor))
}

/// The wholes of a statement's entries, in their order.
pub fn wholes(statement: &CamtStatement) -> Vec<Whole> {
    let mut sums: HashMap<(String, &str, bool, NaiveDate), i128> = HashMap::new();
    let mut amounts = HashSet::new();
    let mut found = Vec::with_capacity(statement.entries.len());
    for entry in &statement.entries {
        let key = (bank_reference(entry), entry.currency.as_str(), entry.credit, entry.booking_date);
        let again = entry.booked && !amounts.insert((key.clone(), entry.amount_minor));
        let sum = sums.entry(key.clone()).or_default();
        *sum = plus(*sum, if entry.booked { entry.amount_minor } else { 0 });
        let named = entry.details.iter().any(|detail| !detail.end_to_end.is_empty());
        found.push((key, Whole { minor: entry.amount_minor, all_minor: 0, again, named }));
    }
    let with_sum = |(key, whole)| Whole { all_minor: sums.get(&key).copied().unwrap_or(0), ..whole };
    found.into_iter().map(with_sum).collect()
}

/// Lines of other statements of the account with the same reference and day. That the reference is not empty is said for the index.
pub const SAME_REFERENCE: &str = "bank_reference = ? AND bank_reference <> '' AND currency = ? AND direction = ? \
     AND (booking_date = ? OR value_date = ?) AND statement_id <> ? AND kind <> 'pending' \
     AND statement_id IN (SELECT id FROM statements WHERE iban = ?) ORDER BY id";

/// What the other files say of the entry that a line is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    New,
    /// The same sum: the entry is known by this line.
    Known(i64),
    /// The same sum, which waits for this entry: it is booked now, and these lines are closed.
    Awaited(Vec<i64>),
    /// Another sum, or one that is booked in part: two people decide.
    Unclear(i64),
}

/// The lines of one statement with the reference and day.
#[derive(Clone, Debug, Default)]
struct Group {
    minor: i128,
    /// Those that are not closed.
    open: Vec<(i64, Waits)>,
}

/// What a line of an earlier file waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// It has been decided about, or people decide.
    Nothing,
    Statement,
    /// Nothing is booked of a debit that names no payout, until an entry names them.
    Names,
}

impl Waits {
    fn of(line: &BankLine) -> Self {
        match line.kind.as_str() {
            "announced" => Self::Statement,
            "unknown_debit" if line.state == "attention" => Self::Names,
            _ => Self::Nothing,
        }
    }
}

/// What the lines of a file have found and done so far.
#[derive(Debug, Default)]
pub struct Entries {
    /// Lines of the file that a check page has looked at, by reference: an import finds them in the database.
    seen: HashMap<String, Vec<(usize, BankLine)>>,
    /// The statement that was the first to bring a booking of the file.
    first: HashMap<String, usize>,
    /// Lines that the file has closed.
    closed: BTreeSet<i64>,
    /// The last answer of the database: entries that share a reference share it.
    last: RefCell<Option<(Key, Vec<Group>)>>,
}

type Key = (usize, i64, String, String, String, NaiveDate, NaiveDate);

impl Entries {
    /// Remembers a line that a check page has decided about.
    pub fn see(&mut self, one: &Incoming, fate: &Fate) {
        let mut line = one.line.clone();
        if line.bank_reference.is_empty() {
            return;
        }
        let (state, kind) = match fate {
            Fate::Skip(why, _) => ("skipped", *why),
            Fate::Wait(attention, _) => ("attention", attention.name()),
            _ => ("matched", ""),
        };
        (line.state, line.kind) = (state.to_owned(), kind.to_owned());
        if state != "skipped" {
            self.first.entry(booking(&line)).or_insert(one.statement);
        }
        self.seen.entry(line.bank_reference.clone()).or_default().push((one.statement, line));
    }

    /// Whether an earlier statement of the file on a check page has brought the very same booking.
    pub fn has_seen(&self, one: &Incoming) -> bool {
        let first = self.first.get(&booking(&one.line)).filter(|_| !one.line.bank_reference.is_empty());
        first.is_some_and(|statement| *statement != one.statement)
    }

    pub fn close(&mut self, ids: impl IntoIterator<Item = i64>) {
        self.closed.extend(ids);
    }

    fn groups(&self, conn: &mut Conn, one: &Incoming) -> Result<Vec<Group>, StoreError> {
        let line = &one.line;
        let key = (
            one.statement,
            line.statement_id,
            line.bank_reference.clone(),
            line.currency.clone(),
            line.direction.clone(),
            line.booking_date,
            line.value_date,
        );
        if let Some((last, groups)) = &*self.last.borrow()
            && *last == key
        {
            return Ok(groups.clone());
        }
        let binds = [
            line.bank_reference.as_str().into(),
            line.currency.as_str().into(),
            line.direction.as_str().into(),
            line.booking_date.into(),
            line.value_date.into(),
            line.statement_id.into(),
            one.iban.as_str().into(),
        ];
        let kept = BankLine::list_where(conn, SAME_REFERENCE, &binds)?;
        let same = |other: &BankLine| {
            (&other.currency, &other.direction) == (&line.currency, &line.direction)
                && (other.booking_date == line.booking_date || other.value_date == line.value_date)
                && other.kind != "pending"
        };
        let seen = self.seen.get(&line.bank_reference).into_iter().flatten();
        let seen = seen.filter(|(statement, other)| *statement != one.statement && same(other));
        let mut groups: BTreeMap<(i64, usize), Group> = BTreeMap::new();
        let all = kept.iter().map(|row| ((row.statement_id, 0), row)).chain(seen.map(|(at, row)| ((i64::MAX, *at), row)));
        for (place, row) in all {
            let group = groups.entry(place).or_default();
            group.minor = plus(group.minor, row.amount_minor);
            if row.state != "skipped" {
                group.open.push((row.id, Waits::of(row)));
            }
        }
        let groups: Vec<Group> = groups.into_values().collect();
        *self.last.borrow_mut() = Some((key, groups.clone()));
        Ok(groups)
    }
}

/// What other files say of the entry that this line is a part of. A line without the bank's reference is not compared so.
pub fn told(conn: &mut Conn, facts: &Facts, one: &Incoming) -> Result<Told, StoreError> {
    if one.line.bank_reference.is_empty() || !one.booked {
        return Ok(Told::New);
    }
    let mut groups = facts.entries.groups(conn, one)?;
    for group in &mut groups {
        group.open.retain(|(id, _)| !facts.entries.closed.contains(id));
    }
    groups.retain(|group| !group.open.is_empty());
    let whole = &one.whole;
    let same = |group: &&Group| group.minor == whole.all_minor || (!whole.again && group.minor == i128::from(whole.minor));
    // A notification of what is announced already brings nothing new.
    let waits = |waits: &Waits| match waits {
        Waits::Nothing => false,
        Waits::Statement => one.announced_minor.is_none(),
        Waits::Names => whole.named,
    };
    let (mut part, mut awaited) = (None, Vec::new());
    for group in groups.iter().filter(same) {
        let known = group.open.iter().find(|(_, for_what)| !waits(for_what)).map(|(id, _)| *id);
        match known {
            Some(id) if !group.open.iter().any(|(_, for_what)| waits(for_what)) => return Ok(Told::Known(id)),
            Some(id) => part = part.or(Some(id)),
            None => awaited.extend(group.open.iter().map(|(id, _)| *id)),
        }
    }
    let other = groups.first().and_then(|group| group.open.first()).map(|(id, _)| *id);
    Ok(match (part, other) {
        (Some(id), _) => Told::Unclear(id),
        _ if !awaited.is_empty() => Told::Awaited(awaited),
        (None, Some(id)) => Told::Unclear(id),
        (None, None) => Told::New,
    })
}

/// A line's number, where it is kept.
pub fn kept(id: i64) -> Option<i64> {
    Some(id).filter(|id| *id > 0)
}
