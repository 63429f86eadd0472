//! The page of the documentation in a real browser, under the policy that it is sent with.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rstest::rstest;

use crate::harness::site::Engine;
use crate::harness::tls::with_tls;
use crate::harness::town::Town;

/// What Chromium made of a page: its elements when it had settled, and what stands in the console.
pub struct Seen {
    pub elements: String,
    console: Vec<String>,
}

/// Opens a page in Chromium, which `tests/services packages` installs.
pub fn open(profile: &Path, url: &str) -> Seen {
    let done = Command::new("timeout")
        .args(["120", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--ignore-certificate-errors", "--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "Chromium does not open {url}: {}: {said}", done.status);
    let console = said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    Seen { elements: String::from_utf8_lossy(&done.stdout).into_owned(), console }
}

#[rstest]
#[case::plain(false)]
#[case::over_tls(true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_every_operation_and_the_policy_stops_nothing(#[case] tls: bool) {
    let town = if tls { with_tls(Engine::Sqlite).await } else { Town::on(Engine::Sqlite).await };
    let operations = town.get("/api/v1/openapi.json", "nobody").await.json()["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum::<usize>();
    let profile = town.site.path("browser");
    // With an operation opened: what is shown of it has styles, examples and buttons of its own.
    let url = format!("{}/api/docs/#/submitting/submit", town.url());
    let seen = tokio::task::spawn_blocking(move || open(&profile, &url)).await.unwrap();
    assert_eq!(seen.console, Vec::<String>::new());
    let count = |word: &str| seen.elements.matches(word).count();
    assert_eq!(count("class=\"opblock "), operations, "{}", seen.elements);
    assert!(count("is-open") > 0 && count("Idempotency-Key") > 0, "the operation is not opened: {}", seen.elements);
}

/// A page under the documentation's policy with a script in it, which the policy forbids.
fn serve_forbidden(listener: &TcpListener, policy: &str) {
    let page = "<!doctype html><script>document.title = 'ran'</script><p>there</p>";
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Security-Policy: {policy}\r\n");
        let _ = write!(stream, "{head}Connection: close\r\nContent-Length: {}\r\n\r\n{page}", page.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_forbids_is_stopped_and_stands_in_the_console() {
    let town = Town::on(Engine::Sqlite).await;
    let policy = town.get("/api/docs/", "nobody").await.header("content-security-policy").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || serve_forbidden(&listener, &policy));
    let profile = town.site.path("browser");
    let seen = tokio::task::spawn_blocking(move || open(&profile, &url)).await.unwrap();
    assert!(seen.elements.contains("there") && !seen.elements.contains("<title>ran"), "{}", seen.elements);
    assert!(seen.console.iter().any(|line| line.contains("Content Security Policy")), "{:?}", seen.console);
}
