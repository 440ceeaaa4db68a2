//! Rights as types: a handler's first argument says who may call it, and the route table reads it from there.

use super::error::Fault;
use super::pages::navigation::{Rail, Waiting};
use super::step_up::{self, Brought};
use super::{Shared, Viewer, gate};
use crate::auth::{self, Person};
use crate::commands::people::touch_session::TouchSession;
use crate::commands::{Actor, Command, Outcome, Trial};
use crate::view::Reader;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use domain::Refusal;
use domain::party::{Capacity, Role, SessionKind, Theme};
use kernel::{PartyId, UserId};
use serde_json::json;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use store::Conn;
use web_texts::Language;

use ::web as web_texts;

/// A right that a route asks for.
pub trait Right: 'static {
    const NAME: &'static str;
    /// Whether anybody may come, signed in or not.
    const PUBLIC: bool = false;
    fn allows(person: &Person) -> bool;
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $check:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;
            impl Right for $name {
                const NAME: &'static str = $text;
                fn allows(person: &Person) -> bool { let check: fn(&Person) -> bool = $check; check(person) }
            }
        )+
    };
}

fn can(person: &Person, capacity: Capacity, roles: &[Role]) -> bool {
    person.has_capacity(capacity) && (roles.is_empty() || roles.iter().any(|role| person.has_role(*role)))
}

/// Anybody, signed in or not.
#[derive(Clone, Copy, Debug)]
pub struct Anyone;
impl Right for Anyone {
    const NAME: &'static str = "anyone";
    const PUBLIC: bool = true;
    fn allows(_person: &Person) -> bool {
        true
    }
}

rights! {
    /// Everybody who is signed in.
    Member = "member", |_| true;
    Administrator = "administrator", |p| p.has_role(Role::Administrator);
    /// May ask for something on the company's behalf.
    Maker = "maker", |p| p.has_role(Role::Maker);
    Checker = "checker", |p| p.has_role(Role::Checker);
    SupplierViewer = "supplier viewer", |p| can(p, Capacity::Supplier, &[]);
    SupplierMaker = "supplier maker", |p| can(p, Capacity::Supplier, &[Role::Maker]);
    /// May bind the supplier to a programme's terms.
    SupplierSigner = "supplier maker or administrator", |p| can(p, Capacity::Supplier, &[Role::Maker, Role::Administrator]);
    BuyerViewer = "buyer viewer", |p| can(p, Capacity::Buyer, &[]);
    BuyerMaker = "buyer maker", |p| can(p, Capacity::Buyer, &[Role::Maker]);
    FinancierViewer = "financier viewer", |p| can(p, Capacity::Financier, &[]);
    FinancierMaker = "financier maker", |p| can(p, Capacity::Financier, &[Role::Maker]);
    OperatorViewer = "operator viewer", |p| can(p, Capacity::Operator, &[]);
    OperatorMaker = "operator maker", |p| can(p, Capacity::Operator, &[Role::Maker]);
}

/// The caller, with the right `R` proven. On a public route it may have no signed-in person.
pub struct Who<R: Right> {
    pub app: Shared,
    pub viewer: Viewer,
    person: Option<Person>,
    /// The proof of the act in the request.
    brought: Arc<OnceLock<Brought>>,
    /// The request asks what would happen (`?dry_run=1`): nothing may be written.
    dry_run: bool,
    right: PhantomData<R>,
}

/// Rights whose holder is always signed in.
pub trait SignedIn: Right {}
macro_rules! signed_in { ($($name:ident),+) => { $(impl SignedIn for $name {})+ }; }
signed_in!(
    Member,
    Administrator,
    Maker,
    Checker,
    SupplierViewer,
    SupplierMaker,
    SupplierSigner,
    BuyerViewer,
    BuyerMaker,
    FinancierViewer,
    FinancierMaker,
    OperatorViewer,
    OperatorMaker
);

impl<R: Right> Who<R> {
    #[must_use]
    pub fn language(&self) -> Language {
        self.viewer.language
    }
    #[must_use]
    pub fn t(&self, key: &str) -> String {
        self.viewer.language.t(key)
    }
    /// The same caller under another right, for pages that several rights share.
    #[must_use]
    pub fn as_right<S: Right>(self) -> Who<S> {
        let Self { app, viewer, person, brought, dry_run, .. } = self;
        Who { app, viewer, person, brought, dry_run, right: PhantomData }
    }
    /// Reads for a page, and in the same turn reads the data of the shell around it.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.read_waiting(|conn, _| work(conn)).await
    }
    /// The same, for a page that shows open work for its reader.
    pub async fn read_waiting<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn, &[Waiting]) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (person, rail, shown) = (self.viewer.person.clone(), Arc::clone(&self.viewer.rail), self.viewer.shows);
        self.app
            .read(move |conn| {
                if let Some(person) = person.filter(|_| shown && rail.get().is_none()) {
                    let _ = rail.set(Rail::load(conn, &person)?);
                }
                work(conn, rail.get().map_or(&[], |rail| rail.waiting.as_slice()))
            })
            .await
    }
    #[must_use]
    pub fn maybe_person(&self) -> Option<&Person> {
        self.person.as_ref()
    }
}

