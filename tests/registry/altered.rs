//! What other hands altered is answered as that, and not as something to ask for again in a few seconds.

use rstest::rstest;
use serde_json::Value;
use ventanilla::registry::record;
use ventanilla::store;

use crate::harness::door::Answer;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;

/// A town with one signed submission.
async fn with_one(engine: Engine) -> (Town, Value) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().document("plano", b"%PDF-1.7 a plan");
    let registered = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    (town, registered)
}

#[track_caller]
fn is_altered(answer: Answer) {
    let answer = answer.is(500, "altered");
    assert_eq!(answer.header("retry-after"), "");
    assert!(answer.text().contains("was altered"), "{}", answer.text());
}

#[rstest]
#[case::a_text("UPDATE entries SET subject = 'Otro asunto'")]
#[case::a_time("UPDATE entries SET presented_at = presented_at - 1000000")]
#[case::a_status("UPDATE entries SET status = 'annulled'")]
#[case::a_name_that_is_none("UPDATE entries SET status = 'lost'")]
#[case::the_code_of_its_receipt("UPDATE entries SET csv = 'AAAAAAAAAAAAAAAAAAAAAAAAAA'")]
#[case::what_exchange_needs("UPDATE entries SET origin = '{}'")]
#[case::broken_json("UPDATE entries SET metadata = '{'")]
#[case::a_party("UPDATE parties SET given_name = 'Eva'")]
#[case::one_party_less("DELETE FROM parties")]
#[case::a_document("UPDATE documents SET title = 'Otro'")]
#[case::a_verdict("UPDATE verdicts SET verdict = replace(verdict, 'Ana', 'Eva')")]
#[case::a_verdict_that_is_none("UPDATE verdicts SET verdict = '{'")]
#[case::who_did_it("UPDATE events SET by_name = 'nadie'")]
#[case::both_in_the_same_way(
    "UPDATE entries SET subject = 'Otro asunto'; UPDATE events SET data = replace(data, 'Solicitud de licencia de obra menor', 'Otro asunto')"
)]
#[case::its_events("DELETE FROM events")]
#[tokio::test]
async fn an_entry_whose_rows_are_not_what_its_events_tell_is_not_shown(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] attack: &str,
) {
    let (town, registered) = with_one(engine).await;
    let path = format!("/entries/{}", registered["entry"]["id"].as_str().unwrap());
    town.get(&path, "clerk").await.is(200, "");
    execute(town.app.store(), attack).await;
    is_altered(town.get(&path, "clerk").await);
    let entry = &registered["entry"];
    is_altered(town.get(&format!("/books/entrada/{}/{}", entry["year"], entry["number"]), "auditor").await);
}

/// What the entry became by its own events is no alteration.
#[rstest]
#[tokio::test]
async fn an_entry_that_changed_by_its_events_is_shown_also_in_another_time_zone(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, registered) = with_one(engine).await;
    let path = format!("/entries/{}", registered["entry"]["id"].as_str().unwrap());
    let change = serde_json::json!({"reason": "Errata", "changes": {"subject": "Otro", "request": null}});
    town.post(&format!("{path}/rectifications"), "clerk", &change).await.is(200, "");
    town.post(&format!("{path}/distribution"), "clerk", &serde_json::json!({"unit": "L01000000"})).await.is(200, "");
    assert_eq!(town.get(&path, "unit").await.is(200, "").json()["entry"]["subject"], "Otro");
    let site = town.stop().await;
    let canary = |config: &mut ventanilla::config::Config| config.entity.time_zone = "Atlantic/Canary".into();
    let town = Town::open(site, ventanilla::clock::Clock::system(), canary, None).await;
    assert_eq!(town.get(&path, "clerk").await.is(200, "").json()["entry"]["subject"], "Otro");
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[case::other_words("json = (SELECT json FROM kept)")]
#[case::another_seal("p7s = (SELECT p7s FROM kept)")]
#[case::the_receipt_of_another("json = (SELECT json FROM kept), p7s = (SELECT p7s FROM kept)")]
#[case::nothing_that_is_one("json = p7s")]
#[tokio::test]
async fn a_receipt_that_is_not_the_one_that_was_issued_is_not_shown_to_anybody(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] attack: &str,
) {
    let (town, other) = with_one(engine).await;
    town.get(other["receipt"]["json"].as_str().unwrap(), "clerk").await.is(200, "");
    execute(town.app.store(), "CREATE TABLE kept AS SELECT json, p7s FROM receipts").await;
    let registered = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    let mine = &registered["receipt"];
    let code = mine["csv"].as_str().unwrap();
    for address in ["json", "signature"] {
        town.get(mine[address].as_str().unwrap(), "clerk").await.is(200, "");
    }
    execute(town.app.store(), &format!("UPDATE receipts SET {attack}")).await;
    for address in ["json", "signature", "pdf"] {
        is_altered(town.get(mine[address].as_str().unwrap(), "clerk").await);
    }
    for path in ["", "/receipt.json", "/receipt.p7s", "/receipt.pdf"] {
        is_altered(town.get(&format!("/verify/{code}{path}"), "nobody").await);
    }
}

