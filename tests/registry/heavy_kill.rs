//! `kill -9` at any moment: what was acknowledged is there, with its number, and nothing is there twice.
//!
//! # Why
//! The page cache survives these kills, so they prove that nothing is told too early and nothing is half done; that it
//! would survive a power cut, too, is shown by the syncs in `durability.rs`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::harness::killable_postgres::KillablePostgres;
use crate::harness::ledger::{Ledger, chance};
use crate::harness::paper::Signer;
use crate::harness::program::Program;
use crate::harness::site::{Engine, Site};

const CLIENTS: usize = 64;

/// How often the server is killed: 50 times in every run, more by hand with `VENTANILLA_KILLS=1000`.
#[expect(clippy::disallowed_methods, reason = "asked of the test, not of the registry")]
fn kills(usual: usize) -> usize {
    std::env::var("VENTANILLA_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(usual)
}

/// Starts 64 clients of a program.
fn clients(ledger: &Ledger, program: &Program) -> tokio::task::JoinSet<()> {
    let signer = Arc::new(Signer::of("citizen-prime256v1"));
    (0..CLIENTS)
        .map(|client| {
            let (ledger, door, signer) = (ledger.clone(), program.door(), signer.clone());
            async move { ledger.register_until_stopped(door, signer, client).await }
        })
        .collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_killed_again_and_again(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
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
    println!("{kills} kills in {:?}: {} entries were acknowledged", started.elapsed(), ledger.len());
    assert!(ledger.len() > kills, "something was registered between the kills");
    ledger.holds(&program.door(), &site.store().await).await;
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
}
