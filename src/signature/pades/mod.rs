//! PAdES and plain signatures in PDF: from a file to verdicts (EN 319 102-1 § 5.3, EN 319 142-1, ISO 32000-2 § 12.8).
//!
//! The walk: [`field`] finds the signatures of every revision, [`range`] the bytes that each covers, the CMS in it is
//! judged as [`cades`] judges any; [`later`] says what came after the signed revision ([`change`] finds it,
//! [`permission`] knows what signers allow), and [`evidence`] reads the validation data beside.
//!
//! # Why
//! A signature is judged on the document it signed: the file up to its last signed byte is opened as a document of its
//! own, and must hold the signature in a field. What follows is compared with it, and never judged by where it lies in
//! the file. The newest timestamp is judged first: each proves that all before it existed (EN 319 102-1 § 5.6).

mod change;
mod evidence;
mod field;
mod landmark;
mod later;
mod permission;
mod range;

use super::algorithm::Digest;
use super::asn1::{Reader, tag};
use super::cades::{self, Message, Request, blank, conclude};
use super::certificate::Certificate;
use super::cms::{Attributes, SignedData, SignerIdentifier, SignerInfo};
use super::pdf::{Budget, Pdf, PdfError};
use super::signer::{Content, Failure};
use super::verdict::{
    Coverage, Explanation, Format, Kind, Level, Placement, SignatureTimestamp, SubIndication, Verdict,
};
use super::{oid, revocation, timestamp};
use evidence::Evidence;
use field::Signature;
use later::After;
use range::Covered;

/// More revisions than this are not searched for signatures that a later one took away.
const MAX_REVISIONS: usize = 128;

/// Judges every signature and document timestamp in a PDF, in the order in which they were made.
pub(super) fn judge(file: &[u8], request: Request<'_>) -> Vec<Verdict> {
    let budget = Budget::of_file(file.len());
    let unreadable = |reason: &dyn std::fmt::Display| {
        vec![cades::unreadable(Failure::new(SubIndication::FormatFailure, reason), request)]
    };
    let document = match Document::open(file, &budget) {
        Ok(document) => document,
        Err(error) => return unreadable(&error),
    };
    let mut signatures = match document.signatures() {
        Ok(signatures) if signatures.is_empty() => return unreadable(&"the PDF holds no signature"),
        Ok(signatures) => signatures,
        Err(error) => return unreadable(&error),
    };
    // Stable: signatures that cover as much as each other stay in the order of their fields.
    signatures.sort_by_key(|signature| {
        signature.byte_range.map_or(usize::MAX, |[.., start, rest]| start.saturating_add(rest))
    });
    let mut proofs = Vec::new();
    let mut verdicts: Vec<Verdict> =
        signatures.iter().rev().map(|signature| document.judge(signature, &mut proofs, request)).collect();
    verdicts.reverse();
    verdicts
}

/// A document timestamp, and what it proves.
struct Proof {
    /// Where what it covers ends.
    end: usize,
    stamp: SignatureTimestamp,
    /// The validation data in what it covers.
    evidence: Evidence,
}

/// A file, as it is.
struct Document<'f> {
    file: &'f [u8],
    budget: &'f Budget,
    current: Pdf<'f>,
    evidence: Evidence,
}

/// The bytes of a signature, and what is known of them before they are judged.
struct Value<'f> {
    covered: Result<Covered<'f>, Failure>,
    after: Option<After>,
    cms: Vec<u8>,
}

impl<'f> Document<'f> {
    fn open(file: &'f [u8], budget: &'f Budget) -> Result<Self, PdfError> {
        let current = Pdf::open(file, budget)?;
        let evidence = Evidence::read(&current);
        Ok(Self { file, budget, current, evidence })
    }

    /// Those of the newest revision, and those that it does not show any more.
    fn signatures(&self) -> Result<Vec<Signature>, PdfError> {
        let mut found = field::signatures(&self.current)?;
        let mut revision = self.current.previous()?;
        for _ in 0..MAX_REVISIONS {
            let Some(older) = revision else { break };
            // A part of a linearized file is no document by itself, and holds none.
            for signature in field::signatures(&older).unwrap_or_default() {
                if !found.iter().any(|known| known.contents == signature.contents) {
                    found.push(signature);
                }
            }
            revision = older.previous()?;
        }
        Ok(found)
    }

