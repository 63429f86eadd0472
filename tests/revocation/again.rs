//! Entries that were registered although a responder was silent, and what becomes of them.

use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::config::{OnIndeterminate, Revocation};
use ventanilla::{signature, store};

use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;
use crate::machine::Reply;
use crate::pki::{DAY, HOUR, OCSP, Pki, SECOND};
use crate::submissions::{form, town};

async fn again(town: &Town) -> usize {
    town.app.registry.judge_again_once(&town.app.entity, &town.app.judge).await.unwrap()
}

async fn entry(town: &Town, id: &str) -> Value {
    town.get(&format!("/entries/{id}"), "clerk").await.is(200, "").json()
}

async fn events(town: &Town, id: &str) -> Vec<Value> {
    let events = town.get(&format!("/entries/{id}/events"), "clerk").await.is(200, "").json();
    events["items"].as_array().unwrap().clone()
}

fn down(pki: &Pki) {
    pki.machine.on("ocsp", |_| Reply::Status(503));
}

fn up(pki: &Pki) {
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer(request, &["-ndays", "3"])));
}

#[rstest]
#[tokio::test]
async fn the_answer_that_comes_later_is_an_event_of_the_entry(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let pki = Pki::naming(OCSP);
    down(&pki);
    let town = town(engine, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    let registered = town.submit(&form(&pki, "citizen"), &fresh_key()).await.registered();
    let id = registered["entry"]["id"].as_str().unwrap();
    assert_eq!(registered["signatures"][0]["sub_indication"], "try_later");

    // While nobody answers nothing happens but that it is tried, less and less often.
    for _ in 0..3 {
        pki.clock.step_by(10 * 60 * SECOND);
        again(&town).await;
    }
    assert_eq!(events(&town, id).await.len(), 1);
    let tried = pki.machine.asked("ocsp");
    assert_eq!(again(&town).await, 0, "not due yet");
    assert_eq!(pki.machine.asked("ocsp"), tried);

    up(&pki);
    pki.clock.step_by(HOUR);
    again(&town).await;
    let found = events(&town, id).await;
    let event = &found[1];
    assert_eq!((&event["type"], &event["by"]), (&"signature_judged_again".into(), &"ventanilla".into()));
    let verdict = &event["data"]["signatures"][0];
    assert_eq!((&verdict["indication"], &verdict["revocation"]), (&"total_passed".into(), &"good".into()));
    // Judged as of when it came, not of when the answer did.
    assert_eq!(verdict["signed_at"], registered["entry"]["presented_at"]);

    let shown = town.get(&format!("/entries/{id}"), "clerk").await.is(200, "");
    assert_eq!(shown.header("etag"), "\"2\"");
    assert_eq!(shown.json()["signatures"], event["data"]["signatures"]);
    // The receipt and the first event say what was known then.
    assert_eq!(found[0]["data"]["signatures"], registered["signatures"]);
    pki.clock.step_by(2 * HOUR);
    assert_eq!(again(&town).await, 0);
    assert_eq!(events(&town, id).await.len(), 2);
}

#[tokio::test]
async fn that_it_was_revoked_is_said_likewise_and_the_entry_stands() {
    let pki = Pki::naming(OCSP);
    down(&pki);
    let town = town(Engine::Sqlite, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    let registered = town.submit(&form(&pki, "revoked"), &fresh_key()).await.registered();
    let id = registered["entry"]["id"].as_str().unwrap();
    up(&pki);
    pki.clock.step_by(HOUR);
    again(&town).await;
    let shown = entry(&town, id).await;
    assert_eq!(shown["signatures"][0]["sub_indication"], "revoked_no_poe");
    assert_eq!(shown["entry"]["status"], "registered");
    // Whoever holds the paper is told, too: it says what was known at first.
    let code = registered["receipt"]["csv"].as_str().unwrap();
    let opened = town.get(&format!("/verify/{code}"), "nobody").await.is(200, "").json();
    assert_eq!((&opened["stands"], &opened["signature_failed"]), (&json!(true), &json!(true)));
    assert_eq!(opened["receipt"]["signatures"][0]["sub_indication"], "try_later");
    let since = &opened["since"][0];
    assert_eq!((&since["type"], &opened["since"][1]), (&json!("signature_judged_again"), &Value::Null));
    assert_eq!(since["verdict"], shown["signatures"][0]);
}

#[tokio::test]
async fn a_certificate_that_was_revoked_after_the_reception_was_good_then() {
    let pki = Pki::naming(OCSP);
    down(&pki);
    let town = town(Engine::Sqlite, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    let registered = town.submit(&form(&pki, "citizen"), &fresh_key()).await.registered();
    let id = registered["entry"]["id"].as_str().unwrap();
    pki.revoke("citizen", Some((pki.clock.now().0 + HOUR, "keyCompromise")));
    up(&pki);
    pki.clock.step_by(DAY);
    again(&town).await;
    assert_eq!(entry(&town, id).await["signatures"][0]["indication"], "total_passed");
    let code = registered["receipt"]["csv"].as_str().unwrap();
    let opened = town.get(&format!("/verify/{code}"), "nobody").await.is(200, "").json();
    assert_eq!(opened["signature_failed"], false);
    assert_eq!(opened["since"][0]["verdict"]["indication"], "total_passed");
}

#[tokio::test]
async fn all_that_is_open_is_judged_again_and_the_rest_is_left() {
    let pki = Pki::naming(OCSP);
    down(&pki);
    let town = town(Engine::Sqlite, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    let content = b"%PDF-1.7 a plan";
    let sign = |who: &str, bytes: &[u8]| {
        signature::seal(bytes, &pki.key(who), &pki.certificate(who), &[], pki.clock.now().0).unwrap()
    };
    let mut paper = Paper::submission().document("plano", content).document("foto", b"%PDF-1.7 a photo");
    paper.json["documents"][0]["signature"] = json!({"part": "plano-firma"});
    paper.json["documents"][1]["signature"] = json!({"part": "foto-firma"});
    let bytes = paper.bytes();
    let form = Form::new()
        .part("submission", &bytes)
        .part("signature", &sign("citizen", &bytes))
        .part("plano", content)
        .part("plano-firma", &sign("citizen2", content))
        .part("foto", b"%PDF-1.7 a photo")
        .part("foto-firma", &sign("expired", b"another photo"));
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let id = registered["entry"]["id"].as_str().unwrap();
    let said = |signatures: &Value| -> Vec<Value> {
        signatures.as_array().unwrap().iter().map(|one| one["sub_indication"].clone()).collect()
    };
    assert_eq!(said(&registered["signatures"]), ["try_later", "try_later", "hash_failure"]);
    up(&pki);
    pki.clock.step_by(HOUR);
    again(&town).await;
    let shown = entry(&town, id).await;
    assert_eq!(said(&shown["signatures"]), [Value::Null, Value::Null, "hash_failure".into()]);
    assert_eq!(shown["entry"]["documents"][0]["signatures"][0]["indication"], "total_passed");
    let found = events(&town, id).await;
    assert_eq!((found.len(), &found[1]["data"]["places"]), (2, &json!([0, 1])));
    assert_eq!(found[1]["data"]["signatures"].as_array().unwrap().len(), 2);
    // The events add up to what is shown.
    let mut tx = town.app.store().read().await.unwrap();
    let events = store::book::events_of(&mut tx, town.app.entity.id, id.parse().unwrap()).await.unwrap();
    let after = ventanilla::registry::history::after(&events).unwrap();
    assert_eq!(serde_json::to_value(&after.entry).unwrap(), shown["entry"]);
    assert_eq!(serde_json::to_value(&after.signatures).unwrap(), shown["signatures"]);
}

#[rstest]
#[tokio::test]
async fn signatures_inside_documents_are_judged_again_too(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let pki = Pki::naming(OCSP);
    down(&pki);
    let town = town(engine, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    // A form that proves the will, and an act of somebody whose certificate turns out to be revoked.
    let (form, act) = (attached(&pki, "citizen"), attached(&pki, "revoked"));
    let mut paper = Paper::submission()
        .document_as("formulario", "f.p7m", "application/pkcs7-mime", &form)
        .document_as("acta", "a.p7m", "application/pkcs7-mime", &act);
    paper.json["documents"][0]["kind"] = json!("form");
    paper.json["documents"][1]["signature"] = json!({"part": "acta-firma"});
    let beside = signature::seal(&act, &pki.key("citizen2"), &pki.certificate("citizen2"), &[], pki.clock.now().0);
    let sent = paper.form().part("acta-firma", &beside.unwrap());
    let registered = town.submit(&sent, &fresh_key()).await.registered();
    assert_eq!(registered["entry"]["authentication_method"], "signed_form");
    let said = |signatures: &Value| -> Vec<Value> {
        signatures.as_array().unwrap().iter().map(|one| one["sub_indication"].clone()).collect()
    };
    assert_eq!(said(&registered["signatures"]), ["try_later", "try_later", "try_later"]);
    up(&pki);
    pki.clock.step_by(HOUR);
    let id = registered["entry"]["id"].as_str().unwrap();
    again(&town).await;
    let shown = entry(&town, id).await;
    assert_eq!(said(&shown["signatures"]), [Value::Null, Value::Null, "revoked_no_poe".into()]);
    assert_eq!(said(&shown["entry"]["documents"][1]["signatures"]), [Value::Null, "revoked_no_poe".into()]);
    let found = events(&town, id).await;
    assert_eq!((found.len(), said(&found[1]["data"]["signatures"]).len()), (2, 3));
    let refusing = crate::submissions::town(engine, &pki, Revocation::WhenAvailable, OnIndeterminate::Refuse).await;
    down(&pki);
    pki.clock.step_by(10 * DAY);
    refusing.submit(&sent, &fresh_key()).await.is(503, "unavailable");
}

#[rstest]
#[tokio::test]
async fn signatures_in_documents_that_came_later_are_judged_again_as_of_when_they_came(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let pki = Pki::naming(OCSP);
    let town = town(engine, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    up(&pki);
    let registered = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    let id = registered["entry"]["id"].as_str().unwrap();
    pki.clock.step_by(HOUR / 6);
    down(&pki);
    let act = attached(&pki, "citizen");
    let scans = Paper { json: json!({"documents": []}), documents: Vec::new() };
    let scans = scans.document_as("acta", "a.p7m", "application/pkcs7-mime", &act).form();
    let answer = town.try_post(&format!("/entries/{id}/documents"), "clerk", &scans, &fresh_key()).await.unwrap();
    let added = answer.is(201, "").json();
    assert_eq!(added["signatures"][0]["sub_indication"], "try_later");
    // Revoked after it came: it was good then. Before it came, the registration does not count.
    pki.revoke("citizen", Some((pki.clock.now().0 + HOUR / 6, "superseded")));
    up(&pki);
    pki.clock.step_by(HOUR);
    again(&town).await;
    let found = events(&town, id).await;
    assert_eq!((&found[2]["type"], &found[2]["data"]["places"]), (&"signature_judged_again".into(), &json!([0])));
    let verdict = &entry(&town, id).await["signatures"][0];
    assert_eq!((&verdict["sub_indication"], &verdict["revocation"]), (&Value::Null, &"good".into()), "{verdict}");
    assert_eq!(verdict["signed_at"], found[1]["at"], "as of when it came, and not the entry");
}

/// A CMS that holds what it signs.
fn attached(pki: &Pki, who: &str) -> Vec<u8> {
    let (key, certificate) = (pki.key(who), pki.certificate(who));
    let flags = openssl::cms::CMSOptions::BINARY;
    let signed = openssl::cms::CmsContentInfo::sign(Some(&certificate), Some(&key), None, Some(b"an act"), flags);
    signed.unwrap().to_der().unwrap()
}

#[rstest]
#[tokio::test]
async fn two_processes_judge_an_entry_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let pki = Pki::naming(OCSP);
    down(&pki);
    let town = town(engine, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    let registered = town.submit(&form(&pki, "citizen"), &fresh_key()).await.registered();
    let id = registered["entry"]["id"].as_str().unwrap();
    up(&pki);
    pki.clock.step_by(HOUR);
    let taken_up = futures_util::future::join_all((0..4).map(|_| again(&town))).await;
    assert!(taken_up.iter().sum::<usize>() <= 1, "{taken_up:?}");
    // The server's own task may have been the one.
    for _ in 0..100 {
        if events(&town, id).await.len() > 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(events(&town, id).await.len(), 2);
    let gaps = "SELECT CAST(count(*) AS BIGINT) FROM events";
    assert_eq!(town.count(gaps).await, town.holdings().await.events);
}

#[tokio::test]
async fn the_server_does_it_by_itself() {
    let pki = Pki::naming(OCSP);
    down(&pki);
    let town = town(Engine::Sqlite, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    let registered = town.submit(&form(&pki, "citizen"), &fresh_key()).await.registered();
    let id = registered["entry"]["id"].as_str().unwrap();
    up(&pki);
    pki.clock.step_by(HOUR);
    for _ in 0..150 {
        if events(&town, id).await.len() == 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("nothing was judged again");
}
