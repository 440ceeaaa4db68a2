//! The JSON API: every command under its own name, reads of lists, a token, and the OpenAPI document, made from
//! the same list of routes.

use super::error::Fault;
use super::pages::Answer;
use super::pages::bank_files;
use super::pages::sign_in::{begin, check_code, check_credentials};
use super::rights::{
    Administrator, Anyone, BuyerMaker, BuyerViewer, Checker, FinancierMaker, FinancierViewer, Maker, Member, OperatorMaker,
    OperatorViewer, SignedIn, SupplierMaker, SupplierSigner, SupplierViewer, Who,
};
use super::routes::{Params, Routes, Sender};
use crate::auth;
use crate::commands::{Command, Outcome};
use crate::config::{LARGEST_FILE, TOKEN_MINUTES};
use crate::hash::random_token;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use domain::chart::currency_asset;
use domain::offering::PurchaseFacts;
use domain::receivable::{ConfirmationFacts, decide_confirmation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use store::lists::{
    self, FeeBillLine, HoldingLine, InvoiceLine, ListQuery, MemberLine, OfferLine, PayoutLine, ProgrammeLine, ReceivableLine,
    ReviewLine,
};
use store::records::Record;
use store::{BuyerContact, ConfirmationLink};

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

fn idempotency_key(request: &HttpRequest) -> Result<String, Fault> {
    let key = request.headers().get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or("");
    let fits = (8..=100).contains(&key.len()) && key.bytes().all(|mark| mark.is_ascii_graphic());
    if fits { Ok(key.to_owned()) } else { Err(Fault::BadRequest("idempotency_key_missing")) }
}

fn media_type(request: &HttpRequest) -> String {
    let header = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("");
    header.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// What is wrong with a body, with the field that is missing by its name.
fn body_fault(error: &serde_json::Error) -> Fault {
    let said = error.to_string();
    let missing = said.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    missing.map_or(Fault::BadRequest("json_invalid"), |field| {
        domain::Refusal::FieldMissing { field: field.chars().take(60).collect() }.into()
    })
}

/// A field that nobody reads is a mistake of the caller's: silence would leave it in the belief that it counts.
fn read_body<T: DeserializeOwned + Serialize>(body: &[u8]) -> Result<T, Fault> {
    let given: Value = serde_json::from_slice(body).map_err(|_| Fault::BadRequest("json_invalid"))?;
    let read: T = serde_json::from_value(given.clone()).map_err(|error| body_fault(&error))?;
    let known = serde_json::to_value(&read).unwrap_or_default();
    let unknown = given.as_object().and_then(|map| map.keys().find(|name| known.get(name.as_str()).is_none()));
    unknown.map_or(Ok(read), |name| Err(domain::Refusal::FieldInvalid { field: name.chars().take(60).collect() }.into()))
}

impl<T: DeserializeOwned + Serialize + 'static> FromRequest for Write<T> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = idempotency_key(request);
        let kind = media_type(request);
        let body = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            if kind != "application/json" {
                return Err(Fault::BadRequest("unsupported_media_type"));
            }
            let body = body.await.map_err(|_| Fault::BadRequest("payload_too_large"))?;
            Ok(Self { key: key?, body: read_body(&body)? })
        })
    }
}

/// What a file may be called. What it is, its content tells.
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
        let body = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            if !FILE_TYPES.contains(&kind.as_str()) {
                return Err(Fault::BadRequest("unsupported_media_type"));
            }
            let body = body.await.map_err(|_| Fault::BadRequest("payload_too_large"))?;
            if body.len() > LARGEST_FILE {
                return Err(domain::Refusal::FileTooLarge.into());
            }
            Ok(Self { key: key?, name, content: body.to_vec() })
        })
    }
}

fn answer(outcome: &Outcome) -> HttpResponse {
    let body = json!({ "reference": outcome.seq, "repeated": outcome.repeated, "awaits_approval": outcome.awaits_approval, "result": outcome.body });
    let mut response = if outcome.awaits_approval.is_some() { HttpResponse::Accepted() } else { HttpResponse::Ok() };
    response.json(body)
}

async fn run<R: SignedIn, T: Into<Command>>(who: Who<R>, write: Write<T>) -> Answer {
    Ok(answer(&who.submit(&write.key, write.body).await?))
}

macro_rules! command_routes {
    (@handler $module:ident $name:ident $right:ident) => { run::<$right, crate::commands::$module::$name> };
    (@handler $module:ident $name:ident $right:ident $handler:path) => { $handler };
    // A command that something must be asked before has a handler of its own behind `by`.
    ($($path:literal $module:ident $name:ident $right:ident $(by $handler:path)?;)+) => {
        fn add_commands(routes: &mut Routes) {
            $(routes.post(concat!("/api/v1/", $path), command_routes!(@handler $module $name $right $($handler)?));)+
        }
        /// Path, command name and JSON schema of each.
        pub fn schemas() -> Vec<(&'static str, &'static str, Value)> {
            vec![$((
                concat!("/api/v1/", $path),
                <crate::commands::$module::$name as crate::commands::Execute>::NAME,
                serde_json::to_value(<crate::commands::$module::$name as utoipa::PartialSchema>::schema()).unwrap_or_default(),
            )),+]
        }
    };
}

