//! Somebody who can write to the folder of a backup while it is made or brought back: nothing of theirs is signed or taken.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStoreExt;
use rstest::rstest;
use ventanilla::backup::{restore, take};
use ventanilla::clock::Clock;
use ventanilla::domain::Sha256;
use ventanilla::registry::ledger::Ledger;
use ventanilla::store::dump::holds_entries;
use ventanilla::store::log::Log;

use crate::backup::{backed_up, keyed_town, run_beside};
use crate::backup_forged::{manifest_of, put_in_token, tools};
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{ENTITY, Engine, Site, execute};
use crate::harness::town::Town;

/// How a file is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Another is put in its place.
    Replaced,
    /// It is written over.
    Overwritten,
}

impl How {
    fn change(self, file: &Path, bytes: &[u8]) {
        if self == Self::Replaced {
            std::fs::remove_file(file).unwrap();
        }
        std::fs::write(file, bytes).unwrap();
    }
}

/// A dump of the town's database with a token more than it has.
async fn with_another_token(town: &Town) -> Vec<u8> {
    put_in_token(town).await;
    let file = town.site.path("another");
    let out = File::create(&file).unwrap();
    drop(town.app.store().dump(town.site.database(), &tools(), out).await.unwrap());
    execute(town.app.store(), "DELETE FROM tokens WHERE name = 'intruder'").await;
    std::fs::read(file).unwrap()
}

/// The files of a folder whose names begin so.
fn files(folder: &Path, begins: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(begins)).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_into_the_folder_while_a_backup_is_made_is_not_signed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(How::Replaced, How::Overwritten)] how: How,
) {
    let mut town = keyed_town(engine).await;
    if engine == Engine::Postgres {
        let mut config = (*town.app.config).clone();
        config.database.tools = tools();
        town.app.config = Arc::new(config);
    }
    town.register(&Paper::counter().document("d", b"%PDF-1.7 a plan").form(), &fresh_key()).await.registered();
    let another = with_another_token(&town).await;
    let folder = town.site.path("backup");
    std::fs::create_dir(&folder).unwrap();
    let line = format!("{} 4 {ENTITY}/other/planted\n", Sha256(openssl::sha::sha256(b"evil")));
    let changed = std::sync::atomic::AtomicBool::new(false);
    let taken = take::take(&town.app, &folder, &|stage, _, _| {
        for file in files(&folder, "ventanilla.") {
            how.change(&file, &another);
            changed.store(stage == "copying objects", std::sync::atomic::Ordering::Relaxed);
        }
        for file in files(&folder, "objects.l") {
            let list = [std::fs::read(&file).unwrap(), line.clone().into_bytes()].concat();
            how.change(&file, &list);
        }
    })
    .await;
    assert!(changed.into_inner(), "there was a file to change while objects were copied");
    let site = Arc::new(Site::keyed(engine).await);
    match how {
        How::Replaced => {
            let said = taken.unwrap_err().to_string();
            assert!(said.contains("put another in its place"), "{said}");
            run_beside(&site, "restore", &folder).await.is(2).says("there is no backup.json");
        }
        How::Overwritten => {
            assert_ne!(taken.unwrap().manifest.database.sha256, Sha256(openssl::sha::sha256(&another)));
            run_beside(&site, "restore", &folder).await.is(2).says("was altered or is not whole");
        }
    }
    assert!(!holds_entries(site.database()).await.unwrap());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_the_folder_under_the_name_of_an_object_is_not_taken_for_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = keyed_town(engine).await;
    let place = |site: &Site| -> object_store::path::Path {
        let prefix = site.config().objects.url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        let prefix = if engine == Engine::Sqlite { String::new() } else { prefix };
        format!("{prefix}/{ENTITY}/other/kept").into()
    };
    town.next_number().await;
    let folder = town.site.path("backup");
    run_beside(&town.site, "backup", &folder).await.is(0);
    town.app.registry.objects().inner().put(&place(&town.site), "good".into()).await.unwrap();
    let planted = folder.join(format!("objects/{ENTITY}/other"));
    std::fs::create_dir_all(&planted).unwrap();
    std::fs::write(planted.join("kept"), "evil").unwrap();
    run_beside(&town.site, "backup", &folder).await.is(0);
    let site = Arc::new(Site::keyed(engine).await);
    run_beside(&site, "restore --nothing-after", &folder).await.is(0).says("the book is whole");
    let restored = Town::open(site, Clock::system(), |_| {}, None).await;
    let found = restored.app.registry.objects().inner().get(&place(&restored.site)).await.unwrap();
    assert_eq!(found.bytes().await.unwrap(), "good");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_into_the_folder_once_it_was_checked_is_not_brought_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, folder) = backed_up(engine).await;
    let another = with_another_token(&town).await;
    let site = Arc::new(Site::keyed(engine).await);
    let mut config = site.config();
    config.database.tools = tools();
    let key = town.app.entity.ledger.verifier(Log::Book).clone();
    let proof =
        restore::Proof { key: Some(key.clone()), configured: Some(key), accept_unsigned: false, is_named: false };
    restore::restore(&config, &folder, &proof, &|_, _, _| {
        for file in files(&folder, "ventanilla.") {
            How::Replaced.change(&file, &another);
        }
    })
    .await
    .unwrap();
    let restored = Town::open(site, Clock::system(), |_| {}, None).await;
    assert_eq!(restored.count("SELECT count(*) FROM tokens WHERE name = 'intruder'").await, 0);
    assert_eq!(restored.count("SELECT count(*) FROM entries").await, 3);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_key_is_not_that_of_the_settings_changes_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, folder) = backed_up(engine).await;
    let key = manifest_of(&folder)["log_key"].as_str().unwrap().to_owned();
    let site = Arc::new(Site::keyed(engine).await);
    let right = std::fs::read(site.path("log.key")).unwrap();
    std::fs::write(site.path("log.key"), Ledger::new_key().unwrap()).unwrap();
    let restore = async |site: &Arc<Site>, name: Option<&str>| {
        let (site, folder, key) = (site.clone(), folder.clone(), key.clone());
        let origin = name.map(|name| ("VENTANILLA_PROOF__ORIGIN", name.to_owned()));
        let running = tokio::task::spawn_blocking(move || {
            let mut command = site.ventanilla();
            command.args(["restore", "--nothing-after", "--key", &key]).arg(&folder).envs(origin).output().unwrap()
        });
        let done = running.await.unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let before = site.folder.path().read_dir().unwrap().count();
    for (right, name) in [(None, None), (Some(&right), Some("sede.example.es/otra"))] {
        if let Some(right) = right {
            std::fs::write(site.path("log.key"), right).unwrap();
        }
        let (status, said) = restore(&site, name).await;
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("put the former key and name into the settings"), "{said}");
        assert!(!holds_entries(site.database()).await.unwrap());
        assert_eq!(site.folder.path().read_dir().unwrap().count(), before, "nothing was written");
    }
    let (status, said) = restore(&site, None).await;
    assert_eq!(status, Some(0), "{said}");
    drop(town);
}
