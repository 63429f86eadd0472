//! Paper that the office keeps at a person's disposal (RD 203/2021 arts. 39.5 and 53).

use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::Micros;

use crate::harness::site::Engine;
use crate::harness::town::Town;

async fn town_at(engine: Engine, time: &str) -> Town {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse(time).unwrap());
    town
}

async fn listed(town: &Town, until: &str) -> usize {
    let list = town.get(&format!("/entries?custody_until={until}"), "clerk").await.is(200, "").json();
    list["items"].as_array().unwrap().len()
}

#[rstest]
#[tokio::test]
async fn what_is_kept_where_until_when_and_to_whom_it_was_given_back_are_events_of_the_entry(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-30T10:00:00+01:00").await;
    let id = town.entry().await;
    let path = format!("/entries/{id}/custody");
    let envelope = json!({"what": "Sobre cerrado", "place": "Armario 3"});
    let kept = town.post(&path, "clerk", &envelope).await.is(200, "").json()["entry"]["custody"].clone();
    let first = json!({"number": 1, "what": "Sobre cerrado", "place": "Armario 3", "since": "2026-11-30", "until": "2027-05-30"});
    assert_eq!(kept, json!([first]));
    let longer = json!({"what": "Maqueta", "place": "Sótano", "until": "2028-01-01"});
    town.post(&path, "clerk", &longer).await.is(200, "");
    assert_eq!((listed(&town, "2027-05-29").await, listed(&town, "2027-05-30").await), (0, 1));

    let end = json!({"outcome": "returned", "to": "Ana García López, 00000000T"});
    let after = town.post(&format!("{path}/1/end"), "clerk", &end).await.is(200, "").json()["entry"]["custody"].clone();
    assert_eq!(
        after[0]["end"],
        json!({"outcome": "returned", "on": "2026-11-30", "to": "Ana García López, 00000000T"})
    );
    assert_eq!(after[1]["end"], Value::Null);
    assert_eq!((listed(&town, "2027-12-31").await, listed(&town, "2028-01-01").await), (0, 1));
    town.post(&format!("{path}/1/end"), "clerk", &end).await.is(404, "not-found");
    town.post(&format!("{path}/3/end"), "clerk", &end).await.is(404, "not-found");

    let events = town.get(&format!("/entries/{id}/events"), "auditor").await.is(200, "").json();
    let types: Vec<_> = events["items"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["registered", "custody_begun", "custody_begun", "custody_ended"]);
    assert_eq!(events["items"][1]["data"]["changes"]["custody"]["after"], json!([first]));
    assert_eq!(town.get(&format!("/entries/{id}"), "clerk").await.is(200, "").json()["entry"]["custody"], after);
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn nothing_is_destroyed_before_its_time_and_an_annulled_entry_gives_its_paper_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-30T10:00:00+01:00").await;
    let id = town.entry().await;
    let path = format!("/entries/{id}/custody");
    town.post(&path, "clerk", &json!({"what": "Sobre", "place": "Armario"})).await.is(200, "");
    town.post(&format!("/entries/{id}/annulment"), "clerk", &json!({"reason": "Dos veces"})).await.is(200, "");
    let destroyed = json!({"outcome": "destroyed"});
    town.clock.set(Micros::parse("2027-05-30T23:00:00+02:00").unwrap());
    let refused = town.post(&format!("{path}/1/end"), "clerk", &destroyed).await.is(409, "wrong-state");
    assert!(refused.text().contains("2027-05-30"), "{}", refused.text());
    town.clock.set(Micros::parse("2027-05-31T00:00:00+02:00").unwrap());
    let after = town.post(&format!("{path}/1/end"), "clerk", &destroyed).await.is(200, "").json();
    assert_eq!(after["entry"]["custody"][0]["end"], json!({"outcome": "destroyed", "on": "2027-05-31"}));
    assert_eq!(after["entry"]["status"], "annulled");
}

#[tokio::test]
async fn what_is_missing_or_too_short_is_told() {
    let town = town_at(Engine::Sqlite, "2026-11-30T10:00:00+01:00").await;
    let id = town.entry().await;
    let path = format!("/entries/{id}/custody");
    let refused = town.post(&path, "clerk", &json!({"what": " ", "until": "2027-05-29", "x": 1})).await;
    assert_eq!(refused.is(422, "invalid-submission").pointers(), ["/x", "/what", "/place", "/until"]);
    town.post(&path, "clerk", &json!({"what": "Sobre", "place": "Armario"})).await.is(200, "");
    for (wrong, pointer) in [
        (json!({"outcome": "returned"}), "/to"),
        (json!({"outcome": "destroyed", "to": "Ana"}), "/to"),
        (json!({"outcome": "lost"}), "/outcome"),
        (json!({}), "/outcome"),
    ] {
        let refused = town.post(&format!("{path}/1/end"), "clerk", &wrong).await.is(422, "invalid-submission");
        assert_eq!(refused.pointers(), [pointer]);
    }
    town.post(&path, "unit", &json!({"what": "Sobre", "place": "Armario"})).await.is(403, "forbidden");
    let change = json!({"reason": "x", "changes": {"custody": []}});
    town.post(&format!("/entries/{id}/rectifications"), "clerk", &change).await.is(422, "invalid-submission");
}

#[rstest]
#[tokio::test]
async fn a_repeat_with_its_key_keeps_nothing_twice(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = town_at(engine, "2026-11-30T10:00:00+01:00").await;
    let path = format!("/entries/{}/custody", town.entry().await);
    let body = json!({"what": "Sobre", "place": "Armario"}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    for replayed in ["", "true"] {
        let send = town.try_send(reqwest::Method::POST, &path, Some("clerk"), &headers, body.clone().into_bytes());
        let answer = send.await.unwrap().is(200, "");
        assert_eq!(answer.header("idempotency-replayed"), replayed);
        assert_eq!(answer.json()["entry"]["custody"].as_array().unwrap().len(), 1);
    }
}
