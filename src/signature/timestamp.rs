//! Timestamp tokens (RFC 3161 § 2.4.2, EN 319 422): when something certainly existed.

use std::sync::Arc;

use super::algorithm::{AlgorithmIdentifier, Digest};
use super::asn1::{Asn1Error, Reader, tag};
use super::certificate::Certificate;
use super::chain::Path;
use super::cms::SignedData;
use super::identity;
use super::oid;
use super::policy::Policy;
use super::purpose;
use super::revocation::{self, Evidence, Times};
use super::signer::{self, Content, Failure, Role};
use super::sources::Purpose;
use super::statement::Reason;
use super::verdict::{SignatureTimestamp, SubIndication};
use super::work::{Budget, Work};

/// `TSTInfo`, as far as a verdict needs it.
struct TstInfo<'a> {
    imprint_algorithm: &'a [u8],
    imprint: &'a [u8],
    time: i64,
    nonce: Option<&'a [u8]>,
}

impl<'a> TstInfo<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Asn1Error> {
        let mut fields = Reader::new(bytes).sequence()?;
        fields.expect(tag::INTEGER)?;
        fields.oid()?;
        let mut imprint = fields.sequence()?;
        let imprint_algorithm = AlgorithmIdentifier::read(&mut imprint)?.oid;
        let imprint = imprint.expect(tag::OCTET_STRING)?.content;
        fields.expect(tag::INTEGER)?;
        let time = fields.expect(tag::GENERALIZED_TIME)?.time()?;
        fields.optional(tag::SEQUENCE)?;
        fields.optional(tag::BOOLEAN)?;
        let nonce = fields.optional(tag::INTEGER)?.map(|nonce| nonce.content);
        Ok(Self { imprint_algorithm, imprint, time, nonce })
    }
}

/// The time that a token (DER) states, and the digest it is made with, where that is known here; none where it is no
/// token.
#[must_use]
pub fn stated(token: &[u8]) -> Option<(i64, Option<Digest>)> {
    let data = SignedData::read(token).ok()?;
    let info = TstInfo::read(data.content.filter(|_| data.content_type == oid::TST_INFO)?).ok()?;
    Some((info.time, Digest::by_oid(info.imprint_algorithm)))
}

/// The proof of the earliest time.
#[must_use]
pub fn earliest(proofs: impl Iterator<Item = Existence>) -> Option<Existence> {
    proofs.min_by_key(|proof| proof.at)
}

/// What is known of a token.
#[derive(Debug)]
pub struct Checked {
    /// As it is shown.
    pub shown: SignatureTimestamp,
    /// Set for a trusted one whose authority's revocation could not be learned: a verdict that stands on it waits.
    pub doubt: Option<Failure>,
    /// The nonce that it repeats.
    pub nonce: Option<Vec<u8>>,
    /// Whether it keeps the letter of RFC 3161 § 2.3 and 2.4.1: the usage of its authority's certificate is critical,
    /// and the token names that certificate. Forgiven in what others had stamped, asked of what is stamped for us.
    pub by_the_letter: bool,
    /// Who gave it, where it proves something.
    pub authority: Option<Authority>,
}

/// The authority of a timestamp, and whether what is carried answers for it.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Its path.
    pub path: Arc<Path>,
    /// The time that the timestamp states.
    pub at: i64,
    /// Whether revocation data that came with the signature or in the token answer for its whole path at that time.
    pub carried: bool,
    /// Whether those in the token alone do.
    pub in_token: bool,
}

impl Checked {
    /// Of a token that cannot be read: it proves nothing, and harms nothing either.
    #[must_use]
    pub fn unreadable() -> Self {
        let shown = SignatureTimestamp {
            document: false,
            archive: false,
            kind: None,
            not_judged: false,
            at: None,
            intact: false,
            trusted: false,
            authority: None,
        };
        Self { shown, doubt: None, nonce: None, by_the_letter: false, authority: None }
    }

    /// Of a form that is not judged here, with the time that it states.
    #[must_use]
    pub fn listed_at(time: Option<i64>) -> Self {
        let mut found = Self::unreadable();
        found.shown.not_judged = true;
        found.shown.at = time;
        found
    }

    /// Of a token of a form that is not judged here: the time that it states, and who is said to state it.
    #[must_use]
    pub fn listed(token: &[u8], budget: &Budget) -> Self {
        let mut found = Self::listed_at(stated(token).map(|(time, _)| time));
        if let Ok(data) = SignedData::read(token)
            && let [signer] = data.signers.as_slice()
            && budget.take(Work::Readings, data.certificates.len() as u64)
        {
            let certificates: Vec<_> = data.certificates.iter().filter_map(|der| Certificate::read(der).ok()).collect();
            let authority = signer::find(signer, &certificates, budget).ok();
            found.shown.authority = authority.map(|found| identity::signer(found.certificate).name);
        }
        found
    }

    /// What it proves of what it covers; nothing where it is not trusted.
    #[must_use]
    pub fn existence(&self) -> Option<Existence> {
        let at = self.shown.at.filter(|_| self.shown.trusted)?;
        Some(Existence { at, doubt: self.doubt.clone(), authority: self.authority.clone() })
    }
}

