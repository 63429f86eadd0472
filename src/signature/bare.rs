//! Whether what stands unsigned in a CMS says nothing.
//!
//! # Why
//! A CMS holds what it signs, and beside it room that nobody signs: the list of digests, certificates, revocation data,
//! other signers and unsigned attributes. Whatever somebody puts there another program may show, and a whole PDF has its
//! place in an attribute that nobody knows. So in a form each of these must be what the standard puts there, as far as
//! it can be read: digests by name, certificates, lists and answers that parse, timestamps, and signatures that hold.
//! A policy that is kept (`signature-policy-store`) is a document of its own, and has no place in a form.
//! Other signers sign what they say of themselves: where they were, for what they sign. That is theirs to say, shortly:
//! what is longer than such a statement is a text that the first signer never saw. Anybody can make a certificate with a
//! text in it, and a list about revocation, so each must be of an authority that is trusted ([`super::belonging`],
//! [`super::issued`]). What is short can come often: there is one sum for the whole file over all that nobody could compare
//! with something ([`super::at_hand`]).
//! Archive timestamps of the older forms are not judged ([`super::cades`]), and harm nothing here either, where their
//! signer signed them: then nothing in them is of whoever put them there, but for what they state, which is counted.

use super::algorithm::{AlgorithmIdentifier, Digest, SignatureAlgorithm};
use super::asn1::{Element, Reader, tag};
use super::at_hand::AtHand;
use super::attributes;
use super::belonging::Belonging;
use super::certificate::Certificate;
use super::cms::{self, Attribute, SignedData, SignerInfo};
use super::crl::Crl;
use super::issued::Revocation;
use super::meter::Meter;
use super::ocsp::Answer;
use super::oid;
use super::policy::Policy;
use super::signer::{self, Content, Role};
use super::timestamp;
use super::verdict::{CounterSignature, Verdict};

/// Signatures over signatures, and timestamps in timestamps, so deep.
const MAX_DEPTH: usize = 4;
/// Longer parameters of an algorithm, in bytes, tell more than how a value was made: those of RSASSA-PSS have some 60.
const MAX_PARAMETERS: usize = 128;
/// Longer values of signed attributes, all together, in bytes, tell more than a place, a role or the name of a policy.
const MAX_STATEMENT: usize = 512;
/// All that is stated in a file, and all in references that is of nothing at hand, takes no more bytes together.
const MAX_STATED: u64 = 4_096;
/// Longer certificates, in bytes, hold more than one needs: real ones have 1,000 to 2,500.
pub const MAX_CERTIFICATE: usize = 4_096;
/// A digest, in bytes.
const MAX_DIGEST: usize = 64;
/// Longer references to a certificate, a list or an answer, and more of them together, in bytes, tell more than whose
/// each is.
const MAX_REFERENCE: usize = 1_024;
const MAX_REFERENCES: usize = 16 << 10;
/// What a timestamp states, in bytes: a digest, a time, some numbers and a name take 100 to 300.
const MAX_STAMPED: usize = 1_024;

/// Whether a CMS brings nothing that its signers did not sign, these being the verdicts on all of them by this policy.
#[must_use]
pub fn says_nothing_unsigned(data: &SignedData<'_>, verdicts: &[Verdict], policy: &Policy) -> bool {
    let holds = |(signer, verdict): (&SignerInfo<'_>, &Verdict)| {
        let stamps = &verdict.timestamps;
        verdict.intact
            && all_hold(signer, &verdict.counter_signatures)
            && stamps.len() >= tokens_of(signer)
            && stamps.iter().all(|stamp| stamp.intact || stamp.archive && stamp.not_judged)
    };
    if !data.signers.iter().zip(verdicts).all(holds) {
        return false;
    }
    let Some(belonging) = Belonging::of(data, verdicts, policy) else { return false };
    let revocation = Revocation::of(data);
    if !belonging.all() || !revocation.is_of_authorities(&belonging, policy) {
        return false;
    }
    let revocation = [revocation.crls, revocation.ocsp].concat();
    let left = Meter::new(MAX_STATED, policy.deadline.clone());
    let bare = Bare::new(&belonging, &revocation, &left, policy);
    let signed_by_others =
        || data.signers.len() < 2 || data.signers.iter().all(|signer| bare.has_known_attributes(signer, 0));
    signed_by_others() && bare.is_bare(data, 0)
}

