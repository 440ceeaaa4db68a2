//! Programmes of buyers: terms, versions, members, fees.

pub mod answer_programme_invitation;
pub mod change_programme;
pub mod decide_programme;
pub mod end_membership;
pub mod invite_to_programme;
pub mod propose_programme;
pub mod terms;
