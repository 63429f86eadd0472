//! What strangers, and many, can put into a CMS beside what its signer signed.

use rstest::rstest;
use ventanilla::signature::{self, Verdict};

use crate::parts::{Message, SEQUENCE, attribute, element, inside, oid};
use crate::pki::{NOW, TEXT, certificate, openssl_cms, openssl_cms_of, policy};
use crate::unsigned::certificate_like;

const OCTETS: u8 = 4;
const SHA256: &str = "608648016503040201";
const COUNTER_SIGNATURE: &str = "2a864886f70d010906";
const CERTIFICATE_REFERENCES: &str = "2a864886f70d0109100215";
const REVOCATION_REFERENCES: &str = "2a864886f70d0109100216";
const CERTIFICATE_VALUES: &str = "2a864886f70d0109100217";
const ARCHIVE_TIMESTAMP_V2: &str = "2a864886f70d0109100230";
const CONTENT_HINTS: &str = "2a864886f70d0109100204";
const HASH_INDEX: &str = "04008d450205";
const WORDS: &[u8] = b"PAGO 900 EUROS A OTRO ";

fn attached(who: &str) -> Message {
    Message::of(&openssl_cms(who, &["-cades", "-nosmimecap", "-nodetach", "-outform", "DER"]))
}

fn verdicts(message: &Message) -> Vec<Verdict> {
    signature::judge_file(&message.bytes(), None, "file", NOW, &policy())
}

/// A signature over the value of the message's only signer, by somebody with this certificate.
fn over(message: &Message, who: &str) -> (Vec<u8>, Vec<Vec<u8>>) {
    let value = inside(&message.signers[0][5]).to_vec();
    let counter = Message::of(&openssl_cms_of(&value, who, &["-noattr", "-outform", "DER"]));
    (element(SEQUENCE, &[&counter.signers[0].concat()]), counter.certificates)
}

/// Ana's message with a signature over hers, and with these certificates besides.
fn countersigned(who: &str, others: &[Vec<u8>]) -> Message {
    let mut message = attached("citizen");
    let (counter, certificates) = over(&message, who);
    message.certificates.extend(certificates);
    message.certificates.extend_from_slice(others);
    message.add_unsigned(0, &attribute(COUNTER_SIGNATURE, &[&counter]));
    message
}

fn der(name: &str) -> Vec<u8> {
    certificate(name).to_der().unwrap()
}

/// Ana's message, and that of another beside it in one.
fn signed_by_both(who: &str) -> Message {
    let (mut message, mut other) = (attached("citizen"), attached(who));
    message.certificates.append(&mut other.certificates);
    message.signers.append(&mut other.signers);
    message
}

fn with_certificates(certificates: &[Vec<u8>]) -> Message {
    let mut message = attached("citizen");
    message.certificates.extend_from_slice(certificates);
    message
}

#[rstest]
#[case::somebody_known_over_it(countersigned("citizen2", &[]), None)]
#[case::a_stranger_over_it(countersigned("untrusted/citizen", &[]), Some(false))]
#[case::a_stranger_with_an_authority(countersigned("untrusted/citizen", &[der("untrusted/root")]), Some(false))]
#[case::somebody_known_beside(signed_by_both("citizen2"), None)]
#[case::a_stranger_beside(signed_by_both("untrusted/citizen"), Some(false))]
#[case::the_root(with_certificates(&[der("anchors/root"), der("intermediates/intermediate")]), None)]
#[case::a_copy_of_the_root_with_words(with_certificates(&[certificate_like("anchors/root", WORDS)]), Some(false))]
#[case::a_copy_of_the_issuer_with_words(with_certificates(&[certificate_like("intermediates/intermediate", WORDS)]), Some(false))]
#[case::a_copy_of_the_signer_with_words(with_certificates(&[certificate_like("citizen2", WORDS)]), Some(false))]
fn certificates_are_of_authorities_that_are_trusted(#[case] message: Message, #[case] whole: Option<bool>) {
    let verdicts = verdicts(&message);
    let ana = verdicts.iter().find(|one| one.trusted).unwrap();
    assert!(ana.passed(), "{:?}", ana.detail);
    assert_eq!(ana.covers_whole_file, whole);
}

