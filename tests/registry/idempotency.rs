//! Requests that are sent again: one key, one entry, whatever happens to the answers.

use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::{Micros, Role, Sha256};
use ventanilla::store::tokens::TokenRow;

use crate::harness::door::Answer;
use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::{ENTITY, Engine, OTHER_UNIT};
use crate::harness::town::Town;

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

#[rstest]
#[tokio::test]
async fn the_same_request_again_gets_the_same_answer(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let (form, key) = (Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana(), fresh_key());
    let first = town.submit(&form, &key).await.is(201, "");
    let before = town.holdings().await;
    let again = town.submit(&form, &key).await.is(201, "");
    assert_eq!((replayed(&first), replayed(&again)), (false, true));
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(town.holdings().await, before);
}

#[rstest]
#[tokio::test]
async fn boundary_order_and_part_headers_do_not_count(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let paper = Paper::counter().document("a", b"%PDF-1.7 a").document("b", b"%PDF-1.7 b");
    let key = fresh_key();
    let number = town.register(&paper.form(), &key).await.number();
    let other = Form::new()
        .part_with("submission", "Content-Type: application/json; charset=utf-8\r\n", &paper.bytes())
        .part_with("b", "Content-Transfer-Encoding: 8bit\r\n", b"%PDF-1.7 b")
        .part_with("a", "Content-Type: text/plain\r\n", b"%PDF-1.7 a");
    let again = town.register(&other, &key).await;
    assert!(replayed(&again));
    assert_eq!(again.number(), number);
}

#[rstest]
#[tokio::test]
async fn a_key_with_another_body_is_refused(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let key = fresh_key();
    town.register(&Paper::counter().form(), &key).await.is(201, "");
    let before = town.holdings().await;
    let other = Paper::counter().with("subject", "Otra cosa").form();
    town.register(&other, &key).await.is(422, "idempotency-key-reused");
    assert_eq!(town.holdings().await, before);
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    let town = Town::on(Engine::Sqlite).await;
    let (form, key) = (Paper::counter().form(), fresh_key());
    assert_eq!(town.register(&form, &key).await.number(), 1);
    let other = town.try_post("/entries", "clerk-2", &form, &key).await.unwrap();
    assert_eq!(other.number(), 2);
}

#[tokio::test]
async fn a_key_is_required_and_has_a_length() {
    let town = Town::on(Engine::Sqlite).await;
    let form = Paper::counter().form();
    let content_type = form.content_type();
    let headers = [("content-type", content_type.as_str())];
    for path in ["/entries", "/submissions"] {
        let who = if path == "/entries" { "clerk" } else { "eoffice" };
        let answer = town.try_send(reqwest::Method::POST, path, Some(who), &headers, form.bytes()).await.unwrap();
        answer.is(400, "idempotency-key-missing");
    }
    town.register(&form, &"k".repeat(256)).await.is(400, "idempotency-key-missing");
    assert_eq!(town.register(&form, &"k".repeat(255)).await.number(), 1);
}

