//! `kill -9` at any moment: what was acknowledged is there, with its number, and nothing is there twice.
//!
//! # Why
//! The page cache survives these kills, so they prove that nothing is told too early and nothing is half done; that it
//! would survive a power cut, too, is shown by the syncs in `durability.rs`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::harness::killable_postgres::KillablePostgres;
use crate::harness::ledger::{Errand, Ledger, chance};
use crate::harness::paper::Signer;
use crate::harness::program::Program;
use crate::harness::site::{Engine, Site, execute, scalar};

const CLIENTS: usize = 32;

/// How often the server is killed: 50 times in every run, more by hand with `VENTANILLA_KILLS=1000`.
#[expect(clippy::disallowed_methods, reason = "asked of the test, not of the registry")]
fn kills(usual: usize) -> usize {
    std::env::var("VENTANILLA_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(usual)
}

/// Starts the clients of a program.
fn clients(ledger: &Ledger, program: &Program) -> tokio::task::JoinSet<()> {
    let signer = Arc::new(Signer::of("citizen-prime256v1"));
    (0..CLIENTS)
        .map(|client| {
            let (ledger, door, signer) = (ledger.clone(), program.door(), signer.clone());
            async move { ledger.register_until_stopped(door, signer, client).await }
        })
        .collect()
}

/// Both engines at once, each with a server of its own: most of the time a killed server is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn the_server_is_killed_again_and_again() {
    let engines = [Engine::Sqlite, Engine::Postgres].map(|engine| tokio::spawn(kill_server_again_and_again(engine)));
    for engine in engines {
        engine.await.unwrap();
    }
}

async fn kill_server_again_and_again(engine: Engine) {
    let site = Site::fresh(engine).await;
    site.settle().await;
    let mut program = Program::start(&site);
    let ledger = Ledger::default();
    let clients = clients(&ledger, &program);
    let (started, kills) = (Instant::now(), kills(50));
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(20 + chance(900))).await;
        program.kill();
        program.start_again(&site);
    }
    ledger.stop();
    clients.join_all().await;
    println!("{engine:?}: {kills} kills in {:?}: {} entries were acknowledged", started.elapsed(), ledger.len());
    assert!(ledger.len() > kills, "something was registered between the kills");
    ledger.holds(&program.door(), &site.store().await).await;
    site.verify_book().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_killed_again_and_again() {
    let postgres = KillablePostgres::start().await;
    let site = Site::on_database(postgres.url()).await;
    site.settle().await;
    let program = Program::start(&site);
    let ledger = Ledger::default();
    let clients = clients(&ledger, &program);
    let (started, kills) = (Instant::now(), kills(50).div_ceil(5));
    for _ in 0..kills {
        let before = ledger.len();
        tokio::time::sleep(Duration::from_millis(20 + chance(800))).await;
        postgres.kill().await;
        tokio::time::sleep(Duration::from_millis(chance(1000))).await;
        postgres.start_again().await;
        // The server finds its way back by itself.
        while ledger.len() == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    ledger.stop();
    clients.join_all().await;
    println!("{kills} kills in {:?}: {} entries were acknowledged", started.elapsed(), ledger.len());
    ledger.holds(&program.door(), &site.store().await).await;
    site.verify_book().await;
}

/// Lets no receipt be kept: what is registered is committed, and its signature is not.
const NO_RECEIPTS: [(Engine, &str, &str); 2] = [
    (
        Engine::Sqlite,
        "CREATE TRIGGER no_receipts BEFORE INSERT ON receipts BEGIN SELECT RAISE(ABORT, 'not now'); END",
        "DROP TRIGGER no_receipts",
    ),
    (
        Engine::Postgres,
        "CREATE FUNCTION no_receipts() RETURNS trigger AS 'BEGIN RAISE EXCEPTION ''not now''; END' LANGUAGE plpgsql;
         CREATE TRIGGER no_receipts BEFORE INSERT ON receipts EXECUTE FUNCTION no_receipts()",
        "DROP FUNCTION no_receipts CASCADE",
    ),
];

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_killed_between_commit_and_signature(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    const ERRANDS: i64 = 8;
    let site = Site::fresh(engine).await;
    site.settle().await;
    let mut program = Program::start(&site);
    let (store, ledger) = (site.store().await, Ledger::default());
    let (_, forbid, allow) = NO_RECEIPTS.into_iter().find(|(of, ..)| *of == engine).unwrap();
    execute(&store, forbid).await;
    let signer = Arc::new(Signer::of("citizen-prime256v1"));
    // Each repeats what was not answered, with the same key.
    let clients: tokio::task::JoinSet<()> = (0..usize::try_from(ERRANDS).unwrap())
        .map(|turn| {
            let (ledger, door, signer) = (ledger.clone(), program.door(), signer.clone());
            async move { ledger.run(&door, &Errand::fresh(turn, &signer)).await }
        })
        .collect();
    while scalar(&store, "SELECT count(*) FROM entries").await < ERRANDS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    program.kill();
    assert_eq!(scalar(&store, "SELECT count(*) FROM receipts").await, 0);
    assert!(scalar(&store, "SELECT count(*) FROM outbox").await >= ERRANDS, "the signatures are still to be made");
    execute(&store, allow).await;
    program.start_again(&site);
    clients.join_all().await;
    ledger.holds(&program.door(), &store).await;
    site.verify_book().await;
}
