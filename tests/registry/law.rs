//! What the law asks, an article a test.

use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::Micros;
use ventanilla::domain::calendar::{Holiday, ScopeYear};
use ventanilla::registry::calendar::{self, Loader};

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, FOREIGN_UNIT};
use crate::harness::town::Town;

/// A town that believes whatever the test says the time is, also where the database has a clock of its own.
async fn town_at(engine: Engine, time: &str) -> Town {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse(time).unwrap());
    town
}

async fn register(town: &Town) -> Value {
    town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"].clone()
}

fn time(entry: &Value, field: &str) -> String {
    entry[field].as_str().unwrap().to_owned()
}

async fn publish(town: &Town, calendar: &str) {
    let holidays = Holiday::read_csv(calendar.as_bytes()).unwrap();
    let mut tx = town.app.store().begin().await.unwrap();
    let loader = Loader { by: "test".into(), at: town.clock.now(), source: None };
    calendar::publish(&mut tx, town.app.entity.id, &ScopeYear::group(&holidays), &loader).await.unwrap();
    tx.commit().await.unwrap();
    town.app.registry.forget_catalogue();
}

#[rstest]
#[tokio::test]
async fn art_31_2_a_the_registry_takes_submissions_every_day_at_every_hour(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-29T03:14:15+01:00").await;
    let entry = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered()["entry"].clone();
    assert!(time(&entry, "presented_at").starts_with("2026-11-29T03:14:1"), "{entry}");
    assert!(time(&entry, "registered_at").starts_with("2026-11-29T03:14:1"), "{entry}");
}

#[rstest]
#[tokio::test]
async fn art_31_2_b_a_submission_on_a_sunday_counts_from_monday(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-29T11:00:00+01:00").await;
    let entry = register(&town).await;
    assert!(time(&entry, "presented_at").starts_with("2026-11-29T11:00:0"), "{entry}");
    assert_eq!(entry["effective_at"], "2026-11-30T00:00:00+01:00");
}

#[rstest]
#[tokio::test]
async fn art_31_2_b_a_submission_on_a_holiday_counts_from_the_next_working_day(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-12-07T23:59:50+01:00").await;
    let calendar = "date,scope,name\n2026-12-07,local,Fiesta mayor\n2026-12-08,national,Inmaculada Concepción\n";
    publish(&town, calendar).await;
    assert_eq!(register(&town).await["effective_at"], "2026-12-09T00:00:00+01:00");
    town.clock.set(Micros::parse("2026-12-09T00:00:00+01:00").unwrap());
    let entry = register(&town).await;
    assert_eq!(entry["effective_at"], entry["presented_at"], "a working day counts from the same instant");
}

#[rstest]
#[case::spring("2027-03-28T12:00:00+02:00", "2027-03-29T00:00:00+02:00")]
#[case::the_saturday_before("2027-03-27T23:30:00+01:00", "2027-03-29T00:00:00+02:00")]
#[case::autumn("2026-10-25T02:30:00+02:00", "2026-10-26T00:00:00+01:00")]
#[tokio::test]
async fn art_31_2_the_first_hour_of_the_next_working_day_is_midnight_of_that_day_whatever_the_clocks_do(
    #[case] presented: &str,
    #[case] effective: &str,
) {
    let town = town_at(Engine::Sqlite, presented).await;
    assert_eq!(register(&town).await["effective_at"], effective);
}

#[rstest]
#[tokio::test]
async fn the_hour_that_comes_twice_is_told_apart(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = town_at(engine, "2026-10-25T02:30:00+02:00").await;
    let summer = register(&town).await;
    town.clock.set(Micros::parse("2026-10-25T02:30:00+01:00").unwrap());
    publish(&town, "date,scope,name\n2026-01-01,national,Año Nuevo\n").await;
    accept_the_clock(&town).await;
    let winter = register(&town).await;
    assert!(time(&summer, "registered_at").ends_with("+02:00") && time(&winter, "registered_at").ends_with("+01:00"));
    let list = town.get("/entries?from=2026-10-25&to=2026-10-25&sort=registered_at", "clerk").await.is(200, "").json();
    let numbers: Vec<_> = list["items"].as_array().unwrap().iter().map(|entry| entry["number"].clone()).collect();
    assert_eq!(numbers, [1, 2]);
}

