//! Trusted lists (ETSI TS 119 612): which services a state supervises, and since when each had which status.
//!
//! # Why
//! A list is believed for its signature alone, judged by the room's own XAdES as of the time at which the list says it
//! was issued: so a list stays readable when the certificate of whoever signs lists is renewed. It must be signed whole,
//! since a part of it can be signed while another is read. Services are anchors for as long as their status says so:
//! a signature of 2015 is judged by the status of 2015.
//!
//! A list says only how things stood when it was issued, so of several of one territory the newest alone counts (an older
//! one grants what the newer withdrew), and what a list grants for a time after its next update is open. Who signs it is
//! one of the certificates that the administrator named, not somebody whom one of them certified, and of the list's own
//! country (§ 5.7.1): a list signer of one state says nothing about another.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use openssl::nid::Nid;
use openssl::x509::X509;

use super::certificate::Certificate;
use super::chain::Anchors;
use super::list_qualifiers::Qualifiers;
use super::policy::{Policy, RevocationMode};
use super::purpose::Use;
use super::xml::{Document, NodeId, encoding, read};
use super::{judge_file, verdict::Verdict};

const TSL: &str = "http://uri.etsi.org/02231/v2#";
/// TS 119 612 § 5.5.1.1: the kinds of service that sign what is judged here.
const CA_QC: &str = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC";
const TSA_QTST: &str = "http://uri.etsi.org/TrstSvc/Svctype/TSA/QTST";
/// § 5.5.4 and annex J: the statuses of a service that may be relied on, before and since Regulation (EU) 910/2014.
const GRANTED: [&str; 4] = ["granted", "undersupervision", "supervisionincessation", "accredited"];
/// § 5.3.15: the next issue comes within six months; here in days, with a few to spare. A list that says later is current no
/// longer than that.
const MAX_CURRENT: i64 = 190 * 86_400_000_000;
/// Territories whose code is not the one of ISO 3166-1 in certificates (§ 5.3.10).
const ALIASES: [(&str, &str); 2] = [("EL", "GR"), ("UK", "GB")];
/// More services, or certificates of one, than this are no list.
const MAX_SERVICES: usize = 20_000;

/// Why a list is not believed, or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It is no XML, or no trusted list.
    #[error("it is no trusted list: {0}")]
    Malformed(String),
    /// Its signature does not hold, does not cover all of it, or is nobody's who may sign lists.
    #[error("its signature is not to be believed: {0}")]
    Signature(String),
}

/// What a service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceKind {
    /// Issues qualified certificates (CA/QC).
    Certificates,
    /// Issues qualified timestamps (TSA/QTST).
    Timestamps,
}

/// A service, by its certificates, and what it was allowed to since when.
#[derive(Debug, Clone)]
pub struct Service {
    /// What it does.
    pub kind: ServiceKind,
    /// Its certificates.
    pub certificates: Vec<X509>,
    /// What it was allowed to and issued, in the order of time.
    pub history: Vec<Instance>,
}

/// A service from some time on.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Since when, in microseconds since 1970 UTC.
    pub since: i64,
    /// Whether it could be relied on.
    pub granted: bool,
    /// What the list says of its certificates.
    pub qualifiers: Qualifiers,
}

impl Service {
    /// Whether it could be relied on at that time.
    #[must_use]
    pub fn was_granted(&self, at: i64) -> bool {
        self.granted(at).is_some()
    }

    /// Whether it could be relied on at that time for the holder of this certificate: one for timestamps only for who makes
    /// such.
    pub(super) fn grants(&self, leaf: &Certificate<'_>, at: i64) -> bool {
        (self.kind == ServiceKind::Certificates || leaf.may_stamp_time()) && self.was_granted(at)
    }

    /// What it was at that time, if it could be relied on.
    #[must_use]
    pub fn granted(&self, at: i64) -> Option<&Instance> {
        self.history.iter().rev().find(|instance| instance.since <= at).filter(|instance| instance.granted)
    }
}

/// A list that is believed.
#[derive(Debug, Clone)]
pub struct TrustedList {
    /// Whose it is, such as `ES`.
    pub territory: String,
    /// Which issue of it, from 1 (§ 5.3.2).
    pub sequence: u64,
    /// When it was issued, in microseconds since 1970 UTC.
    pub issued_at: i64,
    /// When the next is issued at the latest; none for a closed list.
    pub next_update: Option<i64>,
    /// Its services of the kinds that are known here.
    pub services: Vec<Service>,
}

