//! Machines that are silent, send elsewhere, or send too much.

use std::time::{Duration, Instant};

use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::stack::Stack;
use ventanilla::config;
use ventanilla::signature::{self, Revocation, SubIndication};

use crate::machine::{Machine, Reply};
use crate::pki::{ALL, CRL, OCSP, Pki, judged};

#[tokio::test]
async fn silence_ends_with_the_time_limit_and_is_remembered_for_a_while() {
    let pki = Pki::naming(ALL);
    for page in ["ocsp", "intermediate.crl", "root.crl"] {
        pki.machine.on(page, |_| Reply::Silence);
    }
    let judge = pki.judge();
    let started = Instant::now();
    let verdict = judged(&judge, pki.signed_by("citizen"), &pki).await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!((verdict.sub_indication, verdict.revocation), (Some(SubIndication::TryLater), Revocation::Unknown));
    assert!(verdict.detail.as_ref().unwrap().contains("in time"), "{:?}", verdict.detail);
    // Once the requests have ended, nobody waits for them again.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (asked, started) = (pki.machine.connections(), Instant::now());
    let verdict = judged(&judge, pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::TryLater));
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    assert_eq!(pki.machine.connections(), asked);
}

#[tokio::test]
async fn a_silent_responder_leaves_time_for_the_list() {
    let pki = Pki::naming(ALL);
    pki.machine.on("ocsp", |_| Reply::Silence);
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!((verdict.sub_indication, verdict.revocation), (None, Revocation::Good), "{:?}", verdict.detail);
    let verdict = judged(&pki.judge(), pki.signed_by("revoked"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::RevokedNoPoe), "{:?}", verdict.detail);
}

#[tokio::test]
async fn nobody_is_followed_to_a_machine_that_is_not_listed() {
    let elsewhere = Machine::start();
    let pki = Pki::naming(OCSP);
    let to = elsewhere.url("ocsp");
    pki.machine.on("ocsp", move |_| Reply::Redirect(to.clone()));
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::TryLater), "{:?}", verdict.detail);
    assert_eq!((pki.machine.asked("ocsp"), elsewhere.connections()), (1, 0));
}

#[tokio::test]
async fn a_redirect_among_listed_machines_is_followed() {
    let pki = Pki::naming(CRL);
    let this = pki.clone();
    pki.machine.on("moved.crl", move |_| Reply::Bytes(this.crl("intermediate", "")));
    let to = pki.machine.url("moved.crl");
    pki.machine.on("intermediate.crl", move |_| Reply::Redirect(to.clone()));
    assert!(judged(&pki.judge(), pki.signed_by("citizen"), &pki).await.passed());
    // And not for ever.
    let again = pki.machine.url("intermediate.crl");
    pki.machine.on("intermediate.crl", move |_| Reply::Redirect(again.clone()));
    assert!(!judged(&pki.judge(), pki.signed_by("citizen"), &pki).await.passed());
    assert!(pki.machine.asked("intermediate.crl") < 10);
}

#[tokio::test]
async fn more_than_the_limit_is_not_taken() {
    for (names, page) in [(OCSP, "ocsp"), (CRL, "intermediate.crl")] {
        let pki = Pki::naming(names);
        pki.machine.on(page, |_| Reply::Endless);
        let settings = config::Signature { revocation_seconds: 20, ..pki.settings() };
        let verdict = judged(&pki.judge_by(&settings), pki.signed_by("citizen"), &pki).await;
        assert_eq!(verdict.sub_indication, Some(SubIndication::TryLater));
        assert!(verdict.detail.as_ref().unwrap().contains("more than"), "{:?}", verdict.detail);
    }
}

#[tokio::test]
async fn an_issuer_that_was_left_out_is_looked_for_where_the_certificate_says() {
    let pki = Pki::naming(ALL);
    let settings = config::Signature { intermediates: std::path::PathBuf::new(), ..pki.settings() };
    let verdict = judged(&pki.judge_by(&settings), pki.signed_by("citizen"), &pki).await;
    assert_eq!((verdict.sub_indication, verdict.trusted), (None, true), "{:?}", verdict.detail);
    assert_eq!(pki.machine.asked("issuer"), 1);

    let settings = config::Signature { revocation_hosts: Vec::new(), ..settings };
    let before = pki.machine.connections();
    let verdict = judged(&pki.judge_by(&settings), pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::NoCertificateChainFound));
    assert_eq!(pki.machine.connections(), before);
}

/// An authority that a path was found through is as good as one that came along: its certificates are no text of anybody's.
#[tokio::test]
async fn what_an_issuer_that_was_looked_for_gave_belongs_to_a_form() {
    let pki = Pki::naming(ALL);
    let settings = config::Signature { intermediates: std::path::PathBuf::new(), ..pki.settings() };
    let judge = pki.judge_by(&settings);
    let at = pki.clock.now().0;
    for (other, whole) in [("citizen2", None), ("untrusted/citizen", Some(false))] {
        let mut beside = Stack::new().unwrap();
        beside.push(pki.certificate(other)).unwrap();
        let (own, key) = (pki.certificate("citizen"), pki.key("citizen"));
        let form = CmsContentInfo::sign(Some(&own), Some(&key), Some(&beside), Some(b"texto"), CMSOptions::BINARY);
        let form = form.unwrap().to_der().unwrap();
        let verdicts = judge.run(move |policy| signature::judge_file(&form, None, "file", at, policy)).await.unwrap();
        assert!(verdicts[0].passed(), "{:?}", verdicts[0].detail);
        assert_eq!(verdicts[0].covers_whole_file, whole, "{other}");
    }
    assert_eq!(pki.machine.asked("issuer"), 1);
}
