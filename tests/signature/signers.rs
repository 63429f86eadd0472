//! Who may sign, and who may not.

use openssl::asn1::Asn1Time;
use openssl::x509::X509;
use rstest::rstest;
use ventanilla::signature::{
    self, Anchors, IdType, Indication, Level, Placement, Policy, Revocation, RevocationMode, SubIndication,
};

use crate::pki::{NOW, TEXT, certificate, file, judged, key, openssl_cms, policy, sealed_by};

#[rstest]
fn everybody_with_a_good_certificate_signs(
    #[values(
        "citizen",
        "citizen2",
        "resident",
        "representative",
        "company-seal",
        "eoffice-seal",
        "entity-seal",
        "citizen-prime256v1",
        "citizen-secp384r1",
        "citizen-secp521r1",
        "citizen-brainpoolP256r1",
        "citizen-ed25519"
    )]
    who: &str,
) {
    let verdict = judged(&sealed_by(who));
    assert_eq!((verdict.indication, verdict.sub_indication), (Indication::TotalPassed, None), "{:?}", verdict.detail);
    assert!(verdict.intact && verdict.trusted);
    assert_eq!(verdict.level, Some(Level::B));
    assert_eq!(verdict.revocation, Revocation::NotChecked);
    assert_eq!((verdict.signed_at, verdict.claimed_signed_at), (NOW, Some(NOW)));
    assert_eq!(verdict.coverage.placement, Some(Placement::Detached));
    assert_eq!(verdict.covers, "submission");
}

#[rstest]
#[case("expired", SubIndication::OutOfBoundsNoPoe)]
#[case("not-yet-valid", SubIndication::OutOfBoundsNoPoe)]
#[case("weak-rsa1024", SubIndication::CryptoConstraintsFailure)]
#[case("weak-sha1", SubIndication::CryptoConstraintsFailure)]
#[case("wrong-key-usage", SubIndication::ChainConstraintsFailure)]
#[case("critical-extension", SubIndication::ChainConstraintsFailure)]
#[case("untrusted/citizen", SubIndication::NoCertificateChainFound)]
#[case("untrusted/impostor", SubIndication::NoCertificateChainFound)]
fn nobody_else_does_though_the_bytes_are_intact(#[case] who: &str, #[case] reason: SubIndication) {
    let verdict = judged(&sealed_by(who));
    assert_eq!(verdict.indication, Indication::Indeterminate);
    assert_eq!(verdict.sub_indication, Some(reason), "{:?}", verdict.detail);
    assert!(verdict.intact);
    assert!(verdict.detail.is_some());
    assert_ne!(verdict.explanation.es, "La firma es válida.");
}

#[test]
fn a_citizen_cannot_issue_certificates() {
    let chain = [certificate("citizen")];
    let minted =
        signature::seal(TEXT, &key("untrusted/minted"), &certificate("untrusted/minted"), &chain, NOW).unwrap();
    let verdict = judged(&minted);
    assert_eq!(verdict.sub_indication, Some(SubIndication::ChainConstraintsFailure), "{:?}", verdict.detail);
    assert!(!verdict.trusted);
}

#[test]
fn an_authority_in_the_signature_is_no_anchor() {
    let chain = [certificate("untrusted/root")];
    let signature =
        signature::seal(TEXT, &key("untrusted/citizen"), &certificate("untrusted/citizen"), &chain, NOW).unwrap();
    assert_eq!(judged(&signature).sub_indication, Some(SubIndication::NoCertificateChainFound));
}

#[test]
fn the_intermediate_may_come_with_the_signature() {
    let policy = Policy { revocation: RevocationMode::Off, ..Policy::load(&file("anchors")).unwrap() };
    let chain = [certificate("intermediates/intermediate")];
    for (chain, expected) in [(&chain[..], None), (&[], Some(SubIndication::NoCertificateChainFound))] {
        let signature = signature::seal(TEXT, &key("citizen"), &certificate("citizen"), chain, NOW).unwrap();
        let verdict = &signature::judge(&signature, Some(TEXT), "submission", NOW, &policy)[0];
        assert_eq!(verdict.sub_indication, expected);
    }
}

