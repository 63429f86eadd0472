//! Services, agendas and appointments, on a running server: who may do what, every refusal, and races for places.

use chrono::{Days, NaiveDate};
use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::door::{Answer, Door};
use crate::harness::paper::fresh_key;
use crate::harness::site::{ENTITY, Engine, OTHER_UNIT, execute};
use crate::harness::town::Town;

/// The day of all bookings here: far enough for any notice.
pub fn day_of(town: &Town) -> NaiveDate {
    town.clock.now().local_date(town.app.entity.zone).checked_add_days(Days::new(3)).unwrap()
}

pub async fn send(door: &Door, method: Method, path: &str, who: Option<&str>, body: &Value) -> Answer {
    let key = fresh_key();
    let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    door.try_send(method, path, who, &headers, body.to_string().into_bytes()).await.unwrap()
}

/// What anybody sees.
pub async fn get(door: &Door, path: &str) -> Answer {
    door.try_send(Method::GET, path, None, &[], Vec::new()).await.unwrap()
}

pub async fn post(door: &Door, path: &str, body: &Value) -> Answer {
    send(door, Method::POST, path, None, body).await
}

/// Opens that day from 09:00 for so many slots of 15 minutes.
pub fn opening(day: NaiveDate, slots: u32, public: u32, staff: u32) -> Value {
    let minutes = 9 * 60 + slots * 15;
    let to = format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let places = json!({"public": public, "staff": staff});
    json!({"rules": [], "extra": [{"date": day.to_string(), "from": "09:00", "to": to, "places": places}]})
}

pub async fn service(town: &Town, settings: Value, agenda: &Value) {
    let mut body = json!({"name": "Padrón", "active_per_person": 1000});
    body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    send(&town.door, Method::PUT, "/services/padron", Some("agenda_manager"), &body).await;
    let put = send(&town.door, Method::PUT, "/services/padron/agenda", Some("agenda_manager"), agenda).await;
    put.is(200, "");
}

pub async fn starts(town: &Town) -> Vec<String> {
    starts_on(town, day_of(town)).await
}

async fn starts_on(town: &Town, day: NaiveDate) -> Vec<String> {
    let free = get(&town.door, &format!("/services/padron/slots?from={day}&to={day}")).await.is(200, "").json();
    free["items"].as_array().unwrap().iter().map(|slot| slot["start"].as_str().unwrap().to_owned()).collect()
}

pub fn booking(start: &str, phone: u32) -> Value {
    json!({"service": "padron", "start": start, "person": {"name": "Ana García", "phone": format!("{phone}")}})
}

/// Nothing is taken that nobody has, and nobody has what is not taken.
pub async fn assert_counted(town: &Town) {
    let one = async |statement| town.count(statement).await;
    let seats = one("SELECT count(*) FROM seats").await;
    assert_eq!(one("SELECT CAST(coalesce(sum(taken), 0) AS BIGINT) FROM slots").await, seats);
    assert_eq!(one("SELECT CAST(coalesce(sum(taken), 0) AS BIGINT) FROM slot_days").await, seats);
    assert_eq!(one("SELECT count(*) FROM slots WHERE taken > capacity").await, 0);
    let sitting = one("SELECT count(*) FROM seats WHERE appointment_id IS NOT NULL").await;
    assert_eq!(one("SELECT count(*) FROM appointments WHERE status = 'booked'").await, sitting);
}

