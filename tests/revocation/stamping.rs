//! Timestamps asked of an authority: `openssl ts` behind a small server.

use std::time::{Duration, Instant};

use ventanilla::config;
use ventanilla::fetch::Judge;
use ventanilla::signature::{Level, add_timestamp};

use crate::machine::{Machine, Reply};
use crate::pki::{HOUR, OCSP, Pki, judged, judged_after};

fn stamping(pki: &Pki) -> Judge {
    pki.judge_by(&config::Signature { tsa_url: pki.machine.url("tsa"), ..pki.settings() })
}

/// What `openssl ts` answers to a query.
fn answer(pki: &Pki, query: &[u8], options: &[&str]) -> Vec<u8> {
    let (asked, answered) = (pki.path("query"), pki.path("answer"));
    std::fs::write(&asked, query).unwrap();
    pki.ts_reply(&asked, &answered, options);
    std::fs::read(answered).unwrap()
}

#[tokio::test]
async fn a_signature_gets_its_timestamp_and_is_of_that_time() {
    let pki = Pki::naming(OCSP);
    let this = pki.clone();
    pki.machine.on("tsa", move |query| Reply::Bytes(answer(&this, query, &[])));
    let judge = stamping(&pki);
    let signature = pki.signed_by("citizen");
    let token = judge.timestamp(&signature[signature.len() - 256..]).await.unwrap();
    let stamped = add_timestamp(&signature, &token).unwrap();
    let verdict = judged(&judge, stamped.clone(), &pki).await;
    assert_eq!((verdict.sub_indication, verdict.level), (None, Some(Level::T)), "{:?}", verdict.detail);
    assert!(verdict.timestamps[0].trusted);
    let later = judged_after(&judge, stamped, &pki, HOUR).await;
    assert_eq!(later.signed_at, verdict.signed_at);
}

#[tokio::test]
async fn the_authority_need_not_be_among_the_hosts_that_certificates_may_name() {
    let pki = Pki::naming(OCSP);
    let this = pki.clone();
    pki.machine.on("tsa", move |query| Reply::Bytes(answer(&this, query, &[])));
    let none = config::Signature { revocation_hosts: Vec::new(), tsa_url: pki.machine.url("tsa"), ..pki.settings() };
    assert!(pki.judge_by(&none).timestamp(b"x").await.is_ok());
    let error = pki.judge().timestamp(b"x").await.unwrap_err();
    assert!(error.to_string().contains("tsa_url"), "{error}");
}

#[tokio::test]
async fn an_answer_to_another_question_is_refused() {
    let pki = Pki::naming(OCSP);
    let first = std::sync::Arc::new(std::sync::Mutex::new(None::<Vec<u8>>));
    let this = pki.clone();
    pki.machine.on("tsa", move |query| {
        let mut first = first.lock().unwrap();
        Reply::Bytes(first.get_or_insert_with(|| answer(&this, query, &[])).clone())
    });
    let judge = stamping(&pki);
    judge.timestamp(b"x").await.unwrap();
    let error = judge.timestamp(b"x").await.unwrap_err();
    assert!(error.to_string().contains("another question"), "{error}");
    let error = judge.timestamp(b"y").await.unwrap_err();
    assert!(error.to_string().contains("not of what was sent"), "{error}");
}

#[tokio::test]
async fn a_time_that_is_not_the_present_is_refused() {
    let pki = Pki::naming(OCSP);
    let this = pki.clone();
    pki.machine.on("tsa", move |query| Reply::Bytes(answer(&this, query, &[])));
    for step in [HOUR, -2 * HOUR] {
        pki.clock.step_by(step);
        let error = stamping(&pki).timestamp(b"x").await.unwrap_err();
        // A token of the future is not trusted in the first place.
        assert!(error.to_string().contains("not the present"), "{error}");
    }
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_refused() {
    let pki = Pki::naming(OCSP);
    let other = Pki::naming(OCSP);
    let this = other.clone();
    pki.machine.on("tsa", move |query| Reply::Bytes(answer(&this, query, &[])));
    // The same names and keys, but its certificate was revoked.
    pki.revoke("tsa", Some((pki.clock.now().0 - HOUR, "keyCompromise")));
    let settings = config::Signature {
        tsa_url: pki.machine.url("tsa"),
        revocation_hosts: vec![pki.machine.host(), other.machine.host()],
        ..pki.settings()
    };
    other.revoke("tsa", Some((pki.clock.now().0 - HOUR, "keyCompromise")));
    let error = pki.judge_by(&settings).timestamp(b"x").await.unwrap_err();
    assert!(error.to_string().contains("not trusted"), "{error}");
}

#[tokio::test]
async fn refusals_garbage_and_silence_are_told_apart_and_end_in_time() {
    let pki = Pki::naming(OCSP);
    // PKIStatusInfo { rejection, { "no" } }
    pki.machine.on("tsa", |_| Reply::Bytes(hex::decode("300b300902010230040c026e6f").unwrap()));
    let error = stamping(&pki).timestamp(b"x").await.unwrap_err().to_string();
    assert!(error.contains("status 2 no"), "{error}");
    for garbage in [&b""[..], b"hello", b"\x30\x00", b"\x30\x05\x30\x03\x02\x01\x00"] {
        pki.machine.on("tsa", move |_| Reply::Bytes(garbage.to_vec()));
        let error = stamping(&pki).timestamp(b"x").await.unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }
    pki.machine.on("tsa", |_| Reply::Silence);
    let started = Instant::now();
    let error = stamping(&pki).timestamp(b"x").await.unwrap_err().to_string();
    assert!(error.contains("too long"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(4));
    let elsewhere = Machine::start();
    let to = elsewhere.url("tsa");
    pki.machine.on("tsa", move |_| Reply::Redirect(to.clone()));
    assert!(stamping(&pki).timestamp(b"x").await.is_err());
    assert_eq!(elsewhere.connections(), 0);
}
