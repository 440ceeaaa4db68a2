//! Shares what this process has counted against allowances, and learns what the others have. Requests never wait for it.

use crate::commands::Actor;
use crate::commands::people::share_allowances::ShareAllowances;
use crate::hash::random_token;
use crate::http::App;
use crate::http::error::Fault;
use crate::writer::WriteError;

/// Names that one command shares; the rest waits for the next round.
const MOST_SHARED: usize = 500;
/// Rows that one round reads.
const MOST_LEARNED: i64 = 5_000;
/// Seconds by which the clocks of two processes may differ.
const OVERLAP_SECONDS: i64 = 10;

/// One round. `last` also shares amounts that are too small to matter otherwise, because the process ends.
pub fn run(app: &App, last: bool) -> Result<(), Fault> {
    let now = app.clock.now().and_utc().timestamp();
    let used = app.allowances.take_unshared(MOST_SHARED, last);
    if !used.is_empty() {
        let command = ShareAllowances { used: used.clone() };
        match app.writer.submit_blocking(Actor::SYSTEM, random_token(), command.into()) {
            // Counts that may have been written are not written again.
            Ok(_) | Err(WriteError::Unknown) => {}
            Err(error) => {
                app.allowances.put_back(&used);
                return Err(Fault::Failed(format!("{error:?}")));
            }
        }
    }
    let mut conn = app.pool.get().map_err(|_| Fault::Down)?;
    let since = app.allowances.learned_until().saturating_sub(OVERLAP_SECONDS);
    let rows = store::allowances::list_touched(&mut conn, since, now, MOST_LEARNED)?;
    app.allowances.learn(&rows);
    Ok(())
}
