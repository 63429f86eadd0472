//! The personal data of an entry are erased: nothing of a person is left, and the book is whole all the same.

use futures_util::StreamExt;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::receipt::check::check;
use ventanilla::store::log::Log;
use ventanilla::store::receipts::paper as paper_of;

use crate::harness::paper::{Paper, fresh_id, fresh_key};
use crate::harness::site::{ENTITY, Engine, execute};
use crate::harness::town::Town;

fn order(code: &Value) -> Value {
    json!({"entry": code, "ground": "court_order", "reason": "Sentencia 45/2032, de 1 de marzo"})
}

/// Waits until what follows an entry is done: its receipt and its words.
async fn followed_up(town: &Town) {
    town.until("SELECT count(*) FROM outbox WHERE kind IN ('registered', 'index')", |left| left == 0).await;
}

/// Documents, and what was signed, in the object store.
async fn objects(town: &Town) -> (usize, usize) {
    let objects = town.app.registry.objects();
    (objects.list(ENTITY).count().await, objects.list_signed(ENTITY).count().await)
}

#[rstest]
#[tokio::test]
async fn what_is_left_of_an_erased_entry_names_nobody_and_the_book_is_whole(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().document("plano", b"%PDF-1.7 hers alone").document("tasa", b"%PDF-1.7 everybody's");
    let form = paper.signed_by_ana();
    let registered = town.submit(&form, "a key").await.registered();
    let other = Paper::counter().document("tasa", b"%PDF-1.7 everybody's");
    let other = town.register(&other.form(), &fresh_key()).await.registered();
    let (id, code) = (registered["entry"]["id"].as_str().unwrap(), &registered["entry"]["code"]);
    let csv = registered["receipt"]["csv"].as_str().unwrap();
    let link = |name: &str| format!("/entries/{id}/receipt.{name}");
    let receipt = town.get(&link("json"), "eoffice").await.is(200, "").body;
    town.get(&link("pdf"), "eoffice").await.is(200, "");
    town.post(
        &format!("/entries/{id}/rectifications"),
        "clerk",
        &json!({"reason": "Errata de Ana",
        "changes": {"subject": "Licencia de Ana", "remarks": "Llamar a Ana"}}),
    )
    .await
    .is(200, "");
    followed_up(&town).await;
    let list = async |query: &str| {
        let list = town.get(&format!("/entries?{query}"), "clerk").await.is(200, "").json();
        list["items"].as_array().unwrap().iter().filter(|entry| entry["id"] == id).count()
    };
    let found = async || (list("limit=50").await, list("party=00000000T").await, list("q=licencia").await);
    assert_eq!(found().await, (1, 1, 1));
    assert_eq!(objects(&town).await, (2, 2));
    let mut tx = town.app.store().read().await.unwrap();
    let pdf = paper_of(&mut tx, id.parse().unwrap()).await.unwrap().unwrap().pdf_sha256;
    drop(tx);
    let counted = town.holdings().await.counted;

    let erased = town.post("/erasures", "admin", &order(code)).await.is(201, "").json();
    assert_eq!((&erased["id"], &erased["entry"], &erased["ground"]), (&json!(id), code, &json!("court_order")));
    // The document that is hers alone, her submission, its signature and the receipt on paper.
    assert_eq!(objects(&town).await, (1, 0));
    assert!(town.app.registry.objects().get_receipt(ENTITY, id.parse().unwrap(), pdf).await.unwrap().is_none());
    assert_eq!(town.holdings().await.counted, counted);
    assert_eq!(found().await, (1, 0, 0));
    let shown = town.get(&format!("/entries/{id}"), "clerk").await.is(200, "").json();
    assert_eq!(shown["entry"]["erased"], json!({"at": erased["erased_at"], "ground": "court_order"}));
    assert_eq!((&shown["entry"]["subject"], &shown["entry"]["documents"]), (&json!(""), &json!([])));
    for kept in ["code", "number", "presented_at", "registered_at", "effective_at", "channel", "destination_unit"] {
        assert_eq!(shown["entry"][kept], registered["entry"][kept], "{kept}");
    }
    assert_eq!((&shown["receipt"], &shown["signatures"]), (&Value::Null, &json!([])));
    for name in ["json", "pdf", "p7s"] {
        town.get(&link(name), "eoffice").await.is(410, "erased");
        town.get(&format!("/verify/{csv}/receipt.{name}"), "nobody").await.is(410, "erased");
    }
    let verified = town.get(&format!("/verify/{csv}"), "nobody").await.is(200, "").json();
    assert_eq!((&verified["erased"], &verified["stands"]), (&shown["entry"]["erased"], &json!(true)));
    assert_eq!((&verified["receipt"], &verified["files"]), (&Value::Null, &Value::Null));
    let since = &verified["since"][0];
    assert_eq!((&since["type"], &since["reason"]), (&json!("erased"), &json!("Sentencia 45/2032, de 1 de marzo")));
    // Who has the receipt can prove what it says as before.
    check(&receipt, town.app.entity.ledger.verifier(Log::Book)).unwrap();
    town.get(&format!("/entries/{id}/proof"), "nobody").await.is(200, "");
    // What another entry has, too, is still there.
    let path = format!(
        "/entries/{}/documents/{}",
        other["entry"]["id"].as_str().unwrap(),
        other["entry"]["documents"][0]["id"].as_str().unwrap()
    );
    town.get(&path, "clerk").await.is(200, "");

    let events = town.get(&format!("/entries/{id}/events"), "auditor").await.is(200, "").json();
    let told: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["type"].as_str().unwrap(), event["by"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("registered", "eoffice"), ("rectified", "clerk"), ("erased", "admin")]);
    assert_eq!((&events["items"][1]["data"], &events["items"][1]["reason"]), (&json!({}), &Value::Null));
    assert!(!events.to_string().contains("Ana"), "{events}");
    for rows in [
        "SELECT count(*) FROM events WHERE data LIKE '%hers alone%' OR data LIKE '%Licencia de Ana%' OR reason LIKE '%Ana%'",
        "SELECT count(*) FROM receipts WHERE sealed_at > 0 AND entry_id IN (SELECT id FROM entries WHERE erased_at IS NOT NULL)",
        "SELECT count(*) FROM parties WHERE entry_id IN (SELECT id FROM entries WHERE erased_at IS NOT NULL)",
        "SELECT count(*) FROM verdicts WHERE entry_id IN (SELECT id FROM entries WHERE erased_at IS NOT NULL)",
        "SELECT count(*) FROM entry_text WHERE entry_id IN (SELECT id FROM entries WHERE erased_at IS NOT NULL)",
        "SELECT count(*) FROM erased_objects",
    ] {
        assert_eq!(town.count(rows).await, 0, "{rows}");
    }
    assert_eq!(town.findings().await, Vec::<String>::new());

    // Once is once, nothing else happens to it, and what was signed is not taken a second time.
    town.post("/erasures", "admin", &order(code)).await.is(409, "wrong-state");
    town.post(&format!("/entries/{id}/annulment"), "clerk", &json!({"reason": "x"})).await.is(409, "wrong-state");
    town.submit(&form, "a key").await.is(409, "duplicate-submission");
    let (mut command, code) = (town.site.ventanilla(), code.as_str().unwrap().to_owned());
    command.args(["erase", "--ground", "retention_ended", "--reason", "Tabla de valoración 7", &code]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("were erased before"), "{said}");
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn the_command_erases_too_and_says_what_keeps_it_from_that(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let entry = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"].clone();
    let (id, code) = (entry["id"].as_str().unwrap(), entry["code"].as_str().unwrap().to_owned());
    let path = format!("/entries/{id}/custody");
    town.post(&path, "clerk", &json!({"what": "Sobre de Ana", "place": "Armario 3"})).await.is(200, "");
    let erase = async |code: &str| {
        let mut command = town.site.ventanilla();
        command.args(["erase", "--ground", "retention_ended", "--reason", "Tabla de valoración 7", code]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    let (status, said) = erase(&code).await;
    assert!(status == Some(1) && said.contains("still kept"), "{said}");
    let (status, said) = erase("2026-E-999999").await;
    assert!(status == Some(1) && said.contains("there is no such entry"), "{said}");
    let end = json!({"outcome": "returned", "to": "Ana García"});
    town.post(&format!("{path}/1/end"), "clerk", &end).await.is(200, "");
    let (status, said) = erase(&code).await;
    assert_eq!(status, Some(0), "{said}");
    let events = town.get(&format!("/entries/{id}/events"), "auditor").await.is(200, "").json();
    assert!(events["items"][3]["by"].as_str().unwrap().starts_with("os:"), "{events}");
    assert!(!events.to_string().contains("Ana"), "{events}");
    let shown = town.get(&format!("/entries/{id}"), "clerk").await.is(200, "").json();
    assert_eq!(shown["entry"]["erased"]["ground"], "retention_ended");
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn a_key_repeats_an_erasure_and_only_a_real_order_is_taken(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let code = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"]["code"].clone();
    let with_key = async |body: &Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
        town.try_send(Method::POST, "/erasures", Some("admin"), &headers, body.to_string().into_bytes()).await.unwrap()
    };
    let first = with_key(&order(&code)).await.is(201, "");
    let again = with_key(&order(&code)).await.is(201, "");
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    with_key(&order(&json!("2026-E-000002"))).await.is(404, "not-found");
    for (body, pointer) in [
        (json!({"entry": code, "ground": "because", "reason": "x"}), "/ground"),
        (json!({"entry": code, "ground": "court_order"}), "/reason"),
        (json!({"ground": "court_order", "reason": "x"}), "/entry"),
    ] {
        let refused = town.post("/erasures", "admin", &body).await.is(422, "invalid-submission");
        assert_eq!(refused.pointers(), [pointer]);
    }
}

#[rstest]
#[tokio::test]
async fn what_other_hands_take_away_is_no_erasure(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let one = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"]["code"].clone();
    let two = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"]["code"].clone();
    followed_up(&town).await;
    town.post("/erasures", "admin", &order(&one)).await.is(201, "");
    assert_eq!(town.findings().await, Vec::<String>::new());
    // What is left of an erased event, and what never was erased.
    for (altered, back) in [
        ("UPDATE events SET at = at + 1 WHERE position = 1", "UPDATE events SET at = at - 1 WHERE position = 1"),
        ("UPDATE entries SET number = 7 WHERE position = 1", "UPDATE entries SET number = 1 WHERE position = 1"),
        (
            "UPDATE entries SET subject = 'x', erased_at = NULL WHERE position = 1",
            "UPDATE entries SET subject = '', erased_at = (SELECT at FROM events WHERE position = 3) WHERE position = 1",
        ),
    ] {
        execute(town.app.store(), altered).await;
        assert!(!town.findings().await.is_empty(), "{altered}");
        execute(town.app.store(), back).await;
        assert_eq!(town.findings().await, Vec::<String>::new(), "{back}");
    }
    let zeros = match engine {
        Engine::Sqlite => "zeroblob(32)",
        Engine::Postgres => "decode(repeat('00', 32), 'hex')",
    };
    execute(town.app.store(), &format!("UPDATE events SET data = '{{}}', salt = {zeros} WHERE position = 2")).await;
    let findings = town.findings().await;
    assert!(findings.iter().any(|finding| finding.contains("EventAltered")), "{two}: {findings:?}");
}

#[rstest]
#[tokio::test]
async fn objects_that_a_crash_left_behind_go_with_the_next_sweep(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let id = fresh_id();
    town.app.registry.objects().put_signed(ENTITY, id, "json", b"hers").await.unwrap();
    let row = match engine {
        Engine::Sqlite => format!("X'{}', 'json', zeroblob(32)", id.simple()),
        Engine::Postgres => format!("'{id}', 'json', decode(repeat('00', 32), 'hex')"),
    };
    let statement = format!(
        "INSERT INTO erased_objects (entity_id, entry_id, kind, sha256) SELECT id, {row} FROM entities WHERE code = '{ENTITY}'"
    );
    execute(town.app.store(), &statement).await;
    // Whatever its age: an orphan as young as this would stay.
    let swept = town.app.registry.sweep(&town.app.entity, std::time::Duration::from_hours(24)).await.unwrap();
    assert_eq!((swept.erased, objects(&town).await), (1, (0, 0)));
    assert_eq!(town.count("SELECT count(*) FROM erased_objects").await, 0);
}
