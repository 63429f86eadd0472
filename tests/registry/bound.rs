//! Keys and signatures that were used make no second entry: what events bind is compared with the rows, whoever wrote them.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::audit::{self, Wanted};
use ventanilla::clock::Clock;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;

async fn found(town: &Town) -> Vec<String> {
    let report = audit::book(&town.app, Wanted::default(), &|_, _| {}).await.unwrap();
    assert_eq!(report.before_acts.iter().filter(|what| what.contains("key")).count(), 0, "{:?}", report.before_acts);
    report.findings.iter().map(ToString::to_string).collect()
}

/// A town with a signed submission, a counter entry that was altered, an attention and a token, each by a key of its own.
async fn bound(engine: Engine) -> Town {
    let town = Town::on(engine).await;
    let paper = Paper::submission().document("plano", b"%PDF-1.7 plan");
    town.submit(&paper.signed_by_ana(), "k-submission").await.registered();
    let entry = town.register(&Paper::counter().form(), "k-counter").await.registered();
    let distribution = format!("/entries/{}/distribution", entry["entry"]["id"].as_str().unwrap());
    let attention = json!({"channel": "phone", "unit": crate::harness::site::ENTITY, "topic": "Padrón"});
    for (path, who, body) in [
        (distribution.as_str(), "clerk", json!({"unit": crate::harness::site::ENTITY})),
        ("/attentions", "sac", attention),
        ("/tokens", "admin", json!({"name": "sac-9", "role": "sac"})),
    ] {
        let headers = [("content-type", "application/json"), ("idempotency-key", "k-other"), ("if-match", "\"1\"")];
        let answer =
            town.try_send(Method::POST, path, Some(who), &headers, body.to_string().into_bytes()).await.unwrap();
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text());
    }
    town.until("SELECT count(*) FROM outbox WHERE kind IN ('registered', 'index')", |left| left == 0).await;
    town.until("SELECT count(*) FROM access_log WHERE action = 'older_recorded'", |recorded| recorded == 1).await;
    assert_eq!(town.count("SELECT count(*) FROM idempotency_keys").await, 5);
    assert_eq!(town.count("SELECT count(*) FROM signed_forms").await, 1);
    town
}

#[rstest]
#[tokio::test]
async fn keys_and_used_signatures_are_what_the_events_say(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = bound(engine).await;
    assert_eq!(found(&town).await, Vec::<String>::new());
    let key = |of: &str| format!("an idempotency key of {of} is not what the events of the book say: ");
    for (attack, back, named) in [
        (
            "UPDATE idempotency_keys SET key = 'k-new' WHERE key = 'k-submission'",
            "UPDATE idempotency_keys SET key = 'k-submission' WHERE key = 'k-new'",
            key("eoffice:eoffice") + "it is not that of the request",
        ),
        (
            "UPDATE idempotency_keys SET key = 'k-new' WHERE operation = 'distributed'",
            "UPDATE idempotency_keys SET key = 'k-other' WHERE operation = 'distributed'",
            key("clerk:clerk") + "it is not that of the request",
        ),
        (
            "UPDATE idempotency_keys SET caller = 'clerk:clerk-2' WHERE key = 'k-counter'",
            "UPDATE idempotency_keys SET caller = 'clerk:clerk' WHERE key = 'k-counter'",
            key("clerk:clerk-2") + "what it led to was somebody else's",
        ),
        (
            "UPDATE idempotency_keys SET caller = 'sac:sac-2' WHERE operation = 'attention'",
            "UPDATE idempotency_keys SET caller = 'sac:sac' WHERE operation = 'attention'",
            key("sac:sac-2") + "what it led to was somebody else's",
        ),
        (
            "UPDATE idempotency_keys SET operation = 'accepted' WHERE operation = 'distributed'",
            "UPDATE idempotency_keys SET operation = 'distributed' WHERE operation = 'accepted'",
            key("clerk:clerk") + "what it led to is of another kind",
        ),
        (
            "UPDATE idempotency_keys SET caller = 'erased' WHERE key = 'k-counter'",
            "UPDATE idempotency_keys SET caller = 'clerk:clerk' WHERE key = 'k-counter'",
            key("erased") + "the entry that it led to was not erased",
        ),
        (
            "CREATE TABLE kept AS SELECT * FROM idempotency_keys; DELETE FROM idempotency_keys WHERE key = 'k-counter'",
            "DELETE FROM idempotency_keys; INSERT INTO idempotency_keys SELECT * FROM kept; DROP TABLE kept",
            "the idempotency key of event 2 is not what the events of the book say: it is gone".into(),
        ),
        (
            "INSERT INTO idempotency_keys (entity_id, caller, key, body_sha256, operation, subject_id, created_at)
             SELECT entity_id, 'clerk:clerk', 'k-x', commitment, 'registered', entry_id, at FROM events WHERE position = 2",
            "DELETE FROM idempotency_keys WHERE key = 'k-x'",
            key("clerk:clerk") + "what it led to is not there",
        ),
        (
            "CREATE TABLE kept AS SELECT * FROM signed_forms; DELETE FROM signed_forms",
            "INSERT INTO signed_forms SELECT * FROM kept; DROP TABLE kept",
            "it is not kept as used up, and could prove another entry".into(),
        ),
        (
            "INSERT INTO signed_forms (entity_id, signature_sha256, entry_id)
             SELECT entity_id, commitment, entry_id FROM events WHERE position = 2",
            "DELETE FROM signed_forms WHERE signature_sha256 IN (SELECT commitment FROM events)",
            "no event of that entry has it".into(),
        ),
        (
            "INSERT INTO signed_forms (entity_id, signature_sha256, entry_id)
             SELECT entity_id, commitment, id FROM events WHERE position = 2",
            "DELETE FROM signed_forms WHERE signature_sha256 IN (SELECT commitment FROM events)",
            "a used signature names the entry".into(),
        ),
        (
            "UPDATE entities SET name = name || ' (otro)', time_zone = 'Atlantic/Canary'",
            "UPDATE entities SET name = replace(name, ' (otro)', ''), time_zone = 'Europe/Madrid'",
            "is not what the recorded acts say: name, time_zone".into(),
        ),
    ] {
        execute(town.app.store(), attack).await;
        let named_now = found(&town).await;
        assert!(named_now.iter().any(|finding| finding.contains(&named)), "{attack}: {named_now:#?}");
        execute(town.app.store(), back).await;
        assert_eq!(found(&town).await, Vec::<String>::new(), "{back}");
    }
}

