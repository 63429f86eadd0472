//! What an attention can say beside its channel: links, a thread of messages; and a day that was counted on paper.

use axum::http::Method;
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::place::{Answer, Engine, Place};

async fn post(place: &Place, path: &str, token: &str, key: &str, body: &Value) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    if !key.is_empty() {
        headers.push(("idempotency-key", key));
    }
    place.send(Method::POST, path, token, &headers, body.to_string().into_bytes()).await
}

fn message(thread: &str, at: &str) -> Value {
    json!({"channel": "whatsapp", "unit": "L01000000", "thread": thread, "at": at})
}

async fn counted(place: &Place, sac: &str, channel: &str) -> Value {
    place.report(sac, "2019").await["years"][0]["attentions"][channel].clone()
}

#[rstest]
#[tokio::test]
async fn a_thread_of_messages_is_one_attention_within_24_hours(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Place::on(engine).await;
    let sac = place.token("sac").await;
    let first = post(&place, "/attentions", &sac, "one", &message("a", "2019-05-02T10:00:00+02:00")).await;
    assert_eq!(first.status, 201, "{}", first.text);
    // Until a second before a day is over it is the same, whoever answers; it may also have begun a little earlier.
    let clerk = place.token("clerk").await;
    for (who, at) in [
        (&sac, "2019-05-03T09:59:59+02:00"),
        (&clerk, "2019-05-02T23:00:00+02:00"),
        (&sac, "2019-05-02T08:00:00+02:00"),
    ] {
        let joined = post(&place, "/attentions", who, "two", &message("a", at)).await;
        assert_eq!((joined.status.as_u16(), joined.json()), (200, first.json()), "{at}");
        assert_eq!(joined.headers["location"], first.headers["location"]);
    }
    assert_eq!(counted(&place, &sac, "whatsapp").await, 1);
    // A key that led to nothing is free.
    let next = post(&place, "/attentions", &sac, "two", &message("a", "2019-05-03T10:00:00+02:00")).await;
    assert_eq!(next.status, 201, "{}", next.text);
    assert_ne!(next.json()["id"], first.json()["id"]);
    let other = post(&place, "/attentions", &sac, "", &message("b", "2019-05-02T10:00:00+02:00")).await;
    assert_eq!(other.status, 201);
    assert_eq!(counted(&place, &sac, "whatsapp").await, 3);
    // The key of the first still leads to it, though its thread has gone on.
    let repeated = post(&place, "/attentions", &sac, "one", &message("a", "2019-05-02T10:00:00+02:00")).await;
    assert_eq!((repeated.status.as_u16(), repeated.json()), (201, first.json()));
    // One that was withdrawn takes no more messages.
    let address = format!("/attentions/{}", next.json()["id"].as_str().unwrap());
    assert_eq!(place.send(Method::DELETE, &address, &sac, &[], Vec::new()).await.status, 200);
    let again = post(&place, "/attentions", &sac, "", &message("a", "2019-05-03T10:00:01+02:00")).await;
    assert_eq!(again.status, 201);
    assert_eq!(counted(&place, &sac, "whatsapp").await, 3);
    assert_eq!(place.differences().await, []);
    place.book_is_whole().await;
}

#[rstest]
#[tokio::test]
async fn messages_of_a_thread_that_come_at_once_are_one_attention(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Place::on(engine).await;
    let sac = place.token("sac").await;
    let beside = place.beside().await;
    let at = "2019-05-02T10:00:00+02:00";
    let threads: Vec<Value> = (0..60).map(|n| message(&format!("thread {}", n % 6), at)).collect();
    let send = |(n, body)| {
        let process = if n % 2 == 0 || engine == Engine::Sqlite { &place } else { &beside };
        post(process, "/attentions", &sac, "", body)
    };
    let answers = join_all(threads.iter().enumerate().map(send)).await;
    for thread in 0..6 {
        let of_thread: Vec<&Answer> = answers.iter().skip(thread).step_by(6).collect();
        assert_eq!(of_thread.iter().filter(|answer| answer.status == 201).count(), 1);
        assert!(of_thread.iter().all(|answer| answer.json()["id"] == of_thread[0].json()["id"]));
    }
    assert_eq!(counted(&place, &sac, "whatsapp").await, 6);
    assert_eq!(place.differences().await, []);
}

