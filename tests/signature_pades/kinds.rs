//! Every kind of signature that a PDF may hold, good and bad.

use openssl::hash::MessageDigest;
use openssl::sign::Signer;
use rstest::rstest;
use ventanilla::signature::{
    self, Format, Indication, Kind, LaterClass, Level, Placement, Policy, RevocationMode, SubIndication,
};

use crate::paper::{Paper, Seal, Xref, judged, references, signed};
use crate::pki::{NOW, certificate, key, openssl_cms_of, policy};
use crate::stamps;

const IN_2040: i64 = NOW + 14 * 365 * 86_400 * 1_000_000;

#[rstest]
fn a_signed_pdf_passes(#[values(Xref::Table, Xref::Stream)] xref: Xref) {
    let mut paper = Paper::new(xref);
    paper.sign(&Seal::by("citizen"));
    let [verdict] = &paper.judged()[..] else { panic!() };
    assert_eq!((verdict.indication, verdict.sub_indication), (Indication::TotalPassed, None), "{:?}", verdict.detail);
    assert_eq!((verdict.format, verdict.level, verdict.kind), (Format::Pades, Some(Level::B), Kind::Signature));
    assert!(verdict.intact && verdict.trusted);
    assert_eq!((verdict.covers_whole_file, &verdict.coverage.later), (Some(true), &None));
    assert_eq!(verdict.coverage.placement, Some(Placement::Enveloped));
    assert_eq!(verdict.coverage.bytes, Some(paper.bytes.len() as u64 - 9002));
    assert_eq!((verdict.signed_at, verdict.claimed_signed_at), (NOW, Some(NOW)));
    assert_eq!(verdict.signer.as_ref().unwrap().id.as_deref(), Some("00000000T"));
}

#[rstest]
#[case("expired", SubIndication::OutOfBoundsNoPoe)]
#[case("weak-rsa1024", SubIndication::CryptoConstraintsFailure)]
#[case("wrong-key-usage", SubIndication::ChainConstraintsFailure)]
#[case("untrusted/citizen", SubIndication::NoCertificateChainFound)]
fn a_certificate_that_is_not_good_enough_is_no_better_in_a_pdf(#[case] who: &str, #[case] reason: SubIndication) {
    let mut paper = Paper::new(Xref::Table);
    paper.sign(&Seal::by(who));
    let verdict = &paper.judged()[0];
    assert_eq!((verdict.intact, verdict.sub_indication), (true, Some(reason)), "{:?}", verdict.detail);
}

#[test]
fn a_plain_cms_passes_without_a_level() {
    let mut paper = Paper::new(Xref::Table);
    paper.sign(&Seal { sub_filter: "adbe.pkcs7.detached", ..Seal::by("citizen") });
    let verdict = &paper.judged()[0];
    assert_eq!((verdict.passed(), verdict.level), (true, None), "{:?}", verdict.detail);
}

#[test]
fn every_signer_is_judged_in_the_order_of_signing() {
    let mut paper = signed();
    paper.sign(&Seal::by("citizen2"));
    let verdicts = paper.judged();
    let ids: Vec<_> = verdicts.iter().map(|verdict| verdict.signer.as_ref().unwrap().id.as_deref().unwrap()).collect();
    assert_eq!(ids, ["00000000T", "12345678Z"]);
    assert!(verdicts.iter().all(signature::Verdict::passed));
    assert_eq!([verdicts[0].covers_whole_file, verdicts[1].covers_whole_file], [Some(false), Some(true)]);
    let later = verdicts[0].coverage.later.as_ref().unwrap();
    assert_eq!((later.class, later.harmless), (LaterClass::Signatures, true));
}

/// SHA-1 of the document, signed as the content of a CMS.
fn digest_inside(content: &[u8]) -> Vec<u8> {
    openssl_cms_of(&openssl::sha::sha1(content), "citizen", &["-outform", "DER", "-nodetach"])
}