impl TrustedList {
    /// Reads a list that one of `signers` signed.
    ///
    /// # Errors
    /// [`ListError`] says why it is not believed.
    pub fn read(bytes: &[u8], signers: &[X509]) -> Result<Self, ListError> {
        let malformed = |reason: &dyn std::fmt::Display| ListError::Malformed(reason.to_string());
        let text = encoding::decode(bytes).map_err(|error| malformed(&error))?;
        let document = read(&text).map_err(|error| malformed(&error))?;
        let root = document.root_element();
        if !document.is(root, TSL, "TrustServiceStatusList") {
            return Err(malformed(&"the root is not TrustServiceStatusList"));
        }
        let list = List(&document);
        let scheme = list.child(root, "SchemeInformation")?;
        let issued_at = time(&list.text(scheme, "ListIssueDateTime")?)?;
        let territory = list.text(scheme, "SchemeTerritory")?.to_ascii_uppercase();
        let signer = verify_list_signature(bytes, signers, issued_at)?;
        if !is_of(&signer, &territory) {
            let reason = format!("whoever signed it is not of {territory}, whose list it says it is");
            return Err(ListError::Signature(reason));
        }
        let sequence = list.text(scheme, "TSLSequenceNumber")?;
        let sequence = sequence.parse().map_err(|_| malformed(&format!("{sequence:?} is no sequence number")))?;

        let next = document.child(scheme, TSL, "NextUpdate").and_then(|node| document.child(node, TSL, "dateTime"));
        let next_update = next.map(|node| time(&document.text(node))).transpose()?;
        if next_update.is_some_and(|next| next < issued_at) {
            return Err(malformed(&"its next update is before its issue"));
        }
        let services = list.services(root)?;
        Ok(Self { territory, sequence, issued_at, next_update, services })
    }

    /// Until when what it says can be taken for how things stand, in microseconds since 1970 UTC; for ever for a closed
    /// list.
    #[must_use]
    pub fn current_until(&self) -> i64 {
        self.next_update.map_or(i64::MAX, |next| next.min(self.issued_at.saturating_add(MAX_CURRENT)))
    }

    /// Which of two of one territory is the newer: by sequence, then by time of issue.
    fn age(&self) -> (u64, i64) {
        (self.sequence, self.issued_at)
    }
}

/// The newest list of each territory, and all others.
#[must_use]
pub fn newest(lists: Vec<TrustedList>) -> (Vec<TrustedList>, Vec<TrustedList>) {
    let (mut newest, mut superseded) = (BTreeMap::<String, TrustedList>::new(), Vec::new());
    for list in lists {
        match newest.entry(list.territory.clone()) {
            Entry::Vacant(place) => drop(place.insert(list)),
            Entry::Occupied(mut place) if list.age() > place.get().age() => superseded.push(place.insert(list)),
            Entry::Occupied(_) => superseded.push(list),
        }
    }
    (newest.into_values().collect(), superseded)
}

/// Whether a certificate is of this territory, by its country. The lists of lists are the Union's, and grant nothing.
fn is_of(signer: &X509, territory: &str) -> bool {
    let country = ALIASES.iter().find(|(alias, _)| *alias == territory).map_or(territory, |(_, country)| country);
    let stated = signer.subject_name().entries_by_nid(Nid::COUNTRYNAME);
    let mut stated = stated.filter_map(|entry| entry.data().to_string().ok());
    territory == "EU"
        || stated.any(|stated| stated.eq_ignore_ascii_case(country) || stated.eq_ignore_ascii_case(territory))
}

/// Which of `signers` signed the whole of a list, as of the time at which it says it was issued: one of them itself, and
/// nobody whom they certified.
///
/// # Errors
/// [`ListError::Signature`] says why none.
pub fn verify_list_signature(bytes: &[u8], signers: &[X509], issued_at: i64) -> Result<X509, ListError> {
    let refused = |reason: &dyn std::fmt::Display| ListError::Signature(reason.to_string());
    let anchors = Anchors::new(signers.to_vec(), Vec::new()).map_err(|error| refused(&error))?;
    let policy = Policy { revocation: RevocationMode::Off, signed: Use::TrustedLists, ..Policy::new(anchors) };
    let verdicts = judge_file(bytes, None, "list", issued_at, &policy);
    let believed = |verdict: &&Verdict| verdict.passed() && verdict.covers_whole_file == Some(true);
    let by = |verdict: &Verdict| {
        let sha256 = verdict.certificate_sha256.as_deref()?;
        let is_it = |signer: &&X509| signer.to_der().is_ok_and(|der| hex::encode(openssl::sha::sha256(&der)) == sha256);
        signers.iter().find(is_it).cloned()
    };
    let mut good = verdicts.iter().filter(believed).peekable();
    if good.peek().is_some() {
        let detail =
            "it was signed by somebody whom a certificate in the folder certified, and not with that certificate";
        return good.find_map(by).ok_or_else(|| refused(&detail));
    }
    let first = verdicts.first();
    let detail = first.and_then(|verdict| verdict.detail.as_deref()).unwrap_or("it does not cover the whole list");
    Err(refused(&detail))
}

