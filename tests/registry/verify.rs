//! Verification codes: what they open, how they may be typed, and how often they may be tried.

use rstest::rstest;
use ventanilla::receipt::check::check;
use ventanilla::store::log::Log;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;

#[rstest]
#[tokio::test]
async fn a_code_opens_the_receipt_and_never_a_document(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7 a plan").signed_by_ana();
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let code = registered["receipt"]["csv"].as_str().unwrap();
    let answer = town.get(&format!("/verify/{code}"), "nobody").await.is(200, "");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    let opened = answer.json();
    assert_eq!((&opened["stands"], &opened["status"]), (&true.into(), &"registered".into()));
    assert_eq!(opened["receipt"]["entry"], registered["entry"]);
    let get =
        async |path: &str| town.get(opened["files"][path].as_str().unwrap().trim_start_matches("/api/v1"), "x").await;
    let json = get("json").await.is(200, "").body;
    check(&json, town.app.entity.ledger.verifier(Log::Book)).unwrap();
    assert_eq!(json, town.get(registered["receipt"]["json"].as_str().unwrap(), "eoffice").await.body);
    assert!(!get("signature").await.is(200, "").body.is_empty());
    let typed = format!("{}-{} {}", code[..4].to_lowercase(), &code[4..10], &code[10..]);
    town.get(&format!("/verify/{}", typed.replace(' ', "%20")), "nobody").await.is(200, "");
}

#[rstest]
#[tokio::test]
async fn unknown_and_malformed_codes_get_one_answer_and_only_so_often(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::with(engine, |config| config.limits.codes_per_minute = 6).await;
    let registered = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    let code = registered["receipt"]["csv"].as_str().unwrap();
    let mut answers = Vec::new();
    for wrong in [&code[..25], &format!("{code}0"), "0000000000000000000000000A", "%00", &"Z".repeat(2000)] {
        let answer = town.get(&format!("/verify/{wrong}"), "nobody").await.is(404, "not-found");
        answers.push(answer.json()["detail"].clone());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    town.get(&format!("/verify/{code}"), "nobody").await.is(200, "");
    let refused = town.get(&format!("/verify/{code}"), "nobody").await.is(429, "too-many-requests");
    assert!(!refused.header("retry-after").is_empty());
    // Others' work goes on.
    town.get("/books", "clerk").await.is(200, "");
}

#[rstest]
#[tokio::test]
async fn one_address_may_ask_only_so_often(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::with(engine, |config| config.limits.requests_per_minute = 3).await;
    for _ in 0..3 {
        town.get("/books", "clerk").await.is(200, "");
    }
    town.get("/books", "clerk").await.is(429, "too-many-requests");
}
