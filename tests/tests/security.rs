//! Who may reach what, forged requests, sessions, four eyes, headers: BAR.md S1, S2, S3, S8, S13.

use e2e::world::{PASSWORD, World};
use e2e::{Client, Database};
use kernel::{PartyId, UserId};
use server::http::routes::Routes;
use store::records::Record;

fn fill(path: &str, id: &str) -> String {
    path.replace("{id}", id).replace("{token}", "0000")
}

/// A person of each kind in the demo world.
const PEOPLE: &[(&str, &str, &[&str])] = &[
    ("operator", "operator@kontor.example", &["member", "administrator", "maker", "operator viewer", "operator maker"]),
    ("operator checker", "operator2@kontor.example", &["member", "maker", "checker", "operator viewer", "operator maker"]),
    (
        "supplier",
        "supplier1@kontor.example",
        &["member", "administrator", "maker", "supplier viewer", "supplier maker", "supplier maker or administrator"],
    ),
    ("supplier checker", "supplier1.checker@kontor.example", &["member", "checker", "supplier viewer"]),
    ("buyer", "buyer1@kontor.example", &["member", "administrator", "maker", "buyer viewer", "buyer maker"]),
    ("buyer checker", "buyer1.checker@kontor.example", &["member", "checker", "buyer viewer"]),
    ("financier", "financier1@kontor.example", &["member", "administrator", "maker", "financier viewer", "financier maker"]),
    ("financier checker", "financier1.checker@kontor.example", &["member", "checker", "financier viewer"]),
];

/// S1: every route of the program, for every kind of person and for nobody.
/// ASVS 8.2.1: each route has its right.
#[test]
fn every_route_is_open_to_exactly_those_who_have_its_right() {
    for database in Database::both() {
        walk_the_matrix(&World::demo(database, 20));
    }
}

fn walk_the_matrix(world: &World) {
    let routes = Routes::all().list;
    assert!(routes.len() > 90, "{}", routes.len());
    let stranger = world.client();
    let mut cells = 0;
    for (name, email, rights) in PEOPLE {
        let page = world.signed_in(email);
        let api = world.api(email);
        for route in &routes {
            if route.right == "anyone" {
                continue;
            }
            let is_api = route.path.starts_with("/api/");
            let client = if is_api { &api } else { &page };
            let path = fill(route.path, "999999999");
            let answer = match (route.method, is_api) {
                ("GET", _) => client.get(&path),
                // A body that no handler accepts: only whether the right was checked first is of interest.
                (_, true) => client.post_with(
                    &path,
                    &[("Content-Type", "application/json"), ("Idempotency-Key", "matrix-key")],
                    "nonsense".into(),
                ),
                (_, false) => client.post(&path, &[("_csrf".into(), "wrong".into())]),
            };
            assert!(!answer.body.contains("[notice-") && !answer.body.contains("[page-"), "{} shows a text key", route.path);
            let may = rights.contains(&route.right);
            let denied = answer.status == 403
                && (answer.body.contains("Your role does not allow this") || answer.body.contains("not_permitted"));
            assert_eq!(
                denied,
                !may,
                "{name} {} {} ({}): {} {}",
                route.method,
                route.path,
                route.right,
                answer.status,
                answer.text()
            );
            assert!(answer.status < 500, "{} {}: {}", route.method, route.path, answer.status);
            cells += 1;
        }
    }
    for route in routes.iter().filter(|route| route.right != "anyone") {
        let path = fill(route.path, "1");
        let answer = if route.method == "GET" { stranger.get(&path) } else { stranger.post(&path, &[]) };
        let turned_away = answer.status == 401 || (answer.status == 303 && answer.location().starts_with("/login?next="));
        assert!(turned_away, "nobody {} {}: {}", route.method, route.path, answer.status);
        cells += 1;
    }
    println!("{cells} cells of the matrix");
    assert!(cells > 700);
}

/// S1: another company's record answers exactly like one that does not exist.
/// ASVS 8.2.2, 8.4.1: another company's record answers like none.
#[test]
fn a_foreign_record_is_like_a_missing_one() {
    for database in Database::both() {
        look_at_foreign_records(&World::demo(database, 40));
    }
}

