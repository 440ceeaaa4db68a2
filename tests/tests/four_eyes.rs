//! Two accounts of one person are one person; a request ends with the right behind it; sessions of a colleague. BAR.md S8, ASVS 2.3.5, 7.4.5, 8.3.2.

use e2e::world::{PASSWORD, World};
use e2e::{Answer, Client, Database};
use kernel::{ApprovalId, UserId};
use serde_json::{Value, json};
use server::commands::Command;
use server::http::routes::Routes;
use std::sync::atomic::{AtomicU64, Ordering};
use store::records::{Keyed, Record};

/// A write under a key of its own.
fn write(client: &Client, path: &str, body: &Value) -> Answer {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    client.api(path, &format!("four-eyes-{path}-{}", NEXT.fetch_add(1, Ordering::Relaxed)), body)
}

/// The request that somebody now waits for.
fn ask(client: &Client, path: &str, body: &Value) -> i64 {
    let asked = write(client, path, body);
    assert_eq!(asked.status, 202, "{path} {body}: {}", asked.body);
    asked.json()["awaits_approval"].as_i64().unwrap()
}

/// Status and code of an answer to a request.
fn decide(client: &Client, id: i64, approve: bool) -> (u16, String) {
    let row = client.get("/api/v1/approvals").json()["items"].as_array().unwrap().iter().find(|row| row["id"] == id).cloned();
    let hash = row.unwrap_or_else(|| panic!("{id} is not listed"))["body_hash"].clone();
    let body = json!({ "approval_id": id, "body_hash": hash, "approve": approve, "reason": "looked at" });
    let answer = write(client, "decide-approval", &body);
    (answer.status, answer.json()["code"].as_str().unwrap_or("").to_owned())
}

fn agree(client: &Client, id: i64) -> (u16, String) {
    decide(client, id, true)
}

fn refused(code: &str) -> (u16, String) {
    let status = if ["not_independent", "same_person", "not_permitted"].contains(&code) { 403 } else { 409 };
    (status, code.to_owned())
}

fn done() -> (u16, String) {
    (200, String::new())
}

fn user(world: &World, email: &str) -> store::User {
    store::User::find_where(&mut world.conn(), "email = ?", &[email.into()]).unwrap().unwrap()
}

fn invitation(email: &str, roles: &str) -> Value {
    json!({ "email": email, "name": email.split('@').next(), "roles": roles })
}

fn change(id: UserId, roles: &str, disabled: bool) -> Value {
    json!({ "user_id": id, "roles": roles, "disabled": disabled })
}

/// Takes up the invitation that was mailed.
fn accept(world: &World, email: &str) -> Client {
    let mail = world.mail(email).body;
    let token: String = mail
        .split("/invitations/")
        .nth(1)
        .unwrap_or_else(|| panic!("no link in {mail}"))
        .chars()
        .take_while(char::is_ascii_hexdigit)
        .collect();
    let link = format!("/invitations/{token}");
    let taken = world.client().fill(&link, &link, &[("name", email), ("password", PASSWORD), ("language", "en")]);
    assert_eq!(taken.status, 200, "{}", taken.text());
    world.api(email)
}

/// Waits until a mail to this address says so.
fn mailed(world: &World, email: &str, words: &str) {
    let wanted = || {
        let mails = store::Mail::list_where(&mut world.conn(), "address = ?", &[email.into()]).unwrap();
        mails.iter().any(|mail| mail.subject.contains(words) || mail.body.contains(words))
    };
    let found = (0..100).any(|_| {
        wanted() || {
            std::thread::sleep(std::time::Duration::from_millis(100));
            false
        }
    });
    assert!(found, "{email} is not told: {words}");
}

/// Brings a colleague in, with somebody's agreement.
fn bring_in(world: &World, (asker, second): (&Client, &Client), email: &str, roles: &str) -> Client {
    let id = ask(asker, "invite-user", &invitation(email, roles));
    assert_eq!(agree(asker, id).0, 403, "nobody agrees to their own request");
    assert_eq!(agree(second, id), done());
    accept(world, email)
}

