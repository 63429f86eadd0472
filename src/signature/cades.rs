//! CAdES and plain CMS: from bytes to verdicts (EN 319 102-1 § 5.3, EN 319 122-1).
//!
//! # Why
//! The steps stand in the order of the standard and the first that fails gives the verdict its reason, with one
//! exception: bytes that do not match are told before anything about certificates, since they are certain and nothing
//! else mends them. All steps are taken even so: who signed, and whether the path holds, is shown beside.
//!
//! Levels are what was verified here: B, T by a trusted timestamp of either kind, LT where the revocation data inside
//! answered for the whole path, and for that of the authority whose timestamp T stands on, LTA where a trusted archive
//! timestamp covers such data (§ 6.3). Archive timestamps of the older forms (`archive-time-stamp` and its second version,
//! annex A.2) are listed and not judged, and long-term-validation attributes not looked at: they prove nothing here, and
//! harm nothing.

use std::borrow::Cow;

use super::algorithm::{Digest, SignatureAlgorithm};
use super::archive::{self, Archived, Ground};
use super::asn1::Asn1Error;
use super::certificate::Certificate;
use super::chain::{NoPath, Path};
use super::cms::{Attribute, Attributes, SignedData, SignerInfo};
use super::constraints::Weak;
use super::explanation::explain;
use super::identity::{CertificateKind, Signer};
use super::meter::Deadline;
use super::policy::{Policy, RevocationMode};
use super::revocation::{self, Evidence, Times};
use super::signer::{self, Content, Failure, Found, Integrity, Role};
use super::timestamp::{self, Checked, Existence};
use super::verdict::{
    CounterSignature, Coverage, Format, Indication, Kind, Level, Placement, Revocation, SignatureTimestamp,
    SubIndication, TimestampKind, Verdict,
};
use super::work::{Budget, Work};
use super::{bare, ber, identity, oid, pem, purpose};

/// More timestamps or counter-signatures on one signature than this are not looked at.
const MAX_ADDITIONS: usize = 16;
/// More counter-signatures than this, and of more generations, are not listed for one signature.
const MAX_COUNTER_SIGNATURES: usize = 64;
const MAX_DEPTH: usize = 8;

/// What every verdict of one call has in common.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub covers: &'a str,
    pub received_at: i64,
    pub policy: &'a Policy,
}

/// Judges every signature in a CMS: in DER, BER or PEM, its content inside or given. None where it holds none, such as
/// one that brings certificates only.
///
/// # Errors
/// [`SubIndication::FormatFailure`] when it cannot be read.
pub(super) fn judge(signature: &[u8], content: Option<&[u8]>, request: Request<'_>) -> Result<Vec<Verdict>, Failure> {
    let der = to_der(signature, &request.policy.deadline)?;
    let data = SignedData::read(&der).map_err(|error| Failure::new(SubIndication::FormatFailure, error))?;
    let mut certificates: Vec<_> = data.certificates.iter().filter_map(|der| Certificate::read(der).ok()).collect();
    if data.signers.iter().any(|signer| signer::find(signer, &certificates, &request.policy.budget).is_err()) {
        // A signer may leave its certificate out where the receiver knows it (RFC 5652 § 5.1).
        let configured = request.policy.anchors.known();
        certificates.extend(configured.iter().filter_map(|der| Certificate::read(der).ok()));
    }
    let mut evidence = Evidence::default();
    evidence.add_message(&data);
    let judged = content.or(data.content).map(|bytes| [bytes]);
    let judged = judged.as_ref().map(|parts| Content::new(parts));
    // Signed is what is inside; who sends another content beside it means the other, and that was not signed.
    let contradiction = matches!((content, data.content), (Some(given), Some(inside)) if given != inside)
        .then(|| Failure::new(SubIndication::HashFailure, "the content inside the signature is not the one given"));
    let coverage = Coverage {
        placement: Some(if data.content.is_some() { Placement::Attached } else { Placement::Detached }),
        bytes: judged.as_ref().map(Content::len),
        ..Coverage::default()
    };
    let message = Message {
        format: Format::Cades,
        existence: None,
        data: &data,
        certificates: &certificates,
        evidence,
        content: judged.as_ref(),
        contradiction,
        coverage,
    };
    let mut verdicts: Vec<Verdict> = data.signers.iter().map(|signer| message.judge(signer, request)).collect();
    if content.is_none() && data.content.is_some() && !bare::says_nothing_unsigned(&data, &verdicts, request.policy) {
        verdicts
            .iter_mut()
            .filter(|verdict| verdict.intact)
            .for_each(|verdict| verdict.covers_whole_file = Some(false));
    }
    Ok(verdicts)
}

