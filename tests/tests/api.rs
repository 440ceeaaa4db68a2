//! The API keeps what its OpenAPI document says: every read answers the documented fields, of the documented types.

use e2e::{Database, World};
use serde_json::{Value, json};
use server::http::openapi::{ANSWERS, type_of};

fn check(path: &str, answered: &Value, names: &str, more: &[&str]) {
    let object = answered.as_object().unwrap_or_else(|| panic!("{path}: {answered}"));
    let mut wanted: Vec<(&str, bool)> =
        names.split_whitespace().map(|name| (name.trim_end_matches('?'), name.ends_with('?'))).collect();
    wanted.extend(more.iter().map(|name| (*name, false)));
    for (name, nullable) in &wanted {
        let value = object.get(*name).unwrap_or_else(|| panic!("{path} lacks {name}: {answered}"));
        let fits = match type_of(name) {
            _ if *name == "items" => value.is_array(),
            "integer" => value.is_i64(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => value.is_string(),
        };
        assert!(fits || (*nullable && value.is_null()), "{path}: {name} is {value}");
    }
    for name in object.keys() {
        assert!(wanted.iter().any(|(known, _)| known == name), "{path} answers {name}, which the document does not name");
    }
}

/// What waits for a second person is found, page by page and by its state, and decided with the digest that the list gives; another
/// company sees nothing of it.
#[test]
fn approvals_are_listed_with_what_deciding_them_needs() {
    for database in Database::both() {
        let world = World::demo(database, 30);
        let [maker, checker, other] =
            ["buyer1", "buyer1.checker", "supplier1"].map(|name| world.api(&format!("{name}@kontor.example")));
        let list = |client: &e2e::Client, query: &str| client.get(&format!("/api/v1/approvals{query}")).json();
        let limit = json!({ "currency": "EUR", "limit_minor": 900_000_000_000_i64, "day_minor": 900_000_000_000_i64 });
        let asked = maker.api("set-approval-limit", "an-approval-to-list", &limit);
        assert_eq!(asked.status, 202, "{}", asked.body);
        let answered = list(&checker, "?state=pending");
        let row = answered["items"][0].clone();
        assert_eq!(row["id"], asked.json()["awaits_approval"], "the newest comes first");
        assert_eq!((&row["command"], &row["state"]), (&json!("set_approval_limit"), &json!("pending")));
        assert_eq!(row["body"]["limit_minor"], limit["limit_minor"], "the request itself: {row}");
        let ids: Vec<i64> = list(&checker, "")["items"].as_array().unwrap().iter().filter_map(|row| row["id"].as_i64()).collect();
        assert!(ids.len() > 1 && ids.is_sorted_by(|a, b| a > b), "{ids:?}");
        let older = list(&checker, &format!("?before={}", ids[0]));
        assert_eq!(older["items"][0]["id"], ids[1]);
        let foreign = list(&other, "")["items"].as_array().unwrap().iter().any(|foreign| foreign["id"] == row["id"]);
        assert!(!foreign, "another company's request");
        let no = json!({ "approval_id": row["id"], "body_hash": row["body_hash"], "approve": false, "reason": "not so much" });
        assert_eq!(checker.api("decide-approval", "an-approval-decided", &no).status, 200);
        let decided = list(&maker, "?state=rejected")["items"][0].clone();
        assert_eq!((&decided["id"], &decided["reason"]), (&row["id"], &json!("not so much")));
        let pending = list(&maker, "?state=pending")["items"].as_array().unwrap().iter().any(|left| left["id"] == row["id"]);
        assert!(!pending);
    }
}

/// The document is made once, and whoever has it is told so: a stranger who asks again and again costs nothing.
#[test]
fn the_document_of_the_interface_is_made_once() {
    let world = World::start(Database::sqlite(), "2026-11-20");
    let http = reqwest::blocking::Client::new();
    let get = |name: &str, value: &str| {
        let answer = http.get(format!("{}{}", world.base, server::http::openapi::PATH)).header(name, value).send().unwrap();
        let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let headers = ["etag", "cache-control", "content-encoding"].map(header);
        (answer.status().as_u16(), headers, answer.bytes().unwrap())
    };
    let (status, [tag, kept, encoding], plain) = get("Accept-Encoding", "identity");
    assert_eq!((status, kept.as_str(), encoding.as_str()), (200, "public, max-age=300", ""));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&plain).unwrap(), server::http::openapi::document());
    let (status, [same, kept, _], nothing) = get("If-None-Match", &tag);
    assert_eq!((status, same, kept.as_str(), nothing.len()), (304, tag, "public, max-age=300", 0));
    let (_, [_, _, encoding], packed) = get("Accept-Encoding", "gzip");
    assert_eq!(encoding, "gzip");
    assert!(packed.len() < 25_000 && packed.starts_with(&[0x1f, 0x8b]), "{}", packed.len());
    let length = u32::from_le_bytes(packed[packed.len() - 4..].try_into().unwrap());
    assert_eq!(usize::try_from(length).unwrap(), plain.len());
}

