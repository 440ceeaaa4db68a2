//! Mails made of notices.

pub mod queue_mails;
pub mod record_mail;
pub mod retry_mail;
