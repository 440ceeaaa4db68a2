//! How long the server waits for a peer that sends or reads slowly. The time runs only while the server waits, and each byte
//! gives some of it back.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// Nanoseconds that a byte gives back at the least rate.
const PER_BYTE: u64 = 50_000;

pub struct Patience {
    most: Duration,
    left: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Patience {
    #[must_use]
    pub fn new(most: Duration) -> Self {
        Self { most, left: most, waiting: None }
    }

    /// Notes that `bytes` went through.
    pub fn moved(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let earned = PER_BYTE.saturating_mul(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.left = self.most.min(self.left.saturating_add(Duration::from_nanos(earned)));
    }

    /// Whether we wait now.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Nothing can go through now: whether that has lasted too long. Wakes the task when it has.
    pub fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let left = self.left;
        let (_, sleep) = self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
        sleep.as_mut().poll(context).is_ready()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_bytes_at_the_least_rate_is_a_second() {
        assert_eq!(PER_BYTE * u64::from(crate::limits::LEAST_RATE), 1_000_000_000);
    }

    #[test]
    fn bytes_give_time_back_up_to_what_there_was_at_first() {
        let mut patience = Patience::new(Duration::from_secs(10));
        patience.moved(10_000_000);
        assert_eq!(patience.left, Duration::from_secs(10));
        patience.left = Duration::from_secs(1);
        patience.moved(20_000);
        assert_eq!(patience.left, Duration::from_secs(2));
    }

    #[test]
    fn a_drip_below_the_least_rate_ends_and_waiting_alone_does_too() {
        actix_web::rt::System::new().block_on(async {
            let waits = async |patience: &mut Patience, bytes: usize| {
                let over = std::future::poll_fn(|context| {
                    if patience.is_over(context) { std::task::Poll::Ready(true) } else { std::task::Poll::Pending }
                });
                let over = tokio::time::timeout(Duration::from_millis(20), over).await.unwrap_or(false);
                if !over {
                    patience.moved(bytes);
                }
                over
            };
            let mut patience = Patience::new(Duration::from_millis(100));
            let mut rounds = 0;
            while !waits(&mut patience, 1).await {
                rounds += 1;
                assert!(rounds < 100, "it never ends");
            }
            let mut patience = Patience::new(Duration::from_secs(60));
            for _ in 0..10 {
                assert!(!waits(&mut patience, 20_000).await);
            }
        });
    }
}
