//! Documents in which harmful code was found: the entry stands, and they are handed to nobody (RD 203/2021 art. 39.2).

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;

/// An entry with two documents, the second of which is harmful; its address.
async fn with_two(town: &Town) -> (Value, String) {
    let paper = Paper::submission().document("limpio", b"%PDF-1.7 clean").document("malo", b"%PDF-1.7 harmful");
    let registered = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    let path = format!("/entries/{}", registered["entry"]["id"].as_str().unwrap());
    (registered, path)
}

fn document(registered: &Value, place: usize) -> &str {
    registered["entry"]["documents"][place]["id"].as_str().unwrap()
}

async fn set(town: &Town, path: &str, document: &str) -> Value {
    let found = json!({"finding": "Win.Test.EICAR", "found_by": "Antivirus 3"});
    let answer = town.post(&format!("{path}/documents/{document}/quarantine"), "clerk", &found).await;
    answer.is(200, "").json()["entry"].clone()
}

async fn add(town: &Town, path: &str, part: &str) -> Value {
    let paper = Paper::counter().document(part, b"%PDF-1.7 sent again");
    let said = json!({"documents": paper.json["documents"]}).to_string();
    let form = paper.documents_after(Form::new().part("submission", said.as_bytes()));
    let added = town.try_post(&format!("{path}/documents"), "clerk", &form, &fresh_key()).await.unwrap();
    added.is(201, "").json()["entry"].clone()
}

async fn listed(town: &Town, required: bool) -> Vec<Value> {
    let list = town.get(&format!("/entries?sort=number&resend_required={required}"), "clerk").await.is(200, "").json();
    list["items"].as_array().unwrap().iter().map(|entry| entry["code"].clone()).collect()
}

async fn to_resend(town: &Town, registered: &Value) -> Value {
    let code = registered["receipt"]["csv"].as_str().unwrap();
    town.get(&format!("/verify/{code}"), "nobody").await.is(200, "").json()["to_resend"].clone()
}

