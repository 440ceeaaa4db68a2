//! Keys of the platform's own making: no request takes one, none is answered for another secret, and a job that finds its key taken
//! says so.

use e2e::world::{PASSWORD, World};
use e2e::{Client, Database};
use server::commands::people::request_password_reset::RequestPasswordReset;
use server::commands::{Actor, own_key};
use server::jobs::end_of_day;
use store::User;
use store::records::Record;

const PERSON: &str = "operator@x.example";

fn person(world: &World) -> User {
    User::find_where(&mut world.conn(), "email = ?", &[PERSON.into()]).unwrap().unwrap()
}

/// The path of a new link that sets the person's password.
fn reset_link(world: &World) -> String {
    let token = server::hash::random_token();
    let command = RequestPasswordReset { user_id: person(world).id, token: token.clone() };
    world.app().writer.submit_blocking(Actor::DOOR, server::hash::random_token(), command.into()).unwrap();
    format!("/password/reset/{token}")
}

fn choose(visitor: &Client, path: &str, password: &str, key: &str) -> u16 {
    // A used link has no form any more: the token is the browser's.
    let mut form = visitor.get("/login").form("/login");
    form.retain(|(name, _)| name == "_csrf");
    form.extend([("_key".to_owned(), key.to_owned()), ("password".to_owned(), password.to_owned())]);
    visitor.post(path, &form).status
}

fn signs_in(world: &World, password: &str) -> bool {
    world.client().sign_in(PERSON, password).body.contains("/logout")
}

#[test]
fn no_request_takes_a_key_of_the_platforms_own() {
    for database in Database::both() {
        let world = World::start(database, "2026-03-02");
        let date = "2026-03-02".parse().unwrap();
        let visitor = world.client();
        // Its spelling of today and the one that every database before this version has.
        for key in [end_of_day::key_of(date), format!("close-day-{date}")] {
            assert_eq!(choose(&visitor, &reset_link(&world), "a long walk by the sea 77", &key), 303, "{key}");
        }
        assert!(signs_in(&world, "a long walk by the sea 77"));
        let api = world.client();
        api.api_sign_in(PERSON, "a long walk by the sea 77");
        for key in [end_of_day::key_of(date), own_key("confirm-list", &[&7, &8])] {
            let answer = api.api("set-preferences", &key, &serde_json::json!({ "language": "en", "theme": "dark" }));
            assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("idempotency_key_missing")), "{key}");
        }
        // By the form of a page the platform makes a key of its own instead.
        let page = world.client();
        let _ = page.sign_in(PERSON, "a long walk by the sea 77");
        let key = end_of_day::key_of(date);
        let _ = page.fill("/account", "/account", &[("theme", "dark"), ("_key", &key)]);
        let under = store::log::find_record_by_key(&mut world.conn(), person(&world).party_id, &key).unwrap();
        assert_eq!(under.map(|row| row.command), None, "a request's record under a key of the platform's own");
        world.move_to("2026-03-04");
        world.verify();
    }
}

#[test]
fn a_key_that_was_used_is_not_answered_for_another_secret() {
    for database in Database::both() {
        let world = World::start(database, "2026-03-02");
        let visitor = world.client();
        let key = "k".repeat(32);
        let (first, second) = (reset_link(&world), reset_link(&world));
        // Only the newest link is open.
        assert_eq!(choose(&visitor, &first, "no password of mine", &key), 404);
        assert_eq!(choose(&visitor, &second, "first password of mine", &key), 303);
        assert!(signs_in(&world, "first password of mine"));
        // A new one under the key of the first does what it says.
        let third = reset_link(&world);
        assert_eq!(choose(&visitor, &third, "third password of mine", &key), 303);
        assert!(signs_in(&world, "third password of mine") && !signs_in(&world, "first password of mine"));
        assert_eq!(choose(&visitor, &third, "fourth password of mine", &key), 404, "the link is used");
        // The own password, twice under one key: done once, and the other one refused.
        let page = world.client();
        let _ = page.sign_in(PERSON, "third password of mine");
        let change = |current: &str, new: &str| {
            let mut form = page.open("/account/security").form("/account/password");
            form.retain(|(name, _)| !["_key", "current", "password"].contains(&name.as_str()));
            for (name, value) in [("_key", key.as_str()), ("current", current), ("password", new)] {
                form.push((name.to_owned(), value.to_owned()));
            }
            page.post("/account/password", &form).status
        };
        assert_eq!(change("third password of mine", "fifth password of mine"), 303);
        assert_eq!(change("fifth password of mine", "sixth password of mine"), 422, "the key has another content");
        assert!(signs_in(&world, "fifth password of mine") && !signs_in(&world, "sixth password of mine"));
        world.verify();
    }
}

#[test]
fn a_job_whose_key_is_taken_is_seen() {
    for database in Database::both() {
        let world = World::start(database, "2026-03-02");
        let app = world.app();
        let (date, next) = ("2026-03-02".parse().unwrap(), "2026-03-03".parse().unwrap());
        // What no request can do any more was done by hand.
        let squat = RequestPasswordReset { user_id: person(&world).id, token: server::hash::random_token() };
        app.writer.submit_blocking(Actor::SYSTEM, end_of_day::key_of(date), squat.into()).unwrap();
        let round = || app.troubles.note("end of day", &end_of_day::catch_up(app, next).map(|_| ()));
        let visitor = world.client();
        round();
        assert_eq!(visitor.get("/readyz").status, 200, "once may be another process");
        round();
        round();
        assert_eq!(visitor.get("/readyz").status, 503);
        let operator = world.client();
        let home = operator.sign_in(PERSON, PASSWORD);
        assert!(home.text().contains("has stopped: something else was done under its key"), "{}", home.text());
        app.troubles.note("end of day", &Ok(()));
        assert_eq!(visitor.get("/readyz").status, 200);
    }
}
