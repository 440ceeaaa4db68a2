//! The business day, calendars, terms, checkpoints.

pub mod close_day;
pub mod record_checkpoint;
pub mod set_holiday;
pub mod set_issue_terms;
