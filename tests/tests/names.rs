//! Names, tax ids and repeated acts as people and files write them, the same on both databases: cases of public reports about other
//! systems, each under the name of its kind.

use crate::intake::pack as zip;
use crate::journey::{BUYER, SUPPLIER, approve, onboard_in, second_of};
use crate::settlement::Trade;
use domain::Currency;
use e2e::{Answer, Client, Database, World};
use serde_json::{Value, json};
use server::demo::files::{DemoInvoice, ubl};
use store::records::Record;
use store::{Party, Payout};

const START: &str = "2026-03-02";

fn company(name: &str, country: &str, tax_id: &str, email: &str) -> Value {
    json!({
        "name": name, "country": country, "tax_id": tax_id, "capacities": "supplier", "language": "en",
        "administrator_email": format!("{email}@names.example"), "administrator_name": "Anna Ask",
        "checker_email": format!("{email}.checker@names.example"), "checker_name": "Zoe Agree",
    })
}

fn invite(operator: &Client, number: &mut u32, body: &Value) -> Answer {
    *number += 1;
    operator.api("invite-company", &format!("invite-{number}"), body)
}

fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap_or("").to_owned()
}

/// E3, E3be: one company, whatever the dress of its tax id. F11: what nobody sees is in no name. F11c: what looks alike is told.
#[test]
fn a_company_is_registered_once_and_its_name_is_seen() {
    for database in Database::both() {
        let world = World::start(database, START);
        let operator = world.api("operator@x.example");
        let mut number = 0;
        let mut ask = |name: &str, country: &str, tax_id: &str| {
            let email = format!("p{number}");
            invite(&operator, &mut number, &company(name, country, tax_id, &email))
        };
        for (country, dresses) in [
            ("CH", &["CHE-116.281.710 MWST", "CHE-116.281.710 TVA", "CHE-116.281.710", "116.281.710 IVA"][..]),
            ("BE", &["BE403170701", "BE0403170701", "0403.170.701"]),
            ("DE", &["DE 811 569 869", "811569869", "DE811569869"]),
            ("FR", &["303 265 045", "FR40303265045"]),
            ("GR", &["EL094259216", "GR094259216", "094259216"]),
        ] {
            for (place, dress) in dresses.iter().enumerate() {
                let answer = ask(&format!("Dress {country}"), country, dress);
                let expected = if place == 0 { 200 } else { 409 };
                assert_eq!(answer.status, expected, "{dress}: {}", answer.body);
                assert_eq!(code(&answer), if place == 0 { "" } else { "tax_id_taken" }, "{dress}");
            }
        }
        for hidden in ["\u{34F}", "\u{FE0F}", "\u{E0100}", "\u{180B}", "\u{2028}", "\u{200B}", "\u{2066}"] {
            for name in [format!("Elbe{hidden} Feinmechanik GmbH"), format!("{hidden}{hidden}")] {
                let answer = ask(&name, "DE", "DE136695976");
                assert_eq!(answer.status, 422, "{name:?}: {}", answer.body);
                assert_eq!(answer.json()["field"], "name", "{name:?}: {}", answer.body);
            }
        }
        let known = ask("Elbe Feinmechanik GmbH", "DE", "DE136695976");
        let known = known.json()["result"]["party_id"].as_i64().unwrap();
        for (like, tax_id) in [
            ("Elbе Fеinmеchanik GmbH", "DE-1001"),
            ("Ｅｌｂｅ　Ｆｅｉｎｍｅｃｈａｎｉｋ ＧｍｂＨ", "DE-1002"),
            ("ELBE  FEINMECHANIK GMBH", "DE-1003"),
        ] {
            let answer = ask(like, "DE", tax_id);
            let id = answer.json()["result"]["party_id"].as_i64().unwrap_or_else(|| panic!("{like}: {}", answer.body));
            let page = world.signed_in("operator@x.example").get(&format!("/ops/companies/{id}"));
            assert!(page.body.contains(&format!("href=\"/ops/companies/{known}\"")), "{like}: {}", page.text());
        }
        // Composed or not, a name is the same.
        let composed = ask("Café Crème GmbH", "DE", "DE-1004").json()["result"]["party_id"].as_i64().unwrap();
        let other = ask("Cafe\u{301} Cre\u{300}me GmbH", "DE", "DE-1005").json()["result"]["party_id"].as_i64().unwrap();
        let page = world.signed_in("operator@x.example").get(&format!("/ops/companies/{other}"));
        assert!(page.body.contains(&format!("href=\"/ops/companies/{composed}\"")), "{}", page.text());
        let page = world.signed_in("operator@x.example").get(&format!("/ops/companies/{known}"));
        assert!(!page.body.contains(&format!("href=\"/ops/companies/{composed}\"")), "{}", page.text());
        world.verify();
    }
}

