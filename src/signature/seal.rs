//! Making a signature: detached CAdES-B (EN 319 122-1 § 6), as the entity's receipts carry and the tests' citizens send,
//! and the same for a PDF (EN 319 142-1 § 6), where [`super::pades::seal`] puts it.
//!
//! # Why
//! Written with our own DER writer and OpenSSL's signature: the safe interface to OpenSSL's CMS cannot add
//! `signing-certificate-v2`, and it cannot sign with Ed25519.

use chrono::DateTime;
use openssl::error::ErrorStack;
use openssl::pkey::{HasPrivate, Id, PKeyRef};
use openssl::sign::Signer;
use openssl::x509::{X509, X509Ref};

use super::algorithm::Digest;
use super::asn1::{Asn1Error, Reader, tag};
use super::certificate::Certificate;
use super::cms::SignedData;
use super::{der, oid};

/// Why no signature could be made: all are faults of the configured key or certificate.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// OpenSSL could not sign with this key, or could not write the certificate.
    #[error("OpenSSL could not sign")]
    OpenSsl(#[from] ErrorStack),
    /// The certificate is none that can be read.
    #[error("the certificate cannot be read")]
    Certificate(#[from] Asn1Error),
    /// A kind of key that no seal here is made with. Use RSA, an elliptic curve, or Ed25519.
    #[error("keys of this kind cannot seal")]
    Key,
}

/// Signs `content`: a detached CAdES-B in DER with `certificate` and its `chain` inside, its claimed time `at`
/// (microseconds since 1970 UTC).
///
/// # Errors
/// [`SealError`] when key or certificate cannot be used.
pub fn seal<K: HasPrivate>(
    content: &[u8],
    key: &PKeyRef<K>,
    certificate: &X509Ref,
    chain: &[X509],
    at: i64,
) -> Result<Vec<u8>, SealError> {
    seal_parts(&[content], key, certificate, chain, Profile::Cades { at })
}

/// What a signature is for, which decides what it says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// It says when it was made, in microseconds since 1970 UTC.
    Cades {
        /// That time.
        at: i64,
    },
    /// For a PDF: `/M` beside it says when, and then `signing-time` must not (EN 319 142-1 § 6.3, table 1).
    Pades,
}

/// Signs the content that these parts are in a row.
///
/// # Errors
/// [`SealError`] when key or certificate cannot be used.
pub(super) fn seal_parts<K: HasPrivate>(
    content: &[&[u8]],
    key: &PKeyRef<K>,
    certificate: &X509Ref,
    chain: &[X509],
    profile: Profile,
) -> Result<Vec<u8>, SealError> {
    let (digest, digest_oid, signature_algorithm) = algorithms(key)?;
    let certificate_der = certificate.to_der()?;
    let read = Certificate::read(&certificate_der)?;
    let digest_algorithm = der::algorithm(digest_oid, false);
    let mut attributes = vec![
        attribute(oid::CONTENT_TYPE, &der::oid(oid::DATA)),
        attribute(oid::MESSAGE_DIGEST, &der::element(tag::OCTET_STRING, &[&digest.of(content)?])),
        attribute(oid::SIGNING_CERTIFICATE_V2, &signing_certificate(&read)),
    ];
    if let Profile::Cades { at } = profile {
        attributes.push(attribute(oid::SIGNING_TIME, &time(at)));
    }
    let signed = der::set_of(tag::SET, attributes);
    let mut signer = match key.id() {
        Id::ED25519 | Id::ED448 => Signer::new_without_digest(key)?,
        _ => Signer::new(digest.md(), key)?,
    };
    let value = signer.sign_oneshot_to_vec(&signed)?;
    let mut implicit = signed;
    implicit[0] = tag::context_constructed(0);

    let serial = der::element(tag::INTEGER, &[read.serial]);
    let signer_info = der::sequence(&[
        &[tag::INTEGER, 1, 1],
        &der::sequence(&[read.issuer, &serial]),
        &digest_algorithm,
        &implicit,
        &signature_algorithm,
        &der::element(tag::OCTET_STRING, &[&value]),
    ]);
    let mut certificates = vec![certificate_der.clone()];
    for authority in chain {
        let der = authority.to_der()?;
        if !certificates.contains(&der) {
            certificates.push(der);
        }
    }
    let signed_data = der::sequence(&[
        &[tag::INTEGER, 1, 1],
        &der::element(tag::SET, &[&digest_algorithm]),
        &der::sequence(&[&der::oid(oid::DATA)]),
        &der::set_of(tag::context_constructed(0), certificates),
        &der::element(tag::SET, &[&signer_info]),
    ]);
    Ok(der::sequence(&[&der::oid(oid::SIGNED_DATA), &der::element(tag::context_constructed(0), &[&signed_data])]))
}

