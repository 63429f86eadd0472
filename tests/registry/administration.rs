//! What an administrator keeps over the API: tokens and trust anchors. Each change says who made it.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::door::Answer;
use crate::harness::paper::{Form, Paper, Signer, fresh_key};
use crate::harness::site::{ENTITY, Engine, FOREIGN_UNIT, OTHER_UNIT, test_certificate};
use crate::harness::town::Town;

async fn send(town: &Town, method: Method, path: &str, body: &Value, more: &[(&str, &str)]) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend_from_slice(more);
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    town.try_send(method, path, Some("admin"), &headers, body).await.unwrap()
}

async fn post(town: &Town, path: &str, body: Value) -> Answer {
    send(town, Method::POST, path, &body, &[]).await
}

async fn delete(town: &Town, path: &str) -> Answer {
    send(town, Method::DELETE, path, &Value::Null, &[]).await
}

/// What a caller with this secret is answered.
async fn status_with(town: &Town, secret: &str, path: &str) -> u16 {
    let bearer = format!("Bearer {secret}");
    let headers = [("authorization", bearer.as_str())];
    town.try_send(Method::GET, path, None, &headers, Vec::new()).await.unwrap().status
}

#[rstest]
#[tokio::test]
async fn a_token_is_made_shown_once_listed_and_revoked(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let made = post(&town, "/tokens", json!({"name": "mostrador-7", "role": "clerk"})).await.is(201, "");
    let location = made.header("location").strip_prefix("/api/v1").unwrap().to_owned();
    let made = made.json();
    let secret = made["secret"].as_str().unwrap();
    assert_eq!((&made["office"], &made["created_by"]), (&json!("O01000000"), &json!("admin")));
    assert_eq!(status_with(&town, secret, "/entries").await, 200);
    let listed = town.get("/tokens?limit=500", "admin").await.is(200, "");
    assert!(!listed.text().contains(secret) && !listed.text().contains("secret"), "a secret is shown once");
    let items = listed.json()["items"].as_array().unwrap().clone();
    assert!(items.iter().any(|item| item["id"] == made["id"] && item["revoked_at"].is_null()));
    // Page by page they are the same.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = town.get(&format!("/tokens?limit=2{cursor}"), "admin").await.is(200, "").json();
        paged.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, items);
    let revoked = delete(&town, &location).await.is(200, "").json();
    assert_eq!(revoked["revoked_by"], "admin");
    // At once, although it was believed a moment ago.
    assert_eq!(status_with(&town, secret, "/entries").await, 401);
    delete(&town, &location).await.is(409, "wrong-state");
    delete(&town, &format!("/tokens/{}", crate::harness::paper::fresh_id())).await.is(404, "not-found");
    town.get("/tokens?cursor=x", "admin").await.is(400, "bad-request");
}

