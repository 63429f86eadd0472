//! Things that go away and come back: the registry says so meanwhile, and goes on by itself.

use std::process::Command;
use std::sync::Arc;

use object_store::memory::InMemory;
use rstest::rstest;
use ventanilla::store::objects::Objects;

use crate::harness::door::Answer;
use crate::harness::faulty_objects::FaultyObjects;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::postgres_proxy::ProxyPg;
use crate::harness::program::Program;
use crate::harness::services::Services;
use crate::harness::site::{Engine, Site, scalar};
use crate::harness::town::Town;

#[track_caller]
fn unavailable(answer: Answer) {
    let answer = answer.is(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "5");
}

/// What `/readyz` says of a part; empty when all is well.
async fn not_ready(town: &Town, part: &str) -> String {
    let answer = town.get("/readyz", "admin").await;
    let json = answer.json();
    assert_eq!(answer.status == 200, json["ready"].as_bool().unwrap(), "{json}");
    if answer.status == 200 { String::new() } else { json["parts"][part].as_str().unwrap().to_owned() }
}

#[tokio::test]
async fn a_database_that_goes_away_comes_back_without_a_restart() {
    let url = Services::get().fresh_postgres_database().await;
    let proxy = ProxyPg::before(&url).await;
    let town = Town::over(Site::on_database(proxy.url()).await, |_| {}, None).await;
    assert_eq!(town.next_number().await, 1);
    assert_eq!(not_ready(&town, "database").await, "");
    proxy.refuse();
    let (form, key) = (Paper::counter().form(), fresh_key());
    let (answer, looked, ready) =
        tokio::join!(town.register(&form, &key), town.get("/entries", "clerk"), not_ready(&town, "database"),);
    unavailable(answer);
    unavailable(looked);
    assert_ne!(ready, "ok");
    assert_eq!(town.get("/healthz", "admin").await.status, 200);
    proxy.accept();
    assert_eq!(town.register(&form, &key).await.number(), 2);
    assert_eq!(not_ready(&town, "database").await, "");
}

#[rstest]
#[tokio::test]
async fn an_object_store_that_goes_away_comes_back(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(engine).await;
    let town = Town::over(site, |_| {}, Some(Objects::over(Arc::new(objects.clone())))).await;
    let paper = Paper::submission().document("plano", b"%PDF-1.7");
    let first = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    objects.break_down();
    let before = town.holdings().await;
    let (form, key) = (Paper::submission().document("plano", b"%PDF-1.7 2").signed_by_ana(), fresh_key());
    unavailable(town.submit(&form, &key).await);
    let entry = &first["entry"];
    let path = format!(
        "/entries/{}/documents/{}",
        entry["id"].as_str().unwrap(),
        entry["documents"][0]["id"].as_str().unwrap()
    );
    unavailable(town.get(&path, "clerk").await);
    assert_ne!(not_ready(&town, "object_store").await, "ok");
    assert_eq!(town.holdings().await, before);
    // What needs no object goes on.
    assert_eq!(town.next_number().await, 2);
    objects.recover();
    assert_eq!(town.submit(&form, &key).await.number(), 3);
    town.get(&path, "clerk").await.is(200, "");
}

/// A disk on which no file can grow beyond so many KiB, for one process; zero takes the limit away.
fn limit_files(process: u32, kilobytes: u64) {
    let soft = if kilobytes == 0 { "unlimited".to_owned() } else { (kilobytes << 10).to_string() };
    let option = format!("--fsize={soft}:unlimited");
    let done = Command::new("prlimit").args(["--pid", &process.to_string(), &option]).status().unwrap();
    assert!(done.success());
}

#[tokio::test]
async fn a_full_disk_numbers_nothing_and_is_over_when_there_is_room_again() {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    // Without the signal, a write beyond the limit fails as on a full disk.
    let program = Program::start_with(&site, &[], &["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    let door = program.door();
    assert_eq!(door.register(&Paper::counter().form(), &fresh_key()).await.number(), 1);
    let store = site.store().await;

    limit_files(program.id(), 64);
    let (form, key) = (Paper::counter().document("largo", &vec![b'x'; 1 << 20]).form(), fresh_key());
    unavailable(door.register(&form, &key).await);
    let log = std::fs::metadata(site.path("ventanilla.db-wal")).unwrap().len() >> 10;
    limit_files(program.id(), log.max(1));
    let (small, small_key) = (Paper::counter().with("statement", "x".repeat(4000)).form(), fresh_key());
    unavailable(door.register(&small, &small_key).await);
    assert_eq!(scalar(&store, "SELECT count(*) FROM entries").await, 1);

    limit_files(program.id(), 0);
    assert_eq!(door.register(&small, &small_key).await.number(), 2);
    assert_eq!(door.register(&form, &key).await.number(), 3);
    assert_eq!(scalar(&store, "SELECT count(*) FROM entries").await, 3);
}

#[tokio::test]
async fn a_full_database_numbers_nothing_and_is_over_when_there_is_room_again() {
    let town = Town::on(Engine::Sqlite).await;
    assert_eq!(town.next_number().await, 1);
    let pages = town.count("SELECT page_count FROM pragma_page_count").await;
    let ventanilla::store::Store::Sqlite { writer, .. } = town.app.store() else { unreachable!() };
    let limit = |pages: i64| sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    let mut numbered = 1;
    // The pages there are have some room left. Who meets the limit first may be what follows an entry: then its
    // connection is replaced, and the next one has no limit yet.
    let refused = loop {
        sqlx::query(limit(pages)).execute(writer).await.unwrap();
        let answer = town.register(&Paper::counter().with("statement", "x".repeat(4000)).form(), &fresh_key()).await;
        if answer.status != 201 {
            break answer;
        }
        numbered += 1;
    };
    unavailable(refused);
    assert_eq!(town.holdings().await.entries, numbered);
    sqlx::query(limit(1 << 30)).execute(writer).await.unwrap();
    assert_eq!(town.next_number().await, numbered + 1);
}
