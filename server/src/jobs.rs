//! What runs beside the requests: the end of day, lists confirmed, payments shared out, the log's signature and the mails.

pub mod confirm_lists;
pub mod end_of_day;
pub mod send_mail;
pub mod share_payments;
pub mod sign_checkpoint;
