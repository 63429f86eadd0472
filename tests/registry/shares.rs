//! What one caller may have of the server at once: others find theirs.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use object_store::memory::InMemory;
use reqwest::Method;
use rstest::rstest;
use ventanilla::store::objects::Objects;

use crate::harness::faulty_objects::FaultyObjects;
use crate::harness::frames::{END_HEADERS, END_STREAM, Frames, HEADERS, SETTINGS};
use crate::harness::paper::{Form, Paper, Signer, fresh_id, fresh_key};
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

/// An entry with a document of so many bytes; the document's address.
async fn document(server: &Town, length: usize) -> String {
    let form = Paper::counter().document("plano", &vec![b'x'; length]).form();
    let entry = server.register(&form, &fresh_key()).await.registered()["entry"].clone();
    let id = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    format!("/api/v1/entries/{}/documents/{}", id(&entry["id"]), id(&entry["documents"][0]["id"]))
}

/// Asks for it so often, and reads no body.
async fn unread(server: &Town, path: &str, who: &str, range: Option<&str>, count: u32) -> Frames {
    let mut frames = Frames::to(server.url()).await;
    assert!(frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await);
    let mut header = Frames::header("GET", path, who);
    if let Some(range) = range {
        header.extend([0, 5]);
        header.extend_from_slice(b"range");
        header.push(u8::try_from(range.len()).unwrap());
        header.extend_from_slice(range.as_bytes());
    }
    for number in 0..count {
        assert!(frames.send(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &header).await);
    }
    let mut answered = 0;
    while answered < count {
        let (kind, _, _) = frames.next().await.expect("the connection stays");
        answered += u32::from(kind == HEADERS);
    }
    frames
}

#[rstest]
#[case::whole(None)]
#[case::short_range(Some("bytes=5-99"))]
#[case::long_range(Some("bytes=5-999999"))]
#[tokio::test(flavor = "multi_thread")]
async fn documents_that_nobody_reads_are_counted_for_their_caller_and_in_all(#[case] range: Option<&str>) {
    let server = Town::with(Engine::Sqlite, |config| {
        (config.limits.open_documents, config.limits.open_documents_per_caller) = (6, 4);
    })
    .await;
    let path = document(&server, 1 << 20).await;
    let one = unread(&server, &path, "clerk", range, 4).await;
    let refused = server.get(&path, "clerk").await.is(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), "5");
    let two = unread(&server, &path, "auditor", range, 2).await;
    let refused = server.get(&path, "auditor").await.is(503, "unavailable");
    assert!(!refused.header("retry-after").is_empty());
    drop(one);
    for _ in 0..500 {
        if server.get(&path, "clerk").await.status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for _ in 0..10 {
        assert_eq!(server.get(&path, "clerk").await.is(200, "").body.len(), 1 << 20);
    }
    drop(two);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whole_documents_are_hashed_in_turns_for_a_range_of_a_byte_too(
    #[values("bytes=0-0", "none")] range: &'static str,
) {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(Engine::Sqlite).await;
    let server = Town::over(site, |_| {}, Some(Objects::over(Arc::new(objects.clone())))).await;
    let path = document(&server, 1000).await;
    // What follows an entry reads its documents, too.
    while server.count("SELECT count(*) FROM outbox").await > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = objects.calls().iter().filter(|call| **call == "get").count();
    let go_on = objects.hold("get");
    let ask = |who: &'static str| {
        let (door, path) = (server.door.clone(), path.clone());
        let ask = async move { door.try_send(Method::GET, &path, Some(who), &[("range", range)], Vec::new()).await };
        tokio::spawn(ask)
    };
    let begun = || objects.calls().iter().filter(|call| **call == "get").count() - before;
    let many: Vec<_> = (0..40).map(|_| ask("clerk")).collect();
    until("as many as one caller may have", || begun() == 12).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(begun(), 12, "the others wait");
    let other = ask("auditor");
    until("another caller finds a turn", || begun() == 13).await;
    objects.let_go();
    go_on.notify_waiters();
    for one in many.into_iter().chain([other]) {
        let status = one.await.unwrap().unwrap().status;
        assert_eq!(status, if range == "none" { 200 } else { 206 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_its_share_of_the_turns_at_judging_waits_and_nobody_else_does() {
    let server = Town::on(Engine::Sqlite).await;
    let signed = Signer::of("citizen").sign(b"x");
    let to_validate = Form::new().part("file", &signed).part("content", b"x");
    let scan = Paper::counter().document_as("acta", "acta.p7s", "application/pkcs7-signature", &signed).form();
    let submission = || Paper::submission().with("submission_id", fresh_id().to_string()).signed_by_ana();
    for (path, [who, other], expected) in [
        ("/signatures/validate", ["clerk", "clerk-2"], 200),
        ("/entries", ["clerk", "clerk-2"], 201),
        ("/submissions", ["eoffice", "eoffice-2"], 201),
    ] {
        let form = || match path {
            "/submissions" => submission(),
            "/entries" => scan.clone(),
            _ => to_validate.clone(),
        };
        let mut turns = Vec::new();
        while let Some(turn) = server.app.judging.take(&format!("{who}:{who}")).now_or_never() {
            turns.push(turn.unwrap());
        }
        let (key, form_of_one) = (fresh_key(), form());
        let mut waiting = Box::pin(server.try_post(path, who, &form_of_one, &key));
        let waited = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
        assert!(waited.is_err(), "{path}: {} turns are the share", turns.len());
        let answer = server.try_post(path, other, &form(), &fresh_key()).await.unwrap();
        assert_eq!(answer.status, expected, "{path}: {}", answer.text());
        drop(turns);
        assert_eq!(waiting.await.unwrap().status, expected, "{path}");
    }
}
