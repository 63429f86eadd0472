//! Path validation (RFC 5280 § 6, EN 319 102-1 § 5.2.6): from the signer's certificate to an anchor, at a given time.
//!
//! # Why
//! OpenSSL builds and checks the path (signatures, names, times, path lengths, critical extensions, name constraints);
//! what it answers is put into the words of the standard here. The store of anchors is built once, when the
//! configuration is read, and shared by all verdicts. A path may end at any certificate in the anchors' folder, root or
//! not: a trusted list names the issuing authority itself (TS 119 612 § 5.5.3).

use std::collections::{HashMap, HashSet};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509StoreContext, X509VerifyResult};

use super::algorithm::SignatureAlgorithm;
use super::certificate::Certificate;
use super::constraints::{AlgorithmTable, Weak};
use super::identity::{self, CertificateKind};
use super::list_qualifiers::Word;
use super::path_policies::ValidPolicies;
use super::same_name::same_name_within;
use super::signer::Failure;
use super::store_time;
use super::trusted_list::{self, Service, ServiceKind, TrustedList};
use super::verdict::{Cause, SubIndication};
use super::work::{Budget, Work};

/// The longest path that is followed; real ones have three or four certificates.
const MAX_DEPTH: i32 = 16;

/// More certificates that come with a signature are not tried in one path, nor more of one name.
const MAX_CANDIDATES: usize = 32;
const MAX_NAMESAKES: usize = 8;

/// A certificate's SHA-256.
pub type Fingerprint = [u8; 32];

/// Why a folder of certificates could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder or a file in it could not be read.
    #[error("{0} could not be read")]
    Read(PathBuf, #[source] std::io::Error),
    /// A file named like a certificate holds none. Take it out of the folder, or mend it.
    #[error("{0} holds no certificate that can be read")]
    NoCertificate(PathBuf),
    /// OpenSSL could not build its store.
    #[error("the store of anchors could not be built")]
    Store(#[from] openssl::error::ErrorStack),
}

/// The certificates a path may end at, and those that help to get there. Immutable: to reload, build another. Cheap to
/// clone.
#[derive(Clone)]
pub struct Anchors(Arc<Inner>);

struct Inner {
    store: X509Store,
    intermediates: Vec<X509>,
    encoded: Vec<Vec<u8>>,
    /// Anchors and intermediates, encoded and sorted: what comes with a signature again need not be read again.
    at_hand: Vec<Vec<u8>>,
    fingerprints: HashSet<Fingerprint>,
    /// The names of the holders of these, encoded, with the places of their certificates there.
    holders: HashMap<Vec<u8>, Vec<usize>>,
    /// The same by the names of those who issued them.
    issuers: HashMap<Vec<u8>, Vec<usize>>,
    /// The names of the issuers of intermediates, encoded: these may come with a signature.
    above: Vec<Vec<u8>>,
    /// What trusted lists say of an anchor; none of those that the administrator chose.
    services: HashMap<Fingerprint, Vec<Arc<Listed>>>,
    /// The trusted lists that count.
    lists: Vec<ListFacts>,
}

/// A service of a trusted list, and until when what the list grants can be relied on.
struct Listed {
    service: Service,
    until: i64,
    territory: String,
}

/// What is known of a trusted list that counts. All times in microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFacts {
    /// Whose it is.
    pub territory: String,
    /// Which issue of it.
    pub sequence: u64,
    /// When it was issued.
    pub issued_at: i64,
    /// Until when it is current.
    pub current_until: i64,
    /// From when on signatures by its services are open: some time after.
    pub open_from: i64,
}

impl std::fmt::Debug for Anchors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Anchors({} anchors, {} intermediates)", self.len(), self.0.intermediates.len())
    }
}

/// A path that holds: the signer's certificate first, the anchor last.
#[derive(Debug)]
pub struct Path {
    /// Its certificates.
    pub certificates: Vec<X509>,
    /// The policies of the first that all of them allow (RFC 5280 § 6.1).
    pub policies: ValidPolicies,
}

/// Why there is no path that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPath {
    /// In the standard's words.
    pub sub_indication: SubIndication,
    /// What that leaves open.
    pub cause: Option<Cause>,
    /// OpenSSL's words, or ours.
    pub detail: String,
}

