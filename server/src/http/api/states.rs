//! The states by which each list of the API can be asked; the reads and the OpenAPI document take them from here.

use crate::http::pages;
use domain::invoice::InvoiceState;
use domain::offering::OfferState;
use domain::party::ApprovalState;
use domain::receivable::ReceivableState;
use domain::review::ReviewState;
use domain::settlement_instruction::InstructionState;

/// The states of a list by its path; none for a list that has no states to ask by.
#[must_use]
pub fn of(path: &str) -> Vec<&'static str> {
    match path.trim_start_matches("/api/v1/") {
        "invoices" | "payables" | "operator/invoices" => InvoiceState::ALL.iter().map(|state| state.name()).collect(),
        "receivables" | "holdings" | "operator/receivables" => ReceivableState::ALL.iter().map(|state| state.name()).collect(),
        "payouts" => InstructionState::ALL.iter().map(|state| state.name()).collect(),
        "reviews" => ReviewState::ALL.iter().map(|state| state.name()).collect(),
        "approvals" => ApprovalState::ALL.iter().map(|state| state.name()).collect(),
        "payables/approved" => vec!["approved", "used", "withdrawn", "lapsed"],
        "assignments" => vec!["given", "acknowledged"],
        "fee-bills" => vec!["fee_open", "fee_paid"],
        "programmes" => pages::programmes::STATES.to_vec(),
        "programmes/members" | "memberships" => pages::memberships::STATES.to_vec(),
        "offers" => vec![OfferState::Open.name()],
        "operator/offers" => OfferState::ALL.iter().map(|state| state.name()).collect(),
        "operator/due" => vec!["overdue", "matured", "active"],
        _ => Vec::new(),
    }
}
