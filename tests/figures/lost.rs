//! Attentions when the answer to a commit is lost: what became of it is looked up, as for entries.

use axum::http::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::postgres_proxy::{Cut, ProxyPg};
use crate::harness::services::Services;
use crate::place::{Answer, Place};

async fn behind_a_proxy() -> (ProxyPg, Place, Place) {
    let url = Services::get().fresh_postgres_database().await;
    let proxy = ProxyPg::before(&url).await;
    let direct = Place::on_database(&url).await;
    let place = Place::on_database(proxy.url()).await;
    (proxy, place, direct)
}

async fn record(place: &Place, sac: &str, key: &str) -> Answer {
    let body = json!({"channel": "phone", "unit": "L01000000", "topic": "Padrón"}).to_string().into_bytes();
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(Some(("idempotency-key", key)).filter(|_| !key.is_empty()));
    place.send(Method::POST, "/attentions", sac, &headers, body).await
}

async fn recorded(direct: &Place, sac: &str) -> Vec<Value> {
    direct.get("/attentions", sac).await.json()["items"].as_array().unwrap().clone()
}

#[rstest]
#[tokio::test]
async fn when_the_answer_to_commit_is_lost_the_outcome_is_looked_up(
    #[values(Cut::BeforeCommit, Cut::AfterCommit)] cut: Cut,
    #[values("a key", "")] key: &str,
) {
    let (proxy, place, direct) = behind_a_proxy().await;
    let sac = direct.token("sac").await;
    assert_eq!(record(&place, &sac, "warm").await.status, 201);
    proxy.cut(cut);
    let answer = record(&place, &sac, key).await;
    assert!(proxy.has_cut());
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert!(!answer.headers.contains_key("idempotency-replayed"));
    // Once, whether it was kept at first or written again.
    assert_eq!(recorded(&direct, &sac).await.len(), 2);
    assert_eq!(direct.differences().await, []);
}

#[tokio::test]
async fn a_withdrawal_whose_commit_is_lost_is_looked_up() {
    let (proxy, place, direct) = behind_a_proxy().await;
    let sac = direct.token("sac").await;
    let address = record(&place, &sac, "").await.headers["location"].to_str().unwrap().to_owned();
    let address = address.strip_prefix("/api/v1").unwrap();
    proxy.cut(Cut::BeforeCommit);
    let answer = place.send(Method::DELETE, address, &sac, &[], Vec::new()).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (503, "/problems/unavailable".into()));
    assert_eq!(direct.get(address, &sac).await.json()["withdrawn_at"], Value::Null);
    proxy.cut(Cut::AfterCommit);
    let answer = place.send(Method::DELETE, address, &sac, &[], Vec::new()).await;
    assert!(proxy.has_cut());
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(direct.get(address, &sac).await.json(), answer.json());
    assert_eq!(direct.differences().await, []);
}
