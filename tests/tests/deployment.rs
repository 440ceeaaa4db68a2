//! What a running installation leaves on its machine and shows to it: file rights, what a production build holds, what it is made of.

use e2e::Database;
use std::os::unix::fs::PermissionsExt;

fn mode(path: &str) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{path}: {error}")).permissions().mode() & 0o777
}

/// The database holds hashes, secrets of second factors and mails: no other user of the machine reads it, nor the files beside it.
#[test]
fn an_sqlite_file_is_its_owners_alone() {
    let database = Database::sqlite();
    let mut conn = store::connect(&database.url).unwrap();
    store::migrate(&mut conn).unwrap();
    for end in ["", "-wal", "-shm"] {
        assert_eq!(mode(&format!("{}{end}", database.url)), 0o600, "{end}");
    }
    drop(conn);
    // One that was made with other rights loses them at the next start.
    std::fs::set_permissions(&database.url, std::fs::Permissions::from_mode(0o644)).unwrap();
    server::config::private_file(database.url.as_ref()).unwrap();
    assert_eq!(mode(&database.url), 0o600);
    let folder = database.folder.join("data");
    server::config::private_folder(&folder).unwrap();
    assert_eq!(mode(folder.to_str().unwrap()), 0o700);
}

/// The demo world and the benches are a feature that a production build leaves out, and nothing else of the program names them.
/// ASVS 13.4.2, 15.2.3: nothing for development is in the production build.
#[test]
fn a_production_build_leaves_demo_and_benches_out() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../server");
    let manifest = std::fs::read_to_string(format!("{root}/Cargo.toml")).unwrap();
    assert!(manifest.contains("\ndemo = []") && manifest.contains("default = [\"demo\""));
    for (file, modules) in [("src/lib.rs", vec!["bench", "demo", "dice"]), ("src/http/pages.rs", vec!["demo"])] {
        let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
        for module in modules {
            assert!(text.contains(&format!("#[cfg(feature = \"demo\")]\npub mod {module};")), "{file}: {module}");
        }
    }
    // `./check` lints the program as it is built without them.
    let check = std::fs::read_to_string(format!("{root}/../check")).unwrap();
    assert!(check.contains("--no-default-features"));
}