/// The timestamps of one signature.
struct Stamps {
    /// Those over its value.
    over_value: Vec<Checked>,
    /// Those that move no time, as they are shown.
    others: Vec<SignatureTimestamp>,
    /// The latest time before which, as a content timestamp proves, the signature was not made (EN 319 122-1 § 5.2.8):
    /// such a timestamp is among what was signed.
    made_after: Option<i64>,
}

/// The tokens in the attributes of this type, as many as are looked at.
fn tokens<'a>(attributes: &Attributes<'a>, oid: &[u8]) -> Vec<(Attribute<'a>, &'a [u8])> {
    let tokens = attributes.of(oid).flat_map(|attribute| attribute.values().map(move |token| (attribute, token.raw)));
    tokens.take(MAX_ADDITIONS).collect()
}

/// What the signers of one CMS have in common.
pub(super) struct Message<'m, 'a> {
    pub format: Format,
    /// What proves, beside the signature's own timestamps, that all of it existed: a timestamp over its document.
    pub existence: Option<Existence>,
    pub data: &'m SignedData<'a>,
    pub certificates: &'m [Certificate<'a>],
    pub evidence: Evidence<'a>,
    pub content: Option<&'m Content<'m>>,
    pub contradiction: Option<Failure>,
    pub coverage: Coverage,
}