    fn judge(&self, signature: &Signature, proofs: &mut Vec<Proof>, request: Request<'_>) -> Verdict {
        let value = self.value(signature);
        let end = value.covered.as_ref().map_or(usize::MAX, |covered| covered.end);
        let covering: Vec<&Proof> = proofs.iter().filter(|proof| proof.end > end).collect();
        let proved = covering.iter().filter(|proof| proof.stamp.trusted).filter_map(|proof| proof.stamp.at);
        // All of it was there at the time of the earliest timestamp over it: that is when it counts as received.
        let received_at = proved.chain([request.received_at]).min().unwrap_or(request.received_at);
        let request = Request { received_at, ..request };
        let mut verdict = if signature.is_timestamp {
            let mut stamp = None;
            let verdict = self.timestamp(signature, &value, &mut stamp, request);
            if let (Some(stamp), Ok(covered)) = (stamp, &value.covered) {
                proofs.push(Proof { end: covered.end, stamp, evidence: self.evidence_at(covered.end) });
            }
            verdict
        } else {
            let mut verdict = self.signature(signature, &value, &covering, request);
            verdict.timestamps.extend(covering.iter().map(|proof| proof.stamp.clone()));
            verdict
        };
        if let Err(failure) = value.covered {
            verdict.intact = false;
            verdict = conclude(verdict, Some(failure));
        }
        verdict.covers_whole_file = Some(verdict.intact && end == self.file.len());
        match value.after {
            Some(after) => after.weigh_into(verdict),
            None => verdict,
        }
    }

    fn evidence_at(&self, end: usize) -> Evidence {
        Pdf::open(&self.file[..end], self.budget).map(|pdf| Evidence::read(&pdf)).unwrap_or_default()
    }

