//! Attributes that stand once, in their set, with one value: for whoever signs, and whoever countersigns.

use std::process::Command;

use openssl::hash::MessageDigest;
use openssl::sign::Signer;
use rstest::rstest;
use tempfile::TempDir;
use ventanilla::signature::{self, SubIndication, Verdict};

use crate::parts::{Message, SEQUENCE, SET, attribute, element, inside, oid};
use crate::pki::{NOW, TEXT, certificate, file, key, openssl_cms, policy, sealed_by};

const CONTENT_TYPE: &str = "2a864886f70d010903";
const MESSAGE_DIGEST: &str = "2a864886f70d010904";
const SIGNING_TIME: &str = "2a864886f70d010905";
const COUNTER_SIGNATURE: &str = "2a864886f70d010906";
const ALGORITHM_PROTECTION: &str = "2a864886f70d010934";
const SIGNING_CERTIFICATE_V2: &str = "2a864886f70d010910022f";
const SIGNATURE_POLICY: &str = "2a864886f70d010910020f";
const COMMITMENT: &str = "2a864886f70d0109100210";
const LOCATION: &str = "2a864886f70d0109100211";
const SIGNER_ATTRIBUTES_V2: &str = "04008195320101";
const MIME_TYPE: &str = "04008d450201";
const CONTENT_HINTS: &str = "2a864886f70d0109100204";
const CONTENT_TIMESTAMP: &str = "2a864886f70d0109100214";
const SIGNATURE_TIMESTAMP: &str = "2a864886f70d010910020e";
const REVOCATION_VALUES: &str = "2a864886f70d0109100218";
const CERTIFICATE_VALUES: &str = "2a864886f70d0109100217";
const UNKNOWN: &str = "2b06010401839e5101";
const DATA: &str = "2a864886f70d010701";

fn utc(time: &str) -> Vec<u8> {
    element(0x17, &[time.as_bytes()])
}

fn digest_of(content: &[u8]) -> Vec<u8> {
    attribute(MESSAGE_DIGEST, &[&element(4, &[&openssl::sha::sha256(content)])])
}

fn names_the_signer() -> Vec<u8> {
    let hash = element(4, &[&openssl::sha::sha256(&certificate("citizen").to_der().unwrap())]);
    let identifiers = element(SEQUENCE, &[&element(SEQUENCE, &[&hash])]);
    attribute(SIGNING_CERTIFICATE_V2, &[&element(SEQUENCE, &[&identifiers])])
}

/// What every signature of the citizen has.
fn usual() -> Vec<Vec<u8>> {
    vec![attribute(CONTENT_TYPE, &[&oid(DATA)]), digest_of(TEXT), names_the_signer()]
}

/// A signer's fields, its signed attributes these.
fn signer(mut attributes: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    attributes.sort();
    let attributes = attributes.concat();
    let value = Signer::new(MessageDigest::sha256(), &key("citizen")).unwrap();
    let value = { value }.sign_oneshot_to_vec(&element(SET, &[&attributes])).unwrap();
    let issuer = certificate("citizen").issuer_name().to_der().unwrap();
    let serial = element(2, &[&certificate("citizen").serial_number().to_bn().unwrap().to_vec()]);
    vec![
        vec![2, 1, 1],
        element(SEQUENCE, &[&issuer, &serial]),
        element(SEQUENCE, &[&oid("608648016503040201")]),
        element(0xa0, &[&attributes]),
        element(SEQUENCE, &[&oid("2a864886f70d01010b"), &[5, 0]]),
        element(4, &[&value]),
    ]
}

fn message(attributes: Vec<Vec<u8>>) -> Message {
    let mut message = Message::of(&sealed_by("citizen"));
    message.signers = vec![signer(attributes)];
    message
}

/// An attached message with two signers, the second of whom signed this attribute, too.
pub fn signed_by_two(more: &[u8]) -> Vec<u8> {
    let mut message = Message::of(&openssl_cms("citizen2", &["-cades", "-nosmimecap", "-nodetach", "-outform", "DER"]));
    message.signers.push(signer([usual(), vec![more.to_vec()]].concat()));
    let mut own = Message::of(&sealed_by("citizen"));
    message.certificates.append(&mut own.certificates);
    message.bytes()
}

fn judged(message: &Message) -> Verdict {
    signature::judge(&message.bytes(), Some(TEXT), "file", NOW, &policy()).remove(0)
}

/// What the `openssl` program says of it, trust left out.
fn openssl_says(message: &Message) -> bool {
    let folder = TempDir::new().unwrap();
    let (signed, text) = (folder.path().join("signed"), folder.path().join("text"));
    std::fs::write(&signed, message.bytes()).unwrap();
    std::fs::write(&text, TEXT).unwrap();
    let mut command = Command::new("openssl");
    command.args([
        "cms",
        "-verify",
        "-inform",
        "DER",
        "-binary",
        "-out",
        "/dev/null",
        "-purpose",
        "any",
        "-no_check_time",
    ]);
    command.args(["-partial_chain", "-CAfile"]).arg(file("intermediates/intermediate.test.pem"));
    command.arg("-in").arg(&signed).arg("-content").arg(&text).output().unwrap().status.success()
}

