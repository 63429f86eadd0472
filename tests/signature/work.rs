//! What checking one file may cost: counted, granted, and told where it was too much.

use rstest::rstest;
use ventanilla::signature::{self, Budget, Cause, Policy, RevocationMode, SubIndication, Verdict, Work};

use crate::parts::{Message, attribute, element};
use crate::pki::{NOW, TEXT, certificate, policy, sealed_by};
use crate::stamps::token;
use crate::unsigned::certificate_like;

const SIGNATURE_TIMESTAMP: &str = "2a864886f70d010910020e";
const COUNTER_SIGNATURE: &str = "2a864886f70d010906";
const YEARS: i64 = 14 * 365 * 86_400 * 1_000_000;

/// Judged as of when the tokens, which are of the moment of the test, count.
fn judged_within(signature: &[u8], policy: &Policy) -> (Vec<Verdict>, Budget) {
    let budget = Budget::for_file(signature.len() + TEXT.len());
    let verdicts = signature::judge(signature, Some(TEXT), "file", NOW + YEARS, &policy.within(budget.clone()));
    (verdicts, budget)
}

/// Certificates that differ from this one in the last bytes of their signature.
fn copies(of: &str, count: u16) -> Vec<Vec<u8>> {
    let der = certificate(of).to_der().unwrap();
    let (head, _) = der.split_at(der.len() - 2);
    (0..count).map(|number| [head, &number.to_be_bytes()].concat()).collect()
}

fn copied(message: &mut Message, signers: usize) {
    let signer = message.signers[0].clone();
    message.signers = vec![signer; signers];
}

fn is_too_much(verdict: &Verdict) -> bool {
    let told = verdict.explanation.es.contains("más firmas") && verdict.explanation.en.contains("than can be checked");
    verdict.cause == Some(Cause::TooMuchWork)
        && verdict.sub_indication == Some(SubIndication::SigConstraintsFailure)
        && told
        && !verdict.passed()
}

/// What was taken of each kind, as a share of what is granted; the piece that was too much counts as well.
fn no_more_than_granted(budget: &Budget, largest: u64) {
    for work in [Work::Readings, Work::Paths, Work::Verifications] {
        let (spent, limit) = (budget.spent(work), budget.limit(work));
        assert!(spent <= limit + largest, "{work:?}: {spent} of {limit}");
    }
}

#[rstest]
#[case::namesakes_of_the_issuer("intermediates/intermediate")]
#[case::namesakes_of_the_root("anchors/root")]
#[case::strangers("untrusted/root")]
#[case::the_signers_own("citizen")]
fn signers_times_timestamps_times_certificates_are_too_much(#[case] copied_one: &str) {
    let mut message = Message::of(&sealed_by("citizen"));
    let value = message.signers[0].last().unwrap().clone();
    let token = token(crate::parts::inside(&value), "tsa");
    message.add_unsigned(0, &attribute(SIGNATURE_TIMESTAMP, &vec![&token[..]; 16]));
    copied(&mut message, 64);
    message.certificates.extend(copies(copied_one, 1_000));
    let (verdicts, budget) = judged_within(&message.bytes(), &policy());
    assert_eq!(verdicts.len(), 64);
    assert!(is_too_much(&verdicts[63]), "{:?}", verdicts[63].detail);
    no_more_than_granted(&budget, 1_100);
    // The first was looked at whole, and nothing is wrong with it.
    assert!(verdicts[0].passed(), "{:?}", verdicts[0].detail);
}

#[test]
fn as_many_signers_as_one_file_may_have_are_judged() {
    let mut message = Message::of(&sealed_by("citizen"));
    let value = message.signers[0].last().unwrap().clone();
    let token = token(crate::parts::inside(&value), "tsa");
    message.add_unsigned(0, &attribute(SIGNATURE_TIMESTAMP, &[&token]));
    copied(&mut message, 64);
    message.certificates.extend(copies("intermediates/intermediate", 5));
    message.certificates.push(certificate("intermediates/intermediate").to_der().unwrap());
    let (verdicts, budget) = judged_within(&message.bytes(), &policy());
    assert!(verdicts.iter().all(Verdict::passed), "{:?}", verdicts.iter().find(|one| !one.passed()));
    for work in [Work::Readings, Work::Paths, Work::Verifications, Work::Bytes] {
        assert!(budget.spent(work) < budget.limit(work) / 4, "{work:?} {}", budget.spent(work));
    }
}

#[test]
fn a_certificate_is_hashed_once_however_many_name_it_and_that_is_counted() {
    let mut message = Message::of(&sealed_by("citizen"));
    copied(&mut message, 64);
    let (_, budget) = judged_within(&message.bytes(), &policy());
    let before = budget.spent(Work::Bytes);
    // Of the same issuer and number: only its digest tells it from the one that signed.
    let large = certificate_like("citizen", &vec![b'a'; 60_000]);
    message.certificates.insert(0, large.clone());
    let (verdicts, budget) = judged_within(&message.bytes(), &policy());
    assert!(verdicts.iter().all(Verdict::passed), "{:?}", verdicts[0].detail);
    let genuine = certificate("citizen").to_der().unwrap().len() as u64;
    assert_eq!(budget.spent(Work::Bytes) - before, large.len() as u64, "beside the {genuine} bytes of the other");
}

