//! The operator sees the whole business: lists with filters and totals, any record of the audit, and a word when a payment is overdue. On both
//! databases.

use domain::party::Capacity;
use e2e::{Client, Database, World};
use kernel::PartyId;
use serde_json::Value;
use store::records::{Keyed, Record};
use store::{Notice, Party, Receivable, query};

const PAGES: &[&str] = &["/ops/invoices", "/ops/receivables", "/ops/offers", "/ops/purchases", "/ops/due"];
const LISTS: &[&str] =
    &["operator/invoices", "operator/receivables", "operator/offers", "operator/purchases", "operator/due", "operator/audit"];

fn number(world: &World, sql: &str) -> i64 {
    query::int(&mut world.conn(), sql, &[]).unwrap().unwrap_or(0)
}

fn operator(world: &World) -> Client {
    world.signed_in("operator@kontor.example")
}

/// The rows of a list as a table: what its CSV file holds.
fn csv(client: &Client, path: &str) -> Vec<String> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let answer = client.get(&format!("{path}{joint}format=csv"));
    assert_eq!(answer.status, 200, "{path}");
    answer.body.lines().skip(1).map(str::to_owned).collect()
}

/// All rows of a list of the API, page after page.
fn all(client: &Client, list: &str, filter: &str) -> Vec<Value> {
    let (mut rows, mut before) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/v1/{list}?{filter}{before}")).json();
        rows.extend(page["items"].as_array().unwrap_or_else(|| panic!("{list}: {page}")).iter().cloned());
        match page["next_before"].as_i64() {
            Some(id) => before = format!("&before={id}"),
            None => return rows,
        }
    }
}

