//! Rules of the house that the compiler does not know.

use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn manifest(path: &str) -> String {
    std::fs::read_to_string(root().join(path).join("Cargo.toml")).unwrap()
}

/// The names under `[dependencies]`.
fn dependencies(path: &str) -> Vec<String> {
    let text = manifest(path);
    let section = text.split("[dependencies]").nth(1).unwrap_or("").split("\n[").next().unwrap_or("").to_owned();
    section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn dependencies_run_one_way() {
    assert_eq!(dependencies("server/ledger"), Vec::<String>::new(), "the ledger names only std");
    for (path, banned) in [
        ("server/kernel", vec!["diesel_migrations", "serde_json", "domain", "actix-web", "store", "formats", "web", "server"]),
        ("server/domain", vec!["serde", "diesel", "utoipa", "actix-web", "store", "formats", "web", "server"]),
        ("server/formats", vec!["diesel", "actix-web", "store", "web", "server"]),
        ("server/proof", vec!["diesel", "actix-web", "store", "formats", "web", "server", "domain", "ledger", "serde"]),
        ("server/store", vec!["actix-web", "formats", "web", "server", "lettre", "jsonwebtoken"]),
        ("web", vec!["actix-web", "diesel", "store", "formats", "server"]),
        ("server", vec!["diesel"]),
    ] {
        let named = dependencies(path);
        assert!(!named.is_empty(), "{path}");
        for name in banned {
            assert!(!named.iter().any(|known| known == name), "{path} names {name}");
        }
    }
    for path in ["server/ledger", "server/domain", "server/formats", "server/proof", "server/store", "web"] {
        for only_server in ["actix-web", "jsonwebtoken", "lettre"] {
            assert!(!manifest(path).contains(only_server), "{path} names {only_server}");
        }
    }
}

fn rust_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_no_mod_rs() {
    let mut files = Vec::new();
    for folder in ["server", "web", "tests"] {
        rust_files(&root().join(folder), &mut files);
    }
    assert!(files.len() > 80);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} has no heading", file.display());
        assert!(file.file_name().unwrap() != "mod.rs", "{}", file.display());
    }
}

