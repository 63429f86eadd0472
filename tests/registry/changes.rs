//! What happens to an entry afterwards: annulled, rectified, distributed, accepted, returned, documents added.

use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::store;

use crate::harness::door::{Answer, Door};
use crate::harness::paper::{Paper, Signer, ana, fresh_id, fresh_key};
use crate::harness::site::{ENTITY, Engine, FOREIGN_UNIT, OTHER_UNIT};
use crate::harness::town::Town;
use crate::pki::openssl_cms_of;

/// Asks for a change of an entry, with more headers.
async fn ask_with(door: &Door, who: &str, path: &str, body: &Value, more: &[(&str, &str)]) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend_from_slice(more);
    door.try_send(Method::POST, &format!("/entries/{path}"), Some(who), &headers, body.to_string().into_bytes())
        .await
        .unwrap()
}

async fn ask(door: &Door, who: &str, path: &str, body: Value) -> Answer {
    ask_with(door, who, path, &body, &[]).await
}

async fn show(town: &Town, id: &str) -> Answer {
    town.get(&format!("/entries/{id}"), "clerk").await.is(200, "")
}

async fn events(town: &Town, id: &str) -> Vec<Value> {
    let answer = town.get(&format!("/entries/{id}/events"), "clerk").await.is(200, "");
    answer.json()["items"].as_array().unwrap().clone()
}

/// Paper that is added to an entry.
fn scans(contents: &[(&str, &[u8])]) -> Paper {
    let empty = Paper { json: json!({"documents": []}), documents: Vec::new() };
    contents.iter().fold(empty, |paper, (part, content)| paper.document(part, content))
}

async fn add(town: &Town, id: &str, paper: &Paper, key: &str) -> Answer {
    town.try_post(&format!("/entries/{id}/documents"), "clerk", &paper.form(), key).await.unwrap()
}

/// Adds up the events of an entry, as whoever checks the book does, and compares with what it is shown as.
async fn adds_up(town: &Town, id: &str) {
    let events = events(town, id).await;
    let mut entry = events[0]["data"]["entry"].clone();
    let mut verdicts = events[0]["data"]["signatures"].as_array().unwrap().clone();
    for event in &events[1..] {
        let data = &event["data"];
        for (field, change) in data["changes"].as_object().into_iter().flatten() {
            assert_eq!(entry[field], change["before"], "{field} before {}", event["type"]);
            assert_ne!(change["before"], change["after"], "{field}");
            entry[field] = change["after"].clone();
            // A name that there is none of is left out.
            if field.ends_with("_name") && change["after"].is_null() {
                entry.as_object_mut().unwrap().remove(field);
            }
        }
        let added = data["documents"].as_array().into_iter().flatten().cloned();
        entry["documents"].as_array_mut().unwrap().extend(added);
        let said = data["signatures"].as_array().cloned().unwrap_or_default();
        match data["places"].as_array() {
            Some(places) => {
                for (place, verdict) in places.iter().zip(said) {
                    verdicts[usize::try_from(place.as_u64().unwrap()).unwrap()] = verdict;
                }
            }
            None => verdicts.extend(said),
        }
    }
    for document in entry["documents"].as_array_mut().unwrap() {
        let covers = format!("document:{}", document["part"].as_str().unwrap());
        document["signatures"] = verdicts.iter().filter(|verdict| verdict["covers"] == *covers).cloned().collect();
    }
    let shown = show(town, id).await;
    assert_eq!(shown.header("etag"), format!("\"{}\"", events.len()), "each event is a version");
    assert_eq!(entry, shown.json()["entry"]);
    assert_eq!(json!(verdicts), shown.json()["signatures"]);
    // The program adds up in the same way.
    let mut tx = town.app.store().read().await.unwrap();
    let rows = store::book::events_of(&mut tx, town.app.entity.id, id.parse().unwrap()).await.unwrap();
    let after = ventanilla::registry::history::after(&rows).unwrap();
    assert_eq!(serde_json::to_value(&after.entry).unwrap(), entry);
    assert_eq!(serde_json::to_value(&after.signatures).unwrap(), json!(verdicts));
    drop(tx);
    let book = ventanilla::audit::book(&town.app, ventanilla::audit::Wanted::default(), &|_, _| {}).await.unwrap();
    assert_eq!(book.findings, [], "and so does whoever checks the whole book");
}