/// E1: Belgian numbers begin with 0 or 1.
#[test]
fn a_belgian_number_with_1_fits() {
    for database in Database::both() {
        let world = World::start(database, START);
        let operator = world.api("operator@x.example");
        let mut number = 0;
        let (fits, wrong) = ("They fit. Whether the tax office knows it", "They do not fit: a typing mistake");
        for (tax_id, said, other) in [
            ("BE1000003682", fits, wrong),
            ("BE1001686633", fits, wrong),
            ("BE1001686634", wrong, fits),
            ("BE2000003682", wrong, fits),
        ] {
            let asked = invite(&operator, &mut number, &company("Neu", "BE", tax_id, &tax_id.to_lowercase()));
            let id = asked.json()["result"]["party_id"].as_i64().unwrap_or_else(|| panic!("{}", asked.body));
            let page = world.signed_in("operator@x.example").get(&format!("/ops/companies/{id}")).text();
            assert!(page.contains(said) && !page.contains(other), "{tax_id}: {page}");
        }
    }
}

/// F1: quotes, tags, Arabic and long Chinese names are on pages and lists as they were typed, and are no markup.
#[test]
fn f1_odd_names_are_shown_as_typed() {
    let long = format!("江海 {}", "长".repeat(190));
    let plain = |body: &str| {
        let marks = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
        marks.iter().fold(body.to_owned(), |text, (mark, meant)| text.replace(mark, meant))
    };
    for database in Database::both() {
        let world = World::start(database, START);
        let operator = world.api("operator@x.example");
        let mut number = 0;
        let names = ["L'Éclair O'Neill & \"Fils\" <SARL>", "<script>alert(1)</script> GmbH", "شركة الخليج للتجارة", &long];
        for (place, name) in names.into_iter().enumerate() {
            let asked = invite(&operator, &mut number, &company(name, "DE", &format!("DE-200{place}"), &format!("odd{place}")));
            let id = asked.json()["result"]["party_id"].as_i64().unwrap_or_else(|| panic!("{name}: {}", asked.body));
            for page in ["/ops/companies".to_owned(), format!("/ops/companies/{id}")] {
                let body = world.signed_in("operator@x.example").get(&page).body;
                assert!(plain(&body).contains(name), "{name} on {page}: {body}");
                assert!(!body.contains("<SARL>") && !body.contains("<script>alert"), "{name} on {page}: {body}");
            }
            assert_eq!(Party::find_where(&mut world.conn(), "id = ?", &[id.into()]).unwrap().unwrap().name, name);
        }
    }
}

/// P1: an address with an apostrophe and a tag is taken, and is the same with spaces around it and in capitals.
#[test]
fn p1_an_address_is_known_as_people_type_it() {
    for database in Database::both() {
        let world = World::start(database, START);
        let operator = world.signed_in("operator@x.example");
        let email = "o'brien+tag@names.example";
        let _ = onboard_in(&world, &operator, ("O'Brien Ltd", "IE6388047V", "supplier", email), "IE");
        for typed in [email, "  O'Brien+TAG@Names.Example ", "O'BRIEN+TAG@NAMES.EXAMPLE"] {
            let home = world.client().sign_in(typed, e2e::world::PASSWORD);
            assert!(home.status == 200 && home.body.contains("/logout"), "{typed:?}: {} {}", home.status, home.text());
        }
        // The tag is a part of the address.
        let other = world.client().sign_in("o'brien@names.example", e2e::world::PASSWORD);
        assert!(!other.body.contains("/logout"), "{}", other.text());
    }
}