/// Each list has every row of every company, in pages, in order, as a file, and with totals that are those of its rows.
#[test]
fn the_operator_sees_the_whole_business() {
    for database in Database::both() {
        let world = World::demo(database, 60);
        let (client, api) = (operator(&world), world.api("operator@kontor.example"));
        for (page, list, table) in [
            ("/ops/invoices", "operator/invoices", "invoices"),
            ("/ops/receivables", "operator/receivables", "receivables"),
            ("/ops/offers", "operator/offers", "offers"),
            ("/ops/purchases", "operator/purchases", "purchases"),
        ] {
            let count = number(&world, &format!("SELECT COUNT(*) AS value FROM {table}"));
            assert!(count > 25, "{table} {count}");
            assert_eq!(csv(&client, page).len(), usize::try_from(count).unwrap(), "{page}");
            let rows = all(&api, list, "");
            assert_eq!(rows.len(), usize::try_from(count).unwrap(), "{list}");
            let suppliers: std::collections::BTreeSet<&str> = rows.iter().map(|row| row["supplier"].as_str().unwrap()).collect();
            assert!(suppliers.len() > 3, "of several companies: {suppliers:?}");
            // Two pages by keyset, which share no row.
            let first = client.get(&format!("{page}?size=25"));
            let next = first.body.split("href=\"").filter_map(|rest| rest.split('"').next()).find(|href| href.contains("after="));
            let second = client.get(&next.expect("a second page").replace("&#38;", "&").replace("&amp;", "&"));
            assert_eq!(second.status, 200);
            let links = |body: &str| -> Vec<String> {
                let hrefs =
                    body.split("<td").filter_map(|cell| cell.split("href=\"").nth(1)?.split('"').next().map(str::to_owned));
                let one = if table == "receivables" { "/receivables/".to_owned() } else { format!("{page}/") };
                hrefs.filter(|href| href.starts_with(&one)).collect()
            };
            let (one, two) = (links(&first.body), links(&second.body));
            assert!(one.len() == 25 && !two.is_empty() && one.iter().all(|href| !two.contains(href)), "{one:?} {two:?}");
            // What a row leads to opens.
            assert_eq!(client.get(&one[0]).status, 200, "{}", one[0]);
        }
        // Totals of everything, which are kept, and of a filter, which are counted.
        for (page, sql) in [
            ("/ops/invoices", "SELECT CAST(SUM(payable_minor) AS BIGINT) AS value FROM invoices WHERE currency = 'EUR'"),
            ("/ops/receivables", "SELECT CAST(SUM(face_minor) AS BIGINT) AS value FROM receivables WHERE currency = 'EUR'"),
            (
                "/ops/receivables?state=open",
                "SELECT CAST(SUM(face_minor) AS BIGINT) AS value FROM receivables WHERE currency = 'EUR' AND state NOT IN ('redeemed', 'cancelled')",
            ),
            (
                "/ops/offers?state=open",
                "SELECT CAST(SUM(o.left_minor) AS BIGINT) AS value FROM offers o JOIN receivables r ON r.id = o.receivable_id WHERE r.currency = 'EUR' AND o.state = 'open'",
            ),
            (
                "/ops/purchases",
                "SELECT CAST(SUM(p.units_minor) AS BIGINT) AS value FROM purchases p JOIN receivables r ON r.id = p.receivable_id WHERE r.currency = 'EUR'",
            ),
        ] {
            let sum = web::Language::English.money("EUR", number(&world, sql));
            let shown = client.open(page).text();
            assert!(shown.contains(&sum), "{page}: {sum} {shown}");
        }
        // Narrowed to a company and a currency; what is chosen can be taken away.
        let party = |email: &str| {
            let sql = format!("SELECT party_id AS value FROM users WHERE email = '{email}@kontor.example'");
            number(&world, &sql)
        };
        let (supplier, buyer, financier) = (party("supplier1"), party("buyer1"), party("financier1"));
        for (path, sql) in [
            (format!("/ops/invoices?supplier={supplier}"), format!("FROM invoices WHERE supplier_id = {supplier}")),
            (format!("/ops/invoices?buyer={buyer}"), format!("FROM invoices WHERE buyer_id = {buyer}")),
            (
                format!("/ops/receivables?supplier={supplier}&buyer={buyer}"),
                format!("FROM receivables WHERE supplier_id = {supplier} AND buyer_id = {buyer}"),
            ),
            ("/ops/receivables?currency=CNY".to_owned(), "FROM receivables WHERE currency = 'CNY'".to_owned()),
            (format!("/ops/purchases?financier={financier}"), format!("FROM purchases WHERE financier_id = {financier}")),
        ] {
            let count = number(&world, &format!("SELECT COUNT(*) AS value {sql}"));
            assert!(count > 0, "{path}");
            assert_eq!(csv(&client, &path).len(), usize::try_from(count).unwrap(), "{path}");
            let shown = client.open(&path).text();
            assert!(shown.contains(&format!("({count})")) || shown.contains(&count.to_string()), "{path}: {shown}");
        }
        let drafts =
            number(&world, &format!("SELECT COUNT(*) AS value FROM invoices WHERE buyer_id = {buyer} AND state = 'draft'"));
        println!("{drafts} drafts of the buyer are counted with the others");
        // Another order, and an address that asks for what is not there.
        let dearest = csv(&client, "/ops/receivables?sort=face_minor&dir=desc&currency=EUR");
        assert!(!dearest.is_empty());
        assert_eq!(client.get("/ops/receivables?due=9").status, 303);
        assert_eq!(client.get("/ops/invoices?supplier=nobody").status, 303);
        for missing in ["/ops/invoices/1", "/ops/offers/1", "/ops/purchases/1"] {
            assert_eq!(client.get(missing).status, 404, "{missing}");
        }
        world.verify();
    }
}

