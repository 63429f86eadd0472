//! Bytes that are no request: they cost their sender less than the server, so a connection has only so many.

use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::frames::{self, DATA, Frames, HEADERS, PING, SETTINGS, connect};
use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::tls::{with_tls, with_tls_and};
use crate::harness::town::Town;

const PRIORITY: u8 = 2;
const RESET: u8 = 3;
const WINDOW_UPDATE: u8 = 8;
/// A kind that nobody knows.
const UNKNOWN: u8 = 99;
/// More than a connection takes.
const FLOOD: usize = 8 << 20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Sends these frames over and over, after these, and reads all that comes; how many bytes were sent until the server
/// closed, if it did.
async fn flood(url: &str, before: &[u8], frames: &[u8]) -> Option<usize> {
    let (mut from, mut to) = tokio::io::split(connect(url, "h2").await);
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while from.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    });
    to.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    to.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    to.write_all(before).await.unwrap();
    let many = frames.repeat(8192 / frames.len() + 1);
    let mut sent = 0;
    while sent < FLOOD {
        if to.write_all(&many).await.is_err() || to.flush().await.is_err() {
            reading.abort();
            return Some(sent);
        }
        sent += many.len();
    }
    // What was sent last may still be on its way.
    tokio::time::timeout(Duration::from_secs(5), reading).await.is_ok().then_some(sent)
}

#[rstest]
#[case::pings(PING, 0, b"8 bytes." as &[u8])]
#[case::settings(SETTINGS, 0, b"")]
#[case::settings_that_change(SETTINGS, 0, &[0, 4, 0, 0, 255, 255, 0, 4, 0, 1, 0, 0])]
#[case::priorities(PRIORITY, 1, &[0, 0, 0, 0, 5])]
#[case::windows(WINDOW_UPDATE, 0, &[0, 0, 0, 1])]
#[case::what_nobody_knows(UNKNOWN, 0, b"")]
#[tokio::test(flavor = "multi_thread")]
async fn frames_that_belong_to_no_request_have_an_end(
    #[case] kind: u8,
    #[case] stream: u32,
    #[case] payload: &[u8],
    #[values(false, true)] tls: bool,
) {
    let town = if tls { with_tls(Engine::Sqlite).await } else { Town::on(Engine::Sqlite).await };
    let sent = flood(town.url(), &[], &frame(kind, 0, stream, payload)).await;
    assert!(sent.is_some(), "the connection is still open");
    // Nobody else is any the worse for it.
    assert_eq!(town.next_number().await, 1);
}

#[rstest]
#[case::empty_data(DATA, 1, b"" as &[u8])]
#[case::pings(PING, 0, b"8 bytes.")]
#[case::windows(WINDOW_UPDATE, 1, &[0, 0, 0, 1])]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_is_no_excuse_for_them(
    #[case] kind: u8,
    #[case] stream: u32,
    #[case] payload: &[u8],
) {
    let town = Town::on(Engine::Sqlite).await;
    let mut header = Frames::header("POST", "/api/v1/entries", "clerk");
    for (name, value) in [("content-type", "multipart/form-data; boundary=x"), ("idempotency-key", "k")] {
        header.extend([0, u8::try_from(name.len()).unwrap()]);
        header.extend_from_slice(name.as_bytes());
        header.push(u8::try_from(value.len()).unwrap());
        header.extend_from_slice(value.as_bytes());
    }
    let before = frame(HEADERS, frames::END_HEADERS, 1, &header);
    assert!(
        flood(town.url(), &before, &frame(kind, 0, stream, payload)).await.is_some(),
        "the connection is still open"
    );
    assert_eq!(town.next_number().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_taken_back_at_once_have_an_end() {
    let town = Town::on(Engine::Sqlite).await;
    let header = Frames::header("GET", "/healthz", "clerk");
    let (mut from, mut to) = tokio::io::split(connect(town.url(), "h2").await);
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while from.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    });
    to.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    to.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let mut reset = 0;
    for stream in (1..200_000).step_by(2) {
        let mut both = frame(HEADERS, frames::END_HEADERS | frames::END_STREAM, stream, &header);
        both.extend(frame(RESET, 0, stream, &[0, 0, 0, 8]));
        if to.write_all(&both).await.is_err() {
            break;
        }
        reset += 1;
    }
    reading.abort();
    assert!(reset < 99_999, "all of them were taken");
    assert_eq!(town.next_number().await, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn answers_to_pings_earn_no_time(#[values(false, true)] tls: bool) {
    let change = |config: &mut ventanilla::config::Config| {
        (config.limits.header_seconds, config.limits.idle_seconds) = (1, 1);
    };
    let town = if tls { with_tls_and(Engine::Sqlite, change).await } else { Town::with(Engine::Sqlite, change).await };
    let (mut from, mut to) = tokio::io::split(connect(town.url(), "h2").await);
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while from.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    });
    to.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    to.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let began = Instant::now();
    // Their answers are more than the pace of 1,024 bytes a second.
    while began.elapsed() < Duration::from_secs(15) {
        let pings = frame(PING, 0, 0, b"8 bytes.").repeat(20);
        if to.write_all(&pings).await.is_err() || reading.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn long_bodies_and_many_refused_ones_are_no_flood() {
    let town = with_tls(Engine::Sqlite).await;
    let form = Form::new().part("submission", &vec![b'x'; 700_000]);
    let (content_type, body) = (form.content_type(), form.bytes());
    let headers = [("content-type", content_type.as_str()), ("idempotency-key", "k")];
    for _ in 0..30 {
        let answer = town.try_send(Method::POST, "/entries", None, &headers, body.clone()).await.unwrap();
        answer.is(401, "unauthenticated");
    }
    let paper = Paper::counter().document("largo", &vec![b'x'; 20 << 20]);
    assert_eq!(town.register(&paper.form(), &fresh_key()).await.number(), 1);
}
