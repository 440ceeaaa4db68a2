//! The log, its checkpoints and the proofs: served, checked by two verifiers, exported, and defended: BAR.md R11, R12.

use e2e::world::World;
use e2e::{Client, Database};
use kernel::{AuditSeq, PartyId, UserId};
use proof::digest::unhex;
use proof::note::{Checkpoint, Signer, Verifier};
use proof::position::PositionProof;
use proof::{Hash, tree};
use server::commands::Actor;
use server::commands::days::close_day::CloseDay;
use server::commands::people::set_preferences::SetPreferences;
use server::writer::Writer;
use std::path::{Path, PathBuf};
use std::process::Command;
use store::query;
use store::records::Record;
use store::verify::{Finding, Saved, verify_against};
use store::{AccountRow, AuditRecord, CheckpointRow, Conn};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A program that ./check installs; a plain `cargo test` leaves out what needs a missing one.
fn has(program: &str, arguments: &[&str]) -> bool {
    let found = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    assert!(found || std::env::var("KONTOR_REQUIRE_ALL").is_err(), "{program} {arguments:?} is needed");
    if !found {
        println!("left out: {program} {arguments:?} does not run");
    }
    found
}

fn python(arguments: &[&str]) -> Option<(bool, String)> {
    python_file("verify_position.py", arguments)
}

fn python_file(name: &str, arguments: &[&str]) -> Option<(bool, String)> {
    // The package may belong to another python than the one that stands first in the path.
    let knows = |program: &&str| {
        Command::new(program).args(["-c", "import cryptography"]).output().is_ok_and(|output| output.status.success())
    };
    let program = ["python3", "/usr/bin/python3"].into_iter().find(knows).unwrap_or("python3");
    if !has(program, &["-c", "import cryptography"]) {
        return None;
    }
    let output = Command::new(program).arg(root().join("tests").join(name)).args(arguments).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Some((output.status.success(), text))
}

/// The verifier that was written from docs/PROOFS.md alone agrees on every vector, and mutations do not fool it.
#[test]
fn a_second_verifier_agrees_on_the_vectors() {
    let folder = root().join("tests/vectors/proofs");
    let Some((good, text)) = python(&["--vectors", folder.to_str().unwrap()]) else { return };
    assert!(good && text.contains("148 vectors agree"), "{text}");
    let key = std::fs::read_to_string(folder.join("log.key")).unwrap();
    let count = std::env::var("KONTOR_PROOF_MUTATIONS").unwrap_or_else(|_| "5000".to_owned());
    for name in ["many-assets.kontor-proof", "ordered-many-assets.kontor-proof"] {
        let (good, text) = python(&["--mutate", folder.join(name).to_str().unwrap(), &key, &count]).unwrap();
        assert!(good && text.contains("none verifies"), "{text}");
    }
}

/// A log that its platform signs itself, over one thing sold twice in full: `tests/forge_position.py` makes both holders' files, and
/// no verifier takes both. Trees of version 1 would show them; no day of now may use them.
#[test]
fn one_thing_is_not_proven_sold_to_two_holders() {
    if python(&["--help"]).is_none() {
        return;
    }
    let database = Database::sqlite();
    let folder = &database.folder;
    for (what, version, good) in [
        ("number", "1", [false, false]),
        ("twice", "1", [false, false]),
        ("cash", "1", [false, false]),
        ("number", "2", [true, false]),
        ("twice", "2", [false, false]),
        ("cash", "2", [true, false]),
        ("undertaking", "2", [false, false]),
    ] {
        let (made, text) = python_file("forge_position.py", &[folder.to_str().unwrap(), what, version]).unwrap();
        assert!(made, "{text}");
        let key = std::fs::read_to_string(folder.join("evil.key")).unwrap();
        let verifier = Verifier::parse(key.trim()).unwrap();
        for (owner, good) in [11, 12].into_iter().zip(good) {
            let path = folder.join(format!("evil{owner}.kontor-proof"));
            let ours = server::proofs::verify_proof(&path, &verifier);
            assert_eq!(ours.is_ok(), good, "{what} {version} {owner}: {ours:?}");
            let (theirs, text) = python(&[path.to_str().unwrap(), key.trim()]).unwrap();
            assert_eq!(theirs, good, "{what} {version} {owner}: {text}");
        }
    }
}

/// Two ends of one day in one log have two trees, and each tree is right. Both verifiers say which record and which root it is: that is
/// what two holders compare.
#[test]
fn a_proof_names_the_record_and_the_root_of_its_day() {
    if python(&["--help"]).is_none() {
        return;
    }
    let database = Database::sqlite();
    let folder = &database.folder;
    let (made, text) = python_file("forge_position.py", &[folder.to_str().unwrap(), "records", "2"]).unwrap();
    assert!(made, "{text}");
    let key = std::fs::read_to_string(folder.join("evil.key")).unwrap();
    let verifier = Verifier::parse(key.trim()).unwrap();
    let mut roots = Vec::new();
    for (owner, record) in [(11, 1), (12, 2)] {
        let path = folder.join(format!("evil{owner}.kontor-proof"));
        let proven = PositionProof::parse(&std::fs::read_to_string(&path).unwrap()).unwrap().verify(&verifier).unwrap();
        assert_eq!((proven.day.as_str(), proven.record, proven.size), ("2026-11-29", record, 2));
        let line = format!("record {record} ended the day, root {}\n", proof::digest::hex(&proven.root));
        let ours = server::proofs::verify_proof(&path, &verifier).unwrap();
        assert!(ours.contains(&line), "{ours}");
        let (theirs, text) = python(&[path.to_str().unwrap(), key.trim()]).unwrap();
        assert!(theirs && text.contains(&line), "{text}");
        roots.push(proven.root);
    }
    assert_ne!(roots[0], roots[1]);
}

/// The verifier's list of currencies is that by which the platform numbers its assets.
#[test]
fn currencies_have_their_numbers() {
    let own: Vec<(String, i64)> = (0..1000)
        .filter_map(|number| Some((domain::chart::asset_currency(ledger::AssetId(number))?.code().to_owned(), number)))
        .collect();
    assert!(own.len() > 150);
    for (code, number) in own {
        assert_eq!(proof::iso4217::number_of(&code), Some(number), "{code}");
    }
    for (code, number) in proof::iso4217::list() {
        let known = domain::chart::asset_currency(ledger::AssetId(number));
        assert!(known.is_none_or(|known| known.code() == code), "{code}");
    }
}

fn key_of(client: &Client) -> Verifier {
    Verifier::parse(&client.get("/log/key").body).unwrap()
}

