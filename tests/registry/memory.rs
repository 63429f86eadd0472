//! What a request that never ends takes of the server's memory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use ventanilla::config::Limits;
use ventanilla::http::listen;

use crate::harness::door::Door;
use crate::harness::frames::{ACK, END_HEADERS, END_STREAM, Frames, HEADERS, PING, SETTINGS};
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::program::Program;
use crate::harness::raw::Raw;
use crate::harness::site::{Engine, Site};

/// Documents of the request, each but the last with a detached signature.
const DOCUMENTS: usize = 100;
/// Bytes of each of these.
const SIGNATURE: usize = 2_600_000;
/// The server may grow by so many.
const MOST: u64 = 96 << 20;

/// Bytes of memory that a process has now, and had at most.
fn memory(process: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Files in a folder and all below it.
fn files(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_detached_signatures_of_an_unfinished_request_are_not_held() {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    let program = Program::start(&site);
    let mut paper = Paper::submission();
    for number in 0..DOCUMENTS {
        let content = format!("%PDF-1.7 {number}");
        paper = paper.document(&format!("d{number}"), content.as_bytes());
        if number + 1 < DOCUMENTS {
            paper.json["documents"][number]["signature"] = json!({"part": format!("s{number}")});
        }
    }
    let mut form = paper.signed_by_ana();
    let last = form.parts.pop().unwrap();
    for number in 0..DOCUMENTS - 1 {
        let mut signature = vec![0x30; SIGNATURE];
        signature[..8].copy_from_slice(&number.to_be_bytes());
        form = form.part(&format!("s{number}"), &signature);
    }
    form.parts.push(last);
    let body = form.bytes();
    let (before, _) = memory(program.id());
    let url = program.door().url().to_owned();
    let mut raw = Raw::begin(&url, "/submissions", "eoffice", &form.content_type(), body.len()).await;
    // All of it but the last bytes of the last document.
    assert!(raw.say(&body[..body.len() - 60]).await);
    // Until all of it is in the store.
    let objects = site.path("objects");
    for _ in 0..600 {
        if files(&objects) >= 2 * (DOCUMENTS - 1) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(files(&objects), 2 * (DOCUMENTS - 1));
    let (after, most) = memory(program.id());
    eprintln!(
        "{} MB before, {} MB after {} MB came, {} MB at most",
        before >> 20,
        after >> 20,
        body.len() >> 20,
        most >> 20
    );
    assert!(most < before + MOST, "from {before} to {most} bytes");
}

/// Asks for this a hundred times as `who`, and reads the heads of the answers and none of their bodies.
async fn a_hundred_unread(url: &str, path: &str, who: &str) -> Frames {
    let mut frames = Frames::to(url).await;
    // No byte of a body may be sent.
    assert!(frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await);
    let header = Frames::header("GET", path, who);
    for number in 0..100 {
        assert!(frames.send(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &header).await);
    }
    let mut answered = 0;
    while answered < 100 {
        let (kind, _, _) = frames.next().await.expect("the connection stays");
        answered += usize::from(kind == HEADERS);
    }
    frames
}

#[rstest]
#[case::contract("/api/v1/openapi.json")]
#[case::page("/api/docs/swagger-ui-bundle.js")]
#[tokio::test(flavor = "multi_thread")]
async fn public_files_that_nobody_reads_are_held_once(#[case] path: &str) {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    let program = Program::start(&site);
    let url = program.door().url().to_owned();
    let one = a_hundred_unread(&url, path, "nobody").await;
    let (before, _) = memory(program.id());
    let more = futures_util::future::join_all((0..10).map(|_| a_hundred_unread(&url, path, "nobody"))).await;
    let (_, most) = memory(program.id());
    eprintln!("{} MB before, {} MB at most", before >> 20, most >> 20);
    assert!(most < before + (48 << 20), "from {before} to {most} bytes");
    drop((one, more));
}

/// Bytes that are counted while they are in memory: how many are, and how many were at most.
struct Large(Vec<u8>, Arc<[AtomicUsize; 2]>);

impl Large {
    fn of(counts: Arc<[AtomicUsize; 2]>, size: usize) -> Self {
        let now = counts[0].fetch_add(1, Ordering::SeqCst) + 1;
        counts[1].fetch_max(now, Ordering::SeqCst);
        Self(vec![b'x'; size], counts)
    }
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        self.1[0].fetch_sub(1, Ordering::SeqCst);
    }
}

/// Asks for so many large answers from this address, of which no byte may be sent.
async fn unread(server: SocketAddr, from: &str, count: u32) -> Frames {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let mut frames = Frames::on(Box::new(socket.connect(server).await.unwrap())).await;
    frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
    for number in 0..count {
        frames.send(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &Frames::header("GET", "/", "nobody")).await;
    }
    frames
}

/// A server that answers so, and holds 16 MiB for requests and answers.
async fn serving<T: 'static>(answer: impl axum::handler::Handler<T, ()>) -> (SocketAddr, CancellationToken) {
    let router = axum::Router::new().route("/", axum::routing::any(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (server, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let limits = Limits { unread_bytes: 16 << 20, ..Limits::default() };
    let until = stop.clone();
    tokio::spawn(async move { listen::serve(listener, None, router, &limits, until).await });
    (server, stop)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_for_a_body_are_bounded_and_others_are_heard() {
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let made = counts.clone();
    let answer = async move |body: axum::body::Body| {
        let _waits = Large::of(made.clone(), 0);
        axum::body::to_bytes(body, 100).await.map_or(0, |bytes| bytes.len()).to_string()
    };
    let (server, stop) = serving(answer).await;
    let mut crowd = Vec::new();
    for number in 0..15 {
        let mut frames = unread(server, &format!("127.2.0.{}", 1 + number), 0).await;
        for stream in 0..100 {
            let mut header = Frames::header("POST", "/", "nobody");
            // A field of 5,000 bytes: `x`, and a value whose length takes three bytes.
            header.extend([0, 1, b'x', 127, 0x89, 0x26]);
            header.extend([b'y'; 5_000]);
            frames.send(HEADERS, END_HEADERS, 2 * stream + 1, &header).await;
        }
        crowd.push(frames);
    }
    let bounded = async {
        while counts[0].load(Ordering::SeqCst) > 800 || counts[1].load(Ordering::SeqCst) < 600 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), bounded).await.expect("no more than 16 MiB of requests stay");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let heard = client.post(format!("http://{server}/")).body("12345").send().await.unwrap().text().await.unwrap();
    assert_eq!(heard, "5");
    drop(crowd);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_are_bounded_and_who_has_few_keeps_them() {
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let made = counts.clone();
    let answer = async move || axum::body::Bytes::from_owner(Large::of(made.clone(), 1 << 20));
    let (server, stop) = serving(answer).await;
    let mut citizen = unread(server, "127.1.0.1", 1).await;
    let crowd = (0..30).map(|number| async move { unread(server, &format!("127.2.0.{}", 1 + number % 9), 20).await });
    let crowd = futures_util::future::join_all(crowd).await;
    assert!(!crowd.is_empty());
    let read = Door::at(&format!("http://{server}")).get("/api/", "nobody").await;
    assert_eq!(read.status, 404, "it answers others meanwhile");
    let bounded = async {
        while counts[0].load(Ordering::SeqCst) > 16 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), bounded).await.expect("no more than 16 answers stay");
    let most = counts[1].load(Ordering::SeqCst);
    // Those that are made while others are being closed come on top.
    assert!((16..200).contains(&most), "{most} of 601 answers were in memory at once");
    assert!(citizen.send(PING, 0, 0, b"8 bytes.").await);
    while let Some((kind, flags, _)) = citizen.next().await {
        if (kind, flags) == (PING, ACK) {
            drop((crowd, citizen));
            return stop.cancel();
        }
    }
    panic!("who has few was sent away");
}

/// A program with these settings whose clerk has a document, and the document's address.
async fn with_document(site: &Site, settings: &[(&str, &str)], content: &[u8]) -> (Program, String) {
    let program = Program::start_with(site, settings, &[]);
    let form = Paper::counter().document("plano", content).form();
    let entry = program.door().register(&form, &fresh_key()).await.registered()["entry"].clone();
    let id = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let path = format!("/api/v1/entries/{}/documents/{}", id(&entry["id"]), id(&entry["documents"][0]["id"]));
    (program, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_nobody_reads_leave_files_to_open() {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    let settings = [("VENTANILLA_LIMITS__OPEN_DOCUMENTS_PER_CALLER", "20")];
    // Too long to be sent from memory.
    let (program, path) = with_document(&site, &settings, &vec![b'x'; 5 << 20]).await;
    let open = || std::fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap().count();
    let (url, before) = (program.door().url().to_owned(), open());
    let unread = futures_util::future::join_all((0..3).map(|_| a_hundred_unread(&url, &path, "clerk"))).await;
    let after = open();
    assert!((before + 20..before + 60).contains(&after), "{before} files were open, and {after} are");
    program.door().get(&path, "clerk").await.is(429, "too-many-requests");
    assert_eq!(program.door().get(&path, "auditor").await.is(200, "").body.len(), 5 << 20);
    drop(unread);
}

/// The soft and the hard limit of open files of a process.
fn open_files_limit(process: u32) -> (String, String) {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[rstest]
#[case::enough("400", false)]
#[case::too_few("100000", true)]
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_open_files_is_raised_and_said_where_it_is_too_low(
    #[case] connections: &str,
    #[case] is_too_low: bool,
) {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    let settings = [("VENTANILLA_LIMITS__CONNECTIONS", connections), ("VENTANILLA_LIMITS__OPEN_DOCUMENTS", "100")];
    let under = ["sh", "-c", "ulimit -Sn 300; ulimit -Hn 1500; exec \"$@\"", "sh"];
    let program = Program::start_with(&site, &settings, &under);
    assert_eq!(open_files_limit(program.id()), ("1500".to_owned(), "1500".to_owned()));
    program.door().get("/healthz", "nobody").await.is(200, "");
    let log = program.log();
    assert_eq!(log.contains("fewer open files than limits.connections"), is_too_low, "{log}");
}
