//! Whether the certificates of a path were revoked (EN 319 102-1 § 5.2.5 and 5.2.6, RFC 5280 § 6.3, RFC 6960).
//!
//! # Why
//! What the signature carries is looked at first, since it costs nothing and proves the most when it was made after the
//! best signature time. What was made before it may be the choice of somebody who knows that the certificate was
//! revoked meanwhile: it counts only where nobody gives a newer answer. Of all answers a revocation weighs most.
//! Every certificate of the path is asked about but the anchor, which is trusted by decision.

use std::sync::Arc;

use super::asn1::{Reader, tag};
use super::certificate::Certificate;
use super::chain::Path;
use super::cms::{self, Attributes, SignedData};
use super::crl::Crl;
use super::locations::Locations;
use super::ocsp::{Answer, Link};
use super::oid;
use super::policy::{Policy, RevocationMode};
use super::signer::Failure;
use super::sources::{Found, NoSources, Purpose, Question, Silence};
use super::statement::{Reason, Statement, Status};
use super::timestamp::Existence;
use super::verdict::{Cause, Revocation, SubIndication};
use super::work::Work;

/// More lists or answers in one signature than this are not looked at.
const MAX_EVIDENCE: usize = 512;

/// Revocation data that came with a signature, unread: each format fills it from where it keeps them.
#[derive(Debug, Default, Clone)]
pub struct Evidence<'a> {
    /// CRLs (DER).
    pub crls: Vec<&'a [u8]>,
    /// OCSP answers (DER), whole or the basic part alone.
    pub ocsp: Vec<&'a [u8]>,
}

impl<'a> Evidence<'a> {
    /// Of lists and answers that are at hand.
    #[must_use]
    pub fn of(crls: &'a [Vec<u8>], ocsp: &'a [Vec<u8>]) -> Self {
        Self { crls: crls.iter().map(Vec::as_slice).collect(), ocsp: ocsp.iter().map(Vec::as_slice).collect() }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.crls.is_empty() && self.ocsp.is_empty()
    }

    /// Adds other evidence.
    pub fn add(&mut self, other: &Self) {
        self.crls.extend(&other.crls);
        self.ocsp.extend(&other.ocsp);
        self.limit();
    }

    /// Adds what a CMS carries beside its certificates (RFC 5652 § 10.2.1, RFC 5940).
    pub fn add_message(&mut self, data: &SignedData<'a>) {
        self.crls.extend(&data.crls);
        self.ocsp.extend(&data.ocsp);
        self.limit();
    }

    /// Adds what stands among the revocation data of a CMS.
    pub fn add_choices(&mut self, choices: &[&'a [u8]]) {
        self.crls.extend(cms::plain(choices));
        self.ocsp.extend(cms::ocsp_of(choices));
        self.limit();
    }

    /// Adds what attributes carry: `revocation-values` (EN 319 122-1 annex A.1.2), or Adobe's of the same shape.
    pub fn add_attributes(&mut self, attributes: &Attributes<'a>) {
        for oid in [oid::REVOCATION_VALUES, oid::ADOBE_REVOCATION] {
            for value in attributes.of(oid).flat_map(|attribute| attribute.values()) {
                let mut fields = value.members();
                let mut list = |number| {
                    let explicit = fields.optional(tag::context_constructed(number)).ok().flatten();
                    explicit.and_then(|explicit| explicit.members().sequence().ok()).unwrap_or(Reader::new(&[]))
                };
                for (into, mut list) in [(&mut self.crls, list(0)), (&mut self.ocsp, list(1))] {
                    while let Ok(element) = list.element() {
                        into.push(element.raw);
                    }
                }
            }
        }
        self.limit();
    }

    fn limit(&mut self) {
        self.crls.truncate(MAX_EVIDENCE);
        self.ocsp.truncate(MAX_EVIDENCE);
    }
}

/// The times that a path is judged by, in microseconds since 1970 UTC.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The best signature time: it existed then.
    pub signed_at: i64,
    /// When the registry received it: algorithms of revocation data must hold until then.
    pub received_at: i64,
    /// The latest time before which it cannot have been made, where a content timestamp proves one.
    pub made_after: Option<i64>,
}

/// What is known of a path's revocation.
#[derive(Debug)]
pub struct Finding {
    /// Of the first certificate.
    pub revocation: Revocation,
    /// What it means for the verdict; none: nothing against it.
    pub failure: Option<Failure>,
    /// When and why the first certificate was revoked, before or after what is judged.
    pub revoked: Option<(i64, Reason)>,
    /// Whether a certificate of the path is suspended.
    pub suspended: bool,
    /// Until when what was said of every certificate is current, in microseconds since 1970 UTC; none where nobody said
    /// anything of one of them.
    pub current_until: Option<i64>,
    /// Whether what came with the signature answered for every certificate (level LT).
    pub embedded: bool,
}

