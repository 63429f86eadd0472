//! Somebody who can write to the database and the object store, and has no key, cuts off the end of a book.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use rstest::rstest;
use ventanilla::audit::{self, Wanted};
use ventanilla::clock::Clock;
use ventanilla::config::Config;
use ventanilla::log::{Edge, leaf_hash};
use ventanilla::registry::act::Actor;
use ventanilla::registry::caller::Entity;
use ventanilla::registry::continuity::confirmed_head;
use ventanilla::registry::ledger::Ledger;
use ventanilla::registry::record;
use ventanilla::store::log::Log;
use ventanilla::store::objects::Objects;
use ventanilla::store::{self, Store};

use crate::backup::{is_kept, keyed_town, run};
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{ENTITY, Engine, Site, execute};
use crate::harness::town::Town;

pub fn blob(engine: Engine, bytes: &[u8]) -> String {
    match engine {
        Engine::Sqlite => format!("X'{}'", hex::encode(bytes)),
        Engine::Postgres => format!("'\\x{}'::bytea", hex::encode(bytes)),
    }
}

pub async fn found(town: &Town) -> Vec<String> {
    let report = audit::book(&town.app, Wanted::default(), &|_, _| {}).await.unwrap();
    report.findings.iter().map(ToString::to_string).collect()
}

/// Publishes once at the start, and then only when a test says so.
pub fn publishing(config: &mut Config) {
    config.proof.seal_seconds = 3600;
}

/// A site of five counter entries of which everything was published and sealed.
pub async fn five_published(engine: Engine) -> Arc<Site> {
    let town = Town::over(Site::keyed(engine).await, publishing, None).await;
    for number in 1..=5 {
        assert_eq!(town.next_number().await, number);
    }
    town.app.publish_once(Log::Book).await.unwrap();
    town.until("SELECT count(*) FROM outbox", |left| left == 0).await;
    assert_eq!(found(&town).await, Vec::<String>::new());
    town.stop().await
}

/// Cuts off all that came after the first entries, with everything in the database that speaks of it.
pub async fn cut(store: &Store, engine: Engine, keep: i64) {
    let mut tx = store.read().await.unwrap();
    let events = store::audit::stretch(&mut tx, 1, 1, keep).await.unwrap().events;
    drop(tx);
    let mut edge = Edge::default();
    for event in &events {
        edge.append(leaf_hash(event.commitment.as_ref())).unwrap();
    }
    let gone = format!("IN (SELECT id FROM entries WHERE position > {keep})");
    execute(
        store,
        &format!(
            "DELETE FROM receipts WHERE entry_id {gone}; DELETE FROM parties WHERE entry_id {gone};
             DELETE FROM documents WHERE entry_id {gone}; DELETE FROM entry_text;
             DELETE FROM idempotency_keys WHERE subject_id IN (SELECT id FROM events WHERE position > {keep});
             DELETE FROM log_seals; DELETE FROM outbox;
             DELETE FROM entries WHERE position > {keep}; DELETE FROM events WHERE position > {keep};
             UPDATE entities SET last_event = {keep}, log_edge = {}; UPDATE book_years SET last_number = {keep};
             UPDATE entry_counts SET total = {keep}, natural_total = {keep}",
            blob(engine, &edge.to_bytes())
        ),
    )
    .await;
}

/// Takes away what was published of the book.
async fn unpublish(site: &Site) {
    let app = ventanilla::app::App::open(site.config(), Clock::system()).await.unwrap();
    let prefix =
        site.config().objects.url.strip_prefix("s3://").and_then(|rest| Some(rest.split_once('/')?.1.to_owned()));
    let at = format!("{}/{ENTITY}/log/book.checkpoint", prefix.unwrap_or_default());
    app.registry.objects().inner().delete(&ObjectPath::from(at)).await.unwrap();
    app.store().close().await;
}

pub fn state_file(site: &Site) -> PathBuf {
    site.path("log.key.state")
}

