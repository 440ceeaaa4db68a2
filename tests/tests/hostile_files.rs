//! Files that are made to cost much: they cost their sender an answer, and nobody else anything. The files of the attack of November
//! 2026, which once held the writer, the memory and the processors of the whole platform.

use crate::journey::{BUYER, SUPPLIER, onboard};
use crate::survival::{spawn, wait_ready};
use e2e::world::{PASSWORD, World};
use e2e::{Client, Database, databases};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::Document;
use store::records::Record;

/// One empty element with so many attributes.
fn attributes(count: usize) -> Vec<u8> {
    let names: String = (0..count).map(|index| format!("z{index}=\"\" ")).collect();
    format!("<a {names}/>").into_bytes()
}

/// So many invoice lines in one line of text.
fn lines(count: usize) -> Vec<u8> {
    let space = "urn:oasis:names:specification:ubl:schema:xsd";
    let lines = "<c:InvoiceLine/>".repeat(count);
    format!("<Invoice xmlns=\"{space}:Invoice-2\" xmlns:c=\"{space}:CommonAggregateComponents-2\">{lines}</Invoice>").into_bytes()
}

/// Four members of nothing but commas: 39 kB that unpack to 40 MB.
fn zip_of_commas() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let commas = vec![b','; 9_900_000];
    for index in 0..4 {
        writer.start_file(format!("a{index}.csv"), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&commas).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A file sent to the API: status and body.
fn send(base: &str, token: &str, (path, kind, key): (&str, &str, &str), content: Vec<u8>) -> (u16, String) {
    let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(120)).build().unwrap();
    let request = client
        .post(format!("{base}/api/v1/{path}"))
        .header("Authorization", format!("Bearer {token}"))
        .header("Content-Type", kind)
        .header("Idempotency-Key", key)
        .header("X-File-Name", "file");
    let answer = request.body(content).send().unwrap();
    (answer.status().as_u16(), answer.text().unwrap())
}

const TABLE: &str = "number,issue_date,due_date,currency,seller_tax_id,buyer_tax_id,total,payable";

/// Evidence is looked at before the writer is asked: while a file is read that once held the writer for most of a minute, everybody else
/// writes as always, and the file is refused and not kept.
#[test]
fn evidence_that_costs_much_holds_no_write_back() {
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, SUPPLIER);
        onboard(&world, &operator, BUYER);
        let (supplier, buyer) = (world.api(SUPPLIER.3), world.api(BUYER.3));
        let token = supplier.token.borrow().clone();
        let row = format!("E-1,2021-05-25,2021-06-24,EUR,{},{},500.00,500.00", SUPPLIER.1, BUYER.1);
        let table = format!("{TABLE}\n{row}\n").into_bytes();
        let (status, taken) = send(&world.base, &token, ("register-invoice", "text/csv", "evidence-invoice"), table);
        assert_eq!(status, 200, "{taken}");
        let invoice = store::Invoice::find_where(&mut world.conn(), "number = 'E-1'", &[]).unwrap().unwrap();
        let documents = || Document::list_where(&mut world.conn(), "name = 'file'", &[]).unwrap().len();
        let before = documents();
        let path = format!("attach-evidence?invoice_id={}&kind=order", invoice.id);
        let answered = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sent = scope.spawn(|| {
                let answer = send(&world.base, &token, (&path, "application/xml", "evidence-heavy"), attributes(150_000));
                answered.store(true, Ordering::Relaxed);
                answer
            });
            let mut written = 0;
            while written < 20 || !answered.load(Ordering::Relaxed) {
                let theme = if written % 2 == 0 { "dark" } else { "light" };
                let body = serde_json::json!({ "language": "en", "theme": theme });
                let answer = buyer.api("set-preferences", &format!("beside-{written}"), &body);
                assert_eq!(answer.status, 200, "write {written}: {}", answer.body);
                written += 1;
            }
            let (status, body) = sent.join().unwrap();
            assert_eq!(status, 422, "{body}");
            assert!(body.contains("evidence_kind_unknown"), "{body}");
        });
        assert_eq!(documents(), before, "nothing is kept");
        // What is fine is taken as always.
        let order = b"<Order><ID>7</ID></Order>".to_vec();
        let (status, body) = send(&world.base, &token, (&path, "application/xml", "evidence-good"), order);
        assert_eq!((status, documents()), (200, before + 1), "{body}");
        world.verify();
    }
}