#[rstest]
#[tokio::test]
async fn an_annulled_entry_keeps_its_number_stays_visible_and_counts_no_more(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let id = town.entry().await;
    assert_eq!(town.holdings().await.counted, 1);
    // Registered on one day, annulled on another: the figures of the first are put right.
    let day = town.count("SELECT count(DISTINCT date) FROM entry_counts").await;
    let answer = ask(&town, "clerk", &format!("{id}/annulment"), json!({"reason": "Registrado dos veces"})).await;
    let annulled = answer.clone().is(200, "").json();
    assert_eq!(answer.header("etag"), "\"2\"");
    assert_eq!((&annulled["entry"]["status"], &annulled["entry"]["number"]), (&json!("annulled"), &json!(1)));
    assert_eq!(annulled["proof"]["leaf_index"], 1, "that of the event");
    assert_eq!(annulled["entry"], show(&town, &id).await.json()["entry"]);
    assert_eq!(town.holdings().await.counted, 0);
    assert_eq!(town.count("SELECT count(DISTINCT date) FROM entry_counts").await, day);
    let listed = town.get("/entries?status=annulled", "clerk").await.is(200, "").json();
    assert_eq!(listed["items"][0]["id"], id.as_str());
    assert_eq!(town.next_number().await, 2, "its number is not given again");

    let event = &events(&town, &id).await[1];
    assert_eq!(
        (&event["type"], &event["by"], &event["reason"]),
        (&json!("annulled"), &json!("clerk"), &json!("Registrado dos veces"))
    );
    // What the request used up is bound in it as well.
    let bound = &event["data"]["bound"];
    let changes = json!({"status": {"before": "registered", "after": "annulled"}});
    assert_eq!(event["data"], json!({"changes": changes, "bound": bound}));
    let year = annulled["entry"]["year"].as_i64().unwrap();
    let report = format!("/reports/channels?from=01-01&to=12-31&years={year}");
    let figures = town.get(&report, "auditor").await.is(200, "").json();
    assert_eq!(figures["years"][0]["entries"]["total"], 1);
    let mut tx = town.app.store().read().await.unwrap();
    let differences = store::figures::recount(&mut tx, town.app.entity.id).await.unwrap();
    assert_eq!(differences, Vec::new(), "the recount agrees");
    adds_up(&town, &id).await;
}

#[rstest]
#[tokio::test]
async fn an_entry_annulled_on_a_later_day_is_taken_from_its_own(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    let id = town.entry().await;
    town.clock.step_by(3 * 86_400_000_000);
    ask(&town, "clerk", &format!("{id}/annulment"), json!({"reason": "x"})).await.is(200, "");
    assert_eq!(town.count("SELECT count(*) FROM entry_counts WHERE total <> 0").await, 0);
    assert_eq!(town.count("SELECT count(*) FROM entry_counts").await, 1);
}

