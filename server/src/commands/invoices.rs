//! Invoices from the file to the buyer: intake, answers, withdrawal.

pub mod answer_clock;
pub mod answer_invoice;
pub mod attach_evidence;
pub mod dispute_invoice;
pub mod explain_invoice;
pub mod intake;
pub mod known;
pub mod register_invoice;
pub mod register_table;
pub mod settle_dispute;
pub mod submit_invoice;
pub mod withdraw_invoice;
pub mod write_message;
