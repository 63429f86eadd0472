//! Somebody who can write to the database, and has no key, rewrites what was signed while it is served: nothing is signed
//! that does not continue it.

use rstest::rstest;
use ventanilla::app::App;
use ventanilla::clock::Clock;
use ventanilla::domain::Sha256;
use ventanilla::log::{Edge, leaf_hash};
use ventanilla::registry::act::Actor;
use ventanilla::registry::record;
use ventanilla::store;
use ventanilla::store::log::Log;

use crate::audit_cut::{blob, cut, five_published, publishing, state_file};
use crate::backup::{keyed_town, run_beside};
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{ENTITY, Engine, execute};
use crate::harness::town::Town;

fn edge_over(commitments: impl IntoIterator<Item = Sha256>) -> Vec<u8> {
    let mut edge = Edge::default();
    for commitment in commitments {
        edge.append(leaf_hash(commitment.as_ref())).unwrap();
    }
    edge.to_bytes()
}

/// Rewrites the event at a position as it could have been written, with the right edge over all leaves, and has the receipt of
/// its entry made again.
async fn rewrite(town: &Town, engine: Engine, position: i64) {
    let mut tx = town.app.store().read().await.unwrap();
    let mut events = store::audit::stretch(&mut tx, town.app.entity.id, 1, 99).await.unwrap().events;
    drop(tx);
    let event = &mut events[usize::try_from(position - 1).unwrap()];
    event.by_name = "nadie".into();
    event.commitment = record::commitment(&event.salt.0, &record::of_event(ENTITY, event));
    let commitment = blob(engine, &event.commitment.0);
    let edge = blob(engine, &edge_over(events.iter().map(|event| event.commitment)));
    let statement = format!(
        "UPDATE events SET by_name = 'nadie', commitment = {commitment} WHERE position = {position};
         UPDATE entities SET log_edge = {edge};
         DELETE FROM receipts WHERE entry_id = (SELECT id FROM entries WHERE position = {position})"
    );
    execute(town.app.store(), &statement).await;
}

async fn refuses_to_number(town: &Town, why: &str) {
    let refused = town.register(&Paper::counter().form(), &fresh_key()).await.is(503, "unavailable");
    assert!(refused.text().contains("numbering is held"), "{}", refused.text());
    let ready = town.get("/readyz", "nobody").await.is(503, "").json();
    assert!(ready["parts"]["log"].as_str().unwrap().contains(why), "{ready}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_rewritten_before_it_is_published_is_not_signed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = keyed_town(engine).await;
    for _ in 0..3 {
        town.entry().await;
    }
    town.until("SELECT count(*) FROM outbox", |left| left == 0).await;
    town.get("/log/checkpoint", "nobody").await.is(200, "");
    let kept = std::fs::read(state_file(&town.site)).unwrap();
    rewrite(&town, engine, 3).await;

    refuses_to_number(&town, "does not continue the 3 leaves").await;
    assert_eq!(town.count("SELECT count(*) FROM events").await, 3);
    for path in ["/log/checkpoint", "/log/access/checkpoint"] {
        town.get(path, "nobody").await.is(503, "unavailable");
    }
    assert!(town.app.publish_once(Log::Book).await.is_err());
    // Nor is a receipt sealed of what was written into its place.
    let entry = {
        let mut tx = town.app.store().read().await.unwrap();
        let events = store::audit::stretch(&mut tx, town.app.entity.id, 3, 3).await.unwrap().events;
        events[0].entry_id
    };
    assert!(town.app.receipt(entry).await.is_err());
    assert!(!town.app.check_continuity().await, "the file beside the key says so, too");
    run_beside(&town.site, "backup", &town.site.path("backup")).await.is(2).says("no backup is signed of a book");
    assert_eq!(std::fs::read(state_file(&town.site)).unwrap(), kept, "what contradicts the book stays");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_another_server_signed_is_compared_with_what_it_kept_beside_the_key(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let one = keyed_town(engine).await;
    let other = Town::beside(&one).await;
    assert_eq!(one.next_number().await, 1);
    assert_eq!(other.next_number().await, 2);
    let kept = std::fs::read(state_file(&one.site)).unwrap();
    // The first one has not seen the second entry.
    rewrite(&one, engine, 2).await;
    refuses_to_number(&one, "does not continue the 2 leaves").await;
    refuses_to_number(&other, "does not continue the 2 leaves").await;
    assert_eq!(std::fs::read(state_file(&one.site)).unwrap(), kept);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_not_taken_out_of_the_access_log_while_it_is_served(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = keyed_town(engine).await;
    let entry = town.entry().await;
    let path = format!("/entries/{entry}");
    for _ in 0..2 {
        town.get(&path, "auditor").await.is(200, "");
    }
    assert!(town.app.check_continuity().await);
    town.get(&path, "auditor").await.is(200, "");
    town.get("/log/access/checkpoint", "nobody").await.is(200, "");

    let size = town.count("SELECT count(*) FROM access_log").await;
    let mut tx = town.app.store().read().await.unwrap();
    let id = town.app.entity.id;
    let left = store::log::commitments(&mut tx, id, Log::Access, 0, size - 1).await.unwrap();
    drop(tx);
    let edge = blob(engine, &edge_over(left));
    let statement = format!(
        "DELETE FROM access_log WHERE position = {size};
         UPDATE access_heads SET size = {}, edge = {edge}",
        size - 1
    );
    execute(town.app.store(), &statement).await;

    let refused = town.get(&path, "auditor").await;
    assert!(refused.status == 500 || refused.status == 503, "{}", refused.text());
    town.get("/log/access/checkpoint", "nobody").await.is(503, "unavailable");
    assert_eq!(town.count("SELECT count(*) FROM access_log").await, size - 1);
    // Whoever accepts that goes on from there.
    town.app.accept_loss(&Actor::operator("ana"), None).await.unwrap();
    assert!(town.app.check_continuity().await);
    town.get(&path, "auditor").await.is(200, "");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_loss_that_is_accepted_beside_a_server_ends_what_holds_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let site = five_published(engine).await;
    let town = Town::open(site.clone(), Clock::system(), publishing, None).await;
    assert_eq!(town.next_number().await, 6);
    town.until("SELECT count(*) FROM outbox", |left| left == 0).await;
    cut(town.app.store(), engine, 3).await;
    refuses_to_number(&town, "the book has 3 leaves, but a checkpoint of 6 was signed").await;
    assert!(!town.app.check_continuity().await);

    let beside = App::open(site.config(), Clock::system()).await.unwrap();
    beside.accept_loss(&Actor::operator("ana"), None).await.unwrap().unwrap();
    beside.store().close().await;
    assert!(town.app.check_continuity().await);
    assert_eq!(town.next_number().await, 7);
}
