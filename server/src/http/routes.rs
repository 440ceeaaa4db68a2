//! The route table: every route with its right, built from the handlers' own types, and the middleware around it.

use super::answers::{self, Kept};
use super::body::{self, Unread};
use super::error::Fault;
use super::rights::{CSRF_COOKIE, Guarded, find_session, viewer};
use super::shares::{Owner, network};
use super::{Shared, api, denials, lag, log, openapi, pages, step_up};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{FromRequest, Handler, HttpMessage, HttpRequest, HttpResponse, Responder, Route, web};
use kernel::{PartyId, UserId};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;

/// One route as the program knows it; tests walk this list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteInfo {
    pub method: &'static str,
    pub path: &'static str,
    pub right: &'static str,
}

#[derive(Default)]
pub struct Routes {
    pub list: Vec<RouteInfo>,
    built: BTreeMap<&'static str, Vec<Route>>,
}

impl Routes {
    /// A route whose handler's first argument is its right; without one it does not compile.
    pub fn add<F, Args>(&mut self, method: Method, path: &'static str, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + Guarded + 'static,
        F::Output: Responder + 'static,
    {
        let name = if method == Method::GET { "GET" } else { "POST" };
        self.list.push(RouteInfo { method: name, path, right: Args::RIGHT });
        let writes = method == Method::POST;
        // The right comes first, because actix reads a handler's arguments side by side. A caller without the right must not
        // learn the form of a body, or make the server read one.
        let guarded = move |request: HttpRequest, unread: Unread| {
            let handler = handler.clone();
            async move {
                check_address(&request)?;
                body::check_encoding(&request)?;
                let allowed = if writes && !has_room(&request) { Err(Fault::Busy) } else { Args::check(&request).await };
                let mut payload = unread.0;
                if let Err(fault) = allowed {
                    body::pass_over(payload).await;
                    return Err(fault.into());
                }
                let args = Args::from_request(&request, &mut payload).await.map_err(Into::into)?;
                Ok::<_, actix_web::Error>(handler.call(args).await.respond_to(&request).map_into_boxed_body())
            }
        };
        self.built.entry(path).or_default().push(web::method(method).to(guarded));
    }

    pub fn get<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + Guarded + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::GET, path, handler);
    }

    pub fn post<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + Guarded + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::POST, path, handler);
    }

    /// Everything the program answers.
    #[must_use]
    pub fn all() -> Self {
        let mut routes = Self::default();
        pages::add_routes(&mut routes);
        api::add_routes(&mut routes);
        openapi::add_routes(&mut routes);
        log::add_routes(&mut routes);
        routes
    }

    pub fn configure(self, config: &mut web::ServiceConfig) {
        for (path, built) in self.built {
            let mut resource = web::resource(path);
            for route in built {
                resource = resource.route(route);
            }
            config.service(resource.default_service(web::to(method_not_allowed)));
        }
        config.default_service(web::to(not_found));
    }
}

/// Whether the server can serve one more request to write now. It refuses a request without room before it does any work for it.
fn has_room(request: &HttpRequest) -> bool {
    let Some(app) = request.app_data::<web::Data<Shared>>() else { return true };
    let room = app.writer.has_room() && !lag::is_late();
    if !room {
        app.writer.metrics.busy.fetch_add(1, Ordering::Relaxed);
    }
    room
}

async fn method_not_allowed() -> Result<HttpResponse, Fault> {
    Err(Fault::BadRequest("method_not_allowed"))
}

async fn not_found() -> Result<HttpResponse, Fault> {
    Err(domain::Refusal::NotFound.into())
}

/// The request's id, in the log, on error pages and in problem documents.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The token for forms of people who are not signed in yet.
#[derive(Clone, Debug)]
pub struct FreshCsrf(pub String);

const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
                   form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types app";