/// What is known of one certificate.
enum Known {
    /// A statement that answers for the time asked of, and whether it came with the signature.
    Said(Statement, bool),
    /// Nothing is ever published about it.
    Exempt,
    /// Somebody was asked, and no answer came.
    NoAnswer(String),
    /// There was nobody to ask.
    Nobody(String),
    /// Nobody was asked yet, and somebody could be.
    NotAsked,
    /// More would have to be asked than is granted.
    TooMany,
}

/// Whether this evidence alone answers for every certificate of the path (level LT, or LTA where it is timestamped),
/// for what existed at the first time and was received at the second.
#[must_use]
pub fn answered_by(
    evidence: &Evidence<'_>,
    path: &Path,
    (signed_at, received_at): (i64, i64),
    policy: &Policy,
) -> bool {
    let times = Times { signed_at, received_at, made_after: None };
    check(path, times, evidence, &policy.asking(Arc::new(NoSources))).embedded
}

/// Whether this evidence, which an archive timestamp covers, answers for the whole path of a signature that is known to
/// have existed by this proof, and for the path of who gave the proof (level LTA; EN 319 122-1, 132-1 and 142-1 § 6.3:
/// the archive timestamp is over all that it takes to check the signature and its timestamps).
#[must_use]
pub fn archived_by(
    evidence: &Evidence<'_>,
    path: &Path,
    proof: Option<&Existence>,
    (signed_at, received_at): (i64, i64),
    policy: &Policy,
) -> bool {
    let covers_authority = proof.and_then(|proof| proof.authority.as_ref()).is_none_or(|authority| {
        authority.in_token || answered_by(evidence, &authority.path, (authority.at, received_at), policy)
    });
    covers_authority && answered_by(evidence, path, (signed_at, received_at), policy)
}

/// Looks into the revocation of every certificate of `path` but its anchor, by `evidence` and by whom the policy lets
/// ask.
#[must_use]
pub fn check(path: &Path, times: Times, evidence: &Evidence<'_>, policy: &Policy) -> Finding {
    let mut finding = Finding {
        revocation: Revocation::NotChecked,
        failure: None,
        revoked: None,
        suspended: false,
        current_until: None,
        embedded: false,
    };
    if policy.revocation == RevocationMode::Off {
        return finding;
    }
    let Ok(encoded) = path.certificates.iter().map(|one| one.to_der()).collect::<Result<Vec<_>, _>>() else {
        let detail = "a certificate of the path cannot be written";
        finding.failure = Some(Failure::new(SubIndication::CertificateChainGeneralFailure, detail));
        return finding;
    };
    let certificates: Vec<_> = encoded.iter().filter_map(|der| Certificate::read(der).ok()).collect();
    if certificates.len() != encoded.len() {
        let detail = "a certificate of the path cannot be read";
        finding.failure = Some(Failure::new(SubIndication::CertificateChainGeneralFailure, detail));
        return finding;
    }
    finding.embedded = certificates.len() > 1;
    finding.current_until = Some(i64::MAX);
    for (depth, pair) in certificates.windows(2).enumerate() {
        let link = Link { certificate: &pair[0], issuer: &pair[1] };
        // All are asked about, be the first revoked or silent: the questions of a round go out together.
        let known = learn(link, times, evidence, policy);
        finding.embedded &= matches!(known, Known::Said(_, true) | Known::Exempt);
        finding.current_until = match &known {
            Known::Said(statement, _) => finding.current_until.map(|until| until.min(statement.current_until())),
            Known::Exempt => finding.current_until,
            Known::NoAnswer(_) | Known::Nobody(_) | Known::NotAsked | Known::TooMany => None,
        };
        finding.suspended |= matches!(&known, Known::Said(statement, _)
            if matches!(statement.status, Status::Revoked(at, Reason::Hold) if at <= times.signed_at));
        let (revocation, failure) = weigh(&known, depth, times, policy.revocation);
        if depth == 0 {
            finding.revocation = revocation;
            if let Known::Said(Statement { status: Status::Revoked(at, reason), .. }, _) = known {
                finding.revoked = Some((at, reason));
            }
        }
        finding.failure = Failure::weightier(finding.failure, failure);
    }
    finding
}

