//! Requests that are sent again: one key, one entry, whatever happens to the answers.

use futures_util::future::join_all;
use rstest::rstest;

use crate::harness::door::Answer;
use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

#[rstest]
#[tokio::test]
async fn the_same_request_again_gets_the_same_answer(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let (form, key) = (Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana(), fresh_key());
    let first = town.submit(&form, &key).await.is(201, "");
    let before = town.holdings().await;
    let again = town.submit(&form, &key).await.is(201, "");
    assert_eq!((replayed(&first), replayed(&again)), (false, true));
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(town.holdings().await, before);
}

#[rstest]
#[tokio::test]
async fn boundary_order_and_part_headers_do_not_count(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let paper = Paper::counter().document("a", b"%PDF-1.7 a").document("b", b"%PDF-1.7 b");
    let key = fresh_key();
    let number = town.register(&paper.form(), &key).await.number();
    let other = Form::new()
        .part_with("submission", "Content-Type: application/json; charset=utf-8\r\n", &paper.bytes())
        .part_with("b", "Content-Transfer-Encoding: 8bit\r\n", b"%PDF-1.7 b")
        .part_with("a", "Content-Type: text/plain\r\n", b"%PDF-1.7 a");
    let again = town.register(&other, &key).await;
    assert!(replayed(&again));
    assert_eq!(again.number(), number);
}

#[rstest]
#[tokio::test]
async fn a_key_with_another_body_is_refused(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let key = fresh_key();
    town.register(&Paper::counter().form(), &key).await.is(201, "");
    let before = town.holdings().await;
    let other = Paper::counter().with("subject", "Otra cosa").form();
    town.register(&other, &key).await.is(422, "idempotency-key-reused");
    assert_eq!(town.holdings().await, before);
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    let town = Town::on(Engine::Sqlite).await;
    let (form, key) = (Paper::counter().form(), fresh_key());
    assert_eq!(town.register(&form, &key).await.number(), 1);
    let other = town.try_post("/entries", "clerk-2", &form, &key).await.unwrap();
    assert_eq!(other.number(), 2);
}

#[tokio::test]
async fn a_key_is_required_and_has_a_length() {
    let town = Town::on(Engine::Sqlite).await;
    let form = Paper::counter().form();
    let content_type = form.content_type();
    let headers = [("content-type", content_type.as_str())];
    for path in ["/entries", "/submissions"] {
        let who = if path == "/entries" { "clerk" } else { "eoffice" };
        let answer = town.try_send(reqwest::Method::POST, path, Some(who), &headers, form.bytes()).await.unwrap();
        answer.is(400, "idempotency-key-missing");
    }
    town.register(&form, &"k".repeat(256)).await.is(400, "idempotency-key-missing");
    assert_eq!(town.register(&form, &"k".repeat(255)).await.number(), 1);
}

#[rstest]
#[tokio::test]
async fn a_refusal_does_not_use_the_key_up(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let key = fresh_key();
    town.register(&Paper::counter().with("subject", "").form(), &key).await.is(422, "invalid-submission");
    assert_eq!(town.register(&Paper::counter().form(), &key).await.number(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn repeats_that_come_together_make_one_entry(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    for round in 1..=5 {
        let (form, key) = (Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana(), fresh_key());
        let answers = join_all((0..16).map(|_| town.submit(&form, &key))).await;
        let first = answers.iter().filter(|answer| !replayed(answer)).count();
        assert_eq!(first, 1, "one of them was first");
        for answer in answers {
            assert_eq!(answer.number(), round);
        }
    }
    assert_eq!(town.holdings().await.entries, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_sent_to_two_processes_make_one_entry() {
    let town = Town::on(Engine::Postgres).await;
    let other = Town::beside(&town).await;
    for round in 1..=10 {
        let (form, key) = (Paper::counter().form(), fresh_key());
        let doors = [&town.door, &other.door];
        let answers = join_all((0..8).map(|n| doors[n % 2].register(&form, &key))).await;
        assert_eq!(answers.iter().filter(|answer| !replayed(answer)).count(), 1);
        for answer in answers {
            assert_eq!(answer.number(), round);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_submission_under_many_keys_is_one_entry() {
    let town = Town::on(Engine::Postgres).await;
    let other = Town::beside(&town).await;
    let form = Paper::submission().signed_by_ana();
    let doors = [&town.door, &other.door];
    let keys: Vec<String> = (0..8).map(|_| fresh_key()).collect();
    let answers = join_all((0..8).map(|n| doors[n % 2].submit(&form, &keys[n]))).await;
    let mut said: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    said.sort_unstable();
    assert_eq!(said, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(town.holdings().await.entries, 1);
}

#[rstest]
#[tokio::test]
async fn a_key_is_kept_over_a_restart(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let (form, key) = (Paper::counter().form(), fresh_key());
    let first = town.register(&form, &key).await.is(201, "");
    let site = town.stop().await;
    let town = Town::open(site, ventanilla::clock::Clock::system(), |_| {}, None).await;
    let again = town.register(&form, &key).await.is(201, "");
    assert!(replayed(&again));
    assert_eq!(again.body, first.body);
}
