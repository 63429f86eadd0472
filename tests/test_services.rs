//! The harness itself: a fault that is not really injected would make every test over it pass for nothing.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod harness;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use harness::faulty_objects::{Fault, FaultyObjects};
use harness::killable_postgres::KillablePostgres;
use harness::postgres_proxy::{Cut, ProxyPg};
use harness::services::Services;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use rstest::rstest;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};

async fn table_of_numbers(url: &str) -> PgPool {
    let pool = PgPool::connect(url).await.unwrap();
    sqlx::query("CREATE TABLE numbers (number BIGINT PRIMARY KEY)").execute(&pool).await.unwrap();
    pool
}

async fn count(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM numbers").fetch_one(pool).await.unwrap()
}

async fn insert(pool: &PgPool, number: i64) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query("INSERT INTO numbers VALUES ($1)").bind(number).execute(&mut *tx).await?;
    tx.commit().await
}

#[tokio::test]
async fn postgres_keeps_its_durable_defaults() {
    let mut connection = PgConnection::connect(&Services::get().fresh_postgres_database().await).await.unwrap();
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        let value: String =
            sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(&mut connection).await.unwrap();
        assert_eq!(value, "on", "{setting}");
    }
}

#[tokio::test]
async fn a_template_is_filled_once_and_its_copies_are_apart() {
    let services = Services::get();
    let template = Services::fresh_s3_prefix();
    let first = services
        .postgres_database_from(&template, async |url| {
            table_of_numbers(&url).await.close().await;
        })
        .await;
    let second = services.postgres_database_from(&template, async |_| panic!("it was there")).await;
    let (first, second) = (PgPool::connect(&first).await.unwrap(), PgPool::connect(&second).await.unwrap());
    insert(&first, 1).await.unwrap();
    assert_eq!((count(&first).await, count(&second).await), (1, 0));
}

#[tokio::test]
async fn a_commit_that_never_arrives_writes_nothing() {
    let url = Services::get().fresh_postgres_database().await;
    let direct = table_of_numbers(&url).await;
    let proxy = ProxyPg::before(&url).await;
    let pool = PgPool::connect(proxy.url()).await.unwrap();
    insert(&pool, 1).await.unwrap();
    proxy.cut(Cut::BeforeCommit);
    insert(&pool, 2).await.unwrap_err();
    assert!(proxy.has_cut());
    assert_eq!(count(&direct).await, 1);
    insert(&pool, 2).await.unwrap();
    assert_eq!(count(&direct).await, 2);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_has_been_written() {
    let url = Services::get().fresh_postgres_database().await;
    let direct = table_of_numbers(&url).await;
    let proxy = ProxyPg::before(&url).await;
    let pool = PgPool::connect(proxy.url()).await.unwrap();
    proxy.cut(Cut::AfterCommit);
    insert(&pool, 1).await.unwrap_err();
    assert!(proxy.has_cut());
    assert_eq!(count(&direct).await, 1);
}

#[tokio::test]
async fn every_statement_of_a_transaction_can_be_the_last() {
    let url = Services::get().fresh_postgres_database().await;
    let direct = table_of_numbers(&url).await;
    let proxy = ProxyPg::before(&url).await;
    let pool = PgPool::connect(proxy.url()).await.unwrap();
    proxy.cut_nothing();
    insert(&pool, 0).await.unwrap();
    let statements = proxy.statements();
    assert_eq!(statements, 3, "BEGIN, INSERT, COMMIT");
    for n in 1..=statements {
        proxy.cut(Cut::BeforeStatement(n));
        insert(&pool, 1).await.unwrap_err();
        assert!(proxy.has_cut(), "statement {n}");
        assert_eq!(count(&direct).await, 1, "statement {n}");
    }
    insert(&pool, 1).await.unwrap();
}

#[tokio::test]
async fn a_refusing_proxy_comes_back_on_the_same_port() {
    let url = Services::get().fresh_postgres_database().await;
    let proxy = ProxyPg::before(&url).await;
    let mut connection = PgConnection::connect(proxy.url()).await.unwrap();
    for _ in 0..3 {
        proxy.refuse();
        tokio::time::sleep(Duration::from_millis(50)).await;
        connection.ping().await.unwrap_err();
        let refused = PgConnection::connect(proxy.url()).await.unwrap_err();
        assert!(
            matches!(&refused, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused),
            "{refused:?}"
        );
        proxy.accept();
        tokio::time::sleep(Duration::from_millis(50)).await;
        connection = PgConnection::connect(proxy.url()).await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_postgres_comes_back_with_what_it_committed() {
    let postgres = KillablePostgres::start().await;
    table_of_numbers(postgres.url()).await.close().await;
    // sqlx tries again for as long as this when a connection is refused.
    let brief = PgPoolOptions::new().acquire_timeout(Duration::from_millis(200));
    let pool = brief.connect(postgres.url()).await.unwrap();
    for number in 1..=3 {
        insert(&pool, number).await.unwrap();
        let mut open = pool.begin().await.unwrap();
        sqlx::query("INSERT INTO numbers VALUES (100)").execute(&mut *open).await.unwrap();
        postgres.kill().await;
        open.commit().await.unwrap_err();
        insert(&pool, 100).await.unwrap_err();
        postgres.start_again().await;
        assert_eq!(count(&pool).await, number);
    }
}

#[rstest]
#[case(Fault::Before, 0)]
#[case(Fault::After, 1)]
#[tokio::test]
async fn a_faulty_store_fails_on_the_side_it_was_told(#[case] fault: Fault, #[case] written: usize) {
    let memory = Arc::new(InMemory::new());
    let objects = FaultyObjects::over(memory.clone());
    let path = Path::from("a");
    objects.fail_nth(2, fault);
    objects.list(None).try_collect::<Vec<_>>().await.unwrap();
    objects.put(&path, Bytes::from_static(b"x").into()).await.unwrap_err();
    assert_eq!(objects.calls(), ["list", "put"]);
    assert_eq!(memory.list(None).try_collect::<Vec<_>>().await.unwrap().len(), written);
    objects.put(&path, Bytes::from_static(b"x").into()).await.unwrap();
    objects.fail_nth(1, fault);
    objects.delete(&path).await.unwrap_err();
    assert_eq!(memory.list(None).try_collect::<Vec<_>>().await.unwrap().len(), 1 - written);
}

#[tokio::test]
async fn every_step_of_an_upload_can_fail() {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let upload = async || -> object_store::Result<()> {
        let mut upload = objects.put_multipart(&Path::from("a")).await?;
        upload.put_part(Bytes::from_static(b"x").into()).await?;
        upload.complete().await?;
        Ok(())
    };
    upload().await.unwrap();
    let calls = objects.calls();
    assert_eq!(calls, ["put_multipart", "put_part", "complete"]);
    for n in 1..=calls.len() {
        objects.fail_nth(n, Fault::Before);
        upload().await.unwrap_err();
    }
    objects.break_down();
    objects.get(&Path::from("a")).await.unwrap_err();
    objects.recover();
    objects.delay(Duration::from_millis(30));
    let start = tokio::time::Instant::now();
    objects.get(&Path::from("a")).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(30));
}