command_routes! {
    "acknowledge-assignment" acknowledge_assignment AcknowledgeAssignment BuyerMaker;
    "answer-invoice" answer_invoice AnswerInvoice BuyerMaker;
    "answer-programme-invitation" answer_programme_invitation AnswerProgrammeInvitation SupplierSigner;
    "appoint-checker" appoint_checker AppointChecker OperatorMaker;
    "assign-suspense" assign_suspense AssignSuspense OperatorMaker;
    "buy-fractions" buy_fractions BuyFractions FinancierMaker;
    "change-programme" change_programme ChangeProgramme BuyerMaker;
    "change-user" change_user ChangeUser Administrator;
    "close-day" close_day CloseDay OperatorMaker by close_day;
    "confirm-invoice" confirm_invoice ConfirmInvoice BuyerMaker;
    "confirm-list" confirm_list ConfirmList BuyerMaker;
    "create-offer" create_offer CreateOffer SupplierMaker;
    "create-payment-file" create_payment_file CreatePaymentFile OperatorMaker;
    "decide-approval" decide_approval DecideApproval Checker;
    "decide-bank-account" decide_bank_account DecideBankAccount OperatorMaker;
    "decide-company" decide_company DecideCompany OperatorMaker;
    "decide-programme" decide_programme DecideProgramme OperatorMaker;
    "decide-review" decide_review DecideReview OperatorMaker;
    "dispute-invoice" dispute_invoice DisputeInvoice BuyerMaker;
    "draft-confirmation-list" draft_confirmation_list DraftConfirmationList BuyerMaker;
    "end-contact" end_contact EndContact OperatorMaker;
    "end-membership" end_membership EndMembership Maker;
    "explain-invoice" explain_invoice ExplainInvoice SupplierMaker;
    "explain-statement" explain_statement ExplainStatement OperatorMaker;
    "fail-payout" fail_payout FailPayout OperatorMaker;
    "invite-company" invite_company InviteCompany OperatorMaker;
    "invite-to-programme" invite_to_programme InviteToProgramme BuyerMaker;
    "invite-user" invite_user InviteUser Administrator;
    "propose-bank-account" propose_bank_account ProposeBankAccount Administrator;
    "propose-programme" propose_programme ProposeProgramme BuyerMaker;
    "record-contact" record_contact RecordContact OperatorMaker;
    "record-receipt" record_receipt RecordReceipt OperatorMaker;
    "request-payout" request_payout RequestPayout Maker;
    "retry-mail" retry_mail RetryMail OperatorMaker;
    "resolve-line" resolve_line ResolveLine OperatorMaker;
    "return-suspense" return_suspense ReturnSuspense OperatorMaker;
    "revoke-link" revoke_link RevokeLink OperatorMaker;
    "revoke-sessions" revoke_sessions RevokeSessions Member;
    "send-link" send_link SendLink Maker;
    "set-approval-limit" set_approval_limit SetApprovalLimit Administrator;
    "set-buyer-limit" set_buyer_limit SetBuyerLimit FinancierMaker;
    "set-holiday" set_holiday SetHoliday OperatorMaker;
    "set-issue-terms" set_issue_terms SetIssueTerms OperatorMaker;
    "set-preferences" set_preferences SetPreferences Member;
    "settle-dispute" settle_dispute SettleDispute BuyerMaker;
    "submit-invoice" submit_invoice SubmitInvoice SupplierMaker;
    "tell-code" tell_code TellCode OperatorMaker by tell_code;
    "withdraw-approved" withdraw_approved WithdrawApproved BuyerMaker;
    "withdraw-invoice" withdraw_invoice WithdrawInvoice SupplierMaker;
    "withdraw-offer" withdraw_offer WithdrawOffer SupplierMaker;
    "write-message" write_message WriteMessage Maker;
}

