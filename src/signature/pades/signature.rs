//! The value of a signature, by how `/SubFilter` says it is to be read (ISO 32000-2 § 12.8.3, EN 319 142-1 § 5.3).

use std::sync::Arc;

use crate::signature::algorithm::{AlgorithmIdentifier, Digest};
use crate::signature::asn1::{Reader, tag};
use crate::signature::cades::{self, Message, Request, conclude};
use crate::signature::certificate::Certificate;
use crate::signature::cms::{Attributes, SignedData, SignerIdentifier, SignerInfo};
use crate::signature::oid;
use crate::signature::revocation;
use crate::signature::signer::{self, Content, Failure};
use crate::signature::sources::NoSources;
use crate::signature::timestamp::Existence;
use crate::signature::verdict::{Format, Level, SubIndication, Verdict};

use super::store::Store;
use super::{Proof, Value, malformed};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `ETSI.CAdES.detached`.
    Cades,
    /// `adbe.pkcs7.detached`.
    Plain,
    /// `adbe.pkcs7.sha1`: the CMS signs a SHA-1 digest that it holds inside.
    Sha1,
    /// `adbe.x509.rsa_sha1`: a signature value without a CMS, the certificates beside.
    Rsa,
}

impl Style {
    fn of(sub_filter: &[u8]) -> Result<Self, Failure> {
        match sub_filter {
            b"ETSI.CAdES.detached" => Ok(Self::Cades),
            b"adbe.pkcs7.detached" => Ok(Self::Plain),
            b"adbe.pkcs7.sha1" => Ok(Self::Sha1),
            b"adbe.x509.rsa_sha1" => Ok(Self::Rsa),
            other => {
                let name = String::from_utf8_lossy(other);
                Err(malformed(&format!("/SubFilter \"{name}\" is no kind of signature known here")))
            }
        }
    }
}

/// Judges a signature. `covering` are the document timestamps over it, `existence` the earliest time that they prove.
pub fn judge(
    value: &Value<'_, '_>,
    store: &Store,
    covering: &[&Proof],
    existence: Option<Existence>,
    request: Request<'_>,
) -> Verdict {
    let style = match Style::of(&value.stated.sub_filter) {
        Ok(style) => style,
        Err(failure) => return value.fail(failure, request),
    };
    let der = match cades::to_der(&value.cms, &request.policy.deadline) {
        Ok(der) => der,
        Err(failure) => return value.fail(failure, request),
    };
    let read = match style {
        Style::Rsa => bare_rsa(&der, &value.stated.certificates),
        _ => SignedData::read(&der).map_err(|error| malformed(&error)),
    };
    let mut data = match read {
        Ok(data) => data,
        Err(failure) => return value.fail(failure, request),
    };
    if data.content.is_some() && matches!(style, Style::Cades | Style::Plain) {
        // What it signs would be that, and not the document, to whoever reads the CMS by itself.
        let detail = "the CMS holds a content of its own beside the document (ISO 32000-2 § 12.8.3.3, EN 319 142-1)";
        return value.fail(malformed(&detail), request);
    }
    let Some(signer) = data.signers.first().cloned() else {
        return value.fail(malformed(&"the CMS holds no signature"), request);
    };
    data.certificates.extend(store.certificates.iter().map(Vec::as_slice));
    let mut certificates: Vec<_> = data.certificates.iter().filter_map(|der| Certificate::read(der).ok()).collect();
    if signer::find(&signer, &certificates, &request.policy.budget).is_err() {
        // A signer may leave its certificate out where the receiver knows it (RFC 5652 § 5.1).
        let configured = request.policy.anchors.known();
        certificates.extend(configured.iter().filter_map(|der| Certificate::read(der).ok()));
    }
    let mut evidence = store.evidence();
    for proof in covering {
        proof.store.add_to(&mut evidence);
    }
    evidence.add_message(&data);

    let inside = data.content.map(|content| [content]);
    let (content, contradiction) = signed_content(style, value, inside.as_ref());
    let message = Message {
        format: Format::Pades,
        existence,
        data: &data,
        certificates: &certificates,
        evidence,
        content: content.as_ref(),
        contradiction,
        coverage: value.coverage(),
    };
    let (mut verdict, proof) = message.judge_and_prove(&signer, request);
    verdict.claimed_signed_at = verdict.claimed_signed_at.or(value.stated.claimed_at);
    if style != Style::Cades || data.signers.len() > 1 {
        verdict.level = None;
    } else if verdict.level == Some(Level::Lt)
        && is_archived(&verdict, &signer, (&certificates, covering, proof.as_ref()), request)
    {
        verdict.level = Some(Level::Lta);
    }
    let failure = weakness(style, data.signers.len(), &verdict, request);
    if failure.is_some() && verdict.passed() { conclude(verdict, failure) } else { verdict }
}