#[test]
fn what_stands_once_and_in_its_set_passes() {
    let protection = element(
        SEQUENCE,
        &[&element(SEQUENCE, &[&oid("608648016503040201")]), &element(0xa1, &[&oid("2a864886f70d01010b"), &[5, 0]])],
    );
    let more = [
        attribute(SIGNING_TIME, &[&utc("260601120000Z")]),
        attribute(ALGORITHM_PROTECTION, &[&protection]),
        attribute(MIME_TYPE, &[&element(0x0c, &[b"text/plain"])]),
        attribute(CONTENT_TIMESTAMP, &[&[5, 0], &[5, 0]]),
        attribute(CONTENT_TIMESTAMP, &[&[5, 0]]),
        attribute(UNKNOWN, &[&[5, 0], &[5, 0]]),
        attribute(UNKNOWN, &[&[5, 0]]),
    ];
    let message = message([usual(), more.to_vec()].concat());
    let verdict = judged(&message);
    assert!(verdict.passed(), "{:?}", verdict.detail);
    assert_eq!(verdict.claimed_signed_at, Some(NOW));
    assert!(openssl_says(&message));
}

#[rstest]
#[case::two_signing_times(vec![vec![utc("260601120000Z")], vec![utc("260601120000Z")]])]
#[case::one_with_two_values(vec![vec![utc("260601120000Z"), utc("260601120001Z")]])]
#[case::one_without_value(vec![vec![]])]
#[case::a_text(vec![vec![element(0x0c, &[b"260601120000Z"])]])]
#[case::an_octet_string(vec![vec![element(4, &[b"260601120000Z"])]])]
#[case::a_sequence(vec![vec![element(SEQUENCE, &[&utc("260601120000Z")])]])]
#[case::a_day_that_is_not(vec![vec![utc("260231120000Z")]])]
#[case::no_time_at_all(vec![vec![utc("")]])]
#[case::a_generalized_time_with_two_digits(vec![vec![element(0x18, &[b"2606Z"])]])]
fn a_signing_time_is_exactly_one_time(#[case] times: Vec<Vec<Vec<u8>>>) {
    let times =
        times.iter().map(|values| attribute(SIGNING_TIME, &values.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    let message = message([usual(), times.collect()].concat());
    let verdict = judged(&message);
    assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure), "{:?}", verdict.detail);
    assert!(verdict.detail.as_ref().unwrap().contains("signing-time"), "{:?}", verdict.detail);
    assert!(!verdict.intact);
}

#[test]
fn openssl_refuses_two_signing_times_too() {
    let times = vec![attribute(SIGNING_TIME, &[&utc("260601120000Z")]); 2];
    assert!(!openssl_says(&message([usual(), times].concat())));
}

#[rstest]
fn a_signed_attribute_that_stands_twice_is_a_format_failure(
    #[values(
        CONTENT_TYPE,
        MESSAGE_DIGEST,
        SIGNING_CERTIFICATE_V2,
        ALGORITHM_PROTECTION,
        SIGNATURE_POLICY,
        LOCATION,
        SIGNER_ATTRIBUTES_V2,
        MIME_TYPE,
        CONTENT_HINTS
    )]
    name: &str,
    #[values(false, true)] in_one_attribute: bool,
) {
    let mut attributes = usual();
    let twice = |one: &[u8]| attribute(name, &[one, one]);
    let present = attributes.iter().position(|one| crate::parts::parts(one)[0] == oid(name));
    let value = match present {
        Some(place) => inside(crate::parts::parts(&attributes.remove(place))[1]).to_vec(),
        None => vec![5, 0],
    };
    if in_one_attribute {
        attributes.push(twice(&value));
    } else {
        attributes.extend(vec![attribute(name, &[&value]); 2]);
    }
    let verdict = judged(&message(attributes));
    assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure), "{:?}", verdict.detail);
}

/// In one attribute, or in one for each, as AutoFirma writes them.
#[test]
fn a_signer_may_commit_to_several_things() {
    for commitments in [vec![attribute(COMMITMENT, &[&[5, 0], &[5, 0]])], vec![attribute(COMMITMENT, &[&[5, 0]]); 2]] {
        assert!(judged(&message([usual(), commitments].concat())).passed());
    }
}

#[rstest]
#[case(SIGNATURE_TIMESTAMP)]
#[case(COUNTER_SIGNATURE)]
#[case(REVOCATION_VALUES)]
#[case(CERTIFICATE_VALUES)]
fn what_is_never_signed_is_not_among_the_signed(#[case] name: &str) {
    let verdict = judged(&message([usual(), vec![attribute(name, &[&[5, 0]])]].concat()));
    assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure), "{:?}", verdict.detail);
}

