//! The web: who may reach what, the shell around pages, and the server itself.

pub mod answers;
pub mod api;
pub mod body;
pub mod connection;
mod denials;
pub mod error;
pub mod gate;
mod json;
pub mod lag;
pub mod listen;
pub mod log;
pub mod openapi;
pub mod pages;
mod patience;
pub mod prove;
pub mod rights;
pub mod routes;
pub mod shares;
pub mod step_up;
pub mod upload;

use crate::allowance::Allowances;
use crate::auth::{Person, SessionCache};
use crate::clock::Clock;
use crate::commands::{Actor, Command, Outcome};
use crate::config::Config;
use crate::file_reader::{FileReader, Shown};
use crate::hashing::Hashing;
use crate::jobs::troubles::Troubles;
use crate::quotas::{self, Quotas};
use crate::writer::Writer;
use actix_web::HttpResponse;
use actix_web::http::header;
use error::Fault;
use kernel::PartyId;
use pages::navigation::Rail;
use shares::Stock;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use store::{Conn, Pool};
use web::{Language, Page, Shell};

/// The services that every handler can reach.
pub struct App {
    pub pool: Pool,
    pub writer: Writer,
    pub clock: Clock,
    pub config: Config,
    /// Reads what comes from outside.
    pub reader: FileReader,
    /// The log's key.
    pub signer: proof::note::Signer,
    pub sessions: SessionCache,
    /// Jobs that fail round after round.
    pub troubles: Troubles,
    pub places: Arc<connection::Places>,
    /// Bytes held in memory: bodies of people who are signed in, bodies of strangers, and large answers.
    pub bodies: Arc<Stock>,
    pub strangers: Arc<Stock>,
    pub answers: Arc<Stock>,
    pub allowances: Allowances,
    pub quotas: Quotas,
    pub hashing: Hashing,
    pub style_href: String,
    pub script_href: String,
    /// Reads that run or wait for a connection.
    reading: std::sync::atomic::AtomicUsize,
    /// Set when the process is about to end: /readyz answers 503 first.
    pub draining: std::sync::atomic::AtomicBool,
}

pub type Shared = Arc<App>;

/// Reads at once; beyond that the server asks a caller to come back instead of waiting longer and longer.
const MOST_READS: usize = 256;

/// One of the reads at once.
struct Turn(Shared);

impl Turn {
    fn take(app: Shared) -> Option<Self> {
        let others = app.reading.fetch_add(1, Ordering::Relaxed);
        Some(Self(app)).filter(|_| others < MOST_READS)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.reading.fetch_sub(1, Ordering::Relaxed);
    }
}

static TABLES: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);

/// How long a page may read.
const READ_DEADLINE: std::time::Duration = std::time::Duration::from_secs(12);

