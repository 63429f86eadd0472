//! Who somebody is: an identifier, of what kind it is, and which country gave it.
//!
//! # Why
//! `00000000T` is a Spaniard's number, and may be a Cypriot's tax number as well; two countries number their passports
//! without asking each other. So an identifier alone says nothing of who somebody is. Wherever two persons are compared
//! (who signed and who is a party, who calls and whose entry it is) it is this value that is compared, and the country
//! is part of it.

use super::country::Country;
use super::identifier::{self, IdError};
use super::{IdType, Person};

/// An identifier with its kind and country. Of the kinds that Spain gives, the country is Spain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    id_type: IdType,
    country: Option<Country>,
    id: String,
}

/// Why something identifies nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The identifier is not one of its kind.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Another country gives no such identifier.
    #[error("must be ES or absent: an id of type {0} is given by Spain")]
    Country(IdType),
}

impl Identity {
    /// The identity with this identifier, normalised. Without a country a passport or other document is of a country
    /// that nobody stated.
    ///
    /// # Errors
    /// [`IdentityError`] when there can be none such; it never repeats the identifier.
    pub fn new(id_type: IdType, country: Option<Country>, id: &str) -> Result<Self, IdentityError> {
        Ok(Self { id_type, country: id_type.country(country)?, id: identifier::normalise(id_type, id)? })
    }

    /// What kind of identifier it is.
    #[must_use]
    pub fn id_type(&self) -> IdType {
        self.id_type
    }

    /// The identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The country that gave it; none where nobody stated it.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        if self.id_type.is_spanish() { Some(Country::SPAIN) } else { self.country }
    }

    /// Whether the other is certainly the same person or body: same kind, same country, same identifier. A document of a
    /// country that nobody stated is nobody's for certain. Letter case tells no two documents apart.
    #[must_use]
    pub fn is_certainly(&self, other: &Self) -> bool {
        self.id_type == other.id_type
            && self.country().is_some()
            && self.country() == other.country()
            && self.id.eq_ignore_ascii_case(&other.id)
    }

    /// Whether it is certainly this person or body.
    #[must_use]
    pub fn is(&self, person: &Person) -> bool {
        person.identity().is_some_and(|identity| self.is_certainly(&identity))
    }
}

/// As it stands on what somebody does, and before the keys they send: `nif:00000000T`, `passport:PT:AB123456`.
impl std::fmt::Display for Identity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.country.filter(|_| !self.id_type.is_spanish()) {
            Some(country) => write!(out, "{}:{country}:{}", self.id_type, self.id),
            None => write!(out, "{}:{}", self.id_type, self.id),
        }
    }
}

impl IdType {
    /// Whether Spain gives such identifiers, and nobody else.
    #[must_use]
    pub const fn is_spanish(self) -> bool {
        matches!(self, Self::Nif | Self::Nie | Self::Cif | Self::Dir3)
    }

    /// The country to keep beside an identifier of this kind: none where the kind tells it.
    ///
    /// # Errors
    /// [`IdentityError::Country`] when that country gives no such identifiers.
    pub fn country(self, stated: Option<Country>) -> Result<Option<Country>, IdentityError> {
        match stated {
            Some(country) if self.is_spanish() && country != Country::SPAIN => Err(IdentityError::Country(self)),
            Some(_) if self.is_spanish() => Ok(None),
            stated => Ok(stated),
        }
    }
}

impl Person {
    /// Who it is; none where the identifier is none of its kind, as in a book of an older system.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        Identity::new(self.id_type, self.id_country, &self.id).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn of(id_type: IdType, country: &str, id: &str) -> Identity {
        Identity::new(id_type, country.parse().ok(), id).unwrap()
    }

    #[rstest]
    #[case::passports_of_two_countries(of(IdType::Passport, "PT", "AB123456"), of(IdType::Passport, "FR", "AB123456"))]
    #[case::cards_of_two_countries(of(IdType::Other, "PT", "12345678"), of(IdType::Other, "RO", "12345678"))]
    #[case::a_cypriot_tax_number(of(IdType::Other, "CY", "00000000T"), of(IdType::Nif, "", "00000000T"))]
    #[case::spains_other_document(of(IdType::Other, "ES", "00000000T"), of(IdType::Nif, "ES", "00000000T"))]
    #[case::an_austrian_company(of(IdType::Other, "AT", "U12345674"), of(IdType::Cif, "", "U12345674"))]
    #[case::a_passport_and_a_card(of(IdType::Passport, "PT", "12345678"), of(IdType::Other, "PT", "12345678"))]
    #[case::a_country_that_nobody_stated(of(IdType::Passport, "", "AB123456"), of(IdType::Passport, "PT", "AB123456"))]
    #[case::both_of_countries_that_nobody_stated(of(IdType::Passport, "", "AB1"), of(IdType::Passport, "", "AB1"))]
    fn these_are_two(#[case] one: Identity, #[case] other: Identity) {
        assert!(!one.is_certainly(&other) && !other.is_certainly(&one));
    }

    #[rstest]
    #[case(of(IdType::Nif, "", "00000000t"), of(IdType::Nif, "ES", "00.000.000-T"))]
    #[case(of(IdType::Passport, "PT", "ab123456"), of(IdType::Passport, "pt", "AB123456"))]
    fn these_are_one(#[case] one: Identity, #[case] other: Identity) {
        assert!(one.is_certainly(&other));
    }

    #[test]
    fn no_other_country_gives_a_nif() {
        let portugal = "PT".parse().ok();
        for id_type in IdType::ALL {
            let told = Identity::new(*id_type, portugal, "12345678Z");
            assert_eq!(told.is_err(), id_type.is_spanish(), "{id_type}");
        }
        let error = Identity::new(IdType::Nif, portugal, "12345678Z").unwrap_err();
        assert_eq!(error.to_string(), "must be ES or absent: an id of type nif is given by Spain");
    }

    #[test]
    fn owners_of_two_countries_have_two_names() {
        assert_eq!(of(IdType::Nif, "ES", "00000000T").to_string(), "nif:00000000T");
        assert_eq!(of(IdType::Passport, "PT", "A1").to_string(), "passport:PT:A1");
        assert_eq!(of(IdType::Passport, "", "A1").to_string(), "passport:A1");
    }
}
