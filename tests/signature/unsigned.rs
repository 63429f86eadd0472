//! What a CMS that holds its content brings beside it, signed by nobody.

use rstest::rstest;
use ventanilla::signature::{self, Anchors, Policy, Verdict};

use crate::parts::{Message, SEQUENCE, SET, attribute, element, inside, oid, parts};
use crate::pki::{NOW, certificate, openssl_cms, openssl_cms_of, policy};

const OCTETS: u8 = 4;
const PDF: &[u8] = b"\n%PDF-1.7\n1 0 obj";
const NOBODYS: &str = "2b06010401868d1f01";
const SHA256: &str = "608648016503040201";
const COUNTER_SIGNATURE: &str = "2a864886f70d010906";
const SIGNATURE_TIMESTAMP: &str = "2a864886f70d010910020e";
const CERTIFICATE_REFERENCES: &str = "2a864886f70d0109100215";
const CERTIFICATE_VALUES: &str = "2a864886f70d0109100217";
const REVOCATION_VALUES: &str = "2a864886f70d0109100218";
const LOCATION: &str = "2a864886f70d0109100211";
const CONTENT_HINTS: &str = "2a864886f70d0109100204";
const CONTENT_IDENTIFIER: &str = "2a864886f70d0109100207";
const CONTENT_TIMESTAMP: &str = "2a864886f70d0109100214";
const ADOBE_REVOCATION: &str = "2a864886f72f010108";
const TST_INFO: &str = "2a864886f70d0109100104";
const ARCHIVE_TIMESTAMP_V2: &str = "2a864886f70d0109100230";
const ARCHIVE_TIMESTAMP: &str = "2a864886f70d010910021b";
const HASH_INDEX: &str = "04008d450205";
const POLICY_STORE: &str = "04008195320103";

fn attached(who: &str) -> Vec<u8> {
    openssl_cms(who, &["-cades", "-nodetach", "-outform", "DER"])
}

fn verdicts(cms: &[u8]) -> Vec<Verdict> {
    signature::judge_file(cms, None, "file", NOW, &policy())
}

/// The fields of the message: version, digests, content, certificates, signers.
fn fields(cms: &[u8]) -> Vec<Vec<u8>> {
    parts(parts(parts(cms)[1])[0]).into_iter().map(<[u8]>::to_vec).collect()
}

fn message(fields: &[Vec<u8>]) -> Vec<u8> {
    let data = element(SEQUENCE, &[&fields.concat()]);
    element(SEQUENCE, &[&oid("2a864886f70d010702"), &element(0xa0, &[&data])])
}

fn octets() -> Vec<u8> {
    element(OCTETS, &[PDF])
}

fn with_digest(digest: &[u8]) -> Vec<u8> {
    let mut fields = fields(&attached("citizen"));
    fields[1] = element(SET, &[inside(&fields[1]), digest]);
    message(&fields)
}

fn with_version(version: &[u8]) -> Vec<u8> {
    let mut fields = fields(&attached("citizen"));
    fields[0] = element(2, &[version]);
    message(&fields)
}

fn with_certificate(certificate: &[u8]) -> Vec<u8> {
    let mut fields = fields(&attached("citizen"));
    fields[3] = element(0xa0, &[inside(&fields[3]), certificate]);
    message(&fields)
}

fn with_revocation(choice: &[u8]) -> Vec<u8> {
    let mut fields = fields(&attached("citizen"));
    fields.insert(4, element(0xa1, &[choice]));
    message(&fields)
}

fn with_unsigned(name: &str, value: &[u8]) -> Vec<u8> {
    let mut message = Message::of(&attached("citizen"));
    message.add_unsigned(0, &attribute(name, &[value]));
    message.bytes()
}

/// With another in the place of one of the signer's fields.
fn with_field(place: usize, field: &[u8]) -> Vec<u8> {
    let mut message = Message::of(&attached("citizen"));
    message.signers[0][place] = field.to_vec();
    message.bytes()
}

/// With a second signer whose value is nobody's.
fn with_false_signer() -> Vec<u8> {
    let (mut message, mut other) = (Message::of(&attached("citizen")), Message::of(&attached("untrusted/citizen")));
    let last = other.signers[0].len() - 1;
    other.signers[0][last] = octets();
    message.certificates.append(&mut other.certificates);
    message.signers.append(&mut other.signers);
    message.bytes()
}

