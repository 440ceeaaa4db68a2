//! Invoices a second through the front door: reading, the rules of EN 16931 and the check against financing twice. The seller
//! already has 100,000 invoices. For comparison: the time of the Python package factur-x to read and check the same file on one
//! core.

use super::{Failure, IntakeOptions, Target, fdatasync_rate, peak_memory_kb, per_second, ratio};
use crate::clock::Clock;
use crate::commands::Actor;
use crate::commands::cases::reviews;
use crate::commands::invoices::intake::{Examined, Source, examine, format_of};
use crate::commands::invoices::register_invoice::RegisterInvoice;
use crate::demo::files::{DemoInvoice, ubl};
use crate::demo::history;
use crate::dice::Dice;
use crate::file_reader::{FileReader, Upload, warnings};
use crate::hash::sha256_hex;
use crate::writer::Writer;
use chrono::{Days, NaiveDate};
use domain::Currency;
use domain::identity::{look_key, normalise_number, stem_key};
use domain::invoice::InvoiceState;
use domain::party::Capacity;
use formats::invoice::InvoiceFile;
use formats::read::{Read, read_plain};
use formats::rules;
use kernel::{Blank, InvoiceId, PartyId};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::records::Record;
use store::{Conn, Document, Invoice, Party};

/// Callers that register at the same time, so that they share commits.
const CALLERS: usize = 16;

/// The supplier, the buyer and the day of the invoices.
pub(super) struct Trade {
    pub supplier: Party,
    pub buyer: Party,
    pub today: NaiveDate,
}

pub(super) fn find(conn: &mut Conn, capacity: Capacity) -> Result<Party, Failure> {
    let found = store::parties::list_with(conn, capacity)?.into_iter().find(|party| party.country == "DE");
    Ok(found.ok_or("no company in the demo")?)
}

/// Fills the table with invoices of one seller, as if years of them had come in.
pub(super) fn fill(conn: &mut Conn, trade: &Trade, count: usize) -> Result<(), Failure> {
    let content = b"<bench/>".to_vec();
    let document = sha256_hex(&content);
    let created_at = trade.today.and_hms_opt(8, 0, 0).unwrap_or_default();
    let name = "bench.xml".to_owned();
    let media_type = "application/xml".to_owned();
    Document { sha256: document.clone(), party_id: trade.supplier.id, name, media_type, content, created_at }.insert(conn)?;
    let mut dice = Dice(11);
    let mut rows = Vec::with_capacity(count);
    for at in 0..count {
        let number = format!("OLD-{:07}", at.saturating_add(1_000_000));
        let payable_minor = dice.roll(900_000_000).saturating_add(1_000);
        let days = u64::try_from(dice.roll(1_000)).unwrap_or(0);
        rows.push(Invoice {
            id: InvoiceId(i64::try_from(at).unwrap_or(0).saturating_add(10_000_000)),
            supplier_id: trade.supplier.id,
            buyer_id: trade.buyer.id,
            number_key: normalise_number(&number),
            look_key: look_key(&number),
            stem_key: stem_key(&number),
            number,
            seller_tax_key: trade.supplier.tax_key.clone(),
            type_code: "380".to_owned(),
            issue_date: trade.today.checked_sub_days(Days::new(days)).unwrap_or(trade.today),
            due_date: None,
            currency: "EUR".to_owned(),
            total_minor: payable_minor,
            payable_minor,
            confirmed_minor: 0,
            order_reference: String::new(),
            state: InvoiceState::Draft,
            reason: String::new(),
            document: document.clone(),
            created_at,
            format: "ubl".to_owned(),
            prepaid_minor: 0,
            rounding_minor: 0,
            credited_minor: 0,
            replaces: String::new(),
            review: Blank::NONE,
            warnings: String::new(),
            replaces_issued: None,
        });
    }
    store::connection::begin_batch(conn)?;
    Invoice::insert_all(&rows, conn)?;
    Ok(store::connection::commit_batch(conn)?)
}