impl<R: SignedIn> Who<R> {
    /// The signed-in person; the extractor has made sure that there is one.
    pub fn person(&self) -> Result<&Person, Fault> {
        self.person.as_ref().ok_or(Fault::SignInNeeded)
    }
    pub fn party_id(&self) -> Result<PartyId, Fault> {
        Ok(self.person()?.party.id)
    }
    pub fn actor(&self) -> Result<Actor, Fault> {
        Ok(self.person()?.actor())
    }
    /// Submits a command as this person, with a fresh code where it asks for one.
    pub async fn submit(&self, key: &str, command: impl Into<Command>) -> Result<Outcome, Fault> {
        // A handler that forgot to check for a trial still writes nothing.
        if self.dry_run {
            return Err(Fault::BadRequest("dry_run_not_possible"));
        }
        let command = command.into();
        let proof = step_up::prove(&self.app, self.person()?, &command, self.brought.get()).await?;
        self.app.submit(Actor { proof, ..self.actor()? }, key.to_owned(), command).await
    }
}

impl<R: SignedIn> Who<R> {
    /// Decides about a command as this person, on a connection for reading: it refuses whatever the writer would refuse.
    pub async fn try_out(&self, command: &Command) -> Result<Trial, Fault> {
        let (command, actor, now) = (command.clone(), self.actor()?, self.app.clock.now());
        self.app
            .read(move |conn| {
                let mut view = Reader::open(conn, now)?;
                Ok(crate::commands::try_out(&mut view, &actor, &command)?)
            })
            .await
    }

    /// The answer to a request that asks what would happen; none where it asks for the act itself.
    pub async fn trial(&self, command: &Command) -> Result<Option<HttpResponse>, Fault> {
        if !self.dry_run {
            return Ok(None);
        }
        // It counts like the act: a dry run asks what the bounds on acts keep from being asked without end.
        self.app.quotas.take(&self.app.allowances, &self.actor()?, command)?;
        let Trial { second_person } = self.try_out(command).await?;
        let body = json!({ "dry_run": true, "command": command.name(), "needs_second_person": second_person });
        Ok(Some(HttpResponse::Ok().json(body)))
    }
}

/// Whether a request to the API asks what would happen. Any value but 0 does, so that a misspelt one writes nothing.
pub(super) fn is_dry_run(request: &HttpRequest) -> bool {
    is_api(request)
        && request
            .query_string()
            .split('&')
            .any(|part| part == "dry_run" || (part.starts_with("dry_run=") && part != "dry_run=0"))
}

/// The name of the session's cookie: bound to this host, HTTPS only.
pub const SESSION_COOKIE: &str = "__Host-session";
pub const LANGUAGE_COOKIE: &str = "__Host-language";
pub const THEME_COOKIE: &str = "__Host-theme";
/// Guards forms that are sent before anybody is signed in.
pub const CSRF_COOKIE: &str = "__Host-csrf";

fn is_api(request: &HttpRequest) -> bool {
    request.path().starts_with("/api/")
}

/// The hash of the token that the request carries: cookie for pages, bearer for the API, never the other way.
fn token_hash(request: &HttpRequest, app: &Shared) -> Option<(String, Option<UserId>)> {
    if is_api(request) {
        let header = request.headers().get(actix_web::http::header::AUTHORIZATION)?.to_str().ok()?;
        let (token, user) = auth::read_token(&app.config.secret, header.strip_prefix("Bearer ")?, app.clock.now())?;
        return Some((crate::hash::sha256_hex(token.as_bytes()), Some(user)));
    }
    let cookie = request.cookie(SESSION_COOKIE)?;
    Some((crate::hash::sha256_hex(cookie.value().as_bytes()), None))
}

