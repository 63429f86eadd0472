//! Requests that never end, or end badly: what they hold, what they leave, and whom they keep waiting.

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use rstest::rstest;
use serde_json::json;
use ventanilla::clock::Clock;
use ventanilla::domain::Micros;
use ventanilla::store::objects::Objects;

use crate::harness::faulty_objects::{Fault, FaultyObjects};
use crate::harness::paper::{Form, Paper, Signer, fresh_key};
use crate::harness::raw::{Raw, said};
use crate::harness::site::{ENTITY, Engine, Site};
use crate::harness::town::Town;

const PLAN: &[u8] = b"%PDF-1.7 a plan";

async fn over_memory(engine: Engine, change: impl FnOnce(&mut ventanilla::config::Config)) -> (Town, FaultyObjects) {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(engine).await;
    (Town::over(site, change, Some(Objects::over(Arc::new(objects.clone())))).await, objects)
}

async fn stored(server: &Town) -> usize {
    futures_util::StreamExt::count(server.app.registry.objects().list(ENTITY)).await
}

/// Waits until so many documents are in the store.
async fn until_stored(server: &Town, count: usize) {
    for _ in 0..500 {
        if stored(server).await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} documents are stored, not {count}", stored(server).await);
}

async fn until_called(objects: &FaultyObjects, name: &str, count: usize) {
    for _ in 0..500 {
        if objects.calls().iter().filter(|call| **call == name).count() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{count} calls of {name} are not made: {:?}", objects.calls());
}

/// Begins a submission and sends all of it but for so many bytes.
async fn begin_but(server: &Town, path: &str, who: &str, form: &Form, rest: usize) -> (Raw, Vec<u8>) {
    let body = form.bytes();
    let mut raw = Raw::begin(server.url(), path, who, &form.content_type(), body.len()).await;
    assert!(raw.say(&body[..body.len() - rest]).await);
    (raw, body[body.len() - rest..].to_vec())
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn documents_of_a_request_that_never_ends_are_removed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("broken off", "refused", "too slow")] how: &str,
) {
    let (server, _) = over_memory(engine, |config| config.limits.stall_seconds = 1).await;
    let mut paper = Paper::submission().document("plano", PLAN).document("memoria", &vec![7; 6 << 20]);
    paper.json["documents"][0]["signature"] = json!({"part": "firma"});
    let paper = paper.document("otro", &vec![b'x'; 100_000]);
    let form = paper.signed_by_ana().part("firma", &Signer::of("citizen2").sign(PLAN));
    // The last document comes after the signature, so three objects are stored by then.
    let (otro, mut parts): (Vec<_>, Vec<_>) = form.parts.into_iter().partition(|part| part.name == "otro");
    parts.extend(otro);
    let form = Form { parts, ..form };
    let (mut raw, mut rest) = begin_but(&server, "/submissions", "eoffice", &form, 50_000).await;
    until_stored(&server, 3).await;
    match how {
        "broken off" => drop(raw),
        "too slow" => assert_eq!(said(&raw.hear().await), (408, "too-slow".to_owned())),
        _ => {
            rest[..40_000].fill(b'y');
            assert!(raw.say(&rest).await);
            assert_eq!(said(&raw.hear().await), (422, "document-mismatch".to_owned()));
        }
    }
    until_stored(&server, 0).await;
    // At once it can be submitted like any other.
    assert_eq!(server.submit(&form, &fresh_key()).await.number(), 1);
    assert_eq!(stored(&server).await, 4);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_an_entry_has_or_another_request_is_storing_is_not_removed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (server, objects) = over_memory(engine, |_| {}).await;
    let form = |part: &str| {
        let paper = Paper::submission().document("plano", PLAN).document(part, &vec![b'x'; 100_000]);
        paper.signed_by_ana()
    };
    let (one, _) = begin_but(&server, "/submissions", "eoffice", &form("uno"), 50_000).await;
    until_stored(&server, 1).await;
    let (mut two, rest) = begin_but(&server, "/submissions", "eoffice", &form("dos"), 50_000).await;
    until_called(&objects, "put", 2).await;
    drop(one);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stored(&server).await, 1);
    assert!(two.say(&rest).await);
    assert!(two.hear().await.starts_with("HTTP/1.1 201 "));
    // Now an entry has it: whoever breaks off with it takes nothing away.
    let (three, _) = begin_but(&server, "/submissions", "eoffice", &form("tres"), 50_000).await;
    until_called(&objects, "put", 5).await;
    drop(three);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stored(&server).await, 2);
    let list = server.get("/entries", "auditor").await.json();
    let entry = &list["items"][0];
    for document in entry["documents"].as_array().unwrap() {
        let path = format!("/entries/{}/documents/{}", entry["id"].as_str().unwrap(), document["id"].as_str().unwrap());
        server.get(&path, "auditor").await.is(200, "");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_sends_a_document_again_while_it_is_removed_loses_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (server, objects) = over_memory(engine, |_| {}).await;
    let paper = Paper::submission().document("plano", PLAN).document("otro", &vec![b'x'; 100_000]);
    let form = paper.signed_by_ana();
    let go_on = objects.hold("delete");
    let (first, _) = begin_but(&server, "/submissions", "eoffice", &form, 50_000).await;
    until_stored(&server, 1).await;
    drop(first);
    until_called(&objects, "delete", 1).await;
    let key = fresh_key();
    let letting_go = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        objects.let_go();
        go_on.notify_waiters();
    };
    let (answer, ()) = tokio::join!(server.submit(&form, &key), letting_go);
    assert_eq!(answer.number(), 1);
    assert_eq!(stored(&server).await, 2);
}

