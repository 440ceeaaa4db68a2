//! The JSON API: every command under its own name, reads of lists, a token, and the OpenAPI document, made from
//! the same list of routes.

mod invoices;
mod market;
mod operations;
mod programmes;
pub mod states;

use super::body;
use super::error::Fault;
use super::pages::Answer;
use super::pages::sign_in::begin;
use super::prove;
use super::rights::{
    Administrator, Anyone, BuyerMaker, FinancierMaker, Maker, Member, OperatorMaker, SignedIn, SupplierMaker, SupplierSigner, Who,
};
use super::routes::{Params, Routes, Sender, is_usual};
use crate::auth;
use crate::commands::people::set_preferences::SetPreferences;
use crate::commands::{Command, Outcome};
use crate::config::{LARGEST_FILE, TOKEN_MINUTES};
use crate::hash::random_token;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use domain::party::SessionKind;
use kernel::{Id, RecordId, SessionId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use store::lists::{self, ListQuery};

/// A JSON body with the key that makes it safe to send again.
pub struct Write<T> {
    pub key: String,
    pub body: T,
}

/// A file as the whole body.
pub struct WriteFile {
    pub key: String,
    pub name: String,
    pub content: Vec<u8>,
}

/// The key under which a write is done once; a trial needs none.
fn idempotency_key(request: &HttpRequest) -> Result<String, Fault> {
    if super::rights::is_dry_run(request) {
        return Ok(String::new());
    }
    let key = request.headers().get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or("");
    if crate::commands::is_request_key(key) { Ok(key.to_owned()) } else { Err(Fault::BadRequest("idempotency_key_missing")) }
}

fn media_type(request: &HttpRequest) -> String {
    let header = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("");
    header.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// The fault of a body, with the name of a missing field.
fn body_fault(error: &serde_json::Error) -> Fault {
    let said = error.to_string();
    let missing = said.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    missing.map_or(Fault::BadRequest("json_invalid"), |field| {
        domain::Refusal::FieldMissing { field: field.chars().take(60).collect() }.into()
    })
}

/// Refuses a value that only one of the two databases accepts: a NUL in a text, or a day in an impossible year.
fn check_storable(value: &Value, field: &str) -> Result<(), Fault> {
    let named = || field.chars().take(60).collect::<String>();
    match value {
        Value::String(text) if text.contains('\0') => Err(domain::Refusal::FieldInvalid { field: named() }.into()),
        Value::String(text) => match text.parse::<chrono::NaiveDate>() {
            Ok(date) if !is_usual(date) && (field.ends_with("date") || field.ends_with("day") || field.ends_with("_on")) => {
                Err(domain::Refusal::DateInvalid { field: named() }.into())
            }
            _ => Ok(()),
        },
        Value::Array(items) => items.iter().try_for_each(|item| check_storable(item, field)),
        Value::Object(map) => map.iter().try_for_each(|(name, value)| check_storable(value, name)),
        _ => Ok(()),
    }
}

/// An unknown field is the caller's mistake: if the server ignored it, the caller would believe that it counts.
fn read_body<T: DeserializeOwned + Serialize>(body: &[u8]) -> Result<T, Fault> {
    let given = super::json::read(body)?;
    if !given.is_object() {
        // A list of values in their order would be taken for the fields, and nothing names them.
        return Err(Fault::BadRequest("json_invalid"));
    }
    check_storable(&given, "")?;
    let read: T = T::deserialize(&given).map_err(|error| body_fault(&error))?;
    let known = serde_json::to_value(&read).unwrap_or_default();
    let unknown = given.as_object().and_then(|map| map.keys().find(|name| known.get(name.as_str()).is_none()));
    unknown.map_or(Ok(read), |name| Err(domain::Refusal::FieldInvalid { field: name.chars().take(60).collect() }.into()))
}

/// The one command whose body is a long list.
const LISTED: &str = "/api/v1/draft-confirmation-list";
static READERS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);

impl<T: DeserializeOwned + Serialize + Send + 'static> FromRequest for Write<T> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = idempotency_key(request);
        let kind = media_type(request);
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if kind != "application/json" {
                return Err(Fault::BadRequest("unsupported_media_type"));
            }
            let most = if request.path() == LISTED { body::LARGEST_LIST } else { body::LARGEST_JSON };
            let body = body::read(&request, payload, most).await?;
            if body.len() <= body::LARGEST_JSON {
                return Ok(Self { key: key?, body: read_body(&body)? });
            }
            // A long list takes a while to read. It runs apart, so that no other page waits for it, and two run at a time.
            let turn = READERS.acquire().await.map_err(|_| Fault::Busy)?;
            let read = actix_web::web::block(move || read_body(&body)).await.map_err(|_| Fault::Busy)?;
            drop(turn);
            Ok(Self { key: key?, body: read? })
        })
    }
}