/// The files that come in: each its own number and amount.
fn files(trade: &Trade, count: usize) -> Vec<Vec<u8>> {
    let mut dice = Dice(12);
    let one = |at: usize| {
        let file = DemoInvoice {
            number: &format!("NEW-{:07}", at.saturating_add(5_000_000)),
            issue_date: trade.today,
            due_date: trade.today.checked_add_days(Days::new(45)).unwrap_or(trade.today),
            currency: Currency::EUR,
            net_minor: dice.roll(900_000_000).saturating_add(100_000),
            seller: (&trade.supplier.name, &trade.supplier.tax_id),
            buyer: (&trade.buyer.name, &trade.buyer.tax_id),
            order: "PO-1",
            item: "Goods",
        };
        ubl(&file).into_bytes()
    };
    (0..count).map(one).collect()
}

fn read(content: &[u8]) -> Result<InvoiceFile, Failure> {
    match read_plain(content)? {
        Read::Invoice(file) => {
            rules::accept(&file)?;
            Ok(*file)
        }
        _ => Err("no invoice".into()),
    }
}

/// Reads, holds to the rules and compares one file, all but writing it.
fn check(conn: &mut Conn, trade: &Trade, content: &[u8]) -> Result<(), Failure> {
    let file = read(content)?;
    let warnings = warnings(&file);
    let sha256 = sha256_hex(content);
    let source = Source { file: &file, sha256: &sha256, format: format_of(content, file.syntax), warnings: &warnings };
    match examine(conn, &trade.supplier, trade.today, &source) {
        Ok(Examined::Invoice(mut invoice, said)) if said.is_empty() => {
            invoice.id = InvoiceId(i64::MAX);
            let found = reviews::findings(conn, &invoice)?;
            if found.is_empty() { Ok(()) } else { Err(format!("{found:?}").into()) }
        }
        other => Err(format!("{other:?}").into()),
    }
}

/// Invoices a second on one thread.
fn checked(conn: &mut Conn, trade: &Trade, files: &[Vec<u8>], length: Duration) -> Result<u64, Failure> {
    let (started, mut count) = (Instant::now(), 0_u64);
    for content in files.iter().cycle() {
        check(conn, trade, content)?;
        count = count.saturating_add(1);
        if started.elapsed() >= length {
            break;
        }
    }
    Ok(per_second(count, started.elapsed()))
}

/// Files a second through the child process that reads incoming files. Each upload has `together` files; uploads run one after
/// the other.
fn read_in_child(files: &[Vec<u8>], together: usize, length: Duration) -> Result<u64, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reader = FileReader::new(&crate::config::own_program()?);
    let (started, mut count) = (Instant::now(), 0_u64);
    for upload in files.chunks(together).cycle() {
        let named = |content: &Vec<u8>| Upload { name: "bench.xml".to_owned(), content: content.clone() };
        let findings = runtime.block_on(reader.invoices(PartyId(0), upload.iter().map(named).collect()));
        let findings = findings.map_err(|fault| format!("{fault:?}"))?;
        if let Some(wrong) = findings.files.iter().flatten().find_map(|found| found.held.as_ref().err()) {
            return Err(format!("{wrong:?}").into());
        }
        count = count.saturating_add(u64::try_from(findings.files.len()).unwrap_or(0));
        if started.elapsed() >= length {
            break;
        }
    }
    Ok(per_second(count, started.elapsed()))
}

/// The same through the writer, each kept and committed durably.
fn registered(url: &str, clock: &Clock, actor: &Actor, files: &[Vec<u8>]) -> Result<u64, Failure> {
    let (writer, thread) = Writer::start(url, clock.clone())?;
    let (next, started) = (AtomicUsize::new(0), Instant::now());
    let failures: Vec<Failure> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (next, writer) = (&next, writer.clone());
                scope.spawn(move || -> Result<(), Failure> {
                    while let Some(content) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let parsed = Box::new(read(content)?);
                        let (sha256, warnings) = (sha256_hex(content), warnings(&parsed));
                        let key = format!("bench-{sha256}");
                        let file_name = "bench.xml".to_owned();
                        let command = RegisterInvoice { file_name, sha256, content: content.clone(), parsed, warnings };
                        writer.submit_blocking(actor.clone(), key, command.into()).map_err(|error| format!("{error:?}"))?;
                    }
                    Ok(())
                })
            })
            .collect();
        callers.into_iter().filter_map(|caller| caller.join().unwrap_or_else(|_| Err("a caller panicked".into())).err()).collect()
    });
    let rate = per_second(u64::try_from(files.len()).unwrap_or(0), started.elapsed());
    drop(writer);
    thread.join().map_err(|_| "the writer panicked")?;
    failures.into_iter().next().map_or(Ok(rate), Err)
}