/// Tests begin on a day that they name (`e2e::world::clock`); nothing that they say may hang on the day on which they run.
#[test]
fn no_test_begins_on_the_real_day() {
    let real = ["Clock::default", "Utc::now", "Local::now", "SystemTime::now", "Clock as Default", "::<Clock>::default"];
    // A file's time on the disk is the system's; the test of the channel makes one old.
    let allowed = ["tests/tests/bank_channel.rs: SystemTime::now"];
    let mut files = Vec::new();
    for folder in ["server", "web", "tests"] {
        rust_files(&root().join(folder), &mut files);
    }
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        let whole = std::fs::read_to_string(&file).unwrap();
        // The product tells the time in `clock.rs`; here only its unit tests are looked at.
        let is_test = name.starts_with("tests/") || name.contains("/tests/");
        let source = if is_test { whole.as_str() } else { whole.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests) };
        let words = real.into_iter().filter(|word| source.contains(word) && !name.ends_with("house_rules.rs"));
        found.extend(words.map(|word| format!("{name}: {word}")));
    }
    assert_eq!(found, allowed);
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |kind: &str| {
        let mut names: Vec<String> = std::fs::read_dir(root().join("migrations").join(kind))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

/// What comes from outside is read in the child and nowhere else: not in the writer, not beside the requests of others. The demo and the
/// bench read what they wrote themselves, and so does the form by which a person types an invoice.
#[test]
fn files_from_outside_are_read_in_the_child_only() {
    let readers = [
        "camt::parse",
        "pain002::parse",
        "ubl::parse",
        "cii::parse",
        "csv::read",
        "formats::read(",
        "read::read",
        "read_plain",
        "read_xml",
        "read_payables(content",
        "read_confirmations(content",
        "is_plain_document",
        "view::read",
        "view::rows_of",
        "rows_of(content",
        "read::container",
        "unpack(",
        "Members::open",
        "roxmltree",
    ];
    let (mut files, mut inside) = (Vec::new(), 0);
    rust_files(&root().join("server/src"), &mut files);
    for file in files {
        let name = file.strip_prefix(root().join("server/src")).unwrap().display().to_string();
        let whole = std::fs::read_to_string(&file).unwrap();
        // A test may read what it has written itself.
        let source = whole.split("#[cfg(test)]").next().unwrap_or("");
        let found: Vec<&str> = readers.into_iter().filter(|reader| source.contains(reader)).collect();
        match name.as_str() {
            "file_reader/child.rs" => inside += found.len(),
            "http/pages/typed_invoice.rs" => assert_eq!(found, ["csv::read"]),
            own if own.starts_with("demo") || own.starts_with("bench") => {}
            _ => assert!(found.is_empty(), "{name} reads files itself: {found:?}"),
        }
    }
    assert!(inside > 10, "{inside}");
}

/// What a macro declares is not found by rustfmt, nor compared alike by both databases: modules stand in the open, names are compared
/// in Rust, and a request's JSON goes through the one reader that sees a member twice.
#[test]
fn modules_names_and_json_go_one_way() {
    let mut files = Vec::new();
    for folder in ["server", "web/src"] {
        rust_files(&root().join(folder), &mut files);
    }
    let (mut seen, mut wrong) = (0, Vec::new());
    for file in files.iter().filter(|file| !file.components().any(|part| part.as_os_str() == "target")) {
        let source = std::fs::read_to_string(file).unwrap();
        seen += 1;
        let http = file.display().to_string().contains("server/src/http/");
        let reads_json = http && !file.ends_with("http/json.rs") && source.contains("serde_json::from_slice");
        let in_sql = ["LOWER(", "UPPER(", "COLLATE NOCASE", " ILIKE "].iter().any(|word| source.contains(word));
        if source.contains("mod $") || reads_json || in_sql {
            wrong.push(file.display().to_string());
        }
    }
    assert!(seen > 250 && wrong.is_empty(), "{seen} {wrong:?}");
}

/// Keys that templates and pages ask for by a literal exist in the texts.
#[test]
fn every_literal_text_key_exists() {
    let texts = std::fs::read_to_string(root().join("web/texts/en/main.ftl")).unwrap();
    let mut files = Vec::new();
    rust_files(&root().join("server/src/http"), &mut files);
    files.push(root().join("templates/page.html"));
    files.push(root().join("templates/blocks/form.html"));
    let mut checked = 0;
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        for mark in [".t(\"", "fill(\""] {
            for piece in source.split(mark).skip(1) {
                let key = piece.split('"').next().unwrap();
                if key.contains('-') && !key.contains(['{', ' ', '/']) {
                    assert!(texts.contains(&format!("\n{key} =")), "{}: {key}", file.display());
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 200, "{checked}");
}

/// Bodies come through one reader, which bounds their size, their time and what is held of them, and unpacks nothing.
#[test]
fn no_body_is_read_but_by_the_one_reader() {
    let mut files = Vec::new();
    rust_files(&root().join("server/src"), &mut files);
    let mut readers = Vec::new();
    for file in files {
        let place = file.strip_prefix(root().join("server/src")).unwrap().display().to_string();
        let source = std::fs::read_to_string(&file).unwrap();
        // A bench of actix without Kontor reads as actix does.
        let other = ["web::Bytes", "web::Form", "web::Json", "web::Payload", "Multipart::", ".to_bytes(", "to_bytes_limited("];
        if place != "bench/bare.rs" && other.iter().any(|name| source.contains(name)) {
            readers.push(place);
        }
    }
    assert_eq!(readers, ["http/body.rs"]);
}

#[test]
fn every_command_has_a_name_in_both_languages() {
    for name in server::commands::Command::NAMES {
        let key = format!("command-{}", name.replace('_', "-"));
        for language in web::Language::ALL {
            assert!(language.has(&key), "{key}");
        }
    }
}

/// The store asks the database, by functions with a name. What is left outside it are conditions that pages give to lists; their number only
/// falls.
#[test]
fn sql_stays_in_the_store() {
    const CONDITIONS_OF_LISTS: usize = 123;
    let (mut files, mut wrong, mut conditions) = (Vec::new(), Vec::new(), 0);
    rust_files(&root().join("server/src"), &mut files);
    for file in files {
        let name = file.strip_prefix(root().join("server/src")).unwrap().display().to_string();
        let source = std::fs::read_to_string(&file).unwrap();
        let words =
            ["find_where", "list_where", "query::list", "query::find", "query::int", "query::text", "query::execute", "diesel::"];
        let statements = ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM ", "\"WITH RECURSIVE "];
        wrong
            .extend(words.iter().chain(&statements).filter(|word| source.contains(**word)).map(|word| format!("{name}: {word}")));
        conditions += source.matches(".with(\"").count() + source.matches(" = ?").count();
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(conditions <= CONDITIONS_OF_LISTS, "{conditions}");
}

/// A module that only a macro declares escapes `cargo fmt`; each file is looked at by itself.
#[test]
fn every_file_is_formatted() {
    let mut files = Vec::new();
    for folder in ["server", "web", "tests"] {
        rust_files(&root().join(folder), &mut files);
    }
    let run =
        std::process::Command::new("rustfmt").args(["--check", "--edition", "2024", "--files-with-diff"]).args(&files).output();
    let run = run.expect("rustfmt runs");
    assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
}

/// Files of the product above 500 lines and functions above 70: none is added, and those that are here only shrink.
#[test]
fn long_files_and_functions_only_become_fewer() {
    const LONG_FILES: &[(&str, usize)] = &[
        ("server/src/batch.rs", 570),
        ("server/src/commands.rs", 579),
        ("server/src/commands/bank/line.rs", 983),
        ("server/src/commands/invoices/intake.rs", 558),
        ("server/src/file_reader.rs", 577),
        ("server/src/http/pages/bank.rs", 665),
        ("server/src/http/pages/confirmation_lists.rs", 543),
        ("server/src/http/pages/invoices.rs", 835),
        ("server/src/http/pages/ops.rs", 568),
        ("server/src/http/pages/payables.rs", 606),
        ("server/src/http/pages/programmes.rs", 524),
        ("server/src/http/pages/receivables.rs", 583),
        ("server/src/http/routes.rs", 503),
        ("server/src/writer.rs", 509),
        ("server/store/src/bank.rs", 508),
        ("server/store/src/lists.rs", 646),
        ("server/store/src/verify.rs", 640),
        ("web/src/blocks.rs", 706),
    ];
    const LONG_FUNCTIONS: usize = 21;
    let mut files = Vec::new();
    for folder in ["server", "web"] {
        rust_files(&root().join(folder), &mut files);
    }
    let (mut grown, mut long) = (Vec::new(), Vec::new());
    for file in files
        .iter()
        .filter(|file| !file.components().any(|part| ["target", "tests", "fuzz"].contains(&&*part.as_os_str().to_string_lossy())))
    {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        let whole = std::fs::read_to_string(file).unwrap();
        let lines: Vec<&str> = whole.split("#[cfg(test)]\nmod tests").next().unwrap_or("").lines().collect();
        let most = LONG_FILES.iter().find(|(known, _)| *known == name).map_or(500, |(_, most)| *most);
        if lines.len() > most {
            grown.push((name.clone(), lines.len()));
        }
        for (at, line) in lines.iter().enumerate() {
            let rest = line.trim_start();
            let is_function =
                ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "async fn ", "pub async fn ", "pub(super) async fn "]
                    .iter()
                    .any(|start| rest.starts_with(start));
            if !is_function || line.ends_with([';', '}']) {
                continue;
            }
            let end = format!("{}}}", " ".repeat(line.len() - rest.len()));
            let size = lines[at..].iter().position(|line| *line == end).map_or(1, |size| size + 1);
            if size > 70 {
                long.push((size, format!("{name}:{}", at + 1)));
            }
        }
    }
    long.sort();
    assert_eq!(grown, Vec::new());
    assert!(long.len() <= LONG_FUNCTIONS, "{} {long:?}", long.len());
}