/// The operator as `setup` leaves it: two people with all roles.
fn operator(database: Database) -> (World, Client, Client) {
    let roles = "administrator,maker,checker";
    let people = [("Alma", "a@x.example", roles), ("Bero", "b@x.example", roles)];
    let world = World::founded(database, "2026-11-30", &people);
    let (a, b) = (world.api("a@x.example"), world.api("b@x.example"));
    (world, a, b)
}

fn company(number: u8) -> Value {
    json!({
        "name": format!("Factoring {number}"), "country": "DE", "tax_id": format!("DE30000000{number}"), "capacities": "supplier,financier", "language": "en",
        "administrator_email": format!("e{number}@evil.example"), "administrator_name": "Eve One",
        "checker_email": format!("f{number}@evil.example"), "checker_name": "Eve Two",
    })
}

/// Each step by which one operator did what takes two (report of 29 November, finding 1).
#[test]
fn one_person_with_two_mailboxes_is_one_person() {
    for database in Database::both() {
        let (world, a, b) = operator(database);
        // Nobody brings in a maker alone; with the other's agreement whoever was brought in works with the other.
        let puppet = bring_in(&world, (&a, &b), "puppet@second.example", "maker");
        let invited = write(&puppet, "invite-company", &company(1));
        assert_eq!(invited.status, 200, "{}", invited.body);
        let party = invited.json()["result"]["party_id"].as_i64().unwrap();
        let admit = ask(&puppet, "decide-company", &json!({ "party_id": party, "status": "active", "reason": "fine" }));
        assert_eq!(agree(&a, admit), refused("not_independent"));
        // Nor by the page, which does not offer it and says why.
        let page = world.signed_in("a@x.example");
        let (list, path) = (page.open("/approvals").text(), format!("/approvals/{admit}"));
        assert!(list.contains("Waits for another checker"), "{list}");
        let waits = "Requests wait for your approval";
        assert!(!page.open("/home").text().contains(waits), "not for A");
        assert!(world.signed_in("b@x.example").open("/home").text().contains(waits));
        let shown = page.open(&path);
        assert!(shown.text().contains("You cannot approve this: you brought the person"), "{}", shown.text());
        assert!(shown.text().contains("Brought in by") && shown.text().contains("Alma"), "{}", shown.text());
        let mut form = shown.form(&path);
        form.retain(|(name, _)| name != "decision");
        form.push(("decision".to_owned(), "approve".to_owned()));
        let forged = page.post(&path, &form);
        assert_eq!(forged.status, 403, "{}", forged.text());
        assert!(forged.text().contains("You stand behind the person who asks"), "{}", forged.text());
        assert_eq!(agree(&b, admit), done());
        // Everything else that took two is closed by the same rule.
        let reference = invited.json()["result"]["reference"].clone();
        let receipt = json!({ "currency": "EUR", "amount_minor": 100_000_000, "value_date": "2026-11-30", "reference": reference, "reason": "paid in" });
        let money = ask(&puppet, "record-receipt", &receipt);
        assert_eq!(agree(&a, money), refused("not_independent"));
        // A second one cannot put the other operator out.
        let second = bring_in(&world, (&a, &b), "second@second.example", "administrator,maker,checker");
        let bero = user(&world, "b@x.example");
        for narrowed in [change(bero.id, "viewer", true), change(bero.id, "administrator,maker", false)] {
            let out = ask(&second, "change-user", &narrowed);
            assert_eq!(agree(&a, out), refused("not_independent"), "the master of who asks");
            assert_eq!(b.get("/api/v1/me").status, 200);
            let own = ask(&a, "change-user", &narrowed);
            assert_eq!(agree(&second, own), refused("not_independent"), "whom the asker brought in");
            let page = world.signed_in("second@second.example").open(&format!("/approvals/{own}")).text();
            assert!(page.contains("it ends a checker"), "{page}");
            assert_eq!((decide(&b, out, false), decide(&b, own, false)), (done(), done()));
        }
        // Along the chain: whom the puppet brings in is A's, too.
        let chained = ask(&second, "invite-user", &invitation("third@second.example", "maker"));
        assert_eq!(agree(&a, chained), refused("not_independent"));
        assert_eq!(agree(&b, chained), done());
        let third = accept(&world, "third@second.example");
        let money = ask(&third, "record-receipt", &receipt);
        assert_eq!(agree(&a, money), refused("not_independent"), "two steps behind");
        assert_eq!(agree(&second, money), refused("not_independent"), "one step behind");
        assert_eq!(agree(&b, money), done());
        // Whom A brought in, and B gave a role, is neither's to agree to; the other one's guest may.
        let row = user(&world, "puppet@second.example");
        let more = ask(&b, "change-user", &change(row.id, "administrator,maker", false));
        assert_eq!(agree(&a, more), done());
        let row = user(&world, "puppet@second.example");
        assert_eq!((row.invited_by, row.roles_by), (Some(user(&world, "a@x.example").id), Some(bero.id)));
        let last = ask(&puppet, "record-receipt", &receipt);
        assert_eq!((agree(&a, last), agree(&b, last)), (refused("not_independent"), refused("not_independent")));
        assert_eq!(agree(&second, last), done(), "whom neither is");
        let person = world.signed_in("a@x.example").open(&format!("/org/people/{}", row.id)).text();
        assert!(person.contains("Brought in by") && person.contains("Alma") && person.contains("Bero"), "{person}");
        world.verify();
    }
}

