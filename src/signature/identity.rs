//! Who signed: what a certificate's names say of a person, an organization, or both.
//!
//! Sources: EN 319 412-1 § 5.1 (semantics of identifiers), EN 319 412-2 and -3 (natural and legal persons),
//! EN 319 412-5 (`QCStatements`), and the Spanish profiles: FNMT's older `subjectAltName`, and the administration's
//! "Perfiles de certificados" (seals and public employees, arc 2.16.724.1.3.5).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asn1::{Element, Reader, tag};
use super::certificate::{Certificate, name_attributes};
use super::identifier::{self, IdType};
use super::oid;

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
    /// Its name.
    #[schema(example = "Obras del Sur, S. L.")]
    pub name: Option<String>,
}

/// What the names of a certificate say, gathered before it is weighed.
#[derive(Default)]
struct Names {
    common_name: Option<String>,
    given_name: Option<String>,
    surname: Option<String>,
    second_surname: Option<String>,
    serial_number: Option<String>,
    pseudonym: Option<String>,
    organization: Option<String>,
    organization_identifier: Option<String>,
    person_id: Option<String>,
    entity_id: Option<String>,
}

/// Reads who signed from a certificate. Never fails: what is missing stays empty.
#[must_use]
pub fn signer(certificate: &Certificate<'_>) -> Signer {
    let mut names = Names::default();
    for (oid, value) in name_attributes(certificate.subject) {
        names.subject(oid, value);
    }
    if let Some(extension) = certificate.extension(oid::SUBJECT_ALT_NAME) {
        names.alternative(extension.value);
    }
    let (qualified, seal_type) = qualified_statements(certificate);
    names.weigh(qualified, seal_type)
}

impl Names {
    fn subject(&mut self, oid: &[u8], value: Element<'_>) {
        let slot = match oid {
            oid::COMMON_NAME => &mut self.common_name,
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

    fn weigh(self, qualified: bool, seal_type: bool) -> Signer {
        let surnames = match (self.surname, self.second_surname) {
            // Both surnames stand together in the European attribute: the second is not said twice.
            (Some(first), Some(second)) if !first.ends_with(&second) => Some(format!("{first} {second}")),
            (first, second) => first.or(second),
        };
        let common_name = self.common_name.unwrap_or_default();
        let serial = self.serial_number.as_deref().and_then(identifier::read);
        let entity = (self.organization_identifier.as_deref().and_then(identifier::read))
            .or_else(|| self.entity_id.as_deref().and_then(identifier::read));
        let person = (self.person_id.as_deref().and_then(identifier::read))
            .or_else(|| serial.clone().filter(|id| id.id_type != IdType::Cif))
            .or_else(|| identifier::in_common_name(&common_name));
        let entity = entity.or_else(|| serial.filter(|id| id.id_type == IdType::Cif));

        let names_a_person = self.given_name.is_some() || surnames.is_some() || person.is_some();
        let names_an_organization = entity.is_some() || self.organization.is_some();
        let seal = seal_type || (names_an_organization && !names_a_person && self.pseudonym.is_none());
        let organization = names_an_organization.then(|| Organization {
            id: entity.as_ref().map(|entity| entity.id.clone()),
            name: self.organization.clone(),
        });
        let name = match (&self.given_name, &surnames) {
            _ if seal => self.organization.unwrap_or(common_name),
            (Some(given), Some(surnames)) => format!("{given} {surnames}"),
            _ if !common_name.is_empty() => identifier::common_name_alone(&common_name).to_owned(),
            (Some(name), None) | (None, Some(name)) => name.clone(),
            (None, None) => self.pseudonym.unwrap_or_default(),
        };
        let id = if seal { entity.or(person) } else { person };
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

/// Keeps the first value: the subject's own attributes come before the alternative names.
fn fill(slot: &mut Option<String>, value: Element<'_>) {
    let text = value.text();
    let text = text.trim();
    if slot.is_none() && !text.is_empty() {
        *slot = Some(text.to_owned());
    }
}

/// Whether the certificate states that it is qualified, and that its type is a seal (EN 319 412-5 § 4.2.1 and 4.2.3).
fn qualified_statements(certificate: &Certificate<'_>) -> (bool, bool) {
    let (mut qualified, mut seal) = (false, false);
    let Some(extension) = certificate.extension(oid::QC_STATEMENTS) else { return (false, false) };
    let Ok(mut statements) = Reader::new(extension.value).sequence() else { return (false, false) };
    while let Ok(mut statement) = statements.sequence() {
        match statement.oid() {
            Ok(oid::QC_COMPLIANCE) => qualified = true,
            Ok(oid::QC_TYPE) => {
                let mut types = statement.sequence().unwrap_or(Reader::new(&[]));
                while let Ok(name) = types.oid() {
                    seal |= name == oid::QC_TYPE_ESEAL;
                }
            }
            _ => {}
        }
    }
    (qualified, seal)
}
