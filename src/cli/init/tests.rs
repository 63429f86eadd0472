//! The settings that `init` writes are all that there are.

use super::*;
use crate::config::Config;

/// The template with each setting in force that stands behind a `#`.
fn uncommented() -> String {
    let is_setting = |line: &str| {
        let key = line.split_once(" = ").map(|(key, _)| key).unwrap_or_default();
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let bare = |line: &str| line.strip_prefix('#').filter(|rest| is_setting(rest)).unwrap_or(line).to_owned();
    settings(Path::new("/srv/town"), &Answers::trial()).lines().map(bare).collect::<Vec<_>>().join("\n")
}

/// `section.key` and value of each setting.
fn flat(table: &toml::Table) -> std::collections::BTreeMap<String, toml::Value> {
    let mut all = std::collections::BTreeMap::new();
    for (name, value) in table {
        match value {
            toml::Value::Table(section) => {
                all.extend(section.iter().map(|(key, value)| (format!("{name}.{key}"), value.clone())));
            }
            value => drop(all.insert(name.clone(), value.clone())),
        }
    }
    all
}

#[test]
fn the_settings_that_are_written_name_each_setting_once() {
    let shown = flat(&uncommented().parse().unwrap());
    let there = flat(&toml::Table::try_from(Config::default()).unwrap());
    assert_eq!(shown.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
}

#[test]
fn what_stands_behind_a_mark_is_the_default() {
    let (shown, there) = (uncommented(), flat(&toml::Table::try_from(Config::default()).unwrap()));
    let written: toml::Table = settings(Path::new("/srv/town"), &Answers::trial()).parse().unwrap();
    let (written, shown) = (flat(&written), flat(&shown.parse().unwrap()));
    let mut behind = 0;
    for (key, value) in shown.iter().filter(|(key, _)| !written.contains_key(*key)) {
        assert_eq!(value, &there[key], "{key}");
        behind += 1;
    }
    assert!(behind > 50, "{behind}");
}

#[test]
fn settings_are_read_as_they_are_written_and_uncommented() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ventanilla.toml");
    std::fs::write(&file, uncommented()).unwrap();
    let all = Config::load(Some(&file)).unwrap();
    std::fs::write(&file, settings(Path::new("/srv/town"), &Answers::trial())).unwrap();
    let written = Config::load(Some(&file)).unwrap();
    // TLS paths that are empty stay so: nothing else may differ.
    assert_eq!(format!("{all:?}"), format!("{written:?}"));
    assert_eq!(all.database.url.expose(), "sqlite:///srv/town/ventanilla.db");
}

#[test]
fn each_setting_says_what_it_is_for() {
    let text = uncommented();
    let lines: Vec<&str> = text.lines().collect();
    let is_setting = |line: &str| !line.starts_with('#') && line.contains(" = ");
    let mut settings = 0;
    for (place, line) in lines.iter().enumerate().filter(|(_, line)| is_setting(line)) {
        // Settings that go together stand under one comment.
        let above = lines[..place].iter().rev().find(|above| !is_setting(above)).unwrap_or(&"");
        assert!(above.starts_with("# ") && above.len() > 10, "nothing is said above {line}");
        settings += 1;
    }
    assert!(settings > 60, "{settings}");
}