#[test]
fn a_signed_sha_1_digest_is_intact_and_too_weak() {
    let mut paper = Paper::new(Xref::Table);
    paper.sign(&Seal { sub_filter: "adbe.pkcs7.sha1", value: Box::new(digest_inside), ..Seal::by("citizen") });
    let verdict = &paper.judged()[0];
    assert_eq!((verdict.intact, verdict.sub_indication), (true, Some(SubIndication::CryptoConstraintsFailure)));
    assert_eq!(verdict.level, None);
    let in_2012 = 1_330_000_000_000_000;
    let then = &signature::judge_file(&paper.bytes, None, "file", in_2012, &policy())[0];
    assert_ne!(then.sub_indication, Some(SubIndication::CryptoConstraintsFailure));
    paper.bytes[20] ^= 1;
    let verdict = &paper.judged()[0];
    assert_eq!((verdict.intact, verdict.sub_indication), (false, Some(SubIndication::HashFailure)));
}

#[test]
fn a_bare_rsa_signature_is_intact_and_too_weak() {
    let bare = |content: &[u8]| {
        let key = key("citizen");
        let value = Signer::new(MessageDigest::sha1(), &key).unwrap().sign_oneshot_to_vec(content).unwrap();
        [&[0x04, 0x82, 0x01, 0x00][..], &value].concat()
    };
    let entries = format!("/Cert <{}>", hex::encode(certificate("citizen").to_der().unwrap()));
    let seal = Seal { sub_filter: "adbe.x509.rsa_sha1", entries, value: Box::new(bare), ..Seal::by("citizen") };
    let mut paper = Paper::new(Xref::Table);
    paper.sign(&seal);
    let verdict = &paper.judged()[0];
    assert_eq!((verdict.intact, verdict.sub_indication), (true, Some(SubIndication::CryptoConstraintsFailure)));
    assert_eq!(verdict.signer.as_ref().unwrap().id.as_deref(), Some("00000000T"));
    // Nothing in the signature says when: the time is the dictionary's.
    assert_eq!(verdict.claimed_signed_at, Some(NOW));
    paper.bytes[20] ^= 1;
    assert_eq!(paper.judged()[0].sub_indication, Some(SubIndication::SigCryptoFailure));
}

#[test]
fn a_kind_of_signature_that_is_not_known_is_named() {
    let mut paper = Paper::new(Xref::Table);
    paper.sign(&Seal { sub_filter: "acme.magic", ..Seal::by("citizen") });
    let verdict = &paper.judged()[0];
    assert_eq!((verdict.format, verdict.sub_indication), (Format::Pades, Some(SubIndication::FormatFailure)));
    assert!(verdict.detail.as_ref().unwrap().contains("acme.magic"));
}

#[test]
fn a_cms_that_signs_something_else_is_noticed() {
    let mut paper = Paper::new(Xref::Table);
    let other =
        |_: &[u8]| signature::seal(b"another text", &key("citizen"), &certificate("citizen"), &[], NOW).unwrap();
    paper.sign(&Seal { value: Box::new(other), ..Seal::by("citizen") });
    let verdict = &paper.judged()[0];
    assert_eq!((verdict.intact, verdict.sub_indication), (false, Some(SubIndication::HashFailure)));
    assert_eq!(verdict.covers_whole_file, Some(false));
    // Nor does a content inside the CMS stand for the document around it.
    let inside = |content: &[u8]| openssl_cms_of(content, "citizen", &["-outform", "DER", "-cades", "-nodetach"]);
    let mut paper = Paper::new(Xref::Table);
    paper.sign(&Seal { value: Box::new(inside), ..Seal::by("citizen") });
    assert_eq!(paper.judged()[0].sub_indication, Some(SubIndication::FormatFailure));
}

#[test]
fn garbage_in_place_of_a_cms_is_a_format_failure() {
    for garbage in [&b"garbage"[..], &[0x30, 0x80], &[]] {
        let mut paper = Paper::new(Xref::Table);
        paper.sign(&Seal { value: Box::new(move |_| garbage.to_vec()), ..Seal::by("citizen") });
        let verdict = &paper.judged()[0];
        assert_eq!((verdict.format, verdict.sub_indication), (Format::Pades, Some(SubIndication::FormatFailure)));
    }
}