/// Sixty thousand lines in one line of text took half a minute of the server's processor; they are read and refused, and so is what no
/// child can hold.
#[test]
fn many_lines_are_answered() {
    let world = World::start(Database::sqlite(), "2021-05-26");
    let operator = world.signed_in("operator@x.example");
    onboard(&world, &operator, SUPPLIER);
    let token = world.api(SUPPLIER.3).token.take();
    for (count, code) in [(60_000, "rule"), (300_000, "")] {
        let key = format!("lines-{count}");
        let (status, body) = send(&world.base, &token, ("register-invoice", "application/xml", &key), lines(count));
        assert_eq!(status, 422, "{count}: {body}");
        let found = serde_json::from_str::<serde_json::Value>(&body).unwrap()["fault"]["code"].as_str().unwrap().to_owned();
        let expected =
            if code.is_empty() { found == "too_many_nodes" || found == "reader_stopped" } else { found.starts_with(code) };
        assert!(expected, "{count}: {body}");
    }
}

/// A number of the kernel's account of a process, in kB.
fn kilobytes(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Twenty-four uploads of 39 kB at once ended the process; it lives, and has hardly more memory than before.
#[test]
fn archives_of_commas_cost_the_server_no_memory() {
    let database = Database::sqlite();
    e2e::load::market(&database);
    let port = databases::free_port();
    let server = spawn(&database, port, &[]);
    wait_ready(port);
    let base = format!("http://127.0.0.1:{port}");
    let client = Client::new(&base);
    client.api_sign_in("supplier1@kontor.example", PASSWORD);
    let (token, archive) = (client.token.take(), zip_of_commas());
    assert!(archive.len() < 60_000);
    let upload = |key: &str| send(&base, &token, ("register-invoice", "application/zip", key), archive.clone());
    let (status, body) = upload("commas-first");
    assert_eq!((status, body.matches("file_unreadable").count()), (422, 4), "{body}");
    // Sets the mark of the most that was held back to what is held now.
    std::fs::write(format!("/proc/{}/clear_refs", server.id()), "5").unwrap();
    let before = kilobytes(server.id(), "VmHWM:");
    let keys: Vec<String> = (0..24).map(|index| format!("commas-{index}")).collect();
    std::thread::scope(|scope| {
        let uploads: Vec<_> = keys.iter().map(|key| scope.spawn(|| upload(key))).collect();
        for upload in uploads {
            let (status, body) = upload.join().unwrap();
            assert!(status == 503 || (status == 422 && body.matches("file_unreadable").count() == 4), "{status} {body}");
        }
    });
    let more = kilobytes(server.id(), "VmHWM:").saturating_sub(before);
    assert!(more < 64 * 1024, "{more} kB more");
    assert_eq!(e2e::load::status(&base, "/readyz"), 200);
}

/// Full tables by the dozen in one form took the server a gigabyte; they share the rows of one.
#[test]
fn tables_of_one_form_cost_the_server_little() {
    let database = Database::sqlite();
    e2e::load::market(&database);
    let port = databases::free_port();
    let server = spawn(&database, port, &[]);
    wait_ready(port);
    let client = Client::new(&format!("http://127.0.0.1:{port}"));
    client.sign_in("supplier1@kontor.example", PASSWORD);
    let heading = "number,issue_date,currency,seller_tax_id,buyer_tax_id,total,payable\n";
    let table = |file: usize, rows: usize| {
        let row = |row: usize| format!("F{file}-{row},2026-11-01,EUR,DE000000000,DE811569869,1,1\n");
        format!("{heading}{}", (0..rows).map(row).collect::<String>()).into_bytes()
    };
    let upload = |rows: usize| {
        let names: Vec<String> = (0..6).map(|file| format!("{file}.csv")).collect();
        let files: Vec<(&str, Vec<u8>)> =
            names.iter().enumerate().map(|(file, name)| (name.as_str(), table(file, rows))).collect();
        client.upload("/invoices/upload", "/invoices/upload", &files).text()
    };
    let small = upload(1);
    assert!(!small.contains("together"), "{small}");
    std::fs::write(format!("/proc/{}/clear_refs", server.id()), "5").unwrap();
    let before = kilobytes(server.id(), "VmHWM:");
    let text = upload(20_000);
    let more = kilobytes(server.id(), "VmHWM:").saturating_sub(before);
    assert_eq!(text.matches("more than 20,000 rows together").count() + text.matches("more time or memory").count(), 5, "{text}");
    assert!(text.contains("more than 20,000 rows together"), "{text}");
    assert!(more < 110 * 1024, "{more} kB more");
}

/// A reader that notes its number and never answers.
struct Sleepers {
    script: PathBuf,
    notes: PathBuf,
}

impl Sleepers {
    fn new(name: &str) -> Self {
        let place = std::env::temp_dir().join(format!("kontor-{name}-{}", std::process::id()));
        let notes = place.with_extension("notes");
        std::fs::create_dir_all(&notes).unwrap();
        let script = place.with_extension("sh");
        std::fs::write(&script, format!("#!/bin/sh\n: > {}/$$\nexec sleep 600\n", notes.display())).unwrap();
        let mut rights = std::fs::metadata(&script).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
        std::fs::set_permissions(&script, rights).unwrap();
        Self { script, notes }
    }

    /// Those that live, of all that were ever started.
    fn alive(&self) -> (usize, usize) {
        let numbers = std::fs::read_dir(&self.notes).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let numbers: Vec<String> = numbers.collect();
        // One that has ended and is not collected yet is a Z.
        let lives = |number: &&String| {
            std::fs::read_to_string(Path::new("/proc").join(number).join("stat")).is_ok_and(|stat| !stat.contains(") Z "))
        };
        (numbers.iter().filter(lives).count(), numbers.len())
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.script);
        let _ = std::fs::remove_dir_all(&self.notes);
    }
}