/// What `ventanilla clock accept` does.
pub async fn accept_the_clock(town: &Town) {
    let mut tx = town.app.store().begin().await.unwrap();
    let lock = ventanilla::store::book::lock(&mut tx, town.app.entity.id).await.unwrap();
    let until = lock.last_registered_at.max(town.clock.now());
    ventanilla::store::book::accept_clock(&mut tx, town.app.entity.id, until).await.unwrap();
    tx.commit().await.unwrap();
}

#[rstest]
#[tokio::test]
async fn art_31_2_the_legal_order_is_that_of_effective_date_then_presentation(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-30T09:00:00+01:00").await;
    // Keyed in on Monday, in another order than they came.
    let mut expected = Vec::new();
    for (rank, presented) in [
        (2, "2026-11-29T20:00:00+01:00"),
        (4, "2026-11-30T00:00:01+01:00"),
        (1, "2026-11-28T10:00:00+01:00"),
        (3, "2026-11-29T23:59:59+01:00"),
        (0, "2026-11-27T23:00:00+01:00"),
    ] {
        let paper = Paper::counter().with("presented_at", presented).with("presented_at_reason", "post");
        let form = paper.form();
        expected.push((rank, town.register(&form, &fresh_key()).await.number()));
    }
    expected.sort_unstable();
    let list = town.get("/entries?sort=effective_at", "clerk").await.is(200, "").json();
    let numbers: Vec<i64> =
        list["items"].as_array().unwrap().iter().map(|entry| entry["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, expected.into_iter().map(|(_, number)| number).collect::<Vec<_>>());
}

#[tokio::test]
async fn art_14_2_who_must_submit_electronically_is_registered_at_the_counter_and_marked() {
    let town = Town::on(Engine::Sqlite).await;
    let company = json!({"id_type": "cif", "id": "A58818501", "company_name": "Obras, S.A."});
    let form = Paper::counter().with("interested_parties", json!([company])).form();
    let entry = town.register(&form, &fresh_key()).await.registered()["entry"].clone();
    assert_eq!(entry["must_submit_electronically"], "legal_person");
    let stated = Paper::counter().with("must_submit_electronically", "professional").form();
    let entry = town.register(&stated, &fresh_key()).await.registered()["entry"].clone();
    assert_eq!(entry["must_submit_electronically"], "professional");
    let entry = register(&town).await;
    assert_eq!(entry["must_submit_electronically"], Value::Null);
}

#[tokio::test]
async fn art_16_4_the_counter_takes_what_is_meant_for_any_body() {
    let town = Town::on(Engine::Sqlite).await;
    let form = Paper::counter().with("destination_unit", FOREIGN_UNIT).form();
    assert_eq!(town.register(&form, &fresh_key()).await.registered()["entry"]["routing"], "exchange");
    let nobody_knows_yet = Paper::counter().with("destination_unit", Value::Null).form();
    assert_eq!(town.register(&nobody_knows_yet, &fresh_key()).await.registered()["entry"]["routing"], "pending");
}

#[rstest]
#[tokio::test]
async fn rd_203_2021_art_39_1_a_format_that_is_not_accepted_is_registered_and_marked(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = Paper::submission()
        .document("plano", b"%PDF-1.7")
        .document_as("dibujo", "dibujo.dwg", "application/acad", b"AC1032")
        .document_as("programa", "plano.pdf", "application/pdf", b"MZ\x90\x00");
    let entry = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered()["entry"].clone();
    let marks: Vec<_> =
        entry["documents"].as_array().unwrap().iter().map(|one| one["format_not_accepted"].clone()).collect();
    assert_eq!(marks, [false, true, true]);
}

#[tokio::test]
async fn art_16_3_the_entry_tells_number_heading_date_sender_unit_and_content() {
    let town = Town::on(Engine::Sqlite).await;
    let entry = register(&town).await;
    for field in [
        "number",
        "code",
        "subject",
        "presented_at",
        "registered_at",
        "effective_at",
        "interested_parties",
        "destination_unit",
        "office",
    ] {
        assert!(!entry[field].is_null(), "{field} in {entry}");
    }
}
