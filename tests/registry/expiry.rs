//! What ends by itself is told in time, and what was renewed is used without a restart.

use std::process::Command;
use std::time::Duration;

use rstest::rstest;
use serde_json::Value;
use ventanilla::config::Config;
use ventanilla::domain::Micros;

use crate::harness::door::Door;
use crate::harness::minted::{Minted, intermediate, municipality};
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::program::Program;
use crate::harness::site::{Engine, Site, test_certificate, test_key};
use crate::harness::town::Town;

/// The second at which a certificate ends that a test mints: 2049-03-22.
const MINTED_UNTIL: i64 = 2_500_000_000;

async fn parts(door: &Door, status: u16) -> Value {
    door.get("/readyz", "nobody").await.is(status, "").json()["parts"].clone()
}

fn said<'v>(parts: &'v Value, part: &str) -> &'v str {
    parts[part].as_str().unwrap()
}

/// A site whose seal is in files of its own.
async fn with_own_seal(engine: Engine, seal: &Minted) -> (Site, impl Fn(&mut Config) + use<>) {
    let site = Site::fresh(engine).await;
    let (certificate, key) = (site.path("own.pem"), site.path("own.key"));
    std::fs::write(&certificate, seal.pem()).unwrap();
    std::fs::write(&key, seal.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    (site, move |config: &mut Config| {
        config.seal.certificate.clone_from(&certificate);
        config.seal.key.clone_from(&key);
        config.clock.ahead_seconds = u32::MAX;
    })
}

fn days_before_the_end(days: i64) -> Micros {
    Micros((MINTED_UNTIL - days * 86_400) * 1_000_000)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_seal_seals_nothing_until_it_is_renewed(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (site, own) = with_own_seal(engine, &intermediate().holder(&municipality(), &[])).await;
    let town = Town::over(site, own, None).await;
    town.clock.set(days_before_the_end(-2));
    let id = town.entry().await;
    for path in ["json", "p7s", "pdf"] {
        let refused = town.get(&format!("/entries/{id}/receipt.{path}"), "clerk").await.is(503, "unavailable");
        assert!(refused.text().contains("its receipt waits until the registry has a seal"), "{}", refused.text());
    }
    let parts = parts(&town, 503).await;
    assert!(said(&parts, "seal").contains("the certificate of the seal ended on 2049-03-22"), "{parts}");
    assert!(said(&parts, "expiry").contains("ended on 2049-03-22"), "{parts}");
    std::fs::copy(town.site.path("seal.pem"), town.site.path("own.pem")).unwrap();
    town.app.renew_seal().await.unwrap_err();
    town.clock.set(days_before_the_end(2));
    // Its clock is behind now, which is another matter.
    let parts = self::parts(&town, 503).await;
    assert!(said(&parts, "seal").starts_with("ok: receipts are sealed with the seal that was read before"), "{parts}");
    town.clock.set(days_before_the_end(-2));
    std::fs::copy(test_key("entity-seal"), town.site.path("own.key")).unwrap();
    town.app.renew_seal().await.unwrap();
    town.get(&format!("/entries/{id}/receipt.json"), "clerk").await.is(200, "");
    town.get(&format!("/entries/{id}/receipt.pdf"), "clerk").await.is(200, "");
    assert_eq!(said(&self::parts(&town, 200).await, "seal"), "ok");
    // The certificate was on record before it sealed.
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_ends_soon_is_told_from_so_many_days_before(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (site, own) = with_own_seal(engine, &intermediate().holder(&municipality(), &[])).await;
    let with_metrics = |config: &mut Config| {
        own(config);
        config.admin_listen = "127.0.0.1:0".into();
    };
    let town = Town::over(site, with_metrics, None).await;
    town.clock.set(days_before_the_end(61));
    assert_eq!(said(&parts(&town, 200).await, "expiry"), "ok");
    town.clock.set(days_before_the_end(59));
    let parts = parts(&town, 200).await;
    let expiry = said(&parts, "expiry");
    assert!(
        expiry.starts_with("ok: the certificate of the seal (") && expiry.contains("ends on 2049-03-22"),
        "{expiry}"
    );
    let metrics = Door::at(town.admin.as_ref().unwrap()).get("/metrics", "nobody").await.is(200, "").text();
    let line = format!("ventanilla_expires_timestamp_seconds{{kind=\"seal\"}} {MINTED_UNTIL}\n");
    assert!(metrics.contains(&line), "{metrics}");
    for kind in ["trust_anchor", "token"] {
        assert!(metrics.contains(&format!("seconds{{kind=\"{kind}\"}} ")), "{kind}: {metrics}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_is_told_without_its_name_unless_there_is_another_of_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let make = async |days: &str| {
        let mut command = town.site.ventanilla();
        command.args(["token", "create", "--role", "eoffice", "--name", "sede-nueva", "--days", days]);
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    make("20").await;
    let parts = parts(&town, 200).await;
    let expiry = said(&parts, "expiry");
    assert!(expiry.starts_with("ok: a token ends on 20") && expiry.contains("ventanilla token list"), "{expiry}");
    assert!(!expiry.contains("sede-nueva"), "{expiry}");
    make("300").await;
    assert_eq!(said(&self::parts(&town, 200).await, "expiry"), "ok");
}

/// Whoever has just installed it sees what the registry is not good for yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_seal_and_no_anchors_are_said_at_the_start_and_by_readyz() {
    let folder = tempfile::tempdir().unwrap();
    let ventanilla = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
        command.current_dir(folder.path()).args(words);
        command
    };
    assert!(ventanilla(&["init", "--dir", "town"]).status().unwrap().success());
    let config = ["--config", "town/ventanilla.toml"];
    let token = [&["token", "create", "--role", "eoffice", "--name", "sede-7", "--days", "20"][..], &config].concat();
    assert!(ventanilla(&token).output().unwrap().status.success());
    let mut serve = ventanilla(&[&["serve"][..], &config].concat());
    serve.env("VENTANILLA_LISTEN", "127.0.0.1:0");
    let program = Program::run(serve);
    let parts = parts(&program.door(), 200).await;
    let (seal, anchors) = ("receipts are sealed with a test certificate", "no trust anchor is loaded, so no signature");
    assert!(said(&parts, "seal").starts_with(&format!("ok: {seal}")), "{parts}");
    assert!(said(&parts, "trust_anchors").starts_with(&format!("ok: {anchors}")), "{parts}");
    let wanted = [seal, anchors, "a token ends on", "sede-7"];
    let told = || wanted.iter().all(|words| program.log().contains(words));
    for _ in 0..200 {
        if told() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{}", program.log());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn anchors_in_the_folder_count_and_end_without_a_restart(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let site = Site::fresh(engine).await;
    let folder = site.path("own-anchors");
    std::fs::create_dir(&folder).unwrap();
    let own = folder.clone();
    let town = Town::over(site, move |config: &mut Config| config.signature.trust_anchors = own, None).await;
    let submit = async || town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.status;
    assert_eq!(submit().await, 422);
    let root = test_certificate("anchors/root");
    std::fs::copy(&root, folder.join("root.pem")).unwrap();
    let seen = town.app.follow_anchors_once(town.app.anchors_at_start).await.unwrap();
    assert_eq!(submit().await, 201);
    // A file that is half there changes nothing.
    std::fs::write(folder.join("half.pem"), "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
    town.app.follow_anchors_once(seen).await.unwrap_err();
    assert_eq!(submit().await, 201);
    std::fs::remove_file(folder.join("half.pem")).unwrap();
    std::fs::remove_file(folder.join("root.pem")).unwrap();
    town.app.follow_anchors_once(seen).await.unwrap();
    assert_eq!(submit().await, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_reads_certificate_seal_and_anchors_again_by_itself() {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    let copy = |from: std::path::PathBuf, name: &str| assert!(std::fs::copy(from, site.path(name)).unwrap() > 0);
    copy(test_certificate("server-chain"), "tls.pem");
    copy(test_key("server"), "tls.key");
    copy(test_key("entity-seal"), "seal.key");
    std::fs::create_dir(site.path("own-anchors")).unwrap();
    let path = |name: &str| site.path(name).display().to_string();
    let settings = [
        ("VENTANILLA_TLS__CERTIFICATE", path("tls.pem")),
        ("VENTANILLA_TLS__KEY", path("tls.key")),
        ("VENTANILLA_SEAL__KEY", path("seal.key")),
        ("VENTANILLA_SIGNATURE__TRUST_ANCHORS", path("own-anchors")),
        ("VENTANILLA_LOG__FILTER", "info".into()),
    ];
    let settings = settings.each_ref().map(|(key, value)| (*key, value.as_str()));
    let program = Program::start_with(&site, &settings, &[]);
    let seal = intermediate().holder(&municipality(), &[]);
    std::fs::write(site.path("seal.key"), seal.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    std::fs::write(site.path("seal.pem"), seal.pem()).unwrap();
    copy(test_key("citizen-prime256v1"), "tls.key");
    copy(test_certificate("citizen-prime256v1"), "tls.pem");
    copy(test_certificate("anchors/root"), "own-anchors/root.pem");
    let wanted = ["the certificate was reloaded", "the seal was read again", "the trust anchors were read again"];
    for _ in 0..400 {
        if wanted.iter().all(|words| program.log().contains(words)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{}", program.log());
}
