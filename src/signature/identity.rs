//! Who signed: what a certificate's names say of a person, an organization, or both.
//!
//! # Why
//! An identifier is believed where a standard or a known issuer puts it, and only beside the name of the person whose it
//! is; from a common name only in the forms of [`issuer_forms`]. Where two places name two persons, nobody is known.
//! An organization's certificate is its seal only where it says so: the same names stand in a web server's.
//!
//! Sources: EN 319 412-1 § 5.1 (semantics of identifiers), EN 319 412-2 and -3 (natural and legal persons),
//! EN 319 412-5 (`QCStatements`), and the Spanish profiles: FNMT's older `subjectAltName`, and the administration's
//! "Perfiles de certificados" (seals and public employees, arc 2.16.724.1.3.5).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asn1::{Element, Reader, tag};
use super::certificate::{Certificate, name_attributes};
use super::identifier::{self, IdType, Identifier};
use super::{issuer_forms, oid};
use crate::domain::{self, Country, Identity};

/// Who signed, as the certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Signer {
    /// The person's name, given name first; the common name where it is not told apart; the organization's for a seal.
    #[schema(example = "Ana García López")]
    pub name: String,
    /// What kind of identifier `id` is; null where the certificate has none that is known.
    pub id_type: Option<IdType>,
    /// The identifier of the person, or of the organization for a seal.
    #[schema(example = "00000000T")]
    pub id: Option<String>,
    /// The country that gave the identifier, where it is not Spain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "PT")]
    pub id_country: Option<String>,
    /// Whom the person represents or works for, or whose seal it is.
    pub organization: Option<Organization>,
    /// Whether the certificate states that it is qualified (EN 319 412-5 § 4.2.1) and, where the registry has trusted
    /// lists, one of them confirms it for the time of signing.
    pub qualified: bool,
    /// Whether it is an organization's seal and no person's signature.
    #[serde(default)]
    pub seal: bool,
    /// The given name, where the certificate tells it apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The surnames, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surnames: Option<String>,
}

/// A legal person or body that a certificate names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// Its tax identifier.
    #[schema(example = "B12345674")]
    pub id: Option<String>,
    /// The country that gave the identifier, where it is not Spain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "AT")]
    pub id_country: Option<String>,
    /// Its name.
    #[schema(example = "Obras del Sur, S. L.")]
    pub name: Option<String>,
}

impl Signer {
    /// Who it is, country and all; none where the certificate does not say, or says what no identifier is.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        let id_type = match self.id_type? {
            IdType::Nif => domain::IdType::Nif,
            IdType::Nie => domain::IdType::Nie,
            IdType::Cif => domain::IdType::Cif,
            IdType::Passport => domain::IdType::Passport,
            IdType::Other => domain::IdType::Other,
        };
        identity(id_type, self.id_country.as_deref(), self.id.as_deref()?)
    }
}

impl Organization {
    /// Who it is, country and all; none where the certificate does not say.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        let id = self.id.as_deref()?;
        let told = self.id_country.is_none().then(|| domain::identifier::tell(id)).flatten();
        identity(told.unwrap_or(domain::IdType::Other), self.id_country.as_deref(), id)
    }
}

fn identity(id_type: domain::IdType, country: Option<&str>, id: &str) -> Option<Identity> {
    let country: Country = country.map_or(Ok(Country::SPAIN), str::parse).ok()?;
    Identity::new(id_type, Some(country), id).ok()
}

/// What a certificate is for (EN 319 412-5 § 4.2.3), as itself says or a trusted list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateKind {
    /// A natural person's signatures.
    Signature,
    /// A legal person's seals.
    Seal,
    /// A web site.
    WebSite,
}

/// What the names of a certificate say, gathered before it is weighed.
#[derive(Default)]
struct Names {
    common_name: Option<String>,
    country: Option<String>,
    given_name: Option<String>,
    surname: Option<String>,
    second_surname: Option<String>,
    serial_number: Option<String>,
    pseudonym: Option<String>,
    organization: Option<String>,
    organization_identifier: Option<String>,
    person_id: Option<String>,
    entity_id: Option<String>,
    /// Whether the alternative names are those of the administration's seals.
    administration_seal: bool,
}

/// Reads who signed from a certificate. Never fails: what is missing stays empty.
#[must_use]
pub fn signer(certificate: &Certificate<'_>) -> Signer {
    signer_as(certificate, None)
}

