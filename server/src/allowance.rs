//! Limits what a name may use in a window of time: tries, mails, writes, bytes. The process counts in memory and never waits. A
//! job shares the counts with the other processes of the database, and loads them again after a restart.
//!
//! Invariants: a count costs the same for any number of names; memory is bounded; a name keeps its count until its window ends.

use crate::clock::Clock;
use crate::commands::people::share_allowances::Used;
use crate::http::error::Fault;
use crate::http::shares::network;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use store::allowances::AllowanceRow;

/// The amount that each name may use in a window, which begins with the first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Names the counts in the database; one kind has one `most` and one `seconds`.
    pub kind: &'static str,
    /// Units in a window.
    pub most: i64,
    pub seconds: i64,
}

/// Nothing was taken: the name may try again after `seconds`, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    pub seconds: i64,
}

impl From<RetryAfter> for Fault {
    fn from(after: RetryAfter) -> Self {
        Self::TooMany { seconds: after.seconds }
    }
}

/// The name under which a sender is counted: an IPv4 address, or the /64 of an IPv6 address, which one machine has whole.
#[must_use]
pub fn sender_name(address: IpAddr) -> String {
    match network(address) {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(network) => format!("{network}/64"),
    }
}

/// Names of one kind that are counted each by itself; beyond that, new names share `SHARED_COUNTS` counts.
const MOST_NAMES: usize = 50_000;
const SHARED_COUNTS: u64 = 1_024;
/// A process shares a count once it has used this part of the allowance that other processes do not know of.
const SHARED_PART: i64 = 16;

#[derive(Clone, Debug)]
struct Count {
    since: i64,
    used: i64,
    /// Not yet shared with the other processes.
    unshared: i64,
    listed: bool,
}

/// The counts of one kind, in two generations: the earlier one is dropped whole when all its windows have ended.
#[derive(Debug, Default)]
struct Counts {
    most: i64,
    seconds: i64,
    started: i64,
    current: HashMap<String, Count>,
    earlier: HashMap<String, Count>,
    /// Names whose counts are due to be shared.
    due: Vec<String>,
}

impl Counts {
    /// Starts a generation when the current one is a window old.
    fn turn(&mut self, now: i64) {
        let age = now.saturating_sub(self.started);
        if (0..self.seconds).contains(&age) {
            return;
        }
        self.earlier = std::mem::take(&mut self.current);
        if age >= self.seconds.saturating_mul(2) || age < 0 {
            self.earlier.clear();
        }
        self.started = now;
        self.due.retain(|name| self.earlier.contains_key(name));
    }

    fn is_over(&self, count: &Count, now: i64) -> bool {
        let age = now.saturating_sub(count.since);
        age >= self.seconds || age < self.seconds.saturating_neg()
    }

    fn find(&mut self, name: &str) -> Option<&mut Count> {
        match self.current.get_mut(name) {
            Some(found) => Some(found),
            None => self.earlier.get_mut(name),
        }
    }

    /// The count of a name in its window. A window that is over begins anew.
    fn open(&mut self, name: &str, now: i64) -> &mut Count {
        let over = self.find(name).cloned().is_none_or(|count| self.is_over(&count, now));
        if over {
            self.earlier.remove(name);
            let fresh = Count { since: now, used: 0, unshared: 0, listed: false };
            self.current.insert(name.to_owned(), fresh);
        }
        let kept = if self.current.contains_key(name) { &mut self.current } else { &mut self.earlier };
        kept.entry(name.to_owned()).or_insert(Count { since: now, used: 0, unshared: 0, listed: false })
    }

    fn add(&mut self, name: &str, amount: i64, now: i64) {
        let most = self.most;
        let count = self.open(name, now);
        count.used = count.used.saturating_add(amount).max(0);
        count.unshared = count.unshared.saturating_add(amount);
        let due = count.unshared.saturating_abs().saturating_mul(SHARED_PART) >= most;
        if due && !std::mem::replace(&mut count.listed, true) {
            self.due.push(name.to_owned());
        }
    }
}

