//! PostgreSQL: the registry, and floors by `pgbench` on the same server.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use ventanilla::app::App;
use ventanilla::clock::Clock;
use ventanilla::config::Config;

use crate::{CALLERS, Figure, heading, load, seconds};

/// The tables of the floors (a) and (b); (c) uses the registry's own.
const TABLES: &str = "
    CREATE TABLE floor_plain (id BIGSERIAL PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE floor_counter (id BIGINT PRIMARY KEY, last BIGINT NOT NULL);
    INSERT INTO floor_counter VALUES (1, 0);
    INSERT INTO books (entity_id, code, kind, name, prefix) VALUES (1, 'floor', 'incoming', 'Floor', 'F');
    CREATE SEQUENCE floor_id;
";

const PLAIN: &str = "INSERT INTO floor_plain (body) VALUES ('Solicitud de licencia de obra menor');\n";

const COUNTER: &str = "
BEGIN;
UPDATE floor_counter SET last = last + 1 WHERE id = 1;
INSERT INTO floor_plain (body) VALUES ('Solicitud de licencia de obra menor');
COMMIT;
";

/// The rows of full entries with one document each, as the registry commits them, so many a transaction.
fn full(entries: usize) -> String {
    // Identifiers that grow, like the registry's: random ones would make the floor's indexes slower than ours.
    let id = |kind: u8| format!("CAST(lpad(to_hex(CAST(:base AS bigint) + i), 30, '0') || '{kind:02x}' AS uuid)");
    let (entry, document, event, submission, outbox) = (id(1), id(2), id(3), id(4), id(5));
    let record = "x".repeat(1800);
    let verdict = "x".repeat(520);
    format!(
        "
BEGIN;
UPDATE entities SET last_event = last_event WHERE id = 1 RETURNING last_event AS position, last_registered_at AS before \\gset
SELECT setval('floor_id', nextval('floor_id') + {entries}) - {entries} AS base \\gset
SELECT count(*) FROM idempotency_keys WHERE entity_id = 1 AND caller = 'token-floor' AND key = ANY(SELECT 'key-' || (CAST(:base AS bigint) + i) FROM generate_series(1, {entries}) i);
INSERT INTO book_years (entity_id, book, year, last_number, live) VALUES (1, 'floor', 2026, {entries}, true)
  ON CONFLICT (entity_id, book, year) DO UPDATE SET last_number = book_years.last_number + {entries} RETURNING last_number - {entries} AS number \\gset
INSERT INTO entries (id, entity_id, book, kind, year, number, code, position, presented_at, registered_at, effective_at,
  registered_on, effective_on, channel, authentication_method, status, rectified, imported, version, routing, registered_by,
  submission_id, csv, csv_sha256, subject, statement, request, destination_unit)
  SELECT {entry}, 1, 'floor', 'incoming', 2026, CAST(:number AS bigint) + i, '2026-F-' || lpad((CAST(:number AS bigint) + i)::text, 6, '0'), 1000000000 + CAST(:number AS bigint) + i,
  1767222000000000, 1767222000000000, 1767222000000000, '2026-01-01', '2026-01-01', 'electronic', 'signature', 'registered', false, false, 1,
  'internal', 'floor', {submission}, 'F' || lpad(to_hex(CAST(:base AS bigint) + i), 25, '0'), sha256(int8send(CAST(:base AS bigint) + i)), 'Solicitud de licencia de obra menor',
  'Que tiene previsto reformar la cocina de su vivienda, sin afectar a la estructura.',
  'Que se le conceda la licencia de obra menor que corresponde.', 'L01000000' FROM generate_series(1, {entries}) i;
INSERT INTO parties (entry_id, ordinal, entity_id, person_type, id_type, id, given_name, first_surname, second_surname, email, receives_notifications)
  SELECT {entry}, 0, 1, 'natural', 'nif', '00000000T', 'Ana', 'García', 'López', 'ana@example.org', true FROM generate_series(1, {entries}) i;
INSERT INTO documents (id, entity_id, entry_id, ordinal, part, filename, title, media_type, size, sha256, validity, kind, format_not_accepted)
  SELECT {document}, 1, {entry}, 0, 'plano', 'plano.pdf', 'Plano', 'application/pdf', 52311, sha256(int8send(CAST(:base AS bigint) + i)), 'copy', 'attachment', false
  FROM generate_series(1, {entries}) i;
INSERT INTO verdicts (entry_id, ordinal, covers, indication, verdict)
  SELECT {entry}, 0, 'submission', 'total_passed', '{verdict}' FROM generate_series(1, {entries}) i;
INSERT INTO events (id, entity_id, position, entry_id, type, at, by_name, by_role, data, salt, commitment, tree_size)
  SELECT {event}, 1, 1000000000 + CAST(:number AS bigint) + i, {entry}, 'registered', 1767222000000000, 'floor', 'eoffice', '{record}', sha256(int8send(CAST(:base AS bigint) + i)), sha256(int8send(i)), 1 FROM generate_series(1, {entries}) i;
INSERT INTO idempotency_keys (entity_id, caller, key, body_sha256, operation, subject_id, created_at)
  SELECT 1, 'token-floor', 'key-' || (CAST(:base AS bigint) + i), sha256(int8send(CAST(:base AS bigint) + i)), 'register', {event}, 1767222000000000 FROM generate_series(1, {entries}) i;
INSERT INTO outbox (id, entity_id, kind, entry_id, created_at)
  SELECT {outbox}, 1, 'registered', {entry}, 1767222000000000 FROM generate_series(1, {entries}) i;
INSERT INTO entry_counts (entity_id, book, date, channel, total) VALUES (1, 'floor', '2026-01-01', 'electronic', {entries})
  ON CONFLICT (entity_id, book, date, channel) DO UPDATE SET total = entry_counts.total + {entries};
UPDATE entities SET last_registered_at = last_registered_at WHERE id = 1;
COMMIT;
"
    )
}

/// Runs a script by `pgbench`, prepared; transactions a second and their mean wait.
fn pgbench(url: &str, script: &str, clients: usize, duration: Duration) -> Figure {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(script.as_bytes()).unwrap();
    let log = tempfile::tempdir().unwrap();
    let output = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-j", "2", "-l", "--log-prefix"])
        .arg(log.path().join("log"))
        .args(["-c", &clients.to_string(), "-T", &duration.as_secs().to_string(), "-f"])
        .arg(file.path())
        .arg(url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut waits = Vec::new();
    for file in std::fs::read_dir(log.path()).unwrap() {
        for line in std::fs::read_to_string(file.unwrap().path()).unwrap().lines() {
            waits.push(Duration::from_micros(line.split(' ').nth(2).unwrap().parse().unwrap()));
        }
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")).unwrap();
    let tps: f64 = tps.split(' ').next().unwrap().parse().unwrap();
    Figure { per_second: tps, ..Figure::of(waits, duration) }
}

/// The table.
pub async fn run() {
    let server = std::env::var("VENTANILLA_TEST_POSTGRES").expect("run: eval \"$(tests/services)\"");
    let (base, _) = server.rsplit_once('/').unwrap();
    let name = format!("bench_{}", std::process::id());
    let admin = sqlx::PgPool::connect(&server).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
    let url = format!("{base}/{name}");
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.objects.url = format!("file://{}", folder.path().display());
    config.database.url = serde_json::from_value(serde_json::json!(url)).unwrap();
    let app = App::open(config, Clock::system()).await.unwrap();

    let bench = sqlx::PgPool::connect(&url).await.unwrap();
    sqlx::raw_sql(TABLES).execute(&bench).await.unwrap();
    let version: (String,) = sqlx::query_as("SELECT version()").fetch_one(&bench).await.unwrap();
    heading(&format!("PostgreSQL ({})", version.0.split(" (").next().unwrap()));
    for (setting, value, _) in app.store().durability().await.unwrap() {
        println!("  {setting} = {value}");
    }
    let duration = seconds();
    let (one, sixty_four) = (full(1), full(64));
    for callers in CALLERS {
        pgbench(&url, PLAIN, callers, duration).print("(a) floor: one plain row a transaction", callers);
        let row_lock = pgbench(&url, COUNTER, callers, duration);
        row_lock.print("(b) floor: a counter behind a row lock", callers);
        let floor = if callers == 1 {
            let floor = pgbench(&url, &one, 1, duration);
            floor.print("(c) floor: a full entry, one a transaction", callers);
            floor
        } else {
            let batches = pgbench(&url, &sixty_four, callers, duration);
            let floor = Figure { per_second: 64.0 * batches.per_second, ..batches };
            floor.print("(c) floor: full entries, 64 a transaction", callers);
            floor
        };
        let ours = load::register(&app, callers, duration).await;
        ours.print("registry", callers);
        println!(
            "    registry / (c) = {:.2}    registry / (b) = {:.2}",
            ours.per_second / floor.per_second,
            ours.per_second / row_lock.per_second
        );
    }
    app.store().close().await;
    bench.close().await;
    sqlx::query(sqlx::AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&admin).await.unwrap();
}