#[rstest]
#[tokio::test]
async fn a_refusal_does_not_use_the_key_up(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let key = fresh_key();
    town.register(&Paper::counter().with("subject", "").form(), &key).await.is(422, "invalid-submission");
    assert_eq!(town.register(&Paper::counter().form(), &key).await.number(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn repeats_that_come_together_make_one_entry(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    for round in 1..=5 {
        let (form, key) = (Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana(), fresh_key());
        let answers = join_all((0..16).map(|_| town.submit(&form, &key))).await;
        let first = answers.iter().filter(|answer| !replayed(answer)).count();
        assert_eq!(first, 1, "one of them was first");
        for answer in answers {
            assert_eq!(answer.number(), round);
        }
    }
    assert_eq!(town.holdings().await.entries, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_sent_to_two_processes_make_one_entry() {
    let town = Town::on(Engine::Postgres).await;
    let other = Town::beside(&town).await;
    for round in 1..=10 {
        let (form, key) = (Paper::counter().form(), fresh_key());
        let doors = [&town.door, &other.door];
        let answers = join_all((0..8).map(|n| doors[n % 2].register(&form, &key))).await;
        assert_eq!(answers.iter().filter(|answer| !replayed(answer)).count(), 1);
        for answer in answers {
            assert_eq!(answer.number(), round);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_submission_under_many_keys_is_one_entry() {
    let town = Town::on(Engine::Postgres).await;
    let other = Town::beside(&town).await;
    let form = Paper::submission().signed_by_ana();
    let doors = [&town.door, &other.door];
    let keys: Vec<String> = (0..8).map(|_| fresh_key()).collect();
    let answers = join_all((0..8).map(|n| doors[n % 2].submit(&form, &keys[n]))).await;
    let mut said: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    said.sort_unstable();
    assert_eq!(said, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(town.holdings().await.entries, 1);
}

#[rstest]
#[tokio::test]
async fn a_key_is_kept_over_a_restart(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let (form, key) = (Paper::counter().form(), fresh_key());
    let first = town.register(&form, &key).await.is(201, "");
    let site = town.stop().await;
    let town = Town::open(site, ventanilla::clock::Clock::system(), |_| {}, None).await;
    let again = town.register(&form, &key).await.is(201, "");
    assert!(replayed(&again));
    assert_eq!(again.body, first.body);
}

async fn ask(town: &Town, who: &str, path: &str, body: &Value, key: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    town.try_send(Method::POST, path, Some(who), &headers, body).await.unwrap()
}

/// The looks of repeated requests at an entry.
async fn repeats_seen(town: &Town, id: &str) -> Vec<String> {
    let looks = town.get(&format!("/access-log?entry={id}&limit=500"), "auditor").await.is(200, "").json();
    let looks = looks["items"].as_array().unwrap().clone();
    let repeats = looks.iter().filter(|look| look["action"] == "read" && look["detail"] == "repeat");
    repeats.map(|look| look["who"].as_str().unwrap().to_owned()).collect()
}

#[rstest]
#[tokio::test]
async fn a_repeat_is_answered_only_to_who_may_still_see_the_entry_and_is_a_look(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let (form, key) = (Paper::counter().form(), fresh_key());
    let registered = town.register(&form, &key).await.registered();
    let id = registered["entry"]["id"].as_str().unwrap();
    let path = |operation: &str| format!("/entries/{id}/{operation}");
    assert_eq!(repeats_seen(&town, id).await, [""; 0]);
    assert!(replayed(&town.register(&form, &key).await.is(201, "")));
    assert_eq!(repeats_seen(&town, id).await, ["clerk"]);
    ask(&town, "clerk", &path("distribution"), &json!({"unit": ENTITY}), "d-1").await.is(200, "");
    let accepted = ask(&town, "unit", &path("acceptance"), &Value::Null, "acc1").await.is(200, "");
    let again = ask(&town, "unit", &path("acceptance"), &Value::Null, "acc1").await.is(200, "");
    assert_eq!((replayed(&again), again.body), (true, accepted.body));
    assert_eq!(repeats_seen(&town, id).await, ["unit", "clerk"]);

    // A unit that gives it back may lose the answer to just that, and nothing else.
    let back = json!({"reason": "No es de esta unidad"});
    let returned = ask(&town, "unit", &path("return"), &back, "ret1").await.is(200, "");
    town.get(&format!("/entries/{id}"), "unit").await.is(404, "not-found");
    ask(&town, "unit", &path("acceptance"), &Value::Null, "acc1").await.is(404, "not-found");
    let again = ask(&town, "unit", &path("return"), &back, "ret1").await.is(200, "");
    assert_eq!((replayed(&again), again.body), (true, returned.body));
    assert_eq!(repeats_seen(&town, id).await, ["unit", "unit", "clerk"]);

    ask(&town, "clerk", &path("distribution"), &json!({"unit": OTHER_UNIT}), "d-2").await.is(200, "");
    for (operation, body, key) in [("acceptance", &Value::Null, "acc1"), ("return", &back, "ret1")] {
        let answer = ask(&town, "unit", &path(operation), body, key).await.is(404, "not-found");
        assert!(!answer.text().contains(registered["entry"]["code"].as_str().unwrap()), "{}", answer.text());
    }
    assert_eq!(repeats_seen(&town, id).await, ["unit", "unit", "clerk"]);
}

#[rstest]
#[tokio::test]
async fn a_key_belongs_to_a_unit_too(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    // A token of another unit under the same name, as could be made once.
    let namesake = TokenRow {
        id: town.clock.new_id(),
        entity_id: town.app.entity.id,
        name: "unit".into(),
        role: Role::Unit,
        unit: Some(OTHER_UNIT.into()),
        office: None,
        created_at: town.clock.now(),
        expires_at: Micros(town.clock.now().0 + 86_400_000_000),
        revoked_at: None,
    };
    let mut tx = town.app.store().begin().await.unwrap();
    let hash = Sha256(openssl::sha::sha256(b"test-namesake"));
    ventanilla::store::tokens::insert(&mut tx, &namesake, hash).await.unwrap();
    tx.commit().await.unwrap();
    let id = town.entry().await;
    let path = |operation: &str| format!("/entries/{id}/{operation}");
    ask(&town, "clerk", &path("distribution"), &json!({"unit": ENTITY}), "d-1").await.is(200, "");
    ask(&town, "unit", &path("acceptance"), &Value::Null, "acc1").await.is(200, "");
    ask(&town, "namesake", &path("acceptance"), &Value::Null, "acc1").await.is(404, "not-found");
    ask(&town, "unit", &path("return"), &json!({"reason": "x"}), "ret1").await.is(200, "");
    ask(&town, "clerk", &path("distribution"), &json!({"unit": OTHER_UNIT}), "d-2").await.is(200, "");
    let accepted = ask(&town, "namesake", &path("acceptance"), &Value::Null, "acc1").await.is(200, "");
    assert!(!replayed(&accepted), "its own, not what the other unit was answered");
}
