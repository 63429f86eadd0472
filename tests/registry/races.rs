//! Races for places: many clients at once, through two servers over one database, on both engines. Whatever is answered,
//! what is taken is what somebody has, and nobody who has a place loses it.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::store::Store;

use crate::harness::door::{Answer, Door};
use crate::harness::program::Program;
use crate::harness::site::{Engine, Site, execute, scalar};
use crate::harness::town::Town;
use crate::services::{assert_counted, booking, day_of, get, opening, post, send, service, starts};

const CLIENTS: u32 = 64;

/// Two servers over one database.
async fn two(engine: Engine) -> [Town; 2] {
    let town = Town::on(engine).await;
    let other = Town::beside(&town).await;
    [town, other]
}

/// Each answer has a status that may be; how many have the first.
#[track_caller]
fn count(answers: &[Answer], may_be: &[(u16, &str)]) -> usize {
    for answer in answers {
        assert!(may_be.contains(&(answer.status, answer.slug().as_str())), "{} {}", answer.status, answer.text());
    }
    answers.iter().filter(|answer| answer.status == may_be[0].0).count()
}

fn code(answer: &Answer) -> String {
    answer.json()["appointment"]["code"].as_str().unwrap().to_owned()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn booking_and_cancelling_in_a_loop_loses_no_place(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let [town, other] = two(engine).await;
    service(&town, json!({"day_limit": 7}), &opening(day_of(&town), 4, 2, 0)).await;
    let free = starts(&town).await;
    let one = async |client: u32| {
        let door = if client.is_multiple_of(2) { &town.door } else { &other.door };
        let mut answers = Vec::new();
        for round in 0..3 {
            let start = &free[((client + round) % 4) as usize];
            let booked = post(door, "/appointments", &booking(start, 600_000_000 + client)).await;
            if booked.status == 201 {
                let path = format!("/appointments/{}/cancellation", code(&booked));
                post(door, &path, &json!({})).await.is(200, "");
            }
            answers.push(booked);
        }
        answers
    };
    let answers = join_all((0..CLIENTS).map(one)).await.concat();
    assert!(count(&answers, &[(201, ""), (409, "slot-taken"), (409, "day-full")]) >= 7);
    assert_counted(&town).await;
    // All places are free again, and no more than these.
    let mut booked = 0;
    for client in 0..9 {
        let body = booking(&free[client % 4], 700_000_000 + u32::try_from(client).unwrap());
        booked += usize::from(post(&town.door, "/appointments", &body).await.status == 201);
    }
    assert_eq!(booked, 7, "the day's limit, below the eight places");
    assert_counted(&town).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn movers_that_swap_slots_lose_nobody(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let [town, other] = two(engine).await;
    service(&town, json!({}), &opening(day_of(&town), 3, 1, 0)).await;
    let free = starts(&town).await;
    let mut codes = Vec::new();
    for (place, phone) in [(0, 600_000_001), (1, 600_000_002)] {
        codes.push(code(&post(&town.door, "/appointments", &booking(&free[place], phone)).await.is(201, "")));
    }
    let one = async |mover: usize| {
        let door = if mover.is_multiple_of(2) { &town.door } else { &other.door };
        let path = format!("/appointments/{}/move", codes[mover / 2 % 2]);
        let mut answers = Vec::new();
        // To where the other one is, and to the place that is free; each mover in an order of its own.
        for round in 0..3 {
            let start = &free[(mover + mover / 4 + round) % 3];
            answers.push(post(door, &path, &json!({"start": start})).await);
        }
        answers
    };
    let answers = join_all((0..CLIENTS as usize).map(one)).await.concat();
    assert!(count(&answers, &[(200, ""), (409, "slot-taken")]) > 0);
    let mut at = BTreeSet::new();
    for code in &codes {
        let shown = get(&town.door, &format!("/appointments/{code}")).await.is(200, "").json();
        assert_eq!(shown["appointment"]["status"], json!("booked"));
        at.insert(shown["appointment"]["start"].to_string());
    }
    assert_eq!(at.len(), 2, "each in a slot of its own");
    assert_counted(&town).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_place_whose_hold_expires_while_it_is_confirmed_is_one_persons(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let [town, other] = two(engine).await;
    service(&town, json!({}), &opening(day_of(&town), 16, 1, 0)).await;
    let free = starts(&town).await;
    let mut holds = Vec::new();
    for start in &free {
        let held = post(&town.door, "/services/padron/holds", &json!({"start": start})).await.is(201, "").json();
        holds.push(held["hold"].as_str().unwrap().to_owned());
    }
    let one = async |place: usize| {
        let (start, phone) = (&free[place], 600_000_000 + u32::try_from(place).unwrap());
        let mut held = booking(start, phone);
        held["hold"] = json!(holds[place]);
        let at = ventanilla::domain::Micros::parse(start).unwrap().0;
        let statement = format!("UPDATE seats SET expires_at = 1 WHERE hold_id IS NOT NULL AND start_at = {at}");
        let expire = execute(town.app.store(), &statement);
        let grab = booking(start, phone + 100);
        let (confirmed, (), grabbed) =
            tokio::join!(post(&other.door, "/appointments", &held), expire, post(&town.door, "/appointments", &grab),);
        let both = [confirmed, grabbed];
        assert!(count(&both, &[(201, ""), (409, "hold-expired"), (409, "slot-taken")]) <= 1, "sold twice");
        both
    };
    let answers = join_all((0..16).map(one)).await.concat();
    let sold = count(&answers, &[(201, ""), (409, "hold-expired"), (409, "slot-taken")]);
    assert_counted(&town).await;
    execute(town.app.store(), "UPDATE seats SET expires_at = 1 WHERE hold_id IS NOT NULL").await;
    let rest = join_all((0..16).map(async |place: usize| {
        let phone = 700_000_000 + u32::try_from(place).unwrap();
        post(&town.door, "/appointments", &booking(&free[place], phone)).await
    }))
    .await;
    assert_eq!(sold + count(&rest, &[(201, ""), (409, "slot-taken")]), 16, "each slot is sold once");
    assert_counted(&town).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_booking_that_was_accepted_before_the_agenda_closed_is_listed_as_broken(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let [town, other] = two(engine).await;
    service(&town, json!({}), &opening(day_of(&town), 20, 3, 0)).await;
    let free = starts(&town).await;
    let before = post(&town.door, "/appointments", &booking(&free[0], 699_999_999)).await.is(201, "");
    let close = async {
        let path = "/services/padron/agenda";
        send(&other.door, Method::PUT, path, Some("agenda_manager"), &json!({"rules": []})).await.is(200, "").json()
    };
    let book = async |client: u32| {
        let door = if client.is_multiple_of(2) { &town.door } else { &other.door };
        post(door, "/appointments", &booking(&free[(client % 20) as usize], 600_000_000 + client)).await
    };
    let (first, closed, then) =
        tokio::join!(join_all((0..CLIENTS / 2).map(book)), close, join_all((CLIENTS / 2..CLIENTS).map(book)));
    let answers = [vec![before], first, then].concat();
    count(&answers, &[(201, ""), (409, "agenda-changed"), (422, "outside-agenda"), (409, "slot-taken")]);
    let accepted: BTreeSet<String> = answers.iter().filter(|answer| answer.status == 201).map(code).collect();
    let listed = closed["broken"].as_array().unwrap();
    let broken: BTreeSet<String> = listed.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect();
    assert_eq!(accepted, broken, "none silent, none that nobody booked");
    for code in &broken {
        let shown = get(&town.door, &format!("/appointments/{code}")).await.json();
        assert_eq!(shown["appointment"]["status"], json!("broken"));
    }
    assert_counted(&town).await;
}

/// A day of 60 places and a limit of 53: 500 clients, each of whom wants one.
async fn crowd(doors: &[Door], store: &Store, start: &[String]) {
    let one = async |client: usize| {
        let phone = 600_000_000 + u32::try_from(client).unwrap();
        post(&doors[client % doors.len()], "/appointments", &booking(&start[client % start.len()], phone)).await
    };
    let answers = join_all((0..500).map(one)).await;
    assert_eq!(count(&answers, &[(201, ""), (409, "slot-taken"), (409, "day-full")]), 53);
    let codes: BTreeSet<String> = answers.iter().filter(|answer| answer.status == 201).map(code).collect();
    assert_eq!(codes.len(), 53);
    for answer in answers.iter().filter(|answer| answer.slug() == "day-full") {
        assert!(answer.json()["nearest"].is_array());
    }
    assert_eq!(scalar(store, "SELECT count(*) FROM appointments WHERE status = 'booked'").await, 53);
    assert_eq!(scalar(store, "SELECT count(*) FROM seats").await, 53);
    assert_eq!(scalar(store, "SELECT count(*) FROM slots WHERE taken > capacity").await, 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn heavy_500_clients_get_the_53_places_of_a_day(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let site = Site::fresh(engine).await;
    site.settle().await;
    let more = [
        ("VENTANILLA_LIMITS__CONNECTIONS_PER_ADDRESS", "0"),
        ("VENTANILLA_LIMITS__CONNECTIONS_PER_NETWORK", "0"),
        ("VENTANILLA_LIMITS__CONNECTIONS_PER_SITE", "0"),
    ];
    let programs: Vec<Program> = (0..2).map(|_| Program::start_with(&site, &more, &[])).collect();
    let doors: Vec<Door> = programs.iter().map(Program::door).collect();
    let day = chrono::Days::new(3);
    let day =
        ventanilla::clock::Clock::system().now().local_date(chrono_tz::Europe::Madrid).checked_add_days(day).unwrap();
    let put = async |path: &str, body: &Value| {
        let answer = send(&doors[0], Method::PUT, path, Some("agenda_manager"), body).await;
        assert!(answer.status < 300, "{}", answer.text());
    };
    put("/services/padron", &json!({"name": "Padrón", "day_limit": 53})).await;
    put("/services/padron/agenda", &opening(day, 20, 3, 0)).await;
    let free = get(&doors[1], &format!("/services/padron/slots?from={day}&to={day}")).await.is(200, "").json();
    let free = free["items"].as_array().unwrap();
    let start: Vec<String> = free.iter().map(|slot| slot["start"].as_str().unwrap().to_owned()).collect();
    crowd(&doors, &site.store().await, &start).await;
}