#[rstest]
#[tokio::test]
async fn a_day_on_paper_is_recorded_whole_and_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let sac = place.token("sac").await;
    let day = json!({"date": "2019-05-02", "unit": "L01000000", "attentions": [
        {"channel": "phone", "count": 31}, {"channel": "phone", "topic": "Padrón", "outcome": "call_back", "count": 2},
        {"channel": "in_person", "count": 70}]});
    let recorded = post(&place, "/attentions/days", &sac, "day", &day).await;
    assert_eq!(recorded.status, 201, "{}", recorded.text);
    let told = recorded.json();
    let told: Vec<_> = told["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (&item["channel"], &item["count"], &item["topic"]))
        .collect();
    let (phone, in_person, nothing) = (json!("phone"), json!("in_person"), json!("sin clasificar"));
    assert_eq!(
        told,
        [(&phone, &json!(31), &nothing), (&phone, &json!(2), &json!("Padrón")), (&in_person, &json!(70), &nothing)]
    );
    let again = post(&place, "/attentions/days", &sac, "day", &day).await;
    assert_eq!((again.status.as_u16(), again.json()), (201, recorded.json()));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(
        (counted(&place, &sac, "phone").await, counted(&place, &sac, "in_person").await),
        (json!(33), json!(70))
    );
    // Each line is an attention by itself.
    let line = &recorded.json()["items"][2];
    let address = format!("/attentions/{}", line["id"].as_str().unwrap());
    assert_eq!(&place.get(&address, &sac).await.json(), line);
    assert_eq!(line["at"], "2019-05-02T00:00:00+02:00");
    place.send(Method::DELETE, &address, &sac, &[], Vec::new()).await;
    assert_eq!(counted(&place, &sac, "in_person").await, 0);
    // Nothing of a day that is wrong somewhere.
    let wrong =
        json!({"date": "2019-05-03", "unit": "L01000000", "attentions": [{"channel": "phone"}, {"channel": "fax"}]});
    let refused = post(&place, "/attentions/days", &sac, "", &wrong).await;
    assert_eq!((refused.status.as_u16(), refused.pointers()), (422, vec!["/attentions/1/channel".to_owned()]));
    let unknown = json!({"date": "2019-05-03", "unit": "L0", "attentions": [{"channel": "phone"}]});
    assert_eq!(post(&place, "/attentions/days", &sac, "", &unknown).await.pointers(), ["/unit"]);
    assert_eq!(counted(&place, &sac, "phone").await, 33);
    assert_eq!(place.differences().await, []);
    place.book_is_whole().await;
}

#[rstest]
#[tokio::test]
async fn an_attention_names_what_it_was_part_of(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let (sac, clerk) = (place.token("sac").await, place.token("clerk").await);
    let entry = place.counter_entry(&clerk).await.json()["entry"].clone();
    let body =
        |entry: &Value| json!({"channel": "phone", "unit": "L01000000", "outcome": "transferred", "entry": entry});
    for named in [&entry["code"], &entry["id"]] {
        let answer = post(&place, "/attentions", &sac, "", &body(named)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!((&answer.json()["entry"], &answer.json()["outcome"]), (&entry["code"], &json!("transferred")));
    }
    for unknown in ["2019-E-000001", "2019-X-000001", "x", "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02"] {
        assert_eq!(
            post(&place, "/attentions", &sac, "", &body(&json!(unknown))).await.pointers(),
            ["/entry"],
            "{unknown}"
        );
    }
    let appointment = json!({"channel": "phone", "unit": "L01000000", "appointment": "7K3QW9XH2MZJFK35"});
    assert_eq!(post(&place, "/attentions", &sac, "", &appointment).await.pointers(), ["/appointment"]);
    let outcome = json!({"channel": "phone", "unit": "L01000000", "outcome": "resuelta"});
    assert_eq!(post(&place, "/attentions", &sac, "", &outcome).await.pointers(), ["/outcome"]);
}
