//! The minimum that a durable purchase over HTTP needs: the same web server, a queue, one thread, one commit for all waiting
//! requests. It does the work of the baseline's purchase: a trade, two transfers, four entries with the balance after, four
//! accounts. It works set by set, without rights, rules, keys, audit or proof.

use super::Failure;
use super::purchases::{Figures, Load, load};
use crate::serve;
use actix_web::{HttpResponse, web};
use kernel::OfferId;
use serde::Deserialize;
use std::time::Duration;
use store::Conn;
use store::bare::{self, Rows};
use tokio::sync::{mpsc, oneshot};

/// As many as the writer takes into one commit.
const BATCH: usize = 512;

#[derive(Clone, Deserialize)]
struct Purchase {
    offer_id: OfferId,
    units_minor: i64,
    price_minor: i64,
}

type Waiting = (Purchase, oneshot::Sender<()>);

/// The state in memory between two commits.
#[derive(Default)]
struct Books {
    trades: i64,
    transfers: i64,
    entries: i64,
    /// The buyer's cash and units, then the seller's.
    balances: [i64; 4],
}

/// Accounts are numbered from 1.
fn account(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(0).saturating_add(1)
}

impl Books {
    fn add(&mut self, place: usize, amount: i64, rows: &mut Rows) {
        self.entries = self.entries.saturating_add(1);
        if let Some(balance) = self.balances.get_mut(place) {
            *balance = balance.saturating_add(amount);
            rows.entries.push([self.entries, self.transfers, account(place), amount, *balance]);
        }
    }

    fn transfer(&mut self, (from, to): (usize, usize), amount: i64, rows: &mut Rows) {
        self.transfers = self.transfers.saturating_add(1);
        rows.transfers.push([self.transfers, account(from), account(to), amount]);
        self.add(from, amount.saturating_neg(), rows);
        self.add(to, amount, rows);
    }

    /// Cash from the buyer to the seller, units from the seller to the buyer.
    fn buy(&mut self, purchase: &Purchase, rows: &mut Rows) {
        self.trades = self.trades.saturating_add(1);
        let Purchase { units_minor, price_minor, offer_id } = *purchase;
        rows.trades.push([self.trades, offer_id.0, 1, units_minor, price_minor]);
        self.transfer((0, 2), price_minor, rows);
        self.transfer((3, 1), units_minor, rows);
    }

    /// One commit for all of them.
    fn commit(&mut self, conn: &mut Conn, batch: &[Waiting]) -> Result<(), Failure> {
        let mut rows = Rows::default();
        for (purchase, _) in batch {
            self.buy(purchase, &mut rows);
        }
        store::connection::begin_batch(conn)?;
        bare::save(conn, &rows, self.balances)?;
        Ok(store::connection::commit_batch(conn)?)
    }
}

fn run_batches(mut conn: Conn, mut inbox: mpsc::Receiver<Waiting>) -> Result<(), Failure> {
    let (mut books, mut waiting) = (Books::default(), Vec::with_capacity(BATCH));
    while inbox.blocking_recv_many(&mut waiting, BATCH) > 0 {
        books.commit(&mut conn, &waiting)?;
        for (_, reply) in waiting.drain(..) {
            let _ = reply.send(());
        }
    }
    Ok(())
}

/// The same load as Kontor's on an empty database.
pub(super) fn measure(url: &str, wanted: &Load<'_>, length: Duration) -> Result<Figures, Failure> {
    let mut conn = store::connect(url)?;
    bare::create(&mut conn)?;
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
