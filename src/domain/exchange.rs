//! What the exchange between registries knows of an entry beside its own fields (SICRES 4.0 `De_Origen_o_Remitente`,
//! `De_Internos_Control`, metadata lists).
//!
//! # Why
//! Every field is optional, and what was not said is absent: the record of an entry from before these fields existed, or
//! without them, is the same byte by byte.

use utoipa::ToSchema;

/// The longest code of an office or a unit.
pub const CODE: usize = 21;
/// The shortest code of an office.
const OFFICE: usize = 9;
/// The longest exchange identifier: an office, a year of two digits and a number of eight.
pub const IDENTIFIER: usize = CODE + 12;

/// Where an entry comes from: the body that sends it, and how it stands in that body's register (Ley 39/2015 art. 16.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct Origin {
    /// The unit that sends it (`Codigo_Unidad_Tramitacion_Origen`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "L01290080", max_length = 21, nullable = false)]
    pub unit: Option<String>,
    /// What the unit is called (`Decodificacion_Unidad_Tramitacion_Origen`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ayuntamiento de ejemplo", max_length = 120, nullable = false)]
    pub unit_name: Option<String>,
    /// The office that registered it there (`Codigo_Entidad_Registral_Origen`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "O00002741", min_length = 9, max_length = 21, nullable = false)]
    pub office: Option<String>,
    /// What the office is called (`Decodificacion_Entidad_Registral_Origen`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Registro general", max_length = 120, nullable = false)]
    pub office_name: Option<String>,
    /// Its number there (`Numero_Registro_Entrada`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "REGAGE26e00012345678", max_length = 20, nullable = false)]
    pub number: Option<String>,
    /// When it was registered there (`Fecha_Hora_Registro`): RFC 3339, as it was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02T09:30:00+01:00", format = DateTime, nullable = false)]
    pub registered_at: Option<String>,
}

/// Which exchange it belongs to, and who sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct Exchange {
    /// The exchange's identifier, which stays the same however often it is sent on (`Identificador_Intercambio`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "O00002741_26_90000266", max_length = 33, nullable = false)]
    pub id: Option<String>,
    /// The exchange that this one puts right (`Identificador_Intercambio_Previo`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "O00002741_26_90000123", max_length = 33, nullable = false)]
    pub previous_id: Option<String>,
    /// The office where the exchange began, with which its identifier begins (`Codigo_Entidad_Registral_Inicio`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "O00002741", min_length = 9, max_length = 21, nullable = false)]
    pub first_office: Option<String>,
    /// What that office is called (`Decodificacion_Entidad_Registral_Inicio`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Registro general", max_length = 120, nullable = false)]
    pub first_office_name: Option<String>,
    /// The unit where it began (`Codigo_Unidad_Tramitacion_Inicio`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "L01290080", max_length = 21, nullable = false)]
    pub first_unit: Option<String>,
    /// What that unit is called (`Decodificacion_Unidad_Tramitacion_Inicio`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ayuntamiento de ejemplo", max_length = 120, nullable = false)]
    pub first_unit_name: Option<String>,
    /// Who can be asked about it (`Nombre_Usuario`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "María Ruiz Vega", max_length = 80, nullable = false)]
    pub user_name: Option<String>,
    /// How they are reached (`Contacto_Usuario`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "registro@example.org", max_length = 160, nullable = false)]
    pub user_contact: Option<String>,
}

/// Metadata of an entry or a document, by who needs them (`Otros_Metadatos_Generales`, `Otros_Metadatos_Particulares`).
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct Metadata {
    /// Those that every body knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub general: Vec<MetadataItem>,
    /// Those that bodies agreed on among themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub particular: Vec<MetadataItem>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct MetadataItem {
    /// What it is called (`Campo`).
    #[schema(example = "Idioma", min_length = 1, max_length = 80)]
    pub name: String,
    /// What it says (`Valor`).
    #[schema(example = "es", min_length = 1, max_length = 4000)]
    pub value: String,
}

/// Takes the code of a unit: letters and digits.
///
/// # Errors
/// What it must be.
pub fn check_unit(code: &str) -> Result<String, &'static str> {
    let plain = !code.is_empty() && code.len() <= CODE && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| code.to_owned()).ok_or("must be a DIR3 code of at most 21 letters and digits, as L01290075")
}

/// Takes the code of an office: a DIR3 code of at least nine letters and digits.
///
/// # Errors
/// What it must be.
pub fn check_office(code: &str) -> Result<String, &'static str> {
    let office = check_unit(code).ok().filter(|code| code.len() >= OFFICE);
    office.ok_or("must be the DIR3 code of an office, of 9 to 21 letters and digits, as O00002741")
}

/// Takes an exchange identifier: the office where it began, the year in two digits and a number of eight, as
/// `O00002741_26_90000266`.
///
/// # Errors
/// What it must be.
pub fn check_identifier(id: &str) -> Result<String, &'static str> {
    let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = id.split('_').collect();
    let holds = match parts.as_slice() {
        [office, year, number] => check_office(office).is_ok() && digits(year, 2) && digits(number, 8),
        _ => false,
    };
    if holds { Ok(id.to_owned()) } else { Err("must be office_year_number, as O00002741_26_90000266") }
}

impl Metadata {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.general.is_empty() && self.particular.is_empty()
    }
}

impl MetadataItem {
    /// The longest value: SICRES sets no limit.
    pub const VALUE: usize = 4000;
    /// The longest name.
    pub const NAME: usize = 80;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_an_office_a_year_and_a_number() {
        let longest = format!("{}_26_90000266", "O".repeat(21));
        assert_eq!(longest.len(), IDENTIFIER);
        for good in ["O00002741_26_90000266", longest.as_str()] {
            assert_eq!(check_identifier(good).as_deref(), Ok(good));
        }
        for wrong in [
            "",
            "O00002741",
            "O00002741_2026_90000266",
            "O00002741_26_9000026",
            "O0000274_26_90000266",
            "O00002741_26_90000266_1",
            "O00002741_2٣_90000266",
            "O00002741-26-90000266",
        ] {
            assert!(check_identifier(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn codes_are_letters_and_digits_of_the_right_length() {
        assert!(check_unit("L01290075").is_ok() && check_unit("A").is_ok() && check_office("O00002741").is_ok());
        for wrong in ["", "L0129 0075", "L0129007ñ", "1234567890123456789012"] {
            assert!(check_unit(wrong).is_err() && check_office(wrong).is_err(), "{wrong}");
        }
        assert!(check_office("O0000274").is_err());
    }

    /// What was not said is not in the record.
    #[test]
    fn what_is_absent_is_not_written() {
        assert_eq!(serde_json::to_string(&Origin::default()).unwrap(), "{}");
        assert_eq!(serde_json::to_string(&Exchange::default()).unwrap(), "{}");
        assert_eq!(serde_json::to_string(&Metadata::default()).unwrap(), "{}");
    }
}
