//! The time in which others are asked: it is theirs, and neither a slow file nor a crowd takes it away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use ventanilla::config::{OnIndeterminate, Revocation};
use ventanilla::fetch::Inquiry;
use ventanilla::signature::{self, Cause, Policy, Purpose, Question, SubIndication, Work};

use crate::harness::paper::fresh_key;
use crate::harness::site::Engine;
use crate::machine::Reply;
use crate::pki::{OCSP, Pki, TEXT, judged};
use crate::submissions::{form, town};

/// Longer than the settings of these tests give others to answer.
const LONG: Duration = Duration::from_millis(2_500);

#[tokio::test]
async fn a_file_that_takes_long_to_read_leaves_no_revoked_certificate_unasked_about() {
    let pki = Pki::naming(OCSP);
    let (signature, at) = (pki.signed_by("revoked"), pki.clock.now().0);
    let judge = pki.judge();
    let verdicts = judge.run(move |policy| {
        std::thread::sleep(LONG);
        signature::judge(&signature, Some(TEXT), "file", at, policy)
    });
    assert_eq!(verdicts.await.unwrap()[0].sub_indication, Some(SubIndication::RevokedNoPoe));
}

#[tokio::test]
async fn who_waits_for_a_turn_loses_no_time_by_it() {
    let pki = Pki::naming(OCSP);
    let judge = pki.judge();
    let turns = std::thread::available_parallelism().unwrap().get();
    let busy = (0..turns).map(|_| {
        let judge = judge.clone();
        tokio::spawn(async move { judge.run(|_| std::thread::sleep(LONG)).await })
    });
    let busy: Vec<_> = busy.collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let verdict = judged(&judge, pki.signed_by("revoked"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::RevokedNoPoe), "{:?}", verdict.detail);
    for one in busy {
        one.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_files_are_judged_at_once_as_there_are_cores() {
    let judge = Pki::naming(OCSP).judge();
    let cores = std::thread::available_parallelism().unwrap().get();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let files = (0..4 * cores).map(|_| {
        let (judge, now, most) = (judge.clone(), now.clone(), most.clone());
        tokio::spawn(async move {
            let judging = judge.run(move |_| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(100));
                now.fetch_sub(1, Ordering::SeqCst);
            });
            judging.await.unwrap();
        })
    });
    for file in files.collect::<Vec<_>>() {
        file.await.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), cores);
}

#[tokio::test]
async fn what_nobody_was_asked_about_is_told_as_that() {
    let pki = Pki::naming(OCSP);
    for who in ["citizen", "revoked"] {
        let (signature, at) = (pki.signed_by(who), pki.clock.now().0);
        let judge = pki.judge();
        let inquiry = Inquiry::lasting(Duration::ZERO);
        let judging =
            judge.run_within(&inquiry, move |policy| signature::judge(&signature, Some(TEXT), "file", at, policy));
        let verdict = judging.await.unwrap().remove(0);
        assert_eq!((verdict.sub_indication, verdict.cause), (Some(SubIndication::TryLater), Some(Cause::NotAsked)));
        assert!(verdict.was_not_asked() && !verdict.lacks_an_answer());
    }
    assert_eq!(pki.machine.connections(), 0);
}

/// Questions to somebody who is silent: three times as many as leave at once.
const SILENT: usize = 48;

#[tokio::test]
async fn a_submission_that_nobody_was_asked_about_is_not_numbered_and_told_to_come_again() {
    let pki = Pki::naming(OCSP);
    let town = town(Engine::Sqlite, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    let questions = (0..SILENT).map(|number| {
        let page = format!("silent-{number}");
        pki.machine.on(&page, |_| Reply::Silence);
        question(&pki, pki.machine.url(&page))
    });
    let (questions, judge): (Vec<_>, _) = (questions.collect(), town.app.judge.clone());
    let crowd = tokio::spawn(async move {
        let ask = move |policy: &Policy| {
            for question in &questions {
                let _ = policy.sources.ask(question, Purpose::Signature);
            }
        };
        judge.run(ask).await
    });
    while pki.machine.connections() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = town.holdings().await;
    let answer = town.submit(&form(&pki, "revoked"), &fresh_key()).await.is(503, "unavailable");
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(answer.json()["signatures"][0]["cause"], "not_asked");
    assert_eq!(town.holdings().await, before);
    crowd.await.unwrap().unwrap();
    // Once the silent are given up, it is asked about. However slow a busy machine's responder is, its answer is waited
    // for here, where nothing can be numbered; then it is known.
    let sub_indication = async || judged(&town.app.judge, pki.signed_by("revoked"), &pki).await.sub_indication;
    while sub_indication().await != Some(SubIndication::RevokedNoPoe) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let refused = town.submit(&form(&pki, "revoked"), &fresh_key()).await.is(422, "signature-invalid");
    assert_eq!(refused.json()["signatures"][0]["sub_indication"], "revoked_no_poe");
    assert_eq!(town.holdings().await, before);
}

fn question(pki: &Pki, url: String) -> Question {
    let der = |name| pki.certificate(name).to_der().unwrap();
    Question::Ocsp { url, certificate: der("citizen"), issuer: der("intermediates/intermediate") }
}

#[tokio::test]
async fn the_rounds_of_a_file_cost_together_what_a_file_may() {
    let pki = Pki::naming(OCSP);
    let (rounds, url) = (Arc::new(AtomicU64::new(0)), pki.machine.url("ocsp"));
    let counted = rounds.clone();
    let (judge, asking) = (pki.judge(), pki.clone());
    let failure = judge.run(move |policy| {
        let round = counted.fetch_add(1, Ordering::SeqCst);
        // A new question each time asks for one round more.
        let _ = policy.sources.ask(&question(&asking, format!("{url}?{round}")), Purpose::Signature);
        let budget = &policy.for_file(10).budget;
        let granted = budget.take(Work::Paths, budget.limit(Work::Paths));
        assert_eq!(granted, round < 3, "{round}");
        granted
    });
    assert!(!failure.await.unwrap());
    assert!(rounds.load(Ordering::SeqCst) > 3);
}
