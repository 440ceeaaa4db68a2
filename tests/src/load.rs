//! Buyers that go on buying one deep offer over HTTP, and write down the answers.

use crate::client::Client;
use crate::databases::Database;
use crate::world::PASSWORD;
use kernel::OfferId;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::records::{Keyed, Record};

/// A demo world in which one deep offer can be bought cent by cent, whatever day it is: the offer, and its units left.
pub fn market(database: &Database) -> (OfferId, i64) {
    market_of(database, 1)[0]
}

/// The same with several offers, all owed by one buyer.
pub fn market_of(database: &Database, offers: usize) -> Vec<(OfferId, i64)> {
    let lots = server::demo::history::build_market(&database.url, offers, true, &crate::world::clock()).unwrap();
    let mut conn = store::connect(&database.url).unwrap();
    let left =
        |lot: &server::demo::history::Lot| store::Offer::load(&mut conn, lot.offer_id).map(|offer| (offer.id, offer.left_minor));
    lots.iter().map(left).collect::<Result<_, _>>().unwrap()
}

/// The price of `units` today, as the market shows it.
#[must_use]
pub fn price(client: &Client, offer: OfferId, units: i64) -> i64 {
    let answer = client.get(&format!("/api/v1/offers/quote?offer_id={offer}&units_minor={units}"));
    answer.json()["price_minor"].as_i64().unwrap_or_else(|| panic!("{}", answer.body))
}

/// The data of every buyer of a load: the address, the token and the body of its request.
#[derive(Clone, Debug)]
pub struct Buyer {
    pub base: String,
    pub token: String,
    pub body: String,
    http: reqwest::blocking::Client,
}

impl Buyer {
    /// Signs in as a financier and asks for the price of a hundred units.
    #[must_use]
    pub fn new(base: &str, offer: OfferId) -> Self {
        let client = Client::new(base);
        client.api_sign_in("financier1@kontor.example", PASSWORD);
        let price = price(&client, offer, 100);
        let body = serde_json::json!({ "offer_id": offer, "units_minor": 100, "price_minor": price }).to_string();
        Self { base: base.to_owned(), token: client.token.take(), body, http: http(Duration::from_secs(15)) }
    }

    /// The same against another process on the same database.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// The same on connections of its own.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { http: http(Duration::from_secs(15)), ..self.clone() }
    }

    /// One purchase; None when there was no answer.
    #[must_use]
    pub fn buy(&self, key: &str) -> Option<u16> {
        self.answer(key).map(|(status, _)| status)
    }

    /// Status and the seconds of Retry-After.
    #[must_use]
    pub fn answer(&self, key: &str) -> Option<(u16, Option<u64>)> {
        let request = self
            .http
            .post(format!("{}/api/v1/buy-fractions", self.base))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", key);
        let answer = request.body(self.body.clone()).send().ok()?;
        let seconds = answer.headers().get("Retry-After").and_then(|value| value.to_str().ok()?.parse().ok());
        Some((answer.status().as_u16(), seconds))
    }
}

#[must_use]
pub fn http(timeout: Duration) -> reqwest::blocking::Client {
    reqwest::blocking::Client::builder().timeout(timeout).build().expect("a client")
}

/// The status of a page without a session, or zero.
#[must_use]
pub fn status(base: &str, path: &str) -> u16 {
    http(Duration::from_secs(3)).get(format!("{base}{path}")).send().map_or(0, |answer| answer.status().as_u16())
}

/// Keys by their answer.
#[derive(Debug, Default)]
pub struct Answers {
    pub acknowledged: Mutex<Vec<String>>,
    /// 503, or no answer at all.
    pub unknown: Mutex<Vec<String>>,
    /// Anything else, with its status.
    pub other: Mutex<Vec<(String, u16)>>,
}

impl Answers {
    pub fn note(&self, key: String, status: Option<u16>) {
        match status {
            Some(200) => self.acknowledged.lock().unwrap().push(key),
            Some(503) | None => self.unknown.lock().unwrap().push(key),
            Some(status) => self.other.lock().unwrap().push((key, status)),
        }
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// How many commands whose keys begin with `prefix` are in the audit.
    #[must_use]
    pub fn kept(database: &Database, prefix: &str) -> usize {
        let mut conn = store::connect(&database.url).unwrap();
        let rows = store::AuditRecord::list_where(&mut conn, &format!("idempotency_key LIKE '{prefix}%'"), &[]).unwrap();
        rows.len()
    }

    /// The four checks after a fault, and every way in which they do not hold. Keys begin with `prefix`.
    #[must_use]
    pub fn violations(&self, database: &Database, prefix: &str, (offer, left_before): (OfferId, i64)) -> Vec<String> {
        let (acknowledged, unknown) = (self.acknowledged.lock().unwrap(), self.unknown.lock().unwrap());
        let mut conn = store::connect(&database.url).unwrap();
        let rows = store::AuditRecord::list_where(&mut conn, &format!("idempotency_key LIKE '{prefix}%'"), &[]).unwrap();
        let keys: BTreeSet<&str> = rows.iter().map(|row| row.idempotency_key.as_str()).collect();
        let mut violations = Vec::new();
        if keys.len() != rows.len() {
            violations.push(format!("{} keys twice", rows.len() - keys.len()));
        }
        let missing = acknowledged.iter().filter(|key| !keys.contains(key.as_str())).count();
        if missing > 0 {
            violations.push(format!("{missing} of {} acknowledged and lost", acknowledged.len()));
        }
        let known: BTreeSet<&str> = acknowledged.iter().chain(unknown.iter()).map(String::as_str).collect();
        if !keys.iter().all(|key| known.contains(key)) {
            violations.push("something that nobody sent, or that was refused".to_owned());
        }
        let row = store::Offer::load(&mut conn, offer).unwrap();
        if left_before - row.left_minor != i64::try_from(rows.len()).unwrap() * 100 {
            violations.push("units sold and left do not equal what was offered".to_owned());
        }
        violations.extend(store::verify::verify(&mut conn).unwrap().1.map(|finding| format!("{finding:?}")));
        violations
    }
}

/// Runs `workers` buyers at once until `stop`; keys are `prefix-worker-number`.
pub fn buy_until(buyer: &Buyer, workers: usize, prefix: &str, stop: &AtomicBool, answers: &Answers) {
    std::thread::scope(|scope| {
        for worker in 0..workers {
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let key = format!("{prefix}-{worker}-{number}");
                    answers.note(key.clone(), buyer.buy(&key));
                }
            });
        }
    });
}

/// Ends the buyers when its scope ends, also by a failed assertion.
#[derive(Debug)]
pub struct Ends<'a>(pub &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
