//! Every operation with every role, from the OpenAPI document: who may is let in, who may not is not.

use reqwest::Method;
use rstest::rstest;
use serde_json::Value;
use ventanilla::domain::Role;

use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::tls::{citizen_door, with_tls};
use crate::harness::town::Town;

/// An operation of the document.
struct Operation {
    method: Method,
    path: String,
    roles: Vec<String>,
    multipart: bool,
}

async fn operations(town: &Town) -> Vec<Operation> {
    let document = town.get("/api/v1/openapi.json", "nobody").await.json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let roles: Vec<String> = serde_json::from_value(operation["x-roles"].clone())
                .unwrap_or_else(|_| panic!("{method} {path} does not say who may call it (x-roles)"));
            // Public is said, never forgotten.
            assert_eq!(roles.is_empty(), operation.get("security").is_none(), "{method} {path}");
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                roles,
                multipart: operation["requestBody"]["content"].get("multipart/form-data").is_some(),
            });
        }
    }
    operations
}

/// The path with the ids of things that are there.
fn filled(path: &str, entry: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    path.replace("{csv}", &text(&entry["csv"]))
        .replace("{path}", "0/000.p/1")
        .replace("{id}", &text(&entry["id"]))
        .replace("{document_id}", &text(&entry["documents"][0]["id"]))
        .replace("{book}", &text(&entry["book"]))
        .replace("{year}", &text(&entry["year"]))
        .replace("{number}", &text(&entry["number"]))
        .replace("{code}", "L01000000")
        .replace("{sha256}", &"0".repeat(64))
}

#[rstest]
#[tokio::test]
async fn each_operation_lets_in_whom_the_document_names_and_nobody_else(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = with_tls(engine).await;
    let citizen = citizen_door(&town, "citizen");
    let form = Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana();
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let mut entry = registered["entry"].clone();
    entry["csv"] = registered["receipt"]["csv"].clone();
    let operations = operations(&town).await;
    assert!(operations.len() >= 15);
    let mut known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    known.push("citizen");
    for operation in &operations {
        let path = filled(&operation.path, &entry);
        assert!(!path.contains('{'), "the test has no value for a parameter of {path}");
        for role in &operation.roles {
            assert!(known.contains(&role.as_str()), "{path}: there is no role {role}");
        }
        for role in known.iter().map(Some).chain([None]) {
            let (key, form) = (fresh_key(), Form::new().part("submission", b"{}"));
            let content_type = if operation.multipart { form.content_type() } else { "application/json".into() };
            let headers = [("content-type", content_type.as_str()), ("idempotency-key", &key)];
            let body = if operation.multipart { form.bytes() } else { b"{}".to_vec() };
            let body = if operation.method == Method::GET { Vec::new() } else { body };
            let (door, who) = match role {
                Some(&"citizen") => (&citizen, None),
                Some(role) => (&town.door, Some(*role)),
                None => (&town.door, None),
            };
            let answer = door.try_send(operation.method.clone(), &path, who, &headers, body).await.unwrap();
            let said = format!("{} {path} as {role:?}: {} {}", operation.method, answer.status, answer.text());
            let allowed =
                operation.roles.is_empty() || role.is_some_and(|role| operation.roles.iter().any(|it| it == role));
            match (allowed, role) {
                (true, _) => assert!(![401, 403].contains(&answer.status), "{said}"),
                (false, None) => assert_eq!(answer.status, 401, "{said}"),
                (false, Some(_)) => assert!([403, 404].contains(&answer.status), "{said}"),
            }
            assert!(answer.status < 500, "{said}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_token_that_expired_was_revoked_or_is_none_lets_nobody_in(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let send = async |authorization: &str| {
        let headers = [("authorization", authorization)];
        town.try_send(Method::GET, "/books", None, &headers, Vec::new()).await.unwrap()
    };
    assert_eq!(send("Bearer test-sac").await.status, 200);
    assert_eq!(send("bearer test-sac").await.status, 200);
    for wrong in ["Bearer test-sa", "Bearer", "Basic dXNlcjpwYXNz", "test-sac", "Bearer  ", "Bearer \u{f1}"] {
        let answer = send(wrong).await.is(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let mut tx = town.app.store().begin().await.unwrap();
    ventanilla::store::tokens::revoke(&mut tx, town.app.entity.id, "admin", town.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    town.get("/books", "admin").await.is(401, "unauthenticated");
    town.clock.step_by(101 * 365 * 86_400_000_000);
    town.get("/books", "auditor").await.is(401, "unauthenticated");
}