#[test]
fn a_pdf_without_signatures_says_so() {
    let verdicts = Paper::new(Xref::Table).judged();
    let [verdict] = &verdicts[..] else { panic!() };
    assert_eq!((verdict.format, verdict.sub_indication), (Format::Unknown, Some(SubIndication::FormatFailure)));
    assert_eq!(verdict.detail.as_deref(), Some("the PDF holds no signature"));
}

#[test]
fn a_document_timestamp_is_evidence_and_no_signature() {
    let mut paper = signed();
    paper.sign(&Seal::timestamp());
    let verdicts = signature::judge_file(&paper.bytes, None, "file", IN_2040, &policy());
    let [signature, timestamp] = &verdicts[..] else { panic!() };
    assert_eq!((timestamp.kind, timestamp.level), (Kind::DocumentTimestamp, None));
    assert!(timestamp.passed() && timestamp.covers_whole_file == Some(true), "{:?}", timestamp.detail);
    assert_eq!(timestamp.claimed_signed_at, Some(timestamp.signed_at));
    assert!(signature.passed(), "{:?}", signature.detail);
    assert_eq!((signature.kind, signature.level), (Kind::Signature, Some(Level::T)));
    assert_eq!(signature.signed_at, timestamp.signed_at);
    let [stamp] = &signature.timestamps[..] else { panic!() };
    assert!(stamp.document && stamp.intact && stamp.trusted);
}

#[test]
fn a_document_timestamp_over_something_else_proves_nothing() {
    let other = |_: &[u8]| stamps::token(b"another document", "tsa");
    for (value, reason) in [
        (Box::new(other) as Box<dyn Fn(&[u8]) -> Vec<u8>>, SubIndication::HashFailure),
        (Box::new(|_| vec![0x30, 0]), SubIndication::FormatFailure),
        (
            Box::new(|content| signature::seal(content, &key("citizen"), &certificate("citizen"), &[], NOW).unwrap()),
            SubIndication::FormatFailure,
        ),
    ] {
        let mut paper = signed();
        paper.sign(&Seal { value, ..Seal::timestamp() });
        let verdicts = signature::judge_file(&paper.bytes, None, "file", IN_2040, &policy());
        assert_eq!(verdicts[1].sub_indication, Some(reason), "{:?}", verdicts[1].detail);
        assert!(!verdicts[1].intact);
        assert_eq!(verdicts[0].level, Some(Level::B));
        assert_eq!(verdicts[0].signed_at, IN_2040);
    }
}

#[test]
fn a_citizen_is_no_timestamping_authority() {
    let forged = |content: &[u8]| {
        let genuine = stamps::token(content, "tsa");
        let name = hex::decode("060b2a864886f70d0109100104").unwrap();
        let at = genuine.windows(name.len()).position(|window| window == name).unwrap() + name.len();
        // The content stands in two wrappings of less than 128 bytes.
        let [0xa0, _, 0x04, length] = genuine[at..at + 4] else { panic!("{:x?}", &genuine[at..at + 4]) };
        let info = &genuine[at + 4..at + 4 + usize::from(length)];
        let options = ["-outform", "DER", "-cades", "-nodetach", "-econtent_type", "1.2.840.113549.1.9.16.1.4"];
        openssl_cms_of(info, "citizen", &options)
    };
    let mut paper = signed();
    paper.sign(&Seal { value: Box::new(forged), ..Seal::timestamp() });
    let verdicts = signature::judge_file(&paper.bytes, None, "file", IN_2040, &policy());
    assert_eq!((verdicts[1].intact, verdicts[1].sub_indication), (true, Some(SubIndication::ChainConstraintsFailure)));
    assert_eq!((verdicts[0].level, verdicts[0].timestamps[0].trusted), (Some(Level::B), false));
}

