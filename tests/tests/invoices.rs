//! What an invoice's file says about other invoices, days and assignments, over HTTP on both databases.

use crate::journey::{BUYER, SUPPLIER, onboard};
use crate::twice::{invoice, invoice_of, naming, rules_of};
use e2e::world::World;
use e2e::{Client, Database};
use kernel::InvoiceId;
use serde_json::{Value, json};
use store::records::Keyed;

/// A document that names an invoice by number and day.
fn naming_of(file: &str, type_code: &str, number: &str, day: &str) -> String {
    naming(file, type_code, number).replacen(
        "</cbc:ID></cac:InvoiceDocumentReference>",
        &format!("</cbc:ID><cbc:IssueDate>{day}</cbc:IssueDate></cac:InvoiceDocumentReference>"),
        1,
    )
}

fn naming_both(file: &str, type_code: &str, numbers: [&str; 2]) -> String {
    let reference = |number: &str| {
        format!(
            "<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>{number}</cbc:ID></cac:InvoiceDocumentReference></cac:BillingReference>"
        )
    };
    let one = naming(file, type_code, numbers[0]);
    one.replacen(&reference(numbers[0]), &format!("{}{}", reference(numbers[0]), reference(numbers[1])), 1)
}

fn send(client: &Client, key: &str, body: String) -> (String, Value) {
    crate::twice::send(client, &format!("invoices-{key}"), body)
}

fn world(database: Database) -> World {
    let world = World::start(database, "2021-05-26");
    let operator = world.signed_in("operator@x.example");
    for company in [SUPPLIER, BUYER, OTHER_BUYER] {
        onboard(&world, &operator, company);
    }
    world
}

const OTHER_BUYER: (&str, &str, &str, &str) = ("Other Buyer", "BE0888888888", "buyer", "other@x.example");

fn load(world: &World, id: &Value) -> store::Invoice {
    store::Invoice::load(&mut world.conn(), InvoiceId(id.as_i64().unwrap())).unwrap()
}

fn clear(world: &World, key: &str, review: &Value) {
    let body = json!({ "review_id": review, "clear": true, "reason": "Looked at" });
    let asked = world.api("operator@x.example").api("decide-review", key, &body);
    assert_eq!(asked.status, 202, "{}", asked.text());
    crate::journey::approve(&world.signed_in("operator2@x.example"));
}

/// C5: the number is used again each year, and the day decides.
#[test]
fn the_day_decides_which_invoice_is_credited() {
    for database in Database::both() {
        let world = world(database);
        let supplier = world.api(SUPPLIER.3);
        let old = send(&supplier, "day-old", invoice("18/BH", "2020-05-21", 100_000)).1["invoice_id"].clone();
        let (standing, new) = send(&supplier, "day-new", invoice("18/BH", "2021-05-21", 300_000));
        assert_eq!(standing, "open", "another year, another amount");
        let new = new["invoice_id"].clone();
        let credit = invoice("18-CN", "2021-05-25", 5_000);
        for (key, file, code) in [
            ("day-none", naming(&credit, "381", "18/BH"), "named_invoice_several"),
            ("day-other", naming_of(&credit, "381", "18/BH", "2019-05-21"), "named_invoice_date"),
            ("day-unknown", naming_of(&credit, "381", "19/BH", "2020-05-21"), "named_invoice_unknown"),
        ] {
            assert_eq!(send(&supplier, key, file).0, code);
        }
        let (_, taken) = send(&supplier, "day-2020", naming_of(&credit, "381", "18/BH", "2020-05-21"));
        assert_eq!((&taken["invoice_id"], &taken["credited_invoice"]), (&old, &json!("18/BH")));
        assert_eq!((load(&world, &old).credited_minor, load(&world, &new).credited_minor), (5_950, 0));
        // The same in a table, by its own column; and what cannot be is told there.
        let table = |number: &str, day: &str| {
            format!(
                "number,type_code,issue_date,currency,seller_tax_id,buyer_tax_id,total,payable,preceding,preceding_date\n{number},381,2021-05-25,EUR,{},{},2,2,18/BH,{day}\n",
                SUPPLIER.1, BUYER.1
            )
        };
        let post = |key: &str, body: String| {
            supplier
                .post_with(
                    "/api/v1/register-invoice",
                    &[("Content-Type", "text/csv"), ("Idempotency-Key", &format!("invoices-{key}"))],
                    body,
                )
                .json()
        };
        let wrong = post("day-table-wrong", table("CT-1", "2018-01-01"));
        assert_eq!(
            (&wrong["items"][0]["code"], &wrong["items"][0]["column"]),
            (&json!("named_invoice_date"), &json!("preceding_date")),
            "{wrong}"
        );
        let taken = post("day-table", table("CT-2", "2021-05-21"));
        assert_eq!(taken["result"]["invoice_id"], new, "{taken}");
        world.verify();
    }
}

