//! Measures how late a thread is with its work. A thread that answers requests and falls further and further behind accepts no
//! more work until it has caught up. Otherwise requests would wait in sockets, where the server cannot count them.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    /// At the last look and at the one before.
    static LATE: Cell<(Duration, Duration)> = const { Cell::new((Duration::ZERO, Duration::ZERO)) };
}

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(10);
/// Later than this twice in a row, new work is sent away: once is the machine's doing.
const MOST: Duration = Duration::from_millis(100);

/// Looks at the clock without end; one runs on each thread that answers requests.
pub async fn watch() {
    loop {
        let began = Instant::now();
        actix_web::rt::time::sleep(EVERY).await;
        LATE.set((began.elapsed().saturating_sub(EVERY), LATE.get().0));
    }
}

/// Whether this thread should accept no more work for now.
#[must_use]
pub fn is_late() -> bool {
    let (last, before) = LATE.get();
    last.min(before) > MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_kept_busy_is_late_and_then_no_longer() {
        actix_web::rt::System::new().block_on(async {
            actix_web::rt::spawn(watch());
            actix_web::rt::time::sleep(EVERY * 3).await;
            assert!(!is_late());
            let busy = async || {
                std::thread::sleep(MOST * 3);
                actix_web::rt::time::sleep(Duration::from_millis(1)).await;
            };
            busy().await;
            assert!(!is_late(), "once is nothing");
            busy().await;
            assert!(is_late());
            actix_web::rt::time::sleep(EVERY * 5).await;
            assert!(!is_late());
        });
    }
}
