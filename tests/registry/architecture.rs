//! Arrows between the rooms of the house point one way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::harness::site::root;

/// Each room and the rooms it may know; a room that is missing here fails, so that whoever adds one decides.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "pages",
            "http",
            "app",
            "after",
            "audit",
            "backup",
            "witness",
            "import",
            "receipt",
            "log",
            "report",
            "service",
            "registry",
            "fetch",
            "store",
            "signature",
            "domain",
            "config",
            "clock",
        ],
    ),
    (
        "http",
        &[
            "app",
            "registry",
            "service",
            "report",
            "receipt",
            "store",
            "signature",
            "log",
            "witness",
            "domain",
            "config",
            "clock",
        ],
    ),
    ("pages", &["http", "app", "service", "registry", "report", "domain", "config"]),
    ("witness", &["log", "domain", "config"]),
    ("audit", &["app", "receipt", "registry", "store", "signature", "log", "domain"]),
    ("backup", &["app", "registry", "store", "log", "domain", "config"]),
    ("after", &["app", "receipt", "registry", "fetch", "store", "signature", "log", "domain"]),
    ("import", &["app", "service", "registry", "store", "domain", "clock"]),
    ("app", &["registry", "service", "receipt", "fetch", "store", "signature", "log", "domain", "config", "clock"]),
    ("service", &["registry", "store", "domain", "clock"]),
    ("registry", &["fetch", "store", "signature", "log", "domain", "config", "clock"]),
    // It asks over the network what the signature room wants to know; the room itself knows no network.
    ("fetch", &["signature", "config", "clock"]),
    ("receipt", &["signature", "log", "domain", "config"]),
    ("report", &["store", "domain"]),
    ("store", &["domain", "config"]),
    ("signature", &["domain"]),
    // Hashes in, hashes out: it knows neither rows nor requests.
    ("log", &["domain"]),
    ("clock", &["domain"]),
    ("config", &[]),
    ("domain", &[]),
];

/// Arrows that point the other way, and why each may.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "src/app.rs",
        "http",
        "it holds what the door remembers of tokens and addresses, so that each request does not ask the database",
    ),
    ("src/receipt/json.rs", "registry", "a receipt is made of what the registry committed, and of nothing else"),
    ("src/receipt/json.rs", "store", "the same"),
    ("src/receipt/check.rs", "registry", "whoever checks writes the record again, as the registry does"),
    ("src/receipt/check.rs", "store", "the same"),
];

/// Words that only some rooms may say: a crate, the rooms that may, and the reason for others.
const CRATES: &[(&str, &[&str])] = &[
    ("axum", &["http", "pages"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("sqlx", &["store"]),
    ("object_store", &["store", "http"]),
    ("clap", &["cli", "domain"]),
    ("maud", &["pages"]),
    ("fluent_bundle", &["pages"]),
];

/// Every source file with its text, but for comments and tests.
fn sources() -> BTreeMap<PathBuf, String> {
    fn add(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
                let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
                found.insert(path, code.join("\n"));
            }
        }
    }
    let mut found = BTreeMap::new();
    add(&root().join("src"), &mut found);
    found
}

/// Such as `src/app.rs`.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The room of a file: the first step below `src`.
fn room(path: &Path) -> String {
    let first = path.strip_prefix(root().join("src")).unwrap().components().next().unwrap();
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The words that follow `prefix` in a text, as in `crate::store`.
fn words_after<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).filter_map(move |(at, _)| {
        let before = text[..at].chars().next_back();
        let rest = &text[at + prefix.len()..];
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        (!before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')).then_some(&rest[..end])
    })
}

#[test]
fn each_room_knows_only_the_rooms_below_it() {
    let mut wrong = Vec::new();
    let mut used = Vec::new();
    for (path, text) in sources() {
        let (room, file) = (room(&path), shown(&path));
        if room == "lib" {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            panic!("{file}: the room {room} is not in the table of arrows; add it, with the rooms it may know");
        };
        let prefix = if room == "main" { "ventanilla::" } else { "crate::" };
        for word in words_after(&text, prefix) {
            if word == room || allowed.contains(&word) || !ARROWS.iter().any(|(name, _)| *name == word) {
                continue;
            }
            match EXCEPTIONS.iter().find(|(name, to, _)| *name == file && *to == word) {
                Some(exception) => used.push(exception),
                None => wrong.push(format!("{file} knows {word}")),
            }
        }
        assert!(!text.contains("use crate::{"), "{file}: one `use` a room, so that this test can read it");
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "arrows that point the wrong way:\n{}", wrong.join("\n"));
    for exception in EXCEPTIONS {
        assert!(used.contains(&exception), "{exception:?} is no exception any more");
    }
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_table_in_the_documents_is_this_one() {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let table =
        text.split("| module | what it does | may use |\n|---|---|---|\n").nth(1).expect("the table of modules");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let told: BTreeMap<&str, Vec<&str>> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            (quoted(cells[1])[0], quoted(cells[3]))
        })
        .collect();
    assert_eq!(told, ARROWS.iter().map(|(name, allowed)| (*name, allowed.to_vec())).collect());
}

#[test]
fn http_and_sql_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (name, rooms) in CRATES {
            let says = words_after(&text, &format!("{name}::")).next().is_some();
            if says && !rooms.contains(&room(&path).as_str()) {
                wrong.push(format!("{} knows {name}", shown(&path)));
            }
        }
        if room(&path) == "domain" {
            for call in ["sqlx::query", "fetch_one", "fetch_all", "fetch_optional", ".execute("] {
                assert!(!text.contains(call), "{}: domain may be a column, and asks no database", shown(&path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn signature_could_be_published_on_its_own() {
    for (path, text) in sources() {
        if room(&path) == "signature" {
            let known: Vec<&str> = words_after(&text, "crate::").filter(|word| *word != "signature").collect();
            assert!(known.iter().all(|word| *word == "domain"), "{}: {known:?}", shown(&path));
        }
    }
}

#[test]
fn no_file_is_longer_than_a_hard_look() {
    let long: Vec<_> = sources()
        .into_keys()
        .filter_map(|path| {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            (lines > 600).then(|| format!("{}: {lines} lines", shown(&path)))
        })
        .collect();
    assert!(long.is_empty(), "split these by what they do: {long:?}");
}