#[test]
fn an_issuing_authority_can_be_the_anchor_itself() {
    let anchors = Anchors::new(vec![certificate("intermediates/intermediate")], Vec::new()).unwrap();
    let policy = Policy { anchors, ..policy() };
    assert!(signature::judge(&sealed_by("citizen"), Some(TEXT), "submission", NOW, &policy)[0].passed());
}

#[test]
fn the_time_of_reception_decides_and_not_the_claimed_one() {
    let in_2020 = 1_600_000_000_000_000;
    let signature = signature::seal(TEXT, &key("expired"), &certificate("expired"), &[], in_2020).unwrap();
    let at = |time| signature::judge(&signature, Some(TEXT), "submission", time, &policy()).remove(0);
    assert_eq!(at(NOW).sub_indication, Some(SubIndication::OutOfBoundsNoPoe));
    assert_eq!(at(NOW).claimed_signed_at, Some(in_2020));
    assert!(at(in_2020).passed(), "{:?}", at(in_2020).detail);
}

#[test]
fn with_revocation_required_and_nobody_to_ask_the_answer_is_try_later() {
    for (mode, reason, revocation) in [
        (RevocationMode::Require, Some(SubIndication::TryLater), Revocation::Unknown),
        (RevocationMode::WhenAvailable, None, Revocation::Unknown),
        (RevocationMode::Off, None, Revocation::NotChecked),
    ] {
        let policy = Policy { revocation: mode, ..policy() };
        let verdict = &signature::judge(&sealed_by("citizen"), Some(TEXT), "submission", NOW, &policy)[0];
        assert_eq!((verdict.sub_indication, verdict.revocation), (reason, revocation));
    }
}

#[rstest]
#[case("citizen", "Ana García López", Some(IdType::Nif), "00000000T", None, true, false)]
#[case("citizen2", "Luis Martínez Ruiz", Some(IdType::Nif), "12345678Z", None, false, false)]
#[case("resident", "Carla Rossi", Some(IdType::Nie), "X1234567L", None, false, false)]
#[case("representative", "Marta Pérez Gil", Some(IdType::Nif), "11111111H", Some("B12345674"), true, false)]
#[case("company-seal", "Obras del Sur, S. L.", Some(IdType::Cif), "B12345674", Some("B12345674"), true, true)]
#[case("entity-seal", "Ayuntamiento de Ejemplo", Some(IdType::Cif), "P2912345B", Some("P2912345B"), true, true)]
fn the_certificate_says_who_it_was(
    #[case] who: &str,
    #[case] name: &str,
    #[case] id_type: Option<IdType>,
    #[case] id: &str,
    #[case] organization: Option<&str>,
    #[case] qualified: bool,
    #[case] seal: bool,
) {
    let signer = judged(&sealed_by(who)).signer.unwrap();
    assert_eq!(signer, signature::identify(&certificate(who).to_der().unwrap()).unwrap());
    assert_eq!((signer.name.as_str(), signer.id_type, signer.id.as_deref()), (name, id_type, Some(id)));
    assert_eq!(signer.organization.and_then(|organization| organization.id).as_deref(), organization);
    assert_eq!((signer.qualified, signer.seal), (qualified, seal));
}

#[rstest]
#[case::plain(&["-outform", "DER"], None)]
#[case::pem(&["-outform", "PEM"], None)]
#[case::cades(&["-outform", "DER", "-cades"], Some(Level::B))]
#[case::key_identifier(&["-outform", "DER", "-cades", "-keyid"], Some(Level::B))]
#[case::indefinite_lengths(&["-outform", "DER", "-cades", "-nodetach", "-stream"], Some(Level::B))]
#[case::pss(&["-outform", "DER", "-cades", "-keyopt", "rsa_padding_mode:pss"], Some(Level::B))]
#[case::sha_512(&["-outform", "DER", "-cades", "-md", "sha512"], Some(Level::B))]
#[case::sha_3(&["-outform", "DER", "-cades", "-md", "sha3-256"], Some(Level::B))]
fn what_openssl_signs_passes(#[case] options: &[&str], #[case] level: Option<Level>) {
    let verdict = judged(&openssl_cms("citizen", options));
    assert_eq!((verdict.sub_indication, verdict.level), (None, level), "{:?}", verdict.detail);
}

