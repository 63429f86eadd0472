//! The address that receipts carry for ever: asked for, checked, and missed aloud.

use std::process::Command;

use rstest::rstest;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, Site};
use crate::harness::town::Town;

#[rstest]
#[tokio::test]
async fn a_server_whose_receipts_carry_no_address_says_so_and_is_ready(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let ready = town.get("/readyz", "nobody").await.is(200, "").json();
    let said = ready["parts"]["address"].as_str().unwrap();
    assert!(ready["ready"] == true && said.contains("entity.public_url is not set"), "{said}");
    let town = Town::with(engine, |config| config.entity.public_url = "https://sede.example.org".into()).await;
    let ready = town.get("/readyz", "nobody").await.is(200, "").json();
    assert_eq!(ready["parts"]["address"], "ok");
    for (url, why) in [
        ("https://10.1.2.3", "it is an address of a local network"),
        ("http://127.0.0.1:8080", "it is this machine"),
        ("https://registro", "it is a name of a local network"),
        ("https://sede.example.org/api/v1", "leave /api/v1 out"),
    ] {
        let town = Town::with(engine, |config| config.entity.public_url = url.into()).await;
        let ready = town.get("/readyz", "nobody").await.is(200, "").json();
        let said = ready["parts"]["address"].as_str().unwrap();
        assert!(ready["ready"] == true && said.contains(url) && said.contains(why), "{said}");
    }
}

#[test]
fn the_log_says_that_receipts_carry_no_address() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let site = runtime.block_on(Site::fresh(Engine::Sqlite));
    let program = crate::harness::program::Program::start(&site);
    for _ in 0..100 {
        if program.log().contains("entity.public_url is not set") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(program.log().contains("entity.public_url is not set"), "{}", program.log());
    let told = [("VENTANILLA_ENTITY__PUBLIC_URL", "https://sede.example.org")];
    let program = crate::harness::program::Program::start_with(&site, &told, &[]);
    assert!(!program.log().contains("entity.public_url"), "{}", program.log());
}

#[rstest]
#[case("http://sede.example.org", "must be https")]
#[case("https://sede.example.org:0", "the port must be a number from 1 to 65535")]
#[case("https://sede.example.org/?a", "is no plain path")]
#[case("sede.example.org", "must begin with https://")]
#[tokio::test]
async fn a_wrong_address_is_named_with_its_setting_and_nothing_starts(#[case] url: &str, #[case] why: &str) {
    let site = Site::fresh(Engine::Sqlite).await;
    let done = site.ventanilla().arg("serve").env("VENTANILLA_ENTITY__PUBLIC_URL", url).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(said.contains("entity.public_url") && said.contains(why), "{said}");
    let done = site.ventanilla().args(["init", "--dir", "new", "--public-url", url]).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(said.contains("--public-url") && said.contains(why), "{said}");
    assert!(!site.path("new").join("ventanilla.toml").exists(), "nothing is written");
}

#[test]
fn init_writes_what_it_was_told_and_says_what_it_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let init = |dir: &str, words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
        let done = command.current_dir(folder.path()).args(["init", "--dir", dir]).args(words).output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let told = [
        "--code",
        "L01290080",
        "--name",
        "Ayuntamiento de \"Coín\"",
        "--office",
        "O00012345",
        "--public-url",
        "https://sede.example.org",
    ];
    let (code, said) = init("town", &told);
    assert!(code == Some(0) && !said.contains("public_url"), "{said}");
    let settings = std::fs::read_to_string(folder.path().join("town/ventanilla.toml")).unwrap();
    let settings: toml::Table = settings.parse().unwrap();
    let entity = settings["entity"].as_table().unwrap();
    assert_eq!(entity["code"].as_str(), Some("L01290080"));
    assert_eq!(entity["name"].as_str(), Some("Ayuntamiento de \"Coín\""));
    assert_eq!(entity["public_url"].as_str(), Some("https://sede.example.org"));
    // What is there already is not changed by an option that nobody would see ignored.
    let (code, said) = init("town", &["--public-url", "https://otra.example.org"]);
    assert!(code == Some(2) && said.contains("change public_url below [entity] in that file"), "{said}");
    assert_eq!(init("town", &[]).0, Some(0));
    let (code, said) = init("inside", &["--code", "L01290080", "--public-url", "https://192.168.1.20"]);
    assert!(code == Some(0) && said.contains("https://192.168.1.20: it is an address of a local network"), "{said}");
    let (code, said) = init("trial", &[]);
    assert_eq!(code, Some(0));
    for words in ["entity.code is L01000000, which is nobody's", "entity.public_url is not set"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_database_that_is_not_where_the_settings_say_is_missed_aloud() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str], database: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
        command.current_dir(folder.path()).args(words);
        if let Some(path) = database {
            command.env("VENTANILLA_DATABASE__URL", format!("sqlite://{}/{path}", folder.path().display()));
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stderr).unwrap()
    };
    assert!(!run(&["init", "--dir", "."], None).contains("there was no database"));
    assert!(!run(&["token", "list"], None).contains("there was no database"));
    let said = run(&["token", "list"], Some("ventanila.db"));
    assert!(
        said.contains("ventanila.db: an empty one is made; if that is not meant, put database.url right"),
        "{said}"
    );
    assert!(!run(&["token", "list"], Some("ventanila.db")).contains("there was no database"));
}

#[rstest]
#[tokio::test]
async fn a_receipt_carries_the_public_address(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town =
        Town::with(engine, |config| config.entity.public_url = "https://sede.example.org/registro/".into()).await;
    let registered = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    let pdf = town.get(registered["receipt"]["pdf"].as_str().unwrap(), "clerk").await.is(200, "").body;
    let file = town.site.path("receipt.pdf");
    std::fs::write(&file, &pdf).unwrap();
    let text = Command::new("pdftotext").args(["-raw"]).arg(&file).arg("-").output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap().replace('\n', "");
    let csv = registered["receipt"]["csv"].as_str().unwrap();
    assert!(text.contains(&format!("https://sede.example.org/registro/api/v1/verify/{csv}")), "{text}");
}
