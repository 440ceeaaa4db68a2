//! Buyers confirm: one, a list, by link, or before the invoice comes.

pub mod advance;
pub mod answer_by_link;
pub mod confirm_invoice;
pub mod confirm_list;
pub mod draft_confirmation_list;
pub mod draft_payables;
pub mod end_contact;
pub mod links;
pub mod record_confirmed;
pub mod record_contact;
pub mod request_code;
pub mod revoke_link;
pub mod send_link;
pub mod tell_code;
pub mod withdraw_approved;