#[rstest]
#[tokio::test]
async fn a_token_that_cannot_be_is_not_made(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let before = town.count("SELECT count(*) FROM tokens").await;
    for (body, pointer) in [
        (json!({"role": "clerk"}), "/name"),
        (json!({"name": "a", "role": "king"}), "/role"),
        (json!({"name": "a:b", "role": "clerk"}), "/name"),
        (json!({"name": " a", "role": "clerk"}), "/name"),
        (json!({"name": "x".repeat(81), "role": "clerk"}), "/name"),
        (json!({"name": "a", "role": "clerk", "days": 0}), "/days"),
        (json!({"name": "a", "role": "clerk", "days": 3651}), "/days"),
        (json!({"name": "a", "role": "clerk", "days": 1.5}), "/days"),
        (json!({"name": "a", "role": "unit"}), "/unit"),
        (json!({"name": "a", "role": "unit", "unit": "NOWHERE"}), "/unit"),
        (json!({"name": "a", "role": "unit", "unit": FOREIGN_UNIT}), "/unit"),
        (json!({"name": "a", "role": "clerk", "office": "O09999999"}), "/office"),
        (json!({"name": "a", "role": "clerk", "colour": "red"}), "/colour"),
        // A name belongs to one role for ever.
        (json!({"name": "eoffice", "role": "clerk"}), "/name"),
        // And to one unit where the role acts for one.
        (json!({"name": "Unit", "role": "unit", "unit": OTHER_UNIT}), "/name"),
        (json!({"name": "agenda_manager", "role": "agenda_manager", "unit": OTHER_UNIT}), "/name"),
    ] {
        let answer = post(&town, "/tokens", body.clone()).await.is(422, "invalid-submission");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    assert_eq!(town.count("SELECT count(*) FROM tokens").await, before);
    post(&town, "/tokens", json!({"name": "urbanismo", "role": "unit", "unit": ENTITY})).await.is(201, "");
    // The same name for the same unit is a token that takes the place of another.
    post(&town, "/tokens", json!({"name": "urbanismo", "role": "unit", "unit": ENTITY})).await.is(201, "");
}

#[rstest]
#[tokio::test]
async fn a_repeated_request_makes_no_second_token(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let key = fresh_key();
    let ask = async |name: &str| {
        let body = json!({"name": name, "role": "sac"});
        send(&town, Method::POST, "/tokens", &body, &[("idempotency-key", &key)]).await
    };
    let made = ask("sac-1").await.is(201, "").json();
    let again = ask("sac-1").await.is(409, "wrong-state");
    assert!(again.text().contains(made["id"].as_str().unwrap()) && !again.text().contains("vt_"), "{}", again.text());
    ask("sac-2").await.is(422, "idempotency-key-reused");
    assert_eq!(town.count("SELECT count(*) FROM tokens WHERE name LIKE 'sac-%'").await, 1);
}

fn pem(name: &str) -> String {
    std::fs::read_to_string(test_certificate(name)).unwrap()
}

/// A submission of Ana's, signed with a certificate of an authority that nobody trusts.
fn signed_by_a_stranger() -> Form {
    Paper::submission().signed(&Signer::of("untrusted/citizen"))
}

#[rstest]
#[tokio::test]
async fn an_authority_that_an_administrator_trusts_is_trusted_until_it_is_taken_away(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let other = Town::beside(&town).await;
    let seen = other.app.anchors_at_start;
    town.submit(&signed_by_a_stranger(), &fresh_key()).await.is(422, "signature-invalid");
    let body = json!({"certificate": pem("untrusted/root")});
    let added = post(&town, "/trust-anchors", body.clone()).await.is(201, "").json();
    assert_eq!((&added["source"], &added["added_by"]), (&json!("database"), &json!("admin")));
    assert!(added["subject"].as_str().unwrap().contains("CN=Another TEST Root CA"), "{added}");
    town.submit(&signed_by_a_stranger(), &fresh_key()).await.registered();
    // Another process learns of it, and one that starts later knows it.
    let seen = other.app.follow_anchors_once(seen).await.unwrap();
    other.submit(&signed_by_a_stranger(), &fresh_key()).await.registered();
    let later = Town::beside(&town).await;
    later.submit(&signed_by_a_stranger(), &fresh_key()).await.registered();
    // Trusted twice is trusted once.
    let again = post(&town, "/trust-anchors", body).await.is(200, "").json();
    assert_eq!(again, added);

    let path = format!("/trust-anchors/{}", added["sha256"].as_str().unwrap());
    let gone = delete(&town, &path).await.is(200, "").json();
    assert_eq!(gone["removed_by"], "admin");
    town.submit(&signed_by_a_stranger(), &fresh_key()).await.is(422, "signature-invalid");
    other.app.follow_anchors_once(seen).await.unwrap();
    other.submit(&signed_by_a_stranger(), &fresh_key()).await.is(422, "signature-invalid");
    delete(&town, &path).await.is(404, "not-found");
    // Who trusted it, and who no longer, stays; and those of the folder were trusted all the time.
    let items = town.get("/trust-anchors", "admin").await.is(200, "").json()["items"].as_array().unwrap().clone();
    assert!(items.contains(&gone), "{items:?}");
    town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    let folder = items.iter().find(|item| item["source"] == "folder").unwrap();
    let path = format!("/trust-anchors/{}", folder["sha256"].as_str().unwrap());
    delete(&town, &path).await.is(409, "wrong-state");
}

#[rstest]
#[case(json!({"certificate": pem("citizen")}), "certification authority")]
#[case(json!({"certificate": pem("untrusted/root") + &pem("untrusted/root")}), "must be one certificate in PEM")]
#[case(json!({"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}), "must be one certificate in PEM")]
#[case(json!({"certificate": ""}), "must be one certificate in PEM")]
#[case(json!({"certificate": "x".repeat(70_000)}), "more than 65536 bytes")]
#[tokio::test]
async fn only_the_certificate_of_an_authority_is_trusted(#[case] body: Value, #[case] why: &str) {
    let town = Town::on(Engine::Sqlite).await;
    let answer = post(&town, "/trust-anchors", body).await.is(422, "invalid-submission");
    assert!(answer.text().contains(why), "{}", answer.text());
    assert_eq!(town.count("SELECT count(*) FROM trust_anchors").await, 0);
    post(&town, "/trust-anchors", json!({"cert": 1})).await.is(400, "bad-request");
}

#[tokio::test]
async fn where_the_settings_say_so_only_the_folder_counts() {
    let town = Town::on(Engine::Sqlite).await;
    post(&town, "/trust-anchors", json!({"certificate": pem("untrusted/root")})).await.is(201, "");
    let site = town.stop().await;
    let clock = ventanilla::clock::Clock::system();
    let town = Town::open(site, clock, |config| config.signature.fixed_anchors = true, None).await;
    town.submit(&signed_by_a_stranger(), &fresh_key()).await.is(422, "signature-invalid");
    let body = json!({"certificate": pem("untrusted/impostor-ca")});
    let answer = post(&town, "/trust-anchors", body).await.is(409, "wrong-state");
    assert!(answer.text().contains("signature.fixed_anchors"), "{}", answer.text());
}