struct List<'d, 'a>(&'d Document<'a>);

impl List<'_, '_> {
    fn child(&self, node: NodeId, name: &str) -> Result<NodeId, ListError> {
        self.0.child(node, TSL, name).ok_or_else(|| ListError::Malformed(format!("there is no {name}")))
    }

    fn text(&self, node: NodeId, name: &str) -> Result<String, ListError> {
        self.child(node, name).map(|node| self.0.text(node).trim().to_owned())
    }

    /// The elements of this name below a node.
    fn all(&self, node: NodeId, name: &str) -> impl Iterator<Item = NodeId> {
        (node + 1..self.0.end(node)).filter(move |&inner| self.0.is(inner, TSL, name))
    }

    fn services(&self, root: NodeId) -> Result<Vec<Service>, ListError> {
        let mut services = Vec::new();
        // Only below the providers: a list may carry pointers to others, and they services of their own.
        let Some(providers) = self.0.child(root, TSL, "TrustServiceProviderList") else { return Ok(services) };
        for node in self.all(providers, "TSPService") {
            if services.len() == MAX_SERVICES {
                return Err(ListError::Malformed("there are too many services".into()));
            }
            services.extend(self.service(node)?);
        }
        Ok(services)
    }

    /// A service; none of a kind that is of no use here.
    fn service(&self, node: NodeId) -> Result<Option<Service>, ListError> {
        let information = self.child(node, "ServiceInformation")?;
        let Some(kind) = self.kind(information)? else { return Ok(None) };
        let mut history = vec![self.instance(information)?];
        if let Some(past) = self.0.child(node, TSL, "ServiceHistory") {
            for instance in self.all(past, "ServiceHistoryInstance") {
                // A service may have been of another kind before.
                let mut before = self.instance(instance)?;
                before.granted &= self.kind(instance)? == Some(kind);
                history.push(before);
            }
        }
        let history = in_order(history);
        let identity = self.child(information, "ServiceDigitalIdentity")?;
        let certificates = self.all(identity, "X509Certificate").filter_map(|node| self.certificate(node)).collect();
        Ok(Some(Service { kind, certificates, history }))
    }

    fn kind(&self, instance: NodeId) -> Result<Option<ServiceKind>, ListError> {
        Ok(match self.text(instance, "ServiceTypeIdentifier")?.as_str() {
            CA_QC => Some(ServiceKind::Certificates),
            TSA_QTST => Some(ServiceKind::Timestamps),
            _ => None,
        })
    }

    fn instance(&self, instance: NodeId) -> Result<Instance, ListError> {
        let status = self.text(instance, "ServiceStatus")?;
        let name = status.rsplit('/').next().unwrap_or_default();
        Ok(Instance {
            since: time(&self.text(instance, "StatusStartingTime")?)?,
            granted: GRANTED.contains(&name),
            qualifiers: Qualifiers::read(self.0, instance),
        })
    }

    /// A certificate that can be read; one that cannot anchors nothing, and spoils no other.
    fn certificate(&self, node: NodeId) -> Option<X509> {
        let text = self.0.text(node);
        let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        X509::from_der(&STANDARD.decode(compact).ok()?).ok()
    }
}

/// What a service was, the oldest first, of what the list says with the newest first (§ 5.6). What is said to have begun
/// after what follows it contradicts that: it has no time of its own, and the two grant only what both do.
fn in_order(newest_first: Vec<Instance>) -> Vec<Instance> {
    let mut ordered: Vec<Instance> = Vec::with_capacity(newest_first.len());
    for instance in newest_first {
        match ordered.last_mut() {
            Some(next) if next.since < instance.since => next.granted &= instance.granted,
            _ => ordered.push(instance),
        }
    }
    ordered.reverse();
    ordered
}

fn time(text: &str) -> Result<i64, ListError> {
    let time = DateTime::parse_from_rfc3339(text.trim());
    time.map(|time| time.timestamp_micros()).map_err(|_| ListError::Malformed(format!("{text:?} is no time")))
}
