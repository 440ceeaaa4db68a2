//! The second factor as a duty, initial passwords, and a fresh code for each act that moves money or changes where it goes: BAR.md S7,
//! ASVS 6.3.3, 6.4.1, 7.5.1 to 7.5.3. On both databases.

use crate::journey::{Bank, SUPPLIER, incoming, onboard, second_of, set_limit, verify_account};
use domain::Refusal;
use e2e::world::{PASSWORD, World};
use e2e::{Answer, Client, Database};
use kernel::{ApprovalId, InvoiceId, PartyId, UserId};
use serde_json::json;
use server::commands::bank::request_payout::RequestPayout;
use server::commands::kit::step_up::{self, ActCode};
use server::commands::{Actor, Proof};
use server::config::SecondFactor;
use server::http::gate;
use server::http::routes::Routes;
use server::setup::{FirstUser, Setup};
use server::writer::WriteError;
use store::User;
use store::records::Record;

const DAY: &str = "2026-11-23";
const OPERATOR: &str = "operator@x.example";

fn user(world: &World, email: &str) -> User {
    User::find_where(&mut world.conn(), "email = ?", &[email.into()]).unwrap().unwrap()
}

fn count(world: &World, table: &str) -> i64 {
    store::query::int(&mut world.conn(), &format!("SELECT COUNT(*) AS value FROM {table}"), &[]).unwrap().unwrap()
}

/// An authenticator app: each code is of a time step that nobody has used.
struct Phone<'a> {
    world: &'a World,
    secret: String,
}

impl<'a> Phone<'a> {
    /// Adds the second factor as a person does.
    fn enrol(world: &'a World, client: &Client) -> Self {
        let page = client.open("/account/security");
        let hidden = page.form("/account/totp").iter().find(|(name, _)| name == "secret").expect("a secret").1.clone();
        let phone = Self { world, secret: hidden.split('.').next().unwrap().to_owned() };
        let fields = [("code", phone.now()), ("current", PASSWORD.to_owned())];
        let mut form = page.form("/account/totp");
        form.retain(|(name, _)| fields.iter().all(|(known, _)| known != name));
        form.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        let added = client.post("/account/totp", &form);
        assert_eq!(added.status, 303, "{}", added.text());
        phone
    }

    fn now(&self) -> String {
        server::auth::totp_code(&self.secret, self.world.clock.now())
    }

    /// The code of a step that comes after every one before.
    fn next(&self) -> String {
        self.world.clock.shift_seconds(60);
        self.now()
    }

    fn sign_in(&self, email: &str) -> Client {
        let client = self.world.client();
        assert!(client.sign_in(email, PASSWORD).body.contains("/login/verify"));
        let inside = client.fill("/login/verify", "/login/verify", &[("code", &self.next())]);
        assert!(inside.status == 200 && inside.body.contains("/logout"), "{}", inside.text());
        client
    }

    fn api(&self, email: &str) -> Client {
        let client = self.world.client();
        let body = json!({ "email": email, "password": PASSWORD, "code": self.next() });
        let answer = client.post_raw("/api/v1/token", "application/json", body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        *client.token.borrow_mut() = answer.json()["access_token"].as_str().unwrap().to_owned();
        client
    }
}

fn with(mut form: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    form.retain(|(known, _)| known != name);
    form.push((name.to_owned(), value.to_owned()));
    form
}

fn api_with(client: &Client, path: &str, key: &str, code: &str, body: &serde_json::Value) -> Answer {
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key), ("Kontor-Code", code)];
    client.post_with(&format!("/api/v1/{path}"), &headers, body.to_string())
}

