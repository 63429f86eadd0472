//! One `SignerInfo`: whose certificate it names, and whether its bytes are that certificate's signature of the content
//! (EN 319 102-1 § 5.2.3 and 5.2.7, RFC 5652 § 5.4 and 5.6).
//!
//! Messages, counter-signatures and timestamps all come through here; trust and policy do not.

use std::cell::RefCell;

use super::algorithm::{AlgorithmIdentifier, Digest, SignatureAlgorithm};
use super::asn1::{Asn1Error, Reader, tag};
use super::certificate::Certificate;
use super::cms::{Attributes, SignerIdentifier, SignerInfo};
use super::same_name::same_name_within;
use super::verdict::{Cause, SubIndication};
use super::work::Budget;
use super::{attributes, der, oid};

/// A reason for a verdict, and its technical cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In the standard's words.
    pub reason: SubIndication,
    /// What the reason leaves open.
    pub cause: Option<Cause>,
    /// For whoever mends the program that signed.
    pub detail: String,
}

impl Failure {
    /// A failure with its detail; `try_later` for want of an answer.
    #[expect(clippy::needless_pass_by_value, reason = "errors are handed over as they come")]
    pub fn new(reason: SubIndication, detail: impl ToString) -> Self {
        let cause = (reason == SubIndication::TryLater).then_some(Cause::NoAnswer);
        Self { reason, cause, detail: detail.to_string() }
    }

    /// The same for this cause.
    pub fn because(reason: SubIndication, cause: Cause, detail: impl ToString) -> Self {
        Self { cause: Some(cause), ..Self::new(reason, detail) }
    }

    /// How much it weighs beside others: what is certain more than what may be learned later, a suspension more than
    /// what was not asked, and that more than a silence.
    fn weight(&self) -> u8 {
        match (self.reason, self.cause) {
            (SubIndication::TryLater, Some(Cause::OnHold)) => 2,
            (SubIndication::TryLater, Some(Cause::NotAsked)) => 1,
            (SubIndication::TryLater, _) => 0,
            _ => 3,
        }
    }

    /// The weightier of two; the first where they weigh the same.
    #[must_use]
    pub fn weightier(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(if other.weight() > one.weight() { other } else { one }),
            (one, other) => one.or(other),
        }
    }
}

/// More certificates that a signer's identifier fits are not looked at: two may, where an authority renewed one.
const MAX_CANDIDATES: usize = 16;

/// What was signed. It may lie in pieces (around a PDF's `/Contents`), and is hashed once a digest, not once a signer.
pub struct Content<'a> {
    parts: &'a [&'a [u8]],
    digests: RefCell<Vec<(Digest, Vec<u8>)>>,
}

impl<'a> Content<'a> {
    /// The content, in pieces that follow each other.
    #[must_use]
    pub fn new(parts: &'a [&'a [u8]]) -> Self {
        Self { parts, digests: RefCell::default() }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }

    /// Its pieces.
    #[must_use]
    pub fn parts(&self) -> &'a [&'a [u8]] {
        self.parts
    }

    /// Its digest, computed once.
    ///
    /// # Errors
    /// When that is more work than is granted, or OpenSSL lacks the digest.
    pub fn digest(&self, digest: Digest, budget: &Budget) -> Result<Vec<u8>, Failure> {
        let mut known = self.digests.borrow_mut();
        if let Some((_, computed)) = known.iter().find(|(of, _)| *of == digest) {
            return Ok(computed.clone());
        }
        if !budget.take_hashing(self.parts) {
            return Err(Budget::exhausted());
        }
        let computed = digest.of(self.parts);
        let computed = computed.map_err(|error| Failure::new(SubIndication::CryptoConstraintsFailure, error))?;
        known.push((digest, computed.clone()));
        Ok(computed)
    }
}

/// The certificate that a signer names.
pub struct Found<'c, 'a> {
    /// It.
    pub certificate: &'c Certificate<'a>,
    /// Whether a signed attribute names it too: what makes plain CMS a CAdES signature.
    pub named_in_attribute: bool,
    /// Set when the attribute names another.
    pub mismatch: Option<Failure>,
}

