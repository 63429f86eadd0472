//! The sweep of what belongs to nobody, and the documents that it must never take from anybody.

use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use rstest::rstest;
use serde_json::json;
use ventanilla::clock::Clock;
use ventanilla::registry::sweep::Swept;
use ventanilla::store::objects::Objects;

use crate::harness::faulty_objects::FaultyObjects;
use crate::harness::paper::{Form, Paper, Signer, fresh_id, fresh_key};
use crate::harness::raw::{Raw, said};
use crate::harness::site::{ENTITY, Engine, Site, execute};
use crate::harness::town::Town;

/// Old enough to be swept up, in these tests.
const AGE: Duration = Duration::from_millis(1200);

const PLAN: &[u8] = b"%PDF-1.7 a plan";

/// A document that was stored by a process that died before it was numbered.
async fn leave_an_orphan(town: &Town) {
    let hash = ventanilla::domain::Sha256(openssl::sha::sha256(PLAN));
    let mut upload = town.app.registry.objects().upload(ENTITY, hash);
    upload.write(PLAN).await.unwrap();
    upload.finish().await.unwrap();
}

/// A claim on it by a sweep that died.
async fn claim_an_orphan_long_ago(town: &Town) {
    leave_an_orphan(town).await;
    tokio::time::sleep(AGE + Duration::from_secs(1)).await;
    let hash = ventanilla::domain::Sha256(openssl::sha::sha256(PLAN));
    let long_ago = ventanilla::domain::Micros(town.clock.now().0 - 3_600_000_000);
    let mut tx = town.app.store().begin().await.unwrap();
    assert!(ventanilla::store::claims::claim(&mut tx, town.app.entity.id, hash, long_ago).await.unwrap());
    tx.commit().await.unwrap();
}

async fn stored(town: &Town) -> usize {
    futures_util::StreamExt::count(town.app.registry.objects().list(ENTITY)).await
}

async fn sweep(town: &Town) -> Swept {
    town.app.registry.sweep(&town.app.entity, AGE).await.unwrap()
}

/// Everything that the entries refer to can be read.
async fn nothing_is_lost(town: &Town) {
    let list = town.get("/entries", "auditor").await.is(200, "").json();
    for entry in list["items"].as_array().unwrap() {
        for document in entry["documents"].as_array().unwrap() {
            let (entry, id) = (entry["id"].as_str().unwrap(), document["id"].as_str().unwrap());
            town.get(&format!("/entries/{entry}/documents/{id}"), "auditor").await.is(200, "");
        }
    }
}

#[rstest]
#[tokio::test]
async fn what_belongs_to_nobody_goes_and_what_an_entry_refers_to_stays(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let mut paper = Paper::submission().document("memoria", b"%PDF-1.7 kept");
    paper.json["documents"][0]["signature"] = json!({"part": "firma"});
    let form = paper.signed_by_ana().part("firma", &Signer::of("citizen2").sign(b"%PDF-1.7 kept"));
    town.submit(&form, &fresh_key()).await.is(201, "");
    leave_an_orphan(&town).await;
    // What is signed is kept before it is numbered: this one never was.
    let objects = town.app.registry.objects();
    objects.put_signed(ENTITY, fresh_id(), "json", b"{}").await.unwrap();
    objects.put_signed(ENTITY, fresh_id(), "p7s", b"x").await.unwrap();
    let unfinished = town.site.path("objects/L01000000/sha256/aa");
    if engine == Engine::Sqlite {
        std::fs::create_dir_all(&unfinished).unwrap();
        std::fs::write(unfinished.join("aaaa#1"), b"half").unwrap();
    }
    assert_eq!(stored(&town).await, 3);
    assert_eq!(sweep(&town).await, Swept::default(), "all of it is too young");
    tokio::time::sleep(AGE + Duration::from_secs(1)).await;
    let unfinished = u64::from(engine == Engine::Sqlite);
    assert_eq!(sweep(&town).await, Swept { documents: 1, signed: 2, unfinished, ..Swept::default() });
    assert_eq!(stored(&town).await, 2);
    nothing_is_lost(&town).await;
    assert_eq!(sweep(&town).await, Swept::default());
    // Once it is gone it can be submitted like any other.
    let again = Paper::submission().document("plano", PLAN).signed_by_ana();
    assert_eq!(town.submit(&again, &fresh_key()).await.number(), 2);
    nothing_is_lost(&town).await;
}

