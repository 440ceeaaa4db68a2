//! What runs beside the requests: the end of day, long bank files and payments taken up and shared out, lists confirmed, the log's
//! signature and the mails.

pub mod confirm_lists;
pub mod end_of_day;
pub mod import_files;
pub mod send_mail;
pub mod share_payments;
pub mod sign_checkpoint;
