//! Log lines about a request and about a denied one: from where, who, what, and why. They never contain the data that was sent.

use super::Shared;
use super::routes::{caller, sender_address};
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use std::time::Instant;

/// Why the page inside an answer says no; a form that comes back is no error to actix.
#[derive(Clone, Debug)]
pub struct Said(pub String);

/// The account that a caller asked for, as a digest: an unknown address may be a password typed into the wrong field.
#[derive(Clone, Debug)]
struct Account(String);

pub fn note_account(request: &HttpRequest, email: &str) {
    let Some(app) = request.app_data::<Data<Shared>>().filter(|_| !email.is_empty()) else { return };
    let digest = crate::hash::sha256_hex(format!("{} {}", app.config.secret, domain::names::mail_address(email)).as_bytes());
    request.extensions_mut().insert(Account(digest.get(..16).unwrap_or("").to_owned()));
}

/// Refusals that keep a caller out, whatever their status.
const KEPT_OUT: &[&str] =
    &["link_invalid", "link_code_wrong", "not_permitted", "same_person", "totp_wrong", "password_wrong", "sign_in_failed"];

/// Whether an answer denies access. A 404 is no denial for a stranger. It is one for a person who is signed in: the record may
/// belong to another company.
fn is_denial(status: StatusCode, code: &str, known: bool) -> bool {
    match status.as_u16() {
        401 | 403 | 405 | 408 | 413 | 415 | 429 => true,
        404 => known || KEPT_OUT.contains(&code),
        _ => KEPT_OUT.contains(&code) || code == "sign_in_needed",
    }
}

/// One line for the request, and one more where it was denied.
pub fn note(
    request: &HttpRequest,
    response: &HttpResponse<impl actix_web::body::MessageBody>,
    code: &str,
    id: &str,
    began: Instant,
) {
    let status = response.status();
    let denied = is_denial(status, code, caller(request).is_some());
    if !denied && !tracing::enabled!(tracing::Level::INFO) {
        return;
    }
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(0);
    let address = sender_address(request).map(|address| address.to_string());
    let address = address.as_deref().unwrap_or_default();
    let caller = caller(request);
    let (user, company) = (caller.map(|caller| caller.user_id.0), caller.map(|caller| caller.party_id.0));
    let (method, path) = (request.method().as_str(), request.match_pattern().unwrap_or_default());
    tracing::info!(id, address, user, company, method, path, status = status.as_u16(), ms, "request");
    if denied {
        let code = if code.is_empty() { status.as_str() } else { code };
        let record = request.match_info().get("id").and_then(|text| text.parse::<i64>().ok());
        let extensions = request.extensions();
        let account = extensions.get::<Account>().map(|account| account.0.as_str());
        tracing::warn!(id, address, user, company, method, path, record, account, code, "denied");
    }
}