/// F3b: an amount is a whole number of minor units that fits 64 bits, and is written as one.
#[test]
fn f3b_an_amount_is_a_whole_number() {
    for database in Database::both() {
        let it = Trade::start_at(database, &[Currency::EUR], START);
        let kind = ("Content-Type", "application/json");
        for (place, number) in
            ["100.0", "1e2", "\"100\"", "100.5", "9223372036854775808", "-1", "0", "null", "true", "[100]", "0100", "+100"]
                .into_iter()
                .enumerate()
        {
            let body = format!(r#"{{"currency":"EUR","amount_minor":{number}}}"#);
            let key = format!("number-{place}");
            let answer = it.supplier.post_with("/api/v1/request-payout", &[kind, ("Idempotency-Key", &key)], body);
            assert!([400, 422].contains(&answer.status), "{number}: {} {}", answer.status, answer.body);
        }
        assert!(Payout::list_where(&mut it.world.conn(), "id > 0", &[]).unwrap().is_empty());
    }
}

fn sent(client: &Client, key: &str, kind: &str, body: String) -> Answer {
    client.post_with("/api/v1/register-invoice", &[("Content-Type", kind), ("Idempotency-Key", key)], body)
}

/// E3b: an invoice that names its buyer in another dress finds it. F6, F6c: a supplier is found by its name as people type it.
#[test]
fn a_company_is_found_in_any_dress() {
    for database in Database::both() {
        let it = Trade::start_at(database, &[Currency::EUR], START);
        let operator = it.world.signed_in("operator@x.example");
        let swiss = ("Rhone Handel SA", "CHE-105.962.823 MWST", "buyer", "rhone@x.example");
        onboard_in(&it.world, &operator, swiss, "CH");
        let marine = ("Ödegaard Marine AS", "NO 974 760 673 MVA", "supplier", "marine@x.example");
        let marine_id = onboard_in(&it.world, &operator, marine, "NO");
        let double = ("Trave  Elektronik GmbH", "DE136695976", "supplier", "trave@x.example");
        let double_id = onboard_in(&it.world, &operator, double, "DE");
        let file = |number: &str, buyer: (&str, &str)| {
            ubl(&DemoInvoice {
                number,
                issue_date: START.parse().unwrap(),
                due_date: "2026-05-01".parse().unwrap(),
                currency: Currency::EUR,
                net_minor: 100_000,
                seller: (SUPPLIER.0, SUPPLIER.1),
                buyer,
                order: "1",
                item: "Goods",
            })
        };
        let buyers =
            [(swiss.0, "CHE-105.962.823 TVA"), (swiss.0, "CHE105962823"), (BUYER.0, "BE848934496"), (BUYER.0, "BE 0848.934.496")];
        for (place, buyer) in buyers.into_iter().enumerate() {
            let number = format!("N-{place}");
            let answer = sent(&it.supplier, &format!("dressed-{place}"), "application/xml", file(&number, buyer));
            assert!(answer.json()["result"]["invoice_id"].is_i64(), "{buyer:?}: {}", answer.body);
        }
        // The same in a table, whose companies are loaded at once.
        let heading = "number;issue_date;due_date;currency;seller_tax_id;buyer_tax_id;total;payable";
        let rows = [("T-1", "CHE-105.962.823 IVA"), ("T-2", "BE848934496")]
            .map(|(number, buyer)| format!("{number};{START};2026-05-01;EUR;{};{buyer};1190.00;1190.00", SUPPLIER.1));
        let table = format!("{heading}\n{}\n", rows.join("\n"));
        let answer = sent(&it.supplier, "dressed-table", "text/csv", table);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!answer.body.contains("buyer_unknown"), "{}", answer.body);

        let terms = json!({
            "name": "Spring", "currency": "EUR", "least_tenor_days": 15, "most_tenor_days": 90, "most_age_days": 60, "advance_bps": 8_000,
            "reserve_bps": 1_000, "settlement_fee_bps": 20, "purchase_fee_bps": 25, "minimum_fee_minor": 100, "minimum_ticket_minor": 10_000,
            "fee_bearer": "buyer", "grace_days": 7, "recourse": "none", "begins_on": START,
        });
        let asked = it.buyer.api("propose-programme", "propose-names", &terms);
        assert_eq!(asked.status, 202, "{}", asked.body);
        assert_eq!(approve(&it.world.signed_in(&second_of(BUYER.3))).status, 200);
        let version = store::ProgrammeVersion::find_where(&mut it.world.conn(), "id > 0", &[]).unwrap().unwrap();
        let decision = json!({ "version_id": version.id, "approve": true, "reason": "as agreed" });
        assert_eq!(it.operator.api("decide-programme", "decide-names", &decision).status, 202);
        assert_eq!(approve(&it.world.signed_in("operator2@x.example")).status, 200);
        let find = |key: &str, typed: &str| {
            let body = json!({ "programme_id": version.programme_id, "suppliers": [typed] });
            it.buyer.api("invite-to-programme", key, &body)
        };
        for (place, typed) in [
            "Ödegaard Marine AS",
            "ÖDEGAARD MARINE AS",
            "ödegaard  marine\u{A0}as",
            "O\u{308}degaard Marine AS",
            "NO974760673",
            "974 760 673 MVA",
            "Trave Elektronik GmbH",
            "trave \u{3000}elektronik gmbh",
            "136695976",
        ]
        .into_iter()
        .enumerate()
        {
            let answer = find(&format!("invited-{place}"), typed);
            assert_eq!(answer.status, 200, "{typed}: {}", answer.body);
        }
        assert_eq!(code(&find("invited-nobody", "Odegaard Marine AS")), "invitee_unknown");
        let members = store::ProgrammeMember::list_where(&mut it.world.conn(), "id > 0 ORDER BY id", &[]).unwrap();
        assert_eq!(members.iter().map(|row| row.supplier_id).collect::<Vec<_>>(), [marine_id, double_id]);
        // A company that was registered in its own dress before dresses were known as one is found too.
        let mut conn = it.world.conn();
        let sql = "UPDATE parties SET tax_key = 'CHE105962823MWST' WHERE tax_key = 'CHE105962823'";
        store::query::execute(&mut conn, sql, &[]).unwrap();
        let answer = sent(&it.supplier, "dressed-before", "application/xml", file("N-9", (swiss.0, "CHE-105.962.823 TVA")));
        assert!(answer.json()["result"]["invoice_id"].is_i64(), "{}", answer.body);
        let mut number = 100;
        let again = invite(&it.operator, &mut number, &company("Again", "CH", "CHE-105.962.823", "again"));
        assert_eq!(code(&again), "tax_id_taken", "{}", again.body);
        assert_eq!(Party::list_where(&mut conn, "tax_key LIKE 'CHE%'", &[]).unwrap().len(), 1);
    }
}

