//! BAR.md R8: very many deliveries of which a third are repeats: later, at the same moment, or because nobody waited for the answer.

use e2e::load::{Answers, Buyer, market};
use e2e::world::PASSWORD;
use e2e::{Client, Database, rounds};
use std::collections::HashMap;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::records::Keyed;

const UNITS: i64 = 100;
const CALLERS: usize = 8;

/// What was answered to each key, by everybody who asked; what is wrong with it is told at the end.
type Told = Mutex<HashMap<String, Vec<(u16, serde_json::Value)>>>;

fn deliver(client: &Client, key: &str, body: &str, told: &Told) {
    let answer = client.api("buy-fractions", key, &serde_json::from_str(body).unwrap());
    let mut json = answer.json();
    json.as_object_mut().unwrap().remove("repeated");
    told.lock().unwrap().entry(key.to_owned()).or_default().push((answer.status, json));
}

/// The whole request, and nobody who reads the answer.
fn hang_up(buyer: &Buyer, key: &str) {
    let place = buyer.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(place).unwrap();
    let (token, body) = (&buyer.token, &buyer.body);
    let head = format!(
        "POST /api/v1/buy-fractions HTTP/1.1\r\nHost: {place}\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
}

/// Eleven deliveries of seven keys. `again` is what a repeat calls its key.
fn seven(buyer: &Buyer, client: &Client, group: usize, told: &Told, again: &dyn Fn(&str) -> String) {
    let key = |number: usize| format!("delivery-{group}-{number}");
    for number in 0..3 {
        deliver(client, &key(number), &buyer.body, told);
    }
    // Later, and not in the order of before.
    for number in [1, 0] {
        deliver(client, &again(&key(number)), &buyer.body, told);
    }
    std::thread::scope(|scope| {
        for name in [key(3), again(&key(3))] {
            scope.spawn(move || {
                let own = Client::new(&buyer.base);
                *own.token.borrow_mut() = buyer.token.clone();
                deliver(&own, &name, &buyer.body, told);
            });
        }
    });
    hang_up(buyer, &key(4));
    deliver(client, &again(&key(4)), &buyer.body, told);
    for number in 5..7 {
        deliver(client, &key(number), &buyer.body, told);
    }
}

/// What does not hold after so many groups of deliveries.
fn run(database: &Database, groups: usize, again: impl Fn(&str) -> String + Sync) -> Vec<String> {
    let (offer, left) = market(database);
    let running = server::serve::start(e2e::world::config(database, "http://kontor.test"), e2e::world::clock()).unwrap();
    let buyer = Buyer::new(&format!("http://127.0.0.1:{}", running.port), offer);
    let (told, next) = (Told::default(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            let (buyer, told, next, again) = (&buyer, &told, &next, &again);
            scope.spawn(move || {
                let client = Client::new(&buyer.base);
                *client.token.borrow_mut() = buyer.token.clone();
                loop {
                    let group = next.fetch_add(1, Ordering::Relaxed);
                    if group >= groups {
                        return;
                    }
                    seven(buyer, &client, group, told, again);
                }
            });
        }
    });
    // Another body under a known key, and the same key of another company.
    let client = Client::new(&buyer.base);
    *client.token.borrow_mut() = buyer.token.clone();
    let mut other: serde_json::Value = serde_json::from_str(&buyer.body).unwrap();
    other["units_minor"] = (2 * UNITS).into();
    let second = Client::new(&buyer.base);
    second.api_sign_in("financier2@kontor.example", PASSWORD);
    let body = serde_json::from_str(&buyer.body).unwrap();
    for group in (0..groups).step_by(10) {
        let key = format!("delivery-{group}-4");
        let reused = client.api("buy-fractions", &key, &other);
        assert_eq!((reused.status, reused.json()["code"].clone()), (422, "idempotency_key_reused".into()), "{key}");
        let foreign = second.api("buy-fractions", &key, &body);
        assert_eq!((foreign.status, foreign.json()["repeated"].clone()), (200, false.into()), "{key}");
    }
    let mut violations = Vec::new();
    for (key, answers) in told.into_inner().unwrap() {
        if answers.iter().any(|answer| answer.0 != 200 || *answer != answers[0]) {
            violations.push(format!("{key}: {answers:?}"));
        }
    }
    let wanted = 7 * groups + groups.div_ceil(10);
    let row = store::Offer::load(&mut store::connect(&database.url).unwrap(), offer).unwrap();
    let sold = (left - row.left_minor) / UNITS;
    if sold != i64::try_from(wanted).unwrap() {
        violations.push(format!("{sold} purchases for {wanted} keys"));
    }
    if Answers::kept(database, "delivery-") != wanted {
        violations.push(format!("{} records for {wanted} keys", Answers::kept(database, "delivery-")));
    }
    running.stop().unwrap();
    let (_, finding) = store::verify::verify(&mut store::connect(&database.url).unwrap()).unwrap();
    violations.extend(finding.map(|found| format!("{}: {}", found.place, found.problem)));
    violations
}

#[test]
fn a_delivery_that_comes_again_does_nothing_more() {
    let groups = usize::try_from(rounds(30, 1_000)).unwrap();
    for database in Database::both() {
        assert_eq!(run(&database, groups, str::to_owned), Vec::<String>::new(), "{}", database.kind);
        println!("{}: {} deliveries of {} keys", database.kind, 11 * groups, 7 * groups);
    }
    // Somebody who makes up a new key for what he repeats buys again, and this test sees it.
    assert!(!run(&Database::sqlite(), 5, |key| format!("{key}-again")).is_empty());
}