/// What the CMS signs, and what in it contradicts the document around it.
fn signed_content<'c>(
    style: Style,
    value: &'c Value<'_, '_>,
    inside: Option<&'c [&'c [u8]; 1]>,
) -> (Option<Content<'c>>, Option<Failure>) {
    let covered = value.covered.as_ref().ok();
    if style == Style::Sha1 {
        let digest = covered.and_then(|covered| Digest::Sha1.of(&covered.parts).ok());
        let same = inside.is_some_and(|[inside]| digest.as_deref() == Some(inside));
        let detail = "the digest inside the signature is not that of the document";
        let failure = (!same).then(|| Failure::new(SubIndication::HashFailure, detail));
        return (inside.map(|inside| Content::new(inside)), failure);
    }
    (covered.map(|covered| Content::new(&covered.parts)), None)
}

/// Whether a trusted timestamp covers validation data that answer for every certificate (level LTA, EN 319 142-1 § 6).
fn is_archived(
    verdict: &Verdict,
    signer: &SignerInfo<'_>,
    (certificates, covering, proof): (&[Certificate<'_>], &[&Proof], Option<&Existence>),
    request: Request<'_>,
) -> bool {
    let Ok(found) = signer::find(signer, certificates, &request.policy.budget) else { return false };
    let policy = request.policy.asking(Arc::new(NoSources));
    let Ok(path) = policy.path(found.certificate, certificates, verdict.signed_at) else { return false };
    let trusted = covering.iter().filter(|proof| proof.checked.shown.trusted && !proof.store.is_empty());
    let times = (verdict.signed_at, request.received_at);
    trusted.into_iter().any(|one| revocation::archived_by(&one.store.evidence(), &path, proof, times, request.policy))
}

/// What counts against a signature that the CMS alone does not show.
fn weakness(style: Style, signers: usize, verdict: &Verdict, request: Request<'_>) -> Option<Failure> {
    if signers > 1 {
        let detail = "the signature has more than one SignerInfo (ISO 32000-2 § 12.8.3.3.1)";
        return Some(Failure::new(SubIndication::SigConstraintsFailure, detail));
    }
    // Whatever the CMS itself uses, here SHA-1 stands between it and the document.
    let check = || request.policy.algorithms.check_digest(Digest::Sha1, verdict.signed_at).err();
    let weak = (style == Style::Sha1).then(check).flatten();
    weak.map(|weak| Failure::new(SubIndication::CryptoConstraintsFailure, weak))
}

/// A signature value without a CMS, in the shape of one.
fn bare_rsa<'a>(value: &'a [u8], certificates: &'a [Vec<u8>]) -> Result<SignedData<'a>, Failure> {
    let signature = Reader::new(value).expect(tag::OCTET_STRING).map_err(|error| malformed(&error))?.content;
    let missing = Failure::new(SubIndication::NoSigningCertificateFound, "/Cert holds no certificate");
    let first = certificates.first().ok_or(missing)?;
    let certificate = Certificate::read(first).map_err(|error| malformed(&error))?;
    let algorithm = |oid| AlgorithmIdentifier { oid, parameters: None };
    let signer = SignerInfo {
        version: &[1],
        core: &[],
        identifier: SignerIdentifier::IssuerAndSerial(certificate.issuer, certificate.serial),
        digest_algorithm: algorithm(oid::SHA1),
        signed: None,
        signature_algorithm: algorithm(oid::RSA),
        signature,
        unsigned: Attributes::default(),
    };
    Ok(SignedData {
        version: &[1],
        digests: &[],
        content_type: oid::DATA,
        content_type_raw: &[],
        content: None,
        choices: Vec::new(),
        revocation: Vec::new(),
        certificates: certificates.iter().map(Vec::as_slice).collect(),
        crls: Vec::new(),
        ocsp: Vec::new(),
        signers: vec![signer],
    })
}