impl<'a> Message<'_, 'a> {
    pub fn judge(&self, signer: &SignerInfo<'a>, request: Request<'_>) -> Verdict {
        self.judge_and_prove(signer, request).0
    }

    /// The digest of what the value covers (RFC 5652 § 5.4).
    fn signed_sha256(&self, signer: &SignerInfo<'_>, budget: &Budget) -> Option<String> {
        if let Some(signed) = &signer.signed {
            return Some(hex::encode(openssl::sha::sha256(&signer::sorted(signed))));
        }
        self.content?.digest(Digest::Sha256, budget).ok().map(hex::encode)
    }

    /// The verdict, and what its best signature time stands on.
    pub fn judge_and_prove(&self, signer: &SignerInfo<'a>, request: Request<'_>) -> (Verdict, Option<Existence>) {
        let mut verdict = blank(self.format, request);
        verdict.coverage = self.coverage.clone();
        verdict.claimed_signed_at = claimed_time(signer);
        let budget = &request.policy.budget;
        let found = match signer::find(signer, self.certificates, budget) {
            Ok(found) => found,
            Err(failure) => return (conclude(verdict, Some(failure)), None),
        };
        verdict.signer = Some(identity::signer(found.certificate));
        verdict.certificate_sha256 = Some(hex::encode(openssl::sha::sha256(found.certificate.der)));

        verdict.public_key_sha256 = Some(hex::encode(found.certificate.key_sha256()));
        verdict.signed_sha256 = self.signed_sha256(signer, budget);

        // The rest stops by itself where this is too much, and the conclusion says so.
        let _ = budget.take(Work::Readings, self.certificates.len() as u64);
        let role = Role::Message(self.data.content_type);
        let mut integrity = signer::integrity(signer, role, self.content, found.certificate, budget);
        integrity.failure = self.contradiction.clone().or(integrity.failure);
        verdict.intact = integrity.intact();
        let policy = request.policy.signed_by(verdict.signer.as_ref(), verdict.intact);
        let request = Request { policy: &policy, ..request };

        let mut evidence = self.evidence.clone();
        evidence.add_attributes(&signer.unsigned);
        evidence.add_attributes(signer.signed.as_ref().unwrap_or(&signer.unsigned));
        let ground = Ground {
            data: self.data,
            signer,
            content: self.content,
            evidence: &evidence,
            received_at: request.received_at,
            policy: request.policy,
        };
        // In a PDF, document timestamps are in their place (EN 319 142-1 § 5.5).
        let archived = if self.format == Format::Cades { archive::judge(&ground) } else { Vec::new() };
        let Stamps { over_value: stamps, others, made_after } = self.timestamps(signer, &evidence, &archived, request);
        let all = stamps.iter().chain(archived.iter().map(|one| &one.checked));
        let proofs = all.filter_map(Checked::existence).chain(self.existence.clone());
        let proof = timestamp::earliest(proofs);
        let proved_at = proof.as_ref().map(|proof| proof.at);
        verdict.timestamps = stamps.into_iter().map(|stamp| stamp.shown).collect();
        verdict.timestamps.extend(archived.iter().map(|one| one.checked.shown.clone()));
        verdict.timestamps.extend(others);
        verdict.signed_at = proved_at.map_or(request.received_at, |at| at.min(request.received_at));
        verdict.level = match (found.named_in_attribute, proved_at) {
            (false, _) => None,
            (true, None) => Some(Level::B),
            (true, Some(_)) => Some(Level::T),
        };
        verdict.counter_signatures = self.counter_signatures(signer, request);

        let policy = request.policy.for_signature(verdict.intact);
        let request = Request { policy: &policy, ..request };
        let path = request.policy.path(found.certificate, self.certificates, verdict.signed_at);
        let path = path.map_err(|no_path| proved_outside(no_path, found.certificate, proved_at, made_after));
        verdict.trusted = path.is_ok();
        heed_lists(&mut verdict, found.certificate, &path, request.policy);
        let failure = Self::first_failure(signer, found, integrity, &path, &verdict, request.policy);
        let known = Known { evidence: &evidence, made_after, proof: proof.as_ref() };
        let mut verdict = conclude_after_asking(verdict, failure, &path, known, request);
        if let (Some(Level::Lt), Ok(path)) = (verdict.level, &path)
            && archive::holds_validation_data(&archived, path, proof.as_ref(), verdict.signed_at, &ground)
        {
            verdict.level = Some(Level::Lta);
        }
        (verdict, proof)
    }

    /// The steps of EN 319 102-1 § 5.3.4 in order: the first failure is the reason.
    fn first_failure(
        signer: &SignerInfo<'_>,
        found: Found<'_, '_>,
        integrity: Integrity,
        path: &Result<Path, NoPath>,
        verdict: &Verdict,
        policy: &Policy,
    ) -> Option<Failure> {
        use SubIndication as S;
        if let Some(failure) = integrity.failure.or(found.mismatch) {
            return Some(failure);
        }
        let path = match path {
            Ok(path) => path,
            Err(no_path) => return Some(no_path.failure()),
        };
        if let Err(detail) = purpose::check_signer(found.certificate, path, policy.signed) {
            return Some(Failure::new(S::ChainConstraintsFailure, detail));
        }
        let at = verdict.signed_at;
        let constraints = path.check_constraints(&policy.algorithms, at).and_then(|()| {
            policy.algorithms.check_digest(integrity.digest.ok_or(UNKNOWN)?, at)?;
            let algorithm: SignatureAlgorithm = integrity.algorithm.ok_or(UNKNOWN)?;
            let key = found.certificate.openssl().and_then(|certificate| certificate.public_key().ok());
            policy.algorithms.check_signature(&algorithm, &*key.ok_or(UNKNOWN)?, at)
        });
        if let Err(weak) = constraints {
            return Some(Failure::new(S::CryptoConstraintsFailure, weak));
        }
        // Without signed attributes the same bytes can be passed off as content or as attributes (RFC 5652 § 5.4 hashes
        // both alike), and nothing names the certificate: EN 319 122-1 § 5.1 asks for them.
        if signer.signed.is_none() {
            return Some(Failure::new(S::SigConstraintsFailure, "there are no signed attributes"));
        }
        None
    }

    /// The timestamps of a signature but its archive timestamps of the third version.
    fn timestamps(
        &self,
        signer: &SignerInfo<'a>,
        evidence: &Evidence<'a>,
        archived: &[Archived],
        request: Request<'_>,
    ) -> Stamps {
        let others = &self.data.certificates;
        let at = self.existence.as_ref().map_or(request.received_at, |proof| proof.at.min(request.received_at));
        let check = |token: &'a [u8], stamped: &[&[u8]], at: i64| {
            timestamp::check(token, stamped, others, evidence, at, request.policy)
        };
        let stamped = [signer.signature];
        let over_value = tokens(&signer.unsigned, oid::SIGNATURE_TIMESTAMP).into_iter().map(|(attribute, token)| {
            let existed = archive::existence(archived, attribute, token, &request.policy.budget)
                .map_or(at, |proof| proof.at.min(at));
            check(token, &stamped, existed)
        });
        let over_value = over_value.collect();
        let content = self.content.map(Content::parts).unwrap_or_default();
        let before = signer.signed.as_ref().map(|signed| tokens(signed, oid::CONTENT_TIMESTAMP)).unwrap_or_default();
        let before: Vec<_> = before.into_iter().map(|(_, token)| check(token, content, at).shown).collect();
        let trusted = before.iter().filter(|stamp| stamp.trusted);
        let made_after = trusted.filter_map(|stamp| stamp.at).max();
        let as_kind = |kind| move |stamp: SignatureTimestamp| SignatureTimestamp { kind: Some(kind), ..stamp };
        let mut shown: Vec<_> = before.into_iter().map(as_kind(TimestampKind::Content)).collect();

        // What is stamped are attributes without their outer header (EN 319 122-1 annex A.1.5).
        let contents = |oid| signer.unsigned.of(oid).map(|attribute| attribute.content());
        let references = [oid::CERTIFICATE_REFERENCES, oid::REVOCATION_REFERENCES];
        let references: Vec<&[u8]> = references.into_iter().flat_map(contents).collect();
        let all = [signer.signature].into_iter().chain(contents(oid::SIGNATURE_TIMESTAMP)).chain(references.clone());
        let all: Vec<&[u8]> = all.collect();
        for (oid, kind, stamped) in [
            (oid::CADES_C_TIMESTAMP, TimestampKind::SignatureAndReferences, &all),
            (oid::REFERENCES_TIMESTAMP, TimestampKind::References, &references),
        ] {
            let judged = tokens(&signer.unsigned, oid).into_iter().map(|(_, token)| check(token, stamped, at).shown);
            shown.extend(judged.map(as_kind(kind)));
        }
        for oid in [oid::ARCHIVE_TIMESTAMP, oid::ARCHIVE_TIMESTAMP_V2] {
            let listed = tokens(&signer.unsigned, oid)
                .into_iter()
                .map(|(_, token)| Checked::listed(token, &request.policy.budget).shown);
            shown.extend(listed.map(|stamp| SignatureTimestamp { archive: true, ..stamp }));
        }
        Stamps { over_value, others: shown, made_after }
    }

    /// The signatures over a signature, and over these in their turn (RFC 5652 § 11.4).
    fn counter_signatures(&self, signer: &SignerInfo<'_>, request: Request<'_>) -> Vec<CounterSignature> {
        let mut left = MAX_COUNTER_SIGNATURES;
        self.counter_signatures_within(signer, request, &mut left, 1)
    }

    fn counter_signatures_within(
        &self,
        signer: &SignerInfo<'_>,
        request: Request<'_>,
        left: &mut usize,
        depth: usize,
    ) -> Vec<CounterSignature> {
        let budget = &request.policy.budget;
        let mut found = Vec::new();
        if depth > MAX_DEPTH {
            return found;
        }
        let values = signer.unsigned.of(oid::COUNTER_SIGNATURE).flat_map(|attribute| attribute.values());
        let parts = [signer.signature];
        let content = Content::new(&parts);
        for counter in values.take(MAX_ADDITIONS).filter_map(|value| SignerInfo::read(value).ok()) {
            let Some(fewer) = left.checked_sub(1) else { break };
            *left = fewer;
            let who = signer::find(&counter, self.certificates, budget).ok();
            let intact = who.as_ref().is_some_and(|found| {
                let role = Role::CounterSignature;
                found.mismatch.is_none()
                    && signer::integrity(&counter, role, Some(&content), found.certificate, budget).intact()
            });
            found.push(CounterSignature {
                signer: who.map(|found| counter_signer(found.certificate, self.certificates, intact, request)),
                intact,
                claimed_signed_at: claimed_time(&counter),
                counter_signatures: self.counter_signatures_within(&counter, request, left, depth + 1),
            });
        }
        found
    }
}

