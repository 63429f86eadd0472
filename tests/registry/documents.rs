//! The bytes of documents: ranges, and what became of those that somebody altered.

use std::sync::Arc;

use object_store::ObjectStoreExt;
use reqwest::Method;
use rstest::rstest;
use ventanilla::domain::Sha256;
use ventanilla::store::objects::Objects;

use crate::harness::door::Answer;
use crate::harness::faulty_objects::FaultyObjects;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{ENTITY, Engine, Site};
use crate::harness::town::Town;

/// A town with one document, and the document's address.
async fn with(engine: Engine, content: &[u8]) -> (Town, String) {
    let town = Town::on(engine).await;
    let paper = Paper::counter().document_as("plano", "plano de obra ñ.html", "text/html", content);
    let entry = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
    let path = format!(
        "/entries/{}/documents/{}",
        entry["id"].as_str().unwrap(),
        entry["documents"][0]["id"].as_str().unwrap()
    );
    (town, path)
}

async fn range(town: &Town, path: &str, range: &str) -> Answer {
    town.try_send(Method::GET, path, Some("clerk"), &[("range", range)], Vec::new()).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn a_range_of_a_document_can_be_asked_for(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (town, path) = with(engine, b"0123456789").await;
    for (asked, bytes, content_range) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-", "456789", "bytes 4-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=8-99999999999999999999", "89", "bytes 8-9/10"),
    ] {
        let answer = range(&town, &path, asked).await.is(206, "");
        assert_eq!((answer.text().as_str(), answer.header("content-range")), (bytes, content_range));
        assert_eq!(answer.header("content-length"), bytes.len().to_string());
    }
    for asked in ["bytes=3-1", "lines=0-1", "bytes=0-1,3-4", "bytes=x"] {
        assert_eq!(range(&town, &path, asked).await.is(200, "").text(), "0123456789");
    }
    for asked in ["bytes=10-", "bytes=-0"] {
        range(&town, &path, asked).await.is(416, "range-not-satisfiable");
    }
}

#[tokio::test]
async fn a_document_is_handed_on_as_a_file_and_never_shown_as_a_page_of_the_registry() {
    let (town, path) = with(Engine::Sqlite, b"<script>alert(1)</script>").await;
    let answer = town.get(&path, "clerk").await.is(200, "");
    assert_eq!(answer.header("content-type"), "text/html");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").contains("sandbox"));
    let disposition = answer.header("content-disposition");
    assert!(disposition.starts_with("attachment; ") && disposition.contains("%C3%B1.html"), "{disposition}");
}