/// Due within days, due now and late: by receivable and by buyer, with days and amounts.
#[test]
fn what_is_due_and_late_is_told_by_buyer() {
    for database in Database::both() {
        let world = World::demo(database, 40);
        let (client, api) = (operator(&world), world.api("operator@kontor.example"));
        let today = store::records::load_heads(&mut world.conn()).unwrap().business_date;
        let open = Receivable::list_where(&mut world.conn(), "state NOT IN ('redeemed', 'cancelled')", &[]).unwrap();
        // One falls overdue: nobody pays from now on.
        for days in [7_u64, 30] {
            let last = today + chrono::Days::new(days);
            let wanted = open.iter().filter(|row| row.payment_date >= today && row.payment_date <= last).count();
            assert_eq!(csv(&client, &format!("/ops/receivables?due={days}")).len(), wanted, "{days} days");
            assert_eq!(all(&api, "operator/receivables", &format!("due={days}")).len(), wanted, "{days} days");
        }
        let first = open.iter().map(|row| row.payment_date).min().unwrap();
        let late_from = first.max(today) + chrono::Days::new(20);
        world.move_to(&late_from.to_string());
        let today = store::records::load_heads(&mut world.conn()).unwrap().business_date;
        let late = Receivable::list_where(&mut world.conn(), "state = 'overdue'", &[]).unwrap();
        assert!(!late.is_empty(), "somebody is late");
        assert_eq!(csv(&client, "/ops/receivables?due=late").len(), late.len());
        let shown = all(&api, "operator/due", "");
        let receivables = all(&api, "operator/receivables", "due=late");
        let owed_of_late = |currency: &str| -> i64 {
            receivables.iter().filter(|row| row["currency"] == currency).map(|row| row["owed_minor"].as_i64().unwrap()).sum()
        };
        for currency in ["EUR", "CNY"] {
            // Late interest is owed, too.
            let owed: i64 = owed_of_late(currency);
            let face: i64 =
                late.iter().filter(|row| row.currency == currency).map(|row| row.confirmed_minor - row.paid_minor).sum();
            assert!(owed >= face, "{currency}");
            let told: i64 =
                shown.iter().filter(|row| row["currency"] == currency).map(|row| row["overdue_minor"].as_i64().unwrap()).sum();
            assert_eq!(told, owed, "{currency}");
        }
        let worst = shown.iter().find(|row| row["state"] == "overdue").expect("a late buyer");
        let of_worst =
            |row: &&Receivable| worst["buyer_id"] == row.buyer_id.0 && row.currency == worst["currency"].as_str().unwrap();
        let oldest = late.iter().filter(of_worst).map(|row| row.payment_date).min().unwrap();
        assert_eq!(worst["oldest_date"].as_str().unwrap(), oldest.to_string());
        assert_eq!(worst["late_days"].as_i64().unwrap(), today.signed_duration_since(oldest).num_days());
        let page = client.open("/ops/due");
        let text = page.text();
        assert!(text.contains(worst["buyer"].as_str().unwrap()) && text.contains("Overdue"), "{text}");
        assert!(text.contains(&worst["late_days"].to_string()), "{text}");
        assert!(client.open("/home").text().contains("Overdue payments of all buyers"));
        // The amount leads to what it is made of.
        assert!(page.body.contains("due=late"), "{}", page.body);
        // Each is told once to the operator, whatever days go by.
        let told = |world: &World| Notice::list_where(&mut world.conn(), "kind = 'payment_overdue'", &[]).unwrap();
        let notices = told(&world);
        let references: std::collections::BTreeSet<String> = notices.iter().map(|row| row.arguments.clone()).collect();
        assert_eq!(notices.len(), references.len(), "once each");
        for row in &late {
            let of = |notice: &&Notice| notice.arguments.contains(&row.reference);
            let own: Vec<&Notice> = notices.iter().filter(of).collect();
            assert_eq!(own.len(), 1, "{}", row.reference);
            let party = Party::load(&mut world.conn(), own[0].party_id).unwrap();
            assert!(party.capacities.has(Capacity::Operator) && own[0].link == format!("/receivables/{}", row.id));
        }
        world.move_to(&(today + chrono::Days::new(3)).to_string());
        let again = told(&world);
        for row in &late {
            assert_eq!(again.iter().filter(|notice| notice.arguments.contains(&row.reference)).count(), 1, "{}", row.reference);
        }
        let mails =
            || store::Mail::list_where(&mut world.conn(), "address = 'operator@kontor.example' AND body LIKE '%overdue%'", &[]);
        assert!(
            (0..100).any(|_| {
                let found = !mails().unwrap().is_empty();
                if !found {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
                found
            }),
            "by mail, too"
        );
        world.verify();
    }
}

/// Any company's record of the audit opens to the operator, and the list is narrowed by company, person, command, day and subject.
#[test]
fn the_audit_is_read_and_narrowed_by_the_operator() {
    for database in Database::both() {
        let world = World::demo(database, 20);
        let (client, checker, api) =
            (operator(&world), world.signed_in("operator2@kontor.example"), world.api("operator@kontor.example"));
        let record = store::AuditRecord::find_where(&mut world.conn(), "command = 'submit_invoice' ORDER BY seq LIMIT 1", &[]);
        let record = record.unwrap().unwrap();
        let path = format!("/receipts/{}", record.seq);
        for who in [&client, &checker] {
            let page = who.open(&path);
            assert_eq!(page.status, 200, "{}", page.text());
            assert!(
                page.text().contains(&format!("K-{}", record.seq)) && page.text().contains("Audit record"),
                "{}",
                page.text()
            );
        }
        let company = Party::load(&mut world.conn(), record.party_id).unwrap();
        assert!(client.open(&path).text().contains(&company.name));
        // The company has its own receipt; another company finds nothing.
        let mut others = 0;
        for email in ["supplier1", "supplier2", "buyer1", "financier1"] {
            let sql = format!("SELECT party_id AS value FROM users WHERE email = '{email}@kontor.example'");
            let own = PartyId(number(&world, &sql));
            let status = world.signed_in(&format!("{email}@kontor.example")).get(&path).status;
            assert_eq!(status, if own == record.party_id { 200 } else { 404 }, "{email}");
            others += i32::from(own != record.party_id);
        }
        assert!(others >= 3);
        let count = |condition: String| {
            usize::try_from(number(&world, &format!("SELECT COUNT(*) AS value FROM audit WHERE {condition}"))).unwrap()
        };
        for (filter, condition) in [
            (format!("company={}", record.party_id), format!("party_id = {}", record.party_id)),
            (format!("person={}", record.user_id), format!("user_id = {}", record.user_id)),
            ("command=submit_invoice".to_owned(), "command = 'submit_invoice'".to_owned()),
            (format!("day={}", record.business_date), format!("business_date = '{}'", record.business_date)),
            (format!("subject={}", record.subject_id), format!("subject_id = {}", record.subject_id)),
            (
                format!("company={}&command=submit_invoice&day={}", record.party_id, record.business_date),
                format!(
                    "party_id = {} AND command = 'submit_invoice' AND business_date = '{}'",
                    record.party_id, record.business_date
                ),
            ),
        ] {
            let wanted = count(condition);
            assert!(wanted > 0, "{filter}");
            assert_eq!(csv(&client, &format!("/audit?{filter}")).len(), wanted, "{filter}");
            assert_eq!(all(&api, "operator/audit", &filter).len(), wanted, "{filter}");
        }
        for strange in ["command=nothing", "day=2026-13-01", "company=x"] {
            assert_eq!(client.get(&format!("/audit?{strange}")).status, 303, "{strange}");
            assert_eq!(api.get(&format!("/api/v1/operator/audit?{strange}")).status, 422, "{strange}");
        }
    }
}

/// Nobody of another company opens the lists, or what they lead to.
#[test]
fn the_lists_are_the_operators_alone() {
    for database in Database::both() {
        let world = World::demo(database, 10);
        let details = [
            format!("/ops/invoices/{}", number(&world, "SELECT MIN(id) AS value FROM invoices")),
            format!("/ops/offers/{}", number(&world, "SELECT MIN(id) AS value FROM offers")),
            format!("/ops/purchases/{}", number(&world, "SELECT MIN(id) AS value FROM purchases")),
            format!("/ops/companies/{}/history", number(&world, "SELECT MIN(party_id) AS value FROM company_versions")),
        ];
        for email in ["supplier1", "supplier1.checker", "buyer1", "buyer1.viewer", "financier1", "financier1.viewer"] {
            let email = format!("{email}@kontor.example");
            let (client, api) = (world.signed_in(&email), world.api(&email));
            for path in PAGES.iter().copied().chain(["/audit"]).chain(details.iter().map(String::as_str)) {
                assert_eq!(client.get(path).status, 403, "{email} {path}");
            }
            for list in LISTS {
                assert_eq!(api.get(&format!("/api/v1/{list}")).status, 403, "{email} {list}");
            }
        }
        for path in PAGES {
            assert!(world.client().get(path).location().starts_with("/login"), "{path}");
        }
        // The operator's checker, who asks for nothing, reads all of it.
        let reader = world.signed_in("operator2@kontor.example");
        for path in PAGES.iter().copied().chain(details.iter().map(String::as_str)) {
            assert_eq!(reader.get(path).status, 200, "{path}");
        }
    }
}
