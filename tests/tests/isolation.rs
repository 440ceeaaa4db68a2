//! Two processes on one PostgreSQL, and histories that no order of the commands could have made: BAR.md R10.

use e2e::load::{Answers, Buyer, Ends, market_of};
use e2e::{Client, Database};
use kernel::OfferId;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use store::records::{Keyed, Record};

/// What one read saw of the two offers: how many purchases had been appended to each, and how many it had to see, since
/// they had been acknowledged before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    bought: [i64; 2],
    known: [i64; 2],
}

/// Why these reads have no order: a read that misses what was acknowledged before it began (a lost or stale update), or two
/// reads of which each misses something that the other saw (a cycle of anti-dependencies: long fork, G2-item).
fn anomaly(reads: &[Seen]) -> Option<String> {
    let stale = reads.iter().find(|read| (0..2).any(|offer| read.bought[offer] < read.known[offer]));
    if let Some(read) = stale {
        return Some(format!("stale: {read:?}"));
    }
    let mut ordered: Vec<[i64; 2]> = reads.iter().map(|read| read.bought).collect();
    ordered.sort_unstable();
    let fork = ordered.windows(2).find(|pair| pair[1][1] < pair[0][1]);
    fork.map(|pair| format!("fork: {pair:?}"))
}

fn read(client: &Client, offers: &[(OfferId, i64)], acknowledged: &[AtomicI64; 2]) -> Seen {
    let known = [0, 1].map(|offer| acknowledged[offer].load(Ordering::SeqCst));
    let answer = client.get("/api/v1/offers?size=100");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let rows = answer.json();
    let left =
        |id: OfferId| rows["items"].as_array().unwrap().iter().find(|row| row["id"] == id.0).unwrap()["left_minor"].as_i64();
    Seen { bought: [0, 1].map(|offer| (offers[offer].1 - left(offers[offer].0).unwrap()) / 100), known }
}

/// R10: sixteen buyers on two offers through two processes, whose common limit ends before the offers do, and four readers.
#[test]
fn two_processes_make_one_history() {
    let Some(database) = Database::postgres() else { return };
    let offers = market_of(&database, 2);
    let mut conn = store::connect(&database.url).unwrap();
    let room = i64::try_from(e2e::rounds(200, 5_000)).unwrap();
    let person = store::User::find_where(&mut conn, "email = ?", &["financier1@kontor.example".into()]).unwrap().unwrap();
    let start = || server::serve::start(e2e::world::config(&database, "http://kontor.test"), e2e::world::clock()).unwrap();
    let servers = [start(), start()];
    let bases = [0, 1].map(|server: usize| format!("http://127.0.0.1:{}", servers[server].port));
    let desk = e2e::Client::new(&bases[0]);
    desk.api_sign_in("financier1@kontor.example", e2e::world::PASSWORD);
    for row in store::BuyerLimit::list_where(&mut conn, "financier_id = ?", &[person.party_id.into()]).unwrap() {
        let limit =
            serde_json::json!({ "buyer_id": row.buyer_id, "currency": row.currency, "limit_minor": row.used_minor + room * 100 });
        assert_eq!(desk.api("set-buyer-limit", &format!("room-for-{}", row.id), &limit).status, 200);
    }
    let buyers = [0, 1].map(|offer: usize| Buyer::new(&bases[0], offers[offer].0));
    let acknowledged = [AtomicI64::new(0), AtomicI64::new(0)];
    let (answers, full) = (Answers::default(), AtomicBool::new(false));
    let reads: Vec<Seen> = std::thread::scope(|scope| {
        let (bases, buyers, acknowledged, answers, full, offers) = (&bases, &buyers, &acknowledged, &answers, &full, &offers);
        let _ends = Ends(full);
        let readers: Vec<_> = (0..4)
            .map(|number| {
                scope.spawn(move || {
                    let client = Client::new(&bases[number % 2]);
                    *client.token.borrow_mut() = buyers[0].token.clone();
                    let mut seen = Vec::new();
                    while !full.load(Ordering::Relaxed) {
                        seen.push(read(&client, offers, acknowledged));
                    }
                    seen
                })
            })
            .collect();
        let writers: Vec<_> = (0..16)
            .map(|number| {
                let (offer, buyer) = (number % 2, buyers[number % 2].at(&bases[number / 2 % 2]));
                scope.spawn(move || {
                    for purchase in 0.. {
                        let key = format!("isolation-{number}-{purchase}");
                        let status = buyer.buy(&key);
                        answers.note(key, status);
                        if status != Some(200) {
                            break;
                        }
                        acknowledged[offer].fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        full.store(true, Ordering::Relaxed);
        readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
    });
    println!("{} purchases through two processes, {} reads", answers.count(), reads.len());
    assert!(reads.len() > 20);
    assert_eq!(anomaly(&reads), None);
    // Write skew: each purchase alone fits into the limit; all together they end exactly at it.
    assert_eq!(i64::try_from(answers.count()).unwrap(), room);
    let other = answers.other.lock().unwrap();
    assert!(
        other.len() == 16 && other.iter().all(|(_, status)| *status == 409),
        "refused by the limit, never by the database: {other:?}"
    );
    assert!(answers.unknown.lock().unwrap().is_empty(), "{:?}", answers.unknown);
    let sold: i64 = offers.iter().map(|(id, left)| left - store::Offer::load(&mut conn, *id).unwrap().left_minor).sum();
    assert_eq!(sold, room * 100);
    assert_eq!(store::verify::verify(&mut conn).unwrap().1, None);
    for running in servers {
        running.stop().unwrap();
    }
}

/// The negative control: histories with each anomaly are told from those without.
#[test]
fn anomalies_are_told() {
    let seen = |bought: [i64; 2], known: [i64; 2]| Seen { bought, known };
    assert_eq!(anomaly(&[seen([0, 0], [0, 0]), seen([1, 0], [0, 0]), seen([1, 2], [1, 0])]), None);
    assert!(anomaly(&[seen([1, 0], [0, 0]), seen([0, 1], [0, 0])]).is_some_and(|found| found.contains("fork")));
    assert!(anomaly(&[seen([1, 0], [1, 1])]).is_some_and(|found| found.contains("stale")));
}