#[rstest]
#[tokio::test]
async fn a_rectification_keeps_before_and_after_and_is_found_by_its_new_words(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let first = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"]["code"].clone();
    let paper = Paper::counter().with("remarks", "Sobre abierto").with("transport", "post").with("statement", "Nada.");
    let before = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
    let id = before["id"].as_str().unwrap();
    let company = json!({"id_type": "cif", "id": "A58818501", "company_name": "Construcciones Ñandú, S.A."});
    let changes = json!({"subject": "Alegación al plan parcial", "remarks": null, "request": "Que se archive.",
        "interested_parties": [company, ana()], "destination_unit": FOREIGN_UNIT, "corrects": first,
        "transport": "burofax", "transport_number": "NB-1", "external_reference": "R-1", "file_number": "F-1",
        "procedure": "203040", "statement": "Nada."});
    let body = json!({"reason": "Errata", "changes": changes});
    let answer = ask(&town, "clerk", &format!("{id}/rectifications"), body.clone()).await.is(200, "");
    let after = answer.json()["entry"].clone();
    for (field, value) in [
        ("subject", json!("Alegación al plan parcial")),
        ("remarks", Value::Null),
        ("request", json!("Que se archive.")),
        ("routing", json!("exchange")),
        ("destination_unit", json!(FOREIGN_UNIT)),
        ("corrects", first),
        ("transport", json!("burofax")),
        ("rectified", json!(true)),
        ("status", json!("registered")),
        // A company is obliged, and its identifier tells.
        ("must_submit_electronically", json!("legal_person")),
    ] {
        assert_eq!(after[field], value, "{field}");
    }
    assert_eq!(after["interested_parties"].as_array().unwrap().len(), 2);
    let event = &events(&town, id).await[1];
    assert_eq!((&event["type"], &event["reason"]), (&json!("rectified"), &json!("Errata")));
    let told = &event["data"]["changes"];
    assert_eq!(told["subject"], json!({"before": before["subject"], "after": after["subject"]}));
    assert_eq!(told["rectified"], json!({"before": false, "after": true}));
    assert!(told.get("statement").is_none(), "it stayed as it was");
    adds_up(&town, id).await;

    for (query, found) in [("q=alegacion archive", 1), ("party=A58818501", 1), ("q=instancia&party=A58818501", 0)] {
        let list = town.get(&format!("/entries?{query}"), "clerk").await.is(200, "").json();
        assert_eq!(list["items"].as_array().unwrap().len(), found, "{query}");
    }
    // Nothing is left to be put right.
    let again = ask(&town, "clerk", &format!("{id}/rectifications"), body).await.is(422, "invalid-submission");
    assert_eq!(again.pointers(), ["/changes"]);
    let back = json!({"reason": "Era de Ana", "changes": {"interested_parties": [ana()], "destination_unit": null}});
    let back = ask(&town, "clerk", &format!("{id}/rectifications"), back).await.is(200, "").json()["entry"].clone();
    assert_eq!((&back["must_submit_electronically"], &back["routing"]), (&Value::Null, &json!("pending")));
    adds_up(&town, id).await;
}