/// A row that names another sponsor than the audit is found.
#[test]
fn the_audit_says_who_stands_behind_whom() {
    for database in Database::both() {
        let (world, a, b) = operator(database);
        let _ = bring_in(&world, (&a, &b), "guest@x.example", "maker");
        let guest = user(&world, "guest@x.example");
        let more = ask(&b, "change-user", &change(guest.id, "maker,checker", false));
        assert_eq!(agree(&a, more), done());
        assert_eq!(write(&a, "change-user", &change(guest.id, "checker", false)).status, 200, "taking needs nobody");
        assert_eq!(user(&world, "guest@x.example").roles_by, Some(user(&world, "b@x.example").id), "and frees of nobody");
        world.verify();
        let mut conn = world.conn();
        for forged in ["invited_by = NULL", "invited_by = id", "roles_by = NULL", "roles_by = id"] {
            let before = user(&world, "guest@x.example");
            store::query::execute(&mut conn, &format!("UPDATE users SET {forged} WHERE id = ?"), &[guest.id.into()]).unwrap();
            let (_, finding) = store::verify::verify(&mut conn).unwrap();
            assert_eq!(finding.unwrap().place, format!("users {}", guest.id), "{forged}");
            before.update(&mut conn).unwrap();
        }
        // The migration finds the same in the audit.
        let names = "SELECT CAST(COALESCE(invited_by, 0) AS TEXT) || ' ' || CAST(COALESCE(roles_by, 0) AS TEXT) AS value FROM users WHERE id = ?";
        let found = |conn: &mut store::Conn| store::query::text(conn, names, &[guest.id.into()]).unwrap();
        let before = found(&mut conn);
        let kind = if matches!(conn, store::Conn::Sqlite(_)) { "sqlite" } else { "postgres" };
        let folder = format!("{}/../migrations/{kind}/2026-11-29-000160_sponsors", env!("CARGO_MANIFEST_DIR"));
        store::query::execute(&mut conn, "UPDATE users SET invited_by = NULL, roles_by = NULL", &[]).unwrap();
        let up = std::fs::read_to_string(format!("{folder}/up.sql")).unwrap();
        for statement in up.split(';').filter(|statement| statement.contains("UPDATE users")) {
            store::query::execute(&mut conn, statement, &[]).unwrap();
        }
        let after = found(&mut conn);
        assert_eq!(
            before.as_deref().map(|text| text.split(' ').next().map(str::to_owned)),
            after.as_deref().map(|text| text.split(' ').next().map(str::to_owned))
        );
        assert_ne!(after.as_deref().and_then(|text| text.split(' ').nth(1)), Some("0"), "the last who changed anything");
        world.verify();
    }
}

