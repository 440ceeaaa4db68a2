//! The parts of this program, as a CycloneDX list: every package that the lock file names, with its version and checksum (ASVS
//! 15.1.2).

use serde_json::{Value, json};

const LOCK: &str = include_str!("../../Cargo.lock");

/// One package of the lock file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    /// SHA-256 of what the registry gave out; none for our own crates.
    checksum: Option<&'a str>,
}

fn packages(lock: &str) -> Vec<Package<'_>> {
    fn read(block: &str) -> Package<'_> {
        let of = |key: &str| {
            let start = format!("{key} = \"");
            block.lines().find(|line| line.starts_with(&start)).and_then(|line| line.split('"').nth(1))
        };
        Package { name: of("name").unwrap_or_default(), version: of("version").unwrap_or_default(), checksum: of("checksum") }
    }
    lock.split("[[package]]").skip(1).map(read).collect()
}

/// The list in CycloneDX 1.6. It is the same for the same lock file: no time and no random number stands in it.
#[must_use]
pub fn document() -> Value {
    let components = packages(LOCK).into_iter().filter(|package| package.checksum.is_some()).map(|package| {
        let purl = format!("pkg:cargo/{}@{}", package.name, package.version);
        json!({
            "type": "library", "bom-ref": purl, "name": package.name, "version": package.version, "purl": purl,
            "hashes": [{ "alg": "SHA-256", "content": package.checksum }],
        })
    });
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": { "component": { "type": "application", "name": "kontor", "version": env!("CARGO_PKG_VERSION") } },
        "components": components.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 15.1.2: every package of the registry is listed once, with its checksum; our own crates are not.
    #[test]
    fn every_package_of_the_lock_file_is_listed() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\ndependencies = [\n \"b\",\n]\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n";
        let found = packages(lock);
        assert_eq!(found[0], Package { name: "a", version: "1.0.0", checksum: Some("00ff") });
        assert_eq!(found[1], Package { name: "own", version: "0.1.0", checksum: None });
        let document = document();
        let components = document["components"].as_array().unwrap();
        assert_eq!(components.len(), LOCK.matches("\nchecksum = ").count());
        let references: std::collections::BTreeSet<_> = components.iter().map(|one| one["bom-ref"].to_string()).collect();
        assert_eq!(references.len(), components.len());
        assert!(components.len() > 200 && components.iter().all(|one| one["hashes"][0]["content"].as_str().unwrap().len() == 64));
        assert!(components.iter().any(|one| one["name"] == "diesel"));
    }
}
