//! Requirements of OWASP ASVS 5.0 that no test of a feature shows by itself, each named by its id; and the list of all that must be shown.

use e2e::Database;
use e2e::world::{PASSWORD, World};
use serde_json::json;
use server::http::routes::Routes;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

const OPERATOR: &str = "operator@x.example";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files under a folder that end so.
fn files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !["target", "node_modules"].iter().any(|name| path.ends_with(name)) {
            files(&path, end, found);
        } else if path.to_str().is_some_and(|name| name.ends_with(end)) {
            found.push(path);
        }
    }
}

/// The program's own source without its tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(&root().join("server"), ".rs", &mut found);
    files(&root().join("web/src"), ".rs", &mut found);
    found.retain(|path| !path.to_str().unwrap().contains("/tests") && !path.ends_with("tests.rs"));
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap())).collect()
}

/// What a raw request is answered, until the server closes or is silent for a second.
fn raw(world: &World, request: &str) -> String {
    let mut stream = TcpStream::connect(world.base.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut piece) = (Vec::new(), [0_u8; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// ASVS 4.1.1, 13.4.1, 13.4.3, 13.4.5: every answer says what it is and in which characters; nothing lists a folder, shows how the
/// program was made, or counts for a monitor.
#[test]
fn every_answer_says_what_it_is() {
    let world = World::start(Database::sqlite(), "2026-03-02");
    let operator = world.signed_in(OPERATOR);
    let program = world.api(OPERATOR);
    for route in Routes::all().list.iter().filter(|route| route.method == "GET") {
        let path = route.path.replace("{id}", "10001").replace("{token}", "0000");
        let answer = if path.starts_with("/api/") { program.get(&path) } else { operator.get(&path) };
        let kind = answer.headers.get("content-type").cloned().unwrap_or_default();
        assert!(answer.body.is_empty() || !kind.is_empty(), "{path} says no content type");
        assert!(
            !kind.starts_with("text/") || kind.to_lowercase().contains("charset=utf-8") || kind == "text/plain",
            "{path}: {kind}"
        );
        assert!(!kind.starts_with("text/html") || answer.body.starts_with("<!doctype html>"), "{path}: {kind}");
    }
    for hidden in [
        "/.git/config",
        "/.git/",
        "/assets/",
        "/assets",
        "/Cargo.toml",
        "/metrics",
        "/server-status",
        "/data/",
        "/..%2f..%2fetc%2fpasswd",
    ] {
        assert_eq!(operator.get(hidden).status, 404, "{hidden}");
    }
}

/// ASVS 4.1.4, 13.4.4: only the methods that a route has are answered; TRACE is none of any.
#[test]
fn other_methods_are_refused() {
    let world = World::start(Database::sqlite(), "2026-03-02");
    for method in ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "PROPFIND"] {
        for path in ["/login", "/api/v1/token", "/healthz", "/nowhere"] {
            let answer = raw(
                &world,
                &format!(
                    "{method} {path} HTTP/1.1\r\nHost: kontor.test\r\nX-Marked: sensitive-marker\r\nConnection: close\r\n\r\n"
                ),
            );
            assert!([400, 403, 404, 405].contains(&status(&answer)), "{method} {path}: {answer}");
            assert!(!answer.contains("sensitive-marker"), "{method} {path} sends the request back");
        }
    }
    assert_eq!(status(&raw(&world, "GET /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")), 200);
    assert!(
        [404, 405].contains(&status(&raw(
            &world,
            "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )))
    );
}

/// ASVS 4.2.1: where a message ends is never a matter of opinion: what two readers could cut in two ways is refused or cut as the standard says.
#[test]
fn a_request_has_one_end() {
    let world = World::start(Database::sqlite(), "2026-03-02");
    let head = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    for strange in [
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "Content-Length: +4\r\n\r\nabcd",
        "Content-Length: 4, 4\r\n\r\nabcd",
        "Content-Length: -1\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\nabcd",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\nabcd\r\n0\r\n\r\n",
        "Content-Length : 4\r\n\r\nabcd",
    ] {
        let answer = raw(&world, &format!("{head}{strange}"));
        assert!(answer.is_empty() || (400..500).contains(&status(&answer)), "{strange:?}: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{strange:?} is two requests: {answer}");
    }
    // With both, the chunks count: what stands behind them is the next request, and the length is nothing.
    let both =
        raw(&world, &format!("{head}Content-Length: 100\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"));
    assert!((400..500).contains(&status(&both)), "{both}");
}

/// ASVS 1.2.5, 1.3.6, 1.3.7, 5.3.1: the program starts no other but its own reader and the database's backup tools, calls no address that a
/// request names, builds no template at run time, and writes no upload to a file.
#[test]
fn the_program_reaches_out_only_where_it_must() {
    let (mut commands, mut writes) = (Vec::new(), Vec::new());
    for (path, text) in sources() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let plain = text.split("#[cfg(test)]").next().unwrap_or("");
        for client in ["reqwest::", "hyper::Client", "awc::", "ureq::", "TcpStream::connect"] {
            let bench = path.to_str().unwrap().contains("/bench");
            assert!(bench || !plain.contains(client), "{} names {client}", path.display());
        }
        for engine in ["tera::", "minijinja::", "handlebars::", "rhai::"] {
            assert!(!plain.contains(engine), "{} names {engine}", path.display());
        }
        if plain.contains("Command::new(") {
            commands.push(name.clone());
        }
        if plain.contains("fs::write(") || plain.contains("File::create") {
            writes.push(name);
        }
    }
    commands.sort();
    assert!(
        commands.iter().all(|name| ["backup.rs", "file_reader.rs", "reader.rs", "child.rs"].contains(&name.as_str())),
        "{commands:?}"
    );
    // Backups, checkpoints, keys and exports, and what the bank's folder gets: each under a name of our own.
    let known = ["backup.rs", "sign_checkpoint.rs", "main.rs", "config.rs", "bank_channel.rs", "bank_folder.rs", "bank_key.rs"];
    assert!(writes.iter().all(|name| known.contains(&name.as_str())), "{writes:?}");
    for manifest in ["server/Cargo.toml", "server/store/Cargo.toml", "server/formats/Cargo.toml", "web/Cargo.toml"] {
        let text = std::fs::read_to_string(root().join(manifest)).unwrap();
        assert!(!["reqwest", "ureq", "curl", "isahc"].iter().any(|name| text.contains(&format!("\n{name}"))), "{manifest}");
    }
}

/// ASVS 1.3.11, 1.3.3: what people type into a name cannot become a header or another recipient of a mail.
#[test]
fn no_mail_takes_headers_from_a_name() {
    for database in Database::both() {
        let world = World::start(database, "2026-03-02");
        let operator = world.api(OPERATOR);
        let invite = |key: &str, email: &str, name: &str| {
            operator.api("invite-user", key, &json!({ "email": email, "name": name, "roles": "viewer" })).status
        };
        for (at, (email, name)) in [
            ("a@x.example\r\nBcc: e@evil.example", "Eve"),
            ("a@x.example,e@evil.example", "Eve"),
            ("\"a\r\n\"@x.example", "Eve"),
            ("a@x.example", "Eve\r\nBcc: e@evil.example"),
            ("a@x.example", "Eve\u{85}Bcc: e@evil.example"),
            ("a@x.example", &"x".repeat(101)),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(invite(&format!("mail-header-{at}"), email, name), 422, "{email:?} {name:?}");
        }
        assert_eq!(invite("mail-header-good", "good@x.example", "Good Person"), 200);
        let mail = world.mail("good@x.example");
        assert!(!mail.subject.contains(['\r', '\n']), "{}", mail.subject);
    }
}

/// ASVS 1.5.2, 15.3.3, 15.3.5, 15.3.7: a body has the fields and types of its command and no others, and what is said twice counts once.
#[test]
fn a_body_is_what_its_command_takes() {
    for database in Database::both() {
        let world = World::start(database, "2026-03-02");
        let operator = world.api(OPERATOR);
        let send = |key: &str, body: &str| {
            let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
            let answer = operator.post_with("/api/v1/set-preferences", &headers, body.to_owned());
            (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
        };
        for (at, (body, status, code)) in [
            (r#"{"language":"en","theme":"dark","party_id":10002}"#, 422, "field_invalid"),
            (r#"{"language":"en","theme":"dark","user_id":1,"roles":"checker"}"#, 422, "field_invalid"),
            (r#"{"language":1,"theme":"dark"}"#, 400, "json_invalid"),
            (r#"{"language":["en"],"theme":"dark"}"#, 400, "json_invalid"),
            (r#"{"language":null,"theme":"dark"}"#, 400, "json_invalid"),
            (r#"{"language":"en"}"#, 422, "field_missing"),
            (r#"["en","dark"]"#, 400, "json_invalid"),
            (r#"{"language":"en","theme":"dark"} {}"#, 400, "json_invalid"),
            ("null", 400, "json_invalid"),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(send(&format!("type-{at}-body"), body), (status, code.to_owned()), "{body}");
        }
        // Of two values under one name the first counts, in a query and in a form alike.
        let page = world.signed_in(OPERATOR);
        let mut form = page.open("/account").form("/account");
        form.retain(|(name, _)| name != "theme");
        form.extend([("theme".to_owned(), "dark".to_owned()), ("theme".to_owned(), "light".to_owned())]);
        assert_eq!(page.post("/account", &form).status, 303);
        assert_eq!(operator.get("/api/v1/approvals?state=strange&state=pending").status, 422);
        assert_eq!(operator.get("/api/v1/approvals?state=pending&state=strange").status, 200);
        let stored = <store::User as store::records::Record>::find_where(&mut world.conn(), "email = ?", &[OPERATOR.into()]);
        assert_eq!(stored.unwrap().unwrap().theme, domain::party::Theme::Dark);
    }
}

/// ASVS 3.2.2, 14.3.3, 6.2.7: the script keeps nothing in the browser, writes no text as markup but the server's own answer under a
/// policy, and does not hinder pasting.
#[test]
fn the_script_stores_nothing_and_draws_no_foreign_markup() {
    for word in [
        "localStorage",
        "sessionStorage",
        "indexedDB",
        "document.cookie",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval(",
        "new Function",
        "onpaste",
        "paste",
    ] {
        assert!(!web::SCRIPT.contains(word), "{word}");
    }
    assert_eq!(web::SCRIPT.matches("document.write(").count(), 1);
    assert!(web::SCRIPT.contains("document.write(answered.createHTML("));
    let mut templates = Vec::new();
    files(&root().join("templates"), ".html", &mut templates);
    for path in templates {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in ["onpaste", "onclick", "<script>", "style=\"", "javascript:"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
        // Only what another template has rendered goes in as it is.
        let rendered = text.matches("shell.block(block)?|safe").count() + text.matches("shell.block(inner)?|safe").count();
        assert_eq!(text.matches("|safe").count(), rendered, "{}", path.display());
    }
}

/// ASVS 7.4.4, 14.2.1: every page of somebody who is signed in has the way out, and no address holds a session.
#[test]
fn every_page_has_the_way_out() {
    let world = World::start(Database::sqlite(), "2026-03-02");
    let operator = world.signed_in(OPERATOR);
    let token = operator.cookie("__Host-session");
    let mut pages = 0;
    for route in
        Routes::all().list.iter().filter(|route| route.method == "GET" && !route.path.contains('{') && route.right != "anyone")
    {
        let answer = operator.get(route.path);
        if answer.status == 200 && answer.body.starts_with("<!doctype html>") {
            assert!(answer.body.contains("action=\"/logout\""), "{}", route.path);
            assert!(!answer.body.contains(&token), "{} shows the session", route.path);
            pages += 1;
        }
    }
    assert!(pages > 15, "{pages}");
    let program = world.api(OPERATOR);
    let bearer = program.token.borrow().clone();
    let stranger = world.client();
    for query in ["access_token", "token", "session", "Authorization"] {
        assert_eq!(stranger.get(&format!("/api/v1/me?{query}={bearer}")).status, 401, "{query}");
        assert_eq!(stranger.get(&format!("/home?{query}={token}")).status, 303, "{query}");
    }
}

/// ASVS 6.2.1, 6.2.2, 6.2.3, 6.2.5, 6.2.6, 6.2.8, 6.2.9: a password is changed with the old one, is long, of any marks, and compared as it was typed.
#[test]
fn a_password_is_long_free_and_taken_as_typed() {
    let world = World::start(Database::sqlite(), "2026-03-02");
    let person = world.signed_in(OPERATOR);
    let page = person.open("/account/security");
    assert!(page.body.matches("type=\"password\"").count() >= 2, "typed unseen");
    let change = |current: &str, new: &str| {
        person.fill("/account/security", "/account/password", &[("current", current), ("password", new)])
    };
    assert_eq!(change(PASSWORD, "short one").status, 422);
    assert_eq!(change("not the old one", "lower case letters only").status, 401);
    let long = format!("  {} 长城 and Ünïcode \u{1F6A2}  ", "a quay of stones ".repeat(5));
    assert!(long.len() > 100);
    assert_eq!(change(PASSWORD, &long).status, 200, "any marks, spaces at the ends, more than 64 of them");
    let signs_in = |password: &str| world.client().sign_in(OPERATOR, password).body.contains("/logout");
    assert!(signs_in(&long));
    for other in [long.trim(), &long.to_uppercase(), &long[..72]] {
        assert!(!signs_in(other), "{other}");
    }
}

/// ASVS 6.3.2, 6.2.10: nobody is there before the operator's own people, and a password is good until it is changed.
#[test]
fn no_account_comes_with_the_program_and_no_password_grows_old() {
    for database in Database::both() {
        let mut conn = store::connect(&database.url).unwrap();
        store::migrate(&mut conn).unwrap();
        let people = |conn: &mut store::Conn| store::query::int(conn, "SELECT COUNT(*) AS value FROM users", &[]).unwrap();
        assert_eq!(people(&mut conn), Some(0));
        let world = World::start(database, "2026-03-02");
        assert_eq!(people(&mut conn), Some(2));
        world.clock.shift_seconds(400 * 86_400);
        assert!(world.client().sign_in(OPERATOR, PASSWORD).body.contains("/logout"));
    }
}

/// ASVS 6.4.3: who has forgotten the password and sets a new one by mail still needs the second factor.
#[test]
fn a_new_password_does_not_go_around_the_second_factor() {
    for database in Database::both() {
        let world = World::start(database, "2026-03-02");
        let mut user = <store::User as store::records::Record>::find_where(&mut world.conn(), "email = ?", &[OPERATOR.into()])
            .unwrap()
            .unwrap();
        user.totp_secret = server::auth::new_totp_secret();
        store::records::Keyed::update(&user, &mut world.conn()).unwrap();
        let visitor = world.client();
        let _ = visitor.fill("/password/reset", "/password/reset", &[("email", OPERATOR)]);
        let mail = world.mail(OPERATOR);
        let path = mail.body.split_whitespace().find_map(|word| word.strip_prefix("http://kontor.test")).unwrap().to_owned();
        let done = visitor.fill(&path, &path, &[("password", "a new quay at eleven")]);
        assert!(done.body.contains("action=\"/login\""), "{}", done.text());
        let asked = visitor.sign_in(OPERATOR, "a new quay at eleven");
        assert!(asked.body.contains("/login/verify"), "{}", asked.text());
        assert_eq!(visitor.get("/home").status, 303, "half a sign-in opens nothing");
        let body = json!({ "email": OPERATOR, "password": "a new quay at eleven" }).to_string();
        assert_eq!(visitor.post_raw("/api/v1/token", "application/json", body).status, 401);
    }
}

/// ASVS 16.5.1: an internal error says nothing of what is inside, on a page and to a program.
#[test]
fn an_internal_error_tells_nothing() {
    for database in Database::both() {
        let world = World::start(database, "2026-03-02");
        let (page, program) = (world.signed_in(OPERATOR), world.api(OPERATOR));
        store::query::execute(&mut world.conn(), "ALTER TABLE reviews RENAME TO reviews_away", &[]).unwrap();
        let answers = [page.get("/ops/reviews"), program.get("/api/v1/reviews")];
        store::query::execute(&mut world.conn(), "ALTER TABLE reviews_away RENAME TO reviews", &[]).unwrap();
        for answer in answers {
            assert_eq!(answer.status, 500, "{}", answer.body);
            let said = answer.body.to_lowercase();
            for inside in
                ["select", "sqlite", "postgres", "relation", "no such table", "reviews_away", "panicked", ".rs", "diesel"]
            {
                assert!(!said.contains(inside), "{inside}: {}", answer.body);
            }
        }
        assert_eq!(program.get("/api/v1/reviews").status, 200, "and it goes on");
    }
}

/// ASVS 7.3.2: a session that is in use ends all the same after twelve hours.
#[test]
fn no_session_lasts_longer_than_a_day_of_work() {
    let world = World::start(Database::sqlite(), "2026-03-02");
    let person = world.signed_in(OPERATOR);
    let use_it = || {
        let now = world.clock.now();
        store::query::execute(&mut world.conn(), "UPDATE sessions SET seen_at = ?", &[now.into()]).unwrap();
        std::thread::sleep(Duration::from_millis(1_000));
        person.get("/home").status
    };
    world.clock.shift_seconds(12 * 3_600 - 60);
    assert_eq!(use_it(), 200);
    world.clock.shift_seconds(120);
    assert_eq!(use_it(), 303);
}

/// ASVS 11.2.3, 11.4.2, 11.5.1, 7.2.2, 7.2.3, 6.5.3, 6.5.4: secrets are long and random, passwords are stored by Argon2id at the cost that is advised.
#[test]
fn secrets_are_strong() {
    let hash = server::auth::hash_password("counting house by the quay").unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let tokens: std::collections::BTreeSet<String> = (0..1_000).map(|_| server::hash::random_token()).collect();
    assert!(tokens.len() == 1_000 && tokens.iter().all(|token| token.len() == 64), "256 bits");
    let secrets: std::collections::BTreeSet<String> = (0..100).map(|_| server::auth::new_totp_secret()).collect();
    assert!(secrets.len() == 100 && secrets.iter().all(|secret| secret.len() == 32), "160 bits");
    let codes: std::collections::BTreeSet<String> = (0..1_000).map(|_| server::hash::random_code()).collect();
    assert!(
        codes.len() > 990 && codes.iter().all(|code| code.len() == 8 && code.bytes().all(|mark| mark.is_ascii_digit())),
        "26 bits"
    );
    let world = World::start(Database::sqlite(), "2026-03-02");
    let sessions: Vec<String> = (0..3).map(|_| world.signed_in(OPERATOR).cookie("__Host-session")).collect();
    assert!(sessions.iter().all(|token| token.len() == 64) && sessions[0] != sessions[1] && sessions[1] != sessions[2]);
    let kept = store::query::int(
        &mut world.conn(),
        "SELECT COUNT(*) AS value FROM sessions WHERE token_hash = ?",
        &[sessions[0].as_str().into()],
    );
    assert_eq!(kept.unwrap(), Some(0), "the database has hashes only");
}
/// The requirements that BAR.md lists.
const WANTED: &str = "1.2.1 1.2.2 1.2.3 1.2.4 1.2.5 1.2.10 1.3.3 1.3.6 1.3.7 1.3.11 1.4.2 1.5.1 1.5.2 2.2.1 2.2.2 2.2.3 2.3.1 2.3.2 2.3.3 2.3.4 2.3.5 \
    2.4.1 3.2.1 3.2.2 3.3.1 3.3.2 3.3.3 3.3.4 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 3.4.8 3.5.1 3.5.2 3.5.3 3.7.2 4.1.1 4.1.3 4.1.4 4.2.1 5.2.1 5.2.2 \
    5.2.3 5.2.4 5.3.1 5.3.2 5.3.3 5.4.1 5.4.2 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.2.9 6.2.10 6.2.11 6.2.12 6.3.1 6.3.2 6.3.3 6.3.4 6.3.7 \
    6.3.8 6.4.1 6.4.3 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5 6.6.2 6.6.3 7.2.1 7.2.2 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.5.3 8.2.1 \
    8.2.2 8.2.3 8.3.1 8.3.2 8.4.1 9.1.1 9.1.2 9.1.3 9.2.1 9.2.2 9.2.3 9.2.4 11.2.3 11.4.2 11.5.1 12.1.1 12.1.2 12.2.1 12.3.2 13.4.1 13.4.2 13.4.3 13.4.4 \
    13.4.5 14.2.1 14.3.1 14.3.2 14.3.3 15.1.2 15.2.1 15.2.3 15.3.1 15.3.3 15.3.5 15.3.7 15.4.2 16.2.1 16.2.2 16.2.5 16.3.1 16.3.2 16.3.3 16.4.1 16.5.1 \
    16.5.2 16.5.3";

/// The ids that a test's comment names: `/// ASVS 1.2.3, 4.5.6: …`, followed by the test.
fn named(text: &str, found: &mut std::collections::BTreeSet<String>) {
    let mut waiting: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("/// ASVS ") {
            let ids = rest.split(':').next().unwrap_or("").split([',', ' ']).filter(|word| !word.is_empty());
            waiting.extend(ids.map(str::to_owned));
        } else if line.starts_with("#[test]") {
            found.extend(waiting.drain(..));
        } else if !line.starts_with("//") && !line.starts_with("#[") {
            waiting.clear();
        }
    }
}

/// Every requirement has a test that names it, or a line in docs/SECURITY.md that says why it is met elsewhere or does not apply.
#[test]
fn every_requirement_has_a_test_or_a_reason() {
    let mut tested = std::collections::BTreeSet::new();
    let mut all = Vec::new();
    for folder in ["tests/tests", "server", "web/src"] {
        files(&root().join(folder), ".rs", &mut all);
    }
    for path in all {
        named(&std::fs::read_to_string(path).unwrap(), &mut tested);
    }
    let document = std::fs::read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let argued: std::collections::BTreeSet<String> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .flat_map(|line| line.split(" |").next().unwrap_or("").split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let wanted: Vec<&str> = WANTED.split_whitespace().collect();
    assert_eq!(wanted.len(), 140);
    let missing: Vec<&&str> = wanted.iter().filter(|id| !tested.contains(**id) && !argued.contains(**id)).collect();
    assert!(missing.is_empty(), "neither tested nor argued: {missing:?}");
    let twice: Vec<&&str> = wanted.iter().filter(|id| tested.contains(**id) && argued.contains(**id)).collect();
    assert!(twice.is_empty(), "tested, and argued away: {twice:?}");
}
