//! Stops a person who has signed in but may not act yet: an initial password must be changed, or a required second factor is
//! missing. Every extractor of a right asks here, so that no handler can forget it.

use super::Shared;
use super::error::Fault;
use crate::auth::Person;
use crate::config::SecondFactor;
use actix_web::HttpRequest;
use domain::Refusal;
use domain::party::owes_second_factor;
use store::{Party, User};

/// Pages that such a person can still open: the own password and factor, language and theme. Anybody may sign out.
pub const OPEN: &[&str] = &["/account", "/account/security", "/account/password", "/account/totp"];

/// The step that this person must take before everything else.
#[must_use]
pub fn missing(duty: SecondFactor, user: &User, party: &Party) -> Option<Refusal> {
    if user.password_expires_at.is_some() {
        return Some(Refusal::PasswordChangeNeeded);
    }
    let owes = owes_second_factor(&user.roles, &party.capacities);
    (duty == SecondFactor::Duty && owes && user.totp_secret.is_empty()).then_some(Refusal::SecondFactorNeeded)
}

/// Lets a person through to this route, or says what is missing.
pub fn check(app: &Shared, person: &Person, request: &HttpRequest) -> Result<(), Fault> {
    let open = request.match_pattern().is_some_and(|pattern| OPEN.contains(&pattern.as_str()));
    match missing(app.config.second_factor, &person.user, &person.party) {
        Some(refusal) if !open => {
            tracing::warn!(user = person.user.id.0, code = refusal.code(), path = request.path(), "denied");
            Err(refusal.into())
        }
        _ => Ok(()),
    }
}