/// Finds the signer's certificate (EN 319 102-1 § 5.2.3.4).
///
/// # Errors
/// [`SubIndication::NoSigningCertificateFound`] when it is not among them.
pub fn find<'c, 'a>(
    signer: &SignerInfo<'_>,
    certificates: &'c [Certificate<'a>],
    budget: &Budget,
) -> Result<Found<'c, 'a>, Failure> {
    let exactly = |one: &Certificate<'_>| matches(&signer.identifier, one);
    let leniently = |one: &Certificate<'_>| matches_leniently(&signer.identifier, one, budget);
    let tests: [&dyn Fn(&Certificate<'_>) -> bool; 2] = [&exactly, &leniently];
    let mut candidates: Vec<&Certificate<'_>> = Vec::new();
    for test in tests {
        for one in certificates.iter().filter(|one| test(one)) {
            if candidates.len() < MAX_CANDIDATES && !candidates.iter().any(|known| known.der == one.der) {
                candidates.push(one);
            }
        }
        if !candidates.is_empty() {
            break;
        }
    }
    let not_found = |detail| Failure::new(SubIndication::NoSigningCertificateFound, detail);
    let first = *candidates.first().ok_or_else(|| not_found("the signer's certificate is not in the signature"))?;
    let malformed = |error: Asn1Error| Failure::new(SubIndication::FormatFailure, error);
    let references = match &signer.signed {
        Some(attributes) => {
            // Of two, nobody can tell which is meant, and none is looked at.
            if let Some(error) = NAMING.into_iter().find_map(|(oid, _)| attributes.once(oid).err()) {
                return Ok(Found { certificate: first, named_in_attribute: true, mismatch: Some(malformed(error)) });
            }
            references(attributes).map_err(malformed)?
        }
        None => Vec::new(),
    };
    // SHA-1 has an attribute of its own; in the second version it does not count (EN 319 122-1 § 5.2.2.3, as DSS reads it).
    let named_in_attribute = references.iter().any(|one| !(one.second_version && one.digest == Some(Digest::Sha1)));
    let referred = candidates.iter().find(|one| references.iter().all(|reference| reference.is_to(one, budget)));
    let mismatch =
        referred.is_none().then(|| not_found("signing-certificate names another certificate than the one that signed"));
    Ok(Found { certificate: referred.copied().unwrap_or(first), named_in_attribute, mismatch })
}

fn matches(identifier: &SignerIdentifier<'_>, certificate: &Certificate<'_>) -> bool {
    match *identifier {
        SignerIdentifier::IssuerAndSerial(issuer, serial) => {
            certificate.serial == serial && certificate.issuer == issuer
        }
        SignerIdentifier::KeyIdentifier(key) => certificate.subject_key_identifier() == Some(key),
    }
}

/// Names that differ in encoding only (`UTF8String` or `PrintableString`, letter case) are equal by RFC 5280 § 7.1;
/// some signers write the issuer anew instead of copying it.
fn matches_leniently(identifier: &SignerIdentifier<'_>, certificate: &Certificate<'_>, budget: &Budget) -> bool {
    let SignerIdentifier::IssuerAndSerial(issuer, serial) = *identifier else { return false };
    certificate.serial == serial && same_name_within(issuer, certificate.issuer, budget)
}

/// The attributes that name the signer's certificate, and whether each is the second version.
const NAMING: [(&[u8], bool); 2] = [(oid::SIGNING_CERTIFICATE, false), (oid::SIGNING_CERTIFICATE_V2, true)];

/// What `signing-certificate` or `signing-certificate-v2` says of the signer's certificate (RFC 5035 § 3 and 4).
/// Its issuer and serial number are not compared: the digest tells the certificate alone, and signers get them wrong.
struct Reference<'a> {
    second_version: bool,
    digest: Option<Digest>,
    value: &'a [u8],
}

impl Reference<'_> {
    fn is_to(&self, certificate: &Certificate<'_>, budget: &Budget) -> bool {
        self.digest.and_then(|digest| budget.digest_of(certificate, digest)).is_some_and(|digest| digest == self.value)
    }
}

fn references<'a>(attributes: &Attributes<'a>) -> Result<Vec<Reference<'a>>, Asn1Error> {
    let mut out = Vec::new();
    for (oid, second_version) in NAMING {
        let Some(value) = attributes.once(oid)? else { continue };
        let mut identifiers = value.tagged(tag::SEQUENCE)?.members().sequence()?;
        // The first is the signer's; those after it restrict the path, and no program is known to write them.
        let mut identifier = identifiers.sequence()?;
        let digest = match (second_version, identifier.peek()) {
            (false, _) => Some(Digest::Sha1),
            (true, Some(tag::SEQUENCE)) => Digest::by_oid(AlgorithmIdentifier::read(&mut identifier)?.oid),
            (true, _) => Some(Digest::Sha256),
        };
        let value = identifier.expect(tag::OCTET_STRING)?.content;
        out.push(Reference { second_version, digest, value });
    }
    Ok(out)
}

/// What a signer signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role<'a> {
    /// A content of this type.
    Message(&'a [u8]),
    /// Another's signature value: such a signer states no content type (RFC 5652 § 11.4).
    CounterSignature,
}

/// Whether bytes and signature value match, and the algorithms that showed it.
pub struct Integrity {
    /// None when they match.
    pub failure: Option<Failure>,
    /// The digest of the content, where it is known.
    pub digest: Option<Digest>,
    /// The signature's algorithm, where it is known.
    pub algorithm: Option<SignatureAlgorithm>,
}

impl Integrity {
    /// Whether digest and signature value both match.
    #[must_use]
    pub fn intact(&self) -> bool {
        self.failure.is_none()
    }
}

/// Checks digest and signature value (EN 319 102-1 § 5.2.7).
#[must_use]
pub fn integrity(
    signer: &SignerInfo<'_>,
    role: Role<'_>,
    content: Option<&Content<'_>>,
    certificate: &Certificate<'_>,
    budget: &Budget,
) -> Integrity {
    let mut integrity = Integrity { failure: None, digest: None, algorithm: None };
    integrity.failure = check(signer, role, content, certificate, budget, &mut integrity).err();
    integrity
}

