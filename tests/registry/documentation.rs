//! What the documents say of the program and its tests is so.

use std::collections::{BTreeMap, BTreeSet};

use rstest::rstest;

use crate::harness::site::root;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether this is the name of a file or a folder, and not a setting, a media type or an address.
fn is_path(word: &str) -> bool {
    // That of the settings is the operator's.
    if word == "ventanilla.toml" {
        return false;
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let named = [".rs", ".toml", ".json", ".md", ".tsv", "/"].iter().any(|end| word.ends_with(end));
    word.chars().all(plain)
        && !word.starts_with('/')
        && (named || word.starts_with("src/") || word.starts_with("tests/"))
}

/// Whether any file of this path has a test.
fn has_test(path: &std::path::Path) -> bool {
    if path.is_dir() {
        return std::fs::read_dir(path).unwrap().any(|entry| has_test(&entry.unwrap().path()));
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    ["#[test]", "#[tokio::test", "#[rstest]"].iter().any(|mark| text.contains(mark))
}

#[rstest]
#[case("docs/threat-model.md", 40)]
#[case("docs/asvs.md", 10)]
#[case("docs/architecture.md", 100)]
#[case("docs/contributing.md", 20)]
#[case("docs/security.md", 6)]
#[case("README.md", 5)]
#[case("src/lib.rs", 1)]
fn each_file_that_is_named_is_there(#[case] document: &str, #[case] at_least: usize) {
    let text = read(document);
    let mut count = 0;
    let mut missing = Vec::new();
    for word in quoted(&text).filter(|word| is_path(word)) {
        count += 1;
        // Tests are named without the folder that all are in.
        let found = root().join("tests").join(word);
        let is_test = found.exists();
        if !is_test && !root().join(word).exists() {
            missing.push(format!("{word} is not there"));
        }
        if is_test && document.starts_with("docs/") && !has_test(&found) {
            missing.push(format!("{word} tests nothing"));
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "{document}");
    assert!(count >= at_least, "{document} names {count} files: is it still read as it is written?");
}

#[test]
fn each_attack_that_something_stops_names_what_tries_it() {
    let text = read("docs/threat-model.md");
    let holds = text.split("## What holds").nth(1).unwrap().split("## What does not hold").next().unwrap();
    let rows: Vec<&str> =
        holds.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| attack")).collect();
    assert!(rows.len() > 30, "{}", rows.len());
    for row in rows {
        let tried = row.trim_end_matches('|').rsplit('|').next().unwrap();
        assert!(quoted(tried).any(is_path), "{row}");
    }
}

/// The words that follow `begin` in all migrations, as in `CREATE TABLE entries`.
fn migrated(begin: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for folder in ["migrations", "migrations/sqlite", "migrations/postgres"] {
        for file in std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            let text = if file.is_file() { std::fs::read_to_string(file).unwrap() } else { String::new() };
            let found = text.lines().filter_map(|line| line.strip_prefix(begin)?.split([' ', ';']).next());
            words.extend(found.map(str::to_owned));
        }
    }
    words
}

#[test]
fn the_table_of_tables_has_each_of_them_once() {
    let text = read("docs/architecture.md");
    let head = "| table | a row is | who writes it | what binds it to the log |\n|---|---|---|---|\n";
    let table = text.split(head).nth(1).expect("the table of tables");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let told: Vec<&str> = rows.flat_map(|row| quoted(row.split('|').nth(1).unwrap())).collect();
    let mut made = migrated("CREATE TABLE ");
    made.extend(migrated("CREATE VIRTUAL TABLE "));
    let gone = migrated("DROP TABLE ");
    // Dropped to be made anew.
    let there = made.iter().map(String::as_str).filter(|name| !gone.contains(*name) || *name == "entry_text");
    assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), there.collect());
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len(), "one stands twice");
}

/// A number as the table writes it: `4096`, `512 MiB`.
fn number(text: &str) -> u64 {
    let (digits, unit) = text.split_once(' ').unwrap_or((text, ""));
    let unit = match unit {
        "" => 1,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => panic!("{other} is no unit"),
    };
    digits.parse::<u64>().unwrap() * unit
}

#[test]
fn the_table_of_limits_has_each_setting_with_its_default() {
    let readme = read("README.md");
    let table =
        readme.split("| setting | default | what it limits |\n|---|---|---|\n").nth(1).expect("the table of limits");
    let mut shown = BTreeMap::new();
    for row in table.lines().take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (names, defaults): (Vec<_>, Vec<_>) = (quoted(cells[1]).collect(), cells[2].split(", ").collect());
        assert_eq!(names.len(), defaults.len(), "{row}");
        for (name, default) in names.into_iter().zip(defaults) {
            assert_eq!(shown.insert(name.to_owned(), number(default)), None, "{name} stands twice");
        }
    }
    let limits = serde_json::to_value(ventanilla::config::Limits::default()).unwrap();
    let limits = limits.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.as_u64().unwrap()));
    assert_eq!(shown, limits.collect());
}