/// Whoever writes to the database, and not to the object store, would have the registry delete what an entry brought.
#[rstest]
#[case::a_document_without_its_row("DELETE FROM documents", 2, 2)]
#[case::a_claim_that_nobody_made(
    "INSERT INTO object_claims (entity_id, sha256, claimed_at) SELECT entity_id, sha256, 1 FROM documents",
    2,
    2
)]
#[case::what_was_signed_without_its_entry(
    "DELETE FROM entry_text; DELETE FROM receipts; DELETE FROM documents; DELETE FROM entries",
    2,
    2
)]
#[tokio::test]
async fn what_an_event_names_stays_whatever_the_rows_say(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] attack: &str,
    #[case] documents: usize,
    #[case] signed: usize,
) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().document("plano", PLAN).document("memoria", b"%PDF-1.7 kept");
    town.submit(&paper.signed_by_ana(), &fresh_key()).await.is(201, "");
    let kept = async || futures_util::StreamExt::count(town.app.registry.objects().list_signed(ENTITY)).await;
    assert_eq!((stored(&town).await, kept().await), (documents, signed));
    execute(town.app.store(), attack).await;
    tokio::time::sleep(AGE + Duration::from_secs(1)).await;
    assert_eq!(sweep(&town).await, Swept::default());
    assert_eq!((stored(&town).await, kept().await), (documents, signed));
    assert_eq!(town.count("SELECT count(*) FROM object_claims").await, 0);
}

#[rstest]
#[tokio::test]
async fn what_was_removed_before_a_restart_refuses_nobody_after_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().document("plano", PLAN).document("otro", b"%PDF-1.7 other");
    let form = paper.signed_by_ana();
    town.submit(&form.clone().without("otro"), &fresh_key()).await.is(422, "document-mismatch");
    for _ in 0..500 {
        if town.count("SELECT count(*) FROM object_claims WHERE ended_at IS NOT NULL").await > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(town.count("SELECT count(*) FROM object_claims WHERE ended_at IS NULL").await, 0);
    let town = Town::open(town.stop().await, Clock::system(), |_| {}, None).await;
    assert_eq!(town.submit(&form, &fresh_key()).await.number(), 1);
    nothing_is_lost(&town).await;
}

#[rstest]
#[tokio::test]
async fn a_key_is_forgotten_after_48_hours_and_not_before(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    // Its age, and not the clock: where the database has one of its own, both must say that time passed.
    let age = async |hours: i64| {
        let older = format!("UPDATE idempotency_keys SET created_at = created_at - {}", hours * 3_600_000_000);
        execute(town.app.store(), &older).await;
    };
    let (form, key) = (Paper::counter().form(), fresh_key());
    assert_eq!(town.register(&form, &key).await.number(), 1);
    age(47).await;
    assert_eq!(sweep(&town).await.keys, 0);
    assert_eq!(town.register(&form, &key).await.number(), 1);
    age(2).await;
    assert_eq!(sweep(&town).await.keys, 1);
    assert_eq!(town.holdings().await.keys, 0);
}

/// A town over objects in memory whose deletes wait until they are let go.
async fn with_held_deletes(engine: Engine) -> (Town, FaultyObjects, Arc<tokio::sync::Notify>) {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(engine).await;
    let town = Town::over(site, |_| {}, Some(Objects::over(Arc::new(objects.clone())))).await;
    let go_on = objects.hold("delete");
    (town, objects, go_on)
}

