//! Starting the process: writer, jobs, web server; and ending it without losing what it accepted.

use crate::clock::Clock;
use crate::config::Config;
use crate::http::connection::Places;
use crate::http::listen::{self, Gate};
use crate::http::routes::{Routes, wrap};
use crate::http::{App, Shared, answers, lag};
use crate::jobs::{
    bank_channel, confirm_lists, end_of_day, import_files, send_mail, share_allowances, share_payments, sign_checkpoint,
};
use crate::limits::Limits;
use crate::writer::Writer;
#[cfg(feature = "demo")]
use actix_web::HttpServer;
use actix_web::{HttpResponse, web};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::StoreError;

/// A running server that can be asked to end.
pub struct Running {
    pub app: Shared,
    pub port: u16,
    handle: actix_web::dev::ServerHandle,
    server: std::thread::JoinHandle<std::io::Result<()>>,
    jobs: std::thread::JoinHandle<()>,
    sharing: std::thread::JoinHandle<()>,
    stop: Arc<AtomicBool>,
    writer_thread: std::thread::JoinHandle<()>,
}

fn io_fault(error: std::io::Error) -> StoreError {
    StoreError::Connection(error.to_string())
}

/// Opens the database, starts the writer and listens. Returns as soon as requests are answered.
pub fn start(config: Config, clock: Clock) -> Result<Running, StoreError> {
    let mut conn = store::connect(&config.database_url)?;
    store::migrate(&mut conn)?;
    drop(conn);
    let pool = store::open_pool(&config.database_url, 8)?;
    let (writer, writer_thread) = Writer::start(&config.database_url, clock.clone())?;
    let signer = crate::config::load_log_key(&config)?;
    if config.second_factor == crate::config::SecondFactor::Optional && !config.demo {
        tracing::warn!("nobody needs a second factor here: KONTOR_SECOND_FACTOR is optional");
    }
    let app = App::new(pool, writer, clock, config, signer);
    let stop = Arc::new(AtomicBool::new(false));
    let jobs = start_jobs(&app, &stop)?;
    let sharing = start_sharing(&app, &stop)?;
    if let Some(listen) = app.config.metrics_listen.clone() {
        start_metrics(&app, listen)?;
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let shared = Arc::clone(&app);
    let server =
        std::thread::Builder::new().name("http".to_owned()).spawn(move || run_http(&shared, &sender)).map_err(io_fault)?;
    let Ok((handle, port)) = receiver.recv() else {
        let error = server.join().map_or_else(
            |_| "the server did not start".to_owned(),
            |done| done.err().map_or_else(String::new, |error| error.to_string()),
        );
        return Err(StoreError::Connection(error));
    };
    Ok(Running { app, port, handle, server, jobs, sharing, stop, writer_thread })
}

#[cfg(feature = "demo")]
/// The least that this web server can do, with the same number of workers: what pages are measured against.
pub fn start_hello() -> std::io::Result<(impl FnOnce(), u16)> {
    start_bare(|config| {
        config.route("/", web::get().to(|| async { HttpResponse::Ok().body("hello") }));
    })
}

#[cfg(feature = "demo")]
/// This web server with nothing of Kontor in it, for the benches.
pub fn start_bare(routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static) -> std::io::Result<(impl FnOnce(), u16)> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let server = std::thread::Builder::new().name("bare".to_owned()).spawn(move || -> std::io::Result<()> {
        actix_web::rt::System::new().block_on(async {
            let server = HttpServer::new(move || actix_web::App::new().configure(routes.clone()))
                .workers(WORKERS)
                .disable_signals()
                .bind("127.0.0.1:0")?;
            let port = server.addrs().first().map_or(0, std::net::SocketAddr::port);
            let running = server.run();
            let _ = sender.send((running.handle(), port));
            running.await
        })
    })?;
    let (handle, port) = receiver.recv().map_err(std::io::Error::other)?;
    let stop = move || {
        drop(handle.stop(false));
        let _ = server.join();
    };
    Ok((stop, port))
}

/// Threads that answer requests.
const WORKERS: usize = 2;