#[test]
fn a_holder_proves_its_position_to_a_stranger() {
    for database in Database::both() {
        let world = World::demo(database, 25);
        let (page, api) = (world.signed_in("financier1@kontor.example"), world.api("financier1@kontor.example"));
        world.signed();
        let key = key_of(&page);
        for link in ["/portfolio", "/cash"] {
            assert!(page.open(link).body.contains("href=\"/position-proof\""), "{link} links the proof");
        }
        let shown = page.open("/position-proof");
        assert!(shown.body.contains(&key.to_text()), "the page tells the key");
        let file = page.get(&shown.link("/position-proof/file?day="));
        assert_eq!(file.status, 200, "{}", file.text());
        assert!(file.headers["content-disposition"].contains(".kontor-proof"));
        assert_eq!(api.get("/api/v1/position-proof").body, file.body, "the API gives the same file");
        let proven = PositionProof::parse(&file.body).unwrap().verify(&key).unwrap();
        // What it says is what the accounts have: nothing was booked since but holds.
        let mut conn = world.conn();
        let email = "owner_id = (SELECT party_id FROM users WHERE email = 'financier1@kontor.example')";
        let condition = format!("{email} AND kind IN ('cash', 'holding') ORDER BY asset_id");
        let own = AccountRow::list_where(&mut conn, &condition, &[]).unwrap();
        let bound = "SELECT last_transfer AS value FROM day_sums ORDER BY day DESC LIMIT 1";
        let bound = query::int(&mut conn, bound, &[]).unwrap().unwrap();
        let as_of: Vec<(i64, i64)> = own
            .iter()
            .filter_map(|row| {
                let leg = store::journal::leg_as_of(&mut conn, row.id, row.last_transfer, bound).unwrap()?;
                (leg.balance_after > 0).then_some((row.asset_id, leg.balance_after))
            })
            .collect();
        assert!(as_of.len() > 2, "{as_of:?}");
        let said: Vec<(i64, i64)> = proven.assets.iter().map(|asset| (asset.entry.asset, asset.held.balance.amount)).collect();
        assert_eq!(said, as_of);
        // Documents of the fractions are those that the buyer confirmed.
        for asset in proven.assets.iter().filter(|asset| asset.entry.class == "fractions") {
            let [_, document, _] = asset.entry.documents.unwrap();
            let sql = "SELECT i.document AS value FROM receivables r JOIN invoices i ON i.id = r.invoice_id WHERE r.id = ?";
            let known = query::text(&mut conn, sql, &[asset.entry.asset.into()]).unwrap().unwrap();
            assert_eq!(unhex(&known), Some(document));
        }
        // Nobody else is named.
        for party in store::Party::list_where(&mut conn, "id <> ?", &[proven.owner.into()]).unwrap() {
            assert!(!file.body.contains(&party.name) && !file.body.contains(&format!("\n{}\n", party.id)), "{}", party.name);
        }
        // An older day is made again from the journal, long after; another company gets another file.
        let days = store::sums::list_signed_days(&mut conn, 60).unwrap();
        let old = days[days.len() / 2].day;
        let older = page.get(&format!("/position-proof/file?day={old}"));
        assert_eq!(PositionProof::parse(&older.body).unwrap().verify(&key).unwrap().day, old.to_string());
        let other = world.signed_in("financier2@kontor.example").get("/position-proof/file");
        let other = PositionProof::parse(&other.body).unwrap().verify(&key).unwrap();
        assert_ne!(other.owner, proven.owner);
        // Both command-line verifiers agree, and a changed cent is found.
        let path = world.database.folder.join("mine.kontor-proof");
        std::fs::write(&path, &file.body).unwrap();
        let report = server::proofs::verify_proof(&path, &key).unwrap();
        assert!(report.starts_with("GOOD") && report.contains("document "), "{report}");
        let ended = "SELECT MAX(audit_seq) AS value FROM day_sums";
        let ended = query::int(&mut conn, ended, &[]).unwrap().unwrap();
        assert!(report.contains(&format!("  record {ended} ended the day, root ")), "{report}");
        let amount = said[0].1;
        if let Some((good, text)) = python(&[path.to_str().unwrap(), &key.to_text()]) {
            assert!(good && text.contains(&format!(" {} {amount}\n", said[0].0)), "{text}");
        }
        std::fs::write(&path, file.body.replacen(&format!("\n{amount}\n"), &format!("\n{}\n", amount + 1), 1)).unwrap();
        assert!(server::proofs::verify_proof(&path, &key).is_err());
        if let Some((good, text)) = python(&[path.to_str().unwrap(), &key.to_text()]) {
            assert!(!good && text.contains("BAD"), "{text}");
        }
        // Not yet, and nothing.
        let tomorrow = store::records::load_heads(&mut conn).unwrap().business_date;
        let early = api.get(&format!("/api/v1/position-proof?day={tomorrow}"));
        assert_eq!((early.status, early.json()["code"].as_str()), (409, Some("proof_not_ready")), "{}", early.body);
        let nothing = world.signed_in("operator@kontor.example").open("/position-proof");
        assert!(
            nothing.body.contains("had neither cash nor fractions") && !nothing.body.contains("/position-proof/file"),
            "{}",
            nothing.body
        );
        let empty = world.api("operator@kontor.example").get("/api/v1/position-proof");
        assert_eq!((empty.status, empty.json()["code"].as_str()), (409, Some("nothing_to_prove")), "{}", empty.body);
        world.verify();
    }
}