/// The person behind the request, whatever kind of session it is.
pub(super) async fn find_session(request: &HttpRequest, app: &Shared) -> Result<Option<Person>, Fault> {
    let Some((hash, user)) = token_hash(request, app) else { return Ok(None) };
    let person = match app.sessions.get(&hash) {
        Some(person) => Some(person),
        None => {
            let (clock, key) = (app.clock.clone(), hash.clone());
            let found = app.read(move |conn| Ok(auth::find_person(conn, &key, &clock)?)).await?;
            if let Some(person) = &found {
                app.sessions.put(&hash, person.clone());
                touch(app, person);
            }
            found
        }
    };
    let wanted_kind = if is_api(request) { SessionKind::Api } else { SessionKind::Page };
    Ok(person.filter(|person| {
        let kind = person.session.kind;
        (kind == wanted_kind || (kind == SessionKind::Pending && wanted_kind == SessionKind::Page))
            && user.is_none_or(|id| id == person.user.id)
    }))
}

/// Notes once a minute that a session is in use; the caller does not wait for it.
fn touch(app: &Shared, person: &Person) {
    let seen = app.clock.now().signed_duration_since(person.session.seen_at).num_seconds();
    if seen >= 60 {
        let (app, session_id) = (app.clone(), person.session.id);
        actix_web::rt::spawn(async move {
            let key = crate::hash::random_token();
            let _ = app.writer.submit(Actor::DOOR, key, TouchSession { session_id }.into()).await;
        });
    }
}

/// Language, theme and token of the viewer.
pub(super) fn viewer(request: &HttpRequest, person: Option<Person>) -> Viewer {
    let cookie = |name: &str| request.cookie(name).map(|cookie| cookie.value().to_owned());
    let accepted =
        request.headers().get(actix_web::http::header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let language = cookie(LANGUAGE_COOKIE).or_else(|| person.as_ref().map(|person| person.user.language.name().to_owned()));
    let theme = cookie(THEME_COOKIE).filter(|theme| Theme::parse(theme).is_some());
    let theme = theme.or_else(|| person.as_ref().map(|person| person.user.theme.name().to_owned()));
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let csrf = person
        .as_ref()
        .map(|person| person.session.csrf.clone())
        .or_else(|| request.extensions().get::<super::routes::FreshCsrf>().map(|fresh| fresh.0.clone()));
    let ended = person.is_none() && request.cookie(SESSION_COOKIE).is_some();
    let signed_in = person.filter(|person| person.session.kind != SessionKind::Pending);
    Viewer {
        ended,
        language: Language::parse(&language.unwrap_or_else(|| accepted.to_owned())),
        theme: theme.unwrap_or_else(|| "system".to_owned()),
        csrf: csrf.unwrap_or_default(),
        path,
        request_id: request.extensions().get::<super::routes::RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
        person: signed_in,
        shows: request.method() == actix_web::http::Method::GET && !is_api(request),
        rail: Arc::default(),
    }
}

impl<R: Right> FromRequest for Who<R> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = request.app_data::<web::Data<Shared>>().map(|data| data.get_ref().clone());
            let app = app.ok_or_else(|| Fault::Failed("no application state".to_owned()))?;
            let session = find_session(&request, &app).await?;
            if let Some(person) = session.as_ref().filter(|person| person.session.kind != SessionKind::Pending) {
                let (user_id, party_id) = (person.user.id, person.party.id);
                request.extensions_mut().insert(super::routes::Caller { user_id, party_id });
            }
            let viewer = viewer(&request, session.clone());
            let person = session.filter(|person| R::PUBLIC || person.session.kind != SessionKind::Pending);
            if !R::PUBLIC {
                let someone = person.as_ref().ok_or(Fault::SignInNeeded)?;
                gate::check(&app, someone, &request)?;
                if !R::allows(someone) {
                    return Err(Refusal::NotPermitted.into());
                }
            }
            let brought = step_up::brought(&request, is_api(&request));
            let dry_run = is_dry_run(&request);
            Ok(Self { app, viewer, person, brought, dry_run, right: PhantomData })
        })
    }
}

/// A tuple of handler arguments that begins with the right.
pub trait Guarded {
    const RIGHT: &'static str;
    const PUBLIC: bool;
    /// Proves the right alone, before anything else of the request is read.
    fn check(request: &HttpRequest) -> Pin<Box<dyn Future<Output = Result<(), Fault>>>>;
}

macro_rules! guarded {
    ($($more:ident),*) => {
        impl<R: Right, $($more),*> Guarded for (Who<R>, $($more,)*) {
            const RIGHT: &'static str = R::NAME;
            const PUBLIC: bool = R::PUBLIC;
            fn check(request: &HttpRequest) -> Pin<Box<dyn Future<Output = Result<(), Fault>>>> {
                let who = Who::<R>::from_request(request, &mut Payload::None);
                Box::pin(async move { who.await.map(|_| ()) })
            }
        }
    };
}
guarded!();
guarded!(A);
guarded!(A, B);
guarded!(A, B, C);
