//! Responders (OCSP): who may answer, and what their answers mean.

use rstest::rstest;
use ventanilla::config;
use ventanilla::signature::{Cause, Indication, Revocation, SubIndication};

use crate::machine::{Machine, Reply};
use crate::pki::{ALL, DAY, HOUR, OCSP, Pki, judged, judged_after};

#[tokio::test]
async fn a_good_certificate_passes_and_the_second_verdict_asks_nobody() {
    let pki = Pki::naming(OCSP);
    let judge = pki.judge();
    for _ in 0..3 {
        let verdict = judged(&judge, pki.signed_by("citizen"), &pki).await;
        assert_eq!((verdict.indication, verdict.revocation), (Indication::TotalPassed, Revocation::Good));
        // The answer has no nextUpdate, so it is current for ten minutes.
        assert_eq!(pki.machine.asked("ocsp"), 1, "{:?}", verdict.detail);
    }
}

#[tokio::test]
async fn a_responder_of_its_own_process_is_understood() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let pki = Pki::naming(OCSP);
    let _responder = pki.responder(port);
    // Asked first because it is configured; the certificate's own would refuse.
    pki.machine.on("ocsp", |_| Reply::Status(500));
    // It does not know who issued the authority, and says so: that counts as nobody's answer, since its word is known.
    let signers = pki.path("signers");
    std::fs::create_dir(&signers).unwrap();
    std::fs::copy(pki.path("ocsp.test.pem"), signers.join("ocsp.pem")).unwrap();
    let settings = config::Signature {
        ocsp_responders: vec![format!("http://127.0.0.1:{port}")],
        ocsp_signers: signers,
        ..pki.settings()
    };
    let judge = pki.judge_by(&settings);
    let verdict = judged(&judge, pki.signed_by("citizen"), &pki).await;
    assert_eq!((verdict.sub_indication, verdict.revocation), (None, Revocation::Good), "{:?}", verdict.detail);
    let verdict = judged(&judge, pki.signed_by("revoked"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::RevokedNoPoe), "{:?}", verdict.detail);
    assert_eq!(pki.machine.asked("ocsp"), 0);
}

#[tokio::test]
async fn a_revoked_certificate_does_not_pass() {
    let pki = Pki::naming(OCSP);
    let verdict = judged(&pki.judge(), pki.signed_by("revoked"), &pki).await;
    assert_eq!(verdict.indication, Indication::Indeterminate);
    assert_eq!(verdict.sub_indication, Some(SubIndication::RevokedNoPoe));
    assert_eq!(verdict.revocation, Revocation::Revoked);
    assert!(verdict.intact && verdict.trusted);
}

#[rstest]
#[case::before(-HOUR, Some(SubIndication::RevokedNoPoe), Revocation::Revoked)]
#[case::after(HOUR, None, Revocation::Good)]
#[tokio::test]
async fn a_timestamp_tells_whether_it_was_signed_before_the_revocation(
    #[case] revoked: i64,
    #[case] reason: Option<SubIndication>,
    #[case] revocation: Revocation,
) {
    let pki = Pki::naming(OCSP);
    let signature = pki.stamped_by("citizen");
    pki.revoke("citizen", Some((pki.clock.now().0 + revoked, "keyCompromise")));
    // It comes a day later, when the certificate is revoked for sure.
    let judge = pki.judge();
    pki.clock.step_by(DAY);
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer(request, &["-ndays", "3"])));
    let verdict = judged(&judge, signature, &pki).await;
    assert_eq!((verdict.sub_indication, verdict.revocation), (reason, revocation), "{:?}", verdict.detail);
    let verdict = judged(&judge, pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::RevokedNoPoe), "without a timestamp");
}

#[tokio::test]
async fn a_suspended_certificate_waits() {
    let pki = Pki::naming(OCSP);
    pki.revoke("citizen", Some((pki.clock.now().0 - HOUR, "certificateHold")));
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!((verdict.sub_indication, verdict.revocation), (Some(SubIndication::TryLater), Revocation::Revoked));
    assert_eq!(verdict.cause, Some(Cause::OnHold));
}