/// What an administrator can do alone, and what takes the company's checker: a company of two people can do everything.
#[test]
fn a_company_of_an_administrator_and_a_checker() {
    for database in Database::both() {
        let world = World::demo(database, 5);
        let (administrator, checker) = (world.api("financier1@kontor.example"), world.api("financier1.checker@kontor.example"));
        let viewer = user(&world, "financier1.viewer@kontor.example");
        for roles in ["administrator", "maker", "checker", "administrator,maker,checker,viewer"] {
            let id = ask(&administrator, "invite-user", &invitation("new@x.example", roles));
            assert_eq!(decide(&checker, id, false), done());
        }
        assert_eq!(write(&administrator, "invite-user", &invitation("reader@x.example", "viewer")).status, 200);
        // (before, after): what gives takes two, what takes happens at once.
        for (roles, disabled, two) in [
            ("maker", false, true),
            ("maker,viewer", false, false),
            ("administrator,maker", false, true),
            ("maker", false, false),
            ("maker", true, false),
            ("maker", false, true),
            ("checker", false, true),
            ("viewer", false, true),
            ("viewer", true, false),
            ("viewer", false, false),
        ] {
            let body = change(viewer.id, roles, disabled);
            let answer = write(&administrator, "change-user", &body);
            assert_eq!(answer.status, if two { 202 } else { 200 }, "{roles} {disabled}: {}", answer.body);
            if let Some(id) = answer.json()["awaits_approval"].as_i64() {
                assert_eq!(agree(&checker, id), done(), "{roles} {disabled}");
            }
        }
        // A second checker, the first one's end by its own agreement, and never by that of whom the administrator brought in.
        let second = bring_in(&world, (&administrator, &checker), "second@x.example", "checker");
        let first = user(&world, "financier1.checker@kontor.example");
        let end = ask(&administrator, "change-user", &change(first.id, "checker", true));
        assert_eq!(agree(&second, end), refused("not_independent"));
        assert_eq!(agree(&checker, end), done());
        // The second one agrees to what the administrator asks for, and to whom it brings in.
        let maker = bring_in(&world, (&administrator, &second), "maker@x.example", "maker");
        let payout = ask(&maker, "request-payout", &json!({ "currency": "EUR", "amount_minor": 5_000_001 }));
        assert_eq!(agree(&second, payout), done());
        // With nobody left, nothing can be asked; whom the operator appoints agrees to anything.
        let guest = user(&world, "second@x.example");
        let lonely = ask(&administrator, "change-user", &change(guest.id, "viewer", false));
        assert_eq!(agree(&second, lonely), done());
        for body in [invitation("more@x.example", "checker"), invitation("more@x.example", "maker")] {
            assert_eq!(write(&administrator, "invite-user", &body).json()["code"], "second_person_missing");
        }
        let payout = write(&maker, "request-payout", &json!({ "currency": "EUR", "amount_minor": 5_000_001 }));
        assert_eq!((payout.status, payout.json()["code"].clone()), (409, "second_person_missing".into()));
        let appoint = json!({ "party_id": first.party_id, "email": "sent@x.example", "name": "Sent", "reason": "a letter" });
        let id = ask(&world.api("operator@kontor.example"), "appoint-checker", &appoint);
        assert_eq!(agree(&world.api("operator2@kontor.example"), id), done());
        let waits = ask(&administrator, "invite-user", &invitation("more@x.example", "maker"));
        let sent = accept(&world, "sent@x.example");
        assert_eq!(agree(&sent, waits), done());
        world.verify();
    }
}

