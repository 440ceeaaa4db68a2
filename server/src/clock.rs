//! The only place that asks what time it is.

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// UTC time, which the demo and the tests can move forward.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_seconds: Arc<AtomicI64>,
    /// Stands still: the offset alone, counted from 1970, is the time.
    stopped: bool,
}

impl Clock {
    /// A clock that only moves when it is moved, for the simulation.
    #[must_use]
    pub fn stopped_at(moment: NaiveDateTime) -> Self {
        let offset_seconds = Arc::new(AtomicI64::new(moment.and_utc().timestamp()));
        Self { offset_seconds, stopped: true }
    }

    #[must_use]
    pub fn now(&self) -> NaiveDateTime {
        let offset = TimeDelta::try_seconds(self.offset_seconds.load(Ordering::Relaxed)).unwrap_or_default();
        // The databases keep microseconds; a digest of a moment must not depend on more.
        let now = if self.stopped { DateTime::UNIX_EPOCH } else { Utc::now() }.naive_utc().trunc_subsecs(6);
        now.checked_add_signed(offset).unwrap_or(now)
    }

    /// Moves the clock; negative values move it back, which only the demo's history does.
    pub fn shift_seconds(&self, seconds: i64) {
        self.offset_seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Makes the clock read `moment` now.
    pub fn set(&self, moment: NaiveDateTime) {
        let seconds = moment.signed_duration_since(self.now()).num_seconds();
        self.shift_seconds(seconds);
    }
}