/// A stored file that a browser shows in spite of everything can do nothing there.
const FILE_CSP: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// Percent-encodes what is not unreserved.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Wraps every request: an id, a token for anonymous forms, errors as pages or problem documents. Every answer gets the security
/// headers, errors and files included.
pub async fn wrap<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Kept>, actix_web::Error> {
    let served = answers::begin(&request);
    let id = crate::hash::random_token().get(..16).unwrap_or("0").to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let known = request.cookie(CSRF_COOKIE).map(|cookie| cookie.value().to_owned()).filter(|value| value.len() == 64);
    let fresh = known.is_none();
    let csrf = known.unwrap_or_else(crate::hash::random_token);
    request.extensions_mut().insert(FreshCsrf(csrf.clone()));
    let started = std::time::Instant::now();
    // Handlers' and extractors' errors arrive as answers; only a broken middleware would be an error here.
    let response = next.call(request).await?;
    let inner: HttpRequest = response.request().clone();
    let fault =
        response.response().error().map(|error| error.as_error::<Fault>().cloned().unwrap_or(Fault::BadRequest("bad_request")));
    let mut code = fault.as_ref().map_or_else(String::new, Fault::code);
    if let Some(said) = response.response().extensions().get::<denials::Said>() {
        code.clone_from(&said.0);
    }
    let mut response = match fault {
        Some(fault) => {
            drop(response);
            ServiceResponse::new(inner.clone(), explain(&inner, &fault, &id).await).map_into_right_body()
        }
        None => response.map_into_left_body::<BoxBody>(),
    };
    denials::note(&inner, response.response(), &code, &id, started);
    answers::note_answer(served.as_ref(), &mut response);
    if response.status() == actix_web::http::StatusCode::REQUEST_TIMEOUT {
        response.response_mut().head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    }
    if fresh && !inner.path().starts_with("/api/") && !inner.path().starts_with("/assets/") {
        let cookie = host_cookie(CSRF_COOKIE, csrf, None);
        response.response_mut().add_cookie(&cookie)?;
    }
    if inner.app_data::<web::Data<super::Shared>>().is_some_and(|app| app.draining.load(Ordering::Relaxed)) {
        // The client must send no further request on a connection that is about to end.
        response.response_mut().head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    }
    let asset = inner.path().starts_with("/assets/") && response.status().is_success();
    let sound = response.status().is_success();
    let lasting = inner.path() == openapi::PATH && (sound || response.status() == actix_web::http::StatusCode::NOT_MODIFIED);
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &'static str| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    let stored = ["/documents/", "/confirmation-documents/"].iter().any(|start| inner.path().starts_with(start));
    set("content-security-policy", if stored && sound { FILE_CSP } else { CSP });
    set("x-content-type-options", "nosniff");
    // The address of a one-time link is itself a key.
    let secret = inner.path().starts_with("/confirm/") || inner.path().starts_with("/confirmation-documents/");
    set("referrer-policy", if secret { "no-referrer" } else { "same-origin" });
    set("strict-transport-security", "max-age=63072000; includeSubDomains");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=()");
    let kept = if asset { "public, max-age=31536000, immutable" } else { "public, max-age=300" };
    set("cache-control", if asset || lasting { kept } else { "no-store" });
    Ok(response.map_body(|_, body| Kept { body: body.boxed(), served }))
}

async fn explain(request: &HttpRequest, fault: &Fault, id: &str) -> HttpResponse {
    if let Fault::Failed(detail) = fault {
        tracing::error!(id, detail, "failed");
    }
    let app = request.app_data::<web::Data<Shared>>().map(|data| data.get_ref().clone());
    let Some(app) = app else { return HttpResponse::InternalServerError().finish() };
    let api = request.path().starts_with("/api/");
    if is_too_long(request) {
        // Its page would repeat it.
        let (fault, language) = (Fault::BadRequest("address_too_long"), viewer(request, None).language);
        return if api {
            fault.problem(language, id)
        } else {
            HttpResponse::build(fault.status()).body(fault.sentence(language))
        };
    }
    // A busy server refuses many requests at once, so it loads no session for a program. The request's language applies.
    let person = if api && matches!(fault, Fault::Busy) { None } else { find_session(request, &app).await.unwrap_or(None) };
    let viewer = viewer(request, person);
    if api { fault.problem(viewer.language, id) } else { fault.page(&app, &viewer).await }
}

/// A cookie that only this host gets, over HTTPS (or on localhost), never a script.
#[must_use]
pub fn host_cookie(name: &'static str, value: String, minutes: Option<i64>) -> Cookie<'static> {
    let mut cookie = Cookie::new(name, value);
    cookie.set_path("/");
    cookie.set_secure(true);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    if let Some(minutes) = minutes {
        cookie.set_max_age(actix_web::cookie::time::Duration::minutes(minutes));
    }
    cookie
}

/// A form that was sent: its fields, with the token checked.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    pub fields: Vec<(String, String)>,
}