/// ASVS 8.2.3, 15.3.1: an answer has the documented fields and no others.
#[test]
fn every_read_answers_what_the_document_says() {
    let world = World::demo(Database::sqlite(), 30);
    let [operator, supplier, buyer, financier] =
        ["operator", "supplier1", "buyer1", "financier1"].map(|name| world.api(&format!("{name}@kontor.example")));
    let document = operator.get("/api/v1/openapi.json").json();
    let first = |client: &e2e::Client, path: &str| client.get(&format!("/api/v1/{path}")).json()["items"][0].clone();
    let (offer, payable) = (first(&financier, "offers"), first(&buyer, "payables?state=presented"));
    let due = (store::records::load_heads(&mut world.conn()).unwrap().business_date + chrono::Days::new(20)).to_string();
    let drafted = buyer.api(
        "draft-confirmation-list",
        "a-list-to-read",
        &json!({ "items": [{ "invoice_id": payable["id"], "amount_minor": 100, "due_date": due, "reason": "x" }] }),
    );
    assert_eq!(drafted.status, 200, "{}", drafted.body);
    let invoice = first(&supplier, "invoices");
    let number = |sql: &str| store::query::int(&mut world.conn(), sql, &[]).unwrap().unwrap_or(0);
    let attached = supplier.post_with(
        &format!("/api/v1/attach-evidence?invoice_id={}&kind=order", invoice["id"]),
        &[("Content-Type", "application/pdf"), ("Idempotency-Key", "an-order-to-read"), ("X-File-Name", "order.pdf")],
        "%PDF-1.4\n%%EOF\n".to_owned(),
    );
    assert_eq!(attached.status, 200, "{}", attached.body);
    for (path, method) in server::http::routes::Routes::all().list.iter().map(|route| (route.path, route.method)) {
        let Some(name) = path.strip_prefix("/api/v1/").filter(|_| method == "GET") else { continue };
        assert_eq!(document["paths"][path]["get"]["responses"]["200"]["content"].as_object().unwrap().len(), 1, "{path}");
        if ["openapi.json", "position-proof"].contains(&name) {
            continue;
        }
        let (_, outer, item) =
            ANSWERS.iter().find(|(known, ..)| *known == name).unwrap_or_else(|| panic!("{path} is not described"));
        let (client, query) = match name {
            "contacts" => (&operator, format!("?party_id={}", number("SELECT party_id AS value FROM buyer_contacts LIMIT 1"))),
            "confirmation-links" => {
                (&operator, format!("?invoice_id={}", number("SELECT invoice_id AS value FROM confirmation_links LIMIT 1")))
            }
            "confirmation-evidence" => {
                let own = "SELECT r.invoice_id AS value FROM receivables r JOIN users u ON u.party_id = r.supplier_id \
                           WHERE u.email = 'supplier1@kontor.example' LIMIT 1";
                (&supplier, format!("?invoice_id={}", number(own)))
            }
            "messages" => {
                let own = "SELECT m.invoice_id AS value FROM invoice_messages m JOIN invoices i ON i.id = m.invoice_id \
                           JOIN users u ON u.party_id = i.supplier_id WHERE u.email = 'supplier1@kontor.example' LIMIT 1";
                (&supplier, format!("?invoice_id={}", number(own)))
            }
            "approvals" | "assignments" | "payables/approved" | "programmes" | "fee-bills" => (&buyer, String::new()),
            "programmes/versions" | "programmes/members" => {
                let own = "SELECT g.id AS value FROM programmes g JOIN users u ON u.party_id = g.buyer_id WHERE u.email = 'buyer1@kontor.example' LIMIT 1";
                (&buyer, format!("?programme_id={}", number(own)))
            }
            "invoices/eligibility" => (&supplier, format!("?invoice_id={}", invoice["id"])),
            "reviews" | "trial-balance" | "payouts" | "custody-accounts" | "reconciliation" => (&operator, String::new()),
            _ if name.starts_with("operator/") => (&operator, String::new()),
            "payouts/list" => (&operator, "?currency=EUR".to_owned()),
            "payables" => (&buyer, String::new()),
            "payables/undertaking" => (&buyer, format!("?invoice_id={}&amount_minor=100&due_date={due}", payable["id"])),
            "payables/list" => (&buyer, format!("?list_id={}", drafted.json()["result"]["list_id"])),
            "offers" | "holdings" | "balances" => (&financier, String::new()),
            "offers/papers" => (&financier, format!("?offer_id={}", offer["id"])),
            "offers/quote" => (&financier, format!("?offer_id={}&units_minor={}", offer["id"], offer["left_minor"])),
            "evidence" => (&supplier, format!("?invoice_id={}", invoice["id"])),
            "log/inclusion" => (&supplier, "?record=1".to_owned()),
            "log/consistency" => (&supplier, "?old=1".to_owned()),
            _ => (&supplier, String::new()),
        };
        let answer = client.get(&format!("{path}{query}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let body = answer.json();
        check(path, &body, outer, if item.is_empty() { &[] } else { &["items"] });
        if !item.is_empty() {
            let items = body["items"].as_array().unwrap();
            assert!(
                !items.is_empty() || ["payouts/list", "contacts", "confirmation-links", "payables/approved"].contains(&name),
                "{path} has nothing to check"
            );
            items.iter().for_each(|row| check(path, row, item, &[]));
        }
    }
}

/// A dry run answers what the act would meet, and leaves no trace: neither in the audit nor in the counters.
#[test]
fn a_dry_run_writes_nothing() {
    for database in Database::both() {
        let world = World::demo(database, 30);
        let [maker, checker, supplier] =
            ["buyer1", "buyer1.checker", "supplier1"].map(|name| world.api(&format!("{name}@kontor.example")));
        let heads = || store::records::load_heads(&mut world.conn()).unwrap();
        let before = heads();
        let limit = json!({ "currency": "EUR", "limit_minor": 900_000_000_000_i64, "day_minor": 900_000_000_000_i64 });
        let tried = maker.api("set-approval-limit?dry_run=1", "", &limit);
        let wanted = json!({ "dry_run": true, "command": "set_approval_limit", "needs_second_person": true });
        assert_eq!((tried.status, tried.json()), (200, wanted), "{}", tried.body);
        let tried =
            supplier.api("request-payout?dry_run=1", "", &json!({ "currency": "EUR", "amount_minor": 900_000_000_000_i64 }));
        assert_eq!((tried.status, tried.json()["code"].clone()), (409, "insufficient_cash".into()));
        let refused = checker.api("set-approval-limit?dry_run=1", "", &limit);
        assert_eq!(refused.json()["code"], "not_permitted", "rights are asked first");
        let misspelt = maker.api("set-approval-limit?dry_run=true", "a-key-of-its-own", &limit);
        assert_eq!((misspelt.status, misspelt.json()["dry_run"].clone()), (200, true.into()), "another value writes nothing");
        assert_eq!(maker.api("set-approval-limit?dry_run=0", "", &limit).json()["code"], "idempotency_key_missing");
        assert_eq!(heads(), before, "{}", world.database.kind);
        let asked = maker.api("set-approval-limit", "after-a-dry-run", &limit);
        assert_eq!(asked.status, 202, "{}", asked.body);
    }
}
