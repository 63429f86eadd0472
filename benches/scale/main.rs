//! How long the pages of lists take in a large book, beside a look-up by primary key on the same database.
//!
//! `cargo bench --bench scale` fills a database of each engine with a million entries and their attentions, always the same
//! ones, and prints how long each list takes: the median of some, and how many times a look-up of one entry by its id
//! that is. `cargo bench --bench scale -- sqlite` or `postgres` does one of them (start a PostgreSQL first with
//! `eval "$(tests/services)"`). `VENTANILLA_BENCH_ENTRIES` sets how many entries there are: 100000 is a quick look. A
//! million take 2 GB on either engine, in the temporary folder (`TMPDIR`) or in PostgreSQL, and are removed at the end. The
//! database that `VENTANILLA_BENCH_DATABASE` names by its URL is kept, and filled only where it has no entries.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should say where")]
#![expect(clippy::disallowed_methods, reason = "it reads its settings and the time")]

mod fill;
mod lists;
mod text;

use std::path::Path;
use std::time::{Duration, Instant};

use ventanilla::app::App;
use ventanilla::clock::Clock;
use ventanilla::config::Config;

fn entries() -> i64 {
    let entries = std::env::var("VENTANILLA_BENCH_ENTRIES").ok().and_then(|text| text.parse().ok());
    entries.unwrap_or(1_000_000)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

async fn open(folder: &Path, url: &str) -> App {
    let mut config = Config::default();
    config.objects.url = format!("file://{}", folder.join("objects").display());
    config.database.url = serde_json::from_value(serde_json::json!(url)).unwrap();
    App::open(config, Clock::system()).await.unwrap()
}

/// Fills the database, lets it settle as an import does, and takes the times.
async fn measure(app: &App) {
    if lists::any(app).await {
        return lists::run(app).await;
    }
    let entries = entries();
    let started = Instant::now();
    fill::entries(app, entries).await;
    fill::attentions(app, entries).await;
    println!("  {entries} entries and as many attentions written in {:.1} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    app.store().settle().await.unwrap();
    println!("  analysed and settled in {:.1} s", started.elapsed().as_secs_f64());
    lists::run(app).await;
}

async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.db");
    let app = open(folder.path(), &format!("sqlite://{}", file.display())).await;
    println!("\nSQLite");
    measure(&app).await;
    let size = |suffix: &str| {
        let file = folder.path().join(format!("bench.db{suffix}"));
        std::fs::metadata(file).map(|metadata| metadata.len() / 1_000_000).unwrap_or_default()
    };
    println!("  the database has {} MB, its write-ahead log {} MB", size(""), size("-wal"));
    app.store().close().await;
}

async fn postgres() {
    let server = std::env::var("VENTANILLA_TEST_POSTGRES").expect("run: eval \"$(tests/services)\"");
    let (base, _) = server.rsplit_once('/').unwrap();
    let name = format!("scale_{}", std::process::id());
    let admin = sqlx::PgPool::connect(&server).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path(), &format!("{base}/{name}")).await;
    let version: (String,) = sqlx::query_as("SELECT version()").fetch_one(&admin).await.unwrap();
    println!("\n{}", version.0.split(" (").next().unwrap());
    measure(&app).await;
    let size: (i64,) = sqlx::query_as("SELECT pg_database_size($1)").bind(&name).fetch_one(&admin).await.unwrap();
    println!("  the database has {} MB", size.0 / 1_000_000);
    app.store().close().await;
    sqlx::query(sqlx::AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&admin).await.unwrap();
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if let Ok(url) = std::env::var("VENTANILLA_BENCH_DATABASE") {
            let folder = tempfile::tempdir().unwrap();
            let app = open(folder.path(), &url).await;
            println!("\n{}", url.split(':').next().unwrap());
            measure(&app).await;
            return app.store().close().await;
        }
        if wants("sqlite") {
            sqlite().await;
        }
        if wants("postgres") {
            postgres().await;
        }
    });
}