fn look_at_foreign_records(world: &World) {
    let mut conn = world.conn();
    let party = |name: &str| {
        store::User::find_where(&mut world.conn(), "email = ?", &[format!("{name}@kontor.example").into()])
            .unwrap()
            .unwrap()
            .party_id
    };
    let foreign = |conn: &mut store::Conn, sql: &str, own: PartyId| store::query::int(conn, sql, &[own.into()]).unwrap().unwrap();
    let (supplier, buyer, financier) = (party("supplier1"), party("buyer1"), party("financier1"));
    let cases = [
        (
            "supplier1",
            "/invoices/",
            foreign(&mut conn, "SELECT id AS value FROM invoices WHERE supplier_id <> ? LIMIT 1", supplier),
        ),
        (
            "supplier1",
            "/receivables/",
            foreign(&mut conn, "SELECT id AS value FROM receivables WHERE supplier_id <> ? LIMIT 1", supplier),
        ),
        (
            "buyer1",
            "/payables/",
            foreign(&mut conn, "SELECT id AS value FROM invoices WHERE buyer_id <> ? AND state <> 'draft' LIMIT 1", buyer),
        ),
        (
            "buyer1",
            "/receivables/",
            foreign(&mut conn, "SELECT id AS value FROM receivables WHERE supplier_id > ? LIMIT 1", PartyId(0)),
        ),
        (
            "financier1",
            "/receivables/",
            foreign(
                &mut conn,
                "SELECT r.id AS value FROM receivables r WHERE NOT EXISTS (SELECT 1 FROM purchases p WHERE p.receivable_id = r.id AND p.financier_id = ?) LIMIT 1",
                financier,
            ),
        ),
        (
            "supplier1",
            "/approvals/",
            foreign(&mut conn, "SELECT id AS value FROM approvals WHERE party_id <> ? LIMIT 1", supplier),
        ),
        ("supplier1", "/receipts/", foreign(&mut conn, "SELECT seq AS value FROM audit WHERE party_id <> ? LIMIT 1", supplier)),
        (
            "supplier2",
            "/memberships/",
            foreign(&mut conn, "SELECT id AS value FROM programme_members WHERE supplier_id <> ? LIMIT 1", party("supplier2")),
        ),
        ("buyer1", "/programmes/", foreign(&mut conn, "SELECT id AS value FROM programmes WHERE buyer_id <> ? LIMIT 1", buyer)),
        ("supplier1", "/org/people/", foreign(&mut conn, "SELECT id AS value FROM users WHERE party_id <> ? LIMIT 1", supplier)),
    ];
    let plain = |answer: &e2e::Answer| {
        let text = answer.text();
        let id = text.find("name the request").unwrap_or(text.len());
        (answer.status, text[..id].to_owned())
    };
    for (who, path, id) in cases {
        let client = world.signed_in(&format!("{who}@kontor.example"));
        let foreign = client.get(&format!("{path}{id}"));
        let missing = client.get(&format!("{path}999999999"));
        assert_eq!(foreign.status, 404, "{who} {path}{id}");
        assert_eq!(plain(&foreign), plain(&missing), "{who} {path}");
    }
    let document: String = store::query::text(
        &mut conn,
        "SELECT document AS value FROM invoices WHERE supplier_id <> ? LIMIT 1",
        &[supplier.into()],
    )
    .unwrap()
    .unwrap();
    assert_eq!(world.signed_in("supplier1@kontor.example").get(&format!("/documents/{document}")).status, 404);
}

/// S2: forged requests. Every page route that posts is tried without a token, with another session's, from another
/// site, and as JSON in disguise.
/// ASVS 3.5.1, 3.5.2: no request of another site is taken.
#[test]
fn forged_requests_are_refused_on_every_posting_page() {
    for database in Database::both() {
        forge_requests(&World::demo(database, 5));
    }
}

