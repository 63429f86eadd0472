//! The names in a certificate, and whose they are.
//!
//! # Why
//! An identifier is believed where a standard or a known issuer puts it, and only beside the name of the person whose it
//! is; from a common name only in the forms of [`issuer_forms`]. Where two places name two persons, nobody is known; and
//! so it is where one place does: an attribute that stands twice with two values, or that holds what is no text, was
//! written by somebody who wanted two readers to see two persons, or was not checked by its authority.
//!
//! Who is not named like a person is none. For an identifier of Spain both names must stand beside it (art. 6.1 Ley
//! 6/2020), but a foreigner's (NIE), whose one name may be all there is; for another country's one of them is enough
//! (EN 319 412-2 § 4.2.4). A natural person's identifier is no organization's: a seal is a legal person's (art. 3.24
//! Regulation (EU) 910/2014), and whoever states one in its place has no seal and represents nobody.

use super::asn1::{Element, Reader, tag};
use super::certificate::{Certificate, names_in};
use super::identifier::{self, IdType, Identifier};
use super::identity::{Organization, Signer};
use super::{issuer_forms, oid};

/// Where an attribute stands. Of two places the first that has it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Subject,
    /// FNMT's names in the `subjectAltName`.
    Fnmt,
    /// The administration's.
    Administration,
}

/// One attribute.
#[derive(Default)]
struct Slot(Option<(Place, String)>);

impl Slot {
    fn get(&self) -> Option<&str> {
        self.0.as_ref().map(|(_, text)| text.as_str())
    }
}

/// What the names of a certificate say, gathered before it is weighed.
#[derive(Default)]
pub struct Names {
    common_name: Slot,
    country: Slot,
    given_name: Slot,
    surname: Slot,
    second_surname: Slot,
    serial_number: Slot,
    pseudonym: Slot,
    organization: Slot,
    organization_identifier: Slot,
    person_id: Slot,
    entity_id: Slot,
    /// Whether the alternative names are those of the administration's seals.
    pub administration_seal: bool,
    /// Whether an attribute says two things, or nothing that can be read.
    ambiguous: bool,
}