#[test]
fn the_log_is_signed_served_and_proven() {
    for database in Database::both() {
        let world = World::demo(database, 12);
        let client = world.client();
        let old = world.signed();
        assert_eq!(server::jobs::sign_checkpoint::run(world.app()).map_err(|fault| fault.to_string()), Ok(()));
        let today = store::records::load_heads(&mut world.conn()).unwrap().business_date;
        world.move_to(&(today + chrono::Days::new(2)).to_string());
        let new = world.signed();
        assert!(new.size >= old.size + 2);
        // Each end of day has its own checkpoint.
        let sizes = CheckpointRow::list_where(&mut world.conn(), "size > ? ORDER BY size", &[old.size.into()]).unwrap();
        let dates: Vec<_> = sizes.iter().map(|row| row.business_date).collect();
        assert!(dates.contains(&(today + chrono::Days::new(1))) && dates.contains(&(today + chrono::Days::new(2))), "{dates:?}");
        let key = key_of(&client);
        assert_eq!(key.name(), "kontor.test/log");
        let served = client.get("/log/checkpoint");
        assert_eq!(served.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(served.body, new.note);
        assert_eq!(client.get(&format!("/log/checkpoints/{}", old.size)).body, old.note);
        let (first, last) = (key.open_checkpoint(&old.note).unwrap(), key.open_checkpoint(&new.note).unwrap());
        let hashes = |answer: &e2e::Answer| -> Vec<Hash> {
            answer.json()["hashes"].as_array().unwrap().iter().map(|hash| unhex(hash.as_str().unwrap()).unwrap()).collect()
        };
        // Every record is in the log.
        for record in 1..=last.size {
            let answer = client.get(&format!("/api/v1/log/inclusion?record={record}"));
            let leaf = unhex(answer.json()["leaf_hash"].as_str().unwrap()).unwrap();
            assert!(tree::verify_inclusion(&leaf, record - 1, last.size, &hashes(&answer), &last.root), "{record}");
        }
        let text = client.get(&format!("/log/inclusion?record=3&size={}", old.size)).body;
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 2\n") && text.ends_with(&format!("\n\n{}", old.note)), "{text}");
        // The newer log begins with the older one, at every size.
        for size in 1..=last.size {
            let root = store::log::root_at(&mut world.conn(), size).unwrap();
            let answer = client.get(&format!("/api/v1/log/consistency?old={size}"));
            assert!(tree::verify_consistency(size, last.size, &hashes(&answer), &root, &last.root), "{size}");
        }
        assert_eq!(store::log::root_at(&mut world.conn(), first.size).unwrap(), first.root);
        assert!(client.get(&format!("/log/consistency?old={}", old.size)).body.ends_with("=\n"));
        let list = client.get("/api/v1/log/checkpoints").json();
        assert_eq!(list["items"][0]["note"], new.note);
        assert_eq!(client.get("/api/v1/log/checkpoint").json()["key"], key.to_text());
        for wrong in ["record=0", "record=x", "record=99999999", "record=1&size=7777777", ""] {
            assert!([404, 422].contains(&client.get(&format!("/api/v1/log/inclusion?{wrong}")).status), "{wrong}");
        }
        for wrong in ["old=0", "old=5&new=4", "old=1&new=99999999", ""] {
            assert!([404, 422].contains(&client.get(&format!("/api/v1/log/consistency?{wrong}")).status), "{wrong}");
        }
        let document = client.get("/api/v1/openapi.json").json();
        assert_eq!(document["paths"]["/api/v1/log/inclusion"]["get"]["parameters"][0]["name"], "record");
        assert!(document["paths"]["/api/v1/position-proof"]["get"]["responses"]["200"]["content"]["text/plain"].is_object());
        world.verify();
    }
}

/// Checkpoints leave the machine: as files, and by mail at an end of day. The key is kept, and is its owner's alone.
#[test]
fn checkpoints_leave_the_machine() {
    let database = Database::sqlite();
    let clock = e2e::world::clock();
    e2e::world::set_up(&database, clock.now().date(), &clock);
    let outside = database.folder.join("outside");
    let mut config = e2e::world::config(&database, "https://kontor.test");
    config.checkpoints.folder = Some(outside.clone());
    config.checkpoints.mail = Some("auditor@x.example".to_owned());
    let running = server::serve::start(config.clone(), clock.clone()).unwrap();
    server::jobs::end_of_day::advance(&running.app, 2).unwrap();
    let key = running.app.signer.verifier();
    // Nothing is due for a minute; but the end signs what has been done since.
    let mut conn = store::connect(&database.url).unwrap();
    let party = query::int(&mut conn, "SELECT MIN(party_id) AS value FROM users", &[]).unwrap().unwrap();
    let user = query::int(&mut conn, "SELECT MIN(id) AS value FROM users", &[]).unwrap().unwrap();
    let language = SetPreferences { language: "zh".to_owned(), theme: "dark".to_owned() };
    running
        .app
        .writer
        .submit_blocking(Actor::person(PartyId(party), UserId(user)), "a-late-act".to_owned(), language.into())
        .unwrap();
    running.stop().unwrap();
    let saved = server::proofs::read_checkpoints(std::slice::from_ref(&outside), Some(&key)).unwrap();
    let sizes: Vec<u64> = saved.iter().map(|saved| saved.checkpoint.size).collect();
    assert!(sizes.ends_with(&[2, 3, 4]), "one for each end of day, and one for the end of the process: {sizes:?}");
    let mails = store::Mail::list_where(&mut conn, "address = 'auditor@x.example' ORDER BY id", &[]).unwrap();
    assert!(mails.len() >= 2 && mails.iter().all(|mail| mail.body.contains("\u{2014} kontor.test/log ")), "{mails:?}");
    let (coverage, finding) = verify_against(&mut conn, &saved, None).unwrap();
    assert_eq!((coverage.log_size, finding), (4, None));
    // The key stays the same; a foreign one is no longer ours; another origin than the key's is refused.
    let path = database.folder.join("log.key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(server::config::load_log_key(&config).unwrap().verifier(), key);
    let other = Signer::from_seed("kontor.test/log", [9; 32]).unwrap();
    assert!(server::proofs::read_checkpoints(&[outside], Some(&other.verifier())).is_err());
    config.checkpoints.key = Some(server::config::Secret(other.to_text()));
    assert_eq!(server::config::load_log_key(&config).unwrap().verifier(), other.verifier());
    config.checkpoints.origin = Some("elsewhere/log".to_owned());
    assert!(server::config::load_log_key(&config).is_err());
    assert!(!format!("{config:?}").contains("PRIVATE"), "the secret key is not printed");
}

/// Puts the database's own guards back, as somebody would who does not want to be found.
fn rearm(conn: &mut Conn) {
    for table in store::verify::APPEND_ONLY {
        let refuse = |kind: &str| {
            let name = format!("{table}_no_{}", kind.to_lowercase());
            format!("CREATE TRIGGER {name} BEFORE {kind} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
        };
        let statements = match conn {
            Conn::Sqlite(_) => vec![refuse("UPDATE"), refuse("DELETE")],
            Conn::Postgres(_) => vec![format!("ALTER TABLE {table} ENABLE TRIGGER ALL")],
        };
        for statement in statements {
            query::execute(conn, &statement, &[]).unwrap();
        }
    }
}

/// Takes the database's own guards away, as somebody could who has the file or is superuser.
fn disarm(conn: &mut Conn) {
    if matches!(conn, Conn::Sqlite(_)) {
        query::execute(conn, "PRAGMA foreign_keys = OFF", &[]).unwrap();
    }
    for table in store::verify::APPEND_ONLY {
        let statements = match conn {
            Conn::Sqlite(_) => vec![format!("DROP TRIGGER {table}_no_update"), format!("DROP TRIGGER {table}_no_delete")],
            Conn::Postgres(_) => vec![format!("ALTER TABLE {table} DISABLE TRIGGER ALL")],
        };
        for statement in statements {
            query::execute(conn, &statement, &[]).unwrap();
        }
    }
}

fn signer() -> Signer {
    Signer::from_seed("kontor.test/log", [5; 32]).unwrap()
}

/// A history of some hundred records whose log is signed twice: what somebody outside has kept.
fn signed_history(database: &Database) -> Vec<Saved> {
    server::demo::history::build(&database.url, 40, &e2e::world::clock()).unwrap();
    let signer = signer();
    let mut conn = store::connect(&database.url).unwrap();
    let heads = store::records::load_heads(&mut conn).unwrap();
    let mut saved = Vec::new();
    for size in [heads.last_audit / 2, heads.last_audit] {
        let at = u64::try_from(size).unwrap();
        let note = signer.checkpoint(at, &store::log::root_at(&mut conn, at).unwrap());
        saved.push(Saved { place: format!("saved {size}"), checkpoint: Checkpoint::parse_unsigned(&note).unwrap() });
        CheckpointRow { size, business_date: heads.business_date, signed_at: e2e::world::clock().now(), note }
            .insert(&mut conn)
            .unwrap();
    }
    assert!(heads.last_audit > 300, "the history has complete subtrees of 256");
    saved
}

/// What `verify` finds after these changes, which are taken back.
fn found_after(conn: &mut Conn, saved: &[Saved], changes: &[&str]) -> Option<Finding> {
    store::connection::begin_batch(conn).unwrap();
    for change in changes {
        let touched = query::execute(conn, change, &[]).unwrap_or_else(|error| panic!("{change}: {error}"));
        assert!(touched > 0 || change.starts_with("--"), "{change} touches nothing");
    }
    let (_, finding) = verify_against(conn, saved, Some(&signer().verifier())).unwrap();
    store::connection::roll_back_batch(conn).unwrap();
    finding
}

#[test]
fn verify_finds_what_was_changed_behind_its_back() {
    let cases: &[(&str, &[&str], &str)] = &[
        (
            "a changed balance",
            &["UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'cash' AND balance > 0"],
            "ledger_accounts",
        ),
        (
            "a position that changed hands",
            &[
                "UPDATE ledger_accounts SET owner_id = owner_id + 100000 WHERE kind = 'holding' AND id = (SELECT MIN(id) FROM ledger_accounts WHERE kind = 'holding')",
            ],
            "sum_trees|audit",
        ),
        ("a deleted transfer", &["DELETE FROM transfers WHERE number = 40"], "transfers 41"),
        ("a transfer's value date", &["UPDATE transfers SET value_date = '2020-01-01' WHERE number = 60"], "audit"),
        (
            "a transfer's kind of booking",
            &["UPDATE transfers SET code = 11 WHERE number = (SELECT MIN(number) FROM transfers WHERE code = 10)"],
            "audit",
        ),
        ("a transfer's time", &["UPDATE transfers SET booked_at = (SELECT MIN(booked_at) FROM transfers)"], "audit"),
        ("a rewritten outcome", &["UPDATE audit SET outcome = '{}' WHERE seq = 40"], "audit 40"),
        ("a rewritten input", &["UPDATE audit SET input = '{}' WHERE seq = 41"], "audit 41"),
        ("somebody else did it", &["UPDATE audit SET user_id = user_id + 1 WHERE seq = 42"], "audit 42"),
        ("nobody agreed to it", &["UPDATE audit SET approver_id = 10001 WHERE seq = 43"], "audit 43"),
        ("it happened later", &["UPDATE audit SET at = (SELECT MAX(at) FROM audit) WHERE seq = 44"], "audit 44"),
        ("a deleted record", &["DELETE FROM audit WHERE seq = 45"], "audit 46"),
        (
            "a document's content",
            &[
                "UPDATE documents SET content = (SELECT d.content FROM documents d ORDER BY d.sha256 DESC LIMIT 1) WHERE sha256 = (SELECT MIN(sha256) FROM documents)",
            ],
            "documents",
        ),
        (
            "a document exchanged with its digest",
            &[
                "UPDATE invoices SET document = (SELECT MAX(sha256) FROM documents WHERE media_type = 'application/xml') WHERE id = (SELECT MIN(id) FROM invoices)",
            ],
            "sum_trees|invoices",
        ),
        (
            "an undertaking's words",
            &["UPDATE confirmations SET words_en = 'x' WHERE id = (SELECT MIN(id) FROM confirmations)"],
            "confirmations",
        ),
        (
            "a receivable's terms",
            &["UPDATE receivables SET terms = terms || 'x' WHERE id = (SELECT MAX(id) FROM receivables)"],
            "receivables",
        ),
        ("a lost leaf", &["DELETE FROM log_runs WHERE first_seq = (SELECT MAX(first_seq) FROM log_runs)"], "audit"),
        ("a changed node", &["UPDATE log_nodes SET hash = 'x' WHERE position = 0"], "audit 256"),
        ("a lost node", &["DELETE FROM log_nodes"], "audit 256"),
        ("the frontier", &["UPDATE heads SET log_frontier = ''"], "heads"),
        ("a day's root", &["UPDATE day_sums SET root = 'x' WHERE day = (SELECT MIN(day) FROM day_sums)"], "day_sums"),
        ("a lost day", &["DELETE FROM day_sums WHERE day = (SELECT MAX(day) FROM day_sums)"], "audit"),
        (
            "a day's entry",
            &[
                "UPDATE sum_trees SET entry = '' WHERE asset_id = 978 AND day = (SELECT MIN(day) FROM sum_trees WHERE asset_id = 978)",
            ],
            "sum_trees",
        ),
        (
            "a purchase from another supplier",
            &["UPDATE purchases SET supplier_id = financier_id WHERE id = (SELECT MIN(id) FROM purchases)"],
            "purchases",
        ),
        ("a notice for nobody", &["UPDATE notices SET party_id = -1 WHERE id = (SELECT MAX(id) FROM notices)"], "notices"),
        (
            "a checkpoint of another size",
            &["UPDATE checkpoints SET note = (SELECT c.note FROM checkpoints c ORDER BY c.size LIMIT 1)"],
            "checkpoints",
        ),
        (
            "a checkpoint's signature",
            &["UPDATE checkpoints SET note = SUBSTR(note, 1, LENGTH(note) - 30) || 'AAAA' || SUBSTR(note, LENGTH(note) - 25)"],
            "checkpoints",
        ),
    ];
    for database in Database::both() {
        let saved = signed_history(&database);
        let mut conn = store::connect(&database.url).unwrap();
        assert_eq!(found_after(&mut conn, &saved, &[]), None, "{}", database.kind);
        disarm(&mut conn);
        for (what, changes, places) in cases {
            let finding =
                found_after(&mut conn, &saved, changes).unwrap_or_else(|| panic!("{}: not found: {what}", database.kind));
            let place = places.split('|').any(|place| finding.place == place || finding.place.starts_with(&format!("{place} ")));
            assert!(place, "{}: {what}: {finding:?}", database.kind);
        }
    }
}

/// Somebody who owns the database rewrites a record and makes the whole log anew, consistently. Only what was kept elsewhere
/// shows it, as it shows a database that was put back to an earlier state.
#[test]
fn a_rewritten_or_rolled_back_history_is_found_by_a_saved_checkpoint() {
    for database in Database::both() {
        let saved = signed_history(&database);
        let earlier = database.copy();
        // The original goes on for a day and is signed again; the copy stays behind.
        let clock = e2e::world::clock();
        let (writer, thread) = Writer::start(&database.url, clock.clone()).unwrap();
        let mut conn = store::connect(&database.url).unwrap();
        let date = store::records::load_heads(&mut conn).unwrap().business_date;
        writer.submit_blocking(Actor::SYSTEM, "a-day-goes-by".to_owned(), CloseDay { date }.into()).unwrap();
        let heads = store::records::load_heads(&mut conn).unwrap();
        let size = u64::try_from(heads.last_audit).unwrap();
        let root = store::log::frontier_of(&heads).unwrap().root();
        let kept =
            Saved { place: "kept".to_owned(), checkpoint: Checkpoint { origin: "kontor.test/log".to_owned(), size, root } };
        assert_eq!(verify_against(&mut conn, std::slice::from_ref(&kept), None).unwrap().1, None);
        let mut conn = store::connect(&earlier.url).unwrap();
        assert_eq!(verify_against(&mut conn, &saved, None).unwrap().1, None, "the copy fits in itself");
        let finding = verify_against(&mut conn, std::slice::from_ref(&kept), None).unwrap().1.unwrap();
        assert!(finding.place == "kept" && finding.problem.contains("rolled back"), "{finding:?}");
        // The same length, another history: the day ends at another moment there.
        let (second, second_thread) = Writer::start(&earlier.url, clock).unwrap();
        second.submit_blocking(Actor::SYSTEM, "a-day-goes-by".to_owned(), CloseDay { date }.into()).unwrap();
        let finding = verify_against(&mut conn, std::slice::from_ref(&kept), None).unwrap().1.unwrap();
        assert!(finding.place == "kept" && finding.problem.contains("rewritten"), "{finding:?}");
        // A record rewritten, the log made anew from it.
        disarm(&mut conn);
        for change in [
            "UPDATE audit SET user_id = 0 WHERE seq = 30",
            "DELETE FROM log_runs",
            "DELETE FROM log_nodes",
            "DELETE FROM checkpoints",
            "UPDATE heads SET log_frontier = ''",
        ] {
            assert!(query::execute(&mut conn, change, &[]).unwrap() > 0, "{change}");
        }
        let mut record = AuditRecord::find_where(&mut conn, "seq = 30", &[]).unwrap().unwrap();
        record.input_hash = server::hash::sha256_hex(format!("{}\n0\n{}", record.command, record.input).as_bytes());
        query::execute(&mut conn, "UPDATE audit SET input_hash = ? WHERE seq = 30", &[record.input_hash.into()]).unwrap();
        store::migrate(&mut conn).unwrap();
        rearm(&mut conn);
        assert_eq!(store::verify::verify(&mut conn).unwrap().1, None, "the lie is consistent in itself");
        let finding = verify_against(&mut conn, &saved, None).unwrap().1.unwrap();
        assert!(finding.place.starts_with("saved") && finding.problem.contains("rewritten"), "{finding:?}");
        drop((writer, second));
        thread.join().unwrap();
        second_thread.join().unwrap();
    }
}

/// The log of records from before there was one is made by the migration, and is the same.
#[test]
fn the_migration_makes_the_log_of_older_records() {
    for database in Database::both() {
        server::demo::history::build(&database.url, 12, &e2e::world::clock()).unwrap();
        let mut conn = store::connect(&database.url).unwrap();
        let before = store::records::load_heads(&mut conn).unwrap();
        disarm(&mut conn);
        for change in ["DELETE FROM log_runs", "DELETE FROM log_nodes", "UPDATE heads SET log_frontier = ''"] {
            assert!(query::execute(&mut conn, change, &[]).unwrap() > 0, "{change}");
        }
        store::migrate(&mut conn).unwrap();
        rearm(&mut conn);
        assert_eq!(store::records::load_heads(&mut conn).unwrap(), before);
        assert_eq!(store::verify::verify(&mut conn).unwrap().1, None, "{}", database.kind);
    }
}

/// Rewrites the stored days as an older platform wrote them: trees without an order, entries of version 1.
fn make_days_old(conn: &mut Conn) {
    disarm(conn);
    query::execute(conn, "UPDATE sum_trees SET entry = REPLACE(entry, 'kontor/asset/2', 'kontor/asset/1')", &[]).unwrap();
    for day in store::DaySumsRow::list_where(conn, "root LIKE '% 2' ORDER BY day", &[]).unwrap() {
        let sql = "SELECT s.* FROM sum_trees s WHERE s.entry <> '' AND s.day = \
                   (SELECT MAX(x.day) FROM sum_trees x WHERE x.asset_id = s.asset_id AND x.day <= ?) ORDER BY s.asset_id";
        let entries: Vec<store::SumTreeRow> = query::list(conn, sql, &[day.day.into()]).unwrap();
        let (leaves, root) = store::sums::day_root(1, entries.iter().map(|row| row.entry.as_str())).unwrap();
        let root = proof::digest::hex(&root);
        let (old, new) = (
            format!("{} {} {} {}", day.day, day.last_transfer, day.assets, day.root),
            format!("{} {} {leaves} {root}", day.day, day.last_transfer),
        );
        let leaves = i64::try_from(leaves).unwrap();
        let change = "UPDATE day_sums SET assets = ?, root = ? WHERE day = ?";
        query::execute(conn, change, &[leaves.into(), root.into(), day.day.into()]).unwrap();
        let change = "UPDATE audit SET outcome = REPLACE(outcome, ?, ?) WHERE seq = ?";
        assert_eq!(query::execute(conn, change, &[old.into(), new.into(), day.audit_seq.into()]).unwrap(), 1);
    }
    for change in [
        "DELETE FROM log_runs",
        "DELETE FROM log_nodes",
        "DELETE FROM checkpoints WHERE size >= 0",
        "UPDATE heads SET log_frontier = ''",
    ] {
        query::execute(conn, change, &[]).unwrap();
    }
    store::migrate(conn).unwrap();
    rearm(conn);
}

/// Days of version 1 keep verifying beside those of version 2, and entries that have not changed are taken over.
#[test]
fn days_of_both_versions_are_proven() {
    for database in Database::both() {
        let clock = e2e::world::clock();
        clock.set("2026-11-24T09:00:00".parse().unwrap());
        server::demo::history::build(&database.url, 40, &clock).unwrap();
        let mut conn = store::connect(&database.url).unwrap();
        make_days_old(&mut conn);
        assert_eq!(store::verify::verify(&mut conn).unwrap().1, None, "{}", database.kind);
        let (writer, thread) = Writer::start(&database.url, clock.clone()).unwrap();
        let date = store::records::load_heads(&mut conn).unwrap().business_date;
        writer.submit_blocking(Actor::SYSTEM, "a-day-goes-by".to_owned(), CloseDay { date }.into()).unwrap();
        drop(writer);
        thread.join().unwrap();
        assert_eq!(store::verify::verify(&mut conn).unwrap().1, None, "{}", database.kind);
        let heads = store::records::load_heads(&mut conn).unwrap();
        let size = u64::try_from(heads.last_audit).unwrap();
        let note = signer().checkpoint(size, &store::log::root_at(&mut conn, size).unwrap());
        let row = CheckpointRow { size: heads.last_audit, business_date: heads.business_date, signed_at: clock.now(), note };
        row.insert(&mut conn).unwrap();
        let holdings = AccountRow::list_where(&mut conn, "kind = 'holding' AND balance > 0 ORDER BY owner_id", &[]).unwrap();
        let mut holders: Vec<PartyId> = holdings.into_iter().map(|account| PartyId(account.owner_id.0)).collect();
        holders.dedup();
        assert!(holders.len() > 2);
        let mut shown = 0;
        for day in [Some(date.pred_opt().unwrap()), Some(date)] {
            for owner in &holders {
                let (_, proof) = store::log::position(&mut conn, *owner, day).unwrap().unwrap();
                if proof.assets.is_empty() {
                    continue;
                }
                shown += 1;
                let proven = PositionProof::parse(&proof.to_text()).unwrap().verify(&signer().verifier()).unwrap();
                assert_eq!(proven.version, if day == Some(date) { 2 } else { 1 });
                assert!(proven.assets.iter().all(|asset| asset.entry.version == proven.version));
            }
        }
        assert!(shown > 4, "{shown}");
        // A day cannot be given another version afterwards.
        disarm(&mut conn);
        let change = "UPDATE day_sums SET root = REPLACE(root, ' 2', '')";
        let finding = found_after(&mut conn, &[], &[change]).unwrap();
        assert!(finding.place.starts_with("day_sums ") || finding.place.starts_with("sum_trees "), "{finding:?}");
    }
}

/// Whether it names a row, and not the guards that the test itself has taken away.
fn is_of_a_row(found: &Finding) -> bool {
    !found.place.starts_with("trigger ") && !found.place.starts_with("index ")
}

/// Custody against cash, with the right balances and links, in the name of no command or of one that never was.
#[test]
fn money_of_no_command_is_found() {
    use ledger::{AccountId, Book, Entry, TransferNumber};
    for database in Database::both() {
        server::demo::history::build(&database.url, 12, &e2e::world::clock()).unwrap();
        let mut conn = store::connect(&database.url).unwrap();
        for (command, problem) in [(0, "a transfer of no command"), (-1, "its audit record -1 is missing")] {
            store::connection::begin_batch(&mut conn).unwrap();
            let mut heads = store::records::load_heads(&mut conn).unwrap();
            let mut book = Book::after(TransferNumber(heads.last_transfer));
            let mut ids = Vec::new();
            for kind in ["custody", "cash"] {
                let condition = format!("asset_id = 978 AND kind = '{kind}' ORDER BY id LIMIT 1");
                let row = AccountRow::find_where(&mut conn, &condition, &[]).unwrap().unwrap();
                book.load_account(store::journal::account_of(&row).unwrap());
                ids.push(AccountId(row.id));
            }
            let code = domain::chart::Booking::Deposit.code();
            book.apply(&[Entry::Post { debit: ids[0], credit: ids[1], amount: 500_000_000, code }], 0).unwrap();
            let (date, booked_at) = (heads.business_date, e2e::world::clock().now());
            let facts = store::journal::BookingFacts { command, value_date: date, business_date: date, booked_at };
            store::journal::flush(&mut conn, &book.take_changes(), &[facts], &[]).unwrap();
            heads.last_transfer = book.last().0;
            store::records::save_heads(&mut conn, &heads).unwrap();
            let found = verify_against(&mut conn, &[], None).unwrap().1;
            let wanted = Finding { place: format!("transfers {}", heads.last_transfer), problem: problem.to_owned() };
            assert_eq!(found, Some(wanted), "{}", database.kind);
            store::connection::roll_back_batch(&mut conn).unwrap();
        }
    }
}

/// The program numbers from 1 on. Rows below that would be used like any others.
#[test]
fn rows_with_numbers_that_are_never_given_are_found() {
    for database in Database::both() {
        let world = World::demo(database, 12);
        let (kind, mut conn) = (world.database.kind, world.conn());
        world.verify();
        disarm(&mut conn);
        for id in [-1, 0, i64::MIN] {
            let evil = format!(
                "INSERT INTO bank_accounts (id, party_id, currency, iban, bic, holder, status, created_at) \
                 SELECT {id}, party_id, currency, 'DE02120300000000202051', bic, holder, status, created_at FROM bank_accounts \
                 WHERE id = (SELECT MIN(id) FROM bank_accounts WHERE status = 'verified')"
            );
            store::connection::begin_batch(&mut conn).unwrap();
            query::execute(&mut conn, "DROP INDEX bank_accounts_verified", &[]).unwrap();
            assert_eq!(query::execute(&mut conn, &evil, &[]).unwrap(), 1);
            let found = verify_against(&mut conn, &[], None).unwrap().1.unwrap();
            assert_eq!(found.place, format!("bank_accounts {id}"), "{kind}: {found:?}");
            store::connection::roll_back_batch(&mut conn).unwrap();
        }
        for (change, place) in [
            ("UPDATE transfers SET number = -40 WHERE number = 40", "transfers -40"),
            ("UPDATE audit SET seq = 0 WHERE seq = 40", "audit 0"),
            ("UPDATE approvals SET id = -id WHERE id = (SELECT MAX(id) FROM approvals)", "approvals -"),
            ("UPDATE documents SET sha256 = '' WHERE sha256 = (SELECT MAX(sha256) FROM documents)", "documents"),
        ] {
            let found = found_after(&mut conn, &[], &[change]).unwrap_or_else(|| panic!("{kind}: not found: {change}"));
            assert!(found.place.starts_with(place), "{kind}: {change}: {found:?}");
        }
        // NULL, 0 and nothing are not the same.
        for (change, place) in [
            ("UPDATE bank_lines SET twin_id = 0 WHERE twin_id IS NULL", "bank_lines"),
            ("UPDATE approval_limits SET day_minor = 0 WHERE day_minor IS NULL", "approval_limits"),
        ] {
            store::connection::begin_batch(&mut conn).unwrap();
            assert!(query::execute(&mut conn, change, &[]).unwrap() > 0, "{change}");
            let found = verify_against(&mut conn, &[], None).unwrap().1;
            let found = found.unwrap_or_else(|| panic!("{kind}: not found: {change}"));
            assert!(found.place.starts_with(&format!("{place} ")), "{kind}: {change}: {found:?}");
            store::connection::roll_back_batch(&mut conn).unwrap();
        }
        rearm(&mut conn);
        world.verify();
    }
}

/// The indexes and triggers that protect money are part of what must fit.
#[test]
fn a_missing_guard_is_found() {
    for database in Database::both() {
        let mut conn = store::connect(&database.url).unwrap();
        e2e::world::set_up(&database, e2e::world::clock().now().date(), &e2e::world::clock());
        assert_eq!(store::verify::verify(&mut conn).unwrap().1, None, "{}", database.kind);
        let disabled = if database.kind == "sqlite" {
            vec![
                ("DROP TRIGGER transfers_no_update", "trigger transfers_no_update"),
                ("DROP TRIGGER fee_bills_no_delete", "trigger fee_bills_no_delete"),
            ]
        } else {
            vec![
                ("ALTER TABLE transfers DISABLE TRIGGER ALL", "trigger transfers_no_change"),
                ("DROP TRIGGER fee_bills_no_delete ON fee_bills", "trigger fee_bills_no_delete"),
                ("ALTER TABLE payouts DROP CONSTRAINT payouts_end_to_end_key", "index payouts_end_to_end_key"),
            ]
        };
        let dropped = ["bank_accounts_verified", "invoices_once", "statements_once", "audit_key", "credit_notes_once"];
        let dropped = dropped.map(|name| (format!("DROP INDEX {name}"), format!("index {name}")));
        let changes = disabled.into_iter().map(|(change, place)| (change.to_owned(), place.to_owned())).chain(dropped);
        for (change, place) in changes {
            store::connection::begin_batch(&mut conn).unwrap();
            query::execute(&mut conn, &change, &[]).unwrap();
            let found = store::verify::verify(&mut conn).unwrap().1;
            assert_eq!(found.map(|found| found.place), Some(place), "{}: {change}", database.kind);
            store::connection::roll_back_batch(&mut conn).unwrap();
        }
        // One of the same name that lets everything through.
        store::connection::begin_batch(&mut conn).unwrap();
        query::execute(&mut conn, "DROP INDEX audit_key", &[]).unwrap();
        query::execute(&mut conn, "CREATE INDEX audit_key ON audit (party_id, idempotency_key)", &[]).unwrap();
        let found = store::verify::verify(&mut conn).unwrap().1.unwrap();
        assert_eq!(found.place, "index audit_key", "{}", database.kind);
        store::connection::roll_back_batch(&mut conn).unwrap();
    }
}

/// A second end of one day, with the whole log made anew over it: without a row of its sums, and with one of its own.
#[test]
fn a_second_end_of_one_day_is_found() {
    for database in Database::both() {
        server::demo::history::build(&database.url, 12, &e2e::world::clock()).unwrap();
        let mut conn = store::connect(&database.url).unwrap();
        disarm(&mut conn);
        let quiet = "1 = 1 ORDER BY (SELECT COUNT(*) FROM sum_trees s WHERE s.day = day_sums.day), day LIMIT 1";
        let mut day = store::DaySumsRow::find_where(&mut conn, quiet, &[]).unwrap().unwrap();
        let mut second = AuditRecord::find_where(&mut conn, "seq = ?", &[day.audit_seq.into()]).unwrap().unwrap();
        let seq = AuditSeq(store::records::load_heads(&mut conn).unwrap().last_audit + 1);
        (second.seq, second.first_transfer, second.last_transfer) = (seq, 0, 0);
        second.idempotency_key.push_str("-again");
        second.insert(&mut conn).unwrap();
        for change in
            ["DELETE FROM log_runs", "DELETE FROM log_nodes", "UPDATE heads SET log_frontier = '', last_audit = last_audit + 1"]
        {
            query::execute(&mut conn, change, &[]).unwrap();
        }
        store::migrate(&mut conn).unwrap();
        let found = store::verify::verify(&mut conn).unwrap().1.unwrap();
        assert_eq!(found.place, format!("audit {seq}"), "{}: {found:?}", database.kind);
        assert!(found.problem.contains("already ended"), "{}: {found:?}", database.kind);
        let changes: &[&str] = if database.kind == "sqlite" {
            &["CREATE TABLE loose AS SELECT * FROM day_sums", "DROP TABLE day_sums", "ALTER TABLE loose RENAME TO day_sums"]
        } else {
            &["ALTER TABLE day_sums DROP CONSTRAINT day_sums_pkey CASCADE"]
        };
        for change in changes {
            query::execute(&mut conn, change, &[]).unwrap();
        }
        day.audit_seq = seq;
        day.insert(&mut conn).unwrap();
        let found = store::verify::verify(&mut conn).unwrap().1.unwrap();
        assert_eq!(found.place, format!("audit {seq}"), "{}: {found:?}", database.kind);
        assert!(found.problem.contains("already ended"), "{}: {found:?}", database.kind);
    }
}

/// R11: edits of random places. `KONTOR_RANDOM_EDITS=1000` makes a thousand on each database.
#[test]
fn random_edits_are_found_and_named() {
    let wanted: usize = std::env::var("KONTOR_RANDOM_EDITS").ok().and_then(|text| text.parse().ok()).unwrap_or(25);
    let columns: &[(&str, &str, &str)] = &[
        ("transfers", "number", "amount debit_balance credit_balance debit_account code asset_id debit_jump"),
        (
            "audit",
            "seq",
            "party_id user_id subject_id first_transfer last_transfer outcome input idempotency_key command input_hash",
        ),
        ("ledger_accounts", "id", "balance held last_transfer owner_id asset_id"),
        ("holds", "number", "remaining account_id"),
        ("day_sums", "audit_seq", "last_transfer assets root"),
        ("log_runs", "first_seq", "hashes"),
        ("documents", "sha256", "content"),
    ];
    for database in Database::both() {
        let saved = signed_history(&database);
        let mut conn = store::connect(&database.url).unwrap();
        disarm(&mut conn);
        let mut dice = server::dice::Dice(11);
        let (mut found, mut denied) = (0, 0);
        while found + denied < wanted {
            let (table, key, names) = dice.pick(columns).unwrap();
            let names: Vec<&str> = names.split(' ').collect();
            let column = dice.pick(&names).unwrap();
            let count = query::int(&mut conn, &format!("SELECT COUNT(*) AS value FROM {table} WHERE {column} IS NOT NULL"), &[]);
            let at = dice.roll(count.unwrap().unwrap());
            let place =
                format!("{key} = (SELECT {key} FROM {table} WHERE {column} IS NOT NULL ORDER BY {key} LIMIT 1 OFFSET {at})");
            let bytes = if database.kind == "sqlite" { "CAST('edited' AS BLOB)" } else { "CAST('edited' AS BYTEA)" };
            let value = match *column {
                "outcome" | "input" | "idempotency_key" | "command" | "input_hash" | "root" => format!("{column} || 'x'"),
                "hashes" | "content" => bytes.to_owned(),
                _ => format!("{column} + {}", dice.roll(3) + 1),
            };
            let change = format!("UPDATE {table} SET {column} = {value} WHERE {place}");
            store::connection::begin_batch(&mut conn).unwrap();
            match query::execute(&mut conn, &change, &[]) {
                Ok(touched) => {
                    assert_eq!(touched, 1, "{change}");
                    let finding = verify_against(&mut conn, &saved, None);
                    // A value that cannot be read any more is named in the error.
                    let found_it = finding.map_or(true, |(_, found)| found.is_some_and(|found| is_of_a_row(&found)));
                    assert!(found_it, "{}: not found: {change}", database.kind);
                    found += 1;
                }
                // The CHECK constraints said no.
                Err(_) => denied += 1,
            }
            store::connection::roll_back_batch(&mut conn).unwrap();
        }
        println!("{}: {found} edits found, {denied} denied", database.kind);
        assert!(found > denied);
    }
}

/// Every record that commands write is watched: a changed column, a row that is gone and one that nobody wrote are named.
#[test]
fn every_record_is_watched() {
    let mut empty = Vec::new();
    for database in Database::both() {
        let world = World::demo(database, 60);
        let (kind, mut conn) = (world.database.kind, world.conn());
        world.verify();
        disarm(&mut conn);
        for table in store::records::marked().map(|table| table.name) {
            if store::lists::count(&mut conn, table, "1 = 1", &[]).unwrap() == 0 {
                empty.push(table);
                continue;
            }
            let (set, copy) = match table {
                "users" => ("roles = 'administrator,maker,checker', password_hash = 'x'", None),
                "parties" | "company_versions" => ("name = name || 'x'", None),
                "address_changes" => ("new_email = 'x@x.example'", Some("id")),
                "bank_accounts" => ("iban = 'DE89370400440532013000', holder = 'x'", Some("id")),
                "approval_limits" | "buyer_limits" => ("limit_minor = limit_minor + 1", None),
                "documents" => ("name = name || 'x', media_type = 'text/html'", None),
                "solo_acts" => ("sum_minor = sum_minor + 1", None),
                "issue_terms" => ("late_rate = '99'", None),
                "holidays" => ("business = NOT business", None),
                "invoices" => ("order_reference = 'x'", None),
                "confirmations" => ("reason = reason || 'x'", None),
                "receivables" => ("payment_date = '2020-01-01'", None),
                "assignment_notices" => ("pay_to_iban = 'x'", None),
                "invoice_messages" | "confirmation_evidence" => ("text = 'x'", None),
                "answer_clocks" => ("reminded = reminded + 1", None),
                "late_claims" => ("due_minor = due_minor + 1", None),
                "distributions" => ("payer = 'x'", None),
                "offers" => ("rate = '49'", None),
                "purchases" => ("price_minor = price_minor + 1", None),
                "purchase_holds" => ("price_minor = price_minor + 1", Some("id")),
                "statements" => ("gap_minor = gap_minor + 1", None),
                "bank_files" => ("name = 'x'", None),
                "bank_lines" => ("counterparty = 'x'", None),
                "payouts" => ("iban = 'DE89370400440532013000'", None),
                "payment_files" => ("payments = payments + 1", None),
                "custody_accounts" => ("bank = bank || 'x'", None),
                "custody_choices" => ("chosen_by = chosen_by + 1", None),
                "approvals" => ("body = '{}'", Some("id")),
                "buyer_contacts" => ("second = 'x'", None),
                "confirmation_links" => ("token_hash = token_hash || 'x'", None),
                "approved_payables" => ("payable_minor = payable_minor + 1", None),
                "programmes" => ("name = name || 'x'", None),
                "programme_versions" => ("begins_on = '2020-01-01'", None),
                "programme_members" => ("reason = reason || 'x'", None),
                "fee_bills" => ("arose_on = '2020-01-01'", None),
                "reviews" => ("state = CASE WHEN state = 'refused' THEN 'cleared' ELSE 'refused' END", None),
                "confirmation_items" => ("state = CASE WHEN state = 'refused' THEN 'excluded' ELSE 'refused' END", None),
                "status_lines" => ("state = CASE WHEN state = 'noted' THEN 'conflict' ELSE 'noted' END", None),
                "confirmation_lists" => ("list_hash = 'x'", None),
                "status_reports" | "evidence" | "credit_notes" => ("sha256 = 'x'", None),
                other => panic!("nobody tries to change {other}"),
            };
            let mut tries = vec![format!("UPDATE {table} SET {set}")];
            if let Some(key) = copy {
                tries.push(format!("DELETE FROM {table} WHERE {key} = (SELECT MAX({key}) FROM {table})"));
                tries.push(format!("UPDATE {table} SET {key} = {key} + 500000 WHERE {key} = (SELECT MAX({key}) FROM {table})"));
            }
            for change in tries {
                store::connection::begin_batch(&mut conn).unwrap();
                let touched = query::execute(&mut conn, &change, &[]).unwrap_or_else(|error| panic!("{kind}: {change}: {error}"));
                assert!(touched > 0, "{change}");
                let (_, found) = verify_against(&mut conn, &[], None).unwrap();
                let found = found.unwrap_or_else(|| panic!("{kind}: not found: {change}"));
                assert!(found.place.starts_with(&format!("{table} ")), "{kind}: {change}: {found:?}");
                store::connection::roll_back_batch(&mut conn).unwrap();
            }
        }
        // The account that everybody is told to pay to, the day, and files that are named somewhere.
        for change in [
            "UPDATE heads SET custody_iban = 'DE02120300000000202051'",
            "UPDATE heads SET business_date = '2020-01-01'",
            "DELETE FROM documents",
        ] {
            store::connection::begin_batch(&mut conn).unwrap();
            assert!(query::execute(&mut conn, change, &[]).unwrap() > 0, "{change}");
            let (_, found) = verify_against(&mut conn, &[], None).unwrap();
            assert!(found.is_some_and(|found| is_of_a_row(&found)), "{kind}: not found: {change}");
            store::connection::roll_back_batch(&mut conn).unwrap();
        }
        rearm(&mut conn);
        world.verify();
    }
    // Tables in which this demo has nothing; the same code reads them.
    empty.dedup();
    empty.sort_unstable();
    empty.dedup();
    // On some days a payment of the history is late, on others none.
    empty.retain(|table| *table != "late_claims");
    assert_eq!(empty, ["credit_notes", "distributions", "evidence", "holidays", "status_lines", "status_reports"]);
}

/// In SQLite any column takes any value: bytes with the letters of a text, which unique indexes take for another value, and fractions.
#[test]
fn a_value_of_another_kind_is_found() {
    let world = World::demo(Database::sqlite(), 60);
    let mut conn = world.conn();
    world.verify();
    disarm(&mut conn);
    // As one would who opens the file with another program.
    query::execute(&mut conn, "PRAGMA foreign_keys = OFF", &[]).unwrap();
    let columns = "SELECT GROUP_CONCAT(m.name || ' ' || c.name || ' ' || c.type, ';') AS value FROM sqlite_master m \
                   JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'";
    let columns = query::text(&mut conn, columns, &[]).unwrap().unwrap();
    let (mut texts, mut numbers) = (0, 0);
    for column in columns.split(';') {
        let [table, name, kind] = column.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let is_text = ["TEXT", "DATE", "TIMESTAMP", "VARCHAR(50)"].contains(&kind);
        let other = if is_text { format!("CAST(\"{name}\" AS BLOB)") } else { format!("\"{name}\" + 0.4") };
        let place = format!("rowid IN (SELECT MAX(rowid) FROM {table} WHERE \"{name}\" IS NOT NULL)");
        store::connection::begin_batch(&mut conn).unwrap();
        let changed = query::execute(&mut conn, &format!("UPDATE {table} SET \"{name}\" = {other} WHERE {place}"), &[]);
        // The table's own rules say no, or it has no row with a value here.
        if changed.is_ok_and(|rows| rows > 0) {
            let (_, found) = verify_against(&mut conn, &[], None).unwrap();
            let found = found.unwrap_or_else(|| panic!("not found: {table}.{name}"));
            // Triggers carry a number on into what lists come to, and that may be looked at before.
            let carried = found.place.starts_with("list_totals ");
            let named = found.place.starts_with(&format!("{table} ")) && found.problem.starts_with(name);
            assert!(found.problem.contains(" is no ") && (named || carried), "{table}.{name}: {found:?}");
            *(if is_text { &mut texts } else { &mut numbers }) += 1;
        }
        store::connection::roll_back_batch(&mut conn).unwrap();
    }
    assert!(texts > 100 && numbers > 100, "{texts} {numbers}");
    rearm(&mut conn);
    world.verify();
}

/// What follows from other rows, and nothing that writes by itself.
#[test]
fn what_nobody_else_looks_at_is_found() {
    for database in Database::both() {
        let world = World::demo(database, 60);
        let (kind, mut conn) = (world.database.kind, world.conn());
        let day = "(SELECT MAX(asset_id) + 1 FROM sum_trees), ";
        let changes = [
            ("holds ", "UPDATE holds SET expires_at = 1 WHERE state = 'open'".to_owned()),
            ("holds ", "UPDATE holds SET state = 'expired' WHERE state <> 'open'".to_owned()),
            ("transfers ", "UPDATE transfers SET credit_held = NULL WHERE credit_held = 0".to_owned()),
            ("ledger_accounts ", "UPDATE ledger_accounts SET ceiling = ceiling + 1".to_owned()),
            ("ledger_accounts ", "UPDATE ledger_accounts SET ceiling = NULL".to_owned()),
            (
                "sum_trees ",
                format!("INSERT INTO sum_trees (asset_id, day, entry) SELECT {day} '2001-01-01', MIN(entry) FROM sum_trees"),
            ),
            (
                "log_runs ",
                "UPDATE log_runs SET last_seq = last_seq + 1 WHERE last_seq = (SELECT MAX(last_seq) FROM log_runs)".to_owned(),
            ),
            ("heads 1", "UPDATE heads SET next_id = 5".to_owned()),
            ("schema looks_away", "CREATE VIEW looks_away AS SELECT 1 AS one".to_owned()),
        ];
        for (place, change) in changes {
            store::connection::begin_batch(&mut conn).unwrap();
            // One who may change rows takes the guards away and puts them back.
            disarm(&mut conn);
            query::execute(&mut conn, &change, &[]).unwrap_or_else(|error| panic!("{kind}: {change}: {error}"));
            rearm(&mut conn);
            let (_, found) = verify_against(&mut conn, &[], None).unwrap();
            let found = found.unwrap_or_else(|| panic!("{kind}: not found: {change}"));
            assert!(found.place.starts_with(place), "{kind}: {change}: {found:?}");
            store::connection::roll_back_batch(&mut conn).unwrap();
        }
        world.verify();
    }
}

/// Balances by account and commodity, debit positive, as the books name them.
fn expected_balances(conn: &mut Conn) -> std::collections::BTreeMap<(String, String), String> {
    let mut expected = std::collections::BTreeMap::new();
    for row in AccountRow::list_where(conn, "balance <> 0", &[]).unwrap() {
        let key = store::journal::key_of(&row).unwrap();
        let signed = if store::journal::grows_on_debit(key.kind) { row.balance } else { -row.balance };
        let plain = domain::chart::asset_currency(key.asset).map_or_else(|| signed.to_string(), |known| known.decimal(signed));
        expected.insert((formats::books::account_name(key), formats::books::commodity(key.asset)), plain);
    }
    expected
}

#[test]
fn exported_books_pass_other_programs_checks() {
    for database in Database::both() {
        server::demo::history::build(&database.url, 45, &e2e::world::clock()).unwrap();
        let mut conn = store::connect(&database.url).unwrap();
        let expected = expected_balances(&mut conn);
        assert!(expected.len() > 40);
        let export = |conn: &mut Conn, name: &str| -> PathBuf {
            let format = formats::books::BooksFormat::parse(name).unwrap();
            let path = database.folder.join(format!("books.{name}"));
            server::export::run(conn, format, &mut std::fs::File::create(&path).unwrap()).unwrap();
            path
        };
        if has("hledger", &["--version"]) {
            let books = export(&mut conn, "hledger");
            let run = |arguments: &[&str]| {
                let output =
                    Command::new("hledger").arg("-f").arg(&books).args(arguments).env("LC_ALL", "C.UTF-8").output().unwrap();
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                (output.status.success(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
            };
            let (good, text) = run(&["check", "--strict"]);
            assert!(good, "{text}");
            let (good, text) = run(&["check", "ordereddates"]);
            assert!(good, "{text}");
            let (_, text) = run(&["balance", "--flat", "--no-total", "--layout", "bare", "-O", "csv"]);
            let mut found = std::collections::BTreeMap::new();
            for line in text.lines().skip(1) {
                let cells: Vec<&str> = line.trim_matches('"').split("\",\"").collect();
                found.insert((cells[0].to_owned(), cells[1].to_owned()), cells[2].to_owned());
            }
            assert_eq!(found, expected, "{}", database.kind);
            // A cent that is wrong somewhere is found by the assertions at the end.
            let wrong = std::fs::read_to_string(&books).unwrap().replacen("  Assets:Custody  1", "  Assets:Custody  2", 1);
            std::fs::write(&books, wrong).unwrap();
            assert!(!run(&["check"]).0);
        }
        // The other two formats, where their programs are here.
        for (program, arguments) in [("ledger", vec!["balance", "--strict", "-f"]), ("bean-check", vec![])] {
            let path = export(&mut conn, if program == "ledger" { "ledger" } else { "beancount" });
            if Command::new(program).arg("--version").output().is_ok() {
                let output = Command::new(program).args(&arguments).arg(&path).output().unwrap();
                assert!(
                    output.status.success() && output.stderr.is_empty(),
                    "{program}: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            } else {
                println!("left out: {program} is not installed");
            }
        }
    }
}
