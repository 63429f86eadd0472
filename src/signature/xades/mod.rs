//! XAdES and plain XML signatures: from bytes to verdicts (EN 319 102-1 § 5.3, EN 319 132-1, XMLDSig 1.1).
//!
//! # Why
//! The order of the steps is that of [`super::cades`]: bytes that do not match are told first, since they are certain.
//! A signature without qualifying properties is judged like any other and has no level; one that has properties and does
//! not sign them is refused, since they then say whatever somebody wrote there later; one that signs them without saying
//! so in the reference's type (§ 4.4.2) passes, has no level, and its properties are not shown. Every signature in the document
//! has a verdict of its own, wherever it stands, except counter-signatures, which are listed with what they sign.
//!
//! The level is what was verified here: B, T with a trusted timestamp over the value or over all, LT where the revocation
//! data inside answered for the whole path and for that of the timestamp's authority, and LTA where a trusted archive
//! timestamp covers such data (§ 6.3).

mod brought;
mod certificates;
mod coverage;
mod distinguished;
mod names;
mod object;
mod properties;
mod references;
mod schema;
mod stamps;
mod structure;
mod transform;
mod whole;

use std::cell::RefCell;

pub(super) use self::object::object_inside;

use self::certificates::{Found, Held, find, made_by};
use self::names::DS;
use self::properties::Properties;
use self::references::{Followed, Reach};
use self::stamps::Stamped;
use self::structure::Signature;
use self::transform::{Allowance, Place};
use self::whole::Rest;
use super::algorithm::SignatureAlgorithm;
use super::belonging::Belonging;
use super::cades::{
    Known, Request, UNKNOWN, blank, conclude, conclude_after_asking, counter_signer, heed_lists, proved_outside,
};
use super::certificate::Certificate;
use super::chain::{NoPath, Path};
use super::cms::SignedData;
use super::meter::Meter;
use super::ocsp::Answer;
use super::policy::Policy;
use super::revocation::Evidence;
use super::signer::Failure;
use super::timestamp::{self, Checked};
use super::verdict::{CounterSignature, Format, Level, SubIndication, Verdict};
use super::work::{Budget, Work};
use super::xml::nodeset::NodeSet;
use super::xml::{Document, NodeId, encoding, read};
use super::{identity, purpose, signer};

/// More signatures in one document than this are an attempt to make the reader work.
const MAX_SIGNATURES: usize = 64;
/// More timestamps or counter-signatures on one signature than this are not looked at.
const MAX_ADDITIONS: usize = 16;
/// All digests, numbers and keys that stand unsigned in a document take no more bytes together.
const MAX_STATED: u64 = 8_192;
/// Counter-signatures of counter-signatures are listed so deep.
const MAX_DEPTH: usize = 4;

/// Judges every signature in an XML document, none where it holds none; `content` is what it signs elsewhere.
///
/// # Errors
/// [`SubIndication::FormatFailure`] when it cannot be read, or holds too many.
pub(super) fn judge(file: &[u8], content: Option<&[u8]>, request: Request<'_>) -> Result<Vec<Verdict>, Failure> {
    let malformed = |detail: &dyn std::fmt::Display| Failure::new(SubIndication::FormatFailure, detail);
    let text = encoding::decode(file).map_err(|error| malformed(&error))?;
    let document = read(&text).map_err(|error| malformed(&error))?;
    // A counter-signature is listed with what it signs; a time stamp in XML (`dss:Timestamp`) is nobody's will.
    let is_addition = |node: NodeId| {
        document.ancestors_or_self(document.parent(node)).take(3).any(|outer| {
            let namespace = document.namespace_of(outer).unwrap_or_default();
            names::is_xades(namespace)
                && (document.is(outer, namespace, properties::XML_TIMESTAMP)
                    || outer == document.parent(node) && document.is(outer, namespace, "CounterSignature"))
        })
    };
    let signatures = (1..document.len()).filter(|&node| document.is(node, DS, "Signature") && !is_addition(node));
    let signatures: Vec<NodeId> = signatures.take(MAX_SIGNATURES + 1).collect();
    if signatures.len() > MAX_SIGNATURES {
        return Err(malformed(&"the XML holds too many signatures"));
    }
    let allowance = Allowance::for_bytes(file.len() + content.map_or(0, <[u8]>::len), &request.policy.deadline);
    let stated = Meter::new(MAX_STATED, request.policy.deadline.clone());
    let bench = Bench { document: &document, content, whole_file: file, allowance: &allowance, stated, request };
    let judged: Vec<(NodeId, Verdict, Rest)> = signatures
        .into_iter()
        .map(|node| {
            let (verdict, rest) = bench.judge(node);
            (node, verdict, rest)
        })
        .collect();
    // A signature that another leaves out holds by itself and brings nothing, or it is content that nobody signed.
    let adds_nothing = |other: &NodeId| {
        judged.iter().any(|(node, verdict, rest)| node == other && verdict.intact && rest.brings_nothing())
    };
    let alone: Vec<bool> = judged.iter().map(|(_, _, rest)| rest.others.iter().all(adds_nothing)).collect();
    let verdicts = judged.into_iter().zip(alone).map(|((_, mut verdict, rest), alone)| {
        let whole = alone && rest.counter_signatures_hold;
        verdict.covers_whole_file = verdict.covers_whole_file.map(|covered| covered && whole);
        verdict.encoding = Some(encoding::name_of(file));
        verdict
    });
    Ok(verdicts.collect())
}