fn check(
    signer: &SignerInfo<'_>,
    role: Role<'_>,
    content: Option<&Content<'_>>,
    certificate: &Certificate<'_>,
    budget: &Budget,
    known: &mut Integrity,
) -> Result<(), Failure> {
    use SubIndication as S;
    attributes::check(signer, role)?;
    let digest = Digest::by_oid(signer.digest_algorithm.oid).ok_or_else(|| {
        let detail = format!("unknown digest {}", oid::dotted(signer.digest_algorithm.oid));
        Failure::new(S::CryptoConstraintsFailure, detail)
    })?;
    known.digest = Some(digest);
    let algorithm = SignatureAlgorithm::read(&signer.signature_algorithm, Some(digest))
        .map_err(|error| Failure::new(S::CryptoConstraintsFailure, error))?;
    known.algorithm = Some(algorithm);
    let content = content.ok_or_else(|| Failure::new(S::SignedDataNotFound, "the signed content is not at hand"))?;
    if let Some(attributes) = &signer.signed {
        check_attributes(attributes, signer, role, digest, content, budget)?;
    }

    let signed_bytes = match &signer.signed {
        // The value may have to be tried twice.
        Some(attributes) => 2 * attributes.raw.len(),
        None => usize::try_from(content.len()).unwrap_or(usize::MAX),
    };
    if !budget.take_verification(certificate, signed_bytes) {
        return Err(Budget::exhausted());
    }
    // Reading the key is part of what that costs.
    let key = certificate.openssl().and_then(|certificate| certificate.public_key().ok());
    let key = key.ok_or_else(|| Failure::new(S::SigCryptoFailure, "the certificate's public key cannot be read"))?;
    let verified = match &signer.signed {
        Some(attributes) => {
            // As they came first: signers hash what they wrote, sorted or not. Only the tag differs (RFC 5652 § 5.4).
            let mut message = attributes.raw.to_vec();
            message[0] = tag::SET;
            algorithm.verify(&key, &message, signer.signature) || {
                let sorted = sorted(attributes);
                let again = sorted != message && budget.take_verification(certificate, 0);
                again && algorithm.verify(&key, &sorted, signer.signature)
            }
        }
        None => match content.parts {
            [bytes] => algorithm.verify(&key, bytes, signer.signature),
            parts => algorithm.verify(&key, &parts.concat(), signer.signature),
        },
    };
    if verified {
        Ok(())
    } else if let Some(exhausted) = budget.failure() {
        Err(exhausted)
    } else {
        Err(Failure::new(S::SigCryptoFailure, "the signature value is not the certificate's"))
    }
}

/// Signed attributes as DER has them, in the order of a set (RFC 5652 § 5.4), however they were written.
#[must_use]
pub fn sorted(attributes: &Attributes<'_>) -> Vec<u8> {
    der::set_of(tag::SET, attributes.all().iter().map(|attribute| attribute.raw).collect())
}

/// The attributes that bind the signature to its content (RFC 5652 § 11.1 and 11.2, RFC 6211).
fn check_attributes(
    attributes: &Attributes<'_>,
    signer: &SignerInfo<'_>,
    role: Role<'_>,
    digest: Digest,
    content: &Content<'_>,
    budget: &Budget,
) -> Result<(), Failure> {
    use SubIndication as S;
    let malformed = |error: Asn1Error| Failure::new(S::FormatFailure, error);
    let missing = |what: &str| Failure::new(S::FormatFailure, format!("the signed attribute {what} is missing"));
    let content_type = attributes.once(oid::CONTENT_TYPE).map_err(malformed)?;
    if let Role::Message(expected) = role {
        let stated = content_type.ok_or_else(|| missing("content-type"))?.tagged(tag::OID).map_err(malformed)?;
        if stated.content != expected {
            return Err(Failure::new(S::FormatFailure, "content-type is not the type of the content"));
        }
    }
    let stated = attributes.once(oid::MESSAGE_DIGEST).map_err(malformed)?;
    let stated = stated.ok_or_else(|| missing("message-digest"))?.tagged(tag::OCTET_STRING).map_err(malformed)?;
    if content.digest(digest, budget)? != stated.content {
        return Err(Failure::new(S::HashFailure, "message-digest is not the digest of the content"));
    }
    if let Some(protection) = attributes.once(oid::ALGORITHM_PROTECTION).map_err(malformed)? {
        let mut members: Reader<'_> = protection.members();
        let protected = AlgorithmIdentifier::read(&mut members).map_err(malformed)?;
        let signature = members.optional(tag::context_constructed(1)).map_err(malformed)?;
        // The identifier is IMPLICIT: its name is the first member of the context tag itself.
        let names_signature = signature.is_none_or(|id| id.members().oid() == Ok(signer.signature_algorithm.oid));
        if protected.oid != signer.digest_algorithm.oid || !names_signature {
            return Err(Failure::new(S::SigCryptoFailure, "the algorithms are not those that the signer protected"));
        }
    }
    Ok(())
}