impl Posted {
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
    /// The form's own key, so that sending it twice does it once.
    #[must_use]
    pub fn key(&self) -> String {
        let key = self.get("_key");
        let fits = key.len() >= 16 && crate::commands::is_request_key(key);
        if fits { key.to_owned() } else { crate::hash::random_token() }
    }
    pub fn number(&self, name: &str) -> Result<i64, Fault> {
        self.get(name).trim().parse().map_err(|_| domain::Refusal::FieldInvalid { field: name.to_owned() }.into())
    }
    pub fn date(&self, name: &str) -> Result<chrono::NaiveDate, Fault> {
        typed_date(self.get(name), name)
    }
    /// An amount as a person typed it, minor units.
    pub fn amount(&self, name: &str, currency: &str) -> Result<i64, Fault> {
        typed_amount(self.get(name), name, currency)
    }
    /// All values of a name, for groups of checkboxes.
    #[must_use]
    pub fn all(&self, name: &str) -> String {
        let values: Vec<&str> = self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        values.join(",")
    }
}

/// A date as forms send it: `2026-11-22`, in a year that people mean.
pub fn typed_date(typed: &str, name: &str) -> Result<chrono::NaiveDate, Fault> {
    let plain = typed.trim();
    let date = if plain.len() == 10 { plain.parse::<chrono::NaiveDate>().ok() } else { None };
    let date = date.filter(|date| is_usual(*date));
    date.ok_or_else(|| domain::Refusal::DateInvalid { field: name.to_owned() }.into())
}

/// Whether the day lies in a year that people mean, and that both databases take.
#[must_use]
pub fn is_usual(date: chrono::NaiveDate) -> bool {
    (1900..2200).contains(&chrono::Datelike::year(&date))
}

pub fn typed_amount(typed: &str, name: &str, currency: &str) -> Result<i64, Fault> {
    let known =
        domain::Currency::parse(currency).ok_or_else(|| domain::Refusal::CurrencyUnknown { currency: currency.to_owned() })?;
    known.parse_typed(typed).map_err(|_| domain::Refusal::AmountInvalid { field: name.to_owned() }.into())
}

/// Longer than any address of ours; a page repeats its own.
const LONGEST_ADDRESS: usize = 8 * 1_024;
/// Fields behind a question mark, and in a form without a sign-in.
pub const MOST_FIELDS: usize = 100;
/// Fields in a form of a person who is signed in.
const MOST_OF_MEMBERS: usize = 10_000;

fn is_too_long(request: &HttpRequest) -> bool {
    request.uri().path_and_query().is_some_and(|address| address.as_str().len() > LONGEST_ADDRESS)
}

fn check_address(request: &HttpRequest) -> Result<(), Fault> {
    if is_too_long(request) { Err(Fault::BadRequest("address_too_long")) } else { Ok(()) }
}

/// Fields of an urlencoded body or query. A NUL is refused here, once for all fields: no text of ours holds one, and PostgreSQL
/// takes none. Fields are counted before one of them is read: each costs far more than its bytes.
pub fn parse_fields(text: &str, most: usize) -> Result<Vec<(String, String)>, Fault> {
    if text.bytes().filter(|byte| *byte == b'&').count() >= most {
        return Err(Fault::BadRequest("too_many_fields"));
    }
    let mut fields = web::Query::<Vec<(String, String)>>::from_query(text).map(web::Query::into_inner).unwrap_or_default();
    // Browsers end lines of a text with two marks.
    fields.iter_mut().for_each(|(_, value)| *value = value.replace("\r\n", "\n"));
    check_plain(&fields)?;
    Ok(fields)
}

/// Refuses a field with a NUL in it.
pub fn check_plain(fields: &[(String, String)]) -> Result<(), Fault> {
    let strange = fields.iter().any(|(name, value)| name.contains('\0') || value.contains('\0'));
    if strange { Err(Fault::BadRequest("bad_request")) } else { Ok(()) }
}

/// Whether a form's token is this session's, and the browser does not say that another site sent it.
pub(super) async fn check_forgery(request: &HttpRequest, token: &str) -> Result<(), Fault> {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(Fault::Forged);
    }
    let app = request.app_data::<web::Data<Shared>>().map(|data| data.get_ref().clone());
    let app = app.ok_or_else(|| Fault::Failed("no application state".to_owned()))?;
    let session = find_session(request, &app).await?;
    let wanted = match session {
        Some(person) => person.session.csrf,
        // Before anybody is signed in the token must equal the one in this browser's own cookie.
        None => request.cookie(CSRF_COOKIE).map(|cookie| cookie.value().to_owned()).unwrap_or_default(),
    };
    if wanted.len() == 64 && crate::hash::same_secret(&wanted, token) { Ok(()) } else { Err(Fault::Forged) }
}

