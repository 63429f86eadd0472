//! `ventanilla demo`: the first thing that a newcomer runs.

use std::path::Path;
use std::process::{Command, Output};

use chrono::Datelike;
use rstest::rstest;
use ventanilla::clock::Clock;

use crate::harness::site::{Engine, Site, scalar};

fn demo(dir: &Path, settings: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
    command.args(["demo", "--exit", "--dir"]).arg(dir);
    command.args(settings.iter().flat_map(|file| [Path::new("--config"), file])).output().unwrap()
}

/// Settings with nothing in them but where the registry keeps what it has.
fn elsewhere(site: &Site) -> String {
    let config = site.config();
    let objects = &config.objects;
    format!(
        "[database]\nurl = {:?}\n[objects]\nurl = {:?}\nendpoint = {:?}\nregion = {:?}\naccess_key_id = {:?}\n\
         secret_access_key = {:?}\n",
        site.database(),
        objects.url,
        objects.endpoint,
        objects.region,
        objects.access_key_id.expose(),
        objects.secret_access_key.expose(),
    )
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn it_ends_well_and_leaves_what_it_says(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let site = Site::fresh(engine).await;
    let (dir, file) = (site.path("demo"), site.path("elsewhere.toml"));
    std::fs::write(&file, elsewhere(&site)).unwrap();
    let clock = Clock::system();
    let year = || clock.now().local_date(chrono_tz::Europe::Madrid).year();
    let first = year();
    let done = demo(&dir, Some(&file));
    let years = first..=year();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    for words in ["26262 entries of 2018 to 2020", "the same entry", "51 %", "All went as said."] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(years.into_iter().any(|year| said.contains(&format!("{year}-E-000001"))), "{said}");
    let store = site.store().await;
    assert!(scalar(&store, "SELECT count(*) FROM entries").await > 26_262);
    store.close().await;
    // Its receipts carry the address at which it served, and whoever serves the folder later answers there.
    let settings: toml::Table = std::fs::read_to_string(dir.join("ventanilla.toml")).unwrap().parse().unwrap();
    let listen = settings["listen"].as_str().unwrap();
    assert!(!listen.ends_with(":0") && listen != "127.0.0.1:8080", "{listen}");
    assert_eq!(settings["entity"]["public_url"].as_str(), Some(&*format!("http://{listen}")));
    // It adds to nobody's book.
    for (dir, settings, why) in [(site.path("again"), Some(&*file), "holds entries"), (dir, None, "not empty")] {
        let again = demo(&dir, settings);
        assert_eq!(again.status.code(), Some(2));
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(said.contains(why), "{said}");
    }
}