pub fn add_routes(routes: &mut Routes) {
    add_commands(routes);
    routes.post("/api/v1/token", token);
    routes.post("/api/v1/register-invoice", register_invoice);
    routes.post("/api/v1/read-confirmations", read_confirmations);
    routes.post("/api/v1/read-payables", read_payables);
    routes.post("/api/v1/attach-evidence", attach_evidence);
    routes.get("/api/v1/evidence", evidence);
    routes.post("/api/v1/check-statement", check_statement);
    routes.post("/api/v1/import-statement", import_statement);
    routes.post("/api/v1/import-status", import_status);
    routes.get("/api/v1/me", me);
    routes.get("/api/v1/invoices", invoices);
    routes.get("/api/v1/payables", payables);
    routes.get("/api/v1/payables/undertaking", undertaking);
    routes.get("/api/v1/payables/list", confirmation_list);
    routes.get("/api/v1/payables/approved", approved);
    routes.get("/api/v1/messages", messages);
    routes.get("/api/v1/contacts", contacts);
    routes.get("/api/v1/confirmation-links", confirmation_links);
    routes.get("/api/v1/confirmation-evidence", confirmation_evidence);
    routes.get("/api/v1/approvals", approvals);
    routes.get("/api/v1/assignments", assignments);
    routes.get("/api/v1/programmes", programmes);
    routes.get("/api/v1/programmes/versions", programme_versions);
    routes.get("/api/v1/programmes/members", programme_members);
    routes.get("/api/v1/memberships", memberships);
    routes.get("/api/v1/invoices/eligibility", eligibility);
    routes.get("/api/v1/fee-bills", fee_bills);
    routes.get("/api/v1/receivables", receivables);
    routes.get("/api/v1/reviews", reviews);
    routes.get("/api/v1/offers", offers);
    routes.get("/api/v1/offers/quote", offer_quote);
    routes.get("/api/v1/holdings", holdings);
    routes.get("/api/v1/balances", balances);
    routes.get("/api/v1/payouts", payouts);
    routes.get("/api/v1/payouts/list", payment_list);
    routes.get("/api/v1/trial-balance", trial_balance);
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
    let user = check_credentials(&who.app, &sender, &asked.email, &asked.password).await?;
    let step = if user.totp_secret.is_empty() { 0 } else { check_code(&who.app, &user, &asked.code).await? };
    let now = who.app.clock.now();
    let (session, _) = begin(&who.app, &user, "api", &sender.agent, step, 0, random_token()).await?;
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
        let body = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            if kind != "application/json" {
                return Err(Fault::BadRequest("unsupported_media_type"));
            }
            let body = body.await.map_err(|_| Fault::BadRequest("payload_too_large"))?;
            Ok(Self(serde_json::from_slice(&body).map_err(|error| body_fault(&error))?))
        })
    }
}

