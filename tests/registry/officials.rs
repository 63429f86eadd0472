//! Authentic copies, made by officials who were enabled (Ley 39/2015 art. 27).

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::clock::Clock;
use ventanilla::config::Config;

use crate::harness::door::Answer;
use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;

async fn enable(town: &Town, token: &str, who: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    let path = format!("/officials/{token}");
    town.try_send(Method::PUT, &path, Some(who), &headers, body.to_string().into_bytes()).await.unwrap()
}

fn official(name: &str) -> Value {
    json!({"name": name, "post": "Auxiliar administrativa", "decision": "Decreto 2026/0045"})
}

fn copies(paper: Paper) -> Paper {
    let mut paper = paper.document("titulo", b"%PDF-1.7 scanned").document("otro", b"%PDF-1.7 other");
    paper.json["documents"][0]["validity"] = json!("authentic_copy");
    paper
}

#[rstest]
#[tokio::test]
async fn a_clerk_makes_authentic_copies_while_an_official_stands_behind_the_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = copies(Paper::counter());
    let refused = town.register(&paper.form(), &fresh_key()).await.is(422, "invalid-submission");
    assert_eq!(refused.pointers(), ["/documents/0/validity"]);
    enable(&town, "clerk", "admin", &official("María Ruiz Vega")).await.is(200, "");
    let entry = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
    let documents = &entry["documents"];
    assert_eq!((&documents[0]["eni"]["made_by"], &documents[1]["eni"]), (&json!("María Ruiz Vega"), &Value::Null));
    assert_is_described(&documents[0]["eni"]);
    // Another clerk has nobody behind the token.
    let other = town.try_post("/entries", "clerk-2", &paper.form(), &fresh_key()).await.unwrap();
    other.is(422, "invalid-submission");
    // Scanned later, too; whoever took the place makes them from then on.
    enable(&town, "clerk", "admin", &official("Luis Vega Ruiz")).await.is(200, "");
    let added = copies(Paper::counter());
    let part = serde_json::to_vec(&json!({"documents": added.json["documents"]})).unwrap();
    let form = added.documents_after(Form::new().part("submission", &part));
    let path = format!("/entries/{}", entry["id"].as_str().unwrap());
    let after =
        town.try_post(&format!("{path}/documents"), "clerk", &form, &fresh_key()).await.unwrap().is(201, "").json();
    assert_eq!(after["entry"]["documents"][2]["eni"]["made_by"], "Luis Vega Ruiz");
    assert_eq!(after["entry"]["documents"][0]["eni"], documents[0]["eni"], "what was made stays");
    let later = &after["entry"]["documents"][2]["eni"];
    assert_is_described(later);
    assert_eq!(later["csv"], documents[0]["eni"]["csv"], "the code is that of the entry's receipt");
    let removed = town.try_send(Method::DELETE, "/officials/clerk", Some("admin"), &[], Vec::new()).await.unwrap();
    assert_eq!(removed.status, 204);
    town.register(&paper.form(), &fresh_key()).await.is(422, "invalid-submission");
    let again = town.try_send(Method::DELETE, "/officials/clerk", Some("admin"), &[], Vec::new()).await.unwrap();
    again.is(404, "not-found");

    let list = town.get("/officials", "auditor").await.is(200, "").json();
    let names: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|one| (&one["name"], one["disabled_at"].is_null())).collect();
    assert_eq!(names, [(&json!("María Ruiz Vega"), false), (&json!("Luis Vega Ruiz"), false)]);
    let acts = town.get("/acts", "auditor").await.is(200, "").json();
    let acts: Vec<_> = acts["items"].as_array().unwrap().iter().map(|act| act["action"].clone()).collect();
    let acts: Vec<_> = acts.into_iter().filter(|act| act.as_str().unwrap().starts_with("official_")).collect();
    assert_eq!(acts, ["official_disabled", "official_enabled", "official_enabled"]);
    assert_eq!(town.findings().await, Vec::<String>::new());
}

