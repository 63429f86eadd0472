//! Attentions over HTTP: recorded once, listed, classified, withdrawn, counted on their own day; and imported.

use axum::http::Method;
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::import::attentions::{Outcome, Summary};

use crate::place::{Answer, Engine, Place};

fn call(at: &str) -> Value {
    json!({"channel": "phone", "unit": "L01000000", "topic": "Padrón", "at": at, "count": 2})
}

async fn post(place: &Place, token: &str, key: &str, body: &Value) -> Answer {
    let mut headers = vec![("content-type", "application/json; charset=utf-8")];
    if !key.is_empty() {
        headers.push(("idempotency-key", key));
    }
    place.send(Method::POST, "/attentions", token, &headers, body.to_string().into_bytes()).await
}

#[rstest]
#[tokio::test]
async fn an_attention_is_recorded_counted_and_withdrawn(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let sac = place.token("sac").await;
    let answer = post(&place, &sac, "", &call("2019-05-02T23:30:00+02:00")).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let attention = answer.json();
    let address = answer.headers["location"].to_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned();
    assert_eq!(place.get(&address, &sac).await.json(), attention);
    assert_eq!((&attention["recorded_by"], &attention["withdrawn_at"]), (&json!("sac"), &json!(null)));
    assert_eq!(attention["at"], "2019-05-02T23:30:00+02:00");
    let phone = async || place.report(&sac, "2019").await["years"][0]["attentions"]["phone"].clone();
    assert_eq!(phone().await, 2);

    let withdrawn = place.send(Method::DELETE, &address, &sac, &[], Vec::new()).await;
    assert_eq!((withdrawn.status.as_u16(), &withdrawn.json()["withdrawn_by"]), (200, &json!("sac")));
    assert_eq!(phone().await, 0);
    let again = place.send(Method::DELETE, &address, &sac, &[], Vec::new()).await;
    assert_eq!((again.status.as_u16(), again.problem()), (409, "/problems/wrong-state".into()));
    assert_eq!(place.get(&address, &sac).await.json(), withdrawn.json());
    let nobody = format!("/attentions/{}", place.app.clock().new_id());
    assert_eq!(place.send(Method::DELETE, &nobody, &sac, &[], Vec::new()).await.status, 404);
    assert_eq!(place.get(&nobody, &sac).await.status, 404);
    assert_eq!(place.get("/attentions/x", &sac).await.status, 404);
    assert_eq!(place.differences().await, []);
}

#[rstest]
#[tokio::test]
async fn nothing_but_the_channel_is_asked_and_the_topic_is_said_later(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Place::on(engine).await;
    let made = place.program(&["token", "create", "--role", "sac", "--name", "sac-1", "--unit", "L01000000"]).await;
    assert!(made.status.success(), "{made:?}");
    let sac = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let body = json!({"channel": "whatsapp", "at": "2019-05-02T10:00:00+02:00"});
    let recorded = post(&place, &sac, "one", &body).await;
    assert_eq!(recorded.status, 201, "{}", recorded.text);
    let first = recorded.json();
    assert_eq!((&first["unit"], &first["topic"]), (&json!("L01000000"), &json!("sin clasificar")));

    let address = format!("/attentions/{}", first["id"].as_str().unwrap());
    let typed = [("content-type", "application/json")];
    let patch = async |address: &str, body: Value| {
        place.send(Method::PATCH, address, &sac, &typed, body.to_string().into_bytes()).await
    };
    let classified = patch(&address, json!({"topic": "Padrón"})).await;
    assert_eq!((classified.status.as_u16(), &classified.json()["topic"]), (200, &json!("Padrón")));
    assert_eq!(place.get(&address, &sac).await.json(), classified.json());
    // A repeated request is answered as it was then, and what was said since stands.
    assert_eq!(post(&place, &sac, "one", &body).await.json(), first);
    assert_eq!(place.get(&address, &sac).await.json()["topic"], "Padrón");
    assert_eq!(place.report(&sac, "2019").await["years"][0]["attentions"]["whatsapp"], 1);

    let wrong = patch(&address, json!({"topic": ""})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["errors"][0]["pointer"]), (422, &json!("/topic")));
    let nobody = format!("/attentions/{}", place.app.clock().new_id());
    assert_eq!(patch(&nobody, json!({"topic": "Padrón"})).await.status, 404);
    place.send(Method::DELETE, &address, &sac, &[], Vec::new()).await;
    let late = patch(&address, json!({"topic": "Basuras"})).await;
    assert_eq!((late.status.as_u16(), late.problem()), (409, "/problems/wrong-state".into()));
    assert_eq!(place.get(&address, &sac).await.json()["topic"], "Padrón");

    // A token of no unit has to name one.
    let clerk = place.token("clerk").await;
    let unnamed = post(&place, &clerk, "", &body).await;
    assert_eq!((unnamed.status.as_u16(), &unnamed.json()["errors"][0]["pointer"]), (422, &json!("/unit")));
    assert_eq!(place.differences().await, []);
}