async fn register_invoice(who: Who<SupplierMaker>, write: WriteFile) -> Answer {
    let file = super::upload::UploadedFile { name: write.name, content: write.content, too_large: false };
    let mut registered = super::pages::invoices::register(&who, &write.key, file).await?;
    if registered.len() == 1
        && let Some(only) = registered.pop_if(|only| only.row.is_none())
    {
        return Ok(answer(&only.outcome?));
    }
    // A file with many invoices has an answer for each.
    let language = who.language();
    let items: Vec<Value> = registered
        .iter()
        .map(|answered| match &answered.outcome {
            Ok(outcome) => json!({ "name": answered.name, "reference": outcome.seq, "result": outcome.body }),
            Err(fault) => {
                let (line, column) = answered.place(fault);
                json!({ "name": answered.name, "code": fault.code(), "title": fault.sentence(language), "line": line, "column": column })
            }
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// A file beside the invoice `invoice_id`; `kind` is order, delivery, contract or other.
async fn attach_evidence(who: Who<SupplierMaker>, params: Params, write: WriteFile) -> Answer {
    let invoice_id = params.get("invoice_id").parse::<i64>();
    let invoice_id = invoice_id.map_err(|_| domain::Refusal::FieldInvalid { field: "invoice_id".to_owned() })?;
    let file = super::upload::UploadedFile { name: write.name, content: write.content, too_large: false };
    let outcome = super::pages::evidence::attach(&who, &write.key, invoice_id, params.get("kind"), file).await?;
    Ok(answer(&outcome))
}

/// What stands behind the invoice `invoice_id`, for its supplier, its buyer and the operator.
async fn evidence(who: Who<Member>, params: Params) -> Answer {
    use domain::Refusal;
    let id = params.get("invoice_id").parse::<i64>().map_err(|_| Refusal::FieldInvalid { field: "invoice_id".to_owned() })?;
    let person = who.person()?.clone();
    let rows = who
        .app
        .read(move |conn| {
            let party = person.party.id;
            let found = InvoiceLine::find(conn, id)?.filter(|row| {
                row.supplier_id == party
                    || (row.buyer_id == party && row.presented)
                    || person.has_capacity(domain::party::Capacity::Operator)
            });
            let row = found.ok_or(Refusal::NotFound)?;
            super::pages::evidence::list(conn, row.id)
        })
        .await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|row| json!({ "id": row.id, "kind": row.kind, "name": row.name, "sha256": row.document, "download": format!("/documents/{}", row.document) }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// A table of confirmations as a list; nothing is confirmed yet.
async fn read_confirmations(who: Who<BuyerMaker>, write: WriteFile) -> Answer {
    let (party_id, content) = (who.party_id()?, write.content);
    let items = who.app.read(move |conn| super::pages::confirmation_lists::read_table(conn, party_id, &content)).await?;
    Ok(answer(&who.submit(&write.key, crate::commands::draft_confirmation_list::DraftConfirmationList { items }).await?))
}

/// The buyer's own payables as a list of approvals in advance; nothing is approved yet.
async fn read_payables(who: Who<BuyerMaker>, write: WriteFile) -> Answer {
    let file = super::upload::UploadedFile { name: write.name, content: write.content, too_large: false };
    let command = super::pages::approved::read(&who, file).await?;
    Ok(answer(&who.submit(&write.key, command).await?))
}

/// What the company has approved in advance, and what became of it.
async fn approved(who: Who<BuyerViewer>, params: Params) -> Answer {
    let wanted = newest(&params).with("buyer_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(lists::ApprovedLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "list_id": row.list_id, "supplier": row.supplier, "supplier_tax_id": row.supplier_tax_id, "number": row.number,
            "issue_date": row.issue_date, "due_date": row.due_date, "currency": row.currency, "payable_minor": row.payable_minor,
            "payment_reference": row.payment_reference, "words_hash": row.words_hash, "state": row.state,
            "invoice_id": (row.invoice_id > 0).then_some(row.invoice_id),
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The number of a record behind the question mark.
fn wanted_id(params: &Params, name: &'static str) -> Result<i64, Fault> {
    params.get(name).parse().map_err(|_| domain::Refusal::FieldInvalid { field: name.to_owned() }.into())
}

/// What was said about an invoice, oldest first, to its supplier and its buyer.
async fn messages(who: Who<Member>, params: Params) -> Answer {
    let (party_id, id) = (who.party_id()?, wanted_id(&params, "invoice_id")?);
    let items = who.app.read(move |conn| super::pages::thread::messages_json(conn, party_id, id)).await?;
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// A confirmation as one text with its digest, to everybody who may see its page.
async fn confirmation_evidence(who: Who<Member>, params: Params) -> Answer {
    let evidence = super::pages::undertakings::find(&who, wanted_id(&params, "invoice_id")?).await?;
    Ok(HttpResponse::Ok().json(json!({ "invoice_id": evidence.invoice_id, "text": evidence.text, "sha256": evidence.hash })))
}

/// Who confirms by one-time link for a company, and who did.
async fn contacts(who: Who<OperatorViewer>, params: Params) -> Answer {
    let id = wanted_id(&params, "party_id")?;
    let rows = who
        .app
        .read(move |conn| Ok(BuyerContact::list_where(conn, "party_id = ? ORDER BY id DESC LIMIT 100", &[id.into()])?))
        .await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "party_id": row.party_id, "user_id": row.user_id, "channel": row.channel, "second": row.second, "source": row.source,
                "currency": row.currency, "limit_minor": row.limit_minor, "link_hours": row.link_hours, "state": row.state,
                "recorded_by": row.recorded_by, "agreed_by": row.agreed_by, "recorded_at": row.recorded_at, "ended_at": row.ended_at,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// The links to an invoice, without what opens them.
async fn confirmation_links(who: Who<OperatorViewer>, params: Params) -> Answer {
    let id = wanted_id(&params, "invoice_id")?;
    let rows = who
        .app
        .read(move |conn| Ok(ConfirmationLink::list_where(conn, "invoice_id = ? ORDER BY id DESC LIMIT 100", &[id.into()])?))
        .await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "invoice_id": row.invoice_id, "contact_id": row.contact_id, "state": row.state, "reason": row.reason, "wrong_codes": row.tries,
                "issued_at": row.issued_at, "expires_at": row.expires_at, "ended_at": row.ended_at,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// What the company's people have asked a second person for, each with the digest that `decide-approval` wants.
async fn approvals(who: Who<Member>, params: Params) -> Answer {
    let wanted = newest(&params).with("party_id = ?", vec![who.party_id()?.into()]);
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

/// The notices of assignment that the company was given.
async fn assignments(who: Who<BuyerViewer>, params: Params) -> Answer {
    let wanted = newest(&params).with("buyer_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(lists::AssignmentLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "receivable_id": row.id, "number": row.number, "supplier": row.supplier, "supplier_tax_id": row.supplier_tax_id,
            "currency": row.currency, "confirmed_minor": row.confirmed_minor, "payment_date": row.payment_date, "pay_to": row.pay_to, "iban": row.pay_to_iban,
            "reference": row.reference, "text_en": row.text_en, "text_zh": row.text_zh, "hash": row.hash, "given_at": row.given_at,
            "acknowledged_at": row.acknowledged_at, "state": row.state,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The company's programmes as a buyer, the operator's view of all of them.
async fn programmes(who: Who<Member>, params: Params) -> Answer {
    let mut wanted = newest(&params);
    if !who.person()?.has_capacity(domain::party::Capacity::Operator) {
        wanted = wanted.with("buyer_id = ?", vec![who.party_id()?.into()]);
    }
    let page = who.app.read(move |conn| Ok(ProgrammeLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "buyer": row.buyer, "name": row.name, "currency": row.currency, "state": row.state, "reason": row.reason, "terms_version": row.version,
            "proposed_version_id": (row.proposed_id > 0).then_some(row.proposed_id), "joined": row.joined, "invited": row.invited,
            "confirmed_minor": row.confirmed_minor, "sold_minor": row.sold_minor, "outstanding_minor": row.outstanding_minor,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The terms of a programme by version, newest first: for its buyer, the suppliers that are in it or asked into it, and the operator.
async fn programme_versions(who: Who<Member>, params: Params) -> Answer {
    let (id, person) = (wanted_id(&params, "programme_id")?, who.person()?.clone());
    let (currency, rows) = who
        .app
        .read(move |conn| {
            let party = person.party.id;
            let found = <store::Programme as store::records::Keyed>::find(conn, id)?.ok_or(domain::Refusal::NotFound)?;
            let whole = found.buyer_id == party || person.has_capacity(domain::party::Capacity::Operator);
            let known = "programme_id = ? AND supplier_id = ?";
            let members = store::ProgrammeMember::list_where(conn, known, &[id.into(), party.into()])?;
            if !whole && members.is_empty() {
                return Err(domain::Refusal::NotFound.into());
            }
            let mut rows = store::ProgrammeVersion::list_where(conn, "programme_id = ? ORDER BY version DESC", &[id.into()])?;
            // A supplier reads what it has accepted and what it is asked to accept.
            let reads = |version: i64| members.iter().any(|member| [member.version, member.asked_version].contains(&version));
            rows.retain(|row| whole || reads(row.version));
            Ok((found.currency, rows))
        })
        .await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "programme_id": row.programme_id, "terms_version": row.version, "currency": currency, "least_tenor_days": row.least_tenor_days,
                "most_tenor_days": row.most_tenor_days, "most_age_days": row.most_age_days, "advance_bps": row.advance_bps, "reserve_bps": row.reserve_bps,
                "settlement_fee_bps": row.settlement_fee_bps, "purchase_fee_bps": row.purchase_fee_bps, "minimum_fee_minor": row.minimum_fee_minor,
                "minimum_ticket_minor": row.minimum_ticket_minor, "fee_bearer": row.fee_bearer, "grace_days": row.grace_days, "recourse": row.recourse,
                "begins_on": row.begins_on, "state": row.state, "reason": row.reason,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

fn member_json(row: &MemberLine) -> Value {
    json!({
        "id": row.id, "programme_id": row.programme_id, "buyer": row.buyer, "supplier": row.supplier, "name": row.name, "currency": row.currency,
        "programme_state": row.programme_state, "state": row.state, "terms_version": row.version,
        "asked_version": (row.asked_version > 0).then_some(row.asked_version), "reason": row.reason, "confirmed_minor": row.confirmed_minor,
    })
}

/// Who is in a programme of the company, or was.
async fn programme_members(who: Who<BuyerViewer>, params: Params) -> Answer {
    let (id, party_id) = (wanted_id(&params, "programme_id")?, who.party_id()?);
    let wanted = newest(&params).with("programme_id = ? AND buyer_id = ?", vec![id.into(), party_id.into()]);
    let page = who
        .app
        .read(move |conn| {
            let own = <store::Programme as store::records::Keyed>::find(conn, id)?.filter(|row| row.buyer_id == party_id);
            own.ok_or(domain::Refusal::NotFound)?;
            Ok(MemberLine::page(conn, &wanted)?)
        })
        .await?;
    Ok(page_json(page.rows.iter().map(member_json).collect(), page.more))
}

/// The programmes that the company is in as a supplier, or is asked into.
async fn memberships(who: Who<SupplierViewer>, params: Params) -> Answer {
    let wanted = newest(&params).with("supplier_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(MemberLine::page(conn, &wanted)?)).await?;
    Ok(page_json(page.rows.iter().map(member_json).collect(), page.more))
}

/// How an invoice of the company stands to a programme today; a buyer asks about what was presented to it.
async fn eligibility(who: Who<Member>, params: Params) -> Answer {
    use crate::commands::programmes::{Subject, standing, standing_for_buyer};
    let (id, party_id) = (wanted_id(&params, "invoice_id")?, who.party_id()?);
    let language = who.language();
    let body = who
        .app
        .read(move |conn| {
            let concerned = |row: &InvoiceLine| row.supplier_id == party_id || (row.buyer_id == party_id && row.presented);
            let row = InvoiceLine::find(conn, id)?.filter(concerned).ok_or(domain::Refusal::NotFound)?;
            let invoice = <store::Invoice as store::records::Keyed>::load(conn, id)?;
            let today = store::records::load_heads(conn)?.business_date;
            let subject = Subject::of(&invoice, invoice.due_date);
            let found =
                if row.buyer_id == party_id { standing_for_buyer(conn, &subject, today)? } else { standing(conn, &subject, today)? };
            let Some(found) = found else { return Ok(json!({ "invoice_id": id, "eligible": false, "programme_id": null, "terms_version": null, "rule": null, "title": null })) };
            let rule = found.verdict.as_ref().err().map(domain::programme::Rule::code);
            let (_, title) = super::pages::programmes::standing_sentence(language, &found);
            Ok(json!({
                "invoice_id": id, "eligible": rule.is_none(), "programme_id": found.programme.id, "terms_version": found.version.version, "rule": rule, "title": title,
            }))
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}

/// The fees that the company bears as a buyer.
async fn fee_bills(who: Who<BuyerViewer>, params: Params) -> Answer {
    let wanted = newest(&params).with("buyer_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(FeeBillLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "receivable_id": row.receivable_id, "number": row.number, "supplier": row.supplier, "kind": row.kind, "currency": row.currency,
            "amount_minor": row.amount_minor, "paid_minor": row.paid_minor, "open_minor": row.open_minor, "arose_on": row.arose_on, "state": row.state,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// A list of confirmations with what has become of each line.
async fn confirmation_list(who: Who<BuyerViewer>, params: Params) -> Answer {
    let party_id = who.party_id()?;
    let id = params.get("list_id").parse().map_err(|_| domain::Refusal::FieldInvalid { field: "list_id".to_owned() })?;
    let list = who.app.read(move |conn| super::pages::confirmation_lists::list_json(conn, party_id, id)).await?;
    Ok(HttpResponse::Ok().json(list))
}

/// A new code for a link, shown this once.
async fn tell_code(who: Who<OperatorMaker>, write: Write<crate::commands::tell_code::TellCode>) -> Answer {
    let (outcome, code) = super::pages::contacts::tell(&who, &write.key, write.body.link_id).await?;
    let body = json!({ "reference": outcome.seq, "repeated": outcome.repeated, "result": outcome.body, "code": code });
    Ok(HttpResponse::Ok().json(body))
}

async fn close_day(who: Who<OperatorMaker>, write: Write<crate::commands::close_day::CloseDay>) -> Answer {
    Ok(answer(&super::pages::ops::end(&who, &write.key, write.body).await?))
}

/// What a statement would do, without doing it, and a digest that the import may be bound to.
async fn check_statement(who: Who<OperatorMaker>, write: WriteFile) -> Answer {
    let (name, content) = (write.name, write.content);
    let body = who
        .app
        .read(move |conn| {
            let read = bank_files::read_statement(name, content)?;
            let check = crate::bank_check::statements(conn, &read.statements)?;
            Ok(bank_files::check_json(&read.sha256, &check))
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}

/// Takes up a statement; with `check`, only if it would still do what that check has shown.
async fn import_statement(who: Who<OperatorMaker>, params: Params, write: WriteFile) -> Answer {
    let (name, content, shown) = (write.name, write.content, params.get("check").to_owned());
    let command = who
        .app
        .read(move |conn| {
            let read = bank_files::read_statement(name, content)?;
            let kept = store::BankFile::find_where(conn, "sha256 = ? AND state <> 'kept'", &[read.sha256.as_str().into()])?;
            if !shown.is_empty() && kept.is_none() && crate::bank_check::statements(conn, &read.statements)?.digest != shown {
                return Err(domain::Refusal::CheckChanged.into());
            }
            Ok(read)
        })
        .await?;
    Ok(answer(&who.submit(&write.key, command).await?))
}

async fn import_status(who: Who<OperatorMaker>, write: WriteFile) -> Answer {
    let (name, content) = (write.name, write.content);
    let command = who.app.read(move |_| bank_files::read_status(name, content)).await?;
    Ok(answer(&who.submit(&write.key, command).await?))
}

async fn me(who: Who<Member>) -> Answer {
    let person = who.person()?;
    let body = json!({
        "user": { "id": person.user.id, "name": person.user.name, "email": person.user.email, "roles": person.user.roles },
        "company": { "id": person.party.id, "name": person.party.name, "capacities": person.party.capacities, "status": person.party.status, "reference": person.party.reference },
    });
    Ok(HttpResponse::Ok().json(body))
}

/// Newest first, 100 at a time, from before the id in `before`.
fn newest(params: &Params) -> ListQuery {
    let mut wanted = ListQuery::newest(100);
    if let Ok(before) = params.get("before").parse::<i64>() {
        wanted.after = Some((before.into(), before));
    }
    let state = params.get("state");
    if !state.is_empty() {
        wanted = wanted.with("state = ?", vec![state.into()]);
    }
    wanted
}

fn page_json(rows: Vec<Value>, more: bool) -> HttpResponse {
    let next = rows.last().and_then(|row| row.get("id")).cloned().filter(|_| more);
    HttpResponse::Ok().json(json!({ "items": rows, "next_before": next }))
}

fn invoice_json(row: &InvoiceLine) -> Value {
    json!({
        "id": row.id, "number": row.number, "supplier": row.supplier, "buyer": row.buyer, "currency": row.currency, "payable_minor": row.payable_minor,
        "total_minor": row.total_minor, "confirmed_minor": row.confirmed_minor, "issue_date": row.issue_date, "due_date": row.due_date, "state": row.state,
        "prepaid_minor": row.prepaid_minor, "rounding_minor": row.rounding_minor, "credited_minor": row.credited_minor, "type_code": row.type_code,
        "replaces": row.replaces, "format": row.format, "review": row.review, "warnings": row.warnings.split_whitespace().collect::<Vec<_>>(),
        "reason": row.reason, "document": row.document, "receivable_id": (row.receivable_id > 0).then_some(row.receivable_id),
    })
}

async fn invoices(who: Who<SupplierViewer>, params: Params) -> Answer {
    let wanted = newest(&params).with("supplier_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(InvoiceLine::page(conn, &wanted)?)).await?;
    Ok(page_json(page.rows.iter().map(invoice_json).collect(), page.more))
}

async fn payables(who: Who<BuyerViewer>, params: Params) -> Answer {
    let wanted = newest(&params).with("buyer_id = ? AND presented", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(InvoiceLine::page(conn, &wanted)?)).await?;
    Ok(page_json(page.rows.iter().map(invoice_json).collect(), page.more))
}

/// The words and their hash that confirming `invoice_id` for `amount_minor` on `due_date` would sign.
async fn undertaking(who: Who<BuyerViewer>, params: Params) -> Answer {
    use domain::Refusal;
    let party_id = who.party_id()?;
    let number = |name: &str| params.get(name).parse::<i64>().map_err(|_| Refusal::FieldInvalid { field: name.to_owned() });
    let (id, amount_minor) = (number("invoice_id")?, number("amount_minor")?);
    let due: chrono::NaiveDate =
        params.get("due_date").parse().map_err(|_| Refusal::DateInvalid { field: "due_date".to_owned() })?;
    let words = who
        .app
        .read(move |conn| {
            let found = crate::commands::answer_clock::presented_to(conn, party_id, id)?.ok_or(Refusal::NotFound)?;
            // What no confirmation could be for has no words.
            decide_confirmation(&ConfirmationFacts {
                amount_minor,
                payable_minor: domain::invoice::owed_minor(found.payable_minor, found.credited_minor),
                reason: "given with the confirmation",
                deductions_minor: [0; 3],
                due_date: due,
                invoice_due_date: found.due_date,
                today: store::records::load_heads(conn)?.business_date,
            })?;
            Ok(crate::commands::confirm_invoice::words(conn, &found, amount_minor, due)?)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "version": domain::undertaking::CURRENT, "words_en": words.english, "words_zh": words.chinese, "words_hash": words.hash })))
}

/// The queue of what a person must look at, with both sides of it; `state` may be `open`.
async fn reviews(who: Who<OperatorViewer>, params: Params) -> Answer {
    let wanted = newest(&params);
    let page = who.app.read(move |conn| Ok(ReviewLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "invoice_id": row.invoice_id, "other_invoice_id": (row.other_id > 0).then_some(row.other_id),
            "credit_note_id": (row.credit_id > 0).then_some(row.credit_id), "rules": row.rules.split_whitespace().collect::<Vec<_>>(),
            "state": row.state, "number": row.number, "other_number": row.other_number, "supplier": row.supplier, "buyer": row.buyer,
            "currency": row.currency, "payable_minor": row.payable_minor, "statement": row.statement, "reason": row.reason,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

async fn receivables(who: Who<SupplierViewer>, params: Params) -> Answer {
    let wanted = newest(&params).with("supplier_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(ReceivableLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "invoice_id": row.invoice_id, "number": row.number, "buyer": row.buyer, "currency": row.currency,
            "confirmed_minor": row.confirmed_minor, "face_minor": row.face_minor, "reserve_minor": row.reserve_minor, "sold_minor": row.sold_minor,
            "paid_minor": row.paid_minor, "due_date": row.due_date, "payment_date": row.payment_date, "state": row.state, "reference": row.reference,
            "terms_hash": row.terms_hash, "programme_id": (row.programme_id > 0).then_some(row.programme_id), "terms_version": row.programme_version,
            "sellable_minor": row.sellable_minor, "fee_bearer": row.fee_bearer, "recourse": row.recourse,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

async fn offers(who: Who<FinancierViewer>, params: Params) -> Answer {
    let wanted = newest(&params).with("state = 'open' AND supplier_id <> ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(OfferLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "receivable_id": row.receivable_id, "supplier": row.supplier, "buyer": row.buyer, "currency": row.currency,
            "units_minor": row.units_minor, "left_minor": row.left_minor, "rate": row.rate, "method": row.method, "day_count": row.day_count,
            "minimum_ticket_minor": row.minimum_ticket_minor, "close_date": row.close_date, "payment_date": row.payment_date, "held": row.held,
            "grace_days": row.grace_days, "fee_bearer": row.fee_bearer, "recourse": row.recourse,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// The all-in price of `units_minor` of an offer today.
async fn offer_quote(who: Who<FinancierViewer>, params: Params) -> Answer {
    use domain::Refusal;
    let number = |name: &str| params.get(name).parse::<i64>().map_err(|_| Refusal::FieldInvalid { field: name.to_owned() });
    let (id, units, party_id) = (number("offer_id")?, number("units_minor")?, who.party_id()?);
    let quote = who
        .app
        .read(move |conn| {
            let offer = <store::Offer as store::records::Keyed>::find(conn, id)?.ok_or(Refusal::NotFound)?;
            let receivable = <store::Receivable as store::records::Keyed>::load(conn, offer.receivable_id)?;
            Ok(domain::offering::quote_purchase(&PurchaseFacts {
                offer_state: &offer.state,
                close_date: offer.close_date,
                left_minor: offer.left_minor,
                minimum_ticket_minor: offer.minimum_ticket_minor,
                supplier: offer.supplier_id,
                financier: party_id,
                buyer: receivable.buyer_id,
                held: receivable.held,
                units_minor: units,
                terms: crate::commands::buy_fractions::price_terms(&offer, &receivable)?,
                today: store::records::load_heads(conn)?.business_date,
                // Cash, limit and the price itself are for the purchase to look at.
                agreed_price_minor: 0,
                cash_available_minor: 0,
                limit_room_minor: None,
            })?)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({
        "face_minor": quote.face_minor, "price_minor": quote.price_minor, "discount_minor": quote.discount_minor,
        "supplier_fee_minor": quote.price_minor.saturating_sub(quote.supplier_net_minor), "fee_minor": quote.fee_minor, "fee_bearer": quote.fee_bearer.name(),
        "tenor_days": quote.tenor_days, "annual_rate": quote.financier_rate.normalize().to_string(),
    })))
}

async fn holdings(who: Who<Member>, params: Params) -> Answer {
    let wanted = newest(&params).with("owner_id = ?", vec![who.party_id()?.into()]);
    let page = who.app.read(move |conn| Ok(HoldingLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "receivable_id": row.id, "supplier": row.supplier, "buyer": row.buyer, "currency": row.currency, "units_minor": row.units_minor,
            "held_minor": row.held_minor, "payment_date": row.payment_date, "state": row.state,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

async fn balances(who: Who<Member>) -> Answer {
    let party_id = who.party_id()?;
    let rows = who
        .app
        .read(move |conn| {
            let mut rows = Vec::new();
            for currency in super::pages::home::traded_currencies(conn)? {
                for line in lists::balances(conn, currency_asset(currency).0, Some(party_id))? {
                    rows.push(json!({
                        "currency": currency.code(), "balance_minor": line.balance, "held_minor": line.held,
                        "available_minor": line.balance.saturating_sub(line.held), "last_transfer": line.last_transfer,
                    }));
                }
            }
            Ok(rows)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "items": rows })))
}

/// The company's own payouts; the operator sees all.
async fn payouts(who: Who<Member>, params: Params) -> Answer {
    let mut wanted = newest(&params);
    if !who.person()?.has_capacity(domain::party::Capacity::Operator) {
        wanted = wanted.with("party_id = ?", vec![who.party_id()?.into()]);
    }
    let page = who.app.read(move |conn| Ok(PayoutLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| {
        json!({
            "id": row.id, "currency": row.currency, "amount_minor": row.amount_minor, "iban": row.iban, "end_to_end": row.end_to_end,
            "state": row.state, "expected_date": row.expected_date, "bank_status": row.bank_status, "reason_code": row.reason_code, "note": row.note,
        })
    });
    Ok(page_json(rows.collect(), page.more))
}

/// What the next payment file of a currency would hold, and the digest with which it is asked for.
async fn payment_list(who: Who<OperatorViewer>, params: Params) -> Answer {
    use crate::commands::create_payment_file::{list_hash, payment_list};
    let code = params.get("currency").to_owned();
    let known = domain::Currency::parse(&code).ok_or(domain::Refusal::CurrencyUnknown { currency: code })?;
    let payouts = who.app.read(move |conn| Ok(payment_list(conn, known, i64::MAX)?)).await?;
    let items: Vec<Value> = payouts
        .iter()
        .map(|row| json!({ "id": row.id, "end_to_end": row.end_to_end, "holder": row.holder, "iban": row.iban, "bic": row.bic, "amount_minor": row.amount_minor }))
        .collect();
    let through = payouts.last().map_or(0, |row| row.id);
    Ok(HttpResponse::Ok()
        .json(json!({ "currency": known.code(), "through": through, "list_hash": list_hash(&payouts), "items": items })))
}

async fn trial_balance(who: Who<OperatorViewer>) -> Answer {
    let lines = who.app.read(|conn| Ok(lists::trial_balance(conn)?)).await?;
    let rows: Vec<Value> = lines
        .iter()
        .map(|line| json!({ "asset": line.asset_id, "kind": line.kind, "accounts": line.accounts, "sum_minor": line.sum_minor }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": rows })))
}
