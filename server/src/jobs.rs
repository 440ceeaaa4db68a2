//! What runs beside the requests: the end of day, the log's signature and the mails.

pub mod end_of_day;
pub mod send_mail;
pub mod sign_checkpoint;
