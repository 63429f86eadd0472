//! The receipt: proof for whoever submitted, that anybody can check with the `openssl` program (art. 16.3 Ley 39/2015).

use std::process::Command;

use rstest::rstest;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, root};
use crate::harness::town::Town;

/// Whether `openssl cms -verify` takes the seal for one over these bytes.
fn openssl_verifies(json: &[u8], p7s: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let (text, seal) = (folder.path().join("receipt.json"), folder.path().join("receipt.p7s"));
    std::fs::write(&text, json).unwrap();
    std::fs::write(&seal, p7s).unwrap();
    let done = Command::new("openssl")
        .args(["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-out", "/dev/null", "-CAfile"])
        .arg(root().join("certs/test/anchors/root.test.pem"))
        .arg("-in")
        .arg(&seal)
        .arg("-content")
        .arg(&text)
        .output()
        .unwrap();
    done.status.success()
}

#[rstest]
#[tokio::test]
async fn the_receipt_says_what_the_law_asks_and_openssl_verifies_its_seal(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().document("plano", b"%PDF-1.7 a plan");
    let registered = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    let links = &registered["receipt"];
    let json = town.get(links["json"].as_str().unwrap(), "eoffice").await.is(200, "");
    let p7s = town.get(links["signature"].as_str().unwrap(), "eoffice").await.is(200, "");
    assert_eq!(json.header("content-type"), "application/json");
    assert_eq!(p7s.header("content-type"), "application/pkcs7-signature");
    assert!(openssl_verifies(&json.body, &p7s.body));
    let mut altered = json.body.clone();
    let at = altered.windows(6).position(|window| window == b"000001").unwrap();
    altered[at + 5] = b'2';
    assert!(!openssl_verifies(&altered, &p7s.body));

    let receipt = json.json();
    assert_eq!(receipt["entry"], registered["entry"], "number, time, sender, addressee, content");
    assert_eq!(receipt["signatures"], registered["signatures"]);
    assert_eq!(receipt["csv"], links["csv"]);
    assert_eq!(receipt["issuer"]["code"], "L01000000");
    assert_eq!(receipt["issuer"]["time_zone"], "Europe/Madrid");
    let hash = hex::encode(openssl::sha::sha256(b"%PDF-1.7 a plan"));
    assert_eq!(receipt["entry"]["documents"][0]["sha256"], hash);
}

#[rstest]
#[tokio::test]
async fn the_receipt_is_always_the_same_bytes(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let registered = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    let links = registered["receipt"].clone();
    let ask = async |town: &Town| {
        let json = town.get(links["json"].as_str().unwrap(), "clerk").await.is(200, "").body;
        (json, town.get(links["signature"].as_str().unwrap(), "clerk").await.is(200, "").body)
    };
    let (first, second) = tokio::join!(ask(&town), ask(&town));
    assert_eq!(first, second);
    let site = town.stop().await;
    let town = Town::open(site, ventanilla::clock::Clock::system(), |_| {}, None).await;
    assert_eq!(ask(&town).await, first);
}

#[rstest]
#[tokio::test]
async fn without_a_seal_entries_are_numbered_and_receipts_wait(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::with(engine, |config| config.seal = ventanilla::config::Seal::default()).await;
    let registered = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    let path = registered["receipt"]["json"].as_str().unwrap().to_owned();
    town.get(&path, "clerk").await.is(503, "unavailable");
    assert_eq!(town.get("/readyz", "admin").await.status, 503);
    let site = town.stop().await;
    let town = Town::open(site, ventanilla::clock::Clock::system(), |_| {}, None).await;
    town.get(&path, "clerk").await.is(200, "");
}

#[rstest]
#[tokio::test]
async fn the_receipt_on_paper_is_sealed_once_and_carries_the_proof(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::with(engine, |config| config.entity.public_url = "https://sede.example.org/".into()).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7 a plan").signed_by_ana();
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let links = &registered["receipt"];
    let pdf = town.get(links["pdf"].as_str().unwrap(), "eoffice").await.is(200, "");
    assert_eq!(pdf.header("content-type"), "application/pdf");
    let verdicts =
        ventanilla::signature::judge_file(&pdf.body, None, "file", town.app.clock().now().0, &town.app.judge.policy());
    let [verdict] = verdicts.as_slice() else { panic!("one seal: {verdicts:?}") };
    assert!(verdict.passed(), "{verdict:?}");
    assert_eq!(verdict.covers_whole_file, Some(true));
    // Asked again, by its code too, it is the same bytes; nothing of it is made anew.
    assert_eq!(town.get(links["pdf"].as_str().unwrap(), "clerk").await.body, pdf.body);
    let by_code = format!("/verify/{}/receipt.pdf", links["csv"].as_str().unwrap());
    assert_eq!(town.get(&by_code, "nobody").await.is(200, "").body, pdf.body);
    // What poppler finds in it is the receipt, byte for byte.
    let folder = tempfile::tempdir().unwrap();
    let (file, inside) = (folder.path().join("recibo.pdf"), folder.path().join("receipt.json"));
    std::fs::write(&file, &pdf.body).unwrap();
    let done = Command::new("pdfdetach").args(["-save", "1", "-o"]).arg(&inside).arg(&file).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert_eq!(std::fs::read(&inside).unwrap(), town.get(links["json"].as_str().unwrap(), "eoffice").await.body);
    let verify = |key: &str, file: &std::path::Path| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
        let run = program.args(["verify", "receipt", "--key", key]).arg(file).current_dir(&folder).output().unwrap();
        (run.status.code(), String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap())
    };
    let key = town.get("/log/key", "nobody").await.is(200, "").text();
    for file in [&file, &inside] {
        let (status, said) = verify(key.trim(), file);
        assert!(status == Some(0) && said.contains("it stands in the book as it says"), "{said}");
    }
    let stranger = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    assert_eq!(verify(stranger, &file).0, Some(1));
    let altered = folder.path().join("altered.json");
    std::fs::write(&altered, std::fs::read_to_string(&inside).unwrap().replace("licencia", "Licencia")).unwrap();
    let (status, said) = verify(key.trim(), &altered);
    assert!(status == Some(1) && said.contains("the receipt was altered"), "{said}");
    let mut touched = pdf.body.clone();
    let at = touched.windows(7).position(|window| window == b"/Title(" || window == b"/Type/C").unwrap_or(200);
    touched[at + 1] ^= 1;
    let forged = folder.path().join("forged.pdf");
    std::fs::write(&forged, &touched).unwrap();
    assert_ne!(verify(key.trim(), &forged).0, Some(0));
    let text = Command::new("pdftotext").args(["-layout"]).arg(&file).arg("-").output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap();
    for wanted in [registered["entry"]["code"].as_str().unwrap(), "Ana García López", "sede.example.org"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[rstest]
#[tokio::test]
async fn papers_are_made_by_themselves(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::with(engine, |config| config.seal.papers_ahead = true).await;
    town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    for _ in 0..300 {
        if town.count("SELECT count(*) FROM receipts WHERE pdf_sha256 IS NOT NULL").await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(town.count("SELECT count(*) FROM receipts WHERE pdf_sha256 IS NOT NULL").await, 1);
    while town.count("SELECT count(*) FROM outbox").await > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[rstest]
#[tokio::test]
async fn the_label_for_the_paper_says_number_and_time(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let registered = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    let path = format!("/entries/{}/label.pdf", registered["entry"]["id"].as_str().unwrap());
    let label = town.get(&path, "clerk").await.is(200, "");
    assert!(label.body.starts_with(b"%PDF-"));
    town.get(&path, "eoffice").await.is(403, "forbidden");
}