/// B1, B1I, B1J, B7: what a bank cannot be told is written in its characters; the account keeps the name; a name without any is refused.
#[test]
fn an_account_holder_is_written_as_banks_take_it() {
    for database in Database::both() {
        let it = Trade::start_at(database, &[Currency::EUR], START);
        let propose = |key: &str, holder: &str| {
            let body = json!({ "currency": "EUR", "iban": "DE02120300000000202051", "holder": holder });
            it.supplier.api("propose-bank-account", key, &body)
        };
        for (place, nothing) in ["🚢", "🚢 🏭", "…"].into_iter().enumerate() {
            let refused = propose(&format!("nothing-{place}"), nothing);
            assert_eq!((refused.status, refused.json()["field"].clone()), (422, "holder".into()), "{nothing}: {}", refused.body);
        }
        // B7: a name of more than 70 characters.
        let long = propose("holder-too-long", &"x".repeat(71));
        assert_eq!((long.status, long.json()["field"].clone()), (422, "holder".into()), "{}", long.body);
        for (place, holder) in
            ["明川精密零件有限公司", "Küsten_Guß & Söhne 🚢 € Ltd", "O'Brien & Łódź Śląsk Sp. z o.o."].into_iter().enumerate()
        {
            let asked = propose(&format!("holder-{place}"), holder);
            assert_eq!(asked.status, 202, "{holder}: {}", asked.body);
            assert_eq!(approve(&it.world.signed_in(&second_of(SUPPLIER.3))).status, 200);
            let kept = store::BankAccount::list_where(&mut it.world.conn(), "id > 0 ORDER BY id DESC", &[]).unwrap();
            assert_eq!(kept[0].holder, holder);
        }
    }
}