impl Names {
    /// Reads the names of a certificate.
    pub fn of(certificate: &Certificate<'_>) -> Self {
        let mut names = Self::default();
        names.ambiguous |= !names_in(certificate.subject, |oid, value| names.subject(oid, value));
        if let Some(extension) = certificate.extension(oid::SUBJECT_ALT_NAME) {
            names.alternative(extension.value);
        }
        names
    }

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
        self.ambiguous |= !fill(slot, Place::Subject, value);
    }

    /// Directory names in the `subjectAltName`: FNMT's and the administration's, which older certificates have
    /// instead of the European attributes.
    fn alternative(&mut self, extension: &[u8]) {
        let Ok(mut list) = Reader::new(extension).sequence() else { return };
        while let Ok(general_name) = list.element() {
            if general_name.tag == tag::context_constructed(4) {
                self.ambiguous |= !names_in(general_name.content, |oid, value| self.alternative_name(oid, value));
            }
        }
    }

    fn alternative_name(&mut self, oid: &[u8], value: Element<'_>) {
        let (place, slot) = if let Some(&[field]) = oid.strip_prefix(oid::FNMT) {
            let slot = match field {
                1 => &mut self.given_name,
                2 => &mut self.surname,
                3 => &mut self.second_surname,
                4 => &mut self.person_id,
                6 => &mut self.organization,
                7 => &mut self.entity_id,
                _ => return,
            };
            (Place::Fnmt, slot)
        } else if let Some(&[kind, _level, field]) = oid.strip_prefix(oid::SPANISH_ADMINISTRATION) {
            // Kinds 3 and 7 are public employees, 2 and 6 seals (old and new numbering).
            let employee = matches!(kind, 3 | 7);
            self.administration_seal |= matches!(kind, 2 | 6);
            let slot = match field {
                2 => &mut self.organization,
                3 => &mut self.entity_id,
                4 if employee => &mut self.person_id,
                6 if employee => &mut self.given_name,
                7 if employee => &mut self.surname,
                8 if employee => &mut self.second_surname,
                _ => return,
            };
            (Place::Administration, slot)
        } else {
            return;
        };
        self.ambiguous |= !fill(slot, place, value);
    }

    /// Whether bare identifiers are Spain's: those of Spanish issuers' subjects.
    fn is_spanish(&self) -> bool {
        self.country.get().is_some_and(|country| country.eq_ignore_ascii_case("ES"))
    }

    /// An identifier that says whose it is; a bare one where the subject is Spain's.
    fn read(&self, text: Option<&str>) -> Option<Identifier> {
        let text = text?;
        identifier::semantic(text).or_else(|| self.is_spanish().then(|| identifier::spanish_alone(text)).flatten())
    }

    /// The person whose names stand in the certificate.
    fn person(&self, surnames: Option<&str>) -> Option<Identifier> {
        let (given_name, surnames) = match (self.given_name.get(), surnames) {
            (Some(given_name), Some(surnames)) => (given_name, surnames),
            (None, None) => return None,
            _ => {
                let stated = self.serial_number.get().and_then(identifier::natural)?;
                let one_name_is_enough = stated.country.is_some() || stated.id_type != IdType::Nif;
                return one_name_is_enough.then_some(stated).filter(is_persons);
            }
        };
        let read = |text: &str| {
            let bare = || self.is_spanish().then(|| identifier::spanish_alone(text)).flatten();
            identifier::natural(text).or_else(bare)
        };
        let serial = self.serial_number.get().and_then(read).filter(is_persons);
        let alternative = self.person_id.get();
        let alternative = alternative.and_then(|id| identifier::natural(id).or_else(|| identifier::spanish_alone(id)));
        match (serial, alternative.filter(is_persons)) {
            (Some(one), Some(other)) => (one == other).then_some(one),
            (Some(only), None) | (None, Some(only)) => Some(only),
            (None, None) => {
                let read = issuer_forms::read(self.common_name.get()?).filter(|_| self.is_spanish())?;
                issuer_forms::names_person(read.name, given_name, surnames).then_some(read.id)
            }
        }
    }

    /// The legal person or body that the certificate names.
    fn entity(&self) -> Option<Identifier> {
        let bare = |text: &str| self.is_spanish().then(|| identifier::spanish_alone(text)).flatten();
        let stated = self.organization_identifier.get();
        let stated = stated.and_then(|text| identifier::legal(text).or_else(|| bare(text)));
        let alternative = self.entity_id.get();
        let alternative = alternative.and_then(|id| identifier::legal(id).or_else(|| identifier::spanish_alone(id)));
        match (stated, alternative) {
            (Some(one), Some(other)) => (one == other).then_some(one),
            (Some(only), None) | (None, Some(only)) => Some(only),
            (None, None) => self.read(self.serial_number.get()).filter(|id| id.id_type == IdType::Cif),
        }
    }

    /// Who it is, as these names say.
    pub fn weigh(self, qualified: bool, seal: bool) -> Signer {
        let surnames = match (self.surname.get(), self.second_surname.get()) {
            // Both surnames stand together in the European attribute: the second is not said twice.
            (Some(first), Some(second)) if !first.ends_with(second) => Some(format!("{first} {second}")),
            (first, second) => first.or(second).map(str::to_owned),
        };
        let is_known = |id: &Identifier| !self.ambiguous && !id.id.is_empty();
        let person = self.person(surnames.as_deref()).filter(is_known);
        // Somebody's own number as that of a business is no organization's.
        let entity = self.entity().filter(is_known).filter(|entity| person.as_ref() != Some(entity));
        let common_name = self.common_name.get().unwrap_or_default().to_owned();
        let own = |slot: &Slot| slot.get().map(str::to_owned);
        let (given_name, organization_name) = (own(&self.given_name), own(&self.organization));
        let names_a_person = given_name.is_some() || surnames.is_some() || self.pseudonym.get().is_some();
        let names_an_organization = entity.is_some() || organization_name.is_some();
        let organization = names_an_organization.then(|| Organization {
            id: entity.as_ref().map(|entity| entity.id.clone()),
            id_country: entity.as_ref().and_then(|entity| entity.country.clone()),
            name: organization_name.clone(),
        });
        let name = match (&given_name, &surnames) {
            _ if seal || (names_an_organization && !names_a_person) => organization_name.unwrap_or(common_name),
            (Some(given), Some(surnames)) => format!("{given} {surnames}"),
            _ if !common_name.is_empty() => common_name,
            (Some(name), None) | (None, Some(name)) => name.clone(),
            (None, None) => own(&self.pseudonym).unwrap_or_default(),
        };
        let id = if seal { entity.filter(is_organizations) } else { person };
        Signer {
            name,
            id_type: id.as_ref().map(|id| id.id_type),
            id_country: id.as_ref().and_then(|id| id.country.clone()),
            id: id.map(|id| id.id),
            organization,
            qualified,
            seal,
            given_name,
            surnames,
        }
    }
}

/// Whether an identifier can be a natural person's.
fn is_persons(id: &Identifier) -> bool {
    id.id_type != IdType::Cif
}

/// Whether it can be an organization's.
fn is_organizations(id: &Identifier) -> bool {
    matches!(id.id_type, IdType::Cif | IdType::Other)
}

/// Keeps the value of the first place; whether the attribute still says one thing only.
fn fill(slot: &mut Slot, place: Place, value: Element<'_>) -> bool {
    let Some(text) = value.text_as_written().filter(|text| !text.chars().any(is_hidden)) else { return false };
    let text = text.trim_matches(' ');
    match &slot.0 {
        _ if text.is_empty() => true,
        None => {
            slot.0 = Some((place, text.to_owned()));
            true
        }
        Some((first, said)) => *first != place || said == text,
    }
}

/// Whether a character is not seen, or moves what is: a reader of the name would see another text.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
}
