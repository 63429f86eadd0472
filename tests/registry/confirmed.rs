//! Whoever looks an entry up sees what the book says of it, or that other hands altered what is stored: by its code, by its
//! id, in lists and in exports.

use std::fmt::Write as _;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::registry::record;
use ventanilla::store;

use crate::harness::door::Answer;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;

#[track_caller]
fn is_altered(answer: Answer) -> String {
    let text = answer.is(500, "altered").text();
    assert!(text.contains("was altered"), "{text}");
    text
}

/// A town with a submission that was rectified and annulled; its entry.
async fn with_annulled(engine: Engine) -> (Town, Value) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().document("plano", b"%PDF-1.7 a plan");
    let registered = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    let path = format!("/entries/{}", registered["entry"]["id"].as_str().unwrap());
    let change = json!({"reason": "Errata", "changes": {"subject": "Otro"}});
    town.post(&format!("{path}/rectifications"), "clerk", &change).await.is(200, "");
    town.post(&format!("{path}/annulment"), "clerk", &json!({"reason": "Registrado dos veces"})).await.is(200, "");
    (town, registered)
}

/// Every address that shows an entry, or something of it, and who may see it there.
fn addresses(registered: &Value) -> Vec<(String, &'static str)> {
    let entry = &registered["entry"];
    let id = entry["id"].as_str().unwrap();
    let code = registered["receipt"]["csv"].as_str().unwrap();
    let document = entry["documents"][0]["id"].as_str().unwrap();
    let mut addresses = vec![(format!("/books/entrada/{}/{}", entry["year"], entry["number"]), "auditor")];
    addresses.push((format!("/entries/{id}/label.pdf"), "clerk"));
    for path in ["", "/events", "/receipt.json", "/receipt.p7s", "/receipt.pdf", &format!("/documents/{document}")] {
        addresses.push((format!("/entries/{id}{path}"), "auditor"));
    }
    for path in ["", "/receipt.json", "/receipt.p7s", "/receipt.pdf"] {
        addresses.push((format!("/verify/{code}{path}"), "nobody"));
    }
    addresses.push(("/entries?limit=10".into(), "auditor"));
    addresses
}

#[rstest]
#[case::made_to_stand("UPDATE entries SET status = 'registered'; DELETE FROM events WHERE type = 'annulled'")]
#[case::its_version_too(
    "UPDATE entries SET status = 'registered', version = 2; DELETE FROM events WHERE type = 'annulled'"
)]
#[case::made_to_stand_alone("UPDATE entries SET status = 'registered'")]
#[case::not_rectified("UPDATE entries SET rectified = false")]
#[case::with_another_reason("UPDATE events SET reason = 'A petición del interesado' WHERE type = 'annulled'")]
#[case::annulled_by_another("UPDATE events SET by_name = 'alguien' WHERE type = 'annulled'")]
#[case::later("UPDATE events SET at = at + 1000000 WHERE type = 'annulled'")]
#[case::somewhere_else_in_the_book("UPDATE entries SET position = position + 1")]
#[case::with_another_leaf("UPDATE events SET commitment = salt WHERE type = 'rectified'")]
#[tokio::test]
async fn an_annulled_entry_is_nowhere_shown_as_anything_else(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] attack: &str,
) {
    let (town, registered) = with_annulled(engine).await;
    let code = registered["receipt"]["csv"].as_str().unwrap();
    let verified = town.get(&format!("/verify/{code}"), "nobody").await.is(200, "").json();
    assert_eq!((&verified["stands"], &verified["rectified"]), (&json!(false), &json!(true)));
    for (address, who) in addresses(&registered) {
        town.get(&address, who).await.is(200, "");
    }
    execute(town.app.store(), attack).await;
    for (address, who) in addresses(&registered) {
        is_altered(town.get(&address, who).await);
    }
    assert_ne!(town.findings().await, Vec::<String>::new());
}

/// Whoever can write the row can make record and commitment agree, but not the tree with both.
#[rstest]
#[tokio::test]
async fn a_record_that_agrees_with_its_commitment_is_no_leaf_of_the_tree(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, registered) = with_annulled(engine).await;
    let id = registered["entry"]["id"].as_str().unwrap();
    let entity = &town.app.entity;
    let mut tx = town.app.store().read().await.unwrap();
    let events = store::book::events_of(&mut tx, entity.id, id.parse().unwrap()).await.unwrap();
    drop(tx);
    let mut forged = events.last().unwrap().clone();
    forged.reason = Some("A petición del interesado".into());
    forged.commitment = record::commitment(&forged.salt.0, &record::of_event(&entity.code, &forged));
    let commitment = match engine {
        Engine::Sqlite => format!("X'{}'", forged.commitment),
        Engine::Postgres => format!("'\\x{}'::bytea", forged.commitment),
    };
    let attack = format!(
        "UPDATE events SET reason = '{}', commitment = {commitment} WHERE type = 'annulled'",
        forged.reason.as_deref().unwrap()
    );
    execute(town.app.store(), &attack).await;
    for (address, who) in addresses(&registered) {
        is_altered(town.get(&address, who).await);
    }
    is_altered(town.get(&format!("/entries/{id}/proof?event={}", forged.id), "nobody").await);
}