/// Media types that a client may name for a file. The server detects the type from the content.
pub const FILE_TYPES: &[&str] = &[
    "application/xml",
    "text/xml",
    "application/pdf",
    "application/zip",
    "text/csv",
    "application/ofd",
    "application/octet-stream",
];

impl FromRequest for WriteFile {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = idempotency_key(request);
        let kind = media_type(request);
        let name = request
            .headers()
            .get("x-file-name")
            .and_then(|value| value.to_str().ok())
            .unwrap_or("file.xml")
            .chars()
            .take(120)
            .collect();
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !FILE_TYPES.contains(&kind.as_str()) {
                return Err(Fault::BadRequest("unsupported_media_type"));
            }
            let content = body::read(&request, payload, LARGEST_FILE).await.map_err(|fault| match fault {
                Fault::BadRequest("payload_too_large") => domain::Refusal::FileTooLarge.into(),
                other => other,
            })?;
            Ok(Self { key: key?, name, content })
        })
    }
}

fn answer(outcome: &Outcome) -> HttpResponse {
    let body = json!({ "reference": outcome.seq, "repeated": outcome.repeated, "awaits_approval": outcome.awaits_approval, "result": outcome.body });
    let mut response = if outcome.awaits_approval.is_some() { HttpResponse::Accepted() } else { HttpResponse::Ok() };
    response.json(body)
}

async fn run<R: SignedIn, T: Into<Command>>(who: Who<R>, write: Write<T>) -> Answer {
    perform(&who, &write.key, write.body).await
}

/// Does what a request asks for, or says what would happen.
async fn perform<R: SignedIn>(who: &Who<R>, key: &str, command: impl Into<Command>) -> Answer {
    let command = command.into();
    if let Some(trial) = who.trial(&command).await? {
        return Ok(trial);
    }
    Ok(answer(&who.submit(key, command).await?))
}

macro_rules! command_routes {
    (@handler $noun:ident $module:ident $name:ident $right:ident) => { run::<$right, crate::commands::$noun::$module::$name> };
    (@handler $noun:ident $module:ident $name:ident $right:ident $handler:path) => { $handler };
    // A command with a check or a read before it has its own handler behind `by`.
    ($($path:literal $noun:ident::$module:ident $name:ident $right:ident $(by $handler:path)?;)+) => {
        fn add_commands(routes: &mut Routes) {
            $(routes.post(concat!("/api/v1/", $path), command_routes!(@handler $noun $module $name $right $($handler)?));)+
        }
        /// The schemas that those of the commands refer to, by name.
        pub fn components() -> std::collections::BTreeMap<String, Value> {
            let mut found = Vec::new();
            $(<crate::commands::$noun::$module::$name as utoipa::ToSchema>::schemas(&mut found);)+
            found.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default())).collect()
        }
        /// Path, command name and JSON schema of each.
        pub fn schemas() -> Vec<(&'static str, &'static str, Value)> {
            vec![$((
                concat!("/api/v1/", $path),
                <crate::commands::$noun::$module::$name as crate::commands::Execute>::NAME,
                serde_json::to_value(<crate::commands::$noun::$module::$name as utoipa::PartialSchema>::schema()).unwrap_or_default(),
            )),+]
        }
    };
}

