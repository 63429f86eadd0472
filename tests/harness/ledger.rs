//! What clients were told, kept apart from the registry, and held against it afterwards.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use ventanilla::store::{self, Store};

use super::door::Door;
use super::paper::{Form, Paper, Signer, fresh_key};
use super::site::scalar;

/// An entry that a client was told of.
#[derive(Debug, Clone)]
pub struct Told {
    pub id: String,
    pub number: i64,
    /// The document's id and bytes.
    pub document: (String, Vec<u8>),
}

/// Clients that register until they are told to stop, and what they were told.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    told: Arc<Mutex<Vec<Told>>>,
    stop: Arc<AtomicBool>,
}

/// A request as it may have to be sent several times.
#[derive(Debug)]
pub struct Errand {
    pub path: &'static str,
    pub who: &'static str,
    pub form: Form,
    pub key: String,
    pub document: Vec<u8>,
}

impl Errand {
    /// A counter entry; each fourth is a signed submission instead. Each has a document of its own.
    pub fn fresh(turn: usize, signer: &Signer) -> Self {
        if turn % 4 == 3 {
            return Self::submission(signer);
        }
        let document = document();
        let form = Paper::counter().document("d", &document).form();
        Self { path: "/entries", who: "clerk", form, key: fresh_key(), document }
    }

    /// A signed submission with a document of its own.
    pub fn submission(signer: &Signer) -> Self {
        let document = document();
        let form = Paper::submission().document("d", &document).signed(signer);
        Self { path: "/submissions", who: "eoffice", form, key: fresh_key(), document }
    }
}

fn document() -> Vec<u8> {
    format!("%PDF-1.7 {}", fresh_key()).repeat(20).into_bytes()
}

impl Ledger {
    /// One client after another's heart: it repeats what was not answered, with the same key, until it is.
    pub async fn register_until_stopped(&self, door: Door, signer: Arc<Signer>, first: usize) {
        let mut turn = first;
        while !self.stop.load(Ordering::Relaxed) {
            self.run(&door, &Errand::fresh(turn, &signer)).await;
            turn += 1;
        }
    }

    /// Sends one errand until it is answered.
    pub async fn run(&self, door: &Door, errand: &Errand) {
        let answer = loop {
            match door.try_post(errand.path, errand.who, &errand.form, &errand.key).await {
                Ok(answer) if answer.status == 201 => break answer.json(),
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => panic!("{}: {}", answer.status, answer.text()),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let entry = &answer["entry"];
        self.told.lock().unwrap().push(Told {
            id: entry["id"].as_str().unwrap().to_owned(),
            number: entry["number"].as_i64().unwrap(),
            document: (entry["documents"][0]["id"].as_str().unwrap().to_owned(), errand.document.clone()),
        });
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub fn len(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    /// Everything that somebody was told is so, whatever else there may be.
    pub async fn stands(&self, door: &Door) {
        let told = self.told.lock().unwrap().clone();
        stream::iter(told).for_each_concurrent(32, |told| async move { told.holds(door).await }).await;
    }

    /// Everything that somebody was told is so, and there is nothing else: numbers from 1, each once, no gap; every
    /// document; one key and one receipt an entry; counters that agree with the records.
    pub async fn holds(&self, door: &Door, store: &Store) {
        let told = self.told.lock().unwrap().clone();
        let count = i64::try_from(told.len()).unwrap();
        let numbers: BTreeSet<i64> = told.iter().map(|told| told.number).collect();
        assert_eq!(numbers, (1..=count).collect(), "each number once, no gap");
        for statement in [
            "SELECT count(*) FROM entries",
            "SELECT max(number) FROM entries",
            "SELECT max(position) FROM events",
            "SELECT count(*) FROM events",
            "SELECT count(*) FROM idempotency_keys",
            "SELECT count(*) FROM documents",
            "SELECT max(last_number) FROM book_years",
        ] {
            assert_eq!(scalar(store, statement).await, count, "{statement}");
        }
        let mut tx = store.read().await.unwrap();
        assert_eq!(store::figures::recount(&mut tx, 1).await.unwrap(), [], "counters agree with the records");
        drop(tx);
        stream::iter(told).for_each_concurrent(32, |told| async move { told.holds(door).await }).await;
        // However many wait: some are made in each ten seconds.
        let (mut fewest, mut since) = (i64::MAX, Instant::now());
        loop {
            let waiting = scalar(store, "SELECT count(*) FROM outbox").await;
            if waiting == 0 {
                break;
            }
            if waiting < fewest {
                (fewest, since) = (waiting, Instant::now());
            }
            assert!(since.elapsed() < Duration::from_secs(10), "{waiting} receipts wait, and none is made");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(scalar(store, "SELECT count(*) FROM receipts").await, count, "a receipt each");
    }
}

impl Told {
    async fn holds(&self, door: &Door) {
        let entry = door.get(&format!("/entries/{}", self.id), "auditor").await.is(200, "").json();
        assert_eq!(entry["entry"]["number"], self.number, "{}", self.id);
        let (id, bytes) = &self.document;
        let kept = door.get(&format!("/entries/{}/documents/{id}", self.id), "auditor").await.is(200, "");
        assert!(kept.body == *bytes, "the document of {} is what was sent", self.number);
    }
}

/// A number below `limit` that nobody foresees.
pub fn chance(limit: u64) -> u64 {
    RandomState::new().build_hasher().finish() % limit
}