/// Nor is anything done with it, and a repeated request is not told what was altered.
#[rstest]
#[tokio::test]
async fn nothing_is_built_on_an_altered_entry(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let form = Paper::submission().signed_by_ana();
    let registered = town.submit(&form, "a key").await.registered();
    let entry = &registered["entry"];
    let path = format!("/entries/{}", entry["id"].as_str().unwrap());
    execute(town.app.store(), "UPDATE entries SET presented_at = presented_at - 86400000000").await;
    let change = json!({"reason": "Errata", "changes": {"remarks": "Sobre abierto"}});
    is_altered(town.post(&format!("{path}/rectifications"), "clerk", &change).await);
    is_altered(town.post(&format!("{path}/annulment"), "clerk", &json!({"reason": "x"})).await);
    assert_eq!(town.count("SELECT count(*) FROM events").await, 1);
    // Units that may not know of it hear nothing.
    town.post(&format!("{path}/acceptance"), "unit", &json!({})).await.is(404, "not-found");
    execute(town.app.store(), "UPDATE events SET data = replace(data, 'licencia', 'demolición')").await;
    is_altered(town.submit(&form, "a key").await);
}

/// A receipt that was not made yet is made of what was committed, and of nothing else.
#[rstest]
#[tokio::test]
async fn no_receipt_is_sealed_over_an_altered_record(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let registered = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    town.until("SELECT count(*) FROM outbox WHERE kind IN ('registered', 'index')", |left| left == 0).await;
    let attack = "DELETE FROM receipts; UPDATE events SET data = replace(data, 'licencia', 'demolición')";
    execute(town.app.store(), attack).await;
    let entry = registered["entry"]["id"].as_str().unwrap().parse().unwrap();
    assert!(town.app.receipt(entry).await.unwrap_err().is_altered());
    assert_eq!(town.count("SELECT count(*) FROM receipts").await, 0);
}

#[rstest]
#[tokio::test]
async fn a_list_with_an_altered_entry_names_it_and_shows_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    for _ in 0..3 {
        town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    }
    let csv = async || town.get_as("/entries?sort=number", "auditor", "text/csv").await;
    assert_eq!(csv().await.is(200, "").text().lines().count(), 4);
    execute(
        town.app.store(),
        "UPDATE parties SET id = '11111111H' WHERE entry_id IN (SELECT id FROM entries WHERE number = 2)",
    )
    .await;
    for query in ["/entries", "/entries?sort=number&limit=2", "/entries?party=11111111H"] {
        let text = is_altered(town.get(query, "auditor").await);
        assert!(text.contains("-E-000002"), "{text}");
    }
    assert!(is_altered(csv().await).contains("-E-000002"));
    // What is not among them is shown.
    town.get("/entries?sort=number&limit=1", "auditor").await.is(200, "");
}

/// An export shows what it has, piece by piece, and ends where it must.
#[rstest]
#[tokio::test]
async fn an_export_ends_before_an_altered_entry(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let mut old = String::from(
        "book,year,number,registered_at,channel,subject,destination_unit,party_id_type,party_id,party_name\n",
    );
    for number in 1..=600 {
        let time = "2019-05-02T10:00:00+02:00";
        writeln!(old, "entrada,2019,{number},{time},in_person,Padrón,,nif,00000000T,Ana García").unwrap();
    }
    let file = town.site.path("old.csv");
    std::fs::write(&file, old).unwrap();
    let mut import = town.site.ventanilla();
    import.args(["import", "entries"]).arg(&file);
    let imported = tokio::task::spawn_blocking(move || import.output().unwrap()).await.unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let headers = [("accept", "text/csv")];
    let csv = async || town.try_send(Method::GET, "/entries?sort=number", Some("auditor"), &headers, Vec::new()).await;
    assert_eq!(csv().await.unwrap().is(200, "").text().lines().count(), 601);
    execute(town.app.store(), "UPDATE entries SET subject = 'Licencia' WHERE number = 590").await;
    assert!(csv().await.is_err(), "the connection is cut");
}
