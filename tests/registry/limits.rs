//! What one client may cost the others, and TLS as it really happens.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::harness::door::Door;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::program::Program;
use crate::harness::raw::{Raw, said};
use crate::harness::site::{Engine, Site, test_certificate, test_key};
use crate::harness::tls::{citizen_door, tls_settings, with_tls, with_tls_and};
use crate::harness::town::Town;

#[rstest]
#[case::before_the_tls_handshake(true)]
#[case::before_the_request(false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_silent_connections_delay_nobody(#[case] tls: bool) {
    let town = if tls { with_tls(Engine::Sqlite).await } else { Town::on(Engine::Sqlite).await };
    town.next_number().await;
    let mut silent = Vec::new();
    for _ in 0..1000 {
        silent.push(Raw::to(town.url()).await);
    }
    let started = Instant::now();
    for _ in 0..10 {
        // Each by a connection of its own, so that each passes the door.
        let door = Door::at(town.url());
        door.register(&Paper::counter().form(), &fresh_key()).await.is(201, "");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn who_says_nothing_or_half_a_header_is_sent_away() {
    let town = Town::with(Engine::Sqlite, |config| config.limits.header_seconds = 1).await;
    let mut half = Raw::to(town.url()).await;
    assert!(half.say(b"GET /healthz HTTP/1.1\r\nHost: to").await);
    let started = Instant::now();
    let _ = half.hear().await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let town = with_tls_and(Engine::Sqlite, |config| config.limits.header_seconds = 1).await;
    let mut silent = Raw::to(town.url()).await;
    let started = Instant::now();
    assert_eq!(silent.hear().await, "");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_too_slowly_is_refused_and_numbers_nothing() {
    let town = Town::with(Engine::Sqlite, |config| {
        config.limits.body_bytes_per_second = 1000;
        config.limits.stall_seconds = 3;
    })
    .await;
    let form = Paper::counter().document("largo", &vec![b'x'; 1 << 20]).form();
    let body = form.bytes();
    let begin = async || Raw::begin(town.url(), "/entries", "clerk", &form.content_type(), body.len()).await;
    let silent = async {
        let mut raw = begin().await;
        assert!(raw.say(&body[..1000]).await);
        raw.hear().await
    };
    let dripping = async {
        let raw = begin().await;
        let (mut from, mut to) = raw.0.into_split();
        let drops = body.clone();
        let drip = tokio::spawn(async move {
            for drop in drops.chunks(10) {
                if tokio::io::AsyncWriteExt::write_all(&mut to, drop).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        let mut heard = Vec::new();
        let reading = tokio::io::AsyncReadExt::read_to_end(&mut from, &mut heard);
        let _ = tokio::time::timeout(Duration::from_secs(90), reading).await.unwrap();
        drip.abort();
        String::from_utf8_lossy(&heard).into_owned()
    };
    let started = Instant::now();
    let (silent, dripping) = tokio::join!(silent, dripping);
    assert_eq!(said(&silent), (408, "too-slow".to_owned()), "{silent}");
    assert_eq!(said(&dripping), (408, "too-slow".to_owned()), "{dripping}");
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
    assert_eq!(town.next_number().await, 1);
}

#[tokio::test]
async fn a_citizen_is_known_by_certificate_and_signs_with_it_only_where_a_rule_says_so() {
    let town = with_tls(Engine::Sqlite).await;
    let ana = citizen_door(&town, "citizen");
    let form = Paper::submission().form();
    ana.try_send(reqwest::Method::GET, "/books", None, &[], Vec::new()).await.unwrap().is(200, "");
    let send = async |door: &Door, form: &crate::harness::paper::Form| {
        let (key, content_type) = (fresh_key(), form.content_type());
        let headers = [("content-type", content_type.as_str()), ("idempotency-key", key.as_str())];
        door.try_send(reqwest::Method::POST, "/submissions", None, &headers, form.bytes()).await.unwrap()
    };
    send(&ana, &form).await.is(422, "signature-required");
    let signed = send(&ana, &Paper::submission().signed_by_ana()).await.registered()["entry"].clone();
    assert_eq!(
        (&signed["authentication_method"], &signed["registered_by"]),
        (&"signature".into(), &"nif:00000000T".into())
    );

    let ruled = |config: &mut ventanilla::config::Config| {
        config.signature.identification_rule = "Ordenanza 3/2024, art. 12".into();
    };
    let town = with_tls_and(Engine::Sqlite, ruled).await;
    let (ana, luis) = (citizen_door(&town, "citizen"), citizen_door(&town, "citizen2"));
    let entry = send(&ana, &form).await.registered()["entry"].clone();
    assert_eq!(entry["authentication_method"], "client_certificate");
    send(&luis, &Paper::submission().form()).await.is(422, "signature-invalid");
    let path = format!("/entries/{}", entry["id"].as_str().unwrap());
    let read = async |door: &Door| door.try_send(reqwest::Method::GET, &path, None, &[], Vec::new()).await.unwrap();
    read(&ana).await.is(200, "");
    read(&luis).await.is(404, "not-found");
}

#[rstest]
#[case::that_expired("expired")]
#[case::of_an_authority_that_is_not_asked_for("untrusted/citizen")]
#[case::of_an_impostor_of_the_authority("untrusted/impostor")]
#[case::minted_by_a_citizen("untrusted/minted")]
#[tokio::test]
async fn a_client_certificate_is_refused_in_the_handshake(#[case] name: &str) {
    let town = with_tls(Engine::Sqlite).await;
    let door = citizen_door(&town, name);
    let answer = door.try_send(reqwest::Method::GET, "/books", None, &[], Vec::new()).await;
    assert!(answer.is_err(), "{:?}", answer.map(|answer| answer.status));
    // Nobody else is any the worse for it.
    town.get("/books", "clerk").await.is(200, "");
}

/// One request by the `openssl` program with Ana's certificate, by a session that is kept in a file: all that it prints.
fn by_openssl(url: &str, options: &[&str]) -> String {
    let mut child = Command::new("openssl")
        .args(["s_client", "-ign_eof", "-servername", "localhost", "-connect", url.split_once("://").unwrap().1])
        .arg("-cert")
        .arg(test_certificate("citizen"))
        .arg("-key")
        .arg(test_key("citizen"))
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let request = b"GET /api/v1/books HTTP/1.1\r\nHost: town\r\nConnection: close\r\n\r\n";
    child.stdin.take().unwrap().write_all(request).unwrap();
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
}

#[rstest]
#[case::in_tls_1_2("-tls1_2")]
#[case::in_tls_1_3("-tls1_3")]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_a_client_certificate_is_resumed_and_the_citizen_is_still_known(#[case] version: &str) {
    let town = with_tls(Engine::Sqlite).await;
    let session = town.site.path("session.pem").display().to_string();
    let first = by_openssl(town.url(), &[version, "-sess_out", &session]);
    assert!(first.contains("\nNew, TLSv1.") && first.contains("HTTP/1.1 200 OK"), "{first}");
    let second = by_openssl(town.url(), &[version, "-sess_in", &session]);
    assert!(second.contains("\nReused, TLSv1.") && second.contains("HTTP/1.1 200 OK"), "{second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_read_again_on_sighup() {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    let settings = tls_settings(&site)
        .map(|(key, path)| (format!("VENTANILLA_TLS__{}", key.to_uppercase()), path.display().to_string()));
    let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let program = Program::start_with(&site, &settings, &[]);
    let url = program.door().url().to_owned();
    let shown = |url: &str| {
        let printed = by_openssl(url, &[]);
        let pem = printed.split_once("-----BEGIN CERTIFICATE-----").unwrap().1;
        pem.split_once("-----END CERTIFICATE-----").unwrap().0.to_owned()
    };
    let before = shown(&url);
    // Half of a new pair is no pair: the old one stays, and says so.
    std::fs::copy(test_certificate("citizen-prime256v1"), site.path("tls.pem")).unwrap();
    program.signal("HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(shown(&url), before);
    assert!(program.log().contains("the certificate was not reloaded"), "{}", program.log());
    std::fs::copy(test_key("citizen-prime256v1"), site.path("tls.key")).unwrap();
    program.signal("HUP");
    for _ in 0..50 {
        if shown(&url) != before {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the new certificate is not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_what_is_under_way_end() {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    let mut program = Program::start(&site);
    let door = program.door();
    let form = Paper::counter().document("largo", &vec![b'x'; 1 << 20]).form();
    let body = form.bytes();
    let mut raw = Raw::begin(door.url(), "/entries", "clerk", &form.content_type(), body.len()).await;
    assert!(raw.say(&body[..1 << 19]).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    program.signal("TERM");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(tokio::net::TcpStream::connect(door.url().split_once("://").unwrap().1).await.is_err());
    assert!(raw.say(&body[1 << 19..]).await);
    let heard = raw.hear().await;
    assert!(heard.starts_with("HTTP/1.1 201 "), "{heard}");
    assert_eq!(program.ended(), Some(0));
}
