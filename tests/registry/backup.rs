//! Backups: made while the registry serves, brought back whole, and never taken for what they are not.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use ventanilla::clock::Clock;
use ventanilla::registry::act::Actor;
use ventanilla::store::dump::holds_entries;
use ventanilla::store::log::Log;

use crate::harness::ledger::{Errand, Ledger};
use crate::harness::paper::{Paper, Signer, fresh_key};
use crate::harness::site::{Engine, Site, execute};
use crate::harness::town::Town;

/// What a command ended with, and what it said.
#[derive(Debug)]
pub struct Said {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn is(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:?}");
        self
    }

    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.out.contains(words) || self.err.contains(words), "{words}: {self:?}");
        self
    }
}

pub fn run(site: &Site, arguments: &[&str], folder: Option<&Path>) -> Said {
    let done = site.ventanilla().args(arguments).args(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { status: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
}

/// The same off the threads that serve.
pub async fn run_beside(site: &Arc<Site>, command: &'static str, folder: &Path) -> Said {
    let (site, folder) = (site.clone(), folder.to_owned());
    let words = || command.split_whitespace().collect::<Vec<_>>();
    tokio::task::spawn_blocking(move || run(&site, &words(), Some(&folder))).await.unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_backup_began_is_in_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = keyed_town(engine).await;
    let signer = Arc::new(Signer::of("citizen-prime256v1"));
    let before = Ledger::default();
    for turn in 0..8 {
        before.run(&town.door, &Errand::fresh(turn, &signer)).await;
    }
    // Longer than a part of an upload.
    let long = vec![b'x'; 6 << 20];
    let paper = Paper::counter().document("largo", &long);
    let last = town.register(&paper.form(), &fresh_key()).await.registered();

    let meanwhile = Ledger::default();
    let clients: tokio::task::JoinSet<()> = (0..8)
        .map(|client| {
            let (ledger, door, signer) = (meanwhile.clone(), town.door.clone(), signer.clone());
            async move { ledger.register_until_stopped(door, signer, client).await }
        })
        .collect();
    let folder = town.site.path("backup");
    let began = meanwhile.len();
    run_beside(&town.site, "backup", &folder).await.is(0).says("nor the file proof.key, which signs the log");
    let ended = meanwhile.len();
    meanwhile.stop();
    clients.join_all().await;
    assert!(ended > began, "something was registered while the backup was made");

    // Into a site where nothing is yet.
    let site = Arc::new(Site::keyed(engine).await);
    run_beside(&site, "restore --nothing-after", &folder).await.is(0).says("the book is whole");
    let again = Town::open(site, Clock::system(), |_| {}, None).await;
    let held = again.count("SELECT count(*) FROM entries").await;
    assert!(held >= 9 && held <= 9 + i64::try_from(meanwhile.len()).unwrap(), "{held}");
    before.stands(&again.door).await;
    let id = last["entry"]["id"].as_str().unwrap();
    let document = last["entry"]["documents"][0]["id"].as_str().unwrap();
    let kept = again.get(&format!("/entries/{id}/documents/{document}"), "auditor").await.is(200, "");
    assert!(kept.body == long);
    assert_eq!(again.next_number().await, held + 1);

    // Only what is new is copied into a folder that holds a backup; without anything new, nothing is. The server would
    // go on putting receipts on paper.
    let stopped = town.stop().await;
    run_beside(&stopped, "backup", &folder).await.is(0);
    run_beside(&stopped, "backup", &folder).await.is(0).says(" 0 of them copied now");
    let site = Arc::new(Site::keyed(engine).await);
    run_beside(&site, "restore --nothing-after", &folder).await.is(0).says("the book is whole");
    meanwhile.stands(&Town::open(site, Clock::system(), |_| {}, None).await.door).await;
}

/// A town whose log's key is in a file.
pub async fn keyed_town(engine: Engine) -> Town {
    Town::over(Site::keyed(engine).await, |_| {}, None).await
}

/// A folder with a backup of a few entries.
pub async fn backed_up(engine: Engine) -> (Town, PathBuf) {
    let town = keyed_town(engine).await;
    for number in 0..3 {
        let paper = Paper::submission().document("plano", format!("%PDF-1.7 plan {number}").as_bytes());
        town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    }
    let folder = town.site.path("backup");
    run_beside(&town.site, "backup", &folder).await.is(0);
    (town, folder)
}

/// The first file below a folder whose path has this word.
fn file_in(folder: &Path, word: &str) -> PathBuf {
    let found = Command::new("find").arg(folder).args(["-type", "f"]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    found.lines().find(|path| path.contains(word)).unwrap().into()
}

#[rstest]
#[case("backup.json", None, "there is no backup.json")]
#[case("backup.json", Some(40), "backup.json was altered or is not whole")]
#[case("ventanilla.d", None, "it is not there")]
#[case("ventanilla.d", Some(5000), "has 5000 bytes, not")]
#[case("objects.list", Some(100), "objects.list was altered or is not whole")]
#[case("/sha256/", None, "is not there")]
#[case("/sha256/", Some(3), "was altered: its SHA-256 is")]
#[case("/signed/", None, "is not there")]
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_not_whole_is_refused_by_name(
    #[case] word: &str,
    #[case] left: Option<usize>,
    #[case] said: &str,
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (_town, folder) = backed_up(engine).await;
    let file = file_in(&folder, word);
    match left {
        Some(bytes) => std::fs::write(&file, &std::fs::read(&file).unwrap()[..bytes]).unwrap(),
        None => std::fs::remove_file(&file).unwrap(),
    }
    let site = Site::keyed(engine).await;
    let refused = run(&site, &["restore"], Some(&folder)).is(2).says(said);
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(refused.err.contains(name), "{name}: {refused:?}");
    assert!(!holds_entries(site.database()).await.unwrap(), "nothing was brought back");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_byte_that_is_another_is_found(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (_town, folder) = backed_up(engine).await;
    let file = file_in(&folder, "ventanilla.d");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    run(&Site::keyed(engine).await, &["restore"], Some(&folder)).is(2).says("its SHA-256 is");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_brought_back_over_entries(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (town, folder) = backed_up(engine).await;
    let before = town.holdings().await;
    run_beside(&town.site, "restore", &folder).await.is(2).says("already holds entries");
    assert_eq!(town.holdings().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_gone_already_is_named_and_the_rest_is_kept() {
    let (town, folder) = backed_up(Engine::Sqlite).await;
    let gone = file_in(&town.site.path("objects"), "/sha256/");
    std::fs::remove_file(&gone).unwrap();
    let fresh = town.site.path("another");
    let name = gone.file_name().unwrap().to_str().unwrap();
    run_beside(&town.site, "backup", &fresh).await.is(1).says(name).says("is not in the object store");
    // The folder that has it still does.
    run_beside(&town.site, "backup", &folder).await.is(0);
    let site = Site::keyed(Engine::Sqlite).await;
    run(&site, &["restore", "--nothing-after"], Some(&fresh)).is(1).says("is missing from the object store");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_program_a_backup_of_postgres_says_what_to_do() {
    let town = Town::on(Engine::Postgres).await;
    let done = Command::new(env!("CARGO_BIN_EXE_ventanilla"))
        .arg("backup")
        .arg(town.site.path("backup"))
        .envs(town.site.environment())
        .env("VENTANILLA_DATABASE__TOOLS", town.site.path("nowhere"))
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("nowhere/pg_dump was not found") && said.contains("database.tools"), "{said}");
    assert!(!town.site.path("backup/backup.json").exists());
}

/// A site whose database is a backup of three entries, while a checkpoint of five was published.
async fn brought_back_old(engine: Engine, arguments: &[&str]) -> (Arc<Site>, Said) {
    let (town, folder) = backed_up(engine).await;
    for number in 0..2 {
        let paper = Paper::counter().document("foto", format!("taken later, {number}").as_bytes());
        town.register(&paper.form(), &fresh_key()).await.registered();
    }
    town.app.publish_once(Log::Book).await.unwrap();
    let site = town.stop().await;
    match engine {
        Engine::Sqlite => {
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(site.path(&format!("ventanilla.db{end}")));
            }
        }
        Engine::Postgres => {
            let store = site.store().await;
            execute(&store, "DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
            store.close().await;
        }
    }
    let said = run(&site, &[&["restore"], arguments].concat(), Some(&folder));
    (site, said)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_older_than_what_was_published_is_said_and_numbers_only_once_the_loss_is_accepted(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (site, said) = brought_back_old(engine, &[]).await;
    said.is(1)
        .says("has 3 leaves, but a checkpoint of 5 was published")
        .says("will not number until")
        .says("the last 2 were lost or the book was rolled back");
    let town = Town::open(site.clone(), Clock::system(), |_| {}, None).await;
    let form = Paper::counter().form();
    let refused = town.register(&form, &fresh_key()).await.is(503, "unavailable");
    assert!(refused.text().contains("does not continue what was published"), "{}", refused.text());
    let ready = town.get("/readyz", "nobody").await.is(503, "").json();
    assert!(ready["parts"]["log"].as_str().unwrap().contains("a checkpoint of 5 was published"), "{ready}");
    // Reading goes on.
    town.get("/entries", "auditor").await.is(200, "");
    let published = town.app.registry.objects().get_log("L01000000", "book.checkpoint").await.unwrap().unwrap();

    run_beside_alone(&site, "accept-loss")
        .await
        .is(0)
        .says("written into the book as event 4")
        .says("a checkpoint of 5 was published")
        .says("goes on with number 6 after 3: entries that were lost may have had those between");
    let mut number = None;
    for _ in 0..100 {
        let answer = town.register(&form, &fresh_key()).await;
        if answer.status == 201 {
            number = Some(answer.number());
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(number, Some(6), "the running server numbers on by itself, above what was given and lost");
    assert_eq!(town.count("SELECT count(*) FROM events WHERE type = 'loss_accepted' AND position = 4").await, 1);
    assert!(is_kept(&town, "5", &published).await, "the proof of what was lost stays");
    town.app.publish_once(Log::Book).await.unwrap();
    run_beside_alone(&site, "accept-loss").await.is(0).says("nothing is lost");
    let site = town.stop().await;
    run(&site, &["verify", "book"], None)
        .is(0)
        .says("the book is whole")
        .says("goes on with number 6 after 3")
        .says("event 4");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_newer_book_needs_is_swept_after_an_older_one_was_brought_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (site, said) = brought_back_old(engine, &[]).await;
    said.is(1);
    let town = Town::open(site.clone(), Clock::system(), |_| {}, None).await;
    let objects = async || {
        let listed = town.app.registry.objects().list("L01000000");
        futures_util::StreamExt::count(listed).await
    };
    let sweep = async || town.app.registry.sweep(&town.app.entity, Duration::ZERO).await;
    let before = (objects().await, town.holdings().await.keys);
    assert_eq!(before.0, 5, "two of them belong to entries that this book does not know");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for _ in 0..2 {
        let refused = sweep().await.unwrap_err().to_string();
        assert!(refused.contains("while numbering is held"), "{refused}");
    }
    assert_eq!((objects().await, town.holdings().await.keys), before);

    // Once the loss is accepted, they may be all that is left of those entries: they stay.
    run_beside_alone(&site, "accept-loss").await.is(0);
    for _ in 0..100 {
        if !town.app.registry.holds().is_held(town.app.entity.id) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(sweep().await.unwrap().documents, 0);
    assert_eq!(objects().await, 5);
    // Nor does a refused request take one away that it brought again, whether it is swept or not after that.
    let again = Paper::submission().document("foto", b"taken later, 0").document("otro", b"%PDF-1.7 other");
    town.submit(&again.signed_by_ana().without("otro"), &fresh_key()).await.is(422, "document-mismatch");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(sweep().await.unwrap().documents, 0);
    assert_eq!(objects().await, 5);
    // What is left behind from then on is swept up as ever.
    let paper = Paper::submission().document("plano", b"%PDF-1.7 orphan").document("otro", b"%PDF-1.7 other");
    town.submit(&paper.signed_by_ana().without("otro"), &fresh_key()).await.is(422, "document-mismatch");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    sweep().await.unwrap();
    assert_eq!(objects().await, 5);
}

/// Whether a checkpoint of what was lost is kept beside the book, under a name that no other has.
pub async fn is_kept(town: &Town, size: &str, note: &[u8]) -> bool {
    let hash = ventanilla::domain::Sha256(openssl::sha::sha256(note)).to_string();
    let name = format!("book.lost-{size}-{}.checkpoint", &hash[..8]);
    town.app.registry.objects().get_log("L01000000", &name).await.unwrap().is_some_and(|kept| kept == note)
}

async fn run_beside_alone(site: &Arc<Site>, command: &'static str) -> Said {
    let site = site.clone();
    tokio::task::spawn_blocking(move || run(&site, &command.split_whitespace().collect::<Vec<_>>(), None))
        .await
        .unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_loss_can_be_accepted_while_bringing_back(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (site, said) = brought_back_old(engine, &["--accept-loss"]).await;
    said.is(0).says("the loss is accepted").says("the book is whole");
    let town = Town::open(site, Clock::system(), |_| {}, None).await;
    assert_eq!(town.next_number().await, 6);
}

#[tokio::test]
async fn a_loss_is_written_into_the_book_and_among_the_acts_or_nowhere() {
    let town = Town::on(Engine::Sqlite).await;
    town.next_number().await;
    town.app.publish_once(Log::Book).await.unwrap();
    town.app.hold("a witness has seen more").await.unwrap();
    let written = async || {
        let events = town.count("SELECT count(*) FROM events WHERE type = 'loss_accepted'").await;
        (events, town.count("SELECT count(*) FROM access_log WHERE action = 'loss_accepted'").await)
    };
    let refuse = "CREATE TRIGGER full BEFORE INSERT ON access_log BEGIN SELECT RAISE(ABORT, 'full'); END";
    execute(town.app.store(), refuse).await;
    // A witness's word does not tell which numbers were given.
    let asked = town.app.accept_loss(&Actor::operator("ana"), None).await.unwrap_err().to_string();
    assert!(asked.contains("--next-number"), "{asked}");
    town.app.accept_loss(&Actor::operator("ana"), Some(9)).await.unwrap_err();
    for (number, said) in [(1, "the lowest that is possible is 2"), (i64::MAX, "the highest that is possible is")] {
        let refused = town.app.accept_loss(&Actor::operator("ana"), Some(number)).await.unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
    assert_eq!(written().await, (0, 0));
    assert!(!town.app.check_continuity().await, "numbering stays held");
    execute(town.app.store(), "DROP TRIGGER full").await;
    let lost = town.app.accept_loss(&Actor::operator("ana"), Some(9)).await.unwrap().unwrap();
    assert_eq!((lost.leaves, lost.why.as_str()), (1, "a witness has seen more"));
    assert_eq!(written().await, (1, 1));
    assert!(town.app.check_continuity().await);
    assert_eq!(town.next_number().await, 9);
    assert!(town.app.accept_loss(&Actor::operator("ana"), None).await.unwrap().is_none());
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn numbering_is_held_while_what_was_published_cannot_be_read(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    town.next_number().await;
    town.app.publish_once(Log::Book).await.unwrap();
    let objects = town.app.registry.objects();
    let published = objects.get_log("L01000000", "book.checkpoint").await.unwrap().unwrap();
    objects.put_log("L01000000", "book.checkpoint", b"not a checkpoint\0".to_vec()).await.unwrap();
    // Whether numbering was held before or not: it is now.
    for _ in 0..2 {
        assert!(!town.app.check_continuity().await);
        let refused = town.register(&Paper::counter().form(), &fresh_key()).await.is(503, "unavailable");
        assert!(refused.text().contains("does not continue what was published"), "{}", refused.text());
    }
    let ready = town.get("/readyz", "nobody").await.is(503, "").text();
    assert!(ready.contains("the checkpoint that was published cannot be read"), "{ready}");
    objects.put_log("L01000000", "book.checkpoint", published.to_vec()).await.unwrap();
    assert!(town.app.check_continuity().await);
    assert_eq!(town.next_number().await, 2);

    // Nobody has the file any more: what it said is given up, and that is written down.
    objects.put_log("L01000000", "book.checkpoint", b"not a checkpoint\0".to_vec()).await.unwrap();
    let lost = town.app.accept_loss(&Actor::operator("ana"), Some(3)).await.unwrap().unwrap();
    assert!(lost.why.contains("cannot be read"), "{}", lost.why);
    assert!(town.app.check_continuity().await);
    assert_eq!(town.next_number().await, 3);
    assert!(is_kept(&town, "unreadable", b"not a checkpoint\0").await);
    assert_eq!(town.findings().await, Vec::<String>::new());
}