/// What `TipoMetadatos` of `metadatosDocumentoEni.xsd` and, for `TF01`, `CSV` of `firmasEni.xsd` make obligatory.
fn assert_is_described(eni: &Value) {
    for (element, field) in [
        ("VersionNTI", "standard"),
        ("Identificador", "identifier"),
        ("Organo", "body"),
        ("FechaCaptura", "captured_at"),
        ("OrigenCiudadanoAdministracion", "origin"),
        ("ValorEstadoElaboracion", "elaboration"),
        ("TipoDocumental", "document_type"),
        ("TipoFirma", "signature_type"),
        ("ValorCSV", "csv"),
        ("RegulacionGeneracionCSV", "csv_regulation"),
    ] {
        assert!(eni[field].as_str().is_some_and(|value| !value.is_empty()), "{element}: {eni}");
    }
}

/// The metadata would lack what the standard wants.
#[rstest]
#[tokio::test]
async fn no_copy_is_made_under_no_rule(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    enable(&town, "clerk", "admin", &official("María Ruiz Vega")).await.is(200, "");
    let unruled = |config: &mut Config| config.entity.csv_regulation.clear();
    let town = Town::open(town.stop().await, Clock::system(), unruled, None).await;
    let refused = town.register(&copies(Paper::counter()).form(), &fresh_key()).await.is(422, "invalid-submission");
    assert!(refused.text().contains("entity.csv_regulation"), "{}", refused.text());
    let refused = enable(&town, "clerk", "admin", &official("Luis Vega Ruiz")).await.is(409, "wrong-state");
    assert!(refused.text().contains("entity.csv_regulation"), "{}", refused.text());
}

/// What others call an authentic copy was made elsewhere: nobody here answers for it.
#[rstest]
#[tokio::test]
async fn what_a_citizen_sends_is_stated_and_carries_no_official(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let form = copies(Paper::submission()).signed_by_ana();
    let entry = town.submit(&form, &fresh_key()).await.registered()["entry"].clone();
    assert_eq!(
        (&entry["documents"][0]["validity"], &entry["documents"][0]["eni"]),
        (&json!("authentic_copy"), &Value::Null)
    );
}

#[tokio::test]
async fn only_an_administrator_enables_and_says_who_it_is() {
    let town = Town::on(Engine::Sqlite).await;
    enable(&town, "clerk", "clerk", &official("María")).await.is(403, "forbidden");
    let refused = enable(&town, "clerk", "admin", &json!({"name": " ", "x": 1})).await;
    assert_eq!(refused.is(422, "invalid-submission").pointers(), ["/x", "/name", "/post"]);
    town.get("/officials", "clerk").await.is(403, "forbidden");
}

#[rstest]
#[tokio::test]
async fn an_official_stands_behind_a_clerks_token_that_is_in_force(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    for nobody in ["mostrador-9", "sac"] {
        enable(&town, nobody, "admin", &official("María Ruiz")).await.is(404, "not-found");
    }
    town.post("/tokens", "admin", &json!({"name": "mostrador-9", "role": "clerk"})).await.is(201, "");
    enable(&town, "mostrador-9", "admin", &official("María Ruiz")).await.is(200, "");
    let tokens = town.get("/tokens", "admin").await.is(200, "").json();
    let token = tokens["items"].as_array().unwrap().iter().find(|token| token["name"] == "mostrador-9").unwrap();
    let path = format!("/tokens/{}", token["id"].as_str().unwrap());
    let revoked = town.try_send(Method::DELETE, &path, Some("admin"), &[], Vec::new()).await.unwrap();
    assert!((200..300).contains(&revoked.status), "{}", revoked.text());
    enable(&town, "mostrador-9", "admin", &official("Luis Vega")).await.is(404, "not-found");
    let list = town.get("/officials", "admin").await.is(200, "").json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
}