/// Times factur-x with one file: reading alone, as it comes (with the schema), and with the rules too.
const PYTHON: &str = "
import sys, time, facturx
from importlib.metadata import version
content, seconds = sys.stdin.buffer.read(), float(sys.argv[1])
def rate(work):
    work()
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        work()
        count += 1
    return int(count / (time.perf_counter() - begun))
print(version('factur-x'), rate(lambda: facturx.parse_ubl_cii_xml(content, check_xsd=False)),
      rate(lambda: facturx.parse_ubl_cii_xml(content)), rate(lambda: facturx.parse_ubl_cii_xml(content, check_schematron=True)))
";

/// Version, and files a second: read; read and held to the schema; read and held to schema and rules.
fn factur_x(python: &str, content: &[u8], seconds: u64) -> Result<(String, [u64; 3]), Failure> {
    use std::io::Write;
    let mut command = Command::new(python);
    command.args(["-c", PYTHON, &seconds.to_string()]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(content)?;
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // The package says what it does; the figures are the last line.
    let mut words = text.lines().last().unwrap_or("").split_whitespace().map(str::to_owned);
    let version = words.next().ok_or("factur-x gave no figures")?;
    let mut figure = || words.next().and_then(|word| word.parse().ok()).ok_or("factur-x gave no figures");
    Ok((version, [figure()?, figure()?, figure()?]))
}

pub fn run(options: &IntakeOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let clock = Clock::default();
    history::build(&target.url, 1, &clock)?;
    let mut conn = store::connect(&target.url)?;
    let (supplier, buyer) = (find(&mut conn, Capacity::Supplier)?, find(&mut conn, Capacity::Buyer)?);
    let user = store::people::find_first_user(&mut conn, supplier.id)?.ok_or("no person")?;
    let actor = Actor::person(supplier.id, user.id);
    let trade = Trade { supplier, buyer, today: store::records::load_heads(&mut conn)?.business_date };
    fill(&mut conn, &trade, options.existing)?;
    let files = files(&trade, options.files);
    let one = files.first().ok_or("no files")?;
    let compared = options.python.as_ref().map(|python| factur_x(python, one, options.seconds)).transpose()?;
    let checked = checked(&mut conn, &trade, &files, Duration::from_secs(options.seconds))?;
    let length = Duration::from_secs(options.seconds);
    let (alone, together) = (read_in_child(&files, 1, length)?, read_in_child(&files, 100, length)?);
    let registered = registered(&target.url, &clock, &actor, &files)?;
    let (_, finding) = store::verify::verify_without_marks(&mut conn)?;
    let against = |at: usize| {
        let figure = compared.as_ref().and_then(|(_, figures)| figures.get(at)).copied()?;
        Some(json!({ "per_second": figure, "ratio": ratio(checked, figure) }))
    };
    Ok(json!({
        "bench": "intake", "database": target.kind(), "existing": options.existing, "files": options.files, "file_bytes": one.len(),
        "seconds": options.seconds, "checked_per_second_on_one_thread": checked,
        "read_in_child_per_second_one_a_time": alone, "read_in_child_per_second_a_hundred_a_time": together, "registered_per_second": registered, "callers": CALLERS,
        "factur_x": compared.as_ref().map(|(version, _)| version), "factur_x_reads": against(0), "factur_x_reads_and_schema": against(1),
        "factur_x_reads_schema_and_rules": against(2),
        "verified": finding.is_none(), "finding": finding.map(|found| format!("{}: {}", found.place, found.problem)),
        "fdatasync_per_second": fdatasync_rate(&std::env::temp_dir())?, "peak_memory_kb": peak_memory_kb(),
    }))
}