#[tokio::test]
async fn what_cannot_be_rectified_is_refused_with_its_place_all_at_once() {
    let town = Town::on(Engine::Sqlite).await;
    let id = town.entry().await;
    let path = format!("{id}/rectifications");
    let rectify = async |changes: Value| ask(&town, "clerk", &path, json!({"reason": "r", "changes": changes})).await;
    for (changes, pointers) in [
        (json!({"number": 7}), vec!["/changes/number"]),
        (json!({"channel": "postal"}), vec!["/changes/channel"]),
        (json!({"documents": []}), vec!["/changes/documents"]),
        (json!({"registered_at": null}), vec!["/changes/registered_at"]),
        (json!({"status": "accepted", "subject": null}), vec!["/changes/status", "/changes/subject"]),
        (json!({"subjekt": "x"}), vec!["/changes/subjekt"]),
        (json!({"interested_parties": []}), vec!["/changes/interested_parties"]),
        (json!({"interested_parties": null}), vec!["/changes/interested_parties"]),
        (json!({"remarks": "x".repeat(161)}), vec!["/changes/remarks"]),
        (json!({"transport": "pigeon"}), vec!["/changes/transport"]),
        (
            json!({"destination_unit": "L99999999", "corrects": "2020-E-000001"}),
            vec!["/changes/destination_unit", "/changes/corrects"],
        ),
        (json!({}), vec!["/changes"]),
        (json!([]), vec!["/changes"]),
        (json!({"subject": "Instancia general en papel"}), vec!["/changes"]),
    ] {
        let answer = rectify(changes.clone()).await.is(422, "invalid-submission");
        assert_eq!(answer.pointers(), pointers, "{changes}");
    }
    for (operation, who, body, pointer) in [
        ("annulment", "clerk", json!({}), "/reason"),
        ("annulment", "clerk", json!({"reason": " "}), "/reason"),
        ("annulment", "clerk", json!({"reason": "x".repeat(161)}), "/reason"),
        ("annulment", "clerk", json!({"reason": "x", "when": "now"}), "/when"),
        ("rectifications", "clerk", json!({"changes": {"remarks": "x"}}), "/reason"),
        ("distribution", "clerk", json!({"unit": "L99999999"}), "/unit"),
        ("distribution", "clerk", json!({"unit": FOREIGN_UNIT}), "/unit"),
        ("return", "unit", json!({"reason": null}), "/reason"),
        ("acceptance", "unit", json!({"reason": "x"}), "/reason"),
    ] {
        let answer = ask(&town, who, &format!("{id}/{operation}"), body.clone()).await.is(422, "invalid-submission");
        assert_eq!(answer.pointers(), [pointer], "{operation} {body}");
    }
    assert_eq!(events(&town, &id).await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn an_entry_is_handed_to_a_unit_which_sees_it_and_takes_it_on_or_gives_it_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = Paper::counter().with("destination_unit", Value::Null);
    let id = town.register(&paper.form(), &fresh_key()).await.registered()["entry"]["id"].as_str().unwrap().to_owned();
    let ask = async |who: &str, operation: &str, body: Value| ask(&town, who, &format!("{id}/{operation}"), body).await;
    // What a unit was not handed is not there for it.
    ask("unit", "acceptance", json!({})).await.is(404, "not-found");
    town.get(&format!("/entries/{id}"), "unit").await.is(404, "not-found");
    let handed = ask("clerk", "distribution", json!({"unit": OTHER_UNIT})).await.is(200, "").json()["entry"].clone();
    for (field, value) in [
        ("status", "distributed"),
        ("distributed_to", OTHER_UNIT),
        ("destination_unit", OTHER_UNIT),
        ("routing", "internal"),
    ] {
        assert_eq!(handed[field], value, "{field}");
    }
    ask("unit", "return", json!({"reason": "x"})).await.is(404, "not-found");
    // It went to the wrong unit, which has not accepted it.
    ask("clerk", "distribution", json!({"unit": ENTITY})).await.is(200, "");
    ask("clerk", "distribution", json!({"unit": ENTITY})).await.is(409, "wrong-state");
    town.get(&format!("/entries/{id}/events"), "unit").await.is(200, "");
    let accepted = ask("unit", "acceptance", json!({})).await.is(200, "").json()["entry"].clone();
    assert_eq!((&accepted["status"], &accepted["destination_unit"]), (&json!("accepted"), &json!(OTHER_UNIT)));
    ask("unit", "acceptance", json!({})).await.is(409, "wrong-state");
    ask("clerk", "distribution", json!({"unit": OTHER_UNIT})).await.is(409, "wrong-state");
    let returned = ask("unit", "return", json!({"reason": "No es de esta unidad"})).await.is(200, "").json();
    assert_eq!(returned["entry"]["status"], "returned");
    assert_eq!(returned["entry"]["distributed_to"], Value::Null);
    // It is no longer that unit's business, nor is what comes after.
    ask("unit", "return", json!({"reason": "x"})).await.is(404, "not-found");
    for path in ["", "/events", "/receipt.json"] {
        town.get(&format!("/entries/{id}{path}"), "unit").await.is(404, "not-found");
    }
    let added = add(&town, &id, &scans(&[("despues", b"%PDF-1.7 later")]), &fresh_key()).await.is(201, "").json();
    let documents = added["entry"]["documents"].as_array().unwrap();
    for document in documents {
        let path = format!("/entries/{id}/documents/{}", document["id"].as_str().unwrap());
        town.get(&path, "clerk").await.is(200, "");
        town.get(&path, "unit").await.is(404, "not-found");
    }
    assert_eq!(documents.last().unwrap()["part"], "despues");
    let listed = town.get("/entries", "unit").await.is(200, "").json();
    assert!(listed["items"].as_array().unwrap().iter().all(|entry| entry["id"] != id.as_str()));
    ask("clerk", "distribution", json!({"unit": ENTITY})).await.is(200, "");
    let told: Vec<Value> = events(&town, &id).await.into_iter().map(|event| event["type"].clone()).collect();
    let expected =
        ["registered", "distributed", "distributed", "accepted", "returned", "document_added", "distributed"];
    assert_eq!(told, expected);
    adds_up(&town, &id).await;

    ask("clerk", "annulment", json!({"reason": "x"})).await.is(200, "");
    for (who, operation, body) in [
        ("clerk", "annulment", json!({"reason": "x"})),
        ("clerk", "rectifications", json!({"reason": "x", "changes": {"remarks": "x"}})),
        ("clerk", "distribution", json!({"unit": OTHER_UNIT})),
        ("unit", "acceptance", json!({})),
        ("unit", "return", json!({"reason": "x"})),
    ] {
        ask(who, operation, body).await.is(409, "wrong-state");
    }
    add(&town, &id, &scans(&[("a", b"%PDF-1.7")]), &fresh_key()).await.is(409, "wrong-state");
    adds_up(&town, &id).await;
}

#[tokio::test]
async fn what_goes_to_another_body_is_not_distributed() {
    let town = Town::on(Engine::Sqlite).await;
    let form = Paper::counter().with("destination_unit", FOREIGN_UNIT).form();
    let id = town.register(&form, &fresh_key()).await.registered()["entry"]["id"].as_str().unwrap().to_owned();
    ask(&town, "clerk", &format!("{id}/distribution"), json!({"unit": ENTITY})).await.is(409, "wrong-state");
    let nobody = fresh_id();
    for (operation, body) in [("distribution", json!({"unit": ENTITY})), ("annulment", json!({"reason": "x"}))] {
        ask(&town, "clerk", &format!("{nobody}/{operation}"), body).await.is(404, "not-found");
    }
}

#[rstest]
#[tokio::test]
async fn documents_are_added_and_found(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let form = Paper::counter().document("a", b"%PDF-1.7 first").form();
    let id = town.register(&form, &fresh_key()).await.registered()["entry"]["id"].as_str().unwrap().to_owned();
    let (paper, key) = (scans(&[("a", b"%PDF-1.7 second"), ("certificado", b"%PDF-1.7 third")]), fresh_key());
    let answer = add(&town, &id, &paper, &key).await.is(201, "");
    assert_eq!(answer.header("location"), format!("/api/v1/entries/{id}"));
    let documents = answer.json()["entry"]["documents"].as_array().unwrap().clone();
    let parts: Vec<&str> = documents.iter().map(|document| document["part"].as_str().unwrap()).collect();
    assert_eq!(parts, ["a", "a", "certificado"]);
    let second = documents[1]["id"].as_str().unwrap();
    let bytes = town.get(&format!("/entries/{id}/documents/{second}"), "clerk").await.is(200, "").body;
    assert_eq!(bytes, b"%PDF-1.7 second");
    let found = town.get("/entries?q=certificado", "clerk").await.is(200, "").json();
    assert_eq!(found["items"][0]["id"], id.as_str());
    let event = &events(&town, &id).await[1];
    let bound = &event["data"]["bound"];
    assert!(bound["request"].is_string(), "{bound}");
    assert_eq!(event["data"], json!({"changes": {}, "documents": documents[1..], "bound": bound}));
    adds_up(&town, &id).await;

    let again = add(&town, &id, &paper, &key).await.is(201, "");
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &answer.body));
    let mut signed = scans(&[("b", b"%PDF-1.7")]);
    signed.json["documents"][0]["signature"] = json!({"part": "b-firma"});
    let answer = add(&town, &id, &signed, &fresh_key()).await.is(422, "invalid-submission");
    assert_eq!(answer.pointers(), ["/documents/0/signature"]);
    add(&town, &id, &scans(&[]), &fresh_key()).await.is(422, "invalid-submission");
    let altered = paper.form().replace("a", b"%PDF-1.7 other");
    let altered = town.try_post(&format!("/entries/{id}/documents"), "clerk", &altered, &fresh_key()).await.unwrap();
    altered.is(422, "document-mismatch");
    assert_eq!(events(&town, &id).await.len(), 2);
}