/// The same where a trusted list says what the certificate is for.
#[must_use]
pub fn signer_as(certificate: &Certificate<'_>, kind: Option<CertificateKind>) -> Signer {
    let mut names = Names::default();
    for (oid, value) in name_attributes(certificate.subject) {
        names.subject(oid, value);
    }
    if let Some(extension) = certificate.extension(oid::SUBJECT_ALT_NAME) {
        names.alternative(extension.value);
    }
    let (qualified, stated) = qualified_statements(certificate);
    let by_policy = || names.administration_seal || certificate.policies().any(is_seal_policy);
    let kind = kind.or(stated).or_else(|| by_policy().then_some(CertificateKind::Seal));
    names.weigh(qualified, kind == Some(CertificateKind::Seal))
}

/// For what the certificate states that it is.
#[must_use]
pub fn kind(certificate: &Certificate<'_>) -> Option<CertificateKind> {
    qualified_statements(certificate).1
}

/// Whether the certificate states that it is a web site's and nobody's signature.
#[must_use]
pub fn is_for_a_web_site(certificate: &Certificate<'_>) -> bool {
    kind(certificate) == Some(CertificateKind::WebSite)
}

/// Whether certificates of this policy are for seals: EN 319 411-2 § 5.3 (QCP-l), and the administration's profiles
/// (Perfiles de certificados electrónicos 2.0, § 8: kinds 2, before 2016, and 6 of its arc).
fn is_seal_policy(policy: &[u8]) -> bool {
    [oid::POLICY_QCP_L, oid::POLICY_QCP_L_QSCD].contains(&policy)
        || policy.strip_prefix(oid::SPANISH_ADMINISTRATION).is_some_and(|rest| matches!(rest, [2 | 6, _]))
}

impl Names {
    fn subject(&mut self, oid: &[u8], value: Element<'_>) {
        let slot = match oid {
            oid::COMMON_NAME => &mut self.common_name,
            oid::COUNTRY => &mut self.country,
            oid::GIVEN_NAME => &mut self.given_name,
            oid::SURNAME => &mut self.surname,
            oid::SERIAL_NUMBER => &mut self.serial_number,
            oid::PSEUDONYM => &mut self.pseudonym,
            oid::ORGANIZATION => &mut self.organization,
            oid::ORGANIZATION_IDENTIFIER => &mut self.organization_identifier,
            _ => return,
        };
        fill(slot, value);
    }

