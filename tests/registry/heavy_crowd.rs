//! Many at once: 200 clients, 10,000 signed submissions, two processes on one PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::harness::ledger::{Errand, Ledger};
use crate::harness::paper::Signer;
use crate::harness::program::Program;
use crate::harness::site::{Engine, Site};

const CLIENTS: usize = 200;
/// Submissions signed on an elliptic curve, each with a document.
const ENTRIES: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_give_200_clients_the_numbers_from_1_to_10_000_each_once() {
    let site = Site::fresh(Engine::Postgres).await;
    site.settle().await;
    let programs = [Program::start(&site), Program::start(&site)];
    let (ledger, signer) = (Ledger::default(), Arc::new(Signer::of("citizen-prime256v1")));
    let (next, started) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let clients: tokio::task::JoinSet<()> = (0..CLIENTS)
        .map(|client| {
            let door = programs[client % 2].door();
            let (ledger, signer, next) = (ledger.clone(), signer.clone(), next.clone());
            async move {
                loop {
                    if next.fetch_add(1, Ordering::Relaxed) >= ENTRIES {
                        return;
                    }
                    ledger.run(&door, &Errand::submission(&signer)).await;
                }
            }
        })
        .collect();
    clients.join_all().await;
    let elapsed = started.elapsed();
    println!("{ENTRIES} submissions in {elapsed:?}, {}/s", ENTRIES as u128 * 1000 / elapsed.as_millis());
    assert_eq!(ledger.len(), ENTRIES);
    ledger.holds(&programs[0].door(), &site.store().await).await;
}