/// F4d: a member that is given twice is refused. G1: a request of which nothing was taken is no success.
#[test]
fn an_answer_says_what_was_done() {
    for database in Database::both() {
        let it = Trade::start_at(database, &[Currency::EUR], START);
        let kind = ("Content-Type", "application/json");
        let twice = r#"{"currency":"EUR","amount_minor":100,"amount_minor":777}"#;
        let answer = it.supplier.post_with("/api/v1/request-payout", &[kind, ("Idempotency-Key", "twice-member")], twice.into());
        assert_eq!((answer.status, code(&answer)), (400, "json_member_twice".to_owned()), "{}", answer.body);
        assert!(Payout::list_where(&mut it.world.conn(), "id > 0", &[]).unwrap().is_empty());
        let nested = r#"{"items":[{"invoice_id":1,"invoice_id":2,"amount_minor":1,"reason":""}]}"#;
        let answer =
            it.buyer.post_with("/api/v1/draft-confirmation-list", &[kind, ("Idempotency-Key", "twice-nested")], nested.into());
        assert_eq!((answer.status, code(&answer)), (400, "json_member_twice".to_owned()), "{}", answer.body);
        let secret = r#"{"email":"a@x.example","password":"x","password":"y"}"#;
        let answer = it.supplier.post_with("/api/v1/token", &[kind], secret.into());
        assert_eq!((answer.status, code(&answer)), (400, "json_member_twice".to_owned()), "{}", answer.body);

        let row =
            |number: &str, total: &str| format!("{number};{START};2026-05-01;EUR;{};{};{total};1190.00\n", SUPPLIER.1, BUYER.1);
        let heading = "number;issue_date;due_date;currency;seller_tax_id;buyer_tax_id;total;payable\n";
        let none = sent(&it.supplier, "none-taken", "text/csv", format!("{heading}{}{}", row("G-1", "11x"), row("G-2", "11y")));
        assert_eq!((none.status, code(&none)), (422, "nothing_taken".to_owned()), "{}", none.body);
        assert_eq!(none.headers["content-type"], "application/problem+json");
        let items = none.json()["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 2, "{}", none.body);
        assert_eq!((items[0]["line"].clone(), items[0]["column"].clone()), (2.into(), "total".into()), "{}", none.body);
        let one = sent(&it.supplier, "one-wrong", "text/csv", format!("{heading}{}", row("G-1", "11x")));
        assert_eq!(one.status, 422, "{}", one.body);
        let good = sent(&it.supplier, "all-taken", "text/csv", format!("{heading}{}", row("G-1", "1190.00")));
        assert_eq!(good.status, 200, "{}", good.body);
        // Two files of a zip, of which one is no invoice.
        let invoice = ubl(&DemoInvoice {
            number: "Z-1",
            issue_date: START.parse().unwrap(),
            due_date: "2026-05-01".parse().unwrap(),
            currency: Currency::EUR,
            net_minor: 100_000,
            seller: (SUPPLIER.0, SUPPLIER.1),
            buyer: (BUYER.0, BUYER.1),
            order: "1",
            item: "Goods",
        });
        let some = zip(&[("a.xml", invoice.as_bytes()), ("b.xml", b"<x/>")]);
        let some = it.supplier.post_file("/api/v1/register-invoice", "application/zip", "some-taken", some);
        assert_eq!(some.status, 207, "{}", some.body);
        assert_eq!(some.json()["items"].as_array().unwrap().len(), 2, "{}", some.body);
    }
}

/// F5b: the same act again, minutes after the browser's "back", is asked about once.
#[test]
fn the_same_act_again_is_asked_about_once() {
    for database in Database::both() {
        let world = World::demo(database, 30);
        let supplier = world.signed_in("supplier1@kontor.example");
        let payouts = || Payout::list_where(&mut world.conn(), "id > 0", &[]).unwrap().len();
        let approvals = || store::Approval::list_where(&mut world.conn(), "command = 'request_payout'", &[]).unwrap().len();
        let count = || payouts() + approvals();
        let before = count();
        let wish = [("currency", "EUR"), ("amount", "1.00")];
        let ask = || supplier.fill_and_confirm("/cash", "/cash/payouts", &wish);
        let done = ask();
        assert_eq!((done.status, count()), (200, before + 1), "{}", done.text());
        let second = ask();
        assert_eq!((second.status, count()), (409, before + 1), "{}", second.text());
        assert!(second.text().contains("You did the same a short while ago"), "{}", second.text());
        let form = second.form("/cash/payouts");
        let meant = supplier.post("/cash/payouts", &form);
        assert_eq!(count(), before + 2, "{}", meant.text());
        // The answer counts for the act that it names: a third is asked about again.
        assert_eq!((ask().status, count()), (409, before + 2));
        // Another amount is another act, and so is the same one later.
        let other = supplier.fill_and_confirm("/cash", "/cash/payouts", &[("currency", "EUR"), ("amount", "1.01")]);
        assert_eq!((other.status, count()), (200, before + 3), "{}", other.text());
        world.clock.shift_seconds(11 * 60);
        assert_eq!((ask().status, count()), (200, before + 4));
        // A program has keys of its own.
        let api = world.api("supplier1@kontor.example");
        for key in ["payout-key-1", "payout-key-2"] {
            let answer = api.api("request-payout", key, &json!({ "currency": "EUR", "amount_minor": 103 }));
            assert!(answer.status < 300, "{}", answer.body);
        }
        assert_eq!(count(), before + 6);
    }
}