/// A maker whom the company's two people brought in, with their clients.
fn with_maker(world: &World, email: &str) -> (Client, Client, Client, UserId) {
    let (administrator, checker) = (world.api("financier1@kontor.example"), world.api("financier1.checker@kontor.example"));
    let maker = bring_in(world, (&administrator, &checker), email, "maker");
    let id = user(world, email).id;
    (administrator, checker, maker, id)
}

const PAYOUT: i64 = 20_000_000;

fn ask_payout(maker: &Client) -> i64 {
    ask(maker, "request-payout", &json!({ "currency": "EUR", "amount_minor": PAYOUT }))
}

/// A request does not outlive the right of whoever asked (finding 14).
/// ASVS 2.3.5, 8.3.2: a right that is taken away ends what was asked for by it, at once.
#[test]
fn a_request_ends_with_the_right_behind_it() {
    for database in Database::both() {
        let world = World::demo(database, 5);
        let (administrator, checker, maker, id) = with_maker(&world, "mo@x.example");
        let request = ask_payout(&maker);
        assert_eq!(write(&administrator, "change-user", &change(id, "viewer", false)).status, 200);
        assert_eq!(agree(&checker, request), refused("approval_already_decided"));
        let mut conn = world.conn();
        let row = store::Approval::load(&mut conn, ApprovalId(request)).unwrap();
        assert_eq!((row.state.name(), row.reason.as_str()), ("ended", "right_lost"));
        let page = world.signed_in("mo@x.example").open(&format!("/approvals/{request}")).text();
        assert!(page.contains("Whoever asked has lost the role that it needs"), "{page}");
        mailed(&world, "mo@x.example", "request has ended");
        // A role that it does not need may go.
        let again = ask(&administrator, "change-user", &change(id, "maker,checker", false));
        assert_eq!(agree(&checker, again), done());
        let request = ask_payout(&maker);
        let less = ask(&administrator, "change-user", &change(id, "maker", false));
        assert_eq!(agree(&checker, less), done());
        // Whatever the row says by then, whoever agrees is asked whether the right is still there.
        for (set, back) in [("roles = 'viewer'", "roles = 'maker'"), ("status = 'disabled'", "status = 'active'")] {
            let mut put = |set: &str| {
                store::query::execute(&mut conn, &format!("UPDATE users SET {set} WHERE id = ?"), &[id.into()]).unwrap()
            };
            put(set);
            assert_eq!(agree(&checker, request), refused("asker_lacks_right"), "{set}");
            let page = world.signed_in("financier1.checker@kontor.example").open(&format!("/approvals/{request}")).text();
            assert!(page.contains("whoever asked has lost the right"), "{page}");
            put(back);
        }
        // The same for whoever agrees.
        let second = user(&world, "financier1.checker@kontor.example");
        let mut put = |roles: &str| {
            store::query::execute(&mut conn, "UPDATE users SET roles = ? WHERE id = ?", &[roles.into(), second.id.into()])
                .unwrap();
        };
        let before = second.roles.to_string();
        assert_eq!(decide(&checker, request, false).0, 200, "the right is there");
        put("viewer");
        let request = write(&maker, "request-payout", &json!({ "currency": "EUR", "amount_minor": PAYOUT }));
        assert_eq!(request.json()["code"], "second_person_missing");
        put(&before);
        // A company that is stopped has asked for nothing.
        let request = ask_payout(&maker);
        let stop = json!({ "party_id": second.party_id, "status": "suspended", "reason": "a letter" });
        assert_eq!(write(&world.api("operator@kontor.example"), "decide-company", &stop).status, 200);
        assert_eq!(agree(&checker, request), refused("approval_already_decided"));
        assert_eq!(store::Approval::load(&mut conn, ApprovalId(request)).unwrap().reason, "company_stopped");
        world.verify();
    }
}

