//! Appointments that somebody wants to have for himself, to learn of, or to see go: what an attack found.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::Micros;

use crate::harness::door::Answer;
use crate::harness::paper::fresh_key;
use crate::harness::site::{ENTITY, Engine, OTHER_UNIT};
use crate::harness::town::Town;
use crate::services::{assert_counted, booking, day_of, get, opening, post, send, service, starts};

/// Books from this address, through a proxy.
async fn from(town: &Town, address: &str, path: &str, who: Option<&str>, body: &Value) -> Answer {
    let key = fresh_key();
    let headers =
        [("content-type", "application/json"), ("idempotency-key", key.as_str()), ("x-forwarded-for", address)];
    town.try_send(Method::POST, path, who, &headers, body.to_string().into_bytes()).await.unwrap()
}

#[tokio::test]
async fn an_address_books_so_many_an_hour_and_the_office_as_many_as_it_wants() {
    let town = Town::with(Engine::Sqlite, |config| {
        config.behind_proxy = true;
        config.limits.bookings_per_hour = 3;
    })
    .await;
    service(&town, json!({}), &opening(day_of(&town), 8, 5, 0)).await;
    let free = starts(&town).await;
    let book = |phone| booking(&free[0], phone);
    let first = from(&town, "203.0.113.7", "/appointments", None, &book(600_000_001)).await.is(201, "").json();
    from(&town, "203.0.113.7", "/appointments", None, &book(600_000_002)).await.is(201, "");
    // What is refused tells something as well: it counts.
    from(&town, "203.0.113.7", "/appointments", None, &booking("2030-01-01T09:00:00+01:00", 600_000_003)).await;
    let refused = from(&town, "203.0.113.7", "/appointments", None, &book(600_000_004)).await;
    assert!(refused.is(429, "too-many-requests").text().contains("call the office"));
    let moving = format!("/appointments/{}/move", first["appointment"]["code"].as_str().unwrap());
    from(&town, "203.0.113.7", &moving, None, &json!({"start": free[1]})).await.is(429, "too-many-requests");
    from(&town, "203.0.113.8", "/appointments", None, &book(600_000_005)).await.is(201, "");
    from(&town, "203.0.113.7", "/appointments", Some("sac"), &book(600_000_006)).await.is(201, "");
    assert_counted(&town).await;
}

#[rstest]
#[tokio::test]
async fn appointments_go_with_their_service_to_another_unit(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    service(&town, json!({}), &opening(day_of(&town), 4, 2, 0)).await;
    let free = starts(&town).await;
    let booked = post(&town.door, "/appointments", &booking(&free[0], 600_000_001)).await.is(201, "").json();
    assert_eq!(booked["appointment"]["department"], json!(ENTITY));
    let listed = async || town.get("/appointments", "agenda_manager").await.is(200, "").json()["items"].clone();
    assert_eq!(listed().await.as_array().unwrap().len(), 1);
    send(&town.door, Method::PUT, "/services/padron", Some("admin"), &json!({"department": OTHER_UNIT}))
        .await
        .is(200, "");
    assert_eq!(listed().await, json!([]), "its old manager still sees it");
    let code = booked["appointment"]["code"].as_str().unwrap();
    let shown = get(&town.door, &format!("/appointments/{code}")).await.is(200, "").json();
    assert_eq!(shown["appointment"]["department"], json!(OTHER_UNIT));
}

#[rstest]
#[tokio::test]
async fn the_same_agenda_again_breaks_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let agenda = opening(day_of(&town), 4, 1, 1);
    service(&town, json!({}), &agenda).await;
    let free = starts(&town).await;
    // The public has moved to a public place what staff had booked, and staff to one of its own what the public had.
    let by = |who, phone, start: &str| {
        let body = booking(start, phone);
        let door = &town.door;
        async move { send(door, Method::POST, "/appointments", who, &body).await.is(201, "").json() }
    };
    let of_staff = by(Some("sac"), 600_000_001, &free[0]).await;
    let of_public = by(None, 600_000_002, &free[1]).await;
    let code = |booked: &Value| booked["appointment"]["code"].as_str().unwrap().to_owned();
    let to = json!({"start": free[2]});
    post(&town.door, &format!("/appointments/{}/move", code(&of_staff)), &to).await.is(200, "");
    let path = format!("/appointments/{}/move", code(&of_public));
    send(&town.door, Method::POST, &path, Some("sac"), &to).await.is(200, "");
    by(Some("sac"), 600_000_003, &free[0]).await;
    let put = send(&town.door, Method::PUT, "/services/padron/agenda", Some("agenda_manager"), &agenda).await;
    assert_eq!(put.is(200, "").json()["broken"], json!([]));
    assert_counted(&town).await;
}

