//! The folder of a backup: one that holds something else is not written into, and a good backup stays good.

use std::path::Path;

use rstest::rstest;
use ventanilla::registry::ledger::Ledger;
use ventanilla::store::log::Log;

use crate::backup::{backed_up, keyed_town, run, run_beside};
use crate::harness::site::{Engine, Site};

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
    run(&fresh, &["restore", "--accept-unsigned", "--key", &key], Some(&wrong)).says("the book is whole");
}
