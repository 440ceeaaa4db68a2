//! The child process that reads files: what it may use, what it answers to every container of the collection, and what the parent does
//! when it is stopped.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails here")]

#[path = "../formats/src/collection.rs"]
mod collection;

use collection::{Table, folder};
use formats::csv::MOST_FAULTS;
use kernel::PartyId;
use server::file_reader::{self, FileFault, FileReader, Found, Held, Upload};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kontor");

/// What is found in the files of one upload.
fn read(program: &str, files: Vec<Upload>) -> Vec<Vec<Found>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(FileReader::new(Path::new(program)).invoices(PartyId(1), files)).unwrap().files
}

fn file(name: &str, content: impl Into<Vec<u8>>) -> Upload {
    Upload { name: name.to_owned(), content: content.into() }
}

/// Name and code of each answer.
fn codes(found: &[Found]) -> Vec<(String, String)> {
    let code = |found: &Found| found.held.as_ref().err().map_or("read".to_owned(), |fault| fault.code.clone());
    found.iter().map(|found| (found.name.clone(), code(found))).collect()
}

#[test]
fn the_child_gives_up_memory_time_and_files() {
    let limits = |order: &str, cpu: [&str; 2], data: &str| {
        let mut child = Command::new(PROGRAM).arg(file_reader::TASK).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let path = format!("/proc/{}/limits", child.id());
        let mut input = child.stdin.take().unwrap();
        input.write_all(order.as_bytes()).unwrap();
        let started = Instant::now();
        let soft_and_hard = |name: &str| -> Vec<String> {
            let limits = std::fs::read_to_string(&path).unwrap();
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
            line.trim_start_matches(name).split_whitespace().take(2).map(str::to_owned).collect()
        };
        let settled = || soft_and_hard("Max core file size") == ["0", "0"] && soft_and_hard("Max cpu time") == cpu;
        while !settled() && started.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(soft_and_hard("Max cpu time"), cpu, "{order}");
        assert_eq!(soft_and_hard("Max data size"), [data, data], "{order}");
        assert_eq!(soft_and_hard("Max open files"), ["3", "3"]);
        assert_eq!(soft_and_hard("Max file size"), ["0", "0"]);
        assert_eq!(soft_and_hard("Max core file size"), ["0", "0"]);
        child.kill().unwrap();
        child.wait().unwrap();
    };
    // Without an order it may use what any order may; with one, what that one needs.
    limits("", ["30", "30"], "250000000");
    let order = |task: &str| {
        format!("{{\"task\":{task},\"faults\":9,\"rows\":9,\"files\":[{{\"name\":\"f\",\"length\":9,\"skip\":0}}]}}\n")
    };
    limits(&order("\"Invoices\""), ["3", "30"], "100000000");
    limits(&order("\"PlainDocument\""), ["3", "30"], "100000000");
    limits(&order("\"BankFile\""), ["7", "30"], "250000000");
}

