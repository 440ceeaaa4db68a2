//! The rules of supply-chain finance, as pure functions: no SQL, no clock, no serialization.
//!
//! A command gathers facts, asks a `decide` function here, and posts its answer. A function that can refuse returns a
//! [`Refusal`], which has a stable code.
#![cfg_attr(test, allow(clippy::as_conversions, clippy::float_arithmetic))]

pub mod advance;
pub mod allocation;
pub mod answer;
pub mod assignment;
pub mod bank_account;
pub mod bank_line;
pub mod booking;
pub mod calendar;
pub mod chart;
pub mod company;
pub mod confirmation_list;
pub mod creditor_reference;
pub mod custody;
pub mod day_count;
pub mod evidence;
pub mod four_eyes;
pub mod identity;
pub mod invoice;
pub mod link;
pub mod money;
pub mod named_party;
pub mod names;
pub mod offering;
pub mod party;
pub mod pricing;
pub mod programme;
pub mod receivable;
pub mod receivable_number;
pub mod refusal;
pub mod review;
pub mod settlement_instruction;
pub mod standing;
pub mod tax_id;
pub mod text;
pub mod undertaking;
pub mod waterfall;

pub use day_count::DayCount;
pub use money::Currency;
pub use refusal::Refusal;