#[rstest]
#[tokio::test]
async fn signatures_in_documents_that_came_later_are_judged_and_shown(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let signer = Signer::of("citizen-prime256v1");
    let content = b"%PDF-1.7 a plan";
    let mut paper = Paper::submission().document("plano", content).document("a", b"%PDF-1.7 a");
    paper.json["documents"][0]["signature"] = json!({"part": "firma"});
    let form = paper.signed(&signer).part("firma", &signer.sign(content));
    let id = town.submit(&form, &fresh_key()).await.registered()["entry"]["id"].as_str().unwrap().to_owned();
    let before = show(&town, &id).await.json()["signatures"].as_array().unwrap().clone();

    let act = openssl_cms_of(b"an act", "representative", &["-nodetach", "-cades", "-outform", "DER"]);
    let scan = |part: &str, act: &[u8]| scans(&[]).document_as(part, "acta.p7m", "application/pkcs7-mime", act);
    let paper = scan("acta", &act).document("b", b"%PDF-1.7 b");
    let answer = add(&town, &id, &paper, &fresh_key()).await.is(201, "");
    let shown = show(&town, &id).await.json();
    assert_eq!(answer.json()["signatures"], shown["signatures"]);
    let signatures = shown["signatures"].as_array().unwrap();
    assert_eq!(signatures[..before.len()], before, "the earlier ones stay in their places");
    let [verdict] = &signatures[before.len()..] else { panic!("{signatures:?}") };
    let facts = (&verdict["covers"], &verdict["indication"], &verdict["intact"]);
    assert_eq!(facts, (&"document:acta".into(), &"total_passed".into(), &true.into()));
    assert_eq!(shown["entry"]["documents"][2]["signatures"], json!([verdict]));
    assert_eq!(shown["entry"]["documents"][3]["signatures"], json!([]));
    assert_eq!(events(&town, &id).await[1]["data"]["signatures"], json!([verdict]));
    adds_up(&town, &id).await;

    // A signature of another text says so, and the document is taken all the same.
    let mut broken = act.clone();
    let place = broken.windows(6).position(|bytes| bytes == b"an act").unwrap();
    broken[place] ^= 1;
    let answer = add(&town, &id, &scan("acta-2", &broken), &fresh_key()).await.is(201, "").json();
    assert_eq!(answer["entry"]["documents"][4]["signatures"][0]["sub_indication"], "hash_failure");
    // A verdict would be taken for one on the first document of that name.
    let answer = add(&town, &id, &scan("a", &act), &fresh_key()).await;
    assert_eq!(answer.is(422, "invalid-submission").pointers(), ["/documents/0/part"]);
    adds_up(&town, &id).await;
}

