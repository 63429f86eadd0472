//! Every file under `fuzz/corpus`, given to its target as the fuzzer would.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::targets;

/// One input may take so long: what the fuzzers are stopped for is a second of an optimised build.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

#[rstest]
#[case("cades", targets::cades)]
#[case("pades", targets::pades)]
#[case("xades", targets::xades)]
#[case("certificates", targets::certificates)]
#[case("timestamps", targets::timestamps)]
#[case("revocation", targets::revocation)]
#[case("trusted_lists", targets::trusted_lists)]
fn what_was_found_is_not_found_again(#[case] target: &str, #[case] run: fn(&[u8])) {
    let mut files: Vec<_> = std::fs::read_dir(corpus(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no seeds");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        println!("{}", file.display());
        let start = Instant::now();
        run(&bytes);
        assert!(start.elapsed() < PATIENCE, "{} took {:?}", file.display(), start.elapsed());
        // Cut off anywhere, it ends as well.
        for part in 1..16 {
            run(&bytes[..bytes.len() * part / 16]);
        }
    }
}

/// A list that is refused at its head leads the fuzzer no further.
#[rstest]
fn the_seeds_of_trusted_lists_are_lists(#[values("signed", "two_services")] name: &str) {
    let seed = std::fs::read(corpus("trusted_lists").join(name)).unwrap();
    let list = ventanilla::signature::TrustedList::read(&seed, &targets::LIST_SIGNERS);
    assert!(list.is_ok(), "{:?}", list.err());
}

/// What a lock file holds: packages and their versions.
fn locked(file: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let lock: toml::Table = text.parse().unwrap();
    let word = |package: &toml::Value, key: &str| package[key].as_str().unwrap().to_owned();
    let packages = lock["package"].as_array().unwrap().iter();
    packages.map(|package| (word(package, "name"), word(package, "version"))).collect()
}

#[test]
fn the_fuzzers_are_built_of_what_the_registry_is_built_of() {
    let own = locked("Cargo.lock");
    for (name, version) in locked("fuzz/Cargo.lock") {
        let same: Vec<_> = own.iter().filter(|(known, _)| *known == name).map(|(_, version)| version).collect();
        assert!(same.is_empty() || same.contains(&&version), "{name} {version} in fuzz/Cargo.lock, here {same:?}");
    }
}