/// ASVS 6.3.3: until the factor is there, nothing but adding it. The whole route table is walked.
#[test]
fn whoever_owes_a_second_factor_reaches_nothing_without_it() {
    for database in Database::both() {
        let world = World::start_with(database, DAY, &["EUR"], |config| config.second_factor = SecondFactor::Duty);
        let client = world.client();
        let inside = client.sign_in(OPERATOR, PASSWORD);
        assert!(inside.text().contains("Your role needs a second factor"), "{}", inside.text());
        assert!(!inside.body.contains("href=\"/approvals\""), "what waits is not told");
        let mut refused = 0;
        for route in Routes::all().list.iter().filter(|route| route.right != "anyone" && !route.path.starts_with("/api/")) {
            let path = route.path.replace("{id}", "1").replace("{token}", "0000");
            let answer =
                if route.method == "GET" { client.get(&path) } else { client.post(&path, &[("_csrf".into(), "wrong".into())]) };
            let turned_away = answer.status == 303 && answer.location() == "/account/security";
            assert_eq!(turned_away, !gate::OPEN.contains(&route.path), "{} {path}: {}", route.method, answer.status);
            refused += i32::from(turned_away);
        }
        assert!(refused > 100, "{refused}");
        let body = json!({ "email": OPERATOR, "password": PASSWORD }).to_string();
        let token = client.post_raw("/api/v1/token", "application/json", body);
        assert_eq!((token.status, token.json()["code"].clone()), (403, "second_factor_needed".into()), "{}", token.body);
        // The code that adds it proves this session, and only this one.
        let other = world.client();
        assert_eq!(other.sign_in(OPERATOR, PASSWORD).status, 200);
        let phone = Phone::enrol(&world, &client);
        assert_eq!(client.get("/home").status, 200);
        assert!(other.get("/home").location().starts_with("/login"), "the other session has ended");
        assert_eq!(phone.sign_in(OPERATOR).get("/home").status, 200);
        // A token that was good is good for nothing when the factor is gone.
        let api = phone.api(OPERATOR);
        assert_eq!(api.get("/api/v1/me").status, 200);
        let take = "UPDATE users SET totp_secret = '' WHERE email = ?";
        store::query::execute(&mut world.conn(), take, &[OPERATOR.into()]).unwrap();
        world.app().sessions.clear();
        for route in Routes::all().list.iter().filter(|route| route.right != "anyone" && route.path.starts_with("/api/")) {
            let answer = if route.method == "GET" { api.get(route.path) } else { api.post_with(route.path, &[], String::new()) };
            assert_eq!((answer.status, answer.json()["code"].clone()), (403, "second_factor_needed".into()), "{}", route.path);
        }
    }
}

/// A session that was begun with the password alone is not proven by a factor that is added later, whatever the server's setting.
#[test]
fn a_factor_proves_no_older_session() {
    for database in Database::both() {
        let world = World::start(database, DAY);
        let (client, token) = (world.signed_in(OPERATOR), world.api(OPERATOR));
        let add = "UPDATE users SET totp_secret = 'JBSWY3DPEHPK3PXP' WHERE email = ?";
        store::query::execute(&mut world.conn(), add, &[OPERATOR.into()]).unwrap();
        world.app().sessions.clear();
        assert!(client.get("/home").location().starts_with("/login"));
        assert_eq!(token.get("/api/v1/me").status, 401);
    }
}

/// ASVS 6.4.1: what `setup` prints is changed at the first sign-in, and ends after 72 hours.
#[test]
fn an_initial_password_is_changed_and_ends() {
    for database in Database::both() {
        let clock = e2e::world::clock();
        store::migrate(&mut store::connect(&database.url).unwrap()).unwrap();
        let person = |email: &str| FirstUser {
            name: "First".to_owned(),
            email: email.to_owned(),
            password: "printed-by-the-set-up-1".to_owned(),
            roles: "administrator,maker,checker".to_owned(),
            language: "en".to_owned(),
            initial: true,
        };
        let wanted = Setup {
            operator_name: "Operator".to_owned(),
            country: "DE".to_owned(),
            custody_iban: e2e::world::CUSTODY_IBAN.to_owned(),
            business_date: DAY.parse().unwrap(),
            currencies: vec!["EUR".to_owned()],
            users: vec![person("one@x.example"), person("two@x.example")],
        };
        server::setup::run(&database.url, &wanted, &clock).unwrap();
        let running = server::serve::start(e2e::world::config(&database, "http://kontor.test"), clock.clone()).unwrap();
        let base = format!("http://127.0.0.1:{}", running.port);
        let client = Client::new(&base);
        let inside = client.sign_in("one@x.example", "printed-by-the-set-up-1");
        assert!(inside.text().contains("This password was made for you"), "{}", inside.text());
        assert_eq!(client.get("/home").location(), "/account/security");
        let body = json!({ "email": "one@x.example", "password": "printed-by-the-set-up-1" }).to_string();
        let token = client.post_raw("/api/v1/token", "application/json", body);
        assert_eq!((token.status, token.json()["code"].clone()), (403, "password_change_needed".into()));
        let change = |new: &str| {
            let fields = [("current", "printed-by-the-set-up-1"), ("password", new)];
            client.fill("/account/security", "/account/password", &fields)
        };
        assert_eq!(change("printed-by-the-set-up-1").status, 422, "the same is no change");
        assert_eq!(change("a quay of my own at ten").status, 200);
        assert_eq!(client.get("/home").status, 200);
        clock.shift_seconds(72 * 60 * 60);
        let late = Client::new(&base).sign_in("two@x.example", "printed-by-the-set-up-1");
        assert_eq!(late.status, 401);
        assert!(late.text().contains("ended after 72 hours"), "{}", late.text());
        let wrong = Client::new(&base).sign_in("two@x.example", "printed-by-the-set-up-2");
        assert!(!wrong.text().contains("72 hours"), "only whoever knows it is told");
        assert_eq!(Client::new(&base).sign_in("one@x.example", "a quay of my own at ten").status, 200);
        running.stop().unwrap();
    }
}