#[tokio::test]
async fn a_verdict_is_never_taken_for_one_on_a_document_that_came_later() {
    let town = Town::on(Engine::Sqlite).await;
    let content = b"%PDF-1.7 a plan";
    let mut paper = Paper::submission().document("plano", content);
    paper.json["documents"][0]["signature"] = json!({"part": "firma"});
    let signer = Signer::of("citizen-prime256v1");
    let form = paper.signed(&signer).part("firma", &signer.sign(content));
    let id = town.submit(&form, &fresh_key()).await.registered()["entry"]["id"].as_str().unwrap().to_owned();
    let answer = add(&town, &id, &scans(&[("plano", b"%PDF-1.7 x")]), &fresh_key()).await;
    assert_eq!(answer.is(422, "invalid-submission").pointers(), ["/documents/0/part"]);
    add(&town, &id, &scans(&[("otro", b"%PDF-1.7 x")]), &fresh_key()).await.is(201, "");
    adds_up(&town, &id).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_annul_at_once_one_is_refused(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    for _ in 0..5 {
        let id = town.entry().await;
        let path = format!("{id}/annulment");
        // A registration in the same batch is not held up by a refusal.
        let (forms, keys) = (Paper::counter().form(), fresh_key());
        let asked = ["clerk", "clerk-2"].map(|who| ask(&town, who, &path, json!({"reason": who})));
        let (answers, registered) = tokio::join!(join_all(asked), town.register(&forms, &keys));
        registered.is(201, "");
        let mut said: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        said.sort_unstable();
        assert_eq!(said, [200, 409]);
        assert_eq!(events(&town, &id).await.len(), 2);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_saw_the_same_version_one_is_refused(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let other = if engine == Engine::Postgres { Some(Town::beside(&town).await) } else { None };
    let doors = [&town.door, other.as_ref().map_or(&town.door, |other| &other.door)];
    for _ in 0..5 {
        let id = town.entry().await;
        let seen = show(&town, &id).await.header("etag").to_owned();
        let path = format!("{id}/distribution");
        let (to_one, to_other) = (json!({"unit": ENTITY}), json!({"unit": OTHER_UNIT}));
        let headers = [("if-match", seen.as_str())];
        let asked = [(doors[0], &to_one), (doors[1], &to_other)]
            .map(|(door, body)| ask_with(door, "clerk", &path, body, &headers));
        let answers = join_all(asked).await;
        let mut said: Vec<(u16, String)> = answers.iter().map(|answer| (answer.status, answer.slug())).collect();
        said.sort_unstable();
        assert_eq!(said, [(200, String::new()), (412, "entry-changed".to_owned())]);
    }
}

#[tokio::test]
async fn if_match_is_an_etag_of_the_entry_or_any() {
    let town = Town::on(Engine::Sqlite).await;
    let id = town.entry().await;
    let path = format!("{id}/rectifications");
    let mut version = 1;
    for (tag, status) in [
        ("\"0\"", 412),
        ("W/\"1\"", 412),
        ("1", 400),
        ("\"a\"", 412),
        ("\"1\"", 200),
        ("*", 200),
        ("\"9\", \"3\"", 200),
    ] {
        let body = json!({"reason": "x", "changes": {"remarks": format!("{tag} {version}")}});
        let answer = ask_with(&town, "clerk", &path, &body, &[("if-match", tag)]).await;
        assert_eq!(answer.status, status, "{tag}: {}", answer.text());
        if status == 200 {
            version += 1;
            assert_eq!(answer.header("etag"), format!("\"{version}\""));
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_sent_again_is_answered_with_what_was_done_then(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let submission = Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana();
    let id = town.submit(&submission, &fresh_key()).await.registered()["entry"]["id"].as_str().unwrap().to_owned();
    let (path, key) = (format!("{id}/distribution"), fresh_key());
    let (body, headers) = (json!({"unit": ENTITY}), [("idempotency-key", key.as_str()), ("if-match", "\"1\"")]);
    let together = join_all((0..4).map(|_| ask_with(&town, "clerk", &path, &body, &headers))).await;
    let first = together[0].clone().is(200, "");
    let replayed = together.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count();
    assert_eq!(replayed, 3);
    ask(&town, "unit", &format!("{id}/acceptance"), json!({})).await.is(200, "");
    town.next_number().await;
    let again = ask_with(&town, "clerk", &path, &body, &headers).await.is(200, "");
    for answer in together.iter().chain([&again]) {
        assert_eq!(answer.body, first.body, "byte by byte");
        assert_eq!(answer.header("etag"), "\"2\"");
    }
    assert_eq!(events(&town, &id).await.len(), 3);

    let other = json!({"unit": OTHER_UNIT});
    ask_with(&town, "clerk", &path, &other, &headers).await.is(422, "idempotency-key-reused");
    let annul = json!({"reason": "x"});
    let answer = ask_with(&town, "clerk", &format!("{id}/annulment"), &annul, &headers[..1]).await;
    answer.is(422, "idempotency-key-reused");
    town.register(&Paper::counter().form(), &key).await.is(422, "idempotency-key-reused");
    let long = "k".repeat(256);
    let answer = ask_with(&town, "clerk", &path, &body, &[("idempotency-key", &long)]).await;
    answer.is(400, "idempotency-key-missing");
    // A refusal does not use a key up.
    let (path, key) = (format!("{id}/return"), fresh_key());
    let headers = [("idempotency-key", key.as_str())];
    ask_with(&town, "unit", &path, &json!({"reason": ""}), &headers).await.is(422, "invalid-submission");
    ask_with(&town, "unit", &path, &json!({"reason": "x"}), &headers).await.is(200, "");
}

#[rstest]
#[tokio::test]
async fn the_receipt_and_a_repeat_of_the_submission_stay_what_they_were(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let (form, key) = (Paper::submission().signed_by_ana(), fresh_key());
    let first = town.submit(&form, &key).await.is(201, "");
    let registered = first.json();
    let receipt = registered["receipt"]["json"].as_str().unwrap();
    let id = registered["entry"]["id"].as_str().unwrap();
    let issued = town.get(receipt, "eoffice").await.is(200, "").body;
    let body = json!({"reason": "x", "changes": {"subject": "Otro"}});
    ask(&town, "clerk", &format!("{id}/rectifications"), body).await.is(200, "");
    ask(&town, "clerk", &format!("{id}/annulment"), json!({"reason": "x"})).await.is(200, "");
    assert_eq!(town.submit(&form, &key).await.is(201, "").body, first.body);
    assert_eq!(town.get(receipt, "eoffice").await.is(200, "").body, issued);
    adds_up(&town, id).await;
}
