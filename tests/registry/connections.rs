//! Connections that cost their client nothing: each phase has its time, and each address its share of places.

use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::door::Door;
use crate::harness::frames::{self, Frames, connect, is_closed};
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::raw::Raw;
use crate::harness::site::{Engine, test_certificate, test_key};
use crate::harness::tls::with_tls_and;
use crate::harness::town::Town;

/// Within so long a connection whose time is over must be closed.
const SOON: Duration = Duration::from_secs(15);

async fn server(tls: bool, change: impl FnOnce(&mut ventanilla::config::Limits)) -> Town {
    let change = |config: &mut ventanilla::config::Config| change(&mut config.limits);
    if tls { with_tls_and(Engine::Sqlite, change).await } else { Town::with(Engine::Sqlite, change).await }
}

#[rstest]
#[tokio::test]
async fn who_says_nothing_is_sent_away_whatever_the_protocol(
    #[values(false, true)] tls: bool,
    #[values("", "http/1.1", "h2")] protocol: &str,
) {
    let server = server(tls, |limits| limits.header_seconds = 1).await;
    let mut silent = match (tls, protocol) {
        // Not even the handshake.
        (true, "") => connect(&server.url().replace("https", "http"), "").await,
        (_, protocol) => connect(server.url(), if protocol.is_empty() { "http/1.1" } else { protocol }).await,
    };
    assert!(is_closed(&mut silent, SOON).await);
    let mut half = connect(&server.url().replace("https", "http"), "").await;
    half.write_all(b"PRI * HT").await.unwrap();
    assert!(is_closed(&mut half, SOON).await, "half a preface is no request");
}

#[rstest]
#[tokio::test]
async fn http2_that_only_answers_pings_is_idle(#[values(false, true)] tls: bool, #[values(false, true)] served: bool) {
    let server = server(tls, |limits| (limits.header_seconds, limits.idle_seconds) = (1, 1)).await;
    let mut client = Frames::to(server.url()).await;
    if served {
        let header = Frames::header("GET", "/healthz", "clerk");
        assert!(client.send(frames::HEADERS, frames::END_HEADERS | frames::END_STREAM, 1, &header).await);
    }
    let came = client.only_ping(SOON).await.expect("the connection is closed");
    assert_eq!(came > 0, served);
}