#[rstest]
#[case::signing_time(&[SIGNING_TIME])]
#[case::content_type(&[CONTENT_TYPE])]
#[case::signing_certificate(&[SIGNING_CERTIFICATE_V2])]
#[case::policy(&[SIGNATURE_POLICY])]
#[case::content_timestamp(&[CONTENT_TIMESTAMP])]
#[case::two_revocation_values(&[REVOCATION_VALUES, REVOCATION_VALUES])]
fn what_breaks_the_rule_unsigned_keeps_the_signature_from_passing(#[case] names: &[&str]) {
    let mut message = message(usual());
    for name in names {
        message.add_unsigned(0, &attribute(name, &[&[5, 0]]));
    }
    let verdict = judged(&message);
    assert_eq!(verdict.sub_indication, Some(SubIndication::SigConstraintsFailure), "{:?}", verdict.detail);
}

/// A countersigner of this value, with these attributes beside the digest.
fn counter(value: &[u8], more: &[Vec<u8>]) -> Vec<Vec<u8>> {
    signer([&[digest_of(inside(value)), names_the_signer()], more].concat())
}

fn countersigned(more: &[Vec<u8>]) -> Message {
    let mut message = message(usual());
    let counter = counter(&message.signers[0][5], more);
    message.add_unsigned(0, &attribute(COUNTER_SIGNATURE, &[&element(SEQUENCE, &[&counter.concat()])]));
    message
}

#[test]
fn a_countersigner_is_held_to_the_same() {
    let time = attribute(SIGNING_TIME, &[&utc("260601120000Z")]);
    let verdict = judged(&countersigned(std::slice::from_ref(&time)));
    assert!(verdict.passed() && verdict.counter_signatures[0].intact, "{:?}", verdict.detail);
    for wrong in [
        vec![time.clone(), time.clone()],
        vec![attribute(SIGNING_TIME, &[&utc("260601120000Z"), &utc("260601120001Z")])],
        vec![names_the_signer()],
        vec![attribute(CONTENT_TYPE, &[&oid(DATA)])],
        vec![attribute(SIGNATURE_TIMESTAMP, &[&[5, 0]])],
    ] {
        let verdict = judged(&countersigned(&wrong));
        // Listed with what it is worth; what was countersigned stands.
        assert!(verdict.passed() && !verdict.counter_signatures[0].intact, "{wrong:?}");
    }
}

#[test]
fn a_countersignature_of_a_countersignature_is_listed_under_it() {
    let mut outer = message(usual());
    let mut first = counter(&outer.signers[0][5], &[]);
    let second = counter(&first[5], &[]);
    // Over the main signature's value, in the place of one over the first counter-signature's.
    let elsewhere = counter(&outer.signers[0][5], &[]);
    let listed = [second, elsewhere].map(|fields| element(SEQUENCE, &[&fields.concat()]));
    first.push(element(0xa1, &[&attribute(COUNTER_SIGNATURE, &[&listed[0], &listed[1]])]));
    outer.add_unsigned(0, &attribute(COUNTER_SIGNATURE, &[&element(SEQUENCE, &[&first.concat()])]));
    let verdict = judged(&outer);
    assert!(verdict.passed(), "{:?}", verdict.detail);
    let [first] = &verdict.counter_signatures[..] else { panic!("{:?}", verdict.counter_signatures) };
    let worth: Vec<_> = first.counter_signatures.iter().map(|one| one.intact).collect();
    assert_eq!((first.intact, worth), (true, vec![true, false]));
    assert_eq!(first.counter_signatures[0].signer.as_ref().unwrap().id.as_deref(), Some("00000000T"));
    let shown = serde_json::to_value(verdict.in_zone(chrono_tz::UTC)).unwrap();
    assert_eq!(shown["counter_signatures"][0]["counter_signatures"][0]["intact"], true);
}

#[test]
fn countersignatures_nest_as_deep_as_is_looked_at_and_no_deeper() {
    let mut message = message(usual());
    let value = message.signers[0][5].clone();
    let mut nested = element(SEQUENCE, &[&counter(&value, &[]).concat()]);
    for _ in 0..12 {
        let mut fields = counter(&value, &[]);
        fields.push(element(0xa1, &[&attribute(COUNTER_SIGNATURE, &[&nested])]));
        nested = element(SEQUENCE, &[&fields.concat()]);
    }
    message.add_unsigned(0, &attribute(COUNTER_SIGNATURE, &[&nested]));
    let verdict = judged(&message);
    let mut depth = 0;
    let mut list = &verdict.counter_signatures;
    while let Some(first) = list.first() {
        depth += 1;
        list = &first.counter_signatures;
    }
    assert_eq!(depth, 8);
}
