//! Two people and fresh codes: what stands before every command.

pub mod decide_approval;
pub mod second_person;
pub mod step_up;
pub mod withdraw_request;
