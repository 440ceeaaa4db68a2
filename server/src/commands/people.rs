//! People: invitations, sign-in, factors, sessions, addresses.

pub mod accept_invitation;
pub mod appoint_checker;
pub mod change_password;
pub mod change_user;
pub mod confirm_address;
pub mod correct_address;
pub mod correct_administrator_address;
pub mod end_sessions;
pub mod enrol_totp;
pub mod invite_user;
pub mod record_sign_in_failure;
pub mod request_address;
pub mod request_password_reset;
pub mod reset_factor;
pub mod reset_password;
pub mod revoke_sessions;
pub mod set_preferences;
pub mod share_allowances;
pub mod sign_in;
pub mod touch_session;