/// What is known of a certificate, in the words of a verdict.
fn weigh(known: &Known, depth: usize, times: Times, mode: RevocationMode) -> (Revocation, Option<Failure>) {
    use SubIndication as S;
    let whose =
        if depth == 0 { "the signer's certificate".to_owned() } else { format!("authority {depth} of the path") };
    match known {
        Known::Exempt => (Revocation::NotChecked, None),
        Known::Said(Statement { status: Status::Good, .. }, _) => (Revocation::Good, None),
        // Such a statement answers for no time, so it is never taken as one.
        Known::Said(Statement { status: Status::Unknown, .. }, _) => (Revocation::Unknown, None),
        Known::Said(Statement { status: Status::Revoked(at, _), .. }, _) if *at > times.signed_at => {
            (Revocation::Good, None)
        }
        Known::Said(Statement { status: Status::Revoked(_, Reason::Hold), .. }, _) => {
            let detail = format!("{whose} is suspended: whether it is revoked is not decided");
            (Revocation::Revoked, Some(Failure::because(S::TryLater, Cause::OnHold, detail)))
        }
        Known::Said(Statement { status: Status::Revoked(at, _), .. }, _) => {
            let reason = match (depth, times.made_after) {
                (0, Some(after)) if after >= *at => S::Revoked,
                (0, _) => S::RevokedNoPoe,
                _ => S::RevokedCaNoPoe,
            };
            let when = chrono::DateTime::from_timestamp_micros(*at).map(|at| at.to_rfc3339()).unwrap_or_default();
            (Revocation::Revoked, Some(Failure::new(reason, format!("{whose} was revoked at {when}"))))
        }
        Known::TooMany => {
            let detail = format!("{whose}: too many would have to be asked about its revocation");
            let failure = Failure::because(S::CertificateChainGeneralFailure, Cause::TooManyQuestions, detail);
            (Revocation::Unknown, Some(failure))
        }
        Known::NotAsked => {
            let detail = format!("{whose}: nobody was asked yet about its revocation");
            (Revocation::Unknown, Some(Failure::because(S::TryLater, Cause::NotAsked, detail)))
        }
        Known::NoAnswer(why) => (Revocation::Unknown, Some(Failure::new(S::TryLater, format!("{whose}: {why}")))),
        Known::Nobody(why) => {
            let failure = Failure::new(S::TryLater, format!("{whose}: {why}"));
            (Revocation::Unknown, (mode == RevocationMode::Require).then_some(failure))
        }
    }
}

/// The best of the statements that answer for the time asked of.
struct Best {
    at: i64,
    not_after: i64,
    found: Option<(Statement, bool)>,
}

impl Best {
    fn consider(&mut self, statement: Statement, embedded: bool) {
        if !statement.answers_for(self.at, self.not_after) {
            return;
        }
        let rank = |statement: &Statement| {
            let revoked =
                matches!(statement.status, Status::Revoked(at, reason) if at <= self.at && reason != Reason::Hold);
            (revoked, statement.this_update)
        };
        if self.found.as_ref().is_none_or(|(best, _)| rank(&statement) > rank(best)) {
            self.found = Some((statement, embedded));
        }
    }

    /// Whether nothing that could still come would change it.
    fn is_final(&self) -> bool {
        self.found.as_ref().is_some_and(|(best, _)| best.is_final_for(self.at))
    }
}

fn learn(link: Link<'_, '_>, times: Times, evidence: &Evidence<'_>, policy: &Policy) -> Known {
    if link.certificate.is_never_revoked() {
        return Known::Exempt;
    }
    let mut best = Best { at: times.signed_at, not_after: link.certificate.not_after, found: None };
    look_into(evidence, link, times, policy, &mut best);
    if let Some((statement, embedded)) = best.found
        && best.is_final()
    {
        return Known::Said(statement, embedded);
    }
    let silence = ask(link, policy, &mut best);
    match (best.found, silence) {
        // What came along is not the last word where others were not asked only for being too many; unless it condemns.
        (found, Silence::TooMany) => match found {
            Some((statement @ Statement { status: Status::Revoked(..), .. }, embedded)) => {
                Known::Said(statement, embedded)
            }
            _ => Known::TooMany,
        },
        (Some((statement, embedded)), _) => Known::Said(statement, embedded),
        (None, Silence::Nobody(why)) => Known::Nobody(why),
        (None, Silence::NoAnswer(why)) => Known::NoAnswer(why),
        (None, Silence::NotYet) => Known::NotAsked,
    }
}

