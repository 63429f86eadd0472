//! Where an attribute may stand, and how often (RFC 5652 § 11, RFC 5035 § 3 and 4, RFC 6211, EN 319 122-1 § 5 and annex A).
//!
//! # Why
//! Two readers of a signature must not see two different ones: where an attribute stands twice, each may take another.
//! What breaks the rule among the signed attributes was written by the signer's program, and makes the signature one that
//! cannot be read; the unsigned ones anybody can have added, so there it is only a constraint that is not kept.
//! A signer may commit to several things, and AutoFirma writes an attribute for each: no verdict hangs on what they say.

use super::asn1::{Asn1Error, tag};
use super::cms::{Attributes, SignerInfo};
use super::oid;
use super::signer::{Failure, Role};
use super::verdict::SubIndication;

/// How often an attribute may stand in its set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    /// Once, with one value.
    Once,
    /// As often as wanted, with as many values.
    Any,
}

/// A signed attribute, its name, and how often it may stand.
const SIGNED: [(&[u8], &str, Times); 16] = [
    (oid::CONTENT_TYPE, "content-type", Times::Once),
    (oid::MESSAGE_DIGEST, "message-digest", Times::Once),
    (oid::SIGNING_TIME, "signing-time", Times::Once),
    (oid::ALGORITHM_PROTECTION, "cms-algorithm-protection", Times::Once),
    (oid::SIGNING_CERTIFICATE, "signing-certificate", Times::Once),
    (oid::SIGNING_CERTIFICATE_V2, "signing-certificate-v2", Times::Once),
    (oid::SIGNATURE_POLICY, "signature-policy-identifier", Times::Once),
    (oid::COMMITMENT_TYPE, "commitment-type-indication", Times::Any),
    (oid::SIGNER_LOCATION, "signer-location", Times::Once),
    (oid::SIGNER_ATTRIBUTES, "signer-attributes", Times::Once),
    (oid::SIGNER_ATTRIBUTES_V2, "signer-attributes-v2", Times::Once),
    (oid::MIME_TYPE, "mime-type", Times::Once),
    (oid::CONTENT_HINTS, "content-hints", Times::Once),
    (oid::CONTENT_IDENTIFIER, "content-identifier", Times::Once),
    (oid::CONTENT_REFERENCE, "content-reference", Times::Once),
    (oid::CONTENT_TIMESTAMP, "content-time-stamp", Times::Any),
];

/// The same for those that are never signed.
const UNSIGNED: [(&[u8], &str, Times); 16] = [
    (oid::COUNTER_SIGNATURE, "countersignature", Times::Any),
    (oid::SIGNATURE_TIMESTAMP, "signature-time-stamp", Times::Any),
    (oid::ARCHIVE_TIMESTAMP, "archive-time-stamp", Times::Any),
    (oid::ARCHIVE_TIMESTAMP_V2, "archive-time-stamp (second version)", Times::Any),
    (oid::ARCHIVE_TIMESTAMP_V3, "archive-time-stamp-v3", Times::Any),
    (oid::CADES_C_TIMESTAMP, "CAdES-C-timestamp", Times::Any),
    (oid::REFERENCES_TIMESTAMP, "time-stamped-certs-crls-references", Times::Any),
    (oid::ATS_HASH_INDEX, "ats-hash-index", Times::Once),
    (oid::ATS_HASH_INDEX_V3, "ats-hash-index-v3", Times::Once),
    (oid::SIGNATURE_POLICY_STORE, "signature-policy-store", Times::Once),
    (oid::CERTIFICATE_REFERENCES, "complete-certificate-references", Times::Once),
    (oid::REVOCATION_REFERENCES, "complete-revocation-references", Times::Once),
    (oid::ATTRIBUTE_CERTIFICATE_REFERENCES, "attribute-certificate-references", Times::Once),
    (oid::ATTRIBUTE_REVOCATION_REFERENCES, "attribute-revocation-references", Times::Once),
    (oid::CERTIFICATE_VALUES, "certificate-values", Times::Once),
    (oid::REVOCATION_VALUES, "revocation-values", Times::Once),
];

/// Whether attributes of this type are known, and may be signed.
#[must_use]
pub fn may_be_signed(kind: &[u8]) -> bool {
    kind == oid::ADOBE_REVOCATION || SIGNED.iter().any(|(known, ..)| *known == kind)
}

/// Whether attributes of this type are known, and may stand unsigned.
#[must_use]
pub fn may_be_unsigned(kind: &[u8]) -> bool {
    UNSIGNED.iter().any(|(known, ..)| *known == kind)
}

/// Whether every attribute of a signer stands where it may, and as often.
///
/// # Errors
/// A failure that names the first that does not.
pub fn check(signer: &SignerInfo<'_>, role: Role<'_>) -> Result<(), Failure> {
    if let Some(signed) = &signer.signed {
        check_set(signed, &SIGNED, &UNSIGNED, "signed", SubIndication::FormatFailure)?;
        check_signing_time(signed)?;
        if role == Role::CounterSignature && signed.of(oid::CONTENT_TYPE).next().is_some() {
            let detail = "a countersignature has the signed attribute content-type (RFC 5652 § 11.4)";
            return Err(Failure::new(SubIndication::FormatFailure, detail));
        }
    }
    check_set(&signer.unsigned, &UNSIGNED, &SIGNED, "unsigned", SubIndication::SigConstraintsFailure)
}

fn check_set(
    set: &Attributes<'_>,
    own: &[(&[u8], &str, Times)],
    others: &[(&[u8], &str, Times)],
    kind: &str,
    reason: SubIndication,
) -> Result<(), Failure> {
    for attribute in set.all() {
        let is = |row: &&(&[u8], &str, Times)| row.0 == attribute.oid;
        if let Some((_, name, _)) = others.iter().find(is) {
            return Err(Failure::new(reason, format!("{name} stands among the {kind} attributes, where it may not")));
        }
    }
    for (oid, name, times) in own {
        let checked = match times {
            Times::Once => set.once(oid).map(drop),
            Times::Any => Ok(()),
        };
        checked.map_err(|error| Failure::new(reason, format!("the {kind} attribute {name}: {error}")))?;
    }
    Ok(())
}

/// `signing-time` is one time of a type allowed, and a time that there is (RFC 5652 § 11.3).
fn check_signing_time(signed: &Attributes<'_>) -> Result<(), Failure> {
    let malformed = |error: Asn1Error| {
        Failure::new(SubIndication::FormatFailure, format!("the signed attribute signing-time: {error}"))
    };
    let Some(time) = signed.once(oid::SIGNING_TIME).map_err(malformed)? else { return Ok(()) };
    if !matches!(time.tag, tag::UTC_TIME | tag::GENERALIZED_TIME) {
        return Err(malformed(Asn1Error::Value("a UTCTime or GeneralizedTime")));
    }
    time.time().map_err(malformed).map(drop)
}