#[rstest]
#[tokio::test]
async fn it_is_handed_to_nobody_and_the_entry_stands(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let (registered, path) = with_two(&town).await;
    let (good, bad) = (document(&registered, 0), document(&registered, 1));
    let entry = set(&town, &path, bad).await;
    let quarantine = &entry["documents"][1]["quarantine"];
    assert_eq!((&quarantine["finding"], &quarantine["found_by"]), (&json!("Win.Test.EICAR"), &json!("Antivirus 3")));
    assert_eq!(quarantine["since"], entry["resend_required_at"]);
    assert_eq!(entry["documents"][0]["quarantine"], Value::Null);
    for field in ["number", "presented_at", "effective_at", "status"] {
        assert_eq!(entry[field], registered["entry"][field], "{field}");
    }
    for who in ["clerk", "auditor", "eoffice"] {
        for asked in [format!("{path}/documents/{bad}"), format!("{path}/documents/{bad}/content")] {
            let refused = town.get(&asked, who).await.is(403, "quarantined");
            assert!(refused.text().contains("Win.Test.EICAR") && !refused.text().contains("PDF-1.7"), "{who} {asked}");
        }
        town.get(&format!("{path}/documents/{good}"), who).await.is(200, "");
    }
    let asked = format!("{path}/documents/{bad}");
    for (method, range) in [(Method::HEAD, "bytes=0-"), (Method::GET, "bytes=0-3")] {
        let answer = town.try_send(method, &asked, Some("clerk"), &[("range", range)], Vec::new()).await.unwrap();
        assert_eq!(answer.status, 403);
    }
    let shown = town.get(&path, "clerk").await.is(200, "").json();
    assert_eq!(shown["entry"], entry);
    town.get(&format!("{path}/receipt.json"), "clerk").await.is(200, "");
    let events = town.get(&format!("{path}/events"), "auditor").await.is(200, "").json()["items"].clone();
    assert_eq!((&events[1]["type"], &events[1]["by"]), (&json!("document_quarantined"), &json!("clerk")), "{events}");
    assert_eq!(events[1]["data"]["quarantine"], json!({ bad: quarantine }));
    // A second finding is none, and what is no document of the entry cannot be found in.
    let found = json!({"finding": "Otro"});
    town.post(&format!("{path}/documents/{bad}/quarantine"), "clerk", &found).await.is(409, "wrong-state");
    let absent = format!("{path}/documents/{}/quarantine", registered["entry"]["id"].as_str().unwrap());
    town.post(&absent, "clerk", &found).await.is(404, "not-found");
    let wrong = town.post(&format!("{path}/documents/{good}/quarantine"), "clerk", &json!({"found_by": 1})).await;
    assert_eq!(wrong.is(422, "invalid-submission").pointers(), ["/finding", "/found_by"]);
    // The bytes are proved as before, and a backup has them.
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn its_sender_is_required_to_send_it_again_until_documents_are_added(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let (registered, path) = with_two(&town).await;
    let other = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"]["code"].clone();
    let code = registered["entry"]["code"].clone();
    let bad = document(&registered, 1);
    assert_eq!(to_resend(&town, &registered).await, json!([]));
    let entry = set(&town, &path, bad).await;
    assert_eq!((listed(&town, true).await, listed(&town, false).await), (vec![code.clone()], vec![other.clone()]));
    let told = json!([{"filename": "malo.pdf", "sha256": entry["documents"][1]["sha256"], "finding": "Win.Test.EICAR",
        "since": entry["resend_required_at"]}]);
    assert_eq!(to_resend(&town, &registered).await, told);
    let address = format!("/verify/{}", registered["receipt"]["csv"].as_str().unwrap());
    for (language, words) in [("es", "vuelva a enviarlos"), ("en", "send them again")] {
        let headers = [("accept", "text/html"), ("accept-language", language)];
        let page = town.try_send(Method::GET, &address, None, &headers, Vec::new()).await.unwrap().is(200, "").text();
        let list = page.split(words).nth(1).expect(words).split("</ul>").next().unwrap();
        assert!(list.contains("malo.pdf") && !list.contains("limpio.pdf"), "{page}");
    }

    let entry = add(&town, &path, "repuesto").await;
    assert_eq!(entry["resend_required_at"], Value::Null);
    assert!(entry["documents"][1]["quarantine"]["answered_at"].is_string(), "{entry}");
    assert_eq!((listed(&town, true).await, listed(&town, false).await), (vec![], vec![code, other]));
    assert_eq!(to_resend(&town, &registered).await, json!([]));
    town.get(&format!("{path}/documents/{bad}"), "clerk").await.is(403, "quarantined");
    // What came again may be harmful, too.
    let again = entry["documents"][2]["id"].as_str().unwrap();
    set(&town, &path, again).await;
    assert_eq!(to_resend(&town, &registered).await[0]["filename"], "repuesto.pdf");
    let since = town.get(&address, "nobody").await.is(200, "").json()["since"].clone();
    let types: Vec<_> = since.as_array().unwrap().iter().map(|one| one["type"].clone()).collect();
    assert_eq!(types, ["document_quarantined", "document_quarantined"]);
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn an_entry_that_puts_it_right_later_answers_it_as_long_as_it_stands(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let (registered, path) = with_two(&town).await;
    let code = registered["entry"]["code"].clone();
    let correcting = async || {
        let paper = Paper::submission().with("corrects", code.clone()).document("malo", b"%PDF-1.7 whole");
        town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered()["entry"].clone()
    };
    // One that came before nobody knew answers nothing.
    correcting().await;
    set(&town, &path, document(&registered, 1)).await;
    assert_eq!(listed(&town, true).await, std::slice::from_ref(&code));
    let later = correcting().await;
    assert_eq!((listed(&town, true).await, to_resend(&town, &registered).await), (vec![], json!([])));
    let annulment = format!("/entries/{}/annulment", later["id"].as_str().unwrap());
    town.post(&annulment, "clerk", &json!({"reason": "Registrado dos veces"})).await.is(200, "");
    assert_eq!(listed(&town, true).await, std::slice::from_ref(&code));
    assert_eq!(to_resend(&town, &registered).await[0]["filename"], "malo.pdf");
}

#[rstest]
#[tokio::test]
async fn an_administrator_releases_it_with_a_reason_and_reads_nothing_of_the_entry(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let (registered, path) = with_two(&town).await;
    let bad = document(&registered, 1);
    let release = format!("{path}/documents/{bad}/release");
    let reason = json!({"reason": "Falso positivo"});
    town.post(&release, "admin", &reason).await.is(409, "wrong-state");
    set(&town, &path, bad).await;
    town.post(&release, "clerk", &reason).await.is(403, "forbidden");
    assert_eq!(town.post(&release, "admin", &json!({})).await.is(422, "invalid-submission").pointers(), ["/reason"]);
    let released = town.post(&release, "admin", &reason).await.is(200, "").json();
    assert_eq!(released, json!({"id": registered["entry"]["id"], "document_id": bad, "version": 3}));
    let bytes = town.get(&format!("{path}/documents/{bad}"), "clerk").await.is(200, "").body;
    assert_eq!(bytes, b"%PDF-1.7 harmful");
    let entry = town.get(&path, "clerk").await.is(200, "").json()["entry"].clone();
    assert_eq!(entry["resend_required_at"], Value::Null);
    assert!(entry["documents"][1]["quarantine"]["released_at"].is_string(), "{entry}");
    let events = town.get(&format!("{path}/events"), "auditor").await.is(200, "").json()["items"].clone();
    assert_eq!((&events[2]["type"], &events[2]["reason"]), (&json!("document_released"), &json!("Falso positivo")));
    assert_eq!((listed(&town, true).await, to_resend(&town, &registered).await), (vec![], json!([])));
    // It may be found again.
    set(&town, &path, bad).await;
    town.get(&format!("{path}/documents/{bad}"), "clerk").await.is(403, "quarantined");
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[case::nothing_was_found("UPDATE documents SET quarantine = NULL")]
#[case::it_was_released(
    "UPDATE documents SET quarantine = replace(quarantine, '}', ',\"released_at\":\"2026-03-02T09:30:00+01:00\"}')"
)]
#[case::it_need_not_be_sent_again("UPDATE entries SET resend_required_at = NULL")]
#[tokio::test]
async fn whoever_can_write_to_the_database_cannot_open_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] attack: &str,
) {
    let town = Town::on(engine).await;
    let (registered, path) = with_two(&town).await;
    let bad = document(&registered, 1);
    set(&town, &path, bad).await;
    execute(town.app.store(), attack).await;
    town.get(&format!("{path}/documents/{bad}"), "clerk").await.is(500, "altered");
    assert_ne!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn an_annulled_entry_is_guarded_as_well_and_erasing_leaves_nothing_of_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let (registered, path) = with_two(&town).await;
    town.post(&format!("{path}/annulment"), "clerk", &json!({"reason": "Dos veces"})).await.is(200, "");
    set(&town, &path, document(&registered, 1)).await;
    let body = json!({"entry": registered["entry"]["code"], "ground": "court_order", "reason": "Sentencia"});
    town.post("/erasures", "admin", &body).await.is(201, "");
    let entry = town.get(&path, "clerk").await.is(200, "").json()["entry"].clone();
    assert_eq!((&entry["resend_required_at"], &entry["documents"]), (&Value::Null, &json!([])));
    assert_eq!((listed(&town, true).await, to_resend(&town, &registered).await), (vec![], json!([])));
    let release = format!("{path}/documents/{}/release", document(&registered, 1));
    town.post(&release, "admin", &json!({"reason": "x"})).await.is(409, "wrong-state");
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn a_repeat_with_its_key_is_answered_as_before(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let (registered, path) = with_two(&town).await;
    let path = format!("{path}/documents/{}/quarantine", document(&registered, 1));
    let body = json!({"finding": "Win.Test.EICAR"}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    for replayed in ["", "true"] {
        let send = town.try_send(Method::POST, &path, Some("clerk"), &headers, body.clone().into_bytes());
        let answer = send.await.unwrap().is(200, "");
        assert_eq!(answer.header("idempotency-replayed"), replayed);
        assert_eq!(answer.json()["entry"]["documents"][1]["quarantine"]["found_by"], "clerk");
    }
    let changed = [("content-type", "application/json"), ("if-match", "\"1\"")];
    let sent = town.try_send(Method::POST, &path, Some("clerk"), &changed, body.into_bytes()).await.unwrap();
    sent.is(412, "entry-changed");
}