pub async fn is_held(town: &Town, why: &str) {
    let refused = town.register(&Paper::counter().form(), &fresh_key()).await.is(503, "unavailable");
    assert!(refused.text().contains("does not continue what was published"), "{}", refused.text());
    let ready = town.get("/readyz", "nobody").await.is(503, "").json();
    assert!(ready["parts"]["log"].as_str().unwrap().contains(why), "{ready}");
    // What is not the book that was signed is not signed either.
    town.get("/log/checkpoint", "nobody").await.is(503, "unavailable");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_book_whose_end_was_cut_off_with_all_that_was_published_is_named_and_numbers_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let site = five_published(engine).await;
    let kept = std::fs::read(state_file(&site)).unwrap();
    let store = site.store().await;
    cut(&store, engine, 3).await;
    store.close().await;
    unpublish(&site).await;

    run(&site, &["verify", "book"], None)
        .is(1)
        .says("the checkpoint of 5 leaves (signed last, as the file beside the log's key says) is newer than the book");
    let town = Town::open(site.clone(), Clock::system(), publishing, None).await;
    is_held(&town, "a checkpoint of 5 was signed").await;
    assert_eq!(std::fs::read(state_file(&site)).unwrap(), kept, "what contradicts the book stays");
    // What is cut off is known to the last leaf, so nobody has to say with which number entries go on.
    let lost = town.app.accept_loss(&Actor::operator("ana"), None).await.unwrap().unwrap();
    assert!(lost.to_string().contains("goes on with number 6 after 3"), "{lost}");
    assert!(town.app.check_continuity().await);
    assert_eq!(town.next_number().await, 6);
    assert_eq!(found(&town).await, Vec::<String>::new());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_published_and_signed_the_larger_is_said_and_both_are_kept(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::over(Site::keyed(engine).await, publishing, None).await;
    for number in 1..=5 {
        if number == 5 {
            town.app.publish_once(Log::Book).await.unwrap();
        }
        assert_eq!(town.next_number().await, number);
    }
    town.until("SELECT count(*) FROM outbox", |left| left == 0).await;
    let published = town.app.registry.objects().get_log(ENTITY, "book.checkpoint").await.unwrap().unwrap();
    let signed = town.app.entity.ledger.kept().read(town.app.entity.ledger.origin(Log::Book)).unwrap().unwrap();
    let site = town.stop().await;
    let store = site.store().await;
    cut(&store, engine, 3).await;
    store.close().await;

    let town = Town::open(site, Clock::system(), publishing, None).await;
    is_held(&town, "a checkpoint of 4 was published").await;
    let lost = town.app.accept_loss(&Actor::operator("ana"), None).await.unwrap().unwrap();
    assert!(lost.to_string().contains("goes on with number 6 after 3"), "{lost}");
    assert!(is_kept(&town, "4", &published).await && is_kept(&town, "5", signed.as_bytes()).await);
    let mut tx = town.app.store().read().await.unwrap();
    let events = store::book::events_of(&mut tx, town.app.entity.id, uuid::Uuid::nil()).await.unwrap();
    drop(tx);
    let event: serde_json::Value = serde_json::from_str(&events[0].data).unwrap();
    assert_eq!(event["published"], signed.as_str());
    let acts = town.get("/acts?action=loss_accepted", "auditor").await.is(200, "").json();
    assert_eq!(acts["items"][0]["detail"][0]["published"], 5, "{acts}");

    // A book that is made only now may have been among what is lost: it begins above what it can have given.
    assert!(town.app.check_continuity().await);
    let book = serde_json::json!({"name": "Obras", "kind": "incoming", "prefix": "OB"}).to_string();
    let headers = [("content-type", "application/json")];
    let path = "/api/v1/books/obras";
    town.try_send(reqwest::Method::PUT, path, Some("admin"), &headers, book.into_bytes()).await.unwrap().is(201, "");
    for number in [3, 4] {
        let form = Paper::counter().with("book", "obras").form();
        assert_eq!(town.register(&form, &fresh_key()).await.number(), number);
    }
    assert_eq!(found(&town).await, Vec::<String>::new());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_is_cut_while_it_is_served_numbers_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let site = five_published(engine).await;
    // Nothing looks again at what was published.
    let town = Town::open(site, Clock::system(), |_| {}, None).await;
    assert!(town.app.check_continuity().await);
    cut(town.app.store(), engine, 3).await;
    is_held(&town, "the book has 3 leaves, but a checkpoint of 5 was signed").await;
    assert_eq!(town.count("SELECT count(*) FROM events").await, 3);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn without_the_file_beside_the_key_it_is_named_by_what_is_missing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let site = five_published(engine).await;
    let store = site.store().await;
    cut(&store, engine, 3).await;
    store.close().await;
    std::fs::remove_file(state_file(&site)).unwrap();
    // The checkpoint of before is signed, too: nothing says that it is not the newest, but for the seals that are gone.
    let town = Town::open(site.clone(), Clock::system(), publishing, None).await;
    is_held(&town, "a checkpoint of 5 was published").await;
    // More may have been signed after it was published.
    let asked = town.app.accept_loss(&Actor::operator("ana"), None).await.unwrap_err().to_string();
    assert!(asked.contains("--next-number"), "{asked}");
    unpublished_then_unsealed(&town).await;
}

async fn unpublished_then_unsealed(town: &Town) {
    let objects = town.app.registry.objects();
    let three = {
        // By the same key, without what is remembered of the log.
        let ledger = Ledger::new(
            town.app.entity.ledger.origin(Log::Book),
            &std::fs::read_to_string(town.site.path("log.key")).unwrap(),
        )
        .unwrap();
        let entity = Entity { ledger, ..town.app.entity.as_ref().clone() };
        let known = entity.ledger.known(Log::Book);
        let mut tx = town.app.store().read().await.unwrap();
        let tree = confirmed_head(&mut tx, &entity, known).await.unwrap();
        entity.ledger.checkpoint(&tree).unwrap()
    };
    objects.put_log(ENTITY, "book.checkpoint", three.into_bytes()).await.unwrap();
    assert!(!town.app.check_continuity().await);
    is_held(town, "a seal was used, and no checkpoint of it is sealed").await;
    assert!(found(town).await.iter().any(|one| one.contains("the seals were taken away")));
    unpublish(&town.site).await;
    assert!(!town.app.check_continuity().await);
    is_held(town, "no checkpoint of it was published").await;
    assert!(found(town).await.iter().any(|one| one.contains("no checkpoint of it is published")));
    let asked = town.app.accept_loss(&Actor::operator("ana"), None).await.unwrap_err().to_string();
    assert!(asked.contains("--next-number"), "{asked}");
    town.app.accept_loss(&Actor::operator("ana"), Some(9)).await.unwrap().unwrap();
    assert!(town.app.check_continuity().await);
    assert_eq!(town.next_number().await, 9);
}

#[rstest]
#[tokio::test]
async fn a_book_whose_seals_were_taken_away_is_held_until_that_is_accepted(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    // Whose key is in the database: no file says how far the book had come.
    let town = Town::with(engine, publishing).await;
    assert!(town.app.kept_state().unwrap().contains("name a file in proof.key, or one in proof.state"));
    for _ in 0..2 {
        town.next_number().await;
    }
    town.app.publish_once(Log::Book).await.unwrap();
    assert!(town.app.check_continuity().await);
    execute(town.app.store(), "DELETE FROM log_seals").await;
    assert!(!town.app.check_continuity().await);
    town.app.accept_loss(&Actor::operator("ana"), Some(3)).await.unwrap().unwrap();
    assert!(town.app.check_continuity().await);
    assert_eq!(town.next_number().await, 3);
    assert_eq!(found(&town).await, Vec::<String>::new());
}

/// As where `objects.url` is mistyped: the state beside the key vouches for the book, and none of its documents is there.
#[rstest]
#[case::published(3600)]
#[case::that_publishes_nothing(0)]
#[tokio::test(flavor = "multi_thread")]
async fn a_book_over_another_object_store_numbers_nothing_until_that_is_accepted(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] seal_seconds: u64,
) {
    let town = Town::over(Site::keyed(engine).await, |config| config.proof.seal_seconds = seal_seconds, None).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7 a plan").signed_by_ana();
    town.submit(&form, &fresh_key()).await.is(201, "");
    let site = town.stop().await;
    let change = |config: &mut Config| config.proof.seal_seconds = seal_seconds;
    let other = Objects::over(Arc::new(InMemory::new()));
    let town = Town::open(site.clone(), Clock::system(), change, Some(other.clone())).await;
    is_held(&town, "is `objects.url` the store that was used before?").await;
    // What is sent meanwhile does not make it the right one.
    let more = Paper::submission().document("plano", b"%PDF-1.7 another plan").signed_by_ana();
    town.submit(&more, &fresh_key()).await.is(503, "unavailable");
    assert!(!town.app.check_continuity().await);
    let site = town.stop().await;
    let town = Town::open(site, Clock::system(), change, None).await;
    assert_eq!(town.next_number().await, 2);
    let town = Town::open(town.stop().await, Clock::system(), change, Some(other)).await;
    town.app.accept_loss(&Actor::operator("ana"), Some(9)).await.unwrap().unwrap();
    assert!(town.app.check_continuity().await);
    assert_eq!(town.next_number().await, 9);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_was_rewritten_with_all_that_was_published_is_named(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = keyed_town(engine).await;
    for _ in 0..3 {
        town.entry().await;
    }
    town.until("SELECT count(*) FROM outbox", |left| left == 0).await;
    let mut tx = town.app.store().read().await.unwrap();
    let mut events = store::audit::stretch(&mut tx, town.app.entity.id, 1, 3).await.unwrap().events;
    drop(tx);
    events[0].by_name = "nadie".into();
    events[0].commitment = record::commitment(&events[0].salt.0, &record::of_event(ENTITY, &events[0]));
    let mut edge = Edge::default();
    for event in &events {
        edge.append(leaf_hash(event.commitment.as_ref())).unwrap();
    }
    let (commitment, edge) = (blob(engine, &events[0].commitment.0), blob(engine, &edge.to_bytes()));
    let rewrite = format!(
        "DELETE FROM receipts WHERE entry_id = (SELECT id FROM entries WHERE position = 1);
         UPDATE events SET by_name = 'nadie', commitment = {commitment} WHERE position = 1;
         UPDATE entities SET log_edge = {edge}"
    );
    execute(town.app.store(), &rewrite).await;
    let named = found(&town).await;
    for wanted in
        ["(signed last, as the file beside the log's key says) is of another history", "(in the receipt of entry"]
    {
        assert!(named.iter().any(|one| one.contains(wanted)), "{wanted}: {named:?}");
    }
    assert!(!town.app.check_continuity().await);
    is_held(&town, "does not continue the checkpoint of 3 leaves that was signed").await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_keep_what_they_sign_in_one_file(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let one = keyed_town(engine).await;
    let other = Town::beside(&one).await;
    for number in [1, 3, 5] {
        assert_eq!(one.next_number().await, number);
        assert_eq!(other.next_number().await, number + 1);
    }
    let note = one.app.entity.ledger.kept().read(one.app.entity.ledger.origin(Log::Book)).unwrap().unwrap();
    assert_eq!(note.lines().nth(1), Some("6"));
    // As on another machine, whose file knows less: a larger book that continues it is fine.
    let site = one.site.clone();
    let less = std::fs::read(state_file(&site)).unwrap();
    other.next_number().await;
    std::fs::write(state_file(&site), less).unwrap();
    assert!(one.app.check_continuity().await && other.app.check_continuity().await);
    assert_eq!(one.next_number().await, 8);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_key_or_another_name_is_no_loss_and_accept_loss_says_so(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = keyed_town(engine).await;
    town.next_number().await;
    town.app.publish_once(Log::Book).await.unwrap();
    let site = town.stop().await;
    let key = std::fs::read(site.path("log.key")).unwrap();

    std::fs::write(site.path("log.key"), Ledger::new_key().unwrap()).unwrap();
    let town = Town::open(site.clone(), Clock::system(), |_| {}, None).await;
    is_held(&town, "proof.key is not the key of this book. Put the former key's file back").await;
    let refused = town.app.accept_loss(&Actor::operator("ana"), Some(2)).await.unwrap_err().to_string();
    assert!(refused.contains("`ventanilla accept-loss` is not for this"), "{refused}");
    let site = town.stop().await;

    std::fs::write(site.path("log.key"), key).unwrap();
    let renamed = |config: &mut Config| config.proof.origin = "sede.example.es/otra".into();
    let town = Town::open(site.clone(), Clock::system(), renamed, None).await;
    is_held(&town, "the settings name the log \"sede.example.es/otra\": set proof.origin").await;
    let refused = town.app.accept_loss(&Actor::operator("ana"), Some(2)).await.unwrap_err().to_string();
    assert!(refused.contains("`ventanilla accept-loss` is not for this"), "{refused}");
    assert_eq!(town.count("SELECT count(*) FROM events WHERE type = 'loss_accepted'").await, 0);
    let site = town.stop().await;

    let town = Town::open(site, Clock::system(), |_| {}, None).await;
    assert_eq!(town.next_number().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_said_and_stops_nothing() {
    let site = Site::keyed(Engine::Sqlite).await;
    let nowhere = site.path("nowhere").join("log.state");
    let town = Town::over(site, |config| config.proof.state = nowhere.clone(), None).await;
    town.next_number().await;
    let ready = town.get("/readyz", "nobody").await.is(200, "").json();
    let said = ready["parts"]["log"].as_str().unwrap();
    assert!(said.starts_with("ok: what was signed last cannot be kept in") && said.contains("proof.state"), "{said}");
    std::fs::create_dir(nowhere.parent().unwrap()).unwrap();
    town.next_number().await;
    assert_eq!(town.get("/readyz", "nobody").await.is(200, "").json()["parts"]["log"], "ok");
    assert!(nowhere.exists());
}

/// What somebody writes, how it is undone, and how it is named.
const PLANTED: [(&str, &str, &str); 5] = [
    (
        "UPDATE access_log SET entry_id = (SELECT id FROM events WHERE position = 1) WHERE position = 1",
        "UPDATE access_log SET entry_id = NULL WHERE position = 1",
        "a line of the access log names the entry",
    ),
    (
        "INSERT INTO outbox (id, entity_id, kind, entry_id, created_at, next_attempt_at)
         SELECT id, entity_id, 'registered', id, 1, 9000000000000000 FROM events WHERE position = 1",
        "DELETE FROM outbox",
        "something to be done names the entry",
    ),
    (
        "UPDATE events SET tree_size = 99 WHERE position = 2",
        "UPDATE events SET tree_size = 2 WHERE position = 2",
        "event 2 names a tree of 99 leaves",
    ),
    (
        "INSERT INTO log_cosignatures (entity_id, log, size, witness, line, at) SELECT id, 'book', 7, 'w', 'x', 1 FROM entities",
        "DELETE FROM log_cosignatures",
        "a cosignature of w names a tree of 7 leaves, and the book has 2",
    ),
    (
        "INSERT INTO erased_objects (entity_id, entry_id, kind, sha256) SELECT e.entity_id, e.id, 'json', v.commitment
         FROM entries e JOIN events v ON v.position = e.position WHERE e.position = 1",
        "DELETE FROM erased_objects",
        "an object (json) of entry",
    ),
];

#[rstest]
#[tokio::test]
async fn rows_that_name_what_there_is_not_are_named(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    for _ in 0..2 {
        town.entry().await;
    }
    town.until("SELECT count(*) FROM outbox", |left| left == 0).await;
    assert_eq!(found(&town).await, Vec::<String>::new());
    for (plant, undo, named) in PLANTED {
        execute(town.app.store(), plant).await;
        let found = found(&town).await;
        assert!(found.iter().any(|one| one.contains(named)), "{named}: {found:?}");
        execute(town.app.store(), undo).await;
    }
    assert_eq!(found(&town).await, Vec::<String>::new());
}