#[rstest]
#[tokio::test]
async fn a_key_of_an_erased_entry_makes_no_second_one(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = bound(engine).await;
    let entries = async || town.count("SELECT count(*) FROM entries").await;
    let form = Paper::counter().form();
    let code = town.register(&form, "k-erased").await.registered()["entry"]["code"].clone();
    let list = town.get("/entries", "clerk").await.is(200, "").json();
    let codes: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|entry| &entry["code"]).collect();
    assert_eq!((entries().await, codes.len()), (3, 3));
    for erased in codes {
        let order = json!({"entry": erased, "ground": "court_order", "reason": "Sentencia 45/2032"});
        town.post("/erasures", "admin", &order).await.is(201, "");
    }
    for key in ["k-erased", "k-counter"] {
        town.register(&form, key).await.is(410, "erased");
        let other = Paper::counter().document("otro", b"%PDF-1.7 other").form();
        town.register(&other, key).await.is(410, "erased");
    }
    // What was asked of the entry is not done again either.
    let id = list["items"].as_array().unwrap().iter().find(|entry| entry["code"] != code).unwrap()["id"].clone();
    let path = format!("/entries/{}/distribution", id.as_str().unwrap());
    let headers = [("content-type", "application/json"), ("idempotency-key", "k-other"), ("if-match", "\"1\"")];
    let body = json!({"unit": crate::harness::site::ENTITY}).to_string().into_bytes();
    town.try_send(Method::POST, &path, Some("clerk"), &headers, body).await.unwrap().is(410, "erased");
    assert_eq!(entries().await, 3);
    // Nobody's name is left on them, nor what came with them.
    let left = "SELECT count(*) FROM idempotency_keys WHERE caller = 'erased' AND key NOT LIKE 'k-%'";
    assert_eq!(town.count(left).await, 4);
    assert_eq!(found(&town).await, Vec::<String>::new());
    // What the erased submission was proved by proves nothing else, and the rows must be there as before.
    execute(town.app.store(), "DELETE FROM signed_forms").await;
    let named = found(&town).await;
    assert!(named.iter().any(|finding| finding.contains("could prove another entry")), "{named:#?}");
    town.register(&form, &fresh_key()).await.registered();
}

#[rstest]
#[tokio::test]
async fn a_number_above_which_none_fits_is_named(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = bound(engine).await;
    town.get("/readyz", "nobody").await.is(200, "");
    let town = Town::open(town.stop().await, Clock::system(), |_| {}, None).await;
    execute(town.app.store(), "UPDATE book_years SET last_number = 9999999999999").await;
    let answer = town.get("/readyz", "nobody").await;
    let numbers = answer.json()["parts"]["numbers"].as_str().unwrap().to_owned();
    assert!(answer.status == 503 && numbers.contains("entrada stands at 9999999999999"), "{numbers}");
    let named = found(&town).await;
    for part in
        ["goes on from number 9999999999999, but its last entry has 2", "stands at number 9999999999999: no number"]
    {
        assert!(named.iter().any(|finding| finding.contains(part)), "{named:#?}");
    }
}

#[rstest]
#[tokio::test]
async fn another_name_of_the_entity_is_an_act(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = bound(engine).await;
    let before = town.app.entity.name.clone();
    let change = |config: &mut ventanilla::config::Config| config.entity.name = "Ayuntamiento de Otro".into();
    let town = Town::open(town.stop().await, Clock::system(), change, None).await;
    let acts = town.get("/acts", "auditor").await.is(200, "").json();
    let act = acts["items"].as_array().unwrap().iter().find(|act| act["action"] == "entity_changed").unwrap();
    assert_eq!((&act["role"], &act["detail"]["name"]), (&json!("system"), &json!("Ayuntamiento de Otro")));
    assert_eq!(act["detail"]["before"]["name"], json!(before));
    assert_eq!(found(&town).await, Vec::<String>::new());
}