#[rstest]
#[tokio::test]
async fn a_key_stands_for_one_attention(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let sac = place.token("sac").await;
    let body = call("2019-05-02T10:00:00+02:00");
    let answers = join_all((0..40).map(|_| post(&place, &sac, "one", &body))).await;
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), answer.json()), (201, answers[0].json()), "{}", answer.text);
    }
    let first = answers.iter().filter(|answer| !answer.headers.contains_key("idempotency-replayed")).count();
    assert_eq!(first, 1);
    let other = post(&place, &sac, "one", &call("2019-05-03T10:00:00+02:00")).await;
    assert_eq!((other.status.as_u16(), other.problem()), (422, "/problems/idempotency-key-reused".into()));
    // What was answered then, not what became of it; and another caller's key is another key.
    let address = format!("/attentions/{}", answers[0].json()["id"].as_str().unwrap());
    place.send(Method::DELETE, &address, &sac, &[], Vec::new()).await;
    let repeated = post(&place, &sac, "one", &body).await;
    assert_eq!(
        (repeated.headers["idempotency-replayed"].as_bytes(), repeated.json()),
        (&b"true"[..], answers[0].json())
    );
    let clerk = place.token("clerk").await;
    assert_ne!(post(&place, &clerk, "one", &body).await.json()["id"], answers[0].json()["id"]);
    assert_eq!(post(&place, &sac, &"k".repeat(256), &body).await.problem(), "/problems/idempotency-key-missing");
    assert_eq!(place.differences().await, []);
}

/// Two processes on one database: the later waits for the earlier's key, and answers from its row.
#[tokio::test]
async fn a_key_stands_for_one_attention_across_processes() {
    let place = Place::on(Engine::Postgres).await;
    let sac = place.token("sac").await;
    let beside = place.beside().await;
    let body = call("2019-05-02T10:00:00+02:00");
    for round in 0..20 {
        let key = format!("round {round}");
        let (one, other) = tokio::join!(post(&place, &sac, &key, &body), post(&beside, &sac, &key, &body));
        assert_eq!((one.status.as_u16(), one.json()), (201, other.json()), "{} {}", one.text, other.text);
    }
    assert_eq!(place.report(&sac, "2019").await["years"][0]["attentions"]["phone"], 40);
    assert_eq!(place.differences().await, []);
}