command_routes! {
    "acknowledge-assignment" receivables::acknowledge_assignment AcknowledgeAssignment BuyerMaker;
    "answer-invoice" invoices::answer_invoice AnswerInvoice BuyerMaker;
    "answer-programme-invitation" programmes::answer_programme_invitation AnswerProgrammeInvitation SupplierSigner;
    "appoint-checker" people::appoint_checker AppointChecker OperatorMaker;
    "assign-suspense" bank::assign_suspense AssignSuspense OperatorMaker;
    "buy-fractions" market::buy_fractions BuyFractions FinancierMaker;
    "change-programme" programmes::change_programme ChangeProgramme BuyerMaker;
    "change-user" people::change_user ChangeUser Administrator;
    "close-day" days::close_day CloseDay OperatorMaker by operations::close_day;
    "confirm-invoice" confirmations::confirm_invoice ConfirmInvoice BuyerMaker;
    "confirm-list" confirmations::confirm_list ConfirmList BuyerMaker;
    "correct-address" people::correct_address CorrectAddress Administrator;
    "correct-administrator-address" people::correct_administrator_address CorrectAdministratorAddress OperatorMaker;
    "correct-company" parties::correct_company CorrectCompany OperatorMaker;
    "create-offer" market::create_offer CreateOffer SupplierMaker;
    "create-payment-file" bank::create_payment_file CreatePaymentFile OperatorMaker;
    "decide-approval" kit::decide_approval DecideApproval Checker by operations::decide_approval;
    "decide-bank-account" parties::decide_bank_account DecideBankAccount OperatorMaker;
    "decide-company" parties::decide_company DecideCompany OperatorMaker;
    "decide-programme" programmes::decide_programme DecideProgramme OperatorMaker;
    "decide-review" cases::decide_review DecideReview OperatorMaker;
    "dispute-invoice" invoices::dispute_invoice DisputeInvoice BuyerMaker;
    "draft-confirmation-list" confirmations::draft_confirmation_list DraftConfirmationList BuyerMaker;
    "end-contact" confirmations::end_contact EndContact OperatorMaker;
    "end-membership" programmes::end_membership EndMembership Maker;
    "end-sessions" people::end_sessions EndSessions Administrator;
    "choose-custody-account" bank::choose_custody_account ChooseCustodyAccount OperatorMaker;
    "close-custody-account" bank::close_custody_account CloseCustodyAccount OperatorMaker;
    "explain-invoice" invoices::explain_invoice ExplainInvoice SupplierMaker;
    "cancel-payout" bank::cancel_payout CancelPayout Maker;
    "explain-statement" bank::explain_statement ExplainStatement OperatorMaker;
    "fail-payout" bank::fail_payout FailPayout OperatorMaker;
    "invite-company" parties::invite_company InviteCompany OperatorMaker;
    "invite-to-programme" programmes::invite_to_programme InviteToProgramme BuyerMaker;
    "invite-user" people::invite_user InviteUser Administrator;
    "open-custody-account" bank::open_custody_account OpenCustodyAccount OperatorMaker;
    "propose-bank-account" parties::propose_bank_account ProposeBankAccount Administrator;
    "propose-programme" programmes::propose_programme ProposeProgramme BuyerMaker;
    "record-contact" confirmations::record_contact RecordContact OperatorMaker;
    "record-receipt" bank::record_receipt RecordReceipt OperatorMaker;
    "request-payout" bank::request_payout RequestPayout Maker;
    "retry-mail" messages::retry_mail RetryMail OperatorMaker;
    "reset-factor" people::reset_factor ResetFactor Administrator;
    "resolve-line" bank::resolve_line ResolveLine OperatorMaker;
    "return-suspense" bank::return_suspense ReturnSuspense OperatorMaker;
    "revoke-link" confirmations::revoke_link RevokeLink OperatorMaker;
    "revoke-sessions" people::revoke_sessions RevokeSessions Member;
    "send-link" confirmations::send_link SendLink Maker;
    "set-approval-limit" parties::set_approval_limit SetApprovalLimit Administrator;
    "set-buyer-limit" market::set_buyer_limit SetBuyerLimit FinancierMaker;
    "set-holiday" days::set_holiday SetHoliday OperatorMaker;
    "set-issue-terms" days::set_issue_terms SetIssueTerms OperatorMaker;
    "set-preferences" people::set_preferences SetPreferences Member by set_preferences;
    "settle-dispute" invoices::settle_dispute SettleDispute BuyerMaker;
    "submit-invoice" invoices::submit_invoice SubmitInvoice SupplierMaker;
    "take-back-line" bank::take_back_line TakeBackLine OperatorMaker;
    "tell-code" confirmations::tell_code TellCode OperatorMaker by operations::tell_code;
    "withdraw-approved" confirmations::withdraw_approved WithdrawApproved BuyerMaker;
    "withdraw-invoice" invoices::withdraw_invoice WithdrawInvoice SupplierMaker;
    "withdraw-offer" market::withdraw_offer WithdrawOffer SupplierMaker;
    "withdraw-request" kit::withdraw_request WithdrawRequest Member;
    "write-message" invoices::write_message WriteMessage Maker;
}

pub fn add_routes(routes: &mut Routes) {
    add_commands(routes);
    routes.post("/api/v1/token", token);
    routes.get("/api/v1/me", me);
    routes.get("/api/v1/approvals", approvals);
    invoices::add_routes(routes);
    programmes::add_routes(routes);
    market::add_routes(routes);
    operations::add_routes(routes);
}