#[rstest]
#[tokio::test]
async fn a_book_whose_log_was_altered_numbers_nothing_and_says_why(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, _) = with_one(engine).await;
    execute(town.app.store(), "UPDATE entities SET last_event = last_event + 1").await;
    let before = town.holdings().await;
    let answer = town.register(&Paper::counter().form(), &fresh_key()).await;
    is_altered(answer);
    assert_eq!(town.holdings().await, before);
}

/// What cannot be had now is still worth another try.
#[tokio::test]
async fn a_list_with_a_row_that_cannot_be_read_says_so_too() {
    let (town, _) = with_one(Engine::Sqlite).await;
    execute(town.app.store(), "UPDATE entries SET routing = 'nowhere'").await;
    is_altered(town.get("/entries", "clerk").await);
}

/// A look that is shown is one that the tree of looks has, and so is an act.
#[rstest]
#[case::who("UPDATE access_log SET who = 'nadie' WHERE action IN ('read', 'seal_used')")]
#[case::when("UPDATE access_log SET at = at + 1 WHERE action IN ('read', 'seal_used')")]
#[case::what("UPDATE access_log SET detail = '{}' WHERE action IN ('read', 'seal_used')")]
#[case::one_less("DELETE FROM access_log WHERE action IN ('read', 'seal_used')")]
#[tokio::test]
async fn a_line_of_the_access_log_that_was_altered_is_not_shown(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] attack: &str,
) {
    let (town, registered) = with_one(engine).await;
    town.get(&format!("/entries/{}", registered["entry"]["id"].as_str().unwrap()), "clerk").await.is(200, "");
    for path in ["/access-log", "/acts"] {
        let page = town.get(path, "auditor").await.is(200, "").json();
        assert_ne!(page["items"].as_array().unwrap().len(), 0, "{path}");
    }
    execute(town.app.store(), attack).await;
    for path in ["/access-log", "/acts"] {
        is_altered(town.get(path, "auditor").await);
    }
}

/// Whoever can write the row can make it agree with its commitment, and not with the tree.
#[rstest]
#[tokio::test]
async fn a_look_that_agrees_with_its_commitment_is_no_leaf_of_the_tree(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, registered) = with_one(engine).await;
    town.get(&format!("/entries/{}", registered["entry"]["id"].as_str().unwrap()), "clerk").await.is(200, "");
    let entity = &town.app.entity;
    let mut tx = town.app.store().read().await.unwrap();
    let rows = store::access::stretch(&mut tx, entity.id, 1, i64::MAX).await.unwrap();
    drop(tx);
    let mut forged = rows.into_iter().find(|row| row.action == "read").unwrap();
    forged.who = "nadie".into();
    let commitment = record::commitment(&forged.salt.0, &record::of_look(&entity.code, &forged));
    let commitment = match engine {
        Engine::Sqlite => format!("X'{commitment}'"),
        Engine::Postgres => format!("'\\x{commitment}'::bytea"),
    };
    let attack = format!("UPDATE access_log SET who = 'nadie', commitment = {commitment} WHERE action = 'read'");
    execute(town.app.store(), &attack).await;
    is_altered(town.get("/access-log", "auditor").await);
}
