//! Reviews: what a person must look at before an invoice goes on.

pub mod decide_review;
pub mod reviews;