#[rstest]
#[case::one_byte_changed(|bytes: &mut Vec<u8>| bytes[3 << 20] ^= 1)]
#[case::its_last_byte_changed(|bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1)]
#[case::cut_short(|bytes: &mut Vec<u8>| bytes.truncate(1000))]
#[case::something_added(|bytes: &mut Vec<u8>| bytes.extend(b"more"))]
#[tokio::test]
async fn what_arrives_whole_is_what_was_registered_whatever_became_of_it_in_the_store(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] alter: fn(&mut Vec<u8>),
) {
    let content = vec![b'x'; 6 << 20];
    let (town, path) = with(engine, &content).await;
    assert!(town.get(&path, "clerk").await.is(200, "").body == content);
    let objects = town.app.registry.objects();
    let object = futures_util::StreamExt::next(&mut objects.list(ENTITY)).await.unwrap().unwrap();
    let mut altered = content.clone();
    alter(&mut altered);
    objects.inner().put(&object.location, altered.into()).await.unwrap();
    let answer = town.get(&path, "clerk").await.is(500, "altered");
    assert!(answer.text().contains("altered in the object store"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "", "asking again does not help");
    // Of a range nothing arrives, however short or long, and whether it holds what was altered or not.
    for asked in ["bytes=0-9", "bytes=-10", "bytes=3145700-3145800", "bytes=100-5000000"] {
        range(&town, &path, asked).await.is(500, "altered");
    }
}

#[tokio::test]
async fn long_ranges_are_served_as_they_are() {
    let content: Vec<u8> = (0..6_u32 << 20).map(|at| at.to_le_bytes()[1] ^ at.to_le_bytes()[2]).collect();
    let (town, path) = with(Engine::Sqlite, &content).await;
    for (first, last) in [(0, 6 << 20), (1, (6 << 20) - 1), (1 << 20, 2 << 20), (4_000_000, 4_000_010)] {
        let answer = range(&town, &path, &format!("bytes={first}-{}", last - 1)).await.is(206, "");
        assert!(answer.body == content[first..last], "{first}-{last}");
    }
}

/// What somebody puts in the place of an object between the check and the sending.
#[derive(Debug, Clone, Copy)]
enum Other {
    /// As many bytes.
    Changed,
    /// As many, and then more: who was told a length reads no further.
    Longer,
    /// Fewer.
    Shorter,
}

#[rstest]
#[tokio::test]
async fn an_object_overwritten_after_it_was_checked_never_arrives_as_if_it_were_whole(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    // A file on disk, and an object in S3.
    let site = Site::fresh(engine).await;
    let objects = FaultyObjects::over(Objects::open(&site.config().objects).unwrap().inner());
    let town = Town::over(site, |_| {}, Some(Objects::over(Arc::new(objects.clone())))).await;
    // Kept in memory, and too long for that. Of S3 the content is this test's alone: its objects have no prefix here.
    let unique = fresh_key();
    for (length, reads) in [(1 << 20, 1), (5 << 20, 2)] {
        let content: Vec<u8> = unique.bytes().cycle().take(length).collect();
        let paper = Paper::counter().document("plano", &content);
        let entry = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
        let (id, document) = (entry["id"].as_str().unwrap(), entry["documents"][0]["id"].as_str().unwrap());
        let path = format!("/entries/{id}/documents/{document}");
        let range = ("range", "bytes=1-");
        for headers in [&[][..], &[range]] {
            let first = usize::from(!headers.is_empty());
            for other in [Other::Changed, Other::Longer, Other::Shorter] {
                let bytes = vec![b'!'; content.len()];
                let bytes = match other {
                    Other::Changed => bytes,
                    Other::Longer => [bytes, vec![b'!'; 1 << 20]].concat(),
                    Other::Shorter => bytes[..content.len() / 2].to_vec(),
                };
                objects.swap_before_get(2, bytes.into());
                let answer = town.try_send(Method::GET, &path, Some("clerk"), headers, Vec::new()).await;
                let read = objects.calls().iter().filter(|call| **call == "get").count();
                assert_eq!(read, reads, "{length}");
                match answer {
                    Ok(answer) if reads == 1 => assert!(answer.body == content[first..], "{other:?} {headers:?}"),
                    // The range is not there any more.
                    Ok(answer) => assert!(answer.status >= 500, "{other:?} {headers:?}: {}", answer.status),
                    // The connection was cut.
                    Err(error) => assert!(reads == 2, "{error:?}"),
                }
                objects.recover();
                let stored = ventanilla::store::objects::document_path(ENTITY, &Sha256(openssl::sha::sha256(&content)));
                objects.put(&stored.into(), content.clone().into()).await.unwrap();
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_document_that_is_gone_is_a_fault_and_is_said(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (town, path) = with(engine, b"0123456789").await;
    let objects = town.app.registry.objects();
    let object = futures_util::StreamExt::next(&mut objects.list(ENTITY)).await.unwrap().unwrap();
    objects.inner().delete(&object.location).await.unwrap();
    let answer = town.get(&path, "clerk").await.is(500, "altered");
    assert!(answer.text().contains("missing"), "{}", answer.text());
}

#[rstest]
#[tokio::test]
async fn one_document_sent_twice_is_stored_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (town, _) = with(engine, b"0123456789").await;
    let paper = Paper::counter().document("otra", b"0123456789").document("y-otra", b"0123456789");
    town.register(&paper.form(), &fresh_key()).await.is(201, "");
    let stored = futures_util::StreamExt::count(town.app.registry.objects().list(ENTITY)).await;
    assert_eq!(stored, 1);
}