fn token_without_signer() -> Vec<u8> {
    let content = element(SEQUENCE, &[&oid(TST_INFO), &element(0xa0, &[&octets()])]);
    message(&[element(2, &[&[3]]), element(SET, &[]), content, element(SET, &[])])
}

/// A timestamp token among whose signed attributes is a statement of so many bytes; of an older archive form it would be
/// listed without a look at its value.
fn token_that_states(length: usize) -> Vec<u8> {
    let mut token = Message::of(&crate::stamps::token(PDF, "tsa"));
    let more = attribute(CONTENT_HINTS, &[&element(OCTETS, &[&vec![b'a'; length]])]);
    token.signers[0][3] = element(0xa0, &[inside(&token.signers[0][3]), &more]);
    token.bytes()
}

/// A timestamp token whose value is no signature, but a document.
fn token_with_a_document_for_a_value() -> Vec<u8> {
    let mut token = Message::of(&crate::stamps::token(PDF, "tsa"));
    token.signers[0][5] = element(OCTETS, &[&PDF.repeat(100)]);
    token.bytes()
}

/// With a timestamp over its value.
fn stamped() -> Vec<u8> {
    let mut message = Message::of(&attached("citizen"));
    let token = crate::stamps::token(inside(&message.signers[0][5]), "tsa");
    message.add_unsigned(0, &attribute(SIGNATURE_TIMESTAMP, &[&token]));
    message.bytes()
}

/// A certificate that anybody could make, with so much in an extension.
fn certificate_with(text: &[u8]) -> Vec<u8> {
    certificate_like("citizen2", text)
}

/// The same with the names, the number and the key of this one.
pub fn certificate_like(who: &str, text: &[u8]) -> Vec<u8> {
    let genuine = certificate(who).to_der().unwrap();
    let [fields, algorithm, value] = parts(&genuine)[..] else { panic!("a certificate") };
    let mut fields: Vec<Vec<u8>> = parts(fields).into_iter().map(<[u8]>::to_vec).collect();
    let more = element(SEQUENCE, &[&oid(NOBODYS), &element(OCTETS, &[text])]);
    let last = fields.len() - 1;
    fields[last] = element(0xa3, &[&element(SEQUENCE, &[inside(parts(&fields[last])[0]), &more])]);
    element(SEQUENCE, &[&element(SEQUENCE, &[&fields.concat()]), algorithm, value])
}

/// With a second signer, and among what that one signed as much of this kind.
fn with_statement(name: &str, length: usize) -> Vec<u8> {
    crate::attributes::signed_by_two(&attribute(name, &[&element(OCTETS, &[&vec![b'a'; length]])]))
}

#[rstest]
#[case::a_place(LOCATION, 200, None)]
#[case::more_than_a_place(LOCATION, 900, Some(false))]
#[case::a_hint(CONTENT_HINTS, 200, None)]
#[case::more_than_a_hint(CONTENT_HINTS, 900, Some(false))]
#[case::a_text_for_a_name(CONTENT_IDENTIFIER, 900, Some(false))]
#[case::a_text_for_a_timestamp(CONTENT_TIMESTAMP, 900, Some(false))]
#[case::a_short_text_for_a_timestamp(CONTENT_TIMESTAMP, 200, Some(false))]
#[case::a_short_text_for_revocation(ADOBE_REVOCATION, 200, Some(false))]
fn another_signer_says_no_more_than_a_statement(
    #[case] name: &str,
    #[case] length: usize,
    #[case] whole: Option<bool>,
) {
    let verdicts = verdicts(&with_statement(name, length));
    assert!(verdicts.len() == 2 && verdicts.iter().all(|verdict| verdict.intact), "{verdicts:?}");
    assert_eq!(verdicts[0].covers_whole_file, whole);
}

#[test]
fn the_statements_of_another_signer_are_short_together() {
    let of = |name| attribute(name, &[&element(OCTETS, &[&[b'a'; 300]])]);
    let verdicts = verdicts(&crate::attributes::signed_by_two(&[of(CONTENT_HINTS), of(LOCATION)].concat()));
    assert!(verdicts.len() == 2 && verdicts.iter().all(|verdict| verdict.intact), "{verdicts:?}");
    assert_eq!(verdicts[0].covers_whole_file, Some(false));
}