#[rstest]
#[tokio::test]
async fn many_at_once_are_all_counted(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let sac = place.token("sac").await;
    let days: Vec<Value> = (0..300).map(|n| call(&format!("2019-05-{:02}T10:00:00+02:00", n % 28 + 1))).collect();
    let answers = join_all(days.iter().map(|body| post(&place, &sac, "", body))).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert_eq!(place.report(&sac, "2019").await["years"][0]["attentions"]["phone"], 600);
    assert_eq!(place.differences().await, []);

    // The list pages through all of them, the newest first, each once.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = place.get(&format!("/attentions?limit=70&from=2019-05-02&to=2019-05-27{cursor}"), &sac).await.json();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| (item["at"].to_string(), item["id"].to_string())),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(seen.is_sorted_by(|one, other| one > other));
    let between = days.iter().filter(|day| ("2019-05-02".."2019-05-28").contains(&&day["at"].as_str().unwrap()[..10]));
    assert_eq!(seen.len(), between.count());
    let none = place.get("/attentions?channel=email", &sac).await.json();
    assert_eq!((&none["items"], &none["next_cursor"]), (&json!([]), &json!(null)));
    for query in ["limit=0", "limit=501", "cursor=x", "from=2019-05-02&to=2019-05-01", "channel=fax", "who=x"] {
        assert_eq!(place.get(&format!("/attentions?{query}"), &sac).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_attention_is_pointed_at() {
    let place = Place::on(Engine::Sqlite).await;
    let sac = place.token("sac").await;
    let answer = post(&place, &sac, "", &json!({"channel": "fax", "count": 0, "x": 1})).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (422, "/problems/invalid-submission".into()));
    assert_eq!(answer.pointers(), ["/x", "/channel", "/unit", "/count"]);
    let unknown = post(&place, &sac, "", &json!({"channel": "phone", "unit": "L0", "topic": "t"})).await;
    assert_eq!((unknown.status.as_u16(), unknown.pointers()), (422, vec!["/unit".to_owned()]));
    let future = post(&place, &sac, "", &call("2999-01-01T00:00:00Z")).await;
    assert_eq!((future.status.as_u16(), future.pointers()), (422, vec!["/at".to_owned()]));

    let send = async |content_type: &str, body: Vec<u8>| {
        let headers = [("content-type", content_type)];
        place.send(Method::POST, "/attentions", &sac, &headers, body).await.status.as_u16()
    };
    assert_eq!(send("text/plain", b"{}".to_vec()).await, 415);
    assert_eq!(send("application/json", vec![b' '; (1 << 20) + 1]).await, 413);
    assert_eq!(send("application/json", b"[".repeat(100_000)).await, 422);
    assert_eq!(send("application/json", Vec::new()).await, 422);
    assert_eq!(place.send(Method::POST, "/attentions", &sac, &[], b"{}".to_vec()).await.status, 415);
    for role in ["auditor", "eoffice", "admin", "agenda_manager"] {
        let token = place.token(role).await;
        let answer = post(&place, &token, "", &call("2019-05-02T10:00:00+02:00")).await;
        assert_eq!(
            (answer.status.as_u16(), place.get("/attentions", &token).await.status.as_u16()),
            (403, 403),
            "{role}"
        );
    }
    assert_eq!(place.get("/attentions", "").await.status, 401);
}

#[rstest]
#[tokio::test]
async fn a_file_of_attentions_is_taken_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let sac = place.token("sac").await;
    let bad =
        "at,channel,unit,topic,count\n2019-05-02T10:00:00+02:00,email,OLD,Padrón,40\n2019-05-02,email,OLD,Padrón,x\n";
    let path = place.file("bad.csv", bad);
    let output = place.program(&["import", "attentions", path.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("bad.csv:3: at must be") && said.contains("; count must be a whole number"), "{said}");
    assert_eq!(place.report(&sac, "2019").await["years"][0]["attentions"]["email"], 0);

    let (outcome, _) = place.import_attentions(&path, true).await;
    assert_eq!(outcome, Outcome::Done(Summary { rows: 1, attentions: 40, bad: 1, taken_up_at: None }));
    assert_eq!(place.import_attentions(&path, true).await.0, Outcome::Repeated);
    let output = place.program(&["import", "attentions", path.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("this file was imported before, and was skipped"));
    assert_eq!(place.report(&sac, "2019").await["years"][0]["attentions"]["email"], 40);

    let list = place.get("/attentions", &sac).await.json();
    assert_eq!((&list["items"][0]["imported"], &list["items"][0]["count"]), (&json!(true), &json!(40)));
    let address = format!("/attentions/{}", list["items"][0]["id"].as_str().unwrap());
    place.send(Method::DELETE, &address, &sac, &[], Vec::new()).await;
    assert_eq!(place.report(&sac, "2019").await["years"][0]["attentions"]["email"], 0);
    assert_eq!(place.differences().await, []);
}
