//! What a trusted list says of some of a service's certificates (TS 119 612 § 5.5.9): for what the service issues them, and
//! the qualifiers of those that fulfil its criteria.
//!
//! # Why
//! A list has the last word on what a certificate is for and whether it is qualified (TS 119 615 § 4.4): it was written
//! for certificates that do not say, or say it wrong. Of criteria that are not known here, nobody can tell whether
//! they hold: then what takes something away counts, and what gives does not.

use super::asn1::{Reader, tag};
use super::certificate::{Certificate, name_attributes};
use super::identity::CertificateKind;
use super::oid;
use super::xml::{Document, NodeId};

const TSL: &str = "http://uri.etsi.org/02231/v2#";
const QUALIFICATIONS: &str = "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#";
const MORE_CRITERIA: &str = "http://uri.etsi.org/02231/v2/additionaltypes#";
const XADES: &str = "http://uri.etsi.org/01903/v1.3.2#";
/// Criteria within criteria, deeper than this, are no list's.
const MAX_DEPTH: usize = 8;
/// `keyUsage`'s bits as the lists name them (§ 5.5.9.2.2.3).
const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "crlSign",
    "encipherOnly",
    "decipherOnly",
];

/// What is said of a service's certificates.
#[derive(Debug, Clone, Default)]
pub struct Qualifiers {
    /// For what it issues them; empty where the list does not say (§ 5.5.9.4).
    purposes: Vec<CertificateKind>,
    /// Of which it says more.
    qualifications: Vec<Qualification>,
}

#[derive(Debug, Clone)]
struct Qualification {
    /// The last part of each URI, as `QCForESeal`.
    qualifiers: Vec<String>,
    criteria: Criterion,
}

#[derive(Debug, Clone)]
enum Criterion {
    All(Vec<Criterion>),
    AtLeastOne(Vec<Criterion>),
    None(Vec<Criterion>),
    /// A bit of `keyUsage`, and whether it is set.
    KeyUsage(usize, bool),
    /// All of these policies, in dotted form.
    Policies(Vec<String>),
    /// All of these purposes.
    Purposes(Vec<String>),
    /// All of these attributes in the subject.
    Attributes(Vec<String>),
    Unknown,
}

/// What a list says of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Word {
    /// For what it is; none: as it says itself.
    pub kind: Option<CertificateKind>,
    /// Whether it is qualified; none: as it says itself.
    pub qualified: Option<bool>,
    /// Whether seals of this service's certificates count as such.
    pub seals: bool,
}

impl Word {
    /// What the services that issue with one key say together of a certificate that states this kind. It is enough that one
    /// of them issues such certificates; what one of them takes away is away.
    #[must_use]
    pub fn of_services(
        services: &[&Qualifiers],
        certificate: &Certificate<'_>,
        stated: Option<CertificateKind>,
    ) -> Self {
        let words: Vec<Self> = services.iter().map(|service| service.of(certificate)).collect();
        let kind = words.iter().find_map(|word| word.kind);
        let issued = match kind.or(stated) {
            None => !services.is_empty(),
            Some(kind) => services.iter().any(|service| service.issues(kind)),
        };
        let said = |qualified| words.iter().any(|word| word.qualified == Some(qualified));
        let qualified = if !issued || said(false) { Some(false) } else { said(true).then_some(true) };
        Self { kind, qualified, seals: words.iter().any(|word| word.seals) }
    }
}

impl Qualifiers {
    /// Reads the extensions of a service, or of an instance of its past.
    #[must_use]
    pub fn read(document: &Document<'_>, instance: NodeId) -> Self {
        let mut read = Self::default();
        let Some(extensions) = document.child(instance, TSL, "ServiceInformationExtensions") else { return read };
        for node in extensions + 1..document.end(extensions) {
            if document.is(node, TSL, "AdditionalServiceInformation") {
                let uri = document.child(node, TSL, "URI").map(|uri| document.text(uri));
                read.purposes.extend(match last_part(uri.as_deref().unwrap_or_default()) {
                    "ForeSignatures" => Some(CertificateKind::Signature),
                    "ForeSeals" => Some(CertificateKind::Seal),
                    "ForWebSiteAuthentication" => Some(CertificateKind::WebSite),
                    _ => None,
                });
            } else if document.is(node, QUALIFICATIONS, "QualificationElement") {
                let inside = node + 1..document.end(node);
                let qualifiers = inside.filter(|&one| document.is(one, QUALIFICATIONS, "Qualifier"));
                let uri = |one: NodeId| Some(last_part(document.attribute(one, "uri")?).to_owned());
                let criteria = document.child(node, QUALIFICATIONS, "CriteriaList");
                read.qualifications.push(Qualification {
                    qualifiers: qualifiers.filter_map(uri).collect(),
                    criteria: criteria.map_or(Criterion::Unknown, |list| criterion(document, list, 0)),
                });
            }
        }
        read
    }

    /// What is said of this certificate.
    #[must_use]
    pub fn of(&self, certificate: &Certificate<'_>) -> Word {
        let listed_for = |kind| self.purposes.is_empty() || self.purposes.contains(&kind);
        let mut word = Word { seals: listed_for(CertificateKind::Seal), ..Word::default() };
        let mut kinds = Vec::new();
        let mut taken = false;
        for qualification in &self.qualifications {
            let holds = qualification.criteria.holds(certificate);
            for qualifier in &qualification.qualifiers {
                match (qualifier.as_str(), holds) {
                    ("NotQualified", Some(true) | None) => taken = true,
                    ("QCForWSA", Some(true) | None) => kinds.push(CertificateKind::WebSite),
                    ("QCStatement", Some(true)) => word.qualified = Some(true),
                    ("QCForESig", Some(true)) => kinds.push(CertificateKind::Signature),
                    ("QCForESeal", Some(true)) => kinds.push(CertificateKind::Seal),
                    _ => {}
                }
            }
        }
        kinds.dedup();
        // Two words that contradict each other are none, and what is contradicted is not qualified (TS 119 615 § 4.4.4).
        match kinds[..] {
            [] => {}
            [kind] => word.kind = Some(kind),
            _ => taken = true,
        }
        word.seals |= word.kind == Some(CertificateKind::Seal);
        if taken {
            word.qualified = Some(false);
        }
        word
    }