/// A supplier with EUR 1,000.00, a verified account, and a limit above which a second person is asked.
fn funded(database: Database) -> World {
    let world = World::start(database, DAY);
    let [operator, checker] = [OPERATOR, "operator2@x.example"].map(|email| world.signed_in(email));
    onboard(&world, &operator, SUPPLIER);
    set_limit(&world, SUPPLIER.3, "EUR", "1,000,000.00");
    verify_account(&world, (&operator, &checker), SUPPLIER.3, "BE68 5390 0754 7034");
    let reference = world.api(SUPPLIER.3).get("/api/v1/me").json()["company"]["reference"].as_str().unwrap().to_owned();
    let file = Bank::new().statement(DAY.parse().unwrap(), &[incoming(100_000, &reference)]);
    assert_eq!(world.import(&operator, "bank.xml", file).status, 200);
    world
}

const PAY: &str = "/cash/payouts";

/// The page that asks for the code of a payout.
fn asked(client: &Client, amount: &str) -> Answer {
    let page = client.fill_and_confirm("/cash", PAY, &[("currency", "EUR"), ("amount", amount)]);
    // The same payout a second time is asked about before.
    let page = if page.status == 409 { client.post(PAY, &page.form(PAY)) } else { page };
    assert_eq!(page.status, 403, "{}", page.text());
    page
}

/// S7: nothing leaves without a code that was given for this amount and this account, just now, in this session, once.
/// ASVS 7.5.3: money out takes a fresh code for exactly this act.
#[test]
fn a_payout_takes_a_fresh_code_for_this_amount_and_payee() {
    for database in Database::both() {
        let world = funded(database);
        let client = world.signed_in(SUPPLIER.3);
        assert_eq!(client.fill_and_confirm("/cash", PAY, &[("currency", "EUR"), ("amount", "1.00")]).status, 200, "no factor");
        let phone = Phone::enrol(&world, &client);
        let page = asked(&client, "100.00");
        for part in ["EUR 100.00", "Real Supplier", "BE68 •••• 7034", "exactly this, once"] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        let form = |page: &Answer, code: &str| with(page.form(PAY), "_code", code);
        let refused = |answer: Answer, status: u16, says: &str| {
            assert_eq!(answer.status, status, "{}", answer.text());
            assert!(answer.text().contains(says), "{says}: {}", answer.text());
            assert!(!answer.form(PAY).iter().find(|(name, _)| name == "amount").unwrap().1.is_empty(), "filled in");
            assert_eq!(count(&world, "payouts"), 1);
        };
        refused(client.post(PAY, &form(&page, "000000")), 401, "The code is wrong");
        refused(client.post(PAY, &form(&page, "")), 403, "EUR 100.00");
        // The code of another person.
        let checker = world.signed_in(&second_of(SUPPLIER.3));
        let other = Phone::enrol(&world, &checker);
        refused(client.post(PAY, &form(&page, &other.next())), 401, "The code is wrong");
        // Another amount, another account, another session, too late, nothing that this server has shown.
        let page = asked(&client, "100.00");
        refused(client.post(PAY, &with(form(&page, &phone.next()), "amount", "900.00")), 409, "something else");
        let account = |iban: &str| {
            let change = "UPDATE bank_accounts SET iban = ? WHERE status = 'verified'";
            store::query::execute(&mut world.conn(), change, &[iban.into()]).unwrap();
        };
        account("DE89370400440532013999");
        refused(client.post(PAY, &form(&page, &phone.next())), 409, "something else");
        account("BE68539007547034");
        let second = phone.sign_in(SUPPLIER.3);
        let csrf = second.open("/cash").form(PAY).len();
        assert!(csrf > 0);
        let own = asked(&second, "100.00");
        let token = own.form(PAY).iter().find(|(name, _)| name == "_csrf").unwrap().1.clone();
        refused(second.post(PAY, &with(form(&page, &phone.next()), "_csrf", &token)), 409, "something else");
        let page = asked(&client, "100.00");
        world.clock.shift_seconds(241);
        refused(client.post(PAY, &form(&page, &phone.next())), 409, "five minutes");
        let page = asked(&client, "100.00");
        refused(client.post(PAY, &with(form(&page, &phone.next()), "_challenge", "")), 409, "something else");
        // Right: once, and the same form again is the same payout.
        let page = asked(&client, "100.00");
        let code = phone.next();
        let sent = form(&page, &code);
        let done = [client.post(PAY, &sent), client.post(PAY, &sent)];
        assert!(done.iter().all(|answer| answer.status == 303 && answer.location() == done[0].location()), "{done:?}");
        assert_eq!(count(&world, "payouts"), 2);
        let again = asked(&client, "100.00");
        let used = client.post(PAY, &form(&again, &code));
        assert_eq!(used.status, 401, "a code is good once: {}", used.text());
        assert_eq!(count(&world, "payouts"), 2);
        let kept = store::AuditRecord::find_where(&mut world.conn(), "command = 'request_payout' ORDER BY seq DESC LIMIT 1", &[]);
        let kept = kept.unwrap().unwrap().outcome;
        assert!(kept.contains("code for this act at "), "{kept}");
        world.verify();
    }
}

