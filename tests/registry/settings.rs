//! The file of the settings: where it is named, and what it means that it is not there.

use std::process::Command;

use rstest::rstest;

fn ventanilla(folder: &std::path::Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
    let done = command.current_dir(folder).args(words).output().unwrap();
    (done.status.code(), [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap()).concat())
}

/// A name misspelt would otherwise be a new registry, which numbers from 1 where nobody looks for it.
#[rstest]
#[case(&["serve"])]
#[case(&["init"])]
#[case(&["demo", "--exit"])]
#[case(&["witness"])]
#[case(&["openapi"])]
#[case(&["token", "list"])]
#[case(&["backup", "copy"])]
#[case(&["verify", "book"])]
fn a_file_that_is_named_must_be_there(#[case] command: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    for file in ["ventanila.toml", "new/ventanilla.toml"] {
        let (code, said) = ventanilla(folder.path(), &[command, &["--config", file]].concat());
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(&format!("there is no {file}: `ventanilla init")), "{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn the_file_is_named_before_or_after_each_word_of_a_command() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(ventanilla(folder.path(), &["init", "--dir", "town"]).0, Some(0));
    let config = ["--config", "town/ventanilla.toml"];
    for words in [&["incident", "list"][..], &["token", "list"], &["catalogue", "list", "books"], &["init"]] {
        for place in 0..=words.len() {
            let (before, after) = words.split_at(place);
            let (code, said) = ventanilla(folder.path(), &[before, &config, after].concat());
            assert_eq!(code, Some(0), "{words:?} {place}: {said}");
            assert!(words[0] != "catalogue" || said.contains("entrada"), "{words:?} {place}: {said}");
        }
    }
    assert!(!folder.path().join("ventanilla.db").exists(), "each worked on the registry that was named");
}