#[rstest]
#[case::a_digest_that_nobody_knows(with_digest(&element(SEQUENCE, &[&oid(NOBODYS), &octets()])))]
#[case::a_digest_with_parameters(with_digest(&element(SEQUENCE, &[&oid(SHA256), &octets()])))]
#[case::no_digest(with_digest(&octets()))]
#[case::a_long_version(with_version(PDF))]
#[case::a_long_version_of_the_signer(with_field(0, &element(2, &[PDF])))]
#[case::parameters_of_the_signers_digest(with_field(2, &element(SEQUENCE, &[&oid(SHA256), &octets()])))]
#[case::a_certificate_that_is_none(with_certificate(&element(SEQUENCE, &[&octets()])))]
#[case::a_certificate_of_another_kind(with_certificate(&element(0xa3, &[&oid(NOBODYS), &octets()])))]
#[case::a_list_that_is_none(with_revocation(&element(SEQUENCE, &[&octets()])))]
#[case::revocation_of_another_kind(with_revocation(&element(0xa1, &[&oid(NOBODYS), &octets()])))]
#[case::an_attribute_that_nobody_knows(with_unsigned(NOBODYS, &octets()))]
#[case::a_policy(with_unsigned(POLICY_STORE, &element(SEQUENCE, &[&oid(NOBODYS), &octets()])))]
#[case::a_timestamp_that_is_none(with_unsigned(SIGNATURE_TIMESTAMP, &octets()))]
#[case::a_timestamp_with_more_beside(with_unsigned(SIGNATURE_TIMESTAMP, &with_digest(&element(SEQUENCE, &[&oid(NOBODYS), &octets()]))))]
#[case::a_timestamp_that_nobody_signed(with_unsigned(SIGNATURE_TIMESTAMP, &token_without_signer()))]
#[case::a_timestamp_of_something_else(with_unsigned(SIGNATURE_TIMESTAMP, &crate::stamps::token(PDF, "tsa")))]
#[case::a_certificate_with_a_document_in_it(with_certificate(&certificate_with(&PDF.repeat(400))))]
#[case::a_small_certificate_that_nobody_issued(with_certificate(&certificate_with(PDF)))]
#[case::one_among_certificate_values(with_unsigned(CERTIFICATE_VALUES, &element(SEQUENCE, &[&certificate_with(PDF)])))]
#[case::a_statement_in_a_timestamp(with_unsigned(ARCHIVE_TIMESTAMP_V2, &token_that_states(600)))]
#[case::a_document_for_the_value_of_a_timestamp(with_unsigned(ARCHIVE_TIMESTAMP_V2, &token_with_a_document_for_a_value()))]
#[case::the_same_in_the_oldest_form(with_unsigned(ARCHIVE_TIMESTAMP, &token_with_a_document_for_a_value()))]
#[case::an_archive_timestamp_that_is_none(with_unsigned(ARCHIVE_TIMESTAMP_V2, &octets()))]
#[case::a_document_among_references(with_unsigned(CERTIFICATE_REFERENCES, &element(SEQUENCE, &[&octets()])))]
#[case::a_document_as_a_reference(with_unsigned(CERTIFICATE_REFERENCES, &element(SEQUENCE, &[&element(SEQUENCE, &[&element(OCTETS, &[&PDF.repeat(100)])])])))]
#[case::a_document_in_a_list_of_digests(with_unsigned(HASH_INDEX, &element(SEQUENCE, &[&element(SEQUENCE, &[&element(OCTETS, &[&PDF.repeat(9)])])])))]
#[case::certificates_that_are_none(with_unsigned(CERTIFICATE_VALUES, &element(SEQUENCE, &[&octets()])))]
#[case::revocation_that_is_none(with_unsigned(REVOCATION_VALUES, &element(SEQUENCE, &[&octets()])))]
#[case::a_counter_signature_that_is_none(with_unsigned(COUNTER_SIGNATURE, &octets()))]
#[case::a_false_second_signer(with_false_signer())]
fn what_nobody_signed_in_a_cms_is_told(#[case] cms: Vec<u8>) {
    let verdict = &verdicts(&cms)[0];
    assert!(verdict.intact, "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, Some(false));
}

#[rstest]
#[case::nothing(attached("citizen"))]
#[case::with_another_curve(attached("citizen-prime256v1"))]
#[case::a_digest_without_parameters(with_digest(&element(SEQUENCE, &[&oid(SHA256)])))]
#[case::a_digest_with_null(with_digest(&element(SEQUENCE, &[&oid(SHA256), &[5, 0]])))]
#[case::a_certificate(with_certificate(&certificate("citizen2").to_der().unwrap()))]
#[case::certificates(with_unsigned(CERTIFICATE_VALUES, &element(SEQUENCE, &[&certificate("citizen2").to_der().unwrap()])))]
#[case::references(with_unsigned(CERTIFICATE_REFERENCES, &element(SEQUENCE, &[])))]
#[case::no_revocation(with_unsigned(REVOCATION_VALUES, &element(SEQUENCE, &[])))]
#[case::in_ber(openssl_cms("citizen", &["-cades", "-nodetach", "-stream", "-outform", "DER"]))]
#[case::pss(openssl_cms("citizen", &["-cades", "-nodetach", "-keyopt", "rsa_padding_mode:pss", "-outform", "DER"]))]
#[case::a_timestamp(stamped())]
#[case::an_archive_timestamp_of_an_older_form(with_unsigned(ARCHIVE_TIMESTAMP_V2, &crate::stamps::token(PDF, "tsa")))]
#[case::a_list_of_digests(with_unsigned(HASH_INDEX, &element(SEQUENCE, &[&element(SEQUENCE, &[&element(OCTETS, &[&[7; 32]])])])))]
#[case::a_counter_signature(countersigned("citizen2"))]
fn what_a_signature_needs_is_nothing_beside(#[case] cms: Vec<u8>) {
    let verdict = &verdicts(&cms)[0];
    assert!(verdict.intact, "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, None);
}

/// Ana's message with a signature of somebody over hers.
fn countersigned(who: &str) -> Vec<u8> {
    let mut message = Message::of(&attached("citizen"));
    let value = inside(&message.signers[0][5]).to_vec();
    let mut counter = Message::of(&openssl_cms_of(&value, who, &["-noattr", "-outform", "DER"]));
    message.certificates.append(&mut counter.certificates);
    message.add_unsigned(0, &attribute(COUNTER_SIGNATURE, &[&element(SEQUENCE, &[&counter.signers[0].concat()])]));
    message.bytes()
}

#[rstest]
#[case::trusted(policy(), true)]
#[case::trusted_by_nobody(Policy::new(Anchors::new(Vec::new(), Vec::new()).unwrap()), false)]
fn a_counter_signature_is_qualified_only_where_its_certificate_is_trusted(
    #[case] policy: Policy,
    #[case] qualified: bool,
) {
    let certificate = certificate("company-seal").to_der().unwrap();
    assert!(signature::identify(&certificate).unwrap().qualified, "the certificate says so itself");
    let verdict = &signature::judge_file(&countersigned("company-seal"), None, "file", NOW, &policy)[0];
    let [counter] = &verdict.counter_signatures[..] else { panic!("{verdict:?}") };
    assert!(counter.intact);
    assert_eq!(counter.signer.as_ref().unwrap().qualified, qualified);
}

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// What this key signs, beside the algorithm.
fn signed_with(fields: &[u8], key: &str) -> [Vec<u8>; 3] {
    let key = crate::pki::key(key);
    let name = if key.rsa().is_ok() { "2a864886f70d01010b" } else { "2a8648ce3d040302" };
    let algorithm =
        if key.rsa().is_ok() { element(SEQUENCE, &[&oid(name), &[5, 0]]) } else { element(SEQUENCE, &[&oid(name)]) };
    let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &key).unwrap();
    let value = signer.sign_oneshot_to_vec(fields).unwrap();
    [fields.to_vec(), algorithm, element(3, &[&[0], &value])]
}

fn subject(of: &str) -> Vec<u8> {
    parts(parts(&certificate(of).to_der().unwrap())[0])[5].to_vec()
}

/// A list by somebody with this certificate and key, with a text in it.
fn list_of(who: &str, key: &str) -> Vec<u8> {
    let [_, algorithm, _] = signed_with(b"", key);
    let text = element(SEQUENCE, &[&element(SEQUENCE, &[&oid(NOBODYS), &element(OCTETS, &[PDF])])]);
    let entry = element(SEQUENCE, &[&element(2, &[&[5]]), &element(UTC_TIME, &[b"260501100000Z"]), &text]);
    let times = [element(UTC_TIME, &[b"260601100000Z"]), element(UTC_TIME, &[b"260701100000Z"])].concat();
    let fields = [element(2, &[&[1]]), algorithm, subject(who), times, element(SEQUENCE, &[&entry])].concat();
    element(SEQUENCE, &[&signed_with(&element(SEQUENCE, &[&fields]), key).concat()])
}

/// An answer by somebody with this certificate and key, with a text in it, and more beside what was signed.
fn answer_of(who: &str, beside: &[u8]) -> Vec<u8> {
    let text = element(SEQUENCE, &[&element(SEQUENCE, &[&oid(NOBODYS), &element(OCTETS, &[PDF])])]);
    let fields = [
        element(0xa1, &[&subject(who)]),
        element(GENERALIZED_TIME, &[b"20260601100000Z"]),
        element(SEQUENCE, &[]),
        element(0xa1, &[&text]),
    ];
    let mut answer = signed_with(&element(SEQUENCE, &[&fields.concat()]), who).concat();
    let certificates = element(SEQUENCE, &[&certificate(who).to_der().unwrap()]);
    answer.extend(element(0xa0, &[&certificates]));
    answer.extend(beside);
    element(SEQUENCE, &[&answer])
}

/// Among the values of revocation in an attribute: lists, and answers.
fn with_values(lists: &[&[u8]], answers: &[&[u8]]) -> Vec<u8> {
    let list = |number, members: &[&[u8]]| element(number, &[&element(SEQUENCE, members)]);
    with_unsigned(REVOCATION_VALUES, &element(SEQUENCE, &[&list(0xa0, lists), &list(0xa1, answers)]))
}

/// With an authority of somebody's own beside what that authority signed.
fn with_own_authority(list: &[u8]) -> Vec<u8> {
    let (mut message, mut other) = (Message::of(&attached("citizen")), Message::of(&attached("untrusted/citizen")));
    message.certificates.append(&mut other.certificates);
    message.certificates.push(certificate("untrusted/root").to_der().unwrap());
    message.signers.append(&mut other.signers);
    let mut fields = fields(&message.bytes());
    fields.insert(4, element(0xa1, &[list]));
    self::message(&fields)
}

#[rstest]
#[case::a_list_of_an_authority(with_revocation(&list_of("anchors/root", "ca/root")), None)]
#[case::a_list_of_one_below(with_revocation(&list_of("intermediates/intermediate", "ca/intermediate")), None)]
#[case::among_values(with_values(&[&list_of("anchors/root", "ca/root")], &[&answer_of("ocsp", &[])]), None)]
#[case::a_list_that_anybody_made(with_revocation(&list_of("untrusted/root", "ca/untrusted")), Some(false))]
#[case::in_anothers_name(with_revocation(&list_of("anchors/root", "ca/untrusted")), Some(false))]
#[case::a_list_of_a_citizen(with_revocation(&list_of("citizen", "citizen")), Some(false))]
#[case::a_list_of_ones_own_authority(with_own_authority(&list_of("untrusted/root", "ca/untrusted")), Some(false))]
#[case::one_among_values(with_values(&[&list_of("anchors/root", "ca/root"), &list_of("untrusted/root", "ca/untrusted")], &[]), Some(false))]
#[case::an_answer_of_a_citizen(with_values(&[], &[&answer_of("citizen", &[])]), Some(false))]
#[case::an_answer_of_nobody(with_values(&[], &[&answer_of("untrusted/citizen", &[])]), Some(false))]
#[case::a_text_beside_an_answer(with_values(&[], &[&answer_of("ocsp", &octets())]), Some(false))]
fn revocation_data_are_those_of_authorities(#[case] cms: Vec<u8>, #[case] whole: Option<bool>) {
    let verdict = &verdicts(&cms)[0];
    assert!(verdict.intact, "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, whole);
}
