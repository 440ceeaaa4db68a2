//! Companies: their data, bank accounts, limits, and how they stand as buyers.

pub mod company_data;
pub mod correct_company;
pub mod decide_bank_account;
pub mod decide_company;
pub mod found_platform;
pub mod invite_company;
pub mod propose_bank_account;
pub mod set_approval_limit;
pub mod standing;