#[rstest]
#[case::somebody_of_the_same_authority("citizen", "not meant for signing OCSP")]
#[case::somebody_of_another("untrusted/citizen", "not of the authority")]
#[case::the_time_stamping_authority("tsa", "not meant for signing OCSP")]
#[tokio::test]
async fn an_answer_signed_by_another_says_nothing(#[case] signer: &'static str, #[case] why: &str) {
    let pki = Pki::naming(OCSP);
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer_by(signer, request, &[])));
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!((verdict.sub_indication, verdict.revocation), (Some(SubIndication::TryLater), Revocation::Unknown));
    assert!(verdict.detail.as_ref().unwrap().contains(why), "{:?}", verdict.detail);
}

#[tokio::test]
async fn a_signer_that_the_administrator_names_is_believed() {
    let pki = Pki::naming(OCSP);
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer_by("untrusted/citizen", request, &[])));
    let folder = pki.path("signers");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(pki.path("untrusted/citizen.test.pem"), folder.join("a.pem")).unwrap();
    let judge = pki.judge_by(&config::Signature { ocsp_signers: folder, ..pki.settings() });
    let verdict = judged(&judge, pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, None, "{:?}", verdict.detail);
}

#[tokio::test]
async fn the_authority_itself_may_answer() {
    let pki = Pki::naming(OCSP);
    let this = pki.clone();
    std::fs::copy(pki.path("intermediates/intermediate.test.pem"), pki.path("ca/intermediate.test.pem")).unwrap();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer_by("ca/intermediate", request, &[])));
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, None, "{:?}", verdict.detail);
}

#[rstest]
#[case::by_key(&["-resp_key_id"])]
#[case::without_certificates(&["-resp_no_certs"])]
#[tokio::test]
async fn answers_come_in_several_shapes(#[case] options: &'static [&'static str]) {
    let pki = Pki::naming(OCSP);
    let this = pki.clone();
    std::fs::copy(pki.path("intermediates/intermediate.test.pem"), pki.path("ca/intermediate.test.pem")).unwrap();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer_by("ca/intermediate", request, options)));
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, None, "{:?}", verdict.detail);
}

#[tokio::test]
async fn an_answer_to_an_earlier_question_is_refused() {
    let pki = Pki::naming(OCSP);
    let kept = std::sync::Arc::new(std::sync::Mutex::new(None));
    let this = pki.clone();
    // The first answer is given to everybody: each has its own nonce.
    pki.machine.on("ocsp", move |request| {
        let mut kept = kept.lock().unwrap();
        Reply::Bytes(kept.get_or_insert_with(|| this.ocsp_answer(request, &["-nmin", "60"])).clone())
    });
    assert!(judged(&pki.judge(), pki.signed_by("citizen"), &pki).await.passed());
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::TryLater));
    assert!(verdict.detail.as_ref().unwrap().contains("nonce"), "{:?}", verdict.detail);
}

#[tokio::test]
async fn a_stale_answer_is_refused() {
    let pki = Pki::naming(OCSP);
    let judge = pki.judge();
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer(request, &["-nmin", "60"])));
    // The program answers by the real time.
    pki.clock.step_by(2 * HOUR);
    let verdict = judged(&judge, pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::TryLater));
    assert!(verdict.detail.as_ref().unwrap().contains("stale"), "{:?}", verdict.detail);
}

#[tokio::test]
async fn an_answer_is_kept_until_the_next_is_due() {
    let pki = Pki::naming(OCSP);
    let judge = pki.judge();
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer(request, &["-nmin", "60"])));
    assert!(judged(&judge, pki.signed_by("citizen"), &pki).await.passed());
    assert!(judged_after(&judge, pki.signed_by("citizen"), &pki, HOUR / 2).await.passed());
    assert_eq!(pki.machine.asked("ocsp"), 1);
    pki.clock.step_by(HOUR + 1);
    judged(&judge, pki.signed_by("citizen"), &pki).await;
    assert_eq!(pki.machine.asked("ocsp"), 2);
}

#[rstest]
#[case::garbage(b"no answer at all".to_vec(), "expected the element")]
#[case::try_later_of_the_protocol(vec![0x30, 3, 0x0a, 1, 3], "error 3")]
#[tokio::test]
async fn an_answer_that_cannot_be_read_is_a_silence_and_the_list_is_asked(#[case] answer: Vec<u8>, #[case] why: &str) {
    let pki = Pki::naming(ALL);
    let given = answer.clone();
    pki.machine.on("ocsp", move |_| Reply::Bytes(given.clone()));
    assert!(judged(&pki.judge(), pki.signed_by("citizen"), &pki).await.passed());
    assert_eq!(pki.machine.asked("intermediate.crl"), 1);
    let pki = Pki::naming(OCSP);
    pki.machine.on("ocsp", move |_| Reply::Bytes(answer.clone()));
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert!(verdict.detail.as_ref().unwrap().contains(why), "{:?}", verdict.detail);
}

