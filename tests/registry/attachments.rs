//! Signatures in and over the documents of an entry: all are judged, kept and shown, and none refuses anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::memory::InMemory;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::store::objects::Objects;

use crate::harness::faulty_objects::FaultyObjects;
use crate::harness::paper::{Form, Paper, Signer, fresh_key};
use crate::harness::site::{Engine, Site};
use crate::harness::town::Town;
use crate::pdf::{self, Seal};
use crate::pki::openssl_cms_of;
use crate::xml::by;

fn pdf_by(signers: &[&str]) -> Vec<u8> {
    let mut paper = pdf::Paper::new(pdf::Xref::Table);
    for who in signers {
        paper.sign(&Seal::by(who));
    }
    paper.bytes
}

/// Many kinds of documents with signatures inside, and some without.
fn documents(paper: Paper) -> Paper {
    let mut broken = pdf_by(&["citizen2"]);
    broken[20] ^= 1;
    let torn = [&b"%PDF-1.7 torn "[..], b"/ByteRange [0 1 2 3] /Contents <00>"].concat();
    let xml = by("citizen2").enveloped("<factura><importe>100</importe>", "</factura>");
    let key = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    paper
        .document("informe", &pdf_by(&["citizen2", "citizen"]))
        .document("alterado", &broken)
        .document("roto", &torn)
        .document("plano", b"%PDF-1.7 a plan")
        .document_as("factura", "factura.xsig", "application/xml", xml.as_bytes())
        .document_as("pagina", "pagina.html", "text/html", b"<html><p>SignatureValue")
        .document_as(
            "acta",
            "acta.p7m",
            "application/pkcs7-mime",
            &openssl_cms_of(b"an act", "untrusted/citizen", &["-nodetach", "-cades", "-outform", "DER"]),
        )
        .document_as("suelta", "suelta.p7s", "application/pkcs7-signature", &Signer::of("citizen2").sign(b"something"))
        .document_as("clave", "clave.pem", "application/x-pem-file", key)
}

/// What each document is said to be, by its part: the reasons, `null` for one that passed.
fn said(entry: &Value) -> Vec<(String, Vec<Value>)> {
    let reasons = |document: &Value| {
        let signatures = document["signatures"].as_array().unwrap();
        signatures.iter().map(|signature| signature["sub_indication"].clone()).collect()
    };
    let documents = entry["documents"].as_array().unwrap();
    documents.iter().map(|document| (document["part"].as_str().unwrap().to_owned(), reasons(document))).collect()
}

fn expected() -> Vec<(String, Vec<Value>)> {
    [
        ("informe", vec![Value::Null, Value::Null]),
        ("alterado", vec![json!("hash_failure")]),
        ("roto", vec![json!("format_failure")]),
        ("plano", vec![]),
        ("factura", vec![Value::Null]),
        ("pagina", vec![json!("format_failure")]),
        ("acta", vec![json!("no_certificate_chain_found")]),
        ("suelta", vec![json!("signed_data_not_found")]),
        ("clave", vec![]),
    ]
    .map(|(part, reasons)| (part.to_owned(), reasons))
    .to_vec()
}

#[rstest]
#[tokio::test]
async fn signatures_inside_documents_are_judged_kept_and_shown(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let registered = town.submit(&documents(Paper::submission()).signed_by_ana(), &fresh_key()).await.registered();
    assert_eq!(said(&registered["entry"]), expected());
    let signatures = registered["signatures"].as_array().unwrap();
    let covers: Vec<_> = signatures.iter().map(|signature| signature["covers"].as_str().unwrap()).collect();
    assert_eq!(covers[..4], ["submission", "document:informe", "document:informe", "document:alterado"]);
    assert_eq!(signatures.len(), 9);
    let path = format!("/entries/{}", registered["entry"]["id"].as_str().unwrap());
    let shown = town.get(&path, "clerk").await.is(200, "").json();
    assert_eq!((&shown["signatures"], said(&shown["entry"])), (&registered["signatures"], expected()));
    let receipt = town.get(&format!("{path}/receipt.json"), "clerk").await.is(200, "").json();
    assert_eq!(receipt["signatures"], registered["signatures"]);
    assert_eq!(receipt["entry"], registered["entry"]);
}

#[tokio::test]
async fn so_are_those_of_what_was_scanned_at_the_counter() {
    let town = Town::on(Engine::Sqlite).await;
    let registered = town.register(&documents(Paper::counter()).form(), &fresh_key()).await.registered();
    assert_eq!(said(&registered["entry"]), expected());
    assert_eq!(registered["signatures"].as_array().unwrap().len(), 8);
}

/// A plan with a signature in a part of its own.
fn signed_beside(content: &[u8], signature: &[u8]) -> Form {
    let mut paper = Paper::submission().document("plano", content);
    paper.json["documents"][0]["signature"] = json!({"part": "firma"});
    paper.signed_by_ana().part("firma", signature)
}

const PLAN: &[u8] = b"%PDF-1.7 a plan";