/// C5: a replacement takes the place of the invoice of its day only; one that is not here waits for a person.
#[test]
fn a_replacement_waits_where_no_single_invoice_is_meant() {
    for database in Database::both() {
        let world = world(database);
        let supplier = world.api(SUPPLIER.3);
        let register = |key: &str, file: String| send(&supplier, key, file);
        let old = register("rep-old", invoice("19/BH", "2020-05-21", 100_000)).1["invoice_id"].clone();
        let new = register("rep-new", invoice("19/BH", "2021-05-21", 300_000)).1["invoice_id"].clone();
        let submit = |key: &str, id: &Value| {
            supplier.api("submit-invoice", &format!("invoices-{key}"), &json!({ "invoice_id": id })).status
        };
        let dated = naming_of(&invoice("19/BH-R", "2021-05-25", 90_000), "384", "19/BH", "2020-05-21");
        let (_, right) = register("rep-right", dated);
        for review in right["reviews"].as_array().unwrap() {
            clear(&world, &format!("rep-clear-{review}"), review);
        }
        assert_eq!(submit("rep-right-submit", &right["invoice_id"]), 200);
        assert_eq!((load(&world, &old).state.name(), load(&world, &new).state.name()), ("withdrawn", "draft"));
        let page = world.signed_in(SUPPLIER.3).open(&format!("/invoices/{}", right["invoice_id"])).text();
        assert!(page.contains("19/BH · 21 May 2020"), "{page}");
        let unknown = "replaces_unknown";
        for (key, file) in [
            ("rep-day", naming_of(&invoice("R-2", "2021-05-24", 91_000), "384", "19/BH", "2018-05-21")),
            ("rep-nowhere", naming(&invoice("R-3", "2021-05-23", 92_000), "384", "NOWHERE-1")),
            ("rep-nameless", invoice("R-4", "2021-05-22", 93_000).replace(">380<", ">384<")),
        ] {
            let (standing, held) = register(key, file);
            assert_eq!((standing.as_str(), rules_of(&world, &held["reviews"][0]).as_str()), ("open", unknown), "{key}");
            assert_eq!(submit(&format!("{key}-submit"), &held["invoice_id"]), 409);
        }
        // The home leads to the drafts that can be submitted; the others say that they are looked at.
        let supplier = world.signed_in(SUPPLIER.3);
        assert!(supplier.get("/home").body.contains("/invoices?state=to_submit"));
        let list = |state: &str| supplier.get(&format!("/invoices?state={state}&format=csv")).body;
        let (free, all) = (list("to_submit"), list("draft"));
        assert!(!free.contains("R-3") && !free.contains("Being looked at"), "{free}");
        assert!(all.lines().any(|line| line.contains("R-3") && line.contains("Being looked at")), "{all}");
        // Two invoices that it replaces: a person sees both, and neither is withdrawn by itself.
        register("rep-a", invoice("TWO-A", "2021-05-20", 94_000));
        register("rep-b", invoice("TWO-B", "2021-05-19", 95_000));
        let (_, both) = register("rep-both", naming_both(&invoice("R-5", "2021-05-18", 96_000), "384", ["TWO-A", "TWO-B"]));
        let rules: Vec<String> = both["reviews"].as_array().unwrap().iter().map(|review| rules_of(&world, review)).collect();
        assert_eq!(rules, ["replaces_several", "replaces_several"]);
        world.verify();
    }
}