impl NoPath {
    #[expect(clippy::needless_pass_by_value, reason = "errors are handed over as they come")]
    fn new(sub_indication: SubIndication, detail: impl ToString) -> Self {
        Self { sub_indication, cause: None, detail: detail.to_string() }
    }

    /// There may be one, and more would have to be asked for it than is granted.
    #[must_use]
    pub fn too_many_questions() -> Self {
        let detail = "too many would have to be asked for the issuers that are missing";
        let cause = Some(Cause::TooManyQuestions);
        Self { cause, ..Self::new(SubIndication::CertificateChainGeneralFailure, detail) }
    }

    /// There may be one, and nobody was asked yet for the issuers that are missing.
    #[must_use]
    pub fn not_asked() -> Self {
        let detail = "nobody was asked yet for the issuers that are missing";
        Self { cause: Some(Cause::NotAsked), ..Self::new(SubIndication::TryLater, detail) }
    }

    /// As what speaks against a signature.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure { reason: self.sub_indication, cause: self.cause, detail: self.detail.clone() }
    }
}

/// Reads every certificate in a folder: files named `.pem`, `.crt`, `.cer` or `.der`, in DER or PEM, one or a bundle.
/// Other files (keys, notes) are left alone. Sub-folders are not entered.
///
/// # Errors
/// [`LoadError`] names the file that could not be taken.
pub fn load_certificates(folder: &FilePath) -> Result<Vec<X509>, LoadError> {
    let read_error = |path: &FilePath| {
        let path = path.to_owned();
        move |error| LoadError::Read(path, error)
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read_error(folder))? {
        let path = entry.map_err(read_error(folder))?.path();
        let extension = path.extension().and_then(|ext| ext.to_str()).unwrap_or("").to_ascii_lowercase();
        if matches!(extension.as_str(), "pem" | "crt" | "cer" | "der") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let mut certificates = Vec::new();
    for path in files {
        let bytes = std::fs::read(&path).map_err(read_error(&path))?;
        let found = match X509::from_der(&bytes) {
            Ok(certificate) => vec![certificate],
            Err(_) => X509::stack_from_pem(&bytes).unwrap_or_default(),
        };
        if found.is_empty() {
            return Err(LoadError::NoCertificate(path));
        }
        certificates.extend(found);
    }
    Ok(certificates)
}

impl Anchors {
    /// Builds the store of these anchors; `intermediates` are used to find a path, and trusted for nothing.
    ///
    /// # Errors
    /// OpenSSL's, when a certificate cannot be taken in.
    pub fn new(anchors: Vec<X509>, intermediates: Vec<X509>) -> Result<Self, LoadError> {
        Self::with_lists(anchors, intermediates, Vec::new(), 0)
    }

    /// The same, and the services of trusted lists, each while it could be relied on. Of several lists of one territory the
    /// newest counts. `grace` (microseconds) after a list's next update what it grants is open.
    ///
    /// # Errors
    /// OpenSSL's, when a certificate cannot be taken in.
    pub fn with_lists(
        anchors: Vec<X509>,
        intermediates: Vec<X509>,
        lists: Vec<TrustedList>,
        grace: i64,
    ) -> Result<Self, LoadError> {
        let mut param = X509VerifyParam::new()?;
        param.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::TRUSTED_FIRST)?;
        param.set_depth(MAX_DEPTH);
        let mut builder = X509StoreBuilder::new()?;
        builder.set_param(&param)?;
        let mut fingerprints = HashSet::new();
        let mut at_hand: Vec<Vec<u8>> = anchors.iter().map(|one| one.to_der()).collect::<Result<_, _>>()?;
        for anchor in anchors {
            if fingerprints.insert(fingerprint(&anchor)?) {
                builder.add_cert(anchor)?;
            }
        }
        let chosen = fingerprints.clone();
        let (lists, _) = trusted_list::newest(lists);
        let facts = |list: &TrustedList| ListFacts {
            territory: list.territory.clone(),
            sequence: list.sequence,
            issued_at: list.issued_at,
            current_until: list.current_until(),
            open_from: list.current_until().saturating_add(grace),
        };
        let listed: Vec<ListFacts> = lists.iter().map(facts).collect();
        let mut services: HashMap<Fingerprint, Vec<Arc<Listed>>> = HashMap::new();
        let of_list = |(list, facts): (TrustedList, &ListFacts)| {
            let (until, territory) = (facts.open_from, facts.territory.clone());
            list.services.into_iter().map(move |service| Listed { service, until, territory: territory.clone() })
        };
        for service in lists.into_iter().zip(&listed).flat_map(of_list).map(Arc::new) {
            for certificate in &service.service.certificates {
                let fingerprint = fingerprint(certificate)?;
                if fingerprints.insert(fingerprint) {
                    builder.add_cert(certificate.clone())?;
                    at_hand.push(certificate.to_der()?);
                }
                if !chosen.contains(&fingerprint) {
                    services.entry(fingerprint).or_default().push(service.clone());
                }
            }
        }
        let encoded: Vec<Vec<u8>> = intermediates.iter().map(|one| one.to_der()).collect::<Result<_, _>>()?;
        at_hand.extend_from_slice(&encoded);
        at_hand.sort();
        let names = |der: &[u8]| Certificate::read(der).ok().map(|one| (one.subject.to_vec(), one.issuer.to_vec()));
        let (mut holders, mut issuers) = (HashMap::<_, Vec<usize>>::new(), HashMap::<_, Vec<usize>>::new());
        for (place, der) in at_hand.iter().enumerate() {
            if let Some((holder, issuer)) = names(der) {
                holders.entry(holder).or_default().push(place);
                issuers.entry(issuer).or_default().push(place);
            }
        }
        let above = encoded.iter().filter_map(|der| names(der)).map(|(_, issuer)| issuer);
        let above = above.filter(|issuer| !holders.contains_key(issuer)).collect();
        let store = builder.build();
        let inner = Inner {
            store,
            intermediates,
            encoded,
            at_hand,
            fingerprints,
            holders,
            issuers,
            above,
            services,
            lists: listed,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Whether these are the very same: not only equal, but read together.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether this certificate is itself an anchor.
    #[must_use]
    pub fn contains(&self, certificate: &X509) -> bool {
        fingerprint(certificate).is_ok_and(|fingerprint| self.0.fingerprints.contains(&fingerprint))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.fingerprints.len()
    }

    /// Whether there are none: then nothing is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.fingerprints.is_empty()
    }

    /// The trusted lists that count, by territory.
    #[must_use]
    pub fn lists(&self) -> &[ListFacts] {
        &self.0.lists
    }

    /// The certificates that help to find a path.
    #[must_use]
    pub fn intermediates(&self) -> &[X509] {
        &self.0.intermediates
    }

    /// The same, encoded: a signature may name a signer whose certificate it does not carry.
    #[must_use]
    pub fn known(&self) -> &[Vec<u8>] {
        &self.0.encoded
    }

    /// The anchors and intermediates of this name (encoded), encoded.
    pub fn held_by(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.at_places(self.0.holders.get(name))
    }

    /// The anchors and intermediates that whoever bears this name (encoded) issued, encoded.
    pub fn issued_under(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.at_places(self.0.issuers.get(name))
    }

    fn at_places<'s>(&'s self, places: Option<&'s Vec<usize>>) -> impl Iterator<Item = &'s [u8]> {
        places.into_iter().flatten().filter_map(|&place| self.0.at_hand.get(place)).map(Vec::as_slice)
    }

    /// Whether this certificate (DER) is itself an anchor or an intermediate.
    #[must_use]
    pub fn is_at_hand(&self, der: &[u8]) -> bool {
        self.0.at_hand.binary_search_by(|known| known.as_slice().cmp(der)).is_ok()
    }

    /// Finds the path from `leaf` to an anchor and checks it as of `at` (microseconds since 1970 UTC).
    ///
    /// # Errors
    /// [`NoPath`] with the standard's sub-indication.
    pub fn path(
        &self,
        leaf: &Certificate<'_>,
        others: &[Certificate<'_>],
        at: i64,
        budget: &Budget,
    ) -> Result<Path, NoPath> {
        self.path_among(leaf, &others.iter().collect::<Vec<_>>(), at, budget)
    }

    /// The same, where the other certificates lie in several places.
    ///
    /// # Errors
    /// [`NoPath`] with the standard's sub-indication.
    pub fn path_among(
        &self,
        leaf: &Certificate<'_>,
        others: &[&Certificate<'_>],
        at: i64,
        budget: &Budget,
    ) -> Result<Path, NoPath> {
        use SubIndication::CertificateChainGeneralFailure as General;
        let unreadable = || NoPath::new(General, "the signer's certificate cannot be read by OpenSSL");
        let certificate = leaf.openssl().ok_or_else(unreadable)?;
        let exhausted = || {
            let Failure { reason, cause, detail } = Budget::exhausted();
            NoPath { sub_indication: reason, cause, detail }
        };
        let others = self.candidates(leaf, others, budget).ok_or_else(exhausted)?;
        let outcome = self.verify(certificate, &others, at).map_err(|error| NoPath::new(General, error))?;
        let mut path = outcome?;
        let refused = |detail: &str| Err(NoPath::new(SubIndication::ChainConstraintsFailure, detail));
        if path.certificates.len() > 1 && !leaf.has_sound_extensions() {
            return refused("an extension of the signer's certificate stands twice, or cannot be read");
        }
        for der in path.authorities() {
            // OpenSSL lets a certificate pass as an authority that has keyCertSign and no basicConstraints.
            let Some(authority) = Certificate::read(&der).ok().filter(Certificate::is_authority) else {
                return refused("a certificate in the path is not an authority's");
            };
            if !authority.has_sound_extensions() {
                return refused("an extension of an authority's certificate stands twice, or cannot be read");
            }
        }
        path.policies =
            ValidPolicies::of(&path, leaf).map_err(|bad| NoPath::new(SubIndication::ChainConstraintsFailure, bad))?;
        self.check_service(&path, leaf, at)?;
        Ok(path)
    }

    /// Whether the anchor, where it is a service of a trusted list, could be relied on for this at that time
    /// (TS 119 615 § 4.3).
    fn check_service(&self, path: &Path, leaf: &Certificate<'_>, at: i64) -> Result<(), NoPath> {
        let Some(services) = self.services_of(path) else { return Ok(()) };
        if services.iter().any(|listed| listed.service.grants(leaf, at)) {
            if self.word_of_lists(path, leaf, at).kind == Some(CertificateKind::WebSite) {
                let detail = "a trusted list says that the certificate is a web site's";
                return Err(NoPath::new(SubIndication::ChainConstraintsFailure, detail));
            }
            return Ok(());
        }
        let detail = "no trusted list grants the service that issued the certificate for that time";
        Err(NoPath::new(SubIndication::NoCertificateChainFound, detail))
    }

    /// Why it is open whether the anchor of this path could be relied on at that time, though a trusted list grants it: no
    /// list that does was still current, or became stale only lately. Somebody may have withdrawn it since.
    #[must_use]
    pub fn stale(&self, path: &Path, at: i64) -> Option<Failure> {
        let der = path.certificates.first()?.to_der().ok()?;
        let (services, leaf) = (self.services_of(path)?, Certificate::read(&der).ok()?);
        let mut granting = services.iter().filter(|listed| listed.service.grants(&leaf, at)).peekable();
        let territory = granting.peek()?.territory.clone();
        if granting.any(|listed| at <= listed.until) {
            return None;
        }
        let detail =
            format!("the trusted list of {territory} is past its next update: its services may have changed since");
        Some(Failure::because(SubIndication::TryLater, Cause::StaleList, detail))
    }

    fn services_of(&self, path: &Path) -> Option<&[Arc<Listed>]> {
        if self.0.services.is_empty() {
            return None;
        }
        let anchor = fingerprint(path.certificates.last()?).ok()?;
        self.0.services.get(&anchor).map(Vec::as_slice)
    }

    /// What trusted lists say at that time of the certificate at the beginning of this path (TS 119 615 § 4.4). Where
    /// there are lists, what none of their services for qualified certificates issued is not qualified.
    #[must_use]
    pub fn word_of_lists(&self, path: &Path, leaf: &Certificate<'_>, at: i64) -> Word {
        let without = Word { seals: true, ..Word::default() };
        if self.0.lists.is_empty() {
            return without;
        }
        let unconfirmed = Word { qualified: Some(false), ..without };
        let Some(services) = self.services_of(path) else { return unconfirmed };
        let issuers = services.iter().map(|listed| &listed.service);
        let issuers = issuers.filter(|service| service.kind == ServiceKind::Certificates);
        let granted: Vec<_> = issuers.filter_map(|service| Some(&service.granted(at)?.qualifiers)).collect();
        Word::of_services(&granted, leaf, identity::kind(leaf))
    }

    /// Those of `others` that may stand between `leaf` and an anchor, told by name and key identifier: OpenSSL is given
    /// no more than it can need, since it reads all that it is given. None where that is more work than is granted.
    fn candidates<'c, 'a>(
        &self,
        leaf: &Certificate<'_>,
        others: &[&'c Certificate<'a>],
        budget: &Budget,
    ) -> Option<Vec<&'c Certificate<'a>>> {
        let is_new = |other: &Certificate<'_>| !self.is_at_hand(other.der);
        let mut chosen: Vec<&'c Certificate<'a>> = Vec::new();
        let mut wanted = vec![(leaf.issuer, leaf.authority_key_identifier())];
        wanted.extend(self.0.above.iter().map(|issuer| (issuer.as_slice(), None)));
        let mut looked_at = 0;
        while let Some(&(issuer, key)) = wanted.get(looked_at) {
            looked_at += 1;
            let before = chosen.len();
            for other in issuers_among(others, issuer, key, self.0.holders.contains_key(issuer), budget)? {
                let is_known = chosen.iter().any(|one| one.der == other.der);
                if chosen.len() == MAX_CANDIDATES || is_known || !is_new(other) {
                    continue;
                }
                chosen.push(other);
            }
            wanted.extend(chosen[before..].iter().map(|one| (one.issuer, one.authority_key_identifier())));
        }
        let granted =
            budget.take(Work::Paths, 1) && chosen.iter().all(|one| budget.take_verification(one, one.der.len()));
        granted.then_some(chosen)
    }

    fn verify(
        &self,
        leaf: &X509,
        others: &[&Certificate<'_>],
        at: i64,
    ) -> Result<Result<Path, NoPath>, openssl::error::ErrorStack> {
        let mut untrusted = Stack::new()?;
        // The configured ones first: of two that fit, OpenSSL takes the first.
        for other in self.0.intermediates.iter().chain(others.iter().filter_map(|other| other.openssl())) {
            untrusted.push(other.clone())?;
        }
        X509StoreContext::new()?.init(&self.0.store, leaf, &untrusted, |context| {
            store_time::set_time(context, at.div_euclid(1_000_000));
            if context.verify_cert()? {
                let chain = context.chain().into_iter().flatten().map(ToOwned::to_owned).collect();
                return Ok(Ok(Path { certificates: chain, policies: ValidPolicies::default() }));
            }
            let error = context.error();
            let detail = format!("{} (certificate {} of the path)", error.error_string(), context.error_depth() + 1);
            Ok(Err(NoPath::new(sub_indication(error), detail)))
        })
    }
}

impl Path {
    /// The authorities between the first certificate and the anchor (DER), the anchor's nearest last; one that OpenSSL
    /// cannot write is empty, and read by nobody.
    pub(super) fn authorities(&self) -> impl DoubleEndedIterator<Item = Vec<u8>> {
        let below = self.certificates.len().saturating_sub(1);
        self.certificates[..below].iter().skip(1).map(|one| one.to_der().unwrap_or_default())
    }

    /// Whether every certificate of the path was signed, below the anchor, with algorithms good enough at that time.
    ///
    /// # Errors
    /// [`Weak`] names the first that was not; one that cannot be read counts as weak.
    pub fn check_constraints(&self, table: &AlgorithmTable, at: i64) -> Result<(), Weak> {
        const UNKNOWN: Weak = Weak::Key { kind: "unknown", bits: 0 };
        for pair in self.certificates.windows(2) {
            let der = pair[0].to_der().map_err(|_| UNKNOWN)?;
            let certificate = Certificate::read(&der).map_err(|_| UNKNOWN)?;
            let algorithm = SignatureAlgorithm::read(&certificate.signature_algorithm, None).map_err(|_| UNKNOWN)?;
            table.check_signature(&algorithm, &*pair[1].public_key().map_err(|_| UNKNOWN)?, at)?;
        }
        Ok(())
    }
}

/// The certificates of an authority of this name, those with this key identifier first, and none with another.
/// Names that differ in their encoding only count where nobody has the very same (RFC 5280 § 7.1). None where that is
/// more work than is granted.
fn issuers_among<'c, 'a>(
    others: &[&'c Certificate<'a>],
    issuer: &[u8],
    key: Option<&[u8]>,
    is_at_hand: bool,
    budget: &Budget,
) -> Option<Vec<&'c Certificate<'a>>> {
    let mut found: Vec<_> = others.iter().copied().filter(|other| other.subject == issuer).collect();
    if found.is_empty() && !is_at_hand {
        if !budget.take(Work::Readings, others.len() as u64) {
            return None;
        }
        found.extend(others.iter().copied().filter(|other| same_name_within(other.subject, issuer, budget)));
    }
    let identified = |other: &&Certificate<'_>| key.is_some() && other.subject_key_identifier() == key;
    found.retain(|other| key.is_none() || other.subject_key_identifier().is_none_or(|id| Some(id) == key));
    found.sort_by_key(|other| !identified(other));
    found.truncate(MAX_NAMESAKES);
    Some(found)
}

/// The last certificate that is reached from `leaf` by the names of issuers among `known`: its issuer is missing.
pub(super) fn top_of<'c, 'a>(leaf: &'c Certificate<'a>, known: &[&'c Certificate<'a>]) -> &'c Certificate<'a> {
    let mut top = leaf;
    for _ in 0..MAX_DEPTH {
        let issuer = known.iter().find(|one| one.subject == top.issuer && !one.is_self_issued());
        match issuer {
            Some(issuer) if !top.is_self_issued() => top = issuer,
            _ => break,
        }
    }
    top
}

fn fingerprint(certificate: &X509) -> Result<Fingerprint, openssl::error::ErrorStack> {
    Ok(openssl::sha::sha256(&certificate.to_der()?))
}

/// OpenSSL's error in the words of EN 319 102-1 § 5.1.3, table 6.
fn sub_indication(error: X509VerifyResult) -> SubIndication {
    use SubIndication as S;
    match error.as_raw() {
        openssl_sys::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
        | openssl_sys::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        | openssl_sys::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
        | openssl_sys::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
        | openssl_sys::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
        | openssl_sys::X509_V_ERR_CERT_CHAIN_TOO_LONG
        | openssl_sys::X509_V_ERR_CERT_UNTRUSTED
        // A certificate that its supposed issuer did not sign is no link of a chain.
        | openssl_sys::X509_V_ERR_CERT_SIGNATURE_FAILURE => S::NoCertificateChainFound,
        openssl_sys::X509_V_ERR_CERT_HAS_EXPIRED | openssl_sys::X509_V_ERR_CERT_NOT_YET_VALID => S::OutOfBoundsNoPoe,
        openssl_sys::X509_V_ERR_INVALID_CA
        | openssl_sys::X509_V_ERR_INVALID_NON_CA
        | openssl_sys::X509_V_ERR_PATH_LENGTH_EXCEEDED
        | openssl_sys::X509_V_ERR_INVALID_PURPOSE
        | openssl_sys::X509_V_ERR_CERT_REJECTED
        | openssl_sys::X509_V_ERR_KEYUSAGE_NO_CERTSIGN
        | openssl_sys::X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION
        | openssl_sys::X509_V_ERR_PERMITTED_VIOLATION
        | openssl_sys::X509_V_ERR_EXCLUDED_VIOLATION
        | openssl_sys::X509_V_ERR_SUBTREE_MINMAX
        | openssl_sys::X509_V_ERR_INVALID_POLICY_EXTENSION
        | openssl_sys::X509_V_ERR_NO_EXPLICIT_POLICY => S::ChainConstraintsFailure,
        openssl_sys::X509_V_ERR_CERT_REVOKED => S::RevokedNoPoe,
        openssl_sys::X509_V_ERR_EE_KEY_TOO_SMALL
        | openssl_sys::X509_V_ERR_CA_KEY_TOO_SMALL
        | openssl_sys::X509_V_ERR_CA_MD_TOO_WEAK => S::CryptoConstraintsFailure,
        _ => S::CertificateChainGeneralFailure,
    }
}
