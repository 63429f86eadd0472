//! The book as a log: proofs, checkpoints and tiles, as strangers get and check them.

use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::Sha256;
use ventanilla::log::{Checkpoint, Edge, VerifierKey, leaf_hash, verify_consistency, verify_inclusion};
use ventanilla::receipt::check::{CheckError, check};
use ventanilla::registry::ledger::Proof;
use ventanilla::store::log::Log;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;

fn key(town: &Town) -> VerifierKey {
    town.app.entity.ledger.verifier(Log::Book).clone()
}

/// The checkpoint that a proof leads to, once the proof is checked.
fn checked(proof: &Value, key: &VerifierKey) -> Checkpoint {
    let proof: Proof = serde_json::from_value(proof.clone()).unwrap();
    let opened = Checkpoint::open(proof.checkpoint.as_bytes(), std::slice::from_ref(key), &[]).unwrap();
    assert_eq!((opened.checkpoint.size, &opened.checkpoint.origin), (proof.tree_size, &proof.origin));
    verify_inclusion(&proof.leaf_hash, proof.leaf_index, proof.tree_size, &proof.hashes, &opened.checkpoint.root)
        .unwrap();
    opened.checkpoint
}

async fn newest(town: &Town) -> Checkpoint {
    let note = town.get("/log/checkpoint", "nobody").await.is(200, "");
    assert!(note.header("content-type").starts_with("text/plain"));
    Checkpoint::open(&note.body, &[key(town)], &[]).unwrap().checkpoint
}

#[rstest]
#[tokio::test]
async fn every_201_proves_that_its_entry_stands_in_the_book(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let mut before: Option<Checkpoint> = None;
    for number in 1..=5_u64 {
        let form = Paper::submission().document("plano", b"%PDF-1.7 a plan").signed_by_ana();
        let registered = town.submit(&form, &fresh_key()).await.registered();
        assert_eq!(registered["proof"]["leaf_index"], number - 1);
        let now = checked(&registered["proof"], &key(&town));
        assert_eq!(now, newest(&town).await, "what was answered is what is published");
        if let Some(before) = before {
            let path = format!("/log/consistency?old={}&new={}", before.size, now.size);
            let answer = town.get(&path, "nobody").await.is(200, "").json();
            let hashes: Vec<Sha256> = serde_json::from_value(answer["hashes"].clone()).unwrap();
            verify_consistency(before.size, &before.root, now.size, &now.root, &hashes).unwrap();
        }
        before = Some(now);
    }
}

#[rstest]
#[tokio::test]
async fn a_repeat_is_answered_with_the_proof_of_then(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let (form, repeated) = (Paper::submission().signed_by_ana(), fresh_key());
    let first = town.submit(&form, &repeated).await.is(201, "");
    for _ in 0..3 {
        town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    }
    let again = town.submit(&form, &repeated).await.is(201, "");
    assert_eq!(again.body, first.body, "byte by byte");
    let proof = format!("/entries/{}/proof", first.json()["entry"]["id"].as_str().unwrap());
    let today = town.get(&proof, "nobody").await.is(200, "").json();
    assert_eq!(today["tree_size"], 4);
    checked(&today, &key(&town));
}

#[rstest]
#[tokio::test]
async fn the_receipt_proves_itself_and_no_letter_of_it_can_be_changed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let registered = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    let path = registered["receipt"]["json"].as_str().unwrap();
    let receipt = town.get(path, "eoffice").await.is(200, "").body;
    let key = key(&town);
    let found = check(&receipt, &key).unwrap();
    assert_eq!(found.code, registered["entry"]["code"].as_str().unwrap());

    let whole: Value = serde_json::from_slice(&receipt).unwrap();
    let altered = |pointer: &str, to: Value| {
        let mut receipt = whole.clone();
        *receipt.pointer_mut(pointer).unwrap() = to;
        check(&serde_json::to_vec(&receipt).unwrap(), &key).unwrap_err()
    };
    for (pointer, to) in [
        ("/entry/number", json!(2)),
        ("/entry/presented_at", json!("2020-01-01T00:00:00.000000+01:00")),
        ("/entry/interested_parties/0/given_name", json!("Eva")),
        ("/csv", json!("0")),
        ("/log/by/name", json!("another")),
        ("/log/position", json!(2)),
        ("/issuer/code", json!("L01000001")),
        ("/signatures", json!([])),
    ] {
        assert!(matches!(altered(pointer, to), CheckError::Altered(0)), "{pointer}");
    }
    let mut forged = whole.clone();
    let checkpoint = forged["proof"]["checkpoint"].as_str().unwrap().replacen("\n1\n", "\n2\n", 1);
    forged["proof"]["checkpoint"] = checkpoint.into();
    let error = check(&serde_json::to_vec(&forged).unwrap(), &key).unwrap_err();
    assert!(matches!(error, CheckError::Checkpoint { .. }), "{error}");
    let stranger = Town::on(Engine::Sqlite).await;
    let other = stranger.app.entity.ledger.verifier(Log::Book).clone();
    assert!(matches!(check(&receipt, &other).unwrap_err(), CheckError::Checkpoint { .. }));
}