impl FromRequest for Posted {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
            if !kind.starts_with("application/x-www-form-urlencoded") {
                return Err(Fault::BadRequest("unsupported_media_type"));
            }
            let body = body::read(&request, payload, body::LARGEST_TEXTS).await?;
            let text = std::str::from_utf8(&body).map_err(|_| Fault::BadRequest("bad_request"))?;
            let most = if caller(&request).is_some() { MOST_OF_MEMBERS } else { MOST_FIELDS };
            let posted = Self { fields: parse_fields(text, most)? };
            denials::note_account(&request, posted.get("email"));
            check_forgery(&request, posted.get("_csrf")).await?;
            step_up::bring(&request, &posted);
            Ok(posted)
        })
    }
}

/// The fields behind the question mark.
#[derive(Clone, Debug, Default)]
pub struct Params {
    pub fields: Vec<(String, String)>,
    pub path: String,
}

impl Params {
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
}

impl FromRequest for Params {
    type Error = Fault;
    type Future = std::future::Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let fields = parse_fields(request.query_string(), MOST_FIELDS);
        std::future::ready(fields.map(|fields| Self { fields, path: request.path().to_owned() }))
    }
}

/// The number in a path; anything else is a record that does not exist.
#[derive(Clone, Debug)]
pub struct Id(pub i64);

impl FromRequest for Id {
    type Error = Fault;
    type Future = std::future::Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let found = request.match_info().get("id").and_then(|text| text.parse().ok()).map(Self);
        std::future::ready(found.ok_or(Fault::Refused(domain::Refusal::NotFound)))
    }
}

/// The text in a path: a token or a hash.
#[derive(Clone, Debug)]
pub struct Token(pub String);

impl FromRequest for Token {
    type Error = Fault;
    type Future = std::future::Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let found = request
            .match_info()
            .get("token")
            .filter(|text| text.len() <= 100 && !text.contains('\0'))
            .map(|text| Self(text.to_owned()));
        std::future::ready(found.ok_or(Fault::Refused(domain::Refusal::NotFound)))
    }
}

/// The sender: the address, and the browser's own description.
#[derive(Clone, Debug)]
pub struct Sender {
    pub address: String,
    pub agent: String,
}

impl Sender {
    /// The name under which it is counted: of IPv6 the whole /64.
    #[must_use]
    pub fn name(&self) -> String {
        self.address.parse().map_or_else(|_| self.address.clone(), crate::allowance::sender_name)
    }

    /// The owner of held bytes while no person is signed in.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::Address(network(self.address.parse().unwrap_or(std::net::IpAddr::from([0, 0, 0, 0]))))
    }
}

/// The peer's address, or the address for which a trusted proxy speaks: the last in its list, which the proxy saw itself.
pub(super) fn sender_address(request: &HttpRequest) -> Option<std::net::IpAddr> {
    let peer = request.peer_addr()?.ip();
    let trusted = request.app_data::<web::Data<Shared>>().is_some_and(|app| app.config.trusted_proxies.contains(&peer));
    let forwarded = request.headers().get_all("x-forwarded-for").last().filter(|_| trusted);
    let last = forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    Some(last.unwrap_or(peer))
}

/// The signed-in caller, once the right has been checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub user_id: UserId,
    pub party_id: PartyId,
}

#[must_use]
pub(super) fn caller(request: &HttpRequest) -> Option<Caller> {
    request.extensions().get::<Caller>().copied()
}

/// On whose account the memory of this request goes.
#[must_use]
pub(super) fn owner(request: &HttpRequest) -> Owner {
    let nobody = std::net::IpAddr::from([0, 0, 0, 0]);
    caller(request).map_or_else(
        || Owner::Address(network(sender_address(request).unwrap_or(nobody))),
        |caller| Owner::Company(caller.party_id),
    )
}

impl FromRequest for Sender {
    type Error = Fault;
    type Future = std::future::Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let address = sender_address(request).map_or_else(String::new, |address| address.to_string());
        let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        std::future::ready(Ok(Self { address, agent }))
    }
}
