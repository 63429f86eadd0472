//! People and companies that do not exist, with identifiers whose check characters hold.

use super::chance::Chance;
use crate::domain::IdType;
use crate::domain::identifier::{self, IdError};

/// Somebody, as an older system writes them down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The type of the identifier.
    pub id_type: &'static str,
    /// The identifier.
    pub id: String,
    /// Surnames, then given name; or the company's name.
    pub name: String,
}

const GIVEN: [&str; 20] = [
    "ANA",
    "ANTONIO",
    "CARMEN",
    "CRISTINA",
    "DAVID",
    "DOLORES",
    "ELENA",
    "FRANCISCO",
    "ISABEL",
    "JAVIER",
    "JOSÉ",
    "JUAN",
    "LAURA",
    "LUCÍA",
    "MANUEL",
    "MARÍA",
    "MIGUEL",
    "PILAR",
    "RAFAEL",
    "TERESA",
];
const SURNAMES: [&str; 20] = [
    "ALONSO",
    "CABELLO",
    "DÍAZ",
    "FERNÁNDEZ",
    "GARCÍA",
    "GÓMEZ",
    "GONZÁLEZ",
    "GUERRERO",
    "LÓPEZ",
    "MARTÍN",
    "MORENO",
    "MUÑOZ",
    "NÚÑEZ",
    "PÉREZ",
    "RAMÍREZ",
    "RODRÍGUEZ",
    "ROMERO",
    "RUIZ",
    "SÁNCHEZ",
    "VÁZQUEZ",
];
const TRADES: [&str; 10] = [
    "ASESORÍA",
    "CAFETERÍA",
    "CONSTRUCCIONES",
    "ELECTRICIDAD",
    "FERRETERÍA",
    "INMOBILIARIA",
    "JARDINERÍA",
    "PANADERÍA",
    "REFORMAS",
    "TRANSPORTES",
];
const PLACES: [&str; 8] =
    ["ALAMEDA", "DEL PUERTO", "EL OLIVAR", "LA FUENTE", "LA VEGA", "LAS LOMAS", "LOS NARANJOS", "MIRAMAR"];

/// Somebody who lives in the town; one in fifteen is a foreigner.
pub fn neighbour(chance: &mut Chance) -> Person {
    let name = format!("{} {}, {}", chance.one(&SURNAMES), chance.one(&SURNAMES), chance.one(&GIVEN));
    // No such numbers were given out: identity cards are not near 99 million, nor foreigners' numbers near X 9.9 million.
    let (id_type, stem) = match chance.below(15) {
        0 => (IdType::Nie, format!("X99{:05}", chance.below(100_000))),
        _ => (IdType::Nif, format!("99{:06}", chance.below(1_000_000))),
    };
    Person { id_type: id_type.as_str(), id: complete(id_type, &stem), name }
}

/// A company, an association or a community of owners.
pub fn company(chance: &mut Chance) -> Person {
    let place = *chance.one(&PLACES);
    let (form, name) = match chance.below(8) {
        0 => ('G', format!("ASOCIACIÓN VECINAL {place}")),
        1 => ('H', format!("COMUNIDAD DE PROPIETARIOS {place}")),
        2 => ('A', format!("{} {place}, S. A.", chance.one(&TRADES))),
        _ => ('B', format!("{} {place}, S. L.", chance.one(&TRADES))),
    };
    // No province has the number 00.
    let stem = format!("{form}00{:05}", chance.below(100_000));
    Person { id_type: IdType::Cif.as_str(), id: complete(IdType::Cif, &stem), name }
}

/// The identifier that begins like this, with its check character.
fn complete(id_type: IdType, stem: &str) -> String {
    let with = |last: char| format!("{stem}{last}");
    match identifier::normalise(id_type, &with('A')) {
        Err(IdError::CheckCharacter([Some(right), _] | [None, Some(right)])) => with(right),
        _ => with('A'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_is_found() {
        assert_eq!(complete(IdType::Nif, "12345678"), "12345678Z");
        assert_eq!(complete(IdType::Cif, "B5837843"), "B58378431");
        assert_eq!(complete(IdType::Nie, "X5253868"), "X5253868R");
    }

    #[test]
    fn everybody_has_a_number_that_holds() {
        let mut chance = Chance::new(7);
        for person in (0..500).map(|_| neighbour(&mut chance)).collect::<Vec<_>>() {
            assert!(identifier::tell(&person.id).is_some(), "{person:?}");
        }
        for person in (0..500).map(|_| company(&mut chance)).collect::<Vec<_>>() {
            assert_eq!(identifier::tell(&person.id), Some(IdType::Cif), "{person:?}");
        }
    }
}
