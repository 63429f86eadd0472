//! What a command says that cannot reach what its settings name: the cause, and no secret.

use std::process::Command;
use std::time::Duration;

use rstest::rstest;

use crate::harness::program::Program;
use crate::harness::services::Services;
use crate::harness::site::{Engine, Site};

/// The settings of a registry in a folder whose objects are in an S3 store.
fn on_s3(site: &Site) -> Command {
    let mut command = site.ventanilla();
    std::fs::write(site.path("ventanilla.toml"), "").unwrap();
    command.env("VENTANILLA_OBJECTS__URL", format!("s3://{}/x", Services::get().s3.bucket));
    command.args(["init", "--config", "ventanilla.toml"]);
    command
}

#[rstest]
#[case::refused("VENTANILLA_OBJECTS__ENDPOINT", "http://127.0.0.1:1", "refused")]
#[case::unknown_host("VENTANILLA_OBJECTS__ENDPOINT", "http://nobody.invalid", "nobody.invalid")]
#[case::credentials("VENTANILLA_OBJECTS__SECRET_ACCESS_KEY", "not-the-s3cret", "SignatureDoesNotMatch")]
#[case::database_refused_host(
    "VENTANILLA_DATABASE__URL",
    "postgres://u:not-the-s3cret@nobody.invalid/x",
    "failed to lookup address"
)]
#[tokio::test]
async fn an_object_store_or_database_that_cannot_be_used_says_why(
    #[case] variable: &str,
    #[case] value: &str,
    #[case] cause: &str,
) {
    let site = Site::fresh(Engine::Sqlite).await;
    let done = on_s3(&site).env(variable, value).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.contains(cause), "{said}");
    assert!(!said.contains("s3cret") && !said.contains(&Services::get().s3.secret_key), "{said}");
}

#[tokio::test]
async fn a_server_that_cannot_ask_its_object_store_says_why_in_its_log_alone() {
    let site = Site::fresh(Engine::Sqlite).await;
    let url = format!("s3://{}/x", Services::get().s3.bucket);
    let settings = [("VENTANILLA_OBJECTS__URL", url.as_str()), ("VENTANILLA_OBJECTS__ENDPOINT", "http://127.0.0.1:1")];
    let program = Program::start_with(&site, &settings, &[]);
    for _ in 0..200 {
        if program.log().contains("it is not known yet") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = program.log();
    assert!(log.contains("refused"), "{log}");
    let ready = program.door().get("/readyz", "nobody").await.is(503, "").text();
    assert!(ready.contains("it is not known yet") && !ready.contains("refused"), "{ready}");
}

#[test]
fn a_command_without_settings_says_that_they_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
    let done = command.args(["verify", "book"]).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.contains("is not set: name the settings of the registry with --config FILE"), "{said}");
}
