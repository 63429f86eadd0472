//! Suspended certificates: their authority has spoken, so they are not taken for want of an answer.

use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::config::{OnIndeterminate, Revocation};
use ventanilla::signature::{self, Cause, SubIndication, Verdict};

use crate::carried::{Carried, alone, openssl_der, signed};
use crate::harness::paper::fresh_key;
use crate::harness::site::Engine;
use crate::machine::Reply;
use crate::pki::{ALL, CRL, HOUR, Names, OCSP, Pki, judged};
use crate::submissions::{form, town};

const HOLD: &str = "certificateHold";
const BOTH_LISTS: Names = Names { ocsp: false, crl: true, root_crl: true, issuer: false };

fn suspend(pki: &Pki, who: &str) {
    pki.revoke(who, Some((pki.clock.now().0 - HOUR, HOLD)));
}

fn reason(verdict: &Verdict) -> (Option<SubIndication>, Option<Cause>) {
    (verdict.sub_indication, verdict.cause)
}

const ON_HOLD: (Option<SubIndication>, Option<Cause>) = (Some(SubIndication::TryLater), Some(Cause::OnHold));
const NO_ANSWER: (Option<SubIndication>, Option<Cause>) = (Some(SubIndication::TryLater), Some(Cause::NoAnswer));

#[rstest]
#[tokio::test]
async fn a_submission_by_a_suspended_certificate_is_refused_however_it_is_set(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(OnIndeterminate::Accept, OnIndeterminate::Refuse)] on_indeterminate: OnIndeterminate,
    #[values(OCSP, CRL)] names: Names,
) {
    let pki = Pki::naming(names);
    suspend(&pki, "citizen");
    let town = town(engine, &pki, Revocation::Require, on_indeterminate).await;
    let before = town.holdings().await;
    let answer = town.submit(&form(&pki, "citizen"), &fresh_key()).await.is(422, "signature-invalid");
    let verdict = &answer.json()["signatures"][0];
    assert_eq!(
        (&verdict["sub_indication"], &verdict["cause"]),
        (&json!("try_later"), &json!("on_hold")),
        "{verdict:#}"
    );
    assert_eq!(verdict["revocation"], "revoked");
    assert!(verdict["explanation"]["es"].as_str().unwrap().contains("suspendido"), "{verdict:#}");
    assert!(verdict["explanation"]["en"].as_str().unwrap().contains("suspended"), "{verdict:#}");
    assert_eq!(town.holdings().await, before);
}

#[rstest]
#[case::the_authority("intermediates/intermediate", BOTH_LISTS)]
#[case::the_time_stamping_authority("tsa", OCSP)]
#[tokio::test]
async fn so_is_one_that_stands_on_somebody_suspended(#[case] who: &str, #[case] names: Names) {
    let pki = Pki::naming(names);
    suspend(&pki, who);
    let verdict = judged(&pki.judge(), pki.stamped_by("citizen"), &pki).await;
    assert_eq!(reason(&verdict), ON_HOLD, "{:?}", verdict.detail);
    assert!(!verdict.lacks_an_answer());
}

#[tokio::test]
async fn a_suspension_weighs_more_than_the_silence_of_others() {
    let pki = Pki::naming(ALL);
    suspend(&pki, "citizen");
    // Nobody answers for the authority above, nor for the one that stamped.
    pki.machine.on("root.crl", |_| Reply::Status(503));
    let verdict = judged(&pki.judge(), pki.stamped_by("citizen"), &pki).await;
    assert_eq!(reason(&verdict), ON_HOLD, "{:?}", verdict.detail);
}

#[tokio::test]
async fn what_was_signed_before_the_suspension_or_after_its_end_is_good() {
    let pki = Pki::naming(OCSP);
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer(request, &["-ndays", "1"])));
    let signature = pki.stamped_by("citizen");
    pki.clock.step_by(HOUR / 6);
    pki.revoke("citizen", Some((pki.clock.now().0 - HOUR / 12, HOLD)));
    pki.clock.step_by(HOUR / 6);
    let verdict = judged(&pki.judge(), signature, &pki).await;
    assert_eq!(reason(&verdict), (None, None), "{:?}", verdict.detail);
    pki.revoke("citizen", None);
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(reason(&verdict), (None, None), "{:?}", verdict.detail);
}

