//! Ends business dates: every one that the calendar has left behind, in order, each once.

use crate::commands::close_day::CloseDay;
use crate::commands::{Actor, Outcome};
use crate::http::error::Fault;
use crate::writer::{WriteError, Writer};
use chrono::NaiveDate;
use store::Pool;

/// The key of a day's end: whoever asks, it happens once.
#[must_use]
pub fn key_of(date: NaiveDate) -> String {
    format!("close-day-{date}")
}

fn close(writer: &Writer, date: NaiveDate) -> Result<Outcome, WriteError> {
    writer.submit_blocking(Actor::SYSTEM, key_of(date), CloseDay { date }.into())
}

fn business_date(pool: &Pool) -> Result<NaiveDate, Fault> {
    let mut conn = pool.get().map_err(|error| Fault::Failed(error.to_string()))?;
    Ok(store::records::load_heads(&mut conn)?.business_date)
}

/// Ends as many days as asked; the demo moves its date with it.
pub fn advance(writer: &Writer, pool: &Pool, days: i64) -> Result<(), Fault> {
    for _ in 0..days {
        let date = business_date(pool)?;
        close(writer, date).map_err(|error| match error {
            WriteError::Refused(refusal) => Fault::Refused(refusal),
            WriteError::Busy => Fault::Busy,
            WriteError::Unknown => Fault::Unknown,
            WriteError::Failed => Fault::Failed("end of day".to_owned()),
        })?;
    }
    Ok(())
}

/// Ends every day before `today`, after an outage several of them.
pub fn catch_up(writer: &Writer, pool: &Pool, today: NaiveDate) -> Result<u32, Fault> {
    let mut ended = 0_u32;
    while business_date(pool)? < today {
        advance(writer, pool, 1)?;
        ended = ended.saturating_add(1);
    }
    Ok(ended)
}