#[test]
fn the_attribute_that_names_the_certificate_is_looked_at_where_it_stands_once() {
    const SIGNING_CERTIFICATE_V2: &str = "2a864886f70d010910022f";
    let mut message = Message::of(&sealed_by("citizen"));
    let signed = message.signers[0].iter().position(|field| field[0] == 0xa0).unwrap();
    let name = crate::parts::oid(SIGNING_CERTIFICATE_V2);
    let attributes = crate::parts::parts(&message.signers[0][signed]);
    let naming = attributes.into_iter().find(|one| crate::parts::parts(one)[0] == name).unwrap();
    let more = naming.repeat(1_000);
    message.signers[0][signed] = element(0xa0, &[crate::parts::inside(&message.signers[0][signed]), &more]);
    copied(&mut message, 64);
    message.certificates.insert(0, certificate_like("citizen", &vec![b'a'; 60_000]));
    let (verdicts, budget) = judged_within(&message.bytes(), &policy());
    assert!(verdicts.iter().all(|one| one.sub_indication == Some(SubIndication::FormatFailure)), "{verdicts:?}");
    assert!(verdicts[0].signer.is_some());
    assert_eq!(budget.spent(Work::Bytes), 0);
}

#[test]
fn a_certificate_larger_than_any_is_none() {
    let mut message = Message::of(&sealed_by("citizen"));
    message.certificates = vec![certificate_like("citizen", &vec![b'a'; 70_000])];
    let (verdicts, _) = judged_within(&message.bytes(), &policy());
    assert_eq!(verdicts[0].sub_indication, Some(SubIndication::NoSigningCertificateFound));
}

#[test]
fn countersignatures_of_something_else_cost_no_check_of_their_large_keys() {
    // An elliptic curve without fast code: each check would cost as much as sixty by RSA.
    let counters = Message::of(
        &signature::seal(TEXT, &crate::pki::key("citizen-secp521r1"), &certificate("citizen-secp521r1"), &[], NOW)
            .unwrap(),
    );
    let counter = element(0x30, &[&counters.signers[0].concat()]);
    let mut message = Message::of(&sealed_by("citizen"));
    message.add_unsigned(0, &attribute(COUNTER_SIGNATURE, &vec![&counter[..]; 16]));
    copied(&mut message, 64);
    message.certificates.extend(counters.certificates);
    let (verdicts, budget) = judged_within(&message.bytes(), &policy());
    // Each is over another content, which is seen before a key is tried.
    assert!(verdicts.iter().all(Verdict::passed));
    assert!(budget.spent(Work::Verifications) < budget.limit(Work::Verifications) / 4);
}

#[test]
fn a_content_is_hashed_no_more_often_than_there_are_signers() {
    // Without signed attributes the value is over the content itself, signer by signer.
    let content = vec![b'a'; 4 << 20];
    let signature = crate::pki::openssl_cms_of(&content, "citizen", &["-outform", "DER", "-noattr"]);
    let mut message = Message::of(&signature);
    copied(&mut message, 64);
    let bytes = message.bytes();
    let limit = Budget::for_file(bytes.len() + content.len());
    let policy = policy().within(limit.clone());
    let verdicts = signature::judge(&bytes, Some(&content), "file", NOW, &policy);
    assert!(limit.spent(Work::Bytes) <= limit.limit(Work::Bytes) + content.len() as u64);
    assert_eq!(verdicts[0].cause, None);
    // Once more to tell the signatures from others.
    let hashed = limit.spent(Work::Bytes);
    assert!(hashed <= 65 * (content.len() as u64 + 10_000), "{hashed}");
}

#[test]
fn what_is_certain_stays_said_where_the_rest_is_too_much() {
    let mut message = Message::of(&sealed_by("citizen"));
    copied(&mut message, 64);
    message.certificates.extend(copies("untrusted/root", 1_020));
    let policy = Policy { revocation: RevocationMode::Off, ..policy() };
    let small = policy.within(Budget::for_file(0));
    // Used up before it begins.
    assert!(!small.budget.take(Work::Paths, u64::MAX / 2));
    let verdicts = signature::judge(&message.bytes(), Some(b"another text"), "file", NOW, &small);
    assert!(verdicts.iter().all(|verdict| !verdict.passed()));
    let verdicts = signature::judge(b"\x30\x03garbage", Some(TEXT), "file", NOW, &small);
    assert_eq!(verdicts[0].sub_indication, Some(SubIndication::FormatFailure));
}
