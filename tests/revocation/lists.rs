//! Lists of revoked certificates (CRLs): which may be used, and for whom.

use rstest::rstest;
use ventanilla::config;
use ventanilla::signature::{Revocation, SubIndication};

use crate::machine::Reply;
use crate::pki::{CRL, HOUR, Pki, judged};

#[tokio::test]
async fn a_list_tells_good_from_revoked_and_is_asked_for_once() {
    let pki = Pki::naming(CRL);
    let judge = pki.judge();
    for (who, reason, revocation) in [
        ("citizen", None, Revocation::Good),
        ("revoked", Some(SubIndication::RevokedNoPoe), Revocation::Revoked),
        ("citizen2", None, Revocation::Good),
    ] {
        let verdict = judged(&judge, pki.signed_by(who), &pki).await;
        assert_eq!((verdict.sub_indication, verdict.revocation), (reason, revocation), "{who} {:?}", verdict.detail);
    }
    assert_eq!(pki.machine.asked("intermediate.crl"), 1);
}

#[rstest]
#[case::delta("deltaCRL = critical, ASN1:INT:1", "delta")]
#[case::delta_by_number("2.5.29.27 = critical, ASN1:INT:1", "delta")]
#[case::indirect("issuingDistributionPoint = critical, @idp\n[idp]\nindirectCRL = TRUE", "several authorities")]
#[case::some_reasons("issuingDistributionPoint = critical, @idp\n[idp]\nonlysomereasons = keyCompromise", "reasons")]
#[case::authorities_only("issuingDistributionPoint = critical, @idp\n[idp]\nonlyCA = TRUE", "another kind")]
#[case::attributes_only("issuingDistributionPoint = critical, @idp\n[idp]\nonlyAA = TRUE", "attributes")]
#[case::another_part(
    "issuingDistributionPoint = critical, @idp\n[idp]\nfullname = URI:http://a.example/2.crl",
    "another part"
)]
#[case::unknown_extension("1.3.6.1.4.1.55555.1 = critical, ASN1:NULL", "not known")]
#[tokio::test]
async fn a_list_that_speaks_for_others_says_nothing(#[case] extensions: &'static str, #[case] why: &str) {
    if extensions.starts_with("deltaCRL") {
        // The program has no such name for it in its configuration.
        return;
    }
    let pki = Pki::naming(CRL);
    let this = pki.clone();
    pki.machine.on("intermediate.crl", move |_| Reply::Bytes(this.crl("intermediate", extensions)));
    // Neither does it clear, nor does it condemn.
    for who in ["citizen", "revoked"] {
        let verdict = judged(&pki.judge(), pki.signed_by(who), &pki).await;
        assert_eq!(verdict.sub_indication, Some(SubIndication::TryLater), "{who}");
        assert!(verdict.detail.as_ref().unwrap().contains(why), "{:?}", verdict.detail);
    }
}

#[tokio::test]
async fn the_part_of_a_list_that_the_certificate_names_is_used() {
    let pki = Pki::naming(CRL);
    let (this, url) = (pki.clone(), pki.machine.url("intermediate.crl"));
    pki.machine.on("intermediate.crl", move |_| {
        let extensions =
            format!("issuingDistributionPoint = critical, @idp\n[idp]\nfullname = URI:{url}\nonlyuser = TRUE");
        Reply::Bytes(this.crl("intermediate", &extensions))
    });
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, None, "{:?}", verdict.detail);
}

#[rstest]
#[case::another_authority("root", "another authority")]
#[case::altered("", "signature is not")]
#[tokio::test]
async fn a_list_of_somebody_else_says_nothing(#[case] authority: &'static str, #[case] why: &str) {
    let pki = Pki::naming(CRL);
    let this = pki.clone();
    pki.machine.on("intermediate.crl", move |_| {
        if !authority.is_empty() {
            return Reply::Bytes(this.crl(authority, ""));
        }
        let mut list = this.crl("intermediate", "");
        // The first letter of a serial number: another certificate would be revoked.
        let place = list.windows(4).position(|window| window == [2, 2, 0x10, 0x0e]).unwrap();
        list[place + 3] = 0;
        Reply::Bytes(list)
    });
    let verdict = judged(&pki.judge(), pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::TryLater));
    assert!(verdict.detail.as_ref().unwrap().contains(why), "{:?}", verdict.detail);
}

#[tokio::test]
async fn a_stale_list_says_nothing() {
    let pki = Pki::naming(CRL);
    let judge = pki.judge();
    pki.clock.step_by(2 * HOUR);
    let verdict = judged(&judge, pki.signed_by("citizen"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::TryLater));
    assert!(verdict.detail.as_ref().unwrap().contains("stale"), "{:?}", verdict.detail);
}

#[tokio::test]
async fn lists_at_hand_are_enough_for_a_registry_that_reaches_nobody() {
    let pki = Pki::naming(CRL);
    let folder = pki.path("lists");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("root.crl"), pki.crl("root", "")).unwrap();
    std::fs::write(folder.join("issuing.crl"), pki.crl("intermediate", "")).unwrap();
    std::fs::write(folder.join("notes.txt"), "no list").unwrap();
    std::fs::write(folder.join("broken.crl"), "no list").unwrap();
    let settings = config::Signature {
        crls: folder,
        revocation: config::Revocation::Require,
        revocation_hosts: Vec::new(),
        ..pki.settings()
    };
    let judge = pki.judge_by(&settings);
    let verdict = judged(&judge, pki.signed_by("citizen"), &pki).await;
    assert_eq!((verdict.sub_indication, verdict.revocation), (None, Revocation::Good), "{:?}", verdict.detail);
    let verdict = judged(&judge, pki.signed_by("revoked"), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::RevokedNoPoe));
    assert_eq!(pki.machine.connections(), 0);
}
