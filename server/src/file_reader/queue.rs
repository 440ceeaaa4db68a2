//! As many readings at once as the machine has cores, a bounded number that wait, and nobody beyond that.

use crate::http::error::Fault;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Readings that wait for a place. Beyond that a caller is asked to come back, and its file is not kept.
const MOST_WAITING: usize = 32;

pub(super) struct Queue {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Queue {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { places: Arc::new(Semaphore::new(cores)), waiting: AtomicUsize::new(0) }
    }
}

/// One that waits, until it has its place or gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    /// A place for one reading, held until it is dropped.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let others = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if others >= MOST_WAITING {
            return Err(Fault::Busy);
        }
        Arc::clone(&self.places).acquire_owned().await.map_err(|error| Fault::Failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_wait_and_whoever_leaves_makes_room() {
        let queue = Arc::new(Queue::default());
        let mut held = Vec::new();
        while let Ok(place) = Arc::clone(&queue.places).try_acquire_owned() {
            held.push(place);
        }
        let waits: Vec<_> = (0..MOST_WAITING)
            .map(|_| {
                let queue = Arc::clone(&queue);
                tokio::spawn(async move { queue.turn().await.map(drop) })
            })
            .collect();
        while queue.waiting.load(Ordering::Relaxed) < MOST_WAITING {
            tokio::task::yield_now().await;
        }
        assert!(matches!(queue.turn().await, Err(Fault::Busy)));
        let mut waits = waits.into_iter();
        // One of them goes away: its place in the queue is free again.
        let left = waits.next().unwrap();
        left.abort();
        assert!(left.await.unwrap_err().is_cancelled());
        assert_eq!(queue.waiting.load(Ordering::Relaxed), MOST_WAITING - 1);
        held.clear();
        for waited in waits {
            waited.await.unwrap().unwrap();
        }
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
    }
}