/// The counts of a process.
#[derive(Debug, Default)]
pub struct Allowances {
    clock: Clock,
    kinds: Mutex<Kinds>,
    /// Picks the shared count of a name. Its key is random, so an outsider cannot find out which names share a count.
    picker: RandomState,
}

#[derive(Debug, Default)]
struct Kinds {
    by_kind: HashMap<String, Counts>,
    learned_until: i64,
}

impl Kinds {
    fn of(&mut self, kind: &str, most: i64, seconds: i64, now: i64) -> &mut Counts {
        let counts = self.by_kind.entry(kind.to_owned()).or_default();
        (counts.most, counts.seconds) = (if most > 0 { most } else { counts.most }, seconds);
        counts.turn(now);
        counts
    }
}

/// Begins the name of a count that several names share; it stays in its process.
const SHARED_MARK: char = '~';

impl Allowances {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    fn now(&self) -> i64 {
        self.clock.now().and_utc().timestamp()
    }

    fn lock(&self) -> MutexGuard<'_, Kinds> {
        // The counts stay consistent even if a thread panicked while it held the lock.
        self.kinds.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The name itself, or where there are too many names the count that it shares.
    fn counted<'a>(&self, counts: &mut Counts, name: &'a str) -> std::borrow::Cow<'a, str> {
        if counts.find(name).is_some() || counts.current.len() < MOST_NAMES {
            return name.into();
        }
        let place = self.picker.hash_one(name).checked_rem(SHARED_COUNTS).unwrap_or(0);
        format!("{SHARED_MARK}{place}").into()
    }

    /// Takes `amount` units, or nothing when fewer are left.
    pub fn take(&self, of: &Allowance, name: &str, amount: i64) -> Result<(), RetryAfter> {
        let now = self.now();
        let mut kinds = self.lock();
        let counts = kinds.of(of.kind, of.most, of.seconds, now);
        let name = self.counted(counts, name);
        let count = counts.open(&name, now);
        if count.used.saturating_add(amount) > of.most {
            let seconds = count.since.saturating_add(of.seconds).saturating_sub(now).max(1);
            return Err(RetryAfter { seconds });
        }
        counts.add(&name, amount, now);
        Ok(())
    }

    /// Gives back a part of what was taken.
    pub fn give_back(&self, of: &Allowance, name: &str, amount: i64) {
        let now = self.now();
        let mut kinds = self.lock();
        let counts = kinds.of(of.kind, of.most, of.seconds, now);
        let name = self.counted(counts, name);
        counts.add(&name, amount.saturating_neg(), now);
    }

    /// Units that the name has left in its window.
    #[must_use]
    pub fn left(&self, of: &Allowance, name: &str) -> i64 {
        let now = self.now();
        let mut kinds = self.lock();
        let counts = kinds.of(of.kind, of.most, of.seconds, now);
        let name = self.counted(counts, name);
        let found = counts.find(&name).cloned();
        let used = found.filter(|count| !counts.is_over(count, now)).map_or(0, |count| count.used);
        of.most.saturating_sub(used).max(0)
    }

    /// Takes the counts that are due to be shared, at most `most` names; `all` takes small amounts too.
    pub fn take_unshared(&self, most: usize, all: bool) -> Vec<Used> {
        let mut list = Vec::new();
        for (kind, counts) in &mut self.lock().by_kind {
            if all {
                let unlisted = |(name, count): (&String, &Count)| (count.unshared != 0 && !count.listed).then(|| name.clone());
                let names: Vec<String> = counts.current.iter().chain(&counts.earlier).filter_map(unlisted).collect();
                counts.due.extend(names);
            }
            let seconds = counts.seconds;
            while list.len() < most
                && let Some(name) = counts.due.pop()
            {
                let Some(count) = counts.find(&name) else { continue };
                let (since, amount) = (count.since, std::mem::take(&mut count.unshared));
                count.listed = false;
                if amount != 0 && !name.starts_with(SHARED_MARK) {
                    let ends = since.saturating_add(seconds);
                    list.push(Used { kind: kind.clone(), name, since, ends, amount });
                }
            }
        }
        list
    }

    /// Marks counts that could not be shared as due again.
    pub fn put_back(&self, list: &[Used]) {
        let mut kinds = self.lock();
        for used in list {
            let Some(counts) = kinds.by_kind.get_mut(&used.kind) else { continue };
            let Some(count) = counts.find(&used.name).filter(|count| count.since == used.since) else { continue };
            count.unshared = count.unshared.saturating_add(used.amount);
            if !std::mem::replace(&mut count.listed, true) {
                counts.due.push(used.name.clone());
            }
        }
    }

    /// The newest change that this process has learned, seconds since 1970.
    #[must_use]
    pub fn learned_until(&self) -> i64 {
        self.lock().learned_until
    }

    /// Takes over the sums of all processes, and adds what is not yet shared.
    pub fn learn(&self, rows: &[AllowanceRow]) {
        let now = self.now();
        let mut kinds = self.lock();
        for row in rows {
            kinds.learned_until = kinds.learned_until.max(row.touched);
            let seconds = row.ends.saturating_sub(row.since);
            // The limit of a kind is not stored here: the caller that takes from the kind passes it.
            let known = kinds.by_kind.get(&row.kind).map_or(seconds, |counts| counts.seconds);
            let counts = kinds.of(&row.kind, 0, known, now);
            if row.ends <= now || (counts.find(&row.name).is_none() && counts.current.len() >= MOST_NAMES) {
                continue;
            }
            let count = counts.open(&row.name, now);
            (count.since, count.used) = (row.since, row.used.saturating_add(count.unshared).max(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIES: Allowance = Allowance { kind: "tries", most: 3, seconds: 900 };

    fn fresh() -> (Allowances, Clock) {
        let clock = Clock::stopped_at("2026-11-29T10:00:00".parse().unwrap());
        (Allowances::new(clock.clone()), clock)
    }

    fn rows(used: &[Used], touched: i64) -> Vec<AllowanceRow> {
        used.iter().map(|used| used.row(touched)).collect()
    }

    #[test]
    fn a_name_has_its_units_in_each_window() {
        let (allowances, clock) = fresh();
        for left in [2, 1, 0] {
            assert_eq!(allowances.take(&TRIES, "here", 1), Ok(()));
            assert_eq!(allowances.left(&TRIES, "here"), left);
        }
        clock.shift_seconds(100);
        assert_eq!(allowances.take(&TRIES, "here", 1), Err(RetryAfter { seconds: 800 }));
        assert_eq!(allowances.take(&TRIES, "there", 3), Ok(()), "another name");
        assert_eq!(allowances.take(&TRIES, "there", 1), Err(RetryAfter { seconds: 900 }));
        clock.shift_seconds(799);
        assert_eq!(allowances.take(&TRIES, "here", 1), Err(RetryAfter { seconds: 1 }));
        clock.shift_seconds(1);
        assert_eq!(allowances.take(&TRIES, "here", 3), Ok(()), "a new window");
        assert!(allowances.take(&TRIES, "there", 1).is_err(), "its window began later");
    }

    #[test]
    fn what_is_refused_takes_nothing_and_what_is_given_back_can_be_taken() {
        let (allowances, _) = fresh();
        assert_eq!(allowances.take(&TRIES, "here", 2), Ok(()));
        assert!(allowances.take(&TRIES, "here", 2).is_err());
        assert_eq!(allowances.left(&TRIES, "here"), 1);
        allowances.give_back(&TRIES, "here", 5);
        assert_eq!(allowances.left(&TRIES, "here"), 3, "never more than there is");
    }

    #[test]
    fn a_count_outlives_the_turn_of_generations_and_not_its_window() {
        let (allowances, clock) = fresh();
        assert_eq!(allowances.take(&TRIES, "first", 1), Ok(()));
        clock.shift_seconds(899);
        assert_eq!(allowances.take(&TRIES, "late", 3), Ok(()));
        clock.shift_seconds(2);
        assert_eq!(allowances.take(&TRIES, "first", 3), Ok(()), "a new window");
        assert!(allowances.take(&TRIES, "late", 1).is_err(), "the old one");
        clock.shift_seconds(2_000);
        assert_eq!(allowances.take(&TRIES, "other", 1), Ok(()));
        let kinds = allowances.lock();
        let held: usize = kinds.by_kind.values().map(|counts| counts.current.len() + counts.earlier.len()).sum();
        assert_eq!(held, 1, "nothing is kept beyond its window");
    }

    #[test]
    fn memory_is_bounded_and_strangers_share_counts() {
        let (allowances, _) = fresh();
        assert_eq!(allowances.take(&TRIES, "before", 3), Ok(()));
        let many = MOST_NAMES + 10_000;
        let allowed = (0..many).filter(|number| allowances.take(&TRIES, &format!("n{number}"), 1).is_ok()).count();
        assert!(allowed < MOST_NAMES + 4 * usize::try_from(SHARED_COUNTS).unwrap(), "{allowed}");
        let names = allowances.lock().by_kind.values().map(|counts| counts.current.len()).sum::<usize>();
        assert!(names <= MOST_NAMES + usize::try_from(SHARED_COUNTS).unwrap(), "{names}");
        assert!(allowances.take(&TRIES, "before", 1).is_err(), "a flood of names makes nobody forget");
        assert!(allowances.take_unshared(usize::MAX, true).iter().all(|used| !used.name.starts_with(SHARED_MARK)));
    }

    #[test]
    fn two_processes_add_up_and_a_third_finds_the_sum() {
        let ((one, clock), (two, _)) = (fresh(), fresh());
        assert_eq!((one.take(&TRIES, "here", 2), two.take(&TRIES, "here", 1)), (Ok(()), Ok(())));
        let (first, second) = (one.take_unshared(10, false), two.take_unshared(10, false));
        assert_eq!((first.len(), first[0].amount, second[0].amount), (1, 2, 1));
        assert_eq!(one.take_unshared(10, false), vec![], "shared once");
        let mut sum = rows(&first, 7);
        sum[0].used = 3;
        one.learn(&sum);
        two.learn(&sum);
        assert!(one.take(&TRIES, "here", 1).is_err() && two.take(&TRIES, "here", 1).is_err());
        assert_eq!(one.learned_until(), 7);
        let third = Allowances::new(clock.clone());
        third.learn(&sum);
        assert!(third.take(&TRIES, "here", 1).is_err(), "after a restart");
        clock.shift_seconds(900);
        assert_eq!(third.take(&TRIES, "here", 1), Ok(()));
    }

    #[test]
    fn what_was_not_shared_is_shared_later_and_what_is_learned_keeps_it() {
        let (one, _) = fresh();
        assert_eq!(one.take(&TRIES, "here", 1), Ok(()));
        let used = one.take_unshared(10, false);
        one.put_back(&used);
        assert_eq!(one.take_unshared(10, false), used);
        one.learn(&rows(&used, 1));
        assert_eq!(one.take(&TRIES, "here", 1), Ok(()));
        one.learn(&rows(&used, 1));
        assert_eq!(one.left(&TRIES, "here"), 1, "one shared, one not yet");
    }

    #[test]
    fn small_amounts_are_shared_only_at_the_end() {
        let (one, _) = fresh();
        let large = Allowance { kind: "bytes", most: 1_600, seconds: 60 };
        assert_eq!(one.take(&large, "here", 99), Ok(()));
        assert_eq!(one.take_unshared(10, false), vec![]);
        assert_eq!(one.take_unshared(10, true).len(), 1);
        assert_eq!(one.take(&large, "here", 100), Ok(()));
        assert_eq!(one.take_unshared(10, false).len(), 1);
    }

    #[test]
    fn one_machine_of_ipv6_is_one_sender() {
        let name = |text: &str| sender_name(text.parse().unwrap());
        assert_eq!(name("192.0.2.7"), "192.0.2.7");
        assert_eq!(name("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(name("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(name("2001:db8:1:2:ffff::1"), "2001:db8:1:2::/64");
        assert_ne!(name("2001:db8:1:3::1"), "2001:db8:1:2::/64");
    }
}
