//! Values at the edge of what a database takes, sent to every parameter, field and page: both databases answer alike, and never with an
//! internal error (BAR.md S16, ASVS 2.2.1).

use e2e::{Client, Database, World};
use serde_json::{Value, json};
use server::http::{api::states, openapi, routes::Routes};

const PEOPLE: [&str; 4] = ["operator", "supplier1", "buyer1", "financier1"];

/// What stands behind a question mark, percent-encoded.
const QUERIES: [&str; 8] =
    ["%00", "a%00b", "-9223372036854775808", "9223372036854775807", "-4800-01-01", "%2B262142-12-31", "'%20OR%201=1--", "%ff"];

/// A text, a day and a number for every field of a body.
fn fillings() -> Vec<(&'static str, &'static str, i64)> {
    vec![
        ("a\0b", "2027-01-01", 1),
        ("x", "-262143-01-01", 1),
        ("x", "+262142-12-31", 1),
        ("x", "-4800-01-01", 1),
        ("\u{d7ff}\u{10ffff}", "2027-01-01", i64::MAX),
        ("1", "2027-01-01", i64::MIN),
        ("999999999999999999999999999999", "0000-01-01", 0),
        ("EUR", "2027-01-01", 1),
    ]
}

fn filled(document: &Value, schema: &Value, filling: (&str, &str, i64)) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let known = document.pointer(name.trim_start_matches('#'));
        return filled(document, known.unwrap_or_else(|| panic!("{name} is not in the document")), filling);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let chosen = choices.iter().find(|one| one["type"] != "null").expect("a choice");
        return filled(document, chosen, filling);
    }
    let kinds = &schema["type"];
    match kinds.as_str().or_else(|| kinds[0].as_str()) {
        Some("array") => json!([filled(document, &schema["items"], filling)]),
        Some("integer") => json!(filling.2),
        Some("boolean") => json!(true),
        Some("string") if schema["format"] == "date" => json!(filling.1),
        Some("string") => json!(filling.0),
        _ => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            fields.map(|(name, schema)| (name.clone(), filled(document, schema, filling))).collect()
        }
    }
}

fn ask_the_api(world: &World, people: &[Client]) -> usize {
    let document = openapi::document();
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        if path.ends_with("/revoke-sessions") || path.ends_with("/position-proof") {
            continue;
        }
        for client in people {
            if let Some(read) = operations.get("get") {
                let names = read["parameters"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str());
                let names: Vec<&str> = names.chain(["state", "before", "after"]).collect();
                for value in QUERIES {
                    let query: Vec<String> = names.iter().map(|name| format!("{name}={value}")).collect();
                    let answer = client.get(&format!("{path}?{}", query.join("&")));
                    assert!(answer.status < 500, "{} {path} {value}: {}", world.database.kind, answer.body);
                    asked += 1;
                }
            }
            let schema = operations.pointer("/post/requestBody/content/application~1json/schema");
            for (at, filling) in schema
                .into_iter()
                .flat_map(|schema| fillings().into_iter().enumerate().map(move |one| (schema, one)))
                .map(|(schema, (at, filling))| (at, filled(&document, schema, filling)))
            {
                let key = format!("edge-{asked}-{at}");
                let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key.as_str())];
                let answer = client.post_with(path, &headers, filling.to_string());
                assert!(answer.status < 500 || answer.status == 503, "{} {path} {filling}: {}", world.database.kind, answer.body);
                assert!(at > 0 || answer.status >= 400, "{path} takes a NUL: {}", answer.body);
                asked += 1;
            }
        }
    }
    asked
}

fn ask_the_pages(world: &World, people: &[Client]) -> usize {
    const WISHES: [&str; 12] = [
        "state=%00",
        "sort=number&after=%00~1",
        "sort=issue_date&after=-4800-01-01~1",
        "sort=due_or_issue&after=%2B262142-12-31~1",
        "sort=payable_minor&after=9223372036854775807~-9223372036854775808",
        "company=%00",
        "day=-4800-01-01",
        "currency=%00",
        "sort=id'&dir=x",
        "page=99999999999999999999",
        "from=%00&date=%2B262142-12-31",
        "subject=%00&next=%00&as_of=-4800-01-01",
    ];
    let mut asked = 0;
    for route in Routes::all().list.iter().filter(|route| route.method == "GET" && !route.path.starts_with("/api/")) {
        let path = route.path.replace("{id}", "1").replace("{token}", "a%00b");
        for client in people {
            for wish in WISHES {
                let answer = client.get(&format!("{path}?{wish}"));
                assert!(answer.status < 500, "{} {path}?{wish}: {}", world.database.kind, answer.text());
                asked += 1;
            }
        }
    }
    asked
}

