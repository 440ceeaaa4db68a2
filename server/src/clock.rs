//! The only place that asks what time it is.

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// UTC time, which the demo and the tests can move forward.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_micros: Arc<AtomicI64>,
    /// Stands still: the offset alone, counted from 1970, is the time.
    stopped: bool,
}

impl Clock {
    /// A clock that only moves when it is moved, for the simulation.
    #[must_use]
    pub fn stopped_at(moment: NaiveDateTime) -> Self {
        let clock = Self { stopped: true, ..Self::default() };
        clock.set(moment);
        clock
    }

    /// A clock that runs on from this moment: tests begin on a day that they name, not on the day on which they run.
    #[must_use]
    pub fn running_from(moment: NaiveDateTime) -> Self {
        let clock = Self::default();
        clock.set(moment);
        clock
    }

    #[must_use]
    pub fn now(&self) -> NaiveDateTime {
        let offset = TimeDelta::microseconds(self.offset_micros.load(Ordering::Relaxed));
        // The databases keep microseconds; a digest of a moment must not depend on more.
        let now = if self.stopped { DateTime::UNIX_EPOCH } else { Utc::now() }.naive_utc().trunc_subsecs(6);
        now.checked_add_signed(offset).unwrap_or(now)
    }

    fn shift_micros(&self, micros: i64) {
        self.offset_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Moves the clock; negative values move it back, which only the demo's history does.
    pub fn shift_seconds(&self, seconds: i64) {
        self.shift_micros(seconds.saturating_mul(1_000_000));
    }

    /// Makes the clock read `moment` now.
    pub fn set(&self, moment: NaiveDateTime) {
        self.shift_micros(moment.signed_duration_since(self.now()).num_microseconds().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_runs_on_from_the_moment_that_is_named_or_stands() {
        let moment: NaiveDateTime = "2026-11-25T09:00:00.000001".parse().unwrap();
        let (stopped, running) = (Clock::stopped_at(moment), Clock::running_from(moment));
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert_eq!(stopped.now(), moment);
        let since = running.now().signed_duration_since(moment);
        assert!(since >= TimeDelta::milliseconds(2) && since < TimeDelta::minutes(1), "{since}");
        stopped.shift_seconds(-1);
        assert_eq!(stopped.now(), moment - TimeDelta::seconds(1));
    }
}