#[tokio::test]
async fn a_suspension_that_is_carried_counts_and_a_carried_delta_does_not_lift_it() {
    let pki = Pki::naming(CRL);
    suspend(&pki, "citizen");
    let base = pki.crl("intermediate", "");
    pki.revoke("citizen", Some((pki.clock.now().0 - HOUR / 2, "removeFromCRL")));
    let delta = pki.crl("intermediate", "2.5.29.27 = critical, ASN1:INT:7");
    let root = pki.crl("root", "");
    for crls in [vec![base.clone(), root.clone()], vec![delta.clone(), base, root]] {
        let carried = Carried { crls, ..Carried::default() };
        let signature = openssl_der(&signed(&pki, "citizen", &carried));
        let verdict = judged(&alone(&pki, Revocation::Require), signature, &pki).await;
        assert_eq!(reason(&verdict), ON_HOLD, "{:?}", verdict.detail);
    }
    // Alone it neither clears nor condemns.
    let carried = Carried { crls: vec![delta], ..Carried::default() };
    let signature = openssl_der(&signed(&pki, "citizen", &carried));
    let verdict = judged(&alone(&pki, Revocation::Require), signature, &pki).await;
    assert_eq!(reason(&verdict), NO_ANSWER, "{:?}", verdict.detail);
}

#[rstest]
#[tokio::test]
async fn removed_from_the_list_means_nothing_in_what_is_no_delta(#[values(OCSP, CRL)] names: Names) {
    let pki = Pki::naming(names);
    pki.revoke("citizen", Some((pki.clock.now().0 - HOUR, "removeFromCRL")));
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(reason(&verdict), NO_ANSWER, "{:?}", verdict.detail);
    assert!(verdict.detail.as_ref().unwrap().contains("no longer is"), "{:?}", verdict.detail);
}

#[rstest]
#[tokio::test]
async fn an_entry_taken_for_want_of_an_answer_tells_that_its_certificate_was_suspended(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let pki = Pki::naming(OCSP);
    pki.machine.on("ocsp", |_| Reply::Status(503));
    let town = town(engine, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    let registered = town.submit(&form(&pki, "citizen"), &fresh_key()).await.registered();
    let id = registered["entry"]["id"].as_str().unwrap();
    assert_eq!(registered["signatures"][0]["cause"], "no_answer");

    suspend(&pki, "citizen");
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer(request, &["-ndays", "1"])));
    let shown = async |town: &crate::harness::town::Town| -> (Value, usize) {
        let _ = town.app.registry.judge_again_once(&town.app.entity, &town.app.judge).await.unwrap();
        let entry = town.get(&format!("/entries/{id}"), "clerk").await.is(200, "").json();
        let events = town.get(&format!("/entries/{id}/events"), "clerk").await.is(200, "").json();
        (entry["signatures"][0].clone(), events["items"].as_array().unwrap().len())
    };
    pki.clock.step_by(HOUR / 4);
    let (verdict, events) = shown(&town).await;
    assert_eq!(
        (&verdict["sub_indication"], &verdict["cause"]),
        (&json!("try_later"), &json!("on_hold")),
        "{verdict:#}"
    );
    assert_eq!(events, 2);
    // It is said once, and asked again, though somebody be silent in between: a suspension may end.
    pki.clock.step_by(HOUR);
    assert_eq!(shown(&town).await.1, 2);
    pki.machine.on("ocsp", |_| Reply::Status(503));
    pki.clock.step_by(30 * HOUR);
    assert_eq!(shown(&town).await.1, 2);
    pki.revoke("citizen", None);
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer(request, &["-ndays", "3"])));
    pki.clock.step_by(2 * HOUR);
    let (verdict, events) = shown(&town).await;
    assert_eq!((&verdict["indication"], events), (&json!("total_passed"), 3), "{verdict:#}");
}

#[test]
fn a_verdict_kept_before_its_cause_was_told_waits_for_an_answer() {
    let verdict = json!({
        "covers": "file", "coverage": {"placement": null, "bytes": null}, "format": "cades", "level": "B",
        "indication": "indeterminate", "sub_indication": "try_later", "intact": true, "trusted": true,
        "revocation": "unknown", "signer": null, "signed_at": 1, "claimed_signed_at": null,
        "certificate_sha256": null, "explanation": {"es": "", "en": ""}
    });
    let verdict: signature::Verdict = serde_json::from_value(verdict).unwrap();
    assert!(verdict.lacks_an_answer());
}