fn run_http(app: &Shared, started: &std::sync::mpsc::Sender<(actix_web::dev::ServerHandle, u16)>) -> std::io::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let data = web::Data::new(Arc::clone(app));
        let limits = app.config.limits.clone();
        let connections = limits.connections();
        tracing::info!(connections, of_one_address = limits.connections_per_address, "bounds on connections");
        let gate = Gate { places: Arc::clone(&app.places), limits, each_worker: connections.div_ceil(WORKERS) };
        let listeners = listen::bind(&app.config.listen)?;
        let port = listeners.first().map_or(Ok(0), |first| first.local_addr().map(|address| address.port()))?;
        let running = listen::serve(listeners, WORKERS, &gate, move || {
            actix_web::rt::spawn(lag::watch());
            actix_web::App::new()
                .app_data(data.clone())
                .wrap(actix_web::middleware::from_fn(answers::count))
                .wrap(actix_web::middleware::Compress::default())
                .wrap(actix_web::middleware::from_fn(wrap))
                .configure(|config| Routes::all().configure(config))
        })?;
        let _ = started.send((running.handle(), port));
        running.await
    })
}

/// Counters on a listener of their own, which is not for the public; it ends with the process.
fn start_metrics(app: &Shared, listen: String) -> Result<(), StoreError> {
    let metrics_of = Arc::downgrade(app);
    let serve = move || {
        let app = move || {
            let app = metrics_of.clone();
            let answer = move || {
                std::future::ready(app.upgrade().map_or_else(|| HttpResponse::ServiceUnavailable().finish(), |app| metrics(&app)))
            };
            actix_web::App::new().wrap(actix_web::middleware::from_fn(answers::serve)).route("/metrics", web::get().to(answer))
        };
        // A few collectors ask, no people.
        let gate = Gate { places: Places::new(16, 32, &[]), limits: Limits::default(), each_worker: 32 };
        let ended = actix_web::rt::System::new().block_on(async { listen::serve(listen::bind(&listen)?, 1, &gate, app)?.await });
        if let Err(error) = ended {
            tracing::error!(%error, listen, "metrics are not served");
        }
    };
    std::thread::Builder::new().name("metrics".to_owned()).spawn(serve).map(|_| ()).map_err(io_fault)
}

fn start_jobs(app: &Shared, stop: &Arc<AtomicBool>) -> Result<std::thread::JoinHandle<()>, StoreError> {
    let (app, stop) = (Arc::clone(app), Arc::clone(stop));
    let work = move || {
        let mut round = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            if round.is_multiple_of(5) && !app.config.demo {
                report(&app, end_of_day::catch_up(&app, app.clock.now().date()).map(|_| ()), "end of day");
            }
            let ending = || stop.load(Ordering::Relaxed);
            if let Some(channel) = &app.config.bank {
                let round = bank_channel::go_on(&app.writer, &app.reader, channel, app.clock.now().date(), ending);
                report(&app, round.map(|_| ()), "bank channel");
            }
            report(&app, import_files::go_on(&app.writer, &app.pool, &app.reader, ending).map(|_| ()), "import files");
            report(&app, share_payments::go_on(&app.writer, &app.pool, ending).map(|_| ()), "share payments");
            report(&app, confirm_lists::go_on(&app.writer, &app.pool, ending).map(|_| ()), "confirm lists");
            report(&app, sign_checkpoint::run(&app), "sign checkpoint");
            report(&app, send_mail::queue(&app.writer, &app.pool, &app.config).map(|_| ()), "queue mails");
            report(&app, send_mail::send(&app.writer, &app.pool, &app.config, &app.clock).map(|_| ()), "send mails");
            round = round.wrapping_add(1);
            std::thread::sleep(Duration::from_millis(if app.config.demo { 300 } else { 1_000 }));
        }
    };
    std::thread::Builder::new().name("jobs".to_owned()).spawn(work).map_err(io_fault)
}

/// Counts against allowances go to the other processes about once a second, on a thread that no other job holds up.
fn start_sharing(app: &Shared, stop: &Arc<AtomicBool>) -> Result<std::thread::JoinHandle<()>, StoreError> {
    let (app, stop) = (Arc::clone(app), Arc::clone(stop));
    let work = move || {
        while !stop.load(Ordering::Relaxed) {
            report(&app, share_allowances::run(&app, false), "share allowances");
            std::thread::sleep(Duration::from_millis(if app.config.demo { 300 } else { 1_000 }));
        }
    };
    std::thread::Builder::new().name("allowances".to_owned()).spawn(work).map_err(io_fault)
}