#[tokio::test]
async fn a_certificate_that_the_responder_does_not_know_waits() {
    let pki = Pki::naming(OCSP);
    std::fs::write(pki.path("ca/intermediate.index.txt"), "").unwrap();
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::TryLater));
    assert!(verdict.detail.as_ref().unwrap().contains("does not know"), "{:?}", verdict.detail);
}

#[tokio::test]
async fn the_whole_path_is_asked_about() {
    let pki = Pki::naming(ALL);
    assert!(judged(&pki.judge(), pki.signed_by("citizen"), &pki).await.passed());
    assert_eq!((pki.machine.asked("ocsp"), pki.machine.asked("root.crl")), (1, 1));
    pki.revoke("intermediates/intermediate", Some((pki.clock.now().0 - HOUR, "cACompromise")));
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::RevokedCaNoPoe), "{:?}", verdict.detail);
    assert_eq!(verdict.revocation, Revocation::Good);
    // Nobody answers for the authority: what is known of the signer alone is not enough.
    pki.machine.on("root.crl", |_| Reply::Status(503));
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::TryLater));
}

#[tokio::test]
async fn a_revoked_time_stamping_authority_proves_no_time_unless_it_only_retired() {
    let pki = Pki::naming(OCSP);
    let signature = pki.stamped_by("citizen");
    let stamped = |reason: &'static str, revoked: i64| {
        pki.revoke("tsa", Some((pki.clock.now().0 + revoked, reason)));
        let (judge, signature, pki) = (pki.judge(), signature.clone(), pki.clone());
        async move { judged(&judge, signature, &pki).await.timestamps[0].trusted }
    };
    assert!(!stamped("keyCompromise", -HOUR).await);
    assert!(!stamped("superseded", -HOUR).await);
    assert!(stamped("keyCompromise", HOUR).await);
    // It stamped now and retired a second later: it is revoked today, and its tokens stay good.
    pki.revoke("tsa", Some((pki.clock.now().0 + HOUR, "superseded")));
    let judge = pki.judge();
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer(request, &["-ndays", "3"])));
    pki.clock.step_by(DAY);
    assert!(judged(&judge, signature.clone(), &pki).await.timestamps[0].trusted);
}

#[tokio::test]
async fn many_who_want_the_same_wait_for_one_request() {
    let pki = Pki::naming(OCSP);
    let judge = pki.judge();
    let signature = pki.signed_by("citizen");
    let verdicts = (0..16).map(|_| judged(&judge, signature.clone(), &pki));
    let verdicts = futures_util::future::join_all(verdicts).await;
    assert!(verdicts.iter().all(ventanilla::signature::Verdict::passed));
    assert_eq!(pki.machine.asked("ocsp"), 1);
}

#[tokio::test]
async fn a_machine_that_is_not_listed_sees_nobody() {
    let stranger = Machine::start();
    assert_eq!(stranger.connections(), 0);
    let pki = Pki::naming(ALL);
    let settings = config::Signature { revocation_hosts: vec![stranger.host()], ..pki.settings() };
    for (mode, reason) in [
        (config::Revocation::WhenAvailable, None),
        (config::Revocation::Require, Some(SubIndication::TryLater)),
        (config::Revocation::Off, None),
    ] {
        let judge = pki.judge_by(&config::Signature { revocation: mode, ..settings.clone() });
        let verdict = judged(&judge, pki.signed_by("revoked"), &pki).await;
        assert_eq!(verdict.sub_indication, reason, "{mode:?}");
        let known = if mode == config::Revocation::Off { Revocation::NotChecked } else { Revocation::Unknown };
        assert_eq!(verdict.revocation, known, "{mode:?}");
        if reason.is_some() {
            assert!(verdict.detail.as_ref().unwrap().contains("revocation_hosts"), "{:?}", verdict.detail);
        }
    }
    assert_eq!((pki.machine.connections(), stranger.connections()), (0, 0));
}