/// Who made a signature over another. Its certificate may say that it is qualified; that is shown where the signature is
/// intact and the certificate leads to a trusted anchor, since nothing else about a counter-signature tells of trust.
pub(super) fn counter_signer(
    certificate: &Certificate<'_>,
    others: &[Certificate<'_>],
    intact: bool,
    request: Request<'_>,
) -> Signer {
    let Request { policy, received_at, .. } = request;
    let mut signer = identity::signer(certificate);
    let path = || policy.anchors.path(certificate, others, received_at, &policy.budget).ok();
    let word = |path: Path| policy.anchors.word_of_lists(&path, certificate, received_at).qualified.unwrap_or(true);
    signer.qualified = signer.qualified && intact && path().is_some_and(word);
    signer
}

/// Puts right what a certificate says of itself by the word of trusted lists: whether it is qualified, and whether it is
/// a person's or a seal.
pub(super) fn heed_lists(
    verdict: &mut Verdict,
    certificate: &Certificate<'_>,
    path: &Result<Path, NoPath>,
    policy: &Policy,
) {
    let Ok(path) = path else { return };
    let word = policy.anchors.word_of_lists(path, certificate, verdict.signed_at);
    let Some(signer) = &mut verdict.signer else { return };
    *signer = identity::signer_as(certificate, &path.policies, None);
    let kind = word.kind.or_else(|| (signer.seal && !word.seals).then_some(CertificateKind::Signature));
    if kind.is_some() {
        *signer = identity::signer_as(certificate, &path.policies, kind);
    }
    signer.qualified = word.qualified.unwrap_or(signer.qualified);
}

/// A path that fails for its times, where timestamps prove on which side the signature lies (EN 319 102-1 § 5.3.4).
pub(super) fn proved_outside(
    no_path: NoPath,
    certificate: &Certificate<'_>,
    made_before: Option<i64>,
    made_after: Option<i64>,
) -> NoPath {
    if no_path.sub_indication != SubIndication::OutOfBoundsNoPoe {
        return no_path;
    }
    let sub_indication = if made_after.is_some_and(|at| at > certificate.not_after) {
        SubIndication::Expired
    } else if made_before.is_some_and(|at| at < certificate.not_before) {
        SubIndication::NotYetValid
    } else {
        SubIndication::OutOfBoundsNoPoe
    };
    NoPath { sub_indication, ..no_path }
}

pub(super) const UNKNOWN: Weak = Weak::Key { kind: "unknown", bits: 0 };

/// The bytes as DER: armour taken off, BER normalised, DER left where it lies.
pub(super) fn to_der<'s>(signature: &'s [u8], deadline: &Deadline) -> Result<Cow<'s, [u8]>, Failure> {
    let malformed = |error: &dyn std::fmt::Display| Failure::new(SubIndication::FormatFailure, error);
    // What took too long nobody knows to be malformed.
    let unread = |error: Asn1Error| match error {
        Asn1Error::OutOfTime => Budget::exhausted(),
        other => malformed(&other),
    };
    let binary = if pem::is_pem(signature) {
        Cow::Owned(pem::decode(signature).map_err(|error| malformed(&error))?)
    } else {
        Cow::Borrowed(signature)
    };
    match binary {
        Cow::Borrowed(bytes) => ber::normalise(bytes, deadline).map_err(unread),
        Cow::Owned(bytes) => {
            let der = ber::normalise(&bytes, deadline).map_err(unread)?;
            Ok(Cow::Owned(der.into_owned()))
        }
    }
}