#[rstest]
#[tokio::test]
async fn a_holiday_that_is_published_later_breaks_the_bookings_of_its_day(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse("2026-11-30T09:00:00+01:00").unwrap());
    let agenda = json!({"rules": [{"weekdays": [1, 2, 3, 4, 5], "from": "09:00", "to": "10:00",
        "valid_from": "2026-11-01", "valid_to": null, "places": {"public": 2, "staff": 0}}]});
    service(&town, json!({}), &agenda).await;
    for (day, phone) in [("2026-12-02", 600_000_001), ("2026-12-03", 600_000_002)] {
        let start = format!("{day}T09:00:00+01:00");
        post(&town.door, "/appointments", &booking(&start, phone)).await.is(201, "");
    }
    assert_eq!(town.app.services.follow_calendar(&town.app.entity).await.unwrap(), 0);
    let day = json!({"holidays": [{"date": "2026-12-02", "name": "Fiesta local"}]});
    send(&town.door, Method::PUT, "/calendar/2026/local", Some("admin"), &day).await.is(200, "");
    assert_eq!(town.app.services.follow_calendar(&town.app.entity).await.unwrap(), 1);
    let broken = town.get("/appointments?status=broken", "agenda_manager").await.is(200, "").json();
    assert_eq!(broken["items"][0]["person"]["phone"], json!("600000001"));
    assert_eq!(broken["items"].as_array().unwrap().len(), 1);
    assert_counted(&town).await;
}

#[tokio::test]
async fn the_server_follows_the_calendar_by_itself() {
    let town = Town::with(Engine::Sqlite, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse("2026-11-30T09:00:00+01:00").unwrap());
    let agenda = json!({"rules": [{"weekdays": [3], "from": "09:00", "to": "10:00",
        "valid_from": "2026-11-01", "valid_to": null, "places": {"public": 2, "staff": 0}}]});
    service(&town, json!({}), &agenda).await;
    post(&town.door, "/appointments", &booking("2026-12-02T09:00:00+01:00", 600_000_001)).await.is(201, "");
    let day = json!({"holidays": [{"date": "2026-12-02", "name": "Fiesta local"}]});
    send(&town.door, Method::PUT, "/calendar/2026/local", Some("admin"), &day).await.is(200, "");
    town.until("SELECT count(*) FROM appointments WHERE status = 'broken'", |broken| broken == 1).await;
}

#[rstest]
#[tokio::test]
async fn who_looked_at_appointments_is_recorded(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    service(&town, json!({}), &opening(day_of(&town), 4, 2, 0)).await;
    let free = starts(&town).await;
    let booked = post(&town.door, "/appointments", &booking(&free[0], 600_000_001)).await.is(201, "").json();
    town.get("/appointments?person=600000001", "sac").await.is(200, "");
    let path = format!("/appointments/{}", booked["appointment"]["code"].as_str().unwrap());
    town.get(&path, "sac").await.is(200, "");
    // Whoever has the code looks at what is theirs.
    get(&town.door, &path).await.is(200, "");
    let looks = town.get("/access-log", "auditor").await.is(200, "").json();
    let actions: Vec<&str> =
        looks["items"].as_array().unwrap().iter().filter_map(|look| look["action"].as_str()).collect();
    assert_eq!(actions.iter().filter(|action| **action == "appointments").count(), 1, "{actions:?}");
    assert_eq!(actions.iter().filter(|action| **action == "appointment").count(), 1, "{actions:?}");
    assert!(looks.to_string().contains("600000001"), "the filter is not kept: {looks}");
}

#[rstest]
#[case::a_line("Ana\nGarcía")]
#[case::a_return("Ana\rGarcía")]
#[case::a_turn("Ana \u{202e}aícraG")]
#[case::nothing_seen("Ana\u{200b}García")]
#[tokio::test]
async fn a_name_is_one_line_that_is_seen(#[case] name: &str) {
    let town = Town::on(Engine::Sqlite).await;
    service(&town, json!({}), &opening(day_of(&town), 4, 2, 0)).await;
    let free = starts(&town).await;
    let mut body = booking(&free[0], 600_000_001);
    body["person"]["name"] = json!(name);
    let refused = post(&town.door, "/appointments", &body).await.is(422, "invalid-submission").json();
    assert_eq!(refused["errors"][0]["pointer"], json!("/person/name"));
}

#[rstest]
#[tokio::test]
async fn numbers_of_two_kinds_are_two_persons(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    service(&town, json!({"active_per_person": 1}), &opening(day_of(&town), 4, 4, 0)).await;
    let free = starts(&town).await;
    let book = async |id_type: &str| {
        let person = json!({"name": "Ana García", "id_type": id_type, "id": "00000000T"});
        post(&town.door, "/appointments", &json!({"service": "padron", "start": free[0], "person": person})).await
    };
    book("nif").await.is(201, "");
    book("nif").await.is(409, "too-many-bookings");
    book("passport").await.is(201, "");
}