/// Starts a sweep and waits until it is about to delete.
async fn about_to_delete(town: &Town, objects: &FaultyObjects) -> tokio::task::JoinHandle<Swept> {
    let app = town.app.clone();
    let sweeping = tokio::spawn(async move { app.registry.sweep(&app.entity, AGE).await.unwrap() });
    for _ in 0..500 {
        if objects.calls().contains(&"delete") {
            return sweeping;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the sweep deletes nothing: {:?}", objects.calls());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_submitted_while_the_sweep_deletes_it_is_sent_again_and_kept(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, objects, go_on) = with_held_deletes(engine).await;
    leave_an_orphan(&town).await;
    tokio::time::sleep(AGE).await;
    let sweeping = about_to_delete(&town, &objects).await;
    let (form, key) = (Paper::submission().document("plano", PLAN).signed_by_ana(), fresh_key());
    let before = town.holdings().await;
    let refused = town.submit(&form, &key).await.is(503, "unavailable");
    assert!(refused.text().contains("sent again"), "{}", refused.text());
    assert_eq!(town.holdings().await, before);
    go_on.notify_one();
    assert_eq!(sweeping.await.unwrap().documents, 1);
    let mut answer = town.submit(&form, &key).await;
    if answer.status == 503 {
        // What was learned with the first refusal was not the end yet.
        answer = town.submit(&form, &key).await;
    }
    assert_eq!(answer.number(), 1);
    nothing_is_lost(&town).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_document_stored_before_the_delete_and_numbered_after_it_is_sent_again_and_kept(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, objects, go_on) = with_held_deletes(engine).await;
    leave_an_orphan(&town).await;
    tokio::time::sleep(AGE).await;
    let paper = Paper::submission().document("plano", PLAN).document("largo", &vec![b'x'; 1 << 20]);
    let form = paper.signed_by_ana();
    let body = form.bytes();
    let sweeping = about_to_delete(&town, &objects).await;
    // Its first document is stored again while the delete is under way; its second takes its time.
    let mut raw = Raw::begin(town.url(), "/submissions", "eoffice", &form.content_type(), body.len()).await;
    assert!(raw.say(&body[..body.len() - 1000]).await);
    let puts = objects.calls().iter().filter(|call| **call == "put").count();
    for _ in 0..200 {
        if objects.calls().iter().filter(|call| **call == "put").count() > puts {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    go_on.notify_one();
    assert_eq!(sweeping.await.unwrap().documents, 1);
    assert!(raw.say(&body[body.len() - 1000..]).await);
    assert_eq!(said(&raw.hear().await), (503, "unavailable".to_owned()));
    assert_eq!(town.holdings().await.entries, 0);
    assert_eq!(town.submit(&form, &fresh_key()).await.number(), 1);
    nothing_is_lost(&town).await;
}

#[rstest]
#[tokio::test]
async fn a_document_that_an_entry_took_up_since_it_was_listed_stays(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(engine).await;
    let town = Town::over(site, |_| {}, Some(Objects::over(Arc::new(objects.clone())))).await;
    leave_an_orphan(&town).await;
    tokio::time::sleep(AGE).await;
    // Stored anew, and not yet numbered: the sweep sees by its age that somebody is about to need it.
    let form = Paper::submission().document("plano", PLAN).document("otro", b"%PDF-1.7 other").signed_by_ana();
    leave_an_orphan(&town).await;
    assert_eq!(sweep(&town).await, Swept::default());
    assert_eq!(town.submit(&form, &fresh_key()).await.number(), 1);
    tokio::time::sleep(AGE).await;
    assert_eq!(sweep(&town).await, Swept::default());
    nothing_is_lost(&town).await;
}

#[rstest]
#[tokio::test]
async fn a_claim_of_a_sweep_that_died_is_closed_when_its_document_comes_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    claim_an_orphan_long_ago(&town).await;
    let form: Form = Paper::submission().document("plano", PLAN).signed_by_ana();
    town.submit(&form, "while it is claimed").await.is(503, "unavailable");
    // The document was stored again just now, so it is not deleted; the claim ends all the same.
    assert_eq!(town.submit(&form, &fresh_key()).await.number(), 1);
    assert_eq!(town.count("SELECT count(*) FROM object_claims WHERE ended_at IS NULL").await, 0);
    nothing_is_lost(&town).await;
}

#[rstest]
#[tokio::test]
async fn a_sweep_that_died_between_claim_and_delete_is_finished_by_the_next(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    claim_an_orphan_long_ago(&town).await;
    assert_eq!(sweep(&town).await.documents, 1);
    assert_eq!(
        (stored(&town).await, town.count("SELECT count(*) FROM object_claims WHERE ended_at IS NULL").await),
        (0, 0)
    );
    let leftover = Path::from("L01000000/sha256/ff/none");
    town.app.registry.objects().inner().put(&leftover, b"no hash".to_vec().into()).await.unwrap();
    tokio::time::sleep(AGE + Duration::from_secs(1)).await;
    sweep(&town).await;
}

#[rstest]
#[case::ahead(365 * 24 * 3_600_000_000)]
#[case::far_behind(-3_600_000_000)]
#[tokio::test]
async fn a_clock_that_stopped_numbering_sweeps_nothing_and_lets_no_key_expire(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] step: i64,
) {
    let town = Town::on(engine).await;
    let (form, key) = (Paper::counter().form(), fresh_key());
    assert_eq!(town.register(&form, &key).await.number(), 1);
    leave_an_orphan(&town).await;
    tokio::time::sleep(AGE + Duration::from_secs(1)).await;
    town.clock.step_by(step);
    let refused = town.app.registry.sweep(&town.app.entity, AGE).await.unwrap_err().to_string();
    assert!(refused.contains("by a clock that cannot be believed"), "{refused}");
    assert_eq!((town.holdings().await.keys, stored(&town).await), (1, 1));
    assert_eq!(town.register(&form, &key).await.number(), 1);
    town.clock.step_by(-step);
    assert_eq!(sweep(&town).await.documents, 1);
}

#[rstest]
#[tokio::test]
async fn a_hold_that_begins_while_the_sweep_goes_on_ends_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, objects, go_on) = with_held_deletes(engine).await;
    leave_an_orphan(&town).await;
    let paper = Paper::submission().document("plano", b"%PDF-1.7 second").document("otro", b"%PDF-1.7 other");
    town.submit(&paper.signed_by_ana().without("otro"), &fresh_key()).await.is(422, "document-mismatch");
    tokio::time::sleep(AGE).await;
    let app = town.app.clone();
    let sweeping = tokio::spawn(async move { app.registry.sweep(&app.entity, AGE).await });
    for _ in 0..500 {
        if objects.calls().contains(&"delete") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    town.app.registry.holds().set(town.app.entity.id, Some("a test says so".into()));
    go_on.notify_one();
    let refused = sweeping.await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("a test says so"), "{refused}");
    assert_eq!(stored(&town).await, 1, "the second one stays");
}