/// Whether each of these, which stand where nobody signs, is a timestamp token (DER) by its signer that brings nothing
/// beside; the certificates in them are among those that belong, and their lists and answers in `revocation`. `left` is how
/// much may still be stated in the file.
#[must_use]
pub fn are_bare_tokens(
    tokens: &[&[u8]],
    belonging: &Belonging<'_>,
    revocation: &Revocation<'_>,
    left: &Meter,
    policy: &Policy,
) -> bool {
    let revocation = [revocation.crls.as_slice(), &revocation.ocsp].concat();
    let bare = Bare::new(belonging, &revocation, left, policy);
    tokens.iter().all(|token| all(token, |value| value.raw == *token && bare.is_listed_token(value, 1)))
}

/// Whether all that sign over a signer were looked at, and hold.
fn all_hold(signer: &SignerInfo<'_>, judged: &[CounterSignature]) -> bool {
    let values = signer.unsigned.of(oid::COUNTER_SIGNATURE).flat_map(|attribute| attribute.values());
    let read: Option<Vec<SignerInfo<'_>>> = values.map(|value| SignerInfo::read(value).ok()).collect();
    read.is_some_and(|counters| {
        counters.len() == judged.len()
            && counters
                .iter()
                .zip(judged)
                .all(|(one, judged)| judged.intact && all_hold(one, &judged.counter_signatures))
    })
}

/// How many timestamps stand in the attributes of a signer: as many must have been judged.
fn tokens_of(signer: &SignerInfo<'_>) -> usize {
    let signed = signer.signed.iter().flat_map(|signed| signed.of(oid::CONTENT_TIMESTAMP));
    let unsigned = signer.unsigned.all().iter().filter(|attribute| is_stamp(attribute.oid)).copied();
    signed.chain(unsigned).map(|attribute| attribute.values().count()).sum()
}

/// Looks at what stands unsigned.
struct Bare<'p, 'a> {
    at_hand: AtHand,
    /// The certificates that came, all of which belong.
    belonging: &'p Belonging<'a>,
    /// How much may still be stated.
    left: &'p Meter,
    policy: &'p Policy,
}

impl<'p, 'a> Bare<'p, 'a> {
    fn new(belonging: &'p Belonging<'a>, revocation: &[&[u8]], left: &'p Meter, policy: &'p Policy) -> Self {
        let at_hand = AtHand::of(belonging.certificates(), revocation, &policy.budget);
        Self { at_hand, belonging, left, policy }
    }

    fn is_bare(&self, data: &SignedData<'_>, depth: usize) -> bool {
        let revocation = cms::ocsp_of(&data.revocation);
        is_version(data.version)
            && all(data.digests, is_digest)
            && data.choices.iter().all(|der| is_certificate(der))
            && data.crls.len() + revocation.len() == data.revocation.len()
            && data.crls.iter().all(|der| Crl::read(der).is_ok())
            && revocation.iter().all(|der| Answer::read(der).is_ok())
            && data.signers.iter().all(|signer| self.is_bare_signer(signer, depth))
    }

    fn is_bare_signer(&self, signer: &SignerInfo<'_>, depth: usize) -> bool {
        let digest = Digest::by_oid(signer.digest_algorithm.oid);
        let parameters = signer.signature_algorithm.parameters.map_or(0, |element| element.raw.len());
        is_version(signer.version)
            && has_no_parameters(&signer.digest_algorithm)
            && digest.is_some()
            && parameters <= MAX_PARAMETERS
            && SignatureAlgorithm::read(&signer.signature_algorithm, digest).is_ok()
            && signer.unsigned.all().iter().all(|attribute| self.is_known(attribute, depth))
    }

