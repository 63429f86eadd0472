//! SQLite: the registry, and floors by prepared statements on the same engine with the same settings.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use uuid::Uuid;
use ventanilla::app::App;
use ventanilla::clock::Clock;
use ventanilla::config::Config;

use crate::{CALLERS, Figure, heading, load, seconds};

async fn open(folder: &Path) -> App {
    let mut config = Config::default();
    config.objects.url = format!("file://{}", folder.join("objects").display());
    let url = format!("sqlite://{}", folder.join("bench.db").display());
    config.database.url = serde_json::from_value(serde_json::json!(url)).unwrap();
    App::open(config, Clock::system()).await.unwrap()
}

/// A connection with the registry's settings.
fn connect(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join("bench.db")).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.pragma_update(None, "synchronous", "full").unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    connection.set_prepared_statement_cache_capacity(64);
    connection
}

/// Runs a transaction again and again.
fn again(duration: Duration, rows: usize, mut transaction: impl FnMut()) -> Figure {
    let started = Instant::now();
    let mut waits = Vec::new();
    while started.elapsed() < duration {
        let asked = Instant::now();
        transaction();
        waits.push(asked.elapsed());
    }
    let figure = Figure::of(waits, started.elapsed());
    Figure { per_second: figure.per_second * rows as f64, ..figure }
}

/// The rows of full entries with one document each, as the registry commits them.
fn full(connection: &Connection, entries: i64, next: &mut i64, record: &str, verdict: &str) {
    let run = |text: &str, values: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(text).unwrap().execute(values).unwrap();
    };
    run("BEGIN IMMEDIATE", &[]);
    run("UPDATE entities SET last_event = last_event WHERE id = 1", &[]);
    run(
        "INSERT INTO book_years (entity_id, book, year, last_number, live) VALUES (1, 'floor', 2026, $1, true)
         ON CONFLICT (entity_id, book, year) DO UPDATE SET last_number = last_number + $1",
        &[&entries],
    );
    for _ in 0..entries {
        *next += 1;
        let number = *next;
        let id = || Uuid::now_v7().as_bytes().to_vec();
        let (entry, event) = (id(), id());
        run(
            "INSERT INTO entries (id, entity_id, book, kind, year, number, code, position, presented_at, registered_at,
             effective_at, registered_on, effective_on, channel, authentication_method, status, rectified, imported, version,
             routing, registered_by, submission_id, csv, csv_sha256, subject, statement, request, destination_unit)
             VALUES ($1, 1, 'floor', 'incoming', 2026, $2, $3, $4, 1767222000000000, 1767222000000000, 1767222000000000,
             '2026-01-01', '2026-01-01', 'electronic', 'signature', 'registered', false, false, 1, 'internal', 'floor', $5, $6, $7,
             'Solicitud de licencia de obra menor',
             'Que tiene previsto reformar la cocina de su vivienda, sin afectar a la estructura.',
             'Que se le conceda la licencia de obra menor que corresponde.', 'L01000000')",
            params![entry, number, format!("2026-F-{number:06}"), 1_000_000_000 + number, id(), format!("F{number:025}"), openssl::sha::sha256(&number.to_be_bytes()).to_vec()],
        );
        run(
            "INSERT INTO parties (entry_id, ordinal, entity_id, person_type, id_type, id, given_name, first_surname,
             second_surname, email, receives_notifications)
             VALUES ($1, 0, 1, 'natural', 'nif', '00000000T', 'Ana', 'García', 'López', 'ana@example.org', true)",
            params![entry],
        );
        let hash = number.to_be_bytes().repeat(4);
        run(
            "INSERT INTO documents (id, entity_id, entry_id, ordinal, part, filename, title, media_type, size, sha256, validity,
             kind, format_not_accepted)
             VALUES ($1, 1, $2, 0, 'plano', 'plano.pdf', 'Plano', 'application/pdf', 52311, $3, 'copy', 'attachment', false)",
            params![id(), entry, hash],
        );
        run(
            "INSERT INTO verdicts (entry_id, ordinal, covers, indication, verdict) VALUES ($1, 0, 'submission', 'total_passed', $2)",
            params![entry, verdict],
        );
        run(
            "INSERT INTO events (id, entity_id, position, entry_id, type, at, by_name, by_role, data, salt, commitment, tree_size)
             VALUES ($1, 1, $2, $3, 'registered', 1767222000000000, 'floor', 'eoffice', $4, $5, $5, 1)",
            params![event, 1_000_000_000 + number, entry, record, hash],
        );
        run(
            "INSERT INTO idempotency_keys (entity_id, caller, key, body_sha256, operation, subject_id, created_at)
             VALUES (1, 'token:floor', $1, $2, 'register', $3, 1767222000000000)",
            params![format!("key-{number}"), hash, event],
        );
        run(
            "INSERT INTO outbox (id, entity_id, kind, entry_id, created_at) VALUES ($1, 1, 'registered', $2, 1767222000000000)",
            params![id(), entry],
        );
    }
    run(
        "INSERT INTO entry_counts (entity_id, book, date, channel, total) VALUES (1, 'floor', '2026-01-01', 'electronic', $1)
         ON CONFLICT (entity_id, book, date, channel) DO UPDATE SET total = total + $1",
        &[&entries],
    );
    run("UPDATE entities SET last_registered_at = last_registered_at WHERE id = 1", &[]);
    run("COMMIT", &[]);
}

/// The table.
pub async fn run() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let app = open(folder.path()).await;
    let connection = connect(folder.path());
    connection
        .execute_batch(
            "CREATE TABLE floor_plain (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
             CREATE TABLE floor_counter (id INTEGER PRIMARY KEY, last INTEGER NOT NULL);
             INSERT INTO floor_counter VALUES (1, 0);
             INSERT INTO books (entity_id, code, kind, name, prefix) VALUES (1, 'floor', 'incoming', 'Floor', 'F');",
        )
        .unwrap();
    heading(&format!("SQLite {}", rusqlite::version()));
    for (setting, value, _) in app.store().durability().await.unwrap() {
        println!("  {setting} = {value}");
    }
    let duration = seconds();
    let record = "x".repeat(1800);
    let verdict = "x".repeat(520);
    let insert = "INSERT INTO floor_plain (body) VALUES ('Solicitud de licencia de obra menor')";
    // SQLite has one writer: more callers do not change a floor, so each is measured once.
    let plain = again(duration, 1, || {
        connection.prepare_cached(insert).unwrap().execute([]).unwrap();
    });
    plain.print("(a) floor: one plain row a transaction", 1);
    let row_lock = again(duration, 1, || {
        connection.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        connection
            .prepare_cached("UPDATE floor_counter SET last = last + 1 WHERE id = 1")
            .unwrap()
            .execute([])
            .unwrap();
        connection.prepare_cached(insert).unwrap().execute([]).unwrap();
        connection.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
    });
    row_lock.print("(b) floor: a counter, once a request", 1);
    let mut next = 0;
    let single = again(duration, 1, || full(&connection, 1, &mut next, &record, &verdict));
    single.print("(c) floor: a full entry, one a transaction", 1);
    let batch = again(duration, 64, || full(&connection, 64, &mut next, &record, &verdict));
    batch.print("(c) floor: full entries, 64 a transaction", 1);
    for callers in CALLERS {
        let ours = load::register(&app, callers, duration).await;
        ours.print("registry", callers);
        let floor = if callers == 1 { single } else { batch };
        println!(
            "    registry / (c) = {:.2}    registry / (b) = {:.2}",
            ours.per_second / floor.per_second,
            ours.per_second / row_lock.per_second
        );
    }
}
