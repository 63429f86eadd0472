//! Failures between two writes: whatever fails, nobody hears of a number that is not durable, nothing stays half done,
//! and the next request works.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use object_store::memory::InMemory;
use rstest::rstest;
use ventanilla::store::Tx;
use ventanilla::store::objects::Objects;

use crate::harness::door::Answer;
use crate::harness::faulty_objects::{Fault, FaultyObjects};
use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::postgres_proxy::{Cut, ProxyPg};
use crate::harness::services::Services;
use crate::harness::site::{Engine, Site, execute};
use crate::harness::town::Town;

/// A submission that touches everything: two documents, one of them in parts, and the signature of one.
fn everything() -> Form {
    let mut paper = Paper::submission().document("plano", b"%PDF-1.7").document("largo", &vec![b'x'; 11 << 20]);
    paper.json["documents"][0]["signature"] = serde_json::json!({"part": "firma"});
    let signature = crate::harness::paper::Signer::of("citizen2").sign(b"%PDF-1.7");
    paper.signed_by_ana().part("firma", &signature)
}

/// Demands a refusal that promises that nothing was numbered, and sees that it is so.
#[track_caller]
fn unavailable(answer: Answer) {
    let answer = answer.is(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "5");
}

#[rstest]
#[tokio::test]
async fn every_call_of_the_object_store_may_fail(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(Fault::Before, Fault::After)] fault: Fault,
) {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(engine).await;
    let town = Town::over(site, |_| {}, Some(Objects::over(Arc::new(objects.clone())))).await;
    // What the server looks up once, at its start, is no part of a submission.
    town.submit(&everything(), &fresh_key()).await.is(201, "");
    objects.recover();
    town.submit(&everything(), &fresh_key()).await.is(201, "");
    let calls = objects.calls();
    assert!(calls.len() >= 8, "documents, a signature of one, what was signed, its signature: {calls:?}");
    for n in 1..=calls.len() {
        let before = town.holdings().await;
        let (form, key) = (everything(), fresh_key());
        objects.fail_nth(n, fault);
        let answer = town.submit(&form, &key).await;
        println!("{n}: {}", calls[n - 1]);
        if calls[n - 1] == "get" && answer.status == 201 {
            // A listing or a look may be repeated by the store itself.
            continue;
        }
        unavailable(answer);
        assert_eq!(town.holdings().await, before);
        assert_eq!(town.submit(&form, &key).await.number(), before.last_numbers + 1);
    }
}

/// What a table does when a test forbids it.
fn forbid(engine: Engine, table: &str, event: &str) -> (String, String) {
    match engine {
        Engine::Sqlite => (
            format!(
                "CREATE TRIGGER forbidden BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'as the test wants'); END"
            ),
            "DROP TRIGGER forbidden".into(),
        ),
        Engine::Postgres => (
            format!(
                "CREATE OR REPLACE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN RAISE EXCEPTION ''as the test wants''; END';
                 CREATE TRIGGER forbidden BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION forbid()"
            ),
            format!("DROP TRIGGER forbidden ON {table}"),
        ),
    }
}

/// Every table that is the registry's own.
async fn tables(town: &Town) -> Vec<String> {
    let names: Vec<String> = match &mut town.app.store().read().await.unwrap() {
        Tx::Sqlite(tx) => sqlx::query_scalar(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'entry_text%'",
        )
        .fetch_all(&mut **tx)
        .await
        .unwrap(),
        Tx::Postgres(tx) => {
            sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'entry_text'")
                .fetch_all(&mut **tx)
                .await
                .unwrap()
        }
    };
    names.into_iter().filter(|name| !name.starts_with('_')).collect()
}

#[rstest]
#[tokio::test]
async fn every_table_may_refuse_what_numbering_writes(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    assert_eq!(town.next_number().await, 1);
    let mut written = Vec::new();
    for table in tables(&town).await {
        for event in ["INSERT", "UPDATE"] {
            let (install, remove) = forbid(engine, &table, event);
            settled(&town).await;
            let before = town.holdings().await;
            execute(town.app.store(), &install).await;
            let (form, key) = (Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana(), fresh_key());
            let answer = town.submit(&form, &key).await;
            execute(town.app.store(), &remove).await;
            if answer.status == 201 {
                continue;
            }
            unavailable(answer);
            written.push(format!("{event} {table}"));
            assert_eq!(town.holdings().await, before, "{event} {table}");
            assert_eq!(town.submit(&form, &key).await.number(), before.last_numbers + 1, "{event} {table}");
        }
    }
    written.sort();
    // Refused by these, so numbering writes all of them; a table to come is tried by itself.
    for expected in [
        "INSERT documents",
        "INSERT entries",
        "INSERT events",
        "INSERT idempotency_keys",
        "INSERT outbox",
        "INSERT parties",
        "INSERT verdicts",
        "UPDATE book_years",
        "UPDATE entities",
        "UPDATE entry_counts",
    ] {
        assert!(written.iter().any(|table| table == expected), "{expected} is not among {written:?}");
    }
}

