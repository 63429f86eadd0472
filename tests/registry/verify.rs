//! Verification codes: what they open, how they may be typed, and how often they may be tried.

use rstest::rstest;
use ventanilla::clock::Clock;
use ventanilla::receipt::check::check;
use ventanilla::store::log::Log;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, execute};
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

#[rstest]
#[tokio::test]
async fn who_is_shown_a_receipt_leaves_a_look_without_the_code_and_who_is_not_leaves_none(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    const LOOKS: &str = "SELECT count(*) FROM access_log WHERE action IN ('verify', 'receipt')";
    let town = Town::on(engine).await;
    let registered = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    let (code, id) = (registered["receipt"]["csv"].as_str().unwrap(), registered["entry"]["id"].as_str().unwrap());
    let forms = ["", "/receipt.json", "/receipt.p7s", "/receipt.pdf"];
    for (before, form) in forms.into_iter().enumerate() {
        assert_eq!(town.count(LOOKS).await, i64::try_from(before).unwrap());
        town.get(&format!("/verify/{code}{form}"), "nobody").await.is(200, "");
    }
    let told = format!(
        "SELECT count(*) FROM access_log WHERE action = 'verify' AND who = 'public' AND role = 'public' AND \
         coalesce(detail, '') NOT LIKE '%{code}%' AND coalesce(filter, '') = '' AND coalesce(subject, '') = ''"
    );
    assert_eq!(town.count(Box::leak(told.into_boxed_str())).await, 4);
    // No receipt, and no seal to make one.
    execute(town.app.store(), "DELETE FROM receipts").await;
    let without_seal = |config: &mut ventanilla::config::Config| config.seal = ventanilla::config::Seal::default();
    let unsealed = Town::open(town.stop().await, Clock::system(), without_seal, None).await;
    for form in forms {
        assert_ne!(unsealed.get(&format!("/verify/{code}{form}"), "nobody").await.status, 200, "{form}");
    }
    for form in ["receipt.json", "receipt.p7s", "receipt.pdf"] {
        assert_ne!(unsealed.get(&format!("/entries/{id}/{form}"), "clerk").await.status, 200, "{form}");
    }
    assert_eq!(unsealed.count(LOOKS).await, 4);
}