#[rstest]
#[case::cades(Signer::of("citizen2").sign(PLAN), Value::Null)]
#[case::cades_of_another(Signer::of("citizen2").sign(b"another"), json!("hash_failure"))]
#[case::xades(by("citizen2").reference(" URI=\"plano.pdf\"", "", PLAN).element().into_bytes(), Value::Null)]
#[case::xades_of_another(
    by("citizen2").reference(" URI=\"plano.pdf\"", "", b"another").element().into_bytes(),
    json!("hash_failure")
)]
#[case::xades_of_itself(by("citizen2").enveloped("<d>", "</d>").into_bytes(), json!("signed_data_not_found"))]
#[case::pdf_signed_by_itself(pdf_by(&["citizen2"]), json!("format_failure"))]
#[case::garbage(b"garbage".to_vec(), json!("format_failure"))]
#[tokio::test]
async fn a_signature_beside_a_document_is_judged_over_that_document(#[case] signature: Vec<u8>, #[case] reason: Value) {
    let town = Town::on(Engine::Sqlite).await;
    let registered = town.submit(&signed_beside(PLAN, &signature), &fresh_key()).await.registered();
    assert_eq!(said(&registered["entry"]), [("plano".to_owned(), vec![reason.clone()])]);
    let verdict = &registered["signatures"][1];
    assert_eq!(verdict["covers"], "document:plano");
    if reason != Value::Null {
        assert_eq!((&verdict["intact"], &verdict["covers_whole_file"]), (&json!(false), &Value::Null));
    }
}

#[tokio::test]
async fn a_document_may_be_signed_inside_and_beside() {
    let town = Town::on(Engine::Sqlite).await;
    let content = pdf_by(&["citizen"]);
    let form = signed_beside(&content, &Signer::of("citizen2").sign(&content));
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let signatures = registered["entry"]["documents"][0]["signatures"].as_array().unwrap();
    let placed: Vec<_> = signatures.iter().map(|one| one["coverage"]["placement"].as_str().unwrap()).collect();
    assert_eq!(placed, ["detached", "enveloped"]);
    assert!(signatures.iter().all(|one| one["indication"] == "total_passed"));
}

#[tokio::test]
async fn what_is_too_large_is_registered_and_said_not_to_be_judged() {
    let town = Town::with(Engine::Sqlite, |config| config.signature.attachment_bytes = 1000).await;
    let large = vec![b' '; 2000];
    let form = signed_beside(&large, &by("citizen2").enveloped("<d>", "</d>").into_bytes());
    let verdict = town.submit(&form, &fresh_key()).await.registered()["signatures"][1].clone();
    assert_eq!((&verdict["intact"], &verdict["sub_indication"]), (&json!(false), &json!("signed_data_not_found")));
    assert!(verdict["detail"].as_str().unwrap().contains("1000 bytes"), "{verdict:#}");
    assert!(verdict["explanation"]["es"].as_str().unwrap().contains("No se han comprobado"));
    // What holds no signature needs no judging, however large.
    let paper = Paper::submission().document("foto", &large).document("informe", &pdf_by(&["citizen2"]));
    let registered = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    let expected = [("foto".to_owned(), vec![]), ("informe".to_owned(), vec![json!("signed_data_not_found")])];
    assert_eq!(said(&registered["entry"]), expected);
    assert_eq!(registered["signatures"][1]["format"], "pades");
}

#[tokio::test]
async fn what_cannot_be_judged_in_time_delays_only_its_own_request_and_not_for_ever() {
    let objects = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(Engine::Sqlite).await;
    let impatient = |config: &mut ventanilla::config::Config| config.signature.attachment_seconds = 1;
    let town = Town::over(site, impatient, Some(Objects::over(Arc::new(objects.clone())))).await;
    // The server has looked at what was published, and numbers.
    town.entry().await;
    let go_on = objects.hold("get");
    let (slow, plain) = (Paper::submission().document("informe", &pdf_by(&["citizen2"])), Paper::submission());
    let (slow, plain) = (slow.signed_by_ana(), plain.document("plano", PLAN).signed_by_ana());
    let (slow_key, key) = (fresh_key(), fresh_key());
    let since = Instant::now();
    let quick = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        town.submit(&plain, &key).await.registered();
        since.elapsed()
    };
    let (registered, quick) = tokio::join!(town.submit(&slow, &slow_key), quick);
    assert!(quick < Duration::from_millis(900), "{quick:?}");
    let verdict = registered.registered()["signatures"][1].clone();
    assert!(verdict["detail"].as_str().unwrap().contains("no time left"), "{verdict:#}");
    go_on.notify_waiters();
}

#[tokio::test]
async fn of_very_many_signatures_some_are_said_not_to_be_judged() {
    let town = Town::on(Engine::Sqlite).await;
    let one = by("citizen-prime256v1").reference(" URI=\"none\"", "", "x").element();
    let many = |count: usize| format!("<d>{}</d>", one.repeat(count));
    let mut paper = Paper::submission();
    for part in ["a", "b", "c", "d"] {
        paper = paper.document_as(part, part, "application/xml", many(60).as_bytes());
    }
    let registered = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    let counted: Vec<_> = said(&registered["entry"]).iter().map(|(_, reasons)| reasons.len()).collect();
    assert_eq!(counted, [60, 60, 60, 1]);
    let last = registered["signatures"].as_array().unwrap().last().unwrap();
    assert!(last["detail"].as_str().unwrap().contains("more than 200"), "{last:#}");
}

/// Whoever reads a file looks at the deadline wherever work is counted: after it nothing holds.
#[rstest]
#[case::cms(openssl_cms_of(PLAN, "citizen2", &["-nodetach", "-cades", "-outform", "DER"]))]
#[case::pdf(pdf_by(&["citizen2"]))]
#[case::xml(by("citizen2").enveloped("<d>", "</d>").into_bytes())]
fn nothing_is_found_to_hold_after_the_deadline(#[case] file: Vec<u8>) {
    use ventanilla::signature::{Deadline, judge_file};
    let deadline = Deadline::default();
    let policy = crate::pki::policy().until(deadline.clone());
    let holds = || judge_file(&file, None, "file", crate::pki::NOW, &policy).iter().any(|verdict| verdict.intact);
    assert!(holds());
    deadline.end();
    assert!(!holds());
}