#[test]
fn of_a_signature_by_a_stranger_alone_it_is_not_said_that_something_stands_beside() {
    let mut message = attached("untrusted/citizen");
    message.certificates.push(der("untrusted/root"));
    let verdict = &verdicts(&message)[0];
    assert!(verdict.intact && !verdict.trusted, "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, None);
}

fn with(name: &str, value: &[u8]) -> Message {
    let mut message = attached("citizen");
    message.add_unsigned(0, &attribute(name, &[value]));
    message
}

/// A reference with this digest and, in it, this besides.
fn reference(digest: &[u8], more: &[u8]) -> Vec<u8> {
    let algorithm = element(SEQUENCE, &[&oid(SHA256)]);
    element(SEQUENCE, &[&element(SEQUENCE, &[&algorithm, &element(OCTETS, &[digest])]), more])
}

/// To a certificate that is there, by its digest, its issuer and its number, so often.
fn sound_references(count: usize) -> Vec<u8> {
    let own = certificate("citizen");
    let names = element(SEQUENCE, &[&element(0xa4, &[&own.issuer_name().to_der().unwrap()])]);
    let serial = own.serial_number().to_bn().unwrap().to_vec();
    let serial = element(2, &[&[0][..usize::from(serial[0] >= 0x80)], &serial]);
    let one = reference(&openssl::sha::sha256(&der("citizen")), &element(SEQUENCE, &[&names, &serial]));
    element(SEQUENCE, &[&one.repeat(count)])
}

/// So many references with words in the place of what nobody compares.
fn references_of_words(count: usize) -> Vec<u8> {
    let words = element(SEQUENCE, &[&element(0x0c, &[&WORDS.repeat(20)])]);
    element(SEQUENCE, &[&reference(&[7; 32], &words).repeat(count)])
}

/// A list of so many digests of nothing.
fn index(count: usize) -> Vec<u8> {
    element(SEQUENCE, &[&element(SEQUENCE, &[&element(OCTETS, &[&WORDS.repeat(2)]).repeat(count)])])
}

/// References in two attributes, each of which might be there alone.
fn in_two_attributes() -> Message {
    let mut message = with(CERTIFICATE_REFERENCES, &references_of_words(6));
    message.add_unsigned(0, &attribute(REVOCATION_REFERENCES, &[&references_of_words(6)]));
    message
}

/// Six older archive timestamps, which nobody judges: what they state need not be true.
fn older_archives() -> Message {
    let mut message = attached("citizen");
    let mut token = Message::of(&crate::stamps::token(TEXT, "tsa"));
    let stated = [crate::parts::parts(&token.content)[0], &element(0xa0, &[&element(OCTETS, &[&stated_with_words()])])];
    token.content = element(SEQUENCE, &stated);
    let token = token.bytes();
    message.add_unsigned(0, &attribute(ARCHIVE_TIMESTAMP_V2, &[&token[..]; 6]));
    message
}

/// What a timestamp states, with words in the number of the policy.
fn stated_with_words() -> Vec<u8> {
    let token = Message::of(&crate::stamps::token(TEXT, "tsa"));
    let stated = inside(inside(crate::parts::parts(&token.content)[1]));
    let mut fields: Vec<Vec<u8>> = crate::parts::parts(stated).into_iter().map(<[u8]>::to_vec).collect();
    fields[3] = element(2, &[&WORDS.repeat(38)]);
    element(SEQUENCE, &[&fields.concat()])
}

#[rstest]
#[case::references_to_what_is_there(with(CERTIFICATE_REFERENCES, &sound_references(60)), None)]
#[case::a_few_to_what_is_elsewhere(with(CERTIFICATE_REFERENCES, &references_of_words(4)), None)]
#[case::words_in_references(with(CERTIFICATE_REFERENCES, &references_of_words(12)), Some(false))]
#[case::words_in_two_attributes(in_two_attributes(), Some(false))]
#[case::a_short_index(with(HASH_INDEX, &index(40)), None)]
#[case::words_in_an_index(with(HASH_INDEX, &index(200)), Some(false))]
#[case::words_in_timestamps_that_are_not_judged(older_archives(), Some(false))]
fn what_nobody_can_compare_has_one_sum_for_the_file(#[case] message: Message, #[case] whole: Option<bool>) {
    let verdict = &verdicts(&message)[0];
    assert!(verdict.intact, "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, whole);
}

#[rstest]
#[case::a_few(5, None)]
#[case::many(14, Some(false))]
fn signers_state_little_together(#[case] count: usize, #[case] whole: Option<bool>) {
    let words = attribute(CONTENT_HINTS, &[&element(OCTETS, &[&WORDS.repeat(18)])]);
    let mut message = Message::of(&crate::attributes::signed_by_two(&words));
    let other = message.signers[1].clone();
    message.signers.extend(vec![other; count - 1]);
    let verdicts = verdicts(&message);
    assert!(verdicts.len() == count + 1 && verdicts.iter().all(Verdict::passed), "{verdicts:?}");
    assert_eq!(verdicts[0].covers_whole_file, whole);
}

#[test]
fn a_signature_over_another_that_is_not_looked_at_is_no_part_of_a_form() {
    let mut message = attached("citizen");
    let (counter, certificates) = over(&message, "citizen2");
    message.certificates.extend(certificates);
    message.add_unsigned(0, &attribute(COUNTER_SIGNATURE, &[&counter[..]; 17]));
    let verdict = &verdicts(&message)[0];
    assert!(verdict.passed() && verdict.counter_signatures.iter().all(|one| one.intact), "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, Some(false));
}

#[test]
fn certificates_of_a_stranger_among_the_values_belong_to_nobody() {
    let values = element(SEQUENCE, &[&der("untrusted/root")]);
    let verdict = &verdicts(&with(CERTIFICATE_VALUES, &values))[0];
    assert!(verdict.passed(), "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, Some(false));
}
