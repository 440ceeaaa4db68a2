//! Receivables from issue to the last cent.

pub mod acknowledge_assignment;
pub mod settlement;
pub mod share_payment;
