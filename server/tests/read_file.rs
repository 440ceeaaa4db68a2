//! The child process that opens PDF files and archives: what it may use, and what it answers to every container of the collection.

#[path = "../formats/src/collection.rs"]
mod collection;

use collection::{Table, folder};
use server::file_reader::{self, FileFault, Held};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kontor");

#[test]
fn the_child_gives_up_memory_time_and_files() {
    let mut child = Command::new(PROGRAM).arg(file_reader::TASK).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let path = format!("/proc/{}/limits", child.id());
    let started = Instant::now();
    let soft_and_hard = |name: &str| -> Vec<String> {
        let limits = std::fs::read_to_string(&path).unwrap();
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line.trim_start_matches(name).split_whitespace().take(2).map(str::to_owned).collect()
    };
    // The one on files is given up after those that are asked for first.
    while soft_and_hard("Max file size") != ["0", "0"] && started.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(soft_and_hard("Max data size"), ["100000000", "100000000"]);
    assert_eq!(soft_and_hard("Max cpu time"), ["2", "2"]);
    assert_eq!(soft_and_hard("Max open files"), ["3", "3"]);
    assert_eq!(soft_and_hard("Max file size"), ["0", "0"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn every_container_of_the_collection_is_answered_in_time() {
    let Some(data) = folder() else { return };
    let table = Table::load(&format!("{data}/manifest.csv"));
    let (mut seen, mut read, mut wrong) = (0, 0, Vec::new());
    for row in table.rows() {
        let (file, kind, expect) = (row.get("file"), row.get("kind"), row.get("expect"));
        if !(kind.starts_with("pdf") || kind.starts_with("attack-pdf") || kind == "attack-zip" || kind == "ofd") {
            continue;
        }
        let content = std::fs::read(format!("{data}/{file}")).unwrap();
        let started = Instant::now();
        let found = file_reader::invoices(Path::new(PROGRAM), "file", content);
        let taken = started.elapsed();
        seen += 1;
        // On a busy machine starting a process takes its time; the child's own second is its limit on computing.
        if taken > Duration::from_secs(5) {
            wrong.push(format!("{file}: {taken:?}"));
        }
        for found in found {
            match found.held {
                Err(fault) if fault.code == FileFault::STOPPED => wrong.push(format!("{file}: stopped")),
                Err(fault) if expect == "financeable" => wrong.push(format!("{file}: {fault:?}")),
                Err(_) => {}
                // A zip in the collection holds no table.
                Ok(Held::Table(rows)) => wrong.push(format!("{file}: a table of {}", rows.len())),
                Ok(Held::Invoice(invoice, _)) if kind.starts_with("attack") || expect.starts_with("reject") => {
                    wrong.push(format!("{file}: read as {}", invoice.number));
                }
                Ok(Held::Invoice(invoice, _)) => {
                    read += 1;
                    assert_eq!(invoice.number, row.get("invoice_number"), "{file}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 85 && read > 10, "{seen} {read}");
}

#[test]
fn a_child_that_does_not_answer_is_not_believed() {
    let pdf = b"%PDF-1.7\n".to_vec();
    for program in ["/bin/true", "/bin/echo", "/nonexistent"] {
        let found = file_reader::invoices(Path::new(program), "file", pdf.clone());
        let faults: Vec<&str> =
            found.iter().filter_map(|found| found.held.as_ref().err()).map(|fault| fault.code.as_str()).collect();
        assert_eq!(faults, [FileFault::STOPPED], "{program}");
    }
}