/// Whoever asked takes the request back until it is decided, on the page and by the API; nobody else does.
#[test]
fn whoever_asked_takes_the_request_back() {
    for database in Database::both() {
        let world = World::demo(database, 5);
        let (administrator, checker, maker, _) = with_maker(&world, "mo@x.example");
        let withdraw = |client: &Client, id: i64| {
            let answer = write(client, "withdraw-request", &json!({ "approval_id": id }));
            (answer.status, answer.json()["code"].as_str().unwrap_or("").to_owned())
        };
        let request = ask_payout(&maker);
        let missing = (404, "not_found".to_owned());
        for (who, client) in [("a colleague", &administrator), ("the second person", &checker)] {
            assert_eq!(withdraw(client, request), missing, "{who}");
        }
        assert_eq!(withdraw(&world.api("supplier1@kontor.example"), request), missing, "another company");
        let (page, act) = (format!("/approvals/{request}"), format!("/approvals/{request}/withdraw"));
        let other = world.signed_in("financier1.checker@kontor.example");
        assert!(!other.open(&page).body.contains(&act), "the second person turns it down instead");
        let own = world.signed_in("mo@x.example");
        let done = own.fill(&page, &act, &[]);
        assert!(done.text().contains("Request taken back"), "{}", done.text());
        let row = store::Approval::load(&mut world.conn(), ApprovalId(request)).unwrap();
        assert_eq!((row.state.name(), row.reason.as_str()), ("ended", "taken_back"));
        let told = own.open(&page).text();
        assert!(told.contains("Whoever asked took it back") && !told.contains("Take the request back"), "{told}");
        assert_eq!(withdraw(&maker, request), refused("approval_already_decided"));
        assert_eq!(agree(&checker, request), refused("approval_already_decided"));
        // What was agreed to has happened.
        let second = ask_payout(&maker);
        assert_eq!(agree(&checker, second), (200, String::new()));
        assert_eq!(withdraw(&maker, second), refused("approval_already_decided"));
        world.verify();
    }
}

/// Whichever comes first, agreement or the end of the right: never both.
#[test]
fn agreement_and_the_end_of_the_right_race() {
    for database in Database::both() {
        let world = World::demo(database, 5);
        let (administrator, checker, maker, id) = with_maker(&world, "race@x.example");
        let paid = |world: &World| {
            let sql = "SELECT COUNT(*) AS value FROM payouts WHERE amount_minor = ?";
            store::query::int(&mut world.conn(), sql, &[PAYOUT.into()]).unwrap().unwrap()
        };
        let mut made = paid(&world);
        for round in 0..6 {
            let request = ask_payout(&maker);
            let narrow = || write(&world.api("financier1@kontor.example"), "change-user", &change(id, "viewer", false)).status;
            let (agreed, narrowed) = std::thread::scope(|scope| {
                let racer = scope.spawn(narrow);
                (agree(&checker, request), racer.join().unwrap())
            });
            assert_eq!(narrowed, 200);
            let state = store::Approval::load(&mut world.conn(), ApprovalId(request)).unwrap().state;
            let now = paid(&world);
            match agreed.0 {
                200 => assert_eq!((state.name(), now), ("approved", made + 1), "{round}"),
                _ => assert_eq!((agreed, state.name(), now), (refused("approval_already_decided"), "ended", made), "{round}"),
            }
            made = now;
            let back = ask(&administrator, "change-user", &change(id, "maker", false));
            assert_eq!(agree(&checker, back), done());
        }
        world.verify();
    }
}

