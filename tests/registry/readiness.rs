//! `/readyz` and the counting of addresses: open to everybody, so they cost the same however often they are asked.

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use ventanilla::store::objects::Objects;

use crate::harness::door::Door;
use crate::harness::faulty_objects::FaultyObjects;
use crate::harness::site::{Engine, Site};
use crate::harness::town::Town;

fn written(objects: &FaultyObjects) -> usize {
    objects.calls().iter().filter(|call| **call == "put").count()
}

async fn remembering(seconds: u64) -> (Town, FaultyObjects) {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(Engine::Sqlite).await;
    let change = move |config: &mut ventanilla::config::Config| config.limits.ready_seconds = seconds;
    (Town::over(site, change, Some(Objects::over(Arc::new(objects.clone())))).await, objects)
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_found_out_once_for_all_who_ask() {
    let (server, objects) = remembering(600).await;
    let ask = |_| server.get("/readyz", "nobody");
    for answer in futures_util::future::join_all((0..50).map(ask)).await {
        answer.is(200, "");
    }
    assert_eq!(written(&objects), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_goes_away_leaves_the_answer_to_the_next() {
    let (server, objects) = remembering(600).await;
    let go_on = objects.hold("put");
    for _ in 0..10 {
        let asked = tokio::time::timeout(Duration::from_millis(50), server.get("/readyz", "nobody")).await;
        assert!(asked.is_err(), "the store is held");
    }
    go_on.notify_one();
    server.get("/readyz", "nobody").await.is(200, "");
    assert_eq!(written(&objects), 1);
}

#[tokio::test]
async fn readiness_is_found_out_again_after_some_seconds() {
    let (server, objects) = remembering(1).await;
    server.get("/readyz", "nobody").await.is(200, "");
    objects.break_down();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(server.get("/readyz", "nobody").await.status, 503);
}

#[tokio::test]
async fn on_a_listener_for_both_families_each_ipv4_address_is_counted_by_itself() {
    let server = Town::with(Engine::Sqlite, |config| {
        config.listen = "[::]:0".into();
        // Allowed in the clear there only with a proxy before it; who sends no word of whom it speaks for is itself.
        config.behind_proxy = true;
        config.admin_listen = "127.0.0.1:0".into();
        config.limits.requests_per_minute = 2;
    })
    .await;
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    let ask = async |local: &str, forwarded: &str| {
        let client = reqwest::Client::builder().no_proxy().local_address(Some(local.parse().unwrap())).build().unwrap();
        let mut request = client.get(format!("http://127.0.0.1:{port}/healthz"));
        if !forwarded.is_empty() {
            request = request.header("x-forwarded-for", forwarded);
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!([ask("127.0.0.2", "").await, ask("127.0.0.2", "").await, ask("127.0.0.2", "").await], [200, 200, 429]);
    assert_eq!(ask("127.0.0.3", "").await, 200);
    // A network of IPv6 is one client, whatever its addresses.
    let named = ["2001:db8::1", "[2001:db8::2]:443", "x, 2001:db8::3"];
    let mut answers = Vec::new();
    for name in named {
        answers.push(ask("127.0.0.3", name).await);
    }
    assert_eq!(answers, [200, 200, 429]);
    let metrics = Door::at(server.admin.as_ref().unwrap()).get("/metrics", "nobody").await.text();
    assert!(metrics.contains("\nventanilla_addresses_remembered 3\n"), "{metrics}");
}