    fn value(&self, signature: &Signature) -> Value<'f> {
        let malformed = |reason: &dyn std::fmt::Display| Failure::new(SubIndication::FormatFailure, reason);
        let mut after = None;
        let covered = range::covered(self.file, signature).map_err(|reason| malformed(&reason)).and_then(|covered| {
            after = later::after(self.file, &self.current, signature, covered.end, self.budget)
                .map_err(|error| malformed(&error))?;
            Ok(covered)
        });
        let cms = signature.contents.map(|(from, to)| super::pdf::unhex(&self.file[from + 1..to - 1]));
        Value { covered, after, cms: cms.unwrap_or_default() }
    }

    /// What a signature is before its CMS was read.
    fn blank(&self, signature: &Signature, value: &Value<'_>, request: Request<'_>) -> Verdict {
        let mut verdict = blank(Format::Pades, request);
        verdict.coverage = coverage(value);
        verdict.claimed_signed_at = signature.claimed_at;
        verdict.kind = if signature.is_timestamp { Kind::DocumentTimestamp } else { Kind::Signature };
        verdict
    }

    fn signature(
        &self,
        signature: &Signature,
        value: &Value<'_>,
        covering: &[&Proof],
        request: Request<'_>,
    ) -> Verdict {
        let fail = |failure: Failure| conclude(self.blank(signature, value, request), Some(failure));
        let malformed = |reason: &dyn std::fmt::Display| Failure::new(SubIndication::FormatFailure, reason);
        let Some(style) = Style::of(&signature.sub_filter) else {
            let name = String::from_utf8_lossy(&signature.sub_filter);
            return fail(malformed(&format!("/SubFilter \"{name}\" is no kind of signature known here")));
        };
        let der = match cades::to_der(&value.cms) {
            Ok(der) => der,
            Err(failure) => return fail(failure),
        };
        let read = match style {
            Style::Rsa => bare_rsa(&der, &signature.certificates),
            _ => SignedData::read(&der).map_err(|error| malformed(&error)),
        };
        let mut data = match read {
            Ok(data) => data,
            Err(failure) => return fail(failure),
        };
        let Some(signer) = data.signers.first().cloned() else { return fail(malformed(&"the CMS holds no signature")) };
        data.certificates.extend(self.evidence.certificates.iter().map(Vec::as_slice));
        let certificates: Vec<_> = data.certificates.iter().filter_map(|der| Certificate::read(der).ok()).collect();

        let inside = data.content.map(|content| [content]);
        let around = value.covered.as_ref().ok().map(|covered| Content::new(&covered.parts));
        let (content, contradiction) = match style {
            Style::Sha1 => {
                let digest = value.covered.as_ref().ok().and_then(|covered| Digest::Sha1.of(&covered.parts).ok());
                let same = inside.is_some_and(|[inside]| digest.as_deref() == Some(inside));
                let detail = "the digest inside the signature is not that of the document";
                (
                    inside.as_ref().map(|inside| Content::new(inside)),
                    (!same).then_some((SubIndication::HashFailure, detail)),
                )
            }
            _ => {
                let detail = "the CMS holds a content of its own beside the document";
                let own = inside.is_some_and(|[inside]| !inside.is_empty());
                (around, own.then_some((SubIndication::FormatFailure, detail)))
            }
        };
        let message = Message {
            format: Format::Pades,
            data: &data,
            certificates: &certificates,
            evidence: self.revocation(&data),
            content: content.as_ref(),
            contradiction: contradiction.map(|(reason, detail)| Failure::new(reason, detail)),
            coverage: coverage(value),
        };
        let mut verdict = message.judge(&signer, request);
        verdict.claimed_signed_at = verdict.claimed_signed_at.or(signature.claimed_at);
        if style == Style::Cades && data.signers.len() == 1 {
            verdict.level = self.level(&verdict, &signer, &certificates, covering, request);
        } else {
            verdict.level = None;
        }
        let failure = weakness(style, data.signers.len(), &verdict, request);
        if failure.is_some() && verdict.passed() { conclude(verdict, failure) } else { verdict }
    }

    /// The revocation data that a signature comes with: in its CMS, and in the file's store (DSS).
    fn revocation<'r>(&'r self, data: &SignedData<'r>) -> revocation::Evidence<'r> {
        let mut found = revocation::Evidence::default();
        found.add_message(data);
        found.crls.extend(self.evidence.crls.iter().map(Vec::as_slice));
        found.ocsp.extend(self.evidence.ocsps.iter().map(Vec::as_slice));
        found
    }

    /// What it carries for the years to come, as far as it was verified (EN 319 142-1 § 6.3).
    fn level(
        &self,
        verdict: &Verdict,
        signer: &SignerInfo<'_>,
        certificates: &[Certificate<'_>],
        covering: &[&Proof],
        request: Request<'_>,
    ) -> Option<Level> {
        let basic = verdict.level?;
        let trusted: Vec<_> = covering.iter().filter(|proof| proof.stamp.trusted).collect();
        if basic < Level::T && trusted.is_empty() {
            return Some(basic);
        }
        let found = super::signer::find(signer, certificates).ok()?;
        let Ok(path) = request.policy.anchors.path(found.certificate, certificates, verdict.signed_at) else {
            return Some(Level::T);
        };
        if trusted.iter().any(|proof| proof.evidence.covers(&path.certificates)) {
            Some(Level::Lta)
        } else if self.evidence.covers(&path.certificates) {
            Some(Level::Lt)
        } else {
            Some(Level::T)
        }
    }

    /// A document timestamp (EN 319 142-1 § 5.4.3): a timestamp token in place of a signature.
    fn timestamp(
        &self,
        signature: &Signature,
        value: &Value<'_>,
        found: &mut Option<SignatureTimestamp>,
        request: Request<'_>,
    ) -> Verdict {
        let fail = |failure: Failure| conclude(self.blank(signature, value, request), Some(failure));
        let malformed = |reason: &dyn std::fmt::Display| Failure::new(SubIndication::FormatFailure, reason);
        let der = match cades::to_der(&value.cms) {
            Ok(der) => der,
            Err(failure) => return fail(failure),
        };
        let mut data = match SignedData::read(&der) {
            Ok(data) if data.content_type == oid::TST_INFO => data,
            Ok(_) => return fail(malformed(&"the document timestamp holds no timestamp token")),
            Err(error) => return fail(malformed(&error)),
        };
        let ([signer], Some(content)) = (data.signers.as_slice(), data.content) else {
            return fail(malformed(&"the document timestamp has no content, or not one signer"));
        };
        let signer = signer.clone();
        let others: Vec<&[u8]> = self.evidence.certificates.iter().map(Vec::as_slice).collect();
        data.certificates.extend(&others);
        let certificates: Vec<_> = data.certificates.iter().filter_map(|der| Certificate::read(der).ok()).collect();
        let content = [content];
        let content = Content::new(&content);
        let message = Message {
            format: Format::Pades,
            data: &data,
            certificates: &certificates,
            evidence: self.revocation(&data),
            content: Some(&content),
            contradiction: None,
            coverage: coverage(value),
        };
        let mut verdict = message.judge(&signer, request);
        verdict.kind = Kind::DocumentTimestamp;
        verdict.level = None;
        let Ok(covered) = &value.covered else { return verdict };

        let mut stamp = timestamp::check(&der, &covered.parts, &others, request.received_at, request.policy);
        stamp.document = true;
        verdict.claimed_signed_at = stamp.at;
        if let (true, Some(at)) = (stamp.trusted, stamp.at) {
            verdict.signed_at = at;
        }
        let failure = if verdict.intact && !stamp.intact {
            verdict.intact = false;
            Some(Failure::new(SubIndication::HashFailure, "the timestamp is not over this document"))
        } else if verdict.passed() && !stamp.trusted {
            let detail = "the certificate is not one of a timestamping authority, or the time is one to come";
            Some(Failure::new(SubIndication::ChainConstraintsFailure, detail))
        } else {
            None
        };
        *found = Some(stamp);
        if failure.is_some() { conclude(verdict, failure) } else { verdict }
    }
}

