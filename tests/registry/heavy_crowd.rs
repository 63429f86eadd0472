//! Many at once: 200 clients, 10,000 entries, two processes on one PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::harness::ledger::{Errand, Ledger};
use crate::harness::paper::Signer;
use crate::harness::program::Program;
use crate::harness::site::{Engine, Site};

const CLIENTS: usize = 200;
/// Each fourth is a submission signed on an elliptic curve, the others come from the counter; each has a document.
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
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= ENTRIES {
                        return;
                    }
                    ledger.run(&door, &Errand::fresh(turn, &signer)).await;
                }
            }
        })
        .collect();
    clients.join_all().await;
    let elapsed = started.elapsed();
    println!("{ENTRIES} entries in {elapsed:?}, {}/s", ENTRIES as u128 * 1000 / elapsed.as_millis());
    assert_eq!(ledger.len(), ENTRIES);
    ledger.holds(&programs[0].door(), &site.store().await).await;
}