    /// Whether the service issues qualified certificates of this kind, by what the list says.
    #[must_use]
    pub fn issues(&self, kind: CertificateKind) -> bool {
        self.purposes.is_empty() || self.purposes.contains(&kind)
    }
}

fn criterion(document: &Document<'_>, list: NodeId, depth: usize) -> Criterion {
    if depth == MAX_DEPTH {
        return Criterion::Unknown;
    }
    let mut all = Vec::new();
    for node in document.child_elements(list) {
        let of = |name: &str| document.is(node, QUALIFICATIONS, name);
        if of("KeyUsage") {
            all.extend(document.child_elements(node).map(|bit| key_usage(document, bit)));
        } else if of("PolicySet") {
            all.push(Criterion::Policies(identifiers(document, node)));
        } else if of("CriteriaList") {
            all.push(criterion(document, node, depth + 1));
        } else if of("otherCriteriaList") {
            all.extend(document.child_elements(node).map(|other| {
                if document.is(other, MORE_CRITERIA, "ExtendedKeyUsage") {
                    Criterion::Purposes(identifiers(document, other))
                } else if document.is(other, MORE_CRITERIA, "CertSubjectDNAttribute") {
                    Criterion::Attributes(identifiers(document, other))
                } else {
                    Criterion::Unknown
                }
            }));
        } else if !of("Description") {
            all.push(Criterion::Unknown);
        }
    }
    match document.attribute(list, "assert") {
        Some("all") => Criterion::All(all),
        Some("atLeastOne") => Criterion::AtLeastOne(all),
        Some("none") => Criterion::None(all),
        _ => Criterion::Unknown,
    }
}

fn key_usage(document: &Document<'_>, bit: NodeId) -> Criterion {
    let name = document.attribute(bit, "name").unwrap_or_default();
    let place = KEY_USAGES.iter().position(|known| known.eq_ignore_ascii_case(name));
    match (place, document.text(bit).trim()) {
        (Some(place), "true" | "1") => Criterion::KeyUsage(place, true),
        (Some(place), "false" | "0") => Criterion::KeyUsage(place, false),
        _ => Criterion::Unknown,
    }
}

/// The object identifiers below a node, in dotted form.
fn identifiers(document: &Document<'_>, node: NodeId) -> Vec<String> {
    let inside = (node + 1..document.end(node)).filter(|&one| document.is(one, XADES, "Identifier"));
    inside.map(|one| document.text(one).trim().trim_start_matches("urn:oid:").to_owned()).collect()
}

fn last_part(uri: &str) -> &str {
    uri.trim().rsplit('/').next().unwrap_or_default()
}

impl Criterion {
    /// Whether it holds; none where that cannot be told.
    fn holds(&self, certificate: &Certificate<'_>) -> Option<bool> {
        let each = |all: &[Self]| -> Vec<Option<bool>> { all.iter().map(|one| one.holds(certificate)).collect() };
        match self {
            Self::All(all) => every(&each(all)),
            Self::AtLeastOne(all) => any(&each(all)),
            Self::None(all) => any(&each(all)).map(|any| !any),
            Self::KeyUsage(place, set) => Some(has_key_usage(certificate, *place) == *set),
            Self::Policies(wanted) => {
                let stated: Vec<String> = certificate.policies().map(oid::dotted).collect();
                Some(wanted.iter().all(|policy| stated.contains(policy)))
            }
            Self::Purposes(wanted) => {
                let value = certificate.extension(oid::EXTENDED_KEY_USAGE).map_or(&[][..], |extension| extension.value);
                let mut list = Reader::new(value).sequence().unwrap_or(Reader::new(&[]));
                let stated: Vec<String> = std::iter::from_fn(|| list.oid().ok()).map(oid::dotted).collect();
                Some(wanted.iter().all(|purpose| stated.contains(purpose)))
            }
            Self::Attributes(wanted) => {
                let stated: Vec<String> =
                    name_attributes(certificate.subject).map(|(oid, _)| oid::dotted(oid)).collect();
                Some(wanted.iter().all(|attribute| stated.contains(attribute)))
            }
            Self::Unknown => None,
        }
    }
}

fn every(all: &[Option<bool>]) -> Option<bool> {
    if all.contains(&Some(false)) {
        return Some(false);
    }
    (!all.contains(&None)).then_some(true)
}

fn any(all: &[Option<bool>]) -> Option<bool> {
    if all.contains(&Some(true)) {
        return Some(true);
    }
    (!all.contains(&None)).then_some(false)
}

fn has_key_usage(certificate: &Certificate<'_>, place: usize) -> bool {
    let Some(extension) = certificate.extension(oid::KEY_USAGE) else { return false };
    let Ok(usage) = Reader::new(extension.value).expect(tag::BIT_STRING) else { return false };
    // The first octet counts unused bits.
    usage.content.get(1 + place / 8).is_some_and(|octet| octet & (0x80 >> (place % 8)) != 0)
}
