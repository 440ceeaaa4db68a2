//! Ends business dates: every one that the calendar has left behind, in order, each once.

use super::sign_checkpoint;
use crate::commands::days::close_day::CloseDay;
use crate::commands::{Outcome, own_key};
use crate::http::App;
use crate::http::error::Fault;
use crate::writer::Writer;
use chrono::NaiveDate;
use domain::Refusal;

/// The key of a day's end: for any number of callers, it happens once.
#[must_use]
pub fn key_of(date: NaiveDate) -> String {
    own_key("close-day", &[&date])
}

/// Whether this day can be ended: it is the business date, and the calendar has left it behind. In the demo the calendar is ours.
pub fn check(app: &App, business_date: NaiveDate, date: NaiveDate) -> Result<(), Refusal> {
    if date < business_date {
        return Err(Refusal::DayInPast { date });
    }
    if date > business_date || (!app.config.demo && date >= app.clock.now().date()) {
        return Err(Refusal::DayNotReached { date });
    }
    Ok(())
}

fn close(writer: &Writer, date: NaiveDate) -> Result<Outcome, Fault> {
    super::submit(writer, key_of(date), CloseDay { date })
}

fn business_date(app: &App) -> Result<NaiveDate, Fault> {
    let mut conn = app.pool.get().map_err(|error| Fault::Failed(error.to_string()))?;
    Ok(store::records::load_heads(&mut conn)?.business_date)
}

/// Ends as many days as asked and signs the log after each; the demo moves its date with it.
pub fn advance(app: &App, days: i64) -> Result<(), Fault> {
    for _ in 0..days {
        let date = business_date(app)?;
        close(&app.writer, date)?;
        sign_checkpoint::run(app)?;
    }
    Ok(())
}

/// Ends every day before `today`, after an outage several of them.
pub fn catch_up(app: &App, today: NaiveDate) -> Result<u32, Fault> {
    let mut ended = 0_u32;
    while business_date(app)? < today {
        advance(app, 1)?;
        ended = ended.saturating_add(1);
    }
    Ok(ended)
}
