//! What one caller may have of the server at once: others find theirs.

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use rstest::rstest;
use ventanilla::store::objects::Objects;

use crate::harness::faulty_objects::FaultyObjects;
use crate::harness::paper::{Form, Paper, Signer, fresh_key};
use crate::harness::raw::{Raw, said};
use crate::harness::site::{Engine, Site};
use crate::harness::town::Town;

/// A JSON body of which so much came, and no more comes.
async fn unfinished(server: &Town, path: &str, who: &str, length: usize) -> Raw {
    let mut raw = Raw::begin(server.url(), path, who, "application/json", length + 10).await;
    assert!(raw.say(&vec![b' '; length]).await);
    raw
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}");
}

#[rstest]
#[case("/attentions", "sac")]
#[case("/tokens", "admin")]
#[case("/trust-anchors", "admin")]
#[case("/incidents", "admin")]
#[case("/entries/0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01/annulment", "clerk")]
#[case("/entries/0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01/custody", "clerk")]
#[case("/entries/0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01/acceptance", "unit")]
#[tokio::test(flavor = "multi_thread")]
async fn json_that_never_ends_is_counted_as_its_callers(#[case] path: &str, #[case] who: &str) {
    let server = Town::with(Engine::Sqlite, |config| config.limits.memory_bytes = 2 << 20).await;
    let all = server.app.budget.free_bytes();
    assert_eq!(all, 2 << 20);
    // Each takes 128 KiB, and one caller may have a half.
    let mut slow = Vec::new();
    for number in 1..=8 {
        slow.push(unfinished(&server, path, who, 100_000).await);
        until("it is counted", || server.app.budget.free_bytes() == all - number * (128 << 10)).await;
    }
    let mut refused = unfinished(&server, path, who, 100_000).await;
    assert!(refused.say(&[b' '; 10]).await);
    assert_eq!(said(&refused.hear().await), (429, "too-many-requests".to_owned()));
    // Others are not touched.
    let form = Paper::submission().document("plano", b"%PDF-1.7 a plan").signed_by_ana();
    assert_eq!(server.submit(&form, &fresh_key()).await.number(), 1);
    drop(slow);
    until("it is given back", || server.app.budget.free_bytes() == all).await;
    let mut heard = unfinished(&server, path, who, 100_000).await;
    assert!(heard.say(&[b' '; 10]).await);
    assert_ne!(said(&heard.hear().await).0, 429);
    until("it is given back", || server.app.budget.free_bytes() == all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_ahead_is_its_callers_and_leaves_memory_for_others() {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(Engine::Sqlite).await;
    let change = |config: &mut ventanilla::config::Config| config.limits.memory_bytes = 16 << 20;
    let server = Town::over(site, change, Some(Objects::over(Arc::new(objects.clone())))).await;
    let all = server.app.budget.free_bytes();
    let go_on = objects.hold("put");
    // The first document of each waits for the store, and the second is read ahead meanwhile.
    let mut slow = Vec::new();
    for number in 0..6 {
        let first = format!("%PDF-1.7 {number}");
        let paper = Paper::counter().document("uno", first.as_bytes()).document("dos", &vec![b'x'; 6 << 20]);
        let form = paper.form();
        let raw = Raw::begin(server.url(), "/entries", "clerk", &form.content_type(), form.bytes().len()).await;
        slow.push(tokio::spawn(raw.converse(form.bytes())));
    }
    until("all wait for the store", || objects.calls().iter().filter(|call| **call == "put").count() == 6).await;
    until("something is read ahead", || server.app.budget.free_bytes() < all - (2 << 20)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let left = server.app.budget.free_bytes();
    assert!(left >= all - (5 << 20), "{left} of {all} bytes are left");
    // Whoever asks now finds memory at once.
    let file = Form::new().part("file", &Signer::of("citizen").sign(b"x")).part("content", b"x");
    let judged = server.try_post("/signatures/validate", "unit", &file, "");
    tokio::time::timeout(Duration::from_secs(10), judged).await.expect("at once").unwrap().is(200, "");
    objects.let_go();
    go_on.notify_waiters();
    for one in slow {
        let heard = one.await.unwrap();
        assert!([201, 429].contains(&said(&heard).0), "{heard}");
    }
    until("it is given back", || server.app.budget.free_bytes() == all).await;
}