/// How long the end waits for a database that does not answer.
const LAST: Duration = Duration::from_secs(10);

/// Shares the last counts and signs the log once more. On a database that does not answer this would wait without end, and so
/// would the writer.
fn sign_last(app: &Shared) -> std::io::Result<()> {
    let (app, (done, answer)) = (Arc::clone(app), std::sync::mpsc::channel());
    let sign = move || {
        report(&app, share_allowances::run(&app, true), "share allowances");
        report(&app, sign_checkpoint::run_last(&app), "sign checkpoint");
        drop(app);
        let _ = done.send(());
    };
    std::thread::Builder::new().name("sign".to_owned()).spawn(sign)?;
    answer.recv_timeout(LAST).map_err(|_| std::io::Error::other("the database does not answer: the log's end is not signed"))
}

fn report(app: &App, done: Result<(), crate::http::error::Fault>, job: &'static str) {
    app.troubles.note(job, &done);
    if let Err(fault) = done {
        tracing::error!(job, ?fault, "job failed; it is tried again");
    }
}

impl Running {
    /// Ends in order: /readyz says no, running requests finish, the log is signed once more, and the writer commits what it
    /// accepted.
    pub fn stop(self) -> std::io::Result<()> {
        self.app.draining.store(true, Ordering::Relaxed);
        self.stop.store(true, Ordering::Relaxed);
        // Dropping the future would not wait; a small runtime waits for the drain.
        actix_web::rt::System::new().block_on(self.handle.stop(true));
        let joined = |thread: std::thread::JoinHandle<()>| thread.join().map_err(|_| std::io::Error::other("a thread panicked"));
        self.server.join().map_err(|_| std::io::Error::other("the server panicked"))??;
        joined(self.jobs)?;
        joined(self.sharing)?;
        sign_last(&self.app)?;
        drop(self.app);
        joined(self.writer_thread)
    }

    /// Waits for SIGINT or SIGTERM, then ends in order. For as long as `drain` the server still answers everything while /readyz
    /// says no. So the load balancer takes notice before connections are refused.
    pub fn wait_for_signal(self, drain: Duration) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            #[cfg(unix)]
            {
                let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
            }
            #[cfg(not(unix))]
            tokio::signal::ctrl_c().await?;
            std::io::Result::Ok(())
        })?;
        self.app.draining.store(true, Ordering::Relaxed);
        tracing::info!(seconds = drain.as_secs(), "draining");
        std::thread::sleep(drain);
        self.stop()
    }
}

/// Counters for Prometheus, on a listener of their own.
fn metrics(app: &App) -> HttpResponse {
    let metrics = &app.writer.metrics;
    let mut text = String::new();
    for (name, counter) in [
        ("batches", &metrics.batches),
        ("commands", &metrics.commands),
        ("refusals", &metrics.refusals),
        ("busy", &metrics.busy),
        ("failures", &metrics.failures),
    ] {
        text.push_str(&format!(
            "# TYPE kontor_writer_{name}_total counter\nkontor_writer_{name}_total {}\n",
            counter.load(Ordering::Relaxed)
        ));
    }
    let (places, gauge, counter) = (&app.places, "gauge", "counter");
    let held = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    for (name, kind, value) in [
        ("connections", gauge, held(places.open.load(Ordering::Relaxed))),
        ("connections_put_out_total", counter, places.put_out.load(Ordering::Relaxed)),
        ("connections_turned_away_total", counter, places.turned_away.load(Ordering::Relaxed)),
        ("connections_cut_total", counter, places.cut.load(Ordering::Relaxed)),
        ("bodies_bytes", gauge, held(app.bodies.held())),
        ("strangers_bodies_bytes", gauge, held(app.strangers.held())),
        ("answers_bytes", gauge, held(app.answers.held())),
    ] {
        text.push_str(&format!("# TYPE kontor_{name} {kind}\nkontor_{name} {value}\n"));
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text)
}