/// ASVS 1.2.4, 1.4.2, 2.2.1: edge values and quotes in every parameter and field.
#[test]
fn no_value_at_the_edge_is_an_internal_error() {
    for database in Database::both() {
        let world = World::demo(database, 20);
        let address = |name: &&str| format!("{name}@kontor.example");
        let programs: Vec<Client> = PEOPLE.iter().map(|name| world.api(&address(name))).collect();
        let browsers: Vec<Client> = PEOPLE.iter().map(|name| world.signed_in(&address(name))).collect();
        let asked = ask_the_api(&world, &programs) + ask_the_pages(&world, &browsers);
        assert!(asked > 3_000, "{asked}");
        // What was posted has left every book whole.
        world.verify();
    }
}

#[test]
fn a_list_is_asked_by_its_own_states_only() {
    for database in Database::both() {
        let world = World::demo(database, 20);
        let clients: Vec<Client> = PEOPLE.iter().map(|name| world.api(&format!("{name}@kontor.example"))).collect();
        let document = openapi::document();
        let mut lists = 0;
        for (path, operations) in document["paths"].as_object().expect("paths") {
            let parameters = operations.pointer("/get/parameters").and_then(Value::as_array);
            let state = parameters.into_iter().flatten().find(|one| one["name"] == "state");
            let known = states::of(path);
            assert!(state.is_none_or(|one| one["schema"]["enum"] == json!(known) && !known.is_empty()), "{path}");
            if state.is_none() {
                continue;
            }
            lists += 1;
            let needed = if path.ends_with("/members") { "programme_id=1&" } else { "" };
            for client in &clients {
                let open = client.get(&format!("{path}?{needed}")).status;
                if open == 403 {
                    continue;
                }
                for one in &known {
                    let answer = client.get(&format!("{path}?{needed}state={one}"));
                    assert_eq!(answer.status, open, "{path} {one}: {}", answer.body);
                }
                let strange = client.get(&format!("{path}?{needed}state=strange"));
                assert_eq!((strange.status, strange.json()["field"].as_str()), (422, Some("state")), "{path}");
            }
        }
        assert!(lists > 11, "{lists}");
    }
}

/// A small request that takes long to read, or whose page repeats it, is refused before it is read.
#[test]
fn many_fields_and_long_addresses_are_refused_unread() {
    let world = World::demo(Database::sqlite(), 20);
    let stranger = world.client();
    let fields = |count: usize| "a&".repeat(count);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    for path in ["/login", "/nowhere", "/documents/1"] {
        let answer = stranger.get(&format!("{path}?{}", fields(5_000)));
        assert!(answer.status == 414 && answer.body.len() < 200, "{path}: {} {}", answer.status, answer.body.len());
        // A head that is longer than any browser's is not read to its end.
        assert_eq!(stranger.get(&format!("{path}?{}", fields(30_000))).status, 431, "{path}");
    }
    let answer = stranger.get(&format!("/api/v1/me?{}", fields(5_000)));
    assert!(answer.status == 414 && answer.body.contains("address_too_long"), "{}", answer.body);
    assert_eq!(stranger.get(&format!("/login?{}", fields(99))).status, 200);
    assert_eq!(stranger.get(&format!("/login?{}", fields(3_000))).status, 400);
    let answer = stranger.post_with("/login", &form, fields(30_000));
    assert!(answer.status == 400 && answer.body.contains("more fields"), "{}", answer.body);
    let viewer = world.api("supplier1@kontor.example");
    let json = |key| [("Content-Type", "application/json"), ("Idempotency-Key", key)];
    let numbers = |count: usize| format!("{{\"language\":\"en\",\"theme\":\"dark\",\"x\":[0{}]}}", ",0".repeat(count));
    assert_eq!(viewer.post_with("/api/v1/set-preferences", &json("numbers-1"), numbers(500_000)).status, 413);
    assert_eq!(viewer.post_with("/api/v1/set-preferences", &json("numbers-2"), numbers(1_000)).status, 422);
    assert_eq!(stranger.post_with("/api/v1/token", &json("numbers-3"), numbers(3_000)).status, 413);
}