#[test]
fn every_container_of_the_collection_is_answered_in_time() {
    let Some(data) = folder() else { return };
    let table = Table::load(&format!("{data}/manifest.csv"));
    let (mut seen, mut good, mut wrong) = (0, 0, Vec::new());
    for row in table.rows() {
        let (path, kind, expect) = (row.get("file"), row.get("kind"), row.get("expect"));
        if !(kind.starts_with("pdf") || kind.starts_with("attack-pdf") || kind == "attack-zip" || kind == "ofd") {
            continue;
        }
        let content = std::fs::read(format!("{data}/{path}")).unwrap();
        let started = Instant::now();
        let found = read(PROGRAM, vec![file("file", content)]).remove(0);
        let taken = started.elapsed();
        seen += 1;
        // On a busy machine starting a process takes its time; the child's own second is its limit on computing.
        if taken > Duration::from_secs(5) {
            wrong.push(format!("{path}: {taken:?}"));
        }
        for found in found {
            match found.held {
                Err(fault) if fault.code == FileFault::STOPPED => wrong.push(format!("{path}: stopped")),
                Err(fault) if expect == "financeable" => wrong.push(format!("{path}: {fault:?}")),
                Err(_) => {}
                // A zip in the collection holds no table.
                Ok(Held::Table(rows)) => wrong.push(format!("{path}: a table of {}", rows.len())),
                Ok(Held::Invoice(invoice, _)) if kind.starts_with("attack") || expect.starts_with("reject") => {
                    wrong.push(format!("{path}: read as {}", invoice.number));
                }
                Ok(Held::Invoice(invoice, _)) => {
                    good += 1;
                    assert_eq!(invoice.number, row.get("invoice_number"), "{path}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 85 && good > 10, "{seen} {good}");
}

#[test]
fn a_child_that_does_not_answer_is_not_believed() {
    for program in ["/bin/true", "/bin/echo", "/nonexistent"] {
        let found = read(program, vec![file("a", "%PDF-1.7\n"), file("b", "<a/>")]);
        let found: Vec<_> = found.iter().flat_map(|found| codes(found)).collect();
        assert_eq!(
            found,
            [("a", FileFault::STOPPED), ("b", FileFault::STOPPED)].map(|(name, code)| (name.to_owned(), code.to_owned())),
            "{program}"
        );
    }
}

fn named(found: &[Found]) -> Vec<String> {
    codes(found).into_iter().map(|(name, code)| format!("{name} {code}")).collect()
}

/// An archive of these files.
fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const TABLE: &str = "number,issue_date,due_date,currency,seller_tax_id,buyer_tax_id,total,payable\n\
                     A-1,2026-11-01,2026-12-01,EUR,DE123456789,FR12345678901,119.00,119.00\n";

/// As many lines as no memory of the child holds.
fn too_many_lines() -> Vec<u8> {
    let space = "urn:oasis:names:specification:ubl:schema:xsd";
    let lines = "<c:InvoiceLine/>".repeat(270_000);
    format!("<Invoice xmlns='{space}:Invoice-2' xmlns:c='{space}:CommonAggregateComponents-2'>{lines}</Invoice>").into_bytes()
}

/// A file that stops the child is answered, and what stands behind it is read all the same: in a form as in an archive.
#[test]
fn a_file_that_stops_the_child_keeps_no_other_back() {
    let heavy = too_many_lines();
    let found = read(PROGRAM, vec![file("a.csv", TABLE), file("heavy.xml", heavy.clone()), file("b.csv", TABLE)]);
    let found: Vec<String> = found.iter().flat_map(|found| named(found)).collect();
    assert_eq!(found, ["a.csv read", "heavy.xml reader_stopped", "b.csv read"]);
    let archive = pack(&[("a.csv", TABLE.as_bytes()), ("heavy.xml", &heavy), ("b.csv", TABLE.as_bytes())]);
    let found = read(PROGRAM, vec![file("z.zip", archive), file("c.csv", TABLE)]);
    let answered: Vec<String> = found.iter().flat_map(|found| named(found)).collect();
    assert_eq!(answered, ["z.zip/a.csv read", "z.zip/heavy.xml reader_stopped", "z.zip/b.csv read", "c.csv read"]);
    assert_eq!(found[0][2].content, TABLE.as_bytes(), "what is kept is the member");
    assert!(found[0][1].content.is_empty());
    // So many children and no more: the rest is answered without being read.
    let files: Vec<Upload> =
        (0..6).map(|at| file(&format!("{at}.xml"), if at < 5 { heavy.clone() } else { TABLE.into() })).collect();
    let found: Vec<String> = read(PROGRAM, files).iter().flat_map(|found| named(found)).collect();
    assert!(found.iter().all(|found| found.ends_with(" reader_stopped")) && found.len() == 6, "{found:?}");
}

/// What is wrong with an archive is wrong with all of it, whatever was found before; tables in one share the bound of one.
#[test]
fn an_archive_is_refused_whole() {
    let mut damaged = pack(&[("a.csv", TABLE.as_bytes()), ("b.csv", TABLE.as_bytes())]);
    let at = damaged.windows(5).rposition(|five| five == b"b.csv").unwrap();
    damaged[at..at + 5].copy_from_slice(b"../.x");
    let found = read(PROGRAM, vec![file("z.zip", damaged)]);
    assert_eq!(named(&found[0]), ["z.zip zip_name"]);
    let (heading, row) = TABLE.split_once('\n').unwrap();
    let rows: String = (0..11_000).map(|number| format!("{}\n", row.trim_end().replace("A-1", &format!("A-{number}")))).collect();
    let long = format!("{heading}\n{rows}");
    let found = read(PROGRAM, vec![file("z.zip", pack(&[("a.csv", long.as_bytes()), ("b.csv", long.as_bytes())]))]);
    assert_eq!(named(&found[0]), ["z.zip/a.csv read", "z.zip/b.csv csv_too_many"]);
    let found = read(PROGRAM, vec![file("z.zip", pack(&[])), file("y.zip", pack(&[("x.zip", &pack(&[("b", b"x")]))]))]);
    assert_eq!(found.iter().flat_map(|found| named(found)).collect::<Vec<_>>(), ["z.zip zip_empty", "y.zip/x.zip zip_nested"]);
}

/// So many good rows.
fn rows(count: usize) -> String {
    let (heading, row) = TABLE.split_once('\n').unwrap();
    let rows: String = (0..count).map(|number| format!("{}\n", row.trim_end().replace("A-1", &format!("A-{number}")))).collect();
    format!("{heading}\n{rows}")
}

/// The good tables of one upload have no more rows than one table alone, and files of other kinds are read all the same.
#[test]
fn tables_of_one_upload_share_their_rows() {
    let (half, wrong) = (rows(11_000), TABLE.replace("EUR", "XYZ"));
    let files =
        [("a.csv", half.clone()), ("b.csv", half.clone()), ("c.csv", wrong), ("d.csv", rows(9_000)), ("e.csv", TABLE.to_owned())];
    let found = read(PROGRAM, files.map(|(name, content)| file(name, content)).into());
    let answered: Vec<String> = found.iter().flat_map(|found| named(found)).collect();
    assert_eq!(answered, ["a.csv read", "b.csv upload_rows", "c.csv csv_cell", "d.csv read", "e.csv upload_rows"]);
    let Ok(Held::Table(rows)) = &found[0][0].held else { panic!("{:?}", found[0][0].held) };
    assert!(rows.len() == 11_000 && rows.iter().zip(2..).all(|(row, line)| row.line == line), "all of them, in their order");
    assert_eq!(found[0][0].content, half.as_bytes());
    for language in [web::Language::English, web::Language::Chinese] {
        assert!(found[1][0].held.as_ref().unwrap_err().sentence(language).contains("20"), "{language:?}");
    }
}

/// One company holds so much at once, and one upload no more; what is beyond is passed over, and others find room.
#[test]
fn what_is_held_is_bounded_for_a_company() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reader = FileReader::new(Path::new(PROGRAM));
    let read = |company, files| runtime.block_on(reader.invoices(company, files)).unwrap();
    let of = |findings: &file_reader::Findings| findings.files.iter().flat_map(|found| named(found)).collect::<Vec<_>>();
    let full = rows(19_999);
    let held = read(PartyId(1), vec![file("a.csv", full.clone())]);
    assert_eq!(of(&held), ["a.csv read"]);
    let beside = read(PartyId(1), vec![file("b.csv", full.clone()), file("c.csv", TABLE)]);
    assert_eq!(of(&beside), ["b.csv busy", "c.csv read"], "it comes again later, and the small one has room");
    let other = read(PartyId(2), vec![file("d.csv", full.clone())]);
    assert_eq!(of(&other), ["d.csv read"]);
    // Others hold nearly all there is. Only what is small has room then.
    let third = read(PartyId(3), vec![file("e.csv", full.clone()), file("f.csv", TABLE)]);
    assert_eq!(of(&third), ["e.csv busy", "f.csv read"]);
    drop(held);
    assert_eq!(of(&read(PartyId(1), vec![file("g.csv", full)])), ["g.csv read"], "what was held is given back");
    drop((beside, other, third));
    // Archives whose files are kept: more than 46 MB of one upload.
    let large = format!("{TABLE}{}", ",".repeat(4_000_000));
    let names: Vec<String> = (0..9).map(|at| format!("{at}.csv")).collect();
    let archive = pack(&names.iter().map(|name| (name.as_str(), large.as_bytes())).collect::<Vec<_>>());
    let files = vec![file("y.zip", archive.clone()), file("z.zip", archive), file("last.csv", TABLE)];
    let answered = of(&read(PartyId(1), files));
    let (taken, rest) = answered.split_at(11);
    assert!(taken.iter().all(|line| line.ends_with(".csv read")), "{taken:?}");
    assert_eq!(rest, ["z.zip upload_too_much", "last.csv read"]);
}

/// However many rows are wrong: so many are told of the whole upload, and one line counts the others of a file.
#[test]
fn so_many_faults_are_told_and_the_rest_is_counted() {
    const ROWS: usize = 20_000;
    // So few that a build without optimisation reads all of them within the child's time.
    const TABLES: usize = 16;
    const HEADING: &str =
        "number,issue_date,due_date,currency,payable,seller_tax_id,buyer_tax_id,total,type_code,seller_name,buyer_name\n";
    let wrong = format!("{HEADING}{}", "a,b,c,d,e,f,g,h,i,j,k\n".repeat(ROWS));
    let names: Vec<String> = (0..TABLES).map(|at| format!("{at}.csv")).collect();
    let archive = pack(&names.iter().map(|name| (name.as_str(), wrong.as_bytes())).collect::<Vec<_>>());
    assert!(archive.len() < 200_000, "{}", archive.len());
    let count = |found: &[Found]| found.last().unwrap().held.as_ref().err().map_or(0, FileFault::count);
    let text = |found: &[Found]| format!("{found:?}").len();
    // In an archive, alone, and beside files that are good.
    let found = read(PROGRAM, vec![file("z.zip", archive)]).remove(0);
    assert_eq!(found.len(), MOST_FAULTS + 1);
    assert!(found.iter().all(|found| found.held.is_err() && found.content.is_empty()));
    assert_eq!(codes(&found).pop().unwrap(), ("z.zip".to_owned(), FileFault::MORE.to_owned()));
    // Each of the others is one table too many; its rows are not gone through one by one.
    let of_one = {
        let found = read(PROGRAM, vec![file("w.csv", wrong.clone())]).remove(0);
        assert_eq!(found.len(), MOST_FAULTS + 1);
        assert!(text(&found) < 500_000, "{}", text(&found));
        count(&found)
    };
    assert!(of_one >= ROWS - MOST_FAULTS, "{of_one}");
    assert_eq!(count(&found), of_one + TABLES - 1);
    assert!(text(&found) < 500_000, "{}", text(&found));
    let found =
        read(PROGRAM, vec![file("a.csv", TABLE), file("w.csv", wrong.clone()), file("v.csv", wrong), file("b.csv", TABLE)]);
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [1, MOST_FAULTS + 1, 1, 1]);
    assert_eq!((named(&found[0]), named(&found[3])), (vec!["a.csv read".to_owned()], vec!["b.csv read".to_owned()]));
    assert_eq!(named(&found[2]), ["v.csv more_faults"]);
    let more = found[2][0].held.as_ref().unwrap_err();
    assert!(more.sentence(web::Language::English).contains("more faults"));
    assert!(more.sentence(web::Language::Chinese).contains("处错误"));
}

/// A few faults are told one by one as ever, each with its line.
#[test]
fn a_few_faults_are_all_told() {
    let (_, row) = TABLE.split_once('\n').unwrap();
    let table = format!("{TABLE}{}{}", row.replace("2026-11-01", "1.11.2026"), row.replace("EUR", "XYZ"));
    let lines = |found: &[Found]| -> Vec<String> {
        let of = |found: &Found| {
            let fault = found.held.as_ref().unwrap_err();
            let said: Vec<_> = fault.arguments.iter().take(2).map(|(_, value)| value.as_str()).collect();
            format!("{} {} {}", found.name, fault.code, said.join(" "))
        };
        found.iter().map(of).collect()
    };
    let told = |name: &str| [format!("{name} csv_cell 3 issue_date"), format!("{name} csv_cell 4 currency")];
    assert_eq!(lines(&read(PROGRAM, vec![file("t.csv", table.clone())])[0]), told("t.csv"));
    let archive = pack(&[("a.csv", table.as_bytes()), ("b.csv", table.as_bytes())]);
    let found = read(PROGRAM, vec![file("z.zip", archive)]).remove(0);
    assert_eq!(lines(&found), [told("z.zip/a.csv"), told("z.zip/b.csv")].concat());
}

/// An archive of commas costs this process nothing: what is in it is read in the child, and nothing of it comes back.
#[test]
fn a_row_of_commas_costs_next_to_nothing() {
    let commas = vec![b','; 9_900_000];
    let names = ["a.csv", "b.csv", "c.csv", "d.csv"];
    let archive = pack(&names.map(|name| (name, commas.as_slice())));
    assert!(archive.len() < 60_000);
    let found = read(PROGRAM, vec![file("z.zip", archive)]);
    assert_eq!(named(&found[0]), names.map(|name| format!("z.zip/{name} unknown_kind")));
    let wide = format!("{TABLE}{}", ",".repeat(4_000_000));
    let found = read(PROGRAM, vec![file("wide.csv", wide)]);
    assert_eq!(named(&found[0]), ["wide.csv read"], "empty cells beyond the heading are an empty row");
    let wide = format!("{TABLE}A-2{}", ",".repeat(4_000_000));
    let found = named(&read(PROGRAM, vec![file("wide.csv", wide)])[0]);
    assert!(found.iter().all(|line| line == "wide.csv csv_cell_missing") && (1..10).contains(&found.len()), "{found:?}");
}

/// Whoever leaves ends the child, and a place is free again.
#[test]
fn a_reading_that_is_dropped_ends_its_child() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let script = std::env::temp_dir().join(format!("kontor-waits-{}", std::process::id()));
    let noted = script.with_extension("pid");
    let text = "#!/bin/sh\necho $$ > PLACE.new\nmv PLACE.new PLACE\nexec sleep 600\n";
    std::fs::write(&script, text.replace("PLACE", &noted.display().to_string())).unwrap();
    let mut rights = std::fs::metadata(&script).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
    std::fs::set_permissions(&script, rights).unwrap();
    let reader = FileReader::new(&script);
    runtime.block_on(async {
        let reading = reader.invoices(PartyId(1), vec![file("a", "<a/>")]);
        let begun = async {
            while !noted.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = reading => panic!("it never answers"),
            () = begun => {}
        }
        let child = format!("/proc/{}", std::fs::read_to_string(&noted).unwrap().trim());
        let state = || std::fs::read_to_string(format!("{child}/stat")).ok();
        // Gone, or ended and not yet collected.
        while state().is_some_and(|stat| !stat.contains(") Z ")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    std::fs::remove_file(&script).unwrap();
    std::fs::remove_file(&noted).unwrap();
}