#[rstest]
#[tokio::test]
async fn a_service_is_made_by_its_department_and_is_nobody_elses(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let put = async |code: &str, who: &str, body: Value| {
        send(&town.door, Method::PUT, &format!("/services/{code}"), Some(who), &body).await
    };
    let made = put("padron", "agenda_manager", json!({"name": "Padrón"})).await.is(201, "").json();
    assert_eq!((&made["department"], &made["appointment"]), (&json!(ENTITY), &json!("optional")));
    let changed = put("padron", "agenda_manager", json!({"day_limit": 53, "bring": "DNI"})).await.is(200, "").json();
    assert_eq!((&changed["name"], &changed["day_limit"]), (&json!("Padrón"), &json!(53)));
    put("obras", "admin", json!({"name": "Obras", "department": OTHER_UNIT})).await.is(201, "");
    put("obras", "agenda_manager", json!({"name": "x"})).await.is(404, "not-found");
    let path = "/services/obras/agenda";
    send(&town.door, Method::PUT, path, Some("agenda_manager"), &json!({"rules": []})).await.is(404, "not-found");
    town.get(path, "agenda_manager").await.is(404, "not-found");
    let wrong = put("otra", "agenda_manager", json!({"name": "x", "department": OTHER_UNIT})).await;
    assert_eq!(wrong.is(422, "invalid-submission").pointers(), ["/department"]);
    let registry = json!({"name": "Registro", "registry": true, "appointment": "required"});
    assert_eq!(
        put("registro", "agenda_manager", registry).await.is(422, "invalid-submission").pointers(),
        ["/appointment"]
    );
    put("registro", "agenda_manager", json!({"name": "Registro", "registry": true})).await.is(201, "");
    let later = put("registro", "agenda_manager", json!({"appointment": "required"})).await;
    assert_eq!(later.is(422, "invalid-submission").pointers(), ["/appointment"]);
    // Nor by two steps, nor by saying nothing of it.
    let no_more = json!({"registry": false, "name": "Ventanilla", "appointment": "required"});
    assert_eq!(put("registro", "agenda_manager", no_more).await.pointers(), ["/appointment"]);
    let unsaid = json!({"name": "Registro  General", "appointment": "required"});
    assert_eq!(put("oficina", "agenda_manager", unsaid).await.pointers(), ["/appointment"]);
    put("ventanilla", "agenda_manager", json!({"name": "Ventanilla", "registry": true})).await.is(201, "");
    let no_more = put("ventanilla", "agenda_manager", json!({"registry": false})).await;
    assert_eq!(no_more.is(422, "invalid-submission").pointers(), ["/registry"]);
    put("ventanilla", "admin", json!({"registry": false, "appointment": "required"})).await.is(200, "");
    let listed = get(&town.door, "/services").await.is(200, "").json();
    let codes: Vec<_> = listed["items"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
    assert_eq!(codes, ["obras", "padron", "registro", "ventanilla"]);
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn each_refusal_says_why_and_what_is_free(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let day = day_of(&town);
    service(&town, json!({"day_limit": 3, "active_per_person": 1}), &opening(day, 4, 1, 1)).await;
    let free = starts(&town).await;
    assert_eq!(free.len(), 4);
    let book = async |body: Value| post(&town.door, "/appointments", &body).await;
    let first = book(booking(&free[0], 600_000_001)).await.is(201, "").json();
    assert_eq!(first["appointment"]["start"], json!(free[0]));
    let taken = book(booking(&free[0], 600_000_002)).await.is(409, "slot-taken");
    assert_eq!(taken.json()["nearest"], json!(free[1..4]));
    let mut again = booking(&free[1], 600_000_009);
    again["person"]["phone"] = json!("+34 600 000 001");
    book(again).await.is(409, "too-many-bookings");
    let mut at_night = booking(&free[0], 600_000_003);
    at_night["start"] = json!(format!("{day}T03:00:00+01:00"));
    assert_eq!(book(at_night).await.is(422, "outside-agenda").json()["nearest"].as_array().unwrap().len(), 3);
    let nobody = book(json!({"service": "padron", "start": free[1], "person": {"name": "Ana"}})).await;
    assert_eq!(nobody.is(422, "invalid-submission").pointers(), ["/person"]);
    // Staff have a place more, and their own way in.
    let staffed = send(&town.door, Method::POST, "/appointments", Some("sac"), &booking(&free[0], 600_000_004)).await;
    assert_eq!(staffed.is(201, "").json()["appointment"]["booked_by"], json!("staff"));
    book(booking(&free[1], 600_000_005)).await.is(201, "");
    book(booking(&free[2], 600_000_006)).await.is(409, "day-full");
    let listed = get(&town.door, &format!("/services/padron/slots?from={day}&to={day}")).await.json();
    assert_eq!(listed, json!({"items": [], "day_limit_reached": [day.to_string()]}));
    // Its code is all that it takes.
    let path = format!("/appointments/{}", first["appointment"]["code"].as_str().unwrap());
    post(&town.door, &format!("{path}/move"), &json!({"start": free[1]})).await.is(409, "slot-taken");
    let kept = get(&town.door, &path).await.is(200, "").json();
    assert_eq!(kept["appointment"]["start"], json!(free[0]), "the old place is kept");
    let moved = post(&town.door, &format!("{path}/move"), &json!({"start": free[3]})).await.is(200, "").json();
    assert_eq!(moved["appointment"]["start"], json!(free[3]), "on a full day, too");
    let file = get(&town.door, first["ics"].as_str().unwrap()).await.is(200, "").text();
    assert!(file.starts_with("BEGIN:VCALENDAR\r\n") && file.contains("SEQUENCE:1\r\n"), "{file}");
    let cancelled = post(&town.door, &format!("{path}/cancellation"), &json!({"reason": "No puedo"})).await;
    assert_eq!(cancelled.is(200, "").json()["appointment"]["status"], json!("cancelled_by_person"));
    post(&town.door, &format!("{path}/cancellation"), &json!({})).await.is(409, "wrong-state");
    book(booking(&free[0], 600_000_001)).await.is(201, "");
    let of_day =
        town.get(&format!("/appointments?date={day}&status=booked"), "agenda_manager").await.is(200, "").json();
    assert_eq!(of_day["items"].as_array().unwrap().len(), 3);
    assert_counted(&town).await;
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn a_hold_keeps_a_place_until_it_expires(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::with(engine, |config| config.limits.holds_per_address = 2).await;
    service(&town, json!({}), &opening(day_of(&town), 3, 1, 0)).await;
    let free = starts(&town).await;
    let hold = async |start: &str| post(&town.door, "/services/padron/holds", &json!({"start": start})).await;
    let held = hold(&free[0]).await.is(201, "").json();
    post(&town.door, "/appointments", &booking(&free[0], 600_000_001)).await.is(409, "slot-taken");
    let mut mine = booking(&free[0], 600_000_002);
    mine["hold"] = held["hold"].clone();
    post(&town.door, "/appointments", &mine).await.is(201, "");
    hold(&free[1]).await.is(201, "");
    let held = hold(&free[2]).await.is(201, "").json();
    hold(&free[2]).await.is(429, "too-many-requests");
    execute(town.app.store(), "UPDATE seats SET expires_at = 1 WHERE hold_id IS NOT NULL").await;
    assert_eq!(starts(&town).await, free[1..], "what expired is free");
    let mut late = booking(&free[2], 600_000_003);
    late["hold"] = held["hold"].clone();
    post(&town.door, "/appointments", &late).await.is(409, "hold-expired");
    // The notice runs out for whoever came too late, and not for whoever held the place in time.
    let held = hold(&free[1]).await.is(201, "").json();
    let notice = json!({"notice_minutes": 43_200});
    send(&town.door, Method::PUT, "/services/padron", Some("agenda_manager"), &notice).await.is(200, "");
    post(&town.door, "/appointments", &booking(&free[2], 600_000_003)).await.is(422, "outside-agenda");
    let mut mine = booking(&free[1], 600_000_003);
    mine["hold"] = held["hold"].clone();
    post(&town.door, "/appointments", &mine).await.is(201, "");
    assert_counted(&town).await;
}

#[rstest]
#[tokio::test]
async fn a_change_of_the_agenda_names_each_booking_that_it_breaks(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let day = day_of(&town);
    service(&town, json!({}), &opening(day, 4, 2, 0)).await;
    let free = starts(&town).await;
    for (start, phone) in [(0, 600_000_001), (0, 600_000_002), (3, 600_000_003)] {
        post(&town.door, "/appointments", &booking(&free[start], phone)).await.is(201, "");
    }
    let tag = town.get("/services/padron/agenda", "agenda_manager").await.header("etag").to_owned();
    let put = async |path: &str, tag: &str| {
        let headers = [("content-type", "application/json"), ("if-match", tag)];
        let body = opening(day, 2, 1, 0).to_string().into_bytes();
        town.try_send(Method::PUT, path, Some("agenda_manager"), &headers, body).await.unwrap()
    };
    put("/services/padron/agenda", "\"1\"").await.is(412, "entry-changed");
    let tried = put("/services/padron/agenda?dry_run=true", &tag).await.is(200, "").json();
    assert_eq!(town.count("SELECT count(*) FROM appointments WHERE status = 'broken'").await, 0);
    let done = put("/services/padron/agenda", &tag).await.is(200, "").json();
    let names = |answer: &Value| -> Vec<Value> {
        answer["broken"].as_array().unwrap().iter().map(|one| one["person"]["phone"].clone()).collect()
    };
    assert_eq!(names(&done), ["600000002", "600000003"], "who booked first stays");
    assert_eq!(names(&tried), names(&done));
    assert_eq!(done["broken"][0]["nearest"], json!([free[1]]));
    post(&town.door, "/appointments", &booking(&free[3], 600_000_004)).await.is(409, "agenda-changed");
    // Who was broken takes another place with the same code, unless they have as many again as may stand.
    let one = json!({"active_per_person": 1});
    send(&town.door, Method::PUT, "/services/padron", Some("agenda_manager"), &one).await.is(200, "");
    let again = post(&town.door, "/appointments", &booking(&free[1], 600_000_002)).await.is(201, "").json();
    let path = format!("/appointments/{}/move", done["broken"][0]["code"].as_str().unwrap());
    post(&town.door, &path, &json!({"start": free[1]})).await.is(409, "too-many-bookings");
    let again = format!("/appointments/{}/cancellation", again["appointment"]["code"].as_str().unwrap());
    post(&town.door, &again, &json!({})).await.is(200, "");
    let path = format!("/appointments/{}/move", done["broken"][0]["code"].as_str().unwrap());
    let moved = post(&town.door, &path, &json!({"start": free[1]})).await.is(200, "").json();
    assert_eq!(moved["appointment"]["status"], json!("booked"));
    assert_counted(&town).await;
}

#[rstest]
#[tokio::test]
async fn a_first_free_slot_that_is_far_is_told_to_the_manager_and_on_readyz(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::with(engine, |config| config.appointments.far_days = 2).await;
    let told = async || {
        let agenda = town.get("/services/padron/agenda", "agenda_manager").await.is(200, "").json();
        let ready = get(&town.door, "/readyz").await.is(200, "").json();
        let ready = ready["parts"]["appointments"].as_str().unwrap().to_owned();
        (agenda["first_free"].clone(), agenda["first_free_is_far"] == json!(true), ready)
    };
    let day = day_of(&town);
    service(&town, json!({}), &opening(day.pred_opt().unwrap(), 1, 1, 0)).await;
    let near = starts_on(&town, day.pred_opt().unwrap()).await.remove(0);
    assert_eq!(told().await, (json!(near), false, "ok".to_owned()));
    service(&town, json!({}), &opening(day, 1, 1, 0)).await;
    let far = starts(&town).await.remove(0);
    let (first, is_far, ready) = told().await;
    assert_eq!((first, is_far), (json!(far), true));
    assert!(ready.starts_with("ok: ") && ready.contains(&format!("of padron on {day}")), "{ready}");
    post(&town.door, "/appointments", &booking(&far, 600_000_001)).await.is(201, "");
    let (first, is_far, ready) = told().await;
    assert_eq!((first, is_far), (Value::Null, true));
    assert!(ready.contains("of padron on no day"), "{ready}");
    // A service that is closed, or takes no appointments, makes nobody wait.
    service(&town, json!({"appointment": "none"}), &opening(day, 1, 1, 0)).await;
    assert_eq!(told().await, (Value::Null, false, "ok".to_owned()));
    service(&town, json!({"appointment": "optional"}), &json!({"rules": []})).await;
    assert_eq!(told().await, (Value::Null, false, "ok".to_owned()));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_place_is_sold_twice_over_two_processes(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let other = Town::beside(&town).await;
    let doors = [&town.door, &other.door];
    let agenda = opening(day_of(&town), 20, 3, 0);
    service(&town, json!({"day_limit": 53}), &agenda).await;
    let free = starts(&town).await;
    let book = async |place: usize, start: &str| {
        let phone = 600_000_000 + u32::try_from(place).unwrap();
        post(doors[place % 2], "/appointments", &booking(start, phone)).await
    };
    let count = |answers: &[Answer], status: u16, slug: &str| {
        answers.iter().filter(|answer| answer.status == status && (status < 300 || answer.slug() == slug)).count()
    };
    let same = join_all((0..40).map(|place| book(place, &free[0]))).await;
    assert_eq!((count(&same, 201, ""), count(&same, 409, "slot-taken")), (3, 37));
    let all = join_all((40..140).map(|place| book(place, &free[1 + place % 19]))).await;
    assert_eq!(count(&all, 201, ""), 50, "53 a day, below its 60 places");
    assert_eq!(count(&all, 409, "day-full") + count(&all, 409, "slot-taken"), 50);
    assert_counted(&town).await;
    // One person, many times; one key, many times.
    send(
        &town.door,
        Method::PUT,
        "/services/padron",
        Some("admin"),
        &json!({"day_limit": null, "active_per_person": 1}),
    )
    .await
    .is(200, "");
    let free = starts(&town).await;
    let person = booking(&free[0], 699_999_999);
    let mine = join_all((0..40).map(|place| post(doors[place % 2], "/appointments", &person))).await;
    assert_eq!(count(&mine, 201, ""), 1);
    assert_eq!(count(&mine, 409, "too-many-bookings") + count(&mine, 409, "slot-taken"), 39);
    let last = starts(&town).await.last().unwrap().clone();
    let (key, body) = (fresh_key(), booking(&last, 688_888_888).to_string().into_bytes());
    let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    let repeated = join_all(
        (0..40).map(|place| doors[place % 2].try_send(Method::POST, "/appointments", None, &headers, body.clone())),
    )
    .await;
    let codes: std::collections::BTreeSet<String> = repeated
        .into_iter()
        .map(|answer| answer.unwrap().is(201, "").json()["appointment"]["code"].to_string())
        .collect();
    assert_eq!(codes.len(), 1);
    assert_counted(&town).await;
}