#[derive(Debug, Deserialize)]
struct Credentials {
    email: String,
    password: String,
    #[serde(default)]
    code: String,
}

/// A bearer token for a person who proves who they are; second factor included where there is one.
async fn token(who: Who<Anyone>, sender: Sender, write: CredentialsBody) -> Answer {
    let asked = write.0;
    let user = prove::credentials(&who.app, &sender, &asked.email, &asked.password).await?;
    // A token that could do nothing is not given out; the person adds the missing factor or password on the pages.
    let party_id = user.party_id;
    let party = who.app.read(move |conn| Ok(<store::Party as store::records::Keyed>::load(conn, party_id)?)).await?;
    if let Some(refusal) = super::gate::missing(who.app.config.second_factor, &user, &party) {
        return Err(refusal.into());
    }
    let step = if user.totp_secret.is_empty() { 0 } else { prove::code_at_sign_in(&who.app, user.id, &asked.code).await? };
    let now = who.app.clock.now();
    let (session, _) = begin(&who.app, &user, SessionKind::Api, &sender.agent, step, SessionId(0), random_token()).await?;
    let token = auth::issue_token(&who.app.config.secret, user.id, &session, now, TOKEN_MINUTES)?;
    let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": TOKEN_MINUTES.saturating_mul(60) });
    Ok(HttpResponse::Ok().json(body))
}

/// A sign-in needs no key: sending it twice begins two sessions, each of which ends by itself.
struct CredentialsBody(Credentials);

impl FromRequest for CredentialsBody {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = media_type(request);
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if kind != "application/json" {
                return Err(Fault::BadRequest("unsupported_media_type"));
            }
            let body = body::read(&request, payload, body::LARGEST_CREDENTIALS).await?;
            let given = super::json::read(&body)?;
            check_storable(&given, "")?;
            let credentials: Credentials = serde_json::from_value(given).map_err(|error| body_fault(&error))?;
            super::denials::note_account(&request, &credentials.email);
            Ok(Self(credentials))
        })
    }
}

/// The number of a record behind the question mark.
fn wanted_id<I: Id>(params: &Params, name: &'static str) -> Result<I, Fault> {
    params.get(name).parse::<i64>().map(I::from).map_err(|_| domain::Refusal::FieldInvalid { field: name.to_owned() }.into())
}

/// The company's requests for a second person, each with the digest that `decide-approval` needs.
async fn approvals(who: Who<Member>, params: Params) -> Answer {
    let wanted = newest(&params)?.with("party_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(lists::ApprovalLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "command": row.command, "state": row.state, "amount_minor": row.amount_minor, "currency": row.currency,
            "maker": row.maker, "maker_id": row.maker_id, "checker": row.checker, "asked_at": row.created_at, "about": row.about,
            "body": serde_json::from_str::<Value>(&row.body).unwrap_or_default(), "body_hash": row.body_hash, "reason": row.reason,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

async fn set_preferences(who: Who<Member>, write: Write<SetPreferences>) -> Answer {
    if let Some(trial) = who.trial(&write.body.clone().into()).await? {
        return Ok(trial);
    }
    Ok(answer(&super::pages::account::set_preferences(&who, &write.key, write.body).await?))
}

async fn me(who: Who<Member>) -> Answer {
    let person = who.person()?;
    let body = json!({
        "user": { "id": person.user.id, "name": person.user.name, "email": person.user.email, "roles": person.user.roles },
        "company": { "id": person.party.id, "name": person.party.name, "capacities": person.party.capacities, "status": person.party.status, "reference": person.party.reference },
    });
    Ok(HttpResponse::Ok().json(body))
}

/// Newest first, 100 at a time, from before the id in `before`, in one of the list's own states.
fn newest(params: &Params) -> Result<ListQuery, Fault> {
    let mut wanted = ListQuery::newest(100);
    if !params.get("before").is_empty() {
        let RecordId(before) = wanted_id(params, "before")?;
        wanted.after = Some((before.into(), before));
    }
    let state = params.get("state");
    if !state.is_empty() {
        let known = states::of(&params.path).into_iter().find(|known| *known == state);
        let known = known.ok_or_else(|| domain::Refusal::FieldInvalid { field: "state".to_owned() })?;
        wanted = wanted.with("state = ?", vec![known.into()]);
    }
    Ok(wanted)
}

fn page_json(rows: Vec<Value>, more: bool) -> HttpResponse {
    let next = rows.last().and_then(|row| row.get("id")).cloned().filter(|_| more);
    HttpResponse::Ok().json(json!({ "items": rows, "next_before": next }))
}