fn forge_requests(world: &World) {
    let before = store::records::load_heads(&mut world.conn()).unwrap().last_audit;
    let other = world.signed_in("supplier9@kontor.example");
    let foreign_token = other.open("/account").form("/account").iter().find(|(name, _)| name == "_csrf").unwrap().1.clone();
    let signed_in_before = store::records::load_heads(&mut world.conn()).unwrap().last_audit;
    assert!(signed_in_before > before);
    let mut tried = 0;
    let people: Vec<(Client, &[&str])> = PEOPLE.iter().map(|(_, email, rights)| (world.signed_in(email), *rights)).collect();
    let baseline = store::records::load_heads(&mut world.conn()).unwrap().last_audit;
    for route in Routes::all().list.iter().filter(|route| route.method == "POST" && !route.path.starts_with("/api/")) {
        let Some((client, _)) = people.iter().find(|(_, rights)| route.right == "anyone" || rights.contains(&route.right)) else {
            panic!("{}", route.right)
        };
        let path = fill(route.path, "999999999");
        let own = client.open("/account").form("/account").iter().find(|(name, _)| name == "_csrf").unwrap().1.clone();
        let none = client.post(&path, &[]);
        let another = client.post(&path, &[("_csrf".into(), foreign_token.clone())]);
        let cross = client.post_with(
            &path,
            &[("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "cross-site")],
            format!("_csrf={own}"),
        );
        let disguised = client.post_raw(&path, "text/plain", format!("{{\"_csrf\":\"{own}\"}}"));
        for (what, answer) in [("none", none), ("another's", another), ("cross-site", cross), ("text/plain", disguised)] {
            // Multipart routes refuse the form type itself; either way nothing is accepted.
            assert!([403, 415].contains(&answer.status), "{what} {path}: {}", answer.status);
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
    assert_eq!(store::records::load_heads(&mut world.conn()).unwrap().last_audit, baseline, "nothing was done");
}

/// S2: no GET changes state.
/// ASVS 3.5.3: reading changes nothing.
#[test]
fn no_get_changes_state() {
    for database in Database::both() {
        get_everything(&World::demo(database, 5));
    }
}

fn get_everything(world: &World) {
    let people: Vec<Client> = PEOPLE.iter().map(|(_, email, _)| world.signed_in(email)).collect();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let before = store::records::load_heads(&mut world.conn()).unwrap();
    for route in Routes::all().list.iter().filter(|route| route.method == "GET") {
        for client in &people {
            let _ = client.get(&fill(route.path, "10002"));
        }
    }
    let after = store::records::load_heads(&mut world.conn()).unwrap();
    assert_eq!(
        (before.last_audit, before.last_transfer, before.business_date),
        (after.last_audit, after.last_transfer, after.business_date)
    );
}

/// S3: fixation, logout, disabled person, password change.
/// ASVS 7.2.4, 7.3.1, 7.4.1, 7.4.2, 7.4.3: sessions begin anew and end everywhere.
#[test]
fn a_session_ends_when_it_should() {
    for database in Database::both() {
        end_sessions(&World::demo(database, 3));
    }
}

fn end_sessions(world: &World) {
    let client = world.client();
    client.set_cookie("__Host-session", &"f".repeat(64));
    let home = client.sign_in("supplier1@kontor.example", PASSWORD);
    assert_eq!(home.status, 200);
    assert_ne!(client.cookie("__Host-session"), "f".repeat(64), "a session is never taken over from before");
    let token = client.cookie("__Host-session");
    let form = client.open("/home").form("/logout");
    assert_eq!(client.post("/logout", &form).status, 303);
    let thief = world.client();
    thief.set_cookie("__Host-session", &token);
    assert_eq!(thief.get("/home").status, 303, "dead after logout");

    let administrator = world.signed_in("supplier1@kontor.example");
    let colleague = world.signed_in("supplier1.viewer@kontor.example");
    let api = world.api("supplier1.viewer@kontor.example");
    assert_eq!((colleague.get("/home").status, api.get("/api/v1/me").status), (200, 200));
    // The session inside a bearer token is one for the API: no page takes it as a cookie.
    let bearer = api.token.borrow().clone();
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bearer.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let borrowed = world.client();
    borrowed.set_cookie("__Host-session", claims["sid"].as_str().unwrap());
    assert_eq!(borrowed.get("/home").status, 303, "a token for the API is no session of a browser");
    let page = administrator.open("/org/people");
    let person = page
        .body
        .split("href=\"/org/people/")
        .skip(1)
        .map(|rest| format!("/org/people/{}", rest.split('"').next().unwrap()))
        .find(|path| administrator.open(path).body.contains("supplier1.viewer"))
        .unwrap();
    let _ = administrator.fill(&person, &person, &[("disabled", "true")]);
    std::thread::sleep(std::time::Duration::from_millis(1_000));
    assert_eq!((colleague.get("/home").status, api.get("/api/v1/me").status), (303, 401), "a disabled person is out at once");

    let second_browser = world.signed_in("supplier1@kontor.example");
    let changed = administrator.fill(
        "/account/security",
        "/account/password",
        &[("current", PASSWORD), ("password", "another quay at ten")],
    );
    assert_eq!(changed.status, 200, "{}", changed.text());
    std::thread::sleep(std::time::Duration::from_millis(1_000));
    assert_eq!(
        (second_browser.get("/home").status, administrator.get("/home").status),
        (303, 200),
        "other sessions end with the password"
    );
    world.clock.shift_seconds(31 * 60);
    std::thread::sleep(std::time::Duration::from_millis(1_000));
    assert_eq!(administrator.get("/home").status, 303, "an idle session ends");
}

/// S5 and S6: five tries, then rest; the same answer for unknown and known; the victim gets in by mail.
/// ASVS 6.3.1, 6.3.8: five tries, and one answer for all.
#[test]
fn guessing_is_stopped_and_tells_nothing() {
    for database in Database::both() {
        guess(&World::demo(database, 3));
    }
}

fn guess(world: &World) {
    let attempt = |email: &str, password: &str| {
        let answer = world.client().sign_in(email, password);
        (answer.status, answer.text())
    };
    assert_eq!(attempt("nobody@kontor.example", "wrong"), attempt("buyer1@kontor.example", "wrong"));
    for _ in 0..4 {
        assert_eq!(attempt("buyer1@kontor.example", "wrong").0, 401);
    }
    assert_eq!(attempt("buyer1@kontor.example", PASSWORD).0, 401, "the account rests");
    let visitor = world.client();
    let known = visitor.fill("/password/reset", "/password/reset", &[("email", "buyer1@kontor.example")]);
    let unknown = visitor.fill("/password/reset", "/password/reset", &[("email", "nobody@kontor.example")]);
    assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
    let older = reset_path(world, "");
    let _ = visitor.fill("/password/reset", "/password/reset", &[("email", "buyer1@kontor.example")]);
    let path = reset_path(world, &older);
    assert_eq!(visitor.get(&older).status, 404, "only the newest link is open");
    let done = visitor.fill(&path, &path, &[("password", "a new quay at eleven")]);
    assert!(done.body.contains("action=\"/login\""), "{}", done.text());
    assert_eq!(attempt("buyer1@kontor.example", "a new quay at eleven").0, 200);
    assert_eq!(visitor.get(&path).status, 404, "the link is good once");
    assert_eq!(visitor.get(&older).status, 404, "and no older one after it");
}

/// The link of the newest reset mail to buyer1, once it is another than this.
fn reset_path(world: &World, than: &str) -> String {
    for _ in 0..100 {
        let mail = world.mail("buyer1@kontor.example");
        let word = mail.body.split_whitespace().find_map(|word| word.strip_prefix("http://kontor.test/password/reset/"));
        if let Some(path) = word.map(|token| format!("/password/reset/{token}")).filter(|path| path != than) {
            return path;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("no reset mail");
}

/// Behind a proxy that the operator trusts each person is bounded alone; nobody else's word on who sends counts.
/// ASVS 4.1.3: only a trusted proxy sets the sender.
#[test]
fn only_a_trusted_proxy_says_who_sends() {
    for trusted in [true, false] {
        let world = World::start_with(Database::sqlite(), "2026-03-02", &["EUR"], |config| {
            config.trusted_proxies = if trusted { vec!["127.0.0.1".parse().unwrap()] } else { Vec::new() };
        });
        let visitor = world.client();
        let token =
            visitor.open("/password/reset").form("/password/reset").iter().find(|(name, _)| name == "_csrf").unwrap().1.clone();
        let ask = |from: &str| {
            let forwarded = format!("203.0.113.9, {from}");
            let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Forwarded-For", forwarded.as_str())];
            visitor.post_with("/password/reset", &headers, format!("_csrf={token}&email=nobody@x.example")).status
        };
        let tries: Vec<u16> = (0..11).map(|_| ask("198.51.100.1")).collect();
        assert_eq!((tries[9], tries[10]), (200, 429));
        assert_eq!(ask("198.51.100.2"), if trusted { 200 } else { 429 });
    }
}

/// The second factor: a code is asked for, a wrong or used one refused.
/// ASVS 6.5.1: a code is good once.
#[test]
fn the_second_factor_is_asked_for() {
    let world = World::demo(Database::sqlite(), 3);
    let client = world.signed_in("financier1@kontor.example");
    let page = client.open("/account/security");
    let secret = shown_secret(&page);
    let code = server::auth::totp_code(&secret, world.clock.now());
    let mut form = page.form("/account/totp");
    form.retain(|(name, _)| name != "code" && name != "current");
    form.extend([("code".into(), code.clone()), ("current".into(), PASSWORD.into())]);
    assert_eq!(client.post("/account/totp", &form).status, 303);
    let again = world.client();
    let asked = again.sign_in("financier1@kontor.example", PASSWORD);
    assert!(asked.body.contains("/login/verify"), "{}", asked.text());
    assert_eq!(again.get("/home").status, 303, "half a sign-in opens nothing");
    let used = again.fill("/login/verify", "/login/verify", &[("code", &code)]);
    assert_eq!(used.status, 401, "a code is good once");
    world.clock.shift_seconds(60);
    let fresh = server::auth::totp_code(&secret, world.clock.now());
    assert_eq!(again.fill("/login/verify", "/login/verify", &[("code", &fresh)]).status, 200);
    assert_eq!(again.get("/home").status, 200);
}

/// The secret that the page of the second factor shows, without what it is signed with.
fn shown_secret(page: &e2e::Answer) -> String {
    let hidden = page.form("/account/totp").iter().find(|(name, _)| name == "secret").unwrap().1.clone();
    hidden.split('.').next().unwrap().to_owned()
}

/// Whoever has only a session can neither guess the password here nor turn on a second factor whose secret is another than
/// the one that was shown; and when the owner turns it on, every other session and token ends.
/// ASVS 6.3.7: the owner is told of changed factors.
#[test]
fn a_stolen_session_cannot_change_the_second_factor() {
    const OWNER: &str = "financier1@kontor.example";
    for database in Database::both() {
        let world = World::demo(database, 3);
        let (client, stolen) = (world.signed_in(OWNER), world.signed_in(OWNER));
        let send = |secret: Option<&str>, password: &str| {
            let page = stolen.open("/account/security");
            let hidden = page.form("/account/totp").iter().find(|(name, _)| name == "secret").unwrap().1.clone();
            let secret = secret.map_or(hidden, str::to_owned);
            let code = server::auth::totp_code(secret.split('.').next().unwrap(), world.clock.now());
            stolen.fill("/account/security", "/account/totp", &[("secret", &secret), ("code", &code), ("current", password)])
        };
        let without = send(None, "");
        assert_eq!(without.status, 401, "{}", without.text());
        assert!(without.text().contains("password"), "{}", without.text());
        // Secrets that this server has not shown to this person, or too long ago.
        let chosen = "A".repeat(32);
        let other = world.signed_in("supplier1@kontor.example").open("/account/security");
        let foreign = other.form("/account/totp").iter().find(|(name, _)| name == "secret").unwrap().1.clone();
        let page = stolen.open("/account/security");
        let own = page.form("/account/totp").iter().find(|(name, _)| name == "secret").unwrap().1.clone();
        let swapped = format!("{chosen}.{}", own.split_once('.').unwrap().1);
        for secret in [chosen.as_str(), &foreign, &swapped] {
            let refused = send(Some(secret), PASSWORD);
            assert_eq!(refused.status, 409, "{secret}: {}", refused.text());
            assert!(refused.text().contains("no longer good"), "{}", refused.text());
            assert_ne!(shown_secret(&refused), secret.split('.').next().unwrap(), "a fresh one is shown");
        }
        world.clock.shift_seconds(16 * 60);
        let stolen = world.signed_in(OWNER);
        let code = server::auth::totp_code(own.split('.').next().unwrap(), world.clock.now());
        let fields = [("secret", own.as_str()), ("code", code.as_str()), ("current", PASSWORD)];
        assert_eq!(stolen.fill("/account/security", "/account/totp", &fields).status, 409, "shown 16 minutes ago");
        let user = store::User::find_where(&mut world.conn(), "email = ?", &[OWNER.into()]).unwrap().unwrap();
        assert!(user.totp_secret.is_empty());
        // The owner, with the password and a wrong code first: the same secret stays, since it is in the app by now.
        let token = world.api(OWNER);
        assert_eq!((stolen.get("/home").status, token.get("/api/v1/me").status), (200, 200));
        let page = client.open("/account/security");
        let secret = shown_secret(&page);
        let mut form = page.form("/account/totp");
        form.retain(|(name, _)| name != "code" && name != "current");
        form.extend([("code".into(), "000000x".into()), ("current".into(), PASSWORD.into())]);
        let wrong = client.post("/account/totp", &form);
        assert_eq!((wrong.status, shown_secret(&wrong)), (401, secret.clone()));
        let mut form = wrong.form("/account/totp");
        form.retain(|(name, _)| name != "code" && name != "current");
        let code = server::auth::totp_code(&secret, world.clock.now());
        form.extend([("code".into(), code), ("current".into(), PASSWORD.into())]);
        assert_eq!(client.post("/account/totp", &form).status, 303);
        assert_eq!(client.get("/home").status, 200, "the own session stays");
        assert_eq!((stolen.get("/home").status, token.get("/api/v1/me").status), (303, 401));
        let mailed = "SELECT COUNT(*) AS value FROM mails WHERE address = ? AND subject LIKE '%second factor%'";
        let told = || store::query::int(&mut world.conn(), mailed, &[OWNER.into()]).unwrap() == Some(1);
        assert!(
            (0..100).any(|_| told() || {
                std::thread::sleep(std::time::Duration::from_millis(100));
                false
            }),
            "the owner is told"
        );
        world.verify();
    }
}

/// A session may not try passwords without end, neither to change the password nor to turn on the second factor.
#[test]
fn a_session_does_not_guess_the_password() {
    let world = World::demo(Database::sqlite(), 3);
    let client = world.signed_in("financier1@kontor.example");
    let new = "another quay at ten";
    let tries: Vec<u16> = (0..5)
        .map(|number| match number % 2 {
            0 => client.fill("/account/security", "/account/password", &[("current", "guess"), ("password", new)]).status,
            _ => client.fill("/account/security", "/account/totp", &[("current", "guess"), ("code", "1")]).status,
        })
        .collect();
    assert_eq!(tries, [401; 5]);
    assert_eq!(client.get("/home").status, 303, "the session has ended");
    assert_eq!(world.client().sign_in("financier1@kontor.example", PASSWORD).status, 401, "and the person rests");
}

/// S8: the same person, another content, and a race of two approvers.
/// ASVS 2.3.5, 8.3.1, 15.4.2: a second person decides about what was shown, once.
#[test]
fn four_eyes_cannot_be_gone_around() {
    for database in Database::both() {
        let world = World::demo(database, 30);
        let mut conn = world.conn();
        let pending =
            store::Approval::find_where(&mut conn, "state = 'pending' AND command = 'confirm_invoice'", &[]).unwrap().unwrap();
        let maker_api = world.api("buyer1@kontor.example");
        let checker = world.api("buyer1.checker@kontor.example");
        let body = |hash: &str| serde_json::json!({ "approval_id": pending.id, "body_hash": hash, "approve": true });
        assert_eq!(maker_api.api("decide-approval", "four-eyes-1", &body(&pending.body_hash)).status, 403, "no checker");
        // Nobody lifts the limit alone; lowering it needs nobody.
        let limit = |minor: i64| serde_json::json!({ "currency": "EUR", "limit_minor": minor, "day_minor": minor });
        assert_eq!(maker_api.api("set-approval-limit", "four-eyes-raise", &limit(domain::money::MOST_BOOKED_MINOR)).status, 202);
        assert_eq!(maker_api.api("set-approval-limit", "four-eyes-lower", &limit(1_000)).status, 200);
        // Nor does anybody make or unmake the second person alone: by invitation, by role, by dismissal.
        let number = |conn: &mut store::Conn, email: &str| {
            store::User::find_where(conn, "email = ?", &[email.into()]).unwrap().unwrap().id
        };
        let invite = |roles: &str, email: &str| serde_json::json!({ "email": email, "name": "Eve", "roles": roles });
        assert_eq!(maker_api.api("invite-user", "four-eyes-invite", &invite("checker", "eve@x.example")).status, 202);
        assert_eq!(maker_api.api("invite-user", "four-eyes-reader", &invite("viewer", "rea@x.example")).status, 200);
        for (number, roles) in ["maker", "administrator"].into_iter().enumerate() {
            let asked =
                maker_api.api("invite-user", &format!("four-eyes-{roles}"), &invite(roles, &format!("eve{number}@x.example")));
            assert_eq!(asked.status, 202, "{roles}: {}", asked.body);
        }
        let change =
            |id: UserId, roles: &str, disabled: bool| serde_json::json!({ "user_id": id, "roles": roles, "disabled": disabled });
        let (own, second) = (number(&mut conn, "buyer1@kontor.example"), number(&mut conn, "buyer1.checker@kontor.example"));
        for (key, id, roles, disabled) in [
            ("own-role", own, "administrator,maker,checker", false),
            ("new-role", number(&mut conn, "buyer1.viewer@kontor.example"), "checker", false),
            ("demoted", second, "viewer", false),
            ("dismissed", second, "checker", true),
        ] {
            let asked = maker_api.api("change-user", &format!("four-eyes-{key}"), &change(id, roles, disabled));
            assert_eq!(asked.status, 202, "{key}: {}", asked.body);
        }
        assert_eq!(number(&mut conn, "buyer1.checker@kontor.example"), second);
        // With nobody left who could agree, nobody can be made a checker; the operator's two people appoint one.
        let lone = world.api("buyer2@kontor.example");
        let lone_id = number(&mut conn, "buyer2@kontor.example");
        store::query::execute(
            &mut conn,
            "UPDATE users SET status = 'disabled' WHERE email = 'buyer2.checker@kontor.example'",
            &[],
        )
        .unwrap();
        let refused = lone.api("change-user", "four-eyes-lone", &change(lone_id, "administrator,checker", false));
        assert_eq!((refused.status, refused.json()["code"].clone()), (409, "second_person_missing".into()));
        let refused = lone.api("set-approval-limit", "four-eyes-lone-limit", &limit(domain::money::MOST_BOOKED_MINOR));
        assert_eq!(refused.json()["code"], "second_person_missing");
        let party = lone.get("/api/v1/me").json()["company"]["id"].as_i64().unwrap();
        let (first, other) = (world.api("operator@kontor.example"), world.signed_in("operator2@kontor.example"));
        let appoint =
            serde_json::json!({ "party_id": party, "email": "new@x.example", "name": "New", "reason": "signed letter" });
        assert_eq!(first.api("appoint-checker", "four-eyes-appoint", &appoint).status, 202);
        assert_eq!(crate::journey::approve(&other).status, 200);
        assert!(world.mail("new@x.example").body.contains("/invitations/"));
        let suspend = |status: &str| serde_json::json!({ "party_id": party, "status": status, "reason": "a letter" });
        assert_eq!(first.api("decide-company", "four-eyes-suspend", &suspend("suspended")).status, 200, "at once");
        assert_eq!(first.api("decide-company", "four-eyes-admit", &suspend("active")).status, 202, "by two");
        // Money never leaves to where it lies already.
        let own = serde_json::json!({ "currency": "EUR", "iban": e2e::world::CUSTODY_IBAN, "holder": "Somebody" });
        assert_eq!(maker_api.api("propose-bank-account", "custody-itself", &own).json()["code"], "field_invalid");
        // The maker gets the checker's role: still not for the own request.
        store::query::execute(&mut conn, "UPDATE users SET roles = 'maker,checker' WHERE id = ?", &[pending.maker_id.into()])
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1_000));
        let own = maker_api.api("decide-approval", "four-eyes-2", &body(&pending.body_hash));
        assert_eq!((own.status, own.json()["code"].clone()), (403, "same_person".into()));
        let other = checker.api("decide-approval", "four-eyes-3", &body(&"0".repeat(64)));
        assert_eq!((other.status, other.json()["code"].clone()), (409, "approval_content_changed".into()));
        let edited = "UPDATE approvals SET body = REPLACE(body, '\"reason\":\"\"', '\"reason\":\"x\"') WHERE id = ?";
        store::query::execute(&mut conn, edited, &[pending.id.into()]).unwrap();
        let changed = checker.api("decide-approval", "four-eyes-4", &body(&pending.body_hash));
        assert_eq!(
            (changed.status, changed.json()["code"].clone()),
            (409, "approval_content_changed".into()),
            "an edit after the request"
        );
        store::query::execute(
            &mut conn,
            "UPDATE approvals SET body = ? WHERE id = ?",
            &[pending.body.as_str().into(), pending.id.into()],
        )
        .unwrap();
        let foreign =
            world.api("supplier1.checker@kontor.example").api("decide-approval", "four-eyes-5", &body(&pending.body_hash));
        assert_eq!(foreign.status, 404);
        let outcomes: Vec<u16> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..4)
                .map(|number| {
                    let (body, world) = (body(&pending.body_hash), &world);
                    scope.spawn(move || {
                        world
                            .api("buyer1.checker@kontor.example")
                            .api("decide-approval", &format!("four-eyes-race-{number}"), &body)
                            .status
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|status| **status == 200).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|status| **status == 409).count(), 3, "{outcomes:?}");
        // What was edited by hand goes back to what its last command has left.
        for (set, email) in [("status = 'active'", "buyer2.checker"), ("roles = 'administrator,maker'", "buyer1")] {
            let back = format!("UPDATE users SET {set} WHERE email = '{email}@kontor.example'");
            store::query::execute(&mut conn, &back, &[]).unwrap();
        }
        world.verify();
    }
}

/// Nobody agrees to something else than was asked: when the matter changes, its requests end. And what stops, stops.
/// ASVS 2.3.1: no step is taken twice, late or out of order.
#[test]
fn requests_end_when_their_matter_changes() {
    for database in Database::both() {
        let world = World::demo(database, 30);
        let mut conn = world.conn();
        let [maker, buyer, operator] =
            ["supplier1", "buyer1", "operator"].map(|name| world.api(&format!("{name}@kontor.example")));
        let [checker, second_buyer, second_operator] =
            ["supplier1.checker", "buyer1.checker", "operator2"].map(|name| world.api(&format!("{name}@kontor.example")));
        let pending = |conn: &mut store::Conn, command: &str, email: &str| {
            let condition = "state = 'pending' AND command = ? AND party_id = (SELECT party_id FROM users WHERE email = ?) ORDER BY id DESC LIMIT 1";
            let found = store::Approval::find_where(conn, condition, &[command.into(), email.into()]);
            found.unwrap().unwrap_or_else(|| panic!("no {command} waits"))
        };
        let agree = |client: &e2e::Client, row: &store::Approval| {
            let body = serde_json::json!({ "approval_id": row.id, "body_hash": row.body_hash, "approve": true });
            let answer = client.api("decide-approval", &format!("ends-{}", row.id), &body);
            (answer.status, answer.json()["code"].as_str().unwrap_or("").to_owned())
        };
        let ended = (409, "approval_already_decided".to_owned());
        // A payout was asked for; then all money is to go to another account.
        let payout = pending(&mut conn, "request_payout", "supplier1@kontor.example");
        let account = serde_json::json!({ "currency": "EUR", "iban": "DE02120300000000202051", "holder": "Mallory Ltd" });
        assert_eq!(maker.api("propose-bank-account", "ends-account", &account).status, 202);
        let proposal = pending(&mut conn, "propose_bank_account", "supplier1@kontor.example");
        assert_eq!(agree(&checker, &proposal).0, 200);
        let row = store::BankAccount::find_where(&mut conn, "holder = 'Mallory Ltd'", &[]).unwrap().unwrap();
        let verify = serde_json::json!({ "account_id": row.id, "verified": true });
        assert_eq!(operator.api("decide-bank-account", "ends-verify", &verify).status, 202);
        let verification = pending(&mut conn, "decide_bank_account", "operator@kontor.example");
        let page = world.signed_in("operator2@kontor.example").open(&format!("/approvals/{}", verification.id)).text();
        assert!(page.contains("The account holder is not Elbe Feinmechanik GmbH"), "{page}");
        assert_eq!(agree(&second_operator, &verification).0, 200);
        assert_eq!(agree(&checker, &payout), ended);
        let page = world.signed_in("supplier1@kontor.example").open(&format!("/approvals/{}", payout.id)).text();
        assert!(page.contains("The bank account was changed meanwhile"), "{page}");
        // An invoice that its buyer disputes is not confirmed by an older request.
        let confirmation = pending(&mut conn, "confirm_invoice", "buyer1@kontor.example");
        let dispute = serde_json::json!({ "invoice_id": confirmation.subject_id, "reason": "defective" });
        let disputed = buyer.api("dispute-invoice", "ends-dispute", &dispute);
        assert_eq!(disputed.status, 200, "{}", disputed.body);
        assert_eq!(agree(&second_buyer, &confirmation), ended);
        // Nor does a request outlive the right of whoever asked.
        let viewer = store::User::find_where(&mut conn, "email = 'supplier1.viewer@kontor.example'", &[]).unwrap().unwrap();
        let change =
            |roles: &str, disabled: bool| serde_json::json!({ "user_id": viewer.id, "roles": roles, "disabled": disabled });
        // Giving the role takes the company's checker; taking it, or the account, takes nobody.
        assert_eq!(maker.api("change-user", "ends-maker", &change("maker", false)).status, 202);
        let given = pending(&mut conn, "change_user", "supplier1@kontor.example");
        assert_eq!(agree(&checker, &given).0, 200);
        let asked = serde_json::json!({ "currency": "EUR", "amount_minor": 250_001 });
        assert_eq!(world.api("supplier1.viewer@kontor.example").api("request-payout", "ends-asked", &asked).status, 202);
        let request = pending(&mut conn, "request_payout", "supplier1@kontor.example");
        assert_eq!(maker.api("change-user", "ends-disabled", &change("maker", true)).status, 200);
        assert_eq!(agree(&checker, &request), ended);
        // Money in a currency without terms would stand where nobody looks.
        let reference = maker.get("/api/v1/me").json()["company"]["reference"].clone();
        let today = store::records::load_heads(&mut conn).unwrap().business_date;
        let ghost = serde_json::json!({ "currency": "USD", "amount_minor": 1_000_000, "value_date": today, "reference": reference, "reason": "seen" });
        assert_eq!(operator.api("record-receipt", "ends-ghost", &ghost).json()["code"], "currency_unknown");
        // A company that is stopped sells nothing any more.
        let offer = store::Offer::find_where(&mut conn, "state = 'open' ORDER BY id LIMIT 1", &[]).unwrap().unwrap();
        let stop = serde_json::json!({ "party_id": offer.supplier_id, "status": "suspended", "reason": "a letter" });
        assert_eq!(operator.api("decide-company", "ends-stop", &stop).status, 200);
        let binds = [offer.supplier_id.into()];
        let open =
            store::query::int(&mut conn, "SELECT COUNT(*) AS value FROM offers WHERE state = 'open' AND supplier_id = ?", &binds);
        assert_eq!(open.unwrap(), Some(0));
        world.verify();
    }
}

/// S13: headers on every route, errors and files included; cookies; redirects stay here.
/// ASVS 1.2.2, 3.2.1, 3.3.1, 3.3.2, 3.3.3, 3.3.4, 3.4.1, 3.4.2, 3.4.3, 3.4.4, 3.4.5, 3.4.6, 3.4.8, 3.7.2, 14.3.2: headers, cookies and redirects of every route.
#[test]
fn headers_cookies_and_redirects_are_strict_everywhere() {
    let world = World::demo(Database::sqlite(), 5);
    let client = world.signed_in("operator@kontor.example");
    let stranger = world.client();
    for route in Routes::all().list {
        for who in [&client, &stranger] {
            let path = fill(route.path, "10001");
            let answer = if route.method == "GET" { who.get(&path) } else { who.post(&path, &[]) };
            let header = |name: &str| answer.headers.get(name).cloned().unwrap_or_default();
            let csp = header("content-security-policy");
            assert!(
                csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'") && !csp.contains("unsafe"),
                "{path}: {csp}"
            );
            assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(header("strict-transport-security"), "max-age=63072000; includeSubDomains", "{path}");
            assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
            assert!(["same-origin", "no-referrer"].contains(&header("referrer-policy").as_str()), "{path}");
            assert!(header("access-control-allow-origin").is_empty(), "{path}");
            assert!(csp.contains("base-uri 'none'") || csp.contains("sandbox"), "{path}: {csp}");
            // What is the same for everybody, signed in or not.
            let kept = if path == server::http::openapi::PATH { "public, max-age=300" } else { "no-store" };
            assert_eq!(header("cache-control"), kept, "{path}");
            assert!(
                answer.location().is_empty() || (answer.location().starts_with('/') && !answer.location().starts_with("//")),
                "{path}: {}",
                answer.location()
            );
            for cookie in &answer.cookies {
                assert!(
                    cookie.starts_with("__Host-")
                        && cookie.contains("Secure")
                        && cookie.contains("HttpOnly")
                        && cookie.contains("Path=/")
                        && cookie.contains("SameSite=Lax"),
                    "{cookie}"
                );
            }
        }
    }
    assert_eq!(stranger.get("/nowhere").status, 404);
    let login = stranger.fill(
        "/login?next=https%3A%2F%2Fevil.example",
        "/login",
        &[("email", "operator@kontor.example"), ("password", PASSWORD)],
    );
    assert_eq!(login.status, 200);
    let shown = stranger.get("/login?next=%2F%2Fevil.example");
    let mut form = shown.form("/login");
    form.extend([("email".to_owned(), "operator@kontor.example".to_owned()), ("password".to_owned(), PASSWORD.to_owned())]);
    assert_eq!(world.client().get("/healthz").body, "ok");
}

/// S4, over HTTP: tokens that were not issued, are of another kind, or revoked.
/// ASVS 7.2.1, 9.1.3, 9.2.3, 9.2.4: only tokens of this server, for this use, open anything.
#[test]
fn only_issued_living_tokens_open_the_api() {
    let world = World::demo(Database::sqlite(), 3);
    let client = world.api("supplier1@kontor.example");
    assert_eq!(client.get("/api/v1/me").status, 200);
    let good = client.token.borrow().clone();
    let page = world.signed_in("supplier1@kontor.example");
    assert_eq!(page.get("/api/v1/me").status, 401, "a cookie is no token");
    let visitor = world.client();
    for bad in [String::new(), "x".into(), format!("{good}x"), page.cookie("__Host-session"), good.replacen("eyJ", "eyK", 1)] {
        *visitor.token.borrow_mut() = bad;
        assert_eq!(visitor.get("/api/v1/me").status, 401);
    }
    world.clock.shift_seconds(16 * 60);
    std::thread::sleep(std::time::Duration::from_millis(1_000));
    assert_eq!(client.get("/api/v1/me").status, 401, "expired");
}

/// By the API as on the page: nobody drives the business date ahead of the calendar.
#[test]
fn a_day_ends_only_when_the_calendar_has_left_it_behind() {
    for database in Database::both() {
        let clock = e2e::world::clock();
        let today = clock.now().date();
        e2e::world::set_up(&database, today, &clock);
        let mut config = e2e::world::config(&database, "http://kontor.test");
        config.demo = false;
        let running = server::serve::start(config, clock).unwrap();
        let operator = Client::new(&format!("http://127.0.0.1:{}", running.port));
        operator.api_sign_in("operator@x.example", e2e::world::PASSWORD);
        let ended = operator.api("close-day", "not-over-yet", &serde_json::json!({ "date": today }));
        assert_eq!((ended.status, ended.json()["code"].clone()), (409, "day_not_reached".into()));
        let mut conn = store::connect(&database.url).unwrap();
        assert_eq!(store::records::load_heads(&mut conn).unwrap().business_date, today);
        drop(operator);
        running.stop().unwrap();
    }
}

/// Many small acts are added up over a business day, whatever they are; the next day begins anew, and nobody widens that alone.
/// ASVS 2.3.2: the limits of a day hold however acts are cut.
#[test]
fn many_small_acts_need_a_second_person_like_a_large_one() {
    for database in Database::both() {
        let world = World::demo(database, 30);
        let desk = world.api("financier1@kontor.example");
        let limit =
            |limit: i64, day: Option<i64>| serde_json::json!({ "currency": "EUR", "limit_minor": limit, "day_minor": day });
        // What the day has seen before does not matter here: the sum is looked at from now on.
        let set = desk.api("set-approval-limit", "alone-low", &limit(50_000, Some(100_000)));
        assert_eq!(set.status, 200, "{}", set.body);
        for (key, wider) in [("alone-wide", limit(50_000, Some(100_001))), ("alone-none", limit(50_000, None))] {
            assert_eq!(desk.api("set-approval-limit", key, &wider).status, 202, "{key}");
        }
        let low = desk.api("set-approval-limit", "alone-less", &limit(50_000, Some(49_999)));
        assert_eq!((low.json()["code"].clone(), low.json()["field"].clone()), ("amount_invalid".into(), "day_limit".into()));

        let mut conn = world.conn();
        let today = store::records::load_heads(&mut conn).unwrap().business_date;
        let company = store::User::find_where(&mut conn, "email = 'financier1@kontor.example'", &[]).unwrap().unwrap().party_id;
        let mut alone = || {
            let acts = store::SoloActs::find_where(&mut conn, "party_id = ? AND currency = 'EUR'", &[company.into()]).unwrap();
            acts.filter(|acts| acts.day == today).map_or(0, |acts| acts.sum_minor)
        };
        let payout = |key: &str, minor: i64| {
            desk.api("request-payout", key, &serde_json::json!({ "currency": "EUR", "amount_minor": minor })).status
        };
        assert_eq!(alone(), 0, "the demo's last day has just begun");
        assert_eq!(payout("alone-payout-1", 40_000), 200);
        assert_eq!(payout("alone-payout-1", 40_000), 200, "a repeated request counts once");
        assert_eq!(payout("alone-payout-2", 50_001), 202, "more than at once");
        assert_eq!(payout("alone-payout-3", 40_000), 200);
        assert_eq!(payout("alone-payout-4", 20_001), 202, "more than is left of the day");
        assert_eq!(alone(), 80_000, "what waits for a second person is not done alone");
        // What two people did does not count, and leaves the day as it was.
        assert_eq!(crate::journey::approve(&world.signed_in("financier1.checker@kontor.example")).status, 200);
        assert_eq!(payout("alone-payout-5", 20_000), 200);
        assert_eq!(payout("alone-payout-6", 1), 202);
        let page = world.signed_in("financier1@kontor.example").get("/org/people").text();
        assert!(page.contains("Done so today") && page.contains("1,000.00"), "{page}");

        world.move_to(&(today + chrono::Days::new(7)).to_string());
        assert_eq!(payout("alone-payout-7", 40_000), 200, "a new day");
        world.verify();
    }
}