/// The roles that a command names for its askers are those of its route, so that agreeing looks at the same right as asking did.
#[test]
fn every_command_that_asks_names_the_right_of_its_route() {
    let routes = Routes::all().list;
    let commands = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../server/src/commands"));
    let nouns: Vec<_> = std::fs::read_dir(commands).unwrap().map(|entry| entry.unwrap().path()).collect();
    let source = |name: &str| {
        let places = nouns.iter().map(|noun| noun.join(format!("{name}.rs")));
        places.into_iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_else(|| panic!("{name}.rs"))
    };
    let mut asking = 0;
    for (name, askers) in Command::ASKERS {
        let path = format!("/api/v1/{}", name.replace('_', "-"));
        let right = routes.iter().find(|route| route.path == path && route.method == "POST").map(|route| route.right);
        let asks = source(name).contains("fn asks(");
        asking += usize::from(asks);
        let Some(right) = right.filter(|right| asks || right.contains("maker") || right.contains("administrator")) else {
            assert!(!asks, "{name} can wait for a second person and has no route");
            continue;
        };
        let named: Vec<&str> = askers.iter().map(|role| role.name()).collect();
        let mut wanted: Vec<&str> = ["maker", "administrator"].into_iter().filter(|role| right.contains(role)).collect();
        wanted.retain(|_| !right.contains("checker"));
        assert_eq!(named, wanted, "{name}: {right}");
    }
    assert!(asking > 20, "{asking}");
}

/// ASVS 7.4.5: an administrator ends a colleague's sessions, and the account stays.
#[test]
fn an_administrator_ends_the_sessions_of_a_colleague() {
    for database in Database::both() {
        let world = World::demo(database, 5);
        let [administrator, other] = ["supplier1", "buyer1"].map(|name| world.api(&format!("{name}@kontor.example")));
        let email = "supplier1.checker@kontor.example";
        let person = user(&world, email);
        let body = json!({ "user_id": person.id });
        assert_eq!(write(&other, "end-sessions", &body).status, 404, "another company's person");
        assert_eq!(world.signed_in("buyer1@kontor.example").get(&format!("/org/people/{}", person.id)).status, 404);
        let (page, api) = (world.signed_in(email), world.api(email));
        assert_eq!(write(&api, "end-sessions", &body).status, 403, "no administrator");
        let ended = write(&administrator, "end-sessions", &body);
        assert_eq!((ended.status, ended.json()["result"]["ended"].clone()), (200, 2.into()), "{}", ended.body);
        assert_eq!((page.get("/home").status, api.get("/api/v1/me").status), (303, 401));
        // By the page, too; and the person can sign in again.
        let page = world.signed_in(email);
        let path = format!("/org/people/{}", person.id);
        let ended = world.signed_in("supplier1@kontor.example").fill(&path, &format!("{path}/sessions"), &[]);
        assert_eq!(ended.status, 200, "{}", ended.text());
        assert_eq!(page.get("/home").status, 303);
        assert_eq!(world.signed_in(email).get("/home").status, 200);
        assert_eq!(user(&world, email), person, "the account is as it was");
        let mut conn = world.conn();
        let told = "SELECT COUNT(*) AS value FROM notices WHERE kind = 'sessions_ended' AND user_id = ?";
        assert_eq!(store::query::int(&mut conn, told, &[person.id.into()]).unwrap(), Some(2));
        let kept = "SELECT COUNT(*) AS value FROM audit WHERE command = 'end_sessions' AND subject_id = ?";
        assert_eq!(store::query::int(&mut conn, kept, &[person.id.into()]).unwrap(), Some(2));
        mailed(&world, email, "ended all your sessions");
        world.verify();
    }
}

/// A day that is closed moves what falls due on it, and how long late interest runs: it takes two operators.
#[test]
fn a_holiday_takes_two_operators() {
    for database in Database::both() {
        let world = World::start(database, "2026-03-02");
        let closed = json!({ "currency": "EUR", "day": "2026-03-20", "business": false });
        let asked = world.api("operator@x.example").api("set-holiday", "close-a-day-alone", &closed);
        assert_eq!(asked.status, 202, "{}", asked.body);
        let holidays = || store::Holiday::list_where(&mut world.conn(), "currency = 'EUR'", &[]).unwrap().len();
        assert_eq!(holidays(), 0);
        assert_eq!(crate::journey::approve(&world.signed_in("operator2@x.example")).status, 200);
        assert_eq!(holidays(), 1);
        world.verify();
    }
}