fn claimed_time(signer: &SignerInfo<'_>) -> Option<i64> {
    signer.signed.as_ref()?.once(oid::SIGNING_TIME).ok()??.time().ok()
}

/// The verdict on bytes that hold no signature that can be read.
pub(super) fn unreadable(failure: Failure, request: Request<'_>) -> Verdict {
    conclude(blank(Format::Unknown, request), Some(failure))
}

/// A verdict before anything is known.
pub(super) fn blank(format: Format, request: Request<'_>) -> Verdict {
    Verdict {
        covers: request.covers.to_owned(),
        coverage: Coverage::default(),
        kind: Kind::Signature,
        format,
        level: None,
        indication: Indication::Indeterminate,
        sub_indication: None,
        cause: None,
        intact: false,
        trusted: false,
        covers_whole_file: None,
        revocation: match request.policy.revocation {
            RevocationMode::Off => Revocation::NotChecked,
            RevocationMode::Require | RevocationMode::WhenAvailable => Revocation::Unknown,
        },
        signer: None,
        signed_at: request.received_at,
        claimed_signed_at: None,
        signature_policy: None,
        certificate_sha256: None,
        signed_sha256: None,
        public_key_sha256: None,
        encoding: None,
        timestamps: Vec::new(),
        counter_signatures: Vec::new(),
        explanation: explain(None, None),
        detail: None,
        remarks: Vec::new(),
    }
}

