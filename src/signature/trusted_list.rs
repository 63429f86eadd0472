//! Trusted lists (ETSI TS 119 612): which services a state supervises, and since when each had which status.
//!
//! # Why
//! A list is believed for its signature alone, judged by the room's own XAdES as of the time at which the list says it
//! was issued: so a list stays readable when the certificate of whoever signs lists is renewed. It must be signed whole,
//! since a part of it can be signed while another is read. Services are anchors for as long as their status says so:
//! a signature of 2015 is judged by the status of 2015.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use openssl::x509::X509;

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
        verify_list_signature(bytes, signers, issued_at)?;

        let next = document.child(scheme, TSL, "NextUpdate").and_then(|node| document.child(node, TSL, "dateTime"));
        let next_update = next.map(|node| time(&document.text(node))).transpose()?;
        let territory = list.text(scheme, "SchemeTerritory")?;
        let services = list.services(root)?;
        Ok(Self { territory, issued_at, next_update, services })
    }
}

/// Whether one of `signers` signed the whole of a list, as of the time at which it says it was issued.
///
/// # Errors
/// [`ListError::Signature`] says why not.
pub fn verify_list_signature(bytes: &[u8], signers: &[X509], issued_at: i64) -> Result<(), ListError> {
    let refused = |reason: &dyn std::fmt::Display| ListError::Signature(reason.to_string());
    let anchors = Anchors::new(signers.to_vec(), Vec::new()).map_err(|error| refused(&error))?;
    let policy = Policy { revocation: RevocationMode::Off, signed: Use::TrustedLists, ..Policy::new(anchors) };
    let verdicts = judge_file(bytes, None, "list", issued_at, &policy);
    let believed = |verdict: &&Verdict| verdict.passed() && verdict.covers_whole_file == Some(true);
    if verdicts.iter().any(|verdict| believed(&verdict)) {
        return Ok(());
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
        // Of two instances of one time the newer stands first in the list.
        history.reverse();
        history.sort_by_key(|instance| instance.since);
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

fn time(text: &str) -> Result<i64, ListError> {
    let time = DateTime::parse_from_rfc3339(text.trim());
    time.map(|time| time.timestamp_micros()).map_err(|_| ListError::Malformed(format!("{text:?} is no time")))
}