#[tokio::test]
async fn a_header_that_never_ends_is_no_request() {
    let server = server(false, |limits| limits.header_seconds = 1).await;
    let mut client = Frames::to(server.url()).await;
    let header = Frames::header("GET", "/healthz", "clerk");
    assert!(client.send(frames::HEADERS, frames::END_STREAM, 1, &header).await);
    assert_eq!(client.only_ping(SOON).await, Some(0));
    let mut client = Raw::to(server.url()).await;
    let dripping = async {
        for byte in b"GET /healthz HTTP/1.1\r\nHost: registry.example\r\nX-Slow: ".iter().chain(&[b'x'; 1000]) {
            if !client.say(&[*byte]).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the header is waited for");
    };
    tokio::time::timeout(SOON, dripping).await.unwrap();
}

#[tokio::test]
async fn a_connection_between_two_requests_is_closed_after_a_while_and_not_before() {
    let server = server(false, |limits| (limits.header_seconds, limits.idle_seconds) = (60, 2)).await;
    let mut client = TcpStream::connect(server.url().split_once("://").unwrap().1).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: registry.example\r\n\r\n";
    for _ in 0..2 {
        client.write_all(request).await.unwrap();
        let mut answer = [0; 1024];
        let read = client.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200 "));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(is_closed(&mut client, SOON).await);
}

#[tokio::test]
async fn a_connection_that_never_rests_ends_at_its_age() {
    let server = server(false, |limits| limits.connection_seconds = 1).await;
    let mut client = TcpStream::connect(server.url().split_once("://").unwrap().1).await.unwrap();
    for _ in 0..150 {
        if client.write_all(b"GET /healthz HTTP/1.1\r\nHost: registry.example\r\n\r\n").await.is_err() {
            return;
        }
        if matches!(client.read(&mut [0; 1024]).await, Ok(0) | Err(_)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it is still served");
}

/// A document of 40 MB, and the path to it.
async fn large_document(server: &Town) -> (String, usize) {
    let content = vec![b'x'; 40 << 20];
    let form = Paper::counter().document("largo", &content).form();
    let entry = server.register(&form, &fresh_key()).await.registered()["entry"].clone();
    let (id, document) = (entry["id"].as_str().unwrap(), entry["documents"][0]["id"].as_str().unwrap());
    (format!("/api/v1/entries/{id}/documents/{document}"), content.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_the_answer_is_cut_off() {
    let server = server(false, |limits| limits.stall_seconds = 1).await;
    let (path, size) = large_document(&server).await;
    let mut client = TcpStream::connect(server.url().split_once("://").unwrap().1).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: registry.example\r\nAuthorization: Bearer test-clerk\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut came = Vec::new();
    let _ = tokio::time::timeout(SOON, client.read_to_end(&mut came)).await.expect("the connection is closed");
    assert!(!came.is_empty() && came.len() < size, "{}", came.len());
    // Over HTTP/2 it is the window that is never opened; PINGs are no reading.
    let mut client = Frames::to(server.url()).await;
    let header = Frames::header("GET", &path, "clerk");
    assert!(client.send(frames::HEADERS, frames::END_HEADERS | frames::END_STREAM, 1, &header).await);
    let came = client.only_ping(SOON).await.expect("the connection is closed");
    assert!(came > 0 && came < size, "{came}");
    // Who reads, slowly, gets all of it.
    let mut client = TcpStream::connect(server.url().split_once("://").unwrap().1).await.unwrap();
    client.write_all(request.replace("Host:", "Connection: close\r\nHost:").as_bytes()).await.unwrap();
    let mut came = 0;
    let mut buffer = vec![0; 4 << 20];
    loop {
        match client.read(&mut buffer).await.unwrap() {
            0 => break,
            read => came += read,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(came > size, "{came}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn as_many_silent_connections_as_there_are_places_keep_nobody_out(#[values(false, true)] tls: bool) {
    let server = server(tls, |limits| {
        (limits.connections, limits.connections_per_address) = (20, 0);
        (limits.header_seconds, limits.idle_seconds) = (600, 600);
    })
    .await;
    let mut silent = Vec::new();
    for turn in 0..30 {
        // Some before the handshake, some after it, some over HTTP/2.
        let url = server.url();
        silent.push(match turn % 3 {
            0 => connect(&url.replace("https", "http"), "").await,
            1 => connect(url, "http/1.1").await,
            _ => connect(url, "h2").await,
        });
    }
    for _ in 0..10 {
        let answer = tokio::time::timeout(SOON, Door::at(server.url()).get("/healthz", "clerk")).await;
        answer.expect("an answer").is(200, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_being_served_keeps_its_place_among_the_silent() {
    let server = server(false, |limits| (limits.connections, limits.header_seconds) = (20, 600)).await;
    let form = Paper::counter().document("plano", &vec![b'x'; 1 << 20]).form();
    let body = form.bytes();
    let asking_first = format!("{}\r\nExpect: 100-continue", form.content_type());
    let mut sending = Raw::begin(server.url(), "/entries", "clerk", &asking_first, body.len()).await;
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    sending.0.read_exact(&mut go_on).await.unwrap();
    assert!(sending.say(&body[..1 << 19]).await);
    let mut silent = Vec::new();
    for _ in 0..60 {
        silent.push(Raw::to(server.url()).await.0);
    }
    assert_eq!(left(&mut silent, 19).await, 19);
    assert!(sending.say(&body[1 << 19..]).await);
    let heard = sending.hear().await;
    assert!(heard.starts_with("HTTP/1.1 201 "), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_a_share_of_the_places() {
    let server = server(false, |limits| {
        (limits.connections, limits.connections_per_address, limits.header_seconds) = (100, 4, 600);
    })
    .await;
    let mut other = from(&server, "127.0.0.3").await;
    let mut crowd = Vec::new();
    for _ in 0..20 {
        crowd.push(from(&server, "127.0.0.2").await);
    }
    assert_eq!(left(&mut crowd, 4).await, 4);
    assert!(!is_closed(&mut other, Duration::from_millis(300)).await);
}

#[tokio::test]
async fn a_body_has_a_time_in_all_however_steadily_it_comes() {
    let server = server(false, |limits| {
        (limits.body_seconds, limits.body_bytes_per_second) = (2, 1);
    })
    .await;
    let form = Paper::counter().document("largo", &vec![b'x'; 1 << 20]).form();
    let body = form.bytes();
    let raw = Raw::begin(server.url(), "/entries", "clerk", &form.content_type(), body.len()).await;
    let (mut from, mut to) = raw.0.into_split();
    let drip = tokio::spawn(async move {
        for drop in body.chunks(2000) {
            if to.write_all(drop).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(Duration::from_mins(1), from.read_to_end(&mut heard)).await.unwrap();
    drip.abort();
    let heard = String::from_utf8_lossy(&heard);
    assert_eq!(crate::harness::raw::said(&heard), (408, "too-slow".to_owned()), "{heard}");
}

/// How many of these are open, once no more than so many are.
async fn left(crowd: &mut [TcpStream], expected: usize) -> usize {
    let begun = std::time::Instant::now();
    loop {
        let closed = crowd.iter_mut().map(|connection| is_closed(connection, Duration::from_millis(300)));
        let open = futures_util::future::join_all(closed).await.into_iter().filter(|closed| !closed).count();
        if open <= expected || begun.elapsed() > SOON {
            return open;
        }
    }
}

/// A connection to this server from this address of the loopback network.
async fn from(server: &Town, local: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{local}:0").parse().unwrap()).unwrap();
    socket.connect(server.url().split_once("://").unwrap().1.parse().unwrap()).await.unwrap()
}

/// A request over HTTP/2 for a long answer that anybody may ask for, of which no more than the first window is taken.
async fn leave_unread(stream: TcpStream) -> Frames {
    let mut client = Frames::on(Box::new(stream)).await;
    let header = Frames::header("GET", "/api/docs/swagger-ui-bundle.js", "clerk");
    assert!(client.send(frames::HEADERS, frames::END_HEADERS | frames::END_STREAM, 1, &header).await);
    while let Some((kind, ..)) = client.next().await {
        if kind == frames::DATA {
            break;
        }
    }
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_networks_that_leave_answers_unread_keep_no_other_network_out() {
    let server = server(false, |limits| {
        limits.connections = 24;
        (limits.header_seconds, limits.idle_seconds, limits.stall_seconds) = (600, 600, 600);
    })
    .await;
    let mut crowd = Vec::new();
    for number in 0..24 {
        crowd.push(leave_unread(from(&server, &format!("127.0.{}.{}", 10 + number % 3, 1 + number)).await).await);
    }
    let mut citizens = Vec::new();
    for number in 0..6 {
        let mut citizen = from(&server, &format!("127.0.{}.1", 20 + number)).await;
        citizen.write_all(b"GET /healthz HTTP/1.1\r\nHost: registry.example\r\n\r\n").await.unwrap();
        let mut answer = [0; 1024];
        let read = tokio::time::timeout(SOON, citizen.read(&mut answer)).await.expect("an answer").unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200 "));
        drop(citizen);
        citizens.push(leave_unread(from(&server, &format!("127.0.{}.1", 20 + number)).await).await);
    }
    // Who has most gets nothing back from who has few.
    for number in 0..24 {
        let _sent_away = from(&server, &format!("127.0.10.{}", 100 + number)).await;
    }
    for citizen in &mut citizens {
        assert!(citizen.send(frames::PING, 0, 0, b"8 bytes.").await);
        let answered = async {
            while let Some((kind, flags, _)) = citizen.next().await {
                if (kind, flags) == (frames::PING, frames::ACK) {
                    return true;
                }
            }
            false
        };
        assert!(tokio::time::timeout(SOON, answered).await.unwrap(), "it keeps its place");
    }
}

#[rstest]
#[case::ephemeral_by_curve("ECDHE-RSA-AES128-GCM-SHA256", true)]
#[case::ephemeral_by_field("DHE-RSA-AES128-GCM-SHA256", false)]
#[case::with_a_code_of_authentication("ECDHE-RSA-AES128-SHA256", false)]
#[case::for_the_servers_key("AES128-GCM-SHA256", false)]
#[tokio::test]
async fn by_tls_1_2_the_suites_are_those_that_are_authenticated_and_cost_both(
    #[case] suites: &str,
    #[case] good: bool,
) {
    // A key of RSA, with which each of these could be.
    let server = with_tls_and(Engine::Sqlite, |config| {
        (config.tls.certificate, config.tls.key) = (test_certificate("company-server"), test_key("company-server"));
    })
    .await;
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    connector.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    connector.set_cipher_list(suites).unwrap();
    let ssl = connector.build().configure().unwrap().verify_hostname(false).into_ssl("localhost").unwrap();
    let stream = TcpStream::connect(server.url().split_once("://").unwrap().1).await.unwrap();
    let mut stream = tokio_openssl::SslStream::new(ssl, stream).unwrap();
    let shaken = std::pin::Pin::new(&mut stream).connect().await;
    assert_eq!(shaken.is_ok(), good, "{shaken:?}");
    if let Err(error) = shaken {
        // handshake_failure
        assert_eq!(error.ssl_error().unwrap().errors()[0].reason_code(), 1040, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_have_a_share_of_the_places_together() {
    let server = server(false, |limits| {
        (limits.connections, limits.connections_per_network, limits.header_seconds) = (100, 4, 600);
    })
    .await;
    let mut other = from(&server, "127.0.3.1").await;
    let mut crowd = Vec::new();
    for number in 0..20 {
        crowd.push(from(&server, &format!("127.0.2.{}", 1 + number)).await);
    }
    assert_eq!(left(&mut crowd, 4).await, 4);
    assert!(!is_closed(&mut other, Duration::from_millis(300)).await);
}