    /// Whether what was signed beside the content is of known types, holds the evidence that its type has, and states no
    /// more than a place, a role or a policy: all statements together, however many attributes they are spread over.
    fn has_known_attributes(&self, signer: &SignerInfo<'_>, depth: usize) -> bool {
        let (mut stated, mut revocation) = (0, 0);
        for attribute in signer.signed.iter().flat_map(cms::Attributes::all) {
            let length = attribute.encoded_values().len();
            let holds = match attribute.oid {
                oid::CONTENT_TIMESTAMP => all_values(attribute, |value| self.is_token(value, depth + 1)),
                oid::ADOBE_REVOCATION => {
                    revocation += 1;
                    revocation == 1 && all_values(attribute, is_revocation)
                }
                // Once each, and compared with the content and the calendar.
                oid::CONTENT_TYPE | oid::MESSAGE_DIGEST | oid::SIGNING_TIME => length <= MAX_STATEMENT,
                oid::SIGNING_CERTIFICATE | oid::SIGNING_CERTIFICATE_V2 => {
                    length <= MAX_STATEMENT
                        && all_values(attribute, |value| self.may_say(self.at_hand.unknown_in(value)))
                }
                kind => {
                    stated += length;
                    attributes::may_be_signed(kind) && stated <= MAX_STATEMENT && self.may_say(length)
                }
            };
            if !holds {
                return false;
            }
        }
        true
    }

    /// Takes so many bytes of what may be stated in the file.
    fn may_say(&self, bytes: usize) -> bool {
        self.left.take(bytes as u64)
    }

    /// Whether a value is a timestamp token by one signer that states a time and brings nothing beside. Whether it is
    /// intact is judged of the signer's own only, so that tokens in tokens and in counter-signatures, and signatures over
    /// a token's signer, have no place here.
    fn is_token(&self, value: Element<'_>, depth: usize) -> bool {
        let Some(token) = SignedData::read(value.raw).ok().filter(|_| depth == 1) else { return false };
        let [signer] = token.signers.as_slice() else { return false };
        token.content.is_some_and(|content| content.len() <= MAX_STAMPED)
            && timestamp::stated(value.raw).is_some()
            && self.has_known_attributes(signer, MAX_DEPTH)
            && self.is_bare(&token, MAX_DEPTH)
    }

    /// The same for one that was not judged: what it states may be anybody's word, and its value must be a signature of
    /// that, or it is whatever somebody wrote there.
    fn is_listed_token(&self, value: Element<'_>, depth: usize) -> bool {
        let Ok(token) = SignedData::read(value.raw) else { return false };
        let [signer] = token.signers.as_slice() else { return false };
        let Some(content) = token.content else { return false };
        self.may_say(content.len()) && self.is_token(value, depth) && self.signed(signer, content)
    }

    /// Whether a certificate that belongs signed what a token states.
    fn signed(&self, signer: &SignerInfo<'_>, stated: &[u8]) -> bool {
        let budget = &self.policy.budget;
        let Ok(found) = signer::find(signer, self.belonging.certificates(), budget) else { return false };
        let parts = [stated];
        let (role, content) = (Role::Message(oid::TST_INFO), Content::new(&parts));
        signer.signed.is_some() && signer::integrity(signer, role, Some(&content), found.certificate, budget).intact()
    }

    /// `ATSHashIndex`, of either version: an algorithm, and lists of digests (EN 319 122-1 § 5.5.2), most of which are of
    /// certificates, lists and answers that are there.
    fn is_index(&self, value: Element<'_>) -> bool {
        let is_hash = |one: Element<'_>| one.tag == tag::OCTET_STRING && one.content.len() <= MAX_DIGEST;
        let is_list = |list: Element<'_>| list.tag == tag::SEQUENCE && all(list.content, is_hash);
        value.tag == tag::SEQUENCE
            && all(value.content, |one| is_digest(one) || is_list(one))
            && self.may_say(self.at_hand.unknown_in(value))
    }

    /// References to certificates or revocation data, each of which begins with a digest, or with sets of such ones
    /// (annex A.1.1): as short as what tells them apart.
    fn are_references(&self, value: Element<'_>) -> bool {
        value.tag == tag::SEQUENCE
            && value.content.len() <= MAX_REFERENCES
            && all(value.content, |one| one.tag == tag::SEQUENCE && one.content.len() <= MAX_REFERENCE)
            && self.may_say(self.at_hand.unknown_in(value))
    }