#[rstest]
#[tokio::test]
async fn a_commit_that_is_refused_numbers_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let (install, remove) = match engine {
        Engine::Sqlite => (
            "CREATE TABLE nobody (id INTEGER PRIMARY KEY);
             CREATE TABLE late (id INTEGER REFERENCES nobody (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER forbidden AFTER INSERT ON entries BEGIN INSERT INTO late VALUES (1); END",
            "DROP TRIGGER forbidden",
        ),
        Engine::Postgres => (
            "CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''too late''; END';
             CREATE CONSTRAINT TRIGGER forbidden AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION forbid()",
            "DROP TRIGGER forbidden ON entries",
        ),
    };
    execute(town.app.store(), install).await;
    let before = town.holdings().await;
    let (form, key) = (Paper::counter().form(), fresh_key());
    unavailable(town.register(&form, &key).await);
    assert_eq!(town.holdings().await, before);
    execute(town.app.store(), remove).await;
    assert_eq!(town.register(&form, &key).await.number(), 1);
}

/// Waits until nothing is left to follow up.
async fn settled(town: &Town) {
    while town.count("SELECT count(*) FROM outbox").await > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A town whose database stands behind a proxy, and its neighbour that talks to the database directly.
async fn behind_a_proxy() -> (ProxyPg, Town, Town) {
    let url = Services::get().fresh_postgres_database().await;
    let proxy = ProxyPg::before(&url).await;
    let direct = Town::over(Site::on_database(&url).await, |_| {}, None).await;
    let town = Town::over(Site::on_database(proxy.url()).await, |_| {}, None).await;
    (proxy, town, direct)
}

#[tokio::test]
async fn every_statement_of_a_request_may_be_the_last_of_its_connection() {
    let (proxy, town, direct) = behind_a_proxy().await;
    assert_eq!(town.next_number().await, 1);
    settled(&direct).await;
    proxy.cut_nothing();
    assert_eq!(town.next_number().await, 2);
    let statements = proxy.statements();
    assert!(statements > 6, "a registration needs more than {statements}");
    let mut last = 2;
    for n in 1..=statements {
        settled(&direct).await;
        let (form, key) = (Paper::counter().form(), fresh_key());
        proxy.cut(Cut::BeforeStatement(n));
        let answer = town.register(&form, &key).await;
        proxy.cut_nothing();
        if answer.status != 201 {
            unavailable(answer);
            assert_eq!(direct.holdings().await.entries, last, "statement {n}");
        }
        // Answered or not, the request is repeated: it is one entry, and the next number.
        last += 1;
        assert_eq!(town.register(&form, &key).await.number(), last, "statement {n}");
        assert_eq!(direct.holdings().await.entries, last, "statement {n}");
    }
}

#[rstest]
#[case::before_it_arrived(Cut::BeforeCommit)]
#[case::after_it_was_executed(Cut::AfterCommit)]
#[tokio::test]
async fn when_the_answer_to_commit_is_lost_the_outcome_is_looked_up(#[case] cut: Cut) {
    let (proxy, town, direct) = behind_a_proxy().await;
    assert_eq!(town.next_number().await, 1);
    settled(&direct).await;
    let (form, key) = (Paper::counter().form(), fresh_key());
    proxy.cut(cut);
    let answer = town.register(&form, &key).await;
    assert!(proxy.has_cut());
    assert_eq!((answer.header("idempotency-replayed").to_owned(), answer.number()), (String::new(), 2));
    assert_eq!(direct.holdings().await.entries, 2);
    assert_eq!(town.register(&form, &key).await.number(), 2);
    assert_eq!(direct.next_number().await, 3);
}

#[rstest]
#[case::before_it_arrived(Cut::BeforeCommit)]
#[case::after_it_was_executed(Cut::AfterCommit)]
#[tokio::test]
async fn when_nobody_can_be_asked_the_outcome_is_unknown_and_a_repeat_tells(#[case] cut: Cut) {
    let (proxy, town, direct) = behind_a_proxy().await;
    assert_eq!(town.next_number().await, 1);
    settled(&direct).await;
    let (form, key) = (Paper::counter().form(), fresh_key());
    proxy.cut_and_refuse(cut);
    let answer = town.register(&form, &key).await.is(503, "outcome-unknown");
    assert_eq!(answer.header("retry-after"), "5");
    let there = direct.holdings().await.entries;
    assert_eq!(there, if cut == Cut::AfterCommit { 2 } else { 1 });
    proxy.accept();
    let again = town.register(&form, &key).await;
    assert_eq!(again.header("idempotency-replayed") == "true", cut == Cut::AfterCommit);
    assert_eq!(again.number(), 2);
    assert_eq!(direct.holdings().await.entries, 2);
    assert_eq!(direct.next_number().await, 3);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_bad_member_does_not_fail_its_63_neighbours(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let trigger = match engine {
        Engine::Sqlite => {
            "CREATE TRIGGER picky BEFORE INSERT ON entries WHEN NEW.subject = 'el malo'
             BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        }
        Engine::Postgres => {
            "CREATE FUNCTION picky() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''not this one''; END';
             CREATE TRIGGER picky BEFORE INSERT ON entries FOR EACH ROW WHEN (NEW.subject = 'el malo')
             EXECUTE FUNCTION picky()"
        }
    };
    execute(town.app.store(), trigger).await;
    // Somebody holds the lock meanwhile, so that all of them gather for one batch.
    let other = town.site.store().await;
    let mut holding = other.begin().await.unwrap();
    ventanilla::store::book::lock(&mut holding, town.app.entity.id).await.unwrap();
    let requests = (0..64).map(|n| {
        let paper = Paper::counter();
        let form = if n == 40 { paper.with("subject", "el malo").form() } else { paper.form() };
        let town = &town;
        async move { town.register(&form, &fresh_key()).await }
    });
    let release = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        drop(holding);
    };
    let (answers, ()) = tokio::join!(join_all(requests), release);
    let mut numbers = Vec::new();
    for (n, answer) in answers.into_iter().enumerate() {
        if n == 40 {
            unavailable(answer);
        } else {
            numbers.push(answer.number());
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=63).collect::<Vec<_>>());
    assert_eq!(town.holdings().await.entries, 63);
    assert_eq!(town.next_number().await, 64);
}