/// Looks again until it holds; the limit is only there so that a failure ends.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A whole upload, whose answer nobody reads yet.
fn upload_by(base: &str, token: &str, key: &str) -> TcpStream {
    let place = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(place).unwrap();
    let head = format!(
        "POST /api/v1/register-invoice HTTP/1.1\r\nHost: {place}\r\nContent-Type: application/xml\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: {key}\r\nContent-Length: 4\r\n\r\n<a/>"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// As many files are read at once as there are cores, so many wait, and whoever comes then is told to come back. Whoever leaves is not
/// waited for: its child ends, or its place in the queue is free.
#[test]
fn readings_are_bounded_and_whoever_leaves_ends_its_own() {
    let sleepers = Sleepers::new("sleepers");
    let script = sleepers.script.clone();
    let world = World::start_with(Database::sqlite(), "2021-05-26", &["EUR"], |config| {
        config.file_reader = script;
        config.limits = server::limits::Limits::wide();
    });
    let operator = world.signed_in("operator@x.example");
    onboard(&world, &operator, SUPPLIER);
    let token = world.api(SUPPLIER.3).token.take();
    // One company never takes the last of two places.
    let own = if std::thread::available_parallelism().unwrap().get() > 2 { 2 } else { 1 };
    let mut open: Vec<TcpStream> = (0..own).map(|index| upload_by(&world.base, &token, &format!("reading-{index}"))).collect();
    wait_until("its places are taken", || sleepers.alive() == (own, own));
    // One leaves: its child ends, and the next has its place.
    drop(open.pop());
    wait_until("the child of whoever left ends", || sleepers.alive() == (own - 1, own));
    open.push(upload_by(&world.base, &token, "reading-next"));
    wait_until("the place is free again", || sleepers.alive() == (own, own + 1));
    // Its share of the queue fills, and one more is told so while its body is still small.
    open.extend((0..4).map(|index| upload_by(&world.base, &token, &format!("waiting-{index}"))));
    let kept = std::cell::RefCell::new(Vec::new());
    let refused = || {
        let key = format!("one-too-many-{}", kept.borrow().len());
        let mut last = upload_by(&world.base, &token, &key);
        last.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut head = [0; 12];
        let told = last.read_exact(&mut head).is_ok() && &head == b"HTTP/1.1 503";
        if !told {
            // It waits, too: one of the four was still counted out when it came.
            kept.borrow_mut().push(last);
        }
        told
    };
    wait_until("one too many is told so", refused);
    assert!(kept.borrow().len() <= 2, "the share of the queue is bounded");
    assert_eq!(sleepers.alive(), (own, own + 1), "whoever waits has no child");
    // Others are served all the same.
    assert_eq!(e2e::load::status(&world.base, "/readyz"), 200);
    let body = serde_json::json!({ "language": "en", "theme": "dark" });
    let supplier = world.client();
    *supplier.token.borrow_mut() = token.clone();
    assert_eq!(supplier.api("set-preferences", "beside-readings", &body).status, 200);
    drop((open, kept.take()));
    wait_until("nobody is left", || sleepers.alive().0 == 0);
}