fn coverage(value: &Value<'_>) -> Coverage {
    let covered = value.covered.as_ref().ok();
    Coverage {
        placement: Some(Placement::Enveloped),
        bytes: covered.map(|covered| covered.parts.iter().map(|part| part.len() as u64).sum()),
        ..Coverage::default()
    }
}

/// How `/Contents` is to be read (ISO 32000-2 § 12.8.3, EN 319 142-1 § 5.3).
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
    fn of(sub_filter: &[u8]) -> Option<Self> {
        match sub_filter {
            b"ETSI.CAdES.detached" => Some(Self::Cades),
            b"adbe.pkcs7.detached" => Some(Self::Plain),
            b"adbe.pkcs7.sha1" => Some(Self::Sha1),
            b"adbe.x509.rsa_sha1" => Some(Self::Rsa),
            _ => None,
        }
    }
}

/// What counts against a signature that the CMS alone does not show.
fn weakness(style: Style, signers: usize, verdict: &Verdict, request: Request<'_>) -> Option<Failure> {
    if signers > 1 {
        let detail = "the signature has more than one SignerInfo (ISO 32000-2 § 12.8.3.3.1)";
        return Some(Failure::new(SubIndication::SigConstraintsFailure, detail));
    }
    // Whatever the CMS itself uses, here SHA-1 stands between it and the document.
    let weak = style == Style::Sha1;
    let check = || request.policy.algorithms.check_digest(Digest::Sha1, verdict.signed_at).err();
    weak.then(check).flatten().map(|weak| Failure::new(SubIndication::CryptoConstraintsFailure, weak))
}

/// A signature value without a CMS, in the shape of one.
fn bare_rsa<'a>(value: &'a [u8], certificates: &'a [Vec<u8>]) -> Result<SignedData<'a>, Failure> {
    use super::algorithm::AlgorithmIdentifier;
    let malformed = |reason: &dyn std::fmt::Display| Failure::new(SubIndication::FormatFailure, reason);
    let signature = Reader::new(value).expect(tag::OCTET_STRING).map_err(|error| malformed(&error))?.content;
    let missing = Failure::new(SubIndication::NoSigningCertificateFound, "/Cert holds no certificate");
    let first = certificates.first().ok_or(missing)?;
    let certificate = Certificate::read(first).map_err(|error| malformed(&error))?;
    let algorithm = |oid| AlgorithmIdentifier { oid, parameters: None };
    let signer = SignerInfo {
        identifier: SignerIdentifier::IssuerAndSerial(certificate.issuer, certificate.serial),
        digest_algorithm: algorithm(oid::SHA1),
        signed: None,
        signature_algorithm: algorithm(oid::RSA),
        signature,
        unsigned: Attributes::default(),
    };
    Ok(SignedData {
        content_type: oid::DATA,
        content: None,
        certificates: certificates.iter().map(Vec::as_slice).collect(),
        crls: Vec::new(),
        ocsp: Vec::new(),
        signers: vec![signer],
    })
}

/// What a clerk reads to a citizen whose document changed after it was signed.
fn changed_afterwards() -> Explanation {
    Explanation {
        es: "El documento ha cambiado después de firmarse: lo que ahora se lee puede no ser lo que se firmó. Envíe el documento tal como se firmó.".to_owned(),
        en: "The document was changed after it was signed: what it says now may not be what was signed. Please send it as it was signed.".to_owned(),
    }
}
