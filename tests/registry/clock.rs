//! Clocks that are wrong: numbering stops before it gives a time that nobody could explain.

use std::time::Duration;

use rstest::rstest;
use ventanilla::domain::Micros;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;

use super::law::accept_the_clock;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

/// Demands that nothing is numbered, and that `/readyz` says why.
async fn stopped(town: &Town, why: &str) {
    let before = town.holdings().await;
    let answer = town.register(&Paper::counter().form(), &fresh_key()).await.is(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(town.holdings().await, before);
    let ready = town.get("/readyz", "admin").await;
    assert_eq!(ready.status, 503);
    let clock = ready.json()["parts"]["clock"].as_str().unwrap().to_owned();
    assert!(clock.contains(why), "{clock}");
}

#[rstest]
#[case::sqlite(Engine::Sqlite, "behind the last entry")]
#[case::postgres(Engine::Postgres, "differs from the database's")]
#[tokio::test]
async fn an_hour_back_stops_numbering(#[case] engine: Engine, #[case] why: &str) {
    let town = Town::on(engine).await;
    assert_eq!(town.next_number().await, 1);
    town.clock.step_by(-HOUR);
    stopped(&town, why).await;
    town.clock.step_by(HOUR);
    assert_eq!(town.next_number().await, 2);
}

#[rstest]
#[case::sqlite(Engine::Sqlite, "jumped ahead")]
#[case::postgres(Engine::Postgres, "differs from the database's")]
#[tokio::test]
async fn a_year_ahead_stops_numbering(#[case] engine: Engine, #[case] why: &str) {
    let town = Town::on(engine).await;
    assert_eq!(town.next_number().await, 1);
    town.clock.step_by(365 * 24 * HOUR);
    stopped(&town, why).await;
    town.clock.step_by(-365 * 24 * HOUR);
    assert_eq!(town.next_number().await, 2);
}

#[tokio::test]
async fn an_administrator_may_accept_a_clock_that_stands_behind_the_last_entry() {
    let town = Town::on(Engine::Sqlite).await;
    let last = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    town.clock.step_by(-HOUR);
    stopped(&town, "ventanilla clock accept").await;
    accept_the_clock(&town).await;
    let next = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    assert_eq!(
        next["entry"]["registered_at"], last["entry"]["registered_at"],
        "time stands still, and never runs back"
    );
}

#[rstest]
#[tokio::test]
async fn a_small_step_back_is_bridged_and_shown(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let first = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    town.clock.step_by(-SECOND - SECOND / 2);
    let second = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    assert_eq!(first["entry"]["registered_at"], second["entry"]["registered_at"]);
    let ready = town.get("/readyz", "admin").await.is(200, "");
    assert!(ready.json()["parts"]["clock"].as_str().unwrap().contains("behind the last entry"), "{}", ready.text());
}

#[rstest]
#[tokio::test]
async fn the_year_changes_at_midnight_of_the_entity_and_numbers_begin_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse("2026-12-31T23:59:30+01:00").unwrap());
    let mut codes = Vec::new();
    for _ in 0..3 {
        let entry = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"].clone();
        codes.push(entry["code"].as_str().unwrap().to_owned());
    }
    assert_eq!(codes, ["2026-E-000001", "2026-E-000002", "2026-E-000003"]);
    town.clock.set(Micros::parse("2027-01-01T00:00:00+01:00").unwrap());
    for number in 1..=2 {
        let entry = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"].clone();
        assert_eq!(entry["code"], format!("2027-E-00000{number}"));
        assert!(entry["registered_at"].as_str().unwrap().starts_with("2027-01-01T00:00:0"));
    }
    // In UTC it is still 2026; the book's year is the entity's.
    for (year, count) in [(2026, 3), (2027, 2)] {
        let list = town.get(&format!("/entries?year={year}"), "clerk").await.is(200, "").json();
        assert_eq!(list["items"].as_array().unwrap().len(), count);
    }
    town.get("/books/entrada/2027/2", "clerk").await.is(200, "");
    town.get("/books/entrada/2027/3", "clerk").await.is(404, "not-found");
}

#[tokio::test]
async fn two_processes_three_seconds_apart_never_let_time_run_back() {
    let ahead = Town::on(Engine::Postgres).await;
    let behind = Town::beside(&ahead).await;
    behind.clock.step_by(-3 * SECOND);
    let mut times = Vec::new();
    let mut refused = 0;
    for _ in 0..4 {
        let entry = ahead.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"].clone();
        times.push((entry["number"].as_i64().unwrap(), entry["registered_at"].as_str().unwrap().to_owned()));
        // Three seconds behind the last entry is more than is bridged: it waits until the last entry is closer.
        let (form, key) = (Paper::counter().form(), fresh_key());
        let entry = loop {
            let answer = behind.register(&form, &key).await;
            if answer.status == 201 {
                break answer.json()["entry"].clone();
            }
            answer.is(503, "unavailable");
            refused += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        times.push((entry["number"].as_i64().unwrap(), entry["registered_at"].as_str().unwrap().to_owned()));
    }
    assert!(refused > 0);
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(times.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_process_six_seconds_from_the_database_numbers_nothing_and_its_neighbour_goes_on() {
    let right = Town::on(Engine::Postgres).await;
    let wrong = Town::beside(&right).await;
    wrong.clock.step_by(6 * SECOND);
    stopped(&wrong, "differs from the database's by").await;
    assert_eq!(right.next_number().await, 1);
}