impl App {
    #[must_use]
    pub fn new(pool: Pool, writer: Writer, clock: Clock, config: Config, signer: proof::note::Signer) -> Shared {
        let short = |text: &str| crate::hash::sha256_hex(text.as_bytes()).get(..16).unwrap_or("0").to_owned();
        let stock = |(most, each)| Stock::new(most, each);
        let quotas = Quotas::new(config.limits.clone());
        let places =
            connection::Places::new(config.limits.connections_per_address, config.limits.connections(), &config.trusted_proxies);
        Arc::new(Self {
            pool,
            writer,
            allowances: Allowances::new(clock.clone()),
            clock,
            reader: FileReader::new(&config.file_reader).paced(config.limits.writes_per_second),
            config,
            signer,
            sessions: SessionCache::default(),
            troubles: Troubles::default(),
            places,
            quotas,
            bodies: stock(body::HELD_OF_MEMBERS),
            strangers: stock(body::HELD_OF_STRANGERS),
            answers: stock(answers::HELD),
            hashing: Hashing::start(),
            style_href: format!("/assets/{}.css", short(web::STYLES)),
            script_href: format!("/assets/{}.js", short(web::SCRIPT)),
            reading: std::sync::atomic::AtomicUsize::new(0),
            draining: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// Runs a read on a pooled connection, off the async threads.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Conn) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let app = Arc::clone(self);
        // Given back when the work ends, not when the caller stops waiting for it.
        let turn = Turn::take(Arc::clone(self)).ok_or(Fault::Busy)?;
        let done = actix_web::web::block(move || {
            let _turn = turn;
            let mut conn = app.pool.get().map_err(|_| Fault::Down)?;
            work(&mut conn)
        });
        let Ok(done) = tokio::time::timeout(READ_DEADLINE, done).await else {
            // The database's host may be gone without a signal; then every connection to it waits without end.
            self.pool.renew();
            return Err(Fault::Down);
        };
        done.map_err(|error| Fault::Failed(error.to_string()))?
    }

    /// The view of a stored file for the invoice of this number, as a reading of this company.
    pub async fn open(&self, company: PartyId, content: Vec<u8>, number: String) -> Result<Shown, Fault> {
        self.reader.show(company, content, number).await
    }

    /// The same of a file that is still to be read. Its share is held until it has been looked at.
    pub async fn open_stored(
        self: &Arc<Self>,
        company: PartyId,
        owner: shares::Owner,
        sha256: &str,
        number: String,
    ) -> Result<Shown, Fault> {
        let stored = answers::read_stored(self, owner, sha256).await?;
        self.open(company, stored.content, number).await
    }

    /// Submits a command and waits for its durable outcome.
    pub async fn submit(&self, actor: Actor, key: String, command: impl Into<Command>) -> Result<Outcome, Fault> {
        let command = command.into();
        let ends_sessions = matches!(
            command,
            Command::RevokeSessions(_)
                | Command::ChangeUser(_)
                | Command::EndSessions(_)
                | Command::DecideApproval(_)
                | Command::ChangePassword(_)
                | Command::ConfirmAddress(_)
                | Command::ResetPassword(_)
                | Command::SignIn(_)
                | Command::SetPreferences(_)
                | Command::DecideCompany(_)
                | Command::EnrolTotp(_)
                | Command::ResetFactor(_)
        );
        let taken = self.quotas.take(&self.allowances, &actor, &command)?;
        // Large tables come one by one, so that others wait for one of them at most.
        let alone = if quotas::is_large(&command) { TABLES.acquire().await.ok() } else { None };
        let reply = self.writer.submit(actor, key, command).await;
        drop(alone);
        if !matches!(&reply, Ok(outcome) if !outcome.repeated) {
            quotas::give_back(&self.allowances, &taken);
        }
        if ends_sessions {
            self.sessions.clear();
        }
        reply.map_err(Fault::from)
    }

    /// Sends a page inside the viewer's shell.
    pub async fn page(self: &Arc<Self>, viewer: &Viewer, page: Page) -> Result<HttpResponse, Fault> {
        self.page_with(viewer, page, actix_web::http::StatusCode::OK).await
    }

    pub async fn page_with(
        self: &Arc<Self>,
        viewer: &Viewer,
        page: Page,
        status: actix_web::http::StatusCode,
    ) -> Result<HttpResponse, Fault> {
        let shell = self.shell(viewer).await?;
        let html = shell.render(page, crate::hash::random_token).map_err(|error| Fault::Failed(error.to_string()))?;
        Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html))
    }

    async fn shell(self: &Arc<Self>, viewer: &Viewer) -> Result<Shell, Fault> {
        let mut shell = Shell {
            language: viewer.language,
            theme: viewer.theme.clone(),
            csrf: viewer.csrf.clone(),
            path: viewer.path.clone(),
            style_href: self.style_href.clone(),
            script_href: self.script_href.clone(),
            demo: self.config.demo,
            second_factor_optional: self.config.second_factor == crate::config::SecondFactor::Optional,
            request_id: viewer.request_id.clone(),
            ..Shell::default()
        };
        if let Some(person) = viewer.person.clone() {
            // A person who may do nothing yet does not see what waits.
            if gate::missing(self.config.second_factor, &person.user, &person.party).is_some() {
                (shell.company, shell.person) = (person.party.name, person.user.name);
                return Ok(shell);
            }
            if viewer.rail.get().is_none() {
                let person = person.clone();
                let rail = self.read(move |conn| Ok(Rail::load(conn, &person)?)).await?;
                let _ = viewer.rail.set(rail);
            }
            if let Some(rail) = viewer.rail.get() {
                shell.nav = rail.entries(&person, viewer.language, &viewer.path);
                shell.business_date = viewer.language.date(rail.business_date);
            }
            shell.company = person.party.name;
            shell.person = person.user.name;
        }
        Ok(shell)
    }
}

/// The viewer of a page, signed in or not.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The browser shows a session that is over.
    pub ended: bool,
    pub person: Option<Person>,
    pub language: Language,
    pub theme: String,
    pub csrf: String,
    pub path: String,
    pub request_id: String,
    /// Whether a page is asked for, and nothing is done before it is shown.
    pub shows: bool,
    /// The data that the shell shows, once it has been read.
    pub rail: Arc<OnceLock<Rail>>,
}

/// A redirect after a successful POST, so that reloading repeats nothing.
#[must_use]
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, path.to_owned())).finish()
}

/// Only a path on this server: no scheme, no host.
#[must_use]
pub fn local_path(path: &str) -> &str {
    let local = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\') && !path.chars().any(char::is_control);
    if local { path } else { "/" }
}