/// What the signatures of one document have in common.
struct Bench<'b, 'a> {
    document: &'b Document<'a>,
    content: Option<&'b [u8]>,
    whole_file: &'b [u8],
    allowance: &'b Allowance,
    /// How much may still stand unsigned in the file that nobody compares with anything.
    stated: Meter,
    request: Request<'b>,
}

/// A signature with all that was read of it.
struct Examined<'b> {
    signature: Signature<'b>,
    properties: Option<Properties<'b>>,
    held: Held,
    followed: Followed,
    algorithm: Option<SignatureAlgorithm>,
    /// What the value covers, and the value.
    message: Result<Vec<u8>, Failure>,
    value: Vec<u8>,
    /// Whether a reference says that it signs the properties, and does.
    properties_signed: bool,
    /// Whether any reference does, whatever it says.
    properties_covered: bool,
}

impl<'b, 'a> Bench<'b, 'a> {
    fn reach(&self, node: NodeId, counter_signature: bool) -> Reach<'b, 'a> {
        let place = Place { document: self.document, signature: node, allowance: self.allowance };
        let content = self.content.filter(|_| !counter_signature);
        Reach { place, content, content_digests: RefCell::default() }
    }

    fn examine(&self, node: NodeId, counter_signature: bool) -> Result<Examined<'b>, Failure> {
        let document = self.document;
        let signature = Signature::read(document, node)?;
        let reach = self.reach(node, counter_signature);
        let followed = reach.follow(&signature);
        let signed = followed.covered.iter().find_map(|covered| {
            let reference = signature.references.get(covered.index)?;
            covered.target.filter(|_| names::is_signed_properties(reference.kind))
        });
        let properties = Properties::find(document, &signature, signed);
        if let Some(properties) = &properties {
            properties.check_once(document)?;
        }
        let properties_signed = signed.is_some() && properties.is_some_and(|properties| properties.signed == signed);
        let properties_covered = properties.and_then(|properties| properties.signed).is_some_and(|node| {
            let whole = |nodes: &NodeSet| {
                nodes.contains(node) && nodes.missing_elements(document, node).is_some_and(|missing| missing.is_empty())
            };
            followed.covered.iter().any(|covered| covered.nodes.as_ref().is_some_and(whole))
        });
        let properties_signed = properties_signed && properties_covered;
        let held = Held::collect(document, &signature, properties.as_ref());
        let algorithm = names::signature_method(document, signature.method);
        let rules = structure::canonicalization(document, signature.canonicalization);
        let message = match rules {
            Some(rules) => {
                let set = NodeSet::subtree(document, signature.signed_info, true);
                self.allowance.canonical(&rules, document, &set)
            }
            None => Err(Failure::new(SubIndication::SigConstraintsFailure, "the canonicalization is not supported")),
        };
        let value = names::base64_of(document, signature.value).unwrap_or_default();
        let value = match &algorithm {
            Some(algorithm) => names::plain_value(algorithm, value),
            None => value,
        };
        Ok(Examined {
            signature,
            properties,
            held,
            followed,
            algorithm,
            message,
            value,
            properties_signed,
            properties_covered,
        })
    }

    /// The verdict on a signature, and what it leaves of the document.
    fn judge(&self, node: NodeId) -> (Verdict, Rest) {
        let verdict = blank(Format::Xades, self.request);
        match self.examine(node, false) {
            Ok(examined) => {
                let mut rest = whole::rest(
                    self.document,
                    node,
                    &examined,
                    &|| self.certificates_by_name(&examined),
                    &self.stated,
                    &self.request.policy.deadline,
                );
                if rest.is_plain && !self.brings_known(node, &examined) {
                    rest = Rest { is_plain: false, says_nothing: false, ..rest };
                }
                (self.weigh(verdict, node, &examined, &mut rest), rest)
            }
            Err(failure) => (conclude(verdict, Some(failure)), Rest::default()),
        }
    }

    /// The certificates whose names say nothing new in a signature: those of authorities that are trusted, and which such
    /// gave to its signer, to who stamped time, and to who answers about revocation. Anybody can make others.
    fn certificates_by_name(&self, examined: &Examined<'_>) -> Vec<Vec<u8>> {
        let policy = self.request.policy;
        let properties = examined.properties.as_ref();
        let tokens = properties.map(|properties| properties.added_tokens(self.document)).unwrap_or_default();
        let tokens: Vec<_> = tokens.iter().filter_map(|token| SignedData::read(token).ok()).collect();
        let (_, answers) = properties.map(|one| one.added_revocation(self.document, None)).unwrap_or_default();
        let answers: Vec<_> = answers.iter().filter_map(|answer| Answer::read(answer).ok()).collect();
        let mut all = examined.held.encoded();
        all.extend(tokens.iter().flat_map(|token| &token.certificates));
        all.extend(answers.iter().flat_map(Answer::certificates));

        let found = self.belonging(examined, &all, |read| {
            let stampers = tokens.iter().flat_map(|token| &token.signers);
            let found = stampers.filter_map(|one| signer::find(one, read, &policy.budget).ok());
            found.map(|found| found.certificate.der.to_vec()).collect()
        });
        let known = found.iter().flat_map(Belonging::known).map(|one| one.der.to_vec());
        known.chain(policy.anchors.known().iter().cloned()).collect()
    }

    fn weigh(&self, mut verdict: Verdict, node: NodeId, examined: &Examined<'_>, rest: &mut Rest) -> Verdict {
        coverage::describe(&mut verdict, self.document, examined, rest);
        if let Some(properties) = examined.signed_properties() {
            verdict.claimed_signed_at = properties.signing_time(self.document);
            verdict.signature_policy = properties.policy(self.document);
        }
        let message = examined.message.as_ref().ok();
        verdict.signed_sha256 = message.map(|message| hex::encode(openssl::sha::sha256(message)));
        let (mut certificates, in_key_info) = examined.held.read();
        let budget = &self.request.policy.budget;
        if !examined.names_one_of(self.document, &certificates, budget) {
            // A signer may leave its certificate out where the receiver knows it.
            let configured = self.request.policy.anchors.known();
            certificates.extend(configured.iter().filter_map(|der| Certificate::read(der).ok()));
        }
        let found = match examined.signer(self.document, &certificates, in_key_info, budget) {
            Ok(found) => found,
            Err(failure) => return conclude(verdict, Some(failure)),
        };
        verdict.signer = Some(identity::signer(found.certificate));
        verdict.public_key_sha256 = Some(hex::encode(found.certificate.key_sha256()));
        verdict.certificate_sha256 = Some(hex::encode(openssl::sha::sha256(found.certificate.der)));
        let contradiction = self.contradiction(examined, rest);
        if contradiction.is_some() {
            coverage::deny(&mut verdict);
        }
        let failure = examined.integrity(&found).or(contradiction);
        verdict.intact = failure.is_none();
        let policy = &self.request.policy.signed_by(verdict.signer.as_ref(), verdict.intact);

        let carried = examined.properties.map(|properties| properties.added_revocation(self.document, None));
        let (crls, ocsp) = carried.unwrap_or_default();
        let evidence = Evidence::of(&crls, &ocsp);
        let reach = self.reach(node, false);
        let encoded = examined.held.encoded();
        let stamped = examined.properties.as_ref().map(|properties| Stamped {
            document: self.document,
            signature: &examined.signature,
            properties,
            reach: &reach,
            certificates: &encoded,
            evidence: &evidence,
            request: Request { policy, ..self.request },
        });
        let stamps = stamped.as_ref().map(|stamped| stamped.judge(examined.properties_signed)).unwrap_or_default();
        let proof = timestamp::earliest(stamps.proving().filter_map(Checked::existence));
        let proved_at = proof.as_ref().map(|proof| proof.at);
        let made_after = stamps.made_after;
        verdict.timestamps = stamps.shown();
        let received_at = self.request.received_at;
        verdict.signed_at = proved_at.map_or(received_at, |at| at.min(received_at));
        verdict.level = match (found.named, proved_at) {
            (false, _) => None,
            (true, None) => Some(Level::B),
            (true, Some(_)) => Some(Level::T),
        };
        (verdict.counter_signatures, rest.counter_signatures_hold) = self.counter_signatures(examined, 1);

        let policy = &policy.for_signature(verdict.intact);
        let path = policy.path(found.certificate, &certificates, verdict.signed_at);
        let path = path.map_err(|no_path| proved_outside(no_path, found.certificate, proved_at, made_after));
        verdict.trusted = path.is_ok();
        heed_lists(&mut verdict, found.certificate, &path, policy);
        let failure = failure.or_else(|| examined.first_failure(&found, &path, verdict.signed_at, policy));
        let known = Known { evidence: &evidence, made_after, proof: proof.as_ref() };
        let mut verdict = conclude_after_asking(verdict, failure, &path, known, Request { policy, ..self.request });
        if let (Some(Level::Lt), Some(stamped), Ok(path)) = (verdict.level, &stamped, &path)
            && stamped.holds_validation_data(&stamps, path, proof.as_ref(), verdict.signed_at)
        {
            verdict.level = Some(Level::Lta);
        }
        verdict
    }

    /// Who brings a content means that it was signed: a signature of something else does not speak for it.
    fn contradiction(&self, examined: &Examined<'_>, rest: &Rest) -> Option<Failure> {
        let content = self.content?;
        let followed = &examined.followed;
        let is_file = content == self.whole_file && rest.says_nothing;
        if is_file || followed.covered.iter().any(|covered| covered.is_content && covered.is_data) {
            return None;
        }
        Some(if followed.leads_outside {
            Failure::new(SubIndication::HashFailure, "what the signature covers is not the content given")
        } else {
            let detail = "no reference of the signature names the content given: it signs what is in its own file";
            Failure::new(SubIndication::SignedDataNotFound, detail)
        })
    }

    /// Those over a signature, and in their turn those over them, so deep; and whether all hold and bring nothing: one
    /// that does not hold is no signature, but whatever somebody wrote there.
    fn counter_signatures(&self, examined: &Examined<'_>, depth: usize) -> (Vec<CounterSignature>, bool) {
        let Some(properties) = examined.properties else { return (Vec::new(), true) };
        let additions = properties.additions(self.document, "CounterSignature");
        let mut nodes = additions.filter_map(|property| self.document.child(property, DS, "Signature"));
        let few = nodes.by_ref().take(if depth <= MAX_DEPTH { MAX_ADDITIONS } else { 0 });
        let (listed, sound): (Vec<_>, Vec<_>) =
            few.map(|node| self.counter_signature(node, examined.signature.value, depth)).unzip();
        (listed, sound.into_iter().all(|sound| sound) && nodes.next().is_none())
    }

    /// One over this value.
    fn counter_signature(&self, node: NodeId, value: NodeId, depth: usize) -> (CounterSignature, bool) {
        let Ok(counter) = self.examine(node, true) else {
            let unread = CounterSignature {
                signer: None,
                intact: false,
                claimed_signed_at: None,
                counter_signatures: Vec::new(),
            };
            return (unread, false);
        };
        let (certificates, in_key_info) = counter.held.read();
        let budget = &self.request.policy.budget;
        let found = counter.signer(self.document, &certificates, in_key_info, budget).ok();
        let claimed_signed_at =
            counter.signed_properties().and_then(|properties| properties.signing_time(self.document));
        // EN 319 132-1 § 5.2.7: it signs the value of what it countersigns, all of the element.
        let signs_value = counter.followed.covered.iter().any(|covered| {
            let whole = |nodes: &NodeSet| nodes.missing_elements(self.document, value) == Some(Vec::new());
            covered.target == Some(value) && covered.nodes.as_ref().is_some_and(whole)
        });
        let intact = signs_value
            && found.as_ref().is_some_and(|found| found.mismatch.is_none() && counter.integrity(found).is_none());
        let signer = found.map(|found| counter_signer(found.certificate, &certificates, intact, self.request));
        let (counter_signatures, inner_hold) = self.counter_signatures(&counter, depth + 1);
        let inside = whole::inside(
            self.document,
            node,
            &counter,
            &|| self.certificates_by_name(&counter),
            &self.stated,
            &self.request.policy.deadline,
        );
        let holds = intact && inner_hold && inside.is_bare() && self.brings_known(node, &counter);
        (CounterSignature { signer, intact, claimed_signed_at, counter_signatures }, holds)
    }
}