/// A proof of existence (EN 319 102-1 § 5.6).
#[derive(Debug, Clone)]
pub struct Existence {
    /// The time it proves.
    pub at: i64,
    /// Set where the revocation of who gave it could not be learned.
    pub doubt: Option<Failure>,
    /// Who gave it.
    pub authority: Option<Authority>,
}

impl Existence {
    /// Whether what came with the signature answers for who gave it (level LT).
    #[must_use]
    pub fn is_carried(&self) -> bool {
        self.authority.as_ref().is_some_and(|authority| authority.carried)
    }
}

/// Checks a token (DER) over `stamped`: its authority's path as of `at`, and its revocation, by what came beside the
/// token and by whom the policy lets ask. `others` may help to find the path.
///
/// A token that cannot be read is neither intact nor trusted: it proves nothing, and harms nothing either.
#[must_use]
pub fn check<'a>(
    token: &'a [u8],
    stamped: &[&[u8]],
    others: &[&[u8]],
    evidence: &Evidence<'a>,
    at: i64,
    policy: &Policy,
) -> Checked {
    let mut found = Checked::unreadable();
    // The answer stands in `found`; why it ends early is of no use to anybody yet.
    let _ = check_into(&mut found, token, stamped, others, evidence, at, policy);
    found
}

fn check_into<'a>(
    found: &mut Checked,
    token: &'a [u8],
    stamped: &[&[u8]],
    others: &[&[u8]],
    evidence: &Evidence<'a>,
    at: i64,
    policy: &Policy,
) -> Option<()> {
    let data = SignedData::read(token).ok()?;
    let content = data.content.filter(|_| data.content_type == oid::TST_INFO)?;
    let info = TstInfo::read(content).ok()?;
    found.shown.at = Some(info.time);
    found.nonce = info.nonce.map(<[u8]>::to_vec);
    let [signer] = data.signers.as_slice() else { return None };
    let budget = &policy.budget;
    let configured = policy.anchors.known();
    let all = data.certificates.len() + others.len() + configured.len();
    if !budget.take(Work::Readings, all as u64) || !budget.take_hashing(stamped) {
        return None;
    }
    let configured = configured.iter().map(Vec::as_slice);
    let known = data.certificates.iter().chain(others).copied().chain(configured);
    let certificates: Vec<Certificate<'_>> = known.filter_map(|der| Certificate::read(der).ok()).collect();
    let authority = signer::find(signer, &certificates, budget).ok()?;
    found.shown.authority = Some(identity::signer(authority.certificate).name);

    let usage = authority.certificate.extension(oid::EXTENDED_KEY_USAGE);
    found.by_the_letter = authority.named_in_attribute && usage.is_some_and(|usage| usage.critical);

    let digest = Digest::by_oid(info.imprint_algorithm)?;
    let parts = [content];
    let content = Content::new(&parts);
    let role = Role::Message(oid::TST_INFO);
    let integrity = signer::integrity(signer, role, Some(&content), authority.certificate, budget);
    found.shown.intact = integrity.intact() && digest.of(stamped).ok()? == info.imprint;

    // What proves nothing by itself has nobody asked about it.
    let proves = found.shown.intact
        && signer.signed.is_some()
        && authority.mismatch.is_none()
        && authority.certificate.may_stamp_time()
        // A time after the moment in which the token was already here is no time.
        && info.time <= at;
    if !proves {
        return None;
    }
    let policy = &policy.share(Purpose::Timestamp);
    let path = policy.path(authority.certificate, &certificates, at).ok()?;
    let algorithms = &policy.algorithms;
    purpose::check_stamper(&path).ok()?;
    path.check_constraints(algorithms, at).ok()?;
    let key = authority.certificate.openssl()?.public_key().ok()?;
    algorithms.check_signature(&integrity.algorithm?, &key, at).ok()?;
    algorithms.check_digest(integrity.digest?, at).ok()?;
    algorithms.check_digest(digest, at).ok()?;
    let mut own = Evidence::default();
    own.add_message(&data);
    own.add_attributes(&signer.unsigned);
    let mut evidence = evidence.clone();
    evidence.add(&own);
    let times = Times { signed_at: at, received_at: at, made_after: None };
    let finding = revocation::check(&path, times, &evidence, policy);
    found.shown.trusted = match &finding.failure {
        None => true,
        Some(failure) if failure.reason == SubIndication::TryLater => true,
        // What an authority stamped before it retired stays good; before its key was in other hands, nothing does,
        // since whoever has the key can state any time (RFC 3161 § 4).
        Some(failure) => {
            failure.reason == SubIndication::RevokedNoPoe
                && matches!(finding.revoked, Some((since, Reason::Retired)) if info.time < since)
        }
    };
    let doubt = finding.failure.filter(|failure| failure.reason == SubIndication::TryLater);
    found.doubt = Failure::weightier(doubt, policy.anchors.stale(&path, at));
    if found.shown.trusted {
        let answered = |evidence: &Evidence<'_>| {
            path.certificates.len() == 1
                || !evidence.is_empty() && revocation::answered_by(evidence, &path, (info.time, at), policy)
        };
        let in_token = answered(&own);
        let carried = in_token || answered(&evidence);
        found.authority = Some(Authority { at: info.time, carried, in_token, path: Arc::new(path) });
    }
    Some(())
}
