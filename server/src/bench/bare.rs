//! The least that a durable purchase over HTTP can be: the same web server, a queue, one thread, one commit for all that wait; a trade
//! and four balances, without rights, rules, keys, journal, audit or proof.

use super::Failure;
use super::purchases::{Figures, Load, load};
use crate::serve;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use std::time::Duration;
use store::{Conn, query};
use tokio::sync::{mpsc, oneshot};

/// As many as the writer takes into one commit.
const BATCH: usize = 512;

const SCHEMA: &[&str] = &[
    "CREATE TABLE bare_accounts (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL)",
    "CREATE TABLE bare_trades (number BIGINT PRIMARY KEY, offer BIGINT NOT NULL, units BIGINT NOT NULL, price BIGINT NOT NULL)",
    "INSERT INTO bare_accounts VALUES (1, 0), (2, 0), (3, 0), (4, 0)",
];

#[derive(Clone, Deserialize)]
struct Purchase {
    offer_id: i64,
    units_minor: i64,
    price_minor: i64,
}

type Waiting = (Purchase, oneshot::Sender<()>);

/// One commit for all of them.
fn commit(conn: &mut Conn, last: &mut i64, batch: &[Waiting]) -> Result<(), Failure> {
    let mut rows = Vec::with_capacity(batch.len());
    let (mut units, mut prices) = (0_i64, 0_i64);
    for (purchase, _) in batch {
        *last = last.saturating_add(1);
        rows.push(format!("({last}, {}, {}, {})", purchase.offer_id, purchase.units_minor, purchase.price_minor));
        units = units.saturating_add(purchase.units_minor);
        prices = prices.saturating_add(purchase.price_minor);
    }
    store::connection::begin_batch(conn)?;
    query::execute(conn, &format!("INSERT INTO bare_trades VALUES {}", rows.join(", ")), &[])?;
    let moves = format!(
        "CASE id WHEN 1 THEN -CAST({prices} AS BIGINT) WHEN 2 THEN {prices} WHEN 3 THEN -CAST({units} AS BIGINT) ELSE {units} END"
    );
    query::execute(conn, &format!("UPDATE bare_accounts SET balance = balance + {moves}"), &[])?;
    Ok(store::connection::commit_batch(conn)?)
}

fn run_batches(mut conn: Conn, mut inbox: mpsc::Receiver<Waiting>) -> Result<(), Failure> {
    let (mut last, mut waiting) = (0, Vec::with_capacity(BATCH));
    while inbox.blocking_recv_many(&mut waiting, BATCH) > 0 {
        commit(&mut conn, &mut last, &waiting)?;
        for (_, reply) in waiting.drain(..) {
            let _ = reply.send(());
        }
    }
    Ok(())
}

/// The same load as Kontor's on an empty database.
pub(super) fn measure(url: &str, wanted: &Load<'_>, length: Duration) -> Result<Figures, Failure> {
    let mut conn = store::connect(url)?;
    for table in ["bare_accounts", "bare_trades"] {
        query::execute(&mut conn, &format!("DROP TABLE IF EXISTS {table}"), &[])?;
    }
    for statement in SCHEMA {
        query::execute(&mut conn, statement, &[])?;
    }
    let (queue, inbox) = mpsc::channel::<Waiting>(BATCH);
    let writer = std::thread::spawn(move || run_batches(conn, inbox).map_err(|error| error.to_string()));
    let (stop, port) = serve::start_bare(move |config| {
        let buy = |queue: web::Data<mpsc::Sender<Waiting>>, body: web::Json<Purchase>| async move {
            let (reply, done) = oneshot::channel();
            let sent = queue.send((body.into_inner(), reply)).await;
            if sent.is_ok() && done.await.is_ok() {
                HttpResponse::Ok().body("{}")
            } else {
                HttpResponse::InternalServerError().finish()
            }
        };
        config.app_data(web::Data::new(queue.clone())).route("/api/v1/buy-fractions", web::post().to(buy));
    })?;
    let found = load(&Load { port, ..*wanted }, &|elapsed| elapsed < length);
    stop();
    writer.join().map_err(|_| "the prototype panicked")??;
    found
}