/// What came with the signature. What in it cannot be used says nothing, and harms nothing.
fn look_into(evidence: &Evidence<'_>, link: Link<'_, '_>, times: Times, policy: &Policy, best: &mut Best) {
    let (issuer, at) = (link.issuer, times.received_at);
    let budget = &policy.budget;
    if !budget.take(Work::Readings, (evidence.ocsp.len() + evidence.crls.len()) as u64) {
        return;
    }
    for bytes in &evidence.ocsp {
        let Ok(answer) = Answer::read(bytes) else { continue };
        let Ok(Some(statement)) = answer.statement(link) else { continue };
        // The answer's signer may have to be found among several, each certified by the issuer.
        if !answer.take_work(issuer, budget) {
            return;
        }
        if answer.check_signer(issuer, &policy.ocsp_signers, &policy.algorithms, at, budget).is_ok() {
            best.consider(statement, true);
        }
    }
    for bytes in &evidence.crls {
        let Ok(crl) = Crl::read(bytes) else { continue };
        if !crl.is_of(issuer, budget) {
            continue;
        }
        if !budget.take_verification(issuer, bytes.len()) {
            return;
        }
        if crl.check_signature(issuer, &policy.algorithms, at, budget).is_err() {
            continue;
        }
        if let Ok(statement) = crl.statement(link.certificate) {
            best.consider(statement, true);
        }
    }
}

/// Asks, responders first, until somebody gives an answer that can be used; why nobody did, where nobody did.
fn ask(link: Link<'_, '_>, policy: &Policy, best: &mut Best) -> Silence {
    let (certificate, issuer) = (link.certificate.der, link.issuer.der);
    let locations = Locations::of(link.certificate);
    let ocsp = |url: &str| Question::Ocsp { url: url.into(), certificate: certificate.into(), issuer: issuer.into() };
    let crl = |url: &str| Question::Crl { url: url.into(), issuer: issuer.into() };
    let configured = policy.sources.responders();
    let is_configured = |url: &str| configured.iter().any(|one| one == url);
    let mut questions = vec![Question::KeptCrls { issuer: issuer.into() }];
    questions.extend(configured.iter().map(|url| ocsp(url)));
    questions.extend(locations.ocsp.iter().filter(|url| !is_configured(url)).map(|url| ocsp(url)));
    questions.extend(locations.crls.iter().map(|url| crl(url)));

    let mut silence = Silence::Nobody("the certificate names nobody who could be asked".into());
    for question in questions {
        match policy.sources.ask(&question, Purpose::Signature) {
            Ok(found) => match take_in(&found, link, best) {
                None => return silence,
                // A list kept at hand that does not answer is nobody's silence; nor is a responder for some that the
                // administrator wants asked about all.
                Some(_) if question.url().is_none() => {}
                Some(_) if is_unknown(&found) && question.url().is_some_and(is_configured) => {}
                Some(why) => silence = no_answer(silence, why),
            },
            Err(Silence::NotYet) => return Silence::NotYet,
            Err(Silence::TooMany) => return Silence::TooMany,
            Err(Silence::Nobody(_)) if question.url().is_none() => {}
            Err(Silence::Nobody(why)) => {
                if matches!(silence, Silence::Nobody(_)) {
                    silence = Silence::Nobody(why);
                }
            }
            Err(Silence::NoAnswer(why)) => silence = no_answer(silence, why),
        }
    }
    silence
}

/// One silence more.
fn no_answer(before: Silence, why: String) -> Silence {
    match before {
        Silence::NoAnswer(before) => Silence::NoAnswer(format!("{before}; {why}")),
        _ => Silence::NoAnswer(why),
    }
}

fn is_unknown(found: &Found) -> bool {
    matches!(found, Found::Statement(Statement { status: Status::Unknown, .. }))
}

/// Considers what was found; says why where it answers nothing.
fn take_in(found: &Found, link: Link<'_, '_>, best: &mut Best) -> Option<String> {
    let says_nothing = "the answer says nothing of the time of signing";
    let mut why =
        if is_unknown(found) { "the responder does not know the certificate" } else { says_nothing }.to_owned();
    let mut answered = false;
    let mut consider = |statement: Statement| {
        best.consider(statement, false);
        answered |= statement.answers_for(best.at, best.not_after);
    };
    match found {
        Found::Statement(statement) => consider(*statement),
        Found::Crls(crls) => {
            for crl in crls {
                match crl.crl().and_then(|crl| crl.statement(link.certificate)) {
                    Ok(statement) => consider(statement),
                    Err(unusable) => why = unusable.to_string(),
                }
            }
        }
        Found::Certificates(_) => {}
    }
    (!answered).then_some(why)
}
