//! The doors: passwords, codes and links tried without end, all at once, from many addresses, while the server is full or its rows are damaged.

use e2e::world::{PASSWORD, World, config};
use e2e::{Answer, Client, Database};
use server::allowance::Allowance;
use server::http::prove;
use store::records::Record;
use store::{Link, Notice, User};

const OPERATOR: &str = "operator@x.example";
const OTHER: &str = "operator2@x.example";

/// A platform behind a proxy that it trusts, so that a test can send from anywhere.
fn world(database: Database) -> World {
    World::start_with(database, "2026-03-02", &["EUR"], |config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()])
}

fn user(world: &World, email: &str) -> User {
    User::find_where(&mut world.conn(), "email = ?", &[email.into()]).unwrap().unwrap()
}

fn token(world: &World, from: &str, email: &str, password: &str) -> Answer {
    let body = serde_json::json!({ "email": email, "password": password }).to_string();
    world.client().post_with("/api/v1/token", &[("Content-Type", "application/json"), ("X-Forwarded-For", from)], body)
}

/// Waits for something that happens beside the requests.
fn soon(what: &str, happened: impl Fn() -> bool) {
    for _ in 0..200 {
        if happened() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{what} does not happen");
}

fn notices(world: &World, kind: &str) -> usize {
    Notice::list_where(&mut world.conn(), "kind = ?", &[kind.into()]).unwrap().len()
}

/// Turns the second factor on and returns its secret.
fn enrol(world: &World, client: &Client) -> String {
    let page = client.open("/account/security");
    let hidden = page.form("/account/totp").iter().find(|(name, _)| name == "secret").unwrap().1.clone();
    let secret = hidden.split('.').next().unwrap().to_owned();
    let code = server::auth::totp_code(&secret, world.clock.now());
    let fields = [("secret", hidden.as_str()), ("code", code.as_str()), ("current", PASSWORD)];
    assert_eq!(client.fill("/account/security", "/account/totp", &fields).status, 200);
    world.clock.shift_seconds(60);
    secret
}

/// A code that is not right now, nor a step to either side.
fn wrong_code(world: &World, secret: &str) -> String {
    let now = world.clock.now();
    let right: Vec<String> = [-60, -30, 0, 30, 60]
        .iter()
        .map(|seconds| server::auth::totp_code(secret, now + chrono::TimeDelta::seconds(*seconds)))
        .collect();
    (0..10).map(|digit| digit.to_string().repeat(6)).find(|code| !right.contains(code)).unwrap()
}

/// ASVS 6.3.1, 6.3.4, 7.5.1: a stolen session cannot guess the second factor away: after five codes it ends and the person rests.
#[test]
fn the_second_factor_is_not_guessed_away() {
    for database in Database::both() {
        let world = world(database);
        let client = world.signed_in(OPERATOR);
        let secret = enrol(&world, &client);
        let wrong = wrong_code(&world, &secret);
        let remove = |password: &str, code: &str| {
            client.fill("/account/security", "/account/totp/remove", &[("current", password), ("code", code)])
        };
        assert_eq!(
            remove("not the password", &server::auth::totp_code(&secret, world.clock.now())).status,
            401,
            "password and code"
        );
        for _ in 0..4 {
            assert_eq!(remove(PASSWORD, &wrong).status, 401);
        }
        assert_eq!(client.get("/home").status, 303, "the session has ended");
        assert_eq!(token(&world, "192.0.2.1", OPERATOR, PASSWORD).status, 401, "the person rests");
        assert!(!user(&world, OPERATOR).totp_secret.is_empty());
        soon("the lock", || user(&world, OPERATOR).locked_until.is_some());
        let records = store::AuditRecord::list_where(&mut world.conn(), "command = 'record_sign_in_failure'", &[]).unwrap();
        assert_eq!((records.len(), notices(&world, "account_locked")), (1, 1), "one record and one mail for all of them");
        world.verify();
        // With password and code the owner can.
        world.clock.shift_seconds(16 * 60);
        let owner = world.client();
        let _ = owner.sign_in(OPERATOR, PASSWORD);
        let code = server::auth::totp_code(&secret, world.clock.now());
        assert_eq!(owner.fill("/login/verify", "/login/verify", &[("code", &code)]).status, 200);
        world.clock.shift_seconds(60);
        let code = server::auth::totp_code(&secret, world.clock.now());
        let done = owner.fill("/account/security", "/account/totp/remove", &[("current", PASSWORD), ("code", &code)]);
        assert!(done.status == 200 && user(&world, OPERATOR).totp_secret.is_empty(), "{}", done.text());
    }
}

/// ASVS 6.3.1: tries side by side are not more tries.
#[test]
fn many_codes_at_once_are_five() {
    for database in Database::both() {
        let world = world(database);
        let client = world.signed_in(OPERATOR);
        let secret = enrol(&world, &client);
        let wrong = wrong_code(&world, &secret);
        let mut form = client.open("/account/security").form("/account/totp/remove");
        form.retain(|(name, _)| name != "current" && name != "code");
        form.extend([("current".to_owned(), PASSWORD.to_owned()), ("code".to_owned(), wrong)]);
        let cookie = client.cookie("__Host-session");
        let mut looked_at = 0;
        for _ in 0..10 {
            let answers: Vec<u16> = std::thread::scope(|scope| {
                let tries: Vec<_> = (0..24)
                    .map(|_| {
                        scope.spawn(|| {
                            let thief = world.client();
                            thief.set_cookie("__Host-session", &cookie);
                            thief.post("/account/totp/remove", &form).status
                        })
                    })
                    .collect();
                tries.into_iter().map(|one| one.join().unwrap()).collect()
            });
            assert!(answers.iter().all(|status| [401, 429, 303, 403].contains(status)), "{answers:?}");
            looked_at += answers.iter().filter(|status| **status == 401).count();
        }
        assert!((1..=5).contains(&looked_at), "{looked_at}");
        assert_eq!(client.get("/home").status, 303, "the session has ended");
        assert!(!user(&world, OPERATOR).totp_secret.is_empty());
    }
}

/// A lock is mailed once an hour at most, holds against the right password from anywhere, and a reset by mail opens it.
#[test]
fn a_lock_holds_everywhere_and_is_mailed_once() {
    for database in Database::both() {
        let world = world(database);
        let lock = |round: usize| {
            for number in 0..5 {
                assert_eq!(token(&world, &format!("192.0.2.{}", round * 10 + number), OPERATOR, "guess").status, 401);
            }
            assert_eq!(token(&world, "198.51.100.7", OPERATOR, PASSWORD).status, 401, "the right one, from elsewhere");
            soon("the lock", || user(&world, OPERATOR).locked_until.is_some_and(|until| until > world.clock.now()));
        };
        lock(0);
        world.clock.shift_seconds(15 * 60);
        lock(1);
        assert_eq!(notices(&world, "account_locked"), 1);
        world.clock.shift_seconds(60 * 60);
        lock(2);
        assert_eq!(notices(&world, "account_locked"), 2);
        let visitor = world.client();
        let _ = visitor.fill("/password/reset", "/password/reset", &[("email", OPERATOR)]);
        let path = reset_path(&world);
        let _ = visitor.fill(&path, &path, &[("password", "a new quay at eleven")]);
        assert_eq!(token(&world, "198.51.100.8", OPERATOR, "a new quay at eleven").status, 200);
        assert_eq!(token(&world, "198.51.100.8", OTHER, PASSWORD).status, 200, "nobody else was locked");
    }
}

fn reset_path(world: &World) -> String {
    let found = || {
        let mail = world.mail(OPERATOR);
        let word = mail
            .body
            .split_whitespace()
            .find_map(|word| word.strip_prefix("http://kontor.test/password/reset/").map(str::to_owned));
        word.filter(|token| {
            let hash = server::hash::sha256_hex(token.as_bytes());
            Link::find_where(&mut world.conn(), "token_hash = ? AND used_at IS NULL", &[hash.into()]).unwrap().is_some()
        })
    };
    soon("the mail", || found().is_some());
    format!("/password/reset/{}", found().unwrap())
}

/// ASVS 2.4.1: a full queue answers 503 before anything is hashed, and counts against nobody.
#[test]
fn a_full_queue_counts_against_nobody() {
    for database in Database::both() {
        let world = world(database);
        let id = user(&world, OPERATOR).id.to_string();
        let left = |of: &Allowance, name: &str| world.app().allowances.left(of, name);
        let (hashing, before) = (&world.app().hashing, world.app().hashing.hashed());
        let all = hashing.fill().unwrap();
        for password in ["guess", PASSWORD, "guess", "guess", "guess", "guess", "guess"] {
            let answer = token(&world, "192.0.2.1", OPERATOR, password);
            assert_eq!((answer.status, answer.json()["code"].clone()), (503, "busy".into()), "{}", answer.body);
            assert!(answer.headers.contains_key("retry-after"));
        }
        assert_eq!(hashing.hashed(), before, "nothing was hashed");
        assert_eq!((left(&prove::TRIES, &id), left(&prove::SENDER, "192.0.2.1")), (prove::TRIES.most, prove::SENDER.most));
        drop(all);
        assert_eq!(token(&world, "192.0.2.1", OPERATOR, PASSWORD).status, 200);
    }
}

/// A stored hash that cannot be read, or asks for more memory than there is, is an error, and nobody's wrong password.
#[test]
fn a_damaged_hash_is_nobodys_failure() {
    for database in Database::both() {
        let world = world(database);
        let owner = user(&world, OPERATOR);
        let set = |hash: &str| {
            let binds = [hash.into(), owner.id.into()];
            store::query::execute(&mut world.conn(), "UPDATE users SET password_hash = ? WHERE id = ?", &binds).unwrap()
        };
        let greedy = owner.password_hash.replace("m=19456", "m=4294967295");
        for damaged in ["nonsense", &greedy] {
            set(damaged);
            for _ in 0..4 {
                assert_eq!(token(&world, "192.0.2.1", OPERATOR, PASSWORD).status, 500);
            }
        }
        set(&owner.password_hash);
        assert_eq!(world.app().allowances.left(&prove::TRIES, &owner.id.to_string()), prove::TRIES.most);
        assert_eq!(token(&world, "192.0.2.1", OPERATOR, PASSWORD).status, 200);
        assert!(user(&world, OPERATOR).locked_until.is_none());
    }
}

/// ASVS 6.3.8: known, unknown and locked addresses get one answer after the same work: one hash, and nothing written.
#[test]
fn known_and_unknown_addresses_are_alike() {
    for database in Database::both() {
        let world = world(database);
        let plain = |answer: Answer| {
            let mut body = answer.json();
            body.as_object_mut().unwrap().remove("request_id");
            let mut headers = answer.headers;
            headers.remove("date");
            (answer.status, headers, body)
        };
        let hashed = || world.app().hashing.hashed();
        let audit = store::records::load_heads(&mut world.conn()).unwrap().last_audit;
        let try_one = |email: &str| {
            let before = hashed();
            let answer = plain(token(&world, "192.0.2.1", email, "guess"));
            assert_eq!(hashed(), before + 1, "{email}");
            answer
        };
        let unknown = try_one("nobody@x.example");
        assert_eq!(unknown.0, 401);
        for _ in 0..4 {
            assert_eq!(try_one(OPERATOR), unknown);
        }
        assert_eq!(store::records::load_heads(&mut world.conn()).unwrap().last_audit, audit, "no record for a wrong password");
        assert_eq!(try_one(OPERATOR), unknown, "the fifth locks");
        assert_eq!(try_one(OPERATOR), unknown, "and is locked");
        store::query::execute(&mut world.conn(), "UPDATE users SET status = 'disabled' WHERE email = ?", &[OTHER.into()])
            .unwrap();
        assert_eq!(try_one(OTHER), unknown, "disabled");
    }
}

/// ASVS 2.4.1: from however many addresses, one person gets three links in an hour; only the newest is open; the answer is always the same.
#[test]
fn resets_are_bounded_for_the_person() {
    for database in Database::both() {
        let world = world(database);
        let ask = |from: &str| {
            let visitor = world.client();
            let csrf = visitor
                .open("/password/reset")
                .form("/password/reset")
                .iter()
                .find(|(name, _)| name == "_csrf")
                .unwrap()
                .1
                .clone();
            let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Forwarded-For", from)];
            let answer = visitor.post_with("/password/reset", &headers, format!("_csrf={csrf}&email={OPERATOR}"));
            (answer.status, answer.text())
        };
        let first = ask("198.51.100.1");
        assert_eq!(first.0, 200);
        let mailed = |count: usize| soon(&format!("mail {count}"), || notices(&world, "password_reset") == count);
        for number in 2..=3 {
            mailed(number - 1);
            assert_eq!(ask(&format!("198.51.100.{number}")), first);
        }
        mailed(3);
        for number in 4..=9 {
            assert_eq!(ask(&format!("198.51.100.{number}")), first, "the same answer as ever");
        }
        assert_eq!(notices(&world, "password_reset"), 3);
        world.clock.shift_seconds(61 * 60);
        assert_eq!(ask("198.51.100.10"), first);
        soon("mail 4", || notices(&world, "password_reset") > 3);
        // Those of before may come as late as this: three in each hour is all that there ever is.
        assert!(notices(&world, "password_reset") <= 6);
        let open = Link::list_where(&mut world.conn(), "kind = 'reset' AND used_at IS NULL", &[]).unwrap();
        assert_eq!(open.len(), 1, "only the newest is open");
        // Each password that is tried by a link may cost a hash.
        let (visitor, path) = (world.client(), reset_path(&world));
        let form = visitor.open(&path).form(&path);
        let weak = |number: usize| {
            let mut form = form.clone();
            form.retain(|(name, _)| name != "password" && name != "_key");
            form.extend([("password".into(), "password1234".into()), ("_key".into(), format!("weak-password-{number:04}"))]);
            visitor.post(&path, &form).status
        };
        let tries: Vec<u16> = (0..11).map(weak).collect();
        assert_eq!((tries[9], tries[10]), (422, 429));
    }
}

/// One machine of IPv6 has a whole /64: it is one sender.
#[test]
fn an_ipv6_network_is_one_sender() {
    let world = world(Database::sqlite());
    let tries: Vec<u16> = (0..61)
        .map(|number| token(&world, &format!("2001:db8:1:2::{number:x}"), &format!("nobody{number}@x.example"), "guess").status)
        .collect();
    assert_eq!((tries[59], tries[60]), (401, 429));
    assert_eq!(token(&world, "2001:db8:1:3::1", "nobody@x.example", "guess").status, 401, "another network");
    assert_eq!(token(&world, "192.0.2.1", "nobody@x.example", "guess").status, 401);
}

/// What one process counts, the other knows a moment later, and so does the next after a restart.
#[test]
fn counts_are_shared_and_outlive_a_restart() {
    for database in Database::both() {
        let world = world(database);
        let other = server::serve::start(config(&world.database, "http://kontor.test"), world.clock.clone()).unwrap();
        let visitor = world.client();
        let csrf =
            visitor.open("/password/reset").form("/password/reset").iter().find(|(name, _)| name == "_csrf").unwrap().1.clone();
        for _ in 0..prove::RESETS_SENDER.most {
            let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Forwarded-For", "198.51.100.1")];
            let asked = visitor.post_with("/password/reset", &headers, format!("_csrf={csrf}&email=nobody@x.example"));
            assert_eq!(asked.status, 200);
        }
        let left = |running: &server::serve::Running, name: &str| running.app.allowances.left(&prove::RESETS_SENDER, name);
        soon("the other process knows", || left(&other, "198.51.100.1") == 0);
        assert_eq!(left(&other, "198.51.100.2"), prove::RESETS_SENDER.most);
        // What it adds itself comes on top, and what is too little to share at once is shared at the end.
        let wide = Allowance { kind: "test", most: 1_000, seconds: 900 };
        assert_eq!(other.app.allowances.take(&wide, "small", 3), Ok(()));
        other.stop().unwrap();
        let next = server::serve::start(config(&world.database, "http://kontor.test"), world.clock.clone()).unwrap();
        soon("it is found after a restart", || left(&next, "198.51.100.1") == 0);
        soon("all of it", || next.app.allowances.left(&wide, "small") == 997);
        world.clock.shift_seconds(15 * 60);
        assert_eq!(left(&next, "198.51.100.1"), prove::RESETS_SENDER.most, "until the window ends");
        next.stop().unwrap();
        world.verify();
    }
}

/// Right passwords are counted too, for the person and for the sender, but an office behind one address can work.
#[test]
fn right_passwords_are_counted_too() {
    let world = world(Database::sqlite());
    let tries: Vec<u16> = (0..=prove::SIGN_INS.most).map(|_| token(&world, "192.0.2.1", OPERATOR, PASSWORD).status).collect();
    let (last, before) = tries.split_last().unwrap();
    assert!(before.iter().all(|status| *status == 200), "{tries:?}");
    assert_eq!(*last, 429, "whatever the password");
    assert_eq!(token(&world, "192.0.2.1", OTHER, PASSWORD).status, 200, "a colleague at the same address");
    let quarter = world.app().allowances.left(&prove::SENDER, "192.0.2.1");
    assert_eq!(quarter, prove::SENDER.most - 2 * (prove::SIGN_INS.most + 1), "a right one costs two units");
    world.clock.shift_seconds(15 * 60);
    assert_eq!(token(&world, "192.0.2.1", OPERATOR, PASSWORD).status, 200);
}

/// ASVS 6.2.4, 6.2.11: words that everybody knows about the person make no password, wherever one is set.
#[test]
fn own_words_make_no_password() {
    let world = world(Database::sqlite());
    let client = world.signed_in(OPERATOR);
    for weak in ["Operator-Olga-2026", "kontor-operator!", "Password12345!", "qwertyuiopasdf"] {
        let changed = client.fill("/account/security", "/account/password", &[("current", PASSWORD), ("password", weak)]);
        assert_eq!(changed.status, 422, "{weak}: {}", changed.text());
    }
    let visitor = world.client();
    let _ = visitor.fill("/password/reset", "/password/reset", &[("email", OPERATOR)]);
    let path = reset_path(&world);
    assert_eq!(visitor.fill(&path, &path, &[("password", "Olga-Operator-2026")]).status, 422);
}

/// A stored file has its share of memory before it is read. Without room it is refused, and afterwards nothing is held.
#[test]
fn a_file_without_room_is_not_read() {
    for database in Database::both() {
        let world = world(database);
        let client = world.signed_in(OPERATOR);
        let (party_id, sha256) = (user(&world, OPERATOR).party_id, "ab".repeat(32));
        let large = store::Document {
            sha256: sha256.clone(),
            party_id,
            name: "large.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            content: vec![7; 1_000_000],
            created_at: world.clock.now(),
        };
        large.insert(&mut world.conn()).unwrap();
        let path = format!("/documents/{sha256}");
        let (app, owner) = (world.app(), server::http::shares::Owner::Company(party_id));
        let mut share = app.answers.share(owner);
        assert!(share.grow(server::http::answers::HELD.1 - 500_000));
        let held = app.answers.held();
        assert_eq!(client.get(&path).status, 503, "no room");
        assert_eq!((app.answers.held(), client.get("/home").status), (held, 200), "the company's pages go on");
        drop(share);
        let answer = client.get(&path);
        assert_eq!((answer.status, answer.body.len()), (200, 1_000_000));
        soon("the share comes back", || app.answers.held() == 0);
    }
}
