//! What the operator's listener tells of numbering and of what follows it.

use rstest::rstest;

use crate::harness::door::Door;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;

/// The value of a metric.
fn value(text: &str, name: &str) -> i64 {
    let line =
        text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap_or_else(|| panic!("{name}: {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_batches_the_queue_and_the_lag_of_the_outbox(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::with(engine, |config| config.admin_listen = "127.0.0.1:0".into()).await;
    let operator = Door::at(&town.admin.clone().unwrap());
    let read = async || {
        let answer = operator.get("/metrics", "nobody").await.is(200, "");
        assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
        answer.text()
    };
    let before = read().await;
    assert_eq!(value(&before, "ventanilla_book_batch_size_count"), 0);
    futures_util::future::join_all((0..40).map(|_| town.next_number())).await;
    let after = read().await;
    assert_eq!(value(&after, "ventanilla_book_batch_size_sum"), 40);
    let batches = value(&after, "ventanilla_book_batch_size_count");
    assert!((1..=40).contains(&batches));
    assert_eq!(value(&after, "ventanilla_book_batch_size_bucket{le=\"+Inf\"}"), batches);
    assert_eq!(value(&after, "ventanilla_book_waiting"), 0);
    assert_eq!(value(&after, "ventanilla_book_refused_total"), 0);
    // What waits, waits since it was written.
    execute(
        town.app.store(),
        "INSERT INTO outbox (id, entity_id, kind, entry_id, created_at, next_attempt_at)
        SELECT id, entity_id, 'late', id, registered_at - 60000000, 9000000000000000 FROM entries WHERE number = 1",
    )
    .await;
    let late = read().await;
    assert!(value(&late, "ventanilla_outbox_waiting") >= 1);
    assert!(value(&late, "ventanilla_outbox_lag_seconds") >= 60);
    // It is the operator's alone: the public listener has none.
    town.get("/api/v1/metrics", "admin").await.is(404, "not-found");
    let _ = town.register(&Paper::counter().form(), &fresh_key()).await;
}