/// One that is cut off leaves its document claimed, and who sends it again would be refused until that is old.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_removals(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (server, objects) = over_memory(engine, |_| {}).await;
    let form = Paper::submission().document("plano", PLAN).document("otro", &vec![b'x'; 100_000]).signed_by_ana();
    let go_on = objects.hold("delete");
    let (first, _) = begin_but(&server, "/submissions", "eoffice", &form, 50_000).await;
    until_stored(&server, 1).await;
    drop(first);
    until_called(&objects, "delete", 1).await;
    let letting_go = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        objects.let_go();
        go_on.notify_waiters();
    };
    let (site, ()) = tokio::join!(server.stop(), letting_go);
    let objects = Some(Objects::over(Arc::new(objects.clone())));
    let server = Town::open(site, Clock::system(), |_| {}, objects).await;
    assert_eq!(server.submit(&form, &fresh_key()).await.number(), 1);
    assert_eq!(server.count("SELECT count(*) FROM object_claims WHERE ended_at IS NULL").await, 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_fails_is_tried_again_and_who_sends_the_document_again_is_let_through(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(Fault::Before, Fault::After)] fault: Fault,
) {
    let (server, objects) = over_memory(engine, |_| {}).await;
    let paper = Paper::submission().document("plano", PLAN).document("otro", &vec![b'x'; 100_000]);
    let form = paper.signed_by_ana();
    let (first, _) = begin_but(&server, "/submissions", "eoffice", &form, 50_000).await;
    until_stored(&server, 1).await;
    objects.fail_nth(1, fault);
    drop(first);
    until_called(&objects, "delete", 1).await;
    assert_eq!(server.submit(&form, &fresh_key()).await.number(), 1);
    assert_eq!(stored(&server).await, 2);
    assert_eq!(objects.calls().iter().filter(|call| **call == "delete").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_a_document_again_whose_removal_takes_long_hears_so_and_is_let_through_later() {
    let (server, objects) = over_memory(Engine::Sqlite, |_| {}).await;
    let form = Paper::submission().document("plano", PLAN).document("otro", &vec![b'x'; 100_000]).signed_by_ana();
    let go_on = objects.hold("delete");
    let (first, _) = begin_but(&server, "/submissions", "eoffice", &form, 50_000).await;
    until_stored(&server, 1).await;
    drop(first);
    until_called(&objects, "delete", 1).await;
    let key = fresh_key();
    let refused = server.submit(&form, &key).await.is(503, "unavailable");
    assert!(refused.text().contains("being removed"), "{}", refused.text());
    objects.let_go();
    go_on.notify_waiters();
    assert_eq!(server.submit(&form, &key).await.number(), 1);
    assert_eq!(stored(&server).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_proves_nothing_is_refused_before_any_document_is_read() {
    let (server, objects) = over_memory(Engine::Sqlite, |_| {}).await;
    let refused = ["citizen2", "expired", "untrusted/citizen"].map(async |signer| {
        let form = Paper::submission().document("largo", &vec![b'x'; 1 << 20]).signed(&Signer::of(signer));
        // Half of the document never comes, and the answer does.
        let body = form.bytes();
        let mut raw = Raw::begin(server.url(), "/submissions", "eoffice", &form.content_type(), body.len()).await;
        assert!(raw.say(&body[..body.len() / 2]).await);
        raw.hear().await
    });
    for heard in futures_util::future::join_all(refused).await {
        assert_eq!(said(&heard), (422, "signature-invalid".to_owned()), "{heard}");
        assert!(heard.contains("\"signatures\""), "{heard}");
    }
    assert!(!objects.calls().iter().any(|call| call.starts_with("put")), "{:?}", objects.calls());
}

#[tokio::test]
async fn a_repeat_is_answered_as_before_although_its_signature_would_not_pass_any_more() {
    let server = Town::on(Engine::Sqlite).await;
    let (form, key) = (Paper::submission().document("plano", PLAN).signed_by_ana(), fresh_key());
    assert_eq!(server.submit(&form, &key).await.number(), 1);
    // Long after the certificate's end.
    server.clock.step_by(40 * 365 * 86_400_000_000);
    let again = server.submit(&form, &key).await.is(201, "");
    assert_eq!(again.header("idempotency-replayed"), "true");
    server.submit(&form, &fresh_key()).await.is(422, "signature-invalid");
}

#[rstest]
#[case::winter("2026-01-15T22:59:00Z", "2026-01-15")]
#[case::summer("2026-07-15T21:59:00Z", "2026-07-15")]
#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_midnight_was_presented_before_midnight_however_slow_the_store(
    #[case] last_moment: &str,
    #[case] day: &str,
    #[values(1_000, 3 << 20, 9 << 20)] size: usize,
    #[values(1, 3)] documents: usize,
) {
    let paper = (0..documents).fold(Paper::counter(), |paper, place| {
        let content: Vec<u8> = (0..251).cycle().skip(place).take(size / documents).collect();
        paper.document(&format!("d{place}"), &content)
    });
    let held = if size / documents > 5 << 20 { "put_part" } else { "put" };
    let last_moment = Micros::parse(last_moment).unwrap();
    is_of_the_day(Engine::Sqlite, (last_moment, day), ("/entries", "clerk"), &paper.form(), held).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_submission_that_came_before_midnight_is_of_that_day(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let form = Paper::submission().document("plano", PLAN).document("otro", &vec![b'x'; 100_000]).signed_by_ana();
    // Today, since the clock of a database may not be that of another day.
    let (zone, now) = (chrono_tz::Europe::Madrid, Clock::system().now());
    let day = now.local_date(zone);
    let last_moment = Micros(Micros::day_range(day, day, zone).end.0 - 60_000_000);
    is_of_the_day(engine, (last_moment, &day.to_string()), ("/submissions", "eoffice"), &form, "put").await;
}

/// Sends all of this in the last minute of a day, to a store that goes on the next day only: it was presented that day.
async fn is_of_the_day(
    engine: Engine,
    (last_moment, day): (Micros, &str),
    (path, who): (&str, &str),
    form: &Form,
    held: &'static str,
) {
    let (server, objects) = over_memory(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    server.clock.set(last_moment);
    let go_on = objects.hold(held);
    let (mut raw, _) = begin_but(&server, path, who, form, 0).await;
    until_called(&objects, held, 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.clock.step_by(120_000_000);
    objects.let_go();
    go_on.notify_waiters();
    let heard = raw.hear().await;
    assert!(heard.starts_with("HTTP/1.1 201 "), "{heard}");
    let (_, body) = heard.split_once("\r\n\r\n").unwrap();
    let entry = &serde_json::from_str::<serde_json::Value>(body).unwrap()["entry"];
    assert!(entry["presented_at"].as_str().unwrap().starts_with(day), "{entry}");
    assert!(!entry["registered_at"].as_str().unwrap().starts_with(day), "{entry}");
}

/// With a store that takes nothing until the next day: what memory has no room for waits on disk.
#[rstest]
#[case::more_than_is_read_into_memory(40 << 20, false)]
#[case::memory_taken_by_others(9 << 20, true)]
#[tokio::test(flavor = "multi_thread")]
async fn what_memory_cannot_hold_was_presented_when_it_came(#[case] size: usize, #[case] crowded: bool) {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(Engine::Sqlite).await;
    let folder = site.path("spool");
    let store = Objects::over(Arc::new(objects.clone()));
    let server = Town::over(site, |config| config.objects.spool = folder.clone(), Some(store)).await;
    let budget = &server.app.budget;
    let (mut one, mut two) = (budget.request("one"), budget.request("two"));
    if crowded {
        one.holds(server.app.config.limits.memory_bytes / 2).await.unwrap();
        two.holds(server.app.config.limits.memory_bytes / 8).await.unwrap();
    }
    let last_moment = chrono::DateTime::parse_from_rfc3339("2026-01-15T22:59:00Z").unwrap();
    server.clock.set(Micros(last_moment.timestamp_micros()));
    let content: Vec<u8> = (0..251).cycle().take(size).collect();
    let form = Paper::counter().document("largo", &content).form();
    let go_on = objects.hold("put_part");
    let (mut raw, _) = begin_but(&server, "/entries", "clerk", &form, 0).await;
    let settled = async {
        let mut spooled = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            match budget.spooled_bytes() {
                now if now == spooled && now > 0 => break now,
                now => spooled = now,
            }
        }
    };
    let spooled = tokio::time::timeout(Duration::from_secs(30), settled).await.expect("something waits on disk");
    assert!(spooled <= size as u64, "{spooled}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nobody finds it");
    server.clock.step_by(120_000_000);
    objects.let_go();
    go_on.notify_waiters();
    let heard = raw.hear().await;
    assert!(heard.starts_with("HTTP/1.1 201 "), "{heard}");
    assert!(heard.contains("\"presented_at\":\"2026-01-15T"), "{heard}");
    assert_eq!(budget.spooled_bytes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_refuses_nobody() {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(Engine::Sqlite).await;
    let store = Objects::over(Arc::new(objects.clone()));
    let server = Town::over(site, |config| config.objects.spool = "/dev/null/spool".into(), Some(store)).await;
    let content: Vec<u8> = (0..251).cycle().take(20 << 20).collect();
    let form = Paper::counter().document("largo", &content).form();
    let go_on = objects.hold("put_part");
    let letting_go = async {
        until_called(&objects, "put_part", 1).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        objects.let_go();
        go_on.notify_waiters();
    };
    let key = fresh_key();
    let (answer, ()) = tokio::join!(server.register(&form, &key), letting_go);
    assert_eq!(answer.number(), 1);
    assert_eq!(server.app.budget.spooled_bytes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_midnight_was_presented_after_midnight() {
    let server = Town::on(Engine::Sqlite).await;
    let last_moment = chrono::DateTime::parse_from_rfc3339("2026-01-15T22:59:50Z").unwrap();
    server.clock.set(Micros(last_moment.timestamp_micros()));
    let form = Paper::counter().document("plano", PLAN).form();
    let (mut raw, rest) = begin_but(&server, "/entries", "clerk", &form, 10).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.clock.step_by(20_000_000);
    assert!(raw.say(&rest).await);
    let heard = raw.hear().await;
    assert!(heard.contains("\"presented_at\":\"2026-01-16T00:00:"), "{heard}");
}

/// A request to judge a file, of which half has come.
async fn half_a_file(server: &Town, who: &str, size: usize) -> Raw {
    let form = Form::new().part("file", &vec![b'x'; size]);
    begin_but(server, "/signatures/validate", who, &form, size / 2).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_uploads_keep_nobody_waiting() {
    let server = Town::with(Engine::Sqlite, |config| config.limits.uploads = 1).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(half_a_file(&server, "unit", 100_000).await);
    }
    let form = Paper::counter().document("largo", &vec![b'x'; 100_000]).form();
    let mut uploads = Vec::new();
    for _ in 0..20 {
        uploads.push(begin_but(&server, "/entries", "clerk", &form, 50_000).await);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let others = async {
        let form = Paper::submission().document("plano", PLAN).signed_by_ana();
        assert_eq!(server.submit(&form, &fresh_key()).await.number(), 1);
        let file = Form::new().part("file", &Signer::of("citizen").sign(b"x")).part("content", b"x");
        server.try_post("/signatures/validate", "eoffice", &file, "").await.unwrap().is(200, "");
        let same = server.try_post("/signatures/validate", "unit", &file, "").await.unwrap();
        same.is(200, "");
    };
    tokio::time::timeout(Duration::from_secs(20), others).await.expect("nobody waits for the slow ones");
    // None of them was sent away meanwhile.
    for (mut upload, rest) in uploads {
        assert!(upload.say(&rest).await);
        let heard = upload.hear().await;
        assert!(heard.starts_with("HTTP/1.1 201 "), "{heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_may_have_so_many_bytes_unfinished_and_others_are_not_touched() {
    let server = Town::with(Engine::Sqlite, |config| config.limits.unfinished_bytes_per_caller = 1 << 20).await;
    let form = || Paper::submission().document("largo", &vec![b'x'; 400_000]).signed_by_ana();
    let (mut one, rest) = begin_but(&server, "/submissions", "eoffice", &form(), 10_000).await;
    let two = begin_but(&server, "/submissions", "eoffice", &form(), 10_000).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let form = form();
    let refused = server.submit(&form, &fresh_key()).await.is(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), "5");
    let counter = Paper::counter().document("largo", &vec![b'x'; 400_000]).form();
    assert_eq!(server.register(&counter, &fresh_key()).await.number(), 1);
    assert!(one.say(&rest).await);
    let heard = one.hear().await;
    assert!(heard.starts_with("HTTP/1.1 201 "), "{heard}");
    assert_eq!(server.submit(&form, &fresh_key()).await.number(), 3);
    drop(two);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_requests_together_hold_so_much_in_memory() {
    let server = Town::with(Engine::Sqlite, |config| {
        (config.limits.memory_bytes, config.limits.stall_seconds) = (2 << 20, 3);
        config.limits.body_bytes_per_second = 1;
    })
    .await;
    // One caller may have half of it.
    let one = half_a_file(&server, "unit", 1_200_000).await;
    let two = half_a_file(&server, "unit", 1_200_000).await;
    let (one, two) = (one.converse(Vec::new()), two.converse(Vec::new()));
    let (one, two) = tokio::join!(one, two);
    let mut said = [said(&one).1, said(&two).1];
    said.sort();
    assert_eq!(said, ["too-many-requests", "too-slow"]);
    assert_eq!(server.next_number().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_of_a_few_bytes_leave_memory_for_others() {
    let server = Town::with(Engine::Sqlite, |config| {
        (config.limits.memory_bytes, config.limits.stall_seconds) = (2 << 20, 20);
    })
    .await;
    let mut slow = Vec::new();
    for _ in 0..60 {
        slow.push(half_a_file(&server, "unit", 2_000).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let others = async {
        let file = Form::new().part("file", &Signer::of("citizen").sign(b"x")).part("content", b"x");
        server.try_post("/signatures/validate", "eoffice", &file, "").await.unwrap().is(200, "");
        let form = Paper::submission().document("plano", PLAN).signed_by_ana();
        assert_eq!(server.submit(&form, &fresh_key()).await.number(), 1);
    };
    tokio::time::timeout(Duration::from_secs(10), others).await.expect("nobody waits for the slow ones");
}