#[rstest]
#[tokio::test]
async fn tiles_give_the_whole_tree_and_nothing_else(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    for _ in 0..600 / 100 {
        let forms: Vec<_> = (0..100).map(|_| Paper::counter().form()).collect();
        let keys: Vec<_> = forms.iter().map(|_| fresh_key()).collect();
        let sent = forms.iter().zip(&keys).map(|(form, key)| town.register(form, key));
        for answer in futures_util::future::join_all(sent).await {
            answer.registered();
        }
    }
    let head = newest(&town).await;
    assert_eq!(head.size, 600);
    let get = async |path: &str| town.get(&format!("/log/tile/{path}"), "nobody").await;
    let mut edge = Edge::default();
    for (path, width) in [("000", 256), ("001", 256), ("002.p/88", 88)] {
        let hashes = get(&format!("0/{path}")).await.is(200, "").body;
        let bundle = get(&format!("entries/{path}")).await.is(200, "");
        assert!(bundle.header("cache-control").contains("immutable"));
        let entries = ventanilla::log::tile::parse_bundle(&bundle.body).unwrap();
        assert_eq!((entries.len(), hashes.len()), (width, 32 * width));
        for (entry, hash) in entries.iter().zip(hashes.chunks(32)) {
            assert_eq!(leaf_hash(entry).0, *hash);
            edge.append(leaf_hash(entry)).unwrap();
        }
    }
    assert_eq!(edge.root(), head.root);
    assert_eq!(get("1/000.p/2").await.is(200, "").body.len(), 64);
    for missing in
        ["1/000.p/3", "1/000", "0/002", "0/002.p/89", "0/003.p/1", "2/000.p/1", "entries/2", "0/000.p/0", "x"]
    {
        get(missing).await.is(404, "not-found");
    }
    let proof = town.count("SELECT CAST(max(position) AS BIGINT) FROM events").await;
    assert_eq!(proof, 600);
}

#[rstest]
#[tokio::test]
async fn looks_are_a_tree_of_their_own(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let id = town.entry().await;
    for _ in 0..3 {
        town.get(&format!("/entries/{id}"), "clerk").await.is(200, "");
    }
    // Beside the three looks, the two acts of the server, in its own time: what was there before, and its seal.
    town.until("SELECT count(*) FROM access_log WHERE action = 'seal_used'", |used| used > 0).await;
    let note = town.get("/log/access/checkpoint", "nobody").await.is(200, "");
    let key = town.app.entity.ledger.verifier(Log::Access).clone();
    let head = Checkpoint::open(&note.body, &[key], &[]).unwrap().checkpoint;
    assert_eq!(head.size, 5);
    let tile = format!("/log/access/tile/0/000.p/{}", head.size);
    let hashes = town.get(&tile, "nobody").await.is(200, "").body;
    let mut edge = Edge::default();
    for hash in hashes.chunks(32) {
        edge.append(Sha256(hash.try_into().unwrap())).unwrap();
    }
    assert_eq!(edge.root(), head.root);
}

#[rstest]
#[tokio::test]
async fn one_size_has_one_checkpoint_also_after_a_restart(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    town.entry().await;
    let first = town.get("/log/checkpoint", "nobody").await.is(200, "").body;
    let site = town.stop().await;
    let town = Town::open(site, ventanilla::clock::Clock::system(), |_| {}, None).await;
    assert_eq!(town.get("/log/checkpoint", "nobody").await.is(200, "").body, first);
}