/// What a format found beside the signature, for the last question: whether its certificates were revoked.
#[derive(Clone, Copy)]
pub(super) struct Known<'e, 'a> {
    /// The revocation data that it carries.
    pub evidence: &'e Evidence<'a>,
    /// When it was made at the earliest, as a timestamp over its content proves.
    pub made_after: Option<i64>,
    /// What the best signature time stands on; none for the time of reception.
    pub proof: Option<&'e Existence>,
}

/// Looks into revocation where nothing speaks against the signature yet, and concludes. The verdict has its best
/// signature time and its level by now.
pub(super) fn conclude_after_asking(
    mut verdict: Verdict,
    mut failure: Option<Failure>,
    path: &Result<Path, NoPath>,
    known: Known<'_, '_>,
    request: Request<'_>,
) -> Verdict {
    // Nobody is asked about a signature that fails anyway.
    if let (None, None, Ok(path)) = (&failure, request.policy.budget.failure(), path) {
        let Known { evidence, made_after, proof } = known;
        let times = Times { signed_at: verdict.signed_at, received_at: request.received_at, made_after };
        let finding = revocation::check(path, times, evidence, request.policy);
        verdict.revocation = finding.revocation;
        failure = Failure::weightier(finding.failure, proof.and_then(|proof| proof.doubt.clone()));
        failure = Failure::weightier(failure, request.policy.anchors.stale(path, verdict.signed_at));
        // EN 319 122-1, 132-1 and 142-1 § 6.3: at level LT is what it takes to check the signature and its timestamp.
        if finding.embedded && verdict.level == Some(Level::T) && proof.is_some_and(Existence::is_carried) {
            verdict.level = Some(Level::Lt);
        }
    }
    conclude(verdict, if_granted(failure, request.policy))
}

/// What speaks against a signature, unless it was not looked at for being too much: only bytes that do not match, or
/// cannot be read, are certain then.
fn if_granted(failure: Option<Failure>, policy: &Policy) -> Option<Failure> {
    match failure {
        Some(Failure { reason: SubIndication::HashFailure | SubIndication::FormatFailure, .. }) => failure,
        _ => policy.budget.failure().or(failure),
    }
}

/// Writes the reason into the verdict, or that there is none against it.
pub(super) fn conclude(mut verdict: Verdict, failure: Option<Failure>) -> Verdict {
    let reason = failure.as_ref().map(|failure| failure.reason);
    verdict.indication = reason.map_or(Indication::TotalPassed, SubIndication::indication);
    verdict.sub_indication = reason;
    verdict.cause = failure.as_ref().and_then(|failure| failure.cause);
    verdict.explanation = explain(reason, verdict.cause);
    verdict.detail = failure.map(|failure| failure.detail);
    verdict
}
