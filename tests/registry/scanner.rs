//! The scanner for harmful code: it sees each document after the commit, and numbering never waits for it.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::clamd::{Answers, Clamd, FINDING, HARMFUL};
use crate::harness::door::Door;
use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::{Engine, Site, execute};
use crate::harness::town::Town;

const WAITING: &str = "SELECT count(*) FROM outbox WHERE kind = 'scan'";

async fn scanned_by(engine: Engine, address: &str) -> Town {
    Town::with(engine, |config| {
        config.documents.scanner = address.into();
        config.documents.scanner_seconds = 1;
        config.documents.scanner_bytes = 300_000;
        config.admin_listen = "127.0.0.1:0".into();
    })
    .await
}

fn harmful() -> Vec<u8> {
    // More than one piece of the protocol.
    [b"%PDF-1.7 ", HARMFUL, &vec![b'.'; 200_000]].concat()
}

/// Registers a clean and a harmful document; the entry's path.
async fn register(town: &Town) -> String {
    let paper = Paper::counter().document("limpio", b"%PDF-1.7 clean").document("malo", &harmful());
    let entry = town.register(&paper.form(), &fresh_key()).await.registered();
    format!("/entries/{}", entry["entry"]["id"].as_str().unwrap())
}

async fn entry(town: &Town, path: &str) -> Value {
    town.get(path, "clerk").await.is(200, "").json()["entry"].clone()
}

