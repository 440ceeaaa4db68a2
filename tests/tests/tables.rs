//! Tables as large as they may be: whole or not at all, every fault told, and the same table again changes nothing; on both databases.

use crate::journey::{BUYER, SUPPLIER, approve, onboard, second_of};
use domain::Currency;
use e2e::world::World;
use e2e::{Answer, Client, Database};
use formats::csv::{MOST_FAULTS, MOST_ROWS};
use kernel::InvoiceId;
use server::demo::files::{DemoInvoice, ubl};
use std::time::{Duration, Instant};
use store::records::{Keyed, Record};
use store::{ApprovedPayable, ConfirmationList, Invoice, Notice, Review};

/// As many as go well without optimisation on a machine that does other things; `kontor bench table` takes all that a table may have.
const ROWS: usize = 5_000;

const HEADING: &str = "number,issue_date,due_date,currency,seller_tax_id,buyer_tax_id,total,payable,type_code,preceding\n";

fn row(number: &str, amount: &str) -> String {
    format!("{number},2021-05-24,2021-07-24,EUR,{},{},{amount},{amount},,\n", SUPPLIER.1, BUYER.1)
}

/// Each row its own number and amount.
fn rows(start: usize, count: usize) -> String {
    (start..start + count).map(|at| row(&format!("T-{at}"), &format!("{at}.17"))).collect()
}