impl<'b> Examined<'b> {
    /// The properties, if the signature covers them.
    fn signed_properties(&self) -> Option<&Properties<'b>> {
        self.properties.as_ref().filter(|_| self.properties_signed)
    }

    /// Whether the signed properties name one of these certificates, or none at all.
    fn names_one_of(&self, document: &Document<'_>, certificates: &[Certificate<'_>], budget: &Budget) -> bool {
        let references = self.signed_properties().map(|properties| properties.certificate_references(document));
        let references = references.unwrap_or_default();
        references.is_empty()
            || certificates.iter().any(|certificate| references.iter().any(|one| one.is_to(certificate, budget)))
    }

    fn signer<'c, 'a>(
        &self,
        document: &Document<'_>,
        certificates: &'c [Certificate<'a>],
        in_key_info: usize,
        budget: &Budget,
    ) -> Result<Found<'c, 'a>, Failure> {
        if !budget.take(Work::Readings, certificates.len() as u64) {
            return Err(Budget::exhausted());
        }
        let references = self.signed_properties().map(|properties| properties.certificate_references(document));
        let made = |certificate: &Certificate<'_>| match (&self.algorithm, &self.message) {
            (Some(algorithm), Ok(message)) => {
                budget.take_verification(certificate, message.len())
                    && made_by(certificate, algorithm, message, &self.value)
            }
            _ => false,
        };
        find(certificates, in_key_info, &references.unwrap_or_default(), &made, budget)
    }

    /// The first reason why the bytes are not what was signed: certain ones, then those that more data could mend, then
    /// the value (the order of EN 319 102-1 § 5.2.7.4, but that one missing part does not hide another's alteration).
    fn integrity(&self, found: &Found<'_, '_>) -> Option<Failure> {
        use SubIndication as S;
        let failures = &self.followed.failures;
        let certain = |failure: &&Failure| matches!(failure.reason, S::HashFailure | S::FormatFailure);
        if let Some(failure) = failures.iter().find(certain).or(failures.first()) {
            return Some(failure.clone());
        }
        match (&self.algorithm, &self.message) {
            (None, _) => Some(Failure::new(S::CryptoConstraintsFailure, "the signature method is not known")),
            (_, Err(failure)) => Some(failure.clone()),
            // Nobody says that the certificates at hand are the signer's, so the value may well be good.
            _ if !found.signed && found.mismatch.is_some() => found.mismatch.clone(),
            _ if !found.signed => {
                Some(Failure::new(S::SigCryptoFailure, "the signature value is not the certificate's"))
            }
            _ if !self.followed.covered.iter().any(|covered| covered.is_data) => {
                Some(Failure::new(S::SignedDataNotFound, "the signature signs nothing but its own parts"))
            }
            _ => None,
        }
    }

    /// The steps of EN 319 102-1 § 5.3.4 after integrity, in order: the first failure is the reason.
    fn first_failure(
        &self,
        found: &Found<'_, '_>,
        path: &Result<Path, NoPath>,
        at: i64,
        policy: &Policy,
    ) -> Option<Failure> {
        use SubIndication as S;
        if let Some(mismatch) = &found.mismatch {
            return Some(mismatch.clone());
        }
        let path = match path {
            Ok(path) => path,
            Err(no_path) => return Some(no_path.failure()),
        };
        if let Err(detail) = purpose::check_signer(found.certificate, path, policy.signed) {
            return Some(Failure::new(S::ChainConstraintsFailure, detail));
        }
        let constraints = path.check_constraints(&policy.algorithms, at).and_then(|()| {
            for &digest in &self.followed.digests {
                policy.algorithms.check_digest(digest, at)?;
            }
            let key = found.certificate.openssl().and_then(|certificate| certificate.public_key().ok());
            policy.algorithms.check_signature(&self.algorithm.ok_or(UNKNOWN)?, &*key.ok_or(UNKNOWN)?, at)
        });
        if let Err(weak) = constraints {
            return Some(Failure::new(S::CryptoConstraintsFailure, weak));
        }
        if self.properties.is_some() && !self.properties_covered {
            return Some(Failure::new(
                S::SigConstraintsFailure,
                "the signature does not sign its qualifying properties",
            ));
        }
        None
    }
}