async fn metric(town: &Town, name: &str) -> i64 {
    let text = Door::at(town.admin.as_ref().unwrap()).get("/metrics", "nobody").await.is(200, "").text();
    let line = text.lines().find(|line| line.split(' ').next() == Some(name)).expect(name).to_owned();
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

async fn readiness(town: &Town) -> String {
    let ready = town.get("/readyz", "nobody").await.is(200, "").json();
    assert_eq!(ready["ready"], true);
    ready["parts"]["scanner"].as_str().unwrap().to_owned()
}

/// Lets what waits be tried at once, until nothing does.
async fn try_again(town: &Town) {
    execute(town.app.store(), "UPDATE outbox SET next_attempt_at = 0 WHERE kind = 'scan'").await;
    town.until(WAITING, |waiting| waiting == 0).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_it_finds_is_in_quarantine_also_among_documents_that_came_later(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let clamd = Clamd::start(Answers::Well).await;
    let town = scanned_by(engine, &clamd.address).await;
    let path = register(&town).await;
    town.until(WAITING, |waiting| waiting == 0).await;
    assert_eq!(clamd.heard(), [b"%PDF-1.7 clean".to_vec(), harmful()], "each whole, and once");
    let found = entry(&town, &path).await;
    assert_eq!(found["documents"][0]["quarantine"], Value::Null);
    let quarantine = &found["documents"][1]["quarantine"];
    assert_eq!((&quarantine["finding"], &quarantine["found_by"]), (&json!(FINDING), &json!("clamd")));
    let bad = found["documents"][1]["id"].as_str().unwrap();
    town.get(&format!("{path}/documents/{bad}"), "clerk").await.is(403, "quarantined");
    let events = town.get(&format!("{path}/events"), "auditor").await.is(200, "").json()["items"].clone();
    assert_eq!((&events[1]["type"], &events[1]["by"]), (&json!("document_quarantined"), &json!("ventanilla")));

    // Released by people, it is not found again; what comes later is.
    let release = format!("{path}/documents/{bad}/release");
    town.post(&release, "admin", &json!({"reason": "Falso positivo"})).await.is(200, "");
    let paper = Paper::counter().document("anexo", &[b"more ", HARMFUL].concat());
    let said = json!({"documents": paper.json["documents"]}).to_string();
    let form = paper.documents_after(Form::new().part("submission", said.as_bytes()));
    town.try_post(&format!("{path}/documents"), "clerk", &form, &fresh_key()).await.unwrap().is(201, "");
    town.until(WAITING, |waiting| waiting == 0).await;
    let later = entry(&town, &path).await;
    assert!(later["documents"][1]["quarantine"]["released_at"].is_string(), "{later}");
    assert_eq!(later["documents"][2]["quarantine"]["finding"], FINDING);
    assert_eq!(readiness(&town).await, "ok");
    assert_eq!(metric(&town, "ventanilla_scan_found_total").await, 2);
    assert_eq!(
        (metric(&town, "ventanilla_scan_waiting").await, metric(&town, "ventanilla_scan_failed_total").await),
        (0, 0)
    );
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[case::slow(Answers::Never)]
#[case::garbage(Answers::Garbage)]
#[case::refuses(Answers::SizeLimit)]
#[case::leaves(Answers::Leaves)]
#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_delays_the_scan_and_never_the_entry(#[case] answers: Answers) {
    let clamd = Clamd::start(answers).await;
    let town = scanned_by(Engine::Sqlite, &clamd.address).await;
    let path = register(&town).await;
    let failed = async {
        while metric(&town, "ventanilla_scan_failed_total").await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), failed).await.unwrap();
    assert_eq!((town.next_number().await, metric(&town, "ventanilla_scan_waiting").await), (2, 1));
    let unscanned = entry(&town, &path).await;
    assert_eq!(unscanned["documents"][1]["quarantine"], Value::Null);
    clamd.answer(Answers::Well);
    try_again(&town).await;
    assert_eq!(entry(&town, &path).await["documents"][1]["quarantine"]["finding"], FINDING);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_down_is_told_and_what_came_meanwhile_is_scanned_when_it_is_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let town = scanned_by(engine, &format!("tcp://{place}")).await;
    let path = register(&town).await;
    let said = readiness(&town).await;
    assert!(said.contains("cannot be reached") && said.contains("1 entries wait"), "{said}");
    let bad = entry(&town, &path).await["documents"][1]["id"].as_str().unwrap().to_owned();
    town.get(&format!("{path}/documents/{bad}"), "clerk").await.is(200, "");
    // The next server takes it up.
    let site = town.stop().await;
    let _clamd = Clamd::start_at(&place, Answers::Well).await;
    let change = |config: &mut ventanilla::config::Config| config.documents.scanner = format!("tcp://{place}");
    let town = Town::open(site, ventanilla::clock::Clock::system(), change, None).await;
    try_again(&town).await;
    town.get(&format!("{path}/documents/{bad}"), "clerk").await.is(403, "quarantined");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_for_it_is_counted_and_what_has_no_documents_waits_for_nothing() {
    let clamd = Clamd::start(Answers::Well).await;
    let town = scanned_by(Engine::Sqlite, &clamd.address).await;
    town.next_number().await;
    assert_eq!(town.count(WAITING).await, 0);
    let paper = Paper::counter().document("grande", &[harmful(), vec![b'.'; 200_000]].concat());
    town.register(&paper.form(), &fresh_key()).await.registered();
    town.until(WAITING, |waiting| waiting == 0).await;
    assert_eq!((clamd.heard().len(), metric(&town, "ventanilla_scan_too_large_total").await), (0, 1));
}

#[tokio::test]
async fn without_one_nothing_waits_and_readiness_says_so() {
    let town = Town::on(Engine::Sqlite).await;
    register(&town).await;
    assert_eq!(town.count(WAITING).await, 0);
    assert!(readiness(&town).await.starts_with("ok: documents are not scanned"));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_at_the_start() {
    let site = Site::fresh(Engine::Sqlite).await;
    let mut config = site.config();
    config.documents.scanner = "clamd.ctl".into();
    let refused = ventanilla::app::App::open(config, ventanilla::clock::Clock::system()).await.unwrap_err().to_string();
    assert!(refused.contains("documents.scanner") && refused.contains("unix:/"), "{refused}");
}