fn upload(supplier: &Client, content: String) -> Answer {
    let answer = supplier.upload("/invoices/upload", "/invoices/upload", &[("table.csv", content.into_bytes())]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

fn count(world: &World, table: &str) -> i64 {
    store::query::int(&mut world.conn(), &format!("SELECT COUNT(*) AS value FROM {table}"), &[]).unwrap().unwrap()
}

fn started(database: Database) -> World {
    let world = World::start(database, "2021-05-26");
    let operator = world.signed_in("operator@x.example");
    onboard(&world, &operator, SUPPLIER);
    onboard(&world, &operator, BUYER);
    world
}

/// The file of all faults that a page carries.
fn faults_of(page: &Answer) -> String {
    let href = page.link("data:text/csv;charset=utf-8,");
    let mut bytes = Vec::new();
    let mut marks = href.split_once("utf-8,").unwrap().1.bytes();
    while let Some(mark) = marks.next() {
        let mut digit = || char::from(marks.next().unwrap()).to_digit(16).unwrap();
        bytes.push(if mark == b'%' { u8::try_from(digit() * 16 + digit()).unwrap() } else { mark });
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_big_table_is_taken_whole() {
    for database in Database::both() {
        let world = started(database);
        let supplier = world.signed_in(SUPPLIER.3);
        let first = supplier.open("/invoices/upload").text();
        assert!(first.contains("at most 20,000 rows"), "{first}");
        let table = format!("{HEADING}{}", rows(1_000_000, ROWS));

        // One row too many; rows that are wrong: nothing is taken, all of them are told, and the page shows the first hundred.
        let long = upload(&supplier, format!("{HEADING}{}", rows(1_000_000, MOST_ROWS + 1))).text();
        assert!(long.contains("more than 20,000 rows"), "{long}");
        let mut wrong = format!("{HEADING}{}", rows(1_000_000, ROWS - 250));
        (0..250).for_each(|at| wrong.push_str(&row(&format!("W-{at}"), "-1.00")));
        let page = upload(&supplier, wrong);
        let (text, faults) = (page.text(), faults_of(&page));
        assert!(text.contains("0 of 250 files accepted") && text.contains("150 more rows are wrong"), "{text}");
        assert_eq!(faults.lines().count(), 251, "{faults}");
        assert!(faults.lines().last().unwrap().starts_with("5001,\"payable\",\"payable_not_positive\","), "{faults}");
        assert_eq!(count(&world, "invoices"), 0);

        // Rows that look like each other want people; more of them than people can look at, and nothing is taken.
        let alike: String = (0..2_100).map(|at| row(&format!("E-{at}{}", at + 5_000), "77.00")).collect();
        let page = upload(&supplier, format!("{HEADING}{alike}")).text();
        assert!(page.contains("more than 2,000 rows of this table"), "{page}");
        assert_eq!((count(&world, "invoices"), count(&world, "reviews"), count(&world, "documents")), (0, 0, 0));

        // All of it in one commit, while others go on; a few seconds even without optimisation.
        let begun = Instant::now();
        let page = upload(&supplier, table.clone()).text();
        assert!(page.contains("5,000 of 5,000 files accepted"), "{page}");
        assert!(page.contains("5,000 more invoices and credit notes of this file were taken"), "{page}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
        assert_eq!(count(&world, "invoices"), 5_000);
        let sum = "SELECT CAST(SUM(payable_minor) AS BIGINT) AS value FROM invoices WHERE state = 'draft' AND review = ''";
        let expected: i64 = (1_000_000..1_005_000_i64).map(|at| at * 100 + 17).sum();
        assert_eq!(store::query::int(&mut world.conn(), sum, &[]).unwrap(), Some(expected));

        let again = upload(&supplier, table).text();
        assert!(again.contains("This table was loaded before. Nothing has changed."), "{again}");
        assert_eq!(count(&world, "invoices"), 5_000);
        world.verify();
    }
}

/// What is found among the rows of a table is what is found when they come one by one, each in a file of its own.
#[test]
fn rows_are_compared_as_single_files_are() {
    let lines = [
        ("A-17", "2021-05-24", 10_000),
        ("A--17", "2021-05-24", 10_100),
        ("A-17B", "2021-05-24", 10_200),
        ("A-O7", "2021-05-24", 10_300),
        ("A-07", "2021-05-23", 10_400),
        ("C-9", "2021-05-24", 10_200),
        ("Z-5", "2021-05-22", 50_000),
    ];
    let file = |(number, day, net_minor): &(&str, &str, i64)| {
        ubl(&DemoInvoice {
            number,
            issue_date: day.parse().unwrap(),
            due_date: "2021-07-24".parse().unwrap(),
            currency: Currency::EUR,
            net_minor: *net_minor,
            seller: (SUPPLIER.0, SUPPLIER.1),
            buyer: (BUYER.0, BUYER.1),
            order: "1",
            item: "Goods",
        })
    };
    let line = |(number, day, net_minor): &(&str, &str, i64)| {
        let amount = Currency::EUR.decimal(net_minor * 119 / 100);
        format!("{number},{day},2021-07-24,EUR,{},{},{amount},{amount},,\n", SUPPLIER.1, BUYER.1)
    };
    let here = ("A17", "2021-05-20", 9_900);
    for (alone, together) in Database::both().into_iter().zip(Database::both()) {
        let (alone, together) = (started(alone), started(together));
        let supplier = alone.signed_in(SUPPLIER.3);
        for one in std::iter::once(&here).chain(&lines) {
            let _ = supplier.upload("/invoices/upload", "/invoices/upload", &[("one.xml", file(one).into_bytes())]);
        }
        let supplier = together.signed_in(SUPPLIER.3);
        let _ = upload(&supplier, format!("{HEADING}{}", line(&here)));
        let _ = upload(&supplier, format!("{HEADING}{}", lines.iter().map(line).collect::<String>()));
        let found = |world: &World| {
            let mut conn = world.conn();
            let name = |conn: &mut store::Conn, id: InvoiceId| Invoice::load(conn, id).unwrap().number;
            let mut told: Vec<String> = Vec::new();
            for review in Review::list_where(&mut conn, "1 = 1", &[]).unwrap() {
                let other = review.other_id.map(|id| name(&mut conn, id)).unwrap_or_default();
                told.push(format!("{} -> {other}: {}", name(&mut conn, review.invoice_id), review.rules));
            }
            told.sort();
            world.verify();
            told
        };
        let (one, all) = (found(&alone), found(&together));
        assert!(one.len() >= 6, "{one:?}");
        assert_eq!(one, all);
        let wanted = |kind: &str| Notice::list_where(&mut together.conn(), "kind = ?", &[kind.into()]).unwrap().len();
        assert_eq!([wanted("reviews_wanted"), wanted("reviews_opened")], [1, 1], "one word to each side for the whole table");
    }
}

#[test]
fn a_big_file_of_payables_is_approved_with_one_decision() {
    for database in Database::both() {
        let world = started(database);
        let buyer = world.signed_in(BUYER.3);
        let heading = "supplier_tax_id,invoice_number,issue_date,due_date,currency,total,deducted,payable\n";
        let rows: String =
            (0..ROWS).map(|at| format!("{},P-{at},2021-05-24,2021-07-24,EUR,,,{}.11\n", SUPPLIER.1, at + 1)).collect();
        let page = "/payables/approved/file";
        assert!(buyer.open(page).text().contains("at most 20,000 rows"));
        let wrong = format!("{heading}{}", rows.replace("2021-07-24,EUR", "24.07.2021,EUR"));
        let answer = buyer.upload(page, page, &[("payables.csv", wrong.into_bytes())]);
        assert_eq!(answer.status, 422);
        let faults = faults_of(&answer);
        assert_eq!(faults.lines().count(), MOST_FAULTS + 2, "the heading, the faults, the number of the others");
        assert!(faults.lines().last().unwrap().contains("4,000 more faults"), "{:?}", faults.lines().last());
        assert!(answer.text().contains("5,000") && answer.text().contains("And 4,000 more faults"), "{}", answer.text());
        assert_eq!(count(&world, "approved_payables"), 0);
        let answer = buyer.upload(page, page, &[("payables.csv", format!("{heading}{rows}").into_bytes())]);
        assert!(answer.text().contains("5,000 payables will be approved in advance"), "{}", answer.text());
        let list = ConfirmationList::find_where(&mut world.conn(), "state = 'draft'", &[]).unwrap().unwrap();
        let here = format!("/payables/lists/{}", list.id);
        let asked = buyer.fill(&here, &format!("{here}/confirm"), &[]);
        assert!(asked.text().contains("second person"), "{}", asked.text());
        assert_eq!(approve(&world.signed_in(&second_of(BUYER.3))).status, 200);
        let approved = "SELECT COUNT(*) AS value FROM approved_payables WHERE state = 'approved'";
        assert_eq!(store::query::int(&mut world.conn(), approved, &[]).unwrap(), Some(5_000));

        // On the day from which none of them can confirm anything, all of them end; buyer and supplier are told once.
        world.move_to("2021-07-09");
        assert_eq!(store::query::int(&mut world.conn(), approved, &[]).unwrap(), Some(5_000));
        world.move_to("2021-07-10");
        assert_eq!(ApprovedPayable::list_where(&mut world.conn(), "state = 'lapsed'", &[]).unwrap().len(), 5_000);
        let told = Notice::list_where(&mut world.conn(), "kind LIKE 'approvals_lapsed%'", &[]).unwrap();
        assert_eq!(told.len(), 2);
        world.verify();
    }
}