/// ASVS 6.3.1: what strangers try at the door stops nobody who is inside, where wrong codes stay bounded: for a session and for a person.
#[test]
fn strangers_at_the_door_stop_no_payout() {
    for database in Database::both() {
        let world = funded(database);
        let client = world.signed_in(SUPPLIER.3);
        let phone = Phone::enrol(&world, &client);
        let others: Vec<Client> = (0..4).map(|_| phone.sign_in(SUPPLIER.3)).collect();
        let stranger = world.client();
        let knock = |password: &str, code: &str| {
            let body = json!({ "email": SUPPLIER.3, "password": password, "code": code }).to_string();
            stranger.post_raw("/api/v1/token", "application/json", body).status
        };
        for _ in 0..5 {
            assert_eq!(knock("a guess at the quay", ""), 401);
        }
        let since = std::time::Instant::now();
        while user(&world, SUPPLIER.3).locked_until.is_none() {
            assert!(since.elapsed().as_secs() < 20, "the lock");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(knock(PASSWORD, &phone.next()), 401, "the lock holds at the door");
        let page = asked(&client, "100.00");
        let paid = client.post(PAY, &with(page.form(PAY), "_code", &phone.next()));
        assert_eq!((paid.status, count(&world, "payouts")), (303, 1), "{}", paid.text());
        for session in others.iter().take(3).chain([&client]) {
            let page = asked(session, "100.00");
            for _ in 0..5 {
                assert_eq!(session.post(PAY, &with(page.form(PAY), "_code", "000000")).status, 401);
            }
            assert_eq!(session.get("/home").status, 303, "the session has ended");
        }
        let last = others.last().unwrap();
        let page = asked(last, "100.00");
        let spent = last.post(PAY, &with(page.form(PAY), "_code", &phone.next()));
        assert_eq!((spent.status, count(&world, "payouts")), (429, 1), "twenty codes a day: {}", spent.text());
        world.verify();
    }
}

/// S7: two acts with one code at the same time are one.
#[test]
fn two_at_once_with_one_code_are_one() {
    for database in Database::both() {
        let world = funded(database);
        let client = world.signed_in(SUPPLIER.3);
        let phone = Phone::enrol(&world, &client);
        for round in 1..=5 {
            phone.world.clock.shift_seconds(60);
            let pages: Vec<Answer> = (0..6).map(|at| asked(&client, &format!("{at}1.00"))).collect();
            let code = phone.now();
            let cookie = client.cookie("__Host-session");
            let done: Vec<u16> = std::thread::scope(|scope| {
                let tries: Vec<_> = pages
                    .iter()
                    .map(|page| {
                        let form = with(page.form(PAY), "_code", &code);
                        let cookie = cookie.clone();
                        let world = &world;
                        scope.spawn(move || {
                            let client = world.client();
                            client.set_cookie("__Host-session", &cookie);
                            client.post(PAY, &form).status
                        })
                    })
                    .collect();
                tries.into_iter().map(|one| one.join().unwrap()).collect()
            });
            assert_eq!(done.iter().filter(|status| **status == 303).count(), 1, "{done:?}");
            assert_eq!(done.iter().filter(|status| **status == 401).count(), 5, "{done:?}");
            assert_eq!(count(&world, "payouts"), round);
        }
        // The commit compares once more: an account that was verified in between is not what the code was for.
        let payout = RequestPayout { currency: "EUR".to_owned(), amount_minor: 500 };
        let row = user(&world, SUPPLIER.3);
        let act = |digest: String| {
            let code = Some(ActCode { step: i64::MAX, digest });
            let actor = Actor { proof: Proof { code, ..Proof::NONE }, ..Actor::person(row.party_id, row.id) };
            world.app().writer.submit_blocking(actor, server::hash::random_token(), payout.clone().into())
        };
        let actor = Actor::person(row.party_id, row.id);
        let shown = step_up::bound(&mut world.conn(), &actor, &payout.clone().into()).unwrap().unwrap();
        let digest = step_up::digest(&payout.clone().into(), &shown);
        let before = "UPDATE bank_accounts SET iban = ? WHERE status = 'verified'";
        store::query::execute(&mut world.conn(), before, &["NL91ABNA0417164300".into()]).unwrap();
        assert_eq!(act(digest.clone()), Err(WriteError::Refused(Refusal::StepUpMismatch)));
        store::query::execute(&mut world.conn(), before, &["BE68539007547034".into()]).unwrap();
        assert!(act(digest).is_ok());
        world.verify();
    }
}

/// S7 by program: the code comes in the request that it is for.
#[test]
fn a_program_sends_act_and_code_together() {
    for database in Database::both() {
        let world = funded(database);
        let phone = Phone::enrol(&world, &world.signed_in(SUPPLIER.3));
        let api = phone.api(SUPPLIER.3);
        let pay = |minor: i64| json!({ "currency": "EUR", "amount_minor": minor });
        let without = api.api("request-payout", "without-a-code", &pay(500));
        assert_eq!((without.status, without.json()["code"].clone()), (403, "step_up_needed".into()), "{}", without.body);
        let needs = without.json()["needs"].clone();
        assert_eq!((needs["header"].clone(), needs["account"].clone()), ("Kontor-Code".into(), "BE68 •••• 7034".into()));
        assert_eq!(needs["amounts"], json!([{ "currency": "EUR", "amount_minor": 500 }]));
        let wrong = api_with(&api, "request-payout", "wrong-code", "123", &pay(500));
        assert_eq!((wrong.status, wrong.json()["code"].clone()), (401, "totp_wrong".into()));
        let code = phone.next();
        let done = api_with(&api, "request-payout", "with-a-code", &code, &pay(500));
        assert_eq!(done.status, 200, "{}", done.body);
        let again = api_with(&api, "request-payout", "with-a-code", &code, &pay(500));
        assert_eq!((again.status, again.json()["repeated"].clone()), (200, true.into()), "a repetition is the same act");
        let other = api_with(&api, "request-payout", "another-key", &code, &pay(500));
        assert_eq!((other.status, other.json()["code"].clone()), (401, "totp_wrong".into()));
        assert_eq!(count(&world, "payouts"), 1);
        let paths = server::http::openapi::document()["paths"].clone();
        let takes = |path: &str| paths[path]["post"]["parameters"].to_string().contains("Kontor-Code");
        assert!(takes("/api/v1/request-payout") && takes("/api/v1/decide-approval") && !takes("/api/v1/write-message"));
        // What needs none is not asked for one.
        let theme = json!({ "language": "en", "theme": "dark" });
        assert_eq!(api.api("set-preferences", "no-code-here", &theme).status, 200);
    }
}

/// Agreeing takes the second person's own code, bound to the request as it was shown.
#[test]
fn agreeing_takes_the_second_persons_own_code() {
    for database in Database::both() {
        let world = funded(database);
        let maker = world.signed_in(SUPPLIER.3);
        let email = second_of(SUPPLIER.3);
        let checker = world.signed_in(&email);
        let phone = Phone::enrol(&world, &checker);
        let propose = |iban: &str| {
            let fields = [("currency", "EUR"), ("iban", iban)];
            let shown = maker.fill("/org/bank-accounts", "/org/bank-accounts", &fields);
            assert!(shown.text().contains("second person"), "{}", shown.text());
            store::query::int(&mut world.conn(), "SELECT MAX(id) AS value FROM approvals", &[]).unwrap().unwrap()
        };
        let state = |id: i64| <store::Approval as store::records::Keyed>::load(&mut world.conn(), ApprovalId(id)).unwrap().state;
        let (one, two) = (propose("NL91 ABNA 0417 1643 00"), propose("DE02 1203 0000 0000 2020 51"));
        let page = |id: i64| format!("/approvals/{id}");
        let first = checker.fill(&page(one), &page(one), &[]);
        assert_eq!(first.status, 403, "{}", first.text());
        assert!(first.text().contains("NL91 •••• 4300"), "{}", first.text());
        // What was shown for one request opens no other; the maker's own factor is no help.
        let challenge = first.form(&page(one)).iter().find(|(name, _)| name == "_challenge").unwrap().1.clone();
        let moved = with(with(checker.open(&page(two)).form(&page(two)), "_code", &phone.next()), "_challenge", &challenge);
        assert_eq!(checker.post(&page(two), &moved).status, 409);
        let maker_phone = Phone::enrol(&world, &maker);
        let foreign = checker.post(&page(one), &with(first.form(&page(one)), "_code", &maker_phone.next()));
        assert_eq!(foreign.status, 401, "{}", foreign.text());
        assert_eq!((state(one).name(), state(two).name()), ("pending", "pending"));
        let again = checker.fill(&page(one), &page(one), &[]);
        let agreed = checker.post(&page(one), &with(again.form(&page(one)), "_code", &phone.next()));
        assert_eq!((agreed.status, state(one).name()), (303, "approved"), "{}", agreed.text());
        // Turning down takes none.
        let mut no = checker.open(&page(two)).form(&page(two));
        no = with(with(no, "decision", "reject"), "reason", "not ours");
        assert_eq!(checker.post(&page(two), &no).status, 303);
        // From now on the maker is asked, too.
        let fields = [("currency", "EUR"), ("iban", "DE02 1203 0000 0000 2020 51")];
        let asked = maker.fill("/org/bank-accounts", "/org/bank-accounts", &fields);
        assert!(asked.status == 403 && asked.text().contains("DE02 •••• 2051"), "{}", asked.text());
        world.verify();
    }
}

/// Finding 22: evidence says how the session that signed was proven, and the act, not what the person has by now.
#[test]
fn evidence_says_how_the_signing_session_was_proven() {
    for database in Database::both() {
        let (world, invoices) = crate::confirmation::world(database, 2);
        let buyer = world.signed_in(crate::journey::BUYER.3);
        let checker = world.signed_in(&second_of(crate::journey::BUYER.3));
        let phone = Phone::enrol(&world, &checker);
        let confirm = |id: InvoiceId| {
            let page = format!("/payables/{id}");
            buyer.fill_and_confirm(&page, &format!("{page}/check"), &[])
        };
        let agree = || {
            let page = checker.open("/approvals?state=pending").link("/approvals/");
            let asked = checker.fill(&page, &page, &[]);
            let done = checker.post(&page, &with(asked.form(&page), "_code", &phone.next()));
            assert_eq!(done.status, 303, "{}", done.text());
        };
        let evidence = |id: InvoiceId| {
            store::ConfirmationEvidence::find_where(&mut world.conn(), "invoice_id = ?", &[id.into()]).unwrap().unwrap().text
        };
        let line = |text: &str, begins: &str| text.lines().find(|line| line.starts_with(begins)).unwrap().to_owned();
        // Asked for with the password alone; the factor comes before somebody agrees.
        assert!(confirm(invoices[0].id).text().contains("second person"));
        let own = Phone::enrol(&world, &buyer);
        agree();
        let first = evidence(invoices[0].id);
        assert!(first.starts_with("kontor-confirmation-2\n"), "{first}");
        assert!(line(&first, "signed=").ends_with("; password"), "{first}");
        let approved = line(&first, "approved=");
        assert!(approved.contains("; password+totp, code at 20") && approved.contains(", code for this act at 20"), "{approved}");
        // Signed with a code.
        let asked = confirm(invoices[1].id);
        assert!(asked.status == 403 && asked.text().contains("EUR"), "{}", asked.text());
        let act = format!("/payables/{}/confirm", invoices[1].id);
        let done = buyer.post(&act, &with(asked.form(&act), "_code", &own.next()));
        assert_eq!(done.status, 303, "{}", done.text());
        agree();
        let signed = line(&evidence(invoices[1].id), "signed=");
        assert!(signed.contains("; password+totp, code at 20") && signed.contains(", code for this act at 20"), "{signed}");
        assert_eq!(evidence(invoices[0].id), first, "what is written stays");
        world.verify();
    }
}

/// A confirmation below the company's limit, which one person may do alone, takes no code.
#[test]
fn a_confirmation_below_the_limit_takes_no_code() {
    let (world, invoices) = crate::confirmation::world(Database::sqlite(), 1);
    set_limit(&world, crate::journey::BUYER.3, "EUR", "1,000,000.00");
    let buyer = world.signed_in(crate::journey::BUYER.3);
    let _phone = Phone::enrol(&world, &buyer);
    let page = format!("/payables/{}", invoices[0].id);
    assert_eq!(buyer.fill_and_confirm(&page, &format!("{page}/check"), &[]).status, 200);
    let text = store::ConfirmationEvidence::find_where(&mut world.conn(), "1 = 1", &[]).unwrap().unwrap().text;
    assert!(text.contains("; password+totp, code at 20") && !text.contains("for this act"), "{text}");
}

/// ASVS 7.5.2: a session ends others only with the password.
#[test]
fn sessions_end_only_with_the_password() {
    let world = World::start(Database::sqlite(), DAY);
    let (client, other) = (world.signed_in(OPERATOR), world.signed_in(OPERATOR));
    let all = "/account/sessions/revoke-others";
    let one = client.open("/account/security").body;
    let one = one.split("action=\"/account/sessions/").nth(1).unwrap().split('"').next().unwrap();
    for action in [all.to_owned(), format!("/account/sessions/{one}")] {
        let refused = client.fill("/account/security", &action, &[("current", "guess")]);
        assert_eq!(refused.status, 401, "{action}: {}", refused.text());
        assert_eq!(other.get("/home").status, 200, "{action}");
    }
    assert_eq!(client.fill("/account/security", all, &[("current", PASSWORD)]).status, 200);
    assert_eq!((client.get("/home").status, other.get("/home").status), (200, 303));
}

/// Somebody has lost the phone: an administrator asks, a second person agrees, neither of them the one whom it is about; or the command
/// line, while the server runs.
#[test]
fn a_lost_factor_is_taken_off_by_two_people_or_on_the_server() {
    for database in Database::both() {
        let world = World::start(database, DAY);
        let (admin, checker) = ("operator@x.example", "operator2@x.example");
        let asks = world.api(admin);
        let lost = |email: &str| json!({ "user_id": user(&world, email).id, "reason": "told at the desk, with a passport" });
        let reset = |key: &str, email: &str| asks.api("reset-factor", key, &lost(email));
        let code = |answer: &Answer| (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned());
        assert_eq!(code(&reset("nothing-there", checker)), (409, "state_conflict".to_owned()));
        let client = world.signed_in(checker);
        let _phone = Phone::enrol(&world, &client);
        assert_eq!(code(&reset("not-the-own", admin)), (403, "same_person".to_owned()));
        assert_eq!(code(&reset("nobody-else", checker)), (409, "second_person_missing".to_owned()));
        // On the server, where nobody is left to ask.
        let unknown = server::setup::reset_factor(&world.database.url, "x@x.example", "lost", &world.clock);
        assert!(unknown.unwrap_err().to_string().contains("nobody has the address"));
        server::setup::reset_factor(&world.database.url, checker, "lost at sea", &world.clock).unwrap();
        world.app().sessions.clear();
        assert!(client.get("/home").location().starts_with("/login"), "every session ends");
        assert!(user(&world, checker).totp_secret.is_empty());
        let again = world.signed_in(checker);
        let audit = store::AuditRecord::find_where(&mut world.conn(), "command = 'reset_factor'", &[]).unwrap().unwrap();
        assert!(
            (audit.party_id, audit.user_id) == (PartyId(0), UserId(0)) && audit.input.contains("lost at sea"),
            "{}",
            audit.input
        );
        // By two: somebody third has lost it.
        let third = "third@x.example";
        let invited = asks.api("invite-user", "the-third-person", &json!({ "email": third, "name": "Third", "roles": "viewer" }));
        assert_eq!(invited.status, 200, "{}", invited.body);
        let ready = "UPDATE users SET status = 'active', totp_secret = 'JBSWY3DPEHPK3PXP' WHERE email = ?";
        store::query::execute(&mut world.conn(), ready, &[third.into()]).unwrap();
        let page = format!("/org/people/{}", user(&world, third).id);
        let act = format!("{page}/reset-factor");
        let asked = world.signed_in(admin).fill(&page, &act, &[("reason", "told at the desk, with a passport")]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert!(!user(&world, third).totp_secret.is_empty(), "nothing yet");
        let done = crate::journey::approve(&again);
        assert_eq!(done.status, 200, "{}", done.text());
        assert!(user(&world, third).totp_secret.is_empty());
    }
}

/// The demo asks nobody for a factor and says so on its pages; whoever adds one is asked for codes there, too.
#[test]
fn the_demo_leaves_it_to_each_person_and_says_so() {
    let world = World::demo(Database::sqlite(), 5);
    let client = world.signed_in("financier1@kontor.example");
    assert!(client.get("/home").text().contains("Here a second factor is optional"));
    client.set_cookie("__Host-language", "zh");
    assert!(client.get("/home").text().contains("此处两步验证为可选"));
    client.set_cookie("__Host-language", "en");
    let limit = [("currency", "EUR"), ("limit", "1.00")];
    assert_eq!(client.fill("/org/people", "/org/limits", &limit).status, 200, "unasked");
    let _phone = Phone::enrol(&world, &client);
    let asked = client.fill("/org/people", "/org/limits", &limit);
    assert!(asked.status == 403 && asked.text().contains("EUR 1.00"), "{}", asked.text());
    let real = World::start_with(Database::sqlite(), DAY, &["EUR"], |config| config.second_factor = SecondFactor::Duty);
    assert!(!real.client().open("/login").text().contains("Here a second factor is optional"));
}

/// Every command says whether it asks for a code. A new one stands in one of the two lists.
#[test]
fn every_command_says_whether_it_asks_for_a_code() {
    /// Money leaves, it changes where money goes or whose it is, or who may say so.
    const ASKS: &[&str] = &[
        "appoint_checker",
        "assign_suspense",
        "change_user",
        "choose_custody_account",
        "close_custody_account",
        "confirm_invoice",
        "confirm_list",
        "correct_address",
        "correct_administrator_address",
        "correct_company",
        "create_payment_file",
        "decide_approval",
        "decide_bank_account",
        "end_sessions",
        "invite_user",
        "open_custody_account",
        "propose_bank_account",
        "record_contact",
        "record_receipt",
        "request_payout",
        "reset_factor",
        "resolve_line",
        "return_suspense",
        "set_approval_limit",
        "set_buyer_limit",
        "set_holiday",
        "take_back_line",
    ];
    /// Trade inside the platform (bounded by limits and second people), words, drafts, the platform's own work, and one's own account,
    /// where the password is asked for.
    const ASKS_NOT: &[&str] = &[
        "accept_invitation",
        "acknowledge_assignment",
        "answer_by_link",
        "answer_invoice",
        "answer_programme_invitation",
        "attach_evidence",
        "buy_fractions",
        "cancel_payout",
        "change_password",
        "change_programme",
        "close_day",
        "confirm_address",
        "continue_import",
        "create_offer",
        "decide_company",
        "decide_programme",
        "decide_review",
        "dispute_invoice",
        "draft_confirmation_list",
        "draft_payables",
        "end_contact",
        "end_membership",
        "enrol_totp",
        "explain_invoice",
        "explain_statement",
        "fail_payout",
        "found_platform",
        "import_statement",
        "import_status",
        "inspect_offer",
        "invite_company",
        "invite_to_programme",
        "keep_bank_file",
        "propose_programme",
        "queue_mails",
        "record_checkpoint",
        "record_confirmed",
        "record_mail",
        "record_sign_in_failure",
        "refuse_bank_file",
        "register_invoice",
        "register_table",
        "request_address",
        "request_code",
        "request_password_reset",
        "reset_password",
        "retry_mail",
        "revoke_link",
        "revoke_sessions",
        "send_link",
        "set_issue_terms",
        "set_preferences",
        "settle_dispute",
        "share_allowances",
        "share_payment",
        "sign_in",
        "submit_invoice",
        "tell_code",
        "touch_session",
        "withdraw_approved",
        "withdraw_invoice",
        "withdraw_offer",
        "withdraw_request",
        "write_message",
    ];
    for (name, asks) in server::commands::Command::STEP_UPS {
        let said = (ASKS.contains(name), ASKS_NOT.contains(name));
        assert_eq!(said, (*asks, !*asks), "{name} stands in one of the lists, and says the same itself");
    }
    let known = |name: &&str| server::commands::Command::STEP_UPS.iter().any(|(command, _)| command == name);
    assert!(ASKS.iter().all(known));
}