/// C4, C4b: the same invoice named twice is one; several are held until a person has looked.
#[test]
fn a_credit_note_over_several_invoices_waits_for_a_person() {
    for database in Database::both() {
        let world = world(database);
        let supplier = world.api(SUPPLIER.3);
        let ids: Vec<Value> = [("BH-C4A", 100_000), ("BH-C4B", 110_000)]
            .into_iter()
            .map(|(number, net)| send(&supplier, number, invoice(number, "2021-05-25", net)).1["invoice_id"].clone())
            .collect();
        let twice = naming_both(&invoice("CN-1", "2021-05-26", 1_000), "381", ["BH-C4A", "BH-C4A"]);
        let (_, one) = send(&supplier, "credit-twice", twice);
        assert_eq!((&one["invoice_id"], &one["late"]), (&ids[0], &json!(false)));
        assert_eq!(load(&world, &ids[0]).credited_minor, 1_190);
        let several = naming_both(&invoice("CN-2", "2021-05-26", 2_000), "381", ["BH-C4A", "BH-C4B"]);
        let (_, held) = send(&supplier, "credit-several", several.clone());
        assert_eq!((&held["together"], held["reviews"].as_array().unwrap().len()), (&json!(true), 2), "{held}");
        for (id, credited) in ids.iter().zip([1_190, 0]) {
            let row = load(&world, id);
            assert_eq!((row.credited_minor, row.review.name()), (credited, "open"));
        }
        assert_eq!(rules_of(&world, &held["reviews"][0]), "credited_together");
        assert_eq!(send(&supplier, "credit-several-again", several).0, "duplicate_invoice");
        let page = world.signed_in(SUPPLIER.3).open(&format!("/invoices/{}", ids[0])).text();
        assert!(page.contains("does not say how much of each is credited"), "{page}");
        let unknown = naming_both(&invoice("CN-3", "2021-05-26", 2_000), "381", ["BH-C4A", "NOWHERE"]);
        assert_eq!(send(&supplier, "credit-one-unknown", unknown).0, "named_invoice_unknown");
        world.verify();
    }
}

/// C6, C7: numbers that the buyer counts are the buyer's; digits that are parted otherwise are another number.
#[test]
fn only_the_same_number_is_blocked() {
    for database in Database::both() {
        let world = world(database);
        let supplier = world.api(SUPPLIER.3);
        let of = |buyer: (&str, &str)| {
            invoice("SB-0001", "2021-05-25", 100_000)
                .replace(">380<", ">389<")
                .replace(BUYER.1, buyer.1)
                .replace(BUYER.0, buyer.0)
        };
        assert_eq!(send(&supplier, "keys-b1", of((BUYER.0, BUYER.1))).0, "");
        assert_eq!(send(&supplier, "keys-b2", of((OTHER_BUYER.0, OTHER_BUYER.1))).0, "");
        assert_eq!(send(&supplier, "keys-b1-again", of((BUYER.0, BUYER.1))).0, "duplicate_invoice");
        assert_eq!(send(&supplier, "keys-1-11", invoice("1-11", "2021-05-24", 200_000)).0, "");
        let (standing, held) = send(&supplier, "keys-11-1", invoice("11-1", "2021-05-24", 200_000));
        assert_eq!(standing, "open");
        let rules = rules_of(&world, &held["reviews"][0]);
        assert!(rules.contains("look_alike") && rules.contains("same_total"), "{rules}");
        assert_eq!(send(&supplier, "keys-1-11-again", invoice("1 / 11", "2021-05-24", 200_000)).0, "duplicate_invoice");
        world.verify();
    }
}

/// C1, C12, C15: what the file says about assignments and instalments a person sees; a draft of tomorrow waits for its day.
#[test]
fn texts_and_days_of_a_file_are_heard() {
    for database in Database::both() {
        let world = world(database);
        let supplier = world.api(SUPPLIER.3);
        let with = |number: &str, day: &str, net: i64, more: &str| {
            invoice(number, day, net).replacen("<cac:TaxTotal>", &format!("{more}<cac:TaxTotal>"), 1)
        };
        let terms = "<cac:PaymentTerms><cbc:Note>Die Forderung ist an die Muster Factoring GmbH abgetreten.</cbc:Note></cac:PaymentTerms>";
        let part =
            |day: &str| format!("<cac:PaymentTerms><cbc:InstallmentDueDate>{day}</cbc:InstallmentDueDate></cac:PaymentTerms>");
        for (key, net, more, rule) in [
            ("said-terms", 100_100, terms.to_owned(), "assigned"),
            ("said-parts", 100_200, format!("{}{}", part("2021-06-24"), part("2021-07-24")), "instalments"),
        ] {
            let (standing, held) = send(&supplier, key, with(key, "2021-05-25", net, &more));
            assert_eq!((standing.as_str(), rules_of(&world, &held["reviews"][0]).as_str()), ("open", rule));
        }
        let (standing, tomorrow) = send(&supplier, "said-tomorrow", invoice("TOM-1", "2021-05-27", 120_000));
        assert_eq!(standing, "");
        assert_eq!(send(&supplier, "said-later", invoice("TOM-2", "2021-05-28", 130_000)).0, "date_invalid");
        let submit = |client: &Client, key: &str| {
            client.api("submit-invoice", &format!("invoices-{key}"), &json!({ "invoice_id": tomorrow["invoice_id"] }))
        };
        assert_eq!(submit(&supplier, "said-early").json()["code"], "issued_later");
        world.move_to("2021-05-27");
        assert_eq!(submit(&supplier, "said-then").status, 200);
        // A hire invoice is an invoice.
        let hire = invoice_of((SUPPLIER.0, SUPPLIER.1), "HIRE-1", "2021-05-25", 140_000).replace(">380<", ">387<");
        assert_eq!(send(&supplier, "said-hire", hire).0, "");
        world.verify();
    }
}