/// The signature value in a signature (DER) with one signer: what an authority is asked to stamp for
/// [`add_timestamp`].
///
/// # Errors
/// [`Asn1Error`] when the bytes are no such signature.
pub fn signature_value(signature: &[u8]) -> Result<Vec<u8>, Asn1Error> {
    match SignedData::read(signature)?.signers.as_slice() {
        [signer] => Ok(signer.signature.to_vec()),
        _ => Err(Asn1Error::Value("a signature with one signer")),
    }
}

/// Puts a timestamp token over the signature value into a signature (DER) with one signer, which makes it CAdES-T
/// (EN 319 122-1 § 5.3). Additions it had already are replaced: a fresh [`seal`] has none.
///
/// # Errors
/// [`Asn1Error`] when the bytes are no such signature.
pub fn add_timestamp(signature: &[u8], token: &[u8]) -> Result<Vec<u8>, Asn1Error> {
    let mut info = Reader::new(signature).sequence()?;
    let content_type = info.expect(tag::OID)?.raw;
    let mut fields = info.expect(tag::context_constructed(0))?.members().sequence()?;
    let mut before: Vec<&[u8]> = Vec::new();
    while let Some(found) = fields.peek()
        && (found != tag::SET || before.len() < 2)
    {
        before.push(fields.element()?.raw);
    }
    let mut signers = fields.expect(tag::SET)?.members();
    let mut signer = signers.sequence()?;
    signers.finish()?;
    let mut parts: Vec<&[u8]> = Vec::new();
    while signer.peek().is_some_and(|found| found != tag::context_constructed(1)) {
        parts.push(signer.element()?.raw);
    }
    let unsigned = der::element(tag::context_constructed(1), &[&attribute(oid::SIGNATURE_TIMESTAMP, token)]);
    parts.push(&unsigned);
    let signers = der::element(tag::SET, &[&der::sequence(&parts)]);
    before.push(&signers);
    let signed_data = der::sequence(&before);
    Ok(der::sequence(&[content_type, &der::element(tag::context_constructed(0), &[&signed_data])]))
}

/// The digest and the signature's identifier that go with a key: SHA-256, more for a curve that is worth more.
fn algorithms<K: HasPrivate>(key: &PKeyRef<K>) -> Result<(Digest, &'static [u8], Vec<u8>), SealError> {
    Ok(match (key.id(), key.bits()) {
        (Id::RSA, _) => (Digest::Sha256, oid::SHA256, der::algorithm(oid::SHA256_RSA, true)),
        (Id::EC, ..=256) => (Digest::Sha256, oid::SHA256, der::algorithm(oid::SHA256_ECDSA, false)),
        (Id::EC, 257..=384) => (Digest::Sha384, oid::SHA384, der::algorithm(oid::SHA384_ECDSA, false)),
        (Id::EC, _) => (Digest::Sha512, oid::SHA512, der::algorithm(oid::SHA512_ECDSA, false)),
        // RFC 8419 § 3.1: SHA-512 beside Ed25519.
        (Id::ED25519, _) => (Digest::Sha512, oid::SHA512, der::algorithm(oid::ED25519, false)),
        _ => return Err(SealError::Key),
    })
}

fn attribute(name: &[u8], value: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::oid(name), &der::element(tag::SET, &[value])])
}

/// `SigningCertificateV2` (RFC 5035 § 3): SHA-256 is the default and left out.
fn signing_certificate(certificate: &Certificate<'_>) -> Vec<u8> {
    let hash = der::element(tag::OCTET_STRING, &[&openssl::sha::sha256(certificate.der)]);
    let directory_name = der::element(tag::context_constructed(4), &[certificate.issuer]);
    let serial = der::element(tag::INTEGER, &[certificate.serial]);
    let issuer_serial = der::sequence(&[&der::sequence(&[&directory_name]), &serial]);
    let identifier = der::sequence(&[&hash, &issuer_serial]);
    der::sequence(&[&der::sequence(&[&identifier])])
}

/// RFC 5652 § 11.3: `UTCTime` through 2049, `GeneralizedTime` after.
fn time(at: i64) -> Vec<u8> {
    let time = DateTime::from_timestamp_micros(at).unwrap_or_default();
    let (tag, format) = match chrono::Datelike::year(&time) {
        1950..=2049 => (tag::UTC_TIME, "%y%m%d%H%M%SZ"),
        _ => (tag::GENERALIZED_TIME, "%Y%m%d%H%M%SZ"),
    };
    der::element(tag, &[time.format(format).to_string().as_bytes()])
}
