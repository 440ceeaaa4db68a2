//! Bodies that never end, readers that never read, connections by the thousand, quotas, and what the log says of it: BAR.md S11, S12, S15.

use crate::survival::{Process, wait_ready};
use e2e::world::{PASSWORD, World};
use e2e::{Client, Database, databases};
use server::limits::Limits;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::records::Record;

/// Long enough on a busy machine, and much shorter than what a test waits at most.
const SHORT: Duration = Duration::from_millis(1_500);
const LONG: Duration = Duration::from_secs(40);

fn quick(limits: &mut Limits) {
    (limits.body_patience, limits.answer_patience, limits.unserved) = (SHORT, SHORT, SHORT);
}

fn world(change: impl FnOnce(&mut Limits)) -> World {
    World::start_with(Database::sqlite(), "2026-11-20", &["EUR"], |config| {
        quick(&mut config.limits);
        change(&mut config.limits);
    })
}

fn connect(base: &str) -> TcpStream {
    let stream = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// All that comes until the server ends the connection.
fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => all.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("the connection stays open"),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

fn head(path: &str, kind: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: kontor.test\r\nContent-Type: {kind}\r\n{more}\r\n\r\n")
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Attack 5: a body of which a byte comes now and then is answered 408, and the connection ends, whatever reads it.
#[test]
fn a_body_that_drips_or_stands_still_is_cut() {
    let world = world(|_| {});
    let member = world.signed_in("operator@x.example");
    let session = format!("\r\nCookie: __Host-session={}", member.cookie("__Host-session"));
    let token = world.api("operator@x.example").token.take();
    let bearer = format!("\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: drip-drip");
    for (path, kind, more, drips) in [
        ("/login", FORM, "Content-Length: 1000".to_owned(), true),
        ("/login", FORM, "Transfer-Encoding: chunked".to_owned(), false),
        ("/api/v1/token", JSON, "Content-Length: 1000".to_owned(), true),
        ("/ops/bank-files", "multipart/form-data; boundary=x", format!("Content-Length: 1000{session}"), true),
        ("/api/v1/write-message", JSON, format!("Content-Length: 1000{bearer}"), true),
        ("/api/v1/import-statement", "application/xml", format!("Content-Length: 1000{bearer}"), false),
    ] {
        let mut stream = connect(&world.base);
        stream.write_all(head(path, kind, &more).as_bytes()).unwrap();
        let mut writer = stream.try_clone().unwrap();
        let dripping = std::thread::spawn(move || {
            let began = Instant::now();
            while drips && began.elapsed() < LONG && writer.write_all(b"-").is_ok() {
                std::thread::sleep(SHORT / 5);
            }
        });
        let answer = rest(&mut stream);
        drop(stream);
        dripping.join().unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{path} {more}: {answer}");
    }
    assert_eq!(world.app().bodies.held() + world.app().strangers.held(), 0);
}

/// A large body that stands still near its end is cut as soon as a small one: what came quickly buys no time.
#[test]
fn a_large_body_that_stands_still_is_cut_and_its_memory_comes_back() {
    let world = world(|_| {});
    let token = world.api("operator@x.example").token.take();
    let more = format!("Content-Length: 5000000\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: large-large");
    let mut stream = connect(&world.base);
    stream.write_all(head("/api/v1/import-statement", "application/xml", &more).as_bytes()).unwrap();
    stream.write_all(&vec![b'a'; 4_900_000]).unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("body_too_slow"), "{answer}");
    assert_eq!(world.app().bodies.held(), 0);
}

/// Large bodies that somebody lets wait are bounded in all, and small ones of the same company go through beside them.
#[test]
fn large_bodies_under_way_are_bounded_and_leave_room_for_small_ones() {
    let world = world(|limits| limits.body_patience = LONG);
    let member = world.api("operator@x.example");
    let more =
        format!("Content-Length: 5000000\r\nAuthorization: Bearer {}\r\nIdempotency-Key: many-many", member.token.borrow());
    let (most, bodies) = (server::http::body::HELD_OF_MEMBERS.1, &world.app().bodies);
    let mut held: Vec<TcpStream> = (0..14)
        .map(|_| {
            let mut stream = connect(&world.base);
            stream.write_all(head("/api/v1/import-statement", "application/xml", &more).as_bytes()).unwrap();
            let _ = stream.write_all(&vec![b'a'; 4_000_000]);
            stream
        })
        .collect();
    until("bodies are held", || bodies.held() > most - 5_000_000);
    assert!(bodies.held() <= most, "{}", bodies.held());
    let mut begin = [0; 12];
    held[13].read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 503");
    let small = member.api("write-message", "small-small", &serde_json::json!({ "invoice_id": 1, "text": "x" }));
    assert_eq!(small.status, 404, "{}", small.body);
    drop(held);
    until("what was held comes back", || bodies.held() == 0);
}

/// Attack 5: five kilobytes that unpack to five megabytes are not unpacked.
#[test]
fn no_request_is_unpacked() {
    let world = world(|_| {});
    let token = world.api("operator@x.example").token.take();
    for (path, kind, more) in [
        ("/login", FORM, String::new()),
        ("/api/v1/token", JSON, String::new()),
        (
            "/api/v1/import-statement",
            "application/xml",
            format!("\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: gzip-gzip"),
        ),
    ] {
        for encoding in ["gzip", "deflate", "br", "identity, gzip"] {
            let mut stream = connect(&world.base);
            let more = format!("Content-Encoding: {encoding}\r\nConnection: close\r\nTransfer-Encoding: chunked{more}");
            stream.write_all(head(path, kind, &more).as_bytes()).unwrap();
            let answer = rest(&mut stream);
            assert!(answer.starts_with("HTTP/1.1 415"), "{path} {encoding}: {answer}");
        }
    }
    let mut stream = connect(&world.base);
    let more = "Content-Encoding: identity\r\nConnection: close\r\nContent-Length: 2";
    stream.write_all(format!("{}{{}}", head("/api/v1/token", JSON, more)).as_bytes()).unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
}

/// ASVS 5.2.1: what says that it is too large is sent away before any of it is read; what does not say so, as soon as it is.
#[test]
fn a_body_above_its_limit_is_refused_at_once() {
    let world = world(|limits| limits.body_patience = LONG);
    let token = world.api("operator@x.example").token.take();
    let bearer = format!("\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: much-too-large");
    for (path, kind, length, more) in [
        ("/login", FORM, 5_242_880, String::new()),
        ("/login", FORM, 64 * 1_024 + 1, String::new()),
        ("/api/v1/token", JSON, 64 * 1_024 + 1, String::new()),
        ("/api/v1/write-message", JSON, 1_024 * 1_024 + 1, bearer.clone()),
        ("/api/v1/import-statement", "application/xml", 5 * 1_024 * 1_024 + 1, bearer),
    ] {
        let mut stream = connect(&world.base);
        stream.write_all(head(path, kind, &format!("Content-Length: {length}{more}")).as_bytes()).unwrap();
        // Not a byte of the body is sent, and nobody waits for it.
        let answer = rest(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 413"), "{path} {length}: {answer}");
        let mut stream = connect(&world.base);
        stream.write_all(head(path, kind, &format!("Transfer-Encoding: chunked{more}")).as_bytes()).unwrap();
        let piece = format!("10000\r\n{}\r\n", "a".repeat(65_536));
        for _ in 0..=length / 65_536 {
            if stream.write_all(piece.as_bytes()).is_err() {
                break;
            }
        }
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).unwrap();
        assert_eq!(&begin, b"HTTP/1.1 413", "{path} {length}");
    }
}

/// A later request's head, and the rest of a body that no handler wants, end too. actix has no limit of its own for them.
#[test]
fn a_connection_on_which_nothing_is_served_ends() {
    let world = world(|_| {});
    let mut stream = connect(&world.base);
    stream.write_all(b"GET /log/key HTTP/1.1\r\nHost: k\r\n\r\nGET /log/key HTTP/1.1\r\nX: ").unwrap();
    assert!(rest(&mut stream).starts_with("HTTP/1.1 200"));
    let mut stream = connect(&world.base);
    stream.write_all(b"GET /log/key HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n").unwrap();
    assert!(rest(&mut stream).starts_with("HTTP/1.1 200"));
    assert!(world.app().places.cut.load(Ordering::Relaxed) >= 2);
}

/// Asks for a large answer and reads none of it.
fn ask(base: &str, path: &str, cookie: &str, version: &str) -> TcpStream {
    let mut stream = connect(base);
    stream
        .write_all(format!("GET {path} HTTP/{version}\r\nHost: k\r\nCookie: __Host-session={cookie}\r\n\r\n").as_bytes())
        .unwrap();
    stream
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A world with a stored file of five megabytes, and its address.
fn with_document(world: &World) -> String {
    let content =
        (0..5_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect::<Vec<u8>>();
    let sha256 = server::hash::sha256_hex(&content);
    let row = store::Document {
        sha256: sha256.clone(),
        party_id: store::Party::find_where(&mut world.conn(), "id > 0 ORDER BY id LIMIT 1", &[]).unwrap().unwrap().id,
        name: "large.bin".to_owned(),
        media_type: "application/pdf".to_owned(),
        content,
        created_at: world.clock.now(),
    };
    row.insert(&mut world.conn()).unwrap();
    format!("/documents/{sha256}")
}

/// Attack 5: readers of five megabytes who read nothing are cut, and what is held for them stays bounded while they are there.
#[test]
fn a_reader_who_does_not_read_is_cut_and_holds_little() {
    let world = world(|limits| limits.answer_patience = SHORT * 3);
    let path = with_document(&world);
    let cookies: Vec<String> =
        ["operator@x.example", "operator2@x.example"].map(|email| world.signed_in(email).cookie("__Host-session")).into();
    let app = std::sync::Arc::clone(world.app());
    let readers: Vec<TcpStream> = (0..60)
        .map(|number| ask(&world.base, &path, &cookies[number % 2], if number % 3 == 0 { "1.0" } else { "1.1" }))
        .collect();
    until("answers are held", || app.answers.held() > 20_000_000);
    let each = server::http::answers::HELD.1;
    assert!(app.answers.held() <= 2 * each, "{}", app.answers.held());
    until("they are cut", || app.answers.held() == 0);
    until("their connections end", || app.places.open.load(Ordering::Relaxed) <= 4);
    assert!(app.places.cut.load(Ordering::Relaxed) > 0);
    drop(readers);
    // Who reads slowly, and faster than the least rate, gets the whole.
    let mut slow = ask(&world.base, &path, &cookies[0], "1.0");
    let (mut read, mut piece) = (0, vec![0; 100_000]);
    loop {
        match slow.read(&mut piece).unwrap() {
            0 => break,
            count => read += count,
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(read > 5_000_000, "{read}");
}

/// What is sent behind a request is bounded while it is served and afterwards, and nothing that is whole is cut for it.
#[test]
fn what_is_sent_ahead_is_bounded() {
    let world = world(|limits| limits.unserved = LONG);
    let get = "GET /healthz HTTP/1.1\r\nHost: kontor.test\r\n";
    let send = |bytes: &[u8]| {
        let mut stream = connect(&world.base);
        let _ = stream.write_all(bytes);
        stream
    };
    // An unfinished head of 120 kB, alone and behind a request that is served.
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(120_000));
    for (first, status) in [("", "HTTP/1.1 431"), (get, "HTTP/1.1 200")] {
        let before = Instant::now();
        let first = if first.is_empty() { String::new() } else { format!("{first}\r\n") };
        let answer = rest(&mut send(format!("{first}{endless}").as_bytes()));
        assert!(before.elapsed() < SHORT, "{:?}", before.elapsed());
        assert!(answer.is_empty() || answer.starts_with(status), "{answer}");
    }
    until("they are gone", || world.app().places.open.load(Ordering::Relaxed) == 0);
    // Heads that are not too long, many at once, and the last with a body that does not say its length.
    let long = format!("{get}X: {}\r\n\r\n", "a".repeat(12_000));
    let chunked = format!("{get}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    let all = format!("{}{}{chunked}", long.repeat(10), format!("{get}\r\n").repeat(400));
    let answer = rest(&mut send(all.as_bytes()));
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 411);
    assert_eq!(answer.to_lowercase().matches("connection: close").count(), 1, "behind the last");
    // A body that comes in one go with its head is read, or answered, and never cut.
    let before = world.app().places.cut.load(Ordering::Relaxed);
    for (length, status) in [(60_000, "HTTP/1.1 4"), (3_000_000, "HTTP/1.1 413")] {
        let mut body =
            format!("{}a=", head("/login", FORM, &format!("Connection: close\r\nContent-Length: {length}"))).into_bytes();
        body.resize(body.len() + length - 2, b'x');
        let answer = rest(&mut send(&body));
        assert!(answer.starts_with(status), "{length}: {answer:.200}");
    }
    assert_eq!(world.app().places.cut.load(Ordering::Relaxed), before);
}

/// One address gets so many connections, and a request on one of them is still served.
#[test]
fn one_address_has_a_bound_on_connections() {
    let world = world(|limits| {
        limits.connections_per_address = 5;
        (limits.unserved, limits.body_patience) = (LONG, LONG);
    });
    let mut held: Vec<TcpStream> = (0..5).map(|_| connect(&world.base)).collect();
    until("all are open", || world.app().places.open.load(Ordering::Relaxed) == 5);
    // The one that has said nothing for longest makes room; whoever else is behind the address still gets a connection.
    std::thread::sleep(Duration::from_millis(400));
    for last in held.iter_mut().skip(1) {
        last.write_all(b"GET /lo").unwrap();
    }
    std::thread::sleep(Duration::from_millis(400));
    let mut more = connect(&world.base);
    more.write_all(b"GET /log/key HTTP/1.1\r\nHost: k\r\nConnection: close\r\n\r\n").unwrap();
    assert!(rest(&mut more).starts_with("HTTP/1.1 200"));
    assert_eq!(rest(&mut held[0]), "", "it was closed");
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    assert_eq!((count(&world.app().places.put_out), count(&world.app().places.turned_away)), (1, 0));
    held[1].write_all(b"g/key HTTP/1.1\r\nHost: k\r\nConnection: close\r\n\r\n").unwrap();
    assert!(rest(&mut held[1]).starts_with("HTTP/1.1 200"), "the others are served");
    drop(held);
    until("places come back", || world.app().places.open.load(Ordering::Relaxed) == 0);
    assert_eq!(world.client().get("/log/key").status, 200);
}

/// Not a test of its own: a process with few files, or with its log on standard error.
#[test]
fn child_server() {
    let (Ok(url), Ok(listen)) = (std::env::var("KONTOR_NARROW_DATABASE"), std::env::var("KONTOR_NARROW_LISTEN")) else { return };
    server::start_log("info");
    let folder = std::env::temp_dir();
    let mut config = server::demo::config(url, &listen, "http://kontor.test", &folder);
    config.secret = "a secret of at least thirty-two characters".to_owned();
    let running = server::serve::start(config, e2e::world::clock()).expect("a server");
    running.wait_for_signal(Duration::ZERO).expect("an end");
}

fn spawn(database: &Database, port: u16, files: u32, log: Stdio) -> Process {
    let test = std::env::current_exe().unwrap();
    let command = format!("ulimit -n {files}; exec '{}' --exact transport::child_server --nocapture", test.display());
    let child = Command::new("sh")
        .args(["-c", &command])
        .env("KONTOR_NARROW_DATABASE", &database.url)
        .env("KONTOR_NARROW_LISTEN", format!("0.0.0.0:{port}"))
        .envs([e2e::world::clock_for_child()])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    Process::of(child.unwrap())
}

/// Attack 5: a process that may have 1,024 files, and 1,100 connections that somebody holds.
#[test]
fn held_connections_leave_room_for_others() {
    for database in Database::both() {
        e2e::world::set_up(&database, "2026-11-20".parse().unwrap(), &e2e::world::clock());
        let port = databases::free_port();
        let _child = spawn(&database, port, 1_024, Stdio::null());
        wait_ready(port);
        let base = format!("http://127.0.0.1:{port}");
        let held: Vec<TcpStream> = (0..1_100)
            .filter_map(|_| {
                let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).ok()?;
                let _ = stream.write_all(head("/login", FORM, "Content-Length: 1000").as_bytes());
                Some(stream)
            })
            .collect();
        assert!(held.len() > 1_000, "{}", held.len());
        // Others come from elsewhere; all of 127.0.0.0/8 leads here.
        let other = Client::from("127.0.0.2", &base);
        for _ in 0..20 {
            assert_eq!(other.get("/readyz").status, 200, "{}", database.kind);
            assert_eq!(other.get("/login").status, 200, "{}", database.kind);
        }
        assert_eq!(other.sign_in("operator@x.example", PASSWORD).status, 200);
        drop(held);
    }
}

/// What a world with bounds on people needs.
fn bounded(database: Database) -> World {
    World::demo_with(database, 20, |config| {
        config.limits = Limits { connections_per_address: usize::MAX, messages_per_hour: 5, ..Limits::default() };
    })
}

/// ASVS 2.4.1, attack 13: a viewer's preferences. What is as it was leaves nothing, and changes are so many a minute.
#[test]
fn a_viewer_cannot_fill_the_log() {
    for database in Database::both() {
        let world = bounded(database);
        let viewer = world.api("supplier1.viewer@kontor.example");
        let records = || store::lists::count(&mut world.conn(), "audit", "1 = 1", &[]).unwrap();
        let set = |key: String, theme: &str| {
            viewer.api("set-preferences", &key, &serde_json::json!({ "language": "en", "theme": theme }))
        };
        assert_eq!(set("theme-first".to_owned(), "dark").status, 200);
        let before = records();
        for number in 0..100 {
            assert_eq!(set(format!("theme-same-{number}"), "dark").status, 200);
        }
        assert_eq!(records(), before, "{}", world.database.kind);
        let answers: Vec<_> =
            (0..70).map(|number| set(format!("theme-change-{number}"), if number % 2 == 0 { "light" } else { "dark" })).collect();
        let refused = answers.iter().find(|answer| answer.status != 200).expect("a bound");
        assert_eq!((refused.status, refused.json()["code"].as_str()), (429, Some("limit_own")));
        let seconds: i64 = refused.headers["retry-after"].parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert!(refused.json()["title"].as_str().unwrap().contains("second"), "{}", refused.body);
        assert!(records() - before <= 60);
        // On pages too, and in the reader's language.
        let page = world.signed_in("supplier1.viewer@kontor.example");
        let answer = page.fill("/account", "/account", &[("language", "en"), ("theme", "system")]);
        assert_eq!(answer.status, 429, "{}", answer.text());
        assert!(answer.text().contains("Nothing has happened"), "{}", answer.text());
        world.verify();
    }
}

/// Attack 13: five hundred messages. A person writes so many an hour, a company five times that, and others are not touched.
#[test]
fn messages_are_bounded_for_a_person() {
    for database in Database::both() {
        let world = bounded(database);
        let supplier = world.api("supplier1@kontor.example");
        let invoices = supplier.get("/api/v1/invoices").json();
        let wanted = ["presented", "confirmed", "assigned", "paid"];
        let found = invoices["items"].as_array().unwrap().iter().find(|row| wanted.contains(&row["state"].as_str().unwrap()));
        let invoice = found.expect("an invoice")["id"].clone();
        let write = |number: usize| {
            let body = serde_json::json!({ "invoice_id": invoice, "text": format!("buy now {number}") });
            supplier.api("write-message", &format!("message-{number}"), &body)
        };
        let answers: Vec<_> = (0..12).map(write).collect();
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 5);
        assert_eq!(answers[6].json()["code"], "limit_messages");
        assert!(answers[6].headers["retry-after"].parse::<i64>().unwrap() > 3_000);
        assert_eq!(write(0).status, 429, "{}", world.database.kind);
        world.clock.shift_seconds(3_601);
        let again = world.api("supplier1@kontor.example");
        let body = serde_json::json!({ "invoice_id": invoice, "text": "once more" });
        assert_eq!(again.api("write-message", "message-later", &body).status, 200);
        world.verify();
    }
}

/// ASVS 2.4.1, attack 13: writes come at a rate. The bound is the person's and then the company's, never another company's.
#[test]
fn writes_come_at_a_rate() {
    let world = World::demo_with(Database::sqlite(), 20, |config| {
        config.limits = Limits { connections_per_address: usize::MAX, writes_per_second: 1, ..Limits::default() };
    });
    let supplier = world.api("supplier1@kontor.example");
    // Refused by the rules, but each costs the writer its time.
    let write = |client: &Client, number: usize| {
        client.api("write-message", &format!("message-{number}"), &serde_json::json!({ "invoice_id": 987_654_321, "text": "x" }))
    };
    let mut answers = (0..500).map(|number| write(&supplier, number));
    let served = answers.by_ref().take_while(|answer| answer.status == 404).count();
    assert!((9..500).contains(&served), "{served}");
    let limited = answers.next().unwrap();
    assert_eq!((limited.status, limited.json()["code"].as_str()), (429, Some("limit_writes")));
    assert_ne!(write(&world.api("supplier2@kontor.example"), 0).status, 429);
}

/// ASVS 5.2.4, attack 13: what a company stores in a day is bounded.
#[test]
fn stored_bytes_are_bounded() {
    for database in Database::both() {
        let world = World::demo_with(database, 20, |config| {
            config.limits = Limits { connections_per_address: usize::MAX, megabytes_per_day: 1, ..Limits::default() };
        });
        let supplier = world.api("supplier1@kontor.example");
        let invoices = supplier.get("/api/v1/invoices").json();
        let invoice = invoices["items"][0]["id"].as_i64().unwrap();
        let attach = |number: u8| {
            let content: Vec<u8> = b"%PDF-1.4 ".iter().copied().chain(std::iter::repeat_n(number, 600_000)).collect();
            let mut connection = connect(&world.base);
            let token = supplier.token.borrow().clone();
            let more = format!(
                "Content-Length: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: evidence-{number}",
                content.len()
            );
            let path = format!("/api/v1/attach-evidence?invoice_id={invoice}&kind=other");
            connection.write_all(head(&path, "application/pdf", &more).as_bytes()).unwrap();
            connection.write_all(&content).unwrap();
            rest(&mut connection)
        };
        let first = attach(1);
        assert!(first.starts_with("HTTP/1.1 200"), "{first}");
        let second = attach(2);
        assert!(second.starts_with("HTTP/1.1 429") && second.contains("limit_bytes"), "{second}");
        world.verify();
    }
}

/// ASVS 14.3.1: what a browser has kept goes when its session does.
#[test]
fn signing_out_clears_what_the_browser_has() {
    let world = world(|_| {});
    let member = world.signed_in("operator@x.example");
    let form = member.open("/home").form("/logout");
    let answer = member.post("/logout", &form);
    assert_eq!(answer.status, 303);
    assert_eq!(answer.headers["clear-site-data"], "\"cache\", \"cookies\", \"storage\"");
}

/// What the process has logged, line by line.
fn lines(path: &std::path::Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

/// ASVS 16.2.1, 16.2.2, 16.2.5, 16.3.1, 16.3.2, 16.3.3, 16.4.1 and S15: every denial leaves a line of its own with where from, who, what and why, and none of them a secret.
#[test]
fn every_denial_leaves_a_line_and_no_secret_does() {
    let database = Database::sqlite();
    server::demo::history::build(&database.url, 20, &e2e::world::clock()).unwrap();
    let port = databases::free_port();
    let log = database.folder.join("log");
    let child = spawn(&database, port, 4_096, std::fs::File::create(&log).unwrap().into());
    wait_ready(port);
    let base = format!("http://127.0.0.1:{port}");
    let supplier = Client::new(&base);
    supplier.sign_in("supplier1@kontor.example", PASSWORD);
    let api = Client::new(&base);
    api.api_sign_in("supplier1@kontor.example", PASSWORD);
    let stranger = Client::new(&base);
    let canary = "canary-password-7c1d";
    let odd = "odd\r\n{\"level\":\"ERROR\"}";
    let steps: Vec<(&str, u16)> = vec![
        ("sign_in_failed", stranger.fill("/login", "/login", &[("email", "nobody@x.example"), ("password", canary)]).status),
        ("sign_in_failed", stranger.fill("/login", "/login", &[("email", odd), ("password", canary)]).status),
        (
            "sign_in_failed",
            stranger
                .post_raw("/api/v1/token", JSON, format!("{{\"email\":\"buyer1@kontor.example\",\"password\":\"{canary}\"}}"))
                .status,
        ),
        ("forged_request", supplier.post("/account", &[("_csrf".into(), "f".repeat(64))]).status),
        ("sign_in_needed", Client::new(&base).get("/api/v1/invoices").status),
        ("not_permitted", api.api("record-receipt", "not-mine-at-all", &serde_json::json!({})).status),
        ("not_found", supplier.get("/invoices/987654321").status),
        ("link_invalid", stranger.get("/confirm/canary-link.0123456789abcdef0123456789abcdef").status),
        ("payload_too_large", stranger.post_raw("/login", FORM, "a".repeat(70_000)).status),
        (
            "content_encoded",
            stranger.post_with("/login", &[("Content-Type", FORM), ("Content-Encoding", "gzip")], "a=b".into()).status,
        ),
        ("method_not_allowed", supplier.post("/home", &[]).status),
    ];
    for (code, status) in &steps {
        assert!((400..430).contains(status), "{code}: {status}");
    }
    drop(child);
    let lines = lines(&log);
    let field = |line: &serde_json::Value, name: &str| line["fields"][name].as_str().unwrap_or_default().to_owned();
    let denied: Vec<_> = lines.iter().filter(|line| field(line, "message") == "denied").collect();
    for (code, _) in &steps {
        let found = denied.iter().find(|line| field(line, "code") == *code).unwrap_or_else(|| panic!("no line for {code}"));
        assert_eq!(field(found, "address"), "127.0.0.1", "{found}");
        assert!(found["level"] == "WARN" && field(found, "id").len() == 16, "{found}");
        // All times are UTC.
        assert!(found["timestamp"].as_str().unwrap().ends_with('Z'), "{found}");
    }
    assert_eq!(denied.iter().filter(|line| field(line, "code") == "sign_in_failed").count(), 3);
    let of = |code: &str| denied.iter().find(|line| field(line, "code") == code).unwrap();
    assert_eq!(field(of("sign_in_failed"), "account").len(), 16);
    let foreign = of("not_found");
    assert!(foreign["fields"]["record"] == 987_654_321 && foreign["fields"]["user"].is_number(), "{foreign}");
    assert!(of("not_permitted")["fields"]["company"].is_number() && field(foreign, "path") == "/invoices/{id}");
    let requests = lines.iter().filter(|line| field(line, "message") == "request").count();
    assert!(requests >= steps.len() && lines.iter().all(|line| line["level"] != "ERROR"), "{requests}");
    let text = std::fs::read_to_string(&log).unwrap();
    let secrets = [canary, PASSWORD, "canary-link", "nobody@x.example", "kontor.example", "odd"];
    for secret in secrets.into_iter().chain([api.token.borrow().as_str(), &supplier.cookie("__Host-session")]) {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}