/// A file with the buyer as the replaced parts say.
fn with_buyer(number: &str, net: i64, change: impl Fn(&str) -> String) -> String {
    let file = invoice(number, "2021-05-25", net);
    let begin = file.find("<cac:AccountingCustomerParty>").unwrap();
    let end = file.find("</cac:AccountingCustomerParty>").unwrap();
    format!("{}{}{}", &file[..begin], change(&file[begin..end]), &file[end..])
}

/// C.5: a buyer named by address, number or name alone is found if one vetted company fits; else a person decides.
#[test]
fn a_company_without_a_tax_id_in_the_file_is_found() {
    for database in Database::both() {
        let world = world(database);
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, ("Twin Works", "BE0777777777", "buyer", "twin1@x.example"));
        onboard(&world, &operator, ("TWIN-WORKS", "BE0666666666", "buyer", "twin2@x.example"));
        let supplier = world.api(SUPPLIER.3);
        // Without the tax registration and the register's number.
        let bare = |party: &str| {
            let mut party = party.to_owned();
            for (open, close) in [
                ("<cac:PartyTaxScheme>", "</cac:PartyTaxScheme>"),
                ("<cbc:CompanyID>", "</cbc:CompanyID>"),
                ("<cbc:EndpointID", "</cbc:EndpointID>"),
            ] {
                while let (Some(begin), Some(end)) = (party.find(open), party.find(close)) {
                    party.replace_range(begin..end + close.len(), "");
                }
            }
            party
        };
        let endpoint = |party: &str, scheme: &str, value: &str| {
            bare(party).replacen(
                "<cac:Party>",
                &format!("<cac:Party><cbc:EndpointID schemeID=\"{scheme}\">{value}</cbc:EndpointID>"),
                1,
            )
        };
        let buyer_of = |answer: &Value| load(&world, &answer["invoice_id"]).buyer_id;
        let base = buyer_of(&send(&supplier, "find-base", invoice("FIND-0", "2021-05-25", 200_000)).1);
        let (standing, named) = send(&supplier, "find-name", with_buyer("FIND-NAME", 210_000, bare));
        assert_eq!((standing.as_str(), buyer_of(&named)), ("", base));
        let unnamed = |party: &str| party.replace(BUYER.0, "Somebody");
        let digits = BUYER.1.trim_start_matches(|mark: char| mark.is_ascii_alphabetic());
        let address = |party: &str| unnamed(&endpoint(party, "0208", digits));
        let (standing, addressed) = send(&supplier, "find-address", with_buyer("FIND-ADDR", 220_000, address));
        assert_eq!((standing.as_str(), buyer_of(&addressed)), ("", base));
        assert_eq!(
            send(&supplier, "find-nobody", with_buyer("FIND-NONE", 230_000, |party| unnamed(&bare(party)))).0,
            "buyer_unknown"
        );
        let twins = with_buyer("FIND-TWIN", 240_000, |party| bare(party).replace(BUYER.0, "Twin Works"));
        assert_eq!(send(&supplier, "find-twins", twins).0, "buyer_several");
        // Its name, and the tax id of no company here: a person looks.
        let strange = with_buyer("FIND-ODD", 250_000, |party| party.replace(BUYER.1, "BE0111111111"));
        let (standing, held) = send(&supplier, "find-strange", strange);
        assert_eq!((standing.as_str(), rules_of(&world, &held["reviews"][0]).as_str()), ("open", "other_tax_id"));
        assert_eq!(buyer_of(&held), base);
        // The seller as well: its own name under another tax id waits, another name is another company's.
        let other_id = |number: &str, net: i64| invoice(number, "2021-05-25", net).replace(SUPPLIER.1, "BE0222222222");
        let (standing, held) = send(&supplier, "find-own", other_id("FIND-OWN", 260_000));
        assert_eq!((standing.as_str(), rules_of(&world, &held["reviews"][0]).as_str()), ("open", "other_tax_id"));
        let stranger = other_id("FIND-OTH", 270_000).replace(SUPPLIER.0, "Stranger");
        assert_eq!(send(&supplier, "find-other", stranger).0, "not_the_supplier");
        world.verify();
    }
}
