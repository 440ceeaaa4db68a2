//! A copy of a database in use, put back: BAR.md R13.

use e2e::Database;
use e2e::load::{Answers, Buyer, Ends, buy_until, market};
use server::backup::{Manifest, backup, restore};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

fn manifest_at(folder: &Path, change: impl FnOnce(&mut Manifest)) {
    let path = folder.join("manifest.json");
    let mut manifest: Manifest = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    std::fs::write(&path, serde_json::to_vec(&manifest).unwrap()).unwrap();
}

fn refusal(folder: &Path, target: &Database) -> String {
    restore(folder, &target.url, &[], None).unwrap_err().to_string()
}

fn empty(kind: &str) -> Database {
    if kind == "postgres" { Database::postgres().unwrap() } else { Database::sqlite() }
}

/// Three backups (in the long form twenty) while eight buyers buy; each restores to the heads of its manifest, and what was acknowledged before is in it.
#[test]
fn a_backup_under_load_restores_to_the_same_heads() {
    for database in Database::both() {
        let (offer, _) = market(&database);
        let running = server::serve::start(e2e::world::config(&database, "http://kontor.test"), e2e::world::clock()).unwrap();
        let buyer = Buyer::new(&format!("http://127.0.0.1:{}", running.port), offer);
        let (stop, answers) = (AtomicBool::new(false), Answers::default());
        let place = empty(database.kind);
        let made: Vec<(usize, Manifest)> = std::thread::scope(|scope| {
            let (stop, answers) = (&stop, &answers);
            let _ends = Ends(stop);
            scope.spawn(move || buy_until(&buyer, 8, "backup", stop, answers));
            let made = (0..e2e::rounds(3, 20)).map(|number| {
                std::thread::sleep(Duration::from_millis(150));
                let before = answers.count();
                (before, backup(&database.url, &place.folder.join(format!("backup-{number}"))).unwrap())
            });
            made.collect()
        });
        assert!(answers.other.lock().unwrap().is_empty() && answers.unknown.lock().unwrap().is_empty(), "{answers:?}");
        assert!(made.last().unwrap().1.audit_records > made[0].1.audit_records, "there was load: {made:?}");
        for (number, (before, manifest)) in made.iter().enumerate() {
            let target = empty(database.kind);
            let folder = place.folder.join(format!("backup-{number}"));
            restore(&folder, &target.url, &[], None).unwrap();
            let mut conn = store::connect(&target.url).unwrap();
            let heads = store::records::load_heads(&mut conn).unwrap();
            assert_eq!((heads.last_audit, heads.last_transfer), (manifest.audit_records, manifest.transfers));
            let kept = store::lists::count(&mut conn, "audit", "idempotency_key LIKE 'backup-%'", &[]).unwrap();
            assert!(kept >= i64::try_from(*before).unwrap(), "{kept} of {before}");
            // Life goes on where the backup ended.
            let restored = server::serve::start(e2e::world::config(&target, "http://kontor.test"), e2e::world::clock()).unwrap();
            let again = Buyer::new(&format!("http://127.0.0.1:{}", restored.port), offer);
            assert_eq!(again.buy("after-the-restore"), Some(200));
            restored.stop().unwrap();
            assert_eq!(store::verify::verify(&mut conn).unwrap().1, None);
            assert!(refusal(&folder, &target).contains("empty"), "what is in use is not overwritten");
        }
        running.stop().unwrap();
    }
}

/// The negative control: copies that are not backups are refused, each for its own reason.
#[test]
fn naive_and_damaged_copies_are_refused() {
    for database in Database::both() {
        let (offer, _) = market(&database);
        let running = server::serve::start(e2e::world::config(&database, "http://kontor.test"), e2e::world::clock()).unwrap();
        let buyer = Buyer::new(&format!("http://127.0.0.1:{}", running.port), offer);
        for number in 0..20 {
            assert_eq!(buyer.buy(&format!("naive-key-{number}")), Some(200));
        }
        let place = empty(database.kind);
        let folder = place.folder.join("backup");
        backup(&database.url, &folder).unwrap();
        let file = folder.join(if database.kind == "sqlite" { "kontor.sqlite" } else { "kontor.dump" });
        if database.kind == "sqlite" {
            let nowhere = place.folder.join("not-there/kontor.sqlite").display().to_string();
            let said = restore(&folder, &nowhere, &[], None).unwrap_err().to_string();
            assert!(said.starts_with(&nowhere), "{said}");
        }
        let whole = std::fs::read(&file).unwrap();
        if database.kind == "sqlite" {
            // What `cp` takes while the server runs: the file without what its write-ahead log still holds.
            let naive = place.folder.join("naive");
            std::fs::create_dir_all(&naive).unwrap();
            std::fs::copy(&database.url, naive.join("kontor.sqlite")).unwrap();
            assert!(refusal(&naive, &Database::sqlite()).contains("not a finished backup"));
            std::fs::copy(&database.url, &file).unwrap();
            assert!(refusal(&folder, &Database::sqlite()).contains("damaged"));
            // Even with a manifest that has been made to fit it does not hold what it should.
            let bytes = std::fs::read(&file).unwrap();
            manifest_at(&folder, |manifest| {
                manifest.bytes = u64::try_from(bytes.len()).unwrap();
                manifest.sha256 = server::hash::sha256_hex(&bytes);
            });
            let said = refusal(&folder, &Database::sqlite());
            assert!(said.contains("its manifest says") || said.contains("no such table"), "{said}");
        }
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        std::fs::write(&file, &flipped).unwrap();
        assert!(refusal(&folder, &empty(database.kind)).contains("damaged"));
        std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        assert!(refusal(&folder, &empty(database.kind)).contains("damaged"));
        std::fs::write(&file, &whole).unwrap();
        manifest_at(&folder, |manifest| {
            manifest.bytes = u64::try_from(whole.len()).unwrap();
            manifest.sha256 = server::hash::sha256_hex(&whole);
            manifest.audit_records += 1;
        });
        let target = empty(database.kind);
        assert!(refusal(&folder, &target).contains("its manifest says"), "heads that differ");
        assert!(database.kind == "postgres" || !Path::new(&target.url).exists(), "nothing is left of a refused copy");
        manifest_at(&folder, |manifest| {
            manifest.audit_records -= 1;
            manifest.schema = "99991231000000".to_owned();
        });
        assert!(refusal(&folder, &empty(database.kind)).contains("later Kontor"));
        std::fs::remove_file(folder.join("manifest.json")).unwrap();
        assert!(refusal(&folder, &empty(database.kind)).contains("not a finished backup"));
        running.stop().unwrap();
    }
}
