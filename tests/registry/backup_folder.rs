//! The folder of a backup: one that holds something else is not written into, and a good backup stays good.

use std::path::Path;

use rstest::rstest;
use ventanilla::clock::Clock;
use ventanilla::registry::ledger::Ledger;
use ventanilla::store::log::Log;

use crate::backup::{backed_up, keyed_town, run, run_beside};
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, Site};
use crate::harness::town::Town;

const NONE: &str = "is no folder for backups";

/// What lies in a folder, its files with their bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        entries.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap_or_default())).collect();
    found.sort();
    found
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_backup_is_made_where_a_registry_works(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = keyed_town(engine).await;
    town.next_number().await;
    let site = town.stop().await;
    let other = site.path("other");
    std::fs::create_dir_all(other.join("objects")).unwrap();
    std::fs::write(other.join("ventanilla.db"), "another registry's book").unwrap();
    let named = site.path("named");
    std::fs::create_dir(&named).unwrap();
    std::fs::write(named.join("ventanilla.toml"), "").unwrap();
    let linked = site.path("linked");
    std::os::unix::fs::symlink(site.path("."), &linked).unwrap();
    let mut refused = vec![site.path("."), linked, other, named];
    if engine == Engine::Sqlite {
        refused.extend([site.path("objects"), site.path("objects/backup"), site.path("spool/backup")]);
        std::fs::create_dir_all(site.path("spool")).unwrap();
    }
    for folder in refused {
        let before = folder.exists().then(|| contents(&folder));
        run(&site, &["backup"], Some(&folder)).is(2).says(NONE);
        assert_eq!(folder.exists().then(|| contents(&folder)), before, "{}", folder.display());
    }
    // Even one that once was a folder of backups.
    run(&site, &["backup"], Some(&site.path("backup"))).is(0);
    std::fs::write(site.path("backup/ventanilla.toml"), "").unwrap();
    run(&site, &["backup"], Some(&site.path("backup"))).is(2).says(NONE);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_no_backup_wrote_stays_and_what_was_left_behind_goes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, folder) = backed_up(engine).await;
    let extension = if engine == Engine::Sqlite { "db" } else { "dump" };
    let (mine, left) = (format!("ventanilla.2.{extension}"), format!("ventanilla.3.{extension}"));
    for name in [&mine, &left] {
        std::fs::write(folder.join(name), "of somebody else").unwrap();
    }
    // As a backup leaves it that was killed.
    let lock = std::fs::read_to_string(folder.join("lock")).unwrap();
    std::fs::write(folder.join("lock"), format!("{lock}{left}\n../ventanilla.db\n")).unwrap();
    run_beside(&town.site, "backup", &folder).await.is(0);
    assert_eq!(std::fs::read(folder.join(&mine)).unwrap(), b"of somebody else");
    assert!(!folder.join(&left).exists());
    assert!(engine != Engine::Sqlite || town.site.path("ventanilla.db").exists());
    // One that never came to its end is gone on with.
    std::fs::remove_file(folder.join("backup.json")).unwrap();
    run_beside(&town.site, "backup", &folder).await.is(0);
    let copies = contents(&folder).iter().filter(|(name, _)| name.ends_with(extension)).count();
    assert!(copies <= 3, "the former copy may stay, as no manifest names it any more");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_with_the_key_of_the_book_alone(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (town, folder) = backed_up(engine).await;
    town.until("SELECT count(*) FROM outbox", |left| left == 0).await;
    let key = town.app.entity.ledger.verifier(Log::Book).to_string();
    let site = town.stop().await;
    let (good, manifest) =
        (std::fs::read(site.path("log.key")).unwrap(), std::fs::read(folder.join("backup.json")).unwrap());
    std::fs::write(site.path("log.key"), Ledger::new_key().unwrap()).unwrap();
    run(&site, &["backup"], Some(&folder)).is(2).says("proof.key is not the key of this book");
    // Where nothing else tells, the backup that is there does.
    std::fs::remove_file(site.path("log.key.state")).unwrap();
    run(&site, &["backup"], Some(&folder)).is(2).says("holds a backup of").says("name another folder");
    assert_eq!(std::fs::read(folder.join("backup.json")).unwrap(), manifest);

    // One that was made so all the same is brought back on the operator's word, and what the book's key signed is checked.
    let wrong = site.path("wrong");
    run(&site, &["backup"], Some(&wrong)).is(0);
    std::fs::write(site.path("log.key"), good).unwrap();
    let fresh = Site::keyed(engine).await;
    run(&fresh, &["restore"], Some(&wrong)).is(2).says("the backup was signed with");
    run(&fresh, &["restore", "--accept-unsigned"], Some(&wrong)).is(2).says("--accept-unsigned --key KEY");
    run(&fresh, &["restore", "--nothing-after", "--accept-unsigned", "--key", &key], Some(&wrong))
        .is(0)
        .says("the book is whole");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn after_a_backup_was_restored_nothing_is_numbered_until_it_is_said_what_came_after(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    // A fourth entry came after it, and nothing on the other machine tells so.
    let (town, folder) = backed_up(engine).await;
    town.next_number().await;
    let _machine = town.stop().await;
    let site = Site::keyed(engine).await;
    run(&site, &["restore"], Some(&folder))
        .is(1)
        .says("the book is whole")
        .says("what was registered after ")
        .says("-E-000004")
        .says("--next-number N");
    let town = Town::open(std::sync::Arc::new(site), Clock::system(), |_| {}, None).await;
    let form = Paper::counter().form();
    town.register(&form, &fresh_key()).await.is(503, "unavailable");
    let ready = town.get("/readyz", "nobody").await.is(503, "").json();
    let said = ready["parts"]["log"].as_str().unwrap();
    assert!(said.contains("nobody said what was registered after it"), "{said}");
    let command = |words: &'static [&'static str]| {
        let site = town.site.clone();
        async move { tokio::task::spawn_blocking(move || run(&site, words, None)).await.unwrap() }
    };
    command(&["accept-loss"]).await.is(2).says("--next-number N");
    command(&["accept-loss", "--next-number", "3"]).await.is(2).says("the lowest that is possible is 4");
    command(&["accept-loss", "--next-number", "5"]).await.is(0).says("goes on with number 5 after 3");
    assert!(town.app.check_continuity().await);
    assert_eq!(town.next_number().await, 5);
    command(&["accept-loss", "--nothing-after"]).await.is(0).says("nothing is to be said");
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_restoration_says_at_once_that_nothing_came_after_or_with_which_number_to_go_on(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (_town, folder) = backed_up(engine).await;
    for (options, number) in
        [(&["--nothing-after"][..], 4), (&["--next-number", "7"], 7), (&["--accept-loss", "--next-number", "8"], 8)]
    {
        let site = Site::keyed(engine).await;
        run(&site, &[&["restore"], options].concat(), Some(&folder)).is(0).says("the book is whole");
        let town = Town::open(std::sync::Arc::new(site), Clock::system(), |_| {}, None).await;
        assert_eq!(town.next_number().await, number, "{options:?}");
        let acts = town.get("/acts?action=backup_restored", "auditor").await.is(200, "").json();
        assert_eq!(acts["items"].as_array().unwrap().len(), 1, "{acts}");
    }
    let site = Site::keyed(engine).await;
    run(&site, &["restore"], Some(&folder)).is(1);
    run(&site, &["accept-loss", "--nothing-after"], None).is(0).says("numbering goes on");
    let town = Town::open(std::sync::Arc::new(site), Clock::system(), |_| {}, None).await;
    assert_eq!(town.next_number().await, 4);
}