#[test]
fn several_signer_infos_in_one_signature_are_one_too_many() {
    let second = |who: &str, kind: &str| crate::pki::file(&format!("{who}.test.{kind}")).display().to_string();
    let both = move |content: &[u8]| {
        let (certificate, key) = (second("citizen2", "pem"), second("citizen2", "key"));
        let options = ["-outform", "DER", "-cades", "-signer", &certificate, "-inkey", &key];
        openssl_cms_of(content, "citizen", &options)
    };
    let mut paper = Paper::new(Xref::Table);
    paper.sign(&Seal { value: Box::new(both), ..Seal::by("citizen") });
    let [verdict] = &paper.judged()[..] else { panic!() };
    assert_eq!((verdict.intact, verdict.level), (true, None));
    assert_eq!(verdict.sub_indication, Some(SubIndication::SigConstraintsFailure));
}

#[test]
fn validation_data_and_a_timestamp_over_it_make_the_higher_levels() {
    // Carried revocation data count; nobody can be asked for more.
    let policy = Policy { revocation: RevocationMode::WhenAvailable, ..policy() };
    let in_time = |paper: &Paper| signature::judge_file(&paper.bytes, None, "file", IN_2040, &policy).remove(0).level;
    let mut paper = signed();
    paper.sign(&Seal::timestamp());
    assert_eq!(in_time(&paper), Some(Level::T));
    let crls = ["intermediates/intermediate", "anchors/root"].map(crate::crl::by);
    add_store(&mut paper, &crls[..1]);
    assert_eq!(in_time(&paper), Some(Level::T), "the intermediate's own revocation is missing");
    add_store(&mut paper, &crls);
    assert_eq!(in_time(&paper), Some(Level::Lt));
    paper.sign(&Seal::timestamp());
    assert_eq!(in_time(&paper), Some(Level::Lta));
    // Taken away again, the store is not there; the timestamp still covers the revision that has it.
    paper.catalog.clear();
    paper.put_structure();
    paper.finish();
    assert_eq!(in_time(&paper), Some(Level::Lta));
    assert!(
        judged(&paper.bytes).iter().all(|verdict| verdict.coverage.later.as_ref().is_none_or(|later| later.harmless))
    );
}

#[rstest]
#[case::of_the_signer_alone(&["citizen"], Level::T)]
#[case::of_the_authority_alone(&["tsa"], Level::T)]
#[case::of_both(&["citizen", "tsa"], Level::Lt)]
fn lt_has_the_data_of_signer_and_timestamp(#[case] answered: &[&str], #[case] level: Level) {
    let policy = Policy { revocation: RevocationMode::WhenAvailable, ..policy() };
    let mut paper = signed();
    paper.sign(&Seal::timestamp());
    let answers: Vec<Vec<u8>> = answered.iter().map(|who| crate::crl::answer(who)).collect();
    add_data(&mut paper, &[crate::crl::by("anchors/root")], &answers);
    let verdict = signature::judge_file(&paper.bytes, None, "file", IN_2040, &policy).remove(0);
    assert_eq!((verdict.passed(), verdict.level), (true, Some(level)), "{:?}", verdict.detail);
}

/// Appends a document security store with these CRLs.
pub fn add_store(paper: &mut Paper, crls: &[Vec<u8>]) {
    add_data(paper, crls, &[]);
}

/// The same with answers of responders, too.
fn add_data(paper: &mut Paper, crls: &[Vec<u8>], answers: &[Vec<u8>]) {
    let mut list = |all: &[Vec<u8>]| {
        let numbers: Vec<u32> = all.iter().map(|_| paper.number()).collect();
        for (number, one) in numbers.iter().zip(all) {
            paper.put_stream(*number, "", one);
        }
        references(numbers)
    };
    let (crls, answers) = (list(crls), list(answers));
    let store = paper.number();
    paper.put(store, &format!("<< /Type /DSS /CRLs [{crls}] /OCSPs [{answers}] >>"));
    paper.catalog = format!("{} /DSS {store} 0 R", paper.catalog.split("/DSS").next().unwrap());
    paper.put_structure();
    paper.finish();
}
