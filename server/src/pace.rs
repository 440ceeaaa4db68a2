//! Limits events to a rate a second, with a burst of them at once. An idle name costs no memory for long.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Seconds' worth that may come at once.
const BURST: Duration = Duration::from_secs(10);
/// Beyond this number of names, those whose time is over are dropped.
const MANY: usize = 50_000;

/// When each name would have used its rate up.
#[derive(Debug)]
pub struct Pace<N> {
    started: Instant,
    next: Mutex<HashMap<N, Duration>>,
}

impl<N> Default for Pace<N> {
    fn default() -> Self {
        Self { started: Instant::now(), next: Mutex::default() }
    }
}

impl<N: Hash + Eq + Copy> Pace<N> {
    /// Takes one event of each name, each with its rate a second; or takes none and returns the seconds to wait.
    pub fn take(&self, names: &[(N, u64)]) -> Result<(), i64> {
        self.take_at(names, self.started.elapsed())
    }

    pub(crate) fn take_at(&self, names: &[(N, u64)], now: Duration) -> Result<(), i64> {
        let mut all = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() > MANY {
            all.retain(|_, next| *next > now);
        }
        let mut after = Vec::with_capacity(names.len());
        for (name, rate) in names {
            let part = Duration::from_nanos(1_000_000_000_u64.checked_div(*rate).unwrap_or(1_000_000_000));
            let next = all.get(name).copied().unwrap_or_default().max(now).saturating_add(part);
            let wait = next.saturating_sub(now).saturating_sub(BURST);
            if !wait.is_zero() {
                return Err(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).saturating_add(1));
            }
            after.push((*name, next));
        }
        all.extend(after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_comes_at_once_and_then_the_rate() {
        let pace = Pace::default();
        let at = Duration::from_secs;
        let take = |name: i64, now| pace.take_at(&[(name, 20)], now);
        assert!((0..200).all(|_| take(1, at(5)).is_ok()));
        assert_eq!(take(1, at(5)), Err(1));
        assert!((0..20).all(|_| take(1, at(6)).is_ok()) && take(1, at(6)).is_err());
        assert_eq!(take(2, at(6)), Ok(()), "another name");
        assert_eq!(pace.take_at(&[(3, 20), (1, 20)], at(6)), Err(1));
        assert!((0..200).all(|_| take(3, at(6)).is_ok()), "what is refused takes nothing");
    }
}
