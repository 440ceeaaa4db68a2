//! Whether the writer can do its work: for /readyz and for monitoring.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub struct Health {
    /// The database has refused a write that has nothing wrong with it.
    refused: AtomicBool,
    batch_began: Mutex<Option<Instant>>,
    /// Of the writer's thread that counts; one that was given up on finds another number when it wakes.
    generation: AtomicU64,
}

/// How long a batch may take before the next thread goes on without it. By then its caller has the answer that the outcome is
/// unknown.
pub const DEADLINE: Duration = Duration::from_secs(8);

impl Health {
    #[must_use]
    pub fn is_well(&self) -> bool {
        !self.is_refused() && !self.is_stuck()
    }

    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Notes what the database said, and says whether that is news.
    pub fn set_refused(&self, refused: bool) -> bool {
        self.refused.swap(refused, Ordering::Relaxed) != refused
    }

    pub fn is_stuck(&self) -> bool {
        self.began().is_some_and(|began| began.elapsed() > DEADLINE)
    }

    fn began(&self) -> Option<Instant> {
        self.batch_began.lock().ok().and_then(|began| *began)
    }

    /// A batch of this generation begins or ends.
    pub fn mark(&self, generation: u64, began: Option<Instant>) {
        if self.generation() == generation
            && let Ok(mut place) = self.batch_began.lock()
        {
            *place = began;
        }
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Gives the running thread up and starts counting for the next. Until that one has written, the database counts as refusing.
    pub fn next_generation(&self) -> u64 {
        self.set_refused(true);
        let next = self.generation.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        self.mark(next, None);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_was_given_up_leaves_the_writer_unwell_until_a_write_succeeds() {
        let health = Health::default();
        health.mark(0, Instant::now().checked_sub(DEADLINE + Duration::from_secs(1)));
        assert!(health.is_stuck() && !health.is_well());
        assert_eq!(health.next_generation(), 1);
        assert!(!health.is_stuck() && !health.is_well(), "nothing was written since");
        health.mark(0, None);
        assert!(!health.is_well(), "the thread that was given up says nothing");
        assert!(health.set_refused(false) && health.is_well());
    }
}