    /// Directory names in the `subjectAltName`: FNMT's and the administration's, which older certificates have
    /// instead of the European attributes.
    fn alternative(&mut self, extension: &[u8]) {
        let Ok(mut list) = Reader::new(extension).sequence() else { return };
        while let Ok(general_name) = list.element() {
            if general_name.tag != tag::context_constructed(4) {
                continue;
            }
            for (oid, value) in name_attributes(general_name.content) {
                if let Some(&[field]) = oid.strip_prefix(oid::FNMT) {
                    match field {
                        1 => fill(&mut self.given_name, value),
                        2 => fill(&mut self.surname, value),
                        3 => fill(&mut self.second_surname, value),
                        4 => fill(&mut self.person_id, value),
                        6 => fill(&mut self.organization, value),
                        7 => fill(&mut self.entity_id, value),
                        _ => {}
                    }
                } else if let Some(&[kind, _level, field]) = oid.strip_prefix(oid::SPANISH_ADMINISTRATION) {
                    // Kinds 3 and 7 are public employees, 2 and 6 seals (old and new numbering).
                    let employee = matches!(kind, 3 | 7);
                    self.administration_seal |= matches!(kind, 2 | 6);
                    match field {
                        2 => fill(&mut self.organization, value),
                        3 => fill(&mut self.entity_id, value),
                        4 if employee => fill(&mut self.person_id, value),
                        6 if employee => fill(&mut self.given_name, value),
                        7 if employee => fill(&mut self.surname, value),
                        8 if employee => fill(&mut self.second_surname, value),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Whether bare identifiers are Spain's: those of Spanish issuers' subjects.
    fn is_spanish(&self) -> bool {
        self.country.as_deref().is_some_and(|country| country.eq_ignore_ascii_case("ES"))
    }

    /// An identifier that says whose it is; a bare one where the subject is Spain's.
    fn read(&self, text: Option<&String>) -> Option<Identifier> {
        let text = text?;
        identifier::semantic(text).or_else(|| self.is_spanish().then(|| identifier::spanish_alone(text)).flatten())
    }

    /// The person whose names stand in the certificate. EN 319 412-2 § 4.2.4 asks for a given name or a surname beside
    /// an identifier of the standard; Spanish issuers, who write it bare, give both.
    fn person(&self, surnames: Option<&String>) -> Option<Identifier> {
        let (given_name, surnames) = match (&self.given_name, surnames) {
            (Some(given_name), Some(surnames)) => (given_name, surnames),
            (None, None) => return None,
            _ => return self.serial_number.as_deref().and_then(identifier::semantic).filter(is_persons),
        };
        let serial = self.read(self.serial_number.as_ref()).filter(is_persons);
        let alternative = self.person_id.as_deref();
        let alternative = alternative.and_then(|id| identifier::semantic(id).or_else(|| identifier::spanish_alone(id)));
        match (serial, alternative.filter(is_persons)) {
            (Some(one), Some(other)) => (one == other).then_some(one),
            (Some(only), None) | (None, Some(only)) => Some(only),
            (None, None) => {
                let read = issuer_forms::read(self.common_name.as_deref()?).filter(|_| self.is_spanish())?;
                issuer_forms::names_person(read.name, given_name, surnames).then_some(read.id)
            }
        }
    }

    /// The legal person or body that the certificate names.
    fn entity(&self) -> Option<Identifier> {
        let alternative = || {
            let id = self.entity_id.as_deref()?;
            identifier::semantic(id).or_else(|| identifier::spanish_alone(id))
        };
        let serial = || self.read(self.serial_number.as_ref()).filter(|id| id.id_type == IdType::Cif);
        self.read(self.organization_identifier.as_ref()).or_else(alternative).or_else(serial)
    }

    fn weigh(self, qualified: bool, seal: bool) -> Signer {
        let surnames = match (self.surname.clone(), self.second_surname.clone()) {
            // Both surnames stand together in the European attribute: the second is not said twice.
            (Some(first), Some(second)) if !first.ends_with(&second) => Some(format!("{first} {second}")),
            (first, second) => first.or(second),
        };
        let (person, entity) = (self.person(surnames.as_ref()), self.entity());
        let common_name = self.common_name.unwrap_or_default();
        let names_a_person = self.given_name.is_some() || surnames.is_some() || self.pseudonym.is_some();
        let names_an_organization = entity.is_some() || self.organization.is_some();
        let organization = names_an_organization.then(|| Organization {
            id: entity.as_ref().map(|entity| entity.id.clone()),
            id_country: entity.as_ref().and_then(|entity| entity.country.clone()),
            name: self.organization.clone(),
        });
        let name = match (&self.given_name, &surnames) {
            _ if seal || (names_an_organization && !names_a_person) => self.organization.unwrap_or(common_name),
            (Some(given), Some(surnames)) => format!("{given} {surnames}"),
            _ if !common_name.is_empty() => common_name,
            (Some(name), None) | (None, Some(name)) => name.clone(),
            (None, None) => self.pseudonym.unwrap_or_default(),
        };
        let id = if seal { entity } else { person };
        Signer {
            name,
            id_type: id.as_ref().map(|id| id.id_type),
            id_country: id.as_ref().and_then(|id| id.country.clone()),
            id: id.map(|id| id.id),
            organization,
            qualified,
            seal,
            given_name: self.given_name,
            surnames,
        }
    }
}

/// Whether an identifier can be a natural person's.
fn is_persons(id: &Identifier) -> bool {
    id.id_type != IdType::Cif
}

/// Keeps the first value: the subject's own attributes come before the alternative names.
fn fill(slot: &mut Option<String>, value: Element<'_>) {
    let text = value.text();
    let text = text.trim();
    if slot.is_none() && !text.is_empty() {
        *slot = Some(text.to_owned());
    }
}

/// Whether the certificate states that it is qualified, and for what (EN 319 412-5 § 4.2.1 and 4.2.3). One that states
/// several is taken for signatures: it is nobody's seal by half.
fn qualified_statements(certificate: &Certificate<'_>) -> (bool, Option<CertificateKind>) {
    let (mut qualified, mut kinds) = (false, Vec::new());
    let Some(extension) = certificate.extension(oid::QC_STATEMENTS) else { return (false, None) };
    let Ok(mut statements) = Reader::new(extension.value).sequence() else { return (false, None) };
    while let Ok(mut statement) = statements.sequence() {
        match statement.oid() {
            Ok(oid::QC_COMPLIANCE) => qualified = true,
            Ok(oid::QC_TYPE) => {
                let mut types = statement.sequence().unwrap_or(Reader::new(&[]));
                while let Ok(name) = types.oid() {
                    kinds.extend(match name {
                        oid::QC_TYPE_ESIGN => Some(CertificateKind::Signature),
                        oid::QC_TYPE_ESEAL => Some(CertificateKind::Seal),
                        oid::QC_TYPE_WEB => Some(CertificateKind::WebSite),
                        _ => None,
                    });
                }
            }
            _ => {}
        }
    }
    kinds.dedup();
    let kind = match kinds[..] {
        [] => None,
        [only] => Some(only),
        _ => Some(CertificateKind::Signature),
    };
    (qualified, kind)
}