    /// Whether an unsigned attribute is of a known type, and holds what that type has.
    fn is_known(&self, attribute: &Attribute<'_>, depth: usize) -> bool {
        let inner = depth + 1;
        match attribute.oid {
            oid::SIGNATURE_POLICY_STORE => false,
            oid::COUNTER_SIGNATURE => all_values(attribute, |value| {
                let counter = SignerInfo::read(value).ok().filter(|_| inner < MAX_DEPTH);
                counter.is_some_and(|counter| {
                    self.has_known_attributes(&counter, inner) && self.is_bare_signer(&counter, inner)
                })
            }),
            oid::ARCHIVE_TIMESTAMP | oid::ARCHIVE_TIMESTAMP_V2 => {
                all_values(attribute, |value| self.is_listed_token(value, inner))
            }
            kind if is_stamp(kind) => all_values(attribute, |value| self.is_token(value, inner)),
            oid::CERTIFICATE_VALUES => all_values(attribute, |value| {
                value.tag == tag::SEQUENCE && all(value.content, |one| is_certificate(one.raw))
            }),
            oid::REVOCATION_VALUES => all_values(attribute, is_revocation),
            oid::ATS_HASH_INDEX | oid::ATS_HASH_INDEX_V3 => all_values(attribute, |value| self.is_index(value)),
            // What is left of the known ones are references.
            kind => attributes::may_be_unsigned(kind) && all_values(attribute, |value| self.are_references(value)),
        }
    }
}

/// Whether attributes of this type hold timestamps over what was signed.
fn is_stamp(kind: &[u8]) -> bool {
    matches!(
        kind,
        oid::SIGNATURE_TIMESTAMP
            | oid::ARCHIVE_TIMESTAMP
            | oid::ARCHIVE_TIMESTAMP_V2
            | oid::ARCHIVE_TIMESTAMP_V3
            | oid::CADES_C_TIMESTAMP
            | oid::REFERENCES_TIMESTAMP
    )
}

/// `RevocationValues` without other kinds of values (EN 319 122-1 annex A.1.2.2).
fn is_revocation(value: Element<'_>) -> bool {
    let mut fields = value.members();
    let mut list = |number, holds: fn(Element<'_>) -> bool| {
        fields.optional(tag::context_constructed(number)).is_ok_and(|explicit| {
            explicit.is_none_or(|explicit| all(explicit.content, |list| all(list.content, holds)))
        })
    };
    value.tag == tag::SEQUENCE
        && list(0, |one| Crl::read(one.raw).is_ok())
        && list(1, |one| Answer::read(one.raw).is_ok())
        && fields.finish().is_ok()
}

/// Whether bytes are a certificate of a usual size: anybody can make one with a document in an extension.
fn is_certificate(der: &[u8]) -> bool {
    der.len() <= MAX_CERTIFICATE && Certificate::read(der).is_ok()
}

fn is_digest(element: Element<'_>) -> bool {
    let mut whole = Reader::new(element.raw);
    let algorithm = AlgorithmIdentifier::read(&mut whole);
    algorithm.is_ok_and(|algorithm| Digest::by_oid(algorithm.oid).is_some() && has_no_parameters(&algorithm))
}

fn has_no_parameters(algorithm: &AlgorithmIdentifier<'_>) -> bool {
    algorithm.parameters.is_none_or(|element| element.tag == tag::NULL && element.content.is_empty())
}

/// A version of a CMS is a digit.
fn is_version(octets: &[u8]) -> bool {
    octets.len() == 1
}

fn all_values(attribute: &Attribute<'_>, holds: impl Fn(Element<'_>) -> bool) -> bool {
    !attribute.encoded_values().is_empty() && all(attribute.encoded_values(), holds)
}

/// Whether bytes are elements, one after the other, and each of them is like this.
fn all(content: &[u8], holds: impl Fn(Element<'_>) -> bool) -> bool {
    let mut reader = Reader::new(content);
    while !reader.is_empty() {
        let Ok(element) = reader.element() else { return false };
        if !holds(element) {
            return false;
        }
    }
    true
}