#[test]
fn without_signed_attributes_a_signature_is_intact_and_not_enough() {
    let verdict = judged(&openssl_cms("citizen", &["-outform", "DER", "-noattr"]));
    assert!(verdict.intact);
    assert_eq!((verdict.sub_indication, verdict.level), (Some(SubIndication::SigConstraintsFailure), None));
}

#[test]
fn a_weak_digest_is_called_weak() {
    let verdict = judged(&openssl_cms("citizen", &["-outform", "DER", "-md", "sha1"]));
    assert!(verdict.intact);
    assert_eq!(verdict.sub_indication, Some(SubIndication::CryptoConstraintsFailure));
}

#[test]
fn every_signer_gets_a_verdict() {
    let (second, second_key) = (file("citizen2.test.pem"), file("citizen2.test.key"));
    let second = ["-signer", second.to_str().unwrap(), "-inkey", second_key.to_str().unwrap()];
    let both = openssl_cms("expired", &[&["-outform", "DER", "-cades"][..], &second[..]].concat());
    let verdicts = signature::judge(&both, Some(TEXT), "file", NOW, &policy());
    assert_eq!(verdicts.len(), 2);
    assert_eq!(verdicts.iter().filter(|verdict| verdict.passed()).count(), 1);
}

#[test]
fn attached_content_must_be_the_content() {
    let attached = openssl_cms("citizen", &["-outform", "DER", "-cades", "-nodetach"]);
    assert!(judged(&attached).passed());
    assert_eq!(judged(&attached).coverage.placement, Some(Placement::Attached));
    let alone = &signature::judge(&attached, None, "file", NOW, &policy())[0];
    assert_eq!((alone.passed(), alone.coverage.bytes), (true, Some(TEXT.len() as u64)));
    let other = &signature::judge(&attached, Some(b"another text"), "file", NOW, &policy())[0];
    assert_eq!((other.intact, other.sub_indication), (false, Some(SubIndication::HashFailure)));
}

#[test]
fn a_detached_signature_alone_lacks_its_content() {
    let verdict = &signature::judge(&sealed_by("citizen"), None, "file", NOW, &policy())[0];
    assert_eq!(verdict.sub_indication, Some(SubIndication::SignedDataNotFound));
    assert!(!verdict.intact);
    assert_eq!(verdict.signer.as_ref().unwrap().id.as_deref(), Some("00000000T"));
}

#[test]
fn a_certificate_exchanged_for_another_of_the_same_key_is_noticed() {
    // Same issuer, serial number and key, another name: only signing-certificate-v2 tells them apart.
    let genuine = certificate("citizen");
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(genuine.serial_number()).unwrap();
    builder.set_issuer_name(genuine.issuer_name()).unwrap();
    builder.set_subject_name(certificate("citizen2").subject_name()).unwrap();
    builder.set_pubkey(&genuine.public_key().unwrap()).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(1_704_067_200).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(2_650_838_400).unwrap()).unwrap();
    builder.sign(&key("ca/intermediate"), openssl::hash::MessageDigest::sha256()).unwrap();
    let swapped = builder.build().to_der().unwrap();

    let signature = openssl_cms("citizen", &["-outform", "DER", "-cades", "-nocerts"]);
    let verdict = judged(&signature);
    assert_eq!(verdict.sub_indication, Some(SubIndication::NoSigningCertificateFound));

    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("swapped.pem");
    std::fs::write(&path, X509::from_der(&swapped).unwrap().to_pem().unwrap()).unwrap();
    let options = ["-outform", "DER", "-cades", "-nocerts", "-certfile", path.to_str().unwrap()];
    let verdict = judged(&openssl_cms("citizen", &options));
    assert!(verdict.intact, "{:?}", verdict.detail);
    assert_eq!(verdict.sub_indication, Some(SubIndication::NoSigningCertificateFound));
    // Plain CMS has nothing to notice it by: the certificate counts as it stands.
    let options = ["-outform", "DER", "-nocerts", "-certfile", path.to_str().unwrap()];
    assert!(judged(&openssl_cms("citizen", &options)).passed());
}

#[test]
fn a_verdict_is_shown_in_the_zone_of_the_entity() {
    let verdict = judged(&sealed_by("citizen")).in_zone(chrono_tz::Europe::Madrid);
    insta::assert_json_snapshot!(verdict);
}
